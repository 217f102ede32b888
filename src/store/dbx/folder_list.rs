//! The records of Folders.dbx: names, places and uses of an identity's folders. Used to open a store.

use std::collections::HashMap;
use std::path::Path;

use encoding_rs::Encoding;

use super::index::Index;
use super::layout::Header;
use super::record::Record;
use crate::mail::{FolderPath, SpecialUse};
use crate::store::pages::{Broken, Pages};
use crate::store::tree::Tree;
use crate::store::{code_page, file};

/// Fields of a folder's record (facts/formats.md 1.1).
const ID: u32 = 0x00;
const PARENT: u32 = 0x01;
const NAME: u32 = 0x02;
const FILE: u32 = 0x03;
const ACCOUNT: u32 = 0x05;
const SPECIAL: u32 = 0x09;

/// The id of the root of all folders; a record without an id or parent means it too.
const ROOT: u32 = 0;
/// The account key of the local folders.
const LOCAL_STORE: &[u8] = b"LocalStore";
/// What folders are for, by number, whatever their localised name.
const SPECIAL_USES: [(u32, SpecialUse); 4] =
    [(1, SpecialUse::Inbox), (3, SpecialUse::Sent), (4, SpecialUse::Trash), (5, SpecialUse::Drafts)];
/// How many folders are read, how deep they nest, and how long their names are; nobody has more.
const MAX_NAME: usize = 1024;
const MAX_FOLDERS: usize = 65_536;
const MAX_DEPTH: usize = 64;

/// What the record of a folder says.
pub(super) struct FolderRecord {
    /// Its number.
    pub(super) id: u32,
    parent: u32,
    /// Its name, in the store's code page.
    pub(super) name: Vec<u8>,
    /// Its file's name, once it has one.
    pub(super) file: Option<Vec<u8>>,
    account: Option<Vec<u8>>,
    /// What it is for.
    pub(super) special: Option<SpecialUse>,
}

impl FolderRecord {
    /// Whether it is a folder of its own, and not the root of all or the container of the local ones.
    pub(super) fn is_folder(&self) -> bool {
        self.id != ROOT && !self.is_local_top()
    }

    /// The container of the local folders, whose children stand at the top.
    fn is_local_top(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.eq_ignore_ascii_case(LOCAL_STORE)) && self.file.is_none()
    }

    /// Where it is in the tree, and whether all folders above it are there. Records may lead in circles.
    pub(super) fn path(&self, by_id: &HashMap<u32, &Self>, code_page: &'static Encoding) -> (FolderPath, bool) {
        let shown = |record: &Self| {
            let name = code_page::decode(&record.name, code_page);
            if name.is_empty() { format!("Folder {}", record.id) } else { name }
        };
        let mut segments = vec![shown(self)];
        let mut parent = self.parent;
        for _ in 0..MAX_DEPTH {
            if parent == ROOT {
                segments.reverse();
                return (FolderPath::new(segments), true);
            }
            let Some(above) = by_id.get(&parent) else { break };
            if !above.is_local_top() {
                segments.push(shown(above));
            }
            parent = above.parent;
        }
        (FolderPath::new([shown(self)]), false)
    }
}

/// The records of the Folders.dbx at `path`. What can not be read of it is noted; the files are found all the same.
pub(super) fn records(path: &Path, tree: &mut Tree) -> Vec<FolderRecord> {
    let mut all = Vec::new();
    let mut damage = Vec::new();
    let read = |all: &mut Vec<FolderRecord>, damage: &mut Vec<Broken>| -> Result<(), String> {
        let mut pages = file::open_regular(path).and_then(Pages::new).map_err(|error| error.to_string())?;
        let header = Header::read(&mut pages).map_err(|broken| broken.reason)?;
        let mut index = Index::new(header.root, &mut pages);
        while let Some(entry) = index.next(&mut pages).filter(|_| all.len() + damage.len() < MAX_FOLDERS) {
            match entry.and_then(|at| Record::read(&mut pages, at)) {
                Ok(record) => all.push(folder(&record)),
                Err(broken) => damage.push(broken),
            }
        }
        Ok(())
    };
    if let Err(reason) = read(&mut all, &mut damage) {
        tree.skip(path, format!("the folder list is not read: {reason}; folders go by the names of their files"));
    }
    for broken in damage {
        tree.skip(path, format!("the folder list is damaged at byte {}: {}", broken.offset, broken.reason));
    }
    all
}

fn folder(record: &Record) -> FolderRecord {
    let text = |field| {
        record.text(field).filter(|text| !text.is_empty()).map(|text| text.get(..MAX_NAME).unwrap_or(text).to_vec())
    };
    let number = record.number(SPECIAL);
    FolderRecord {
        id: record.number(ID).unwrap_or(ROOT),
        parent: record.number(PARENT).unwrap_or(ROOT),
        name: text(NAME).unwrap_or_default(),
        file: text(FILE),
        account: text(ACCOUNT),
        special: SPECIAL_USES.iter().find(|(known, _)| Some(*known) == number).map(|(_, special)| *special),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_lead_in_circles_stand_at_the_top() {
        let record = |id, parent, account: Option<&[u8]>| FolderRecord {
            id,
            parent,
            name: format!("n{id}").into_bytes(),
            file: None,
            account: account.map(<[u8]>::to_vec),
            special: None,
        };
        let all = [
            record(1, 1, Some(LOCAL_STORE)),
            record(2, 3, None),
            record(3, 2, None),
            record(4, 1, None),
            record(5, 99, None),
            record(6, 0, None),
            record(7, 6, None),
        ];
        let by_id = all.iter().map(|record| (record.id, record)).collect();
        let shown: Vec<_> = all
            .iter()
            .map(|record| record.path(&by_id, encoding_rs::WINDOWS_1252))
            .map(|(path, _)| path.to_string())
            .collect();
        assert_eq!(shown, ["n1", "n2", "n3", "n4", "n5", "n6", "n6/n7"]);
    }
}
