//! Reads ahead: threads that take message after message out of the store and make each ready, while the connection is busy
//! with those before. Used by [`super::reading`]; knows no server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crossbeam_channel::{Sender, bounded};

use crate::mail::canonical::{self, Unfit};
use crate::mail::envelope::Summary;
use crate::mail::fingerprint::{Names, Rolling, RollingSum};
use crate::mail::header::MAX_HEADER;
use crate::mail::repair::{Lines, needed, repair};
use crate::mail::{DateRule, Digest, Fingerprint, FolderPath, InternalDate, Locator, Repair, Sha256Sum};
use crate::store::{LARGE, Large, Store, StoreError};

use super::listing::Item;

/// How a message is made what is sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Making {
    /// The repairs that are made where they are needed.
    pub(super) repairs: Vec<Repair>,
    /// Those that nobody has decided on: a message that needs one is not sent.
    pub(super) asks: Vec<Repair>,
    /// Where its internal date comes from, if not from its store.
    pub(super) dates: DateRule,
    /// Whether its SHA-256 is to be told.
    pub(super) sums: bool,
}

/// What was read of a message, or why nothing was.
pub(super) type Read = Result<Content, Box<Unreadable>>;

/// A message's bytes, and how it is known again.
pub(super) struct Content {
    /// The bytes; of a large message only the first.
    pub(super) bytes: Vec<u8>,
    /// A large message, whose bytes are not held in memory.
    pub(super) large: Option<Box<Large>>,
    /// How many bytes there are in all.
    pub(super) size: u64,
    /// Whether its header holds bytes over 127, which some servers change.
    pub(super) is_8bit: bool,
    pub(super) digest: Digest,
    /// The digest of what the store has.
    pub(super) origin: Digest,
    pub(super) sha256: Option<Sha256Sum>,
    pub(super) repairs: Vec<Repair>,
    pub(super) fingerprint: Fingerprint,
    pub(super) id: Option<u64>,
    /// When it arrived, where that is not for its store to say.
    pub(super) internal_date: Option<InternalDate>,
}

/// Why a message can not be sent.
pub(super) struct Unreadable {
    pub(super) subject: String,
    pub(super) reason: String,
    pub(super) hint: &'static str,
    /// What there is of it.
    pub(super) bytes: Vec<u8>,
    /// The repairs that it needs and that are to be asked for.
    pub(super) needs: Vec<Repair>,
    /// Why nothing more can be read at all, if that is so.
    pub(super) lost: Option<String>,
}

/// Messages that travel together from the thread that reads.
pub(super) type Lot = Vec<Read>;

/// The bytes and the messages of a lot, unless one message is larger.
const LOT_BYTES: usize = 256 << 10;
const LOT_MESSAGES: usize = 256;
/// The lots that are read, and those that are ready, before they are needed. With the three in hand this bounds memory.
const RAW_AHEAD: usize = 1;
pub(super) const LOTS_AHEAD: usize = 3;

/// A store that one thread reads from while another may remove what is done.
pub(super) type SharedStore = Arc<Mutex<Box<dyn Store>>>;

/// Reads `items` in their order, makes them ready and hands them on, until nobody wants more. One thread waits for the disk
/// and another computes, for on a fast line one alone can not keep up.
pub(super) fn read_ahead(
    store: &SharedStore,
    folder: &FolderPath,
    items: &[Item],
    making: &Making,
    lots: &Sender<Lot>,
) {
    thread::scope(|scope| {
        let (sender, raw) = bounded(RAW_AHEAD);
        scope.spawn(move || fetch_ahead(store, folder, items, making, &sender));
        for lot in raw {
            if lots.send(lot.into_iter().map(|raw: RawRead| raw?.make(making)).collect()).is_err() {
                return; // nobody wants the rest
            }
        }
    });
}

/// A message as it was read, or why it was not.
type RawRead = Result<Raw, Box<Unreadable>>;

