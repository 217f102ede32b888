//! Folder paths as segments.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A folder on either side as path segments in UTF-8, never with a delimiter. Empty means the top of a mailbox or store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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

    /// Reads `A/B/C` as a person writes it and as a path prints itself. `%2F` is a slash in a name, and `%25` a percent sign
    /// where one of the two would be read otherwise; any other percent sign stands for itself, unlike in URLs.
    pub fn parse(text: &str) -> Self {
        Self::new(text.split('/').map(unescaped))
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
    /// As [`FolderPath::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, segment) in self.0.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "/" })?;
            f.write_str(&escaped(segment))?;
        }
        Ok(())
    }
}

/// What stands for a slash and a percent sign inside a name.
const ESCAPES: [(&str, char); 2] = [("%2F", '/'), ("%25", '%')];

/// The character that an escape at the start of `text` stands for.
fn escape(text: &str) -> Option<char> {
    let start = text.get(..3)?;
    ESCAPES.iter().find(|(escape, _)| escape.eq_ignore_ascii_case(start)).map(|(_, ch)| *ch)
}

/// A segment as it is, from how it is written.
fn unescaped(mut text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    while let Some(at) = text.find('%') {
        let (before, rest) = text.split_at(at);
        out.push_str(before);
        let ch = escape(rest);
        out.push(ch.unwrap_or('%'));
        text = rest.get(if ch.is_some() { 3 } else { 1 }..).unwrap_or_default();
    }
    out + text
}

/// A segment as it is written, so that it is read back as it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, ch) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        match ch {
            '/' => out.push_str("%2F"),
            '%' if escape(rest).is_some() => out.push_str("%25"),
            _ => out.push(ch),
        }
    }
    out
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
    fn a_slash_inside_a_name_is_written_so_that_it_is_read_back() {
        for (segments, text) in [
            (&["a/b", "c"][..], "a%2Fb/c"),
            (&["50% off", "%"], "50% off/%"),
            (&["a%2Fb"], "a%252Fb"),
            (&["%25", "%2f"], "%2525/%252f"),
            (&["%/"], "%%2F"),
            (&["%%2F", "%2"], "%%252F/%2"),
            (&["Größe %2Ü"], "Größe %2Ü"),
        ] {
            let path = FolderPath::new(segments.iter().copied());
            assert_eq!(path.to_string(), text);
            assert_eq!(FolderPath::parse(text), path, "{text}");
        }
        assert_eq!(FolderPath::parse("a%2fb").segments(), ["a/b"]);
    }
}
