//! A directory that holds several kinds of mail is one tree: nothing is left out, nothing shown twice, nothing outside read.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::Path;

use mailferry::mail::{Digest, FolderPath};
use mailferry::store::{self, OpenOptions, Store, Survey, Walk};

use super::{copy_tree, data, folders, list};

fn survey(path: &Path) -> Survey {
    store::survey(path, &OpenOptions::default(), &mut |_| Walk::Continue(())).unwrap()
}

/// The stores of a survey: where each is shown, and its format.
fn found(survey: &Survey) -> Vec<(String, &'static str)> {
    survey.sightings().map(|sighting| (sighting.at.to_string(), sighting.format)).collect()
}

/// Every folder that holds messages: its format, their digests, and how much of it is damaged.
fn content(store: &mut dyn Store) -> BTreeMap<String, (&'static str, Vec<Digest>, usize)> {
    let all = store.folders().unwrap();
    let holding = all.into_iter().filter(|folder| folder.holds_messages);
    let read = |folder: store::Folder| {
        let listed = list(store, &folder.path).unwrap();
        let bytes = listed.messages.iter().map(|one| store.read(&folder.path, &one.locator).unwrap());
        let digests = bytes.map(|bytes| Digest::of(&bytes)).collect();
        (folder.path.to_string(), (store.format_of(&folder.path).name, digests, listed.damage.len()))
    };
    holding.map(read).collect()
}

/// A home directory as admins find them.
fn home(dir: &Path) {
    copy_tree(&data().join("python/Maildir"), &dir.join("Maildir"));
    copy_tree(&data().join("profile"), &dir.join(".thunderbird"));
    copy_tree(&data().join("mh"), &dir.join("Mail/mh"));
    copy_tree(&data().join("outlook-express/identity"), &dir.join("old-pc/Identities/{A}/Microsoft/Outlook Express"));
    copy_tree(&data().join("eml"), &dir.join("old-pc/Desktop"));
    fs::create_dir_all(dir.join("mail")).unwrap();
    for name in ["inbox", "Project.mbox"] {
        fs::copy(data().join("dialects/lf.mbox"), dir.join("mail").join(name)).unwrap();
    }
    fs::create_dir_all(dir.join(".cache/deep")).unwrap();
    fs::copy(data().join("dialects/lf.mbox"), dir.join(".cache/deep/never")).unwrap();
    fs::create_dir_all(dir.join("src")).unwrap();
    fs::write(dir.join("src/notes.txt"), "no mail\n").unwrap();
}

#[test]
fn a_home_directory_is_one_tree_of_all_its_stores() {
    let dir = tempfile::tempdir().unwrap();
    home(dir.path());
    let survey = survey(dir.path());
    assert_eq!(
        found(&survey),
        [
            ("thunderbird/abcd1234.default".into(), "thunderbird"),
            ("Mail/mh".into(), "mh"),
            ("Maildir".into(), "maildir"),
            ("mail".into(), "mbox"),
            ("old-pc/Desktop".into(), "eml"),
            ("old-pc/Identities/{A}/Outlook Express".into(), "dbx"),
        ]
    );
    for sighting in survey.sightings() {
        assert!(sighting.evidence.starts_with(dir.path().to_str().unwrap()), "{}", sighting.evidence);
    }
    let mut store = survey.open(&OpenOptions::default()).unwrap();
    assert_eq!((store.format().name, store.root()), ("several", dir.path()));
    let whole = content(store.as_mut());
    // Each part gives what it gives by itself.
    let mut parts = BTreeMap::new();
    for sighting in survey.sightings() {
        let mut part = store::open(&sighting.path, None).unwrap();
        for (folder, rest) in content(part.as_mut()) {
            parts.insert(sighting.at.join(&FolderPath::parse(&folder)).to_string(), rest);
        }
    }
    assert_eq!(whole, parts);
    assert!(whole.contains_key("mail/inbox") && whole.contains_key("mail/Project"));
}

#[test]
fn one_kind_of_mail_is_a_store_by_itself_wherever_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
    fs::copy(data().join("dialects/lf.mbox"), dir.path().join("a/b/c/box")).unwrap();
    let mut store = store::open(dir.path(), None).unwrap();
    assert_eq!((store.format().name, folders(store.as_mut())), ("mbox", vec!["a/b/c/box".to_owned()]));
    fs::rename(dir.path().join("a"), dir.path().join(".a")).unwrap();
    let mut store = store::open(dir.path(), None).unwrap();
    assert_eq!((store.format().name, folders(store.as_mut())), ("mbox", vec!["box".to_owned()]), "hidden ones too");
}

