//! Signals, closed outputs and wide terminals while mail is carried (rows 58 to 62).

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::common::for_each_of;
use super::common::invariants::{check, complete, hold};
use super::common::program::{Running, at_home, run};
use super::common::proxy::Proxy;
use super::common::pty::key;
use super::common::servers::Dovecot;
use super::common::trial::{Kind, Post, Trial};

/// Rows 58, 59: a signal while a message is sent and while it is read back. The first ends the running batch, the second ends
/// at once.
#[test]
fn a_signal_at_any_moment_ends_cleanly_and_a_second_one_at_once() {
    let signals = [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)];
    let moments = [("APPEND", 1), ("APPEND", 6), ("SELECT", 2), ("UID FETCH", 1)];
    let mut cases = Vec::new();
    for (turn, (signal, code)) in signals.into_iter().enumerate() {
        for (place, moment) in moments.into_iter().enumerate() {
            for twice in [false, true] {
                cases.push((signal, code, moment, twice, Kind::ALL[(turn + place) % 3]));
            }
        }
    }
    for_each_of(&cases, 24, |(signal, code, (command, nth), twice, kind)| {
        let what = format!("{signal:?} at {command} {nth}, twice: {twice}");
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, *kind, "Box");
        let gate = post.mailbox().gate(command, *nth);
        let mut running = trial.start(post.port(), &["--connections", "1"]);
        gate.wait();
        running.signal(*signal);
        let run = if *twice {
            // Two that come at once may be taken for one.
            super::common::wait_until(|| {
                running.signal(*signal);
                std::thread::sleep(Duration::from_millis(50)); // a person's pace
                running.ended().is_some()
            });
            let run = running.wait(); // while the server still says nothing
            gate.wait();
            run
        } else {
            wait_for_signal(&running, *signal);
            gate.wait();
            running.wait()
        };
        hold(&trial, &run, &[*code], &what);
    });
}

/// Waits until a signal is no longer pending: two of a kind that pend are one.
fn wait_for_signal(running: &Running, signal: Signal) {
    let path = format!("/proc/{}/status", running.id());
    super::common::wait_until(|| {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let pending = text.lines().find_map(|line| line.strip_prefix("ShdPnd:")).unwrap_or("0");
        u64::from_str_radix(pending.trim(), 16).unwrap_or(0) >> (signal.as_raw() - 1) & 1 == 0
    });
}

