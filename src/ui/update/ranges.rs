//! Marking more than one at a time: ranges by `v` and Shift with the arrows, and whole threads.

use crate::mail::units::plural;
use crate::ui::list::List;
use crate::ui::model::Model;
use crate::ui::pane::{Anchor, Focus, Pane};

use super::{browsing, marking};

/// Rounds in which a thread is put together; each takes in answers to what the one before took in.
const MOST_ROUNDS: usize = 100;

/// `v`: begins a range at the cursor, or marks the one begun.
pub(crate) fn begin_or_mark(model: &mut Model) {
    if mark(model) {
        return;
    }
    let pane = model.here();
    pane.range = match pane.focus {
        Focus::List => {
            pane.list.number(pane.list.cursor).map(|number| Anchor::Row { number, generation: pane.list.generation })
        }
        Focus::Tree => pane.place.clone().map(Anchor::Folder),
    };
    if pane.range.is_some() {
        model.say("range begun: go to its end, then v or Space marks it");
    }
}

/// Marks the range that was begun, if there is one.
pub(crate) fn mark(model: &mut Model) -> bool {
    let pane = model.here();
    let Some((first, last)) = pane.span() else { return false };
    pane.range = None;
    match pane.focus {
        Focus::List => {
            let rows: Vec<usize> = (first..=last).filter_map(|place| pane.list.number(place)).collect();
            let loaded = rows.iter().filter(|at| pane.list.row(**at).is_some()).count();
            pane.set_rows(&rows, |_| true);
            if loaded < rows.len() {
                model
                    .warn(format!("marked the {} of the range that are read so far", plural(loaded as u64, "message")));
            }
        }
        Focus::Tree => {
            let visible = pane.tree.visible();
            for at in visible.get(first..=last).unwrap_or_default() {
                mark_folder(pane, *at);
            }
        }
    }
    true
}

/// A folder of a range: itself, and what is below it if that is not to be seen.
fn mark_folder(pane: &mut Pane, at: usize) {
    let Some(node) = pane.tree.node(at).filter(|node| !node.is_top()) else { return };
    let nodes = if node.is_open { vec![at] } else { pane.tree.below(at) };
    for node in nodes.into_iter().filter_map(|at| pane.tree.node(at)).filter(|node| node.holds) {
        pane.marks.mark_folder(node.place.clone(), node.tally.known());
    }
}

/// Shift and an arrow: marks what is under the cursor and goes on.
pub(crate) fn mark_and_go(model: &mut Model, lines: isize) {
    let pane = model.here();
    match pane.focus {
        Focus::List => {
            let rows: Vec<usize> = pane.list.number(pane.list.cursor).into_iter().collect();
            pane.set_rows(&rows, |_| true);
        }
        Focus::Tree => {
            if let Some(at) = pane.cursor() {
                mark_folder(pane, at);
            }
        }
    }
    browsing::step(model, lines);
}

/// Marks the whole thread of the message under the cursor; if that is marked, unmarks it.
pub(crate) fn thread(model: &mut Model) {
    let pane = model.here();
    let Some(row) = pane.list.current().filter(|_| pane.focus == Focus::List) else {
        model.say("a thread is that of a message: go to one first");
        return;
    };
    let (links, wanted) = (row.links, !pane.is_row_marked(row));
    let all = members(&pane.list, links);
    let here = pane.list.number(pane.list.cursor);
    let shown = (0..pane.list.shown()).filter_map(|place| pane.list.number(place));
    let rows: Vec<usize> = shown.filter(|at| Some(*at) == here || all.binary_search(at).is_ok()).collect();
    if !pane.set_rows(&rows, |_| wanted) {
        model.warn(marking::NOT_LISTED);
        return;
    }
    let verb = if wanted { "marked" } else { "unmarked" };
    let words = format!("{verb} a thread of {}", plural(rows.len() as u64, "message"));
    let list = &model.here().list;
    let unread = list.len().saturating_sub(list.loaded());
    if unread > 0 {
        model.warn(format!("{words}; {} not read yet", plural(unread as u64, "message")));
    } else {
        model.say(words);
    }
}

/// The rows that belong together with a message, by what they say they answer; in their order.
fn members(list: &List, links: [u64; 3]) -> Vec<usize> {
    // Few, and asked for with every row: in a sorted line they are found faster than by a hash.
    let mut ids: Vec<u64> = Vec::new();
    let learn = |ids: &mut Vec<u64>, links: &[u64; 3]| {
        for id in links.iter().filter(|id| **id != 0) {
            if let Err(place) = ids.binary_search(id) {
                ids.insert(place, *id);
            }
        }
    };
    learn(&mut ids, &links);
    for _ in 0..MOST_ROUNDS {
        let before = ids.len();
        let mut members = Vec::new();
        for (at, row) in list.rows() {
            if row.links.iter().any(|id| ids.binary_search(id).is_ok()) {
                members.push(at);
                learn(&mut ids, &row.links);
            }
        }
        if ids.len() == before {
            return members;
        }
    }
    Vec::new()
}
