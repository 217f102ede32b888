//! One side of the screen: a folder tree above, the messages of the folder under the cursor below. Used left and right.

use super::list::{List, Row, Sort, Stage};
use super::marks::{Extent, Key, Mark, Marked, Marks};
use super::pattern::Pattern;
use super::tree::{Place, Tally, Tree};

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Left: mail on disk.
    Local,
    /// Right: the mailbox on the server.
    Remote,
}

impl Side {
    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Local => Self::Remote,
            Self::Remote => Self::Local,
        }
    }
}

/// Where the cursor keys go inside a pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Focus {
    /// The folders.
    #[default]
    Tree,
    /// The messages.
    List,
}

/// Most rows kept in lists that were left, so that coming back costs nothing.
const SHELF_ROWS: usize = 200_000;

/// Where a range of marks begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// At a message of the list with that generation, by its number.
    Row {
        /// Which row.
        number: usize,
        /// Of which list.
        generation: u64,
    },
    /// At a folder.
    Folder(Place),
}

/// One side of the screen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pane {
    /// The folders.
    pub tree: Tree,
    /// The place under the tree's cursor; `None` while there is no tree.
    pub place: Option<Place>,
    /// The messages of that folder.
    pub list: List,
    /// Where the cursor keys go.
    pub focus: Focus,
    /// The order that messages are shown in.
    pub sort: Option<Sort>,
    /// What is marked.
    pub marks: Marks,
    /// Where a range begins that is not yet marked.
    pub range: Option<Anchor>,
    /// Lists that were left complete, newest last.
    shelf: Vec<List>,
}

impl Pane {
    /// The number of the node under the tree's cursor.
    pub(crate) fn cursor(&self) -> Option<usize> {
        self.tree.find(self.place.as_ref()?)
    }

    /// Moves the tree's cursor by lines of what is visible.
    pub(crate) fn step(&mut self, lines: isize) {
        let visible = self.tree.visible();
        let here = self.cursor().and_then(|at| visible.iter().position(|shown| *shown == at)).unwrap_or(0);
        let there = here.saturating_add_signed(lines).min(visible.len().saturating_sub(1));
        self.place = visible.get(there).and_then(|at| self.tree.node(*at)).map(|node| node.place.clone());
    }

    /// Moves the tree's cursor to a place, made visible, or to the first line if it is not there.
    pub(crate) fn go(&mut self, place: &Place) {
        match self.tree.find(place) {
            Some(at) => {
                self.tree.reveal(at);
                self.place = Some(place.clone());
            }
            None => self.step(isize::MIN),
        }
    }

    /// After the tree changed: the cursor stays on a place that exists, or goes to the nearest one above.
    pub(crate) fn keep_cursor(&mut self) {
        let mut place = self.place.take();
        while let Some(here) = &place
            && self.tree.find(here).is_none()
        {
            place = here.path.parent().map(|path| Place { source: here.source, path });
        }
        match place {
            Some(place) => self.go(&place),
            None => self.step(isize::MIN),
        }
    }

    /// Puts away the present list if it is worth it, and takes the one of `place` out if it is still there.
    pub(crate) fn swap_list(&mut self, place: &Place) -> bool {
        let left = std::mem::take(&mut self.list);
        if left.stage == Stage::Complete && left.loaded() > 0 {
            self.shelf.push(left);
        }
        while self.shelf.iter().map(List::loaded).sum::<usize>() > SHELF_ROWS {
            self.shelf.remove(0);
        }
        let kept = self.shelf.iter().position(|list| list.place.as_ref() == Some(place));
        match kept {
            Some(at) => {
                self.list = self.shelf.remove(at);
                self.list.set_filter(None);
                self.list.set_sort(self.sort);
            }
            None => return false,
        }
        true
    }

    /// Lets go of all lists, so that they are read again.
    pub(crate) fn forget_lists(&mut self) {
        self.shelf.clear();
        self.list = List::default();
    }

    /// The first and the last line of the range that was begun, in what has the keys.
    pub(crate) fn span(&self) -> Option<(usize, usize)> {
        let (from, to) = match (self.range.as_ref()?, self.focus) {
            (Anchor::Row { number, generation }, Focus::List) if *generation == self.list.generation => {
                (self.list.place_of(*number), self.list.cursor)
            }
            (Anchor::Folder(place), Focus::Tree) => {
                let visible = self.tree.visible();
                let line = |at: Option<usize>| visible.iter().position(|shown| Some(*shown) == at);
                (line(self.tree.find(place))?, line(self.cursor())?)
            }
            _ => return None,
        };
        Some((from.min(to), from.max(to)))
    }

    /// Drops a range that was left.
    pub(crate) fn keep_range(&mut self) {
        if self.range.is_some() && self.span().is_none() {
            self.range = None;
        }
    }

    /// The filter in force where the keys go, as it was typed.
    pub(crate) fn filter_text(&self) -> Option<&str> {
        match self.focus {
            Focus::List => self.list.filter().map(|filter| filter.text.as_str()),
            Focus::Tree => self.tree.filter(),
        }
    }

