//! Sends a batch and waits for it: append what waits, settle what was sent, and again, until each message is proven or told
//! as failed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::imap::{AppendError, Appended, ImapError, Outgoing, Scope, Stored};
use crate::mail::envelope::Summary;

use super::Event;
use super::carry::{BATCH_MESSAGES, Carry};
use super::flight::Crash;
use super::job::{Halt, tell};
use super::ledger::Place;
use super::pending::{MAX_TRIES, Pending, Prepared, State};

/// How long a batch should take: long enough to save round trips, short enough for the screen.
const BATCH_TIME: Duration = Duration::from_millis(400);

/// What the server said to the messages of a batch.
#[derive(Default)]
struct Verdicts {
    /// Refused messages, by their place.
    refused: HashMap<usize, ImapError>,
    /// What ended the connection, or asks for time.
    lost: Option<ImapError>,
    /// The refusal of several messages of which one was meant.
    together: Option<ImapError>,
}

impl Carry<'_, '_> {
    /// Notes in the journal, durably, what is about to be sent.
    pub(super) fn intend(&mut self, batch: &mut [Prepared]) -> Result<(), Halt> {
        let entries: Vec<_> = batch.iter().map(Prepared::entry).collect();
        let window = (self.selected.uid_validity, self.selected.uid_next);
        let marks: Vec<_> = batch.iter().map(Prepared::mark).collect();
        let due = self.ledger.take_due();
        let id = self.shared.record.intend(self.index, window, &entries, &marks, &due)?;
        self.ledger.begin(id, batch.len());
        for (number, prepared) in batch.iter_mut().enumerate() {
            prepared.place = Some(Place { batch: id, number });
        }
        Ok(())
    }

    /// Writes what is known of batches.
    pub(super) fn write_due(&mut self) -> Result<(), Halt> {
        let due = self.ledger.take_due();
        Ok(self.shared.record.settle(&due)?)
    }

    /// Sends a batch until each of its messages is proven, or told as failed.
    pub(super) fn send(&mut self, batch: Vec<Prepared>) -> Result<(), Halt> {
        let begun = Instant::now();
        self.finish(batch.into_iter().map(Pending::new).collect())?;
        let (doubled, halved) = (self.batch_messages * 2, self.batch_messages / 2);
        self.batch_messages = if begun.elapsed() < BATCH_TIME { doubled } else { halved }.clamp(1, BATCH_MESSAGES);
        Ok(())
    }

    /// Flights that did not go well: what is known of them is noted, the rest is looked for and sent again.
    pub(super) fn pick_up(&mut self, crash: Crash) -> Result<(), Halt> {
        let Crash { mut pending, results, lost } = crash;
        self.fill(&mut pending); // what was refused may have to be saved
        let mut verdicts = judge(&mut pending, results);
        if let Some(lost) = lost {
            keep(&mut verdicts.lost, lost);
        }
        let halt = self.act(&mut pending, verdicts)?;
        pending.append(&mut self.air.leftovers);
        pending.append(&mut self.air.unseen);
        pending.append(&mut self.air.unasked);
        self.air.states.clear();
        let pending = self.read_again(pending);
        self.finish(pending)?;
        halt.map_or(Ok(()), Err)
    }

    /// Settles what was sent and sends what waits, until each message is proven, or told as failed.
    pub(super) fn finish(&mut self, mut pending: Vec<Pending>) -> Result<(), Halt> {
        self.settle(&mut pending)?;
        while !pending.is_empty() {
            if self.shared.brake.is_pulled() {
                return Err(Halt::Stopped);
            }
            let halt = self.append(&mut pending)?;
            self.settle(&mut pending)?;
            if let Some(halt) = halt {
                return Err(halt);
            }
        }
        if self.needs_consent {
            return Err(Halt::Rewriting);
        }
        self.one_by_one = false;
        Ok(())
    }

