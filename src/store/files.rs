//! A store of one message a file, in a tree of directories. Used by eml, Apple Mail, MH, Cyrus and Thunderbird's Maildir.
//!
//! A format says which files of a folder are messages and what is in them; walking, reading and taking away are here.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::dir::{Entry, Kind, Walker};
use super::moved::Moved;
use super::tree::Tree;
use super::{Company, Damage, Folder, Format, Found, Large, Removal, Store, StoreError, Walk, file, maildir};
use crate::mail::{Digest, FolderPath, Locator};

/// How many files pass between two reports of progress.
const REPORT_EVERY: usize = 500;

/// What differs between formats of one message a file.
pub(super) trait MessageFiles: Send + 'static {
    /// What a folder's own files say of its messages; read once for each list.
    type Notes;

    /// The row in `FORMATS`.
    fn format(&self) -> &'static Format;

    /// The files of the folder at `place` that are or may be messages, in order. Each entry's name is its path from
    /// `place`, which is the message's id.
    fn files(&self, place: &Path) -> io::Result<Vec<Entry>>;

    /// Reads what the folder says of its messages; what can not be read is added to `damage`.
    fn notes(&self, place: &Path, damage: &mut Vec<Damage>) -> Self::Notes;

    /// What one file is: a message, a hidden one, nothing (`None`), or unreadable, and why.
    fn look(&self, entry: &Entry, notes: &Self::Notes) -> Result<Option<Found>, String>;

    /// The message in a file as it would be appended.
    fn content(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The same to be read in pieces, if it is large and need not be held in memory.
    fn large(&self, _path: &Path) -> io::Result<Option<Large>> {
        Ok(None)
    }
}

/// An open store of one message a file.
pub(super) struct FileStore<F> {
    /// The folders; the place of each is a directory, or the one file of a store that is a single file.
    pub(super) tree: Tree,
    /// The format.
    pub(super) kind: F,
}

impl<F: MessageFiles> Store for FileStore<F> {
    fn format(&self) -> &'static Format {
        self.kind.format()
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        Ok(self.tree.folders())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        let Some(place) = self.tree.place(folder)? else { return Ok(()) };
        if self.tree.report_skipped(folder, visit).is_break() {
            return Ok(());
        }
        let files = self.files(place)?;
        let mut damage = Vec::new();
        let notes = self.kind.notes(place, &mut damage);
        if damage.into_iter().any(|damage| visit(Found::Damage(damage)).is_break()) {
            return Ok(());
        }
        let total = u64::try_from(files.len()).unwrap_or(u64::MAX);
        for (number, entry) in files.iter().enumerate() {
            let found = match entry.kind {
                Kind::Other(what) => Err(format!("a {what} is not read")),
                // A file that was named as a store is no stray, as one in a directory may be.
                _ => self.kind.look(entry, &notes).and_then(|found| match found {
                    None if entry.path == place => Err("there is no message in it".to_owned()),
                    found => Ok(found),
                }),
            };
            let found = found
                .unwrap_or_else(|reason| Some(Found::Damage(Damage { file: entry.path.clone(), offset: 0, reason })));
            let done = u64::try_from(number + 1).unwrap_or(u64::MAX);
            let report = ((number + 1) % REPORT_EVERY == 0).then_some(Found::Progress { done, total });
            if found.into_iter().chain(report).any(|found| visit(found).is_break()) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        Ok(self.find(self.tree.messages(folder)?, locator, F::content)?.1)
    }

    fn large(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Option<Large>, StoreError> {
        Ok(self.find(self.tree.messages(folder)?, locator, F::large)?.1)
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        let files = self.files(self.tree.messages(folder)?)?;
        let here = |dir: &Path| if dir == Path::new("") { Path::new(".").to_owned() } else { dir.to_owned() };
        let dirs: BTreeSet<PathBuf> = files.iter().filter_map(|entry| entry.path.parent()).map(here).collect();
        Moved::beside(self.tree.root())?.check(dirs.iter().map(PathBuf::as_path))
    }

    fn remove(&mut self, folder: &FolderPath, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let place = self.tree.messages(folder)?;
        let mut moved = Moved::beside(self.tree.root())?;
        let results = removals.iter().map(|removal| {
            let (path, digest) = self.find(place, &removal.locator, digest)?;
            if digest != removal.digest {
                return Err(StoreError::changed(place, &removal.locator));
            }
            moved.take(&path)
        });
        let results = results.collect();
        moved.sync();
        Ok(results)
    }
}

impl<F: MessageFiles> FileStore<F> {
    /// A store with these folders, ready for use.
    pub(super) fn boxed(tree: Tree, kind: F) -> Box<dyn Store> {
        Box::new(Self { tree, kind })
    }

