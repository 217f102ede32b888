//! Many messages in a file, in formats that are only read: Babyl, MMDF and the like.

use std::fs;

use mailferry::mail::FolderPath;
use mailferry::store::{self, StoreError};

use super::removal::copied;
use super::samples::{samples, totals};
use super::{data, folders, list, texts};

/// Stores of this repository with their format and one file of them.
const STORES: [(&str, &str, &str); 8] = [
    ("babyl", "babyl", "rmail"),
    ("mmdf", "mmdf", "inbox.mmdf"),
    ("mmdf-crlf", "mmdf", ""),
    ("eudora", "eudora", "In.mbx"),
    ("eudora-mac", "eudora", "In"),
    ("thebat", "thebat", "Anna/Inbox/MESSAGES.TBB"),
    ("foxmail", "foxmail", "In.BOX"),
    ("pegasus", "pegasus", "FOL00001.PMM"),
];

#[test]
fn single_messages_are_not_removed_and_that_is_said_before_a_move_starts() {
    for (name, ..) in STORES {
        let mut store = store::open(&data().join(name), None).unwrap();
        let folder = FolderPath::parse(&folders(store.as_mut())[0]);
        let error = store.check_removable(&folder).unwrap_err();
        assert!(matches!(error, StoreError::CopyOnly { .. }), "{name}");
        assert!(error.to_string().contains("copy instead"), "{error}");
        assert!(store.remove(&folder, &[]).is_err(), "{name}");
    }
}

#[test]
fn what_is_lost_or_strange_in_a_file_is_named() {
    let babyl = "BABYL OPTIONS:\nVersion: 5\n\x1f\x0c\n0,,\n*** EOOH ***\nFrom: a@b\nSubject: c\n\nx\n\x1f";
    let mark = "\x01\x01\x01\x01\n";
    for (format, content, messages, damage) in [
        ("babyl", babyl.to_owned(), 1, ""),
        ("babyl", babyl.replace('\x0c', "?"), 0, "does not start with a form feed"),
        ("babyl", "BABYL OPTIONS:\n".to_owned(), 0, "there is no end of the file's own header"),
        ("babyl", babyl.replacen('\x1f', "?", 1), 0, "the end of the file's own header is damaged"),
        ("babyl", babyl.replacen("\x1f\x0c", "??", 1), 0, "the end of the file's own header is damaged"),
        ("babyl", babyl.to_owned() + "\n", 1, ""),
        ("babyl", babyl.to_owned() + "\nmore", 1, "does not start with a form feed"),
        ("mmdf", format!("{mark}From: a@b\n\nx\n{mark}{mark}From: a@b\n\ny\n{mark}"), 2, ""),
        ("mmdf", format!("{mark}From: a@b\n\nx\n{mark}From: a@b\n\ny\n{mark}"), 2, ""),
        ("mmdf", format!("{mark}{mark}From: a@b\n\nx\n"), 1, ""),
        ("mmdf", format!("From: a@b\n\nx\n{mark}"), 1, "does not start with a line of four ^A"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, &content).unwrap();
        let mut store = store::open(&path, Some(format)).unwrap();
        let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
        let reasons: Vec<_> = listed.damage.iter().map(|damage| damage.reason.as_str()).collect();
        assert_eq!(listed.messages.len(), messages, "{content:?} {reasons:?}");
        assert!(
            reasons.join("").contains(damage) && reasons.is_empty() == damage.is_empty(),
            "{content:?} {reasons:?}"
        );
    }
}

#[test]
fn a_file_that_changes_between_list_and_read_is_noticed() {
    for (name, format, file) in STORES {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, fs::read(data().join(name).join(file).components().collect::<std::path::PathBuf>()).unwrap())
            .unwrap();
        let mut store = store::open(&path, Some(format)).unwrap();
        let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
        fs::write(&path, "").unwrap();
        let error = store.read(&FolderPath::root(), &listed.messages[0].locator).unwrap_err();
        assert!(matches!(error, StoreError::Changed { .. }), "{error}");
        fs::remove_file(&path).unwrap();
        let error = store.read(&FolderPath::root(), &listed.messages[0].locator).unwrap_err();
        assert!(matches!(error, StoreError::Vanished { .. }), "{error}");
    }
}

