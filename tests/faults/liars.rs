//! Servers that lie, forget, come late and talk nonsense (rows 12, 13, 32 to 42).

use std::time::{Duration, Instant};

use serde_json::Value;

use super::common::for_each_of;
use super::common::invariants::{check, complete, hold};
use super::common::is_long;
use super::common::mailbox::{self, Manners, PLAIN, Vice};
use super::common::program::run;
use super::common::pty::Pty;
use super::common::scripted::Scripted;
use super::common::trial::{Kind, Post, Trial};

/// A vice at a command.
type ViceAt = fn(&'static str) -> Vice;
/// What a server says.
type Bytes = fn() -> Vec<u8>;

/// One message after the other, so that a vice that shows three times meets three messages.
const SLOWLY: [&str; 4] = ["--connections", "1", "--timeout", "2"];

/// How often a vice shows where it is to show a few times.
const TIMES: usize = 3;

/// Rows 39 to 41: what a server does with a message that it says it took, or did not. `told` is what the report says of each
/// message that it happens to.
#[test]
fn a_server_that_lies_is_found_out_and_nothing_is_removed_for_it() {
    let cases: [(&str, Vice, &str); 6] = [
        ("says OK and stores nothing", Vice::Forgets, "said that it stored the message, but it is not there"),
        ("stores less than it got", Vice::Truncates, "the server changed the message: its copy (UID"),
        ("stores other bytes", Vice::Mangles, "the server changed the message: its copy (UID"),
        ("names another message", Vice::NamesAnother, "said that it stored the message, but it is not there"),
        ("says NO and stores", Vice::RefusesAndStores, "the server refused the message: NO it did not work"),
        ("stores twice", Vice::StoresTwice, "the server stored it a second time, as UID"),
    ];
    let cases: Vec<_> = cases.iter().flat_map(|case| Kind::BOTH.map(|kind| (case, kind))).collect();
    for_each_of(&cases, 6, |((what, vice, told), kind)| {
        let (_server, post) = Post::in_memory();
        let mut trial = Trial::new(&post, *kind, "Box");
        post.mailbox().turn(*vice, TIMES);
        if matches!(vice, Vice::StoresTwice) {
            trial.surplus = TIMES;
        }
        if matches!(vice, Vice::Truncates | Vice::Mangles) {
            trial.ruined = TIMES;
        }
        if !kind.is_move() {
            trial.options = vec!["--verify".into(), "full".into()];
        }
        let run = trial.run(post.port(), &SLOWLY);
        assert_eq!(post.mailbox().times(), 0, "{what}: it did not show");
        check(&trial, &run, &[1], what);
        let failed = run.events_of("message.failed");
        let are_told = failed.iter().all(|failed| failed["reason"].as_str().unwrap().contains(told));
        assert!(failed.len() == TIMES && are_told, "{what} {kind:?}: {failed:?}");
        // The others get across, and those that it happened to stay, but for what is there as it was.
        let is_there = matches!(vice, Vice::StoresTwice);
        assert_eq!(run.totals().0, if is_there { 8 } else { 5 }, "{what} {kind:?}");
        if kind.is_move() {
            assert_eq!(trial.here(), if is_there { 0 } else { TIMES }, "{what}");
        }
        post.mailbox().reform();
        complete(&trial, what);
    });
}

/// A server that dates all mail by its own clock is named once, and nothing is moved onto it without consent.
#[test]
fn a_server_that_ignores_dates_is_named_once_and_a_move_onto_it_needs_consent() {
    let now = |_: &str| chrono::Utc::now().format("%d-%b-%Y %H:%M:%S +0000").to_string();
    for (kind, consents, code) in [
        (Kind::CopyMaildir, false, 1),
        (Kind::CopyMaildir, true, 0),
        (Kind::MoveMaildir, false, 1),
        (Kind::MoveMaildir, true, 0),
    ] {
        let (server, mailbox) = mailbox::start(Manners { date: now, ..PLAIN });
        let trial = Trial::new(&Post::InMemory { port: server.port, mailbox }, kind, "Box");
        let consent = if consents { &["--accept-rewriting"][..] } else { &[] };
        let run = trial.run(server.port, consent).expect(code);
        let said = |event: &str, field: &str| {
            let has =
                |event: &Value| event[field].as_str().is_some_and(|text| text.contains("does not keep the dates"));
            run.events_of(event).iter().filter(|event| has(event)).count()
        };
        let told = (said("message.failed", "reason"), said("remark", "text"));
        assert_eq!(told, if consents { (0, 1) } else { (1, 0) }, "{kind:?}: {}", run.out);
        let failed = run.events_of("message.failed");
        let stays =
            failed.iter().filter(|failed| failed["reason"].as_str().unwrap().starts_with("copied, but not removed"));
        let (here, stays) = (trial.here(), stays.count());
        if kind.is_move() && !consents {
            assert_eq!(here, 8);
            assert!(stays > 0 && stays as u64 == run.totals().0, "each that was copied is named: {failed:?}");
        } else {
            assert_eq!((here, stays, run.totals().0), (if kind.is_move() { 0 } else { 8 }, 0, 8), "{kind:?}");
        }
    }
}

/// Row 12: within the grace of ten seconds it is waited for; what comes later than that is in exchange.rs.
#[test]
fn a_message_that_is_stored_late_is_waited_for() {
    for_each_of(&Kind::ALL, 3, |kind| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, *kind, "Box");
        post.mailbox().turn(Vice::StoresLate(Duration::from_secs(5)), 1);
        let run = trial.run(post.port(), &["--connections", "1"]);
        assert_eq!(post.mailbox().times(), 0, "it did not show");
        assert!(run.events_of("message.done").iter().any(|done| done["how"] == "found"));
        hold(&trial, &run, &[0], "5 seconds late");
    });
}

