//! What kinds of mail a directory holds, found in one walk through it. Used to open directories, and to show what was seen.
//!
//! Reads the start of each file once and nothing outside the directory: links that lead out of it are not followed. Where
//! there is one kind of mail only, the directory is a store of that format. Else each kind is a store at the deepest
//! directory that holds all of it, and all are shown as one.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::company::{Company, Owners, is_within};
use super::dir::{self, Entry, Kind, Walker};
use super::joined::Joined;
use super::spot::Spot;
use super::{FORMATS, Format, OpenOptions, Opened, Walk, cached, eml, mh, packed, unread};
use crate::mail::FolderPath;

/// What a directory with several stores goes by.
static SEVERAL: Format = Format {
    name: "several",
    title: "several kinds",
    sign: |_| None,
    covers: &[],
    stands_alone: false,
    open: super::open_with,
};

/// How many entries pass between two reports.
const REPORT_EVERY: u64 = 500;
/// Directories that hold no mail, but often very many files.
const CLOSED: [&str; 10] =
    [".cache", ".cargo", ".git", ".hg", ".npm", ".rustup", ".svn", "__pycache__", "node_modules", "site-packages"];
/// Endings of files that are no mail, whatever they hold. Office files are compound files, as Outlook's messages are.
const NO_MAIL: [&str; 43] = [
    "7z", "a", "apk", "avi", "bin", "bmp", "class", "css", "deb", "dll", "doc", "docx", "epub", "exe", "gif", "h",
    "ico", "iso", "jar", "jpeg", "jpg", "js", "m4a", "mkv", "mov", "mp3", "mp4", "o", "odt", "pdf", "png", "ppt",
    "pptx", "pyc", "rs", "so", "svg", "tif", "wav", "webp", "wmv", "xls", "xlsx",
];
/// Parts of a path that say nothing about what lies below them, in lower case.
const SILENT: [&str; 17] = [
    ".config",
    ".local",
    ".var",
    "app",
    "appdata",
    "application data",
    "application support",
    "data",
    "documents and settings",
    "library",
    "local",
    "local settings",
    "microsoft",
    "profiles",
    "roaming",
    "share",
    "users",
];

/// A store that was come across.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Where it is.
    pub path: PathBuf,
    /// The folder that its top stands for among the others.
    pub at: FolderPath,
    /// How it is written.
    pub format: &'static str,
    /// The same in words for people.
    pub title: &'static str,
    /// What showed it: a path, and what is the matter with it.
    pub evidence: String,
}

/// How far a survey is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Files and directories that were looked at.
    pub entries: u64,
    /// Those among them that are mail.
    pub mail: u64,
}

