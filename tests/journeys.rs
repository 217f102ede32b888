//! What a person does, key by key, in a real terminal against a real Dovecot.

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
use std::time::Duration;

use common::mail::{Mail, Maker, MboxStyle, write_maildir_tree, write_mbox};
use common::program::password_file;
use common::proxy::{At, Do, Proxy};
use common::pty::{Pty, key};
use common::servers::{Dovecot, Server};
use tempfile::TempDir;

struct Scene {
    server: Server,
    home: TempDir,
    password: PathBuf,
}

impl Scene {
    fn new() -> Option<Self> {
        Self::with(Dovecot::new())
    }

    /// A store of three folders, and a server.
    fn with(server: Dovecot) -> Option<Self> {
        let server = server.start()?;
        let home = TempDir::new().unwrap();
        let password = password_file(home.path());
        let folders = [
            ("", Maker::new(21).folder(12, 2004, 60)),
            ("Projects.Bridge", Maker::new(22).folder(8, 2005, 60)),
            ("Sent", Maker::new(23).folder(5, 2006, 60)),
        ];
        write_maildir_tree(&home.path().join("Maildir"), &folders).unwrap();
        Some(Self { server, home, password })
    }

    fn store(&self) -> String {
        self.home.path().join("Maildir").to_str().unwrap().to_owned()
    }

    /// The panes on the store and the mailbox of a user behind a port, connected.
    fn open(&self, port: u16) -> Pty {
        self.open_store(&self.store(), port)
    }

    fn open_store(&self, store: &str, port: u16) -> Pty {
        let target = Server::plaintext_url("anna", port);
        let pty =
            Pty::mailferry(self.home.path(), &[store, &target, "--password-file", self.password.to_str().unwrap()]);
        pty.wait_for("INBOX");
        pty.wait_until(|screen| screen.contents().contains("Trash"));
        pty
    }

    fn arrived(&self) -> usize {
        self.server.peek("anna").len()
    }

