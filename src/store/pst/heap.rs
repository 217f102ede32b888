//! Heaps of small items in the data of a node, and what is built on them: property lists and tables ([MS-PST] 2.3).

use std::collections::HashSet;
use std::io;

use super::blocks::{self, SubNodes};
use super::disk::{Disk, Node};
use crate::store::bytes::{invalid, place, u16_at, u32_at};
use crate::store::mapi::tags::Tag;
use crate::store::mapi::value::kind;
use crate::store::mapi::{MAX_ENTRIES, Properties, Value};

/// How a heap starts: where its map is, this mark, what it holds, which item is its root.
const HEAP: u8 = 0xEC;
const PROPERTIES: u8 = 0xBC;
const TABLE: u8 = 0x7C;
const TREE: u8 = 0xB5;
const ROOT: usize = 4;
/// No tree in a heap is deeper.
const MAX_LEVEL: u8 = 8;
/// Where the root of a table tells: where in a row the bits start that say which columns have a value, how long a row is,
/// the index of rows, the rows, the columns ([MS-PST] 2.3.4.1).
const ROW_BITS: usize = 6;
const ROW_LENGTH: usize = 8;
const ROW_INDEX: usize = 10;
const ROWS: usize = 14;
const COLUMNS: usize = 22;
const COLUMN: usize = 8;
/// The kind of numbers that name an item of the heap; others name a sub-node.
const KIND_BITS: u32 = 0x1F;

/// A node whose data is a heap.
pub(super) struct Heap {
    blocks: Vec<Vec<u8>>,
    sub_nodes: SubNodes,
}

impl Heap {
    /// Reads the heap of a node.
    pub(super) fn read(disk: &mut Disk, node: Node) -> io::Result<Self> {
        Ok(Self { blocks: blocks::data(disk, node.data)?, sub_nodes: blocks::sub_nodes(disk, node.sub)? })
    }

    /// The node's sub-nodes.
    pub(super) fn sub_nodes(&self) -> &SubNodes {
        &self.sub_nodes
    }

    /// The root item, if the heap holds what it should.
    fn root(&self, holds: u8) -> io::Result<u32> {
        let damaged = || invalid("a list of its properties is damaged");
        let first = self.blocks.first().ok_or_else(damaged)?;
        if first.get(2..4) != Some(&[HEAP, holds][..]) {
            return Err(damaged());
        }
        u32_at(first, ROOT).ok_or_else(damaged)
    }

    /// An item: number of the block in the upper 16 bits, then number of the item from 1, then 5 bits of kind.
    fn item(&self, id: u32) -> io::Result<&[u8]> {
        if id == 0 {
            return Ok(&[]);
        }
        let found = || {
            let block = self.blocks.get(place(id >> 16))?;
            let map = usize::from(u16_at(block, 0)?);
            let index = place(id >> 5 & 0x7FF).checked_sub(1)?;
            let count = usize::from(u16_at(block, map)?);
            let edge = |index: usize| u16_at(block, map + 4 + index * 2).map(usize::from);
            (id & KIND_BITS == 0 && index < count).then_some(())?;
            block.get(edge(index)?..edge(index + 1)?)
        };
        found().ok_or_else(|| invalid("a value of it is damaged"))
    }

    /// The records of a tree in the heap, in order: key and value of the given lengths.
    fn records(&self, root: u32, key: u8, value: u8) -> io::Result<Vec<&[u8]>> {
        let damaged = || invalid("a list of its properties is damaged");
        let head = self.item(root)?;
        let [TREE, found_key, found_value, level, ..] = head else { return Err(damaged()) };
        if (*found_key, *found_value) != (key, value) || *level > MAX_LEVEL {
            return Err(damaged());
        }
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        let mut waiting = vec![(u32_at(head, 4).ok_or_else(damaged)?, *level)];
        while let Some((id, level)) = waiting.pop() {
            if id != 0 && !seen.insert(id) {
                return Err(damaged());
            }
            let item = self.item(id)?;
            let length = usize::from(key) + if level == 0 { usize::from(value) } else { 4 };
            let rows = item.chunks_exact(length);
            if level == 0 {
                all.extend(rows);
            } else {
                let inner: Vec<_> = rows.filter_map(|row| u32_at(row, key.into())).collect();
                waiting.extend(inner.into_iter().rev().map(|id| (id, level - 1)));
            }
        }
        if all.len() > MAX_ENTRIES { Err(damaged()) } else { Ok(all) }
    }

