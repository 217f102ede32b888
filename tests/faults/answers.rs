//! Servers that refuse, limit and ask for patience (rows 14 to 24).

use std::fs;
use std::time::{Duration, Instant};

use super::common::invariants::{check, complete, hold};
use super::common::mail::{Maker, Marks, write_maildir_tree};
use super::common::mailbox::{Manners, PLAIN, Vice};
use super::common::program::{password_file, run};
use super::common::proxy::{At, Do, Proxy};
use super::common::servers::{Courier, Cyrus, Dovecot, Server};
use super::common::trial::{Kind, Post, Trial, letters};
use super::common::{for_each_of, is_long};
use tempfile::TempDir;

/// A server's answer to one message, or to every message from it on.
struct Answer {
    words: &'static str,
    /// Which commands get it: the n-th, or every n-th.
    nth: u64,
    is_every: bool,
    codes: &'static [i32],
    /// What the advice says, where there is one.
    hint: &'static str,
}

const fn once(words: &'static str, codes: &'static [i32], hint: &'static str) -> Answer {
    Answer { words, nth: 4, is_every: false, codes, hint }
}

const fn every(nth: u64, words: &'static str, codes: &'static [i32]) -> Answer {
    Answer { words, nth, is_every: true, codes, hint: "" }
}

/// Each before the go-ahead and after the literal.
const ANSWERS: [Answer; 14] = [
    once("NO [OVERQUOTA] full", &[1], "quota"),                          // 14, 15
    once("NO Quota exceeded (mailbox for user is full)", &[1], "quota"), // 14, 15
    once("NO [TRYCREATE] Mailbox doesn't exist: Box", &[0], ""),         // 16
    once("NO [TOOBIG] no way", &[1], "size"),                            // 17
    once("NO [LIMIT] not now", &[1], ""),                                // 17
    once("NO nope", &[1], ""),
    once("BAD Command Argument Error. 11", &[1], ""),        // 20
    once("NO Message contains NUL characters", &[1], "NUL"), // 21
    once("NO [NOPERM] not you", &[1, 77], "may not write"),  // 19
    every(3, "NO [INUSE] busy", &[0]),                       // 18
    every(3, "NO [SERVERBUG] oh", &[0]),                     // 18
    every(1, "NO [SERVERBUG] oh", &[75]),                    // 18
    once("NO Too many user flags in mailbox", &[1], "keyw"), // Cyrus
    every(1, "NO [UNAVAILABLE] come back later", &[75]),     // 18
];

#[test]
fn an_answer_is_taken_for_what_it_says_and_a_plain_run_completes_it() {
    let Some(server) = Dovecot::new().start() else { return };
    let cases: Vec<(usize, &Answer, At, Kind)> = ANSWERS
        .iter()
        .flat_map(|answer| [(answer, At::BeforeLine), (answer, At::AfterLiteral)])
        .enumerate()
        .map(|(number, (answer, at))| (number, answer, at, Kind::ALL[number % 3]))
        .collect();
    for_each_of(&cases, 28, |(number, answer, at, kind)| {
        let what = format!("{} {at:?}", answer.words);
        let post = Post::on(&server, &format!("user{number}"));
        let trial = Trial::new(&post, *kind, "Box");
        // A command for each message, so that each can have its own answer.
        let proxy = Proxy::new(server.imap_port).replace("LITERAL+", "X-NONE").replace("MULTIAPPEND", "X-NONE");
        let answered = Do::Answer(answer.words.into());
        let proxy = if answer.is_every {
            proxy.every(answer.nth, *at, answered).start()
        } else {
            proxy.fault(answer.nth, *at, answered).start()
        };
        let run = trial.run(proxy.port, &[]);
        assert!(proxy.fired() > 0, "{what}");
        if let Some(failed) = run.events_of("message.failed").first() {
            assert!(failed["hint"].as_str().unwrap().contains(answer.hint), "{what}: {failed}");
            assert_eq!(failed["server_text"], answer.words, "{what}");
        }
        hold(&trial, &run, answer.codes, &what);
    });
}

