//! Which directories are Maildirs, and which folder each is. Used to recognise and to open.
//!
//! Knows a single Maildir, Maildir++ (`.A.B` beside `cur`), nested directories (Dovecot's `LAYOUT=fs`, Exim, Courier's
//! shared folders), KMail (`.X.directory`) and Evolution 3 (Maildir++ with names of its own).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::mail::FolderPath;
use crate::store::dir::{self, Entry, Kind, Walker};
use crate::store::tree::Tree;
use crate::store::{Company, Spot, StoreError, evolution, file, mbox};

/// The parts of a Maildir that hold messages.
pub(super) const PARTS: [&str; 2] = ["cur", "new"];
/// What stands in a Maildir beside its messages; one of them makes up for an empty `cur` that a copy lost.
const MARKERS: [&str; 4] = ["tmp", "maildirfolder", "dovecot-uidlist", "courierimapuiddb"];
const INBOX: &str = "INBOX";
/// Stands in a Maildir++ of Evolution 3, which writes `.` and `_` in a folder's name as `_` and two hexadecimal digits, and
/// what is below the inbox with a second dot at its start (evolution-data-server, camel-maildir-store.c).
const EVOLUTION: &str = "..maildir++";
/// What it calls the inbox.
const EVOLUTION_INBOX: &str = "Inbox";

/// Whether `dir` itself is a Maildir.
pub(in crate::store) fn is_maildir(dir: &Path) -> bool {
    let parts = PARTS.iter().filter(|part| dir.join(part).is_dir()).count();
    parts == PARTS.len() || (parts == 1 && MARKERS.iter().any(|marker| dir.join(marker).exists()))
}

/// Whether `dir` is a Maildir, a folder of one that was never written to, or closed to us: then that must be said.
fn is_folder(dir: &Path) -> bool {
    let closed = || fs::metadata(dir.join("cur")).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    PARTS.iter().any(|part| dir.join(part).is_dir()) || dir.join("maildirfolder").is_file() || closed()
}

/// Whether a directory is a Maildir.
pub(super) fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    (spot.is_directory() && is_maildir(spot.path())).then_some("has cur/ and new/")
}

/// The folders at `path`.
pub(super) fn find(path: &Path, company: &Company) -> Result<Tree, StoreError> {
    let mut walker = Walker::beside(company);
    let entries = walker.enter(path, 0).map_err(|source| StoreError::read(path, source))?;
    let mut tree = Tree::beside(path, company);
    walk(&mut walker, &mut tree, &FolderPath::root(), &entries, 0);
    let own = PARTS.iter().any(|part| path.join(part).is_dir());
    if own {
        let inbox = FolderPath::new([INBOX]);
        let top = if tree.is_empty() || tree.holds(&inbox) { FolderPath::root() } else { inbox };
        tree.add(top, path);
    }
    if tree.is_empty() {
        let reason = "there is no Maildir (a directory with cur/ and new/) in it".to_owned();
        return Err(StoreError::NotMail { path: path.to_owned(), reason });
    }
    Ok(tree)
}

/// Takes the folders among `entries` of the directory that `above` stands for.
fn walk(walker: &mut Walker, tree: &mut Tree, above: &FolderPath, entries: &[Entry], depth: usize) {
    let beside_messages = entries.iter().any(|entry| PARTS.iter().any(|part| entry.name == *part));
    for entry in entries {
        let name = entry.text();
        if entry.kind != Kind::Directory {
            if !beside_messages && !name.starts_with('.') {
                note(tree, entry);
            }
        } else if let Some(folder) = folder(above, entries, &name, &entry.path) {
            let inner = match walker.enter(&entry.path, depth + 1) {
                Ok(inner) => inner,
                Err(error) => {
                    tree.skip(&entry.path, format!("the directory is not read: {error}"));
                    continue;
                }
            };
            let folder = if is_folder(&entry.path) { tree.add(folder, &entry.path) } else { folder };
            walk(walker, tree, &folder, &inner, depth + 1);
        }
    }
}

