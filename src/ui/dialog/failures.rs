//! What was not carried: one line each; Enter shows one in full.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;

use super::scroll::moved;
use super::{Answer, Command, closes};
use crate::mail::units::{plural, thousands};
use crate::transfer::Failed;
use crate::ui::layout::centred;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// The list of failures of the running or the last job.
#[derive(Default)]
pub(crate) struct Failures {
    cursor: usize,
}

fn failures(model: &Model) -> &[Failed] {
    model.job.as_ref().map_or(&[], |job| job.progress.failures.as_slice())
}

impl Failures {
    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        let total = failures(model).len();
        if closes(key) || key.code == KeyCode::Char('x') {
            return Answer::Close;
        }
        if key.code == KeyCode::Enter && self.cursor < total {
            return Answer::Do(Command::ShowFailure(self.cursor));
        }
        if let Some(there) = moved(key, self.cursor, total, usize::from(model.size.1.saturating_sub(6))) {
            self.cursor = there;
        }
        Answer::Stay
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let failures = failures(model);
        let area = centred(model.size, 120, model.size.1.saturating_sub(4));
        let title = format!("Not carried: {}", plural(failures.iter().map(|failed| failed.messages).sum(), "message"));
        let inside = paint::window(buf, area, &title, "Enter in full   Esc close", theme, !failures.is_empty());
        if failures.is_empty() {
            paint::text(buf, inside.x, inside.y, inside.width, "Nothing failed.", theme.good());
            return;
        }
        let rows = usize::from(inside.height.saturating_sub(3)).max(1);
        let top = (self.cursor + 1).saturating_sub(rows);
        let first = inside.width * 2 / 5;
        for ((at, failed), y) in failures.iter().enumerate().skip(top).take(rows).zip(inside.y..) {
            let what = match failed.messages {
                1 if !failed.subject.is_empty() => failed.subject.clone(),
                1 => failed.id.clone(),
                many => format!("{} ({} messages)", failed.folder, thousands(many)),
            };
            paint::text(buf, inside.x, y, first.saturating_sub(2), &what, theme.text());
            paint::text(buf, inside.x + first, y, inside.width - first, &failed.reason, theme.bad());
            if at == self.cursor {
                let line = ratatui::layout::Rect { y, height: 1, ..inside };
                buf.set_style(line, theme.cursor(true));
            }
        }
        if let Some(failed) = failures.get(self.cursor) {
            let y = inside.bottom().saturating_sub(2);
            let server =
                if failed.server_text.is_empty() { String::new() } else { format!("Server: {}", failed.server_text) };
            paint::text(buf, inside.x, y, inside.width, &server, theme.text());
            paint::text(buf, inside.x, y + 1, inside.width, &failed.hint, theme.hint());
        }
    }
}
