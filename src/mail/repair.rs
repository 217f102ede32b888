//! Makes fit for a server what it would refuse or ruin. Each repair has a name, is off unless asked for, and is told of each
//! message that it changed. Line ends are always made CRLF and need no name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use encoding_rs::WINDOWS_1252;
use serde::{Deserialize, Serialize};

use super::header;

/// A change that makes a message fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Repair {
    /// A line that starts with `From ` or `>From ` before the header goes: it is an mbox's, not the message's.
    FromLine,
    /// NUL bytes go: IMAP can not carry them.
    Nul,
    /// Bytes over 127 in header fields become encoded words (RFC 2047); they are taken for UTF-8, else for Windows-1252.
    EightBitHeaders,
    /// The text of a message that is one text is written as base64 if a line of it is over 998 bytes long.
    LongLines,
    /// A message without a single byte becomes one that says so: no server takes an empty one.
    Empty,
}

impl Repair {
    /// Every one, in the order they are made.
    pub const ALL: [Self; 5] = [Self::FromLine, Self::Nul, Self::EightBitHeaders, Self::LongLines, Self::Empty];

    /// The name in options and JSON.
    pub const fn label(self) -> &'static str {
        match self {
            Self::FromLine => "from-line",
            Self::Nul => "nul",
            Self::EightBitHeaders => "8bit-headers",
            Self::LongLines => "long-lines",
            Self::Empty => "empty",
        }
    }

    /// The message repaired; `None` where there is nothing to repair.
    fn make(self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::FromLine => without_from_line(message),
            Self::Nul => without_nul(message),
            Self::EightBitHeaders => encoded_headers(message),
            Self::LongLines => encoded_text(message),
            Self::Empty => message.is_empty().then(|| STANDS_FOR_NOTHING.to_vec()),
        }
    }
}

/// What an empty message becomes.
const STANDS_FOR_NOTHING: &[u8] = b"Subject: (this message was empty)\r\n\r\n";
/// The longest line that SMTP and some servers take, without its end (RFC 5322 section 2.1.1).
const LONGEST: usize = 998;
/// The most bytes of text in one encoded word, which may have 76 characters in a line with the name of its field.
const WORD: usize = 39;
/// Fields whose text is not for people, so that encoded words have no place in them.
const NOT_TEXT: [&str; 7] =
    ["Message-ID", "In-Reply-To", "References", "Date", "Received", "MIME-Version", "Content-Transfer-Encoding"];
/// Fields of addresses, in which quoted names lose their quotes when they are encoded.
const ADDRESSES: [&str; 11] = [
    "From",
    "To",
    "Cc",
    "Bcc",
    "Reply-To",
    "Sender",
    "Resent-From",
    "Resent-To",
    "Resent-Cc",
    "Resent-Sender",
    "Return-Path",
];

/// Makes the `wanted` repairs that a message with CRLF line ends needs. Gives it with those that changed it.
pub fn repair(message: Vec<u8>, wanted: &[Repair]) -> (Vec<u8>, Vec<Repair>) {
    let mut made = Vec::new();
    let mut message = message;
    for repair in Repair::ALL.into_iter().filter(|repair| wanted.contains(repair)) {
        if let Some(repaired) = repair.make(&message) {
            message = repaired;
            made.push(repair);
        }
    }
    (message, made)
}

/// The repairs out of `asked` that would change the message.
pub fn needed(message: &[u8], asked: &[Repair]) -> Vec<Repair> {
    Repair::ALL.into_iter().filter(|repair| asked.contains(repair) && repair.make(message).is_some()).collect()
}

/// Whether a message that comes in pieces has over-long lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// Bytes since the last line end.
    open: usize,
    /// Whether a line was over-long.
    pub are_long: bool,
}

impl Lines {
    /// Takes the next piece.
    pub fn add(&mut self, piece: &[u8]) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', piece) {
            self.are_long |= self.open + (end - start) > LONGEST + 1;
            (self.open, start) = (0, end + 1);
        }
        self.open += piece.len() - start;
        self.are_long |= self.open > LONGEST + 1;
    }
}

fn without_from_line(message: &[u8]) -> Option<Vec<u8>> {
    let rest = message.strip_prefix(b">").unwrap_or(message);
    rest.starts_with(b"From ").then(|| {
        let end = memchr::memchr(b'\n', message).map_or(message.len(), |at| at + 1);
        message.get(end..).unwrap_or_default().to_vec()
    })
}