/// What a directory holds.
pub struct Survey {
    root: PathBuf,
    stores: Vec<(Sighting, &'static Format)>,
    owners: Arc<Owners>,
    /// What was not looked at, and why.
    pub unseen: Vec<(PathBuf, String)>,
}

impl Survey {
    /// Looks through the directory at `root`. `progress` is told how far it is and may stop it.
    pub fn of(root: &Path, progress: &mut dyn FnMut(Looked) -> Walk) -> io::Result<Self> {
        let owners = Owners { root: root.canonicalize()?, formats: HashMap::new() };
        let mut walk = Looking {
            owners,
            walker: Walker::beside(&Company::default()),
            looked: Looked::default(),
            unseen: Vec::new(),
            progress,
            alone: Vec::new(),
            regions: Vec::new(),
        };
        let mut region = Region::default();
        if let Some(Sign { format, evidence }) = Sign::of(&Spot::given(root)) {
            region.take(root, root, format, evidence);
        } else {
            let entries = walk.walker.enter(root, 0)?;
            if walk.directory(&mut region, root, &entries, 0).is_break() {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        let Looking { owners, unseen, alone, regions, .. } = walk;
        Ok(Self {
            root: root.to_owned(),
            stores: stores(root, region, regions, alone),
            owners: Arc::new(owners),
            unseen,
        })
    }

    /// One store, of a format that was said or seen.
    pub(super) fn of_one(path: &Path, format: &'static Format, evidence: &str) -> Self {
        let owners = Owners { root: path.to_owned(), formats: HashMap::new() };
        let stores = vec![sighting(path, path.to_owned(), format, format!("{} {evidence}", path.display()))];
        Self { root: path.to_owned(), stores, owners: Arc::new(owners), unseen: Vec::new() }
    }

    /// The stores that were found.
    pub fn sightings(&self) -> impl Iterator<Item = &Sighting> {
        self.stores.iter().map(|(sighting, _)| sighting)
    }

    /// Whether no store was found.
    pub(super) fn is_empty(&self) -> bool {
        self.stores.is_empty()
    }

    /// Opens what was found, as one store.
    pub fn open(&self, options: &OpenOptions) -> Opened {
        if let [(sighting, format)] = self.stores.as_slice() {
            return (format.open)(&sighting.path, options).map(|store| cached::wrap(store, &sighting.path, options));
        }
        let mut joined = Joined::new(&self.root, &SEVERAL);
        for (sighting, format) in &self.stores {
            let company = Company::of(&self.owners, format.name);
            match (format.open)(&sighting.path, &OpenOptions { company, ..options.clone() }) {
                Ok(store) => {
                    let store = cached::wrap(store, &sighting.path, options);
                    if format.stands_alone {
                        joined.add(&sighting.at, store);
                    } else {
                        joined.add_beside(&sighting.at, store);
                    }
                }
                Err(error) => joined.skip(&sighting.path, format!("{} is not read: {error}", sighting.title)),
            }
        }
        joined.boxed()
    }
}

/// What shows a format.
struct Sign {
    format: &'static Format,
    evidence: &'static str,
}

impl Sign {
    fn of(spot: &Spot<'_>) -> Option<Self> {
        FORMATS.iter().find_map(|format| Some(Self { format, evidence: (format.sign)(spot)? }))
    }
}

/// A part of the tree whose mail may be one store: all but what is hidden.
#[derive(Default)]
struct Region {
    kinds: BTreeMap<usize, Kinship>,
}

/// All mail of one format in a region.
struct Kinship {
    format: &'static Format,
    /// The deepest directory that holds all of it.
    top: PathBuf,
    evidence: String,
}

impl Region {
    /// Takes something that shows `format` and lies in `dir`.
    fn take(&mut self, dir: &Path, path: &Path, format: &'static Format, evidence: &str) {
        let rank = FORMATS.iter().position(|known| known.name == format.name).unwrap_or(FORMATS.len());
        let kinship = self.kinds.entry(rank).or_insert_with(|| Kinship {
            format,
            top: dir.to_owned(),
            evidence: format!("{} {evidence}", path.display()),
        });
        while !dir.starts_with(&kinship.top) && kinship.top.pop() {}
    }

    /// The kinds of mail; those that lie in one tree start at the same directory, so that their folders are named alike.
    fn shared(self) -> Vec<Kinship> {
        let tops: Vec<_> = self.kinds.values().map(|found| found.top.clone()).collect();
        let highest = |below: &Path| {
            let above = tops.iter().filter(|top| below.starts_with(top)).min_by_key(|top| top.components().count());
            above.cloned().unwrap_or_default()
        };
        self.kinds.into_values().map(|found| Kinship { top: highest(&found.top), ..found }).collect()
    }
}

/// A survey under way.
struct Looking<'a> {
    owners: Owners,
    walker: Walker,
    looked: Looked,
    unseen: Vec<(PathBuf, String)>,
    progress: &'a mut dyn FnMut(Looked) -> Walk,
    /// Stores by themselves.
    alone: Vec<(PathBuf, Sign)>,
    /// Hidden directories with mail.
    regions: Vec<Region>,
}

impl Looking<'_> {
    /// Looks through one directory and those in it.
    fn directory(&mut self, region: &mut Region, dir: &Path, entries: &[Entry], depth: usize) -> Walk {
        self.files(region, dir, entries);
        let unread = unread::directory(dir, entries.iter().filter_map(|entry| entry.name.to_str()));
        self.unseen.extend(unread.filter(|unread| !self.unseen.contains(unread)));
        let has_messages = entries.iter().any(|entry| entry.name == "Messages");
        for entry in entries {
            self.looked.entries += 1;
            if self.looked.entries.is_multiple_of(REPORT_EVERY) {
                (self.progress)(self.looked)?;
            }
            let name = entry.text();
            // Apple Mail keeps attachments beside the messages that they belong to.
            let is_closed = CLOSED.contains(&name.as_str()) || (has_messages && name == "Attachments");
            if entry.kind == Kind::Directory && !is_closed {
                self.inner(region, entry, depth + 1)?;
            }
        }
        Walk::Continue(())
    }

    /// Looks through a directory in another one.
    fn inner(&mut self, region: &mut Region, entry: &Entry, depth: usize) -> Walk {
        if entry.is_link && !is_within(&entry.path, &self.owners.root) {
            self.unseen.push((entry.path.clone(), "a link that leads elsewhere; give its own path".to_owned()));
            return Walk::Continue(());
        }
        if let Some(sign) = Sign::of(&Spot::found(entry)) {
            self.looked.mail += 1;
            self.owners.formats.insert(entry.path.clone(), sign.format.name);
            if sign.format.stands_alone {
                self.alone.push((entry.path.clone(), sign));
            } else {
                region.take(&entry.path, &entry.path, sign.format, sign.evidence);
            }
            return Walk::Continue(());
        }
        let entries = match self.walker.enter(&entry.path, depth) {
            Ok(entries) => entries,
            Err(error) => {
                self.unseen.push((entry.path.clone(), error.to_string()));
                return Walk::Continue(());
            }
        };
        let name = entry.text();
        // What KMail hides belongs to the folder beside it.
        if !name.starts_with('.') || name.ends_with(".directory") {
            return self.directory(region, &entry.path, &entries, depth);
        }
        let mut own = Region::default();
        let walk = self.directory(&mut own, &entry.path, &entries, depth);
        self.regions.push(own);
        walk
    }