    /// Appends what waits. Refused messages are told and leave `pending`; the others know their state.
    ///
    /// Gives what ends the job once the messages that were sent are settled.
    fn append(&mut self, pending: &mut Vec<Pending>) -> Result<Option<Halt>, Halt> {
        let (events, index, brake) = (self.shared.events, self.index, self.shared.brake);
        self.air.exists = None; // it will be more
        let mut waiting: Vec<usize> =
            (0..pending.len()).filter(|at| pending.get(*at).is_some_and(Pending::is_waiting)).collect();
        let is_large = |at: &usize| pending.get(*at).is_some_and(|one| one.prepared.large.is_some());
        if let Some(first) = waiting.first().copied().filter(is_large) {
            return self.append_large(pending, first);
        }
        waiting.truncate(waiting.iter().position(is_large).unwrap_or(waiting.len()));
        let messages: Vec<&Prepared> =
            waiting.iter().filter_map(|at| pending.get(*at)).map(|one| &*one.prepared).collect();
        let outgoing: Vec<Outgoing<'_>> = messages.iter().map(|prepared| prepared.outgoing()).collect();
        let mut go_on = |place: usize, sent: u64| {
            if sent == 0 {
                let subject =
                    messages.get(place).map(|prepared| Summary::of(&prepared.bytes).subject).unwrap_or_default();
                let bytes = messages.get(place).map_or(0, |prepared| prepared.size);
                tell(events, Event::MessageStart { index, subject, bytes });
            } else {
                tell(events, Event::MessageSent { index, sent });
            }
            !brake.is_pulled()
        };
        // The line broke on these before: alone, each shows whether it is the one.
        let are_suspect = messages.len() > 1
            && waiting.iter().any(|at| pending.get(*at).is_some_and(|one| one.tries + 1 >= MAX_TRIES));
        let commands = if self.one_by_one || are_suspect { 0 } else { self.link.commands() };
        let results = self.link.session()?.append(&self.target, &outgoing, commands, &mut go_on);
        let verdicts = judge(pending, waiting.into_iter().zip(results).collect());
        self.act(pending, verdicts)
    }

    /// Appends one message in pieces. If it is not in the store any more as it was, it is told, and the server does not keep
    /// what was sent of it.
    fn append_large(&mut self, pending: &mut Vec<Pending>, at: usize) -> Result<Option<Halt>, Halt> {
        let Some((prepared, large)) =
            pending.get(at).and_then(|one| Some((&one.prepared, one.prepared.large.as_ref()?)))
        else {
            return Ok(None);
        };
        let (events, index) = (self.shared.events, self.index);
        let subject = Summary::of(&prepared.bytes).subject;
        tell(events, Event::MessageStart { index, subject, bytes: prepared.size });
        let mut sent = |sent| tell(events, Event::MessageSent { index, sent });
        let pieces = large.checked(prepared.digest);
        let session = self.link.session()?;
        let result = session.append_pieces(&self.target, prepared.outgoing(), prepared.size, pieces, &mut sent);
        if let Err(AppendError { error: ImapError::Unreadable { reason }, .. }) = &result {
            self.link.drop_session();
            let changed = pending.remove(at);
            self.fail(&changed.prepared, format!("it can not be read any more as it was listed: {reason}"), None);
            return Ok(None);
        }
        let verdicts = judge(pending, vec![(at, result)]);
        self.act(pending, verdicts)
    }

    /// Acts on what the server said: tells refused messages, connects again or makes the folder again where needed.
    fn act(&mut self, pending: &mut Vec<Pending>, verdicts: Verdicts) -> Result<Option<Halt>, Halt> {
        let halt = self.tell_refused(pending, verdicts.refused);
        let only_time = self.refused_together(verdicts.together);
        self.recover(only_time.or(verdicts.lost), pending)?;
        Ok(halt)
    }

    /// One of several messages that went together was refused: once it is known which are there, the others go one by one.
    /// Gives an error that only time can mend.
    fn refused_together(&mut self, error: Option<ImapError>) -> Option<ImapError> {
        let error = error?;
        if error.scope() == Scope::Connection {
            return Some(error);
        }
        self.one_by_one = true;
        if matches!(&error, ImapError::Refused { refusal, .. } if refusal.is_bad) {
            self.link.drop_session(); // what followed may have been taken for commands
        }
        None
    }

    /// Takes refused messages out of `pending`. A refusal that concerns all mail ends the job.
    fn tell_refused(&mut self, pending: &mut Vec<Pending>, mut refused: HashMap<usize, ImapError>) -> Option<Halt> {
        let mut at = 0;
        let mut end = None;
        pending.retain(|one| {
            let error = refused.remove(&at);
            at += 1;
            let Some(error) = error else { return true };
            self.fail_refused(&one.prepared, &error);
            if end.as_ref().is_none_or(|end: &ImapError| end.scope() != Scope::Run) {
                end = Some(error);
            }
            false
        });
        match end {
            Some(error) if error.scope() == Scope::Run => Some(Halt::Server(error)),
            Some(ImapError::Refused { refusal, .. }) if refusal.is_bad => {
                self.link.drop_session(); // we and the server disagree on what was said
                None
            }
            _ => None,
        }
    }

