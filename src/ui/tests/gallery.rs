//! Every screen there is, as a table: each is drawn at two sizes, in colour and without, among wide and hostile texts, and
//! kept as a snapshot. A dialog, a prompt or a state of a pane that no screen of the table shows fails a test.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::world::{STRANGE, World, rows};
use super::{jobs, places, planning, queueing, screens, ways};
use crate::transfer::{Event, Outcome};
use crate::ui::dialog::Dialog;
use crate::ui::dialog::prompt::Purpose;
use crate::ui::event::{Event as Happening, ServerEvent, StoreEvent, Trouble};
use crate::ui::list::Stage;
use crate::ui::model::{LinkState, SourceState};
use crate::ui::theme::Theme;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

type Size = (u16, u16);

/// A screen: its name, and how the program comes to show it.
type Shot = (&'static str, fn(Size) -> World);

/// Every screen. What is new gets a line here.
const SHOTS: &[Shot] = &[
    // The panes.
    ("start", World::empty),
    ("panes", |size| keyed(screens::bridge(size), " <Up><Right>  ")),
    ("panes_right", |size| keyed(ways::listed_right(size), " <Down> ")),
    ("panes_closed", |size| keyed(World::new(size), "<Tab>/Archive<Enter>")),
    ("two_mailboxes", ways::with_bert),
    ("opening", opening),
    ("unreadable", unreadable),
    ("indexing", indexing),
    ("list_failed", list_failed),
    ("connection_lost", connection_lost),
    ("range", |size| keyed(screens::bridge(size), "<Enter> <Down>v<Down>")),
    ("filtered", |size| keyed(screens::bridge(size), "<Enter>f~f holm<Enter>")),
    ("running", running),
    ("stopping", |size| stopped(running(size), false)),
    ("ended", |size| stopped(running(size), true)),
    // The dialogs.
    ("basket", |size| keyed(screens::bridge(size), "<Enter> <Down> <Left>/Sent<Enter> <Tab><Down> b<Down>")),
    ("connect", |size| {
        keyed(World::empty(size), "Amail.example.org<Enter><Enter><Enter>橋\u{202e}anna<Enter>se<Left>x")
    }),
    ("connect_left", |size| keyed(ways::with_bert(size), "A")),
    ("connecting", connecting),
    ("connect_failed", connect_failed),
    ("delete", |size| keyed(strange(size), "<Tab><End>d")),
    ("delete_messages", |size| keyed(ways::listed_right(size), " d")),
    ("expunge", |size| keyed(ways::listed_right(size), "E")),
    ("failure", |size| keyed(queueing::busy(size), "x<Enter><Down><Enter>")),
    ("failures", |size| keyed(queueing::busy(size), "x")),
    ("failures_open", |size| keyed(queueing::busy(size), "x<Down><Enter>")),
    ("repair", |size| keyed(queueing::busy(size), "xR")),
    ("save", |size| keyed(queueing::busy(size), "xs<Home>橋/")),
    ("flag", |size| keyed(ways::listed_right(size), " !")),
    ("subscribe", |size| keyed(strange(size), "<Tab><End>S")),
    ("help", |size| keyed(World::new(size), "?")),
    ("help_patterns", |size| keyed(World::new(size), "/<F1>")),
    ("jobs", jobs::listed),
    ("job_report", |size| {
        let mut world = keyed(jobs::listed(size), "<Enter>");
        jobs::answered(&mut world);
        world
    }),
    ("job_undo", |size| keyed(jobs::listed(size), "<Down><Down>u")),
    ("job_undone", |size| {
        let mut world = keyed(jobs::listed(size), "<Down><Down>uy");
        jobs::answered(&mut world);
        world
    }),
    ("rewriting", jobs::refused),
    ("palette", |size| keyed(World::new(size), ":mark")),
    ("palette_nothing", |size| keyed(World::new(size), ":橋\u{202e}")),
    ("plan_copy", |size| keyed(strange(size), "<F5>")),
    ("plan_move", |size| keyed(strange(size), "<End> <F6>")),
    ("plan_limited", planning::limited),
    ("plan_weighed", planning::weighed),
    ("plan_examined", planning::examined),
    ("plan_odd", planning::odd),
    ("plan_left_out", |size| keyed(planning::planned(size), " <Down>d")),
    ("plan_naming", |size| keyed(planning::planned(size), "e橋\u{202e}")),
    ("repairs", |size| keyed(planning::planned(size), "R  <Down> ")),
    ("repair_asked", planning::repair_asked),
    ("rules_none", |size| keyed(World::new(size), "<F2>")),
    ("rules", |size| keyed(World::new(size), "<F2>a橋 > Work<Enter>ause:trash > -<Enter>")),
    ("rule", |size| keyed(World::new(size), "<F2>a橋 > -")),
    ("rule_wrong", |size| keyed(World::new(size), "<F2>anonsense<Enter>")),
    ("rules_save", |size| keyed(World::new(size), "<F2>a橋 > -<Enter>S")),
    ("rules_load", |size| keyed(World::new(size), "<F2>L")),
    ("places", |size| keyed(places::named(size), "@<Down>")),
    ("places_nothing", |size| keyed(World::empty(size), "@")),
    ("plan_left", |size| keyed(ways::listed_right(size), "<F6>")),
    ("preview_text", |size| screens::previewed(size, "t")),
    ("preview_headers", |size| screens::previewed(size, "h")),
    ("preview_structure", |size| screens::previewed(size, "s")),
    ("preview_attachments", |size| screens::previewed(size, "a")),
    ("preview_raw", |size| screens::previewed(size, "r")),
    ("mark_pattern", |size| keyed(screens::bridge(size), "<Enter>+橋*")),
    ("pattern_fault", |size| keyed(screens::bridge(size), "<Enter>+橋 ~d 2004-13")),
    ("unmark_folders", |size| keyed(strange(size), "-*橋*")),
    ("filter", |size| keyed(screens::bridge(size), "<Enter>f~f holm | ~A")),
    ("find", |size| keyed(World::new(size), "/שלום")),
    ("new_folder", |size| keyed(strange(size), "<Tab><End><F7>2005 橋")),
    ("rename", |size| keyed(strange(size), "<Tab><End>R")),
    ("open_store", |size| keyed(World::empty(size), "O橋の/e\u{301}")),
    ("open_right", |size| keyed(ways::listed_right(size), "O")),
    ("sort", |size| keyed(screens::bridge(size), "<Enter>sfs")),
    ("store_options", |size| keyed(several(size), "o")),
    ("store_options_page", |size| keyed(several(size), "o <Down>klingon 橋\u{202e}<Enter>")),
    ("transfers", queue),
    ("transfers_paused", |size| {
        let mut world = keyed(queue(size), "p");
        world.job(Event::JobEnd { outcome: Outcome::Stopped, reason: String::new() });
        world
    }),
    ("transfers_far", |size| keyed(queueing::attached(size), "w")),
    ("end_job", |size| keyed(queue(size), "d")),
    ("quit", |size| keyed(queueing::busy(size), "q")),
];

/// In a queue that came from another process times went through milliseconds, so that these lines differ each time.
const DIFFERS: [&str; 3] = ["/s ", " of about ", "goes on in"];

fn keyed(mut world: World, keys: &str) -> World {
    world.model.directories.0 = "/home/anna".into();
    world.keys(keys);
    world
}

/// With folders of strange names, the cursors at the top.
fn strange(size: Size) -> World {
    let mut world = World::new(size);
    world.strange_folders_appear();
    world
}

/// With a store of several kinds, about which there is something to choose.
fn several(size: Size) -> World {
    let mut world = World::new(size);
    "several kinds".clone_into(&mut world.model.sources[0].format);
    world
}

fn trouble() -> Trouble {
    Trouble {
        text: "the login of anna was refused: NO [AUTHENTICATIONFAILED] 橋の Authentication failed \x1b[31m".into(),
        hint: "check user and password; Exchange may want DOMAIN\\user or DOMAIN/user/alias".into(),
    }
}

fn opening(size: Size) -> World {
    let mut world = World::empty(size);
    crate::ui::update::open_store(&mut world.model, "/mnt/橋\x1b[2J".into(), true);
    let looked = crate::store::Looked { entries: 12_000, mail: 34 };
    world.happens(Happening::Store(StoreEvent::Looking { source: 0, looked }));
    world
}

fn unreadable(size: Size) -> World {
    let mut world = opening(size);
    let result = Err("/mnt/橋\x1b[2J: it is a directory without mail".into());
    world.happens(Happening::Store(StoreEvent::Folders { source: 0, result }));
    world
}

fn indexing(size: Size) -> World {
    let mut world = keyed(World::new(size), "/Bridge<Enter>");
    let generation = world.model.local.list.generation;
    world.happens(Happening::Store(StoreEvent::Rows { generation, rows: rows(), progress: (2, 5) }));
    world
}

fn list_failed(size: Size) -> World {
    let mut world = keyed(World::new(size), "/Bridge<Enter>");
    let generation = world.model.local.list.generation;
    let result = Err("/mnt/old-pc/橋\x1b[2J: permission denied".into());
    world.happens(Happening::Store(StoreEvent::ListEnd { generation, result }));
    world
}

fn connection_lost(size: Size) -> World {
    let mut world = ways::listed_right(size);
    world.server(ServerEvent::Lost(trouble()));
    world
}

fn connecting(size: Size) -> World {
    keyed(World::empty(size), "Amail.example.org<Enter><Enter><Enter>anna<Enter>secret<Enter>")
}

fn connect_failed(size: Size) -> World {
    let mut world = connecting(size);
    world.server(ServerEvent::ConnectFailed(trouble()));
    world
}

fn running(size: Size) -> World {
    let mut world = screens::running(size);
    world.after(5_000);
    world
}

fn stopped(mut world: World, is_over: bool) -> World {
    world.keys("<Esc>");
    world.after(6_000);
    if is_over {
        world.job(Event::JobEnd { outcome: Outcome::Partial, reason: String::new() });
    }
    world
}

fn queue(size: Size) -> World {
    let mut world = queueing::busy(size);
    world.after(2_000);
    keyed(world, "w")
}

/// The shot as it is drawn: strange folders come to light behind every dialog.
fn taken(shot: &Shot, size: Size) -> World {
    let mut world = (shot.1)(size);
    if !world.model.sources.is_empty() && world.model.link.state == LinkState::Up {
        world.strange_folders_appear();
    }
    world
}

/// Which variants an enum has, held complete by the compiler.
macro_rules! kinds {
    ($all:ident, $of:ident, $enum:ident: $($kind:ident)*) => {
        const $all: &[&str] = &[$(concat!(stringify!($enum), "::", stringify!($kind))),*];
        fn $of(it: &$enum) -> &'static str {
            match it { $($enum::$kind { .. } => concat!(stringify!($enum), "::", stringify!($kind))),* }
        }
    };
}

