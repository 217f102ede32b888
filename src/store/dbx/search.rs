//! Finds records and texts without the index, where that is damaged. Used by the walk through a folder.
//!
//! Every object starts with its own offset, so a look at every fourth byte finds them all. What was deleted is not found:
//! Outlook Express overwrites a deleted record's index words and a deleted text's first words.

use super::layout::{Cells, TEXT_CELL};
use super::message;
use super::record::Record;
use super::text::Part;
use crate::store::eml;
use crate::store::pages::{Pages, long};

/// How much is looked at in one go.
const BLOCK: usize = 4096;
/// Words at a multiple of this may be markers.
const STEP: usize = 4;
/// No field of a message's record has a higher number.
const LAST_FIELD: u32 = 0x1f;

/// A walk over all words of a file that equal their own offset.
pub(super) struct Markers {
    block: Vec<u8>,
    start: u64,
    within: usize,
}

impl Markers {
    /// A walk from the start of the file.
    pub(super) fn new() -> Self {
        Self { block: Vec::new(), start: 0, within: 0 }
    }

    /// The next such word.
    pub(super) fn next(&mut self, pages: &mut Pages) -> Option<u32> {
        loop {
            let (words, _) = self.block.get(self.within..).unwrap_or_default().as_chunks::<STEP>();
            for (number, word) in words.iter().enumerate() {
                let at = self.start + long(self.within + number * STEP);
                if u64::from(u32::from_le_bytes(*word)) == at && at > 0 {
                    self.within += (number + 1) * STEP;
                    return u32::try_from(at).ok();
                }
            }
            self.start += long(self.block.len());
            self.within = 0;
            let want = usize::try_from(pages.size().saturating_sub(self.start)).unwrap_or(BLOCK).min(BLOCK);
            if want < STEP {
                return None;
            }
            self.block.clear();
            self.block.resize(want, 0);
            if pages.fill(self.start, &mut self.block).is_err() {
                self.block.fill(0);
            }
        }
    }
}

/// The record at `at`, if it is that of a message. Folders, views and freed records have other fields, or none.
pub(super) fn record(pages: &mut Pages, at: u32) -> Option<Record> {
    let record = Record::read(pages, at).ok()?;
    let is_sorted = record.fields().is_sorted_by(|one, next| one < next);
    let has_all = message::ALWAYS.iter().all(|always| record.fields().any(|field| field == *always));
    (is_sorted && has_all && record.fields().all(|field| field <= LAST_FIELD)).then_some(record)
}

/// Marks every part that another one leads to; what is not marked is the start of a text.
pub(super) fn later_parts(pages: &mut Pages) -> Cells {
    let mut later = Cells::of(TEXT_CELL);
    let mut markers = Markers::new();
    while let Some(at) = markers.next(pages) {
        if let Ok(part) = Part::read(pages, at)
            && part.next != 0
        {
            later.claim(part.next);
        }
    }
    later
}

/// Whether a text with a header starts at `at`.
pub(super) fn starts_text(pages: &mut Pages, at: u32) -> bool {
    let Ok(part) = Part::read(pages, at) else { return false };
    pages.bytes(u64::from(at) + 16, part.length.into()).is_ok_and(|text| eml::looks_like_message(&text))
}
