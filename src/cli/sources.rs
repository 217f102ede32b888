//! SOURCE arguments: `PATH` or `PATH#Folder/Sub`, opened, counted and turned into selections.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::imap::Target;
use crate::mail::FolderPath;
use crate::mail::display::clean;
use crate::mail::units::thousands;
use crate::store::{self, Damage, Folder, Found, Looked, OpenOptions, Store, StoreError, Survey, Walk};
use crate::transfer::{Chosen, Selection, Source};

use super::exit::Failure;
use super::text;

/// A SOURCE as written: a path and, below it, a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceArgument {
    /// The store's path.
    pub path: PathBuf,
    /// The folder in it; the top means all of it.
    pub folder: FolderPath,
}

impl SourceArgument {
    /// Reads `PATH#Folder/Sub`, the folder as [`FolderPath::parse`] does, so that what is printed can be given back; a `#`
    /// that belongs to an existing path is no separator.
    pub fn parse(text: &str) -> Self {
        let whole = PathBuf::from(text);
        match text.rsplit_once('#') {
            Some((path, folder)) if !whole.exists() => Self { path: path.into(), folder: FolderPath::parse(folder) },
            _ => Self { path: whole, folder: FolderPath::root() },
        }
    }

    /// Finds out what the path holds. Tells a person who watches how far that is, for it may take a while.
    pub fn survey(&self, options: &OpenOptions) -> Result<Survey, StoreError> {
        let mut watched = Watched::new();
        store::survey(&self.path, options, &mut |looked| {
            watched.tell(looked);
            Walk::Continue(())
        })
    }

    /// The store and its chosen folders that hold messages.
    pub fn open(&self, options: &OpenOptions) -> Result<(Box<dyn Store>, Vec<Folder>), StoreError> {
        let mut store = self.survey(options)?.open(options)?;
        let folders = self.folders(store.as_mut())?;
        Ok((store, folders))
    }

    /// The chosen folders of the store that hold messages.
    pub fn folders(&self, store: &mut dyn Store) -> Result<Vec<Folder>, StoreError> {
        let mut folders = store.folders()?;
        folders.retain(|folder| folder.holds_messages && folder.path.starts_with(&self.folder));
        if folders.is_empty() && !self.folder.is_root() {
            let folder = self.folder.to_string();
            return Err(StoreError::NoFolder { folder, path: self.path.clone() });
        }
        Ok(folders)
    }

    /// What a job would take from this source: each folder with its count. Remarks on what can't be read go to `remark`.
    pub fn selections(
        &self,
        options: &OpenOptions,
        has_target_folder: bool,
        mut remark: impl FnMut(String),
    ) -> Result<Vec<Selection>, StoreError> {
        let (mut store, folders) = self.open(options)?;
        let is_single = folders.len() == 1;
        let mut selections = Vec::with_capacity(folders.len());
        let mut hidden = BTreeMap::new();
        for folder in folders {
            let count = store.count(&folder.path, &mut |found| {
                match found {
                    Found::Damage(damage) => {
                        let Damage { file, offset, reason } = damage;
                        remark(clean(&format!("damaged: {} at byte {offset}: {reason}", file.display())));
                    }
                    Found::Hidden(kind) => *hidden.entry(kind).or_insert(0_u64) += 1,
                    Found::Message(_) | Found::Progress { .. } => {}
                }
                Walk::Continue(())
            })?;
            selections.push(Selection {
                source: Source { path: self.path.clone(), options: options.clone() },
                below: self.below(&folder.path, is_single && has_target_folder),
                special: folder.special,
                folder: folder.path,
                chosen: Chosen::All,
                messages: count.messages,
                bytes: count.bytes,
            });
        }
        for (kind, messages) in hidden {
            let path = clean(&self.path.to_string_lossy());
            remark(format!("not carried from {path}: {} {}", thousands(messages), kind.label()));
        }
        Ok(selections)
    }

    /// A store with one folder goes into the target itself; else the tree is recreated below it, from the chosen folder on.
    fn below(&self, folder: &FolderPath, is_target_itself: bool) -> FolderPath {
        if is_target_itself {
            return FolderPath::root();
        }
        let above = self.folder.parent().unwrap_or_default();
        folder.below(&above).unwrap_or_else(|| folder.clone())
    }
}

/// SOURCE arguments and the TARGET after them.
pub fn split(paths: &[OsString]) -> Result<(Vec<SourceArgument>, Target), Failure> {
    let (target, sources) = paths.split_last().ok_or_else(|| Failure::usage("a SOURCE and a TARGET are needed"))?;
    let sources =
        sources.iter().map(|source| Ok(SourceArgument::parse(text(source)?))).collect::<Result<_, Failure>>()?;
    Ok((sources, Target::parse(text(target)?)?))
}

/// What a job would take from all of them, to `target`.
pub fn selections(
    sources: &[SourceArgument],
    target: &Target,
    options: &OpenOptions,
    mut remark: impl FnMut(String),
) -> Result<Vec<Selection>, StoreError> {
    let has_target_folder = !target.folder.is_root();
    let each = |source: &SourceArgument| source.selections(options, has_target_folder, &mut remark);
    Ok(sources.iter().map(each).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// How often a person is told how far the look through a directory is; a short one says nothing.
const EVERY: Duration = Duration::from_millis(500);

/// The line about a look through a directory, on stderr, if somebody watches.
struct Watched {
    is_terminal: bool,
    told: Instant,
    has_line: bool,
}

impl Watched {
    fn new() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), told: Instant::now(), has_line: false }
    }

    fn tell(&mut self, looked: Looked) {
        if self.is_terminal && self.told.elapsed() >= EVERY {
            (self.told, self.has_line) = (Instant::now(), true);
            let (entries, mail) = (thousands(looked.entries), thousands(looked.mail));
            // stderr closed: nobody listens
            let _ = write!(io::stderr(), "\r\x1b[Klooking for mail: {entries} files and directories, {mail} with mail");
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.has_line {
            let _ = write!(io::stderr(), "\r\x1b[K"); // stderr closed: nobody listens
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_may_name_a_folder() {
        let source = SourceArgument::parse("/no/such#Inbox/Sub");
        assert_eq!((source.path, source.folder), ("/no/such".into(), FolderPath::parse("Inbox/Sub")));
        let slash = SourceArgument::parse("/no/such#In%2FOut/50% off");
        assert_eq!(slash.folder.segments(), ["In/Out", "50% off"]);
        let directory = tempfile::tempdir().unwrap();
        let odd = directory.path().join("a#b");
        std::fs::write(&odd, "").unwrap();
        assert_eq!(
            SourceArgument::parse(odd.to_str().unwrap()),
            SourceArgument { path: odd, folder: FolderPath::root() }
        );
    }

    #[test]
    fn the_tree_is_recreated_from_the_chosen_folder_on() {
        let source = SourceArgument { path: "/x".into(), folder: FolderPath::parse("A/B") };
        assert_eq!(source.below(&FolderPath::parse("A/B/C"), false), FolderPath::parse("B/C"));
        assert_eq!(source.below(&FolderPath::parse("A/B"), true), FolderPath::root());
        let whole = SourceArgument { path: "/x".into(), folder: FolderPath::root() };
        assert_eq!(whole.below(&FolderPath::parse("A/B"), false), FolderPath::parse("A/B"));
    }
}
