//! Apple Mail: trees of every age, flags, dates, and attachments that lie beside their message.

use std::fs;
use std::path::Path;

use mail_parser::MessageParser;
use mailferry::mail::FolderPath;
use mailferry::store;

use super::samples::{samples, totals};
use super::{folders, list};

const UUID: &str = "1B4E28BA-2FA1-11D2-883F-0016D3CCA427";

/// A message file with those flags.
fn emlx(subject: &str, flags: u64) -> String {
    let message = format!("From: a@example.org\nSubject: {subject}\nDate: Tue, 3 Feb 2004 10:00:00 +0000\n\nHello.\n");
    format!(
        "{:<10}\n{message}<?xml version=\"1.0\"?>\n<plist version=\"1.0\">\n<dict>\n\t<key>date-received</key>\n\
         \t<integer>1075802400</integer>\n\t<key>flags</key>\n\t<integer>{flags}</integer>\n</dict>\n</plist>\n",
        message.len()
    )
}

fn put(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn trees_of_every_age_have_their_folders() {
    for (files, expected) in [
        (
            vec![
                format!("V10/{UUID}/INBOX.mbox/{UUID}/Data/3/1/Messages/13042.emlx"),
                format!("V10/{UUID}/INBOX.mbox/{UUID}/Data/Messages/7.emlx"),
                format!("V10/{UUID}/[Gmail].mbox/Sent Mail.mbox/{UUID}/Data/Messages/8.emlx"),
                format!("V10/{UUID}/Archive.mbox/{UUID}/Data/Messages/9.emlx"),
                format!("V10/{UUID}/Archive.mbox/Archive/2004.mbox/{UUID}/Data/Messages/10.emlx"),
                "V10/MailData/Signatures/1.emlx".to_owned(),
            ],
            "INBOX 2, [Gmail]/Sent Mail 1, Archive 1, Archive/Archive/2004 1",
        ),
        (
            vec![
                "Mailboxes/Work.mbox/Messages/1.emlx".to_owned(),
                "Mailboxes/Work/Old.mbox/Messages/2.emlx".to_owned(),
                "IMAP-anna@mail.example.org/INBOX.imapmbox/Messages/3.emlx".to_owned(),
                "POP-anna@pop.example.org/INBOX.mbox/Messages/4.emlx".to_owned(),
            ],
            "IMAP-anna@mail.example.org/INBOX 1, POP-anna@pop.example.org/INBOX 1, Work 1, Work/Old 1",
        ),
        (vec!["Messages/1.emlx".to_owned()], " 1"),
        (vec!["1.emlx".to_owned(), "sub/2.emlx".to_owned()], " 1, sub 1"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        for file in &files {
            put(dir.path(), file, &emlx(file, 1));
        }
        let mut store = store::open(dir.path(), None).unwrap();
        assert_eq!(store.format().name, "emlx");
        let mut shown = Vec::new();
        for folder in folders(store.as_mut()) {
            let listed = list(store.as_mut(), &FolderPath::parse(&folder)).unwrap();
            assert!(listed.damage.is_empty(), "{:?}", listed.damage);
            shown.push(format!("{folder} {}", listed.messages.len()));
        }
        assert_eq!(shown.join(", "), expected);
    }
}

#[test]
fn flags_beyond_32_bits_are_read_and_deleted_messages_are_hidden() {
    let dir = tempfile::tempdir().unwrap();
    for (number, flags) in [(1, 0), (2, 0x6_0203_0405), (3, 1 << 1), (10, 1 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 24)] {
        put(dir.path(), &format!("INBOX.mbox/Messages/{number}.emlx"), &emlx(&number.to_string(), flags));
    }
    put(dir.path(), "Drafts.mbox/Messages/11.emlx", &emlx("11", 1 | 1 << 6));
    let mut store = store::open(dir.path(), None).unwrap();
    let inbox = list(store.as_mut(), &FolderPath::parse("INBOX")).unwrap();
    let shown: Vec<_> = inbox
        .messages
        .iter()
        .map(|one| {
            let date = one.internal_date.unwrap().to_rfc3339();
            format!("{} {} {} {date} {}", one.subject, one.flags, one.keywords.join(" "), one.date_from.label())
        })
        .collect();
    assert_eq!(
        shown,
        [
            "1   2004-02-03T10:00:00Z store",
            "2 \\Seen \\Answered $NotJunk 2004-02-03T10:00:00Z store",
            "10 \\Seen \\Flagged $Forwarded $Junk 2004-02-03T10:00:00Z store"
        ]
    );
    assert_eq!(inbox.hidden.len(), 1);
    let drafts = list(store.as_mut(), &FolderPath::parse("Drafts")).unwrap();
    assert_eq!(drafts.messages[0].flags.to_string(), "\\Seen \\Draft");
}

#[test]
fn what_is_damaged_or_strange_is_named() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "A.mbox/Messages/1.emlx", &emlx("whole", 1));
    let cut = emlx("cut", 1);
    put(dir.path(), "A.mbox/Messages/2.emlx", &cut[..cut.find("Hello").unwrap()]);
    put(dir.path(), "A.mbox/Messages/3.emlx", "this is no message");
    put(dir.path(), "A.mbox/mbox", "From a@b Tue Feb  3 10:00:00 2004\nFrom: a@b\nSubject: c\n\nx\n");
    put(dir.path(), "Empty.mbox/Info.plist", "<plist/>");
    let mut store = store::open(dir.path(), None).unwrap();
    assert_eq!(folders(store.as_mut()), ["A", "Empty", "A (2)"], "the mbox is read beside");
    let listed = list(store.as_mut(), &FolderPath::parse("A")).unwrap();
    let shown: Vec<_> =
        listed.messages.iter().map(|one| (one.subject.as_str(), one.warnings.first().map(|one| one.label()))).collect();
    assert_eq!(shown, [("whole", None), ("cut", Some("its end is missing"))]);
    let mut reasons: Vec<_> = listed.damage.iter().map(|damage| damage.reason.as_str()).collect();
    reasons.sort_unstable();
    assert!(reasons[0].contains("does not start with the length") && reasons.len() == 1, "{reasons:?}");
}

