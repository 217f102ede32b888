//! A message's content from its place in an mbox: unquoted, without the store's fields, with CRLF. Used to read and to remove.
//!
//! The rules are those of facts/formats.md 1.4, "Unquoting" and "End".

use std::fs::File;
use std::io;
use std::ops::Range;

use super::headers::{content_length, is_bookkeeping};
use super::scan::eol;
use super::{long, separator};
use crate::mail::canonical::{self, BareCr};
use crate::mail::header::{self, MAX_HEADER};
use crate::mail::lines::line_end;
use crate::store::file;
use crate::store::large::{self, Large};

/// How much of a large message is read to find its header.
pub(super) const FRONT: u64 = 512 * 1024;
/// How much of its end is read to find where its body ends.
const TAIL: u64 = 64;

/// The message in `region`, which runs from its From_ line to the next one, as it would be appended.
///
/// `marks`: whether the file is kept by software that does not quote From_ lines.
pub(super) fn of(region: &[u8], marks: bool) -> Vec<u8> {
    let bare_cr = BareCr::of(region);
    let end = line_end(bare_cr);
    let (_, message) = separator::split_line(region, end);
    let length = header::length(message);
    let (head, rest) = message.split_at(length);
    let blank = eol(rest);
    let body = rest.get(blank..).unwrap_or_default();
    let told = content_length(head).filter(|_| length < MAX_HEADER && blank > 0);
    let told = told.filter(|told| is_told(body, *told)).and_then(|told| usize::try_from(told).ok());
    let body = match told {
        Some(told) => body.get(..told).unwrap_or(body),
        None => without_last_blank(body, end),
    };
    let mut out = header::without(head, is_bookkeeping);
    out.reserve_exact(canonical::crlf_capacity(rest.len()));
    out.extend_from_slice(rest.get(..blank).unwrap_or_default());
    if is_quoted(told.is_some(), marks, head) {
        unquote(body, end, &mut out);
    } else {
        out.extend_from_slice(body);
    }
    canonical::into_crlf(out, bare_cr)
}

/// The message that runs from `span.start`, where its From_ line is, to the next one, to be read in pieces. `None` where its
/// header is too long, so that it must be held in memory.
pub(super) fn large(file: File, span: &Range<u64>, marks: bool) -> io::Result<Option<Large>> {
    let front = file::read_range(&file, span.start, FRONT.min(span.end - span.start))?;
    let bare_cr = large::bare_cr(&file, span)?;
    let end = line_end(bare_cr);
    let (line, message) = separator::split_line(&front, end);
    let length = header::length(message);
    let (head, rest) = message.split_at(length);
    let blank = eol(rest);
    if length >= MAX_HEADER || blank == 0 {
        return Ok(None);
    }
    let start = span.start + long(line.len() + length + blank);
    let tail = file::read_range(&file, span.end - TAIL, TAIL)?;
    let told = content_length(head).and_then(|told| {
        let in_tail = told.checked_sub((span.end - TAIL).checked_sub(start)?)?;
        is_told(&tail, in_tail).then_some(told)
    });
    let body = match told {
        Some(told) => start..start + told,
        None => start..span.end - TAIL + long(without_last_blank(&tail, end).len()),
    };
    let mut own = header::without(head, is_bookkeeping);
    own.extend_from_slice(rest.get(..blank).unwrap_or_default());
    Large::in_mbox(file, own, body, bare_cr, is_quoted(told.is_some(), marks, head)).map(Some)
}

/// Whether the lines of a body that start with `From ` have a `>` before it.
fn is_quoted(is_told: bool, marks: bool, head: &[u8]) -> bool {
    !is_told && !marks && header::find(head, "X-UID").is_none()
}

/// Whether a body of the told length ends where this one does, but for the blank line of the mbox.
fn is_told(body: &[u8], told: u64) -> bool {
    let Some(rest) = usize::try_from(told).ok().and_then(|told| body.get(told..)) else { return false };
    rest.len() == eol(rest)
}

/// Drops the one blank line that the mbox adds after each message.
fn without_last_blank(body: &[u8], end: u8) -> &[u8] {
    let line = if body.ends_with(b"\r\n") { 2 } else { usize::from(body.ends_with(&[end])) };
    let kept = body.get(..body.len() - line).unwrap_or(body);
    if line > 0 && (kept.is_empty() || kept.ends_with(&[end])) { kept } else { body }
}

/// Takes one `>` from each line of the form `>+From `.
fn unquote(body: &[u8], end: u8, out: &mut Vec<u8>) {
    let mut copied = 0;
    for at in memchr::memmem::find_iter(body, b">From ") {
        let before = body.get(..at).unwrap_or_default();
        let quotes = before.iter().rev().take_while(|byte| **byte == b'>').count();
        let start = at - quotes;
        if start == 0 || body.get(start - 1) == Some(&end) {
            out.extend_from_slice(body.get(copied..start).unwrap_or_default());
            copied = start + 1;
        }
    }
    out.extend_from_slice(body.get(copied..).unwrap_or_default());
}

/// Whether the region that a locator names still starts with a separator.
pub(super) fn still_starts(region: &[u8]) -> bool {
    let end = line_end(BareCr::of(region));
    separator::parse(separator::split_line(region, end).0).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(region: &str, marks: bool) -> String {
        String::from_utf8(of(region.as_bytes(), marks)).unwrap()
    }

    #[test]
    fn a_message_comes_out_unquoted_without_bookkeeping_and_with_crlf() {
        for (region, marks, message) in [
            ("From - \nA: b\n\nx\n\n", false, "A: b\r\n\r\nx\r\n"),
            ("From - \nA: b\n\nx\n\n\n", false, "A: b\r\n\r\nx\r\n\r\n"),
            ("From - \nA: b\n\nx", false, "A: b\r\n\r\nx\r\n"),
            ("From - \r\nA: b\r\n\r\nx\r\n\r\n", false, "A: b\r\n\r\nx\r\n"),
            ("From - \rA: b\r\rx\r\r", false, "A: b\r\n\r\nx\r\n"),
            ("From - \nA: b\n\n", false, "A: b\r\n\r\n"),
            ("From - \nA: b\n\n\n", false, "A: b\r\n\r\n"),
            ("From - \nStatus: RO\nA: b\nX-Mozilla-Keys: a\n  b\n\nStatus: x\n", false, "A: b\r\n\r\nStatus: x\r\n"),
            (
                "From - \nA: b\n\n>From x\n>>From y\na >From z\n> From\n",
                false,
                "A: b\r\n\r\nFrom x\r\n>From y\r\na >From z\r\n> From\r\n",
            ),
            ("From - \nA: b\n\n>From x\n", true, "A: b\r\n\r\n>From x\r\n"),
            ("From - \nContent-Length: 8\n\n>From x\n\n", false, "\r\n>From x\r\n"),
            ("From - \nContent-Length: 9\n\n>From x\n\n", false, "\r\n>From x\r\n\r\n"),
            ("From - \nContent-Length: 5\n\n>From x\n\n", false, "\r\nFrom x\r\n"),
            ("From - \nX-UID: 1\n\n>From x\n\n", false, "\r\n>From x\r\n"),
        ] {
            assert_eq!(read(region, marks), message, "{region:?}");
        }
    }
}
