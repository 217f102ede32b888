//! The locks that mail programs take on an mbox: the dotlock, the fcntl lock and the flock lock, all. Used by the rewrite.
//!
//! A lock left behind by a dead program is not broken; that is for the admin to judge. One that a killed mailferry left on
//! this machine is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use tempfile::NamedTempFile;

use crate::store::StoreError;

/// How long whoever writes into an mbox waits for its locks; a delivery takes far less.
pub(super) const DELIVERY: Duration = Duration::from_secs(3);
/// The most that is read of a dotlock.
const LONGEST: u64 = 1000;
const TRY_EVERY: Duration = Duration::from_millis(100);

/// An mbox that is locked as long as this lives.
#[derive(Debug)]
pub(super) struct Locked {
    /// The file, open for reading and writing.
    pub(super) file: File,
    dotlock: PathBuf,
}

impl Locked {
    /// Takes all locks on the mbox at `path`, which must not be a link. Locks that other programs hold are waited for, for
    /// so long.
    pub(super) fn take(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        let until = Instant::now() + patience;
        let mut dotlock = path.as_os_str().to_owned();
        dotlock.push(".lock");
        let dotlock = PathBuf::from(dotlock);
        retry(path, until, || make(&dotlock))?;
        // From here on the dotlock is ours and goes with the guard.
        let open = || OpenOptions::new().read(true).write(true).open(path);
        let file = open()
            .inspect_err(|_| drop(fs::remove_file(&dotlock)))
            .map_err(|source| StoreError::write(path, source))?;
        let locked = Self { file, dotlock };
        retry(path, until, || Ok(rustix::fs::fcntl_lock(&locked.file, FlockOperation::NonBlockingLockExclusive)?))?;
        retry(path, until, || Ok(rustix::fs::flock(&locked.file, FlockOperation::NonBlockingLockExclusive)?))?;
        Ok(locked)
    }
}

/// Makes a dotlock that says from the first moment whose it is: written under another name, and then given its own, which
/// fails where there is one.
fn make(dotlock: &Path) -> io::Result<()> {
    if is_left_behind(dotlock) {
        fs::remove_file(dotlock)?;
    }
    if dotlock.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into()); // nothing is written as long as it is tried in vain
    }
    let mut made = NamedTempFile::with_prefix_in(".mailferry-", dotlock.parent().unwrap_or(dotlock))?;
    writeln!(made, "{}\n{}", std::process::id(), signature())?;
    made.persist_noclobber(dotlock).map(drop).map_err(|error| error.error)
}

/// Whether a mailferry made the dotlock on this machine, since it was started, that no longer runs.
fn is_left_behind(dotlock: &Path) -> bool {
    let mut text = String::new();
    let read = File::open(dotlock).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    let Some((process, by)) = text.trim_end().split_once('\n').filter(|_| read.is_ok()) else { return false };
    let process = process.parse().ok().and_then(Pid::from_raw);
    by == signature() && process.is_some_and(|process| test_kill_process(process) == Err(Errno::SRCH))
}

/// Names the program and this run of this machine.
fn signature() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("mailferry {} {}", rustix::system::uname().nodename().to_string_lossy(), boot.trim())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_mailferry_left_on_this_machine_is_no_lock() {
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let (dead, alive) = (gone.id(), std::process::id());
        let other = "mailferry another-host 00000000-0000-0000-0000-000000000000";
        for (text, is_taken) in [
            (format!("{dead}\n{}\n", signature()), true),
            (format!("{alive}\n{}\n", signature()), false),
            (format!("{dead}\n{other}\n"), false),
            (format!("{dead}\n"), false),
            (String::new(), false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("box");
            fs::write(&path, "From a@b Tue Feb  3 10:00:00 2004\n\nx\n").unwrap();
            fs::write(dir.path().join("box.lock"), &text).unwrap();
            assert_eq!(is_left_behind(&dir.path().join("box.lock")), is_taken, "{text}");
            if is_taken {
                drop(Locked::take(&path, Duration::ZERO).unwrap());
                assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
            }
        }
    }
}
