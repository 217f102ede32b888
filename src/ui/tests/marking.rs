//! Ranges, threads, and the basket.

use super::world::{World, path};
use crate::ui::dialog::Dialog;
use crate::ui::pane::{Focus, Side};

fn bridge() -> World {
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter>");
    world.list_arrives();
    world.keys("<Enter>");
    world
}

fn marked(world: &World) -> Vec<usize> {
    let pane = &world.model.local;
    pane.list.rows().filter(|(_, row)| pane.is_row_marked(row)).map(|(at, _)| at).collect()
}

#[test]
fn a_range_is_marked_at_its_other_end_and_seen_before() {
    let mut world = bridge();
    world.keys("<Down>v<Down><Down>");
    assert!(marked(&world).is_empty());
    assert_eq!(world.screen().lines().filter(|line| line.starts_with("│>")).count(), 3, "{}", world.screen());
    world.keys("v");
    assert_eq!(marked(&world), [1, 2, 3]);
    world.keys("u<End>v<Up> ");
    assert_eq!(marked(&world), [3, 4], "Space ends it too, and upwards is as good");
    world.keys("v<Home><Esc>v<Esc>");
    assert_eq!(marked(&world), [3, 4]);
    assert_eq!(world.model.local.focus, Focus::List, "Esc took the range back and nothing else");
    assert_eq!(world.model.local.marks.totals(), world.model.local.marks.recount());
}

#[test]
fn a_range_ends_where_its_list_is_left() {
    let mut world = bridge();
    world.keys("v<Left>v<Down><Down>v");
    let folders = world.model.local.marks.totals().folders;
    assert_eq!((marked(&world).len(), folders), (0, 3), "three folders in sight, not the messages");
}

#[test]
fn shift_and_arrows_mark_on_the_way() {
    let mut world = bridge();
    world.keys("<S-Down><S-Down>");
    assert_eq!((marked(&world), world.model.local.list.cursor), (vec![0, 1], 2));
    world.keys("<End><S-Up>");
    assert_eq!(marked(&world), [0, 1, 4]);
    world.keys("u<Left><Home><S-Down><S-Down>");
    assert_eq!(
        world.model.local.marks.totals().folders,
        2,
        "the store itself is not a folder; Inbox is closed, so with Receipts"
    );
}

#[test]
fn a_thread_is_marked_and_unmarked_as_one() {
    let mut world = bridge();
    world.keys("<Down><Down>t");
    assert_eq!(marked(&world), [0, 2]);
    assert!(world.screen().contains("thread of 2 messages"), "{}", world.screen());
    world.keys("<Home>t");
    assert!(marked(&world).is_empty());
    world.keys("<Down>t");
    assert_eq!(marked(&world), [1], "one that answers nothing is a thread by itself");
}

#[test]
fn the_basket_lists_everything_and_takes_things_out() {
    let mut world = bridge();
    world.keys("<S-Down><S-Down><Left>/Sent<Enter> <Tab><Down> b");
    let screen = world.screen();
    for text in [
        "Projects/Bridge",
        "single",
        "Sent Items",
        "1,223",
        "INBOX",
        "Local: 1 folder, 1,225 messages",
        "Server: 1 folder",
    ] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    world.keys(" ");
    assert_eq!(world.model.local.marks.totals().messages, 1223);
    world.keys("<Enter>");
    assert!(world.model.dialogs.is_empty());
    assert_eq!((world.model.side, &world.model.local.place.as_ref().unwrap().path), (Side::Local, &path("Sent Items")));
    world.keys("bu");
    assert!(world.model.local.marks.is_empty() && world.model.remote.marks.is_empty());
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Basket(_))));
    assert!(world.screen().contains("Nothing is marked"));
}
