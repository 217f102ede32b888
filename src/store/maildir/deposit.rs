//! Writes messages into a Maildir tree: new folders in the form of Maildir++, which Dovecot, Courier and this program read;
//! folders that are there stay where they are.
//!
//! A message's name comes from its date and its content alone, so that writing it again gives the same name. It is written
//! in `tmp`, made durable, and renamed into `cur`, which is made durable too.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, FileTimes};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use super::{Message, PARTS, Place, content_of, envelope, name, names, tree, without_twice};
use crate::mail::{Envelope, Flags, FolderPath, InternalDate, Locator, Sha256Sum, SpecialUse, mutf7};
use crate::store::deposit::{Deposit, Letter, again, fail_all, to_lf};
use crate::store::moved::Moved;
use crate::store::{Company, Folder, StoreError};

const INBOX: &str = "INBOX";
const CUR: &str = "cur";
const TMP: &str = "tmp";
/// Marks a directory as a folder of a Maildir++ (Courier, Dovecot).
const FOLDER_MARK: &str = "maildirfolder";
/// The longest segment; with the segments above it, a name has 255 bytes at most.
const MAX_SEGMENT: usize = 100;
/// Files written before they are made durable together, and how many at a time.
const OPEN_FILES: usize = 64;
const SYNCS: usize = 16;
/// The most messages of one date and content in a folder.
const MAX_TWINS: usize = 1_000_000;
/// Digits of a digest in a name: enough to tell any messages of one second apart.
const DIGITS: usize = 20;

/// Opens `path` for writing; an empty directory, or nothing, becomes a Maildir with the first folder.
pub(in crate::store) fn deposit(path: &Path) -> Result<Box<dyn Deposit>, StoreError> {
    let is_new = match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(source) => return Err(StoreError::read(path, source)),
    };
    let mut places = BTreeMap::new();
    if !is_new {
        let tree = tree::find(path, &Company::default())?;
        let holding = tree.folders().into_iter().filter(|folder| folder.holds_messages);
        for folder in holding {
            let place = tree.messages(&folder.path)?.to_owned();
            // A Maildir by itself has no name for its one folder.
            let at = if place == path { FolderPath::new([INBOX]) } else { folder.path };
            places.insert(at, place);
        }
    }
    Ok(Box::new(MaildirDeposit { root: path.to_owned(), places, known: HashMap::new() }))
}

struct MaildirDeposit {
    root: PathBuf,
    /// The folders that hold messages, with their directories.
    places: BTreeMap<FolderPath, PathBuf>,
    /// The files of the directories that were looked into, by their base names.
    known: HashMap<PathBuf, Files>,
}

type Files = HashMap<Box<str>, Message>;

/// A message written in `tmp`, on its way to `cur`.
struct Staged {
    from: PathBuf,
    /// Its name in `cur`.
    name: OsString,
    key: Box<str>,
    length: u64,
}

impl Deposit for MaildirDeposit {
    fn folders(&self) -> Vec<Folder> {
        let special = |path: &FolderPath| SpecialUse::from_name(path.name()).filter(|_| path.depth() == 1);
        let folder = |path: &FolderPath| Folder { path: path.clone(), special: special(path), holds_messages: true };
        let inbox = FolderPath::new([INBOX]);
        let first = self.places.keys().filter(|path| **path == inbox);
        first.chain(self.places.keys().filter(|path| **path != inbox)).map(folder).collect()
    }

    fn takeable(&self, folder: &FolderPath) -> FolderPath {
        if self.places.contains_key(folder) {
            return folder.clone();
        }
        FolderPath::new(folder.segments().iter().enumerate().map(|(depth, segment)| {
            if depth == 0 && segment.eq_ignore_ascii_case(INBOX) {
                return INBOX.to_owned();
            }
            let kept = segment.chars().map(|ch| if matches!(ch, '.' | '/') || ch.is_control() { '_' } else { ch });
            let kept: String = kept.collect();
            let kept = kept.get(..kept.floor_char_boundary(MAX_SEGMENT)).unwrap_or_default().trim();
            if kept.is_empty() { "_".to_owned() } else { kept.to_owned() }
        }))
    }