    /// A store of one folder with many messages.
    fn many(&self, messages: usize) -> String {
        let path = self.home.path().join("Many");
        write_maildir_tree(&path, &[("", Maker::new(5).folder(messages, 2003, 300))]).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// Rows and columns.
fn size(screen: &vt100::Screen) -> (u16, u16) {
    let (rows, columns) = screen.size();
    (rows.get(), columns.get())
}

/// Leaves by key and checks the terminal.
#[track_caller]
fn quit(mut pty: Pty) {
    pty.type_keys("q");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
}

#[test]
fn from_the_first_start_to_a_finished_copy() {
    let Some(scene) = Scene::new() else { return };
    let ca = scene.server.ca_file.to_str().unwrap();
    let pty = Pty::mailferry(scene.home.path(), &[&scene.store(), "--ca-file", ca]);
    pty.wait_for("Server");
    pty.type_keys("localhost\tanna");
    pty.type_keys(key::ESC);
    pty.wait_gone("Password");
    pty.type_keys("A");
    pty.wait_for("Server");
    // Server, protection, port, user, password.
    pty.type_keys("localhost\t\t");
    pty.type_keys(&key::BACKSPACE.repeat(5));
    pty.type_keys(&format!("{}\tanna\twrong\r", scene.server.imaps_port));
    pty.wait_for("AUTHENTICATIONFAILED");
    assert!(!pty.screen_text().contains("wrong\n"));
    pty.type_keys("\r");
    pty.wait_for("Password");
    pty.type_keys("testpass\r");
    pty.wait_for("Trash");
    pty.wait_for("anna@localhost");

    pty.type_keys(key::F[4]); // F5
    pty.wait_for("Copy: what goes where");
    pty.wait_for("Projects/Bridge");
    pty.wait_for("25 messages");
    pty.type_keys("\r");
    pty.wait_for("Copied 25 messages");
    assert_eq!(scene.arrived(), 25);
    quit(pty);
    assert!(!String::from_utf8_lossy(&fs::read(&scene.password).unwrap()).is_empty());
}

#[test]
fn marked_messages_and_folders_go_where_the_right_cursor_is() {
    let Some(scene) = Scene::new() else { return };
    let pty = scene.open(scene.server.imap_port);
    // Two messages of the first folder, by Space and by pattern, then copied into Trash.
    pty.type_keys(&format!("{}\r", key::DOWN));
    pty.wait_for("12 messages");
    pty.type_keys("  ");
    pty.wait_for("2 messages, ");
    pty.type_keys("*");
    pty.wait_for("10 messages, ");
    pty.type_keys("u");
    pty.wait_for("nothing marked");
    pty.type_keys("  \t");
    pty.type_keys(key::END);
    pty.wait_for("Trash");
    pty.type_keys(key::F[4]);
    pty.wait_for("2 messages");
    pty.wait_for("→ Trash");
    pty.type_keys(key::ESC);
    pty.wait_gone("what goes where");
    assert_eq!(scene.arrived(), 0, "Esc starts nothing");
    pty.type_keys("c");
    pty.wait_for("what goes where");
    pty.type_keys("\r");
    pty.wait_for("Copied 2 messages");
    let there = scene.server.peek("anna");
    assert!(there.len() == 2 && there.iter().all(|message| message.folder == "Trash"), "{there:?}");
    quit(pty);
}

#[test]
fn mail_is_found_marked_and_looked_at_on_both_sides() {
    let Some(scene) = Scene::new() else { return };
    let mut pty = scene.open(scene.server.imap_port);
    pty.wait_for("new here?");
    pty.type_keys(&format!("{}\r", key::DOWN));
    pty.wait_for("12 messages");
    pty.type_keys("f!~d 2004");
    pty.wait_for("0 of 12 fit");
    pty.type_keys(key::ESC);
    pty.wait_for("12 messages");
    pty.type_keys("+~d 2003..2005 (");
    pty.wait_for("missing here");
    pty.type_keys(&key::BACKSPACE.repeat(2));
    pty.wait_for("12 of 12 fit");
    pty.type_keys("\r");
    pty.wait_for("12 messages, ");
    pty.type_keys("b");
    pty.wait_for("Local: 12 messages");
    pty.type_keys(" ");
    pty.wait_for("Nothing is marked");
    pty.type_keys(key::ESC);
    pty.wait_gone("Basket");
    pty.type_keys(&format!("ssv{}v", key::DOWN));
    pty.wait_for("by size");
    pty.wait_for("2 messages, ");
    pty.type_keys(&format!("\t{}", key::END));
    pty.wait_for("Trash");
    pty.type_keys(key::F[4]);
    pty.wait_for("→ Trash");
    pty.type_keys("\r");
    pty.wait_for("Copied 2 messages");

    pty.type_keys("\r");
    pty.wait_until(|screen| screen.contents().matches("2 messages").count() > 1);
    pty.type_keys("f~d 2004");
    pty.wait_for("2 of 2 fit");
    pty.type_keys("\rp");
    pty.wait_for("Structure");
    pty.type_keys("h");
    pty.wait_for("Message-I");
    pty.type_keys("r");
    pty.wait_for("Message-ID:");
    pty.type_keys(key::ESC);
    pty.wait_gone("Structure");
    pty.type_keys(":quit");
    pty.wait_for("quit; while");
    pty.type_keys("\r");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
}

#[test]
fn a_wrong_setting_is_told_with_its_line_before_the_screen_is_taken() {
    let home = TempDir::new().unwrap();
    fs::create_dir_all(home.path().join(".config/mailferry")).unwrap();
    for (text, told) in [
        ("[screen]\ntheme = \"dork\"\n", "config.toml:2: there is no theme \"dork\""),
        ("[keys]\ncopi = \"c\"\n", "config.toml:2: there is no action \"copi\""),
    ] {
        fs::write(home.path().join(".config/mailferry/config.toml"), text).unwrap();
        let mut pty = Pty::mailferry_sized(home.path(), &[], 160, 24);
        pty.wait_for(told);
        assert_eq!(pty.wait_exit(), 2);
    }
}

#[test]
fn a_move_takes_the_local_messages_away_after_their_proof() {
    let Some(scene) = Scene::new() else { return };
    let pty = scene.open(scene.server.imap_port);
    pty.type_keys(key::F[5]); // F6
    pty.wait_for("Move: what goes where");
    pty.wait_for("REMOVES");
    pty.type_keys("\r");
    pty.wait_for("Moved 25 messages");
    assert_eq!(scene.arrived(), 25);
    let cur = scene.home.path().join("Maildir/cur");
    assert_eq!(fs::read_dir(cur).unwrap().count(), 0);
    assert!(scene.home.path().join(".mailferry-moved/Maildir/.Sent").exists());
    quit(pty);
}

#[test]
fn a_refused_message_is_listed_with_its_reason() {
    let Some(scene) = Scene::with(Dovecot::new().max_mail_size("60K")) else { return };
    let mut mails: Vec<Mail> =
        Maker::new(9).folder(6, 2005, 90).into_iter().filter(|mail| mail.bytes.len() < 40_000).collect();
    let mut big = mails[0].clone();
    big.bytes =
        format!("From: a@b.example\r\nSubject: far too big\r\nMessage-ID: <b@x>\r\n\r\n{}", "line\r\n".repeat(20_000))
            .into();
    mails.insert(1, big);
    let store = scene.home.path().join("box");
    write_mbox(&store, &mails, MboxStyle::Mboxrd).unwrap();
    let pty = scene.open_store(store.to_str().unwrap(), scene.server.imap_port);
    pty.type_keys(key::F[4]);
    pty.wait_for("what goes where");
    pty.type_keys("\r");
    pty.wait_for("1 failed");
    pty.type_keys("x");
    pty.wait_for("▸       1");
    pty.type_keys("\r");
    pty.wait_for("far too big");
    pty.type_keys(&format!("{}\r", key::DOWN));
    pty.wait_for("configuration");
    pty.type_keys(key::ESC);
    pty.wait_gone("configuration");
    pty.type_keys(key::ESC);
    pty.wait_gone("Not carried");
    assert_eq!(scene.arrived(), mails.len() - 1);
    quit(pty);
}

#[test]
fn a_home_directory_is_one_tree_whose_doubts_are_told_and_which_is_copied_whole() {
    let Some(scene) = Scene::new() else { return };
    let old = scene.home.path().join("old");
    fs::create_dir(&old).unwrap();
    write_mbox(&old.join("Letters"), &Maker::new(31).folder(5, 2002, 60), MboxStyle::Mboxrd).unwrap();
    let long = format!("From: a@x\r\nSubject: long\r\n\r\n{}\r\n", "x".repeat(1200));
    fs::write(old.join("one.eml"), &long).unwrap();
    fs::write(old.join("two.eml"), &long).unwrap();
    let pty = scene.open_store(scene.home.path().to_str().unwrap(), scene.server.imap_port);
    pty.wait_for("several");
    pty.type_keys(key::F[3]);
    for words in ["32 messages read, 5 doubts", "has cur/ and new/", "the longest 1,200", "the same message as"] {
        pty.wait_for(words);
    }
    pty.type_keys(key::ESC);
    pty.wait_gone("Doubts about");
    pty.type_keys(key::F[4]);
    pty.wait_for("what goes where");
    pty.type_keys("\r");
    pty.wait_for("Copied 32 messages");
    assert_eq!(scene.arrived(), 32);
    quit(pty);
}

#[test]
fn a_lost_connection_is_told_and_the_job_completes_exactly_once() {
    let Some(scene) = Scene::new() else { return };
    let store = scene.many(60);
    let proxy = Proxy::new(scene.server.imap_port)
        .round_trip(Duration::from_millis(4))
        .fault(20, At::BeforeOk, Do::Reset)
        .start();
    let pty = scene.open_store(&store, proxy.port);
    pty.type_keys(key::F[4]);
    pty.wait_for("what goes where");
    pty.type_keys("\r");
    pty.wait_for("Copied 60 messages");
    assert_eq!(proxy.fired(), 1);
    assert_eq!(scene.arrived(), 60);
    quit(pty);
}

#[test]
fn esc_stops_after_the_running_message_and_browsing_goes_on_meanwhile() {
    let Some(scene) = Scene::new() else { return };
    let store = scene.many(900);
    let proxy = Proxy::new(scene.server.imap_port).upload_rate(1_000_000).start();
    let pty = scene.open_store(&store, proxy.port);
    pty.type_keys(key::F[4]);
    pty.wait_for("what goes where");
    pty.type_keys("\r");
    pty.wait_for("/900");
    // The left list opens and scrolls while the job runs.
    pty.type_keys(&format!("\r{}", key::END));
    pty.wait_for("900 messages");
    pty.type_keys("p");
    // Two Esc that come in one piece are one key to a terminal program: the first must have done its work.
    pty.wait_until(|screen| ["From:", "Esc close"].iter().all(|text| screen.contents().contains(text)));
    pty.type_keys(key::ESC);
    pty.wait_gone("From:");
    pty.wait_for("10Quit");
    pty.type_keys(key::ESC);
    pty.wait_for_text("topped", Duration::from_secs(40));
    let stopped = scene.arrived();
    assert!(stopped > 0 && stopped < 900, "{stopped}");
    quit(pty);
}

#[test]
fn quitting_during_a_transfer_asks_and_stops_safely() {
    let Some(scene) = Scene::new() else { return };
    let store = scene.many(900);
    let proxy = Proxy::new(scene.server.imap_port).upload_rate(1_000_000).start();
    let mut pty = scene.open_store(&store, proxy.port);
    pty.type_keys(key::F[4]);
    pty.wait_for("what goes where");
    pty.type_keys("\r");
    pty.wait_for("/900");
    pty.type_keys("q");
    pty.wait_for("is running");
    pty.type_keys(key::ESC);
    pty.wait_gone("is running");
    pty.type_keys(key::F[9]); // F10
    pty.wait_for("is running");
    pty.type_keys("s");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
    let stopped = scene.arrived();
    assert!(stopped < 900, "{stopped}");
    let digests: std::collections::BTreeSet<String> =
        scene.server.peek("anna").into_iter().map(|message| message.sha256).collect();
    assert_eq!(digests.len(), stopped, "nothing is there twice");
}

#[test]
fn signals_and_a_closed_terminal_end_cleanly() {
    let Some(scene) = Scene::new() else { return };
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let mut pty = scene.open(scene.server.imap_port);
        pty.signal(signal);
        assert_eq!(pty.wait_exit(), code, "{signal}");
        pty.assert_restored();
    }
}

#[test]
fn the_screen_follows_the_terminal_at_every_size() {
    let Some(scene) = Scene::new() else { return };
    let pty = scene.open(scene.server.imap_port);
    for (columns, rows) in [(300, 100), (120, 40), (60, 20), (50, 15), (20, 5), (1, 1), (80, 24)] {
        pty.resize(columns, rows);
    }
    pty.wait_until(|screen| size(screen) == (24, 80) && screen.contents().contains("10Quit"));
    pty.type_keys("?");
    pty.resize(100, 30);
    pty.wait_until(|screen| size(screen) == (30, 100) && screen.contents().contains("copy what is marked"));
    pty.type_keys(key::ESC);
    pty.wait_for("10Quit");
    quit(pty);
}

#[test]
fn folders_are_made_renamed_and_deleted_on_the_server() {
    let Some(scene) = Scene::new() else { return };
    let pty = scene.open(scene.server.imap_port);
    pty.type_keys("\t");
    pty.type_keys(key::F[6]); // F7
    pty.wait_for("ew folder");
    pty.type_keys("Büro\r");
    pty.wait_for("Büro");
    let names = || -> Vec<String> {
        common::peek::folders(scene.server.imap_port, "anna").into_iter().map(|folder| folder.name).collect()
    };
    common::wait_until(|| names().contains(&"Büro".to_owned()));
    assert!(common::peek::subscribed(scene.server.imap_port, "anna").contains(&"Büro".to_owned()));
    // The cursor is on the new folder.
    pty.type_keys("R");
    pty.wait_for("ename");
    pty.type_keys(&format!("{}Haus\r", key::BACKSPACE.repeat(4)));
    common::wait_until(|| names().contains(&"Haus".to_owned()) && !names().contains(&"Büro".to_owned()));
    pty.wait_for("Haus");
    pty.type_keys("d");
    pty.wait_for("elete");
    pty.type_keys("\r"); // the default is No
    pty.wait_for("Haus");
    assert!(names().contains(&"Haus".to_owned()));
    pty.type_keys("d");
    pty.wait_for("elete");
    pty.type_keys("y");
    common::wait_until(|| !names().contains(&"Haus".to_owned()));
    quit(pty);
}

#[test]
fn hostile_subjects_and_names_do_not_reach_the_terminal() {
    let Some(scene) = Scene::new() else { return };
    let store = scene.home.path().join("evil \u{1b}[31m");
    fs::create_dir_all(store.join("cur")).unwrap();
    fs::create_dir_all(store.join("new")).unwrap();
    let message = "From: =?utf-8?b?G11HGzBjG1swbQ==?= <a@b>\nSubject: \u{1b}]0;PWNED\u{7}\u{9b}31m\u{202e}gpj\n\nbody \u{1b}]52;c;eA==\u{7}\n";
    fs::write(store.join("cur/1078000000.M1.x:2,"), message).unwrap();
    let pty = scene.open_store(store.to_str().unwrap(), scene.server.imap_port);
    pty.type_keys("\r");
    pty.wait_for("PWNED");
    pty.type_keys("p");
    pty.wait_for("body");
    let raw = String::from_utf8_lossy(&pty.raw_output()).into_owned();
    for sequence in ["\u{1b}]0;", "\u{1b}]52", "\u{9b}31m", "\u{202e}", "\u{1b}[31mgpj"] {
        assert!(!raw.contains(sequence), "{sequence:?}");
    }
    pty.type_keys(key::ESC);
    quit(pty);
}

#[test]
fn a_job_is_stopped_resumed_reported_and_taken_back_on_the_screen() {
    let Some(scene) = Scene::new() else { return };
    let store = scene.many(40);
    // Every message costs a round trip of its own, so that there is time to stop.
    let proxy = Proxy::new(scene.server.imap_port)
        .round_trip(Duration::from_millis(25))
        .replace("MULTIAPPEND", "X-NONE")
        .replace("LITERAL+", "X-NONE")
        .start();
    let pty = scene.open_store(&store, proxy.port);
    pty.type_keys("J");
    pty.wait_for("There are no jobs yet");
    pty.type_keys(key::ESC);
    pty.wait_gone("There are no jobs yet");
    pty.type_keys(key::F[4]); // F5
    pty.wait_for("what goes where");
    pty.wait_for("40 messages");
    pty.type_keys("\r");
    pty.wait_until(|_| proxy.messages() > 3);
    pty.type_keys(key::CTRL_C);
    pty.wait_for("! Copied");
    let first = scene.arrived();
    assert!(first > 0 && first < 40, "{first}");

    pty.type_keys("w");
    pty.wait_for("J all jobs");
    pty.type_keys("J");
    pty.wait_for("/40  ! stopped");
    pty.type_keys("\r");
    pty.wait_for("What it did");
    pty.wait_for("messages appended, 0 of them moved");
    pty.type_keys(key::ESC);
    pty.wait_gone("What it did");
    pty.type_keys("r");
    pty.wait_for("│ Copied ");
    assert_eq!(scene.arrived(), 40);

    common::peek::flag(scene.server.imap_port, "anna", "Many", 3, "\\Flagged");
    pty.type_keys("J");
    pty.wait_for("all carried");
    pty.type_keys("u");
    pty.wait_for("40 messages that job 1 appended");
    pty.type_keys("\r"); // the default is No
    pty.wait_gone("that job 1 appended");
    assert_eq!(scene.arrived(), 40);
    pty.type_keys("u");
    pty.wait_for("that job 1 appended");
    pty.type_keys("y");
    pty.wait_for_text("39 messages removed", Duration::from_mins(1));
    pty.wait_for("changed since");
    assert_eq!(scene.arrived(), 1);
    pty.type_keys(key::ESC);
    pty.wait_for("/40  taken back");
    pty.type_keys(key::ESC);
    quit(pty);
}

#[test]
fn a_move_onto_a_server_that_writes_mail_anew_asks_on_the_screen() {
    let (server, mailbox) = common::exchange::start();
    let home = TempDir::new().unwrap();
    let password = password_file(home.path());
    let store = home.path().join("box");
    write_mbox(&store, &Maker::new(6).folder(12, 1999, 90), MboxStyle::Mboxrd).unwrap();
    let target = server.url(&common::exchange::LOGIN.replace('/', "%2F")) + "Sent%20Items";
    let arguments = [store.to_str().unwrap(), &target, "--password-file", password.to_str().unwrap()];
    let pty = Pty::mailferry(home.path(), &arguments);
    pty.wait_for("Sent Items");
    pty.wait_for("box");
    pty.type_keys(key::F[5]); // F6
    pty.wait_for("REMOVES");
    pty.type_keys("\r");
    pty.wait_for("writes mail anew");
    pty.wait_for("in this session?");
    assert!(fs::metadata(&store).unwrap().len() > 0);
    pty.type_keys("y");
    pty.wait_for_text("│ Moved ", Duration::from_mins(1));
    assert_eq!(fs::metadata(&store).unwrap().len(), 0);
    let held: usize = mailbox.lock().unwrap().folders.values().map(Vec::len).sum();
    assert_eq!(held, 12);
    quit(pty);
}

#[test]
fn deleted_messages_of_outlook_express_are_shown_on_request_and_copied() {
    let Some(scene) = Scene::new() else { return };
    let identity = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/stores/outlook-express/identity");
    let pty = scene.open_store(identity.to_str().unwrap(), scene.server.imap_port);
    pty.wait_for("17 ││");

    pty.type_keys("o");
    pty.wait_for("How this store is read");
    pty.wait_for("< not shown >");
    assert!(!pty.screen_text().contains("Gmail"), "only what makes a difference is asked:\n{}", pty.screen_text());
    pty.type_keys(" ");
    pty.wait_for("< in folders called \"Recovered\" >");
    pty.type_keys(key::ENTER);
    pty.wait_for("19 ││"); // all of them, at the store itself
    pty.type_keys("/Recovered\r");
    pty.wait_for("─ 2 messages ─");

    pty.type_keys(key::F[4]); // F5
    pty.wait_for("Copy: what goes where");
    pty.wait_for("2 messages");
    pty.type_keys(key::ENTER);
    pty.wait_for("Copied 2 messages");
    let arrived = scene.server.peek("anna");
    assert_eq!(arrived.len(), 2, "{arrived:?}");

    // As it was before.
    pty.type_keys("o \r");
    pty.wait_gone("19 ││");
    quit(pty);
}
