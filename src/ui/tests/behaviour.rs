//! What keys do, and what news changes.

use super::world::{World, path, rows};
use crate::transfer::{Chosen, Event, Mode, Outcome, Stage as JobStage, Terms, Why};
use crate::ui::Quit;
use crate::ui::dialog::Dialog;
use crate::ui::effect::{Effect, ServerRequest, StoreRequest};
use crate::ui::event::{Event as Happening, Page, PreviewKind, PreviewLine, ServerEvent, StoreEvent, Trouble};
use crate::ui::list::Stage;
use crate::ui::marks::Totals;
use crate::ui::model::LinkState;
use crate::ui::pane::{Focus, Side};

fn start_job(world: &mut World) {
    world.keys("<F5><Enter>");
    assert!(world.asked(|effect| matches!(effect, Effect::StartJob(_))));
    world.job(Event::JobStart { job: "1".parse().unwrap(), mode: Mode::Copy, folders: 1, messages: 10, bytes: 10 });
}

fn plan_targets(world: &World) -> Vec<(String, String)> {
    let Some(Dialog::Plan(plan)) = world.model.dialogs.last() else { panic!("no plan is open") };
    plan.draft.plan().folders.iter().map(|folder| (folder.folder.to_string(), folder.target.to_string())).collect()
}

fn pair(from: &str, to: &str) -> (String, String) {
    (from.into(), to.into())
}

#[test]
fn a_marked_folder_includes_all_below_and_totals_follow_the_counts() {
    let mut world = World::new((80, 24));
    world.keys("/Projects<Enter> ");
    let totals = Totals { folders: 3, messages: 996, bytes: 9_960_000, uncounted: 0 };
    assert_eq!(world.model.local.marks.totals(), totals);
    let none = vec![(0, path("Projects/Bridge"), None)];
    world.happens(Happening::Store(StoreEvent::Counts(none)));
    assert_eq!(world.model.local.marks.totals().uncounted, 1);
    world.keys("u");
    assert_eq!(world.model.local.marks.totals(), Totals::default());
}

#[test]
fn marked_messages_survive_going_elsewhere_and_go_into_the_chosen_folder() {
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter>");
    world.list_arrives();
    world.keys("<Enter> <Down> ");
    assert_eq!(world.model.local.marks.totals().messages, 2);
    world.keys("<Left><Up><Up>");
    assert_eq!(world.model.local.focus, Focus::Tree);
    world.keys("<Tab><Down><Down><Tab><F5>");
    assert_eq!(plan_targets(&world), [pair("Projects/Bridge", "Archive")]);
    let Some(Dialog::Plan(plan)) = world.model.dialogs.last() else { panic!() };
    assert!(
        matches!(&plan.draft.folders[0].folder.chosen, Chosen::Only(locators) if locators.iter().map(|l| l.offset).eq([0, 200]))
    );
}

#[test]
fn a_marked_folder_keeps_its_name_and_its_children() {
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter> <Tab><Down><Down><Tab><F5>");
    let expected =
        [pair("Projects/Bridge", "Archive/Bridge"), pair("Projects/Bridge/Old plans", "Archive/Bridge/Old plans")];
    assert_eq!(plan_targets(&world), expected);
}

#[test]
fn a_whole_store_at_the_top_meets_the_servers_own_folders() {
    let mut world = World::new((80, 24));
    world.keys("<F5>");
    let expected = [
        pair("Inbox", "INBOX"),
        pair("Inbox/Receipts", "INBOX/Receipts"),
        pair("Projects", "Projects"),
        pair("Projects/Bridge", "Projects/Bridge"),
        pair("Projects/Bridge/Old plans", "Projects/Bridge/Old plans"),
        pair("Sent Items", "Gesendet"),
    ];
    assert_eq!(plan_targets(&world), expected);
}

