//! The basket: everything that is marked, in all folders of all stores and of the mailbox, with its sums.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::scroll::moved;
use super::{Answer, Command, closes};
use crate::mail::units::{bytes, plural, thousands};
use crate::ui::layout::centred;
use crate::ui::marks::{Mark, Totals};
use crate::ui::model::Model;
use crate::ui::pane::Side;
use crate::ui::theme::Theme;
use crate::ui::tree::Place;
use crate::ui::view::paint;

/// The basket.
#[derive(Default)]
pub(crate) struct Basket {
    cursor: usize,
}

/// What is marked of one folder.
struct Entry<'a> {
    side: Side,
    place: &'a Place,
    mark: &'a Mark,
}

fn entries(model: &Model) -> Vec<Entry<'_>> {
    let of = |side: Side| model.pane(side).marks.iter().map(move |(place, mark)| Entry { side, place, mark });
    of(Side::Local).chain(of(Side::Remote)).collect()
}

impl Entry<'_> {
    /// The store or mailbox, and the folder.
    fn names(&self, model: &Model) -> (String, String) {
        let top = Place { source: self.place.source, path: crate::mail::FolderPath::root() };
        let tree = &model.pane(self.side).tree;
        let store = tree.at(&top).map(|node| node.label.to_string()).unwrap_or_default();
        let folder = if self.place.path.is_root() { "(top)".to_owned() } else { self.place.path.to_string() };
        (store, folder)
    }

    /// What of it is marked, how many messages that are, and their size where that is known.
    fn amounts(&self) -> (String, String, String) {
        match self.mark {
            Mark::All(Some((messages, size))) => {
                let size = if self.side == Side::Local { bytes(*size) } else { String::new() };
                ("all of it".into(), thousands(*messages), size)
            }
            Mark::All(None) => ("all of it".into(), "counting…".into(), String::new()),
            Mark::Some { messages, .. } => {
                let size = messages.values().map(|marked| marked.size).sum();
                ("single".into(), thousands(messages.len() as u64), bytes(size))
            }
        }
    }
}

impl Basket {
    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        let entries = entries(model);
        self.cursor = self.cursor.min(entries.len().saturating_sub(1));
        if closes(key) || key.code == KeyCode::Char('b') {
            return Answer::Close;
        }
        let here = entries.get(self.cursor).map(|entry| (entry.side, entry.place.clone()));
        match (key.code, here) {
            (KeyCode::Enter, Some((side, place))) => Answer::Finish(Command::GoTo(side, place)),
            (KeyCode::Char(' ' | 'd') | KeyCode::Insert | KeyCode::Delete, Some((side, place))) => {
                Answer::Do(Command::Unmark(side, place))
            }
            (KeyCode::Char('u'), _) => Answer::Do(Command::UnmarkEverything),
            _ => {
                let page = usize::from(model.size.1.saturating_sub(6));
                self.cursor = moved(key, self.cursor, entries.len(), page).unwrap_or(self.cursor);
                Answer::Stay
            }
        }
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let entries = entries(model);
        let wanted = u16::try_from(entries.len()).unwrap_or(u16::MAX).saturating_add(6);
        let area = centred(model.size, 110, wanted.clamp(9, model.size.1.saturating_sub(2).max(9)));
        let keys = "Space unmark   u unmark all   Enter go there   Esc close";
        let inside = paint::window(buf, area, "Basket: what is marked", keys, theme, false);
        if entries.is_empty() {
            let words = "Nothing is marked. Space marks, + marks what fits a pattern, t a whole thread.";
            for (line, y) in paint::wrap(words, usize::from(inside.width)).iter().zip(inside.y..inside.bottom()) {
                paint::text(buf, inside.x, y, inside.width, line, theme.faint());
            }
            return;
        }
        let rows = usize::from(inside.height.saturating_sub(3)).max(1);
        let cursor = self.cursor.min(entries.len() - 1);
        let top = (cursor + 1).saturating_sub(rows);
        for ((at, entry), y) in entries.iter().enumerate().skip(top).take(rows).zip(inside.y..inside.bottom()) {
            let line = Rect { y, height: 1, ..inside };
            draw_entry(buf, line, entry, model, theme);
            if at == cursor {
                buf.set_style(line, theme.cursor(true));
            }
        }
        let sums = [(Side::Local, "Local"), (Side::Remote, "Server")];
        let marked = sums.into_iter().filter(|(side, _)| !model.pane(*side).marks.is_empty());
        let bottom = inside.bottom().saturating_sub(2).max(inside.y);
        for ((side, word), y) in marked.zip(bottom..inside.bottom()) {
            let words = format!("{word}: {}", sum(model.pane(side).marks.totals(), side));
            paint::text(buf, inside.x, y, inside.width, &words, theme.marked());
        }
    }
}

fn draw_entry(buf: &mut Buffer, line: Rect, entry: &Entry<'_>, model: &Model, theme: Theme) {
    let (store, folder) = entry.names(model);
    let (what, messages, size) = entry.amounts();
    let numbers = 30.min(line.width);
    let names = line.width - numbers;
    let of_store = (names / 3).min(24);
    paint::text(buf, line.x, line.y, of_store.saturating_sub(1), &store, theme.faint());
    paint::text(buf, line.x + of_store, line.y, (names - of_store).saturating_sub(1), &folder, theme.text());
    let x = line.x + names;
    paint::text(buf, x, line.y, 10, &what, theme.text());
    paint::right(buf, x + 10, line.y, 10, &messages, theme.text());
    paint::right(buf, x + 20, line.y, 10, &size, theme.text());
}

/// `2 folders, 1,234 messages, 38.1 MB`.
fn sum(totals: Totals, side: Side) -> String {
    let at_least = if totals.uncounted > 0 { "at least " } else { "" };
    let mut parts = Vec::new();
    if totals.folders > 0 {
        parts.push(plural(totals.folders, "folder"));
    }
    parts.push(format!("{at_least}{}", plural(totals.messages, "message")));
    // The server's counts come without sizes.
    if side == Side::Local || totals.folders == 0 {
        parts.push(format!("{at_least}{}", bytes(totals.bytes)));
    }
    parts.join(", ")
}
