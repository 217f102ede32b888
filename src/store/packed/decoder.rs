//! Reading gzip, bzip2, xz and zstd from front to back. Used by Maildir, whose files Dovecot packs, and by packed stores.
//!
//! Streams that follow one another are read to the end. What is cut off or damaged gives what can be read and then an
//! error. A few bytes that claim to be more than any mail are refused, and no decoder takes more than 160 MiB.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;

use super::zstd::Zstd;
use crate::store::bytes::invalid;
use crate::store::guard::guarded;
use crate::store::mbox::long;

/// How many bytes of a file tell how it is packed.
pub(in crate::store) const SNIFF: usize = 8;
/// How much is decoded at first; enough for most headers.
const FIRST: usize = 64 * 1024;
/// How much is decoded at once later.
const CHUNK: usize = 1024 * 1024;
/// How much is asked of a decoder at once: an error takes with it what the decoder was writing.
const PIECE: usize = 16 * 1024;
/// So much is taken from any file, however small it is.
const FREE: u64 = 64 * 1024 * 1024;
/// No mail is packed better than this. Deflate can not do more than 1032; the others can.
const MAX_RATIO: u64 = 1000;
/// The most memory for an xz file, in KiB; `xz -9` needs 65 MiB.
const XZ_MEMORY: u32 = 160 * 1024;

/// A way of packing one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Packing {
    /// RFC 1952.
    Gzip,
    /// Blocks of 100 to 900 kB.
    Bzip2,
    /// LZMA2 in a container.
    Xz,
    /// RFC 8878.
    Zstd,
}

impl Packing {
    /// How a file is packed that starts like that, if it is.
    pub(in crate::store) fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // The level, and how the first block or the end is marked.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            // A frame, or one to be skipped, which pzstd puts first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name.
    pub(in crate::store) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }

    fn decoder(self, source: BufReader<Counted>) -> Box<dyn Read + Send> {
        match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(source)),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(source)),
            Self::Xz => Box::new(XzReader::new_mem_limit(source, true, XZ_MEMORY)),
            Self::Zstd => Box::new(Zstd::new(source)),
        }
    }
}

/// What a packed file holds, from front to back.
pub(in crate::store) struct Unpacked {
    packing: Packing,
    decoder: Box<dyn Read + Send>,
    consumed: Arc<AtomicU64>,
    buffer: Vec<u8>,
    /// How much of the buffer was handed out.
    taken: usize,
    /// How much was decoded in all.
    decoded: u64,
    end: End,
}

/// How far a file was decoded.
enum End {
    NotYet,
    Whole,
    Broken(io::Error),
}

impl Unpacked {
    /// What `file` holds; it stands at its start.
    pub(in crate::store) fn new(packing: Packing, file: File) -> Self {
        let consumed = Arc::new(AtomicU64::new(0));
        let source = BufReader::new(Counted { file, count: Arc::clone(&consumed) });
        let decoder = packing.decoder(source);
        Self { packing, decoder, consumed, buffer: Vec::new(), taken: 0, decoded: 0, end: End::NotYet }
    }

    /// How many bytes of the packed file were read.
    pub(in crate::store) fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// Decodes the next chunk into the buffer.
    fn fill(&mut self) {
        let Self { decoder, buffer, .. } = self;
        self.taken = 0;
        let want = if self.decoded == 0 { FIRST } else { CHUNK };
        match guarded(|| Ok(fill(decoder, buffer, want))) {
            Ok(end) => self.end = end,
            Err(broken) => {
                buffer.clear();
                self.end = End::Broken(broken);
            }
        }
        self.decoded += long(self.buffer.len());
        if self.decoded > budget(self.consumed()) {
            self.buffer.clear();
            self.end = End::Broken(too_good());
        }
    }

    /// What ended it, in words.
    fn broken(&self, error: &io::Error) -> io::Error {
        let (name, decoded) = (self.packing.name(), self.decoded);
        match error.kind() {
            io::ErrorKind::FileTooLarge => too_good(),
            io::ErrorKind::UnexpectedEof => {
                invalid(format!("it is no whole {name} file: it is cut off after {decoded} bytes of its content"))
            }
            _ => invalid(format!("it is no whole {name} file: after {decoded} bytes of its content, {error}")),
        }
    }
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.buffer.len() && matches!(self.end, End::NotYet) {
            self.fill();
        }
        let left = self.buffer.get(self.taken..).unwrap_or_default();
        let length = left.len().min(into.len());
        if let (Some(from), Some(to)) = (left.get(..length), into.get_mut(..length)) {
            to.copy_from_slice(from);
        }
        self.taken += length;
        match &self.end {
            End::Broken(error) if left.is_empty() => {
                let error = self.broken(error);
                self.end = End::Whole;
                Err(error)
            }
            _ => Ok(length),
        }
    }
}

/// How much a packed file of that size may hold.
pub(super) fn budget(packed: u64) -> u64 {
    packed.saturating_mul(MAX_RATIO).max(FREE)
}

/// The error for a file that would fill memory or disk.
pub(super) fn too_good() -> io::Error {
    let reason = format!(
        "it would grow to more than {MAX_RATIO} times its size, as no mail does but a trap would; if it is mail, unpack it \
         yourself and give the result"
    );
    io::Error::new(io::ErrorKind::FileTooLarge, reason)
}

/// Decodes up to `want` bytes into `buffer`.
fn fill(decoder: &mut dyn Read, buffer: &mut Vec<u8>, want: usize) -> End {
    buffer.clear();
    buffer.resize(want, 0);
    let mut have = 0;
    let mut end = End::NotYet;
    while let Some(free) = buffer.get_mut(have..).filter(|free| !free.is_empty()) {
        let most = free.len().min(PIECE);
        match decoder.read(free.get_mut(..most).unwrap_or_default()) {
            Ok(0) => end = End::Whole,
            Ok(got) => have += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => end = End::Broken(error),
        }
        if !matches!(end, End::NotYet) {
            break;
        }
    }
    buffer.truncate(have);
    end
}

/// A file that counts what is read of it.
struct Counted {
    file: File,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.file.read(into)?;
        self.count.fetch_add(long(got), Ordering::Relaxed);
        Ok(got)
    }
}
