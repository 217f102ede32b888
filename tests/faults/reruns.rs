//! Second runs, and several sources for one folder: each message once, with its flags and its date, and nothing is removed
//! that the first run would have kept.

use std::path::Path;

use rustix::process::Signal;
use tempfile::TempDir;

use super::common::for_each_of;
use super::common::invariants::{check, complete};
use super::common::mail::{Mail, Maker, Marks, MboxStyle, write_mbox};
use super::common::mailbox::{self, Manners, PLAIN, Vice};
use super::common::peek::peek;
use super::common::program::{Run, command, password_file, run};
use super::common::proxy::Proxy;
use super::common::pty::{Pty, key};
use super::common::servers::{Dovecot, Server};
use super::common::sha256;
use super::common::trial::{Kind, Post, Trial, letters};

fn mailferry(home: &Path, words: &[&str]) -> Run {
    run(home, &[words, &["--password-file", home.join("password").to_str().unwrap()]].concat())
}

/// What was copied and not removed, since the server has another date, is not removed by the same command either.
#[test]
fn a_move_that_needs_consent_needs_it_each_time() {
    let now = |_: &str| chrono::Utc::now().format("%d-%b-%Y %H:%M:%S +0000").to_string();
    let wrong = |_: &str| "01-Jan-1999 00:00:00 +0000".to_owned();
    for date in [now as fn(&str) -> String, wrong] {
        let (server, mailbox) = mailbox::start(Manners { date, ..PLAIN });
        let trial = Trial::new(&Post::InMemory { port: server.port, mailbox }, Kind::MoveMaildir, "Box");
        for _ in 0..3 {
            let run = trial.run(server.port, &[]).expect(1);
            assert_eq!(trial.here(), 8, "{}", run.out);
        }
        let there = trial.there().len();
        assert_eq!(there, 8, "nothing is sent again");
    }
}

/// What is in the target already goes from the store only once its flags are there too.
#[test]
fn a_move_of_what_is_there_already_carries_its_flags() {
    for_each_of(&[Kind::MoveMaildir, Kind::MoveMbox], 2, |kind| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, *kind, "Box");
        for mail in &trial.mails {
            post.mailbox().deliver_dated("Box", &mail.bytes, mail.received);
        }
        let run = trial.run(post.port(), &[]).expect(0);
        assert_eq!(run.totals(), (0, 8, 0), "{}", run.out);
        complete(&trial, "there before, without flags");
    });
}

/// A server forgets a flag, and the run ends before it is set again: the next one sets it.
#[test]
fn a_flag_that_was_forgotten_is_set_by_the_next_run() {
    for_each_of(&Kind::ALL, 3, |kind| {
        let (server, mailbox) = mailbox::start(Manners { keeps: |flag| flag != "\\Flagged", ..PLAIN });
        let post = Post::InMemory { port: server.port, mailbox };
        let trial = Trial::new(&post, *kind, "Box");
        let gate = post.mailbox().gate("UID STORE", 1);
        let running = trial.start(post.port(), &[]);
        gate.wait();
        running.signal(Signal::KILL);
        let run = running.wait();
        post.mailbox().turn(Vice::Answers("UID STORE", "NO not now"), 1); // that one is not carried out any more
        gate.wait();
        check(&trial, &run, &[137], "killed before a flag is set");
        post.mailbox().reform();
        complete(&trial, "killed before a flag is set");
    });
}

