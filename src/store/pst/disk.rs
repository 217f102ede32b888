//! The lowest layer of a PST: its header, the two trees of pages, and blocks ([MS-PST] 2.2). Every checksum is checked.
//!
//! By hand, since the crate for it can be made to overflow the stack (a block that lists itself) or to allocate what a
//! count claims, which ends the whole program and can not be caught. Nothing here recurses by what the file says, and
//! nothing is allocated before it is known to be in the file.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::sync::Arc;

use super::cipher::{Cipher, checksum};
use super::version::{NARROW_VERSIONS, VERSION};
use crate::store::bytes::{invalid, u16_at, u32_at, u64_at};
use crate::store::file;

/// The two forms of the file: numbers of 4 bytes (before Outlook 2003) or of 8.
struct Layout {
    is_wide: bool,
    /// Where the header has the roots of both trees, and the way data is encoded.
    nodes: usize,
    blocks: usize,
    cipher: usize,
    /// Where a page has its number of entries, their length and its level; its trailer; the checksum there.
    page_count: usize,
    page_trailer: usize,
    page_checksum: usize,
    /// Lengths of entries: inner, of nodes, of blocks.
    inner: usize,
    node: usize,
    block: usize,
    /// Length of a block's trailer, and where in it the checksum is.
    block_trailer: usize,
    block_checksum: usize,
    /// Where the entries of a block of sub-nodes start.
    sub_start: usize,
}

/// Source: [MS-PST] 2.2.2.6 (header), 2.2.2.7 (pages), 2.2.2.8 (blocks).
static NARROW: Layout = Layout {
    is_wide: false,
    nodes: 0xBC,
    blocks: 0xC4,
    cipher: 0x1CD,
    page_count: 496,
    page_trailer: 500,
    page_checksum: 508,
    inner: 12,
    node: 16,
    block: 12,
    block_trailer: 12,
    block_checksum: 8,
    sub_start: 4,
};
static WIDE: Layout = Layout {
    is_wide: true,
    nodes: 0xE0,
    blocks: 0xF0,
    cipher: 0x201,
    page_count: 488,
    page_trailer: 496,
    page_checksum: 500,
    inner: 24,
    node: 32,
    block: 24,
    block_trailer: 16,
    block_checksum: 4,
    sub_start: 8,
};

const PAGE: usize = 512;
const HEADER: usize = 564;
/// Kinds of pages.
const BLOCK_PAGE: u8 = 0x80;
const NODE_PAGE: u8 = 0x81;
/// No tree of 512-byte pages is deeper for any file there can be.
const MAX_LEVEL: u8 = 10;
/// Pages kept in memory, 512 bytes each.
const MAX_PAGES: usize = 8192;
/// Blocks start and end at multiples of this.
const UNIT: u64 = 64;
/// Set in the id of a block that lists other blocks; the lowest bit is for the writer alone.
const INTERNAL: u64 = 2;
const WRITER_BIT: u64 = 1;

/// The number of a node, with its kind in the low bits.
pub(super) type NodeId = u32;

/// A node: the blocks of its data and of its sub-nodes; 0 for none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) data: u64,
    pub(super) sub: u64,
}

/// An open PST.
pub(super) struct Disk {
    file: File,
    size: u64,
    layout: &'static Layout,
    cipher: Cipher,
    nodes: u64,
    blocks: u64,
    pages: HashMap<u64, Arc<[u8]>>,
    /// How many bytes of blocks may still be read for one thing that was asked for.
    left: u64,
}

impl Disk {
    /// Reads the header of a file that is a PST.
    pub(super) fn open(file: File) -> io::Result<Self> {
        let header = file::read_range(&file, 0, HEADER as u64)?;
        let version = u16_at(&header, VERSION).unwrap_or_default();
        let layout = if NARROW_VERSIONS.contains(&version) { &NARROW } else { &WIDE };
        let number = header.get(layout.cipher).copied().and_then(Cipher::of);
        let cipher = number.ok_or_else(|| invalid("it is encoded in a way that is not known"))?;
        let root = |at| wide(layout, &header, at, 0).ok_or_else(|| invalid("its header is cut off"));
        let (nodes, blocks) = (root(layout.nodes)?, root(layout.blocks)?);
        let size = file.metadata()?.len();
        Ok(Self { file, size, layout, cipher, nodes, blocks, pages: HashMap::new(), left: size })
    }

    /// Starts reading something new: all its blocks together can not be longer than the file.
    pub(super) fn start(&mut self) {
        self.left = self.size;
    }

    /// The node of that number.
    pub(super) fn node(&mut self, id: NodeId) -> io::Result<Option<Node>> {
        let found = self.find(NODE_PAGE, u64::from(id))?;
        let layout = self.layout;
        Ok(found.and_then(|entry| Some(Node { data: wide(layout, &entry, 0, 1)?, sub: wide(layout, &entry, 0, 2)? })))
    }

    /// The numbers of all nodes with those of the nodes above them, and how many pages of them are damaged.
    pub(super) fn all_nodes(&mut self) -> (Vec<(NodeId, NodeId)>, Vec<io::Error>) {
        let (mut all, mut damage) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        let mut waiting = vec![(self.nodes, None)];
        while let Some((offset, level)) = waiting.pop() {
            if !seen.insert(offset) {
                damage.push(invalid("two entries of its index lead to one page"));
                continue;
            }
            let page = match self.page(offset, NODE_PAGE, level) {
                Ok(page) => page,
                Err(error) => {
                    damage.push(error);
                    continue;
                }
            };
            let entries = page.entries(self.layout, self.layout.node);
            let layout = self.layout;
            if page.level == 0 {
                let parent = if layout.is_wide { 24 } else { 12 };
                all.extend(entries.filter_map(|entry| Some((u32_at(entry, 0)?, u32_at(entry, parent)?))));
            } else {
                let inner: Vec<_> = entries.filter_map(|entry| wide(layout, entry, 0, 2)).collect();
                waiting.extend(inner.into_iter().rev().map(|offset| (offset, Some(page.level - 1))));
            }
        }
        (all, damage)
    }

