//! A line of text is asked for: a pattern, a folder's name, a path.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::field::Field;
use super::{Answer, Command};
use crate::mail::FolderPath;
use crate::ui::layout::centred;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// What the text is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Mark what matches.
    MarkPattern,
    /// Unmark what matches.
    UnmarkPattern,
    /// Find what matches.
    Find,
    /// Make a folder below this one.
    NewFolder(FolderPath),
    /// Rename this folder.
    Rename(FolderPath),
    /// Open a store.
    OpenStore,
}

impl Purpose {
    /// Title, explanation, and what Enter does.
    fn words(&self) -> (&'static str, String, &'static str) {
        match self {
            Self::MarkPattern => ("Mark", "Text in subject or sender; * stands for anything".into(), "mark"),
            Self::UnmarkPattern => ("Unmark", "Text in subject or sender; * stands for anything".into(), "unmark"),
            Self::Find => ("Find", "Text in the list, or a folder's name; * stands for anything".into(), "find"),
            Self::NewFolder(above) if above.is_root() => {
                ("New folder", "At the top of the mailbox; A/B makes both".into(), "make it")
            }
            Self::NewFolder(above) => ("New folder", format!("Below {above}; A/B makes both"), "make it"),
            Self::Rename(folder) => ("Rename", format!("New name of {folder}"), "rename"),
            Self::OpenStore => {
                ("Open local mail", "Path of a mail file or directory; its format is detected".into(), "open")
            }
        }
    }
}

/// A line of text is asked for.
pub(crate) struct Prompt {
    purpose: Purpose,
    field: Field,
}

impl Prompt {
    /// Asks, with a text to start from.
    pub(crate) fn new(purpose: Purpose, text: &str) -> Self {
        Self { purpose, field: Field::new(text) }
    }

    /// Takes a key. An empty text is as good as none.
    pub(crate) fn press(&mut self, key: &KeyEvent) -> Answer {
        match key.code {
            KeyCode::Esc | KeyCode::F(10) => Answer::Close,
            KeyCode::Enter if self.field.text().trim().is_empty() => Answer::Close,
            KeyCode::Enter => Answer::Finish(Command::Entered(self.purpose.clone(), self.field.text().to_owned())),
            _ => {
                self.field.press(key);
                Answer::Stay
            }
        }
    }

    /// Takes pasted text.
    pub(crate) fn paste(&mut self, pasted: &str) {
        self.field.paste(pasted);
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, size: (u16, u16), theme: Theme) {
        let (title, explanation, verb) = self.purpose.words();
        let area = centred(size, 70, 6);
        let inside = paint::window(buf, area, title, &format!("Enter {verb}   Esc cancel"), theme, false);
        paint::text(buf, inside.x, inside.y + 1, inside.width, &explanation, theme.text());
        self.field.draw(buf, Rect { y: inside.y + 2, height: 1, ..inside }, theme, true);
    }
}
