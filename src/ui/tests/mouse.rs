//! The mouse, where it was asked for.

use super::world::{World, path, rows};
use super::{screens, ways};
use crate::ui::dialog::Dialog;
use crate::ui::effect::{Effect, StoreRequest};
use crate::ui::event::{Event, MouseKind, StoreEvent};
use crate::ui::pane::{Focus, Side};

fn with_mouse(mut world: World) -> World {
    world.model.mouse = Some(crate::ui::model::Clicks::default());
    world
}

/// Five messages on the left; the keys go to its folders.
fn bridge() -> World {
    with_mouse(screens::bridge((80, 24)))
}

#[test]
fn a_click_goes_there_and_gives_the_keys_to_its_pane() {
    let mut world = bridge();
    let (x, y) = world.find("plans v3");
    world.mouse(MouseKind::Click, (x, y));
    assert_eq!((world.model.local.focus, world.model.local.list.cursor), (Focus::List, 1));
    let at = world.find("Gesendet");
    world.mouse(MouseKind::Click, at);
    assert_eq!((world.model.side, world.model.remote.focus), (Side::Remote, Focus::Tree));
    assert_eq!(world.model.remote.place.as_ref().unwrap().path, path("Gesendet"));
    let at = world.find("Inbox");
    world.mouse(MouseKind::Click, at);
    assert_eq!((world.model.side, &world.model.local.place.as_ref().unwrap().path), (Side::Local, &path("Inbox")));
    world.mouse(MouseKind::Click, (60, 20));
    assert_eq!((world.model.side, world.model.remote.focus), (Side::Remote, Focus::List), "an empty place is one too");
}

#[test]
fn a_double_click_enters_and_two_slow_ones_do_not() {
    let mut world = bridge();
    let at = world.find("Inbox");
    world.mouse(MouseKind::Click, at);
    world.after(1_000);
    world.mouse(MouseKind::Click, at);
    assert_eq!(world.model.local.focus, Focus::Tree);
    world.after(1_200);
    world.mouse(MouseKind::Click, at);
    assert_eq!(world.model.local.focus, Focus::List);
    let mut world = bridge();
    let at = world.find("plans v3");
    world.mouse(MouseKind::Click, at);
    world.mouse(MouseKind::Click, at);
    assert!(world.asked(|effect| matches!(effect, Effect::Store(StoreRequest::Preview { .. }))));
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Preview(_))));
}

#[test]
fn the_wheel_scrolls_what_is_under_it_and_leaves_the_keys_where_they_are() {
    let mut world = with_mouse(ways::listed_right((80, 24)));
    let at = world.find("Re: girders");
    world.keys("<Tab>");
    world.mouse(MouseKind::Down, at);
    assert_eq!((world.model.side, world.model.remote.list.cursor), (Side::Local, 3));
    world.mouse(MouseKind::Up, at);
    assert_eq!(world.model.remote.list.cursor, 0);
    let at = world.find("Sent Items");
    world.mouse(MouseKind::Down, at);
    assert_eq!(world.model.local.place.as_ref().unwrap().path, path("Sent Items"));
    world.keys("?");
    let before = world.screen();
    world.mouse(MouseKind::Down, at);
    assert_ne!(world.screen(), before, "the help scrolls");
}

#[test]
fn a_click_in_a_scrolled_list_is_the_row_that_is_seen() {
    let mut world = with_mouse(World::new((80, 24)));
    world.keys("/Bridge<Enter>");
    let generation = world.model.local.list.generation;
    let many = rows().into_iter().cycle().take(200).collect();
    world.happens(Event::Store(StoreEvent::Rows { generation, rows: many, progress: (1, 1) }));
    world.keys("<Enter><End>");
    let top = world.model.local.list.offset;
    let place = world.model.layout().local.unwrap().list;
    world.mouse(MouseKind::Click, (place.x, place.y + 2));
    assert_eq!(world.model.local.list.cursor, top + 2);
}

#[test]
fn unless_it_was_asked_for_and_in_dialogs_a_click_does_nothing() {
    let mut world = screens::bridge((80, 24));
    let at = world.find("plans v3");
    world.mouse(MouseKind::Click, at);
    assert_eq!(world.model.local.focus, Focus::Tree);
    let mut world = bridge();
    world.keys("<F5>");
    for kind in [MouseKind::Click, MouseKind::Click, MouseKind::Up, MouseKind::Down] {
        world.mouse(kind, (40, 12));
    }
    assert!(matches!(world.model.dialogs.as_slice(), [Dialog::Plan(_)]));
    for size in [(1, 1), (30, 8), (500, 200)] {
        world.happens(Event::Resized(size.0, size.1));
        world.model.dialogs.clear();
        world.mouse(MouseKind::Click, (0, 0));
        world.mouse(MouseKind::Down, (499, 199));
    }
}
