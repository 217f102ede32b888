//! One message a file under any name: Apple Mail, MH and Cyrus let go of messages as .eml trees do, and survive damage.

use std::fs;

use mailferry::mail::{Digest, FolderPath};
use mailferry::store::{self, StoreError};

use super::outcome::examine;
use super::removal::{copied, removals};
use super::samples::{samples, totals};
use super::{data, folders, list};

#[test]
fn messages_are_put_beside_the_store_unless_they_changed() {
    for (name, folder, file) in [
        ("apple", "INBOX", ""),
        ("apple", "Work/Old", ""),
        ("mh", "", "1"),
        ("mh", "Archive", "Archive/1"),
        ("sylpheed", "inbox", "inbox/1"),
        ("cyrus", "INBOX", "2."),
        ("cyrus", "Sent", "Sent/1."),
    ] {
        let (dir, path) = copied(name);
        let mut store = store::open(&path, None).unwrap();
        let folder = FolderPath::parse(folder);
        store.check_removable(&folder).unwrap();
        assert!(!store.rewrites_whole_files());
        let mut all = removals(store.as_mut(), &folder);
        let honest = all[0].digest;
        all[0].digest = Digest::of(b"something else");
        assert!(matches!(store.remove(&folder, &all[..1]).unwrap()[0], Err(StoreError::Changed { .. })), "{name}");
        all[0].digest = honest;
        let left = all.len() - 1;
        assert!(store.remove(&folder, &all[..1]).unwrap()[0].is_ok(), "{name}");
        assert_eq!(list(store.as_mut(), &folder).unwrap().messages.len(), left, "{name}");
        assert!(dir.path().join(".mailferry-moved/store").join(file).exists(), "{name}");
        assert!(matches!(store.read(&folder, &all[0].locator), Err(StoreError::Vanished { .. })), "{name}");
    }
}

/// made/mh was written by Python's `mailbox.MH`; its sequences are `unseen: 2-3`, `flagged: 4`, `replied: 5`.
#[test]
fn a_folder_that_python_wrote_has_its_messages_and_marks() {
    let Some(samples) = samples() else { return };
    let path = samples.join("made/mh");
    assert_eq!(totals(&path), (8, 0, 0));
    let mut store = store::open(&path, None).unwrap();
    let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
    let shown: Vec<_> = listed.messages.iter().map(|one| format!("{} {}", one.locator.name, one.flags)).collect();
    assert_eq!(shown, ["1 \\Seen", "2 ", "3 ", "4 \\Seen \\Flagged", "5 \\Seen \\Answered", "6 \\Seen", "7 \\Seen"]);
}

#[test]
fn damaged_marks_and_messages_are_named() {
    let (_dir, path) = copied("sylpheed");
    fs::write(path.join("inbox/.sylpheed_mark"), [9, 0, 0, 0]).unwrap();
    fs::write(path.join("inbox/6"), "").unwrap();
    fs::write(path.join("inbox/7"), "no header\n").unwrap();
    fs::write(path.join("inbox/18446744073709551616"), "From: a\nSubject: more than 64 bits\n\n").unwrap();
    let mut store = store::open(&path, None).unwrap();
    let listed = list(store.as_mut(), &FolderPath::parse("inbox")).unwrap();
    let mut shown: Vec<_> = listed
        .damage
        .iter()
        .map(|damage| format!("{}: {}", damage.file.file_name().unwrap().to_str().unwrap(), damage.reason))
        .collect();
    shown.sort();
    assert_eq!(listed.messages.len(), 6);
    assert!(shown[0].starts_with(".sylpheed_mark: its version is 9"), "{shown:?}");
    assert_eq!(shown[1..], ["6: the file is empty", "7: it does not start with the header of a message"]);

    let (_dir, path) = copied("mh");
    fs::write(path.join(".mh_sequences"), "unseen: ".to_owned() + &"1 18446744073709551615 ".repeat(200_000)).unwrap();
    assert_eq!(examine(&path, "mh").messages.len(), 7);
}

