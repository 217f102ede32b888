//! Which .mbx files of a directory tree are which folders: by folders.nch where there is one. Used to recognise and to open.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::mailbox;
use crate::mail::FolderPath;
use crate::store::dir::{self, Entry, Kind, Walker};
use crate::store::pages::{Pages, c_string, le32};
use crate::store::tree::Tree;
use crate::store::{Company, Damage, Spot, StoreError, code_page, eml, file, maildir, mbox};

/// The folder list's name, its first bytes, and where it has the place of its first record (facts/formats.md 1.2).
const LIST: &str = "folders.nch";
const LIST_MAGIC: &[u8; 4] = b"JMF8";
const FIRST: u64 = 20;
/// A record: its length and its parts.
const RECORD: usize = 555;
const NEXT: usize = 12;
const ID: usize = 16;
const NAME: usize = 20;
const FILE: usize = 279;
const PARENT: usize = 539;
/// The id that means none, and how many folders are read and how deep they nest; nobody has more.
const NONE: u32 = u32::MAX;
const MAX_FOLDERS: usize = 65_536;
const MAX_DEPTH: usize = 64;
const SNIFF: usize = 4096;

/// One record of the folder list.
struct FolderRecord {
    id: u32,
    parent: u32,
    name: Vec<u8>,
    file: Vec<u8>,
}

/// Whether a file is named like a folder of version 4.
pub(in crate::store) fn ends_in_mbx(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("mbx"))
}

/// Whether a file that starts like that is a folder of version 4.
pub(in crate::store) fn is_mailbox(start: &[u8]) -> bool {
    start.starts_with(mailbox::MAGIC)
}

/// Whether a file is a folder of version 4.
pub(super) fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    let named = spot.is_given() || ends_in_mbx(spot.path()) || has_ending(spot.path(), "dbx");
    (named && is_mailbox(spot.start())).then_some("starts like an Outlook Express 4 folder")
}

/// The folders at `path`.
pub(super) fn find(path: &Path, company: &Company) -> Result<Tree, StoreError> {
    let refused = |source| StoreError::read(path, source);
    let not_mail = |reason: &str| Err(StoreError::NotMail { path: path.to_owned(), reason: reason.to_owned() });
    let mut tree = Tree::beside(path, company);
    if path.is_dir() {
        let mut walker = Walker::beside(company);
        let entries = walker.enter(path, 0).map_err(refused)?;
        walk(&mut walker, &mut tree, &FolderPath::root(), &entries, 0);
        return match tree.lost() {
            Some(Damage { file, reason, .. }) => {
                not_mail(&format!("no Outlook Express 4 folder in it can be read; {}: {reason}", file.display()))
            }
            None if tree.is_empty() => not_mail("there is no Outlook Express 4 folder in this directory"),
            None => Ok(tree),
        };
    }
    if !is_mailbox(&file::prefix(path, mailbox::MAGIC.len()).map_err(refused)?) {
        return not_mail("it does not start like an Outlook Express 4 folder");
    }
    tree.add(FolderPath::root(), path);
    Ok(tree)
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|known| known.eq_ignore_ascii_case(ending))
}

fn is_entered(entry: &Entry) -> bool {
    entry.kind == Kind::Directory && !entry.name.as_encoded_bytes().starts_with(b".")
}

fn walk(walker: &mut Walker, tree: &mut Tree, above: &FolderPath, entries: &[Entry], depth: usize) {
    let mut files = Vec::new();
    let mut records = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind != Kind::Directory) {
        if entry.text().eq_ignore_ascii_case(LIST) {
            match read_list(&entry.path) {
                Ok(found) => records = found,
                Err(reason) => tree.skip(&entry.path, format!("{reason}; folders go by the names of their files")),
            }
        } else {
            take(tree, &mut files, entry);
        }
    }
    place(tree, above, &files, &records);
    for entry in entries.iter().filter(|entry| is_entered(entry)) {
        match walker.enter(&entry.path, depth + 1) {
            Ok(_) if maildir::is_maildir(&entry.path) => {
                tree.skip_mail(&entry.path, "a Maildir among Outlook Express folders");
            }
            Ok(inner) => walk(walker, tree, &above.child(dir::folder_name(&entry.text())), &inner, depth + 1),
            Err(error) => tree.skip(&entry.path, format!("the directory is not read: {error}")),
        }
    }
}

