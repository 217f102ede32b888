//! What the target has already: held there before, or sent by earlier runs, whose journal says what was proven and what not.
//! Nothing of it is sent again; and a move takes out of the store only what is there with its flags and its date.

use std::collections::{HashMap, HashSet};

use crate::imap::{HeldMessage, ImapError, RemoteMessage};
use crate::mail::{Digest, Locator};
use crate::store::LARGE;

use super::carry::Carry;
use super::claims::Claims;
use super::held::Held;
use super::intake;
use super::job::Halt;
use super::journal::{Batch, Carried, Removed, Stored};
use super::ledger::Place;
use super::pending::Prepared;
use super::plan::place;
use super::prove::{dated_otherwise, has_date};
use super::tell::Dated;
use super::{Chosen, How, Mode, Proof, uid_locator};

/// What is known of a folder on the server before anything is sent to it.
#[derive(Default)]
pub(super) struct There {
    pub(super) held: Held,
    /// UIDs that earlier runs gave to messages; read when first needed.
    carried: Option<Carried>,
    /// Messages that earlier runs of the job took out of the store.
    removed: Removed,
    /// Messages that an earlier run sent and did not prove, by their UIDs.
    unproven: HashMap<u32, Unproven>,
    /// What earlier runs of the job sent, by the digest, with where it was in the store; read when twins are met.
    sent: Option<HashMap<Digest, Vec<(Locator, u32)>>>,
    /// The same of twins, as far as the store still has them there.
    twins: HashMap<Digest, Vec<(Locator, u32)>>,
}

/// A message that an earlier run sent and did not prove.
struct Unproven {
    /// Where the journal has it.
    place: Place,
    /// Of what was sent.
    digest: Digest,
    /// As the server has it, and whether those are the bytes that were sent.
    message: RemoteMessage,
    is_exact: bool,
}

/// A message among those of the store with the same bytes. They may differ in their flags, so none is taken for another.
#[derive(Default)]
struct Kin {
    /// The UID that an earlier run gave to it, if it is there and free.
    own: Option<u32>,
    /// Those that were given to the others.
    others: HashSet<u32>,
}

impl Kin {
    fn may_be(&self, uid: u32) -> bool {
        !self.others.contains(&uid) && self.own.is_none_or(|own| own == uid)
    }
}

impl Carry<'_, '_> {
    /// Learns what the target holds that no other folder of the plan has there.
    pub(super) fn learn_held(&mut self) -> Result<Result<(), ImapError>, Halt> {
        let exists = self.selected.exists;
        let held = self.ask(|session, target| {
            session.reopen(target)?;
            let mut held = Vec::new();
            session.held(exists, |message| held.push(message))?;
            Ok(held)
        })?;
        let mut held = match held {
            Ok(held) => Held::new(held),
            Err(error) => return Ok(Err(error)),
        };
        self.claims.of(&self.target, self.selected.uid_validity).for_each(|uid| held.claim(uid));
        self.there.held = held;
        Ok(Ok(()))
    }

    /// Recalls what earlier runs of the job did: what they took out of the store, and what they sent and did not prove.
    pub(super) fn recall(&mut self) -> Result<Result<(), ImapError>, Halt> {
        let (record, validity) = (self.shared.record, self.selected.uid_validity);
        self.there.removed = record.removed(self.index, validity)?;
        for other in Claims::others(&self.shared.job.plan, self.index) {
            let removed = record.removed(other, validity)?;
            removed.uids().for_each(|uid| self.claims.add(&self.target, validity, uid));
        }
        let mut places = HashMap::new();
        for Batch { id: batch, entries, fates, .. } in record.unproven(self.index, validity)? {
            for (number, (entry, fate)) in entries.iter().zip(&fates).enumerate() {
                if let Some(stored) = fate.unproven() {
                    places.insert(stored.uid, (Place { batch, number }, entry.digest, entry.size));
                }
            }
            self.ledger.add_written(batch, fates);
        }
        let mut uids: Vec<u32> = places.keys().copied().collect();
        uids.sort_unstable();
        let states = match self.states_of(&uids)? {
            Ok(states) => states,
            Err(error) => return Ok(Err(error)),
        };
        let digests = match self.digests_of(&states)? {
            Ok(digests) => digests,
            Err(error) => return Ok(Err(error)),
        };
        let unproven = |message: RemoteMessage| {
            let (place, digest, size) = *places.get(&message.uid)?;
            let is_same = digests.get(&message.uid).is_some_and(|digests| digests.contains(&digest));
            let is_exact = message.size == size && is_same;
            Some((message.uid, Unproven { place, digest, message, is_exact }))
        };
        self.there.unproven = states.into_iter().filter_map(unproven).collect();
        Ok(Ok(()))
    }

