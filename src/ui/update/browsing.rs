//! Going about in the panes: cursors, folders that open, lists that follow, previews, stores and connections.

use std::path::PathBuf;

use super::{ending, ways};
use crate::imap::Target;
use crate::transfer::Source;
use crate::ui::dialog::Dialog;
use crate::ui::dialog::connect::Connect;
use crate::ui::dialog::preview::{PreviewDialog, columns};
use crate::ui::dialog::prompt::{Prompt, Purpose};
use crate::ui::effect::{Effect, ServerRequest, StoreRequest};
use crate::ui::list::{List, Stage};
use crate::ui::marks::Key;
use crate::ui::model::{LinkState, Model};
use crate::ui::pane::{Focus, Side};
use crate::ui::tree::Place;

/// Moves the cursor by lines.
pub(crate) fn step(model: &mut Model, lines: isize) {
    let pane = model.here();
    match pane.focus {
        Focus::Tree => pane.step(lines),
        Focus::List => pane.list.go(pane.list.cursor.saturating_add_signed(lines)),
    }
}

/// Moves the cursor by pages.
pub(crate) fn page(model: &mut Model, pages: isize) {
    let layout = model.layout().pane(model.side);
    let height = layout.map_or(1, |pane| match model.pane(model.side).focus {
        Focus::Tree => pane.tree.height,
        Focus::List => pane.list.height,
    });
    step(model, pages * isize::try_from(height.saturating_sub(1).max(1)).unwrap_or(1));
}

/// Enter: from a folder to its messages, from a message to its preview.
pub(crate) fn open(model: &mut Model) {
    let pane = model.here();
    if pane.focus == Focus::List {
        preview(model);
        return;
    }
    let Some(node) = pane.cursor().and_then(|at| pane.tree.node_mut(at)) else {
        if model.side == Side::Remote {
            connect_dialog(model, None);
        } else {
            ask_store(model);
        }
        return;
    };
    if node.holds {
        node.is_open = true;
        pane.focus = Focus::List;
    } else if node.is_top() {
        pane.step(1);
    } else {
        node.is_open = !node.is_open;
    }
}

/// Right: shows the folders below; if they are shown, goes to the messages.
pub(crate) fn expand(model: &mut Model) {
    let pane = model.here();
    let node = pane.cursor().and_then(|at| pane.tree.node_mut(at));
    match node.filter(|node| !node.is_open && !node.children.is_empty()) {
        Some(node) if pane.focus == Focus::Tree => node.is_open = true,
        _ => open(model),
    }
}

/// Left: from the messages to the folders, then closes a folder, then one up.
pub(crate) fn back(model: &mut Model) {
    let pane = model.here();
    if pane.focus == Focus::List {
        pane.focus = Focus::Tree;
        return;
    }
    let Some(node) = pane.cursor().and_then(|at| pane.tree.node_mut(at)) else { return };
    if node.is_open && !node.children.is_empty() && !node.is_top() {
        node.is_open = false;
    } else if let Some(above) = node.parent.and_then(|parent| pane.tree.node(parent)) {
        pane.place = Some(above.place.clone());
    }
}

/// Goes to a folder, whatever filter hid it.
pub(crate) fn go_to(model: &mut Model, side: Side, place: &Place) {
    model.side = side;
    let pane = model.here();
    if pane.tree.find(place).is_some_and(|at| !pane.tree.is_kept(at)) {
        pane.filter_tree(None);
    }
    pane.focus = Focus::Tree;
    pane.go(place);
}

/// Makes the list show the folder under the tree's cursor.
pub(crate) fn follow(model: &mut Model, side: Side) {
    let pane = model.pane(side);
    if pane.place == pane.list.place {
        return;
    }
    let was_reading = side == Side::Local && matches!(pane.list.stage, Stage::Reading(..));
    let Some(place) = pane.place.clone() else {
        model.pane_mut(side).list = List::default();
        return;
    };
    let holds = pane.tree.at(&place).is_some_and(|node| node.holds);
    let kept = side == Side::Local && holds && model.pane_mut(side).swap_list(&place);
    if kept || !holds {
        if was_reading {
            model.ask(Effect::Store(StoreRequest::StopList));
        }
        if !holds {
            model.pane_mut(side).list = List::nothing(place);
        }
        return;
    }
    let generation = model.next_generation();
    let pane = model.pane_mut(side);
    pane.list = List::reading(place.clone(), generation);
    pane.list.set_sort(pane.sort);
    request_list(model, side, place, generation);
}

