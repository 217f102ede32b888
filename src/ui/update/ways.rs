//! Which way mail goes: from either pane into the other, whatever is open there.

use crate::imap::{Account, RemoteFolder};
use crate::mail::FolderPath;
use crate::store::{LocalPlace, OpenOptions, Shape};
use crate::transfer::{Place, Source};
use crate::ui::effect::{Effect, Login, StoreRequest};
use crate::ui::model::{Model, OpenSource, SourceState};
use crate::ui::pane::Side;

use super::{browsing, ending, places};

/// Which way F5 and F6 go, and what they would carry into.
pub(crate) struct Way {
    /// The pane that mail comes from.
    pub from: Side,
    /// Where it goes.
    pub to: Place,
    /// The folder there.
    pub folder: FolderPath,
}

/// The pane that mail would come from: the one with the keys, unless only the other one has marks.
pub(crate) fn from(model: &Model) -> Side {
    let only_left = !model.local.marks.is_empty() && model.remote.marks.is_empty();
    if only_left { Side::Local } else { model.side }
}

/// Where mail from a pane goes; `None` after saying why it can't.
pub(crate) fn way(model: &mut Model, from: Side) -> Option<Way> {
    match from {
        Side::Local => {
            let to = model.link.place()?;
            let folder = model.remote.place.as_ref().map(|place| place.path.clone()).unwrap_or_default();
            Some(Way { from, to, folder })
        }
        Side::Remote => {
            let Some(place) = model.local.place.clone() else {
                model.warn("nothing is open on the left that mail could go to: O opens it");
                return None;
            };
            let open = model.sources.get(place.source)?;
            let Some(to) = open.place() else {
                let what = if open.format.is_empty() { "it".to_owned() } else { open.format.clone() };
                model.warn(format!("{what} can only be read: mail goes into a Maildir, an mbox or a mailbox"));
                return None;
            };
            Some(Way { from, to, folder: place.path })
        }
    }
}

/// The folders that are there already.
pub(crate) fn existing(model: &Model, from: Side) -> Vec<RemoteFolder> {
    if from == Side::Local {
        return model.link.terms.folders.clone();
    }
    let Some(source) = model.local.place.as_ref().map(|place| place.source) else { return Vec::new() };
    let nodes = model.local.tree.nodes().iter().filter(|node| node.place.source == source && node.holds);
    let folder = |node: &crate::ui::tree::Node| RemoteFolder {
        path: node.place.path.clone(),
        wire: node.place.path.to_string(),
        special: node.special,
        can_select: true,
        can_have_children: true,
    };
    nodes.map(folder).collect()
}

/// Whether everything goes into one mbox, which is one folder.
pub(crate) fn is_one_file(to: &Place, existing: &[RemoteFolder]) -> bool {
    let Place::Local(LocalPlace { shape: Shape::Mbox, path }) = to else { return false };
    !path.as_os_str().as_encoded_bytes().ends_with(b"/") && existing.iter().all(|folder| folder.path.is_root())
}

/// The store that mail of a place in that pane is in.
pub(crate) fn source_of(model: &Model, from: Side, source: usize) -> Option<Source> {
    match from {
        Side::Local => Some(model.sources.get(source)?.source.clone()),
        Side::Remote => Some(model.link.place()?.source()),
    }
}

/// The name of a folder of the right pane as its store has it: a Maildir with one folder has no name for that.
pub(crate) fn folder_of(model: &Model, from: Side, folder: &FolderPath) -> FolderPath {
    let is_lone = from == Side::Remote && model.link.local.is_some() && model.link.terms.folders.len() == 1;
    if is_lone { FolderPath::root() } else { folder.clone() }
}

/// The accounts that a job needs beside that of its target.
pub(crate) fn accounts(model: &Model) -> Vec<Account> {
    let left = model.sources.iter().filter_map(|open| open.account.clone());
    left.chain(model.link.account.clone()).collect()
}

/// Opens a mailbox on the left, unless it is open already.
pub(crate) fn open_account(model: &mut Model, account: Account) {
    let source = Source::of_account(&account);
    places::meet(model, &account);
    model.ask(Effect::Store(StoreRequest::Login(Login(account.clone()))));
    open_source(model, source, Some(account), true);
}

/// Opens what is named on the left, unless it is open already.
pub(crate) fn open_source(model: &mut Model, source: Source, account: Option<Account>, is_sought: bool) {
    let known = model.sources.iter().position(|open| open.source.path == source.path);
    let at = known.unwrap_or(model.sources.len());
    let state = SourceState::Opening(crate::store::Looked::default());
    let store = if let Some(open) = model.sources.get_mut(at) {
        // It is read as was said last.
        (open.state, open.account) = (state, account);
        open.source.clone()
    } else {
        let (format, choices) = (String::new(), Vec::new());
        model.sources.push(OpenSource { source: source.clone(), account, format, choices, state, is_sought });
        source
    };
    model.side = Side::Local;
    model.ask(Effect::Store(StoreRequest::Folders { source: at, store }));
}

/// `=`: what is open on the right comes to the left, and what is under the left cursor goes to the right.
pub(crate) fn swap(model: &mut Model) {
    if model.running().is_some() {
        model.warn("a transfer is running: wait for its end, or stop it first (Esc, Esc)");
        return;
    }
    let Some(right) = model.link.place() else {
        model.warn("nothing is open on the right: A connects, O there opens local mail");
        return;
    };
    let Some(Way { to: left, .. }) = way(model, Side::Remote) else { return };
    model.local.marks.take();
    model.remote.marks.take();
    match right {
        Place::Server(account) => open_account(model, account),
        Place::Local(place) => {
            let format = Some(place.shape.label().to_owned());
            let options = OpenOptions { format, ..model.reading.clone() };
            open_source(model, Source { path: place.path, options }, None, true);
        }
    }
    ending::start_connecting(model, left);
}

/// The sides that a job changed are read again.
pub(crate) fn reread(model: &mut Model, from: Side, has_removed: bool) {
    let (to_left, to_right) = (from == Side::Remote, from == Side::Local);
    if to_right || has_removed {
        browsing::reread_remote(model);
    }
    if to_left || has_removed {
        browsing::reread_local(model);
    }
}
