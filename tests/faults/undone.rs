//! Jobs that are taken back: exactly what they appended, however they ended, and however often that breaks off.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::Signal;
use tempfile::TempDir;

use super::common::mail::{Mail, Maker, MboxStyle, write_maildir_tree, write_mbox};
use super::common::peek::{self, peek};
use super::common::program::{Run, Running, command, password_file, run};
use super::common::proxy::{At, Do, Proxy};
use super::common::servers::{Dovecot, Server};
use super::common::{for_each_of, sha256, wait_until};

fn url(user: &str, port: u16, folder: &str) -> String {
    Server::plaintext_url(user, port) + folder
}

/// A user of the server with a home and some mail in a Maildir.
struct Scene<'s> {
    server: &'s Server,
    home: TempDir,
    user: String,
    mails: Vec<Mail>,
}

impl<'s> Scene<'s> {
    fn new(server: &'s Server, user: &str) -> Self {
        let home = TempDir::new().unwrap();
        password_file(home.path());
        let mails = Maker::new(31).folder(12, 2004, 90);
        write_maildir_tree(&home.path().join("Maildir"), &[("", mails.clone())]).unwrap();
        Self { server, home, user: user.to_owned(), mails }
    }

    fn run(&self, words: &[&str]) -> Run {
        let password = self.home.path().join("password").display().to_string();
        run(self.home.path(), &[words, &["--password-file", &password]].concat())
    }

    fn carry(&self, verb: &str, source: &str, target: &str) -> Run {
        let password = self.home.path().join("password").display().to_string();
        self.run(&[verb, source, target, "--json", "--source-password-file", &password])
    }

    fn copy(&self, folder: &str) -> Run {
        let source = self.home.path().join("Maildir").display().to_string();
        self.run(&["copy", &source, &url(&self.user, self.server.imap_port, folder), "--json"])
    }

    /// From now on jobs are taken back by that port.
    fn go_by(&self, port: u16) {
        let journal = Connection::open(self.home.path().join(".local/state/mailferry/journal.sqlite")).unwrap();
        journal.execute("UPDATE job SET settings = json_set(settings, '$.port', ?)", [port]).unwrap();
    }

    fn digests(&self) -> Vec<String> {
        let mut digests: Vec<String> = self.mails.iter().map(|mail| sha256(&mail.bytes)).collect();
        digests.sort();
        digests
    }

    /// The digests of all mail of a user, sorted.
    fn there(&self, user: &str) -> Vec<String> {
        let mut there: Vec<String> =
            peek(self.server.imap_port, user).into_iter().map(|message| message.sha256).collect();
        there.sort();
        there
    }
}

/// The server leaves after each number of commands, in the middle of it.
#[test]
fn an_undo_that_breaks_off_goes_on_when_it_is_called_again() {
    let Some(server) = Dovecot::new().start() else { return };
    for_each_of(&(3..16).collect::<Vec<_>>(), 4, |commands| {
        let scene = Scene::new(&server, &format!("left{commands}"));
        scene.copy("Old/Box").expect(0);
        let proxy = Proxy::new(server.imap_port).leave_after(*commands).start();
        scene.go_by(proxy.port);
        let first = scene.run(&["undo", "1", "--yes", "--json"]);
        scene.go_by(server.imap_port);
        let again = scene.run(&["undo", "1", "--yes", "--json"]).expect(0);
        assert_eq!(again.events_of("undo.end")[0]["kept"], 0, "after {commands} commands: {} {}", first.err, again.out);
        assert_eq!(scene.there(&scene.user), [""; 0], "after {commands} commands");
        let folders = peek::folders(server.imap_port, &scene.user);
        assert!(!folders.iter().any(|folder| folder.name.contains("Old")), "after {commands} commands: {folders:?}");
    });
}

/// The line to the mailbox that mail is moved out of breaks at each point, while it is removed there and before. What the
/// journal does not know to be there still is never taken back.
#[test]
fn what_was_moved_out_of_a_mailbox_whose_line_broke_is_never_lost_to_an_undo() {
    let Some(server) = Dovecot::new().start() else { return };
    for_each_of(&(3..22).collect::<Vec<_>>(), 4, |commands| {
        let scene = Scene::new(&server, &format!("from{commands}"));
        scene.copy("Box").expect(0);
        let proxy = Proxy::new(server.imap_port).leave_after(*commands).start();
        let other = format!("to{commands}");
        let source = url(&scene.user, proxy.port, "Box");
        let moved = scene.carry("move", &source, &url(&other, server.imap_port, "Box"));
        let all = |when: &str| {
            let (here, there) = (scene.there(&scene.user), scene.there(&other));
            let mut both = [here.clone(), there.clone()].concat();
            both.sort();
            both.dedup();
            assert_eq!(both, scene.digests(), "{when}, after {commands} commands: {}", moved.out);
            (here.len(), there.len())
        };
        all("moved");
        if moved.code == 0 {
            assert_eq!(all("moved in full"), (0, 12));
        }
        scene.run(&["undo", "2", "--yes", "--json"]);
        all("taken back");
    });
}

