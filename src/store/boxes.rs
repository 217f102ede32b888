//! A store of many messages in a file, for reading. Used by Babyl, MMDF, The Bat!, Foxmail, Pegasus and Eudora.
//!
//! A format says where the messages of a file lie and what is in them; walking, showing and reading are here. mbox is by
//! itself: it is the one such format from which messages are taken out.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::describe::Known;
use super::dir::{self, Entry, Walker};
use super::files::is_entered;
use super::mbox::{Window, long};
use super::tree::Tree;
use super::{Company, Damage, Folder, Format, Found, Hidden, Removal, Spot, Stamp, Store, StoreError, Walk, file};
use crate::mail::{DateSource, Flags, FolderPath, InternalDate, Locator, SpecialUse, Warning};

/// How many messages pass between two reports of progress.
const REPORT_EVERY: u64 = 200;

/// What differs between formats of many messages in a file.
pub(super) trait BoxFile: Send + 'static {
    /// The row in `FORMATS`.
    fn format(&self) -> &'static Format;

    /// Hands every message of one file to `scan`.
    fn scan(&self, scan: &mut Scan<'_>) -> io::Result<Walk>;

    /// Whether other files than the one scanned have a part in what is found.
    fn reads_more(&self) -> bool {
        false
    }

    /// The message in a region of the file at `path` as it would be appended; `None` if no message is there any more.
    fn content(&self, path: &Path, region: &[u8]) -> Option<Vec<u8>>;
}

/// One message in a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Piece {
    /// Where its region starts.
    pub(super) offset: u64,
    /// How long that is.
    pub(super) length: u64,
    /// Where its header starts.
    pub(super) header: u64,
    /// Its flags.
    pub(super) flags: Flags,
    /// Its keywords.
    pub(super) keywords: Vec<String>,
    /// When it arrived, with the rule that says so.
    pub(super) arrived: Option<(InternalDate, DateSource)>,
    /// Why it is not shown, if it is not.
    pub(super) hidden: Option<Hidden>,
    /// Doubts about it.
    pub(super) warnings: Vec<Warning>,
}

impl Piece {
    /// The message in a region, read as far as nothing else is known; its header starts the region.
    pub(super) fn new(offset: u64, end: u64) -> Self {
        Self { offset, length: end.saturating_sub(offset), header: offset, flags: Flags::SEEN, ..Self::default() }
    }
}

/// A walk through one file.
pub(super) struct Scan<'a> {
    /// The file.
    pub(super) window: Window<'a>,
    /// The same, for reads elsewhere.
    pub(super) file: &'a File,
    /// Where it lies.
    pub(super) path: &'a Path,
    modified: InternalDate,
    shown: u64,
    visit: &'a mut dyn FnMut(Found) -> Walk,
}