#[test]
fn messages_that_are_refused_together_go_one_by_one() {
    let Some(server) = Dovecot::new().start() else { return };
    let cases = ["NO nope", "NO [TOOBIG] one of them", "BAD Command Argument Error. 11", "NO [TRYCREATE] no such"];
    let cases: Vec<_> = cases.iter().enumerate().collect();
    for_each_of(&cases, 4, |(number, words)| {
        let post = Post::on(&server, &format!("user{number}"));
        let mut mails = letters();
        for mail in &mut mails {
            (mail.marks, mail.keywords) = (Marks::default(), Vec::new()); // so that they go together
        }
        let trial = Trial::with(&post, Kind::ALL[number % 3], "Box", mails);
        let answer = Do::Answer((**words).to_owned());
        let proxy = Proxy::new(server.imap_port).fault(1, At::AfterLiteral, answer).start();
        let run = trial.run(proxy.port, &[]);
        assert_eq!((run.totals(), proxy.fired()), ((8, 0, 0), 1), "{words}");
        hold(&trial, &run, &[0], words);
    });
}

#[test]
fn real_limits_are_named_in_the_servers_words_and_all_else_gets_across() {
    let Some(server) = Dovecot::new().max_mail_size("200K").start() else { return };
    let Some(cyrus) = Cyrus::new().max_mail_size(200_000).start() else { return };
    let posts = [Post::on(&server, "anna"), Post::on(&cyrus, "test")];
    for_each_of(&posts, 2, |post| {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            let mut trial = Trial::new(post, kind, &format!("Box{number}"));
            trial.never = vec![6]; // the long one
            let run = trial.run(post.port(), &[]);
            assert_eq!(run.totals(), (7, 0, 1));
            assert_eq!(run.events_of("message.failed")[0]["subject"], "big");
            hold(&trial, &run, &[1], "a limit of 200 KB");
        }
    });
}

#[test]
fn a_real_quota_is_named_in_the_servers_words() {
    let Some(server) = Dovecot::new().quota("100K").start() else { return };
    let Some(cyrus) = Cyrus::new().quota_kib(100).start() else { return };
    for post in [Post::on(&server, "anna"), Post::on(&cyrus, "test")] {
        let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
        let run = trial.run(post.port(), &[]);
        let failed = run.events_of("message.failed");
        let words = failed[0]["server_text"].as_str().unwrap().to_lowercase();
        assert!(words.contains("quota"), "{failed:?}");
        check(&trial, &run, &[1], "a full mailbox");
    }
}

#[test]
fn a_second_connection_that_is_refused_is_done_without() {
    let Some(server) = Dovecot::new().max_connections(1).start() else { return };
    let home = TempDir::new().unwrap();
    let password = password_file(home.path());
    let store = home.path().join("Maildir");
    let folder = |seed| Maker::new(seed).folder(5, 2004, 60);
    write_maildir_tree(&store, &[("", folder(1)), ("Sub", folder(2))]).unwrap();
    let target = Server::plaintext_url("anna", server.imap_port) + "Box";
    let arguments = ["copy", store.to_str().unwrap(), &target, "--json", "--connections", "4", "--password-file"];
    let run = run(home.path(), &[arguments.as_slice(), &[password.to_str().unwrap()]].concat());
    assert_eq!(run.expect(0).totals(), (10, 0, 0));
}

/// What a server says that wants less: goodbye after 20 commands (22), a pause of two seconds (23), no second connection (24).
fn wants_less(post: &Post<'_>) {
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        let slow = || Proxy::new(post.port()).replace("LITERAL+", "X-NONE").replace("MULTIAPPEND", "X-NONE");
        let trial = Trial::new(post, kind, &format!("Bye{number}"));
        let proxy = slow().leave_after(20).start();
        let run = trial.run(proxy.port, &["--connections", "1"]);
        assert!(proxy.fired() > 0, "no goodbye");
        hold(&trial, &run, &[0], "goodbye after 20 commands");

        let trial = Trial::new(post, kind, &format!("Slow{number}"));
        let words = "NO Request is throttled. Suggested Backoff Time: 2300 milliseconds";
        let proxy = slow().fault(4, At::AfterLiteral, Do::Answer(words.into())).start();
        let begun = Instant::now();
        let run = trial.run(proxy.port, &["--connections", "1"]);
        assert!(begun.elapsed() > Duration::from_millis(2300), "the pause was not kept");
        let pauses = run.events_of("throttle");
        assert!(pauses.iter().any(|pause| pause["seconds"].as_u64() >= Some(2)), "{pauses:?}");
        hold(&trial, &run, &[0], "a pause that is asked for");

        let trial = Trial::new(post, kind, &format!("One{number}"));
        let home = TempDir::new().unwrap();
        let folder = |seed| Maker::new(seed).folder(5, 2004, 60);
        write_maildir_tree(&home.path().join("Maildir"), &[("", folder(1)), ("Sub", folder(2))]).unwrap();
        let (store, password) = (home.path().join("Maildir"), password_file(home.path()));
        let proxy = Proxy::new(post.port()).refuse(1..9).start();
        let target = Server::plaintext_url(post.user(), proxy.port) + &trial.folder + "/Two";
        let arguments = ["copy", store.to_str().unwrap(), &target, "--json", "--connections", "4", "--password-file"];
        let one =
            super::common::program::run(home.path(), &[arguments.as_slice(), &[password.to_str().unwrap()]].concat());
        assert_eq!(one.expect(0).totals(), (10, 0, 0), "one connection only");
        assert!(proxy.connections() > 1, "no second connection was tried");
    }
}

