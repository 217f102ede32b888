//! Holds a job back to the rate and the amount that it is allowed, and leaves its server alone when that asks for it. Shared
//! by its workers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Limits;
use super::job::Halt;

/// How long what was sent counts.
const DAY: Duration = Duration::from_hours(24);
/// What is sent within so long is counted as one, as if it all had been sent at the end of that.
const SLOT: Duration = Duration::from_mins(10);
/// The least that is worth a piece of its own at a rate.
const LEAST_PIECE: usize = 64 * 1024;

/// What may go, and what went.
pub(super) struct Pace {
    limits: Limits,
    state: Mutex<State>,
}

struct State {
    /// When the line is free again, at the rate allowed.
    free: Instant,
    /// What was sent in the last 24 hours.
    sent: Sent,
    /// Until when the server is to be left alone, and its words.
    asked: Option<(Instant, String)>,
}

/// Bytes, by the ends of the times in which they were sent, oldest first.
#[derive(Default)]
struct Sent(VecDeque<(Instant, u64)>);

impl Sent {
    /// How many were sent in the 24 hours before `now`.
    fn of_the_day(&mut self, now: Instant) -> u64 {
        while self.0.front().is_some_and(|(end, _)| now.saturating_duration_since(*end) >= DAY) {
            self.0.pop_front();
        }
        self.0.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    fn add(&mut self, bytes: u64, now: Instant) {
        match self.0.back_mut().filter(|(end, _)| now < *end) {
            Some((_, sum)) => *sum = sum.saturating_add(bytes),
            None => self.0.push_back((now + SLOT, bytes)),
        }
    }
}

impl Pace {
    /// A pace where `sent` bytes went in the last 24 hours; when, is not known, so that they count for 24 hours from now.
    pub(super) fn new(limits: Limits, sent: u64) -> Self {
        let (now, mut all) = (Instant::now(), Sent::default());
        if sent > 0 {
            all.add(sent, now);
        }
        Self { limits, state: Mutex::new(State { free: now, sent: all, asked: None }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most bytes that are to go in one piece, one message aside: so many that the rate is even, and that something is
    /// left of the day when they are gone, so that pieces get smaller towards its end. The first message of a day goes alone,
    /// for it may be more than the amount of a day.
    pub(super) fn piece(&self) -> usize {
        let even = self.limits.rate.map_or(usize::MAX, |rate| size(rate).max(LEAST_PIECE));
        let of_the_day = self.limits.bytes_per_day.map_or(usize::MAX, |most| {
            let sent = self.state().sent.of_the_day(Instant::now());
            if sent == 0 { 0 } else { size(most.saturating_sub(sent) / 2) }
        });
        even.min(of_the_day)
    }

    /// The server asks to be left alone for so long, in these words.
    pub(super) fn leave_alone(&self, pause: Duration, reason: String) {
        let (mut state, until) = (self.state(), Instant::now() + pause);
        if state.asked.as_ref().is_none_or(|(asked, _)| *asked < until) {
            state.asked = Some((until, reason));
        }
    }

    /// How much longer the server is to be left alone, and why.
    pub(super) fn asked(&self) -> Option<(Duration, String)> {
        let mut state = self.state();
        let now = Instant::now();
        state.asked = state.asked.take().filter(|(until, _)| *until > now);
        state.asked.as_ref().map(|(until, reason)| (*until - now, reason.clone()))
    }

    /// Takes leave to send so many bytes; gives how long to wait before that.
    pub(super) fn take(&self, bytes: u64) -> Result<Duration, Halt> {
        self.take_at(bytes, Instant::now())
    }

    fn take_at(&self, bytes: u64, now: Instant) -> Result<Duration, Halt> {
        let mut state = self.state();
        let sent = state.sent.of_the_day(now);
        // What is more than the amount of a day by itself has a day of its own, or it would never go.
        if let Some(most) = self.limits.bytes_per_day
            && sent > 0
            && sent.saturating_add(bytes) > most
        {
            return Err(Halt::DayIsFull { sent, most });
        }
        state.sent.add(bytes, now);
        let begin = state.free.max(now);
        if let Some(rate) = self.limits.rate {
            let millis = bytes.saturating_mul(1000) / rate.max(1);
            state.free = begin + Duration::from_millis(millis);
        }
        Ok(begin - now)
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_a_day(most: u64, sent: u64) -> Pace {
        Pace::new(Limits { rate: None, bytes_per_day: Some(most) }, sent)
    }

    #[test]
    fn what_goes_is_spread_out_and_ends_at_the_amount_of_a_day() {
        let pace = Pace::new(Limits { rate: Some(1000), bytes_per_day: Some(5000) }, 1000);
        assert!(pace.take(2000).unwrap() < Duration::from_millis(100));
        let wait = pace.take(1000).unwrap();
        assert!(wait > Duration::from_millis(1800) && wait <= Duration::from_secs(2), "{wait:?}");
        assert!(matches!(pace.take(1001), Err(Halt::DayIsFull { sent: 4000, most: 5000 })));
        assert!(pace.take(1000).is_ok());
    }

    #[test]
    fn what_was_sent_counts_for_a_day_and_no_longer() {
        let (pace, now) = (of_a_day(5000, 1000), Instant::now());
        let hours = |hours| now + Duration::from_hours(hours);
        assert!(pace.take_at(3000, hours(20)).is_ok());
        assert!(matches!(pace.take_at(1500, hours(23)), Err(Halt::DayIsFull { sent: 4000, most: 5000 })));
        assert!(pace.take_at(1500, hours(25)).is_ok());
        assert!(matches!(pace.take_at(501, hours(43)), Err(Halt::DayIsFull { sent: 4500, most: 5000 })));
        assert!(pace.take_at(3500, hours(45)).is_ok());
        assert!(matches!(pace.take_at(1, hours(46)), Err(Halt::DayIsFull { sent: 5000, most: 5000 })));
        // However often something goes, little is kept of it.
        let pace = of_a_day(u64::MAX, 0);
        for minute in 0..3000 {
            assert!(pace.take_at(1, now + Duration::from_mins(minute)).is_ok());
        }
        assert!(pace.state().sent.0.len() <= 146, "{}", pace.state().sent.0.len());
    }

    #[test]
    fn a_message_over_the_amount_of_a_day_goes_when_nothing_else_did() {
        assert!(of_a_day(5000, 0).take(9000).is_ok());
        let pace = of_a_day(5000, 1);
        assert!(pace.take(9000).is_err());
        assert!(pace.take(100).is_ok());
    }

    #[test]
    fn the_longest_pause_that_was_asked_for_counts() {
        let (pace, pause) = (Pace::new(Limits::default(), 0), Duration::from_mins(1));
        assert_eq!(pace.asked(), None);
        pace.leave_alone(pause, "long".into());
        pace.leave_alone(pause / 2, "short".into());
        assert!(pace.asked().is_some_and(|(left, why)| left > pause / 2 && left <= pause && why == "long"));
        let over = Pace::new(Limits::default(), 0);
        over.leave_alone(Duration::ZERO, "over".into());
        assert_eq!(over.asked(), None);
    }

    #[test]
    fn pieces_get_smaller_towards_the_end_of_the_day() {
        assert_eq!(of_a_day(100_000, 0).piece(), 0);
        let pace = of_a_day(100_001, 1);
        let mut pieces = vec![pace.piece()];
        while pieces[pieces.len() - 1] > 0 {
            pace.take(pieces[pieces.len() - 1] as u64).unwrap();
            pieces.push(pace.piece());
        }
        assert_eq!(pieces[..3], [50_000, 25_000, 12_500]);
        assert_eq!(of_a_day(100, 200).piece(), 0);
        assert_eq!(Pace::new(Limits::default(), 200).piece(), usize::MAX);
    }
}
