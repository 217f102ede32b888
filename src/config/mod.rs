//! Settings that outlive a run: `config.toml`, over defaults that are part of the program. Reads, and never writes.

mod look;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

pub use look::{Color, Palette, ROLES, Role, Style};

/// What stands where the file says nothing.
const DEFAULTS: &str = include_str!("defaults.toml");
/// What stands before a colon with another meaning.
const NO_NAMES: [&str; 5] = ["maildir", "mbox", "imap", "imaps", "imap+plaintext"];
/// The theme without colours.
pub const MONO: &str = "mono";

/// What the files say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How things look.
    pub palette: Palette,
    /// How they look where there may be no colours.
    pub mono: Palette,
    /// Whether to draw in ASCII only; `None` where the terminal decides.
    pub ascii: Option<bool>,
    /// Whether the line to the terminal is slow.
    pub slow: bool,
    /// Whether the mouse is taken from the terminal.
    pub mouse: bool,
    /// Whether jobs go on when the terminal goes away.
    pub leave_running: bool,
    /// Mailboxes by their names.
    pub accounts: BTreeMap<String, Account>,
    /// Keys, those of the chosen set first.
    pub keys: Vec<Binding>,
}

/// A mailbox: where it is, and where its password comes from. The password itself has no place in a file of settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Account {
    /// `imaps://user@host/Folder`.
    pub url: String,
    /// A file whose first line is the password.
    pub password_file: Option<PathBuf>,
    /// A command whose first line of output is the password.
    pub password_command: Option<String>,
    /// More certificate authorities to trust (PEM).
    pub ca_file: Option<PathBuf>,
    /// `sha256:HEX` of the one certificate to trust.
    pub pin: Option<String>,
    /// The name the certificate must carry, if not the host.
    pub tls_name: Option<String>,
    /// The mailbox to open with this login.
    #[serde(rename = "as")]
    pub authorization: Option<String>,
}

/// An action and all its keys, as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The action's name.
    pub action: String,
    /// The names of its keys.
    pub keys: Vec<String>,
    /// Where this stands: the file and the line.
    pub place: String,
    /// Whether the user wrote it.
    pub is_own: bool,
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It can't be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{place}: {why}")]
    Wrong {
        /// The file and the line.
        place: String,
        /// What is wrong, and what would be right.
        why: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    screen: Screen,
    jobs: Jobs,
    keys: Keys,
    accounts: BTreeMap<Spanned<String>, Account>,
    themes: BTreeMap<String, BTreeMap<Spanned<String>, Style>>,
    keysets: BTreeMap<String, Keys>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Jobs {
    #[serde(rename = "leave-running")]
    leave_running: bool,
}

type Keys = BTreeMap<Spanned<String>, OneOrMany>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Screen {
    theme: Option<Spanned<String>>,
    keys: Option<Spanned<String>>,
    ascii: Option<bool>,
    slow: bool,
    mouse: bool,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a key as text, or several as [\"F5\", \"c\"]")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Where the user's file is, or would be: `$XDG_CONFIG_HOME/mailferry/config.toml`, or the same below `~/.config`.
pub fn path() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME").map(|home| home.join(".config"));
    let folder = variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute()).or_else(home)?;
    Some(folder.join("mailferry/config.toml"))
}

/// Reads the settings from the user's file, if there is one.
pub fn load() -> Result<Settings, ConfigError> {
    let Some(path) = path() else { return read("", Path::new("config.toml")) };
    match std::fs::read_to_string(&path) {
        Ok(text) => read(&text, &path),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => read("", &path),
        Err(source) => Err(ConfigError::Read { path, source }),
    }
}