fn without_nul(message: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(0, message)?;
    Some(message.iter().copied().filter(|byte| *byte != 0).collect())
}

fn encoded_headers(message: &[u8]) -> Option<Vec<u8>> {
    let (head, body) = message.split_at(header::length(message));
    if head.is_ascii() {
        return None;
    }
    let mut out = Vec::with_capacity(message.len() + 256);
    let mut field: Vec<u8> = Vec::new();
    for line in header::lines(head) {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            out.extend_from_slice(&encoded_field(&std::mem::take(&mut field)));
        }
        field.extend_from_slice(line);
    }
    out.extend_from_slice(&encoded_field(&field));
    out.extend_from_slice(body);
    (out != message).then_some(out)
}

/// A field with its line end; as it is where nothing can be encoded.
fn encoded_field(field: &[u8]) -> Vec<u8> {
    let Some(colon) = header::name_length(field).filter(|_| !field.is_ascii()) else { return field.to_vec() };
    let (name, value) = field.split_at(colon + 1);
    let is_one_of = |names: &[&str]| {
        names
            .iter()
            .any(|known| name.strip_suffix(b":").is_some_and(|name| name.eq_ignore_ascii_case(known.as_bytes())))
    };
    if is_one_of(&NOT_TEXT) {
        return field.to_vec();
    }
    let text = match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(value).0.into_owned(),
    };
    let words = words(&text, is_one_of(&ADDRESSES));
    let mut out = name.to_vec();
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        let mut run = word.text.clone();
        if word.is_encodable() {
            // What lies between two encoded words is lost, so neighbours become one.
            while let Some(next) = rest.next_if(|next| next.is_encodable()) {
                run = format!("{run} {}", next.text);
            }
            run = encoded_words(&run);
        }
        out.push(b' ');
        out.extend_from_slice(run.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// A piece of a field's text between blanks.
struct Word {
    text: String,
    /// Whether it is text for people, and not an address or the like.
    is_text: bool,
}

impl Word {
    fn is_encodable(&self) -> bool {
        self.is_text && !self.text.is_ascii()
    }
}

/// The words of a field; in a field of addresses a quoted name is one, without its quotes if it must be encoded.
fn words(text: &str, are_addresses: bool) -> Vec<Word> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for ch in text.chars() {
        is_quoted ^= are_addresses && ch == '"';
        if ch.is_ascii_whitespace() && !is_quoted {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else {
            word.push(ch);
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    let finish = |word: String| {
        let is_text = !are_addresses || !word.contains(['<', '>', '@', ',', ';', ':', '(', ')']);
        let name = word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match name.filter(|_| are_addresses && !word.is_ascii()) {
            Some(name) => Word { text: name.replace(['"', '\\'], ""), is_text: true },
            None => Word { text: word, is_text },
        }
    };
    words.into_iter().map(finish).collect()
}

/// `=?utf-8?B?…?=`, as many as it takes, folded.
fn encoded_words(text: &str) -> String {
    let mut pieces: Vec<String> = vec![String::new()];
    for ch in text.chars() {
        if pieces.last().is_none_or(|piece| piece.len() + ch.len_utf8() > WORD) {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(ch);
        }
    }
    let encode = |piece: &String| format!("=?utf-8?B?{}?=", BASE64.encode(piece));
    pieces.iter().map(encode).collect::<Vec<_>>().join("\r\n ")
}

fn encoded_text(message: &[u8]) -> Option<Vec<u8>> {
    let (head, rest) = message.split_at(header::length(message));
    let body = rest.strip_prefix(b"\r\n")?;
    let is_long = header::lines(body).any(|line| line.trim_ascii_end().len() > LONGEST);
    let value = |name: &str| header::find(head, name).map(|field| field.text().to_lowercase());
    let is_text = value("Content-Type").is_none_or(|kind| kind.starts_with("text/"));
    let is_plain = value("Content-Transfer-Encoding").is_none_or(|how| matches!(&*how, "7bit" | "8bit" | "binary"));
    if !is_long || !is_text || !is_plain {
        return None;
    }
    let mut out = header::without(head, |field| field.is("Content-Transfer-Encoding") || field.is("MIME-Version"));
    if value("Content-Type").is_none() {
        let charset = match std::str::from_utf8(body) {
            Ok(text) if text.is_ascii() => "us-ascii",
            Ok(_) => "utf-8",
            Err(_) => "windows-1252",
        };
        out.extend_from_slice(format!("Content-Type: text/plain; charset={charset}\r\n").as_bytes());
    }
    out.extend_from_slice(b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    for line in BASE64.encode(body).as_bytes().chunks(76) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::envelope::Summary;
    use crate::mail::preview::preview;

    fn repaired(message: &[u8], repair: Repair) -> Option<String> {
        let (message, made) = super::repair(message.to_vec(), &[repair]);
        (made == [repair]).then(|| String::from_utf8(message).unwrap())
    }

    #[test]
    fn a_separator_and_nul_bytes_go() {
        let message = b"From a@b Mon Mar  1 10:00:00 2004\r\nSubject: x\r\n\r\nFrom here\r\n";
        assert_eq!(repaired(message, Repair::FromLine).unwrap(), "Subject: x\r\n\r\nFrom here\r\n");
        assert_eq!(repaired(b"Subject: x\r\n\r\na\0b\r\n", Repair::Nul).unwrap(), "Subject: x\r\n\r\nab\r\n");
        for repair in Repair::ALL {
            assert_eq!(repaired(b"Subject: x\r\nFrom: a@b\r\n\r\nFrom here\r\n", repair), None);
        }
    }

    #[test]
    fn an_empty_message_says_that_it_was() {
        assert_eq!(repaired(b"", Repair::Empty).unwrap(), "Subject: (this message was empty)\r\n\r\n");
        assert_eq!(needed(b"", &Repair::ALL), [Repair::Empty]);
        assert_eq!(needed(b"From x\r\nSubject: a\0b\r\n\r\n", &[Repair::Nul, Repair::Empty]), [Repair::Nul]);
    }

    #[test]
    fn raw_bytes_in_a_header_become_words_that_say_the_same() {
        let message = b"From: \"M\xfcller, J\xf6rg\" <j@x.example>, Hans Gr\xfcn \xd6l <h@x.example>\r\n\
            Subject: Gr\xfc\xdfe aus K\xf6ln\r\n an alle\r\nMessage-ID: <\xe4@x>\r\nX-Plain: a\r\n\r\n\xfc\r\n";
        let (out, made) = repair(message.to_vec(), &Repair::ALL);
        assert_eq!(made, [Repair::EightBitHeaders]);
        let summary = Summary::of(&out);
        assert_eq!(summary.subject, "Gr\u{fc}\u{df}e aus K\u{f6}ln an alle");
        let shown = preview(&out).unwrap();
        let from = shown.headers.iter().find(|(name, _)| name == "From").unwrap().1.clone();
        assert!(from.contains("M\u{fc}ller, J\u{f6}rg") && from.contains("Hans Gr\u{fc}n \u{d6}l"), "{from}");
        assert!(out.ends_with(b"Message-ID: <\xe4@x>\r\nX-Plain: a\r\n\r\n\xfc\r\n"));
        let utf8 = "Subject: Чертежи моста и ещё немного слов, чтобы строка была длинной\r\n\r\n";
        let out = repaired(utf8.as_bytes(), Repair::EightBitHeaders).unwrap();
        assert!(out.is_ascii() && out.lines().all(|line| line.len() <= 76), "{out}");
        assert_eq!(Summary::of(out.as_bytes()).subject, "Чертежи моста и ещё немного слов, чтобы строка была длинной");
    }

    #[test]
    fn over_long_lines_are_seen_across_pieces() {
        let long = |text: &str, at: usize| {
            let mut lines = Lines::default();
            text.as_bytes().chunks(at).for_each(|piece| lines.add(piece));
            lines.are_long
        };
        for at in [1, 7, 500, 5000] {
            assert!(!long(&format!("{}\r\n{}", "x".repeat(998), "y".repeat(998)), at), "{at}");
            assert!(long(&format!("a\r\n{}\r\nb\r\n", "x".repeat(1000)), at), "{at}");
            assert!(long(&"x".repeat(1000), at), "{at}");
        }
    }

    #[test]
    fn a_text_of_long_lines_keeps_every_byte() {
        let text = format!("short\r\n{}\r\n", "x".repeat(1200));
        let message = format!("Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}");
        let out = repaired(message.as_bytes(), Repair::LongLines).unwrap();
        assert!(out.lines().all(|line| line.len() <= 998));
        let body: String = out.split_once("\r\n\r\n").unwrap().1.lines().collect();
        assert_eq!(BASE64.decode(body).unwrap(), text.as_bytes());
        let parts = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{text}--b--\r\n");
        assert_eq!(repaired(parts.as_bytes(), Repair::LongLines), None);
    }
}