    /// The properties of the node that are wanted, added to `found`.
    pub(super) fn properties(
        &self,
        disk: &mut Disk,
        wanted: &dyn Fn(Tag) -> bool,
        mut found: Properties,
    ) -> io::Result<Properties> {
        for record in self.records(self.root(PROPERTIES)?, 2, 6)? {
            let (Some(tag), Some(kind)) = (u16_at(record, 0), u16_at(record, 2)) else { continue };
            if wanted(tag)
                && let Some(value) = self.value(disk, kind, record.get(4..).unwrap_or_default())?
            {
                found.insert(tag, value);
            }
        }
        Ok(found)
    }

    /// A value from its cell: small ones are in it, others where it says. `None` for kinds that no message needs.
    fn value(&self, disk: &mut Disk, kind: u16, cell: &[u8]) -> io::Result<Option<Value>> {
        if matches!(kind, kind::SHORT | kind::LONG | kind::BOOLEAN) {
            return Ok(Value::of(kind, cell));
        }
        let is_text = matches!(kind & !kind::SEVERAL, kind::ANSI | kind::UNICODE | kind::BINARY);
        if !is_text && !matches!(kind, kind::TIME | kind::LONG_LONG | kind::OBJECT) {
            return Ok(None);
        }
        let place = u32_at(cell, 0).ok_or_else(|| invalid("a value of it is damaged"))?;
        let bytes = self.bytes(disk, place)?;
        Ok(if kind & kind::SEVERAL == 0 { Value::of(kind, &bytes) } else { Value::list(kind, &bytes) })
    }

    fn bytes(&self, disk: &mut Disk, place: u32) -> io::Result<Vec<u8>> {
        if place & KIND_BITS == 0 {
            return self.item(place).map(<[u8]>::to_vec);
        }
        let node = self.sub_nodes.get(&place).ok_or_else(|| invalid("a part of its content is missing"))?;
        Ok(blocks::data(disk, node.data)?.concat())
    }

    /// The rows of the node's table, each as the properties in its columns.
    pub(super) fn rows(&self, disk: &mut Disk, outer: &Properties) -> io::Result<Vec<Properties>> {
        let damaged = || invalid("a table of it is damaged");
        let root = self.item(self.root(TABLE)?)?;
        let at = |offset| u32_at(root, offset).ok_or_else(damaged);
        let length =
            usize::from(u16_at(root, ROW_LENGTH).filter(|_| root.first() == Some(&TABLE)).ok_or_else(damaged)?);
        let (index, rows) = (at(ROW_INDEX)?, at(ROWS)?);
        let index = self.records(index, 4, if disk.is_wide() { 4 } else { 2 })?;
        let blocks = self.row_blocks(disk, rows)?;
        let bits = usize::from(u16_at(root, ROW_BITS).ok_or_else(damaged)?);
        let per_block = blocks.first().map_or(0, Vec::len).checked_div(length).ok_or_else(damaged)?;
        let mut all = Vec::new();
        for record in index {
            let number = if disk.is_wide() { u32_at(record, 4).map(place) } else { u16_at(record, 4).map(usize::from) };
            let number = number.filter(|_| per_block > 0).ok_or_else(damaged)?;
            let start = number % per_block * length;
            let row = blocks
                .get(number / per_block)
                .and_then(|block| block.get(start..start + length))
                .ok_or_else(damaged)?;
            all.push(self.row(disk, root, row, bits, Properties::within(outer))?);
        }
        Ok(all)
    }

    /// The blocks with rows: rows do not cross them.
    fn row_blocks(&self, disk: &mut Disk, place: u32) -> io::Result<Vec<Vec<u8>>> {
        if place & KIND_BITS == 0 {
            return Ok(vec![self.item(place)?.to_vec()]);
        }
        let node = self.sub_nodes.get(&place).ok_or_else(|| invalid("a table of it has lost its rows"))?;
        blocks::data(disk, node.data)
    }

    fn row(
        &self,
        disk: &mut Disk,
        root: &[u8],
        row: &[u8],
        bits: usize,
        mut found: Properties,
    ) -> io::Result<Properties> {
        for column in root.get(COLUMNS..).unwrap_or_default().chunks_exact(COLUMN) {
            let (&[.., width, bit], Some(kind), Some(tag), Some(start)) =
                (column, u16_at(column, 0), u16_at(column, 2), u16_at(column, 4))
            else {
                continue;
            };
            let start = usize::from(start);
            let set = row.get(bits + usize::from(bit / 8)).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0);
            let cell = row.get(start..start + usize::from(width)).filter(|_| set);
            let Some(cell) = cell else { continue };
            // Numbers of 8 bytes are in their cell, which no recipient has a use for.
            if !matches!(kind, kind::TIME | kind::LONG_LONG)
                && let Some(value) = self.value(disk, kind, cell)?
            {
                found.insert(tag, value);
            }
        }
        Ok(found)
    }
}
