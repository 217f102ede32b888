//! What a person does, key by key, where mail goes another way than from disk to server: out of a mailbox, between two, between
//! disks; and flags, expunge and subscriptions. In a real terminal against a real Dovecot.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::mail::{Maker, MboxStyle, write_maildir_tree, write_mbox};
use common::peek;
use common::program::{password_file, run};
use common::pty::{Pty, key};
use common::servers::{Dovecot, Server};
use common::sha256;
use tempfile::TempDir;

struct Scene {
    server: Server,
    home: TempDir,
}

impl Scene {
    /// A server on which Anna has mail: 9 messages in INBOX, 4 in Old.
    fn new() -> Option<Self> {
        let server = Dovecot::new().start()?;
        let home = TempDir::new().unwrap();
        let scene = Self { server, home };
        password_file(scene.home.path());
        let folders = [("", Maker::new(31).folder(9, 2004, 60)), ("Old", Maker::new(32).folder(4, 2001, 60))];
        write_maildir_tree(&scene.home.path().join("in"), &folders).unwrap();
        let (source, target) = (scene.path("in"), scene.url("anna"));
        run(scene.home.path(), &["copy", &source, &target, "--password-file", &scene.path("password")]).expect(0);
        Some(scene)
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    fn url(&self, user: &str) -> String {
        Server::plaintext_url(user, self.server.imap_port)
    }

    fn open(&self, left: &str, right: &str) -> Pty {
        let password = self.path("password");
        let pty = Pty::mailferry(
            self.home.path(),
            &[left, right, "--password-file", &password, "--source-password-file", &password],
        );
        pty.wait_for("INBOX");
        pty
    }

    fn digests(&self, user: &str) -> BTreeSet<String> {
        self.server.peek(user).into_iter().map(|message| message.sha256).collect()
    }
}

#[track_caller]
fn quit(mut pty: Pty) {
    pty.type_keys("q");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
}

#[test]
fn a_mailbox_on_the_left_goes_into_a_new_maildir_on_the_right() {
    let Some(scene) = Scene::new() else { return };
    let pty = scene.open(&scene.url("anna"), &format!("maildir:{}", scene.path("backup")));
    pty.wait_for("backup");
    pty.wait_for("Old");
    pty.type_keys(key::F[4]); // F5
    pty.wait_for("Copy: what goes where");
    pty.wait_for("13 messages");
    pty.type_keys("\r");
    pty.wait_for("Copied 13 messages");
    assert_eq!(fs::read_dir(scene.path("backup/cur")).unwrap().count(), 9);
    assert_eq!(fs::read_dir(scene.path("backup/.Old/cur")).unwrap().count(), 4);
    quit(pty);
}

#[test]
fn a_mailbox_goes_into_another_and_is_moved() {
    let Some(scene) = Scene::new() else { return };
    let before = scene.digests("anna");
    let pty = scene.open(&scene.url("anna"), &scene.url("bert"));
    pty.wait_until(|screen| screen.contents().contains("Old") && screen.contents().matches("Trash").count() == 2);
    pty.type_keys(key::F[5]); // F6
    pty.wait_for("FROM THEIR SERVER");
    pty.type_keys("\r");
    pty.wait_for("Moved 13 messages");
    assert_eq!(scene.digests("bert"), before);
    assert!(scene.digests("anna").is_empty());
    quit(pty);
}

#[test]
fn mail_goes_from_the_right_to_the_left_and_from_disk_to_disk() {
    let Some(scene) = Scene::new() else { return };
    let mails = Maker::new(33).folder(7, 2005, 60);
    write_mbox(&scene.home.path().join("box.mbox"), &mails, MboxStyle::Mboxrd).unwrap();
    // Old of the mailbox on the right into the Maildir on the left.
    write_maildir_tree(&scene.home.path().join("own"), &[("", Vec::new()), ("Kept", Vec::new())]).unwrap();
    let pty = scene.open(&scene.path("own"), &scene.url("anna"));
    pty.wait_for("Old");
    pty.type_keys("\t/Old\r");
    pty.type_keys(key::F[4]);
    pty.wait_for("Copy: what goes where");
    pty.wait_for("F4 fetches every message");
    pty.type_keys("\r");
    pty.wait_for("Copied 4 messages");
    assert_eq!(fs::read_dir(scene.path("own/.Old/cur")).unwrap().count(), 4);
    // A second plan tells that all of it is there.
    pty.type_keys(key::F[4]);
    pty.wait_for("Copy: what goes where");
    pty.type_keys(key::F[3]); // F4
    pty.wait_for("4 already there");
    pty.type_keys(key::ESC);
    pty.wait_gone("Copy: what goes where");
    quit(pty);
    // An mbox on the left into the same Maildir on the right.
    let pty = scene.open(&scene.path("box.mbox"), &format!("maildir:{}", scene.path("own")));
    pty.wait_for("Kept");
    pty.type_keys("\t/Kept\r\t");
    pty.type_keys(key::F[4]);
    pty.wait_for("Copy: what goes where");
    pty.type_keys("\r");
    pty.wait_for("Copied 7 messages");
    quit(pty);
    let listed = run(scene.home.path(), &["ls", &(scene.path("own") + "#Kept"), "--messages", "--digest", "--json"]);
    let found: BTreeSet<String> =
        listed.events_of("message").iter().map(|message| message["sha256"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, mails.iter().map(|mail| sha256(&mail.bytes)).collect());
    // Single messages of local mail on the right go to the left, and are taken away there.
    let few = Maker::new(34).folder(1, 2006, 60);
    write_mbox(&scene.home.path().join("few.mbox"), &few, MboxStyle::Mboxrd).unwrap();
    let pty = scene.open(&scene.path("few.mbox"), &format!("maildir:{}", scene.path("own")));
    pty.wait_for("Kept");
    pty.type_keys("\t/Kept\r");
    pty.wait_for("7 messages");
    pty.type_keys("\rj  ");
    pty.wait_for("2 messages,");
    pty.type_keys(key::F[5]); // F6
    pty.wait_for("REMOVES");
    pty.type_keys("\r");
    pty.wait_for("Moved 2 messages");
    quit(pty);
    let digests = |store: &str| -> BTreeSet<String> {
        let listed = run(scene.home.path(), &["ls", store, "--messages", "--digest", "--json"]);
        listed.events_of("message").iter().map(|message| message["sha256"].as_str().unwrap().to_owned()).collect()
    };
    let (few, kept) = (digests(&scene.path("few.mbox")), digests(&(scene.path("own") + "#Kept")));
    assert_eq!((few.len(), kept.len()), (3, 5));
    assert!(found.is_subset(&few.union(&kept).cloned().collect()), "each message is in one of the two");
}

#[test]
fn messages_are_flagged_and_expunged_and_folders_subscribed() {
    let Some(scene) = Scene::new() else { return };
    let pty = scene.open(&scene.path("in"), &scene.url("anna"));
    pty.wait_for("Sent"); // which only the mailbox has
    pty.type_keys("\t/Old\r\r");
    pty.wait_for(".01.01 "); // the rows, of January 2001
    pty.type_keys("  !");
    pty.wait_for("a capital letter takes it away");
    pty.type_keys("d");
    pty.wait_for("\\Deleted on 2 messages");
    let deleted = || {
        peek::peek_folder(scene.server.imap_port, "anna", "Old")
            .iter()
            .filter(|message| message.flags.iter().any(|flag| flag == "\\Deleted"))
            .count()
    };
    assert_eq!(deleted(), 2);
    pty.type_keys("uE");
    pty.wait_for("Yes, expunge");
    pty.type_keys("\r");
    pty.wait_gone("Yes, expunge");
    assert_eq!(deleted(), 2, "No is the default");
    pty.type_keys("E");
    pty.wait_for("Yes, expunge");
    pty.type_keys("y");
    pty.wait_for("2 messages expunged");
    assert_eq!(peek::peek_folder(scene.server.imap_port, "anna", "Old").len(), 2);
    let subscribed = || peek::subscribed(scene.server.imap_port, "anna").iter().any(|name| name == "Old");
    assert!(subscribed());
    pty.type_keys("S");
    pty.wait_for("Unsubscribe");
    pty.type_keys("u");
    pty.wait_for("no longer subscribed to Old");
    assert!(!subscribed());
    quit(pty);
}
