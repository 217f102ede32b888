//! Outlook messages that we write ourselves, for what no sample has: objects, categories, nesting; and for lost content.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use cfb::CompoundFile;
use mailferry::mail::FolderPath;
use mailferry::store;

use super::{checksums, data, folders, list};

type Target = CompoundFile<Cursor<Vec<u8>>>;

fn stream(target: &mut Target, path: &str, bytes: &[u8]) {
    target.create_stream(path).unwrap().write_all(bytes).unwrap();
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The stream of properties with fixed length: tag with type, value.
fn properties(head: usize, values: &[(u32, u64)]) -> Vec<u8> {
    let mut bytes = vec![0; head];
    for (tag, value) in values {
        bytes.extend(tag.to_le_bytes());
        bytes.extend([6, 0, 0, 0]);
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

/// A message at `at`, which ends in `/`, with `depth` messages in each other.
fn message(target: &mut Target, at: &str, depth: usize) {
    let head = if at == "/" { 32 } else { 24 };
    let flags = properties(head, &[(0x0E07_0003, 1), (0x0E06_0040, 127_000_000_000_000_000)]);
    stream(target, &format!("{at}__properties_version1.0"), &flags);
    stream(target, &format!("{at}__substg1.0_001A001F"), &utf16("IPM.Note"));
    stream(target, &format!("{at}__substg1.0_0037001F"), &utf16(&format!("level {depth}")));
    stream(target, &format!("{at}__substg1.0_1000001F"), &utf16("body"));
    if depth > 0 {
        let attachment = format!("{at}__attach_version1.0_#00000000/");
        let inner = format!("{attachment}__substg1.0_3701000D/");
        target.create_storage(&attachment).unwrap();
        stream(target, &format!("{attachment}__properties_version1.0"), &properties(8, &[(0x3705_0003, 5)]));
        target.create_storage(&inner).unwrap();
        message(target, &inner, depth - 1);
    }
}

fn made(fill: impl FnOnce(&mut Target)) -> Vec<u8> {
    let mut target = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    fill(&mut target);
    target.flush().unwrap();
    target.into_inner().into_inner()
}

/// The text of the one message at `path`, or why it is not read.
fn read(path: &Path) -> Result<String, String> {
    let mut store = store::open(path, Some("msg")).map_err(|error| error.to_string())?;
    let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
    let Some(one) = listed.messages.first() else { return Err(listed.damage[0].reason.clone()) };
    let bytes = store.read(&FolderPath::root(), &one.locator).map_err(|error| error.to_string())?;
    assert_eq!(bytes, store.read(&FolderPath::root(), &one.locator).unwrap());
    Ok(String::from_utf8(bytes).unwrap())
}

#[test]
fn messages_in_messages_are_carried_to_a_depth() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.msg");
    fs::write(&path, made(|target| message(target, "/", 5))).unwrap();
    let text = read(&path).unwrap();
    for level in 0..=5 {
        assert!(text.contains(&format!("Subject: level {level}\r\n")), "{text}");
    }
    fs::write(&path, made(|target| message(target, "/", 30))).unwrap();
    assert!(read(&path).unwrap_err().contains("nested too deep"));
}

#[test]
fn an_object_of_another_program_becomes_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.msg");
    fs::write(
        &path,
        made(|target| {
            message(target, "/", 0);
            target.create_storage_all("/__attach_version1.0_#00000000/__substg1.0_3701000D/inner").unwrap();
            stream(
                target,
                "/__attach_version1.0_#00000000/__properties_version1.0",
                &properties(8, &[(0x3705_0003, 6)]),
            );
            stream(target, "/__attach_version1.0_#00000000/__substg1.0_3707001F", &utf16("object.bin"));
            stream(target, "/__attach_version1.0_#00000000/__substg1.0_3701000D/inner/CONTENTS", b"inside");
        }),
    )
    .unwrap();
    let text = read(&path).unwrap();
    let parsed = mail_parser::MessageParser::new().parse(&text).unwrap();
    let object = parsed.attachment(0).unwrap().contents().to_vec();
    let mut file = CompoundFile::open(Cursor::new(object)).unwrap();
    let mut inside = String::new();
    std::io::Read::read_to_string(&mut file.open_stream("/inner/CONTENTS").unwrap(), &mut inside).unwrap();
    assert_eq!(inside, "inside");
}

#[test]
fn categories_are_keywords() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.msg");
    fs::write(
        &path,
        made(|target| {
            message(target, "/", 0);
            target.create_storage("/__nameid_version1.0").unwrap();
            stream(target, "/__nameid_version1.0/__substg1.0_00030102", &[0, 0, 0, 0, 5, 0, 3, 0]);
            let names = [&16_u32.to_le_bytes()[..], &utf16("Keywords")].concat();
            stream(target, "/__nameid_version1.0/__substg1.0_00040102", &names);
            stream(target, "/__substg1.0_8003101F", &[0; 8]);
            stream(target, "/__substg1.0_8003101F-00000000", &utf16("Work"));
            stream(target, "/__substg1.0_8003101F-00000001", &utf16("Größe"));
        }),
    )
    .unwrap();
    let mut store = store::open(&path, None).unwrap();
    let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
    assert_eq!(listed.messages[0].keywords, ["Work", "Größe"]);
}

