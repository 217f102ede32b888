//! mboxes of Google Takeout with a folder for each label. Used by [`super::open`] when that is asked for.
//!
//! Every message is in exactly one folder ([`super::gmail::place`]); its other labels stay keywords. Where a path holds one
//! mbox, the folders stand at the top, else below the folder of their file. A file in which no message has labels is one
//! folder as ever. All folders of a file are taken from that file, so messages go by names that outlast a removal.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::sorted::{Numbers, Sorted};
use super::{FORMAT, Mbox, Seen, Shown, Span, content, gmail, region, rewrite, sum};
use crate::mail::{FolderPath, Locator, header};
use crate::store::file::{self, FileId};
use crate::store::pages::{Broken, Pages};
use crate::store::tree::Tree;
use crate::store::{Count, Folder, Format, Found, Removal, Store, StoreError, Walk};

/// How many messages pass between two reports of progress.
const REPORT_EVERY: usize = 1000;

/// A store of folders made from labels.
pub(super) struct Labelled {
    mbox: Mbox,
    /// The files and the folders that they would be.
    files: Vec<(PathBuf, FolderPath)>,
    states: HashMap<PathBuf, State>,
    numbers: Numbers,
    tree: Tree,
    /// What each folder of the tree is. One stays when its last message is taken away.
    parts: HashMap<FolderPath, Part>,
    known: HashSet<(PathBuf, Option<u32>)>,
}

/// What is known of a file.
enum State {
    /// No message in it has labels.
    Plain(FileId),
    /// Its messages by folder.
    Sorted(Sorted),
}

impl State {
    fn id(&self) -> FileId {
        match self {
            Self::Plain(id) => *id,
            Self::Sorted(sorted) => sorted.index.id,
        }
    }
}

/// A folder of the tree.
#[derive(Clone)]
enum Part {
    /// A whole file, by its folder's path in the plain store.
    File(PathBuf, FolderPath),
    /// The messages of a file that belong into one folder.
    Label {
        file: PathBuf,
        number: u32,
        /// Whether it is the first of its file, with which damage is named.
        is_first: bool,
    },
}

impl Part {
    fn file(&self) -> &Path {
        match self {
            Self::File(file, _) | Self::Label { file, .. } => file,
        }
    }
}

impl Labelled {
    /// The store of the files that `mbox` has.
    pub(super) fn new(mbox: Mbox) -> Self {
        let tree = mbox.tree.without_folders();
        let all = mbox.tree.folders().into_iter();
        let files = all.filter_map(|folder| Some((mbox.tree.place(&folder.path).ok()??.to_owned(), folder.path)));
        let (states, parts, known) = (HashMap::new(), HashMap::new(), HashSet::new());
        Self { files: files.collect(), mbox, states, numbers: Numbers::new(), tree, parts, known }
    }

    /// Looks at the file of `folder`, or at all where that is not known, if they changed. Breaks when the visitor does.
    fn refresh(&mut self, folder: Option<&FolderPath>, visit: &mut dyn FnMut(Found) -> Walk) -> Walk {
        let only = folder.and_then(|folder| self.parts.get(folder)).map(|part| part.file().to_owned());
        let mut files = self.files.clone();
        files.retain(|(path, _)| only.as_ref().is_none_or(|only| only == path));
        for (path, folder) in files {
            match self.look(&path, visit) {
                Ok(Some(Walk::Break(()))) => return Walk::Break(()),
                Ok(Some(Walk::Continue(()))) => self.place(path, folder),
                Ok(None) => {}
                // It is a folder as ever: whoever lists that learns why.
                Err(_) => self.place_whole(path, folder),
            }
        }
        Walk::Continue(())
    }

    /// Adds the folders that a file's messages belong into.
    fn place(&mut self, path: PathBuf, folder: FolderPath) {
        let Some(State::Sorted(sorted)) = self.states.get(&path) else { return self.place_whole(path, folder) };
        let above = if self.files.len() == 1 { FolderPath::root() } else { folder };
        for (order, number) in sorted.used().into_iter().enumerate() {
            let Some((label, special)) = self.numbers.folder(number) else { continue };
            if self.known.insert((path.clone(), Some(number))) {
                let place = self.tree.add(above.join(label), &path);
                if let Some(special) = special.filter(|_| above.is_root()) {
                    self.tree.set_special(place.clone(), special);
                }
                self.parts.insert(place, Part::Label { file: path.clone(), number, is_first: order == 0 });
            }
        }
    }

