//! What goes wrong with a server: how far the damage reaches, the server's own words, and what to do.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::mail::display::clean;

/// How far an error reaches, which decides what goes on (mbsync's idea: message, box, connection).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This message only; the next one may work.
    Message,
    /// This folder only.
    Folder,
    /// This connection; a new one may work.
    Connection,
    /// The whole run; trying again without a change would not help.
    Run,
}

/// A tagged NO or BAD with the server's own words. All text is foreign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whether it was BAD (the command was not understood) and not NO.
    pub is_bad: bool,
    /// The response code without brackets and arguments, upper case, such as `OVERQUOTA`; empty if none.
    pub code: String,
    /// The text as sent, without tag, status and code.
    pub text: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_bad { "BAD" } else { "NO" })?;
        if !self.code.is_empty() {
            write!(f, " [{}]", clean(&self.code))?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", clean(&self.text))?;
        }
        Ok(())
    }
}

/// An error of a server connection. Its message says what failed and why; [`ImapError::hint`] what to do.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    /// The name could not be resolved.
    #[error("the host {host} is not known: {source}")]
    UnknownHost {
        /// The host as given.
        host: String,
        /// The resolver's reason.
        source: io::Error,
    },
    /// No address of the host answered.
    #[error("cannot reach {host} port {port}: {source}")]
    Unreachable {
        /// The host as given.
        host: String,
        /// The port.
        port: u16,
        /// The system's reason for the last address tried.
        source: io::Error,
    },
    /// TLS could not be agreed, or the certificate is not trusted. No password was sent.
    #[error("the secure connection to {host} was refused: {reason}")]
    Tls {
        /// The host as given.
        host: String,
        /// The TLS library's reason.
        reason: String,
    },
    /// The certificate is not the pinned one. No password was sent.
    #[error("{host} shows another certificate than the pinned one (sha256:{found})")]
    Pin {
        /// The host as given.
        host: String,
        /// The digest of the certificate it showed.
        found: String,
    },
    /// STARTTLS was asked for and is not to be had, or the server spoke out of turn. No password was sent.
    #[error("{host} does not protect the connection: {reason}")]
    NoStartTls {
        /// The host as given.
        host: String,
        /// What it did instead.
        reason: String,
    },
    /// The server refused the login.
    #[error("the login of {user} was refused: {refusal}")]
    Login {
        /// The login name.
        user: String,
        /// The server's words.
        refusal: Refusal,
    },
    /// The server takes no login now, whoever asks: too many are there, or it is not ready.
    #[error("{user} can not log in now: {refusal}")]
    NotNow {
        /// The login name.
        user: String,
        /// The server's words.
        refusal: Refusal,
    },
    /// The server offers no way to log in that this program speaks, or forbids it here.
    #[error("{host} takes no password here: {reason}")]
    NoLogin {
        /// The host as given.
        host: String,
        /// What the server said.
        reason: String,
    },
    /// A command got a tagged NO or BAD.
    #[error("{doing}: {refusal}")]
    Refused {
        /// What was tried, such as `cannot open Archive`.
        doing: String,
        /// The server's words.
        refusal: Refusal,
    },
    /// The server said BYE.
    #[error("the server closed the connection: {}", said(code, text))]
    Bye {
        /// The response code without brackets and arguments, upper case; empty if none.
        code: String,
        /// Its words.
        text: String,
    },
    /// The connection ended without a word.
    #[error("the connection to the server was lost: {reason}")]
    Lost {
        /// What was seen.
        reason: String,
    },
    /// Nothing came, or could be sent, for too long.
    #[error("the server did not answer within {} seconds", waited.as_secs())]
    Silent {
        /// How long was waited.
        waited: Duration,
    },
    /// The server sent what no server should: too long, too deep, out of turn.
    #[error("the server's answer makes no sense: {reason}")]
    Nonsense {
        /// What was wrong with it.
        reason: String,
    },
    /// Another thread cancelled the connection.
    #[error("cancelled")]
    Cancelled,
    /// Mail on this machine, to which messages go instead of to a server, can not be written or read.
    #[error("{reason}")]
    Disk {
        /// What failed and why.
        reason: String,
    },
    /// Another program holds a lock on mail on this machine to which messages go.
    #[error("{reason}")]
    Locked {
        /// What is locked.
        reason: String,
    },
    /// A message could not be read to its end while it was sent; what was sent of it the server does not keep.
    #[error("{reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
    /// A file on this machine, such as the one with certificates, could not be read.
    #[error("cannot use {path}: {reason}")]
    LocalFile {
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
}

