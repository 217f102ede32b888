//! Opera's mail: one mbox a day, `accountN/YYYY/MM/DD.mbs`. Every account is one folder.
//!
//! Used through [`FORMAT`]. Opera's folders are views that its own index keeps, which is not read; so is what was read. A
//! `.mbs` on its own is an mbox. Source: facts/formats.md 1.13.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::dir::{Entry, Kind, Walker};
use super::files::is_entered;
use super::tree::Tree;
use super::{Damage, Folder, Format, Found, OpenOptions, Removal, Spot, Store, StoreError, Walk, file, mbox};
use crate::mail::{FolderPath, Locator};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "opera", title: "Opera Mail", sign, covers: &[], stands_alone: false, open };

const END: &str = ".mbs";
/// Digits in the names of a day's file and of the directories above it.
const DAY: usize = 2;
const MONTH: usize = 2;
const YEAR: usize = 4;
/// The names of accounts, in the directory above or further up.
const ACCOUNTS: &str = "accounts.ini";
const MAX_ABOVE: usize = 3;
const MAX_ACCOUNTS: u64 = 1024 * 1024;
const NAME: &str = "account name";

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    let names = account_names(path);
    let company = &options.company;
    let mut store = Opera { tree: Tree::beside(path, company), days: BTreeMap::new() };
    let mut walker = Walker::beside(company);
    let entries = walker.enter(path, 0).map_err(|source| StoreError::read(path, source))?;
    store.take(&mut walker, entries, 0);
    for account in store.days.keys() {
        let disk = account.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let name = names.get(&disk).cloned().unwrap_or(disk);
        let folder = if account == path { FolderPath::root() } else { FolderPath::new([name]) };
        store.tree.add(folder, account);
    }
    if store.tree.is_empty() {
        let reason = "there is no mail of Opera in this directory".to_owned();
        return Err(StoreError::NotMail { path: path.to_owned(), reason });
    }
    Ok(Box::new(store))
}

/// Whether a file is a day of Opera's mail. A single one is an mbox.
fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    let found = spot.is_file() && !spot.is_given() && account(spot.path()).is_some();
    found.then_some("is a day of Opera's mail by its name")
}

/// The directory of the account that a day's file belongs to.
fn account(day: &Path) -> Option<&Path> {
    let is_number = |path: &Path, digits: usize| {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let name = name.strip_suffix(END).unwrap_or(&name);
        name.len() == digits && name.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (month, year) = (day.parent()?, day.parent()?.parent()?);
    let called = day.file_name()?.to_str()?.ends_with(END);
    (called && is_number(day, DAY) && is_number(month, MONTH) && is_number(year, YEAR)).then(|| year.parent()).flatten()
}

/// The names that `accounts.ini` gives to accounts, by their directories' names.
fn account_names(path: &Path) -> BTreeMap<String, String> {
    let start = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut candidates = start.ancestors().take(MAX_ABOVE).map(|above| above.join(ACCOUNTS));
    let bytes = candidates.find_map(|path| file::whole(&path, MAX_ACCOUNTS).ok()).unwrap_or_default();
    let (mut names, mut section) = (BTreeMap::new(), String::new());
    for line in String::from_utf8_lossy(&bytes).lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_lowercase();
        } else if let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case(NAME)
            && !value.trim().is_empty()
        {
            names.insert(section.clone(), value.trim().to_owned());
        }
    }
    names
}

/// The accounts, and for each the mboxes of its days, by their paths from the account's directory.
struct Opera {
    tree: Tree,
    days: BTreeMap<PathBuf, BTreeMap<String, Box<dyn Store>>>,
}

