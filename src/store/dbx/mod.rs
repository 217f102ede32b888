//! Outlook Express 5 and 6 folders (.dbx): one file, a directory of them, or identities with their folder trees.
//!
//! Used through [`FORMAT`]. Reads the file in place and never writes: single messages can not be taken out of it. Holds at
//! most 4 MiB of a file, and some ten MB of marks during a walk through one of 2 GiB. Deleted messages are looked for on
//! request only, and shown in folders of their own.

mod deleted;
mod folder_list;
mod folders;
mod index;
mod layout;
mod mend;
mod message;
mod record;
mod search;
mod text;
mod walk;

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use encoding_rs::Encoding;

use super::file::{self, FileId};
use super::pages::{Broken, Pages};
use super::recovered::Recovered;
use super::tree::Tree;
use super::{Count, Folder, Format, Found, OpenOptions, Removal, Stamp, Store, StoreError, Walk, ahead};
use crate::mail::canonical;
use crate::mail::{FolderPath, Locator};
use layout::{Cells, TEXT_CELL};
use message::Message;
use record::Record;
use text::Part;
use walk::{Seen, Walker};

pub(super) use record::filetime;

/// The row in `FORMATS`.
pub(super) static FORMAT: Format = Format {
    name: "dbx",
    title: "Outlook Express 5/6 (.dbx)",
    sign: folders::sign,
    covers: &[],
    stands_alone: false,
    open,
};

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    let (mut tree, names) = folders::find(path, options)?;
    let has = |file: &Path| pages(file).is_ok_and(|mut pages| deleted::is_there(&mut pages));
    let recovered = Recovered::add_to(&mut tree, options, has);
    Ok(Box::new(Dbx { tree, names, recovered, counts: HashMap::new() }))
}

/// One file or a tree of them.
struct Dbx {
    tree: Tree,
    names: &'static Encoding,
    /// Folders with what was deleted from the file of the folder above.
    recovered: Recovered,
    /// What whole walks have counted, while the file is as it was.
    counts: HashMap<FolderPath, (FileId, Count)>,
}

impl Store for Dbx {
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
        let Some(path) = self.tree.place(folder)?.map(Path::to_owned) else { return Ok(()) };
        if self.tree.report_skipped(folder, visit).is_break() {
            return Ok(());
        }
        self.walk(folder, &path, visit).map(|_| ())
    }

    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        let Some(path) = self.tree.place(folder)?.map(Path::to_owned) else { return Ok(Count::default()) };
        let mut pages = pages(&path)?;
        if let Some((_, count)) = self.counts.get(folder).filter(|(id, _)| *id == pages.id()) {
            return Ok(*count);
        }
        let mut found = |seen| if let Seen::Found(found) = seen { visit(found) } else { Walk::Continue(()) };
        if !self.recovered.holds(folder)
            && let Some(count) = Walker::new(&mut pages, &path, self.names, &mut found).count()
        {
            return Ok(count);
        }
        let mut reports = |found| if matches!(found, Found::Message(_)) { Walk::Continue(()) } else { visit(found) };
        self.walk(folder, &path, &mut reports)
    }

    fn stamp(&mut self, folder: &FolderPath) -> Result<Option<Stamp>, StoreError> {
        let stamp = Stamp::in_tree(&self.tree, folder, |place| vec![place])?;
        Ok(stamp.map(|stamp| stamp.with(self.names.name()))) // damage is told with names
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let path = self.tree.messages(folder)?.to_owned();
        let mut pages = match pages(&path) {
            Err(StoreError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::vanished(&path, locator));
            }
            other => other?,
        };
        let is_deleted = self.recovered.holds(folder);
        let text = text_at(&mut pages, locator, is_deleted).ok_or_else(|| StoreError::vanished(&path, locator))?;
        let text = text_of(&mut pages, text, locator, is_deleted);
        let (bytes, end) = text.map_err(|source| StoreError::read(&path, source))?;
        let is_whole = match end {
            End::Whole => true,
            End::Short => false,
            // Where the listing stopped because another message has the next part, only a listing can tell.
            End::GoesOn => self.is_listed(folder, &path, locator)?,
        };
        if is_whole { Ok(canonical::of_file(bytes)) } else { Err(StoreError::changed(&path, locator)) }
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        Err(StoreError::copy_only(self.tree.messages(folder)?, &FORMAT))
    }

    fn remove(&mut self, folder: &FolderPath, _: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.check_removable(folder).map(|()| Vec::new())
    }
}

