//! Outlook Express 5 for Mac: one file `Messages` with the mail of all folders. Experimental.
//!
//! Used through [`FORMAT`]. Source: facts/formats.md 1.3 b, from the one public description (A. Lönnberg, 2003); no real file
//! was found to check it against. Folders have numbers only: their names are in another, undescribed file. What the tables
//! do not lead to is looked for, and so are deleted messages, if they are asked for.

mod survey;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use super::describe::Known;
use super::dir::{Entry, Kind, Walker};
use super::pages::{Broken, Pages};
use super::tree::Tree;
use super::{
    Damage, Folder, Format, Found, OpenOptions, Removal, Spot, Store, StoreError, Walk, file, oe_mac, recovered,
};
use crate::mail::{FolderPath, Locator, Warning};
use survey::{DELETED, ENTRY, LAST_TABLE, MAIL, Piece, Survey, TABLE};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format = Format {
    name: "oe-mac5",
    title: "Outlook Express 5 for Mac (Messages), experimental",
    sign,
    covers: &[],
    stands_alone: false,
    open,
};

/// The file's name.
const FILE: &str = "Messages";

fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    let found = spot.is_file() && (spot.is_given() || is_named(spot.entry())) && is_one(spot.path());
    found.then_some("leads to a table of Outlook Express 5 for Mac (experimental)")
}

/// Nothing at the start of the file says what it is; its last table does.
fn is_one(path: &Path) -> bool {
    let table = || {
        let mut pages = file::open_regular(path).and_then(Pages::new).ok()?;
        let table = pages.array(LAST_TABLE).map(u32::from_be_bytes).ok().filter(|at| *at > 0)?;
        Piece::read(&mut pages, table).ok()
    };
    table().is_some_and(|piece| piece.kind == TABLE)
}

fn is_named(entry: &Entry) -> bool {
    entry.kind == Kind::File && entry.name == FILE
}

fn is_entered(entry: &Entry) -> bool {
    entry.kind == Kind::Directory && !entry.name.as_encoded_bytes().starts_with(b".")
}

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    let refused = |source| StoreError::read(path, source);
    let company = &options.company;
    let mut store = OeMac5 { tree: Tree::beside(path, company), mail: HashMap::new(), deleted: HashSet::new() };
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let mut walker = Walker::beside(company);
        let entries = walker.enter(path, 0).map_err(refused)?;
        files.clear();
        walk(&mut walker, &mut store.tree, &mut files, &entries, 0);
    }
    for file in &files {
        // Each file is one identity, in the directory of its name.
        let identity = file.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let above = FolderPath::new(identity.filter(|_| files.len() > 1));
        store.take(&above, file)?;
        if options.recovered {
            store.take_deleted(&above, file)?;
        }
    }
    if store.tree.is_empty() {
        let reason = "there is no file \"Messages\" of Outlook Express 5 for Mac in it".to_owned();
        return Err(StoreError::NotMail { path: path.to_owned(), reason });
    }
    Ok(Box::new(store))
}

/// Finds the files of all identities.
fn walk(walker: &mut Walker, tree: &mut Tree, files: &mut Vec<PathBuf>, entries: &[Entry], depth: usize) {
    files.extend(entries.iter().filter(|entry| is_named(entry) && is_one(&entry.path)).map(|entry| entry.path.clone()));
    for entry in entries.iter().filter(|entry| is_entered(entry)) {
        match walker.enter(&entry.path, depth + 1) {
            Ok(inner) => walk(walker, tree, files, &inner, depth + 1),
            Err(error) => tree.skip(&entry.path, format!("the directory is not read: {error}")),
        }
    }
}

/// The files of all identities with their folders.
struct OeMac5 {
    tree: Tree,
    mail: HashMap<FolderPath, Vec<u32>>,
    /// Folders with what was deleted from the folder above.
    deleted: HashSet<FolderPath>,
}