kinds!(DIALOGS, dialog, Dialog: Basket Confirm Connect Error Failures Flag Help Jobs Palette Places Plan Preview Prompt Repairs Rules Sort StoreOptions Transfers);
kinds!(PURPOSES, purpose, Purpose: MarkPattern UnmarkPattern Find Filter NewFolder Rename OpenStore OpenRight Rule SaveRules LoadRules Save);
kinds!(STAGES, stage, Stage: Nothing Reading Complete Failed);
kinds!(LINKS, link, LinkState: None Connecting Up Lost);
kinds!(SOURCES, source, SourceState: Opening Ready Failed);

#[test]
fn every_dialog_prompt_and_state_of_a_pane_is_in_the_gallery() {
    let mut seen = BTreeSet::new();
    for shot in SHOTS {
        let model = taken(shot, SIZES[0]).model;
        seen.extend(model.dialogs.last().map(dialog));
        if let Some(Dialog::Prompt(prompt)) = model.dialogs.last() {
            seen.insert(purpose(&prompt.purpose));
        }
        seen.extend([stage(&model.local.list.stage), stage(&model.remote.list.stage), link(&model.link.state)]);
        seen.extend(model.sources.iter().map(|open| source(&open.state)));
    }
    let all: BTreeSet<&str> = [DIALOGS, PURPOSES, STAGES, LINKS, SOURCES].into_iter().flatten().copied().collect();
    assert_eq!(all.difference(&seen).collect::<Vec<_>>(), Vec::<&&str>::new(), "add a line to SHOTS");
}

