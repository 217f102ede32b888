//! Draws the state and changes nothing.
//!
//! ```text
//! ┌ Local ─ /mnt/old-pc ───────┐┌ anna@mail.example.org ─ TLS ┐   panes: two of one kind, folders (tree)
//! ├ Bridge ─ 401 messages ─────┤├ Archive ─ empty ────────────┤   over messages (list)
//! ├───────────────────────────────────────────────────────────┤   bars: only with a transfer
//! └ 1 folder, 401 messages, 38.1 MB marked ─────── 0 failed ──┘   status
//!  1Help  3View  4Rename  5Copy  6Move  7New  8Delete  10Quit     keybar
//! ```

pub(crate) mod bars;
mod keybar;
mod list;
pub(crate) mod paint;
mod panes;
mod status;
mod tree;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use tui_tree_widget::TreeState;

use super::model::Model;
use super::pane::Side;
use super::theme::Theme;

/// What the tree widget remembers between frames: how far each tree is scrolled.
#[derive(Default)]
pub(crate) struct Scrolls {
    local: TreeState<usize>,
    remote: TreeState<usize>,
}

impl Scrolls {
    /// The first folder shown on the left and on the right, counted from the top of what is open.
    pub(crate) fn tops(&self) -> [usize; 2] {
        [self.local.get_offset(), self.remote.get_offset()]
    }
}

/// Draws everything.
pub(crate) fn view(frame: &mut Frame<'_>, model: &Model, scrolls: &mut Scrolls, theme: Theme) {
    let area = frame.area();
    if (area.width, area.height) == model.size {
        draw(frame.buffer_mut(), model, scrolls, theme);
    }
    if theme.ascii {
        paint::asciify(frame.buffer_mut());
    }
}

fn draw(buf: &mut Buffer, model: &Model, scrolls: &mut Scrolls, theme: Theme) {
    let layout = model.layout();
    if layout.is_too_small {
        too_small(buf, theme);
        return;
    }
    for (side, scroll) in [(Side::Local, &mut scrolls.local), (Side::Remote, &mut scrolls.remote)] {
        if let Some(place) = layout.pane(side) {
            panes::draw(buf, place, model, side, scroll, theme);
        }
    }
    bars::draw(buf, &layout, model, theme);
    status::draw(buf, &layout, model, theme);
    keybar::draw(buf, layout.keys, model, theme);
    for dialog in &model.dialogs {
        dialog.draw(buf, model, theme);
    }
}

fn too_small(buf: &mut Buffer, theme: Theme) {
    let area = buf.area;
    let words = ["The terminal is too small:", "mailferry needs 40x10.", "What runs goes on."];
    for (line, y) in words.iter().zip(area.y..area.bottom()) {
        paint::text(buf, area.x, y, area.width, line, theme.text());
    }
}
