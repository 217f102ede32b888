//! Servers that lie, forget, come late and talk nonsense (rows 12, 13, 32 to 42).

use std::time::{Duration, Instant};

use serde_json::Value;

use super::common::for_each_of;
use super::common::invariants::{check, complete, hold};
use super::common::is_long;
use super::common::mailbox::{self, Manners, PLAIN, Vice};
use super::common::trial::{Kind, Post, Trial};

/// A vice at a command.
type ViceAt = fn(&'static str) -> Vice;
/// What a server says.
type Bytes = fn() -> Vec<u8>;

/// One message after the other, so that a vice that shows three times meets three messages.
const SLOWLY: [&str; 4] = ["--connections", "1", "--timeout", "2"];

/// Rows 39 to 41: what a server does with a message that it says it took. `told` is what the report says of it.
#[test]
fn a_server_that_lies_is_found_out_and_nothing_is_removed_for_it() {
    let cases: [(&str, Vice, &[i32], &str); 6] = [
        ("says OK and stores nothing", Vice::Forgets, &[1, 69], "not there"),
        ("stores less than it got", Vice::Truncates, &[1, 69], "changed the message"),
        ("stores other bytes", Vice::Mangles, &[1, 69], "changed the message"),
        ("names another message", Vice::NamesAnother, &[0, 1, 69], ""),
        ("says NO and stores", Vice::RefusesAndStores, &[0, 1], ""),
        ("stores twice", Vice::StoresTwice, &[0, 1], "a second time"),
    ];
    let cases: Vec<_> = cases.iter().flat_map(|case| Kind::BOTH.map(|kind| (case, kind))).collect();
    for_each_of(&cases, 6, |((what, vice, codes, told), kind)| {
        let (_server, post) = Post::in_memory();
        let mut trial = Trial::new(&post, *kind, "Box");
        post.mailbox().turn(*vice, 3);
        if matches!(vice, Vice::StoresTwice) {
            trial.surplus = 3;
        }
        if matches!(vice, Vice::Truncates | Vice::Mangles) {
            trial.ruined = 3;
        }
        if !kind.is_move() {
            trial.options = vec!["--verify".into(), "full".into()];
        }
        let run = trial.run(post.port(), &SLOWLY);
        check(&trial, &run, codes, what);
        let reasons =
            run.events_of("message.failed").iter().map(|failed| failed["reason"].to_string()).collect::<String>();
        assert!(reasons.contains(told), "{what} {kind:?}: {reasons}");
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
            hold(&trial, &run, &[0], what);
        }
    });
}

/// Row 35: an answer that is none leaves the outcome unknown; it is looked for. A server that goes on so is given up.
#[test]
fn an_answer_that_is_none_is_looked_into() {
    let forms = ["M9999 {answer}\r\n", "{tag} {answer}\r\n{tag} {answer}\r\n", "{tag} OK a\0b\r\n", "{answer}\r\n"];
    let cases: Vec<(&str, Kind)> = forms.into_iter().flat_map(|form| Kind::BOTH.map(|kind| (form, kind))).collect();
    for_each_of(&cases, 16, |(form, kind)| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, *kind, "Box");
        post.mailbox().turn_later(Vice::Writes("APPEND", form), 2, 1);
        let run = trial.run(post.port(), &SLOWLY);
        check(&trial, &run, &[0], form);
        post.mailbox().turn(Vice::Writes("SELECT", form), if is_long() { usize::MAX } else { 3 });
        let again = trial.run(post.port(), &SLOWLY);
        check(&trial, &again, &[0, 69], form);
        post.mailbox().reform();
        complete(&trial, form);
    });
}

/// Rows 36 to 38: at any command, memory stays bounded, nothing panics or aborts, and the end is told.
#[test]
fn nonsense_without_end_is_given_up_at_any_command() {
    let vices: [(&str, ViceAt); 6] = [
        ("an endless line", |command| Vice::Rambles(command, b"x")),
        ("endless answers", |command| Vice::Rambles(command, b"* OK still here\r\n")),
        ("100,000 brackets", |command| {
            Vice::Says(command, || [b"* ".to_vec(), vec![b'('; 100_000], b"\r\n".to_vec()].concat())
        }),
        ("a literal of 20 digits", |command| {
            Vice::Says(command, || b"* 1 FETCH (BODY[] {99999999999999999999}\r\n".to_vec())
        }),
        ("a literal of -1", |command| Vice::Says(command, || b"* 1 FETCH (BODY[] {-1}\r\n".to_vec())),
        ("a literal of 4 GiB", |command| Vice::Says(command, || b"* 1 FETCH (UID 1 BODY[] {4294967295}\r\n".to_vec())),
    ];
    let commands = ["", "LOGIN", "SELECT", "APPEND", "UID FETCH"];
    let mut cases = Vec::new();
    for (turn, (what, vice)) in vices.into_iter().enumerate() {
        for (place, command) in commands.into_iter().enumerate() {
            if is_long() || (turn + place).is_multiple_of(2) {
                cases.push((format!("{what} at {command:?}"), vice(command), Kind::BOTH[place % 2]));
            }
        }
    }
    for_each_of(&cases, 15, |(what, vice, kind)| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, *kind, "Box");
        post.mailbox().turn(*vice, usize::MAX);
        let run = trial.run(post.port(), &["--connections", "1", "--timeout", "2"]);
        check(&trial, &run, &[0, 1, 69, 75], what);
        post.mailbox().reform();
        complete(&trial, what);
    });
}

/// Row 42: names from strangers, and very many of them.
#[test]
fn a_list_of_hostile_names_hides_no_folder_and_takes_no_time() {
    let names = || {
        let mut lines = Vec::new();
        for name in ["..", "../../etc/passwd", "/etc/x", "&AAA", "a\u{1b}]0;PWNED\u{7}b", "INBOX", "inbox", "\u{e4}"] {
            lines.extend(format!("* LIST () \"/\" \"{name}\"\r\n").into_bytes());
        }
        lines.extend(
            b"* LIST () \"\\\\\" \"back\\\\slash\"\r\n* LIST () NIL flat\r\n* LIST () \"/\" {6}\r\na\r\nb\0c\r\n",
        );
        lines.extend(format!("* LIST () \"/\" \"{}\"\r\n", "x".repeat(5000)).into_bytes());
        lines
    };
    let many = || (0..200_000).flat_map(|number| format!("* LIST () \"/\" \"f{number}\"\r\n").into_bytes()).collect();
    let cases: [(&str, Bytes); 2] = [("hostile names", names), ("200,000 names", many)];
    for (what, listing) in cases {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, Kind::CopyMaildir, "Box");
        post.mailbox().turn(Vice::Says("LIST", listing), usize::MAX);
        let begun = Instant::now();
        let run = trial.run(post.port(), &[]);
        assert!(begun.elapsed() < Duration::from_secs(15), "{what}: {:?}", begun.elapsed());
        assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'), "{what}");
        post.mailbox().reform();
        hold(&trial, &run, &[0], what);
    }
}
