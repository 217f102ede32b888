//! The bodies of a MAPI message: HTML, plain text, and rich text as far as it says what the others do not.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

use super::rtf::{self, Rich};
use super::{Properties, Value, tags};
use crate::store::mime::{Body, Part};

/// How far HTML is looked through for the character set that it names itself.
const META: usize = 2048;

/// The bodies of one message.
#[derive(Default)]
pub(super) struct Bodies {
    /// Plain text.
    pub(super) text: Option<Body>,
    /// HTML.
    pub(super) html: Option<Body>,
    /// Rich text whose form is nowhere else.
    pub(super) rich: Option<Part>,
}

impl Bodies {
    /// The bodies in these properties.
    pub(super) fn of(properties: &Properties) -> Self {
        let text = properties.text(tags::BODY).or_else(|| properties.text(tags::REPORT_TEXT));
        let html = html(properties);
        let mut bodies = Self { text: text.map(Body::Text), html, rich: None };
        if bodies.html.is_none()
            && let Some(packed) = properties.bytes(tags::RTF_COMPRESSED)
        {
            bodies.add_rich(packed);
        }
        bodies
    }

    /// Rich text is HTML or plain text in disguise, most often. Where it is neither it is attached beside its text, so that
    /// its form is not lost; where it can not be read it is attached as it is if there is nothing else.
    fn add_rich(&mut self, packed: &[u8]) {
        let unpacked = rtf::unpack(packed);
        let read = unpacked.as_deref().and_then(rtf::read);
        let attached = |bytes, name| Some(Part::attached("application/rtf", Body::Bytes(bytes), false, name));
        match read {
            Some(Rich::Html(html)) => self.html = Some(Body::Text(html)),
            Some(Rich::Text(text)) => {
                self.text.get_or_insert(Body::Text(text));
            }
            Some(Rich::Own(text)) => {
                self.text.get_or_insert(Body::Text(text));
                self.rich = attached(unpacked.unwrap_or_default(), "rtf-body.rtf");
            }
            None if self.text.is_none() && !packed.is_empty() => {
                let part = Part::attached("application/octet-stream", Body::Bytes(packed.to_vec()), false, "body.lzfu");
                self.rich = Some(part);
            }
            None => {}
        }
    }

    /// The HTML as text, to look for what it refers to.
    pub(super) fn html_text(&self) -> Cow<'_, str> {
        match &self.html {
            Some(Body::Text(text)) => Cow::Borrowed(text),
            Some(Body::Raw(bytes, _)) => String::from_utf8_lossy(bytes),
            _ => Cow::Borrowed(""),
        }
    }
}

fn html(properties: &Properties) -> Option<Body> {
    let bytes = match properties.get(tags::HTML)? {
        Value::Text(text) if !text.is_empty() => return Some(Body::Text(text.clone())),
        Value::Bytes(bytes) | Value::Ansi(bytes) => bytes,
        _ => return None,
    };
    let end = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(..end).filter(|bytes| !bytes.is_empty())?;
    let told = properties.number(tags::INTERNET_CODE_PAGE).is_some_and(|page| page > 0);
    let encoding = if told { None } else { named_inside(bytes) }.unwrap_or_else(|| properties.body_encoding());
    let (text, used, broken) = encoding.decode(bytes);
    Some(match std::str::from_utf8(bytes) {
        _ if !broken => Body::Text(text.into_owned()),
        Ok(utf8) => Body::Text(utf8.to_owned()),
        Err(_) => Body::Raw(bytes.to_vec(), used.name()),
    })
}

/// The character set that HTML names in itself.
fn named_inside(html: &[u8]) -> Option<&'static Encoding> {
    let start = html.get(..META).unwrap_or(html).to_ascii_lowercase();
    let at = memchr::memmem::find(&start, b"charset=")?;
    let name = start.get(at + 8..)?;
    let name = name.strip_prefix(b"\"").unwrap_or(name);
    let name = name.split(|byte| matches!(byte, b'"' | b'\'' | b'>' | b' ' | b';' | b'/')).next()?;
    // UTF-16 can not be what names itself in ASCII.
    Encoding::for_label_no_replacement(name).map(|found| if found.is_ascii_compatible() { found } else { UTF_8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(values: &[(tags::Tag, Value)]) -> (String, String, bool) {
        let mut properties = Properties::default();
        for (tag, value) in values {
            properties.insert(*tag, value.clone());
        }
        let all = Bodies::of(&properties);
        let text = if let Some(Body::Text(text)) = &all.text { text.clone() } else { String::new() };
        (text, all.html_text().into_owned(), all.rich.is_some())
    }

    fn plain_rtf(text: &str) -> Value {
        let head = [0, u32::try_from(text.len()).unwrap(), 0x414C_454D, 0].map(u32::to_le_bytes).concat();
        Value::Bytes([&head, text.as_bytes()].concat())
    }

    #[test]
    fn html_is_decoded_by_code_page_or_by_its_own_word() {
        let html = |bytes: &[u8]| (tags::HTML, Value::Bytes(bytes.to_vec()));
        assert_eq!(bodies(&[html(b"<p>\xcf\0"), (tags::INTERNET_CODE_PAGE, Value::Number(1251))]).1, "<p>П");
        assert_eq!(bodies(&[html(b"<meta charset=\"koi8-r\"><p>\xf0")]).1, "<meta charset=\"koi8-r\"><p>П");
        assert_eq!(bodies(&[html("<p>П".as_bytes()), (tags::INTERNET_CODE_PAGE, Value::Number(932))]).1, "<p>П");
        let mut broken = Properties::default();
        broken.insert(tags::HTML, Value::Bytes(b"\xff<".to_vec()));
        broken.insert(tags::INTERNET_CODE_PAGE, Value::Number(65001));
        assert!(matches!(Bodies::of(&broken).html, Some(Body::Raw(bytes, "UTF-8")) if bytes == b"\xff<"));
    }

    #[test]
    fn rich_text_is_kept_only_where_its_form_is_nowhere_else() {
        let rtf = |text| (tags::RTF_COMPRESSED, plain_rtf(text));
        let text = (tags::BODY, Value::Text("t".into()));
        let all = |text: &str, html: &str, rich| (text.to_owned(), html.to_owned(), rich);
        assert_eq!(bodies(&[rtf(r"{\rtf1\b x}")]), all("x", "", true));
        assert_eq!(bodies(&[rtf(r"{\rtf1\b x}"), text.clone()]), all("t", "", true));
        assert_eq!(bodies(&[rtf(r"{\rtf1\fromtext x}"), text.clone()]), all("t", "", false));
        assert_eq!(bodies(&[rtf(r"{\rtf1\fromhtml1 {\*\htmltag <p>}x}"), text.clone()]), all("t", "<p>x", false));
        assert_eq!(bodies(&[rtf(r"{\rtf1\b x}"), (tags::HTML, Value::Text("h".into()))]), all("", "h", false));
        assert_eq!(bodies(&[(tags::RTF_COMPRESSED, Value::Bytes(vec![1; 9]))]), all("", "", true));
        assert_eq!(bodies(&[(tags::RTF_COMPRESSED, Value::Bytes(vec![1; 9])), text]), all("t", "", false));
    }
}
