//! Google Takeout mboxes with a folder for each label: no message is lost or doubled, and removals leave all others whole.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mailferry::mail::{Digest, FolderPath, Sha256Sum, SpecialUse};
use mailferry::store::{self, Labels, OpenOptions, Removal, Store, StoreError, Walk};

use super::{Listed, folders, list};

/// Labels of one message each.
const LABELS: [&str; 12] = [
    "Inbox,Opened",
    "Work,Inbox,Unread",
    "Clients/Old,Work,Opened",
    "Sent,Opened",
    "Trash,Work",
    "Archived,Opened,Starred",
    "=?UTF-8?Q?Work,B=C3=BCcher/2004,Opened?=",
    "Spam,Unread",
    "Isanduku",
    "Work,Opened",
    "Work,Opened",
    "Drafts",
];

fn message(number: usize, labels: Option<&str>) -> String {
    let mut text = format!("From 18{number:02}@xxx Tue Feb 03 10:00:00 +0000 2004\r\nX-GM-THRID: 18{number:02}\r\n");
    if let Some(labels) = labels {
        let _ = write!(text, "X-Gmail-Labels: {labels}\r\n");
    }
    // Two are the same down to the last byte.
    let number = if number == 10 { 9 } else { number };
    let _ =
        write!(text, "From: a@b\r\nSubject: number {number}\r\nMessage-ID: <{number}@x>\r\n\r\ntext {number}\r\n\r\n");
    text.replace("THRID: 1810", "THRID: 1809")
}

fn takeout(path: &Path) {
    let all: String = LABELS.iter().enumerate().map(|(number, labels)| message(number, Some(labels))).collect();
    fs::write(path, all + &message(12, None)).unwrap();
}

fn open(path: &Path) -> Box<dyn Store> {
    store::open_with(path, &OpenOptions { labels: Labels::Folders, ..OpenOptions::default() }).unwrap()
}

fn shown(store: &mut dyn Store, folder: &str) -> (Vec<String>, Listed) {
    let folder = FolderPath::parse(folder);
    let listed = list(store, &folder).unwrap();
    let count = store.count(&folder, &mut |_| Walk::Continue(())).unwrap();
    assert_eq!(count.messages, listed.messages.len() as u64, "{folder}");
    let texts = listed.messages.iter().map(|one| store.read(&folder, &one.locator).unwrap());
    let digests: Vec<_> = texts.map(|text| Sha256Sum::of(&text).to_string()).collect();
    (digests, listed)
}

fn subjects(listed: &Listed) -> Vec<&str> {
    listed.messages.iter().map(|one| one.subject.strip_prefix("number ").unwrap()).collect()
}

fn digests(store: &mut dyn Store) -> Vec<String> {
    let mut all: Vec<_> = folders(store).iter().flat_map(|folder| shown(store, folder).0).collect();
    all.sort();
    all
}

#[test]
fn each_message_is_in_one_folder_and_keeps_its_other_labels() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("All mail.mbox");
    takeout(&path);
    let mut store = open(&path);
    let all: Vec<_> = store.folders().unwrap();
    let shape: Vec<_> = all
        .iter()
        .map(|one| format!("{} {} {}", one.path, one.special.map_or("", SpecialUse::label), one.holds_messages))
        .collect();
    assert_eq!(
        shape,
        [
            "Inbox inbox true",
            "Archive archive true",
            "Bücher  false",
            "Bücher/2004  true",
            "Clients  false",
            "Clients/Old  true",
            "Drafts drafts true",
            "Sent sent true",
            "Spam junk true",
            "Trash trash true",
            "Work  true",
        ]
    );
    for (folder, messages, marks) in [
        ("Inbox", vec!["0"], vec!["\\Seen"]),
        ("Archive", vec!["5", "8", "12"], vec!["\\Seen \\Flagged", "", ""]),
        ("Bücher/2004", vec!["6"], vec!["\\Seen Work"]),
        ("Clients/Old", vec!["2"], vec!["\\Seen Work"]),
        ("Drafts", vec!["11"], vec!["\\Seen \\Draft"]),
        ("Sent", vec!["3"], vec!["\\Seen"]),
        ("Spam", vec!["7"], vec![""]),
        ("Trash", vec!["4"], vec!["\\Seen Work"]),
        ("Work", vec!["1", "9", "9"], vec!["", "\\Seen", "\\Seen"]),
    ] {
        let (_, listed) = shown(store.as_mut(), folder);
        assert_eq!(subjects(&listed), messages, "{folder}");
        let found = listed.messages.iter().map(|one| format!("{} {}", one.flags, one.keywords.join(" ")));
        assert_eq!(found.map(|one| one.trim().to_owned()).collect::<Vec<_>>(), marks, "{folder}");
        assert!(listed.messages.iter().all(|one| one.date_from.label() == "from"), "{folder}");
    }
    let mut plain = store::open(&path, None).unwrap();
    assert_eq!(digests(store.as_mut()), digests(plain.as_mut()));
    let names: BTreeSet<_> = ["Work", "Archive"]
        .into_iter()
        .flat_map(|folder| shown(store.as_mut(), folder).1.messages)
        .map(|one| one.locator.name)
        .collect();
    assert_eq!(names.len(), 6, "messages with one header have names of their own");
    assert_eq!(shown(store.as_mut(), "Bücher").0, [""; 0], "a folder that is only above others");
    assert!(matches!(list(store.as_mut(), &FolderPath::parse("Nowhere")), Err(StoreError::NoFolder { .. })));
}

