//! One folder's way across: open the target, list the source, skip what is there already, and send the rest in batches.
//! [`super::there`] knows what is there, [`super::intake`] reads, [`super::flight`] and [`super::send`] send, [`super::prove`] proves, [`super::late`] looks after
//! what was lost, [`super::tell`] tells.
//!
//! The order is that of facts/reliability.md section 1.3: the journal knows of a message before it is sent, one whose answer
//! was lost is looked for before it is sent again, and one is removed only after it was read back.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crossbeam_channel::Sender;

use crate::imap::{ImapError, Scope, Selected, Trace};
use crate::mail::display::clean;
use crate::mail::flags::is_portable_keyword;
use crate::mail::{FolderPath, Locator};
use crate::store::StoreError;

use super::air::Air;
use super::claims::Claims;
use super::intake::{self, Making, Read, SharedStore};
use super::job::{Brake, Halt, Job, tell};
use super::journal::Record;
use super::kept::Kept;
use super::late::Sweep;
use super::ledger::Ledger;
use super::link::Link;
use super::listing::{Item, Listing, Thorough, list};
use super::pace::Pace;
use super::pending::Prepared;
use super::plan::place;
use super::reading::{BROKEN_OFF, Reading};
use super::tell::Proven;
use super::there::There;
use super::upcoming::Next;
use super::width::Width;
use super::{Chosen, Event, Failed, FolderPlan, Line, Mailbox, Mode, Verify};

/// The most bytes of a batch that is waited for, unless one message is larger: what a worker holds in memory.
const BATCH_BYTES: usize = 8 << 20;
/// The most messages of a batch.
pub(super) const BATCH_MESSAGES: usize = 2000;

/// The most warnings of a server that are told of a job.
const MOST_WARNINGS: usize = 20;

/// What all that is carried in a job has in common.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) job: &'a Job,
    pub(super) record: &'a Record,
    pub(super) brake: &'a Brake,
    pub(super) events: &'a Sender<Event>,
    /// Whether it was told that the server writes mail anew.
    pub(super) rewrites: &'a AtomicBool,
    /// Whether it was told that the server does not keep dates.
    pub(super) undated: &'a AtomicBool,
    /// What the server warned of so far.
    pub(super) warnings: &'a Mutex<HashSet<String>>,
    /// Whether the server keeps what it says it took.
    pub(super) kept: &'a Kept,
    pub(super) pace: &'a Pace,
    pub(super) width: &'a Width,
    /// The connection that it is told of, counted from 1.
    pub(super) connection: usize,
}

impl Shared<'_> {
    /// The server wrote a message anew; told once a job.
    pub(super) fn rewritten(self) {
        if !self.rewrites.swap(true, Ordering::SeqCst) {
            let text = "this server writes mail anew: sender, recipients, subject, date and all parts are compared, for the \
                        bytes can not be";
            tell(self.events, Event::Remark { text: text.into() });
        }
    }

    /// The server warned of something; each is told once a job, and of too many the first.
    pub(super) fn warned(self, texts: Vec<String>) {
        for text in texts {
            let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
            if warnings.len() < MOST_WARNINGS && warnings.insert(text.clone()) {
                tell(self.events, Event::Remark { text: format!("the server warns: {}", clean(&text)) });
            }
        }
    }

    /// What is said is not traced any more; told once.
    pub(super) fn tell_end_of_trace(self) {
        if let Some(text) = self.job.trace().and_then(Trace::take_end) {
            tell(self.events, Event::Remark { text });
        }
    }

    /// How the messages of a folder are made what is sent.
    pub(super) fn making(self, plan: &FolderPlan) -> Making {
        let (repairs, asks) = (self.job.repairs.clone(), self.job.asks.clone());
        Making { repairs, asks, dates: plan.dates, sums: self.job.sums }
    }

    /// Tells what this connection is at.
    pub(super) fn line(self, line: Line) {
        tell(self.events, Event::Connection { number: self.connection, line });
    }

    /// Tells a failure, and notes it in the journal.
    pub(super) fn fail(self, index: usize, failed: Failed) {
        // A journal that takes no more ends the job before the next message is sent; until then the screen has it.
        let _ = self.record.fail(&failed);
        tell(self.events, Event::Failed { index, failed });
    }
}

