//! One kept list in a file: what it is of, everything found, and a checksum. Used by the cache alone.
//!
//! ```text
//! MAGIC  frame: key and stamp  frame: one thing found …  trailer
//! ```
//!
//! A frame is its length (four bytes, the lowest first) and that many bytes of postcard. The trailer has a fixed length and
//! stands last, so that a file that was cut off is known. Both ways it is streamed: one frame in memory.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crc32fast::Hasher;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::place;
use crate::mail::{FolderPath, Sha256Sum};
use crate::store::stamp::Stamp;
use crate::store::{Company, Count, Found, OpenOptions};

/// The start of every file. The number changes with the way it is written; postcard's bytes say nothing of their types.
const MAGIC: &[u8; 16] = b"mailferry list 2";
/// The longest frame; the longest things found are messages with very many keywords.
const MAX_FRAME: usize = 1024 * 1024;
/// The longest file; a list of a million messages has some 250 MB.
const MAX_LENGTH: u64 = 400 * 1024 * 1024;
/// What is held before it is written.
const BUFFER: usize = 64 * 1024;
/// The trailer: frames, messages, bytes of mail, length of all before it (eight bytes each), checksum (four).
const TRAILER: usize = 36;

/// What is kept of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Kind {
    /// All that a list finds.
    List,
    /// What a count finds beside messages, and the count.
    Count,
}

/// What a list is of: two lists with the same key and the same stamp are the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Key {
    /// The program; another version may see more in the same bytes.
    program: String,
    format: String,
    /// The store's path as it was given, which damage is told with, and as it is.
    given: Vec<u8>,
    real: Vec<u8>,
    options: String,
    folder: Vec<String>,
    kind: Kind,
}

impl Key {
    /// The key of a store without a folder; `None` if its path leads nowhere.
    pub(super) fn of_store(format: &str, path: &Path, options: &OpenOptions) -> Option<Self> {
        let real = path.canonicalize().ok()?;
        Some(Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            format: format.to_owned(),
            given: path.as_os_str().as_bytes().to_vec(),
            real: real.as_os_str().as_bytes().to_vec(),
            options: format!("{:?}", OpenOptions { cache: None, company: Company::default(), ..options.clone() }),
            folder: Vec::new(),
            kind: Kind::List,
        })
    }

    /// The key of one folder.
    pub(super) fn of_folder(&self, kind: Kind, folder: &FolderPath) -> Self {
        Self { folder: folder.segments().to_vec(), kind, ..self.clone() }
    }

    /// The name of its file.
    pub(super) fn name(&self) -> Option<String> {
        Some(format!("{}{}", Sha256Sum::of(&postcard::to_allocvec(self).ok()?), place::ENDING))
    }
}

/// The end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trailer {
    frames: u64,
    count: Count,
    length: u64,
    checksum: u32,
}

impl Trailer {
    fn bytes(self) -> Vec<u8> {
        let numbers = [self.frames, self.count.messages, self.count.bytes, self.length];
        [numbers.map(u64::to_le_bytes).concat().as_slice(), &self.checksum.to_le_bytes()].concat()
    }

    fn read(bytes: &[u8; TRAILER]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<8>();
        let mut numbers = numbers.iter().copied().map(u64::from_le_bytes);
        let mut number = || numbers.next();
        let (frames, count) = (number()?, Count { messages: number()?, bytes: number()? });
        Some(Self { frames, count, length: number()?, checksum: u32::from_le_bytes(rest.try_into().ok()?) })
    }
}

/// A kept list being read.
pub(super) struct Entry {
    reader: BufReader<File>,
    left: u64,
    count: Count,
    frame: Vec<u8>,
}

/// What comes next in a kept list.
pub(super) enum Next {
    /// Something found.
    Found(Found),
    /// Nothing; that was all.
    End,
    /// Something that can not be read, though the whole file was right a moment ago.
    Broken,
}

impl Entry {
    /// The list in `file`, if it is that of `key` and `stamp` and whole.
    pub(super) fn open(file: File, key: &Key, stamp: &Stamp) -> Option<Self> {
        let size = file.metadata().ok()?.len();
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let head = head(key, stamp)?;
        let mut start = vec![0; head.len()];
        reader.read_exact(&mut start).ok()?;
        if start != head {
            return None; // of another state, another program, or no list at all
        }
        reader.seek(SeekFrom::Start(0)).ok()?;
        let length = size.checked_sub(u64::try_from(TRAILER).ok()?)?;
        let checksum = checksum(&mut reader, length)?;
        let mut bytes = [0; TRAILER];
        reader.read_exact(&mut bytes).ok()?;
        let trailer = Trailer::read(&bytes)?;
        if (trailer.length, trailer.checksum) != (length, checksum_with(checksum, trailer)) {
            return None;
        }
        reader.seek(SeekFrom::Start(u64::try_from(head.len()).ok()?)).ok()?;
        Some(Self { reader, left: trailer.frames, count: trailer.count, frame: Vec::new() })
    }

