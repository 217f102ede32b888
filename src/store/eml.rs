//! Messages as single files (.eml and the like) in a tree of directories, or one such file.
//!
//! Used through [`FORMAT`]. Nothing in the files says whether they were read, so they count as read. Windows Mail and
//! Windows Live Mail keep such trees. Outlook's .msg files are read beside them, through [`super::msg`]. Apple's .emlx is
//! another format.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use super::describe::Known;
use super::dir::{self, Entry, Kind};
use super::files::{self, FileStore, MessageFiles, Rules};
use super::{Damage, Format, Found, LARGE, Large, OpenOptions, Spot, Store, StoreError, file, livemail, msg};
use crate::mail::canonical;
use crate::mail::{Flags, Locator, header};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format = Format {
    name: "eml",
    title: "Message files (.eml), Windows Mail",
    sign,
    covers: &["msg"],
    stands_alone: false,
    open,
};

/// How much of a file is looked at to judge it.
const SNIFF: usize = 4096;
/// How far header fields are looked through to judge a file.
const MAX_FIELDS: usize = 200;
/// Endings by which a file says that it is a message.
const ENDINGS: [&str; 4] = ["eml", "nws", "mht", "msg"];
/// Fields that only mail has; one of them and one more of [`COMMON`] make a message.
const STRONG: [&str; 7] = ["Received", "Return-Path", "Message-ID", "Delivered-To", "MIME-Version", "X-Unsent", "From"];
const COMMON: [&str; 6] = ["To", "Subject", "Date", "Content-Type", "Reply-To", "Newsgroups"];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Which directories are folders.
const RULES: Rules = Rules { what: "message file", holds, is_own: |_| true, name, top: None };

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    open_as(path, &FORMAT, options)
}

/// Opens `path` as a store of message files that goes by the name of `format`.
pub(super) fn open_as(
    path: &Path,
    format: &'static Format,
    options: &OpenOptions,
) -> Result<Box<dyn Store>, StoreError> {
    Ok(FileStore::boxed(files::find(path, &RULES, &options.company)?, Eml { format }))
}

fn name(disk: &str, inner: &[Entry]) -> String {
    livemail::account_name(inner).unwrap_or_else(|| dir::folder_name(disk))
}

fn holds(entries: &[Entry]) -> bool {
    let holds = |path: &Path| says_message(path) || is_message(path) || msg::is_msg(path);
    entries.iter().any(|entry| is_candidate(entry) && holds(&entry.path))
}

/// Whether a file is a message.
fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    let found = (spot.is_given() || is_candidate(spot.entry())) && looks_like_message(spot.start());
    found.then_some("starts with the header of a message")
}

fn is_candidate(entry: &Entry) -> bool {
    entry.kind == Kind::File && !entry.name.as_encoded_bytes().starts_with(b".")
}

fn is_message(path: &Path) -> bool {
    file::prefix(path, SNIFF).is_ok_and(|start| looks_like_message(&start))
}

/// Whether a file's name claims that it is a message; then it is named if it is none.
pub(super) fn says_message(path: &Path) -> bool {
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
pub(super) fn decoded(raw: &[u8]) -> Vec<u8> {
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

/// The files of this format.
struct Eml {
    /// The name it goes by.
    format: &'static Format,
}

impl MessageFiles for Eml {
    type Notes = ();

    fn format(&self) -> &'static Format {
        self.format
    }

    fn files(&self, place: &Path) -> io::Result<Vec<Entry>> {
        let shown = |entry: &Entry| entry.kind != Kind::Directory && !entry.name.as_encoded_bytes().starts_with(b".");
        Ok(dir::entries(place)?.into_iter().filter(shown).collect())
    }

    fn notes(&self, _: &Path, _: &mut Vec<Damage>) {}

    fn look(&self, entry: &Entry, (): &()) -> Result<Option<Found>, String> {
        let refused = |error: io::Error| format!("it is not read: {error}");
        let file = file::open_regular(&entry.path).map_err(refused)?;
        if msg::starts(&file) {
            return outlook(entry, &file).map_err(refused);
        }
        let Some((mut known, head)) = known(entry, says_message(&entry.path))? else { return Ok(None) };
        if header::find(&head, "X-Unsent").is_some_and(|field| field.text() == "1") {
            known.flags |= Flags::DRAFT;
        }
        Ok(Some(Found::Message(known.envelope(&head))))
    }

    fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        content(path)
    }

    fn large(&self, path: &Path) -> io::Result<Option<Large>> {
        large(path)
    }
}

/// The message that a file is, as it would be appended.
pub(super) fn content(path: &Path) -> io::Result<Vec<u8>> {
    let file = file::open_regular(path)?;
    if msg::starts(&file) {
        return msg::content(&file);
    }
    let message = decoded(&file::read_range(&file, 0, file.metadata()?.len())?);
    Ok(canonical::of_file(message))
}

/// The same to be read in pieces; not where all of it must be decoded.
fn large(path: &Path) -> io::Result<Option<Large>> {
    let file = file::open_regular(path)?;
    let size = file.metadata()?.len();
    if size < LARGE || msg::starts(&file) {
        return Ok(None);
    }
    let mut start = Vec::new();
    file::read_at(&file, 0, SNIFF, &mut start)?;
    if matches!(start.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return Ok(None);
    }
    let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&start);
    let mut left_out = start.len() - text.len();
    if text.starts_with(b"From ") {
        let Some(end) = memchr::memchr(b'\n', text) else { return Ok(None) };
        left_out += end + 1;
    }
    Large::of_file(file, u64::try_from(left_out).unwrap_or(size)..size).map(Some)
}

/// What an Outlook file is: a message, one that is no mail, or nothing that is read here.
fn outlook(entry: &Entry, file: &File) -> io::Result<Option<Found>> {
    if !msg::is_msg(&entry.path) {
        return Ok(None);
    }
    let locator = Locator { name: entry.text().into(), offset: 0, length: file.metadata()?.len() };
    Ok(Some(msg::envelope(file, locator)?.map_or_else(Found::Hidden, Found::Message)))
}

/// What is known of the message that a file is, and its header. `None` for a file that neither is a message nor, by its
/// name, `claims` to be one; a reason for one that claims to and is none.
pub(super) fn known(entry: &Entry, claims: bool) -> Result<Option<(Known, Vec<u8>)>, String> {
    let refused = |error: io::Error| format!("it is not read: {error}");
    let file = file::open_regular(&entry.path).map_err(refused)?;
    let data = file.metadata().map_err(refused)?;
    let head = file::head(&file, data.len()).map_err(refused)?;
    let text = decoded(&head);
    if !looks_like_message(&head) {
        let starts = header::lines(&text).next().is_some_and(|line| header::name_length(line).is_some());
        match (claims, starts) {
            (false, _) => return Ok(None),
            (true, _) if data.len() == 0 => return Err("the file is empty".to_owned()),
            (true, false) => return Err("it does not start with the header of a message".to_owned()),
            (true, true) => {}
        }
    }
    Ok(Some((Known::of_file(&entry.text(), &data), text)))
}
