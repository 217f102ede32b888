//! A message made readable: headers, text, structure and attachments. Hostile mail can not hurt it.

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

use super::envelope::decoded;
use super::guard::{MAX_INPUT, guarded};
use super::header;
use super::html;

/// What F3 shows of a message. All text is foreign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The headers that people read, decoded: name and value.
    pub headers: Vec<(String, String)>,
    /// All headers in their order, decoded.
    pub all_headers: Vec<(String, String)>,
    /// The text, one line each; that of HTML mail without its tags.
    pub text: Vec<String>,
    /// Whether the text was HTML.
    pub is_html: bool,
    /// The parts, each before those inside it.
    pub parts: Vec<Part>,
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

/// One part of a message's structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many parts it is inside of.
    pub depth: usize,
    /// What it is; its size is 0 where it only holds others.
    pub what: Attachment,
    /// Its character set, or empty. Foreign text.
    pub charset: String,
}

const MAX_LINES: usize = 20_000;
const MAX_ATTACHMENTS: usize = 1000;
const MAX_HEADERS: usize = 2000;
const MAX_PARTS: usize = 1000;
/// Parts inside each other that are still told.
const MAX_DEPTH: usize = 32;
const SHOWN: [&str; 7] = ["From", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject"];

/// Reads a message for display. `None` if it can't be read as mail, or not in time; it can be carried all the same.
pub fn preview(message: &[u8]) -> Option<Preview> {
    let part = message.get(..MAX_INPUT).unwrap_or(message).to_vec();
    let is_whole = part.len() == message.len();
    let mut preview = guarded(move || parse(&part))?;
    preview.is_partial |= !is_whole;
    Some(preview)
}

fn parse(message: &[u8]) -> Option<Preview> {
    let parsed = MessageParser::default().parse(message)?;
    let (text, is_html) = text(&parsed);
    let mut lines = text.lines();
    Some(Preview {
        headers: SHOWN.iter().flat_map(|name| fields(message, |field| field.is(name)).take(8)).collect(),
        all_headers: fields(message, |_| true).take(MAX_HEADERS).collect(),
        text: lines.by_ref().take(MAX_LINES).map(|line| line.chars().take(4000).collect()).collect(),
        is_html,
        parts: structure(&parsed),
        attachments: parsed.attachments().take(MAX_ATTACHMENTS).map(attachment).collect(),
        is_partial: lines.next().is_some(),
    })
}

/// The text, and whether it was HTML. A message may have both; the plain one is what its author wrote for terminals.
fn text(parsed: &Message<'_>) -> (String, bool) {
    let first = parsed.text_body.first().and_then(|id| parsed.part(*id));
    match first.map(|part| &part.body) {
        Some(PartType::Html(page)) => (html::to_text(page), true),
        Some(PartType::Text(text)) => (text.to_string(), false),
        _ => (parsed.body_text(0).unwrap_or_default().into_owned(), false),
    }
}

fn attachment(part: &MessagePart<'_>) -> Attachment {
    let kind = part.content_type().map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("*")));
    Attachment {
        name: part.attachment_name().unwrap_or_default().to_owned(),
        media_type: kind.unwrap_or_default(),
        size: part.contents().len() as u64,
    }
}

/// The parts in their order, with what they are inside of.
fn structure(parsed: &Message<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut waiting: Vec<(usize, &Message<'_>, u32)> = vec![(0, parsed, 0)];
    while let Some((depth, message, id)) = waiting.pop() {
        let Some(part) = message.part(id).filter(|_| parts.len() < MAX_PARTS) else { continue };
        let mut what = attachment(part);
        if what.media_type.is_empty() {
            what.media_type =
                if matches!(part.body, PartType::Message(_)) { "message/rfc822" } else { "text/plain" }.into();
        }
        let charset = part.content_type().and_then(|kind| kind.attribute("charset")).unwrap_or_default().to_owned();
        match &part.body {
            PartType::Multipart(ids) if depth < MAX_DEPTH => {
                what.size = 0;
                waiting.extend(ids.iter().rev().map(|id| (depth + 1, message, *id)));
            }
            PartType::Message(inner) if depth < MAX_DEPTH => waiting.push((depth + 1, inner, 0)),
            _ => {}
        }
        parts.push(Part { depth, what, charset });
    }
    parts
}

/// Fields with their encoded words decoded.
fn fields(message: &[u8], wanted: impl Fn(&header::Field<'_>) -> bool) -> impl Iterator<Item = (String, String)> {
    let head = message.get(..header::MAX_HEADER).unwrap_or(message);
    header::fields(head).filter(move |field| wanted(field)).map(|field| {
        let text = decoded(field.value);
        let name = String::from_utf8_lossy(field.name).into_owned();
        (name, if text.is_empty() { field.text() } else { text })
    })
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
        let parts: Vec<(usize, &str, u64)> =
            shown.parts.iter().map(|part| (part.depth, part.what.media_type.as_str(), part.what.size)).collect();
        assert_eq!(parts, [(0, "multipart/mixed", 0), (1, "text/plain", 7), (1, "image/png", 3)]);
        assert_eq!(shown.parts.get(1).map(|part| part.charset.as_str()), Some("iso-8859-1"));
        assert_eq!(shown.all_headers.len(), 4);
    }

    #[test]
    fn html_without_plain_text_is_read_without_its_tags() {
        let shown =
            preview(b"Content-Type: text/html\r\n\r\n<div>one</div><div>two &amp; three</div>").unwrap_or_default();
        assert_eq!(shown.text, ["one", "two & three"]);
        assert!(shown.is_html);
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
