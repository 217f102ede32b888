//! Random stores, random faults, random kills, several runs, then one without a fault: every message is there exactly once,
//! and everything else is untouched. The long tests make many rounds; `MAILFERRY_SEED` repeats one.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::Signal;

use super::common::invariants::{check, complete};
use super::common::mail::{Mail, Maker};
use super::common::proxy::{At, Do, Proxy};
use super::common::servers::{Dovecot, Server};
use super::common::trial::{Kind, Post, Trial};
use super::common::{is_long, wait_until};

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

#[test]
fn whatever_breaks_each_message_is_there_once_and_all_else_is_untouched() {
    let Some(server) = Dovecot::new().start() else { return };
    let seed = std::env::var("MAILFERRY_SEED").ok().map(|seed| seed.parse().unwrap());
    let rounds = match seed {
        Some(_) => 1,
        None if is_long() => 40,
        None => 2,
    };
    for round in 0..rounds {
        let seed = seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::try_from(now.as_nanos() % u128::from(u64::MAX)).unwrap() | 1
        });
        let what = format!("MAILFERRY_SEED={seed}");
        eprintln!("round {round}: {what}");
        one_round(&server, &format!("user{round}"), &mut Dice(seed), &what);
    }
}

/// Mail with twins, and messages without any id where they are known as messages.
fn mails(dice: &mut Dice, kind: Kind) -> Vec<Mail> {
    let mut mails = Maker::new(dice.below(1000)).folder(usize::try_from(1 + dice.below(150)).unwrap(), 2003, 300);
    for _ in 0..dice.below(4) {
        mails.push(dice.pick(&mails));
        let mut nameless = dice.pick(&mails);
        nameless.bytes = format!("no header at all {}\r\n", dice.below(3)).into_bytes();
        if matches!(kind, Kind::CopyMaildir | Kind::MoveMaildir) {
            mails.push(nameless);
        }
    }
    mails
}

fn one_round(server: &Server, user: &str, dice: &mut Dice, what: &str) {
    let kind = dice.pick(&[Kind::CopyMaildir, Kind::CopyMbox, Kind::MoveMaildir, Kind::MoveMbox]);
    let trial = Trial::with(&Post::on(server, user), kind, "Box", mails(dice, kind));
    let messages = trial.mails.len() as u64;
    for _ in 0..=dice.below(3) {
        let mut proxy = Proxy::new(server.imap_port);
        for _ in 0..=dice.below(2) {
            let points = [
                At::BeforeLine,
                At::AfterLine,
                At::Literal(5),
                At::AfterLiteral,
                At::AfterEnd,
                At::BeforeOk,
                At::AfterOk,
            ];
            let (nth, at) = (1 + dice.below(messages), dice.pick(&points));
            proxy = proxy.fault(nth, at, dice.pick(&[Do::Reset, Do::Finish]));
        }
        for (from, to) in dice.pick(&[vec![], vec![("MULTIAPPEND", "X-NONE")], vec![("LITERAL+", "X-NONE")]]) {
            proxy = proxy.replace(from, to);
        }
        let proxy = proxy.start();
        let mut running = trial.start(proxy.port, &[]);
        if dice.below(2) == 0 {
            let kill_at = 1 + dice.below(messages);
            wait_until(|| proxy.messages() >= kill_at || running.ended().is_some());
            running.signal(Signal::KILL);
        }
        check(&trial, &running.wait(), &[0, 137], what);
    }
    complete(&trial, what);
}
