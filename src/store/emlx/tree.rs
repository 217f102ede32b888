//! Which directories of an Apple Mail tree are folders, and which files are their messages. Used to recognise and to open.
//!
//! `V2` to `V10`: `ACCOUNT/A.mbox/B.mbox/UUID/Data/1/2/Messages/N.emlx`; older: `Mailboxes/A.mbox/Messages/N.emlx` and
//! `IMAP-.../INBOX.imapmbox/Messages`. Source: facts/formats.md 1.6.

use std::io;
use std::path::Path;

use crate::mail::FolderPath;
use crate::store::dir::{self, Entry, Kind, Walker};
use crate::store::tree::Tree;
use crate::store::{Company, StoreError};

const ENDING: &str = ".emlx";
/// Endings of directories that are folders.
const BOX_ENDS: [&str; 3] = [".mbox", ".imapmbox", ".pop3mbox"];
const MESSAGES: &str = "Messages";
const DATA: &str = "Data";
/// Directories that hold no messages: attachments are part of their messages, `MailData` holds indexes.
const NOT_ENTERED: [&str; 3] = ["Attachments", "MailData", "OfflineCache"];
/// The directory that Apple's older programs keep local folders in; it says nothing in a folder's name.
const LOCAL: &str = "Mailboxes";
/// An mbox in a folder's directory, from an older system or an export; then there is no empty folder.
const MBOX: &str = "mbox";

/// The folders at `path`.
pub(super) fn find(path: &Path, company: &Company) -> Result<Tree, StoreError> {
    let mut tree = Tree::beside(path, company);
    let mut walk = Find { tree: &mut tree, walker: Walker::beside(company) };
    let entries = walk.walker.enter(path, 0).map_err(|source| StoreError::read(path, source))?;
    walk.folder(path, &FolderPath::root(), entries, 0);
    if tree.is_empty() {
        let reason = "there is no message of Apple Mail (.emlx) in this directory".to_owned();
        return Err(StoreError::NotMail { path: path.to_owned(), reason });
    }
    Ok(tree)
}

/// The messages of the folder at `place`, by number; each entry is named by its path from there.
pub(super) fn files(place: &Path) -> io::Result<Vec<Entry>> {
    let mut walker = Walker::beside(&Company::default());
    let entries = walker.enter(place, 0)?;
    let mut parts = Parts::default();
    parts.take(&mut walker, &file_name(place), entries, 0);
    let mut found = parts.messages;
    for entry in &mut found {
        if let Ok(within) = entry.path.strip_prefix(place) {
            entry.name = within.as_os_str().to_owned();
        }
    }
    found.sort_by_cached_key(|entry| (number(entry), entry.name.clone()));
    Ok(found)
}

/// A box's name without its ending.
pub(super) fn box_name(name: &str) -> &str {
    BOX_ENDS.iter().find_map(|end| name.strip_suffix(end)).filter(|name| !name.is_empty()).unwrap_or(name)
}

/// What one folder is made of: messages, directories that are other folders, and other files.
#[derive(Default)]
struct Parts {
    messages: Vec<Entry>,
    folders: Vec<Entry>,
    others: Vec<Entry>,
    unread: Vec<(Entry, io::Error)>,
}

impl Parts {
    /// Sorts the entries of the directory `within`, and those of the directories that only divide a folder.
    fn take(&mut self, walker: &mut Walker, within: &str, entries: Vec<Entry>, depth: usize) {
        for entry in entries {
            let name = entry.text();
            if is_message(&entry) {
                self.messages.push(entry);
            } else if entry.kind != Kind::Directory {
                self.others.push(entry);
            } else if name.starts_with('.') || is_closed(&name) {
                // no messages
            } else if divides(within, &name) {
                match walker.enter(&entry.path, depth + 1) {
                    Ok(inner) => self.take(walker, &name, inner, depth + 1),
                    Err(error) => self.unread.push((entry, error)),
                }
            } else {
                self.folders.push(entry);
            }
        }
    }
}

struct Find<'a> {
    tree: &'a mut Tree,
    walker: Walker,
}

impl Find<'_> {
    fn folder(&mut self, dir: &Path, here: &FolderPath, entries: Vec<Entry>, depth: usize) {
        let mut parts = Parts::default();
        parts.take(&mut self.walker, &file_name(dir), entries, depth);
        let is_bare = parts.folders.is_empty() && parts.others.iter().all(|entry| entry.name != MBOX);
        for (entry, error) in parts.unread {
            self.tree.skip(&entry.path, format!("the directory is not read: {error}"));
        }
        if !parts.messages.is_empty() || (is_box(&file_name(dir)) && is_bare) {
            self.tree.add(here.clone(), dir);
        }
        parts.others.iter().for_each(|entry| self.tree.skip_stray(entry));
        let alone = parts.folders.iter().filter(|entry| is_account(&entry.text())).count() == 1;
        for entry in parts.folders {
            match self.walker.enter(&entry.path, depth + 1) {
                Ok(inner) => {
                    let name = entry.text();
                    let silent = is_version(&name) || name == LOCAL || (alone && is_account(&name));
                    let below = if silent { here.clone() } else { here.child(dir::folder_name(box_name(&name))) };
                    self.folder(&entry.path, &below, inner, depth + 1);
                }
                Err(error) => self.tree.skip(&entry.path, format!("the directory is not read: {error}")),
            }
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether a file is called as a message is.
pub(super) fn is_message(entry: &Entry) -> bool {
    let name = entry.name.as_encoded_bytes();
    entry.kind != Kind::Directory && name.ends_with(ENDING.as_bytes()) && !name.starts_with(b".")
}

fn is_closed(name: &str) -> bool {
    NOT_ENTERED.contains(&name)
}

fn is_box(name: &str) -> bool {
    box_name(name) != name
}

/// Whether a directory only divides the files of the folder it lies in.
fn divides(within: &str, name: &str) -> bool {
    let digit = |name: &str| name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_digit());
    name == MESSAGES
        || (is_uuid(name) && is_box(within))
        || (name == DATA && (is_uuid(within) || is_box(within)))
        || (digit(name) && (within == DATA || digit(within)))
}

/// The account that a directory stands for: newer systems name it by a UUID, older ones by type and address.
fn is_account(name: &str) -> bool {
    is_uuid(name)
        || ["IMAP-", "POP-", "Mac-", "Exchange-", "EWS-", "AosIMAP-"].iter().any(|start| name.starts_with(start))
}

fn is_version(name: &str) -> bool {
    name.strip_prefix('V').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_uuid(name: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    name.split('-').map(str::len).eq(lengths) && name.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// The number that Apple Mail gave a message.
fn number(entry: &Entry) -> u64 {
    let name = file_name(&entry.path);
    name.split('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX)
}
