//! The status line, which is the bottom border: what is marked on the left, a word or the failures on the right.

use ratatui::buffer::Buffer;

use super::{bars, paint};
use crate::mail::units::{bytes, plural};
use crate::ui::layout::Layout;
use crate::ui::marks::Totals;
use crate::ui::model::Model;
use crate::ui::pane::Side;
use crate::ui::theme::Theme;

/// Draws the status line.
pub(super) fn draw(buf: &mut Buffer, layout: &Layout, model: &Model, theme: Theme) {
    let area = layout.status;
    let style = theme.border(false);
    paint::line(buf, area, ("└", "┘"), style);
    if layout.bars.height == 0
        && let (Some(local), Some(remote)) = (layout.local, layout.remote)
    {
        paint::text(buf, local.frame.right() - 1, area.y, 1, "┴", style);
        paint::text(buf, remote.frame.x, area.y, 1, "┴", style);
    }
    let pane = model.pane(model.side);
    let marked = marked(pane.marks.totals(), model.side);
    let after = paint::title(buf, area, &marked, if pane.marks.is_empty() { theme.text() } else { theme.marked() });
    let troubles = model.queue.current().and_then(|job| bars::troubles(&job.progress));
    let (words, style) = match (&model.note, troubles) {
        (Some(note), _) if note.is_bad => (format!("! {}", note.text), theme.bad()),
        (Some(note), _) => (note.text.clone(), theme.good()),
        (None, Some(troubles)) => (format!("! {troubles}"), theme.bad()),
        (None, None) if model.is_shown && model.queue.current().is_some() => ("0 failed".into(), theme.text()),
        (None, None) => (String::new(), theme.text()),
    };
    paint::title_right(buf, area, after, &words, style);
}

/// `1 folder, 401 messages, 38.1 MB marked`.
fn marked(totals: Totals, side: Side) -> String {
    if totals == Totals::default() {
        return "nothing marked".into();
    }
    let at_least = if totals.uncounted > 0 { "≥" } else { "" };
    let mut parts = Vec::new();
    if totals.folders > 0 {
        parts.push(plural(totals.folders, "folder"));
    }
    parts.push(format!("{at_least}{}", plural(totals.messages, "message")));
    // The server's counts come without sizes.
    if side == Side::Local || totals.folders == 0 {
        parts.push(format!("{at_least}{}", bytes(totals.bytes)));
    }
    let counting = if totals.uncounted > 0 { " (counting…)" } else { "" };
    format!("{} marked{counting}", parts.join(", "))
}
