//! What is known of a running job: the fold of its events. Plain data, used by screen and headless alike.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::mail::{FolderPath, Repair};

use super::{Event, Failed, How, JobId, Line, Mode, Outcome, Pause, Reasons, moment};

/// How far back the rate looks.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// One folder, under way or finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderProgress {
    /// Where from.
    pub source: FolderPath,
    /// Where to.
    pub target: FolderPath,
    /// Messages in it.
    pub messages: u64,
    /// Messages dealt with.
    pub finished: u64,
    /// The subject of the running message. Foreign text.
    pub subject: String,
    /// Bytes of the running message.
    pub message_bytes: u64,
    /// Bytes of it sent so far.
    pub message_sent: u64,
}

/// One connection of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// What it is at.
    pub line: Line,
    /// The folder that it carries, or carried last, by its place in the plan.
    folder: Option<usize>,
    /// Since when.
    #[serde(with = "moment::one")]
    pub since: Instant,
    /// Messages dealt with since then.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A job as far as it is known.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// The job's number, once it has one.
    pub job: Option<JobId>,
    /// Copy or move.
    pub mode: Mode,
    /// Messages to deal with.
    pub messages: u64,
    /// Bytes to deal with, as far as known.
    pub bytes: u64,
    /// Messages sent now or found after a lost answer.
    pub done: u64,
    /// Messages that were there before.
    pub already: u64,
    /// Messages not carried.
    pub failed: u64,
    /// Messages removed from the store after their proof.
    pub removed: u64,
    /// Bytes dealt with, the running messages included.
    pub bytes_finished: u64,
    /// Bytes of the messages that are done, without those that were there before.
    #[serde(default)]
    pub bytes_carried: u64,
    /// The folders under way, by their place in the plan.
    pub running: BTreeMap<usize, FolderProgress>,
    /// The folders that are finished.
    pub finished_folders: BTreeMap<usize, FolderProgress>,
    /// The connections in use, by their number.
    pub connections: BTreeMap<usize, Connection>,
    /// What was not carried, and why; in the order it happened.
    pub failures: Vec<Failed>,
    /// The same by reason.
    pub reasons: Reasons,
    /// Messages not carried since they need a repair that is to be asked for.
    #[serde(default)]
    pub asked: BTreeMap<Repair, u64>,
    /// What could not be read in the stores. Foreign text.
    #[serde(default)]
    pub damage: Vec<String>,
    /// Other remarks. Foreign text.
    pub remarks: Vec<String>,
    /// Why nothing moves at the moment, and until when.
    #[serde(with = "moment::worded")]
    pub waiting: Option<(Instant, String)>,
    /// How it ended, and why.
    pub end: Option<(Outcome, String)>,
    #[serde(with = "moment::one")]
    started: Instant,
    #[serde(with = "moment::maybe")]
    ended: Option<Instant>,
    /// Messages that an earlier run of the job carried, and that were not met again yet.
    earlier: u64,
    /// Points in time with messages and bytes finished by then.
    #[serde(skip)]
    samples: VecDeque<(Instant, u64, u64)>,
}

impl Progress {
    /// A job that begins now.
    pub fn new(mode: Mode, now: Instant) -> Self {
        Self {
            job: None,
            mode,
            messages: 0,
            bytes: 0,
            done: 0,
            already: 0,
            failed: 0,
            removed: 0,
            bytes_finished: 0,
            bytes_carried: 0,
            running: BTreeMap::new(),
            finished_folders: BTreeMap::new(),
            connections: BTreeMap::new(),
            failures: Vec::new(),
            reasons: Reasons::default(),
            asked: BTreeMap::new(),
            damage: Vec::new(),
            remarks: Vec::new(),
            waiting: None,
            end: None,
            started: now,
            ended: None,
            earlier: 0,
            samples: VecDeque::new(),
        }
    }

    /// A job that goes on now: what its earlier runs carried is counted as carried when it is met again.
    pub fn going_on(before: &Self, now: Instant) -> Self {
        let mut progress = Self::new(before.mode, now);
        progress.job = before.job;
        (progress.messages, progress.bytes) = (before.messages, before.bytes);
        progress.earlier = before.done + before.earlier;
        progress.remarks.clone_from(&before.remarks);
        progress
    }