impl Scan<'_> {
    /// Shows a message.
    pub(super) fn found(&mut self, piece: Piece) -> io::Result<Walk> {
        let end = piece.offset.saturating_add(piece.length);
        self.shown += 1;
        if self.shown.is_multiple_of(REPORT_EVERY)
            && (self.visit)(Found::Progress { done: piece.offset.min(self.window.size()), total: self.window.size() })
                .is_break()
        {
            return Ok(Walk::Break(()));
        }
        if let Some(hidden) = piece.hidden {
            return Ok((self.visit)(Found::Hidden(hidden)));
        }
        let header = self.window.header(piece.header, end)?.0;
        let known = Known {
            locator: Locator { name: "".into(), offset: piece.offset, length: piece.length },
            size: end.saturating_sub(piece.header),
            flags: piece.flags,
            keywords: piece.keywords,
            arrived: piece.arrived,
            other_date: Some((self.modified, DateSource::Mtime)),
            warnings: piece.warnings,
            may_start_late: false,
        };
        Ok((self.visit)(Found::Message(known.envelope(header))))
    }

    /// Names something that is not read.
    pub(super) fn damage(&mut self, offset: u64, reason: impl Into<String>) -> Walk {
        (self.visit)(Found::Damage(Damage { file: self.path.to_owned(), offset, reason: reason.into() }))
    }

    /// Where `needle` stands next, from `from` on.
    pub(super) fn next(&mut self, mut from: u64, needle: &[u8]) -> io::Result<Option<u64>> {
        let finder = memchr::memmem::Finder::new(needle);
        loop {
            let bytes = self.window.get(from, needle.len() + 1)?;
            if let Some(at) = finder.find(bytes) {
                return Ok(Some(from + long(at)));
            }
            let passed = bytes.len().saturating_sub(needle.len().saturating_sub(1));
            if passed == 0 || from + long(bytes.len()) >= self.window.size() {
                return Ok(None);
            }
            from += long(passed);
        }
    }

    /// Where the line that the LF at `at` ends has its end: one byte before, if a CR stands there.
    pub(super) fn line_end(&self, at: u64) -> io::Result<u64> {
        let before = at.saturating_sub(1);
        Ok(if self.window.peek(before, 1)? == b"\r" { before } else { at })
    }

    /// Whether nothing but blanks stands from `at` to the end of the file.
    pub(super) fn is_blank_from(&mut self, mut at: u64) -> io::Result<bool> {
        loop {
            let bytes = self.window.get(at, 1)?;
            if bytes.is_empty() {
                return Ok(true);
            }
            if !bytes.trim_ascii_start().is_empty() {
                return Ok(false);
            }
            at += long(bytes.len());
        }
    }
}

/// An open store of files with many messages.
pub(super) struct BoxStore<B> {
    tree: Tree,
    kind: B,
}

impl<B: BoxFile> BoxStore<B> {
    /// A store with these folders, the place of each being its file.
    pub(super) fn boxed(tree: Tree, kind: B) -> Box<dyn Store> {
        Box::new(Self { tree, kind })
    }

    fn walk(&self, path: &Path, visit: &mut dyn FnMut(Found) -> Walk) -> io::Result<()> {
        let file = file::open_regular(path)?;
        let data = file.metadata()?;
        let window = Window::new(&file, data.len());
        let modified = InternalDate::from_unix(data.mtime());
        let mut scan = Scan { window, file: &file, path, modified, shown: 0, visit };
        if self.kind.scan(&mut scan)?.is_continue() && scan.window.size() < data.len() {
            let _ = scan.damage(scan.window.size(), "the file became shorter while it was read; run again");
        }
        Ok(())
    }

    fn refused(&self) -> StoreError {
        StoreError::copy_only(self.tree.root(), self.kind.format())
    }
}

impl<B: BoxFile> Store for BoxStore<B> {
    fn format(&self) -> &'static Format {
        self.kind.format()
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        Ok(self.tree.folders())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        let Some(path) = self.tree.place(folder)? else { return Ok(()) };
        if self.tree.report_skipped(folder, visit).is_break() {
            return Ok(());
        }
        self.walk(path, visit).map_err(|source| StoreError::read(path, source))
    }

    fn stamp(&mut self, folder: &FolderPath) -> Result<Option<Stamp>, StoreError> {
        if self.kind.reads_more() {
            return Ok(None);
        }
        Stamp::in_tree(&self.tree, folder, |place| vec![place])
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let path = self.tree.messages(folder)?;
        let missing = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => StoreError::vanished(path, locator),
            _ => StoreError::read(path, source),
        };
        let region = region(&file::open_regular(path).map_err(missing)?, locator).map_err(missing)?;
        let whole = region.filter(|region| long(region.len()) == locator.length);
        whole.and_then(|region| self.kind.content(path, &region)).ok_or_else(|| StoreError::changed(path, locator))
    }

    fn check_removable(&self, _: &FolderPath) -> Result<(), StoreError> {
        Err(self.refused())
    }

    fn remove(&mut self, _: &FolderPath, _: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        Err(self.refused())
    }
}

