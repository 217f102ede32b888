//! Which files of a directory are Eudora's mailboxes, how their folders are called, and where attachments lie.
//!
//! Windows: `descmap.pce` in each directory lists `name,file,kind,unread`. Mac: files and directories are called as the
//! folders are. Source: facts/formats.md 1.5.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{SEPARATOR, toc};
use crate::mail::{FolderPath, SpecialUse};
use crate::store::boxes::starts_with;
use crate::store::dir::{self, Entry, Kind, Walker};
use crate::store::tree::Tree;
use crate::store::{Company, Spot, StoreError, file};

/// The list of names in a directory.
const NAMES: &str = "descmap.pce";
const MAX_NAMES: u64 = 1024 * 1024;
const BOX_END: &str = ".mbx";
const TABLE_END: &str = ".toc";
const FOLDER_END: &str = ".fol";
/// Directories for attachments, on Windows and on a Mac.
const ATTACHMENTS: [&str; 3] = ["attach", "attachments folder", "embedded"];
/// How far up from a mailbox they may lie.
const MAX_ABOVE: usize = 3;
const MAX_ATTACHMENTS: usize = 200_000;
/// Eudora's own mailboxes.
const SPECIAL: [(&str, SpecialUse); 4] =
    [("in", SpecialUse::Inbox), ("out", SpecialUse::Sent), ("trash", SpecialUse::Trash), ("junk", SpecialUse::Junk)];

/// Whether a file is a mailbox of Eudora, or one that stands beside its mailboxes.
pub(super) fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    if !spot.is_file() {
        return None;
    }
    if spot.is_given() {
        let found =
            spot.start().starts_with(SEPARATOR) && table_of(spot.path()).is_some_and(|table| toc::is_table(&table));
        return found.then_some("starts as a mailbox of Eudora, with a table of contents beside it");
    }
    let name = spot.name();
    (name == NAMES || (name.ends_with(TABLE_END) && has_mailbox(spot.path()))).then_some("is a file of Eudora")
}

/// Whether a file is a table of contents with its mailbox beside it.
fn has_mailbox(table: &Path) -> bool {
    let candidates = ["", "mbx", "MBX", "Mbx"].map(|end| table.with_extension(end));
    candidates.iter().any(|mailbox| mailbox.is_file()) && toc::is_table(table)
}

/// The folders at `path`.
pub(super) fn find(path: &Path, company: &Company) -> Result<Tree, StoreError> {
    let mut tree = Tree::beside(path, company);
    let mut walker = Walker::beside(company);
    let entries = walker.enter(path, 0).map_err(|source| StoreError::read(path, source))?;
    walk(&mut walker, &mut tree, &FolderPath::root(), &entries, 0);
    if tree.is_empty() {
        let reason = "there is no mailbox of Eudora in this directory".to_owned();
        return Err(StoreError::NotMail { path: path.to_owned(), reason });
    }
    Ok(tree)
}

fn walk(walker: &mut Walker, tree: &mut Tree, above: &FolderPath, entries: &[Entry], depth: usize) {
    let names = shown_names(entries);
    for entry in entries.iter().filter(|entry| !entry.text().starts_with('.')) {
        let disk = entry.text();
        let name = names.get(&disk.to_lowercase()).cloned().unwrap_or_else(|| bare(&disk));
        if entry.kind == Kind::File && is_mailbox(entry) {
            let path = tree.add(above.child(name), &entry.path);
            let special = SPECIAL.iter().find(|(own, _)| depth == 0 && bare(&disk).eq_ignore_ascii_case(own));
            if let Some((_, special)) = special {
                tree.set_special(path, *special);
            }
        } else if entry.kind == Kind::Directory && !is_attachments(&disk) {
            match walker.enter(&entry.path, depth + 1) {
                Ok(inner) => walk(walker, tree, &above.child(name), &inner, depth + 1),
                Err(error) => tree.skip(&entry.path, format!("the directory is not read: {error}")),
            }
        }
    }
}

/// The names that a directory's list gives to files, whose names are in lower case.
fn shown_names(entries: &[Entry]) -> HashMap<String, String> {
    let list = entries.iter().find(|entry| entry.text().eq_ignore_ascii_case(NAMES));
    let bytes = list.and_then(|entry| file::whole(&entry.path, MAX_NAMES).ok()).unwrap_or_default();
    let mut names = HashMap::new();
    for line in text(&bytes).lines() {
        let mut parts = line.trim_end().rsplitn(4, ','); // the name in front may hold commas
        let (_unread, _kind) = (parts.next(), parts.next());
        if let (Some(disk), Some(name)) = (parts.next(), parts.next().filter(|name| !name.trim().is_empty())) {
            names.insert(disk.trim().to_lowercase(), name.trim().to_owned());
        }
    }
    names
}

/// Text of an old system: UTF-8 if it is that, else Latin-1.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// A file that does not start as a mailbox is one all the same if it has a table, or if it is empty and called one.
fn is_mailbox(entry: &Entry) -> bool {
    let name = entry.text();
    let has_table = || !has_end(&name, TABLE_END) && table_of(&entry.path).is_some();
    let is_empty = || fs::metadata(&entry.path).is_ok_and(|data| data.len() == 0);
    starts_with(&entry.path, SEPARATOR) || has_table() || (has_end(&name, BOX_END) && is_empty())
}

/// The table of contents beside a mailbox.
pub(super) fn table_of(mailbox: &Path) -> Option<PathBuf> {
    let name = mailbox.file_name()?.to_str()?;
    let stem = bare(name);
    let candidates = [format!("{stem}.toc"), format!("{stem}.TOC"), format!("{stem}.Toc"), format!("{name}.toc")];
    let found = candidates.iter().map(|table| mailbox.with_file_name(table)).find(|table| table.is_file());
    found.filter(|table| table != mailbox)
}

fn has_end(name: &str, end: &str) -> bool {
    name.to_lowercase().ends_with(end)
}

/// A name without the endings that Windows needs.
fn bare(name: &str) -> String {
    let end = [BOX_END, FOLDER_END].into_iter().find(|end| has_end(name, end) && name.len() > end.len());
    end.and_then(|end| name.get(..name.len() - end.len())).unwrap_or(name).to_owned()
}

fn is_attachments(name: &str) -> bool {
    ATTACHMENTS.contains(&name.to_lowercase().as_str())
}

/// All attachments that Eudora keeps for the mailboxes at `path`, by their names in lower case. Links are not followed:
/// they would carry any file of this computer away.
pub(super) fn attachments(path: &Path) -> HashMap<String, PathBuf> {
    let mut found = HashMap::new();
    let mut seen = HashSet::new();
    let start = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    for above in start.ancestors().take(MAX_ABOVE).filter(|above| above.is_dir()) {
        let dirs = dir::entries(above).unwrap_or_default();
        for dir in dirs.iter().filter(|entry| entry.kind == Kind::Directory && is_attachments(&entry.text())) {
            let files =
                if seen.insert(dir.path.clone()) { dir::entries(&dir.path).unwrap_or_default() } else { Vec::new() };
            for file in files.into_iter().take(MAX_ATTACHMENTS) {
                if fs::symlink_metadata(&file.path).is_ok_and(|data| data.is_file()) {
                    found.entry(file.text().to_lowercase()).or_insert(file.path);
                }
            }
        }
    }
    found
}
