//! APPEND by our own code: the crate's takes stored messages for failed ones and lets folder names inject commands.
//!
//! The outcome is yes, no, or unknown; unknown is settled by looking at the server, never by sending again.

use std::time::Duration;

use crate::mail::{Flags, InternalDate};

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
    let not_stored = |error| AppendError { error, stored: Stored::No };
    let tag = wire.tag();
    let command = command(&tag, mailbox, message).map_err(not_stored)?;
    wire.send(command.as_bytes()).map_err(not_stored)?;
    if let Some(result) = wire.continuation(&tag).map_err(not_stored)? {
        result.accept(|| "the server refused the message".into()).map_err(not_stored)?;
        let reason = "it took a message before it was sent".into();
        return Err(not_stored(ImapError::Nonsense { reason }));
    }
    let mut total = 0;
    for chunk in message.bytes.chunks(CHUNK) {
        wire.send(chunk).map_err(not_stored)?;
        total += chunk.len() as u64;
        sent(total);
    }
    // Apart from the message: Exchange 5.5 hangs when both come in one read over TLS (Q239082).
    let unknown = |error| AppendError { error, stored: Stored::Unknown };
    wire.send(b"\r\n").map_err(unknown)?;
    let megabytes = u32::try_from(message.bytes.len() >> 20).unwrap_or(u32::MAX);
    let storing = STORING + STORING_PER_MEGABYTE.saturating_mul(megabytes);
    let result = wire.slow_result(&tag, storing).map_err(unknown)?;
    let result = result.accept(|| "the server refused the message".into()).map_err(not_stored)?;
    Ok(Appended { uid: result.append_uid() })
}

/// `tag APPEND "mailbox" (flags) "date" {length}`
fn command(tag: &str, mailbox: &str, message: Outgoing<'_>) -> Result<String, ImapError> {
    let flags: Vec<&str> =
        message.flags.names().map(|name| -> &str { name }).chain(message.keywords.iter().map(String::as_str)).collect();
    let date = message.internal_date.map(|date| format!(" \"{}\"", date.to_imap())).unwrap_or_default();
    let (mailbox, flags, length) = (quoted(mailbox)?, flags.join(" "), message.bytes.len());
    Ok(format!("{tag} APPEND {mailbox} ({flags}){date} {{{length}}}\r\n"))
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
        assert_eq!(command("M1", "a \"b\"", message).unwrap(), expected);
        assert!(command("M1", "a\r\nM2 CREATE x", message).is_err());
    }
}
