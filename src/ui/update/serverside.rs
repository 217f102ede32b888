//! Changes on the server that are asked for by hand: new, renamed and deleted folders, deleted messages.

use crate::mail::units::plural;
use crate::mail::{Flags, FolderPath, SpecialUse};
use crate::ui::dialog::confirm::Confirm;
use crate::ui::dialog::flag::FlagAs;
use crate::ui::dialog::prompt::{Prompt, Purpose};
use crate::ui::dialog::{Command, Dialog};
use crate::ui::effect::{Effect, ServerRequest};
use crate::ui::marks::{Key, Mark, Marks};
use crate::ui::model::Model;
use crate::ui::pane::{Focus, Side};

/// Whether there is a server to change anything on; says so if not.
fn is_there(model: &mut Model) -> bool {
    let there = !model.remote.tree.nodes().is_empty() && model.link.is_there();
    if !there {
        model.warn("there is no mailbox on the right yet: A connects");
    }
    there
}

/// Asks for the name of a new folder below the right cursor.
pub(crate) fn new_folder(model: &mut Model) {
    if is_there(model) {
        let above = model.remote.place.as_ref().map(|place| place.path.clone()).unwrap_or_default();
        model.dialogs.push(Dialog::Prompt(Prompt::new(Purpose::NewFolder(above), "")));
    }
}

/// Asks for a new name of the folder under the right cursor.
pub(crate) fn rename(model: &mut Model) {
    if !is_there(model) {
        return;
    }
    match model.remote.place.as_ref().map(|place| place.path.clone()).filter(|path| !path.is_root()) {
        Some(folder) if is_inbox(model, &folder) => model.warn("INBOX can't be renamed"),
        Some(folder) => {
            let name = FolderPath::new([folder.name()]).to_string(); // as it is read back
            model.dialogs.push(Dialog::Prompt(Prompt::new(Purpose::Rename(folder), &name)));
        }
        None => model.warn("choose a folder on the right first"),
    }
}

fn is_inbox(model: &Model, folder: &FolderPath) -> bool {
    let special = model.link.terms.folders.iter().find(|known| known.path == *folder).and_then(|known| known.special);
    special == Some(SpecialUse::Inbox) || (folder.depth() == 1 && folder.name().eq_ignore_ascii_case("INBOX"))
}

/// Asks whether what is marked on the right, or under its cursor, may be deleted.
pub(crate) fn delete(model: &mut Model) {
    if model.side == Side::Local {
        model.warn("F8 deletes on the server's side only; F6 moves mail away from here");
        return;
    }
    if !is_there(model) {
        return;
    }
    let (folders, messages) = doomed(model);
    if folders.iter().any(|folder| folder.is_root() || is_inbox(model, folder)) {
        model.warn("INBOX and the mailbox itself can't be deleted");
        return;
    }
    let count: u64 = messages.iter().map(|(_, uids)| uids.len() as u64).sum();
    if folders.is_empty() && count == 0 {
        model.warn("nothing to delete here");
        return;
    }
    let mut lines = vec![if model.link.local.is_some() {
        "Put away in .mailferry-moved, or out of the mbox:".to_owned()
    } else {
        "Delete on the server, for good:".to_owned()
    }];
    for folder in &folders {
        let place = crate::ui::tree::Place { source: 0, path: folder.clone() };
        let held = model.remote.tree.at(&place).and_then(|node| node.tally.known());
        let held = held.map_or("messages not counted".to_owned(), |(messages, _)| plural(messages, "message"));
        lines.push(format!("  {folder} ({held})"));
    }
    for (folder, uids) in &messages {
        lines.push(format!("  {} in {folder}", plural(uids.len() as u64, "message")));
    }
    let shown = 12;
    if lines.len() > shown {
        let more = lines.len() - shown;
        lines.truncate(shown);
        lines.push(format!("  and {more} more"));
    }
    let question = Confirm::new("Delete", lines, "No").choice("Yes, delete", Command::Delete { folders, messages });
    model.dialogs.push(Dialog::Confirm(question.danger()));
}

