//! The index that KMail keeps beside a folder: what it hides, and what is said where it does not fit.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use mailferry::mail::FolderPath;
use mailferry::store::{self, StoreError};

use super::list;
use super::removal::copied;

const MORE: &str = "From anna@example.org Tue Feb  3 12:00:00 2004\nSubject: Message 9\nX-Status: U\n\nx\n\n";

/// Sets when a file was written, in seconds from now on.
fn written(path: &Path, ahead: u64) {
    let time = SystemTime::now() + Duration::from_secs(ahead);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

type Change<'a> = &'a dyn Fn(&Path, &Path);

#[test]
fn the_index_tells_what_was_deleted_unless_it_is_not_of_this_file() {
    let grown = |mbox: &Path| fs::write(mbox, fs::read_to_string(mbox).unwrap() + MORE).unwrap();
    let shifted = |mbox: &Path| fs::write(mbox, MORE.to_owned() + &fs::read_to_string(mbox).unwrap()).unwrap();
    let cases: [(&str, Change<'_>, &str, usize, &str); 7] = [
        ("as it was", &|_, _| {}, "1 2 4 5", 1, ""),
        ("mail came later", &|mbox, _| (grown(mbox), written(mbox, 60)).1, "1 2 4 5 9", 1, ""),
        ("the last one was deleted", &|mbox, index| (grown(mbox), written(index, 60)).1, "1 2 4 5", 2, ""),
        (
            "rewritten",
            &|mbox, _| shifted(mbox),
            "9 1 2 3 4 5",
            0,
            "does not fit the file: it has 4 messages, of which 1",
        ),
        ("no index", &|_, index| fs::remove_file(index).unwrap(), "1 2 3 4 5", 0, ""),
        ("something else", &|_, index| fs::write(index, "x").unwrap(), "1 2 3 4 5", 0, ""),
        (
            "cut off",
            &|_, index| fs::write(index, &fs::read(index).unwrap()[..400]).unwrap(),
            "1 2 3 4 5",
            0,
            "damaged (it is cut off)",
        ),
    ];
    for (what, change, shown, hidden, said) in cases {
        let (_dir, path) = copied("kmail");
        let (mbox, index) = (path.join("inbox"), path.join(".inbox.index"));
        change(&mbox, &index);
        let mut store = store::open(&path, None).unwrap();
        let inbox = FolderPath::parse("inbox");
        for _ in 0..2 {
            let listed = list(store.as_mut(), &inbox).unwrap();
            let subjects: Vec<_> =
                listed.messages.iter().map(|one| one.subject.trim_start_matches("Message ")).collect();
            assert_eq!((subjects.join(" ").as_str(), listed.hidden.len()), (shown, hidden), "{what}");
            let reasons: Vec<_> = listed.damage.iter().map(|damage| damage.reason.as_str()).collect();
            assert!(reasons.join("").contains(said) && reasons.is_empty() == said.is_empty(), "{what}: {reasons:?}");
        }
    }
}

#[test]
fn a_folder_that_an_index_would_no_longer_fit_is_only_copied_from() {
    let (_dir, path) = copied("kmail");
    let mut store = store::open(&path, None).unwrap();
    let inbox = FolderPath::parse("inbox");
    assert!(matches!(store.check_removable(&inbox), Err(StoreError::CopyOnly { .. })));
    assert!(matches!(store.remove(&inbox, &[]), Err(StoreError::CopyOnly { .. })));
    store.check_removable(&FolderPath::parse("inbox/plain")).unwrap();
}
