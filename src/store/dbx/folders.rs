//! Which dbx files of a directory tree are which folders: by Folders.dbx where there is one. Used to recognise and to open.
//!
//! Each directory with dbx files is the store of one identity. Local folders stand at its top; other accounts' folders
//! below the account's name. Every file is one folder, whether Folders.dbx names it or not.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;

use super::folder_list::{self, FolderRecord};
use super::layout::{Class, SNIFF};
use crate::mail::FolderPath;
use crate::store::dir::{Entry, Kind, Walker};
use crate::store::tree::Tree;
use crate::store::{CodePage, Damage, OpenOptions, Spot, StoreError, code_page, eml, file, maildir, mbox, oe4};

/// Directories between an identity and its files, which say nothing.
const WRAPPERS: [&str; 2] = ["microsoft", "outlook express"];
const SNIFF_OTHERS: usize = 4096;

/// The dbx files of one directory.
struct Identity {
    dir: PathBuf,
    /// Folders of messages.
    files: Vec<Entry>,
    /// The records of Folders.dbx.
    records: Vec<FolderRecord>,
}

/// Whether a file is one of Outlook Express.
pub(super) fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    if !spot.is_file() || !(spot.is_given() || has_ending(spot.entry())) {
        return None;
    }
    match Class::of(spot.start())? {
        Class::Messages => Some("starts like an Outlook Express folder"),
        Class::Folders => Some("starts like the folder list of Outlook Express"),
        Class::NoMail => None,
    }
}

/// The folders at `path` and the code page of their names: the one given, or the one that fits them.
pub(super) fn find(path: &Path, options: &OpenOptions) -> Result<(Tree, &'static Encoding), StoreError> {
    let refused = |source| StoreError::read(path, source);
    let (company, code_page) = (&options.company, options.code_page.map(CodePage::encoding));
    let mut tree = Tree::beside(path, company);
    let top = if path.is_dir() {
        path.to_owned()
    } else {
        match class_of(path) {
            Some(Class::Folders) => {
                path.parent().filter(|dir| *dir != Path::new("")).unwrap_or(Path::new(".")).to_owned()
            }
            Some(Class::NoMail) => return not_mail(path, "an Outlook Express file of a kind that holds no mail"),
            Some(Class::Messages) => return Ok((single(tree, path)?, code_page.unwrap_or(encoding_rs::WINDOWS_1252))),
            // Its start may be destroyed; the rest can be searched, if that was asked for.
            None if ends_in_dbx(path) => return Ok((single(tree, path)?, encoding_rs::WINDOWS_1252)),
            None => return not_mail(path, "it does not start like an Outlook Express folder"),
        }
    };
    let mut walker = Walker::beside(company);
    let entries = walker.enter(&top, 0).map_err(refused)?;
    let mut identities = Vec::new();
    walk(&mut walker, &mut tree, &mut identities, (&top, &entries), 0);
    let all = identities.iter().flat_map(|identity| &identity.records);
    let names = all.flat_map(|record| [Some(&record.name), record.file.as_ref()]).flatten();
    let code_page = code_page.unwrap_or_else(|| code_page::guess(names.map(Vec::as_slice)));
    let is_only = identities.len() == 1;
    for identity in &identities {
        let above = if is_only { FolderPath::root() } else { identity_name(&top, &identity.dir) };
        place(&mut tree, &above, identity, code_page);
    }
    match tree.lost() {
        Some(Damage { file, reason, .. }) => {
            not_mail(path, &format!("no Outlook Express folder in it can be read; {}: {reason}", file.display()))
        }
        None if tree.is_empty() => not_mail(path, "there is no Outlook Express folder in this directory"),
        None => Ok((tree, code_page)),
    }
}

fn not_mail<T>(path: &Path, reason: &str) -> Result<T, StoreError> {
    Err(StoreError::NotMail { path: path.to_owned(), reason: reason.to_owned() })
}

fn single(mut tree: Tree, path: &Path) -> Result<Tree, StoreError> {
    file::open_regular(path).map_err(|source| StoreError::read(path, source))?;
    tree.add(FolderPath::root(), path);
    Ok(tree)
}

fn class_of(path: &Path) -> Option<Class> {
    Class::of(&file::prefix(path, SNIFF).ok()?)
}

fn ends_in_dbx(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("dbx"))
}

/// Whether a file is named like a folder: as this version names it, or as version 4 did, which people mix up.
fn has_ending(entry: &Entry) -> bool {
    ends_in_dbx(&entry.path) || oe4::ends_in_mbx(&entry.path)
}

fn is_entered(entry: &Entry) -> bool {
    entry.kind == Kind::Directory && !entry.name.as_encoded_bytes().starts_with(b".")
}

