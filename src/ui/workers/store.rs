//! Reads local stores. Started three times (lists, counts, single reads), so that none of them waits for another.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::report::Report;
use super::{reading, spawn};
use crate::imap::Account;
use crate::mail::fingerprint::short_id;
use crate::mail::{Envelope, FolderPath};
use crate::store::{self, Choice, Count, Examiner, Found, Store, StoreError, Survey, Walk};
use crate::transfer::{FolderPlan, Ids, Scale, Source, weigh};
use crate::ui::effect::{Login, StoreRequest};
use crate::ui::event::{Event, Opened, Page, PreviewLine, StoreEvent};
use crate::ui::list::Row;
use crate::ui::tree::Entry;

/// Rows that travel together; fewer if they took longer than [`BATCH_TIME`] to find.
const BATCH_ROWS: usize = 1000;
const BATCH_TIME: Duration = Duration::from_millis(100);

/// Starts a thread that answers requests.
pub(crate) fn start(name: &'static str, events: &Sender<Event>) -> Sender<StoreRequest> {
    let (sender, requests) = unbounded();
    let news = events.clone();
    spawn(name, events, move || {
        let mut worker = Worker {
            requests,
            waiting: VecDeque::new(),
            events: news,
            stores: Vec::new(),
            accounts: Vec::new(),
            counts: Vec::new(),
            sent: Instant::now(),
        };
        while let Some(request) = worker.next() {
            worker.serve(request);
        }
    });
    sender
}

struct Worker {
    requests: Receiver<StoreRequest>,
    waiting: VecDeque<StoreRequest>,
    events: Sender<Event>,
    stores: Vec<(Source, Box<dyn Store>)>,
    /// The accounts of stores that are mailboxes on a server.
    accounts: Vec<Account>,
    /// Counts not yet told.
    counts: Vec<(usize, FolderPath, Option<Count>)>,
    sent: Instant,
}

impl Worker {
    /// The next request worth doing; waits for one if there is none. `None` when the program ends.
    fn next(&mut self) -> Option<StoreRequest> {
        self.collect();
        if self.waiting.is_empty() {
            self.tell_counts();
            self.waiting.push_back(self.requests.recv().ok()?);
            self.collect();
        }
        self.waiting.pop_front()
    }

