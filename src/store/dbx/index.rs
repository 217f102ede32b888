//! The tree by which a file finds its records, walked in order. A node that is not as it must be loses only what is under it.

use super::layout::{
    Cells, ENTRY, ENTRY_CHILD, ENTRY_UNDER, MAX_ENTRIES, NODE, NODE_CELL, NODE_COUNT, NODE_ENTRIES, NODE_FIRST_CHILD,
    NODE_UNDER_FIRST, check_marker,
};
use crate::store::pages::{Broken, Pages, le32};

/// Real trees of 4 GiB files would be 5 deep; this bounds what is kept in memory.
const MAX_DEPTH: usize = 64;

/// A walk through one tree.
pub(super) struct Index {
    stack: Vec<Frame>,
    seen: Cells,
    broken: Option<Broken>,
}

/// A node, and which of its steps comes next: first child, value, child, value, child …
struct Frame {
    node: [u8; NODE],
    step: usize,
}

/// What a step in a node leads to.
enum Step {
    Value(u32),
    Child(u32),
    Nothing,
    Done,
}

impl Frame {
    fn next(&mut self) -> Step {
        let step = self.step;
        self.step += 1;
        let word = |at| le32(&self.node, at).unwrap_or(0);
        let child = |at, under| if word(at) == 0 || word(under) == 0 { Step::Nothing } else { Step::Child(word(at)) };
        let Some(number) = step.checked_sub(1) else { return child(NODE_FIRST_CHILD, NODE_UNDER_FIRST) };
        let entry = NODE_ENTRIES + number / 2 * ENTRY;
        if number / 2 >= usize::from(self.node.get(NODE_COUNT).copied().unwrap_or(0)) {
            Step::Done
        } else if number % 2 == 0 {
            Step::Value(word(entry))
        } else {
            child(entry + ENTRY_CHILD, entry + ENTRY_UNDER)
        }
    }
}

impl Index {
    /// A walk through the tree with its root at `root`; zero is an empty tree.
    pub(super) fn new(root: u32, pages: &mut Pages) -> Self {
        let mut index = Self { stack: Vec::new(), seen: Cells::of(NODE_CELL), broken: None };
        if root != 0 {
            index.broken = index.enter(root, pages).err();
        }
        index
    }

    /// The offset of the next record, or a node that is not entered. `None` at the end.
    pub(super) fn next(&mut self, pages: &mut Pages) -> Option<Result<u32, Broken>> {
        loop {
            if let Some(broken) = self.broken.take() {
                return Some(Err(broken));
            }
            match self.stack.last_mut()?.next() {
                Step::Value(value) => return Some(Ok(value)),
                Step::Child(child) => self.broken = self.enter(child, pages).err(),
                Step::Nothing => {}
                Step::Done => {
                    self.stack.pop();
                }
            }
        }
    }

    fn enter(&mut self, at: u32, pages: &mut Pages) -> Result<(), Broken> {
        let node: [u8; NODE] = pages.array(at)?;
        check_marker(&node, at, "node of the index")?;
        if node.get(NODE_COUNT).is_none_or(|count| *count > MAX_ENTRIES) {
            return Err(Broken::at(at, "a node of the index has more entries than there is room for"));
        }
        if !self.seen.claim(at) {
            return Err(Broken::at(at, "the index leads here a second time"));
        }
        if self.stack.len() >= MAX_DEPTH {
            return Err(Broken::at(at, "the index is deeper than any can be"));
        }
        self.stack.push(Frame { node, step: 0 });
        Ok(())
    }
}
