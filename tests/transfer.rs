//! Every store into every server: bytes, dates, flags, keywords and folder tree, compared through another client.

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
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::mail::{Mail, Maker, MboxStyle, write_eml_folder, write_maildir_tree, write_mbox};
use common::peek::{self, Message};
use common::program::{Run, password_file, run};
use common::servers::{Courier, Cyrus, Dovecot, Server};
use common::sha256;
use tempfile::TempDir;

/// A message as it must arrive: folder, digest, date, flags.
type Expected = (String, String, i64, BTreeSet<String>);

/// What `mail` must be in `folder`; an .eml file keeps no flags and counts as read.
fn expect(folder: &str, mail: &Mail, keeps_flags: bool) -> Expected {
    let mut flags = BTreeSet::new();
    if keeps_flags {
        let marks = mail.marks;
        let all = [
            (marks.seen, "\\seen"),
            (marks.answered, "\\answered"),
            (marks.flagged, "\\flagged"),
            (marks.draft, "\\draft"),
            (marks.forwarded, "$forwarded"),
        ];
        flags.extend(all.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned()));
        flags.extend(mail.keywords.iter().map(|keyword| keyword.to_lowercase()));
    } else {
        flags.insert("\\seen".to_owned());
    }
    (folder.to_owned(), sha256(&mail.bytes), mail.received, flags)
}

fn arrived(message: Message) -> Expected {
    (
        message.folder,
        message.sha256,
        message.internal_date,
        message.flags.iter().map(|flag| flag.to_lowercase()).collect(),
    )
}

struct Scene {
    home: TempDir,
    password: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let password = password_file(home.path());
        Self { home, password }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn run(&self, command: &str, source: &Path, target: &str) -> Run {
        let password = self.password.to_str().unwrap();
        run(self.home.path(), &[command, source.to_str().unwrap(), target, "--json", "--password-file", password])
    }
}

#[track_caller]
fn assert_same(server: &Server, user: &str, mut expected: Vec<Expected>) {
    let mut found: Vec<Expected> = server.peek(user).into_iter().map(arrived).collect();
    found.sort();
    expected.sort();
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(expected, found);
    }
    assert_eq!(found.len(), expected.len());
}

/// Carries a Maildir tree to the top of a mailbox; `prefix` and `separator` are the server's.
fn maildir_into(server: &Server, prefix: &str, separator: &str) {
    let scene = Scene::new();
    let mut maker = Maker::new(7);
    let folders = [
        ("", maker.folder(20, 2003, 300)),
        ("Sent", maker.folder(8, 2004, 90)),
        ("Projects.Bridge", maker.folder(12, 1998, 700)),
        ("B&APw-ro &- Co", maker.folder(5, 2012, 60)),
        ("Empty", Vec::new()),
    ];
    let store = scene.path("Maildir");
    write_maildir_tree(&store, &folders).unwrap();
    let target = Server::plaintext_url("test", server.imap_port);

    let first = scene.run("copy", &store, &target).expect(0);
    assert_eq!(first.totals(), (45, 0, 0));
    assert!(first.events_of("throttle").is_empty(), "{}", first.out); // one healthy connection is never lost
    let named = |path: &str| format!("{prefix}{}", path.replace('/', separator));
    let names = ["INBOX".to_owned(), named("Sent"), named("Projects/Bridge"), named("Büro & Co"), named("Empty")];
    let expected = folders
        .iter()
        .zip(&names)
        .flat_map(|((_, mails), name)| mails.iter().map(move |mail| expect(name, mail, true)))
        .collect();
    assert_same(server, "test", expected);
    let subscribed = peek::subscribed(server.imap_port, "test");
    for name in &names[2..] {
        assert!(subscribed.contains(name), "{name} in {subscribed:?}");
    }

    let second = scene.run("copy", &store, &target).expect(0);
    assert_eq!(second.totals(), (0, 45, 0));
    assert!(second.events_of("throttle").is_empty(), "{}", second.out);
    assert_eq!(server.peek("test").len(), 45);
}

#[test]
fn a_maildir_tree_arrives_whole_on_dovecot() {
    let Some(server) = Dovecot::new().start() else { return };
    maildir_into(&server, "", "/");
}

#[test]
fn a_maildir_tree_arrives_whole_on_dovecot_below_a_prefix() {
    let Some(server) = Dovecot::new().separator(".").prefix("INBOX.").start() else { return };
    maildir_into(&server, "INBOX.", ".");
}

#[test]
fn a_maildir_tree_arrives_whole_on_cyrus() {
    let Some(server) = Cyrus::new().start() else { return };
    maildir_into(&server, "", "/");
}

#[test]
fn a_maildir_tree_arrives_whole_on_cyrus_of_old_style() {
    let Some(server) = Cyrus::old_style().start() else { return };
    maildir_into(&server, "INBOX.", ".");
}

#[test]
fn a_maildir_tree_arrives_whole_on_courier() {
    let Some(server) = Courier::new().start() else { return };
    maildir_into(&server, "INBOX.", ".");
}