#[test]
fn every_screen_in_colour_and_without() {
    for shot in SHOTS {
        for size in SIZES {
            let mut world = taken(shot, size);
            let text = world.screen();
            let (dark, mono) = (world.buffer(Theme::named("dark", false)), world.buffer(Theme::named("mono", false)));
            let skipped: Vec<bool> = text
                .lines()
                .map(|line| shot.0 == "transfers_far" && DIFFERS.iter().any(|words| line.contains(words)))
                .collect();
            let snapshot = format!(
                "{}\ncolour\n{}\nmono\n{}",
                lines(&text, &skipped),
                looks(&dark, &skipped),
                looks(&mono, &skipped)
            );
            screens::shows(&format!("{}_{}x{}", shot.0, size.0, size.1), snapshot.trim_end());
        }
    }
}

/// The lines with their numbers; those that are alike only once.
fn lines(text: &str, skipped: &[bool]) -> String {
    let all: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < all.len() {
        let alike = all[at..].iter().take_while(|line| **line == all[at]).count();
        let line = if skipped[at] { "(differs)" } else { all[at] };
        let to = if alike > 1 { format!("-{}", at + alike - 1) } else { String::new() };
        let _ = writeln!(out, "{:<5} {line}", format!("{at}{to}"));
        at += alike;
    }
    out
}

