//! mbox: many messages in one file, or a tree of such files as Thunderbird, KMail, Dovecot and others keep them.
//!
//! Used through [`FORMAT`]. Files of any size are streamed; what a scan finds is kept, 24 bytes a message, until the file
//! changes. Reads every dialect; a removal copies what stays, byte by byte (`rewrite`), and `deposit` appends.

mod content;
mod deposit;
mod gmail;
mod headers;
mod indexed;
mod labelled;
mod languages;
mod lock;
mod rewrite;
mod scan;
mod separator;
mod sorted;
mod tree;
mod window;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::ahead::{self, Line};
use super::dir;
use super::file::{self, FileId};
use super::kmail::{self, Marks};
use super::tree::Tree;
use super::{
    Company, Count, Folder, Format, Found, Labels, Large, OpenOptions, Removal, Stamp, Store, StoreError, Walk,
    thunderbird,
};
use crate::mail::{FolderPath, InternalDate, Locator};
use labelled::Labelled;
use scan::{Index, Span, Step};
use tree::Name;

pub(super) use deposit::deposit;
pub(super) use headers::{arrival, hidden, is_bookkeeping, marks};
pub(super) use scan::eol;
pub(super) use tree::starts_like_mbox;
pub(super) use window::{Window, long};

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "mbox", title: "mbox", sign: tree::sign, covers: &[], stands_alone: false, open };

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    let plain: Name = |_, name| dir::folder_name(name);
    let name = if thunderbird::has_summaries(path) { thunderbird::folder_name } else { plain };
    match options.labels {
        Labels::Keywords => open_named(path, name, &options.company),
        Labels::Folders => Ok(Box::new(Labelled::new(Mbox::open(path, name, &options.company)?))),
    }
}

/// Opens a tree whose names on disk are decoded by `name`.
pub(super) fn open_named(path: &Path, name: Name, company: &Company) -> Result<Box<dyn Store>, StoreError> {
    Ok(Box::new(Mbox::open(path, name, company)?))
}

/// One mbox or a tree of them.
struct Mbox {
    tree: Tree,
    indexes: HashMap<PathBuf, Index>,
    counted: Option<Counted>,
}

/// How many lines a file has up to an offset.
struct Counted {
    id: FileId,
    offset: u64,
    /// The line that starts there; the first one is 1.
    line: u64,
}

impl Counted {
    fn go_on(&mut self, file: &File, to: u64) -> io::Result<()> {
        let mut window = Window::new(file, to);
        while self.offset < to {
            let bytes = window.get(self.offset, 1)?;
            if bytes.is_empty() {
                break;
            }
            self.line += long(memchr::memchr_iter(b'\n', bytes).count());
            self.offset += long(bytes.len());
        }
        Ok(())
    }
}

impl Store for Mbox {
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
        let Some(path) = self.tree.place(folder)?.map(Path::to_owned) else { return Ok(()) };
        if self.tree.report_skipped(folder, visit).is_break() {
            return Ok(());
        }
        self.walk(&path, visit).map_err(|source| StoreError::read(&path, source))
    }

    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        let Some(path) = self.tree.place(folder)?.map(Path::to_owned) else { return Ok(Count::default()) };
        self.count_spans(&path, visit).map_err(|source| StoreError::read(&path, source))
    }

    fn stamp(&mut self, folder: &FolderPath) -> Result<Option<Stamp>, StoreError> {
        Stamp::in_tree(&self.tree, folder, |place| vec![place.to_owned(), kmail::beside(place)])
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let path = self.tree.messages(folder)?;
        let file = file::open_regular(path).map_err(|source| missing(path, locator, source))?;
        let region = region(&file, path, locator)?;
        let marks = match self.known(path, &file) {
            Some(index) => Ok(index.marks),
            None => scan::has_marks(&file),
        };
        Ok(content::of(&region, marks.map_err(|source| StoreError::read(path, source))?))
    }

    fn large(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Option<Large>, StoreError> {
        let path = self.tree.messages(folder)?;
        let refused = |source| StoreError::read(path, source);
        let file = file::open_regular(path).map_err(|source| missing(path, locator, source))?;
        check_region(&file, path, locator, content::FRONT)?;
        let marks = match self.known(path, &file) {
            Some(index) => index.marks,
            None => scan::has_marks(&file).map_err(refused)?,
        };
        content::large(file, &(locator.offset..locator.offset + locator.length), marks).map_err(refused)
    }

    fn line(&mut self, folder: &FolderPath, locator: &Locator) -> Option<u64> {
        let file = file::open_regular(self.tree.messages(folder).ok()?).ok()?;
        self.line_at(&file, locator.offset)
    }

    fn rewrites_whole_files(&self) -> bool {
        true
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        rewrite::check(self.tree.messages(folder)?)
    }

    fn remove(&mut self, folder: &FolderPath, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let path = self.tree.messages(folder)?.to_owned();
        self.indexes.remove(&path);
        rewrite::remove(&path, removals)
    }
}

