//! Broken lines and refusing servers before a real Dovecot: whatever breaks, each message is there exactly once, and a
//! second run sends nothing (fault matrix of facts/reliability.md section 5).

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
use std::time::Duration;

use common::program::{Run, password_file, run};
use common::proxy::{At, Do, Proxy};
use common::scripted::Scripted;
use common::servers::{Dovecot, Server};
use common::sha256;
use tempfile::TempDir;

/// Eight messages: byte-identical twins, twins by Message-ID with different text, one without any id, one of some size.
fn messages() -> Vec<String> {
    let twin = "From: a@x.example\nSubject: twin\nMessage-ID: <twin@x.example>\n\nsame\n".to_owned();
    vec![
        "From: a@x.example\nSubject: one\nMessage-ID: <1@x.example>\n\nfirst\n".into(),
        twin.clone(),
        twin,
        "From: a@x.example\nSubject: half\nMessage-ID: <half@x.example>\n\nABC\n".into(),
        "From: a@x.example\nSubject: half\nMessage-ID: <half@x.example>\n\nXYZ\n".into(),
        "no header at all\n".into(),
        format!(
            "From: a@x.example\nSubject: big\nMessage-ID: <big@x.example>\n\n{}",
            "0123456789abcdef\n".repeat(20_000)
        ),
        "From: a@x.example\nSubject: last\nDate: Mon, 1 Mar 2004 10:00:00 +0000\n\nend\n".into(),
    ]
}

fn maildir(home: &Path) -> PathBuf {
    let folder = home.join("Maildir");
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(sub)).unwrap();
    }
    for (index, message) in messages().iter().enumerate() {
        fs::write(folder.join("cur").join(format!("{}.M{index}.test:2,S", 1_078_000_000 + index)), message).unwrap();
    }
    folder
}

/// How often each content is there.
fn multiset(digests: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for digest in digests {
        *counts.entry(digest).or_default() += 1;
    }
    counts
}

fn expected() -> BTreeMap<String, usize> {
    multiset(messages().iter().map(|message| sha256(message.replace('\n', "\r\n").as_bytes())))
}

struct Scene {
    server: Server,
    home: TempDir,
    store: PathBuf,
}

impl Scene {
    fn new() -> Option<Self> {
        let server = Dovecot::new().start()?;
        let home = TempDir::new().unwrap();
        let store = maildir(home.path());
        password_file(home.path());
        Some(Self { server, home, store })
    }

    fn carry(&self, command: &str, user: &str, port: u16) -> Run {
        let target = format!("imap+plaintext://{user}@127.0.0.1:{port}/Box");
        let password = self.home.path().join("password");
        let (store, password) = (self.store.to_str().unwrap(), password.to_str().unwrap());
        run(self.home.path(), &[command, store, &target, "--json", "--password-file", password])
    }

    fn held(&self, user: &str) -> BTreeMap<String, usize> {
        multiset(
            self.server.peek(user).into_iter().filter(|message| message.folder == "Box").map(|message| message.sha256),
        )
    }

    /// Each message once, and a second run sends nothing.
    #[track_caller]
    fn assert_once(&self, user: &str, what: &str) {
        assert_eq!(self.held(user), expected(), "{what}");
        let again = self.carry("copy", user, self.server.imap_port).expect(0);
        assert_eq!(again.totals(), (0, 8, 0), "{what}");
        assert_eq!(self.held(user), expected(), "{what}: second run");
    }
}

/// What the proxy changes in the server's words so that it does not tell where a message went.
const NO_UIDPLUS: [(&str, &str); 2] = [("UIDPLUS", "XIDPLUS"), ("APPENDUID", "XPPENDUID")];

/// Cuts at every point and in both ways, with a server whose words the proxy changes.
fn cut_everywhere(changes: &[(&str, &str)]) {
    let Some(scene) = Scene::new() else { return };
    for at in [At::BeforeLine, At::AfterLine, At::Literal(1), At::BeforeOk, At::AfterOk] {
        for how in [Do::Reset, Do::Finish] {
            let what = format!("{at:?} {how:?}");
            let user = what.replace([' ', '(', ')'], "-").to_lowercase();
            let mut proxy = Proxy::new(scene.server.imap_port).fault(3, at, how);
            for (from, to) in changes {
                proxy = proxy.replace(from, to);
            }
            let proxy = proxy.start();
            let run = scene.carry("copy", &user, proxy.port).expect(0);
            assert_eq!(proxy.fired(), 1, "{what}");
            assert_eq!(run.totals(), (8, 0, 0), "{what}");
            scene.assert_once(&user, &what);
        }
    }
}