/// Row 13: between a crash and the next run the server gave all its messages other UIDs.
#[test]
fn a_folder_with_another_uidvalidity_is_searched_as_a_whole() {
    let cases: Vec<(Kind, usize)> = Kind::ALL.into_iter().flat_map(|kind| [(kind, 2), (kind, 5)]).collect();
    for_each_of(&cases, 6, |(kind, nth)| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, *kind, "Box");
        let gate = post.mailbox().gate("APPEND", *nth);
        let running = trial.start(post.port(), &[]);
        gate.wait();
        running.signal(rustix::process::Signal::KILL);
        let run = running.wait();
        gate.wait();
        post.mailbox().renumber();
        check(&trial, &run, &[137], "killed");
        complete(&trial, "with another UIDVALIDITY");
    });
}

/// Rows 32 to 34: what servers say beside what they should, and how they say it.
#[test]
fn odd_answers_that_mean_yes_are_taken_for_yes() {
    let full = || b"* NO Disk is 98% full\r\n".to_vec();
    let chatter =
        || b"* 7 EXISTS\r\n* CAPABILITY IMAP4rev1 X-NEW\r\n* X-WHATEVER (1 2) \"3\"\r\n* 1 RECENT\r\n".to_vec();
    let cases: [(&str, Vice); 7] = [
        ("the disk is nearly full", Vice::Says("*", full)),
        ("chatter", Vice::Says("APPEND", chatter)),
        ("8-bit text", Vice::Writes("*", "{tag} {answer} \u{e4}\u{f6}\u{fc}\r\n")),
        ("bare line feeds", Vice::Writes("*", "{tag} {answer}\n")),
        ("no text", Vice::Writes("APPEND", "{tag} OK\r\n")),
        ("lower case", Vice::Writes("APPEND", "{tag} ok stored\r\n")),
        ("no UIDs", Vice::TellsNoUids),
    ];
    for_each_of(&cases, 7, |(what, vice)| {
        for kind in Kind::BOTH {
            let (_server, post) = Post::in_memory();
            let trial = Trial::new(&post, kind, "Box");
            post.mailbox().turn(*vice, usize::MAX);
            let run = trial.run(post.port(), &[]);
            assert_eq!(run.totals().0, 8, "{what}: {}", run.out);
            // What it does not tell does not show in its answers.
            let shows = post.mailbox().times() < usize::MAX || matches!(vice, Vice::TellsNoUids);
            assert!(shows, "{what}: it did not show");
            hold(&trial, &run, &[0], what);
        }
    });
}

