//! The Bat!: a `messages.tbb` in the directory of each folder.
//!
//! Used through [`FORMAT`]. Read marks are not known well enough, so every message counts as read. Sources:
//! facts/formats.md 1.13; felix-schwarz' tbb.txt; the bit of deleted messages by lazyhamster/Observer BatReader.cpp.

use std::io;
use std::ops::Range;
use std::path::Path;

use super::boxes::{self, BoxFile, BoxStore, Piece, Rules, Scan};
use super::mbox::long;
use super::{Format, OpenOptions, Spot, Store, StoreError, Walk};
use crate::mail::canonical::{self, BareCr};
use crate::mail::{DateSource, Flags, InternalDate, Warning};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "thebat", title: "The Bat! (.tbb)", sign, covers: &[], stands_alone: false, open };

const MAGIC: &[u8] = b"\x20\x06\x79\x19";
const RECORD_MAGIC: &[u8] = b"\x21\x09\x70\x19";
/// In the file's header: its own length. Records follow.
const HEADER_LENGTH: Range<usize> = 4..6;
/// In a record: the length of its head, the time of arrival (seconds since 1970), the state, the length of the text.
const HEAD: usize = 0x30;
const HEAD_LENGTH: Range<usize> = 4..8;
const TIME: Range<usize> = 12..16;
const STATE: usize = 20;
const TEXT_LENGTH: Range<usize> = 36..40;
/// One source only calls this bit "deleted", so the message is carried, and marked.
const DELETED: u8 = 0x01;
/// What every folder's file is called; its directory has the name.
const FILE: &str = "messages.tbb";

const RULES: Rules =
    Rules { what: "folder of The Bat!", evidence: "is a folder of The Bat!", end: ".tbb", is_box, name, specials: &[] };

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    Ok(BoxStore::boxed(boxes::find(path, &RULES, &options.company)?, TheBat))
}

fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    boxes::sign(spot, &RULES)
}

fn is_box(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

fn name(file: &str) -> String {
    if file.eq_ignore_ascii_case(FILE) { String::new() } else { boxes::stem(file) }
}

fn number(bytes: &[u8], at: Range<usize>) -> Option<u32> {
    let bytes = bytes.get(at)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// The files of this format.
struct TheBat;

impl BoxFile for TheBat {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn scan(&self, scan: &mut Scan<'_>) -> io::Result<Walk> {
        let start = scan.window.peek(0, HEADER_LENGTH.end)?;
        let mut at = u64::from(number(&start, HEADER_LENGTH).unwrap_or(0)).max(long(HEADER_LENGTH.end));
        if at > scan.window.size() && scan.damage(0, "the header of the folder is cut off").is_break() {
            return Ok(Walk::Break(()));
        }
        while at < scan.window.size() {
            let head = scan.window.peek(at, HEAD)?;
            if head.len() < HEAD || !head.starts_with(RECORD_MAGIC) {
                let next = scan.next(at + 1, RECORD_MAGIC)?.unwrap_or(scan.window.size());
                if scan.damage(at, format!("{} bytes here are no message", next - at)).is_break() {
                    return Ok(Walk::Break(()));
                }
                at = next;
                continue;
            }
            let text = at + u64::from(number(&head, HEAD_LENGTH).unwrap_or(0)).clamp(long(HEAD), 4 * long(HEAD));
            let told = text + u64::from(number(&head, TEXT_LENGTH).unwrap_or(0));
            let fits = told == scan.window.size() || scan.window.peek(told, RECORD_MAGIC.len())? == RECORD_MAGIC;
            let end = if fits { told } else { scan.next(text, RECORD_MAGIC)?.unwrap_or(scan.window.size()) };
            let mut piece = Piece { header: text, ..Piece::new(at, end) };
            let date = number(&head, TIME).map(|seconds| InternalDate::from_unix(i64::from(seconds)));
            piece.arrived = date.map(|date| (date, DateSource::Store));
            if head.get(STATE).is_some_and(|state| state & DELETED != 0) {
                piece.flags |= Flags::DELETED;
            }
            piece.warnings.extend((told > end).then_some(Warning::Truncated));
            let walk = if text < end { scan.found(piece)? } else { scan.damage(at, "a message without any text") };
            if walk.is_break() {
                return Ok(walk);
            }
            at = end.max(at + 1);
        }
        Ok(Walk::Continue(()))
    }

    fn content(&self, _: &Path, region: &[u8]) -> Option<Vec<u8>> {
        let region = region.starts_with(RECORD_MAGIC).then_some(region)?;
        let head = usize::try_from(number(region, HEAD_LENGTH)?).ok()?.clamp(HEAD, 4 * HEAD);
        let text = region.get(head..).filter(|text| !text.is_empty())?;
        Some(canonical::to_crlf(text, BareCr::of(text)))
    }
}
