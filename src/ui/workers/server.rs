//! One connection to the server, or mail on this machine in the right pane. A new connection is a new thread; the old one ends when nobody can ask it any more.
//!
//! What was asked last is served first, counts after everything else; a lost connection is made anew by the next request.

mod answers;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::spawn;
use crate::imap::{Counts, ImapError, Scope};
use crate::mail::FolderPath;
use crate::transfer::{Mailbox, Place};
use crate::ui::effect::ServerRequest;
use crate::ui::event::{Event, ServerEvent, Trouble};

/// Servers hang up after 30 minutes (RFC 9051 section 5.4), routers between often after five.
const KEEP_ALIVE: Duration = Duration::from_mins(3);
/// Counts are told together.
const COUNTS_TOLD: Duration = Duration::from_millis(200);

/// Starts a connection whose news carry that number.
pub(crate) fn start(connection: u64, place: Place, events: &Sender<Event>) -> Sender<ServerRequest> {
    let (sender, requests) = unbounded();
    let news = events.clone();
    spawn("server", events, move || {
        Worker {
            connection,
            place,
            requests,
            events: news,
            session: None,
            waiting: VecDeque::new(),
            uncounted: VecDeque::new(),
            counted: Vec::new(),
            told: Instant::now(),
            list: None,
            validities: HashMap::new(),
        }
        .run();
    });
    sender
}

struct Worker {
    connection: u64,
    place: Place,
    requests: Receiver<ServerRequest>,
    events: Sender<Event>,
    session: Option<Mailbox>,
    waiting: VecDeque<ServerRequest>,
    uncounted: VecDeque<FolderPath>,
    counted: Vec<(FolderPath, Option<Counts>)>,
    told: Instant,
    /// The list on the screen, and whether its folder is the open one.
    list: Option<(u64, FolderPath, bool)>,
    /// UIDVALIDITY of folders as they were listed: UIDs on the screen mean nothing once it changes.
    validities: HashMap<FolderPath, u32>,
}

/// How a request failed.
enum Failure {
    /// By the server or on the way to it.
    Imap(ImapError),
    /// Here.
    Here(Trouble),
}

impl From<ImapError> for Failure {
    fn from(error: ImapError) -> Self {
        Self::Imap(error)
    }
}

impl Worker {
    fn run(mut self) {
        if self.connect() {
            self.serve(&ServerRequest::Folders);
        }
        while self.next() {}
        if let Some(session) = self.session.take() {
            session.logout();
        }
    }

    fn tell(&self, event: ServerEvent) {
        // Nobody listens any more when the program is ending.
        let _ = self.events.send(Event::Server(self.connection, event));
    }

