//! Every key of the table of actions is pressed where its action applies, and must do what the action is for. An action
//! without a case here fails.

use crossterm::event::KeyEvent;

use super::world::World;
use super::{queueing, screens, ways};
use crate::store::LocalPlace;
use crate::transfer::{Mode, Place};
use crate::ui::actions::{ACTIONS, Action, Row, key_name, keys_markdown};
use crate::ui::dialog::Dialog;
use crate::ui::dialog::prompt::Purpose;
use crate::ui::effect::{Effect, JournalRequest, ServerRequest, StoreRequest};
use crate::ui::event::Event;
use crate::ui::keymap::Keymap;
use crate::ui::pane::{Focus, Side};

const SIZE: (u16, u16) = (80, 24);

/// An action, a state in which it applies, and what is to be seen afterwards and was not before.
type Case = (Action, fn() -> World, fn(&World) -> bool);

const CASES: &[Case] = &[
    (Action::Copy, tree, |world| is_plan(world, Mode::Copy)),
    (Action::Copy, right, |world| is_plan(world, Mode::Copy)),
    (Action::Move, tree, |world| is_plan(world, Mode::Move)),
    (Action::View, list, |world| world.asked(|effect| matches!(effect, Effect::Store(StoreRequest::Preview { .. })))),
    (Action::View, right, |world| asks_server(world, |request| matches!(request, ServerRequest::Preview { .. }))),
    (Action::Rename, tree, |world| world.asked(|effect| matches!(effect, Effect::Store(StoreRequest::Examine { .. })))),
    (Action::Rename, archive, |world| is_prompt(world, |purpose| matches!(purpose, Purpose::Rename(_)))),
    (Action::Transfers, running, |world| matches!(top(world), Some(Dialog::Transfers(_)))),
    (Action::Jobs, tree, |world| {
        let lists = |effect: &Effect| matches!(effect, Effect::Journal(JournalRequest::List { .. }));
        matches!(top(world), Some(Dialog::Jobs(_))) && world.asked(lists)
    }),
    (Action::Failures, running, |world| matches!(top(world), Some(Dialog::Failures(_)))),
    (Action::StopJob, running, |world| world.asked(|effect| matches!(effect, Effect::StopJob))),
    (Action::StopJob, || keyed(running(), "<C-c>"), |world| world.asked(|effect| matches!(effect, Effect::AbortJob))),
    (Action::StopJob, tree, quits),
    (Action::Mark, list, |world| (marked(world), cursor(world)) == (1, 1)),
    (Action::Mark, || keyed(tree(), "/Projects<Enter>"), |world| world.model.local.marks.totals().folders == 3),
    (Action::MarkDown, list, |world| (marked(world), cursor(world)) == (1, 1)),
    (Action::MarkUp, last, |world| (marked(world), cursor(world)) == (1, 3)),
    (Action::Range, list, |world| world.model.local.range.is_some()),
    (Action::Range, || keyed(list(), "v<Down>"), |world| marked(world) == 2),
    (Action::Thread, list, |world| marked(world) == 2),
    (Action::MarkAll, list, |world| marked(world) == 5),
    (Action::MarkAll, tree, |world| world.model.local.marks.totals().folders == 6),
    (Action::UnmarkAll, || keyed(list(), " "), |world| world.model.local.marks.is_empty()),
    (Action::MarkPattern, list, |world| is_prompt(world, |purpose| *purpose == Purpose::MarkPattern)),
    (Action::UnmarkPattern, list, |world| is_prompt(world, |purpose| *purpose == Purpose::UnmarkPattern)),
    (Action::Invert, || keyed(list(), " "), |world| marked(world) == 4),
    (Action::Basket, tree, |world| matches!(top(world), Some(Dialog::Basket(_)))),
    (Action::SwitchPane, tree, |world| world.model.side == Side::Remote),
    (Action::Up, last, |world| cursor(world) == 3),
    (Action::Up, || keyed(tree(), "/Sent<Enter>"), |world| place(world) == "Projects"),
    (Action::Down, list, |world| cursor(world) == 1),
    (Action::Down, tree, |world| place(world) == "Inbox"),
    (Action::PageUp, || keyed(long(), "<End>"), |world| (170..198).contains(&cursor(world))),
    (Action::PageDown, long, |world| (2..30).contains(&cursor(world))),
    (Action::First, last, |world| cursor(world) == 0),
    (Action::Last, list, |world| cursor(world) == 4),
    (Action::Open, || keyed(tree(), "<Down>"), |world| world.model.local.focus == Focus::List),
    (Action::Open, list, |world| world.asked(|effect| matches!(effect, Effect::Store(StoreRequest::Preview { .. })))),
    (Action::Expand, || keyed(tree(), "<Down>"), is_open),
    (Action::Back, list, |world| world.model.local.focus == Focus::Tree),
    (Action::Back, || keyed(tree(), "<Down>"), |world| place(world).is_empty()),
    (Action::Filter, list, |world| is_prompt(world, |purpose| matches!(purpose, Purpose::Filter(_)))),
    (Action::Sort, list, |world| matches!(top(world), Some(Dialog::Sort(_)))),
    (Action::Find, list, |world| is_prompt(world, |purpose| *purpose == Purpose::Find)),
    (Action::FindNext, || keyed(last(), "/~f holm<Enter><End>"), |world| cursor(world) == 0),
    (Action::FindNext, archive, |world| is_prompt(world, |purpose| matches!(purpose, Purpose::NewFolder(_)))),
    (Action::FindPrevious, || keyed(last(), "/~f holm<Enter><End>"), |world| cursor(world) == 2),
    (Action::NewFolder, archive, |world| is_prompt(world, |purpose| matches!(purpose, Purpose::NewFolder(_)))),
    (Action::Delete, archive, is_question),
    (Action::Delete, right, is_question),
    (Action::Flag, right, |world| matches!(top(world), Some(Dialog::Flag(_)))),
    (Action::Expunge, archive, is_question),
    (Action::Subscribe, archive, is_question),
    (Action::Rules, tree, |world| matches!(top(world), Some(Dialog::Rules(_)))),
    (Action::Places, tree, |world| matches!(top(world), Some(Dialog::Places(_)))),
    (Action::Connect, tree, |world| matches!(top(world), Some(Dialog::Connect(connect)) if connect.for_left)),
    (Action::Connect, archive, |world| matches!(top(world), Some(Dialog::Connect(connect)) if !connect.for_left)),
    (Action::OpenStore, tree, |world| is_prompt(world, |purpose| *purpose == Purpose::OpenStore)),
    (Action::OpenStore, archive, |world| is_prompt(world, |purpose| *purpose == Purpose::OpenRight)),
    (Action::StoreOptions, tree, |world| matches!(top(world), Some(Dialog::StoreOptions(_)))),
    (Action::SwapPanes, tree, |world| matches!(world.model.link.place(), Some(Place::Local(LocalPlace { .. })))),
    (Action::Reread, tree, |world| world.asked(|effect| matches!(effect, Effect::Store(StoreRequest::Forget)))),
    (Action::Reread, archive, |world| asks_server(world, |request| *request == ServerRequest::Folders)),
    (Action::Redraw, tree, |world| world.asked(|effect| matches!(effect, Effect::Redraw))),
    (Action::Suspend, tree, |world| world.asked(|effect| matches!(effect, Effect::Suspend))),
    (Action::Help, tree, |world| matches!(top(world), Some(Dialog::Help(_)))),
    (Action::Commands, tree, |world| matches!(top(world), Some(Dialog::Palette(_)))),
    (Action::Cancel, list, |world| world.model.local.focus == Focus::Tree),
    (Action::Cancel, || keyed(list(), "v"), |world| world.model.local.range.is_none()),
    (Action::Cancel, || keyed(list(), "f~f holm<Enter>"), |world| world.model.local.list.filter().is_none()),
    (Action::Cancel, running, |world| world.model.escape.as_ref().is_some_and(|escape| escape.stops)),
    (Action::Quit, tree, quits),
    (Action::Quit, running, is_question),
];