#[test]
fn a_cut_line_at_any_point_leaves_each_message_exactly_once() {
    cut_everywhere(&[]);
}

#[test]
fn a_cut_line_without_uidplus_leaves_each_message_exactly_once() {
    cut_everywhere(&NO_UIDPLUS);
}

#[test]
fn a_cut_line_without_uidplus_and_uidnext_leaves_each_message_exactly_once() {
    cut_everywhere(&[NO_UIDPLUS.as_slice(), &[("[UIDNEXT", "[XIDNEXT")]].concat());
}

#[test]
fn a_cut_before_the_last_line_end_is_settled_by_looking() {
    let Some(scene) = Scene::new() else { return };
    let proxy = Proxy::new(scene.server.imap_port).fault(7, At::AfterLiteral, Do::Reset).start();
    scene.carry("copy", "anna", proxy.port).expect(0);
    scene.assert_once("anna", "after literal");
}

#[test]
fn a_move_whose_answer_is_lost_removes_only_what_was_read_back() {
    let Some(scene) = Scene::new() else { return };
    let proxy = Proxy::new(scene.server.imap_port).fault(2, At::BeforeOk, Do::Reset).start();
    let run = scene.carry("move", "anna", proxy.port).expect(0);
    assert_eq!(scene.held("anna"), expected());
    assert!(run.events_of("message.done").iter().all(|done| done["proof"] == "exact"));
    assert!(run.events_of("message.done").iter().any(|done| done["how"] == "found"));
    assert_eq!(fs::read_dir(scene.store.join("cur")).unwrap().count(), 0);
    let moved = scene.home.path().join(".mailferry-moved/Maildir/cur");
    assert_eq!(fs::read_dir(moved).unwrap().count(), 8);
}

#[test]
fn refused_connections_are_tried_again() {
    let Some(scene) = Scene::new() else { return };
    let proxy = Proxy::new(scene.server.imap_port).fault(1, At::BeforeLine, Do::Reset).start();
    let run = scene.carry("copy", "anna", proxy.port).expect(0);
    assert!(!run.events_of("throttle").is_empty());
    scene.assert_once("anna", "first message");
}

/// A proxy that hides that messages may go without waiting, so that each is a command.
fn one_by_one(scene: &Scene) -> Proxy {
    Proxy::new(scene.server.imap_port).replace("LITERAL+", "X-NONE")
}

#[test]
fn messages_in_commands_of_their_own_are_each_there_exactly_once_wherever_the_line_is_cut() {
    cut_everywhere(&[("MULTIAPPEND", "X-NONE")]);
}

#[test]
fn messages_that_are_refused_together_go_one_by_one() {
    for words in ["NO nope", "NO [TOOBIG] one of them", "BAD Command Argument Error. 11"] {
        let Some(scene) = Scene::new() else { return };
        let proxy = Proxy::new(scene.server.imap_port).fault(1, At::AfterLiteral, Do::Answer(words.into())).start();
        let run = scene.carry("copy", "anna", proxy.port).expect(0);
        assert_eq!((run.totals(), proxy.fired()), ((8, 0, 0), 1), "{words}");
        scene.assert_once("anna", words);
    }
}

#[test]
fn a_refused_message_is_listed_and_the_others_get_across() {
    for words in ["NO [TOOBIG] no way", "NO nope", "BAD Command Argument Error. 11"] {
        let Some(scene) = Scene::new() else { return };
        for at in [At::BeforeLine, At::AfterLiteral] {
            let user = format!("{at:?}").to_lowercase();
            let proxy = one_by_one(&scene).fault(4, at, Do::Answer(words.into())).start();
            let run = scene.carry("copy", &user, proxy.port).expect(1);
            assert_eq!(run.totals(), (7, 0, 1), "{words}");
            let failed = run.events_of("message.failed").remove(0);
            assert_eq!(failed["server_text"], words);
            assert_eq!(failed["subject"], "half");
            let again = scene.carry("copy", &user, scene.server.imap_port).expect(0);
            assert_eq!(again.totals(), (1, 7, 0), "{words}");
            assert_eq!(scene.held(&user), expected());
        }
    }
}

