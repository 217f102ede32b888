//! F4 on the left: what a store is, why, and what is doubtful about the mail in it.

use crate::mail::units::plural;
use crate::ui::dialog::Dialog;
use crate::ui::dialog::preview::{PreviewDialog, columns};
use crate::ui::effect::{Effect, StoreRequest};
use crate::ui::model::{Model, SourceState};

/// Examines the folder under the left cursor with all below it; at the top, the whole store.
pub(crate) fn ask(model: &mut Model) {
    let place = model.local.place.clone();
    let Some(place) = place else {
        model.warn("no local mail is open: O opens a mail file or directory");
        return;
    };
    let Some(open) = model.sources.get(place.source).filter(|open| open.state == SourceState::Ready) else { return };
    if open.account.is_some() {
        model.warn("F4 on the left looks into local mail; this mailbox is on a server");
        return;
    }
    let store = open.source.clone();
    let name = if place.path.is_root() { store.path.display().to_string() } else { place.path.to_string() };
    let (generation, columns) = (model.next_generation(), columns(model.size));
    model.ask(Effect::Store(StoreRequest::Examine { generation, store, folder: place.path, columns }));
    model.dialogs.push(Dialog::Preview(PreviewDialog::new(generation, &format!("Doubts about {name}"))));
}

/// Says how far an examination is.
pub(crate) fn told(model: &mut Model, generation: u64, messages: u64) {
    for dialog in &mut model.dialogs {
        if let Dialog::Preview(preview) = dialog
            && preview.generation == generation
        {
            preview.wait(format!("reading … {} so far", plural(messages, "message")));
        }
    }
}
