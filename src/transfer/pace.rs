//! Holds a job back to the rate and the amount that it is allowed. Shared by its workers.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Limits;
use super::job::Halt;

/// What may go, and what went.
pub(super) struct Pace {
    limits: Limits,
    state: Mutex<State>,
}

struct State {
    /// When the line is free again, at the rate allowed.
    free: Instant,
    /// Bytes of the last 24 hours.
    sent: u64,
}

impl Pace {
    /// A pace where `sent` bytes went in the last 24 hours.
    pub(super) fn new(limits: Limits, sent: u64) -> Self {
        Self { limits, state: Mutex::new(State { free: Instant::now(), sent }) }
    }

    /// The most bytes that are to go in one piece, so that the rate is even.
    pub(super) fn piece(&self) -> usize {
        self.limits.rate.map_or(usize::MAX, |rate| usize::try_from(rate).unwrap_or(usize::MAX).max(64 * 1024))
    }

    /// Takes leave to send so many bytes; gives how long to wait before that.
    pub(super) fn take(&self, bytes: u64) -> Result<Duration, Halt> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(most) = self.limits.bytes_per_day
            && state.sent.saturating_add(bytes) > most
        {
            return Err(Halt::DayIsFull { sent: state.sent, most });
        }
        state.sent = state.sent.saturating_add(bytes);
        let now = Instant::now();
        let begin = state.free.max(now);
        if let Some(rate) = self.limits.rate {
            let millis = bytes.saturating_mul(1000) / rate.max(1);
            state.free = begin + Duration::from_millis(millis);
        }
        Ok(begin - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_is_spread_out_and_ends_at_the_amount_of_a_day() {
        let pace = Pace::new(Limits { rate: Some(1000), bytes_per_day: Some(5000) }, 1000);
        assert!(pace.take(2000).unwrap() < Duration::from_millis(100));
        let wait = pace.take(1000).unwrap();
        assert!(wait > Duration::from_millis(1800) && wait <= Duration::from_secs(2), "{wait:?}");
        assert!(matches!(pace.take(1001), Err(Halt::DayIsFull { sent: 4000, most: 5000 })));
        assert!(pace.take(1000).is_ok());
    }
}