#[test]
fn a_full_mailbox_ends_the_job_and_every_message_left_is_counted() {
    let Some(scene) = Scene::new() else { return };
    let proxy = one_by_one(&scene).fault(3, At::BeforeLine, Do::Answer("NO [OVERQUOTA] full".into())).start();
    let run = scene.carry("copy", "anna", proxy.port).expect(1);
    assert_eq!(run.totals(), (2, 0, 6));
    assert!(run.events_of("message.failed")[0]["hint"].as_str().unwrap().contains("quota"));
    scene.carry("copy", "anna", scene.server.imap_port).expect(0);
    assert_eq!(scene.held("anna"), expected());
}

#[test]
fn a_real_quota_is_named_in_the_servers_words() {
    let Some(server) = Dovecot::new().quota("100K").start() else { return };
    let home = TempDir::new().unwrap();
    let (store, password) = (maildir(home.path()), password_file(home.path()));
    let target = Server::plaintext_url("anna", server.imap_port) + "Box";
    let arguments = ["copy", store.to_str().unwrap(), &target, "--json", "--password-file", password.to_str().unwrap()];
    let run = run(home.path(), &arguments).expect(1);
    let failed = run.events_of("message.failed");
    assert!(failed[0]["server_text"].as_str().unwrap().contains("OVERQUOTA"), "{failed:?}");
}

#[test]
fn a_second_connection_that_is_refused_is_done_without() {
    let Some(server) = Dovecot::new().max_connections(1).start() else { return };
    let home = TempDir::new().unwrap();
    let (store, password) = (maildir(home.path()), password_file(home.path()));
    let sub = store.join(".Sub");
    for name in ["cur", "new", "tmp"] {
        fs::create_dir_all(sub.join(name)).unwrap();
    }
    fs::write(sub.join("cur/1078000000.M1.x:2,"), "Subject: sub\n\nx\n").unwrap();
    let target = Server::plaintext_url("anna", server.imap_port) + "Box";
    let arguments = [
        "copy",
        store.to_str().unwrap(),
        &target,
        "--json",
        "--connections",
        "4",
        "--password-file",
        password.to_str().unwrap(),
    ];
    assert_eq!(run(home.path(), &arguments).expect(0).totals(), (9, 0, 0));
}

#[test]
fn an_answer_that_never_comes_is_given_up_and_found() {
    let Some(scene) = Scene::new() else { return };
    let proxy = one_by_one(&scene)
        .fault(2, At::AfterLine, Do::Stall)
        .round_trip(Duration::from_millis(5))
        .download_chunk(1)
        .start();
    let target = format!("imap+plaintext://anna@127.0.0.1:{}/Box", proxy.port);
    let password = scene.home.path().join("password");
    let arguments = [
        "copy",
        scene.store.to_str().unwrap(),
        &target,
        "--json",
        "--timeout",
        "2",
        "--password-file",
        password.to_str().unwrap(),
    ];
    run(scene.home.path(), &arguments).expect(0);
    scene.assert_once("anna", "stall");
}

#[test]
fn a_server_that_says_ok_and_stores_nothing_is_found_out_and_nothing_is_removed() {
    let server = Scripted::start(|conn| {
        conn.greet("IMAP4rev1 UIDPLUS UNSELECT")?;
        conn.serve()
    });
    let home = TempDir::new().unwrap();
    let (store, password) = (maildir(home.path()), password_file(home.path()));
    let target = server.url("anna") + "Box";
    let arguments = ["move", store.to_str().unwrap(), &target, "--json", "--password-file", password.to_str().unwrap()];
    let run = run(home.path(), &arguments).expect(1);
    assert_eq!(run.totals(), (0, 0, 8));
    assert!(run.events_of("message.failed")[0]["reason"].as_str().unwrap().contains("not there"));
    assert_eq!(fs::read_dir(store.join("cur")).unwrap().count(), 8);
}