/// The left pane at its top.
fn tree() -> World {
    World::new(SIZE)
}

/// Five messages on the left, the first under the cursor.
fn list() -> World {
    keyed(screens::bridge(SIZE), "<Enter>")
}

/// The last of them.
fn last() -> World {
    keyed(list(), "<End>")
}

/// 200 messages on the left.
fn long() -> World {
    let mut world = keyed(tree(), "/Bridge<Enter>");
    let generation = world.model.local.list.generation;
    let rows = super::world::rows().into_iter().cycle().take(200).collect();
    world.happens(Event::Store(crate::ui::event::StoreEvent::Rows { generation, rows, progress: (1, 1) }));
    keyed(world, "<Enter>")
}

/// Messages on the right.
fn right() -> World {
    ways::listed_right(SIZE)
}

/// A folder under the right cursor.
fn archive() -> World {
    keyed(tree(), "<Tab>/Archive<Enter><Home><Down><Down>").forgetting_what_was_found()
}

/// A job that runs and left some messages out.
fn running() -> World {
    queueing::busy(SIZE)
}

fn keyed(mut world: World, keys: &str) -> World {
    world.keys(keys);
    world
}

impl World {
    fn forgetting_what_was_found(mut self) -> Self {
        self.model.find.clear();
        self
    }
}

