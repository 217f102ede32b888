//! A line of text is asked for: a pattern, a folder's name, a path.
//!
//! Patterns are asked for at the bottom, so that the list can be seen meanwhile, with a count and the place of a fault.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use super::field::Field;
use super::{Answer, Command};
use crate::mail::FolderPath;
use crate::mail::units::thousands;
use crate::transfer::Ticket;
use crate::ui::layout::centred;
use crate::ui::model::{Model, Trial, Trying};
use crate::ui::pane::Focus;
use crate::ui::pattern::{Fault, ITEMS};
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
    /// Show only what matches; with the filter before, for Esc.
    Filter(String),
    /// Make a folder below this one.
    NewFolder(FolderPath),
    /// Rename this folder.
    Rename(FolderPath),
    /// Open a store.
    OpenStore,
    /// Open local mail on the right, to put mail into.
    OpenRight,
    /// A rule for folders: that one anew, or another one.
    Rule(Option<usize>),
    /// Write the rules to a file.
    SaveRules,
    /// Read rules from a file.
    LoadRules,
    /// Save the messages of this job that failed for this reason.
    Save(Ticket, usize),
}

impl Purpose {
    /// Title, explanation, and what Enter does.
    fn words(&self) -> (&'static str, String, &'static str) {
        match self {
            Self::MarkPattern => ("Mark", String::new(), "mark"),
            Self::UnmarkPattern => ("Unmark", String::new(), "unmark"),
            Self::Find => ("Find", String::new(), "find"),
            Self::Filter(_) => ("Filter", String::new(), "keep"),
            Self::NewFolder(above) if above.is_root() => {
                ("New folder", "At the top of the mailbox; A/B makes both".into(), "make it")
            }
            Self::NewFolder(above) => ("New folder", format!("Below {above}; A/B makes both"), "make it"),
            Self::Rename(folder) => ("Rename", format!("New name of {folder}"), "rename"),
            Self::Rule(_) => ("Rule", "FOLDER > NAME, FOLDER > - leaves out; * in names, use:trash".into(), "keep"),
            Self::SaveRules => ("Save the rules", "The file is written anew; --map FILE uses it again".into(), "save"),
            Self::LoadRules => ("Load rules", "Those in the file take the place of those here".into(), "load"),
            Self::Save(..) => ("Save as .eml", "Directory for the messages; it is made where needed".into(), "save"),
            Self::OpenStore => {
                ("Open local mail", "Path of a mail file or directory; its format is detected".into(), "open")
            }
            Self::OpenRight => (
                "Open local mail on the right",
                "A Maildir, there or new; or mbox:FILE, mbox:DIRECTORY/, NAME.mbox".into(),
                "open",
            ),
        }
    }
}

/// A line of text is asked for.
pub(crate) struct Prompt {
    /// What the text is for.
    pub purpose: Purpose,
    field: Field,
    /// For a pattern: what it is asked of.
    focus: Option<Focus>,
}

impl Prompt {
    /// Asks, with a text to start from.
    pub(crate) fn new(purpose: Purpose, text: &str) -> Self {
        Self { purpose, field: Field::new(text), focus: None }
    }

    /// Asks for a pattern.
    pub(crate) fn pattern(purpose: Purpose, focus: Focus, text: &str) -> Self {
        Self { focus: Some(focus), ..Self::new(purpose, text) }
    }

    /// The pattern as typed so far, what it is for, and what it is asked of.
    pub(crate) fn typed(&self) -> Option<(&Purpose, Focus, &str)> {
        Some((&self.purpose, self.focus?, self.field.text()))
    }

    /// Takes a key. An empty text is as good as none.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        let is_empty = self.field.text().trim().is_empty();
        match (key.code, &self.purpose) {
            (KeyCode::Esc | KeyCode::F(10), Purpose::Filter(before)) => Answer::Finish(Command::Filter(before.clone())),
            (KeyCode::Esc | KeyCode::F(10), _) => Answer::Close,
            // A pattern that is wrong is not done by half: its fault is on the screen.
            (KeyCode::Enter, _) if self.focus.is_some() && fault(model).is_some() => Answer::Stay,
            (KeyCode::Enter, purpose) if is_empty && !matches!(purpose, Purpose::Filter(_)) => Answer::Close,
            (KeyCode::Enter, purpose) => {
                Answer::Finish(Command::Entered(purpose.clone(), self.field.text().to_owned()))
            }
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
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let (title, explanation, verb) = self.purpose.words();
        if let Some(focus) = self.focus {
            self.draw_bar(buf, model, (title, verb), focus, theme);
            return;
        }
        let area = centred(model.size, 70, 6);
        let inside = paint::window(buf, area, title, &format!("Enter {verb}   Esc cancel"), theme, false);
        paint::text(buf, inside.x, inside.y + 1, inside.width, &explanation, theme.text());
        self.field.draw(buf, Rect { y: inside.y + 2, height: 1, ..inside }, theme, true);
    }

