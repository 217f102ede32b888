//! Unpacks zip and tar archives, member by member. Used by packed stores.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::decoder::{self, Packing, Unpacked};
use super::tar::{self, Tar};
use super::unpack::{Unpacking, in_words};
use crate::store::archive::Archive;
use crate::store::mbox::long;

impl Unpacking {
    /// Unpacks the zip archive at `path`.
    pub(super) fn zip(&mut self, path: &Path) -> io::Result<()> {
        let mut archive = Archive::open(path)?;
        let mut budget = decoder::budget(fs::metadata(path)?.len());
        let all: Vec<_> = (0..archive.names().len()).map(|number| archive.facts(number)).collect();
        let told = all
            .iter()
            .flatten()
            .filter(|facts| !facts.is_encrypted)
            .fold(0_u64, |all, facts| all.saturating_add(facts.size));
        if told > budget {
            return Err(decoder::too_good());
        }
        self.place.check_room(told)?;
        for (number, facts) in all.into_iter().enumerate() {
            let facts = match facts {
                Ok(facts) => facts,
                Err(error) => {
                    self.note(PathBuf::new(), format!("member {number} is not read: {error}"));
                    continue;
                }
            };
            let name = facts.name.as_bytes();
            if facts.is_directory {
                self.directory(name)?;
            } else if facts.is_link {
                self.leave_out(name, "a symbolic link is not read");
            } else if facts.is_encrypted {
                self.leave_out(name, "it is encrypted; unpack the archive with its password and give the directory");
            } else if let Some(path) = self.free_path(name)? {
                let written =
                    archive.with(number, |member| self.content(&path, &mut Within { member, left: &mut budget }));
                self.finish(&path, facts.modified, written)?;
            }
        }
        Ok(())
    }

    /// Unpacks the tar archive in `file`, which may be packed as a whole.
    pub(super) fn tar(&mut self, file: File, packing: Option<Packing>) -> io::Result<()> {
        self.place.check_room(file.metadata()?.len())?;
        let source: Box<dyn Read + Send> = match packing {
            Some(packing) => Box::new(Unpacked::new(packing, file)),
            None => Box::new(BufReader::new(file)),
        };
        let mut tar = Tar::new(source);
        loop {
            let member = match tar.next() {
                Ok(Some(member)) => member,
                Ok(None) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Err(error),
                Err(error) => {
                    let error = in_words(&error);
                    self.note(PathBuf::new(), format!("{error}; {} members before that place are read", self.members));
                    return Ok(());
                }
            };
            let name = member.name.as_slice();
            match member.kind {
                tar::Kind::Directory => self.directory(name)?,
                tar::Kind::Other(what) => self.leave_out(name, &format!("{what} is not read")),
                tar::Kind::HardLink(to) => self.link(name, &to)?,
                tar::Kind::File => {
                    if let Some(path) = self.free_path(name)? {
                        let written = self.content(&path, &mut tar);
                        self.finish(&path, member.modified, written)?;
                    }
                }
            }
        }
    }
}

/// A member of an archive, of which no more is read than all members together may hold.
struct Within<'a> {
    member: &'a mut dyn Read,
    left: &'a mut u64,
}

impl Read for Within<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.member.read(into)?;
        *self.left = self.left.checked_sub(long(read)).ok_or_else(decoder::too_good)?;
        Ok(read)
    }
}
