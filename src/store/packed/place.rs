//! A private directory that packed mail is unpacked into. Used by packed stores.
//!
//! It lies in memory, if that is a directory and what is unpacked is small; else below $TMPDIR, else /var/tmp, which is meant
//! for what is large. It is gone with the store. What a killed run left in either goes when something is unpacked next: a
//! directory is in use as long as a lock on a file in it is held.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, OFlags, flock};
use tempfile::TempDir;

use crate::store::mbox::long;

/// How the name of such a directory starts.
const PREFIX: &str = "mailferry-unpacked-";
/// The file that is locked as long as the directory is in use.
const LOCK: &str = "lock";
/// The same before it is locked.
const NEW_LOCK: &str = "lock-new";
/// What was unpacked.
const CONTENT: &str = "mail";
/// Only its owner may look into it.
const MODE: u32 = 0o700;
/// A directory without a lock may be one that is being made, but not for so long.
const MAKING: Duration = Duration::from_hours(1);
/// The directory that is memory, where there is one.
const MEMORY: &str = "/dev/shm";
/// The directory for what is large, unless the user told another one.
const DISK: &str = "/var/tmp";
/// So much is unpacked into memory, which others need too. Most archives of a folder, and all probes, are smaller.
pub(super) const MOST_IN_MEMORY: u64 = 32 * 1024 * 1024;
/// What a file or a directory takes beside its content.
const PAGE: u64 = 4096;
/// So much stays free on the disk.
const RESERVE: u64 = 64 * 1024 * 1024;
/// How much is written between two looks at the free space.
const LOOK_EVERY: u64 = 16 * 1024 * 1024;
/// How much is copied at once.
const CHUNK: usize = 256 * 1024;

/// A private directory, removed when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    directory: TempDir,
    content: PathBuf,
    /// Held, never used.
    _lock: File,
    /// What may be written in all.
    left: u64,
    /// What may still be written before the free space is looked at again.
    unlooked: u64,
}

impl Place {
    /// A new one in memory, which takes [`MOST_IN_MEMORY`].
    pub(super) fn in_memory() -> io::Result<Self> {
        Ok(Self { left: MOST_IN_MEMORY, ..Self::below(Path::new(MEMORY))? })
    }

    /// A new one on a disk.
    pub(super) fn on_disk() -> io::Result<Self> {
        match told() {
            Some(path) => Self::below(&path),
            None => Self::below(Path::new(DISK)).or_else(|_| Self::below(&std::env::temp_dir())),
        }
    }

    /// A new one below `base`.
    fn below(base: &Path) -> io::Result<Self> {
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let directory =
            tempfile::Builder::new().prefix(&prefix).permissions(Permissions::from_mode(MODE)).tempdir_in(base)?;
        // Locked before it has its name: whoever clears up sees no lock or one that is held.
        let new = directory.path().join(NEW_LOCK);
        let lock = create(&new)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        fs::rename(&new, directory.path().join(LOCK))?;
        let content = directory.path().join(CONTENT);
        fs::create_dir(&content)?;
        Ok(Self { directory, content, _lock: lock, left: u64::MAX, unlooked: 0 })
    }

    /// Where what is unpacked lies.
    pub(super) fn content(&self) -> &Path {
        &self.content
    }

    /// Removes what killed runs of the same user left beside it, and wherever else one may be made.
    pub(super) fn remove_leftovers(&self) {
        let (own, disk) = (self.directory.path().parent(), told().unwrap_or_else(|| DISK.into()));
        let others = [Path::new(MEMORY), &disk].into_iter().filter(|base| Some(*base) != own);
        for entry in own.into_iter().chain(others).filter_map(|base| fs::read_dir(base).ok()).flatten().flatten() {
            let path = entry.path();
            let may_be_left = is_ours(&entry.file_name()) && path != self.directory.path();
            if may_be_left && is_left(&path).unwrap_or(false) {
                // What can not be removed now is tried again next time.
                let _ = fs::remove_dir_all(&path);
            }
        }
    }

    /// Whether there is room for so many bytes more.
    pub(super) fn check_room(&self, bytes: u64) -> io::Result<()> {
        if bytes > self.left {
            return Err(too_much());
        }
        self.check_free(bytes)
    }

    /// Counts a file or directory that is to be made.
    pub(super) fn take_name(&mut self) -> io::Result<()> {
        self.take(PAGE)
    }

