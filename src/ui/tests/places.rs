//! Accounts and stores: what is open, what was, and what the settings name.

use std::sync::Arc;

use secrecy::SecretString;

use super::world::World;
use crate::imap::{ConnectOptions, Target};
use crate::ui::KnownAccount;
use crate::ui::dialog::Dialog;
use crate::ui::effect::{Effect, StoreRequest};
use crate::ui::event::{Event, Trouble};
use crate::ui::pane::Side;

fn known(name: &str, url: &str, has_password: bool) -> KnownAccount {
    let unlock = || Ok(SecretString::from("secret"));
    KnownAccount {
        name: name.into(),
        target: Target::parse(url).unwrap(),
        options: ConnectOptions::default(),
        unlock: has_password.then(|| Arc::new(unlock) as _),
    }
}

/// Two accounts of the settings beside what is open.
pub(super) fn named(size: (u16, u16)) -> World {
    let mut world = World::new(size);
    world.model.accounts = vec![
        known("new-office", "imaps://anna@new.example.org", true),
        known("橋 office", "imaps://bert@old.example.org", false),
    ];
    world
}

#[test]
fn the_list_goes_to_what_is_open_and_connects_to_what_is_named() {
    let mut world = named((80, 24));
    world.keys("@");
    // The right pane, from the left.
    world.keys("<Down><Enter>");
    assert_eq!(world.model.side, Side::Remote);
    world.keys("@<Enter>");
    assert_eq!(world.model.side, Side::Local);
    // An account with a way to its password: opened where the keys are, once that is there.
    world.keys("<Tab>@<Down><Down><Enter>");
    let asked = world.effects.iter().find_map(|effect| match effect {
        Effect::Unlock(known, side) => Some((known.clone(), *side)),
        _ => None,
    });
    let (known, side) = asked.expect("the password is asked for");
    assert_eq!((known.name.as_str(), side), ("new-office", Side::Remote));
    let account = crate::imap::Account {
        host: known.target.host.clone(),
        port: known.target.port,
        security: known.target.security,
        user: "anna".into(),
        password: SecretString::from("secret"),
        options: ConnectOptions::default(),
    };
    world.happens(Event::Unlocked(side, Ok(Box::new(account.clone()))));
    assert!(
        world.asked(|effect| matches!(effect, Effect::Connect(_, place) if place.label() == "anna@new.example.org"))
    );
    assert!(!format!("{:?}", world.effects).contains("secret"), "a password is in no effect that is printed");
    // The mailbox before that is in the list too, and opens on the left from there.
    world.keys("<Tab>@<End><Enter>");
    assert!(world.asked(|effect| matches!(effect, Effect::Store(StoreRequest::Login(_)))));
    // One without a way to its password asks the user.
    world.keys("@");
    for _ in 0..world.model.sources.len() + 2 {
        world.keys("<Down>");
    }
    world.keys("<Enter>");
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Connect(_))), "{:?}", world.model.accounts);
    world.keys("<Esc>");
    let trouble = Trouble { text: "the password command failed: exit status: 1".into(), hint: String::new() };
    world.happens(Event::Unlocked(Side::Remote, Err(trouble)));
    assert!(world.screen().contains("The password can't be had"));
}

#[test]
fn a_running_job_keeps_its_mailbox() {
    let mut world = super::screens::running((80, 24));
    world.model.accounts = vec![known("work", "imaps://anna@new.example.org", true)];
    world.keys("<Tab>@<Down><Down><Enter>");
    assert!(!world.asked(|effect| matches!(effect, Effect::Unlock(..))));
    assert!(world.screen().contains("a transfer is running"));
}
