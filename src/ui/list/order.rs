//! The orders that rows can be shown in. The order in which mail is carried does not change with it.

use std::cmp::Reverse;

use super::Row;
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

    /// The numbers of the rows in this order; those that are equal stay as they were.
    pub(super) fn order<'a>(self, rows: impl Iterator<Item = (u32, &'a Row)>) -> Vec<u32> {
        match self.by {
            By::Date => self.by_key(rows, |row| row.date.map_or(i64::MAX, crate::mail::InternalDate::unix)),
            By::From => self.by_key(rows, |row| row.from.to_lowercase()),
            By::Subject => self.by_key(rows, |row| topic(&row.subject)),
            By::Size => self.by_key(rows, |row| row.size),
            By::Status => self.by_key(rows, status),
        }
    }

    fn by_key<'a, K: Ord>(self, rows: impl Iterator<Item = (u32, &'a Row)>, key: impl Fn(&Row) -> K) -> Vec<u32> {
        // The keys are made once; the comparisons are many.
        let mut keyed: Vec<(K, u32)> = rows.map(|(at, row)| (key(row), at)).collect();
        if self.reversed {
            keyed.sort_unstable_by(|(a, at), (b, other)| (Reverse(a), at).cmp(&(Reverse(b), other)));
        } else {
            keyed.sort_unstable();
        }
        keyed.into_iter().map(|(_, at)| at).collect()
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
