//! A crash before and after every change of the journal (row 56, mbsync's `-Tj`). The hook is in debug builds only, which tests
//! are.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::common::invariants::{check, complete};
use super::common::mail::Maker;
use super::common::program::Running;
use super::common::proxy::{At, Do, Proxy};
use super::common::servers::{Dovecot, Server};
use super::common::trial::{Kind, Post, Trial};
use super::common::{for_each_of, is_long};

/// More places than any run here has.
const MOST: u64 = 120;
/// How many cases run at a time: most of their time is waiting for what may still turn up.
const TOGETHER: usize = 30;

/// What the proxy changes in the server's words.
type Changes = &'static [(&'static str, &'static str)];
/// Each message waits for its go-ahead, and nobody says where it went.
const BARE: Changes =
    &[("MULTIAPPEND", "X-NONE"), ("LITERAL+", "X-NONE"), ("UIDPLUS", "XIDPLUS"), ("APPENDUID", "XPPENDUID")];

#[test]
fn a_crash_at_any_change_of_the_journal_costs_nothing() {
    crash_everywhere(&Kind::ALL, 1, &[]);
}

#[test]
fn a_crash_at_any_change_of_the_journal_costs_nothing_where_the_server_can_do_little() {
    crash_everywhere(&Kind::ALL, if is_long() { 1 } else { 3 }, BARE);
}

/// Two messages of an mbox that are the same, byte for byte. The server refuses the second, and the program crashes around the
/// removal of the first, which leaves the second in its place.
#[test]
fn a_message_of_an_mbox_is_not_taken_for_the_one_that_was_taken_out_before_it() {
    let Some(server) = Dovecot::new().start() else { return };
    let mail = Maker::new(1).folder(1, 2004, 90).remove(0);
    let crashed = AtomicU64::new(0);
    for_each_of(&(1..16).collect::<Vec<_>>(), TOGETHER / 3, |at| {
        let post = Post::on(&server, &format!("same{at}"));
        let trial = Trial::with(&post, Kind::MoveMbox, "Box", vec![mail.clone(), mail.clone()]);
        let proxy = Proxy::new(server.imap_port)
            .replace("MULTIAPPEND", "X-NONE")
            .replace("LITERAL+", "X-NONE")
            .fault(2, At::AfterLiteral, Do::Answer("NO [CANNOT] not this one".into()))
            .start();
        let what = format!("a crash at {at} around the removal of one of twins");
        let mut command = trial.command(proxy.port, &[]);
        command.env("MAILFERRY_CRASH_AT", at.to_string());
        let run = Running::start(command).wait();
        crashed.fetch_add(u64::from(run.code == 134), Ordering::SeqCst);
        check(&trial, &run, &[1, 134], &what);
        complete(&trial, &what);
    });
    assert!(crashed.into_inner() >= 8);
}

/// Crashes at every place, or every so many.
fn crash_everywhere(kinds: &[Kind], step: usize, changes: Changes) {
    let Some(server) = Dovecot::new().start() else { return };
    let places: Vec<u64> = (1..=MOST).step_by(step).collect();
    for_each_of(kinds, kinds.len(), |kind| {
        let crashed = AtomicU64::new(0);
        // Until one goes through: it has fewer places.
        let is_open = AtomicBool::new(true);
        for_each_of(&places, TOGETHER / 3, |at| {
            if is_open.load(Ordering::SeqCst) {
                let has_crashed = crash(&server, *kind, *at, changes);
                crashed.fetch_add(u64::from(has_crashed), Ordering::SeqCst);
                is_open.fetch_and(has_crashed, Ordering::SeqCst);
            }
        });
        let least = 8_usize.div_ceil(step) as u64;
        let crashed = crashed.into_inner();
        assert!(crashed >= least && !is_open.into_inner(), "{kind:?}: {crashed} crashes");
    });
}

/// Crashes at one place and runs again; gives whether it did crash.
fn crash(server: &Server, kind: Kind, at: u64, changes: Changes) -> bool {
    let post = Post::on(server, &format!("{kind:?}{at}"));
    let trial = Trial::with(&post, kind, "Box", Maker::new(at).folder(10, 2004, 90));
    let proxy = changes.iter().fold(Proxy::new(server.imap_port), |proxy, (from, to)| proxy.replace(from, to)).start();
    let what = format!("a crash at {at} with {changes:?}");
    let mut command = trial.command(proxy.port, &[]);
    command.env("MAILFERRY_CRASH_AT", at.to_string());
    let run = Running::start(command).wait();
    check(&trial, &run, &[0, 134], &what);
    let again = trial.run(proxy.port, &[]);
    check(&trial, &again, &[0], &format!("{what}, then again"));
    complete(&trial, &what);
    run.code != 0
}
