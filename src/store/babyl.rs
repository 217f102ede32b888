//! Babyl, the format of Emacs' Rmail before version 23: many messages in a file, each with labels.
//!
//! Used through [`FORMAT`]. A message whose header Rmail had reformatted keeps its full header, and that is what is read.
//! Source: facts/formats.md 1.8; the format as Emacs' babyl.el and Python's `mailbox` describe it.

use std::io;
use std::path::Path;

use super::boxes::{self, BoxFile, BoxStore, Piece, Rules, Scan};
use super::mbox::{eol, long};
use super::{Format, OpenOptions, Spot, Store, StoreError, Walk};
use crate::mail::canonical::{self, BareCr};
use crate::mail::{Flags, Warning, header};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "babyl", title: "Babyl (Emacs Rmail)", sign, covers: &[], stands_alone: false, open };

const MAGIC: &[u8] = b"BABYL OPTIONS:";
/// Ends the file's own header and every message, at the start of a line.
const END: &[u8] = b"\n\x1f";
const FORM_FEED: u8 = 0x0c;
/// The line between the full header and the one that Rmail shows.
const SHOWN: &[u8] = b"*** EOOH ***";
/// A field that Rmail itself puts before the header.
const SUMMARY: &str = "Summary-line";
/// How much of a message is looked at for its labels and the start of its header.
const LOOK: usize = 64 * 1024;

const UNSEEN: &str = "unseen";
const LABEL_FLAGS: [(&str, Flags); 2] = [("deleted", Flags::DELETED), ("answered", Flags::ANSWERED)];
const FORWARDED: (&str, &str) = ("forwarded", "$Forwarded");

const RULES: Rules =
    Rules { what: "Babyl file", evidence: "is a Babyl file", end: "", is_box, name: boxes::stem, specials: &[] };

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    Ok(BoxStore::boxed(boxes::find(path, &RULES, &options.company)?, Babyl))
}

fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    boxes::sign(spot, &RULES)
}

fn is_box(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// The files of this format.
struct Babyl;

impl BoxFile for Babyl {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn scan(&self, scan: &mut Scan<'_>) -> io::Result<Walk> {
        let Some(mut at) = scan.next(0, END)? else {
            let reason = "there is no end of the file's own header, so no message";
            return Ok(if scan.is_blank_from(0)? { Walk::Continue(()) } else { scan.damage(0, reason) });
        };
        if !is_own_header(scan, at)? {
            let reason = "the end of the file's own header is damaged, so the first message is taken for a part of it";
            if scan.damage(0, reason).is_break() {
                return Ok(Walk::Break(()));
            }
        }
        while !scan.is_blank_from(at + 2)? {
            let start = at + 2; // after the end of what came before
            let end = next_end(scan, start.saturating_sub(1))?;
            let walk = if scan.window.get(start, 1)?.first() == Some(&FORM_FEED) {
                let piece = piece(scan, start + 1, end)?;
                scan.found(piece)?
            } else {
                scan.damage(start, "what stands here is no message, for it does not start with a form feed")
            };
            if walk.is_break() {
                return Ok(walk);
            }
            let Some(end) = end else { break };
            at = end;
        }
        Ok(Walk::Continue(()))
    }

    fn content(&self, _: &Path, region: &[u8]) -> Option<Vec<u8>> {
        let parts = Parts::of(region)?;
        let head = header::without(parts.header, |field| field.is(SUMMARY));
        let bare_cr = BareCr::of(region);
        let blank: &[u8] = if bare_cr == BareCr::Keep { b"\n" } else { b"\r" };
        Some(canonical::to_crlf(&[&head, blank, parts.body].concat(), bare_cr))
    }
}

/// Whether what ends at `end` can be the file's own header: that has neither a blank line nor, of course, a message.
fn is_own_header(scan: &mut Scan<'_>, end: u64) -> io::Result<bool> {
    let length = usize::try_from(end).unwrap_or(usize::MAX);
    let start = scan.window.get(0, length.min(LOOK))?;
    let own = start.get(..length).unwrap_or(start);
    Ok(length <= LOOK && header::length(own) == own.len() && !own.contains(&FORM_FEED))
}

/// The next end of a message from `from` on: one that a message, or nothing more, follows.
fn next_end(scan: &mut Scan<'_>, mut from: u64) -> io::Result<Option<u64>> {
    while let Some(at) = scan.next(from, END)? {
        let after = scan.window.get(at + long(END.len()), 1)?.first().copied();
        if matches!(after, None | Some(FORM_FEED | b'\n' | b'\r')) {
            return Ok(Some(at));
        }
        from = at + 1;
    }
    Ok(None)
}

/// The message whose region starts at `offset`.
fn piece(scan: &mut Scan<'_>, offset: u64, end: Option<u64>) -> io::Result<Piece> {
    let mut piece = Piece::new(offset, end.map_or(Ok(scan.window.size()), |end| scan.line_end(end))?);
    let length = usize::try_from(piece.length).unwrap_or(LOOK).min(LOOK);
    let bytes = scan.window.get(offset, length)?;
    let start = bytes.get(..length).unwrap_or(bytes);
    if let Some(parts) = Parts::of(start) {
        (piece.flags, piece.keywords) = labels(&parts.labels);
        piece.header += long(parts.header_at);
    }
    piece.warnings.extend(end.is_none().then_some(Warning::Truncated));
    Ok(piece)
}

/// A message's region, taken apart.
struct Parts<'a> {
    labels: String,
    /// Where the header starts in the region.
    header_at: usize,
    header: &'a [u8],
    body: &'a [u8],
}

