//! Maildir: one file a message, in `cur` and `new`; single, Maildir++ and nested trees.
//!
//! Used through [`FORMAT`]. A message is known by its base name, so it is found again after another program has changed
//! its flags or moved it from `new` to `cur`. Of a folder only the file names are held in memory.

mod deposit;
mod name;
mod names;
mod parts;
mod tree;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD};

use super::evolution;
use super::kmail;
use super::moved::Moved;
use super::packed::Packing;
use super::tree::Tree;
use super::{
    Count, Damage, Folder, Format, Found, LARGE, Large, OpenOptions, Removal, Stamp, Store, StoreError, Walk, ahead,
    file,
};
use crate::mail::canonical;
use crate::mail::envelope::{Dates, Summary};
use crate::mail::{DateSource, Digest, Envelope, Flags, FolderPath, InternalDate, Locator, Warning, header};

pub(super) use deposit::deposit;
use names::names;
use parts::{Parts, Seen};
use tree::PARTS;
pub(super) use tree::is_maildir;

/// The part of a file name that stays while the message lives.
pub(super) fn base_name(name: &str) -> &str {
    name::split(name).0
}

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "maildir", title: "Maildir", sign: tree::sign, covers: &[], stands_alone: false, open };

/// How many files pass between two reports of progress.
const REPORT_EVERY: u64 = 500;

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    Ok(Box::new(Maildir { tree: tree::find(path, &options.company)?, files: HashMap::new(), reading: None }))
}

/// How much of a file tells how it is packed.
const PACKING_LONG: u64 = 16;

/// A tree of Maildirs.
struct Maildir {
    tree: Tree,
    /// The files of the folders that were looked at, in order; a name that is not in them makes them read again.
    files: HashMap<PathBuf, Vec<Message>>,
    /// The folder that was read last.
    reading: Option<(PathBuf, Parts)>,
}

/// One file in `cur` or `new`, in the order of its folder: by time of arrival, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    arrived: i64,
    key: Box<str>,
    name: OsString,
    part: &'static str,
}

impl Message {
    fn of(part: &'static str, name: OsString) -> Self {
        let text = name.to_string_lossy();
        let key: Box<str> = name::split(&text).0.into();
        drop(text);
        Self { arrived: arrived(&key), key, name, part }
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.part).join(&self.name)
    }
}

/// One folder, open for a walk.
struct Place {
    parts: Parts,
    /// What tells the marks of its messages beside their names.
    keywords: Vec<Option<String>>,
    index: Option<kmail::Marks>,
    evolution: Option<evolution::Marks>,
}

impl Place {
    fn open(path: &Path) -> Self {
        let evolution = tree::in_evolution(path).map(|(database, folder)| evolution::Marks::of(&database, &folder));
        let (parts, keywords) = (Parts::open(path), name::keyword_names(path));
        Self { parts, keywords, index: kmail::Marks::of(path), evolution }
    }

    /// The flags and keywords of a message.
    fn marks(&self, message: &Message) -> (Flags, Vec<String>) {
        let name = message.name.to_string_lossy();
        let (base, letters) = name::split(&name);
        let own = name::marks(letters, &self.keywords);
        match (&self.index, &self.evolution) {
            (Some(index), _) => index.add_to(&name, own),
            (None, Some(evolution)) => evolution.add_to(base, own),
            (None, None) => own,
        }
    }

    /// What is wrong with what tells the marks.
    fn damage(&self) -> Option<Damage> {
        let index = self.index.as_ref().and_then(|index| index.damage.clone());
        index.or_else(|| self.evolution.as_ref()?.damage.clone())
    }
}

fn arrived(key: &str) -> i64 {
    name::time(key).map_or(0, InternalDate::unix)
}

