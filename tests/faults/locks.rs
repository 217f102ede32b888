//! An mbox that other programs lock while it is moved (row 49): by a dotlock, by fcntl or by flock, from the start or only when
//! it is to be rewritten.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::process::Signal;

use super::common::invariants::{check, complete, hold};
use super::common::mail::{Maker, MboxStyle, write_mbox};
use super::common::program::{Run, Running, command, password_file};
use super::common::pty::key;
use super::common::scripted::Scripted;
use super::common::servers::Server;
use super::common::trial::{Kind, Post, Trial};
use super::common::{for_each_of, is_long, wait_until};

/// How long a job waits for a lock.
const PATIENCE: Duration = Duration::from_secs(30);
/// What it tells then.
const TOLD: &str = "another program holds a lock on ";

/// How another program locks an mbox.
#[derive(Clone, Copy, Debug)]
enum Lock {
    Dot,
    Fcntl,
    Flock,
}

impl Lock {
    const ALL: [Self; 3] = [Self::Dot, Self::Fcntl, Self::Flock];

    fn take(self, path: &Path) -> Held {
        let open = || OpenOptions::new().read(true).write(true).open(path).unwrap();
        let dot = path.with_extension("lock");
        match self {
            Self::Dot => {
                fs::write(&dot, "").unwrap();
                Held { dot: Some(dot), _file: None }
            }
            Self::Fcntl => {
                let file = open();
                rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
                Held { dot: None, _file: Some(file) }
            }
            Self::Flock => {
                let file = open();
                rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
                Held { dot: None, _file: Some(file) }
            }
        }
    }
}

/// A lock that is held as long as this lives.
struct Held {
    dot: Option<PathBuf>,
    _file: Option<File>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(dot) = &self.dot {
            fs::remove_file(dot).unwrap();
        }
    }
}

/// Each lock, and whether it is taken only while messages are sent.
fn cases() -> Vec<(Lock, bool)> {
    Lock::ALL.into_iter().flat_map(|lock| [(lock, false), (lock, true)]).collect()
}

/// An mbox, its server, and a move out of it that meets the lock. It waits so many seconds, or as long as it always does.
fn move_into(lock: Lock, is_late: bool, patience: Option<u64>) -> (Scripted, Trial<'static>, Running, Held) {
    let (server, post) = Post::in_memory();
    let trial = Trial::new(&post, Kind::MoveMbox, "Box");
    let mut command = trial.command(post.port(), &["--connections", "1"]);
    if let Some(seconds) = patience {
        command.env("MAILFERRY_LOCK_WAIT", seconds.to_string());
    }
    if !is_late {
        let held = lock.take(&trial.store);
        let running = Running::start(command);
        return (server, trial, running, held);
    }
    let gate = post.mailbox().gate("APPEND", 4);
    let running = Running::start(command);
    gate.wait();
    let held = lock.take(&trial.store);
    gate.wait();
    (server, trial, running, held)
}

#[test]
fn an_mbox_that_stays_locked_is_skipped_and_not_changed() {
    // The long part waits as long as a user would.
    let (seconds, patience) = if is_long() { (None, PATIENCE) } else { (Some(1), Duration::from_secs(1)) };
    for_each_of(&cases(), 6, |(lock, is_late)| {
        let what = format!("{lock:?}, late: {is_late}");
        let begun = Instant::now();
        let (server, trial, running, held) = move_into(*lock, *is_late, seconds);
        let run = running.wait();
        let took = begun.elapsed();
        assert!(took >= patience && took < patience + Duration::from_secs(15), "{what}: {took:?}");
        assert_eq!(trial.here(), 8, "{what}"); // looked at only now: that lets go of an fcntl lock
        check(&trial, &run, &[75], &what);
        assert_eq!(told(&run), 1, "{what}: {}", run.out);
        let failed = run.events_of("message.failed").remove(0)["reason"].as_str().unwrap().to_owned();
        assert!(failed.contains("is locked by another program"), "{what}: {failed}");
        assert_eq!(server.count("APPEND"), if *is_late { 8 } else { 0 }, "{what}");
        drop(held);
        complete(&trial, &what);
    });
}

#[test]
fn a_lock_that_is_let_go_in_time_costs_nothing() {
    for_each_of(&cases(), 6, |(lock, is_late)| {
        let what = format!("{lock:?}, late: {is_late}");
        let (_server, trial, running, held) = move_into(*lock, *is_late, None);
        wait_until(|| running.has_told(TOLD));
        drop(held);
        let run = running.wait();
        assert_eq!(told(&run), 1, "{what}: {}", run.out);
        hold(&trial, &run, &[0], &what);
        assert_eq!(trial.here(), 0, "{what}");
    });
}

