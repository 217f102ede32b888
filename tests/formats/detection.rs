//! What a path is, is told by its content; what is not read is named.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use mailferry::mail::FolderPath;
use mailferry::store::{self, Choice, FORMATS, OpenOptions, StoreError, Walk};

use super::{data, folders, list, texts};

fn reason(result: Result<Box<dyn store::Store>, StoreError>) -> String {
    match result {
        Ok(store) => panic!("it was opened as {}", store.format().name),
        Err(error) => error.to_string(),
    }
}

/// What a survey saw, in words, and what it did not look at.
fn evidence(path: &Path) -> (Vec<String>, Vec<String>) {
    let survey = store::survey(path, &OpenOptions::default(), &mut |_| Walk::Continue(())).unwrap();
    let unseen = survey.unseen.iter().map(|(path, reason)| format!("{}: {reason}", path.display())).collect();
    (survey.sightings().map(|sighting| sighting.evidence.clone()).collect(), unseen)
}

#[test]
fn the_ending_of_a_name_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(data().join("dialects/lf.mbox"), dir.path().join("mail.eml")).unwrap();
    fs::copy(data().join("single.eml"), dir.path().join("mail.mbox")).unwrap();
    assert_eq!(store::open(&dir.path().join("mail.eml"), None).unwrap().format().name, "mbox");
    assert_eq!(store::open(&dir.path().join("mail.mbox"), None).unwrap().format().name, "eml");
    let (evidence, _) = evidence(&data().join("python/Maildir"));
    assert!(evidence[0].ends_with("Maildir has cur/ and new/"), "{evidence:?}");
}

#[test]
fn what_is_not_read_is_named_with_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let outlook = [&b"!BDN\x01\x02\x03\x04SM"[..], &[0; 50]].concat();
    let cache = [&b"!BDN\x01\x02\x03\x04SO"[..], &[0; 50]].concat();
    for (content, words) in [
        (outlook.as_slice(), ".pst"),
        (&cache, "cache (.ost)"),
        (b"\xcf\xad\x12\xfe....", "Outlook Express"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\0\0\0\0", "no known mail format"),
        (b"Hello,\nworld\n", "no known mail format"),
    ] {
        let path = dir.path().join("file");
        fs::write(&path, content).unwrap();
        let text = reason(store::open(&path, None));
        assert!(text.contains(words) && text.contains("file: "), "{text}");
        let text = reason(store::open(dir.path(), None));
        assert!(text.contains("no mail was found"), "{text}");
    }
}

/// Stores of other programs: a file of each, how it starts, and a word of what to use instead.
const UNREAD: [(&str, &[u8], &str); 9] = [
    ("dovecot/mdbox/storage/m.1", b"2 M1e C6b054431\n\x01\x02N          0000000000000343\nFrom: a@b\n", "doveadm"),
    ("dovecot/sdbox/mailboxes/INBOX/dbox-Mails/u.7", b"2 M1e C6b054431\n\x01\x02N", "doveadm"),
    ("Exchange/priv1.edb", b"\x12\x34\x56\x78\xef\xcd\xab\x89\x20\x06\0\0", "New-MailboxExportRequest"),
    ("Foxmail/backup.fox", b"ARCF\x01\0\0\0\x7a\x21\x33\x90", "export the messages as .eml files"),
    ("notes/data/mail/anna.nsf", b"\x1a\0\0\x04\0\0\x2b\0", "Domino"),
    ("Microsoft User Data/Office 2004 Identities/Main Identity/Database", b"\0\x01\x02\x03", "Entourage"),
    ("Outlook 15 Profiles/Main Profile/Data/Outlook.sqlite", b"SQLite format 3\0", ".olm"),
    ("Outlook/anna.ost", b"!BDN\x01\x02\x03\x04SO\x17\0", "readpst"),
    ("uw/INBOX", b"*mbx*\r\n4c0b1d2e00000001\r\n", "mailutil"),
];

fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_store_that_is_not_read_is_named_with_the_tool_to_use_wherever_it_is_found() {
    for (file, bytes, words) in UNREAD {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(file);
        put(&path, bytes);
        let text = reason(store::open(&path, None));
        assert!(text.contains(words) && text.contains("not read"), "{text}");
        // In a directory without any other mail, and in one with.
        put(&path.with_file_name(if file.contains("mdbox") { "dovecot.map.index" } else { "dovecot.index" }), b"");
        let text = reason(store::open(dir.path(), None));
        assert!(text.contains(words) && text.contains("not read"), "{text}");
        fs::copy(data().join("dialects/lf.mbox"), dir.path().join("box")).unwrap();
        let (_, unseen) = evidence(dir.path());
        let named: Vec<_> = unseen.iter().filter(|line| line.contains(words)).collect();
        assert!(named.len() == 1 && named[0].contains(file.split('/').next().unwrap()), "{unseen:?}");
    }
}

#[test]
fn what_programs_keep_beside_mail_is_not_taken_for_a_store_that_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    for (file, bytes) in [
        ("Windows.edb", &b"\x12\x34\x56\x78\xef\xcd\xab\x89"[..]),
        ("WebCacheV01.dat", b"\x12\x34\x56\x78\xef\xcd\xab\x89"),
        ("notes/mail.ntf", b"\x1a\0\0\x04\0\0"),
        ("places.sqlite", b"SQLite format 3\0"),
        ("Database", b"\0\x01\x02\x03"),
        ("Microsoft User Data/Identities/Main Identity/Messages", b"\0"),
        ("Microsoft User Data/Identities/Main Identity/Database", b"\0\x01\x02\x03"),
    ] {
        put(&dir.path().join(file), bytes);
    }
    fs::copy(data().join("dialects/lf.mbox"), dir.path().join("box")).unwrap();
    assert_eq!(evidence(dir.path()).1, Vec::<String>::new());
}

#[test]
fn errors_say_what_is_wrong_with_a_path() {
    let dir = tempfile::tempdir().unwrap();
    assert!(reason(store::open(dir.path(), None)).contains("empty"));
    assert!(reason(store::open(&dir.path().join("none"), None)).contains("No such file"));
    let text = reason(store::open(dir.path(), Some("outlook")));
    for format in FORMATS {
        assert!(text.contains(format.name), "{text}");
        assert!(
            matches!(store::open(dir.path(), Some(format.name)), Err(StoreError::NotMail { .. })),
            "{}",
            format.name
        );
    }
    let socket = dir.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert!(reason(store::open(&socket, None)).contains("neither a file nor a directory"));
    let mut store = store::open(&data().join("eml"), None).unwrap();
    let missing = list(store.as_mut(), &FolderPath::parse("No/Such"));
    assert!(matches!(missing, Err(StoreError::NoFolder { .. })));
}

#[test]
fn mail_of_another_kind_in_a_tree_is_not_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(data().join("dialects/lf.mbox"), dir.path().join("box")).unwrap();
    fs::copy(data().join("single.eml"), dir.path().join("one")).unwrap();
    super::copy_tree(&data().join("python/Maildir"), &dir.path().join("deep/Maildir"));
    let _listener = UnixListener::bind(dir.path().join("socket")).unwrap();
    let mut mbox = store::open(dir.path(), Some("mbox")).unwrap();
    let listed = list(mbox.as_mut(), &FolderPath::parse("box")).unwrap();
    let mut reasons: Vec<_> = listed.damage.iter().map(|damage| damage.reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            "a Maildir among mbox files; give its own path to read it",
            "a single message among mbox files; give its own path to read it",
            "a socket is not read"
        ]
    );
    let mut maildir = store::open(dir.path(), Some("maildir")).unwrap();
    assert_eq!(folders(maildir.as_mut()), ["deep/Maildir", "deep/Maildir/Archive/2004", "deep/Maildir/Entwürfe"]);
    let listed = list(maildir.as_mut(), &FolderPath::parse("deep/Maildir")).unwrap();
    assert!(listed.damage.iter().any(|damage| damage.reason.contains("an mbox among Maildirs")));
}

