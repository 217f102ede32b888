//! Finding and filtering: what `/` goes to, what `f` lets through, and the count in the prompt while it is typed.

use crate::ui::dialog::Dialog;
use crate::ui::dialog::prompt::{Prompt, Purpose};
use crate::ui::list::{Sieve, Sort};
use crate::ui::model::{Model, Redraw, Trial, Trying};
use crate::ui::pane::{Focus, Pane, Side};
use crate::ui::pattern::{Fault, Fit, Pattern};

/// Asks what to look for.
pub(crate) fn ask(model: &mut Model) {
    let focus = model.here().focus;
    model.dialogs.push(Dialog::Prompt(Prompt::pattern(Purpose::Find, focus, "")));
}

/// Asks what to show; the filter in force can be changed.
pub(crate) fn ask_filter(model: &mut Model) {
    let pane = model.here();
    let focus = pane.focus;
    let text = pane.filter_text().unwrap_or_default().to_owned();
    model.dialogs.push(Dialog::Prompt(Prompt::pattern(Purpose::Filter(text.clone()), focus, &text)));
}

/// A pattern that can be asked of what has the keys.
pub(super) fn read(model: &Model, focus: Focus, text: &str) -> Result<Pattern, Fault> {
    let pattern = Pattern::parse(text, model.today())?;
    match pattern.needs_messages().filter(|_| focus == Focus::Tree) {
        Some(fault) => Err(fault),
        None => Ok(pattern),
    }
}

/// Shows only what fits; all for an empty text or one that is wrong.
pub(crate) fn filter(model: &mut Model, text: &str) {
    let focus = model.here().focus;
    let pattern = if text.trim().is_empty() { None } else { read(model, focus, text).ok() };
    let pane = model.here();
    match focus {
        Focus::List => pane.list.set_filter(pattern.map(|pattern| Sieve::new(text, pattern))),
        Focus::Tree => pane.filter_tree(pattern.map(|pattern| (text.to_owned(), pattern))),
    }
}

/// Says what a filter left, once it is chosen.
pub(crate) fn filtered(model: &mut Model, text: &str) {
    filter(model, text);
    if !text.trim().is_empty() {
        model.say("f changes the filter, Esc shows all again");
    }
}

/// After every event: the prompt's pattern is read, counted, and if it is a filter, put in force.
pub(crate) fn keep_up(model: &mut Model) {
    let typed = match model.dialogs.last() {
        Some(Dialog::Prompt(prompt)) => prompt.typed(),
        _ => None,
    };
    let Some((purpose, focus, text)) = typed.map(|(purpose, focus, text)| (purpose.clone(), focus, text.to_owned()))
    else {
        model.trial = None;
        return;
    };
    if model.trial.as_ref().is_none_or(|trial| trial.text != text) {
        let trying = attempt(model, &purpose, focus, &text);
        model.trial = Some(Trial { text, trying });
    }
    if let Some(mut trial) = model.trial.take() {
        if let Trying::Rows(sieve) = &mut trial.trying
            && sieve.advance(&model.pane(model.side).list, crate::ui::list::SLICE)
        {
            model.redraw = model.redraw.max(Redraw::Soon);
        }
        model.trial = Some(trial);
    }
}

fn attempt(model: &mut Model, purpose: &Purpose, focus: Focus, text: &str) -> Trying {
    if text.trim().is_empty() {
        if matches!(purpose, Purpose::Filter(_)) {
            filter(model, "");
        }
        return Trying::Nothing;
    }
    let pattern = match read(model, focus, text) {
        Ok(pattern) => pattern,
        Err(fault) => return Trying::Fault(fault),
    };
    match (purpose, focus) {
        (Purpose::Filter(_), _) => {
            filter(model, text);
            Trying::Filter
        }
        (_, Focus::List) => Trying::Rows(Sieve::new(text, pattern)),
        (_, Focus::Tree) => {
            let nodes = model.pane(model.side).tree.nodes();
            Trying::Folders(nodes.iter().filter(|node| !node.is_top() && pattern.fits_name(&node.label)).count())
        }
    }
}

/// Sorts the messages of the pane with the keys, this list and those to come.
pub(crate) fn sort(model: &mut Model, sort: Option<Sort>) {
    let pane = model.here();
    pane.sort = sort;
    pane.list.set_sort(sort);
    if sort.is_some() && pane.list.is_beyond_sorting() {
        model.warn("there are too many messages here to be sorted: the server holds them, and only some are read");
    }
}

/// Filters and sorts on, a slice at a time.
pub(crate) fn work(model: &mut Model) {
    for side in [Side::Local, Side::Remote] {
        if model.pane_mut(side).list.work() {
            model.redraw = model.redraw.max(Redraw::Soon);
        }
    }
}

/// Whether there is more to do without anything happening.
pub(crate) fn is_busy(model: &Model) -> bool {
    let list = &model.pane(model.side).list;
    let trying = matches!(&model.trial, Some(Trial { trying: Trying::Rows(sieve), .. }) if sieve.can_advance(list));
    trying || model.local.list.can_work() || model.remote.list.can_work()
}

/// The chunk that the prompt's count needs next of the server's list.
pub(crate) fn wanted(model: &Model) -> Option<usize> {
    match &model.trial {
        Some(Trial { trying: Trying::Rows(sieve), .. }) if model.side == Side::Remote => {
            sieve.wanted(&model.remote.list)
        }
        _ => None,
    }
}

/// Goes to the next, or the last before, that fits.
pub(crate) fn next(model: &mut Model, forward: bool) {
    let text = model.find.clone();
    let focus = model.here().focus;
    let pattern = match read(model, focus, &text) {
        Ok(pattern) => pattern,
        Err(fault) => {
            model.warn(format!("\"{text}\": {}", fault.why));
            return;
        }
    };
    let pane = model.here();
    let found = match focus {
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
    let list = &pane.list;
    let (here, shown) = (list.cursor, list.shown());
    let fits = |place: &usize| {
        list.number(*place).and_then(|at| list.row(at)).is_some_and(|row| pattern.fits(row) == Fit::Yes)
    };
    let found = if forward {
        (here + 1..shown).chain(0..shown.min(here + 1)).find(fits)
    } else {
        (0..here.min(shown)).rev().chain((here..shown).rev()).find(fits)
    };
    if let Some(place) = found {
        pane.list.go(place);
    }
    found.is_some()
}

/// Looks through all folders, the closed ones too, but not those that a filter hides.
fn in_tree(pane: &mut Pane, pattern: &Pattern, forward: bool) -> bool {
    let mut all: Vec<usize> = pane.tree.tops().flat_map(|top| pane.tree.below(top)).collect();
    all.retain(|at| pane.tree.is_kept(*at));
    if !forward {
        all.reverse();
    }
    let here = pane.cursor().and_then(|cursor| all.iter().position(|at| *at == cursor)).unwrap_or(0);
    let order = all.iter().skip(here + 1).chain(all.iter().take(here + 1));
    let mut fitting = order.filter_map(|at| pane.tree.node(*at)).filter(|node| pattern.fits_name(&node.label));
    let place = fitting.next().map(|node| node.place.clone());
    match place {
        Some(place) => {
            pane.go(&place);
            true
        }
        None => false,
    }
}
