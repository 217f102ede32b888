//! How long a list of all messages takes, and how much memory, beside what a user has: grep, mutt, Python's mailbox.
//!
//! `cargo bench --bench listing` makes the stores, prints a table and says which bars hold; `-- --small` takes a hundredth
//! of the mail, to see that it runs; `-- --in DIR` keeps the stores there, for another run. A list is all envelopes (sender, subject, dates, flags), made by the library in a
//! process of its own; everything is read from memory, as the stores were just written. mutt is left out where it is
//! missing; its header cache is off.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::big::{self, Mails};
use common::measure::own_peak;
use mailferry::store::{self, Found, OpenOptions, Walk};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use tempfile::TempDir;

/// How often each time is taken; the rounds of all programs alternate.
const ROUNDS: usize = 5;
/// A list that reads the store, and one that finds it unchanged since the last time.
const FIRST: &str = "mailferry";
const SECOND: &str = "mailferry, second look";
const PYTHON: &str = "import mailbox, sys; print(len(getattr(mailbox, sys.argv[1])(sys.argv[2], create=False).keys()))";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let path_after = |option: &str| {
        let at = arguments.iter().position(|argument| argument == option)?;
        Some(PathBuf::from(&arguments[at + 1]))
    };
    if let Some(path) = path_after("--list") {
        return list(&path, path_after("--cache"));
    }
    let scale = if arguments.iter().any(|argument| argument == "--small") { 100 } else { 1 };
    match path_after("--in") {
        Some(kept) => compare(&kept, scale),
        None => compare(TempDir::new().unwrap().path(), scale),
    }
}

/// Lists every message of a store; prints how many there are, the seconds from before the store is opened to the last, and
/// the peak of the memory.
fn list(path: &Path, cache: Option<PathBuf>) {
    let begun = Instant::now();
    let mut store = store::open_with(path, &OpenOptions { cache, ..OpenOptions::default() }).unwrap();
    let mut messages = 0_u64;
    for folder in store.folders().unwrap().iter().filter(|folder| folder.holds_messages) {
        let visit = &mut |found| {
            if let Found::Message(envelope) = &found {
                black_box(envelope);
                messages += 1;
            }
            Walk::Continue(())
        };
        store.list(&folder.path, visit).unwrap();
    }
    println!("{messages} {} {}", begun.elapsed().as_secs_f64(), own_peak());
}

/// One program on one store.
struct Entrant {
    name: &'static str,
    store: &'static str,
    run: Box<dyn Fn() -> Taken>,
    taken: Vec<Taken>,
}

/// What one run took; the memory only of our own.
struct Taken {
    time: Duration,
    peak: f64,
}

fn compare(home: &Path, scale: u32) {
    let (messages, files) = (50_000 / scale, 100_000 / scale);
    make(home, messages, files);
    let at = |name: &str| home.join(name);
    println!("mbox and dbx of {messages} messages, {} MiB; Maildir of {files}", size(&at("mbox")) >> 20);
    println!("{} processors\n", std::thread::available_parallelism().unwrap());
    let mut entrants = entrants(home, messages, files);
    // The rounds of all programs alternate, and the first only warms up.
    for round in 0..=ROUNDS {
        for entrant in &mut entrants {
            let taken = (entrant.run)();
            if round > 0 {
                entrant.taken.push(taken);
            }
        }
    }
    entrants.extend(second_looks(home, messages, files));
    report(&entrants, messages, files);
}

/// Makes the stores that are not there yet.
fn make(home: &Path, messages: u32, files: u32) {
    let number = |count: u32| usize::try_from(count).unwrap();
    let mails = || Mails::new(number(messages), (1 << 30) / 50_000);
    let missing = |name: &str| Some(home.join(name)).filter(|path| !path.exists());
    fs::create_dir_all(home).unwrap();
    missing("mbox").map_or(Ok(()), |path| big::mbox(&path, mails())).unwrap();
    missing("Inbox.dbx").map_or(Ok(()), |path| big::dbx(&path, mails())).unwrap();
    missing("Maildir").map_or(Ok(()), |path| big::maildir(&path, number(files))).unwrap();
}

fn entrants(home: &Path, messages: u32, files: u32) -> Vec<Entrant> {
    let at = |name: &str| home.join(name);
    let mut all = Vec::new();
    let mut add = |name, store, run: Box<dyn Fn() -> Taken>| all.push(Entrant { name, store, run, taken: Vec::new() });
    let (mbox, maildir, dbx) = (at("mbox"), at("Maildir"), at("Inbox.dbx"));
    let grep = command("grep", &["-c", "^From ", mbox.to_str().unwrap()]);
    add("grep -c '^From '", "mbox", Box::new(move || timed(&grep)));
    for (name, path, count) in [("mbox", &mbox, messages), ("Maildir", &maildir, files), ("dbx", &dbx, messages)] {
        let path = path.clone();
        add(FIRST, name, Box::new(move || own(&path, None, count)));
    }
    let has_mutt = Command::new("mutt").arg("-v").stdout(Stdio::null()).status().is_ok();
    for (name, class, path) in [("mbox", "mbox", &mbox), ("Maildir", "Maildir", &maildir)] {
        if has_mutt {
            let (home, path) = (home.to_owned(), path.clone());
            add("mutt", name, Box::new(move || mutt(&home, &path)));
        }
        let python = command("python3", &["-c", PYTHON, class, path.to_str().unwrap()]);
        add("Python's mailbox", name, Box::new(move || timed(&python)));
    }
    if !has_mutt {
        println!("mutt is missing here and left out (apt-get install mutt)\n");
    }
    all
}