#[test]
fn a_server_that_wants_less_is_obeyed() {
    let Some(server) = Dovecot::new().start() else { return };
    wants_less(&Post::on(&server, "anna"));
}

/// Row 23: what is asked for counts, however many other messages were on their way when it was said; and also where no more
/// than that comes.
#[test]
fn a_pause_that_is_asked_for_among_many_messages_is_kept() {
    const WORDS: &str = "BAD Request is throttled. Suggested Backoff Time: 2300 milliseconds";
    let cases: Vec<_> = [1, 99].iter().flat_map(|times| Kind::BOTH.map(|kind| (*times, kind))).collect();
    for_each_of(&cases, 4, |(times, kind)| {
        let (_server, post) = Post::in_memory();
        let mut mails = letters();
        for mail in &mut mails {
            (mail.marks, mail.keywords) = (Marks::default(), Vec::new()); // so that they go together
        }
        let trial = Trial::with(&post, *kind, "Box", mails);
        post.mailbox().turn_later(Vice::Answers("APPEND", WORDS), 1, *times);
        let run = trial.run(post.port(), &["--connections", "1"]);
        let mut pauses = run.events_of("throttle");
        pauses.retain(|pause| pause["reason"].as_str().unwrap().contains("throttled"));
        // One that something came of, and the five that are tried after it.
        assert_eq!(pauses.len(), (*times).min(6), "{pauses:?}");
        assert!(pauses.iter().all(|pause| pause["seconds"].as_u64() >= Some(3)), "{pauses:?}");
        let what = format!("a pause among many messages, {times} times");
        check(&trial, &run, &[if *times == 1 { 0 } else { 75 }], &what);
        post.mailbox().reform();
        complete(&trial, &what);
    });
}

/// Row 18: a message that the server stumbles over each time does not keep the others from getting across.
#[test]
fn a_message_that_a_server_stumbles_over_is_told_and_all_else_gets_across() {
    for_each_of(&Kind::BOTH, 2, |kind| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, *kind, "Box");
        post.mailbox().turn(Vice::Refuses("NO [SERVERBUG] Internal error occurred", b"Subject: big"), 99);
        let run = trial.run(post.port(), &["--connections", "1"]);
        assert_eq!(run.totals(), (7, 0, 1));
        let failed = run.events_of("message.failed").remove(0);
        assert_eq!(failed["server_text"], "NO [SERVERBUG] Internal error occurred");
        check(&trial, &run, &[1], "a message that a server stumbles over");
        post.mailbox().reform();
        complete(&trial, "a message that a server stumbles over");
    });
}

/// Row 22: a server that leaves when too many commands wait is asked for less, until it stays.
#[test]
fn a_server_that_leaves_when_too_much_is_asked_is_asked_for_less() {
    for_each_of(&[Kind::CopyMaildir, Kind::MoveMbox], 2, |kind| {
        let (server, post) = Post::in_memory_like(Manners { most_waiting: 8, ..PLAIN });
        let trial = Trial::with(&post, *kind, "Box", Maker::new(7).folder(400, 2004, 60));
        let run = trial.run(post.port(), &["--connections", "1"]);
        let losses = server.count("LOGIN") - 1;
        assert!((1..=4).contains(&losses), "{losses} losses");
        hold(&trial, &run, &[0], "no more than 8 commands may wait");
    });
}

