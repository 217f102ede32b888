//! Messages whose answer was lost and that may still turn up: those of earlier runs, settled before anything is sent to
//! their folder, and those that were sent again, looked for when the folder is done.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::imap::{HeldMessage, ImapError, RemoteMessage};
use crate::mail::{Digest, Fingerprint};
use crate::store::LARGE;

use super::carry::Carry;
use super::job::Halt;
use super::journal::{Batch, Entry, Fate, Mark, Settled, Stored};
use super::link::pause_unless;
use super::pending::Prepared;
use super::{Event, Pause};

/// How long a lost message may still turn up: a server may commit after the connection died (facts/reliability.md 0.12).
const GRACE: Duration = Duration::from_secs(10);
const GRACE_PER_MEGABYTE: Duration = Duration::from_secs(1);
const LONGEST_GRACE: Duration = Duration::from_mins(2);
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long after it was sent a message of that size, in bytes, may turn up.
pub(super) fn grace(size: u64) -> Duration {
    let megabytes = u32::try_from(size >> 20).unwrap_or(u32::MAX);
    GRACE.saturating_add(GRACE_PER_MEGABYTE.saturating_mul(megabytes)).min(LONGEST_GRACE)
}

/// What is looked for when the folder is done.
pub(super) struct Sweep {
    /// The least UID that a late message can have.
    floor: u32,
    validity: u32,
    messages: Vec<(Fingerprint, u64, Digest)>,
    /// UIDs that are a message's.
    pub(super) ours: HashSet<u32>,
}

impl Carry<'_, '_> {
    /// Settles what earlier runs were about to send to this folder when they broke off: waits until all of it is found, or
    /// can not come any more.
    pub(super) fn settle_earlier(&mut self) -> Result<Result<(), ImapError>, Halt> {
        let batches = self.shared.record.unsettled(&self.target)?;
        if batches.is_empty() {
            return Ok(Ok(()));
        }
        let has_twins = have_twins(&batches);
        // Under a UIDVALIDITY, the UIDs of which it is known whose they are.
        let mut carried: Option<(u32, HashSet<u32>)> = None;
        let deadline = Instant::now() + batches.iter().map(patience).max().unwrap_or_default();
        let mut is_told = false;
        loop {
            let held = self.ask(|session, target| {
                let selected = session.select(target)?;
                let is_same = |batch: &Batch| batch.uid_validity == selected.uid_validity;
                let floor = |batch: &Batch| if is_same(batch) { batch.uid_next } else { 1 };
                let floor = batches.iter().map(floor).min().unwrap_or(1);
                let held = session.held_since(floor)?;
                let states = if has_twins && !held.is_empty() { session.since(floor)? } else { Vec::new() };
                Ok((selected, held, states))
            })?;
            let (mut held, states) = match held {
                Ok((selected, held, states)) => {
                    self.selected = selected;
                    (held, states)
                }
                Err(error) => return Ok(Err(error)),
            };
            let validity = self.selected.uid_validity;
            if carried.as_ref().is_none_or(|(known, _)| *known != validity) {
                let all = self.shared.record.carried(&self.target, validity)?;
                carried = Some((validity, all.into_values().flatten().map(|(uid, _)| uid).collect()));
            }
            held.retain(|message| carried.as_ref().is_none_or(|(_, uids)| !uids.contains(&message.uid)));
            let found = recognise(&batches, validity, held, &states);
            let is_whole = found.iter().flatten().all(Option::is_some);
            let is_settled = !self.link.session()?.may_turn_up();
            if is_whole || is_settled || Instant::now() >= deadline {
                return self.settle_found(&batches, found).map(Ok);
            }
            if !std::mem::replace(&mut is_told, true) {
                let seconds = deadline.saturating_duration_since(Instant::now()).as_secs() + 1;
                let reason = "an earlier run broke off here: what it sent may still turn up".to_owned();
                self.tell(Event::Waiting { seconds, pause: Pause::AtMost, reason });
            }
            pause_unless(self.shared.brake, LOOK_EVERY)?;
        }
    }

    fn settle_found(&mut self, batches: &[Batch], found: Vec<Vec<Option<u32>>>) -> Result<(), Halt> {
        let (validity, floor) = (self.selected.uid_validity, self.selected.uid_next);
        let mut settled = Vec::with_capacity(batches.len());
        for (batch, uids) in batches.iter().zip(found) {
            if batch.uid_validity != validity {
                self.shared.record.moved_window(batch.id, (validity, 1))?;
            }
            for (entry, _) in batch.entries.iter().zip(&uids).filter(|(_, uid)| uid.is_none()) {
                self.expect_late(entry, floor);
            }
            let fate =
                |uid: Option<u32>| uid.map_or(Fate::Absent, |uid| Fate::Stored(Stored { uid, proof: None, state: 0 }));
            settled.push(Settled { batch: batch.id, fates: uids.into_iter().map(fate).collect() });
        }
        Ok(self.shared.record.settle(&settled)?)
    }

    /// A message whose grace is over will be sent again.
    pub(super) fn expect_late_again(&mut self, prepared: &Prepared) {
        self.expect_late(&prepared.entry(), self.selected.uid_next);
    }