/// The code of a server that finds a fault in itself (RFC 5530).
const SERVER_BUG: &str = "SERVERBUG";
/// The code of a server that one account asks too much of, as Gmail says it.
const THROTTLED: &str = "THROTTLED";

/// The hint where a server has enough connections.
const TOO_MANY: &str = "too many connections: close other mail programs or use --connections 1";

/// Response codes and words that say how far a refusal reaches and what to do (facts/servers.md 0.11). The first match
/// counts; a server's oddity is one word here.
const REFUSALS: &[(&[&str], Scope, &str)] = &[
    // Gmail says it as OVERQUOTA.
    (
        &[THROTTLED, "is throttled", "backoff time", "bandwidth limits"],
        Scope::Connection,
        "the server asks for less: wait a while and run the same command again",
    ),
    (
        // The last is Exchange's.
        &[
            "OVERQUOTA",
            "over quota",
            "quota exceeded",
            "quota has been exceeded",
            "exceeded your mail quota",
            "server unavailable. 15",
        ],
        Scope::Run,
        "the mailbox is full: free space or raise its quota, then run the same command again",
    ),
    (
        &["TOOBIG", "mail size", "maximum size", "fixed maximum"],
        Scope::Message,
        "the server takes no message of this size: raise its limit, or leave the message out",
    ),
    (&["UNAVAILABLE"], Scope::Connection, "the server is not ready: run the same command again later"),
    (&["INUSE"], Scope::Connection, "the mailbox is in use elsewhere: run the same command again later"),
    // It may be one message that the server stumbles over.
    (&[SERVER_BUG], Scope::Message, "the server has a fault: run the same command again later, or tell who runs it"),
    (
        &[
            "number of connections",
            "too many connections",
            "too many simultaneous",
            "too many concurrent",
            "too many open",
        ],
        Scope::Connection,
        TOO_MANY,
    ),
    (
        &["NOPERM", "READ-ONLY"],
        Scope::Folder,
        "this login may not write there: choose another folder or ask for the right",
    ),
    (&["too many user flags"], Scope::Message, "the folder holds no more keywords: leave some out, or choose another"),
    (&["bare newlines"], Scope::Message, "the server refuses the message's line ends"),
    (&["NUL characters"], Scope::Message, "the message holds NUL bytes, which the server refuses"),
    (&["invalid header"], Scope::Message, "the message does not start with a proper header"),
    (
        &["Invalid mailbox name", "not allowed in mailbox name"],
        Scope::Folder,
        "the server refuses the folder's name: choose another",
    ),
];

/// The hint where a connection was lost.
const AGAIN: &str = "run the same command again; what arrived is not sent twice";

/// A response code without its arguments, upper case.
pub(super) fn word(code: &str) -> String {
    code.split_ascii_whitespace().next().unwrap_or_default().to_ascii_uppercase()
}

/// The row of a response code, which may be empty, and words.
fn row(code: &str, text: &str) -> Option<&'static (&'static [&'static str], Scope, &'static str)> {
    let text = text.to_lowercase();
    let is_said = |sign: &&str| code == *sign || text.contains(&sign.to_lowercase());
    REFUSALS.iter().find(|(signs, ..)| signs.iter().any(is_said))
}

impl Refusal {
    fn row(&self) -> Option<&'static (&'static [&'static str], Scope, &'static str)> {
        row(&self.code, &self.text)
    }

    /// How far it reaches: BAD ends the connection's trust, NO is the message's unless the words say more.
    pub fn scope(&self) -> Scope {
        self.row().map_or(Scope::Message, |row| row.1)
    }

    /// What to do about it; empty if nothing is known.
    pub fn hint(&self) -> &'static str {
        self.row().map_or("", |row| row.2)
    }
}

