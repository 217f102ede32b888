//! A TCP proxy before a real server that breaks the connection at a chosen point of the n-th message appended.
//!
//! ```ignore
//! let proxy = Proxy::new(server.imap_port).fault(3, At::BeforeOk, Do::Reset).start();
//! // ... copy to proxy.port over imap+plaintext ...
//! assert_eq!(proxy.fired(), 1);
//! ```
//!
//! It follows the client's stream: commands, their literals, and which literals are messages of an APPEND. Messages are
//! counted over all connections, so a fault fires once and the next connection gets through. Plain text only.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

/// A point on the way of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Before the line that announces it: the server hears nothing of it.
    BeforeLine,
    /// The line is through; the server's `+` does not come back.
    AfterLine,
    /// So many bytes of its literal are through.
    Literal(u64),
    /// The whole literal is through, but not the line end after it.
    AfterLiteral,
    /// All is through up to the end of the command; the server's answer does not come back.
    BeforeOk,
    /// The end of the command is through, and nobody waits for the answer.
    AfterEnd,
    /// The server's answer is through.
    AfterOk,
}

/// What is done there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Do {
    /// RST to both sides.
    Reset,
    /// FIN to both sides.
    Finish,
    /// Nothing more goes through in either direction, but nothing is closed until the test is over.
    Stall,
    /// Nothing more goes through to the server for so long, then all of it. Only for [`At::Literal`].
    Pause(Duration),
    /// What the server says from here on to the end of this command is lost; all else goes on. Only for [`At::BeforeOk`].
    Swallow,
    /// The client gets this as the tagged answer (such as `NO [OVERQUOTA] full`) and the server never hears of the
    /// command: the refusal comes before the `+` at [`At::BeforeLine`], after the literal at [`At::AfterLiteral`].
    /// Counts whole APPEND commands, where others count messages.
    Answer(String),
}

/// Settings of a proxy that is not yet running.
pub struct Proxy {
    upstream: u16,
    faults: Vec<(u64, At, Do)>,
    round_trip: Duration,
    upload_rate: Option<u64>,
    download_chunk: Option<usize>,
    replacements: Vec<(String, String)>,
    refused: Range<usize>,
    every: Option<(u64, At, Do)>,
    after_state: Option<(u64, Do)>,
    patience: usize,
}

impl Proxy {
    /// A proxy before the server on this port of 127.0.0.1 that lets all through.
    pub fn new(upstream: u16) -> Self {
        Self {
            upstream,
            faults: Vec::new(),
            round_trip: Duration::ZERO,
            upload_rate: None,
            download_chunk: None,
            replacements: Vec::new(),
            refused: 0..0,
            every: None,
            after_state: None,
            patience: usize::MAX,
        }
    }

    /// A connection hears BYE in place of the answer to its command after so many.
    #[must_use]
    pub fn leave_after(mut self, commands: usize) -> Self {
        self.patience = commands;
        self
    }

    /// Breaks at message `nth`, from 1, once. May be called again for more faults.
    #[must_use]
    pub fn fault(mut self, nth: u64, at: At, what: Do) -> Self {
        self.faults.push((nth, at, what));
        self
    }

    /// Adds a round trip time.
    #[must_use]
    pub fn round_trip(mut self, time: Duration) -> Self {
        self.round_trip = time;
        self
    }

    /// The most bytes a second from client to server.
    #[must_use]
    pub fn upload_rate(mut self, bytes_per_second: u64) -> Self {
        self.upload_rate = Some(bytes_per_second);
        self
    }

    /// Server answers come in pieces of so many bytes.
    #[must_use]
    pub fn download_chunk(mut self, bytes: usize) -> Self {
        self.download_chunk = Some(bytes);
        self
    }

