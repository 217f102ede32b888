//! Exports of Outlook for Mac (.olm): a zip archive with one XML file a message, and attachments beside them.
//!
//! Used through [`FORMAT`]. Read-only. What is in it becomes a MAPI object, so that it is composed as other Outlook mail
//! is. Source: facts/formats.md 1.12.

mod xml;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use super::archive::Archive;
use super::file::{self, FileId};
use super::mapi::{self, Object};
use super::tree::Tree;
use super::{Damage, Folder, Format, Found, OpenOptions, Removal, Spot, Store, StoreError, Walk};
use crate::mail::{FolderPath, Locator};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "olm", title: "Outlook for Mac export (.olm)", sign, covers: &[], stands_alone: true, open };

const MAGIC: &[u8] = b"PK\x03\x04";
/// The directory with the folders of one account.
const MESSAGES: &str = "com.microsoft.__Messages";
/// The directory with the attachments of one folder.
const ATTACHMENTS: &str = "com.microsoft.__Attachments";
/// How a file with messages ends.
const ENDING: &str = ".xml";
/// How many messages pass between two reports of progress.
const REPORT_EVERY: usize = 100;

fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    let archive = spot.start().starts_with(MAGIC).then(|| Archive::open(spot.path()).ok()).flatten()?;
    let found = archive.names().iter().any(|name| folder_of(name).is_some());
    found.then_some("is a zip archive with messages of Outlook for Mac")
}

fn open(path: &Path, _: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    let none = |reason: &str| StoreError::NotMail { path: path.to_owned(), reason: reason.to_owned() };
    if !file::prefix(path, MAGIC.len()).is_ok_and(|start| start == MAGIC) {
        return Err(none("this is no zip archive, as exports of Outlook for Mac are"));
    }
    let opened = Opened::new(path).map_err(|source| StoreError::read(path, source))?;
    if opened.tree.is_empty() {
        return Err(none("there is no folder of Outlook for Mac in this file"));
    }
    Ok(Box::new(Olm { path: path.to_owned(), opened }))
}

/// The account, the folder and the file's name of a member that belongs to a folder.
fn folder_of(name: &str) -> Option<(&str, Vec<&str>, &str)> {
    let (account, rest) = name.split_once(MESSAGES)?;
    let account = account.strip_suffix('/')?;
    let (folder, file) = rest.strip_prefix('/')?.rsplit_once('/').unwrap_or(("", rest));
    let folder: Vec<_> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    (!folder.contains(&ATTACHMENTS)).then_some((account, folder, file))
}

/// One export.
struct Olm {
    path: PathBuf,
    opened: Opened,
}

struct Opened {
    id: FileId,
    archive: Archive,
    tree: Tree,
    /// The members with messages of each folder.
    members: HashMap<FolderPath, Vec<usize>>,
    /// The number of each member.
    numbers: HashMap<String, usize>,
}

impl Opened {
    fn new(path: &Path) -> io::Result<Self> {
        let id = FileId::of(&std::fs::metadata(path)?);
        let archive = Archive::open(path)?;
        let numbers: HashMap<_, _> =
            archive.names().iter().cloned().enumerate().map(|(number, name)| (name, number)).collect();
        let all: Vec<_> = archive.names().iter().map(String::as_str).filter_map(folder_of).collect();
        let accounts: BTreeSet<_> = all.iter().map(|(account, ..)| *account).collect();
        let mut members: BTreeMap<FolderPath, Vec<usize>> = BTreeMap::new();
        for (number, name) in archive.names().iter().enumerate() {
            let Some((account, folder, file)) = folder_of(name) else { continue };
            // With several accounts each is a folder of its own.
            let top = account.rsplit('/').next().filter(|_| accounts.len() > 1);
            let path = FolderPath::new(top.into_iter().chain(folder));
            let held = members.entry(path).or_default();
            held.extend(file.to_ascii_lowercase().ends_with(ENDING).then_some(number));
        }
        let mut tree = Tree::new(path);
        // The top is a folder only if it holds messages.
        members.retain(|folder, held| !folder.is_root() || !held.is_empty());
        for folder in members.keys() {
            tree.add(folder.clone(), path);
        }
        Ok(Self { id, archive, tree, members: members.into_iter().collect(), numbers })
    }