/// Row 22: however often a server leaves, each connection gets something across, with many messages in a command and with one.
/// What was on its way each time may still turn up, and is waited for, so this takes its time.
#[test]
fn a_server_that_leaves_again_and_again_is_done_with_in_bounded_time() {
    let Some(server) = Dovecot::new().start() else { return };
    let (many, few) = if is_long() { (12_000, 60) } else { (5000, 12) };
    let cases = [(Kind::CopyMaildir, many), (Kind::MoveMaildir, few), (Kind::MoveMbox, few)];
    for_each_of(&cases, 3, |(kind, count)| {
        let post = Post::on(&server, &format!("{kind:?}"));
        let trial = Trial::with(&post, *kind, "Box", Maker::new(7).folder(*count, 2004, 60));
        let proxy = Proxy::new(server.imap_port).leave_after(20);
        let proxy = if *count == many { proxy } else { proxy.replace("MULTIAPPEND", "X-NONE") }.start();
        let mut running = trial.start(proxy.port, &["--connections", "1"]);
        running.patience *= if is_long() { 10 } else { 1 };
        let run = running.wait();
        // Two messages a connection, or a hundred.
        let most = 2 + if *count == many { count / 100 } else { count / 2 };
        assert!((2..=most).contains(&proxy.connections()), "{kind:?}: {} connections", proxy.connections());
        hold(&trial, &run, &[0], "goodbye again and again");
    });
}

#[test]
fn a_server_that_wants_less_is_obeyed_on_cyrus() {
    let Some(server) = Cyrus::new().start() else { return };
    wants_less(&Post::on(&server, "test"));
}

#[test]
fn a_server_that_wants_less_is_obeyed_on_courier() {
    let Some(server) = Courier::new().start() else { return };
    wants_less(&Post::on_courier(&server));
}

/// A refusal that is a message's own (rows 20, 21), a folder's (16, 19), or of all who say too much (22).
#[test]
fn a_vice_of_one_command_costs_no_more_than_it_must() {
    let cases: [(&str, Vice, usize, &[i32]); 6] = [
        ("8-bit headers are refused", Vice::Refuses("BAD invalid character in header", b"Subject: half"), 9, &[1]),
        ("a message is refused with NO", Vice::Refuses("NO Message contains invalid header", b"neither id"), 9, &[1]),
        ("a folder may not be made", Vice::Answers("CREATE", "NO [NOPERM] not you"), 9, &[1, 77]),
        ("a folder is read-only", Vice::Answers("APPEND", "NO [READ-ONLY] this folder is"), 99, &[1, 77]),
        ("a folder may not be opened", Vice::Answers("SELECT", "NO [NOPERM] not you"), 99, &[1, 77]),
        ("BYE after 20 commands", Vice::Leaves(20), 99, &[0]),
    ];
    for_each_of(&cases, 6, |(what, vice, times, codes)| {
        for kind in Kind::BOTH {
            let (_server, post) = Post::in_memory();
            let mut trial = Trial::new(&post, kind, "Box");
            post.mailbox().turn(*vice, *times);
            if what.contains("made") {
                post.mailbox().folders.remove("Box");
                trial.others.clear();
            }
            let run = trial.run(post.port(), &["--connections", "1"]);
            check(&trial, &run, codes, what);
            post.mailbox().reform();
            complete(&trial, what);
        }
    });
}

/// A login that is refused in the middle of a job is not tried again (row 46): an account would be locked.
#[test]
fn a_login_that_is_refused_in_the_middle_of_a_job_is_not_tried_again() {
    let (server, post) = Post::in_memory();
    let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
    post.mailbox().turn(Vice::Leaves(12), 1);
    post.mailbox().turn_later(Vice::Answers("LOGIN", "NO [AUTHENTICATIONFAILED] the password has expired"), 1, 9);
    let before = server.count("LOGIN");
    let run = trial.run(post.port(), &["--connections", "1"]);
    assert_eq!(server.count("LOGIN"), before + 2, "{}", run.err);
    check(&trial, &run, &[77], "a login that is refused later");
    post.mailbox().reform();
    complete(&trial, "a login that is refused later");
}

