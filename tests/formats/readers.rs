//! The stores of tests/data/stores read as other programs read them: readers.json, made by readers.py.

use mailferry::mail::{Envelope, FolderPath, Sha256Sum};
use mailferry::store::{self, Store};
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
    let mut theirs: Vec<_> = row["messages"].as_array().unwrap().iter().collect();
    if let Some(shown) = row["shown"].as_u64() {
        let ours: Vec<_> = messages.iter().map(|one| digest(store.as_mut(), &folder, one)).collect();
        let hidden = theirs.extract_if(.., |one| !ours.iter().any(|digest| one["sha256"] == **digest)).count();
        assert_eq!(hidden as u64, shown, "{name}");
    }
    let left_out = row["left_out"].as_u64().unwrap() as usize;
    assert_eq!(messages.len(), theirs.len() + left_out, "{name}");
    for (ours, theirs) in messages.iter().zip(theirs) {
        let name = format!("{name}: {}", ours.subject);
        if let Some(wanted) = theirs["sha256"].as_str() {
            assert_eq!(digest(store.as_mut(), &folder, ours), wanted, "{name}");
        }
        if let Some(flags) = theirs["flags"].as_str() {
            let shown = ours.flags.to_string();
            let known =
                |flag: &&str| row["knows"].as_str().is_none_or(|knows| knows.split(' ').any(|one| one == *flag));
            assert_eq!(sorted(shown.split_whitespace().filter(known)), flags, "{name}");
        }
        if let Some(keywords) = theirs["keywords"].as_str() {
            assert_eq!(sorted(ours.keywords.iter().map(String::as_str)), sorted(keywords.split_whitespace()), "{name}");
        }
        if let Some(unix) = theirs["unix"].as_i64() {
            assert_eq!(ours.internal_date.unwrap().unix(), unix, "{name}");
        }
    }
}

fn digest(store: &mut dyn Store, folder: &FolderPath, message: &Envelope) -> String {
    Sha256Sum::of(&store.read(folder, &message.locator).unwrap()).to_string()
}

fn sorted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut words: Vec<_> = words.collect();
    words.sort_unstable();
    words.join(" ")
}
