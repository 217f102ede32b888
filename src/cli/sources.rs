//! SOURCE arguments: `PATH` or `PATH#Folder/Sub`, opened, counted and turned into selections.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::imap::{Account, Target, connect};
use crate::mail::FolderPath;
use crate::mail::display::clean;
use crate::mail::units::thousands;
use crate::store::{self, Folder, Found, Looked, OpenOptions, Shape, Store, StoreError, Survey, Walk};
use crate::transfer::{Chosen, HeadStart, Selection, Source};

use super::accounts;
use super::exit::Failure;
use super::options::Options;
use super::password::SourceOptions;
use super::patience::patiently;
use super::target::TargetArgument;
use super::text;

/// A SOURCE as written: a path and, below it, a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceArgument {
    /// The store's path; of a mailbox on a server, its URL.
    pub path: PathBuf,
    /// The folder in it; the top means all of it.
    pub folder: FolderPath,
    /// How it is written, where that was said before the path.
    pub shape: Option<Shape>,
    /// The server, if it is on one.
    pub server: Option<Target>,
}

impl SourceArgument {
    /// Reads `PATH#Folder/Sub`, the folder as [`FolderPath::parse`] does, so that what is printed can be given back; a `#`
    /// that belongs to an existing path is no separator. `maildir:` and `mbox:` before the path say how it is written, and a
    /// URL means a mailbox on a server.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if let Some(target) = accounts::target(text)? {
            return Ok(Self { path: text.into(), folder: target.folder.clone(), shape: None, server: Some(target) });
        }
        let (shape, text) = match text.split_once(':') {
            Some((word, path)) if !Path::new(text).exists() && Shape::of_format(word).is_some() => {
                (Shape::of_format(word), path)
            }
            _ => (None, text),
        };
        let whole = PathBuf::from(text);
        let (path, folder) = match text.rsplit_once('#') {
            Some((path, folder)) if !whole.exists() => (path.into(), FolderPath::parse(folder)),
            _ => (whole, FolderPath::root()),
        };
        Ok(Self { path, folder, shape, server: None })
    }

    /// What a job opens; of a mailbox on a server, with its account, which asks for the password if need be.
    pub fn log_in(self, options: &Options, login: &SourceOptions, is_target_local: bool) -> Result<Opening, Failure> {
        let account = match &self.server {
            Some(server) => {
                let account = options.source_account(server, login, is_target_local)?;
                // A server that is not there, or a password that is not right, has an exit code of its own.
                patiently(|| connect(&account))?.logout();
                Some(account)
            }
            None => None,
        };
        Ok(Opening { argument: self, account })
    }

    fn reading(&self, options: &OpenOptions) -> OpenOptions {
        let named = self.shape.map(|shape| shape.label().to_owned());
        OpenOptions { format: named.or_else(|| options.format.clone()), ..options.clone() }
    }

    /// Finds out what the path holds. Tells a person who watches how far that is, for it may take a while.
    pub fn survey(&self, options: &OpenOptions) -> Result<Survey, StoreError> {
        let mut watched = Watched::new();
        store::survey(&self.path, &self.reading(options), &mut |looked| {
            watched.tell(looked);
            Walk::Continue(())
        })
    }

    /// Opens what was found out.
    pub fn open_surveyed(&self, survey: &Survey, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
        survey.open(&self.reading(options))
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

    /// A store with one folder goes into the target itself; else the tree is recreated below it, from the chosen folder on.
    fn below(&self, folder: &FolderPath, is_target_itself: bool) -> FolderPath {
        if is_target_itself {
            return FolderPath::root();
        }
        let above = self.folder.parent().unwrap_or_default();
        folder.below(&above).unwrap_or_else(|| folder.clone())
    }
}

/// A SOURCE that can be opened.
#[derive(Clone, Debug)]
pub struct Opening {
    argument: SourceArgument,
    account: Option<Account>,
}

impl Opening {
    /// The account, if it is on a server.
    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    fn source(&self, options: &OpenOptions) -> Source {
        match &self.account {
            Some(account) => Source::of_account(account),
            None => Source { path: self.argument.path.clone(), options: self.argument.reading(options) },
        }
    }

    /// The store and its chosen folders that hold messages.
    pub fn open(&self, options: &OpenOptions) -> Result<(Box<dyn Store>, Vec<Folder>), StoreError> {
        let mut store = match &self.account {
            Some(account) => self.source(options).open(std::slice::from_ref(account))?,
            None => self.argument.open_surveyed(&self.argument.survey(options)?, options)?,
        };
        let folders = self.argument.folders(store.as_mut())?;
        Ok((store, folders))
    }

    /// The same for a job, which takes each of these folders whole.
    fn chosen(&self, options: &OpenOptions, has_target_folder: bool) -> Result<Opened, StoreError> {
        let (store, folders) = self.open(options)?;
        let is_single = folders.len() == 1;
        let selection = |folder: Folder| Selection {
            source: self.source(options),
            below: self.argument.below(&folder.path, is_single && has_target_folder),
            special: folder.special,
            folder: folder.path,
            chosen: Chosen::All,
            messages: 0,
            bytes: 0,
        };
        Ok(Opened { store, selections: folders.into_iter().map(selection).collect() })
    }
}

