//! Threads that do what is slow and answer by events. None of them holds any of the screen's state.

mod escapes;
pub(crate) mod far;
pub(crate) mod input;
pub(crate) mod journal;
pub(crate) mod reading;
mod report;
pub(crate) mod rules;
pub(crate) mod saving;
pub(crate) mod server;
pub(crate) mod signals;
pub(crate) mod store;
pub(crate) mod unlock;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crossbeam_channel::Sender;

use super::event::Event;

/// Starts a thread. Should it break, the screen says so instead of going quiet.
pub(crate) fn spawn(name: &'static str, events: &Sender<Event>, work: impl FnOnce() + Send + 'static) {
    let news = events.clone();
    let guarded = move || {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            // Nobody listens any more when the program is ending.
            let _ = news.send(Event::Broken(format!("the part that does \"{name}\" stopped")));
        }
    };
    if let Err(error) = thread::Builder::new().name(name.into()).spawn(guarded) {
        let _ = events.try_send(Event::Broken(format!("\"{name}\" could not be started: {error}")));
    }
}
