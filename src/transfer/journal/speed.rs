//! How fast earlier jobs were, for the estimate of the next one.

use rusqlite::Row;

use super::{JobId, Journal, JournalError};
use crate::transfer::Place;

/// How fast a job was: what it sent, and how long that took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// Messages.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Seconds, at least one.
    pub seconds: u64,
}

impl Speed {
    /// How many seconds so much would take: the longer of what its messages and its bytes say.
    pub fn seconds_for(&self, messages: u64, bytes: u64) -> u64 {
        let share = |part: u64, whole: u64| u128::from(part) * u128::from(self.seconds) / u128::from(whole.max(1));
        u64::try_from(share(messages, self.messages).max(share(bytes, self.bytes))).unwrap_or(u64::MAX)
    }
}

/// How many jobs back a speed is looked for, and of how many messages it takes to tell.
const JOBS_FOR_SPEED: i64 = 10;
const ENOUGH_FOR_SPEED: u64 = 20;

impl Journal {
    /// How fast the last job to that place was that carried enough to tell; `None` where there was none.
    pub fn speed(&self, place: &Place) -> Result<Option<Speed>, JournalError> {
        let sql = "SELECT id, ended FROM job WHERE account = ? AND ended IS NOT NULL ORDER BY id DESC LIMIT ?";
        let read = |row: &Row<'_>| Ok((row.get(0).map(JobId)?, row.get::<_, i64>(1)?));
        for (id, ended) in self.rows(sql, (place.key(), JOBS_FOR_SPEED), read)? {
            let batches = self.batches("folder.job = ?", [id.0])?;
            let (mut messages, mut bytes) = (0, 0);
            for batch in &batches {
                let sent = batch.entries.iter().zip(&batch.fates).filter(|(_, fate)| fate.was_sent());
                for (entry, _) in sent {
                    messages += 1;
                    bytes += entry.size;
                }
            }
            let begun = batches.iter().map(|batch| batch.begun.wall).min().unwrap_or(ended);
            if messages >= ENOUGH_FOR_SPEED {
                let seconds = u64::try_from(ended - begun).unwrap_or(0).max(1);
                return Ok(Some(Speed { messages, bytes, seconds }));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_the_longer_of_messages_and_bytes() {
        let speed = Speed { messages: 100, bytes: 1_000_000, seconds: 10 };
        assert_eq!(speed.seconds_for(50, 10), 5);
        assert_eq!(speed.seconds_for(1, 3_000_000), 30);
        assert_eq!(Speed { messages: 0, bytes: 0, seconds: 1 }.seconds_for(0, 0), 0);
    }
}
