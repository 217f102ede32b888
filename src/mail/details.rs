//! What a search asks of a message beside what a list shows: addresses, attachments, and the thread it belongs to.
//!
//! Read from the header with the rest of a summary and kept short, since a list holds half a million of them.

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::envelope::decoded;
use super::header::Field;

/// The longest list of addressees kept, in bytes; a longer one ends in [`CUT`].
const MAX_TO: usize = 160;
/// How much of a field of addressees is read.
const MAX_READ: usize = 1024;
/// Ends a text that was cut, so that what is not found in it is not taken for absent.
pub const CUT: char = '…';

/// What a header says of a message for a search. All text is foreign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The first author's address, where the list shows a name instead; else empty.
    pub address: String,
    /// Whom it was sent to: names and addresses as written, decoded; ends in [`CUT`] if there were more.
    pub to: String,
    /// Whether it carries attachments, as far as its Content-Type tells without the body: `multipart/mixed` and whatever
    /// is no text do, plain text and alternatives of it do not; of all else that is not known.
    pub attached: Option<bool>,
    /// The messages it answers, by [`id_hash`]: the first of its thread and the last before it.
    pub links: Vec<u64>,
}

impl Details {
    /// Takes a field of the header, if it is one that counts.
    pub(super) fn take(&mut self, field: &Field<'_>) {
        match field.name.len() {
            2 if field.is("To") && self.to.is_empty() => self.to = addressees(field.value),
            12 if field.is("Content-Type") => self.attached = attached(field.value),
            10 if field.is("References") => self.link(field.value),
            11 if field.is("In-Reply-To") => self.link(field.value),
            _ => {}
        }
    }

    /// Takes the first and the last message that a field names.
    fn link(&mut self, value: &[u8]) {
        for id in [first_id(value), last_id(value)].into_iter().flatten() {
            let hash = id_hash(id);
            if !self.links.contains(&hash) && self.links.len() < 4 {
                self.links.push(hash);
            }
        }
    }
}

/// A Message-ID as a number, whatever stands around its angle brackets (FNV-1a). It names a thread on the screen and
/// nothing that would hurt if two were the same.
pub fn id_hash(id: &[u8]) -> u64 {
    let inside = first_id(id).unwrap_or(id);
    inside.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn first_id(value: &[u8]) -> Option<&[u8]> {
    let start = memchr::memchr(b'<', value)? + 1;
    let rest = value.get(start..)?;
    rest.get(..memchr::memchr(b'>', rest)?).filter(|id| !id.is_empty())
}

fn last_id(value: &[u8]) -> Option<&[u8]> {
    let before = value.get(..memchr::memrchr(b'>', value)?)?;
    before.get(memchr::memrchr(b'<', before)? + 1..).filter(|id| !id.is_empty())
}

fn addressees(value: &[u8]) -> String {
    let read = value.get(..MAX_READ).unwrap_or(value);
    let is_plain = read.is_ascii() && memmem::find(read, b"=?").is_none();
    let text = if is_plain { Field { name: b"", value: read }.text() } else { decoded(read) };
    if text.len() <= MAX_TO && read.len() == value.len() {
        return text;
    }
    let kept = text.get(..text.floor_char_boundary(MAX_TO)).unwrap_or(&text);
    format!("{kept}{CUT}")
}

fn attached(value: &[u8]) -> Option<bool> {
    let kind = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let kind = kind.to_ascii_lowercase();
    match kind.split(|byte| *byte == b'/').next().unwrap_or_default() {
        b"text" => Some(false),
        b"multipart" => match kind.as_slice() {
            b"multipart/mixed" => Some(true),
            b"multipart/alternative" | b"multipart/report" => Some(false),
            _ => None, // related: pictures of the text, mostly; signed: what it encloses
        },
        b"application" if kind.ends_with(b"pkcs7-mime") => None,
        b"application" | b"image" | b"audio" | b"video" | b"message" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::envelope::Summary;

    #[test]
    fn a_search_learns_addresses_attachments_and_the_thread() {
        let details = Summary::of(
            b"From: Anna <anna@x>\nTo: =?utf-8?Q?J=C3=BCrgen?= <j@y>,\n b@z\nContent-Type: multipart/mixed; boundary=b\n\
              References: <1@x> <2@x>\n\t<3@x>\nIn-Reply-To: your mail <3@x>\nMessage-ID: <4@x>\n\n",
        )
        .details;
        assert_eq!((details.address.as_str(), details.to.as_str()), ("anna@x", "Jürgen <j@y>, b@z"));
        assert_eq!(details.attached, Some(true));
        assert_eq!(details.links, [id_hash(b"<1@x>"), id_hash(b" <3@x> (x)")]);
    }

    #[test]
    fn what_the_header_does_not_tell_is_not_guessed() {
        for (kind, known) in [
            ("text/plain", Some(false)),
            ("TEXT/html; charset=x", Some(false)),
            ("multipart/alternative", Some(false)),
            ("multipart/signed", None),
            ("application/pdf; name=a", Some(true)),
            ("application/x-pkcs7-mime", None),
            ("x", None),
        ] {
            assert_eq!(attached(kind.as_bytes()), known, "{kind}");
        }
        let many = format!("To: {}\n\n", "somebody@example.org, ".repeat(90));
        let to = Summary::of(many.as_bytes()).details.to;
        assert!(to.ends_with(CUT) && to.len() <= MAX_TO + 3, "{to}");
        assert_eq!(Summary::of(b"From: a@b\n\n").details.attached, Some(false), "plain text needs no Content-Type");
    }
}
