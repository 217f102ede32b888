//! Carries effects out: hands requests to the workers, starts and stops the job. Holds their channels and nothing else.

use std::thread;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use super::Quit;
use super::effect::{Effect, ServerRequest, StoreRequest};
use super::event::Event;
use super::workers::far::FarRequest;
use super::workers::{journal, rules, saving, server, spawn, store, unlock};
use crate::transfer::{self, Begun, Job, JobHandle};

/// Job events that may wait: enough for minutes of a terminal that hangs, little enough for memory.
const JOB_QUEUE: usize = 65_536;
/// Job events that travel together.
const JOB_BATCH: usize = 512;
/// How long job events are gathered, so that a fast job does not flood the screen.
const JOB_PAUSE: Duration = Duration::from_millis(40);

/// What is left to the loop.
pub(crate) enum Next {
    /// Nothing.
    GoOn,
    /// Clear the screen and draw it all.
    Redraw,
    /// Take the terminal again and draw it all.
    Retake,
    /// Give the terminal away for a while.
    Suspend,
    /// End.
    Quit(Quit),
}

/// The channels to all who do the work.
pub(crate) struct Desk {
    events: Sender<Event>,
    lister: Sender<StoreRequest>,
    counter: Sender<StoreRequest>,
    reader: Sender<StoreRequest>,
    examiner: Sender<StoreRequest>,
    weigher: Sender<StoreRequest>,
    server: Option<Sender<ServerRequest>>,
    job: Option<JobHandle>,
    /// The way to the process that carries the jobs out, if that is not this one.
    far: Option<Sender<FarRequest>>,
}

impl Desk {
    /// Starts the workers of the local side.
    pub(crate) fn new(events: &Sender<Event>, far: Option<Sender<FarRequest>>) -> Self {
        Self {
            events: events.clone(),
            lister: store::start("list messages", events),
            counter: store::start("count messages", events),
            reader: store::start("read messages", events),
            examiner: store::start("examine messages", events),
            weigher: store::start("weigh folders", events),
            server: None,
            job: None,
            far,
        }
    }

    /// Carries one effect out; never waits.
    pub(crate) fn carry_out(&mut self, effect: Effect) -> Next {
        match effect {
            Effect::Store(request) => self.ask_store(request),
            Effect::Connect(connection, place) => {
                self.server = Some(server::start(connection, *place, &self.events));
            }
            Effect::Disconnect => self.server = None,
            Effect::Server(request) => {
                // A worker that broke has said so; its requests go nowhere.
                let _ = self.server.as_ref().map(|server| server.send(request));
            }
            Effect::Journal(request) => journal::start(request, &self.events),
            Effect::StartJob(job) => self.start_job(*job),
            Effect::StopJob => {
                if let Some(job) = &self.job {
                    job.stop();
                }
            }
            Effect::AbortJob => {
                if let Some(job) = &self.job {
                    job.abort();
                }
            }
            Effect::Far(order) => self.ask_far(FarRequest::Order(order)),
            Effect::HandOver(job) => self.ask_far(FarRequest::Take(job)),
            Effect::Save { plan, failures, directory } => saving::start(*plan, failures, directory, &self.events),
            Effect::LoadMapping(path) => rules::load(path, &self.events),
            Effect::SaveMapping(mapping, path) => rules::save(mapping, path, &self.events),
            Effect::Unlock(known, side) => unlock::start(*known, side, &self.events),
            Effect::Redraw => return Next::Redraw,
            Effect::Retake => return Next::Retake,
            Effect::Suspend => return Next::Suspend,
            Effect::Quit(quit) => return Next::Quit(quit),
        }
        Next::GoOn
    }

    fn ask_far(&self, request: FarRequest) {
        // One that is gone has said so.
        let _ = self.far.as_ref().map(|far| far.send(request));
    }

    fn ask_store(&self, request: StoreRequest) {
        let to = match &request {
            StoreRequest::Login(login) => {
                for worker in [&self.lister, &self.counter, &self.examiner, &self.weigher] {
                    let _ = worker.send(StoreRequest::Login(login.clone()));
                }
                &self.reader
            }
            StoreRequest::Forget => {
                let _ = self.lister.send(StoreRequest::Forget);
                let _ = self.counter.send(StoreRequest::Forget);
                let _ = self.examiner.send(StoreRequest::Forget);
                let _ = self.weigher.send(StoreRequest::Forget);
                &self.reader
            }
            StoreRequest::List { .. } | StoreRequest::StopList => &self.lister,
            StoreRequest::Count { .. } => &self.counter,
            StoreRequest::Examine { .. } | StoreRequest::StopExamining => &self.examiner,
            StoreRequest::Weigh { .. } | StoreRequest::StopWeighing => &self.weigher,
            StoreRequest::Folders { .. } | StoreRequest::Preview { .. } => &self.reader,
        };
        // A worker that broke has said so; its requests go nowhere.
        let _ = to.send(request);
    }

    fn start_job(&mut self, job: Job) {
        let (sender, happened) = bounded::<transfer::Event>(JOB_QUEUE);
        let news = self.events.clone();
        spawn("transfer news", &self.events, move || {
            while let Ok(first) = happened.recv() {
                let mut batch = vec![first];
                thread::sleep(JOB_PAUSE);
                batch.extend(happened.try_iter().take(JOB_BATCH));
                if news.send(Event::Job(batch)).is_err() {
                    return;
                }
            }
        });
        let before = self.job.replace(transfer::start(job, Begun::default(), sender));
        if let Some(before) = before {
            // It has ended; waiting for its threads is somebody else's time.
            spawn("transfer's end", &self.events, move || {
                before.wait();
            });
        }
    }
}
