//! Local mail that is written to: a [`Deposit`] takes messages into a Maildir tree or into mbox files. Reading is a
//! [`super::Store`]'s.
//!
//! Used by `transfer`, which knows what is there already and what was about to be written when a run broke off. All that
//! is told as kept is durable.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Folder, OpenOptions, Opened, StoreError, maildir, mbox, open_with};
use crate::mail::{Envelope, Flags, FolderPath, InternalDate, Locator};

/// The ways mail is written on disk by this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Shape {
    /// Maildir++: one file a message, folders beside INBOX in directories `.A.B`. Dovecot's and Courier's own form.
    Maildir,
    /// mboxrd: one file a folder; a directory of them in Thunderbird's form (`A`, `A.sbd/B`).
    Mbox,
}

/// A place on disk that mail is written to. There may be nothing yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LocalPlace {
    /// How.
    pub shape: Shape,
    /// Where: a directory, or the one file of an mbox.
    #[serde(with = "super::any_path")]
    pub path: PathBuf,
}

/// The words before a path that say how it is written.
const SHAPES: [(Shape, &str); 2] = [(Shape::Maildir, "maildir"), (Shape::Mbox, "mbox")];
/// Endings of files that are mboxes, there or not.
const MBOX_ENDS: [&str; 2] = [".mbox", ".mbx"];

impl Shape {
    /// The word in commands, JSON and reports.
    pub fn label(self) -> &'static str {
        SHAPES.iter().find(|(shape, _)| *shape == self).map_or("", |(_, word)| word)
    }

    /// The shape that a format's title stands for, if such mail can be written.
    pub fn of_title(title: &str) -> Option<Self> {
        [(Self::Maildir, maildir::FORMAT.title), (Self::Mbox, mbox::FORMAT.title)]
            .into_iter()
            .find_map(|(shape, known)| (known == title).then_some(shape))
    }

    /// The shape that a format's name stands for, if such mail can be written.
    pub fn of_format(name: &str) -> Option<Self> {
        SHAPES.iter().find(|(_, word)| *word == name).map(|(shape, _)| *shape)
    }
}

impl LocalPlace {
    /// Reads `maildir:PATH`, `mbox:PATH`, or a path that shows by itself what is meant: a Maildir or an mbox that is there, or
    /// a name that ends in `.mbox`.
    pub fn parse(text: &str) -> Option<Self> {
        let written = SHAPES.iter().find_map(|(shape, word)| {
            let path = text.strip_prefix(word)?.strip_prefix(':')?;
            Some(Self { shape: *shape, path: path.into() })
        });
        written.or_else(|| Self::found(Path::new(text)))
    }

    /// The same without a look at the disk: a path without a word before it is a Maildir, unless its name says otherwise.
    pub fn guess(text: &str) -> Self {
        let written = SHAPES.iter().find_map(|(shape, word)| {
            let path = text.strip_prefix(word)?.strip_prefix(':')?;
            Some(Self { shape: *shape, path: path.into() })
        });
        let is_mbox = MBOX_ENDS.iter().any(|end| text.ends_with(end));
        let shape = if is_mbox { Shape::Mbox } else { Shape::Maildir };
        written.unwrap_or_else(|| Self { shape, path: text.into() })
    }

    /// What a path by itself shows.
    pub fn found(path: &Path) -> Option<Self> {
        let has_end = || path.to_str().is_some_and(|text| MBOX_ENDS.iter().any(|end| text.ends_with(end)));
        let shape = if path.is_dir() {
            let open = open_with(path, &OpenOptions::default()).ok()?;
            Shape::of_format(open.format().name)?
        } else if path.exists() {
            let open = open_with(path, &OpenOptions::default()).ok()?;
            Shape::of_format(open.format().name).filter(|shape| *shape == Shape::Mbox)?
        } else {
            has_end().then_some(Shape::Mbox)?
        };
        Some(Self { shape, path: path.to_owned() })
    }

    /// The same place, however it is written: what locks and the journal go by.
    pub fn key(&self) -> String {
        let full = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        // What is not there yet has a parent that is.
        let parent = full.parent().and_then(|parent| parent.canonicalize().ok());
        let real = full.canonicalize().ok().or_else(|| Some(parent?.join(full.file_name()?))).unwrap_or(full);
        format!("{}:{}", self.shape.label(), real.display())
    }

    /// The place for people.
    pub fn label(&self) -> String {
        format!("{}:{}", self.shape.label(), self.path.display())
    }

    /// Opens it for writing. Nothing is made yet.
    pub fn deposit(&self) -> Result<Box<dyn Deposit>, StoreError> {
        match self.shape {
            Shape::Maildir => maildir::deposit(&self.path),
            Shape::Mbox => mbox::deposit(&self.path),
        }
    }

    /// Opens what is there for reading.
    pub fn store(&self) -> Opened {
        let format = Some(self.shape.label().to_owned());
        open_with(&self.path, &OpenOptions { format, ..OpenOptions::default() })
    }

