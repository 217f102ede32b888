//! Attachments of a MAPI message as MIME parts.

use super::{Attachment, Content, Properties, compose, tags};
use crate::store::mime::{self, Body, Part, header};

const UNKNOWN: &str = "application/octet-stream";
const MESSAGE: &str = "message/rfc822";

impl Attachment {
    /// Its Content-ID without brackets.
    pub(super) fn content_id(&self) -> Option<String> {
        let text = self.properties.text(tags::ATTACH_CONTENT_ID)?;
        let id = text.trim().trim_start_matches('<').trim_end_matches('>');
        let fits = id.bytes().all(|byte| byte.is_ascii_graphic()) && id.len() < 200;
        Some(id.to_owned()).filter(|id| fits && !id.is_empty())
    }

    /// The part that it becomes.
    pub(super) fn part(&self, in_line: bool) -> Part {
        let name = name(&self.properties);
        let mut part = match &self.content {
            Content::Message(inner) => Part::attached(MESSAGE, Body::Message(compose(inner)), false, &name),
            Content::Elsewhere => {
                let all = [tags::ATTACH_LONG_PATHNAME, tags::ATTACH_PATHNAME];
                let path = all.into_iter().find_map(|tag| self.properties.text(tag)).unwrap_or_default();
                // Only the path was ever in the store; it is all there is to keep.
                Part::attached("text/plain", Body::Text(path), false, &format!("{name}.link.txt"))
            }
            Content::File(bytes) => {
                let (media_type, body) = file(&self.properties, bytes);
                Part::attached(media_type, body, in_line, &name)
            }
        };
        if let Some(id) = self.content_id() {
            part.fields.push_str(&format!("Content-ID: <{id}>\r\n"));
        }
        let location = self.properties.text(tags::ATTACH_CONTENT_LOCATION).unwrap_or_default();
        part.fields.push_str(&header::structured("Content-Location", &location));
        part
    }
}

fn file(properties: &Properties, bytes: &[u8]) -> (String, Body) {
    let media_type = properties.text(tags::ATTACH_MIME_TAG).unwrap_or_default().trim().to_ascii_lowercase();
    let composite = media_type.starts_with("message/") || media_type.starts_with("multipart/");
    if media_type == MESSAGE && mime::is_plain_message(bytes) {
        return (media_type, Body::Message(bytes.to_vec()));
    }
    // Messages and multiparts may not be encoded; their bytes matter more than their type.
    let kept = is_media_type(&media_type) && !composite;
    (if kept { media_type } else { UNKNOWN.to_owned() }, Body::Bytes(bytes.to_vec()))
}

fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        (1..=80).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// The file's name, without the directories that some programs put before it.
fn name(properties: &Properties) -> String {
    let all = [tags::ATTACH_LONG_FILENAME, tags::ATTACH_FILENAME, tags::DISPLAY_NAME];
    let found = all.into_iter().find_map(|tag| properties.text(tag)).unwrap_or_default();
    found.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}
