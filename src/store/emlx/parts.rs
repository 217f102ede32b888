//! Puts back the attachments that Apple Mail took out of a message. Used to read .partial.emlx files.
//!
//! A part that was taken out has an empty body and a field X-Apple-Content-Length; its file lies in a directory named by
//! the part's number as IMAP counts (`2.4`; RFC 9051 section 6.4.5). Source: facts/formats.md 1.6.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::mail::header;
use crate::store::mbox::eol;
use crate::store::{dir, file};

const MARK: &str = "X-Apple-Content-Length";
/// No real message nests deeper, or has more parts.
const MAX_DEPTH: usize = 40;
const MAX_PARTS: usize = 10_000;
/// Base64 lines of 76 characters; with them the lengths that Apple Mail notes come out exactly.
const LINE_BYTES: usize = 57;
const LINE_CHARACTERS: usize = 76;

/// A part without its content.
#[derive(Debug, PartialEq, Eq)]
struct Stub {
    /// Its number, as `2.4`.
    number: String,
    /// Where its mark stands in the message.
    mark: Range<usize>,
    /// Where its content belongs.
    body: Range<usize>,
    /// How its content is to be written.
    encoding: String,
}

/// `message` with the parts whose files lie below `dir`, and how many were not found.
pub(super) fn restored(message: Vec<u8>, dir: &Path) -> io::Result<(Vec<u8>, usize)> {
    let stubs = stubs(&message);
    if stubs.is_empty() {
        return Ok((message, 0));
    }
    let (mut out, mut copied, mut missing) = (Vec::with_capacity(message.len()), 0, 0);
    for stub in stubs {
        let Some(content) = content(&stub, &dir.join(&stub.number))? else {
            missing += 1;
            continue;
        };
        out.extend_from_slice(message.get(copied..stub.mark.start).unwrap_or_default());
        out.extend_from_slice(message.get(stub.mark.end..stub.body.start).unwrap_or_default());
        out.extend_from_slice(&content);
        copied = stub.body.end;
        if u32::try_from(out.len()).is_err() {
            return Err(io::Error::other("the message is larger than 4 GiB, which IMAP can not carry"));
        }
    }
    out.extend_from_slice(message.get(copied..).unwrap_or_default());
    Ok((out, missing))
}

/// What belongs into a part, from the file in its directory; `None` if there is none.
fn content(stub: &Stub, dir: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(path) = only_file(dir) else { return Ok(None) };
    let encode = match stub.encoding.as_str() {
        "base64" => base64_lines,
        "quoted-printable" => quoted_printable,
        "" | "7bit" | "8bit" | "binary" => <[u8]>::to_vec,
        _ => return Ok(None),
    };
    let file = file::open_regular(&path)?;
    Ok(Some(encode(&file::read_range(&file, 0, file.metadata()?.len())?)))
}

/// The first visible file in a directory. A link is not followed: it would carry any file of this computer away.
fn only_file(dir: &Path) -> Option<PathBuf> {
    let is_file = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|data| data.is_file());
    let entries = dir::entries(dir).ok()?;
    let visible = entries.into_iter().filter(|entry| !entry.text().starts_with('.'));
    visible.map(|entry| entry.path).find(|path| is_file(path))
}

fn base64_lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = String::with_capacity(bytes.len() / 3 * 4 + bytes.len() / 40 + 4);
    for (number, line) in bytes.chunks(LINE_BYTES).enumerate() {
        if number > 0 {
            out.push('\n');
        }
        STANDARD.encode_string(line, &mut out);
    }
    out.into_bytes()
}

/// RFC 2045 section 6.7. Line ends stay line ends.
fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut column) = (Vec::with_capacity(bytes.len() + bytes.len() / 8), 0);
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        let at_end = matches!(rest.peek(), None | Some(b'\r' | b'\n'));
        if byte == b'\n' || (byte == b'\r' && rest.peek() == Some(&b'\n')) {
            out.push(byte);
            column = 0;
            continue;
        }
        let plain = (byte.is_ascii_graphic() && byte != b'=') || (matches!(byte, b' ' | b'\t') && !at_end);
        let width = if plain { 1 } else { 3 };
        if column + width > LINE_CHARACTERS - usize::from(!at_end) {
            out.extend_from_slice(b"=\n");
            column = 0;
        }
        if plain {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("={byte:02X}").as_bytes());
        }
        column += width;
    }
    out
}

/// All parts that were taken out, in the order of the message.
fn stubs(message: &[u8]) -> Vec<Stub> {
    let mut walk = Parts { message, stubs: Vec::new(), seen: 0 };
    walk.entity(0..message.len(), "", true, 0);
    walk.stubs
}

struct Parts<'a> {
    message: &'a [u8],
    stubs: Vec<Stub>,
    seen: usize,
}

