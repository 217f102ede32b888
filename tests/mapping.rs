//! Names, dates and repairs that a user decides on: by options, by a file of rules, and in the plan on the screen.

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
use std::time::{Duration, SystemTime};

use common::mail::{Maker, write_maildir_tree};
use common::program::{Run, password_file, run};
use common::pty::{Pty, key};
use common::servers::{Dovecot, Server};
use common::sha256;
use tempfile::TempDir;

struct Scene {
    server: Server,
    home: TempDir,
}

impl Scene {
    /// Mail in three folders with German names, and an mbox that is no part of it.
    fn new() -> Option<Self> {
        let server = Dovecot::new().start()?;
        let home = TempDir::new().unwrap();
        password_file(home.path());
        let mut maker = Maker::new(41);
        let folders = [
            ("", maker.folder(3, 2003, 60)),
            ("Gesendete Objekte", maker.folder(4, 2004, 60)),
            ("Projekte.Brücke", maker.folder(5, 2005, 60)),
            ("Papierkorb", maker.folder(2, 2006, 60)),
        ];
        write_maildir_tree(&home.path().join("Maildir"), &folders).unwrap();
        Some(Self { server, home })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn run(&self, command: &[&str], options: &[&str]) -> Run {
        let (store, target) = (self.path("Maildir"), Server::plaintext_url("anna", self.server.imap_port));
        let password = self.path("password");
        let paths = [store.to_str().unwrap(), &target, "--password-file", password.to_str().unwrap()];
        run(self.home.path(), &[command, &paths, options].concat())
    }

    /// How many messages each folder of the mailbox has, where it has any.
    fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for message in self.server.peek("anna") {
            *counts.entry(message.folder).or_default() += 1;
        }
        counts
    }
}

const RULES: &str = r#"
[[folder]]
from = "Projekte"
to = "Work"

[[folder]]
use = "trash"
leave = true

[[folder]]
use = "sent"
dates = "date"
"#;

#[test]
fn rules_of_a_file_name_folders_leave_out_and_date() {
    let Some(scene) = Scene::new() else { return };
    let file = scene.path("map.toml");
    fs::write(&file, RULES).unwrap();
    let options = ["--map", file.to_str().unwrap()];
    let plan = scene.run(&["plan", "--json"], &options).expect(0);
    let rows: Vec<(String, String)> = plan
        .events_of("plan")
        .iter()
        .map(|row| (row["target"].as_str().unwrap().to_owned(), row["date_from"].as_str().unwrap().to_owned()))
        .collect();
    assert!(rows.contains(&("Work/Brücke".into(), "auto".into())), "{rows:?}");
    assert!(rows.iter().any(|(_, dates)| dates == "date"), "{rows:?}");
    assert!(plan.err.contains("left out: Papierkorb"), "{}", plan.err);
    scene.run(&["copy"], &options).expect(0);
    let there = scene.counts();
    assert_eq!(there.get("Work/Brücke"), Some(&5), "{there:?}");
    assert_eq!(there.values().sum::<usize>(), 12, "the trash is left out: {there:?}");
    // With the same rules it is the same mail; without them it is not.
    scene.run(&["verify"], &options).expect(0);
    scene.run(&["verify"], &[]).expect(1);
    let again = scene.run(&["copy", "--json"], &options).expect(0);
    assert_eq!(again.totals(), (0, 12, 0));
}

#[test]
fn a_file_that_is_no_mapping_is_told_by_its_line() {
    let Some(scene) = Scene::new() else { return };
    let file = scene.path("map.toml");
    fs::write(&file, "[[folder]]\nfrom = \"x\"\nwhere = \"y\"\n").unwrap();
    let refused = scene.run(&["copy"], &["--map", file.to_str().unwrap()]).expect(2);
    assert!(refused.err.contains("map.toml:3:"), "{}", refused.err);
    assert!(scene.server.peek("anna").is_empty());
    let missing = scene.run(&["copy"], &["--map", "/no/such/file"]).expect(2);
    assert!(missing.err.contains("/no/such/file"), "{}", missing.err);
}

