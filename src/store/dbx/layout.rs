//! What stands where in an Outlook Express 5/6 file, and its header. Used by all of this directory.
//!
//! Source of every number: facts/formats.md 1.1, checked there on 17 real files. Words are little-endian.

use crate::store::pages::{Broken, Pages, le32};

/// The first bytes of every such file.
pub(super) const MAGIC: &[u8] = b"\xcf\xad\x12\xfe";
/// The end of the class id that all these files share; it follows the word that tells them apart.
const CLASS_END: &[u8] = b"\x66\xe3\xd1\x11\x9a\x4e\x00\xc0\x4f\xa3\x09\xd4";
/// How much of a file is looked at to know it.
pub(super) const SNIFF: usize = 0x14;

/// Where the header has the first text object that is free for use again.
const FREED_TEXTS: u64 = 0x48;
/// Where the header has the number of entries of the first tree, and its root.
const ENTRIES: u64 = 0xc4;
const ROOT: u64 = 0xe4;

/// A tree node: its length, the most entries it has, and where its parts are.
pub(super) const NODE: usize = 0x27c;
pub(super) const MAX_ENTRIES: u8 = 51;
pub(super) const NODE_FIRST_CHILD: usize = 8;
pub(super) const NODE_COUNT: usize = 17;
pub(super) const NODE_UNDER_FIRST: usize = 20;
pub(super) const NODE_ENTRIES: usize = 24;
/// An entry of a node: value, child, and how many values are under that.
pub(super) const ENTRY: usize = 12;
pub(super) const ENTRY_CHILD: usize = 4;
pub(super) const ENTRY_UNDER: usize = 8;

/// A text object: its header and the most text in it; the word after the marker says which.
pub(super) const TEXT_HEADER: usize = 16;
pub(super) const TEXT: u32 = 0x200;
pub(super) const TEXT_DELETED: u32 = 0x1fc;
/// How many bytes of text each deleted one has lost at its start: the place of the one that was freed before it.
pub(super) const TEXT_LOST: usize = 4;
/// A text object in all: what a deleted one has in place of the length of its text.
pub(super) const TEXT_OBJECT: u32 = 0x210;
pub(super) const TEXT_LENGTH: usize = 8;
pub(super) const TEXT_NEXT: usize = 12;
/// What objects never take less than, so that two of a kind in one cell of this size overlap.
pub(super) const TEXT_CELL: u64 = 0x200;
pub(super) const NODE_CELL: u64 = 0x200;
pub(super) const RECORD_CELL: u64 = 16;

/// A record (an "indexed info"): its header, and where that has the length of the rest and the number of index words.
pub(super) const RECORD_HEADER: usize = 12;
pub(super) const RECORD_LENGTH: usize = 4;
pub(super) const RECORD_FIELDS: usize = 10;
/// Records lie in segments of this length, so none is longer.
pub(super) const MAX_RECORD: u32 = 0xc000;

/// What a file holds, by its class id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The messages of one folder.
    Messages,
    /// The tree of folders (Folders.dbx).
    Folders,
    /// No mail (Pop3uidl.dbx, Offline.dbx).
    NoMail,
}

impl Class {
    /// What a file is that starts like that; `None` if it is none of these.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        let class = start.strip_prefix(MAGIC)?;
        Some(match class.split_at_checked(4) {
            Some((b"\xc5\xfd\x74\x6f", rest)) if rest.starts_with(CLASS_END) => Self::Messages,
            Some((b"\xc6\xfd\x74\x6f", rest)) if rest.starts_with(CLASS_END) => Self::Folders,
            _ => Self::NoMail,
        })
    }
}

/// What the header says of the first tree, the one with everything in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// How many entries it has.
    pub(super) entries: u32,
    /// Where its root node is, or zero.
    pub(super) root: u32,
}

impl Header {
    /// Reads it.
    pub(super) fn read(pages: &mut Pages) -> Result<Self, Broken> {
        let word = |pages: &mut Pages, at| pages.array(at).map(u32::from_le_bytes);
        Ok(Self { entries: word(pages, ENTRIES)?, root: word(pages, ROOT)? })
    }

    /// Where the first deleted text object is, which leads to the others, or zero.
    pub(super) fn freed_texts(pages: &mut Pages) -> Result<u32, Broken> {
        pages.array(FREED_TEXTS).map(u32::from_le_bytes)
    }
}

/// Checks that an object starts with its own offset, the cheapest test of damage there is.
pub(super) fn check_marker(bytes: &[u8], at: u32, what: &str) -> Result<(), Broken> {
    if le32(bytes, 0) == Some(at) { Ok(()) } else { Err(Broken::at(at, format!("there is no {what} here"))) }
}

/// Which objects of a kind were come across, one bit for each cell: 1 MiB for the texts of the largest file there can be.
#[derive(Debug)]
pub(super) struct Cells {
    cell: u64,
    bits: Vec<u64>,
}

impl Cells {
    /// No object was seen yet; two objects in one cell of that size are one.
    pub(super) fn of(cell: u64) -> Self {
        Self { cell, bits: Vec::new() }
    }

    /// Marks the object at `offset`; whether it was not marked before.
    pub(super) fn claim(&mut self, offset: u32) -> bool {
        let (index, bit) = self.place(offset);
        if self.bits.len() <= index {
            self.bits.resize(index + 1, 0);
        }
        let Some(word) = self.bits.get_mut(index) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Whether the object at `offset` is marked.
    pub(super) fn holds(&self, offset: u32) -> bool {
        let (index, bit) = self.place(offset);
        self.bits.get(index).is_some_and(|word| word & bit != 0)
    }

    fn place(&self, offset: u32) -> (usize, u64) {
        let cell = u64::from(offset) / self.cell;
        (usize::try_from(cell / 64).unwrap_or(usize::MAX), 1 << (cell % 64))
    }
}
