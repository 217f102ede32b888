//! Made-up bytes and names end in messages, damage or an error: never in a panic, a hang or lost bytes.

use std::fs;
use std::time::Instant;

use mailferry::mail::FolderPath;
use mailferry::store;

use super::outcome::{LIMIT, Numbers, examine};
use super::{data, list};

#[test]
fn a_maildir_with_damaged_files_and_names_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    for part in ["cur", "new", ".Sub/cur", ".Sub/new", ".&&bad&.x/cur", "..../cur"] {
        fs::create_dir_all(dir.path().join(part)).unwrap();
    }
    let mut numbers = Numbers(7);
    let whole = fs::read(data().join("single.eml")).unwrap();
    for number in 0..2000 {
        let mut bytes = whole.clone();
        bytes.truncate(numbers.next(bytes.len()));
        if !bytes.is_empty() {
            let at = numbers.next(bytes.len());
            bytes[at] ^= 1 << numbers.next(8);
        }
        let mut name = format!("{number}.M1P2.host,S={}:2,FS", bytes.len()).into_bytes();
        let at = numbers.next(name.len());
        name[at] = 33 + numbers.next(220) as u8;
        name.retain(|byte| *byte != b'/');
        let name: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(name);
        let _ = fs::write(dir.path().join("cur").join(name), bytes);
    }
    std::os::unix::fs::symlink(dir.path(), dir.path().join(".Sub/loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("cur/1.dead:2,")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", dir.path().join("cur/2.zero:2,")).unwrap();
    fs::write(dir.path().join("cur/3.empty"), "").unwrap();
    fs::write(dir.path().join("cur/4.packed"), b"\x1f\x8b\x08\0").unwrap();
    assert!(examine(dir.path(), "maildir").messages.len() > 1900);
    let mut store = store::open(dir.path(), None).unwrap();
    let listed = list(store.as_mut(), &FolderPath::parse("INBOX")).unwrap();
    for (name, words) in
        [("1.dead:2,", "No such file"), ("2.zero:2,", "not a regular file"), ("3.empty", "empty"), ("4.packed", "gzip")]
    {
        let found = listed.damage.iter().find(|damage| damage.file.ends_with(name)).unwrap();
        assert!(found.reason.contains(words), "{}", found.reason);
    }
}

#[test]
fn made_up_mboxes_end_in_bounded_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    for (what, bytes) in [
        ("one long line", vec![b'x'; 8 << 20]),
        ("separators only", b"From a@b Tue Feb  3 10:00:00 2004\n".repeat(50_000)),
        ("half separators", b"From \n".repeat(500_000)),
        ("blank lines", b"\n".repeat(4 << 20)),
        ("headers without an end", [&b"From -\n"[..], &b"A: b\n".repeat(1 << 20)].concat()),
        ("quotes", [&b"From -\nA: b\n\n"[..], &b">".repeat(4 << 20), b"From x\n"].concat()),
        ("lying lengths", b"From a@b Tue Feb  3 10:00:00 2004\nContent-Length: 4000000\n\nx\n\n".repeat(50_000)),
        ("huge lengths", b"From -\nContent-Length: 18446744073709551615\n\nx\n\nFrom -\nA: b\n\n".to_vec()),
        ("NULs", vec![0; 1 << 20]),
    ] {
        fs::write(&path, &bytes).unwrap();
        let started = Instant::now();
        let mut store = store::open(&path, Some("mbox")).unwrap();
        let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
        assert!(started.elapsed() < 2 * LIMIT, "{what}: {:?}", started.elapsed());
        let covered: u64 = listed.messages.iter().map(|one| one.locator.length).sum();
        assert!(covered <= bytes.len() as u64, "{what}");
        assert!(
            covered == bytes.len() as u64 || !listed.damage.is_empty() || what == "blank lines",
            "{what}: bytes are forgotten"
        );
    }
}

#[test]
fn a_file_that_changes_between_list_and_read_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let whole = fs::read(data().join("dialects/lf.mbox")).unwrap();
    fs::write(&path, &whole).unwrap();
    let mut store = store::open(&path, None).unwrap();
    let root = FolderPath::root();
    let listed = list(store.as_mut(), &root).unwrap();
    fs::write(&path, &whole[10..]).unwrap();
    for one in &listed.messages {
        assert!(store.read(&root, &one.locator).is_err());
    }
    fs::remove_file(&path).unwrap();
    assert!(store.read(&root, &listed.messages[0].locator).unwrap_err().to_string().contains("no longer"));
    assert!(list(store.as_mut(), &root).is_err());
}

#[test]
fn a_file_that_is_named_as_a_store_is_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    for format in ["eml", "msg"] {
        for bytes in ["", "no mail", "\u{d0}\u{cf}"] {
            fs::write(&path, bytes).unwrap();
            let mut store = store::open(&path, Some(format)).unwrap();
            let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
            assert_eq!((listed.messages.len(), listed.damage.len()), (0, 1), "{format} {bytes:?}");
        }
    }
}

#[test]
fn files_of_a_maildir_that_have_one_name_are_all_messages() {
    let dir = tempfile::tempdir().unwrap();
    for part in ["cur", "new"] {
        fs::create_dir(dir.path().join(part)).unwrap();
    }
    let not_text = |byte: u8| -> std::ffi::OsString { std::os::unix::ffi::OsStringExt::from_vec(vec![b'b', byte]) };
    let names = ["cur/1075802400.a:2,S", "cur/1075802400.a:2,F", "new/1075802400.a", "cur/1075802400.a;2,R"];
    let paths = names.map(|name| dir.path().join(name)).into_iter();
    let paths = paths.chain([0xfd, 0xfe, 0xff].map(|byte| dir.path().join("new").join(not_text(byte))));
    for (number, path) in paths.enumerate() {
        fs::write(path, format!("Subject: {number}\n\nx\n")).unwrap();
    }
    let mut store = store::open(dir.path(), None).unwrap();
    let root = FolderPath::root();
    let listed = list(store.as_mut(), &root).unwrap();
    let texts: std::collections::BTreeSet<_> =
        listed.messages.iter().map(|one| store.read(&root, &one.locator).unwrap()).collect();
    assert_eq!((listed.messages.len(), texts.len()), (7, 7), "{:?}", listed.messages);
}
