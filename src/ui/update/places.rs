//! Going to an account or a store by its name in the list of all.

use crate::imap::Account;
use crate::transfer::Source;
use crate::ui::dialog::Dialog;
use crate::ui::dialog::connect::Connect;
use crate::ui::dialog::places::Chosen;
use crate::ui::effect::Effect;
use crate::ui::event::Trouble;
use crate::ui::model::Model;
use crate::ui::pane::Side;
use crate::ui::tree::Place;

use super::{browsing, dialogs, ending, ways};

/// Goes to a place; a mailbox opens in the pane with the keys.
pub(crate) fn go(model: &mut Model, place: Chosen) {
    let top = |source| Place { source, path: crate::mail::FolderPath::root() };
    match place {
        Chosen::Store(source) => browsing::go_to(model, Side::Local, &top(source)),
        Chosen::Right => browsing::go_to(model, Side::Remote, &top(0)),
        Chosen::Met(at) => {
            if let Some(account) = model.met.get(at).cloned() {
                open(model, model.side, account);
            }
        }
        Chosen::Known(at) => unlock(model, at),
    }
}

/// Gets the password of an account of the settings: by the way that they name, or from the user.
fn unlock(model: &mut Model, at: usize) {
    if !may_connect(model, model.side) {
        return;
    }
    let Some(known) = model.accounts.get(at).cloned() else { return };
    if known.unlock.is_some() && known.target.user.is_some() {
        model.say(format!("getting the password of {} …", known.name));
        model.ask(Effect::Unlock(Box::new(known), model.side));
        return;
    }
    let mut dialog = Connect::new(Some(&known.target), None, &known.options);
    dialog.for_left = model.side == Side::Local;
    model.dialogs.push(Dialog::Connect(Box::new(dialog)));
}

/// The password is there, or can't be had.
pub(crate) fn unlocked(model: &mut Model, side: Side, result: Result<Account, Trouble>) {
    match result {
        Ok(account) => open(model, side, account),
        Err(trouble) => dialogs::problem(model, "The password can't be had", &trouble),
    }
}

fn open(model: &mut Model, side: Side, account: Account) {
    if !may_connect(model, side) {
        return;
    }
    match side {
        Side::Local => ways::open_account(model, account),
        Side::Remote => ending::start_connecting(model, account),
    }
}

/// What runs needs the connection on the right.
fn may_connect(model: &mut Model, side: Side) -> bool {
    let is_free = side == Side::Local || model.running().is_none() || model.is_attached();
    if !is_free {
        model.warn("a transfer is running: wait for its end, or stop it first (Esc, Esc)");
    }
    is_free
}

/// Remembers a mailbox for this sitting, unless the settings name it.
pub(crate) fn meet(model: &mut Model, account: &Account) {
    let here = Source::of_account(account);
    let is_named = model.accounts.iter().any(|known| {
        known.unlock.is_some()
            && known.target.host == account.host
            && known.target.port == account.port
            && known.target.user.as_deref() == Some(&account.user)
    });
    model.met.retain(|known| Source::of_account(known) != here);
    if !is_named {
        model.met.push(account.clone());
    }
}
