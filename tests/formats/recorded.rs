//! The stores of tests/data/stores hold exactly what make.py put in.

use std::path::Path;

use mailferry::mail::FolderPath;
use mailferry::store::{self, Walk};
use serde_json::Value;

use super::{data, describe, folders, list};

#[test]
fn every_recorded_store_gives_back_what_was_put_in() {
    assert!(check(&data()) > 25);
}

#[test]
fn every_outlook_express_store_gives_back_what_was_put_in() {
    assert!(check(&data().join("outlook-express")) >= 3);
}

/// Compares every store that `dir` has an expectation of. Gives their number.
fn check(dir: &Path) -> usize {
    let text = std::fs::read_to_string(dir.join("expected.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let stores = all.as_object().unwrap();
    for (path, expected) in stores {
        let forced = expected["named"].as_bool().unwrap().then(|| expected["format"].as_str().unwrap());
        let mut store = store::open(&dir.join(path), forced).unwrap();
        assert_eq!(store.format().name, expected["format"], "{path}");
        let wanted = expected["folders"].as_object().unwrap();
        let mut found = folders(store.as_mut());
        found.sort();
        let mut names: Vec<_> = wanted.keys().cloned().collect();
        names.sort();
        assert_eq!(found, names, "{path}");
        let (mut hidden, mut damage) = (0, 0);
        for (name, messages) in wanted {
            let folder = FolderPath::parse(name);
            let listed = list(store.as_mut(), &folder).unwrap();
            let again = list(store.as_mut(), &folder).unwrap();
            assert_eq!(listed.messages, again.messages, "{path}#{name}: a second walk");
            let shown: Vec<_> =
                listed.messages.iter().map(|one| describe(one, &store.read(&folder, &one.locator).unwrap())).collect();
            let wanted: Vec<_> = messages.as_array().unwrap().iter().map(line).collect();
            assert_eq!(shown, wanted, "{path}#{name}");
            let count = store.count(&folder, &mut |_| Walk::Continue(())).unwrap();
            assert_eq!(count.messages, listed.messages.len() as u64, "{path}#{name}");
            assert_eq!(count.bytes, listed.messages.iter().map(|one| one.size).sum::<u64>(), "{path}#{name}");
            hidden += listed.hidden.len();
            damage += listed.damage.len();
            assert_eq!(listed.damage, again.damage);
        }
        assert_eq!(hidden as u64, expected["hidden"], "{path}: hidden");
        assert_eq!(damage as u64, expected["damage"], "{path}: damage");
    }
    stores.len()
}

/// One expected message in the form of [`describe`].
fn line(message: &Value) -> String {
    let text = |name: &str| message[name].as_str().unwrap().to_owned();
    let warnings: Vec<_> = message["warnings"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let parts = ["sha256", "subject", "flags", "keywords", "date", "rule"].map(text);
    format!("{} | {}", parts.join(" | "), warnings.join(", "))
}

#[test]
fn a_count_before_any_list_is_the_same() {
    for path in ["python/box.mbox", "dialects/mozilla.mbox", "dialects/mboxcl2.mbox", "eml"] {
        let mut store = store::open(&data().join(path), None).unwrap();
        let count = store.count(&FolderPath::root(), &mut |_| Walk::Continue(())).unwrap();
        let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
        assert_eq!(count.messages, listed.messages.len() as u64, "{path}");
    }
}

#[test]
fn a_walk_stops_when_it_is_told_to() {
    for (path, folder) in [("dialects/lf.mbox", ""), ("python/Maildir", "INBOX"), ("eml", "")] {
        let mut store = store::open(&data().join(path), None).unwrap();
        let mut seen = 0;
        let mut visit = |_| {
            seen += 1;
            Walk::Break(())
        };
        store.list(&FolderPath::parse(folder), &mut visit).unwrap();
        assert_eq!(seen, 1, "{path}");
        assert_eq!(list(store.as_mut(), &FolderPath::parse(folder)).unwrap().messages.len(), 3, "{path}");
    }
}
