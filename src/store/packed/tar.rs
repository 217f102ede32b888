//! tar archives, member by member from front to back. Used by packed stores.
//!
//! Reads ustar, pax and GNU headers; files with holes and parts of split archives are not read. Nothing is written here,
//! and what a header claims is neither believed nor allocated. Source: POSIX.1-2017 `pax`, GNU tar manual "Standard".

use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use crate::store::bytes::invalid;
use crate::store::mbox::long;

/// The grain of an archive.
pub(super) const BLOCK: usize = 512;
/// How a header since 1988 is marked, and where.
const MAGIC: (usize, &[u8]) = (257, b"ustar");
/// The longest name, and the longest list of pax records, that is taken.
const MAX_EXTENSION: u64 = 64 * 1024;

/// Whether `start` of a file is that of an archive.
pub(super) fn starts(start: &[u8]) -> bool {
    start.get(MAGIC.0..).is_some_and(|rest| rest.starts_with(MAGIC.1)) && start.get(..BLOCK).is_some_and(is_header)
}

/// What a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// The same file as the member of that name before it.
    HardLink(Vec<u8>),
    /// Something that is not read, in words.
    Other(&'static str),
}

/// One member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) modified: Option<SystemTime>,
}

/// An archive. Reading from it gives the content of the member that came last.
pub(super) struct Tar<R> {
    source: R,
    /// What is left of the member.
    left: u64,
    /// What fills its last block.
    padding: u64,
    /// Whether the mark at the end was seen.
    ended: bool,
}

/// What headers before a member's own say of it.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<SystemTime>,
    has_holes: bool,
}

impl<R: Read> Tar<R> {
    /// The archive that `source` gives.
    pub(super) fn new(source: R) -> Self {
        Self { source, left: 0, padding: 0, ended: false }
    }

    /// The next member. What is left of the one before is passed over.
    pub(super) fn next(&mut self) -> io::Result<Option<Member>> {
        let mut extension = Extension::default();
        loop {
            self.pass_rest()?;
            let Some(header) = self.header()? else { return Ok(None) };
            let number = |at: usize, length: usize| number(header.get(at..at + length).unwrap_or_default());
            let size = number(124, 12).ok_or_else(|| invalid("the size of a member is no number"))?;
            let kind = header.get(156).copied().unwrap_or_default();
            // A link has no content, whatever its header says.
            self.start(if kind == b'1' { 0 } else { extension.size.filter(|_| !is_extension(kind)).unwrap_or(size) })?;
            match kind {
                b'L' => extension.name = Some(without_end(self.extension()?)),
                b'K' => extension.link = Some(without_end(self.extension()?)),
                b'x' => extension.read(&self.extension()?),
                b'g' => {}
                _ => {
                    let modified =
                        number(136, 12).and_then(|time| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time)));
                    let name = extension.name.unwrap_or_else(|| name(&header));
                    let link = extension.link.unwrap_or_else(|| field(&header, 157, 100).to_vec());
                    let kind = if extension.has_holes { Kind::Other(HOLES) } else { kind_of(kind, &name, link) };
                    let modified = extension.modified.or(modified);
                    return Ok(Some(Member { name, kind, size: self.left, modified }));
                }
            }
        }
    }

    /// The next header. Blocks of zeros end an archive; another may follow.
    fn header(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let mut block = Vec::new();
            (&mut self.source).take(long(BLOCK)).read_to_end(&mut block)?;
            if block.is_empty() && self.ended {
                return Ok(None);
            }
            if block.len() < BLOCK {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if block.iter().all(|byte| *byte == 0) {
                self.ended = true;
                continue;
            }
            self.ended = false;
            return if is_header(&block) { Ok(Some(block)) } else { Err(invalid("a header in it is damaged")) };
        }
    }

    fn start(&mut self, size: u64) -> io::Result<()> {
        let fits = size.checked_next_multiple_of(long(BLOCK));
        self.padding = fits.ok_or_else(|| invalid("the size of a member is no size"))? - size;
        self.left = size;
        Ok(())
    }

    /// The content of a header that only says something of the next member.
    fn extension(&mut self) -> io::Result<Vec<u8>> {
        if self.left > MAX_EXTENSION {
            return Err(invalid("the name of a member is too long"));
        }
        let (mut bytes, want) = (Vec::new(), self.left);
        let read = self.read_to_end(&mut bytes)?;
        if long(read) < want { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
    }

    fn pass_rest(&mut self) -> io::Result<()> {
        let rest = self.left.saturating_add(self.padding);
        (self.left, self.padding) = (0, 0);
        let passed = io::copy(&mut (&mut self.source).take(rest), &mut io::sink())?;
        if passed < rest { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

impl<R: Read> Read for Tar<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.source.read(into.get_mut(..most).unwrap_or_default())?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= long(read);
        Ok(read)
    }
}

impl Extension {
    /// Takes pax records, each `LENGTH KEY=VALUE` and a line end, the length being that of all.
    fn read(&mut self, mut records: &[u8]) {
        while let Some((length, _)) = split(records, b' ') {
            let length = std::str::from_utf8(length).ok().and_then(|text| text.parse::<usize>().ok());
            let Some((record, rest)) = length.and_then(|length| records.split_at_checked(length)) else { return };
            let pair = split(record, b' ').and_then(|(_, pair)| split(pair.strip_suffix(b"\n")?, b'='));
            let Some((key, value)) = pair else { return };
            let text = std::str::from_utf8(value).unwrap_or_default();
            match key {
                b"path" => self.name = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = text.parse().ok(),
                b"mtime" => {
                    let whole = text.split('.').next().and_then(|text| text.parse().ok());
                    let after = |time| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time));
                    self.modified = whole.and_then(after);
                }
                _ => self.has_holes |= key.starts_with(b"GNU.sparse."),
            }
            records = rest;
        }
    }
}