#[test]
fn dates_come_from_where_the_user_says() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = TempDir::new().unwrap();
    let password = password_file(home.path());
    let maildir = home.path().join("Maildir");
    write_maildir_tree(&maildir, &[("", Vec::new())]).unwrap();
    let dated = "Received: from a by b; Tue, 02 Mar 2004 10:00:00 +0100\nDate: Mon, 01 Mar 2004 12:00:00 +0000\n\
        Message-ID: <1@x>\nSubject: dated\n\nText\n";
    let file = maildir.join("cur/1.a:2,S");
    fs::write(&file, dated).unwrap();
    let undated = "Message-ID: <2@x>\nSubject: undated\n\nText\n";
    fs::write(maildir.join("cur/2.b:2,S"), undated).unwrap();
    // What copying without its times does to a Maildir.
    for name in ["cur/1.a:2,S", "cur/2.b:2,S"] {
        set_time(&maildir.join(name), 1_700_000_000);
    }
    for (rule, expected) in [("auto", 1_700_000_000), ("received", 1_078_218_000), ("date", 1_078_142_400)] {
        let target = Server::plaintext_url("anna", server.imap_port) + rule;
        let arguments = [
            "copy",
            maildir.to_str().unwrap(),
            &target,
            "--date-from",
            rule,
            "--password-file",
            password.to_str().unwrap(),
        ];
        run(home.path(), &arguments).expect(0);
        let messages = server.peek("anna");
        let date = |text: &str| {
            let digest = sha256(text.replace('\n', "\r\n").as_bytes());
            let found = messages.iter().find(|message| message.folder == rule && message.sha256 == digest);
            found.unwrap_or_else(|| panic!("it is not in {rule}")).internal_date
        };
        assert_eq!(date(dated), expected, "{rule}");
        assert_eq!(date(undated), 1_700_000_000, "{rule}: where a message says nothing it is as before");
        let arguments = [
            "verify",
            maildir.to_str().unwrap(),
            &target,
            "--date-from",
            rule,
            "--password-file",
            password.to_str().unwrap(),
        ];
        run(home.path(), &arguments).expect(0);
    }
}

fn set_time(path: &Path, unix: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(unix);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_plan_tells_what_is_there_what_is_doubtful_and_what_needs_repair() {
    let Some(scene) = Scene::new() else { return };
    scene.run(&["copy"], &[]).expect(0);
    let hard = scene.path("Maildir/cur/9.nul:2,S");
    fs::write(&hard, b"Message-ID: <nul@x>\nSubject: nul\n\na\0b\n").unwrap();
    fs::write(scene.path("Maildir/cur/8.new:2,S"), b"Message-ID: <new@x>\nSubject: new\n\nnew\n").unwrap();
    let plan = scene.run(&["plan", "--json", "--examine"], &[]).expect(0).events_of("plan");
    let inbox = plan.iter().find(|row| row["target"] == "INBOX").unwrap();
    assert_eq!((inbox["messages"].as_u64(), inbox["already"].as_u64()), (Some(5), Some(3)), "{inbox}");
    assert_eq!(inbox["needs_repair"]["nul"], 1, "{inbox}");
    let listed = scene.run(&["plan", "--json"], &[]).expect(0).events_of("plan");
    assert!(listed.iter().all(|row| row["needs_repair"].is_null()), "what was not read is not known");
    let words = scene.run(&["plan", "--examine"], &[]).expect(0).out;
    assert!(words.contains("3 already there") && words.contains("needs repair: nul 1"), "{words}");
}

#[test]
fn a_repair_is_asked_for_before_it_is_made() {
    let Some(scene) = Scene::new() else { return };
    fs::write(scene.path("Maildir/cur/9.nul:2,S"), b"Message-ID: <nul@x>\nSubject: nul\n\na\0b\n").unwrap();
    let long = format!("Message-ID: <long@x>\n\n{}\n", "x".repeat(2000));
    fs::write(scene.path("Maildir/cur/8.long:2,S"), &long).unwrap();
    // Nobody is there to be asked: what would be repaired waits, all else goes.
    let asked = scene.run(&["copy", "--json"], &["--repair", "nul=ask,long-lines=ask"]).expect(1);
    assert_eq!(asked.totals(), (14, 0, 2));
    let failed = asked.events_of("message.failed");
    assert!(failed.iter().all(|failed| failed["reason"].as_str().unwrap().contains("needs repair")), "{failed:?}");
    assert!(asked.err.contains("--repair nul,long-lines"), "{}", asked.err);
    let done = scene.run(&["copy", "--json"], &["--repair", "nul,long-lines=off"]).expect(0);
    assert_eq!(done.totals(), (2, 14, 0));
    let digest = sha256(long.replace('\n', "\r\n").as_bytes());
    assert!(scene.server.peek("anna").iter().any(|message| message.sha256 == digest), "off is off");
}

#[test]
fn an_empty_message_is_carried_where_the_user_wants_it() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = TempDir::new().unwrap();
    let password = password_file(home.path());
    let mbox = home.path().join("box");
    fs::write(&mbox, "From a@b Mon Mar  1 10:00:00 2004\n\nFrom a@b Mon Mar  1 10:00:01 2004\nSubject: x\n\nx\n\n")
        .unwrap();
    let target = Server::plaintext_url("anna", server.imap_port) + "Box";
    let copy = |options: &[&str]| {
        let arguments =
            ["copy", mbox.to_str().unwrap(), &target, "--json", "--password-file", password.to_str().unwrap()];
        run(home.path(), &[&arguments, options].concat())
    };
    let plain = copy(&[]);
    let failed = plain.events_of("message.failed");
    if failed.is_empty() {
        // A separator without a message is no message to this reader: nothing to repair.
        plain.expect(0);
        return;
    }
    assert!(failed[0]["hint"].as_str().unwrap().contains("--repair empty"), "{failed:?}");
    copy(&["--repair", "empty"]).expect(0);
    let digest = sha256(b"Subject: (this message was empty)\r\n\r\n");
    assert!(server.peek("anna").iter().any(|message| message.sha256 == digest));
}

