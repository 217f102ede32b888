//! Servers that lie, forget, come late and talk nonsense (rows 12, 13, 32 to 42).

use std::time::{Duration, Instant};

use serde_json::Value;

use super::common::for_each_of;
use super::common::invariants::{check, complete, hold};
use super::common::is_long;
use super::common::mail::Maker;
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

/// What is told of a message that is not there, and of one that is there otherwise.
const NOT_THERE: &str = "said that it stored the message, but it is not there";
const CHANGED: &str = "the server changed the message: its copy (UID";

/// Rows 39 to 41: what a server does with a message that it says it took, or did not, and the exit code. `told` is what the
/// report says of each message that it happens to.
#[test]
fn a_server_that_lies_is_found_out_and_nothing_is_removed_for_it() {
    let cases: [(&str, Vice, &str, i32); 6] = [
        ("says OK and stores nothing", Vice::Forgets, NOT_THERE, 69),
        ("stores less than it got", Vice::Truncates, CHANGED, 69),
        ("stores other bytes", Vice::Mangles, CHANGED, 69),
        ("names another message", Vice::NamesAnother, NOT_THERE, 69),
        ("says NO and stores", Vice::RefusesAndStores, "the server refused the message: NO it did not work", 1),
        ("stores twice", Vice::StoresTwice, "the server stored it a second time, as UID", 1),
    ];
    let cases: Vec<_> = cases.iter().flat_map(|case| Kind::BOTH.map(|kind| (case, kind))).collect();
    for_each_of(&cases, 6, |((what, vice, told, code), kind)| {
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
        check(&trial, &run, &[*code], what);
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

/// Rows 39 and 40: a server that keeps nothing gets a few messages and no more, and what is here stays.
#[test]
fn a_server_that_keeps_nothing_is_given_up_and_nothing_is_removed() {
    let vices = [(Vice::Forgets, NOT_THERE), (Vice::Truncates, CHANGED), (Vice::NamesAnother, NOT_THERE)];
    let cases: Vec<_> = vices.into_iter().flat_map(|vice| Kind::ALL.map(|kind| (vice, kind))).collect();
    for_each_of(&cases, 6, |((vice, told), kind)| {
        let what = format!("{vice:?} of all");
        let (server, post) = Post::in_memory();
        let mut trial = Trial::with(&post, *kind, "Box", Maker::new(5).folder(40, 2004, 60));
        post.mailbox().turn(*vice, usize::MAX);
        if !kind.is_move() {
            trial.options = vec!["--verify".into(), "full".into()];
        }
        let run = trial.run(post.port(), &["--connections", "1"]);
        trial.ruined = trial.there().len();
        check(&trial, &run, &[69], &what);
        let sent = server.count("APPEND");
        assert!((3..=8).contains(&sent), "{what}: {sent} sent");
        let end = run.events_of("job.end").remove(0);
        assert!(end["reason"].as_str().unwrap().contains("does not keep them"), "{what}: {end}");
        let failed = run.events_of("message.failed");
        let named = failed.iter().filter(|failed| failed["reason"].as_str().unwrap().contains(told)).count();
        assert_eq!((named, run.totals()), (sent, (0, 0, 40)), "{what}: {failed:?}");
        assert_eq!(trial.here(), 40, "{what}");
        post.mailbox().reform();
        complete(&trial, &what);
    });
}

/// The same where messages fly: what comes behind them is not begun.
#[test]
fn a_server_that_keeps_nothing_of_many_messages_in_a_command_is_given_up() {
    const TOGETHER: Manners =
        Manners { capabilities: "IMAP4rev1 UIDPLUS UNSELECT NAMESPACE LITERAL+ MULTIAPPEND", ..PLAIN };
    for_each_of(&Kind::BOTH, 2, |kind| {
        let (server, post) = Post::in_memory_like(TOGETHER);
        let folder = |seed, count| Maker::new(seed).folder(count, 2004, 60);
        let trial = Trial::with_folders(&post, *kind, "Box", &[("", folder(5, 600)), ("One", folder(6, 20))]);
        post.mailbox().turn(Vice::Forgets, usize::MAX);
        let run = trial.run(post.port(), &["--connections", "1"]);
        check(&trial, &run, &[69], "none kept of many");
        assert_eq!(run.totals().0, 0);
        let begun = server.heard().iter().any(|line| line.contains("APPEND") && line.contains("Box/One"));
        assert!(!begun, "the next folder was begun");
        post.mailbox().reform();
        complete(&trial, "none kept of many");
        // Some in a row among others that are kept.
        let some = Trial::with_folders(&post, *kind, "Some", &[("", folder(7, 600)), ("One", folder(8, 20))]);
        post.mailbox().turn_later(Vice::Forgets, 100, 5);
        let run = some.run(post.port(), &["--connections", "1"]);
        check(&some, &run, &[69], "five kept not of many");
        assert_eq!(run.totals(), (615, 0, 5));
        complete(&some, "five kept not of many");
    });
}

/// The same over several connections, each of which may be between two folders then: what none of them got to is told too.
#[test]
fn each_message_is_told_when_a_server_is_given_up() {
    const NAMES: [&str; 12] = ["", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"];
    let cases: Vec<_> = (1..=3).flat_map(|messages| Kind::BOTH.map(|kind| (messages, kind))).collect();
    for_each_of(&cases, 3, |(messages, kind)| {
        let (_server, post) = Post::in_memory();
        let folders = [0; 12].map(|_| Maker::new(5).folder(*messages, 2004, 60));
        let folders: Vec<_> = NAMES.into_iter().zip(folders).collect();
        let trial = Trial::with_folders(&post, *kind, "Box", &folders);
        post.mailbox().turn(Vice::Forgets, usize::MAX);
        let run = trial.run(post.port(), &["--connections", "4"]);
        check(&trial, &run, &[69], "none kept over four connections");
        assert_eq!(run.totals(), (0, 0, 12 * *messages as u64), "{}", run.out);
    });
}

/// The largest UID that there is: nothing can come behind it.
#[test]
fn a_server_that_names_the_last_uid_there_is_is_found_out() {
    const LAST: &[u8] =
        b"* 99 FETCH (UID 4294967295 FLAGS () INTERNALDATE \"01-Mar-2004 10:00:00 +0000\" RFC822.SIZE 1)\r\n";
    for_each_of(&Kind::BOTH, 2, |kind| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, *kind, "Box");
        post.mailbox().turn(Vice::Writes("APPEND", "{tag} OK [APPENDUID 51 4294967295] stored\r\n"), usize::MAX);
        post.mailbox().turn(Vice::Says("UID FETCH", || LAST.to_vec()), usize::MAX);
        let run = trial.run(post.port(), &SLOWLY);
        check(&trial, &run, &[69], "the last UID");
        assert!(run.totals() == (0, 0, 8) && !run.err.contains("panicked"), "{}", run.err);
        post.mailbox().reform();
        complete(&trial, "the last UID");
    });
}

/// A server that changes raw bytes in header fields keeps all else: each such message is named, and none ends the job.
#[test]
fn a_server_that_changes_raw_bytes_in_headers_is_not_given_up() {
    let munge = |message: &[u8]| {
        let end = message.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let (head, body) = message.split_at(end);
        let head = head.iter().map(|byte| if byte.is_ascii() { *byte } else { b'X' });
        head.chain(body.iter().copied()).collect()
    };
    let mut mails = Maker::new(5).folder(12, 2004, 60);
    for (number, mail) in mails.iter_mut().enumerate().take(8) {
        mail.bytes = [b"Subject: Gr\xfc\xdfe ", number.to_string().as_bytes(), b"\r\n\r\nx\r\n"].concat();
    }
    for_each_of(&Kind::BOTH, 2, |kind| {
        let (server, post) = Post::in_memory_like(Manners { render: munge, ..PLAIN });
        let mut trial = Trial::with(&post, *kind, "Box", mails.clone());
        trial.ruined = 8;
        let run = trial.run(post.port(), &SLOWLY);
        check(&trial, &run, &[69], "raw bytes are changed");
        assert_eq!((server.count("APPEND"), run.totals()), (12, (4, 0, 8)));
        let failed = run.events_of("message.failed");
        assert!(failed.iter().all(|failed| failed["reason"].as_str().unwrap().contains(CHANGED)), "{failed:?}");
    });
}

/// Gmail keeps equal messages once: that is told, and is no lie.
#[test]
fn a_server_that_keeps_equal_messages_once_is_no_liar() {
    for_each_of(&Kind::BOTH, 2, |kind| {
        let (_server, post) = Post::in_memory();
        let mut trial = Trial::new(&post, *kind, "Box");
        trial.never = vec![2]; // the second of the twins
        post.mailbox().turn(Vice::KeepsOnce, usize::MAX);
        let run = trial.run(post.port(), &SLOWLY);
        let failed = run.events_of("message.failed");
        let reason = failed[0]["reason"].as_str().unwrap();
        assert!(failed.len() == 1 && reason.contains("keeps equal messages once"), "{failed:?}");
        hold(&trial, &run, &[1], "equal messages are kept once");
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
