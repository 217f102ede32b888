//! What stands where in an .emlx file: a line with the message's length, the message, an XML property list.
//!
//! Used to list and to read. Source: facts/formats.md 1.6. A partial file may give the length of the complete message,
//! which lies past its end; then the property list is found by its start.

use std::fs::File;
use std::io;

use crate::mail::InternalDate;
use crate::mail::header::MAX_HEADER;
use crate::store::file;

/// The first line: digits and a few blanks.
const MAX_LINE: usize = 64;
/// Real property lists have 400 to 2,000 bytes.
const MAX_LIST: u64 = 128 * 1024;
const LIST_STARTS: [&[u8]; 2] = [b"<?xml", b"<plist"];
const LIST_END: &[u8] = b"</plist>";
/// Where a list may hold a number.
const NUMBER_TAGS: [(&[u8], &[u8]); 3] =
    [(b"<integer>", b"</integer>"), (b"<real>", b"</real>"), (b"<string>", b"</string>")];

/// One file, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Where the message starts.
    pub(super) start: u64,
    /// Where it ends.
    pub(super) end: u64,
    /// The file ends before the message does.
    pub(super) is_cut_off: bool,
    /// The word of flags; more than 32 bits on new systems.
    pub(super) flags: Option<u64>,
    /// When the message was received.
    pub(super) received: Option<InternalDate>,
}

impl Layout {
    /// Looks at the start and the end of a file.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        let mut bytes = Vec::new();
        file::read_at(file, 0, MAX_LINE, &mut bytes)?;
        let none = || io::Error::other("it does not start with the length of a message");
        let (length, line) = length_line(&bytes).ok_or_else(none)?;
        let start = u64::try_from(line).unwrap_or(u64::MAX);
        let told = start.saturating_add(length);
        let (end, list) = match list_at(file, told, size)? {
            Some(list) => (told, list),
            None => last_list(file, start, size)?.unwrap_or((size, Vec::new())),
        };
        let received = number(&list, b"date-received").and_then(|seconds| seconds.parse().ok());
        Ok(Self {
            start,
            end: end.max(start),
            is_cut_off: list.is_empty() && told > size,
            flags: number(&list, b"flags").and_then(|flags| flags.parse().ok()),
            received: received.map(InternalDate::from_unix),
        })
    }

    /// The message's header and perhaps a little more.
    pub(super) fn head(&self, file: &File) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let most = usize::try_from(self.end - self.start).unwrap_or(MAX_HEADER).min(MAX_HEADER);
        let first = most.min(8 * 1024);
        for want in [first, most] {
            file::read_at(file, self.start, want, &mut bytes)?;
            if crate::mail::header::length(&bytes) < bytes.len() {
                break;
            }
        }
        Ok(bytes)
    }
}

/// The number on the first line, and how long that line is.
pub(super) fn length_line(start: &[u8]) -> Option<(u64, usize)> {
    let end = memchr::memchr(b'\n', start.get(..MAX_LINE).unwrap_or(start))?;
    let digits = start.get(..end)?.trim_ascii_end();
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let length = std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()?;
    Some((length, end + 1))
}

/// The property list that stands at `offset`, blanks before it allowed.
fn list_at(file: &File, offset: u64, size: u64) -> io::Result<Option<Vec<u8>>> {
    if offset >= size {
        return Ok(None);
    }
    let bytes = file::read_range(file, offset, MAX_LIST.min(size - offset))?;
    let list = bytes.trim_ascii_start();
    Ok(LIST_STARTS.iter().any(|start| list.starts_with(start)).then(|| list.to_vec()))
}

/// The property list at the end of a file, and where it starts.
fn last_list(file: &File, start: u64, size: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    let from = size.saturating_sub(MAX_LIST).max(start);
    let bytes = file::read_range(file, from, size.saturating_sub(from))?;
    if !bytes.trim_ascii_end().ends_with(LIST_END) {
        return Ok(None);
    }
    let at = LIST_STARTS.iter().find_map(|start| memchr::memmem::rfind(&bytes, start));
    let list = at.and_then(|at| Some((from + u64::try_from(at).ok()?, bytes.get(at..)?.to_vec())));
    Ok(list)
}

/// The whole part of the number under `key`. Lists by Apple Mail are flat, so a key is known by its text.
fn number(list: &[u8], key: &[u8]) -> Option<String> {
    let tag = [b"<key>", key, b"</key>"].concat();
    let after = list.get(memchr::memmem::find(list, &tag)? + tag.len()..)?.trim_ascii_start();
    let value = NUMBER_TAGS.iter().find_map(|(open, close)| {
        let value = after.strip_prefix(*open)?;
        value.get(..memchr::memmem::find(value, close)?)
    })?;
    let text = std::str::from_utf8(value).ok()?.trim();
    Some(text.split_once('.').map_or(text, |(whole, _)| whole).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_a_list() {
        let list =
            b"<dict>\n\t<key>flags</key>\n\t<integer>25803555841</integer><key>date-received</key><real>1.5e3</real>\
            <key>a</key><string> 7.25 </string><key>b</key><array/></dict>";
        for (key, value) in
            [("flags", Some("25803555841")), ("date-received", Some("1")), ("a", Some("7")), ("b", None), ("c", None)]
        {
            assert_eq!(number(list, key.as_bytes()).as_deref(), value, "{key}");
        }
    }

    #[test]
    fn the_first_line_is_digits_and_blanks() {
        for (line, found) in [
            (&b"17829     \nFrom"[..], Some((17829, 11))),
            (b"12\n", Some((12, 3))),
            (b"\n", None),
            (b"-1\n", None),
            (b"1 2\n", None),
            (b"12", None),
            (b"99999999999999999999999\n", None),
        ] {
            assert_eq!(length_line(line), found);
        }
    }
}
