//! One folder's way across: open the target, list the source, read each message, and skip what is there already.
//! [`super::send`] sends, [`super::prove`] proves, [`super::tell`] tells.
//!
//! The order is that of facts/reliability.md section 1.3: a message is removed only after it was read back, and one whose
//! answer was lost is looked for before it is sent again.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use crossbeam_channel::Sender;

use crate::imap::{ImapError, Scope, Selected, Session};
use crate::mail::canonical::{self, Unfit};
use crate::mail::envelope::Summary;
use crate::mail::flags::is_portable_keyword;
use crate::mail::{Digest, Envelope, Fingerprint, Flags, FolderPath, InternalDate, Locator};
use crate::store::{Found, Removal, Store, StoreError, Walk};

use super::held::Held;
use super::job::{Brake, Halt, Job, tell};
use super::link::Link;
use super::pending::Prepared;
use super::{Chosen, Event, FolderPlan, How, Mode, Proof, Verify};

/// The most bytes of a batch, unless one message is larger: what a worker holds in memory.
const BATCH_BYTES: usize = 8 << 20;
/// The most messages of a batch.
pub(super) const BATCH_MESSAGES: usize = 2000;
/// What is kept of a listed message until its turn.
struct Item {
    locator: Locator,
    flags: Flags,
    keywords: Vec<String>,
    internal_date: Option<InternalDate>,
    /// Names the message roughly; equal for messages with one Message-ID.
    name: u64,
}

/// One folder under way.
pub(super) struct Carry<'c, 'a> {
    pub(super) job: &'a Job,
    pub(super) brake: &'a Brake,
    pub(super) events: &'a Sender<Event>,
    pub(super) index: usize,
    pub(super) plan: &'c FolderPlan,
    pub(super) link: &'c mut Link<'a>,
    pub(super) store: &'c mut dyn Store,
    /// The folder as the server has it.
    pub(super) target: FolderPath,
    pub(super) selected: Selected,
    held: Held,
    /// Names that more than one message of the folder has.
    twins: HashSet<u64>,
    /// Proven messages of a move, not yet removed.
    pub(super) proven: Vec<Removal>,
    pub(super) batch_messages: usize,
    /// Whether each message of the batch is waited for, to find the one that is refused.
    pub(super) one_by_one: bool,
    /// Messages told as done or failed.
    pub(super) finished: u64,
    pub(super) is_complete: bool,
}

impl<'c, 'a> Carry<'c, 'a> {
    pub(super) fn new(
        job: &'a Job,
        brake: &'a Brake,
        events: &'a Sender<Event>,
        index: usize,
        plan: &'c FolderPlan,
        link: &'c mut Link<'a>,
        store: &'c mut dyn Store,
    ) -> Self {
        Self {
            job,
            brake,
            events,
            index,
            plan,
            link,
            store,
            target: plan.target.clone(),
            selected: Selected::default(),
            held: Held::default(),
            twins: HashSet::new(),
            proven: Vec::new(),
            batch_messages: 4,
            one_by_one: false,
            finished: 0,
            is_complete: true,
        }
    }

    /// Carries the folder. Gives whether all of it is across.
    pub(super) fn run(mut self) -> Result<bool, Halt> {
        let mut listed = self.plan.messages;
        let end = self.carry(&mut listed);
        self.remove_proven();
        if let Err(Halt::Server(error)) = &end {
            let rest = listed.saturating_sub(self.finished);
            if rest > 0 {
                self.fail_folder(rest, error);
            }
        }
        end.map(|()| self.is_complete)
    }

    fn carry(&mut self, listed: &mut u64) -> Result<(), Halt> {
        if let Err(error) = self.open_target()? {
            self.fail_folder(*listed, &error);
            return Ok(());
        }
        let (source, target) = (self.plan.folder.clone(), self.target.clone());
        let (messages, bytes) = (self.plan.messages, self.plan.bytes);
        tell(self.events, Event::FolderStart { index: self.index, source, target, messages, bytes });
        let items = match self.list() {
            Ok(items) => items,
            Err(error) => {
                let failed = self.failed(String::new(), String::new(), error.to_string(), self.plan.messages);
                self.tell_failed(failed);
                return Ok(());
            }
        };
        *listed = items.len() as u64;
        tell(self.events, Event::FolderListed { index: self.index, planned: self.plan.messages, messages: *listed });
        self.find_twins(&items);
        self.walk(items)
    }

    /// Makes the target folder where needed, opens it, and learns what it holds.
    fn open_target(&mut self) -> Result<Result<(), ImapError>, Halt> {
        let wanted = self.plan.target.clone();
        let opened = self.ask(|session, _| {
            let target = session.create(&wanted)?;
            let selected = session.select(&target)?;
            let mut held = Vec::new();
            session.held(selected.exists, |message| held.push(message))?;
            Ok((target, selected, held))
        })?;
        Ok(opened.map(|(target, selected, held)| {
            (self.target, self.selected, self.held) = (target, selected, Held::new(held));
        }))
    }