/// The files of samples/real/made were written by Python's `mailbox`, with one message of each kind of mark.
#[test]
fn files_that_python_wrote_are_read() {
    let Some(samples) = samples() else { return };
    for name in ["babyl", "mmdf"] {
        let path = samples.join("made").join(name);
        assert_eq!(totals(&path), (5, 0, 0), "{name}");
        let text = &texts(&path)[0];
        let quote = if name == "mmdf" { ">" } else { "" }; // Python quotes where MMDF does not
        assert_eq!(
            text,
            &format!(
                "From: a1@example.org\r\nTo: b@example.net\r\nSubject: Test 1\r\nDate: Tue, 3 Feb 2004 01:00:00 +0000\r\n\
                 Message-ID: <1@example.org>\r\n\r\nBody 1\r\n{quote}From the start\r\n"
            ),
            "{name}"
        );
    }
}

#[test]
fn a_damaged_table_of_contents_costs_no_message() {
    for (name, table, mailbox) in [("eudora", "In.toc", "In.mbx"), ("eudora-mac", "In.toc", "In")] {
        let (_dir, path) = copied(name);
        let whole = fs::read(path.join(table)).unwrap();
        let record = if name == "eudora" { 218 } else { 1 }; // a Mac's table does not count its records
        let cut = &whole[..whole.len() - record];
        for (content, words) in [(&whole[..whole.len() - 1], "cut off"), (cut, "cut off"), (b"?", "none that is known")]
        {
            fs::write(path.join(table), content).unwrap();
            let mut store = store::open(&path, Some("eudora")).unwrap();
            let listed = list(store.as_mut(), &FolderPath::parse("In")).unwrap();
            let separators = fs::read(path.join(mailbox)).unwrap().windows(8).filter(|at| at == b"From ???").count();
            assert_eq!((listed.messages.len(), listed.hidden.len()), (separators, 0), "{name}");
            assert!(listed.damage[0].reason.contains(words), "{:?}", listed.damage);
        }
        // A message that the table ends elsewhere than where another one starts: it comes out whole, and so do the others.
        let mut wrong = whole.clone();
        wrong[if name == "eudora" { 104 + 4 } else { 278 + 7 }] ^= 1;
        fs::write(path.join(table), &wrong).unwrap();
        let mut store = store::open(&path, Some("eudora")).unwrap();
        let listed = list(store.as_mut(), &FolderPath::parse("In")).unwrap();
        let separators = fs::read(path.join(mailbox)).unwrap().windows(8).filter(|at| at == b"From ???").count();
        assert_eq!((listed.messages.len(), listed.damage.len()), (separators, 1), "{name}");
        // The mailbox was changed behind the table's back: what is still there comes out.
        fs::write(path.join(table), &whole).unwrap();
        let grown = [b"stray line\r\n".as_slice(), &fs::read(path.join(mailbox)).unwrap()].concat();
        fs::write(path.join(mailbox), grown).unwrap();
        let mut store = store::open(&path, Some("eudora")).unwrap();
        let listed = list(store.as_mut(), &FolderPath::parse("In")).unwrap();
        assert!(listed.messages.len() >= 3 && listed.hidden.is_empty() && !listed.damage.is_empty(), "{name}");
    }
}

#[test]
fn links_are_never_attached() {
    let (_dir, path) = copied("eudora");
    let attachment = path.join("Attach/plan V3.doc");
    fs::remove_file(&attachment).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &attachment).unwrap();
    let mut store = store::open(&path, None).unwrap();
    let inbox = FolderPath::parse("In");
    let listed = list(store.as_mut(), &inbox).unwrap();
    let incomplete = listed.messages.iter().filter(|one| !one.warnings.is_empty()).count();
    assert_eq!(incomplete, 2);
}