    fn files(&self, place: &Path) -> Result<Vec<Entry>, StoreError> {
        if place.is_dir() {
            let mut files = self.kind.files(place).map_err(|source| StoreError::read(place, source))?;
            files.retain(|entry| self.tree.company().leaves(entry));
            return Ok(files);
        }
        let name = place.file_name().unwrap_or(place.as_os_str()).to_owned();
        Ok(vec![Entry { name, path: place.to_owned(), kind: Kind::File, is_link: false }])
    }

    /// The file that a locator names, with what `read` makes of it.
    fn find<T>(
        &self,
        place: &Path,
        locator: &Locator,
        read: fn(&F, &Path) -> io::Result<T>,
    ) -> Result<(PathBuf, T), StoreError> {
        let known =
            || self.files(place).ok()?.into_iter().find(|entry| *entry.text() == *locator.name).map(|entry| entry.path);
        let path = if place.is_dir() { place.join(&*locator.name) } else { place.to_owned() };
        let path = if path.exists() { path } else { known().ok_or_else(|| StoreError::vanished(place, locator))? };
        match read(&self.kind, &path) {
            Ok(found) => Ok((path, found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::vanished(place, locator)),
            Err(error) => Err(StoreError::read(&path, error)),
        }
    }
}

/// The digest of the message in a file.
fn digest<F: MessageFiles>(kind: &F, path: &Path) -> io::Result<Digest> {
    match kind.large(path)? {
        Some(large) => large.digest(),
        None => Ok(Digest::of(&kind.content(path)?)),
    }
}

/// How a tree of directories becomes a tree of folders.
pub(super) struct Rules {
    /// What a folder holds, in words for an error.
    pub(super) what: &'static str,
    /// Whether a directory with these entries is a folder.
    pub(super) holds: fn(&[Entry]) -> bool,
    /// Whether a file is the format's own; any other may be mail that must be named.
    pub(super) is_own: fn(&Entry) -> bool,
    /// A folder's name from its directory's, and from what is in that.
    pub(super) name: fn(&str, &[Entry]) -> String,
    /// The name of the top directory's own messages when there are folders below it; none keeps them at the top.
    pub(super) top: Option<&'static str>,
}

/// The folders at `path`, or the one of a single file.
pub(super) fn find(path: &Path, rules: &Rules, company: &Company) -> Result<Tree, StoreError> {
    let refused = |source| StoreError::read(path, source);
    let mut tree = Tree::beside(path, company);
    if path.is_dir() {
        let mut walker = Walker::beside(company);
        let entries = walker.enter(path, 0).map_err(refused)?;
        walk(&mut walker, &mut tree, rules, (&FolderPath::root(), path), &entries, 0);
        if (rules.holds)(&entries) {
            let top = rules.top.filter(|_| !tree.is_empty()).map_or_else(FolderPath::root, FolderPath::parse);
            tree.add(top, path);
        }
        if tree.is_empty() {
            let reason = format!("there is no {} in this directory", rules.what);
            return Err(StoreError::NotMail { path: path.to_owned(), reason });
        }
    } else {
        file::open_regular(path).map_err(refused)?;
        tree.add(FolderPath::root(), path);
    }
    Ok(tree)
}

/// Adds the folders below a directory.
fn walk(
    walker: &mut Walker,
    tree: &mut Tree,
    rules: &Rules,
    (above, dir): (&FolderPath, &Path),
    entries: &[Entry],
    depth: usize,
) {
    if depth > 0 && (rules.holds)(entries) {
        tree.add(above.clone(), dir);
    }
    entries.iter().filter(|entry| !(rules.is_own)(entry)).for_each(|entry| tree.skip_stray(entry));
    for entry in entries.iter().filter(|entry| is_entered(entry)) {
        match walker.enter(&entry.path, depth + 1) {
            Ok(_) if maildir::is_maildir(&entry.path) => {
                tree.skip_mail(&entry.path, &format!("a Maildir beside {}s", rules.what));
            }
            Ok(inner) => {
                let here = above.child((rules.name)(&entry.text(), &inner));
                walk(walker, tree, rules, (&here, &entry.path), &inner, depth + 1);
            }
            Err(error) => tree.skip(&entry.path, format!("the directory is not read: {error}")),
        }
    }
}

/// Hidden directories hold indexes.
pub(super) fn is_entered(entry: &Entry) -> bool {
    entry.kind == Kind::Directory && !entry.name.as_encoded_bytes().starts_with(b".")
}