/// Row 62: nobody reads what is printed, or it can not be written.
#[test]
fn outputs_that_are_closed_or_full_lose_no_mail() {
    let Some(server) = Dovecot::new().start() else { return };
    let cases = [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full", "| head -n 1"];
    let cases: Vec<_> = cases.iter().enumerate().collect();
    for_each_of(&cases, 6, |(number, redirection)| {
        let post = Post::on(&server, &format!("user{number}"));
        let trial = Trial::new(&post, Kind::ALL[number % 3], "Box");
        let mut command = Command::new("bash");
        let program = env!("CARGO_BIN_EXE_mailferry");
        command.args(["-c", &format!("set -o pipefail; \"$0\" \"$@\" {redirection}"), program]);
        command.args(trial.arguments(server.imap_port, &[]));
        at_home(&mut command, trial.home.path());
        let run = Running::start(command).wait();
        hold(&trial, &run, &[0, 1, 74, 75], redirection);
    });
}

#[test]
fn without_a_terminal_the_screen_is_refused_in_words() {
    let Some(server) = Dovecot::new().start() else { return };
    let post = Post::on(&server, "anna");
    let trial = Trial::new(&post, Kind::CopyMaildir, "Box");
    let arguments = trial.screen_arguments(server.imap_port);
    let run = run(trial.home.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(run.code != 0 && run.err.starts_with("mailferry: "), "{} {}", run.code, run.err);
}

/// Row 61: the terminal changes its size all the time while mail is carried and a dialog is open.
#[test]
fn a_storm_of_resizes_stops_no_transfer() {
    let Some(server) = Dovecot::new().start() else { return };
    let post = Post::on(&server, "anna");
    let trial = Trial::with(&post, Kind::CopyMaildir, "Box", super::common::mail::Maker::new(4).folder(120, 2004, 60));
    let proxy = Proxy::new(server.imap_port).round_trip(Duration::from_millis(20)).start();
    let mut pty = trial.open_screen(proxy.port);
    pty.wait_for("Trash");
    pty.type_keys(key::F[4]); // F5
    pty.wait_for("what goes where");
    for round in 0..200_u16 {
        let (columns, rows) = [(1, 1), (500, 200), (80, 24), (20, 5), (300, 3)][usize::from(round % 5)];
        pty.resize(columns, rows);
    }
    pty.resize(80, 24);
    pty.wait_for("120 messages");
    pty.type_keys("\r");
    super::common::wait_until(|| proxy.messages() > 5);
    for round in 0..500_u16 {
        pty.resize(20 + round % 200, 5 + round % 60);
    }
    pty.resize(80, 24);
    pty.wait_for("Copied 120 messages");
    pty.type_keys("q");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
    complete(&trial, "a storm of resizes");
}

/// Row 58: the terminal goes while mail is carried.
#[test]
fn a_terminal_that_goes_ends_the_transfer_cleanly() {
    let Some(server) = Dovecot::new().start() else { return };
    let post = Post::on(&server, "anna");
    let mails = super::common::mail::Maker::new(4).folder(400, 2004, 60);
    let trial = Trial::with(&post, Kind::MoveMaildir, "Box", mails);
    let proxy = Proxy::new(server.imap_port)
        .round_trip(Duration::from_millis(20))
        .replace("MULTIAPPEND", "X-NONE")
        .replace("LITERAL+", "X-NONE")
        .start();
    let mut pty = trial.open_screen(proxy.port);
    pty.wait_for("Trash");
    pty.type_keys(key::F[5]); // F6
    pty.wait_for("REMOVES");
    pty.type_keys("\r");
    super::common::wait_until(|| proxy.messages() > 5);
    pty.signal("HUP");
    assert_eq!(pty.wait_exit(), 129);
    pty.assert_restored();
    let there = trial.there().len();
    assert!(there > 0 && there < 400, "{there}");
    complete(&trial, "the terminal went");
}

/// Row 58: tmux is ended, and with it the terminal in it is closed: while the program begins, asks, sends and reads back.
#[test]
fn a_terminal_that_is_closed_ends_the_program_whatever_it_is_at() {
    if Command::new("tmux").arg("-V").output().is_err() {
        return super::common::skip("tmux is not there: run scripts/test");
    }
    for moment in ["", "REMOVES", "APPEND", "UID FETCH"] {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
        let gate = ["APPEND", "UID FETCH"].contains(&moment).then(|| post.mailbox().gate(moment, 1));
        let (socket, code) = (trial.home.path().join("tmux"), trial.home.path().join("code"));
        let tmux = |words: &[&str]| {
            let mut command = Command::new("tmux");
            command.arg("-S").arg(&socket).args(["-f", "/dev/null"]).args(words);
            at_home(&mut command, trial.home.path());
            command.env("LANG", "C.UTF-8").output().unwrap()
        };
        // The shell outlives its terminal, to tell how the program ended.
        let script = "trap : HUP; \"$0\" \"$@\"; echo $? > \"$HOME/code\"";
        let start = ["new-session", "-d", "-x", "80", "-y", "24", "sh", "-c", script, env!("CARGO_BIN_EXE_mailferry")];
        let arguments = trial.screen_arguments(post.port());
        let started = tmux(&[&start[..], &arguments.iter().map(String::as_str).collect::<Vec<_>>()].concat());
        assert!(started.status.success(), "{started:?}");
        let shows = |text: &str| String::from_utf8_lossy(&tmux(&["capture-pane", "-p"]).stdout).contains(text);
        super::common::wait_until(|| shows("10Quit"));
        if !moment.is_empty() {
            super::common::wait_until(|| shows("Trash"));
            tmux(&["send-keys", "F6"]);
            super::common::wait_until(|| shows("REMOVES"));
        }
        if let Some(gate) = &gate {
            tmux(&["send-keys", "Enter"]);
            gate.wait();
        }
        tmux(&["kill-server"]);
        if let Some(gate) = gate {
            gate.wait();
        }
        let ended = || std::fs::read_to_string(&code).unwrap_or_default();
        super::common::wait_until(|| !ended().is_empty());
        assert_eq!(ended().trim(), "129", "at {moment:?}");
        complete(&trial, moment);
    }
}

/// A signal to a run whose server has stopped talking ends it too.
#[test]
fn a_run_that_waits_for_a_silent_server_can_be_ended() {
    let (_server, post) = Post::in_memory();
    let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
    let gate = post.mailbox().gate("LOGIN", 1);
    let running = trial.start(post.port(), &[]);
    gate.wait();
    running.signal(Signal::TERM);
    let run = running.wait();
    gate.wait();
    check(&trial, &run, &[143], "during the login");
    complete(&trial, "during the login");
}
