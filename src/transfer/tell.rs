//! What a folder's way across tells: messages done, failed, removed. Every message is told exactly once, to the screen and
//! to the journal.

use std::io;
use std::sync::atomic::Ordering;

use crate::imap::{ImapError, RemoteMessage};
use crate::mail::envelope::Summary;

use super::carry::{Carry, Extent};
use super::intake;
use super::job::Halt;
use super::journal::{Entry, Fate, Settled, Stored, state};
use super::ledger::Place;
use super::locked;
use super::pending::{Pending, Prepared};
use super::rescue;
use super::{Done, Event, Failed, How, Mode, Proof};
use crate::store::{Removal, StoreError};

/// A message of a move that is on the server, proven, and is still in the store.
pub(super) struct Proven {
    /// Where the journal has it; nowhere yet, if it was on the server before the job.
    place: Option<Place>,
    entry: Entry,
    stored: Stored,
    removal: Removal,
}

/// What became of a message's date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dated {
    /// The server has it, or there was none.
    Kept,
    /// The server dated the message by its clock.
    Anew,
    /// It has another date.
    Wrongly,
}

impl Carry<'_, '_> {
    /// Removes proven messages from the store, once their proof is durable; what can't be removed is told.
    pub(super) fn remove_proven(&mut self) -> Result<(), Halt> {
        // A server that keeps nothing may not keep for long what it has.
        if self.proven.is_empty() || self.shared.kept.is_hopeless() {
            return Ok(());
        }
        let mut writing = self.ledger.take_due();
        let is_ready = |one: &Proven| one.place.is_none_or(|place| self.ledger.is_written(place));
        let (mut ready, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.proven).into_iter().partition(is_ready);
        self.proven = later;
        // As moved before it is: what may be gone here must never be taken back from the server.
        writing.extend(self.ledger.change(ready.iter().filter_map(|one| one.place), Fate::removed));
        self.note_taken(&mut ready, &writing)?;
        let (places, removals): (Vec<_>, Vec<_>) = ready.into_iter().map(|one| (one.place, one.removal)).unzip();
        let (store, folder) = (self.store, &self.plan.folder);
        let results = locked::in_job(self.shared, self.index, || intake::lock(store).remove(folder, &removals));
        let results = match results {
            Ok(results) => results,
            Err(error) => {
                self.tell_kept(String::new(), &error);
                return self.stays(&places);
            }
        };
        let (mut stays, mut gone) = (Vec::new(), Vec::new());
        for ((place, removal), result) in places.into_iter().zip(&removals).zip(results) {
            match result {
                Ok(()) => {
                    gone.extend(place);
                    self.tell(Event::Removed { index: self.index });
                }
                Err(error) => {
                    self.tell_kept(removal.locator.id(), &error);
                    // What may be gone here must never be taken back from the server.
                    if !matches!(error, StoreError::Unsure { .. }) {
                        stays.push(place);
                    }
                }
            }
        }
        self.ledger.change_later(gone.into_iter(), Fate::gone);
        self.stays(&stays)
    }

    /// Writes what is due; and with it messages that were on the server before, each of which gets its place in the journal.
    fn note_taken(&mut self, ready: &mut [Proven], due: &[Settled]) -> Result<(), Halt> {
        let before: Vec<&mut Proven> = ready.iter_mut().filter(|one| one.place.is_none()).collect();
        if before.is_empty() {
            return Ok(self.shared.record.settle(due)?);
        }
        let entries: Vec<Entry> = before.iter().map(|one| one.entry.clone()).collect();
        let fates: Vec<Fate> = before.iter().map(|one| Fate::Taken(one.stored)).collect();
        let least = before.iter().map(|one| one.stored.uid).min().unwrap_or(1);
        let window = (self.selected.uid_validity, least);
        let batch = self.shared.record.take(self.index, window, &entries, &fates, due)?;
        self.ledger.add_written(batch, fates);
        for (number, one) in before.into_iter().enumerate() {
            one.place = Some(Place { batch, number });
        }
        Ok(())
    }