#[test]
fn a_profile_lets_go_of_messages_as_each_of_its_accounts_does() {
    let (dir, path) = copied("profile");
    let mut store = store::open(&path, None).unwrap();
    for name in ["anna@example.org/Inbox", "imap.example.org/INBOX"] {
        let folder = FolderPath::parse(name);
        store.check_removable(&folder).unwrap();
        let all = removals(store.as_mut(), &folder);
        assert_eq!(all.len(), 1);
        assert!(store.remove(&folder, &all).unwrap()[0].is_ok(), "{name}");
        assert!(list(store.as_mut(), &folder).unwrap().messages.is_empty(), "{name}");
    }
    let moved = path.join("abcd1234.default/ImapMail/.mailferry-moved/imap.example.org/INBOX/cur/1075802400.eml");
    assert!(moved.is_file());
    let again: Vec<_> = folders(store::open(&path, None).unwrap().as_mut());
    assert_eq!(again.len(), 6, "{again:?}");
    assert!(dir.path().exists());
}

#[test]
fn an_account_that_is_kept_in_an_unknown_way_is_looked_at() {
    let (_dir, path) = copied("profile");
    let prefs = path.join("abcd1234.default/prefs.js");
    let text = fs::read_to_string(&prefs).unwrap();
    let whole = examine(&path, "thunderbird").total();
    fs::write(&prefs, text.replace("maildirstore", "mail?irstore").replace("berkeleystore", "berk?leystore")).unwrap();
    assert_eq!(examine(&path, "thunderbird").total(), whole);
}

#[test]
fn foreign_preferences_can_not_make_us_read_other_places() {
    let (dir, path) = copied("profile");
    let secret = dir.path().join("secret");
    super::copy_tree(&data().join("thunderbird"), &secret);
    let prefs = path.join("abcd1234.default/prefs.js");
    for (key, value) in [
        ("directory-rel", "[ProfD]../../secret".to_owned()),
        ("directory", secret.display().to_string()),
        ("directory-rel", "[ProfD]/etc".to_owned()),
    ] {
        let text = format!(
            "user_pref(\"mail.accountmanager.accounts\", \"a\");\nuser_pref(\"mail.account.a.server\", \"s\");\n\
             user_pref(\"mail.server.s.hostname\", \"h\");\nuser_pref(\"mail.server.s.{key}\", \"{value}\");\n"
        );
        fs::write(&prefs, text).unwrap();
        let mut store = store::open(&path, None).unwrap();
        let found = folders(store.as_mut());
        assert!(!found.iter().any(|folder| folder.starts_with("h/")), "{found:?}");
        let listed = list(store.as_mut(), &FolderPath::parse(&found[0])).unwrap();
        assert_eq!(listed.damage.len(), usize::from(!value.ends_with("/etc")), "{value}");
    }
}

#[test]
fn folders_above_each_other_end_in_bounded_time() {
    let (_dir, path) = copied("pegasus");
    let tree = "0,0,\"a\",\"b\",\"A\"\n0,0,\"b\",\"a\",\"B\"\n".repeat(1000);
    fs::write(path.join("HIERARCH.PM"), tree).unwrap();
    assert_eq!(examine(&path, "pegasus").messages.len(), 5);
}

#[test]
fn the_days_of_opera_are_rewritten_each_by_itself() {
    let (_dir, path) = copied("opera");
    let mut store = store::open(&path, None).unwrap();
    let folder = FolderPath::parse("Anna at home");
    store.check_removable(&folder).unwrap();
    let mut all = removals(store.as_mut(), &folder);
    all[1].digest = Digest::of(b"something else");
    let results = store.remove(&folder, &all).unwrap();
    let shown: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(shown, [true, false, true]);
    let left = list(store.as_mut(), &folder).unwrap();
    assert_eq!(left.messages.iter().map(|one| one.subject.as_str()).collect::<Vec<_>>(), ["Message 2"]);
    assert!(matches!(store.read(&folder, &all[2].locator), Err(StoreError::Vanished { .. })));
}