    /// A job that goes on here and was carried so far by another process, which carried so many.
    #[must_use]
    pub fn after(mut self, job: JobId, carried: u64) -> Self {
        (self.job, self.earlier) = (Some(job), carried);
        self
    }

    /// Messages that the job carried in all its runs, as far as is known.
    pub fn carried(&self) -> u64 {
        self.done + self.earlier
    }

    /// Folds one event in.
    pub fn apply(&mut self, event: &Event, now: Instant) {
        match event {
            Event::JobStart { job, mode, messages, bytes, .. } => {
                self.job = Some(*job);
                (self.mode, self.messages, self.bytes) = (*mode, *messages, *bytes);
            }
            Event::FolderStart { index, source, target, messages, .. } => {
                let folder = FolderProgress {
                    source: source.clone(),
                    target: target.clone(),
                    messages: *messages,
                    finished: 0,
                    subject: String::new(),
                    message_bytes: 0,
                    message_sent: 0,
                };
                self.running.insert(*index, folder);
            }
            Event::FolderListed { index, planned, messages } => {
                // What an earlier run of a move carried is not in the store any more.
                let gone =
                    if self.mode == Mode::Move { planned.saturating_sub(*messages).min(self.earlier) } else { 0 };
                self.earlier -= gone;
                self.done += gone;
                self.removed += gone;
                self.messages = self.messages.saturating_sub(*planned) + messages + gone;
                if let Some(folder) = self.running.get_mut(index) {
                    folder.messages = *messages;
                }
            }
            Event::MessageStart { index, subject, bytes } => {
                if let Some(folder) = self.running.get_mut(index) {
                    folder.subject.clone_from(subject);
                    (folder.message_bytes, folder.message_sent) = (*bytes, 0);
                }
            }
            Event::MessageSent { index, sent } => {
                if let Some(folder) = self.running.get_mut(index) {
                    folder.message_sent = *sent;
                }
            }
            Event::Done { index, done } => {
                let is_earlier = done.how == How::Already && self.earlier > 0;
                if done.how == How::Already && !is_earlier {
                    self.already += 1;
                } else {
                    self.earlier -= u64::from(is_earlier);
                    self.done += 1;
                    self.bytes_carried += done.bytes;
                }
                self.bytes_finished += done.bytes;
                self.finish(*index, 1, done.bytes);
            }
            Event::Failed { index, failed } => {
                self.failed += failed.messages;
                self.reasons.add(self.failures.len(), failed);
                self.failures.push(failed.clone());
                self.finish(*index, failed.messages, 0);
            }
            Event::Removed { .. } => self.removed += 1,
            Event::NeedsRepair { repairs } => {
                for repair in repairs {
                    *self.asked.entry(*repair).or_default() += 1;
                }
            }
            Event::Damage { text, .. } => self.damage.push(text.clone()),
            Event::Remark { text } => self.remarks.push(text.clone()),
            Event::Waiting { seconds, reason, .. } => {
                self.waiting = Some((now + Duration::from_secs(*seconds), reason.clone()));
            }
            Event::Connected => self.waiting = None,
            Event::Connection { number, line } => {
                let before = self.connections.remove(number).and_then(|connection| connection.folder);
                let (line, folder) = match (line, before) {
                    (Line::Closed, _) => return,
                    (Line::Carries(index), _) => (line.clone(), Some(*index)),
                    (Line::Connected, Some(index)) => (Line::Carries(index), Some(index)),
                    _ => (line.clone(), before),
                };
                self.connections.insert(*number, Connection { line, folder, since: now, messages: 0, bytes: 0 });
            }
            Event::FolderEnd { index } => {
                if let Some(folder) = self.running.remove(index) {
                    self.finished_folders.insert(*index, folder);
                }
            }
            Event::JobEnd { outcome, reason } => {
                self.end = Some((*outcome, reason.clone()));
                self.ended = Some(now);
                self.waiting = None;
                self.running.clear();
                self.connections.clear();
            }
        }
        self.sample(now);
    }

    fn finish(&mut self, index: usize, messages: u64, bytes: u64) {
        if let Some(folder) = self.running.get_mut(&index) {
            folder.finished += messages;
        }
        let carries = |connection: &&mut Connection| connection.line == Line::Carries(index);
        if let Some(connection) = self.connections.values_mut().find(carries) {
            connection.messages += messages;
            connection.bytes += bytes;
        }
    }

