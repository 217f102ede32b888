//! Where the sockets are: in `$XDG_RUNTIME_DIR/mailferry`, else in a directory of the user's own beside the journal.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The rights of anybody else.
const OTHERS: u32 = 0o077;
/// The directory beside the journal.
const BESIDE: &str = "left";

/// The directories that may hold sockets, the best first.
fn directories(state: &Path) -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    runtime.map(|path| path.join("mailferry")).into_iter().chain([state.join(BESIDE)]).collect()
}

/// Every socket there is, whoever listens to it still.
pub(super) fn all(state: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in directories(state).into_iter().filter(|directory| is_private(directory)) {
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        found.extend(entries.map(|entry| entry.path()).filter(|path| is_socket(path)));
    }
    found.sort();
    found
}

/// Listens in the first directory that takes a socket.
pub(super) fn listen(state: &Path) -> io::Result<(UnixListener, PathBuf)> {
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for directory in directories(state) {
        match listen_in(&directory) {
            Ok(listening) => return Ok(listening),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn listen_in(directory: &Path) -> io::Result<(UnixListener, PathBuf)> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    if !is_private(directory) {
        let words = format!("{} is open to others", directory.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
    }
    let path = directory.join(format!("{}.sock", std::process::id()));
    // One of a process that had this number before and is gone.
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    // The directory keeps others out until this is done.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok((listener, path))
}

/// Whether a directory is the user's own, no link, and open to nobody else.
fn is_private(directory: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    let is_closed = |mode: u32| mode & OTHERS == 0;
    fs::symlink_metadata(directory).is_ok_and(|found| found.is_dir() && found.uid() == user && is_closed(found.mode()))
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Whether the same user is at the other end.
pub(super) fn is_own(stream: &UnixStream) -> bool {
    let peer = rustix::net::sockopt::socket_peercred(stream);
    peer.is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_for_its_user_alone_and_found_again() {
        let state = tempfile::tempdir().unwrap();
        let (listener, path) = listen_in(&state.path().join(BESIDE)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert!(all(state.path()).contains(&path));
        let stream = UnixStream::connect(&path).unwrap();
        assert!(is_own(&stream) && is_own(&listener.accept().unwrap().0));
    }

    #[test]
    fn a_directory_that_others_can_enter_or_that_is_a_link_is_not_used() {
        let state = tempfile::tempdir().unwrap();
        let open = state.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(listen_in(&open).is_err());
        fs::set_permissions(&open, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(listen_in(&open).is_ok());
        std::os::unix::fs::symlink(&open, state.path().join("link")).unwrap();
        assert!(listen_in(&state.path().join("link")).is_err());
    }
}
