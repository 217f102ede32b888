//! The folder tree of a store and where each folder lies on disk. Used by every format; reads no mail itself.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::company::Company;
use super::dir::{Entry, Kind};
use super::{Damage, Folder, Found, StoreError, Walk, detect};
use crate::mail::{FolderPath, SpecialUse};

/// The folders of one store.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    places: HashMap<FolderPath, Option<PathBuf>>,
    specials: HashMap<FolderPath, SpecialUse>,
    skipped: Vec<Damage>,
    strays_left: usize,
    company: Company,
}

/// How many files of no known use are looked at; every format looks into each.
const MAX_STRAYS: usize = 2000;

impl Tree {
    /// A store at `root` without folders.
    pub(super) fn new(root: &Path) -> Self {
        Self::beside(root, &Company::default())
    }

    /// A store at `root` without folders. What lies beside it is named only if no other store reads it.
    pub(super) fn beside(root: &Path, company: &Company) -> Self {
        Self {
            root: root.to_owned(),
            places: HashMap::new(),
            specials: HashMap::new(),
            skipped: Vec::new(),
            strays_left: if company.is_none() { MAX_STRAYS } else { 0 },
            company: company.clone(),
        }
    }

    /// The same store without its folders, for one that makes others of its files.
    pub(super) fn without_folders(&self) -> Self {
        Self { skipped: self.skipped.clone(), strays_left: self.strays_left, ..Self::new(&self.root) }
    }

    /// The path the store was opened on.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The stores beside this one.
    pub(super) fn company(&self) -> &Company {
        &self.company
    }

    /// Whether there is no folder.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether a folder that holds messages has this path.
    pub(super) fn holds(&self, path: &FolderPath) -> bool {
        self.places.get(path).is_some_and(Option::is_some)
    }

    /// Adds a folder that lies at `place`, with the folders above it. A name that is taken gets a number.
    pub(super) fn add(&mut self, path: FolderPath, place: &Path) -> FolderPath {
        let path = self.free(path);
        if let Some(above) = path.parent() {
            self.add_container(&above);
        }
        self.places.insert(path.clone(), Some(place.to_owned()));
        path
    }

    /// Adds a folder that holds no messages, with the folders above it.
    pub(super) fn add_container(&mut self, path: &FolderPath) {
        let mut here = Some(path.clone());
        while let Some(path) = here.filter(|path| !path.is_root()) {
            here = path.parent();
            self.places.entry(path).or_insert(None);
        }
    }

    /// Notes what a folder is for, where the store says so. Else its name may.
    pub(super) fn set_special(&mut self, path: FolderPath, special: SpecialUse) {
        self.specials.insert(path, special);
    }

    /// Two places can have one name once it is decoded; losing either would lose mail.
    fn free(&self, path: FolderPath) -> FolderPath {
        if !self.holds(&path) {
            return path;
        }
        let above = path.parent().unwrap_or_default();
        let candidates = (2_u32..).map(|number| above.child(format!("{} ({number})", path.name())));
        candidates.into_iter().find(|candidate| !self.holds(candidate)).unwrap_or(path)
    }

    /// Notes something in the tree that is not read.
    pub(super) fn skip(&mut self, file: &Path, reason: impl Into<String>) {
        self.skipped.push(Damage { file: file.to_owned(), offset: 0, reason: reason.into() });
    }

    /// Notes something that is mail and that this store does not read.
    pub(super) fn skip_mail(&mut self, file: &Path, what: &str) {
        if self.strays_left > 0 {
            self.skip(file, format!("{what}; give its own path to read it"));
        }
    }

    /// Notes a file that the store's own format does not read, if it is mail of another kind.
    pub(super) fn skip_stray(&mut self, entry: &Entry) {
        if entry.kind != Kind::File || entry.text().starts_with('.') || self.strays_left == 0 {
            return;
        }
        self.strays_left -= 1;
        let has_content = std::fs::metadata(&entry.path).is_ok_and(|data| data.len() > 0);
        if let Some((format, _)) = detect::sign(&entry.path).filter(|_| has_content) {
            self.skip_mail(&entry.path, &format!("this is mail of another kind ({})", format.title));
        }
    }

    /// What was skipped, if no folder holds messages: then no list reports it.
    pub(super) fn lost(&self) -> Option<&Damage> {
        self.skipped.first().filter(|_| self.places.values().all(Option::is_none))
    }

    /// The folders, parents before children, Inbox first, else by name.
    pub(super) fn folders(&self) -> Vec<Folder> {
        let mut all: Vec<_> = self
            .places
            .iter()
            .map(|(path, place)| Folder {
                path: path.clone(),
                special: self.special(path),
                holds_messages: place.is_some(),
            })
            .collect();
        all.sort_by(|a, b| self.order(&a.path, &b.path));
        all
    }

    /// Where a folder's messages lie; `None` for one that is only there for its children.
    pub(super) fn place(&self, path: &FolderPath) -> Result<Option<&Path>, StoreError> {
        match self.places.get(path) {
            Some(place) => Ok(place.as_deref()),
            None => Err(StoreError::NoFolder { folder: path.to_string(), path: self.root.clone() }),
        }
    }

    /// Where a folder's messages lie, for calls that need one.
    pub(super) fn messages(&self, path: &FolderPath) -> Result<&Path, StoreError> {
        let none = || StoreError::NoFolder { folder: path.to_string(), path: self.root.clone() };
        self.place(path)?.ok_or_else(none)
    }

    /// Reports what the walk through the tree skipped, once: with the first folder that holds messages.
    pub(super) fn report_skipped(&self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Walk {
        let holding = self.places.iter().filter(|(_, place)| place.is_some()).map(|(path, _)| path);
        if holding.min_by(|a, b| self.order(a, b)).is_none_or(|first| first == folder) {
            for damage in &self.skipped {
                visit(Found::Damage(damage.clone()))?;
            }
        }
        Walk::Continue(())
    }

    /// What a folder is for. Below the top a name says too little: `Projects/Sent` is not the account's Sent.
    fn special(&self, path: &FolderPath) -> Option<SpecialUse> {
        let by_name = || SpecialUse::from_name(path.name()).filter(|_| path.depth() == 1);
        self.specials.get(path).copied().or_else(by_name)
    }

    fn order(&self, a: &FolderPath, b: &FolderPath) -> Ordering {
        let key = |(depth, segment): (usize, &String)| {
            let first = || self.special(&FolderPath::new([segment.as_str()]));
            let inbox = depth == 0 && first() == Some(SpecialUse::Inbox);
            (!inbox, segment.to_lowercase(), segment.clone())
        };
        a.segments().iter().enumerate().map(key).cmp(b.segments().iter().enumerate().map(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_parents_first_inbox_before_all_and_none_is_lost() {
        let mut tree = Tree::new(Path::new("/s"));
        for name in ["b/c", "a", "INBOX", "a", "a/x"] {
            tree.add(FolderPath::parse(name), Path::new("/s/x"));
        }
        let shown: Vec<_> =
            tree.folders().iter().map(|folder| format!("{} {}", folder.path, folder.holds_messages)).collect();
        assert_eq!(shown, ["INBOX true", "a true", "a/x true", "a (2) true", "b false", "b/c true"]);
        assert!(matches!(tree.place(&FolderPath::parse("z")), Err(StoreError::NoFolder { .. })));
    }
}
