//! Outlook Express stores against other readers, the generators' manifests and real files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mailferry::mail::{FolderPath, Sha256Sum, SpecialUse, Warning};
use mailferry::store::{self, Store, StoreError, Walk};
use serde_json::Value;

use super::samples::samples_of;
use super::{Listed, copy_tree, data, folders, list};

fn sample(name: &str) -> std::path::PathBuf {
    data().join("outlook-express").join(name)
}

/// The digests of all messages of a folder, with everything that was found.
fn digests(store: &mut dyn Store, folder: &str) -> (Vec<String>, Listed) {
    let folder = FolderPath::parse(folder);
    let listed = list(store, &folder).unwrap();
    let read = |one: &mailferry::mail::Envelope| Sha256Sum::of(&store.read(&folder, &one.locator).unwrap()).to_string();
    (listed.messages.iter().map(read).collect(), listed)
}

fn digests_of(path: &Path) -> (Vec<String>, Listed) {
    digests(store::open(path, None).unwrap().as_mut(), "")
}

#[test]
fn undbx_reads_the_same_bytes() {
    let text = fs::read_to_string(sample("undbx.txt")).unwrap();
    let theirs: BTreeSet<_> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let (ours, _) = digests_of(&sample("identity/Posteingang.dbx"));
    assert_eq!(ours.len(), 17);
    assert_eq!(ours.into_iter().collect::<BTreeSet<_>>(), theirs);
}

#[test]
fn an_identity_shows_its_localised_tree_with_uses_by_number() {
    let mut store = store::open(&sample("identity"), None).unwrap();
    let all = store.folders().unwrap();
    let shown: Vec<_> = all
        .iter()
        .map(|folder| {
            let special = folder.special.map_or("", SpecialUse::label);
            format!("{} {special} {}", folder.path, folder.holds_messages)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Eingegangenes inbox true",
            "Eingegangenes/Bücher  false",
            "Entwürfe drafts false",
            "Gelöschte Objekte trash false",
            "Gesendete Objekte sent false",
            "Postausgang  false"
        ]
    );
}

#[test]
fn files_that_no_list_names_are_folders_too_and_leftovers_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let one = dir.path().join("Identities/{A}/Microsoft/Outlook Express");
    let two = dir.path().join("Identities/{B}/Microsoft/Outlook Express");
    copy_tree(&sample("identity"), &one);
    copy_tree(&sample("identity"), &two);
    fs::copy(one.join("Posteingang.dbx"), one.join("Extra(1).DBX")).unwrap();
    fs::copy(one.join("Posteingang.dbx"), one.join("Posteingang.bak")).unwrap();
    fs::write(one.join("broken.dbx"), b"nothing").unwrap();
    fs::copy(sample("oe4/Inbox.mbx"), one.join("old.mbx")).unwrap();
    fs::remove_file(two.join("Posteingang.dbx")).unwrap();
    let mut store = store::open(dir.path(), None).unwrap();
    assert_eq!(
        folders(store.as_mut()),
        ["Identities/{A}/Eingegangenes", "Identities/{A}/Extra(1)", "Identities/{A}/Microsoft/Outlook Express/old"],
        "the second identity has folders, but no file"
    );
    let (messages, listed) = digests(store.as_mut(), "Identities/{A}/Eingegangenes");
    assert_eq!(messages.len(), 17);
    for (file, words) in [
        ("Posteingang.bak", "leftover"),
        ("broken.dbx", "does not start like"),
        ("Outlook Express", "POSTEINGANG.DBX, is not here"),
    ] {
        let named = |damage: &store::Damage| damage.file.ends_with(file) && damage.reason.contains(words);
        assert!(listed.damage.iter().any(named), "{file}: {:?}", listed.damage);
    }
}

#[test]
fn single_messages_can_not_be_moved_out_and_a_move_says_so_before_it_starts() {
    for (path, folder) in
        [("identity", "Eingegangenes"), ("oe4", "Inbox"), ("mac4", "Inbox"), ("mac5-Messages", "Folder 100")]
    {
        let mut store = store::open(&sample(path), None).unwrap();
        let folder = FolderPath::parse(folder);
        let error = store.check_removable(&folder).unwrap_err();
        assert!(matches!(error, StoreError::CopyOnly { .. }));
        assert!(error.to_string().contains("copy instead, then put the file away"), "{error}");
        assert!(store.remove(&folder, &[]).is_err());
    }
}

#[test]
fn a_count_is_that_of_the_list_and_a_walk_stops_when_it_is_told_to() {
    for (path, folder, messages) in [
        ("identity", "Eingegangenes", 17),
        ("oe4", "Inbox", 10),
        ("mac4", "Inbox", 5),
        ("mac5-Messages", "Folder 100", 2),
    ] {
        let mut store = store::open(&sample(path), None).unwrap();
        let folder = FolderPath::parse(folder);
        assert_eq!(store.count(&folder, &mut |_| Walk::Continue(())).unwrap().messages, messages, "{path}");
        let mut seen = 0;
        let mut visit = |_| {
            seen += 1;
            Walk::Break(())
        };
        store.list(&folder, &mut visit).unwrap();
        assert_eq!(seen, 1, "{path}");
    }
}