    /// Looks, where so many messages are listed of a file, whether those that an earlier run was about to take out are gone: a
    /// crash may have left that unsaid, and what was behind them is now where they were.
    pub(super) fn recount(&mut self, listed: usize) -> Result<(), Halt> {
        if self.plan.chosen == Chosen::All && intake::lock(self.store).rewrites_whole_files() {
            self.there.removed.recount(self.shared.record.planned(self.index)?, listed as u64);
        }
        Ok(())
    }

    /// The digests, of each kind there ever was, of messages of the target; not of large ones, which are compared in pieces.
    fn digests_of(&mut self, messages: &[RemoteMessage]) -> Result<Result<HashMap<u32, [Digest; 2]>, ImapError>, Halt> {
        let small = messages.iter().filter(|message| message.size < LARGE);
        let (uids, sizes): (Vec<u32>, Vec<u64>) = small.map(|message| (message.uid, message.size)).unzip();
        let Some(largest) = sizes.into_iter().max() else { return Ok(Ok(HashMap::new())) };
        self.ask(|session, target| {
            let mut digests = HashMap::with_capacity(uids.len());
            session.reopen(target)?;
            session.contents(&uids, largest, |uid, content| _ = digests.insert(uid, Digest::ever_of(content)))?;
            Ok(digests)
        })
    }

    /// Flags and dates of messages of the target, as far as they are there.
    pub(super) fn states_of(&mut self, uids: &[u32]) -> Result<Result<Vec<RemoteMessage>, ImapError>, Halt> {
        if uids.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        self.ask(|session, target| {
            session.reopen(target)?;
            let asked = session.ask_states(uids)?;
            session.states(&asked)
        })
    }

    /// Tells a message that is in the target. One that an earlier run sent is proven first; and of one that is to be taken out
    /// of the store, the date and the flags must be there too. Gives the message back if it is not there after all.
    pub(super) fn is_there_already(
        &mut self,
        prepared: Prepared,
        uid: u32,
        proof: Proof,
    ) -> Result<Option<Prepared>, Halt> {
        let is_of_this = |unproven: &Unproven| unproven.digest == prepared.digest;
        if let Some(Unproven { place, message, is_exact, .. }) = self.there.unproven.remove(&uid).filter(is_of_this) {
            let exact = Ok(Some(Proof::Exact));
            let mut grade = if is_exact { exact } else { self.compare_content(&prepared, uid, message.size)? };
            if matches!(grade, Ok(None)) {
                return Ok(Some(prepared)); // it is only like it
            }
            let prepared = Prepared { earlier: Some(place), ..prepared };
            let grade = grade.as_mut().map(|grade| *grade);
            self.prove(&prepared, &message, How::Found, grade)?;
            return Ok(None);
        }
        if self.shared.job.mode == Mode::Copy {
            let stored = Stored { uid, proof: Some(proof), state: 0 };
            self.tell_done(&prepared, stored, How::Already, Vec::new(), Dated::Kept);
            return Ok(None);
        }
        let there = match self.states_of(&[uid])? {
            Ok(states) => states.into_iter().find(|message| message.uid == uid),
            Err(error) => {
                self.fail(&prepared, format!("it is on the server, but can not be looked at: {error}"), None);
                return Ok(None);
            }
        };
        let Some(message) = there else { return Ok(Some(prepared)) };
        // By another name of the server, or another port, it may be the same mailbox.
        let is_itself = prepared.locator.name == uid_locator(self.selected.uid_validity, uid, 0).name;
        if self.plan.source.is_remote() && is_itself {
            let reason =
                "it has the same UID and UIDVALIDITY where it would go: that is the same mailbox, or a twin of it";
            self.fail(&prepared, format!("not moved: {reason}"), Some(&message));
            return Ok(None);
        }
        let is_dated = has_date(&prepared, &message);
        if !is_dated && !self.shared.job.accept_rewriting {
            let reason = dated_otherwise(&prepared, &message);
            self.fail(&prepared, format!("{reason}, so it was not removed"), Some(&message));
            return Ok(None);
        }
        let (message, missing) = self.set_missing_flags(&prepared, &message)?;
        self.tell_proven(&prepared, &message, How::Already, proof, missing, Dated::Kept);
        Ok(None)
    }

