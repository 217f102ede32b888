//! The job of Microsoft's article Q273561, "How To Use IMAP4 to Migrate E-Mail": Outlook Express folders into a mailbox on
//! Exchange Server 5.5, into a new folder and into the Inbox, recipients, dates and times preserved.

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
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::exchange::{self, LOGIN};
use common::mail::{Maker, MboxStyle, write_mbox};
use common::mailbox::Mailbox;
use common::program::{Run, password_file, run};
use common::scripted::Scripted;
use common::servers::project;
use common::sha256;
use tempfile::TempDir;

struct Scene {
    server: Scripted,
    mailbox: Arc<Mutex<Mailbox>>,
    home: TempDir,
    password: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let (server, mailbox) = exchange::start();
        let home = TempDir::new().unwrap();
        let password = password_file(home.path());
        Self { server, mailbox, home, password }
    }

    fn target(&self, folder: &str) -> String {
        self.server.url(&LOGIN.replace('/', "%2F")) + folder
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let password = self.password.to_str().unwrap();
        run(self.home.path(), &[arguments, &["--json", "--password-file", password]].concat())
    }

    /// Digest as it was sent, and seconds since 1970, of what is in a folder.
    fn held(&self, folder: &str) -> BTreeSet<(String, i64)> {
        let mailbox = self.mailbox.lock().unwrap();
        let seconds = |date: &str| {
            chrono::DateTime::parse_from_str(date.trim(), "%d-%b-%Y %H:%M:%S %z").map(|date| date.timestamp()).unwrap()
        };
        mailbox.folders[folder].iter().map(|kept| (sha256(&kept.sent), seconds(&kept.date))).collect()
    }
}

/// Digest and date of each message of a store's folder, as `ls` tells them.
fn listed(scene: &Scene, store: &str) -> BTreeSet<(String, i64)> {
    let listed = run(scene.home.path(), &["ls", store, "--messages", "--digest", "--json"]);
    let messages = listed.events_of("message");
    let seconds = |date: &str| chrono::DateTime::parse_from_rfc3339(date).unwrap().timestamp();
    let one = |message: &serde_json::Value| {
        (message["sha256"].as_str().unwrap().to_owned(), seconds(message["internal_date"].as_str().unwrap()))
    };
    messages.iter().map(one).collect()
}

#[test]
fn outlook_express_folders_go_into_a_new_folder_and_into_the_inbox_of_exchange() {
    let scene = Scene::new();
    let identity = project().join("tests/data/stores/outlook-express/identity");
    let inbox = format!("{}#Eingegangenes", identity.to_str().unwrap());
    let expected = listed(&scene, &inbox);
    assert!(expected.len() >= 2, "{expected:?}");
    for (target, folder) in [("From%20Outlook%20Express", "From Outlook Express"), ("INBOX", "INBOX")] {
        let copied = scene.run(&["copy", &inbox, &scene.target(target)]);
        let (done, already, failed) = copied.totals();
        assert_eq!((usize::try_from(done).unwrap(), already, failed), (expected.len(), 0, 0), "{}", copied.out);
        assert!(copied.events_of("message.done").iter().all(|done| done["proof"] == "semantic"), "{}", copied.out);
        assert_eq!(copied.events_of("remark").len(), 1, "{}", copied.out);
        assert_eq!(scene.held(folder), expected);
        let again = scene.run(&["copy", &inbox, &scene.target(target)]);
        assert_eq!(usize::try_from(again.totals().1).unwrap(), expected.len(), "{}", again.out);
        assert_eq!(scene.held(folder), expected);
    }
}

#[test]
fn a_flag_that_exchange_forgets_is_set_again() {
    let scene = Scene::new();
    let mails = Maker::new(5).folder(30, 1999, 90);
    write_mbox(&scene.home.path().join("box"), &mails, MboxStyle::Mboxrd).unwrap();
    let store = scene.home.path().join("box");
    scene.run(&["copy", store.to_str().unwrap(), &scene.target("Box")]).expect(0);
    let mailbox = scene.mailbox.lock().unwrap();
    let flagged =
        mailbox.folders["Box"].iter().filter(|kept| kept.flags.iter().any(|flag| flag == "\\Flagged")).count();
    assert!(flagged > 0);
    assert_eq!(flagged, mails.iter().filter(|mail| mail.marks.flagged).count());
}

