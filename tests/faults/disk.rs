//! Disks that fail and processes that are killed at a system call, by strace (rows 53 to 55); and journals that are not as
//! they were left (row 57).

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::common::invariants::{check, complete, hold};
use super::common::program::{Run, Running, at_home};
use super::common::proxy::Proxy;
use super::common::servers::{Dovecot, Server};
use super::common::trial::{Kind, Post, Trial};
use super::common::{for_each_of, is_long, skip};

/// System calls by which a run changes something: at the server, in the journal, in the store, or what it told; each with a
/// kind that makes it.
const CALLS: [(&str, Kind); 10] = [
    ("sendto", Kind::MoveMaildir),
    ("write", Kind::MoveMbox),
    ("pwrite64", Kind::MoveMaildir),
    ("ftruncate", Kind::MoveMbox),
    ("fsync", Kind::MoveMaildir),
    ("rename", Kind::MoveMaildir),
    ("renameat", Kind::MoveMbox),  // of the mbox that was written anew
    ("renameat2", Kind::MoveMbox), // of its lock
    ("unlink", Kind::MoveMaildir),
    ("openat", Kind::MoveMbox),
];
/// More calls of a kind than any thread of a run here makes.
const MOST: u64 = 400;
/// Traced runs at a time.
const TOGETHER: usize = 4;

/// Whether programs can be traced here; says so where they can not.
fn may_trace() -> bool {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    let reason = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    skip(&format!("strace can not trace here: {reason}"));
    false
}

/// Carries the mail while strace makes system calls fail, as its `-e inject=` says; only those on `path`, if that is given.
fn traced(trial: &Trial<'_>, port: u16, inject: &str, path: Option<&str>) -> Run {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", &format!("inject={inject}")]);
    command.args(path.iter().flat_map(|path| ["-P", path]));
    command.arg(env!("CARGO_BIN_EXE_mailferry")).args(trial.arguments(port, &[]));
    at_home(&mut command, trial.home.path());
    Running::start(command).wait()
}

/// Runs `case` for the n-th call, n = 1, 2, ...: a few in the quick tests, in the long ones all until nothing is hit any more.
/// Adds to `hits` how often something was hit.
fn fault_loop(few: &[u64], hits: &AtomicU64, case: impl Fn(u64) -> bool) {
    let case = |nth: u64| {
        let is_hit = case(nth);
        hits.fetch_add(u64::from(is_hit), Ordering::SeqCst);
        is_hit
    };
    if is_long() {
        assert!((1..MOST).any(|nth| !case(nth)), "there are more than {MOST} calls");
    } else {
        for nth in few {
            case(*nth);
        }
    }
}

/// Each of these was hit: a fault that never comes shows nothing.
#[track_caller]
fn assert_hit<'n>(hits: impl Iterator<Item = (&'n str, &'n AtomicU64)>) {
    let missed: Vec<&str> = hits.filter(|(_, hits)| hits.load(Ordering::SeqCst) == 0).map(|(name, _)| name).collect();
    assert!(missed.is_empty(), "nothing was hit by {missed:?}");
}

/// Row 55: the process is killed at its n-th call of each kind.
#[test]
fn a_kill_at_any_system_call_costs_nothing() {
    if !may_trace() {
        return;
    }
    let Some(server) = Dovecot::new().start() else { return };
    let hits = CALLS.map(|_| AtomicU64::new(0));
    let cases: Vec<(&str, &AtomicU64, Kind)> = CALLS
        .iter()
        .zip(&hits)
        .flat_map(|((call, kind), hits)| {
            let kinds = if is_long() { Kind::ALL.to_vec() } else { vec![*kind] };
            kinds.into_iter().map(move |kind| (*call, hits, kind))
        })
        .collect();
    for_each_of(&cases, TOGETHER, |(call, hits, kind)| {
        fault_loop(&[1, 5, 11], hits, |nth| {
            let what = format!("killed at {call} {nth}");
            let post = Post::on(&server, &format!("{call}{kind:?}{nth}"));
            let trial = Trial::new(&post, *kind, "Box");
            let run = traced(&trial, server.imap_port, &format!("{call}:signal=KILL:when={nth}"), None);
            hold(&trial, &run, &[137, 0], &what);
            run.code == 137
        });
    });
    assert_hit(CALLS.into_iter().map(|(call, _)| call).zip(&hits));
}

