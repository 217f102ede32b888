//! What a folder's list depends on: the files and directories it is read from, in one state. Used by the cache of lists.
//!
//! Two equal stamps mean that a list would come out the same. Content is not looked at, so that a stamp costs nothing.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::Serialize;

use super::tree::Tree;
use super::{StoreError, Walk};
use crate::mail::{FolderPath, Sha256Sum};

/// The states of some files and directories, and what else a list shows beside what is in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stamp {
    files: Vec<(Box<[u8]>, Option<State>)>,
    notes: String,
}

/// One state of a file or directory. Whoever writes to it, replaces it or sets its times back changes one of these; the
/// time of the last change of all can not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct State {
    device: u64,
    inode: u64,
    is_file: bool,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl State {
    fn of(data: &Metadata) -> Self {
        Self {
            device: data.dev(),
            inode: data.ino(),
            is_file: data.is_file(),
            size: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        }
    }
}

impl Stamp {
    /// The files and directories at `paths` as they are now; one that is not there is in a state too. `None` where the
    /// system does not tell.
    pub(super) fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Option<Self> {
        let state = |path: &'a Path| {
            let state = match fs::metadata(path) {
                Ok(data) => Some(State::of(&data)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(_) => return None,
            };
            Some((path.as_os_str().as_bytes().into(), state))
        };
        let files = paths.into_iter().map(state).collect::<Option<_>>()?;
        Some(Self { files, notes: String::new() })
    }

    /// The stamp of a folder of `tree` that is read from the paths that `files` makes of its place.
    pub(super) fn in_tree<'a, P: AsRef<Path>>(
        tree: &'a Tree,
        folder: &FolderPath,
        files: impl Fn(&'a Path) -> Vec<P>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(place) = tree.place(folder)? else { return Ok(None) };
        let mut skipped = Vec::new();
        let _ = tree.report_skipped(folder, &mut |found| {
            skipped.extend(format!("{found:?}\n").into_bytes());
            Walk::Continue(())
        });
        let stamp = Self::of(files(place).iter().map(AsRef::as_ref));
        Ok(stamp.map(|stamp| stamp.with(&Sha256Sum::of(&skipped).to_string())))
    }

    /// This stamp, and something else that a list depends on.
    pub(super) fn with(mut self, note: &str) -> Self {
        self.notes.push_str(note);
        self.notes.push('\n');
        self
    }

    /// When the latest of the files was changed, in seconds since 1970.
    pub(super) fn newest(&self) -> i64 {
        let states = self.files.iter().filter_map(|(_, state)| state.as_ref());
        states.map(|state| state.modified.0.max(state.changed.0)).max().unwrap_or(0)
    }

    /// How long the files are, directories aside.
    pub(super) fn bytes(&self) -> u64 {
        let states = self.files.iter().filter_map(|(_, state)| state.as_ref());
        states.filter(|state| state.is_file).fold(0, |sum, state| sum.saturating_add(state.size))
    }
}
