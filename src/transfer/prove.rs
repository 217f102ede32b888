//! After the sending: which UID each message got, and whether the server has it as it was sent.

use std::collections::{HashMap, HashSet};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::imap::{HeldMessage, ImapError, RemoteMessage};
use crate::mail::meaning::same_meaning;
use crate::mail::{Digest, InternalDate, canonical};

use super::carry::Carry;
use super::job::Halt;
use super::late::{LOOK_EVERY, grace};
use super::link::pause_unless;
use super::pending::{MAX_TRIES, Pending, Prepared, State};
use super::send::forgive;
use super::tell::Dated;
use super::{How, Proof};

/// By how many seconds the clock of a server may differ from ours.
const CLOCKS_DIFFER: u64 = 24 * 3600;
/// A server may round an internal date.
const DATE_TOLERANCE: u64 = 1;

/// Messages, and what the server has of each.
type Matched = Vec<(Pending, Option<RemoteMessage>)>;

impl Carry<'_, '_> {
    /// Settles everything that was sent: proven messages leave `pending`, lost ones wait again. Nothing may be in the air.
    pub(super) fn settle(&mut self, pending: &mut Vec<Pending>) -> Result<(), Halt> {
        if pending.iter().all(Pending::is_waiting) {
            return Ok(());
        }
        let begun = Instant::now();
        loop {
            let news = match self.look(pending)? {
                Ok(news) => news,
                Err(error) => {
                    self.fail_unread(pending, &error);
                    return Ok(());
                }
            };
            let matched = self.match_up(std::mem::take(pending), &news)?;
            *pending = self.prove_matched(matched)?;
            if !self.wait_for_late(pending, begun)? {
                break;
            }
        }
        self.settled_below(self.claimed.iter().max().map_or(0, |uid| uid.saturating_add(1)));
        if self.shared.kept.look() {
            self.shared.brake.pull(); // for all workers
            return Err(Halt::NotKept);
        }
        Ok(())
    }

    /// Nothing that is not settled can have a UID below this.
    pub(super) fn settled_below(&mut self, uid: u32) {
        let floor = self.selected.uid_next.max(uid);
        self.selected.uid_next = floor;
        self.claimed.retain(|uid| *uid >= floor);
    }

    /// What is in the target from the first UID that the messages can have.
    fn look(&mut self, pending: &[Pending]) -> Result<Result<Vec<RemoteMessage>, ImapError>, Halt> {
        let (floor, validity) = (self.selected.uid_next, self.selected.uid_validity);
        let looked = self.ask(|session, target| {
            let selected = session.select(target)?;
            // Other UIDVALIDITY, other UIDs: the window says nothing, so the whole folder is searched.
            let floor = if selected.uid_validity == validity { floor } else { 1 };
            Ok((selected.uid_validity, floor, session.since(floor)?))
        })?;
        let (new_validity, floor, news) = match looked {
            Ok(looked) => looked,
            Err(error) => return Ok(Err(error)),
        };
        if new_validity != validity {
            self.claimed.clear();
            let mut batches: Vec<i64> =
                pending.iter().filter_map(|one| one.prepared.place).map(|place| place.batch).collect();
            batches.dedup();
            for batch in batches {
                self.shared.record.moved_window(batch, (new_validity, floor))?;
            }
        }
        (self.selected.uid_validity, self.selected.uid_next) = (new_validity, floor);
        Ok(Ok(news))
    }

    /// Finds each sent message among the new ones: by its UID, else by size and content. Each UID is claimed once.
    fn match_up(&mut self, pending: Vec<Pending>, news: &[RemoteMessage]) -> Result<Matched, Halt> {
        let by_uid: HashMap<u32, &RemoteMessage> = news.iter().map(|message| (message.uid, message)).collect();
        let mut matched = Matched::with_capacity(pending.len());
        for one in pending {
            let found = match one.state {
                State::Sent(Some((validity, uid))) if validity == self.selected.uid_validity => {
                    by_uid.get(&uid).filter(|_| self.claimed.insert(uid)).map(|message| (*message).clone())
                }
                _ => None,
            };
            matched.push((one, found));
        }
        self.find_same(&mut matched, news)?;
        let mut headers = None;
        for (one, found) in &mut matched {
            if self.is_open(one) && found.is_none() && !news.is_empty() {
                *found = self.search(&one.prepared, news, &mut headers)?;
            }
        }
        Ok(matched)
    }

