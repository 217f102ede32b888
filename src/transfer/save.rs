//! Saves messages that a job did not carry as .eml files, after it told them. Reads the stores again; asks no server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::mail::FolderPath;
use crate::store::{self, Found, OpenOptions, StoreError, Walk};

use super::{Failed, Plan, rescue};

/// What was saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Files that hold the messages: two that are the same in name and content are one.
    pub messages: u64,
    /// The directory they are in.
    pub directory: PathBuf,
    /// What could not be saved, and why. Foreign text.
    pub troubles: Vec<String>,
}

/// Saves the messages that `failures` name, each below `directory` in a directory of its folder's name. Failures of whole
/// folders name no message and are told. Where several stores have a folder and a message of that name, a failure does not say
/// which is meant, and each is saved.
pub fn save(plan: &Plan, failures: &[Failed], directory: &Path) -> Saved {
    let mut saved = Saved { directory: directory.to_owned(), ..Saved::default() };
    let mut files = BTreeSet::new();
    let folders: BTreeSet<&FolderPath> = failures.iter().map(|failed| &failed.folder).collect();
    for folder in folders {
        let of_it = failures.iter().filter(|failed| failed.folder == *folder);
        let ids: BTreeSet<&str> = of_it.map(|failed| failed.id.as_str()).filter(|id| !id.is_empty()).collect();
        if ids.is_empty() {
            saved.troubles.push(format!("{folder}: it failed as a whole, so that no message can be named"));
        }
        let mut missing = ids.clone();
        for planned in plan.folders.iter().filter(|planned| planned.folder == *folder) {
            match save_from(planned, &ids, &mut files, &mut saved) {
                Ok(found) => missing.retain(|id| !found.contains(*id)),
                Err(error) => saved.troubles.push(format!("{folder}: {error}")),
            }
        }
        saved.troubles.extend(missing.into_iter().map(|id| format!("{folder} {id}: it is not in the store any more")));
    }
    saved.messages = files.len() as u64;
    saved
}

/// Saves those of the messages that are in this folder, and adds their `files`. Gives which it found.
fn save_from(
    planned: &super::FolderPlan,
    ids: &BTreeSet<&str>,
    files: &mut BTreeSet<PathBuf>,
    saved: &mut Saved,
) -> Result<BTreeSet<String>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let options = OpenOptions { cache: None, ..planned.source.options.clone() };
    let mut store = store::open_with(&planned.source.path, &options)?;
    let mut found = BTreeMap::new();
    store.list(&planned.folder, &mut |one| {
        if let Found::Message(envelope) = one {
            let id = envelope.locator.id();
            if ids.contains(id.as_str()) {
                found.insert(id, envelope.locator);
            }
        }
        if found.len() == ids.len() { Walk::Break(()) } else { Walk::Continue(()) }
    })?;
    for (id, locator) in &found {
        let read = store.read(&planned.folder, locator).map_err(|error| error.to_string());
        let written = read.and_then(|bytes| {
            rescue::save(&saved.directory, &planned.folder, id, std::iter::once(Ok(bytes)))
                .map_err(|error| error.to_string())
        });
        match written {
            Ok(file) => _ = files.insert(file),
            Err(error) => saved.troubles.push(format!("{} {id}: {error}", planned.folder)),
        }
    }
    Ok(found.into_keys().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::DateRule;
    use crate::transfer::{Chosen, FolderPlan, Source};

    /// An mbox, and how its one folder is planned.
    fn mbox(path: PathBuf, subjects: &[&str]) -> FolderPlan {
        let entry = |subject: &&str| format!("From a@b Thu Mar 11 10:00:00 2004\nSubject: {subject}\n\n{subject}\n\n");
        std::fs::write(&path, subjects.iter().map(entry).collect::<String>()).unwrap();
        let source = Source { path, options: OpenOptions::default() };
        let folder = store::open_with(&source.path, &source.options).unwrap().folders().unwrap()[0].path.clone();
        FolderPlan {
            source,
            folder,
            chosen: Chosen::All,
            target: FolderPath::parse("A"),
            exists: true,
            messages: subjects.len() as u64,
            bytes: 100,
            dates: DateRule::Auto,
        }
    }

    /// The names of its messages.
    fn ids(planned: &FolderPlan) -> Vec<String> {
        let mut ids = Vec::new();
        let mut opened = store::open_with(&planned.source.path, &planned.source.options).unwrap();
        opened
            .list(&planned.folder, &mut |found| {
                if let Found::Message(envelope) = found {
                    ids.push(envelope.locator.id());
                }
                Walk::Continue(())
            })
            .unwrap();
        ids
    }

    fn failed(folder: &FolderPath, id: &str) -> Failed {
        Failed {
            folder: folder.clone(),
            id: id.into(),
            subject: String::new(),
            reason: String::new(),
            server_text: String::new(),
            hint: String::new(),
            messages: 1,
        }
    }

    /// Every file below a path.
    fn texts(path: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        entries
            .flat_map(|path| if path.is_dir() { texts(&path) } else { vec![std::fs::read_to_string(path).unwrap()] })
            .collect()
    }

    #[test]
    fn messages_are_saved_by_their_names_and_what_is_missing_is_told() {
        let home = tempfile::tempdir().unwrap();
        let planned = mbox(home.path().join("box"), &["one", "two"]);
        let folder = planned.folder.clone();
        let directory = home.path().join("saved");
        let failures = [failed(&folder, &ids(&planned)[1]), failed(&folder, "gone"), failed(&folder, "")];
        let saved = save(&Plan { folders: vec![planned] }, &failures, &directory);
        assert_eq!((saved.messages, saved.troubles.len()), (1, 1), "{saved:?}");
        assert!(saved.troubles[0].contains("gone"));
        let texts = texts(&directory);
        assert!(texts.len() == 1 && texts[0].contains("Subject: two"), "{texts:?}");
    }

    #[test]
    fn messages_of_one_name_in_several_stores_are_all_saved_and_counted_once() {
        let home = tempfile::tempdir().unwrap();
        let subjects = [("a", "one"), ("b", "two"), ("c", "one")];
        let folders = subjects.map(|(dir, subject)| {
            std::fs::create_dir(home.path().join(dir)).unwrap();
            mbox(home.path().join(dir).join("box"), &[subject])
        });
        let id = ids(&folders[0]).remove(0);
        assert!(
            folders.iter().all(|planned| (&planned.folder, ids(planned)) == (&folders[0].folder, vec![id.clone()]))
        );
        let failures = [failed(&folders[0].folder, &id), failed(&folders[0].folder, &id)];
        let (directory, plan) = (home.path().join("saved"), Plan { folders: folders.into() });
        for _ in 0..2 {
            let saved = save(&plan, &failures, &directory);
            assert_eq!((saved.messages, saved.troubles.as_slice()), (2, &[][..]), "{saved:?}");
            assert_eq!(texts(&directory).len(), 2);
        }
    }
}
