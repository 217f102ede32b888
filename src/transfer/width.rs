//! How many connections a job uses: as many as were asked for, else as many as its server gets more out of, which is known
//! once the first is made; fewer once the server refuses one while others work. Shared by its workers.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Mailbox;
use super::job::Brake;

/// The most connections that are used where nobody asked for a number.
pub(super) const MOST: usize = 3;
/// How often who waits for a connection looks at the brake.
const GLANCE: Duration = Duration::from_millis(50);

/// The number, once it is known, and the connections that change hands.
pub(super) struct Width {
    state: Mutex<State>,
    news: Condvar,
}

struct State {
    known: Option<usize>,
    /// Connections that are made and not lost.
    working: usize,
    /// Workers that have none, since the server refuses them one.
    waiting: usize,
    /// Connections on their way to these, which count as working.
    handed: Vec<Mailbox>,
}

impl State {
    fn is_waited_for(&self) -> bool {
        self.waiting > self.handed.len()
    }
}

impl Width {
    /// What was asked for, if anything was.
    pub(super) fn new(asked: Option<usize>) -> Self {
        let state = State { known: asked, working: 0, waiting: 0, handed: Vec::new() };
        Self { state: Mutex::new(state), news: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection is made: it tells how many are worth making.
    pub(super) fn made(&self, mailbox: &Mailbox) {
        self.state().working += 1;
        self.settle(mailbox.useful_connections());
    }

    /// A connection that was made is lost, or closed.
    pub(super) fn lost(&self) {
        let mut state = self.state();
        state.working = state.working.saturating_sub(1);
        drop(state);
        self.news.notify_all();
    }

    /// Nothing will be learnt any more.
    pub(super) fn give_up(&self) {
        self.settle(1);
    }

    fn settle(&self, number: usize) {
        self.state().known.get_or_insert(number);
        self.news.notify_all();
    }

    /// Waits until the number is known.
    pub(super) fn wait(&self) -> usize {
        let state = self.news.wait_while(self.state(), |state| state.known.is_none());
        state.unwrap_or_else(PoisonError::into_inner).known.unwrap_or(1)
    }

    /// Whether any connection works.
    pub(super) fn is_working(&self) -> bool {
        self.state().working > 0
    }

    /// Whether a worker waits for a connection, and none is on its way to it.
    pub(super) fn is_waited_for(&self) -> bool {
        self.state().is_waited_for()
    }

    /// Gives a connection that works to a worker that waits for one, if one does; it is taken out of `session` then.
    pub(super) fn hand_over(&self, session: &mut Option<Mailbox>) {
        let mut state = self.state();
        if state.is_waited_for() {
            state.handed.extend(session.take());
            self.news.notify_all();
        }
    }

    /// Waits for a connection that another worker hands over. `None` once none works any more, or when the job is to stop.
    pub(super) fn wait_for_one(&self, brake: &Brake) -> Option<Mailbox> {
        let mut state = self.state();
        state.waiting += 1;
        while state.handed.is_empty() && state.working > 0 && !brake.is_pulled() {
            let waited = self.news.wait_timeout(state, GLANCE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting -= 1;
        state.handed.pop()
    }
}
