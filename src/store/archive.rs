//! Zip archives, read member by member without unpacking them to disk. Used by OLM.
//!
//! What a member claims about its size is not believed: as much is read as comes out, up to a limit.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zip::ZipArchive;

use super::bytes::invalid;
use super::file;
use super::guard::guarded;

/// The largest member that is read. IMAP can carry no more, and no server takes as much.
const MAX_MEMBER: u64 = 1024 * 1024 * 1024;
/// Deflate can not pack better than this, so a member can not be longer (zlib's technical notes).
const MAX_RATIO: u64 = 1032;

/// An open archive.
pub(super) struct Archive {
    zip: ZipArchive<File>,
    /// The names of its members, in the order of its directory.
    names: Vec<String>,
}

impl Archive {
    /// Opens the archive at `path` and reads its directory.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = file::open_regular(path)?;
        guarded(|| {
            let mut zip = ZipArchive::new(file)?;
            let count = zip.len();
            let mut name = |number| Ok(String::from_utf8_lossy(zip.by_index_raw(number)?.name_raw()).into_owned());
            let names = (0..count).map(&mut name).collect::<io::Result<_>>()?;
            Ok(Self { zip, names })
        })
    }

    /// The names of the members by number. Directories end in `/`.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// How long a member says that it is, unpacked.
    pub(super) fn told_size(&mut self, number: usize) -> u64 {
        let zip = &mut self.zip;
        guarded(|| Ok(zip.by_index_raw(number)?.size())).unwrap_or_default()
    }

    /// The bytes of a member; its checksum is checked.
    pub(super) fn read(&mut self, number: usize) -> io::Result<Vec<u8>> {
        let zip = &mut self.zip;
        guarded(|| {
            let member = zip.by_index(number)?;
            let limit = MAX_MEMBER.min(member.compressed_size().saturating_mul(MAX_RATIO).saturating_add(MAX_RATIO));
            let mut bytes = Vec::new();
            let read = member.take(limit).read_to_end(&mut bytes)?;
            let whole = u64::try_from(read).is_ok_and(|read| read < limit);
            if whole { Ok(bytes) } else { Err(invalid("it is larger than 1 GiB")) }
        })
    }
}