#[test]
fn lost_content_is_named_and_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.msg");
    fs::write(
        &path,
        made(|target| {
            message(target, "/", 0);
            target.create_storage("/__attach_version1.0_#00000000").unwrap();
            let told = properties(8, &[(0x3705_0003, 1), (0x3701_0102, 500)]);
            stream(target, "/__attach_version1.0_#00000000/__properties_version1.0", &told);
        }),
    )
    .unwrap();
    assert!(read(&path).unwrap_err().contains("a part of its content is missing"));
    fs::write(&path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").unwrap();
    assert!(read(&path).unwrap_err().contains("not read"));
    let office = made(|target| stream(target, "/WordDocument", b"x"));
    fs::write(&path, &office).unwrap();
    assert!(read(&path).unwrap_err().contains("no message"));
    let other = dir.path().join("x.doc");
    fs::write(&other, &office).unwrap();
    assert!(store::open(&other, None).err().unwrap().to_string().contains("an Office file"));
}

/// A sample with one byte changed, and the checksums of a PST made to fit.
fn changed(name: &str, at: impl Fn(&[u8]) -> usize) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    let mut bytes = fs::read(data().join("../small").join(name)).unwrap();
    let at = at(&bytes);
    bytes[at] ^= 0x10;
    checksums::mend(&mut bytes);
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

#[test]
fn what_the_tree_of_a_data_file_does_not_lead_to_is_named() {
    // Nodes take 32 bytes, the one above stands in the last 16: the inbox is the fifth, its messages follow.
    let above = |node: usize| move |_: &[u8]| 0x400 + 32 * node + 0x18;
    let (_dir, path) = changed("wide.pst", above(4));
    let error = store::open(&path, None).err().unwrap().to_string();
    assert!(error.contains("2 messages belong to folder 8042, but 8032 is gone"), "{error}");
    let (_dir, path) = changed("wide.pst", above(5));
    let mut store = store::open(&path, None).unwrap();
    let listed = list(store.as_mut(), &FolderPath::parse("Inbox")).unwrap();
    assert_eq!((listed.messages.len(), listed.damage.len()), (1, 1), "{:?}", listed.damage);
    // The top, as the store's first node names it.
    let (_dir, path) = changed("wide.pst", |_| 0x830);
    let mut store = store::open(&path, None).unwrap();
    assert_eq!(list(store.as_mut(), &FolderPath::parse("Top/Inbox")).unwrap().messages.len(), 2);
    let damage = list(store.as_mut(), &FolderPath::parse("Top")).unwrap().damage;
    assert!(damage.len() == 1 && damage[0].reason.contains("the top folder 8032 is gone"), "{damage:?}");
}

#[test]
fn a_member_of_an_archive_that_has_two_names_is_named() {
    // The last one is that of the archive's directory.
    let (_dir, path) = changed("archive.olm", |bytes| memchr::memmem::rfind(bytes, b"Inbox/1.xml").unwrap() + 9);
    let mut store = store::open(&path, None).unwrap();
    let shown: Vec<_> = folders(store.as_mut())
        .iter()
        .flat_map(|folder| list(store.as_mut(), &FolderPath::parse(folder)).unwrap().damage)
        .map(|damage| damage.reason)
        .collect();
    assert!(shown.len() == 1 && shown[0].contains("two names for Local"), "{shown:?}");
}

#[test]
fn a_message_that_the_index_of_a_data_file_names_twice_is_shown_once() {
    const ENTRY: usize = 32;
    let mut bytes = fs::read(data().join("../small/wide.pst")).unwrap();
    let is_message = |entry: &[u8]| entry[0] & 0x1f == 4 && entry[4..8] == [0; 4];
    let page = (0..bytes.len() / 512).map(|page| page * 512).rfind(|at| bytes[at + 496] == 0x81).unwrap();
    let entries: Vec<_> = (0..usize::from(bytes[page + 488])).map(|number| page + number * ENTRY).collect();
    let messages: Vec<_> = entries.into_iter().filter(|at| is_message(&bytes[*at..at + ENTRY])).collect();
    let first = bytes[messages[0]..messages[0] + ENTRY].to_vec();
    bytes[messages[1]..messages[1] + ENTRY].copy_from_slice(&first);
    super::checksums::mend(&mut bytes);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("twice.pst");
    fs::write(&path, &bytes).unwrap();
    let mut store = store::open(&path, None).unwrap();
    let (mut shown, mut told) = (0, Vec::new());
    for folder in super::folders(store.as_mut()) {
        let listed = list(store.as_mut(), &FolderPath::parse(&folder)).unwrap();
        shown += listed.messages.len();
        told.extend(listed.damage.into_iter().map(|damage| damage.reason));
    }
    assert_eq!(shown, messages.len() - 1, "{told:?}");
    assert!(told.iter().any(|reason| reason.contains("names 1 messages a second time")), "{told:?}");
}
