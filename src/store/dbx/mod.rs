//! Outlook Express 5 and 6 folders (.dbx): one file, a directory of them, or identities with their folder trees.
//!
//! Used through [`FORMAT`]. Reads the file in place and never writes: single messages can not be taken out of it. Holds at
//! most 4 MiB of a file, and some ten MB of marks during a walk through one of 2 GiB. Deleted messages are not looked for.

mod folder_list;
mod folders;
mod index;
mod layout;
mod message;
mod record;
mod search;
mod text;
mod walk;

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;

use super::file::{self, FileId};
use super::pages::{Broken, Pages};
use super::tree::Tree;
use super::{Count, Folder, Format, Found, OpenOptions, Removal, Store, StoreError, Walk};
use crate::mail::canonical::{self, BareCr};
use crate::mail::{FolderPath, Locator};
use layout::{Cells, TEXT_CELL};
use record::Record;
use text::Part;
use walk::Walker;

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
    let (tree, names) = folders::find(path, options)?;
    Ok(Box::new(Dbx { tree, names, counts: HashMap::new() }))
}

/// One file or a tree of them.
struct Dbx {
    tree: Tree,
    names: &'static Encoding,
    /// What whole walks have counted, while the file is as it was.
    counts: HashMap<PathBuf, (FileId, Count)>,
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
        self.walk(&path, visit).map(|_| ())
    }

    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        let Some(path) = self.tree.place(folder)?.map(Path::to_owned) else { return Ok(Count::default()) };
        let mut pages = pages(&path)?;
        if let Some((_, count)) = self.counts.get(&path).filter(|(id, _)| *id == pages.id()) {
            return Ok(*count);
        }
        if let Some(count) = Walker::new(&mut pages, &path, self.names, visit).count() {
            return Ok(count);
        }
        let mut reports = |found| if matches!(found, Found::Message(_)) { Walk::Continue(()) } else { visit(found) };
        self.walk(&path, &mut reports)
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let path = self.tree.messages(folder)?.to_owned();
        let mut pages = match pages(&path) {
            Err(StoreError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::vanished(&path, locator));
            }
            other => other?,
        };
        let text = text_at(&mut pages, locator).ok_or_else(|| StoreError::vanished(&path, locator))?;
        let (bytes, end) = text_of(&mut pages, text, locator).map_err(|source| StoreError::read(&path, source))?;
        let is_whole = match end {
            End::Whole => true,
            End::Short => false,
            // Where the listing stopped because another message has the next part, only a listing can tell.
            End::GoesOn => self.is_listed(&path, locator)?,
        };
        if is_whole {
            Ok(canonical::to_crlf(&bytes, BareCr::of(&bytes)))
        } else {
            Err(StoreError::changed(&path, locator))
        }
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        Err(StoreError::copy_only(self.tree.messages(folder)?, &FORMAT))
    }

    fn remove(&mut self, folder: &FolderPath, _: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.check_removable(folder).map(|()| Vec::new())
    }
}

impl Dbx {
    /// Shows every message of the file at `path`, and remembers how many there are.
    fn walk(&mut self, path: &Path, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        let mut pages = pages(path)?;
        match Walker::new(&mut pages, path, self.names, visit).list() {
            ControlFlow::Continue(count) => {
                self.counts.insert(path.to_owned(), (pages.id(), count));
                Ok(count)
            }
            ControlFlow::Break(()) => Ok(Count::default()),
        }
    }

    fn is_listed(&mut self, path: &Path, locator: &Locator) -> Result<bool, StoreError> {
        let mut is_listed = false;
        self.walk(path, &mut |found| {
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
fn text_at(pages: &mut Pages, locator: &Locator) -> Option<u32> {
    let at = u32::try_from(locator.offset).ok()?;
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
fn text_of(pages: &mut Pages, first: u32, locator: &Locator) -> io::Result<(Vec<u8>, End)> {
    let too_long = || io::Error::other("the message is longer than its file");
    let want = usize::try_from(locator.length.min(pages.size())).map_err(|_| too_long())?;
    let mut bytes: Vec<u8> = Vec::new();
    bytes.try_reserve_exact(want).map_err(io::Error::other)?;
    let mut goes_on = false;
    let chain = text::follow(pages, first, &mut Cells::of(TEXT_CELL), &mut |part| {
        goes_on = bytes.len() + part.len() > want;
        if !goes_on {
            bytes.extend_from_slice(part);
        }
        !goes_on
    });
    if let Some(Broken { reason, .. }) = chain.broken.as_ref().filter(|_| bytes.len() < want) {
        return Err(io::Error::other(reason.clone()));
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
