//! Several connections to a server that takes fewer of them in the middle of a job, or asks to be left alone (rows 23, 24).

use std::time::Duration;

use super::common::for_each_of;
use super::common::invariants::{check, complete, hold};
use super::common::mail::{Mail, Maker};
use super::common::mailbox::Vice;
use super::common::trial::{Kind, Post, Trial, letters};

/// How a server says that it takes no more connections: at the login, in place of its greeting, or without a word.
const REFUSALS: [(&str, Vice); 4] = [
    ("NO [LIMIT]", Vice::Answers("LOGIN", "NO [LIMIT] Maximum number of connections from user+IP exceeded")),
    ("NO [UNAVAILABLE]", Vice::Answers("LOGIN", "NO [UNAVAILABLE] not now")),
    ("BYE", Vice::Says("", || b"* BYE too many connections\r\n".to_vec())),
    ("no word", Vice::Says("", Vec::new)),
];

/// How connections are lost, and whether the message that was on its way is stored all the same.
const STORED: Vice = Vice::StoresLate(Duration::ZERO);
const NOT_STORED: Vice = Vice::Breaks(b"Subject");

/// Three folders of small mail, for three connections.
fn three_folders(post: &Post<'static>, kind: Kind) -> Trial<'static> {
    let folder = |seed| Maker::new(seed).folder(25, 2004, 60);
    Trial::with_folders(post, kind, "Box", &[("", letters()), ("One", folder(1)), ("Two", folder(2))])
}

/// Row 24: of three connections some are lost while messages are on their way, and the server takes no other.
#[test]
fn a_connection_that_is_lost_and_refused_is_done_without_while_others_work() {
    let cases: Vec<_> = REFUSALS
        .into_iter()
        .flat_map(|refusal| Kind::BOTH.map(|kind| (refusal, kind)))
        .zip([(1, STORED), (2, STORED), (1, NOT_STORED), (2, NOT_STORED)].into_iter().cycle())
        .collect();
    for_each_of(&cases, 8, |(((what, refusal), kind), (losses, loss))| {
        let (server, post) = Post::in_memory();
        let trial = three_folders(&post, *kind);
        post.mailbox().turn_later(*refusal, 3, usize::MAX / 2);
        post.mailbox().turn_later(*loss, 8, *losses);
        post.mailbox().turn(Vice::Dawdles(Duration::from_millis(15)), usize::MAX / 2);
        let run = trial.run(post.port(), &["--connections", "3"]);
        let what = format!("{losses} lost, then {what}");
        assert_eq!(server.connections(), 3 + losses, "{what}: each that was lost is tried for once");
        check(&trial, &run, &[0], &what);
        post.mailbox().reform();
        complete(&trial, &what);
    });
}

/// Row 24: where all are lost at a time, none is given up before the last has been tried for again and again.
#[test]
fn connections_that_are_all_lost_at_a_time_are_tried_for_until_one_is_made() {
    let cases: Vec<_> = REFUSALS.into_iter().zip(Kind::BOTH.into_iter().cycle()).collect();
    for_each_of(&cases, 4, |((what, refusal), kind)| {
        let (server, post) = Post::in_memory();
        let trial = three_folders(&post, *kind);
        post.mailbox().turn_later(*refusal, 3, 4);
        post.mailbox().turn_later(STORED, 8, 3);
        post.mailbox().turn(Vice::Dawdles(Duration::from_millis(15)), usize::MAX / 2);
        let run = trial.run(post.port(), &["--connections", "3"]);
        assert!(server.connections() > 3 + 4, "{what}: {} connections", server.connections());
        hold(&trial, &run, &[0], &format!("all lost, then {what}"));
    });
}

/// Row 23: what one connection is asked for is the account's.
#[test]
fn a_pause_that_one_connection_is_asked_for_binds_all() {
    const WORDS: &str = "NO Request is throttled. Suggested Backoff Time: 2300 milliseconds";
    let folder = |seed| -> Vec<Mail> { Maker::new(seed).folder(40, 2004, 60) };
    for_each_of(&Kind::BOTH, 2, |kind| {
        let (server, post) = Post::in_memory();
        let trial = Trial::with_folders(&post, *kind, "Box", &[("", folder(1)), ("One", folder(2))]);
        post.mailbox().turn_later(Vice::Refuses(WORDS, b"Subject"), 6, 1);
        post.mailbox().turn(Vice::Dawdles(Duration::from_millis(100)), usize::MAX / 2);
        let run = trial.run(post.port(), &["--connections", "2"]);
        // At a tenth of a second each, the other folder would have gone on all the while.
        let moments = server.moments("APPEND");
        let longest = moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(longest > Duration::from_millis(1400), "messages went on: {longest:?}");
        assert_eq!(run.events_of("throttle")[0]["seconds"], 3);
        hold(&trial, &run, &[0], "a pause that is asked for on one of two connections");
    });
}

/// Row 23: the same where it is asked for at the login of a connection that the job can do without: its second at first, or
/// one that it lost.
#[test]
fn a_pause_that_is_asked_for_at_a_login_binds_the_connections_that_work() {
    const WORDS: &str = "BAD Request is throttled. Suggested Backoff Time: 2300 milliseconds";
    let folder = |seed| -> Vec<Mail> { Maker::new(seed).folder(40, 2004, 60) };
    let cases: Vec<_> = [2, 3].into_iter().flat_map(|login| Kind::BOTH.map(|kind| (login, kind))).collect();
    for_each_of(&cases, 4, |(login, kind)| {
        let (server, post) = Post::in_memory();
        let trial = Trial::with_folders(&post, *kind, "Box", &[("", folder(1)), ("One", folder(2))]);
        post.mailbox().turn_later(Vice::Answers("LOGIN", WORDS), login - 1, 1);
        if *login == 3 {
            post.mailbox().turn_later(NOT_STORED, 6, 1);
        }
        post.mailbox().turn(Vice::Dawdles(Duration::from_millis(100)), usize::MAX / 2);
        let run = trial.run(post.port(), &["--connections", "2"]);
        let refused = server.moments("LOGIN")[login - 1];
        let (from, to) = (refused + Duration::from_millis(900), refused + Duration::from_millis(2200));
        let meanwhile = server.moments("APPEND").into_iter().filter(|moment| (from..to).contains(moment)).count();
        assert_eq!(meanwhile, 0, "messages went on after login {login} was refused");
        hold(&trial, &run, &[0], "a pause that is asked for at a login");
    });
}
