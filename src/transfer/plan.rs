//! What would go where: a pure function from what the user chose and what the server has. Shown before anything is sent.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::imap::{Namespace, RemoteFolder};
use crate::mail::{DateRule, FolderPath, Locator, SpecialUse};
use crate::store::{self, OpenOptions};

use super::Mapping;

/// A store as a worker opens it again for itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Its path.
    #[serde(with = "store::any_path")]
    pub path: PathBuf,
    /// What the user said of it.
    pub options: OpenOptions,
}

impl Source {
    /// The same, read anew: a kept list is for looking.
    pub(super) fn afresh(&self) -> Self {
        Self { options: OpenOptions { cache: None, ..self.options.clone() }, ..self.clone() }
    }
}

/// Which messages of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Chosen {
    /// All there are when the folder's turn comes.
    All,
    /// Just these.
    Only(Vec<Locator>),
}

impl Chosen {
    /// A test of whether a message is one of them.
    pub(super) fn test(&self) -> impl Fn(&Locator) -> bool {
        let chosen: Option<HashSet<_>> = match self {
            Self::All => None,
            Self::Only(locators) => Some(locators.iter().map(place).collect()),
        };
        move |locator| chosen.as_ref().is_none_or(|chosen| chosen.contains(&place(locator)))
    }
}

/// What tells a message from the others of its folder. In a file of many, where one ends may show that it is another.
pub(super) fn place(locator: &Locator) -> (&str, u64, u64) {
    let length = if locator.name.is_empty() { locator.length } else { 0 };
    (&locator.name, locator.offset, length)
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
    /// The folder on the server, as it will hold it.
    pub target: FolderPath,
    /// Whether that is there already; else it is made.
    pub exists: bool,
    /// How many messages.
    pub messages: u64,
    /// Their bytes, as far as known.
    pub bytes: u64,
    /// Where internal dates come from.
    #[serde(default)]
    pub dates: DateRule,
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
            ..*folder
        };
        Self { folders: self.folders.iter().map(outline).collect() }
    }

    /// Folders that are to be made.
    pub fn new_folders(&self) -> usize {
        self.folders.iter().filter(|folder| !folder.exists).count()
    }
}

/// What the place that mail goes to says of itself; what it takes is [`super::Room`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The folders that are there.
    pub folders: Vec<RemoteFolder>,
    /// How it writes their names.
    pub namespace: Namespace,
}

/// What is odd about a folder of a plan; none of it keeps the job from running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// So many folders of the plan go into it together.
    Together(usize),
    /// Its name differs from that of another in case alone, which many servers and programs do not tell apart.
    Case(FolderPath),
    /// The server says that this one can have no folders below it.
    NoChildren(FolderPath),
    /// It is there, and can hold folders only.
    NoMail,
}

impl Conflict {
    /// Whether it is likely to go wrong.
    pub const fn is_bad(&self) -> bool {
        !matches!(self, Self::Together(_))
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Together(folders) => write!(f, "{folders} folders go into it together"),
            Self::Case(other) => write!(f, "differs only in case from {other}"),
            Self::NoChildren(above) => write!(f, "the server lets no folder be made below {above}"),
            Self::NoMail => f.write_str("on the server it holds folders only"),
        }
    }
}

/// A folder of a plan that can still be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftFolder {
    /// The folder, as it would be carried.
    pub folder: FolderPlan,
    /// The name that was asked for, where the server can not take that.
    pub asked: Option<FolderPath>,
    /// Whether it is left out.
    pub is_left: bool,
    /// What is odd about it.
    pub conflicts: Vec<Conflict>,
}

/// A plan that can still be changed: with what is left out of it, and what is odd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The folders, in the order the user sees them.
    pub folders: Vec<DraftFolder>,
}

impl Draft {
    /// What is carried out.
    pub fn plan(&self) -> Plan {
        let carried = self.folders.iter().filter(|folder| !folder.is_left);
        Plan { folders: carried.map(|folder| folder.folder.clone()).collect() }
    }
}