#[test]
fn what_may_not_be_read_is_one_line_and_not_the_end() {
    let dir = tempfile::tempdir().unwrap();
    super::copy_tree(&data().join("eml"), dir.path());
    let locked = dir.path().join("1.eml");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&locked).is_ok() {
        eprintln!("skipped: root may read everything");
        return;
    }
    let closed = dir.path().join("Maildir/.Archive.2004");
    super::copy_tree(&data().join("python/Maildir"), &dir.path().join("Maildir"));
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let mut store = store::open(&dir.path().join("Maildir"), None).unwrap();
    let listed = list(store.as_mut(), &FolderPath::parse("INBOX")).unwrap();
    assert!(listed.damage.iter().any(|damage| damage.file == closed && damage.reason.contains("Permission denied")));
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let mut store = store::open(dir.path(), Some("eml")).unwrap();
    let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
    assert_eq!(listed.messages.len(), 2);
    assert!(listed.damage.iter().any(|damage| damage.file == locked && damage.reason.contains("Permission denied")));
}

#[test]
fn a_second_format_can_be_forced() {
    let path = data().join("dialects/lf.mbox");
    assert_eq!(store::open(&path, Some("eml")).unwrap().format().name, "eml");
    assert_eq!(texts(&path).len(), 3);
}

#[test]
fn mail_beside_a_store_of_another_format_is_named() {
    for (name, format) in [("mh", "mh"), ("cyrus", "cyrus"), ("babyl", "babyl"), ("foxmail", "foxmail")] {
        let dir = tempfile::tempdir().unwrap();
        super::copy_tree(&data().join(name), dir.path());
        fs::copy(data().join("dialects/lf.mbox"), dir.path().join("old mail")).unwrap();
        fs::copy(data().join("single.eml"), dir.path().join("one.eml")).unwrap();
        fs::write(dir.path().join("notes.txt"), "no mail").unwrap();
        let mut store = store::open(dir.path(), Some(format)).unwrap();
        let first = folders(store.as_mut()).remove(0);
        let listed = list(store.as_mut(), &FolderPath::parse(&first)).unwrap();
        let named = |file: &str, words: &str| {
            listed.damage.iter().any(|damage| damage.file.ends_with(file) && damage.reason.contains(words))
        };
        assert!(named("old mail", "(mbox)") && named("one.eml", ".eml"), "{name}: {:?}", listed.damage);
        assert_eq!(listed.damage.len(), 2, "{name}: {:?}", listed.damage);
    }
}

#[test]
fn numbers_as_names_make_mh_only_where_nothing_speaks_against_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(data().join("single.eml"), dir.path().join("1")).unwrap();
    assert_eq!(store::open(dir.path(), None).unwrap().format().name, "mh");
    fs::copy(data().join("single.eml"), dir.path().join("two.eml")).unwrap();
    assert_eq!(store::open(dir.path(), None).unwrap().format().name, "eml");
    fs::write(dir.path().join(".mh_sequences"), "cur: 1\n").unwrap();
    let mut both = store::open(dir.path(), None).unwrap();
    assert_eq!(
        (both.format().name, folders(both.as_mut())),
        ("several", vec!["Messages".into(), "Messages (2)".into()])
    );
    for folder in ["Messages", "Messages (2)"] {
        assert_eq!(list(both.as_mut(), &FolderPath::parse(folder)).unwrap().messages.len(), 1, "{folder}");
    }
}

#[test]
fn only_choices_that_make_a_difference_are_offered() {
    let choices = |path: &Path| {
        let options = OpenOptions::default();
        let survey = store::survey(path, &options, &mut |_| Walk::Continue(())).unwrap();
        let mut store = survey.open(&options).unwrap();
        let folders = store.folders().unwrap();
        Choice::of(&survey, &*store, &folders)
    };
    let (stores, small) = (data(), data().join("../small"));
    for (path, wanted) in [
        (stores.join("outlook-express/identity"), vec![Choice::Recovered, Choice::CodePage]),
        (stores.join("outlook-express/oe4"), vec![Choice::Recovered]),
        (stores.join("outlook-express/mac5-Messages"), vec![Choice::Recovered]),
        (stores.join("outlook-express"), vec![Choice::Recovered, Choice::CodePage]),
        (stores.join("python/box.mbox"), vec![Choice::Labels]),
        (small.join("mail.mbox.gz"), vec![Choice::Labels]),
        (stores.join("python/Maildir"), vec![]),
        (stores.join("profile"), vec![]), // its mboxes are Thunderbird's own
        (stores.join("mh"), vec![]),
    ] {
        assert_eq!(choices(&path), wanted, "{}", path.display());
    }
}
