//! What a Maildir file name says: base name, flags, keywords, size and time. Used by the Maildir store.
//!
//! `unique[,S=bytes,W=bytes]:2,FLAGS`; other systems write `;`, `!`, `_` or `-` for the colon (facts/formats.md 1.7).

use std::path::Path;

use crate::mail::{Flags, InternalDate};
use crate::store::file;

/// Letters of the info suffix.
const LETTERS: [(char, Flags); 5] =
    [('D', Flags::DRAFT), ('F', Flags::FLAGGED), ('R', Flags::ANSWERED), ('S', Flags::SEEN), ('T', Flags::DELETED)];
/// The letter for a message that was passed on has no system flag.
const PASSED: (char, &str) = ('P', "$Forwarded");
/// A copy made later than this lost the file's time; a delivery takes less.
const DAY: i64 = 86_400;
/// Dovecot's keyword file, which has 26 lines at most.
pub(super) const KEYWORDS: &str = "dovecot-keywords";
const MAX_KEYWORDS: usize = 64 * 1024;

/// The part of a file name that stays while the message lives, and the flag letters after it.
pub(in crate::store) fn split(name: &str) -> (&str, &str) {
    if let Some((base, info)) = name.rsplit_once(':') {
        return (base, info.strip_prefix("2,").unwrap_or_default());
    }
    let found = [";2,", "!2,", "_2,", "-2,"].iter().find_map(|mark| name.rsplit_once(mark));
    // `_2,S=174` is a part of the unique name; flags are letters and, from some programs, commas.
    found.filter(|(_, info)| info.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b',')).unwrap_or((name, ""))
}

/// The flags and keywords that letters stand for; a letter nobody explains is left out.
pub(super) fn marks(letters: &str, names: &[Option<String>]) -> (Flags, Vec<String>) {
    let (mut flags, mut keywords) = (Flags::NONE, Vec::new());
    for letter in letters.chars() {
        let known = LETTERS.iter().find(|(known, _)| *known == letter);
        let keyword = if letter == PASSED.0 { Some(PASSED.1) } else { keyword(letter, names) };
        if let Some((_, flag)) = known {
            flags |= *flag;
        } else if let Some(keyword) = keyword.filter(|keyword| !keywords.iter().any(|known| known == keyword)) {
            keywords.push(keyword.to_owned());
        }
    }
    (flags, keywords)
}

fn keyword(letter: char, names: &[Option<String>]) -> Option<&str> {
    let number = u32::from(letter).checked_sub(u32::from('a'))?;
    names.get(usize::try_from(number).ok()?)?.as_deref()
}

/// The letters of flags, in the order that names have them.
pub(super) fn flag_letters(flags: Flags) -> String {
    LETTERS.iter().filter(|(_, flag)| flags.contains(*flag)).map(|(letter, _)| *letter).collect()
}

/// The keywords that a folder's lower-case letters stand for, from Dovecot's `dovecot-keywords`.
pub(super) fn keyword_names(folder: &Path) -> Vec<Option<String>> {
    let bytes = file::prefix(&folder.join(KEYWORDS), MAX_KEYWORDS).unwrap_or_default();
    let mut names = vec![None; 26];
    for line in String::from_utf8_lossy(&bytes).lines() {
        let place = line.split_once(' ').and_then(|(index, name)| Some((index.parse::<usize>().ok()?, name.trim())));
        if let Some((index, name)) = place.filter(|(_, name)| !name.is_empty())
            && let Some(free) = names.get_mut(index)
        {
            *free = Some(name.to_owned());
        }
    }
    names
}

/// The seconds since 1970 that a name starts with, if believable.
pub(super) fn time(name: &str) -> Option<InternalDate> {
    let digits = name.len() - name.trim_start_matches(|ch: char| ch.is_ascii_digit()).len();
    let (number, rest) = name.split_at(digits);
    let seconds = number.parse().ok().filter(|_| rest.starts_with(['.', '_', ',']))?;
    Some(InternalDate::from_unix(seconds)).filter(|date| date.is_sane())
}

/// The size that a name tells (`S=`), if a message can have it: a folder is counted by these, and they may lie.
pub(super) fn size(base: &str) -> Option<u64> {
    let told = base.split(',').skip(1).find_map(|part| part.strip_prefix("S=")?.parse().ok());
    told.filter(|size| (1..=u64::from(u32::MAX)).contains(size))
}

/// When the file says its message arrived: its own time, unless a copy lost that; then the time in its name, as `true`.
pub(super) fn arrival(base: &str, modified: InternalDate) -> Option<(InternalDate, bool)> {
    match time(base) {
        Some(named) if modified.unix() > named.unix() + DAY || !modified.is_sane() => Some((named, true)),
        _ => Some((modified, false)).filter(|(date, _)| date.is_sane()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_whatever_the_separator() {
        for (name, base, letters) in [
            ("1.a.host,S=1:2,FS", "1.a.host,S=1", "FS"),
            ("1.a.host;2,RDF,", "1.a.host", "RDF,"),
            ("1.a.host!2,", "1.a.host", ""),
            ("1.a.host_2,S", "1.a.host", "S"),
            ("1.a.host-2,T", "1.a.host", "T"),
            ("1.27041_2,S=1000,W=1030", "1.27041_2,S=1000,W=1030", ""),
            ("1.a.host:1,x", "1.a.host", ""),
            ("1.a.host", "1.a.host", ""),
        ] {
            assert_eq!(split(name), (base, letters), "{name}");
        }
    }

    #[test]
    fn letters_become_flags_and_keywords() {
        let names = [Some("Work".to_owned()), None];
        let (flags, keywords) = marks("FPRab", &names);
        assert_eq!((flags, keywords.join(" ").as_str()), (Flags::FLAGGED | Flags::ANSWERED, "$Forwarded Work"));
    }

    #[test]
    fn the_time_in_the_name_counts_when_the_file_was_copied_later() {
        let at = InternalDate::from_unix;
        for (base, modified, expected) in [
            ("1000000000.a", 1_000_000_100, Some((1_000_000_100, false))),
            ("1000000000.a", 1_000_086_401, Some((1_000_000_000, true))),
            ("1000000000.a", 900_000_000, Some((900_000_000, false))),
            ("1000000000.a", 0, Some((1_000_000_000, true))),
            ("5.a", 1_000_000_000, Some((1_000_000_000, false))),
            ("abc", 0, None),
        ] {
            assert_eq!(
                arrival(base, at(modified)).map(|(date, named)| (date.unix(), named)),
                expected,
                "{base} {modified}"
            );
        }
    }

    #[test]
    fn only_a_size_that_a_message_can_have_is_believed() {
        for (base, expected) in [
            ("1.a,S=174,W=183", Some(174)),
            ("1.a,S=000", None), // a fuzz target found it
            ("1.a,S=18446744073709551615", None),
            ("1.a", None),
        ] {
            assert_eq!(size(base), expected, "{base}");
        }
    }
}
