//! What is in the air: batches that were sent and not waited for, how many of them there may be, and what is known of their
//! messages. [`super::flight`] sends and lands them.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::imap::{Launched, Opening, RemoteMessage};

use super::pending::Pending;

/// Messages and bytes of a batch that flies; on a slow line less, so that the screen moves and a stop is soon.
pub(super) const FLIGHT_MESSAGES: usize = 512;
const FLIGHT_BYTES: usize = 2 << 20;
/// Messages of the first batch of a folder. The server's go-ahead is waited for, and more is read meanwhile.
const FIRST_MESSAGES: usize = 64;
const LEAST_FLIGHT: usize = 64 << 10;
/// How long sending one should take at most, and how short makes the next one larger.
const SLOW: Duration = Duration::from_millis(300);
const QUICK: Duration = Duration::from_millis(100);
/// Batches that are sent and not yet answered: at first, at most, and at least. The most are what a line of 600 MB/s holds in
/// 50 ms.
const FIRST_AIR: usize = 8;
const AIR: usize = 16;
const LEAST_AIR: usize = 2;
/// An answer sooner than that lets one more be in the air; one later than that halves their number.
const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(2);

/// The most states that are kept before they are looked for, more than there are messages that they can be of.
const MOST_STATES: usize = 64 * 1024;

/// All that is in the air, and what is known of it.
pub(super) struct Air {
    /// In the order of their answers.
    pub(super) flights: VecDeque<Flight>,
    /// Bytes of the next batch.
    pub(super) batch_bytes: usize,
    /// The most batches that are sent and not yet answered.
    pub(super) most: usize,
    /// The highest UID that a batch got.
    pub(super) landed: u32,
    /// Whether the states of all that land from now on are asked for already.
    pub(super) is_asked_ahead: bool,
    /// How many messages the folder had after the last of them, if it was said.
    pub(super) exists: Option<u32>,
    /// Messages that are stored and whose state is still to be asked for.
    pub(super) unasked: Vec<Pending>,
    /// Messages whose state was asked for and did not come yet.
    pub(super) unseen: Vec<Pending>,
    /// States that came before they were looked for.
    pub(super) states: HashMap<u32, RemoteMessage>,
    /// Messages that need more than a look to be proven.
    pub(super) leftovers: Vec<Pending>,
}

impl Air {
    pub(super) fn new() -> Self {
        Self {
            flights: VecDeque::new(),
            batch_bytes: FLIGHT_BYTES,
            most: FIRST_AIR,
            landed: 0,
            is_asked_ahead: false,
            exists: None,
            unasked: Vec::new(),
            unseen: Vec::new(),
            states: HashMap::new(),
            leftovers: Vec::new(),
        }
    }

    /// Keeps states that came; those of messages that nobody waits for must not fill the memory.
    pub(super) fn keep(&mut self, states: Vec<RemoteMessage>) {
        let room = MOST_STATES.saturating_sub(self.states.len());
        self.states.extend(states.into_iter().take(room).map(|state| (state.uid, state)));
    }

    /// The most messages and bytes of the next batch.
    pub(super) fn batch(&self) -> (usize, usize) {
        let is_first = self.landed == 0 && self.flights.is_empty();
        (if is_first { FIRST_MESSAGES } else { FLIGHT_MESSAGES }, self.batch_bytes)
    }

    /// A batch took that long to send: the next one is as large as the line is fast.
    pub(super) fn sent_in(&mut self, took: Duration) {
        if took > SLOW {
            self.batch_bytes = (self.batch_bytes / 2).max(LEAST_FLIGHT);
        } else if took < QUICK {
            self.batch_bytes = (self.batch_bytes * 2).min(FLIGHT_BYTES);
        }
    }

    /// A batch was answered after that long.
    pub(super) fn answered(&mut self, after: Duration) {
        if after < SOON {
            self.most = (self.most + 1).min(AIR);
        } else if after > LATE {
            self.most = (self.most / 2).max(LEAST_AIR);
        }
    }
}

/// A batch in the air.
pub(super) struct Flight {
    pub(super) pending: Vec<Pending>,
    pub(super) stage: Stage,
    pub(super) since: Instant,
}

pub(super) enum Stage {
    /// Its messages are on their way.
    Sent(Launched),
    /// They are stored, and their states are asked for, in commands with these tags.
    Asked(Vec<String>),
    /// Nothing more is sent to the folder: the one at this place of the plan is opened, which is next.
    Opening(usize, Box<Opening>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_flies_while_answers_come_soon_and_less_when_they_are_late() {
        let mut air = Air::new();
        for _ in 0..100 {
            air.answered(Duration::from_millis(400)); // a satellite
        }
        assert_eq!(air.most, AIR);
        air.answered(Duration::from_millis(1500));
        assert_eq!(air.most, AIR);
        for _ in 0..100 {
            air.answered(Duration::from_secs(3));
        }
        assert_eq!(air.most, LEAST_AIR);
    }

    #[test]
    fn of_states_that_nobody_asked_for_no_more_are_kept_than_can_be_of_use() {
        let mut air = Air::new();
        let states =
            |from| (from..from + 50_000).map(|uid| RemoteMessage { uid, ..RemoteMessage::default() }).collect();
        for from in [0, 100_000, 200_000] {
            air.keep(states(from));
        }
        assert_eq!(air.states.len(), MOST_STATES);
        assert!(air.states.contains_key(&0));
        air.states.clear();
        air.keep(states(300_000));
        assert_eq!(air.states.len(), 50_000);
    }

    #[test]
    fn batches_are_as_large_as_the_line_is_fast() {
        let mut air = Air::new();
        air.sent_in(Duration::from_secs(1));
        assert_eq!(air.batch_bytes, FLIGHT_BYTES / 2);
        air.sent_in(Duration::from_millis(200));
        assert_eq!(air.batch_bytes, FLIGHT_BYTES / 2);
        air.sent_in(Duration::from_millis(1));
        assert_eq!(air.batch_bytes, FLIGHT_BYTES);
    }
}
