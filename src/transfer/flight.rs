//! Batches in the air: sent and not waited for, each proven by a look that is not waited for either. For servers that take
//! many messages in one command and say where they went; everything else, and everything that goes wrong, is
//! [`super::send`]'s.
//!
//! The connection carries, in this order: messages 1, messages 2, states of 1, messages 3, states of 2 …, behind the last
//! messages the states of all that were not asked for, and behind these the next folder's opening; answers are read in the
//! same order. Nothing else may be asked meanwhile.

use std::time::{Duration, Instant};

use crate::imap::{AppendError, Appended, ImapError, Opening, RemoteMessage, Scope};
use crate::mail::envelope::Summary;

use super::air::{FLIGHT_MESSAGES, Flight, Stage};
use super::carry::Carry;
use super::intake;
use super::job::Halt;
use super::link::pause_unless;
use super::pending::{Pending, Prepared, State};
use super::tell::Dated;
use super::{Event, How, Mailbox, Proof};

/// A larger message goes alone, so that its way can be seen.
const LARGE: u64 = 4 << 20;
/// The most messages whose states are asked for and not yet read: little enough for the line to hold the answers.
const ASKED: usize = 1024;
/// The most that are stored and whose states are asked for later.
const UNASKED: usize = 16 * 1024;
/// Sent messages that need more than a look are gathered up to so many, or so many bytes.
const LEFTOVERS: usize = 256;
const LEFTOVER_BYTES: u64 = 4 << 20;
/// How often the subject of a message under way is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What came of flights that did not go well.
#[derive(Default)]
pub(super) struct Crash {
    pub(super) pending: Vec<Pending>,
    /// The answer to each message, by its place in `pending`.
    pub(super) results: Vec<(usize, Result<Appended, AppendError>)>,
    pub(super) lost: Option<ImapError>,
}

impl Crash {
    fn is_none(&self) -> bool {
        let is_lost = self.lost.as_ref().is_some_and(|error| error.scope() == Scope::Connection);
        self.pending.is_empty() && !is_lost
    }

    fn add(&mut self, pending: Vec<Pending>, results: Vec<Result<Appended, AppendError>>) {
        let first = self.pending.len();
        self.results.extend(results.into_iter().enumerate().map(|(place, result)| (first + place, result)));
        self.pending.extend(pending);
    }

    fn lose(&mut self, pending: Vec<Pending>, error: ImapError) {
        self.pending.extend(pending);
        self.lost.get_or_insert(error);
    }
}

impl Carry<'_, '_> {
    /// Whether the server is one that batches can fly to.
    pub(super) fn may_fly(&mut self) -> bool {
        !self.one_by_one && self.link.current().is_some_and(|session| session.flies())
    }

    /// Sends a batch: lets it fly where it can, else waits for it.
    pub(super) fn ship(&mut self, mut batch: Vec<Prepared>) -> Result<(), Halt> {
        if batch.is_empty() {
            return Ok(());
        }
        let can_fly = batch.iter().all(|prepared| prepared.size <= LARGE) && self.may_fly();
        if self.shared.pace.asked().is_some() {
            self.land_all()?; // what is in the air is not to wait
            self.link.rest()?;
        }
        let wait = self.shared.pace.take(batch.iter().map(|prepared| prepared.size).sum());
        match wait {
            Ok(Duration::ZERO) => {}
            other => {
                self.land_all()?; // what is in the air is not to wait
                pause_unless(self.shared.brake, other?)?;
            }
        }
        if !can_fly {
            self.land_all()?;
            self.intend(&mut batch)?;
            return self.send(batch);
        }
        let waits = self.open_for_flight(&batch)?;
        self.intend(&mut batch)?;
        self.tell_under_way(&batch);
        let outgoing: Vec<_> = batch.iter().map(Prepared::outgoing).collect();
        let begun = Instant::now();
        let launched = self.link.session()?.launch(&self.target, &outgoing);
        if !waits {
            self.air.sent_in(begun.elapsed());
        }
        // What flies is not held in memory: it is read again, should it be needed after all.
        let pending = batch.into_iter().map(|prepared| Pending::new(Prepared { bytes: Vec::new(), ..prepared }));
        self.air.flights.push_back(Flight { pending: pending.collect(), stage: Stage::Sent(launched), since: begun });
        while self.is_air_full() || self.has_answer() {
            self.land_next()?;
        }
        self.tidy_leftovers()
    }

