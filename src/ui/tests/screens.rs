//! The main screens as text.

use std::path::PathBuf;

use super::world::{World, path};
use crate::transfer::{Event, Failed, Mode, Outcome};
use crate::ui::event::{Event as Happening, ServerEvent, StoreEvent, Trouble};

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

fn bridge(size: (u16, u16)) -> World {
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
fn nothing_open() {
    let mut world = World::empty((80, 24));
    shows("start", &world.screen());
}

#[test]
fn the_two_panes() {
    let mut world = bridge((80, 24));
    world.keys(" <Up><Right>  ");
    shows("panes_80x24", &world.screen());
    world.happens(Happening::Resized(120, 40));
    shows("panes_120x40", &world.screen());
    world.happens(Happening::Resized(50, 20));
    shows("panes_50x20", &world.screen());
    world.happens(Happening::Resized(30, 8));
    shows("too_small", &world.screen());
}

#[test]
fn filter_fault_and_sort() {
    for (size, name) in [((80, 24), "80x24"), ((120, 40), "120x40")] {
        let mut world = bridge(size);
        world.keys("<Enter>f~f holm | ~A");
        shows(&format!("filter_typed_{name}"), &world.screen());
        world.keys("<Enter>+~d 2004-13");
        shows(&format!("pattern_fault_{name}"), &world.screen());
        world.keys("<Esc>s");
        shows(&format!("sort_{name}"), &world.screen());
    }
}

#[test]
fn the_basket_and_a_range() {
    for (size, name) in [((80, 24), "80x24"), ((120, 40), "120x40")] {
        let mut world = bridge(size);
        world.keys("<Enter> <Down>v<Down>");
        shows(&format!("range_{name}"), &world.screen());
        world.keys("v<Left>/Sent<Enter> <Tab><Down> b");
        shows(&format!("basket_{name}"), &world.screen());
    }
}

#[test]
fn every_dialog_is_drawn_at_every_size() {
    let sizes =
        [(1, 1), (2, 3), (7, 200), (39, 9), (40, 10), (41, 11), (60, 12), (80, 24), (132, 43), (500, 200), (500, 1)];
    for keys in [
        "b",
        "A",
        ":",
        "<F5>",
        "+~f (",
        "f~d 2",
        "<F7>",
        "O",
        "s",
        "w",
        "x",
        "?",
        "v",
        "<Tab><Down><Down>d",
        ":a<F1>",
        "<Tab><Down><Down>E",
        "<Tab><Down><Down>S",
    ] {
        let mut world = bridge((80, 24));
        world.keys(keys);
        for size in sizes {
            world.happens(Happening::Resized(size.0, size.1));
            world.draw(crate::ui::theme::Theme::named("contrast", size.0 % 2 == 0));
        }
        world.happens(Happening::Resized(40, 10));
        let screen = world.screen();
        assert!(
            keys == "v" || screen.contains("Esc") || screen.contains("n no"),
            "the way out is shown: {keys} {screen}"
        );
    }
}

#[test]
fn everything_in_ascii() {
    let mut world = bridge((80, 24));
    let screen = world.draw(crate::ui::theme::Theme::named("mono", true));
    assert!(screen.is_ascii());
    shows("panes_ascii", &screen);
}

#[test]
fn the_plan_of_a_copy_and_of_a_move() {
    let mut world = World::new((80, 24));
    world.keys("/Projects<Enter> <F5>");
    shows("plan_copy", &world.screen());
    world.keys("<Esc><F6>");
    shows("plan_move", &world.screen());
}

#[test]
fn a_running_job_and_its_end() {
    let mut world = running((80, 24));
    world.after(5_000);
    shows("running_80x24", &world.screen());
    world.happens(Happening::Resized(120, 40));
    shows("running_120x40", &world.screen());
    world.happens(Happening::Resized(80, 24));
    world.keys("w");
    shows("transfers", &world.screen());
    world.keys("<Esc>x");
    shows("failures", &world.screen());
    world.keys("<Enter>");
    shows("failure", &world.screen());
    world.keys("<Esc><Esc><Esc>");
    world.after(6_000);
    shows("stopping", &world.screen());
    world.job(Event::JobEnd { outcome: Outcome::Partial, reason: String::new() });
    shows("ended", &world.screen());
}

#[test]
fn connecting_and_its_errors() {
    let mut world = World::empty((80, 24));
    world.keys("Amail.example.org<Enter><Enter><Enter>anna<Enter>se<Left>x");
    shows("connect", &world.screen());
    world.keys("<Enter>");
    shows("connecting", &world.screen());
    let trouble = Trouble {
        text: "the login of anna was refused: NO [AUTHENTICATIONFAILED] Authentication failed \x1b[31m".into(),
        hint: "check user and password; Exchange may want DOMAIN\\user or DOMAIN/user/alias".into(),
    };
    world.server(ServerEvent::ConnectFailed(trouble));
    shows("connect_failed", &world.screen());
}

#[test]
fn a_message() {
    let message = b"From: Kerstin <k@x>\r\nTo: anna@x\r\nDate: 12 Mar 2004 08:00:00 +0100\r\nSubject: =?UTF-8?Q?Br=C3=BCcke?=\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n> old\r\nThe girders are here.\r\n\
        \tgreetings \x1b[31m\r\n--b\r\nContent-Type: application/pdf; name=\"plan \xe6\xa9\x8b.pdf\"\r\n\r\n%PDF\r\n--b--\r\n";
    for (size, name) in [((80, 24), "80x24"), ((120, 40), "120x40")] {
        let mut world = bridge(size);
        world.keys("<Enter><F3>");
        let generation = world.model.generation;
        let result = crate::ui::workers::reading::pages(message, 74, false);
        world.happens(Happening::Store(StoreEvent::Preview { generation, result }));
        for (key, page) in [("t", "text"), ("h", "headers"), ("s", "structure"), ("a", "attachments"), ("r", "raw")] {
            world.keys(key);
            shows(&format!("preview_{page}_{name}"), &world.screen());
        }
    }
}

#[test]
fn questions_and_help() {
    let mut world = World::new((80, 24));
    world.keys("?");
    shows("help", &world.screen());
    world.keys("<Esc>/<F1>");
    shows("help_patterns", &world.screen());
    world.keys("<Esc><Esc>:mark");
    shows("palette_80x24", &world.screen());
    world.happens(Happening::Resized(120, 40));
    shows("palette_120x40", &world.screen());
    world.happens(Happening::Resized(80, 24));
    world.keys("<Esc><Tab><Down><Down>d");
    shows("delete", &world.screen());
    world.keys("<Esc><F7>2005");
    shows("new_folder", &world.screen());
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