/// The messages of qqilihq/partial-emlx-converter with the results that its author expects, and every attachment.
#[test]
fn real_partial_messages_get_their_attachments_back() {
    let Some(samples) = samples() else { return };
    let base = samples.join("emlx-partial/test/__testdata");
    let mut store = store::open(&base.join("input"), None).unwrap();
    let root = FolderPath::root();
    let listed = list(store.as_mut(), &root).unwrap();
    assert_eq!((listed.messages.len(), listed.damage.len()), (10, 0));
    for one in &listed.messages {
        let bytes = store.read(&root, &one.locator).unwrap();
        let number = one.locator.name.trim_start_matches("Messages/").split('.').next().unwrap();
        let dir = base.join("input/Attachments").join(number);
        let incomplete = one.warnings.iter().any(|warning| warning.label().contains("attachment"));
        assert_eq!(incomplete, one.locator.name.contains(".partial.") && !dir.exists(), "{number}");
        if dir.exists() {
            check_attachments(&bytes, &dir);
        }
        let expected = base.join(format!("expected_results/{number}.eml"));
        if expected.exists() {
            assert!(contents(&bytes) == contents(&fs::read(expected).unwrap()), "{number}");
        }
    }
}

/// The decoded content of every part, without CR: line ends of text are the message's own.
fn contents(message: &[u8]) -> Vec<Vec<u8>> {
    let unix = |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<_>>();
    let parsed = MessageParser::default().parse(message).unwrap();
    parsed.parts.iter().map(|part| unix(part.contents())).collect()
}

fn check_attachments(message: &[u8], dir: &Path) {
    let ours = contents(message);
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let file = fs::read_dir(&entry).unwrap().next().unwrap().unwrap().path();
        let content = fs::read(&file).unwrap().into_iter().filter(|byte| *byte != b'\r').collect::<Vec<_>>();
        assert!(ours.contains(&content), "{}", file.display());
    }
}

#[test]
fn real_messages_have_their_flags_and_dates() {
    let Some(samples) = samples() else { return };
    for (name, flags, date) in [
        ("mikez-plaintext.emlx", "\\Seen", "2020-02-06T14:40:00Z store"),
        ("mikez-richtext.emlx", "\\Seen", "2021-03-29T16:52:23Z store"),
        ("tika-testEMLX.emlx", "", "2010-09-06T05:25:34-04:00 date"),
    ] {
        let path = samples.join("emlx").join(name);
        let mut store = store::open(&path, None).unwrap();
        let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
        let one = &listed.messages[0];
        let shown = format!("{} {}", one.internal_date.unwrap().to_rfc3339(), one.date_from.label());
        assert_eq!((one.flags.to_string().as_str(), shown.as_str()), (flags, date), "{name}");
        assert_eq!(totals(&path), (1, 0, 0));
    }
    assert!(store::open(&samples.join("emlx-partial/test/__testdata/skip-emlx/invalid.emlx"), None).is_err());
}

#[test]
fn an_attachment_is_put_back_before_the_parts_after_it() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "Attachments/1/2/a.bin", "abc");
    let message = "Content-Type: multipart/mixed; boundary=a\n\n--a\n\ntext\n--a\nContent-Transfer-Encoding: base64\n\
        X-Apple-Content-Length: 4\n\n\n--a\nContent-Type: message/rfc822\n\nSubject: b\n\nc\n--a--\n";
    let list = "<?xml?><plist><dict><key>flags</key><integer>8623489089</integer>\
        <key>date-received</key><integer>1075802400</integer></dict></plist>\n";
    let whole = format!("{:<10}\n{message}{list}", message.len());
    let path = dir.path().join("Messages/1.partial.emlx");
    fs::create_dir(dir.path().join("Messages")).unwrap();
    fs::write(&path, &whole).unwrap();
    let mut store = store::open(dir.path(), None).unwrap();
    let found = list_all(store.as_mut());
    assert!(found[0].contains("\r\n\r\nYWJj\r\n--a\r\n"), "{found:?}");
}

fn list_all(store: &mut dyn store::Store) -> Vec<String> {
    let listed = list(store, &FolderPath::root()).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    listed.messages.iter().map(|one| text(store.read(&FolderPath::root(), &one.locator).unwrap())).collect()
}