#[test]
fn a_move_of_what_was_there_before_can_be_asked_to_be_taken_back() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new(&server, "before");
    scene.copy("Box").expect(0);
    let source = scene.home.path().join("Maildir").display().to_string();
    scene.run(&["move", &source, &url("before", server.imap_port, "Box"), "--quiet"]).expect(0);
    // All that is there is the only copy, and that is told for each.
    let undone = scene.run(&["undo", "2", "--yes", "--json"]);
    assert!(undone.err.is_empty() && undone.events_of("undo.end")[0]["removed"] == 0, "{} {}", undone.err, undone.out);
    assert_eq!(scene.there("before"), scene.digests());
}

/// The line breaks while the folders are made, and the job is stopped then: those that were made are taken back with it.
#[test]
fn folders_that_were_made_before_anything_was_sent_are_taken_back() {
    let Some(server) = Dovecot::new().start() else { return };
    let ends: Vec<usize> = (2..14).collect();
    let seen = AtomicUsize::new(0);
    for_each_of(&ends, 4, |commands| {
        let scene = Scene::new(&server, &format!("made{commands}"));
        let proxy = Proxy::new(server.imap_port).leave_after(*commands).refuse(1..99).start();
        let (source, password) = (scene.home.path().join("Maildir"), scene.home.path().join("password"));
        let target = url(&scene.user, proxy.port, "Above/In/Box");
        let words =
            ["copy", source.to_str().unwrap(), &target, "--json", "--password-file", password.to_str().unwrap()];
        let mut running = Running::start(command(scene.home.path(), &words));
        wait_until(|| proxy.connections() > 1 || running.ended().is_some());
        running.signal(Signal::TERM);
        let run = running.wait();
        let folders = || peek::folders(server.imap_port, &scene.user).into_iter().map(|folder| folder.name);
        let above = folders().filter(|name| name.starts_with("Above")).count();
        seen.fetch_add(above, Ordering::SeqCst);
        if above == 0 {
            return; // it may not even have begun
        }
        scene.go_by(server.imap_port);
        scene.run(&["undo", "1", "--yes", "--json"]);
        let left: Vec<String> = folders().filter(|name| name.starts_with("Above")).collect();
        assert!(left.is_empty(), "after {commands} commands {left:?} is left of {above}: {}", run.out);
    });
    assert!(seen.into_inner() > 3, "nothing was made");
}

/// What is sent and can not be compared, since its file is gone, is taken back all the same.
#[test]
fn what_could_not_be_compared_is_taken_back() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new(&server, "gone");
    let store = scene.home.path().join("box");
    write_mbox(&store, &scene.mails, MboxStyle::Mboxrd).unwrap();
    let proxy = Proxy::new(server.imap_port).round_trip(Duration::from_millis(300)).start();
    let target = url("gone", proxy.port, "Box");
    let password = scene.home.path().join("password").display().to_string();
    let words = ["copy", store.to_str().unwrap(), &target, "--json", "--verify", "full", "--password-file", &password];
    let running = Running::start(command(scene.home.path(), &words));
    wait_until(|| proxy.messages() >= 12);
    std::fs::remove_file(&store).unwrap();
    let run = running.wait();
    scene.go_by(server.imap_port);
    let undone = scene.run(&["undo", "1", "--yes", "--json"]).expect(0);
    assert_eq!(scene.there("gone"), [""; 0], "{} {}", run.out, undone.out);
}

/// A mailbox that is moved into itself by another port is one and the same: nothing is removed.
#[test]
fn a_mailbox_that_is_moved_into_itself_by_another_port_keeps_its_mail() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new(&server, "self");
    scene.copy("Box").expect(0);
    let proxy = Proxy::new(server.imap_port).start();
    let (source, target) = (url("self", proxy.port, "Box"), url("self", server.imap_port, "Box"));
    let moved = scene.carry("move", &source, &target).expect(1);
    assert!(moved.out.contains("the same mailbox"), "{}", moved.out);
    assert_eq!(scene.there("self"), scene.digests());
}

/// A job that was killed, and never went on: what somebody changed since stays, all else is taken back.
#[test]
fn what_was_changed_since_a_job_was_killed_is_not_taken_back() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new(&server, "killed");
    let proxy = Proxy::new(server.imap_port).fault(1, At::BeforeOk, Do::Stall).start();
    let (source, password) = (scene.home.path().join("Maildir"), scene.home.path().join("password"));
    let target = url("killed", proxy.port, "Box");
    let words = ["copy", source.to_str().unwrap(), &target, "--quiet", "--password-file", password.to_str().unwrap()];
    let running = Running::start(command(scene.home.path(), &words));
    wait_until(|| proxy.fired() > 0 && scene.there("killed").len() == 12);
    running.signal(Signal::KILL);
    running.wait();
    peek::flag(server.imap_port, "killed", "Box", 5, "Later");
    scene.go_by(server.imap_port);
    let undone = scene.run(&["undo", "1", "--yes", "--json"]).expect(1);
    let kept = undone.events_of("kept");
    assert!(
        kept.len() == 2 && kept[0]["uid"] == 5 && undone.events_of("undo.end")[0]["removed"] == 11,
        "{}",
        undone.out
    );
    assert_eq!(scene.there("killed").len(), 1);
}