impl Parts<'_> {
    /// Looks at one part, or at a whole message inside another, and at what is in it.
    fn entity(&mut self, at: Range<usize>, number: &str, is_message: bool, depth: usize) {
        self.seen += 1;
        if depth > MAX_DEPTH || self.seen > MAX_PARTS {
            return;
        }
        let bytes = self.message.get(at.clone()).unwrap_or_default();
        let length = header::length(bytes);
        let head = bytes.get(..length).unwrap_or_default();
        let text = |name| header::find(head, name).map(|field| field.text()).unwrap_or_default();
        let (kind, encoding) = (text("Content-Type"), text("Content-Transfer-Encoding").to_ascii_lowercase());
        let body = at.end.min(at.start + length + eol(bytes.get(length..).unwrap_or_default()))..at.end;
        let below = |child: usize| if number.is_empty() { child.to_string() } else { format!("{number}.{child}") };
        let own = if is_message { below(1) } else { number.to_owned() };
        if let Some(boundary) = boundary(&kind) {
            for (index, child) in self.children(body, &boundary).into_iter().enumerate() {
                self.entity(child, &below(index + 1), false, depth + 1);
            }
        } else if let Some(mark) = mark(head).filter(|_| self.is_blank(&body)) {
            let mark = at.start + mark.start..at.start + mark.end;
            self.stubs.push(Stub { number: own, mark, body, encoding });
        } else if kind.to_ascii_lowercase().starts_with("message/rfc822") {
            self.entity(body, &own, true, depth + 1);
        }
    }

    fn is_blank(&self, at: &Range<usize>) -> bool {
        self.message.get(at.clone()).unwrap_or_default().trim_ascii().is_empty()
    }

    /// The parts between the lines of a boundary.
    fn children(&self, body: Range<usize>, boundary: &str) -> Vec<Range<usize>> {
        let bytes = self.message.get(body.clone()).unwrap_or_default();
        let needle = format!("--{boundary}");
        let (mut children, mut start) = (Vec::new(), None);
        for at in memchr::memmem::find_iter(bytes, needle.as_bytes()) {
            let after = bytes.get(at + needle.len()..).unwrap_or_default();
            let line = memchr::memchr(b'\n', after).map_or(after, |end| after.get(..=end).unwrap_or(after));
            let is_last = line.starts_with(b"--");
            let starts_line = at == 0 || bytes.get(at - 1) == Some(&b'\n');
            if !starts_line || !(is_last || line.trim_ascii().is_empty()) {
                continue;
            }
            if let Some(start) = start {
                let part: &[u8] = bytes.get(start..at).unwrap_or_default();
                let content = part.strip_suffix(b"\n").map_or(part, |part| part.strip_suffix(b"\r").unwrap_or(part));
                children.push(body.start + start..body.start + start + content.len());
            }
            start = (!is_last).then_some(at + needle.len() + line.len());
            if is_last || children.len() >= MAX_PARTS {
                return children;
            }
        }
        children.extend(start.map(|start| body.start + start..body.end)); // the last line of the boundary was cut off
        children
    }
}

/// Where the mark stands in a header, with its line end.
fn mark(head: &[u8]) -> Option<Range<usize>> {
    let (mut position, mut found) = (0, None);
    for line in header::lines(head) {
        let is_fold = matches!(line.first(), Some(b' ' | b'\t'));
        match found {
            Some(start) if !is_fold => return Some(start..position),
            None if line.get(..MARK.len()).is_some_and(|name| name.eq_ignore_ascii_case(MARK.as_bytes())) => {
                found = Some(position);
            }
            _ => {}
        }
        position += line.len();
    }
    found.map(|start| start..position)
}

/// The boundary of a multipart type.
fn boundary(kind: &str) -> Option<String> {
    let lower = kind.to_ascii_lowercase();
    let at = lower.find("boundary").filter(|_| lower.starts_with("multipart/"))?;
    let value = kind.get(at + "boundary".len()..)?.trim_start().strip_prefix('=')?.trim_start();
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split(|ch: char| ch == ';' || ch.is_whitespace()).next()?,
    };
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "Content-Type: multipart/mixed; boundary=\"a b\"\n\n--a b\n\ntext\n--a b\n\
        Content-Type: message/rfc822\n\nSubject: inner\nContent-Type: multipart/mixed;\n boundary=a\n\n--a\n\nx\n--a\n\
        Content-Transfer-Encoding: BASE64\nX-Apple-Content-Length: 4\nX: y\n\n\n--a--\n\n--a b\nX-Apple-Content-Length: 1\n\n\n--a b--\n";

    #[test]
    fn parts_are_numbered_as_imap_counts_them() {
        let found: Vec<_> = stubs(MESSAGE.as_bytes()).into_iter().map(|stub| (stub.number, stub.encoding)).collect();
        assert_eq!(found, [("2.2".to_owned(), "base64".to_owned()), ("3".to_owned(), String::new())]);
        let lone = stubs(b"X-Apple-Content-Length: 9\n\n");
        assert_eq!(lone.first().map(|stub| stub.number.as_str()), Some("1"));
    }

    #[test]
    fn found_parts_are_written_in_their_encoding_and_others_stay_stubs() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("2.2")).unwrap();
        std::fs::write(dir.path().join("2.2/.DS_Store"), "no").unwrap();
        std::fs::write(dir.path().join("2.2/a.bin"), "abc").unwrap();
        let (message, missing) = restored(MESSAGE.as_bytes().to_vec(), dir.path()).unwrap();
        let expected = MESSAGE.replace("X-Apple-Content-Length: 4\nX: y\n\n", "X: y\n\nYWJj");
        assert_eq!((String::from_utf8(message).unwrap(), missing), (expected, 1));
        std::fs::remove_file(dir.path().join("2.2/a.bin")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("2.2/a.bin")).unwrap();
        assert_eq!(restored(MESSAGE.as_bytes().to_vec(), dir.path()).unwrap().1, 2);
    }

    #[test]
    fn quoted_printable_keeps_lines_short_and_ends_visible() {
        assert_eq!(quoted_printable(b"a=b \r\n\xe4\n"), b"a=3Db=20\r\n=E4\n");
        let long = quoted_printable(&[b'x'; 200]);
        assert!(long.split(|byte| *byte == b'\n').all(|line| line.len() <= LINE_CHARACTERS), "{long:?}");
    }
}