    /// The states are asked for in the open folder; and a go-ahead is waited for with nothing else in the air. Gives whether
    /// one will be.
    fn open_for_flight(&mut self, batch: &[Prepared]) -> Result<bool, Halt> {
        let outgoing: Vec<_> = batch.iter().map(Prepared::outgoing).collect();
        let waits = self.link.current().is_some_and(|session| session.waits(&self.target, &outgoing));
        if waits {
            self.land_all()?;
        }
        if self.air.flights.is_empty()
            && let Err(error) = self.ask(Mailbox::reopen)?
        {
            return Err(Halt::Server(error));
        }
        Ok(waits)
    }

    fn tell_under_way(&mut self, batch: &[Prepared]) {
        let is_due = self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if let Some(first) = batch.first().filter(|_| is_due) {
            self.told = Some(Instant::now());
            let subject = Summary::of(&first.bytes).subject;
            self.tell(Event::MessageStart { index: self.index, subject, bytes: first.size });
        }
    }

    fn is_air_full(&self) -> bool {
        let sent = self.air.flights.iter().filter(|flight| matches!(flight.stage, Stage::Sent(_)));
        sent.count() > self.air.most.min(self.link.commands()) || self.air.unasked.len() > UNASKED
    }

    /// Asks for the states of what is stored, as far as the line holds the answers.
    fn ask_states(&mut self, crash: &mut Crash) {
        if self.air.is_asked_ahead {
            return self.air.unseen.append(&mut self.air.unasked);
        }
        let asked = self.air.flights.iter().filter(|flight| matches!(flight.stage, Stage::Asked(_)));
        let room = ASKED.saturating_sub(asked.map(|flight| flight.pending.len()).sum());
        let waiting = self.air.unasked.len();
        if waiting == 0 || room < waiting.min(FLIGHT_MESSAGES) {
            return;
        }
        let Some(session) = self.link.current() else { return };
        let rest = self.air.unasked.split_off(waiting.min(room));
        let pending = std::mem::replace(&mut self.air.unasked, rest);
        let uids: Vec<u32> = pending.iter().filter_map(sent_uid).collect();
        match session.ask_states(&uids) {
            Ok(tags) => {
                self.air.flights.push_back(Flight { pending, stage: Stage::Asked(tags), since: Instant::now() });
            }
            Err(error) => crash.lose(pending, error),
        }
    }

    /// Whether the next answer has come.
    fn has_answer(&mut self) -> bool {
        let Some(session) = self.link.current() else { return false };
        self.air.flights.front().is_some_and(|flight| match &flight.stage {
            Stage::Sent(launched) => session.has_landed(launched),
            Stage::Asked(tags) => session.have_come(tags),
            Stage::Opening(..) => false,
        })
    }

    /// No more will be sent: the states of all that is on its way are asked for at once, behind it.
    pub(super) fn ask_ahead(&mut self) {
        let is_on_its_way = self.air.flights.iter().any(|flight| matches!(flight.stage, Stage::Sent(_)));
        let landed = self.air.landed.saturating_add(1).max(self.selected.uid_next);
        let floor = self.air.unasked.first().and_then(sent_uid).unwrap_or(landed);
        // A line that breaks here is told by those who wait.
        if is_on_its_way
            && let Some(session) = self.link.current()
            && let Ok(tags) = session.ask_since(&self.target, floor)
        {
            self.air.is_asked_ahead = true;
            self.air.unseen.append(&mut self.air.unasked);
            self.air.flights.push_back(Flight {
                pending: Vec::new(),
                stage: Stage::Asked(tags),
                since: Instant::now(),
            });
        }
    }

    /// The folder that comes next is opened behind all else; what it needs more is done in its turn. Nothing may be left to be
    /// asked for in this one.
    pub(super) fn open_ahead(&mut self) {
        let is_asked = |flight: &Flight| matches!(flight.stage, Stage::Asked(_));
        let is_all_asked = self.air.unasked.is_empty() && self.air.flights.iter().all(is_asked);
        // Where all is read back, this folder is still needed.
        if self.air.flights.is_empty() || !(self.air.is_asked_ahead || is_all_asked) || self.reads_all_back() {
            return;
        }
        // A line that breaks here is told by those who wait.
        if let Some((next, plan)) = (self.next)()
            && let Some(session) = self.link.current()
            && let Ok(Some(opening)) = session.ask_to_open(&plan.target)
        {
            let stage = Stage::Opening(next, Box::new(opening));
            self.air.flights.push_back(Flight { pending: Vec::new(), stage, since: Instant::now() });
        }
    }

