//! Saves messages that were not carried, as .eml files, where the user asks for it.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::mail::FolderPath;

/// The longest name that is made of a message's id or a folder's.
const LONGEST: usize = 120;

/// Saves a message below `directory`, in a directory of its folder's name, readable by the user alone. Gives where. The same
/// message saved before is left as it is.
pub(super) fn save(
    directory: &Path,
    folder: &FolderPath,
    id: &str,
    pieces: impl Iterator<Item = io::Result<impl AsRef<[u8]>>>,
) -> io::Result<PathBuf> {
    let mut path = directory.to_owned();
    path.extend(folder.segments().iter().map(|segment| tame(segment)));
    DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
    path.push(tame(id) + ".eml");
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            for piece in pieces {
                file.write_all(piece?.as_ref())?;
            }
            file.sync_all()?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(path)
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

    #[test]
    fn names_lead_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let save_as =
            |text| save(directory.path(), &FolderPath::new(["..", "a/b"]), "../x\n", std::iter::once(Ok(text)));
        let path = save_as("mail").unwrap();
        assert_eq!(path, directory.path().join("_../a_b/.._x_.eml"));
        assert_eq!(std::fs::read(&path).unwrap(), b"mail");
        assert!(save_as("other").is_ok());
        assert_eq!(std::fs::read(&path).unwrap(), b"mail");
    }
}
