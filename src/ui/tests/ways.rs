//! Mail goes from either pane into the other, whatever is open there; flags, expunge and subscriptions on the right.

use super::world::{World, account, path, rows};
use crate::imap::Account;
use crate::mail::Flags;
use crate::store::{LocalPlace, Shape};
use crate::transfer::{Chosen, Event, Job, Mode, Outcome, Place, Source, Terms};
use crate::ui::dialog::Dialog;
use crate::ui::effect::{Effect, ServerRequest, StoreRequest};
use crate::ui::event::{Event as Happening, Opened, ServerEvent, StoreEvent};
use crate::ui::list::Row;
use crate::ui::marks::Key;
use crate::ui::tree::Entry;

/// INBOX of the right pane, listed, its first message under the cursor.
pub(super) fn listed_right(size: (u16, u16)) -> World {
    let mut world = World::new(size);
    world.keys("<Tab><Down>");
    let generation = world.model.remote.list.generation;
    world.server(ServerEvent::Opened(generation, 5, 9));
    let row = |(row, uid): (Row, u32)| Row { key: Key::Remote(uid), ..row };
    world.server(ServerEvent::Window(generation, 0, rows().into_iter().zip(1..).map(row).collect()));
    world.keys("<Enter>");
    world
}

fn started(world: &World) -> &Job {
    let job = world.effects.iter().rev().find_map(|effect| match effect {
        Effect::StartJob(job) => Some(job),
        _ => None,
    });
    job.expect("a job was started")
}

fn bert() -> Account {
    Account { user: "bert".into(), ..account() }
}

/// Bert's mailbox opened on the left, under the cursor.
pub(super) fn with_bert(size: (u16, u16)) -> World {
    let mut world = World::new(size);
    world.keys("A");
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Connect(connect)) if connect.for_left));
    world.keys("mail.example.org<Tab><Tab><Tab>bert<Tab>secret<Enter>");
    assert!(world.asked(|effect| matches!(effect, Effect::Store(StoreRequest::Login(_)))));
    let entry = |name: &str| Entry { path: path(name), special: None, holds: true };
    let folders = vec![entry("INBOX"), entry("Old")];
    let result = Ok(Opened { format: "IMAP mailbox".to_owned(), choices: Vec::new(), folders });
    world.happens(Happening::Store(StoreEvent::Folders { source: 1, result }));
    world
}

#[test]
fn a_mailbox_opens_on_the_left_and_goes_to_the_right_one() {
    let mut world = with_bert((80, 24));
    world.keys("<F5><Enter>");
    let job = started(&world);
    assert_eq!(job.target.label(), "anna@mail.example.org");
    assert_eq!(
        job.plan.folders.iter().map(|folder| &folder.source).collect::<Vec<_>>(),
        [&Source::of_account(&bert()); 2]
    );
    assert!(job.accounts.iter().any(|account| account.user == "bert"));
}

#[test]
fn from_the_right_single_messages_go_into_the_folder_on_the_left() {
    let mut world = listed_right((80, 24));
    world.keys("<Tab>/Bridge<Enter><Tab> ");
    world.keys("<F5>");
    let Some(Dialog::Plan(plan)) = world.model.dialogs.last() else { panic!("no plan is open") };
    let folder = &plan.draft.folders[0].folder;
    assert_eq!(
        (folder.folder.clone(), folder.target.clone(), folder.exists),
        (path("INBOX"), path("Projects/Bridge"), true)
    );
    let Chosen::Only(locators) = &folder.chosen else { panic!("not single messages") };
    assert_eq!(locators.iter().map(|locator| &*locator.name).collect::<Vec<_>>(), ["9.1"]);
    world.keys("<Enter>");
    let job = started(&world);
    assert!(matches!(&job.target, Place::Local(LocalPlace { shape: Shape::Maildir, .. })));
    assert!(world.model.remote.marks.is_empty());
    // A stop brings the marks back where they were.
    world.job(Event::JobStart { job: "1".parse().unwrap(), mode: Mode::Copy, folders: 1, messages: 1, bytes: 1 });
    world.job(Event::JobEnd { outcome: Outcome::Stopped, reason: String::new() });
    assert_eq!((world.model.remote.marks.totals().messages, world.model.local.marks.totals().messages), (1, 0));
}

#[test]
fn what_is_only_read_takes_no_mail() {
    let mut world = listed_right((80, 24));
    world.model.sources[0].format = "Outlook Express".into();
    world.keys("<F5>");
    assert!(world.model.dialogs.is_empty());
    let note = world.model.note.clone().unwrap();
    assert!(note.is_bad && note.text.contains("Outlook Express can only be read"), "{}", note.text);
}

#[test]
fn local_mail_opens_on_the_right() {
    let mut world = World::new((80, 24));
    world.model.directories.0 = "/home/anna".into();
    world.keys("<Tab>O<Home>mbox:<End>backup/<Enter>");
    let place = world.effects.iter().rev().find_map(|effect| match effect {
        Effect::Connect(_, place) => Some((**place).clone()),
        _ => None,
    });
    let Some(Place::Local(place)) = place else { panic!("not opened") };
    assert_eq!((place.shape, place.path), (Shape::Mbox, "/home/anna/backup/".into()));
    world.server(ServerEvent::Connected);
    world.server(ServerEvent::Terms(Terms::default()));
    world.keys("<Tab><F5><Enter>");
    assert!(matches!(&started(&world).target, Place::Local(_)));
}

#[test]
fn the_panes_are_swapped() {
    let mut world = World::new((80, 24));
    world.keys("=");
    assert!(matches!(world.model.link.place(), Some(Place::Local(LocalPlace { shape: Shape::Maildir, .. }))));
    assert_eq!(world.model.sources[1].account.as_ref().map(Account::label), Some(account().label()));
}

#[test]
fn flags_expunge_and_subscriptions_are_asked_of_the_server() {
    let mut world = listed_right((80, 24));
    world.keys(" <Down>!f");
    let flag = |uids: Vec<u32>, flags, is_set| ServerRequest::Flag { folder: path("INBOX"), uids, flags, is_set };
    assert_eq!(world.server_requests().last(), Some(&flag(vec![1], Flags::FLAGGED, true)));
    world.keys("u!R");
    assert_eq!(world.server_requests().last(), Some(&flag(vec![3], Flags::SEEN, false)));
    world.keys("E<Enter>");
    assert!(!world.server_requests().contains(&ServerRequest::Expunge(path("INBOX"))), "No is the default");
    world.keys("Ey");
    assert!(world.server_requests().contains(&ServerRequest::Expunge(path("INBOX"))));
    world.keys("Su");
    assert!(world.server_requests().contains(&ServerRequest::Subscribe(path("INBOX"), false)));
    world.keys("Ss");
    assert!(world.server_requests().contains(&ServerRequest::Subscribe(path("INBOX"), true)));
}