    fn place_whole(&mut self, path: PathBuf, folder: FolderPath) {
        if self.known.insert((path.clone(), None)) {
            let place = self.tree.add(folder.clone(), &path);
            self.parts.insert(place, Part::File(path, folder));
        }
    }

    /// Scans a file unless it is as it was (`None`).
    fn look(&mut self, path: &Path, visit: &mut dyn FnMut(Found) -> Walk) -> io::Result<Option<Walk>> {
        let file = file::open_regular(path)?;
        let id = FileId::of(&file.metadata()?);
        if self.states.get(path).is_some_and(|state| state.id() == id) {
            return Ok(None);
        }
        let mut progress = |done| visit(Found::Progress { done, total: id.size });
        let Some(sorted) = Sorted::scan(&file, path, &mut self.numbers, &mut progress)? else {
            return Ok(Some(Walk::Break(())));
        };
        let state = if sorted.has_labels && !sorted.used().is_empty() {
            State::Sorted(sorted)
        } else {
            self.mbox.keep(path, Some(sorted.index));
            State::Plain(id)
        };
        self.states.insert(path.to_owned(), state);
        Ok(Some(Walk::Continue(())))
    }

    /// What a folder is now; `None` for one that holds no messages, such as a file whose messages got labels meanwhile.
    fn part(&self, folder: &FolderPath) -> Result<Option<Part>, StoreError> {
        self.tree.place(folder)?;
        let part = self.parts.get(folder).cloned();
        Ok(part.filter(|part| match part {
            Part::File(file, _) => !matches!(self.states.get(file), Some(State::Sorted(_))),
            Part::Label { file, .. } => matches!(self.states.get(file), Some(State::Sorted(_))),
        }))
    }

    /// What a folder is, where it must hold messages.
    fn messages(&mut self, folder: &FolderPath) -> Result<Part, StoreError> {
        let _ = self.refresh(Some(folder), &mut |_| Walk::Continue(()));
        let none = || StoreError::NoFolder { folder: folder.to_string(), path: self.tree.root().to_owned() };
        self.part(folder)?.ok_or_else(none)
    }

    /// A file with its messages as they are now, if it has labels still.
    fn sorted(&self, path: &Path) -> io::Result<Option<(File, &Sorted)>> {
        let file = file::open_regular(path)?;
        let Some(State::Sorted(sorted)) = self.states.get(path) else { return Ok(None) };
        if FileId::of(&file.metadata()?) == sorted.index.id {
            Ok(Some((file, sorted)))
        } else {
            Err(io::Error::other("it was changed while it was read; run again"))
        }
    }

