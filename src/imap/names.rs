//! Mailbox names between path segments and the wire: namespace prefix, delimiter, modified UTF-7, LIST answers.

use std::collections::HashSet;

use crate::mail::{FolderPath, SpecialUse, mutf7};

use super::answer::Value;
use super::error::ImapError;
use super::wire::Wire;

/// One folder on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFolder {
    /// Its path, without namespace prefix or delimiter.
    pub path: FolderPath,
    /// Its name on the wire, exactly as the server wrote it.
    pub wire: String,
    /// What it is for, if the server says so; INBOX always.
    pub special: Option<SpecialUse>,
    /// Whether it can be opened, or is only there for its children.
    pub can_select: bool,
    /// Whether folders can be made below it.
    pub can_have_children: bool,
}

/// How a server writes the names of the user's own folders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// What stands before every name but INBOX: `INBOX.` on Courier, most often nothing.
    pub prefix: String,
    /// What stands between segments; `None` on a server without a hierarchy.
    pub delimiter: Option<char>,
}

/// More folders than any mailbox has (facts/reliability.md section 2.2).
const MAX_FOLDERS: usize = 300_000;
const MAX_NAME: usize = 1024;
const MAX_DEPTH: usize = 64;
/// Enough for one name sent as a literal.
const NAME_LITERAL: usize = 8 * 1024;
/// The longest segment that every server takes is about 200 bytes (facts/servers.md section 3.5).
const MAX_SEGMENT: usize = 190;

/// What was asked to learn how the server names folders, and which there are: the tags of NAMESPACE and LIST.
pub struct Asked(Option<(String, String)>);

/// Asks, where the server has NAMESPACE.
pub fn ask(wire: &Wire, capabilities: &[String]) -> Result<Asked, ImapError> {
    if !capabilities.iter().any(|capability| capability == "NAMESPACE") {
        return Ok(Asked(None));
    }
    Ok(Asked(Some((wire.give("NAMESPACE")?, wire.give(list_command(capabilities))?))))
}

/// Learns what was asked; asks for the delimiter alone where that told none. No folders where the server does not list them
/// now.
pub fn learn(wire: &Wire, asked: &Asked) -> Result<(Namespace, Option<Vec<RemoteFolder>>), ImapError> {
    let mut namespace = Namespace::default();
    let mut folders = None;
    if let Asked(Some((asked, listed))) = asked {
        namespace = Namespace::told(wire, asked)?;
        folders = listing(wire, listed, &namespace)?.ok();
    }
    if namespace.delimiter.is_none() {
        namespace.ask_delimiter(wire)?;
        folders = None;
    }
    Ok((namespace, folders))
}

/// LIST of everything, with the uses of folders where the server tells them.
pub fn list_command(capabilities: &[String]) -> &'static str {
    let has = |name: &str| capabilities.iter().any(|capability| capability == name);
    if has("LIST-EXTENDED") && has("SPECIAL-USE") { "LIST \"\" \"*\" RETURN (SPECIAL-USE)" } else { "LIST \"\" \"*\"" }
}

/// Takes the answer to [`list_command`] with this tag; the refusal inside, if it is one.
pub fn listing(
    wire: &Wire,
    tag: &str,
    namespace: &Namespace,
) -> Result<Result<Vec<RemoteFolder>, ImapError>, ImapError> {
    let mut listing = Listing::new(namespace);
    let result = wire.result(tag, NAME_LITERAL, |values| listing.take(values))?;
    Ok(result.accept(|| "cannot list the folders".into()).map(|_| listing.finish()))
}

impl Namespace {
    /// The commonest: nothing stands before a name, and `/` between its segments.
    pub fn common() -> Self {
        Self { prefix: String::new(), delimiter: Some('/') }
    }

    /// Takes the answer to NAMESPACE with this tag.
    fn told(wire: &Wire, tag: &str) -> Result<Self, ImapError> {
        let mut found = Self::default();
        wire.result(tag, NAME_LITERAL, |values| {
            let personal = values.first().filter(|value| value.is("NAMESPACE")).and(values.get(1));
            if let Some([prefix, delimiter, ..]) = personal.and_then(|all| all.list().first()).map(Value::list) {
                found = Self { prefix: prefix.text().into_owned(), delimiter: self::delimiter(delimiter) };
            }
        })?;
        Ok(found)
    }

    /// Asks for the delimiter alone.
    fn ask_delimiter(&mut self, wire: &Wire) -> Result<(), ImapError> {
        wire.command("LIST \"\" \"\"", NAME_LITERAL, |values| {
            if let [word, _, delimiter, ..] = values
                && word.is("LIST")
            {
                self.delimiter = self::delimiter(delimiter);
            }
        })
        .map(drop)
    }

