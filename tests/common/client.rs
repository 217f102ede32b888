//! A plain IMAP client over a plain connection, just enough to log in, append and look: it uses nothing of mailferry, and
//! unlike [`super::peek`] costs no start of Python.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use chrono::DateTime;

use super::peek::Message;
use super::servers::PASSWORD;
use super::sha256;

/// How long a server on this machine may take, however loaded that is.
const PATIENCE: Duration = Duration::from_secs(40);

/// A logged-in connection. Every command has the tag `a`.
pub struct Client {
    pub stream: BufReader<TcpStream>,
}

impl Client {
    pub fn login(port: u16, user: &str) -> Self {
        Self::login_with(port, user, PASSWORD)
    }

    /// The same for a user with another password.
    pub fn login_with(port: u16, user: &str, password: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Self { stream: BufReader::new(stream) };
        assert!(client.line().unwrap().starts_with("* OK"));
        assert!(client.command(&format!("a LOGIN {user} {password}")).unwrap().starts_with("a OK"));
        client
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// The next line; an error if the connection is gone, by EOF too.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(String::from_utf8_lossy(&line).into_owned()),
        }
    }

    /// The tagged answer to a command with tag `a`.
    pub fn command(&mut self, text: &str) -> io::Result<String> {
        self.send(format!("{text}\r\n").as_bytes())?;
        self.tagged()
    }

    pub fn tagged(&mut self) -> io::Result<String> {
        loop {
            let line = self.line()?;
            if line.starts_with("a ") {
                return Ok(line);
            }
        }
    }

    /// Appends a message with a literal that waits; `options` such as `(\Seen)`, ending in a blank. Gives the tagged answer.
    pub fn append(&mut self, folder: &str, options: &str, message: &[u8]) -> io::Result<String> {
        self.send(format!("a APPEND \"{folder}\" {options}{{{}}}\r\n", message.len()).as_bytes())?;
        let line = self.line()?;
        if !line.starts_with('+') {
            return Ok(line);
        }
        self.send(message)?;
        self.send(b"\r\n")?;
        self.tagged()
    }

    /// The messages of a folder, named as on the wire; none where there is no such folder.
    pub fn messages(&mut self, folder: &str) -> Vec<Message> {
        self.send(format!("a EXAMINE \"{folder}\"\r\n").as_bytes()).unwrap();
        let (mut exists, mut uid_validity) = (0, 0);
        loop {
            let line = self.line().unwrap();
            if let Some(number) = line.trim_end().strip_prefix("* ").and_then(|rest| rest.strip_suffix(" EXISTS")) {
                exists = number.parse().unwrap();
            } else if let Some((_, rest)) = line.split_once("[UIDVALIDITY ") {
                uid_validity = rest.split(']').next().unwrap().parse().unwrap();
            } else if let Some(tagged) = line.strip_prefix("a ") {
                if !tagged.starts_with("OK") {
                    return Vec::new();
                }
                break;
            }
        }
        if exists == 0 {
            return Vec::new();
        }
        self.send(b"a FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])\r\n").unwrap();
        let mut found = BTreeMap::new();
        while let Some((line, content)) = self.fetched() {
            if let Some(content) = content {
                let message = message(&line, &content, folder, uid_validity);
                found.insert(message.uid, message);
            }
        }
        found.into_values().collect()
    }

    /// The next untagged answer, and the literal that was in it; `None` at the tagged answer.
    fn fetched(&mut self) -> Option<(String, Option<Vec<u8>>)> {
        let mut line = self.line().unwrap();
        if let Some(tagged) = line.strip_prefix("a ") {
            assert!(tagged.starts_with("OK"), "{tagged}");
            return None;
        }
        let length = line.trim_end().strip_suffix('}').and_then(|rest| rest.rsplit_once('{')?.1.parse().ok());
        let Some(length) = length else { return Some((line, None)) };
        let mut content = vec![0; length];
        self.stream.read_exact(&mut content).unwrap();
        line += &self.line().unwrap();
        Some((line, Some(content)))
    }
}

fn message(line: &str, content: &[u8], folder: &str, uid_validity: u32) -> Message {
    let after = |sign: &str, end: char| {
        let rest = line.split_once(sign).unwrap_or_else(|| panic!("{sign} in {line}")).1;
        rest.split([end, ')']).next().unwrap()
    };
    let date = after("INTERNALDATE \"", '"').trim();
    let date = DateTime::parse_from_str(date, "%d-%b-%Y %H:%M:%S %z").unwrap();
    let flags = after("FLAGS (", ')').split_whitespace().filter(|flag| *flag != "\\Recent");
    let mut flags: Vec<String> = flags.map(str::to_owned).collect();
    flags.sort();
    Message {
        folder: folder.to_owned(),
        wire: folder.to_owned(),
        uid_validity,
        uid: after("UID ", ' ').parse().unwrap(),
        sha256: sha256(content),
        size: content.len() as u64,
        server_size: after("RFC822.SIZE ", ' ').parse().unwrap(),
        flags,
        internal_date: date.timestamp(),
        zone: date.format("%z").to_string(),
    }
}
