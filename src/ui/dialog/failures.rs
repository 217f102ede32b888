//! What a job did not carry, by reason: Enter opens a reason and shows a message in full, and one key each tries again,
//! repairs and tries again, saves, and shows the server's own answer.

use std::collections::BTreeSet;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::scroll::moved;
use super::{Answer, Command, closes};
use crate::mail::units::{plural, thousands};
use crate::transfer::{Entry, Failed, Ticket};
use crate::ui::layout::centred;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// The list of failures of a job.
pub(crate) struct Failures {
    ticket: Option<Ticket>,
    cursor: usize,
    /// The reasons whose messages are shown.
    open: BTreeSet<usize>,
}

/// A line of the list: a reason, or one of its messages by its place among all failures; behind them what is damaged in the
/// stores.
#[derive(Clone, Copy)]
enum Item {
    Reason(usize),
    Message(usize, usize),
    Damage(usize),
}

impl Failures {
    /// Those of this job.
    pub(crate) fn new(ticket: Option<Ticket>) -> Self {
        Self { ticket, cursor: 0, open: BTreeSet::new() }
    }

    fn entry<'m>(&self, model: &'m Model) -> Option<&'m Entry> {
        let is_told = |entry: &&Entry| !entry.progress.failures.is_empty() || !entry.progress.damage.is_empty();
        self.ticket.and_then(|ticket| model.queue.get(ticket)).filter(is_told)
    }

    /// How many lines there are.
    fn total(&self, entry: &Entry) -> usize {
        let of = |(at, reason): (usize, &crate::transfer::Reason)| {
            1 + if self.open.contains(&at) { reason.members.len() } else { 0 }
        };
        entry.progress.reasons.all().iter().enumerate().map(of).sum::<usize>() + entry.progress.damage.len()
    }

    /// What is at a line.
    fn item(&self, entry: &Entry, line: usize) -> Option<Item> {
        let mut left = line;
        for (at, reason) in entry.progress.reasons.all().iter().enumerate() {
            if left == 0 {
                return Some(Item::Reason(at));
            }
            left -= 1;
            let members: &[usize] = if self.open.contains(&at) { &reason.members } else { &[] };
            if let Some(place) = members.get(left) {
                return Some(Item::Message(at, *place));
            }
            left -= members.len();
        }
        Some(Item::Damage(left)).filter(|_| left < entry.progress.damage.len())
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        if closes(key) || key.code == KeyCode::Char('x') {
            return Answer::Close;
        }
        let Some((entry, ticket)) = self.entry(model).zip(self.ticket) else { return Answer::Stay };
        let item = self.item(entry, self.cursor);
        let reason = match item {
            Some(Item::Reason(reason) | Item::Message(reason, _)) => reason,
            Some(Item::Damage(_)) | None => 0,
        };
        match (key.code, item) {
            (KeyCode::Enter, Some(Item::Message(_, place))) => {
                return Answer::Do(Command::ShowFailure(ticket, place));
            }
            (KeyCode::Enter | KeyCode::Right | KeyCode::Left | KeyCode::Char('l' | 'h'), Some(Item::Reason(at))) => {
                if !self.open.remove(&at) {
                    self.open.insert(at);
                }
            }
            (KeyCode::Left | KeyCode::Backspace | KeyCode::Char('h'), Some(Item::Message(at, _))) => {
                self.open.remove(&at);
                self.cursor = (0..self.cursor)
                    .rev()
                    .find(|line| matches!(self.item(entry, *line), Some(Item::Reason(reason)) if reason == at))
                    .unwrap_or(0);
            }
            (KeyCode::Char('r' | 'R' | 's' | 'a'), Some(Item::Damage(_)) | None) => {}
            (KeyCode::Char('r'), _) => return Answer::Do(Command::Retry(ticket)),
            (KeyCode::Char('R'), _) => return Answer::Do(Command::AskRepair(ticket)),
            (KeyCode::Char('s'), _) => return Answer::Do(Command::AskSave(ticket, reason)),
            (KeyCode::Char('a'), _) => return Answer::Do(Command::ShowAnswers(ticket, reason)),
            _ => {
                let (total, page) = (self.total(entry), usize::from(model.size.1.saturating_sub(8)));
                self.cursor = moved(key, self.cursor, total, page).unwrap_or(self.cursor);
            }
        }
        Answer::Stay
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let area = centred(model.size, 120, model.size.1.saturating_sub(4));
        let Some(entry) = self.entry(model) else {
            let inside = paint::window(buf, area, "Not carried", "Esc close", theme, false);
            paint::text(buf, inside.x, inside.y, inside.width, "Nothing failed.", theme.good());
            return;
        };
        let number = entry.progress.job.map_or(String::new(), |job| format!(" by job {job}"));
        let mut found = Vec::new();
        if entry.progress.failed > 0 {
            found.push(plural(entry.progress.failed, "message"));
        }
        if !entry.progress.damage.is_empty() {
            found.push(plural(entry.progress.damage.len() as u64, "damaged place"));
        }
        let title = format!("Not carried{number}: {}", found.join(", "));
        let keys = match entry.progress.failed {
            0 => "Esc close",
            _ => "Enter open   r retry   R repair, retry   s save   a answer   Esc close",
        };
        let inside = paint::window(buf, area, &title, keys, theme, true);
        let rows = usize::from(inside.height.saturating_sub(3)).max(1);
        let lines = self.total(entry);
        let cursor = self.cursor.min(lines.saturating_sub(1));
        let top = (cursor + 1).saturating_sub(rows);
        for (line, y) in (top..lines).take(rows).zip(inside.y..inside.bottom()) {
            let area = Rect { y, height: 1, ..inside };
            match self.item(entry, line) {
                Some(Item::Reason(at)) => self.draw_reason(buf, area, at, entry, theme),
                Some(Item::Message(_, place)) => {
                    if let Some(failed) = entry.progress.failures.get(place) {
                        draw_message(buf, area, failed, theme);
                    }
                }
                Some(Item::Damage(place)) => {
                    if let Some(damage) = entry.progress.damage.get(place) {
                        paint::text(buf, area.x + 11, y, area.width.saturating_sub(11), damage, theme.text());
                        paint::text(buf, area.x, y, 10.min(area.width), "! damaged", theme.bad());
                    }
                }
                None => {}
            }
            if line == cursor {
                buf.set_style(area, theme.cursor(true));
            }
        }
        if inside.height > 3 {
            let below = Rect { y: inside.bottom() - 2, height: 2, ..inside };
            self.draw_under_cursor(buf, below, entry, cursor, theme);
        }
    }

    /// What the server said of the failure under the cursor and what can be done, or all of the damage, in two lines.
    fn draw_under_cursor(&self, buf: &mut Buffer, area: Rect, entry: &Entry, cursor: usize, theme: Theme) {
        if let Some(failed) = self.under_cursor(entry, cursor) {
            let server =
                if failed.server_text.is_empty() { String::new() } else { format!("Server: {}", failed.server_text) };
            paint::text(buf, area.x, area.y, area.width, &server, theme.text());
            paint::text(buf, area.x, area.y + 1, area.width, &failed.hint, theme.hint());
        }
        if let Some(Item::Damage(place)) = self.item(entry, cursor)
            && let Some(damage) = entry.progress.damage.get(place)
        {
            for (line, y) in paint::wrap(damage, usize::from(area.width)).iter().zip(area.y..area.bottom()) {
                paint::text(buf, area.x, y, area.width, line, theme.text());
            }
        }
    }

    /// The failure under the cursor; of a reason the first.
    fn under_cursor<'e>(&self, entry: &'e Entry, cursor: usize) -> Option<&'e Failed> {
        let place = match self.item(entry, cursor)? {
            Item::Message(_, place) => place,
            Item::Reason(at) => *entry.progress.reasons.all().get(at)?.members.first()?,
            Item::Damage(_) => return None,
        };
        entry.progress.failures.get(place)
    }

    fn draw_reason(&self, buf: &mut Buffer, area: Rect, at: usize, entry: &Entry, theme: Theme) {
        let Some(reason) = entry.progress.reasons.all().get(at) else { return };
        let sign = if self.open.contains(&at) { "▾" } else { "▸" };
        let count = thousands(reason.messages);
        paint::text(buf, area.x, area.y, 2, sign, theme.text());
        paint::right(buf, area.x + 2, area.y, 7.min(area.width), &count, theme.text());
        paint::text(
            buf,
            area.x + 11,
            area.y,
            area.width.saturating_sub(11),
            &format!("! {}", reason.words),
            theme.bad(),
        );
    }
}

/// One message, or what stands for the rest of a folder.
fn draw_message(buf: &mut Buffer, area: Rect, failed: &Failed, theme: Theme) {
    let what = match failed.messages {
        0 | 1 if !failed.subject.is_empty() => failed.subject.clone(),
        0 | 1 if !failed.id.is_empty() => failed.id.clone(),
        many => plural(many, "message"),
    };
    let first = area.width.saturating_sub(4) * 3 / 5;
    paint::text(buf, area.x + 4, area.y, first.saturating_sub(2), &what, theme.text());
    let folder = failed.folder.to_string();
    paint::text(buf, area.x + 4 + first, area.y, area.width.saturating_sub(4 + first), &folder, theme.faint());
}