    /// Whether it is one file, which holds one folder.
    pub fn is_file(&self) -> bool {
        self.shape == Shape::Mbox && !self.path.is_dir() && !self.path.as_os_str().as_encoded_bytes().ends_with(b"/")
    }
}

/// A message to be kept.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'m> {
    /// Its canonical bytes.
    pub bytes: &'m [u8],
    /// System flags.
    pub flags: Flags,
    /// Keywords.
    pub keywords: &'m [String],
    /// When it arrived; without one it arrives now.
    pub internal_date: Option<InternalDate>,
}

/// Local mail, open for writing; owned by one thread. One writer at a time: the caller sees to that.
pub trait Deposit: Send {
    /// The folders that are there, parents before children, INBOX by that name.
    fn folders(&self) -> Vec<Folder>;

    /// The path with what a name on disk can not hold replaced by `_`.
    fn takeable(&self, folder: &FolderPath) -> FolderPath;

    /// Makes a folder, if it is not there; whether it was made.
    fn make(&mut self, folder: &FolderPath) -> Result<bool, StoreError>;

    /// Removes what a broken run left half written in a folder. To be called before anything in it is read.
    fn mend(&mut self, folder: &FolderPath) -> Result<(), StoreError>;

    /// Hands every message of a folder to `each`, in order.
    fn walk(&mut self, folder: &FolderPath, each: &mut dyn FnMut(Envelope)) -> Result<(), StoreError>;

    /// A message as it is on the disk now: what a list of it would say, and its canonical bytes.
    fn look(&mut self, folder: &FolderPath, locator: &Locator) -> Result<(Envelope, Vec<u8>), StoreError>;

    /// Keeps messages: durable, each in full or not at all. One result a message, in order.
    fn keep(&mut self, folder: &FolderPath, letters: &[Letter<'_>]) -> Vec<Result<Locator, StoreError>>;

    /// Sets the flags of a message to these, if the form allows that.
    fn flag(
        &mut self,
        folder: &FolderPath,
        locator: &Locator,
        flags: Flags,
        keywords: &[String],
    ) -> Result<(), StoreError>;

    /// Renames a folder and what is below it.
    fn rename(&mut self, from: &FolderPath, to: &FolderPath) -> Result<(), StoreError>;

    /// Puts a folder away, in `.mailferry-moved` beside the mail.
    fn discard(&mut self, folder: &FolderPath) -> Result<(), StoreError>;
}

/// `bytes` with lines that end in LF, if reading gives the same message back; else as they are.
pub(super) fn to_lf(bytes: &[u8]) -> Vec<u8> {
    use crate::mail::canonical::{BareCr, to_crlf};
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, b"\r\n") {
        let (line, after) = rest.split_at(at);
        out.extend_from_slice(line);
        out.push(b'\n');
        rest = after.get(2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    if to_crlf(&out, BareCr::of(&out)) == bytes { out } else { bytes.to_vec() }
}

/// The same failure for each of several messages.
pub(super) fn fail_all(messages: usize, error: &StoreError, path: &Path) -> Vec<Result<Locator, StoreError>> {
    (0..messages).map(|_| Err(again(error, path))).collect()
}

/// The same failure once more: what the system said can not be copied.
pub(super) fn again(error: &StoreError, path: &Path) -> StoreError {
    match error {
        StoreError::Write { path, source } => {
            let code = source.raw_os_error().map(io::Error::from_raw_os_error);
            StoreError::write(path, code.unwrap_or_else(|| io::Error::new(source.kind(), source.to_string())))
        }
        StoreError::Locked { path } => StoreError::Locked { path: path.clone() },
        other => StoreError::write(path, io::Error::other(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_by_its_word_or_shows_itself() {
        let directory = tempfile::tempdir().unwrap();
        let parse = |text: &str| LocalPlace::parse(text).map(|place| (place.shape, place.path));
        assert_eq!(parse("maildir:/x y"), Some((Shape::Maildir, "/x y".into())));
        assert_eq!(parse("mbox:a/"), Some((Shape::Mbox, "a/".into())));
        assert_eq!(parse("/no/such/file.mbox"), Some((Shape::Mbox, "/no/such/file.mbox".into())));
        assert_eq!(parse("/no/such/directory"), None);
        let maildir = directory.path().join("m");
        for part in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(maildir.join(part)).unwrap();
        }
        assert_eq!(LocalPlace::found(&maildir).map(|place| place.shape), Some(Shape::Maildir));
        let mbox = directory.path().join("mail");
        std::fs::write(&mbox, "From a@b Thu Jan  1 00:00:00 2004\nSubject: x\n\nx\n\n").unwrap();
        assert_eq!(LocalPlace::found(&mbox).map(|place| place.shape), Some(Shape::Mbox));
        let other = directory.path().join("text");
        std::fs::write(&other, "no mail").unwrap();
        assert_eq!(LocalPlace::found(&other), None);
    }

    #[test]
    fn lines_end_in_lf_where_that_can_be_undone() {
        assert_eq!(to_lf(b"a\r\nb\r\n"), b"a\nb\n");
        assert_eq!(to_lf(b"a\r\r\nb\r\n"), b"a\r\r\nb\r\n");
    }
}
