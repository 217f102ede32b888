//! What the user marked in a pane: whole folders and single messages, with totals that are always right.

use std::collections::{BTreeMap, HashMap};

use crate::mail::Locator;

use super::tree::Place;

/// A message's identity inside its folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// On disk.
    Local(Locator),
    /// On the server: its UID.
    Remote(u32),
    /// On disk, in the right pane, where messages have numbers too.
    Kept(u32, Locator),
}

impl Key {
    /// Its number in the right pane.
    pub(crate) const fn uid(&self) -> Option<u32> {
        match self {
            Self::Local(_) => None,
            Self::Remote(uid) | Self::Kept(uid, _) => Some(*uid),
        }
    }
}

/// A marked message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marked {
    /// Its place in the folder's list, which is the order it is carried in.
    pub order: usize,
    /// Its size in bytes.
    pub size: u64,
}

/// What is marked of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// All of it, with messages and bytes once they are counted.
    All(Option<(u64, u64)>),
    /// Some messages.
    Some {
        /// Which.
        messages: HashMap<Key, Marked>,
        /// Whether the folder was marked and messages were taken out again; it then keeps its name on the server.
        as_folder: bool,
    },
}

/// How a folder is marked, for drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Not at all.
    None,
    /// Some of its messages.
    Part,
    /// All of it.
    Whole,
}

/// The sum of all marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Folders marked as a whole.
    pub folders: u64,
    /// Messages, those in marked folders included.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Marked folders whose contents are not yet counted, so that the sum is a lower bound.
    pub uncounted: u64,
}

/// All marks of a pane.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    folders: BTreeMap<Place, Mark>,
    totals: Totals,
}

impl Totals {
    fn add(&mut self, mark: &Mark) {
        let (folders, messages, bytes, uncounted) = share(mark);
        self.folders += folders;
        self.messages += messages;
        self.bytes += bytes;
        self.uncounted += uncounted;
    }

    fn take(&mut self, mark: &Mark) {
        let (folders, messages, bytes, uncounted) = share(mark);
        self.folders = self.folders.saturating_sub(folders);
        self.messages = self.messages.saturating_sub(messages);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.uncounted = self.uncounted.saturating_sub(uncounted);
    }
}

/// What one mark adds to the totals. Walks its messages, so it is called for whole marks only.
fn share(mark: &Mark) -> (u64, u64, u64, u64) {
    match mark {
        Mark::All(Some((messages, bytes))) => (1, *messages, *bytes, 0),
        Mark::All(None) => (1, 0, 0, 1),
        Mark::Some { messages, .. } => (0, messages.len() as u64, messages.values().map(|marked| marked.size).sum(), 0),
    }
}