    /// Judges the files of one directory.
    fn files(&mut self, region: &mut Region, dir: &Path, entries: &[Entry]) {
        let may_be_mail = |entry: &&Entry| entry.kind == Kind::File && !is_no_mail(&entry.path);
        let mut found = Vec::new();
        for entry in entries.iter().filter(may_be_mail) {
            if entry.is_link && !is_within(&entry.path, &self.owners.root) {
                continue;
            }
            let spot = Spot::found(entry);
            match Sign::of(&spot) {
                Some(sign) => found.push((entry, sign)),
                None => self.unseen.extend(unread::mail(&spot).map(|reason| (entry.path.clone(), reason))),
            }
        }
        // An ending says more than a number, but less than a file of MH itself.
        let is_mh = |sign: &Sign| sign.format.name == mh::FORMAT.name && sign.evidence != mh::NUMBERED;
        if found.iter().any(|(entry, _)| eml::says_message(&entry.path)) && !found.iter().any(|(_, sign)| is_mh(sign)) {
            for (_, sign) in found.iter_mut().filter(|(_, sign)| sign.evidence == mh::NUMBERED) {
                sign.format = &eml::FORMAT;
            }
        }
        for (entry, sign) in &found {
            self.looked.mail += 1;
            let cover =
                found.iter().map(|(_, other)| other.format).find(|other| other.covers.contains(&sign.format.name));
            let format = cover.unwrap_or(sign.format);
            self.owners.formats.insert(entry.path.clone(), format.name);
            if format.stands_alone {
                self.alone.push((entry.path.clone(), Sign { format, evidence: sign.evidence }));
            } else if cover.is_none() {
                region.take(dir, &entry.path, format, sign.evidence);
            }
        }
    }
}

/// Whether a file's name says that it is no mail.
fn is_no_mail(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    NO_MAIL.binary_search(&ending.as_str()).is_ok()
}

/// The stores that the finds make.
fn stores(
    root: &Path,
    region: Region,
    hidden: Vec<Region>,
    alone: Vec<(PathBuf, Sign)>,
) -> Vec<(Sighting, &'static Format)> {
    let regions = std::iter::once(region).chain(hidden);
    let mut tops: Vec<_> = regions.flat_map(Region::shared).collect();
    let is_one_tree = tops.windows(2).all(|pair| matches!(pair, [one, other] if one.top == other.top));
    if is_one_tree && alone.is_empty() && tops.first().is_some_and(|found| !has_hidden(root, &found.top)) {
        for found in &mut tops {
            root.clone_into(&mut found.top);
        }
    }
    let tops = tops.into_iter().map(|found| (found.top, found.format, found.evidence));
    let alone = alone.into_iter().map(|(path, Sign { format, evidence })| {
        let evidence = format!("{} {evidence}", path.display());
        (path, format, evidence)
    });
    let mut all: Vec<_> = tops.chain(alone).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all.into_iter().map(|(path, format, evidence)| sighting(root, path, format, evidence)).collect()
}

fn sighting(root: &Path, path: PathBuf, format: &'static Format, evidence: String) -> (Sighting, &'static Format) {
    let at = shown(root, &path, path != root && path.is_file());
    (Sighting { path, at, format: format.name, title: format.title, evidence }, format)
}

fn has_hidden(root: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name.starts_with('.') && !name.ends_with(".directory")
    })
}

/// The folder that the store at `path` is shown as: its path below `root` without what says nothing.
fn shown(root: &Path, path: &Path, is_file: bool) -> FolderPath {
    let below = path.strip_prefix(root).unwrap_or(path);
    let stem = packed::stem(below).filter(|_| is_file);
    let below = stem.map_or_else(|| below.to_owned(), |stem| below.with_file_name(stem));
    let names = below.components().map(|part| dir::folder_name(&part.as_os_str().to_string_lossy()));
    let telling = names.filter(|name| !SILENT.contains(&name.to_lowercase().as_str()));
    FolderPath::new(telling.map(|name| name.trim_start_matches('.').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_are_searched_are_sorted() {
        assert!(NO_MAIL.is_sorted());
    }

    #[test]
    fn a_place_is_shown_without_what_says_nothing() {
        for (path, shown_as) in [
            ("/d/Users/anna/AppData/Roaming/Thunderbird/Profiles/x.default", "anna/Thunderbird/x.default"),
            ("/d/.thunderbird/x.default", "thunderbird/x.default"),
            ("/d", ""),
        ] {
            assert_eq!(shown(Path::new("/d"), Path::new(path), false).to_string(), shown_as);
        }
        assert_eq!(shown(Path::new("/d"), Path::new("/d/Documents/old.pst"), true).to_string(), "Documents/old");
    }
}
