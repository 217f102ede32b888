//! A message is taken out only if it still is the one that was sent, and nothing else is lost by it.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use mailferry::mail::{Digest, FolderPath};
use mailferry::store::{self, Removal, Store, StoreError};

use super::{copy_tree, data, list, texts};

pub(super) fn removals(store: &mut dyn Store, folder: &FolderPath) -> Vec<Removal> {
    let listed = list(store, folder).unwrap();
    let of = |store: &mut dyn Store, locator: mailferry::mail::Locator| {
        let digest = Digest::of(&store.read(folder, &locator).unwrap());
        Removal { locator, digest }
    };
    listed.messages.into_iter().map(|one| of(store, one.locator)).collect()
}

pub(super) fn copied(name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let from = data().join(name);
    if from.is_dir() {
        copy_tree(&from, &path);
    } else {
        fs::copy(from, &path).unwrap();
    }
    (dir, path)
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn an_mbox_keeps_every_other_byte_and_what_came_meanwhile() {
    for (name, kept_hidden) in [
        ("dialects/lf.mbox", 0),
        ("dialects/crlf.mbox", 0),
        ("dialects/mozilla.mbox", 2),
        ("dialects/uw-pseudo.mbox", 1),
    ] {
        let (_dir, path) = copied(name);
        let before = fs::read(&path).unwrap();
        let mut store = store::open(&path, None).unwrap();
        let root = FolderPath::root();
        store.check_removable(&root).unwrap();
        let all = removals(store.as_mut(), &root);
        append(&path, "From new@example.org Tue Feb  3 11:00:00 2004\nSubject: new\n\nNew.\n\n");
        let gone = &all[..all.len() - 1];
        let results = store.remove(&root, gone).unwrap();
        assert!(results.iter().all(Result::is_ok), "{name}: {results:?}");
        let left = list(store.as_mut(), &root).unwrap();
        assert_eq!((left.messages.len(), left.hidden.len()), (2, kept_hidden), "{name}");
        assert_eq!(
            Digest::of(&store.read(&root, &left.messages[0].locator).unwrap()),
            all.last().unwrap().digest,
            "{name}"
        );
        let mut expected = before;
        for removal in gone.iter().rev() {
            let start = removal.locator.offset as usize;
            expected.drain(start..start + removal.locator.length as usize);
        }
        assert!(fs::read(&path).unwrap().starts_with(&expected), "{name}");
        let names: Vec<_> =
            fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["store"], "no lock and no temporary file is left");
    }
}

#[test]
fn a_message_that_changed_or_moved_stays() {
    let (_dir, path) = copied("dialects/lf.mbox");
    let mut store = store::open(&path, None).unwrap();
    let root = FolderPath::root();
    let mut all = removals(store.as_mut(), &root);
    all[1].digest = Digest::of(b"another");
    let mut nowhere = all[0].clone();
    nowhere.locator.offset = 1_000_000;
    all.push(nowhere);
    let results = store.remove(&root, &all).unwrap();
    assert!(matches!(
        results.as_slice(),
        [Ok(()), Err(StoreError::Changed { .. }), Ok(()), Err(StoreError::Vanished { .. })]
    ));
    assert_eq!(texts(&path).len(), 1);
    // The locators of before the rewrite no longer name messages.
    assert!(store.read(&root, &all[2].locator).is_err());
    assert!(store.remove(&root, &all[2..3]).unwrap()[0].is_err());
    assert_eq!(texts(&path).len(), 1);
}