impl Store for Maildir {
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
        self.walk(folder, visit, envelope)
    }

    fn outline(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        self.walk(folder, visit, outline)
    }

    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        let Some(place) = self.tree.place(folder)?.map(Path::to_owned) else { return Ok(Count::default()) };
        let parts = Parts::open(&place);
        let mut count = Count::default();
        for message in self.scan(&place, visit)? {
            let told = name::size(&message.key).or_else(|| Some(parts.look(message, AtFlags::empty()).ok()?.length));
            if let Some(size) = told.filter(|size| *size > 0) {
                count = Count { messages: count.messages + 1, bytes: count.bytes + size };
            }
        }
        Ok(count)
    }

    fn stamp(&mut self, folder: &FolderPath) -> Result<Option<Stamp>, StoreError> {
        // Message files are never written to, so a message that comes, goes or is renamed changes one of these.
        let names = || PARTS.into_iter().chain([name::KEYWORDS]);
        let database = |place: &Path| tree::in_evolution(place).map(|(database, _)| evolution::files(&database));
        let beside = |place: &Path| [kmail::beside(place)].into_iter().chain(database(place).into_iter().flatten());
        let files = |place: &Path| names().map(|name| place.join(name)).chain(beside(place)).collect();
        Stamp::in_tree(&self.tree, folder, files)
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let place = self.tree.messages(folder)?.to_owned();
        self.find(&place, locator, content)
    }

    fn large(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Option<Large>, StoreError> {
        let place = self.tree.messages(folder)?.to_owned();
        self.find(&place, locator, large)
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        let place = self.tree.messages(folder)?;
        let parts: Vec<PathBuf> = PARTS.iter().map(|part| place.join(part)).filter(|part| part.is_dir()).collect();
        Moved::beside(self.tree.root())?.check(parts.iter().map(PathBuf::as_path))
    }

    fn remove(&mut self, folder: &FolderPath, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let place = self.tree.messages(folder)?.to_owned();
        let mut moved = Moved::beside(self.tree.root())?;
        let results = removals.iter().map(|removal| {
            if self.find(&place, &removal.locator, digest)? != removal.digest {
                return Err(StoreError::changed(&place, &removal.locator));
            }
            let file = self.files.get(&place).and_then(|files| known(files, &removal.locator.name));
            moved.take(&file.ok_or_else(|| StoreError::vanished(&place, &removal.locator))?.path(&place))
        });
        let results = results.collect();
        moved.sync();
        Ok(results)
    }
}

impl Maildir {
    /// Hands what `look` makes of each file to `visit`.
    fn walk(
        &mut self,
        folder: &FolderPath,
        visit: &mut dyn FnMut(Found) -> Walk,
        look: fn(&Message, &Place) -> Result<Envelope, String>,
    ) -> Result<(), StoreError> {
        let Some(path) = self.tree.place(folder)?.map(Path::to_owned) else { return Ok(()) };
        if self.tree.report_skipped(folder, visit).is_break() {
            return Ok(());
        }
        let place = Place::open(&path);
        if let Some(damage) = place.damage()
            && visit(Found::Damage(damage)).is_break()
        {
            return Ok(());
        }
        let files = self.scan(&path, visit)?;
        let look_again = |message: &Message| look(&renamed(&path, message)?, &place).ok();
        let look = |message: &Message| match look(message, &place).or_else(|reason| look_again(message).ok_or(reason)) {
            Ok(envelope) => Found::Message(envelope),
            Err(reason) => Found::Damage(Damage { file: message.path(&path), offset: 0, reason }),
        };
        let total = u64::try_from(files.len()).unwrap_or(u64::MAX);
        let _ = ahead::in_order(&look, visit, |line| {
            for (message, done) in files.iter().zip(1..) {
                let report = done % REPORT_EVERY == 0;
                line.job(message, 0)?;
                if report {
                    line.found(Found::Progress { done, total })?;
                }
            }
            Walk::Continue(())
        });
        Ok(())
    }