/// A login that only the number of others forbids is tried again; one that is refused for what it is, never.
#[test]
fn a_login_is_tried_again_where_the_server_asks_for_it_and_else_never() {
    let cases = [
        ("NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", 2, 0),
        ("NO [LIMIT] come back another day", 2, 0),
        ("NO [ALERT] Too many simultaneous connections. (Failure)", 2, 0),
        ("NO [THROTTLED] slower", 2, 0),
        ("BAD Request is throttled. Suggested Backoff Time: 2300 milliseconds", 2, 0),
        ("NO [UNAVAILABLE] Temporary authentication failure", 2, 0),
        ("NO [INUSE] mailbox in use", 99, 75),
        ("NO [AUTHENTICATIONFAILED] Too many connections, or a wrong password", 99, 77),
        ("NO Too many failed logins, try again in 1 second", 99, 77),
        ("NO", 99, 77),
    ];
    for_each_of(&cases, 10, |(words, times, code)| {
        let (server, post) = Post::in_memory();
        let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
        post.mailbox().turn(Vice::Leaves(12), 1);
        post.mailbox().turn_later(Vice::Answers("LOGIN", words), 1, *times);
        let before = server.count("LOGIN");
        let run = trial.run(post.port(), &["--connections", "1"]);
        // The first, those that are refused, and the last; or as many as there are pauses.
        let logins = match code {
            0 => 2 + times,
            75 => 2 + 4,
            _ => 2,
        };
        assert_eq!(server.count("LOGIN"), before + logins, "{words}: {}", run.err);
        check(&trial, &run, &[*code], words);
        // It is the same with the first login of all.
        post.mailbox().reform();
        post.mailbox().turn(Vice::Answers("LOGIN", words), 1);
        let before = server.count("LOGIN");
        check(&trial, &trial.run(post.port(), &["--connections", "1"]), &[if *code == 77 { 77 } else { 0 }], words);
        assert_eq!(server.count("LOGIN"), before + if *code == 77 { 1 } else { 2 }, "{words}");
        post.mailbox().reform();
        complete(&trial, words);
    });
}

/// The first connection of each command is tried for as often as one in a job, and then the end says that later may do.
#[test]
fn a_command_whose_login_is_one_too_many_waits_and_tries_again() {
    let limit = Vice::Answers("LOGIN", "NO [LIMIT] come back another day");
    let away = Vice::Says("", || b"* BYE [UNAVAILABLE] back in a minute\r\n".to_vec());
    let cases = [
        ("ls", limit, 2),
        ("check", limit, 1),
        ("plan", away, 1),
        ("verify", away, 2),
        ("undo", limit, 2),
        ("undo", away, 1),
        ("ls", limit, 99),
        ("check", away, 99),
    ];
    for_each_of(&cases, 8, |(command, vice, times)| {
        let (server, post) = Post::in_memory();
        let trial = Trial::new(&post, Kind::CopyMaildir, "Box");
        if *command == "undo" {
            // The second job has sent nothing, so that nothing is to be removed.
            for _ in 0..2 {
                trial.run(post.port(), &["--connections", "1"]).expect(0);
            }
        }
        let before = server.connections();
        post.mailbox().turn(*vice, *times);
        let target = Server::plaintext_url("anna", post.port());
        let store = trial.store.to_str().unwrap();
        let places = match *command {
            "ls" | "check" => vec![target.as_str()],
            "undo" => vec!["2", "--yes"],
            _ => vec![store, &target],
        };
        let password = ["--password-file", trial.password.to_str().unwrap()];
        let ended = run(trial.home.path(), &[&[*command][..], &places, &password].concat());
        let tries = (*times).min(5) + 1;
        assert_eq!(server.connections(), before + tries, "{command}: {}", ended.err);
        let code = if *times > 5 { 75 } else { i32::from(*command == "verify") };
        assert_eq!(ended.code, code, "{command}: {}", ended.err);
        assert_eq!(ended.err.matches("trying again in").count(), tries - 1, "{command}: {}", ended.err);
    });
}

#[test]
fn messages_that_can_not_be_carried_stay_and_are_listed() {
    let Some(server) = Dovecot::new().start() else { return };
    let post = Post::on(&server, "anna");
    let mut mails = letters();
    mails[5].bytes = b"Subject: nul\r\n\r\na\0b\r\n".to_vec(); // 21
    let mut trial = Trial::with(&post, Kind::MoveMaildir, "Box", mails);
    trial.never = vec![5];
    let run = trial.run(server.imap_port, &[]);
    assert!(run.events_of("message.failed")[0]["reason"].as_str().unwrap().contains("NUL"));
    hold(&trial, &run, &[1], "a NUL");
    assert_eq!(
        fs::read_dir(trial.store.join("cur")).unwrap().count() + fs::read_dir(trial.store.join("new")).unwrap().count(),
        1
    );
}