fn request_list(model: &mut Model, side: Side, place: Place, generation: u64) {
    let folder = place.path;
    match side {
        Side::Remote => model.ask(Effect::Server(ServerRequest::Open { generation, folder })),
        Side::Local => {
            if let Some(open) = model.sources.get(place.source) {
                let store = open.source.clone();
                model.ask(Effect::Store(StoreRequest::List { generation, store, folder }));
            }
        }
    }
}

/// Reads the present list again and keeps the cursor where it is.
pub(crate) fn renew_list(model: &mut Model, side: Side) {
    let generation = model.next_generation();
    let pane = model.pane_mut(side);
    let (cursor, offset) = (pane.list.cursor, pane.list.offset);
    pane.forget_lists();
    let Some(place) = pane.place.clone() else { return };
    if pane.tree.at(&place).is_some_and(|node| node.holds) {
        pane.list = List::reading(place.clone(), generation);
        pane.list.set_sort(pane.sort);
        (pane.list.cursor, pane.list.offset) = (cursor, offset);
        request_list(model, side, place, generation);
    }
}

/// Shows the message under the cursor.
pub(crate) fn preview(model: &mut Model) {
    let pane = model.here();
    let Some(row) = pane.list.current() else {
        model.say("no message here: choose a folder and a message, then F3");
        return;
    };
    if pane.focus == Focus::Tree {
        pane.focus = Focus::List;
        return;
    }
    let (key, title) = (row.key.clone(), row.subject.to_string());
    let Some(place) = pane.list.place.clone() else { return };
    let columns = columns(model.size);
    let generation = model.next_generation();
    let folder = place.path;
    match key {
        Key::Remote(uid) | Key::Kept(uid, _) => {
            model.ask(Effect::Server(ServerRequest::Preview { generation, folder, uid, columns }));
        }
        Key::Local(locator) => {
            let Some(store) = model.sources.get(place.source).map(|open| open.source.clone()) else { return };
            model.ask(Effect::Store(StoreRequest::Preview { generation, store, folder, locator, columns }));
        }
    }
    let title = if title.is_empty() { "(no subject)" } else { &title };
    model.dialogs.push(Dialog::Preview(PreviewDialog::new(generation, title)));
}

/// Opens a store on the left, unless it is open already.
pub(crate) fn open_store(model: &mut Model, path: PathBuf, is_sought: bool) {
    let source = Source { path, options: model.reading.clone() };
    ways::open_source(model, source, None, is_sought);
}

/// Asks for a store to open.
pub(crate) fn ask_store(model: &mut Model) {
    let mut here = model.directories.0.display().to_string();
    if !here.ends_with('/') {
        here.push('/');
    }
    let purpose = if model.side == Side::Remote { Purpose::OpenRight } else { Purpose::OpenStore };
    if purpose == Purpose::OpenRight && model.running().is_some() {
        model.warn("a transfer is running: wait for its end, or stop it first (Esc, Esc)");
        return;
    }
    model.dialogs.push(Dialog::Prompt(Prompt::new(purpose, &here)));
}

/// Asks whom to connect as.
pub(crate) fn connect_dialog(model: &mut Model, target: Option<&Target>) {
    // With something on the right already, a mailbox asked for on the left is opened there.
    let for_left = target.is_none() && model.side == Side::Local && model.link.is_there();
    if !for_left && model.running().is_some() && !model.is_attached() {
        model.warn("a transfer is running on this connection: wait for it, or stop it with Esc");
        return;
    }
    let before = model.target.take();
    let known = if for_left { None } else { model.link.account.as_ref() };
    let mut dialog = Connect::new(target.or(before.as_ref()), known, &model.connect);
    dialog.for_left = for_left;
    model.dialogs.push(Dialog::Connect(Box::new(dialog)));
}

/// Reads the side with the keys again.
pub(crate) fn reread(model: &mut Model) {
    match model.side {
        Side::Local => reread_local(model),
        Side::Remote => match (&model.link.state, model.link.place()) {
            (LinkState::None, Some(place)) => ending::start_connecting(model, place),
            (LinkState::None, None) => connect_dialog(model, None),
            (LinkState::Connecting, _) => model.say("still connecting …"),
            (LinkState::Up | LinkState::Lost(_), _) => reread_remote(model),
        },
    }
}

/// Reads the local side again.
pub(crate) fn reread_local(model: &mut Model) {
    model.ask(Effect::Store(StoreRequest::Forget));
    let stores: Vec<Source> = model.sources.iter().map(|open| open.source.clone()).collect();
    for (source, store) in stores.into_iter().enumerate() {
        model.ask(Effect::Store(StoreRequest::Folders { source, store }));
    }
    renew_list(model, Side::Local);
}

/// Reads the server's side again.
pub(crate) fn reread_remote(model: &mut Model) {
    model.ask(Effect::Server(ServerRequest::Folders));
    renew_list(model, Side::Remote);
}
