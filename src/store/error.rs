//! What goes wrong with a store, with the path and what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::mail::Locator;

use super::Format;

/// An error of a store. Its message names the path, the reason and, where there is one, the way out.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No format fits.
    #[error("{path}: {reason}", path = path.display())]
    NotMail {
        /// The path that was given.
        path: PathBuf,
        /// What was found instead, and what to do.
        reason: String,
    },
    /// The system refused a read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The system refused a write; nothing was removed.
    #[error("cannot change {path}: {source}; the message stays where it is", path = path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// There is no such folder in the store.
    #[error("there is no folder \"{folder}\" in {path}", path = path.display())]
    NoFolder {
        /// The folder that was asked for.
        folder: String,
        /// The store.
        path: PathBuf,
    },
    /// The format has no way to take single messages out.
    #[error("can not remove single messages from {path} ({format}); copy instead, then put the file away", path = path.display())]
    CopyOnly {
        /// The store.
        path: PathBuf,
        /// The format's name for people.
        format: &'static str,
    },
    /// The message was there when the folder was listed and is not now.
    #[error("{id} is no longer in {path}; another program moved or removed it", path = path.display())]
    Vanished {
        /// The message's id.
        id: String,
        /// The folder's file or directory.
        path: PathBuf,
    },
    /// The message is there but not as it was.
    #[error("{id} in {path} was changed since it was read; it stays where it is", path = path.display())]
    Changed {
        /// The message's id.
        id: String,
        /// The folder's file or directory.
        path: PathBuf,
    },
    /// A removal was begun, and may have come to its end or not: the message counts as gone.
    #[error("{id} may be gone from {path} or not: {reason}", path = path.display())]
    Unsure {
        /// The message's id.
        id: String,
        /// The folder's file or directory.
        path: PathBuf,
        /// Why nobody knows.
        reason: String,
    },
    /// Another program holds the file's lock.
    #[error("{path} is locked by another program; close it, then run the same command again", path = path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
}

impl StoreError {
    /// A refused read of `path`.
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    /// A refused change of `path`.
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    /// A store at `path` that is written as a whole, so that messages can only be copied out of it.
    pub(super) fn copy_only(path: &Path, format: &Format) -> Self {
        Self::CopyOnly { path: path.to_owned(), format: format.title }
    }

    /// A message that is gone from `path`.
    pub(super) fn vanished(path: &Path, locator: &Locator) -> Self {
        Self::Vanished { id: locator.id(), path: path.to_owned() }
    }

    /// A message in `path` that is no longer as it was.
    pub(super) fn changed(path: &Path, locator: &Locator) -> Self {
        Self::Changed { id: locator.id(), path: path.to_owned() }
    }

    /// The same error with its path as the user knows it.
    pub(super) fn renamed(mut self, name: impl FnOnce(&Path) -> PathBuf) -> Self {
        let (Self::NotMail { path, .. }
        | Self::Read { path, .. }
        | Self::Write { path, .. }
        | Self::NoFolder { path, .. }
        | Self::CopyOnly { path, .. }
        | Self::Vanished { path, .. }
        | Self::Changed { path, .. }
        | Self::Unsure { path, .. }
        | Self::Locked { path }) = &mut self;
        *path = name(path);
        self
    }
}