/// The folder that a directory stands for, or `None` if it is a part of a Maildir or of something else.
fn folder(above: &FolderPath, entries: &[Entry], name: &str, path: &Path) -> Option<FolderPath> {
    let beside_messages = entries.iter().any(|entry| PARTS.iter().any(|part| entry.name == *part));
    if beside_messages && (PARTS.contains(&name) || name == "tmp") {
        None
    } else if let Some(parent) = kmail_children(name) {
        Some(above.child(dir::folder_name(parent)))
    } else if let Some(dotted) = name.strip_prefix('.') {
        let is_evolution = entries.iter().any(|entry| entry.name == EVOLUTION);
        let below = if is_evolution { of_evolution(dotted, above) } else { of_dotted(dotted, dir::folder_name) };
        (is_folder(path) && !below.is_root()).then(|| above.join(&below))
    } else {
        Some(above.child(dir::folder_name(name)))
    }
}

/// The folder of a name in which dots stand between parents and children.
fn of_dotted(dotted: &str, decode: fn(&str) -> String) -> FolderPath {
    FolderPath::new(dotted.split('.').map(decode))
}

/// The same in a Maildir++ of Evolution 3. Its inbox is the top.
fn of_evolution(dotted: &str, above: &FolderPath) -> FolderPath {
    let below = of_dotted(dotted, unescaped);
    let is_below_inbox = dotted.starts_with('.') && above.is_root() && !below.is_root();
    if is_below_inbox { FolderPath::new([INBOX]).join(&below) } else { below }
}

/// The database that Evolution 3 has of the Maildir at `place`, if there is one, and what it calls the folder there.
pub(super) fn in_evolution(place: &Path) -> Option<(PathBuf, String)> {
    let of = |top: &Path, folder: &FolderPath| {
        let database = top.join(evolution::DATABASE);
        // A link might lead out of what is being read.
        let is_one = top.join(EVOLUTION).exists() && fs::symlink_metadata(&database).is_ok_and(|data| data.is_file());
        let names = folder.segments().iter().map(|name| if name == INBOX { EVOLUTION_INBOX } else { name });
        is_one.then(|| (database, names.collect::<Vec<_>>().join("/")))
    };
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let below = || of(place.parent()?, &of_evolution(name.strip_prefix('.')?, &FolderPath::root()));
    of(place, &FolderPath::new([INBOX])).or_else(below)
}

/// A folder's name as Evolution 3 shows it; one with bytes that are no text stays as it is.
fn unescaped(name: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), name.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|two| *first == b'_' && two.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|two| std::str::from_utf8(two).ok());
        let code = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_owned())
}

/// The folder whose children KMail keeps in a directory of this name.
fn kmail_children(name: &str) -> Option<&str> {
    name.strip_prefix('.')?.strip_suffix(".directory").filter(|name| !name.is_empty())
}

/// Mail of another kind between Maildirs is not read, and said so.
fn note(tree: &mut Tree, entry: &Entry) {
    let start = || file::prefix(&entry.path, 4096).unwrap_or_default();
    match entry.kind {
        Kind::Other(what) => tree.skip(&entry.path, format!("a {what} is not read")),
        _ if fs::metadata(&entry.path).is_ok_and(|data| data.len() > 0) && mbox::starts_like_mbox(&start()) => {
            tree.skip_mail(&entry.path, "an mbox among Maildirs");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_evolution_are_read_as_it_writes_them() {
        for (disk, shown) in [
            ("Work_2EOld", "Work.Old"),
            ("my_5Fbox.Sub", "my_box/Sub"),
            (".Family", "INBOX/Family"),
            ("Q&A", "Q&A"),
            ("_C3_BC", "ü"),
            ("_C3", "_C3"),
            ("a_", "a_"),
            ("a_+1_2", "a_+1_2"),
            (".", ""),
        ] {
            assert_eq!(of_evolution(disk, &FolderPath::root()).to_string(), shown);
        }
        assert_eq!(of_evolution(".Family", &FolderPath::parse("local")).to_string(), "Family");
    }
}