    fn make(&mut self, folder: &FolderPath) -> Result<bool, StoreError> {
        if self.places.contains_key(folder) {
            return Ok(false);
        }
        let place = self.new_place(folder);
        // Programs look for the Maildir's own parts before they look for folders.
        for directory in [&self.root, &place] {
            make_parts(directory).map_err(|source| StoreError::write(directory, source))?;
        }
        if place != self.root {
            let mark = place.join(FOLDER_MARK);
            let made = private().create(true).truncate(false).open(&mark);
            made.map_err(|source| StoreError::write(&mark, source))?;
        }
        sync(&self.root).map_err(|source| StoreError::write(&self.root, source))?;
        self.places.entry(FolderPath::new([INBOX])).or_insert_with(|| self.root.clone());
        self.places.insert(folder.clone(), place);
        Ok(true)
    }

    /// What is left in `tmp` is not seen by anyone, and overwritten when it is written again.
    fn mend(&mut self, _folder: &FolderPath) -> Result<(), StoreError> {
        Ok(())
    }

    fn walk(&mut self, folder: &FolderPath, each: &mut dyn FnMut(Envelope)) -> Result<(), StoreError> {
        let place = self.place(folder)?;
        let mut files = names(&place).map_err(|source| StoreError::read(&place, source))?;
        without_twice(&place, &mut files);
        let open = Place::open(&place);
        files.iter().filter_map(|message| envelope(message, &open).ok()).for_each(each);
        self.known.insert(place, files.into_iter().map(|message| (message.key.clone(), message)).collect());
        Ok(())
    }

    fn look(&mut self, folder: &FolderPath, locator: &Locator) -> Result<(Envelope, Vec<u8>), StoreError> {
        let (place, message) = self.find(folder, locator)?;
        let read = |source| StoreError::read(&message.path(&place), source);
        let mut found = envelope(&message, &Place::open(&place)).map_err(|reason| read(io::Error::other(reason)))?;
        let data = fs::metadata(message.path(&place)).map_err(read)?;
        let modified = data.modified().ok().and_then(unix);
        found.internal_date = modified.map(InternalDate::from_unix).or(found.internal_date);
        Ok((found, content_of(&message.path(&place)).map_err(read)?))
    }

    fn keep(&mut self, folder: &FolderPath, letters: &[Letter<'_>]) -> Vec<Result<Locator, StoreError>> {
        match self.stage_all(folder, letters) {
            Ok((place, staged)) => {
                let kept = publish(&place, &staged);
                let known = self.known.entry(place).or_default();
                for (staged, kept) in staged.into_iter().zip(&kept) {
                    if let (Ok(staged), Ok(_)) = (staged, kept) {
                        known.insert(staged.key.clone(), Message::of(CUR, staged.name));
                    }
                }
                kept
            }
            Err(error) => fail_all(letters.len(), &error, &self.root),
        }
    }

    fn flag(
        &mut self,
        folder: &FolderPath,
        locator: &Locator,
        flags: Flags,
        keywords: &[String],
    ) -> Result<(), StoreError> {
        let (place, message) = self.find(folder, locator)?;
        let letters = letters_of(&place, flags, keywords).map_err(|source| StoreError::write(&place, source))?;
        let (from, name) = (message.path(&place), format!("{}:2,{letters}", message.key));
        fs::rename(&from, place.join(CUR).join(&name)).map_err(|source| StoreError::write(&from, source))?;
        self.known.entry(place).or_default().insert(message.key, Message::of(CUR, name.into()));
        Ok(())
    }

    fn rename(&mut self, from: &FolderPath, to: &FolderPath) -> Result<(), StoreError> {
        let inbox = FolderPath::new([INBOX]);
        let moved: Vec<(FolderPath, PathBuf)> = self
            .places
            .iter()
            .filter(|(path, _)| **path != inbox && path.starts_with(from))
            .map(|(path, place)| (path.clone(), place.clone()))
            .collect();
        for (path, place) in moved {
            let below = FolderPath::new(path.segments().iter().skip(from.depth()).map(String::as_str));
            let renamed = to.join(&below);
            let target = self.new_place(&renamed);
            if target.exists() {
                let taken = io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is there", target.display()));
                return Err(StoreError::write(&place, taken));
            }
            fs::rename(&place, &target).map_err(|source| StoreError::write(&place, source))?;
            self.places.remove(&path);
            self.known.remove(&place);
            self.places.insert(renamed, target);
        }
        sync(&self.root).map_err(|source| StoreError::write(&self.root, source))
    }

    fn discard(&mut self, folder: &FolderPath) -> Result<(), StoreError> {
        let place = self.place(folder)?;
        if place == self.root {
            return Err(StoreError::write(&place, io::Error::other("the INBOX can not be put away")));
        }
        let mut moved = Moved::beside(&self.root)?;
        moved.take_directory(&place)?;
        self.places.remove(folder);
        self.known.remove(&place);
        moved.sync();
        Ok(())
    }
}

impl MaildirDeposit {
    fn place(&self, folder: &FolderPath) -> Result<PathBuf, StoreError> {
        let none = || StoreError::NoFolder { folder: folder.to_string(), path: self.root.clone() };
        self.places.get(folder).cloned().ok_or_else(none)
    }

