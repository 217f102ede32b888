//! What is said with servers, written to a file as it goes (`--trace`): for an admin to read, and to send to somebody.
//!
//! No password and nothing of a message's content gets into it: [`sent`] says what of our commands may be seen, [`shown`]
//! what of a server's answers. A [`Tracer`] is told both by [`super::wire`], where they are in the clear. Nothing is held
//! back: each answer, and each lot that is sent, is one write.

mod sent;
mod shown;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use secrecy::{ExposeSecret as _, SecretString};

use crate::mail::InternalDate;

use super::account::Account;
use super::answer::Answer;
use super::error::ImapError;
use super::socket::lock;
use sent::Sent;

/// A file that takes what is said on all connections of a process. Clones write to the same file.
///
/// A line is `SECONDS.MILLISECONDS CONNECTION SIGN TEXT`: the time since the file was opened, and as the sign `>` for what was
/// sent, `<` for what was received and `*` for what happened.
#[derive(Clone, Debug)]
pub struct Trace(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    began: Instant,
    /// The number of the last connection.
    connections: AtomicU32,
    out: Mutex<Out>,
}

#[derive(Debug)]
enum Out {
    Open(File),
    /// It could not be written any more; why, until that is asked for.
    Ended(Option<String>),
}

/// A trace that can not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the trace {}: {source}", path.display())]
pub struct TraceError {
    path: PathBuf,
    source: io::Error,
}

impl TraceError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "name a file of your own, or a new one in a directory where you can write and there is room"
    }
}

/// The same file, whatever is in it.
impl PartialEq for Trace {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Trace {}

impl Trace {
    /// Opens a file of the user's own to write at its end, or makes one that nobody else can read.
    ///
    /// Links, and what is no file or somebody else's, are refused: in a directory that others can write to, they choose what
    /// a name stands for.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let began = format!("mailferry {}, {}", env!("CARGO_PKG_VERSION"), InternalDate::here().to_rfc3339());
        let opened = own_file(path).and_then(|mut file| {
            file.write_all(format!("0.000 0 * {began}\n").as_bytes())?;
            Ok(file)
        });
        match opened {
            Ok(file) => Ok(Self::of(path, Out::Open(file))),
            Err(source) => Err(TraceError { path: path.to_owned(), source }),
        }
    }

    /// The same for a process that goes on with the work of another: that the file can not be opened is told as an end.
    pub fn go_on(path: &Path) -> Self {
        Self::open(path).unwrap_or_else(|error| Self::of(path, Out::Ended(Some(error.to_string()))))
    }

    fn of(path: &Path, out: Out) -> Self {
        let (began, connections) = (Instant::now(), AtomicU32::new(0));
        Self(Arc::new(Shared { path: path.to_owned(), began, connections, out: Mutex::new(out) }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// That nothing is written any more, and why, for people: once, if so.
    pub fn take_end(&self) -> Option<String> {
        match &mut *lock(&self.0.out) {
            Out::Open(_) => None,
            Out::Ended(why) => why.take().map(|why| format!("{why}; nothing more is traced, and the work goes on")),
        }
    }

    /// The next connection, which is to be made to this account.
    pub(super) fn connection(&self, account: &Account) -> Tracer {
        let number = self.0.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let (trace, secrets) = (self.clone(), secrets(account));
        let tracer = Tracer { trace, number, secrets, sent: Sent::default(), is_astray: false };
        tracer.note(&format!("{} port {}, {}", account.host, account.port, account.security.label()));
        tracer
    }

    /// Writes whole lines; the first failure ends the trace, and nothing else.
    fn write(&self, lines: &str) {
        let mut out = lock(&self.0.out);
        if let Out::Open(file) = &mut *out
            && let Err(source) = file.write_all(lines.as_bytes())
        {
            *out = Out::Ended(Some(TraceError { path: self.0.path.clone(), source }.to_string()));
        }
    }
}

fn own_file(path: &Path) -> io::Result<File> {
    // Not blocking: a pipe that nobody reads would be waited for.
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = rustix::fs::open(path, flags | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR);
    let file = File::from(opened.map_err(|error| match error {
        Errno::LOOP => io::Error::other("it is a link"),
        other => other.into(),
    })?);
    let metadata = file.metadata()?;
    let refusals = [
        (!metadata.is_file(), "it is no file"),
        (metadata.uid() != rustix::process::geteuid().as_raw(), "it belongs to another user"),
        (metadata.nlink() > 1, "it has another name too (a hard link)"),
    ];
    match refusals.iter().find(|(is_so, _)| *is_so) {
        Some((_, why)) => Err(io::Error::other(*why)),
        None => Ok(file),
    }
}

/// What must not be seen of a login, in the forms in which a server may quote it.
fn secrets(account: &Account) -> Vec<SecretString> {
    let password = account.password.expose_secret();
    let escaped = password.replace('\\', "\\\\").replace('"', "\\\"");
    let authorization = account.options.authorization.as_deref().unwrap_or_default();
    let plain = STANDARD.encode(format!("{authorization}\0{}\0{password}", account.user));
    let forms = [plain, escaped, password.to_owned()];
    forms.into_iter().filter(|form| !form.is_empty()).map(SecretString::from).collect()
}

/// What is traced of one connection.
#[derive(Clone)]
pub struct Tracer {
    trace: Trace,
    number: u32,
    secrets: Vec<SecretString>,
    sent: Sent,
    /// An answer made no sense: what comes until the next result may be the rest of a message.
    is_astray: bool,
}

impl Tracer {
    /// Something happened.
    fn note(&self, text: &str) {
        self.trace.write(&self.line('*', text));
    }

    /// These bytes were sent.
    pub fn sent(&mut self, bytes: &[u8]) {
        let lines: String = self.sent.take(bytes).iter().map(|text| self.line('>', text)).collect();
        if !lines.is_empty() {
            self.trace.write(&lines);
        }
    }

    /// The server said this.
    pub fn received(&mut self, answer: &Answer) {
        let tag = answer.tag().filter(|tag| is_own(tag));
        self.is_astray &= tag.is_none();
        let shown = shown::answer(answer, self.sent.is_login()).filter(|_| !self.is_astray);
        self.is_astray |= shown.is_none();
        let text = shown.unwrap_or_else(|| unseen(answer.bytes().len()));
        self.trace.write(&self.line('<', &text));
        if let Some(tag) = tag {
            self.sent.answered(tag);
        }
    }

    /// The connection failed.
    pub fn failed(&self, error: &ImapError) {
        let rest = self.sent.unfinished().map(|text| self.line('>', &text)).unwrap_or_default();
        self.trace.write(&(rest + &self.line('*', &error.to_string())));
    }

    fn line(&self, sign: char, text: &str) -> String {
        let (time, number) = (self.trace.0.began.elapsed(), self.number);
        let shown = shown::fit(&self.without_secrets(text));
        format!("{}.{:03} {number} {sign} {shown}\n", time.as_secs(), time.subsec_millis())
    }

    fn without_secrets<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for secret in self.secrets.iter().map(SecretString::expose_secret) {
            if text.contains(secret) {
                text = text.replace(secret, "…").into();
            }
        }
        text
    }
}

/// Whether a tag is one of ours: `M` and a number, or `a` and a number as the `imap` crate has it.
fn is_own(tag: &str) -> bool {
    let number = tag.strip_prefix(['M', 'a']).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Stands for what must not be seen, or may not be.
fn unseen(length: usize) -> String {
    format!("… [{length} bytes]")
}
