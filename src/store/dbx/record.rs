//! A record: numbered fields about one message or folder. Used by the list of messages and the folder tree.

use super::layout::{MAX_RECORD, RECORD_FIELDS, RECORD_HEADER, RECORD_LENGTH, check_marker};
use crate::mail::InternalDate;
use crate::store::pages::{Broken, Pages, c_string, le32, le64};

/// An index word: the field's number, whether the value stands in the word itself, and the value or where it stands.
const FIELD: u32 = 0x7f;
const DIRECT: u32 = 0x80;
const VALUE_SHIFT: u32 = 8;
/// FILETIME counts 100 ns since 1601.
const TICKS: u64 = 10_000_000;
const UNIX_EPOCH: i64 = 11_644_473_600;

/// One record.
#[derive(Debug)]
pub(super) struct Record {
    words: Vec<u32>,
    data: Vec<u8>,
}

impl Record {
    /// Reads the record at `at`.
    pub(super) fn read(pages: &mut Pages, at: u32) -> Result<Self, Broken> {
        let head: [u8; RECORD_HEADER] = pages.array(at)?;
        check_marker(&head, at, "record")?;
        let length = le32(&head, RECORD_LENGTH).unwrap_or(0);
        let fields = head.get(RECORD_FIELDS).copied().map_or(0, usize::from);
        if length > MAX_RECORD || usize::try_from(length).is_ok_and(|length| length < fields * 4) || fields == 0 {
            return Err(Broken::at(at, "the record here is not as it must be"));
        }
        let body = pages.bytes(u64::from(at) + 12, u64::from(length))?;
        let (words, data) = body.split_at_checked(fields * 4).unwrap_or_default();
        let words = words.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Ok(Self { words, data: data.to_vec() })
    }

    /// The numbers of its fields, in order.
    pub(super) fn fields(&self) -> impl Iterator<Item = u32> {
        self.words.iter().map(|word| word & FIELD)
    }

    /// A field's value if it stands in its index word, or where it stands in the data.
    fn value(&self, field: u32) -> Option<Result<u32, usize>> {
        let word = self.words.iter().find(|word| **word & FIELD == field)?;
        let value = word >> VALUE_SHIFT;
        Some(if word & DIRECT != 0 { Ok(value) } else { Err(usize::try_from(value).ok()?) })
    }

    /// A field as a number, in either form.
    pub(super) fn number(&self, field: u32) -> Option<u32> {
        match self.value(field)? {
            Ok(direct) => Some(direct),
            Err(at) => le32(&self.data, at),
        }
    }

    /// A field as text, bytes as they stand there.
    pub(super) fn text(&self, field: u32) -> Option<&[u8]> {
        c_string(&self.data, self.value(field)?.err()?)
    }

    /// A field as a date.
    pub(super) fn date(&self, field: u32) -> Option<InternalDate> {
        filetime(le64(&self.data, self.value(field)?.err()?)?)
    }
}

/// A FILETIME as a date, if it is a believable one.
pub(in crate::store) fn filetime(ticks: u64) -> Option<InternalDate> {
    let seconds = i64::try_from(ticks / TICKS).ok()?;
    Some(InternalDate::from_unix(seconds - UNIX_EPOCH)).filter(|date| date.is_sane())
}
