//! Which folder becomes which: rules of the user, kept in a file and used again for the next mailbox.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::mail::{DateRule, FolderPath, SpecialUse};

use super::Selection;

/// Rules in the order they were written. Of those that fit a folder the one that names it most closely holds, of equals the
/// last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The rules, `[[folder]]` in the file.
    #[serde(rename = "folder", default)]
    pub rules: Vec<Rule>,
}

/// What becomes of a folder and of those below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The folder in the store, as a path; `*` stands for any characters of one name. `/` is the store's top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Instead of `from`: what the folder is for.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub special: Option<SpecialUse>,
    /// Only in stores whose file has that name, which may hold `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// The folder it becomes: below the job's own target, or from the mailbox's top with a leading `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// It is not carried.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leave: bool,
    /// Where its internal dates come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates: Option<DateRule>,
}

/// Why a mapping can't be used or kept.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The file can't be read or written.
    #[error("cannot use {path} as a mapping: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{path}:{line}: {why}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

/// The first lines of a file that is written.
const HEAD: &str = "# mailferry: which folder becomes which (README, \"Folder mapping\"). Use it again with --map, or with L in \
    the rules (F2).\n\n";

/// How a rule is written in one line.
const BECOMES: &str = " > ";
const BY_USE: &str = "use:";
const LEFT_OUT: &str = "-";

/// How a rule fits a folder.
struct Fit<'r> {
    rule: &'r Rule,
    /// How closely it names the folder.
    closeness: usize,
    /// What lies below the folder that it names.
    rest: FolderPath,
}

/// What the rules make of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ruled {
    /// Its name in the mailbox, if a rule gives one.
    pub(super) target: Option<FolderPath>,
    /// Whether it is not carried.
    pub(super) is_left: bool,
    /// Where its internal dates come from.
    pub(super) dates: DateRule,
}

impl Mapping {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, MappingError> {
        let text = fs::read_to_string(path).map_err(|source| MappingError::File { path: path.to_owned(), source })?;
        Self::read(&text).map_err(|(line, why)| MappingError::Wrong { path: path.to_owned(), line, why })
    }

    /// Writes a file, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<(), MappingError> {
        let write = || {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            file.write_all(self.text().as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path).map(drop).map_err(io::Error::from)
        };
        write().map_err(|source| MappingError::File { path: path.to_owned(), source })
    }

    /// Reads the text of a file; else the line and what is wrong there.
    fn read(text: &str) -> Result<Self, (usize, String)> {
        let line = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
        let read: Read = toml::from_str(text)
            .map_err(|error| (error.span().map_or(1, |span| line(span.start)), error.message().to_owned()))?;
        let checked = |rule: toml::Spanned<Rule>| {
            let at = line(rule.span().start);
            let rule = rule.into_inner();
            rule.check().map(|()| rule).map_err(|why| (at, why.to_owned()))
        };
        Ok(Self { rules: read.folder.into_iter().map(checked).collect::<Result<_, _>>()? })
    }

    fn text(&self) -> String {
        // Strings and booleans: nothing that could not be written.
        HEAD.to_owned() + &toml::to_string(self).unwrap_or_default()
    }

    /// Adds a rule in place of one about the same folder.
    pub fn set(&mut self, rule: Rule) {
        match self.rules.iter_mut().find(|known| known.about_what() == rule.about_what()) {
            Some(known) => {
                if rule.to.is_some() || rule.leave {
                    (known.to, known.leave) = (rule.to, rule.leave);
                }
                known.dates = rule.dates.or(known.dates);
            }
            None => self.rules.push(rule),
        }
    }

    /// Takes away the rule about the same folder. Says whether there was one.
    pub fn drop(&mut self, rule: &Rule) -> bool {
        let before = self.rules.len();
        self.rules.retain(|known| known.about_what() != rule.about_what());
        self.rules.len() < before
    }

    /// What the rules make of a folder that is for `special`, in a job that goes below `target`.
    pub(super) fn rule(&self, selection: &Selection, special: Option<SpecialUse>, target: &FolderPath) -> Ruled {
        let fits: Vec<Fit<'_>> = self.rules.iter().filter_map(|rule| rule.fit(selection, special)).collect();
        // The last of equals is the greatest.
        let best =
            |says: &dyn Fn(&Rule) -> bool| fits.iter().filter(|fit| says(fit.rule)).max_by_key(|fit| fit.closeness);
        let place = best(&|rule| rule.leave || rule.to.is_some());
        // What is left out has a name too, for when it is taken in again.
        let named = best(&|rule| rule.to.is_some()).and_then(|fit| Some((fit, fit.rule.to.as_ref()?)));
        Ruled {
            target: named.map(|(fit, to)| {
                let top = if to.starts_with('/') { FolderPath::root() } else { target.clone() };
                top.join(&FolderPath::parse(to)).join(&fit.rest)
            }),
            is_left: place.is_some_and(|fit| fit.rule.leave),
            dates: best(&|rule| rule.dates.is_some()).and_then(|fit| fit.rule.dates).unwrap_or_default(),
        }
    }
}

