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

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::exchange::{self, EXCHANGE, LOGIN};
use common::mail::{Mail, Maker, MboxStyle, write_mbox};
use common::mailbox::{self, Kept, Mailbox, Manners, Vice};
use common::program::{Run, Running, command, password_file, run};
use common::proxy::{At, Do, Proxy};
use common::scripted::Scripted;
use common::servers::project;
use common::trial::FOREIGN;
use common::{for_each_of, sha256, wait_until};
use mail_parser::{Address, MessageParser};
use rustix::process::Signal;
use tempfile::TempDir;

/// What is to be kept of a message: its digest as it was sent, its date in seconds since 1970, and its flags.
type Row = (String, i64, Vec<String>);

struct Scene {
    server: Scripted,
    mailbox: Arc<Mutex<Mailbox>>,
    home: TempDir,
    password: PathBuf,
}

impl Scene {
    fn new() -> Self {
        Self::of(exchange::start())
    }

    fn of((server, mailbox): (Scripted, Arc<Mutex<Mailbox>>)) -> Self {
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

    /// What is in a folder, but the mail of others; each as often as it is there.
    fn held(&self, folder: &str) -> Vec<Row> {
        let seconds = |date: &str| {
            chrono::DateTime::parse_from_str(date.trim(), "%d-%b-%Y %H:%M:%S %z").map(|date| date.timestamp()).unwrap()
        };
        let one = |kept: &Kept| {
            let mut flags = kept.flags.clone();
            flags.sort();
            (sha256(&kept.sent), seconds(&kept.date), flags)
        };
        sorted(self.mailbox.lock().unwrap().folders[folder].iter().filter(|kept| kept.sent != FOREIGN).map(one))
    }

    /// The mail of others in a folder, with all that the server knows of it.
    fn others(&self, folder: &str) -> Vec<String> {
        let mailbox = self.mailbox.lock().unwrap();
        mailbox.folders[folder].iter().filter(|kept| kept.sent == FOREIGN).map(|kept| format!("{kept:?}")).collect()
    }

    /// Sender, recipients and date of each message of a folder are in what the server gives back as in what the store has.
    fn assert_fields_kept(&self, folder: &str) {
        for kept in &self.mailbox.lock().unwrap().folders[folder] {
            assert_eq!(fields(&kept.rendered), fields(&kept.sent), "{folder}");
        }
    }

    /// The Message-IDs of a folder, as the server gives them back; each as often as it is there.
    fn ids(&self, folder: &str) -> Vec<String> {
        let mailbox = self.mailbox.lock().unwrap();
        sorted(mailbox.folders.get(folder).into_iter().flatten().map(|kept| message_id(&kept.rendered)))
    }
}

fn sorted<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort();
    all
}

fn message_id(message: &[u8]) -> String {
    MessageParser::default().parse(message).unwrap().message_id().unwrap().to_owned()
}

/// Sender, recipients, those of a copy, and the date, as another program reads them.
fn fields(message: &[u8]) -> (Vec<Vec<(String, String)>>, Option<i64>) {
    let parsed = MessageParser::default().parse(message).unwrap();
    let one = |address: &mail_parser::Addr<'_>| {
        (address.name().unwrap_or_default().to_owned(), address.address().unwrap_or_default().to_owned())
    };
    let all = |field: Option<&Address<'_>>| field.into_iter().flat_map(Address::iter).map(one).collect();
    let addresses = vec![all(parsed.from()), all(parsed.to()), all(parsed.cc())];
    (addresses, parsed.date().map(mail_parser::DateTime::to_timestamp))
}

/// What is to arrive of each folder of a store, as `ls` tells it.
fn listed(scene: &Scene, store: &str) -> BTreeMap<String, Vec<Row>> {
    let listed = run(scene.home.path(), &["ls", store, "--messages", "--digest", "--json"]);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut folders: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for message in listed.events_of("message") {
        let date = chrono::DateTime::parse_from_rfc3339(message["internal_date"].as_str().unwrap()).unwrap();
        let flags = sorted(message["flags"].as_array().unwrap().iter().map(text));
        folders.entry(text(&message["folder"])).or_default().push((text(&message["sha256"]), date.timestamp(), flags));
    }
    folders.into_iter().map(|(folder, rows)| (folder, sorted(rows.into_iter()))).collect()
}

