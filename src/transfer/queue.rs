//! The jobs of a sitting, one after the other: pure state. Orders and events change it; what is to be done outside comes
//! out as [`Deed`]s. Used by the screen, and by the process that goes on without one.
//!
//! Jobs run in their order, one at a time. One that is paused holds back those behind it, until it goes on or another one
//! is put before it. One that ends early holds back those to the same mailbox, which would end in the same way.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::mail::Repair;

use super::{Event, Job, Outcome, Plan, Progress};

/// Names a job of the queue, whether it has a number in the journal or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ticket(u64);

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Its turn has not come.
    Waiting,
    /// It runs.
    Running,
    /// It runs, and was asked to stop after the running messages.
    Stopping(Why),
    /// It runs, and is being cut off.
    Breaking(Why),
    /// It does not go on before it is told to.
    Paused,
    /// The same, because the job before it ended early.
    Held,
    /// It has ended.
    Ended,
}

/// Why a job is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// It is to go on later.
    Pause,
    /// It is not to go on.
    Cancel,
    /// It is to go on in another process.
    Leave,
}

/// What can be asked of the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Stop this job, and go on later.
    Pause(Ticket),
    /// Go on with this job.
    GoOn(Ticket),
    /// Stop this job and leave the rest of it; asked again, at once.
    Cancel(Ticket),
    /// Put this job before the one before it.
    Earlier(Ticket),
    /// Put this job behind the one behind it.
    Later(Ticket),
    /// Try again what this job did not carry, with these repairs beside its own.
    Retry(Ticket, Vec<Repair>),
    /// Stop what runs and hold back what waits; asked again, at once.
    Stop,
    /// Stop what runs, for another process to go on with it and with what waits.
    Leave,
}

/// What is to be done outside; each follows from one order or event.
#[derive(Debug)]
pub enum Deed {
    /// Start this job.
    Start(Box<Job>),
    /// Stop the running job after the running messages.
    Stop,
    /// Cut the running job off.
    Abort,
}

/// A job of the queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub ticket: Ticket,
    /// The mailbox, for people.
    pub account: String,
    /// What it carries, without single messages.
    pub plan: Plan,
    /// How far it is.
    pub stage: Stage,
    /// What is known of it.
    pub progress: Progress,
    /// Whether what it does not carry is tried again once it has ended, and with which repairs.
    again: Option<Vec<Repair>>,
    /// The job itself; never leaves the process, for it holds a password.
    #[serde(skip)]
    job: Option<Box<Job>>,
}

impl Entry {
    /// Whether the engine is at it.
    pub fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running | Stage::Stopping(_) | Stage::Breaking(_))
    }

    /// Whether it waits for its turn or for a word.
    pub fn is_to_come(&self) -> bool {
        matches!(self.stage, Stage::Waiting | Stage::Paused | Stage::Held)
    }

    /// Whether there is something left to be tried again.
    pub fn is_incomplete(&self) -> bool {
        self.progress.failed > 0 || self.progress.end.as_ref().is_some_and(|(outcome, _)| *outcome != Outcome::Complete)
    }

    /// Whether what failed so far is tried again when it has ended.
    pub fn is_tried_again(&self) -> bool {
        self.again.is_some()
    }

    /// The job itself, in the process that carries it out.
    pub fn job(&self) -> Option<&Job> {
        self.job.as_deref()
    }
}

/// The jobs of a sitting.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Queue {
    entries: Vec<Entry>,
    last: u64,
    /// Nothing more begins: the process is about to end.
    is_closing: bool,
}

