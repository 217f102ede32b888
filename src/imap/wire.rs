//! The bytes between us and the server: time-outs, limits, cancelling, and answers as whole units.
//!
//! A [`Wire`] can be cloned: the `imap` crate's session reads and writes through one clone, our own commands through
//! another, in turn. What the crate reads was vetted first: it gets no untagged lines, since it panics, or takes a stored
//! message for a failed one, on some (facts/reliability.md section 4), and its commands here need none.
//!
//! It knows lines, literals and tags, but no command; [`super::session`] does.

use std::io;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::answer::{self, Answer, Status};
use super::error::ImapError;
use super::socket::{Canceller, Clock, Socket, Stream, lock};
use super::trace::Tracer;

mod bytes;
#[cfg(test)]
mod tests;
mod vetted;

use bytes::CHUNK;

/// The longest line outside literals; of one that has come as a whole, a little more is taken.
const MAX_LINE: usize = 128 * 1024;
/// The most untagged answers to one command.
const MAX_ANSWERS: usize = 1_000_000;
/// The most bytes of one answer, literals aside.
const MAX_LINES: usize = 1024 * 1024;
/// The most bytes of all answers to one command, literals aside: flags and dates of a million messages.
const MAX_TEXT: usize = 128 * 1024 * 1024;

/// One connection to a server, shared by its clones.
#[derive(Clone)]
pub struct Wire(Arc<Mutex<Inner>>);

struct Inner {
    stream: Box<dyn Stream>,
    tcp: Arc<TcpStream>,
    clock: Arc<Mutex<Clock>>,
    patience: Duration,
    canceller: Canceller,
    /// Where the next bytes are read into.
    chunk: Box<[u8]>,
    /// Received, of which what lies before `taken` was looked at.
    buffer: Vec<u8>,
    taken: usize,
    /// A vetted answer that the crate is reading.
    vetted: io::Cursor<Vec<u8>>,
    /// The largest literal that is expected.
    literal_limit: usize,
    told: Told,
    /// Why the crate's last read or write failed.
    fault: Option<ImapError>,
    /// Commands that nothing before or behind depends on: a server may do them in an order of its own (RFC 9051 section 5.5).
    aside: Vec<String>,
    /// Their results that came before they were asked for.
    early: Vec<Answer>,
    /// The last tagged result that the crate was given.
    result: Option<Answer>,
    /// Capabilities that were told, by whatever answer, since last asked.
    capabilities: Option<Vec<String>>,
    /// Where the server says the mailbox is, if not here (RFC 2221).
    referral: Option<String>,
    /// The server's BYE, once said.
    bye: Option<ImapError>,
    /// Untagged NO and all ALERT texts since last asked.
    warnings: Vec<String>,
    next_tag: u32,
    /// Is told what is said, where that is asked for.
    tracer: Option<Tracer>,
}

/// What was told since a command last came to its end.
#[derive(Default)]
struct Told {
    answers: usize,
    /// Literals aside.
    bytes: usize,
}

/// How much of what a command is answered is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    ForAll,
    ForTheFirst,
}

impl Wire {
    /// A wire over `tcp`, made safe by `protect` (TLS, or nothing). `patience` bounds everything until [`Self::set_patience`];
    /// `tracer` is told what is said.
    pub fn new(
        tcp: &TcpStream,
        patience: Duration,
        tracer: Option<Tracer>,
        protect: impl FnOnce(Socket) -> Result<Box<dyn Stream>, ImapError>,
    ) -> Result<Self, ImapError> {
        let clone = || tcp.try_clone().map_err(|error| ImapError::Lost { reason: error.to_string() });
        let socket = Socket::new(clone()?, patience);
        let clock = Arc::clone(&socket.clock);
        let tcp = Arc::new(clone()?);
        let canceller = Canceller::new(&tcp);
        let stream = protect(socket).inspect_err(|error| {
            if let Some(tracer) = &tracer {
                tracer.failed(error);
            }
        })?;
        Ok(Self(Arc::new(Mutex::new(Inner {
            stream,
            tcp,
            clock,
            patience,
            canceller,
            chunk: vec![0; CHUNK].into(),
            buffer: Vec::new(),
            taken: 0,
            vetted: io::Cursor::default(),
            literal_limit: 0,
            told: Told::default(),
            fault: None,
            aside: Vec::new(),
            early: Vec::new(),
            result: None,
            capabilities: None,
            referral: None,
            bye: None,
            warnings: Vec::new(),
            next_tag: 0,
            tracer,
        }))))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }

    /// A handle that cuts the connection from another thread.
    pub fn canceller(&self) -> Canceller {
        self.inner().canceller.clone()
    }