    /// Replaces a text in every line the server sends (not in literals), such as a capability it shall not have.
    #[must_use]
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        self.replacements.push((from.into(), to.into()));
        self
    }

    /// These connections are reset at once; the first is 0.
    #[must_use]
    pub fn refuse(mut self, connections: Range<usize>) -> Self {
        self.refused = connections;
        self
    }

    /// Breaks at every `nth` message, or answers every `nth` command.
    #[must_use]
    pub fn every(mut self, nth: u64, at: At, what: Do) -> Self {
        self.every = Some((nth, at, what));
        self
    }

    /// Breaks, once, when the server has told something of so many messages (`* n FETCH`).
    #[must_use]
    pub fn after_state(mut self, nth: u64, what: Do) -> Self {
        self.after_state = Some((nth, what));
        self
    }

    /// Starts it on a port of its own.
    pub fn start(self) -> RunningProxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            settings: self,
            messages: AtomicU64::new(0),
            waits: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
            commands: AtomicU64::new(0),
            states: AtomicU64::new(0),
            fired: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            uploaded: AtomicU64::new(0),
            over: AtomicBool::new(false),
            open: Mutex::new(Vec::new()),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.over.load(Ordering::SeqCst) {
                    break;
                }
                if let Ok(client) = client {
                    _ = connect(client, &accepting);
                }
            }
        });
        RunningProxy { port, shared }
    }
}

/// A running proxy. Dropping it cuts all its connections.
pub struct RunningProxy {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
}

impl RunningProxy {
    /// The URL of a user's mailbox through the proxy.
    pub fn url(&self, user: &str) -> String {
        format!("imap+plaintext://{user}@127.0.0.1:{}/", self.port)
    }

    /// How many faults have fired.
    pub fn fired(&self) -> usize {
        self.shared.fired.load(Ordering::SeqCst)
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many messages were announced, over all connections.
    pub fn messages(&self) -> u64 {
        self.shared.messages.load(Ordering::SeqCst)
    }

    /// How many of them waited for the server's go-ahead.
    pub fn waits(&self) -> usize {
        self.shared.waits.load(Ordering::SeqCst)
    }

    /// How often a client spoke after the server had: its round trips, where the line is long enough to tell.
    pub fn turns(&self) -> usize {
        self.shared.turns.load(Ordering::SeqCst)
    }

    /// How many bytes went from clients to the server.
    pub fn uploaded(&self) -> u64 {
        self.shared.uploaded.load(Ordering::SeqCst)
    }
}

impl Drop for RunningProxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        for link in self.shared.open.lock().unwrap().drain(..).filter_map(|link| link.upgrade()) {
            link.cut(&Do::Finish);
        }
        _ = TcpStream::connect(("127.0.0.1", self.port)); // wakes the listener
    }
}

/// What all connections share.
struct Shared {
    settings: Proxy,
    messages: AtomicU64,
    waits: AtomicUsize,
    turns: AtomicUsize,
    commands: AtomicU64,
    states: AtomicU64,
    fired: AtomicUsize,
    connections: AtomicUsize,
    uploaded: AtomicU64,
    over: AtomicBool,
    /// Every connection, to be cut when the proxy is dropped.
    open: Mutex<Vec<Weak<Link>>>,
}

impl Shared {
    /// The fault of message `nth` or of command `nth`, if there is one.
    fn fault(&self, nth: u64, of_command: bool) -> Option<(At, Do)> {
        let is_of = |fault: &&(u64, At, Do)| matches!(fault.2, Do::Answer(_)) == of_command;
        let once = self.settings.faults.iter().filter(is_of).find(|fault| fault.0 == nth);
        let found = once.or(self.settings.every.iter().filter(is_of).find(|fault| nth.is_multiple_of(fault.0)))?;
        Some((found.1, found.2.clone()))
    }
}

/// What the two directions of a connection share.
struct Link {
    shared: Arc<Shared>,
    client: TcpStream,
    server: TcpStream,
    /// The answer of the server that a fault waits for.
    awaited: Mutex<Option<Awaited>>,
    stalled: AtomicBool,
    /// No FIN may go out before the RST does.
    resetting: AtomicBool,
    /// Whether the server was the last to speak.
    is_answered: AtomicBool,
}