#[test]
fn a_move_onto_a_server_that_writes_mail_anew_needs_consent() {
    let scene = Scene::new();
    let mails = Maker::new(6).folder(12, 1999, 90);
    let store = scene.home.path().join("box");
    write_mbox(&store, &mails, MboxStyle::Mboxrd).unwrap();
    let before = fs::read(&store).unwrap();
    let refused = scene.run(&["move", store.to_str().unwrap(), &scene.target("Box")]).expect(1);
    assert!(refused.events_of("job.end")[0]["reason"].as_str().unwrap().contains("--accept-rewriting"));
    assert_eq!(fs::read(&store).unwrap(), before);
    let (unmoved, done) = (refused.events_of("message.failed"), refused.totals().0);
    let by_id = unmoved.iter().filter(|failed| !failed["id"].as_str().unwrap().is_empty()).count();
    assert_eq!(by_id as u64, done, "each that was copied and stays is named: {unmoved:?}");

    let moved = scene.run(&["move", store.to_str().unwrap(), &scene.target("Box"), "--accept-rewriting"]).expect(0);
    assert_eq!(moved.events_of("job.end")[0]["removed"], 12);
    assert_eq!(fs::metadata(&store).unwrap().len(), 0);
    assert_eq!(scene.held("Box").len(), 12);
}

#[test]
fn a_message_that_a_server_stores_after_all_patience_is_found_at_the_end_and_named() {
    // Ten seconds are its grace; then it is sent again, and comes a second time.
    let (server, mailbox) = exchange::start_late(Duration::from_millis(10_700));
    let home = TempDir::new().unwrap();
    let (password, store) = (password_file(home.path()), home.path().join("box"));
    let mails = Maker::new(8).folder(600, 1999, 90);
    write_mbox(&store, &mails, MboxStyle::Mboxrd).unwrap();
    let target = server.url(&LOGIN.replace('/', "%2F")) + "Box";
    let arguments = [
        "copy",
        store.to_str().unwrap(),
        &target,
        "--json",
        "--max-rate",
        "400K",
        "--password-file",
        password.to_str().unwrap(),
    ];
    let run = run(home.path(), &arguments).expect(1);
    assert_eq!(run.totals(), (600, 0, 0), "{}", run.out.lines().last().unwrap());
    let late = run.events_of("message.failed").remove(0);
    assert!(late["reason"].as_str().unwrap().contains("a second time"), "{late}");
    assert_eq!(mailbox.lock().unwrap().folders["Box"].len(), 601);
}

#[test]
fn another_form_of_the_login_is_refused_without_a_word_and_told_so() {
    let scene = Scene::new();
    let store = scene.home.path().join("box");
    write_mbox(&store, &Maker::new(6).folder(2, 1999, 90), MboxStyle::Mboxrd).unwrap();
    let refused = scene.run(&["copy", store.to_str().unwrap(), &(scene.server.url("anna") + "Box")]).expect(77);
    assert!(refused.err.contains("DOMAIN/user/alias"), "{}", refused.err);
}

#[test]
fn a_mailbox_on_another_server_is_told_where_it_is() {
    let server = Scripted::start(|conn| {
        conn.reply_raw(b"* OK Microsoft Exchange IMAP4rev1 server version 5.5.2653.23 (a) ready\r\n")?;
        loop {
            let request = conn.next()?;
            if request.is("LOGIN") {
                conn.reply(&request, "OK [REFERRAL imap://holm%2Fanna;AUTH=*@mail2.holm.example] LOGIN completed")?;
            } else if request.is("SELECT") {
                conn.reply(&request, "NO There is no replica for that mailbox on this server.")?;
            } else {
                conn.answer(&request)?;
            }
        }
    });
    let home = TempDir::new().unwrap();
    let (password, store) = (password_file(home.path()), home.path().join("box"));
    write_mbox(&store, &Maker::new(6).folder(2, 1999, 90), MboxStyle::Mboxrd).unwrap();
    let arguments = ["copy", store.to_str().unwrap(), &(server.url("anna") + "INBOX"), "--json", "--password-file"];
    let refused = run(home.path(), &[arguments.as_slice(), &[password.to_str().unwrap()]].concat()).expect(1);
    let reason = refused.events_of("message.failed")[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("mail2.holm.example"), "{reason}");
}