#[test]
fn a_folder_that_vanishes_in_between_is_made_again() {
    let Some(scene) = Scene::new() else { return };
    let words = "NO [TRYCREATE] Mailbox doesn't exist: Box";
    let proxy = Proxy::new(scene.server.imap_port).fault(3, At::BeforeLine, Do::Answer(words.into())).start();
    let run = scene.carry("copy", "anna", proxy.port).expect(0);
    assert_eq!(run.totals(), (8, 0, 0));
    scene.assert_once("anna", "trycreate");
}

#[test]
fn keywords_that_the_folder_does_not_take_are_left_out_and_named() {
    let server = Scripted::start(|conn| {
        conn.greet("IMAP4rev1 UIDPLUS UNSELECT")?;
        let mut stored = false;
        loop {
            let request = conn.next()?;
            if request.is("SELECT") {
                let exists = u8::from(stored);
                let flags =
                    "* OK [PERMANENTFLAGS (\\Seen offer)] .\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 1] .\r\n";
                conn.reply_raw(format!("* FLAGS (\\Seen offer)\r\n* {exists} EXISTS\r\n{flags}").as_bytes())?;
                conn.reply(&request, "OK [READ-WRITE] done")?;
            } else if request.is("APPEND") {
                conn.take_append(&request)?;
                stored = true;
            } else if request.is("UID FETCH") {
                let date = "INTERNALDATE \"28-Feb-2004 20:26:40 +0000\"";
                conn.reply_raw(format!("* 1 FETCH (UID 1 FLAGS (\\Seen offer) {date} RFC822.SIZE 17)\r\n").as_bytes())?;
                conn.reply(&request, "OK done")?;
            } else {
                conn.answer(&request)?;
            }
        }
    });
    let home = TempDir::new().unwrap();
    let password = password_file(home.path());
    let store = home.path().join("M");
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(store.join(sub)).unwrap();
    }
    fs::write(store.join("dovecot-keywords"), "0 Offer\n1 other\n2 n\u{f6}\n").unwrap();
    fs::write(store.join("cur/1078000000.M1.x:2,Sabc"), "Subject: x\n\nx\n").unwrap();
    std::fs::File::open(store.join("cur/1078000000.M1.x:2,Sabc"))
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_078_000_000))
        .unwrap();
    let target = server.url("anna") + "Box";
    let arguments = ["copy", store.to_str().unwrap(), &target, "--json", "--password-file", password.to_str().unwrap()];
    let run = run(home.path(), &arguments).expect(0);
    let append = server.heard().into_iter().find(|line| line.contains(" APPEND ")).unwrap();
    assert!(append.contains("(\\Seen Offer)"), "{append}");
    let dropped = run.events_of("message.done")[0]["dropped_flags"].to_string();
    assert!(dropped.contains("other") && dropped.contains('n'), "{dropped}");
}

#[test]
fn a_killed_run_is_completed_by_the_next_one_exactly_once() {
    let Some(server) = Dovecot::new().start() else { return };
    for command in ["copy", "move"] {
        let home = TempDir::new().unwrap();
        let password = password_file(home.path());
        let store = home.path().join("box");
        let mails = common::mail::Maker::new(77).folder(200, 2004, 300);
        common::mail::write_mbox(&store, &mails, common::mail::MboxStyle::Mboxrd).unwrap();
        let expected = multiset(mails.iter().map(|mail| sha256(&mail.bytes)));
        let held = || multiset(server.peek(command).into_iter().map(|message| message.sha256));
        let proxy = Proxy::new(server.imap_port).round_trip(Duration::from_millis(3)).start();
        for kill_at in [20, 90, 150] {
            let target = proxy.url(command) + "Box";
            let arguments =
                [command, store.to_str().unwrap(), &target, "--quiet", "--password-file", password.to_str().unwrap()];
            let mut child = common::program::command(home.path(), &arguments).spawn().unwrap();
            common::wait_until(|| proxy.messages() >= kill_at || child.try_wait().unwrap().is_some());
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(held().values().filter(|count| **count > 1).count(), 0, "{command} at {kill_at}: doubled");
        }
        let target = Server::plaintext_url(command, server.imap_port) + "Box";
        let arguments =
            [command, store.to_str().unwrap(), &target, "--json", "--password-file", password.to_str().unwrap()];
        run(home.path(), &arguments).expect(0);
        assert_eq!(held(), expected, "{command}");
        let left = fs::metadata(&store).unwrap().len();
        assert!((left == 0) == (command == "move"), "{command}: {left} bytes left");
    }
}
