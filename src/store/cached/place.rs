//! The directory that keeps lists: made for its owner alone, used only while nobody else can write to it, kept small.
//!
//! What is in it tells what mail there is, and a list that someone else wrote would be believed.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::process::geteuid;
use tempfile::NamedTempFile;

use super::entry::{Entry, Key};
use crate::store::file;
use crate::store::stamp::Stamp;

/// How the names of kept lists end, and how those begin that are being written.
pub(super) const ENDING: &str = ".list";
const UNFINISHED: &str = ".unfinished-";
/// Lists that were not used for so long are deleted, and what a crash left.
const DAY: Duration = Duration::from_hours(24);
const UNUSED: Duration = Duration::from_hours(60 * 24);
/// More than that is not kept; the longest unused go first.
const MAX_BYTES: u64 = 512 * 1024 * 1024;
/// Rights by which others could change what is here.
const WRITABLE: u32 = 0o022;

/// The open directory.
pub(super) struct Place {
    directory: OwnedFd,
}

impl Place {
    /// The directory at `path`, if it is there and can be trusted. A link is not followed.
    pub(super) fn existing(path: &Path) -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty()).ok()?;
        let stat = rustix::fs::fstat(&directory).ok()?;
        let is_directory = FileType::from_raw_mode(stat.st_mode).is_dir();
        (is_directory && is_own(stat.st_uid, stat.st_mode)).then_some(Self { directory })
    }

    /// The kept list of that key and stamp.
    pub(super) fn entry(&self, key: &Key, stamp: &Stamp) -> Option<Entry> {
        let (file, data) = file::open_known(&self.directory, key.name()?.as_str()).ok()?;
        if !is_own(data.uid(), data.mode()) {
            return None;
        }
        // Its time says when it was used last.
        if data.modified().ok()?.elapsed().is_ok_and(|age| age > DAY) {
            let _ = file.set_modified(SystemTime::now());
        }
        Entry::open(file, key, stamp)
    }
}

/// Whether only this user can write to what has that owner and those rights.
fn is_own(owner: u32, mode: u32) -> bool {
    owner == geteuid().as_raw() && mode & WRITABLE == 0
}

/// A new file in the directory at `path`, which is made if it is not there; readable by its owner alone.
pub(super) fn new_file(path: &Path) -> io::Result<NamedTempFile> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    if Place::existing(path).is_none() {
        return Err(io::Error::other("the cache is not this user's own"));
    }
    NamedTempFile::with_prefix_in(UNFINISHED, path)
}

/// Deletes what is old, and the oldest of what is too much. Touches nothing that does not look like the cache's own.
pub(super) fn tidy(path: &Path) {
    let Ok(entries) = fs::read_dir(path) else { return };
    let now = SystemTime::now();
    let mut kept: Vec<(Duration, u64, PathBuf)> = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let digest = name.strip_suffix(ENDING).unwrap_or_default();
        let most = if digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            UNUSED
        } else if name.starts_with(UNFINISHED) {
            DAY
        } else {
            continue;
        };
        let Ok(data) = entry.metadata() else { continue };
        let age = data.modified().ok().and_then(|time| now.duration_since(time).ok()).unwrap_or_default();
        if age > most {
            remove(&entry.path());
        } else {
            kept.push((age, data.len(), entry.path()));
        }
    }
    kept.sort_unstable();
    let mut sum = 0_u64;
    for (_, length, path) in kept {
        sum = sum.saturating_add(length);
        if sum > MAX_BYTES {
            remove(&path);
        }
    }
}

/// Another run may have deleted it already.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}
