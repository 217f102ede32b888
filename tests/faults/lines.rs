//! Slow, halting and silent lines (rows 25 to 30). Limits that take minutes are shortened by `--timeout`; those that nobody
//! can shorten are waited for in the long tests.

use std::time::{Duration, Instant};

use super::common::for_each_of;
use super::common::invariants::hold;
use super::common::is_long;
use super::common::mail::{Mail, Maker};
use super::common::mailbox::Vice;
use super::common::proxy::{At, Do, Proxy};
use super::common::scripted::{Conn, Scripted};
use super::common::servers::Dovecot;
use super::common::trial::{Kind, Post, Trial};

/// More than the buffers of a connection hold.
const LARGE: usize = 24 << 20;

/// Some mail, and one message that fills the line.
fn with_a_large_one() -> Vec<Mail> {
    let mut mails = Maker::new(3).folder(4, 2004, 60);
    mails[1].bytes = b"From: a@x.example\r\nSubject: large\r\nMessage-ID: <large@x.example>\r\n\r\n".to_vec();
    mails[1].bytes.extend(b"0123456789abcdef0123456789abcdef0123456789abcdef\r\n".repeat(LARGE / 50));
    mails
}

/// What a line is like.
type Line = fn(Proxy) -> Proxy;

#[test]
fn slow_lines_and_answers_in_pieces_carry_everything() {
    let Some(server) = Dovecot::new().start() else { return };
    let lines: [(&str, Line); 4] = [
        ("slow", |proxy| proxy.upload_rate(150_000)),          // 25
        ("a byte at a time", |proxy| proxy.download_chunk(1)), // 26
        ("a byte at a time, each message waited for", |proxy| proxy.download_chunk(1).replace("LITERAL+", "X-NONE")),
        ("far away", |proxy| proxy.round_trip(Duration::from_millis(300))),
    ];
    let lines: Vec<_> = lines.into_iter().enumerate().collect();
    for_each_of(&lines, 4, |(number, (what, line))| {
        let post = Post::on(&server, &format!("user{number}"));
        let trial = Trial::new(&post, Kind::ALL[number % 3], "Box");
        let proxy = line(Proxy::new(server.imap_port)).start();
        let run = trial.run(proxy.port, &["--timeout", "2"]);
        assert!(run.events_of("throttle").is_empty(), "{what}: {}", run.out);
        hold(&trial, &run, &[0], what);
    });
}

/// Row 28: the line halts in the middle of a message, is given up, and its late bytes do no harm. Row 30: it halts for ever.
#[test]
fn a_line_that_halts_in_a_message_is_given_up_and_its_late_bytes_do_no_harm() {
    let Some(server) = Dovecot::new().start() else { return };
    let ways = [Do::Pause(Duration::from_secs(6)), Do::Stall];
    for_each_of(&ways, 2, |how| {
        let post = Post::on(&server, if *how == Do::Stall { "anna" } else { "bert" });
        let trial = Trial::with(&post, Kind::MoveMaildir, "Box", with_a_large_one());
        let proxy = Proxy::new(server.imap_port).fault(2, At::Literal(100_000), how.clone()).start();
        let begun = Instant::now();
        let run = trial.run(proxy.port, &["--timeout", "1"]);
        assert_eq!(proxy.fired(), 1);
        assert!(proxy.connections() > 1 || *how != Do::Stall);
        assert!(begun.elapsed() < Duration::from_mins(1), "{how:?}: {:?}", begun.elapsed());
        hold(&trial, &run, &[0], &format!("{how:?}"));
    });
}

#[test]
fn an_answer_that_never_comes_is_given_up_and_found() {
    let Some(server) = Dovecot::new().start() else { return };
    let post = Post::on(&server, "anna");
    let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
    let proxy = Proxy::new(server.imap_port)
        .replace("LITERAL+", "X-NONE")
        .fault(2, At::AfterLine, Do::Stall)
        .round_trip(Duration::from_millis(5))
        .download_chunk(1)
        .start();
    let run = trial.run(proxy.port, &["--timeout", "2"]);
    hold(&trial, &run, &[0], "no go-ahead");
}

/// Row 30 where all is sent: nobody can shorten how long storing may take.
#[test]
fn an_ok_that_never_comes_is_given_up_after_minutes() {
    if !is_long() {
        return;
    }
    let Some(server) = Dovecot::new().start() else { return };
    let post = Post::on(&server, "anna");
    let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
    let proxy = Proxy::new(server.imap_port).fault(3, At::BeforeOk, Do::Stall).start();
    let mut running = trial.start(proxy.port, &[]);
    running.patience = Duration::from_mins(10);
    hold(&trial, &running.wait(), &[0], "no OK");
}

/// Row 29: a server that takes its time to store is waited for longer than one that says nothing. Row 27: its greeting too.
#[test]
fn a_server_that_takes_its_time_is_waited_for() {
    let slow_greeting = || {
        std::thread::sleep(Duration::from_millis(1500)); // the server's pace
        b"* OK good morning\r\n".to_vec()
    };
    let vices = [("an OK", Vice::Dawdles(Duration::from_secs(3)), 2), ("a greeting", Vice::Says("", slow_greeting), 1)];
    for_each_of(&vices, 2, |(what, vice, times)| {
        let (_server, post) = Post::in_memory();
        post.mailbox().turn(*vice, *times);
        let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
        let options = if *what == "an OK" { ["--timeout", "1"] } else { ["--timeout", "5"] };
        let run = trial.run(post.port(), &options);
        assert!(run.events_of("throttle").is_empty(), "{what}: {}", run.out);
        post.mailbox().reform();
        hold(&trial, &run, &[0], what);
    });
}

/// Row 27: a server that never greets is given up in bounded time, and nothing is touched.
#[test]
fn a_server_that_never_greets_is_given_up() {
    let server = Scripted::start(Conn::stall);
    let (_memory, post) = Post::in_memory();
    let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
    let begun = Instant::now();
    let run = trial.run(server.port, &["--timeout", "2"]);
    assert!(begun.elapsed() < Duration::from_secs(10));
    hold(&trial, &run, &[69, 75], "no greeting");
}

/// Row 60: a stopped process goes on where it was.
#[test]
fn a_process_that_was_stopped_for_a_while_goes_on() {
    let Some(server) = Dovecot::new().start() else { return };
    let post = Post::on(&server, "anna");
    let trial = Trial::with(&post, Kind::MoveMaildir, "Box", Maker::new(8).folder(300, 2004, 90));
    let proxy = Proxy::new(server.imap_port).round_trip(Duration::from_millis(20)).start();
    let running = trial.start(proxy.port, &["--timeout", "2"]);
    super::common::wait_until(|| proxy.messages() > 20);
    running.signal(rustix::process::Signal::STOP);
    super::common::wait_until(|| is_stopped(running.id()));
    std::thread::sleep(Duration::from_secs(5)); // longer than an answer is waited for here
    running.signal(rustix::process::Signal::CONT);
    hold(&trial, &running.wait(), &[0], "stopped and continued");
}

fn is_stopped(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|line| line.contains(") T "))
}
