//! Random stores, random faults, random kills, several runs, then one without a fault: every message is there exactly once,
//! and everything else is untouched. `MAILFERRY_LONG` makes many rounds; `MAILFERRY_SEED` repeats one.

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
use std::time::{SystemTime, UNIX_EPOCH};

use common::mail::{Mail, Maker, MboxStyle, write_maildir_tree, write_mbox};
use common::program::{command, password_file, run};
use common::proxy::{At, Do, Proxy};
use common::servers::{Dovecot, Server};
use common::{peek, sha256};
use tempfile::TempDir;

const FOREIGN: &[u8] = b"From: x@y.example\r\nSubject: somebody else's\r\n\r\nnot ours\r\n";

struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()].clone()
    }
}

#[test]
fn whatever_breaks_each_message_is_there_once_and_all_else_is_untouched() {
    let Some(server) = Dovecot::new().start() else { return };
    let seed = std::env::var("MAILFERRY_SEED").ok().map(|seed| seed.parse().unwrap());
    let rounds = if seed.is_some() {
        1
    } else if std::env::var_os("MAILFERRY_LONG").is_some() {
        40
    } else {
        2
    };
    for round in 0..rounds {
        let seed = seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::try_from(now.as_nanos() % u128::from(u64::MAX)).unwrap() | 1
        });
        eprintln!("round {round}: MAILFERRY_SEED={seed}");
        one_round(&server, &format!("user{round}"), &mut Dice(seed));
    }
}

/// A store of one format or another, with twins and messages without any id.
fn make_store(home: &Path, dice: &mut Dice) -> (PathBuf, Vec<Mail>) {
    let mut mails = Maker::new(dice.below(1000)).folder(usize::try_from(1 + dice.below(150)).unwrap(), 2003, 300);
    for _ in 0..dice.below(4) {
        mails.push(dice.pick(&mails));
        let mut nameless = dice.pick(&mails);
        nameless.bytes = format!("no header at all {}\r\n", dice.below(3)).into_bytes();
        mails.push(nameless);
    }
    let path = home.join("store");
    if dice.below(2) == 0 {
        // An mbox knows a message by its separator and header alone.
        mails.retain(|mail| mail.bytes.contains(&b':'));
        write_mbox(&path, &mails, MboxStyle::Mboxrd).unwrap();
    } else {
        write_maildir_tree(&path, &[("", mails.clone())]).unwrap();
    }
    (path, mails)
}

fn one_round(server: &Server, user: &str, dice: &mut Dice) {
    let home = TempDir::new().unwrap();
    let password = password_file(home.path());
    let (store, mails) = make_store(home.path(), dice);
    let verb = dice.pick(&["copy", "move"]);
    peek::create(server.imap_port, user, "Box");
    peek::append(server.imap_port, user, "Box", "", 1_000_000_000, FOREIGN);
    let before = files(&store);

    for _ in 0..=dice.below(3) {
        let mut proxy = Proxy::new(server.imap_port);
        for _ in 0..=dice.below(2) {
            let at = dice.pick(&[
                At::BeforeLine,
                At::AfterLine,
                At::Literal(5),
                At::AfterLiteral,
                At::BeforeOk,
                At::AfterOk,
            ]);
            proxy = proxy.fault(1 + dice.below(mails.len() as u64), at, dice.pick(&[Do::Reset, Do::Finish]));
        }
        for (from, to) in dice.pick(&[vec![], vec![("MULTIAPPEND", "X-NONE")], vec![("LITERAL+", "X-NONE")]]) {
            proxy = proxy.replace(from, to);
        }
        let proxy = proxy.start();
        let target = proxy.url(user) + "Box";
        let arguments =
            [verb, store.to_str().unwrap(), &target, "--quiet", "--password-file", password.to_str().unwrap()];
        let mut child = command(home.path(), &arguments).spawn().unwrap();
        if dice.below(2) == 0 {
            let kill_at = 1 + dice.below(mails.len() as u64);
            common::wait_until(|| proxy.messages() >= kill_at || child.try_wait().unwrap().is_some());
            _ = child.kill(); // it may have ended
        }
        child.wait().unwrap();
    }

    let target = Server::plaintext_url(user, server.imap_port) + "Box";
    let arguments = [verb, store.to_str().unwrap(), &target, "--json", "--password-file", password.to_str().unwrap()];
    run(home.path(), &arguments).expect(0);
    let mut expected = multiset(mails.iter().map(|mail| sha256(&mail.bytes)));
    *expected.entry(sha256(FOREIGN)).or_default() += 1;
    let there = server.peek(user).into_iter().filter(|message| message.folder == "Box");
    let there = multiset(there.map(|message| message.sha256));
    assert!(there == expected, "{verb}: {} kinds and not {}", there.len(), expected.len());
    if verb == "copy" {
        assert!(files(&store) == before, "a copy changed the store");
    } else {
        let left: usize = files(&store)
            .iter()
            .filter(|(path, _)| !path.ends_with("dovecot-keywords"))
            .map(|(_, bytes)| bytes.len())
            .sum();
        assert_eq!(left, 0, "a move left something");
    }
}

fn multiset(digests: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    digests.fold(BTreeMap::new(), |mut counts, digest| {
        *counts.entry(digest).or_default() += 1;
        counts
    })
}

/// Every file of a store and its bytes.
fn files(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    if path.is_file() {
        return BTreeMap::from([(path.to_owned(), fs::read(path).unwrap())]);
    }
    fs::read_dir(path).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect()
}
