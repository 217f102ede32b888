//! What Google Takeout says of a message in X-Gmail-Labels: flags, keywords, and the folder it would be in.
//!
//! Used by the list, and by the store that makes folders of labels. Labels are in the language of the account. In a
//! language that is not known here nothing is concluded, so that unread mail does not come out as read.

use super::languages::{LANGUAGES, Language, SHARED};
use crate::mail::envelope::decoded;
use crate::mail::{Flags, FolderPath, SpecialUse, flags};

/// Keywords that an IMAP program gave a message come out with this before them.
const IMAP: &str = "IMAP_";
const SPAM: &str = "spam";
/// How deep labels nest, and how long their parts are, in folders; Gmail itself allows less.
const MAX_DEPTH: usize = 20;
const MAX_NAME: usize = 255;

impl Language {
    fn flag(&self, label: &str) -> Option<Flags> {
        let rows = [(self.starred, Flags::FLAGGED), (self.drafts, Flags::DRAFT)];
        rows.into_iter().find(|(words, _)| words.contains(&label)).map(|(_, flag)| flag)
    }

    /// The places in which Gmail shows a message, the one that counts most first.
    fn places(&self) -> [(&'static [&'static str], SpecialUse); 5] {
        [
            (self.trash, SpecialUse::Trash),
            (self.spam, SpecialUse::Junk),
            (self.drafts, SpecialUse::Drafts),
            (self.sent, SpecialUse::Sent),
            (self.inbox, SpecialUse::Inbox),
        ]
    }

    fn is_own(&self, label: &str) -> bool {
        let words = [self.starred, self.unread, self.opened, self.others];
        words.iter().chain(self.places().iter().map(|(words, _)| words)).any(|words| words.contains(&label))
            || (!self.category.is_empty() && label.starts_with(self.category))
    }
}

/// The labels of one message, and in which language Gmail's own ones are.
struct Labels {
    all: Vec<String>,
    lower: Vec<String>,
    language: Option<&'static Language>,
}

impl Labels {
    fn of(field: &[u8]) -> Self {
        let all = labels(&decoded(field));
        let lower: Vec<String> = all.iter().map(|label| label.to_lowercase()).collect();
        let telling = |language: &&Language| {
            lower.iter().filter(|label| language.is_own(label) && !SHARED.contains(&label.as_str())).count()
        };
        // The last one of equals is taken, so the first language must come last.
        let language = LANGUAGES.iter().rev().max_by_key(telling).filter(|language| telling(language) > 0);
        Self { all, lower, language }
    }

    /// Whether one of Gmail's own labels is one of `words`.
    fn has(&self, words: &[&str]) -> bool {
        self.lower.iter().any(|label| words.contains(&label.as_str()))
    }

    /// The labels that the user made, and keywords of IMAP programs.
    fn users(&self, language: &Language) -> impl Iterator<Item = &str> {
        let both = self.all.iter().zip(&self.lower);
        both.filter(|(_, lower)| !language.is_own(lower)).map(|(label, _)| label.as_str())
    }
}

/// The flags and keywords that the field stands for.
pub(super) fn marks(field: &[u8]) -> (Flags, Vec<String>) {
    let labels = Labels::of(field);
    let Some(language) = labels.language else { return (Flags::NONE, Vec::new()) };
    let is_unread = LANGUAGES.iter().any(|known| labels.has(known.unread));
    let is_read = !is_unread && (language.is_sure || labels.has(language.opened));
    let seen = if is_read { Flags::SEEN } else { Flags::NONE };
    let flags = labels.lower.iter().filter_map(|label| language.flag(label)).fold(seen, |all, flag| all | flag);
    (flags, labels.users(language).filter_map(keyword).collect())
}

/// Where a message is put when labels become folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The folder of a label that the user made.
    Label(FolderPath),
    /// One of Gmail's own places.
    Own(SpecialUse),
}

/// The one folder for a message with this field; `None` where nothing is concluded.
///
/// Trash and Spam come first, since Gmail shows what is there nowhere else. Then the user's label that is nested deepest,
/// the first one of equals; then Drafts, Sent and Inbox; and Archive for all that is in none of these. In a language that
/// is not known, only a nested label surely is the user's.
pub(super) fn place(field: &[u8]) -> Option<Place> {
    let labels = Labels::of(field);
    let deepest = |all: &mut dyn Iterator<Item = &str>| {
        let paths = all.filter(|label| !label.starts_with(IMAP)).map(path).filter(|path| !path.is_root());
        paths.reduce(|best, path| if path.depth() > best.depth() { path } else { best })
    };
    let Some(language) = labels.language else {
        if labels.has(&[SPAM]) {
            return Some(Place::Own(SpecialUse::Junk)); // it is called so in most languages, and no label of a user may be
        }
        let nested = deepest(&mut labels.all.iter().map(String::as_str)).filter(|path| path.depth() > 1);
        return nested.map(Place::Label);
    };
    let own = language.places().into_iter().find(|(words, _)| labels.has(words)).map(|(_, place)| place);
    if let Some(place @ (SpecialUse::Trash | SpecialUse::Junk)) = own {
        return Some(Place::Own(place));
    }
    let label = deepest(&mut labels.users(language)).map(Place::Label);
    Some(label.unwrap_or(Place::Own(own.unwrap_or(SpecialUse::Archive))))
}