impl Mbox {
    fn open(path: &Path, name: Name, company: &Company) -> Result<Self, StoreError> {
        Ok(Self { tree: tree::find(path, name, company)?, indexes: HashMap::new(), counted: None })
    }

    /// The line that starts at `offset`. Asked for in order, so that the file is counted through once.
    fn line_at(&mut self, file: &File, offset: u64) -> Option<u64> {
        let id = FileId::of(&file.metadata().ok()?);
        let counted = self.counted.take().filter(|counted| counted.id == id && counted.offset <= offset);
        let mut counted = counted.unwrap_or(Counted { id, offset: 0, line: 1 });
        counted.go_on(file, offset).ok()?;
        Some(self.counted.insert(counted).line)
    }

    /// What is known of the file as it is now.
    fn known(&self, path: &Path, file: &File) -> Option<&Index> {
        let now = FileId::of(&file.metadata().ok()?);
        self.indexes.get(path).filter(|index| index.id == now)
    }

    /// Shows every message of the file at `path`, from what is known of it or from a new scan.
    fn walk(&mut self, path: &Path, visit: &mut dyn FnMut(Found) -> Walk) -> io::Result<()> {
        let file = file::open_regular(path)?;
        let marks = Marks::of(path);
        if !self.learn(&file, path, marks.as_ref(), visit)? {
            return Ok(());
        }
        let known = self.known(path, &file);
        let marks = marks.filter(|_| known.is_some_and(|index| index.fits));
        let shown = Shown::of(&file, marks.as_ref())?;
        let index = ahead::in_order(&|seen: Seen| shown.message(&seen), visit, |line| match known {
            Some(index) => shown.again(index, line).map(|()| None),
            None => scan::scan(&file, path, &mut |step| match step {
                Step::Message(span, separator, header) => put(line, span, separator, header),
                Step::Damage(damage) => line.found(Found::Damage(damage)),
                Step::Progress(done) => line.found(Found::Progress { done, total: shown.size }),
            }),
        })?;
        self.keep(path, index);
        Ok(())
    }

    /// Finds out what an index of KMail tells of the file at `path`. `false` when the visitor stopped that.
    fn learn(
        &mut self,
        file: &File,
        path: &Path,
        marks: Option<&Marks>,
        visit: &mut dyn FnMut(Found) -> Walk,
    ) -> io::Result<bool> {
        let beside = marks.map(|marks| marks.id);
        self.indexes.retain(|known, index| known != path || (index.whole && index.beside == beside));
        let Some(marks) = marks.filter(|_| self.known(path, file).is_none()) else { return Ok(true) };
        let Some(index) = indexed::scan(file, path, marks, visit)? else { return Ok(false) };
        self.indexes.insert(path.to_owned(), index);
        Ok(true)
    }

    fn count_spans(&mut self, path: &Path, visit: &mut dyn FnMut(Found) -> Walk) -> io::Result<Count> {
        let file = file::open_regular(path)?;
        let total = file.metadata()?.len();
        if !self.learn(&file, path, Marks::of(path).as_ref(), visit)? {
            return Ok(Count::default());
        }
        if let Some(index) = self.known(path, &file) {
            return Ok(sum(&index.spans));
        }
        let mut count = Count::default();
        let index = scan::scan(&file, path, &mut |step| match step {
            Step::Message(span, ..) => {
                let one = sum(std::slice::from_ref(span));
                count = Count { messages: count.messages + one.messages, bytes: count.bytes + one.bytes };
                span.hidden.map_or(Walk::Continue(()), |hidden| visit(Found::Hidden(hidden)))
            }
            Step::Damage(damage) => visit(Found::Damage(damage)),
            Step::Progress(done) => visit(Found::Progress { done, total }),
        })?;
        self.keep(path, index);
        Ok(count)
    }

