//! One message of a dbx file: what its record and the start of its text say of it. Used by the walk through a folder.

use super::layout::Cells;
use super::record::Record;
use super::text::{self, Chain};
use crate::mail::header::{self, MAX_HEADER};
use crate::mail::{DateSource, Envelope, Flags, Warning};
use crate::store::describe::Known;
use crate::store::pages::Pages;

/// Fields of a message's record (facts/formats.md 1.1).
const NUMBER: u32 = 0x00;
const FLAGS: u32 = 0x01;
const SUBJECT: u32 = 0x08;
const SAVED: u32 = 0x06;
const LENGTH: u32 = 0x11;
const RECEIVED: u32 = 0x12;
/// Where the text starts. Below 16 MiB it stands in the index word, above in the data.
pub(super) const TEXT: u32 = 0x04;
/// Fields that no message's record is without.
pub(super) const ALWAYS: [u32; 3] = [FLAGS, SAVED, RECEIVED];

/// Bits of the flags and what they are in IMAP.
const IMAP_FLAGS: [(u32, Flags); 4] =
    [(0x80, Flags::SEEN), (0x20, Flags::FLAGGED), (0x8_0000, Flags::ANSWERED), (0x8, Flags::DRAFT)];
const FORWARDED: u32 = 0x10_0000;
const FORWARDED_KEYWORD: &str = "$Forwarded";

/// The start of a text, up to its blank line, and how far its chain goes.
pub(super) struct Text {
    /// The header and a little more, at most [`MAX_HEADER`] bytes and a part.
    pub(super) head: Vec<u8>,
    /// How far its chain goes.
    pub(super) chain: Chain,
}

impl Text {
    /// Follows the text that starts at `first` to its end and keeps its head.
    pub(super) fn read(pages: &mut Pages, first: u32, claimed: &mut Cells) -> Self {
        let mut head = Vec::new();
        let chain = text::follow(pages, first, claimed, &mut |part| {
            let before = head.len().saturating_sub(3);
            head.extend_from_slice(part);
            head.len() < MAX_HEADER && !has_blank_line(head.get(before..).unwrap_or_default())
        });
        Self { head, chain }
    }

    /// Whether what there is of it starts with a header field.
    pub(super) fn has_header(&self) -> bool {
        header::fields(&self.head).next().is_some()
    }
}

/// Whether a header ends in `bytes`.
pub(super) fn has_blank_line(bytes: &[u8]) -> bool {
    [&b"\n\r\n"[..], b"\n\n", b"\r\r"].iter().any(|blank| memchr::memmem::find(bytes, blank).is_some())
}

/// How a message is named where something is wrong with it.
pub(super) fn name(record: &Record, names: &'static encoding_rs::Encoding) -> String {
    let subject = record.text(SUBJECT).unwrap_or_default();
    let (subject, _) = names.decode_without_bom_handling(subject.get(..200).unwrap_or(subject));
    format!("message {} (\"{subject}\")", record.number(NUMBER).unwrap_or(0))
}

/// The length that the record has for the text; often wrong, so a hint before the text was read.
pub(super) fn stored_length(record: &Record) -> u64 {
    record.number(LENGTH).map_or(0, u64::from)
}

/// A message come across.
pub(super) struct Message {
    /// Its record's offset, or its text's where no record was found.
    pub(super) at: u32,
    /// Its record.
    pub(super) record: Option<Record>,
    /// The start of its text.
    pub(super) text: Text,
}

impl Message {
    /// What a list shows of it.
    pub(super) fn envelope(&self) -> Envelope {
        let record = self.record.as_ref();
        let date = |field| Some((record?.date(field)?, DateSource::Store));
        let bits = record.and_then(|record| record.number(FLAGS)).unwrap_or(0);
        let set = IMAP_FLAGS.iter().filter(|(bit, _)| bits & bit != 0);
        let known = Known {
            flags: set.fold(Flags::NONE, |all, (_, flag)| all | *flag),
            keywords: if bits & FORWARDED == 0 { Vec::new() } else { vec![FORWARDED_KEYWORD.to_owned()] },
            arrived: date(RECEIVED),
            other_date: date(SAVED),
            warnings: self.text.chain.broken.as_ref().map(|_| Warning::Truncated).into_iter().collect(),
            ..Known::of_text(self.at, self.text.chain.length)
        };
        known.envelope(&self.text.head)
    }
}