/// One folder under way.
pub(super) struct Carry<'c, 'a> {
    pub(super) shared: Shared<'a>,
    pub(super) index: usize,
    pub(super) plan: &'c FolderPlan,
    pub(super) link: &'c mut Link<'a>,
    pub(super) store: &'c SharedStore,
    reading: Reading,
    /// Tells the folder that comes after it, and its place in the plan.
    pub(super) next: Next<'c, 'a>,
    /// The folder as the server has it.
    pub(super) target: FolderPath,
    /// The largest message that it takes, in bytes, where the server says so.
    largest: Option<u64>,
    /// Its state; `uid_next` is the least UID that a message not yet settled can have.
    pub(super) selected: Selected,
    pub(super) there: There,
    /// The folder as it was before the job, and how many messages the job stored in it since.
    pub(super) before: Selected,
    pub(super) stored: u64,
    /// What other folders of the plan have in the same folder on the server.
    pub(super) claims: &'c mut Claims,
    /// Whether there are such folders.
    pub(super) is_shared: bool,
    pub(super) ledger: Ledger,
    /// What was sent and not waited for.
    pub(super) air: Air,
    /// UIDs, from `selected.uid_next` on, that are a message's already.
    pub(super) claimed: HashSet<u32>,
    /// What may turn up late.
    pub(super) sweep: Option<Sweep>,
    /// Whether a move needs the word of a person to go on.
    pub(super) needs_consent: bool,
    /// Proven messages of a move, not yet removed.
    pub(super) proven: Vec<Proven>,
    pub(super) batch_messages: usize,
    /// Whether each message of the batch is waited for, to find the one that is refused.
    pub(super) one_by_one: bool,
    /// When a message's subject was last told.
    pub(super) told: Option<Instant>,
    /// Messages told as done or failed, and those of them that were there before.
    pub(super) finished: u64,
    pub(super) already: u64,
    pub(super) extent: Extent,
}

/// How much of a folder got across; of several, the most that is to be told counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    /// All of it.
    #[default]
    Whole,
    /// All but what another program had locked, and that may go later.
    Locked,
    /// Not all, and each message that is missing was told.
    Partial,
}

impl Extent {
    /// How much there is after such an error.
    pub(super) fn after(error: &StoreError) -> Self {
        if matches!(error, StoreError::Locked { .. }) { Self::Locked } else { Self::Partial }
    }
}

/// How a folder went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Carriage {
    /// How much of it is across.
    pub(super) extent: Extent,
    /// Messages that were there before.
    pub(super) already: u64,
}

