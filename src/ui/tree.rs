//! The folder tree of a pane: stores or a mailbox at the top, folders below. Plain data; knows nothing of drawing.

use std::collections::{BTreeSet, HashMap};

use super::pattern::Pattern;
use crate::mail::{FolderPath, SpecialUse};

/// A folder's address in a pane: which top, and the path below it. It stays the same when the tree is read again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The store it is in; always 0 on the server's side.
    pub source: usize,
    /// The folder.
    pub path: FolderPath,
}

/// How much is known of a folder's contents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tally {
    /// Nothing yet; it is being counted or will be.
    #[default]
    Unknown,
    /// Counted.
    Known {
        /// Messages in the folder itself.
        messages: u64,
        /// Their bytes, as far as known.
        bytes: u64,
        /// Unread ones among them; 0 where that is not known.
        unread: u64,
    },
    /// It could not be counted.
    Failed,
}

impl Tally {
    /// Messages and bytes, when known.
    pub(crate) fn known(self) -> Option<(u64, u64)> {
        match self {
            Self::Known { messages, bytes, .. } => Some((messages, bytes)),
            Self::Unknown | Self::Failed => None,
        }
    }
}

/// What a reading of a store or mailbox says of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its path.
    pub path: FolderPath,
    /// What it is for.
    pub special: Option<SpecialUse>,
    /// Whether it can hold messages.
    pub holds: bool,
}

/// One line of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Its address.
    pub place: Place,
    /// The node above.
    pub parent: Option<usize>,
    /// The nodes below, in order.
    pub children: Vec<usize>,
    /// What it is for.
    pub special: Option<SpecialUse>,
    /// Whether it can hold messages.
    pub holds: bool,
    /// Whether its children are shown.
    pub is_open: bool,
    /// What it holds.
    pub tally: Tally,
    /// What is shown. Foreign text.
    pub label: Box<str>,
}

impl Node {
    /// Whether this stands for a whole store or mailbox.
    pub(crate) fn is_top(&self) -> bool {
        self.parent.is_none()
    }
}

/// A store or mailbox with its folders as last read.
#[derive(Clone, Debug, Default)]
struct Top {
    label: String,
    entries: Vec<Entry>,
}

/// The tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    tops: Vec<Top>,
    nodes: Vec<Node>,
    index: HashMap<Place, usize>,
    /// What is shown: as it was typed, and made ready.
    filter: Option<(String, Pattern)>,
    /// With a filter: the nodes that fit and all above them.
    kept: BTreeSet<usize>,
}

impl Tree {
    /// Puts a store or mailbox into the tree, or renews it; what was open stays open, what was counted stays counted.
    pub(crate) fn put(&mut self, source: usize, label: &str, entries: Vec<Entry>) {
        if self.tops.len() <= source {
            self.tops.resize_with(source + 1, Top::default);
        }
        if let Some(top) = self.tops.get_mut(source) {
            *top = Top { label: label.to_owned(), entries };
        }
        self.build();
    }

    fn build(&mut self) {
        let old: HashMap<Place, (bool, Tally)> =
            self.nodes.drain(..).map(|node| (node.place, (node.is_open, node.tally))).collect();
        self.index.clear();
        let tops = std::mem::take(&mut self.tops);
        for (source, top) in tops.iter().enumerate() {
            let place = Place { source, path: FolderPath::root() };
            self.add(place, &top.label, &old, true);
            for entry in &top.entries {
                let at = self.reach(source, &entry.path, &old);
                if let Some(node) = self.nodes.get_mut(at) {
                    (node.special, node.holds) = (entry.special, entry.holds);
                }
            }
        }
        self.tops = tops;
        self.sift();
    }

    /// Shows only nodes that fit, with those above them; all without a filter.
    pub(crate) fn set_filter(&mut self, filter: Option<(String, Pattern)>) {
        self.filter = filter;
        self.sift();
    }

    /// The filter in force, as it was typed.
    pub(crate) fn filter(&self) -> Option<&str> {
        self.filter.as_ref().map(|(text, _)| text.as_str())
    }

    /// Whether a node fits the filter itself.
    pub(crate) fn fits_filter(&self, at: usize) -> bool {
        let Some((_, pattern)) = &self.filter else { return true };
        self.node(at).is_some_and(|node| !node.is_top() && pattern.fits_name(&node.label))
    }

    /// Whether a filter lets a node be seen, for itself or for what is below it.
    pub(crate) fn is_kept(&self, at: usize) -> bool {
        self.filter.is_none() || self.kept.contains(&at)
    }

    /// Whether what is below a node is shown.
    pub(crate) fn shows_below(&self, node: &Node) -> bool {
        node.is_open || self.filter.is_some()
    }

    fn sift(&mut self) {
        let fitting: Vec<usize> = match &self.filter {
            Some(_) => (0..self.nodes.len()).filter(|at| self.fits_filter(*at)).collect(),
            None => Vec::new(),
        };
        self.kept = fitting.into_iter().flat_map(|at| self.trail(at)).collect();
        // A store or mailbox stays, or there would be no place to be.
        self.kept.extend(self.nodes.iter().enumerate().filter(|(_, node)| node.is_top()).map(|(at, _)| at));
    }