impl Marks {
    /// The sum.
    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// Whether nothing is marked.
    pub(crate) fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// Every marked folder, in order of place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Place, &Mark)> {
        self.folders.iter()
    }

    /// What is marked of one folder.
    pub(crate) fn of(&self, place: &Place) -> Option<&Mark> {
        self.folders.get(place)
    }

    /// How a folder is marked.
    pub(crate) fn extent(&self, place: &Place) -> Extent {
        match self.folders.get(place) {
            None => Extent::None,
            Some(Mark::All(_)) => Extent::Whole,
            Some(Mark::Some { .. }) => Extent::Part,
        }
    }

    /// Whether anything at or below a place is marked. A path sorts right before all that is below it.
    pub(crate) fn any_below(&self, place: &Place) -> bool {
        let next = self.folders.range(place..).next();
        next.is_some_and(|(marked, _)| marked.source == place.source && marked.path.starts_with(&place.path))
    }

    /// Whether a message is marked, by itself or with its folder.
    pub(crate) fn has(&self, place: &Place, key: &Key) -> bool {
        match self.folders.get(place) {
            None => false,
            Some(Mark::All(_)) => true,
            Some(Mark::Some { messages, .. }) => messages.contains_key(key),
        }
    }

    /// Marks a folder as a whole.
    pub(crate) fn mark_folder(&mut self, place: Place, counted: Option<(u64, u64)>) {
        self.set(place, Mark::All(counted));
    }

    /// Replaces what is marked of a folder.
    pub(crate) fn set(&mut self, place: Place, mark: Mark) {
        self.unmark_folder(&place);
        if matches!(&mark, Mark::Some { messages, .. } if messages.is_empty()) {
            return;
        }
        self.totals.add(&mark);
        self.folders.insert(place, mark);
    }

    /// Takes all marks of a folder away.
    pub(crate) fn unmark_folder(&mut self, place: &Place) {
        if let Some(mark) = self.folders.remove(place) {
            self.totals.take(&mark);
        }
    }

    /// Takes all marks in a store away. Says whether there were any.
    pub(crate) fn unmark_store(&mut self, source: usize) -> bool {
        let marked: Vec<Place> = self.folders.keys().filter(|place| place.source == source).cloned().collect();
        for place in &marked {
            self.unmark_folder(place);
        }
        !marked.is_empty()
    }

    /// Learns what a folder holds.
    pub(crate) fn counted(&mut self, place: &Place, counted: Option<(u64, u64)>) {
        if matches!(self.folders.get(place), Some(Mark::All(_))) {
            self.set(place.clone(), Mark::All(counted));
        }
    }

    /// Marks many messages of one folder at once; those of a marked folder are marked already.
    pub(crate) fn mark_many(&mut self, place: &Place, messages: impl ExactSizeIterator<Item = (Key, Marked)>) {
        if messages.len() == 0 {
            return;
        }
        // The place is copied for the first message only.
        if !self.folders.contains_key(place) {
            let none = Mark::Some { messages: HashMap::new(), as_folder: false };
            self.folders.insert(place.clone(), none);
        }
        let Some(Mark::Some { messages: there, .. }) = self.folders.get_mut(place) else { return };
        there.reserve(messages.len());
        for (key, marked) in messages {
            self.totals.messages += 1;
            self.totals.bytes += marked.size;
            if let Some(before) = there.insert(key, marked) {
                self.totals.messages -= 1;
                self.totals.bytes = self.totals.bytes.saturating_sub(before.size);
            }
        }
    }

    /// Marks one message; one in a marked folder is marked already.
    pub(crate) fn mark(&mut self, place: &Place, key: Key, marked: Marked) {
        self.mark_many(place, std::iter::once((key, marked)));
    }

    /// Takes the mark off one message that was marked by itself.
    pub(crate) fn unmark(&mut self, place: &Place, key: &Key) {
        let Some(Mark::Some { messages, .. }) = self.folders.get_mut(place) else { return };
        if let Some(before) = messages.remove(key) {
            self.totals.messages = self.totals.messages.saturating_sub(1);
            self.totals.bytes = self.totals.bytes.saturating_sub(before.size);
        }
        if messages.is_empty() {
            self.folders.remove(place);
        }
    }

    /// Takes all marks away and gives them.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Without marks on single messages.
    pub(crate) fn only_folders(self) -> Self {
        let mut kept = Self::default();
        for (place, mark) in self.folders.into_iter().filter(|(_, mark)| matches!(mark, Mark::All(_))) {
            kept.set(place, mark);
        }
        kept
    }

    /// Puts marks back that were taken; what was marked anew meanwhile stays.
    pub(crate) fn put_back(&mut self, before: Self) {
        for (place, mark) in before.folders {
            if !self.folders.contains_key(&place) {
                self.set(place, mark);
            }
        }
    }

    /// The totals counted afresh.
    #[cfg(test)]
    pub(crate) fn recount(&self) -> Totals {
        let mut totals = Totals::default();
        self.folders.values().for_each(|mark| totals.add(mark));
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::FolderPath;

    fn place(path: &str) -> Place {
        Place { source: 0, path: FolderPath::parse(path) }
    }

    #[test]
    fn totals_follow_every_change() {
        let mut marks = Marks::default();
        marks.mark_folder(place("A"), None);
        assert_eq!(marks.totals(), Totals { folders: 1, messages: 0, bytes: 0, uncounted: 1 });
        marks.counted(&place("A"), Some((10, 100)));
        marks.mark(&place("B"), Key::Remote(1), Marked { order: 0, size: 7 });
        marks.mark(&place("B"), Key::Remote(1), Marked { order: 0, size: 8 });
        assert_eq!(marks.totals(), Totals { folders: 1, messages: 11, bytes: 108, uncounted: 0 });
        marks.unmark(&place("B"), &Key::Remote(1));
        assert_eq!(marks.extent(&place("B")), Extent::None);
        assert_eq!(marks.totals(), marks.recount());
        let taken = marks.take();
        assert!(marks.is_empty());
        marks.put_back(taken);
        assert_eq!(marks.totals().messages, 10);
    }
}
