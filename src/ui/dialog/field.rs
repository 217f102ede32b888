//! A line of text that is being typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use secrecy::zeroize::Zeroize as _;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// Longer than any sensible path or password.
const MAX_BYTES: usize = 4096;

/// A line of text with a cursor. Never printed by `Debug`: it may be a password.
#[derive(Clone, Default)]
pub(crate) struct Field {
    text: String,
    /// In bytes, always at a grapheme's start.
    cursor: usize,
    is_secret: bool,
}

impl Drop for Field {
    fn drop(&mut self) {
        if self.is_secret {
            self.text.zeroize();
        }
    }
}

impl Field {
    /// A field that holds `text`, the cursor behind it.
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len(), is_secret: false }
    }

    /// A field that shows dots.
    pub(crate) fn secret() -> Self {
        // Room enough from the start, so that no copies of a growing password are left behind in memory.
        Self { text: String::with_capacity(MAX_BYTES), cursor: 0, is_secret: true }
    }

    /// What it holds.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Inserts pasted text; a password manager's line end is not part of it.
    pub(crate) fn paste(&mut self, pasted: &str) {
        for ch in pasted.trim_end_matches(['\r', '\n']).chars() {
            self.insert(if ch.is_control() { ' ' } else { ch });
        }
    }

    fn insert(&mut self, ch: char) {
        if self.text.len() + ch.len_utf8() <= MAX_BYTES {
            self.text.insert(self.cursor, ch);
            self.cursor += ch.len_utf8();
        }
    }

    fn left(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        before.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        let after = self.text.get(self.cursor..).unwrap_or_default();
        self.cursor + after.graphemes(true).next().map_or(0, str::len)
    }

    fn cut(&mut self, from: usize, to: usize) {
        if self.text.is_char_boundary(from) && self.text.is_char_boundary(to) && from <= to {
            self.text.drain(from..to);
            self.cursor = from;
        }
    }

    /// Takes a key. Says whether it was one for a text field.
    pub(crate) fn press(&mut self, key: &KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('u') if control => self.cut(0, self.cursor),
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.text.len(),
            KeyCode::Char('w') if control => {
                let kept = self.text.get(..self.cursor).unwrap_or_default().trim_end();
                let kept = kept.rfind([' ', '/']).map_or(0, |at| at + 1);
                self.cut(kept, self.cursor);
            }
            KeyCode::Char(ch) if !control && !key.modifiers.contains(KeyModifiers::ALT) => self.insert(ch),
            KeyCode::Backspace => self.cut(self.left(), self.cursor),
            KeyCode::Delete => self.cut(self.cursor, self.right()),
            KeyCode::Left => self.cursor = self.left(),
            KeyCode::Right => self.cursor = self.right(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }

    /// Draws it; the place of the cursor is inverted back, so that it shows without a hardware cursor.
    pub(crate) fn draw(&self, buf: &mut Buffer, area: Rect, theme: Theme, focused: bool) {
        let style = theme.field(focused);
        paint::text(buf, area.x, area.y, area.width, &" ".repeat(usize::from(area.width)), style);
        let (before, after) = self.text.split_at_checked(self.cursor).unwrap_or((&self.text, ""));
        let (before, after) = if self.is_secret {
            ("•".repeat(before.graphemes(true).count()), "•".repeat(after.graphemes(true).count()))
        } else {
            (crate::mail::display(before, MAX_BYTES), crate::mail::display(after, MAX_BYTES))
        };
        // The end of the part before the cursor is what must be seen.
        let room = usize::from(area.width.saturating_sub(1));
        let mut start = before.as_str();
        while start.width() > room {
            start = start.graphemes(true).next().and_then(|first| start.get(first.len()..)).unwrap_or_default();
        }
        let x = paint::text(buf, area.x, area.y, area.width, start, style);
        paint::text(buf, x, area.y, area.right().saturating_sub(x), &after, style);
        if focused && let Some(cell) = buf.cell_mut((x, area.y)) {
            cell.set_style(ratatui::style::Style::reset());
            cell.modifier = ratatui::style::Modifier::UNDERLINED;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(field: &mut Field, keys: &[KeyCode]) {
        for code in keys {
            field.press(&KeyEvent::new(*code, KeyModifiers::NONE));
        }
    }

    #[test]
    fn text_is_edited_by_graphemes() {
        let mut field = Field::new("añ日");
        typed(&mut field, &[KeyCode::Left, KeyCode::Backspace, KeyCode::Char('x')]);
        assert_eq!(field.text(), "ax日");
        typed(&mut field, &[KeyCode::Home, KeyCode::Delete, KeyCode::End, KeyCode::Backspace]);
        assert_eq!(field.text(), "x");
    }

    #[test]
    fn a_pasted_password_loses_its_line_end() {
        let mut field = Field::secret();
        field.paste("pass word\r\n");
        assert_eq!(field.text(), "pass word");
        let mut buf = Buffer::empty(Rect::new(0, 0, 12, 1));
        field.draw(&mut buf, Rect::new(0, 0, 12, 1), Theme::named("mono", false), true);
        assert!(buf.content.iter().all(|cell| "• ".contains(cell.symbol())));
    }
}
