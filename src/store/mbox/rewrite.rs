//! Takes messages out of an mbox by writing the rest to a new file and putting that in its place.
//!
//! What stays is copied byte by byte. The old file is whole until the new one is on the disk, and mail that is appended
//! meanwhile is kept. Used by the store's `remove`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, Gid, Uid};
use tempfile::NamedTempFile;

use super::lock::Locked;
use super::scan::{self, Index, Span};
use super::{content, file};
use crate::mail::Digest;
use crate::store::file::FileId;
use crate::store::kmail::Marks;
use crate::store::{LARGE, Removal, StoreError, Walk};

/// How much is copied at once.
const CHUNK: u64 = 1024 * 1024;

/// Checks that the mbox at `path` could be rewritten now.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    check_alone(path)?;
    let real = real(path)?;
    let dir = real.parent().unwrap_or(&real);
    let allowed =
        |path: &Path, access| rustix::fs::access(path, access).map_err(|error| StoreError::write(path, error.into()));
    allowed(&real, Access::READ_OK | Access::WRITE_OK)?;
    allowed(dir, Access::WRITE_OK | Access::EXEC_OK)?;
    Locked::take(&real, Duration::ZERO).map(drop)
}

/// Takes `removals` out of the mbox at `path`. Each one stays if its bytes are no longer those of its digest.
pub(super) fn remove(path: &Path, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    check_alone(path)?;
    let real = real(path)?;
    let locked = Locked::take(&real, Duration::ZERO)?;
    let refused = |source| StoreError::write(&real, source);
    let index = scan::scan(&locked.file, &real, &mut |_| Walk::Continue(())).map_err(refused)?;
    let index = index.ok_or_else(|| refused(io::Error::other("it was not read to its end")))?;
    let mut gone = Vec::new();
    let results = removals.iter().map(|removal| {
        let span = judge(&locked.file, &real, &index, removal)?;
        gone.push(span);
        Ok(())
    });
    let results: Vec<_> = results.collect();
    if !gone.is_empty() {
        replace(&locked.file, &real, &index, &gone).map_err(refused)?;
    }
    Ok(results)
}

/// An index of KMail would fit a rewritten file no more, and so what was deleted would come back.
fn check_alone(path: &Path) -> Result<(), StoreError> {
    if Marks::of(path).is_none() {
        return Ok(());
    }
    Err(StoreError::CopyOnly { path: path.to_owned(), format: "an mbox with an index of KMail" })
}

/// The file itself: renaming onto a link would replace the link.
fn real(path: &Path) -> Result<PathBuf, StoreError> {
    fs::canonicalize(path).map_err(|source| StoreError::read(path, source))
}

/// The span of a removal, if the message is there and is the one that was sent.
fn judge(file: &File, path: &Path, index: &Index, removal: &Removal) -> Result<Span, StoreError> {
    let found = index.spans.binary_search_by_key(&removal.locator.offset, |span| span.offset);
    let Some(span) = found.ok().and_then(|at| index.spans.get(at)) else {
        let gone = removal.locator.offset >= index.id.size;
        return Err(if gone {
            StoreError::vanished(path, &removal.locator)
        } else {
            StoreError::changed(path, &removal.locator)
        });
    };
    if digest(file, span, index.marks).map_err(|source| StoreError::read(path, source))? == removal.digest {
        Ok(*span)
    } else {
        Err(StoreError::changed(path, &removal.locator))
    }
}

/// The digest of a message as it would be appended.
fn digest(file: &File, span: &Span, marks: bool) -> io::Result<Digest> {
    if span.length >= LARGE
        && let Some(large) = content::large(file.try_clone()?, &(span.offset..span.end()), marks)?
    {
        return large.digest();
    }
    Ok(Digest::of(&content::of(&file::read_range(file, span.offset, span.length)?, marks)))
}

/// Writes all but `gone` to a new file and renames it over the old one.
fn replace(old: &File, path: &Path, index: &Index, gone: &[Span]) -> io::Result<()> {
    let dir = path.parent().ok_or_else(|| io::Error::other("it lies in no directory"))?;
    let mut new = NamedTempFile::with_prefix_in(".mailferry-", dir)?;
    let mut spans = gone.to_vec();
    spans.sort_by_key(|span| span.offset);
    let mut kept = 0;
    for span in spans.iter().filter(|span| span.length > 0) {
        copy(old, kept, span.offset, &mut new)?;
        kept = kept.max(span.end());
    }
    copy(old, kept, index.id.size, &mut new)?;
    like(old, &new)?;
    new.flush()?;
    new.as_file().sync_all()?;
    let end = copy_appended(old, path, index.id, &mut new)?;
    if end > index.id.size {
        new.as_file().sync_all()?;
    }
    new.persist(path).map_err(|error| error.error)?;
    // It is done. If the directory is not on the disk yet, a power cut at worst brings back the old file.
    let _ = File::open(dir).and_then(|dir| dir.sync_all());
    Ok(())
}

