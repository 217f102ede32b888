//! A worker: one thread that owns one connection and its own stores, and carries folder after folder.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::Sender;

use crate::store::{self, OpenOptions, Store, StoreError};

use super::carry::Carry;
use super::job::{Brake, Group, Halt, Job, tell};
use super::link::Link;
use super::{Event, Failed, FolderPlan, Mode, Source};

/// One thread's work.
pub(super) struct Worker<'a> {
    job: &'a Job,
    brake: &'a Brake,
    events: &'a Sender<Event>,
    link: Link<'a>,
    stores: HashMap<Source, Box<dyn Store>>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(job: &'a Job, brake: &'a Brake, events: &'a Sender<Event>) -> Self {
        Self { job, brake, events, link: Link::new(job, brake, events), stores: HashMap::new() }
    }

    /// Carries groups from `queue` until none is left. Gives whether everything was carried.
    ///
    /// A worker that is not needed leaves quietly when the server takes no more connections.
    pub(super) fn run(mut self, queue: &Mutex<VecDeque<Group<'a>>>, is_needed: bool) -> Result<bool, Halt> {
        if !is_needed && self.link.connect().is_err() {
            return Ok(true);
        }
        let mut is_complete = true;
        while let Some(group) = next(queue) {
            for (index, plan) in group {
                if self.brake.is_pulled() {
                    return Err(Halt::Stopped);
                }
                is_complete &= self.folder(index, plan)?;
            }
        }
        self.link.close();
        Ok(is_complete)
    }

    /// Carries one folder. Gives whether all of it is across.
    fn folder(&mut self, index: usize, plan: &FolderPlan) -> Result<bool, Halt> {
        let opened = open(&mut self.stores, &plan.source).and_then(|store| {
            // A move that could never take anything away ends before anything is sent.
            if self.job.mode == Mode::Move {
                store.check_removable(&plan.folder)?;
            }
            Ok(store)
        });
        let store = match opened {
            Ok(store) => store,
            Err(error) => {
                tell(self.events, Event::Failed { index, failed: source_failed(plan, &error) });
                return Ok(false);
            }
        };
        let carry = Carry::new(self.job, self.brake, self.events, index, plan, &mut self.link, store);
        let carried = carry.run();
        tell(self.events, Event::FolderEnd { index });
        carried
    }
}

fn next<'a>(queue: &Mutex<VecDeque<Group<'a>>>) -> Option<Group<'a>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

fn open<'s>(stores: &'s mut HashMap<Source, Box<dyn Store>>, source: &Source) -> Result<&'s mut dyn Store, StoreError> {
    match stores.entry(source.clone()) {
        std::collections::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut().as_mut()),
        std::collections::hash_map::Entry::Vacant(entry) => {
            // What is carried is read anew: a kept list is for looking.
            let options = OpenOptions { cache: None, ..source.options.clone() };
            Ok(entry.insert(store::open_with(&source.path, &options)?).as_mut())
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