impl<'c, 'a> Carry<'c, 'a> {
    pub(super) fn new(
        shared: Shared<'a>,
        index: usize,
        plan: &'c FolderPlan,
        link: &'c mut Link<'a>,
        claims: &'c mut Claims,
        (store, reading): (&'c SharedStore, Reading),
        next: Next<'c, 'a>,
    ) -> Self {
        Self {
            shared,
            index,
            plan,
            link,
            store,
            reading,
            next,
            target: plan.target.clone(),
            largest: None,
            selected: Selected::default(),
            there: There::default(),
            before: Selected::default(),
            stored: 0,
            claims,
            is_shared: Claims::others(&shared.job.plan, index).next().is_some(),
            ledger: Ledger::new(shared.job.mode == Mode::Move),
            air: Air::new(),
            claimed: HashSet::new(),
            sweep: None,
            needs_consent: false,
            proven: Vec::new(),
            batch_messages: 4,
            one_by_one: false,
            told: None,
            finished: 0,
            already: 0,
            extent: Extent::Whole,
        }
    }

    /// Carries the folder.
    pub(super) fn run(mut self) -> (Carriage, Result<(), Halt>) {
        let mut listed = self.plan.messages;
        let end = self.carry(&mut listed);
        self.reading.end();
        // What is chosen of a file is known by its place there, which no removal may change while some of it is to be carried.
        let is_to_go_on = end.is_err() && self.plan.chosen != Chosen::All;
        let may_remove = !(is_to_go_on && intake::lock(self.store).rewrites_whole_files());
        let removed = if may_remove { self.remove_proven() } else { Ok(()) };
        let end = match removed.and_then(|()| self.write_due()) {
            Err(error) if end.is_ok() => Err(error),
            _ => end,
        };
        // What stops this one is that another one gave up the server: nothing of it will have its turn.
        let end = match end {
            Err(Halt::Stopped) if self.shared.kept.is_hopeless() => Err(Halt::NotKept),
            other => other,
        };
        let rest = listed.saturating_sub(self.finished);
        match &end {
            Err(Halt::Server(error)) if rest > 0 => self.fail_folder(rest, error),
            Err(Halt::Source(reason)) if rest > 0 => {
                let failed = self.failed(String::new(), String::new(), reason.clone(), rest);
                self.tell_failed(failed);
            }
            // What a stop left out waits for its turn.
            Ok(()) | Err(Halt::Stopped) => {}
            Err(halt) if rest > 0 => {
                let failed = self.failed(String::new(), String::new(), format!("not begun: {halt}"), rest);
                self.tell_failed(failed);
            }
            Err(_) => {}
        }
        (Carriage { extent: self.extent, already: self.already }, end)
    }

    fn carry(&mut self, listed: &mut u64) -> Result<(), Halt> {
        if let Err(error) = self.open_target()? {
            self.fail_folder(*listed, &error);
            return Ok(());
        }
        let (source, target) = (self.plan.folder.clone(), self.target.clone());
        let (messages, bytes) = (self.plan.messages, self.plan.bytes);
        self.tell(Event::FolderStart { index: self.index, source, target, messages, bytes });
        let Listing { items, damage, .. } = match self.reading.listing(self.shared.brake)? {
            Ok(listing) => listing,
            Err(reason) => {
                let failed = self.failed(String::new(), String::new(), reason, self.plan.messages);
                self.tell_failed(failed);
                return Ok(());
            }
        };
        if !damage.is_empty() {
            self.extent = Extent::Partial;
            // What is told of it may hold a subject, which the journal never does. One that takes no more ends the job before the
            // next message is sent.
            let reason = format!("damaged places in it: {}; `mailferry ls --messages` lists them", damage.len());
            _ = self.shared.record.fail(&self.failed(String::new(), String::new(), reason, 0));
        }
        for text in damage {
            self.tell(Event::Damage { index: self.index, text });
        }
        let items = self.look_for_chosen(items)?;
        self.recount(items.len())?;
        *listed = items.len() as u64 + self.finished;
        self.tell(Event::FolderListed { index: self.index, planned: self.plan.messages, messages: *listed });
        self.walk(&items)?;
        self.look_for_surplus()
    }

    /// The listed messages, once it is sure that they are the chosen ones; tells those that are not there any more. Once some
    /// of a file were taken out, the places of the others mean nothing.
    fn look_for_chosen(&mut self, items: Arc<Vec<Item>>) -> Result<Arc<Vec<Item>>, Halt> {
        let Chosen::Only(chosen) = &self.plan.chosen else { return Ok(items) };
        let taken_out = self.shared.record.taken_out(self.index)?;
        let is_stale = !taken_out.is_empty() && intake::lock(self.store).rewrites_whole_files();
        let items = if is_stale { Arc::default() } else { items };
        let known = items.iter().map(|item| &item.locator).chain(&taken_out);
        let known: HashSet<_> = known.map(place).collect();
        let is_missing = |locator: &&Locator| !known.contains(&place(locator));
        let missing: Vec<String> = chosen.iter().filter(is_missing).map(Locator::id).collect();
        let reason = if is_stale {
            "other marked messages were taken out of the file since, so that its place says no more which one it was: mark it anew"
        } else {
            "it is no longer where it was when it was marked: another program moved, changed or removed it"
        };
        for id in missing {
            let failed = self.failed(id, String::new(), reason.to_owned(), 1);
            self.tell_failed(failed);
        }
        Ok(items)
    }

    /// Makes the target folder where needed, opens it, settles what earlier runs left open, and learns what it holds.
    fn open_target(&mut self) -> Result<Result<(), ImapError>, Halt> {
        let wanted = self.plan.target.clone();
        let mut made = Vec::new();
        let opened = self.ask(|session, _| {
            if let Some(opening) = session.ask_to_open(&wanted)? {
                session.made(&opening, &mut made)?;
            }
            let path = session.create(&wanted, &mut made)?;
            let largest = session.append_limit(&path)?;
            let selected = session.select(&path)?;
            Ok((path, largest, selected))
        });
        if !matches!(opened, Ok(Ok(_))) && !made.is_empty() {
            self.shared.record.opened(self.index, &self.target, &made)?;
        }
        match opened? {
            Ok((path, largest, selected)) => {
                (self.target, self.largest, self.selected) = (path, largest, selected);
            }
            Err(error) => return Ok(Err(error)),
        }
        self.shared.record.opened(self.index, &self.target, &made)?;
        if let Err(error) = self.settle_earlier()? {
            return Ok(Err(error));
        }
        if let Err(error) = self.recall()? {
            return Ok(Err(error));
        }
        self.before = self.selected.clone();
        self.learn_held()
    }

    /// Asks the server something, on a new connection if this one is lost meanwhile. Nothing may be in the air.
    pub(super) fn ask<T>(
        &mut self,
        mut question: impl FnMut(&mut Mailbox, &FolderPath) -> Result<T, ImapError>,
    ) -> Result<Result<T, ImapError>, Halt> {
        loop {
            match question(self.link.session()?, &self.target) {
                Err(error) if error.scope() == Scope::Connection || matches!(error, ImapError::Cancelled) => {
                    self.link.lost(error)?;
                }
                other => return Ok(other),
            }
        }
    }

    /// Which messages may be one of several with the same name, by their places: what the target holds is told apart by
    /// names. Empty where it holds nothing.
    fn twins(&self, items: &[Item]) -> Vec<bool> {
        if self.there.held.is_empty() {
            return Vec::new();
        }
        let mut names: Vec<Option<NonZeroU64>> = items.iter().map(|item| item.name).collect();
        if names.contains(&None) {
            let brake = self.shared.brake;
            // What can be listed no more is told when it is read.
            let listed = list(self.store, &self.plan.folder, &self.plan.chosen, Thorough::Yes, &|| brake.is_pulled());
            let listed = listed.iter().flat_map(|listing| listing.items.iter());
            let named: HashMap<&Locator, Option<NonZeroU64>> = listed.map(|item| (&item.locator, item.name)).collect();
            names = items.iter().map(|item| named.get(&item.locator).copied().flatten()).collect();
        }
        let mut seen = HashSet::new();
        let twins: HashSet<NonZeroU64> = names.iter().flatten().copied().filter(|name| !seen.insert(*name)).collect();
        names.iter().map(|name| name.is_none_or(|name| twins.contains(&name))).collect()
    }

    /// How the messages of this folder are made what is sent.
    pub(super) fn making(&self) -> Making {
        self.shared.making(self.plan)
    }

    /// Sends the listed messages in batches as they are read.
    fn walk(&mut self, items: &[Item]) -> Result<(), Halt> {
        let twins = self.twins(items);
        let lots = self.reading.lots();
        let mut items = items.iter().enumerate();
        let mut batch = Vec::new();
        let mut bytes = 0;
        for (read, (place, item)) in lots.into_iter().flatten().zip(&mut items) {
            if self.shared.brake.is_pulled() {
                break;
            }
            if let Some(lost) = read.as_ref().err().and_then(|unreadable| unreadable.lost.clone()) {
                self.ship(batch)?;
                self.land_all()?;
                return Err(Halt::Source(lost));
            }
            let has_twin = twins.get(place).is_none_or(|has_twin| *has_twin);
            if let Some(prepared) = self.prepare(item, has_twin, read)? {
                if prepared.large.is_some() {
                    self.ship(std::mem::take(&mut batch))?; // it goes alone
                }
                bytes += usize::try_from(prepared.size).unwrap_or(usize::MAX);
                batch.push(prepared);
            }
            if self.is_full(batch.len(), bytes) {
                self.ship(std::mem::take(&mut batch))?;
                bytes = 0;
                if !intake::lock(self.store).rewrites_whole_files() {
                    self.remove_proven()?;
                }
            }
        }
        if self.shared.brake.is_pulled() {
            self.land_all()?;
            return Err(Halt::Stopped);
        }
        self.ship(batch)?;
        self.ask_ahead();
        self.open_ahead();
        self.land_all()?;
        let rest = items.len() as u64;
        if rest > 0 {
            let failed = self.failed(String::new(), String::new(), BROKEN_OFF.into(), rest);
            self.tell_failed(failed);
        }
        Ok(())
    }

    /// Makes a message ready; `None` when it is there already or can't be sent, which is told.
    fn prepare(&mut self, item: &Item, has_twin: bool, read: Read) -> Result<Option<Prepared>, Halt> {
        let Item { locator, flags, keywords, internal_date, .. } = item.clone();
        let content = match read {
            Ok(content) => content,
            Err(unreadable) => {
                self.save(&locator.id(), &unreadable.bytes);
                let mut failed = self.failed(locator.id(), unreadable.subject, unreadable.reason, 1);
                unreadable.hint.clone_into(&mut failed.hint);
                if !unreadable.needs.is_empty() {
                    self.tell(Event::NeedsRepair { repairs: unreadable.needs });
                }
                self.tell_failed(failed);
                return Ok(None);
            }
        };
        let (keywords, dropped_flags) = keywords
            .into_vec()
            .into_iter()
            .partition(|keyword| is_portable_keyword(keyword) && self.selected.takes(keyword));
        let prepared = Prepared { dropped_flags, ..Prepared::of(content, locator, flags, keywords, internal_date) };
        if let Some(most) = self.largest
            && prepared.size > most
        {
            let reason = format!("it has {} bytes, and the server takes {most} at most", prepared.size);
            self.fail(&prepared, reason, None);
            return Ok(None);
        }
        match self.find_held(&prepared, has_twin)? {
            Some((uid, proof)) => self.is_there_already(prepared, uid, proof),
            None => Ok(Some(prepared)),
        }
    }

    /// Whether every message's content is read back.
    pub(super) fn reads_all_back(&self) -> bool {
        self.shared.job.mode == Mode::Move || self.shared.job.verify == Verify::Full
    }

    pub(super) fn tell(&self, event: Event) {
        tell(self.shared.events, event);
    }

    /// Whether a batch is to be sent before it gets larger.
    fn is_full(&mut self, messages: usize, bytes: usize) -> bool {
        let (most_messages, most_bytes) =
            if self.may_fly() { self.air.batch() } else { (self.batch_messages, BATCH_BYTES) };
        messages >= most_messages || bytes >= most_bytes.min(self.shared.pace.piece())
    }
}
