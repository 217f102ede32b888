//! News of the server.

use crate::imap::{Counts, RemoteFolder};
use crate::mail::FolderPath;
use crate::transfer::Terms;
use crate::ui::dialog::Dialog;
use crate::ui::effect::{Effect, ServerRequest};
use crate::ui::event::{ServerEvent, Trouble};
use crate::ui::list::Stage;
use crate::ui::model::{LinkState, Model};
use crate::ui::pane::Side;
use crate::ui::tree::{Entry, Place, Tally};

use super::{browsing, dialogs, planning, stores};

/// Takes the news of the present connection; that of others is dropped.
pub(crate) fn happened(model: &mut Model, connection: u64, event: ServerEvent) {
    if connection != model.link.connection {
        return;
    }
    match event {
        ServerEvent::Connecting => model.link.state = LinkState::Connecting,
        ServerEvent::Connected => connected(model),
        ServerEvent::ConnectFailed(trouble) => connect_failed(model, &trouble),
        ServerEvent::Lost(trouble) => lost(model, trouble),
        ServerEvent::Terms(terms) => terms_read(model, terms),
        ServerEvent::Room(generation, room) => planning::room(model, generation, room),
        ServerEvent::Ids(generation, folder, ids) => planning::held(model, generation, &folder, &ids),
        ServerEvent::Counts(counts) => counted(model, counts),
        ServerEvent::Opened(generation, exists, validity) => {
            let place = model.remote.list.place.clone().filter(|_| model.remote.list.generation == generation);
            model.link.validities.extend(place.map(|place| (place.path, validity)));
            let list = &mut model.remote.list;
            if list.generation == generation {
                list.exists(usize::try_from(exists).unwrap_or(usize::MAX));
            }
        }
        ServerEvent::Window(generation, chunk, rows) => {
            let list = &mut model.remote.list;
            if list.generation == generation && list.stage == Stage::Complete {
                list.fill(chunk, rows);
            }
        }
        ServerEvent::ListFailed(generation, trouble) => {
            let list = &mut model.remote.list;
            if list.generation == generation {
                list.stage = Stage::Failed(trouble.text);
            }
        }
        ServerEvent::Preview(generation, result) => stores::preview_arrived(model, generation, result),
        ServerEvent::Changed(what, to) => {
            model.say(what);
            model.link.wanted = to;
            browsing::renew_list(model, Side::Remote);
        }
        ServerEvent::Done(what) => model.say(what),
        ServerEvent::Refused(trouble) => dialogs::problem(model, "The server refused", &trouble),
    }
}

fn connected(model: &mut Model) {
    model.link.state = LinkState::Up;
    model.dialogs.retain(|dialog| !matches!(dialog, Dialog::Connect(connect) if connect.is_connecting()));
}

fn connect_failed(model: &mut Model, trouble: &Trouble) {
    model.link.state =
        if model.remote.tree.nodes().is_empty() { LinkState::None } else { LinkState::Lost(trouble.clone()) };
    for dialog in &mut model.dialogs {
        if let Dialog::Connect(connect) = dialog {
            connect.failed();
        }
    }
    // A list that waits for the connection would say "reading" for ever.
    if matches!(model.remote.list.stage, Stage::Reading(..)) {
        model.remote.list.stage = Stage::Failed(trouble.text.clone());
    }
    // One that was up before is tried again with every key, so a line is enough.
    if model.remote.tree.nodes().is_empty() {
        dialogs::problem(model, "Not connected", trouble);
    } else {
        model.warn(format!("not connected: {}; r tries again", trouble.text));
    }
}

/// Nothing is shown over what the user does: the pane says it, and the next request connects again.
fn lost(model: &mut Model, trouble: Trouble) {
    model.warn(format!("connection lost: {}; r connects again", trouble.text));
    if matches!(model.remote.list.stage, Stage::Reading(..)) {
        model.remote.list.stage = Stage::Failed(trouble.text.clone());
    }
    model.remote.list.ask_again();
    model.link.state = LinkState::Lost(trouble);
}

fn terms_read(model: &mut Model, terms: Terms) {
    let (label, folders) = (model.link.label(), &terms.folders);
    let entry =
        |folder: &RemoteFolder| Entry { path: folder.path.clone(), special: folder.special, holds: folder.can_select };
    model.remote.tree.put(0, &label, folders.iter().map(entry).collect());
    let selectable: Vec<FolderPath> =
        folders.iter().filter(|folder| folder.can_select).map(|folder| folder.path.clone()).collect();
    model.link.terms = terms;
    model.remote.keep_cursor();
    if let Some(wanted) = model.link.wanted.take() {
        go_to(model, &wanted);
    }
    model.ask(Effect::Server(ServerRequest::Counts(selectable)));
    // An open plan may go to folders that are there now.
    planning::counted(model, &[]);
}

/// Goes to a folder, or to the nearest one above it that exists, and says so.
fn go_to(model: &mut Model, wanted: &FolderPath) {
    let mut here = wanted.clone();
    while !here.is_root() && model.remote.tree.find(&Place { source: 0, path: here.clone() }).is_none() {
        here = here.parent().unwrap_or_default();
    }
    if here != *wanted {
        model.warn(format!("there is no folder {wanted} on the server; F7 makes it"));
    }
    model.remote.go(&Place { source: 0, path: here });
}

fn counted(model: &mut Model, counts: Vec<(FolderPath, Option<Counts>)>) {
    for (path, counts) in counts {
        let tally = counts.map_or(Tally::Failed, |counts| Tally::Known {
            messages: u64::from(counts.messages),
            bytes: counts.bytes.unwrap_or(0),
            unread: u64::from(counts.unseen),
        });
        model.remote.counted(&Place { source: 0, path }, tally);
    }
}
