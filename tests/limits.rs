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

use common::client::Client;
use common::mail::{KEYWORDS, Mail, Maker, Marks, write_maildir_tree};
use common::mailbox::{self, Manners, PLAIN};
use common::program::{Run, password_file, run};
use common::proxy::{At, Do, Proxy};
use common::pty::{Pty, key};
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
        self.carry("copy", target, &[options, &["--json"]].concat())
    }

    /// What a plan prints, and what it is in JSON.
    fn plan(&self, target: &str) -> (Run, Run) {
        (self.carry("plan", target, &[]).expect(0), self.carry("plan", target, &["--json"]).expect(0))
    }

    fn check(&self, target: &str, options: &[&str]) -> Run {
        let arguments = ["check", target, "--password-file", self.password.to_str().unwrap()];
        run(self.home.path(), &[arguments.as_slice(), options].concat()).expect(0)
    }

    /// How many messages have more bytes.
    fn larger_than(&self, limit: usize) -> u64 {
        self.mails.iter().filter(|mail| mail.bytes.len() > limit).count() as u64
    }

    fn carry(&self, command: &str, target: &str, options: &[&str]) -> Run {
        let store = self.home.path().join("Maildir");
        let arguments = [command, store.to_str().unwrap(), target, "--password-file"];
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
    let larger = scene.larger_than(limit);
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
fn messages_over_the_servers_limit_are_counted_in_a_plan() {
    let limit = 1500;
    let Some(server) = Cyrus::new().max_mail_size(limit).start() else { return };
    let scene = Scene::new(12);
    let larger = scene.larger_than(1500);
    assert!(larger > 1 && larger < 12);
    let (text, json) = scene.plan(&(Server::plaintext_url("anna", server.imap_port) + "Box"));
    let row = json.events_of("plan").remove(0);
    assert_eq!((&row["append_limit"], &row["too_big"]), (&limit.into(), &larger.into()));
    assert_eq!(json.events_of("plan.end")[0]["too_big"], larger);
    assert!(text.out.contains(&format!("{larger} too big for the server")), "{}", text.out);
    assert!(text.err.contains(&format!("{larger} messages are larger than the server takes (1.5 kB)")), "{}", text.err);
    let check = scene.check(&Server::plaintext_url("anna", server.imap_port), &[]);
    assert!(check.out.contains("largest       1.5 kB\n"), "{}", check.out);
}

#[test]
fn where_folders_differ_each_is_asked_for_the_largest_message_it_takes() {
    let bare = Manners {
        capabilities: "IMAP4rev1 UIDPLUS UNSELECT NAMESPACE LITERAL+ APPENDLIMIT",
        folders: &["INBOX", "Box", "Any", "Mute"],
        largest: &[("INBOX", "1000"), ("Box", "1500"), ("Any", "NIL"), ("New", "2000")],
        ..PLAIN
    };
    let scene = Scene::new(12);
    let of = |limit| scene.larger_than(limit);
    assert!(0 < of(2000) && of(2000) < of(1500) && of(1500) < of(1000));
    // What is not there yet is planned as INBOX has it, and asked for once it was made.
    for (folder, planned, carried) in
        [("Box", Some(1500), Some(1500)), ("Any", None, None), ("Mute", None, None), ("New", Some(1000), Some(2000))]
    {
        let (server, mailbox) = mailbox::start(bare);
        let target = server.url("anna") + folder;
        let (text, json) = scene.plan(&target);
        let row = json.events_of("plan").remove(0);
        let too_big = planned.map_or(0, of);
        assert_eq!((&row["append_limit"], &row["too_big"]), (&planned.into(), &too_big.into()), "{folder}");
        assert_eq!(text.out.contains("too big for the server"), too_big > 0, "{folder}: {}", text.out);
        let lost = carried.map_or(0, of);
        let run = scene.copy(&target, &["--connections", "1"]).expect(i32::from(lost > 0));
        assert_eq!(run.totals(), (12 - lost, 0, lost), "{folder}");
        assert_eq!(mailbox.lock().unwrap().messages(folder).len() as u64, 12 - lost, "{folder}");
        assert_eq!(server.count("APPEND") as u64, 12 - lost, "{folder}");
    }
}

#[test]
fn a_server_that_does_not_answer_for_its_inbox_is_asked_for_no_other_folder() {
    let capabilities = "IMAP4rev1 UIDPLUS UNSELECT NAMESPACE LITERAL+ APPENDLIMIT";
    let (server, _mailbox) = mailbox::start(Manners { capabilities, largest: &[("Trash", "1")], ..PLAIN });
    let scene = Scene::new(12);
    scene.copy(&(server.url("anna") + "Trash"), &["--connections", "1"]).expect(0);
    let asked: Vec<String> = server.heard().into_iter().filter(|line| line.ends_with("(APPENDLIMIT)")).collect();
    assert!(matches!(&asked[..], [only] if only.contains("\"INBOX\"")), "{asked:?}");
}

#[test]
fn what_such_a_server_is_known_to_refuse_is_warned_of_and_sent_all_the_same() {
    let greeting = "* OK The Microsoft Exchange IMAP4 service is ready.";
    let (server, mailbox) = mailbox::start(Manners { greeting, ..PLAIN });
    let mut scene = Scene::new(3);
    scene.mails[1].bytes.extend("and so on\r\n".repeat(1_200_000).into_bytes());
    scene.write();
    let target = server.url("anna") + "INBOX";
    let (text, json) = scene.plan(&target);
    let row = json.events_of("plan").remove(0);
    assert_eq!(
        (&row["too_big"], &row["perhaps_too_big"], &row["usual_limit"]),
        (&0.into(), &1.into(), &10_485_760.into())
    );
    assert_eq!(json.events_of("plan.end")[0]["server"], "Exchange");
    assert!(text.err.contains("1 message is larger than the 10.4 MB that Exchange takes unless"), "{}", text.err);
    let check = scene.check(&server.url("anna"), &[]);
    assert!(check.out.contains("kind          Exchange\nlargest       10.4 MB, unless"), "{}", check.out);
    assert_eq!(scene.copy(&target, &[]).expect(0).totals(), (3, 0, 0));
    assert_eq!(mailbox.lock().unwrap().messages("INBOX").len(), 3);
}

#[test]
fn what_a_server_warns_of_is_told_once_whatever_says_it() {
    let greeting = "* OK [ALERT] The post office\u{1b} is closed on Friday";
    let capabilities = "IMAP4rev1 UIDPLUS UNSELECT NAMESPACE LITERAL+";
    let (server, _mailbox) = mailbox::start(Manners { greeting, capabilities, ..PLAIN });
    let scene = Scene::new(30);
    let target = server.url("anna") + "INBOX";
    let check = scene.check(&server.url("anna"), &[]);
    assert!(check.out.contains("\nwarning       The post office"), "{}", check.out);
    let run = scene.copy(&target, &["--connections", "3"]).expect(0);
    let remarks = run.events_of("remark");
    let told: Vec<&str> = remarks.iter().filter_map(|remark| remark["text"].as_str()).collect();
    let warned: Vec<&&str> = told.iter().filter(|text| text.contains("is closed on Friday")).collect();
    assert!(matches!(warned[..], [text] if text.starts_with("the server warns: ")), "{told:?}");
    assert!(!warned[0].contains('\u{1b}') && !check.out.contains('\u{1b}'));
}

#[test]
fn what_is_left_of_a_quota_is_told_before_anything_is_sent() {
    let Some(server) = Dovecot::new().quota("20K").quota_messages(10).start() else { return };
    let scene = Scene::new(60);
    let url = Server::plaintext_url("anna", server.imap_port);
    let (text, json) = scene.plan(&(url.clone() + "Box"));
    assert!(text.err.contains("the mailbox has 20.4 kB and 10 messages left: NOT ENOUGH for "), "{}", text.err);
    assert!(text.err.contains(" and 60 messages\n"), "{}", text.err);
    let quota = &json.events_of("plan.end")[0]["quotas"][0];
    let expected = (&20_480.into(), &10.into(), &60.into(), &false.into());
    assert_eq!((&quota["bytes_left"], &quota["messages_left"], &quota["messages"], &quota["fits"]), expected);
    let check = scene.check(&url, &[]);
    assert!(check.out.contains("left          20.4 kB and 10 messages\n"), "{}", check.out);
    let check = scene.check(&url, &["--json"]).events().remove(0);
    assert_eq!(check["quotas"][0]["messages_left"], 10);
}

#[test]
fn what_is_there_already_needs_no_room() {
    let Some(server) = Dovecot::new().quota_messages(15).start() else { return };
    let scene = Scene::new(12);
    let target = Server::plaintext_url("anna", server.imap_port) + "Box";
    assert_eq!(scene.copy(&target, &[]).expect(0).totals(), (12, 0, 0));
    let (text, json) = scene.plan(&target);
    assert!(!text.err.contains("NOT ENOUGH"), "{}", text.err);
    let quota = &json.events_of("plan.end")[0]["quotas"][0];
    let expected = (&3.into(), &0.into(), &0.into(), &true.into());
    assert_eq!((&quota["messages_left"], &quota["messages"], &quota["bytes"], &quota["fits"]), expected);
}

#[test]
fn a_plan_on_the_screen_tells_what_the_mailbox_has_no_room_for() {
    let Some(server) = Dovecot::new().quota_messages(10).start() else { return };
    let scene = Scene::new(12);
    let (store, url) = (scene.home.path().join("Maildir"), Server::plaintext_url("anna", server.imap_port));
    let password = scene.password.to_str().unwrap();
    let mut pty = Pty::mailferry(scene.home.path(), &[store.to_str().unwrap(), &url, "--password-file", password]);
    pty.wait_for("INBOX");
    pty.type_keys(key::F[4]); // F5
    pty.wait_for("Copy: what goes where");
    pty.wait_for("10 messages left: NOT ENOUGH");
    pty.type_keys(key::ESC);
    pty.wait_gone("Copy: what goes where");
    pty.type_keys("q");
    assert_eq!(pty.wait_exit(), 0);
    assert!(server.peek("anna").is_empty());
}

#[test]
fn a_folder_with_a_quota_of_its_own_is_held_against_that() {
    let Some(server) = Cyrus::new().start() else { return };
    assert!(Client::login(server.imap_port, "anna").command("a CREATE Box").unwrap().starts_with("a OK"));
    let mut admin = Client::login_with(server.imap_port, "cyrus", "cyruspass");
    assert!(admin.command("a SETQUOTA user/anna/Box (MESSAGE 5)").unwrap().starts_with("a OK"));
    let scene = Scene::new(12);
    let url = Server::plaintext_url("anna", server.imap_port);
    for (folder, lacks) in [("Box", true), ("Box/New", true), ("New", false), ("INBOX", false)] {
        let (text, json) = scene.plan(&(url.clone() + folder));
        let words = "the mailbox has 5 messages left: NOT ENOUGH for 12 messages";
        assert_eq!(text.err.contains(words), lacks, "{folder}: {}", text.err);
        let ends = json.events_of("plan.end");
        let quotas = ends[0]["quotas"].as_array().unwrap();
        assert_eq!(quotas.iter().any(|quota| quota["fits"] == false), lacks, "{folder}: {quotas:?}");
    }
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