/// The table is a real one from a Mac, of the tests of eulcommon 0.19, which reads the same from it: two messages at 0 and
/// 1732 with 1732 and 2339 bytes and status 2. Its mailbox is not public, so one is made up.
#[test]
fn a_real_table_of_a_mac_lists_what_eulcommon_reads() {
    let Some(samples) = samples() else { return };
    let dir = tempfile::tempdir().unwrap();
    fs::copy(samples.join("eulcommon-eudora-In.toc"), dir.path().join("In.toc")).unwrap();
    let mut mailbox = Vec::new();
    for (subject, length) in [("one", 1732), ("two", 2339), ("stale", 500)] {
        let mut message = format!("From ???@??? Sun Jun 16 10:10:10 1996\rSubject: {subject}\r\r");
        message.push_str(&"x".repeat(length - message.len() - 1));
        mailbox.extend_from_slice(format!("{message}\r").as_bytes());
    }
    fs::write(dir.path().join("In"), mailbox).unwrap();
    let mut store = store::open(dir.path(), None).unwrap();
    assert_eq!(store.format().name, "eudora");
    let listed = list(store.as_mut(), &FolderPath::parse("In")).unwrap();
    let shown: Vec<_> = listed
        .messages
        .iter()
        .map(|one| format!("{} {} {} {}", one.subject, one.locator.offset, one.locator.length, one.flags))
        .collect();
    assert_eq!(shown, ["one 0 1732 \\Seen", "two 1732 2339 \\Seen"]);
    assert_eq!((listed.hidden.len(), listed.damage.len()), (1, 0));
    assert_eq!(store.folders().unwrap()[0].special, Some(mailferry::mail::SpecialUse::Inbox));
}

/// A real file of Foxmail 6 from the tests of Apache Tika; its line ends lost their CR on the way.
#[test]
fn a_real_file_of_foxmail_is_read() {
    let Some(samples) = samples() else { return };
    let path = samples.join("mbox/tika-testFOXMAIL.box");
    let mut store = store::open(&path, None).unwrap();
    assert_eq!(store.format().name, "foxmail");
    let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
    let days: Vec<_> = listed.messages.iter().map(|one| one.internal_date.unwrap().to_day()).collect();
    assert_eq!((days.len(), listed.damage.len()), (5, 0), "{days:?}");
    assert_eq!(totals(&path).0, 5);
}

#[test]
fn a_damaged_record_costs_no_other_message() {
    let bat = fs::read(data().join("thebat/Anna/Inbox/MESSAGES.TBB")).unwrap();
    let (first, second) =
        (0x0c08, bat.windows(4).skip(0x0c09).position(|at| at == b"\x21\x09\x70\x19").unwrap() + 0x0c09);
    let with = |at: usize, bytes: &[u8]| [&bat[..at], bytes, &bat[at + bytes.len()..]].concat();
    let garbage = [&bat[..second], &[b'?'; 100], &bat[second..]].concat();
    let fox = fs::read(data().join("foxmail/In.BOX")).unwrap();
    let pmm = fs::read(data().join("pegasus/FOL00001.PMM")).unwrap();
    for (format, content, messages, damage, warning) in [
        ("thebat", bat.clone(), 3, "", ""),
        ("thebat", with(first + 36, &u32::MAX.to_le_bytes()), 3, "", "end is missing"),
        ("thebat", with(first + 36, &[1, 0, 0, 0]), 3, "", ""),
        ("thebat", with(first, b"????"), 2, "bytes here are no message", ""),
        ("thebat", garbage, 3, "", ""),
        ("thebat", bat[..bat.len() - 5].to_vec(), 3, "", "end is missing"),
        ("thebat", bat[..100].to_vec(), 0, "cut off", ""),
        ("foxmail", [b"stray\r\n", &fox[..]].concat(), 3, "no message of Foxmail starts here", ""),
        ("pegasus", pmm[..pmm.len() - 3].to_vec(), 2, "", "end is missing"),
        ("pegasus", [&pmm[..], b"stray"].concat(), 2, "", "end is missing"),
        ("pegasus", pmm[..50].to_vec(), 0, "cut off", ""),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, &content).unwrap();
        let mut store = store::open(&path, Some(format)).unwrap();
        let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
        let reasons: Vec<_> = listed.damage.iter().map(|damage| damage.reason.as_str()).collect();
        let doubts: Vec<_> = listed.messages.iter().flat_map(|one| &one.warnings).map(|one| one.label()).collect();
        assert_eq!(listed.messages.len(), messages, "{format} {reasons:?} {doubts:?}");
        assert!(reasons.join("").contains(damage) && reasons.is_empty() == damage.is_empty(), "{format} {reasons:?}");
        assert!(doubts.join("").contains(warning) && doubts.is_empty() == warning.is_empty(), "{format} {doubts:?}");
    }
}
