//! Outlook's stores, read by mailferry and by others: the same folders, texts and attachments, and the same bytes each time.
//!
//! What others find is recorded in tests/data/outlook/expected.json, by make.py beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mail_parser::{MessageParser, MimeHeaders as _};
use mailferry::mail::{DateSource, Digest, Envelope, Flags, FolderPath, InternalDate, Sha256Sum, SpecialUse};
use mailferry::store::{self, Hidden, StoreError};
use serde_json::{Value, json};

use super::samples::samples;
use super::{folders, list};

fn outlook_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/outlook")
}

fn expected() -> Value {
    serde_json::from_slice(&fs::read(outlook_data().join("expected.json")).unwrap()).unwrap()
}

fn short(bytes: &[u8]) -> String {
    Sha256Sum::of(bytes).to_string()[..16].to_owned()
}

/// The digest of a text without its blanks.
fn text_digest(text: Option<&str>) -> String {
    text.map(|text| short(text.split_whitespace().collect::<String>().as_bytes())).unwrap_or_default()
}

/// What mail-parser finds in a message, in the form that parse.py prints.
fn parsed(bytes: &[u8]) -> Value {
    let found = MessageParser::new().parse(bytes).unwrap();
    let body = |kind: &str| {
        let part = found.parts.iter().find(|part| {
            let is_kind = part.content_type().is_some_and(|one| one.subtype() == Some(kind) && one.ctype() == "text");
            is_kind && part.content_disposition().is_none()
        });
        text_digest(part.and_then(|part| part.text_contents()))
    };
    let attached = |part: &&mail_parser::MessagePart<'_>| part.content_disposition().is_some() && !part.is_message();
    let mut files: Vec<_> = found
        .parts
        .iter()
        .filter(attached)
        .map(|part| json!([part.attachment_name().unwrap_or_default(), short(part.contents())]))
        .collect();
    files.sort_by_key(ToString::to_string);
    files.dedup();
    let messages: Vec<_> = found
        .parts
        .iter()
        .filter_map(|part| part.message())
        .map(|one| json!(one.subject().unwrap_or_default()))
        .collect();
    json!({"subject": found.subject().unwrap_or_default(), "text": body("plain"), "html": body("html"), "files": files, "messages": messages})
}

/// What Python's email finds in messages.
fn parsed_by_python(messages: &[Vec<u8>]) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..messages.len()).map(|number| dir.path().join(format!("{number:03}.eml"))).collect();
    for (name, bytes) in names.iter().zip(messages) {
        fs::write(name, bytes).unwrap();
    }
    let output = Command::new("python3").arg(outlook_data().join("parse.py")).args(&names).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The messages of each folder of a store, read twice.
fn read_all(path: &Path) -> BTreeMap<String, Vec<(Envelope, Vec<u8>)>> {
    let (mut store, mut again) = (store::open(path, None).unwrap(), store::open(path, None).unwrap());
    let mut all = BTreeMap::new();
    for name in folders(store.as_mut()) {
        let folder = FolderPath::parse(&name);
        let listed = list(store.as_mut(), &folder).unwrap();
        assert_eq!(listed.damage, [], "{name}");
        let read = |envelope: Envelope| {
            let bytes = store.read(&folder, &envelope.locator).unwrap();
            assert_eq!(bytes, again.read(&folder, &envelope.locator).unwrap(), "the same bytes each time");
            assert_fit_for_mail(&bytes);
            (envelope, bytes)
        };
        all.insert(name, listed.messages.into_iter().map(read).collect());
    }
    all
}

/// Lines end in CRLF and are short, headers and bodies are ASCII, each structure field is there once.
fn assert_fit_for_mail(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.is_ascii() && text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n', '\0']));
    assert!(text.split("\r\n").all(|line| line.len() <= 998));
    let head = text.split("\r\n\r\n").next().unwrap().to_lowercase();
    for (field, least) in [("mime-version:", 1), ("content-type:", 1), ("from:", 0), ("date:", 0), ("subject:", 0)] {
        let count = head.lines().filter(|line| line.starts_with(field)).count();
        assert!((least..=1).contains(&count), "{field} in {head}");
    }
}