impl Opera {
    fn take(&mut self, walker: &mut Walker, entries: Vec<Entry>, depth: usize) {
        for entry in entries {
            if is_entered(&entry) {
                match walker.enter(&entry.path, depth + 1) {
                    Ok(inner) => self.take(walker, inner, depth + 1),
                    Err(error) => self.tree.skip(&entry.path, format!("the directory is not read: {error}")),
                }
            } else if let Some(account) = account(&entry.path).filter(|_| entry.kind == Kind::File) {
                let within = entry.path.strip_prefix(account).unwrap_or(&entry.path).to_string_lossy().into_owned();
                match (mbox::FORMAT.open)(&entry.path, &OpenOptions::default()) {
                    Ok(store) => {
                        self.days.entry(account.to_owned()).or_default().insert(within, store);
                    }
                    Err(error) => self.tree.skip(&entry.path, format!("it is not read: {error}")),
                }
            }
        }
    }

    fn day(&mut self, folder: &FolderPath, name: &str) -> Result<Option<&mut Box<dyn Store>>, StoreError> {
        let account = self.tree.messages(folder)?;
        Ok(self.days.get_mut(account).and_then(|days| days.get_mut(name)))
    }
}

/// A message's place in the mbox of its day.
fn within_day(locator: &Locator) -> Locator {
    Locator { name: "".into(), ..locator.clone() }
}

impl Store for Opera {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        Ok(self.tree.folders())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        let Some(account) = self.tree.place(folder)? else { return Ok(()) };
        if self.tree.report_skipped(folder, visit).is_break() {
            return Ok(());
        }
        let mut stopped = false;
        for (name, day) in self.days.get_mut(account).into_iter().flatten() {
            let listed = day.list(&FolderPath::root(), &mut |found| {
                let walk = match found {
                    Found::Message(mut envelope) => {
                        envelope.locator.name = format!("{name}@{}", envelope.locator.offset).into();
                        visit(Found::Message(envelope))
                    }
                    Found::Progress { .. } => Walk::Continue(()), // of one day only
                    other => visit(other),
                };
                stopped |= walk.is_break();
                walk
            });
            if let Err(error) = listed {
                let damage = Damage { file: day.root().to_owned(), offset: 0, reason: error.to_string() };
                stopped |= visit(Found::Damage(damage)).is_break();
            }
            if stopped {
                break;
            }
        }
        Ok(())
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let vanished = StoreError::vanished(self.tree.messages(folder)?, locator);
        let day = self.day(folder, day_of(locator))?;
        day.ok_or(vanished)?.read(&FolderPath::root(), &within_day(locator))
    }

    fn rewrites_whole_files(&self) -> bool {
        true
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        let days = self.days.get(self.tree.messages(folder)?);
        days.into_iter().flatten().try_for_each(|(_, day)| day.check_removable(&FolderPath::root()))
    }

    fn remove(&mut self, folder: &FolderPath, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let account = self.tree.messages(folder)?.to_owned();
        let mut by_day: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, removal) in removals.iter().enumerate() {
            by_day.entry(day_of(&removal.locator)).or_default().push(number);
        }
        let vanished = |removal: &Removal| Err(StoreError::vanished(&account, &removal.locator));
        let mut results: Vec<Result<(), StoreError>> = removals.iter().map(vanished).collect();
        for (name, numbers) in by_day {
            let Some(day) = self.day(folder, name)? else { continue };
            let of_day: Vec<Removal> = numbers
                .iter()
                .filter_map(|number| removals.get(*number))
                .map(|removal| Removal { locator: within_day(&removal.locator), digest: removal.digest })
                .collect();
            let outcomes = match day.remove(&FolderPath::root(), &of_day) {
                Ok(outcomes) => outcomes,
                // Days before this one are done, so the error is one of this day's messages only.
                Err(error) => {
                    let reason = error.to_string();
                    let refused = || StoreError::write(day.root(), io::Error::other(reason.clone()));
                    numbers.iter().map(|_| Err(refused())).collect()
                }
            };
            for (number, outcome) in numbers.into_iter().zip(outcomes) {
                if let Some(result) = results.get_mut(number) {
                    *result = outcome;
                }
            }
        }
        Ok(results)
    }
}

/// The day that a message's id names.
fn day_of(locator: &Locator) -> &str {
    locator.name.rsplit_once('@').map_or(&locator.name, |(day, _)| day)
}