/// Takes a folder's file, or names what else may be mail.
fn take(tree: &mut Tree, files: &mut Vec<Entry>, entry: &Entry) {
    if let Kind::Other(what) = entry.kind {
        return tree.skip(&entry.path, format!("a {what} is not read"));
    }
    let what = match file::prefix(&entry.path, SNIFF) {
        Ok(start) if is_mailbox(&start) => return files.push(entry.clone()),
        Ok(start) if mbox::starts_like_mbox(&start) => "an mbox",
        Ok(start) if eml::looks_like_message(&start) => "a single message",
        Ok(_) if ends_in_mbx(&entry.path) => {
            return tree.skip(&entry.path, "it does not start like an Outlook Express 4 folder, so it is not read");
        }
        Ok(_) => return,
        Err(error) => return tree.skip(&entry.path, format!("it is not read: {error}")),
    };
    tree.skip_mail(&entry.path, &format!("{what} among Outlook Express folders"));
}

/// Puts the folders of one directory into the tree; a file that the list does not name goes by its own name.
fn place(tree: &mut Tree, above: &FolderPath, files: &[Entry], records: &[FolderRecord]) {
    let names = records.iter().flat_map(|record| [record.name.as_slice(), &record.file]);
    let page = code_page::guess(names);
    let by_id: HashMap<u32, &FolderRecord> = records.iter().map(|record| (record.id, record)).collect();
    let mut used = HashSet::new();
    for record in records.iter().filter(|record| !record.name.is_empty()) {
        let path = above.join(&path_of(record, &by_id, page));
        let wanted = code_page::decode(&record.file, page).to_lowercase();
        let is_named = |entry: &&Entry| {
            let name = entry.text().to_lowercase();
            name == wanted || name.strip_suffix(".mbx") == Some(&wanted)
        };
        match files.iter().find(is_named) {
            Some(entry) if used.insert(entry.path.clone()) => {
                tree.add(path, &entry.path);
            }
            Some(entry) => tree.skip(&entry.path, format!("{LIST} names it a second time, as \"{path}\"")),
            None => tree.add_container(&path),
        }
    }
    for entry in files.iter().filter(|entry| !used.contains(&entry.path)) {
        let name = entry.path.file_stem().unwrap_or(&entry.name).to_string_lossy().into_owned();
        tree.add(above.child(name), &entry.path);
    }
}

/// Where a folder is in the tree. The root has no name; records may lead in circles.
fn path_of(
    record: &FolderRecord,
    by_id: &HashMap<u32, &FolderRecord>,
    page: &'static encoding_rs::Encoding,
) -> FolderPath {
    let mut segments = Vec::new();
    let mut here = Some(record);
    while let Some(record) = here.filter(|_| segments.len() < MAX_DEPTH) {
        segments.push(code_page::decode(&record.name, page));
        here = Some(record.parent).filter(|parent| *parent != NONE).and_then(|parent| by_id.get(&parent)).copied();
    }
    if segments.len() >= MAX_DEPTH {
        segments.truncate(1);
    }
    segments.reverse();
    FolderPath::new(segments)
}

/// The records of folders.nch, as far as they lead on.
fn read_list(path: &Path) -> Result<Vec<FolderRecord>, String> {
    let mut pages = file::open_regular(path).and_then(Pages::new).map_err(|error| error.to_string())?;
    if pages.array(0_u32).as_ref() != Ok(LIST_MAGIC) {
        return Err("it does not start like a folder list".to_owned());
    }
    let mut at = pages.array(FIRST).map(u32::from_le_bytes).map_err(|broken| broken.reason)?;
    let (mut records, mut seen) = (Vec::new(), HashSet::new());
    while at != 0 && records.len() < MAX_FOLDERS && seen.insert(at) {
        let Ok(bytes) = pages.array::<RECORD>(at) else { break };
        if le32(&bytes, 0) != Some(at) {
            break;
        }
        let word = |place| le32(&bytes, place).unwrap_or(NONE);
        let text = |from: usize, to: usize| {
            bytes.get(from..to).and_then(|part| c_string(part, 0)).unwrap_or_default().to_vec()
        };
        records.push(FolderRecord {
            id: word(ID),
            parent: word(PARENT),
            name: text(NAME, FILE),
            file: text(FILE, PARENT),
        });
        at = word(NEXT);
    }
    Ok(records)
}
