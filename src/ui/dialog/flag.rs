//! Which flag messages get or lose: one key more, after `!`.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Answer, Command};
use crate::mail::Flags;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// The keys, the flags, and their words. A capital letter takes the flag away.
const CHOICES: [(char, Flags, &str); 4] = [
    ('r', Flags::SEEN, "read"),
    ('f', Flags::FLAGGED, "flagged"),
    ('a', Flags::ANSWERED, "answered"),
    ('d', Flags::DELETED, "deleted"),
];

/// Waits for the key that says which.
pub(crate) struct FlagAs {
    /// What it is about, for people.
    pub about: String,
}

impl FlagAs {
    /// Takes a key.
    pub(crate) fn press(key: &KeyEvent) -> Answer {
        let KeyCode::Char(letter) = key.code else { return Answer::Close };
        let chosen = CHOICES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(&letter));
        chosen.map_or(Answer::Close, |(_, flags, _)| Answer::Finish(Command::Flag(*flags, letter.is_ascii_lowercase())))
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let (width, height) = model.size;
        let area = Rect::new(0, height.saturating_sub(3), width, 3.min(height));
        let inside = paint::window(buf, area, "Flag", "Esc cancel", theme, false);
        paint::title_right(buf, Rect { height: 1, ..area }, area.x + 8, &self.about, theme.text());
        let words: Vec<String> = CHOICES.iter().map(|(key, _, word)| format!("{key} {word}")).collect();
        let more = if width >= 70 { "   a capital letter takes it away" } else { "   R F A D: not" };
        paint::text(buf, inside.x, inside.y, inside.width, &format!("{}{more}", words.join("  ")), theme.text());
    }
}
