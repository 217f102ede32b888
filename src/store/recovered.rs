//! The folders in which deleted messages are shown when that is asked for. Used by the Outlook Express formats.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::OpenOptions;
use super::tree::Tree;
use crate::mail::FolderPath;

/// Which messages of a file a folder shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// All but the deleted ones.
    Living,
    /// The deleted ones; damage is named with the others.
    Deleted,
}

/// What such a folder is called; each lies below the folder that its messages were deleted from.
pub(super) const NAME: &str = "Recovered";

/// Which folders of a store are such folders.
#[derive(Debug, Default)]
pub(super) struct Recovered(HashSet<FolderPath>);

impl Recovered {
    /// Adds one below each folder of `tree` whose place `has` deleted messages, if that is asked for. A name that is taken
    /// gets a number.
    pub(super) fn add_to(tree: &mut Tree, options: &OpenOptions, has: impl Fn(&Path) -> bool) -> Self {
        if !options.recovered {
            return Self::default();
        }
        let holding = tree.folders().into_iter().filter_map(|folder| {
            let place = tree.place(&folder.path).ok()??.to_owned();
            Some((folder.path, place))
        });
        let holding: Vec<(FolderPath, PathBuf)> = holding.filter(|(_, place)| has(place)).collect();
        Self(holding.into_iter().map(|(folder, place)| tree.add(folder.child(NAME), &place)).collect())
    }

    /// Whether `folder` is one of them.
    pub(super) fn holds(&self, folder: &FolderPath) -> bool {
        self.0.contains(folder)
    }

    /// Which messages `folder` shows.
    pub(super) fn shown_in(&self, folder: &FolderPath) -> Shows {
        if self.holds(folder) { Shows::Deleted } else { Shows::Living }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_called_so_keeps_its_name() {
        let mut tree = Tree::new(Path::new("/s"));
        for name in ["A", "A/Recovered", "B"] {
            tree.add(FolderPath::parse(name), Path::new(if name == "A" { "/s/a" } else { "/s/b" }));
        }
        let options = OpenOptions { recovered: true, ..OpenOptions::default() };
        let recovered = Recovered::add_to(&mut tree, &options, |place| place == Path::new("/s/a"));
        let shown: Vec<_> = tree.folders().iter().map(|folder| folder.path.to_string()).collect();
        assert_eq!(shown, ["A", "A/Recovered", "A/Recovered (2)", "B"]);
        assert_eq!(recovered.shown_in(&FolderPath::parse("A/Recovered (2)")), Shows::Deleted);
        assert_eq!(recovered.shown_in(&FolderPath::parse("A/Recovered")), Shows::Living);
    }
}
