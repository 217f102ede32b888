//! Saves messages that a job did not carry as .eml files, after it told them. Reads the stores again; asks no server.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::mail::FolderPath;
use crate::store::{self, Found, OpenOptions, StoreError, Walk};

use super::{Failed, Plan, rescue};

/// What was saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Messages that are files now.
    pub messages: u64,
    /// The directory they are in.
    pub directory: PathBuf,
    /// What could not be saved, and why. Foreign text.
    pub troubles: Vec<String>,
}

/// Saves the messages that `failures` name, each below `directory` in a directory of its folder's name. Failures of whole
/// folders name no message and are told.
pub fn save(plan: &Plan, failures: &[Failed], directory: &Path) -> Saved {
    let mut saved = Saved { directory: directory.to_owned(), ..Saved::default() };
    let folders: BTreeSet<&FolderPath> = failures.iter().map(|failed| &failed.folder).collect();
    for folder in folders {
        let of_it = failures.iter().filter(|failed| failed.folder == *folder);
        let mut ids: BTreeSet<&str> = of_it.map(|failed| failed.id.as_str()).filter(|id| !id.is_empty()).collect();
        if ids.is_empty() {
            saved.troubles.push(format!("{folder}: it failed as a whole, so that no message can be named"));
        }
        for planned in plan.folders.iter().filter(|planned| planned.folder == *folder) {
            if let Err(error) = save_from(planned, &mut ids, &mut saved) {
                saved.troubles.push(format!("{folder}: {error}"));
            }
        }
        saved.troubles.extend(ids.into_iter().map(|id| format!("{folder} {id}: it is not in the store any more")));
    }
    saved
}

/// Saves those of the messages that are in this folder, and takes them out of `ids`.
fn save_from(planned: &super::FolderPlan, ids: &mut BTreeSet<&str>, saved: &mut Saved) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let options = OpenOptions { cache: None, ..planned.source.options.clone() };
    let mut store = store::open_with(&planned.source.path, &options)?;
    let mut found = Vec::new();
    store.list(&planned.folder, &mut |one| {
        if let Found::Message(envelope) = one {
            let id = envelope.locator.id();
            if ids.remove(id.as_str()) {
                found.push((id, envelope.locator));
            }
        }
        if ids.is_empty() { Walk::Break(()) } else { Walk::Continue(()) }
    })?;
    for (id, locator) in found {
        let read = store.read(&planned.folder, &locator).map_err(|error| error.to_string());
        let written = read.and_then(|bytes| {
            rescue::save(&saved.directory, &planned.folder, &id, std::iter::once(Ok(bytes)))
                .map_err(|error| error.to_string())
        });
        match written {
            Ok(_) => saved.messages += 1,
            Err(error) => saved.troubles.push(format!("{} {id}: {error}", planned.folder)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::DateRule;
    use crate::transfer::{Chosen, FolderPlan, Source};

    #[test]
    fn messages_are_saved_by_their_names_and_what_is_missing_is_told() {
        let home = tempfile::tempdir().unwrap();
        let store = home.path().join("box");
        std::fs::write(&store, "From a@b Thu Mar 11 10:00:00 2004\nSubject: one\n\n1\n\nFrom a@b Thu Mar 11 10:00:00 2004\nSubject: two\n\n2\n")
            .unwrap();
        let source = Source { path: store.clone(), options: OpenOptions::default() };
        let mut opened = store::open_with(&store, &source.options).unwrap();
        let folder = opened.folders().unwrap()[0].path.clone();
        let mut ids = Vec::new();
        opened
            .list(&folder, &mut |found| {
                if let Found::Message(envelope) = found {
                    ids.push(envelope.locator.id());
                }
                Walk::Continue(())
            })
            .unwrap();
        let planned = FolderPlan {
            source,
            folder: folder.clone(),
            chosen: Chosen::All,
            target: FolderPath::parse("A"),
            exists: true,
            messages: 2,
            bytes: 100,
            dates: DateRule::Auto,
        };
        let failed = |id: &str| Failed {
            folder: folder.clone(),
            id: id.into(),
            subject: String::new(),
            reason: String::new(),
            server_text: String::new(),
            hint: String::new(),
            messages: 1,
        };
        let directory = home.path().join("saved");
        let failures = [failed(&ids[1]), failed("gone"), failed("")];
        let saved = save(&Plan { folders: vec![planned] }, &failures, &directory);
        assert_eq!((saved.messages, saved.troubles.len()), (1, 1), "{saved:?}");
        assert!(saved.troubles[0].contains("gone"));
        let file = std::fs::read_dir(&directory).unwrap().flatten().find_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                std::fs::read_dir(path).unwrap().flatten().next().map(|file| file.path())
            } else {
                Some(path)
            }
        });
        assert!(std::fs::read_to_string(file.unwrap()).unwrap().contains("Subject: two"));
    }
}