/// Maps each selection to its folder in the mailbox.
///
/// Below a `target` folder everything keeps its name. With the top as target, Inbox goes to INBOX, and Sent, Drafts,
/// Trash, Junk and Archive to the server's special-use folders (design.md section 5). Rules of the `mapping` come before.
pub fn draft(selections: Vec<Selection>, target: &FolderPath, terms: &Terms, mapping: &Mapping) -> Draft {
    // A store may say what its top folders are for, in whatever language they are named; those below follow.
    let uses: HashMap<String, SpecialUse> = selections
        .iter()
        .filter(|selection| selection.below.depth() == 1)
        .filter_map(|selection| Some((selection.below.name().to_owned(), selection.special?)))
        .collect();
    let place = |selection: Selection| {
        let special = special(&selection, &uses);
        let ruled = mapping.rule(&selection, special, target);
        let named = ruled.target.filter(|path| !path.is_root());
        let asked = named.unwrap_or_else(|| {
            let at_top = target.is_root();
            target.join(&if at_top { at_the_top(&selection, special, terms) } else { selection.below.clone() })
        });
        let is_there = |path: &FolderPath| terms.folders.iter().any(|folder| folder.path == *path);
        // A name that is there was taken once.
        let taken = if is_there(&asked) { asked.clone() } else { terms.namespace.takeable(&asked, false) };
        DraftFolder {
            asked: (taken != asked).then_some(asked),
            is_left: ruled.is_left,
            conflicts: Vec::new(),
            folder: FolderPlan {
                exists: is_there(&taken),
                target: taken,
                source: selection.source,
                folder: selection.folder,
                chosen: selection.chosen,
                messages: selection.messages,
                bytes: selection.bytes,
                dates: ruled.dates,
            },
        }
    };
    let mut draft = Draft { folders: selections.into_iter().map(place).collect() };
    find_conflicts(&mut draft, terms);
    draft
}

/// What the folder is for, or the one at the top that it lies below.
fn special(selection: &Selection, uses: &HashMap<String, SpecialUse>) -> Option<SpecialUse> {
    match selection.below.segments().first() {
        Some(first) => uses.get(first).copied().or_else(|| SpecialUse::from_name(first)),
        None => selection.special,
    }
}

