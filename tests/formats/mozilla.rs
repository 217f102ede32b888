//! Mail of Mozilla programs without its profile: trees and accounts that are given by themselves.

use std::fs;
use std::path::Path;

use mailferry::store;

use super::folders;

const MESSAGE: &str =
    "From - Tue Feb  3 10:00:00 2004\r\nX-Mozilla-Status: 0001\r\nFrom: a@b\r\nSubject: x\r\n\r\nx\r\n\r\n";

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn summary(name: &str) -> String {
    format!("// <!-- <mdb:mork:z v=\"1.4\"/> -->\n< <(a=c)> (81=mailboxName)>\n<(90={name})>\n[1:^80(^81^90)]\n")
}

/// An account with an inbox, a folder below it whose name is escaped, one whose name is a hash, and files that are no mail.
fn account(root: &Path) {
    for name in ["Inbox", "Inbox.sbd/a%3Ab%2Fc", "1a2b3c4d", "1a2b3c4d.sbd/Sub"] {
        put(root, name, MESSAGE);
    }
    put(root, "Inbox.msf", &summary("Inbox"));
    put(root, "1a2b3c4d.msf", &summary("Angebote: 50 $E2$82$AC"));
    for name in ["popstate.dat", "msgFilterRules.dat", "feeds.json", "filterlog.html", "Inbox.sbd/a%3Ab%2Fc.msf"] {
        put(root, name, "no mail");
    }
}

#[test]
fn an_account_or_a_tree_of_them_needs_no_profile() {
    let names = ["Inbox", "Inbox/a:b%2Fc", "Angebote: 50 €", "Angebote: 50 €/Sub"];
    let dir = tempfile::tempdir().unwrap();
    for (top, format, above) in [
        ("Local Folders", "mbox", ""),
        ("Mail", "thunderbird", "mail.example.org/"),
        ("old mail", "mbox", "mail.example.org/"),
        ("Profiles", "thunderbird", "mail.example.org/"),
    ] {
        let root = dir.path().join(top);
        account(&match top {
            "Local Folders" => root.clone(),
            "Profiles" => root.join("abcd.default/Mail/mail.example.org"),
            _ => root.join("mail.example.org"),
        });
        let mut store = store::open(&root, None).unwrap();
        assert_eq!(store.format().name, format, "{top}");
        let mut found = folders(store.as_mut());
        found.sort();
        let mut wanted: Vec<_> = names.iter().map(|name| format!("{above}{name}")).collect();
        wanted.sort();
        assert_eq!(found, wanted, "{top}");
    }
}

#[test]
fn an_account_of_one_file_a_message_needs_no_profile() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["Inbox", "Inbox.sbd/1a2b3c4d"] {
        put(dir.path(), &format!("{folder}/cur/1.eml"), MESSAGE);
        put(dir.path(), &format!("{folder}.msf"), &summary("Wo?"));
    }
    let mut store = store::open(dir.path(), None).unwrap();
    assert_eq!(store.format().name, "thunderbird");
    assert_eq!(folders(store.as_mut()), ["Inbox", "Inbox/Wo?"]);
}
