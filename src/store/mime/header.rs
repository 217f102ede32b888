//! Header fields in ASCII: folded, with encoded words (RFC 2047) and extended parameters (RFC 2231).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Where lines are folded, if there is a blank to fold at.
const FOLD: usize = 78;
/// Words longer than this are encoded, since a line can only be broken between words.
const MAX_WORD: usize = 900;
/// Bytes in one encoded word: 52 digits of base64 and 12 characters around them, so that the field's name fits beside it.
const WORD_BYTES: usize = 39;
/// Characters in one piece of an extended parameter.
const PIECE: usize = 60;

/// A field of plain text, whatever it holds: `Subject` and the like. Empty for empty text.
pub(in crate::store) fn unstructured(name: &str, text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() { String::new() } else { folded(name, &encoded(&text)) }
}

/// A field whose words have a meaning, such as `References`. What would break the header is left out.
pub(in crate::store) fn structured(name: &str, text: &str) -> String {
    let fit = |word: &&str| word.is_ascii() && word.len() <= MAX_WORD;
    let text: Vec<_> = one_line(text).split(' ').filter(fit).map(str::to_owned).collect();
    if text.concat().is_empty() { String::new() } else { folded(name, &text.join(" ")) }
}

/// A field of addresses. Empty if there is none.
pub(in crate::store) fn addresses<'a>(name: &str, all: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let all: Vec<_> = all.into_iter().map(|(person, address)| mailbox(person, address)).collect();
    if all.is_empty() { String::new() } else { folded(name, &all.join(", ")) }
}

/// A field with one parameter; an empty one is left out.
pub(in crate::store) fn with_parameter(name: &str, value: &str, parameter: &str, text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() {
        return format!("{name}: {value}\r\n");
    }
    let is_plain = text.len() <= PIECE && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_plain {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let short = name.len() + value.len() + parameter.len() + quoted.len() + 8 <= FOLD;
        return format!("{name}: {value};{}{parameter}=\"{quoted}\"\r\n", if short { " " } else { "\r\n " });
    }
    let pieces = pieces(&text);
    let single = pieces.len() == 1;
    let lines = pieces.iter().enumerate().map(|(number, piece)| {
        let section = if single { String::new() } else { format!("*{number}") };
        let charset = if number == 0 { "utf-8''" } else { "" };
        format!(";\r\n {parameter}{section}*={charset}{piece}")
    });
    format!("{name}: {value}{}\r\n", lines.collect::<String>())
}

/// Text in one line: runs of blanks, control characters and line ends become one blank each, since a header ends at a line.
fn one_line(text: &str) -> String {
    let words = text.split(|ch: char| ch.is_whitespace() && ch != '\u{a0}' || ch.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// `text` as it is if that is safe in a header, else as encoded words.
fn encoded(text: &str) -> String {
    let is_safe = text.is_ascii() && !text.contains("=?") && text.split(' ').all(|word| word.len() <= MAX_WORD);
    if is_safe { text.to_owned() } else { words(text) }
}

/// Encoded words of whole characters, separated by blanks that do not count.
fn words(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD_BYTES));
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str("=?utf-8?B?");
        STANDARD.encode_string(word, &mut out);
        out.push_str("?=");
        rest = after;
    }
    out
}

fn mailbox(person: &str, address: &str) -> String {
    let person = one_line(person);
    let address = address_text(address);
    if person.is_empty() || person == address {
        return address;
    }
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b" !#$%&'*+-/=?^_`{|}~".contains(&byte);
    let safe = encoded(&person);
    let phrase = if safe != person || person.bytes().all(is_atom) {
        safe
    } else {
        format!("\"{}\"", person.replace('\\', "\\\\").replace('"', "\\\""))
    };
    format!("{phrase} <{address}>")
}

/// An address without what would break the field; one that is none says so.
fn address_text(address: &str) -> String {
    let kept = |ch: &char| ch.is_ascii_graphic() && !matches!(ch, '<' | '>' | '(' | ')' | ',' | ';' | ':' | '"' | '\\');
    let text: String = address.chars().filter(kept).take(MAX_WORD).collect();
    if text.contains('@') { text } else { NO_ADDRESS.to_owned() }
}

/// What stands for an address that the store does not have; `.invalid` exists for that (RFC 2606).
pub(in crate::store) const NO_ADDRESS: &str = "unknown@address.invalid";

fn folded(name: &str, value: &str) -> String {
    let mut out = format!("{name}:");
    let mut column = out.len();
    for word in value.split(' ') {
        if column + 1 + word.len() > FOLD && column > name.len() + 1 {
            out.push_str("\r\n");
            column = 0;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.len();
    }
    out.push_str("\r\n");
    out
}

/// A value in percent-encoded pieces of whole characters.
fn pieces(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for ch in text.chars() {
        let mut code = String::new();
        for byte in ch.encode_utf8(&mut [0; 4]).bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                code.push(char::from(byte));
            } else {
                code.push_str(&format!("%{byte:02X}"));
            }
        }
        match all.last_mut() {
            Some(last) if last.len() + code.len() <= PIECE => last.push_str(&code),
            _ => all.push(code),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_and_folded() {
        assert_eq!(unstructured("Subject", "Re: hello"), "Subject: Re: hello\r\n");
        assert_eq!(unstructured("Subject", "a\r\nBcc: x\0"), "Subject: a Bcc: x\r\n");
        assert_eq!(unstructured("Subject", " \t"), "");
        assert_eq!(unstructured("Subject", "Grüße"), "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n");
        assert_eq!(unstructured("Subject", "=?x"), "Subject: =?utf-8?B?PT94?=\r\n");
        for long in ["word ".repeat(500), "ü".repeat(3000), "x".repeat(3000)] {
            let field = unstructured("Subject", &long);
            assert!(field.lines().all(|line| line.len() <= 80), "{field}");
            assert!(field.lines().skip(1).all(|line| line.starts_with(' ')));
        }
    }

    #[test]
    fn addresses_are_quoted_or_encoded() {
        let all = [
            ("Ann B", "a@b"),
            ("B, C", "b@c"),
            ("Jürgen", "j@x"),
            ("", "d@e"),
            ("X", "/O=EX/CN=X"),
            ("q\"", "e@\r\nf>"),
        ];
        assert_eq!(
            addresses("To", all),
            "To: Ann B <a@b>, \"B, C\" <b@c>, =?utf-8?B?SsO8cmdlbg==?= <j@x>, d@e, X\r\n <unknown@address.invalid>, \"q\\\"\" <e@f>\r\n"
        );
        assert_eq!(addresses("To", []), "");
    }

    #[test]
    fn names_of_files_survive() {
        let field = |name: &str| with_parameter("Content-Disposition", "attachment", "filename", name);
        assert_eq!(field("a \"b\".txt"), "Content-Disposition: attachment; filename=\"a \\\"b\\\".txt\"\r\n");
        assert_eq!(field("ä.txt"), "Content-Disposition: attachment;\r\n filename*=utf-8''%C3%A4.txt\r\n");
        assert_eq!(field(""), "Content-Disposition: attachment\r\n");
        let long = field(&"日本".repeat(40));
        assert!(long.contains("\r\n filename*0*=utf-8''%E6") && long.contains("\r\n filename*1*=%"), "{long}");
        assert!(long.lines().all(|line| line.len() <= 90));
    }

    #[test]
    fn structured_fields_keep_only_what_is_ascii() {
        assert_eq!(structured("References", "<a@b>\r\n <c@d> ü"), "References: <a@b> <c@d>\r\n");
        assert_eq!(structured("References", "ü"), "");
    }
}
