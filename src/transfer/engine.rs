//! Runs a job: shares its folders out to workers and says how it ended.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crossbeam_channel::Sender;

use crate::mail::FolderPath;

use super::job::{Brake, Group, Halt, Job, tell};
use super::worker::Worker;
use super::{Event, Failed, Outcome, Plan};

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

/// Starts a job in threads of its own. Everything that happens is told through `events`, [`Event::JobEnd`] last.
pub fn start(job: Job, events: Sender<Event>) -> JobHandle {
    let brake = Brake::default();
    let thread = {
        let brake = brake.clone();
        thread::spawn(move || run(&job, &brake, &events))
    };
    JobHandle { brake, thread }
}

fn run(job: &Job, brake: &Brake, events: &Sender<Event>) -> Outcome {
    let plan = &job.plan;
    tell(
        events,
        Event::JobStart { mode: job.mode, folders: plan.folders.len(), messages: plan.messages(), bytes: plan.bytes() },
    );
    let groups = groups(plan);
    let workers = job.connections.clamp(1, groups.len().max(1));
    let queue = Mutex::new(groups);
    let ends: Vec<Result<bool, Halt>> = thread::scope(|scope| {
        let run_worker = |number| Worker::new(job, brake, events).run(&queue, number == 0);
        let threads: Vec<_> = (0..workers).map(|number| scope.spawn(move || run_worker(number))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let (outcome, reason) = outcome(ends);
    if !matches!(outcome, Outcome::Complete | Outcome::Stopped) {
        tell_left_over(queue, &reason, events);
    }
    tell(events, Event::JobEnd { outcome, reason });
    outcome
}

/// Folders whose turn never came are told, so that nothing is silently missing.
fn tell_left_over(queue: Mutex<VecDeque<Group<'_>>>, reason: &str, events: &Sender<Event>) {
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
        tell(events, Event::Failed { index, failed });
    }
}

/// The folders by target, in the order of the plan: never two connections on one folder.
fn groups(plan: &Plan) -> VecDeque<Group<'_>> {
    let mut groups: VecDeque<(&FolderPath, Group<'_>)> = VecDeque::new();
    for (index, folder) in plan.folders.iter().enumerate() {
        match groups.iter_mut().find(|(target, _)| **target == folder.target) {
            Some((_, group)) => group.push((index, folder)),
            None => groups.push_back((&folder.target, vec![(index, folder)])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The worst end counts.
fn outcome(ends: Vec<Result<bool, Halt>>) -> (Outcome, String) {
    let mut is_complete = true;
    let mut halt: Option<Halt> = None;
    for end in ends {
        match end {
            Ok(complete) => is_complete &= complete,
            Err(other) => {
                halt.get_or_insert(other);
            }
        }
    }
    match halt {
        Some(halt) => (halt.outcome(), halt.to_string()),
        None if is_complete => (Outcome::Complete, String::new()),
        None => (Outcome::Partial, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::{Chosen, FolderPlan, Source};

    #[test]
    fn folders_with_one_target_go_to_one_worker() {
        let folder = |target: &str| FolderPlan {
            source: Source { path: "/x".into(), options: crate::store::OpenOptions::default() },
            folder: FolderPath::root(),
            chosen: Chosen::All,
            target: FolderPath::parse(target),
            exists: false,
            messages: 0,
            bytes: 0,
        };
        let plan = Plan { folders: vec![folder("A"), folder("B"), folder("A")] };
        let places: Vec<Vec<usize>> =
            groups(&plan).iter().map(|group| group.iter().map(|(index, _)| *index).collect()).collect();
        assert_eq!(places, [vec![0, 2], vec![1]]);
    }
}
