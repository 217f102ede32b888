//! Makes a message whole again that Eudora took apart: its attachments, and the marks around HTML. Used to read.
//!
//! Eudora writes attachments to files and leaves a line `Attachment Converted: "C:\...\name"`, decodes the text, and keeps
//! the header of the original. A message without any of that is not touched. Source: facts/formats.md 1.5.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::names;
use crate::mail::canonical::{self, BareCr};
use crate::mail::{Sha256Sum, header};
use crate::store::file;

const CONVERTED: &str = "attachment converted:";
/// Marks around the text, and the type that they stand for.
const MARKS: [(&[u8], &[u8], &str); 3] = [
    (b"<x-html>", b"</x-html>", "text/html"),
    (b"<x-rich>", b"</x-rich>", "text/enriched"),
    (b"<x-flowed>", b"</x-flowed>", "text/plain; format=flowed"),
];
/// 57 bytes are a line of 76 characters.
const LINE_BYTES: usize = 57;

/// An attachment: its name and its content.
type Attachment = (String, Vec<u8>);

/// The message after its separator line, made whole, as it would be appended. `None` for no bytes.
pub(super) fn restored(message: &[u8], attachments: &HashMap<String, PathBuf>) -> Option<Vec<u8>> {
    if message.is_empty() {
        return None;
    }
    let message = canonical::to_crlf(message, BareCr::of(message));
    let (head, body) = message.split_at(header::length(&message));
    let (text, files) = taken_out(body, attachments);
    let (text, marked) = unmarked(text);
    let kind = header::find(head, "Content-Type").map(|field| field.text()).unwrap_or_default();
    let lower = kind.to_ascii_lowercase();
    let is_emptied = lower.starts_with("multipart/") && !has_boundary(&kind, body);
    if files.is_empty() && marked.is_none() && !is_emptied {
        return Some(message);
    }
    let own = if lower.starts_with("text/") { kind.as_str() } else { "text/plain" };
    Some(composed(head, &with_charset(marked.unwrap_or(own), &text), &text, &files))
}

/// Whether an attachment of the message is not there any more.
pub(super) fn missing(message: &[u8], attachments: &HashMap<String, PathBuf>) -> bool {
    let body = message.get(header::length(message)..).unwrap_or_default();
    header::lines(body).filter_map(converted).any(|name| !attachments.contains_key(&name.to_lowercase()))
}