/// Row 54: the journal can not be written any more, or not be made durable.
#[test]
fn a_disk_that_fails_stops_the_job_and_a_plain_run_completes_it() {
    if !may_trace() {
        return;
    }
    let Some(server) = Dovecot::new().start() else { return };
    let faults = [
        ("full", "pwrite64:error=ENOSPC:when={n}+"),
        ("no sync once", "fsync:error=EIO:when={n}"),
        ("no sync any more", "fsync:error=EIO:when={n}+"),
    ];
    let hits = faults.map(|_| AtomicU64::new(0));
    let cases: Vec<_> = faults
        .iter()
        .zip(&hits)
        .flat_map(|fault| [Kind::MoveMaildir, Kind::MoveMbox].map(|kind| (fault, kind)))
        .collect();
    for_each_of(&cases, TOGETHER, |(((what, inject), hits), kind)| {
        fault_loop(&[1, 4, 12], hits, |nth| {
            let post = Post::on(&server, &format!("{}{kind:?}{nth}", what.replace(' ', "")));
            let trial = Trial::new(&post, *kind, "Box");
            let run = traced(&trial, server.imap_port, &inject.replace("{n}", &nth.to_string()), None);
            hold(&trial, &run, &[0, 1, 74], &format!("{what} at {nth}"));
            if run.code == 74 {
                let told = format!("{}{}", run.out, run.err);
                assert!(told.contains("journal") || told.contains("cannot write"), "{what} at {nth}: {told}");
            }
            run.code != 0
        });
    });
    assert_hit(faults.iter().map(|(what, _)| *what).zip(&hits));
}

/// A trace that can not be written any more is not a reason to stop.
#[test]
fn a_disk_that_takes_no_more_of_a_trace_ends_the_trace_and_not_the_job() {
    if !may_trace() {
        return;
    }
    let Some(server) = Dovecot::new().start() else { return };
    let mut trial = Trial::new(&Post::on(&server, "anna"), Kind::MoveMaildir, "Box");
    let path = trial.home.path().join("trace").to_str().unwrap().to_owned();
    fs::write(&path, "").unwrap();
    trial.options = vec!["--trace".into(), path.clone()];
    let run = traced(&trial, server.imap_port, "write:error=ENOSPC:when=20+", Some(&path));
    hold(&trial, &run, &[0], "a full disk under the trace");
    let told = run.events_of("remark").iter().map(|remark| remark["text"].to_string()).collect::<String>();
    let end = "No space left on device (os error 28); nothing more is traced, and the work goes on";
    assert!(told.contains(end) && !run.err.contains(end), "told once: {told} {}", run.err);
}

/// Row 53: one message can not be read.
#[test]
fn a_message_that_can_not_be_read_is_listed_and_the_others_get_across() {
    if !may_trace() {
        return;
    }
    let Some(server) = Dovecot::new().start() else { return };
    for_each_of(&Kind::BOTH, 2, |kind| {
        let post = Post::on(&server, &format!("{kind:?}"));
        let trial = Trial::new(&post, *kind, "Box");
        let bad = trial.file_of(3);
        let run = traced(&trial, server.imap_port, "read,pread64,readv,preadv:error=EIO", Some(bad.to_str().unwrap()));
        check(&trial, &run, &[1], "a bad sector");
        let told = run
            .events_of("damage")
            .iter()
            .chain(&run.events_of("message.failed"))
            .map(ToString::to_string)
            .collect::<String>();
        assert!(told.contains(".M3P") && told.contains("os error 5"), "{told}");
        assert_eq!(trial.there().len(), 7);
        assert!(bad.exists());
        complete(&trial, "a bad sector");
    });
}

/// A copy that was killed in the middle, and its journal.
fn broken_off<'s>(server: &'s Server, user: &str) -> (Trial<'s>, PathBuf) {
    let post = Post::on(server, user);
    let trial = Trial::new(&post, Kind::CopyMaildir, "Box");
    let proxy = Proxy::new(server.imap_port)
        .replace("MULTIAPPEND", "X-NONE")
        .round_trip(std::time::Duration::from_millis(30))
        .start();
    let mut running = trial.start(proxy.port, &[]);
    super::common::wait_until(|| proxy.messages() > 3 || running.ended().is_some());
    running.signal(rustix::process::Signal::KILL);
    check(&trial, &running.wait(), &[137, 0], "killed");
    let journal = trial.home.path().join(".local/state/mailferry/journal.sqlite");
    (trial, journal)
}

