//! Deleted messages of Outlook Express, shown in folders of their own when that is asked for.

use std::fs;
use std::path::{Path, PathBuf};

use mailferry::mail::{FolderPath, Sha256Sum, Warning};
use mailferry::store::{self, OpenOptions, Store, StoreError, Walk};

use super::samples::samples_of;
use super::{Listed, data, folders, list};

/// What undbx 0.21 --recover makes of the deleted messages of made/dbx/deleted.dbx, with "From" put back where it has "----".
const UNDBX: [&str; 10] = [
    "ac7a1439e8462ac6bed896c979f6d8a9331be262c84b7a9e59be63c4f5b394af",
    "4dbf267fc5de09297090d89db024347eb7e7fd2a8d562bcb5585789fa096e739",
    "57ffeba8e7d3ec7da8bed6a6523e39baab6e4224e2fe9bb39e6e8f1c466d2e21",
    "09216344b345a3bf3d6611afff94eec0a889a14bf29a29255bba66ec75cfd44b",
    "5f3b6f625e93d015021f22fc8473ede77181c07d72660b9a4435b54f7d1b0219",
    "dcce609a9d4c3a9521df3104e1b74a4d6297e785e9ad624eaed3c56d80b1c1be",
    "47cf33f3a9625fcc1f0a477364eeb52fdcfda67a74d3d43b69d25273be64f5dd",
    "686789bc91dfb16cc8f6922f681fa3c53280b9c57e98cd557f2d962f1b9b159a",
    "a8e81c6065a64fe2171b7b5413e503866b03d9a494379e9f3d1881fbdd4887d5",
    "f96a771a248e18dfa33ea8faf41cc123a66201f298506b3782770e31334d638f",
];

fn open(path: &Path) -> Box<dyn Store> {
    store::open_with(path, &OpenOptions { recovered: true, ..OpenOptions::default() }).unwrap()
}

/// What a folder shows, and the texts of its messages.
fn shown(store: &mut dyn Store, folder: &str) -> (Listed, Vec<Vec<u8>>) {
    let folder = FolderPath::parse(folder);
    let listed = list(store, &folder).unwrap();
    let count = store.count(&folder, &mut |_| Walk::Continue(())).unwrap();
    assert_eq!(count.messages, listed.messages.len() as u64);
    let texts = listed.messages.iter().map(|one| store.read(&folder, &one.locator).unwrap()).collect();
    (listed, texts)
}

fn sample(name: &str) -> PathBuf {
    data().join("outlook-express").join(name)
}

fn subjects(listed: &Listed) -> Vec<&str> {
    listed.messages.iter().map(|one| one.subject.as_str()).collect()
}

#[test]
fn deleted_messages_are_shown_below_their_folder_on_request_only() {
    let mut plain = store::open(&sample("identity"), None).unwrap();
    assert_eq!(folders(plain.as_mut()), ["Eingegangenes"]);
    let living = shown(plain.as_mut(), "Eingegangenes");
    let mut store = open(&sample("identity"));
    assert_eq!(folders(store.as_mut()), ["Eingegangenes", "Eingegangenes/Recovered"]);
    assert_eq!(shown(store.as_mut(), "Eingegangenes").1, living.1);

    let (listed, texts) = shown(store.as_mut(), "Eingegangenes/Recovered");
    assert_eq!(subjects(&listed), ["Message number 14", "Message number 15"]);
    assert!(listed.damage.is_empty() && listed.hidden.is_empty());
    for (one, text) in listed.messages.iter().zip(&texts) {
        assert_eq!((one.from.as_str(), one.date_from.label()), ("Alice Example", "date"));
        assert_eq!(one.warnings, [Warning::Recovered]);
        assert!(one.internal_date.is_some());
        assert_eq!(one.size, text.len() as u64);
    }
    let root = FolderPath::parse("Eingegangenes/Recovered");
    assert!(matches!(store.check_removable(&root), Err(StoreError::CopyOnly { .. })));
}

#[test]
fn undbx_recovers_the_same_texts() {
    let Some(made) = samples_of("made/dbx") else { return };
    let mut store = open(&made.join("deleted.dbx"));
    assert_eq!(folders(store.as_mut()), ["", "Recovered"]);
    assert_eq!(shown(store.as_mut(), "").1.len(), 20);
    let (_, texts) = shown(store.as_mut(), "Recovered");
    let digests: Vec<_> = texts.iter().map(|text| Sha256Sum::of(text).to_string()).collect();
    assert_eq!(digests, UNDBX);
    for name in ["flags.dbx", "header-only.dbx", "no-root.dbx", "truncated.dbx", "empty.dbx"] {
        assert_eq!(folders(open(&made.join(name)).as_mut()), [""], "{name}: nothing was deleted");
    }
    let Some(real) = samples_of("real") else { return };
    assert_eq!(folders(open(&real.join("dbx/jjm-Inbox.dbx")).as_mut()), [""]); // as undbx
}

