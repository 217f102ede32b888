//! Foxmail up to version 6: many messages in a `.BOX` file, each after a line of control characters.
//!
//! Used through [`FORMAT`]. The index beside it (`.IND`) is not read, so every message counts as read. Source:
//! facts/formats.md 1.13.

use std::io;
use std::path::Path;

use super::boxes::{self, BoxFile, BoxStore, Piece, Rules, Scan};
use super::mbox::{eol, long};
use super::{Format, OpenOptions, Spot, Store, StoreError, Walk};
use crate::mail::SpecialUse;
use crate::mail::canonical::{self, BareCr};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "foxmail", title: "Foxmail (.BOX)", sign, covers: &[], stands_alone: false, open };

/// What stands before every message, up to its line end.
const SEPARATOR: &[u8] = b"\x10\x10\x10\x10\x10\x10\x10\x11\x11\x11\x11\x11\x11S";

const RULES: Rules = Rules {
    what: "folder of Foxmail",
    evidence: "is a folder of Foxmail",
    end: ".box",
    is_box,
    name: boxes::stem,
    specials: &[("in", SpecialUse::Inbox)],
};

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    Ok(BoxStore::boxed(boxes::find(path, &RULES, &options.company)?, Foxmail))
}

fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    boxes::sign(spot, &RULES)
}

fn is_box(start: &[u8]) -> bool {
    start.starts_with(SEPARATOR)
}

/// The files of this format.
struct Foxmail;

impl BoxFile for Foxmail {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn scan(&self, scan: &mut Scan<'_>) -> io::Result<Walk> {
        let mut next = separator(scan, 0)?;
        if next != Some(0) && !scan.is_blank_from(0)? && scan.damage(0, "no message of Foxmail starts here").is_break()
        {
            return Ok(Walk::Break(()));
        }
        while let Some(at) = next {
            let line = scan.window.peek(at + long(SEPARATOR.len()), 2)?;
            let text = at + long(SEPARATOR.len() + eol(&line));
            next = separator(scan, text)?;
            let end = next.unwrap_or(scan.window.size());
            let piece = Piece { header: text, ..Piece::new(at, end) };
            let walk = if text < end { scan.found(piece)? } else { scan.damage(at, "a message without any text") };
            if walk.is_break() {
                return Ok(walk);
            }
        }
        Ok(Walk::Continue(()))
    }

    fn content(&self, _: &Path, region: &[u8]) -> Option<Vec<u8>> {
        let rest = region.strip_prefix(SEPARATOR)?;
        let text = rest.get(eol(rest)..).filter(|text| !text.is_empty())?;
        Some(canonical::to_crlf(text, BareCr::of(text)))
    }
}

/// Where the next separator stands, from `from` on: at the start of a line, and a line by itself.
fn separator(scan: &mut Scan<'_>, mut from: u64) -> io::Result<Option<u64>> {
    while let Some(at) = scan.next(from, SEPARATOR)? {
        let before = scan.window.peek(at.saturating_sub(1), 1)?;
        let after = scan.window.peek(at + long(SEPARATOR.len()), 2)?;
        if (at == 0 || matches!(before.as_slice(), [b'\r' | b'\n'])) && (after.is_empty() || eol(&after) > 0) {
            return Ok(Some(at));
        }
        from = at + 1;
    }
    Ok(None)
}
