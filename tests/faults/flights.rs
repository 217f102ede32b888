//! Flights: many messages in one command, and several commands on their way, to servers that refuse one of the messages. One
//! that stores all messages of a command or none, and one that keeps those before the refused one (facts/servers.md 2).

use std::time::Duration;

use super::common::for_each_of;
use super::common::invariants::hold;
use super::common::mail::{Mail, Maker, Marks};
use super::common::mailbox::{Manners, PLAIN, Vice};
use super::common::proxy::{At, Do, Proxy};
use super::common::servers::Dovecot;
use super::common::trial::{Kind, Post, Trial};

/// Takes many messages in one command; the most that wait is only told so that they are counted.
const TOGETHER: Manners =
    Manners { capabilities: "IMAP4rev1 UIDPLUS UNSELECT NAMESPACE LITERAL+ MULTIAPPEND", most_waiting: 1000, ..PLAIN };
/// More messages than two flights hold.
const MESSAGES: usize = 1300;
/// What the server does not take.
const SIGN: &[u8] = b"refuse this one";
const REFUSES: Vice = Vice::Refuses("NO [CANNOT] it holds what nobody may have", SIGN);

/// Small messages, those at `refused` with what the server does not take.
fn small(messages: usize, refused: &[usize]) -> Vec<Mail> {
    let template = Maker::new(3).folder(1, 2004, 9).remove(0);
    let one = |place: usize| {
        let sign = if refused.contains(&place) { SIGN } else { b"nothing" };
        let sign = String::from_utf8_lossy(sign);
        let head = format!("From: a@x.example\r\nSubject: small {place}\r\nMessage-ID: <{place}@x.example>\r\n\r\n");
        Mail {
            bytes: format!("{head}{sign}\r\n").into_bytes(),
            received: template.received + i64::try_from(place).unwrap(),
            marks: Marks { seen: place.is_multiple_of(3), ..Marks::default() },
            keywords: Vec::new(),
            ..template.clone()
        }
    };
    (0..messages).map(one).collect()
}

#[test]
fn a_line_cut_between_the_states_of_messages_costs_and_doubles_none() {
    let Some(server) = Dovecot::new().start() else { return };
    let cuts = [1, 60, 700, MESSAGES as u64 - 1].into_iter();
    let cases: Vec<_> = cuts.flat_map(|nth| Kind::BOTH.map(|kind| (nth, kind))).enumerate().collect();
    for_each_of(&cases, 4, |(number, (nth, kind))| {
        let how = if number % 4 < 2 { Do::Reset } else { Do::Finish };
        let proxy = Proxy::new(server.imap_port).after_state(*nth, how).start();
        let post = Post::on(&server, &format!("user{number}"));
        let trial = Trial::with(&post, *kind, "Box", small(MESSAGES, &[]));
        let run = trial.run(proxy.port, &["--connections", "1"]);
        assert_eq!(proxy.fired(), 1, "after the state of {nth}");
        hold(&trial, &run, &[0], &format!("the line is cut after the state of {nth} messages"));
    });
}

/// Small messages, of which one of the last has the bytes of one of the first, and is flagged where that is not.
fn with_far_twins() -> Vec<Mail> {
    let mut mails = small(70, &[]);
    mails[67] = Mail { received: mails[67].received, ..mails[5].clone() };
    mails[67].marks.flagged = true;
    mails
}

#[test]
fn of_twins_in_two_flights_each_keeps_its_flags_when_one_is_refused_and_the_other_found() {
    let Some(server) = Dovecot::new().start() else { return };
    for_each_of(&Kind::BOTH, 2, |kind| {
        // The server hears nothing of the first flight, which the second is behind already: its six messages.
        let proxy = Proxy::new(server.imap_port)
            .fault(1, At::AfterLiteral, Do::Answer("NO [INUSE] try again".into()))
            .fault(6, At::BeforeOk, Do::Reset)
            .round_trip(Duration::from_millis(40))
            .start();
        let post = Post::on(&server, &format!("twins{kind:?}"));
        let trial = Trial::with(&post, *kind, "Box", with_far_twins());
        let run = trial.run(proxy.port, &["--connections", "1"]);
        let found = run.events_of("message.done").into_iter().filter(|done| done["how"] == "found").count();
        hold(&trial, &run, &[0], "the first flight is refused, the answer to the second lost");
        assert_eq!((proxy.fired(), found), (2, 6));
    });
}