/// A dbx file with two deleted messages, and where the parts of the first one's text are.
struct Patient {
    bytes: Vec<u8>,
    parts: Vec<usize>,
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Patient {
    fn new() -> Self {
        let bytes = fs::read(sample("identity/Posteingang.dbx")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.dbx");
        let mut patient = Self { bytes, parts: Vec::new(), _dir: dir, path };
        let (listed, _) = patient.recovered();
        let mut at = listed.messages[0].locator.offset as usize;
        while at != 0 {
            patient.parts.push(at);
            at = patient.word(at + 12) as usize;
        }
        patient
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    fn set(&mut self, at: usize, value: usize) {
        self.bytes[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
    }

    fn recovered(&self) -> (Listed, Vec<Vec<u8>>) {
        fs::write(&self.path, &self.bytes).unwrap();
        shown(open(&self.path).as_mut(), "Recovered")
    }
}

#[test]
fn a_deleted_text_that_was_partly_used_again_ends_there_and_nothing_comes_out_twice() {
    let whole = Patient::new().recovered().1;
    let parts = Patient::new().parts;
    assert!(parts.len() > 4);
    let living = 0x200;
    // What is written where; how many messages, how much of the first one's text (a cut one's last line is ended), whether it is cut.
    for (what, patches, messages, length, is_cut) in [
        ("a part with other text", vec![(parts[2] + 4, living), (parts[2] + 8, 10)], 2, 1026, true),
        ("a part that is no more", vec![(parts[3], 0)], 2, 1538, true),
        ("a chain that comes back", vec![(parts[2] + 12, parts[1])], 2, 1538, true),
        ("a chain past the end", vec![(parts[1] + 12, 0x7fff_fff0)], 2, 1026, true),
        ("a first part with other text", vec![(parts[0] + 4, living), (parts[0] + 8, 10)], 1, whole[1].len(), false),
        ("a list of freed parts that leads nowhere", vec![(0x48, 0x7fff_fff0)], 2, whole[0].len(), false),
        ("a list of freed parts that comes back", vec![(parts[0] + 16, parts[0])], 2, whole[0].len(), false),
    ] {
        let mut patient = Patient::new();
        for (at, value) in patches {
            patient.set(at, value);
        }
        let (listed, texts) = patient.recovered();
        assert_eq!((texts.len(), texts[0].len()), (messages, length), "{what}");
        assert_eq!(listed.messages[0].warnings.contains(&Warning::Truncated), is_cut, "{what}");
        assert_eq!(texts[messages - 1], whole[1], "{what}: the other one");
        assert!(messages == 1 || whole[0].starts_with(texts[0].trim_ascii_end()), "{what}");
    }
}

#[test]
fn a_text_that_changed_since_it_was_listed_is_not_read() {
    let mut patient = Patient::new();
    let (listed, _) = patient.recovered();
    let (folder, one) = (FolderPath::parse("Recovered"), &listed.messages[0].locator);
    let mut store = open(&patient.path);
    patient.set(patient.parts[1] + 12, 0);
    fs::write(&patient.path, &patient.bytes).unwrap();
    assert!(matches!(store.read(&folder, one), Err(StoreError::Changed { .. })));
    patient.set(patient.parts[0] + 4, 0x200);
    fs::write(&patient.path, &patient.bytes).unwrap();
    assert!(matches!(store.read(&folder, one), Err(StoreError::Vanished { .. })));
}

#[test]
fn older_programs_mark_deleted_messages_and_keep_them_whole() {
    let mut store = open(&sample("oe4"));
    assert_eq!(folders(store.as_mut()), ["Inbox", "Inbox/Größe", "Inbox/Recovered", "Outbox", "Sent Items"]);
    assert_eq!(shown(store.as_mut(), "Inbox").1.len(), 10);
    let (listed, texts) = shown(store.as_mut(), "Inbox/Recovered");
    assert_eq!(subjects(&listed), ["Message number 3", "Message number 7"]);
    assert!(listed.messages.iter().all(|one| one.warnings.is_empty()) && listed.damage.is_empty());
    assert!(texts.iter().all(|text| text.starts_with(b"From: ") && text.ends_with(b"\r\n")));

    let mut store = open(&sample("mac4"));
    assert_eq!(folders(store.as_mut()), ["Inbox", "Inbox/Recovered"]);
    assert_eq!(shown(store.as_mut(), "Inbox").1.len(), 5);
    let (listed, texts) = shown(store.as_mut(), "Inbox/Recovered");
    assert_eq!(subjects(&listed), ["Message number 4"]);
    assert!(texts[0].starts_with(b"From: "));
}

/// By the one description there is, which was never checked against a real file: an entry of a deleted message keeps its
/// folder, its length and its text.
#[test]
fn the_experimental_format_shows_deleted_messages_that_start_like_one() {
    let path = sample("mac5-Messages");
    let mut plain = store::open(&path, None).unwrap();
    let all = folders(plain.as_mut());
    assert_eq!(all, ["Folder 100", "Folder 101", "Folder 102"]);
    let mut store = open(&path);
    assert_eq!(folders(store.as_mut()), ["Folder 100", "Folder 101", "Folder 102", "Folder 102/Recovered"]);
    for folder in all {
        assert_eq!(shown(store.as_mut(), &folder).1, shown(plain.as_mut(), &folder).1, "{folder}");
    }
    let (listed, texts) = shown(store.as_mut(), "Folder 102/Recovered");
    assert_eq!(subjects(&listed), ["Message number 2"]);
    assert!(texts[0].starts_with(b"From: ") && texts[0].ends_with(b"\r\n"));
    assert!(listed.messages[0].warnings.is_empty() && listed.damage.is_empty());
    // The word alone is no message, nor is one that would go on past the end.
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(4).position(|window| window == b"DELE").unwrap();
    let dir = tempfile::tempdir().unwrap();
    for (place, value) in [(at + 16, [0; 4]), (at + 12, [0xff; 4]), (at + 12, [0; 4])] {
        let mut changed = bytes.clone();
        changed[place..place + 4].copy_from_slice(&value);
        let copy = dir.path().join("Messages");
        fs::write(&copy, changed).unwrap();
        assert_eq!(folders(open(&copy).as_mut()), ["Folder 100", "Folder 101", "Folder 102"]);
    }
}
