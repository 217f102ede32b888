//! What we send, as lines that may be seen: what logs in is left out, and of a literal there is only its length.

use crate::imap::answer::literal_length;

use super::{is_own, unseen};

/// What was sent so far, as far as more of it is to come.
#[derive(Clone, Default)]
pub struct Sent {
    /// A line that has not ended.
    line: Vec<u8>,
    /// The literal before it, or the one that is being sent.
    literal: Option<Literal>,
    /// The tag of the last command.
    tag: String,
    /// The tag of AUTHENTICATE, until its result comes: what is sent meanwhile answers the server's challenges.
    login: Option<String>,
}

#[derive(Clone, Copy)]
struct Literal {
    length: usize,
    left: usize,
}

impl Sent {
    /// Takes bytes, and gives the lines that end in them.
    pub fn take(&mut self, mut bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        while !bytes.is_empty() {
            let of_literal = self.literal.map_or(0, |literal| literal.left).min(bytes.len());
            if let Some(literal) = &mut self.literal {
                literal.left -= of_literal;
            }
            bytes = bytes.get(of_literal..).unwrap_or_default();
            let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            let (line, rest) = bytes.split_at(end);
            self.line.extend_from_slice(line);
            bytes = rest;
            if self.line.ends_with(b"\n") {
                lines.push(self.end_line());
            }
        }
        lines
    }

    /// The result of a command came: a literal that waited for a go-ahead does not come any more.
    pub fn answered(&mut self, tag: &str) {
        if self.tag == tag && self.literal.is_some_and(|literal| literal.left == literal.length) {
            self.literal = None;
        }
        if self.login.as_deref() == Some(tag) {
            self.login = None;
        }
    }

    /// Whether a login goes on that takes more than one line.
    pub fn is_login(&self) -> bool {
        self.login.is_some()
    }

    /// A literal of which a part was sent.
    pub fn unfinished(&self) -> Option<String> {
        let Literal { length, left } = self.literal.filter(|literal| literal.left < literal.length)?;
        Some(format!("[{} of {length} bytes]", length - left))
    }

    fn end_line(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        let before = self.literal.take();
        // The lengths are our own.
        let announced = literal_length(&line).ok().flatten();
        self.literal = announced.map(|length| Literal { length, left: length });
        let text = String::from_utf8_lossy(line.trim_ascii_end());
        match before {
            Some(Literal { length, .. }) => format!("[{length} bytes] {}", text.trim_start()).trim_end().to_owned(),
            None => self.command(&text).unwrap_or_else(|| unseen(line.len())),
        }
    }

    /// What may be seen of a command's first line; `None` where it is none of ours.
    fn command(&mut self, text: &str) -> Option<String> {
        if self.is_login() {
            return Some("…".into());
        }
        let (tag, rest) = text.split_once(' ').filter(|(tag, _)| is_own(tag))?;
        tag.clone_into(&mut self.tag);
        let (verb, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
        match verb.to_ascii_uppercase().as_str() {
            "LOGIN" => Some(format!("{tag} {verb} …")),
            "AUTHENTICATE" => {
                self.login = Some(tag.to_owned());
                // The name of the mechanism is no secret; what may follow it is.
                let (mechanism, more) = arguments.split_once(' ').unwrap_or((arguments, ""));
                Some(format!("{tag} {verb} {mechanism}{}", if more.is_empty() { "" } else { " …" }))
            }
            _ => Some(text.to_owned()),
        }
    }
}
