//! A message made readable: headers, text and attachments. Hostile mail can not hurt it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use mail_parser::{MessageParser, MimeHeaders as _};

use super::envelope::decoded;
use super::header;

/// What F3 shows of a message. All text is foreign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The headers that people read, decoded: name and value.
    pub headers: Vec<(String, String)>,
    /// The text, one line each.
    pub text: Vec<String>,
    /// The attachments.
    pub attachments: Vec<Attachment>,
    /// Whether only a part of a large message was looked at.
    pub is_partial: bool,
}

/// One attachment of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its file name, or empty. Foreign text.
    pub name: String,
    /// Its media type, such as `image/png`. Foreign text.
    pub media_type: String,
    /// Its decoded size in bytes.
    pub size: u64,
}

/// More than anybody reads on a terminal; also what bounds the parser's stack and memory.
const MAX_INPUT: usize = 8 * 1024 * 1024;
const MAX_LINES: usize = 20_000;
const MAX_ATTACHMENTS: usize = 1000;
/// mail-parser recurses into nested messages: 25,000 levels in 800 KB overflow 2 MiB (facts/reliability.md 0.14), so
/// 8 MiB of input need at most 25 MiB; twice that to be safe, reserved but not touched.
const STACK: usize = 64 * 1024 * 1024;
const SHOWN: [&str; 7] = ["From", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject"];

/// Reads a message for display. `None` if it can't be read as mail; it can be carried all the same.
pub fn preview(message: &[u8]) -> Option<Preview> {
    let part = message.get(..MAX_INPUT).unwrap_or(message);
    let parse = || catch_unwind(AssertUnwindSafe(|| parse(part))).ok().flatten();
    let mut preview = thread::scope(|scope| {
        let worker = thread::Builder::new().name("preview".into()).stack_size(STACK).spawn_scoped(scope, parse);
        worker.ok().and_then(|handle| handle.join().ok()).flatten()
    })?;
    preview.is_partial |= part.len() < message.len();
    Some(preview)
}

fn parse(message: &[u8]) -> Option<Preview> {
    let parsed = MessageParser::default().parse(message)?;
    let text = parsed.body_text(0).unwrap_or_default();
    let mut lines = text.lines();
    Some(Preview {
        headers: SHOWN.iter().flat_map(|name| fields(message, name)).collect(),
        text: lines.by_ref().take(MAX_LINES).map(|line| line.chars().take(4000).collect()).collect(),
        attachments: parsed
            .attachments()
            .take(MAX_ATTACHMENTS)
            .map(|part| Attachment {
                name: part.attachment_name().unwrap_or_default().to_owned(),
                media_type: part
                    .content_type()
                    .map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("*")))
                    .unwrap_or_default(),
                size: part.contents().len() as u64,
            })
            .collect(),
        is_partial: lines.next().is_some(),
    })
}

/// Every field of that name with its encoded words decoded.
fn fields(message: &[u8], name: &str) -> Vec<(String, String)> {
    let head = message.get(..header::MAX_HEADER).unwrap_or(message);
    header::fields(head)
        .filter(|field| field.is(name))
        .take(8)
        .map(|field| {
            let text = decoded(field.value);
            (name.to_owned(), if text.is_empty() { field.text() } else { text })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_text_and_attachments_are_shown() {
        let message = b"From: =?UTF-8?Q?J=C3=BCrgen?= <j@x>\r\nSubject: hi\r\nMIME-Version: 1.0\r\n\
            Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe\r\n\
            --b\r\nContent-Type: image/png; name=a.png\r\nContent-Disposition: attachment; filename=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n";
        let shown = preview(message).unwrap_or_default();
        assert_eq!(shown.headers.first().map(|(_, value)| value.as_str()), Some("Jürgen <j@x>"));
        assert_eq!(shown.text.first().map(String::as_str), Some("Grüße"));
        let expected = Attachment { name: "a.png".into(), media_type: "image/png".into(), size: 3 };
        assert_eq!(shown.attachments, [expected]);
    }

    #[test]
    fn a_deeply_nested_message_does_not_break_the_program() {
        let mut bomb = Vec::new();
        for _ in 0..200_000 {
            bomb.extend_from_slice(b"Content-Type: message/rfc822\r\n\r\n");
        }
        preview(&bomb);
    }
}
