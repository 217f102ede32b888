//! A store of many folders in one file that is only read. Used by PST and OLM.
//!
//! A format says what is in its file; noticing that the file changed, showing and reading are here.

use std::io;
use std::path::{Path, PathBuf};

use super::file::FileId;
use super::mapi::{self, Object};
use super::{Folder, Format, Found, Removal, Stamp, Store, StoreError, Walk};
use crate::mail::{FolderPath, Locator};

/// How many entries pass between two reports of progress.
const REPORT_EVERY: usize = 100;

/// What is known of one state of a file.
pub(super) trait Contents: Send + Sized + 'static {
    /// Where messages stand in it.
    type Entry;

    /// The row in `FORMATS`.
    const FORMAT: &'static Format;

    /// Reads the folders of the file at `path`.
    fn open(path: &Path) -> io::Result<(FileId, Self)>;

    /// The folder tree.
    fn folders(&self) -> Vec<Folder>;

    /// The entries of a folder in order.
    fn entries(&self, folder: &FolderPath) -> Result<Vec<Self::Entry>, StoreError>;

    /// Names what is not read in any folder, once.
    fn report_skipped(&self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Walk;

    /// What an entry of the file at `path` holds.
    fn found(&mut self, path: &Path, entry: Self::Entry) -> Vec<Found>;

    /// The whole message that a locator names; `None` if it is not in the folder.
    fn object(&mut self, folder: &FolderPath, locator: &Locator) -> io::Result<Option<Object>>;
}

/// An open file.
pub(super) struct Container<C> {
    path: PathBuf,
    id: FileId,
    contents: C,
}

impl<C: Contents> Container<C> {
    /// Opens the file at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let (id, contents) = C::open(path).map_err(|source| StoreError::read(path, source))?;
        Ok(Self { path: path.to_owned(), id, contents })
    }

    /// What is in the file.
    pub(super) fn contents(&self) -> &C {
        &self.contents
    }

    /// The file as it is now: its program may have written to it.
    fn fresh(&mut self) -> Result<&mut C, StoreError> {
        let refused = |source| StoreError::read(&self.path, source);
        if FileId::of(&std::fs::metadata(&self.path).map_err(refused)?) != self.id {
            (self.id, self.contents) = C::open(&self.path).map_err(refused)?;
        }
        Ok(&mut self.contents)
    }

    fn not_removed(&self) -> StoreError {
        StoreError::copy_only(&self.path, C::FORMAT)
    }
}

impl<C: Contents> Store for Container<C> {
    fn format(&self) -> &'static Format {
        C::FORMAT
    }

    fn root(&self) -> &Path {
        &self.path
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        Ok(self.fresh()?.folders())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        let path = self.path.clone();
        let contents = self.fresh()?;
        let entries = contents.entries(folder)?;
        if contents.report_skipped(folder, visit).is_break() {
            return Ok(());
        }
        let total = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        for (entry, number) in entries.into_iter().zip(1_usize..) {
            let done = u64::try_from(number).unwrap_or(u64::MAX);
            let report = number.is_multiple_of(REPORT_EVERY).then_some(Found::Progress { done, total });
            if contents.found(&path, entry).into_iter().chain(report).any(|found| visit(found).is_break()) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn stamp(&mut self, _: &FolderPath) -> Result<Option<Stamp>, StoreError> {
        Ok(Stamp::of([self.path.as_path()])) // all folders are in the file
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let path = self.path.clone();
        let object = self.fresh()?.object(folder, locator).map_err(|source| StoreError::read(&path, source))?;
        object.map(|object| mapi::compose(&object)).ok_or_else(|| StoreError::vanished(&path, locator))
    }

    fn check_removable(&self, _: &FolderPath) -> Result<(), StoreError> {
        Err(self.not_removed())
    }

    fn remove(&mut self, _: &FolderPath, _: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        Err(self.not_removed())
    }
}
