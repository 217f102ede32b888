//! Transfer encodings (RFC 2045 section 6): how text and bytes are written in lines of printable ASCII.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::MAX_LINE;

/// Bytes in one line of base64: 76 digits.
const BASE64_LINE: usize = 57;
/// Characters in one line of quoted-printable, with the `=` at its end.
const QUOTED_LINE: usize = 76;

/// `text` with every line ended by CRLF, the last one too. A lone CR is no line end.
pub(super) fn with_crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32 + 2);
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix('\n').unwrap_or(line);
        out.push_str(line.strip_suffix('\r').unwrap_or(line));
        out.push_str("\r\n");
    }
    out
}

/// Text whose lines end in CRLF, in the encoding that changes it least.
pub(super) fn text(text: &[u8]) -> (&'static str, Vec<u8>) {
    let is_plain = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    let fits = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.len() <= MAX_LINE && line.iter().all(is_plain)
    };
    if text.split(|byte| *byte == b'\n').all(fits) {
        return ("7bit", text.to_vec());
    }
    let odd = text.iter().filter(|byte| !byte.is_ascii()).count();
    if odd > text.len() / 3 { ("base64", base64(text)) } else { ("quoted-printable", quoted_printable(text)) }
}

/// Base64 in lines.
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = String::with_capacity(bytes.len() / 3 * 4 + bytes.len() / BASE64_LINE * 2 + 8);
    for line in bytes.chunks(BASE64_LINE) {
        STANDARD.encode_string(line, &mut out);
        out.push_str("\r\n");
    }
    out.into_bytes()
}

fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let (line, end) = match line.strip_suffix(b"\r\n") {
            Some(line) => (line, &b"\r\n"[..]),
            None => (line, &[][..]),
        };
        let mut column = 0;
        for (at, byte) in line.iter().enumerate() {
            let last = at + 1 == line.len();
            let plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (matches!(byte, b' ' | b'\t') && !last);
            let width = if plain { 1 } else { 3 };
            if column + width > QUOTED_LINE - usize::from(!last) {
                out.extend_from_slice(b"=\r\n");
                column = 0;
            }
            if plain {
                out.push(*byte);
            } else {
                out.extend_from_slice(format!("={byte:02X}").as_bytes());
            }
            column += width;
        }
        out.extend_from_slice(end);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_only_where_it_must_be() {
        for (plain, encoding, written) in [
            ("a b\r\n", "7bit", "a b\r\n"),
            ("", "7bit", ""),
            ("ab\rc=\r\n", "quoted-printable", "ab=0Dc=3D\r\n"),
            ("Grüße an alle \r\n\t\r\n", "quoted-printable", "Gr=C3=BC=C3=9Fe an alle=20\r\n=09\r\n"),
            ("日本\r\n", "base64", "5pel5pysDQo=\r\n"),
        ] {
            let (chosen, content) = text(plain.as_bytes());
            assert_eq!((chosen, String::from_utf8(content).unwrap().as_str()), (encoding, written));
        }
    }

    #[test]
    fn no_encoded_line_is_too_long() {
        let long = format!("{}ü \r\n{}\r\n", "x".repeat(3000), "ü".repeat(500));
        for content in [quoted_printable(long.as_bytes()), base64(long.as_bytes())] {
            let content = String::from_utf8(content).unwrap();
            assert!(content.ends_with("\r\n") && content.split("\r\n").all(|line| line.len() <= 76));
        }
        assert_eq!(text(long.replace('ü', "u").as_bytes()).0, "quoted-printable");
    }

    #[test]
    fn line_ends_become_crlf() {
        assert_eq!(with_crlf("a\nb\r\nc\rd"), "a\r\nb\r\nc\rd\r\n");
        assert_eq!(with_crlf(""), "");
    }
}