#[test]
fn mailbox_files_of_every_style_arrive_with_their_quoting_undone() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let mut expected = Vec::new();
    for (name, style) in [("rd", MboxStyle::Mboxrd), ("crlf", MboxStyle::Crlf), ("bird", MboxStyle::Thunderbird)] {
        let mails = Maker::new(11).folder(40, 2001, 500);
        let store = scene.path(name);
        write_mbox(&store, &mails, style).unwrap();
        let target = format!("{}Old/{name}", Server::plaintext_url("anna", server.imap_port));
        assert_eq!(scene.run("copy", &store, &target).expect(0).totals(), (40, 0, 0), "{name}");
        assert_eq!(scene.run("copy", &store, &target).expect(0).totals(), (0, 40, 0), "{name}");
        expected.extend(mails.iter().map(|mail| expect(&format!("Old/{name}"), mail, true)));
    }
    assert_same(&server, "anna", expected);
}

#[test]
fn a_folder_of_eml_files_arrives_dated_and_read() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let mails = Maker::new(5).folder(25, 2020, 90);
    write_eml_folder(&scene.path("letters"), &mails).unwrap();
    let target = format!("{}Letters", Server::plaintext_url("anna", server.imap_port));
    scene.run("copy", &scene.path("letters"), &target).expect(0);
    assert_same(&server, "anna", mails.iter().map(|mail| expect("Letters", mail, false)).collect());
}

#[test]
fn a_moved_maildir_and_eml_folder_lie_beside_their_store_afterwards() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let mails = Maker::new(3).folder(10, 2005, 90);
    write_maildir_tree(&scene.path("Maildir"), &[("", mails.clone())]).unwrap();
    write_eml_folder(&scene.path("letters"), &mails).unwrap();
    let target = Server::plaintext_url("anna", server.imap_port);
    for (store, folder, below) in [("Maildir", "A", 10), ("letters", "B", 10)] {
        let run = scene.run("move", &scene.path(store), &format!("{target}{folder}")).expect(0);
        assert!(run.events_of("message.done").iter().all(|done| done["proof"] == "exact"));
        assert_eq!(run.events_of("job.end")[0]["removed"], below);
    }
    let files =
        |path: PathBuf| -> usize { walk(&path).into_iter().filter(|path| !path.ends_with("dovecot-keywords")).count() };
    assert_eq!(files(scene.path("Maildir")), 0);
    assert_eq!(files(scene.path("letters")), 0);
    assert_eq!(files(scene.path(".mailferry-moved")), 20);
    assert_eq!(server.peek("anna").len(), 20);
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn a_moved_mailbox_file_keeps_what_was_refused_and_nothing_else() {
    let Some(server) = Dovecot::new().max_mail_size("20K").start() else { return };
    let scene = Scene::new();
    let mut mails = Maker::new(9).folder(12, 2005, 90);
    mails.retain(|mail| mail.bytes.len() < 15_000);
    let small = mails.len();
    let mut big = mails[0].clone();
    big.bytes =
        format!("From: a@b.example\r\nSubject: too big\r\nMessage-ID: <big@x>\r\n\r\n{}", "line\r\n".repeat(9000))
            .into_bytes();
    mails.insert(2, big);
    let store = scene.path("box");
    write_mbox(&store, &mails, MboxStyle::Mboxrd).unwrap();
    let target = format!("{}Box", Server::plaintext_url("anna", server.imap_port));
    let run = scene.run("move", &store, &target).expect(1);
    assert_eq!(run.totals(), (small as u64, 0, 1), "{}", run.out);
    assert_eq!(run.events_of("message.failed")[0]["subject"], "too big");
    assert_eq!(server.peek("anna").len(), small);
    let left = fs::read_to_string(&store).unwrap();
    assert_eq!(left.matches("\nFrom ").count() + 1, 1, "{left:.300}");
    assert!(left.contains("Subject: too big") && left.starts_with("From "));
    assert!(!scene.path("box.lock").exists());
}

#[test]
fn a_move_out_of_a_place_that_can_not_be_changed_is_refused_before_it_starts() {
    if rustix::process::geteuid().is_root() {
        // Root may write anywhere, so a file system that nobody may write to is needed: /proc.
        let scene = Scene::new();
        let run = scene.run("move", Path::new("/proc/self/cmdline"), "imap+plaintext://a@127.0.0.1:1/X");
        assert_eq!(run.code, 66, "{}", run.err);
        return;
    }
    let scene = Scene::new();
    let parent = scene.path("locked");
    write_maildir_tree(&parent.join("Maildir"), &[("", Maker::new(1).folder(1, 2005, 9))]).unwrap();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o500)).unwrap();
    let run = scene.run("move", &parent.join("Maildir"), "imap+plaintext://a@127.0.0.1:1/X");
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o700)).unwrap();
    run.expect(74);
}