    fn held(&self, folder: &FolderPath) -> Vec<usize> {
        self.members.get(folder).cloned().unwrap_or_default()
    }

    fn name(&self, number: usize) -> String {
        self.archive.names().get(number).cloned().unwrap_or_default()
    }

    /// What one member holds: each of its messages, or why not.
    fn found(&mut self, path: &Path, number: usize) -> Vec<Found> {
        let name = self.name(number);
        let damage = |reason: String| {
            Found::Damage(Damage { file: path.to_owned(), offset: 0, reason: format!("{name} is not read: {reason}") })
        };
        let messages = match self.archive.read(number).and_then(|bytes| xml::messages(&bytes)) {
            Ok(messages) => messages,
            Err(error) => return vec![damage(error.to_string())],
        };
        let shown = messages.iter().enumerate().map(|(index, message)| {
            let offset = u64::try_from(index).unwrap_or_default();
            let files = message.files.iter().filter_map(|file| self.numbers.get(&file.member).copied());
            let size: u64 = files.map(|file| self.archive.told_size(file)).sum();
            let locator = Locator { name: name.clone().into(), offset, length: message.text_size + size };
            Found::Message(mapi::envelope(&message.object, locator))
        });
        shown.collect()
    }

    /// One message with its attachments.
    fn message(&mut self, number: usize, index: u64) -> io::Result<Option<Object>> {
        let all = xml::messages(&self.archive.read(number)?)?;
        let found = usize::try_from(index).ok().and_then(|index| all.into_iter().nth(index));
        let Some(mut message) = found else { return Ok(None) };
        for file in message.files {
            let content = match self.numbers.get(&file.member) {
                Some(number) => mapi::Content::File(self.archive.read(*number)?),
                // Outlook did not have the file itself, only its name.
                None if file.member.is_empty() => mapi::Content::Elsewhere,
                None => return Err(super::bytes::invalid(format!("its attachment {} is missing", file.member))),
            };
            message.object.attachments.push(mapi::Attachment { properties: file.properties, content });
        }
        Ok(Some(message.object))
    }
}

impl Olm {
    /// The export as it is now.
    fn fresh(&mut self) -> Result<&mut Opened, StoreError> {
        let refused = |source| StoreError::read(&self.path, source);
        let now = FileId::of(&std::fs::metadata(&self.path).map_err(refused)?);
        if now != self.opened.id {
            self.opened = Opened::new(&self.path).map_err(refused)?;
        }
        Ok(&mut self.opened)
    }

    fn not_removed(&self) -> StoreError {
        StoreError::copy_only(&self.path, &FORMAT)
    }
}

impl Store for Olm {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn root(&self) -> &Path {
        &self.path
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        Ok(self.fresh()?.tree.folders())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        let path = self.path.clone();
        let opened = self.fresh()?;
        opened.tree.place(folder)?;
        let held = opened.held(folder);
        let total = u64::try_from(held.len()).unwrap_or(u64::MAX);
        for (position, number) in held.into_iter().enumerate() {
            let done = u64::try_from(position + 1).unwrap_or(u64::MAX);
            let report = ((position + 1) % REPORT_EVERY == 0).then_some(Found::Progress { done, total });
            if opened.found(&path, number).into_iter().chain(report).any(|found| visit(found).is_break()) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let path = self.path.clone();
        let opened = self.fresh()?;
        let number = opened.numbers.get(&*locator.name).copied();
        let number = number.filter(|number| opened.members.get(folder).is_some_and(|held| held.contains(number)));
        let object = number.map(|number| opened.message(number, locator.offset)).transpose();
        let object = object.map_err(|error| {
            StoreError::read(&path, io::Error::new(error.kind(), format!("{}: {error}", locator.name)))
        })?;
        let object = object.flatten().ok_or_else(|| StoreError::vanished(&path, locator))?;
        Ok(mapi::compose(&object))
    }

    fn check_removable(&self, _: &FolderPath) -> Result<(), StoreError> {
        Err(self.not_removed())
    }

    fn remove(&mut self, _: &FolderPath, _: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        Err(self.not_removed())
    }
}
