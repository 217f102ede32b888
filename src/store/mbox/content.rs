//! A message's content from its place in an mbox: unquoted, without the store's fields, with CRLF. Used to read and to remove.
//!
//! The rules are those of facts/formats.md 1.4, "Unquoting" and "End".

use super::headers::{content_length, is_bookkeeping};
use super::scan::eol;
use super::separator;
use crate::mail::canonical::{self, BareCr};
use crate::mail::header::{self, MAX_HEADER};

/// The message in `region`, which runs from its From_ line to the next one, as it would be appended.
///
/// `marks`: whether the file is kept by software that does not quote From_ lines.
pub(super) fn of(region: &[u8], marks: bool) -> Vec<u8> {
    let bare_cr = BareCr::of(region);
    let end = if bare_cr == BareCr::Keep { b'\n' } else { b'\r' };
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
    let quoted = told.is_none() && !marks && header::find(head, "X-UID").is_none();
    let mut out = header::without(head, is_bookkeeping);
    out.extend_from_slice(rest.get(..blank).unwrap_or_default());
    if quoted {
        unquote(body, end, &mut out);
    } else {
        out.extend_from_slice(body);
    }
    canonical::to_crlf(&out, bare_cr)
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
    let end = if BareCr::of(region) == BareCr::Keep { b'\n' } else { b'\r' };
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
