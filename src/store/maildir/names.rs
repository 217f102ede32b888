//! The names of a folder's files, read so that none is missed that a mail program renames meanwhile.

use std::fs;
use std::io;
use std::path::Path;

use super::{Message, PARTS};

/// How often the names of a folder are read that changes all the time.
const MOST_READINGS: usize = 10;

/// The files of a folder in order.
pub(super) fn names(place: &Path) -> io::Result<Vec<Message>> {
    steadily(place, || names_now(place))
}

/// What `read` makes of a folder. A mail program may rename a file while the names are read, which then is not seen: they
/// are read again until nothing changed meanwhile.
fn steadily<T>(place: &Path, mut read: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let state = || PARTS.map(|part| fs::metadata(place.join(part)).and_then(|part| part.modified()).ok());
    let (mut before, mut all) = (state(), read()?);
    for _ in 1..MOST_READINGS {
        let after = state();
        if after == before {
            break;
        }
        (before, all) = (after, read()?);
    }
    Ok(all)
}

/// The files of a folder in order, read once. `tmp` holds no messages yet, and names with a dot at the start are no messages.
fn names_now(place: &Path) -> io::Result<Vec<Message>> {
    let mut all = Vec::new();
    for part in PARTS {
        let entries = match fs::read_dir(place.join(part)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue, // a copy leaves out what is empty
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = entry.file_name();
            if !directory && !name.as_encoded_bytes().starts_with(b".") {
                all.push(Message::of(part, name));
            }
        }
    }
    all.sort_unstable();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_file_that_is_renamed_while_the_names_are_read_is_seen() {
        let home = tempfile::tempdir().unwrap();
        let [cur, new] = PARTS.map(|part| home.path().join(part));
        for part in [&cur, &new] {
            fs::create_dir(part).unwrap();
        }
        fs::write(new.join("1.a.host"), "x").unwrap();
        for part in [&cur, &new] {
            File::open(part).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
        let mut readings = 0;
        let seen = steadily(home.path(), || {
            readings += 1;
            if readings == 1 {
                fs::rename(new.join("1.a.host"), cur.join("1.a.host:2,S"))?;
                return Ok(Vec::new());
            }
            names_now(home.path())
        });
        assert_eq!((seen.unwrap().len(), readings), (1, 2));
    }
}
