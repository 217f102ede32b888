//! Compares stores with a mailbox, message by message, and changes nothing: what is missing, extra or different.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::imap::{Account, HeldMessage, ImapError, RemoteMessage};
use crate::mail::envelope::Summary;
use crate::mail::flags::is_portable_keyword;
use crate::mail::{Envelope, FolderPath, InternalDate, Repair};
use crate::store::{Found, StoreError, Walk};

use super::held::Held;
use super::intake::{self, Making, SharedStore};
use super::pending::Prepared;
use super::prove::{grade, has_date, missing_flags};
use super::{FolderPlan, Mailbox, Plan, Verify};

/// How a message is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// It is in the store and not on the server.
    Missing,
    /// It is on the server and not in the store.
    Extra,
    /// It is on both sides, and differs.
    Different,
    /// It could not be read, so nothing is known.
    Unreadable,
}

impl Difference {
    /// The word in JSON and on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Different => "different",
            Self::Unreadable => "unreadable",
        }
    }
}

/// One message that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How.
    pub difference: Difference,
    /// The folder in the store; the top for what is on the server only.
    pub folder: FolderPath,
    /// Its id in the store; empty for what is on the server only, or where a whole folder is meant.
    pub id: String,
    /// The folder on the server.
    pub target: FolderPath,
    /// Its UID, where it is on the server.
    pub uid: Option<u32>,
    /// Its subject. Foreign text.
    pub subject: String,
    /// What exactly differs, in words.
    pub detail: String,
}

/// How many messages were compared, and how many of each kind of difference there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Messages that are the same on both sides.
    pub same: u64,
    /// The others.
    pub differences: BTreeMap<Difference, u64>,
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A store can not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server can not be asked.
    #[error(transparent)]
    Imap(#[from] ImapError),
    /// It was told to stop.
    #[error("stopped on request")]
    Stopped,
}

/// Compares what a plan would carry, with the `repairs` and date rules it was carried with, with what its targets hold, and hands each
/// difference to `tell`, which says whether to go on. `accounts` are those of sources on servers. Of a folder those that differ, and
/// then extra messages, are told after the others.
pub fn verify(
    plan: &Plan,
    session: &mut Mailbox,
    accounts: &[Account],
    how: Verify,
    repairs: &[Repair],
    tell: &mut dyn FnMut(Finding) -> Walk,
) -> Result<Compared, VerifyError> {
    let known: HashSet<FolderPath> = session.folders()?.into_iter().map(|folder| folder.path).collect();
    let mut targets: Vec<(&FolderPath, Vec<&FolderPlan>)> = Vec::new();
    for folder in &plan.folders {
        match targets.iter_mut().find(|(target, _)| **target == folder.target) {
            Some((_, folders)) => folders.push(folder),
            None => targets.push((&folder.target, vec![folder])),
        }
    }
    let mut stores: HashMap<PathBuf, SharedStore> = HashMap::new();
    let mut compared = Compared::default();
    for (target, folders) in targets {
        let is_there = known.contains(target) || target.segments() == ["INBOX"];
        let (held, states) = if is_there { there(session, target)? } else { Default::default() };
        let (left, compared) = (Vec::new(), &mut compared);
        let mut comparison = Comparison { session, how, repairs, target, held, states, left, compared, tell };
        for folder in folders {
            let key = folder.source.path.clone();
            let store = match stores.remove(&key) {
                Some(store) => store,
                None => Arc::new(Mutex::new(folder.source.afresh().open(accounts)?)),
            };
            comparison.folder(folder, &store)?;
            stores.insert(key, store);
        }
        comparison.settle_left()?;
        comparison.extra()?;
    }
    Ok(compared)
}

/// What a folder holds.
fn there(session: &mut Mailbox, target: &FolderPath) -> Result<(Held, HashMap<u32, RemoteMessage>), ImapError> {
    let selected = session.examine(target)?;
    let mut held = Vec::new();
    session.held(selected.exists, |message| held.push(message))?;
    let states = if selected.exists == 0 { Vec::new() } else { session.since(1)? };
    Ok((Held::new(held), states.into_iter().map(|message| (message.uid, message)).collect()))
}

