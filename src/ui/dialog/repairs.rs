//! Which repairs are made, and which are asked for.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::scroll::moved;
use super::{Answer, Command, closes};
use crate::mail::Repair;
use crate::ui::layout::centred;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// The list of repairs; how each stands is in the model.
#[derive(Default)]
pub(crate) struct Repairs {
    cursor: usize,
}

/// What a repair does, for people.
pub(crate) fn words(repair: Repair) -> &'static str {
    match repair {
        Repair::FromLine => "a \"From \" line before the header is left out",
        Repair::Nul => "NUL bytes are left out",
        Repair::EightBitHeaders => "raw bytes in header fields become encoded words",
        Repair::LongLines => "texts with over-long lines become base64",
        Repair::Empty => "an empty message becomes one that says so",
    }
}

/// How a repair stands.
fn state(model: &Model, repair: Repair) -> &'static str {
    match (model.repairs.contains(&repair), model.asks.contains(&repair)) {
        (true, _) => "on",
        (_, true) => "ask",
        _ => "off",
    }
}

impl Repairs {
    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        match key.code {
            _ if closes(key) => Answer::Close,
            KeyCode::Char('R') => Answer::Close,
            KeyCode::Char(' ') | KeyCode::Enter => {
                let repair = Repair::ALL.get(self.cursor).copied();
                repair.map_or(Answer::Stay, |repair| Answer::Do(Command::NextWish(repair)))
            }
            _ => {
                let page = usize::from(model.size.1);
                self.cursor = moved(key, self.cursor, Repair::ALL.len(), page).unwrap_or(self.cursor);
                Answer::Stay
            }
        }
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let area = centred(model.size, 76, 11);
        let inside = paint::window(buf, area, "Repairs", "Space off, ask, on   Esc close", theme, false);
        for ((number, repair), y) in Repair::ALL.into_iter().enumerate().zip(inside.y..inside.bottom()) {
            let look = if number == self.cursor { theme.text() } else { theme.marked() };
            paint::text(buf, inside.x, y, 5, state(model, repair), look);
            paint::text(buf, inside.x + 5, y, 14, repair.label(), theme.text());
            paint::text(buf, inside.x + 19, y, inside.width.saturating_sub(19), words(repair), theme.text());
            if number == self.cursor {
                buf.set_style(Rect { y, height: 1, ..inside }, theme.cursor(true));
            }
        }
        let notes = [
            "Only messages that need it are changed, on the server alone, and each is told.",
            "Ask: such messages wait until the job's end; then you are asked.",
        ];
        let below = inside.y + u16::try_from(Repair::ALL.len()).unwrap_or_default() + 1;
        for (line, y) in
            notes.iter().flat_map(|note| paint::wrap(note, usize::from(inside.width))).zip(below..inside.bottom())
        {
            paint::text(buf, inside.x, y, inside.width, &line, theme.faint());
        }
    }
}
