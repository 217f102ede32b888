//! Marks: single, all, by pattern, swapped.

use super::{finding, ranges};
use crate::mail::units::{plural, thousands};
use crate::ui::dialog::Dialog;
use crate::ui::dialog::prompt::{Prompt, Purpose};
use crate::ui::list::Stage;
use crate::ui::marks::Extent;
use crate::ui::model::Model;
use crate::ui::pane::{Focus, Pane, Side};
use crate::ui::pattern::{Fit, Pattern};

/// Said when a message is to be taken out of a marked folder whose messages are not all known yet.
pub(super) const NOT_LISTED: &str =
    "the whole folder is marked and not yet read to its end: wait a moment, or unmark the folder";

/// Marks or unmarks what is under the cursor and goes down.
pub(crate) fn toggle(model: &mut Model) {
    if ranges::mark(model) {
        return;
    }
    let side = model.side;
    let pane = model.here();
    match pane.focus {
        Focus::Tree => {
            let Some(at) = pane.cursor() else { return };
            if side == Side::Remote && pane.tree.node(at).is_some_and(crate::ui::tree::Node::is_top) {
                model.say("the mailbox itself can't be marked; mark folders in it");
                return;
            }
            pane.toggle_folder(at);
            pane.step(1);
        }
        Focus::List => {
            let cursor = pane.list.cursor;
            if pane.list.shown() > 0 && pane.list.current().is_none() || matches!(pane.list.stage, Stage::Reading(0, 0))
            {
                model.warn("this message is not read yet: wait a moment");
                return;
            }
            let rows: Vec<usize> = pane.list.number(cursor).into_iter().collect();
            let done = pane.set_rows(&rows, |is_marked| !is_marked);
            pane.list.go(cursor + 1);
            if !done {
                model.warn(NOT_LISTED);
            }
        }
    }
}

/// The folders that `a` and `*` in the tree mean: all of the store or mailbox the cursor is in.
fn folders(pane: &Pane) -> Vec<usize> {
    let Some(top) = pane.cursor().and_then(|at| pane.tree.trail(at).first().copied()) else { return Vec::new() };
    pane.tree.below(top).into_iter().filter(|at| pane.tree.node(*at).is_some_and(|node| node.holds)).collect()
}

/// Marks all messages of the list, or all folders.
pub(crate) fn mark_all(model: &mut Model) {
    let pane = model.here();
    match pane.focus {
        Focus::Tree => {
            for at in folders(pane) {
                set_folder(pane, at, true);
            }
        }
        Focus::List => {
            let rows = pane.list.shown_rows();
            pane.set_rows(&rows, |_| true);
            say_if_partial(model, rows.len());
        }
    }
}

/// Tells when the list holds more messages than could be marked.
fn say_if_partial(model: &mut Model, marked: usize) {
    let list = &model.here().list;
    let reading = matches!(list.stage, Stage::Reading(..));
    if reading || list.beyond > 0 || marked < list.shown() {
        let so_far = plural(marked as u64, "message");
        model.warn(format!("marked the {so_far} read so far; mark the folder itself to take all of it"));
    }
}

/// Takes all marks of the pane away.
pub(crate) fn unmark_all(model: &mut Model) {
    model.here().marks.take();
}

/// Swaps marked and unmarked.
pub(crate) fn invert(model: &mut Model) {
    let pane = model.here();
    match pane.focus {
        Focus::Tree => {
            for at in folders(pane) {
                let place = pane.tree.node(at).map(|node| node.place.clone());
                let marked = place.is_some_and(|place| pane.marks.extent(&place) != Extent::None);
                set_folder(pane, at, !marked);
            }
        }
        Focus::List => {
            let rows = pane.list.shown_rows();
            if pane.set_rows(&rows, |is_marked| !is_marked) {
                say_if_partial(model, rows.len());
            } else {
                model.warn(NOT_LISTED);
            }
        }
    }
}

fn set_folder(pane: &mut Pane, at: usize, is_marked: bool) {
    let Some(node) = pane.tree.node(at) else { return };
    if is_marked {
        pane.marks.mark_folder(node.place.clone(), node.tally.known());
    } else {
        pane.marks.unmark_folder(&node.place);
    }
}

/// Asks for a pattern.
pub(crate) fn ask_pattern(model: &mut Model, mark: bool) {
    let purpose = if mark { Purpose::MarkPattern } else { Purpose::UnmarkPattern };
    let focus = model.here().focus;
    model.dialogs.push(Dialog::Prompt(Prompt::pattern(purpose, focus, "")));
}

/// Marks or unmarks the messages, or in the tree the folders, that fit a pattern.
pub(crate) fn by_pattern(model: &mut Model, text: &str, mark: bool) {
    let focus = model.here().focus;
    let pattern = match finding::read(model, focus, text) {
        Ok(pattern) => pattern,
        Err(fault) => {
            model.warn(fault.why);
            return;
        }
    };
    let pane = model.here();
    let mut unknown = 0;
    let (count, kind) = match pane.focus {
        Focus::Tree => {
            let fits = |at: &usize| pane.tree.node(*at).is_some_and(|node| pattern.fits_name(&node.label));
            let fitting: Vec<usize> = folders(pane).into_iter().filter(fits).collect();
            for at in &fitting {
                set_folder(pane, *at, mark);
            }
            (fitting.len(), "folder")
        }
        Focus::List => {
            let fitting = changing(pane, &pattern, mark, &mut unknown);
            if !pane.set_rows(&fitting, |_| mark) {
                model.warn(NOT_LISTED);
                return;
            }
            (fitting.len(), "message")
        }
    };
    let unread = pane.list.len().saturating_sub(pane.list.loaded());
    let verb = if mark { "marked" } else { "unmarked" };
    if pane.focus == Focus::List && (unread > 0 || matches!(pane.list.stage, Stage::Reading(..))) {
        let missing = if unread > 0 { format!("{} messages", thousands(unread as u64)) } else { "the rest".into() };
        model.warn(format!("{verb} {}; {missing} not read yet", plural(count as u64, kind)));
    } else if unknown > 0 {
        model.warn(format!("{verb} {}; {} not known", plural(count as u64, kind), thousands(unknown as u64)));
    } else {
        model.say(format!("{verb} {}", plural(count as u64, kind)));
    }
}

/// The rows shown that fit and are not yet marked as wanted; counts those of which it is not known.
fn changing(pane: &Pane, pattern: &Pattern, mark: bool, unknown: &mut usize) -> Vec<usize> {
    let changes = |at: &usize| {
        let Some(row) = pane.list.row(*at).filter(|row| pane.is_row_marked(row) != mark) else { return false };
        let fit = pattern.fits(row);
        *unknown += usize::from(fit == Fit::Unknown);
        fit == Fit::Yes
    };
    pane.list.shown_rows().into_iter().filter(changes).collect()
}
