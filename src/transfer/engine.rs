//! Runs a job: shares its folders out to workers and says how it ended.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crossbeam_channel::Sender;

use crate::store::Labels;

use super::carry::{Carriage, Extent, Shared};
use super::job::{Brake, Group, Halt, Job, tell};
use super::journal::Record;
use super::kept::Kept;
use super::pace::Pace;
use super::reading::HeadStart;
use super::width::{self, Width};
use super::worker::Worker;
use super::{Event, Failed, FolderPlan, Mailbox, Mode, Outcome, Plan};

/// A running job. Dropping it leaves the job running.
#[derive(Debug)]
pub struct JobHandle {
    brake: Brake,
    thread: thread::JoinHandle<Outcome>,
}

impl JobHandle {
    /// Stops after the running message; what was sent is still proven.
    pub fn stop(&self) {
        self.brake.pull();
    }

    /// Stops at once: connections are cut. What is not proven yet will be looked up by the next run.
    pub fn abort(&self) {
        self.brake.cut();
    }

    /// Waits for the end.
    pub fn wait(self) -> Outcome {
        self.thread.join().unwrap_or(Outcome::Stopped)
    }
}

/// What was done for a job before it starts.
#[derive(Default)]
pub struct Begun {
    /// A connection that is logged in.
    pub session: Option<Mailbox>,
    /// The first folder, read ahead.
    pub ahead: Option<HeadStart>,
}

/// Starts a job in threads of its own; it goes on with what is `begun`. Everything that happens is told through `events`,
/// [`Event::JobEnd`] last.
pub fn start(job: Job, begun: Begun, events: Sender<Event>) -> JobHandle {
    let brake = Brake::default();
    let thread = {
        let brake = brake.clone();
        thread::spawn(move || run(&job, begun, &brake, &events))
    };
    JobHandle { brake, thread }
}

fn run(job: &Job, begun: Begun, brake: &Brake, events: &Sender<Event>) -> Outcome {
    let (outcome, reason) = match Record::begin(job) {
        Ok(record) => {
            let (rewrites, undated) = (AtomicBool::new(false), AtomicBool::new(false));
            let sent = if job.limits.bytes_per_day.is_some() { record.sent_today().unwrap_or(u64::MAX) } else { 0 };
            let pace = Pace::new(job.limits, sent);
            let (kept, width) = (Kept::default(), Width::new(job.connections));
            let warnings = Mutex::default();
            let (record, rewrites, undated, warnings) = (&record, &rewrites, &undated, &warnings);
            let (kept, pace, width, connection) = (&kept, &pace, &width, 0);
            let shared =
                Shared { job, record, brake, events, rewrites, undated, warnings, kept, pace, width, connection };
            carry(shared, begun)
        }
        Err(error) => {
            let reason = format!("{error}: {}", error.hint());
            (Halt::from(error).outcome(), reason)
        }
    };
    tell(events, Event::JobEnd { outcome, reason });
    outcome
}

/// Carries the plan out. Gives how it ended, and why if it did not finish.
fn carry(shared: Shared<'_>, begun: Begun) -> (Outcome, String) {
    let (job, plan) = (shared.job, &shared.job.plan);
    let (folders, messages, bytes) = (plan.folders.len(), plan.messages(), plan.bytes());
    tell(shared.events, Event::JobStart { job: shared.record.id(), mode: job.mode, folders, messages, bytes });
    let groups = groups(plan, job.mode);
    let workers = job.connections.unwrap_or(width::MOST).clamp(1, groups.len().max(1));
    let queue = Mutex::new(groups);
    let queue_of = &queue;
    let mut begun = Some(begun);
    let ends: Vec<(Carriage, Result<(), Halt>)> = thread::scope(|scope| {
        let mut run_worker = |number| {
            let Begun { session, ahead } = begun.take().unwrap_or_default();
            let shared = Shared { connection: number + 1, ..shared };
            scope.spawn(move || Worker::new(shared, session, ahead).run(queue_of))
        };
        let threads: Vec<_> = (0..workers).map(&mut run_worker).collect();
        // One that panicked has told what it did not carry to nobody.
        let broken_off = || (Carriage { extent: Extent::Partial, already: 0 }, Err(Halt::BrokenOff));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| broken_off())).collect()
    });
    let already = ends.iter().map(|(carriage, _)| carriage.already).sum();
    let (outcome, mut reason) = outcome(ends, shared.kept);
    if !matches!(outcome, Outcome::Complete | Outcome::Stopped) {
        tell_left_over(shared, queue, &reason);
    }
    match shared.record.end(outcome, &reason, already) {
        Ok(()) => (outcome, reason),
        Err(error) => {
            if reason.is_empty() {
                reason = format!("{error}: {}", error.hint());
            }
            (if outcome == Outcome::Complete { Outcome::LocalFailure } else { outcome }, reason)
        }
    }
}