#[test]
fn messages_have_the_text_and_the_attachments_that_others_find() {
    let Some(samples) = samples() else { return };
    let expected = expected();
    let all = read_all(&samples.join("msg")).remove("").unwrap();
    let names: Vec<_> = all.iter().map(|(envelope, _)| &*envelope.locator.name).collect();
    let mail = |entry: &Value| entry["class"].as_str().is_some_and(|class| class == "IPM.Note" || class == "IPM.Post");
    let known = expected.as_object().unwrap();
    let wanted: Vec<_> = known.iter().filter(|(_, entry)| mail(entry)).map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, wanted);
    for (envelope, bytes) in &all {
        let (found, name) = (parsed(bytes), &*envelope.locator.name);
        if name == "tika-testMSG_chinese.msg" {
            // extract-msg does not decode it; the file's own code page and the text say what is right.
            assert_eq!(found["subject"], "Alfresco MSG format testing ( MSG 格式測試 )");
            continue;
        }
        for field in ["subject", "text", "files", "messages"] {
            assert_eq!(found[field], known[name][field], "{name} {field}");
        }
        assert_eq!(envelope.subject, found["subject"].as_str().unwrap());
    }
}

#[test]
fn folders_and_messages_of_a_data_file_are_those_that_readpst_finds() {
    let Some(samples) = samples() else { return };
    let expected = expected();
    for (name, tree) in [
        ("ms-Empty.pst", &["Deleted Items"][..]),
        ("tika-testPST.pst", &["", "Éléments supprimés"]),
        ("tika-testPST_variousBodyTypes.pst", &["Inbox", "Inbox/tmp", "Deleted Items"]),
    ] {
        let path = samples.join("pst").join(name);
        assert_eq!(folders(store::open(&path, None).unwrap().as_mut()), tree);
        for (folder, messages) in read_all(&path) {
            let known = expected[name][&folder].as_array().cloned().unwrap_or_default();
            let mut wanted: Vec<_> = known.iter().map(pick).collect();
            let mut found: Vec<_> = messages.iter().map(|(_, bytes)| pick(&parsed(bytes))).collect();
            wanted.sort();
            found.sort();
            assert_eq!(found, wanted, "{name} {folder}");
        }
    }
}

/// What readpst and we must agree on.
fn pick(message: &Value) -> String {
    json!([message["subject"], message["text"], message["files"]]).to_string()
}

