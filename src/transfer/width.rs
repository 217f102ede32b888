//! How many connections a job uses: as many as were asked for, else as many as its server gets more out of, which is known
//! once the first is made. Shared by its workers.

use std::sync::{Condvar, Mutex, PoisonError};

use super::Mailbox;

/// The most connections that are used where nobody asked for a number.
pub(super) const MOST: usize = 3;

/// The number, once it is known.
pub(super) struct Width {
    known: Mutex<Option<usize>>,
    news: Condvar,
}

impl Width {
    /// What was asked for, if anything was.
    pub(super) fn new(asked: Option<usize>) -> Self {
        Self { known: Mutex::new(asked), news: Condvar::new() }
    }

    /// A connection is made: it tells how many are worth making.
    pub(super) fn learn(&self, mailbox: &Mailbox) {
        self.settle(mailbox.useful_connections());
    }

    /// Nothing will be learnt any more.
    pub(super) fn give_up(&self) {
        self.settle(1);
    }

    fn settle(&self, number: usize) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(number);
        self.news.notify_all();
    }

    /// Waits until the number is known.
    pub(super) fn wait(&self) -> usize {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.news.wait_while(known, |known| known.is_none());
        known.unwrap_or_else(PoisonError::into_inner).unwrap_or(1)
    }
}
