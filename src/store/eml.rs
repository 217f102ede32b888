//! Messages as single files (.eml and the like) in a tree of directories, or one such file.
//!
//! Used through [`FORMAT`]. Nothing in the files says whether they were read, so they count as read. Outlook's .msg files
//! are read beside them, through [`super::msg`]. Apple's .emlx is another format.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::dir::{self, Entry, Kind, Walker};
use super::moved::Moved;
use super::tree::Tree;
use super::{Damage, Folder, Format, Found, Removal, Store, StoreError, Walk, file, maildir, msg};
use crate::mail::canonical::{self, BareCr};
use crate::mail::envelope::Summary;
use crate::mail::{DateSource, Digest, Envelope, Flags, FolderPath, InternalDate, Locator, Warning, header};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format = Format { name: "eml", title: "Message files (.eml)", recognise, open };

/// How much of a file is looked at to judge it.
const SNIFF: usize = 4096;
/// How many files pass between two reports of progress.
const REPORT_EVERY: usize = 500;
/// How far header fields are looked through to judge a file.
const MAX_FIELDS: usize = 200;
/// Endings by which a file says that it is a message.
const ENDINGS: [&str; 4] = ["eml", "nws", "mht", "msg"];
/// Fields that only mail has; one of them and one more of [`COMMON`] make a message.
const STRONG: [&str; 7] = ["Received", "Return-Path", "Message-ID", "Delivered-To", "MIME-Version", "X-Unsent", "From"];
const COMMON: [&str; 6] = ["To", "Subject", "Date", "Content-Type", "Reply-To", "Newsgroups"];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn open(path: &Path) -> Result<Box<dyn Store>, StoreError> {
    open_as(path, &FORMAT)
}

/// Opens `path` as a store of message files that goes by the name of `format`.
pub(super) fn open_as(path: &Path, format: &'static Format) -> Result<Box<dyn Store>, StoreError> {
    let refused = |source| StoreError::read(path, source);
    let mut tree = Tree::new(path);
    if path.is_dir() {
        let mut walker = Walker::to_open();
        let entries = walker.enter(path, 0).map_err(refused)?;
        walk(&mut walker, &mut tree, &FolderPath::root(), path, &entries, 0);
        if tree.is_empty() {
            let reason = "there is no message file in this directory".to_owned();
            return Err(StoreError::NotMail { path: path.to_owned(), reason });
        }
    } else {
        file::open_regular(path).map_err(refused)?;
        tree.add(FolderPath::root(), path);
    }
    Ok(Box::new(Eml { tree, format }))
}

/// Whether `path` is a message file or a directory tree with one in it.
fn recognise(path: &Path) -> Option<String> {
    if path.is_dir() {
        return dir::search(path, is_entered, |entry| {
            let found = is_candidate(entry) && is_message(&entry.path);
            found.then(|| format!("{} starts with the header of a message", entry.path.display()))
        });
    }
    is_message(path).then(|| "starts with the header of a message".to_owned())
}

fn walk(walker: &mut Walker, tree: &mut Tree, here: &FolderPath, dir: &Path, entries: &[Entry], depth: usize) {
    let holds = |path: &Path| says_message(path) || is_message(path) || msg::is_msg(path);
    if entries.iter().any(|entry| is_candidate(entry) && holds(&entry.path)) {
        tree.add(here.clone(), dir);
    }
    for entry in entries.iter().filter(|entry| is_entered(entry)) {
        match walker.enter(&entry.path, depth + 1) {
            Ok(_) if maildir::is_maildir(&entry.path) => {
                tree.skip(&entry.path, "a Maildir among message files; give its own path to read it");
            }
            Ok(inner) => {
                walk(walker, tree, &here.child(dir::folder_name(&entry.text())), &entry.path, &inner, depth + 1);
            }
            Err(error) => tree.skip(&entry.path, format!("the directory is not read: {error}")),
        }
    }
}

/// Whether a directory is looked into.
pub(super) fn is_entered(entry: &Entry) -> bool {
    entry.kind == Kind::Directory && !entry.name.as_encoded_bytes().starts_with(b".")
}

