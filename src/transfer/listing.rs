//! What a folder of a store holds to be carried, before anything is read of it. Used by [`super::reading`]; knows no server.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher as _};
use std::num::NonZeroU64;
use std::sync::Arc;

use crate::mail::{Envelope, Flags, FolderPath, InternalDate, Locator};
use crate::store::{Found, Hidden, StoreError, Walk};

use super::Chosen;
use super::intake::{self, SharedStore};

/// What is kept of a listed message until its turn. There may be millions, so it is small.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) locator: Locator,
    pub(super) flags: Flags,
    pub(super) keywords: Box<[String]>,
    pub(super) internal_date: Option<InternalDate>,
    /// Names the message roughly; equal for messages with one Message-ID. `None` where the list tells none.
    pub(super) name: Option<NonZeroU64>,
}

/// Whether the messages of a list must be told apart, which may cost a reading of each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Thorough {
    No,
    Yes,
}

/// The chosen messages of a folder, without their bodies, and what else is there.
pub struct Listing {
    pub(super) items: Arc<Vec<Item>>,
    /// The size of the messages, in bytes, as far as it is known without reading them.
    pub bytes: u64,
    /// How many are there that would not be carried, and why.
    pub hidden: BTreeMap<Hidden, u64>,
    /// What could not be read, in words.
    pub damage: Vec<String>,
}

impl Listing {
    /// How many messages are chosen.
    pub fn messages(&self) -> u64 {
        self.items.len() as u64
    }
}

/// Lists a folder as far as `is_over` lets it.
pub(super) fn list(
    store: &SharedStore,
    folder: &FolderPath,
    chosen: &Chosen,
    thorough: Thorough,
    is_over: &dyn Fn() -> bool,
) -> Result<Listing, StoreError> {
    let is_chosen = chosen.test();
    let (mut items, mut bytes, mut hidden, mut damage) = (Vec::new(), 0, BTreeMap::new(), Vec::new());
    let mut visit = |found| {
        match found {
            Found::Message(envelope) if is_chosen(&envelope.locator) => {
                bytes += envelope.size;
                items.push(item(envelope));
            }
            Found::Damage(found) => damage.push(found.to_string()),
            Found::Hidden(kind) => *hidden.entry(kind).or_default() += 1,
            Found::Message(_) | Found::Progress { .. } => {}
        }
        if is_over() { Walk::Break(()) } else { Walk::Continue(()) }
    };
    let mut store = intake::lock(store);
    match thorough {
        Thorough::No => store.outline(folder, &mut visit)?,
        Thorough::Yes => store.list(folder, &mut visit)?,
    }
    items.shrink_to_fit();
    Ok(Listing { items: Arc::new(items), bytes, hidden, damage })
}

fn item(envelope: Envelope) -> Item {
    let name = match &envelope.message_id {
        Some(id) => Some(hash(id)),
        None if envelope.from.is_empty() && envelope.subject.is_empty() => None,
        None => Some(hash(&(&envelope.from, &envelope.subject))),
    };
    let Envelope { locator, flags, keywords, internal_date, .. } = envelope;
    Item { locator, flags, keywords: keywords.into(), internal_date, name }
}

fn hash(value: &impl Hash) -> NonZeroU64 {
    let mut hash = DefaultHasher::new();
    value.hash(&mut hash);
    NonZeroU64::MIN.saturating_add(hash.finish())
}
