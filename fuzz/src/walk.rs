//! Lists, counts and reads all that is in a store, and checks what must hold whatever its bytes are.

use std::collections::HashSet;
use std::path::Path;

use mailferry::mail::canonical::{self, BareCr};
use mailferry::mail::envelope::Summary;
use mailferry::mail::preview::preview;
use mailferry::mail::{Envelope, Fingerprint, FolderPath, Locator, display};
use mailferry::store::{self, Damage, FORMATS, Found, Hidden, OpenOptions, Store, StoreError, Walk};

/// How many folders are looked at, how many messages of each are read, and how many of all after a change.
const MAX_FOLDERS: usize = 64;
const MAX_READS: usize = 12;
const MAX_CHANGED: usize = 4;
/// Formats that count without looking at each message, so that those that are damaged count too.
const COUNTED_BY_INDEX: [&str; 2] = ["dbx", "maildir"];

/// What a walk through one folder found.
#[derive(Debug, Default, PartialEq)]
struct Listed {
    messages: Vec<Envelope>,
    hidden: Vec<Hidden>,
    damage: Vec<Damage>,
}

/// The one place that opens a store.
fn open(path: &Path, format: &str) -> Result<Box<dyn Store>, StoreError> {
    store::open(path, Some(format))
}

/// Examines the store at `path`, and once more after `change` has changed its files. Gives the number of messages that
/// could be read at first.
pub fn examine(path: &Path, format: &str, change: impl FnOnce()) -> usize {
    assert!(FORMATS.iter().any(|row| row.name == format), "targets are called as formats are");
    let _ = store::survey(path, &OpenOptions::default(), &mut |_| Walk::Continue(()));
    let Ok(mut store) = open(path, format) else { return 0 };
    let Ok(folders) = store.folders() else { return 0 };
    let paths: HashSet<_> = folders.iter().map(|folder| &folder.path).collect();
    assert_eq!(paths.len(), folders.len(), "two folders have one path");
    let mut found = Vec::new();
    for folder in folders.iter().take(MAX_FOLDERS) {
        let listed = examine_folder(store.as_mut(), &folder.path);
        found.extend(listed.messages.into_iter().take(MAX_READS).map(|one| (&folder.path, one)));
    }
    let read = found.iter().filter(|(folder, one)| read(store.as_mut(), folder, one)).count();
    change();
    for (folder, one) in found.iter().take(MAX_CHANGED) {
        let _ = store.read(folder, &one.locator);
        let _ = list(store.as_mut(), folder);
    }
    read
}

/// Lists and counts a folder; an empty list if it can not be listed.
fn examine_folder(store: &mut dyn Store, folder: &FolderPath) -> Listed {
    let before = counted(store, folder);
    let (listed, again) = (list(store, folder), list(store, folder));
    let after = counted(store, folder);
    let (Ok(listed), Ok(again)) = (listed, again) else {
        return Listed::default();
    };
    assert_eq!(listed, again, "two lists differ");
    if listed.damage.is_empty() || !COUNTED_BY_INDEX.contains(&store.format_of(folder).name) {
        let found = Some(listed.messages.len() as u64);
        assert_eq!((before, after), (found, found), "a count is not that of the list: {:?}", listed.damage);
    }
    let places: HashSet<_> = listed.messages.iter().map(|one| &one.locator).collect();
    assert_eq!(places.len(), listed.messages.len(), "two messages have one place");
    if let Some(one) = listed.messages.first() {
        read_elsewhere(store, folder, &one.locator);
    }
    again
}

fn counted(store: &mut dyn Store, folder: &FolderPath) -> Option<u64> {
    store.count(folder, &mut |_| Walk::Continue(())).ok().map(|count| count.messages)
}

fn list(store: &mut dyn Store, folder: &FolderPath) -> Result<Listed, StoreError> {
    let mut listed = Listed::default();
    store.list(folder, &mut |found| {
        match found {
            Found::Message(envelope) => listed.messages.push(envelope),
            Found::Hidden(hidden) => listed.hidden.push(hidden),
            Found::Damage(damage) => listed.damage.push(damage),
            Found::Progress { done, total } => assert!(done <= total, "{done} of {total}"),
        }
        Walk::Continue(())
    })?;
    Ok(listed)
}

/// Reads a message as a copy and the preview do. Whether it can be read.
fn read(store: &mut dyn Store, folder: &FolderPath, one: &Envelope) -> bool {
    for text in [&one.subject, &one.from] {
        display(text, 40);
    }
    if let Some(date) = one.internal_date {
        let _ = (date.to_imap(), date.to_rfc3339(), date.to_minute());
    }
    let Ok(bytes) = store.read(folder, &one.locator) else { return false };
    let is_canonical = canonical::to_crlf(&bytes, BareCr::Keep) == bytes;
    assert!(is_canonical, "a line of {} does not end in CRLF: {}", one.locator.id(), bytes.escape_ascii());
    let again = store.read(folder, &one.locator);
    assert_eq!(again.ok().as_ref(), Some(&bytes), "{} reads different the second time", one.locator.id());
    let _ = canonical::check(&bytes);
    Summary::of(&bytes);
    Fingerprint::of(&bytes);
    preview(&bytes);
    true
}

/// Asks for messages that are not there.
fn read_elsewhere(store: &mut dyn Store, folder: &FolderPath, known: &Locator) {
    let of = |offset: u64, length: u64| Locator { name: known.name.clone(), offset, length };
    for other in [
        of(known.offset.saturating_sub(1), known.length),
        of(known.offset + 1, known.length),
        of(known.offset, known.length + 1),
        of(known.offset, u64::MAX - known.offset),
        of(u64::MAX - known.length, known.length),
        Locator { name: format!("{}x", known.name).into(), ..known.clone() },
    ] {
        let _ = store.read(folder, &other);
    }
}
