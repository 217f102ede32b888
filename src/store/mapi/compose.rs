//! A MAPI message as MIME: header, bodies, attachments.

use super::body::Bodies;
use super::{Attachment, Object, headers, smime};
use crate::store::mime::{Body, Part};

/// The message as it would be appended. The same object gives the same bytes.
pub(in crate::store) fn compose(object: &Object) -> Vec<u8> {
    let mut out = headers::compose(object);
    let content = smime::content(object).unwrap_or_else(|| structure(object).write());
    if !content.get(..13).is_some_and(|start| start.eq_ignore_ascii_case(b"MIME-Version:")) {
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    }
    out.extend_from_slice(&content);
    out
}

/// `mixed` of (`alternative` of (text, `related` of (HTML, what it shows))) and attachments; each level only if needed.
fn structure(object: &Object) -> Part {
    let bodies = Bodies::of(&object.properties);
    let html = bodies.html_text().into_owned();
    let is_shown = |one: &&Attachment| one.content_id().is_some_and(|id| html.contains(&format!("cid:{id}")));
    let (shown, attached): (Vec<_>, Vec<_>) = object.attachments.iter().partition(is_shown);

    let html = bodies.html.map(|html| {
        let parts = std::iter::once(Part::new("text/html", html)).chain(shown.iter().map(|one| one.part(true)));
        Part::group("multipart/related", parts.collect())
    });
    let text = bodies.text.map(|text| Part::new("text/plain", text));
    let body = Part::group("multipart/alternative", text.into_iter().chain(html.flatten()).collect());

    let empty = || Part::new("text/plain", Body::Text(String::new()));
    let mut parts: Vec<_> = body.into_iter().chain(bodies.rich).collect();
    parts.extend(attached.iter().map(|one| one.part(false)));
    Part::group("multipart/mixed", parts).unwrap_or_else(empty)
}

#[cfg(test)]
mod tests {
    use super::super::{Content, Properties, Value, tags};
    use super::*;

    fn file(name: &str, id: &str, media_type: &str, bytes: &[u8]) -> Attachment {
        let mut properties = Properties::default();
        properties.insert(tags::ATTACH_LONG_FILENAME, Value::Text(name.into()));
        properties.insert(tags::ATTACH_CONTENT_ID, Value::Text(id.into()));
        properties.insert(tags::ATTACH_MIME_TAG, Value::Text(media_type.into()));
        Attachment { properties, content: Content::File(bytes.to_vec()) }
    }

    fn object(values: &[(tags::Tag, &str)]) -> Object {
        let mut object = Object::default();
        for (tag, text) in values {
            object.properties.insert(*tag, Value::Text((*text).to_owned()));
        }
        object
    }

    /// The media types of a message, one level in from the other.
    fn outline(bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        let types = text.lines().filter_map(|line| line.strip_prefix("Content-Type: "));
        types.map(|line| line.split(';').next().unwrap_or_default()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_level_is_there_only_if_it_is_needed() {
        let text = (tags::BODY, "t");
        let html = (tags::HTML, "<img src=\"cid:1@x\">");
        let image = || file("a.png", "<1@x>", "image/png", b"p");
        for (values, attachments, expected) in [
            (&[][..], vec![], "text/plain"),
            (&[text], vec![], "text/plain"),
            (&[text, html], vec![], "multipart/alternative text/plain text/html"),
            (&[html], vec![image()], "multipart/related text/html image/png"),
            (&[text], vec![image()], "multipart/mixed text/plain image/png"),
            (
                &[text, html],
                vec![image(), file("b", "", "", b"b")],
                "multipart/mixed multipart/alternative text/plain multipart/related text/html image/png application/octet-stream",
            ),
        ] {
            let mut object = object(values);
            object.attachments = attachments;
            let composed = compose(&object);
            assert_eq!(outline(&composed), expected);
            assert_eq!(composed, compose(&object));
            assert!(composed.is_ascii() && composed.starts_with(b"MIME-Version: 1.0\r\n"));
        }
    }

    #[test]
    fn an_attached_message_is_composed_too() {
        let mut outer = object(&[(tags::SUBJECT, "outer")]);
        let inner = object(&[(tags::SUBJECT, "inner"), (tags::BODY, "x")]);
        outer.attachments = vec![
            Attachment { properties: Properties::default(), content: Content::Message(Box::new(inner)) },
            file("m.eml", "", "message/rfc822", b"A: b\n\nx"),
            file("n.eml", "", "message/rfc822", b"A: b\r\n\r\n\xe4\r\n"),
        ];
        let text = String::from_utf8_lossy(&compose(&outer)).into_owned();
        assert!(text.contains("Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\nSubject: inner\r\nMIME-Version: 1.0\r\n"));
        assert!(text.contains("application/octet-stream\r\nContent-Transfer-Encoding: base64"), "{text}");
        assert!(text.contains("message/rfc822\r\nContent-Transfer-Encoding: 8bit"), "{text}");
    }

    #[test]
    fn signed_content_is_not_touched() {
        let signed = b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n \r\n--b--\r\n";
        let mut object = object(&[(tags::MESSAGE_CLASS, "IPM.Note.SMIME.MultipartSigned"), (tags::BODY, "no")]);
        object.attachments = vec![file("smime.p7m", "", "multipart/signed", signed)];
        assert_eq!(compose(&object), [&b"MIME-Version: 1.0\r\n"[..], signed].concat());

        let kept = "From: a@b\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n";
        object.properties.insert(tags::TRANSPORT_HEADERS, Value::Text(kept.into()));
        object.attachments = vec![file("smime.p7m", "", "", b"\x30\x80")];
        let text = String::from_utf8(compose(&object)).unwrap();
        assert!(
            text.starts_with(
                "From: a@b\r\nMIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime;\r\n smime-type=enveloped-data;"
            ),
            "{text}"
        );
        assert!(text.ends_with("\r\n\r\nMIA=\r\n"), "{text}");

        object.attachments.push(file("other", "", "", b"x"));
        assert!(String::from_utf8(compose(&object)).unwrap().contains("multipart/mixed"));
    }

    #[test]
    fn a_link_keeps_its_path() {
        let mut one = file("x", "", "", b"");
        one.properties.insert(tags::ATTACH_LONG_PATHNAME, Value::Text(r"\\server\x".into()));
        one.content = Content::Elsewhere;
        let object = Object { attachments: vec![one], ..Object::default() };
        assert!(
            String::from_utf8(compose(&object)).unwrap().ends_with("filename=\"x.link.txt\"\r\n\r\n\\\\server\\x\r\n")
        );
    }
}
