//! What the .idx file beside an .mbx file says of each message: flags and time of arrival. Used by the store.
//!
//! Source: facts/formats.md 1.2; the place of the dates, TMBXReader (MBXReader.pas, after T. Gallagher's description). No real
//! index was found to check it against, so everything is tested before it counts.

use std::collections::HashMap;
use std::path::Path;

use crate::mail::{Flags, InternalDate};
use crate::store::dbx::filetime;
use crate::store::file;
use crate::store::pages::{Broken, Pages, le16, le32, le64};

/// The first bytes of the file, and the length of its header.
const MAGIC: &[u8; 4] = b"JMF9";
const HEADER: u64 = 80;
/// A record's words. Its marker is its own offset.
const RECORD: usize = 28;
const FLAGS: usize = 0;
const NUMBER: usize = 8;
const MARKER: usize = 12;
const LENGTH: usize = 16;
const OFFSET: usize = 20;
/// The length of what stands between the head and the dates: 136 bytes, and 92 more for each part of the message.
const SECTION: usize = 46;
/// The two dates, arrival first, after that; a priority and the subject's length follow. Where the length is not told, the
/// first place that could be.
const AFTER_SECTION: usize = 58;
const DATES: usize = 194;
const PART: usize = 92;
const PRIORITY: usize = 16;
const SUBJECT: usize = 18;
/// Records are a few hundred bytes; each part adds 92.
const MAX_RECORD: u32 = 1 << 20;
const HIGHEST_PRIORITY: u16 = 5;

/// Bits of the flags.
const DELETED: u32 = 1;
const UNREAD: u32 = 2;
const UNSENT: u32 = 8;

/// What is known of one message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Its number, to be sure that it is the same message.
    pub(super) number: u32,
    /// Whether it was deleted.
    pub(super) is_deleted: bool,
    /// Its flags.
    pub(super) flags: Flags,
    /// When it arrived.
    pub(super) received: Option<InternalDate>,
}

/// One index.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// What is known of each message, by its offset in the .mbx file.
    pub(super) known: HashMap<u32, Known>,
    /// What could not be read.
    pub(super) broken: Vec<Broken>,
}

/// Reads the index at `path`.
pub(super) fn read(path: &Path) -> Result<Index, String> {
    let mut pages = file::open_regular(path).and_then(Pages::new).map_err(|error| error.to_string())?;
    if pages.array(0_u32).as_ref() != Ok(MAGIC) {
        return Err("it does not start like an index".to_owned());
    }
    let mut index = Index::default();
    let mut at = HEADER;
    while at + 4 <= pages.size() {
        match record(&mut pages, at) {
            Ok((offset, one, next)) => {
                index.known.insert(offset, one);
                at = next;
            }
            Err(broken) => {
                index.broken.push(broken);
                let Some(next) = next_record(&mut pages, at + 4) else { break };
                at = next;
            }
        }
    }
    Ok(index)
}

/// The record at `at`: the message's offset, what is known of it, and where the next record is.
fn record(pages: &mut Pages, at: u64) -> Result<(u32, Known, u64), Broken> {
    let head: [u8; RECORD] = pages.array(at)?;
    let word = |place| le32(&head, place).unwrap_or(0);
    let length = word(LENGTH);
    if u64::from(word(MARKER)) != at
        || length > MAX_RECORD
        || usize::try_from(length).is_ok_and(|length| length < RECORD)
    {
        return Err(Broken::at(at, "the record here is not as it must be"));
    }
    let bytes = pages.bytes(at, length.into())?;
    let bits = word(FLAGS);
    let seen = if bits & UNREAD == 0 { Flags::SEEN } else { Flags::NONE };
    let draft = if bits & UNSENT == 0 { Flags::NONE } else { Flags::DRAFT };
    let known = Known {
        number: word(NUMBER),
        is_deleted: bits & DELETED != 0,
        flags: seen | draft,
        received: received(&bytes),
    };
    Ok((word(OFFSET), known, at + u64::from(length)))
}

/// The time of arrival: where it is told to stand, if a date, a priority and a text that fits follow each other there; else
/// the first place where they do.
fn received(record: &[u8]) -> Option<InternalDate> {
    let section = le32(record, SECTION).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let told = section.checked_add(AFTER_SECTION).filter(|at| *at >= DATES);
    told.into_iter().chain((DATES..record.len()).step_by(PART)).find_map(|at| {
        let date = filetime(le64(record, at)?)?;
        let priority = le16(record, at + PRIORITY)?;
        let subject = usize::try_from(le32(record, at + SUBJECT)?).ok()?;
        (priority <= HIGHEST_PRIORITY && subject <= record.len()).then_some(date)
    })
}

/// Where after damage the next word stands that is a record's marker.
fn next_record(pages: &mut Pages, from: u64) -> Option<u64> {
    let mut at = from;
    while at + 28 <= pages.size() {
        if pages.array(at + 12).is_ok_and(|word| u64::from(u32::from_le_bytes(word)) == at) && record(pages, at).is_ok()
        {
            return Some(at);
        }
        at += 4;
    }
    None
}
