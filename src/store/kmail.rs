//! The index that KMail keeps beside a folder (`.NAME.index`): the marks of its messages, and which of an mbox are left.
//!
//! Used by mbox and Maildir. What lies beside it (`.ids`: serial numbers, `.sorted`: an order) says nothing that is carried.
//! Source: facts/formats.md 1.7; KDE/kdepim-runtime kmindexreader.cpp; KDE/kmail kmfolderindex.cpp and messagestatus.cpp.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::bytes::{array, place};
use super::file::{self, FileId};
use super::{Damage, maildir};
use crate::mail::Flags;

const MAGIC: &[u8] = b"# KMail-Index V";
/// From this version on records are binary, and from the next one a header tells their byte order.
const BINARY: u32 = 1505;
const WITH_HEADER: u32 = 1506;
const ORDER_BIG: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
/// No record is longer, nor is a header: a larger number is one of the other byte order.
const MAX_RECORD: u32 = 0xffff;
/// An index takes a few hundred bytes a message.
const MAX_FILE: u64 = 512 * 1024 * 1024;

/// Parts of a record: numbers, but for the name and the tags, which are UTF-16 in network order.
const OFFSET: u32 = 7;
const LEGACY_STATUS: u32 = 8;
const FILE_NAME: u32 = 11;
const STATUS: u32 = 16;
const TAGS: u32 = 19;
/// Where the offset stands in a record of text, after the letter of the status.
const TEXT_OFFSET: std::ops::Range<usize> = 2..11;

/// Bits of a status, and the letters that stand for them in X-Status and in old records.
const BITS: [(u8, u32); 17] = [
    (b'N', 0x1), // new
    (b'U', 0x2), // unread
    (b'R', READ),
    (b'O', OLD),
    (b'D', DELETED),
    (b'A', 0x20),
    (b'F', 0x40), // forwarded
    (b'Q', 0x80), // queued
    (b'S', SENT),
    (b'G', 0x200), // flagged
    (b'W', 0x400),
    (b'I', IGNORED),
    (b'K', 0x1000),   // to do
    (b'P', 0x2000),   // spam
    (b'H', 0x4000),   // ham
    (b'T', 0x8000),   // has an attachment, or
    (b'C', 0x1_0000), // has none
];
const READ: u32 = 0x4;
const OLD: u32 = 0x8;
const DELETED: u32 = 0x10;
const SENT: u32 = 0x100;
const IGNORED: u32 = 0x800;
/// What makes a message one that was seen: KMail shows none of these as unread.
const SEEN: u32 = READ | OLD | SENT | IGNORED;
const FLAGS: [(u32, Flags); 3] = [(DELETED, Flags::DELETED), (0x20, Flags::ANSWERED), (0x200, Flags::FLAGGED)];
/// Keywords as KMail 2 calls them.
const KEYWORDS: [(u32, &str); 6] = [
    (0x40, "$Forwarded"),
    (0x400, "$WATCHED"),
    (IGNORED, "$IGNORED"),
    (0x1000, "$TODO"),
    (0x2000, "$Junk"),
    (0x4000, "$NotJunk"),
];
/// Letters of X-Status that other programs write too, some with another meaning.
const SHARED_LETTERS: &[u8] = b"AFDT";

/// What is known of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where its header starts in an mbox.
    pub(super) offset: u64,
    /// Its file in a Maildir.
    name: String,
    status: u32,
    tags: Vec<String>,
}

impl Entry {
    /// Whether KMail shows it no more.
    pub(super) fn is_deleted(&self) -> bool {
        self.status & DELETED != 0
    }

    /// Its flags and keywords.
    pub(super) fn marks(&self) -> (Flags, Vec<String>) {
        let (flags, mut keywords) = marks(self.status);
        keywords.extend(self.tags.iter().cloned());
        (flags, keywords)
    }
}

