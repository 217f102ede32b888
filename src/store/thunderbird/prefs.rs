//! The accounts of a Mozilla profile, from its `prefs.js`. Used to open a profile.
//!
//! `mail.account.N.server` names a server, and `mail.server.N.*` says where its mail lies. Source: facts/formats.md 1.4.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{MAIL, maildirs};
use crate::store::file;

const FILE: &str = "prefs.js";
const MAX_FILE: u64 = 32 * 1024 * 1024;
const ACCOUNTS: &str = "mail.accountmanager.accounts";
/// What stands for the profile's directory in a relative path.
const PROFILE: &str = "[ProfD]";
/// Kinds of servers that hold no mail.
const NOT_MAIL: [&str; 2] = ["nntp", "im"];
const MAILDIR: &str = "maildirstore";
const MBOX: &str = "berkeleystore";

/// One account and where its mail lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// As the program shows it.
    pub(super) name: String,
    /// Where its folders lie.
    pub(super) directory: PathBuf,
    /// Whether each message is a file.
    pub(super) is_maildir: bool,
}

/// The preferences of a profile.
#[derive(Debug, Default)]
pub(super) struct Preferences(HashMap<String, String>);

/// Reads a profile's preferences; none if there is no file.
pub(super) fn read(profile: &Path) -> Preferences {
    let bytes = file::whole(&profile.join(FILE), MAX_FILE).unwrap_or_default();
    Preferences(String::from_utf8_lossy(&bytes).lines().filter_map(preference).collect())
}

impl Preferences {
    /// Whether the profile is one of a mail program.
    pub(super) fn has_accounts(&self) -> bool {
        self.0.contains_key(ACCOUNTS)
    }

    /// The accounts in their order, wherever their mail may lie.
    pub(super) fn accounts(&self, profile: &Path) -> Vec<Account> {
        let keys = self.0.get(ACCOUNTS).map(String::as_str).unwrap_or_default();
        keys.split(',').filter_map(|key| self.account(key.trim(), profile)).collect()
    }

    fn account(&self, key: &str, profile: &Path) -> Option<Account> {
        let server = self.0.get(&format!("mail.account.{key}.server"))?;
        let value = |name: &str| self.0.get(&format!("mail.server.{server}.{name}")).map(String::as_str);
        if value("type").is_some_and(|kind| NOT_MAIL.contains(&kind)) {
            return None;
        }
        let relative = value("directory-rel").and_then(|path| path.strip_prefix(PROFILE));
        let mut places: Vec<PathBuf> =
            relative.map(|path| profile.join(path.trim_start_matches('/'))).into_iter().collect();
        let absolute = value("directory").unwrap_or_default();
        // A path of another computer still ends in the account's directory.
        let last = absolute.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default();
        if !last.is_empty() && last != ".." {
            places.extend(MAIL.iter().map(|mail| profile.join(mail).join(last)));
            places.push(PathBuf::from(absolute));
        }
        let directory = places.into_iter().find(|place| place.is_dir())?;
        let names = [value("name"), value("hostname"), directory.file_name().and_then(|name| name.to_str())];
        let name = names.into_iter().flatten().find(|name| !name.trim().is_empty())?.trim().to_owned();
        let store = value("storeContractID").unwrap_or_default();
        let is_maildir = store.contains(MAILDIR) || !store.contains(MBOX) && maildirs::is_account(&directory);
        Some(Account { name, directory, is_maildir })
    }
}

/// `user_pref("name", value);` with the quotes of a string taken off.
fn preference(line: &str) -> Option<(String, String)> {
    let rest = line.trim().strip_prefix("user_pref(\"")?;
    let (name, rest) = rest.split_once('"')?;
    let value = rest.trim_start().strip_prefix(',')?.trim().strip_suffix(");")?.trim();
    let text = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    Some((name.to_owned(), text.map_or_else(|| value.to_owned(), unescaped)))
}

/// A JavaScript string without its escapes.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(ch) = rest.next() {
        let escaped = if ch == '\\' { rest.next() } else { None };
        let digits = match escaped {
            Some('u') => 4,
            Some('x') => 2,
            _ => 0,
        };
        if digits == 0 {
            out.push(escaped.unwrap_or(ch));
        } else {
            let code: String = rest.by_ref().take(digits).collect();
            let found = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
            out.push(found.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_with_their_escapes() {
        for (line, expected) in [
            ("user_pref(\"a.b\", \"c \\\"d\\\" \\u00fc\\x41\\\\\");", Some(("a.b", "c \"d\" üA\\"))),
            ("  user_pref(\"n\", 7);", Some(("n", "7"))),
            ("// user_pref(\"n\", 7);", None),
            ("user_pref(\"n\", \"cut", None),
        ] {
            let found = preference(line);
            assert_eq!(found.as_ref().map(|(name, value)| (name.as_str(), value.as_str())), expected, "{line}");
        }
    }
}
