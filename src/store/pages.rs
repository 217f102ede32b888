//! A file of any size read here and there: small pages, the latest ones kept. Used by formats whose parts are linked by
//! offsets. Knows nothing of mail but where a header ends.

use std::fs::File;
use std::io;

use memchr::memmem::Finder;

use super::file::{self, FileId};
use crate::mail::header::{self, MAX_HEADER};

/// How much is read at once: small, since linked parts may lie anywhere.
const PAGE: usize = 16 * 1024;
const PAGE_LONG: u64 = 16 * 1024;
/// The first look at a header; most are shorter.
const FIRST_LOOK: u64 = 8 * 1024;
/// How many pages are kept: 4 MiB.
const SLOTS: usize = 256;

/// A part of a file that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Where it is, in bytes.
    pub(super) offset: u64,
    /// What is wrong, in words.
    pub(super) reason: String,
}

impl Broken {
    /// Something wrong at `offset`.
    pub(super) fn at(offset: impl Into<u64>, reason: impl Into<String>) -> Self {
        Self { offset: offset.into(), reason: reason.into() }
    }
}

/// A view of one file, as long as it was when it was opened.
#[derive(Debug)]
pub(super) struct Pages {
    file: File,
    id: FileId,
    slots: Vec<Slot>,
}

/// One page in memory; none has number zero.
#[derive(Clone, Debug, Default)]
struct Slot {
    number: u64,
    bytes: Vec<u8>,
}

impl Pages {
    /// A view of `file`.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let id = FileId::of(&file.metadata()?);
        Ok(Self { file, id, slots: vec![Slot::default(); SLOTS] })
    }

    /// How long the file is.
    pub(super) fn size(&self) -> u64 {
        self.id.size
    }

    /// The state of the file when it was opened.
    pub(super) fn id(&self) -> FileId {
        self.id
    }

    /// Fills `into` with the bytes at `offset`, all of it or fails.
    pub(super) fn fill(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Broken> {
        let (mut offset, mut rest) = (offset, into);
        while !rest.is_empty() {
            let held = self.held(offset)?;
            let length = held.len().min(rest.len());
            let (Some(from), Some((to, after))) = (held.get(..length), rest.split_at_mut_checked(length)) else {
                break;
            };
            if length == 0 {
                return Err(Broken::at(offset, "the file ends here"));
            }
            to.copy_from_slice(from);
            rest = after;
            offset += long(length);
        }
        Ok(())
    }

    /// Fails as [`Self::fill`] of so many bytes would.
    pub(super) fn check(&mut self, offset: u64, length: u64) -> Result<(), Broken> {
        let (mut at, end) = (offset, offset.saturating_add(length));
        while at < end {
            let held = long(self.held(at)?.len());
            if held == 0 {
                return Err(Broken::at(at, "the file ends here"));
            }
            at += held;
        }
        Ok(())
    }

    /// The `N` bytes at `offset`.
    pub(super) fn array<const N: usize>(&mut self, offset: impl Into<u64>) -> Result<[u8; N], Broken> {
        let mut bytes = [0; N];
        self.fill(offset.into(), &mut bytes)?;
        Ok(bytes)
    }

    /// The `length` bytes at `offset`. The length is checked against the file before anything is allocated.
    pub(super) fn bytes(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, Broken> {
        if offset.checked_add(length).is_none_or(|end| end > self.size()) {
            return Err(Broken::at(offset, "the file ends before this part does"));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.fill(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// The start of the message text at `offset`: up to its blank line, `length` or [`MAX_HEADER`], whatever comes first,
    /// and a little more.
    pub(super) fn head(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, Broken> {
        let most = length.min(long(MAX_HEADER));
        let mut want = most.min(FIRST_LOOK);
        loop {
            let bytes = self.bytes(offset, want)?;
            if want >= most || header::length(&bytes) < bytes.len() {
                return Ok(bytes);
            }
            want = (want * 4).min(most);
        }
    }

    /// Where `needle` next stands at or after `from`. Parts that can not be read are passed over.
    pub(super) fn find(&mut self, from: u64, needle: &Finder<'_>) -> Option<u64> {
        let keep = needle.needle().len().saturating_sub(1);
        let (mut at, mut before) = (from, Vec::new());
        while at < self.size() {
            let skip = PAGE_LONG - at % PAGE_LONG;
            let page = self.held(at).unwrap_or_default();
            let start = at - long(before.len());
            before.extend_from_slice(page);
            if let Some(found) = needle.find(&before) {
                return Some(start + long(found));
            }
            if page.is_empty() {
                before.clear();
            }
            before.drain(..before.len().saturating_sub(keep));
            at += skip;
        }
        None
    }

    /// What is at hand from `offset` to the end of its page; nothing only at the end of the file.
    fn held(&mut self, offset: u64) -> Result<&[u8], Broken> {
        let number = offset / PAGE_LONG + 1;
        let within = usize::try_from(offset % PAGE_LONG).unwrap_or(PAGE);
        let slot = usize::try_from(number % long(SLOTS)).unwrap_or(0);
        let Some(slot) = self.slots.get_mut(slot) else { return Ok(&[]) };
        if slot.number != number {
            slot.number = 0;
            let start = offset - offset % PAGE_LONG;
            let want = self.id.size.saturating_sub(start).min(PAGE_LONG);
            file::read_at(&self.file, start, usize::try_from(want).unwrap_or(PAGE), &mut slot.bytes)
                .map_err(|error| Broken::at(start, format!("it can not be read: {error}")))?;
            slot.number = number;
        }
        Ok(slot.bytes.get(within..).unwrap_or_default())
    }
}

/// A length as a file offset.
pub(super) fn long(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The little-endian word at `at`.
pub(super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// The little-endian double word at `at`.
pub(super) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

/// The little-endian half word at `at`.
pub(super) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

/// The big-endian word at `at`.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

/// The bytes at `at` up to a NUL or the end.
pub(super) fn c_string(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    rest.get(..memchr::memchr(0, rest).unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_across_pages_and_past_the_end() {
        let mut file = tempfile::tempfile().unwrap();
        let mut all: Vec<u8> = (0..=250).cycle().take(PAGE * 2 + 100).collect();
        all[PAGE - 2..PAGE + 2].copy_from_slice(b"\xff\xfe\xfd\xfc");
        std::io::Write::write_all(&mut file, &all).unwrap();
        let mut pages = Pages::new(file).unwrap();
        let at = PAGE_LONG - 2;
        assert_eq!(pages.array(at), Ok(*b"\xff\xfe\xfd\xfc"));
        assert_eq!(pages.find(0, &Finder::new(b"\xff\xfe\xfd\xfc")), Some(at));
        assert_eq!(pages.find(at + 1, &Finder::new(b"\xff\xfe\xfd\xfc")), None);
        assert_eq!(pages.bytes(0, long(all.len())).unwrap(), all);
        assert!(pages.bytes(at, u64::MAX).is_err() && pages.array::<8>(long(all.len()) - 4).is_err());
    }
}
