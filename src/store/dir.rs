//! Walking directory trees that may be huge, looped or hostile, and what their names mean. Used by every format.
//!
//! Symbolic links are followed, since admins spread mail over disks with them; no directory is entered twice.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::company::Company;
use crate::mail::mutf7;

/// The directory beside a store that takes messages out of sight after a move; never read as mail.
pub(super) const MOVED: &str = ".mailferry-moved";

/// How deep a tree is followed. No mail program nests deeper.
const MAX_DEPTH: usize = 32;
/// How many entries are looked at.
const MOST: usize = 2_000_000;

/// What a directory entry is, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A pipe, socket or device, named.
    Other(&'static str),
}

/// One entry of a directory.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its name on disk.
    pub(super) name: OsString,
    /// The directory's path and its name.
    pub(super) path: PathBuf,
    /// What it is.
    pub(super) kind: Kind,
    /// Whether it is a symbolic link.
    pub(super) is_link: bool,
}

impl Entry {
    /// The name as text, bad UTF-8 replaced.
    pub(super) fn text(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// The entry that a path is of its directory.
    pub(super) fn at(path: &Path) -> Self {
        let kind = fs::metadata(path).map_or(Kind::Other("dead link"), |data| kind_of(data.file_type()));
        let name = path.file_name().unwrap_or(path.as_os_str()).to_owned();
        Self { name, path: path.to_owned(), kind, is_link: path.is_symlink() }
    }

    fn of(entry: &fs::DirEntry) -> Self {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => Self { name: entry.file_name(), ..Self::at(&path) },
            Ok(kind) => Self { name: entry.file_name(), path, kind: kind_of(kind), is_link: false },
            Err(_) => {
                let kind = Kind::Other("thing of unknown kind");
                Self { name: entry.file_name(), path, kind, is_link: false }
            }
        }
    }
}

fn kind_of(kind: FileType) -> Kind {
    match kind {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_fifo() => Kind::Other("pipe"),
        kind if kind.is_socket() => Kind::Other("socket"),
        _ => Kind::Other("device"),
    }
}

/// The entries of one directory by name, without `.mailferry-moved`; each one counts against `left`.
fn read(dir: &Path, left: &mut usize) -> io::Result<Vec<Entry>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir)? {
        *left = left.checked_sub(1).ok_or_else(|| io::Error::other("the tree holds too many files"))?;
        let entry = entry?;
        if entry.file_name() != MOVED {
            all.push(Entry::of(&entry));
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// The entries of one directory by name, without `.mailferry-moved`.
pub(super) fn entries(dir: &Path) -> io::Result<Vec<Entry>> {
    let mut unbounded = usize::MAX;
    read(dir, &mut unbounded)
}

/// A bounded walk: which directories were entered, and how much may still be looked at.
#[derive(Debug)]
pub(super) struct Walker {
    entered: HashSet<(u64, u64)>,
    left: usize,
    company: Company,
}

impl Walker {
    /// A walk that takes what is not another store's.
    pub(super) fn beside(company: &Company) -> Self {
        Self { entered: HashSet::new(), left: MOST, company: company.clone() }
    }

    /// The entries of `dir` by name, or why it is not entered.
    pub(super) fn enter(&mut self, dir: &Path, depth: usize) -> io::Result<Vec<Entry>> {
        if depth > MAX_DEPTH {
            return Err(io::Error::other(format!("it lies more than {MAX_DEPTH} directories deep")));
        }
        let data = fs::metadata(dir)?;
        if !self.entered.insert((data.dev(), data.ino())) {
            return Err(io::Error::other("a link leads here a second time"));
        }
        let mut entries = read(dir, &mut self.left)?;
        entries.retain(|entry| self.company.leaves(entry));
        Ok(entries)
    }
}

/// A folder's name from its name on disk: modified UTF-7 where it is that, else as it is.
pub(super) fn folder_name(name: &str) -> String {
    if name.contains('&') { mutf7::decode(name).unwrap_or_else(|| name.to_owned()) } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_only_when_they_are_modified_utf_7() {
        for (disk, shown) in [("Entw&APw-rfe", "Entwürfe"), ("Q&A", "Q&A"), ("Grüße", "Grüße"), ("R&-D", "R&D")] {
            assert_eq!(folder_name(disk), shown);
        }
    }

    #[test]
    fn a_loop_of_links_is_entered_once() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("again")).unwrap();
        let mut walker = Walker::beside(&Company::default());
        let found = walker.enter(dir.path(), 0).unwrap();
        assert_eq!(found.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [Kind::Directory]);
        assert!(walker.enter(&found[0].path, 1).is_err());
    }
}
