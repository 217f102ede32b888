//! A worker: one thread that owns one connection and its own stores, and carries folder after folder.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::imap::Account;
use crate::store::{OpenOptions, Store, StoreError};

use super::carry::{Carriage, Carry, Extent, Shared};
use super::job::{Brake, Group, Halt, tell};
use super::link::Link;
use super::locked;
use super::{Event, Failed, FolderPlan, Line, Mailbox, Mode, Source};

/// One thread's work.
pub(super) struct Worker<'a> {
    shared: Shared<'a>,
    link: Link<'a>,
    stores: HashMap<Source, Box<dyn Store>>,
}

impl<'a> Worker<'a> {
    /// A worker that goes on with `session`, if there is one.
    pub(super) fn new(shared: Shared<'a>, session: Option<Mailbox>) -> Self {
        Self { shared, link: Link::new(shared, session), stores: HashMap::new() }
    }

    /// Carries groups from `queue` until none is left, and gives how that went, whatever ended it.
    ///
    /// All but the first leave quietly when the server takes no more connections, or has no use for them.
    pub(super) fn run(mut self, queue: &Mutex<VecDeque<Group<'a>>>) -> (Carriage, Result<(), Halt>) {
        let end = self.work(queue);
        self.shared.width.give_up();
        self.shared.line(Line::Closed);
        end
    }

    fn work(&mut self, queue: &Mutex<VecDeque<Group<'a>>>) -> (Carriage, Result<(), Halt>) {
        let mut all = Carriage::default();
        let Shared { connection, width, .. } = self.shared;
        if connection > 1 && (connection > width.wait() || self.link.connect().is_err()) {
            return (all, Ok(()));
        }
        while let Some(group) = next(queue) {
            for (index, plan) in group {
                if self.shared.brake.is_pulled() {
                    return (all, Err(Halt::Stopped));
                }
                let (one, end) = self.folder(index, plan);
                all.extent = all.extent.max(one.extent);
                all.already += one.already;
                if end.is_err() {
                    return (all, end);
                }
            }
        }
        self.link.close();
        (all, Ok(()))
    }

    /// Carries one folder.
    fn folder(&mut self, index: usize, plan: &FolderPlan) -> (Carriage, Result<(), Halt>) {
        let (shared, accounts) = (self.shared, &self.shared.job.accounts);
        let opened = shared.job.target.check_apart(plan).and_then(|()| {
            let store = open(&mut self.stores, &plan.source, accounts, shared.brake)?;
            // A move that could never take anything away ends before anything is sent.
            if shared.job.mode == Mode::Move {
                locked::in_job(shared, index, || store.check_removable(&plan.folder))?;
            }
            Ok(store)
        });
        let store = match opened {
            Ok(store) => Mutex::new(store),
            Err(error) => {
                self.shared.fail(index, source_failed(plan, &error));
                return (Carriage { extent: Extent::after(&error), already: 0 }, Ok(()));
            }
        };
        self.shared.line(Line::Carries(index));
        let carried = Carry::new(self.shared, index, plan, &mut self.link, &store).run();
        tell(self.shared.events, Event::FolderEnd { index });
        carried
    }
}

fn next<'a>(queue: &Mutex<VecDeque<Group<'a>>>) -> Option<Group<'a>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

fn open<'s>(
    stores: &'s mut HashMap<Source, Box<dyn Store>>,
    source: &Source,
    accounts: &[Account],
    brake: &Brake,
) -> Result<&'s mut dyn Store, StoreError> {
    match stores.entry(source.clone()) {
        Entry::Occupied(entry) => Ok(entry.into_mut().as_mut()),
        Entry::Vacant(entry) => {
            // What is carried is read anew: a kept list is for looking.
            let options = OpenOptions { cache: None, ..source.options.clone() };
            let source = Source { options, ..source.clone() };
            Ok(entry.insert(source.open_braked(accounts, brake)?).as_mut())
        }
    }
}

/// The failure of a whole folder whose store can not be opened.
fn source_failed(plan: &FolderPlan, error: &StoreError) -> Failed {
    Failed {
        folder: plan.folder.clone(),
        id: String::new(),
        subject: String::new(),
        reason: error.to_string(),
        server_text: String::new(),
        hint: String::new(),
        messages: plan.messages,
    }
}