fn fetch_ahead(store: &SharedStore, folder: &FolderPath, items: &[Item], making: &Making, lots: &Sender<Vec<RawRead>>) {
    lock(store).expect(folder, &items.iter().map(|item| &item.locator).collect::<Vec<_>>());
    let mut lot = Vec::new();
    let mut bytes = 0;
    for item in items {
        let raw = Raw::read(store, folder, &item.locator, making);
        bytes += raw.as_ref().map_or(0, Raw::held);
        lot.push(raw);
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

/// Reads one message and makes it what is sent.
pub(super) fn read(store: &SharedStore, folder: &FolderPath, locator: &Locator, making: &Making) -> Read {
    Raw::read(store, folder, locator, making)?.make(making)
}

/// A message as its store has it.
enum Raw {
    /// All its bytes.
    Whole(Vec<u8>),
    /// One that is not held in memory, looked through.
    Large(Box<Content>),
}

impl Raw {
    fn read(store: &SharedStore, folder: &FolderPath, locator: &Locator, making: &Making) -> RawRead {
        // A repair takes the message as a whole. So does what can not be read or carried, which is told below.
        if locator.length >= LARGE
            && let Ok(Some(large)) = lock(store).large(folder, locator)
            && let Some(content) = look_through(large, making)
        {
            let internal_date = making.dates.of(&content.bytes);
            return Ok(Self::Large(Box::new(Content { internal_date, ..content })));
        }
        let mut store = lock(store);
        store.read(folder, locator).map(Self::Whole).map_err(|error: StoreError| {
            let (subject, reason) = (String::new(), error.to_string());
            let lost = store.lost();
            Box::new(Unreadable { subject, reason, hint: "", bytes: Vec::new(), needs: Vec::new(), lost })
        })
    }

    /// How many bytes of it are in memory.
    fn held(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Large(content) => content.bytes.len(),
        }
    }

    /// What is sent of it.
    fn make(self, making: &Making) -> Read {
        let bytes = match self {
            Self::Whole(bytes) => bytes,
            Self::Large(content) => return Ok(*content),
        };
        let read = Digest::of(&bytes);
        let unreadable = |bytes: Vec<u8>, reason: String, hint, needs| {
            let subject = Summary::of(&bytes).subject;
            Err(Box::new(Unreadable { subject, reason, hint, bytes, needs, lost: None }))
        };
        let needs = needed(&bytes, &making.asks);
        if !needs.is_empty() {
            let names: Vec<&str> = needs.iter().map(|repair| repair.label()).collect();
            let reason = format!("it needs repair ({}), and that is to be asked for first", names.join(", "));
            return unreadable(bytes, reason, NEEDS_REPAIR, needs);
        }
        let (bytes, repairs) = repair(bytes, &making.repairs);
        if let Err(unfit) = canonical::check(&bytes) {
            return unreadable(bytes, unfit.to_string(), unfit_hint(unfit), Vec::new());
        }
        let digest = if repairs.is_empty() { read } else { Digest::of(&bytes) };
        let sha256 = making.sums.then(|| Sha256Sum::of(&bytes));
        let size = bytes.len() as u64;
        let Names { fingerprint, id } = Names::of(&bytes);
        let internal_date = making.dates.of(&bytes);
        let is_8bit = canonical::has_8bit_header(&bytes);
        let (large, origin) = (None, read);
        Ok(Content { bytes, large, size, is_8bit, digest, origin, sha256, repairs, fingerprint, id, internal_date })
    }
}

/// What is told of a large message, of whose bytes the first are kept; `None` if it can not be read or carried, or may need
/// repair.
fn look_through(large: Large, making: &Making) -> Option<Content> {
    let (mut bytes, mut size, mut rolling) = (Vec::new(), 0, Rolling::default());
    let mut sum = making.sums.then(RollingSum::default);
    let asked = [&*making.repairs, &*making.asks].concat();
    let mut lines = Lines::default();
    for piece in large.pieces() {
        let piece = piece.ok()?;
        memchr::memchr(0, &piece).is_none().then_some(())?;
        rolling.add(&piece);
        if asked.contains(&Repair::LongLines) {
            lines.add(&piece);
        }
        if let Some(sum) = &mut sum {
            sum.add(&piece);
        }
        size += piece.len() as u64;
        let room = MAX_HEADER.saturating_sub(bytes.len()).min(piece.len());
        bytes.extend_from_slice(piece.get(..room).unwrap_or_default());
    }
    u32::try_from(size).ok().filter(|size| *size > 0)?;
    (!lines.are_long && needed(&bytes, &asked).is_empty()).then_some(())?;
    let digest = rolling.digest();
    let sha256 = sum.map(RollingSum::sum);
    let Names { fingerprint, id } = Names::of(&bytes);
    Some(Content {
        large: Some(Box::new(large)),
        size,
        is_8bit: canonical::has_8bit_header(&bytes),
        digest,
        origin: digest,
        sha256,
        repairs: Vec::new(),
        fingerprint,
        id,
        internal_date: None,
        bytes,
    })
}

/// What is told of a message that needs a repair.
const NEEDS_REPAIR: &str = "say so by --repair NAME=on (or off), then run the same command again";

fn unfit_hint(unfit: Unfit) -> &'static str {
    match unfit {
        Unfit::Empty => "there is nothing in it to carry; --repair empty sends a message that says so",
        Unfit::Nul => "--repair nul leaves the NUL bytes out: run the same command again with it",
        Unfit::TooBig => "no IMAP server takes it; keep it as a file",
    }
}

/// The store, as soon as nobody else uses it.
pub(super) fn lock(store: &SharedStore) -> MutexGuard<'_, Box<dyn Store>> {
    // Stores keep no state that a panic could leave half changed.
    store.lock().unwrap_or_else(PoisonError::into_inner)
}
