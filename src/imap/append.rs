//! APPEND by our own code: the crate's takes stored messages for failed ones and lets folder names inject commands.
//!
//! The outcome is yes, no, or unknown; unknown is settled by looking at the server, never by sending again. One message
//! goes with a synchronising literal. Many go without waiting, in one command (MULTIAPPEND) or one after the other, once
//! their shape is proven: some servers run the rest of a refused message as commands (facts/servers.md 0.1).

use std::io;
use std::time::Duration;

use crate::mail::{Flags, InternalDate};

use super::answer::{Answer, Value};
use super::error::ImapError;
use super::names::quoted;
use super::wire::Wire;

/// A message to append.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Its canonical bytes.
    pub bytes: &'a [u8],
    /// System flags.
    pub flags: Flags,
    /// Keywords, already reduced to those the folder takes.
    pub keywords: &'a [String],
    /// When it arrived; without one the server uses now.
    pub internal_date: Option<InternalDate>,
}

/// Where an appended message went, as the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// UIDVALIDITY and UID from APPENDUID, where the server has UIDPLUS.
    pub uid: Option<(u32, u32)>,
}

/// Whether the message of a failed APPEND is on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Certainly not: it was refused, or not all of it was sent.
    No,
    /// It was sent whole, and no answer came: look before sending again.
    Unknown,
    /// It was sent with others, one of which was refused: look, then send what is missing one by one.
    Perhaps,
}

/// A failed APPEND.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct AppendError {
    /// What went wrong.
    pub error: ImapError,
    /// Whether the message is there all the same.
    pub stored: Stored,
}

/// Bytes between two reports of progress.
const CHUNK: usize = 256 * 1024;
/// What goes into one packet with its neighbours; larger ones are worth no copying.
const SMALL: usize = 32 * 1024;
/// Room for most of what is said of a message before it.
const ANNOUNCEMENT: usize = 80;
/// How long storing may take: virus scanners and replication are slow (facts/reliability.md row 29).
const STORING: Duration = Duration::from_mins(5);
const STORING_PER_MEGABYTE: Duration = Duration::from_secs(1);

/// Appends one message with a synchronising literal and reports the bytes sent so far to `sent`.
///
/// `mailbox` is the name on the wire. Nothing may be selected: Courier refuses APPEND to a folder opened by EXAMINE.
pub fn append(
    wire: &Wire,
    mailbox: &str,
    message: Outgoing<'_>,
    sent: &mut dyn FnMut(u64),
) -> Result<Appended, AppendError> {
    append_pieces(wire, mailbox, message, message.bytes.len() as u64, message.bytes.chunks(CHUNK).map(Ok), sent)
}

/// The same for a message of `size` bytes that come in `pieces`; those of `message` do not count. Where they break off, or
/// are not as many, the connection is cut, for then the server keeps nothing.
pub fn append_pieces<P: AsRef<[u8]>>(
    wire: &Wire,
    mailbox: &str,
    message: Outgoing<'_>,
    size: u64,
    pieces: impl Iterator<Item = io::Result<P>>,
    sent: &mut dyn FnMut(u64),
) -> Result<Appended, AppendError> {
    let not_stored = |error| AppendError { error, stored: Stored::No };
    let unreadable = |reason: String| {
        wire.fail(ImapError::Cancelled);
        not_stored(ImapError::Unreadable { reason })
    };
    let tag = wire.tag();
    let command = command(&tag, mailbox, message, size).map_err(not_stored)?;
    wire.send(command.as_bytes()).map_err(not_stored)?;
    if let Some(result) = wire.continuation(&tag).map_err(not_stored)? {
        result.accept(|| "the server refused the message".into()).map_err(not_stored)?;
        let reason = "it took a message before it was sent".into();
        return Err(not_stored(ImapError::Nonsense { reason }));
    }
    let mut total = 0;
    for piece in pieces {
        let piece = piece.map_err(|error| unreadable(error.to_string()))?;
        total += piece.as_ref().len() as u64;
        if total > size {
            break;
        }
        wire.send(piece.as_ref()).map_err(not_stored)?;
        sent(total);
    }
    if total != size {
        return Err(unreadable(format!("it should have {size} bytes and has others")));
    }
    // Apart from the message: Exchange 5.5 hangs when both come in one read over TLS (Q239082).
    let unknown = |error| AppendError { error, stored: Stored::Unknown };
    wire.send(b"\r\n").map_err(unknown)?;
    let megabytes = u32::try_from(size >> 20).unwrap_or(u32::MAX);
    let storing = STORING + STORING_PER_MEGABYTE.saturating_mul(megabytes);
    let result = wire.slow_result(&tag, storing, &mut |_| ()).map_err(unknown)?;
    let result = result.accept(|| "the server refused the message".into()).map_err(not_stored)?;
    Ok(Appended { uid: result.append_uid() })
}

/// `tag APPEND "mailbox" (flags) "date" {length}`
fn command(tag: &str, mailbox: &str, message: Outgoing<'_>, size: u64) -> Result<String, ImapError> {
    Ok(format!("{tag} APPEND {}{}{{{size}}}\r\n", quoted(mailbox)?, announcement(message)))
}

