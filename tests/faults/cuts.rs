//! Lines cut at a point of a message's way, before real servers (rows 1 to 11).

use super::common::client::Client;
use super::common::for_each_of;
use super::common::invariants::{check, complete, hold};
use super::common::is_long;
use super::common::proxy::{At, Do, Proxy};
use super::common::servers::{Courier, Cyrus, Dovecot, Server};
use super::common::trial::{Kind, Post, Trial, letters};

/// Cases at a time: most of one is waiting for what may still turn up.
const TOGETHER: usize = 40;

/// A point in a message of so many bytes.
type Point = fn(u64) -> At;

/// Every point, with the row that it is.
const POINTS: [Point; 10] = [
    |_| At::BeforeLine,               // 1
    |_| At::AfterLine,                // 2
    |_| At::Literal(1),               // 3
    |_| At::Literal(20),              // 3
    |length| At::Literal(length / 2), // 3
    |length| At::Literal(length - 1), // 3
    |_| At::AfterLiteral,             // 4
    |_| At::AfterEnd,                 // 5
    |_| At::BeforeOk,                 // 6
    |_| At::AfterOk,                  // 7
];

/// What the proxy changes in the server's words, so that it offers less.
type Changes = &'static [(&'static str, &'static str)];
const NO_UIDPLUS: Changes = &[("UIDPLUS", "XIDPLUS"), ("APPENDUID", "XPPENDUID")]; // 8
const NO_UIDS: Changes = &[("UIDPLUS", "XIDPLUS"), ("APPENDUID", "XPPENDUID"), ("[UIDNEXT", "[XIDNEXT")]; // 9
const ONE_COMMAND_EACH: Changes = &[("MULTIAPPEND", "X-NONE")];
const ALL_WAITING: Changes = &[("LITERAL+", "X-NONE"), ("MULTIAPPEND", "X-NONE")];

struct Case {
    number: usize,
    at: At,
    how: Do,
    kind: Kind,
    changes: Changes,
    /// The message that it happens to.
    nth: u64,
}

/// The cases of one server: all of them in the long tests, else every point once, and kinds and ways in turn.
fn cases(changes: &[Changes], seldom: usize) -> Vec<Case> {
    let lengths: Vec<u64> = letters().iter().map(|mail| mail.bytes.len() as u64).collect();
    let mut cases = Vec::new();
    for (turn, changes) in changes.iter().copied().enumerate() {
        for (place, point) in POINTS.into_iter().enumerate() {
            for (variant, (kind, how)) in
                Kind::ALL.into_iter().flat_map(|kind| [(kind, Do::Reset), (kind, Do::Finish)]).enumerate()
            {
                if is_long() || (turn + place + variant).is_multiple_of(seldom) {
                    // Twins are the second and the third, and the seventh is long.
                    let nth = [3, 7, 1][(turn + place) % 3];
                    let at = point(lengths[nth - 1]);
                    cases.push(Case { number: cases.len(), at, how, kind, changes, nth: nth as u64 });
                }
            }
        }
    }
    cases
}

fn cut(post: &Post<'_>, case: &Case) {
    let Case { number, at, how, kind, changes, nth } = case;
    let what = format!("{at:?} {how:?} at message {nth} with {changes:?}");
    let mut proxy = Proxy::new(post.port()).fault(*nth, *at, how.clone());
    for (from, to) in *changes {
        proxy = proxy.replace(from, to);
    }
    let proxy = proxy.start();
    let trial = Trial::new(post, *kind, &format!("Box{number}"));
    let run = trial.run(proxy.port, &[]);
    assert_eq!(proxy.fired(), 1, "{what}");
    hold(&trial, &run, &[0], &what);
}

#[test]
fn a_line_cut_at_any_point_leaves_each_message_exactly_once() {
    let Some(server) = Dovecot::new().start() else { return };
    let changes: [Changes; 5] = [&[], NO_UIDPLUS, NO_UIDS, ONE_COMMAND_EACH, ALL_WAITING];
    for_each_of(&cases(&changes, 6), TOGETHER, |case| cut(&Post::on(&server, &format!("user{}", case.number)), case));
}