#[test]
fn what_two_formats_could_read_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    copy_tree(&data().join("pegasus"), &dir.path().join("pegasus"));
    copy_tree(&data().join("eudora"), &dir.path().join("eudora"));
    copy_tree(&data().join("cyrus"), &dir.path().join("cyrus"));
    fs::copy(data().join("dialects/lf.mbox"), dir.path().join("box")).unwrap();
    fs::copy(data().join("single.eml"), dir.path().join("one.eml")).unwrap();
    let mut store = store::open(dir.path(), None).unwrap();
    let whole = content(store.as_mut());
    let mut alone = 3 + 1; // the box, and the single message
    for name in ["pegasus", "eudora", "cyrus"] {
        let mut part = store::open(&data().join(name), None).unwrap();
        assert_eq!(part.format().name, name);
        alone += content(part.as_mut()).values().map(|(_, digests, _)| digests.len()).sum::<usize>();
    }
    assert_eq!(whole.values().map(|(_, digests, _)| digests.len()).sum::<usize>(), alone, "{whole:#?}");
    let formats: Vec<_> = whole.values().map(|(format, ..)| *format).collect();
    for format in ["pegasus", "eudora", "cyrus", "mbox", "eml"] {
        assert!(formats.contains(&format), "{format}: {formats:?}");
    }
}

#[test]
fn links_are_followed_only_inside_and_never_round_and_round() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    home(dir.path());
    fs::copy(data().join("dialects/lf.mbox"), outside.path().join("secret")).unwrap();
    symlink(outside.path(), dir.path().join("mail/elsewhere")).unwrap();
    symlink(outside.path().join("secret"), dir.path().join("mail/file-elsewhere")).unwrap();
    symlink(dir.path(), dir.path().join("mail/round")).unwrap();
    symlink("/dev/zero", dir.path().join("mail/zero")).unwrap();
    symlink(dir.path().join("mail"), dir.path().join("old-pc/again")).unwrap();
    let survey = survey(dir.path());
    assert_eq!(found(&survey).len(), 6);
    let unseen: Vec<_> = survey.unseen.iter().map(|(path, _)| path.file_name().unwrap().to_owned()).collect();
    assert!(unseen.contains(&"elsewhere".into()), "{unseen:?}");
    let mut store = survey.open(&OpenOptions::default()).unwrap();
    let all = folders(store.as_mut());
    assert!(!all.iter().any(|folder| folder.contains("elsewhere") || folder.contains("round/mail")), "{all:?}");
}

#[test]
fn a_survey_tells_how_far_it_is_and_can_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..3000 {
        fs::write(dir.path().join(format!("{number}.txt")), "no mail").unwrap();
    }
    fs::copy(data().join("dialects/lf.mbox"), dir.path().join("box")).unwrap();
    let mut told = Vec::new();
    store::survey(dir.path(), &OpenOptions::default(), &mut |looked| {
        told.push(looked.entries);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(told.len() >= 5 && told.is_sorted(), "{told:?}");
    let stopped = store::survey(dir.path(), &OpenOptions::default(), &mut |_| ControlFlow::Break(()));
    assert!(stopped.is_err());
}

#[test]
fn messages_are_taken_out_of_the_store_that_holds_them() {
    let dir = tempfile::tempdir().unwrap();
    home(dir.path());
    let mut store = store::open(dir.path(), None).unwrap();
    for folder in ["mail/inbox", "Maildir/INBOX", "Mail/mh"] {
        let folder = FolderPath::parse(folder);
        store.check_removable(&folder).unwrap();
        let listed = list(store.as_mut(), &folder).unwrap();
        let locator = listed.messages[0].locator.clone();
        let digest = Digest::of(&store.read(&folder, &locator).unwrap());
        let results = store.remove(&folder, &[store::Removal { locator, digest }]).unwrap();
        assert!(results[0].is_ok(), "{folder}: {results:?}");
        assert_eq!(list(store.as_mut(), &folder).unwrap().messages.len(), listed.messages.len() - 1, "{folder}");
    }
    let again = survey(dir.path());
    assert_eq!(found(&again).len(), 6, "what was moved aside is no mail any more");
}
