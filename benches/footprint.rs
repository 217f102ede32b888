//! What the program costs where mail is big: memory of a copy, time to the first frame, time from key to screen.
//!
//! `cargo bench --bench footprint` prints a table; `-- --small` takes a hundredth of the mail, to see that it runs. Copies
//! go into a Dovecot of its own, mdbox without fsync, so that the program and not the disk is measured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::mail::{big_maildir, big_mbox};
use common::measure::peak_of;
use common::program::{command, password_file};
use common::pty::{Pty, key};
use common::servers::{Dovecot, Server};
use tempfile::TempDir;

/// How often each time is taken.
const RUNS: usize = 5;
/// Keys pressed for each median.
const KEYS: usize = 60;

fn main() {
    let is_small = std::env::args().any(|argument| argument == "--small");
    let scale: u64 = if is_small { 100 } else { 1 };
    let server = Dovecot::new().format("mdbox").fsync("never").start().expect("Dovecot: run scripts/test once");
    let home = TempDir::new().unwrap();
    let (mbox, maildir) = (home.path().join("big.mbox"), home.path().join("Maildir"));
    let messages = big_mbox(&mbox, (2 << 30) / scale).unwrap();
    let files = usize::try_from(100_000 / scale).unwrap();
    big_maildir(&maildir, files).unwrap();
    let bytes = fs::metadata(&mbox).unwrap().len() >> 20;
    println!("mbox of {bytes} MiB, {messages} messages; Maildir of {files} messages\n");

    println!("{:<44} {:>10} {:>10}", "copying, headless", "peak MiB", "seconds");
    for (name, store) in [("mbox", &mbox), ("Maildir", &maildir)] {
        for (run, what) in ["first copy", "second copy, all there"].into_iter().enumerate() {
            let (peak, seconds) = copy(&server, home.path(), store, &format!("bench{name}"));
            println!("{:<44} {peak:>10.1} {seconds:>10.1}", format!("{name}, {what}"));
            assert!(run > 0 || peak < 64.0, "the bar is 64 MiB plus the largest message");
        }
    }

    println!("\n{:<44} {:>10} {:>10} {:>10}", "the screen, milliseconds", "median", "p99", "worst");
    report("start to first frame", first_frames(home.path(), &maildir));
    report("key to screen, while the mbox is indexed", keys_while_indexing(home.path(), &mbox));
    report("key to screen, while a job runs", keys_while_copying(&server, home.path(), &maildir));
}

/// Runs one copy; gives the peak of its memory in MiB and how long it took.
fn copy(server: &Server, home: &Path, store: &Path, user: &str) -> (f64, f64) {
    let target = Server::plaintext_url(&user.to_lowercase(), server.imap_port) + "Box";
    let password = password_file(home);
    let arguments =
        ["copy", store.to_str().unwrap(), &target, "--quiet", "--password-file", password.to_str().unwrap()];
    let begun = Instant::now();
    let child = command(home, &arguments).stdout(Stdio::null()).spawn().unwrap();
    let peak = peak_of(child);
    (peak, begun.elapsed().as_secs_f64())
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let milliseconds = |at: usize| times[at].as_secs_f64() * 1000.0;
    let (median, p99) = (milliseconds(times.len() / 2), milliseconds((times.len() * 99 / 100).min(times.len() - 1)));
    println!("{what:<44} {median:>10.1} {p99:>10.1} {:>10.1}", milliseconds(times.len() - 1));
}

fn first_frames(home: &Path, store: &Path) -> Vec<Duration> {
    (0..RUNS)
        .map(|_| {
            let begun = Instant::now();
            let pty = Pty::mailferry(home, &[store.to_str().unwrap()]);
            pty.wait_for("10Quit");
            begun.elapsed()
        })
        .collect()
}

/// Opens and closes the help and takes the time until the screen shows it.
fn keys(pty: &Pty, goes_on: impl Fn(&Pty) -> bool) -> Vec<Duration> {
    let mut times = Vec::new();
    while times.len() < KEYS && goes_on(pty) {
        let begun = Instant::now();
        pty.type_keys("?");
        pty.wait_for("Carry mail");
        times.push(begun.elapsed());
        let begun = Instant::now();
        pty.type_keys("q");
        pty.wait_gone("Carry mail");
        times.push(begun.elapsed());
    }
    times
}

fn keys_while_indexing(home: &Path, mbox: &Path) -> Vec<Duration> {
    let pty = Pty::mailferry(home, &[mbox.to_str().unwrap()]);
    pty.wait_for("Password");
    pty.type_keys(key::ESC);
    pty.wait_gone("Password");
    keys(&pty, |_| true)
}

fn keys_while_copying(server: &Server, home: &Path, store: &Path) -> Vec<Duration> {
    let target = Server::plaintext_url("screen", server.imap_port);
    let password = password_file(home);
    let pty = Pty::mailferry(home, &[store.to_str().unwrap(), &target, "--password-file", password.to_str().unwrap()]);
    pty.wait_for("Trash");
    pty.wait_for("messages ─┤"); // the big store is open and counted
    pty.type_keys(key::F[4]);
    pty.wait_for("what goes where");
    pty.type_keys("\r");
    pty.wait_for("left");
    keys(&pty, |pty| !pty.screen_text().contains("Copied"))
}