/// What is not drawn as plain text, line by line: the column, the look, how the text begins. Borders are left out.
fn looks(buffer: &Buffer, skipped: &[bool]) -> String {
    let mut out = String::new();
    for (y, _) in skipped.iter().enumerate().filter(|(_, is_skipped)| !**is_skipped) {
        let runs = runs(buffer, u16::try_from(y).unwrap());
        let told = |(x, look, text): (u16, String, String)| {
            let words = text.trim();
            let more = if words.chars().count() > 16 { "…" } else { "" };
            format!("  {x} {look} {}{more}", words.chars().take(16).collect::<String>().trim_end())
        };
        let line: String = runs.into_iter().map(told).collect();
        if !line.is_empty() {
            let _ = writeln!(out, "{y}:{line}");
        }
    }
    out
}

/// Cells side by side of one look that is not the plain one: their column, their look, their text. Blanks between words
/// belong to them.
fn runs(buffer: &Buffer, y: u16) -> Vec<(u16, String, String)> {
    let mut runs: Vec<(u16, String, String)> = Vec::new();
    let mut is_within = false;
    for x in 0..buffer.area.width {
        let cell = &buffer[(x, y)];
        let here = look(cell);
        match runs.last_mut().filter(|_| is_within) {
            Some((_, last, text)) if *last == here || cell.symbol() == " " && here.is_empty() => {
                text.push_str(cell.symbol());
            }
            _ => {
                is_within = !here.is_empty();
                if is_within {
                    runs.push((x, here, cell.symbol().to_owned()));
                }
            }
        }
    }
    runs
}

/// How a cell looks: `yellow/on-black/bold`; nothing if it is plain, or a border.
fn look(cell: &Cell) -> String {
    let mut words = Vec::new();
    if cell.symbol().starts_with(|ch| ('─'..='╿').contains(&ch)) {
        return String::new();
    }
    let is_blank = cell.symbol() == " " && !cell.modifier.intersects(Modifier::REVERSED | Modifier::UNDERLINED);
    if is_blank && cell.bg == Color::Reset {
        return String::new();
    }
    for (color, before) in [(cell.fg, ""), (cell.bg, "on-")] {
        if color != Color::Reset {
            words.push(format!("{before}{}", color.to_string().to_lowercase()));
        }
    }
    for (modifier, word) in
        [(Modifier::BOLD, "bold"), (Modifier::REVERSED, "inverse"), (Modifier::UNDERLINED, "underlined")]
    {
        if cell.modifier.contains(modifier) {
            words.push(word.to_owned());
        }
    }
    words.join("/")
}

