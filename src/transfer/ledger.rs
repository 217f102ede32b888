//! What became of the messages of each batch, gathered until all of a batch is known, then ready for the journal.

use std::collections::HashMap;

use super::journal::{Fate, Settled};

/// A message's place in a batch of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) batch: i64,
    pub(super) number: usize,
}

/// The batches of one folder.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// What is known so far, and of how many messages nothing is.
    open: HashMap<i64, (Vec<Option<Fate>>, usize)>,
    /// Known in full, and not yet written.
    due: Vec<Settled>,
    /// Written; kept where messages will be taken out of the store.
    written: HashMap<i64, Vec<Fate>>,
    keeps: bool,
}

impl Ledger {
    /// A ledger that keeps what was written, if messages are to be removed later.
    pub(super) fn new(keeps: bool) -> Self {
        Self { keeps, ..Self::default() }
    }

    /// A batch of so many messages is in the journal.
    pub(super) fn begin(&mut self, batch: i64, messages: usize) {
        self.open.insert(batch, (vec![None; messages], messages));
    }

    /// What became of a message. The last word of a batch makes it due, and each later one again.
    pub(super) fn note(&mut self, place: Place, fate: Fate) {
        let Some((fates, unknown)) = self.open.get_mut(&place.batch) else {
            return self.change_later(std::iter::once(place), |_| fate);
        };
        if let Some(known) = fates.get_mut(place.number)
            && known.replace(fate).is_none()
        {
            *unknown -= 1;
        }
        if *unknown == 0 {
            let (fates, _) = self.open.remove(&place.batch).unwrap_or_default();
            self.due.push(Settled { batch: place.batch, fates: fates.into_iter().flatten().collect() });
        }
    }

    /// What is to be written now.
    pub(super) fn take_due(&mut self) -> Vec<Settled> {
        let due = std::mem::take(&mut self.due);
        if self.keeps {
            self.written.extend(due.iter().map(|settled| (settled.batch, settled.fates.clone())));
        }
        due
    }

    /// A batch whose fates are in the journal already.
    pub(super) fn add_written(&mut self, batch: i64, fates: Vec<Fate>) {
        self.written.insert(batch, fates);
    }

    /// The same as [`Self::change`], written with what is due next.
    pub(super) fn change_later(&mut self, places: impl Iterator<Item = Place>, change: impl Fn(Fate) -> Fate) {
        let changed = self.change(places, change);
        self.due.retain(|due| changed.iter().all(|settled| settled.batch != due.batch));
        self.due.extend(changed);
    }

    /// Whether the journal has what became of a message.
    pub(super) fn is_written(&self, place: Place) -> bool {
        self.written.contains_key(&place.batch)
    }

    /// Changes what was written of messages, as they are taken out of the store or stay after all; to be written again.
    pub(super) fn change(
        &mut self,
        places: impl Iterator<Item = Place>,
        change: impl Fn(Fate) -> Fate,
    ) -> Vec<Settled> {
        let mut changed: Vec<i64> = Vec::new();
        for place in places {
            let fate = self.written.get_mut(&place.batch).and_then(|fates| fates.get_mut(place.number));
            if let Some(fate) = fate {
                *fate = change(*fate);
                changed.push(place.batch);
            }
        }
        changed.sort_unstable();
        changed.dedup();
        let settled = |batch: i64| Some(Settled { batch, fates: self.written.get(&batch)?.clone() });
        changed.into_iter().filter_map(settled).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_due_when_the_last_of_it_is_known_and_can_be_changed_later() {
        let mut ledger = Ledger::new(true);
        ledger.begin(7, 2);
        ledger.note(Place { batch: 7, number: 1 }, Fate::Absent);
        assert!(ledger.take_due().is_empty());
        let stored = super::super::journal::Stored { uid: 3, proof: None, state: 0 };
        ledger.note(Place { batch: 7, number: 0 }, Fate::Stored(stored));
        let due = ledger.take_due();
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].fates, [Fate::Stored(stored), Fate::Absent]);
        let places = [Place { batch: 7, number: 0 }].into_iter();
        let again = ledger.change(places, |fate| fate.stored().map_or(fate, Fate::Moved));
        assert_eq!(again[0].fates, [Fate::Moved(stored), Fate::Absent]);
    }
}