    fn expect_late(&mut self, entry: &Entry, floor: u32) {
        let (validity, claimed) = (self.selected.uid_validity, &self.claimed);
        let sweep =
            self.sweep.get_or_insert_with(|| Sweep { floor, validity, messages: Vec::new(), ours: claimed.clone() });
        sweep.messages.push((entry.fingerprint, entry.size, entry.digest));
    }

    /// Looks for messages that the server stored more often than it said: after they had been given up and sent again, or
    /// out of its own doing. Tells each.
    pub(super) fn look_for_surplus(&mut self) -> Result<(), Halt> {
        let told = self.look_for_late()?;
        if self.stored == 0 {
            return Ok(());
        }
        let before = self.before.clone();
        let most = u64::from(before.exists) + self.stored + told.len() as u64;
        if self.air.exists.is_some_and(|exists| u64::from(exists) <= most) {
            return Ok(());
        }
        let held = self.ask(|session, target| {
            let selected = session.select(target)?;
            let is_same = selected.uid_validity == before.uid_validity;
            if is_same && u64::from(selected.exists) > most {
                session.held_since(before.uid_next)
            } else {
                Ok(Vec::new())
            }
        })?;
        // What others delivered meanwhile is here too, and mostly nothing else.
        let Ok(held) = held else { return Ok(()) };
        if held.is_empty() {
            return Ok(());
        }
        self.write_due()?;
        let sent = self.shared.record.sent(self.index, before.uid_validity)?;
        let ours: HashSet<u32> = sent.iter().filter_map(|(_, fate)| Some(fate.stored()?.uid)).chain(told).collect();
        // One that was refused, and stored all the same, is what the next run finds.
        let mut refused: Vec<Digest> =
            sent.iter().filter(|(_, fate)| fate.stored().is_none()).map(|(entry, _)| entry.digest).collect();
        for message in held.iter().filter(|message| !ours.contains(&message.uid)) {
            let is_like = |entry: &&Entry| entry.fingerprint == message.fingerprint && entry.size == message.size;
            let digests: HashSet<Digest> =
                sent.iter().map(|(entry, _)| entry).filter(is_like).map(|entry| entry.digest).collect();
            let Some(digest) = self.content_among(message, &digests)? else { continue };
            match refused.iter().position(|refused| *refused == digest) {
                Some(place) => _ = refused.swap_remove(place),
                None => self.tell_surplus(message.uid, ""),
            }
        }
        Ok(())
    }

    /// The digest of a message's content, if it is one of those.
    fn content_among(&mut self, message: &HeldMessage, digests: &HashSet<Digest>) -> Result<Option<Digest>, Halt> {
        if digests.is_empty() {
            return Ok(None);
        }
        let (uid, size) = (message.uid, message.size);
        let found = self.ask(|session, target| {
            session.reopen(target)?;
            if size >= LARGE {
                return Ok(session.digest(uid)?.into_iter().collect());
            }
            Ok(session.content(uid, size)?.map_or(Vec::new(), |content| Digest::ever_of(&content).into()))
        })?;
        Ok(found.unwrap_or_default().into_iter().find(|digest| digests.contains(digest)))
    }

    fn tell_surplus(&mut self, uid: u32, when: &str) {
        let reason = format!("the server stored it a second time{when}, as UID {uid} of {}", self.target);
        let mut failed = self.failed(String::new(), String::new(), reason, 0);
        "remove that copy, once you have looked at both".clone_into(&mut failed.hint);
        self.tell_failed(failed);
    }

    /// Looks for messages that were stored after they had been given up and sent again. Gives the UIDs that it told.
    fn look_for_late(&mut self) -> Result<Vec<u32>, Halt> {
        let mut told = Vec::new();
        let Some(sweep) = self.sweep.take() else { return Ok(told) };
        let Sweep { floor, validity, messages, mut ours } = sweep;
        let held = self.ask(|session, target| {
            let selected = session.select(target)?;
            // Under another UIDVALIDITY nobody can tell which copy is whose.
            if selected.uid_validity == validity { session.held_since(floor) } else { Ok(Vec::new()) }
        })?;
        let Ok(held) = held else { return Ok(told) };
        for (fingerprint, size, digest) in messages {
            let same: Vec<&HeldMessage> = held
                .iter()
                .filter(|message| message.fingerprint == fingerprint && message.size == size)
                .filter(|message| !ours.contains(&message.uid))
                .collect();
            for message in same {
                if self.content_among(message, &HashSet::from([digest]))?.is_some() {
                    ours.insert(message.uid);
                    told.push(message.uid);
                    self.tell_surplus(message.uid, " after a long while");
                    break;
                }
            }
        }
        Ok(told)
    }
}

/// How much longer a batch of an earlier run may turn up.
fn patience(batch: &Batch) -> Duration {
    let size: u64 = batch.entries.iter().map(|entry| entry.size).sum();
    grace(size).saturating_sub(batch.begun.elapsed())
}

