//! The message list of a pane: compact rows in chunks, loaded as they arrive (local) or as they are looked at (server).

mod order;
mod row;
mod shown;
mod sieve;

use std::collections::{BTreeMap, BTreeSet};

use super::tree::Place;
pub(crate) use order::{By, Sort};
#[cfg(test)]
pub(crate) use row::Extra;
pub(crate) use row::Row;
pub(crate) use shown::SLICE;
pub(crate) use sieve::Sieve;

/// Rows in a chunk: what one FETCH asks for, several screens full.
pub(crate) const CHUNK: usize = 200;
/// Most rows kept of a local folder; more could be marked only with the folder. About 200 MB.
pub(crate) const MAX_ROWS: usize = 500_000;
/// Most chunks kept of a folder on the server; those far from the cursor are fetched again when needed.
const MAX_REMOTE_CHUNKS: usize = 250;

/// How far the list is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing is to be listed: no folder, or one that holds no messages.
    #[default]
    Nothing,
    /// It is being read: done and total in bytes or files; 0 of 0 while that is not known.
    Reading(u64, u64),
    /// All of it is known (on the server: how many there are).
    Complete,
    /// It could not be read; why.
    Failed(String),
}

/// A folder's messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    /// Whose messages these are.
    pub place: Option<Place>,
    /// Names the request that fills this list; answers to older ones are dropped.
    pub generation: u64,
    /// How far it is.
    pub stage: Stage,
    /// Which of the rows shown is under the cursor; [`List::number`] tells the row.
    pub cursor: usize,
    /// The first of them on the screen.
    pub offset: usize,
    /// Messages in the folder that the store hides, and things that could not be read.
    pub remarks: u64,
    /// Messages past [`MAX_ROWS`].
    pub beyond: u64,
    total: usize,
    chunks: BTreeMap<usize, Vec<Row>>,
    asked: BTreeSet<usize>,
    /// What is shown of it; nothing means all.
    filter: Option<Sieve>,
    /// The row the cursor was on before it was filtered.
    anchor: usize,
    sort: Option<Sort>,
    /// The rows shown, in their order, once they are sorted.
    order: Option<Vec<u32>>,
    /// The sort that is under way.
    sorting: Option<order::Sorting>,
}

impl List {
    /// An empty list for a folder that is being read.
    pub(crate) fn reading(place: Place, generation: u64) -> Self {
        Self { place: Some(place), generation, stage: Stage::Reading(0, 0), ..Self::default() }
    }

    /// The list of a place that holds no messages.
    pub(crate) fn nothing(place: Place) -> Self {
        Self { place: Some(place), ..Self::default() }
    }

    /// Rows there are, loaded or not.
    pub(crate) fn len(&self) -> usize {
        self.total
    }

    /// The row with that number, if it is loaded.
    pub(crate) fn row(&self, at: usize) -> Option<&Row> {
        self.chunks.get(&(at / CHUNK))?.get(at % CHUNK)
    }

    /// The row under the cursor, if it is loaded.
    pub(crate) fn current(&self) -> Option<&Row> {
        self.row(self.number(self.cursor)?)
    }

    /// All loaded rows with their numbers.
    pub(crate) fn rows(&self) -> impl DoubleEndedIterator<Item = (usize, &Row)> {
        self.chunks
            .iter()
            .flat_map(|(chunk, rows)| rows.iter().enumerate().map(move |(at, row)| (chunk * CHUNK + at, row)))
    }

    /// Rows that are loaded.
    pub(crate) fn loaded(&self) -> usize {
        self.chunks.values().map(Vec::len).sum()
    }

    /// Adds rows at the end.
    pub(crate) fn append(&mut self, rows: Vec<Row>) {
        for row in rows {
            if self.total >= MAX_ROWS {
                self.beyond += 1;
                continue;
            }
            self.chunks.entry(self.total / CHUNK).or_default().push(row);
            self.total += 1;
        }
    }

    /// Learns how many messages the folder on the server has.
    pub(crate) fn exists(&mut self, total: usize) {
        self.total = total;
        self.stage = Stage::Complete;
        self.chunks.clear();
        self.asked.clear();
        self.begin_again();
        self.cursor = self.cursor.min(total.saturating_sub(1));
    }

