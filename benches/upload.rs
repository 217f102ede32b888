//! How fast mail gets into a server, beside what a user has: mbsync, mailutil, curl; and beside what the server can take at
//! all, which a minimal pipeliner of our own shows.
//!
//! `cargo bench --bench upload` prints tables and says which bars hold; `-- --small` takes a twentieth of the mail, to see
//! that it runs; `-- --only ours` leaves the peers out; `-- --table small` makes only the tables with that in their title.
//! `scripts/bench upload` installs the peers first. Dovecot runs with mdbox on tmpfs, plain and behind a line of 40 ms, and
//! with Maildir and fsync on disk. The mail that is uploaded and what the programs keep of their work, our journal among it,
//! lie on a disk, as they do for a user. Our own program proves each message (`--verify size`), as always.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::cast_precision_loss, reason = "rates")]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "upload/cpu.rs"]
mod cpu;
#[path = "upload/peers.rs"]
mod peers;
#[path = "upload/pipeliner.rs"]
mod pipeliner;
#[path = "upload/work.rs"]
mod work;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::servers::{Dovecot, Server};
use common::{delay, peek};
use work::{BOX, Work};

const ROUNDS: usize = 5;
const ROUND_TRIP: Duration = Duration::from_millis(40);
/// Where the programs have their mail: on a disk, as hier(7) has it, and open to the user that mailutil runs as.
const CLIENTS: &str = "/var/tmp";
/// Over a long line, those that wait for each message get so many only.
const FEW: usize = 200;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let value = |option: &str| {
        let at = arguments.iter().position(|argument| argument == option);
        at.map(|at| arguments[at + 1].as_str())
    };
    let table = value("--table").unwrap_or_default();
    let scale = if has("--small") { 20 } else { 1 };
    let has_peers = !has("--only");
    match value("--phase") {
        Some("memory") => in_memory(scale, has_peers, table),
        Some("disk") if "small, Maildir on disk with fsync".contains(table) => on_disk(scale),
        Some(_) => {}
        None => {
            // Where temporary files are decides where the servers keep their mail.
            for (phase, place) in [("memory", "/dev/shm"), ("disk", env!("CARGO_TARGET_TMPDIR"))] {
                let mut again = Command::new(std::env::current_exe().unwrap());
                again.args(&arguments[1..]).args(["--phase", phase]).env("TMPDIR", place);
                assert!(again.status().unwrap().success());
            }
        }
    }
}

/// Where the server keeps its mail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Memory,
    Disk,
}

/// Uploads through a port into a user's folder.
type Upload<'w> = Box<dyn Fn(u16, &str) + 'w>;

/// A program that uploads, and how long it took.
struct Entrant<'w> {
    name: &'static str,
    run: Upload<'w>,
    messages: usize,
    bytes: u64,
    folders: &'w [String],
    times: Vec<f64>,
    /// Processor time of its own, if it is a program of its own, and of the server, in seconds.
    own: Vec<f64>,
    servers: Vec<f64>,
}

impl<'w> Entrant<'w> {
    fn new(name: &'static str, work: &'w Work, run: impl Fn(u16, &str) + 'w) -> Self {
        Self {
            name,
            run: Box::new(run),
            messages: work.messages,
            bytes: work.bytes,
            folders: &work.folders,
            times: Vec::new(),
            own: Vec::new(),
            servers: Vec::new(),
        }
    }

    fn median(&self) -> f64 {
        median(&self.times)
    }

    /// Processor time of a message, in microseconds. The mean, since the kernel counts in ticks that are a twentieth of a run.
    fn a_message(&self, seconds: &[f64]) -> f64 {
        seconds.iter().sum::<f64>() / seconds.len() as f64 * 1e6 / self.messages as f64
    }

    fn rate(&self) -> f64 {
        self.messages as f64 / self.median()
    }

    fn megabytes(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.median()
    }
}