    /// From now on only silence fails, once it lasts longer than `patience`.
    pub fn set_patience(&self, patience: Duration) {
        let mut inner = self.inner();
        inner.patience = patience;
        *lock(&inner.clock) = Clock { patience, deadline: None };
    }

    /// Waits for the tagged result of something that takes at least `longer`, and hands untagged data to `each`.
    pub fn slow_result(
        &self,
        tag: &str,
        longer: Duration,
        each: &mut dyn FnMut(&[answer::Value<'_>]),
    ) -> Result<Answer, ImapError> {
        let mut inner = self.inner();
        let usual = Clock { patience: inner.patience, deadline: None };
        *lock(&inner.clock) = Clock { patience: usual.patience.max(longer), deadline: None };
        let result = inner.until_result(tag, each);
        *lock(&inner.clock) = usual;
        result
    }

    /// Whether the tagged result of a command has come, so that reading it will not wait.
    pub fn has_come(&self, tag: &str) -> bool {
        let mut inner = self.inner();
        if inner.early.iter().any(|early| early.tag() == Some(tag)) {
            return true;
        }
        inner.take_in();
        let ready = inner.ready();
        let sign = format!("{tag} ");
        ready.starts_with(sign.as_bytes()) || memchr::memmem::find(ready, format!("\n{sign}").as_bytes()).is_some()
    }

    /// Whether bytes came that nobody asked for yet; after STARTTLS's OK that is an attack.
    pub fn has_unread(&self) -> bool {
        !self.inner().ready().is_empty()
    }

    /// Untagged NO and all ALERT texts since last asked: a user is to see them (RFC 9051 section 7.1). Foreign text.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.inner().warnings)
    }

    /// The capabilities that the server told since last asked, upper case; many servers tell them in their greeting and
    /// with the login.
    pub fn take_capabilities(&self) -> Option<Vec<String>> {
        self.inner().capabilities.take()
    }

    /// Where the server says the mailbox is, if not here. Foreign text.
    pub fn referral(&self) -> Option<String> {
        self.inner().referral.clone()
    }

    /// Makes every later read and write fail.
    pub fn fail(&self, error: ImapError) {
        let mut inner = self.inner();
        inner.canceller.cancel();
        inner.fault = Some(error);
    }

    /// Sends bytes as they are.
    pub fn send(&self, bytes: &[u8]) -> Result<(), ImapError> {
        self.inner().send(bytes)
    }

    /// Reads the greeting or another answer outside any command.
    pub fn answer(&self) -> Result<Answer, ImapError> {
        self.inner().answer()
    }

    /// A tag not used before.
    pub fn tag(&self) -> String {
        let mut inner = self.inner();
        inner.next_tag += 1;
        format!("M{}", inner.next_tag)
    }

    /// Sends one command and hands its untagged data to `each`; gives the tagged result.
    ///
    /// Literals up to `literal_limit` bytes are accepted.
    pub fn command(
        &self,
        text: &str,
        literal_limit: usize,
        mut each: impl FnMut(&[answer::Value<'_>]),
    ) -> Result<Answer, ImapError> {
        let tag = self.give(text)?;
        self.result(&tag, literal_limit, &mut each)
    }

    /// Sends one command and gives its tag, for [`Self::result`] later.
    pub fn give(&self, text: &str) -> Result<String, ImapError> {
        let tag = self.tag();
        self.inner().send(format!("{tag} {text}\r\n").as_bytes())?;
        Ok(tag)
    }

    /// The same for a command that has no data of its own and on which nothing depends: its result may come before that of
    /// others.
    pub fn give_aside(&self, text: &str) -> Result<String, ImapError> {
        let tag = self.give(text)?;
        self.inner().aside.push(tag.clone());
        Ok(tag)
    }

    /// Waits for the tagged result of a command that was given, and hands its untagged data to `each`.
    pub fn result(
        &self,
        tag: &str,
        literal_limit: usize,
        mut each: impl FnMut(&[answer::Value<'_>]),
    ) -> Result<Answer, ImapError> {
        let mut inner = self.inner();
        inner.literal_limit = literal_limit;
        let result = inner.until_result(tag, &mut each);
        inner.literal_limit = 0;
        result
    }

    /// The same as far as it has come: `None` once something was handed to `each` and the next answer is not there yet.
    pub fn result_so_far(
        &self,
        tag: &str,
        mut each: impl FnMut(&[answer::Value<'_>]),
    ) -> Result<Option<Answer>, ImapError> {
        self.inner().read_on(tag, Waiting::ForTheFirst, &mut each)
    }

    /// Waits for a go-ahead (`+`, gives `None`) or the tagged result.
    pub fn continuation(&self, tag: &str) -> Result<Option<Answer>, ImapError> {
        let mut inner = self.inner();
        loop {
            let answer = inner.answer()?;
            let result = match answer.kind(tag) {
                answer::Kind::Continue => None,
                answer::Kind::Result(_) => Some(answer),
                answer::Kind::WrongTag => return Err(wrong_tag()),
                answer::Kind::Untagged => continue,
            };
            inner.told = Told::default();
            return Ok(result);
        }
    }
}

fn wrong_tag() -> ImapError {
    ImapError::Nonsense { reason: "an answer to a command that was not given".into() }
}

fn endless() -> ImapError {
    ImapError::Nonsense { reason: "more answers than any command has".into() }
}

impl Inner {
    fn until_result(&mut self, tag: &str, each: &mut dyn FnMut(&[answer::Value<'_>])) -> Result<Answer, ImapError> {
        loop {
            if let Some(result) = self.read_on(tag, Waiting::ForAll, each)? {
                return Ok(result);
            }
        }
    }

    /// Hands what is told before a command's result to `each`; `None` where that is not there yet and not waited for.
    fn read_on(
        &mut self,
        tag: &str,
        waiting: Waiting,
        each: &mut dyn FnMut(&[answer::Value<'_>]),
    ) -> Result<Option<Answer>, ImapError> {
        if let Some(at) = self.early.iter().position(|early| early.tag() == Some(tag)) {
            return Ok(Some(self.early.swap_remove(at)));
        }
        self.aside.retain(|aside| aside != tag);
        let mut is_first = true;
        while is_first || waiting == Waiting::ForAll || self.ready().contains(&b'\n') {
            is_first = false;
            let answer = self.answer()?;
            match answer.kind(tag) {
                answer::Kind::Result(_) => {
                    self.told = Told::default();
                    return Ok(Some(answer));
                }
                answer::Kind::Untagged => each(&answer.values()),
                answer::Kind::WrongTag if self.is_of_aside(&answer) => self.early.push(answer),
                answer::Kind::WrongTag => return Err(wrong_tag()),
                answer::Kind::Continue => {
                    return Err(ImapError::Nonsense { reason: "a go-ahead that was not asked for".into() });
                }
            }
        }
        Ok(None)
    }

    /// Whether it is the result of a command that was given aside, once.
    fn is_of_aside(&mut self, answer: &Answer) -> bool {
        let at = self.aside.iter().position(|aside| answer.tag() == Some(aside));
        at.map(|at| self.aside.swap_remove(at)).is_some()
    }

    fn answer(&mut self) -> Result<Answer, ImapError> {
        let answer = self.next_answer();
        if let Some(tracer) = &mut self.tracer {
            match &answer {
                Ok(answer) => tracer.received(answer),
                Err(error) => tracer.failed(error),
            }
        }
        answer
    }

    /// One whole answer: a line with the literals in it.
    fn next_answer(&mut self) -> Result<Answer, ImapError> {
        let mut bytes = Vec::new();
        let mut lines = 0;
        loop {
            let start = bytes.len();
            self.read_line(&mut bytes)?;
            lines += bytes.len() - start;
            if lines > MAX_LINES {
                return Err(ImapError::Nonsense { reason: "an answer of many lines without an end".into() });
            }
            let Some(length) = answer::literal_length(bytes.get(start..).unwrap_or_default())? else { break };
            if length > self.literal_limit {
                let reason = format!("a literal of {length} bytes where at most {} were expected", self.literal_limit);
                return Err(ImapError::Nonsense { reason });
            }
            self.read_exact_into(length, &mut bytes)?;
        }
        self.told.answers += 1;
        self.told.bytes += lines;
        if self.told.answers > MAX_ANSWERS || self.told.bytes > MAX_TEXT {
            return Err(endless());
        }
        let answer = Answer::new(bytes);
        self.remember(&answer);
        Ok(answer)
    }

    /// Keeps the server's own words for error messages, and the capabilities it tells.
    fn remember(&mut self, answer: &Answer) {
        if let Some(told) = answer.capabilities() {
            self.capabilities = Some(told);
        }
        if let Some((Status::Ok, code, _)) = answer.status_parts()
            && let Some(url) = code.strip_prefix("REFERRAL ")
        {
            self.referral = Some(url.to_owned());
        }
        match answer.untagged_status() {
            Some((Status::Bye, code, text)) => self.bye = Some(ImapError::bye(&code, text)),
            // Not BAD: who takes a message's lines for commands quotes them there.
            Some((Status::No, _, text)) => self.warn(text),
            _ => match answer.status_parts() {
                Some((Status::Ok, code, text)) if code.starts_with("ALERT") => self.warn(text),
                _ => {}
            },
        }
    }

    fn warn(&mut self, text: String) {
        if self.warnings.len() < 100 {
            self.warnings.push(text);
        }
    }
}
