//! What blocks are joined to: the data of a node, and its sub-nodes ([MS-PST] 2.2.2.8.3).

use std::collections::BTreeMap;
use std::io;

use super::disk::{Disk, Node, NodeId};
use crate::store::bytes::{invalid, place, u16_at, u32_at};

/// How blocks that list others start.
const DATA_LIST: u8 = 1;
const SUB_LIST: u8 = 2;
/// Lists of lists are the highest level of data, lists of leaves that of sub-nodes.
const MAX_DATA_LEVEL: u8 = 2;
const MAX_SUB_LEVEL: u8 = 1;
/// Where the ids start in a list of data blocks.
const IDS: usize = 8;

/// The sub-nodes of a node.
pub(super) type SubNodes = BTreeMap<NodeId, Node>;

/// The head of a block that lists others: its level and how many it lists.
fn head(bytes: &[u8], kind: u8, max_level: u8) -> io::Result<(u8, usize)> {
    let level = bytes.get(1).copied().filter(|level| bytes.first() == Some(&kind) && *level <= max_level);
    let count = u16_at(bytes, 2).map(usize::from);
    level.zip(count).ok_or_else(|| invalid("a list of its blocks is damaged"))
}

/// The data of a node, block by block.
pub(super) fn data(disk: &mut Disk, id: u64) -> io::Result<Vec<Vec<u8>>> {
    let mut leaves = Vec::new();
    if id != 0 {
        collect(disk, id, MAX_DATA_LEVEL + 1, &mut leaves)?;
    }
    Ok(leaves)
}

/// Follows at most two levels of lists, each lower than the one before.
fn collect(disk: &mut Disk, id: u64, above: u8, leaves: &mut Vec<Vec<u8>>) -> io::Result<()> {
    let (bytes, internal) = disk.block(id)?;
    if !internal {
        leaves.push(bytes);
        return Ok(());
    }
    let (level, count) = head(&bytes, DATA_LIST, MAX_DATA_LEVEL)?;
    if level == 0 || level >= above {
        return Err(invalid("a list of its blocks leads back"));
    }
    let told = u32_at(&bytes, 4).map(place).unwrap_or_default();
    let before = leaves.len();
    for index in 0..count {
        let next = disk.id_at(&bytes, IDS, index).ok_or_else(|| invalid("a list of its blocks is cut off"))?;
        collect(disk, next, level, leaves)?;
    }
    let found: usize = leaves.iter().skip(before).map(Vec::len).sum();
    if found == told { Ok(()) } else { Err(invalid("a list of its blocks has another length than it tells")) }
}

/// The sub-nodes of a node.
pub(super) fn sub_nodes(disk: &mut Disk, id: u64) -> io::Result<SubNodes> {
    let mut all = SubNodes::new();
    if id != 0 {
        add_sub_nodes(disk, id, MAX_SUB_LEVEL + 1, &mut all)?;
    }
    Ok(all)
}

fn add_sub_nodes(disk: &mut Disk, id: u64, above: u8, all: &mut SubNodes) -> io::Result<()> {
    let cut_off = || invalid("a list of its parts is cut off");
    let (bytes, _) = disk.block(id)?;
    let (level, count) = head(&bytes, SUB_LIST, MAX_SUB_LEVEL)?;
    if level >= above {
        return Err(invalid("a list of its parts leads back"));
    }
    let start = disk.sub_start();
    for number in 0..count {
        let field = |index| {
            let fields = if level == 0 { 3 } else { 2 };
            disk.id_at(&bytes, start, number * fields + index).ok_or_else(cut_off)
        };
        if level == 0 {
            let key = u32::try_from(field(0)? & u64::from(u32::MAX)).map_err(io::Error::other)?;
            all.insert(key, Node { data: field(1)?, sub: field(2)? });
        } else {
            let next = field(1)?;
            add_sub_nodes(disk, next, level, all)?;
        }
    }
    Ok(())
}
