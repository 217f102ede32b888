//! The From_ line that starts a message in an mbox, and when a line that looks like one is one.
//!
//! Used by the scan. The forms are those of facts/formats.md 1.4, in their order of trust.

use crate::mail::date::{self, WrittenDate};

/// A longer line is text.
pub(super) const MAX_LINE: usize = 1024;
/// How much after the start of a separator is looked at: the line and the two that follow.
pub(super) const LOOK: usize = 4096;
/// A sender with blanks in it ("From MAILER DAEMON Thu ..."): how many words it may have.
const MAX_SENDER_WORDS: usize = 3;
/// `Thu, 9 Nov 2002 22:33:52 +0300 (MSK) remote from host`.
const MAX_DATE_WORDS: usize = 10;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Header fields that a message has and a sentence ("From the agenda") is not followed by.
const TELLING: [&str; 14] = [
    "from",
    "to",
    "subject",
    "date",
    "received",
    "return-path",
    "message-id",
    "delivered-to",
    "envelope-to",
    "mime-version",
    "status",
    "x-mozilla-status",
    "x-account-key",
    "x-gm-thrid",
];

/// How much a line that starts with "From " can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// A sender and a date.
    Dated,
    /// `From -`, one address alone, or nothing: as Mozilla and newer Google Takeouts write.
    Lone,
    /// Anything else.
    Loose,
}

/// A line that starts with "From ", taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Separator {
    /// How much it can be trusted.
    pub(super) trust: Trust,
    /// Whether it names a sender; Mozilla's `-` is none, and the date after it is made up.
    pub(super) has_sender: bool,
    /// Its date.
    pub(super) date: Option<WrittenDate>,
}

/// What stands around a line that may be a separator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Whether a blank line, or the start of the file, comes before.
    pub(super) after_blank: bool,
    /// Whether the file's first separator has neither date nor address.
    pub(super) loose_file: bool,
    /// What follows the line.
    pub(super) after: &'a [u8],
}

/// Splits `bytes` after its first line. Lines end by `end` (LF, or CR in files without any LF).
pub(super) fn split_line(bytes: &[u8], end: u8) -> (&[u8], &[u8]) {
    bytes.split_at(memchr::memchr(end, bytes).map_or(bytes.len(), |at| at + 1))
}

/// Reads a line that starts with "From ", with or without its end.
pub(super) fn parse(line: &[u8]) -> Option<Separator> {
    let rest = line.get(..MAX_LINE).unwrap_or(line).strip_prefix(b"From ")?;
    if line.len() > MAX_LINE {
        return None;
    }
    let text = String::from_utf8_lossy(rest);
    let (quoted, rest) = quoted_sender(text.trim_ascii());
    let words: Vec<&str> = rest.split_ascii_whitespace().take(MAX_SENDER_WORDS + MAX_DATE_WORDS + 1).collect();
    let sender_words = if quoted { 0..=0 } else { 0..=MAX_SENDER_WORDS };
    for count in sender_words {
        let (sender, after) = words.split_at_checked(count)?;
        let address = quoted || sender.iter().any(|word| word.contains('@') || *word == "-");
        if let Some(date) = dated(after, address) {
            let has_sender = quoted || sender.iter().any(|word| *word != "-");
            // "From memory on Tue Feb  3 10:00:00 2004" may be text.
            let trust = if count > 1 && !address { Trust::Loose } else { Trust::Dated };
            return Some(Separator { trust, has_sender, date: Some(date) });
        }
        if count == words.len() {
            break;
        }
    }
    let only_sender = match words.as_slice() {
        [] => !quoted, // "From " and nothing more: an empty sender
        [word] => *word == "-" || word.contains('@'),
        _ => false,
    };
    let has_sender = words.first().is_some_and(|word| *word != "-");
    Some(Separator { trust: if only_sender { Trust::Lone } else { Trust::Loose }, has_sender, date: None })
}

/// Whether `separator` starts a message where it stands; then, whether that is doubtful.
pub(super) fn accept(separator: &Separator, place: Place<'_>) -> Option<bool> {
    let headers = header_lines(place.after);
    match separator.trust {
        Trust::Dated if place.after_blank => Some(headers.count == 0 && is_text(place.after)),
        Trust::Lone if place.after_blank && headers.count >= 1 => Some(false),
        Trust::Dated | Trust::Lone if headers.count == 2 => Some(true),
        Trust::Loose if place.after_blank && headers.count == 2 && (place.loose_file || headers.telling) => Some(true),
        _ => None,
    }
}

/// Whether `separator` may start a file; nothing else can stand there.
pub(super) fn accept_first(separator: &Separator, after: &[u8]) -> bool {
    separator.trust != Trust::Loose || header_lines(after).count >= 1
}

/// A sender in quotes (`"naveen andrews" Wed Jan 30 ...`) is skipped; whether there was one.
fn quoted_sender(text: &str) -> (bool, &str) {
    match text.strip_prefix('"').and_then(|inner| inner.split_once('"')) {
        Some((_, after)) => match after.split_once(' ') {
            Some((_, date)) => (true, date),
            None => (true, ""),
        },
        None => (false, text),
    }
}

/// Reads words that are a date and nothing else. After an address the day's name may be missing.
fn dated(words: &[&str], after_address: bool) -> Option<WrittenDate> {
    let (first, _) = words.split_first()?;
    let day_name = first.trim_end_matches(',').get(..3).is_some_and(|start| is_one_of(start, &DAYS));
    let day_number = after_address && first.starts_with(|ch: char| ch.is_ascii_digit());
    if !day_name && !day_number {
        return None;
    }
    let rest = words.get(usize::from(day_name)..)?;
    let length = rest.iter().position(|word| *word == "remote").unwrap_or(rest.len()); // UUCP: "remote from host"
    let date = rest.get(..length)?;
    if date.len() > MAX_DATE_WORDS || !date.iter().all(|word| is_part_of_a_date(word)) {
        return None;
    }
    date::parse(&date.join(" "))
}

