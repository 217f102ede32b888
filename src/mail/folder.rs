//! Folder paths as segments, and the uses that some folders have.

use std::fmt;

/// A folder on either side as path segments in UTF-8, never with a delimiter. Empty means the top of a mailbox or store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderPath(Vec<String>);

impl FolderPath {
    /// The top.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A path of these segments; empty ones are left out.
    pub fn new<S: Into<String>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self(segments.into_iter().map(Into::into).filter(|segment: &String| !segment.is_empty()).collect())
    }

    /// Reads `A/B/C` as a person writes it.
    pub fn parse(text: &str) -> Self {
        Self::new(text.split('/'))
    }

    /// The segments from the top down.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// Whether this is the top.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// How many segments lie above and at this folder.
    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// The last segment, or an empty string for the top.
    pub fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// The path one segment up, or `None` for the top.
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    /// This path with one more segment.
    #[must_use]
    pub fn child(&self, name: impl Into<String>) -> Self {
        let mut segments = self.0.clone();
        segments.push(name.into());
        Self(segments)
    }

    /// This path followed by all segments of `below`.
    #[must_use]
    pub fn join(&self, below: &Self) -> Self {
        Self(self.0.iter().chain(&below.0).cloned().collect())
    }

    /// Whether this is `top` or lies below it.
    pub fn starts_with(&self, top: &Self) -> bool {
        self.0.starts_with(&top.0)
    }

    /// The part below `top`, or `None` if it does not lie there.
    pub fn below(&self, top: &Self) -> Option<Self> {
        self.0.strip_prefix(top.0.as_slice()).map(|rest| Self(rest.to_vec()))
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

/// What a folder is for (RFC 6154, and INBOX).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// Where new mail arrives.
    Inbox,
    /// Mail that was sent.
    Sent,
    /// Mail not yet sent.
    Drafts,
    /// Deleted mail.
    Trash,
    /// Spam.
    Junk,
    /// Kept mail.
    Archive,
}

/// Attribute on the wire, name in JSON and on the screen, folder names that mean it (lower case).
const USES: [(SpecialUse, &str, &str, &[&str]); 6] = [
    (SpecialUse::Inbox, "", "inbox", &["inbox"]),
    (SpecialUse::Sent, "\\Sent", "sent", &["sent", "sent items", "sent messages", "sent-mail", "sent mail"]),
    (SpecialUse::Drafts, "\\Drafts", "drafts", &["drafts", "draft"]),
    (SpecialUse::Trash, "\\Trash", "trash", &["trash", "deleted items", "deleted messages", "deleted"]),
    (SpecialUse::Junk, "\\Junk", "junk", &["junk", "spam", "junk e-mail", "junk mail", "junk email", "bulk mail"]),
    (SpecialUse::Archive, "\\Archive", "archive", &["archive", "archives"]),
];

impl SpecialUse {
    /// The use that a LIST attribute such as `\Sent` names, whatever its case.
    pub fn from_attribute(attribute: &str) -> Option<Self> {
        USES.iter()
            .find(|(_, known, ..)| !known.is_empty() && known.eq_ignore_ascii_case(attribute))
            .map(|(special, ..)| *special)
    }

    /// The use that a folder of this name commonly has.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        USES.iter().find(|(.., names)| names.contains(&name.as_str())).map(|(special, ..)| *special)
    }

    /// The name in JSON and on the screen, such as `sent`.
    pub fn label(self) -> &'static str {
        USES.iter().find(|(special, ..)| *special == self).map_or("", |(_, _, label, _)| label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_prints_and_nests() {
        let path = FolderPath::parse("/A//B/C");
        assert_eq!(path.to_string(), "A/B/C");
        assert_eq!(path.parent(), Some(FolderPath::parse("A/B")));
        assert_eq!(path.below(&FolderPath::parse("A")), Some(FolderPath::parse("B/C")));
        assert_eq!(FolderPath::parse("X").join(&path).to_string(), "X/A/B/C");
        assert!(path.starts_with(&FolderPath::root()));
        assert!(!FolderPath::parse("AB").starts_with(&FolderPath::parse("A")));
    }

    #[test]
    fn uses_are_known_by_attribute_and_by_name() {
        assert_eq!(SpecialUse::from_attribute("\\sent"), Some(SpecialUse::Sent));
        assert_eq!(SpecialUse::from_attribute(""), None);
        assert_eq!(SpecialUse::from_name("Deleted Items"), Some(SpecialUse::Trash));
        assert_eq!(SpecialUse::from_name("Projects"), None);
        assert_eq!(SpecialUse::Junk.label(), "junk");
    }
}
