//! What comes out of a store whatever its bytes are. Used by the tests of damage.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use mailferry::mail::envelope::Summary;
use mailferry::mail::{FolderPath, Locator};
use mailferry::store::{self, Store, Walk};

use super::list;

/// No sample takes longer, whatever its bytes.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
/// Formats that count without looking at each message, so that those that are damaged count too.
const COUNTED_BY_INDEX: [&str; 2] = ["dbx", "maildir"];
/// Formats whose messages are only put together when they are read, so that a listed one may turn out to be damaged.
const COMPOSED: [&str; 3] = ["msg", "pst", "olm"];

/// A small generator of the same numbers every time (Marsaglia's xorshift).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

/// What is in a store.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The messages, as they would be appended.
    pub(super) messages: Vec<Vec<u8>>,
    /// How many there are that are not carried.
    pub(super) hidden: usize,
    /// Damage, doubts and errors, and how often each was told.
    said: BTreeMap<String, usize>,
}

impl Outcome {
    fn say(&mut self, what: &impl ToString) {
        *self.said.entry(what.to_string()).or_default() += 1;
    }

    /// How many messages there are, carried or not.
    pub(super) fn total(&self) -> usize {
        self.messages.len() + self.hidden
    }

    /// Whether something is said that is not said of `other`.
    pub(super) fn says_more_than(&self, other: &Self) -> bool {
        self.said.iter().any(|(what, times)| other.said.get(what).is_none_or(|known| known < times))
    }

    /// Whether a message holds those bytes.
    pub(super) fn holds(&self, words: &[u8]) -> bool {
        self.messages.iter().any(|message| memchr::memmem::find(message, words).is_some())
    }
}

/// The Message-ID of a message.
pub(super) fn id(message: &[u8]) -> Option<Vec<u8>> {
    Summary::of(message).message_id.map(String::into_bytes)
}

/// Opens, counts, lists and reads whatever is at `path`.
pub(super) fn examine(path: &Path, format: &str) -> Outcome {
    let started = Instant::now();
    let mut outcome = Outcome::default();
    match store::open(path, Some(format)) {
        Ok(mut store) => {
            for folder in store.folders().unwrap().into_iter().filter(|folder| folder.holds_messages) {
                walk(store.as_mut(), &folder.path, &mut outcome);
            }
        }
        Err(error) => outcome.say(&error),
    }
    assert!(started.elapsed() < LIMIT, "{format}: {:?}", started.elapsed());
    outcome
}

fn walk(store: &mut dyn Store, folder: &FolderPath, outcome: &mut Outcome) {
    let count = store.count(folder, &mut |_| Walk::Continue(()));
    let listed = match list(store, folder) {
        Ok(listed) => listed,
        Err(error) => return outcome.say(&error),
    };
    let format = store.format_of(folder).name;
    if listed.damage.is_empty() || !COUNTED_BY_INDEX.contains(&format) {
        assert_eq!(count.unwrap().messages, listed.messages.len() as u64, "{:?}", listed.damage);
    }
    outcome.hidden += listed.hidden.len();
    listed.damage.iter().for_each(|damage| outcome.say(&damage.reason));
    for one in &listed.messages {
        one.warnings.iter().for_each(|warning| outcome.say(&warning.label()));
        match store.read(folder, &one.locator) {
            Ok(bytes) => outcome.messages.push(bytes),
            Err(error) if COMPOSED.contains(&format) => outcome.say(&error),
            Err(error) => panic!("{} is listed, but {error}", one.locator.id()),
        }
    }
    if let Some(one) = listed.messages.first() {
        read_elsewhere(store, folder, &one.locator);
    }
}

/// Asks for messages where none can be.
fn read_elsewhere(store: &mut dyn Store, folder: &FolderPath, known: &Locator) {
    let (offset, length) = (known.offset, known.length);
    for (offset, length) in [(offset, u64::MAX - offset), (u64::MAX - length, length), (u64::MAX, u64::MAX)] {
        let _ = store.read(folder, &Locator { name: known.name.clone(), offset, length });
    }
}