    /// The entry with that key in a tree of pages.
    fn find(&mut self, kind: u8, key: u64) -> io::Result<Option<Vec<u8>>> {
        let layout = self.layout;
        let (mut offset, mut level) = (if kind == NODE_PAGE { self.nodes } else { self.blocks }, None);
        loop {
            let page = self.page(offset, kind, level)?;
            let length = if kind == NODE_PAGE { layout.node } else { layout.block };
            let mut entries = page.entries(layout, length);
            if page.level == 0 {
                let is_it = |entry: &&[u8]| entry_key(layout, entry, kind) == Some(key);
                return Ok(entries.find(is_it).map(<[u8]>::to_vec));
            }
            let last =
                entries.take_while(|entry| entry_key(layout, entry, kind).is_some_and(|first| first <= key)).last();
            let Some(next) = last.and_then(|entry| wide(layout, entry, 0, 2)) else { return Ok(None) };
            (offset, level) = (next, Some(page.level - 1));
        }
    }

    /// The page at an offset, checked.
    fn page(&mut self, offset: u64, kind: u8, level: Option<u8>) -> io::Result<Page> {
        let bytes = if let Some(bytes) = self.pages.get(&offset) {
            Arc::clone(bytes)
        } else {
            let bytes: Arc<[u8]> = file::read_range(&self.file, offset, PAGE as u64)?.into();
            if self.pages.len() >= MAX_PAGES {
                self.pages.clear();
            }
            self.pages.insert(offset, Arc::clone(&bytes));
            bytes
        };
        let layout = self.layout;
        let damaged = || invalid(format!("the page of its index at {offset} is damaged"));
        let told = u32_at(&bytes, layout.page_checksum).ok_or_else(damaged)?;
        let body = bytes.get(..layout.page_trailer).ok_or_else(damaged)?;
        let found = bytes.get(layout.page_trailer).copied().ok_or_else(damaged)?;
        let at = |place| bytes.get(layout.page_count + place).copied().ok_or_else(damaged);
        let (count, length, found_level) = (at(0)?, at(2)?, at(3)?);
        let fits = level.map_or(found_level <= MAX_LEVEL, |level| level == found_level);
        if found != kind || checksum(body) != told || !fits {
            return Err(damaged());
        }
        Ok(Page { bytes, count: count.into(), length: length.into(), level: found_level })
    }

    /// A block, decoded, and whether it lists other blocks.
    pub(super) fn block(&mut self, id: u64) -> io::Result<(Vec<u8>, bool)> {
        let layout = self.layout;
        let key = id & !WRITER_BIT;
        let damaged = || invalid(format!("block {id:x} of it is damaged"));
        let entry = self.find(BLOCK_PAGE, key)?.ok_or_else(|| invalid(format!("block {id:x} of it is missing")))?;
        let offset = wide(layout, &entry, 0, 1).ok_or_else(damaged)?;
        let length = u16_at(&entry, if layout.is_wide { 16 } else { 8 }).ok_or_else(damaged)?;
        let trailer = layout.block_trailer as u64;
        let whole = (u64::from(length) + trailer).next_multiple_of(UNIT);
        self.left = self.left.checked_sub(whole).ok_or_else(|| invalid("its parts are longer than the file"))?;
        let mut bytes = file::read_range(&self.file, offset, whole)?;
        let at = usize::try_from(whole - trailer).map_err(io::Error::other)?;
        let told = u32_at(&bytes, at + layout.block_checksum).ok_or_else(damaged)?;
        bytes.truncate(length.into());
        if checksum(&bytes) != told {
            return Err(damaged());
        }
        let internal = id & INTERNAL != 0;
        if !internal {
            self.cipher.decode(&mut bytes, key);
        }
        Ok((bytes, internal))
    }

    /// The number `index` of a row of block ids that starts at `at`.
    pub(super) fn id_at(&self, bytes: &[u8], at: usize, index: usize) -> Option<u64> {
        wide(self.layout, bytes, at, index)
    }

    /// Where the entries of a block of sub-nodes start.
    pub(super) fn sub_start(&self) -> usize {
        self.layout.sub_start
    }

    /// Whether numbers take 8 bytes.
    pub(super) fn is_wide(&self) -> bool {
        self.layout.is_wide
    }
}

/// The key of an entry. The lowest bit of a block's is the writer's.
fn entry_key(layout: &Layout, entry: &[u8], kind: u8) -> Option<u64> {
    let key = wide(layout, entry, 0, 0)?;
    Some(if kind == NODE_PAGE { key & u64::from(u32::MAX) } else { key & !WRITER_BIT })
}

/// The number `index` of a row of numbers of the file's width that starts at `at`.
fn wide(layout: &Layout, bytes: &[u8], at: usize, index: usize) -> Option<u64> {
    if layout.is_wide { u64_at(bytes, at + index * 8) } else { u32_at(bytes, at + index * 4).map(u64::from) }
}

struct Page {
    bytes: Arc<[u8]>,
    count: usize,
    length: usize,
    level: u8,
}

impl Page {
    /// Its entries; those of a leaf have the given length at least.
    fn entries(&self, layout: &'static Layout, leaf: usize) -> impl Iterator<Item = &[u8]> {
        let least = if self.level == 0 { leaf } else { layout.inner };
        let rows = self.bytes.get(..layout.page_count).unwrap_or_default();
        rows.chunks_exact(self.length.max(least)).take(self.count)
    }
}