    /// Does the next thing there is to do, or waits for it. Says no when nobody will ask any more.
    fn next(&mut self) -> bool {
        self.collect();
        if let Some(request) = self.choose() {
            self.serve(&request);
            return true;
        }
        if let Some(folder) = self.uncounted.pop_front() {
            self.count(folder);
            return true;
        }
        self.tell_counts();
        match self.requests.recv_timeout(KEEP_ALIVE) {
            Ok(request) => self.waiting.push_back(request),
            Err(RecvTimeoutError::Timeout) => self.keep_alive(),
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    /// Takes in what was asked meanwhile; of lists and previews only the newest counts.
    fn collect(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            match &request {
                ServerRequest::Counts(folders) => {
                    self.uncounted.retain(|folder| !folders.contains(folder));
                    self.uncounted.extend(folders.iter().cloned());
                    continue;
                }
                ServerRequest::Open { .. } => {
                    self.waiting
                        .retain(|old| !matches!(old, ServerRequest::Open { .. } | ServerRequest::Window { .. }));
                }
                ServerRequest::Preview { .. } => {
                    self.waiting.retain(|old| !matches!(old, ServerRequest::Preview { .. }));
                }
                _ => {}
            }
            self.waiting.push_back(request);
        }
    }

    /// Changes first and in their order; then what is looked at, the newest first.
    fn choose(&mut self) -> Option<ServerRequest> {
        let is_view =
            |request: &ServerRequest| matches!(request, ServerRequest::Window { .. } | ServerRequest::Preview { .. });
        let at = self.waiting.iter().position(|request| !is_view(request)).or(self.waiting.len().checked_sub(1))?;
        match self.waiting.remove(at)? {
            // Counts that came while waiting for anything.
            ServerRequest::Counts(folders) => {
                self.uncounted.extend(folders);
                self.choose()
            }
            request => Some(request),
        }
    }

    /// Connects if need be. Says whether there is a connection now.
    fn connect(&mut self) -> bool {
        if self.session.is_some() {
            return true;
        }
        self.tell(ServerEvent::Connecting);
        match self.place.open() {
            Ok(session) => {
                self.session = Some(session);
                self.close_list();
                self.tell(ServerEvent::Connected);
                true
            }
            Err(error) => {
                self.tell(ServerEvent::ConnectFailed(Trouble::from(&error)));
                self.uncounted.clear();
                self.waiting.clear();
                false
            }
        }
    }

    fn close_list(&mut self) {
        if let Some((_, _, is_open)) = &mut self.list {
            *is_open = false;
        }
    }

    fn keep_alive(&mut self) {
        // A connection that the server closed while idle is no news: the next request makes a new one.
        if self.session.as_mut().is_some_and(|session| session.noop().is_err()) {
            self.session = None;
        }
    }

    fn serve(&mut self, request: &ServerRequest) {
        let had_session = self.session.is_some();
        if !self.connect() {
            return;
        }
        let mut result = self.answer(request);
        // A connection that was idle may have been closed long ago; what only looks may be asked twice.
        if had_session && is_harmless(request) && matches!(&result, Err(Failure::Imap(error)) if is_lost(error)) {
            self.session = None;
            if !self.connect() {
                return;
            }
            result = self.answer(request);
        }
        if let Err(failure) = result {
            self.failed(request, &failure);
        }
    }

    fn failed(&mut self, request: &ServerRequest, failure: &Failure) {
        let trouble = match failure {
            Failure::Imap(error) => Trouble::from(error),
            Failure::Here(trouble) => trouble.clone(),
        };
        match request {
            ServerRequest::Open { generation, .. } | ServerRequest::Window { generation, .. } => {
                self.tell(ServerEvent::ListFailed(*generation, trouble.clone()));
            }
            ServerRequest::Preview { generation, .. } => {
                self.tell(ServerEvent::Preview(*generation, Err(trouble.clone())));
            }
            // The plan does without.
            ServerRequest::Room { .. } => {}
            _ => self.tell(ServerEvent::Refused(trouble.clone())),
        }
        if matches!(failure, Failure::Imap(error) if is_lost(error)) {
            self.session = None;
            self.close_list();
            self.tell(ServerEvent::Lost(trouble));
        }
    }

    fn count(&mut self, folder: FolderPath) {
        let Some(session) = self.session.as_mut() else {
            self.uncounted.clear();
            return;
        };
        match session.counts(&folder) {
            Ok(counts) => self.counted.push((folder, Some(counts))),
            Err(error) if is_lost(&error) => {
                self.session = None;
                self.close_list();
                self.uncounted.clear();
                self.tell(ServerEvent::Lost(Trouble::from(&error)));
            }
            Err(_) => self.counted.push((folder, None)),
        }
        if self.told.elapsed() >= COUNTS_TOLD {
            self.tell_counts();
        }
    }

    fn tell_counts(&mut self) {
        if !self.counted.is_empty() {
            let counts = std::mem::take(&mut self.counted);
            self.tell(ServerEvent::Counts(counts));
        }
        self.told = Instant::now();
    }
}

/// Whether the connection is of no more use after that error.
fn is_lost(error: &ImapError) -> bool {
    error.scope() == Scope::Connection || !matches!(error, ImapError::Refused { .. } | ImapError::Disk { .. })
}

/// Whether a request changes nothing, so that it may be asked twice.
fn is_harmless(request: &ServerRequest) -> bool {
    !matches!(
        request,
        ServerRequest::Create(_) | ServerRequest::Rename(..) | ServerRequest::Delete(_) | ServerRequest::Remove(..)
    )
}