/// Looks again at stores that nothing has changed; not between the others, since mutt sets the times of an mbox it read.
fn second_looks(home: &Path, messages: u32, files: u32) -> Vec<Entrant> {
    std::thread::sleep(Duration::from_secs(4)); // what was changed just now is not kept
    let cache = home.join("cache");
    let look = |(store, path, count): (&'static str, &str, u32)| {
        let (path, cache) = (home.join(path), cache.clone());
        let run = Box::new(move || own(&path, Some(&cache), count));
        run(); // fills the cache
        let taken = (0..ROUNDS).map(|_| run()).collect();
        Entrant { name: SECOND, store, run, taken }
    };
    [("mbox", "mbox", messages), ("Maildir", "Maildir", files), ("dbx", "Inbox.dbx", messages)].map(look).into()
}

/// A program and its arguments.
fn command(program: &str, arguments: &[&str]) -> Vec<String> {
    std::iter::once(program).chain(arguments.iter().copied()).map(str::to_owned).collect()
}

fn timed(command: &[String]) -> Taken {
    let begun = Instant::now();
    let mut program = Command::new(&command[0]);
    program.args(&command[1..]).env("LC_ALL", "C");
    // Read what it prints: grep stops at the first match when nobody does.
    assert!(program.output().unwrap().status.success(), "{command:?}");
    Taken { time: begun.elapsed(), peak: 0.0 }
}

/// Runs this program again, so that the memory is that of one list alone.
fn own(path: &Path, cache: Option<&Path>, count: u32) -> Taken {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.arg("--list").arg(path);
    if let Some(cache) = cache {
        program.arg("--cache").arg(cache);
    }
    let output = program.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [messages, seconds, peak] = numbers[..] else { panic!("{}", String::from_utf8_lossy(&output.stderr)) };
    assert!((messages - f64::from(count)).abs() < 0.5, "{messages} messages, not {count}");
    Taken { time: Duration::from_secs_f64(seconds), peak }
}

/// Opens a store in mutt and leaves it again.
fn mutt(home: &Path, path: &Path) -> Taken {
    let settings = home.join("muttrc");
    // It asks whether to make its folder if that is missing.
    fs::write(&settings, format!("set folder={}\nunset header_cache\nset quit=yes\nset move=no\n", home.display()))
        .unwrap();
    let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 80, ..PtySize::default() }).unwrap();
    let mut command = CommandBuilder::new("mutt");
    command.args(["-n", "-R", "-F", settings.to_str().unwrap(), "-e", "push <quit>", "-f", path.to_str().unwrap()]);
    command.env("TERM", "xterm");
    command.env("HOME", home);
    let begun = Instant::now();
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut screen = pair.master.try_clone_reader().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while screen.read(&mut bytes).is_ok_and(|length| length > 0) {}
    });
    assert!(child.wait().unwrap().success());
    let time = begun.elapsed();
    reader.join().unwrap();
    Taken { time, peak: 0.0 }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// The median of an entrant's seconds, and the highest peak of its memory.
fn median(entrants: &[Entrant], name: &str, store: &str) -> Option<(f64, f64)> {
    let entrant = entrants.iter().find(|entrant| entrant.name == name && entrant.store == store)?;
    let mut times: Vec<f64> = entrant.taken.iter().map(|taken| taken.time.as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    Some((times[times.len() / 2], entrant.taken.iter().map(|taken| taken.peak).fold(0.0, f64::max)))
}

fn report(entrants: &[Entrant], messages: u32, files: u32) {
    println!("{:<24} {:<8} {:>9} {:>9} {:>12}", "median of all rounds", "store", "seconds", "peak MiB", "of our time");
    for Entrant { name, store, .. } in entrants {
        let (seconds, peak) = median(entrants, name, store).unwrap();
        let ours = median(entrants, FIRST, store).unwrap().0;
        let peak = if peak > 0.0 { format!("{peak:.1}") } else { String::new() };
        println!("{name:<24} {store:<8} {seconds:>9.3} {peak:>9} {:>12.2}", seconds / ours);
    }
    let time = |name, store| median(entrants, name, store).map(|(seconds, _)| seconds);
    let (mbox, maildir, dbx) =
        (time(FIRST, "mbox").unwrap(), time(FIRST, "Maildir").unwrap(), time(FIRST, "dbx").unwrap());
    println!();
    bar("an mbox takes at most twice the time of grep", mbox / time("grep -c '^From '", "mbox").unwrap(), 2.0);
    if let Some(mutt) = time("mutt", "Maildir") {
        bar("a Maildir takes at most a fifth of mutt's time", maildir / mutt, 0.2);
    }
    bar("a dbx takes as long as the mbox, give or take a fifth", dbx / mbox, 1.2);
    for (store, count) in [("mbox", messages), ("Maildir", files), ("dbx", messages)] {
        let most = 64.0 + 250.0 * f64::from(count) / f64::from(1 << 20);
        let mut what = String::new();
        write!(what, "{store}: peak within {most:.0} MiB (64 MiB and 250 bytes a message)").unwrap();
        bar(&what, median(entrants, FIRST, store).unwrap().1, most);
        bar(&format!("{store}: a second look within 0.2 s"), time(SECOND, store).unwrap(), 0.2);
    }
}

fn bar(what: &str, value: f64, most: f64) {
    println!("{}  {what}: {value:.2} of {most:.2}", if value <= most { "holds " } else { "MISSED" });
}
