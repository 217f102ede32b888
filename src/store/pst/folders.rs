//! The folder tree of a PST: which folders a person sees, what they are for, and which messages they hold.
//!
//! Every node names the one above it, so the tree is read from the index alone; a damaged table of a folder hides nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;

use super::disk::{Disk, NodeId};
use super::object::{self, kind};
use crate::mail::{FolderPath, SpecialUse};
use crate::store::bytes::{invalid, u32_at};
use crate::store::mapi::tags::{self, Tag};
use crate::store::mapi::{self, Properties, Value};
use crate::store::tree::Tree;
use crate::store::{Folder, Found, StoreError, Walk};

/// Nodes with fixed numbers ([MS-PST] 2.4.1).
const STORE: NodeId = 0x21;
const ROOT_FOLDER: NodeId = 0x122;
/// Properties of the store that name folders, each by an entry id.
const TOP: Tag = 0x35E0;
const DELETED: Tag = 0x35E3;
const SENT: Tag = 0x35E4;
/// Properties of the inbox, and of the root, that name folders: drafts; and junk as the fifth of several.
const DRAFTS: Tag = 0x36D7;
const MORE: Tag = 0x36D8;
const JUNK: usize = 4;
/// What a folder is made for, such as `IPF.Contact`.
const CONTAINER_CLASS: Tag = 0x3613;
/// Classes of folders for what is not mail.
const NOT_MAIL: [&str; 8] = [
    "IPF.Appointment",
    "IPF.Contact",
    "IPF.Task",
    "IPF.StickyNote",
    "IPF.Journal",
    "IPF.Configuration",
    "IPF.Files",
    "IPF.ShortcutFolder",
];
/// How many entries of a folder that is not for mail are looked at to find whether it holds mail all the same.
const MAX_LOOKED_AT: usize = 1000;
/// An entry id: flags, the store, the node's number ([MS-PST] 2.4.3.2).
const ENTRY_ID: usize = 24;
const ENTRY_NODE: usize = 20;
const MAX_DEPTH: usize = 100;
/// What separates segments of a path may not stand in one.
const SEPARATOR: char = '/';
const NO_SEPARATOR: &str = "\u{2215}";

/// The folders of one file.
pub(super) struct Folders {
    tree: Tree,
    messages: HashMap<FolderPath, Vec<NodeId>>,
    special: HashMap<FolderPath, SpecialUse>,
    /// Folders that are not for mail and hold none.
    other: HashSet<FolderPath>,
}

/// What the index says: the folders and messages below each node.
type Below = HashMap<NodeId, Vec<NodeId>>;

impl Folders {
    /// Reads the tree of the file at `path`.
    pub(super) fn read(disk: &mut Disk, path: &Path) -> io::Result<Self> {
        let (nodes, damage) = disk.all_nodes();
        if nodes.is_empty() {
            return Err(damage.into_iter().next().unwrap_or_else(|| invalid("its index is empty")));
        }
        let mut tree = Tree::new(path);
        for error in damage {
            tree.skip(path, format!("some messages can not be found: {error}"));
        }
        let (mut folders, mut messages, mut parents) = (Below::new(), Below::new(), HashMap::new());
        let (mut seen, mut twice) = (HashSet::new(), 0_u64);
        for (id, above) in nodes {
            match id & kind::MASK {
                kind::FOLDER => {
                    parents.insert(id, above);
                    if id != above {
                        folders.entry(above).or_default().push(id);
                    }
                }
                kind::MESSAGE if seen.insert(id) => messages.entry(above).or_default().push(id),
                kind::MESSAGE => twice += 1,
                _ => {}
            }
        }
        // Both entries lead to one message; what the other one stood for is lost.
        if twice > 0 {
            tree.skip(path, format!("its index names {twice} messages a second time; other messages may be missing"));
        }
        let all = Self { tree, messages: HashMap::new(), special: HashMap::new(), other: HashSet::new() };
        let all = Walker { disk, path, folders, messages, parents, uses: BTreeMap::new(), all }.walk();
        all.tree.lost().map_or(Ok(()), |lost| Err(invalid(&*lost.reason)))?;
        Ok(all)
    }