fn flip(path: &PathBuf, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    let place = place % bytes.len();
    bytes[place] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// All that is in the write-ahead log goes into the file.
fn settle(journal: &PathBuf) {
    let db = Connection::open(journal).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

/// What becomes of a journal.
type Damage = fn(&PathBuf);

/// Row 57: what may have become of a journal. Where it can not be used the user is told, and once it is out of the way, all
/// is completed by a look at the server.
#[test]
fn a_journal_that_is_not_as_it_was_left_costs_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let cases: [(&str, Damage, &[i32]); 10] = [
        (
            "torn tail",
            |journal| {
                let log = journal.with_extension("sqlite-wal");
                let length = fs::metadata(&log).map_or(0, |data| data.len());
                OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(log)
                    .unwrap()
                    .set_len(length * 2 / 3)
                    .unwrap();
            },
            &[0],
        ),
        ("flipped bit in the log", |journal| flip(&journal.with_extension("sqlite-wal"), 5000), &[0, 74]),
        (
            "flipped bit in the header",
            |journal| {
                settle(journal);
                flip(journal, 1);
            },
            &[74],
        ),
        (
            "flipped bit in a table",
            |journal| {
                settle(journal);
                flip(journal, 4096 * 2 - 40);
            },
            &[0, 74],
        ),
        (
            "cut in half",
            |journal| {
                settle(journal);
                let length = fs::metadata(journal).unwrap().len();
                OpenOptions::new().write(true).open(journal).unwrap().set_len(length / 2).unwrap();
            },
            &[74],
        ),
        (
            "empty",
            |journal| {
                settle(journal);
                fs::write(journal, "").unwrap();
            },
            &[0],
        ),
        (
            "version 1",
            |journal| {
                let db = Connection::open(journal).unwrap();
                db.execute_batch("ALTER TABLE batch DROP COLUMN running; ALTER TABLE batch DROP COLUMN marks").unwrap();
                db.pragma_update(None, "user_version", 1).unwrap();
            },
            &[0],
        ),
        (
            "newer version",
            |journal| Connection::open(journal).unwrap().pragma_update(None, "user_version", 99).unwrap(),
            &[74],
        ),
        (
            "another program's",
            |journal| Connection::open(journal).unwrap().pragma_update(None, "application_id", 7).unwrap(),
            &[74],
        ),
        ("deleted", |journal| fs::remove_dir_all(journal.parent().unwrap()).unwrap(), &[0]),
    ];
    let cases: Vec<_> = cases.iter().enumerate().collect();
    for_each_of(&cases, 5, |(number, (what, damage, codes))| {
        let (trial, journal) = broken_off(&server, &format!("user{number}"));
        wait_for_the_server(&trial);
        damage(&journal);
        let run = trial.run(server.imap_port, &[]);
        check(&trial, &run, codes, what);
        if run.code == 74 {
            assert!(run.out.contains("journal") || run.err.contains("journal"), "{what}: {}", run.out);
            let directory = journal.parent().unwrap();
            fs::rename(directory, directory.with_extension("away")).unwrap();
        }
        complete(&trial, what);
    });
}

/// Without a journal nobody knows of what a killed run sent and the server is not done with.
fn wait_for_the_server(trial: &Trial<'_>) {
    let mut before = usize::MAX;
    super::common::wait_until(|| {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let now = trial.there().len();
        std::mem::replace(&mut before, now) == now
    });
}

/// Row 64: the clock was set between a run that broke off and the next. What waits, waits by another clock.
#[test]
fn a_clock_that_was_set_costs_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let day = 24 * 3600;
    let shifts = [-day, day, -40 * 365 * day, 20 * 365 * day];
    let cases: Vec<_> = shifts.iter().enumerate().collect();
    for_each_of(&cases, 4, |(number, shift)| {
        let (trial, journal) = broken_off(&server, &format!("user{number}"));
        wait_for_the_server(&trial);
        let db = Connection::open(&journal).unwrap();
        db.execute("UPDATE batch SET begun = begun + ?", [*shift]).unwrap();
        db.execute("UPDATE job SET started = started + ?", [*shift]).unwrap();
        drop(db);
        complete(&trial, &format!("the clock was set by {shift} seconds"));
    });
}
