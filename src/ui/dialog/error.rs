//! Something went wrong: what, the server's words if any, and what to do. Also shows one failure in full.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;

use super::scroll::Scroll;
use super::{Answer, closes};
use crate::transfer::Failed;
use crate::ui::event::Trouble;
use crate::ui::layout::centred;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// An error to be read.
pub(crate) struct Problem {
    title: String,
    /// Heading and text of each part; foreign text.
    parts: Vec<(&'static str, String)>,
    scroll: Scroll,
}

impl Problem {
    /// What, why and what to do.
    pub(crate) fn new(title: &str, trouble: &Trouble) -> Self {
        Self::of(title, vec![("", sentence(&trouble.text)), ("What to do: ", sentence(&trouble.hint))])
    }

    /// One message that was not carried.
    pub(crate) fn failure(failed: &Failed) -> Self {
        let subject = if failed.id.is_empty() { "(the folder)".to_owned() } else { failed.subject.clone() };
        Self::of(
            "Not carried",
            vec![
                ("Folder:     ", failed.folder.to_string()),
                ("Message:    ", failed.id.clone()),
                ("Subject:    ", subject),
                ("Why:        ", failed.reason.clone()),
                ("The server: ", failed.server_text.clone()),
                ("What to do: ", failed.hint.clone()),
                ("", "It is still here, as it was.".into()),
            ],
        )
    }

    /// A server's answers as they came.
    pub(crate) fn answers(answers: Vec<String>) -> Self {
        Self::of("The server's answers", answers.into_iter().map(|answer| ("", answer)).collect())
    }

    fn of(title: &str, parts: Vec<(&'static str, String)>) -> Self {
        let parts = parts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        Self { title: title.to_owned(), parts, scroll: Scroll::default() }
    }

    fn lines(&self, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for (heading, text) in &self.parts {
            let indent = if heading.is_empty() { 0 } else { 12 };
            for (at, line) in paint::wrap(text, width.saturating_sub(indent)).into_iter().enumerate() {
                let start = if at == 0 { *heading } else { "" };
                lines.push(format!("{start:indent$}{line}"));
            }
            if heading.is_empty() {
                lines.push(String::new());
            }
        }
        lines
    }

    fn width(size: (u16, u16)) -> u16 {
        size.0.saturating_sub(6).min(74)
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        if closes(key) || key.code == KeyCode::Enter {
            return Answer::Close;
        }
        let total = self.lines(usize::from(Self::width(model.size).saturating_sub(4))).len();
        self.scroll.press(key, total, usize::from(model.size.1.saturating_sub(6)));
        Answer::Stay
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, size: (u16, u16), theme: Theme) {
        let width = Self::width(size);
        let lines = self.lines(usize::from(width.saturating_sub(4)));
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(3);
        let inside = paint::window(
            buf,
            centred(size, width, height),
            &format!("! {}", self.title),
            "Enter, Esc close",
            theme,
            true,
        );
        for (line, y) in lines.iter().skip(self.scroll.top).zip(inside.y + 1..inside.bottom()) {
            paint::text(buf, inside.x, y, inside.width, line, theme.text());
        }
    }
}

/// An error's words as a sentence: a capital at its start, a full stop at its end.
fn sentence(words: &str) -> String {
    let mut chars = words.trim_end_matches('.').chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => String::new(),
    }
}