#[test]
fn what_is_composed_reads_the_same_by_two_parsers() {
    let Some(samples) = samples() else { return };
    let mut messages = Vec::new();
    for path in
        ["msg", "pst/tika-testPST.pst", "pst/tika-testPST_variousBodyTypes.pst", "olm/teverett-outlook_example.olm"]
    {
        messages.extend(read_all(&samples.join(path)).into_values().flatten().map(|(_, bytes)| bytes));
    }
    assert_eq!(messages.len(), 8 + 7 + 4 + 7);
    for (bytes, python) in messages.iter().zip(parsed_by_python(&messages)) {
        assert_eq!(parsed(bytes), python, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn flags_and_dates_of_messages_are_those_that_others_find() {
    let Some(samples) = samples() else { return };
    let expected = expected();
    let mut store = store::open(&samples.join("msg"), None).unwrap();
    for one in list(store.as_mut(), &FolderPath::root()).unwrap().messages {
        let known = &expected[&*one.locator.name];
        let found = (one.internal_date.map(InternalDate::unix), one.flags.contains(Flags::SEEN), one.date_from);
        let wanted = (known["received"].as_i64(), known["read"].as_bool().unwrap(), DateSource::Store);
        assert_eq!(found, wanted, "{}", one.locator.name);
    }
    let mut store = store::open(&samples.join("pst/tika-testPST_variousBodyTypes.pst"), None).unwrap();
    let listed = list(store.as_mut(), &FolderPath::parse("Inbox/tmp")).unwrap();
    let line = |one: &Envelope| {
        let date = one.internal_date.unwrap().to_rfc3339();
        format!("{date} {} {} {}", one.date_from.label(), one.flags, one.keywords.join(" "))
    };
    // The first was forwarded three times; the others are what became of that.
    assert_eq!(
        listed.messages.iter().map(line).collect::<Vec<_>>(),
        [
            "2017-08-30T19:26:04Z store \\Seen $Forwarded",
            "2017-08-30T19:26:53Z store \\Seen ",
            "2017-08-30T19:27:21Z store \\Seen ",
            "2017-08-30T19:27:51Z store \\Seen ",
        ]
    );
}

#[test]
fn an_export_of_outlook_for_mac_has_the_folders_and_messages_of_its_xml() {
    let Some(samples) = samples() else { return };
    let (path, expected) = (samples.join("olm/teverett-outlook_example.olm"), expected());
    let known = expected["teverett-outlook_example.olm"].as_object().unwrap();
    let found = read_all(&path);
    assert!(found.contains_key("Outlook PST/Sent Items"), "empty folders are folders too");
    for (folder, messages) in &found {
        let wanted = known.get(folder).and_then(Value::as_array).cloned().unwrap_or_default();
        let found = messages.iter().map(|(envelope, bytes)| {
            let text = parsed(bytes);
            let received = envelope.internal_date.filter(|_| envelope.date_from == DateSource::Store);
            let received = received.map(|date| date.to_rfc3339().trim_end_matches('Z').to_owned());
            json!({
                "subject": text["subject"], "html": text["html"], "files": text["files"],
                "read": envelope.flags.contains(Flags::SEEN), "flagged": envelope.flags.contains(Flags::FLAGGED),
                "received": received.unwrap_or_default(), "categories": envelope.keywords,
            })
        });
        assert_eq!(found.collect::<Vec<_>>(), wanted, "{folder}");
    }
    assert_eq!(known.keys().filter(|folder| !found.contains_key(*folder)).count(), 0);
}

#[test]
fn uses_of_folders_are_known_in_any_language() {
    let Some(samples) = samples() else { return };
    let mut store = store::open(&samples.join("pst/tika-testPST.pst"), None).unwrap();
    let all = store.folders().unwrap();
    let trash = all.iter().find(|folder| folder.path.to_string() == "Éléments supprimés").unwrap();
    assert_eq!(trash.special, Some(SpecialUse::Trash));
}

#[test]
fn what_is_not_mail_is_hidden() {
    let Some(samples) = samples() else { return };
    let mut store = store::open(&samples.join("msg"), None).unwrap();
    let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
    assert_eq!(listed.hidden, [Hidden::NotMail; 4]);
    assert_eq!(store.format().name, "msg");
}

#[test]
fn nothing_is_taken_out_of_a_data_file() {
    let Some(samples) = samples() else { return };
    for path in ["pst/tika-testPST.pst", "olm/teverett-outlook_example.olm"] {
        let mut store = store::open(&samples.join(path), None).unwrap();
        let error = store.check_removable(&FolderPath::root()).unwrap_err();
        let clear = error.to_string().contains("copy instead");
        assert!(clear && matches!(error, StoreError::CopyOnly { .. }), "{error}");
        assert!(store.remove(&FolderPath::root(), &[]).is_err());
    }
}

#[test]
fn a_message_file_is_moved_away_as_any_other() {
    let Some(samples) = samples() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    fs::create_dir(&path).unwrap();
    fs::copy(samples.join("msg/tika-testMSG.msg"), path.join("one.msg")).unwrap();
    fs::copy(super::data().join("single.eml"), path.join("two.eml")).unwrap();
    let mut store = store::open(&path, None).unwrap();
    assert_eq!(store.format().name, "eml");
    let root = FolderPath::root();
    let listed = list(store.as_mut(), &root).unwrap();
    assert_eq!(listed.messages.len(), 2, "both kinds are read in one directory");
    store.check_removable(&root).unwrap();
    let digest = Digest::of(&store.read(&root, &listed.messages[0].locator).unwrap());
    let removal = store::Removal { locator: listed.messages[0].locator.clone(), digest };
    assert!(store.remove(&root, &[removal]).unwrap()[0].is_ok());
    assert!(dir.path().join(".mailferry-moved/box/one.msg").is_file());
}
