//! Profiles of Thunderbird, SeaMonkey, Postbox and Netscape: every account a top folder, named as in the program.
//!
//! Used through [`FORMAT`]. Accounts are read as mboxes, or as one file a message (`maildirs`). The keys of tags are
//! keywords already, and Thunderbird itself uses them so on servers; their shown names stay in the profile.

mod maildirs;
mod msf;
mod prefs;

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::dir::{self, Entry, Kind};
use super::joined::Joined;
use super::{Company, Format, OpenOptions, Spot, Store, StoreError, file, mbox};
use crate::mail::FolderPath;
use prefs::Account;

/// The row in `FORMATS`.
pub(super) static FORMAT: Format = Format {
    name: "thunderbird",
    title: "Thunderbird, SeaMonkey or Netscape profile",
    sign,
    covers: &[],
    stands_alone: true,
    open,
};

/// Where a profile keeps mail.
const MAIL: [&str; 2] = ["Mail", "ImapMail"];
/// Directories between the program's own and its profiles.
const PROFILES: &str = "Profiles";
/// How the summary of a folder ends.
const SUMMARY: &str = ".msf";
/// Files that Mozilla programs keep beside mail.
const BESIDE: [&str; 5] = [".msf", ".snm", ".sbd", "popstate.dat", "msgfilterrules.dat"];

fn open(path: &Path, _: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    if is_bare_account(path) {
        return maildirs::open(path);
    }
    let mut joined = Joined::new(path, &FORMAT);
    for (above, profile) in profiles(path) {
        for account in accounts(&profile) {
            match account.open() {
                Ok(store) => joined.add(&above.child(account.name), store),
                Err(StoreError::NotMail { .. }) => {} // an account without any folder
                Err(error) => joined.skip(&account.directory, format!("the account is not read: {error}")),
            }
        }
        for (directory, reason) in outside(&profile) {
            joined.skip(&directory, reason);
        }
    }
    if joined.is_empty() {
        let reason = "there is no account with mail in this profile".to_owned();
        return Err(StoreError::NotMail { path: path.to_owned(), reason });
    }
    joined.boxed()
}

fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    if !spot.is_directory() {
        return None;
    }
    if is_bare_account(spot.path()) {
        return Some("is an account with summaries (.msf) of its folders");
    }
    let found = if spot.is_given() { !profiles(spot.path()).is_empty() } else { is_profile(spot.path()) };
    found.then_some("is a profile with Mail or ImapMail")
}

/// The profiles at `path`: itself, or those in it.
fn profiles(path: &Path) -> Vec<(FolderPath, PathBuf)> {
    if is_profile(path) {
        return vec![(FolderPath::root(), path.to_owned())];
    }
    let inner = |dir: &Path| {
        let entries = dir::entries(dir).unwrap_or_default().into_iter();
        entries.filter(|entry| entry.kind == Kind::Directory && is_profile(&entry.path)).collect::<Vec<_>>()
    };
    let mut found = inner(path);
    found.extend(inner(&path.join(PROFILES)));
    match found.as_slice() {
        [one] => vec![(FolderPath::root(), one.path.clone())],
        all => all.iter().map(|entry| (FolderPath::new([entry.text()]), entry.path.clone())).collect(),
    }
}

/// Whether a directory is that of one account of one file a message; as mboxes, such a directory is read by `mbox`.
fn is_bare_account(path: &Path) -> bool {
    dir::entries(path).unwrap_or_default().iter().any(is_summary) && maildirs::is_account(path)
}

/// Whether a Mozilla program keeps the mail in a directory: it has summaries of folders, or one below it has.
pub(super) fn has_summaries(path: &Path) -> bool {
    let entries = |dir: &Path| dir::entries(dir).unwrap_or_default();
    let has = |entry: &Entry| entry.kind == Kind::Directory && entries(&entry.path).iter().any(is_summary);
    entries(path).iter().any(|entry| is_summary(entry) || has(entry))
}

fn is_summary(entry: &Entry) -> bool {
    entry.kind == Kind::File && entry.text().ends_with(SUMMARY)
}