    fn take(&mut self, bytes: u64) -> io::Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or_else(too_much)?;
        Ok(())
    }

    fn check_free(&self, bytes: u64) -> io::Result<()> {
        let free = self.free()?;
        if free >= bytes.saturating_add(RESERVE) { Ok(()) } else { Err(self.full(free, Some(bytes))) }
    }

    /// Copies all that `from` gives. The error is that of the disk, or a stop; that of the source is given beside the
    /// number of bytes that came before it. `passed` looks at the source after each chunk and says whether to go on.
    pub(super) fn write<R: Read>(
        &mut self,
        from: &mut R,
        to: &mut File,
        passed: &mut dyn FnMut(&R) -> bool,
    ) -> io::Result<Written> {
        let mut buffer = vec![0; CHUNK];
        let mut bytes = 0;
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => return Ok(Written { bytes, broken: None }),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Err(error),
                Err(error) => return Ok(Written { bytes, broken: Some(error) }),
            };
            if self.unlooked == 0 {
                self.check_free(LOOK_EVERY)?;
                self.unlooked = LOOK_EVERY;
            }
            self.take(long(read))?;
            to.write_all(buffer.get(..read).unwrap_or_default())?;
            bytes += long(read);
            self.unlooked = self.unlooked.saturating_sub(long(read));
            if !passed(from) {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
    }

    fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.content)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn full(&self, free: u64, wanted: Option<u64>) -> io::Error {
        let base = self.directory.path().parent().unwrap_or(Path::new("/"));
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        let wanted = wanted.filter(|wanted| *wanted > LOOK_EVERY);
        let wanted = wanted.map(|wanted| format!(" of the {} MB it needs", megabytes(wanted))).unwrap_or_default();
        io::Error::new(
            io::ErrorKind::StorageFull,
            format!(
                "there are only {} MB free{wanted} in {} to unpack it; make room there, or set TMPDIR to a directory on a \
                 larger disk",
                megabytes(free),
                base.display()
            ),
        )
    }
}

/// Where the user wants what is large.
fn told() -> Option<PathBuf> {
    std::env::var_os("TMPDIR").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// What is not unpacked into memory; a disk takes it.
fn too_much() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "this is more than is unpacked into memory")
}

/// A new file at `path`, for writing; only its owner may look into it.
pub(super) fn create(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// What was written of one file.
#[derive(Debug)]
pub(super) struct Written {
    /// How many bytes.
    pub(super) bytes: u64,
    /// Why it is not all.
    pub(super) broken: Option<io::Error>,
}

fn is_ours(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

/// Whether a directory belongs to this user and to no living process.
fn is_left(path: &Path) -> io::Result<bool> {
    let data = fs::symlink_metadata(path)?;
    let own = data.is_dir() && data.uid() == rustix::process::geteuid().as_raw() && data.mode() & 0o777 == MODE;
    if !own {
        return Ok(false);
    }
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).map_err(io::Error::other)?;
    match fs::OpenOptions::new().read(true).custom_flags(flags).open(path.join(LOCK)) {
        Ok(lock) => Ok(flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(SystemTime::now().duration_since(data.modified()?).is_ok_and(|age| age > MAKING))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(base: &Path) -> Vec<String> {
        let names = fs::read_dir(base).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_private_and_gone_with_its_owner() {
        let base = tempfile::tempdir().unwrap();
        let mut place = Place::below(base.path()).unwrap();
        let file = place.content().join("a");
        let mut to = create(&file).unwrap();
        place.write(&mut &b"text"[..], &mut to, &mut |_| true).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(place.directory.path()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(names(base.path()).len(), 1);
        drop(place);
        assert!(names(base.path()).is_empty());
    }

    #[test]
    fn memory_takes_what_is_small_and_no_more() {
        let base = tempfile::tempdir().unwrap();
        let mut place = Place { left: 10, ..Place::below(base.path()).unwrap() };
        let mut to = create(&place.content().join("a")).unwrap();
        assert!(place.check_room(10).is_ok() && place.take_name().is_err());
        place.write(&mut &b"0123456789"[..], &mut to, &mut |_| true).unwrap();
        let refused = place.write(&mut &b"a"[..], &mut to, &mut |_| true).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
        assert_eq!(place.check_room(1).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(to.metadata().unwrap().len(), 10);
    }

    #[test]
    fn only_what_nobody_uses_is_cleared_up() {
        let base = tempfile::tempdir().unwrap();
        let make = |name: &str, mode: u32, lock: bool| {
            let path = base.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            if lock {
                fs::write(path.join(LOCK), "").unwrap();
            }
            fs::write(path.join("mail"), "x").unwrap();
        };
        make("mailferry-unpacked-1-dead", 0o700, true);
        make("mailferry-unpacked-2-being-made", 0o700, false);
        make("mailferry-unpacked-3-open-to-all", 0o755, true);
        make("another-program", 0o700, true);
        std::os::unix::fs::symlink("another-program", base.path().join("mailferry-unpacked-4-link")).unwrap();
        let (living, place) = (Place::below(base.path()).unwrap(), Place::below(base.path()).unwrap());
        place.remove_leftovers();
        assert!(living.content().is_dir() && place.content().is_dir());
        drop((living, place));
        assert_eq!(
            names(base.path()),
            [
                "another-program",
                "mailferry-unpacked-2-being-made",
                "mailferry-unpacked-3-open-to-all",
                "mailferry-unpacked-4-link"
            ]
        );
    }
}
