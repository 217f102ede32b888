//! A store in a packed file: what was unpacked of it, by the names the user knows. Used through the rows in `FORMATS`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::inner;
use super::place::{MOST_IN_MEMORY, Place};
use super::shared::{self, Content};
use super::sniff::{self, Kind, Look};
use super::unpack::Unpacking;
use crate::mail::{FolderPath, Locator};
use crate::store::file::{self, FileId};
use crate::store::{
    Count, Damage, Folder, Format, Found, Large, OpenOptions, Opened, Removal, Store, StoreError, Walk, mbox,
};

/// A store in a packed file.
pub(super) struct Packed {
    root: PathBuf,
    kind: Kind,
    options: OpenOptions,
    /// What is in it, once it is unpacked.
    inner: Option<Inner>,
}

struct Inner {
    // First, so that its files are closed before they are removed.
    store: Box<dyn Store>,
    content: Arc<Content>,
}

impl Packed {
    /// Opens the file at `path`. An mbox is one folder, which is known before it is unpacked, so that is put off: the list
    /// can tell how far it is.
    pub(super) fn open(path: &Path, kind: Kind, options: OpenOptions) -> Opened {
        let mut store = Self { root: path.to_owned(), kind, options, inner: None };
        if !store.is_mbox() {
            store.opened(&mut |_, _| true)?;
        }
        Ok(Box::new(store))
    }

    /// Whether it is one file that starts as an mbox does.
    fn is_mbox(&self) -> bool {
        let one = matches!(self.kind, Kind::One(_))
            && self.options.format.as_deref().is_none_or(|name| name == mbox::FORMAT.name);
        one && matches!(sniff::look(&self.root, self.kind), Ok(Look::Mail(format)) if format.name == mbox::FORMAT.name)
    }

    /// Unpacks and opens what is in it, unless that is done. `passed` is told how many bytes of how many are through, and
    /// says whether to go on; `None` when it does not.
    fn opened(&mut self, passed: &mut dyn FnMut(u64, u64) -> bool) -> Result<Option<&mut Inner>, StoreError> {
        if self.inner.is_none() {
            let Some(content) = self.unpack(passed)? else { return Ok(None) };
            let store = inner::open(&content, matches!(self.kind, Kind::One(_)), &self.options);
            let store = store.map_err(|error| self.refused(error, &content))?;
            self.inner = Some(Inner { store, content });
        }
        Ok(self.inner.as_mut())
    }

    fn unpack(&self, passed: &mut dyn FnMut(u64, u64) -> bool) -> Result<Option<Arc<Content>>, StoreError> {
        let unpacked = file::open_regular(&self.root).and_then(|file| {
            let id = FileId::of(&file.metadata()?);
            shared::content((id, self.kind), || {
                if id.size <= MOST_IN_MEMORY
                    && let Ok(place) = Place::in_memory()
                {
                    match self.unpack_into(place, file.try_clone()?, passed) {
                        Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
                        ended => return ended,
                    }
                }
                self.unpack_into(Place::on_disk()?, file, passed)
            })
        });
        match unpacked {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(StoreError::read(&self.root, error)),
        }
    }

    fn unpack_into(
        &self,
        place: Place,
        mut file: File,
        passed: &mut dyn FnMut(u64, u64) -> bool,
    ) -> io::Result<Content> {
        let size = file.metadata()?.len();
        file.rewind()?;
        let mut unpacking = Unpacking::into(place);
        match self.kind {
            Kind::One(packing) => {
                let name = sniff::inner_name(&self.root);
                unpacking.one(file, packing, &name, &mut |done| passed(done.min(size), size))?;
            }
            Kind::Zip => unpacking.zip(&self.root)?,
            Kind::Tar(packing) => unpacking.tar(file, packing)?,
        }
        Ok(Content::new(unpacking.done()))
    }