    /// The name on the wire for a path.
    pub fn to_wire(&self, path: &FolderPath) -> String {
        let Some((first, rest)) = path.segments().split_first() else { return String::new() };
        let delimiter = self.delimiter.map(String::from).unwrap_or_default();
        let mut segments: Vec<String> = Vec::with_capacity(path.depth());
        if !first.eq_ignore_ascii_case("INBOX") {
            segments.push(mutf7::encode(first));
        }
        segments.extend(rest.iter().map(|segment| mutf7::encode(segment)));
        let below = segments.join(&delimiter);
        if !first.eq_ignore_ascii_case("INBOX") || (!rest.is_empty() && self.is_below_inbox()) {
            format!("{}{below}", self.prefix)
        } else if rest.is_empty() {
            "INBOX".to_owned()
        } else {
            format!("INBOX{delimiter}{below}")
        }
    }

    /// The path for a name on the wire. What is not modified UTF-7 is shown as it is.
    pub fn to_path(&self, wire: &str) -> FolderPath {
        let below = wire.strip_prefix(&self.prefix).filter(|rest| !rest.is_empty()).unwrap_or(wire);
        let decode = |segment: &str| mutf7::decode(segment).unwrap_or_else(|| segment.to_owned());
        match self.delimiter {
            Some(delimiter) => FolderPath::new(below.split(delimiter).enumerate().map(|(index, segment)| {
                if index == 0 && segment.eq_ignore_ascii_case("INBOX") { "INBOX".to_owned() } else { decode(segment) }
            })),
            None => FolderPath::new([decode(below)]),
        }
    }

    fn is_below_inbox(&self) -> bool {
        self.prefix.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("INBOX"))
    }

    /// The path with what this server can not take in a name replaced by `_`: its delimiter, control characters, blanks at
    /// the ends, endless length. With `strictly`, also all that some server is known to refuse.
    pub fn takeable(&self, path: &FolderPath, strictly: bool) -> FolderPath {
        FolderPath::new(path.segments().iter().map(|segment| {
            let kept: String = segment
                .chars()
                .map(|ch| {
                    let bad = Some(ch) == self.delimiter || ch.is_control() || (strictly && is_refused_somewhere(ch));
                    if bad { '_' } else { ch }
                })
                .collect();
            let kept = kept.get(..kept.floor_char_boundary(MAX_SEGMENT)).unwrap_or_default().trim();
            if kept.is_empty() { "_".to_owned() } else { kept.to_owned() }
        }))
    }
}

/// What Dovecot, Cyrus or Courier refuse in a name (facts/servers.md section 3.5).
fn is_refused_somewhere(ch: char) -> bool {
    "./\\\"%*!|<>^`{}~#&[]".contains(ch) || u32::from(ch) > 0xffff
}

fn delimiter(value: &Value<'_>) -> Option<char> {
    match value {
        Value::Quoted(_) | Value::Literal(_) => value.text().chars().next(),
        _ => None, // NIL
    }
}

/// Reads LIST answers into folders; hostile and doubled names are left out.
pub struct Listing<'a> {
    namespace: &'a Namespace,
    folders: Vec<RemoteFolder>,
    seen: HashSet<FolderPath>,
}

impl<'a> Listing<'a> {
    /// An empty listing.
    pub fn new(namespace: &'a Namespace) -> Self {
        Self { namespace, folders: Vec::new(), seen: HashSet::new() }
    }

