//! Sends a batch: append what waits, settle what was sent, and again, until each message is proven or told as failed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::imap::{ImapError, Outgoing, Scope, Session, Stored};
use crate::mail::envelope::Summary;

use super::Event;
use super::carry::{BATCH_MESSAGES, Carry};
use super::job::{Halt, tell};
use super::pending::{MAX_TRIES, Pending, Prepared, State};

/// How long a batch should take: long enough to save round trips, short enough for the screen.
const BATCH_TIME: Duration = Duration::from_millis(400);

impl Carry<'_, '_> {
    /// Sends a batch until each of its messages is proven, or told as failed.
    pub(super) fn send(&mut self, batch: Vec<Prepared>) -> Result<(), Halt> {
        let begun = Instant::now();
        let mut pending: Vec<Pending> = batch.into_iter().map(Pending::new).collect();
        self.one_by_one = false;
        while !pending.is_empty() {
            let halt = self.append(&mut pending)?;
            self.settle(&mut pending)?;
            if let Some(halt) = halt {
                return Err(halt);
            }
            if self.brake.is_pulled() {
                return Err(Halt::Stopped);
            }
        }
        let (doubled, halved) = (self.batch_messages * 2, self.batch_messages / 2);
        self.batch_messages = if begun.elapsed() < BATCH_TIME { doubled } else { halved }.clamp(1, BATCH_MESSAGES);
        Ok(())
    }

    /// Appends what waits. Refused messages are told and leave `pending`; the others know their state.
    ///
    /// Gives what ends the job once the messages that were sent are settled.
    fn append(&mut self, pending: &mut Vec<Pending>) -> Result<Option<Halt>, Halt> {
        let (events, index, brake) = (self.events, self.index, self.brake);
        let waiting: Vec<usize> =
            (0..pending.len()).filter(|at| pending.get(*at).is_some_and(Pending::is_waiting)).collect();
        let messages: Vec<&Prepared> =
            waiting.iter().filter_map(|at| pending.get(*at)).map(|one| &one.prepared).collect();
        let outgoing: Vec<Outgoing<'_>> = messages.iter().map(|prepared| prepared.outgoing()).collect();
        let mut go_on = |place: usize, sent: u64| {
            if sent == 0 {
                let subject =
                    messages.get(place).map(|prepared| Summary::of(&prepared.bytes).subject).unwrap_or_default();
                let bytes = messages.get(place).map_or(0, |prepared| prepared.size());
                tell(events, Event::MessageStart { index, subject, bytes });
            } else {
                tell(events, Event::MessageSent { index, sent });
            }
            !brake.is_pulled()
        };
        let results = self.link.session()?.append(&self.target, &outgoing, self.one_by_one, &mut go_on);
        let mut refused: HashMap<usize, ImapError> = HashMap::new();
        let mut lost = None;
        let mut together = None;
        for (at, result) in waiting.into_iter().zip(results) {
            let Some(one) = pending.get_mut(at) else { continue };
            match result {
                Ok(appended) => one.state = State::Sent(appended.uid),
                Err(failed) if failed.stored == Stored::Perhaps => {
                    one.state = State::Doubtful;
                    together = Some(failed.error);
                }
                Err(failed) => {
                    if failed.stored == Stored::Unknown {
                        one.state = State::Unknown;
                    }
                    // A server that asks for less says nothing about this message.
                    let is_busy =
                        matches!(failed.error, ImapError::Refused { .. }) && failed.error.scope() == Scope::Connection;
                    one.tries += u8::from(!is_busy);
                    match &failed.error {
                        ImapError::Refused { .. }
                            if failed.error.scope() != Scope::Connection && !one.may_create(&failed.error) =>
                        {
                            refused.insert(at, failed.error);
                        }
                        _ => lost = Some(failed.error),
                    }
                }
            }
        }
        let halt = self.tell_refused(pending, refused);
        let only_time = self.refused_together(together);
        self.recover(only_time.or(lost), pending)?;
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
            let mut failed =
                self.failed(one.prepared.locator.id(), Summary::of(&one.prepared.bytes).subject, error.to_string(), 1);
            failed.server_text = error.server_text().unwrap_or_default();
            error.hint().clone_into(&mut failed.hint);
            self.tell_failed(failed);
            end = Some(error);
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
            if let Err(error) = self.ask(Session::create_again)? {
                return Err(Halt::Server(error));
            }
            return Ok(());
        }
        self.give_up_hopeless(pending, &error);
        self.link.lost(error)
    }

    /// Messages that the connection broke on again and again are told as failed, so that the others get across.
    fn give_up_hopeless(&mut self, pending: &mut Vec<Pending>, error: &ImapError) {
        pending.retain(|one| {
            let is_hopeless = one.tries >= MAX_TRIES && one.is_waiting();
            if is_hopeless {
                let reason = format!("tried {} times: {error}", one.tries);
                self.fail_message(one.prepared.locator.id(), Summary::of(&one.prepared.bytes).subject, reason);
            }
            !is_hopeless
        });
    }
}
