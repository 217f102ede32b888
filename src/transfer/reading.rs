//! A folder of a store on its way to [`super::carry`]: listed, then read message after message ahead of its turn, in threads
//! of its own. Begins while the server is still asked; knows no server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, never};

use crate::mail::{FolderPath, Repair};
use crate::store::StoreError;

use super::intake::{self, LOTS_AHEAD, Lot, Making, SharedStore};
use super::job::{Brake, Halt};
use super::listing::{Listing, Thorough, list};
use super::{Chosen, FolderPlan, Source};

/// What is told if a folder was not read to its end and nobody said why.
pub(super) const BROKEN_OFF: &str = "the reading of it broke off; run the same command again";
/// How often who waits for a list looks at the brake.
const GLANCE: Duration = Duration::from_millis(50);

/// A folder being read. Dropping it ends that, after the message that is being read.
pub(super) struct Reading {
    is_over: Arc<AtomicBool>,
    listed: Receiver<Result<Listing, StoreError>>,
    listing: Option<Listing>,
    lots: Receiver<Lot>,
    thread: Option<JoinHandle<()>>,
}

impl Reading {
    /// Begins, with the store that `open` gives; without one there is nothing to read.
    pub(super) fn begin(
        open: impl FnOnce() -> Option<SharedStore> + Send + 'static,
        plan: &FolderPlan,
        making: Making,
    ) -> Self {
        let (folder, chosen) = (plan.folder.clone(), plan.chosen.clone());
        let is_over = Arc::new(AtomicBool::new(false));
        let is_over_of = Arc::clone(&is_over);
        let (tell, listed) = bounded(1);
        let (hand_on, lots) = bounded(LOTS_AHEAD);
        let thread = thread::spawn(move || {
            let Some(store) = open() else { return };
            let listing = list(&store, &folder, &chosen, Thorough::No, &|| is_over_of.load(Ordering::Relaxed));
            let items = listing.as_ref().map(|listing| Arc::clone(&listing.items));
            let items = items.unwrap_or_default();
            if tell.send(listing).is_ok() && !is_over_of.load(Ordering::Relaxed) {
                intake::read_ahead(&store, &folder, &items, &making, &hand_on);
            }
        });
        Self { is_over, listed, listing: None, lots, thread: Some(thread) }
    }

    /// Waits for the list, once. If there is none, it gives why, in words.
    pub(super) fn listing(&mut self, brake: &Brake) -> Result<Result<Listing, String>, Halt> {
        if let Some(listing) = self.listing.take() {
            return Ok(Ok(listing));
        }
        loop {
            match self.listed.recv_timeout(GLANCE) {
                Ok(listing) => return Ok(listing.map_err(|error| error.to_string())),
                Err(RecvTimeoutError::Timeout) if brake.is_pulled() => return Err(Halt::Stopped),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(Err(BROKEN_OFF.to_owned())),
            }
        }
    }

    /// What was read of the listed messages, in their order.
    pub(super) fn lots(&self) -> Receiver<Lot> {
        self.lots.clone()
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        (self.listed, self.lots) = (never(), never());
        // A panic in it shows in what is missing.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.end();
    }
}

/// The first folder of a copy, opened, listed and read while the server is still being reached.
pub struct HeadStart {
    plan: FolderPlan,
    making: Making,
    store: Receiver<SharedStore>,
    reading: Reading,
}

impl HeadStart {
    /// Begins with local mail; what is on a server waits for its job.
    pub fn begin(plan: FolderPlan, repairs: Vec<Repair>, asks: Vec<Repair>, sums: bool) -> Option<Self> {
        if plan.source.is_remote() {
            return None;
        }
        let making = Making { repairs, asks, dates: plan.dates, sums };
        let (give, store) = bounded(1);
        let source = plan.source.afresh();
        let open = move || {
            // An error will come again, when the folder's turn does.
            let store = Arc::new(Mutex::new(source.open(&[]).ok()?));
            give.send(Arc::clone(&store)).ok()?;
            Some(store)
        };
        let reading = Reading::begin(open, &plan, making.clone());
        Some(Self { plan, making, store, reading })
    }