/// By a signal in words, and by one that leaves no time for any.
#[test]
fn a_wait_for_a_lock_ends_at_once_when_the_job_is_to_stop() {
    let signals = [(Signal::TERM, 143), (Signal::KILL, 137)];
    let cases: Vec<_> = signals.into_iter().flat_map(|signal| [(signal, false), (signal, true)]).collect();
    for_each_of(&cases, 4, |((signal, code), is_late)| {
        let what = format!("{signal:?}, late: {is_late}");
        let (_server, trial, running, held) = move_into(Lock::Flock, *is_late, None);
        wait_until(|| running.has_told(TOLD));
        let begun = Instant::now();
        running.signal(*signal);
        let run = running.wait();
        assert!(begun.elapsed() < Duration::from_secs(5), "{what}: {:?}", begun.elapsed());
        check(&trial, &run, &[*code], &what);
        drop(held);
        complete(&trial, &what);
    });
}

#[test]
fn a_wait_for_a_lock_is_shown_and_esc_ends_it() {
    let (_server, post) = Post::in_memory();
    let trial = Trial::new(&post, Kind::MoveMbox, "Box");
    let held = Lock::Flock.take(&trial.store);
    let mut pty = trial.open_screen(post.port());
    pty.wait_for("Trash");
    pty.type_keys(key::F[5]); // F6
    pty.wait_for("REMOVES");
    pty.type_keys("\r");
    pty.wait_for("another program holds a lock");
    let begun = Instant::now();
    pty.type_keys(key::ESC);
    pty.wait_gone("another program holds a lock");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    pty.signal("TERM");
    pty.wait_exit();
    pty.assert_restored();
    drop(held);
    complete(&trial, "Esc");
}

/// The other way: an mbox that mail goes into.
#[test]
fn a_locked_target_is_waited_for_in_words_and_then_gets_each_message_once() {
    for_each_of(&Lock::ALL, 3, |lock| {
        let home = tempfile::tempdir().unwrap();
        let (source, target) = (home.path().join("old"), home.path().join("new"));
        write_mbox(&source, &Maker::new(9).folder(5, 2004, 60), MboxStyle::Mboxrd).unwrap();
        fs::write(&target, "").unwrap();
        let words = ["copy", source.to_str().unwrap(), &format!("mbox:{}", target.display()), "--json"];
        let held = lock.take(&target);
        let running = Running::start(command(home.path(), &words));
        wait_until(|| running.has_told("new is locked by another program"));
        assert!(!running.has_told("INUSE"), "no server speaks here: {lock:?}");
        assert_eq!(fs::metadata(&target).unwrap().len(), 0, "{lock:?}");
        drop(held);
        assert_eq!(running.wait().expect(0).totals(), (5, 0, 0), "{lock:?}");
        let size = fs::metadata(&target).unwrap().len();
        assert!(size > 0, "{lock:?}");
        let again = Running::start(command(home.path(), &words)).wait().expect(0);
        assert_eq!((again.totals(), fs::metadata(&target).unwrap().len()), ((0, 5, 0), size), "{lock:?}");
    });
}

#[test]
fn a_locked_mbox_does_not_hold_up_the_others() {
    let (_server, post) = Post::in_memory();
    let home = tempfile::tempdir().unwrap();
    let password = password_file(home.path());
    let store = home.path().join("mail");
    fs::create_dir(&store).unwrap();
    let mails = Maker::new(8).folder(6, 2004, 60);
    let boxes = ["a", "b", "c"].map(|name| store.join(name));
    for (path, mails) in boxes.iter().zip(mails.chunks(2)) {
        write_mbox(path, mails, MboxStyle::Mboxrd).unwrap();
    }
    let held = Lock::Dot.take(&boxes[1]);
    let target = Server::plaintext_url("anna", post.port()) + "Top";
    let words = ["move", store.to_str().unwrap(), &target, "--json", "--password-file", password.to_str().unwrap()];
    let mut first = command(home.path(), &words);
    first.env("MAILFERRY_LOCK_WAIT", "1");
    let run = Running::start(first).wait().expect(75);
    assert_eq!(run.totals(), (4, 0, 2));
    let left = || boxes.iter().map(|path| fs::metadata(path).unwrap().len()).collect::<Vec<_>>();
    assert!(left()[1] > 0 && left()[0] + left()[2] == 0, "{:?}", left());
    drop(held);
    let again = Running::start(command(home.path(), &words)).wait().expect(0);
    assert_eq!(again.totals().2, 0, "{}", again.out);
    assert_eq!(left(), [0, 0, 0]);
    let there = |folder: &str| post.mailbox().messages(folder).len();
    assert_eq!(["Top/a", "Top/b", "Top/c"].map(there), [2, 2, 2]);
}

/// What is read is proven by its digest, so reading needs no lock; and what only reads changes nothing that others rely on.
#[test]
fn a_copy_out_of_a_locked_mbox_waits_for_nobody() {
    for_each_of(&Lock::ALL, 3, |lock| {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, Kind::CopyMbox, "Box");
        let held = lock.take(&trial.store);
        let run = trial.run(post.port(), &[]);
        assert_eq!(told(&run), 0, "{lock:?}: {}", run.out);
        hold(&trial, &run, &[0], &format!("{lock:?}"));
        drop(held);
    });
}

/// How often a run told that it waits for a lock.
fn told(run: &Run) -> usize {
    let reasons = run.events_of("throttle");
    reasons.iter().filter(|event| event["reason"].as_str().unwrap().contains(TOLD)).count()
}
