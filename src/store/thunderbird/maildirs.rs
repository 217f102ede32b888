//! Accounts that Thunderbird keeps as one file a message: `Inbox/cur/*.eml`, folders below in `Inbox.sbd`.
//!
//! No Maildir: names carry no flags. Those stand in X-Mozilla-Status fields. Source: facts/formats.md 1.4.

use std::io;
use std::path::Path;

use super::{Company, FORMAT, folder_name};
use crate::mail::{FolderPath, header};
use crate::store::dir::{self, Entry, Kind, Walker};
use crate::store::files::{FileStore, MessageFiles, is_entered};
use crate::store::tree::Tree;
use crate::store::{Damage, Format, Found, Store, StoreError, eml, mbox};

/// Where a folder keeps its messages, and what it never shows.
const MESSAGES: &str = "cur";
const BELOW_END: &str = ".sbd";
const STATUS: &str = "X-Mozilla-Status";

/// Whether an account's directory holds such folders.
pub(super) fn is_account(directory: &Path) -> bool {
    dir::entries(directory).unwrap_or_default().iter().any(is_folder)
}

/// Opens an account's directory.
pub(super) fn open(directory: &Path) -> Result<Box<dyn Store>, StoreError> {
    let mut tree = Tree::new(directory);
    let mut walker = Walker::beside(&Company::default());
    let entries = walker.enter(directory, 0).map_err(|source| StoreError::read(directory, source))?;
    walk(&mut walker, &mut tree, &FolderPath::root(), &entries, 0);
    if tree.is_empty() {
        let reason = "there is no folder in this account".to_owned();
        return Err(StoreError::NotMail { path: directory.to_owned(), reason });
    }
    Ok(FileStore::boxed(tree, Messages))
}

fn walk(walker: &mut Walker, tree: &mut Tree, above: &FolderPath, entries: &[Entry], depth: usize) {
    for entry in entries.iter().filter(|entry| is_entered(entry)) {
        let (name, around) = (entry.text(), entry.path.parent().unwrap_or(&entry.path));
        if is_folder(entry) {
            tree.add(above.child(folder_name(around, &name)), &entry.path);
        } else if let Some(name) = name.strip_suffix(BELOW_END) {
            match walker.enter(&entry.path, depth + 1) {
                Ok(inner) => walk(walker, tree, &above.child(folder_name(around, name)), &inner, depth + 1),
                Err(error) => tree.skip(&entry.path, format!("the directory is not read: {error}")),
            }
        }
    }
}

fn is_folder(entry: &Entry) -> bool {
    entry.kind == Kind::Directory && entry.path.join(MESSAGES).is_dir()
}

/// The files of these folders.
struct Messages;

impl MessageFiles for Messages {
    type Notes = ();

    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn files(&self, place: &Path) -> io::Result<Vec<Entry>> {
        let mut all = dir::entries(&place.join(MESSAGES))?;
        all.retain(|entry| entry.kind != Kind::Directory && !entry.text().starts_with('.'));
        for entry in &mut all {
            entry.name = Path::new(MESSAGES).join(&entry.name).into_os_string();
        }
        Ok(all)
    }

    fn notes(&self, _: &Path, _: &mut Vec<Damage>) {}

    fn look(&self, entry: &Entry, (): &()) -> Result<Option<Found>, String> {
        let Some((mut known, head)) = eml::known(entry, true)? else { return Ok(None) };
        if let Some(hidden) = mbox::hidden(&head, false) {
            return Ok(Some(Found::Hidden(hidden)));
        }
        if header::find(&head, STATUS).is_some() {
            (known.flags, known.keywords) = mbox::marks(&head);
        }
        Ok(Some(Found::Message(known.envelope(&head))))
    }

    fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        Ok(header::without(&eml::content(path)?, mbox::is_bookkeeping))
    }
}