/// One folder on the server, being compared.
struct Comparison<'a> {
    session: &'a mut Mailbox,
    how: Verify,
    repairs: &'a [Repair],
    target: &'a FolderPath,
    held: Held,
    states: HashMap<u32, RemoteMessage>,
    left: Vec<Left<'a>>,
    compared: &'a mut Compared,
    tell: &'a mut dyn FnMut(Finding) -> Walk,
}

/// A message that is on the server otherwise, or only like another one there; or not at all.
struct Left<'a> {
    plan: &'a FolderPlan,
    /// Without its bytes.
    prepared: Prepared,
    subject: String,
    /// Messages on the server with its content.
    same: Vec<u32>,
}

impl<'a> Comparison<'a> {
    fn folder(&mut self, plan: &'a FolderPlan, store: &SharedStore) -> Result<(), VerifyError> {
        let mut envelopes = Vec::new();
        let mut damaged = Vec::new();
        intake::lock(store).list(&plan.folder, &mut |found| {
            match found {
                Found::Message(envelope) => envelopes.push(envelope),
                Found::Damage(damage) => damaged.push(damage),
                Found::Hidden(_) | Found::Progress { .. } => {}
            }
            Walk::Continue(())
        })?;
        for damage in damaged {
            let detail = damage.to_string();
            self.find(Difference::Unreadable, plan, "", None, String::new(), detail)?;
        }
        let making = Making { repairs: self.repairs.to_vec(), asks: Vec::new(), dates: plan.dates, sums: false };
        for envelope in envelopes {
            let id = envelope.locator.id();
            let content = match intake::read(store, &plan.folder, &envelope.locator, &making) {
                Ok(content) => content,
                Err(unreadable) => {
                    self.find(Difference::Unreadable, plan, &id, None, unreadable.subject, unreadable.reason)?;
                    continue;
                }
            };
            let Envelope { locator, flags, keywords, internal_date, .. } = envelope;
            // What no server can take was never sent.
            let keywords = keywords.into_iter().filter(|keyword| is_portable_keyword(keyword)).collect();
            let prepared = Prepared::of(content, locator, flags, keywords, internal_date);
            self.message(plan, prepared)?;
        }
        Ok(())
    }

    /// Whether the content is the same; that of a large message is read in pieces.
    fn is_same(&mut self, prepared: &Prepared, candidate: HeldMessage) -> Result<bool, VerifyError> {
        if prepared.large.is_some()
            && candidate.size == prepared.size
            && self.session.digest(candidate.uid)? == Some(prepared.digest)
        {
            return Ok(true);
        }
        let content = self.session.content(candidate.uid, candidate.size.max(prepared.size))?;
        Ok(content.is_some_and(|content| grade(prepared, &content).is_some()))
    }

    /// Messages on the server that nobody has yet and that are like it: those that miss nothing of it first.
    fn candidates(&self, prepared: &Prepared) -> Vec<HeldMessage> {
        let mut candidates: Vec<_> = self.held.candidates(prepared.fingerprint).take(100).collect();
        if candidates.is_empty() {
            candidates.extend(prepared.id.into_iter().flat_map(|id| self.held.with_id(id)).take(100));
        }
        candidates.sort_by_cached_key(|held| {
            let has_its_flags = self.states.get(&held.uid).is_some_and(|message| message.flags == prepared.flags);
            (!self.details(prepared, held.uid).is_empty(), held.size != prepared.size, !has_its_flags)
        });
        candidates
    }

