//! Modified UTF-7, the code of mailbox names on the wire and of Maildir++ folders (RFC 3501 section 5.1.3).

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

const BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// Encodes UTF-8 as modified UTF-7. Printable ASCII stays, `&` becomes `&-`.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut shifted: Vec<u8> = Vec::new();
    for ch in text.chars() {
        if (' '..='~').contains(&ch) {
            unshift(&mut out, &mut shifted);
            out.push(ch);
            if ch == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0_u16; 2];
            for unit in ch.encode_utf16(&mut units) {
                shifted.extend(unit.to_be_bytes());
            }
        }
    }
    unshift(&mut out, &mut shifted);
    out
}

/// Ends a run of encoded characters.
fn unshift(out: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        out.push('&');
        BASE64.encode_string(&mut *shifted, out);
        out.push('-');
        shifted.clear();
    }
}

/// Decodes modified UTF-7, or gives `None` for anything that [`encode`] would not have written.
///
/// Strict, since a name that does not come back the same would address another mailbox.
pub fn decode(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, tail)) = rest.split_once('&') {
        out.push_str(plain);
        let (code, after) = tail.split_once('-')?;
        if code.is_empty() {
            out.push('&');
        } else {
            let bytes = BASE64.decode(code).ok()?;
            let (pairs, odd) = bytes.as_chunks::<2>();
            if !odd.is_empty() {
                return None;
            }
            let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
            for ch in char::decode_utf16(units) {
                out.push(ch.ok()?);
            }
        }
        rest = after;
    }
    out.push_str(rest);
    (encode(&out) == text).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_the_same() {
        for (plain, wire) in [
            ("INBOX", "INBOX"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("Q&A", "Q&-A"),
            ("日本語", "&ZeVnLIqe-"),
            ("a😀b", "a&2D3eAA-b"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ] {
            assert_eq!(encode(plain), wire);
            assert_eq!(decode(wire).as_deref(), Some(plain));
        }
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        for bad in ["&", "&AAA", "&!!!-", "&AGEAYg-", "&2D0-", "&AOQ-&APY-", "häh", "&AAAA-x&"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
