//! Reading files that stand in strangers' directories: never hangs on a pipe, never reads a device, bounded.
//!
//! Used by every format. Knows nothing of mail but where a header ends.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::path::Arg;

use super::packed::{Packing, Unpacked};
use crate::mail::canonical;
use crate::mail::header::{self, MAX_HEADER};

/// The first read of a header; most are shorter.
const FIRST_READ: usize = 8 * 1024;

/// One state of one file; another state means that what was learnt of it no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
    /// Its length in bytes.
    pub(super) size: u64,
    modified: (i64, i64),
}

impl FileId {
    /// The state that `metadata` shows.
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// Whether the file was written to after that second since 1970.
    pub(super) fn modified_after(self, second: i64) -> bool {
        self.modified.0 > second
    }

    /// Whether `later` is the same file, whatever was written to it.
    pub(super) fn same_file(self, later: Self) -> bool {
        (self.device, self.inode) == (later.device, later.inode)
    }
}

/// Opens a regular file for reading. A pipe, socket or device is refused without waiting for it.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    open_known(CWD, path).map(|(file, _)| file)
}

/// Opens a regular file below the open directory `dir`, with what the system knows of it.
pub(super) fn open_known(dir: impl AsFd, path: impl Arg) -> io::Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::openat(dir, path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Up to `want` bytes at `offset`; fewer only at the end of the file.
pub(super) fn read_at(file: &File, offset: u64, want: usize, into: &mut Vec<u8>) -> io::Result<()> {
    into.resize(want, 0); // what was in it is written over
    let mut have = 0;
    while let Some(free) = into.get_mut(have..).filter(|free| !free.is_empty()) {
        let position = offset.checked_add(u64::try_from(have).unwrap_or(u64::MAX));
        match file.read_at(free, position.unwrap_or(u64::MAX)) {
            Ok(0) => break,
            Ok(got) => have += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    into.truncate(have);
    Ok(())
}

/// A part of a file that must be held in memory whole, with room for its line ends.
pub(super) fn read_range(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let fits = u32::try_from(length).ok().and_then(|length| usize::try_from(length).ok());
    let want = fits.ok_or_else(|| io::Error::other("the message is larger than 4 GiB, which IMAP can not carry"))?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(canonical::crlf_capacity(want)).map_err(io::Error::other)?;
    while bytes.len() < want {
        let at = offset.saturating_add(bytes.len() as u64);
        match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(want); // more room was more read
    Ok(bytes)
}

/// The first `want` bytes of a regular file, to judge what it is.
pub(super) fn prefix(path: &Path, want: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_at(&open_regular(path)?, 0, want, &mut bytes)?;
    Ok(bytes)
}

/// A regular file that must be held in memory, or its first `most` bytes.
pub(super) fn whole(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    read_range(&file, 0, file.metadata()?.len().min(most))
}

/// The start of a message file of that size: its header and a little more, at most [`MAX_HEADER`] bytes.
pub(super) fn head(file: &File, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut want = usize::try_from(size).unwrap_or(FIRST_READ).clamp(1, FIRST_READ);
    loop {
        read_at(file, 0, want, &mut bytes)?;
        if bytes.len() < want || want >= MAX_HEADER || header::length(&bytes) < bytes.len() {
            return Ok(bytes);
        }
        want = (want * 4).min(MAX_HEADER);
    }
}

/// The largest message that is unpacked; a few bytes may claim to be more than any memory holds.
const MAX_UNPACKED: u64 = 1024 * 1024 * 1024;

/// The first `want` bytes of what a packed file holds, or all of it; a file that is cut off or damaged is an error.
pub(super) fn unpacked(file: File, packing: Packing, want: Option<usize>) -> io::Result<Vec<u8>> {
    let limit = want.and_then(|want| u64::try_from(want).ok()).unwrap_or(MAX_UNPACKED);
    let mut bytes = Vec::new();
    let read = Unpacked::new(packing, file).take(limit).read_to_end(&mut bytes)?;
    let whole = want.is_some() || u64::try_from(read).is_ok_and(|read| read < limit);
    if whole { Ok(bytes) } else { Err(io::Error::other("it is larger than 1 GiB when it is unpacked")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::from(0o600), 0).unwrap();
        assert_eq!(open_regular(&pipe).unwrap_err().to_string(), "it is not a regular file");
        assert!(open_regular(Path::new("/dev/zero")).is_err());
    }

    #[test]
    fn a_head_grows_until_the_blank_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m");
        let long = format!("X: {}\n\n", "a".repeat(20_000));
        std::fs::write(&path, format!("{long}{}", "b".repeat(100_000))).unwrap();
        let file = open_regular(&path).unwrap();
        let bytes = head(&file, file.metadata().unwrap().len()).unwrap();
        assert!(bytes.len() > long.len() && bytes.len() < 100_000, "{}", bytes.len());
    }
}