    /// Finds the message on the server as it is here. If it is there otherwise, or something like it is, that is left to the
    /// end: another one may be just that.
    fn message(&mut self, plan: &'a FolderPlan, mut prepared: Prepared) -> Result<(), VerifyError> {
        let candidates = self.candidates(&prepared);
        let is_alone = candidates.len() == 1 && self.how == Verify::Size;
        let is_alike = |held: &HeldMessage| held.size == prepared.size && held.fingerprint == prepared.fingerprint;
        let mut same = Vec::new();
        for candidate in &candidates {
            let is_same = is_alone && is_alike(candidate) || self.is_same(&prepared, *candidate)?;
            if is_same && self.details(&prepared, candidate.uid).is_empty() {
                self.held.claim(candidate.uid);
                self.compared.same += 1;
                return Ok(());
            }
            same.extend(is_same.then_some(candidate.uid));
        }
        let subject = Summary::of(&prepared.bytes).subject;
        if candidates.is_empty() {
            return self.find(Difference::Missing, plan, &prepared.locator.id(), None, subject, String::new());
        }
        (prepared.bytes, prepared.large) = (Vec::new(), None); // it was compared
        self.left.push(Left { plan, prepared, subject, same });
        Ok(())
    }

    /// Settles what was left: those whose content is there first, so that each message on the server is one's only.
    fn settle_left(&mut self) -> Result<(), VerifyError> {
        let mut unlike = Vec::new();
        for one in std::mem::take(&mut self.left) {
            let Some(uid) = one.same.iter().copied().find(|uid| self.held.with_uid(*uid).is_some()) else {
                unlike.push(one);
                continue;
            };
            let detail = self.details(&one.prepared, uid);
            self.differs(one, uid, detail)?;
        }
        for one in unlike {
            if let Some(like) = self.candidates(&one.prepared).first() {
                self.differs(one, like.uid, "its content is not the same".to_owned())?;
                continue;
            }
            let id = one.prepared.locator.id();
            self.find(Difference::Missing, one.plan, &id, None, one.subject, String::new())?;
        }
        Ok(())
    }

    fn differs(&mut self, one: Left<'_>, uid: u32, detail: String) -> Result<(), VerifyError> {
        self.held.claim(uid);
        self.find(Difference::Different, one.plan, &one.prepared.locator.id(), Some(uid), one.subject, detail)
    }

    /// What differs beside the content, in words.
    fn details(&self, prepared: &Prepared, uid: u32) -> String {
        self.states.get(&uid).map(|message| details(prepared, message)).unwrap_or_default()
    }

    /// Tells what is on the server and was not found in a store.
    fn extra(&mut self) -> Result<(), VerifyError> {
        let unclaimed: Vec<u32> = self.held.unclaimed().map(|held| held.uid).collect();
        for uid in unclaimed {
            *self.compared.differences.entry(Difference::Extra).or_default() += 1;
            let head = self.session.beginning(uid, 16 * 1024)?.unwrap_or_default();
            let finding = Finding {
                difference: Difference::Extra,
                folder: FolderPath::root(),
                id: String::new(),
                target: self.target.clone(),
                uid: Some(uid),
                subject: Summary::of(&head).subject,
                detail: String::new(),
            };
            (self.tell)(finding).is_continue().then_some(()).ok_or(VerifyError::Stopped)?;
        }
        Ok(())
    }

    fn find(
        &mut self,
        difference: Difference,
        plan: &FolderPlan,
        id: &str,
        uid: Option<u32>,
        subject: String,
        detail: String,
    ) -> Result<(), VerifyError> {
        *self.compared.differences.entry(difference).or_default() += 1;
        let (folder, target) = (plan.folder.clone(), self.target.clone());
        let finding = Finding { difference, folder, id: id.to_owned(), target, uid, subject, detail };
        (self.tell)(finding).is_continue().then_some(()).ok_or(VerifyError::Stopped)
    }
}

/// What differs beside the content, in words. Flags that were set on the server since do not count.
fn details(prepared: &Prepared, message: &RemoteMessage) -> String {
    let mut details = Vec::new();
    if !has_date(prepared, message) {
        let written = |date: Option<InternalDate>| date.map(InternalDate::to_imap).unwrap_or_default();
        details.push(format!("dated {} and not {}", written(message.internal_date), written(prepared.internal_date)));
    }
    let missing = missing_flags(prepared, message);
    if !missing.is_empty() {
        details.push(format!("without {}", missing.join(" ")));
    }
    details.join("; ")
}