#[test]
fn eight_bit_headers_that_cyrus_would_ruin_are_reported() {
    let Some(server) = Cyrus::new().start() else { return };
    let scene = Scene::new();
    fs::write(
        scene.path("a.eml"),
        b"From: a@b.example\r\nSubject: Gr\xfc\xdfe\r\nDate: Mon, 1 Mar 2004 10:00:00 +0000\r\n\r\nx\r\n",
    )
    .unwrap();
    let target = format!("{}Box", Server::plaintext_url("test", server.imap_port));
    let run = scene.run("copy", &scene.path("a.eml"), &target).expect(69);
    assert!(run.events_of("message.failed")[0]["reason"].as_str().unwrap().contains("changed the message"));
}

#[test]
fn what_imap_can_not_carry_is_listed_and_stays() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    write_maildir_tree(&scene.path("M"), &[("", Maker::new(2).folder(2, 2005, 9))]).unwrap();
    fs::write(scene.path("M/cur/1.nul:2,S"), b"Subject: nul\n\na\0b\n").unwrap();
    fs::write(scene.path("M/cur/2.empty:2,S"), b"").unwrap();
    let target = format!("{}Box", Server::plaintext_url("anna", server.imap_port));
    let run = scene.run("copy", &scene.path("M"), &target).expect(1);
    assert_eq!(run.totals(), (2, 0, 1));
    assert!(run.events_of("message.failed")[0]["reason"].as_str().unwrap().contains("NUL"));
    assert!(run.events_of("damage")[0]["text"].as_str().unwrap().contains("2.empty"));
}

#[test]
fn folder_names_that_dovecot_refuses_get_one_that_it_takes() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    write_eml_folder(&scene.path("mail/john.doe"), &Maker::new(2).folder(2, 2005, 9)).unwrap();
    write_eml_folder(&scene.path("mail/plain"), &Maker::new(3).folder(2, 2005, 9)).unwrap();
    let run = scene.run("copy", &scene.path("mail"), &Server::plaintext_url("anna", server.imap_port)).expect(0);
    assert_eq!(run.totals(), (4, 0, 0));
    let folders: BTreeSet<String> = server.peek("anna").into_iter().map(|message| message.folder).collect();
    assert_eq!(folders, BTreeSet::from(["john_doe".to_owned(), "plain".to_owned()]));
    assert_eq!(
        scene.run("copy", &scene.path("mail"), &Server::plaintext_url("anna", server.imap_port)).expect(0).totals(),
        (0, 4, 0)
    );
}

/// A move of three messages, each of which must be read back in full.
fn move_into(server: &Server) {
    let scene = Scene::new();
    let mails = Maker::new(31).folder(12, 2005, 90);
    write_mbox(&scene.path("box"), &mails, MboxStyle::Mboxrd).unwrap();
    let target = format!("{}Moved", Server::plaintext_url("test", server.imap_port));
    let run = scene.run("move", &scene.path("box"), &target).expect(0);
    assert_eq!(run.events_of("job.end")[0]["removed"], 12);
    assert!(run.events_of("throttle").is_empty(), "{}", run.out);
    assert!(run.events_of("message.done").iter().all(|done| done["proof"] == "exact"));
    assert_eq!(server.peek("test").len(), 12);
    assert_eq!(fs::metadata(scene.path("box")).unwrap().len(), 0);
}

#[test]
fn a_move_is_proven_byte_for_byte_on_cyrus() {
    let Some(server) = Cyrus::new().start() else { return };
    move_into(&server);
}

#[test]
fn a_move_is_proven_byte_for_byte_on_courier() {
    let Some(server) = Courier::new().start() else { return };
    move_into(&server);
}

#[test]
fn an_outlook_express_identity_arrives_with_its_tree_dates_and_marks() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let store = common::servers::project().join("tests/data/stores/outlook-express/identity");
    let listed = run(scene.home.path(), &["ls", store.to_str().unwrap(), "--messages", "--digest", "--json"]);
    let mut expected: Vec<(String, String, i64)> = listed
        .events_of("message")
        .iter()
        .map(|message| {
            let date = chrono::DateTime::parse_from_rfc3339(message["internal_date"].as_str().unwrap()).unwrap();
            let folder = message["folder"].as_str().unwrap();
            let folder = if folder == "Eingegangenes" { "INBOX" } else { folder };
            (folder.to_owned(), message["sha256"].as_str().unwrap().to_owned(), date.timestamp())
        })
        .collect();
    expected.sort();
    assert!(expected.len() >= 8, "{}", listed.out);
    let target = Server::plaintext_url("anna", server.imap_port);
    let copied = scene.run("copy", &store, &target);
    assert_eq!(copied.totals().0, expected.len() as u64, "{}", copied.out);
    let mut found: Vec<(String, String, i64)> = server
        .peek("anna")
        .into_iter()
        .map(|message| (message.folder, message.sha256, message.internal_date))
        .collect();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(scene.run("copy", &store, &target).totals(), (0, expected.len() as u64, 0));

    let refused = scene.run("move", &store, &target).expect(74);
    assert!(refused.err.contains("copy"), "{}", refused.err);
}
