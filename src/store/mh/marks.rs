//! What an MH folder says of its messages: `.mh_sequences`, and the mark files of Sylpheed and Claws Mail.
//!
//! Source: facts/formats.md 1.8; mh-sequence(5); KDE's filtersylpheed.cpp.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::mail::Flags;
use crate::store::{Damage, file};

const SEQUENCES: &str = ".mh_sequences";
const MARK_FILES: [&str; 2] = [".sylpheed_mark", ".claws_mark"];
/// Eight bytes a message in mark files; sequences are shorter.
const MAX_FILE: u64 = 32 * 1024 * 1024;
/// The sequence of messages that were not read.
const UNSEEN: &str = "unseen";
/// Sequences that other programs give a meaning (mutt, Python's mailbox).
const SEQUENCE_FLAGS: [(&str, Flags); 2] = [("flagged", Flags::FLAGGED), ("replied", Flags::ANSWERED)];
const FORWARDED: &str = "$Forwarded";

/// The version of a mark file; in the other byte order it is larger than [`MAX_VERSION`].
const VERSION: u32 = 2;
const MAX_VERSION: u32 = 0xffff;
/// Bits of a mark.
const NEW_OR_UNREAD: u32 = 0x1 | 0x2;
const MARK_FLAGS: [(u32, Flags); 3] = [(0x4, Flags::FLAGGED), (0x8, Flags::DELETED), (0x10, Flags::ANSWERED)];
const MARK_FORWARDED: u32 = 0x20;

/// The state of a folder's messages.
#[derive(Debug, Default)]
pub(super) struct Marks {
    sequences: HashMap<String, Ranges>,
    /// The marks by number, when there is a mark file; a message without one is new.
    marks: Option<HashMap<u64, u32>>,
}

impl Marks {
    /// Reads what lies in `folder`.
    pub(super) fn read(folder: &Path, damage: &mut Vec<Damage>) -> Self {
        let mut marks = Self::default();
        if let Some(bytes) = small_file(&folder.join(SEQUENCES), damage) {
            marks.sequences = sequences(&String::from_utf8_lossy(&bytes));
        }
        for name in MARK_FILES {
            let path = folder.join(name);
            let Some(bytes) = small_file(&path, damage) else { continue };
            match mark_file(&bytes) {
                Ok(found) => marks.marks.get_or_insert_default().extend(found),
                Err(reason) => damage.push(Damage { file: path, offset: 0, reason }),
            }
        }
        marks
    }

    /// The flags and keywords of a message.
    pub(super) fn of(&self, number: u64) -> (Flags, Vec<String>) {
        let mark = self.marks.as_ref().map_or(0, |marks| marks.get(&number).copied().unwrap_or(NEW_OR_UNREAD));
        let within = |name: &str| self.sequences.get(name).is_some_and(|ranges| ranges.contains(number));
        let unseen = mark & NEW_OR_UNREAD != 0 || within(UNSEEN);
        let mut flags = if unseen { Flags::NONE } else { Flags::SEEN };
        for (_, flag) in MARK_FLAGS.iter().filter(|(bit, _)| mark & bit != 0) {
            flags |= *flag;
        }
        for (_, flag) in SEQUENCE_FLAGS.iter().filter(|(name, _)| within(name)) {
            flags |= *flag;
        }
        (flags, if mark & MARK_FORWARDED != 0 { vec![FORWARDED.to_owned()] } else { Vec::new() })
    }
}

/// A file's bytes if it is there; anything but absence is damage, since flags would be lost.
fn small_file(path: &Path, damage: &mut Vec<Damage>) -> Option<Vec<u8>> {
    match file::whole(path, MAX_FILE) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let reason = format!("the state of the messages is not read: {error}");
            damage.push(Damage { file: path.to_owned(), offset: 0, reason });
            None
        }
    }
}

