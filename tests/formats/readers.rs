//! The stores of tests/data/stores read as other programs read them: readers.json, made by readers.py.

use mailferry::mail::{Digest, FolderPath};
use mailferry::store;
use serde_json::Value;

use super::{data, folders, list};

#[test]
fn stores_read_as_other_programs_read_them() {
    let text = std::fs::read_to_string(data().join("readers.json")).unwrap();
    let rows: Value = serde_json::from_str(&text).unwrap();
    let rows = rows.as_array().unwrap();
    assert!(rows.len() > 40);
    rows.iter().for_each(check);
}

fn check(row: &Value) {
    let text = |name: &str| row[name].as_str().unwrap();
    let name = format!("{} of {}#{}", text("reader"), text("store"), text("folder"));
    let mut store = store::open(&data().join(text("store")), None).unwrap();
    assert!(folders(store.as_mut()).iter().any(|folder| folder == text("folder")), "{name}");
    let folder = FolderPath::parse(text("folder"));
    let messages = list(store.as_mut(), &folder).unwrap().messages;
    let wanted = row["messages"].as_array().unwrap();
    assert_eq!(messages.len(), wanted.len() + row["left_out"].as_u64().unwrap() as usize, "{name}");
    for (ours, theirs) in messages.iter().zip(wanted) {
        let name = format!("{name}: {}", ours.subject);
        if let Some(digest) = theirs["sha256"].as_str() {
            let bytes = store.read(&folder, &ours.locator).unwrap();
            assert_eq!(Digest::of(&bytes).to_string(), digest, "{name}");
        }
        if let Some(flags) = theirs["flags"].as_str() {
            let shown = ours.flags.to_string();
            let mut shown: Vec<_> = shown.split_whitespace().collect();
            shown.sort_unstable();
            assert_eq!(shown.join(" "), flags, "{name}");
        }
        if let Some(unix) = theirs["unix"].as_i64() {
            assert_eq!(ours.internal_date.unwrap().unix(), unix, "{name}");
        }
    }
}
