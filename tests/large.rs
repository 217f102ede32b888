//! Messages that are too large to be held in memory: carried in pieces, proven, and taken out of the store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use common::is_long;
use common::mail::{Mail, Marks, MboxStyle, write_eml_folder, write_maildir, write_mbox};
use common::program::{Running, command, password_file, run};
use common::servers::{Dovecot, Server};
use common::sha256;
use common::trial::{Kind, Post, Trial};
use tempfile::TempDir;

/// The most memory that a run may take, in KiB, however large a message is.
const MOST: u32 = 56 * 1024;

/// The bytes of the large message: in the long part 1 GiB.
const SIZE: usize = 48 << 20;
const LONG_SIZE: usize = 1 << 30;
/// The longest that a run with the latter may take.
const PATIENCE: Duration = Duration::from_mins(20);

/// A message of about so many bytes, with lines that an mbox quotes and long ones.
fn letter(received: i64, size: usize) -> Mail {
    let mut bytes =
        format!("From: a@example.org\r\nSubject: {received}\r\nMessage-ID: <{received}@x>\r\n\r\n").into_bytes();
    let lines = ["From here on\r\n", ">From there\r\n", "\r\n", &("U29tZSBsaW5lcw".repeat(300) + "\r\n")].concat();
    while bytes.len() < size {
        bytes.extend_from_slice(lines.as_bytes());
    }
    let marks = Marks { seen: true, ..Marks::default() };
    Mail { bytes, received, sender: "a@example.org", marks, keywords: Vec::new() }
}

#[test]
fn a_message_that_is_larger_than_memory_may_be_is_moved_in_pieces() {
    let Some(server) = Dovecot::new().format("mdbox").fsync("never").start() else { return };
    let size = if is_long() { LONG_SIZE } else { SIZE };
    let mails = [letter(1_000_000_000, 300), letter(1_000_100_000, size), letter(1_000_200_000, 300)];
    let mut wanted: Vec<String> = mails.iter().map(|mail| sha256(&mail.bytes)).collect();
    wanted.sort();
    for store in ["eml", "maildir", "mbox"] {
        let home = TempDir::new().unwrap();
        let path = home.path().join(store);
        match store {
            "eml" => write_eml_folder(&path, &mails).unwrap(),
            "maildir" => write_maildir(&path, &mails).unwrap(),
            _ => write_mbox(&path, &mails, MboxStyle::Mboxrd).unwrap(),
        }
        let (target, password) = (Server::plaintext_url(store, server.imap_port) + "Box", password_file(home.path()));
        let arguments = [path.to_str().unwrap(), &target, "--json", "--password-file", password.to_str().unwrap()];
        // Repairs that it does not need change nothing of that.
        let repairs = ["--repair", "from-line,nul,8bit-headers,empty"];
        let arguments = [&arguments[..], if store == "eml" { &repairs[..] } else { &[] }].concat();
        let run_it = |verb: &str| {
            let begun = Instant::now();
            let mut running = Running::start(command(home.path(), &[&[verb], arguments.as_slice()].concat()));
            running.patience = running.patience.max(if is_long() { PATIENCE } else { Duration::ZERO });
            let run = running.wait().expect(0);
            println!("{store}, {verb}: {} KiB at most, {:?}", run.peak, begun.elapsed());
            assert!(run.peak < MOST, "{store}, {verb}: {} KiB", run.peak);
            run.totals()
        };
        assert_eq!(run_it("copy"), (3, 0, 0), "{store}");
        assert_eq!(run_it("move"), (0, 3, 0), "{store}");
        let mut there: Vec<String> = server.peek(store).into_iter().map(|message| message.sha256).collect();
        there.sort();
        assert!(there == wanted, "{store}: another message on the server");
        let left = run(home.path(), &["ls", path.to_str().unwrap(), "--messages", "--json"]);
        assert!(left.events_of("message").is_empty(), "{store}: not taken out");
    }
}

#[test]
fn a_large_message_that_changes_while_it_is_sent_is_not_stored_and_stays() {
    for change in ["shorter", "longer", "other"] {
        let (_server, post) = Post::in_memory();
        let mails = vec![letter(1_000_000_000, 20 << 20), letter(1_000_100_000, 300)];
        let size = mails[0].bytes.len() as u64;
        let trial = Trial::with(&post, Kind::MoveMaildir, "Box", mails);
        let gate = post.mailbox().gate("APPEND", 1);
        let running = trial.start(post.port(), &[]);
        gate.wait();
        let path = trial.file_of(0);
        let file = fs::File::options().write(true).open(&path).unwrap();
        match change {
            "shorter" => file.set_len(size / 2).unwrap(),
            "longer" => file.write_all_at(b"one more line\n", file.metadata().unwrap().len()).unwrap(),
            _ => file.write_all_at(b"#", 19 << 20).unwrap(),
        }
        gate.wait();
        let run = running.wait().expect(1);
        assert_eq!(run.totals(), (1, 0, 1), "{change}");
        let failed = run.events_of("message.failed");
        assert!(failed[0]["reason"].as_str().unwrap().contains("changed"), "{change}: {failed:?}");
        let there = trial.there();
        assert!(there.len() == 1 && there[0].sha256 == sha256(&trial.mails[1].bytes), "{change}");
        assert!(path.exists(), "{change}");
    }
}
