//! Which files of a directory tree are mboxes, and which folder each is. Used to recognise and to open.
//!
//! Knows the trees of facts/formats.md 1.4: Thunderbird (`X.sbd`), KMail (`.X.directory`), Apple exports (`X.mbox/mbox`),
//! Evolution 1 (`X/mbox`, `X/subfolders/Y/mbox`) and plain directories.

use std::path::Path;

use super::scan;
use crate::mail::FolderPath;
use crate::store::dir::{Entry, Kind, Walker};
use crate::store::tree::Tree;
use crate::store::{Company, Spot, StoreError, eml, file, kmail, maildir, msg, packed};

/// How much of a file is looked at to judge it; blank lines may come first.
const SNIFF: usize = 4096;
/// Files that mail programs keep beside mboxes, and messages on their own (facts/formats.md 1.4).
const IGNORED_ENDS: [&str; 16] = [
    "~",
    ".msf",
    ".snm",
    ".toc",
    ".idx",
    ".mozmsgs",
    ".ibex",
    ".ibex.index",
    ".cmeta",
    ".ev-summary",
    ".ev-summary-meta",
    ".html",
    ".lock",
    ".eml",
    ".emlx",
    ".log",
];
const IGNORED_NAMES: [&str; 12] = [
    "popstate.dat",
    "msgfilterrules.dat",
    "rules.dat",
    "rulesbackup.dat",
    "sort.dat",
    "filterlog.html",
    "junklog.html",
    "mailfilt.log",
    "filters.js",
    "table_of_contents",
    "maildirfolder",
    "dovecot-uidvalidity",
];
const IGNORED_STARTS: [&str; 5] = [".", "#", "feeds", "feeditems", "dovecot"];
/// Endings that say no more than the content does.
const MBOX_ENDS: [&str; 3] = [".mbox", ".mbx", ".mbs"];

/// What Evolution 1 keeps in the directory of a folder beside `mbox`, and where the folders below it are.
const EVOLUTION_MARKERS: [&str; 4] = ["folder-metadata.xml", "local-metadata.xml", "mbox.ev-summary", SUBFOLDERS];
const SUBFOLDERS: &str = "subfolders";
/// Directories between Evolution's own and its folders.
const EVOLUTION_TOPS: [&str; 3] = ["evolution/local", ".evolution/mail", ".evolution/mail/local"];

/// What a file turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Mbox,
    Empty,
    Message,
    Packed,
    Other,
}

/// Whether a file is an mbox.
pub(super) fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    if !spot.is_file() || (!spot.is_given() && is_ignored(&spot.name())) {
        return None;
    }
    if spot.is_given() && spot.start().is_empty() {
        return Some("an empty file, as an mbox without messages is");
    }
    starts_like_mbox(spot.start()).then_some("starts with a \"From \" line")
}

/// A folder's name from the directory it lies in and its name there.
pub(in crate::store) type Name = fn(&Path, &str) -> String;

/// The folders at `path`, their names decoded by `name`.
pub(super) fn find(path: &Path, name: Name, company: &Company) -> Result<Tree, StoreError> {
    let mut tree = Tree::beside(path, company);
    let data = std::fs::metadata(path).map_err(|source| StoreError::read(path, source))?;
    if data.is_dir() {
        let mut walker = Walker::beside(company);
        let entries = walker.enter(path, 0).map_err(|source| StoreError::read(path, source))?;
        walk(&mut walker, &mut tree, name, &FolderPath::root(), &entries, 0);
        if tree.is_empty() {
            return Err(StoreError::NotMail {
                path: path.to_owned(),
                reason: "there is no mbox in this directory".to_owned(),
            });
        }
    } else {
        file::open_regular(path).map_err(|source| StoreError::read(path, source))?;
        tree.add(FolderPath::root(), path);
    }
    Ok(tree)
}

fn walk(walker: &mut Walker, tree: &mut Tree, decode: Name, above: &FolderPath, entries: &[Entry], depth: usize) {
    let is_evolution = entries.iter().any(|entry| EVOLUTION_MARKERS.iter().any(|marker| entry.name == *marker));
    for entry in entries.iter().filter(|entry| entry.kind != Kind::Directory && !is_ignored(&entry.text())) {
        if is_evolution && entry.name == "mbox" && matches!(sniff(&entry.path), Ok(Content::Mbox | Content::Empty)) {
            tree.add(above.clone(), &entry.path);
        } else {
            take(tree, decode, above, entries, entry);
        }
    }
    for entry in entries.iter().filter(|entry| is_entered(entry)) {
        let inner = match walker.enter(&entry.path, depth + 1) {
            Ok(inner) => inner,
            Err(error) => {
                tree.skip(&entry.path, format!("the directory is not read: {error}"));
                continue;
            }
        };
        let name = entry.text();
        if (is_evolution && name == SUBFOLDERS) || EVOLUTION_TOPS.iter().any(|top| entry.path.ends_with(top)) {
            walk(walker, tree, decode, above, &inner, depth + 1);
        } else if maildir::is_maildir(&entry.path) {
            tree.skip_mail(&entry.path, "a Maildir among mbox files");
        } else if let Some(export) = inner.iter().find(|file| file.name == "mbox" && has_end(&name, ".mbox")) {
            tree.add(above.child(decode(around(entry), shown(&name, entries))), &export.path); // an Apple Mail export
        } else {
            walk(walker, tree, decode, &above.child(decode(around(entry), below(&name))), &inner, depth + 1);
        }
    }
}