    /// Whether it is to be found out which UID a message got, if any.
    fn is_open(&self, one: &Pending) -> bool {
        matches!(one.state, State::Unknown | State::Doubtful | State::Sent(None))
            || is_stale(one.state, self.selected.uid_validity)
    }

    /// Finds messages without a UID whose bytes are those that were sent, all in one look: a server that broke off may break
    /// off again before it has answered for each of them.
    fn find_same(&mut self, matched: &mut Matched, news: &[RemoteMessage]) -> Result<(), Halt> {
        let mut open: Vec<(&mut Option<RemoteMessage>, &Prepared)> = Vec::new();
        for (one, found) in matched.iter_mut() {
            if self.is_open(one) && found.is_none() && one.prepared.large.is_none() {
                open.push((found, &one.prepared));
            }
        }
        let sizes: HashSet<u64> = open.iter().map(|(_, prepared)| prepared.size).collect();
        let is_like = |message: &&RemoteMessage| sizes.contains(&message.size) && !self.claimed.contains(&message.uid);
        let uids: Vec<u32> = news.iter().filter(is_like).map(|message| message.uid).collect();
        if uids.is_empty() {
            return Ok(());
        }
        let largest = sizes.into_iter().max().unwrap_or_default();
        let read = self.ask(|session, target| {
            let mut digests: HashMap<Digest, Vec<u32>> = HashMap::new();
            session.reopen(target)?;
            session.contents(&uids, largest, |uid, content| {
                digests.entry(Digest::of(content)).or_default().push(uid);
            })?;
            Ok(digests)
        })?;
        let Ok(mut digests) = read else { return Ok(()) }; // each by itself may do
        let by_uid: HashMap<u32, &RemoteMessage> = news.iter().map(|message| (message.uid, message)).collect();
        // Of twins each is the one with its flags and its date. A server may have forgotten those: then they are in the order
        // they were sent. Whatever the server repeats, a UID is one message's.
        for is_marked in [true, false] {
            for (found, prepared) in open.iter_mut().filter(|(found, _)| found.is_none()) {
                let Some(uids) = digests.get_mut(&prepared.digest) else { continue };
                let mark = prepared.mark();
                let fits = |uid: &u32| !is_marked || by_uid.get(uid).is_some_and(|message| mark.is_on(message));
                let uid = uids.iter().position(fits).map(|at| uids.remove(at));
                let message = uid.filter(|uid| self.claimed.insert(*uid)).and_then(|uid| by_uid.get(&uid));
                **found = message.map(|message| (*message).clone());
            }
        }
        Ok(())
    }

    /// Finds a message without a UID: of equal size and content; on servers that change mail, by its header. The `headers` of
    /// all that is new are read once.
    fn search(
        &mut self,
        prepared: &Prepared,
        news: &[RemoteMessage],
        headers: &mut Option<Vec<HeldMessage>>,
    ) -> Result<Option<RemoteMessage>, Halt> {
        for message in news.iter().filter(|message| message.size == prepared.size) {
            if self.claimed.contains(&message.uid) {
                continue;
            }
            if matches!(self.compare_content(prepared, message.uid, message.size)?, Ok(Some(_))) {
                return Ok(Some(self.claim(message)));
            }
        }
        if headers.is_none() {
            let floor = self.selected.uid_next;
            let held = self.ask(|session, target| {
                session.reopen(target)?;
                session.held_since(floor)
            })?;
            *headers = held.ok();
        }
        let Some(held) = headers else { return Ok(None) };
        let mut first = None;
        for same in held.iter().filter(|message| message.fingerprint == prepared.fingerprint) {
            let Some(message) = news.iter().find(|message| message.uid == same.uid) else { continue };
            if self.claimed.contains(&message.uid) {
                continue;
            }
            // Of several with one header, it is the one that says the same.
            if matches!(self.compare_content(prepared, message.uid, message.size)?, Ok(Some(_))) {
                return Ok(Some(self.claim(message)));
            }
            first.get_or_insert(message);
        }
        if let Some(message) = first {
            return Ok(Some(self.claim(message)));
        }
        // On a server that writes mail anew no field may be as it was. They come in the order they were sent.
        for message in news {
            let is_free = !self.claimed.contains(&message.uid) && message.size != prepared.size;
            if is_free && matches!(self.compare_content(prepared, message.uid, message.size)?, Ok(Some(_))) {
                return Ok(Some(self.claim(message)));
            }
        }
        Ok(None)
    }

