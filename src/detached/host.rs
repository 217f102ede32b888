//! The process that goes on without a terminal: carries the jobs of its queue out, and tells those who look on.
//!
//! It stops safely at SIGTERM and SIGINT, as at an order, and ends when nothing runs and nobody looks on. Whatever happens
//! to it, the journal has its jobs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, never, select, tick, unbounded};
use secrecy::zeroize::Zeroizing;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::imap::Trace;
use crate::transfer::{self, Begun, Deed, Event, JobHandle, Journal, JournalError, Order, Progress, Queue, Stage};

use super::handover::READY;
use super::wire::{self, Asked, Hello, Said, VERSION};
use super::{Handed, Handover, place};

/// How often those who look on are told what happened.
const PULSE: Duration = Duration::from_millis(100);
/// How often it is looked whether the socket is still there: a runtime directory goes when its user logs out.
const LOOK: Duration = Duration::from_secs(5);
/// Lines that may wait for one who looks on; when there are more, they are dropped and all is told anew.
const BACKLOG: usize = 64;
/// Events that are told together.
const TOGETHER: usize = 2000;
/// How long those who look on have to take the last words.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why it could not begin.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// What was handed over can not be read.
    #[error("cannot read what was handed over: {0}")]
    Handover(#[source] io::Error),
    /// No socket can be made.
    #[error("cannot make a socket: {0}")]
    Socket(#[source] io::Error),
    /// The journal can not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What reaches the process from outside.
enum Call {
    /// Somebody wants to look on.
    Came(UnixStream),
    /// One who looks on asks for something.
    Asks(u64, Asked),
    /// One who looked on has left.
    Left(u64),
    /// A signal asks for the end.
    End,
}

/// Goes on with the jobs that come through standard input, until they are done.
pub fn host() -> Result<(), HostError> {
    // Before anything else: the terminal that is going away is not ours any more. It only fails where that is so already.
    let _ = rustix::process::setsid();
    let begun = begin();
    let said = match &begun {
        Ok(_) => format!("{READY}\n"),
        Err(error) => format!("{error}\n"),
    };
    // Whoever started it may be gone.
    let _ = io::stdout().write_all(said.as_bytes()).and_then(|()| io::stdout().flush());
    begun?.run();
    Ok(())
}

fn begin() -> Result<Host, HostError> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().read_to_string(&mut text).map_err(HostError::Handover)?;
    let handover: Handover =
        serde_json::from_str(&text).map_err(|error| HostError::Handover(io::Error::from(error)))?;
    let (sender, calls) = unbounded();
    watch_signals(&sender).map_err(HostError::Handover)?;
    let (listener, socket) = place::listen(&handover.state).map_err(HostError::Socket)?;
    accept(listener, sender.clone());
    let mut host = Host {
        state: handover.state,
        trace: handover.trace.as_deref().map(Trace::go_on),
        queue: Queue::default(),
        handle: None,
        events: never(),
        untold: Vec::new(),
        guests: BTreeMap::new(),
        last: 0,
        calls,
        caller: sender,
        socket,
        is_ending: false,
    };
    for handed in handover.jobs {
        host.take(handed)?;
    }
    host.advance();
    Ok(host)
}

fn watch_signals(calls: &Sender<Call>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let calls = calls.clone();
    thread::spawn(move || {
        for signal in signals.forever() {
            // A terminal that went away is why this process exists.
            if signal != SIGHUP && calls.send(Call::End).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Lets in whoever is the same user.
fn accept(listener: UnixListener, calls: Sender<Call>) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten().filter(place::is_own) {
            if calls.send(Call::Came(stream)).is_err() {
                return;
            }
        }
    });
}

/// One who looks on.
struct Onlooker {
    lines: Sender<String>,
    writer: thread::JoinHandle<()>,
    /// Missed something, so that all must be told anew.
    is_behind: bool,
}

struct Host {
    state: PathBuf,
    /// Where what is said with servers is written.
    trace: Option<Trace>,
    queue: Queue,
    handle: Option<JobHandle>,
    events: Receiver<Event>,
    /// What those who look on have not been told yet.
    untold: Vec<Event>,
    guests: BTreeMap<u64, Onlooker>,
    last: u64,
    calls: Receiver<Call>,
    caller: Sender<Call>,
    socket: PathBuf,
    /// Nothing more begins.
    is_ending: bool,
}

impl Host {
    /// Until nothing runs and nobody looks on.
    fn run(mut self) {
        let (pulse, look) = (tick(PULSE), tick(LOOK));
        while !self.is_done() {
            select! {
                recv(self.events) -> event => match event {
                    Ok(event) => self.happened(&event),
                    Err(_) => self.events = never(),
                },
                recv(self.calls) -> call => match call {
                    Ok(call) => self.called(call),
                    Err(_) => break,
                },
                recv(pulse) -> _ => self.tell(),
                recv(look) -> _ => self.look_after_socket(),
            }
        }
        self.say_goodbye();
    }

    fn is_done(&self) -> bool {
        let runs = self.queue.running().is_some();
        if self.is_ending { !runs } else { self.queue.is_idle() && self.guests.is_empty() }
    }

    fn take(&mut self, handed: Handed) -> Result<(), JournalError> {
        let (id, carried) = (handed.job, handed.carried);
        let stage = if handed.is_paused { Stage::Paused } else { Stage::Waiting };
        let job = handed.job(&Journal::open(&self.state)?, &self.state, self.trace.as_ref())?;
        let mut progress = Progress::new(job.mode, Instant::now()).after(id, carried);
        (progress.messages, progress.bytes) = (job.plan.messages(), job.plan.bytes());
        self.queue.add_with(job, progress, stage);
        Ok(())
    }

    fn advance(&mut self) {
        let deed = self.queue.advance(Instant::now());
        self.carry_out(deed);
    }

    fn carry_out(&mut self, deed: Option<Deed>) {
        match (deed, &self.handle) {
            (Some(Deed::Start(job)), _) => {
                let (sender, events) = unbounded();
                self.events = events;
                self.handle = Some(transfer::start(*job, Begun::default(), sender));
            }
            (Some(Deed::Stop), Some(handle)) => handle.stop(),
            (Some(Deed::Abort), Some(handle)) => handle.abort(),
            _ => {}
        }
    }

    fn happened(&mut self, event: &Event) {
        let deed = self.queue.happened(event, Instant::now());
        if !self.guests.is_empty() {
            self.untold.push(event.clone());
        }
        if matches!(event, Event::JobEnd { .. }) {
            self.tell();
            self.carry_out(deed);
            self.tell_all();
        } else if self.untold.len() >= TOGETHER {
            self.tell();
        }
    }

    fn called(&mut self, call: Call) {
        match call {
            Call::Came(stream) => self.let_in(stream),
            Call::Left(guest) => drop(self.guests.remove(&guest)),
            Call::End => {
                self.is_ending = true;
                self.queue.close();
                self.order(&Order::Stop);
            }
            Call::Asks(_, Asked::Order { order }) => self.order(&order),
            Call::Asks(guest, Asked::Take { job }) => {
                if let Err(error) = self.take(job) {
                    let said = Said::NotTaken { reason: format!("{error}: {}", error.hint()) };
                    self.send(guest, &said);
                    return;
                }
                self.advance();
                self.tell_all();
            }
        }
    }

    fn order(&mut self, order: &Order) {
        // Leaving is for processes with a terminal.
        if *order != Order::Leave {
            let deed = self.queue.order(order, Instant::now());
            self.carry_out(deed);
            self.tell_all();
        }
    }

    fn let_in(&mut self, stream: UnixStream) {
        let Ok(reading) = stream.try_clone() else { return };
        self.tell();
        self.last += 1;
        let (guest, calls) = (self.last, self.caller.clone());
        let (lines, waiting) = bounded::<String>(BACKLOG);
        let writer = thread::spawn(move || {
            let mut stream = stream;
            while let Ok(line) = waiting.recv() {
                if stream.write_all(line.as_bytes()).is_err() {
                    return;
                }
            }
        });
        thread::spawn(move || {
            let mut reading = BufReader::new(reading);
            while let Ok(Some(asked)) = wire::hear(&mut reading) {
                if calls.send(Call::Asks(guest, asked)).is_err() {
                    return;
                }
            }
            let _ = calls.send(Call::Left(guest)); // nobody listens at the end
        });
        self.guests.insert(guest, Onlooker { lines, writer, is_behind: false });
        let directory = std::env::current_dir().unwrap_or_default();
        let hello = Hello { version: VERSION, process: std::process::id(), state: self.state.clone(), directory };
        self.send(guest, &Said::Hello(hello));
        self.send(guest, &Said::All { queue: Box::new(self.queue.clone()) });
    }

    fn send(&mut self, guest: u64, said: &Said) {
        if let (Some(onlooker), Ok(line)) = (self.guests.get_mut(&guest), wire::line(said)) {
            onlooker.take(&line);
        }
    }

    /// Tells what happened since; who missed something is told all.
    fn tell(&mut self) {
        let events = std::mem::take(&mut self.untold);
        if !events.is_empty()
            && let Ok(line) = wire::line(&Said::Happened { events })
        {
            self.guests.values_mut().filter(|guest| !guest.is_behind).for_each(|guest| guest.take(&line));
        }
        let is_due = |guest: &Onlooker| guest.is_behind && guest.lines.is_empty();
        if self.guests.values().any(is_due)
            && let Ok(line) = wire::line(&Said::All { queue: Box::new(self.queue.clone()) })
        {
            for guest in self.guests.values_mut().filter(|guest| is_due(guest)) {
                guest.is_behind = false;
                guest.take(&line);
            }
        }
    }

    fn tell_all(&mut self) {
        self.tell();
        if let Ok(line) = wire::line(&Said::All { queue: Box::new(self.queue.clone()) }) {
            self.guests.values_mut().for_each(|guest| guest.take(&line));
        }
    }

    /// Makes the socket anew, elsewhere if need be, when its directory was taken away.
    fn look_after_socket(&mut self) {
        if !self.socket.exists()
            && let Ok((listener, socket)) = place::listen(&self.state)
        {
            self.socket = socket;
            accept(listener, self.caller.clone());
        }
    }

    fn say_goodbye(mut self) {
        self.tell_all();
        let _ = fs::remove_file(&self.socket); // gone already
        if let Some(handle) = self.handle.take() {
            handle.wait();
        }
        let end = Instant::now() + FAREWELL;
        for onlooker in std::mem::take(&mut self.guests).into_values() {
            drop(onlooker.lines);
            while !onlooker.writer.is_finished() && Instant::now() < end {
                thread::sleep(PULSE / 10);
            }
        }
    }
}

impl Onlooker {
    /// One whose terminal hangs must not hold the jobs up.
    fn take(&mut self, line: &str) {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(line.to_owned()) {
            self.is_behind = true;
        }
    }
}
