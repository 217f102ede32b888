//! What was unpacked, shared by all stores of this process that are open on one file. Used by packed stores.
//!
//! A pane and every worker open a store of their own; each would fill the disk and wait anew. This is the one place that
//! keeps something beside its owners, and only as long as one of them lives.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::place::Place;
use super::sniff::Kind;
use super::unpack::Note;
use crate::store::file::FileId;

/// What was unpacked of one file.
#[derive(Debug)]
pub(super) struct Content {
    /// Removed with the last owner.
    place: Place,
    /// What was not unpacked, or not whole.
    pub(super) notes: Vec<Note>,
}

impl Content {
    /// What lies in `place` now.
    pub(super) fn new((place, notes): (Place, Vec<Note>)) -> Self {
        Self { place, notes }
    }

    /// The directory it is in.
    pub(super) fn directory(&self) -> &Path {
        self.place.content()
    }

    /// A path in it as the user knows it, `root` being that of the packed file.
    pub(super) fn shown(&self, root: &Path, kind: Kind, path: &Path) -> PathBuf {
        match path.strip_prefix(self.directory()) {
            Ok(below) if !matches!(kind, Kind::One(_)) && below != Path::new("") => root.join(below),
            Ok(_) => root.to_owned(),
            Err(_) => path.to_owned(),
        }
    }
}

/// A file, and how it is unpacked.
type Key = (FileId, Kind);
/// The content, if it is there; locked while it is unpacked, so that others wait for it.
type Slot = Arc<Mutex<Weak<Content>>>;

static SLOTS: Mutex<Vec<(Key, Slot)>> = Mutex::new(Vec::new());

/// What was unpacked of a file, by another store or now.
pub(super) fn content(key: Key, unpack: impl FnOnce() -> io::Result<Content>) -> io::Result<Arc<Content>> {
    let slot = slot(key);
    let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(content) = held.upgrade() {
        return Ok(content);
    }
    let content = Arc::new(unpack()?);
    *held = Arc::downgrade(&content);
    Ok(content)
}

fn slot(key: Key) -> Slot {
    let mut slots = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
    // A slot that somebody waits for, or whose content lives, stays.
    slots.retain(|(_, slot)| {
        Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|content| content.strong_count() > 0)
    });
    if let Some((_, slot)) = slots.iter().find(|(known, _)| *known == key) {
        return Arc::clone(slot);
    }
    let slot = Slot::default();
    slots.push((key, Arc::clone(&slot)));
    slot
}
