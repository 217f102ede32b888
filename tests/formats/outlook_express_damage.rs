//! Outlook Express stores with every kind of damage: what is not damaged comes out, and nothing comes out twice.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use mailferry::mail::{FolderPath, Sha256Sum, Warning};
use mailferry::store::{self, OpenOptions, StoreError};

use super::outcome::{LIMIT, Numbers};
use super::samples::samples_of;
use super::{Listed, copy_tree, data, list};

/// Where things are in Posteingang.dbx.
const HEADER_COUNT: u64 = 0xc4;
const HEADER_ROOT: u64 = 0xe4;

fn sample(name: &str) -> PathBuf {
    data().join("outlook-express").join(name)
}

/// A copy of the sample's bytes that can be damaged.
struct Patient {
    bytes: Vec<u8>,
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Patient {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("Posteingang.dbx");
        Self { bytes: fs::read(sample("identity/Posteingang.dbx")).unwrap(), _dir: dir, path }
    }

    fn word(&self, at: u64) -> u32 {
        u32::from_le_bytes(self.bytes[at as usize..at as usize + 4].try_into().unwrap())
    }

    fn set(&mut self, at: u64, value: u32) {
        self.bytes[at as usize..at as usize + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Where the parts of a message's text are; the list shows where its record is.
    fn parts(&self, record: u64) -> Vec<u64> {
        let fields = u64::from(self.bytes[record as usize + 10]);
        let word = (0..fields).map(|n| self.word(record + 12 + 4 * n)).find(|word| word & 0x7f == 4).unwrap();
        let mut parts = vec![u64::from(word >> 8)];
        while self.word(parts.last().unwrap() + 12) != 0 {
            parts.push(u64::from(self.word(parts.last().unwrap() + 12)));
        }
        parts
    }

    /// What comes out now: the digests, and what was found.
    fn examine(&self) -> (Vec<String>, Listed) {
        fs::write(&self.path, &self.bytes).unwrap();
        let mut store = store::open(&self.path, Some("dbx")).unwrap();
        let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
        let mut read = |one: &mailferry::mail::Envelope| {
            Sha256Sum::of(&store.read(&FolderPath::root(), &one.locator).unwrap()).to_string()
        };
        (listed.messages.iter().map(&mut read).collect(), listed)
    }
}

#[test]
fn damage_loses_only_what_is_damaged_and_is_named() {
    let (whole, listed) = Patient::new().examine();
    let records: Vec<_> = listed.messages.iter().map(|one| one.locator.offset).collect();
    let all: BTreeSet<_> = whole.iter().cloned().collect();
    assert_eq!((whole.len(), all.len(), listed.damage.len()), (17, 17, 1));
    let tenth = Patient::new().parts(records[9]);
    let eleventh = Patient::new().parts(records[10]);
    assert!(tenth.len() > 3 && eleventh.len() > 3);
    let root = u64::from(Patient::new().word(HEADER_ROOT));

    // Each kind of damage: words that are written, messages whole, cut, words of a remark.
    let at = |offset: u64| u32::try_from(offset).unwrap();
    for (what, patches, whole_ones, cut, words) in [
        ("a chain that comes back", vec![(tenth[2] + 12, at(tenth[0]))], 16, 1, "already belongs"),
        ("a chain that stays", vec![(tenth[1] + 12, at(tenth[1]))], 16, 1, "already belongs"),
        ("a chain past the end", vec![(tenth[1] + 12, 0x7fff_fff0)], 16, 1, "the file ends here"),
        ("a chain to nowhere", vec![(tenth[1] + 12, at(tenth[1]) + 4)], 16, 1, "no part of a text here"),
        ("a chain into another message", vec![(eleventh[1] + 12, at(tenth[2]))], 16, 1, "already belongs"),
        ("a part with a wrong mark", vec![(tenth[1], 0)], 16, 1, "no part of a text here"),
        ("a part that was deleted", vec![(tenth[1] + 4, 0x1fc)], 16, 1, "was deleted"),
        ("a part that is too long", vec![(tenth[1] + 8, 0x201)], 16, 1, "not as it must be"),
        ("a first part that is gone", vec![(tenth[0], 0)], 16, 0, "it is not carried"),
        ("no root", vec![(HEADER_ROOT, 0)], 17, 0, "found 17 more"),
        ("a root past the end", vec![(HEADER_ROOT, 0xffff_fff0)], 17, 0, "found 17 more"),
        ("a root that leads back to itself", vec![(root + 8, at(root)), (root + 20, 5)], 17, 0, "a second time"),
        ("a node with too many entries", vec![(root + 16, 0xff00)], 17, 0, "more entries"),
        ("a count that is too high", vec![(HEADER_COUNT, 25)], 17, 0, "counts 25 messages"),
        ("a count that is too low", vec![(HEADER_COUNT, 3)], 17, 0, "counts 3 messages"),
        ("a record with a wrong mark", vec![(records[9], 1)], 17, 0, "without its record"),
        ("a record twice in the index", vec![(root + 24, at(records[9]))], 17, 0, "this record a second time"),
        ("no start at all", vec![(0, 0), (4, 0)], 17, 0, "never downloaded"),
    ] {
        let mut patient = Patient::new();
        for (offset, value) in patches {
            patient.set(offset, value);
        }
        let (found, listed) = patient.examine();
        let known = found.iter().filter(|one| all.contains(*one)).count();
        let is_cut = |one: &&mailferry::mail::Envelope| one.warnings.contains(&Warning::Truncated);
        assert_eq!(known, whole_ones, "{what}: {:?}", listed.damage);
        assert_eq!(listed.messages.iter().filter(is_cut).count(), cut, "{what}");
        assert_eq!(found.len(), whole_ones + cut, "{what}");
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len(), "{what}: a message came out twice");
        assert!(listed.damage.iter().any(|damage| damage.reason.contains(words)), "{what}: {:?}", listed.damage);
    }
}

#[test]
fn text_that_is_missing_inside_a_message_is_named() {
    let mut patient = Patient::new();
    let (_, listed) = patient.examine();
    let part = patient.parts(listed.messages[10].locator.offset)[1];
    patient.set(part + 8, 0x100);
    let (found, listed) = patient.examine();
    assert_eq!(found.len(), 17);
    assert!(listed.damage.iter().any(|one| one.offset == part && one.reason.contains("may lack some text")));
}

#[test]
fn what_was_deleted_does_not_come_back_with_a_search() {
    let mut patient = Patient::new();
    patient.set(HEADER_ROOT, 0);
    let (_, listed) = patient.examine();
    for gone in ["Message number 14", "Message number 15"] {
        assert!(listed.messages.iter().all(|one| one.subject != gone), "{gone}");
    }
}

#[test]
fn a_file_that_changes_between_list_and_read_is_noticed() {
    let mut patient = Patient::new();
    let (_, listed) = patient.examine();
    let root = FolderPath::root();
    let one = &listed.messages[10].locator;
    let parts = patient.parts(one.offset);
    let read = |patient: &Patient| {
        fs::write(&patient.path, &patient.bytes).unwrap();
        store::open(&patient.path, None).unwrap().read(&root, one)
    };
    assert!(read(&patient).is_ok());
    patient.set(parts[1] + 12, 0);
    assert!(matches!(read(&patient), Err(StoreError::Changed { .. })), "shorter");
    patient.set(one.offset + 8, 0);
    assert!(matches!(read(&patient), Err(StoreError::Vanished { .. })), "freed");
    fs::remove_file(&patient.path).unwrap();
    let mut store = store::open(&sample("identity/Posteingang.dbx"), None).unwrap();
    assert!(store.read(&root, one).is_ok());
}

#[test]
fn a_damaged_file_is_survived_while_deleted_messages_are_looked_for() {
    let Some(made) = samples_of("made/dbx") else { return };
    let whole = fs::read(made.join("deleted.dbx")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deleted.dbx");
    let options = OpenOptions { recovered: true, ..OpenOptions::of_format(Some("dbx")) };
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    for _ in 0..400 {
        let mut bytes = whole[..whole.len() - numbers.next(whole.len() / 4)].to_vec();
        for _ in 0..=numbers.next(4) {
            let at = numbers.next(bytes.len());
            bytes[at] ^= 1 << numbers.next(8);
        }
        fs::write(&path, &bytes).unwrap();
        let started = Instant::now();
        let Ok(mut store) = store::open_with(&path, &options) else { continue };
        for folder in store.folders().unwrap().into_iter().filter(|folder| folder.holds_messages) {
            for one in list(store.as_mut(), &folder.path).unwrap().messages {
                store.read(&folder.path, &one.locator).unwrap();
            }
        }
        assert!(started.elapsed() < LIMIT);
    }
}

#[test]
fn objects_made_to_waste_time_end_in_bounded_time() {
    // Many records lead to one long chain, and many nodes to one node.
    let mut patient = Patient::new();
    let (_, listed) = patient.examine();
    let first = patient.parts(listed.messages[0].locator.offset)[0];
    patient.bytes.resize(8 << 20, 0);
    let start = 200_000_u64;
    for number in 0..15_000 {
        let at = start + number * 0x210;
        if at + 0x210 > patient.bytes.len() as u64 {
            break;
        }
        let next = at + 0x210;
        for (place, value) in
            [(0, u32::try_from(at).unwrap()), (4, 0x200), (8, 0x200), (12, u32::try_from(next).unwrap())]
        {
            patient.set(at + place, value);
        }
    }
    for one in &listed.messages {
        let parts = patient.parts(one.locator.offset);
        patient.set(parts.last().unwrap() + 12, u32::try_from(start).unwrap());
    }
    patient.set(first + 12, u32::try_from(start).unwrap());
    let started = Instant::now();
    let (_, listed) = patient.examine();
    assert!(started.elapsed() < LIMIT);
    let bytes: u64 = listed.messages.iter().map(|one| one.size).sum();
    assert!(bytes < 9 << 20, "text that belongs to one message came out {bytes} bytes long");
}

/// A copy of a sample store that can be damaged.
fn copied(name: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    if sample(name).is_dir() {
        copy_tree(&sample(name), &path);
    } else {
        fs::copy(sample(name), &path).unwrap();
    }
    (dir, path)
}

fn damage_file(path: &Path, at: u64, bytes: &[u8]) {
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}

fn listed(path: &Path, folder: &str) -> Listed {
    list(store::open(path, None).unwrap().as_mut(), &FolderPath::parse(folder)).unwrap()
}

fn reasons(listed: &Listed) -> String {
    listed.damage.iter().map(|damage| damage.reason.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_outlook_express_4_folder_loses_only_what_is_damaged() {
    let (_dir, path) = copied("oe4");
    let (mbx, idx) = (path.join("Inbox.mbx"), path.join("Inbox.idx"));
    let whole = listed(&path, "Inbox");
    let second = whole.messages[1].locator.offset;
    let undamaged = fs::read(&mbx).unwrap();

    damage_file(&mbx, second, b"XXXX"); // the mark of the second message
    let found = listed(&path, "Inbox");
    assert_eq!((found.messages == whole.messages, found.hidden.len()), (true, 2));
    assert!(reasons(&found).contains("first bytes are damaged"), "{}", reasons(&found));
    damage_file(&mbx, second, b"\0\x7f\0\x7f");

    damage_file(&mbx, second + 8, &[0xff; 8]); // its lengths
    assert_eq!(listed(&path, "Inbox").messages, whole.messages);
    assert!(reasons(&listed(&path, "Inbox")).contains("lengths of this message are wrong"));
    let over = u32::try_from(whole.messages[3].locator.offset - second).unwrap();
    damage_file(&mbx, second + 8, &over.to_le_bytes()); // its length leads on, but past other messages
    assert_eq!(listed(&path, "Inbox").messages, whole.messages);
    fs::write(&mbx, undamaged).unwrap();

    let indexed = fs::read(&idx).unwrap();
    damage_file(&idx, 80 + 12, b"XXXX"); // the first record of the index
    let found = listed(&path, "Inbox");
    assert_eq!((found.messages.len(), found.hidden.len()), (10, 2), "{}", reasons(&found));
    assert!(reasons(&found).contains("1 messages are not in the index"), "{}", reasons(&found));

    fs::rename(&idx, path.join("INBOX.IDX")).unwrap(); // the case of names differs on other systems
    assert_eq!(listed(&path, "Inbox").hidden.len(), 2);
    fs::remove_file(path.join("INBOX.IDX")).unwrap();
    let found = listed(&path, "Inbox");
    assert_eq!((found.messages.len(), found.hidden.len()), (12, 0));
    assert!(reasons(&found).contains("deleted messages come out again"), "{}", reasons(&found));

    let undamaged = fs::read(&mbx).unwrap();
    fs::write(path.join("INBOX.IDX"), &indexed).unwrap();
    fs::write(&mbx, &undamaged[..whole.messages[8].locator.offset as usize]).unwrap();
    let found = reasons(&listed(&path, "Inbox"));
    assert!(found.contains("the index beside the file has 2 more messages"), "{found}");
    fs::write(&mbx, &undamaged[1..]).unwrap();
    let first = super::folders(store::open(&path, None).unwrap().as_mut()).swap_remove(0);
    let found = reasons(&listed(&path, &first));
    assert!(found.contains("it does not start like an Outlook Express 4 folder"), "{found}");
    fs::write(&mbx, &undamaged).unwrap();
    fs::remove_file(path.join("INBOX.IDX")).unwrap();

    fs::write(path.join("folders.nch"), b"nothing").unwrap();
    let mut store = store::open(&path, None).unwrap();
    assert_eq!(super::folders(store.as_mut()), ["Inbox", "BadLengths", "NoIndex", "Outbox"]);
    assert!(reasons(&listed(&path, "Inbox")).contains("folders go by the names of their files"));
}

#[test]
fn a_mac_folder_loses_only_what_is_damaged() {
    let (_dir, path) = copied("mac4/Internet Mail/Inbox");
    let (mail, index) = (path.join("Mail"), path.join("Index"));
    let whole = listed(&path, "");
    let third = whole.messages[2].locator.offset;

    damage_file(&mail, third, b"XXXX"); // the one before ends where the index says
    let found = listed(&path, "");
    assert_eq!((found.messages.len(), found.hidden.len()), (4, 1), "{}", reasons(&found));
    assert_eq!(found.messages[1], whole.messages[1]);
    assert!(found.damage.iter().any(|damage| damage.offset == third), "{}", reasons(&found));
    damage_file(&mail, third, b"MSum");

    let place = fs::read(&index).unwrap()[28 + 12..28 + 16].to_vec();
    damage_file(&index, 28 + 12, b"XXXX"); // the place of the first message
    assert_eq!(listed(&path, "").messages, whole.messages);
    let stamp = fs::read(&index).unwrap()[16..20].to_vec();
    damage_file(&index, 16, b"XXXX"); // an index of another time
    assert_eq!(listed(&path, "").messages, whole.messages);
    damage_file(&index, 16, &stamp);
    damage_file(&index, 28 + 12, &place);
    damage_file(&index, 12, &[0, 0, 0, 2]); // how many messages it has
    let found = listed(&path, "");
    assert_eq!((&found.messages, found.hidden.len()), (&whole.messages, 1));
    assert!(reasons(&found).contains("it lacks the message at byte"), "{}", reasons(&found));
    fs::remove_file(&index).unwrap();
    let found = listed(&path, "");
    assert_eq!((&found.messages, found.hidden.len()), (&whole.messages, 1));
    assert!(reasons(&found).contains("does not fit"), "{}", reasons(&found));
}

#[test]
fn a_file_of_the_later_mac_program_is_searched_where_its_tables_fail() {
    let (_dir, path) = copied("mac5-Messages");
    let all = |path: &Path| {
        let mut store = store::open(path, Some("oe-mac5")).unwrap();
        let folders = super::folders(store.as_mut());
        let mut places: Vec<_> = folders
            .iter()
            .flat_map(|folder| list(store.as_mut(), &FolderPath::parse(folder)).unwrap().messages)
            .map(|one| one.locator.offset)
            .collect();
        places.sort_unstable();
        places
    };
    let whole = all(&path);
    assert_eq!(whole.len(), 7);
    damage_file(&path, 0x100, b"XXXX"); // the table that the last one leads to
    assert_eq!(all(&path), whole);
    damage_file(&path, 0x100, b"TOC ");
    for (place, words) in [(b"\0\0\x21\0", "a second entry leads to this table"), (&[0; 4], "found 7 more messages")] {
        damage_file(&path, 0x2100 + 16, place); // the last table leads to itself, or to nothing
        let mut store = store::open(&path, Some("oe-mac5")).unwrap();
        let first = super::folders(store.as_mut()).swap_remove(0);
        let found = list(store.as_mut(), &FolderPath::parse(&first)).unwrap();
        assert!(reasons(&found).contains(words), "{}", reasons(&found));
    }
    assert_eq!(all(&path), whole);
    damage_file(&path, 0x0c, b"\xff\xff\xff\xff"); // the place of the last table
    assert_eq!(all(&path), whole);
}

#[test]
fn folders_of_which_none_can_be_read_are_refused_and_not_shown_empty() {
    let dir = tempfile::tempdir().unwrap();
    copy_tree(&data().join("../small/dbx"), dir.path());
    fs::write(dir.path().join("Inbox.dbx"), "").unwrap();
    let error = store::open(dir.path(), Some("dbx")).err().unwrap().to_string();
    assert!(error.contains("Inbox.dbx: it does not start like an Outlook Express folder"), "{error}");
}
