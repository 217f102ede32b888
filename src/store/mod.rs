//! Places on disk that hold mail. Reads them without touching anything; removes only what it is told to.
//!
//! A format is one file and one row in [`FORMATS`]. Everything else sees a [`Store`].

mod ahead;
mod archive;
mod babyl;
mod boxes;
mod bytes;
mod cached;
mod code_page;
mod company;
mod container;
mod cyrus;
mod dbx;
mod deposit;
mod describe;
mod detect;
mod dir;
mod doubts;
mod eml;
mod emlx;
mod error;
mod eudora;
mod evolution;
mod file;
mod files;
mod foxmail;
mod guard;
mod joined;
mod kmail;
mod large;
mod livemail;
mod maildir;
mod mapi;
mod mbox;
mod mh;
mod mime;
mod mmdf;
mod moved;
mod msg;
mod oe4;
mod oe_mac;
mod oe_mac5;
mod olm;
mod opera;
mod options;
mod packed;
mod pages;
mod pegasus;
mod pst;
mod recovered;
mod spot;
mod stamp;
mod survey;
mod thebat;
mod thunderbird;
mod tree;
mod unread;

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::mail::units::thousands;
use crate::mail::{Digest, Envelope, FolderPath, Locator, SpecialUse};

pub use company::Company;
pub use deposit::{Deposit, Letter, LocalPlace, Shape};
pub use detect::{open, open_with, survey};
pub use doubts::{Doubt, Examined, Examiner};
pub use error::StoreError;
pub use large::{LARGE, Large};
pub use options::{Choice, CodePage, Labels, OpenOptions};
pub use spot::Spot;
pub use stamp::Stamp;
pub use survey::{Looked, Sighting, Survey};

/// What opening gives.
pub type Opened = Result<Box<dyn Store>, StoreError>;

/// A way mail is written on disk.
pub struct Format {
    /// The name in `--format`, JSON and reports.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// Whether a path by itself shows this format: a file by its content, a directory by its own entries. `Some` with the
    /// evidence in words ("starts with a \"From \" line").
    pub sign: fn(&Spot<'_>) -> Option<&'static str>,
    /// Formats whose files in the same directory belong to this one.
    pub covers: &'static [&'static str],
    /// Whether what shows the format is a store by itself, and not a part of the tree that it lies in.
    pub stands_alone: bool,
    /// Opens a path that is known, or said, to hold this format.
    pub open: fn(&Path, &OpenOptions) -> Opened,
}

impl Format {
    /// Whether the time of a file is when its message came, and no last resort.
    pub fn dates_by_file(&self) -> bool {
        self.name == maildir::FORMAT.name
    }
}

/// Every format there is, in the order they are tried (facts/formats.md 1.14).
pub static FORMATS: &[&Format] = &[
    &dbx::FORMAT,
    &oe4::FORMAT,
    &oe_mac::FORMAT,
    &oe_mac5::FORMAT,
    &thunderbird::FORMAT, // before Maildir and mbox, in which a profile keeps its accounts
    &maildir::FORMAT,
    &emlx::FORMAT,
    &pegasus::FORMAT,
    &opera::FORMAT,  // before mbox, which would make a folder of each day
    &eudora::FORMAT, // before mbox, which would read what was deleted too
    &mbox::FORMAT,
    &babyl::FORMAT,
    &thebat::FORMAT,
    &foxmail::FORMAT,
    &mmdf::FORMAT,
    &mh::FORMAT,
    &cyrus::FORMAT,
    &eml::FORMAT,
    &msg::FORMAT,
    &pst::FORMAT,
    &olm::FORMAT,
    &packed::COMPRESSED,
    &packed::ARCHIVE, // after OLM, which is a zip archive too
];

/// One folder of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Where it is in the tree; the top itself is a folder too when it holds messages.
    pub path: FolderPath,
    /// What it is for, when the store says so or its name does.
    pub special: Option<SpecialUse>,
    /// Whether it can hold messages, or is only there for its children.
    pub holds_messages: bool,
}

/// What a walk through a folder comes across.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// A message that would be carried.
    Message(Envelope),
    /// A message that is there but not carried.
    Hidden(Hidden),
    /// Something that could not be read. The walk goes on.
    Damage(Damage),
    /// How far the walk is.
    Progress {
        /// Bytes (one-file stores) or files (directories) passed.
        done: u64,
        /// Bytes or files in all.
        total: u64,
    },
}

/// Why a message is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hidden {
    /// Deleted by its client but not yet removed from the file.
    Expunged,
    /// Not a message: the store's own bookkeeping in the form of one.
    Pseudo,
    /// A contact, an appointment, a task or the like, which programs keep beside mail.
    NotMail,
}

