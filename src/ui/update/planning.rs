//! The plan before a job: made from marks, changed in place, weighed while it is looked at.

use crate::mail::FolderPath;
use crate::transfer::{self, FolderPlan, Ids, Mode, Room, Scale, Source, Speed, Terms, Weight};
use crate::ui::dialog::Dialog;
use crate::ui::dialog::plan::PlanDialog;
use crate::ui::effect::{Effect, JournalRequest, Login, ServerRequest, StoreRequest};
use crate::ui::marks::{Mark, Marks};
use crate::ui::model::{Model, Redraw};
use crate::ui::pane::Side;
use crate::ui::tree::Place;

use super::{browsing, choosing, ways};

/// F5 and F6: shows what would go where.
pub(crate) fn open_plan(model: &mut Model, mode: Mode) {
    if !model.link.is_there() {
        browsing::connect_dialog(model, None);
        model.say("connect to the mailbox it goes to, then press the key again");
        return;
    }
    if model.remote.tree.nodes().is_empty() {
        model.warn("the folders of the mailbox are not known yet: wait a moment, or press r on the right");
        return;
    }
    let from = ways::from(model);
    let Some(way) = ways::way(model, from) else { return };
    let Some((marks, is_of_marks)) = choosing::chosen(model, from) else {
        model.warn("nothing to carry here: choose a folder or a message that holds mail");
        return;
    };
    if from == Side::Local {
        count_first(model, &marks);
    }
    let generation = model.next_generation();
    model.ask(Effect::Journal(JournalRequest::Speed {
        generation,
        state: model.state.clone(),
        place: Box::new(way.to.clone()),
    }));
    let mut dialog = PlanDialog::new(mode, marks, is_of_marks, way, generation);
    refresh(model, &mut dialog);
    if dialog.draft.folders.len() > 1 && dialog.is_one_file {
        model.warn("one mbox holds one folder: open a directory for several (mbox:DIRECTORY/)");
        return;
    }
    ask_room(model, &mut dialog);
    // A list of a mailbox is a download of its headers: on demand.
    if !dialog.is_far() {
        weigh(model, &dialog, None, false);
    }
    model.dialogs.push(Dialog::Plan(Box::new(dialog)));
}

/// Asks for the counts that the plan lacks before all others.
fn count_first(model: &mut Model, marks: &Marks) {
    let uncounted: Vec<Place> =
        marks.iter().filter(|(_, mark)| matches!(mark, Mark::All(None))).map(|(place, _)| place.clone()).collect();
    for place in uncounted.into_iter().rev() {
        if let Some(open) = model.sources.get(place.source) {
            let (source, store) = (place.source, open.source.clone());
            model.ask(Effect::Store(StoreRequest::Count { source, store, folder: place.path }));
        }
    }
}

/// Makes the plan anew from its marks, the rules, and what the mailbox has.
fn refresh(model: &Model, dialog: &mut PlanDialog) {
    let selections = choosing::selections(model, dialog.from, &dialog.marks, &dialog.target);
    let (selections, counting): (Vec<_>, Vec<bool>) = selections.into_iter().unzip();
    let terms = match dialog.from {
        Side::Local => model.link.terms.clone(),
        Side::Remote => Terms { folders: ways::existing(model, dialog.from), ..Terms::default() },
    };
    dialog.draft = transfer::draft(selections, &dialog.target, &terms, &model.mapping);
    dialog.counting = counting;
    dialog.rules = model.mapping.rules.len();
    dialog.has_several_stores = model.sources.len() > 1;
    dialog.held_messages =
        dialog.draft.folders.iter().map(|row| held_messages(model, dialog.from, &row.folder)).collect();
    dialog.is_one_file = ways::is_one_file(&dialog.to, &terms.folders);
    if let (true, Some(only)) = (dialog.is_one_file, dialog.draft.folders.first_mut()) {
        (only.folder.target, only.folder.exists, only.asked) = (FolderPath::root(), !terms.folders.is_empty(), None);
    }
    dialog.keep_cursor();
}

/// How many messages the target holds already, if that is known.
fn held_messages(model: &Model, from: Side, folder: &FolderPlan) -> Option<u64> {
    let (tree, source) = match from {
        Side::Local => (&model.remote.tree, 0),
        Side::Remote => (&model.local.tree, model.local.place.as_ref()?.source),
    };
    let node = tree.node(tree.find(&Place { source, path: folder.target.clone() })?)?;
    node.tally.known().map(|(messages, _)| messages)
}

/// Does something with the plan that is open, wherever it is in the stack, if there is one.
fn with_plan(model: &mut Model, change: impl FnOnce(&mut Model, &mut PlanDialog)) {
    let Some(at) = model.dialogs.iter().rposition(|dialog| matches!(dialog, Dialog::Plan(_))) else { return };
    if let Dialog::Plan(mut dialog) = model.dialogs.remove(at) {
        change(model, &mut dialog);
        model.dialogs.insert(at, Dialog::Plan(dialog));
        model.redraw = model.redraw.max(Redraw::Soon);
    }
}

