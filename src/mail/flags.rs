//! System flags of a message (RFC 9051 section 2.3.2) as a small set. Keywords are plain strings beside it.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use serde::{Deserialize, Serialize};

/// A set of IMAP system flags. `\Recent` is the server's own and has no place here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flags(u8);

/// Each flag with its name on the wire, in the order it is written.
const NAMES: [(Flags, &str); 5] = [
    (Flags::SEEN, "\\Seen"),
    (Flags::ANSWERED, "\\Answered"),
    (Flags::FLAGGED, "\\Flagged"),
    (Flags::DELETED, "\\Deleted"),
    (Flags::DRAFT, "\\Draft"),
];

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The message was read.
    pub const SEEN: Self = Self(1);
    /// The message was answered.
    pub const ANSWERED: Self = Self(2);
    /// The message was flagged for attention.
    pub const FLAGGED: Self = Self(4);
    /// The message is marked for removal by a later EXPUNGE.
    pub const DELETED: Self = Self(8);
    /// The message is a draft.
    pub const DRAFT: Self = Self(16);

    /// Whether every flag of `other` is set here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no flag is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// This set without the flags of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The flag of that name, whatever its case, or `None` for keywords and `\Recent`.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(flag, _)| *flag)
    }

    /// The names on the wire, such as `\Seen`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

/// Whether every IMAP server takes `keyword` as it is: `A-Z a-z 0-9 $ _ - .`, at most 50 characters, not all digits.
///
/// Source: facts/servers.md sections 0.5 and 3.3 (Courier refuses `NIL` and all-digit keywords, Dovecot more than 50).
pub fn is_portable_keyword(keyword: &str) -> bool {
    (1..=50).contains(&keyword.len())
        && keyword.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"$_-.".contains(&byte))
        && !keyword.bytes().all(|byte| byte.is_ascii_digit())
        && !keyword.eq_ignore_ascii_case("NIL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_prints_as_wire_names_and_reads_them_back() {
        let set = Flags::SEEN | Flags::DRAFT;
        assert_eq!(set.to_string(), "\\Seen \\Draft");
        assert_eq!(Flags::from_name("\\seen"), Some(Flags::SEEN));
        assert_eq!(Flags::from_name("\\Recent"), None);
        assert_eq!(set.without(Flags::SEEN), Flags::DRAFT);
    }

    #[test]
    fn keywords_that_some_server_refuses_are_not_portable() {
        for good in ["$Forwarded", "Junk", "a.b-c_d", "x1"] {
            assert!(is_portable_keyword(good), "{good}");
        }
        let long = "k".repeat(51);
        for bad in ["", "12", "nil", "a b", "a(b", "\\Seen", "häh", "a]", long.as_str()] {
            assert!(!is_portable_keyword(bad), "{bad}");
        }
    }
}
