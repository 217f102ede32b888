//! What would go where: a pure function from what the user chose and what the server has. Shown before anything is sent.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::imap::RemoteFolder;
use crate::mail::{FolderPath, Locator, SpecialUse};
use crate::store::{self, OpenOptions};

/// A store as a worker opens it again for itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Its path.
    #[serde(with = "store::any_path")]
    pub path: PathBuf,
    /// What the user said of it.
    pub options: OpenOptions,
}

/// Which messages of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Chosen {
    /// All there are when the folder's turn comes.
    All,
    /// Just these.
    Only(Vec<Locator>),
}

/// What the user chose of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The store.
    pub source: Source,
    /// The folder in it.
    pub folder: FolderPath,
    /// What the folder is for, if known.
    pub special: Option<SpecialUse>,
    /// Its place below the target; the top means the target itself.
    pub below: FolderPath,
    /// Which messages.
    pub chosen: Chosen,
    /// How many those are.
    pub messages: u64,
    /// Their bytes, as far as known.
    pub bytes: u64,
}

/// One folder of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderPlan {
    /// The store.
    pub source: Source,
    /// The folder in it.
    pub folder: FolderPath,
    /// Which messages.
    pub chosen: Chosen,
    /// The folder on the server.
    pub target: FolderPath,
    /// Whether that is there already; else it is made.
    pub exists: bool,
    /// How many messages.
    pub messages: u64,
    /// Their bytes, as far as known.
    pub bytes: u64,
}

/// What a job would do, folder by folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The folders, in the order the user sees them.
    pub folders: Vec<FolderPlan>,
}

impl Plan {
    /// Messages in all.
    pub fn messages(&self) -> u64 {
        self.folders.iter().map(|folder| folder.messages).sum()
    }

    /// Bytes in all, as far as known.
    pub fn bytes(&self) -> u64 {
        self.folders.iter().map(|folder| folder.bytes).sum()
    }

    /// The plan without the places of single messages: enough to show it.
    #[must_use]
    pub fn outline(&self) -> Self {
        let outline = |folder: &FolderPlan| FolderPlan {
            source: folder.source.clone(),
            folder: folder.folder.clone(),
            chosen: if folder.chosen == Chosen::All { Chosen::All } else { Chosen::Only(Vec::new()) },
            target: folder.target.clone(),
            exists: folder.exists,
            messages: folder.messages,
            bytes: folder.bytes,
        };
        Self { folders: self.folders.iter().map(outline).collect() }
    }

    /// Folders that are to be made.
    pub fn new_folders(&self) -> usize {
        self.folders.iter().filter(|folder| !folder.exists).count()
    }
}

/// Maps each selection to its folder on the server.
///
/// Below a `target` folder everything keeps its name. With the top as target, Inbox goes to INBOX, and Sent, Drafts,
/// Trash, Junk and Archive to the server's special-use folders (design.md section 5).
pub fn plan(selections: Vec<Selection>, target: &FolderPath, existing: &[RemoteFolder]) -> Plan {
    // A store may say what its top folders are for, in whatever language they are named; those below follow.
    let uses: HashMap<String, SpecialUse> = selections
        .iter()
        .filter(|selection| selection.below.depth() == 1)
        .filter_map(|selection| Some((selection.below.name().to_owned(), selection.special?)))
        .collect();
    let folders = selections
        .into_iter()
        .map(|selection| {
            let below =
                if target.is_root() { at_the_top(&selection, &uses, existing) } else { selection.below.clone() };
            let target = target.join(&below);
            FolderPlan {
                exists: existing.iter().any(|folder| folder.path == target),
                target,
                source: selection.source,
                folder: selection.folder,
                chosen: selection.chosen,
                messages: selection.messages,
                bytes: selection.bytes,
            }
        })
        .collect();
    Plan { folders }
}

