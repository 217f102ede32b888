//! What Google Takeout says of a message in X-Gmail-Labels. Used by the list.
//!
//! Labels are in the language of the account. In a language that is not known here nothing is concluded, so that unread
//! mail does not come out as read. Sources: facts/formats.md 1.4; words seen in exports by users of GAM-team/got-your-back
//! (#227, #228, #360, #429), rustmailer/bichon (#358) and suitenumerique/messages.

use crate::mail::envelope::decoded;
use crate::mail::{Flags, flags};

/// The labels of one language, in lower case.
struct Language {
    unread: &'static [&'static str],
    starred: &'static [&'static str],
    drafts: &'static [&'static str],
    /// Places, states and categories: neither flags nor words of the user.
    others: &'static [&'static str],
    /// How the names of categories start.
    category: &'static str,
}

const LANGUAGES: [Language; 7] = [
    Language {
        unread: &["unread"],
        starred: &["starred"],
        drafts: &["drafts", "draft"],
        others: &[
            "inbox",
            "sent",
            "archived",
            "opened",
            "trash",
            "bin",
            "spam",
            "important",
            "chat",
            "muted",
            "snoozed",
        ],
        category: "category ",
    },
    Language {
        unread: &["ungelesen"],
        starred: &["markiert"],
        drafts: &["entwürfe", "entwurf"],
        others: &["posteingang", "gesendet", "archiviert", "geöffnet", "papierkorb", "spam", "wichtig", "chat"],
        category: "kategorie",
    },
    Language {
        unread: &["non lus", "non lu"],
        starred: &["favoris", "suivis", "messages suivis"],
        drafts: &["brouillons", "brouillon"],
        others: &[
            "boîte de réception",
            "envoyé",
            "messages envoyés",
            "archivés",
            "messages archivés",
            "ouvert",
            "corbeille",
            "spam",
            "important",
            "importants",
            "chat",
        ],
        category: "catégorie",
    },
    Language {
        unread: &["não lidos", "não lidas", "não lida", "não lido"],
        starred: &["com estrela"],
        drafts: &["rascunhos", "rascunho"],
        others: &[
            "caixa de entrada",
            "enviado",
            "enviados",
            "enviadas",
            "arquivada",
            "arquivado",
            "aberto",
            "lixeira",
            "lixo",
            "spam",
            "importante",
            "chat",
        ],
        category: "categoria",
    },
    Language {
        unread: &["no leídos", "no leído"],
        starred: &["destacados", "destacado"],
        drafts: &["borradores", "borrador"],
        others: &[
            "recibidos",
            "bandeja de entrada",
            "enviados",
            "enviado",
            "archivado",
            "archivados",
            "abierto",
            "papelera",
            "spam",
            "importante",
            "importantes",
            "chat",
        ],
        category: "categoría",
    },
    Language {
        unread: &["ongelezen"],
        starred: &["met ster"],
        drafts: &["concepten", "concept"],
        others: &[
            "postvak in",
            "inbox",
            "verzonden",
            "gearchiveerd",
            "geopend",
            "prullenbak",
            "spam",
            "belangrijk",
            "chat",
        ],
        category: "categorie",
    },
    Language {
        unread: &["nepřečtené"],
        starred: &["s hvězdičkou"],
        drafts: &["koncepty"],
        others: &["doručené", "odesláno", "odeslané", "archivováno", "otevřené", "koš", "spam", "důležité", "chat"],
        category: "kategorie",
    },
];
/// Words that say nothing about the language.
const SHARED: [&str; 3] = ["spam", "chat", "important"];
/// Keywords that an IMAP program gave a message come out with this before them.
const IMAP: &str = "IMAP_";

impl Language {
    fn flag(&self, label: &str) -> Option<Flags> {
        let rows = [(self.starred, Flags::FLAGGED), (self.drafts, Flags::DRAFT)];
        rows.into_iter().find(|(words, _)| words.contains(&label)).map(|(_, flag)| flag)
    }

    fn is_own(&self, label: &str) -> bool {
        self.unread.contains(&label)
            || self.flag(label).is_some()
            || self.others.contains(&label)
            || label.starts_with(self.category)
    }
}

/// The flags and keywords that the field stands for.
pub(super) fn marks(field: &[u8]) -> (Flags, Vec<String>) {
    let all = labels(&decoded(field));
    let lower: Vec<String> = all.iter().map(|label| label.to_lowercase()).collect();
    let telling = |language: &Language| {
        lower.iter().filter(|label| language.is_own(label) && !SHARED.contains(&label.as_str())).count()
    };
    let best = LANGUAGES.iter().max_by_key(|language| telling(language)).filter(|language| telling(language) > 0);
    let Some(language) = best else { return (Flags::NONE, Vec::new()) };
    let is_unread = lower.iter().any(|label| LANGUAGES.iter().any(|known| known.unread.contains(&label.as_str())));
    let mut flags = if is_unread { Flags::NONE } else { Flags::SEEN };
    let mut keywords = Vec::new();
    for (label, lower) in all.iter().zip(&lower) {
        if let Some(flag) = language.flag(lower) {
            flags |= flag;
        } else if !language.is_own(lower) {
            keywords.extend(keyword(label));
        }
    }
    (flags, keywords)
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
            ("Posta in arrivo,Importanti", "", ""),
            ("Spam", "", ""),
            ("", "", ""),
        ] {
            let (set, words) = marks(field.as_bytes());
            assert_eq!((set.to_string().as_str(), words.join(" ").as_str()), (flags, keywords), "{field}");
        }
    }
}