#[test]
fn the_last_message_of_an_mbox_leaves_an_empty_file_with_its_rights() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_dir, path) = copied("dialects/lf.mbox");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let link = path.with_file_name("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let mut store = store::open(&link, None).unwrap();
    let all = removals(store.as_mut(), &FolderPath::root());
    store.remove(&FolderPath::root(), &all).unwrap();
    let data = fs::symlink_metadata(&path).unwrap();
    assert_eq!((data.len(), data.permissions().mode() & 0o777), (0, 0o640));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_locked_mbox_is_left_alone() {
    let (_dir, path) = copied("dialects/lf.mbox");
    let mut store = store::open(&path, None).unwrap();
    let all = removals(store.as_mut(), &FolderPath::root());
    let lock = path.with_file_name("store.lock");
    File::create(&lock).unwrap();
    assert!(matches!(store.remove(&FolderPath::root(), &all), Err(StoreError::Locked { .. })));
    assert!(lock.exists() && texts(&path).len() == 3);
}

#[test]
fn maildir_messages_are_found_by_base_name_and_put_beside_the_store() {
    let (dir, path) = copied("python/Maildir");
    let mut store = store::open(&path, None).unwrap();
    let inbox = FolderPath::parse("INBOX");
    store.check_removable(&inbox).unwrap();
    let all = removals(store.as_mut(), &inbox);
    // Another program reads the new message and flags another one.
    let new = fs::read_dir(path.join("new"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| !path.ends_with(".keep"))
        .unwrap();
    fs::rename(&new, path.join("cur").join(format!("{}:2,S", new.file_name().unwrap().to_str().unwrap()))).unwrap();
    assert_eq!(Digest::of(&store.read(&inbox, &all[0].locator).unwrap()), all[0].digest);
    let results = store.remove(&inbox, &all[..2]).unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(list(store.as_mut(), &inbox).unwrap().messages.len(), 1);
    assert_eq!(fs::read_dir(dir.path().join(".mailferry-moved/store/cur")).unwrap().count(), 2);
    assert!(matches!(store.read(&inbox, &all[0].locator), Err(StoreError::Vanished { .. })));
    // What was moved away is not mail of a store around it.
    let around = store::open(dir.path(), None).unwrap().folders().unwrap();
    assert!(around.iter().all(|folder| !folder.path.to_string().contains("mailferry")));
}

#[test]
fn message_files_are_put_beside_the_store_unless_they_changed() {
    let (dir, path) = copied("eml");
    let mut store = store::open(&path, None).unwrap();
    let folder = FolderPath::parse("Sub/Deep");
    store.check_removable(&folder).unwrap();
    let all = removals(store.as_mut(), &folder);
    append(&path.join("Sub/Deep/no-extension"), "more\n");
    assert!(matches!(store.remove(&folder, &all).unwrap()[0], Err(StoreError::Changed { .. })));
    let all = removals(store.as_mut(), &folder);
    assert!(store.remove(&folder, &all).unwrap()[0].is_ok());
    assert!(dir.path().join(".mailferry-moved/store/Sub/Deep/no-extension").is_file());
    assert!(!path.join("Sub/Deep/no-extension").exists());
}

#[test]
fn a_single_message_file_can_be_moved_away() {
    let (dir, path) = copied("single.eml");
    let mut store = store::open(&path, None).unwrap();
    let all = removals(store.as_mut(), &FolderPath::root());
    store.check_removable(&FolderPath::root()).unwrap();
    assert!(store.remove(&FolderPath::root(), &all).unwrap()[0].is_ok());
    assert!(dir.path().join(".mailferry-moved/store").is_file());
}

#[test]
fn two_files_of_one_name_are_one_message_or_two() {
    let dir = tempfile::tempdir().unwrap();
    for part in ["cur", "new"] {
        fs::create_dir_all(dir.path().join(part)).unwrap();
        fs::write(dir.path().join(part).join("1000000000.same"), "From: a@b\nSubject: same\n\nx\n").unwrap();
        fs::write(dir.path().join(part).join("1000000001.other"), format!("From: a@b\nSubject: {part}\n\nx\n"))
            .unwrap();
    }
    let mut store = store::open(dir.path(), None).unwrap();
    let root = FolderPath::root();
    let listed = list(store.as_mut(), &root).unwrap();
    let mut subjects: Vec<_> = listed.messages.iter().map(|one| one.subject.clone()).collect();
    subjects.sort();
    assert_eq!(subjects, ["cur", "new", "same"]);
    for one in &listed.messages {
        let text = String::from_utf8(store.read(&root, &one.locator).unwrap()).unwrap();
        assert!(text.contains(&format!("Subject: {}\r\n", one.subject)), "{text}");
    }
}
