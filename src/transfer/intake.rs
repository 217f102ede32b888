//! Reads ahead: a thread that takes message after message out of the store and makes each ready, while the connection is
//! busy with those before. Used by [`super::carry`]; knows no server.

use std::sync::{Mutex, PoisonError};

use crossbeam_channel::Sender;

use crate::mail::canonical::{self, Unfit};
use crate::mail::envelope::Summary;
use crate::mail::fingerprint::{Rolling, message_id};
use crate::mail::header::MAX_HEADER;
use crate::mail::repair::repair;
use crate::mail::{Digest, Fingerprint, FolderPath, Locator, Repair};
use crate::store::{LARGE, Large, Store, StoreError};

use super::listing::Item;

/// A message whose bytes were read, or why they were not.
pub(super) struct Read {
    pub(super) item: Item,
    pub(super) content: Result<Content, Unreadable>,
}

/// A message's bytes, and how it is known again.
pub(super) struct Content {
    /// The bytes; of a large message only the first.
    pub(super) bytes: Vec<u8>,
    /// A large message, whose bytes are not held in memory.
    pub(super) large: Option<Large>,
    /// How many bytes there are in all.
    pub(super) size: u64,
    pub(super) digest: Digest,
    /// The digest of what the store has.
    pub(super) origin: Digest,
    pub(super) repairs: Vec<Repair>,
    pub(super) fingerprint: Fingerprint,
    pub(super) id: Option<u64>,
}

/// Why a message can not be sent.
pub(super) struct Unreadable {
    pub(super) subject: String,
    pub(super) reason: String,
    pub(super) hint: &'static str,
    /// What there is of it.
    pub(super) bytes: Vec<u8>,
    /// Why nothing more can be read at all, if that is so.
    pub(super) lost: Option<String>,
}

/// Messages that travel together from the thread that reads.
pub(super) type Lot = Vec<Read>;

/// The bytes and the messages of a lot, unless one message is larger.
const LOT_BYTES: usize = 1 << 20;
const LOT_MESSAGES: usize = 128;
/// The lots that are ready before they are needed. With the two at both ends this bounds memory.
pub(super) const LOTS_AHEAD: usize = 3;

/// A store that one thread reads from while another may remove what is done.
pub(super) type SharedStore<'s> = Mutex<&'s mut dyn Store>;

/// Reads `items` in their order and hands them on, until nobody wants more.
pub(super) fn read_ahead(
    store: &SharedStore<'_>,
    folder: &FolderPath,
    items: Vec<Item>,
    repairs: &[Repair],
    lots: &Sender<Lot>,
) {
    lock(store).expect(folder, &items.iter().map(|item| &item.locator).collect::<Vec<_>>());
    let mut lot = Lot::new();
    let mut bytes = 0;
    for item in items {
        let content = read(store, folder, &item.locator, repairs);
        bytes += content.as_ref().map_or(0, |content| content.bytes.len());
        lot.push(Read { item, content });
        if bytes >= LOT_BYTES || lot.len() >= LOT_MESSAGES {
            bytes = 0;
            if lots.send(std::mem::take(&mut lot)).is_err() {
                return;
            }
        }
    }
    // Nobody wants the rest, or it is taken.
    let _ = lots.send(lot);
}

/// Reads one message and makes the `repairs` that it needs.
pub(super) fn read(
    store: &SharedStore<'_>,
    folder: &FolderPath,
    locator: &Locator,
    repairs: &[Repair],
) -> Result<Content, Unreadable> {
    // A repair takes the message as a whole. So does what can not be read or carried, which is told below.
    if locator.length >= LARGE
        && repairs.is_empty()
        && let Ok(Some(large)) = lock(store).large(folder, locator)
        && let Some(content) = look_through(large)
    {
        return Ok(content);
    }
    let (read, lost) = {
        let mut store = lock(store);
        let read = store.read(folder, locator);
        let lost = store.lost().filter(|_| read.is_err());
        (read, lost)
    };
    let bytes = read.map_err(|error: StoreError| Unreadable {
        subject: String::new(),
        reason: error.to_string(),
        hint: "",
        bytes: Vec::new(),
        lost,
    })?;
    let read = Digest::of(&bytes);
    let (bytes, repairs) = repair(bytes, repairs);
    if let Err(unfit) = canonical::check(&bytes) {
        let subject = Summary::of(&bytes).subject;
        return Err(Unreadable { subject, reason: unfit.to_string(), hint: unfit_hint(unfit), bytes, lost: None });
    }
    let digest = if repairs.is_empty() { read } else { Digest::of(&bytes) };
    let size = bytes.len() as u64;
    let (fingerprint, id) = (Fingerprint::of(&bytes), message_id(&bytes));
    Ok(Content { large: None, size, digest, origin: read, repairs, fingerprint, id, bytes })
}

/// What is told of a large message, of whose bytes the first are kept; `None` if it can not be read or carried.
fn look_through(large: Large) -> Option<Content> {
    let (mut bytes, mut size, mut rolling) = (Vec::new(), 0, Rolling::default());
    for piece in large.pieces() {
        let piece = piece.ok()?;
        memchr::memchr(0, &piece).is_none().then_some(())?;
        rolling.add(&piece);
        size += piece.len() as u64;
        let room = MAX_HEADER.saturating_sub(bytes.len()).min(piece.len());
        bytes.extend_from_slice(piece.get(..room).unwrap_or_default());
    }
    u32::try_from(size).ok().filter(|size| *size > 0)?;
    let digest = rolling.digest();
    let (fingerprint, id) = (Fingerprint::of(&bytes), message_id(&bytes));
    Some(Content { large: Some(large), size, digest, origin: digest, repairs: Vec::new(), fingerprint, id, bytes })
}

fn unfit_hint(unfit: Unfit) -> &'static str {
    match unfit {
        Unfit::Empty => "there is nothing in it to carry",
        Unfit::Nul => "take the NUL bytes out of the message, then run the same command again",
        Unfit::TooBig => "no IMAP server takes it; keep it as a file",
    }
}

/// The store, as soon as nobody else uses it.
pub(super) fn lock<'s, 'm>(store: &'m SharedStore<'s>) -> std::sync::MutexGuard<'m, &'s mut dyn Store> {
    // Stores keep no state that a panic could leave half changed.
    store.lock().unwrap_or_else(PoisonError::into_inner)
}
