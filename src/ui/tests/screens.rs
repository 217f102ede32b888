//! The main screens as text.

use std::path::PathBuf;

use super::world::{World, path};
use crate::transfer::{Event, Failed, Mode};
use crate::ui::event::{Event as Happening, StoreEvent};

pub(super) fn shows(name: &str, screen: &str) {
    if std::env::var_os("SHOW").is_some() {
        println!("=== {name}\n{screen}");
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(PathBuf::from("../snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, screen));
}

pub(super) fn bridge(size: (u16, u16)) -> World {
    let mut world = World::new(size);
    world.keys("/Bridge<Enter>");
    world.list_arrives();
    world
}

pub(super) fn running(size: (u16, u16)) -> World {
    let mut world = bridge(size);
    world.keys("<Tab><Down><Down><Tab><F5><Enter>");
    world.job(Event::JobStart {
        job: "1".parse().unwrap(),
        mode: Mode::Copy,
        folders: 1,
        messages: 401,
        bytes: 38_100_000,
    });
    let (source, target) = (path("Projects/Bridge"), path("Archive/Bridge"));
    world.job(Event::FolderStart { index: 0, source, target, messages: 401, bytes: 38_100_000 });
    let subject = "plans v3 \x1b[2J".to_owned();
    world.job(Event::MessageStart { index: 0, subject, bytes: 2_100_000 });
    world.job(Event::MessageSent { index: 0, sent: 1_300_000 });
    let failed = Failed {
        folder: path("Projects/Bridge"),
        id: "@1".into(),
        subject: "huge".into(),
        reason: "cannot append to Archive/Bridge: NO [TOOBIG] too big".into(),
        server_text: "NO [TOOBIG] too big".into(),
        hint: "the server takes no message of this size: raise its limit, or leave the message out".into(),
        messages: 1,
    };
    world.job(Event::Failed { index: 0, failed });
    world
}

#[test]
fn one_pane_at_a_time_where_it_is_narrow_and_none_where_it_is_too_small() {
    let mut world = bridge((50, 20));
    world.keys(" <Up><Right>  ");
    shows("panes_50x20", &world.screen());
    world.happens(Happening::Resized(30, 8));
    shows("too_small", &world.screen());
}

#[test]
fn everything_in_ascii() {
    let mut world = bridge((80, 24));
    let screen = world.draw(crate::ui::theme::Theme::named("mono", true));
    assert!(screen.is_ascii());
    shows("panes_ascii", &screen);
}

/// A message is looked at, that page of it.
pub(super) fn previewed(size: (u16, u16), page: &str) -> World {
    let message = b"From: Kerstin <k@x>\r\nTo: anna@x\r\nDate: 12 Mar 2004 08:00:00 +0100\r\nSubject: =?UTF-8?Q?Br=C3=BCcke?=\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n> old\r\n\
        The girders are here \xe6\xa9\x8b \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d.\r\n\
        \tgreetings \x1b[31m\r\n--b\r\nContent-Type: application/pdf; name=\"plan \xe6\xa9\x8b.pdf\"\r\n\r\n%PDF\r\n--b--\r\n";
    let mut world = bridge(size);
    world.keys("<Enter><F3>");
    let generation = world.model.generation;
    let result = crate::ui::workers::reading::pages(message, 74, false);
    world.happens(Happening::Store(StoreEvent::Preview { generation, result }));
    world.keys(page);
    world
}

#[test]
fn columns_stay_in_their_places_whatever_the_script() {
    use crate::ui::list::Row;
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter>");
    let generation = world.model.local.list.generation;
    let subjects =
        ["日本語のテキスト日本語", "e\u{301}e\u{301}e\u{301}", "שלום עולם", "مرحبا بالعالم", "👩‍👩‍👧‍👦 family", "plain"];
    let row = |text: &&str| Row {
        from: (*text).into(),
        subject: (*text).into(),
        size: 2_300,
        ..super::world::rows()[0].clone()
    };
    let rows = subjects.iter().map(row).collect();
    world.happens(Happening::Store(StoreEvent::Rows { generation, rows, progress: (1, 1) }));
    let buffer = world.buffer(crate::ui::theme::Theme::named("dark", false));
    for y in 11..11 + u16::try_from(subjects.len()).unwrap() {
        let cells = |range: std::ops::Range<u16>| range.map(|x| buffer[(x, y)].symbol()).collect::<String>();
        assert_eq!((cells(5..13), cells(35..40)), ("12.03.04".to_owned(), "2.3k│".to_owned()), "line {y}");
    }
}

#[test]
fn every_theme_draws_every_screen_the_same_but_for_its_looks() {
    let mut world = bridge((80, 24));
    world.keys(" <F5>");
    let text = world.screen();
    for theme in ["light", "contrast", "mono"] {
        assert_eq!(world.draw(crate::ui::theme::Theme::named(theme, false)), text, "{theme}");
    }
}

#[test]
fn without_colour_there_is_none_and_the_focus_still_shows() {
    use ratatui::style::{Color, Modifier};
    let mut world = running((80, 24));
    for keys in ["", "w", "x", "?", "<Esc><F6>", "b", "J", ":", "s", "+~f (", "f~N", "v"] {
        world.keys(keys);
        let buffer = world.buffer(crate::ui::theme::Theme::named("mono", false));
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset), "{keys}");
        let inverse = buffer.content.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED));
        assert!(inverse || ["?", "s", "J"].contains(&keys), "{keys}");
        world.model.dialogs.clear();
    }
}

#[test]
fn on_a_slow_line_bars_move_in_whole_columns_and_short_messages_are_not_told() {
    let mut world = running((80, 24));
    let theme = crate::ui::theme::Theme::named("dark", false).coarse(true);
    let screen = world.draw(theme);
    assert!(!screen.contains(|ch| ('▉'..='▏').contains(&ch)), "{screen}");
    assert!(screen.contains("plans v3") && screen.contains("61 %"), "a message of 2 MB lasts: {screen}");
    world.job(Event::MessageStart { index: 0, subject: "short".into(), bytes: 9_000 });
    assert!(!world.draw(theme).contains("short") && world.screen().contains("short"));
}
