//! Pegasus Mail: folders (`*.PMM`), new mail (`*.CNM`), Unix mailboxes (`UNX*.MBX`), and their tree in `HIERARCH.PM`.
//!
//! Used through [`FORMAT`]. The index of a folder (`*.PMI`) is not read, so its messages count as read, and new mail as
//! unread. Source: facts/formats.md 1.13.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::boxes::{BoxFile, BoxStore, Piece, Scan};
use super::dir::{self, Entry, Kind, Walker};
use super::files::{FileStore, MessageFiles, is_entered};
use super::joined::Joined;
use super::mbox::{self, long};
use super::tree::Tree;
use super::{Damage, Format, Found, OpenOptions, Spot, Store, StoreError, Walk, eml, file};
use crate::mail::canonical::{self, BareCr};
use crate::mail::{Flags, FolderPath, SpecialUse, Warning, header};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "pegasus", title: "Pegasus Mail", sign, covers: &["mbox", "eml"], stands_alone: false, open };

const HIERARCHY: &str = "hierarch.pm";
const MAX_HIERARCHY: u64 = 4 * 1024 * 1024;
const FOLDER_END: &str = ".pmm";
const NEW_END: &str = ".cnm";
const UNIX_END: &str = ".mbx";
const UNIX_START: &str = "unx";
const UNIX_HEAD_END: &str = "pmg";
/// How the folder of new mail is called here; it has no name on disk.
const NEW_MAIL: &str = "New mail";
/// Where a folder's file gives its name and its id, before the messages.
const NAME: Range<usize> = 0..86;
const ID: Range<usize> = 86..128;
const HEADER: usize = 128;
/// The same in the file beside a Unix mailbox.
const UNIX_NAME: Range<usize> = 0..58;
const UNIX_ID: Range<usize> = 58..128;
/// What ends a message.
const END: &[u8] = b"\x1a";
/// In the tree's file: the kind of the mailbox itself, which is no folder.
const MAILBOX: &str = "2";
const MAX_DEPTH: usize = 32;

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    let refused = |source| StoreError::read(path, source);
    if !path.is_dir() {
        file::open_regular(path).map_err(refused)?;
        let mut tree = Tree::new(path);
        tree.add(FolderPath::root(), path);
        return Ok(BoxStore::boxed(tree, Folders));
    }
    let company = &options.company;
    let mut found =
        Mailbox { folders: Tree::beside(path, company), new: Tree::beside(path, company), unix: Vec::new() };
    let mut walker = Walker::beside(company);
    let entries = walker.enter(path, 0).map_err(refused)?;
    found.take(&mut walker, &FolderPath::root(), path, &entries, 0);
    let Mailbox { folders, new, unix } = found;
    let mut joined = Joined::new(path, &FORMAT);
    if !folders.is_empty() {
        joined.add(&FolderPath::root(), BoxStore::boxed(folders, Folders));
    }
    if !new.is_empty() {
        joined.add_beside(&FolderPath::root(), FileStore::boxed(new, NewMail));
    }
    for (at, store) in unix {
        joined.add(&at, store);
    }
    if joined.is_empty() {
        let reason = "there is no folder of Pegasus Mail in this directory".to_owned();
        return Err(StoreError::NotMail { path: path.to_owned(), reason });
    }
    joined.boxed()
}

fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    let is_hierarchy = || !spot.is_given() && spot.name().eq_ignore_ascii_case(HIERARCHY);
    (spot.is_file() && (is_hierarchy() || is_folder(spot.path()))).then_some("is a file of Pegasus Mail")
}

/// Whether a file is a folder: called so, with a header that holds a name, and a message after it if anything is.
fn is_folder(path: &Path) -> bool {
    let called = path.file_name().is_some_and(|name| has_end(&name.to_string_lossy(), FOLDER_END));
    let start = if called { file::prefix(path, HEADER + 256).unwrap_or_default() } else { Vec::new() };
    let named = start.get(NAME).is_some_and(|name| name.contains(&0) && !text(name).is_empty());
    start.len() >= HEADER && named && start.get(HEADER..).is_some_and(|rest| rest.is_empty() || starts_message(rest))
}

fn has_end(name: &str, end: &str) -> bool {
    name.to_lowercase().ends_with(end)
}

/// Text up to a NUL, in UTF-8 if it is that, else Latin-1.
fn text(bytes: &[u8]) -> String {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().trim().to_owned(),
    }
}

/// What the directories of a mailbox hold.
struct Mailbox {
    folders: Tree,
    new: Tree,
    unix: Vec<(FolderPath, Box<dyn Store>)>,
}