/// An identity of Outlook Express with two folders; one message of each was never downloaded.
fn identity(scene: &Scene) -> String {
    let from = project().join("tests/data/stores/outlook-express/identity");
    let to = scene.home.path().join("identity");
    fs::create_dir(&to).unwrap();
    for (name, new) in
        [("Folders.dbx", "Folders.dbx"), ("Posteingang.dbx", "Posteingang.dbx"), ("Posteingang.dbx", "Projekte.dbx")]
    {
        fs::copy(from.join(name), to.join(new)).unwrap();
    }
    to.to_str().unwrap().to_owned()
}

/// Copies a store, and once more, which sends nothing; what could not be read is told both times.
fn copy_twice(scene: &Scene, store: &str, target: &str, messages: usize, unreadable: usize) -> Run {
    let copied = scene.run(&["copy", store, &scene.target(target)]).expect(1);
    assert_eq!(copied.totals(), (messages as u64, 0, 0), "{}", copied.out);
    assert!(copied.events_of("message.done").iter().all(|done| done["proof"] == "semantic"), "{}", copied.out);
    let sent = scene.server.count("APPEND");
    let again = scene.run(&["copy", store, &scene.target(target)]).expect(1);
    assert_eq!(again.totals(), (0, messages as u64, 0), "{}", again.out);
    assert_eq!(scene.server.count("APPEND"), sent);
    for run in [&copied, &again] {
        let damage = run.events_of("damage");
        assert_eq!(damage.len(), unreadable, "{damage:?}");
        assert!(damage.iter().all(|damage| damage["text"].to_string().contains("never downloaded")), "{damage:?}");
    }
    copied
}

#[test]
fn an_outlook_express_folder_goes_into_a_new_folder_and_into_the_inbox_of_exchange() {
    let scene = Scene::new();
    let inbox = identity(&scene) + "#Eingegangenes";
    let expected = listed(&scene, &inbox).remove("Eingegangenes").unwrap();
    assert_eq!(expected.len(), 17);
    assert!(expected.iter().any(|(_, _, flags)| flags == &["\\Flagged", "\\Seen"]), "{expected:?}");
    scene.mailbox.lock().unwrap().deliver("INBOX", FOREIGN);
    scene.mailbox.lock().unwrap().deliver("INBOX", FOREIGN);
    let others = scene.others("INBOX");
    for (target, folder) in [("From%20Outlook%20Express", "From Outlook Express"), ("INBOX", "INBOX")] {
        let copied = copy_twice(&scene, &inbox, target, expected.len(), 1);
        assert_eq!(copied.events_of("remark").len(), 1, "{}", copied.out);
        assert_eq!(scene.held(folder), expected);
        scene.assert_fields_kept(folder);
    }
    assert_eq!(scene.others("INBOX"), others);
    assert_eq!(others.len(), 2);
}

