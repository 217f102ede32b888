//! How a store on the left is read is chosen in the panes, and the store read anew.

use super::world::{World, path};
use crate::store::{Choice, CodePage, Labels, OpenOptions};
use crate::ui::dialog::Dialog;
use crate::ui::effect::{Effect, StoreRequest};
use crate::ui::event::{Event, Opened, StoreEvent};
use crate::ui::tree::Entry;

/// How the store was read anew, if it was.
fn read_anew(world: &World) -> Option<OpenOptions> {
    world.effects.iter().rev().find_map(|effect| match effect {
        Effect::Store(StoreRequest::Folders { store, .. }) => Some(store.options.clone()),
        _ => None,
    })
}

fn begun() -> World {
    let mut world = World::new((80, 24));
    world.effects.clear();
    world
}

#[test]
fn what_is_chosen_is_how_the_store_is_read_from_then_on() {
    let mut world = begun();
    world.keys("o <Down>1251<Down><Right><Enter>");
    let wanted = OpenOptions {
        recovered: true,
        code_page: Some("windows-1251".parse::<CodePage>().unwrap()),
        labels: Labels::Folders,
        ..OpenOptions::default()
    };
    assert_eq!(read_anew(&world), Some(wanted.clone()));
    assert!(world.asked(|effect| matches!(effect, Effect::Store(StoreRequest::Forget))), "nothing old is shown");
    // What is carried is read like that too, and so is the store that is named once more.
    assert_eq!(world.model.sources[0].source.options, wanted);
    world.effects.clear();
    world.keys("O<Home>");
    world.keys(&"<Del>".repeat(40));
    world.keys("/mnt/old-pc/Anna<Enter>");
    assert_eq!(read_anew(&world), Some(wanted));
    // Other stores are not.
    world.keys("O<Home>");
    world.keys(&"<Del>".repeat(40));
    world.keys("/mnt/other<Enter>");
    assert_eq!(read_anew(&world), Some(OpenOptions::default()));
}

#[test]
fn what_stays_as_it_is_reads_nothing() {
    for keys in ["o<Enter>", "o <Esc>", "o  <Enter>", "oq", "o o"] {
        let mut world = begun();
        world.keys(" ");
        world.keys(keys);
        assert!(world.model.dialogs.is_empty() && read_anew(&world).is_none(), "{keys}");
        assert!(!world.model.local.marks.is_empty(), "{keys}");
    }
}

#[test]
fn marks_of_the_store_are_taken_off_and_it_is_said() {
    let mut world = begun();
    world.keys(" ");
    assert!(!world.model.local.marks.is_empty());
    world.keys("o <Enter>");
    assert!(world.model.local.marks.is_empty());
    assert!(world.screen().contains("the marks in it were taken off"), "{}", world.screen());
    assert_eq!(world.model.local.marks.totals(), world.model.local.marks.recount());
}

#[test]
fn a_code_page_that_is_none_is_told_and_can_be_mended() {
    let mut world = begun();
    world.keys("o<Down>klingon<Enter>");
    assert!(world.screen().contains("there is no code page \"klingon\""), "{}", world.screen());
    assert!(read_anew(&world).is_none());
    for _ in "klingon".chars() {
        world.keys("<Backspace>");
    }
    world.keys("932<Enter>");
    let page = read_anew(&world).unwrap().code_page.map(String::from);
    assert_eq!(page.as_deref(), Some("Shift_JIS"));
    // It is shown the next time, and an empty line is as before.
    world.keys("o<Down><Home>");
    assert!(world.screen().contains("Shift_JIS"));
    world.keys(&"<Del>".repeat(9));
    world.keys("<Enter>");
    assert_eq!(read_anew(&world).unwrap().code_page, None);
}

#[test]
fn only_what_makes_a_difference_is_asked() {
    let mut world = begun();
    world.model.sources[0].choices = vec![Choice::Labels];
    world.keys("o");
    let screen = world.screen();
    assert!(screen.contains("Gmail's labels") && !screen.contains("Deleted messages"), "{screen}");
    world.keys("<Esc>");
    world.model.sources[0].choices.clear();
    world.keys("o");
    assert!(world.model.dialogs.is_empty());
    assert!(world.screen().contains("Maildir: nothing about how it is read"), "{}", world.screen());
}

#[test]
fn a_mailbox_on_the_left_and_nothing_there_say_so() {
    let mut world = super::ways::with_bert((80, 24));
    world.keys("o");
    assert!(world.screen().contains("this mailbox is on a server"), "{}", world.screen());
    let mut world = World::empty((80, 24));
    world.keys("o");
    assert!(world.screen().contains("no local mail is open"), "{}", world.screen());
}

#[test]
fn folders_that_come_to_light_are_shown() {
    let mut world = begun();
    world.keys("o <Enter>");
    let entry = |name: &str| Entry { path: path(name), special: None, holds: true };
    let folders = vec![entry("Inbox"), entry("Inbox/Recovered")];
    let result = Ok(Opened { format: "Outlook Express 5/6".into(), choices: Choice::ALL.into(), folders });
    world.happens(Event::Store(StoreEvent::Folders { source: 0, result }));
    world.keys("<Down><Right>");
    assert!(world.screen().contains("Recovered"), "{}", world.screen());
    assert!(!matches!(world.model.dialogs.last(), Some(Dialog::StoreOptions(_))));
}
