//! The journal as a user meets it: jobs listed, resumed, reported, taken back; one writer per account; and what happens when
//! it can not be written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::mail::{Mail, Maker, MboxStyle, write_maildir_tree, write_mbox};
use common::peek;
use common::program::{Run, command, password_file, run};
use common::proxy::{At, Do, Proxy};
use common::servers::{Dovecot, Server};
use common::sha256;
use tempfile::TempDir;

struct Scene {
    server: Server,
    home: TempDir,
    password: PathBuf,
    mails: Vec<Mail>,
}

impl Scene {
    fn new(messages: usize) -> Option<Self> {
        let server = Dovecot::new().start()?;
        let home = TempDir::new().unwrap();
        let mails = Maker::new(41).folder(messages, 2004, 300);
        write_maildir_tree(&home.path().join("Maildir"), &[("", mails.clone())]).unwrap();
        let password = password_file(home.path());
        Some(Self { server, home, password, mails })
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    fn target(&self, folder: &str) -> String {
        Server::plaintext_url("anna", self.server.imap_port) + folder
    }

    fn run(&self, arguments: &[&str]) -> Run {
        run(self.home.path(), &[arguments, &["--password-file", self.password.to_str().unwrap()]].concat())
    }

    fn copy(&self, folder: &str) -> Run {
        self.run(&["copy", &self.path("Maildir"), &self.target(folder), "--json"])
    }

    /// The program without the password options.
    fn ask(&self, arguments: &[&str]) -> Run {
        run(self.home.path(), arguments)
    }

    /// The digests of what is on the server, sorted.
    fn there(&self) -> Vec<String> {
        let mut there: Vec<String> = self.server.peek("anna").into_iter().map(|message| message.sha256).collect();
        there.sort();
        there
    }

    fn expected(&self) -> Vec<String> {
        let mut expected: Vec<String> = self.mails.iter().map(|mail| sha256(&mail.bytes)).collect();
        expected.sort();
        expected
    }

    #[track_caller]
    fn assert_all_there(&self) {
        let (there, expected) = (self.there(), self.expected());
        assert!(there == expected, "{} messages and not {}", there.len(), expected.len());
    }

    /// Waits until the server is done with what a killed run sent: without a journal nobody knows of that.
    fn wait_for_the_server(&self) {
        let mut before = usize::MAX;
        common::wait_until(|| {
            std::thread::sleep(Duration::from_millis(300));
            let now = self.there().len();
            std::mem::replace(&mut before, now) == now
        });
    }

    /// Starts a copy and kills it once so many messages were announced.
    fn killed_copy(&self, at: u64) {
        let proxy = Proxy::new(self.server.imap_port).round_trip(Duration::from_millis(4)).start();
        let target = proxy.url("anna") + "Box";
        let password = self.password.to_str().unwrap();
        let arguments = ["copy", &self.path("Maildir"), &target, "--quiet", "--password-file", password];
        let mut child = command(self.home.path(), &arguments).spawn().unwrap();
        common::wait_until(|| proxy.messages() >= at || child.try_wait().unwrap().is_some());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

fn journal(home: &Path) -> PathBuf {
    home.join(".local/state/mailferry/journal.sqlite")
}

#[test]
fn a_job_is_listed_reported_and_taken_back_as_far_as_nobody_changed_it() {
    let Some(scene) = Scene::new(12) else { return };
    assert_eq!(scene.ask(&["jobs"]).expect(0).out, "no jobs yet\n");
    assert_eq!(scene.copy("Made/Box").expect(0).events_of("job.end")[0]["job"], 1);
    peek::append(
        scene.server.imap_port,
        "anna",
        "Made/Box",
        "",
        1_000_000_000,
        b"Subject: of somebody else\r\n\r\nx\r\n",
    );

    let listed = scene.ask(&["jobs", "--json"]).expect(0).events_of("job").remove(0);
    assert_eq!((&listed["stored"], &listed["outcome"]), (&12.into(), &"Complete".into()));
    let report = scene.ask(&["report", "1"]).expect(0).out;
    assert!(report.contains("12 messages appended") && report.contains("nothing was left out"), "{report}");

    scene.run(&["undo", "1"]).expect(2); // nobody can be asked
    assert_eq!(scene.there().len(), 13);
    let undone = scene.run(&["undo", "1", "--yes", "--json"]).expect(1);
    assert_eq!(undone.events_of("undo.end")[0]["removed"], 12);
    assert!(undone.events_of("kept").iter().any(|kept| kept["folder"] == "Made/Box"), "{}", undone.out);
    assert_eq!(scene.there().len(), 1);
    let listed = scene.ask(&["jobs", "--json"]).expect(0).events_of("job").remove(0);
    assert_eq!((&listed["stored"], &listed["outcome"]), (&0.into(), &"Undone".into()));
    let report = scene.ask(&["report", "1"]).expect(0).out;
    assert!(report.contains("taken back") && report.contains("12 messages and"), "{report}");
}

#[test]
fn what_somebody_changed_since_stays() {
    let Some(scene) = Scene::new(8) else { return };
    scene.copy("Box").expect(0);
    peek::flag(scene.server.imap_port, "anna", "Box", 3, "\\Flagged $Done");
    let undone = scene.run(&["undo", "1", "--yes", "--json"]).expect(1);
    assert_eq!(undone.events_of("undo.end")[0]["removed"], 7);
    let kept = undone.events_of("kept");
    assert!(kept.iter().any(|kept| kept["uid"] == 3 && kept["reason"].as_str().unwrap().contains("changed")));
    assert_eq!(scene.there().len(), 1);
}

#[test]
fn a_job_that_is_taken_back_takes_its_folders_with_it() {
    let Some(scene) = Scene::new(5) else { return };
    peek::create(scene.server.imap_port, "anna", "Old");
    scene.copy("Old/New/Box").expect(0);
    let undone = scene.run(&["undo", "1", "--yes", "--json"]).expect(0);
    let end = undone.events_of("undo.end").remove(0);
    assert_eq!(end["folders"], serde_json::json!(["Old/New/Box", "Old/New"]));
    let names: Vec<String> =
        peek::folders(scene.server.imap_port, "anna").into_iter().map(|folder| folder.name).collect();
    assert!(names.contains(&"Old".to_owned()) && !names.iter().any(|name| name.contains("New")), "{names:?}");
    // The same command carries it all again.
    assert_eq!(scene.copy("Old/New/Box").expect(0).totals(), (5, 0, 0));
}

#[test]
fn the_only_copy_of_a_moved_message_is_not_taken_back() {
    let Some(scene) = Scene::new(4) else { return };
    write_mbox(&scene.home.path().join("box"), &scene.mails, MboxStyle::Mboxrd).unwrap();
    scene.run(&["move", &scene.path("box"), &scene.target("Box"), "--quiet"]).expect(0);
    let undone = scene.run(&["undo", "1", "--yes"]).expect(1);
    assert!(undone.out.contains("only copy"), "{}", undone.out);
    scene.assert_all_there();
}

#[test]
fn what_a_copy_left_on_the_server_is_not_taken_back_once_a_move_took_it_out_of_the_store() {
    let Some(scene) = Scene::new(4) else { return };
    scene.copy("Box").expect(0);
    let moved = scene.run(&["move", &scene.path("Maildir"), &scene.target("Box"), "--json"]).expect(0);
    assert_eq!(moved.totals(), (0, 4, 0));
    let jobs = scene.ask(&["jobs", "--json"]).expect(0).events_of("job");
    assert_eq!((&jobs[1]["stored"], &jobs[1]["moved"]), (&0.into(), &4.into()));
    for job in ["1", "2"] {
        scene.run(&["undo", job, "--yes"]);
        scene.assert_all_there();
    }
}

#[test]
fn a_killed_job_goes_on_with_the_same_command() {
    let Some(scene) = Scene::new(400) else { return };
    scene.killed_copy(300);
    let broken = scene.ask(&["jobs"]).expect(0).out;
    assert!(broken.contains("running or broken off"), "{broken}");
    // By another way to the same mailbox, the same command goes on: the job is the same.
    let run = scene.copy("Box").expect(0);
    assert_eq!(run.events_of("job.start")[0]["job"], 1);
    let (done, already, failed) = run.totals();
    assert_eq!((done + already, failed), (400, 0));
    scene.assert_all_there();
}

#[test]
fn resume_goes_on_with_what_was_left_out() {
    let Some(scene) = Scene::new(30) else { return };
    let proxy = Proxy::new(scene.server.imap_port)
        .replace("MULTIAPPEND", "X-NONE")
        .replace("LITERAL+", "X-NONE")
        .fault(5, At::BeforeLine, Do::Answer("NO [LIMIT] not now".into()))
        .start();
    let target = proxy.url("anna") + "Box";
    let first = scene.run(&["copy", &scene.path("Maildir"), &target, "--json"]).expect(1);
    assert_eq!(first.totals(), (29, 0, 1));
    let report = scene.ask(&["report", "1", "--json"]).expect(0);
    let failed = report.events_of("message.failed").remove(0);
    assert_eq!((&failed["server_text"], &failed["subject"]), (&"NO [LIMIT] not now".into(), &"".into()));
    let again = scene.run(&["resume", "1", "--json"]).expect(0);
    assert_eq!(again.totals(), (1, 29, 0));
    assert_eq!(again.events_of("job.start")[0]["job"], 1);
    scene.assert_all_there();
    assert!(scene.ask(&["report", "1"]).expect(0).out.contains("nothing was left out"));
    scene.run(&["resume", "7"]).expect(2);
}

#[test]
fn a_second_writer_to_an_account_is_told_who_the_first_is() {
    let Some(scene) = Scene::new(20) else { return };
    let proxy = Proxy::new(scene.server.imap_port).fault(2, At::AfterLiteral, Do::Stall).start();
    let target = proxy.url("anna") + "Box";
    let password = scene.password.to_str().unwrap();
    let arguments = ["copy", &scene.path("Maildir"), &target, "--quiet", "--password-file", password];
    let mut first = command(scene.home.path(), &arguments).spawn().unwrap();
    common::wait_until(|| proxy.fired() > 0);
    let second = scene.run(&["copy", &scene.path("Maildir"), &target, "--json"]).expect(75);
    let reason = second.events_of("job.end")[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains(&format!("process {}", first.id())), "{reason}");
    // Nor can one that calls the machine by another name, as where the state lies on a network.
    let renamed = "hostname elsewhere; exec \"$0\" \"$@\"";
    let arguments = ["copy", &scene.path("Maildir"), &target, "--json", "--password-file", password];
    let mut elsewhere = std::process::Command::new("unshare");
    elsewhere
        .args(["--map-root-user", "--uts", "bash", "-c", renamed, env!("CARGO_BIN_EXE_mailferry")])
        .args(arguments);
    common::program::at_home(&mut elsewhere, scene.home.path());
    let third = common::program::Running::start(elsewhere).wait();
    if third.err.contains("unshare") {
        common::skip("no other host name can be had here");
    } else {
        let reason = third.expect(75).events_of("job.end")[0]["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(&format!("process {}", first.id())), "{reason}");
    }
    // Two may read one store at a time, each for its own account.
    let from_here = Server::plaintext_url("carl", scene.server.imap_port);
    scene.run(&["copy", &scene.path("Maildir"), &from_here, "--quiet"]).expect(0);
    // Another account is nobody's business.
    let other = Server::plaintext_url("bert", scene.server.imap_port);
    scene.run(&["copy", &scene.path("Maildir"), &other, "--quiet"]).expect(0);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_second_move_out_of_a_store_is_told_who_is_at_the_first() {
    let Some(scene) = Scene::new(20) else { return };
    let proxy = Proxy::new(scene.server.imap_port).fault(2, At::AfterLiteral, Do::Stall).start();
    let target = proxy.url("anna") + "Box";
    let password = scene.password.to_str().unwrap();
    let store = scene.path("Maildir");
    let arguments = ["move", &store, &target, "--quiet", "--password-file", password];
    let mut first = command(scene.home.path(), &arguments).spawn().unwrap();
    common::wait_until(|| proxy.fired() > 0);
    let holder = format!("process {}", first.id());
    let link = scene.path("link");
    std::os::unix::fs::symlink(&store, &link).unwrap();
    let other = Server::plaintext_url("bert", scene.server.imap_port) + "Box";
    for path in [&store, &link] {
        let second = scene.run(&["move", path, &other, "--json"]).expect(75);
        let reason = second.events_of("job.end")[0]["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(&holder) && reason.contains("moving mail out of"), "{reason}");
    }
    // Nor where the machine is called by another name.
    let renamed = "hostname elsewhere; exec \"$0\" \"$@\"";
    let mut elsewhere = std::process::Command::new("unshare");
    elsewhere.args(["--map-root-user", "--uts", "bash", "-c", renamed, env!("CARGO_BIN_EXE_mailferry")]).args([
        "move",
        &store,
        &other,
        "--json",
        "--password-file",
        password,
    ]);
    common::program::at_home(&mut elsewhere, scene.home.path());
    let third = common::program::Running::start(elsewhere).wait();
    if third.err.contains("unshare") {
        common::skip("no other host name can be had here");
    } else {
        let reason = third.expect(75).events_of("job.end")[0]["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(&holder), "{reason}");
    }
    // What only reads may do so.
    scene.run(&["copy", &store, &other, "--quiet"]).expect(0);
    first.kill().unwrap();
    first.wait().unwrap();
    // The lock goes with its holder, and what was carried twice is on both.
    let both = scene.run(&["move", &store, &other, "--json"]).expect(0);
    assert_eq!(both.totals(), (0, 20, 0), "{}", both.out);
}

#[test]
fn a_journal_that_can_not_be_made_or_is_none_ends_the_job_before_anything_is_sent() {
    let Some(scene) = Scene::new(3) else { return };
    let file = scene.path("file");
    fs::write(&file, "x").unwrap();
    let foreign = scene.home.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(
        foreign.join("journal.sqlite"),
        "this is no database, and long enough to be looked at as one ".repeat(20),
    )
    .unwrap();
    for state in [format!("{file}/below"), foreign.to_str().unwrap().to_owned()] {
        let arguments = ["copy", &scene.path("Maildir"), &scene.target("Box"), "--json", "--state-dir", &state];
        let run = scene.run(&arguments).expect(74);
        let reason = run.events_of("job.end")[0]["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(&state[..8]), "{reason}");
    }
    assert!(scene.there().is_empty());
}

#[test]
fn a_full_disk_stops_the_job_before_the_next_messages_and_the_same_command_completes_it() {
    let Some(scene) = Scene::new(1500) else { return };
    let program = env!("CARGO_BIN_EXE_mailferry");
    let limited = format!("trap '' XFSZ; ulimit -f 120; exec {program} \"$@\"");
    let (store, target) = (scene.path("Maildir"), scene.target("Box"));
    let password = scene.password.to_str().unwrap();
    let output = Command::new("bash")
        .args(["-c", &limited, "mailferry", "copy", &store, &target, "--json", "--password-file", password])
        .env("HOME", scene.home.path())
        .env_remove("XDG_STATE_HOME")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(74), "{out}");
    assert!(out.contains("journal"), "{out}");
    assert!(scene.there().len() < 1500);
    let run = scene.copy("Box").expect(0);
    let (done, already, failed) = run.totals();
    assert_eq!((done + already, failed), (1500, 0));
    scene.assert_all_there();
}

#[test]
fn a_lost_journal_costs_nothing_but_a_look() {
    let Some(scene) = Scene::new(300) else { return };
    scene.killed_copy(200);
    fs::remove_dir_all(scene.home.path().join(".local")).unwrap();
    scene.wait_for_the_server();
    let (done, already, failed) = scene.copy("Box").expect(0).totals();
    assert_eq!((done + already, failed), (300, 0));
    scene.assert_all_there();
}

#[test]
fn the_journal_is_the_users_alone_and_holds_no_mail_and_no_password() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(scene) = Scene::new(20) else { return };
    scene.killed_copy(10);
    let directory = journal(scene.home.path()).parent().unwrap().to_owned();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            files += 1;
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            let bytes = fs::read(&path).unwrap();
            for word in ["testpass", "Girders", "holm-braun", "Subject"] {
                let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
                assert!(!found, "{word} in {}", path.display());
            }
        }
    }
    assert!(files >= 1);
}

#[test]
fn the_report_names_each_message_that_was_changed_before_it_was_sent() {
    let Some(scene) = Scene::new(1) else { return };
    let mut mails = Maker::new(8).folder(3, 2004, 60);
    mails[1].bytes = b"Subject: nul\r\n\r\na\0b\r\n".to_vec();
    write_mbox(&scene.home.path().join("box"), &mails, MboxStyle::Mboxrd).unwrap();
    let target = scene.target("Box");
    let done = scene
        .run(&["copy", &scene.path("box"), &target, "--json", "--repair", "nul"])
        .expect(0)
        .events_of("message.done");
    let changed = done.iter().find(|done| done["repairs"] == serde_json::json!(["nul"])).unwrap();
    let report = scene.ask(&["report", "1", "--json"]).expect(0).events_of("message.repaired");
    assert_eq!((report.len(), &report[0]["id"], &report[0]["repairs"]), (1, &changed["id"], &changed["repairs"]));
    let text = scene.ask(&["report", "1"]).expect(0).out;
    assert!(text.contains("changed before they were sent") && text.contains(": nul"), "{text}");
}

#[test]
fn the_report_of_a_job_that_was_stopped_does_not_say_that_all_is_there() {
    let Some(scene) = Scene::new(400) else { return };
    scene.killed_copy(100);
    let text = scene.ask(&["report", "1"]).expect(0).out;
    assert!(!text.contains("nothing was left out") && text.contains("mailferry resume 1"), "{text}");
}

/// What a store can not give is in the report, without a word of the mail.
#[test]
fn the_report_says_what_is_damaged_and_the_journal_holds_no_subject() {
    let Some(scene) = Scene::new(1) else { return };
    let store = common::servers::project().join("tests/data/stores/outlook-express/identity");
    let source = format!("{}#Eingegangenes", store.display());
    let copied = scene.run(&["copy", &source, &scene.target("Box"), "--json"]).expect(1);
    let damage = copied.events_of("damage").remove(0);
    assert!(damage["text"].as_str().unwrap().contains("Message number 20"), "{damage}");
    let report = scene.ask(&["report", "1"]).expect(0).out;
    assert!(report.contains("damaged places in it: 1") && !report.contains("Message number"), "{report}");
    let state = scene.home.path().join(".local/state/mailferry");
    for entry in fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = fs::read(&entry).unwrap();
        assert!(!bytes.windows(14).any(|window| window == b"Message number"), "{}", entry.display());
    }
}