/// The folder of a label; a `/` in it nests.
fn path(label: &str) -> FolderPath {
    let short = |name: &str| name.get(..name.floor_char_boundary(MAX_NAME)).unwrap_or(name).trim().to_owned();
    FolderPath::new(label.split('/').map(str::trim).filter(|name| !name.is_empty()).take(MAX_DEPTH).map(short))
}

/// The keyword that the label of a folder would be.
pub(super) fn keyword_of(folder: &FolderPath) -> Option<String> {
    keyword(&folder.segments().join("/"))
}

/// Labels are divided by commas; one that holds a comma stands in quotes.
fn labels(text: &str) -> Vec<String> {
    let (mut all, mut quoted) = (vec![String::new()], false);
    for ch in text.chars() {
        match (ch, all.last_mut()) {
            ('"', _) => quoted = !quoted,
            (',', _) if !quoted => all.push(String::new()),
            (ch, Some(label)) => label.push(ch),
            _ => {}
        }
    }
    all.iter().map(|label| label.trim().to_owned()).filter(|label| !label.is_empty()).collect()
}

/// A label as a keyword that every server takes: what it may not hold becomes `_`.
fn keyword(label: &str) -> Option<String> {
    let label = label.strip_prefix(IMAP).unwrap_or(label);
    let plain = |ch: char| if ch.is_ascii_alphanumeric() || "$_-.".contains(ch) { ch } else { '_' };
    let keyword: String = label.chars().map(plain).take(50).collect();
    let says_something = keyword.chars().any(|ch| ch.is_ascii_alphanumeric());
    Some(keyword).filter(|keyword| says_something && flags::is_portable_keyword(keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_known_languages_are_flags_and_keywords() {
        for (field, flags, keywords) in [
            ("Inbox,Starred,Opened", "\\Seen \\Flagged", ""),
            ("Inbox,Unread", "", ""),
            (
                "Sent,\"Work, Clients/Old\",Category Promotions,IMAP_$Forwarded",
                "\\Seen",
                "Work__Clients_Old $Forwarded",
            ),
            ("=?UTF-8?Q?N=C3=A3o_lidos?=,Caixa de entrada", "", ""),
            ("=?UTF-8?Q?Archiv=C3=A9s,Envoy=C3=A9?=", "\\Seen", ""),
            ("Arquivada,Aberto,Projeto", "\\Seen", "Projeto"),
            ("=?UTF-8?Q?Posteingang,Ge=C3=B6ffnet,Entw=C3=BCrfe?=", "\\Seen \\Draft", ""),
            ("=?UTF-8?Q?Odesl=C3=A1no,Nep=C5=99e=C4=8Dten=C3=A9?=", "", ""),
            ("Gearchiveerd,Ongelezen,Werk", "", "Werk"),
            ("Posta in arrivo,Importanti,Lavoro", "", "Lavoro"), // not sure that it was read
            ("Posta in arrivo,Aperti", "\\Seen", ""),
            ("Posta in arrivo,Da leggere", "", ""),
            ("受信トレイ,開封済み,スター付き", "\\Seen \\Flagged", ""),
            ("Safata d'entrada,Oberts", "\\Seen", ""),
            ("Isanduku,Isibongo", "", ""),
            ("Spam", "", ""),
            ("", "", ""),
        ] {
            let (set, words) = marks(field.as_bytes());
            assert_eq!((set.to_string().as_str(), words.join(" ").as_str()), (flags, keywords), "{field}");
        }
    }

    #[test]
    fn a_message_has_one_place() {
        let label = |path: &str| Some(Place::Label(FolderPath::parse(path)));
        let own = |place| Some(Place::Own(place));
        for (field, expected) in [
            ("Inbox,Work,Opened", label("Work")),
            ("Work,Clients/Old/2004,Clients/New", label("Clients/Old/2004")),
            ("Inbox,B,A,Opened", label("B")),
            ("Trash,Work", own(SpecialUse::Trash)),
            ("Spam,Work,Unread", own(SpecialUse::Junk)),
            ("Sent,Inbox,Opened", own(SpecialUse::Sent)),
            ("Drafts", own(SpecialUse::Drafts)),
            ("Inbox,Important,Category Updates,IMAP_$Forwarded", own(SpecialUse::Inbox)),
            ("Archived,Opened,Starred", own(SpecialUse::Archive)),
            ("Opened, / ", own(SpecialUse::Archive)),
            ("Posteingang,Wichtig,Verein", label("Verein")),
            ("Papierkorb", own(SpecialUse::Trash)),
            ("=?UTF-8?Q?Archiv=C3=A9s,Envoy=C3=A9?=", own(SpecialUse::Sent)),
            ("送信済み,仕事/2004", label("仕事/2004")),
            ("Isanduku,Isibongo", None),
            ("Isanduku,A/B", label("A/B")),
            ("Spam", own(SpecialUse::Junk)),
            ("", None),
        ] {
            assert_eq!(place(field.as_bytes()), expected, "{field}");
        }
        let deep = place(format!("Inbox,{}", "a/".repeat(1000)).as_bytes());
        assert!(matches!(deep, Some(Place::Label(path)) if path.depth() == MAX_DEPTH));
    }
}