/// A profile has preferences that name mail accounts, or directories of mail with the files of a Mozilla program.
fn is_profile(path: &Path) -> bool {
    let entries = |dir: &Path| dir::entries(dir).unwrap_or_default();
    let is_beside = |entry: &Entry| BESIDE.iter().any(|end| entry.text().to_lowercase().ends_with(end));
    let has_beside = |dir: &PathBuf| {
        entries(dir).iter().any(|entry| {
            is_beside(entry) || (entry.kind == Kind::Directory && entries(&entry.path).iter().any(is_beside))
        })
    };
    let tops = tops(path);
    !tops.is_empty() && (prefs::read(path).has_accounts() || tops.iter().any(has_beside))
}

/// The directories that hold accounts: those of a profile, or `path` itself if it is called so.
fn tops(path: &Path) -> Vec<PathBuf> {
    let inner: Vec<PathBuf> = MAIL.iter().map(|name| path.join(name)).filter(|dir| dir.is_dir()).collect();
    let itself = || MAIL.iter().any(|name| path.file_name().is_some_and(|own| own == *name));
    if inner.is_empty() && itself() { vec![path.to_owned()] } else { inner }
}

/// The accounts of a profile: those of its preferences, then the directories that these do not name.
fn accounts(profile: &Path) -> Vec<Account> {
    let mut all = prefs::read(profile).accounts(profile);
    all.retain(|account| account.directory.is_dir() && is_within(&account.directory, profile));
    for top in tops(profile) {
        let entries = dir::entries(&top).unwrap_or_default();
        let is_mbox = |entry: &Entry| {
            let start = || file::prefix(&entry.path, 4096).unwrap_or_default();
            entry.kind == Kind::File && !entry.text().contains('.') && mbox::starts_like_mbox(&start())
        };
        // Netscape 4 has no directories for accounts.
        if entries.iter().any(is_mbox) && all.iter().all(|account| !is_same(&account.directory, &top)) {
            all.retain(|account| !is_within(&account.directory, &top));
            let name = top.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            all.push(Account { name, directory: top, is_maildir: false });
            continue;
        }
        for entry in entries.into_iter().filter(|entry| entry.kind == Kind::Directory && !entry.text().starts_with('.'))
        {
            if all.iter().all(|account| !is_same(&account.directory, &entry.path)) {
                let is_maildir = maildirs::is_account(&entry.path);
                all.push(Account { name: entry.text(), directory: entry.path, is_maildir });
            }
        }
    }
    all
}

/// Accounts that keep their mail elsewhere: preferences are foreign, so they must not make us read any place they like.
fn outside(profile: &Path) -> Vec<(PathBuf, String)> {
    let elsewhere = prefs::read(profile).accounts(profile).into_iter();
    let elsewhere = elsewhere.filter(|account| account.directory.is_dir() && !is_within(&account.directory, profile));
    elsewhere
        .map(|account| {
            let reason = format!(
                "the account {} keeps its mail outside of the profile; give that path to read it",
                account.name
            );
            (account.directory, reason)
        })
        .collect()
}

fn is_within(inner: &Path, outer: &Path) -> bool {
    match (inner.canonicalize(), outer.canonicalize()) {
        (Ok(inner), Ok(outer)) => inner.starts_with(outer),
        _ => false,
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

impl Account {
    fn open(&self) -> Result<Box<dyn Store>, StoreError> {
        if self.is_maildir {
            maildirs::open(&self.directory)
        } else {
            mbox::open_named(&self.directory, folder_name, &Company::default())
        }
    }
}

/// A folder's name from its name on disk: characters that a file system refuses are written as %XX, and IMAP folders are
/// in modified UTF-7. What is a hash has its name in the summary beside it.
pub(super) fn folder_name(directory: &Path, disk: &str) -> String {
    if let Some(name) = msf::true_name(directory, disk) {
        return name;
    }
    let decoded = percent_decode_str(disk).decode_utf8().map_or_else(|_| disk.to_owned(), Into::into);
    dir::folder_name(&decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_disk_are_decoded() {
        for (disk, name) in [
            ("Inbox", "Inbox"),
            ("a%3Ab%2Fc", "a:b/c"),
            ("50% off", "50% off"),
            ("Entw&APw-rfe", "Entwürfe"),
            ("%ff", "%ff"),
        ] {
            assert_eq!(folder_name(Path::new("/nowhere"), disk), name);
        }
    }
}
