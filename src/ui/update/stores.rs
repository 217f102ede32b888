//! News of local stores.

use crate::mail::FolderPath;
use crate::store::Count;
use crate::ui::dialog::Dialog;
use crate::ui::effect::{Effect, StoreRequest};
use crate::ui::event::{Opened, Page, StoreEvent, Trouble};
use crate::ui::list::Stage;
use crate::ui::model::{Model, SourceState};
use crate::ui::tree::{Place, Tally};

use super::{dialogs, examining, planning};

/// Takes the news; answers to questions that are no longer asked are dropped.
pub(crate) fn happened(model: &mut Model, event: StoreEvent) {
    match event {
        StoreEvent::Folders { source, result: Ok(read) } => opened(model, source, read),
        StoreEvent::Folders { source, result: Err(why) } => unreadable(model, source, &why),
        StoreEvent::Looking { source, looked } => {
            if let Some(open) = model.sources.get_mut(source).filter(|open| open.state != SourceState::Ready) {
                open.state = SourceState::Opening(looked);
            }
        }
        StoreEvent::Examined { generation, messages } => examining::told(model, generation, messages),
        StoreEvent::Weighed { generation, of, weight } => planning::weighed(model, generation, *of, weight),
        StoreEvent::Weighing { generation, messages } => planning::weighing(model, generation, messages),
        StoreEvent::Counts(counts) => counted(model, counts),
        StoreEvent::Rows { generation, rows, progress: (done, total) } => {
            let list = &mut model.local.list;
            if list.generation == generation && matches!(list.stage, Stage::Reading(..)) {
                list.append(rows);
                list.stage = Stage::Reading(done, total);
            }
        }
        StoreEvent::ListEnd { generation, result } => list_ended(model, generation, result),
        StoreEvent::Preview { generation, result } => {
            preview_arrived(model, generation, result.map_err(|text| Trouble { text, hint: String::new() }));
        }
    }
}

fn opened(model: &mut Model, source: usize, read: Opened) {
    let Some(open) = model.sources.get_mut(source) else { return };
    let Opened { format, choices, folders: entries } = read;
    (open.format, open.choices, open.state) = (format, choices, SourceState::Ready);
    let (store, is_sought) = (open.source.clone(), open.is_sought);
    let file = || store.path.file_name().unwrap_or(store.path.as_os_str()).to_string_lossy().into_owned();
    let name = open.account.as_ref().map_or_else(file, crate::imap::Account::label);
    let folders: Vec<FolderPath> = entries.iter().filter(|entry| entry.holds).map(|entry| entry.path.clone()).collect();
    let is_new = model.local.tree.find(&Place { source, path: FolderPath::root() }).is_none();
    model.local.tree.put(source, &name, entries);
    if is_new && is_sought {
        model.local.place = Some(Place { source, path: FolderPath::root() });
    }
    model.local.keep_cursor();
    for folder in folders {
        model.ask(Effect::Store(StoreRequest::Count { source, store: store.clone(), folder }));
    }
}

fn unreadable(model: &mut Model, source: usize, why: &str) {
    if let Some(open) = model.sources.get_mut(source) {
        open.state = SourceState::Failed(why.to_owned());
    }
    let is_mailbox = model.sources.get(source).is_some_and(|open| open.account.is_some());
    let (title, hint) = if is_mailbox {
        ("The mailbox can't be opened", "check server, user and password; A on the left opens it again")
    } else {
        ("This is no mail that can be read", "check the path and who may read it; O opens another one")
    };
    let hint = hint.to_owned();
    dialogs::problem(model, title, &Trouble { text: why.to_owned(), hint });
}

fn counted(model: &mut Model, counts: Vec<(usize, FolderPath, Option<Count>)>) {
    let mut learnt = Vec::with_capacity(counts.len());
    for (source, path, count) in counts {
        let place = Place { source, path };
        let tally = count.map_or(Tally::Failed, |count| Tally::Known {
            messages: count.messages,
            bytes: count.bytes,
            unread: 0,
        });
        model.local.counted(&place, tally);
        learnt.push((place, tally.known()));
    }
    planning::counted(model, &learnt);
}

fn list_ended(model: &mut Model, generation: u64, result: Result<u64, String>) {
    let list = &mut model.local.list;
    if list.generation != generation {
        return;
    }
    match result {
        Ok(remarks) => {
            list.remarks = remarks;
            list.stage = Stage::Complete;
            if let Some(place) = list.place.clone().filter(|_| list.beyond == 0) {
                let (messages, bytes) = (list.len() as u64, list.rows().map(|(_, row)| row.size).sum());
                let unread =
                    list.rows().filter(|(_, row)| !row.flags.contains(crate::mail::Flags::SEEN)).count() as u64;
                model.local.counted(&place, Tally::Known { messages, bytes, unread });
                planning::counted(model, &[(place, Some((messages, bytes)))]);
            }
        }
        Err(why) => list.stage = Stage::Failed(why),
    }
}

/// A message to look at has come, or can't be had.
pub(crate) fn preview_arrived(model: &mut Model, generation: u64, result: Result<Vec<Page>, Trouble>) {
    let waiting = |dialog: &Dialog| matches!(dialog, Dialog::Preview(preview) if preview.generation == generation);
    let Some(at) = model.dialogs.iter().position(waiting) else { return };
    match (result, model.dialogs.get_mut(at)) {
        (Ok(pages), Some(Dialog::Preview(preview))) => preview.show(pages),
        (Err(trouble), _) => {
            model.dialogs.remove(at);
            dialogs::problem(model, "The message can't be shown", &trouble);
        }
        (Ok(_), _) => {}
    }
}