impl OeMac5 {
    /// Puts the folders of one file into the tree, and notes what of it is damaged.
    fn take(&mut self, above: &FolderPath, file: &Path) -> Result<(), StoreError> {
        let mut pages = pages(file)?;
        let mut found = Survey::default();
        found.follow(&mut pages);
        // Holes stand for deleted messages; if nothing else is left, the place of a table may have become one.
        if found.is_incomplete || found.mail.is_empty() {
            found.search(&mut pages);
        }
        let folders = found.by_folder(&mut pages);
        if folders.is_empty() && is_one(file) {
            self.tree.add(above.clone(), file);
        }
        for (folder, places) in folders {
            self.mail.insert(self.tree.add(above.child(name(folder)), file), places);
        }
        for Broken { offset, reason } in found.damage {
            self.tree.skip(file, format!("at byte {offset}: {reason}"));
        }
        Ok(())
    }

    /// Puts the deleted messages of one file into the tree.
    fn take_deleted(&mut self, above: &FolderPath, file: &Path) -> Result<(), StoreError> {
        for (folder, places) in survey::deleted(&mut pages(file)?) {
            let path = self.tree.add(above.child(name(folder)).child(recovered::NAME), file);
            self.deleted.insert(path.clone());
            self.mail.insert(path, places);
        }
        Ok(())
    }

    /// What the entries of a folder's messages are.
    fn kind(&self, folder: &FolderPath) -> u32 {
        if self.deleted.contains(folder) { DELETED } else { MAIL }
    }
}

fn name(folder: u32) -> String {
    format!("Folder {folder}")
}

fn pages(file: &Path) -> Result<Pages, StoreError> {
    file::open_regular(file).and_then(Pages::new).map_err(|source| StoreError::read(file, source))
}

impl Store for OeMac5 {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        Ok(self.tree.folders())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        let path = self.tree.messages(folder)?;
        let mut pages = pages(path)?;
        if self.tree.report_skipped(folder, visit).is_break() {
            return Ok(());
        }
        for at in self.mail.get(folder).into_iter().flatten() {
            let found = shown(&mut pages, *at, self.kind(folder)).unwrap_or_else(|Broken { offset, reason }| {
                Found::Damage(Damage { file: path.to_owned(), offset, reason })
            });
            if visit(found).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let path = self.tree.messages(folder)?;
        let gone = || StoreError::vanished(path, locator);
        let mut pages = file::open_regular(path).and_then(Pages::new).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => gone(),
            _ => StoreError::read(path, source),
        })?;
        let at = u32::try_from(locator.offset).map_err(|_| gone())?;
        let piece =
            Piece::read(&mut pages, at).ok().filter(|piece| piece.kind == self.kind(folder)).ok_or_else(gone)?;
        let start = locator.offset + ENTRY;
        if u64::from(piece.length).min(pages.size().saturating_sub(start)) != locator.length {
            return Err(StoreError::changed(path, locator));
        }
        let bytes = pages.bytes(start, locator.length);
        let bytes = bytes.map_err(|broken| StoreError::read(path, io::Error::other(broken.reason)))?;
        Ok(oe_mac::to_crlf(&bytes))
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        Err(StoreError::copy_only(self.tree.messages(folder)?, &FORMAT))
    }

    fn remove(&mut self, folder: &FolderPath, _: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.check_removable(folder).map(|()| Vec::new())
    }
}

fn shown(pages: &mut Pages, at: u32, kind: u32) -> Result<Found, Broken> {
    let piece = Piece::read(pages, at)?;
    let start = u64::from(at) + ENTRY;
    let length = u64::from(piece.length).min(pages.size().saturating_sub(start));
    if piece.kind != kind || length == 0 {
        return Err(Broken::at(at, "the message here has no text"));
    }
    let head = pages.head(start, length)?;
    let mut known = Known::of_text(at, length); // where the read state stands is not known
    known.warnings.extend((length < piece.length.into()).then_some(Warning::Truncated));
    Ok(Found::Message(known.envelope(&head)))
}