    /// The message is found: that is a success, however often the connection breaks meanwhile.
    fn claim(&mut self, message: &RemoteMessage) -> RemoteMessage {
        self.claimed.insert(message.uid);
        self.link.is_well();
        message.clone()
    }

    /// Proves what was found and gives what is not settled; a message that the server said it stored and did not is told.
    fn prove_matched(&mut self, matched: Matched) -> Result<Vec<Pending>, Halt> {
        let mut grades = self.read_back(&matched)?;
        let mut left = Vec::new();
        for (one, found) in matched {
            match (one.state, found) {
                (State::Waiting, _) | (State::Unknown, None) => left.push(one),
                (State::Doubtful, None) => left.push(Pending { state: State::Waiting, ..one }),
                (State::Sent(_), None) => self.tell_not_there(&one)?,
                (state, Some(message)) => {
                    let how = if state == State::Unknown { How::Found } else { How::Now };
                    let grade = grades.as_mut().map(|grades| grades.remove(&message.uid).flatten());
                    self.prove(&one.prepared, &message, how, grade)?;
                }
            }
        }
        Ok(left)
    }

    /// Tells a message that the server said it stored and that is not among the new ones. Gmail keeps equal messages once, and
    /// names the one it has.
    fn tell_not_there(&mut self, one: &Pending) -> Result<(), Halt> {
        let (prepared, validity) = (&one.prepared, self.selected.uid_validity);
        let uid = one.uid().filter(|(given, _)| *given == validity).map(|(_, uid)| uid);
        let named = self.states_of(uid.as_slice())?.unwrap_or_default();
        let is_alike = |named: &&RemoteMessage| Some(named.uid) == uid && named.size == prepared.size;
        if let Some(RemoteMessage { uid, size, .. }) = named.iter().find(is_alike)
            && matches!(self.compare_content(prepared, *uid, *size)?, Ok(Some(_)))
        {
            let reason = format!("the server keeps equal messages once: it has this one as UID {uid} already");
            self.fail(prepared, reason, None);
            return Ok(());
        }
        let reason = "the server said that it stored the message, but it is not there".to_owned();
        self.fail_not_kept(prepared, reason, None);
        Ok(())
    }

    /// Reads back the content of those messages whose size and header are not proof enough, and compares each; by UID.
    fn read_back(&mut self, matched: &Matched) -> Result<Result<HashMap<u32, Option<Proof>>, ImapError>, Halt> {
        let wanted = matched
            .iter()
            .filter_map(|(one, found)| Some((&*one.prepared, found.as_ref()?)))
            .filter(|(prepared, message)| self.needs_content(prepared, message));
        let (large, wanted): (Vec<_>, Vec<_>) = wanted.partition(|(prepared, _)| prepared.large.is_some());
        let mut grades = HashMap::new();
        for (prepared, message) in large {
            match self.compare_content(prepared, message.uid, message.size)? {
                Ok(grade) => _ = grades.insert(message.uid, grade),
                Err(error) => return Ok(Err(error)),
            }
        }
        if wanted.is_empty() {
            return Ok(Ok(grades));
        }
        let wanted: HashMap<u32, &Prepared> =
            wanted.into_iter().map(|(prepared, message)| (message.uid, prepared)).collect();
        let sizes = matched.iter().filter_map(|(one, found)| Some(one.prepared.size.max(found.as_ref()?.size)));
        let largest = sizes.max().unwrap_or(0);
        let mut uids: Vec<u32> = wanted.keys().copied().collect();
        uids.sort_unstable();
        self.ask(|session, target| {
            let mut grades = grades.clone();
            session.reopen(target)?;
            session.contents(&uids, largest, |uid, content| {
                if let Some(prepared) = wanted.get(&uid) {
                    grades.insert(uid, grade(prepared, content));
                }
            })?;
            Ok(grades)
        })
    }