    fn land_opening(&mut self, next: usize, opening: &Opening, crash: &mut Crash) {
        let Some(session) = self.link.current() else { return };
        let mut made = Vec::new();
        if let Err(error) = session.made(opening, &mut made) {
            crash.lose(Vec::new(), error);
        }
        if let Some(path) = made.first() {
            // A journal that takes no more ends the job before the next message is sent.
            _ = self.shared.record.opened(next, path, &made);
        }
    }

    /// Waits for everything in the air, and for what it left over.
    pub(super) fn land_all(&mut self) -> Result<(), Halt> {
        while !self.air.flights.is_empty() {
            self.land_next()?;
        }
        // What was not shown so far is asked for by its UIDs; another folder may be open by now.
        self.air.is_asked_ahead = false;
        self.air.unasked.append(&mut self.air.unseen);
        if !self.air.unasked.is_empty() && !self.is_open_again() {
            self.air.leftovers.append(&mut self.air.unasked);
        }
        let mut crash = Crash::default();
        self.ask_states(&mut crash);
        if !crash.is_none() {
            self.pick_up(crash)?;
        }
        while !self.air.flights.is_empty() {
            self.land_next()?;
        }
        self.air.leftovers.append(&mut self.air.unseen);
        self.air.states.clear();
        self.finish_leftovers()
    }

    /// Opens the folder anew, on this connection and if it is still the same.
    fn is_open_again(&mut self) -> bool {
        let (target, validity) = (&self.target, self.selected.uid_validity);
        let selected = self.link.current().map(|session| session.select(target));
        matches!(selected, Some(Ok(selected)) if selected.uid_validity == validity)
    }

    /// Waits for the next answer; when that is not what it should be, for all the others too.
    fn land_next(&mut self) -> Result<(), Halt> {
        let mut crash = Crash::default();
        if let Some(flight) = self.air.flights.pop_front() {
            self.land(flight, &mut crash);
        }
        if crash.is_none() {
            return Ok(());
        }
        while let Some(flight) = self.air.flights.pop_front() {
            self.land(flight, &mut crash);
        }
        self.pick_up(crash)
    }

    /// Waits for one answer. What was sent is asked for, what was asked for is proven, what did not go well crashes.
    fn land(&mut self, mut flight: Flight, crash: &mut Crash) {
        let Some(session) = self.link.current() else {
            let was_sent = matches!(flight.stage, Stage::Sent(_));
            for one in flight.pending.iter_mut().filter(|_| was_sent) {
                one.state = State::Unknown;
            }
            return crash.lose(flight.pending, ImapError::Lost { reason: "with messages on their way".into() });
        };
        match flight.stage {
            Stage::Sent(launched) => {
                let mut states = Vec::new();
                let results = session.land(launched, &mut states);
                self.air.answered(flight.since.elapsed());
                self.air.keep(states);
                let told = |result: &Result<Appended, AppendError>| result.as_ref().ok()?.uid;
                let uids: Vec<(u32, u32)> = results.iter().filter_map(told).collect();
                let is_same = |uid: &(u32, u32)| uid.0 == self.selected.uid_validity;
                if uids.len() < flight.pending.len() || !uids.iter().all(is_same) {
                    return crash.add(flight.pending, results);
                }
                for (one, uid) in flight.pending.iter_mut().zip(&uids) {
                    one.state = State::Sent(Some(*uid));
                }
                self.air.landed = uids.iter().map(|(_, uid)| *uid).fold(self.air.landed, u32::max);
                self.air.unasked.extend(flight.pending);
            }
            Stage::Asked(tags) => self.land_states(flight.pending, &tags, crash),
            Stage::Opening(next, opening) => return self.land_opening(next, &opening, crash),
        }
        self.ask_states(crash);
    }

