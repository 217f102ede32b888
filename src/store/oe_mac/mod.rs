//! Outlook Express 4 for Mac: each folder is a directory with the files `Index` and `Mail`.
//!
//! Used through [`FORMAT`]. Source: facts/formats.md 1.3, from a real folder examined byte by byte. Words are big-endian,
//! lines end in CR. Attachments are kept decoded in the program's own form; such messages hold NUL and are refused later
//! by name. Where the read state stands is not known, so all messages count as read.

mod folder;

use std::io;
use std::path::Path;

use super::dir::{Entry, Kind, Walker};
use super::recovered::{Recovered, Shows};
use super::tree::Tree;
use super::{Count, Folder, Format, Found, OpenOptions, Removal, Spot, Store, StoreError, Walk, file};
use crate::mail::canonical::{self, BareCr};
use crate::mail::{FolderPath, Locator};
use folder::{INDEX, INDEX_MAGIC, MAIL, MAIL_MAGIC, Opened};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format = Format {
    name: "oe-mac",
    title: "Outlook Express 4 for Mac (Index and Mail)",
    sign,
    covers: &[],
    stands_alone: false,
    open,
};

/// Directories around the folders that say nothing.
const WRAPPERS: [&str; 2] = ["oe user(s)", "internet mail"];
fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    let company = &options.company;
    let mut tree = Tree::beside(path, company);
    let mut walker = Walker::beside(company);
    // One of the two files stands for its folder.
    let top =
        if path.is_dir() { path } else { path.parent().filter(|dir| *dir != Path::new("")).unwrap_or(Path::new(".")) };
    let entries = walker.enter(top, 0).map_err(|source| StoreError::read(path, source))?;
    walk(&mut walker, &mut tree, &FolderPath::root(), (top, &entries), 0);
    if tree.is_empty() {
        let reason = "there is no folder of Outlook Express 4 for Mac in it".to_owned();
        return Err(StoreError::NotMail { path: path.to_owned(), reason });
    }
    let has = |folder: &Path| {
        let mut first = |found| if matches!(found, Found::Message(_)) { Walk::Break(()) } else { Walk::Continue(()) };
        let opened = Opened::of(folder, Shows::Deleted);
        opened.ok().flatten().is_some_and(|mut opened| opened.list(&mut first, false).is_break())
    };
    let recovered = Recovered::add_to(&mut tree, options, has);
    Ok(Box::new(OeMac { tree, recovered }))
}

/// Whether a file is one of the two of a folder.
fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    let is_mail = spot.entry().name == MAIL && spot.start().starts_with(MAIL_MAGIC);
    let starts = [INDEX_MAGIC, MAIL_MAGIC].iter().any(|magic| spot.start().starts_with(*magic));
    (is_mail || (spot.is_given() && starts)).then_some("starts like a folder of Outlook Express 4 for Mac")
}

fn is_entered(entry: &Entry) -> bool {
    entry.kind == Kind::Directory && !entry.name.as_encoded_bytes().starts_with(b".")
}

fn is_mail(entry: &Entry) -> bool {
    entry.kind == Kind::File
        && entry.name == MAIL
        && file::prefix(&entry.path, 4).is_ok_and(|start| start == MAIL_MAGIC)
}

fn walk(walker: &mut Walker, tree: &mut Tree, here: &FolderPath, (dir, entries): (&Path, &[Entry]), depth: usize) {
    let has_index = entries
        .iter()
        .any(|entry| entry.name == INDEX && file::prefix(&entry.path, 4).is_ok_and(|start| start == INDEX_MAGIC));
    if has_index || entries.iter().any(is_mail) {
        tree.add(here.clone(), dir);
        if !entries.iter().any(is_mail) && folder::indexed(dir) > 0 {
            tree.skip(dir, format!("the file Mail is missing or not one: {} messages are lost", folder::indexed(dir)));
        }
    }
    for entry in entries.iter().filter(|entry| is_entered(entry)) {
        let name = entry.text();
        let below = if WRAPPERS.contains(&name.to_lowercase().as_str()) { here.clone() } else { here.child(name) };
        match walker.enter(&entry.path, depth + 1) {
            Ok(inner) => walk(walker, tree, &below, (&entry.path, &inner), depth + 1),
            Err(error) => tree.skip(&entry.path, format!("the directory is not read: {error}")),
        }
    }
}

