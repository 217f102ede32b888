//! Random stores, random faults, random ends, several runs, then one without a fault: every message is there exactly once,
//! and everything else is untouched. The long tests make many rounds; `MAILFERRY_SEED` repeats one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;

use super::common::invariants::{check, complete};
use super::common::mail::{Mail, Maker};
use super::common::program::Running;
use super::common::proxy::{At, Do, Proxy, RunningProxy};
use super::common::servers::{Dovecot, Server};
use super::common::trial::{Kind, Post, Trial};
use super::common::{for_each_of, is_long};

struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()].clone()
    }
}

/// How long a run is waited for until it is killed.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the proxy changes in the server's words, so that it offers less.
type Changes = &'static [(&'static str, &'static str)];
const ALL_WAITING: Changes = &[("LITERAL+", "X-NONE"), ("MULTIAPPEND", "X-NONE")];
const LINES: [Changes; 6] = [
    &[],
    &[("MULTIAPPEND", "X-NONE")],
    ALL_WAITING,
    &[("UIDPLUS", "XIDPLUS"), ("APPENDUID", "XPPENDUID")],
    &[("UIDPLUS", "XIDPLUS"), ("APPENDUID", "XPPENDUID"), ("[UIDNEXT", "[XIDNEXT")],
    &[("LITERAL+", "X-NONE"), ("UIDPLUS", "XIDPLUS"), ("APPENDUID", "XPPENDUID"), ("[UIDNEXT", "[XIDNEXT")],
];
const POINTS: [At; 7] =
    [At::BeforeLine, At::AfterLine, At::Literal(5), At::AfterLiteral, At::AfterEnd, At::BeforeOk, At::AfterOk];
/// Refusals after which the same command has a chance.
const REFUSALS: [&str; 4] =
    ["NO [INUSE] try again", "NO [UNAVAILABLE] not now", "NO [SERVERBUG] oh", "NO [OVERQUOTA] the mailbox is full"];

/// How a run ends, if it does not end by itself.
#[derive(Clone, Copy, Debug)]
enum End {
    Itself,
    /// Killed once so many messages were announced.
    KilledAt(u64),
    /// Killed after so many milliseconds.
    KilledAfter(u64),
    /// Told to end once so many messages were announced.
    Told(Signal, u64),
    /// It crashes at that change of the journal.
    Crashed(u64),
}

impl End {
    fn pick(dice: &mut Dice, messages: u64) -> Self {
        match dice.below(8) {
            0 => Self::KilledAt(1 + dice.below(messages)),
            1 => Self::KilledAfter(dice.below(400)),
            2 => Self::Told(Signal::TERM, 1 + dice.below(messages)),
            3 => Self::Told(Signal::INT, 1 + dice.below(messages)),
            4 | 5 => Self::Crashed(1 + dice.below(20)),
            _ => Self::Itself,
        }
    }

    /// The exit code, where it comes before the run is over.
    fn code(self) -> i32 {
        match self {
            Self::Itself => 0,
            Self::KilledAt(_) | Self::KilledAfter(_) => 137,
            Self::Told(signal, _) => 128 + signal.as_raw(),
            Self::Crashed(_) => 134,
        }
    }

    /// Sees to it.
    fn bring(self, running: &mut Running, proxy: &RunningProxy) {
        // One that waits for what may come late takes its time; one that hangs is told when its end is waited for.
        let mut wait_for = |messages| {
            let begun = Instant::now();
            while proxy.messages() < messages && running.ended().is_none() && begun.elapsed() < PATIENCE {
                thread::sleep(Duration::from_millis(10));
            }
        };
        match self {
            Self::Itself | Self::Crashed(_) => {}
            Self::KilledAt(messages) => {
                wait_for(messages);
                running.signal(Signal::KILL);
            }
            Self::KilledAfter(milliseconds) => {
                thread::sleep(Duration::from_millis(milliseconds)); // any moment
                running.signal(Signal::KILL);
            }
            Self::Told(signal, messages) => {
                wait_for(messages);
                running.signal(signal);
            }
        }
    }
}

/// What came of all rounds.
#[derive(Default)]
struct Tally {
    /// Faults on the line.
    faults: AtomicUsize,
    /// Runs that were killed, told to end, or crashed.
    ended: AtomicUsize,
}