/// Whether some of the messages may be taken for each other.
fn have_twins(batches: &[Batch]) -> bool {
    let mut seen = HashSet::new();
    batches.iter().flat_map(|batch| &batch.entries).any(|entry| !seen.insert((entry.fingerprint, entry.size)))
}

/// How much a message is like the one that was sent.
#[derive(Clone, Copy)]
enum Likeness {
    /// In its fields, its size, its flags and its date.
    Marks,
    /// In its fields and its size.
    Size,
    /// In its fields.
    Fields,
    /// In its Message-ID.
    Id,
}

/// The UID of each message of the batches, where it is there; each UID once. The most alike come first, since some servers
/// change what they store. `states` tell flags and dates, as far as they are known.
pub(super) fn recognise(
    batches: &[Batch],
    validity: u32,
    held: Vec<HeldMessage>,
    states: &[RemoteMessage],
) -> Vec<Vec<Option<u32>>> {
    let states: HashMap<u32, &RemoteMessage> = states.iter().map(|state| (state.uid, state)).collect();
    let mut held: Vec<Option<HeldMessage>> = held.into_iter().map(Some).collect();
    let mut found: Vec<Vec<Option<u32>>> = batches.iter().map(|batch| vec![None; batch.entries.len()]).collect();
    for likeness in [Likeness::Marks, Likeness::Size, Likeness::Fields, Likeness::Id] {
        for (batch, uids) in batches.iter().zip(&mut found) {
            let floor = if batch.uid_validity == validity { batch.uid_next } else { 1 };
            let marks = batch.marks.iter().map(Some).chain(std::iter::repeat(None));
            let open = batch.entries.iter().zip(marks).zip(uids).filter(|(_, uid)| uid.is_none());
            for ((entry, mark), uid) in open {
                let is_it = |message: &HeldMessage| {
                    let has_fields = message.fingerprint == entry.fingerprint;
                    let is_alike = match likeness {
                        Likeness::Marks => {
                            let has_marks =
                                |mark: &Mark| states.get(&message.uid).is_some_and(|state| mark.is_on(state));
                            has_fields && message.size == entry.size && mark.is_some_and(has_marks)
                        }
                        Likeness::Size => has_fields && message.size == entry.size,
                        Likeness::Fields => has_fields,
                        Likeness::Id => entry.id.is_some() && message.id == entry.id,
                    };
                    message.uid >= floor && is_alike
                };
                let slot = held.iter_mut().find(|slot| slot.as_ref().is_some_and(is_it));
                *uid = slot.and_then(Option::take).map(|message| message.uid);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Flags, Locator};

    fn entry(text: &str) -> Entry {
        let bytes = text.as_bytes();
        Entry {
            locator: Locator { name: "x".into(), offset: 0, length: 0 },
            size: bytes.len() as u64,
            digest: Digest::of(bytes),
            fingerprint: Fingerprint::of(bytes),
            id: None,
        }
    }

    fn held(uid: u32, text: &str, size: u64) -> HeldMessage {
        HeldMessage { uid, size, fingerprint: Fingerprint::of(text.as_bytes()), id: None }
    }

    #[test]
    fn of_twins_each_is_the_one_with_its_flags_where_those_are_known() {
        let text = "Subject: one\r\n\r\n";
        let mark = |flags| Mark::of(flags, &[], None, &[]);
        let of =
            |flags| Batch { uid_validity: 7, entries: vec![entry(text)], marks: vec![mark(flags)], ..Batch::default() };
        let batches = [of(Flags::SEEN), of(Flags::SEEN | Flags::FLAGGED)];
        let there = |uids: &[u32]| uids.iter().map(|uid| held(*uid, text, 16)).collect();
        let state = |uid, flags| RemoteMessage { uid, flags, ..RemoteMessage::default() };
        let flagged = state(5, Flags::SEEN | Flags::FLAGGED);
        assert_eq!(recognise(&batches, 7, there(&[5]), std::slice::from_ref(&flagged)), [vec![None], vec![Some(5)]]);
        let both = [flagged, state(6, Flags::SEEN)];
        assert_eq!(recognise(&batches, 7, there(&[5, 6]), &both), [vec![Some(6)], vec![Some(5)]]);
        let forgotten = [state(5, Flags::NONE), state(6, Flags::NONE)];
        assert_eq!(recognise(&batches, 7, there(&[5, 6]), &forgotten), [vec![Some(5)], vec![Some(6)]]);
        assert!(have_twins(&batches) && !have_twins(&batches[..1]));
    }

    #[test]
    fn each_message_of_an_earlier_run_is_found_once_and_not_below_its_window() {
        let (one, two) = ("Subject: one\r\n\r\n", "Subject: two\r\n\r\n");
        let entries = vec![entry(one), entry(one), entry(two)];
        let batch = Batch { id: 1, uid_validity: 7, uid_next: 5, entries, ..Batch::default() };
        let there = vec![held(3, one, 16), held(5, one, 16), held(6, two, 99)];
        assert_eq!(recognise(std::slice::from_ref(&batch), 7, there.clone(), &[]), [vec![Some(5), None, Some(6)]]);
        assert_eq!(recognise(&[batch], 8, there, &[]), [vec![Some(3), Some(5), Some(6)]]);
    }
}