/// Finds the identities of a directory tree.
fn walk(
    walker: &mut Walker,
    tree: &mut Tree,
    identities: &mut Vec<Identity>,
    (dir, entries): (&Path, &[Entry]),
    depth: usize,
) {
    let mut identity = Identity { dir: dir.to_owned(), files: Vec::new(), records: Vec::new() };
    let mut is_one = false;
    for entry in entries.iter().filter(|entry| entry.kind != Kind::Directory) {
        match class_of(&entry.path) {
            Some(Class::Messages) => identity.files.push(entry.clone()),
            Some(Class::Folders) => {
                is_one = true;
                identity.records.extend(folder_list::records(&entry.path, tree));
            }
            Some(Class::NoMail) => {}
            None => name_other(tree, entry),
        }
    }
    if is_one || !identity.files.is_empty() {
        identities.push(identity);
    }
    for entry in entries.iter().filter(|entry| is_entered(entry)) {
        match walker.enter(&entry.path, depth + 1) {
            Ok(_) if maildir::is_maildir(&entry.path) => {
                tree.skip_mail(&entry.path, "a Maildir among Outlook Express folders");
            }
            Ok(inner) => walk(walker, tree, identities, (&entry.path, &inner), depth + 1),
            Err(error) => tree.skip(&entry.path, format!("the directory is not read: {error}")),
        }
    }
}

/// Names what lies among dbx files and may be mail too.
fn name_other(tree: &mut Tree, entry: &Entry) {
    if let Kind::Other(what) = entry.kind {
        return tree.skip(&entry.path, format!("a {what} is not read"));
    }
    let start = match file::prefix(&entry.path, SNIFF_OTHERS) {
        Ok(start) => start,
        Err(error) => return tree.skip(&entry.path, format!("it is not read: {error}")),
    };
    let what = if oe4::is_mailbox(&start) {
        "an Outlook Express 4 folder among those of version 5"
    } else if ends_in_dbx(&entry.path) {
        let reason = "it does not start like an Outlook Express folder; to search it all the same, give its own path with --format dbx";
        return tree.skip(&entry.path, reason);
    } else if mbox::starts_like_mbox(&start) {
        "an mbox among Outlook Express folders"
    } else if eml::looks_like_message(&start) {
        "a single message among Outlook Express folders"
    } else {
        return;
    };
    tree.skip_mail(&entry.path, what);
}

/// Puts the folders of one identity into the tree below `above`.
fn place(tree: &mut Tree, above: &FolderPath, identity: &Identity, code_page: &'static Encoding) {
    let by_id: HashMap<u32, &FolderRecord> = identity.records.iter().map(|record| (record.id, record)).collect();
    let mut used = HashSet::new();
    for record in identity.records.iter().filter(|record| record.is_folder()) {
        let (path, is_attached) = record.path(&by_id, code_page);
        let path = above.join(&path);
        if !is_attached {
            tree.skip(
                &identity.dir,
                format!("the folder above \"{path}\" is missing in Folders.dbx; it is shown at the top"),
            );
        }
        let Some(name) = &record.file else {
            tree.add_container(&path);
            continue;
        };
        let path = match file_named(&identity.files, name, code_page) {
            Some(entry) if used.insert(entry.path.clone()) => tree.add(path, &entry.path),
            Some(entry) => {
                tree.skip(&entry.path, format!("Folders.dbx names it a second time, as \"{path}\""));
                continue;
            }
            None => {
                let name = code_page::decode(name, code_page);
                tree.skip(&identity.dir, format!("the file of folder \"{path}\", {name}, is not here"));
                tree.add_container(&path);
                continue;
            }
        };
        // Below an account's name they are that account's, not this mailbox's.
        if let Some(special) = record.special.filter(|_| path.depth() == above.depth() + 1) {
            tree.set_special(path, special);
        }
    }
    for entry in identity.files.iter().filter(|entry| !used.contains(&entry.path)) {
        if has_ending(entry) {
            let name = entry.path.file_stem().unwrap_or(&entry.name).to_string_lossy().into_owned();
            tree.add(above.child(name), &entry.path);
        } else {
            tree.skip(
                &entry.path,
                "an Outlook Express folder, but named like a leftover; give its own path to read it",
            );
        }
    }
}

/// The file that Folders.dbx names; the case differs on disk, and so may the code page.
fn file_named<'a>(files: &'a [Entry], name: &[u8], code_page: &'static Encoding) -> Option<&'a Entry> {
    let wanted = code_page::decode(name, code_page).to_lowercase();
    files
        .iter()
        .find(|entry| entry.text().to_lowercase() == wanted || entry.name.as_encoded_bytes().eq_ignore_ascii_case(name))
}

/// An identity's path: its directory without those that every identity has.
fn identity_name(top: &Path, dir: &Path) -> FolderPath {
    let below = dir.strip_prefix(top).unwrap_or(dir);
    let segments = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    FolderPath::new(segments.filter(|segment| !WRAPPERS.contains(&segment.to_lowercase().as_str())))
}