    /// Whether the content itself must be read back.
    pub(super) fn needs_content(&self, prepared: &Prepared, message: &RemoteMessage) -> bool {
        self.reads_all_back() || message.size != prepared.size || prepared.is_8bit
    }

    /// Compares what the server has with what was sent: date, flags, size, and the content where that was read back.
    pub(super) fn prove(
        &mut self,
        prepared: &Prepared,
        message: &RemoteMessage,
        how: How,
        grade: Result<Option<Proof>, &mut ImapError>,
    ) -> Result<(), Halt> {
        let dated = match (has_date(prepared, message), message.internal_date) {
            (true, _) => Dated::Kept,
            (false, Some(date)) if is_about_now(date) => Dated::Anew,
            _ => Dated::Wrongly,
        };
        if dated == Dated::Wrongly {
            self.fail(prepared, dated_otherwise(prepared, message), Some(message));
            return Ok(());
        }
        let proof = match grade {
            _ if !self.needs_content(prepared, message) => Proof::Size,
            Ok(Some(proof)) => proof,
            Ok(None) => {
                let reason = format!(
                    "the server changed the message: its copy (UID {}) differs from what was sent",
                    message.uid
                );
                // What was found by its header may be another's.
                if how == How::Now {
                    self.fail_not_kept(prepared, reason, Some(message));
                } else {
                    self.fail(prepared, reason, Some(message));
                }
                return Ok(());
            }
            Err(error) => {
                self.fail(prepared, format!("it was sent, but can not be read back: {error}"), Some(message));
                return Ok(());
            }
        };
        let (message, missing) = self.set_missing_flags(prepared, message)?;
        self.tell_proven(prepared, &message, how, proof, missing, dated);
        Ok(())
    }

    /// Sets flags that the server forgot on APPEND, as Exchange does with `\Flagged`. Gives the message as it is then, and
    /// the flags that it will not keep.
    pub(super) fn set_missing_flags(
        &mut self,
        prepared: &Prepared,
        message: &RemoteMessage,
    ) -> Result<(RemoteMessage, Vec<String>), Halt> {
        let missing = missing_flags(prepared, message);
        if missing.is_empty() {
            return Ok((message.clone(), missing));
        }
        let (uid, query) = (message.uid, missing.join(" "));
        let again = self.ask(|session, target| {
            session.reopen(target)?;
            session.add_flags(uid, &query)?;
            let asked = session.ask_states(&[uid])?;
            Ok(session.states(&asked)?.into_iter().find(|message| message.uid == uid))
        })?;
        Ok(match again {
            Ok(Some(message)) => {
                let missing = missing_flags(prepared, &message);
                (message, missing)
            }
            _ => (message.clone(), missing),
        })
    }

    /// Reads a message back and compares it; `None` inside when it is gone or differs.
    pub(super) fn compare_content(
        &mut self,
        prepared: &Prepared,
        uid: u32,
        size: u64,
    ) -> Result<Result<Option<Proof>, ImapError>, Halt> {
        if prepared.large.is_some() && size == prepared.size {
            let digest = self.ask(|session, target| {
                session.reopen(target)?;
                session.digest(uid)
            })?;
            match digest {
                Ok(Some(digest)) if digest != prepared.digest => {}
                Ok(digest) => return Ok(Ok(digest.map(|_| Proof::Exact))),
                Err(error) => return Ok(Err(error)),
            }
        }
        let expected = prepared.size.max(size);
        let content = self.ask(|session, target| {
            session.reopen(target)?;
            session.content(uid, expected)
        })?;
        Ok(content.map(|content| grade(prepared, &content?)))
    }