/// The path at the top of the mailbox, its first segment replaced where the server has a folder for that use.
fn at_the_top(selection: &Selection, uses: &HashMap<String, SpecialUse>, existing: &[RemoteFolder]) -> FolderPath {
    let Some((first, rest)) = selection.below.segments().split_first() else {
        return FolderPath::new([unnamed(selection)]);
    };
    let special = uses.get(first).copied().or_else(|| SpecialUse::from_name(first));
    let top = match special {
        Some(SpecialUse::Inbox) => FolderPath::new(["INBOX"]),
        Some(_) => existing
            .iter()
            .find(|folder| folder.special == special)
            .map_or_else(|| FolderPath::new([first.as_str()]), |folder| folder.path.clone()),
        None => FolderPath::new([first.as_str()]),
    };
    top.join(&FolderPath::new(rest.iter().map(String::as_str)))
}

/// The name for a folder that has none: INBOX if it is one, else the file's name without its extension.
fn unnamed(selection: &Selection) -> String {
    if selection.special == Some(SpecialUse::Inbox) {
        return "INBOX".into();
    }
    let stem = store::stem(&selection.source.path);
    stem.filter(|stem| !stem.is_empty()).unwrap_or_else(|| "Imported".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(folder: &str, below: &str) -> Selection {
        Selection {
            source: Source { path: "/mail/archive.mbox".into(), options: OpenOptions::default() },
            folder: FolderPath::parse(folder),
            special: None,
            below: FolderPath::parse(below),
            chosen: Chosen::All,
            messages: 2,
            bytes: 10,
        }
    }

    fn remote(path: &str, special: Option<SpecialUse>) -> RemoteFolder {
        RemoteFolder {
            path: FolderPath::parse(path),
            wire: path.into(),
            special,
            can_select: true,
            can_have_children: true,
        }
    }

    fn targets(selections: Vec<Selection>, target: &str) -> Vec<(String, bool)> {
        let existing =
            [remote("INBOX", Some(SpecialUse::Inbox)), remote("Gesendet", Some(SpecialUse::Sent)), remote("Old", None)];
        let plan = plan(selections, &FolderPath::parse(target), &existing);
        plan.folders.into_iter().map(|folder| (folder.target.to_string(), folder.exists)).collect()
    }

    #[test]
    fn at_the_top_special_folders_meet_the_servers_own() {
        let chosen = ["Inbox", "Inbox/Sub", "Sent Items", "Sent Items/2004", "Trash", "Projects"];
        let chosen = chosen.iter().map(|path| selection(path, path)).collect();
        let expected = [
            ("INBOX", true),
            ("INBOX/Sub", false),
            ("Gesendet", true),
            ("Gesendet/2004", false),
            ("Trash", false),
            ("Projects", false),
        ];
        assert_eq!(targets(chosen, ""), expected.map(|(path, exists)| (path.to_owned(), exists)));
    }

    #[test]
    fn a_use_that_the_store_tells_holds_for_the_folders_below_too() {
        let inbox = Selection { special: Some(SpecialUse::Inbox), ..selection("Posteingang", "Posteingang") };
        let expected = [("INBOX".to_owned(), true), ("INBOX/Sub".to_owned(), false)];
        assert_eq!(targets(vec![inbox, selection("Posteingang/Sub", "Posteingang/Sub")], ""), expected);
    }

    #[test]
    fn below_a_folder_everything_keeps_its_name() {
        assert_eq!(targets(vec![selection("Inbox", "Inbox")], "Old"), [("Old/Inbox".to_owned(), false)]);
        assert_eq!(targets(vec![selection("", "")], "Old"), [("Old".to_owned(), true)]);
    }

    #[test]
    fn a_single_unnamed_folder_takes_the_files_name() {
        assert_eq!(targets(vec![selection("", "")], ""), [("archive".to_owned(), false)]);
    }

    #[test]
    fn a_plan_adds_up() {
        let plan = plan(vec![selection("a", "a"), selection("b", "b")], &FolderPath::root(), &[]);
        assert_eq!((plan.messages(), plan.bytes(), plan.new_folders()), (4, 20, 2));
    }
}
