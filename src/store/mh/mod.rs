//! MH: one file a message, named by a number; also as Sylpheed and Claws Mail keep it, with their mark files.
//!
//! Used through [`FORMAT`]. Files whose name starts with a comma were deleted by MH and are hidden.

mod marks;

use std::io;
use std::path::Path;

use super::dir::{self, Entry, Kind};
use super::files::{self, FileStore, MessageFiles, Rules};
use super::{Damage, Format, Found, Hidden, OpenOptions, Spot, Store, StoreError, eml};
use marks::Marks;

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "mh", title: "MH, Sylpheed, Claws Mail", sign, covers: &[], stands_alone: false, open };

/// Files that only MH and its kin keep in a folder.
const MARKERS: [&str; 6] =
    [".mh_sequences", ".sylpheed_mark", ".claws_mark", ".sylpheed_cache", ".claws_cache", ".xmhcache"];
/// The weaker evidence: others name messages by numbers too.
pub(super) const NUMBERED: &str = "is a message named by a number";
/// What MH's `rmm` puts before the name of a message.
const DELETED: char = ',';

/// Which directories are folders.
const RULES: Rules = Rules { what: "MH message", holds, is_own, name: |disk, _| dir::folder_name(disk), top: None };

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    if path.is_file() {
        let reason = "MH is a directory of message files; open a single file as eml".to_owned();
        return Err(StoreError::NotMail { path: path.to_owned(), reason });
    }
    Ok(FileStore::boxed(files::find(path, &RULES, &options.company)?, Mh))
}

/// Whether a file is one of MH or its kin.
fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    if spot.is_given() || !spot.is_file() {
        return None;
    }
    if is_marker(spot.entry()) {
        return Some("is a file of MH or its kin");
    }
    let is_message = is_own(spot.entry()) && eml::looks_like_message(spot.start());
    is_message.then_some(NUMBERED)
}

fn holds(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| is_marker(entry) || (entry.kind != Kind::Directory && number(&entry.text()).is_some()))
}

fn is_own(entry: &Entry) -> bool {
    number(entry.text().trim_start_matches(DELETED)).is_some()
}

fn is_marker(entry: &Entry) -> bool {
    entry.kind == Kind::File && MARKERS.iter().any(|marker| entry.name == *marker)
}

/// The number that a message's file is named by; one too large for us is still a message.
fn number(name: &str) -> Option<u64> {
    let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| name.parse().unwrap_or(u64::MAX))
}

/// The files of this format.
struct Mh;

impl MessageFiles for Mh {
    type Notes = Marks;

    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn files(&self, place: &Path) -> io::Result<Vec<Entry>> {
        let mut all = dir::entries(place)?;
        let of = |entry: &Entry| number(entry.text().trim_start_matches(DELETED));
        all.retain(|entry| entry.kind != Kind::Directory && of(entry).is_some());
        all.sort_by_cached_key(|entry| (of(entry), entry.name.clone()));
        Ok(all)
    }

    fn notes(&self, place: &Path, damage: &mut Vec<Damage>) -> Marks {
        Marks::read(place, damage)
    }

    fn look(&self, entry: &Entry, marks: &Marks) -> Result<Option<Found>, String> {
        let Some(number) = number(&entry.text()) else { return Ok(Some(Found::Hidden(Hidden::Expunged))) };
        let Some((mut known, head)) = eml::known(entry, true)? else { return Ok(None) };
        (known.flags, known.keywords) = marks.of(number);
        Ok(Some(Found::Message(known.envelope(&head))))
    }

    fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        eml::content(path)
    }
}