/// An answer of the server that a fault waits for: the tagged one, or `+`.
struct Awaited {
    tag: String,
    at: At,
    what: Do,
}

impl Link {
    /// Ends the connection in the way said.
    fn cut(&self, what: &Do) {
        match what {
            Do::Stall => self.stalled.store(true, Ordering::SeqCst),
            Do::Finish => self.both(|stream| stream.shutdown(Shutdown::Both)),
            // The RST goes out when the last thread lets go of the stream; ending the reading makes them do so.
            _ => self.both(|stream| {
                self.resetting.store(true, Ordering::SeqCst);
                SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
                stream.shutdown(Shutdown::Read)
            }),
        }
    }

    fn both(&self, each: impl Fn(&TcpStream) -> io::Result<()>) {
        _ = each(&self.client);
        _ = each(&self.server);
    }
}

/// What a direction's writer has to do next.
enum Step {
    /// Send this, not before then.
    Send(Instant, Vec<u8>),
    /// End the connection.
    Cut(Do),
}

/// The way to a direction's writer.
#[derive(Clone)]
struct Steps {
    queue: SyncSender<Step>,
    delay: Duration,
    shared: Arc<Shared>,
}

impl Steps {
    fn send(&self, bytes: Vec<u8>) -> io::Result<()> {
        self.step(Step::Send(Instant::now() + self.delay, bytes))
    }

    fn cut(&self, what: Do) -> io::Result<()> {
        self.shared.fired.fetch_add(1, Ordering::SeqCst);
        self.step(Step::Cut(what))
    }