    /// The node of a path, made with all that lies above it where it is missing.
    fn reach(&mut self, source: usize, path: &FolderPath, old: &HashMap<Place, (bool, Tally)>) -> usize {
        let place = Place { source, path: path.clone() };
        if let Some(at) = self.index.get(&place) {
            return *at;
        }
        let parent = path.parent().map(|above| self.reach(source, &above, old));
        let at = self.add(place, path.name(), old, false);
        if let Some(above) = parent.and_then(|parent| self.nodes.get_mut(parent)) {
            above.children.push(at);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.parent = parent;
        }
        at
    }

    fn add(&mut self, place: Place, label: &str, old: &HashMap<Place, (bool, Tally)>, open: bool) -> usize {
        let (is_open, tally) = old.get(&place).copied().unwrap_or((open, Tally::Unknown));
        let at = self.nodes.len();
        self.index.insert(place.clone(), at);
        let label = label.into();
        self.nodes.push(Node {
            place,
            parent: None,
            children: Vec::new(),
            special: None,
            holds: false,
            is_open,
            tally,
            label,
        });
        at
    }

    /// The node with that number.
    pub(crate) fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    /// The node with that number, to be changed.
    pub(crate) fn node_mut(&mut self, at: usize) -> Option<&mut Node> {
        self.nodes.get_mut(at)
    }

    /// The number of a place's node.
    pub(crate) fn find(&self, place: &Place) -> Option<usize> {
        self.index.get(place).copied()
    }

    /// The node of a place.
    pub(crate) fn at(&self, place: &Place) -> Option<&Node> {
        self.node(self.find(place)?)
    }

    /// Every node, parents before children.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The numbers of the tops.
    pub(crate) fn tops(&self) -> impl Iterator<Item = usize> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.is_top()).map(|(at, _)| at)
    }

    /// The numbers of all nodes that can be scrolled to, from top to bottom.
    pub(crate) fn visible(&self) -> Vec<usize> {
        let mut shown = Vec::new();
        let mut waiting: Vec<usize> = self.tops().collect();
        waiting.reverse();
        while let Some(at) = waiting.pop() {
            shown.push(at);
            if let Some(node) = self.node(at).filter(|node| self.shows_below(node)) {
                waiting.extend(node.children.iter().rev().filter(|child| self.is_kept(**child)));
            }
        }
        shown
    }

    /// The number of a node and of all below it, parents before children.
    pub(crate) fn below(&self, at: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut waiting = vec![at];
        while let Some(at) = waiting.pop() {
            if let Some(node) = self.node(at) {
                found.push(at);
                waiting.extend(node.children.iter().rev());
            }
        }
        found
    }

    /// The numbers from the top down to a node: what the tree widget calls an identifier.
    pub(crate) fn trail(&self, at: usize) -> Vec<usize> {
        let mut trail = vec![at];
        let mut here = at;
        while let Some(parent) = self.node(here).and_then(|node| node.parent) {
            trail.push(parent);
            here = parent;
        }
        trail.reverse();
        trail
    }

    /// Messages below a node, itself included, and whether all of it is counted.
    pub(crate) fn sum(&self, at: usize) -> (u64, bool) {
        let mut sum = 0;
        let mut complete = true;
        for node in self.below(at).into_iter().filter_map(|at| self.node(at)).filter(|node| node.holds) {
            match node.tally.known() {
                Some((messages, _)) => sum += messages,
                None => complete = false,
            }
        }
        (sum, complete)
    }

    /// Opens all that lies above a node, so that it can be seen.
    pub(crate) fn reveal(&mut self, at: usize) {
        for above in self.trail(at) {
            if above != at
                && let Some(node) = self.nodes.get_mut(above)
            {
                node.is_open = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> Entry {
        Entry { path: FolderPath::parse(path), special: None, holds: true }
    }

    #[test]
    fn folders_nest_and_missing_parents_are_made() {
        let mut tree = Tree::default();
        tree.put(0, "store", vec![entry("A/B/C"), entry("A"), entry("D")]);
        let labels: Vec<&str> = tree.below(0).iter().map(|at| &*tree.node(*at).unwrap().label).collect();
        assert_eq!(labels, ["store", "A", "B", "C", "D"]);
        assert!(!tree.at(&Place { source: 0, path: FolderPath::parse("A/B") }).unwrap().holds);
        assert_eq!(tree.visible().len(), 3);
    }

    #[test]
    fn reading_again_keeps_what_was_open_and_counted() {
        let mut tree = Tree::default();
        tree.put(0, "store", vec![entry("A"), entry("A/B")]);
        let at = tree.find(&Place { source: 0, path: FolderPath::parse("A") }).unwrap();
        tree.node_mut(at).unwrap().is_open = true;
        tree.node_mut(at).unwrap().tally = Tally::Known { messages: 3, bytes: 9, unread: 0 };
        tree.put(0, "store", vec![entry("0"), entry("A"), entry("A/B")]);
        let node = tree.at(&Place { source: 0, path: FolderPath::parse("A") }).unwrap();
        assert!(node.is_open);
        assert_eq!(node.tally.known(), Some((3, 9)));
        assert_eq!(tree.sum(0), (3, false));
    }
}