/// A code and words as the server said them, fit to be shown.
fn said(code: &str, text: &str) -> String {
    if code.is_empty() { clean(text) } else { clean(&format!("[{code}] {text}")) }
}

impl ImapError {
    /// The server ended the connection with this code, which may have arguments, and these words.
    pub(super) fn bye(code: &str, text: String) -> Self {
        Self::Bye { code: word(code), text }
    }

    /// The same error for another message that it struck.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Refused { doing, refusal } => Self::Refused { doing: doing.clone(), refusal: refusal.clone() },
            Self::Bye { code, text } => Self::Bye { code: code.clone(), text: text.clone() },
            Self::Cancelled => Self::Cancelled,
            Self::Locked { reason } => Self::Locked { reason: reason.clone() },
            other => Self::Lost { reason: other.to_string() },
        }
    }

    /// How far the error reaches.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Refused { refusal, .. } => refusal.scope(),
            Self::NotNow { .. }
            | Self::Bye { .. }
            | Self::Lost { .. }
            | Self::Silent { .. }
            | Self::Nonsense { .. }
            | Self::Locked { .. }
            | Self::Unreachable { .. } => Scope::Connection,
            Self::Unreadable { .. } => Scope::Message,
            _ => Scope::Run,
        }
    }

    /// Whether a server asks for another try later, or finds a fault in itself, which may be over by then; or another program
    /// holds a lock.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Refused { refusal, .. } => refusal.scope() == Scope::Connection || refusal.code == SERVER_BUG,
            Self::Bye { code, text } => {
                self.wait().is_some() || row(code, text).is_some_and(|row| row.1 == Scope::Connection)
            }
            Self::NotNow { .. } | Self::Locked { .. } => true,
            _ => false,
        }
    }

    /// Whether the server asks to be left alone for a while, on whichever connection: one account asks too much of it.
    pub fn is_throttle(&self) -> bool {
        let row = match self {
            Self::Refused { refusal, .. } | Self::NotNow { refusal, .. } => refusal.row(),
            Self::Bye { code, text } => row(code, text),
            _ => None,
        };
        self.is_busy() && (self.wait().is_some() || row.is_some_and(|(signs, ..)| signs.contains(&THROTTLED)))
    }

    /// Whether it is not sure that the server is the one that is meant, or that nobody listens.
    pub fn is_of_trust(&self) -> bool {
        matches!(self, Self::Tls { .. } | Self::Pin { .. } | Self::NoStartTls { .. })
    }

    /// Whether that says nothing about the message that it struck.
    pub fn asks_for_less(&self) -> bool {
        self.is_busy() && self.scope() == Scope::Connection
    }

    /// Whether the command was not understood: nobody knows what the server took for commands after it.
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Refused { refusal, .. } if refusal.is_bad)
    }

    /// The server's own words, if it said any.
    pub fn server_text(&self) -> Option<String> {
        match self {
            Self::Login { refusal, .. } | Self::NotNow { refusal, .. } | Self::Refused { refusal, .. } => {
                Some(refusal.to_string())
            }
            Self::Bye { code, text } => Some(said(code, text)),
            _ => None,
        }
    }

    /// How long the server asks to be left alone, where its words say so: `Suggested Backoff Time: 299961 milliseconds`,
    /// `try again in 5 minutes`.
    pub fn wait(&self) -> Option<Duration> {
        let text = self.server_text()?.to_lowercase();
        let after = ["backoff time:", "try again in", "retry after", "wait"]
            .iter()
            .find_map(|sign| text.split_once(sign).map(|(_, after)| after.trim_start()))?;
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = after.get(..digits)?.parse().ok()?;
        let unit = after.get(digits..)?.trim_start();
        let units = [("milli", 1), ("ms", 1), ("sec", 1000), ("s ", 1000), ("min", 60_000), ("hour", 3_600_000)];
        let factor = units.iter().find(|(sign, _)| unit.starts_with(sign)).map_or(1000, |(_, factor)| *factor);
        Some(Duration::from_millis(number.saturating_mul(factor)))
    }

    /// What to do about it, in one sentence for people; empty if there is nothing to advise.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownHost { .. } => "check the spelling of the host, and that this machine's name service works",
            Self::Unreachable { .. } => "check host and port, and that no firewall is in between",
            Self::Tls { .. } => {
                "check the host name and this machine's date; for an own authority use --ca-file, for one certificate --pin"
            }
            Self::Pin { .. } => "somebody may be in between; ask the server's owner before you change the pin",
            Self::NoStartTls { .. } => "try imaps:// (port 993), or imap+plaintext:// on a network you trust",
            Self::Login { .. } => "check user and password; Exchange may want DOMAIN\\user or DOMAIN/user/alias",
            Self::NoLogin { .. } => "try imaps:// or imap://; many servers take passwords over TLS only",
            Self::Refused { refusal, .. } => refusal.hint(),
            // A limit at the login is one of connections, in whatever words.
            Self::NotNow { refusal, .. } => refusal.row().map_or(TOO_MANY, |row| row.2),
            Self::Bye { code, text } if self.is_busy() => row(code, text).map_or(AGAIN, |row| row.2),
            Self::Bye { .. } | Self::Lost { .. } | Self::Silent { .. } => AGAIN,
            Self::Nonsense { .. } => "check that host and port are those of an IMAP server",
            // Its reason says it.
            Self::Cancelled | Self::Unreadable { .. } | Self::Locked { .. } => "",
            Self::LocalFile { .. } => "check the path and who may read it",
            Self::Disk { .. } => "free space or change its rights, then run the same command again",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_for_what_they_say() {
        let (full, busy) = ((Scope::Run, false), (Scope::Connection, true));
        let (its_own, at_fault) = ((Scope::Message, false), (Scope::Message, true));
        for (code, text, (scope, is_busy)) in [
            ("OVERQUOTA", "Account is full", full),
            ("", "Your quota has been exceeded.", full),
            ("", "Server Unavailable. 15", full),
            ("OVERQUOTA", "Account exceeded command or bandwidth limits. (Failure)", busy),
            ("", "Server Unavailable. 3", busy),
            ("INUSE", "", busy),
            ("THROTTLED", "", busy),
            ("", "Request is throttled. Suggested Backoff Time: 299961 milliseconds", busy),
            ("ALERT", "Too many simultaneous connections. (Failure)", busy),
            ("LIMIT", "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", busy),
            ("LIMIT", "Mail size exceeds the limit", its_own),
            ("LIMIT", "not now", its_own),
            ("", "Too many user flags in mailbox", its_own),
            ("", "too many recipients", its_own),
            ("SERVERBUG", "Internal error occurred", at_fault),
        ] {
            let refusal = Refusal { is_bad: false, code: code.into(), text: text.into() };
            let error = ImapError::Refused { doing: String::new(), refusal };
            assert_eq!((error.scope(), error.is_busy()), (scope, is_busy), "[{code}] {text}");
        }
        for (code, text, is_busy) in [
            ("", "signing off", false),
            ("", "too many commands", false),
            ("", "Too many simultaneous connections", true),
            ("", "Suggested Backoff Time: 2000 milliseconds", true),
            ("UNAVAILABLE", "see you", true),
            ("unavailable x y", "", true),
            ("INUSE", "", true),
            ("THROTTLED", "", true),
            ("ALERT", "signing off", false),
        ] {
            let bye = ImapError::bye(code, text.into());
            assert_eq!((bye.scope(), bye.is_busy()), (Scope::Connection, is_busy), "{text}");
        }
    }

    #[test]
    fn the_pause_that_a_server_asks_for_is_read_from_its_words() {
        for (text, seconds) in [
            ("Request is throttled. Suggested Backoff Time: 299961 milliseconds", Some(299.961)),
            ("busy, try again in 5 minutes", Some(300.0)),
            ("[UNAVAILABLE] retry after 30 s please", Some(30.0)),
            ("too many connections", None),
            ("try again in 99999999999999999999 minutes", None),
        ] {
            let refusal = Refusal { is_bad: false, code: String::new(), text: text.into() };
            let error = ImapError::Refused { doing: String::new(), refusal };
            assert_eq!(error.wait().map(|wait| wait.as_secs_f64()), seconds, "{text}");
        }
    }
}