    fn step(&self, step: Step) -> io::Result<()> {
        self.queue.send(step).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Joins a client to the server: a reader and a writer for each direction.
fn connect(client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let number = shared.connections.fetch_add(1, Ordering::SeqCst);
    if shared.settings.refused.contains(&number) {
        return SockRef::from(&client).set_linger(Some(Duration::ZERO));
    }
    let server = TcpStream::connect(("127.0.0.1", shared.settings.upstream))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let link = Arc::new(Link {
        shared: Arc::clone(shared),
        client,
        server,
        awaited: Mutex::new(None),
        stalled: AtomicBool::new(false),
        resetting: AtomicBool::new(false),
        is_answered: AtomicBool::new(false),
    });
    shared.open.lock().unwrap().push(Arc::downgrade(&link));
    let (up, up_steps) = steps(shared);
    let (down, down_steps) = steps(shared);
    let mut client_side = ClientSide::new(Arc::clone(&link), up, down.clone());
    let mut server_side = ServerSide { lines: Lines::default(), link: Arc::clone(&link), down };
    let (rate, chunk) = (shared.settings.upload_rate, shared.settings.download_chunk);
    let joined = || Arc::clone(&link);
    spawn(joined(), move |link| write(link, &link.server, &up_steps, rate, None));
    spawn(joined(), move |link| write(link, &link.client, &down_steps, None, chunk));
    spawn(joined(), move |link| {
        read(link, &link.client, |bytes| {
            let turns = usize::from(link.is_answered.swap(false, Ordering::SeqCst));
            link.shared.turns.fetch_add(turns, Ordering::SeqCst);
            client_side.take(bytes)
        });
    });
    spawn(joined(), move |link| read(link, &link.server, |bytes| server_side.take(bytes)));
    Ok(())
}

fn spawn(link: Arc<Link>, work: impl FnOnce(&Link) + Send + 'static) {
    thread::spawn(move || work(&link));
}

fn steps(shared: &Arc<Shared>) -> (Steps, Receiver<Step>) {
    let (queue, receiver) = mpsc::sync_channel(64);
    (Steps { queue, delay: shared.settings.round_trip / 2, shared: Arc::clone(shared) }, receiver)
}

/// Reads one side to its end, piece by piece.
fn read(link: &Link, mut from: &TcpStream, mut take: impl FnMut(&[u8]) -> io::Result<()>) {
    let mut piece = vec![0; 65536];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if take(&piece[..count]).is_err() || link.stalled.load(Ordering::SeqCst) {
            break;
        }
    }
    // A stalled connection is neither read nor closed.
    while link.stalled.load(Ordering::SeqCst) && !link.shared.over.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Writes to one side what is queued for it, then ends that side in good order.
fn write(link: &Link, mut to: &TcpStream, steps: &Receiver<Step>, rate: Option<u64>, chunk: Option<usize>) {
    let slice = chunk.or(rate.map(|rate| usize::try_from(rate / 20).unwrap().max(1))).unwrap_or(usize::MAX);
    while let Ok(step) = steps.recv() {
        match step {
            Step::Cut(Do::Pause(time)) => thread::sleep(time), // the line's pace
            Step::Cut(what) => return link.cut(&what),
            Step::Send(due, bytes) => {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                for part in bytes.chunks(slice) {
                    if link.stalled.load(Ordering::SeqCst) {
                        return;
                    }
                    if to.write_all(part).is_err() {
                        return link.cut(&Do::Finish);
                    }
                    if std::ptr::eq(to, &raw const link.server) {
                        link.shared.uploaded.fetch_add(part.len() as u64, Ordering::SeqCst);
                    } else {
                        link.is_answered.store(true, Ordering::SeqCst);
                    }
                    if let Some(rate) = rate {
                        thread::sleep(Duration::from_nanos(part.len() as u64 * 1_000_000_000 / rate));
                    }
                }
            }
        }
    }
    if !link.resetting.load(Ordering::SeqCst) {
        _ = to.shutdown(Shutdown::Write);
    }
}

/// Cuts a stream into whole lines and pieces of literals.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    literal: u64,
}

/// What [`Lines`] found at the front of a piece.
enum Part {
    /// A whole line with its end, and the literal it announces.
    Line(Vec<u8>, Option<Literal>),
    /// A piece of a literal, and whether it is the last.
    Literal(Vec<u8>, bool),
    /// Nothing whole yet.
    Nothing,
}

/// A literal announced at the end of a line.
#[derive(Clone, Copy)]
struct Literal {
    length: u64,
    waits: bool,
}

impl Lines {
    /// Takes the front of `bytes`.
    fn next(&mut self, bytes: &mut &[u8]) -> Part {
        if self.literal > 0 {
            let length = usize::try_from(self.literal).unwrap_or(usize::MAX).min(bytes.len());
            let (piece, rest) = bytes.split_at(length);
            *bytes = rest;
            self.literal -= length as u64;
            return Part::Literal(piece.to_vec(), self.literal == 0);
        }
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.line.extend_from_slice(bytes);
            *bytes = &[];
            return Part::Nothing;
        };
        self.line.extend_from_slice(&bytes[..=end]);
        *bytes = &bytes[end + 1..];
        let line = std::mem::take(&mut self.line);
        let literal = announced(&line);
        self.literal = literal.map_or(0, |literal| literal.length);
        Part::Line(line, literal)
    }
}

fn announced(line: &[u8]) -> Option<Literal> {
    let text = std::str::from_utf8(&line[line.iter().rposition(|byte| *byte == b'{')? + 1..]).ok()?;
    let inner = text.trim_end_matches(['\r', '\n']).strip_suffix('}')?;
    let length = inner.trim_end_matches('+').parse().ok()?;
    Some(Literal { length, waits: !inner.ends_with('+') })
}

