//! One path, looked at to find out what it holds. Used by the formats' signs; its start is read once for all of them.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::path::Path;

use super::dir::{Entry, Kind};
use super::file;

/// How much of a file is looked at to judge it.
const SNIFF: usize = 4096;

/// A file or directory that may hold mail.
pub struct Spot<'a> {
    entry: Cow<'a, Entry>,
    is_given: bool,
    start: OnceCell<Vec<u8>>,
}

impl<'a> Spot<'a> {
    /// A path that the user gave: its name need not say anything.
    pub(super) fn given(path: &Path) -> Self {
        Self { entry: Cow::Owned(Entry::at(path)), is_given: true, start: OnceCell::new() }
    }

    /// Something that was come across.
    pub(super) fn found(entry: &'a Entry) -> Self {
        Self { entry: Cow::Borrowed(entry), is_given: false, start: OnceCell::new() }
    }

    /// The path.
    pub(super) fn path(&self) -> &Path {
        &self.entry.path
    }

    /// The same as a directory's entry.
    pub(super) fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its name in lower case.
    pub(super) fn name(&self) -> String {
        self.entry.text().to_lowercase()
    }

    /// Whether the user gave this very path.
    pub(super) fn is_given(&self) -> bool {
        self.is_given
    }

    /// Whether it is a regular file.
    pub(super) fn is_file(&self) -> bool {
        self.entry.kind == Kind::File
    }

    /// Whether it is a directory.
    pub(super) fn is_directory(&self) -> bool {
        self.entry.kind == Kind::Directory
    }

    /// The first 4 KiB of a file; nothing of one that can not be read.
    pub(super) fn start(&self) -> &[u8] {
        self.start.get_or_init(|| {
            let start = if self.is_file() { file::prefix(self.path(), SNIFF) } else { Ok(Vec::new()) };
            start.unwrap_or_default()
        })
    }
}
