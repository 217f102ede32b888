//! What a server limits and what a user limits: pauses that are asked for, sizes, quotas, rates; and what becomes of messages
//! that were refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::mail::{KEYWORDS, Mail, Maker, Marks, write_maildir_tree};
use common::mailbox::{self, Manners, PLAIN};
use common::program::{Run, password_file, run};
use common::proxy::{At, Do, Proxy};
use common::scripted::Scripted;
use common::servers::{Cyrus, Dovecot, Server};
use rusqlite::Connection;
use tempfile::TempDir;

struct Scene {
    home: TempDir,
    password: PathBuf,
    mails: Vec<Mail>,
}

impl Scene {
    fn new(messages: usize) -> Self {
        let home = TempDir::new().unwrap();
        let mails = Maker::new(77).folder(messages, 2004, 300);
        let password = password_file(home.path());
        let scene = Self { home, password, mails };
        scene.write();
        scene
    }

    /// Writes the mail, and nothing else, into the store.
    fn write(&self) {
        let store = self.home.path().join("Maildir");
        _ = fs::remove_dir_all(&store);
        write_maildir_tree(&store, &[("", self.mails.clone())]).unwrap();
    }

    /// What the journal knows was sent is a day older.
    fn a_day_passes(&self) {
        let db = Connection::open(self.home.path().join(".local/state/mailferry/journal.sqlite")).unwrap();
        assert!(db.execute("UPDATE batch SET begun = begun - 24 * 3600 - 60", []).unwrap() > 0);
    }

    fn copy(&self, target: &str, options: &[&str]) -> Run {
        let store = self.home.path().join("Maildir");
        let arguments = ["copy", store.to_str().unwrap(), target, "--json", "--password-file"];
        run(self.home.path(), &[arguments.as_slice(), &[self.password.to_str().unwrap()], options].concat())
    }
}

#[test]
fn as_many_connections_are_used_as_the_server_gets_more_out_of() {
    let waiting = "IMAP4rev1 UIDPLUS UNSELECT NAMESPACE";
    let some = "IMAP4rev1 UIDPLUS UNSELECT NAMESPACE LITERAL-";
    for (capabilities, options, logins) in [
        (PLAIN.capabilities, &[][..], 2),
        (some, &[], 3),
        (waiting, &[], 3),
        (waiting, &["--connections", "1"], 1),
        (PLAIN.capabilities, &["--connections", "4"], 4),
    ] {
        let (server, _mailbox) = mailbox::start(Manners { capabilities, ..PLAIN });
        let scene = Scene::new(4);
        let folders = ["A", "B", "C", "D", "E"].map(|name| (name, scene.mails.clone()));
        write_maildir_tree(&scene.home.path().join("Maildir"), &folders).unwrap();
        let run = scene.copy(&(server.url("anna") + "Box"), options).expect(0);
        assert_eq!(run.totals(), (24, 0, 0), "{capabilities}");
        assert_eq!(server.count("LOGIN"), logins, "{capabilities} {options:?}");
    }
}

#[test]
fn one_go_ahead_is_enough_for_all_flags_that_a_folder_has() {
    let Some(server) = Dovecot::new().start() else { return };
    let mut scene = Scene::new(600); // several batches
    scene.mails.sort_by_key(|mail| mail.received);
    for (number, mail) in scene.mails.iter_mut().enumerate() {
        mail.keywords = Vec::new();
        mail.marks = Marks { seen: number > 300, answered: number > 400, ..Marks::default() };
    }
    // One that fills a batch by itself, and has no flag.
    scene.mails[0].bytes.extend("and so on\r\n".repeat(250_000).into_bytes());
    scene.write();
    let proxy = Proxy::new(server.imap_port).start();
    let run = scene.copy(&(proxy.url("anna") + "Box"), &["--connections", "1"]).expect(0);
    assert_eq!((run.totals(), proxy.messages(), proxy.waits()), ((600, 0, 0), 600, 1));
    // A keyword that the folder does not have yet is asked for, with the message that has it first.
    scene.mails[599].keywords = vec![KEYWORDS[0]];
    scene.write();
    let proxy = Proxy::new(server.imap_port).start();
    let run = scene.copy(&(proxy.url("anna") + "Other"), &["--connections", "1"]).expect(0);
    assert_eq!((run.totals(), proxy.messages(), proxy.waits()), ((600, 0, 0), 600, 2));
}