#[test]
fn of_twins_the_one_that_was_refused_is_not_taken_for_the_other_by_the_next_run() {
    let Some(server) = Dovecot::new().start() else { return };
    for_each_of(&Kind::BOTH, 2, |kind| {
        let proxy = Proxy::new(server.imap_port)
            .replace("MULTIAPPEND", "X-NONE")
            .replace("LITERAL+", "X-NONE")
            .fault(6, At::AfterLiteral, Do::Answer("NO [CANNOT] not this one".into()))
            .start();
        let post = Post::on(&server, &format!("refused{kind:?}"));
        let trial = Trial::with(&post, *kind, "Box", with_far_twins());
        let run = trial.run(proxy.port, &["--connections", "1"]);
        assert_eq!((proxy.fired(), run.events_of("message.failed").len()), (1, 1), "{}", run.err);
        hold(&trial, &run, &[1], "the first of two twins is refused");
    });
}

/// One of the first flight and one of the second, which are all the same: the server keeps one of them, and names it for both.
#[test]
fn of_twins_in_two_flights_that_are_kept_once_the_second_is_told() {
    const KEPT_ONCE: &str = "keeps equal messages once";
    let (server, post) = Post::in_memory_like(TOGETHER);
    let mut mails = small(100, &[]);
    mails[64] = mails[63].clone();
    let mut trial = Trial::with(&post, Kind::CopyMaildir, "Box", mails);
    trial.never = vec![64];
    post.mailbox().turn(Vice::KeepsOnce, usize::MAX);
    let run = trial.run(post.port(), &["--connections", "1"]);
    let failed = run.events_of("message.failed");
    assert!(failed.len() == 1 && failed[0]["reason"].as_str().unwrap().contains(KEPT_ONCE), "{failed:?}");
    assert_eq!(server.count("APPEND"), 2);
    hold(&trial, &run, &[1], "equal messages of two flights are kept once");
}

/// Carries several flights, and the server refuses a message of one of them once the others are on their way as well.
fn refuse_one_of_many(manners: Manners) {
    let cases: Vec<_> =
        [1, 100, 511, 700].into_iter().flat_map(|refused| Kind::BOTH.map(|kind| (refused, kind))).collect();
    for_each_of(&cases, 4, |(refused, kind)| {
        let (server, post) = Post::in_memory_like(manners);
        let mut trial = Trial::with(&post, *kind, "Box", small(MESSAGES, &[*refused]));
        trial.never = vec![*refused];
        post.mailbox().turn(Vice::Dawdles(Duration::from_secs(1)), 1);
        post.mailbox().turn(REFUSES, usize::MAX);
        let run = trial.run(post.port(), &["--connections", "1"]);
        assert!(post.mailbox().most_waited > 0, "no two flights were on their way at a time");
        hold(&trial, &run, &[1], &format!("message {refused} is refused"));
        let failed = run.events_of("message.failed");
        assert!(failed.len() == 1 && failed[0]["reason"].to_string().contains("nobody may have"), "{failed:?}");
        assert!(server.count("APPEND") > 3, "the messages of a refused flight go again");
    });
}

#[test]
fn a_message_that_is_refused_in_a_flight_costs_no_other_where_all_or_none_are_stored() {
    refuse_one_of_many(TOGETHER);
}

#[test]
fn a_message_that_is_refused_in_a_flight_costs_and_doubles_no_other_where_those_before_it_stay() {
    refuse_one_of_many(Manners { is_atomic: false, ..TOGETHER });
}

/// Many messages in one command is nothing that a client must do: each goes alone where each waits for its go-ahead.
#[test]
fn a_message_that_is_refused_where_each_waits_costs_no_other() {
    let cases: Vec<_> =
        [false, true].into_iter().flat_map(|is_atomic| Kind::ALL.map(|kind| (is_atomic, kind))).collect();
    for_each_of(&cases, 6, |(is_atomic, kind)| {
        let capabilities = "IMAP4rev1 UIDPLUS UNSELECT NAMESPACE MULTIAPPEND";
        let (server, post) = Post::in_memory_like(Manners { is_atomic: *is_atomic, capabilities, ..PLAIN });
        let mut trial = Trial::with(&post, *kind, "Box", small(40, &[9, 30]));
        trial.never = vec![9, 30];
        post.mailbox().turn(REFUSES, usize::MAX);
        let run = trial.run(post.port(), &["--connections", "1"]);
        assert!(server.heard().iter().all(|line| !line.contains("+}")), "nobody said that it need not wait");
        hold(&trial, &run, &[1], "two are refused");
    });
}