/// `name: 1-3 5`, a line each; lines that start with a blank go on.
fn sequences(text: &str) -> HashMap<String, Ranges> {
    let mut all: HashMap<String, Vec<(u64, u64)>> = HashMap::new();
    let mut name = "";
    for line in text.lines() {
        let numbers = match line.split_once(':') {
            Some((word, numbers)) if !line.starts_with([' ', '\t']) => {
                name = word.trim();
                numbers
            }
            _ => line,
        };
        all.entry(name.to_owned()).or_default().extend(numbers.split_ascii_whitespace().filter_map(range));
    }
    all.into_iter().map(|(name, ranges)| (name, Ranges::of(ranges))).collect()
}

fn range(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// A version and pairs of number and mark, in the byte order of the machine that wrote them.
fn mark_file(bytes: &[u8]) -> Result<HashMap<u64, u32>, String> {
    let (words, _) = bytes.as_chunks::<4>(); // a pair that was cut off says nothing
    let Some((version, pairs)) = words.split_first() else { return Ok(HashMap::new()) };
    let little = u32::from_le_bytes(*version) <= MAX_VERSION;
    let read = |word: &[u8; 4]| if little { u32::from_le_bytes(*word) } else { u32::from_be_bytes(*word) };
    if read(version) != VERSION {
        return Err(format!("its version is {}, and only {VERSION} is known; the marks are not read", read(version)));
    }
    let (pairs, _) = pairs.as_chunks::<2>();
    Ok(pairs.iter().map(|[number, mark]| (u64::from(read(number)), read(mark))).collect())
}

/// A set of numbers as sorted ranges that do not overlap.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    fn of(mut all: Vec<(u64, u64)>) -> Self {
        all.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (first, last) in all.into_iter().filter(|(first, last)| first <= last) {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    fn contains(&self, number: u64) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| number <= *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_ranges_whatever_their_order() {
        let all = sequences("cur: 9\nunseen: 7 2-3 3-5 9-8 x\n  11\nflagged:\n");
        assert_eq!(all.get("unseen"), Some(&Ranges(vec![(2, 5), (7, 7), (11, 11)])));
        let unseen: Vec<_> = (1..12).filter(|number| all["unseen"].contains(*number)).collect();
        assert_eq!(unseen, [2, 3, 4, 5, 7, 11]);
        assert!(!all["flagged"].contains(0));
    }

    #[test]
    fn mark_files_are_read_in_both_byte_orders() {
        let words = [2_u32, 1, 0x10, 7, 0x3, 9];
        let little: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let big: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        for bytes in [little, big] {
            assert_eq!(mark_file(&bytes), Ok(HashMap::from([(1, 0x10), (7, 0x3)])));
        }
        assert!(mark_file(&[3, 0, 0, 0]).unwrap_err().contains("version is 3"));
        assert_eq!(mark_file(&[2]), Ok(HashMap::new()));
    }

    #[test]
    fn a_message_is_seen_unless_something_says_otherwise() {
        let with = |marks: Option<Vec<(u64, u32)>>| Marks {
            sequences: sequences("unseen: 1\nreplied: 2\nflagged: 2"),
            marks: marks.map(|marks| marks.into_iter().collect()),
        };
        let (mh, sylpheed) = (with(None), with(Some(vec![(1, 0), (2, 0x24), (3, 0x8)])));
        for (marks, number, flags) in [
            (&mh, 1, ""),
            (&mh, 2, "\\Seen \\Answered \\Flagged"),
            (&mh, 3, "\\Seen"),
            (&sylpheed, 1, ""),
            (&sylpheed, 2, "\\Seen \\Answered \\Flagged"),
            (&sylpheed, 3, "\\Seen \\Deleted"),
            (&sylpheed, 4, ""),
        ] {
            assert_eq!(marks.of(number).0.to_string(), flags, "{number}");
        }
        assert_eq!(sylpheed.of(2).1, ["$Forwarded"]);
    }
}
