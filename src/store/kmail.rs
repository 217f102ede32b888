//! The index that KMail keeps beside a folder (`.NAME.index`): the marks of its messages, and which of an mbox are left.
//!
//! Used by mbox and Maildir. What lies beside it (`.ids`: serial numbers, `.sorted`: an order) says nothing that is carried.
//! Source: facts/formats.md 1.7; KDE/kdepim-runtime kmindexreader.cpp; KDE/kmail kmfolderindex.cpp and messagestatus.cpp.

use std::io::{self, BufRead, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::bytes::{array, invalid, place};
use super::file::{self, FileId};
use super::{Damage, maildir};
use crate::mail::Flags;

const MAGIC: &[u8] = b"# KMail-Index V";
/// From this version on records are binary, and from the next one a header tells their byte order.
const BINARY: u32 = 1505;
const WITH_HEADER: u32 = 1506;
const ORDER_BIG: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
/// No line that tells a version is longer.
const MAX_VERSION: u64 = 32;
/// No record is longer, nor is a header: a larger number is one of the other byte order.
const MAX_RECORD: u32 = 0xffff;
/// No more messages are looked at; each takes a few hundred bytes.
const MAX_ENTRIES: usize = 4_000_000;

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
    /// How it is found: an mbox has offsets, a Maildir names.
    fn key(&self) -> (u64, &str) {
        (self.offset, maildir::base_name(&self.name))
    }

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
    /// In order of their offsets, and of the names that stay.
    pub(super) entries: Vec<Entry>,
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
        let mut entries = Vec::new();
        // Something else may have that name.
        let reason = read(&mut BufReader::new(file), &mut entries)?.err().map(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
            _ => error.to_string(),
        });
        entries.sort_by(|one, other| one.key().cmp(&other.key()));
        let damage = reason.map(|reason| {
            let reason = format!("KMail's index of this folder is damaged ({reason}); some of its marks are missing");
            Damage { file: path, offset: 0, reason }
        });
        Some(Self { id: FileId::of(&data), modified: data.mtime(), entries, damage })
    }

    /// What is known of the message whose header starts at `offset` of an mbox.
    pub(super) fn at(&self, offset: u64) -> Option<&Entry> {
        let found = self.entries.binary_search_by_key(&offset, |entry| entry.offset);
        self.entries.get(found.ok()?)
    }

    /// Adds the marks of a Maildir's file to those that its name has. A name that is as KMail left it knows less.
    pub(super) fn add_to(&self, name: &str, (mut flags, mut keywords): (Flags, Vec<String>)) -> (Flags, Vec<String>) {
        let found = self.entries.binary_search_by(|entry| entry.key().cmp(&(0, maildir::base_name(name))));
        let Some(entry) = found.ok().and_then(|at| self.entries.get(at)) else { return (flags, keywords) };
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

/// Reads the records of an index up to its end or to what is wrong with it; `None` for a file of another kind.
fn read(from: &mut impl BufRead, entries: &mut Vec<Entry>) -> Option<io::Result<()>> {
    let mut line = Vec::new();
    let mut start = from.take(MAX_VERSION);
    start.read_until(b'\n', &mut line).ok()?;
    let version = line.strip_prefix(MAGIC)?.strip_suffix(b"\n")?;
    let version: u32 = std::str::from_utf8(version).ok()?.trim().parse().ok()?;
    Some(match version {
        ..BINARY => text_records(from, entries),
        BINARY => binary_records(from, None, entries),
        WITH_HEADER => header(from).and_then(|order| binary_records(from, order, entries)),
        _ => Err(invalid(format!("its version {version} is not known"))),
    })
}

/// The byte order that a header tells: a byte of nothing, the header's length, and that.
fn header(from: &mut impl BufRead) -> io::Result<Option<Order>> {
    let mut start = [0; 5];
    from.read_exact(&mut start)?;
    let lengths =
        [Order::Little, Order::Big].map(|order| order.u32_at(&start, 1).filter(|length| *length <= MAX_RECORD));
    let length = lengths.into_iter().flatten().next().ok_or_else(|| invalid("its header is not as it must be"))?;
    let mut header = vec![0; place(length)];
    from.read_exact(&mut header)?;
    let order = |mark: [u8; 4]| if mark == ORDER_BIG { Order::Big } else { Order::Little };
    Ok(array(&header, 0).map(order))
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
fn binary_records(from: &mut impl BufRead, order: Option<Order>, entries: &mut Vec<Entry>) -> io::Result<()> {
    let (mut order, mut length, mut record) = (order, [0; 4], Vec::new());
    while !from.fill_buf()?.is_empty() && entries.len() < MAX_ENTRIES {
        from.read_exact(&mut length)?;
        let is_little = u32::from_le_bytes(length) <= MAX_RECORD;
        let order = *order.get_or_insert(if is_little { Order::Little } else { Order::Big });
        let size = order.u32_at(&length, 0).filter(|size| *size <= MAX_RECORD);
        record.resize(place(size.ok_or_else(|| invalid("a record in it is too long"))?), 0);
        from.read_exact(&mut record)?;
        entries.push(binary_record(&record, order).ok_or_else(|| invalid("a record in it is not as it must be"))?);
    }
    Ok(())
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

/// Records of the first versions, a line of text each.
fn text_records(from: &mut impl BufRead, entries: &mut Vec<Entry>) -> io::Result<()> {
    let mut line = Vec::new();
    while entries.len() < MAX_ENTRIES {
        line.clear();
        from.take(u64::from(MAX_RECORD)).read_until(b'\n', &mut line)?;
        let offset = line.get(TEXT_OFFSET).and_then(|digits| std::str::from_utf8(digits).ok()?.trim().parse().ok());
        match (line.first(), offset) {
            (None, _) => return Ok(()),
            (Some(letter), Some(offset)) => {
                entries.push(Entry { offset, status: legacy_status(*letter), ..Entry::default() });
            }
            _ => return Err(invalid("a line in it is not as it must be")),
        }
    }
    Ok(())
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

    /// What is read of an index, and what is wrong with it.
    fn all(bytes: &[u8]) -> Option<(Vec<Entry>, String)> {
        let mut entries = Vec::new();
        let result = read(&mut &*bytes, &mut entries)?;
        Some((entries, result.map_or_else(|error| error.to_string(), |()| String::new())))
    }

    #[test]
    fn every_version_and_byte_order_is_read() {
        let one = |order| record(order, 0x1234, "1.a:2,S", READ | 0x200);
        let little = [MAGIC, b"1506\n\0\x08\0\0\0\x78\x56\x34\x12\x08\0\0\0", &one(Order::Little)].concat();
        let big = [MAGIC, b"1506\n\0\0\0\0\x08\x12\x34\x56\x78\0\0\0\x04", &one(Order::Big)].concat();
        let guessed = [MAGIC, b"1505\n", &one(Order::Big)].concat();
        for bytes in [little, big, guessed] {
            let wanted = Entry { offset: 0x1234, name: "1.a:2,S".to_owned(), status: READ | 0x200, tags: vec![] };
            assert_eq!(all(&bytes), Some((vec![wanted], String::new())), "{}", bytes.escape_ascii());
        }
        let (entries, _) = all(b"# KMail-Index V1504\nG 4660      91        1075802400     Subject\n").unwrap();
        assert_eq!((entries[0].offset, entries[0].status), (0x1234, READ | 0x200));
        for (bytes, words) in [
            (&b"# KMail-Index V1506\n"[..], "fill whole buffer"),
            (b"# KMail-Index V1999\n", "its version 1999 is not known"),
            (b"# KMail-Index V1504\nG 46x0\n", "a line in it"),
            (b"# KMail-Index V1505\n\x01\x01\x01\x01", "a record in it is too long"),
            (b"# KMail-Index V1505\n\x01\0\0\0\x01", "a record in it is not as it must be"),
        ] {
            assert!(all(bytes).unwrap().1.contains(words), "{}", bytes.escape_ascii());
        }
        assert!(all(b"From a@b\n").is_none() && all(b"").is_none());
    }

    #[test]
    fn a_record_that_is_cut_off_is_told_and_those_before_it_are_kept() {
        let start = [MAGIC, b"1505\n", &record(Order::Little, 1, "", 1)].concat();
        let whole = [&start[..], &record(Order::Little, 2, "", 2)].concat();
        for length in start.len() + 1..whole.len() {
            let (entries, reason) = all(&whole[..length]).unwrap();
            assert!(entries.len() == 1 && !reason.is_empty(), "{length}");
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
