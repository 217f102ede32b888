//! What a folder of a store holds to be carried, before anything is read of it. Used by [`super::carry`]; knows no server.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher as _};

use crate::mail::{Envelope, Flags, InternalDate, Locator};
use crate::store::{Found, StoreError, Walk};

use super::carry::Shared;
use super::intake::{self, SharedStore};
use super::job::tell;
use super::{Event, FolderPlan};

/// What is kept of a listed message until its turn.
pub(super) struct Item {
    pub(super) locator: Locator,
    pub(super) flags: Flags,
    pub(super) keywords: Vec<String>,
    pub(super) internal_date: Option<InternalDate>,
    /// Names the message roughly; equal for messages with one Message-ID. `None` where the list tells none.
    pub(super) name: Option<u64>,
}

/// Whether the messages of a list must be told apart, which may cost a reading of each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Thorough {
    No,
    /// Then damage was told by the first list, or will be when a message is read.
    Yes,
}

/// The chosen messages of a folder, without their bodies, and whether all of it could be read.
pub(super) fn list(
    shared: Shared<'_>,
    store: &SharedStore<'_>,
    plan: &FolderPlan,
    index: usize,
    thorough: Thorough,
) -> Result<(Vec<Item>, bool), StoreError> {
    let is_chosen = plan.chosen.test();
    let (mut items, mut is_whole) = (Vec::new(), true);
    let mut visit = |found| {
        match found {
            Found::Message(envelope) => {
                if is_chosen(&envelope.locator) {
                    items.push(item(envelope));
                }
            }
            Found::Damage(damage) if thorough == Thorough::No => {
                let text = damage.to_string();
                tell(shared.events, Event::Damage { index, text });
                is_whole = false;
            }
            Found::Damage(_) | Found::Hidden(_) | Found::Progress { .. } => {}
        }
        if shared.brake.is_pulled() { Walk::Break(()) } else { Walk::Continue(()) }
    };
    let mut store = intake::lock(store);
    match thorough {
        Thorough::No => store.outline(&plan.folder, &mut visit)?,
        Thorough::Yes => store.list(&plan.folder, &mut visit)?,
    }
    drop(store);
    Ok((items, is_whole))
}

fn item(envelope: Envelope) -> Item {
    let name = match &envelope.message_id {
        Some(id) => Some(hash(id)),
        None if envelope.from.is_empty() && envelope.subject.is_empty() => None,
        None => Some(hash(&(&envelope.from, &envelope.subject))),
    };
    let Envelope { locator, flags, keywords, internal_date, .. } = envelope;
    Item { locator, flags, keywords, internal_date, name }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hash = DefaultHasher::new();
    value.hash(&mut hash);
    hash.finish()
}
