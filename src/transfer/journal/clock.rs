//! Points in time in the journal: by the clock on the wall, which may be set, and by one that only goes on while the machine
//! runs, asleep or not. Who waits, waits by the second; dates are of the first.

use std::fs;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// A point in time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::transfer) struct Moment {
    /// Unix seconds.
    pub(in crate::transfer) wall: i64,
    /// `BOOT SECONDS`: the run of a machine, and the seconds since it began. Empty if not known.
    pub(super) running: String,
}

impl Moment {
    pub(super) fn now() -> Self {
        let running = match boot() {
            "" => String::new(),
            boot => format!("{boot} {}", uptime()),
        };
        Self { wall: now(), running }
    }

    /// How long ago it was. A clock that went back counts as no time at all.
    pub(in crate::transfer) fn elapsed(&self) -> Duration {
        let (boot_then, then) = self.running.split_once(' ').unwrap_or_default();
        let seconds = match then.parse::<i64>() {
            Ok(then) if boot_then == boot() => uptime().saturating_sub(then),
            // On another machine, or before this one was started again, which takes a while by itself.
            _ => now().saturating_sub(self.wall),
        };
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }
}

/// Unix seconds.
pub(super) fn now() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(passed.as_secs()).unwrap_or(i64::MAX)
}

/// Seconds since the machine was started.
fn uptime() -> i64 {
    clock_gettime(ClockId::Boottime).tv_sec
}

/// Names this run of this machine; empty if that is not known.
fn boot() -> &'static str {
    static BOOT: LazyLock<String> =
        LazyLock::new(|| fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned());
    &BOOT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_by_the_clock_that_nobody_sets_where_that_is_known() {
        let now = Moment::now();
        assert!(now.elapsed() < Duration::from_secs(2));
        let day = 24 * 3600;
        for wall in [now.wall - day, now.wall + day] {
            let set = Moment { wall, ..now.clone() };
            assert!(set.elapsed() < Duration::from_secs(2), "{set:?}");
        }
        let earlier = Moment { running: format!("{} {}", boot(), uptime() - 100), ..now.clone() };
        assert!((100..102).contains(&earlier.elapsed().as_secs()), "{earlier:?}");
        for running in ["", "another-run 5", "nonsense"] {
            let elsewhere = |wall| Moment { wall, running: running.into() };
            assert!(elsewhere(now.wall - day).elapsed() >= Duration::from_hours(24));
            assert_eq!(elsewhere(now.wall + day).elapsed(), Duration::ZERO);
        }
    }
}
