//! Which rows of a list are shown, and in which order: all, those a filter lets through, sorted or as they come.

use super::order::Sorting;
use super::{CHUNK, List, MAX_REMOTE_CHUNKS, Sieve, Sort, Stage};

/// Rows that a filter looks at in one go: a few milliseconds.
pub(crate) const SLICE: usize = 20_000;

impl List {
    /// How many rows are shown.
    pub(crate) fn shown(&self) -> usize {
        match (&self.order, &self.filter) {
            (Some(order), _) => order.len(),
            (None, Some(filter)) => filter.fitting.len(),
            (None, None) => self.total,
        }
    }

    /// The number of a row that is shown at that place.
    pub(crate) fn number(&self, place: usize) -> Option<usize> {
        match (&self.order, &self.filter) {
            (Some(order), _) => order.get(place).map(|at| *at as usize),
            (None, Some(filter)) => filter.fitting.get(place).map(|at| *at as usize),
            (None, None) => (place < self.total).then_some(place),
        }
    }

    /// Where a row is shown, or where it would be.
    pub(crate) fn place_of(&self, number: usize) -> usize {
        match (&self.order, &self.filter) {
            (Some(order), _) => order.iter().position(|at| *at as usize == number).unwrap_or(0),
            (None, Some(filter)) => filter.fitting.partition_point(|at| (*at as usize) < number),
            (None, None) => number,
        }
    }

    /// The numbers of all rows shown that are loaded.
    pub(crate) fn shown_rows(&self) -> Vec<usize> {
        (0..self.shown()).filter_map(|place| self.number(place)).filter(|at| self.row(*at).is_some()).collect()
    }

    /// The filter in force.
    pub(crate) fn filter(&self) -> Option<&Sieve> {
        self.filter.as_ref()
    }

    /// The order in force.
    pub(crate) fn sort(&self) -> Option<Sort> {
        self.sort
    }

    /// Shows only what the filter lets through; all without one. The cursor stays on its row, or near it.
    pub(crate) fn set_filter(&mut self, filter: Option<Sieve>) {
        if self.filter.is_none() {
            self.anchor = self.number(self.cursor).unwrap_or(self.anchor);
        }
        self.filter = filter;
        self.unsort();
        self.cursor = self.place_of(self.anchor);
    }

    /// Shows the rows in another order; as they come without one.
    pub(crate) fn set_sort(&mut self, sort: Option<Sort>) {
        if sort != self.sort {
            self.anchor = self.number(self.cursor).unwrap_or(self.anchor);
            self.sort = sort;
            self.unsort();
            self.cursor = self.place_of(self.anchor);
        }
    }

    /// Filters and sorts on: some rows at a time. Says whether anything changed.
    pub(crate) fn work(&mut self) -> bool {
        let mut changed = false;
        if let Some(mut filter) = self.filter.take() {
            changed = filter.advance(self, SLICE);
            self.filter = Some(filter);
            if changed {
                self.unsort();
                self.cursor = self.place_of(self.anchor);
            }
        }
        if let Some(sort) = self.sort
            && self.is_to_be_sorted()
            && !self.can_filter()
            && self.wanted().is_none()
        {
            let mut sorting = self.sorting.take().unwrap_or_else(|| Sorting::new(sort));
            let Some(order) = sorting.advance(self) else {
                self.sorting = Some(sorting);
                return changed;
            };
            let here = if self.filter.is_some() { self.anchor } else { self.number(self.cursor).unwrap_or(0) };
            self.order = Some(order);
            self.cursor = self.place_of(here);
            changed = true;
        }
        changed
    }

    /// Whether there is more to filter or to sort.
    pub(crate) fn can_work(&self) -> bool {
        self.can_filter() || self.sorting.is_some()
    }

    fn can_filter(&self) -> bool {
        self.filter.as_ref().is_some_and(|filter| filter.can_advance(self))
    }

    fn unsort(&mut self) {
        self.order = None;
        self.sorting = None;
    }

    /// Whether there are too many rows on the server to be sorted here.
    pub(crate) fn is_beyond_sorting(&self) -> bool {
        self.total > MAX_REMOTE_CHUNKS * CHUNK && self.loaded() < self.total
    }

    fn is_to_be_sorted(&self) -> bool {
        self.sort.is_some() && self.order.is_none() && self.stage == Stage::Complete && !self.is_beyond_sorting()
    }

    /// The chunk that is needed next to filter or to sort.
    pub(super) fn wanted(&self) -> Option<usize> {
        let for_filter = self.filter.as_ref().and_then(|filter| filter.wanted(self));
        let for_order = || (0..self.total.div_ceil(CHUNK)).find(|chunk| !self.chunks.contains_key(chunk));
        for_filter.or_else(|| if self.is_to_be_sorted() { for_order() } else { None })
    }

    /// The rows are not what they were: they are filtered and sorted anew.
    pub(super) fn begin_again(&mut self) {
        self.unsort();
        if let Some(filter) = &mut self.filter {
            filter.begin_again();
        }
    }
}
