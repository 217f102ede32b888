//! Several stores as one: each below a folder of its own. Used by formats that keep mail in more than one way, and for
//! directories that hold several stores.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Count, Damage, Folder, Format, Found, Large, Removal, Stamp, Store, StoreError, Walk};
use crate::mail::{FolderPath, Locator};

/// What messages are called that lie at the very top, where folders of other stores are.
const TOP: &str = "Messages";

/// A store made of parts.
pub(super) struct Joined {
    root: PathBuf,
    format: &'static Format,
    parts: Vec<Part>,
    skipped: Vec<Damage>,
    /// The folders as they are shown.
    shown: Vec<Folder>,
    /// Which part holds a folder's messages, and under which path.
    homes: HashMap<FolderPath, (usize, FolderPath)>,
}

/// One store and the folder that its top stands for.
struct Part {
    at: FolderPath,
    store: Box<dyn Store>,
}

impl Joined {
    /// A store at `root` without parts.
    pub(super) fn new(root: &Path, format: &'static Format) -> Self {
        let (parts, skipped, shown, homes) = (Vec::new(), Vec::new(), Vec::new(), HashMap::new());
        Self { root: root.to_owned(), format, parts, skipped, shown, homes }
    }

    /// Adds a store below the folder `at`; a name that is taken gets a number.
    pub(super) fn add(&mut self, at: &FolderPath, store: Box<dyn Store>) {
        let is_free = |at: &FolderPath| self.parts.iter().all(|part| part.at != *at);
        let at = numbered(at).find(is_free).unwrap_or_default();
        self.parts.push(Part { at, store });
    }

    /// Adds a store whose folders lie among those of the parts that are there already.
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

    /// The store, ready for use.
    pub(super) fn boxed(mut self) -> Result<Box<dyn Store>, StoreError> {
        self.arrange()?;
        Ok(Box::new(self))
    }

    /// Puts the folders of all parts into one tree. Two that would have the same path are told apart by a number.
    fn arrange(&mut self) -> Result<(), StoreError> {
        self.shown.clear();
        self.homes.clear();
        let mut known: HashMap<FolderPath, usize> = HashMap::new();
        let is_crowd = self.parts.len() > 1;
        for (number, part) in self.parts.iter_mut().enumerate() {
            let empty = |path: FolderPath| Folder { path, special: None, holds_messages: false };
            let above = (1..=part.at.depth())
                .map(|depth| empty(FolderPath::new(part.at.segments().iter().take(depth).cloned())));
            let own: Vec<_> = part.store.folders()?;
            for (inner, mut folder) in above.map(|folder| (None, folder)).chain(own.into_iter().map(|own| {
                let path = part.at.join(&own.path);
                (Some(own.path.clone()), Folder { path, ..own })
            })) {
                if folder.holds_messages {
                    if folder.path.is_root() && is_crowd {
                        folder.path = FolderPath::new([TOP]);
                    }
                    let is_free = |path: &FolderPath| !self.homes.contains_key(path);
                    let path = numbered(&folder.path).find(is_free).unwrap_or_default();
                    folder.path = path;
                    self.homes.insert(folder.path.clone(), (number, inner.unwrap_or_default()));
                }
                match known.get(&folder.path).and_then(|at| self.shown.get_mut(*at)) {
                    Some(shown) if folder.holds_messages => *shown = folder,
                    Some(_) => {}
                    None => {
                        known.insert(folder.path.clone(), self.shown.len());
                        self.shown.push(folder);
                    }
                }
            }
        }
        Ok(())
    }

    /// The part that holds a folder's messages, and the folder's path in it; `None` for one without messages.
    fn home(&self, folder: &FolderPath) -> Result<Option<(usize, &FolderPath)>, StoreError> {
        match self.homes.get(folder) {
            Some((number, inner)) => Ok(Some((*number, inner))),
            None if self.shown.iter().any(|shown| shown.path == *folder) => Ok(None),
            None => Err(StoreError::NoFolder { folder: folder.to_string(), path: self.root.clone() }),
        }
    }

