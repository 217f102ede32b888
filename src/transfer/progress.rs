//! What is known of a running job: the fold of its events. Plain data, used by screen and headless alike.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::mail::FolderPath;

use super::{Event, Failed, How, JobId, Mode, Outcome};

/// How far back the rate looks.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// One folder under way.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A job as far as it is known.
#[derive(Clone, Debug)]
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
    /// The folders under way, by their place in the plan.
    pub running: BTreeMap<usize, FolderProgress>,
    /// What was not carried, and why; in the order it happened.
    pub failures: Vec<Failed>,
    /// What could not be read, and other remarks. Foreign text.
    pub remarks: Vec<String>,
    /// Why nothing moves at the moment, and until when.
    pub waiting: Option<(Instant, String)>,
    /// How it ended, and why.
    pub end: Option<(Outcome, String)>,
    started: Instant,
    ended: Option<Instant>,
    /// Points in time with messages and bytes finished by then.
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
            running: BTreeMap::new(),
            failures: Vec::new(),
            remarks: Vec::new(),
            waiting: None,
            end: None,
            started: now,
            ended: None,
            samples: VecDeque::new(),
        }
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
                self.messages = self.messages.saturating_sub(*planned) + messages;
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
                match done.how {
                    How::Already => self.already += 1,
                    How::Now | How::Found => self.done += 1,
                }
                self.bytes_finished += done.bytes;
                self.finish(*index, 1);
            }
            Event::Failed { index, failed } => {
                self.failed += failed.messages;
                self.failures.push(failed.clone());
                self.finish(*index, failed.messages);
            }
            Event::Removed { .. } => self.removed += 1,
            Event::Remark { text } | Event::Damage { text, .. } => self.remarks.push(text.clone()),
            Event::Waiting { seconds, reason } => {
                self.waiting = Some((now + Duration::from_secs(*seconds), reason.clone()));
            }
            Event::Connected => self.waiting = None,
            Event::FolderEnd { index } => {
                self.running.remove(index);
            }
            Event::JobEnd { outcome, reason } => {
                self.end = Some((*outcome, reason.clone()));
                self.ended = Some(now);
                self.waiting = None;
                self.running.clear();
            }
        }
        self.sample(now);
    }

    fn finish(&mut self, index: usize, messages: u64) {
        if let Some(folder) = self.running.get_mut(&index) {
            folder.finished += messages;
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

    /// The running message from 0 to 1, by bytes.
    pub fn message_ratio(&self) -> f64 {
        share(self.message_sent, self.message_bytes)
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
    use crate::mail::Digest;
    use crate::transfer::{Done, Proof};

    fn done(how: How) -> Event {
        let folder = FolderPath::parse("A");
        let done = Done {
            folder: folder.clone(),
            id: "1".into(),
            digest: Digest::of(b""),
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
        assert!((progress.ratio() - 0.4).abs() < 1e-9);
        assert_eq!(progress.rates(later(4)), (1.0, 50.0));
        assert_eq!(progress.time_left(later(4)), Some(Duration::from_secs(6)));
        assert_eq!(progress.running.get(&0).map(|running| running.finished), Some(4));
        progress.apply(&Event::JobEnd { outcome: Outcome::Partial, reason: String::new() }, later(8));
        assert!(progress.is_over() && progress.running.is_empty());
        assert_eq!(progress.rates(later(100)), (0.5, 25.0));
    }

    #[test]
    fn an_empty_job_is_complete_and_has_no_time_left() {
        let progress = Progress::new(Mode::Copy, Instant::now());
        assert!((progress.ratio() - 1.0).abs() < f64::EPSILON);
        assert_eq!(progress.time_left(Instant::now()), None);
    }
}
