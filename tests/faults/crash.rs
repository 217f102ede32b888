//! A crash before and after every change of the journal (row 56, mbsync's `-Tj`). The hook is in debug builds only, which tests
//! are.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::common::for_each_of;
use super::common::invariants::hold;
use super::common::mail::Maker;
use super::common::program::Running;
use super::common::servers::{Dovecot, Server};
use super::common::trial::{Kind, Post, Trial};

/// More places than any run here has.
const MOST: u64 = 60;
/// How many cases run at a time: most of their time is waiting for what may still turn up.
const TOGETHER: usize = 30;

#[test]
fn a_crash_at_any_change_of_the_journal_costs_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    for_each_of(&Kind::ALL, 3, |kind| {
        let crashed = AtomicU64::new(0);
        // Until one goes through: it has fewer places.
        let is_open = AtomicBool::new(true);
        for_each_of(&(1..=MOST).collect::<Vec<_>>(), TOGETHER / 3, |at| {
            if is_open.load(Ordering::SeqCst) {
                let has_crashed = crash(&server, *kind, *at);
                crashed.fetch_add(u64::from(has_crashed), Ordering::SeqCst);
                is_open.fetch_and(has_crashed, Ordering::SeqCst);
            }
        });
        let crashed = crashed.into_inner();
        assert!(crashed >= 8 && !is_open.into_inner(), "{kind:?}: {crashed} crashes");
    });
}

/// Crashes at one place and runs again; gives whether it did crash.
fn crash(server: &Server, kind: Kind, at: u64) -> bool {
    let post = Post::on(server, &format!("{kind:?}{at}"));
    let trial = Trial::with(&post, kind, "Box", Maker::new(at).folder(10, 2004, 90));
    let mut command = trial.command(server.imap_port, &[]);
    command.env("MAILFERRY_CRASH_AT", at.to_string());
    let run = Running::start(command).wait();
    hold(&trial, &run, &[0, 134], &format!("a crash at {at}"));
    run.code != 0
}