/// A file with the places of its rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(default)]
    folder: Vec<toml::Spanned<Rule>>,
}

impl Rule {
    /// A rule about that very folder.
    pub fn about(folder: &FolderPath, store: Option<String>) -> Self {
        let from = if folder.is_root() { "/".to_owned() } else { folder.to_string() };
        Self { from: Some(from), store, ..Self::default() }
    }

    fn about_what(&self) -> (&Option<String>, Option<SpecialUse>, &Option<String>) {
        (&self.from, self.special, &self.store)
    }

    /// The rule in one line: `FOLDER > NAME`, `use:trash > -`.
    pub fn text(&self) -> String {
        let from = match (&self.from, self.special) {
            (Some(from), _) => from.clone(),
            (None, special) => format!("{BY_USE}{}", special.map(SpecialUse::label).unwrap_or_default()),
        };
        format!("{from}{BECOMES}{}", if self.leave { LEFT_OUT } else { self.to.as_deref().unwrap_or_default() })
    }

    /// The rule with another such line; its store and dates stay. Else why the line is none.
    pub fn with_text(self, text: &str) -> Result<Self, &'static str> {
        let (from, to) = text.rsplit_once('>').ok_or("there is no > in it")?;
        let (from, to) = (from.trim(), to.trim());
        let special = match from.strip_prefix(BY_USE) {
            Some(name) => Some(SpecialUse::from_label(name).ok_or("no use is called so")?),
            None => None,
        };
        let (leave, is_empty) = (to == LEFT_OUT, to.is_empty());
        if is_empty && self.dates.is_none() {
            return Err("it does not say what the folder becomes");
        }
        let from = special.is_none().then(|| from.to_owned());
        if from.as_ref().is_some_and(String::is_empty) {
            return Err("it does not say which folder");
        }
        Ok(Self { from, special, to: (!leave && !is_empty).then(|| to.to_owned()), leave, ..self })
    }

    /// What makes it no rule, if anything.
    fn check(&self) -> Result<(), &'static str> {
        match (&self.from, self.special) {
            (None, None) => return Err("a rule names a folder by from = \"…\", or its use by use = \"…\""),
            (Some(_), Some(_)) => return Err("a rule has from or use, not both"),
            _ => {}
        }
        match (&self.to, self.leave, self.dates) {
            (None, false, None) => Err("a rule says to = \"…\", leave = true or dates = \"…\""),
            (Some(_), true, _) => Err("a rule has to or leave, not both"),
            _ => Ok(()),
        }
    }

    /// What it is about, for people.
    pub fn subject(&self) -> String {
        let folder = match (&self.from, self.special) {
            (Some(from), _) => from.clone(),
            (None, Some(special)) => format!("all {} folders", special.label()),
            (None, None) => String::new(),
        };
        self.store.as_ref().map_or_else(|| folder.clone(), |store| format!("{folder} (in {store})"))
    }

    /// What it says, for people.
    pub fn words(&self) -> String {
        let place = match &self.to {
            _ if self.leave => Some("is left out".to_owned()),
            Some(to) => Some(if to.is_empty() { "goes into the target itself".into() } else { format!("→ {to}") }),
            None => None,
        };
        let dates = self.dates.map(|dates| format!("dates: {}", dates.label()));
        place.into_iter().chain(dates).collect::<Vec<_>>().join("; ")
    }

    fn fit(&self, selection: &Selection, special: Option<SpecialUse>) -> Option<Fit<'_>> {
        if let Some(store) = &self.store
            && !fits(store, &store_name(&selection.source.path).unwrap_or_default())
        {
            return None;
        }
        if let Some(wanted) = self.special {
            let rest = selection.below.segments().iter().skip(1).map(String::as_str);
            return (special == Some(wanted)).then(|| Fit { rule: self, closeness: 1, rest: FolderPath::new(rest) });
        }
        let from = FolderPath::parse(self.from.as_deref()?);
        let names = selection.folder.segments();
        let is_there =
            from.depth() <= names.len() && from.segments().iter().zip(names).all(|(pattern, name)| fits(pattern, name));
        let closeness = 2 + 2 * from.depth() + usize::from(self.store.is_some());
        let rest = names.iter().skip(from.depth()).map(String::as_str);
        is_there.then(|| Fit { rule: self, closeness, rest: FolderPath::new(rest) })
    }
}

