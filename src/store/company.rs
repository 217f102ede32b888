//! Which files of a directory belong to which store, where it holds several. Made by a survey, obeyed by every walk of a
//! format through the directory, so that no mail is read twice and nothing outside is read at all.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dir::Entry;

/// The other stores in the same directory, as one of them sees them. By default there are none.
#[derive(Clone, Debug, Default)]
pub struct Company {
    shared: Option<Arc<Owners>>,
    own: &'static str,
}

/// What a survey found out.
#[derive(Debug)]
pub(super) struct Owners {
    /// The directory that was surveyed, without links.
    pub(super) root: PathBuf,
    /// Files, and directories with all that is in them, and the format that reads them.
    pub(super) formats: HashMap<PathBuf, &'static str>,
}

impl Company {
    /// The company of the store of format `own`.
    pub(super) fn of(shared: &Arc<Owners>, own: &'static str) -> Self {
        Self { shared: Some(Arc::clone(shared)), own }
    }

    /// Whether there are no other stores; then what is mail and not read must be named.
    pub(super) fn is_none(&self) -> bool {
        self.shared.is_none()
    }

    /// Whether an entry of a directory is this store's to read: no other store's, and no link that leads out of it all.
    pub(super) fn leaves(&self, entry: &Entry) -> bool {
        let Some(owners) = &self.shared else { return true };
        let is_others = owners.formats.get(&entry.path).is_some_and(|owner| *owner != self.own);
        !is_others && (!entry.is_link || is_within(&entry.path, &owners.root))
    }
}

/// Whether a path lies in `root` once its links are followed.
pub(super) fn is_within(path: &Path, root: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| path.starts_with(root))
}

impl PartialEq for Company {
    fn eq(&self, other: &Self) -> bool {
        let shared = |company: &Self| company.shared.as_ref().map(Arc::as_ptr);
        self.own == other.own && shared(self) == shared(other)
    }
}

impl Eq for Company {}

impl Hash for Company {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.own.hash(state);
    }
}