    /// The folders, with what the file says of their use.
    pub(super) fn all(&self) -> Vec<Folder> {
        let mut all = self.tree.folders();
        let known: HashSet<_> = self.special.values().copied().collect();
        for folder in &mut all {
            let told = self.special.get(&folder.path).copied();
            // What the file says of a use counts more than a name.
            folder.special = told.or(folder.special.filter(|by_name| !known.contains(by_name)));
            folder.holds_messages &= !self.other.contains(&folder.path);
        }
        all.retain(|folder| !self.other.contains(&folder.path) || has_children(&self.tree, &folder.path, &self.other));
        all
    }

    /// The messages of a folder, in the order of their numbers.
    pub(super) fn messages(&self, folder: &FolderPath) -> Result<Vec<NodeId>, StoreError> {
        self.tree.place(folder)?;
        Ok(self.messages.get(folder).cloned().unwrap_or_default())
    }

    /// Whether a folder holds that message.
    pub(super) fn holds(&self, folder: &FolderPath, message: NodeId) -> bool {
        self.messages.get(folder).is_some_and(|all| all.binary_search(&message).is_ok())
    }

    /// Reports what is lost, once.
    pub(super) fn report_skipped(&self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Walk {
        self.tree.report_skipped(folder, visit)
    }
}

fn has_children(tree: &Tree, above: &FolderPath, other: &HashSet<FolderPath>) -> bool {
    let below =
        |folder: &Folder| folder.path != *above && folder.path.starts_with(above) && !other.contains(&folder.path);
    tree.folders().iter().any(below)
}

struct Walker<'a> {
    disk: &'a mut Disk,
    path: &'a Path,
    folders: Below,
    messages: Below,
    /// The node above each folder; the root's is itself.
    parents: HashMap<NodeId, NodeId>,
    uses: BTreeMap<NodeId, SpecialUse>,
    all: Folders,
}