/// A SOURCE that is open, with what a job would take from it.
pub struct Opened {
    store: Box<dyn Store>,
    selections: Vec<Selection>,
}

impl Opened {
    /// What a job would take, not counted yet.
    pub fn selections(&self) -> &[Selection] {
        &self.selections
    }

    /// The same, counted; of what is read ahead, by its list. Remarks on what can't be read are added to `remarks`.
    fn count(
        mut self,
        mut ahead: Option<&mut HeadStart>,
        remarks: &mut Vec<String>,
    ) -> Result<Vec<Selection>, StoreError> {
        let mut hidden = BTreeMap::new();
        let mut damaged = |damage: &dyn Display| remarks.push(clean(&format!("damaged: {damage}")));
        for selection in &mut self.selections {
            if let Some(list) = ahead.as_mut().and_then(|ahead| ahead.listing(&selection.source, &selection.folder)) {
                list.damage.iter().for_each(|damage| damaged(damage));
                list.hidden.iter().for_each(|(kind, messages)| *hidden.entry(*kind).or_insert(0) += messages);
                (selection.messages, selection.bytes) = (list.messages(), list.bytes);
                continue;
            }
            let count = self.store.count(&selection.folder, &mut |found| {
                match found {
                    Found::Damage(damage) => damaged(&damage),
                    Found::Hidden(kind) => *hidden.entry(kind).or_insert(0_u64) += 1,
                    Found::Message(_) | Found::Progress { .. } => {}
                }
                Walk::Continue(())
            })?;
            (selection.messages, selection.bytes) = (count.messages, count.bytes);
        }
        let path = self.selections.first().map(|first| clean(&first.source.path.to_string_lossy())).unwrap_or_default();
        for (kind, messages) in hidden {
            remarks.push(format!("not carried from {path}: {} {}", thousands(messages), kind.label()));
        }
        Ok(self.selections)
    }
}

/// SOURCE arguments, ready to be opened, and the TARGET after them.
pub fn split(
    paths: &[OsString],
    options: &Options,
    login: &SourceOptions,
) -> Result<(Vec<Opening>, TargetArgument), Failure> {
    let (target, sources) = paths.split_last().ok_or_else(|| Failure::usage("a SOURCE and a TARGET are needed"))?;
    let target = TargetArgument::parse(text(target)?)?;
    let open = |source: &OsString| SourceArgument::parse(text(source)?)?.log_in(options, login, !target.is_server());
    let sources = sources.iter().map(open).collect::<Result<Vec<_>, Failure>>()?;
    Ok((sources, target))
}

/// The accounts that sources are in.
pub fn accounts(sources: &[Opening]) -> Vec<Account> {
    sources.iter().filter_map(Opening::account).cloned().collect()
}

/// Opens all of them, for a job to `target`.
pub fn open(sources: &[Opening], target: &TargetArgument, options: &OpenOptions) -> Result<Vec<Opened>, StoreError> {
    sources.iter().map(|source| source.chosen(options, target.is_one_folder())).collect()
}

/// What a job would take from them, counted, and remarks on what can't be read.
pub fn count(
    opened: Vec<Opened>,
    mut ahead: Option<&mut HeadStart>,
) -> Result<(Vec<Selection>, Vec<String>), StoreError> {
    let (mut selections, mut remarks) = (Vec::new(), Vec::new());
    for one in opened {
        selections.extend(one.count(ahead.as_deref_mut(), &mut remarks)?);
    }
    Ok((selections, remarks))
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

    fn local(path: &str, folder: &str) -> SourceArgument {
        SourceArgument { path: path.into(), folder: FolderPath::parse(folder), shape: None, server: None }
    }

    #[test]
    fn a_source_may_name_a_folder() {
        assert_eq!(SourceArgument::parse("/no/such#Inbox/Sub").unwrap(), local("/no/such", "Inbox/Sub"));
        let slash = SourceArgument::parse("/no/such#In%2FOut/50% off").unwrap();
        assert_eq!(slash.folder.segments(), ["In/Out", "50% off"]);
        let directory = tempfile::tempdir().unwrap();
        let odd = directory.path().join("a#b");
        std::fs::write(&odd, "").unwrap();
        assert_eq!(SourceArgument::parse(odd.to_str().unwrap()).unwrap(), local(odd.to_str().unwrap(), ""));
    }

    #[test]
    fn a_source_may_be_on_a_server_or_say_how_it_is_written() {
        let source = SourceArgument::parse("imaps://anna@host/Old/2004").unwrap();
        assert_eq!(
            (source.folder, source.server.map(|server| server.host)),
            (FolderPath::parse("Old/2004"), Some("host".into()))
        );
        let source = SourceArgument::parse("mbox:/no/such#A").unwrap();
        assert_eq!(
            (source.path, source.folder, source.shape),
            ("/no/such".into(), FolderPath::parse("A"), Some(Shape::Mbox))
        );
    }

    #[test]
    fn the_tree_is_recreated_from_the_chosen_folder_on() {
        let source = local("/x", "A/B");
        assert_eq!(source.below(&FolderPath::parse("A/B/C"), false), FolderPath::parse("B/C"));
        assert_eq!(source.below(&FolderPath::parse("A/B"), true), FolderPath::root());
        assert_eq!(local("/x", "").below(&FolderPath::parse("A/B"), false), FolderPath::parse("A/B"));
    }
}