    /// How many messages the folder holds.
    pub(super) fn count(&self) -> Count {
        self.count
    }

    /// What comes next.
    pub(super) fn next(&mut self) -> Next {
        if self.left == 0 {
            return Next::End;
        }
        self.left -= 1;
        self.found().map_or(Next::Broken, Next::Found)
    }

    fn found(&mut self) -> Option<Found> {
        let mut length = [0; 4];
        self.reader.read_exact(&mut length).ok()?;
        let length = usize::try_from(u32::from_le_bytes(length)).ok().filter(|length| *length <= MAX_FRAME)?;
        self.frame.resize(length, 0);
        self.reader.read_exact(&mut self.frame).ok()?;
        postcard::from_bytes(&self.frame).ok()
    }
}

/// The checksum of the next `length` bytes.
fn checksum(reader: &mut impl Read, length: u64) -> Option<Hasher> {
    let (mut hasher, mut left) = (Hasher::new(), length);
    let mut bytes = vec![0; BUFFER];
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
        let part = bytes.get_mut(..want)?;
        reader.read_exact(part).ok()?;
        hasher.update(part);
        left -= u64::try_from(want).ok()?;
    }
    Some(hasher)
}

/// The checksum of all before the trailer and of the trailer's own numbers.
fn checksum_with(mut hasher: Hasher, trailer: Trailer) -> u32 {
    hasher.update(&Trailer { checksum: 0, ..trailer }.bytes());
    hasher.finalize()
}

/// What a file of that key and stamp starts with.
fn head(key: &Key, stamp: &Stamp) -> Option<Vec<u8>> {
    let frame = postcard::to_allocvec(&(key, stamp)).ok()?;
    let length = u32::try_from(frame.len()).ok()?;
    Some([MAGIC.as_slice(), &length.to_le_bytes(), &frame].concat())
}

/// A list being written down while it is shown.
pub(super) struct Recorder {
    cache: PathBuf,
    name: String,
    buffer: Vec<u8>,
    file: Option<NamedTempFile>,
    hasher: Hasher,
    frames: u64,
    length: u64,
    count: Count,
    has_failed: bool,
}

impl Recorder {
    /// A record of a list that has not begun. Nothing is written before there is much to write.
    pub(super) fn new(cache: &Path, key: &Key, stamp: &Stamp) -> Option<Self> {
        Some(Self {
            cache: cache.to_owned(),
            name: key.name()?,
            buffer: head(key, stamp)?,
            file: None,
            hasher: Hasher::new(),
            frames: 0,
            length: 0,
            count: Count::default(),
            has_failed: false,
        })
    }

    /// Writes down something found.
    pub(super) fn add(&mut self, found: &Found) {
        if !self.has_failed {
            self.has_failed = self.try_add(found).is_none();
        }
    }

    /// Messages written down, and their bytes.
    pub(super) fn count(&self) -> Count {
        self.count
    }

    fn try_add(&mut self, found: &Found) -> Option<()> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 4]);
        self.buffer = postcard::to_extend(found, std::mem::take(&mut self.buffer)).ok()?;
        let frame = self.buffer.len().checked_sub(start + 4).filter(|frame| *frame <= MAX_FRAME)?;
        let length = u32::try_from(frame).ok()?.to_le_bytes();
        self.buffer.get_mut(start..start + 4)?.copy_from_slice(&length);
        self.frames += 1;
        if let Found::Message(envelope) = found {
            self.count.messages += 1;
            self.count.bytes = self.count.bytes.saturating_add(envelope.size);
        }
        if self.buffer.len() >= BUFFER { self.flush().ok() } else { Some(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.length += u64::try_from(self.buffer.len()).map_err(io::Error::other)?;
        if self.length > MAX_LENGTH {
            return Err(io::Error::other("the list is too long to be kept"));
        }
        if self.file.is_none() {
            self.file = Some(place::new_file(&self.cache)?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        self.hasher.update(&self.buffer);
        file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Puts the whole list in its place. `None` if it is not kept after all.
    pub(super) fn finish(mut self, count: Count) -> Option<()> {
        if self.has_failed {
            return None;
        }
        self.flush().ok()?;
        let trailer = Trailer { frames: self.frames, count, length: self.length, checksum: 0 };
        let checksum = checksum_with(self.hasher, trailer);
        let mut file = self.file?;
        file.write_all(&Trailer { checksum, ..trailer }.bytes()).ok()?;
        file.persist(self.cache.join(self.name)).ok()?;
        Some(())
    }
}
