//! Opens what was unpacked as whatever it is. Used by packed stores.

use std::path::{Path, PathBuf};

use super::shared::Content;
use crate::store::dir::{self, Kind};
use crate::store::{OpenOptions, Opened, Store, maildir, open_with};

/// Directories that are a part of a folder, or of its name, and are not looked past.
const PARTS: [&str; 3] = ["cur", "new", "tmp"];
const PART_ENDS: [&str; 3] = [".mbox", ".sbd", ".directory"];

/// Opens what was unpacked: one file, or what is in a directory. A directory in which all others lie is looked past.
pub(super) fn open(content: &Content, is_one: bool, options: &OpenOptions) -> Opened {
    let top = content.directory();
    if is_one && let Some(only) = dir::entries(top).unwrap_or_default().first() {
        return open_with(&only.path, options);
    }
    let (above, store) = innermost(top);
    match open_with(&store, options) {
        Ok(mut opened) => {
            // One folder of messages: its directory gives it a name.
            let is_nameless = store != top && is_unnamed(opened.as_mut());
            if is_nameless { open_with(&above, options).or(Ok(opened)) } else { Ok(opened) }
        }
        Err(error) => Err(error),
    }
}

/// The first directory that holds more than one other, and the one above it.
fn innermost(top: &Path) -> (PathBuf, PathBuf) {
    let (mut above, mut here) = (top.to_owned(), top.to_owned());
    // No tree is unpacked deeper.
    for _ in 0..32 {
        let entries = dir::entries(&here).unwrap_or_default();
        let [only] = entries.as_slice() else { break };
        if only.kind != Kind::Directory || is_part(&only.text()) {
            break;
        }
        above = std::mem::replace(&mut here, only.path.clone());
    }
    (above, here)
}

fn is_part(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with('.') || PARTS.contains(&name.as_str()) || PART_ENDS.iter().any(|end| name.ends_with(end))
}

/// Whether a store is one folder without a name. A Maildir is an account and not a folder.
fn is_unnamed(store: &mut dyn Store) -> bool {
    let is_maildir = store.format().name == maildir::FORMAT.name;
    !is_maildir && store.folders().is_ok_and(|all| all.iter().all(|folder| folder.path.is_root()))
}
