//! Waits for the locks that other programs hold on files of a store (facts/reliability.md row 49). Used where a move takes
//! messages out of one; a copy reads without a lock, since what it read is proven by its digest.

use std::thread;
use std::time::{Duration, Instant};

use super::carry::Shared;
use super::event::{Event, Line, Pause};
use super::job::tell;
use crate::store::StoreError;

/// How long a job waits for a lock.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a person who waits for it does: a delivery takes far less.
const MOMENT: Duration = Duration::from_secs(3);
const TRY_EVERY: Duration = Duration::from_millis(100);

/// Tries until no lock is in the way, at most for half a minute, and not once the job is to stop. The wait is told.
pub(super) fn in_job<T>(
    shared: Shared<'_>,
    index: usize,
    attempt: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let patience = patience();
    let mut is_told = false;
    let mut goes_on = |error: &StoreError| {
        if shared.brake.is_pulled() {
            return false;
        }
        if !std::mem::replace(&mut is_told, true) {
            let StoreError::Locked { path } = error else { return false };
            let reason = format!("another program holds a lock on {}", path.display());
            let (seconds, pause) = (patience.as_secs(), Pause::AtMost);
            shared.line(Line::Waits { seconds, pause, reason: reason.clone() });
            tell(shared.events, Event::Waiting { seconds, pause, reason });
        }
        true
    };
    let result = until_free(patience, &mut goes_on, attempt);
    if is_told {
        shared.line(Line::Carries(index));
        tell(shared.events, Event::Connected);
    }
    result
}

/// Tries until no lock is in the way, for a moment.
pub(super) fn at_hand<T>(attempt: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    until_free(MOMENT, &mut |_| true, attempt)
}

fn until_free<T>(
    patience: Duration,
    goes_on: &mut dyn FnMut(&StoreError) -> bool,
    mut attempt: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let end = Instant::now() + patience;
    loop {
        match attempt() {
            Err(error @ StoreError::Locked { .. }) if Instant::now() < end && goes_on(&error) => {
                thread::sleep(TRY_EVERY);
            }
            other => return other,
        }
    }
}

/// [`PATIENCE`]; a test may choose less, by the environment variable `MAILFERRY_LOCK_WAIT` in seconds. Not in a release.
fn patience() -> Duration {
    #[cfg(debug_assertions)]
    if let Some(seconds) = std::env::var("MAILFERRY_LOCK_WAIT").ok().and_then(|seconds| seconds.parse().ok()) {
        return Duration::from_secs(seconds);
    }
    PATIENCE
}
