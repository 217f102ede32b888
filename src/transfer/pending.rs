//! A message on its way: what was read of it, and how far it is.

use std::borrow::Cow;
use std::io;

use crate::imap::{ImapError, Outgoing};
use crate::mail::{Digest, Fingerprint, Flags, InternalDate, Locator, Repair, Sha256Sum};

use crate::store::Large;

use super::intake::Content;
use super::journal::{Entry, Mark};
use super::ledger::Place;

/// How often one message is tried when the server keeps failing on it.
pub(super) const MAX_TRIES: u8 = 4;

/// A message read from the store, ready to be appended.
pub(super) struct Prepared {
    pub(super) locator: Locator,
    /// Empty once they are on the server and only a look is missing. Of a large message only the first.
    pub(super) bytes: Vec<u8>,
    /// A large message, whose bytes are not held in memory.
    pub(super) large: Option<Box<Large>>,
    pub(super) size: u64,
    /// Whether its header holds bytes over 127, which some servers change.
    pub(super) is_8bit: bool,
    pub(super) digest: Digest,
    /// The digest of what the store has.
    pub(super) origin: Digest,
    /// What is told of it, where that is asked for.
    pub(super) sha256: Option<Sha256Sum>,
    pub(super) repairs: Vec<Repair>,
    pub(super) fingerprint: Fingerprint,
    /// Its Message-ID in short, if it has one.
    pub(super) id: Option<u64>,
    pub(super) flags: Flags,
    pub(super) keywords: Vec<String>,
    pub(super) dropped_flags: Vec<String>,
    pub(super) internal_date: Option<InternalDate>,
    /// Where the journal has it, once it is about to be sent.
    pub(super) place: Option<Place>,
    /// Where it has it since an earlier run, which may have found it at another place in its store.
    pub(super) earlier: Option<Place>,
}

impl Prepared {
    /// What was read of a message, with what its store says of it.
    pub(super) fn of(
        content: Content,
        locator: Locator,
        flags: Flags,
        keywords: Vec<String>,
        internal_date: Option<InternalDate>,
    ) -> Self {
        Self {
            locator,
            bytes: content.bytes,
            large: content.large,
            size: content.size,
            is_8bit: content.is_8bit,
            digest: content.digest,
            origin: content.origin,
            sha256: content.sha256,
            repairs: content.repairs,
            fingerprint: content.fingerprint,
            id: content.id,
            flags,
            keywords,
            dropped_flags: Vec::new(),
            internal_date: content.internal_date.or(internal_date),
            place: None,
            earlier: None,
        }
    }

    pub(super) fn outgoing(&self) -> Outgoing<'_> {
        Outgoing { bytes: &self.bytes, flags: self.flags, keywords: &self.keywords, internal_date: self.internal_date }
    }

    /// All its bytes; none if they can not be read any more.
    pub(super) fn whole(&self) -> Cow<'_, [u8]> {
        match &self.large {
            None => (&self.bytes).into(),
            Some(large) => large.pieces().collect::<io::Result<Vec<_>>>().unwrap_or_default().concat().into(),
        }
    }

    /// What the journal keeps of how it is sent.
    pub(super) fn mark(&self) -> Mark {
        Mark::of(self.flags, &self.keywords, self.internal_date, &self.repairs)
    }

    /// What the journal keeps of it.
    pub(super) fn entry(&self) -> Entry {
        Entry {
            locator: self.locator.clone(),
            size: self.size,
            digest: self.digest,
            fingerprint: self.fingerprint,
            id: self.id,
        }
    }
}

/// A message of a batch, on its way.
pub(super) struct Pending {
    pub(super) prepared: Box<Prepared>,
    pub(super) state: State,
    pub(super) tries: u8,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not sent, or certainly not stored.
    Waiting,
    /// The server said OK; UIDVALIDITY and UID where it has UIDPLUS.
    Sent(Option<(u32, u32)>),
    /// Sent whole, and the answer was lost.
    Unknown,
    /// Sent with others of which one was refused: it is there now or never.
    Doubtful,
}

impl Pending {
    pub(super) fn new(prepared: Prepared) -> Self {
        Self { prepared: Box::new(prepared), state: State::Waiting, tries: 0 }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// The UIDVALIDITY and the UID that the server gave it, as far as it said so.
    pub(super) fn uid(&self) -> Option<(u32, u32)> {
        if let State::Sent(uid) = self.state { uid } else { None }
    }

    /// Whether a refusal says that the folder is missing, for the first time.
    pub(super) fn may_create(&self, error: &ImapError) -> bool {
        self.tries <= 1 && matches!(error, ImapError::Refused { refusal, .. } if refusal.code == "TRYCREATE")
    }
}
