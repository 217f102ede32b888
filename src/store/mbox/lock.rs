//! The locks that mail programs take on an mbox: the dotlock and the fcntl lock, both. Used by the rewrite.
//!
//! A lock left behind by a dead program is not broken; that is for the admin to judge.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

use crate::store::StoreError;

/// How long another program may hold its lock; a delivery takes far less.
const WAIT: Duration = Duration::from_secs(3);
const TRY_EVERY: Duration = Duration::from_millis(100);

/// An mbox that is locked as long as this lives.
#[derive(Debug)]
pub(super) struct Locked {
    /// The file, open for reading and writing.
    pub(super) file: File,
    dotlock: PathBuf,
}

impl Locked {
    /// Takes both locks on the mbox at `path`, which must not be a link.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let until = Instant::now() + WAIT;
        let mut dotlock = path.as_os_str().to_owned();
        dotlock.push(".lock");
        let dotlock = PathBuf::from(dotlock);
        let mut made = retry(path, until, || File::create_new(&dotlock))?;
        // From here on the dotlock is ours and goes with the guard.
        let open = || OpenOptions::new().read(true).write(true).open(path);
        let file = open()
            .inspect_err(|_| drop(fs::remove_file(&dotlock)))
            .map_err(|source| StoreError::write(path, source))?;
        let locked = Self { file, dotlock };
        let _ = writeln!(made, "{}", std::process::id()); // for people; an empty dotlock is a lock as well
        retry(path, until, || Ok(rustix::fs::fcntl_lock(&locked.file, FlockOperation::NonBlockingLockExclusive)?))?;
        Ok(locked)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.dotlock);
    }
}

/// Tries until it is done or `until` has come; only a lock that is held is tried again.
fn retry<T>(path: &Path, until: Instant, mut attempt: impl FnMut() -> io::Result<T>) -> Result<T, StoreError> {
    loop {
        let error = match attempt() {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        // POSIX lets a system say EACCES for a held fcntl lock; Linux does not.
        if !matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::WouldBlock) {
            return Err(StoreError::write(path, error));
        }
        if Instant::now() >= until {
            return Err(StoreError::Locked { path: path.to_owned() });
        }
        thread::sleep(TRY_EVERY);
    }
}
