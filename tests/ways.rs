//! Mail goes every way: out of a mailbox into a Maildir or mbox, from account to account, from disk to disk. Bytes, dates and
//! flags arrive; each message once, whatever ends a run; a move takes nothing away that is not there.

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
use std::path::{Path, PathBuf};

use common::mail::{Mail, Maker, MboxStyle, write_maildir_tree, write_mbox};
use common::peek::{self, Message};
use common::program::{Run, command, password_file, run};
use common::servers::{Dovecot, Server};
use common::sha256;
use mailferry::mail::Digest;
use serde_json::Value;
use tempfile::TempDir;

/// A message as it must arrive: folder, digest, date, flags.
type Seen = (String, String, i64, BTreeSet<String>);

/// More places than any run here has.
const MOST: u64 = 60;

struct Scene {
    home: TempDir,
    server: Server,
}

impl Scene {
    fn new() -> Option<Self> {
        let server = Dovecot::new().start()?;
        let home = TempDir::new().unwrap();
        password_file(home.path());
        Some(Self { home, server })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn place(&self, word: &str, name: &str) -> String {
        format!("{word}:{}", self.path(name).display())
    }

    fn url(&self, user: &str) -> String {
        Server::plaintext_url(user, self.server.imap_port)
    }

    /// The arguments of a command on these paths, with the passwords of both sides.
    fn arguments(&self, verb: &str, source: &str, target: &str) -> Vec<String> {
        let password = self.path("password").display().to_string();
        let mut all: Vec<String> =
            [verb, source, target, "--json", "--password-file", &password].map(Into::into).into();
        all.extend(["--source-password-file".to_owned(), password]);
        all
    }

    fn run(&self, verb: &str, source: &str, target: &str) -> Run {
        let arguments = self.arguments(verb, source, target);
        run(self.home.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The messages of a local store, as `ls` reads them.
    fn listed(&self, name: &str) -> Vec<Seen> {
        let path = self.path(name);
        if !path.exists() {
            return Vec::new();
        }
        let listed =
            run(self.home.path(), &["ls", path.to_str().unwrap(), "--messages", "--digest", "--json"]).expect(0);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let words = |value: &Value| value.as_array().unwrap().iter().map(|word| text(word).to_lowercase()).collect();
        let mut seen: Vec<Seen> = listed
            .events_of("message")
            .iter()
            .map(|message| {
                let flags: BTreeSet<String> = words(&message["flags"]);
                let keywords: BTreeSet<String> = words(&message["keywords"]);
                let date = chrono::DateTime::parse_from_rfc3339(&text(&message["internal_date"])).unwrap();
                (text(&message["folder"]), text(&message["sha256"]), date.timestamp(), &flags | &keywords)
            })
            .collect();
        seen.sort();
        seen
    }

    /// The messages of a user, as another client reads them.
    fn peeked(&self, user: &str) -> Vec<Seen> {
        let mut seen: Vec<Seen> = self.server.peek(user).into_iter().map(arrived).collect();
        seen.sort();
        seen
    }

    /// Fills a mailbox with a tree of folders; gives what is in it.
    fn fill(&self, user: &str, seed: u64) -> Vec<Seen> {
        let mut maker = Maker::new(seed);
        let folders = [
            ("", maker.folder(20, 2003, 300)),
            ("Sent", maker.folder(8, 2004, 90)),
            ("Projects.Bridge", maker.folder(12, 1998, 700)),
            ("B&APw-ro &- Co", maker.folder(5, 2012, 60)),
        ];
        let name = format!("fill-{user}");
        write_maildir_tree(&self.path(&name), &folders).unwrap();
        self.run("copy", self.path(&name).to_str().unwrap(), &self.url(user)).expect(0);
        self.peeked(user)
    }
}

fn arrived(message: Message) -> Seen {
    let flags = message.flags.iter().map(|flag| flag.to_lowercase()).collect();
    (message.folder, message.sha256, message.internal_date, flags)
}

fn expected(folder: &str, mails: &[Mail]) -> Vec<(String, String, i64)> {
    let mut all: Vec<_> = mails.iter().map(|mail| (folder.to_owned(), sha256(&mail.bytes), mail.received)).collect();
    all.sort();
    all
}

fn without_flags(seen: &[Seen]) -> Vec<(String, String, i64)> {
    seen.iter().map(|(folder, digest, date, _)| (folder.clone(), digest.clone(), *date)).collect()
}

#[track_caller]
fn assert_same(found: &[Seen], expected: &[Seen]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn a_mailbox_becomes_a_maildir_and_nothing_is_written_twice() {
    let Some(scene) = Scene::new() else { return };
    let there = scene.fill("anna", 1);
    let target = scene.place("maildir", "out");
    let first = scene.run("copy", &scene.url("anna"), &target).expect(0);
    assert_eq!(first.totals(), (there.len() as u64, 0, 0));
    assert_same(&scene.listed("out"), &there);
    assert_eq!(scene.run("copy", &scene.url("anna"), &target).expect(0).totals(), (0, there.len() as u64, 0));
    assert_same(&scene.listed("out"), &there);
    scene.run("verify", &scene.url("anna"), &target).expect(0);
    // Reading changed nothing: no message became seen.
    assert_same(&scene.peeked("anna"), &there);
    // Another program reads it: Dovecot serves it as the mailbox of a user.
    let mail = scene.server.folder().join("mail/other");
    copy_tree(&scene.path("out"), &mail);
    assert_same(&scene.peeked("other"), &there);
}

#[test]
fn a_mailbox_becomes_a_directory_of_mboxes_and_a_folder_becomes_one_mbox() {
    let Some(scene) = Scene::new() else { return };
    let there = scene.fill("anna", 2);
    let target = scene.place("mbox", "boxes/");
    scene.run("copy", &scene.url("anna"), &target).expect(0);
    assert_same(&scene.listed("boxes"), &there);
    assert_eq!(scene.run("copy", &scene.url("anna"), &target).expect(0).totals(), (0, there.len() as u64, 0));
    assert_same(&scene.listed("boxes"), &there);
    let one = scene.place("mbox", "sent.mbox");
    scene.run("copy", &(scene.url("anna") + "Sent"), &one).expect(0);
    let of_sent: Vec<Seen> = there
        .iter()
        .filter(|seen| seen.0 == "Sent")
        .cloned()
        .map(|seen| (String::new(), seen.1, seen.2, seen.3))
        .collect();
    assert_same(&scene.listed("sent.mbox"), &of_sent);
    let refused = scene.run("copy", &scene.url("anna"), &one).expect(2);
    assert!(refused.err.contains("mbox:DIRECTORY/"), "{}", refused.err);
}

#[test]
fn a_mailbox_goes_into_another_account_and_a_move_leaves_the_first_one_empty() {
    let Some(scene) = Scene::new() else { return };
    let there = scene.fill("anna", 3);
    scene.run("copy", &scene.url("anna"), &scene.url("bert")).expect(0);
    assert_same(&scene.peeked("bert"), &there);
    scene.run("move", &scene.url("anna"), &scene.url("carl")).expect(0);
    assert_same(&scene.peeked("carl"), &there);
    assert_same(&scene.peeked("anna"), &[]);
    // Into itself: nothing goes, nothing is lost.
    scene.run("move", &scene.url("bert"), &scene.url("bert")).expect(1);
    assert_same(&scene.peeked("bert"), &there);
}

#[test]
fn what_was_changed_at_the_source_while_it_was_carried_stays_there() {
    let Some(scene) = Scene::new() else { return };
    let mails = Maker::new(4).folder(6, 2003, 30);
    write_maildir_tree(&scene.path("in"), &[("", mails)]).unwrap();
    scene.run("copy", scene.path("in").to_str().unwrap(), &(scene.url("anna") + "Box")).expect(0);
    // The copy is there; only then somebody flags the message. The move then takes the flagged state as it is.
    scene.run("copy", &(scene.url("anna") + "Box"), &scene.place("maildir", "out")).expect(0);
    let uid = scene.server.peek("anna").first().unwrap().uid;
    peek::flag(scene.server.imap_port, "anna", "Box", uid, "Later");
    scene.run("move", &(scene.url("anna") + "Box"), &scene.place("maildir", "out")).expect(0);
    assert_eq!(scene.peeked("anna").len(), 0);
    assert_eq!(scene.listed("out").len(), 6);
}

#[test]
fn local_mail_goes_into_other_local_mail() {
    let Some(scene) = Scene::new() else { return };
    let mails = Maker::new(5).folder(30, 2004, 200);
    write_mbox(&scene.path("in.mbox"), &mails, MboxStyle::Mboxrd).unwrap();
    let source = scene.path("in.mbox").display().to_string();
    scene.run("copy", &source, &(scene.place("maildir", "out") + "#Old/2004")).expect(0);
    assert_eq!(without_flags(&scene.listed("out")), expected("Old/2004", &mails));
    let again = scene.run("copy", &source, &(scene.place("maildir", "out") + "#Old/2004")).expect(0);
    assert_eq!(again.totals(), (0, 30, 0));
    let from = format!("{}#Old/2004", scene.path("out").display());
    scene.run("move", &from, &scene.place("mbox", "back.mbox")).expect(0);
    assert_eq!(without_flags(&scene.listed("back.mbox")), expected("", &mails));
    assert_eq!(scene.listed("out").len(), 0);
}

#[test]
fn a_job_on_this_machine_is_taken_back() {
    let Some(scene) = Scene::new() else { return };
    let mails = Maker::new(6).folder(10, 2004, 200);
    let own = Maker::new(60).folder(3, 2004, 20);
    write_mbox(&scene.path("in.mbox"), &mails, MboxStyle::Mboxrd).unwrap();
    write_maildir_tree(&scene.path("out"), &[("", own.clone())]).unwrap();
    write_mbox(&scene.path("out.mbox"), &own, MboxStyle::Mboxrd).unwrap();
    let source = scene.path("in.mbox").display().to_string();
    for (job, target) in [("1", scene.place("maildir", "out") + "#INBOX"), ("2", scene.place("mbox", "out.mbox"))] {
        scene.run("copy", &source, &target).expect(0);
        let undone = run(scene.home.path(), &["undo", job, "--yes", "--json"]).expect(0);
        assert_eq!(undone.events_of("undo.end")[0]["removed"], 10, "{}", undone.out);
    }
    assert_eq!(without_flags(&scene.listed("out.mbox")), expected("", &own));
    assert_eq!(scene.listed("out").len(), 3);
}

/// Makes a journal one of version 2, whose digests were SHA-256.
fn make_older(journal: &Path, mails: &[Mail]) {
    let db = rusqlite::Connection::open(journal).unwrap();
    let mut rows = db.prepare("SELECT id, entries FROM batch").unwrap();
    let rows: Vec<(i64, Vec<u8>)> =
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    let mut replaced = 0;
    for (id, mut entries) in rows {
        for mail in mails {
            let [now, older] = Digest::ever_of(&mail.bytes).map(|digest| postcard::to_stdvec(&digest).unwrap());
            let Some(at) = entries.windows(now.len()).position(|bytes| bytes == now) else { continue };
            entries[at..at + now.len()].copy_from_slice(&older);
            replaced += 1;
        }
        db.execute("UPDATE batch SET entries = ? WHERE id = ?", (entries, id)).unwrap();
    }
    assert_eq!(replaced, mails.len());
    db.execute_batch("ALTER TABLE batch DROP COLUMN marks").unwrap();
    db.pragma_update(None, "user_version", 2).unwrap();
}

#[test]
fn a_job_of_an_older_journal_is_taken_back() {
    let Some(scene) = Scene::new() else { return };
    let mails = Maker::new(7).folder(10, 2004, 200);
    write_mbox(&scene.path("in.mbox"), &mails, MboxStyle::Mboxrd).unwrap();
    write_maildir_tree(&scene.path("out"), &[("", Vec::new())]).unwrap();
    let source = scene.path("in.mbox").display().to_string();
    scene.run("copy", &source, &(scene.place("maildir", "out") + "#INBOX")).expect(0);
    make_older(&scene.path(".local/state/mailferry/journal.sqlite"), &mails);
    let undone = run(scene.home.path(), &["undo", "1", "--yes", "--json"]).expect(0);
    assert_eq!(undone.events_of("undo.end")[0]["removed"], 10, "{}", undone.out);
}

#[test]
fn a_crash_at_any_change_of_the_journal_leaves_each_message_once() {
    let Some(scene) = Scene::new() else { return };
    let there = scene.fill("source", 7);
    let sent: BTreeSet<String> = there.iter().filter(|seen| seen.0 == "Sent").map(|seen| seen.1.clone()).collect();
    for word in ["maildir", "mbox"] {
        let mut crashes = 0;
        for at in 1..=MOST {
            let name = format!("{word}-{at}.mbox");
            let target = scene.place(word, &name) + if word == "maildir" { "#Sent" } else { "" };
            let arguments = scene.arguments("copy", &(scene.url("source") + "Sent"), &target);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let crashed = command(scene.home.path(), &arguments)
                .env("MAILFERRY_CRASH_AT", at.to_string())
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status()
                .unwrap();
            run(scene.home.path(), &arguments).expect(0);
            let found = scene.listed(&name);
            let digests: BTreeSet<String> = found.iter().map(|seen| seen.1.clone()).collect();
            assert!(found.len() == sent.len() && digests == sent, "{word} at {at}: {} of {}", found.len(), sent.len());
            if crashed.success() {
                break;
            }
            crashes += 1;
        }
        assert!((4..MOST).contains(&crashes), "{word}: {crashes}");
    }
}

#[test]
fn a_kill_in_the_middle_costs_nothing_and_a_move_removes_only_what_is_there() {
    let Some(scene) = Scene::new() else { return };
    let mails = Maker::new(8).folder(400, 2004, 200);
    write_maildir_tree(&scene.path("in"), &[("", mails.clone())]).unwrap();
    scene.run("copy", scene.path("in").to_str().unwrap(), &(scene.url("anna") + "Box")).expect(0);
    let all: BTreeSet<String> = mails.iter().map(|mail| sha256(&mail.bytes)).collect();
    let arguments = scene.arguments("move", &(scene.url("anna") + "Box"), &(scene.place("maildir", "out") + "#Box"));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut child = command(scene.home.path(), &arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
    let cur = scene.path("out/.Box/cur");
    common::wait_until(|| fs::read_dir(&cur).is_ok_and(|entries| entries.count() > 5));
    child.kill().unwrap();
    child.wait().unwrap();
    let here = || scene.listed("out").into_iter().map(|seen| seen.1);
    let there = || scene.peeked("anna").into_iter().map(|seen| seen.1);
    assert!(here().chain(there()).collect::<BTreeSet<_>>() == all, "something is nowhere");
    run(scene.home.path(), &arguments).expect(0);
    assert_eq!((here().count(), here().collect::<BTreeSet<_>>()), (mails.len(), all));
    assert_eq!(there().count(), 0);
}

/// Copies a directory with all that is in it, open to everyone: the server runs as another user.
fn copy_tree(from: &std::path::Path, to: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o777)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            let times = fs::FileTimes::new().set_modified(entry.metadata().unwrap().modified().unwrap());
            fs::copy(entry.path(), &target).unwrap();
            fs::OpenOptions::new().write(true).open(&target).unwrap().set_times(times).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o666)).unwrap();
        }
    }
}

#[test]
fn a_source_that_can_not_be_reached_or_refuses_the_login_says_so_at_once() {
    let Some(scene) = Scene::new() else { return };
    let nowhere = Server::plaintext_url("anna", 1);
    let refused = scene.run("copy", &nowhere, &scene.place("maildir", "out")).expect(69);
    assert!(refused.err.contains("cannot reach"), "{}", refused.err);
    fs::write(scene.path("password"), "wrong\n").unwrap();
    scene.run("copy", &scene.url("anna"), &scene.place("maildir", "out")).expect(77);
    assert!(!scene.path("out").exists());
}
