//! A page to read: a message with its headers, text and attachments, or what is doubtful in a store.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;

use super::scroll::Scroll;
use super::{Answer, Command, closes};
use crate::mail::units::thousands;
use crate::ui::event::{PreviewKind, PreviewLine};
use crate::ui::layout::page;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// A message being looked at.
pub(crate) struct PreviewDialog {
    /// Names the request whose answer is waited for.
    pub generation: u64,
    title: String,
    lines: Option<Vec<PreviewLine>>,
    waiting: String,
    scroll: Scroll,
}

/// Columns of text that a preview has on that screen.
pub(crate) fn columns(size: (u16, u16)) -> usize {
    usize::from(page(size, 104).width.saturating_sub(4)).max(10)
}

impl PreviewDialog {
    /// A message that is being read.
    pub(crate) fn new(generation: u64, title: &str) -> Self {
        Self {
            generation,
            title: title.to_owned(),
            lines: None,
            waiting: "reading …".to_owned(),
            scroll: Scroll::default(),
        }
    }

    /// It has been read.
    pub(crate) fn show(&mut self, lines: Vec<PreviewLine>) {
        self.lines = Some(lines);
    }

    /// It takes a while; says how far it is.
    pub(crate) fn wait(&mut self, words: String) {
        self.waiting = words;
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        if closes(key)
            || matches!(key.code, KeyCode::F(3 | 4) | KeyCode::Char('p' | 'h') | KeyCode::Left | KeyCode::Backspace)
        {
            return if self.lines.is_none() { Answer::Finish(Command::StopReading) } else { Answer::Close };
        }
        let page = usize::from(model.size.1.saturating_sub(2));
        self.scroll.press(key, self.lines.as_ref().map_or(0, Vec::len), page);
        Answer::Stay
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, size: (u16, u16), theme: Theme) {
        let area = page(size, 104);
        let total = self.lines.as_ref().map_or(0, Vec::len);
        let page = usize::from(area.height.saturating_sub(2));
        let keys = if total > page {
            let last = (self.scroll.top + page).min(total);
            format!("Up Down PgUp PgDn scroll   Esc close   {} of {}", thousands(last as u64), thousands(total as u64))
        } else {
            "Esc close".to_owned()
        };
        let inside = paint::window(buf, area, &self.title, &keys, theme, false);
        let Some(lines) = &self.lines else {
            paint::text(buf, inside.x, inside.y, inside.width, &self.waiting, theme.faint());
            return;
        };
        for (line, y) in lines.iter().skip(self.scroll.top).zip(inside.y..inside.bottom()) {
            let style = match line.kind {
                PreviewKind::Header => theme.text().add_modifier(Modifier::BOLD),
                PreviewKind::Text => theme.text(),
                PreviewKind::Quote => theme.hint(),
                PreviewKind::Note => theme.marked(),
            };
            paint::text(buf, inside.x, y, inside.width, &line.text, style);
        }
    }
}