/// Adds the folder that a file is, or notes why it is none.
fn take(tree: &mut Tree, decode: Name, above: &FolderPath, entries: &[Entry], entry: &Entry) {
    let name = entry.text();
    if let Kind::Other(what) = entry.kind {
        return tree.skip(&entry.path, format!("a {what} is not read"));
    }
    match sniff(&entry.path) {
        Ok(Content::Mbox) => {
            tree.add(above.child(decode(around(entry), shown(&name, entries))), &entry.path);
        }
        // Its first line may be damaged.
        Ok(Content::Other) if kmail::beside(&entry.path).is_file() => {
            tree.add(above.child(decode(around(entry), shown(&name, entries))), &entry.path);
        }
        Ok(Content::Empty) if is_folder_name(&name) => {
            tree.add(above.child(decode(around(entry), shown(&name, entries))), &entry.path);
        }
        Ok(Content::Message) => {
            tree.skip_mail(&entry.path, "a single message among mbox files");
        }
        Ok(Content::Packed) => tree.skip_stray(entry),
        Ok(_) => {}
        Err(error) => tree.skip(&entry.path, format!("it is not read: {error}")),
    }
}

fn sniff(path: &Path) -> std::io::Result<Content> {
    let start = file::prefix(path, SNIFF)?;
    Ok(if start.is_empty() {
        Content::Empty
    } else if starts_like_mbox(&start) {
        Content::Mbox
    } else if eml::looks_like_message(&start) || msg::is_msg(path) {
        Content::Message
    } else if packed::is_packed(&start) {
        Content::Packed
    } else {
        Content::Other
    })
}

/// Whether `start` of a file is that of an mbox.
pub(in crate::store) fn starts_like_mbox(start: &[u8]) -> bool {
    scan::starts_like_mbox(start).is_some()
}

fn is_ignored(name: &str) -> bool {
    let name = name.to_lowercase();
    IGNORED_NAMES.contains(&name.as_str())
        || IGNORED_STARTS.iter().any(|start| name.starts_with(start))
        || IGNORED_ENDS.iter().any(|end| name.ends_with(end))
}

/// Whether a file of that name is shown as a folder of that name, empty or not.
pub(super) fn is_takeable(name: &str) -> bool {
    !is_ignored(name) && !MBOX_ENDS.iter().chain(&[".sbd"]).any(|end| name.ends_with(end))
}

/// Hidden directories hold indexes, but for KMail's.
fn is_entered(entry: &Entry) -> bool {
    let name = entry.text();
    let kmail = name.starts_with('.') && name.ends_with(".directory");
    entry.kind == Kind::Directory && (kmail || !name.starts_with('.')) && !name.ends_with(".mozmsgs")
}

fn has_end(name: &str, end: &str) -> bool {
    name.to_lowercase().ends_with(end)
}

/// An empty file is a folder only if it is named like one.
fn is_folder_name(name: &str) -> bool {
    !name.contains('.') || MBOX_ENDS.iter().any(|end| name.ends_with(end))
}

/// The folder's name without the ending, unless another file has that name.
fn shown<'a>(name: &'a str, entries: &[Entry]) -> &'a str {
    let bare = MBOX_ENDS.iter().find_map(|end| name.strip_suffix(end)).filter(|bare| !bare.is_empty());
    let taken = |bare: &str| entries.iter().any(|other| other.name == bare && other.kind == Kind::File);
    bare.filter(|bare| !taken(bare)).unwrap_or(name)
}

fn around(entry: &Entry) -> &Path {
    entry.path.parent().unwrap_or(&entry.path)
}

/// The folder whose children a directory holds.
fn below(name: &str) -> &str {
    let kmail = name.strip_prefix('.').and_then(|name| name.strip_suffix(".directory"));
    kmail.or_else(|| name.strip_suffix(".sbd")).unwrap_or(name)
}