/// Row 35: an answer that is none leaves the outcome unknown; it is looked for. A server that goes on so is given up.
#[test]
fn an_answer_that_is_none_is_looked_into() {
    // Whether it is taken for an answer all the same, and nothing is lost.
    let forms = [
        ("M9999 {answer}\r\n", false),
        ("{tag} {answer}\r\n{tag} {answer}\r\n", false),
        ("{tag} OK a\0b\r\n", true),
        ("{answer}\r\n", false),
    ];
    let cases: Vec<_> = forms.into_iter().flat_map(|form| Kind::BOTH.map(|kind| (form, kind))).collect();
    for_each_of(&cases, 16, |((form, is_answer), kind)| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, *kind, "Box");
        post.mailbox().turn_later(Vice::Writes("APPEND", form), 2, 1);
        let run = trial.run(post.port(), &SLOWLY);
        assert_eq!(post.mailbox().times(), 0, "{form}: it did not show");
        check(&trial, &run, &[0], form);
        let is_found = run.events_of("message.done").iter().any(|done| done["how"] == "found");
        assert_eq!(is_found, !is_answer, "{form}: {}", run.out);
        let times = if is_long() { usize::MAX } else { TIMES };
        post.mailbox().turn(Vice::Writes("SELECT", form), times);
        let again = trial.run(post.port(), &SLOWLY);
        assert!(post.mailbox().times() < times, "{form}: it did not show");
        check(&trial, &again, &[if *is_answer { 0 } else { 69 }], form);
        assert_eq!(
            again.err.contains("an answer to a command that was not given"),
            !is_answer,
            "{form}: {}",
            again.err
        );
        post.mailbox().reform();
        complete(&trial, form);
    });
}

/// Rows 36 to 38: at any command, memory stays bounded, nothing panics or aborts, and the end is told.
#[test]
fn nonsense_without_end_is_given_up_at_any_command() {
    // The third is whether it has an end that is seen, and is passed over but in place of a greeting.
    let vices: [(&str, ViceAt, bool); 6] = [
        ("an endless line", |command| Vice::Rambles(command, b"x"), false),
        ("endless answers", |command| Vice::Rambles(command, b"* OK still here\r\n"), false),
        (
            "100,000 brackets",
            |command| Vice::Says(command, || [b"* ".to_vec(), vec![b'('; 100_000], b"\r\n".to_vec()].concat()),
            true,
        ),
        (
            "a literal of 20 digits",
            |command| Vice::Says(command, || b"* 1 FETCH (BODY[] {99999999999999999999}\r\n".to_vec()),
            false,
        ),
        ("a literal of -1", |command| Vice::Says(command, || b"* 1 FETCH (BODY[] {-1}\r\n".to_vec()), true),
        (
            "a literal of 4 GiB",
            |command| Vice::Says(command, || b"* 1 FETCH (UID 1 BODY[] {4294967295}\r\n".to_vec()),
            false,
        ),
    ];
    let commands = ["", "LOGIN", "SELECT", "APPEND", "UID FETCH"];
    let mut cases = Vec::new();
    for (turn, (what, vice, has_end)) in vices.into_iter().enumerate() {
        for (place, command) in commands.into_iter().enumerate() {
            if is_long() || (turn + place).is_multiple_of(2) {
                let code = if has_end && !command.is_empty() { 0 } else { 69 };
                cases.push((format!("{what} at {command:?}"), vice(command), Kind::BOTH[place % 2], code));
            }
        }
    }
    for_each_of(&cases, 15, |(what, vice, kind, code)| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, *kind, "Box");
        post.mailbox().turn(*vice, usize::MAX);
        let run = trial.run(post.port(), &["--connections", "1", "--timeout", "2"]);
        assert!(post.mailbox().times() < usize::MAX, "{what}: it did not show");
        check(&trial, &run, &[*code], what);
        post.mailbox().reform();
        complete(&trial, what);
    });
}

/// What a server lists beside its folders, and a server that lists it.
fn lists(listing: Bytes) -> (Scripted, Post<'static>) {
    let (server, post) = Post::in_memory();
    post.mailbox().turn(Vice::Says("LIST", listing), usize::MAX);
    (server, post)
}