/// Reads settings from the text of a file.
pub fn read(text: &str, path: &Path) -> Result<Settings, ConfigError> {
    let defaults = Source { text: DEFAULTS, name: "the defaults".into() };
    let own = Source { text, name: path.display().to_string() };
    let (base, file) = (defaults.parse()?, own.parse()?);
    let (theme, from) = chosen(file.screen.theme.as_ref(), base.screen.theme.as_ref(), "dark");
    let palette = own.palette(&theme, from, &base, &file)?;
    let mono = own.palette(MONO, 0, &base, &file)?;
    let (set, from) = chosen(file.screen.keys.as_ref(), base.screen.keys.as_ref(), "mc");
    let (source, keys) = match (file.keysets.get(&set), base.keysets.get(&set)) {
        (Some(keys), _) => (&own, keys),
        (None, Some(keys)) => (&defaults, keys),
        (None, None) => {
            return Err(own.wrong(
                from,
                format!("there is no set of keys \"{set}\"; there are {}", names(&base.keysets, &file.keysets)),
            ));
        }
    };
    let mut bindings = source.bindings(keys, false);
    bindings.extend(own.bindings(&file.keys, true));
    let Screen { ascii, slow, mouse, .. } = file.screen;
    Ok(Settings {
        palette,
        mono,
        ascii,
        slow,
        mouse,
        leave_running: file.jobs.leave_running,
        accounts: own.accounts(file.accounts)?,
        keys: bindings,
    })
}

/// What was chosen by name, and where.
fn chosen(own: Option<&Spanned<String>>, base: Option<&Spanned<String>>, last: &str) -> (String, usize) {
    match (own, base) {
        (Some(own), _) => (own.get_ref().clone(), own.span().start),
        (None, base) => (base.map_or(last, |base| base.get_ref().as_str()).to_owned(), 0),
    }
}

fn names<T>(base: &BTreeMap<String, T>, own: &BTreeMap<String, T>) -> String {
    base.keys().chain(own.keys().filter(|name| !base.contains_key(*name))).cloned().collect::<Vec<_>>().join(", ")
}

/// A file with its name, so that every fault has its place.
struct Source<'a> {
    text: &'a str,
    name: String,
}