#[test]
fn a_message_taken_out_of_a_marked_folder_leaves_the_rest_marked_under_its_name() {
    let mut world = World::new((80, 24));
    world.keys("/Old<Enter> ");
    world.keys("/Bridge<Enter> ");
    world.keys("/Bridge<Enter>");
    world.keys("<Enter> ");
    assert!(world.model.note.as_ref().is_some_and(|note| note.is_bad), "not listed yet, so it must refuse");
    world.list_arrives();
    world.keys("<Home> ");
    let Totals { messages, .. } = world.model.local.marks.totals();
    assert_eq!(messages, rows().len() as u64 - 1 + 3);
    world.keys("<Tab><Down><Down><Tab><F5>");
    assert_eq!(plan_targets(&world)[0], pair("Projects/Bridge", "Archive/Bridge"));
}

#[test]
fn the_plan_learns_counts_while_it_is_open() {
    let mut world = World::new((80, 24));
    world
        .model
        .local
        .counted(&crate::ui::tree::Place { source: 0, path: path("Sent Items") }, crate::ui::tree::Tally::Unknown);
    world.keys("/Sent<Enter><F5>");
    let counting =
        |world: &World| matches!(world.model.dialogs.last(), Some(Dialog::Plan(plan)) if plan.counting == [true]);
    assert!(counting(&world));
    assert!(world.asked(
        |effect| matches!(effect, Effect::Store(StoreRequest::Count { folder, .. }) if *folder == path("Sent Items"))
    ));
    let counts = vec![(0, path("Sent Items"), Some(crate::store::Count { messages: 7, bytes: 70 }))];
    world.happens(Happening::Store(StoreEvent::Counts(counts)));
    assert!(!counting(&world));
    let Some(Dialog::Plan(plan)) = world.model.dialogs.last() else { panic!() };
    assert_eq!((plan.draft.plan().messages(), plan.draft.plan().bytes()), (7, 70));
}

#[test]
fn answers_to_old_questions_are_dropped() {
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter>");
    let old = world.model.local.list.generation;
    world.keys("<Up>");
    world.happens(Happening::Store(StoreEvent::Rows { generation: old, rows: rows(), progress: (1, 2) }));
    assert_eq!(world.model.local.list.len(), 0);
    let connection = world.model.link.connection;
    world.happens(Happening::Server(connection - 1, ServerEvent::Terms(Terms::default())));
    assert_eq!(world.model.link.terms.folders.len(), 5);
}

#[test]
fn a_huge_folder_is_fetched_as_it_is_looked_at() {
    let mut world = World::new((80, 24));
    world.keys("<Tab><Down>");
    let generation = world.model.remote.list.generation;
    assert!(world.server_requests().contains(&ServerRequest::Open { generation, folder: path("INBOX") }));
    world.server(ServerEvent::Opened(generation, 200_000, 7));
    world.keys("<Enter><End>");
    let windows: Vec<u32> = world
        .server_requests()
        .iter()
        .filter_map(|request| match request {
            ServerRequest::Window { first, .. } => Some(*first),
            _ => None,
        })
        .collect();
    assert_eq!(windows, [1, 199_801]);
    assert!(world.screen().contains('…'));
}

#[test]
fn escape_and_a_digit_is_a_function_key_and_stops_nothing() {
    let mut world = World::new((80, 24));
    start_job(&mut world);
    world.after(1_000);
    world.keys("<Esc>1");
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Help(_))));
    world.after(9_000);
    assert!(!world.asked(|effect| matches!(effect, Effect::StopJob)));
}

#[test]
fn escape_stops_after_the_running_message_and_control_c_twice_at_once() {
    let mut world = World::new((80, 24));
    start_job(&mut world);
    world.after(1_000);
    world.keys("<Esc>");
    assert!(!world.asked(|effect| matches!(effect, Effect::StopJob)), "a digit may follow");
    world.after(1_600);
    assert!(world.asked(|effect| matches!(effect, Effect::StopJob)));
    assert!(world.screen().contains("stopping after the running message"));
    world.keys("<C-c>");
    assert!(world.asked(|effect| matches!(effect, Effect::AbortJob)));
    assert_eq!(world.model.running().unwrap().stage, JobStage::Breaking(Why::Cancel));
}

