//! Eudora's table of contents: which messages of a mailbox exist, and what became of each. Used by the scan.
//!
//! Sources: facts/formats.md 1.5; LenShustek/Eudora_fix_mbx Eudora_TOC.h (Windows); eulcommon.binfile.eudora and
//! S. White's EudoraTOC.py (Mac).

use std::io;
use std::path::Path;

use crate::mail::{Flags, InternalDate};
use crate::store::bytes::u16_at;
use crate::store::file;

/// Tables have some 200 bytes a message; a larger one is none.
const MAX_TABLE: u64 = 512 * 1024 * 1024;
const FORWARDED: &str = "$Forwarded";

/// How one system writes its tables.
struct Layout {
    header: usize,
    record: usize,
    status: usize,
    /// Where the number of records stands, in two bytes.
    count: Option<usize>,
    /// Where the time stands, in seconds since 1970.
    time: Option<usize>,
    word: fn([u8; 4]) -> u32,
    states: &'static [(u8, Flags, Option<&'static str>)],
}

const READ: Flags = Flags::SEEN;
/// Status 0 and all others: unread.
const WINDOWS: Layout = Layout {
    header: 104,
    record: 218,
    status: 12,
    count: Some(0x66),
    time: Some(8),
    word: u32::from_le_bytes,
    states: &[
        (1, READ, None),
        (2, Flags::ANSWERED, None),
        (3, READ, Some(FORWARDED)),
        (4, READ, None),          // redirected
        (5, READ, None),          // the table was rebuilt
        (6, Flags::DRAFT, None),  // saved
        (7, Flags::DRAFT, None),  // queued
        (8, READ, None),          // sent
        (9, Flags::DRAFT, None),  // not sent
        (10, Flags::DRAFT, None), // queued for a time
    ],
};
const MAC: Layout = Layout {
    header: 278,
    record: 220,
    status: 12,
    count: None,
    time: None,
    word: u32::from_be_bytes,
    states: &[
        (2, READ, None),
        (3, Flags::ANSWERED, None),
        (4, READ, None),         // redirected
        (7, Flags::DRAFT, None), // queued
        (8, READ, Some(FORWARDED)),
        (9, READ, None),          // sent
        (10, Flags::DRAFT, None), // not sent
    ],
};

/// One message of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where it starts in the mailbox.
    pub(super) offset: u64,
    /// How long it is.
    pub(super) length: u64,
    /// Its flags.
    pub(super) flags: Flags,
    /// Its keyword, if any.
    pub(super) keyword: Option<&'static str>,
    /// Its time.
    pub(super) date: Option<InternalDate>,
}

/// Reads a whole table.
pub(super) fn read(path: &Path) -> io::Result<Vec<Entry>> {
    let bytes = file::whole(path, MAX_TABLE)?;
    let layout = layout(&bytes).ok_or_else(|| io::Error::other("it is none that is known"))?;
    let records = bytes.get(layout.header..).unwrap_or_default();
    let told = layout.count.and_then(|at| u16_at(&bytes, at)).unwrap_or_default();
    if records.len() % layout.record != 0 || records.len() / layout.record < told.into() {
        return Err(io::Error::other("it is cut off"));
    }
    Ok(records.chunks_exact(layout.record).filter_map(|record| entry(record, layout)).collect())
}

/// Whether a file starts as a table does.
pub(super) fn is_table(path: &Path) -> bool {
    let length = |path: &Path| std::fs::metadata(path).map(|data| data.len());
    let fits = |layout: &Layout, length: u64| {
        let (header, record) = (layout.header as u64, layout.record as u64);
        length.checked_sub(header).is_some_and(|records| records % record == 0)
    };
    let Ok(start) = file::prefix(path, MAC.header) else { return false };
    layout(&start).is_some_and(|layout| length(path).is_ok_and(|length| fits(layout, length)))
}

/// Windows tables start with a version that is text (`0`, `*`, `1`), those of a Mac with the number 0 or 1.
fn layout(bytes: &[u8]) -> Option<&'static Layout> {
    let layout = match bytes {
        [0, 0 | 1, ..] => &MAC,
        [version, ..] if version.is_ascii_graphic() => &WINDOWS,
        _ => return None,
    };
    (bytes.len() >= layout.header).then_some(layout)
}

fn entry(record: &[u8], layout: &Layout) -> Option<Entry> {
    let word = |at: usize| record.get(at..)?.first_chunk::<4>().map(|bytes| (layout.word)(*bytes));
    let status = *record.get(layout.status)?;
    let state = layout.states.iter().find(|(known, ..)| *known == status);
    let (flags, keyword) = state.map_or((Flags::NONE, None), |(_, flags, keyword)| (*flags | READ, *keyword));
    let date = layout.time.and_then(word).map(|seconds| InternalDate::from_unix(i64::from(seconds)));
    let (offset, length) = (u64::from(word(0)?), u64::from(word(4)?));
    Some(Entry { offset, length, flags, keyword, date: date.filter(|date| date.is_sane()) })
}
