//! MMDF: many messages in a file, each between lines of four ^A, as MMDF and SCO mail wrote them.
//!
//! Used through [`FORMAT`]. Flags stand in Status fields as in an mbox; nothing is quoted. Source: facts/formats.md 1.8.

use std::io;
use std::path::Path;

use super::boxes::{self, BoxFile, BoxStore, Piece, Rules, Scan};
use super::mbox::{self, eol, long};
use super::{Format, OpenOptions, Spot, Store, StoreError, Walk};
use crate::mail::canonical::{self, BareCr};
use crate::mail::header::{self, MAX_HEADER};
use crate::mail::{DateSource, Warning};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format = Format { name: "mmdf", title: "MMDF", sign, covers: &[], stands_alone: false, open };

const MARK: &[u8] = b"\x01\x01\x01\x01";
const MARK_LINE: &[u8] = b"\n\x01\x01\x01\x01";
const FROM_LINE: &[u8] = b"From ";

const RULES: Rules =
    Rules { what: "MMDF file", evidence: "is an MMDF file", end: "", is_box, name: boxes::stem, specials: &[] };

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    Ok(BoxStore::boxed(boxes::find(path, &RULES, &options.company)?, Mmdf))
}

fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    boxes::sign(spot, &RULES)
}

fn is_box(start: &[u8]) -> bool {
    start.starts_with(b"\x01\x01\x01\x01\n") || start.starts_with(b"\x01\x01\x01\x01\r\n")
}

/// The files of this format.
struct Mmdf;

impl BoxFile for Mmdf {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn scan(&self, scan: &mut Scan<'_>) -> io::Result<Walk> {
        let mut at = mark(scan, 0)?;
        if at == 0 && !scan.is_blank_from(0)? && scan.damage(0, "it does not start with a line of four ^A").is_break() {
            return Ok(Walk::Break(()));
        }
        while !scan.is_blank_from(at)? {
            // A second mark in a row starts what the first one ended.
            let second = mark(scan, at)?;
            if second > 0 {
                at += second;
                continue;
            }
            let next = next_mark(scan, at)?;
            let end = next.map_or(scan.window.size(), |(end, _)| end);
            let mut piece = piece(scan, at, end)?;
            piece.warnings.extend(next.is_none().then_some(Warning::Truncated));
            let walk = scan.found(piece)?;
            if walk.is_break() {
                return Ok(walk);
            }
            let Some((_, after)) = next else { break };
            at = after;
        }
        Ok(Walk::Continue(()))
    }

    fn content(&self, _: &Path, region: &[u8]) -> Option<Vec<u8>> {
        let message = region.get(from_line(region).len()..)?;
        let plain = header::without(message, mbox::is_bookkeeping);
        Some(canonical::to_crlf(&plain, BareCr::of(region)))
    }
}

/// How long the line of ^A at `at` is; 0 if there is none.
fn mark(scan: &mut Scan<'_>, at: u64) -> io::Result<u64> {
    let bytes = scan.window.get(at, MARK.len() + 2)?;
    let rest = bytes.strip_prefix(MARK);
    Ok(rest.filter(|rest| rest.is_empty() || eol(rest) > 0).map_or(0, |rest| long(MARK.len() + eol(rest))))
}

/// The next line of ^A after a message that starts at `from`: where its message ends, and where what follows starts.
fn next_mark(scan: &mut Scan<'_>, from: u64) -> io::Result<Option<(u64, u64)>> {
    let mut from = from;
    while let Some(at) = scan.next(from, MARK_LINE)? {
        let length = mark(scan, at + 1)?;
        if length > 0 {
            return Ok(Some((scan.line_end(at)?, at + 1 + length)));
        }
        from = at + 1;
    }
    Ok(None)
}

fn from_line(region: &[u8]) -> &[u8] {
    if region.starts_with(FROM_LINE) { header::lines(region).next().unwrap_or_default() } else { &[] }
}

/// The message in a region.
fn piece(scan: &mut Scan<'_>, at: u64, end: u64) -> io::Result<Piece> {
    let mut piece = Piece::new(at, end);
    let length = usize::try_from(piece.length).unwrap_or(MAX_HEADER).min(MAX_HEADER);
    let region = scan.window.get(at, length)?;
    let region = region.get(..length).unwrap_or(region);
    let line = from_line(region);
    let head = region.get(line.len()..).unwrap_or_default();
    (piece.flags, piece.keywords) = mbox::marks(head);
    piece.arrived = mbox::arrival(line, head).map(|date| (date, DateSource::From));
    piece.header += long(line.len());
    Ok(piece)
}
