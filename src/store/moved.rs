//! Takes message files out of a store by renaming them into `.mailferry-moved` beside it. Used by Maildir and eml.
//!
//! Nothing is deleted and nothing is overwritten: undoing a move is renaming the files back.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::StoreError;
use super::dir::MOVED;

/// How many files of one name are kept side by side.
const MAX_SAME_NAME: u32 = 10_000;

/// A store's place for messages that were moved away, and the directories that changed.
#[derive(Debug)]
pub(super) struct Moved {
    root: PathBuf,
    beside: PathBuf,
    touched: BTreeSet<PathBuf>,
}

impl Moved {
    /// The place for the store at `root`.
    pub(super) fn beside(root: &Path) -> Result<Self, StoreError> {
        let real = fs::canonicalize(root).map_err(|source| StoreError::read(root, source))?;
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(StoreError::write(
                root,
                io::Error::other("there is no directory above it to move messages to"),
            ));
        };
        Ok(Self { root: root.to_owned(), beside: parent.join(MOVED).join(name), touched: BTreeSet::new() })
    }

    /// Checks that files in `dirs` could be renamed to here.
    pub(super) fn check<'a>(&self, dirs: impl IntoIterator<Item = &'a Path>) -> Result<(), StoreError> {
        let nearest = self.beside.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("/"));
        let device = writable(nearest)?;
        for dir in dirs {
            if writable(dir)? != device {
                let reason = format!("{} is on another file system", nearest.display());
                return Err(StoreError::write(dir, io::Error::new(io::ErrorKind::CrossesDevices, reason)));
            }
        }
        Ok(())
    }

    /// Renames `file`, which lies in the store, to its place here.
    pub(super) fn take(&mut self, file: &Path) -> Result<(), StoreError> {
        self.rename(file).map_err(|source| StoreError::write(file, source))
    }

    /// Renames `directory`, which lies in the store, to a place here that is not taken.
    pub(super) fn take_directory(&mut self, directory: &Path) -> Result<(), StoreError> {
        let refused = |source| StoreError::write(directory, source);
        let within = directory.strip_prefix(&self.root).map_err(|error| refused(io::Error::other(error)))?;
        let wanted = self.beside.join(within);
        let above = wanted.parent().unwrap_or(&self.beside).to_owned();
        fs::create_dir_all(&above).map_err(refused)?;
        let numbered = |number: u32| {
            let mut name = wanted.as_os_str().to_owned();
            if number > 0 {
                name.push(format!(".{number}"));
            }
            PathBuf::from(name)
        };
        let free = (0..MAX_SAME_NAME).map(numbered).find(|path| fs::symlink_metadata(path).is_err());
        let free = free.ok_or_else(|| refused(io::ErrorKind::AlreadyExists.into()))?;
        fs::rename(directory, free).map_err(refused)?;
        self.touched.insert(above);
        self.touched.extend(directory.parent().map(Path::to_owned));
        Ok(())
    }

    fn rename(&mut self, file: &Path) -> io::Result<()> {
        let within = file.strip_prefix(&self.root).map_err(io::Error::other)?;
        let wanted = if within.as_os_str().is_empty() { self.beside.clone() } else { self.beside.join(within) };
        let dir = wanted.parent().unwrap_or(&self.beside).to_owned();
        fs::create_dir_all(&dir)?;
        let target = reserve(&wanted)?;
        if let Err(error) = fs::rename(file, &target) {
            let _ = fs::remove_file(&target); // the empty file that held the name
            return Err(error);
        }
        self.touched.insert(dir);
        self.touched.extend(file.parent().map(Path::to_owned));
        Ok(())
    }

    /// Makes the renames last through a power cut. Where that fails they are done all the same, and a power cut at worst
    /// brings a file back to where it was.
    pub(super) fn sync(&self) {
        for dir in &self.touched {
            let _ = File::open(dir).and_then(|dir| dir.sync_all());
        }
    }
}

/// Takes a free name by creating an empty file; renaming onto that can not overwrite anything else.
fn reserve(wanted: &Path) -> io::Result<PathBuf> {
    for number in 0..MAX_SAME_NAME {
        let mut name = wanted.as_os_str().to_owned();
        if number > 0 {
            name.push(format!(".{number}"));
        }
        match File::create_new(&name) {
            Ok(_) => return Ok(name.into()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many files of this name were moved before"))
}

/// The device of a directory in which names may be made and removed.
fn writable(dir: &Path) -> Result<u64, StoreError> {
    rustix::fs::access(dir, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(io::Error::from)
        .and_then(|()| fs::metadata(dir))
        .map(|data| data.dev())
        .map_err(|source| StoreError::write(dir, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_same_name_is_kept_beside() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        for text in ["one", "two"] {
            fs::create_dir_all(root.join("cur")).unwrap();
            fs::write(root.join("cur/m"), text).unwrap();
            let mut moved = Moved::beside(&root).unwrap();
            moved.check([root.join("cur").as_path()]).unwrap();
            moved.take(&root.join("cur/m")).unwrap();
            moved.sync();
        }
        let kept = dir.path().join(".mailferry-moved/store/cur");
        assert_eq!(fs::read_to_string(kept.join("m")).unwrap(), "one");
        assert_eq!(fs::read_to_string(kept.join("m.1")).unwrap(), "two");
        assert!(!root.join("cur/m").exists());
    }
}