/// A tree of folders.
struct OeMac {
    tree: Tree,
    /// Folders with what was deleted from the folder above.
    recovered: Recovered,
}

impl Store for OeMac {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        Ok(self.tree.folders())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        let Some(place) = self.tree.place(folder)? else { return Ok(()) };
        if self.tree.report_skipped(folder, visit).is_continue()
            && let Some(mut opened) = Opened::of(place, self.recovered.shown_in(folder))?
        {
            let _ = opened.list(visit, true); // the visitor may have seen enough
        }
        Ok(())
    }

    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        let mut count = Count::default();
        let Some(place) = self.tree.place(folder)? else { return Ok(count) };
        let mut add = |found| match found {
            Found::Message(envelope) => {
                count = Count { messages: count.messages + 1, bytes: count.bytes + envelope.size };
                Walk::Continue(())
            }
            other => visit(other),
        };
        if let Some(mut opened) = Opened::of(place, self.recovered.shown_in(folder))? {
            let _ = opened.list(&mut add, false);
        }
        Ok(count)
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let place = self.tree.messages(folder)?;
        let mut opened =
            Opened::of(place, self.recovered.shown_in(folder))?.ok_or_else(|| StoreError::vanished(place, locator))?;
        let (mail, at) = (&mut opened.mail, locator.offset);
        let shows = self.recovered.shown_in(folder);
        let header = folder::message_header(mail, at).ok().and_then(|header| header.shown(shows));
        let start = at + header.ok_or_else(|| StoreError::vanished(place, locator))?;
        let end = start.checked_add(locator.length).filter(|end| *end <= mail.size());
        let end = end.ok_or_else(|| StoreError::changed(place, locator))?;
        // Where the next message lost its start, only a listing can tell that this one ends there.
        let ends = (end..=end + folder::PADDING_LONG).any(|end| folder::is_end(mail, end));
        if !ends && !opened.is_listed(locator) {
            return Err(StoreError::changed(place, locator));
        }
        let bytes = opened
            .mail
            .bytes(start, locator.length)
            .map_err(|broken| StoreError::read(place, io::Error::other(broken.reason)))?;
        Ok(to_crlf(&bytes))
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        Err(StoreError::copy_only(self.tree.messages(folder)?, &FORMAT))
    }

    fn remove(&mut self, folder: &FolderPath, _: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.check_removable(folder).map(|()| Vec::new())
    }
}

/// A message of an old Mac as it is appended: the end of its first line says whether CR ends lines.
pub(super) fn to_crlf(message: &[u8]) -> Vec<u8> {
    let first = memchr::memchr2(b'\r', b'\n', message).and_then(|at| message.get(at..));
    let rule = match first {
        Some([b'\r', b'\n', ..] | [b'\n', ..]) => BareCr::Keep,
        _ => BareCr::EndsLine,
    };
    canonical::to_crlf(message, rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_feed_stays_alone() {
        for (message, wire) in [
            ("A: b\r\rx\ny\r\nz\r", "A: b\r\n\r\nx\r\ny\r\nz\r\n"),
            ("A: b\n\nx\ry\n", "A: b\r\n\r\nx\ry\r\n"),
            ("A: b\r\n\r\nx\ny", "A: b\r\n\r\nx\r\ny\r\n"),
        ] {
            assert_eq!(to_crlf(message.as_bytes()), wire.as_bytes(), "{message:?}");
        }
    }
}