    fn draw_bar(&self, buf: &mut Buffer, model: &Model, (title, verb): (&str, &str), focus: Focus, theme: Theme) {
        let (width, height) = model.size;
        let area = Rect::new(0, height.saturating_sub(BAR), width, BAR.min(height));
        let before = if matches!(self.purpose, Purpose::Filter(_)) { "as before" } else { "cancel" };
        let keys = format!("Enter {verb}   Esc {before}   F1 what can be looked for");
        let title = format!("{title} {}", if focus == Focus::List { "messages" } else { "folders" });
        let inside = paint::window(buf, area, &title, &keys, theme, false);
        let top = Rect { height: 1, ..area };
        paint::title_right(buf, top, area.x + paint::columns(&title) + 4, &count(model), theme.marked());
        self.field.draw(buf, Rect { height: 1, ..inside }, theme, true);
        let line = Rect { y: inside.y + 1, height: 1, ..inside };
        match (fault(model), focus) {
            (Some(fault), _) => draw_fault(buf, line, self.field.text(), fault, theme),
            (None, Focus::List) => {
                let mut x = line.x;
                for item in &ITEMS {
                    let words = format!("~{} {} ", item.letter, word(item.help));
                    if x + paint::columns(&words) > line.right() {
                        break;
                    }
                    x = paint::text(buf, x, line.y, line.right() - x, &words, theme.faint());
                }
            }
            (None, Focus::Tree) => {
                let words = "part of a folder's name; * stands for anything, ! for not, | for or";
                paint::text(buf, line.x, line.y, line.width, words, theme.faint());
            }
        }
    }
}

/// Lines of the bar at the bottom.
const BAR: u16 = 4;

/// The first word of a help.
fn word(help: &str) -> &str {
    help.split([':', ',', ' ']).next().unwrap_or_default()
}

fn fault(model: &Model) -> Option<&Fault> {
    match &model.trial {
        Some(Trial { trying: Trying::Fault(fault), .. }) => Some(fault),
        _ => None,
    }
}

/// A caret below the place, and beside it what is wrong.
fn draw_fault(buf: &mut Buffer, line: Rect, text: &str, fault: &Fault, theme: Theme) {
    let before = text.get(..fault.at).unwrap_or(text).width();
    let column = u16::try_from(before).unwrap_or(u16::MAX);
    let wanted = paint::columns(&fault.why) + 2;
    if column.saturating_add(wanted) <= line.width {
        paint::text(buf, line.x + column, line.y, wanted, &format!("^ {}", fault.why), theme.bad());
    } else if column < line.width && wanted <= column {
        paint::right(buf, line.x, line.y, column + 1, &format!("{} ^", fault.why), theme.bad());
    } else {
        paint::text(buf, line.x, line.y, line.width, &format!("! {}", fault.why), theme.bad());
    }
}

/// How many fit so far, and what is not known.
fn count(model: &Model) -> String {
    let list = &model.pane(model.side).list;
    let sieve = match model.trial.as_ref().map(|trial| &trial.trying) {
        Some(Trying::Folders(folders)) => return format!("{} fit", thousands(*folders as u64)),
        Some(Trying::Rows(sieve)) => Some(sieve),
        Some(Trying::Filter) => list.filter(),
        Some(Trying::Nothing | Trying::Fault(_)) | None => None,
    };
    let Some(sieve) = sieve else { return String::new() };
    let number = |number: usize| thousands(number as u64);
    let mut words = format!("{} of {} fit", number(sieve.fitting.len()), number(list.len()));
    if sieve.unknown > 0 {
        words = format!("{words}, {} not known", number(sieve.unknown));
    }
    if sieve.unread(list) > 0 {
        words = format!("{words}, {} not read yet", number(sieve.unread(list)));
    }
    words
}