    /// The directory of a folder in Maildir++: all segments in one name.
    fn new_place(&self, folder: &FolderPath) -> PathBuf {
        if folder.segments() == [INBOX] || folder.is_root() {
            return self.root.clone();
        }
        let encoded: Vec<String> = folder.segments().iter().map(|segment| mutf7::encode(segment)).collect();
        self.root.join(format!(".{}", encoded.join(".")))
    }

    /// Writes all messages in `tmp`, durably.
    fn stage_all(
        &mut self,
        folder: &FolderPath,
        letters: &[Letter<'_>],
    ) -> Result<(PathBuf, Vec<Result<Staged, StoreError>>), StoreError> {
        let place = self.place(folder)?;
        if !self.known.contains_key(&place) {
            self.scan(&place)?;
        }
        let known = self.known.entry(place.clone()).or_default();
        let mut waiting = Vec::new();
        let mut staged: Vec<Result<Staged, StoreError>> = Vec::with_capacity(letters.len());
        for letter in letters {
            let of_batch = |key: &str| staged.iter().flatten().any(|one: &Staged| *one.key == *key);
            let one = stage(&place, letter, |key| known.contains_key(key) || of_batch(key));
            let one = one.map(|(one, file)| {
                waiting.push(file);
                one
            });
            staged.push(one.map_err(|source| StoreError::write(&place, source)));
            if waiting.len() >= OPEN_FILES {
                sync_files(&std::mem::take(&mut waiting)).map_err(|source| StoreError::write(&place, source))?;
            }
        }
        sync_files(&waiting).map_err(|source| StoreError::write(&place, source))?;
        Ok((place, staged))
    }

    fn scan(&mut self, place: &Path) -> Result<(), StoreError> {
        let there = names(place).map_err(|source| StoreError::read(place, source))?;
        self.known.insert(place.to_owned(), there.into_iter().map(|message| (message.key.clone(), message)).collect());
        Ok(())
    }

    /// The file of a message, whatever its flags are now.
    fn find(&mut self, folder: &FolderPath, locator: &Locator) -> Result<(PathBuf, Message), StoreError> {
        let place = self.place(folder)?;
        let mut has_looked = false;
        loop {
            let found = self.known.get(&place).and_then(|files| files.get(&locator.name));
            match found {
                Some(message) if has_looked || message.path(&place).exists() => return Ok((place, message.clone())),
                _ if has_looked => return Err(StoreError::vanished(&place, locator)),
                _ => self.scan(&place)?,
            }
            has_looked = true;
        }
    }
}

/// Writes a message in `tmp`, under a name that is not taken.
fn stage(place: &Path, letter: &Letter<'_>, is_taken: impl Fn(&str) -> bool) -> io::Result<(Staged, File)> {
    let bytes = to_lf(letter.bytes);
    let date = letter.internal_date.unwrap_or_else(InternalDate::now);
    let digits: String = Sha256Sum::of(letter.bytes).to_string().chars().take(DIGITS).collect();
    let second = date.unix().max(0);
    let sizes = format!("S={},W={}", bytes.len(), letter.bytes.len());
    // A second message of the same content and date is one of its own.
    let numbered = |number: usize| -> Box<str> {
        let twin = if number == 0 { String::new() } else { format!("Q{number}") };
        format!("{second}.X{digits}{twin}.mailferry,{sizes}").into()
    };
    let key = (0..MAX_TWINS).map(numbered).find(|key| !is_taken(key));
    let key = key.ok_or_else(|| io::Error::other("too many messages of one date and content"))?;
    let from = place.join(TMP).join(&*key);
    let letters = letters_of(place, letter.flags, letter.keywords)?;
    let name: OsString = format!("{key}:2,{letters}").into();
    let mut file = private().create(true).truncate(true).open(&from)?;
    file.write_all(&bytes)?;
    let time = system_time(date.unix());
    file.set_times(FileTimes::new().set_modified(time))?;
    Ok((Staged { from, name, key, length: bytes.len() as u64 }, file))
}

/// Makes files durable, several at a time: the disk then writes its own journal once for all of them.
fn sync_files(files: &[File]) -> io::Result<()> {
    let lot = files.len().div_ceil(SYNCS).max(1);
    thread::scope(|scope| {
        let lots = files.chunks(lot).map(|lot| scope.spawn(move || lot.iter().try_for_each(File::sync_all)));
        let lots: Vec<_> = lots.collect();
        lots.into_iter().try_for_each(|lot| lot.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())))
    })
}