#[test]
fn a_pause_that_the_server_asks_for_is_kept_and_told() {
    let is_busy = AtomicBool::new(true);
    let words = "NO Request is throttled. Suggested Backoff Time: 2300 milliseconds";
    let server = Scripted::start(move |conn| {
        conn.greet("IMAP4rev1 UIDPLUS UNSELECT")?;
        let mut stored = Vec::new();
        loop {
            let request = conn.next()?;
            if request.is("APPEND") && is_busy.swap(false, Ordering::SeqCst) {
                conn.reply(&request, words)?;
            } else if request.is("APPEND") {
                let (length, _) = request.literal().unwrap();
                let date = request.text.rsplit('"').nth(1).unwrap_or_default().to_owned();
                let flags = request.text.split('(').nth(1).unwrap().split(')').next().unwrap().to_owned();
                conn.take_append(&request)?;
                stored.push((length, date, flags));
            } else if request.is("UID FETCH") {
                for (number, (length, date, flags)) in stored.iter().enumerate().map(|(at, kept)| (at + 1, kept)) {
                    let line = format!(
                        "* {number} FETCH (UID {number} FLAGS ({flags}) INTERNALDATE \"{date}\" RFC822.SIZE {length})\r\n"
                    );
                    conn.reply_raw(line.as_bytes())?;
                }
                conn.reply(&request, "OK done")?;
            } else {
                conn.answer(&request)?;
            }
        }
    });
    let scene = Scene::new(1);
    let begun = Instant::now();
    let run = scene.copy(&(server.url("anna") + "INBOX"), &[]).expect(0);
    assert!(begun.elapsed() >= Duration::from_millis(2300));
    assert_eq!(run.events_of("throttle")[0]["seconds"], 3);
    assert_eq!(run.totals(), (1, 0, 0));
}

#[test]
fn a_message_over_the_servers_limit_is_not_sent() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new(12);
    let limit = 1500;
    let larger = scene.mails.iter().filter(|mail| mail.bytes.len() > limit).count() as u64;
    assert!(larger > 0 && larger < 12);
    let proxy = Proxy::new(server.imap_port).replace("UIDPLUS", &format!("UIDPLUS APPENDLIMIT={limit}")).start();
    let run = scene.copy(&(proxy.url("anna") + "Box"), &[]).expect(1);
    assert_eq!(run.totals(), (12 - larger, 0, larger));
    assert_eq!(proxy.messages(), 12 - larger);
    let reason = run.events_of("message.failed")[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("1500"), "{reason}");
    assert!(run.err.contains("messages of up to"), "{}", run.err);
}

#[test]
fn what_is_left_of_a_quota_is_told_before_anything_is_sent() {
    let Some(server) = Dovecot::new().quota("20K").start() else { return };
    let scene = Scene::new(60);
    let target = Server::plaintext_url("anna", server.imap_port) + "Box";
    let store = scene.home.path().join("Maildir");
    let arguments = ["plan", store.to_str().unwrap(), &target, "--password-file", scene.password.to_str().unwrap()];
    let plan = run(scene.home.path(), &arguments).expect(0);
    assert!(plan.err.contains("left, and"), "{}", plan.err);
}

#[test]
fn refused_messages_are_saved_where_the_user_says() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new(6);
    let proxy = Proxy::new(server.imap_port)
        .replace("LITERAL+", "X-NONE")
        .fault(3, At::BeforeLine, Do::Answer("NO nope".into()))
        .start();
    let saved = scene.home.path().join("saved");
    fs::write(scene.home.path().join("Maildir/cur/1.nul:2,S"), b"Subject: nul\n\na\0b\n").unwrap();
    scene.copy(&(proxy.url("anna") + "Box"), &["--failed-dir", saved.to_str().unwrap()]).expect(1);
    let mut contents: Vec<Vec<u8>> =
        fs::read_dir(saved).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    contents.sort();
    assert_eq!(contents.len(), 2);
    assert!(contents.contains(&b"Subject: nul\r\n\r\na\0b\r\n".to_vec()));
    assert!(contents.iter().any(|content| scene.mails.iter().any(|mail| mail.bytes == *content)));
}