/// Whether a name is as the pattern says, whatever its case; `*` stands for any characters.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, between)) = pieces.split_last() else { return rest.is_empty() };
    for piece in between {
        let Some(at) = rest.find(piece) else { return false };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

/// The name of a store's file, for a rule that holds for it alone.
pub fn store_name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::OpenOptions;
    use crate::transfer::{Chosen, Source};

    fn selection(folder: &str) -> Selection {
        Selection {
            source: Source { path: "/mail/old.pst".into(), options: OpenOptions::default() },
            folder: FolderPath::parse(folder),
            special: None,
            below: FolderPath::parse(folder),
            chosen: Chosen::All,
            messages: 0,
            bytes: 0,
        }
    }

    fn ruled(mapping: &str, folder: &str, special: Option<SpecialUse>) -> Ruled {
        Mapping::read(mapping).unwrap().rule(&selection(folder), special, &FolderPath::parse("Old"))
    }

    #[test]
    fn the_closest_rule_holds_and_what_lies_below_follows() {
        let mapping = r#"
            [[folder]]
            from = "Archive"
            to = "/Archiv"
            [[folder]]
            from = "archive/20*"
            to = "Years"
            dates = "received"
            [[folder]]
            use = "trash"
            leave = true
            [[folder]]
            from = "Trash/Keep"
            to = "Kept"
            [[folder]]
            from = "*"
            store = "other*"
            leave = true
        "#;
        let target = |folder: &str, special| {
            let ruled = ruled(mapping, folder, special);
            if ruled.is_left { "left".to_owned() } else { ruled.target.map_or("-".into(), |path| path.to_string()) }
        };
        assert_eq!(target("Archive/Bills/1999", None), "Archiv/Bills/1999");
        assert_eq!(target("ARCHIVE/2004/May", None), "Old/Years/May");
        assert_eq!(target("Trash/Sub", Some(SpecialUse::Trash)), "left");
        assert_eq!(target("Trash/Keep/x", Some(SpecialUse::Trash)), "Old/Kept/x");
        assert_eq!(target("Projects", None), "-");
        assert_eq!(ruled(mapping, "Archive/2004", None).dates, DateRule::Received);
        assert_eq!(ruled(mapping, "Archive", None).dates, DateRule::Auto);
    }

    #[test]
    fn what_is_no_rule_is_told_by_its_line() {
        for (text, line, words) in [
            ("[[folder]]\nto = \"x\"\n", 1, "names a folder"),
            ("\n[[folder]]\nfrom = \"x\"\n", 2, "a rule says"),
            ("[[folder]]\nfrom = \"x\"\nuse = \"sent\"\nto = \"y\"", 1, "not both"),
            ("[[folder]]\nfrom = \"x\"\n\nwhere = 1", 4, "where"),
            ("[[folder]]\nfrom = \"x\"\ndates = \"moon\"", 3, "moon"),
        ] {
            let (at, why) = Mapping::read(text).unwrap_err();
            assert_eq!(at, line, "{text}: {why}");
            assert!(why.contains(words), "{why}");
        }
    }

    #[test]
    fn a_mapping_is_kept_and_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("map.toml");
        let mut mapping = Mapping::default();
        mapping.set(Rule { to: Some("/Sent".into()), ..Rule::about(&FolderPath::new(["a/b", "\"c\""]), None) });
        mapping.set(Rule { leave: true, ..Rule::about(&FolderPath::root(), Some("x.dbx".into())) });
        mapping.set(Rule { dates: Some(DateRule::Date), ..Rule::about(&FolderPath::new(["a/b", "\"c\""]), None) });
        assert_eq!(mapping.rules.len(), 2);
        mapping.save(&path).unwrap();
        assert_eq!(Mapping::load(&path).unwrap(), mapping);
        let words: Vec<String> =
            mapping.rules.iter().map(|rule| format!("{} {}", rule.subject(), rule.words())).collect();
        assert_eq!(words, ["a%2Fb/\"c\" → /Sent; dates: date", "/ (in x.dbx) is left out"]);
        assert!(mapping.save(&directory.path().join("no/map.toml")).is_err());
    }

    #[test]
    fn a_rule_in_one_line_is_read_back() {
        for text in ["Archive/20* > Years", "use:trash > -", "/ > /INBOX"] {
            assert_eq!(Rule::default().with_text(text).unwrap().text(), text);
        }
        let dated = Rule { dates: Some(DateRule::Date), ..Rule::about(&FolderPath::new(["a"]), None) };
        let rule = dated.with_text("a > b").unwrap();
        assert_eq!((rule.dates, rule.to.as_deref()), (Some(DateRule::Date), Some("b")));
        for text in ["Archive", "a >", "> b", "use:moon > x"] {
            assert!(Rule::default().with_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, name, is_fit) in [
            ("*", "anything", true),
            ("a*c", "ABBC", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxc", false),
            ("abc", "abcd", false),
            ("*x*x", "x", false),
            ("ä*", "Äpfel", true),
        ] {
            assert_eq!(fits(pattern, name), is_fit, "{pattern} {name}");
        }
    }
}
