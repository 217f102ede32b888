//! The messages of one mbox by the folder that Gmail's labels put each into. Used by the store that makes folders of labels.
//!
//! One scan finds all of it: 16 bytes a message beside those of the index. Messages are named by their headers and not by
//! their place in the file, since a removal in one folder moves what all others have.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::Path;

use super::gmail::{self, Place};
use super::scan::{self, Index, Span, Step};
use crate::mail::{FolderPath, SpecialUse, header};
use crate::store::{Damage, Walk};

/// How many folders labels are made into; what has other labels goes where archived mail does.
const MAX_FOLDERS: usize = 10_000;
/// What Gmail's own places are called as folders.
const OWN: [(SpecialUse, &str); 6] = [
    (SpecialUse::Archive, "Archive"),
    (SpecialUse::Inbox, "Inbox"),
    (SpecialUse::Sent, "Sent"),
    (SpecialUse::Drafts, "Drafts"),
    (SpecialUse::Trash, "Trash"),
    (SpecialUse::Junk, "Spam"),
];

/// The number of the folder for messages of which nothing is concluded: the first of [`OWN`].
const REST: u32 = 0;

/// The folders of a store by number. Numbers stay as long as the store is open.
#[derive(Debug)]
pub(super) struct Numbers {
    folders: Vec<(FolderPath, Option<SpecialUse>)>,
    by_path: HashMap<FolderPath, u32>,
}

impl Numbers {
    /// Those of Gmail's own places.
    pub(super) fn new() -> Self {
        let mut numbers = Self { folders: Vec::new(), by_path: HashMap::new() };
        for (special, name) in OWN {
            numbers.number(FolderPath::new([name]), Some(special));
        }
        numbers
    }

    /// A folder's path, and what it is for.
    pub(super) fn folder(&self, number: u32) -> Option<&(FolderPath, Option<SpecialUse>)> {
        self.folders.get(usize::try_from(number).ok()?)
    }

    fn number(&mut self, path: FolderPath, special: Option<SpecialUse>) -> u32 {
        if let Some(number) = self.by_path.get(&path) {
            return *number;
        }
        let Some(number) = u32::try_from(self.folders.len()).ok().filter(|_| self.folders.len() < MAX_FOLDERS) else {
            return REST;
        };
        self.folders.push((path.clone(), special));
        self.by_path.insert(path, number);
        number
    }

    /// The number of the folder that a message with this header belongs into, if it has labels at all.
    fn of(&mut self, header: &[u8]) -> Option<u32> {
        let labels = header::fields(header).filter(|field| field.is("X-Gmail-Labels")).map(|field| field.value);
        let labels = labels.collect::<Vec<_>>();
        if labels.is_empty() {
            return None;
        }
        Some(match gmail::place(&labels.join(&b","[..])) {
            Some(Place::Label(path)) => self.number(path, None),
            Some(Place::Own(special)) => {
                let own = OWN.iter().zip(0..).find(|((own, _), _)| *own == special);
                own.map_or(REST, |(_, number)| number)
            }
            None => REST,
        })
    }
}

/// One state of one file.
#[derive(Debug)]
pub(super) struct Sorted {
    /// Its messages in order.
    pub(super) index: Index,
    /// What of it is not read.
    pub(super) damage: Vec<Damage>,
    /// The folder of each message.
    numbers: Vec<u32>,
    /// A number made of each message's header.
    names: Vec<u64>,
    /// The places of the messages in order of their names.
    by_name: Vec<u32>,
    /// Whether any message has labels.
    pub(super) has_labels: bool,
}

impl Sorted {
    /// Scans `file`. `None` when the visitor stopped that.
    pub(super) fn scan(
        file: &File,
        path: &Path,
        folders: &mut Numbers,
        progress: &mut dyn FnMut(u64) -> Walk,
    ) -> io::Result<Option<Self>> {
        let (mut damage, mut numbers, mut names, mut has_labels) = (Vec::new(), Vec::new(), Vec::new(), false);
        let index = scan::scan(file, path, &mut |step| {
            match step {
                Step::Message(_, _, header) => {
                    let number = folders.of(header);
                    has_labels |= number.is_some();
                    numbers.push(number.unwrap_or(REST));
                    let mut hasher = DefaultHasher::new();
                    header.hash(&mut hasher);
                    names.push(hasher.finish());
                }
                Step::Damage(found) => damage.push(found),
                Step::Progress(done) => return progress(done),
            }
            Walk::Continue(())
        })?;
        let Some(index) = index else { return Ok(None) };
        let mut by_name: Vec<u32> = (0..).take(names.len()).collect();
        by_name.sort_by_key(|place| (name_at(&names, *place), *place));
        Ok(Some(Self { index, damage, numbers, names, by_name, has_labels }))
    }

    /// The folders that hold messages to show.
    pub(super) fn used(&self) -> BTreeSet<u32> {
        let all = self.index.spans.iter().zip(&self.numbers);
        all.filter(|(span, _)| span.hidden.is_none()).map(|(_, number)| *number).collect()
    }

    /// The messages of a folder in the file's order, with their places.
    pub(super) fn of_folder(&self, number: u32) -> impl Iterator<Item = (u32, &Span)> {
        let all = (0..).zip(&self.index.spans).zip(&self.numbers);
        all.filter(move |(_, own)| **own == number).map(|(one, _)| one)
    }

    /// How the message at that place is found again: by its header, and its number among those with the same.
    pub(super) fn name(&self, place: u32) -> String {
        let name = name_at(&self.names, place);
        let first = self.first(name);
        let twins = self.by_name.get(first..).unwrap_or_default();
        match twins.iter().position(|twin| *twin == place).unwrap_or(0) {
            0 => format!("{name:016x}"),
            twin => format!("{name:016x}.{twin}"),
        }
    }

    /// The message of that name.
    pub(super) fn find(&self, name: &str) -> Option<&Span> {
        let (name, twin) = name.split_once('.').unwrap_or((name, "0"));
        let (name, twin) = (u64::from_str_radix(name, 16).ok()?, twin.parse::<usize>().ok()?);
        let place = *self.by_name.get(self.first(name).checked_add(twin)?)?;
        self.index.spans.get(usize::try_from(place).ok()?).filter(|_| name_at(&self.names, place) == name)
    }

    fn first(&self, name: u64) -> usize {
        self.by_name.partition_point(|place| name_at(&self.names, *place) < name)
    }
}

fn name_at(names: &[u64], place: u32) -> u64 {
    usize::try_from(place).ok().and_then(|place| names.get(place)).copied().unwrap_or(u64::MAX)
}