/// Bad news and marks in colours that nothing else has.
fn probe() -> Theme {
    let text = "[screen]\ntheme = \"probe\"\n[themes.probe]\nbad = { fg = \"red\" }\nmarked = { fg = \"yellow\" }\n\
        danger = { fg = \"blue\" }\n";
    Theme::new(&crate::config::read(text, std::path::Path::new("test")).unwrap().palette, false)
}

/// What is drawn in a colour, in blocks of lines that follow each other.
fn blocks(buffer: &Buffer, color: Color) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for y in 0..buffer.area.height {
        let cells = (0..buffer.area.width).map(|x| &buffer[(x, y)]).filter(|cell| cell.fg == color);
        let text: String = cells.map(Cell::symbol).collect();
        match blocks.last_mut() {
            Some(block) if !text.is_empty() => block.push_str(&text),
            Some(block) if !block.is_empty() => blocks.push(String::new()),
            _ => {}
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

#[test]
fn meaning_is_never_by_colour_alone() {
    let (probe, mono) = (probe(), Theme::named("mono", false));
    for shot in SHOTS {
        for size in SIZES {
            let mut world = taken(shot, size);
            let (colour, bare) = (world.buffer(probe), world.buffer(mono));
            for (cell, bare) in colour.content.iter().zip(&bare.content).filter(|(cell, _)| !look(cell).is_empty()) {
                let stands_out = [Color::Red, Color::Yellow].contains(&cell.fg);
                assert!(!stands_out || !look(bare).is_empty(), "{}: {}", shot.0, cell.symbol());
            }
            assert_eq!(world.screen(), world.draw(mono), "{}", shot.0);
            // Of one dialog behind another the signs may be covered.
            let bad = if world.model.dialogs.len() < 2 { blocks(&colour, Color::Red) } else { Vec::new() };
            for block in bad {
                assert!(block.contains(['!', '^']), "{}: bad news without a sign: {block}", shot.0);
            }
            // Behind a dialog the sign of a mark may be covered.
            let marks = if world.model.dialogs.is_empty() { blocks(&colour, Color::Yellow) } else { Vec::new() };
            for block in marks {
                let is_said = block.contains(['*', '+', '>', '!']) || block.contains("marked");
                assert!(is_said, "{}: a mark without a sign: {block}", shot.0);
            }
        }
    }
}

#[test]
fn every_screen_fits_every_size_and_shows_the_way_out() {
    let sizes =
        [(1, 1), (2, 3), (7, 200), (39, 9), (40, 10), (41, 11), (60, 12), (80, 24), (132, 43), (500, 200), (500, 1)];
    for shot in SHOTS {
        let mut world = taken(shot, SIZES[0]);
        for size in sizes {
            world.happens(Happening::Resized(size.0, size.1));
            world.draw(Theme::named("contrast", size.0 % 2 == 0));
        }
        world.happens(Happening::Resized(40, 10));
        let screen = world.screen();
        let is_told = world.model.dialogs.is_empty() || screen.contains("Esc") || screen.contains("n no");
        assert!(is_told, "the way out is shown: {} {screen}", shot.0);
    }
}

#[test]
fn the_texts_are_wide_and_hostile_everywhere_and_do_no_harm() {
    for shot in SHOTS {
        let mut world = taken(shot, SIZES[0]);
        // The text of the screen is held free of control characters where it is drawn.
        let screen = world.screen();
        for line in screen.lines() {
            let width = unicode_width::UnicodeWidthStr::width(line);
            assert!(width <= 80 && !line.contains(['\u{202e}', '\u{200b}']), "{}: {width} {line}", shot.0);
        }
        assert!(world.draw(Theme::named("mono", true)).is_ascii(), "{}", shot.0);
    }
    assert!(STRANGE.contains('\u{1b}') && STRANGE.contains('\u{202e}'));
}