/// An open plan learns what has been counted.
pub(crate) fn counted(model: &mut Model, counts: &[(Place, Option<(u64, u64)>)]) {
    with_plan(model, |model, dialog| {
        for (place, count) in counts {
            dialog.marks.counted(place, *count);
        }
        refresh(model, dialog);
        ask_room(model, dialog);
    });
}

/// The rules are others now.
pub(crate) fn rules_changed(model: &mut Model) {
    with_plan(model, |model, dialog| {
        refresh(model, dialog);
        ask_room(model, dialog);
    });
}

/// Asks the mailbox what it takes, unless it was asked about the same folders.
fn ask_room(model: &mut Model, dialog: &mut PlanDialog) {
    let targets = || dialog.draft.folders.iter().map(|row| (&row.folder.target, row.folder.exists));
    let is_known = dialog.room_of.iter().map(|(target, exists)| (target, *exists)).eq(targets());
    if dialog.from == Side::Remote || is_known {
        return;
    }
    dialog.room_of = targets().map(|(target, exists)| (target.clone(), exists)).collect();
    dialog.room_asked = model.next_generation();
    let folders = dialog.room_of.iter().map(|(target, _)| target.clone()).collect();
    model.ask(Effect::Server(ServerRequest::Room { generation: dialog.room_asked, folders }));
}

/// What the mailbox takes is known now.
pub(crate) fn room(model: &mut Model, generation: u64, room: Room) {
    with_plan(model, |_, dialog| {
        if dialog.room_asked == generation {
            dialog.room = room;
        }
    });
}

/// Asks what lists tell of the folders that go to `target`, or of all; or what their messages tell, read in full.
fn weigh(model: &mut Model, dialog: &PlanDialog, held: Option<(&FolderPath, &Ids)>, reads: bool) {
    for row in &dialog.draft.folders {
        let folder = &row.folder;
        let held = match held {
            Some((target, ids)) if folder.target == *target => Some(ids.clone()),
            Some(_) => continue,
            None if reads && dialog.asks_ids(row) => continue, // its turn comes with them
            None => None,
        };
        // The disk is asked what is there: right after a job the pane may not know of a new folder yet.
        let is_local = dialog.from == Side::Remote && reads;
        let target = is_local.then(|| Box::new((dialog.to.source(), folder.target.clone())));
        let scale = Scale { limit: dialog.room.limit(&folder.target), held, reads };
        let (generation, folder) = (dialog.generation, Box::new(folder.clone()));
        model.ask(Effect::Store(StoreRequest::Weigh { generation, folder, scale, target }));
    }
}

/// F4: every message is read, and what the mailbox holds is held against it.
pub(crate) fn examine(model: &mut Model) {
    let generation = model.next_generation();
    with_plan(model, |model, dialog| {
        dialog.examine(generation);
        if let Some(account) = model.link.account.clone().filter(|_| dialog.from == Side::Remote) {
            model.ask(Effect::Store(StoreRequest::Login(Login(account))));
        }
        weigh(model, dialog, None, true);
        let mut targets: Vec<FolderPath> = Vec::new();
        for row in dialog.draft.folders.iter().filter(|row| dialog.asks_ids(row)) {
            if !targets.contains(&row.folder.target) {
                targets.push(row.folder.target.clone());
            }
        }
        for folder in targets {
            model.ask(Effect::Server(ServerRequest::Ids { generation, folder }));
        }
    });
}

/// What a folder of the mailbox holds is known now.
pub(crate) fn held(model: &mut Model, generation: u64, folder: &FolderPath, ids: &Ids) {
    with_plan(model, |model, dialog| {
        if dialog.generation == generation {
            weigh(model, dialog, Some((folder, ids)), true);
        }
    });
}

/// A folder was weighed.
pub(crate) fn weighed(model: &mut Model, generation: u64, of: (Source, FolderPath), weight: Option<Weight>) {
    with_plan(model, |_, dialog| {
        if dialog.generation == generation {
            dialog.weighed(of, weight);
        }
    });
}

/// Says how far the weighing is.
pub(crate) fn weighing(model: &mut Model, generation: u64, messages: u64) {
    with_plan(model, |_, dialog| {
        if dialog.generation == generation {
            dialog.looked_at = messages;
        }
    });
}

/// How fast the last job to that place was.
pub(crate) fn speed(model: &mut Model, generation: u64, speed: Option<Speed>) {
    with_plan(model, |_, dialog| {
        if dialog.speed_asked == generation {
            dialog.speed = speed;
        }
    });
}