/// Follows what the client says, and lets it through or not.
struct ClientSide {
    lines: Lines,
    link: Arc<Link>,
    up: Steps,
    down: Steps,
    /// The tag of the command that is coming in, between its first and its last line.
    tag: Option<String>,
    is_append: bool,
    /// The fault of the message that is coming in.
    fault: Option<(At, Do)>,
    /// What is done when the command is through.
    at_end: Option<Do>,
    /// How much of the literal that is coming in has gone through.
    passed: u64,
    /// Set while a command is kept from the server.
    withheld: Option<Withheld>,
    /// Commands begun.
    begun: usize,
}

/// A command that the server does not get to hear.
enum Withheld {
    /// Its answer has been given.
    Refused,
    /// Its answer is due at its end.
    Due(String),
}

impl ClientSide {
    fn new(link: Arc<Link>, up: Steps, down: Steps) -> Self {
        let lines = Lines::default();
        Self {
            lines,
            link,
            up,
            down,
            tag: None,
            is_append: false,
            fault: None,
            at_end: None,
            passed: 0,
            withheld: None,
            begun: 0,
        }
    }

    fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.lines.next(&mut bytes) {
                Part::Nothing => {}
                Part::Line(line, literal) => self.line(line, literal)?,
                Part::Literal(piece, last) => self.literal(piece, last)?,
            }
        }
        Ok(())
    }

    fn line(&mut self, line: Vec<u8>, literal: Option<Literal>) -> io::Result<()> {
        self.passed = 0;
        if self.tag.is_none() {
            self.begin(&line, literal)?;
        }
        let tag = self.tag.clone().unwrap_or_default();
        if let Some(answer) = &self.withheld {
            match (literal, answer) {
                (Some(literal), Withheld::Due(_)) if literal.waits => self.down.send(b"+ go on\r\n".to_vec())?,
                // Refused before the `+`: the client sends nothing more of it.
                (Some(literal), Withheld::Refused) if literal.waits => {
                    self.lines.literal = 0;
                    self.end();
                }
                (Some(_), _) => {}
                (None, answer) => {
                    if let Withheld::Due(answer) = answer {
                        self.down.send(format!("{tag} {answer}\r\n").into_bytes())?;
                    }
                    self.end();
                }
            }
            return Ok(());
        }
        let Some(literal) = literal else {
            self.up.send(line)?;
            if let Some(what) = self.at_end.take() {
                return self.stop(what);
            }
            self.end();
            return Ok(());
        };
        if self.is_append && !is_mailbox_literal(&line) {
            let nth = self.link.shared.messages.fetch_add(1, Ordering::SeqCst) + 1;
            self.link.shared.waits.fetch_add(usize::from(literal.waits), Ordering::SeqCst);
            self.fault = self.link.shared.fault(nth, false);
        }
        if let Some((at, what)) = self.fault.clone() {
            let wait = |at| *self.link.awaited.lock().unwrap() = Some(Awaited { tag, at, what: what.clone() });
            match at {
                At::BeforeLine => return self.up.cut(what),
                At::AfterLine if literal.waits => wait(at),
                At::AfterLine => {
                    self.up.send(line)?;
                    return self.stop(what);
                }
                At::BeforeOk | At::AfterOk => wait(at),
                At::AfterEnd => self.at_end = Some(what),
                At::Literal(_) | At::AfterLiteral => {}
            }
        }
        self.up.send(line)
    }

    /// Looks at the first line of a command.
    fn begin(&mut self, line: &[u8], literal: Option<Literal>) -> io::Result<()> {
        self.begun += 1;
        if self.begun > self.link.shared.settings.patience {
            self.down.send(b"* BYE too many commands\r\n".to_vec())?;
            self.down.cut(Do::Finish)?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let text = String::from_utf8_lossy(line);
        let mut words = text.split_ascii_whitespace();
        self.tag = words.next().map(str::to_owned);
        self.is_append = words.next().is_some_and(|word| word.eq_ignore_ascii_case("APPEND"));
        if !self.is_append {
            return Ok(());
        }
        let nth = self.link.shared.commands.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some((at, Do::Answer(answer))) = self.link.shared.fault(nth, true) {
            self.link.shared.messages.fetch_add(1, Ordering::SeqCst);
            self.link.shared.fired.fetch_add(1, Ordering::SeqCst);
            let early = at == At::BeforeLine && literal.is_some();
            if early {
                let tag = self.tag.clone().unwrap_or_default();
                self.down.send(format!("{tag} {answer}\r\n").into_bytes())?;
            }
            self.withheld = Some(if early { Withheld::Refused } else { Withheld::Due(answer) });
        }
        Ok(())
    }

    fn literal(&mut self, mut piece: Vec<u8>, last: bool) -> io::Result<()> {
        if self.withheld.is_some() {
            return Ok(());
        }
        match self.fault.clone() {
            Some((At::Literal(limit), what)) => {
                let left = usize::try_from(limit.saturating_sub(self.passed)).unwrap_or(usize::MAX);
                if left <= piece.len() {
                    let rest = piece.split_off(left);
                    self.up.send(piece)?;
                    if !matches!(what, Do::Pause(_)) {
                        return self.stop(what);
                    }
                    self.fault = None;
                    self.up.cut(what)?;
                    return self.up.send(rest);
                }
            }
            Some((At::AfterLiteral, what)) if last => {
                self.up.send(piece)?;
                return self.stop(what);
            }
            _ => {}
        }
        self.passed += piece.len() as u64;
        self.up.send(piece)
    }

    /// Cuts after all that is queued, and takes nothing more from the client.
    fn stop(&self, what: Do) -> io::Result<()> {
        self.up.cut(what)?;
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    /// The command is over.
    fn end(&mut self) {
        (self.tag, self.fault, self.withheld) = (None, None, None);
    }
}

/// Whether the literal at the end of an APPEND line is the folder's name and not a message.
fn is_mailbox_literal(line: &[u8]) -> bool {
    String::from_utf8_lossy(line).split_ascii_whitespace().nth(2).is_some_and(|word| word.starts_with('{'))
}

/// Follows what the server says.
struct ServerSide {
    lines: Lines,
    link: Arc<Link>,
    down: Steps,
}

impl ServerSide {
    fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.lines.next(&mut bytes) {
                Part::Nothing => {}
                Part::Literal(piece, _) => self.down.send(piece)?,
                Part::Line(line, _) => self.line(line)?,
            }
        }
        Ok(())
    }

    fn line(&mut self, line: Vec<u8>) -> io::Result<()> {
        let awaited = self.link.awaited.lock().unwrap().take_if(|awaited| match awaited.at {
            At::AfterLine => line.starts_with(b"+") || line.starts_with(format!("{} ", awaited.tag).as_bytes()),
            _ => line.starts_with(format!("{} ", awaited.tag).as_bytes()),
        });
        let line = self.rewritten(line);
        if line.starts_with(b"* ") && line.windows(7).any(|word| word == b" FETCH ") {
            let states = self.link.shared.states.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some((_, what)) = self.link.shared.settings.after_state.as_ref().filter(|(nth, _)| *nth == states) {
                self.down.send(line)?;
                return self.down.cut(what.clone());
            }
        }
        match awaited {
            None => self.down.send(line),
            Some(Awaited { at: At::BeforeOk, what: Do::Swallow, .. }) => {
                self.link.shared.fired.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
            Some(Awaited { at: At::AfterOk, what, .. }) => {
                self.down.send(line)?;
                self.down.cut(what)
            }
            Some(awaited) => self.down.cut(awaited.what),
        }
    }

    fn rewritten(&self, line: Vec<u8>) -> Vec<u8> {
        let replacements = &self.link.shared.settings.replacements;
        let Ok(mut text) = String::from_utf8(line.clone()) else { return line };
        for (from, to) in replacements {
            text = text.replace(from, to);
        }
        text.into_bytes()
    }
}