/// The same message in two stores is in the folder twice, and a move takes both out; the same command finds both.
#[test]
fn a_message_of_two_stores_that_go_to_one_folder_is_there_twice() {
    let Some(server) = Dovecot::new().start() else { return };
    let mails = Maker::new(3).folder(6, 2004, 60);
    let same_name =
        Mail { bytes: [&mails[0].bytes[..mails[0].bytes.len() - 4], b"xy\r\n"].concat(), ..mails[0].clone() };
    let stores = [("a", mails.clone()), ("b", vec![mails[2].clone(), same_name, mails[4].clone()])];
    let mut expected: Vec<String> =
        stores.iter().flat_map(|(_, mails)| mails).map(|mail| sha256(&mail.bytes)).collect();
    expected.sort();
    for verb in ["copy", "move"] {
        let home = TempDir::new().unwrap();
        password_file(home.path());
        let paths = stores.each_ref().map(|(name, mails)| {
            let path = home.path().join(name);
            write_mbox(&path, mails, MboxStyle::Mboxrd).unwrap();
            path.display().to_string()
        });
        let target = Server::plaintext_url(verb, server.imap_port) + "Box";
        let there = || {
            let mut there: Vec<String> =
                peek(server.imap_port, verb).into_iter().map(|message| message.sha256).collect();
            there.sort();
            there
        };
        let first = mailferry(home.path(), &[verb, &paths[0], &paths[1], &target, "--json"]).expect(0);
        assert_eq!(first.totals(), (9, 0, 0), "{}", first.out);
        assert_eq!(there(), expected, "{verb}");
        if verb == "copy" {
            let again = mailferry(home.path(), &[verb, &paths[0], &paths[1], &target, "--json"]).expect(0);
            assert_eq!(again.totals(), (0, 9, 0), "{}", again.out);
            mailferry(home.path(), &["verify", &paths[0], &paths[1], &target, "--json"]).expect(0);
        }
        assert_eq!(there(), expected, "{verb}");
    }
}

/// Some messages of an mbox are moved, and the job is stopped in the middle: those that were not chosen stay, whatever the
/// job's next run finds in their places. All are of one length, so that each stands where another stood.
#[test]
fn a_move_of_marked_messages_that_was_stopped_goes_on_with_just_these() {
    let Some(server) = Dovecot::new().start() else { return };
    let mails: Vec<Mail> = Maker::new(1)
        .folder(60, 2004, 60)
        .into_iter()
        .enumerate()
        .map(|(number, mail)| {
            let text = format!(
                "From: a@x.example\r\nSubject: n{number:02}\r\nMessage-ID: <{number:02}@x.example>\r\n\r\nx\r\n"
            );
            Mail { bytes: text.into_bytes(), marks: Marks::default(), keywords: Vec::new(), ..mail }
        })
        .collect();
    let home = TempDir::new().unwrap();
    let password = password_file(home.path()).display().to_string();
    let store = home.path().join("box");
    write_mbox(&store, &mails, MboxStyle::Mboxrd).unwrap();
    let proxy = Proxy::new(server.imap_port)
        .round_trip(std::time::Duration::from_millis(60))
        .replace("MULTIAPPEND", "X-NONE")
        .replace("LITERAL+", "X-NONE")
        .start();
    let url = Server::plaintext_url("anna", proxy.port);
    let mut pty = Pty::mailferry(home.path(), &[store.to_str().unwrap(), &url, "--password-file", &password]);
    pty.wait_for("Trash");
    pty.type_keys("\r");
    pty.wait_for("60 messages");
    pty.type_keys("*"); // all but the first twenty
    pty.wait_for("60 messages, ");
    pty.type_keys(&" ".repeat(20));
    pty.wait_for("40 messages, ");
    pty.type_keys(&format!("\t{}", key::END));
    pty.type_keys(key::F[5]); // F6
    pty.wait_for("REMOVES");
    pty.type_keys("\r");
    super::common::wait_until(|| proxy.messages() >= 6);
    pty.signal("TERM");
    pty.wait_exit();
    let there = || {
        let messages = peek(server.imap_port, "anna").into_iter().map(|message| message.sha256);
        let mut there: Vec<String> = messages.collect();
        there.sort();
        there
    };
    assert!((1..40).contains(&there().len()), "it was not stopped in the middle");
    let resumed = mailferry(home.path(), &["resume", "1", "--json"]);
    let mut expected: Vec<String> = mails[20..].iter().map(|mail| sha256(&mail.bytes)).collect();
    expected.sort();
    assert_eq!(there(), expected, "{}", resumed.out);
    assert_eq!(resumed.code, 0, "{}", resumed.out);
    let left = std::fs::read_to_string(&store).unwrap();
    assert_eq!(left.matches("Subject: n").count(), 20);
    assert!(mails[..20].iter().enumerate().all(|(number, _)| left.contains(&format!("Subject: n{number:02}"))));
    // What has no place any more is told, and nothing else is taken for it.
    let again = mailferry(home.path(), &["resume", "1", "--json"]);
    assert_eq!((there(), again.events_of("message.failed").len()), (expected, 0), "{}", again.out);
}