    fn sample(&mut self, now: Instant) {
        let fresh = self.samples.back().is_none_or(|(at, ..)| now.saturating_duration_since(*at) >= RATE_WINDOW / 20);
        if fresh {
            self.samples.push_back((now, self.finished(), self.bytes_finished));
        }
        while self.samples.len() > 2
            && self.samples.front().is_some_and(|(at, ..)| now.saturating_duration_since(*at) > RATE_WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// Messages dealt with, one way or another.
    pub fn finished(&self) -> u64 {
        self.done + self.already + self.failed
    }

    /// Folders that are done with.
    pub fn folders_done(&self) -> usize {
        self.finished_folders.values().filter(|folder| folder.is_finished()).count()
    }

    /// Whether the job has ended.
    pub fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// From 0 to 1, by messages; a job without messages is complete.
    pub fn ratio(&self) -> f64 {
        share(self.finished(), self.messages)
    }

    /// How long the job ran, or has run so far.
    pub fn elapsed(&self, now: Instant) -> Duration {
        self.ended.unwrap_or(now).saturating_duration_since(self.started)
    }

    /// Messages and bytes a second: over the last seconds while it runs, over all once it has ended.
    pub fn rates(&self, now: Instant) -> (f64, f64) {
        let (since, messages, bytes) = match self.samples.front() {
            Some((at, messages, bytes)) if !self.is_over() => (now.saturating_duration_since(*at), *messages, *bytes),
            _ => (self.elapsed(now), 0, 0),
        };
        let seconds = since.as_secs_f64().max(0.001);
        (float(self.finished() - messages) / seconds, float(self.bytes_finished - bytes) / seconds)
    }

    /// The time left at the present rate; `None` while nothing is known.
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        let (rate, _) = self.rates(now);
        let left = float(self.messages.saturating_sub(self.finished()));
        (rate > 0.0 && !self.is_over()).then(|| Duration::try_from_secs_f64(left / rate).unwrap_or(Duration::MAX))
    }
}

impl FolderProgress {
    /// From 0 to 1, by messages.
    pub fn ratio(&self) -> f64 {
        share(self.finished, self.messages)
    }

    /// Whether all its messages were dealt with.
    pub fn is_finished(&self) -> bool {
        self.finished >= self.messages
    }

    /// The running message from 0 to 1, by bytes.
    pub fn message_ratio(&self) -> f64 {
        share(self.message_sent, self.message_bytes)
    }
}

impl Connection {
    /// Messages and bytes a second since it is at what it is at.
    pub fn rates(&self, now: Instant) -> (f64, f64) {
        let seconds = now.saturating_duration_since(self.since).as_secs_f64().max(0.001);
        (float(self.messages) / seconds, float(self.bytes) / seconds)
    }

    /// How long it still waits, if it does.
    pub fn waits(&self, now: Instant) -> Option<Duration> {
        let Line::Waits { seconds, pause: Pause::Lost | Pause::Asked | Pause::AtMost, .. } = &self.line else {
            return None;
        };
        Some((self.since + Duration::from_secs(*seconds)).saturating_duration_since(now))
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { (float(part) / float(whole)).clamp(0.0, 1.0) }
}

#[expect(clippy::cast_precision_loss, reason = "ratios for people need no 53 bits")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::Pause;
    use crate::transfer::{Done, Proof};

    fn done(how: How) -> Event {
        let folder = FolderPath::parse("A");
        let done = Done {
            folder: folder.clone(),
            id: "1".into(),
            sha256: None,
            target: folder,
            uid_validity: 1,
            uid: 1,
            bytes: 100,
            how,
            repairs: Vec::new(),
            proof: Proof::Size,
            dropped_flags: Vec::new(),
        };
        Event::Done { index: 0, done }
    }

