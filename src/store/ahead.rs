//! Summing up messages on several processors while their folder is still read. Used by the walks of large stores.
//!
//! What is found comes out in its order and on the thread that walks, whichever thread did the work. Bounded: a few
//! batches are under way at a time. Nothing is started for a folder of a few messages, nor on a single processor.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::{self, Scope};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::{Found, Walk};

/// Jobs in a batch; enough to make the way to another thread cheap.
const BATCH: usize = 32;
/// Bytes of headers in a batch; most are far smaller.
const MAX_WEIGHT: usize = 128 * 1024;
/// Batches that the walking thread does itself before it starts others: a small folder is done by then.
const ALONE: u64 = 2;
/// Batches under way for each thread.
const EACH: usize = 4;
/// More threads than that wait for the disk or for the walk.
const MAX_WORKERS: usize = 7;

/// What stands in a batch: something found, or the job that finds it.
enum Item<J> {
    Found(Found),
    Job(J),
}

/// A batch with its place in the order, and what came of it; a panic is passed on.
type Waiting<J> = (u64, Vec<Item<J>>);
type Done = (u64, thread::Result<Vec<Found>>);

/// Runs `walk`, which puts jobs and things found on the line; hands what `work` makes of them to `visit`, in order.
/// Everything put on the line is shown before this returns, unless the visitor stops it.
pub(super) fn in_order<J: Send, T>(
    work: &(dyn Fn(J) -> Found + Sync),
    visit: &mut dyn FnMut(Found) -> Walk,
    walk: impl FnOnce(&mut Line<'_, '_, J>) -> T,
) -> T {
    thread::scope(|scope| {
        let mut line = Line::new(scope, work, visit);
        let result = walk(&mut line);
        line.finish();
        result
    })
}

/// Where a walk puts what it finds.
pub(super) struct Line<'scope, 'env, J> {
    scope: &'scope Scope<'scope, 'env>,
    work: &'env (dyn Fn(J) -> Found + Sync),
    visit: &'env mut dyn FnMut(Found) -> Walk,
    batch: Vec<Item<J>>,
    weight: usize,
    /// How many batches were closed, and how many of them were shown.
    closed: u64,
    shown: u64,
    workers: usize,
    crew: Option<Crew<J>>,
    is_stopped: bool,
}

/// The threads at work, and what came back before its turn.
struct Crew<J> {
    to_do: Sender<Waiting<J>>,
    not_taken: Receiver<Waiting<J>>,
    done: Receiver<Done>,
    early: BTreeMap<u64, Vec<Found>>,
}

impl<'scope, 'env, J: Send + 'env> Line<'scope, 'env, J> {
    fn new(
        scope: &'scope Scope<'scope, 'env>,
        work: &'env (dyn Fn(J) -> Found + Sync),
        visit: &'env mut dyn FnMut(Found) -> Walk,
    ) -> Self {
        let others = thread::available_parallelism().map_or(0, |all| all.get() - 1);
        let workers = others.min(MAX_WORKERS);
        let batch = Vec::with_capacity(BATCH);
        Self { scope, work, visit, batch, weight: 0, closed: 0, shown: 0, workers, crew: None, is_stopped: false }
    }

    /// Puts something found on the line.
    pub(super) fn found(&mut self, found: Found) -> Walk {
        // A report of progress also hurries what came before it: a walk may not come to the next message for long.
        let is_report = matches!(found, Found::Progress { .. });
        self.put(Item::Found(found), 0, is_report)
    }

    /// Puts a job on the line that holds so many bytes.
    pub(super) fn job(&mut self, job: J, weight: usize) -> Walk {
        self.put(Item::Job(job), weight, false)
    }

    fn put(&mut self, item: Item<J>, weight: usize, is_urgent: bool) -> Walk {
        self.batch.push(item);
        self.weight += weight;
        if self.batch.len() >= BATCH || self.weight >= MAX_WEIGHT || is_urgent {
            self.close();
        }
        if self.is_stopped { Walk::Break(()) } else { Walk::Continue(()) }
    }

    /// Sends the batch on its way, and shows what is ready.
    fn close(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.weight = 0;
        let number = self.closed;
        self.closed += 1;
        if self.workers == 0 || (number < ALONE && self.crew.is_none()) {
            self.shown = self.closed;
            for item in batch {
                let found = found(item, self.work);
                self.show(std::iter::once(found));
            }
            return;
        }
        let workers = self.workers;
        let crew = self.crew.get_or_insert_with(|| crew(self.scope, self.work, workers));
        // The receiver lives as long as this sender.
        let _ = crew.to_do.send((number, batch));
        self.show_until(EACH * workers);
    }

    /// Shows batches as they are done, until at most so many are under way.
    fn show_until(&mut self, most: usize) {
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        loop {
            self.show_ready();
            if self.is_stopped || self.closed - self.shown <= most {
                return;
            }
            let Some(crew) = &mut self.crew else { return };
            // Better than to wait: do what nobody has begun.
            let done = match crew.not_taken.try_recv() {
                Ok((number, batch)) => (number, Ok(batch.into_iter().map(|item| found(item, self.work)).collect())),
                Err(_) => match crew.done.recv() {
                    Ok(done) => done,
                    Err(_) => return,
                },
            };
            crew.keep(done);
        }
    }

    fn show_ready(&mut self) {
        loop {
            let Some(crew) = &mut self.crew else { return };
            while let Ok(done) = crew.done.try_recv() {
                crew.keep(done);
            }
            let Some(next) = crew.early.remove(&self.shown) else { return };
            self.shown += 1;
            self.show(next);
        }
    }

    fn show(&mut self, all: impl IntoIterator<Item = Found>) {
        for found in all {
            self.is_stopped = self.is_stopped || (self.visit)(found).is_break();
        }
    }

    fn finish(&mut self) {
        if !self.is_stopped {
            self.close();
            self.show_until(0);
        }
        if let Some(crew) = self.crew.take() {
            while crew.not_taken.try_recv().is_ok() {} // nobody waits for that any more
        }
    }
}