/// The body without the lines of attachments that were found, and those; the line of any other stays.
fn taken_out(body: &[u8], attachments: &HashMap<String, PathBuf>) -> (Vec<u8>, Vec<Attachment>) {
    let (mut text, mut files, mut known) = (Vec::with_capacity(body.len()), Vec::new(), HashSet::new());
    for line in header::lines(body) {
        let path = converted(line).and_then(|name| attachments.get(&name.to_lowercase()));
        match path.map(|path| (path, known.insert(path))) {
            Some((path, true)) => match file::whole(path, u64::from(u32::MAX)) {
                Ok(content) => files.push((file_name(path), content)),
                Err(_) => text.extend_from_slice(line),
            },
            Some((_, false)) => {} // the same file once more
            None => text.extend_from_slice(line),
        }
    }
    (text, files)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The file's name in a line that Eudora left for an attachment.
fn converted(line: &[u8]) -> Option<String> {
    let start = line.get(..CONVERTED.len())?;
    let rest = start.eq_ignore_ascii_case(CONVERTED.as_bytes()).then(|| line.get(CONVERTED.len()..))??;
    let text = names::text(rest.trim_ascii());
    let path = match text.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        // On a Mac: `Disk:name (TYPE/CREA) (0001A2B3)`.
        None => text
            .rsplit_once(" (")
            .map_or(text.as_str(), |(path, _)| path.rsplit_once(" (").map_or(path, |(path, _)| path)),
    };
    let name = path.rsplit(['\\', '/', ':']).next()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The text without the marks around it, and the type that they say.
fn unmarked(text: Vec<u8>) -> (Vec<u8>, Option<&'static str>) {
    let start = text.trim_ascii_start();
    for (open, close, kind) in MARKS {
        let opens = start.get(..open.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(open));
        if let Some(inner) = start.get(open.len()..).filter(|_| opens) {
            let end = memchr::memmem::rfind(&inner.to_ascii_lowercase(), close);
            let (inside, after) = match end {
                Some(at) => (inner.get(..at).unwrap_or_default(), inner.get(at + close.len()..).unwrap_or_default()),
                None => (inner, &[][..]),
            };
            return ([b"\r\n", inside, after].concat(), Some(kind));
        }
    }
    (text, None)
}

fn has_boundary(kind: &str, body: &[u8]) -> bool {
    let value = kind.split("oundary=").nth(1).unwrap_or_default();
    let boundary = value.trim_start_matches('"').split(['"', ';']).next().unwrap_or_default().trim();
    !boundary.is_empty() && memchr::memmem::find(body, format!("--{boundary}").as_bytes()).is_some()
}

/// The charset of text that Eudora decoded: UTF-8 if it is that, else that of its Windows.
fn with_charset(kind: &str, text: &[u8]) -> String {
    if text.is_ascii() || kind.to_ascii_lowercase().contains("charset") {
        return kind.to_owned();
    }
    let charset = if std::str::from_utf8(text).is_ok() { "utf-8" } else { "windows-1252" };
    format!("{kind}; charset={charset}")
}

/// The message with its text and files as parts, or the text alone. `text` starts with the blank line.
fn composed(head: &[u8], kind: &str, text: &[u8], files: &[Attachment]) -> Vec<u8> {
    let told = |field: &header::Field<'_>| field.is("Content-Type") || field.is("Content-Transfer-Encoding");
    let mut out = header::without(head, told);
    if header::find(head, "MIME-Version").is_none() {
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    }
    let encoding = if text.is_ascii() { "7bit" } else { "8bit" };
    let own = format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n");
    if files.is_empty() {
        out.extend_from_slice(own.as_bytes());
        out.extend_from_slice(text);
        return out;
    }
    // The same message must always come out the same, so the boundary is made from it.
    let digest = Sha256Sum::of(&[head, text].concat()).to_string();
    let boundary = format!("=_eudora_{}", digest.get(..24).unwrap_or_default());
    out.extend_from_slice(
        format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n{own}").as_bytes(),
    );
    out.extend_from_slice(text);
    for (name, content) in files {
        out.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        attach(name, content, &mut out);
    }
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    out
}

/// Adds a file as a part.
fn attach(name: &str, content: &[u8], out: &mut Vec<u8>) {
    let plain = name.bytes().all(|byte| byte == b' ' || (byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\')));
    let name = if plain {
        format!("filename=\"{name}\"")
    } else {
        format!("filename*=UTF-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
    };
    let fields = format!(
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; {name}\r\n\r\n"
    );
    out.extend_from_slice(fields.as_bytes());
    let lines: Vec<String> = content.chunks(LINE_BYTES).map(|line| STANDARD.encode(line)).collect();
    out.extend_from_slice(lines.join("\r\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_attachments_are_read_as_both_systems_write_them() {
        for (line, name) in [
            ("Attachment Converted: \"C:\\EUDORA\\ATTACH\\plan v3.doc\"\r\n", Some("plan v3.doc")),
            ("Attachment Converted: C:\\EUDORA\\plan.doc\r\n", Some("plan.doc")),
            ("Attachment converted: Macintosh HD:My File (2).doc (WDBN/MSWD) (0001A2B3)\r", Some("My File (2).doc")),
            ("Attachment Converted: \"..\\..\\etc\\passwd\"", Some("passwd")),
            ("Attachment Converted: ", None),
            (" Attachment Converted: \"a\"", None),
        ] {
            assert_eq!(converted(line.as_bytes()).as_deref(), name, "{line:?}");
        }
    }

    #[test]
    fn a_message_that_was_taken_apart_is_put_together_and_others_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("Grüße.bin");
        std::fs::write(&path, "abc").unwrap();
        let attachments = HashMap::from([("grüße.bin".to_owned(), path)]);
        let read = |text: &str| String::from_utf8(restored(text.as_bytes(), &attachments).unwrap()).unwrap();
        assert_eq!(read("A: b\n\ntext\n"), "A: b\r\n\r\ntext\r\n");
        let html =
            read("A: b\nContent-Type: multipart/alternative; boundary=x\n\n<x-html>\n<b>gr\u{fc}n</b>\n</x-html>\n");
        assert_eq!(
            html,
            "A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
             \r\n<b>grün</b>\r\n\r\n"
        );
        let whole = read(
            "A: b\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\ntext\n\n\
             Attachment Converted: \"C:\\Grüße.bin\"\nAttachment Converted: \"C:\\lost\"\n",
        );
        assert!(whole.contains("multipart/mixed; boundary=\"=_eudora_"), "{whole}");
        assert!(whole.contains("filename*=UTF-8''Gr%C3%BC%C3%9Fe%2Ebin\r\n\r\nYWJj\r\n--=_eudora_"), "{whole}");
        assert!(whole.contains("text\r\n\r\nAttachment Converted: \"C:\\lost\"\r\n"), "{whole}");
        assert!(missing(b"A: b\n\nAttachment Converted: \"lost\"\n", &attachments));
        let multipart = "A: b\nContent-Type: multipart/mixed; boundary=\"x\"\n\n--x\n\nhello\n--x--\n";
        assert_eq!(read(multipart), multipart.replace('\n', "\r\n"));
    }
}
