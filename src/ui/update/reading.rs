//! How a store on the left is read: asked of the user, and the store read anew.

use crate::store::{Looked, OpenOptions};
use crate::ui::dialog::Dialog;
use crate::ui::dialog::store_options::StoreOptions;
use crate::ui::model::{Model, SourceState};
use crate::ui::pane::Side;

use super::browsing;

/// Asks how the store under the left cursor is to be read.
pub(crate) fn ask(model: &mut Model) {
    let source = model.local.place.as_ref().map(|place| place.source);
    let Some((at, open)) = source.and_then(|at| Some((at, model.sources.get(at)?))) else {
        model.warn("no local mail is open: O opens a mail file or directory");
        return;
    };
    if open.account.is_some() {
        model.warn("this mailbox is on a server, which says itself what it holds");
    } else if open.choices.is_empty() {
        let format = open.format.clone();
        model.warn(format!("{format}: nothing about how it is read is left to you"));
    } else {
        let dialog = StoreOptions::new(at, open);
        model.dialogs.push(Dialog::StoreOptions(dialog));
    }
}

/// Reads a store anew. Its folders, and what is in them, may be others then, so that no mark in it stays.
pub(crate) fn again(model: &mut Model, source: usize, options: OpenOptions) {
    let Some(open) = model.sources.get_mut(source) else { return };
    if open.source.options == options {
        return;
    }
    open.source.options = options;
    open.state = SourceState::Opening(Looked::default());
    let had_marks = model.local.marks.unmark_store(source);
    for lent in model.lent.values_mut().filter(|lent| lent.from == Side::Local) {
        lent.marks.unmark_store(source);
    }
    browsing::reread_local(model);
    model.say(if had_marks { "reading it anew; the marks in it were taken off" } else { "reading it anew …" });
}