/// Renames what was written to where it is seen, durably.
fn publish(place: &Path, staged: &[Result<Staged, StoreError>]) -> Vec<Result<Locator, StoreError>> {
    let renamed: Vec<Result<Locator, StoreError>> = staged
        .iter()
        .map(|staged| {
            let Staged { from, name, key, length } = staged.as_ref().map_err(|error| again(error, place))?;
            fs::rename(from, place.join(CUR).join(name)).map_err(|source| StoreError::write(from, source))?;
            Ok(Locator { name: key.clone(), offset: 0, length: *length })
        })
        .collect();
    let parts = [place.join(CUR), place.join(TMP)];
    match parts.iter().try_for_each(|part| sync(part)) {
        Ok(()) => renamed,
        Err(error) => fail_all(renamed.len(), &StoreError::write(place, error), place),
    }
}

/// The letters of flags and keywords; a keyword that has none yet gets one, as long as there are any.
fn letters_of(place: &Path, flags: Flags, keywords: &[String]) -> io::Result<String> {
    let mut letters = name::flag_letters(flags);
    if keywords.is_empty() {
        return Ok(letters);
    }
    let mut known = name::keyword_names(place);
    let before = known.clone();
    let mut own = Vec::new();
    for keyword in keywords {
        let is_it = |name: &Option<String>| name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(keyword));
        let at = known.iter().position(is_it).or_else(|| known.iter().position(Option::is_none));
        if let Some((at, slot)) = at.and_then(|at| Some((at, known.get_mut(at)?))) {
            slot.get_or_insert_with(|| keyword.clone());
            own.extend(u8::try_from(at).ok().map(|at| char::from(b'a'.saturating_add(at))));
        }
    }
    own.sort_unstable();
    own.dedup();
    letters.extend(own);
    if known != before {
        write_keywords(place, &known)?;
    }
    Ok(letters)
}

/// Writes Dovecot's file of keywords, under the lock that Dovecot takes for it.
fn write_keywords(place: &Path, known: &[Option<String>]) -> io::Result<()> {
    let lines: String =
        known.iter().enumerate().filter_map(|(at, name)| Some(format!("{at} {}\n", name.as_ref()?))).collect();
    let (lock, path) = (place.join(format!("{}.lock", name::KEYWORDS)), place.join(name::KEYWORDS));
    let mut file = private().create_new(true).open(&lock)?;
    let written =
        file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&lock, &path));
    written.inspect_err(|_| drop(fs::remove_file(&lock)))
}

/// `cur`, `new` and `tmp`, for the user alone, as far as they are not there.
fn make_parts(directory: &Path) -> io::Result<()> {
    for part in PARTS.iter().chain(&[TMP]) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory.join(part))?;
    }
    sync(directory)
}

fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn system_time(unix: i64) -> SystemTime {
    let apart = Duration::from_secs(unix.unsigned_abs());
    let before = || SystemTime::UNIX_EPOCH.checked_sub(apart);
    let time = if unix < 0 { before() } else { SystemTime::UNIX_EPOCH.checked_add(apart) };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn unix(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs()).ok()
}
