//! Saves messages that were not carried, as .eml files, where the user asks for it.

use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::mail::FolderPath;

/// The longest name that is made of a message's id or a folder's.
const LONGEST: usize = 120;
/// The most messages of one name.
const MOST: usize = 100_000;

/// Saves a message below `directory`, in a directory of its folder's name, readable by the user alone. Gives where.
///
/// A file has its name only once it is whole. The same message saved before is left as it is; another one of its name, from
/// another store or of another day, gets a number.
pub(super) fn save(
    directory: &Path,
    folder: &FolderPath,
    id: &str,
    pieces: impl Iterator<Item = io::Result<impl AsRef<[u8]>>>,
) -> io::Result<PathBuf> {
    let mut home = directory.to_owned();
    home.extend(folder.segments().iter().map(|segment| tame(segment)));
    DirBuilder::new().recursive(true).mode(0o700).create(&home)?;
    let mut file = NamedTempFile::with_prefix_in(".mailferry-", &home)?; // for the user alone
    for piece in pieces {
        file.write_all(piece?.as_ref())?;
    }
    file.as_file().sync_all()?;
    for number in 1..=MOST {
        let name = if number > 1 { format!("{} ({number}).eml", tame(id)) } else { tame(id) + ".eml" };
        let path = home.join(name);
        if path.symlink_metadata().is_ok() {
            if is_same(file.path(), &path) {
                return Ok(path);
            }
            continue;
        }
        match file.persist_noclobber(&path) {
            Ok(_) => {
                // The name is to last through a power cut; where that can not be had, the file is there all the same.
                let _ = File::open(&home).and_then(|home| home.sync_all());
                return Ok(path);
            }
            // Another worker was faster.
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                file = error.file;
                if is_same(file.path(), &path) {
                    return Ok(path);
                }
            }
            Err(error) => return Err(error.error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many messages of this name were saved before"))
}

/// Whether two files hold the same. What can not be read is another.
fn is_same(one: &Path, other: &Path) -> bool {
    let open = |path: &Path| {
        let length = path.metadata().ok().filter(Metadata::is_file)?.len(); // a pipe, say, would never end
        Some((length, BufReader::new(File::open(path).ok()?)))
    };
    let (Some((length, one)), Some((other_length, other))) = (open(one), open(other)) else { return false };
    length == other_length && is_equal(one, other).unwrap_or(false)
}

fn is_equal(mut one: impl Read, mut other: impl Read) -> io::Result<bool> {
    let (mut here, mut there) = (vec![0; 64 * 1024], Vec::new());
    loop {
        let length = one.read(&mut here)?;
        there.resize(length, 0);
        other.read_exact(&mut there)?;
        if length == 0 || here.get(..length) != Some(there.as_slice()) {
            return Ok(length == 0);
        }
    }
}

/// A name that is only a name, whatever a store or a server says.
fn tame(name: &str) -> String {
    let tame = |ch: char| if ch.is_alphanumeric() || "-_.@+ ".contains(ch) { ch } else { '_' };
    let name: String = name.chars().take(LONGEST).map(tame).collect();
    if name.trim_matches('.').is_empty() { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn save_as(directory: &Path, text: &str) -> io::Result<PathBuf> {
        save(directory, &FolderPath::new(["..", "a/b"]), "../x\n", std::iter::once(Ok(text)))
    }

    #[test]
    fn names_lead_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = save_as(directory.path(), "mail").unwrap();
        assert_eq!(path, directory.path().join("_../a_b/.._x_.eml"));
        assert_eq!(fs::read(&path).unwrap(), b"mail");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn messages_of_one_name_are_all_kept_and_each_once() {
        let directory = tempfile::tempdir().unwrap();
        let texts = ["mail", "other", "mail", "more", "other", "mai", ""];
        let paths = texts.map(|text| save_as(directory.path(), text).unwrap());
        let names = paths.each_ref().map(|path| path.file_name().unwrap().to_str().unwrap());
        let [first, second] = [".._x_.eml", ".._x_ (2).eml"];
        assert_eq!(
            names,
            [first, second, first, ".._x_ (3).eml", second, ".._x_ (4).eml", ".._x_ (5).eml"],
            "the same content is the same file"
        );
        for (path, text) in paths.iter().zip(texts) {
            assert_eq!(fs::read_to_string(path).unwrap(), text);
        }
    }

    #[test]
    fn what_breaks_off_leaves_nothing_and_what_was_torn_before_does_no_harm() {
        let directory = tempfile::tempdir().unwrap();
        let pieces = [Ok("ma"), Err(io::ErrorKind::StorageFull.into())];
        let folder = FolderPath::new(["A"]);
        assert!(save(directory.path(), &folder, "1", pieces.into_iter()).is_err());
        assert_eq!(fs::read_dir(directory.path().join("A")).unwrap().count(), 0);
        fs::write(directory.path().join("A/1.eml"), "ma").unwrap();
        let path = save(directory.path(), &folder, "1", std::iter::once(Ok("mail"))).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"mail");
    }
}
