//! Finding: the next line that fits what `/` looks for, going round at the end.

use crate::ui::dialog::Dialog;
use crate::ui::dialog::prompt::{Prompt, Purpose};
use crate::ui::model::Model;
use crate::ui::pane::{Focus, Pane};
use crate::ui::pattern::Pattern;

/// Asks what to look for.
pub(crate) fn ask(model: &mut Model) {
    model.dialogs.push(Dialog::Prompt(Prompt::new(Purpose::Find, "")));
}

/// Goes to the next, or the last before, that fits.
pub(crate) fn next(model: &mut Model, forward: bool) {
    let text = model.find.clone();
    let pattern = Pattern::new(&text);
    let pane = model.here();
    let found = match pane.focus {
        Focus::List => in_list(pane, &pattern, forward),
        Focus::Tree => in_tree(pane, &pattern, forward),
    };
    if !found {
        let unread = pane.focus == Focus::List && pane.list.loaded() < pane.list.len();
        let remark = if unread { " among the messages read so far" } else { "" };
        model.warn(format!("\"{text}\" is not here{remark}"));
    }
}

fn in_list(pane: &mut Pane, pattern: &Pattern, forward: bool) -> bool {
    let here = pane.list.cursor;
    let fits = |(_, row): &(usize, &crate::ui::list::Row)| pattern.fits(&row.subject) || pattern.fits(&row.from);
    let found = if forward {
        let after = pane.list.rows().filter(|(at, _)| *at > here).find(fits);
        after.or_else(|| pane.list.rows().find(fits))
    } else {
        let before = pane.list.rows().rev().filter(|(at, _)| *at < here).find(fits);
        before.or_else(|| pane.list.rows().rev().find(fits))
    };
    let found = found.map(|(at, _)| at);
    if let Some(at) = found {
        pane.list.go(at);
    }
    found.is_some()
}

/// Looks through all folders, the closed ones too.
fn in_tree(pane: &mut Pane, pattern: &Pattern, forward: bool) -> bool {
    let mut all: Vec<usize> = pane.tree.tops().flat_map(|top| pane.tree.below(top)).collect();
    if !forward {
        all.reverse();
    }
    let here = pane.cursor().and_then(|cursor| all.iter().position(|at| *at == cursor)).unwrap_or(0);
    let order = all.iter().skip(here + 1).chain(all.iter().take(here + 1));
    let mut fitting = order.filter_map(|at| pane.tree.node(*at)).filter(|node| pattern.fits(&node.label));
    let place = fitting.next().map(|node| node.place.clone());
    match place {
        Some(place) => {
            pane.go(&place);
            true
        }
        None => false,
    }
}