    /// Reads the names of the files in a folder, and remembers them.
    fn scan(&mut self, place: &Path, visit: &mut dyn FnMut(Found) -> Walk) -> Result<&[Message], StoreError> {
        let mut files = names(place).map_err(|source| StoreError::read(place, source))?;
        let twice = without_twice(place, &mut files);
        for damage in twice {
            if visit(Found::Damage(damage)).is_break() {
                break;
            }
        }
        let slot = self.files.entry(place.to_owned()).or_default();
        *slot = files;
        Ok(slot)
    }

    /// What `read` makes of the file that a locator names.
    fn find<T>(
        &mut self,
        place: &Path,
        locator: &Locator,
        read: fn(File, &Metadata) -> io::Result<T>,
    ) -> Result<T, StoreError> {
        for look_again in [false, true] {
            if look_again || !self.files.contains_key(place) {
                self.scan(place, &mut |_| Walk::Continue(()))?;
                self.reading = None;
            }
            let Some(message) = self.files.get(place).and_then(|files| known(files, &locator.name)) else { continue };
            let parts = match self.reading.take().filter(|(open, _)| open == place) {
                Some((_, parts)) => parts,
                None => Parts::open(place),
            };
            let found = parts.open_file(message).and_then(|(file, metadata)| read(file, &metadata));
            self.reading = Some((place.to_owned(), parts));
            match found {
                Ok(found) => return Ok(found),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {} // renamed since the names were read
                Err(error) => return Err(StoreError::read(&message.path(place), error)),
            }
        }
        Err(StoreError::vanished(place, locator))
    }
}

fn known<'a>(files: &'a [Message], key: &str) -> Option<&'a Message> {
    let wanted = (arrived(key), key);
    let found = files.binary_search_by(|file| (file.arrived, &*file.key).cmp(&wanted));
    files.get(found.ok()?)
}

/// The file of a message that another program renamed since the names were read.
fn renamed(place: &Path, message: &Message) -> Option<Message> {
    let is_it = |now: &Message| now.key == message.key && (&now.name, now.part) != (&message.name, message.part);
    names(place).ok()?.into_iter().find(is_it)
}

/// Leaves one file of each base name. A crash between link and unlink leaves a message in `new` and `cur`; if two such
/// files differ, the second takes its whole name as its key.
fn without_twice(place: &Path, files: &mut Vec<Message>) -> Vec<Damage> {
    let mut damage = Vec::new();
    let mut renamed = false;
    let mut used = HashSet::new();
    files.dedup_by(|later, first| {
        // One that was renamed has a slash in its key; a third file may have the name it had.
        let is_second = if first.key.contains('/') {
            *later.key == *name::split(&first.name.to_string_lossy()).0
        } else {
            later.key == first.key
        };
        if !is_second {
            return false;
        }
        if same(&later.path(place), &first.path(place)) {
            return true;
        }
        let mut key = format!("{}/{}", later.part, later.name.to_string_lossy());
        while !used.insert(key.clone()) {
            key.push('+'); // names that differ in bytes which are no text
        }
        later.key = key.into();
        later.arrived = arrived(&later.key);
        renamed = true;
        let reason = format!("another message in this folder has the same name; this one goes by {}", later.key);
        damage.push(Damage { file: later.path(place), offset: 0, reason });
        false
    });
    if renamed {
        files.sort_unstable();
    }
    damage
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((content_of(a), content_of(b)), (Ok(a), Ok(b)) if a == b)
}

/// When a message arrived, and which rule found that.
type Dated = (Option<InternalDate>, DateSource);

