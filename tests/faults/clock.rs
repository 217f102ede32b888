//! A clock that is set while mail is carried (row 64): for the program alone, by libfaketime. What is measured goes by another
//! clock, which nobody sets; only what is written down and certificates go by this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::common::invariants::{check, hold};
use super::common::mailbox::Vice;
use super::common::program::{Run, Running, command};
use super::common::servers::Dovecot;
use super::common::trial::{Kind, Post, Trial};
use super::common::{for_each_of, skip, wait_until};

/// A day forth and back, to 1970 and to 2040, as libfaketime takes them.
const SHIFTS: [&str; 4] = ["+1d", "-1d", "@1970-01-02 00:00:00", "@2040-01-01 00:00:00"];

/// A clock for one program, in a file.
struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// One that is right as yet; none where libfaketime is not there, which is said.
    fn new(home: &Path) -> Option<Self> {
        let machine = std::env::consts::ARCH;
        let library = PathBuf::from(format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketimeMT.so.1"));
        if !library.exists() {
            skip("libfaketime is not there: run scripts/test");
            return None;
        }
        let clock = Self { library, file: home.join("clock") };
        clock.set("+0");
        Some(clock)
    }

    /// Sets it; the program never sees half of that.
    fn set(&self, time: &str) {
        let new = self.file.with_extension("new");
        fs::write(&new, time).unwrap();
        fs::rename(new, &self.file).unwrap();
    }

    /// Makes it a program's clock. That which only goes on, and the times of files, are as they are.
    fn give(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        for switch in ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC", "NO_FAKE_STAT"] {
            command.env(switch, "1");
        }
    }

    fn start(&self, mut command: Command) -> Running {
        self.give(&mut command);
        Running::start(command)
    }
}

/// What was told of the time that a run took.
fn seconds(run: &Run) -> f64 {
    run.events_of("job.end")[0]["seconds"].as_f64().unwrap()
}

/// While messages are sent, to a server that takes its time: nothing is given up early, and nothing hangs.
#[test]
fn a_clock_that_is_set_while_mail_is_carried_costs_nothing() {
    let cases: Vec<_> = SHIFTS.iter().flat_map(|shift| Kind::ALL.map(|kind| (*shift, kind))).collect();
    for_each_of(&cases, 6, |(shift, kind)| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, *kind, "Box");
        let Some(clock) = Clock::new(trial.home.path()) else { return };
        post.mailbox().turn_later(Vice::Dawdles(Duration::from_secs(2)), 4, 1);
        let gate = post.mailbox().gate("APPEND", 4);
        let begun = Instant::now();
        let running = clock.start(trial.command(post.port(), &["--connections", "1"]));
        gate.wait();
        clock.set(shift);
        gate.wait();
        let run = running.wait();
        let took = begun.elapsed();
        assert!(run.events_of("throttle").is_empty(), "{shift}: {}", run.out);
        assert!(seconds(&run) <= took.as_secs_f64(), "{shift}: {} s told of {took:?}", seconds(&run));
        hold(&trial, &run, &[0], &format!("the clock goes to {shift} while messages are sent"));
    });
}

/// While it waits, since the server asked it to: the pause is as long as it was to be.
#[test]
fn a_clock_that_is_set_in_a_pause_makes_it_neither_shorter_nor_longer() {
    const PAUSE: Duration = Duration::from_millis(2500);
    let words = "NO Request is throttled. Suggested Backoff Time: 2500 milliseconds";
    for_each_of(&SHIFTS, 4, |shift| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
        let Some(clock) = Clock::new(trial.home.path()) else { return };
        post.mailbox().turn_later(Vice::Answers("APPEND", words), 3, 1);
        let running = clock.start(trial.command(post.port(), &["--connections", "1"]));
        wait_until(|| running.has_told("throttle"));
        let begun = Instant::now();
        clock.set(shift);
        let run = running.wait();
        let took = begun.elapsed();
        // The rest of the job is a matter of a moment, on an idle machine.
        assert!(took + Duration::from_millis(500) > PAUSE && took < PAUSE * 8, "{shift}: {took:?}");
        hold(&trial, &run, &[0], &format!("the clock goes to {shift} in a pause"));
    });
}

/// Between a run that was killed and the next, which comes at once: what the server stores late is waited for all the same.
#[test]
fn a_clock_that_is_set_after_a_crash_does_not_end_the_wait_for_what_comes_late() {
    let cases: Vec<_> = SHIFTS.iter().enumerate().collect();
    for_each_of(&cases, 4, |(_, shift)| {
        let (server, post) = Post::in_memory();
        let trial = Trial::new(&post, Kind::CopyMaildir, "Box");
        let Some(clock) = Clock::new(trial.home.path()) else { return };
        post.mailbox().turn(Vice::StoresLate(Duration::from_secs(5)), 1);
        let running = trial.start(post.port(), &["--connections", "1"]);
        wait_until(|| running.has_told("throttle"));
        running.signal(Signal::KILL);
        check(&trial, &running.wait(), &[137], shift);
        clock.set(shift);
        let run = clock.start(trial.command(post.port(), &["--connections", "1"])).wait();
        hold(&trial, &run, &[0], &format!("the clock goes to {shift} after a crash"));
        assert_eq!(server.count("APPEND"), 8, "{shift}: one each, and none again");
    });
}

/// A certificate is not valid at a wrong time; what is told names the time.
#[test]
fn a_certificate_that_is_refused_since_the_clock_is_wrong_names_the_clock() {
    let Some(server) = Dovecot::new().start() else { return };
    let (_server, post) = Post::in_memory();
    let trial = Trial::new(&post, Kind::CopyMaildir, "Box");
    let Some(clock) = Clock::new(trial.home.path()) else { return };
    let check = || {
        let target = format!("imaps://anna@localhost:{}", server.imaps_port);
        let files = [server.ca_file.to_str().unwrap(), trial.password.to_str().unwrap()];
        let words = ["check", &target, "--ca-file", files[0], "--password-file", files[1]];
        clock.start(command(trial.home.path(), &words)).wait()
    };
    check().expect(0);
    for (shift, words) in [("1970-01-02", "is not valid yet"), ("2140-01-01", "has expired")] {
        clock.set(&format!("@{shift} 12:00:00"));
        let refused = check().expect(76);
        let named = format!("this machine's date, {shift}, is wrong");
        assert!(refused.err.contains(words) && refused.err.contains(&named), "{shift}: {}", refused.err);
    }
    assert!(!server.log().contains("testpass"));
}