    /// Waits for states, and proves messages while the rest still comes. What does not come waits for later answers.
    fn land_states(&mut self, mut pending: Vec<Pending>, mut tags: &[String], crash: &mut Crash) {
        let is_ahead = pending.is_empty();
        while !tags.is_empty()
            && let Some(session) = self.link.current()
        {
            match session.some_states(&mut tags) {
                Ok(states) => self.air.keep(states),
                Err(error) => return crash.lose(pending, error),
            }
            self.air.exists = session.exists().filter(|_| is_ahead);
            let unseen = std::mem::take(&mut self.air.unseen);
            self.air.unseen = self.prove_seen(unseen);
            pending = self.prove_seen(pending);
        }
        self.air.unseen.append(&mut pending);
        // What went wrong may be there in part, below what went well after it.
        if !crash.pending.is_empty() {
            return;
        }
        let open = self.air.unseen.iter().chain(&self.air.unasked).chain(&self.air.leftovers);
        let least = open.filter_map(sent_uid).min().unwrap_or(u32::MAX);
        let last = self.claimed.iter().max().map_or(0, |uid| uid.saturating_add(1));
        self.settled_below(least.min(last));
    }

    /// Proves those whose state has come, if that is as it should be; if not, they are left over. Gives the others.
    fn prove_seen(&mut self, waiting: Vec<Pending>) -> Vec<Pending> {
        let mut unseen = Vec::new();
        let mut waiting = waiting.into_iter();
        while !self.air.states.is_empty()
            && let Some(one) = waiting.next()
        {
            let State::Sent(Some((_, uid))) = one.state else { continue };
            match self.air.states.remove(&uid) {
                None => unseen.push(one),
                Some(message) if self.is_plain(&one.prepared, &message) && self.claims_uid(uid) => {
                    self.tell_proven(&one.prepared, &message, How::Now, Proof::Size, Vec::new(), Dated::Kept);
                }
                Some(_) => self.air.leftovers.push(one),
            }
        }
        unseen.extend(waiting);
        unseen
    }

    /// Takes a UID for a message, unless it is that of another, as where a server keeps equal messages once.
    fn claims_uid(&mut self, uid: u32) -> bool {
        uid >= self.selected.uid_next && self.claimed.insert(uid)
    }

    /// Whether a look is enough to prove a message.
    fn is_plain(&self, prepared: &Prepared, message: &RemoteMessage) -> bool {
        !self.needs_content(prepared, message)
            && super::prove::has_date(prepared, message)
            && super::prove::missing_flags(prepared, message).is_empty()
    }

    fn tidy_leftovers(&mut self) -> Result<(), Halt> {
        let bytes: u64 = self.air.leftovers.iter().map(|one| one.prepared.size).sum();
        let missing = if self.air.is_asked_ahead { 0 } else { self.air.unseen.len() };
        if self.air.leftovers.len() + missing < LEFTOVERS && bytes < LEFTOVER_BYTES {
            return Ok(());
        }
        self.land_all()
    }

    fn finish_leftovers(&mut self) -> Result<(), Halt> {
        let leftovers = std::mem::take(&mut self.air.leftovers);
        let leftovers = self.read_again(leftovers);
        self.finish(leftovers)
    }

    /// Gives messages back their bytes, as far as they are in the store as they were.
    pub(super) fn fill(&self, pending: &mut [Pending]) {
        let making = self.making();
        for prepared in pending.iter_mut().map(|one| &mut one.prepared).filter(|one| one.bytes.is_empty()) {
            let read = intake::read(self.store, &self.plan.folder, &prepared.locator, &making);
            if let Ok(content) = read
                && content.digest == prepared.digest
            {
                prepared.bytes = content.bytes;
            }
        }
    }

    /// The same; one that is not in the store any more as it was is told.
    pub(super) fn read_again(&mut self, mut pending: Vec<Pending>) -> Vec<Pending> {
        self.fill(&mut pending);
        pending.retain(|one| {
            let is_there = !one.prepared.bytes.is_empty();
            if !is_there {
                let reason = "it was sent, and then changed in the store, so it can not be compared".to_owned();
                self.fail_unproven(one, reason);
            }
            is_there
        });
        pending
    }
}

/// The UID that the server gave a message.
fn sent_uid(one: &Pending) -> Option<u32> {
    one.uid().map(|(_, uid)| uid)
}