    /// Waits for the list of a folder, if it is the one it began with, and all of it; `None` also where that can't be listed.
    pub fn listing(&mut self, source: &Source, folder: &FolderPath) -> Option<&Listing> {
        if self.plan.source != *source || self.plan.folder != *folder || self.plan.chosen != Chosen::All {
            return None;
        }
        let reading = &mut self.reading;
        reading.listing = reading.listing.take().or_else(|| reading.listed.recv().ok()?.ok());
        reading.listing.as_ref()
    }

    /// What it has of a folder, if that is the one it began with.
    pub(super) fn take(self, plan: &FolderPlan, making: &Making) -> Option<(SharedStore, Reading)> {
        let ours = &self.plan;
        let is_same = ours.source == plan.source && ours.folder == plan.folder && ours.chosen == plan.chosen;
        if !is_same || self.making != *making {
            return None;
        }
        Some((self.store.recv().ok()?, self.reading))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::mail::DateRule;
    use crate::store::{OpenOptions, open_with};

    fn plan(path: &std::path::Path) -> FolderPlan {
        FolderPlan {
            source: Source { path: path.to_owned(), options: OpenOptions::default() },
            folder: FolderPath::root(),
            chosen: Chosen::All,
            target: FolderPath::root(),
            exists: true,
            messages: 0,
            bytes: 0,
            dates: DateRule::Auto,
        }
    }

    fn mbox(directory: &std::path::Path, messages: usize) -> FolderPlan {
        let path = directory.join("old.mbox");
        let letter = |number| format!("From a@x Mon Jan  5 10:00:00 2004\nSubject: {number}\n\nhello\n\n");
        fs::write(&path, (0..messages).map(letter).collect::<String>()).unwrap();
        plan(&path)
    }

    #[test]
    fn a_head_start_counts_lists_and_reads_one_folder_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let plan = mbox(directory.path(), 700);
        let begin = || HeadStart::begin(plan.clone(), Vec::new(), Vec::new(), false).unwrap();
        let mut ahead = begin();
        assert!(ahead.listing(&plan.source, &FolderPath::parse("Other")).is_none());
        assert_eq!(ahead.listing(&plan.source, &plan.folder).unwrap().messages(), 700);
        let (_, mut reading) = ahead.take(&plan, &Making::default()).unwrap();
        let items = reading.listing(&Brake::default()).unwrap().unwrap().items;
        assert_eq!((items.len(), reading.lots().iter().flatten().flatten().count()), (700, 700));
        let other = FolderPlan { folder: FolderPath::parse("Other"), ..plan.clone() };
        assert!(begin().take(&other, &Making::default()).is_none());
        let repaired = Making { repairs: vec![Repair::Nul], ..Making::default() };
        assert!(begin().take(&plan, &repaired).is_none(), "it was read for something else");
        assert!(begin().take(&plan, &Making::default()).is_some());
    }

    #[test]
    fn what_nobody_takes_is_not_read_on() {
        let directory = tempfile::tempdir().unwrap();
        let plan = mbox(directory.path(), 50_000);
        let store: SharedStore = Arc::new(Mutex::new(open_with(&plan.source.path, &plan.source.options).unwrap()));
        let mut reading = Reading::begin(
            {
                let store = Arc::clone(&store);
                || Some(store)
            },
            &plan,
            Making::default(),
        );
        let brake = Brake::default();
        assert_eq!(reading.listing(&brake).unwrap().unwrap().items.len(), 50_000);
        drop(reading);
        assert_eq!(Arc::strong_count(&store), 1, "its thread has ended");
    }

    #[test]
    fn a_reading_that_breaks_off_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let plan = mbox(directory.path(), 1);
        let mut reading = Reading::begin(|| panic!("on purpose"), &plan, Making::default());
        let brake = Brake::default();
        assert!(matches!(reading.listing(&brake), Ok(Err(reason)) if reason == BROKEN_OFF));
        assert_eq!(reading.lots().iter().count(), 0);
        let mut gone = Reading::begin(|| None, &plan, Making::default());
        assert!(matches!(gone.listing(&brake), Ok(Err(_))));
        brake.pull();
        let (wait, stuck) = bounded::<()>(0);
        let mut slow = Reading::begin(move || stuck.recv().ok().and(None), &plan, Making::default());
        assert!(matches!(slow.listing(&brake), Err(Halt::Stopped)));
        drop(wait);
    }
}