/// ` (flags) "date" `
fn announcement(message: Outgoing<'_>) -> String {
    let mut text = String::with_capacity(ANNOUNCEMENT);
    text.push_str(" (");
    for (flag, place) in names(&message).zip(0..) {
        text.push_str(if place > 0 { " " } else { "" });
        text.push_str(flag);
    }
    text.push_str(") ");
    if let Some(date) = message.internal_date {
        text.extend(["\"", &date.to_imap(), "\" "]);
    }
    text
}

/// All flags and keywords.
fn names<'a>(message: &Outgoing<'a>) -> impl Iterator<Item = &'a str> {
    let names = message.flags.names().map(|name| -> &str { name });
    names.chain(message.keywords.iter().map(String::as_str))
}

/// What of a message a server may refuse whatever the message is: each flag, and that it is dated or not.
pub(super) fn traits<'a>(message: &Outgoing<'a>) -> impl Iterator<Item = &'a str> {
    // No flag's name has a space in it.
    let dated = if message.internal_date.is_some() { "with date" } else { "without date" };
    names(message).chain([dated])
}

/// How several messages go without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Together {
    /// In one command (RFC 3502).
    OneCommand,
    /// In commands of their own.
    OneByOne,
}

/// Messages on their way in one command, whose answer is still to come.
#[derive(Debug)]
pub struct Launched {
    sent: Sent,
    /// Why the sending broke off, if it did.
    failure: Option<Broken>,
    /// What the server let pass for the first time, and has not said yes to.
    pub(super) trial: Trial,
}

/// Traits of messages in a folder, by its name on the wire, that count as taken as long as nothing is refused.
#[derive(Debug, Default)]
pub(super) struct Trial {
    pub(super) folder: String,
    pub(super) traits: Vec<String>,
}

/// Why the sending of messages broke off.
#[derive(Debug)]
enum Broken {
    /// The line is lost.
    Lost(ImapError),
    /// The server refused one of the messages that were begun, before the last of them was sent, and with it the command.
    Refused(ImapError),
}

impl From<ImapError> for Broken {
    fn from(error: ImapError) -> Self {
        Self::Lost(error)
    }
}

impl Launched {
    /// Messages that did not get on their way.
    pub fn broken(error: ImapError) -> Self {
        Self { sent: Sent::default(), failure: Some(error.into()), trial: Trial::default() }
    }

    /// The tag of the command, if its answer is still to come.
    pub(super) fn tag(&self) -> Option<&str> {
        self.sent.tags.first().map(String::as_str).filter(|_| self.is_under_way())
    }

    /// Whether the server let it all be sent.
    pub(super) fn is_under_way(&self) -> bool {
        self.failure.is_none()
    }
}