#[test]
fn a_list_or_a_read_needs_nothing_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.mbox");
    takeout(&path);
    let folder = FolderPath::parse("Work");
    let (wanted, listed) = shown(open(&path).as_mut(), "Work");
    for (one, digest) in listed.messages.iter().zip(&wanted) {
        assert_eq!(Sha256Sum::of(&open(&path).read(&folder, &one.locator).unwrap()).to_string(), *digest);
    }
    assert_eq!(open(&path).count(&folder, &mut |_| Walk::Continue(())).unwrap().messages, 3);
    assert!(open(&path).check_removable(&folder).is_ok());
}

#[test]
fn a_removal_in_one_folder_leaves_what_was_listed_of_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.mbox");
    takeout(&path);
    let (mut one, mut other) = (open(&path), open(&path));
    let before = digests(one.as_mut());
    let (inbox, work) = (FolderPath::parse("Inbox"), FolderPath::parse("Work"));
    let (work_digests, work_listed) = shown(other.as_mut(), "Work");
    let (_, listed) = shown(one.as_mut(), "Inbox");
    let removal = |store: &mut dyn Store, folder: &FolderPath, locator: &mailferry::mail::Locator| Removal {
        locator: locator.clone(),
        digest: Digest::of(&store.read(folder, locator).unwrap()),
    };

    let first = removal(one.as_mut(), &inbox, &listed.messages[0].locator);
    assert!(one.remove(&inbox, std::slice::from_ref(&first)).unwrap()[0].is_ok());
    assert!(matches!(one.remove(&inbox, &[first]).unwrap()[0], Err(StoreError::Vanished { .. })));
    assert_eq!(shown(one.as_mut(), "Inbox").0, [""; 0], "the folder stays while the store is open");

    // What the other store listed before is found in its new place.
    let mut removals = Vec::new();
    for (message, digest) in work_listed.messages.iter().zip(&work_digests) {
        let wanted = removal(other.as_mut(), &work, &message.locator);
        assert_eq!(Sha256Sum::of(&other.read(&work, &message.locator).unwrap()).to_string(), *digest);
        removals.push(wanted);
    }
    removals[1].digest = Digest::of(b"something else");
    let results = other.remove(&work, &removals).unwrap();
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert!(matches!(results[1], Err(StoreError::Changed { .. })));
    assert_eq!(shown(one.as_mut(), "Work").0.len(), 1);
    let left = digests(open(&path).as_mut());
    assert_eq!(left.len(), before.len() - 3);
    assert!(left.iter().all(|digest| before.contains(digest)));
    assert_eq!(folders(open(&path).as_mut()).first().map(String::as_str), Some("Archive"), "no Inbox is left");
}

#[test]
fn a_file_without_labels_is_one_folder_and_several_files_keep_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let plain: String = (0..3).map(|number| message(number, None)).collect();
    fs::write(dir.path().join("plain.mbox"), &plain).unwrap();
    let mut store = open(&dir.path().join("plain.mbox"));
    assert_eq!(folders(store.as_mut()), [""]);
    let (_, listed) = shown(store.as_mut(), "");
    let as_ever =
        list(store::open(&dir.path().join("plain.mbox"), None).unwrap().as_mut(), &FolderPath::root()).unwrap();
    assert_eq!(listed.messages, as_ever.messages);

    takeout(&dir.path().join("Takeout.mbox"));
    let mut store = open(dir.path());
    let found = folders(store.as_mut());
    assert_eq!(found.len(), 10);
    assert!(found.contains(&"plain".to_owned()) && found.contains(&"Takeout/Bücher/2004".to_owned()), "{found:?}");
    assert_eq!(digests(store.as_mut()).len(), 16);
    let folder = FolderPath::parse("plain");
    let one = list(store.as_mut(), &folder).unwrap().messages[0].locator.clone();
    let digest = Digest::of(&store.read(&folder, &one).unwrap());
    assert!(store.remove(&folder, &[Removal { locator: one, digest }]).unwrap()[0].is_ok());
    assert_eq!(digests(store.as_mut()).len(), 15);

    // Mail with labels comes to a file that had none: it is shown once.
    let more = fs::read_to_string(dir.path().join("plain.mbox")).unwrap() + &message(0, Some("Inbox"));
    fs::write(dir.path().join("plain.mbox"), more).unwrap();
    store.folders().unwrap();
    assert_eq!(digests(store.as_mut()).len(), 16);
}

#[test]
fn what_is_not_mail_is_named_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.mbox");
    takeout(&path);
    let all = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("nothing\r\n\r\n{all}")).unwrap();
    let options = OpenOptions { labels: Labels::Folders, ..OpenOptions::of_format(Some("mbox")) };
    let mut store = store::open_with(&path, &options).unwrap();
    let found = folders(store.as_mut());
    let damage: usize = found.iter().map(|folder| shown(store.as_mut(), folder).1.damage.len()).sum();
    assert_eq!((damage, digests(store.as_mut()).len()), (1, 13));
}

#[test]
fn a_takeout_that_is_cut_off_anywhere_loses_no_more_than_as_one_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.mbox");
    takeout(&path);
    let whole = fs::read(&path).unwrap();
    for length in (1..whole.len()).step_by(3) {
        fs::write(&path, &whole[..length]).unwrap();
        let Ok(mut plain) = store::open(&path, Some("mbox")) else { continue };
        let options = OpenOptions { labels: Labels::Folders, ..OpenOptions::of_format(Some("mbox")) };
        let mut store = store::open_with(&path, &options).unwrap();
        assert_eq!(digests(store.as_mut()), digests(plain.as_mut()), "{length}");
    }
}
