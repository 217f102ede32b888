//! What the screen costs on a line: bytes for each key and each second, beside Midnight Commander, mutt and aerc doing the
//! same; and how long a key takes with 200,000 messages listed and a job running.
//!
//! `scripts/bench line` installs the peers and prints tables and which bars hold; `-- --small` lists a hundredth of the
//! messages, to see that it runs; `-- --only ours` leaves the peers out. All in pseudo-terminals of 80x24; the server is a
//! Dovecot of its own behind a line of 40 ms.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::cast_precision_loss, reason = "means")]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "line/programs.rs"]
mod programs;
#[path = "line/stores.rs"]
mod stores;

use std::time::{Duration, Instant};

use common::proxy::Proxy;
use common::pty::{Pty, key};
use common::servers::{Dovecot, Server};
use programs::{ACTIONS, Program};
use stores::Stores;

/// A program has answered when nothing came for so long.
const QUIET: Duration = Duration::from_millis(80);
/// How often each key is pressed.
const PRESSES: usize = 20;
/// How long bytes are counted by the second.
const WHILE: Duration = Duration::from_secs(10);

/// The bars: milliseconds, and bytes a second.
const KEY_BAR: f64 = 16.0;
const BRISK_BAR: f64 = 2000.0;
const SLOW_BAR: f64 = 300.0;

fn main() {
    let has = |option: &str| std::env::args().any(|argument| argument == option);
    let messages = if has("--small") { 2_000 } else { 200_000 };
    let stores = Stores::new(messages);
    by_key(&stores, !has("--only"));
    let server = Dovecot::new().format("mdbox").fsync("never").start().expect("Dovecot: run scripts/test once");
    let proxy = Proxy::new(server.imap_port).round_trip(Duration::from_millis(40)).upload_rate(150_000).start();
    by_second(&stores, proxy.port);
    until_the_last_byte(&stores, proxy.port, messages);
}

/// Bytes and time for each key.
fn by_key(stores: &Stores, has_peers: bool) {
    let mut all = vec![programs::mailferry(stores)];
    if has_peers {
        all.extend([programs::mc(stores), programs::mutt(stores), programs::aerc(stores)]);
    }
    let columns: Vec<Vec<String>> = all.iter().map(column).collect();
    println!("bytes for a key (milliseconds until the last of them, median), {} messages, 80x24", stores::FEW);
    print!("{:<28}", "");
    for program in &all {
        print!("{:>18}", program.name);
    }
    println!();
    for (at, name) in ACTIONS.iter().copied().chain(["Down held, bytes a second"]).enumerate() {
        print!("{name:<28}");
        for column in &columns {
            print!("{:>18}", column[at]);
        }
        println!();
    }
    println!();
}

fn column(program: &Program) -> Vec<String> {
    let pty = program.open();
    if std::env::var_os("SHOW").is_some() {
        println!("{}:\n{}\n", program.name, pty.screen_text());
    }
    let mut cells: Vec<String> = Vec::new();
    for step in &program.steps {
        let (mut bytes, mut times, mut presses) = (0, Vec::new(), 0);
        for _ in 0..PRESSES {
            between(&pty, step.before);
            for keys in &step.keys {
                let (came, time) = pty.answer(keys, QUIET);
                bytes += came;
                times.push(time);
                presses += 1;
            }
            between(&pty, step.after);
        }
        if std::env::var_os("SHOW").is_some() {
            println!("{}:\n{}\n", program.name, pty.screen_text());
        }
        times.sort();
        let median = times[times.len() / 2].as_secs_f64() * 1000.0;
        cells.push(format!("{:.0} ({median:.1})", bytes as f64 / f64::from(presses)));
    }
    // As a keyboard repeats: 30 a second.
    let before = pty.raw_output().len();
    for _ in 0..60 {
        pty.type_keys(program.steps[0].keys[0]);
        std::thread::sleep(Duration::from_millis(33));
    }
    pty.answer("", QUIET);
    cells.push(format!("{}", (pty.raw_output().len() - before) / 2));
    cells
}

/// Types what does not count.
fn between(pty: &Pty, keys: &str) {
    if !keys.is_empty() {
        pty.answer(keys, QUIET);
    }
}