/// The index of a folder.
#[derive(Debug)]
pub(super) struct Marks {
    /// The state of its file.
    pub(super) id: FileId,
    /// When it was written.
    pub(super) modified: i64,
    /// In order of their offsets.
    pub(super) entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
    /// What is wrong with it.
    pub(super) damage: Option<Damage>,
}

/// Where the index of the folder at `folder` would be.
pub(super) fn beside(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!(".{name}.index"))
}

impl Marks {
    /// Reads the index of the folder at `folder`, if there is one.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let path = beside(folder);
        let file = file::open_regular(&path).ok()?;
        let data = file.metadata().ok()?;
        let read = file::read_range(&file, 0, data.len().min(MAX_FILE)).map_err(|error: io::Error| error.to_string());
        let (mut entries, reason) = match read.as_deref().map(records) {
            Ok(Some(found)) => found,
            Ok(None) => return None, // something else has that name
            Err(error) => (Vec::new(), Some(error.clone())),
        };
        entries.sort_by_key(|entry| entry.offset);
        let names = entries.iter().zip(0..).filter(|(entry, _)| !entry.name.is_empty());
        let by_name = names.map(|(entry, at)| (maildir::base_name(&entry.name).to_owned(), at)).collect();
        let damage = reason.map(|reason| {
            let reason = format!("KMail's index of this folder is damaged ({reason}); some of its marks are missing");
            Damage { file: path, offset: 0, reason }
        });
        Some(Self { id: FileId::of(&data), modified: data.mtime(), entries, by_name, damage })
    }

    /// What is known of the message whose header starts at `offset` of an mbox.
    pub(super) fn at(&self, offset: u64) -> Option<&Entry> {
        let found = self.entries.binary_search_by_key(&offset, |entry| entry.offset);
        self.entries.get(found.ok()?)
    }

    /// Adds the marks of a Maildir's file to those that its name has. A name that is as KMail left it knows less.
    pub(super) fn add_to(&self, name: &str, (mut flags, mut keywords): (Flags, Vec<String>)) -> (Flags, Vec<String>) {
        let entry = self.by_name.get(maildir::base_name(name)).and_then(|at| self.entries.get(*at));
        let Some(entry) = entry else { return (flags, keywords) };
        if entry.name == name {
            flags = flags.without(Flags::SEEN);
        }
        let (more, words) = entry.marks();
        for word in words {
            if !keywords.contains(&word) {
                keywords.push(word);
            }
        }
        (flags | more, keywords)
    }
}

/// The marks that X-Status has, if KMail wrote it: then Status says nothing, which is `RO` for what was not read too.
pub(super) fn status_of(letters: &[u8]) -> Option<u32> {
    let letters = letters.trim_ascii();
    let bit = |letter: &u8| BITS.iter().find(|(known, _)| known == letter).map(|(_, bit)| *bit);
    let status = letters.iter().try_fold(0, |status, letter| Some(status | bit(letter)?))?;
    letters.iter().any(|letter| !SHARED_LETTERS.contains(letter)).then_some(status)
}

/// The flags and keywords that a status stands for.
pub(super) fn marks(status: u32) -> (Flags, Vec<String>) {
    let seen = if status & SEEN == 0 { Flags::NONE } else { Flags::SEEN };
    let set = FLAGS.iter().filter(|(bit, _)| status & bit != 0);
    let flags = set.fold(seen, |flags, (_, flag)| flags | *flag);
    let words = KEYWORDS.iter().filter(|(bit, _)| status & bit != 0);
    (flags, words.map(|(_, word)| (*word).to_owned()).collect())
}

/// The records of an index, and what is wrong with it; `None` for a file of another kind.
fn records(bytes: &[u8]) -> Option<(Vec<Entry>, Option<String>)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let end = memchr::memchr(b'\n', rest.get(..rest.len().min(16))?)?;
    let version: u32 = std::str::from_utf8(rest.get(..end)?).ok()?.trim().parse().ok()?;
    let rest = rest.get(end + 1..)?;
    Some(match version {
        ..BINARY => (rest.split(|byte| *byte == b'\n').filter_map(text_record).collect(), None),
        BINARY => binary_records(rest, None),
        WITH_HEADER => match header(rest) {
            Some((order, rest)) => binary_records(rest, order),
            None => (Vec::new(), Some("its header is cut off".to_owned())),
        },
        _ => (Vec::new(), Some(format!("its version {version} is not known"))),
    })
}