impl Mailbox {
    fn take(&mut self, walker: &mut Walker, above: &FolderPath, dir: &Path, entries: &[Entry], depth: usize) {
        let hierarchy = Hierarchy::read(entries);
        let at = |start: &[u8], name: Range<usize>, id: Range<usize>, entry: &Entry| {
            let name = start.get(name).map(text).filter(|name| !name.is_empty()).unwrap_or_else(|| entry.text());
            above.join(&hierarchy.path(&start.get(id).map(text).unwrap_or_default(), &name))
        };
        for entry in entries.iter().filter(|entry| entry.kind == Kind::File) {
            let name = entry.text();
            if has_end(&name, FOLDER_END) {
                let start = file::prefix(&entry.path, HEADER).unwrap_or_default();
                self.folders.add(at(&start, NAME, ID, entry), &entry.path);
            } else if has_end(&name, UNIX_END) && name.to_lowercase().starts_with(UNIX_START) {
                let beside =
                    [UNIX_HEAD_END.to_owned(), UNIX_HEAD_END.to_uppercase()].map(|end| entry.path.with_extension(end));
                let head = beside.iter().find_map(|path| file::prefix(path, HEADER).ok()).unwrap_or_default();
                match (mbox::FORMAT.open)(&entry.path, &OpenOptions::default()) {
                    Ok(store) => self.unix.push((at(&head, UNIX_NAME, UNIX_ID, entry), store)),
                    Err(error) => self.folders.skip(&entry.path, format!("it is not read: {error}")),
                }
            }
        }
        if entries.iter().any(is_new) {
            let path = self.new.add(above.child(NEW_MAIL), dir);
            if above.is_root() {
                self.new.set_special(path, SpecialUse::Inbox);
            }
        }
        for entry in entries.iter().filter(|entry| is_entered(entry)) {
            match walker.enter(&entry.path, depth + 1) {
                Ok(inner) => {
                    self.take(walker, &above.child(dir::folder_name(&entry.text())), &entry.path, &inner, depth + 1);
                }
                Err(error) => self.folders.skip(&entry.path, format!("the directory is not read: {error}")),
            }
        }
    }
}

fn is_new(entry: &Entry) -> bool {
    entry.kind == Kind::File && has_end(&entry.text(), NEW_END)
}

/// The tree of a mailbox: by id, the parent's id and the name; `None` for the mailbox itself.
struct Hierarchy(HashMap<String, Option<(String, String)>>);

impl Hierarchy {
    /// Lines such as `0,1,"id","parent's id","name"`.
    fn read(entries: &[Entry]) -> Self {
        let list = entries.iter().find(|entry| entry.text().eq_ignore_ascii_case(HIERARCHY));
        let bytes = list.and_then(|entry| file::whole(&entry.path, MAX_HIERARCHY).ok()).unwrap_or_default();
        let line = |line: &[u8]| {
            let line = text(line);
            let mut parts = line.split('"');
            let kind = parts.next()?.split(',').next()?.trim().to_owned();
            let (id, _, parent, _, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
            Some((id.to_owned(), (kind != MAILBOX).then(|| (parent.to_owned(), name.to_owned()))))
        };
        Self(bytes.split(|byte| *byte == b'\n').filter_map(line).collect())
    }

    /// The path of the folder with that id; its own name alone if the tree does not know it.
    fn path(&self, id: &str, name: &str) -> FolderPath {
        let (mut names, mut next) = (Vec::new(), id);
        while let Some(Some((parent, name))) = self.0.get(next).filter(|_| names.len() < MAX_DEPTH) {
            names.push(name.clone());
            next = parent;
        }
        names.reverse();
        let path = FolderPath::new(names);
        if path.is_root() { FolderPath::new([name]) } else { path }
    }
}

/// The files of folders.
struct Folders;

impl BoxFile for Folders {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn scan(&self, scan: &mut Scan<'_>) -> io::Result<Walk> {
        let mut at = long(HEADER);
        if scan.window.size() < at && scan.damage(0, "the header of the folder is cut off").is_break() {
            return Ok(Walk::Break(()));
        }
        while at < scan.window.size() {
            let next = end(scan, at)?;
            let end = next.unwrap_or(scan.window.size());
            let mut piece = Piece::new(at, end);
            piece.warnings.extend(next.is_none().then_some(Warning::Truncated));
            if end > at && !(next.is_none() && scan.is_blank_from(at)?) && scan.found(piece)?.is_break() {
                return Ok(Walk::Break(()));
            }
            at = end + long(END.len());
        }
        Ok(Walk::Continue(()))
    }

    fn content(&self, _: &Path, region: &[u8]) -> Option<Vec<u8>> {
        Some(canonical::to_crlf(region, BareCr::of(region)))
    }
}

/// The end of the message that starts at `from`: a mark that a message, or nothing, follows.
fn end(scan: &mut Scan<'_>, mut from: u64) -> io::Result<Option<u64>> {
    while let Some(at) = scan.next(from, END)? {
        let after = scan.window.peek(at + 1, 256)?;
        if after.is_empty() || after.starts_with(END) || starts_message(&after) {
            return Ok(Some(at));
        }
        from = at + 1;
    }
    Ok(None)
}

fn starts_message(start: &[u8]) -> bool {
    header::lines(start).next().is_some_and(|line| header::name_length(line).is_some())
}

/// The files of new mail.
struct NewMail;

impl MessageFiles for NewMail {
    type Notes = ();

    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn files(&self, place: &Path) -> io::Result<Vec<Entry>> {
        Ok(dir::entries(place)?.into_iter().filter(is_new).collect())
    }

    fn notes(&self, _: &Path, _: &mut Vec<Damage>) {}

    fn look(&self, entry: &Entry, (): &()) -> Result<Option<Found>, String> {
        let Some((mut known, head)) = eml::known(entry, true)? else { return Ok(None) };
        known.flags = Flags::NONE;
        Ok(Some(Found::Message(known.envelope(&head))))
    }

    fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        eml::content(path)
    }
}