/// Sends messages in one command (RFC 3502, RFC 7888) and does not wait for its answer; those that are to wait, for a
/// go-ahead of their own.
pub(super) fn launch(wire: &Wire, mailbox: &str, messages: &[Outgoing<'_>], waits: &[bool]) -> Launched {
    let mut sent = Sent::default();
    let failure = sent.send(wire, mailbox, messages, waits, Together::OneCommand, &mut |_, _| true).err();
    Launched { sent, failure, trial: Trial::default() }
}

/// Waits for the answer to what was launched: one result a message that was begun. Other answers that come go to `each`.
pub(super) fn land(
    wire: &Wire,
    launched: Launched,
    each: &mut dyn FnMut(&[Value<'_>]),
) -> Vec<Result<Appended, AppendError>> {
    launched.sent.results(wire, launched.failure, each)
}

/// Appends messages of proven shapes without waiting for a go-ahead (RFC 7888). `go_on` is asked before each and told
/// its place and the bytes of it that were sent.
///
/// Gives as many results as messages were begun. Where the server refuses a common command, or says BAD, nothing is known
/// of the others but that they were sent.
pub(super) fn append_together(
    wire: &Wire,
    mailbox: &str,
    messages: &[Outgoing<'_>],
    how: Together,
    go_on: &mut dyn FnMut(usize, u64) -> bool,
) -> Vec<Result<Appended, AppendError>> {
    let mut sent = Sent::default();
    let failure = sent.send(wire, mailbox, messages, &[], how, go_on).err();
    let mut results = sent.results(wire, failure, &mut |_| ());
    results.truncate(sent.begun);
    results
}

/// What has been sent of a lot of messages.
#[derive(Debug, Default)]
struct Sent {
    /// The tags of the commands, in order.
    tags: Vec<String>,
    /// Messages begun.
    begun: usize,
    bytes: usize,
}

impl Sent {
    /// Sends messages; those that are to wait, once the server asks for them.
    fn send(
        &mut self,
        wire: &Wire,
        mailbox: &str,
        messages: &[Outgoing<'_>],
        waits: &[bool],
        how: Together,
        go_on: &mut dyn FnMut(usize, u64) -> bool,
    ) -> Result<(), Broken> {
        let mailbox = quoted(mailbox)?;
        let mut line = Vec::with_capacity(CHUNK);
        for (place, message) in messages.iter().enumerate() {
            if !go_on(place, 0) {
                break;
            }
            if place == 0 || how == Together::OneByOne {
                let tag = wire.tag();
                line.extend_from_slice(format!("{tag} APPEND {mailbox}").as_bytes());
                self.tags.push(tag);
            }
            let waits = waits.get(place).is_some_and(|waits| *waits);
            let plus = if waits { "" } else { "+" };
            line.extend_from_slice(announcement(*message).as_bytes());
            line.extend_from_slice(format!("{{{}{plus}}}\r\n", message.bytes.len()).as_bytes());
            self.begun += 1;
            self.bytes += message.bytes.len();
            if waits {
                wire.send(&line)?;
                line.clear();
                self.go_ahead(wire)?;
            }
            // One write for what is small: fewer packets.
            if message.bytes.len() < SMALL {
                line.extend_from_slice(message.bytes);
            } else {
                wire.send(&line)?;
                line.clear();
                for chunk in message.bytes.chunks(CHUNK) {
                    wire.send(chunk)?;
                }
            }
            if how == Together::OneByOne {
                line.extend_from_slice(b"\r\n");
            }
            if line.len() >= CHUNK {
                wire.send(&line)?;
                line.clear();
            }
            go_on(place, message.bytes.len() as u64);
        }
        if how == Together::OneCommand && self.begun > 0 {
            line.extend_from_slice(b"\r\n");
        }
        if line.is_empty() { Ok(()) } else { Ok(wire.send(&line)?) }
    }

    /// Waits for the server to ask for the message that was announced.
    fn go_ahead(&self, wire: &Wire) -> Result<(), Broken> {
        let Some(answer) = wire.continuation(self.tags.last().map_or("", String::as_str))? else { return Ok(()) };
        let refused = answer.accept(|| "the server refused the message".into()).err();
        let taken = || ImapError::Nonsense { reason: "it took a message before it was sent".into() };
        Err(refused.map_or_else(|| taken().into(), Broken::Refused))
    }

    /// The answers to what was sent. `failure` is why the sending broke off, if it did.
    fn results(
        &self,
        wire: &Wire,
        failure: Option<Broken>,
        each_answer: &mut dyn FnMut(&[Value<'_>]),
    ) -> Vec<Result<Appended, AppendError>> {
        let megabytes = u32::try_from(self.bytes >> 20).unwrap_or(u32::MAX);
        let storing = STORING + STORING_PER_MEGABYTE.saturating_mul(megabytes);
        let is_common = self.tags.len() == 1;
        let each = if is_common { self.begun } else { 1 };
        let mut results = Vec::with_capacity(self.begun);
        let mut lost = failure;
        for tag in &self.tags {
            let answer = match lost.take() {
                Some(Broken::Lost(error)) => Err((error, Stored::Unknown)),
                Some(Broken::Refused(error)) => Err((error, Stored::No)),
                None => result(wire, tag, storing, each_answer),
            };
            match answer {
                Ok(answer) => results.extend(answer.append_uids(each).into_iter().map(|uid| Ok(Appended { uid }))),
                Err((error, stored)) => {
                    let is_bad = matches!(&error, ImapError::Refused { refusal, .. } if refusal.is_bad);
                    let is_refused = matches!(&error, ImapError::Refused { .. });
                    let stored = if is_refused && each > 1 { Stored::Perhaps } else { stored };
                    // What followed a BAD may have been taken for commands: nothing is known of it.
                    let of_others = if is_bad {
                        Some(ImapError::Lost { reason: format!("after a message that was not understood ({error})") })
                    } else if is_refused {
                        None
                    } else {
                        Some(error.again())
                    };
                    let others =
                        (1..each).map(|_| Err(AppendError { error: error.again(), stored })).collect::<Vec<_>>();
                    results.push(Err(AppendError { error, stored }));
                    results.extend(others);
                    lost = of_others.map(Broken::Lost);
                }
            }
        }
        results
    }
}

/// The answer to one command.
fn result(
    wire: &Wire,
    tag: &str,
    storing: Duration,
    each: &mut dyn FnMut(&[Value<'_>]),
) -> Result<Answer, (ImapError, Stored)> {
    let result = wire.slow_result(tag, storing, each).map_err(|error| (error, Stored::Unknown))?;
    result.accept(|| "the server refused the message".into()).map_err(|error| (error, Stored::No))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_carries_flags_keywords_date_and_length() {
        let keywords = ["$Forwarded".to_owned()];
        let internal_date = Some(InternalDate::from_unix(760_686_745));
        let message = Outgoing { bytes: b"A: b\r\n", flags: Flags::SEEN, keywords: &keywords, internal_date };
        let expected = "M1 APPEND \"a \\\"b\\\"\" (\\Seen $Forwarded) \"08-Feb-1994 05:52:25 +0000\" {6}\r\n";
        assert_eq!(command("M1", "a \"b\"", message, 6).unwrap(), expected);
        assert!(command("M1", "a\r\nM2 CREATE x", message, 6).is_err());
    }
}