    /// Messages that were to be removed and were not.
    fn stays(&mut self, places: &[Option<Place>]) -> Result<(), Halt> {
        let changed = self.ledger.change(places.iter().flatten().copied(), Fate::kept);
        Ok(self.shared.record.settle(&changed)?)
    }

    /// Tells a message that is on the server as it should be.
    pub(super) fn tell_proven(
        &mut self,
        prepared: &Prepared,
        message: &RemoteMessage,
        how: How,
        proof: Proof,
        missing_flags: Vec<String>,
        dated: Dated,
    ) {
        let stored = Stored { uid: message.uid, proof: Some(proof), state: state(message) };
        self.tell_done(prepared, stored, how, missing_flags, dated);
    }

    /// Tells a message that is on the server. In a move it is noted for removal.
    pub(super) fn tell_done(
        &mut self,
        prepared: &Prepared,
        stored: Stored,
        how: How,
        missing_flags: Vec<String>,
        dated: Dated,
    ) {
        let Stored { uid, proof, .. } = stored;
        let proof = proof.unwrap_or(Proof::Size);
        self.finished += 1;
        self.already += u64::from(how == How::Already);
        self.stored += u64::from(how != How::Already && prepared.earlier.is_none());
        self.link.is_well();
        if let Some(place) = prepared.place.filter(|_| how != How::Already) {
            self.shared.kept.keeps(place.batch);
        }
        if let Some(place) = prepared.place.or(prepared.earlier) {
            self.ledger.note(place, Fate::Stored(stored));
        }
        if let Some(sweep) = &mut self.sweep {
            sweep.ours.insert(uid);
        }
        if self.is_shared {
            self.claims.add(&self.target, self.selected.uid_validity, uid);
        }
        if proof == Proof::Semantic {
            self.shared.rewritten();
        }
        if dated == Dated::Anew {
            self.tell_undated();
        }
        let is_whole = proof != Proof::Semantic && dated == Dated::Kept;
        let (is_move, may_go) = (self.shared.job.mode == Mode::Move, is_whole || self.shared.job.accept_rewriting);
        if is_move && may_go {
            let removal = Removal { locator: prepared.locator.clone(), digest: prepared.origin };
            self.proven.push(Proven { place: prepared.place, entry: prepared.entry(), stored, removal });
        }
        let done = Done {
            folder: self.plan.folder.clone(),
            id: prepared.locator.id(),
            sha256: prepared.sha256,
            target: self.target.clone(),
            uid_validity: self.selected.uid_validity,
            uid,
            bytes: prepared.size,
            how,
            proof,
            repairs: prepared.repairs.clone(),
            dropped_flags: prepared.dropped_flags.iter().cloned().chain(missing_flags).collect(),
        };
        self.tell(Event::Done { index: self.index, done });
        if is_move && !may_go {
            self.needs_consent = true;
            let subject = Summary::of(&prepared.bytes).subject;
            let reason = "copied, but not removed: what the server has is not all that is here".to_owned();
            let mut failed = self.failed(prepared.locator.id(), subject, reason, 0);
            "to move it all the same, say --accept-rewriting".clone_into(&mut failed.hint);
            self.tell_failed(failed);
        }
    }

    /// The server does not keep dates; told once a job. It is no failure where a person has consented.
    fn tell_undated(&mut self) {
        if self.shared.undated.swap(true, Ordering::SeqCst) {
            return;
        }
        let text = "this server does not keep the dates of messages: they have that of the transfer".to_owned();
        if self.shared.job.accept_rewriting {
            return self.tell(Event::Remark { text });
        }
        let mut failed = self.failed(String::new(), String::new(), text, 0);
        "mail programs that sort by the Date field of a message show them as before".clone_into(&mut failed.hint);
        self.tell_failed(failed);
    }

    pub(super) fn failed(&self, id: String, subject: String, reason: String, messages: u64) -> Failed {
        let folder = self.plan.folder.clone();
        Failed { folder, id, subject, reason, server_text: String::new(), hint: String::new(), messages }
    }

    pub(super) fn tell_failed(&mut self, failed: Failed) {
        self.extent = Extent::Partial;
        self.finished += failed.messages;
        self.shared.fail(self.index, failed);
    }