impl<'a> Parts<'a> {
    /// The region starts with a line end and the line of labels. `None` if there is nothing more.
    fn of(region: &'a [u8]) -> Option<Self> {
        let blank = eol(region);
        let line = header::lines(region.get(blank..)?).next()?;
        let labels = String::from_utf8_lossy(line).into_owned();
        let rest = region.get(blank + line.len()..)?;
        let (full, shown) = split_shown(rest);
        let full = full.get(..header::length(full))?;
        if header::fields(full).any(|field| !field.is(SUMMARY)) {
            return Some(Self { labels, header_at: blank + line.len(), header: full, body: body_of(shown, full) });
        }
        // The header was never reformatted, so the one that is shown is all there is.
        let (header, after) = shown.split_at(header::length(shown));
        Some(Self { labels, header_at: region.len() - shown.len(), header, body: after.get(eol(after)..)? })
    }
}

/// What stands before and after the line that divides the headers. Without one, there is one header; one behind more than
/// a header is text.
fn split_shown(rest: &[u8]) -> (&[u8], &[u8]) {
    for at in memchr::memmem::find_iter(rest, SHOWN) {
        if at == 0 || matches!(rest.get(at - 1), Some(b'\n' | b'\r')) {
            let (before, after) = rest.split_at(at);
            if !before.get(header::length(before)..).unwrap_or_default().trim_ascii().is_empty() {
                break;
            }
            let line = header::lines(after).next().map_or(0, <[u8]>::len);
            return (before, after.get(line..).unwrap_or_default());
        }
    }
    (&[], rest)
}

/// The body behind the header that is shown, whose fields all stand in the full header too. Python's module shows none,
/// and then writes no blank line.
fn body_of<'a>(shown: &'a [u8], full: &[u8]) -> &'a [u8] {
    let (head, after) = shown.split_at(header::length(shown));
    let is_field = |line: &[u8]| {
        let name = header::name_length(line).and_then(|colon| line.get(..colon)).map(<[u8]>::trim_ascii_end);
        name.is_some_and(|name| header::fields(full).any(|field| field.name.eq_ignore_ascii_case(name)))
    };
    let is_header = header::lines(head).all(|line| matches!(line.first(), Some(b' ' | b'\t')) || is_field(line));
    if is_header { after.get(eol(after)..).unwrap_or_default() } else { shown }
}

/// The flags and keywords of a line such as `1, unseen, answered,, work, home,`.
fn labels(line: &str) -> (Flags, Vec<String>) {
    let line = line.trim().trim_start_matches(['0', '1']);
    let (own, users) = line.split_once(",,").unwrap_or((line, ""));
    let words = |text: &str| -> Vec<String> {
        text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
    };
    let own = words(own);
    let has = |label: &str| own.iter().any(|word| word == label);
    let mut flags = if has(UNSEEN) { Flags::NONE } else { Flags::SEEN };
    for (_, flag) in LABEL_FLAGS.iter().filter(|(label, _)| has(label)) {
        flags |= *flag;
    }
    let mut keywords = words(users);
    keywords.extend(has(FORWARDED.0).then(|| FORWARDED.1.to_owned()));
    (flags, keywords)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_flags_and_words() {
        for (line, flags, keywords) in [
            ("1, unseen,,\n", "", ""),
            ("0,,\n", "\\Seen", ""),
            ("1, answered, deleted,, work, home,", "\\Seen \\Answered \\Deleted", "work home"),
            ("1, forwarded, filed,,", "\\Seen", "$Forwarded"),
            ("", "\\Seen", ""),
        ] {
            let (set, words) = labels(line);
            assert_eq!((set.to_string().as_str(), words.join(" ").as_str()), (flags, keywords), "{line}");
        }
    }

    #[test]
    fn the_full_header_is_read_and_the_shown_one_is_not() {
        for (region, message) in [
            ("\n0,,\n*** EOOH ***\nA: b\n\ntext\n", "A: b\r\n\r\ntext\r\n"),
            ("\n0,,\nSummary-line: 1 b\n*** EOOH ***\nA: b\n\ntext\n", "A: b\r\n\r\ntext\r\n"),
            ("\n1,,\nA: b\nX: y\n\n*** EOOH ***\nA: b\n\ntext\n", "A: b\r\nX: y\r\n\r\ntext\r\n"),
            ("\n1,,\nA: b\n\n*** EOOH ***\nNote: this\n", "A: b\r\n\r\nNote: this\r\n"),
            ("\n1,,\nSummary-line: 1\nA: b\n\n*** EOOH ***\nA: b\n", "A: b\r\n\r\n"),
            ("\n1,,\nA: b\n\ntext\n*** EOOH ***\nC: d\n", "A: b\r\n\r\ntext\r\n*** EOOH ***\r\nC: d\r\n"),
            ("\r1,,\rA: b\r\r*** EOOH ***\rA: b\r\rtext\r", "A: b\r\n\r\ntext\r\n"),
        ] {
            let read = Babyl.content(Path::new(""), region.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(read).unwrap(), message, "{region:?}");
        }
    }
}
