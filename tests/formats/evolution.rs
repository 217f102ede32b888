//! What Evolution keeps of its local mail in folders.db: labels, and what is said where they can't be read.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use mailferry::mail::FolderPath;
use mailferry::store;
use rusqlite::Connection;

use super::removal::copied;
use super::{folders, list};

/// Flags and keywords of the one message of a folder, and what was said of it.
fn shown(path: &Path, folder: &str) -> (String, String) {
    let mut store = store::open(path, None).unwrap();
    let listed = list(store.as_mut(), &FolderPath::parse(folder)).unwrap();
    let [one] = listed.messages.as_slice() else { panic!("{folder} has one message") };
    let said: Vec<_> = listed.damage.iter().map(|damage| damage.reason.clone()).collect();
    (format!("{} {}", one.flags, one.keywords.join(" ")).trim_end().to_owned(), said.join("; "))
}

const PLAIN: &str = "\\Seen \\Answered";
const LABELLED: &str = "\\Seen \\Answered $Labelimportant my_own";

type Change<'a> = &'a dyn Fn(&Path);

fn sql(statement: &str) -> impl Fn(&Path) {
    move |path| Connection::open(path).unwrap().execute_batch(statement).unwrap()
}

#[test]
fn what_can_not_be_read_of_the_labels_is_said_and_the_mail_is_there() {
    let waits =
        |ending: &'static str| move |path: &Path| fs::write(format!("{}{ending}", path.display()), "x").unwrap();
    let cases: [(&str, Change<'_>, &str, &str); 11] = [
        ("as it was", &|_| {}, LABELLED, ""),
        ("no database", &|path| fs::remove_file(path).unwrap(), PLAIN, ""),
        ("another file", &|path| fs::write(path, "x".repeat(4096)).unwrap(), PLAIN, "file is not a database"),
        ("an empty file", &|path| fs::write(path, "").unwrap(), PLAIN, "its tables are not Evolution's"),
        ("another program's", &sql("DROP TABLE folders"), PLAIN, "its tables are not Evolution's"),
        ("other columns", &sql("ALTER TABLE messages_1 DROP COLUMN labels"), PLAIN, "its tables are not Evolution's"),
        ("a folder it never opened", &sql("DROP TABLE messages_1"), PLAIN, ""),
        ("no such folder", &sql("DELETE FROM folders"), PLAIN, ""),
        ("bytes for texts", &sql("UPDATE messages_1 SET labels = x'ff', flags = 'x'"), PLAIN, ""),
        ("a log of changes", &waits("-wal"), LABELLED, "changes to labels still wait in folders.db-wal"),
        ("a broken change", &waits("-journal"), LABELLED, "changes to labels still wait in folders.db-journal"),
    ];
    for (what, change, marks, said) in cases {
        let (_dir, path) = copied("evolution3-labels");
        change(&path.join("folders.db"));
        let (flags, reasons) = shown(&path, "INBOX");
        assert_eq!(flags, marks, "{what}");
        assert!(reasons.contains(said) && reasons.is_empty() == said.is_empty(), "{what}: {reasons}");
    }
}

#[test]
fn the_database_is_only_evolutions_where_its_maildir_is() {
    let elsewhere = |path: &Path| {
        fs::rename(path.join("folders.db"), path.with_file_name("other.db")).unwrap();
        std::os::unix::fs::symlink("../other.db", path.join("folders.db")).unwrap();
    };
    let unmarked = |path: &Path| fs::remove_file(path.join("..maildir++")).unwrap();
    let changes: [Change<'_>; 2] = [&unmarked, &elsewhere];
    for change in changes {
        let (_dir, path) = copied("evolution3-labels");
        change(&path);
        let (flags, reasons) = shown(&path, "INBOX");
        assert_eq!((flags.as_str(), reasons.as_str()), (PLAIN, ""));
    }
}

#[test]
fn nothing_is_made_beside_the_database_and_a_change_to_it_is_seen() {
    let (_dir, path) = copied("evolution3-labels");
    let names = || {
        let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let mut store = store::open(&path, None).unwrap();
    let inbox = FolderPath::parse("INBOX");
    let stamp = store.stamp(&inbox).unwrap();
    assert!(stamp.is_some());
    list(store.as_mut(), &inbox).unwrap();
    assert_eq!(names(), before);
    sql("UPDATE messages_1 SET labels = 'Another longer label of many words that takes another page of the file'")(
        &path.join("folders.db"),
    );
    let changed = store.stamp(&inbox).unwrap();
    assert_ne!(changed, stamp);
    fs::write(path.join("folders.db-wal"), "x").unwrap();
    assert_ne!(store.stamp(&inbox).unwrap(), changed);
}

#[test]
fn a_path_that_means_something_to_sqlite_is_a_path() {
    let (dir, path) = copied("evolution3-labels");
    let odd = dir.path().join("a?mode=rwc#b%41 ü");
    fs::rename(&path, &odd).unwrap();
    assert_eq!(shown(&odd, "INBOX").0, LABELLED);
}

#[test]
fn a_table_that_is_computed_is_not_asked() {
    const ENDLESS: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS uid, 1 AS flags, 'a' AS labels FROM n";
    let cases = [
        format!("DROP TABLE messages_1; CREATE VIEW messages_1 AS {ENDLESS}"),
        "DROP TABLE messages_1; CREATE TABLE messages_1 (uid TEXT, flags INTEGER, labels TEXT AS (printf('%.*c', 100000000, 'x')));
         INSERT INTO messages_1 (uid, flags) VALUES ('a', 1)"
            .to_owned(),
        format!("DROP TABLE folders; CREATE VIEW folders AS {ENDLESS}"),
    ];
    for case in cases {
        let (_dir, path) = copied("evolution3-labels");
        sql(&case)(&path.join("folders.db"));
        let started = Instant::now();
        assert_eq!(shown(&path, "INBOX").0, PLAIN, "{case}");
        assert!(started.elapsed() < Duration::from_secs(5), "{case}");
    }
}

#[test]
fn what_is_held_of_a_database_has_a_bound() {
    let (_dir, path) = copied("evolution3-labels");
    sql("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000)
         INSERT INTO messages_1 (uid, labels) SELECT x, printf('%.*c', 4000, 'x') FROM n")(&path.join("folders.db"));
    let (flags, reasons) = shown(&path, "INBOX");
    assert_eq!(flags, LABELLED, "what comes first is there");
    assert!(reasons.contains("it is too large"), "{reasons}");
}

#[test]
fn a_damaged_database_takes_no_message_away() {
    for store in ["evolution3-labels", "evolution3-before"] {
        let (_dir, path) = copied(store);
        let database = path.join("folders.db");
        let whole = fs::read(&database).unwrap();
        let all = folders(store::open(&path, None).unwrap().as_mut());
        // Bits that are always the same ones: a step that shares no factor with the length comes by all of them.
        for turn in 0..400 {
            let mut damaged = whole.clone();
            for part in 0..4 {
                let bit = (turn * 4 + part) * 7919 % (whole.len() * 8);
                damaged[bit / 8] ^= 1 << (bit % 8);
            }
            damaged.truncate(if turn % 8 == 0 { turn * 25 } else { damaged.len() });
            fs::write(&database, damaged).unwrap();
            shown(&path, &all[turn % all.len()]);
        }
    }
}
