//! How a store is read, where that is left to the user: deleted messages, the code page of names, Gmail's labels.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::field::Field;
use super::{Answer, Command};
use crate::store::{Choice, CodePage, Labels, OpenOptions};
use crate::ui::layout::centred;
use crate::ui::model::OpenSource;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// Columns for the name of a choice.
const NAMES: u16 = 20;

/// The choices about one store.
pub(crate) struct StoreOptions {
    source: usize,
    /// Its format and its path, for people.
    about: String,
    /// As the store is read now, and as it will be; the code page is in its field until then.
    options: OpenOptions,
    code_page: Field,
    choices: Vec<Choice>,
    cursor: usize,
    /// Why the code page is none.
    complaint: String,
}

/// What a choice is called, and what is to be known about it.
fn words(choice: Choice) -> (&'static str, &'static str) {
    match choice {
        Choice::Recovered => (
            "Deleted messages",
            "Space changes it. Those that are still in the files; once shown, they go with the rest of their folder.",
        ),
        Choice::CodePage => (
            "Code page of names",
            "Empty: guessed over the whole store. Else by number or name, such as 1251, Shift_JIS, latin2.",
        ),
        Choice::Labels => (
            "Gmail's labels",
            "Space changes it. In an mbox of Google Takeout; a message is in one folder, other labels stay keywords.",
        ),
    }
}

impl StoreOptions {
    /// The choices about the store with that number, as they stand.
    pub(crate) fn new(source: usize, open: &OpenSource) -> Self {
        let options = open.source.options.clone();
        let code_page = options.code_page.map(String::from).unwrap_or_default();
        Self {
            source,
            about: format!("{}: {}", open.format, open.source.path.display()),
            options,
            code_page: Field::new(&code_page),
            choices: open.choices.clone(),
            cursor: 0,
            complaint: String::new(),
        }
    }

    fn choice(&self) -> Option<Choice> {
        self.choices.get(self.cursor).copied()
    }

    /// Whether letters are text.
    pub(crate) fn is_typing(&self) -> bool {
        self.choice() == Some(Choice::CodePage)
    }

    /// Takes pasted text.
    pub(crate) fn paste(&mut self, pasted: &str) {
        if self.is_typing() {
            self.code_page.paste(pasted);
        }
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent) -> Answer {
        self.complaint.clear();
        let last = self.choices.len().saturating_sub(1);
        match key.code {
            KeyCode::Esc | KeyCode::F(10) => return Answer::Close,
            KeyCode::Char('q' | 'o') if !self.is_typing() => return Answer::Close,
            KeyCode::Enter => return self.finish(),
            KeyCode::BackTab | KeyCode::Up => self.cursor = self.cursor.checked_sub(1).unwrap_or(last),
            KeyCode::Tab | KeyCode::Down => self.cursor = if self.cursor < last { self.cursor + 1 } else { 0 },
            KeyCode::Char(' ') | KeyCode::Left | KeyCode::Right if !self.is_typing() => self.change(),
            _ if self.is_typing() => {
                self.code_page.press(key);
            }
            _ => {}
        }
        Answer::Stay
    }

    fn change(&mut self) {
        match self.choice() {
            Some(Choice::Recovered) => self.options.recovered = !self.options.recovered,
            Some(Choice::Labels) => {
                self.options.labels = match self.options.labels {
                    Labels::Keywords => Labels::Folders,
                    Labels::Folders => Labels::Keywords,
                };
            }
            Some(Choice::CodePage) | None => {}
        }
    }

    fn finish(&mut self) -> Answer {
        let typed = self.code_page.text().trim();
        match (!typed.is_empty()).then(|| typed.parse::<CodePage>()).transpose() {
            Ok(code_page) => {
                let options = OpenOptions { code_page, ..self.options.clone() };
                Answer::Finish(Command::ReadStore(self.source, options))
            }
            Err(complaint) => {
                self.complaint = complaint;
                Answer::Stay
            }
        }
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, size: (u16, u16), theme: Theme) {
        let lines = u16::try_from(self.choices.len()).unwrap_or_default();
        let area = centred(size, 72, lines + 7);
        let keys = "Enter read it like that   Tab next   Esc close";
        let inside = paint::window(buf, area, "How this store is read", keys, theme, false);
        paint::text(buf, inside.x, inside.y, inside.width, &self.about, theme.faint());
        let width = inside.width.saturating_sub(NAMES);
        for ((number, choice), y) in self.choices.iter().enumerate().zip(inside.y + 2..inside.bottom()) {
            let focused = number == self.cursor;
            paint::text(buf, inside.x, y, NAMES, words(*choice).0, theme.text());
            let place = Rect { x: inside.x + NAMES, y, width, height: 1 };
            let set = match choice {
                Choice::CodePage => {
                    self.code_page.draw(buf, Rect { width: NAMES.min(width), ..place }, theme, focused);
                    continue;
                }
                Choice::Recovered if self.options.recovered => "in folders called \"Recovered\"",
                Choice::Recovered => "not shown",
                Choice::Labels if self.options.labels == Labels::Folders => "are folders",
                Choice::Labels => "are keywords",
            };
            paint::text(buf, place.x, y, width, &format!("< {set} >"), theme.field(focused));
        }
        let note = self.choice().map_or("", |choice| words(choice).1);
        let (note, look) = match self.complaint.as_str() {
            "" => (note.to_owned(), theme.faint()),
            complaint => (format!("! {complaint}"), theme.bad()),
        };
        let below = inside.y + lines + 3;
        for (line, y) in paint::wrap(&note, usize::from(inside.width)).iter().zip(below..inside.bottom()) {
            paint::text(buf, inside.x, y, inside.width, line, look);
        }
    }
}
