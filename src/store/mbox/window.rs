//! A moving view of a file of any size: one chunk in memory, read where it is asked for. Used by the scan, and by the
//! other formats with many messages in a file.

use std::fs::File;
use std::io;

use memchr::memmem::Finder;

use crate::mail::header::{self, MAX_HEADER};
use crate::store::file;

/// How much is read at once.
const CHUNK: usize = 1024 * 1024;
/// The first look at a header.
const FIRST_LOOK: usize = 8 * 1024;
/// What a search keeps of one chunk for the next: the end of a line, a blank line before it, and "From".
const OVERLAP: usize = 8;

/// A view of one file.
pub(in crate::store) struct Window<'a> {
    file: &'a File,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    /// A view of the first `size` bytes of `file`.
    pub(in crate::store) fn new(file: &'a File, size: u64) -> Self {
        Self { file, size, start: 0, bytes: Vec::new() }
    }

    /// How long the file is, as far as could be read.
    pub(in crate::store) fn size(&self) -> u64 {
        self.size
    }

    /// All that is at hand from `offset` on: at least `want` bytes, fewer only at the end of the file.
    pub(in crate::store) fn get(&mut self, offset: u64, want: usize) -> io::Result<&[u8]> {
        let want = want.min(CHUNK).min(len(self.size.saturating_sub(offset)));
        if self.held(offset).is_none_or(|held| held.len() < want) {
            let all = CHUNK.min(len(self.size.saturating_sub(offset)));
            file::read_at(self.file, offset, all, &mut self.bytes)?;
            self.start = offset;
            if self.bytes.len() < all {
                self.size = offset + long(self.bytes.len()); // the file became shorter under our hands
            }
        }
        Ok(self.held(offset).unwrap_or_default())
    }

    /// A few bytes somewhere else, without moving the view.
    pub(in crate::store) fn peek(&self, offset: u64, want: usize) -> io::Result<Vec<u8>> {
        let want = want.min(len(self.size.saturating_sub(offset)));
        match self.held(offset).and_then(|held| held.get(..want)) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => file::read_range(self.file, offset, long(want)),
        }
    }

    /// The header at `offset`: up to its blank line, `limit` or [`MAX_HEADER`], whatever comes first. Whether the blank
    /// line was seen.
    pub(in crate::store) fn header(&mut self, offset: u64, limit: u64) -> io::Result<(&[u8], bool)> {
        let most = MAX_HEADER.min(len(limit.saturating_sub(offset)));
        let mut want = FIRST_LOOK.min(most);
        loop {
            let bytes = self.get(offset, want)?;
            let bytes = bytes.get(..most.min(bytes.len())).unwrap_or_default();
            let (length, have) = (header::length(bytes), bytes.len());
            if length < have || have >= most || have < want {
                let bytes = self.get(offset, length)?;
                return Ok((bytes.get(..length).unwrap_or_default(), length < have));
            }
            want = (want * 4).min(most);
        }
    }

    /// Looks for `needle` in what is at hand from `from` on: where it stands, or where to look next, or `None` at the end.
    pub(in crate::store) fn search(&mut self, from: u64, needle: &Finder<'_>) -> io::Result<Option<Result<u64, u64>>> {
        let bytes = self.get(from, OVERLAP + 1)?;
        let (at, have) = (needle.find(bytes), bytes.len());
        Ok(match at {
            Some(at) => Some(Ok(from + long(at))),
            None if from + long(have) >= self.size || have <= OVERLAP => None,
            None => Some(Err(from + long(have - OVERLAP))),
        })
    }

    fn held(&self, offset: u64) -> Option<&[u8]> {
        self.bytes.get(usize::try_from(offset.checked_sub(self.start)?).ok()?..)
    }
}

/// A length as a file offset.
pub(in crate::store) fn long(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A file length as a length in memory, capped.
fn len(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