    /// Why what is in it can not be opened, in terms of the packed file, with what is missing of it.
    fn refused(&self, error: StoreError, content: &Content) -> StoreError {
        let error = error.renamed(|path| content.shown(&self.root, self.kind, path));
        match error {
            StoreError::NotMail { path, mut reason } => {
                for note in content.notes.iter().take(3) {
                    let _ = write!(reason, "; {}: {}", path.join(&note.member).display(), note.reason);
                }
                StoreError::NotMail { path, reason }
            }
            StoreError::Read { path, source } => match content.notes.first() {
                Some(note) => {
                    StoreError::read(&path, io::Error::new(source.kind(), format!("{source}; {}", note.reason)))
                }
                None => StoreError::Read { path, source },
            },
            other => other,
        }
    }

    /// Calls the inner store, and gives what it finds and what was not unpacked by the names the user knows.
    fn with<T>(
        &mut self,
        folder: &FolderPath,
        visit: &mut dyn FnMut(Found) -> Walk,
        call: impl FnOnce(&mut dyn Store, &mut dyn FnMut(Found) -> Walk) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let (root, kind) = (self.root.clone(), self.kind);
        let Some(inner) = self.opened(&mut |done, total| visit(Found::Progress { done, total }).is_continue())? else {
            return Ok(None);
        };
        let (store, content) = (inner.store.as_mut(), &inner.content);
        let shown = |path: &Path| content.shown(&root, kind, path);
        let mut is_stopped = false;
        let result = call(store, &mut |found| {
            let found = match found {
                Found::Damage(damage) => Found::Damage(Damage { file: shown(&damage.file), ..damage }),
                other => other,
            };
            let walk = visit(found);
            is_stopped |= walk.is_break();
            walk
        });
        let result = result.map_err(|error| error.renamed(shown))?;
        let mut is_first = || {
            store
                .folders()
                .is_ok_and(|all| all.iter().find(|one| one.holds_messages).is_some_and(|one| one.path == *folder))
        };
        if !content.notes.is_empty() && !is_stopped && is_first() {
            for note in &content.notes {
                let file = if note.member.as_os_str().is_empty() { root.clone() } else { root.join(&note.member) };
                if visit(Found::Damage(Damage { file, offset: 0, reason: note.reason.clone() })).is_break() {
                    break;
                }
            }
        }
        Ok(Some(result))
    }
}

impl Store for Packed {
    fn format(&self) -> &'static Format {
        // How the mail is written is of more use than that it is packed, which the name tells.
        self.inner.as_ref().map_or(&mbox::FORMAT, |inner| inner.store.format())
    }

    fn format_of(&self, folder: &FolderPath) -> &'static Format {
        self.inner.as_ref().map_or(&mbox::FORMAT, |inner| inner.store.format_of(folder))
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        match &mut self.inner {
            None => Ok(vec![Folder { path: FolderPath::root(), special: None, holds_messages: true }]),
            Some(inner) => inner.store.folders(),
        }
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        self.with(folder, visit, |store, visit| store.list(folder, visit)).map(|_| ())
    }

    fn outline(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        self.with(folder, visit, |store, visit| store.outline(folder, visit)).map(|_| ())
    }

    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        self.with(folder, visit, |store, visit| store.count(folder, visit)).map(Option::unwrap_or_default)
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let (root, kind) = (self.root.clone(), self.kind);
        let Some(inner) = self.opened(&mut |_, _| true)? else { return Err(StoreError::vanished(&root, locator)) };
        let shown = |path: &Path| inner.content.shown(&root, kind, path);
        inner.store.read(folder, locator).map_err(|error| error.renamed(shown))
    }

    fn large(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Option<Large>, StoreError> {
        let (root, kind) = (self.root.clone(), self.kind);
        let Some(inner) = self.opened(&mut |_, _| true)? else { return Err(StoreError::vanished(&root, locator)) };
        let shown = |path: &Path| inner.content.shown(&root, kind, path);
        inner.store.large(folder, locator).map_err(|error| error.renamed(shown))
    }

    fn line(&mut self, folder: &FolderPath, locator: &Locator) -> Option<u64> {
        self.inner.as_mut()?.store.line(folder, locator)
    }

    fn check_removable(&self, _: &FolderPath) -> Result<(), StoreError> {
        Err(StoreError::copy_only(&self.root, super::row(self.kind)))
    }

    fn remove(&mut self, _: &FolderPath, _: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        Err(StoreError::copy_only(&self.root, super::row(self.kind)))
    }
}
