//! A worker: one thread that owns one connection and its own stores, and carries folder after folder.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use crate::imap::Account;
use crate::store::StoreError;

use super::carry::{Carriage, Carry, Extent, Shared};
use super::claims::Claims;
use super::intake::{self, SharedStore};
use super::job::{Brake, Group, Halt, tell};
use super::link::Link;
use super::locked;
use super::reading::{HeadStart, Reading};
use super::upcoming::Upcoming;
use super::{Event, Failed, FolderPlan, Line, Mailbox, Mode, Source};

/// One thread's work.
pub(super) struct Worker<'a> {
    shared: Shared<'a>,
    link: Link<'a>,
    stores: HashMap<Source, SharedStore>,
    ahead: Option<HeadStart>,
    claims: Claims,
}

impl<'a> Worker<'a> {
    /// A worker that goes on with a session and what was read ahead, if there are any.
    pub(super) fn new(shared: Shared<'a>, session: Option<Mailbox>, ahead: Option<HeadStart>) -> Self {
        Self { shared, link: Link::new(shared, session), stores: HashMap::new(), ahead, claims: Claims::default() }
    }

    /// Carries groups from `queue` until none is left, and gives how that went, whatever ended it.
    ///
    /// All but the first leave quietly when the server takes no more connections, or has no use for them; and each, when
    /// another one that lost its connection gets no new one and goes on with its own.
    pub(super) fn run(mut self, queue: &Mutex<VecDeque<Group<'a>>>) -> (Carriage, Result<(), Halt>) {
        let end = self.work(queue);
        self.shared.line(Line::Closed);
        end
    }

    fn work(&mut self, queue: &Mutex<VecDeque<Group<'a>>>) -> (Carriage, Result<(), Halt>) {
        let mut all = Carriage::default();
        let Shared { connection, width, .. } = self.shared;
        if connection > 1 && (connection > width.wait() || !self.link.joins()) {
            return (all, Ok(()));
        }
        let mut upcoming = Upcoming::new(queue);
        loop {
            if upcoming.is_between_groups() && width.is_waited_for() {
                // First, for the one that gets the connection may look for more at once.
                upcoming.give_back();
                if self.link.hand_over() {
                    return (all, Ok(()));
                }
            }
            let Some((index, plan)) = upcoming.peek() else { break };
            if self.shared.brake.is_pulled() {
                return (all, Err(Halt::Stopped));
            }
            upcoming.next();
            let (one, end) = self.folder(index, plan, &mut upcoming);
            all.extent = all.extent.max(one.extent);
            all.already += one.already;
            if end.is_err() {
                return (all, end);
            }
        }
        self.link.close();
        (all, Ok(()))
    }

    /// Carries one folder.
    fn folder(
        &mut self,
        index: usize,
        plan: &FolderPlan,
        upcoming: &mut Upcoming<'_, 'a>,
    ) -> (Carriage, Result<(), Halt>) {
        let shared = self.shared;
        let begun = shared.job.target.check_apart(plan).and_then(|()| self.begin(index, plan));
        let (store, reading) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                shared.fail(index, source_failed(plan, &error));
                return (Carriage { extent: Extent::after(&error), already: 0 }, Ok(()));
            }
        };
        shared.line(Line::Carries(index));
        let (link, claims) = (&mut self.link, &mut self.claims);
        let carried = Carry::new(shared, index, plan, link, claims, (&store, reading), &mut || upcoming.peek()).run();
        self.link.tell_warnings();
        tell(shared.events, Event::FolderEnd { index });
        shared.tell_end_of_trace();
        carried
    }

    /// Begins to read a folder, unless that was begun before.
    fn begin(&mut self, index: usize, plan: &FolderPlan) -> Result<(SharedStore, Reading), StoreError> {
        let (shared, making) = (self.shared, self.shared.making(plan));
        let is_move = shared.job.mode == Mode::Move;
        if let Some(begun) = self.ahead.take().filter(|_| !is_move).and_then(|ahead| ahead.take(plan, &making)) {
            self.stores.insert(plan.source.clone(), Arc::clone(&begun.0));
            return Ok(begun);
        }
        let store = open(&mut self.stores, &plan.source, &shared.job.accounts, shared.brake)?;
        // A move that could never take anything away ends before anything is sent.
        if is_move {
            locked::in_job(shared, index, || intake::lock(&store).check_removable(&plan.folder))?;
        }
        let store_of = Arc::clone(&store);
        Ok((store, Reading::begin(move || Some(store_of), plan, making)))
    }
}

fn open(
    stores: &mut HashMap<Source, SharedStore>,
    source: &Source,
    accounts: &[Account],
    brake: &Brake,
) -> Result<SharedStore, StoreError> {
    if let Some(store) = stores.get(source) {
        return Ok(Arc::clone(store));
    }
    let store = Arc::new(Mutex::new(source.afresh().open_braked(accounts, brake)?));
    stores.insert(source.clone(), Arc::clone(&store));
    Ok(store)
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