/// Bytes a second while a job runs.
fn by_second(stores: &Stores, port: u16) {
    println!("bytes a second while a job runs, nobody at the keys");
    for (name, options, bar) in [("mailferry", vec![], BRISK_BAR), ("mailferry --slow", vec!["--slow"], SLOW_BAR)] {
        let pty = running(stores, port, &format!("second{}", options.len()), &options);
        let (begun, before) = (Instant::now(), pty.raw_output().len());
        std::thread::sleep(WHILE);
        let rate = (pty.raw_output().len() - before) as f64 / begun.elapsed().as_secs_f64();
        println!("{name:<28}{rate:>8.0}   the bar is {bar:.0}: {}", holds(rate, bar));
    }
    println!();
}

fn holds(found: f64, bar: f64) -> &'static str {
    if found < bar { "holds" } else { "DOES NOT HOLD" }
}

/// The panes, the big store and one to carry on the left; the carrying has begun.
fn running(stores: &Stores, port: u16, user: &str, options: &[&str]) -> Pty {
    let target = Server::plaintext_url(user, port);
    let (big, load, password) = (stores.text("big"), stores.text("load"), stores.text("password"));
    let mut arguments = vec![&*load, &*big, &*target, "--password-file", &*password];
    arguments.extend(options);
    let pty = Pty::mailferry(stores.home(), &arguments);
    pty.wait_for("Trash");
    pty.wait_for("load");
    pty.wait_for_text(&format!("{} ", stores::LOAD), Duration::from_mins(2));
    pty.type_keys(key::F[4]);
    pty.wait_for("what goes where");
    pty.type_keys("\r");
    pty.wait_gone("what goes where");
    pty.wait_for("left");
    pty
}

/// Time from a key to the last byte of its frame, where a lot is listed and a job runs.
fn until_the_last_byte(stores: &Stores, port: u16, messages: usize) {
    let pty = running(stores, port, "keys", &[]);
    // The big store is the last line of the tree.
    pty.type_keys(key::END);
    let all = mailferry::mail::units::thousands(messages as u64);
    pty.wait_for_text(&format!("{all} messages ─"), Duration::from_mins(5));
    pty.type_keys("\r");
    println!("milliseconds from a key to the last byte, {all} messages listed and a job running");
    println!("{:<28}{:>10}{:>10}{:>10}", "", "median", "p99", "worst");
    let mut plain = Vec::new();
    for (name, setup, keys) in [
        ("down", key::HOME, vec![key::DOWN]),
        ("page down", key::HOME, vec![key::PAGE_DOWN]),
        ("to the end and back", key::HOME, vec![key::END, key::HOME]),
        ("mark", key::HOME, vec![" "]),
        ("the other pane", "u", vec!["\t"]),
        ("help and back", "", vec!["?", "q"]),
        ("filter, each letter", "", vec!["f", "k", "e", "r", key::ESC]),
    ] {
        between(&pty, setup);
        let times = timed(&pty, &keys, 100);
        report(name, &times);
        plain.extend(times);
    }
    report("all of these", &plain);
    plain.sort();
    let p99 = milliseconds(&plain, 99);
    println!("the bar is {KEY_BAR:.0} ms for 99 of 100: {}\n", holds(p99, KEY_BAR));
    println!("what takes all {all} messages at once");
    for (name, keys) in [
        ("mark all, unmark", vec!["a", "u"]),
        ("invert, unmark", vec!["*", "u"]),
        ("thread, unmark", vec!["t", "u"]),
        ("sort by subject, answered", vec!["s", "t"]),
        ("sort by size, answered", vec!["s", "s"]),
    ] {
        report(name, &timed(&pty, &keys, 20));
    }
    let mut sorted = Vec::new();
    for at in 0..10 {
        pty.answer("so", QUIET * 10);
        let (begun, by) = (Instant::now(), if at % 2 == 0 { "st" } else { "ss" });
        pty.type_keys(by);
        let first = pty.screen_text();
        pty.wait_until(|screen| screen.contents() != first && screen.contents().contains("by s"));
        pty.answer("", QUIET);
        sorted.push(begun.elapsed().saturating_sub(QUIET));
    }
    report("sorted, all of it shown so", &sorted);
}

fn timed(pty: &Pty, keys: &[&str], presses: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    while times.len() < presses {
        for key in keys {
            times.push(pty.frame_after(key, |_| true));
            std::thread::sleep(Duration::from_millis(15)); // keys that share a frame would tell nothing
        }
    }
    times
}

fn milliseconds(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)].as_secs_f64() * 1000.0
}

fn report(name: &str, times: &[Duration]) {
    let mut times = times.to_vec();
    times.sort();
    let [median, p99, worst] = [50, 99, 100].map(|percent| milliseconds(&times, percent));
    println!("{name:<28}{median:>10.1}{p99:>10.1}{worst:>10.1}");
}