#[test]
fn every_made_dbx_has_the_messages_of_its_manifest() {
    let Some(made) = samples_of("made/dbx") else { return };
    let manifest: Value = serde_json::from_str(&fs::read_to_string(made.join("manifest.json")).unwrap()).unwrap();
    for (name, expected) in manifest.as_object().unwrap() {
        let Some(wanted) = expected["sha256_of_messages"].as_array() else { continue };
        let (found, listed) = digests_of(&made.join(name));
        assert_eq!(found.len() as u64, expected["live"], "{name}");
        assert_eq!(found, wanted.iter().map(|one| one.as_str().unwrap()).collect::<Vec<_>>(), "{name}");
        let lost = if name == "header-only.dbx" { 3 } else { 0 };
        assert_eq!((listed.damage.len(), listed.hidden.len()), (lost, 0), "{name}");
    }
}

/// Messages that come out whole, ones that are cut, and remarks.
#[test]
fn every_damaged_dbx_gives_all_that_is_not_damaged_and_names_the_rest() {
    let Some(made) = samples_of("made/dbx") else { return };
    let whole: BTreeSet<_> = digests_of(&made.join("no-root.dbx")).0.into_iter().collect();
    assert_eq!(whole.len(), 60);
    for (name, whole_ones, cut, damage) in [
        ("loop-chain.dbx", 59, 1, 1),
        ("cut-chain.dbx", 59, 1, 1),
        ("bad-marker.dbx", 59, 1, 1),
        ("tree-loop.dbx", 60, 0, 3),
        ("no-root.dbx", 60, 0, 2),
        ("truncated.dbx", 12, 0, 51), // 48 messages without text, and three remarks on the index
    ] {
        let (found, listed) = digests_of(&made.join(name));
        let is_cut = |one: &&mailferry::mail::Envelope| one.warnings.contains(&Warning::Truncated);
        assert_eq!(found.iter().filter(|one| whole.contains(*one)).count(), whole_ones, "{name}");
        assert_eq!(listed.messages.iter().filter(is_cut).count(), cut, "{name}");
        assert_eq!(found.len(), whole_ones + cut, "{name}");
        assert_eq!(listed.damage.len(), damage, "{name}: {:?}", listed.damage);
    }
}

#[test]
fn a_made_store_has_its_tree() {
    let Some(made) = samples_of("made/dbx") else { return };
    let mut store = store::open(&made, None).unwrap();
    let found = folders(store.as_mut());
    for folder in [
        "Inbox",
        "Inbox/Bücher",
        "Inbox/Bücher/Zweite Ebene%2Fmit Schrägstrich",
        "imap.example.net/Inbox",
        "Orphan (parent missing)",
        "Drafts",
        "bad-marker",
    ] {
        assert!(found.iter().any(|one| one == folder), "{folder}: {found:?}");
    }
}

#[test]
fn real_files_read_as_undbx_and_eulcommon_read_them() {
    let Some(real) = samples_of("real") else { return };
    let dir = tempfile::tempdir().unwrap();
    for name in ["Folders", "Inbox", "Outbox", "Offline"] {
        fs::copy(real.join(format!("dbx/jjm-{name}.dbx")), dir.path().join(format!("{name}.dbx"))).unwrap();
    }
    let mut store = store::open(dir.path(), None).unwrap();
    let all: Vec<_> = store.folders().unwrap().iter().map(|folder| folder.path.to_string()).collect();
    assert_eq!(all, ["Inbox", "Deleted Items", "Drafts", "Hotmail", "Outbox", "Sent Items"]);
    assert_eq!(folders(store.as_mut()), ["Inbox", "Outbox"]);
    let (found, listed) = digests(store.as_mut(), "Inbox");
    assert_eq!(found, ["5690ac3f898d12554c351767385901b1281720a1b485b08057b47ced59891ec9"]); // undbx
    assert!(listed.damage.is_empty());
    assert!(store::open(&real.join("dbx/jjm-Offline.dbx"), None).err().unwrap().to_string().contains("holds no mail"));

    let (found, listed) = digests_of(&real.join("oe-mac/oe45-folder"));
    assert_eq!((found.len(), listed.damage.len()), (2, 0));
    let subjects: Vec<_> = listed.messages.iter().map(|one| one.subject.as_str()).collect();
    assert_eq!(subjects, ["Hi!", "hello again"]);
}

#[test]
fn the_made_old_stores_have_the_messages_of_their_manifest() {
    let Some(made) = samples_of("made/outlook-express-4-and-mac") else { return };
    let manifest: Value = serde_json::from_str(&fs::read_to_string(made.join("manifest.json")).unwrap()).unwrap();
    let wanted = |name: &str| -> Vec<String> {
        manifest[name].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    for (name, file, gone) in [
        ("oe4/Inbox", "oe4/Inbox.mbx", &[2, 6][..]),
        ("oe4/Outbox", "oe4/Outbox.mbx", &[]),
        ("oe4/NoIndex", "oe4/NoIndex.mbx", &[]),
        ("oe4/BadLengths", "oe4/BadLengths.mbx", &[]),
    ] {
        let mut wanted = wanted(name);
        for number in gone.iter().rev() {
            wanted.remove(*number);
        }
        assert_eq!(digests_of(&made.join(file)).0, wanted, "{name}");
    }
    let (found, listed) = digests_of(&made.join("oe4/Truncated.mbx"));
    let whole = found.len() - 1;
    assert_eq!(found[..whole], wanted("oe4/Truncated")[..whole]);
    assert_eq!(listed.messages[whole].warnings, [Warning::Truncated]);
    assert_eq!(listed.damage.len(), 2, "that it is cut, and that its index has more messages");
}
