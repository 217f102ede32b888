//! Opening a folder: what SELECT and EXAMINE say of it. Used by [`super::session`], and by [`super::connect`] for the folder
//! that will be needed first.

use super::answer::Value;
use super::error::ImapError;
use super::names::quoted;
use super::wire::Wire;

/// What EXAMINE or SELECT says of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// Messages in it.
    pub exists: u32,
    /// Its UIDVALIDITY; 0 if the server gave none.
    pub uid_validity: u32,
    /// The UID that the next message will have at least; found by the last message where the server gave none.
    pub uid_next: u32,
    /// Whether any keyword may be stored.
    pub takes_any_keyword: bool,
    /// The flags and keywords that may be stored.
    pub permanent_flags: Vec<String>,
}

impl Selected {
    /// Whether a keyword would be kept.
    pub fn takes(&self, keyword: &str) -> bool {
        self.takes_any_keyword || self.permanent_flags.iter().any(|known| known.eq_ignore_ascii_case(keyword))
    }
}

/// For what a folder is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// EXAMINE: nothing in it changes.
    Look,
    /// SELECT: only then the server says which flags it keeps.
    Write,
}

/// A folder that the server was asked to open.
pub struct Asked {
    /// Its name on the wire.
    pub name: String,
    tag: String,
}

/// What the server said of a folder that it opened.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// UIDNEXT is 0 if the server gave none.
    pub selected: Selected,
    /// The flags that it has.
    pub flags: Vec<String>,
}

/// Asks for a folder to be opened, by its name on the wire, and does not wait for the answer.
pub fn ask(wire: &Wire, name: &str, purpose: Purpose) -> Result<Asked, ImapError> {
    let verb = if purpose == Purpose::Write { "SELECT" } else { "EXAMINE" };
    let tag = wire.give(&format!("{verb} {}", quoted(name)?))?;
    Ok(Asked { name: name.to_owned(), tag })
}

impl Asked {
    /// Waits for the answer; `doing` says what was tried.
    pub fn opened(&self, wire: &Wire, doing: impl FnOnce() -> String) -> Result<Opened, ImapError> {
        let mut opened = Opened::default();
        wire.result(&self.tag, 0, |values| opened.take(values))?.accept(doing)?;
        if opened.selected.permanent_flags.is_empty() {
            opened.selected.permanent_flags.clone_from(&opened.flags);
        }
        Ok(opened)
    }
}

impl Opened {
    /// Takes `FLAGS (…)`, `n EXISTS`, `OK [UIDVALIDITY n]` and their kin.
    fn take(&mut self, values: &[Value<'_>]) {
        match values {
            [word, flags, ..] if word.is("FLAGS") => {
                self.flags = flags.list().iter().map(|flag| flag.text().into_owned()).collect();
            }
            [number, word, ..] if word.is("EXISTS") => self.selected.exists = small(number.number()),
            [word, code, ..] if word.is("OK") => self.take_code(&code.text()),
            _ => {}
        }
    }

    fn take_code(&mut self, code: &str) {
        let Some(code) = code.strip_prefix('[').and_then(|code| code.strip_suffix(']')) else { return };
        let (word, argument) = code.split_once(' ').unwrap_or((code, ""));
        match word.to_ascii_uppercase().as_str() {
            // What was said before is of the folder that was open (RFC 9051 section 7.1).
            "CLOSED" => *self = Self::default(),
            "UIDVALIDITY" => self.selected.uid_validity = small(argument.parse().ok()),
            "UIDNEXT" => self.selected.uid_next = small(argument.parse().ok()),
            "PERMANENTFLAGS" => {
                let flags = argument.trim_matches(['(', ')']).split_ascii_whitespace();
                self.selected.permanent_flags = flags.map(str::to_owned).collect();
                self.selected.takes_any_keyword = self.selected.permanent_flags.iter().any(|flag| flag == "\\*");
            }
            _ => {}
        }
    }
}

/// A number of 32 bits; 0 for anything else.
fn small(number: Option<u64>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::answer::Answer;

    #[test]
    fn what_a_server_says_of_a_folder_is_read_whatever_else_it_says() {
        let mut opened = Opened::default();
        for line in [
            "* 99 EXISTS\r\n",
            "* FLAGS (\\Draft)\r\n",
            "* OK [CLOSED] Previous mailbox closed.\r\n",
            "* FLAGS (\\Answered \\Seen $Junk)\r\n",
            "* OK [PermanentFlags (\\Seen $Junk \\*)] Flags permitted.\r\n",
            "* 3 EXISTS\r\n",
            "* 99999999999 RECENT\r\n",
            "* OK [UIDVALIDITY 7] UIDs valid\r\n",
            "* OK [UIDNEXT 12] Predicted\r\n",
            "* OK [UNSEEN (((\r\n",
            "* NO Disk is 98% full\r\n",
            "* OK\r\n",
        ] {
            opened.take(&Answer::new(line.as_bytes().to_vec()).values());
        }
        let flags = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let selected = Selected {
            exists: 3,
            uid_validity: 7,
            uid_next: 12,
            takes_any_keyword: true,
            permanent_flags: flags(&["\\Seen", "$Junk", "\\*"]),
        };
        assert_eq!(opened, Opened { selected, flags: flags(&["\\Answered", "\\Seen", "$Junk"]) });
        opened.take(&Answer::new(b"* OK [UIDNEXT 99999999999] x\r\n".to_vec()).values());
        assert_eq!(opened.selected.uid_next, 0);
    }
}
