//! Outlook messages that we write ourselves, for what no sample has: objects, categories, nesting; and damaged ones.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use cfb::CompoundFile;
use mailferry::mail::FolderPath;
use mailferry::store;

use super::list;
use super::samples::samples;

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

/// A small generator of the same numbers every time (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

#[test]
fn flipped_bits_and_cuts_are_survived() {
    let Some(samples) = samples() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let many = std::env::var_os("MAILFERRY_LONG").is_some();
    for (name, format, flips) in [
        ("msg/tika-testMSG_att_msg.msg", "msg", 600),
        ("msg/tika-testMSG_forwarded.msg", "msg", 400),
        ("msg/tika-testMSG_chinese.msg", "msg", 250),
        ("olm/teverett-outlook_example.olm", "olm", 20),
    ] {
        let whole = fs::read(samples.join(name)).unwrap();
        let path = dir.path().join(format!("damaged.{format}"));
        for round in 0..if many { flips * 8 } else { flips } {
            let mut bytes = whole.clone();
            if round % 10 == 0 {
                bytes.truncate(numbers.next(whole.len()));
            } else {
                for _ in 0..=numbers.next(4) {
                    // Tables are at the start of a compound file, and at the end of an archive.
                    let near = bytes.len().min(2048);
                    let at = match round % 3 {
                        0 if format == "msg" => numbers.next(near),
                        0 => bytes.len() - near + numbers.next(near),
                        _ => numbers.next(bytes.len()),
                    };
                    bytes[at] = if numbers.next(4) == 0 { 0xff } else { bytes[at] ^ 1 << numbers.next(8) };
                }
            }
            fs::write(&path, &bytes).unwrap();
            let started = Instant::now();
            exercise(&path, format);
            assert!(started.elapsed() < Duration::from_secs(5), "{name}: {:?}", started.elapsed());
        }
    }
}

fn exercise(path: &Path, format: &str) {
    let Ok(mut store) = store::open(path, Some(format)) else { return };
    for folder in store.folders().unwrap() {
        for one in list(store.as_mut(), &folder.path).unwrap().messages {
            let _ = store.read(&folder.path, &one.locator);
        }
    }
}
