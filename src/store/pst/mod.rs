//! Outlook data files (.pst, [MS-PST]): many folders in one file.
//!
//! Used through [`FORMAT`]. Read-only: a message is never taken out of the file. Caches of servers (.ost) are recognised
//! and refused. Orphans, whose folder is gone, are named and not carried.

mod blocks;
mod cipher;
#[cfg(test)]
mod damage;
mod disk;
mod folders;
mod heap;
mod object;
mod version;

use std::fs::File;
use std::io;
use std::path::Path;

use super::container::{Container, Contents};
use super::file::{self, FileId};
use super::mapi::Object;
use super::mapi::tags::Tag;
use super::{Damage, Folder, Format, Found, OpenOptions, Spot, Store, StoreError, Walk, mapi};
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
    Ok(Box::new(Container::<Pst>::open(path)?))
}

/// What is in one file.
struct Pst {
    disk: Disk,
    folders: Folders,
    categories: Option<Tag>,
}

/// A message's name: the number of its node.
fn name(id: NodeId) -> String {
    format!("{id:08x}")
}

impl Contents for Pst {
    /// A message's node.
    type Entry = NodeId;

    const FORMAT: &'static Format = &FORMAT;

    fn open(path: &Path) -> io::Result<(FileId, Self)> {
        let file: File = file::open_regular(path)?;
        let id = FileId::of(&file.metadata()?);
        let mut disk = Disk::open(file)?;
        let folders = Folders::read(&mut disk, path)?;
        let categories = object::categories_tag(&mut disk);
        Ok((id, Self { disk, folders, categories }))
    }

    fn folders(&self) -> Vec<Folder> {
        self.folders.all()
    }

    fn entries(&self, folder: &FolderPath) -> Result<Vec<NodeId>, StoreError> {
        self.folders.messages(folder)
    }

    fn report_skipped(&self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Walk {
        self.folders.report_skipped(folder, visit)
    }

    fn found(&mut self, path: &Path, id: NodeId) -> Vec<Found> {
        let object = match object::listed(&mut self.disk, id, self.categories) {
            Ok(object) => object,
            Err(error) => {
                let reason = format!("message {} is not read: {error}", name(id));
                return vec![Found::Damage(Damage { file: path.to_owned(), offset: 0, reason })];
            }
        };
        if !mapi::is_mail(&object) {
            return vec![Found::Hidden(super::Hidden::NotMail)];
        }
        let told = object.properties.number(mapi::tags::MESSAGE_SIZE).and_then(|size| u64::try_from(size).ok());
        let locator = Locator { name: name(id).into(), offset: 0, length: told.unwrap_or_default() };
        vec![Found::Message(mapi::envelope(&object, locator))]
    }

    fn object(&mut self, folder: &FolderPath, locator: &Locator) -> io::Result<Option<Object>> {
        let id = NodeId::from_str_radix(&locator.name, 16).ok().filter(|id| self.folders.holds(folder, *id));
        let Some(id) = id else { return Ok(None) };
        object::whole(&mut self.disk, id, self.categories).map(Some).map_err(|error| named(id, &error))
    }
}

fn named(id: NodeId, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("message {}: {error}", name(id)))
}