impl Source<'_> {
    fn place(&self, at: usize) -> String {
        let before = self.text.get(..at).unwrap_or(self.text);
        format!("{}:{}", self.name, before.matches('\n').count() + 1)
    }

    fn wrong(&self, at: usize, why: String) -> ConfigError {
        ConfigError::Wrong { place: self.place(at), why }
    }

    fn parse(&self) -> Result<File, ConfigError> {
        toml::from_str(self.text)
            .map_err(|error| self.wrong(error.span().map_or(0, |span| span.start), error.message().to_owned()))
    }

    /// The accounts; a name must not look like something else.
    fn accounts(&self, named: BTreeMap<Spanned<String>, Account>) -> Result<BTreeMap<String, Account>, ConfigError> {
        let take = |(name, account): (Spanned<String>, Account)| {
            let is_plain = |ch: char| ch.is_alphanumeric() || "-_.".contains(ch);
            let text = name.get_ref();
            if text.is_empty() || !text.chars().all(is_plain) || NO_NAMES.contains(&text.as_str()) {
                let why = format!("\"{text}\" can't be an account's name: letters, digits, - _ . are allowed");
                return Err(self.wrong(name.span().start, why));
            }
            Ok((name.into_inner(), account))
        };
        named.into_iter().map(take).collect()
    }

    /// The palette of that name: what the user wrote, over the one of that name or the dark one.
    fn palette(&self, theme: &str, chosen_at: usize, base: &File, own: &File) -> Result<Palette, ConfigError> {
        let (built_in, written) = (base.themes.get(theme), own.themes.get(theme));
        if built_in.is_none() && written.is_none() {
            let known = names(&base.themes, &own.themes);
            return Err(self.wrong(chosen_at, format!("there is no theme \"{theme}\"; there are {known}")));
        }
        let below = built_in.or_else(|| base.themes.get("dark"));
        let mut styles = [Style::default(); ROLES.len()];
        for (name, style) in below.into_iter().chain(written).flatten() {
            let at = ROLES.iter().position(|(_, known)| known == name.get_ref());
            let Some(slot) = at.and_then(|at| styles.get_mut(at)) else {
                let known: Vec<&str> = ROLES.iter().map(|(_, known)| *known).collect();
                let why = format!("nothing is called \"{}\"; looks are {}", name.get_ref(), known.join(", "));
                return Err(self.wrong(name.span().start, why));
            };
            *slot = *style;
        }
        Ok(Palette(styles))
    }

    fn bindings(&self, keys: &Keys, is_own: bool) -> Vec<Binding> {
        let binding = |(action, keys): (&Spanned<String>, &OneOrMany)| Binding {
            action: action.get_ref().clone(),
            keys: match keys {
                OneOrMany::One(key) => vec![key.clone()],
                OneOrMany::Many(keys) => keys.clone(),
            },
            place: self.place(action.span().start),
            is_own,
        };
        keys.iter().map(binding).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<Settings, String> {
        read(text, Path::new("c.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_file_there_are_defaults() {
        let settings = settings("").unwrap();
        assert_eq!(settings.palette.style(Role::Marked).fg, Some(Color::Number(3)));
        assert_eq!(settings.mono.style(Role::Marked), Style { bold: true, ..Style::default() });
        assert!(settings.keys.is_empty() && settings.ascii.is_none() && !settings.slow && !settings.mouse);
    }

    #[test]
    fn every_theme_of_ours_is_whole_and_mono_has_no_colour() {
        for theme in ["dark", "light", "contrast", "mono"] {
            let settings = settings(&format!("[screen]\ntheme = \"{theme}\"\n")).unwrap();
            let colored = ROLES.iter().any(|(role, _)| settings.palette.style(*role).fg.is_some());
            assert_eq!(colored, theme != "mono");
            for (role, name) in ROLES {
                // What has the keys can be told without colours, in every theme.
                if name.ends_with("-active") {
                    assert_ne!(settings.palette.style(role), Style::default(), "{theme} {name}");
                }
            }
        }
    }

    #[test]
    fn own_looks_lie_over_ours() {
        let text = "[screen]\ntheme = \"mine\"\nascii = true\nslow = true\nmouse = true\n[themes.mine]\nbad = { fg = \"#ff8000\" }\n[keys]\ncopy = \"y\"\n";
        let settings = settings(text).unwrap();
        assert_eq!(settings.palette.style(Role::Bad).fg, Some(Color::Rgb(255, 128, 0)));
        assert_eq!(settings.palette.style(Role::Good).fg, Some(Color::Number(2)));
        let binding = settings.keys.first().unwrap();
        assert_eq!((binding.action.as_str(), binding.place.as_str(), binding.is_own), ("copy", "c.toml:9", true));
        assert_eq!((settings.ascii, settings.slow, settings.mouse), (Some(true), true, true));
    }

    #[test]
    fn accounts_have_names() {
        let text = "[accounts.work]\nurl = \"imaps://anna@h\"\npassword-command = \"pass work\"\nas = \"bert\"\n";
        let account = settings(text).unwrap().accounts.remove("work").unwrap();
        assert_eq!((account.url.as_str(), account.authorization.as_deref()), ("imaps://anna@h", Some("bert")));
        assert_eq!(account.password_command.as_deref(), Some("pass work"));
    }

    #[test]
    fn every_fault_has_its_line() {
        for (text, place, why) in [
            ("[screen]\n\ntheme = \"dork\"\n", "c.toml:3", "there are contrast, dark, light, mono"),
            ("[screen]\nkeys = \"emacs\"\n", "c.toml:2", "there are mc, vim"),
            ("[screen]\ncolour = 1\n", "c.toml:2", "unknown field"),
            ("[themes.x]\n[screen]\ntheme = \"x\"\n[themes.x.y]\n", "c.toml:4", "nothing is called \"y\""),
            ("[themes.dark]\nbad = { fg = \"rot\" }\n", "c.toml:2", "is no colour"),
            ("a = [\n", "c.toml:", ""),
            ("[keys]\ncopy = 5\n", "c.toml:2", "a key as text"),
            ("[accounts.mbox]\nurl = \"imaps://a@h\"\n", "c.toml:1", "can't be an account's name"),
            ("[accounts.work]\npassword = \"secret\"\n", "c.toml:2", "unknown field"),
        ] {
            let error = settings(text).unwrap_err();
            assert!(error.starts_with(place) && error.contains(why), "{text:?}: {error}");
        }
    }
}
