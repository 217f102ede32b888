//! A crash before and after every change of the journal (mbsync's `-Tj`): nothing is lost, nothing is doubled, nothing local is
//! gone that is not on the server. The hook is in debug builds only, which tests are.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use common::mail::{Maker, MboxStyle, write_maildir_tree, write_mbox};
use common::program::{command, password_file, run};
use common::servers::{Dovecot, Server};
use common::sha256;
use tempfile::TempDir;

/// More places than any run here has.
const MOST: u64 = 60;
/// How many cases run at a time: most of their time is waiting for what may still turn up.
const TOGETHER: usize = 8;

#[test]
fn a_crash_at_any_change_of_the_journal_costs_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    for (verb, is_mbox) in [("copy", false), ("move", false), ("move", true)] {
        let mut at = 1;
        let mut crashed = 0;
        while at <= MOST {
            let ends: Vec<bool> = thread::scope(|scope| {
                let server = &server;
                let cases: Vec<_> =
                    (at..at + TOGETHER as u64).map(|at| scope.spawn(move || case(server, verb, is_mbox, at))).collect();
                cases.into_iter().map(|case| case.join().unwrap()).collect()
            });
            crashed += ends.iter().filter(|crashed| **crashed).count();
            at += TOGETHER as u64;
            if ends.contains(&false) {
                break; // a run went through: it has fewer places
            }
        }
        assert!(crashed >= 8 && at <= MOST, "{verb}: {crashed} crashes");
    }
}

/// Crashes at one place and runs again; gives whether it did crash.
fn case(server: &Server, verb: &str, is_mbox: bool, at: u64) -> bool {
    let home = TempDir::new().unwrap();
    let password = password_file(home.path());
    let mails = Maker::new(at).folder(10, 2004, 90);
    let store = home.path().join("store");
    if is_mbox {
        write_mbox(&store, &mails, MboxStyle::Mboxrd).unwrap();
    } else {
        write_maildir_tree(&store, &[("", mails.clone())]).unwrap();
    }
    let user = format!("{verb}{}{at}", u8::from(is_mbox));
    let target = Server::plaintext_url(&user, server.imap_port) + "Box";
    let arguments = [verb, store.to_str().unwrap(), &target, "--json", "--password-file", password.to_str().unwrap()];
    let status = command(home.path(), &arguments)
        .env("MAILFERRY_CRASH_AT", at.to_string())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    let what = format!("{verb} {is_mbox} at {at}");
    let wanted = multiset(mails.iter().map(|mail| sha256(&mail.bytes)));
    let there = || multiset(server.peek(&user).into_iter().map(|message| message.sha256));
    let after_crash = there();
    assert!(after_crash.values().zip(wanted.values()).all(|(have, want)| have <= want), "{what}: doubled");
    if verb == "move" {
        // What is not on the server is still here.
        let missing: usize = wanted
            .iter()
            .map(|(digest, count)| count - after_crash.get(digest).copied().unwrap_or(0).min(*count))
            .sum();
        assert!(messages(&store) >= missing, "{what}: {missing} are not there, {} are here", messages(&store));
    }
    run(home.path(), &arguments).expect(0);
    assert!(there() == wanted, "{what}: not each once");
    if verb == "move" {
        assert_eq!(messages(&store), 0, "{what}");
    }
    !status.success()
}

/// How many messages a store holds.
fn messages(store: &Path) -> usize {
    if store.is_file() {
        let bytes = fs::read(store).unwrap();
        return bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"From ")).count();
    }
    let files: Vec<PathBuf> = fs::read_dir(store.join("cur"))
        .unwrap()
        .chain(fs::read_dir(store.join("new")).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.len()
}

fn multiset(digests: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    digests.fold(BTreeMap::new(), |mut counts, digest| {
        *counts.entry(digest).or_default() += 1;
        counts
    })
}
