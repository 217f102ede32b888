//! Saves messages that were not carried: reads stores and writes files, in a thread of its own.

use std::path::PathBuf;

use crossbeam_channel::Sender;

use super::spawn;
use crate::transfer::{Failed, Plan, save};
use crate::ui::event::Event;

/// Saves them; the answer comes as an event.
pub(crate) fn start(plan: Plan, failures: Vec<Failed>, directory: PathBuf, events: &Sender<Event>) {
    let news = events.clone();
    spawn("save messages", events, move || {
        // Nobody listens any more when the program is ending.
        let _ = news.send(Event::Saved(save(&plan, &failures, &directory)));
    });
}
