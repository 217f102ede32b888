//! The way to a process that carries jobs out without a terminal: one thread listens, one asks.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::spawn;
use crate::detached::{Asked, Guest, Handed, Said, Teller};
use crate::transfer::{Job, Journal, Order};
use crate::ui::event::{Event, FarEvent, Trouble};

/// What is asked of it.
#[derive(Debug)]
pub(crate) enum FarRequest {
    /// An order to its queue.
    Order(Order),
    /// A job for its queue.
    Take(Box<Job>),
}

/// Starts listening and asking. `state` is the directory of the journal that both use.
pub(crate) fn start(mut guest: Guest, state: PathBuf, events: &Sender<Event>) -> Sender<FarRequest> {
    let (sender, requests) = unbounded();
    let queue = Box::new(guest.queue.clone());
    let mut first = vec![FarEvent::All(queue)];
    match guest.teller() {
        Ok(teller) => {
            let news = events.clone();
            spawn("ask the other process", events, move || ask(&requests, teller, &state, &news));
        }
        Err(_) => first.push(FarEvent::Gone),
    }
    let news = events.clone();
    spawn("listen to the other process", events, move || {
        let said = std::iter::from_fn(move || guest.hear()).filter_map(|said| match said {
            Said::Hello(_) => None,
            Said::All { queue } => Some(FarEvent::All(queue)),
            Said::Happened { events } => Some(FarEvent::Happened(events)),
            Said::NotTaken { reason } => Some(FarEvent::NotTaken(Trouble { text: reason, hint: String::new() })),
        });
        for event in first.into_iter().chain(said).chain([FarEvent::Gone]) {
            if news.send(Event::Far(event)).is_err() {
                return;
            }
        }
    });
    sender
}

fn ask(requests: &Receiver<FarRequest>, mut teller: Teller, state: &Path, events: &Sender<Event>) {
    while let Ok(request) = requests.recv() {
        let asked = match request {
            FarRequest::Order(order) => Asked::Order { order },
            FarRequest::Take(job) => {
                let noted = Journal::open(state).and_then(|mut journal| Handed::note(&mut journal, &job, 0, false));
                match noted {
                    Ok(job) => Asked::Take { job },
                    Err(error) => {
                        // Nobody listens any more when the program is ending.
                        let _ = events.send(Event::Far(FarEvent::NotTaken(Trouble::from(&error))));
                        continue;
                    }
                }
            }
        };
        // That it is gone is told by the one who listens.
        let _ = teller.ask(&asked);
    }
}