/// The byte order that a header tells, and what comes after it: a byte of nothing, the header's length, and that.
fn header(bytes: &[u8]) -> Option<(Option<Order>, &[u8])> {
    let length = [Order::Little, Order::Big].into_iter().find_map(|order| {
        let length = order.u32_at(bytes, 1)?;
        (length <= MAX_RECORD).then_some(place(length))
    })?;
    let (header, rest) = bytes.get(5..)?.split_at_checked(length)?;
    let order = array::<4>(header, 0).map(|mark| if mark == ORDER_BIG { Order::Big } else { Order::Little });
    Some((order, rest))
}

/// In which order a machine writes the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u32_at(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = array(bytes, at)?;
        Some(if self == Self::Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn u16_at(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = array(bytes, at)?;
        Some(if self == Self::Little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    /// A `long` of either size.
    fn number(self, bytes: &[u8]) -> Option<u64> {
        match bytes.len() {
            4 => self.u32_at(bytes, 0).map(u64::from),
            8 => array(bytes, 0).map(|bytes| match self {
                Self::Little => u64::from_le_bytes(bytes),
                Self::Big => u64::from_be_bytes(bytes),
            }),
            _ => None,
        }
    }
}

/// Records of a length and parts. Where nothing tells the byte order, the first length does.
fn binary_records(mut bytes: &[u8], order: Option<Order>) -> (Vec<Entry>, Option<String>) {
    let guess = || match Order::Little.u32_at(bytes, 0) {
        Some(length) if length > MAX_RECORD => Order::Big,
        _ => Order::Little,
    };
    let order = order.unwrap_or_else(guess);
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let record = order.u32_at(bytes, 0).and_then(|length| bytes.get(4..)?.split_at_checked(place(length)));
        let entry = record.and_then(|(record, rest)| Some((binary_record(record, order)?, rest)));
        let Some((entry, rest)) = entry else {
            return (entries, Some("a record in it is cut off".to_owned()));
        };
        entries.push(entry);
        bytes = rest;
    }
    (entries, None)
}

/// One record: parts of a type, a length and a value.
fn binary_record(mut bytes: &[u8], order: Order) -> Option<Entry> {
    let (mut entry, mut legacy) = (Entry::default(), 0);
    while !bytes.is_empty() {
        let (kind, length) = (order.u32_at(bytes, 0)?, order.u16_at(bytes, 4)?);
        let (value, rest) = bytes.get(6..)?.split_at_checked(length.into())?;
        bytes = rest;
        match kind {
            OFFSET => entry.offset = order.number(value).unwrap_or_default(),
            // A status is 32 bits in a `long` of 64.
            STATUS => entry.status = u32::try_from(order.number(value).unwrap_or_default()).unwrap_or_default(),
            LEGACY_STATUS => legacy = order.number(value).unwrap_or_default(),
            FILE_NAME => entry.name = text(value),
            TAGS => entry.tags = text(value).split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
            _ => {}
        }
    }
    if entry.status == 0 {
        entry.status = u8::try_from(legacy).map_or(0, legacy_status);
    }
    Some(entry)
}

/// One record of the first versions, a line of text.
fn text_record(line: &[u8]) -> Option<Entry> {
    let offset = std::str::from_utf8(line.get(TEXT_OFFSET)?).ok()?.trim().parse().ok()?;
    Some(Entry { offset, status: legacy_status(*line.first()?), ..Entry::default() })
}

/// The status that one letter stood for: what was done to a message implies that it was read.
fn legacy_status(letter: u8) -> u32 {
    let bit = BITS.iter().find(|(known, _)| *known == letter).map_or(0, |(_, bit)| *bit);
    if matches!(letter, b'N' | b'U') || bit == 0 { bit } else { bit | READ }
}

fn text(bytes: &[u8]) -> String {
    let (units, _) = bytes.as_chunks::<2>();
    let units: Vec<_> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of an offset, a file name and a status.
    fn record(order: Order, offset: u64, name: &str, status: u32) -> Vec<u8> {
        let number = |value: u64| if order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() }.to_vec();
        let word = |value: u32| if order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() }.to_vec();
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let mut record = Vec::new();
        for (kind, value) in [(5, vec![]), (OFFSET, number(offset)), (FILE_NAME, name), (STATUS, number(status.into()))]
        {
            let length = word(value.len().try_into().unwrap());
            record.extend(word(kind));
            record.extend_from_slice(if order == Order::Big { &length[2..] } else { &length[..2] });
            record.extend(value);
        }
        [word(record.len().try_into().unwrap()), record].concat()
    }

    #[test]
    fn every_version_and_byte_order_is_read() {
        let one = |order| record(order, 0x1234, "1.a:2,S", READ | 0x200);
        let little = [MAGIC, b"1506\n\0\x08\0\0\0\x78\x56\x34\x12\x08\0\0\0", &one(Order::Little)].concat();
        let big = [MAGIC, b"1506\n\0\0\0\0\x08\x12\x34\x56\x78\0\0\0\x04", &one(Order::Big)].concat();
        let guessed = [MAGIC, b"1505\n", &one(Order::Big)].concat();
        for (bytes, name) in [(little, "1.a:2,S"), (big, "1.a:2,S"), (guessed, "1.a:2,S")] {
            let (entries, damage) = records(&bytes).unwrap();
            let wanted = Entry { offset: 0x1234, name: name.to_owned(), status: READ | 0x200, tags: vec![] };
            assert_eq!((entries, damage), (vec![wanted], None), "{}", bytes.escape_ascii());
        }
        let (entries, _) = records(b"# KMail-Index V1504\nG 4660      91        1075802400     Subject\n").unwrap();
        assert_eq!((entries[0].offset, entries[0].status), (0x1234, READ | 0x200));
        assert_eq!(records(b"# KMail-Index V1506\n").unwrap().1.unwrap(), "its header is cut off");
        assert_eq!(records(b"# KMail-Index V1999\n").unwrap().1.unwrap(), "its version 1999 is not known");
        assert!(records(b"From a@b\n").is_none());
    }

    #[test]
    fn a_record_that_is_cut_off_is_told_and_those_before_it_are_kept() {
        let start = [MAGIC, b"1505\n", &record(Order::Little, 1, "", 1)].concat();
        let whole = [&start[..], &record(Order::Little, 2, "", 2)].concat();
        for length in start.len() + 1..whole.len() {
            let (entries, damage) = records(&whole[..length]).unwrap();
            assert!(entries.len() == 1 && damage.is_some(), "{length}");
        }
    }

    #[test]
    fn a_status_becomes_flags_and_keywords() {
        for (status, flags, keywords) in [
            (0x1 | 0x8000, "", ""),
            (0x4 | 0x1_0000, "\\Seen", ""),
            (0x8 | 0x20 | 0x40, "\\Seen \\Answered", "$Forwarded"),
            (0x2 | 0x200 | 0x1000, "\\Flagged", "$TODO"),
            (0x2 | 0x800 | 0x2000, "\\Seen", "$IGNORED $Junk"),
            (0x10 | 0x4, "\\Seen \\Deleted", ""),
        ] {
            let (set, words) = marks(status);
            assert_eq!((set.to_string().as_str(), words.join(" ").as_str()), (flags, keywords), "{status:x}");
        }
    }

    #[test]
    fn only_what_kmail_alone_writes_is_taken_for_its_own() {
        for (letters, status) in
            [("RC", Some(0x1_0004)), ("ROT", Some(0x800c)), ("AF", None), ("FT", None), ("", None), ("Rx", None)]
        {
            assert_eq!(status_of(letters.as_bytes()), status, "{letters}");
        }
    }
}
