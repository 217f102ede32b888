//! Outlook data files (.pst, [MS-PST]): many folders in one file.
//!
//! Used through [`FORMAT`]. Read-only: a message is never taken out of the file. Caches of servers (.ost) are recognised
//! and refused. Orphans, whose folder is gone, are named and not carried.

mod blocks;
mod cipher;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests only; they stop where something is wrong")]
mod damage;
mod disk;
mod folders;
mod heap;
mod object;
mod version;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{self, FileId};
use super::mapi::tags::Tag;
use super::{Damage, Folder, Format, Found, OpenOptions, Removal, Spot, Store, StoreError, Walk, mapi};
use crate::mail::{FolderPath, Locator};
use disk::{Disk, NodeId};
use folders::Folders;
use version::Kind;

pub(super) use version::advice;

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "pst", title: "Outlook data file (.pst)", sign, covers: &[], stands_alone: true, open };

/// How much of a file tells what it is.
const SNIFF: usize = 16;
/// How many messages pass between two reports of progress.
const REPORT_EVERY: usize = 200;

fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    (version::kind(spot.start())? == Kind::Pst).then_some("starts with !BDN and the mark of a PST")
}

fn open(path: &Path, _: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    let refused = |source| StoreError::read(path, source);
    let start = if path.is_dir() { Vec::new() } else { file::prefix(path, SNIFF).map_err(refused)? };
    if version::kind(&start) != Some(Kind::Pst) {
        let reason = advice(&start).unwrap_or_else(|| "this is no Outlook data file (.pst)".to_owned());
        return Err(StoreError::NotMail { path: path.to_owned(), reason });
    }
    Ok(Box::new(Pst { path: path.to_owned(), opened: Opened::new(path).map_err(refused)? }))
}

/// One file.
struct Pst {
    path: PathBuf,
    opened: Opened,
}

/// What is known of the file as it is.
struct Opened {
    id: FileId,
    disk: Disk,
    folders: Folders,
    categories: Option<Tag>,
}

impl Opened {
    fn new(path: &Path) -> io::Result<Self> {
        let file: File = file::open_regular(path)?;
        let id = FileId::of(&file.metadata()?);
        let mut disk = Disk::open(file)?;
        let folders = Folders::read(&mut disk, path)?;
        let categories = object::categories_tag(&mut disk);
        Ok(Self { id, disk, folders, categories })
    }

    fn found(&mut self, path: &Path, id: NodeId) -> Found {
        let damage = |error: io::Error| {
            let reason = format!("message {} is not read: {error}", name(id));
            Found::Damage(Damage { file: path.to_owned(), offset: 0, reason })
        };
        let object = match object::listed(&mut self.disk, id, self.categories) {
            Ok(object) => object,
            Err(error) => return damage(error),
        };
        if !mapi::is_mail(&object) {
            return Found::Hidden(super::Hidden::NotMail);
        }
        let told = object.properties.number(mapi::tags::MESSAGE_SIZE).and_then(|size| u64::try_from(size).ok());
        let locator = Locator { name: name(id).into(), offset: 0, length: told.unwrap_or_default() };
        Found::Message(mapi::envelope(&object, locator))
    }
}

/// A message's name: the number of its node.
fn name(id: NodeId) -> String {
    format!("{id:08x}")
}

impl Pst {
    /// The file as it is now: Outlook may have written to it.
    fn fresh(&mut self) -> Result<&mut Opened, StoreError> {
        let refused = |source| StoreError::read(&self.path, source);
        let now = FileId::of(&std::fs::metadata(&self.path).map_err(refused)?);
        if now != self.opened.id {
            self.opened = Opened::new(&self.path).map_err(refused)?;
        }
        Ok(&mut self.opened)
    }

    fn not_removed(&self) -> StoreError {
        StoreError::copy_only(&self.path, &FORMAT)
    }
}

impl Store for Pst {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn root(&self) -> &Path {
        &self.path
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        Ok(self.fresh()?.folders.all())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        let path = self.path.clone();
        let opened = self.fresh()?;
        let messages = opened.folders.messages(folder)?;
        if opened.folders.report_skipped(folder, visit).is_break() {
            return Ok(());
        }
        let total = u64::try_from(messages.len()).unwrap_or(u64::MAX);
        for (number, id) in messages.into_iter().enumerate() {
            let done = u64::try_from(number + 1).unwrap_or(u64::MAX);
            let report = ((number + 1) % REPORT_EVERY == 0).then_some(Found::Progress { done, total });
            if std::iter::once(opened.found(&path, id)).chain(report).any(|found| visit(found).is_break()) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let path = self.path.clone();
        let opened = self.fresh()?;
        let id = NodeId::from_str_radix(&locator.name, 16).ok();
        let id = id.filter(|id| opened.folders.holds(folder, *id));
        let id = id.ok_or_else(|| StoreError::vanished(&path, locator))?;
        let object = object::whole(&mut opened.disk, id, opened.categories);
        let object = object.map_err(|source| StoreError::read(&path, named(id, &source)))?;
        Ok(mapi::compose(&object))
    }

    fn check_removable(&self, _: &FolderPath) -> Result<(), StoreError> {
        Err(self.not_removed())
    }

    fn remove(&mut self, _: &FolderPath, _: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        Err(self.not_removed())
    }
}

fn named(id: NodeId, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("message {}: {error}", name(id)))
}