#[test]
fn all_outlook_express_folders_go_below_a_folder_and_into_the_top_of_exchange() {
    let scene = Scene::new();
    let store = identity(&scene);
    let expected = listed(&scene, &store);
    assert_eq!(expected.keys().collect::<Vec<_>>(), ["Eingegangenes", "Projekte"]);
    scene.mailbox.lock().unwrap().deliver("INBOX", FOREIGN);
    let others = scene.others("INBOX");
    let below = [("Eingegangenes", "Old/Eingegangenes"), ("Projekte", "Old/Projekte")];
    let top = [("Eingegangenes", "INBOX"), ("Projekte", "Projekte")];
    for (target, folders) in [("Old", below), ("", top)] {
        copy_twice(&scene, &store, target, 34, 2);
        for (from, to) in folders {
            assert_eq!(scene.held(to), expected[from], "{to}");
            scene.assert_fields_kept(to);
        }
    }
    assert_eq!(scene.others("INBOX"), others);
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
    assert_eq!(scene.ids("Box"), sorted(mails.iter().map(|mail| message_id(&mail.bytes))));
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

/// A store of small messages.
fn small_messages(home: &Path, messages: usize) -> PathBuf {
    let template = Maker::new(6).folder(1, 1999, 90).remove(0);
    let one = |place: usize| {
        let head = format!("From: a@x.example\r\nSubject: small {place}\r\nMessage-ID: <{place}@x.example>\r\n\r\n");
        Mail { bytes: (head + "small\r\n").into_bytes(), keywords: Vec::new(), ..template.clone() }
    };
    let store = home.join("box");
    write_mbox(&store, &(0..messages).map(one).collect::<Vec<_>>(), MboxStyle::Mboxrd).unwrap();
    store
}

#[test]
fn no_more_messages_wait_at_a_time_than_exchange_bears() {
    let scene = Scene::new();
    let store = small_messages(scene.home.path(), 400);
    // While it is at these, all that the program sends piles up.
    scene.mailbox.lock().unwrap().turn(Vice::Dawdles(Duration::from_millis(20)), 50);
    scene.run(&["copy", store.to_str().unwrap(), &scene.target("Box"), "--connections", "1"]).expect(0);
    let mailbox = scene.mailbox.lock().unwrap();
    assert!((20..=100).contains(&mailbox.most_waited), "{} waited", mailbox.most_waited);
    assert_eq!((mailbox.resets, scene.server.count("LOGIN"), mailbox.folders["Box"].len()), (0, 1, 400));
}

/// What the test above would see, were more sent than may wait.
#[test]
fn a_server_that_bears_less_cuts_the_line_and_has_each_message_once_all_the_same() {
    let scene = Scene::of(mailbox::start(Manners { most_waiting: 30, ..EXCHANGE }));
    let store = small_messages(scene.home.path(), 60);
    scene.mailbox.lock().unwrap().turn(Vice::Dawdles(Duration::from_millis(20)), 5);
    let copied = scene.run(&["copy", store.to_str().unwrap(), &scene.target("Box"), "--connections", "1"]);
    assert_eq!(copied.expect(0).totals(), (60, 0, 0));
    assert!(scene.mailbox.lock().unwrap().resets > 0);
    assert_eq!(scene.ids("Box"), sorted((0..60).map(|place| format!("{place}@x.example"))));
}

/// What breaks a copy to Exchange, which tells no UIDs and writes all mail anew.
#[derive(Clone, Debug)]
enum Breaks {
    Line(u64, At),
    Killed(u64),
}

#[test]
fn a_copy_that_breaks_off_and_is_run_again_has_each_message_once_on_exchange() {
    let points = [At::BeforeLine, At::Literal(20), At::AfterLiteral, At::AfterEnd, At::BeforeOk, At::AfterOk];
    let lines = points.into_iter().flat_map(|at| [2, 70].map(|nth| Breaks::Line(nth, at)));
    let cases: Vec<Breaks> = lines.chain([1, 2, 5, 30, 60, 100].map(Breaks::Killed)).collect();
    for_each_of(&cases, 18, broken_off);
}

fn broken_off(breaks: &Breaks) {
    let scene = Scene::new();
    let mut mails = Maker::new(31).folder(120, 1999, 90);
    mails[5] = mails[4].clone(); // twins
    let store = scene.home.path().join("box");
    write_mbox(&store, &mails, MboxStyle::Mboxrd).unwrap();
    let expected = sorted(mails.iter().map(|mail| message_id(&mail.bytes)));
    let proxy = Proxy::new(scene.server.port);
    let proxy = match breaks {
        Breaks::Line(nth, at) => proxy.fault(*nth, *at, Do::Reset),
        Breaks::Killed(_) => proxy.round_trip(Duration::from_millis(20)), // time to be killed in
    };
    let proxy = proxy.start();
    let through = proxy.url(&LOGIN.replace('/', "%2F")) + "Box";
    let password = scene.password.to_str().unwrap();
    let words = ["copy", store.to_str().unwrap(), &through, "--json", "--password-file", password];
    let mut running = Running::start(command(scene.home.path(), &words));
    if let Breaks::Killed(at) = breaks {
        wait_until(|| proxy.messages() >= *at || running.ended().is_some());
        running.signal(Signal::KILL);
        assert_eq!(running.wait().code, 137, "{breaks:?}");
    } else {
        let run = running.wait().expect(0);
        assert_eq!((proxy.fired(), run.totals()), (1, (120, 0, 0)), "{breaks:?}");
        assert_eq!(scene.ids("Box"), expected, "{breaks:?}");
    }
    for settled in [false, true] {
        let run = scene.run(&["copy", store.to_str().unwrap(), &scene.target("Box")]).expect(0);
        let (done, already, failed) = run.totals();
        assert_eq!((done + already, failed), (120, 0), "{breaks:?}");
        assert!(done == 0 || !settled && matches!(breaks, Breaks::Killed(_)), "{breaks:?}: {done} sent");
        assert_eq!(scene.ids("Box"), expected, "{breaks:?}");
    }
}