    /// Shows only folders that fit, with those above them. The cursor goes to one of them.
    pub(crate) fn filter_tree(&mut self, filter: Option<(String, Pattern)>) {
        self.tree.set_filter(filter);
        if !self.cursor().is_some_and(|at| self.tree.fits_filter(at)) {
            let first = self.tree.visible().into_iter().find(|at| self.tree.fits_filter(*at));
            self.place = first.and_then(|at| self.tree.node(at)).map(|node| node.place.clone()).or(self.place.take());
        }
    }

    /// Learns what a folder holds.
    pub(crate) fn counted(&mut self, place: &Place, tally: Tally) {
        if let Some(node) = self.tree.find(place).and_then(|at| self.tree.node_mut(at)) {
            node.tally = tally;
        }
        // One that can't be counted stays a lower bound in the totals.
        self.marks.counted(place, tally.known());
    }

    /// Tells the marks what was counted since they were taken away.
    pub(crate) fn recount_marks(&mut self) {
        let marked: Vec<Place> = self.marks.iter().map(|(place, _)| place.clone()).collect();
        for place in marked {
            let known = self.tree.at(&place).and_then(|node| node.tally.known());
            self.marks.counted(&place, known);
        }
    }

    /// Marks a folder and all below it, or unmarks them if it is marked.
    pub(crate) fn toggle_folder(&mut self, at: usize) {
        let unmark = self.is_marked(at);
        for node in self.tree.below(at).into_iter().filter_map(|at| self.tree.node(at)) {
            if unmark {
                self.marks.unmark_folder(&node.place);
            } else if node.holds {
                self.marks.mark_folder(node.place.clone(), node.tally.known());
            }
        }
    }

    /// Whether a folder counts as marked: it, or if it holds nothing itself, all that hold something below it.
    pub(crate) fn is_marked(&self, at: usize) -> bool {
        let Some(node) = self.tree.node(at) else { return false };
        if node.holds && !node.is_top() {
            return self.marks.extent(&node.place) == Extent::Whole;
        }
        let mut holding =
            self.tree.below(at).into_iter().filter_map(|at| self.tree.node(at)).filter(|node| node.holds).peekable();
        holding.peek().is_some() && holding.all(|node| self.marks.extent(&node.place) == Extent::Whole)
    }

    /// How a folder is drawn: marked, partly marked (it or something below it), or not.
    pub(crate) fn extent(&self, at: usize) -> Extent {
        if self.marks.is_empty() {
            return Extent::None;
        }
        if self.is_marked(at) {
            return Extent::Whole;
        }
        let below = self.tree.node(at).is_some_and(|node| self.marks.any_below(&node.place));
        if below { Extent::Part } else { Extent::None }
    }

    /// Whether a row of the present list is marked.
    pub(crate) fn is_row_marked(&self, row: &Row) -> bool {
        self.list.place.as_ref().is_some_and(|place| self.marks.has(place, &row.key))
    }

    /// Marks or unmarks rows of the present list. Says no when a message is to be taken out of a marked folder that is
    /// not completely listed, since the others could not be named.
    pub(crate) fn set_rows(&mut self, rows: &[usize], is_marked: impl Fn(bool) -> bool) -> bool {
        let Some(place) = self.list.place.clone() else { return true };
        let all = matches!(self.marks.of(&place), Some(Mark::All(_)));
        let wanted =
            |list: &List, marks: &Marks, at: usize| list.row(at).map(|row| is_marked(marks.has(&place, &row.key)));
        if all {
            if rows.iter().all(|at| wanted(&self.list, &self.marks, *at) != Some(false)) {
                return true;
            }
            if !self.break_up(&place) {
                return false;
            }
        }
        if is_marked(false) && is_marked(true) {
            let row = |at: &usize| {
                let row = self.list.row(*at)?;
                Some((row.key.clone(), Marked { order: *at, size: row.size }))
            };
            let messages: Vec<(Key, Marked)> = rows.iter().filter_map(row).collect();
            self.marks.mark_many(&place, messages.into_iter());
            return true;
        }
        for at in rows {
            let Some(wanted) = wanted(&self.list, &self.marks, *at) else { continue };
            let Some(row) = self.list.row(*at) else { continue };
            if wanted {
                self.marks.mark(&place, row.key.clone(), Marked { order: *at, size: row.size });
            } else {
                self.marks.unmark(&place, &row.key);
            }
        }
        true
    }

    /// Turns the mark on a folder into marks on each of its messages.
    fn break_up(&mut self, place: &Place) -> bool {
        if self.list.stage != Stage::Complete || self.list.loaded() < self.list.len() || self.list.beyond > 0 {
            return false;
        }
        let messages =
            self.list.rows().map(|(at, row)| (row.key.clone(), Marked { order: at, size: row.size })).collect();
        self.marks.set(place.clone(), Mark::Some { messages, as_folder: true });
        true
    }
}