#[test]
fn quitting_asks_while_a_job_runs_and_waits_for_its_end() {
    let mut world = World::new((80, 24));
    start_job(&mut world);
    world.keys("q");
    assert!(world.screen().contains("Go on"));
    world.keys("<Enter>");
    assert!(world.model.dialogs.is_empty());
    world.keys("qs");
    assert!(world.asked(|effect| matches!(effect, Effect::StopJob)));
    assert!(!world.asked(|effect| matches!(effect, Effect::Quit(_))));
    world.job(Event::JobEnd { outcome: Outcome::Stopped, reason: String::new() });
    assert!(world.asked(|effect| matches!(effect, Effect::Quit(Quit::Normal))));
}

#[test]
fn a_signal_ends_the_program_after_the_running_message() {
    let mut world = World::new((80, 24));
    start_job(&mut world);
    world.happens(Happening::Signal(15));
    assert!(world.asked(|effect| matches!(effect, Effect::StopJob)));
    world.job(Event::JobEnd { outcome: Outcome::Stopped, reason: String::new() });
    assert!(world.asked(|effect| matches!(effect, Effect::Quit(Quit::Signal(15)))));
    let mut hung_up = World::new((80, 24));
    start_job(&mut hung_up);
    for event in [Happening::Signal(1), Happening::TerminalGone, Happening::Signal(1)] {
        hung_up.happens(event);
    }
    assert!(!hung_up.asked(|effect| matches!(effect, Effect::Quit(_) | Effect::AbortJob)));
    let mut idle = World::new((80, 24));
    idle.happens(Happening::TerminalGone);
    assert!(idle.asked(|effect| matches!(effect, Effect::Quit(Quit::Signal(1)))));
}

#[test]
fn marks_are_gone_after_a_complete_job_and_come_back_after_another() {
    for (outcome, folders) in [(Outcome::Complete, 0), (Outcome::Stopped, 3)] {
        let mut world = World::new((80, 24));
        world.keys("/Projects<Enter> ");
        start_job(&mut world);
        assert!(world.model.local.marks.is_empty());
        world.job(Event::JobEnd { outcome, reason: String::new() });
        assert_eq!(world.model.local.marks.totals().folders, folders);
    }
}

#[test]
fn deleting_asks_and_no_is_the_default() {
    let mut world = World::new((80, 24));
    world.keys("d");
    assert!(world.model.dialogs.is_empty(), "not on the local side");
    world.keys("<Tab>/Archive<Enter><F8><Enter>");
    assert!(!world.server_requests().iter().any(|request| matches!(request, ServerRequest::Delete(_))));
    world.keys("<F8>y");
    assert!(world.server_requests().contains(&ServerRequest::Delete(vec![path("Archive/2004"), path("Archive")])));
    world.keys("/INBOX<Enter><F8>");
    assert!(world.model.dialogs.is_empty(), "INBOX can't be deleted");
}

#[test]
fn a_lost_connection_is_told_without_a_dialog_and_the_next_key_connects_again() {
    let mut world = World::new((80, 24));
    world.server(ServerEvent::Lost(Trouble { text: "gone".into(), hint: String::new() }));
    assert!(world.model.dialogs.is_empty());
    assert!(matches!(world.model.link.state, LinkState::Lost(_)));
    assert!(world.screen().contains("connection lost"));
    world.keys("<Tab>r");
    assert!(world.server_requests().contains(&ServerRequest::Folders));
}

#[test]
fn doubts_are_asked_for_with_f4_on_the_left_and_not_waited_for_after_esc() {
    let mut world = World::new((80, 24));
    world.keys("<F4>");
    let examined = |effect: &Effect| match effect {
        Effect::Store(StoreRequest::Examine { generation, folder, .. }) if folder.is_root() => Some(*generation),
        _ => None,
    };
    let generation = world.effects.iter().find_map(examined).unwrap();
    world.happens(Happening::Store(StoreEvent::Examined { generation, messages: 1234 }));
    assert!(world.screen().contains("1,234 messages so far"));
    let line = PreviewLine { kind: PreviewKind::Note, text: "it has 2 NUL bytes".into() };
    world.happens(Happening::Store(StoreEvent::Preview {
        generation,
        result: Ok(vec![Page { name: "Doubts", lines: vec![line] }]),
    }));
    assert!(world.screen().contains("2 NUL bytes"));
    let stops = |effect: &Effect| matches!(effect, Effect::Store(StoreRequest::StopExamining));
    world.keys("<Esc>");
    assert!(!world.asked(stops) && world.model.dialogs.is_empty());
    world.keys("<F4><Esc>");
    assert!(world.asked(stops) && world.model.dialogs.is_empty());
}