fn is_candidate(entry: &Entry) -> bool {
    entry.kind == Kind::File && !entry.name.as_encoded_bytes().starts_with(b".")
}

fn is_message(path: &Path) -> bool {
    file::prefix(path, SNIFF).is_ok_and(|start| looks_like_message(&start))
}

/// Whether a file's name claims that it is a message; then it is named if it is none.
fn says_message(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

/// Whether `start` of a file is the header of a message.
pub(super) fn looks_like_message(start: &[u8]) -> bool {
    let text = decoded(start);
    let Some(first) = header::lines(&text).next() else { return false };
    if header::name_length(first).is_none() {
        return false;
    }
    let (mut strong, mut all) = (0, 0);
    for field in header::fields(&text).take(MAX_FIELDS) {
        let is_strong = STRONG.iter().any(|name| field.is(name));
        strong += u32::from(is_strong);
        all += u32::from(is_strong || COMMON.iter().any(|name| field.is(name)));
    }
    strong >= 1 && all >= 2
}

/// The bytes of a message file as mail has them: without a byte order mark, in UTF-8 if they were in UTF-16, and without
/// the From_ line that some exports put first.
fn decoded(raw: &[u8]) -> Vec<u8> {
    let text = match raw {
        [0xff, 0xfe, rest @ ..] => utf8(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf8(rest, u16::from_be_bytes),
        _ => raw.strip_prefix(BYTE_ORDER_MARK).unwrap_or(raw).to_vec(),
    };
    if text.starts_with(b"From ") {
        let line = header::lines(&text).next().map_or(0, <[u8]>::len);
        return text.get(line..).unwrap_or_default().to_vec();
    }
    text
}

fn utf8(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let text: String = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .map(|ch| ch.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    text.into_bytes()
}

/// A tree of directories with message files.
struct Eml {
    tree: Tree,
    format: &'static Format,
}

impl Store for Eml {
    fn format(&self) -> &'static Format {
        self.format
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        Ok(self.tree.folders())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        let Some(place) = self.tree.place(folder)? else { return Ok(()) };
        if self.tree.report_skipped(folder, visit).is_break() {
            return Ok(());
        }
        let files = files(place)?;
        let total = u64::try_from(files.len()).unwrap_or(u64::MAX);
        for (number, entry) in files.iter().enumerate() {
            let found = match look(entry) {
                Ok(found) => found,
                Err(reason) => Some(Found::Damage(Damage { file: entry.path.clone(), offset: 0, reason })),
            };
            let done = u64::try_from(number + 1).unwrap_or(u64::MAX);
            let report = ((number + 1) % REPORT_EVERY == 0).then_some(Found::Progress { done, total });
            if found.into_iter().chain(report).any(|found| visit(found).is_break()) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        Ok(find(self.tree.messages(folder)?, locator)?.1)
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        let place = self.tree.messages(folder)?;
        let dir = if place.is_dir() {
            place
        } else {
            place.parent().filter(|dir| *dir != Path::new("")).unwrap_or(Path::new("."))
        };
        Moved::beside(self.tree.root())?.check([dir])
    }

    fn remove(&mut self, folder: &FolderPath, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let place = self.tree.messages(folder)?;
        let mut moved = Moved::beside(self.tree.root())?;
        let results = removals.iter().map(|removal| {
            let (path, bytes) = find(place, &removal.locator)?;
            if Digest::of(&bytes) != removal.digest {
                return Err(StoreError::changed(place, &removal.locator));
            }
            moved.take(&path)
        });
        let results = results.collect();
        moved.sync()?;
        Ok(results)
    }
}

/// The files of a folder; the one file of a store that is a single file.
fn files(place: &Path) -> Result<Vec<Entry>, StoreError> {
    if place.is_dir() {
        let all = dir::entries(place).map_err(|source| StoreError::read(place, source))?;
        let shown = |entry: &Entry| entry.kind != Kind::Directory && !entry.name.as_encoded_bytes().starts_with(b".");
        return Ok(all.into_iter().filter(shown).collect());
    }
    let name = place.file_name().unwrap_or(place.as_os_str()).to_owned();
    Ok(vec![Entry { name, path: place.to_owned(), kind: Kind::File }])
}

/// The file that a locator names, with its message as it would be appended.
fn find(place: &Path, locator: &Locator) -> Result<(PathBuf, Vec<u8>), StoreError> {
    let known = || files(place).ok()?.into_iter().find(|entry| *entry.text() == *locator.name).map(|entry| entry.path);
    let path = if place.is_dir() { place.join(&*locator.name) } else { place.to_owned() };
    let path = if path.exists() { path } else { known().ok_or_else(|| StoreError::vanished(place, locator))? };
    match content(&path) {
        Ok(bytes) => Ok((path, bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::vanished(place, locator)),
        Err(error) => Err(StoreError::read(&path, error)),
    }
}

fn content(path: &Path) -> io::Result<Vec<u8>> {
    let file = file::open_regular(path)?;
    if msg::starts(&file) {
        return msg::content(&file);
    }
    let message = decoded(&file::read_range(&file, 0, file.metadata()?.len())?);
    Ok(canonical::to_crlf(&message, BareCr::of(&message)))
}

/// What a list finds in one file; `None` for a file that neither is nor claims to be a message.
fn look(entry: &Entry) -> Result<Option<Found>, String> {
    if let Kind::Other(what) = entry.kind {
        return Err(format!("a {what} is not read"));
    }
    let refused = |error: io::Error| format!("it is not read: {error}");
    let file = file::open_regular(&entry.path).map_err(refused)?;
    let data = file.metadata().map_err(refused)?;
    if msg::starts(&file) {
        return if msg::is_msg(&entry.path) {
            outlook(entry, &file, &data).map(Some).map_err(refused)
        } else {
            Ok(None)
        };
    }
    let head = file::head(&file).map_err(refused)?;
    let text = decoded(&head);
    if !looks_like_message(&head) {
        let starts = header::lines(&text).next().is_some_and(|line| header::name_length(line).is_some());
        return match (says_message(&entry.path), starts) {
            (false, _) => Ok(None),
            (true, _) if data.len() == 0 => Err("the file is empty".to_owned()),
            (true, false) => Err("it does not start with the header of a message".to_owned()),
            (true, true) => Ok(Some(Found::Message(described(entry, &data, &text)))),
        };
    }
    Ok(Some(Found::Message(described(entry, &data, &text))))
}

fn locator(entry: &Entry, data: &Metadata) -> Locator {
    Locator { name: entry.text().into(), offset: 0, length: data.len() }
}

fn outlook(entry: &Entry, file: &File, data: &Metadata) -> io::Result<Found> {
    Ok(msg::envelope(file, locator(entry, data))?.map_or_else(Found::Hidden, Found::Message))
}

fn described(entry: &Entry, data: &Metadata, text: &[u8]) -> Envelope {
    let summary = Summary::of(text);
    let modified = InternalDate::from_unix(data.mtime());
    let candidates = [
        (summary.sane_received(), DateSource::Received),
        (summary.sane_date(), DateSource::Date),
        (Some(modified).filter(|date| date.is_sane()), DateSource::Mtime),
    ];
    let found = candidates.into_iter().find_map(|(date, rule)| Some((date?, rule)));
    let unsent = header::find(text, "X-Unsent").is_some_and(|field| field.text() == "1");
    Envelope {
        locator: locator(entry, data),
        size: data.len(),
        flags: if unsent { Flags::SEEN | Flags::DRAFT } else { Flags::SEEN },
        keywords: Vec::new(),
        internal_date: found.map(|(date, _)| date),
        date_from: found.map_or(DateSource::None, |(_, rule)| rule),
        from: summary.from,
        subject: summary.subject,
        message_id: summary.message_id,
        warnings: if found.is_none() { vec![Warning::NoDate] } else { Vec::new() },
    }
}