    /// Takes one answer: `LIST (attributes) delimiter name`.
    pub fn take(&mut self, values: &[Value<'_>]) {
        let [word, attributes, _, name, ..] = values else { return };
        let Ok(wire) = std::str::from_utf8(name.bytes()) else { return };
        let usable =
            word.is("LIST") && !wire.is_empty() && wire.len() <= MAX_NAME && !wire.contains(['\r', '\n', '\0']);
        if !usable || self.folders.len() >= MAX_FOLDERS {
            return;
        }
        let path = self.namespace.to_path(wire);
        if path.is_root() || path.depth() > MAX_DEPTH || !self.seen.insert(path.clone()) {
            return;
        }
        let has = |name: &str| attributes.list().iter().any(|attribute| attribute.is(name));
        let is_inbox = path.segments() == ["INBOX"];
        let special = attributes.list().iter().find_map(|attribute| SpecialUse::from_attribute(&attribute.text()));
        self.folders.push(RemoteFolder {
            special: if is_inbox { Some(SpecialUse::Inbox) } else { special },
            can_select: !has("\\Noselect") && !has("\\NonExistent"),
            can_have_children: !has("\\Noinferiors") && self.namespace.delimiter.is_some(),
            wire: wire.to_owned(),
            path,
        });
    }

    /// The folders, parents before children, INBOX first; parents that the server left out are filled in.
    pub fn finish(mut self) -> Vec<RemoteFolder> {
        let missing: HashSet<FolderPath> = self.folders.iter().flat_map(|folder| ancestors(&folder.path)).collect();
        for path in missing.difference(&self.seen) {
            self.folders.push(RemoteFolder {
                wire: self.namespace.to_wire(path),
                path: path.clone(),
                special: None,
                can_select: false,
                can_have_children: true,
            });
        }
        self.folders.sort_by_cached_key(|folder| {
            let folded: Vec<String> = folder.path.segments().iter().map(|segment| segment.to_lowercase()).collect();
            (folder.path.segments().first().is_none_or(|first| first != "INBOX"), folded, folder.path.clone())
        });
        self.folders
    }
}

fn ancestors(path: &FolderPath) -> impl Iterator<Item = FolderPath> + use<> {
    std::iter::successors(path.parent(), FolderPath::parent).take_while(|above| !above.is_root())
}

/// A name as a quoted string for our own commands.
pub fn quoted(name: &str) -> Result<String, ImapError> {
    if name.contains(['\r', '\n', '\0']) {
        return Err(ImapError::Nonsense { reason: "a folder name with line ends".into() });
    }
    Ok(format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::answer::Answer;

    fn namespace(prefix: &str, delimiter: char) -> Namespace {
        Namespace { prefix: prefix.into(), delimiter: Some(delimiter) }
    }

    #[test]
    fn paths_and_wire_names_meet_whatever_prefix_and_delimiter() {
        for (prefix, delimiter, path, wire) in [
            ("", '/', "INBOX", "INBOX"),
            ("", '/', "Entwürfe/Q&A", "Entw&APw-rfe/Q&-A"),
            ("", '/', "INBOX/sub", "INBOX/sub"),
            ("", '.', "A/B", "A.B"),
            ("INBOX.", '.', "Sent/2004", "INBOX.Sent.2004"),
            ("INBOX.", '.', "INBOX", "INBOX"),
        ] {
            let namespace = namespace(prefix, delimiter);
            assert_eq!(namespace.to_wire(&FolderPath::parse(path)), wire);
            assert_eq!(namespace.to_path(wire).to_string(), path);
        }
        assert_eq!(namespace("INBOX.", '.').to_wire(&FolderPath::parse("INBOX/sub")), "INBOX.sub");
        assert_eq!(namespace("", '/').to_path("inbox/x").to_string(), "INBOX/x");
        assert_eq!(namespace("", '/').to_path("&AAA").to_string(), "&AAA");
    }

    #[test]
    fn what_a_server_can_not_take_is_replaced() {
        let namespace = namespace("", '/');
        let path = FolderPath::new(["a/b ", "c\u{7}d", "john.doe 😀"]);
        assert_eq!(namespace.takeable(&path, false), FolderPath::new(["a_b", "c_d", "john.doe 😀"]));
        assert_eq!(namespace.takeable(&path, true), FolderPath::new(["a_b", "c_d", "john_doe _"]));
        assert_eq!(namespace.takeable(&FolderPath::new(["ä".repeat(300)]), false).name().len(), MAX_SEGMENT);
    }

    #[test]
    fn hostile_listings_give_the_usable_folders() {
        let namespace = namespace("", '/');
        let mut listing = Listing::new(&namespace);
        for line in [
            "* LIST (\\HasNoChildren \\Sent) \"/\" Gesendet\r\n",
            "* LIST () \"/\" \"a\\\"b/c\"\r\n",
            "* LIST (\\Noselect) \"/\" Top\r\n",
            "* LIST () \"/\" INBOX\r\n",
            "* LIST () \"/\" inbox\r\n",
            "* LIST () NIL {4}\r\nx\r\ny\r\n",
            "* LIST () \"/\" \"\"\r\n",
            "* LIST ()\r\n",
            "* LSUB () \"/\" no\r\n",
        ] {
            listing.take(&Answer::new(line.as_bytes().to_vec()).values());
        }
        let found = listing.finish();
        let names: Vec<_> = found.iter().map(|folder| (folder.path.to_string(), folder.can_select)).collect();
        let expected = [("INBOX", true), ("a\"b", false), ("a\"b/c", true), ("Gesendet", true), ("Top", false)];
        assert_eq!(names, expected.map(|(name, select)| (name.to_owned(), select)));
        assert_eq!(found.get(3).unwrap().special, Some(SpecialUse::Sent));
        assert_eq!(quoted("a\"\\b").unwrap(), "\"a\\\"\\\\b\"");
        assert!(quoted("a\r\nM9 CREATE x").is_err());
    }
}
