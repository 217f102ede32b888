//! What the journal keeps of messages: enough to find each on the server again, and nothing of what is in it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::clock::Moment;
use crate::imap::RemoteMessage;
use crate::mail::{Digest, Fingerprint, Flags, InternalDate, Locator, Repair};
use crate::transfer::Proof;

/// A message that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::transfer) struct Entry {
    /// Where it is in its folder.
    pub(in crate::transfer) locator: Locator,
    /// Its bytes.
    pub(in crate::transfer) size: u64,
    /// Their digest.
    pub(in crate::transfer) digest: Digest,
    /// What its header says of it.
    pub(in crate::transfer) fingerprint: Fingerprint,
    /// Its Message-ID in short, if it has one.
    pub(in crate::transfer) id: Option<u64>,
}

/// How a message was about to be sent: what it has on the server if nobody changed it since, and what was done to it before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::transfer) struct Mark {
    flags: Flags,
    /// Its keywords in short; 0 for none.
    keywords: u64,
    /// Its date in Unix seconds, if it was sent with one.
    date: Option<i64>,
    pub(in crate::transfer) repairs: Vec<Repair>,
}

impl Mark {
    pub(in crate::transfer) fn of(
        flags: Flags,
        keywords: &[String],
        date: Option<InternalDate>,
        repairs: &[Repair],
    ) -> Self {
        let date = date.map(InternalDate::unix);
        Self { flags, keywords: in_short(keywords), date, repairs: repairs.to_vec() }
    }

    /// Whether a message has the flags, keywords and date that were sent. A server may round the date.
    pub(in crate::transfer) fn is_on(&self, message: &RemoteMessage) -> bool {
        let is_dated = match (self.date, message.internal_date) {
            (Some(sent), Some(kept)) => sent.abs_diff(kept.unix()) <= 1,
            _ => true,
        };
        is_dated && self.flags == message.flags && self.keywords == in_short(&message.keywords)
    }
}

fn in_short(keywords: &[String]) -> u64 {
    if keywords.is_empty() {
        return 0;
    }
    let mut names: Vec<String> = keywords.iter().map(|keyword| keyword.to_lowercase()).collect();
    names.sort();
    number(&Sha256::digest(names.join(" ").as_bytes()))
}

/// What became of a message that was about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::transfer) enum Fate {
    /// It is not on the server, or not as it should be.
    Absent,
    /// It is there.
    Stored(Stored),
    /// It is there, and was taken out of the store, or is about to be.
    Moved(Stored),
    /// The same of a message that was there before the job.
    Taken(Stored),
    /// It is there, and certainly no longer in the store; whether the job had sent it.
    Gone(Stored, bool),
}

/// A message on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::transfer) struct Stored {
    /// Its UID, under the UIDVALIDITY of its batch.
    pub(in crate::transfer) uid: u32,
    /// How surely; `None` when it was only found by its header and size.
    pub(in crate::transfer) proof: Option<Proof>,
    /// Its flags and date as they were when it was proven.
    pub(in crate::transfer) state: u64,
}

impl Fate {
    /// The message on the server, if it is there.
    pub(in crate::transfer) fn stored(self) -> Option<Stored> {
        match self {
            Self::Absent => None,
            Self::Stored(stored) | Self::Moved(stored) | Self::Taken(stored) | Self::Gone(stored, _) => Some(stored),
        }
    }

    /// The message on the server, if it is there, is in the store too, and was never proven.
    pub(in crate::transfer) fn unproven(self) -> Option<Stored> {
        if let Self::Stored(stored) = self { Some(stored).filter(|stored| stored.proof.is_none()) } else { None }
    }

    /// Whether the job sent it.
    pub(in crate::transfer) fn was_sent(self) -> bool {
        !matches!(self, Self::Taken(_) | Self::Gone(_, false))
    }

    /// The fate of a message that was taken out of the store.
    pub(in crate::transfer) fn gone(self) -> Self {
        self.stored().map_or(self, |stored| Self::Gone(stored, self.was_sent()))
    }

    /// The fate of a message that is taken out of the store now.
    pub(in crate::transfer) fn removed(self) -> Self {
        if let Self::Stored(stored) = self { Self::Moved(stored) } else { self }
    }

    /// The fate of a message that stays in the store after all.
    pub(in crate::transfer) fn kept(self) -> Self {
        match self {
            Self::Moved(stored) => Self::Stored(stored),
            Self::Taken(_) => Self::Absent, // the job did nothing with it
            other => other,
        }
    }

    /// Whether what is on the server may be the only copy.
    pub(in crate::transfer) fn is_only_copy(self) -> bool {
        matches!(self, Self::Moved(_) | Self::Taken(_) | Self::Gone(..))
    }
}

/// Messages that were, or may have been, sent together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::transfer) struct Batch {
    /// Its number in the journal.
    pub(in crate::transfer) id: i64,
    /// When it was about to be sent.
    pub(in crate::transfer) begun: Moment,
    /// UIDVALIDITY of its folder then.
    pub(in crate::transfer) uid_validity: u32,
    /// No message of it has a smaller UID.
    pub(in crate::transfer) uid_next: u32,
    /// Its messages.
    pub(in crate::transfer) entries: Vec<Entry>,
    /// What became of them, in order; empty while that is unknown.
    pub(in crate::transfer) fates: Vec<Fate>,
    /// How they were sent, in order; empty where that is not known.
    pub(in crate::transfer) marks: Vec<Mark>,
}

/// Flags and date of a message in short, to see later whether somebody changed it. `\Recent` does not count.
pub(in crate::transfer) fn state(message: &RemoteMessage) -> u64 {
    let mut flags: Vec<String> = message.flags.names().map(str::to_lowercase).collect();
    flags.extend(message.keywords.iter().map(|keyword| keyword.to_lowercase()));
    flags.sort();
    let date = message.internal_date.map(crate::mail::InternalDate::unix);
    let digest = Sha256::digest(format!("{date:?} {} {flags:?}", message.size).as_bytes());
    number(&digest)
}

fn number(digest: &[u8]) -> u64 {
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