#[test]
fn whatever_breaks_each_message_is_there_once_and_all_else_is_untouched() {
    let Some(server) = Dovecot::new().start() else { return };
    let seed = std::env::var("MAILFERRY_SEED").ok().map(|seed| seed.parse().unwrap());
    let rounds = match seed {
        Some(_) => 1,
        None if is_long() => 60,
        None => 3,
    };
    let tally = Tally::default();
    for_each_of(&(0..rounds).collect::<Vec<u64>>(), 3, |round| {
        let seed = seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::try_from(now.as_nanos() % u128::from(u64::MAX)).unwrap().wrapping_add(*round) | 1
        });
        let what = format!("MAILFERRY_SEED={seed}");
        eprintln!("round {round}: {what}");
        one_round(&server, &format!("user{round}"), &mut Dice(seed), &tally, &what);
    });
    let (faults, ended) = (tally.faults.into_inner(), tally.ended.into_inner());
    eprintln!("{faults} faults, {ended} runs ended");
    assert!(!is_long() || faults > 0 && ended > 0, "{faults} faults, {ended} runs ended");
}

/// Mail with twins, of which one may be flagged, and messages without any id where they are known as messages.
fn mails(dice: &mut Dice, kind: Kind) -> Vec<Mail> {
    let mut mails = Maker::new(dice.below(1000)).folder(usize::try_from(1 + dice.below(150)).unwrap(), 2003, 300);
    for _ in 0..dice.below(4) {
        let mut twin = dice.pick(&mails);
        twin.marks.flagged = dice.below(2) == 0;
        mails.push(twin);
        let mut nameless = dice.pick(&mails);
        nameless.bytes = format!("no header at all {}\r\n", dice.below(3)).into_bytes();
        if matches!(kind, Kind::CopyMaildir | Kind::MoveMaildir) {
            mails.push(nameless);
        }
    }
    mails
}

fn one_round(server: &Server, user: &str, dice: &mut Dice, tally: &Tally, what: &str) {
    let kind = dice.pick(&[Kind::CopyMaildir, Kind::CopyMbox, Kind::MoveMaildir, Kind::MoveMbox]);
    let trial = Trial::with(&Post::on(server, user), kind, "Box", mails(dice, kind));
    for _ in 0..=dice.below(if is_long() { 3 } else { 2 }) {
        one_run(&trial, server, dice, tally, what);
    }
    complete(&trial, what);
}

fn one_run(trial: &Trial<'_>, server: &Server, dice: &mut Dice, tally: &Tally, what: &str) {
    let messages = trial.mails.len() as u64;
    let changes = dice.pick(&LINES);
    let proxy = changes.iter().fold(Proxy::new(server.imap_port), |proxy, (from, to)| proxy.replace(from, to));
    let end = End::pick(dice, messages);
    let mut codes = vec![0, end.code()];
    let proxy = break_line(proxy, dice, changes, messages, &mut codes).start();
    let mut command = trial.command(proxy.port, &["--timeout", "2"]);
    if let End::Crashed(at) = end {
        command.env("MAILFERRY_CRASH_AT", at.to_string());
    }
    let mut running = Running::start(command);
    end.bring(&mut running, &proxy);
    let run = running.wait();
    tally.faults.fetch_add(proxy.fired(), Ordering::SeqCst);
    tally.ended.fetch_add(usize::from(run.code > 128), Ordering::SeqCst);
    check(trial, &run, &codes, &format!("{what}: {end:?} with {changes:?}"));
}

/// Some faults, and the exit codes that may come of them.
fn break_line(mut proxy: Proxy, dice: &mut Dice, changes: Changes, messages: u64, codes: &mut Vec<i32>) -> Proxy {
    for _ in 0..=dice.below(2) {
        let nth = 1 + dice.below(messages);
        proxy = match dice.below(6) {
            0 => {
                codes.extend([1, 75]);
                let refusal = Do::Answer(dice.pick(&REFUSALS).to_owned());
                proxy.fault(1 + dice.below(4), dice.pick(&[At::BeforeLine, At::AfterLiteral]), refusal)
            }
            // An OK that never comes is waited for longer than a test may take.
            1 if changes == ALL_WAITING => proxy.fault(nth, dice.pick(&[At::BeforeLine, At::AfterLine]), Do::Stall),
            _ => proxy.fault(nth, dice.pick(&POINTS), dice.pick(&[Do::Reset, Do::Finish])),
        };
    }
    if dice.below(6) > 0 {
        return proxy;
    }
    proxy.leave_after(usize::try_from(60 + dice.below(100)).unwrap())
}