/// The path at the top of the mailbox, its first segment replaced where the server has a folder for that use.
fn at_the_top(selection: &Selection, special: Option<SpecialUse>, terms: &Terms) -> FolderPath {
    let Some((first, rest)) = selection.below.segments().split_first() else {
        return FolderPath::new([unnamed(selection)]);
    };
    let top = match special {
        Some(SpecialUse::Inbox) => FolderPath::new(["INBOX"]),
        Some(_) => terms
            .folders
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

fn find_conflicts(draft: &mut Draft, terms: &Terms) {
    let fold = |path: &FolderPath| path.to_string().to_lowercase();
    let carried = || draft.folders.iter().filter(|folder| !folder.is_left).map(|folder| &folder.folder.target);
    let mut together: HashMap<&FolderPath, usize> = HashMap::new();
    // Every spelling of a name, as it is there or would be.
    let mut spellings: HashMap<String, BTreeSet<&FolderPath>> = HashMap::new();
    for target in carried() {
        *together.entry(target).or_default() += 1;
        spellings.entry(fold(target)).or_default().insert(target);
    }
    for folder in &terms.folders {
        spellings.entry(fold(&folder.path)).or_default().insert(&folder.path);
    }
    let there: HashMap<&FolderPath, &RemoteFolder> =
        terms.folders.iter().map(|folder| (&folder.path, folder)).collect();
    let above = |path: &FolderPath| std::iter::successors(path.parent(), FolderPath::parent).collect::<Vec<_>>();
    let of = |folder: &DraftFolder| {
        let target = &folder.folder.target;
        let mut found = Vec::new();
        if folder.is_left {
            return found;
        }
        let others = spellings.get(&fold(target)).into_iter().flatten();
        found.extend(others.filter(|other| **other != target).map(|other| Conflict::Case((*other).clone())).take(1));
        let barren =
            above(target).into_iter().find(|path| there.get(path).is_some_and(|known| !known.can_have_children));
        // The top is one mbox, into which everything goes: see `Place::fit`.
        let barren = barren.filter(|path| !path.is_root() && !folder.folder.exists);
        found.extend(barren.map(Conflict::NoChildren));
        let is_bare = there.get(target).is_some_and(|known| !known.can_select);
        found.extend(is_bare.then_some(Conflict::NoMail));
        let many = together.get(target).copied().unwrap_or_default();
        found.extend((many > 1).then_some(Conflict::Together(many)));
        found
    };
    let found: Vec<Vec<Conflict>> = draft.folders.iter().map(of).collect();
    for (folder, conflicts) in draft.folders.iter_mut().zip(found) {
        folder.conflicts = conflicts;
    }
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

    fn slashes() -> Namespace {
        Namespace { delimiter: Some('/'), ..Namespace::default() }
    }

    fn targets(selections: Vec<Selection>, target: &str) -> Vec<(String, bool)> {
        let existing =
            [remote("INBOX", Some(SpecialUse::Inbox)), remote("Gesendet", Some(SpecialUse::Sent)), remote("Old", None)];
        let terms = Terms { folders: existing.into(), namespace: slashes() };
        let plan = draft(selections, &FolderPath::parse(target), &terms, &Mapping::default()).plan();
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
        let chosen = vec![selection("a", "a"), selection("b", "b")];
        let plan = draft(chosen, &FolderPath::root(), &Terms::default(), &Mapping::default()).plan();
        assert_eq!((plan.messages(), plan.bytes(), plan.new_folders()), (4, 20, 2));
    }

    #[test]
    fn names_in_many_languages_meet_the_servers_folders() {
        let chosen = ["Posteingang", "Éléments envoyés/2004"].map(|path| selection(path, path)).into();
        let expected = [("INBOX".to_owned(), true), ("Gesendet/2004".to_owned(), false)];
        assert_eq!(targets(chosen, ""), expected);
    }

    #[test]
    fn rules_names_that_can_not_be_and_conflicts_are_told() {
        let mut bare = remote("Top", None);
        (bare.can_select, bare.can_have_children) = (false, false);
        let folders = vec![remote("INBOX", None), remote("old", None), bare];
        let terms = Terms { folders, namespace: slashes() };
        let mut mapping = Mapping::default();
        let about = |folder: &str| crate::transfer::Rule::about(&FolderPath::parse(folder), None);
        mapping.set(crate::transfer::Rule { to: Some("INBOX".into()), ..about("Mail") });
        mapping.set(crate::transfer::Rule { leave: true, dates: Some(DateRule::Date), ..about("Junk") });
        let chosen = ["Mail", "Inbox", "Junk", "Old", "a%2Fb", "Top", "Top/x"].map(|path| selection(path, path)).into();
        let draft = draft(chosen, &FolderPath::root(), &terms, &mapping);
        let row = |at: usize| draft.folders.get(at).unwrap();
        assert_eq!(row(0).conflicts, [Conflict::Together(2)]);
        assert_eq!(row(1).folder.target.to_string(), "INBOX");
        assert!(row(2).is_left && row(2).folder.dates == DateRule::Date);
        assert_eq!(row(3).conflicts, [Conflict::Case(FolderPath::new(["old"]))]);
        assert_eq!(row(4).asked, Some(FolderPath::new(["a/b"])));
        assert_eq!(row(4).folder.target, FolderPath::new(["a_b"]));
        assert_eq!(row(5).conflicts, [Conflict::NoMail]);
        assert_eq!(row(6).conflicts, [Conflict::NoChildren(FolderPath::new(["Top"]))]);
        assert_eq!(draft.plan().folders.len(), 6);
    }
}
