//! Exports of Outlook for Mac (.olm): a zip archive with one XML file a message, and attachments beside them.
//!
//! Used through [`FORMAT`]. Read-only. What is in it becomes a MAPI object, so that it is composed as other Outlook mail
//! is. Source: facts/formats.md 1.12.

mod xml;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::Path;

use super::archive::Archive;
use super::container::{Container, Contents};
use super::file::{self, FileId};
use super::mapi::{self, Object};
use super::tree::Tree;
use super::{Damage, Folder, Format, Found, OpenOptions, Spot, Store, StoreError, Walk};
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
    let opened = Container::<Olm>::open(path)?;
    if opened.contents().tree.is_empty() {
        return Err(none("there is no folder of Outlook for Mac in this file"));
    }
    Ok(Box::new(opened))
}

/// The account, the folder and the file's name of a member that belongs to a folder.
fn folder_of(name: &str) -> Option<(&str, Vec<&str>, &str)> {
    let (account, rest) = name.split_once(MESSAGES)?;
    let account = account.strip_suffix('/')?;
    let (folder, file) = rest.strip_prefix('/')?.rsplit_once('/').unwrap_or(("", rest));
    let folder: Vec<_> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    (!folder.contains(&ATTACHMENTS)).then_some((account, folder, file))
}

/// What is in one export.
struct Olm {
    archive: Archive,
    tree: Tree,
    /// The members with messages of each folder.
    members: HashMap<FolderPath, Vec<usize>>,
    /// The number of each member.
    numbers: HashMap<String, usize>,
}

impl Olm {
    fn name(&self, number: usize) -> String {
        self.archive.names().get(number).cloned().unwrap_or_default()
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

impl Contents for Olm {
    /// A member with messages.
    type Entry = usize;

    const FORMAT: &'static Format = &FORMAT;

    fn open(path: &Path) -> io::Result<(FileId, Self)> {
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
        for name in archive.misnamed() {
            tree.skip(path, format!("the archive has two names for {name}: it may be a message that is not found"));
        }
        // The top is a folder only if it holds messages.
        members.retain(|folder, held| !folder.is_root() || !held.is_empty());
        for folder in members.keys() {
            tree.add(folder.clone(), path);
        }
        Ok((id, Self { archive, tree, members: members.into_iter().collect(), numbers }))
    }

    fn folders(&self) -> Vec<Folder> {
        self.tree.folders()
    }

    fn entries(&self, folder: &FolderPath) -> Result<Vec<usize>, StoreError> {
        self.tree.place(folder)?;
        Ok(self.members.get(folder).cloned().unwrap_or_default())
    }

    fn report_skipped(&self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Walk {
        self.tree.report_skipped(folder, visit)
    }

    /// Each message of a member, or why there is none.
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

    fn object(&mut self, folder: &FolderPath, locator: &Locator) -> io::Result<Option<Object>> {
        let number = self.numbers.get(&*locator.name).copied();
        let number = number.filter(|number| self.members.get(folder).is_some_and(|held| held.contains(number)));
        let Some(number) = number else { return Ok(None) };
        let object = self.message(number, locator.offset);
        object.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", locator.name)))
    }
}
