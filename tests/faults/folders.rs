//! Many small folders: each is made and opened behind the one before it. Whatever breaks there, each message is in its folder
//! once, and a job that is taken back takes its folders with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::common::mail::{Mail, Maker, write_maildir_tree};
use super::common::peek::{self, peek};
use super::common::program::{Run, Running, command, password_file, run};
use super::common::proxy::{At, Do, Proxy};
use super::common::servers::{Dovecot, Server};
use super::common::{for_each_of, is_long, sha256};

/// Folders of the store; the last has nothing in it.
const FOLDERS: [(&str, usize); 6] =
    [("", 3), ("Bridge", 4), ("Bridge.Girders", 2), ("Letters", 5), ("Paid", 1), ("Empty", 0)];
/// More journal changes than any run here has.
const MOST: u64 = 60;

struct Tree {
    home: TempDir,
    user: String,
    /// The digests of each folder's messages on the server, sorted.
    wanted: BTreeMap<String, Vec<String>>,
}

impl Tree {
    fn new(user: &str) -> Self {
        let home = TempDir::new().unwrap();
        password_file(home.path());
        let mut folders: Vec<(&str, Vec<Mail>)> = FOLDERS
            .iter()
            .enumerate()
            .map(|(place, (name, messages))| (*name, Maker::new(place as u64).folder(*messages, 2004, 90)))
            .collect();
        // A keyword that is new to a folder is asked for.
        for mail in folders.iter_mut().flat_map(|(_, mails)| mails) {
            (mail.keywords, mail.marks.forwarded) = (Vec::new(), false);
        }
        write_maildir_tree(&home.path().join("Maildir"), &folders).unwrap();
        let mut wanted = BTreeMap::new();
        for (name, mails) in &folders {
            let name = if name.is_empty() { "INBOX".to_owned() } else { name.replace('.', "/") };
            let mut digests: Vec<String> = mails.iter().map(|mail| sha256(&mail.bytes)).collect();
            digests.sort();
            wanted.insert(format!("Old/{name}"), digests);
        }
        Self { home, user: user.to_owned(), wanted }
    }

    fn arguments(&self, port: u16) -> Vec<String> {
        let source = self.home.path().join("Maildir").display().to_string();
        let target = format!("{}Old", Server::plaintext_url(&self.user, port));
        let password = self.home.path().join("password").display().to_string();
        let fixed = ["--json", "--connections", "1", "--password-file", &password];
        ["copy", &source, &target].iter().chain(&fixed).map(|word| (*word).to_owned()).collect()
    }

    fn copy(&self, port: u16) -> Run {
        let arguments = self.arguments(port);
        run(self.home.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Every message is in its folder, once.
    #[track_caller]
    fn assert_all_there(&self, port: u16, what: &str) {
        let mut there: BTreeMap<String, Vec<String>> =
            peek::folders(port, &self.user).into_iter().map(|folder| (folder.name, Vec::new())).collect();
        there.retain(|name, _| name.starts_with("Old/"));
        for message in peek(port, &self.user) {
            there.entry(message.folder).or_default().push(message.sha256);
        }
        for digests in there.values_mut() {
            digests.sort();
        }
        assert_eq!(there, self.wanted, "{what}");
    }

    fn journal_is_whole(&self) -> bool {
        let journal: PathBuf = self.home.path().join(".local/state/mailferry/journal.sqlite");
        Path::new(&journal).exists()
    }
}

#[test]
fn each_folder_takes_two_round_trips_and_goes_with_its_job() {
    let Some(server) = Dovecot::new().start() else { return };
    let before = peek::folders(server.imap_port, "anna").len();
    let tree = Tree::new("anna");
    let proxy = Proxy::new(server.imap_port).round_trip(Duration::from_millis(60)).start();
    let run = tree.copy(proxy.port).expect(0);
    assert_eq!(run.totals(), (15, 0, 0));
    tree.assert_all_there(server.imap_port, "no fault");
    assert!(proxy.turns() <= 3 + 4 + 2 * FOLDERS.len(), "{}", proxy.turns());
    let subscribed = peek::subscribed(server.imap_port, "anna");
    assert!(tree.wanted.keys().all(|folder| subscribed.contains(folder)), "{subscribed:?}");
    let password = tree.home.path().join("password").display().to_string();
    super::common::program::run(tree.home.path(), &["undo", "1", "--yes", "--password-file", &password]).expect(0);
    assert_eq!(peek::folders(server.imap_port, "anna").len(), before);
}

#[test]
fn a_server_that_leaves_after_any_command_gets_each_message_once() {
    let Some(server) = Dovecot::new().start() else { return };
    let step = if is_long() { 1 } else { 3 };
    for_each_of(&(11..=50).step_by(step).collect::<Vec<_>>(), 8, |commands| {
        let tree = Tree::new(&format!("left{commands}"));
        let proxy = Proxy::new(server.imap_port).leave_after(*commands).start();
        let run = tree.copy(proxy.port).expect(0);
        assert_eq!(run.totals(), (15, 0, 0), "{commands}");
        tree.assert_all_there(server.imap_port, &format!("BYE after {commands} commands"));
        assert_eq!(tree.copy(server.imap_port).expect(0).totals(), (0, 15, 0), "{commands}");
    });
}

#[test]
fn a_line_that_breaks_while_the_next_folder_is_opened_costs_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let cases: Vec<(u64, At)> =
        (1..=15).flat_map(|nth| [(nth, At::BeforeOk), (nth, At::AfterEnd), (nth, At::AfterOk)]).collect();
    for_each_of(&cases, 8, |(nth, at)| {
        let tree = Tree::new(&format!("cut{nth}{at:?}"));
        let proxy = Proxy::new(server.imap_port).fault(*nth, *at, Do::Reset).start();
        let run = tree.copy(proxy.port).expect(0);
        assert_eq!(run.totals(), (15, 0, 0), "{nth} {at:?}");
        tree.assert_all_there(server.imap_port, &format!("{nth} {at:?}"));
    });
}

#[test]
fn a_crash_at_any_change_of_the_journal_leaves_each_message_in_its_folder_once() {
    let Some(server) = Dovecot::new().start() else { return };
    for_each_of(&(1..=MOST).collect::<Vec<_>>(), 20, |at| {
        let tree = Tree::new(&format!("crash{at}"));
        let arguments = tree.arguments(server.imap_port);
        let mut crashing = command(tree.home.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        crashing.env("MAILFERRY_CRASH_AT", at.to_string());
        let crashed = Running::start(crashing).wait();
        assert!([0, 134].contains(&crashed.code) && tree.journal_is_whole(), "{at}: {}", crashed.err);
        tree.copy(server.imap_port).expect(0);
        tree.assert_all_there(server.imap_port, &format!("a crash at {at}"));
    });
}

#[test]
fn a_folder_that_is_refused_ahead_is_tried_again_in_its_turn_and_not_subscribed_in_vain() {
    let Some(server) = Dovecot::new().start() else { return };
    peek::create(server.imap_port, "anna", "Old");
    // What was made is said to be refused, and then to be there.
    let tree = Tree::new("anna");
    let proxy = Proxy::new(server.imap_port).replace("OK Create completed", "NO not now").start();
    tree.copy(proxy.port).expect(0);
    tree.assert_all_there(server.imap_port, "refused");
    let subscribed = peek::subscribed(server.imap_port, "anna");
    assert!(tree.wanted.keys().all(|folder| subscribed.contains(folder)), "{subscribed:?}");
}