    /// Whether to look again for messages whose answer was lost. Once their grace is over, they wait to be sent again.
    fn wait_for_late(&mut self, pending: &mut Vec<Pending>, begun: Instant) -> Result<bool, Halt> {
        let largest = pending.iter().filter(|one| one.state == State::Unknown).map(|one| one.prepared.size).max();
        let Some(largest) = largest else { return Ok(false) };
        if begun.elapsed() < grace(largest) {
            pause_unless(self.shared.brake, LOOK_EVERY)?;
            return Ok(true);
        }
        let before = pending.len();
        pending.retain_mut(|one| {
            let is_unknown = one.state == State::Unknown;
            let is_hopeless = is_unknown && one.tries >= MAX_TRIES;
            if is_unknown {
                self.expect_late_again(&one.prepared);
                one.state = State::Waiting;
            }
            if is_hopeless {
                let reason = format!("sent {} times without an answer, and it is not on the server", one.tries);
                self.fail(&one.prepared, reason, None);
            }
            !is_hopeless
        });
        if pending.len() < before {
            forgive(pending);
        }
        Ok(false)
    }

    /// The folder can not be read back: nothing that was sent is proven.
    fn fail_unread(&mut self, pending: &mut Vec<Pending>, error: &ImapError) {
        pending.retain(|one| {
            if !one.is_waiting() {
                let reason = format!("it was sent, but the folder can not be read back: {error}");
                self.fail_unproven(one, reason);
            }
            one.is_waiting()
        });
    }
}

/// How surely `content` is the message; `None` when it is another.
pub(super) fn grade(prepared: &Prepared, content: &[u8]) -> Option<Proof> {
    if Digest::of(content) == prepared.digest {
        return Some(Proof::Exact);
    }
    let sent = prepared.whole();
    if canonical::same_but_line_ends(content, &sent) {
        Some(Proof::Canonical)
    } else {
        same_meaning(&sent, content).then_some(Proof::Semantic)
    }
}

/// Whether the server kept the date that was sent, if one was.
pub(super) fn has_date(prepared: &Prepared, message: &RemoteMessage) -> bool {
    match (prepared.internal_date, message.internal_date) {
        (Some(sent), Some(kept)) => sent.unix().abs_diff(kept.unix()) <= DATE_TOLERANCE,
        _ => true,
    }
}

/// Says that the server has another date than the one that was sent.
pub(super) fn dated_otherwise(prepared: &Prepared, message: &RemoteMessage) -> String {
    let written = |date: Option<InternalDate>| date.map(InternalDate::to_imap).unwrap_or_default();
    let (there, here) = (written(message.internal_date), written(prepared.internal_date));
    format!("it is on the server (UID {}), but dated {there} and not {here}", message.uid)
}

/// Whether a date is that of the transfer, by a clock that may be wrong by some hours or by its zone.
fn is_about_now(date: InternalDate) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    date.unix().abs_diff(i64::try_from(now).unwrap_or(i64::MAX)) < CLOCKS_DIFFER
}

/// The flags and keywords that were sent and are not there.
pub(super) fn missing_flags(prepared: &Prepared, message: &RemoteMessage) -> Vec<String> {
    let kept = |keyword: &&String| message.keywords.iter().any(|known| known.eq_ignore_ascii_case(keyword));
    let flags = prepared.flags.without(message.flags).names().map(str::to_owned);
    flags.chain(prepared.keywords.iter().filter(|keyword| !kept(keyword)).cloned()).collect()
}

/// Whether a UID was given under another UIDVALIDITY than the folder has now.
fn is_stale(state: State, validity: u32) -> bool {
    matches!(state, State::Sent(Some((given, _))) if given != validity)
}
