//! Several stores as one: each below a folder of its own. Used by formats that keep mail in more than one way.

use std::path::{Path, PathBuf};

use super::{Count, Damage, Folder, Format, Found, Removal, Store, StoreError, Walk};
use crate::mail::{FolderPath, Locator};

/// A store made of parts.
pub(super) struct Joined {
    root: PathBuf,
    format: &'static Format,
    parts: Vec<Part>,
    skipped: Vec<Damage>,
}

/// One store and the folder that its top stands for.
struct Part {
    at: FolderPath,
    store: Box<dyn Store>,
}

impl Joined {
    /// A store at `root` without parts.
    pub(super) fn new(root: &Path, format: &'static Format) -> Self {
        Self { root: root.to_owned(), format, parts: Vec::new(), skipped: Vec::new() }
    }

    /// Adds a store below the folder `at`; a name that is taken gets a number.
    pub(super) fn add(&mut self, at: &FolderPath, store: Box<dyn Store>) {
        let above = at.parent().unwrap_or_default();
        let others = (2_u32..1000).map(|number| above.child(format!("{} ({number})", at.name())));
        let is_free = |at: &FolderPath| self.parts.iter().all(|part| part.at != *at);
        let at = std::iter::once(at.clone()).chain(others).find(is_free).unwrap_or_default();
        self.parts.push(Part { at, store });
    }

    /// Adds a store whose folders are others than those of the parts that are there already.
    pub(super) fn add_beside(&mut self, at: &FolderPath, store: Box<dyn Store>) {
        self.parts.push(Part { at: at.clone(), store });
    }

    /// Notes something that is not read.
    pub(super) fn skip(&mut self, file: &Path, reason: impl Into<String>) {
        self.skipped.push(Damage { file: file.to_owned(), offset: 0, reason: reason.into() });
    }

    /// Whether there is no part.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The parts that may hold `folder`, those with the longest path first, and the folder's path in each.
    fn within(&self, folder: &FolderPath) -> Vec<(usize, FolderPath)> {
        let below = |(number, part): (usize, &Part)| Some((number, folder.below(&part.at)?));
        let mut found: Vec<_> = self.parts.iter().enumerate().filter_map(below).collect();
        found.sort_by_key(|(_, below)| below.depth());
        found
    }

    /// Calls the part that knows `folder`.
    fn with<T>(
        &mut self,
        folder: &FolderPath,
        mut call: impl FnMut(&mut dyn Store, &FolderPath) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        for (number, below) in self.within(folder) {
            let Some(part) = self.parts.get_mut(number) else { continue };
            match call(part.store.as_mut(), &below) {
                Err(StoreError::NoFolder { .. }) => {}
                result => return result,
            }
        }
        Err(StoreError::NoFolder { folder: folder.to_string(), path: self.root.clone() })
    }
}

impl Store for Joined {
    fn format(&self) -> &'static Format {
        self.format
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        let mut all: Vec<Folder> = Vec::new();
        for part in &mut self.parts {
            let empty = |path: FolderPath| Folder { path, special: None, holds_messages: false };
            let above =
                (1..=part.at.depth()).map(|depth| FolderPath::new(part.at.segments().iter().take(depth).cloned()));
            let own = part.store.folders()?.into_iter();
            let own = own.map(|folder| Folder { path: part.at.join(&folder.path), ..folder });
            for folder in above.map(empty).chain(own) {
                match all.iter_mut().find(|known| known.path == folder.path) {
                    Some(known) if folder.holds_messages => *known = folder,
                    Some(_) => {}
                    None => all.push(folder),
                }
            }
        }
        Ok(all)
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        if !self.skipped.is_empty()
            && self.folders()?.iter().find(|one| one.holds_messages).is_some_and(|one| one.path == *folder)
        {
            for damage in &self.skipped {
                if visit(Found::Damage(damage.clone())).is_break() {
                    return Ok(());
                }
            }
        }
        match self.with(folder, |store, below| store.list(below, visit)) {
            Err(StoreError::NoFolder { .. }) if self.is_above(folder) => Ok(()),
            result => result,
        }
    }

    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        match self.with(folder, |store, below| store.count(below, visit)) {
            Err(StoreError::NoFolder { .. }) if self.is_above(folder) => Ok(Count::default()),
            result => result,
        }
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        self.with(folder, |store, below| store.read(below, locator))
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        for (number, below) in self.within(folder) {
            let Some(part) = self.parts.get(number) else { continue };
            match part.store.check_removable(&below) {
                Err(StoreError::NoFolder { .. }) => {}
                result => return result,
            }
        }
        Err(StoreError::NoFolder { folder: folder.to_string(), path: self.root.clone() })
    }

    fn rewrites_whole_files(&self) -> bool {
        self.parts.iter().any(|part| part.store.rewrites_whole_files())
    }

    fn remove(&mut self, folder: &FolderPath, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.with(folder, |store, below| store.remove(below, removals))
    }
}

impl Joined {
    /// Whether a folder is only there for the parts below it.
    fn is_above(&self, folder: &FolderPath) -> bool {
        self.parts.iter().any(|part| part.at.starts_with(folder))
    }
}