    /// Asks the server something, on a new connection if this one is lost meanwhile.
    pub(super) fn ask<T>(
        &mut self,
        mut question: impl FnMut(&mut Session, &FolderPath) -> Result<T, ImapError>,
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

    /// The chosen messages of the folder, without their bodies.
    fn list(&mut self) -> Result<Vec<Item>, StoreError> {
        let chosen: Option<HashSet<(&str, u64)>> = match &self.plan.chosen {
            Chosen::All => None,
            Chosen::Only(locators) => Some(locators.iter().map(|locator| (&*locator.name, locator.offset)).collect()),
        };
        let mut items = Vec::new();
        let mut is_whole = true;
        let (events, index, brake) = (self.events, self.index, self.brake);
        self.store.list(&self.plan.folder, &mut |found| {
            match found {
                Found::Message(envelope) => {
                    let key = (&*envelope.locator.name, envelope.locator.offset);
                    if chosen.as_ref().is_none_or(|chosen| chosen.contains(&key)) {
                        items.push(item(envelope));
                    }
                }
                Found::Damage(damage) => {
                    let text = format!("{} at byte {}: {}", damage.file.display(), damage.offset, damage.reason);
                    tell(events, Event::Damage { index, text });
                    is_whole = false;
                }
                Found::Hidden(_) | Found::Progress { .. } => {}
            }
            if brake.is_pulled() { Walk::Break(()) } else { Walk::Continue(()) }
        })?;
        self.is_complete &= is_whole;
        Ok(items)
    }

    fn find_twins(&mut self, items: &[Item]) {
        let mut seen = HashSet::with_capacity(items.len());
        self.twins = items.iter().map(|item| item.name).filter(|name| !seen.insert(*name)).collect();
    }

    /// Reads message after message and sends them in batches.
    fn walk(&mut self, items: Vec<Item>) -> Result<(), Halt> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        for item in items {
            if self.brake.is_pulled() {
                break;
            }
            if let Some(prepared) = self.prepare(item)? {
                bytes += prepared.bytes.len();
                batch.push(prepared);
            }
            if batch.len() >= self.batch_messages || bytes >= BATCH_BYTES {
                self.send(std::mem::take(&mut batch))?;
                bytes = 0;
                if !self.store.rewrites_whole_files() {
                    self.remove_proven();
                }
            }
        }
        self.send(batch)?;
        if self.brake.is_pulled() { Err(Halt::Stopped) } else { Ok(()) }
    }

    /// Reads a message and makes it ready; `None` when it is there already or can't be sent, which is told.
    fn prepare(&mut self, item: Item) -> Result<Option<Prepared>, Halt> {
        let id = item.locator.id();
        let bytes = match self.store.read(&self.plan.folder, &item.locator) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.fail_message(id, String::new(), error.to_string());
                return Ok(None);
            }
        };
        if let Err(unfit) = canonical::check(&bytes) {
            let mut failed = self.failed(id, Summary::of(&bytes).subject, unfit.to_string(), 1);
            unfit_hint(unfit).clone_into(&mut failed.hint);
            self.tell_failed(failed);
            return Ok(None);
        }
        let (keywords, dropped_flags) =
            item.keywords.into_iter().partition(|keyword| is_portable_keyword(keyword) && self.selected.takes(keyword));
        let prepared = Prepared {
            digest: Digest::of(&bytes),
            fingerprint: Fingerprint::of(&bytes),
            locator: item.locator,
            bytes,
            flags: item.flags,
            keywords,
            dropped_flags,
            internal_date: item.internal_date,
        };
        if let Some((uid, proof)) = self.find_held(&prepared, self.twins.contains(&item.name))? {
            self.tell_done(&prepared, uid, How::Already, proof, Vec::new());
            return Ok(None);
        }
        Ok(Some(prepared))
    }

    /// Looks whether the target held the message before the job. Twins, other sizes and moves are compared in full.
    fn find_held(&mut self, prepared: &Prepared, has_twin: bool) -> Result<Option<(u32, Proof)>, Halt> {
        let candidates: Vec<_> = self.held.candidates(prepared.fingerprint).take(100).collect();
        for candidate in candidates {
            let is_sure = candidate.size == prepared.size() && !has_twin;
            let proof = if is_sure && !self.reads_all_back() {
                Some(Proof::Size)
            } else {
                self.compare_content(prepared, candidate.uid, candidate.size)?.unwrap_or(None)
            };
            if let Some(proof) = proof {
                self.held.claim(candidate);
                return Ok(Some((candidate.uid, proof)));
            }
        }
        Ok(None)
    }

    /// Whether every message's content is read back.
    pub(super) fn reads_all_back(&self) -> bool {
        self.job.mode == Mode::Move || self.job.verify == Verify::Full
    }

    /// Reads a message back and compares it; `None` inside when it is gone or differs.
    pub(super) fn compare_content(
        &mut self,
        prepared: &Prepared,
        uid: u32,
        size: u64,
    ) -> Result<Result<Option<Proof>, ImapError>, Halt> {
        let expected = prepared.size().max(size);
        let content = self.ask(|session, target| {
            session.reopen(target)?;
            session.content(uid, expected)
        })?;
        Ok(content.map(|content| {
            let content = content?;
            if Digest::of(&content) == prepared.digest {
                Some(Proof::Exact)
            } else {
                canonical::same_but_line_ends(&content, &prepared.bytes).then_some(Proof::Canonical)
            }
        }))
    }
}

fn unfit_hint(unfit: Unfit) -> &'static str {
    match unfit {
        Unfit::Empty => "there is nothing in it to carry",
        Unfit::Nul => "take the NUL bytes out of the message, then run the same command again",
        Unfit::TooBig => "no IMAP server takes it; keep it as a file",
    }
}

fn item(envelope: Envelope) -> Item {
    let mut hash = DefaultHasher::new();
    match &envelope.message_id {
        Some(id) => id.hash(&mut hash),
        None => (&envelope.from, &envelope.subject).hash(&mut hash),
    }
    Item {
        locator: envelope.locator,
        flags: envelope.flags,
        keywords: envelope.keywords,
        internal_date: envelope.internal_date,
        name: hash.finish(),
    }
}