    fn list_label(
        &self,
        path: &Path,
        number: u32,
        is_first: bool,
        visit: &mut dyn FnMut(Found) -> Walk,
    ) -> io::Result<()> {
        let Some((file, sorted)) = self.sorted(path)? else { return Ok(()) };
        let shown = Shown::of(&file, None)?;
        let damage = sorted.damage.iter().filter(|_| is_first).cloned().map(Found::Damage);
        if damage.into_iter().any(|found| visit(found).is_break()) {
            return Ok(());
        }
        let label = self.numbers.folder(number).and_then(|(folder, _)| gmail::keyword_of(folder));
        let mut pages = Pages::new(file.try_clone()?)?; // a folder's messages may lie far apart
        for (passed, (place, span)) in sorted.of_folder(number).enumerate() {
            let mut found = match span.hidden {
                Some(hidden) => Found::Hidden(hidden),
                None => shown.message(&seen(&mut pages, span)?),
            };
            if let Found::Message(envelope) = &mut found {
                envelope.locator = Locator { name: sorted.name(place).into(), offset: 0, length: span.length };
                envelope.keywords.retain(|keyword| label.as_ref() != Some(keyword));
            }
            let report = Found::Progress { done: span.end(), total: shown.size };
            let report = (passed % REPORT_EVERY == REPORT_EVERY - 1).then_some(report);
            if std::iter::once(found).chain(report).any(|found| visit(found).is_break()) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The message of that name: its file, and where it is in that now.
    fn locate(&self, path: &Path, locator: &Locator) -> Result<(File, &Sorted, Locator), StoreError> {
        let found = self.sorted(path).map_err(|source| super::missing(path, locator, source))?;
        let found = found.and_then(|(file, sorted)| Some((file, sorted, sorted.find(&locator.name)?)));
        let (file, sorted, span) = found.ok_or_else(|| StoreError::vanished(path, locator))?;
        if span.length == locator.length {
            Ok((file, sorted, Locator { name: "".into(), offset: span.offset, length: span.length }))
        } else {
            Err(StoreError::changed(path, locator))
        }
    }
}

/// The message at a place of the file.
fn seen(pages: &mut Pages, span: &Span) -> io::Result<Seen> {
    let broken = |broken: Broken| io::Error::other(broken.reason);
    let line = pages.bytes(span.offset, span.line.into()).map_err(broken)?;
    let mut header = pages.head(span.offset + u64::from(span.line), span.size()).map_err(broken)?;
    header.truncate(header::length(&header));
    Ok(Seen { span: *span, line, header })
}

impl Store for Labelled {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        let _ = self.refresh(None, &mut |_| Walk::Continue(()));
        Ok(self.tree.folders())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        if self.refresh(Some(folder), visit).is_break() {
            return Ok(());
        }
        let Some(part) = self.part(folder)? else { return Ok(()) };
        if self.tree.report_skipped(folder, visit).is_break() {
            return Ok(());
        }
        match part {
            Part::File(path, _) => self.mbox.walk(&path, visit).map_err(|source| StoreError::read(&path, source)),
            Part::Label { file, number, is_first } => {
                self.list_label(&file, number, is_first, visit).map_err(|source| StoreError::read(&file, source))
            }
        }
    }

    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        if self.refresh(Some(folder), visit).is_break() {
            return Ok(Count::default());
        }
        match self.part(folder)? {
            None => Ok(Count::default()),
            Some(Part::File(path, _)) => {
                self.mbox.count_spans(&path, visit).map_err(|source| StoreError::read(&path, source))
            }
            Some(Part::Label { file, number, .. }) => match self.states.get(&file) {
                Some(State::Sorted(sorted)) => Ok(sum(sorted.of_folder(number).map(|(_, span)| span))),
                _ => Ok(Count::default()),
            },
        }
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        match self.messages(folder)? {
            Part::File(_, own) => self.mbox.read(&own, locator),
            Part::Label { file: path, .. } => {
                let (file, sorted, here) = self.locate(&path, locator)?;
                Ok(content::of(&region(&file, &path, &here)?, sorted.index.marks))
            }
        }
    }

    fn line(&mut self, folder: &FolderPath, locator: &Locator) -> Option<u64> {
        match self.messages(folder).ok()? {
            Part::File(_, own) => self.mbox.line(&own, locator),
            Part::Label { file: path, .. } => {
                let (file, _, here) = self.locate(&path, locator).ok()?;
                self.mbox.line_at(&file, here.offset)
            }
        }
    }

    fn rewrites_whole_files(&self) -> bool {
        true
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        // Which folders there are, only a scan tells; but all of a file's can be rewritten or none.
        match self.tree.place(folder) {
            Ok(Some(path)) => rewrite::check(path),
            _ => self.files.iter().try_for_each(|(path, _)| rewrite::check(path)),
        }
    }

    fn remove(&mut self, folder: &FolderPath, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let path = match self.messages(folder)? {
            Part::File(_, own) => return self.mbox.remove(&own, removals),
            Part::Label { file, .. } => file,
        };
        let located = removals.iter().map(|removal| {
            let (_, _, locator) = self.locate(&path, &removal.locator)?;
            Ok(Removal { locator, digest: removal.digest })
        });
        let located: Vec<Result<Removal, StoreError>> = located.collect();
        let here: Vec<Removal> = located.iter().filter_map(|one| one.as_ref().ok().cloned()).collect();
        let mut done = rewrite::remove(&path, &here)?.into_iter();
        let gone = || Err(StoreError::NoFolder { folder: folder.to_string(), path: path.clone() });
        Ok(located.into_iter().map(|one| one.and_then(|_| done.next().unwrap_or_else(gone))).collect())
    }
}