/// Names that are none, that say another thing than they are, or that are commands for a terminal.
fn hostile_names() -> Vec<u8> {
    let mut lines = Vec::new();
    for name in ["..", "../../etc/passwd", "/etc/x", "&AAA", "a\u{1b}]0;PWNED\u{7}b", "INBOX", "inbox", "\u{e4}"] {
        lines.extend(format!("* LIST () \"/\" \"{name}\"\r\n").into_bytes());
    }
    lines.extend(b"* LIST () \"\\\\\" \"back\\\\slash\"\r\n* LIST () NIL flat\r\n* LIST () \"/\" {6}\r\na\r\nb\0c\r\n");
    lines.extend(format!("* LIST () \"/\" \"{}\"\r\n", "x".repeat(5000)).into_bytes());
    lines
}

fn many_names() -> Vec<u8> {
    (0..200_000).flat_map(|number| format!("* LIST () \"/\" \"f{number}\"\r\n").into_bytes()).collect()
}

/// The longest that a list of names may take.
/// More than the five seconds of the row, for many tests run beside this one.
const QUICK: Duration = Duration::from_secs(15);

/// Row 42: names from strangers, and very many of them.
#[test]
fn a_list_of_hostile_names_hides_no_folder_and_takes_no_time() {
    // What is to be on the screen of each: of the folders there are, and of the names.
    let cases: [(&str, Bytes, &[&str]); 2] = [
        ("hostile names", hostile_names, &["INBOX", "Box", "Trash", "flat", "back\\slash", "a^[]0;PWNED^Gb", ".."]),
        ("200,000 names", many_names, &["f0", "f1", "f10", "f100"]),
    ];
    for (what, listing, shown) in cases {
        let (_server, post) = lists(listing);
        let trial = Trial::new(&post, Kind::CopyMaildir, "Box");
        let begun = Instant::now();
        let run = trial.run(post.port(), &[]);
        assert!(begun.elapsed() < QUICK, "{what}: {:?}", begun.elapsed());
        assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'), "{what}");
        let begun = Instant::now();
        let arguments = trial.screen_arguments(post.port());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut pty = Pty::mailferry_sized(trial.home.path(), &arguments, 100, 50);
        pty.wait_until(|screen| shown.iter().all(|name| screen.contents().contains(name)));
        assert!(begun.elapsed() < QUICK, "{what}: {:?}", begun.elapsed());
        pty.type_keys("q");
        assert_eq!(pty.wait_exit(), 0, "{what}");
        pty.assert_restored();
        let raw = String::from_utf8_lossy(&pty.raw_output()).into_owned();
        assert!(!raw.contains("\u{1b}]0;PWNED") && !raw.contains("PWNED\u{7}"), "{what}");
        assert!(post.mailbox().times() < usize::MAX, "{what}: it did not show");
        post.mailbox().reform();
        hold(&trial, &run, &[0], what);
    }
}

/// Row 42: a name that can not be counted is one of many; all others are listed.
#[test]
fn a_name_that_is_none_hides_no_folder_from_a_listing() {
    let (server, post) = lists(hostile_names);
    let trial = Trial::new(&post, Kind::CopyMaildir, "Box");
    let password = trial.password.to_str().unwrap();
    let listed = run(trial.home.path(), &["ls", &server.url("anna"), "--json", "--password-file", password]);
    let folders = listed.events_of("folder");
    for name in ["INBOX", "Box", "Trash"] {
        assert!(folders.iter().any(|folder| folder["path"] == name), "no {name}: {} {}", listed.out, listed.err);
    }
    assert!(!listed.out.contains('\u{1b}') && !listed.err.contains('\u{1b}'), "{}", listed.out);
}

/// Row 42: whatever is left out of a list that is too long, what is there is not said to be missing.
#[test]
fn a_folder_behind_very_many_names_is_not_said_to_be_missing() {
    let (_server, post) = lists(many_names);
    let trial = Trial::new(&post, Kind::CopyMaildir, "Box");
    let pty = trial.open_screen(post.port());
    pty.wait_for("f10");
    let screen = pty.screen_text();
    assert!(!screen.contains("there is no folder Box"), "{screen}");
}