/// Folders whose turn never came are told, so that nothing is silently missing.
fn tell_left_over(shared: Shared<'_>, queue: Mutex<VecDeque<Group<'_>>>, reason: &str) {
    for (index, plan) in queue.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten() {
        let failed = Failed {
            folder: plan.folder.clone(),
            id: String::new(),
            subject: String::new(),
            reason: format!("not begun: {reason}"),
            server_text: String::new(),
            hint: String::new(),
            messages: plan.messages,
        };
        shared.fail(index, failed);
    }
}

/// The folders by target, in the order of the plan: never two connections on one folder, and never two that rewrite one
/// file, as those of labels do.
fn groups(plan: &Plan, mode: Mode) -> VecDeque<Group<'_>> {
    let mut groups: VecDeque<Group<'_>> = VecDeque::new();
    for (index, folder) in plan.folders.iter().enumerate() {
        let is_together = |other: &FolderPlan| {
            let rewrites = mode == Mode::Move && folder.source.options.labels == Labels::Folders;
            other.target == folder.target || rewrites && other.source == folder.source
        };
        let is_same = |group: &Group<'_>| group.iter().any(|(_, other)| is_together(other));
        let first = groups.iter().position(is_same).unwrap_or(groups.len());
        // A folder may belong to more than one group, which then are one.
        let (same, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_same);
        groups = others.into();
        groups.insert(first, same.into_iter().flatten().chain([(index, folder)]).collect());
    }
    groups
}

/// Why a job did not finish that had nothing but locks in its way.
const LOCKED: &str =
    "another program holds a lock on mail here; what is not locked was moved, the rest stays for later";

/// The worst end counts. However a job came to its end, a server that did not keep what it took is named.
fn outcome(ends: Vec<(Carriage, Result<(), Halt>)>, kept: &Kept) -> (Outcome, String) {
    let extent = ends.iter().map(|(carriage, _)| carriage.extent).max().unwrap_or_default();
    let halts = ends.into_iter().filter_map(|(_, end)| end.err());
    // Where that ends the job, the other workers only stop.
    let (outcome, reason) = match halts.min_by_key(|halt| !matches!(halt, Halt::NotKept)) {
        Some(Halt::Journal(error)) => (Outcome::LocalFailure, format!("{error}: {}", error.hint())),
        Some(halt) => (halt.outcome(), halt.to_string()),
        None => match extent {
            Extent::Whole => (Outcome::Complete, String::new()),
            Extent::Locked => (Outcome::TryLater, LOCKED.to_owned()),
            Extent::Partial => (Outcome::Partial, String::new()),
        },
    };
    match outcome {
        Outcome::Complete | Outcome::Partial | Outcome::TryLater if kept.has_lost() => (Outcome::NotKept, reason),
        _ => (outcome, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{DateRule, FolderPath};
    use crate::store::OpenOptions;
    use crate::transfer::{Chosen, Source};

    fn grouped(mode: Mode, labels: Labels, folders: &[(&str, &str)]) -> Vec<Vec<usize>> {
        let folder = |(path, target): &(&str, &str)| FolderPlan {
            source: Source { path: path.into(), options: OpenOptions { labels, ..OpenOptions::default() } },
            folder: FolderPath::root(),
            chosen: Chosen::All,
            target: FolderPath::parse(target),
            exists: false,
            messages: 0,
            bytes: 0,
            dates: DateRule::Auto,
        };
        let plan = Plan { folders: folders.iter().map(folder).collect() };
        groups(&plan, mode).iter().map(|group| group.iter().map(|(index, _)| *index).collect()).collect()
    }

    #[test]
    fn folders_with_one_target_go_to_one_worker() {
        let folders = [("/x", "A"), ("/x", "B"), ("/x", "A")];
        assert_eq!(grouped(Mode::Move, Labels::Keywords, &folders), [vec![0, 2], vec![1]]);
        assert_eq!(grouped(Mode::Copy, Labels::Folders, &folders), [vec![0, 2], vec![1]]);
    }

    #[test]
    fn folders_of_labels_in_one_file_are_moved_by_one_worker() {
        let folders = [("/x", "A"), ("/y", "B"), ("/z", "C"), ("/x", "B")];
        assert_eq!(grouped(Mode::Move, Labels::Folders, &folders), [vec![0, 1, 3], vec![2]]);
    }
}