    /// Keeps what a whole scan found; what it could not read must be named again next time, so that is not kept.
    fn keep(&mut self, path: &Path, index: Option<Index>) {
        if let Some(index) = index.filter(|index| index.whole) {
            self.indexes.insert(path.to_owned(), index);
        }
    }
}

fn sum<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Count {
    spans
        .into_iter()
        .filter(|span| span.hidden.is_none())
        .fold(Count::default(), |count, span| Count { messages: count.messages + 1, bytes: count.bytes + span.size() })
}

/// A message come across: its place, its From_ line and its header.
struct Seen {
    span: Span,
    line: Vec<u8>,
    header: Vec<u8>,
}

/// Puts a message on the line of those to be summed up.
fn put(line: &mut Line<'_, '_, Seen>, span: &Span, separator: &[u8], header: &[u8]) -> Walk {
    if let Some(hidden) = span.hidden {
        return line.found(Found::Hidden(hidden));
    }
    line.job(Seen { span: *span, line: separator.to_vec(), header: header.to_vec() }, header.len())
}

/// What the list needs to know of the file beside its messages.
struct Shown<'a> {
    file: &'a File,
    size: u64,
    modified: InternalDate,
    /// The file does not end in a line end, so its last message was most likely cut off.
    cut_off: bool,
    marks: Option<&'a Marks>,
}

impl<'a> Shown<'a> {
    fn of(file: &'a File, marks: Option<&'a Marks>) -> io::Result<Self> {
        let data = file.metadata()?;
        let mut last = Vec::new();
        file::read_at(file, data.len().saturating_sub(1), 1, &mut last)?;
        let cut_off = !matches!(last.as_slice(), [] | [b'\n' | b'\r']);
        Ok(Self { file, size: data.len(), modified: InternalDate::from_unix(data.mtime()), cut_off, marks })
    }

    fn message(&self, Seen { span, line, header }: &Seen) -> Found {
        let cut_off = self.cut_off && span.end() >= self.size;
        let mut envelope = headers::envelope(span, line, header, self.modified, cut_off);
        if let Some(marks) = self.marks {
            indexed::mark(&mut envelope, span, marks);
        }
        Found::Message(envelope)
    }

    /// Reads the messages of which it is known where they lie. Breaking off is no error.
    fn again(&self, index: &Index, line: &mut Line<'_, '_, Seen>) -> io::Result<()> {
        let mut window = Window::new(self.file, self.size);
        for (span, number) in index.spans.iter().zip(1_u64..) {
            let length = usize::from(span.line);
            let separator = window.get(span.offset, length)?;
            let separator = separator.get(..length).unwrap_or(separator).to_vec();
            let header = window.header(span.offset + u64::from(span.line), span.end())?.0;
            let progress = Found::Progress { done: span.end(), total: self.size };
            if put(line, span, &separator, header).is_break() || (number % 1000 == 0 && line.found(progress).is_break())
            {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The bytes that a locator names, if they still are one message.
fn region(file: &File, path: &Path, locator: &Locator) -> Result<Vec<u8>, StoreError> {
    check_region(file, path, locator, locator.length)
}

/// The first bytes, up to `most`, of those that a locator names, if those still are one message.
fn check_region(file: &File, path: &Path, locator: &Locator, most: u64) -> Result<Vec<u8>, StoreError> {
    let read = |offset, length| file::read_range(file, offset, length).map_err(|source| StoreError::read(path, source));
    let size = file.metadata().map_err(|source| StoreError::read(path, source))?.len();
    let end = locator.offset.saturating_add(locator.length);
    if locator.offset >= size {
        return Err(StoreError::vanished(path, locator));
    }
    if end > size {
        return Err(StoreError::changed(path, locator));
    }
    let region = read(locator.offset, locator.length.min(most))?;
    let next = read(end, 5.min(size - end))?;
    let whole = next.is_empty() || next == b"From ";
    if whole && content::still_starts(&region) { Ok(region) } else { Err(StoreError::changed(path, locator)) }
}

/// A file that is gone takes its messages with it; anything else is a refused read.
fn missing(path: &Path, locator: &Locator, source: io::Error) -> StoreError {
    if source.kind() == io::ErrorKind::NotFound {
        StoreError::vanished(path, locator)
    } else {
        StoreError::read(path, source)
    }
}