    /// Takes in what was asked meanwhile. Of lists and previews only the newest counts; a count asked for again is urgent.
    fn collect(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            match &request {
                StoreRequest::List { .. } | StoreRequest::StopList => {
                    self.waiting.retain(|old| !matches!(old, StoreRequest::List { .. } | StoreRequest::StopList));
                }
                StoreRequest::Preview { .. } => self.waiting.retain(|old| !matches!(old, StoreRequest::Preview { .. })),
                StoreRequest::Count { .. } => {
                    if let Some(at) = self.waiting.iter().position(|old| *old == request) {
                        self.waiting.remove(at);
                        self.waiting.push_front(request);
                        continue;
                    }
                }
                StoreRequest::Examine { .. } | StoreRequest::StopExamining => {
                    self.waiting
                        .retain(|old| !matches!(old, StoreRequest::Examine { .. } | StoreRequest::StopExamining));
                }
                StoreRequest::Weigh { generation, .. } => {
                    let generation = *generation;
                    self.waiting.retain(
                        |old| !matches!(old, StoreRequest::Weigh { generation: before, .. } if *before != generation),
                    );
                }
                StoreRequest::StopWeighing => {
                    self.waiting.retain(|old| !matches!(old, StoreRequest::Weigh { .. } | StoreRequest::StopWeighing));
                }
                StoreRequest::Forget => {
                    self.waiting.retain(|old| !matches!(old, StoreRequest::Count { .. }));
                    self.waiting.push_front(request);
                    continue;
                }
                StoreRequest::Login(_) | StoreRequest::Folders { .. } => {}
            }
            self.waiting.push_back(request);
        }
    }

    /// Whether the walk under way is of no more use.
    fn is_stale(&mut self) -> bool {
        self.collect();
        let stops = |old: &StoreRequest| {
            matches!(
                old,
                StoreRequest::List { .. }
                    | StoreRequest::StopList
                    | StoreRequest::Examine { .. }
                    | StoreRequest::StopExamining
                    | StoreRequest::Forget
            )
        };
        self.waiting.iter().any(stops)
    }

    fn tell(&self, event: StoreEvent) {
        // Nobody listens any more when the program is ending; the next request will not come then.
        let _ = self.events.send(Event::Store(event));
    }

    fn tell_counts(&mut self) {
        if !self.counts.is_empty() {
            let counts = std::mem::take(&mut self.counts);
            self.tell(StoreEvent::Counts(counts));
        }
        self.sent = Instant::now();
    }

    /// The open store, taken out so that it can be walked through; to be put back by [`Self::put_back`].
    fn take(&mut self, source: &Source) -> Result<Box<dyn Store>, StoreError> {
        match self.stores.iter().position(|(known, _)| known == source) {
            Some(at) => Ok(self.stores.swap_remove(at).1),
            None => source.open(&self.accounts),
        }
    }

    fn put_back(&mut self, source: Source, store: Box<dyn Store>) {
        self.stores.push((source, store));
    }

    fn serve(&mut self, request: StoreRequest) {
        match request {
            StoreRequest::Forget => self.stores.clear(),
            StoreRequest::Login(Login(account)) => {
                let login = Source::of_account(&account);
                self.accounts.retain(|known| Source::of_account(known) != login);
                self.accounts.push(account);
            }
            StoreRequest::StopList | StoreRequest::StopExamining | StoreRequest::StopWeighing => {}
            StoreRequest::Weigh { generation, folder, mut scale, target } => {
                if let Some((store, folder)) = target.map(|target| *target) {
                    scale.held = self.ids(store, &folder).ok();
                }
                self.weigh(generation, &folder, &scale);
            }
            StoreRequest::Folders { source, store } => {
                let result = self.folders(source, store).map_err(|error| error.to_string());
                self.tell(StoreEvent::Folders { source, result });
            }
            StoreRequest::Examine { generation, store, folder, columns } => {
                let result = match self.examine(generation, &store, &folder, columns) {
                    Ok(ControlFlow::Continue(lines)) => Ok(vec![Page { name: "Doubts", lines }]),
                    Ok(ControlFlow::Break(())) => return, // nobody waits for it
                    Err(error) => Err(error.to_string()),
                };
                self.tell(StoreEvent::Preview { generation, result });
            }
            StoreRequest::Count { source, store, folder } => self.count(source, store, folder),
            StoreRequest::List { generation, store, folder } => match self.list(generation, store, &folder) {
                Ok(ControlFlow::Continue(remarks)) => {
                    self.tell(StoreEvent::ListEnd { generation, result: Ok(remarks) });
                }
                // A newer list took its place; nobody waits for this one.
                Ok(ControlFlow::Break(())) => {}
                Err(error) => self.tell(StoreEvent::ListEnd { generation, result: Err(error.to_string()) }),
            },
            StoreRequest::Preview { generation, store, folder, locator, columns } => {
                let result = self
                    .take(&store)
                    .and_then(|mut open| {
                        let message = open.read(&folder, &locator);
                        self.put_back(store, open);
                        message
                    })
                    .map_err(|error| error.to_string())
                    .and_then(|message| reading::pages(&message, columns, false));
                self.tell(StoreEvent::Preview { generation, result });
            }
        }
    }

    fn folders(&mut self, number: usize, source: Source) -> Result<Opened, StoreError> {
        let mut told = Instant::now();
        if source.is_remote() {
            let open = self.take(&source)?;
            return self.tell_folders(source, open, None);
        }
        let survey = store::survey(&source.path, &source.options, &mut |looked| {
            if told.elapsed() >= BATCH_TIME {
                told = Instant::now();
                self.tell(StoreEvent::Looking { source: number, looked });
            }
            ControlFlow::Continue(())
        })?;
        let open = survey.open(&source.options)?;
        self.tell_folders(source, open, Some(&survey))
    }

    fn tell_folders(
        &mut self,
        source: Source,
        mut open: Box<dyn Store>,
        survey: Option<&Survey>,
    ) -> Result<Opened, StoreError> {
        let folders = open.folders()?;
        let format = open.format().title.to_owned();
        let choices = survey.map(|survey| Choice::of(survey, &*open, &folders)).unwrap_or_default();
        self.put_back(source, open);
        let entry =
            |folder: store::Folder| Entry { path: folder.path, special: folder.special, holds: folder.holds_messages };
        Ok(Opened { format, choices, folders: folders.into_iter().map(entry).collect() })
    }

    fn count(&mut self, source: usize, store: Source, folder: FolderPath) {
        let counted = self.take(&store).and_then(|mut open| {
            let count = open.count(&folder, &mut |_| {
                if self.is_stale() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            self.put_back(store, open);
            count
        });
        // A count that was broken off is told as it is only when nothing asks for it again.
        if !self.is_stale() {
            self.counts.push((source, folder, counted.ok()));
        }
        if self.sent.elapsed() >= BATCH_TIME {
            self.tell_counts();
        }
    }

    /// Walks through a folder; breaks when a newer list is wanted. Gives how much in it is hidden or damaged.
    fn list(
        &mut self,
        generation: u64,
        source: Source,
        folder: &FolderPath,
    ) -> Result<ControlFlow<(), u64>, StoreError> {
        let mut open = self.take(&source)?;
        let mut batch = Batch { rows: Vec::new(), progress: (0, 0), sent: Instant::now(), is_first: true };
        let mut remarks = 0;
        let mut broken = false;
        let walked = open.list(folder, &mut |found| {
            match found {
                Found::Message(envelope) => batch.rows.push(Row::from(envelope)),
                Found::Hidden(_) | Found::Damage(_) => remarks += 1,
                Found::Progress { done, total } => batch.progress = (done, total),
            }
            if batch.is_due() {
                self.tell(batch.send(generation));
                broken = self.is_stale();
            }
            if broken { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        self.put_back(source, open);
        walked?;
        if broken {
            return Ok(ControlFlow::Break(()));
        }
        self.tell(batch.send(generation));
        Ok(ControlFlow::Continue(remarks))
    }
}

impl Worker {
    /// Reads all of a folder and of those below it. Gives what is to be said of them; breaks when nobody waits for it.
    fn examine(
        &mut self,
        generation: u64,
        source: &Source,
        top: &FolderPath,
        columns: usize,
    ) -> Result<ControlFlow<(), Vec<PreviewLine>>, StoreError> {
        let survey = store::survey(&source.path, &source.options, &mut |_| self.going_on())?;
        let mut open = survey.open(&source.options)?;
        let mut report = Report::new(&survey, columns);
        let mut examiner = Examiner::default();
        let mut told = Instant::now();
        let folders = open.folders()?;
        for folder in folders.iter().filter(|folder| folder.holds_messages && folder.path.starts_with(top)) {
            report.folder(&folder.path);
            let walk = examiner.examine(open.as_mut(), &folder.path, &mut |examined| {
                report.take(&examined);
                if told.elapsed() >= BATCH_TIME {
                    told = Instant::now();
                    self.tell(StoreEvent::Examined { generation, messages: report.messages() });
                }
                self.going_on()
            })?;
            if walk.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(report.lines()))
    }

    /// What a folder holds, by Message-ID.
    fn ids(&mut self, source: Source, folder: &FolderPath) -> Result<Ids, StoreError> {
        let mut open = self.take(&source)?;
        let mut ids = Ids::new();
        let listed = open.list(folder, &mut |found| {
            if let Found::Message(Envelope { message_id: Some(id), .. }) = found {
                *ids.entry(short_id(id.as_bytes())).or_default() += 1;
            }
            Walk::Continue(())
        });
        self.put_back(source, open);
        listed.map(|()| ids)
    }

    /// Weighs a folder of a plan, unless another plan is looked at meanwhile.
    fn weigh(&mut self, generation: u64, folder: &FolderPlan, scale: &Scale) {
        let mut told = Instant::now();
        let weighed = self.take(&folder.source).and_then(|mut open| {
            let weight = weigh(&mut *open, folder, scale, &mut |messages| {
                if told.elapsed() >= BATCH_TIME {
                    told = Instant::now();
                    self.tell(StoreEvent::Weighing { generation, messages });
                    self.collect();
                }
                !self.is_unwanted(generation)
            });
            self.put_back(folder.source.clone(), open);
            weight
        });
        let of = Box::new((folder.source.clone(), folder.folder.clone()));
        match weighed {
            Ok(None) => {} // nobody waits for it
            Ok(weight) => self.tell(StoreEvent::Weighed { generation, of, weight }),
            Err(_) => self.tell(StoreEvent::Weighed { generation, of, weight: None }),
        }
    }

    /// Whether the plan of that generation is looked at no more.
    fn is_unwanted(&self, generation: u64) -> bool {
        self.waiting.iter().any(|request| match request {
            StoreRequest::Weigh { generation: later, .. } => *later != generation,
            StoreRequest::StopWeighing | StoreRequest::Forget => true,
            _ => false,
        })
    }

    /// Breaks when the work under way is of no more use.
    fn going_on(&mut self) -> Walk {
        if self.is_stale() { Walk::Break(()) } else { Walk::Continue(()) }
    }
}

/// Rows found but not yet told.
struct Batch {
    rows: Vec<Row>,
    progress: (u64, u64),
    sent: Instant,
    is_first: bool,
}

impl Batch {
    /// The first rows go out at once, so that the screen fills; later ones in large batches.
    fn is_due(&self) -> bool {
        let most = if self.is_first { 100 } else { BATCH_ROWS };
        self.rows.len() >= most || self.sent.elapsed() >= BATCH_TIME
    }

    fn send(&mut self, generation: u64) -> StoreEvent {
        self.sent = Instant::now();
        self.is_first &= self.rows.is_empty();
        StoreEvent::Rows { generation, rows: std::mem::take(&mut self.rows), progress: self.progress }
    }
}
