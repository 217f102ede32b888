//! Accounts and the TARGET URLs that name them (design.md section 5).

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::mail::FolderPath;

use super::trace::Trace;

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Security {
    /// TLS from the first byte (`imaps://`, port 993).
    Tls,
    /// STARTTLS, required (`imap://`, port 143).
    StartTls,
    /// No encryption, only when written out (`imap+plaintext://`, port 143).
    Plaintext,
}

/// Scheme, port and words of each kind.
const SECURITIES: [(Security, &str, u16, &str); 3] = [
    (Security::Tls, "imaps", 993, "TLS"),
    (Security::StartTls, "imap", 143, "STARTTLS"),
    (Security::Plaintext, "imap+plaintext", 143, "NOT ENCRYPTED"),
];

impl Security {
    /// Every kind, safest first.
    pub const ALL: [Self; 3] = [Self::Tls, Self::StartTls, Self::Plaintext];

    fn row(self) -> (&'static str, u16, &'static str) {
        SECURITIES.iter().find(|row| row.0 == self).map_or(("", 0, ""), |row| (row.1, row.2, row.3))
    }

    /// The URL scheme.
    pub fn scheme(self) -> &'static str {
        self.row().0
    }

    /// The port used when none is given.
    pub fn default_port(self) -> u16 {
        self.row().1
    }

    /// The words on the screen.
    pub fn label(self) -> &'static str {
        self.row().2
    }
}

/// A server, a login and how the connection is protected. Prints without the password.
#[derive(Clone, Debug)]
pub struct Account {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The login name.
    pub user: String,
    /// The password.
    pub password: SecretString,
    /// What else the connection takes.
    pub options: ConnectOptions,
}

/// What a connection takes beside server and login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectOptions {
    /// More certificate authorities to trust (PEM).
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of the one certificate (DER) to trust, in lower-case hex, instead of any authority.
    pub pin: Option<String>,
    /// The name the certificate must carry, if not the host.
    pub tls_name: Option<String>,
    /// The mailbox to open with this login (SASL authorization identity).
    pub authorization: Option<String>,
    /// How long greeting, TLS and login may take together; a silence may last twice as long.
    pub timeout: Duration,
    /// Where what is said is written, in this process.
    #[serde(skip)]
    pub trace: Option<Trace>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { ca_file: None, pin: None, tls_name: None, authorization: None, timeout: TIMEOUT, trace: None }
    }
}

/// The usual [`ConnectOptions::timeout`]. Dovecot makes even a right password wait over 15 seconds after wrong ones from the same
/// address, and Cyrus greets late when it is full (facts/servers.md section 2).
pub const TIMEOUT: Duration = Duration::from_mins(1);

impl Account {
    /// `user@host` for people.
    pub fn label(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }

    /// The same, and what is said is written there.
    #[must_use]
    pub fn traced(mut self, trace: Option<Trace>) -> Self {
        self.options.trace = trace;
        self
    }
}

/// What a TARGET URL says; the password never stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How the connection is protected.
    pub security: Security,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The login name, if given.
    pub user: Option<String>,
    /// The folder; the top if none is given.
    pub folder: FolderPath,
    /// The account of the user's settings that it was named by, if so.
    pub account: Option<String>,
}

/// Why a TARGET can't be understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL of a known scheme.
    #[error("\"{0}\" is no TARGET; write imaps://user@host/Folder, imap://… (STARTTLS) or imap+plaintext://…")]
    NotATarget(String),
    /// A password in the URL would be seen by every user of the machine.
    #[error("the TARGET holds a password; use --password-file, --password-command or the prompt instead")]
    HasPassword,
}

impl Target {
    /// Whether the text looks like a TARGET URL rather than a path.
    pub fn is_url(text: &str) -> bool {
        SECURITIES.iter().any(|(_, scheme, ..)| text.strip_prefix(scheme).is_some_and(|rest| rest.starts_with("://")))
    }

    /// Reads `imaps://user@host:port/Folder/Sub`, percent-encoded: `%2F` is a slash in a folder's name, as in
    /// [`FolderPath::parse`], and all other escapes of URLs count too.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let refuse = || TargetError::NotATarget(text.to_owned());
        let url = Url::parse(text).map_err(|_| refuse())?;
        let row = SECURITIES.iter().find(|(_, scheme, ..)| *scheme == url.scheme()).ok_or_else(refuse)?;
        if url.password().is_some() {
            return Err(TargetError::HasPassword);
        }
        let decode =
            |part: &str| percent_decode_str(part).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| refuse());
        let host = decode(url.host_str().filter(|host| !host.is_empty()).ok_or_else(refuse)?)?;
        let segments = url.path().split('/').map(decode).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            security: row.0,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(row.2),
            user: Some(decode(url.username())?).filter(|user| !user.is_empty()),
            folder: FolderPath::new(segments),
            account: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_url_gives_its_parts() {
        let target = Target::parse("imaps://DOM%5Canna%5Calias@mail.example.org/Arch%C3%ADv/2%2F4").unwrap();
        assert_eq!(target.security, Security::Tls);
        assert_eq!((target.host.as_str(), target.port), ("mail.example.org", 993));
        assert_eq!(target.user.as_deref(), Some("DOM\\anna\\alias"));
        assert_eq!(target.folder.segments(), ["Archív", "2/4"]);
        let plain = Target::parse("imap+plaintext://[::1]:1143").unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.security), ("::1", 1143, Security::Plaintext));
        assert!(plain.folder.is_root());
    }

    #[test]
    fn passwords_and_other_schemes_are_refused() {
        assert_eq!(Target::parse("imaps://a:secret@h/"), Err(TargetError::HasPassword));
        assert!(matches!(Target::parse("http://a@h/"), Err(TargetError::NotATarget(_))));
        assert!(!Target::is_url("/home/a/mail"));
        assert!(Target::is_url("imap://h"));
    }
}