const HOLES: &str = "a file with holes";

fn kind_of(kind: u8, name: &[u8], link: Vec<u8>) -> Kind {
    match kind {
        b'0' | 0 if name.ends_with(b"/") => Kind::Directory, // as before 1988
        b'0' | 0 | b'7' => Kind::File,
        b'1' => Kind::HardLink(link),
        b'2' => Kind::Other("a symbolic link"),
        b'3' | b'4' => Kind::Other("a device"),
        b'5' | b'D' => Kind::Directory,
        b'6' => Kind::Other("a pipe"),
        b'S' => Kind::Other(HOLES),
        b'M' => Kind::Other("a part of a file that is split over several archives"),
        b'V' | b'X' => Kind::Other("a label"),
        _ => Kind::Other("a thing of unknown kind"),
    }
}

fn is_extension(kind: u8) -> bool {
    matches!(kind, b'L' | b'K' | b'x' | b'g')
}

/// The name in a header; long ones are in two parts.
fn name(header: &[u8]) -> Vec<u8> {
    let (name, start) = (field(header, 0, 100), field(header, 345, 155));
    // GNU's own headers have other things in that place.
    let is_ustar = header.get(MAGIC.0..MAGIC.0 + 6) == Some(b"ustar\0");
    if is_ustar && !start.is_empty() { [start, b"/", name].concat() } else { name.to_vec() }
}

/// A text in a header, up to its NUL.
fn field(header: &[u8], at: usize, length: usize) -> &[u8] {
    let whole = header.get(at..at + length).unwrap_or_default();
    split(whole, 0).map_or(whole, |(text, _)| text)
}

fn without_end(mut text: Vec<u8>) -> Vec<u8> {
    text.truncate(split(&text, 0).map_or(text.len(), |(text, _)| text.len()));
    text
}

fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = memchr::memchr(at, bytes)?;
    Some((bytes.get(..place)?, bytes.get(place + 1..)?))
}

/// A number in octal digits, or in binary if its first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, rest @ ..] = field {
        return rest.iter().try_fold(0_u64, |all, byte| all.checked_mul(256)?.checked_add(u64::from(*byte)));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// Whether a block is a header, by its checksum: the sum of its bytes, that of the checksum itself counted as blanks. Some
/// programs took the bytes as signed.
fn is_header(block: &[u8]) -> bool {
    let Some(told) = number(block.get(148..156).unwrap_or_default()).and_then(|told| i64::try_from(told).ok()) else {
        return false;
    };
    let counted = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { b' ' } else { *byte };
    let bytes = || block.iter().enumerate().map(counted);
    told == bytes().map(i64::from).sum::<i64>()
        || told == bytes().map(|byte| i64::from(byte.cast_signed())).sum::<i64>()
}