impl<J> Crew<J> {
    fn keep(&mut self, (number, result): Done) {
        match result {
            Ok(found) => _ = self.early.insert(number, found),
            Err(panic) => resume_unwind(panic),
        }
    }
}

fn found<J>(item: Item<J>, work: &(dyn Fn(J) -> Found + Sync)) -> Found {
    match item {
        Item::Found(found) => found,
        Item::Job(job) => work(job),
    }
}

/// Starts the threads. They end when the sender of batches is gone.
fn crew<'scope, 'env, J: Send + 'env>(
    scope: &'scope Scope<'scope, 'env>,
    work: &'env (dyn Fn(J) -> Found + Sync),
    workers: usize,
) -> Crew<J> {
    let (to_do, not_taken) = unbounded::<Waiting<J>>();
    let (sender, done) = bounded::<Done>(EACH * (workers + 1) + 1);
    for _ in 0..workers {
        let (batches, sender) = (not_taken.clone(), sender.clone());
        let labour = move || {
            for (number, batch) in batches {
                let all = || batch.into_iter().map(|item| found(item, work)).collect();
                // Nobody listens any more when the visitor stopped the walk.
                let _ = sender.send((number, catch_unwind(AssertUnwindSafe(all))));
            }
        };
        // Where no thread can be had, the walking one does what nobody has begun.
        let _ = thread::Builder::new().name("summing".into()).spawn_scoped(scope, labour);
    }
    Crew { to_do, not_taken, done, early: BTreeMap::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(done: u64) -> Found {
        Found::Progress { done, total: 0 }
    }

    /// Lets every job take another time; gives what was shown of `count`, stopping after `most`.
    fn shown(count: u64, most: usize) -> Vec<u64> {
        let mut shown = Vec::new();
        let work = |job: u64| {
            (0..job * 7919 % 97 * 50).for_each(|_| std::hint::spin_loop());
            progress(job)
        };
        let mut visit = |found| {
            let Found::Progress { done, .. } = found else { panic!("{found:?}") };
            shown.push(done);
            if shown.len() < most { Walk::Continue(()) } else { Walk::Break(()) }
        };
        let put = in_order(&work, &mut visit, |line| {
            let mut put = 0;
            while put < count && line.job(put, 1).is_continue() {
                put += 1;
            }
            put
        });
        assert!(most < usize::MAX || put == count);
        shown
    }

    #[test]
    fn everything_comes_out_once_and_in_order() {
        for count in [0, 1, 32, 33, 1000, 3001] {
            assert_eq!(shown(count, usize::MAX), (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_is_shown_after_the_visitor_stopped() {
        for most in [1, 40, 500] {
            assert_eq!(shown(1000, most).len(), most);
        }
    }

    #[test]
    #[should_panic(expected = "a broken job")]
    fn a_panic_reaches_the_walking_thread() {
        let work = |job: u64| if job == 900 { panic!("a broken job") } else { progress(job) };
        let _ = in_order(&work, &mut |_| Walk::Continue(()), |line| (0..2000).try_for_each(|job| line.job(job, 1)));
    }
}