    /// The part to list a folder from, once the first of all has told what was left out; `None` if it holds no messages, or
    /// nobody wants more.
    fn opened(
        &mut self,
        folder: &FolderPath,
        visit: &mut dyn FnMut(Found) -> Walk,
    ) -> Result<Option<(&mut dyn Store, FolderPath)>, StoreError> {
        if self.home(folder)?.is_none() {
            return Ok(None);
        }
        let is_first = self.shown.iter().find(|one| one.holds_messages).is_some_and(|one| one.path == *folder);
        let mut skipped = self.skipped.iter().filter(|_| is_first);
        if skipped.any(|damage| visit(Found::Damage(damage.clone())).is_break()) {
            return Ok(None);
        }
        self.part(folder).map(Some)
    }

    /// The part that holds a folder's messages, for calls that need one.
    fn part(&mut self, folder: &FolderPath) -> Result<(&mut dyn Store, FolderPath), StoreError> {
        let none = || StoreError::NoFolder { folder: folder.to_string(), path: self.root.clone() };
        let (number, inner) = self.home(folder)?.map(|(number, inner)| (number, inner.clone())).ok_or_else(none)?;
        let missing = none();
        let part = self.parts.get_mut(number).ok_or(missing)?;
        Ok((part.store.as_mut(), inner))
    }
}

/// A path, then the same with numbers.
fn numbered(path: &FolderPath) -> impl Iterator<Item = FolderPath> {
    let (above, name) = (path.parent().unwrap_or_default(), path.name().to_owned());
    std::iter::once(path.clone()).chain((2_u32..).map(move |number| above.child(format!("{name} ({number})"))))
}

impl Store for Joined {
    fn format(&self) -> &'static Format {
        self.format
    }

    fn format_of(&self, folder: &FolderPath) -> &'static Format {
        let part = self.homes.get(folder).and_then(|(number, inner)| Some((self.parts.get(*number)?, inner)));
        part.map_or(self.format, |(part, inner)| part.store.format_of(inner))
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        self.arrange()?;
        Ok(self.shown.clone())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        match self.opened(folder, visit)? {
            Some((part, inner)) => part.list(&inner, visit),
            None => Ok(()),
        }
    }

    fn outline(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        match self.opened(folder, visit)? {
            Some((part, inner)) => part.outline(&inner, visit),
            None => Ok(()),
        }
    }

    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        if self.home(folder)?.is_none() {
            return Ok(Count::default());
        }
        let (part, inner) = self.part(folder)?;
        part.count(&inner, visit)
    }

    fn stamp(&mut self, folder: &FolderPath) -> Result<Option<Stamp>, StoreError> {
        if !self.skipped.is_empty() {
            return Ok(None);
        }
        if self.home(folder)?.is_none() {
            return Ok(None);
        }
        let (part, inner) = self.part(folder)?;
        part.stamp(&inner)
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let (part, inner) = self.part(folder)?;
        part.read(&inner, locator)
    }

    fn large(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Option<Large>, StoreError> {
        let (part, inner) = self.part(folder)?;
        part.large(&inner, locator)
    }

    fn line(&mut self, folder: &FolderPath, locator: &Locator) -> Option<u64> {
        let (part, inner) = self.part(folder).ok()?;
        part.line(&inner, locator)
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        let home = self.home(folder)?.and_then(|(number, inner)| Some((self.parts.get(number)?, inner)));
        match home {
            Some((part, inner)) => part.store.check_removable(inner),
            None => Err(StoreError::NoFolder { folder: folder.to_string(), path: self.root.clone() }),
        }
    }

    fn rewrites_whole_files(&self) -> bool {
        self.parts.iter().any(|part| part.store.rewrites_whole_files())
    }

    fn remove(&mut self, folder: &FolderPath, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let (part, inner) = self.part(folder)?;
        part.remove(&inner, removals)
    }
}