/// Copies the bytes from `from` up to `to`.
fn copy(old: &File, mut from: u64, to: u64, new: &mut NamedTempFile) -> io::Result<()> {
    while from < to {
        let bytes = file::read_range(old, from, CHUNK.min(to - from))?;
        if bytes.is_empty() {
            return Err(io::Error::other("it became shorter while it was rewritten"));
        }
        new.write_all(&bytes)?;
        from += scan::long(bytes.len());
    }
    Ok(())
}

/// A program that knows no locks may have appended a message since the scan. Anything else but that stops the rewrite.
fn copy_appended(old: &File, path: &Path, before: FileId, new: &mut NamedTempFile) -> io::Result<u64> {
    let now = FileId::of(&old.metadata()?);
    let in_place = FileId::of(&fs::metadata(path)?);
    if now == before && in_place == before {
        return Ok(before.size);
    }
    let start = file::read_range(old, before.size, now.size.saturating_sub(before.size).min(64))?;
    if !in_place.same_file(before) || now.size <= before.size || !scan::starts_like_line(&start) {
        return Err(io::Error::other("another program changed it without a lock"));
    }
    copy(old, before.size, now.size, new)?;
    Ok(now.size)
}

/// Gives the new file the owner and the rights of the old one.
fn like(old: &File, new: &NamedTempFile) -> io::Result<()> {
    let (was, is) = (old.metadata()?, new.as_file().metadata()?);
    if (was.uid(), was.gid()) != (is.uid(), is.gid()) {
        rustix::fs::fchown(new, Some(Uid::from_raw(was.uid())), Some(Gid::from_raw(was.gid())))?;
    }
    new.as_file().set_permissions(was.permissions())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "From a@b Tue Feb  3 10:00:00 2004\nSubject: one\n\n1\n\n";
    const SECOND: &str = "From a@b Tue Feb  3 10:00:00 2004\nSubject: two\n\n2\n\n";

    /// Scans an mbox of two messages, lets another program do `meanwhile`, and takes the first message out.
    fn replace_after(meanwhile: impl FnOnce(&Path)) -> (io::Result<()>, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("box");
        fs::write(&path, format!("{FIRST}{SECOND}")).unwrap();
        let old = File::open(&path).unwrap();
        let index = scan::scan(&old, &path, &mut |_| Walk::Continue(())).unwrap().unwrap();
        meanwhile(&path);
        let result = replace(&old, &path, &index, &index.spans[..1]);
        (result, fs::read_to_string(&path).unwrap())
    }

    #[test]
    fn mail_that_is_appended_without_a_lock_is_kept() {
        let append = |path: &Path| fs::write(path, format!("{FIRST}{SECOND}{FIRST}")).unwrap();
        let (result, left) = replace_after(append);
        assert!(result.is_ok(), "{result:?}");
        assert_eq!(left, format!("{SECOND}{FIRST}"));
    }

    #[test]
    fn any_other_change_without_a_lock_stops_the_rewrite() {
        let changes: [(&str, String); 3] = [
            ("shorter", FIRST.to_owned()),
            ("longer, but no new message", format!("{FIRST}{SECOND}more\n")),
            ("emptied", String::new()),
        ];
        for (what, text) in changes {
            let (result, left) = replace_after(|path| fs::write(path, &text).unwrap());
            assert!(result.is_err(), "{what}");
            assert_eq!(left, text, "{what}");
        }
        let (result, left) = replace_after(|path| {
            fs::remove_file(path).unwrap();
            fs::write(path, format!("{FIRST}{SECOND}")).unwrap();
        });
        assert!(result.is_err() && left == format!("{FIRST}{SECOND}"), "another file of that name");
    }

    #[test]
    fn a_file_that_another_program_locked_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("box");
        fs::write(&path, FIRST).unwrap();
        let first = Locked::take(&path, Duration::ZERO).unwrap();
        assert!(matches!(check(&path), Err(StoreError::Locked { .. })));
        assert!(matches!(remove(&path, &[]), Err(StoreError::Locked { .. })));
        drop(first);
        assert!(check(&path).is_ok());
        assert!(!path.with_file_name("box.lock").exists());
    }
}