#[test]
fn a_line_cut_at_any_point_leaves_each_message_exactly_once_on_cyrus() {
    let Some(server) = Cyrus::new().start() else { return };
    let changes: [Changes; 3] = [&[], NO_UIDPLUS, NO_UIDS];
    for_each_of(&cases(if is_long() { &changes } else { &changes[..1] }, 6), TOGETHER, |case| {
        cut(&Post::on(&server, "test"), case);
    });
}

#[test]
fn a_line_cut_at_any_point_leaves_each_message_exactly_once_on_courier() {
    let Some(server) = Courier::new().start() else { return };
    let changes: [Changes; 3] = [&[], NO_UIDPLUS, NO_UIDS];
    for_each_of(&cases(if is_long() { &changes } else { &changes[..1] }, 6), TOGETHER, |case| {
        cut(&Post::on_courier(&server), case);
    });
}

/// A run that is told that its answers were lost, while another client delivers to the same folder (row 11).
#[test]
fn mail_that_others_deliver_meanwhile_is_not_taken_for_ours() {
    let Some(server) = Dovecot::new().start() else { return };
    for_each_of(&Kind::BOTH, 2, |kind| {
        let user = format!("{kind:?}");
        let post = Post::on(&server, &user);
        let mut trial = Trial::new(&post, *kind, "Box");
        // Where more is on its way, the next answer tells that one is missing, and nothing is waited for.
        let proxy = Proxy::new(server.imap_port).replace("MULTIAPPEND", "X-NONE").replace("LITERAL+", "X-NONE");
        let proxy = proxy.fault(3, At::BeforeOk, Do::Swallow).start();
        let running = trial.start(proxy.port, &["--timeout", "2"]);
        super::common::wait_until(|| proxy.fired() > 0);
        let mut client = Client::login(server.imap_port, &user);
        for _ in 0..3 {
            let answer =
                client.append("Box", "(\\Flagged) \"09-Sep-2001 01:46:40 +0000\" ", super::common::trial::FOREIGN);
            assert!(answer.unwrap().starts_with("a OK"));
            trial.others.push(trial.others[0].clone());
        }
        running.signal(rustix::process::Signal::KILL); // the answer is waited for longer than a test may take
        check(&trial, &running.wait(), &[137], "while others deliver");
        complete(&trial, "while others deliver");
    });
}

/// Connections that are refused after a loss are tried again (row 31).
#[test]
fn connections_that_are_refused_after_a_loss_are_tried_again() {
    let Some(server) = Dovecot::new().start() else { return };
    let post = Post::on(&server, "anna");
    let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
    let proxy = Proxy::new(server.imap_port).fault(3, At::BeforeLine, Do::Reset).refuse(1..4).start();
    let run = trial.run(proxy.port, &["--connections", "1"]);
    assert_eq!((proxy.fired(), proxy.connections()), (1, 5));
    assert!(run.events_of("throttle").len() >= 3);
    hold(&trial, &run, &[0], "three refused");
}

/// A message that a kill caught is looked for by the next run; a long store is killed several times.
#[test]
fn a_killed_run_is_completed_by_the_next_one_exactly_once() {
    let Some(server) = Dovecot::new().start() else { return };
    for_each_of(&Kind::ALL, 3, |kind| killed(&server, *kind));
}

fn killed(server: &Server, kind: Kind) {
    let post = Post::on(server, &format!("{kind:?}"));
    let mails = super::common::mail::Maker::new(77).folder(200, 2004, 300);
    let trial = Trial::with(&post, kind, "Box", mails);
    let proxy = Proxy::new(server.imap_port).round_trip(std::time::Duration::from_millis(3)).start();
    for kill_at in [20, 120] {
        let mut running = trial.start(proxy.port, &[]);
        super::common::wait_until(|| proxy.messages() >= kill_at || running.ended().is_some());
        running.signal(rustix::process::Signal::KILL);
        check(&trial, &running.wait(), &[137, 0], &format!("killed at {kill_at}"));
    }
    complete(&trial, "killed twice");
}
