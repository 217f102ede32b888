//! The mouse, where it was asked for: a click goes there, a second one enters, the wheel scrolls. Dialogs have their keys;
//! there only the wheel does something.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Position;

use super::{dialogs, keys};
use crate::ui::actions::Action;
use crate::ui::dialog::Dialog;
use crate::ui::event::{Mouse, MouseKind};
use crate::ui::layout::PaneLayout;
use crate::ui::model::{Clicks, Model};
use crate::ui::pane::{Focus, Side};

/// Two clicks in this time are a double click.
const DOUBLE: Duration = Duration::from_millis(400);
/// Lines for one notch of the wheel.
const NOTCH: isize = 3;

/// Takes what the mouse did.
pub(crate) fn happened(model: &mut Model, mouse: &Mouse) {
    if model.mouse.is_none() {
        return;
    }
    model.note = None;
    match mouse.kind {
        MouseKind::Click if model.dialogs.is_empty() => click(model, mouse),
        MouseKind::Click => {}
        MouseKind::Up => wheel(model, mouse, -NOTCH),
        MouseKind::Down => wheel(model, mouse, NOTCH),
    }
}

/// The pane under the pointer.
fn pane_at(model: &Model, at: Position) -> Option<(Side, PaneLayout)> {
    let layout = model.layout();
    let panes = [Side::Local, Side::Remote].map(|side| layout.pane(side).map(|pane| (side, pane)));
    panes.into_iter().flatten().find(|(_, pane)| !layout.is_too_small && pane.frame.contains(at))
}

/// Gives the keys to what was clicked and puts the cursor there; a second click does what Enter does.
fn click(model: &mut Model, mouse: &Mouse) {
    let at = Position::from(mouse.at);
    let before = model.mouse.replace(Clicks::default()).and_then(|clicks| clicks.last);
    let Some((side, place)) = pane_at(model, at) else { return };
    model.side = side;
    let pane = model.here();
    if place.list.contains(at) {
        pane.focus = Focus::List;
        let row = pane.list.offset + usize::from(at.y - place.list.y);
        if row >= pane.list.shown() {
            return;
        }
        pane.list.go(row);
    } else if place.tree.contains(at) {
        pane.focus = Focus::Tree;
        let [left, right] = mouse.tops;
        let top = if side == Side::Local { left } else { right };
        let line = top + usize::from(at.y - place.tree.y);
        let node = pane.tree.visible().get(line).and_then(|node| pane.tree.node(*node));
        let Some(folder) = node.map(|node| node.place.clone()) else { return };
        pane.place = Some(folder);
    } else {
        return;
    }
    let is_second =
        before.is_some_and(|(then, there)| there == mouse.at && model.now.saturating_duration_since(then) <= DOUBLE);
    if is_second {
        keys::perform(model, Action::Open);
    } else {
        model.mouse = Some(Clicks { last: Some((model.now, mouse.at)) });
    }
}

/// Scrolls what is under the pointer, wherever the keys go; in a dialog, as the arrow keys do.
fn wheel(model: &mut Model, mouse: &Mouse, lines: isize) {
    if let Some(dialog) = model.dialogs.last() {
        if !dialog.takes_text() && !matches!(dialog, Dialog::Confirm(_)) {
            let code = if lines < 0 { KeyCode::Up } else { KeyCode::Down };
            for _ in 0..lines.unsigned_abs() {
                dialogs::press(model, &KeyEvent::new(code, KeyModifiers::NONE));
            }
        }
        return;
    }
    let at = Position::from(mouse.at);
    let Some((side, place)) = pane_at(model, at) else { return };
    let pane = model.pane_mut(side);
    if place.list.contains(at) {
        pane.list.go(pane.list.cursor.saturating_add_signed(lines));
    } else if place.tree.contains(at) {
        pane.step(lines);
    }
}
