//! Which messages on the server are whose, where several folders of a plan go to one: what one of them sent or found there is
//! never taken for a message of another. All of them are one worker's.

use std::collections::{HashMap, HashSet};

use crate::mail::FolderPath;

use super::Plan;

/// UIDs by the folder on the server and its UIDVALIDITY.
#[derive(Debug, Default)]
pub(super) struct Claims(HashMap<(FolderPath, u32), HashSet<u32>>);

impl Claims {
    /// The folders of a plan that go where that one goes, by their places; not itself.
    pub(super) fn others(plan: &Plan, index: usize) -> impl Iterator<Item = usize> {
        let target = plan.folders.get(index).map(|folder| &folder.target);
        let goes_there = move |(place, _): &(usize, _)| *place != index;
        let folders = plan.folders.iter().enumerate().filter(goes_there);
        folders.filter(move |(_, folder)| Some(&folder.target) == target).map(|(place, _)| place)
    }

    /// A message is somebody's.
    pub(super) fn add(&mut self, folder: &FolderPath, uid_validity: u32, uid: u32) {
        self.0.entry((folder.clone(), uid_validity)).or_default().insert(uid);
    }

    /// The messages of a folder that are somebody's.
    pub(super) fn of(&self, folder: &FolderPath, uid_validity: u32) -> impl Iterator<Item = u32> {
        self.0.get(&(folder.clone(), uid_validity)).into_iter().flatten().copied()
    }
}