impl Hidden {
    /// The words in JSON and on the screen, after a number of messages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Expunged => "deleted",
            Self::Pseudo => "of the store's own bookkeeping",
            Self::NotMail => "not mail",
        }
    }
}

/// Something in a store that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// The file it is in.
    pub file: PathBuf,
    /// Where in the file, in bytes.
    pub offset: u64,
    /// What is wrong, in words.
    pub reason: String,
}

impl fmt::Display for Damage {
    /// The file, the place in it unless it is the file as a whole, and the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.offset > 0 {
            write!(f, " at byte {}", thousands(self.offset))?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// How many messages a folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Messages that would be carried.
    pub messages: u64,
    /// Their size in bytes, as far as it is known without reading them.
    pub bytes: u64,
}

/// One message that a move has proven on the server and now takes out of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Which message.
    pub locator: Locator,
    /// The digest of the bytes that were sent; a message that no longer has it stays.
    pub digest: Digest,
}

/// What a visitor answers to go on or to stop a walk.
pub type Walk = ControlFlow<()>;

/// A place on disk that holds mail, opened for reading.
///
/// All calls may be slow; none is made on the thread that draws. A store is owned by one thread, and several stores may
/// be open on one path.
pub trait Store: Send {
    /// How it is written.
    fn format(&self) -> &'static Format;

    /// How one of its folders is written, where they differ.
    fn format_of(&self, _folder: &FolderPath) -> &'static Format {
        self.format()
    }

    /// The path it was opened on.
    fn root(&self) -> &Path;

    /// The folder tree, parents before children, in the order a person would expect.
    fn folders(&mut self) -> Result<Vec<Folder>, StoreError>;

    /// Walks the messages of `folder` in the store's order and hands each thing found to `visit`. Holds no bodies.
    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError>;

    /// As [`Self::list`], for carrying: sender, subject, Message-ID and warnings may be missing where they cost a reading.
    fn outline(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        self.list(folder, visit)
    }

    /// How many messages `folder` holds, by the cheapest way there is.
    fn count(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        let mut count = Count::default();
        self.list(folder, &mut |found| match found {
            Found::Message(envelope) => {
                count.messages += 1;
                count.bytes += envelope.size;
                Walk::Continue(())
            }
            other => visit(other),
        })?;
        Ok(count)
    }

    /// What a list of `folder` depends on, as that is now: while it stays the same, so does the list. `None` where that
    /// can not be told cheaply; then no list is ever kept.
    fn stamp(&mut self, folder: &FolderPath) -> Result<Option<Stamp>, StoreError> {
        let _ = folder;
        Ok(None)
    }

    /// The exact bytes of a message as they would be appended: unquoted, without the store's bookkeeping headers, every
    /// line ended by CRLF. Fails with [`StoreError::Vanished`] when it is no longer there.
    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError>;

    /// A message of at least [`LARGE`] bytes opened to be read in pieces: the bytes that [`Self::read`] gives. `None` where it
    /// must be held in memory.
    fn large(&mut self, _folder: &FolderPath, _locator: &Locator) -> Result<Option<Large>, StoreError> {
        Ok(None)
    }

    /// These messages of `folder` will be read next, in this order: a store that is far away fetches ahead.
    fn expect(&mut self, _folder: &FolderPath, _locators: &[&Locator]) {}

    /// Why nothing more can be read at all, if that is so: the server that it is on is lost.
    fn lost(&self) -> Option<String> {
        None
    }

    /// The number of the line that a message starts with, where its file has lines (mbox).
    fn line(&mut self, _folder: &FolderPath, _locator: &Locator) -> Option<u64> {
        None
    }

    /// Checks that messages could be taken out of `folder` now, before a move starts. A lock that another program holds is
    /// not waited for, here and in [`Store::remove`]: that is [`StoreError::Locked`].
    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError>;

    /// Whether every removal rewrites a whole file, so that all of a folder's are better made at once.
    fn rewrites_whole_files(&self) -> bool {
        false
    }

    /// Takes messages out of the store: renamed into `.mailferry-moved` beside it, or the file rewritten safely.
    ///
    /// Each message is read again under lock and stays if it no longer has its digest. Gives one result per removal, in
    /// order; an error for the whole call means that nothing was removed.
    fn remove(&mut self, folder: &FolderPath, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError>;
}

/// Paths as bytes, since serde refuses those that are not UTF-8.
pub mod any_path {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    use std::path::{Path, PathBuf};

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    /// Writes the bytes.
    pub fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().as_bytes().serialize(to)
    }

    /// Reads the bytes.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(OsString::from_vec(Vec::deserialize(from)?).into())
    }
}

/// The name of a store's file without its endings: `archive` for `archive.mbox.gz`.
pub fn stem(path: &Path) -> Option<String> {
    packed::stem(path)
}
