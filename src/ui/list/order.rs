//! The orders that rows can be shown in. The order in which mail is carried does not change with it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{List, Row};
use crate::mail::Flags;

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// When they arrived; those without a date last.
    Date,
    /// The sender's name.
    From,
    /// The subject without `Re:` and the like.
    Subject,
    /// The size.
    Size,
    /// Doubtful, unread, flagged, answered, all others.
    Status,
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    /// By what.
    pub by: By,
    /// The other way round.
    pub reversed: bool,
}

impl Sort {
    /// The word on the screen.
    pub(crate) fn label(self) -> String {
        let word = match self.by {
            By::Date => "date",
            By::From => "sender",
            By::Subject => "subject",
            By::Size => "size",
            By::Status => "status",
        };
        format!("by {word} {}", if self.reversed { '↓' } else { '↑' })
    }

    /// What a row is compared by. It is made once; the comparisons are many.
    fn term(self, row: &Row) -> Term {
        match self.by {
            By::Date => self.number(row.date.map_or(i64::MAX, crate::mail::InternalDate::unix)),
            By::From => self.text(row.from.to_lowercase()),
            By::Subject => self.text(topic(&row.subject)),
            By::Size => self.number(i64::try_from(row.size).unwrap_or(i64::MAX)),
            By::Status => self.number(status(row).into()),
        }
    }

    fn number(self, number: i64) -> Term {
        if self.reversed { Term::NumberDown(Reverse(number)) } else { Term::Number(number) }
    }

    fn text(self, text: String) -> Term {
        if self.reversed { Term::TextDown(Reverse(text)) } else { Term::Text(text) }
    }
}

/// What rows are compared by; in one sort all are of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Term {
    Number(i64),
    NumberDown(Reverse<i64>),
    Text(String),
    TextDown(Reverse<String>),
}

/// Rows that one step of a sort takes in or gives out: a few milliseconds.
const STEP: usize = 8_000;

/// A sort that goes on a step at a time, so that no key waits for half a million rows. Those that are equal stay as they
/// were.
#[derive(Clone, Debug)]
pub(super) struct Sorting {
    sort: Sort,
    /// Sorted pieces, the least of each at its end.
    pieces: Vec<Vec<(Term, u32)>>,
    /// The least of each piece, with the piece's number.
    least: BinaryHeap<Reverse<(Term, u32, usize)>>,
    /// How many of the rows shown were taken in.
    next: usize,
    order: Vec<u32>,
}

impl Sorting {
    pub(super) fn new(sort: Sort) -> Self {
        Self { sort, pieces: Vec::new(), least: BinaryHeap::new(), next: 0, order: Vec::new() }
    }

    /// One step. Gives the numbers of the rows shown, in their order, once it is done.
    pub(super) fn advance(&mut self, list: &List) -> Option<Vec<u32>> {
        if self.next < list.shown() {
            self.take_in(list);
        } else {
            self.merge(STEP);
        }
        let is_done = self.next >= list.shown() && (self.least.is_empty() || self.pieces.len() == 1);
        if is_done {
            self.merge(usize::MAX);
        }
        is_done.then(|| std::mem::take(&mut self.order))
    }

    fn take_in(&mut self, list: &List) {
        let to = (self.next + STEP).min(list.shown());
        let term = |place| {
            let at = list.number(place)?;
            Some((self.sort.term(list.row(at)?), u32::try_from(at).ok()?))
        };
        let mut piece: Vec<(Term, u32)> = (self.next..to).filter_map(term).collect();
        piece.sort_unstable_by(|a, b| b.cmp(a));
        self.next = to;
        if let Some((term, at)) = piece.pop() {
            self.least.push(Reverse((term, at, self.pieces.len())));
        }
        self.pieces.push(piece);
    }

    fn merge(&mut self, rows: usize) {
        for _ in 0..rows {
            let Some(Reverse((_, at, number))) = self.least.pop() else { return };
            self.order.push(at);
            if let Some((term, at)) = self.pieces.get_mut(number).and_then(Vec::pop) {
                self.least.push(Reverse((term, at, number)));
            }
        }
    }
}

/// Answers and forwarded mail, in the languages that mail comes in.
const PREFIXES: [&str; 12] = ["re", "aw", "fw", "fwd", "wg", "sv", "vs", "antw", "tr", "rif", "odp", "res"];

/// A subject as threads are compared: lower case, without `Re:` and the like.
pub(crate) fn topic(subject: &str) -> String {
    let lower = subject.to_lowercase();
    let mut rest = lower.trim();
    while let Some((prefix, after)) = rest.split_once(':')
        && PREFIXES.contains(&prefix.trim_end_matches(|ch: char| "[]0123456789".contains(ch)))
    {
        rest = after.trim_start();
    }
    rest.to_owned()
}

fn status(row: &Row) -> u8 {
    let signs = [
        row.is_doubtful,
        !row.flags.contains(Flags::SEEN),
        row.flags.contains(Flags::FLAGGED),
        row.flags.contains(Flags::ANSWERED),
    ];
    signs.iter().position(|sign| *sign).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_loses_what_answers_put_before_it() {
        for (subject, topic_of_it) in
            [("Re: AW: Fwd: Girders", "girders"), ("RE[2]: x", "x"), ("note: x", "note: x"), ("", "")]
        {
            assert_eq!(topic(subject), topic_of_it);
        }
    }
}
