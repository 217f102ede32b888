//! A pattern held against a list, some rows at a time, so that no key ever waits for half a million of them.

use super::{CHUNK, List, MAX_REMOTE_CHUNKS};
use crate::ui::pattern::{Fit, Pattern};

/// A pattern, and which of a list's rows fit so far.
#[derive(Clone, Debug)]
pub(crate) struct Sieve {
    /// The pattern.
    pub pattern: Pattern,
    /// What the user typed.
    pub text: String,
    /// The numbers of the rows that fit, in order.
    pub fitting: Vec<u32>,
    /// How many rows can't be told.
    pub unknown: usize,
    next: usize,
}

impl Sieve {
    /// A pattern that was held against nothing yet.
    pub(crate) fn new(text: &str, pattern: Pattern) -> Self {
        Self { pattern, text: text.to_owned(), fitting: Vec::new(), unknown: 0, next: 0 }
    }

    /// Looks at up to so many more rows. Says whether there were any.
    pub(crate) fn advance(&mut self, list: &List, rows: usize) -> bool {
        let start = self.next;
        while self.next < start + rows
            && let Some(row) = list.row(self.next)
        {
            match self.pattern.fits(row) {
                Fit::Yes => self.fitting.extend(u32::try_from(self.next)),
                Fit::No => {}
                Fit::Unknown => self.unknown += 1,
            }
            self.next += 1;
        }
        self.next > start
    }

    /// Looks at everything once more.
    pub(crate) fn begin_again(&mut self) {
        *self = Self::new(&self.text, self.pattern.clone());
    }

    /// Rows that were not looked at, because they are not read.
    pub(crate) fn unread(&self, list: &List) -> usize {
        list.len().saturating_sub(self.next)
    }

    /// Whether there are rows that can be looked at now.
    pub(crate) fn can_advance(&self, list: &List) -> bool {
        list.row(self.next).is_some()
    }

    /// The chunk that has to come before it can go on. On the server's side there is an end to what is fetched for it.
    pub(crate) fn wanted(&self, list: &List) -> Option<usize> {
        let chunk = self.next / CHUNK;
        (self.next < list.len() && chunk < MAX_REMOTE_CHUNKS && list.row(self.next).is_none()).then_some(chunk)
    }
}
