//! From marks to what a plan is made of: which folders and messages, and where below the target each goes.

use crate::mail::{FolderPath, Locator};
use crate::transfer::{Chosen, Selection, uid_locator};
use crate::ui::marks::{Key, Mark, Marked, Marks};
use crate::ui::model::Model;
use crate::ui::pane::{Focus, Side};
use crate::ui::tree::{Node, Place, Tree};
use crate::ui::update::ways;

/// What F5 and F6 are about: the marks of a pane, or what is under its cursor. Says whether it is the marks.
pub(crate) fn chosen(model: &Model, from: Side) -> Option<(Marks, bool)> {
    let pane = model.pane(from);
    if !pane.marks.is_empty() {
        return Some((pane.marks.clone(), true));
    }
    let mut marks = Marks::default();
    match pane.focus {
        Focus::List => {
            let (place, row) = (pane.list.place.as_ref()?, pane.list.current()?);
            let order = pane.list.number(pane.list.cursor).unwrap_or_default();
            marks.mark(place, row.key.clone(), Marked { order, size: row.size });
        }
        Focus::Tree => {
            let below = pane.tree.below(pane.cursor()?);
            for node in below.into_iter().filter_map(|at| pane.tree.node(at)).filter(|node| node.holds) {
                marks.mark_folder(node.place.clone(), node.tally.known());
            }
        }
    }
    (!marks.is_empty()).then_some((marks, false))
}

/// The selections of marks in the order of the tree, each with whether it is still being counted.
pub(crate) fn selections(model: &Model, from: Side, marks: &Marks, target: &FolderPath) -> Vec<(Selection, bool)> {
    let tree = &model.pane(from).tree;
    let mut found: Vec<(usize, Selection, bool)> = Vec::new();
    for (place, mark) in marks.iter() {
        let (Some(at), Some(source)) = (tree.find(place), ways::source_of(model, from, place.source)) else { continue };
        let Some(node) = tree.node(at) else { continue };
        let (chosen, messages, bytes, counting) = match mark {
            Mark::All(counted) => {
                let (messages, bytes) = counted.unwrap_or_default();
                (Chosen::All, messages, bytes, counted.is_none())
            }
            Mark::Some { messages, .. } => {
                let bytes = messages.values().map(|marked| marked.size).sum();
                let validity = model.link.validities.get(&place.path).copied().unwrap_or_default();
                (Chosen::Only(in_order(messages, validity)), messages.len() as u64, bytes, false)
            }
        };
        let selection = Selection {
            source,
            folder: ways::folder_of(model, from, &place.path),
            special: node.special,
            below: if is_folder(mark) { folder_below(tree, marks, at) } else { messages_below(node, target) },
            chosen,
            messages,
            bytes,
        };
        found.push((at, selection, counting));
    }
    found.sort_by_key(|(at, ..)| *at);
    found.into_iter().map(|(_, selection, counting)| (selection, counting)).collect()
}

fn in_order(messages: &std::collections::HashMap<Key, Marked>, validity: u32) -> Vec<Locator> {
    let mut sorted: Vec<(usize, Locator)> = messages
        .iter()
        .map(|(key, marked)| match key {
            Key::Local(locator) | Key::Kept(_, locator) => (marked.order, locator.clone()),
            Key::Remote(uid) => (marked.order, uid_locator(validity, *uid, marked.size)),
        })
        .collect();
    sorted.sort_by_key(|(order, locator)| (*order, locator.offset));
    sorted.into_iter().map(|(_, locator)| locator).collect()
}

/// Whether a mark carries the folder with its name, not just messages out of it.
fn is_folder(mark: &Mark) -> bool {
    matches!(mark, Mark::All(_) | Mark::Some { as_folder: true, .. })
}

/// Messages marked by themselves go into the target itself; at the top of the mailbox there is no such folder, so they
/// go where their folder would go.
fn messages_below(node: &Node, target: &FolderPath) -> FolderPath {
    if target.is_root() && !node.place.path.is_root() {
        FolderPath::new([node.place.path.name()])
    } else {
        FolderPath::root()
    }
}

/// A marked folder keeps its name and those of the marked folders above it. A wholly marked store has no name of its own.
fn folder_below(tree: &Tree, marks: &Marks, at: usize) -> FolderPath {
    let Some(node) = tree.node(at) else { return FolderPath::root() };
    let path = &node.place.path;
    let mut base = path.parent().unwrap_or_default();
    let mut here = node.parent;
    while let Some((above, number)) = here.and_then(|number| Some((tree.node(number)?, number))) {
        if !is_whole(tree, marks, number) {
            break;
        }
        base = above.place.path.parent().unwrap_or_default();
        here = above.parent;
    }
    path.below(&base).unwrap_or_default()
}

/// Whether a folder is carried as one: it is marked itself, or holds nothing and all below it is marked.
fn is_whole(tree: &Tree, marks: &Marks, at: usize) -> bool {
    let marked = |place: &Place| marks.of(place).is_some_and(is_folder);
    match tree.node(at) {
        Some(node) if node.holds => marked(&node.place),
        Some(_) => tree
            .below(at)
            .into_iter()
            .filter_map(|at| tree.node(at))
            .filter(|node| node.holds)
            .all(|node| marked(&node.place)),
        None => false,
    }
}
