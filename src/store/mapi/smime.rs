//! Signed and encrypted messages: their one attachment is the content as it came, and must not change by a bit.
//!
//! Source: [MS-OXOSMIME] 2.1.

use super::{Content, Object, tags};
use crate::mail::canonical::{self, BareCr};
use crate::mail::header;
use crate::store::mime::{Body, Part};

const CLASS: &str = "IPM.Note.SMIME";
const PACKED: &str = "pkcs7-mime";
const SEQUENCE: u8 = 0x30;

/// The content with its own header fields, if the message is signed or encrypted and whole.
pub(super) fn content(object: &Object) -> Option<Vec<u8>> {
    let class = object.properties.text(tags::MESSAGE_CLASS)?;
    let start = class.get(..CLASS.len()).filter(|start| start.eq_ignore_ascii_case(CLASS));
    let [only] = object.attachments.as_slice() else { return None };
    let Content::File(bytes) = &only.content else { return None };
    start?;
    // ASN.1 of a PKCS #7 message starts with a sequence; a header that it may wrap is not its own.
    if bytes.first() == Some(&SEQUENCE) {
        return Some(packed(object, bytes));
    }
    let first = header::fields(bytes).next();
    first.filter(is_content).map(|_| canonical::to_crlf(bytes, BareCr::Keep))
}

fn is_content(field: &header::Field<'_>) -> bool {
    field.is("Content-Type") || field.is("MIME-Version") || field.is("Content-Transfer-Encoding")
}

/// Signed in one block, or encrypted: with the media type that it came with, which says which of the two.
fn packed(object: &Object, bytes: &[u8]) -> Vec<u8> {
    let came = object.properties.text(tags::TRANSPORT_HEADERS).unwrap_or_default();
    let told = header::find(came.as_bytes(), "Content-Type").map(|field| field.text());
    let told = told.filter(|text| text.is_ascii() && text.to_ascii_lowercase().contains(PACKED) && text.len() < 900);
    let media_type = told.unwrap_or_else(|| format!("application/{PACKED}; name=\"smime.p7m\""));
    let media_type = media_type.replace("; ", ";\r\n ");
    Part::attached(media_type, Body::Bytes(bytes.to_vec()), false, "smime.p7m").write()
}