    /// The chunks to ask for so that `rows` can be shown, filtered and sorted; each is named once.
    pub(crate) fn missing(&mut self, first: usize, rows: usize) -> Vec<usize> {
        if self.total == 0 || self.stage != Stage::Complete {
            return Vec::new();
        }
        let last = (first + rows.max(1)).min(self.shown());
        let mut wanted: Vec<usize> = (first..last).filter_map(|at| self.number(at)).map(|row| row / CHUNK).collect();
        wanted.extend(self.wanted());
        wanted.dedup();
        wanted.retain(|chunk| !self.chunks.contains_key(chunk) && self.asked.insert(*chunk));
        wanted
    }

    /// The sequence numbers of a chunk, from 1.
    pub(crate) fn numbers(&self, chunk: usize) -> (u32, u32) {
        let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        (number(chunk * CHUNK + 1), number(((chunk + 1) * CHUNK).min(self.total)))
    }

    /// Puts a chunk in place and lets go of the farthest one if there are too many.
    pub(crate) fn fill(&mut self, chunk: usize, mut rows: Vec<Row>) {
        rows.truncate(CHUNK);
        self.asked.remove(&chunk);
        self.chunks.insert(chunk, rows);
        while self.chunks.len() > MAX_REMOTE_CHUNKS {
            let here = self.number(self.cursor).unwrap_or(0) / CHUNK;
            let Some(far) = self.chunks.keys().max_by_key(|chunk| chunk.abs_diff(here)).copied() else { return };
            self.chunks.remove(&far);
        }
    }

    /// Whether a chunk is still to be asked for; it counts as asked for from now on.
    pub(crate) fn asks_for(&mut self, chunk: usize) -> bool {
        !self.chunks.contains_key(&chunk) && self.asked.insert(chunk)
    }

    /// Forgets what was asked for and never came, so that it is asked for again.
    pub(crate) fn ask_again(&mut self) {
        self.asked.clear();
    }

    /// Moves the cursor to one of the rows shown, or as near as there is one.
    pub(crate) fn go(&mut self, to: usize) {
        self.cursor = to.min(self.shown().saturating_sub(1));
        self.anchor = self.number(self.cursor).unwrap_or(self.anchor);
    }

    /// Scrolls so that the cursor is among the `height` rows shown.
    pub(crate) fn settle(&mut self, height: usize) {
        if self.total == 0 && matches!(self.stage, Stage::Reading(..)) {
            // The cursor of a list that is read again is kept until its rows are there.
            return;
        }
        let height = height.max(1);
        self.cursor = self.cursor.min(self.shown().saturating_sub(1));
        self.offset = self.offset.clamp((self.cursor + 1).saturating_sub(height), self.cursor);
        self.offset = self.offset.min(self.shown().saturating_sub(height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Flags;
    use crate::ui::marks::Key;

    fn row(uid: u32) -> Row {
        Row {
            key: Key::Remote(uid),
            size: 1,
            date: None,
            flags: Flags::NONE,
            is_doubtful: false,
            from: "".into(),
            subject: "".into(),
            attached: None,
            links: [0; 3],
            extra: Extra::new("", "", "", &[]),
        }
    }

    #[test]
    fn only_what_is_looked_at_is_asked_for_and_once() {
        let mut list = List::reading(Place { source: 0, path: crate::mail::FolderPath::root() }, 1);
        list.exists(200_000);
        assert_eq!(list.missing(190, 20), [0, 1]);
        assert!(list.missing(190, 20).is_empty());
        assert_eq!(list.numbers(999), (199_801, 200_000));
        list.fill(0, (1..=200).map(row).collect());
        assert_eq!(list.row(3).map(|row| row.key.clone()), Some(Key::Remote(4)));
        assert!(list.row(200).is_none());
    }

    #[test]
    fn memory_is_bounded_on_both_sides() {
        let mut list = List::default();
        list.exists(1_000_000);
        for chunk in 0..1000 {
            list.fill(chunk, (0..200).map(row).collect());
        }
        assert_eq!(list.loaded(), MAX_REMOTE_CHUNKS * CHUNK);
        let mut local = List::default();
        local.append((0..600_000).map(row).collect());
        assert_eq!((local.len(), local.beyond), (MAX_ROWS, 100_000));
    }

    #[test]
    fn the_cursor_is_always_on_the_screen() {
        let mut list = List::default();
        list.exists(100);
        list.go(99);
        list.settle(10);
        assert_eq!(list.offset, 90);
        list.go(50);
        list.settle(10);
        assert_eq!(list.offset, 50);
        list.settle(200);
        assert_eq!(list.offset, 0);
    }
}