/// The bytes that a locator names, if the file still is that long.
fn region(file: &File, locator: &Locator) -> io::Result<Option<Vec<u8>>> {
    let end = locator.offset.checked_add(locator.length).filter(|_| locator.length > 0);
    let size = file.metadata()?.len();
    let Some(_) = end.filter(|end| *end <= size) else { return Ok(None) };
    file::read_range(file, locator.offset, locator.length).map(Some)
}

/// Which files of a directory tree are boxes.
pub(super) struct Rules {
    /// What a box is, in words for an error.
    pub(super) what: &'static str,
    /// How one is known, in words.
    pub(super) evidence: &'static str,
    /// How the name of one ends, in lower case; an empty text for any name. Spares opening all files of a tree.
    pub(super) end: &'static str,
    /// Whether a file that starts like that is one.
    pub(super) is_box: fn(&[u8]) -> bool,
    /// A box's folder from its file's name; an empty one is that of its directory.
    pub(super) name: fn(&str) -> String,
    /// Names of folders at the top, in lower case, that have a use their name does not tell.
    pub(super) specials: &'static [(&'static str, SpecialUse)],
}

/// The boxes at `path`.
pub(super) fn find(path: &Path, rules: &Rules, company: &Company) -> Result<Tree, StoreError> {
    let refused = |source| StoreError::read(path, source);
    let mut tree = Tree::beside(path, company);
    if path.is_dir() {
        let mut walker = Walker::beside(company);
        let entries = walker.enter(path, 0).map_err(refused)?;
        walk(&mut walker, &mut tree, rules, &FolderPath::root(), entries, 0);
        if tree.is_empty() {
            let reason = format!("there is no {} in this directory", rules.what);
            return Err(StoreError::NotMail { path: path.to_owned(), reason });
        }
    } else {
        file::open_regular(path).map_err(refused)?;
        tree.add(FolderPath::root(), path);
    }
    Ok(tree)
}

fn walk(walker: &mut Walker, tree: &mut Tree, rules: &Rules, here: &FolderPath, entries: Vec<Entry>, depth: usize) {
    for entry in entries {
        if is_entered(&entry) {
            match walker.enter(&entry.path, depth + 1) {
                Ok(inner) => {
                    let below = here.child(dir::folder_name(&entry.text()));
                    walk(walker, tree, rules, &below, inner, depth + 1);
                }
                Err(error) => tree.skip(&entry.path, format!("the directory is not read: {error}")),
            }
        } else if is_box(&Spot::found(&entry), rules) {
            let name = (rules.name)(&entry.text());
            let special = rules.specials.iter().find(|(own, _)| here.is_root() && name.eq_ignore_ascii_case(own));
            let path = tree.add(if name.is_empty() { here.clone() } else { here.child(name) }, &entry.path);
            if let Some((_, special)) = special {
                tree.set_special(path, *special);
            }
        } else {
            tree.skip_stray(&entry);
        }
    }
}

fn is_box(spot: &Spot<'_>, rules: &Rules) -> bool {
    let named = || !spot.name().starts_with('.') && spot.name().ends_with(rules.end);
    spot.is_file() && (spot.is_given() || named()) && (rules.is_box)(spot.start())
}

/// Whether a file is a box.
pub(super) fn sign(spot: &Spot<'_>, rules: &Rules) -> Option<&'static str> {
    is_box(spot, rules).then_some(rules.evidence)
}

/// Whether a file starts with those bytes.
pub(super) fn starts_with(path: &Path, magic: &[u8]) -> bool {
    file::prefix(path, magic.len()).is_ok_and(|start| start == magic)
}

/// A file's name without its ending, as the name of a folder.
pub(super) fn stem(name: &str) -> String {
    let path = PathBuf::from(name);
    dir::folder_name(&path.file_stem().map_or_else(|| name.into(), |stem| stem.to_string_lossy()))
}