#[test]
fn a_person_renames_leaves_out_saves_and_uses_the_rules_again() {
    let Some(scene) = Scene::new() else { return };
    let (store, target) = (scene.path("Maildir"), Server::plaintext_url("anna", scene.server.imap_port));
    let password = scene.path("password");
    let arguments = [store.to_str().unwrap(), &target, "--password-file", password.to_str().unwrap()];
    let mut pty = Pty::mailferry(scene.home.path(), &arguments);
    pty.wait_for("INBOX");
    pty.wait_for("Papierkorb");
    pty.wait_for("Drafts");
    pty.type_keys("g");
    pty.type_keys(" ");
    pty.type_keys(key::F[4]); // F5
    pty.wait_for("what goes where");
    pty.wait_for("F4 reads every message");
    // The row of the trash is left out, that of the sent mail gets another name.
    pty.go_to_row("Papierkorb");
    pty.type_keys(" ");
    pty.wait_for("left out");
    pty.go_to_row("Gesendete Objekte");
    pty.type_keys("e");
    pty.wait_for("Enter that name");
    pty.type_keys("/2004");
    pty.type_keys("\r");
    pty.wait_for("2 rules");
    pty.type_keys(key::F[1]); // F2
    pty.wait_for("Rules for folders");
    pty.type_keys("S");
    pty.wait_for("Save the rules");
    pty.type_keys("\x15");
    let file = scene.path("anna.toml");
    pty.type_keys(file.to_str().unwrap());
    pty.type_keys("\r");
    pty.wait_for("written to");
    pty.type_keys("\x1b");
    pty.wait_gone("Rules for folders");
    pty.type_keys("\r");
    pty.wait_for("Copied 12");
    let there = scene.counts();
    assert!(there.iter().any(|(folder, count)| folder.ends_with("/2004") && *count == 4), "{there:?}");
    assert_eq!(there.values().sum::<usize>(), 12, "{there:?}");
    pty.type_keys("q");
    assert_eq!(pty.wait_exit(), 0);
    // The same rules without a screen: all is there.
    let again = scene.run(&["copy", "--json"], &["--map", file.to_str().unwrap()]).expect(0);
    assert_eq!(again.totals(), (0, 12, 0));
}