fn top(world: &World) -> Option<&Dialog> {
    world.model.dialogs.last()
}

fn is_plan(world: &World, mode: Mode) -> bool {
    matches!(top(world), Some(Dialog::Plan(plan)) if plan.mode == mode)
}

fn is_question(world: &World) -> bool {
    matches!(top(world), Some(Dialog::Confirm(_)))
}

fn is_prompt(world: &World, is_wanted: impl Fn(&Purpose) -> bool) -> bool {
    matches!(top(world), Some(Dialog::Prompt(prompt)) if is_wanted(&prompt.purpose))
}

fn asks_server(world: &World, is_wanted: impl Fn(&ServerRequest) -> bool) -> bool {
    world.server_requests().iter().any(is_wanted)
}

fn quits(world: &World) -> bool {
    world.asked(|effect| matches!(effect, Effect::Quit(_)))
}

fn marked(world: &World) -> u64 {
    world.model.local.marks.totals().messages
}

fn cursor(world: &World) -> usize {
    world.model.local.list.cursor
}

/// The folder under the left cursor.
fn place(world: &World) -> String {
    world.model.local.place.as_ref().map_or("none".to_owned(), |place| place.path.to_string())
}

fn is_open(world: &World) -> bool {
    let pane = &world.model.local;
    pane.cursor().and_then(|at| pane.tree.node(at)).is_some_and(|node| node.is_open)
}

/// The case's state, with what it wanted so far forgotten.
fn before((action, state, seen): &Case) -> World {
    let mut world = state();
    world.effects.clear();
    assert!(!seen(&world), "{action:?}: what is to be seen is there without the key");
    world
}

fn cases_of(row: &Row) -> impl Iterator<Item = &'static Case> {
    let action = row.action;
    assert!(CASES.iter().any(|case| case.0 == action), "{action:?} has no case in CASES");
    CASES.iter().filter(move |case| case.0 == action)
}

#[test]
fn every_key_of_the_table_does_what_its_action_is_for() {
    let vim = crate::config::read("[screen]\nkeys = \"vim\"\n", std::path::Path::new("test")).unwrap();
    for map in [Keymap::default(), Keymap::new(&vim.keys).unwrap()] {
        for row in ACTIONS {
            assert!(!map.keys_of(row.action).is_empty(), "{:?}", row.action);
            for case in cases_of(row) {
                for (modifiers, code) in map.keys_of(row.action) {
                    let mut world = before(case);
                    world.model.keys = map.clone();
                    world.happens(Event::Key(KeyEvent::new(*code, *modifiers)));
                    let screen = world.screen();
                    assert!(case.2(&world), "{:?} by {}:\n{screen}", row.action, key_name((*modifiers, *code)));
                }
            }
        }
    }
}

#[test]
fn the_palette_does_every_action_as_its_keys_do() {
    for row in ACTIONS {
        for case in cases_of(row) {
            let mut world = before(case);
            world.keys(&format!(":{}<Enter>", row.name()));
            assert!(case.2(&world), "{}:\n{}", row.name(), world.screen());
        }
    }
}

#[test]
fn the_readme_the_help_and_the_table_say_the_same() {
    let readme = include_str!("../../../README.md");
    assert!(readme.contains(&keys_markdown()), "run MAILFERRY_SCREENSHOTS=1 cargo test --test screenshots");
    let mut world = World::new((120, 200));
    world.keys("?");
    let help = world.screen();
    for row in ACTIONS {
        let names: Vec<String> = row.keys.iter().copied().map(key_name).collect();
        let words: String = row.help.chars().take(40).collect();
        let is_told = help.lines().any(|line| {
            line.split_once(&format!(" {} ", names.join(" "))).is_some_and(|(_, rest)| rest.trim().starts_with(&words))
        });
        assert!(is_told, "{names:?} {words}:\n{help}");
    }
}