/// The four figures on a server that is never waited for.
fn in_memory(scale: usize, has_peers: bool, table: &str) {
    let home = tempfile::tempdir_in(CLIENTS).unwrap();
    let server = Dovecot::new().format("mdbox").start().expect("dovecot");
    let far = delay::line(server.imap_port, ROUND_TRIP).unwrap();
    let small = Work::small(&home.path().join("small"), 10_000 / scale);
    let mixed = Work::mixed(&home.path().join("mixed"), 2_000 / scale);
    let few = Work::small(&home.path().join("few"), FEW / scale.min(4));
    for (title, work, port, is_far, times_best) in [
        ("small, loopback", &small, server.imap_port, false, 5.0),
        ("small, 40 ms", &small, far, true, 5.0),
        ("mixed, loopback", &mixed, server.imap_port, false, 0.0),
        ("mixed, 40 ms", &mixed, far, true, 8.0),
    ] {
        if !title.contains(table) {
            continue;
        }
        let mut entrants = vec![
            Entrant::new("pipeliner", work, |port, user| pipeliner::upload(work, port, user)),
            Entrant::new("mailferry", work, |port, user| peers::mailferry(work, port, user)),
        ];
        if has_peers {
            let waiting = if is_far { &few } else { work };
            entrants.push(Entrant::new("mbsync", work, |port, user| peers::mbsync(work, port, user)));
            entrants.push(Entrant::new("mailutil", waiting, |port, user| peers::mailutil(waiting, port, user)));
            entrants.push(Entrant::new("curl", waiting, |port, user| peers::curl(waiting, port, user)));
        }
        measure(&server, Place::Memory, port, &mut entrants);
        report(title, work, &entrants);
        bar("of the pipeliner's rate", entrants[1].rate() / entrants[0].rate(), 0.7);
        let (own, servers) = (entrants[1].a_message(&entrants[1].own), entrants[1].a_message(&entrants[1].servers));
        let holds = if own < servers { "holds" } else { "DOES NOT HOLD" };
        println!(
            "mailferry takes {own:.1} µs of processor time a message, the server {servers:.1}; the bar is less: {holds}"
        );
        let best = entrants[2..].iter().map(Entrant::rate).fold(0.0, f64::max);
        if best > 0.0 && times_best > 0.0 {
            bar("times the best peer", entrants[1].rate() / best, times_best);
            println!("the pipeliner, which makes sure of nothing, has {:.2} times", entrants[0].rate() / best);
        }
        println!();
    }
    if !"60 folders, 40 ms".contains(table) {
        return;
    }
    let tree = Work::tree(&home.path().join("tree"), 60 / scale.min(10), 20);
    let mut entrants = vec![
        Entrant::new("pipeliner", &tree, |port, user| pipeliner::upload(&tree, port, user)),
        Entrant::new("mailferry", &tree, |port, user| peers::mailferry(&tree, port, user)),
    ];
    if has_peers {
        entrants.push(Entrant::new("mbsync", &tree, |port, user| peers::mbsync(&tree, port, user)));
    }
    measure(&server, Place::Memory, far, &mut entrants);
    report(&format!("{} folders, 40 ms", tree.folders.len()), &tree, &entrants);
    println!();
}

/// A server that syncs each message to the disk: ours beside a loop that waits for each.
fn on_disk(scale: usize) {
    let home = tempfile::tempdir().unwrap();
    let server = Dovecot::new().format("maildir").fsync("optimized").start().expect("dovecot");
    let work = Work::small(&home.path().join("small"), 1_000 / scale);
    let mut entrants = vec![
        Entrant::new("one by one", &work, |port, user| pipeliner::one_by_one(&work, port, user)),
        Entrant::new("mailferry", &work, |port, user| peers::mailferry(&work, port, user)),
        Entrant::new("pipeliner", &work, |port, user| pipeliner::upload(&work, port, user)),
    ];
    measure(&server, Place::Disk, server.imap_port, &mut entrants);
    report("small, Maildir on disk with fsync", &work, &entrants);
    bar("times a loop that waits for each", entrants[1].rate() / entrants[0].rate(), 5.0);
}

/// Runs all in turn, each into a mailbox of its own, and looks that all arrived.
fn measure(server: &Server, place: Place, port: u16, entrants: &mut [Entrant<'_>]) {
    for round in 0..=ROUNDS {
        for entrant in entrants.iter_mut() {
            let user = format!("u{round}{}", entrant.name.replace(' ', ""));
            if entrant.folders == [BOX] {
                peek::create(server.imap_port, &user, BOX);
            }
            let (own, servers) = (cpu::of_children(), cpu::of_server(server.folder()));
            let begun = Instant::now();
            (entrant.run)(port, &user);
            let took = begun.elapsed().as_secs_f64();
            let (own, servers) = (cpu::of_children() - own, cpu::of_server(server.folder()) - servers);
            let there = pipeliner::count(server.imap_port, &user, entrant.folders);
            assert_eq!(there, entrant.messages, "{} into {user}", entrant.name);
            if round > 0 {
                // the first round only warms up
                entrant.times.push(took);
                entrant.own.push(own);
                entrant.servers.push(servers);
            }
            // Another run must not find less memory. On a disk all stays: ext4 passes over each inode that was just freed,
            // which costs the next run more than a message does.
            if place == Place::Memory {
                for kind in ["mail", "home"] {
                    _ = std::fs::remove_dir_all(server.folder().join(kind).join(&user));
                }
            }
        }
    }
}

fn median(of: &[f64]) -> f64 {
    let mut of = of.to_vec();
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn report(title: &str, work: &Work, entrants: &[Entrant<'_>]) {
    println!("{title}: {} messages, {:.1} MB", work.messages, work.bytes as f64 / 1e6);
    println!("{:<12} {:>9} {:>9} {:>9} {:>9} {:>9}   all, s", "", "median s", "msg/s", "MB/s", "CPU µs", "server's");
    for entrant in entrants {
        let all: Vec<String> = entrant.times.iter().map(|time| format!("{time:.2}")).collect();
        let note =
            if entrant.messages == work.messages { String::new() } else { format!("  ({} only)", entrant.messages) };
        println!(
            "{:<12} {:>9.2} {:>9.0} {:>9.1} {:>9.0} {:>9.0}   {}{note}",
            entrant.name,
            entrant.median(),
            entrant.rate(),
            entrant.megabytes(),
            entrant.a_message(&entrant.own),
            entrant.a_message(&entrant.servers),
            all.join(" ")
        );
    }
}

fn bar(what: &str, found: f64, least: f64) {
    let holds = if found >= least { "holds" } else { "DOES NOT HOLD" };
    println!("mailferry has {found:.2} {what}; the bar is {least}: {holds}");
}

/// A directory that is made anew.
fn fresh(path: &Path) -> PathBuf {
    _ = std::fs::remove_dir_all(path);
    std::fs::create_dir_all(path).unwrap();
    path.to_owned()
}