    #[test]
    fn events_fold_into_counts_rates_and_time_left() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut progress = Progress::new(Mode::Copy, start);
        let folder = FolderPath::parse("A");
        progress.apply(
            &Event::JobStart { job: "1".parse().unwrap(), mode: Mode::Move, folders: 1, messages: 10, bytes: 1000 },
            start,
        );
        let begin =
            Event::FolderStart { index: 0, source: folder.clone(), target: folder.clone(), messages: 10, bytes: 1000 };
        progress.apply(&begin, start);
        progress.apply(&done(How::Now), later(1));
        progress.apply(&done(How::Already), later(2));
        let failed = Failed {
            folder,
            id: "3".into(),
            subject: String::new(),
            reason: "no".into(),
            server_text: String::new(),
            hint: String::new(),
            messages: 2,
        };
        progress.apply(&Event::Failed { index: 0, failed }, later(4));
        assert_eq!((progress.done, progress.already, progress.failed, progress.finished()), (1, 1, 2, 4));
        assert_eq!((progress.bytes_carried, progress.bytes_finished), (100, 200));
        assert!((progress.ratio() - 0.4).abs() < 1e-9);
        assert_eq!(progress.rates(later(4)), (1.0, 50.0));
        assert_eq!(progress.time_left(later(4)), Some(Duration::from_secs(6)));
        assert_eq!(progress.running.get(&0).map(|running| running.finished), Some(4));
        progress.apply(&Event::JobEnd { outcome: Outcome::Partial, reason: String::new() }, later(8));
        assert!(progress.is_over() && progress.running.is_empty());
        assert_eq!(progress.rates(later(100)), (0.5, 25.0));
    }

    #[test]
    fn a_job_that_goes_on_counts_what_it_carried_before_as_carried() {
        let now = Instant::now();
        let mut first = Progress::new(Mode::Copy, now);
        first.apply(&done(How::Now), now);
        first.apply(&done(How::Already), now);
        let mut second = Progress::going_on(&first, now);
        assert_eq!(second.carried(), 1);
        second.apply(&done(How::Already), now);
        second.apply(&done(How::Already), now);
        assert_eq!((second.done, second.already, second.carried()), (1, 1, 1));

        first.mode = Mode::Move;
        let mut moved = Progress::going_on(&first, now);
        moved.messages = 10;
        moved.apply(&Event::FolderListed { index: 0, planned: 10, messages: 9 }, now);
        assert_eq!((moved.done, moved.removed, moved.messages), (1, 1, 10));
        moved.apply(&Event::FolderListed { index: 1, planned: 0, messages: 0 }, now);
        assert_eq!(moved.messages, 10);
    }

    #[test]
    fn progress_goes_to_another_process_with_its_times() {
        let now = Instant::now();
        let mut progress = Progress::new(Mode::Copy, now.checked_sub(Duration::from_mins(1)).unwrap());
        progress.apply(&Event::Waiting { seconds: 100, pause: Pause::Asked, reason: "busy".into() }, now);
        let line = Line::Waits { seconds: 100, pause: Pause::Asked, reason: "busy".into() };
        progress.apply(&Event::Connection { number: 2, line }, now);
        let there: Progress = serde_json::from_str(&serde_json::to_string(&progress).unwrap()).unwrap();
        let later = Instant::now();
        assert!(there.elapsed(later) >= Duration::from_mins(1) && there.elapsed(later) < Duration::from_secs(70));
        let left = there.connections.get(&2).unwrap().waits(later).unwrap();
        assert!(left > Duration::from_secs(80), "{left:?}");
        assert!(there.waiting.unwrap().0 > later + Duration::from_secs(80));
    }

    #[test]
    fn a_connection_that_is_made_again_is_at_its_folder() {
        let now = Instant::now();
        let mut progress = Progress::new(Mode::Copy, now);
        let waits = Line::Waits { seconds: 1, pause: Pause::Lost, reason: String::new() };
        for line in [Line::Connecting, Line::Connected, Line::Carries(4), waits, Line::Connecting, Line::Connected] {
            progress.apply(&Event::Connection { number: 1, line }, now);
        }
        progress.apply(&done(How::Now), now);
        assert_eq!(progress.connections.get(&1).map(|connection| connection.line.clone()), Some(Line::Carries(4)));
        progress.apply(&Event::Connection { number: 1, line: Line::Closed }, now);
        assert!(progress.connections.is_empty());
    }

    #[test]
    fn an_empty_job_is_complete_and_has_no_time_left() {
        let progress = Progress::new(Mode::Copy, Instant::now());
        assert!((progress.ratio() - 1.0).abs() < f64::EPSILON);
        assert_eq!(progress.time_left(Instant::now()), None);
    }
}