/// The server breaks the line whenever it sees one message: that one is told, and all others get across.
#[test]
fn a_message_that_breaks_every_line_costs_no_other_one() {
    for_each_of(&[Kind::CopyMaildir, Kind::MoveMbox], 2, |kind| {
        let (_server, post) = Post::in_memory();
        let mut trial = Trial::new(&post, *kind, "Box");
        trial.never = vec![4];
        post.mailbox().turn(Vice::Breaks(b"XYZ"), usize::MAX);
        let run = trial.run(post.port(), &["--connections", "1"]);
        assert_eq!(run.totals(), (7, 0, 1), "{}", run.out);
        check(&trial, &run, &[1], "a message that breaks the line");
    });
}

/// A folder that can not be opened is no empty one.
#[test]
fn a_folder_that_can_not_be_looked_at_is_not_taken_for_empty() {
    let (_server, post) = Post::in_memory();
    let trial = Trial::new(&post, Kind::CopyMaildir, "Box");
    trial.run(post.port(), &[]).expect(0);
    post.mailbox().turn(Vice::Answers("EXAMINE", "NO [INUSE] busy"), usize::MAX);
    let arguments = trial.arguments(post.port(), &[]);
    let words: Vec<&str> = ["verify"].into_iter().chain(arguments.iter().skip(1).map(String::as_str)).collect();
    let verified = super::common::program::Running::start(command(trial.home.path(), &words)).wait();
    assert!(verified.code > 1 && verified.events_of("verify.end").is_empty(), "{} {}", verified.code, verified.out);
}

/// The second signal ends a run at once that waits for a server which does not greet any more.
#[test]
fn a_second_signal_ends_a_run_that_connects_again_in_vain() {
    let (_server, post) = Post::in_memory();
    let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
    post.mailbox().turn(Vice::Leaves(9), 1);
    let gate = post.mailbox().gate("LOGIN", 2);
    let mut running = trial.start(post.port(), &["--connections", "1"]);
    gate.wait();
    running.patience = std::time::Duration::from_secs(20);
    super::common::wait_until(|| {
        running.signal(Signal::TERM);
        std::thread::sleep(std::time::Duration::from_millis(50)); // a person's pace
        running.ended().is_some()
    });
    let run = running.wait();
    gate.wait();
    check(&trial, &run, &[143], "connecting again");
    complete(&trial, "connecting again");
}

/// The server numbers the messages of the folder anew while it is being filled: what is there is learnt anew by another run.
#[test]
fn a_folder_that_is_numbered_anew_meanwhile_gets_nothing_twice() {
    for_each_of(&[Kind::CopyMaildir, Kind::MoveMaildir], 2, |kind| {
        let (_server, post) = Post::in_memory();
        let mut mails = letters();
        for mail in &mut mails {
            (mail.marks, mail.keywords) = (Marks::default(), Vec::new());
        }
        let trial = Trial::with(&post, *kind, "Box", mails);
        // The second half is there before.
        for mail in &trial.mails[4..] {
            post.mailbox().deliver_dated("Box", &mail.bytes, mail.received);
        }
        let gate = post.mailbox().gate("APPEND", 3);
        let running = trial.start(post.port(), &["--connections", "1"]);
        gate.wait();
        post.mailbox().renumber();
        post.mailbox().turn(Vice::Leaves(2), 1);
        gate.wait();
        let run = running.wait();
        check(&trial, &run, &[0, 75], "numbered anew");
        complete(&trial, "numbered anew");
    });
}
