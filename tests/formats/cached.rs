//! Kept lists of real formats: a second look shows the same, and every change shows.

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use mailferry::mail::FolderPath;
use mailferry::store::{self, Found, OpenOptions, Walk};
use tempfile::TempDir;

use super::common::big::{self, Mails};
use super::common::wait_until;

/// Messages in each store.
const COUNT: usize = 700;

struct World {
    home: TempDir,
}

impl World {
    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Everything found in a store, and whether there were reports of progress, which a kept list does without.
    fn list(&self, name: &str, has_cache: bool) -> (Vec<Found>, bool) {
        let options = OpenOptions { cache: has_cache.then(|| self.at("cache")), ..OpenOptions::default() };
        let mut store = store::open_with(&self.at(name), &options).unwrap();
        let (mut found, mut is_read) = (Vec::new(), false);
        let visit = &mut |one| {
            match one {
                Found::Progress { .. } => is_read = true,
                other => found.push(other),
            }
            Walk::Continue(())
        };
        store.list(&FolderPath::root(), visit).unwrap();
        (found, is_read)
    }

    /// Lists a store that was changed: not what was kept of it, but what is there now.
    #[track_caller]
    fn shows_change(&self, name: &str, before: &[Found]) {
        let (found, _) = self.list(name, true);
        assert!(found != before, "{name} shows what was");
        assert!(found == self.list(name, false).0, "{name} does not show what is");
    }
}

/// Waits until no file was changed lately: what may still change is not kept.
fn settle(paths: &[PathBuf]) {
    let newest = paths.iter().map(|path| fs::metadata(path).unwrap().ctime()).max().unwrap();
    let now = || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    wait_until(|| now() > newest + 2);
}

/// Writes bytes into a file and sets its time back.
fn write_unseen(path: &Path, at: u64, bytes: &[u8]) {
    let before = fs::metadata(path).unwrap().modified().unwrap();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(bytes, at).unwrap();
    file.set_modified(before).unwrap();
}

#[test]
fn a_second_look_shows_the_same_and_a_change_shows_at_once() {
    let world = World { home: TempDir::new().unwrap() };
    let (mbox, dbx, maildir) = (world.at("mbox"), world.at("Inbox.dbx"), world.at("Maildir"));
    let hidden = "From a@b Tue Feb  3 10:00:00 2004\nX-Mozilla-Status: 0009\nSubject: gone\n\ntext\n\n";
    big::mbox(&mbox, Mails::new(COUNT, 8000)).unwrap();
    let alone = b"From a@b Tue Feb  3 10:00:00 2004\n"; // a separator without a message
    fs::write(&mbox, [alone, hidden.as_bytes(), &fs::read(&mbox).unwrap()].concat()).unwrap();
    big::dbx(&dbx, Mails::new(COUNT, 8000)).unwrap();
    let bytes = fs::read(&dbx).unwrap();
    let part = 0x24bc + 0x618 + 528 * 20;
    assert_eq!(bytes[part..part + 4], u32::try_from(part).unwrap().to_le_bytes(), "a part of a text");
    write_unseen(&dbx, part as u64, b"\xff\xff\xff\xff");
    big::maildir(&maildir, COUNT).unwrap();
    fs::write(maildir.join("cur/1.empty:2,S"), "").unwrap();

    settle(&[mbox.clone(), dbx.clone(), maildir.join("cur"), maildir.join("new"), maildir.join("dovecot-keywords")]);
    let mut kept = Vec::new();
    for name in ["mbox", "Inbox.dbx", "Maildir"] {
        let (first, is_read) = world.list(name, true);
        assert!(is_read && first == world.list(name, false).0, "{name}");
        assert!(first.iter().any(|found| matches!(found, Found::Damage(_))), "{name}");
        let (second, is_read) = world.list(name, true);
        assert!(!is_read, "{name} was read again");
        assert!(first == second, "{name}");
        kept.push(first);
    }
    assert!(kept[0].iter().any(|found| matches!(found, Found::Hidden(_))));

    // The same length and time, and another text.
    let at = fs::read(&mbox).unwrap().windows(9).rposition(|bytes| bytes == b"Subject: ").unwrap() + 9;
    write_unseen(&mbox, at as u64, b"#");
    world.shows_change("mbox", &kept[0]);
    let mail = [fs::read(&mbox).unwrap().as_slice(), hidden.replace("0009", "0000").as_bytes()].concat();
    fs::write(&mbox, mail).unwrap();
    world.shows_change("mbox", &kept[0]);
    write_unseen(&dbx, part as u64, &u32::try_from(part).unwrap().to_le_bytes());
    world.shows_change("Inbox.dbx", &kept[1]);

    let first = fs::read_dir(maildir.join("new")).unwrap().next().unwrap().unwrap().path();
    let name = format!("{}:2,F", first.file_name().unwrap().to_str().unwrap());
    fs::rename(&first, maildir.join("cur").join(name)).unwrap();
    world.shows_change("Maildir", &kept[2]);
    let (before, _) = world.list("Maildir", true);
    fs::write(maildir.join("dovecot-keywords"), "0 another\n").unwrap();
    world.shows_change("Maildir", &before);
}