#[test]
fn a_rate_is_kept_and_a_days_amount_ends_the_job_until_later() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new(120);
    let bytes: usize = scene.mails.iter().map(|mail| mail.bytes.len()).sum();
    assert!(bytes > 200_000, "{bytes}");
    let target = Server::plaintext_url("anna", server.imap_port) + "Box";
    let begun = Instant::now();
    scene.copy(&target, &["--max-rate", "400K"]).expect(0);
    // The first piece goes at once, and is as large as what may go in a second.
    let least = Duration::from_millis((bytes as u64).saturating_sub(500_000) / 400);
    assert!(least > Duration::from_millis(500), "{bytes}");
    assert!(begun.elapsed() >= least, "{:?} and not {least:?}", begun.elapsed());

    let other = Server::plaintext_url("bert", server.imap_port) + "Box";
    let there = || server.peek("bert").iter().map(|message| message.size).sum::<u64>();
    let (all, amount) = (bytes as u64, bytes as u64 * 2 / 5);
    let limit = ["--max-bytes-per-day", &amount.to_string(), "--max-rate", "1G"];
    let largest = scene.mails.iter().map(|mail| mail.bytes.len() as u64).max().unwrap();
    let mut days = 1;
    loop {
        let before = there();
        let run = scene.copy(&other, &limit);
        // As much as may go, but for the message that is too large for what is left, and no more however often it is tried.
        let sent = there() - before;
        assert!(sent <= amount, "day {days}: {sent} of {amount}");
        if run.code == 0 {
            break;
        }
        assert!(run.expect(75).events_of("job.end")[0]["reason"].as_str().unwrap().contains("24 hours"));
        assert!(sent + largest > amount, "day {days}: {sent} of {amount}, and {largest} more at most");
        scene.copy(&other, &limit).expect(75);
        assert!(there() - before <= amount, "day {days}: {}", there() - before);
        scene.a_day_passes();
        days += 1;
    }
    assert!((3..=5).contains(&days), "{days} days");
    assert_eq!((server.peek("bert").len(), there()), (120, all));
}

#[test]
fn a_message_over_the_amount_of_a_day_goes_on_a_day_of_its_own() {
    let (server, mailbox) = mailbox::start(PLAIN);
    let mut scene = Scene::new(3);
    scene.mails.sort_by_key(|mail| mail.received);
    scene.mails[1].bytes.extend("and so on\r\n".repeat(20_000).into_bytes());
    scene.write();
    let target = server.url("anna") + "INBOX";
    let there = || mailbox.lock().unwrap().messages("INBOX").len();
    for (code, count) in [(75, 1), (75, 2), (0, 3)] {
        scene.copy(&target, &["--max-bytes-per-day", "100K"]).expect(code);
        assert_eq!(there(), count);
        scene.a_day_passes();
    }
}

#[test]
fn what_a_server_would_ruin_or_refuse_is_repaired_where_that_is_asked_for_and_told() {
    let Some(server) = Cyrus::new().start() else { return };
    let home = TempDir::new().unwrap();
    let password = password_file(home.path());
    let store = home.path().join("letters");
    fs::create_dir(&store).unwrap();
    let raw = b"From: J\xf6rg <j@x.example>\nSubject: Gr\xfc\xdfe\nDate: Mon, 1 Mar 2004 10:00:00 +0000\n\na\0b\n";
    fs::write(store.join("1.eml"), raw).unwrap();
    fs::write(store.join("2.eml"), "From: a@x.example\nSubject: fine\n\nx\n").unwrap();
    let target = Server::plaintext_url("test", server.imap_port) + "Box";
    let carry = |options: &[&str]| {
        let arguments = ["move", store.to_str().unwrap(), &target, "--json", "--password-file"];
        run(home.path(), &[arguments.as_slice(), &[password.to_str().unwrap()], options].concat())
    };
    assert_eq!(carry(&[]).expect(1).totals(), (1, 0, 1));
    let repaired = carry(&["--repair", "nul,8bit-headers"]).expect(0);
    let done = repaired.events_of("message.done");
    assert_eq!((done.len(), &done[0]["repairs"]), (1, &serde_json::json!(["nul", "8bit-headers"])));
    assert_eq!(done[0]["proof"], "exact");
    let sizes: Vec<u64> = server.peek("test").iter().map(|message| message.size).collect();
    assert_eq!(sizes.len(), 2);
    // The store keeps it as it was.
    assert_eq!(fs::read(home.path().join(".mailferry-moved/letters/1.eml")).unwrap(), raw);
}
