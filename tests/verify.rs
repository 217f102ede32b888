//! `verify` against a real Dovecot: what is missing, extra or different is named, and nothing is changed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::path::PathBuf;

use common::mail::{Mail, Maker, write_maildir_tree};
use common::peek;
use common::program::{Run, password_file, run};
use common::servers::{Dovecot, Server};
use serde_json::Value;
use tempfile::TempDir;

struct Scene {
    server: Server,
    home: TempDir,
    password: PathBuf,
    mails: Vec<Mail>,
}

impl Scene {
    /// A Maildir that was copied into Box.
    fn copied() -> Option<Self> {
        Self::of(Maker::new(51).folder(12, 2004, 300))
    }

    /// The same with this mail.
    fn of(mails: Vec<Mail>) -> Option<Self> {
        let server = Dovecot::new().start()?;
        let home = TempDir::new().unwrap();
        write_maildir_tree(&home.path().join("Maildir"), &[("", mails.clone())]).unwrap();
        let password = password_file(home.path());
        let scene = Self { server, home, password, mails };
        scene.run("copy", &[]).expect(0);
        Some(scene)
    }

    fn run(&self, verb: &str, options: &[&str]) -> Run {
        let store = self.home.path().join("Maildir");
        let target = Server::plaintext_url("anna", self.server.imap_port) + "Box";
        let arguments = [verb, store.to_str().unwrap(), &target, "--json", "--password-file"];
        run(self.home.path(), &[arguments.as_slice(), &[self.password.to_str().unwrap()], options].concat())
    }

    /// Puts `bytes` in the place of the message that has them by `uid`.
    fn replace(&self, uid: u32, flags: &str, date: i64, bytes: &[u8]) {
        peek::delete(self.server.imap_port, "anna", "Box", uid);
        peek::append(self.server.imap_port, "anna", "Box", flags, date, bytes);
    }
}

fn end(run: &Run) -> [u64; 5] {
    let end = run.events_of("verify.end").remove(0);
    ["same", "missing", "extra", "different", "unreadable"].map(|name| end[name].as_u64().unwrap())
}

fn of_kind(run: &Run, kind: &str) -> Vec<Value> {
    run.events_of("difference").into_iter().filter(|finding| finding["kind"] == kind).collect()
}

#[test]
fn a_copy_is_the_same_and_stays_as_it_is() {
    let Some(scene) = Scene::copied() else { return };
    let before = scene.server.peek("anna");
    for how in ["size", "full"] {
        assert_eq!(end(&scene.run("verify", &["--verify", how]).expect(0)), [12, 0, 0, 0, 0], "{how}");
    }
    assert!(scene.server.peek("anna") == before);
}

#[test]
fn what_is_missing_extra_or_different_is_named() {
    let Some(scene) = Scene::copied() else { return };
    let there = scene.server.peek("anna");
    let uid_of = |mail: &Mail| {
        let digest = common::sha256(&mail.bytes);
        there.iter().find(|message| message.sha256 == digest).unwrap().uid
    };
    let [gone, redated, changed] = [&scene.mails[0], &scene.mails[1], &scene.mails[2]];
    peek::delete(scene.server.imap_port, "anna", "Box", uid_of(gone));
    let flags = there.iter().find(|message| message.uid == uid_of(redated)).unwrap().flags.join(" ");
    scene.replace(uid_of(redated), &flags, redated.received + 7200, &redated.bytes);
    let mut other = changed.bytes.clone();
    other.extend_from_slice(b"a line more\r\n");
    scene.replace(uid_of(changed), "\\Seen", changed.received, &other);
    peek::append(scene.server.imap_port, "anna", "Box", "", 1_000_000_000, b"Subject: not from here\r\n\r\nx\r\n");

    let run = scene.run("verify", &[]).expect(1);
    assert_eq!(end(&run), [9, 1, 1, 2, 0], "{}", run.out);
    assert!(!of_kind(&run, "missing")[0]["id"].as_str().unwrap().is_empty());
    assert_eq!(of_kind(&run, "extra")[0]["subject"], "not from here");
    let details: Vec<String> =
        of_kind(&run, "different").iter().map(|found| found["detail"].as_str().unwrap().to_owned()).collect();
    assert!(details.iter().any(|detail| detail.starts_with("dated ")), "{details:?}");
    assert!(details.iter().any(|detail| detail.contains("content")), "{details:?}");
}

/// Twins by their bytes differ in their dates, twins by their headers in their text: whichever is missing is the one that is named.
#[test]
fn of_twins_the_one_that_is_missing_is_named() {
    let mut mails = Maker::new(51).folder(8, 2004, 300);
    mails[3] = Mail { received: mails[2].received + 86_400, ..mails[2].clone() };
    let text = |text: &str| format!("Subject: half\r\nMessage-ID: <half@x.example>\r\n\r\n{text}\r\n").into_bytes();
    (mails[5].bytes, mails[6].bytes) = (text("ABC"), text("XYZ"));
    for gone in [2, 3, 5, 6] {
        let Some(scene) = Scene::of(mails.clone()) else { return };
        let there = scene.server.peek("anna");
        let (digest, date) = (common::sha256(&mails[gone].bytes), mails[gone].received);
        let is_it = |message: &&peek::Message| message.sha256 == digest && message.internal_date == date;
        peek::delete(scene.server.imap_port, "anna", "Box", there.iter().find(is_it).unwrap().uid);
        let run = scene.run("verify", &["--verify", "full"]).expect(1);
        assert_eq!(end(&run), [7, 1, 0, 0, 0], "{gone}: {}", run.out);
        let missing = of_kind(&run, "missing")[0]["id"].to_string();
        assert!(missing.contains(&format!(".M{gone}P")), "{gone}: {missing}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_missing_as_a_whole() {
    let Some(scene) = Scene::copied() else { return };
    let store = scene.home.path().join("Maildir");
    let target = Server::plaintext_url("anna", scene.server.imap_port) + "Nowhere";
    let password = scene.password.to_str().unwrap();
    let arguments = ["verify", store.to_str().unwrap(), &target, "--json", "--password-file", password];
    assert_eq!(end(&run(scene.home.path(), &arguments).expect(1)), [0, 12, 0, 0, 0]);
    assert!(!peek::folders(scene.server.imap_port, "anna").iter().any(|folder| folder.name == "Nowhere"));
}
