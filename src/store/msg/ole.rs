//! Objects of other programs in a message file: a storage inside it, which becomes a file of its own.

use std::fs::File;
use std::io::{self, Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cfb::{CompoundFile, Version};

use super::read::read_stream;
use crate::store::bytes::invalid;
use crate::store::mapi::MAX_ENTRIES;

/// How deep storages of an object may nest.
const MAX_DEPTH: usize = 32;

/// The storage at `top` as a compound file. It has no times of its own, so that the same storage gives the same bytes.
pub(super) fn copy(file: &mut CompoundFile<&File>, top: &Path, left: &mut u64) -> io::Result<Vec<u8>> {
    let mut target = CompoundFile::create_with_version(Version::V3, Cursor::new(Vec::new()))?;
    target.set_storage_clsid("/", *file.entry(top)?.clsid())?;
    let all: Vec<_> = file
        .walk_storage(top)?
        .take(MAX_ENTRIES)
        .map(|entry| (entry.path().to_owned(), entry.is_stream(), *entry.clsid()))
        .collect();
    for (path, is_stream, class) in all.iter().filter(|(path, ..)| path != top) {
        let within: PathBuf = Path::new("/").join(path.strip_prefix(top).map_err(io::Error::other)?);
        if within.components().count() > MAX_DEPTH {
            return Err(invalid("an object in it is nested too deep"));
        }
        if *is_stream {
            let bytes = read_stream(file, path, left)?;
            target.create_stream(&within)?.write_all(&bytes)?;
        } else {
            target.create_storage(&within)?;
            target.set_storage_clsid(&within, *class)?;
            target.set_created_time(&within, UNIX_EPOCH)?;
            target.set_modified_time(&within, UNIX_EPOCH)?;
        }
    }
    target.flush()?;
    Ok(target.into_inner().into_inner())
}
