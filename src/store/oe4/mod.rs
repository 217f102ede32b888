//! Outlook Express 4 folders (.mbx with .idx beside it), one or a directory of them with folders.nch.
//!
//! Used through [`FORMAT`]. Reads the files in place and never writes. The .mbx file has the messages; the .idx file says
//! which were deleted and which were read.

mod folders;
mod index;
mod mailbox;
mod walk;

use std::io;
use std::path::Path;

use super::pages::Pages;
use super::recovered::{Recovered, Shows};
use super::tree::Tree;
use super::{Count, Folder, Format, Found, OpenOptions, Removal, Store, StoreError, Walk, file};
use crate::mail::canonical;
use crate::mail::{FolderPath, Locator};
use mailbox::Message;
use walk::Walker;

pub(super) use folders::{ends_in_mbx, is_mailbox};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format = Format {
    name: "oe4",
    title: "Outlook Express 4 (.mbx)",
    sign: folders::sign,
    covers: &[],
    stands_alone: false,
    open,
};

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    let mut tree = folders::find(path, &options.company)?;
    let has = |file: &Path| {
        let mut first = |found| if matches!(found, Found::Message(_)) { Walk::Break(()) } else { Walk::Continue(()) };
        pages(file)
            .is_ok_and(|mut pages| Walker::new(&mut pages, file, Shows::Deleted, false, &mut first).run().is_break())
    };
    let recovered = Recovered::add_to(&mut tree, options, has);
    Ok(Box::new(Oe4 { tree, recovered }))
}

/// One file or a tree of them.
struct Oe4 {
    tree: Tree,
    /// Folders with what was deleted from the folder above.
    recovered: Recovered,
}

impl Store for Oe4 {
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
        let Some(path) = self.tree.place(folder)? else { return Ok(()) };
        if self.tree.report_skipped(folder, visit).is_continue() {
            let _ = Walker::new(&mut pages(path)?, path, self.recovered.shown_in(folder), true, visit).run(); // the visitor may have seen enough
        }
        Ok(())
    }

    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        let Some(path) = self.tree.place(folder)? else { return Ok(Count::default()) };
        let mut count = Count::default();
        let mut add = |found| match found {
            Found::Message(envelope) => {
                count = Count { messages: count.messages + 1, bytes: count.bytes + envelope.size };
                Walk::Continue(())
            }
            other => visit(other),
        };
        let _ = Walker::new(&mut pages(path)?, path, self.recovered.shown_in(folder), false, &mut add).run();
        Ok(count)
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let path = self.tree.messages(folder)?;
        let mut pages = pages(path).map_err(|error| match error {
            StoreError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                StoreError::vanished(path, locator)
            }
            other => other,
        })?;
        let message = Message::read(&mut pages, locator.offset, &mailbox::start().1)
            .map_err(|_| StoreError::vanished(path, locator))?;
        if message.length != locator.length {
            return Err(StoreError::changed(path, locator));
        }
        let bytes = pages
            .bytes(message.text(), message.length)
            .map_err(|broken| StoreError::read(path, io::Error::other(broken.reason)))?;
        Ok(canonical::of_file(bytes))
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        Err(StoreError::copy_only(self.tree.messages(folder)?, &FORMAT))
    }

    fn remove(&mut self, folder: &FolderPath, _: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.check_removable(folder).map(|()| Vec::new())
    }
}

fn pages(path: &Path) -> Result<Pages, StoreError> {
    file::open_regular(path).and_then(Pages::new).map_err(|source| StoreError::read(path, source))
}
