//! Takes a job back on this machine: the messages that it put there go into `.mailferry-moved`, or out of the mbox, as far as
//! nobody changed them since. [`super::undo()`] does the same on a server.

use crate::mail::{Digest, FolderPath};
use crate::store::Removal;

use super::drawer::Drawer;
use super::journal::{Batch, Fate, Journal, Stored, Work};
use super::undo::{Kept, UndoError, Undone};

/// Takes back what a job did in each folder.
pub(super) fn put_away(journal: &Journal, drawer: &mut Drawer, work: Vec<Work>) -> Result<Undone, UndoError> {
    let mut undone = Undone::default();
    let mut made: Vec<FolderPath> = Vec::new();
    for Work { target, batches, made: new } in work {
        made.extend(new);
        if batches.is_empty() {
            continue;
        }
        if let Err(error) = drawer.select(&target) {
            undone.kept.push(kept(&target, "", format!("its folder can not be opened: {error}")));
            continue;
        }
        for batch in &batches {
            batch_back(journal, drawer, &target, batch, &mut undone)?;
        }
    }
    made.sort_by_key(|folder| std::cmp::Reverse(folder.depth()));
    made.dedup();
    // INBOX, or the one mbox, is the place itself, and stays.
    let is_place = |folder: &FolderPath| folder.is_root() || folder.segments() == ["INBOX"];
    for folder in made.into_iter().filter(|folder| !is_place(folder)) {
        let is_empty = drawer.counts(&folder).is_ok_and(|counts| counts.messages == 0);
        match is_empty.then(|| drawer.delete(&folder)) {
            Some(Ok(())) => undone.folders.push(folder),
            Some(Err(error)) => undone.kept.push(kept(&folder, "", error.to_string())),
            None => undone.kept.push(kept(&folder, "", "something is in it".into())),
        }
    }
    Ok(undone)
}

fn batch_back(
    journal: &Journal,
    drawer: &mut Drawer,
    target: &FolderPath,
    batch: &Batch,
    undone: &mut Undone,
) -> Result<(), UndoError> {
    // What became of a batch that broke off is seen by looking for all of it.
    let unknown = Fate::Stored(Stored { uid: 0, proof: None, state: 0 });
    let mut fates = if batch.fates.is_empty() { vec![unknown; batch.entries.len()] } else { batch.fates.clone() };
    let (mut wanted, mut digests): (Vec<(usize, u64)>, Vec<Digest>) = Default::default();
    for (place, (entry, fate)) in batch.entries.iter().zip(&fates).enumerate() {
        match fate {
            Fate::Stored(stored) => {
                wanted.push((place, stored.state));
                digests.push(entry.digest);
            }
            Fate::Moved(_) | Fate::Gone(_, true) => {
                let reason = "it was moved: what is there is the only copy".to_owned();
                undone.kept.push(kept(target, &entry.locator.id(), reason));
            }
            Fate::Absent | Fate::Taken(_) | Fate::Gone(_, false) => {} // not the job's
        }
    }
    let mut found = drawer.with_digests(target, &digests)?;
    let mut removals: Vec<(usize, Removal)> = Vec::new();
    for (which, (place, state)) in wanted.into_iter().enumerate() {
        let id = || batch.entries.get(place).map(|entry| entry.locator.id()).unwrap_or_default();
        let Some(at) = found.iter().position(|(found, ..)| *found == which) else {
            undone.gone += u64::from(!batch.fates.is_empty());
            continue;
        };
        let (_, removal, now) = found.swap_remove(at);
        if state == 0 || now == state {
            removals.push((place, removal));
        } else {
            undone.kept.push(kept(target, &id(), "it was changed since (flags or date)".to_owned()));
        }
    }
    let (places, removals): (Vec<usize>, Vec<Removal>) = removals.into_iter().unzip();
    let results = if removals.is_empty() { Vec::new() } else { drawer.take_out(target, &removals)? };
    for ((place, removal), result) in places.into_iter().zip(&removals).zip(results) {
        match result {
            Ok(()) => {
                undone.removed += 1;
                if let Some(fate) = fates.get_mut(place) {
                    *fate = Fate::Absent;
                }
            }
            Err(error) => undone.kept.push(kept(target, &removal.locator.id(), error.to_string())),
        }
    }
    drawer.forget(target);
    Ok(journal.settle(batch.id, &fates)?)
}

fn kept(folder: &FolderPath, id: &str, reason: String) -> Kept {
    Kept { folder: folder.clone(), id: id.to_owned(), uid: 0, reason }
}
