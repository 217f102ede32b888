//! The folders that wait for a worker. Each takes one group after the other; what it does not get to goes back, unless it
//! panics in a group.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;

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
        // Only the worker knew which messages on the server are whose in its group: another would take one for its twin.
        if !(thread::panicking() && self.is_begun) {
            self.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::FolderPath;
    use crate::store::OpenOptions;
    use crate::transfer::{Chosen, Source};

    fn folder(path: &str) -> FolderPlan {
        FolderPlan {
            source: Source { path: "/mail".into(), options: OpenOptions::default() },
            folder: FolderPath::parse(path),
            chosen: Chosen::All,
            target: FolderPath::parse("Box"),
            exists: false,
            messages: 1,
            bytes: 1,
            dates: crate::mail::DateRule::Auto,
        }
    }

    /// The places of the folders that wait after a worker began the first, or only looked at it, and ended or panicked.
    fn left(begins: bool, panics: bool) -> Vec<Vec<usize>> {
        let folders = ["A", "B", "C"].map(folder);
        let one = |place: usize| (place, &folders[place]);
        let queue = Mutex::new(VecDeque::from([vec![one(0), one(1)], vec![one(2)]]));
        let worker = || {
            let mut upcoming = Upcoming::new(&queue);
            let first = if begins { upcoming.next() } else { upcoming.peek() };
            assert!(!panics, "on purpose, at {:?}", first.map(|(place, _)| place));
        };
        assert_eq!(thread::scope(|scope| scope.spawn(worker).join()).is_err(), panics);
        let left = queue.into_inner().unwrap();
        left.iter().map(|group| group.iter().map(|(place, _)| *place).collect()).collect()
    }

    #[test]
    fn what_a_worker_does_not_get_to_goes_back_but_for_a_group_that_it_panics_in() {
        assert_eq!(left(false, false), [vec![0, 1], vec![2]]);
        assert_eq!(left(false, true), [vec![0, 1], vec![2]]);
        assert_eq!(left(true, false), [vec![1], vec![2]]);
        assert_eq!(left(true, true), [vec![2]]);
    }
}
