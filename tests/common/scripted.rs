//! A fake IMAP server that plays a script, for what no real server does on demand: hostile, broken or odd answers.
//!
//! ```ignore
//! let server = Scripted::start(|conn| {
//!     conn.greet("IMAP4rev1 LITERAL+")?;
//!     let append = conn.serve_until("APPEND")?; // answers all before it as an empty mailbox would
//!     conn.reply_raw(b"+ go on\r\n")?;
//!     conn.read_literal(append.literal().unwrap().0)?;
//!     conn.reply(&append, "NO [OVERQUOTA] full")?;
//!     conn.serve()
//! });
//! ```
//!
//! The script runs once for each connection, each in a thread; `conn.number` tells them apart. An error (the peer went,
//! a command was not the expected one, the test is over) just ends the connection. Nothing lasts longer than [`LIMIT`].

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// The longest any connection lasts.
pub const LIMIT: Duration = Duration::from_mins(1);

/// How often a waiting read looks whether the test is over.
const TICK: Duration = Duration::from_millis(20);

/// The most that is taken off the line before it is asked for.
const MOST_AHEAD: usize = 8 << 20;

/// Command lines, and when they came.
type Heard = Vec<(Instant, String)>;

/// A running fake server. Ends when dropped.
pub struct Scripted {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    over: Arc<AtomicBool>,
    heard: Arc<Mutex<Heard>>,
    connections: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Scripted {
    /// Starts it; `script` is run for each connection.
    pub fn start<F>(script: F) -> Self
    where
        F: Fn(&mut Conn) -> io::Result<()> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let over = Arc::new(AtomicBool::new(false));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let thread = thread::spawn({
            let (over, heard, connections) = (Arc::clone(&over), Arc::clone(&heard), Arc::clone(&connections));
            move || {
                thread::scope(|scope| {
                    for (number, stream) in listener.incoming().enumerate() {
                        if over.load(Ordering::SeqCst) {
                            break;
                        }
                        let Ok(stream) = stream else { continue };
                        connections.fetch_add(1, Ordering::SeqCst);
                        let mut conn = Conn::new(number, stream, Arc::clone(&over), Arc::clone(&heard));
                        let script = &script;
                        scope.spawn(move || script(&mut conn));
                    }
                });
            }
        });
        Self { port, over, heard, connections, thread: Some(thread) }
    }

    /// The URL of a mailbox on it, without encryption.
    pub fn url(&self, user: &str) -> String {
        format!("imap+plaintext://{user}@127.0.0.1:{}/", self.port)
    }

    /// Every command line heard so far, over all connections, without line ends. Passwords are in it.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().iter().map(|(_, line)| line.clone()).collect()
    }

    /// When each command of this name was heard, over all connections.
    pub fn moments(&self, command: &str) -> Vec<Instant> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|(_, line)| names(line, command)).map(|(moment, _)| *moment).collect()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many of the commands heard have this name.
    pub fn count(&self, command: &str) -> usize {
        self.heard().iter().filter(|line| names(line, command)).count()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        _ = TcpStream::connect(("127.0.0.1", self.port)); // wakes the listener
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

/// A command as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its tag.
    pub tag: String,
    /// All after the tag, without the line end; up to its first literal, if it has one.
    pub text: String,
}

impl Request {
    /// The literal announced at the end of the line: its length, and whether it waits for a `+`.
    pub fn literal(&self) -> Option<(u64, bool)> {
        let inner = self.text.strip_suffix('}')?.rsplit_once('{')?.1;
        match inner.strip_suffix('+') {
            Some(length) => Some((length.parse().ok()?, false)),
            None => Some((inner.parse().ok()?, true)),
        }
    }

    /// Whether it is this command, in any case, `UID x` included.
    pub fn is(&self, command: &str) -> bool {
        starts_with(&self.text, command)
    }
}

/// One connection, in the hand of the script.
pub struct Conn {
    /// Which connection this is, from 0.
    pub number: usize,
    stream: TcpStream,
    buffer: Vec<u8>,
    capabilities: String,
    uid_next: u32,
    deadline: Instant,
    over: Arc<AtomicBool>,
    heard: Arc<Mutex<Heard>>,
}

