//! One writer per account: a lock on a file in the state directory, which tells who holds it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::JournalError;
use super::schema::make_directory;
use crate::imap::Account;

/// The most that is read of a lock's file.
const LONGEST: u64 = 1000;

/// Held while a job runs; let go by its drop, or by the system when the process ends.
#[derive(Debug)]
pub(in crate::transfer) struct AccountLock {
    _file: File,
}

/// Who and where an account is, whatever way leads to it: one mailbox may be reached by several ports.
pub(in crate::transfer) fn key(account: &Account) -> String {
    let whose = account.options.authorization.as_deref().unwrap_or(&account.user);
    format!("{whose}@{}", account.host.to_lowercase())
}

impl AccountLock {
    /// Takes the lock of an account, or says who has it.
    pub(in crate::transfer) fn take(directory: &Path, account: &str) -> Result<Self, JournalError> {
        let directory = directory.join("locks");
        make_directory(&directory)?;
        let digest = Sha256::digest(account.as_bytes());
        let name = digest.iter().take(8).fold(String::new(), |name, byte| name + &format!("{byte:02x}"));
        let path = directory.join(name);
        let failed = |source| JournalError::Directory { path: path.clone(), source };
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open().map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is, is only a word more.
                let _ = file.take(LONGEST).read_to_string(&mut holder);
                return Err(JournalError::Busy { account: account.to_owned(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let holder = format!("process {} on {}\n", std::process::id(), host());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// This machine's name.
fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let first = AccountLock::take(directory.path(), "anna@host").unwrap();
        let other = AccountLock::take(directory.path(), "bert@host");
        assert!(other.is_ok());
        let second = AccountLock::take(directory.path(), "anna@host").unwrap_err();
        let said = second.to_string();
        assert!(said.contains("anna@host") && said.contains(&std::process::id().to_string()), "{said}");
        drop(first);
        assert!(AccountLock::take(directory.path(), "anna@host").is_ok());
    }
}
