//! Writes MIME messages that we compose ourselves, the same bytes for the same input. Used by MAPI stores and OLM.
//!
//! Lines end in CRLF and are no longer than 998 bytes, headers are ASCII; only parts that must stay as they are (signed or
//! attached messages) may hold 8-bit bytes. There is no clock and no chance in it: a boundary is the hash of what it bounds.

pub(super) mod header;
mod transfer;

use crate::mail::Sha256Sum;
use crate::mail::canonical::{self, BareCr};

/// The longest line that mail may have, without its end (RFC 5322 section 2.1.1).
pub(super) const MAX_LINE: usize = 998;
/// Digits of a hash in a boundary.
const BOUNDARY_DIGITS: usize = 24;

/// One part of a message.
pub(super) struct Part {
    /// Its media type without parameters, such as `image/png`.
    pub(super) media_type: String,
    /// Further header fields, whole lines with their CRLF.
    pub(super) fields: String,
    /// What it holds.
    pub(super) body: Body,
}

/// What a part holds.
pub(super) enum Body {
    /// Text, written as UTF-8.
    Text(String),
    /// Text in a character set that could not be decoded without loss: its bytes and the name of the set.
    Raw(Vec<u8>, &'static str),
    /// Anything else.
    Bytes(Vec<u8>),
    /// A message that stays as it is; see [`is_plain_message`].
    Message(Vec<u8>),
    /// Several parts.
    Parts(Vec<Part>),
}

impl Part {
    /// A part without further fields.
    pub(super) fn new(media_type: impl Into<String>, body: Body) -> Self {
        Self { media_type: media_type.into(), fields: String::new(), body }
    }

    /// A part as an attachment, or in line, with its file name.
    pub(super) fn attached(media_type: impl Into<String>, body: Body, in_line: bool, name: &str) -> Self {
        let mut part = Self::new(media_type, body);
        let value = if in_line { "inline" } else { "attachment" };
        part.fields = header::with_parameter("Content-Disposition", value, "filename", name);
        part
    }

    /// Several parts as one; a single one stays alone.
    pub(super) fn group(media_type: &str, mut parts: Vec<Self>) -> Option<Self> {
        if parts.len() > 1 { Some(Self::new(media_type, Body::Parts(parts))) } else { parts.pop() }
    }

    /// The part's own header fields, a blank line and its content.
    pub(super) fn write(&self) -> Vec<u8> {
        let (parameters, encoding, content) = self.content();
        let mut out = Vec::with_capacity(content.len() + 500);
        out.extend_from_slice(format!("Content-Type: {}{parameters}\r\n", self.media_type).as_bytes());
        if encoding != "7bit" {
            out.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n").as_bytes());
        }
        out.extend_from_slice(self.fields.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&content);
        out
    }

    /// The parameters of the media type, the transfer encoding, and the content so encoded.
    fn content(&self) -> (String, &'static str, Vec<u8>) {
        match &self.body {
            Body::Text(text) => {
                let text = transfer::with_crlf(text);
                let charset = if text.is_ascii() { "us-ascii" } else { "utf-8" };
                let (encoding, content) = transfer::text(text.as_bytes());
                (format!("; charset={charset}"), encoding, content)
            }
            Body::Raw(bytes, charset) => (format!("; charset={charset}"), "base64", transfer::base64(bytes)),
            Body::Bytes(bytes) => (String::new(), "base64", transfer::base64(bytes)),
            Body::Message(bytes) => (String::new(), width(bytes), bytes.clone()),
            Body::Parts(parts) => self.several(parts),
        }
    }

    fn several(&self, parts: &[Self]) -> (String, &'static str, Vec<u8>) {
        let written: Vec<_> = parts.iter().map(Self::write).collect();
        let digest = Sha256Sum::of(&written.concat()).to_string();
        let boundary = format!("=_{}", digest.get(..BOUNDARY_DIGITS).unwrap_or_default());
        let mut content = Vec::new();
        for part in &written {
            content.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            content.extend_from_slice(part);
            content.extend_from_slice(b"\r\n");
        }
        content.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let root = parts.first().filter(|_| self.media_type == "multipart/related");
        let root = root.map_or_else(String::new, |root| format!(";\r\n type=\"{}\"", root.media_type));
        (format!(";\r\n boundary=\"{boundary}\"{root}"), width(&content), content)
    }
}

fn width(bytes: &[u8]) -> &'static str {
    if bytes.is_ascii() { "7bit" } else { "8bit" }
}

/// Whether attached bytes can stand as message/rfc822, which allows no transfer encoding, without any change.
pub(super) fn is_plain_message(bytes: &[u8]) -> bool {
    canonical::check(bytes).is_ok()
        && canonical::to_crlf(bytes, BareCr::Keep) == bytes
        && bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= MAX_LINE + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(part: &Part) -> String {
        String::from_utf8(part.write()).unwrap()
    }

    #[test]
    fn parts_are_bounded_by_their_hash() {
        let parts = || {
            vec![
                Part::new("text/plain", Body::Text("a\nb".into())),
                Part::attached("x/y", Body::Bytes(vec![0]), false, "n"),
            ]
        };
        let part = Part::group("multipart/mixed", parts()).unwrap();
        let expected = "Content-Type: multipart/mixed;\r\n boundary=\"=_B\"\r\n\r\n--=_B\r\n\
            Content-Type: text/plain; charset=us-ascii\r\n\r\na\r\nb\r\n\r\n--=_B\r\n\
            Content-Type: x/y\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"n\"\r\n\r\n\
            AA==\r\n\r\n--=_B--\r\n";
        let written = text(&part);
        let boundary = written.split('"').nth(1).unwrap();
        assert_eq!(written, expected.replace("=_B", boundary));
        assert_eq!(written, text(&Part::group("multipart/mixed", parts()).unwrap()));
        let one = Part::group("multipart/mixed", vec![Part::new("text/plain", Body::Text("Grüße".into()))]).unwrap();
        assert!(
            text(&one).ends_with("charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ0K\r\n"),
            "{}",
            text(&one)
        );
    }

    #[test]
    fn an_attached_message_stays_only_if_nothing_must_change() {
        assert!(is_plain_message(b"A: b\r\n\r\n\xe4\r\n"));
        for other in [&b"A: b\n\nx\n"[..], b"A: b\r\n\r\nx", b"A: b\r\n\r\n\0\r\n", &[b'x'; 2000]] {
            assert!(!is_plain_message(other));
        }
    }
}