    /// Looks whether the target held the message before the job. Twins, other sizes and moves are compared in full, unless
    /// the journal knows them.
    pub(super) fn find_held(&mut self, prepared: &Prepared, has_twin: bool) -> Result<Option<(u32, Proof)>, Halt> {
        // On this machine each opening has a number of its own, and the messages keep theirs.
        let is_server = self.shared.job.target.local().is_none();
        if is_server && !self.there.held.is_empty() && self.selected.uid_validity != self.before.uid_validity {
            return Err(Halt::Renumbered);
        }
        let kin = if has_twin { self.kin_of(prepared)? } else { Kin::default() };
        let may_be = |uid: u32| kin.may_be(uid) && !self.there.removed.is_another(uid, &prepared.locator);
        let is_free = |held: &HeldMessage| may_be(held.uid);
        let candidates: Vec<_> = self.there.held.candidates(prepared.fingerprint).filter(is_free).take(100).collect();
        // A server that writes mail anew may leave no field as it was but the id.
        let by_id = prepared.id.into_iter().flat_map(|id| self.there.held.with_id(id)).filter(is_free).take(100);
        let by_id: Vec<_> = by_id.filter(|held| held.fingerprint != prepared.fingerprint).collect();
        for candidate in &candidates {
            if candidate.size == prepared.size && !has_twin && !self.reads_all_back() {
                self.there.held.claim(candidate.uid);
                return Ok(Some((candidate.uid, Proof::Size)));
            }
        }
        if let Some((held, proof)) = self.journal_knows(prepared, &kin)? {
            self.there.held.claim(held.uid);
            return Ok(Some((held.uid, proof)));
        }
        for candidate in candidates.into_iter().chain(by_id) {
            self.land_all()?; // the connection is needed
            let proof = self.compare_content(prepared, candidate.uid, candidate.size)?.unwrap_or(None);
            if let Some(proof) = proof {
                self.there.held.claim(candidate.uid);
                return Ok(Some((candidate.uid, proof)));
            }
        }
        Ok(None)
    }

    /// What earlier runs of the job made of a message and of its twins, as far as the store still has them where they were.
    fn kin_of(&mut self, prepared: &Prepared) -> Result<Kin, Halt> {
        if self.there.held.is_empty() {
            return Ok(Kin::default());
        }
        let mut sent = match self.there.sent.take() {
            Some(sent) => sent,
            None => self.shared.record.in_store(self.index, self.selected.uid_validity)?,
        };
        let is_own = |locator: &Locator| place(locator) == place(&prepared.locator);
        if let Some(mut twins) = sent.remove(&prepared.digest) {
            let making = self.making();
            // Another program may have changed the store since.
            twins.retain(|(locator, _)| {
                let read = || intake::read(self.store, &self.plan.folder, locator, &making);
                is_own(locator) || read().is_ok_and(|content| content.digest == prepared.digest)
            });
            self.there.twins.insert(prepared.digest, twins);
        }
        self.there.sent = Some(sent);
        let twins = self.there.twins.get(&prepared.digest).map(Vec::as_slice).unwrap_or_default();
        let (own, others): (Vec<_>, Vec<_>) = twins.iter().partition(|(locator, _)| is_own(locator));
        let own = own.first().map(|(_, uid)| *uid).filter(|uid| self.there.held.with_uid(*uid).is_some());
        Ok(Kin { own, others: others.into_iter().map(|(_, uid)| *uid).collect() })
    }

    /// The message that an earlier run made of this one, if it is there, and how surely it had proven it.
    fn journal_knows(&mut self, prepared: &Prepared, kin: &Kin) -> Result<Option<(HeldMessage, Proof)>, Halt> {
        if self.selected.exists == 0 {
            return Ok(None);
        }
        let carried = match self.there.carried.take() {
            Some(carried) => carried,
            None => self.shared.record.carried(&self.target, self.selected.uid_validity)?,
        };
        let is_free = |uid: &u32| kin.may_be(*uid) && !self.there.removed.is_another(*uid, &prepared.locator);
        let there = |(uid, proof): &(u32, Option<Proof>)| {
            Some((self.there.held.with_uid(*Some(uid).filter(|uid| is_free(uid))?)?, (*proof)?))
        };
        let of = |digest: Digest| carried.get(&digest).into_iter().flatten().find_map(there);
        let may_be_older = !carried.is_empty() && prepared.large.is_none();
        let older = || may_be_older.then(|| of(Digest::older(&prepared.bytes))).flatten();
        let known = of(prepared.digest).or_else(older);
        self.there.carried = Some(carried);
        Ok(known.filter(|(_, proof)| !self.reads_all_back() || *proof > Proof::Size))
    }
}