fn is_part_of_a_date(word: &str) -> bool {
    let word = word.trim_end_matches(',');
    let numeric = word.starts_with(|ch: char| ch.is_ascii_digit() || ch == '+' || ch == '-');
    let month = word.get(..3).is_some_and(|start| is_one_of(start, &MONTHS));
    let zone = (1..=5).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let comment = word.starts_with('(') || word.ends_with(')');
    numeric || month || zone || comment || word.is_empty()
}

fn is_one_of(word: &str, known: &[&str]) -> bool {
    known.iter().any(|other| other.eq_ignore_ascii_case(word))
}

/// Whether a line of text follows; a message without any header starts with a blank line.
fn is_text(after: &[u8]) -> bool {
    !matches!(after.first(), None | Some(b'\n' | b'\r' | b'>'))
}

/// How many of the next two lines look like a header, and whether one is a field that tells.
#[derive(Clone, Copy, Default)]
struct HeaderLines {
    count: u8,
    telling: bool,
}

fn header_lines(after: &[u8]) -> HeaderLines {
    let mut seen = HeaderLines::default();
    for line in after.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty()).take(2) {
        let folded = seen.count == 1 && matches!(line.first(), Some(b' ' | b'\t'));
        match field_name(line) {
            Some(name) => seen.telling |= TELLING.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())),
            None if folded => {}
            None => break,
        }
        seen.count += 1;
    }
    seen
}

/// The name of a header field. Narrower than RFC 5322 allows: `http://` in a text is none.
pub(super) fn field_name(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = line.split_at(line.iter().take(128).position(|byte| *byte == b':')?);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!name.is_empty() && name.iter().all(plain) && !value.starts_with(b"://")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_form_of_a_separator_is_read() {
        let day = Some(1_416_014_256); // Sat Nov 15 01:17:36 2014, as a clock reading
        for (line, trust, sender, clock) in [
            ("From a@b.example Sat Nov 15 01:17:36 2014", Trust::Dated, true, day),
            ("From a@b  Sat Nov 15 01:17:36 2014 +0100\r\n", Trust::Dated, true, day),
            ("From 1484798564697355096@xxx Sat Nov 15 01:17:36 +0000 2014", Trust::Dated, true, day),
            ("From nobody Sat, 15 Nov 2014 01:17:36 +0100 (CET)", Trust::Dated, true, day),
            ("From \"a b\"@c Sat Nov 15 01:17:36 2014", Trust::Dated, true, day),
            ("From ???@??? Sat Nov 15 01:17:36 2014", Trust::Dated, true, day),
            ("From MAILER DAEMON Sat Nov 15 01:17:36 CET 2014", Trust::Loose, true, day),
            ("From  Sat Nov 15 01:17:36 2014", Trust::Dated, false, day),
            ("From u!v Sat Nov 15 01:17:36 2014 remote from host", Trust::Dated, true, day),
            ("From - Sat Nov 15 01:17:36 2014", Trust::Dated, false, day),
            ("From a@b 15 Nov 2014 01:17:36", Trust::Dated, true, day),
            ("From -", Trust::Lone, false, None),
            ("From - \n", Trust::Lone, false, None),
            ("From 1844347792267117879@xxx", Trust::Lone, true, None),
            ("From Russia with love", Trust::Loose, true, None),
            ("From ", Trust::Lone, false, None),
            ("From a@b Sat Foo 99 99:17:36 2014", Trust::Loose, true, None),
            ("From the Sat Nov 15 01:17:36 2014 meeting", Trust::Loose, true, None),
        ] {
            let separator = parse(line.as_bytes()).unwrap();
            assert_eq!((separator.trust, separator.has_sender), (trust, sender), "{line}");
            assert_eq!(separator.date.map(|date| date.clock), clock, "{line}");
        }
        assert_eq!(parse(b"From: a@b"), None);
        assert_eq!(parse(&[b"From a@b ".as_slice(), &[b'x'; 2000]].concat()), None);
    }

    #[test]
    fn less_trusted_lines_need_more_around_them() {
        for (line, after_blank, after, verdict) in [
            ("From a@b Sat Nov 15 01:17:36 2014", true, "", Some(false)),
            ("From a@b Sat Nov 15 01:17:36 2014", true, "\ntext", Some(false)),
            ("From a@b Sat Nov 15 01:17:36 2014", true, "some text\n", Some(true)),
            ("From a@b Sat Nov 15 01:17:36 2014", false, "some text\n", None),
            ("From a@b Sat Nov 15 01:17:36 2014", false, "To: x\n folded\n", Some(true)),
            ("From -", true, "Subject: x\n\n", Some(false)),
            ("From -", true, "text\n", None),
            ("From -", false, "Subject: x\n\nx", None),
            ("From Russia with love", true, "Year: 1963\n\nWhat", None),
            ("From the wiki", true, "http://a\nhttps://b\n", None),
            ("From the agenda", true, "Time: 10\nPlace: 5\n", None),
            ("From someone", true, "Return-Path: <a@b>\nX: y\n", Some(true)),
            ("From someone", false, "Return-Path: <a@b>\nX: y\n", None),
        ] {
            let place = Place { after_blank, loose_file: false, after: after.as_bytes() };
            assert_eq!(accept(&parse(line.as_bytes()).unwrap(), place), verdict, "{line} / {after}");
        }
    }
}
