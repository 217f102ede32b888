//! Something to read: a message with its headers, structure, attachments and bytes, or what is doubtful in a store.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;

use super::scroll::Scroll;
use super::{Answer, Command, closes};
use crate::mail::units::thousands;
use crate::ui::event::{Page, PreviewKind};
use crate::ui::layout::page;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// A message being looked at.
pub(crate) struct PreviewDialog {
    /// Names the request whose answer is waited for.
    pub generation: u64,
    title: String,
    /// The pages once they are there, each with where it is scrolled to.
    pages: Option<Vec<(Page, Scroll)>>,
    /// The page shown.
    shown: usize,
    waiting: String,
}

/// Columns of text that a preview has on that screen.
pub(crate) fn columns(size: (u16, u16)) -> usize {
    usize::from(page(size, 104).width.saturating_sub(4)).max(10)
}

impl PreviewDialog {
    /// A message that is being read.
    pub(crate) fn new(generation: u64, title: &str) -> Self {
        Self { generation, title: title.to_owned(), pages: None, shown: 0, waiting: "reading …".to_owned() }
    }

    /// Begins on another page than the first.
    pub(crate) fn begin_on(&mut self, page: usize) {
        self.shown = page;
    }

    /// It has been read.
    pub(crate) fn show(&mut self, pages: Vec<Page>) {
        self.shown = self.shown.min(pages.len().saturating_sub(1));
        self.pages = Some(pages.into_iter().map(|page| (page, Scroll::default())).collect());
    }

    /// It takes a while; says how far it is.
    pub(crate) fn wait(&mut self, words: String) {
        self.waiting = words;
    }

    /// Whether it is of a message, with others before and after it.
    fn has_pages(&self) -> bool {
        self.pages.as_ref().is_some_and(|pages| pages.len() > 1)
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        if closes(key)
            || matches!(key.code, KeyCode::F(3 | 4) | KeyCode::Char('p') | KeyCode::Left | KeyCode::Backspace)
        {
            return if self.pages.is_none() { Answer::Finish(Command::StopReading) } else { Answer::Close };
        }
        match key.code {
            KeyCode::Char('n') if self.has_pages() => return Answer::Finish(Command::PreviewOther(1, self.shown)),
            KeyCode::Char('N') if self.has_pages() => return Answer::Finish(Command::PreviewOther(-1, self.shown)),
            _ => {}
        }
        let height = usize::from(model.size.1.saturating_sub(2 + u16::from(self.has_pages())));
        let Some(pages) = &mut self.pages else { return Answer::Stay };
        let count = pages.len().max(1);
        match key.code {
            KeyCode::Tab => self.shown = (self.shown + 1) % count,
            KeyCode::BackTab => self.shown = (self.shown + count - 1) % count,
            KeyCode::Char(letter) if letter.is_ascii_lowercase() && count > 1 => {
                let named = |(page, _): &(Page, Scroll)| page.name.to_ascii_lowercase().starts_with(letter);
                self.shown = pages.iter().position(named).unwrap_or(self.shown);
            }
            _ => {}
        }
        if let Some((page, scroll)) = pages.get_mut(self.shown) {
            scroll.press(key, page.lines.len(), height);
        }
        Answer::Stay
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, size: (u16, u16), theme: Theme) {
        let area = page(size, 104);
        let shown = self.pages.as_ref().and_then(|pages| pages.get(self.shown));
        let total = shown.map_or(0, |(page, _)| page.lines.len());
        let height = usize::from(area.height.saturating_sub(2 + u16::from(self.has_pages())));
        let mut keys =
            if self.has_pages() { "Tab pages   n N other messages   Esc close" } else { "Esc close" }.to_owned();
        if let Some((_, scroll)) = shown.filter(|_| total > height) {
            let last = (scroll.top + height).min(total);
            keys = format!("{keys}   {} of {}", thousands(last as u64), thousands(total as u64));
        }
        let mut inside = paint::window(buf, area, &self.title, &keys, theme, false);
        let Some((page, scroll)) = shown else {
            paint::text(buf, inside.x, inside.y, inside.width, &self.waiting, theme.faint());
            return;
        };
        if self.has_pages() && inside.height > 0 {
            let mut x = inside.x;
            for (at, (page, _)) in self.pages.iter().flatten().enumerate() {
                let room = inside.right().saturating_sub(x);
                x = paint::text(buf, x, inside.y, room, &format!(" {} ", page.name), theme.title(at == self.shown)) + 1;
            }
            inside.y += 1;
            inside.height -= 1;
        }
        for (line, y) in page.lines.iter().skip(scroll.top).zip(inside.y..inside.bottom()) {
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
