//! Eudora for Windows and Mac: mailboxes (`In.mbx`, or `In` on a Mac) with tables of contents (`In.toc`).
//!
//! Used through [`FORMAT`]. The table says which messages exist and what became of them; the mailbox holds deleted ones
//! too. Attachments that Eudora took out are put back (`body`). A Mac table in a resource fork is lost on other systems;
//! then every message in the mailbox is read. Source: facts/formats.md 1.5.

mod body;
mod names;
mod toc;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::boxes::{BoxFile, BoxStore, Piece, Scan};
use super::mbox::{self, long};
use super::tree::Tree;
use super::{Format, Hidden, OpenOptions, Store, StoreError, Walk, file};
use crate::mail::header::{self, MAX_HEADER};
use crate::mail::{DateSource, Flags, FolderPath, Warning};
use toc::Entry;

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "eudora", title: "Eudora", sign: names::sign, covers: &["mbox"], stands_alone: false, open };

/// What every message starts with.
pub(super) const SEPARATOR: &[u8] = b"From ???@??? ";

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    let tree = if path.is_dir() {
        names::find(path, &options.company)?
    } else {
        file::open_regular(path).map_err(|source| StoreError::read(path, source))?;
        let mut tree = Tree::new(path);
        tree.add(FolderPath::root(), path);
        tree
    };
    let attachments = names::attachments(path);
    Ok(BoxStore::boxed(tree, Eudora { attachments }))
}

/// The files of this format.
struct Eudora {
    /// The files in the directories for attachments, by their names in lower case.
    attachments: HashMap<String, PathBuf>,
}

impl BoxFile for Eudora {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn reads_more(&self) -> bool {
        true // the table of contents beside it, and attachments
    }

    fn scan(&self, scan: &mut Scan<'_>) -> io::Result<Walk> {
        let starts = separators(scan)?;
        let table = match names::table_of(scan.path).map(|path| (toc::read(&path), path)) {
            None => None,
            Some((Ok(entries), _)) => Some(entries),
            Some((Err(error), path)) => {
                let reason = format!(
                    "the table of contents {} is not read ({error}), so deleted messages come out too",
                    path.display()
                );
                if scan.damage(0, reason).is_break() {
                    return Ok(Walk::Break(()));
                }
                None
            }
        };
        match table {
            Some(entries) => self.listed(scan, &starts, &entries),
            None => self.all(scan, &starts, |_| true),
        }
    }

    fn content(&self, _: &Path, region: &[u8]) -> Option<Vec<u8>> {
        let region = region.starts_with(SEPARATOR).then_some(region)?;
        let line = header::lines(region).next().map_or(0, <[u8]>::len);
        body::restored(region.get(line..)?, &self.attachments)
    }
}

impl Eudora {
    /// Shows what the table lists. If it does not fit the mailbox, nothing that it leaves out is taken for deleted.
    fn listed(&self, scan: &mut Scan<'_>, starts: &[u64], entries: &[Entry]) -> io::Result<Walk> {
        let (mut covered, mut left, mut fits) = (Vec::new(), scan.window.size(), true);
        for entry in entries {
            let end = entry.offset + entry.length;
            let is_start = |at: u64| starts.binary_search(&at).is_ok();
            let inside = entry.length > 0 && (end == scan.window.size() || is_start(end)) && entry.length <= left;
            let walk = if inside && is_start(entry.offset) {
                left -= entry.length; // messages do not overlap, so together they are no longer than the mailbox
                covered.push((entry.offset, end));
                self.show(scan, entry.offset, end, Some(entry))?
            } else {
                fits = false;
                scan.damage(entry.offset, "the table of contents lists a message here that is not in the mailbox")
            };
            if walk.is_break() {
                return Ok(walk);
            }
        }
        covered.sort_unstable();
        let is_listed = |start: u64| {
            let after = covered.partition_point(|(from, _)| *from <= start);
            after.checked_sub(1).and_then(|at| covered.get(at)).is_some_and(|(_, end)| start < *end)
        };
        if !fits {
            return self.all(scan, starts, |start| !is_listed(start));
        }
        for start in starts.iter().filter(|start| !is_listed(**start)) {
            let piece = Piece { hidden: Some(Hidden::Expunged), ..Piece::new(*start, *start) };
            if scan.found(piece)?.is_break() {
                return Ok(Walk::Break(()));
            }
        }
        Ok(Walk::Continue(()))
    }

    /// Shows the messages that start at separators, as far as they are `wanted`.
    fn all(&self, scan: &mut Scan<'_>, starts: &[u64], wanted: impl Fn(u64) -> bool) -> io::Result<Walk> {
        let size = scan.window.size();
        if starts.first() != Some(&0) && !scan.is_blank_from(0)? {
            let walk = scan.damage(0, "the mailbox does not start with a message of Eudora");
            if walk.is_break() {
                return Ok(walk);
            }
        }
        let ends = starts.iter().skip(1).copied().chain([size]);
        for (start, end) in starts.iter().zip(ends).filter(|(start, _)| wanted(**start)) {
            if self.show(scan, *start, end, None)?.is_break() {
                return Ok(Walk::Break(()));
            }
        }
        Ok(Walk::Continue(()))
    }

    fn show(&self, scan: &mut Scan<'_>, offset: u64, end: u64, entry: Option<&Entry>) -> io::Result<Walk> {
        let mut piece = Piece::new(offset, end);
        let region = file::read_range(scan.file, offset, piece.length)?;
        let line = header::lines(&region).next().unwrap_or_default();
        let message = region.get(line.len()..).unwrap_or_default();
        if message.is_empty() {
            return Ok(scan.damage(offset, "a separator line without a message after it"));
        }
        let head = message.get(..MAX_HEADER).unwrap_or(message);
        piece.header += long(line.len());
        if let Some(entry) = entry {
            (piece.flags, piece.keywords) = (entry.flags, entry.keyword.map(str::to_owned).into_iter().collect());
        } else {
            piece.flags = Flags::SEEN;
        }
        // The separator gives local time; a Received field tells its zone, and the table's time needs none.
        let by_line = mbox::arrival(line, head).map(|date| (date, DateSource::From));
        let by_table = entry.and_then(|entry| entry.date).map(|date| (date, DateSource::Store));
        let received = header::find(head, "Received").is_some();
        piece.arrived = if received { by_line.or(by_table) } else { by_table.or(by_line) };
        let missing = body::missing(message, &self.attachments);
        piece.warnings.extend(missing.then_some(Warning::Incomplete));
        scan.found(piece)
    }
}

/// Where messages start: separators at the start of a line.
fn separators(scan: &mut Scan<'_>) -> io::Result<Vec<u64>> {
    let mut starts = Vec::new();
    let mut from = 0;
    while let Some(at) = scan.next(from, SEPARATOR)? {
        let before = at.checked_sub(1).map(|before| scan.window.peek(before, 1)).transpose()?;
        if before.is_none_or(|before| matches!(before.as_slice(), [b'\r' | b'\n'])) {
            starts.push(at);
        }
        from = at + 1;
    }
    Ok(starts)
}