impl Conn {
    fn new(number: usize, stream: TcpStream, over: Arc<AtomicBool>, heard: Arc<Mutex<Heard>>) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(TICK)).unwrap();
        stream.set_write_timeout(Some(TICK)).unwrap();
        let deadline = Instant::now() + LIMIT;
        Self {
            number,
            stream,
            buffer: Vec::new(),
            capabilities: "IMAP4rev1".into(),
            uid_next: 1,
            deadline,
            over,
            heard,
        }
    }

    /// Says hello with these capabilities, which are also the answer to CAPABILITY.
    pub fn greet(&mut self, capabilities: &str) -> io::Result<()> {
        capabilities.clone_into(&mut self.capabilities);
        self.reply_raw(format!("* OK [CAPABILITY {capabilities}] ready\r\n").as_bytes())
    }

    /// The next command. A literal in it is not read.
    pub fn next(&mut self) -> io::Result<Request> {
        let line = self.read_line()?;
        self.heard.lock().unwrap().push((Instant::now(), line.clone()));
        let (tag, text) = line.split_once(' ').unwrap_or((&line, ""));
        Ok(Request { tag: tag.into(), text: text.into() })
    }

    /// The next command, which must be this one.
    pub fn expect(&mut self, command: &str) -> io::Result<Request> {
        let request = self.next()?;
        if request.is(command) {
            return Ok(request);
        }
        Err(io::Error::other(format!("expected {command}, got {}", request.text)))
    }

    /// Answers commands as an empty mailbox with one INBOX would, until this command comes; that one is not answered.
    pub fn serve_until(&mut self, command: &str) -> io::Result<Request> {
        loop {
            let request = self.next()?;
            if request.is(command) {
                return Ok(request);
            }
            self.answer(&request)?;
        }
    }

    /// Answers commands as an empty mailbox would, until the peer goes.
    pub fn serve(&mut self) -> io::Result<()> {
        self.serve_until("no such command").map(drop)
    }

    /// Answers one command as an empty mailbox with one INBOX would. An APPEND is taken and forgotten.
    pub fn answer(&mut self, request: &Request) -> io::Result<()> {
        let word = request.text.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let untagged = match word.as_str() {
            "CAPABILITY" => format!("* CAPABILITY {}\r\n", self.capabilities),
            "NAMESPACE" => "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n".into(),
            "LIST" | "LSUB" => format!("* {word} (\\HasNoChildren) \"/\" INBOX\r\n"),
            "STATUS" => {
                let name = request.text["STATUS ".len()..].rsplit_once(" (").map_or("INBOX", |(name, _)| name);
                format!("* STATUS {name} (MESSAGES 0 UNSEEN 0 RECENT 0 UIDNEXT {} UIDVALIDITY 7)\r\n", self.uid_next)
            }
            "SELECT" | "EXAMINE" => format!(
                "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* OK [PERMANENTFLAGS (\\Answered \\Flagged \
                 \\Deleted \\Seen \\Draft \\*)] .\r\n* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] .\r\n* OK \
                 [UIDNEXT {}] .\r\n",
                self.uid_next
            ),
            "SEARCH" => "* SEARCH\r\n".into(),
            "UID" if request.is("UID SEARCH") => "* SEARCH\r\n".into(),
            "ID" => "* ID NIL\r\n".into(),
            "ENABLE" => "* ENABLED\r\n".into(),
            "LOGOUT" => "* BYE good night\r\n".into(),
            _ => String::new(),
        };
        self.reply_raw(untagged.as_bytes())?;
        match word.as_str() {
            "AUTHENTICATE" if request.text.split(' ').count() == 2 => {
                self.reply_raw(b"+ \r\n")?;
                self.read_line()?;
                self.reply(request, "OK logged in")
            }
            "APPEND" => self.take_append(request),
            "LOGOUT" => {
                self.reply(request, "OK done")?;
                self.close()
            }
            _ => {
                self.skip_literals(request)?;
                self.reply(request, "OK done")
            }
        }
    }

    /// Reads all messages of an APPEND and says OK with APPENDUID.
    pub fn take_append(&mut self, request: &Request) -> io::Result<()> {
        let messages = self.skip_literals(request)?;
        let first = self.uid_next;
        self.uid_next += messages;
        let uids = if messages > 1 { format!("{first}:{}", self.uid_next - 1) } else { first.to_string() };
        self.reply(request, &format!("OK [APPENDUID 7 {uids}] stored"))
    }

    /// Reads a command to its end, asking for each literal that waits. Gives how many literals it had.
    pub fn skip_literals(&mut self, request: &Request) -> io::Result<u32> {
        let mut rest = request.clone();
        let mut count = 0;
        while let Some((length, waits)) = rest.literal() {
            if waits {
                self.reply_raw(b"+ go on\r\n")?;
            }
            self.read_literal(length)?;
            rest.text = self.read_line()?;
            count += 1;
        }
        Ok(count)
    }

    /// How often these bytes are in what has come and was not read yet.
    pub fn waiting(&mut self, text: &str) -> io::Result<usize> {
        self.take_all()?;
        Ok(self.buffer.windows(text.len()).filter(|window| *window == text.as_bytes()).count())
    }

    /// Takes all that has come off the line, and waits for nothing.
    fn take_all(&mut self) -> io::Result<()> {
        let mut chunk = [0; 16384];
        self.stream.set_nonblocking(true)?;
        // The end of the stream and of the line are for the next read to tell.
        while self.buffer.len() < MOST_AHEAD
            && let Ok(count @ 1..) = self.stream.read(&mut chunk)
        {
            self.buffer.extend_from_slice(&chunk[..count]);
        }
        self.stream.set_nonblocking(false)
    }

    /// Reads a literal's bytes, without asking for them.
    pub fn read_literal(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        while self.buffer.len() < length {
            self.fill()?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    /// Reads a line, and gives it without its end.
    pub fn read_line(&mut self) -> io::Result<String> {
        let mut searched = 0;
        loop {
            if let Some(found) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=searched + found).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            searched = self.buffer.len();
            self.fill()?;
        }
    }

    /// Sends the tagged answer to a command; `text` such as `NO [OVERQUOTA] full`.
    pub fn reply(&mut self, request: &Request, text: &str) -> io::Result<()> {
        self.reply_raw(format!("{} {text}\r\n", request.tag).as_bytes())
    }

    /// Sends bytes as they are.
    pub fn reply_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.check_time()?;
            match self.stream.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if is_tick(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends these bytes over and over, until the peer goes, the test is over or the time is up. Gives how many went.
    pub fn endless(&mut self, bytes: &[u8]) -> u64 {
        let chunk = bytes.repeat(65536_usize.div_ceil(bytes.len()));
        let mut sent = 0;
        while self.reply_raw(&chunk).is_ok() {
            sent += chunk.len() as u64;
        }
        sent
    }

    /// Says nothing more, and ends when the peer goes or the test is over.
    pub fn stall(&mut self) -> io::Result<()> {
        loop {
            self.fill()?;
            self.buffer.clear();
        }
    }

    /// Closes in good order.
    pub fn close(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Both)
    }

    /// Cuts with an RST, once the connection is dropped. Use as the last thing in a script.
    pub fn reset(&mut self) -> io::Result<()> {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    }

    /// Reads what there is. Fails at the end of the stream, of the test or of the time.
    fn fill(&mut self) -> io::Result<()> {
        let mut chunk = [0; 16384];
        loop {
            self.check_time()?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.buffer.extend_from_slice(&chunk[..count]);
                    return Ok(());
                }
                Err(error) if is_tick(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn check_time(&self) -> io::Result<()> {
        if self.over.load(Ordering::SeqCst) || Instant::now() > self.deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

/// Whether a read or write just came to the end of its [`TICK`].
fn is_tick(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// Whether a command line with its tag is this command.
fn names(line: &str, command: &str) -> bool {
    line.split_once(' ').is_some_and(|(_, text)| starts_with(text, command))
}

/// Whether a command text begins with this command, as a whole word, in any case.
fn starts_with(text: &str, command: &str) -> bool {
    text.get(..command.len()).is_some_and(|start| start.eq_ignore_ascii_case(command))
        && !text[command.len()..].starts_with(|next: char| next.is_ascii_alphanumeric())
}
