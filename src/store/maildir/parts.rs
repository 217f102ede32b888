//! A Maildir's `cur` and `new`, and what the system knows of the files in them.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};

use super::Message;
use super::tree::PARTS;
use crate::store::file;

/// The directories of a folder, held open: a file is found faster from there than along its whole path.
pub(super) struct Parts([io::Result<OwnedFd>; PARTS.len()]);

impl Parts {
    pub(super) fn open(folder: &Path) -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self(PARTS.map(|part| Ok(rustix::fs::open(folder.join(part), flags, Mode::empty())?)))
    }

    /// The directory of a message.
    fn of(&self, message: &Message) -> io::Result<&OwnedFd> {
        match PARTS.iter().zip(&self.0).find(|(part, _)| **part == message.part) {
            Some((_, Ok(dir))) => Ok(dir),
            Some((_, Err(error))) => Err(error.kind().into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Opens the file of a message, with what the system knows of it.
    pub(super) fn open_file(&self, message: &Message) -> io::Result<(File, Metadata)> {
        file::open_known(self.of(message)?, message.name.as_os_str())
    }

    /// What the system knows of the file of a message.
    pub(super) fn look(&self, message: &Message, flags: AtFlags) -> io::Result<Seen> {
        let known = rustix::fs::statat(self.of(message)?, message.name.as_os_str(), flags)?;
        Ok(Seen {
            is_file: FileType::from_raw_mode(known.st_mode) == FileType::RegularFile,
            length: u64::try_from(known.st_size).unwrap_or(0),
            modified: known.st_mtime,
        })
    }
}

/// What the system knows of a file.
pub(super) struct Seen {
    pub(super) is_file: bool,
    pub(super) length: u64,
    /// In seconds since 1970.
    pub(super) modified: i64,
}

impl Seen {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { is_file: metadata.is_file(), length: metadata.len(), modified: metadata.mtime() }
    }
}
