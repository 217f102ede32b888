//! Unpacks files and members of archives into a private directory. Used by packed stores.
//!
//! What can not be unpacked is noted, and the rest goes on; only a full disk, a trap or a stop ends it.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::decoder::{Packing, SNIFF, Unpacked};
use super::names;
use super::place::{Place, Written, create};
use crate::store::file;

/// How many members are unpacked; no walk goes through more (`dir`).
const MAX_MEMBERS: usize = 2_000_000;
/// How many notes are kept; the others are counted.
const MAX_NOTES: usize = 100;

/// Something that was not unpacked, or not whole.
#[derive(Clone, Debug)]
pub(super) struct Note {
    /// Which member; empty for the packed file as a whole.
    pub(super) member: PathBuf,
    /// Why.
    pub(super) reason: String,
}

/// An unpacking.
pub(super) struct Unpacking {
    /// Where to.
    pub(super) place: Place,
    notes: Vec<Note>,
    /// How many notes are not kept.
    unnamed: u64,
    /// How many members there were.
    pub(super) members: usize,
    /// The directory of the last member; it is there.
    directory: PathBuf,
}

impl Unpacking {
    /// One into a new directory.
    pub(super) fn into(place: Place) -> Self {
        place.remove_leftovers();
        Self { place, notes: Vec::new(), unnamed: 0, members: 0, directory: PathBuf::new() }
    }

    /// The directory with what was unpacked, and what was not.
    pub(super) fn done(mut self) -> (Place, Vec<Note>) {
        if self.unnamed > 0 {
            let reason = format!("{} members more are not read", self.unnamed);
            self.notes.push(Note { member: PathBuf::new(), reason });
        }
        (self.place, self.notes)
    }

    /// Unpacks the one file that is packed in `file`, to a file of that name. `passed` is told how much of it was read, and
    /// says whether to go on.
    pub(super) fn one(
        &mut self,
        file: File,
        packing: Packing,
        name: &OsStr,
        passed: &mut dyn FnMut(u64) -> bool,
    ) -> io::Result<()> {
        let data = file.metadata()?;
        self.place.check_room(data.len())?;
        let mut source = Unpacked::new(packing, file);
        let path = self.place.content().join(name);
        let mut to = create(&path)?;
        let written = self.place.write(&mut source, &mut to, &mut |source| passed(source.consumed()))?;
        to.set_modified(data.modified()?)?;
        match written.broken {
            None => Ok(()),
            Some(error) if written.bytes == 0 => Err(error),
            Some(error) => {
                self.note(PathBuf::new(), broken(written.bytes, &error));
                Ok(())
            }
        }
    }

