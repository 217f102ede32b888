//! Apple Mail: one .emlx file a message, with flags and dates in a property list behind the text.
//!
//! Used through [`FORMAT`]. Messages whose attachments lie beside them (.partial.emlx) are put together again (`parts`).
//! The Envelope Index (SQLite) is not needed. An exported `X.mbox` package holds an mbox and is read as that.

mod layout;
mod parts;
mod tree;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::describe::Known;
use super::dir::Entry;
use super::files::{FileStore, MessageFiles};
use super::tree::Tree;
use super::{Damage, Format, Found, Hidden, OpenOptions, Spot, Store, StoreError, eml, file};
use crate::mail::canonical;
use crate::mail::{DateSource, Flags, FolderPath, SpecialUse, Warning};
use layout::Layout;

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "emlx", title: "Apple Mail (.emlx)", sign, covers: &[], stands_alone: false, open };

/// The ending of messages whose attachments were taken out.
const PARTIAL: &str = ".partial.emlx";
/// Where attachments lie, from the directory above `Messages`.
const ATTACHMENTS: &str = "Attachments";

/// Bits of the flags word (jwz's emlx-flags; comm-central nsEmlxHelperUtils.mm; facts/formats.md 1.6).
const SEEN: u64 = 1;
const DELETED: u64 = 1 << 1;
const DRAFT: u64 = 1 << 6;
const SYSTEM_FLAGS: [(u64, Flags); 3] = [(SEEN, Flags::SEEN), (1 << 2, Flags::ANSWERED), (1 << 4, Flags::FLAGGED)];
const KEYWORDS: [(u64, &str); 3] = [(1 << 8, "$Forwarded"), (1 << 24, "$Junk"), (1 << 25, "$NotJunk")];

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    if path.is_dir() {
        return Ok(FileStore::boxed(tree::find(path, &options.company)?, Emlx));
    }
    file::open_regular(path).map_err(|source| StoreError::read(path, source))?;
    let mut tree = Tree::new(path);
    tree.add(FolderPath::root(), path);
    Ok(FileStore::boxed(tree, Emlx))
}

/// Whether a file is a message of Apple Mail; in a directory its name says so.
fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    if !spot.is_given() {
        return tree::is_message(spot.entry()).then_some("is a message of Apple Mail by its name");
    }
    let message = spot.start().get(layout::length_line(spot.start())?.1..)?;
    eml::looks_like_message(message).then_some("starts with the length of a message, as Apple Mail writes it")
}

/// The files of this format.
struct Emlx;

impl MessageFiles for Emlx {
    /// Whether the folder is for drafts. The draft bit counts only there: sent mail carries it too (both real samples of
    /// mikez/emlx do).
    type Notes = bool;

    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn files(&self, place: &Path) -> io::Result<Vec<Entry>> {
        tree::files(place)
    }

    fn notes(&self, place: &Path, _: &mut Vec<Damage>) -> bool {
        let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        SpecialUse::from_name(tree::box_name(&name)) == Some(SpecialUse::Drafts)
    }

    fn look(&self, entry: &Entry, drafts: &bool) -> Result<Option<Found>, String> {
        look(entry, *drafts).map(Some).map_err(|error| format!("it is not read: {error}"))
    }

    fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = file::open_regular(path)?;
        let layout = Layout::of(&file)?;
        let message = whole(&file, &layout, path)?.0;
        Ok(canonical::of_file(message))
    }
}

fn look(entry: &Entry, drafts: bool) -> io::Result<Found> {
    let file = file::open_regular(&entry.path)?;
    let layout = Layout::of(&file)?;
    if layout.flags.is_some_and(|flags| flags & DELETED != 0) {
        return Ok(Found::Hidden(Hidden::Expunged));
    }
    let head = layout.head(&file)?;
    let mut known = Known::of_file(&entry.text(), &file.metadata()?);
    known.size = layout.end - layout.start;
    known.arrived = layout.received.map(|date| (date, DateSource::Store));
    if let Some(bits) = layout.flags {
        known.flags = flags(bits, drafts);
        known.keywords =
            KEYWORDS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, word)| (*word).to_owned()).collect();
    }
    if layout.is_cut_off {
        known.warnings.push(Warning::Truncated);
    }
    if attachments(&entry.path).is_some() {
        let (message, missing) = whole(&file, &layout, &entry.path)?;
        known.size = u64::try_from(message.len()).unwrap_or(u64::MAX);
        known.warnings.extend((missing > 0).then_some(Warning::Incomplete));
    }
    Ok(Found::Message(known.envelope(&head)))
}

fn flags(bits: u64, drafts: bool) -> Flags {
    let draft = (if drafts { DRAFT } else { 0 }, Flags::DRAFT);
    let set = SYSTEM_FLAGS.into_iter().chain([draft]).filter(|(bit, _)| bits & bit != 0);
    set.fold(Flags::NONE, |all, (_, flag)| all | flag)
}

/// The message with its attachments put back, and how many parts are not there.
fn whole(file: &File, layout: &Layout, path: &Path) -> io::Result<(Vec<u8>, usize)> {
    let message = file::read_range(file, layout.start, layout.end - layout.start)?;
    match attachments(path) {
        Some(dir) => parts::restored(message, &dir),
        None => Ok((message, 0)),
    }
}

/// Where the attachments of the message in a file lie, if they were taken out of it.
fn attachments(path: &Path) -> Option<PathBuf> {
    let number = path.file_name()?.to_str()?.strip_suffix(PARTIAL)?;
    let messages = path.parent()?;
    Some(messages.parent()?.join(ATTACHMENTS).join(number))
}
