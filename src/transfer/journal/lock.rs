//! One writer per account, and one that moves mail out of a store: locks on files in the state directory, which tell who
//! holds them. Two may read one store at a time.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::JournalError;
use super::schema::make_directory;
use crate::imap::Account;
use crate::transfer::{Job, Mode, Source};

/// The most that is read of a lock's file.
const LONGEST: u64 = 1000;

/// Held while a job runs; let go by its drop, or by the system when the process ends.
#[derive(Debug)]
pub(in crate::transfer) struct Lock {
    _file: File,
}

/// Whether a job must have something to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// Others may share it.
    Shared,
    Alone,
}

/// Who and where an account is, whatever way leads to it: one mailbox may be reached by several ports.
pub(in crate::transfer) fn key(account: &Account) -> String {
    let whose = account.options.authorization.as_deref().unwrap_or(&account.user);
    format!("{whose}@{}", account.host.to_lowercase())
}

impl Lock {
    /// Takes the lock of an account that is written to, or says who has it.
    pub(in crate::transfer) fn of_account(directory: &Path, account: &str) -> Result<Self, JournalError> {
        let busy = |holder| JournalError::Busy { account: account.to_owned(), holder };
        Self::take(directory, account, Claim::Alone, busy)
    }

    /// Takes the locks of all that a job moves mail out of, or says who has one. A copy needs none.
    pub(in crate::transfer) fn of_sources(directory: &Path, job: &Job) -> Result<Vec<Self>, JournalError> {
        if job.mode != Mode::Move {
            return Ok(Vec::new());
        }
        let mut claims: BTreeMap<String, (Claim, &Path)> = BTreeMap::new();
        for source in job.plan.folders.iter().map(|folder| &folder.source) {
            for (name, claim) in names(source, &job.accounts) {
                let known = claims.entry(name).or_insert((claim, &source.path));
                known.0 = known.0.max(claim);
            }
        }
        let take = |(name, (claim, path)): (String, (Claim, &Path))| {
            Self::take(directory, &name, claim, |holder| JournalError::SourceBusy { path: path.to_owned(), holder })
        };
        claims.into_iter().map(take).collect()
    }

    fn take(
        directory: &Path,
        name: &str,
        claim: Claim,
        busy: impl FnOnce(String) -> JournalError,
    ) -> Result<Self, JournalError> {
        let directory = directory.join("locks");
        make_directory(&directory)?;
        let digest = Sha256::digest(name.as_bytes());
        let name = digest.iter().take(8).fold(String::new(), |name, byte| name + &format!("{byte:02x}"));
        let path = directory.join(name);
        let failed = |source| JournalError::Directory { path: path.clone(), source };
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open().map_err(failed)?;
        let taken = match claim {
            Claim::Alone => file.try_lock(),
            Claim::Shared => file.try_lock_shared(),
        };
        match taken {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is, is only a word more.
                let _ = file.take(LONGEST).read_to_string(&mut holder);
                return Err(busy(holder.trim().to_owned()));
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

/// What is locked for a move out of a source: the file or directory by its path, for an mbox becomes another file when it is
/// rewritten, and by what it is, for other paths may lead to it; and what it lies in, which may be moved as a whole.
fn names(source: &Source, accounts: &[Account]) -> Vec<(String, Claim)> {
    if let Some(account) = accounts.iter().find(|account| Source::of_account(account).path == source.path) {
        return vec![(format!("out of {}", key(account)), Claim::Alone)];
    }
    // What is not there is told when it is opened.
    let real = fs::canonicalize(&source.path).unwrap_or_default();
    let by_path = |path: &Path| format!("out of {}", path.display());
    let above: Vec<PathBuf> = real.ancestors().skip(1).map(Path::to_owned).collect();
    let itself = fs::metadata(&real).map(|metadata| format!("out of {}:{}", metadata.dev(), metadata.ino()));
    let alone = itself.into_iter().chain([by_path(&real)]).map(|name| (name, Claim::Alone));
    alone.chain(above.iter().map(|path| (by_path(path), Claim::Shared))).collect()
}

/// This machine's name.
fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::{ConnectOptions, Security};
    use crate::store::OpenOptions;

    #[test]
    fn a_second_writer_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let first = Lock::of_account(directory.path(), "anna@host").unwrap();
        let other = Lock::of_account(directory.path(), "bert@host");
        assert!(other.is_ok());
        let second = Lock::of_account(directory.path(), "anna@host").unwrap_err();
        let said = second.to_string();
        assert!(said.contains("anna@host") && said.contains(&std::process::id().to_string()), "{said}");
        drop(first);
        assert!(Lock::of_account(directory.path(), "anna@host").is_ok());
    }

    #[test]
    fn a_mailbox_is_one_however_its_host_is_written_and_by_whatever_port() {
        let of = |host: &str, port, authorization: Option<&str>| {
            let options = ConnectOptions { authorization: authorization.map(str::to_owned), ..Default::default() };
            let (security, user, password) = (Security::Tls, "anna".into(), "secret".into());
            key(&Account { host: host.into(), port, security, user, password, options })
        };
        assert_eq!(of("Example.ORG", 993, None), of("example.org", 1143, None));
        assert_ne!(of("example.org", 993, None), of("example.org", 993, Some("bert")));
    }

    #[test]
    fn what_holds_a_source_and_what_is_in_it_can_not_be_moved_at_the_same_time() {
        let home = tempfile::tempdir().unwrap();
        let (state, mail) = (home.path().join("state"), home.path().join("mail"));
        fs::create_dir_all(mail.join("a/b")).unwrap();
        fs::create_dir_all(mail.join("c")).unwrap();
        std::os::unix::fs::symlink(mail.join("c"), mail.join("link")).unwrap();
        let take = |path: &str| -> Result<Vec<Lock>, String> {
            let names = names(&Source { path: mail.join(path), options: OpenOptions::default() }, &[]);
            let take = |(name, claim): (String, Claim)| {
                Lock::take(&state, &name, claim, |holder| JournalError::SourceBusy { path: mail.clone(), holder })
            };
            names.into_iter().map(take).collect::<Result<_, _>>().map_err(|error| error.to_string())
        };
        let held = take("a").unwrap();
        for path in ["a", "a/b", ""] {
            assert!(take(path).is_err_and(|said| said.contains("moving mail out of")), "{path}");
        }
        let beside = take("c").unwrap();
        assert!(take("link").is_err());
        drop(held);
        assert!(take("a/b").is_ok());
        drop(beside);
        assert!(take("").is_ok());
    }
}
