//! A store whose long lists are kept between runs, so that a second look at an unchanged folder takes no second reading.
//!
//! Used by whoever opens a store with a cache; what is carried is always read afresh. A list is kept with the stamp of what
//! it was read from and shown again only while that is the same. Everything here may be missing, stale, foreign or broken:
//! then the store itself is read, and nobody is told. The cache never knows more than the store.

mod entry;
mod place;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::stamp::Stamp;
use super::{Count, Folder, Format, Found, Large, OpenOptions, Removal, Store, StoreError, Walk};
use crate::mail::{FolderPath, Locator};
use entry::{Entry, Key, Kind, Next, Recorder};
use place::Place;

/// A file that was changed less than so many seconds ago may be changed again without another time; git calls that
/// "racily clean". FAT counts in steps of two seconds.
const SETTLED: i64 = 2;
/// Smaller folders are read faster than they are looked up.
const WORTH_BYTES: u64 = 1024 * 1024;
const WORTH_MESSAGES: u64 = 500;

/// A store, and where its lists are kept.
struct Cached {
    store: Box<dyn Store>,
    cache: PathBuf,
    key: Key,
    is_tidied: bool,
}

/// `store`, which was opened on `path`, with its lists kept as the options say.
pub(super) fn wrap(store: Box<dyn Store>, path: &Path, options: &OpenOptions) -> Box<dyn Store> {
    let Some(cache) = options.cache.clone() else { return store };
    match Key::of_store(store.format().name, path, options) {
        Some(key) => Box::new(Cached { store, cache, key, is_tidied: false }),
        None => store,
    }
}

impl Cached {
    /// Lists or counts a folder: from the cache, or from the store into the cache.
    fn walk(
        &mut self,
        kind: Kind,
        folder: &FolderPath,
        visit: &mut dyn FnMut(Found) -> Walk,
    ) -> Result<Count, StoreError> {
        let begun = SystemTime::now();
        // An error will come again, with the list.
        let stamp = self.store.stamp(folder).ok().flatten();
        let Some(stamp) = stamp else { return self.read(kind, folder, visit) };
        let key = self.key.of_folder(kind, folder);
        let mut shown = 0;
        if let Some(mut entry) = Place::existing(&self.cache).and_then(|place| place.entry(&key, &stamp)) {
            match again(&mut entry, &mut shown, visit) {
                Again::Done => return Ok(entry.count()),
                Again::Broken => {}
            }
        }
        let mut recorder = is_settled(&stamp, begun).then(|| Recorder::new(&self.cache, &key, &stamp)).flatten();
        let (mut met, mut is_stopped) = (0_u64, false);
        let count = self.read(kind, folder, &mut |found| {
            if !matches!(found, Found::Progress { .. }) {
                if let Some(recorder) = &mut recorder {
                    recorder.add(&found);
                }
                met += 1;
                if met <= shown {
                    return Walk::Continue(());
                }
            }
            let walk = visit(found);
            is_stopped |= walk.is_break();
            walk
        })?;
        if let Some(recorder) = recorder.filter(|_| !is_stopped) {
            self.keep(kind, folder, recorder, &stamp, count);
        }
        Ok(count)
    }

    /// Lists or counts a folder by the store itself. Only a count gives one.
    fn read(
        &mut self,
        kind: Kind,
        folder: &FolderPath,
        visit: &mut dyn FnMut(Found) -> Walk,
    ) -> Result<Count, StoreError> {
        match kind {
            Kind::Count => self.store.count(folder, visit),
            Kind::List => self.store.list(folder, visit).map(|()| Count::default()),
        }
    }

    /// Keeps what was recorded, if it is worth it and the folder is as it was.
    fn keep(&mut self, kind: Kind, folder: &FolderPath, recorder: Recorder, stamp: &Stamp, count: Count) {
        let count = if kind == Kind::List { recorder.count() } else { count };
        let is_worth_it = stamp.bytes() >= WORTH_BYTES || count.messages >= WORTH_MESSAGES;
        let mut is_same = || self.store.stamp(folder).is_ok_and(|now| now.as_ref() == Some(stamp));
        if is_worth_it && is_same() && recorder.finish(count).is_some() && !self.is_tidied {
            self.is_tidied = true;
            place::tidy(&self.cache);
        }
    }
}

/// How showing a kept list ended.
enum Again {
    /// It was shown to its end, or the visitor had seen enough.
    Done,
    /// It could not be read to its end.
    Broken,
}

/// Shows a kept list; `shown` counts along.
fn again(entry: &mut Entry, shown: &mut u64, visit: &mut dyn FnMut(Found) -> Walk) -> Again {
    loop {
        match entry.next() {
            Next::Found(found) => {
                *shown += 1;
                if visit(found).is_break() {
                    return Again::Done;
                }
            }
            Next::End => return Again::Done,
            Next::Broken => return Again::Broken,
        }
    }
}

/// Whether what was read at `begun` has been still for long enough that a later change will show.
fn is_settled(stamp: &Stamp, begun: SystemTime) -> bool {
    let now = begun.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok());
    now.is_some_and(|now| stamp.newest().saturating_add(SETTLED) < now)
}

impl Store for Cached {
    fn format(&self) -> &'static Format {
        self.store.format()
    }

    fn format_of(&self, folder: &FolderPath) -> &'static Format {
        self.store.format_of(folder)
    }

    fn root(&self) -> &Path {
        self.store.root()
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        self.store.folders()
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        self.walk(Kind::List, folder, visit).map(|_| ())
    }

    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        self.walk(Kind::Count, folder, visit)
    }

    fn stamp(&mut self, folder: &FolderPath) -> Result<Option<Stamp>, StoreError> {
        self.store.stamp(folder)
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        self.store.read(folder, locator)
    }

    fn large(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Option<Large>, StoreError> {
        self.store.large(folder, locator)
    }

    fn line(&mut self, folder: &FolderPath, locator: &Locator) -> Option<u64> {
        self.store.line(folder, locator)
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        self.store.check_removable(folder)
    }

    fn rewrites_whole_files(&self) -> bool {
        self.store.rewrites_whole_files()
    }

    fn remove(&mut self, folder: &FolderPath, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.store.remove(folder, removals)
    }
}