#[test]
fn a_preview_has_pages_and_goes_on_to_other_messages() {
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter>");
    world.list_arrives();
    world.keys("<Enter>p");
    let arrives = |world: &mut World| {
        let message = b"Subject: hi\r\nX-Odd: yes\r\nContent-Type: text/html\r\n\r\n<div>one</div><div>two</div>";
        let result = crate::ui::workers::reading::pages(message, 74, false);
        let generation = world.model.generation;
        world.happens(Happening::Store(StoreEvent::Preview { generation, result }));
    };
    arrives(&mut world);
    for (key, text) in [
        ("", "HTML, shown"),
        ("h", "X-Odd:"),
        ("s", "text/html"),
        ("a", "no attachments"),
        ("r", "<div>one</div>"),
        ("<Tab>", "HTML, shown"),
    ] {
        world.keys(key);
        assert!(world.screen().contains(text), "{key}: {}", world.screen());
    }
    world.keys("hn");
    assert_eq!(world.model.local.list.cursor, 1);
    arrives(&mut world);
    assert!(world.screen().contains("X-Odd:"), "on the page that was shown before: {}", world.screen());
    world.keys("N<Esc>");
    assert_eq!((world.model.local.list.cursor, world.model.dialogs.len()), (0, 0));
}

#[test]
fn a_long_look_through_a_directory_is_told() {
    let mut world = World::empty((80, 24));
    crate::ui::update::open_store(&mut world.model, "/x".into(), true);
    let looked = crate::store::Looked { entries: 12_000, mail: 34 };
    world.happens(Happening::Store(StoreEvent::Looking { source: 0, looked }));
    assert!(world.screen().contains("12,000 files"), "{}", world.screen());
}

#[test]
fn a_store_that_can_not_be_read_says_why() {
    let mut world = World::empty((80, 24));
    crate::ui::update::open_store(&mut world.model, "/x".into(), true);
    world.happens(Happening::Store(StoreEvent::Folders {
        source: 0,
        result: Err("/x: it is a directory without mail".into()),
    }));
    assert!(world.screen().contains("without mail"));
    world.keys("<Esc>O<Esc>");
    assert!(world.model.dialogs.is_empty());
}

#[test]
fn marking_by_pattern_and_inverting_count_right() {
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter>");
    world.list_arrives();
    world.keys("<Enter>+kerstin<Enter>");
    assert_eq!(world.model.local.marks.totals().messages, 2);
    world.keys("*");
    assert_eq!(world.model.local.marks.totals().messages, 3);
    world.keys("a-plans*<Enter>");
    assert_eq!(world.model.local.marks.totals().messages, 4);
    assert_eq!(world.model.local.marks.totals(), world.model.local.marks.recount());
}

#[test]
fn from_the_right_with_nothing_open_on_the_left_is_explained_not_done() {
    let mut world = World::empty((80, 24));
    world.connect();
    world.keys("<Tab><F5>");
    assert!(world.model.dialogs.is_empty());
    let note = world.model.note.clone().unwrap();
    assert!(note.is_bad && note.text.contains("nothing is open on the left"), "{}", note.text);
    assert_eq!(world.model.side, Side::Remote);
}

#[test]
fn a_list_seen_before_is_there_at_once() {
    let mut world = World::new((80, 24));
    world.keys("/Bridge<Enter>");
    world.list_arrives();
    world.keys("<Up><Down>");
    assert_eq!((world.model.local.list.stage.clone(), world.model.local.list.len()), (Stage::Complete, 5));
}

#[test]
fn pasted_text_does_nothing_outside_input_fields() {
    let mut world = World::new((80, 24));
    world.happens(Happening::Paste("dq".into()));
    assert!(world.model.dialogs.is_empty() && !world.asked(|effect| matches!(effect, Effect::Quit(_))));
}