impl Queue {
    /// All jobs, in the order they run; those that ended stay where they ran.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The job with that name.
    pub fn get(&self, ticket: Ticket) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.ticket == ticket)
    }

    fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.ticket == ticket)
    }

    /// The job that runs.
    pub fn running(&self) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is_running())
    }

    /// The job that runs, else the one that was last at work.
    pub fn current(&self) -> Option<&Entry> {
        let was_at_work = |entry: &&Entry| match &entry.progress.end {
            None => entry.progress.job.is_some() && entry.stage == Stage::Paused,
            // One that was cancelled before its turn never was.
            Some((outcome, _)) => entry.progress.job.is_some() || *outcome != Outcome::Stopped,
        };
        self.running().or_else(|| self.entries.iter().rfind(was_at_work))
    }

    /// Jobs whose turn is still to come.
    pub fn to_come(&self) -> usize {
        self.entries.iter().filter(|entry| entry.is_to_come()).count()
    }

    /// Whether nothing runs and nothing will without a word.
    pub fn is_idle(&self) -> bool {
        !self.entries.iter().any(|entry| entry.is_running() || entry.stage == Stage::Waiting)
    }

    /// Puts a job at the end; [`Self::advance`] starts it when its turn comes.
    pub fn add(&mut self, job: Job, now: Instant) -> Ticket {
        let mut progress = Progress::new(job.mode, now);
        (progress.messages, progress.bytes) = (job.plan.messages(), job.plan.bytes());
        self.add_with(job, progress, Stage::Waiting)
    }

    /// Puts a job at the end of which something is known already.
    pub fn add_with(&mut self, job: Job, progress: Progress, stage: Stage) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        // What goes on under the same number is shown once.
        let is_same = |entry: &Entry| entry.stage == Stage::Ended && entry.progress.job == job.resumes;
        self.entries.retain(|entry| job.resumes.is_none() || !is_same(entry));
        let (account, plan) = (job.target.label(), job.plan.outline());
        let job = Some(Box::new(job));
        self.entries.push(Entry { ticket, account, plan, stage, progress, again: None, job });
        ticket
    }

    /// Starts the next job, if it is its turn.
    pub fn advance(&mut self, now: Instant) -> Option<Deed> {
        if self.is_closing || self.running().is_some() {
            return None;
        }
        let next = self.entries.iter_mut().find(|entry| entry.is_to_come())?;
        if next.stage != Stage::Waiting {
            return None;
        }
        let job = next.job.clone()?;
        next.stage = Stage::Running;
        next.progress = Progress::going_on(&next.progress, now);
        Some(Deed::Start(job))
    }

    /// Does what is asked, as far as it makes sense.
    pub fn order(&mut self, order: &Order, now: Instant) -> Option<Deed> {
        match order {
            Order::Pause(ticket) => self.pause(*ticket),
            Order::GoOn(ticket) => self.go_on(*ticket, now),
            Order::Cancel(ticket) => self.cancel(*ticket, now),
            Order::Earlier(ticket) => self.earlier(*ticket, now),
            Order::Later(ticket) => {
                let at = self.entries.iter().position(|entry| entry.ticket == *ticket)?;
                let behind = self.entries.get(at + 1)?.ticket;
                if self.get(*ticket).is_some_and(Entry::is_to_come) { self.earlier(behind, now) } else { None }
            }
            Order::Retry(ticket, repairs) => self.retry(*ticket, repairs, now),
            Order::Stop => {
                for entry in self.entries.iter_mut().filter(|entry| entry.stage == Stage::Waiting) {
                    entry.stage = Stage::Paused;
                }
                self.stop(Why::Cancel)
            }
            Order::Leave => {
                self.is_closing = true;
                self.stop(Why::Leave)
            }
        }
    }

    /// Nothing more begins from now on.
    pub fn close(&mut self) {
        self.is_closing = true;
    }

    fn stop(&mut self, why: Why) -> Option<Deed> {
        let ticket = self.running()?.ticket;
        let entry = self.get_mut(ticket)?;
        let (stage, deed) = match entry.stage {
            Stage::Running => (Stage::Stopping(why), Deed::Stop),
            // The stronger wish counts: what is cancelled is not left to others.
            Stage::Stopping(before) if before != why && why != Why::Pause => (Stage::Stopping(why), Deed::Stop),
            _ => (Stage::Breaking(why), Deed::Abort),
        };
        entry.stage = stage;
        Some(deed)
    }

    fn pause(&mut self, ticket: Ticket) -> Option<Deed> {
        let entry = self.get_mut(ticket)?;
        match entry.stage {
            Stage::Waiting | Stage::Held => entry.stage = Stage::Paused,
            Stage::Running => return self.stop(Why::Pause),
            _ => {}
        }
        None
    }

    fn go_on(&mut self, ticket: Ticket, now: Instant) -> Option<Deed> {
        let entry = self.get_mut(ticket)?;
        match entry.stage {
            Stage::Paused | Stage::Held => entry.stage = Stage::Waiting,
            Stage::Ended => return self.retry(ticket, &[], now),
            _ => {}
        }
        self.advance(now)
    }

    fn cancel(&mut self, ticket: Ticket, now: Instant) -> Option<Deed> {
        let entry = self.get_mut(ticket)?;
        if entry.is_running() {
            return self.stop(Why::Cancel);
        }
        if entry.is_to_come() {
            entry.stage = Stage::Ended;
            let end = Event::JobEnd { outcome: Outcome::Stopped, reason: String::new() };
            entry.progress.apply(&end, now);
        }
        self.advance(now)
    }

    /// Only what is still to come changes places.
    fn earlier(&mut self, ticket: Ticket, now: Instant) -> Option<Deed> {
        let at = self.entries.iter().position(|entry| entry.ticket == ticket)?;
        let before = at.checked_sub(1)?;
        if [before, at].iter().all(|at| self.entries.get(*at).is_some_and(Entry::is_to_come)) {
            self.entries.swap(before, at);
        }
        self.advance(now)
    }

    fn retry(&mut self, ticket: Ticket, repairs: &[Repair], now: Instant) -> Option<Deed> {
        let at = self.entries.iter().position(|entry| entry.ticket == ticket)?;
        let entry = self.entries.get_mut(at)?;
        if entry.is_running() {
            entry.again = Some(repairs.to_vec());
            return None;
        }
        if entry.stage == Stage::Ended && entry.is_incomplete() {
            let mut entry = self.entries.remove(at);
            repair_too(&mut entry, repairs);
            entry.stage = Stage::Waiting;
            entry.progress.end = None;
            self.entries.push(entry);
        }
        self.advance(now)
    }

    /// Takes news of the running job.
    pub fn happened(&mut self, event: &Event, now: Instant) -> Option<Deed> {
        let ticket = self.running()?.ticket;
        let entry = self.get_mut(ticket)?;
        entry.progress.apply(event, now);
        match event {
            Event::JobStart { job: id, .. } => {
                if let Some(job) = &mut entry.job {
                    job.resumes = Some(*id);
                }
                None
            }
            Event::JobEnd { outcome, .. } => {
                self.ended(ticket, *outcome);
                self.advance(now)
            }
            _ => None,
        }
    }

    fn ended(&mut self, ticket: Ticket, outcome: Outcome) {
        let Some(entry) = self.get_mut(ticket) else { return };
        let again = entry.again.take();
        entry.stage = match entry.stage {
            Stage::Stopping(Why::Pause) | Stage::Breaking(Why::Pause) if outcome == Outcome::Stopped => Stage::Paused,
            Stage::Stopping(Why::Leave) if outcome == Outcome::Stopped => Stage::Waiting,
            Stage::Running if again.is_some() && entry.is_incomplete() => Stage::Waiting,
            _ => Stage::Ended,
        };
        if entry.stage != Stage::Ended {
            entry.progress.end = None;
            repair_too(entry, &again.unwrap_or_default());
        }
        let account = entry.account.clone();
        if !matches!(outcome, Outcome::Complete | Outcome::Partial | Outcome::Stopped) {
            let follows = |entry: &&mut Entry| entry.stage == Stage::Waiting && entry.account == account;
            self.entries.iter_mut().filter(follows).for_each(|entry| entry.stage = Stage::Held);
        }
    }

    /// The jobs that are not done, in their order, with what is known of them and whether they were paused.
    pub fn rest(&self) -> Vec<(Job, &Progress, bool)> {
        let rest = self.entries.iter().filter(|entry| entry.is_to_come());
        rest.filter_map(|entry| Some((entry.job().cloned()?, &entry.progress, entry.stage != Stage::Waiting))).collect()
    }
}

fn repair_too(entry: &mut Entry, repairs: &[Repair]) {
    if let Some(job) = &mut entry.job {
        job.repairs.extend(repairs);
        job.asks.retain(|asked| !repairs.contains(asked));
        job.repairs.sort();
        job.repairs.dedup();
    }
}

#[cfg(test)]
mod tests;