    /// Tells what was to be removed and is still in the store: a message, or all that were.
    fn tell_kept(&mut self, id: String, error: &StoreError) {
        self.extent = self.extent.max(Extent::after(error));
        let but = if matches!(error, StoreError::Unsure { .. }) { "perhaps" } else { "but" };
        let failed = self.failed(id, String::new(), format!("copied, {but} not removed: {error}"), 0);
        self.shared.fail(self.index, failed);
    }

    /// Tells a message that was to be sent and is not as it should be. `message` is what the server has of it all the same.
    pub(super) fn fail(&mut self, prepared: &Prepared, reason: String, message: Option<&RemoteMessage>) {
        let failed = self.failed(prepared.locator.id(), Summary::of(&prepared.bytes).subject, reason, 1);
        self.save_prepared(prepared);
        let stored = message.map(|message| Stored { uid: message.uid, proof: None, state: state(message) });
        self.note_failed(prepared, stored);
        self.tell_failed(failed);
    }

    /// Tells a message that the server said it took, and did not keep as it was sent. `message` is what it has of it.
    pub(super) fn fail_not_kept(&mut self, prepared: &Prepared, reason: String, message: Option<&RemoteMessage>) {
        // Some servers change raw bytes in header fields, and some write all mail anew: what is there says that they keep mail.
        let is_usual = message.is_some() && (prepared.is_8bit || self.shared.rewrites.load(Ordering::SeqCst));
        let batch = prepared.place.filter(|_| !is_usual).map(|place| place.batch);
        self.shared.kept.loses(batch);
        self.fail(prepared, reason, message);
    }

    /// Tells a message that was sent and can not be compared. What the server has of it may be taken back.
    pub(super) fn fail_unproven(&mut self, one: &Pending, reason: String) {
        let failed = self.failed(one.prepared.locator.id(), Summary::of(&one.prepared.bytes).subject, reason, 1);
        self.save_prepared(&one.prepared);
        let validity = self.selected.uid_validity;
        let stored = one.uid().filter(|(given, _)| *given == validity);
        self.note_failed(&one.prepared, stored.map(|(_, uid)| Stored { uid, proof: None, state: 0 }));
        self.tell_failed(failed);
    }

    /// Tells a message that the server refused.
    pub(super) fn fail_refused(&mut self, prepared: &Prepared, error: &ImapError) {
        let subject = Summary::of(&prepared.bytes).subject;
        let mut failed = self.failed(prepared.locator.id(), subject, error.to_string(), 1);
        failed.server_text = error.server_text().unwrap_or_default();
        error.hint().clone_into(&mut failed.hint);
        self.save_prepared(prepared);
        self.note_failed(prepared, None);
        self.tell_failed(failed);
    }

    /// Saves a message that was not carried, if the user asked for it.
    pub(super) fn save(&self, id: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.save_pieces(id, std::iter::once(Ok(bytes)));
        }
    }

    fn save_prepared(&self, prepared: &Prepared) {
        match &prepared.large {
            Some(large) => self.save_pieces(&prepared.locator.id(), large.pieces()),
            None => self.save(&prepared.locator.id(), &prepared.bytes),
        }
    }

    fn save_pieces(&self, id: &str, pieces: impl Iterator<Item = io::Result<impl AsRef<[u8]>>>) {
        let Some(directory) = &self.shared.job.failed_dir else { return };
        if let Err(error) = rescue::save(directory, &self.plan.folder, id, pieces) {
            let text = format!("cannot save the message {id} in {}: {error}", directory.display());
            self.tell(Event::Remark { text });
        }
    }

    fn note_failed(&mut self, prepared: &Prepared, stored: Option<Stored>) {
        let Some(place) = prepared.place.or(prepared.earlier) else { return };
        self.ledger.note(place, stored.map_or(Fate::Absent, Fate::Stored));
    }

    pub(super) fn fail_folder(&mut self, messages: u64, error: &ImapError) {
        let mut failed = self.failed(String::new(), String::new(), error.to_string(), messages);
        failed.server_text = error.server_text().unwrap_or_default();
        error.hint().clone_into(&mut failed.hint);
        self.tell_failed(failed);
    }
}
