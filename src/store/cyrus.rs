//! A Cyrus IMAP spool: one file a message, named by its UID and a dot, beside `cyrus.*` files.
//!
//! Used through [`FORMAT`]. Flags lie in Cyrus' own databases, which are not read; so every message counts as read. A
//! server that still runs is better asked over IMAP.

use std::io;
use std::path::Path;

use super::dir::{self, Entry, Kind};
use super::files::{self, FileStore, MessageFiles, Rules};
use super::{Damage, Format, Found, OpenOptions, Spot, Store, StoreError, eml};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "cyrus", title: "Cyrus spool", sign, covers: &["eml"], stands_alone: false, open };

/// Files of Cyrus itself.
const MARKERS: [&str; 2] = ["cyrus.header", "cyrus.index"];

/// Which directories are folders. The top of a user's spool is the inbox.
const RULES: Rules = Rules { what: "Cyrus mailbox", holds, is_own, name, top: Some("INBOX") };

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    if path.is_file() {
        let reason = "a Cyrus spool is a directory; open a single file as eml".to_owned();
        return Err(StoreError::NotMail { path: path.to_owned(), reason });
    }
    Ok(FileStore::boxed(files::find(path, &RULES, &options.company)?, Cyrus))
}

fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    (!spot.is_given() && is_marker(spot.entry())).then_some("is a file of Cyrus")
}

fn is_marker(entry: &Entry) -> bool {
    entry.kind == Kind::File && MARKERS.iter().any(|marker| entry.name == *marker)
}

fn holds(entries: &[Entry]) -> bool {
    entries.iter().any(is_marker)
}

fn is_own(entry: &Entry) -> bool {
    uid(&entry.text()).is_some() || entry.text().starts_with("cyrus.")
}

/// Cyrus writes a dot in a mailbox's name as `^` where the dot divides names.
fn name(disk: &str, _: &[Entry]) -> String {
    dir::folder_name(disk).replace('^', ".")
}

/// The UID that a message's file is named by.
fn uid(name: &str) -> Option<u32> {
    let digits = name.strip_suffix('.').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// The files of this format.
struct Cyrus;

impl MessageFiles for Cyrus {
    type Notes = ();

    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn files(&self, place: &Path) -> io::Result<Vec<Entry>> {
        let mut all = dir::entries(place)?;
        all.retain(|entry| entry.kind != Kind::Directory && uid(&entry.text()).is_some());
        all.sort_by_cached_key(|entry| uid(&entry.text()));
        Ok(all)
    }

    fn notes(&self, _: &Path, _: &mut Vec<Damage>) {}

    fn look(&self, entry: &Entry, (): &()) -> Result<Option<Found>, String> {
        Ok(eml::known(entry, true)?.map(|(known, head)| Found::Message(known.envelope(&head))))
    }

    fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        eml::content(path)
    }
}