/// What a list shows of one file, or why it is no message.
fn envelope(message: &Message, place: &Place) -> Result<Envelope, String> {
    let refused = |error: io::Error| format!("it is not read: {error}");
    let (file, metadata) = place.parts.open_file(message).map_err(refused)?;
    let mut head = file::head(&file, metadata.len()).map_err(refused)?;
    if let Some(packing) = packing(&head).map_err(refused)? {
        head = file::unpacked(file, packing, Some(header::MAX_HEADER)).map_err(refused)?;
    }
    let seen = Seen::of(&metadata);
    let by_store = date_by_store(message, &seen);
    let summary = Summary::with(&head, if by_store.is_some() { Dates::None } else { Dates::All });
    let date = by_store.unwrap_or_else(|| header_date(&summary));
    let doubts = [(date.0.is_none(), Warning::NoDate), (header::fields(&head).next().is_none(), Warning::NoHeader)];
    let warnings = doubts.into_iter().filter(|(doubt, _)| *doubt).map(|(_, warning)| warning).collect();
    Ok(Envelope { warnings, ..told(message, place, &seen, date, summary) })
}

/// What can be said of one file without reading it; with reading, where only its header has a date.
fn outline(message: &Message, place: &Place) -> Result<Envelope, String> {
    let seen = place.parts.look(message, AtFlags::SYMLINK_NOFOLLOW).ok();
    let seen = seen.filter(|seen| seen.is_file && seen.length > 0);
    match seen.and_then(|seen| Some((date_by_store(message, &seen)?, seen))) {
        Some((date, seen)) => Ok(told(message, place, &seen, date, Summary::default())),
        None => envelope(message, place),
    }
}

fn told(message: &Message, place: &Place, seen: &Seen, date: Dated, summary: Summary) -> Envelope {
    let (flags, keywords) = place.marks(message);
    Envelope {
        locator: Locator { name: message.key.clone(), offset: 0, length: seen.length },
        size: seen.length,
        flags,
        keywords,
        internal_date: date.0,
        date_from: date.1,
        from: summary.from,
        subject: summary.subject,
        message_id: summary.message_id,
        details: Box::new(summary.details),
        warnings: Vec::new(),
    }
}

/// The date that the name of a file and the file itself give, and by which of them.
fn date_by_store(message: &Message, seen: &Seen) -> Option<Dated> {
    let (date, named) = name::arrival(&message.key, InternalDate::from_unix(seen.modified))?;
    Some((Some(date), if named { DateSource::Store } else { DateSource::Mtime }))
}

/// The date that the header gives, and by which field.
fn header_date(summary: &Summary) -> Dated {
    match (summary.sane_received(), summary.sane_date()) {
        (Some(date), _) => (Some(date), DateSource::Received),
        (None, Some(date)) => (Some(date), DateSource::Date),
        (None, None) => (None, DateSource::None),
    }
}

/// How a file that starts like that is packed, as Dovecot does under an unchanged name. Fails if it is empty.
fn packing(start: &[u8]) -> io::Result<Option<Packing>> {
    if start.is_empty() { Err(io::Error::other("the file is empty")) } else { Ok(Packing::of(start)) }
}

/// A file's message to be read in pieces, if it is large and not packed.
fn large(file: File, metadata: &Metadata) -> io::Result<Option<Large>> {
    if metadata.len() < LARGE || packing(&file::read_range(&file, 0, PACKING_LONG)?)?.is_some() {
        return Ok(None);
    }
    Large::of_file(file, 0..metadata.len()).map(Some)
}

/// The digest of a file's message as it would be appended.
fn digest(file: File, metadata: &Metadata) -> io::Result<Digest> {
    match large(file.try_clone()?, metadata)? {
        Some(large) => large.digest(),
        None => Ok(Digest::of(&content(file, metadata)?)),
    }
}

/// The message in the file at `path` as it would be appended.
fn content_of(path: &Path) -> io::Result<Vec<u8>> {
    let (file, metadata) = file::open_known(CWD, path)?;
    content(file, &metadata)
}

/// A file's message as it would be appended.
fn content(file: File, metadata: &Metadata) -> io::Result<Vec<u8>> {
    let mut bytes = file::read_range(&file, 0, metadata.len())?;
    if let Some(packing) = packing(&bytes)? {
        bytes = file::unpacked(file, packing, None)?;
    }
    Ok(canonical::of_file(bytes))
}
