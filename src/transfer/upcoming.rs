//! The folders that wait for a worker. Each takes one group after the other; what it does not get to goes back.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::FolderPlan;
use super::job::Group;

/// Tells the folder whose turn comes next, with its place in the plan.
pub(super) type Next<'c, 'a> = &'c mut dyn FnMut() -> Option<(usize, &'a FolderPlan)>;

/// The folders that come next on a connection.
pub(super) struct Upcoming<'q, 'a> {
    /// Those that nobody has taken, for all workers.
    queue: &'q Mutex<VecDeque<Group<'a>>>,
    taken: VecDeque<(usize, &'a FolderPlan)>,
    /// Whether a folder of the group that was taken was begun.
    is_begun: bool,
}

impl<'q, 'a> Upcoming<'q, 'a> {
    pub(super) fn new(queue: &'q Mutex<VecDeque<Group<'a>>>) -> Self {
        Self { queue, taken: VecDeque::new(), is_begun: false }
    }

    /// The folder whose turn it is, with its place in the plan.
    pub(super) fn next(&mut self) -> Option<(usize, &'a FolderPlan)> {
        self.peek()?;
        self.is_begun = true;
        self.taken.pop_front()
    }

    /// Whether what comes next may as well be another worker's: nothing of a group that this one began is left.
    pub(super) fn is_between_groups(&self) -> bool {
        self.taken.is_empty() || !self.is_begun
    }

    /// The folder whose turn comes next; from then on it is this worker's.
    pub(super) fn peek(&mut self) -> Option<(usize, &'a FolderPlan)> {
        if self.taken.is_empty() {
            let group = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            self.taken.extend(group.unwrap_or_default());
            self.is_begun = false;
        }
        self.taken.front().copied()
    }

    /// Lets others take what this one did not get to.
    pub(super) fn give_back(&mut self) {
        if !self.taken.is_empty() {
            let rest = self.taken.drain(..).collect();
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_front(rest);
        }
    }
}

impl Drop for Upcoming<'_, '_> {
    fn drop(&mut self) {
        self.give_back();
    }
}