    /// After a lost connection or a missing folder: connects again or makes it.
    fn recover(&mut self, lost: Option<ImapError>, pending: &mut Vec<Pending>) -> Result<(), Halt> {
        let Some(error) = lost else { return Ok(()) };
        if matches!(&error, ImapError::Refused { refusal, .. } if refusal.code == "TRYCREATE") {
            // Window and held messages stay: what this batch stored before is still to be settled.
            let mut made = Vec::new();
            let again = self.ask(|session, target| session.create_again(target, &mut made));
            self.shared.record.opened(self.index, &self.target, &made)?;
            return again?.map_err(Halt::Server);
        }
        self.give_up_hopeless(pending, &error);
        self.link.lost(error)
    }

    /// Messages that the connection broke on again and again are told as failed, so that the others get across.
    fn give_up_hopeless(&mut self, pending: &mut Vec<Pending>, error: &ImapError) {
        let before = pending.len();
        pending.retain(|one| {
            let is_hopeless = one.tries >= MAX_TRIES && one.is_waiting();
            if is_hopeless {
                self.fail(&one.prepared, format!("tried {} times: {error}", one.tries), None);
            }
            !is_hopeless
        });
        if pending.len() < before {
            forgive(pending);
        }
    }
}

/// The line broke on another message: these are tried together again.
pub(super) fn forgive(pending: &mut [Pending]) {
    for one in pending {
        one.tries = 0;
    }
}

/// Puts the server's answers into the states of the messages.
fn judge(pending: &mut [Pending], results: Vec<(usize, Result<Appended, AppendError>)>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    // A server that asks for less says nothing about these messages, nor does what comes of that.
    let asks_for_less = |failed: &AppendError| failed.error.asks_for_less();
    let is_asked = results.iter().any(|(_, result)| result.as_ref().is_err_and(asks_for_less));
    for (at, result) in results {
        let Some(one) = pending.get_mut(at) else { continue };
        match result {
            Ok(appended) => one.state = State::Sent(appended.uid),
            Err(failed) if failed.stored == Stored::Perhaps => {
                one.state = State::Doubtful;
                keep(&mut verdicts.together, failed.error);
            }
            Err(failed) => {
                if failed.stored == Stored::Unknown {
                    one.state = State::Unknown;
                }
                one.tries += u8::from(!is_asked);
                // A fault that the server finds in itself may be this message's doing.
                let may_pass = failed.error.is_busy() && (is_asked || one.tries < MAX_TRIES);
                match &failed.error {
                    ImapError::Refused { .. } if !may_pass && !one.may_create(&failed.error) => {
                        verdicts.refused.insert(at, failed.error);
                    }
                    _ => keep(&mut verdicts.lost, failed.error),
                }
            }
        }
    }
    // A BAD ends the connection, whatever was said of the others.
    if let Some(bad) = verdicts.refused.values().find(|error| error.is_bad() && verdicts.refused.len() > 1) {
        keep(&mut verdicts.together, bad.again());
    }
    verdicts
}

/// Keeps of several errors the one that says what to do: that asks for time, the longest; that was not understood; that is
/// the server's own; else the last.
fn keep(kept: &mut Option<ImapError>, error: ImapError) {
    let weight = |error: &ImapError| {
        let asked = error.asks_for_less().then(|| error.wait());
        (asked, error.is_bad(), error.is_busy())
    };
    if kept.as_ref().is_none_or(|kept| weight(kept) <= weight(&error)) {
        *kept = Some(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::Refusal;

    #[test]
    fn of_several_errors_the_one_that_says_what_to_do_is_kept() {
        let refused = |is_bad: bool, code: &str, text: &str| {
            let refusal = Refusal { is_bad, code: code.into(), text: text.into() };
            ImapError::Refused { doing: String::new(), refusal }
        };
        let lost = || ImapError::Lost { reason: "gone".into() };
        let bye = || ImapError::Bye { code: String::new(), text: "signing off".into() };
        let slow = || refused(true, "", "Request is throttled. Suggested Backoff Time: 299961 milliseconds");
        let [busy, bug] = ["INUSE", "SERVERBUG"].map(|code| move || refused(false, code, "x"));
        let (bad, no) = (|| refused(true, "", "what?"), || refused(false, "", "nope"));
        for (errors, kept) in [
            (vec![busy(), slow(), lost(), lost()], slow()),
            (vec![lost(), slow(), busy(), bye()], slow()),
            (vec![lost(), busy(), bye()], busy()),
            (vec![bug(), lost()], bug()),
            (vec![bug(), busy(), bug()], busy()),
            (vec![no(), bad(), no()], bad()),
            (vec![bug(), bad(), bug()], bad()),
            (vec![lost(), bye()], bye()),
        ] {
            let mut one = None;
            for error in errors {
                keep(&mut one, error);
            }
            assert_eq!(one.map(|error| error.to_string()), Some(kept.to_string()));
        }
    }
}