impl Walker<'_> {
    fn walk(mut self) -> Folders {
        let store = self.properties(STORE);
        let top = self.top(store.as_ref());
        for (tag, special) in [(DELETED, SpecialUse::Trash), (SENT, SpecialUse::Sent)] {
            self.uses.extend(store.as_ref().and_then(|store| entry(store.bytes(tag)?)).map(|id| (id, special)));
        }
        if let Some(root) = self.properties(ROOT_FOLDER) {
            self.add_uses(&root);
        }
        let mut seen = HashSet::from([top]);
        self.take_messages(top, &FolderPath::root());
        self.enter(top, &FolderPath::root(), &mut seen);
        self.report_orphans();
        self.all
    }

    /// The folder whose messages and folders a person sees: the one that the store names, or the root.
    fn top(&mut self, store: Option<&Properties>) -> NodeId {
        let named = store.and_then(|store| entry(store.bytes(TOP)?));
        if let Some(gone) = named.filter(|named| !self.parents.contains_key(named)) {
            self.all.tree.skip(self.path, format!("the top folder {gone:x} is gone; all that are left are shown"));
        }
        named.filter(|named| self.parents.contains_key(named)).unwrap_or(ROOT_FOLDER)
    }

    /// Walks the folders below `above`, at whatever depth, each once.
    fn enter(&mut self, above: NodeId, path: &FolderPath, seen: &mut HashSet<NodeId>) {
        for id in self.folders.remove(&above).unwrap_or_default() {
            if !seen.insert(id) || path.depth() >= MAX_DEPTH {
                continue;
            }
            let found = self.properties(id);
            let name = found.as_ref().and_then(|found| found.text(tags::DISPLAY_NAME));
            let name = name.unwrap_or_else(|| format!("folder {id:x}")).replace(SEPARATOR, NO_SEPARATOR);
            // The inbox names other folders.
            if path.is_root() && found.as_ref().is_some_and(|found| self.add_uses(found)) {
                self.uses.entry(id).or_insert(SpecialUse::Inbox);
            }
            let inner = self.all.tree.add(path.child(name), self.path);
            let class = found.and_then(|found| found.text(CONTAINER_CLASS)).unwrap_or_default();
            self.take_messages(id, &inner);
            if NOT_MAIL.iter().any(|kind| class.starts_with(kind)) && !self.holds_mail(&inner) {
                self.all.other.insert(inner.clone());
            }
            self.all.special.extend(self.uses.get(&id).map(|special| (inner.clone(), *special)));
            self.enter(id, &inner, seen);
        }
    }

    fn take_messages(&mut self, id: NodeId, path: &FolderPath) {
        if let Some(mut messages) = self.messages.remove(&id) {
            messages.sort_unstable();
            if path.is_root() {
                self.all.tree.add(FolderPath::root(), self.path);
            }
            self.all.messages.insert(path.clone(), messages);
        }
    }

    /// Notes the folders that these properties name; whether there were any.
    fn add_uses(&mut self, found: &Properties) -> bool {
        let drafts = found.bytes(DRAFTS).and_then(entry);
        let junk = match found.get(MORE) {
            Some(Value::List(all)) => {
                all.get(JUNK).and_then(|one| if let Value::Bytes(bytes) = one { entry(bytes) } else { None })
            }
            _ => None,
        };
        self.uses.extend(drafts.map(|id| (id, SpecialUse::Drafts)));
        self.uses.extend(junk.map(|id| (id, SpecialUse::Junk)));
        drafts.is_some()
    }

    /// Whether a folder that is made for something else holds mail; if it is too big to tell, it counts as if.
    fn holds_mail(&mut self, path: &FolderPath) -> bool {
        let ids = self.all.messages.get(path).map(Vec::as_slice).unwrap_or_default();
        ids.len() > MAX_LOOKED_AT
            || ids.iter().any(|id| object::listed(self.disk, *id, None).map_or(true, |object| mapi::is_mail(&object)))
    }

    /// Messages whose folder is gone or was not reached, but for those of folders a person never sees.
    fn report_orphans(&mut self) {
        let mut lost: Vec<_> = self.messages.drain().filter(|(_, all)| !all.is_empty()).collect();
        lost.sort_unstable();
        for (folder, all) in lost {
            if let Some(gone) = self.gone_above(folder) {
                let reason = format!(
                    "{} messages belong to folder {folder:x}, but {gone:x} is gone; they are not carried",
                    all.len()
                );
                self.all.tree.skip(self.path, reason);
            }
        }
    }

    /// The folder that is missing between one and the root, if any is.
    fn gone_above(&mut self, folder: NodeId) -> Option<NodeId> {
        let mut here = folder;
        for _ in 0..MAX_DEPTH {
            match self.parents.get(&here) {
                Some(_) if here == ROOT_FOLDER => return None,
                Some(above) => here = *above,
                // A search, or what else there may be that holds messages and is no folder.
                None if here == folder && self.disk.node(here).is_ok_and(|node| node.is_some()) => return None,
                None => return Some(here),
            }
        }
        Some(here) // a circle
    }

    fn properties(&mut self, id: NodeId) -> Option<Properties> {
        self.disk.start();
        let result = object::properties(self.disk, id, &|tag| {
            matches!(tag, tags::DISPLAY_NAME | CONTAINER_CLASS | TOP | DELETED | SENT | DRAFTS | MORE)
        });
        match result {
            Ok(found) => Some(found),
            Err(error) => {
                self.all.tree.skip(self.path, format!("folder {id:x} has lost its name: {error}"));
                None
            }
        }
    }
}

/// The node that an entry id names.
fn entry(bytes: &[u8]) -> Option<NodeId> {
    u32_at(bytes, ENTRY_NODE).filter(|_| bytes.len() == ENTRY_ID)
}