impl Dbx {
    /// Shows every message of `folder`, whose file is at `path`, and remembers how many there are.
    fn walk(
        &mut self,
        folder: &FolderPath,
        path: &Path,
        visit: &mut dyn FnMut(Found) -> Walk,
    ) -> Result<Count, StoreError> {
        let mut pages = pages(path)?;
        let names = self.names;
        let work = |message: Message| Found::Message(message.envelope());
        let walked = if self.recovered.holds(folder) {
            deleted::walk(&mut pages, visit)
        } else {
            ahead::in_order(&work, visit, |line| {
                let mut put = |seen| match seen {
                    Seen::Found(found) => line.found(found),
                    Seen::Message(message) => {
                        let weight = message.text.head.len();
                        line.job(message, weight)
                    }
                };
                Walker::new(&mut pages, path, names, &mut put).list()
            })
        };
        match walked {
            ControlFlow::Continue(count) => {
                self.counts.insert(folder.clone(), (pages.id(), count));
                Ok(count)
            }
            ControlFlow::Break(()) => Ok(Count::default()),
        }
    }

    fn is_listed(&mut self, folder: &FolderPath, path: &Path, locator: &Locator) -> Result<bool, StoreError> {
        let mut is_listed = false;
        self.walk(folder, path, &mut |found| {
            is_listed |= matches!(&found, Found::Message(envelope) if envelope.locator == *locator);
            if is_listed { Walk::Break(()) } else { Walk::Continue(()) }
        })?;
        Ok(is_listed)
    }
}

fn pages(path: &Path) -> Result<Pages, StoreError> {
    file::open_regular(path).and_then(Pages::new).map_err(|source| StoreError::read(path, source))
}

/// Where the text starts of the message that a locator names: by its record, or the text itself.
fn text_at(pages: &mut Pages, locator: &Locator, is_deleted: bool) -> Option<u32> {
    let at = u32::try_from(locator.offset).ok()?;
    if is_deleted {
        return text::freed(pages, at).is_ok().then_some(at);
    }
    if Part::read(pages, at).is_ok() {
        return Some(at);
    }
    Record::read(pages, at).ok()?.number(message::TEXT).filter(|first| *first != 0)
}

/// How the text in the file ends, compared with the length that was listed.
enum End {
    Whole,
    Short,
    GoesOn,
}

/// The text that starts at `first`, as long as it was when it was listed.
fn text_of(pages: &mut Pages, first: u32, locator: &Locator, is_deleted: bool) -> io::Result<(Vec<u8>, End)> {
    let too_long = || io::Error::other("the message is longer than its file");
    let want = usize::try_from(locator.length.min(pages.size())).map_err(|_| too_long())?;
    let mut bytes: Vec<u8> = Vec::new();
    bytes.try_reserve_exact(want).map_err(io::Error::other)?;
    let mut goes_on = false;
    let mut take = |part: &[u8]| {
        goes_on = bytes.len() + part.len() > want;
        if !goes_on {
            bytes.extend_from_slice(part);
        }
        !goes_on
    };
    let mut claimed = Cells::of(TEXT_CELL);
    let broken = if is_deleted {
        deleted::follow(pages, first, &mut claimed, &mut take);
        None
    } else {
        text::follow(pages, first, &mut claimed, &mut take).broken
    };
    if let Some(Broken { reason, .. }) = broken.filter(|_| bytes.len() < want) {
        return Err(io::Error::other(reason));
    }
    let end = match bytes.len() {
        length if length < want => End::Short,
        _ if goes_on => End::GoesOn,
        _ => End::Whole,
    };
    Ok((bytes, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_page_that_is_given_overrides_the_one_that_was_found() {
        let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stores/outlook-express/identity");
        let names = |code_page: Option<&str>| {
            let code_page = code_page.map(|name| name.parse().unwrap());
            let all = open(&store, &OpenOptions { code_page, ..OpenOptions::default() }).unwrap().folders().unwrap();
            all.into_iter().map(|folder| folder.path.name().to_owned()).collect::<Vec<_>>()
        };
        assert!(names(None).contains(&"Gelöschte Objekte".to_owned()));
        assert!(names(Some("1251")).contains(&"Gelцschte Objekte".to_owned()));
    }
}