    /// Notes what is not read.
    pub(super) fn note(&mut self, member: PathBuf, reason: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(Note { member, reason });
        } else {
            self.unnamed += 1;
        }
    }

    /// Notes that a member is not read.
    pub(super) fn leave_out(&mut self, name: &[u8], reason: &str) {
        let member = match names::path(name) {
            names::Path::Below(path) => path,
            _ => PathBuf::from(String::from_utf8_lossy(name).chars().take(100).collect::<String>()),
        };
        self.note(member, reason.to_owned());
    }

    /// Makes the directory of that name.
    pub(super) fn directory(&mut self, name: &[u8]) -> io::Result<()> {
        match names::path(name) {
            names::Path::Below(path) => self.enter(&path, name).map(|_| ()),
            names::Path::Nothing => Ok(()),
            names::Path::Refused(reason) => {
                self.leave_out(name, reason);
                Ok(())
            }
        }
    }

    /// Makes a directory below the place; if that can not be, the member that wants it is left out.
    fn enter(&mut self, below: &Path, name: &[u8]) -> io::Result<bool> {
        if self.directory == below {
            return Ok(true);
        }
        self.place.take_name()?;
        let make = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(self.place.content().join(path));
        if make(below).is_err() {
            self.leave_out(name, "it is not read: a file stands where its directory would be");
            return Ok(false);
        }
        // Archives may leave out empty directories, and without both of these it is no Maildir.
        if let Some(above) = below.parent().filter(|_| below.ends_with("cur") || below.ends_with("new")) {
            // If that fails, messages are still found, only without their marks.
            let _ = make(&above.join("cur")).and(make(&above.join("new")));
        }
        below.clone_into(&mut self.directory);
        Ok(true)
    }

    /// Where the member of that name is to be written, if it may be.
    pub(super) fn free_path(&mut self, name: &[u8]) -> io::Result<Option<PathBuf>> {
        self.members += 1;
        if self.members > MAX_MEMBERS {
            return Err(io::Error::other(format!(
                "it holds more than {MAX_MEMBERS} files; unpack it and give the directory"
            )));
        }
        let below = match names::path(name) {
            names::Path::Below(below) => below,
            names::Path::Nothing => return Ok(None),
            names::Path::Refused(reason) => {
                self.leave_out(name, reason);
                return Ok(None);
            }
        };
        if !self.enter(below.parent().unwrap_or(Path::new("")), name)? {
            return Ok(None);
        }
        self.place.take_name()?;
        let path = self.place.content().join(&below);
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_dir() => {
                self.note(below, "it is not read: a directory has the same name".to_owned());
                return Ok(None);
            }
            Ok(_) => {
                // As tar and unzip do: what was added later replaces what was there.
                fs::remove_file(&path)?;
                self.note(below, "it is in the archive more than once; the last one is read".to_owned());
            }
            Err(_) => {}
        }
        Ok(Some(path))
    }

    /// Writes the content of a member.
    pub(super) fn content(&mut self, path: &Path, from: &mut dyn Read) -> io::Result<Written> {
        let mut to = create(path)?;
        self.place.write(&mut { from }, &mut to, &mut |_| true)
    }

    /// A file that is the same as one before it: Dovecot copies messages like that.
    pub(super) fn link(&mut self, name: &[u8], to: &[u8]) -> io::Result<()> {
        let target = match names::path(to) {
            names::Path::Below(below) => self.place.content().join(below),
            _ => PathBuf::new(),
        };
        if !fs::symlink_metadata(&target).is_ok_and(|data| data.is_file()) {
            self.leave_out(name, "it is not read: it is the same as a file that is not in the archive before it");
        } else if let Some(path) = self.free_path(name)?
            && fs::hard_link(&target, &path).is_err()
        {
            // A file can not have any number of names.
            fs::copy(&target, &path)?;
        }
        Ok(())
    }

    /// Notes how the writing of a member ended, and gives it its time.
    pub(super) fn finish(
        &mut self,
        path: &Path,
        modified: Option<SystemTime>,
        written: io::Result<Written>,
    ) -> io::Result<()> {
        let below = path.strip_prefix(self.place.content()).unwrap_or(path).to_owned();
        let written = match written {
            Ok(written) => written,
            Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge) => {
                return Err(error);
            }
            // The archive's own error, or a name that the disk does not take.
            Err(error) => Written { bytes: fs::metadata(path).map_or(0, |data| data.len()), broken: Some(error) },
        };
        match written.broken {
            Some(error) if written.bytes == 0 => {
                let _ = fs::remove_file(path); // an empty file says nothing wrong
                self.note(below, format!("it is not read: {}", in_words(&error)));
                return Ok(());
            }
            Some(error) => self.note(below, broken(written.bytes, &error)),
            None => {}
        }
        if let Some(modified) = modified {
            // Only one of several rules for the date needs it.
            let _ = File::options().write(true).open(path).and_then(|file| file.set_modified(modified));
        }
        self.unpack_member(path)
    }

    /// Unpacks a member that is packed by itself (`2004.mbox.gz`); messages in a Maildir have no such endings.
    fn unpack_member(&mut self, path: &Path) -> io::Result<()> {
        let Some(name) = path.file_name().and_then(unpacked_name) else { return Ok(()) };
        let file = file::open_regular(path)?;
        let mut start = [0; SNIFF];
        let read = file.read_at(&mut start, 0)?;
        let Some(packing) = Packing::of(start.get(..read).unwrap_or_default()) else { return Ok(()) };
        let to = path.with_file_name(&name);
        if to.exists() || Path::new(&name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tar")) {
            return Ok(());
        }
        let below = path.strip_prefix(self.place.content()).unwrap_or(path).to_owned();
        let modified = file.metadata()?.modified()?;
        let mut to_file = create(&to)?;
        let written = self.place.write(&mut Unpacked::new(packing, file), &mut to_file, &mut |_| true)?;
        to_file.set_modified(modified)?;
        if let Some(error) = written.broken {
            self.note(below, broken(written.bytes, &error));
        }
        fs::remove_file(path)
    }
}

/// The name of a file without the ending that says how it is packed.
pub(super) fn unpacked_name(name: &OsStr) -> Option<std::ffi::OsString> {
    let path = Path::new(name);
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    let known = ["gz", "gzip", "bz2", "bzip2", "xz", "zst", "zstd"].contains(&ending.as_str());
    known.then(|| path.file_stem().map(OsStr::to_owned)).flatten()
}

fn broken(bytes: u64, error: &io::Error) -> String {
    format!("what is after its first {bytes} bytes could not be read: {}", in_words(error))
}

/// An error of a packed file, in words.
pub(super) fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
        _ => error.to_string(),
    }
}