/// What would be deleted: folders, deepest first, and messages.
fn doomed(model: &Model) -> (Vec<FolderPath>, Vec<(FolderPath, Vec<u32>)>) {
    let pane = &model.remote;
    if !pane.marks.is_empty() {
        return split(&pane.marks);
    }
    match pane.focus {
        Focus::List => {
            let uid = pane.list.current().and_then(|row| row.key.uid());
            let place = pane.list.place.as_ref();
            (Vec::new(), place.zip(uid).map(|(place, uid)| (place.path.clone(), vec![uid])).into_iter().collect())
        }
        Focus::Tree => {
            let below = pane.cursor().map(|at| pane.tree.below(at)).unwrap_or_default();
            let paths = below.into_iter().filter_map(|at| pane.tree.node(at)).map(|node| node.place.path.clone());
            (paths.collect::<Vec<_>>().into_iter().rev().collect(), Vec::new())
        }
    }
}

fn split(marks: &Marks) -> (Vec<FolderPath>, Vec<(FolderPath, Vec<u32>)>) {
    let mut folders = Vec::new();
    let mut messages = Vec::new();
    for (place, mark) in marks.iter() {
        match mark {
            Mark::All(_) => folders.push(place.path.clone()),
            Mark::Some { messages: marked, .. } => {
                let mut uids: Vec<u32> = marked.keys().filter_map(Key::uid).collect();
                uids.sort_unstable();
                messages.push((place.path.clone(), uids));
            }
        }
    }
    // A place sorts before what is below it, so the other way round the deepest come first.
    folders.reverse();
    (folders, messages)
}

/// The user said yes.
pub(crate) fn delete_confirmed(model: &mut Model, folders: Vec<FolderPath>, messages: Vec<(FolderPath, Vec<u32>)>) {
    model.remote.marks.take();
    model.say("deleting …");
    for (folder, uids) in messages {
        model.ask(Effect::Server(ServerRequest::Remove(folder, uids)));
    }
    if !folders.is_empty() {
        model.ask(Effect::Server(ServerRequest::Delete(folders)));
    }
}

/// The messages on the right that a flag is for, by folder: the marked ones, or the one under the cursor.
fn flaggable(model: &Model) -> Vec<(FolderPath, Vec<u32>)> {
    let pane = &model.remote;
    if pane.marks.is_empty() && pane.focus == Focus::Tree { Vec::new() } else { doomed(model).1 }
}

/// `!`: asks which flag messages on the right get or lose.
pub(crate) fn ask_flag(model: &mut Model) {
    if !is_there(model) {
        return;
    }
    let count: u64 = flaggable(model).iter().map(|(_, uids)| uids.len() as u64).sum();
    if count == 0 {
        model.warn("choose or mark messages on the right first");
        return;
    }
    model.dialogs.push(Dialog::Flag(FlagAs { about: plural(count, "message") }));
}

/// The flag is known.
pub(crate) fn flag(model: &mut Model, flags: Flags, is_set: bool) {
    for (folder, uids) in flaggable(model) {
        model.ask(Effect::Server(ServerRequest::Flag { folder, uids, flags, is_set }));
    }
    model.say("setting flags …");
}

/// The folder under the right cursor, if it can be opened; says so if not.
fn folder_here(model: &mut Model) -> Option<FolderPath> {
    if !is_there(model) {
        return None;
    }
    let place = model.remote.place.clone();
    let node = place.as_ref().and_then(|place| model.remote.tree.at(place)).filter(|node| node.holds);
    let folder = node.map(|node| node.place.path.clone());
    if folder.is_none() {
        model.warn("choose a folder on the right first");
    }
    folder
}

/// `E`: asks whether what is marked as deleted in the folder on the right may go.
pub(crate) fn expunge(model: &mut Model) {
    let Some(folder) = folder_here(model) else { return };
    let last = if model.link.local.is_some() {
        "They are put away in .mailferry-moved, or taken out of the mbox."
    } else {
        "Other programs' deleted messages go too. They are not coming back."
    };
    let lines = vec![format!("Remove every message in {folder} that is marked as deleted?"), last.to_owned()];
    let question = Confirm::new("Expunge", lines, "No").choice("Yes, expunge", Command::Expunge(folder));
    model.dialogs.push(Dialog::Confirm(question.danger()));
}

/// `S`: asks whether mail programs shall show the folder on the right.
pub(crate) fn subscribe(model: &mut Model) {
    if model.link.local.is_some() {
        model.warn("local mail has no subscriptions");
        return;
    }
    let Some(folder) = folder_here(model) else { return };
    let lines = vec![format!("Many mail programs show a folder only if it is subscribed: {folder}")];
    let question = Confirm::new("Subscription", lines, "Leave it")
        .choice("Subscribe", Command::Subscribe(folder.clone(), true))
        .choice("Unsubscribe", Command::Subscribe(folder, false));
    model.dialogs.push(Dialog::Confirm(question));
}
