//! What a list shows of a message, and how its bytes are found again. No body is ever held here.

use mail_parser::{Address, HeaderValue, Message, MessageParser};
use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::date::{self, DateSource, InternalDate, WrittenDate};
use super::details::Details;
use super::flags::Flags;
use super::header::{self, Field};

/// Where a message lies inside its folder; only its store understands it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Locator {
    /// A file's name that stays the same while the message lives (Maildir: without the info suffix); empty in one-file stores.
    pub name: Box<str>,
    /// Where it starts in its file, in bytes.
    pub offset: u64,
    /// How many bytes it takes in its file.
    pub length: u64,
}

impl Locator {
    /// The message's id in events and reports: the file's name, or `@offset`.
    pub fn id(&self) -> String {
        if self.name.is_empty() { format!("@{}", self.offset) } else { self.name.to_string() }
    }
}

/// A doubt about a message that is carried all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Warning {
    /// No usable date anywhere; the server will set the time of upload.
    NoDate,
    /// It does not start with a header.
    NoHeader,
    /// Its end was cut off by the end of the file.
    Truncated,
    /// An mbox separator that only looks like one.
    DoubtfulSplit,
    /// A part of it, mostly an attachment, was not kept where its store says.
    Incomplete,
    /// It was deleted, and what is left of it has gaps.
    Recovered,
}

impl Warning {
    /// The words in JSON and on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoDate => "no usable date",
            Self::NoHeader => "no header",
            Self::Truncated => "its end is missing",
            Self::DoubtfulSplit => "the line that starts it may be text",
            Self::Incomplete => "an attachment is not in the store",
            Self::Recovered => "it was deleted; 4 of every 512 bytes are lost and marked by dashes",
        }
    }
}

/// One message as a store lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// How the store finds it again.
    pub locator: Locator,
    /// Its size in bytes; exact only where the store reads everything anyway, so a hint.
    pub size: u64,
    /// System flags.
    pub flags: Flags,
    /// Keywords as the store has them.
    pub keywords: Vec<String>,
    /// When it arrived.
    pub internal_date: Option<InternalDate>,
    /// Which rule found that.
    pub date_from: DateSource,
    /// Whom it is from: the name, or else the address. Foreign text.
    pub from: String,
    /// What it is about, decoded. Foreign text.
    pub subject: String,
    /// The Message-ID with its brackets, if any. Foreign text.
    pub message_id: Option<String>,
    /// What a search asks for.
    pub details: Box<Details>,
    /// Doubts about it.
    pub warnings: Vec<Warning>,
}

/// What a header says of a message. All text is foreign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The name, or else the address, of the first author.
    pub from: String,
    /// The decoded subject.
    pub subject: String,
    /// The Message-ID as written.
    pub message_id: Option<String>,
    /// What a search asks for.
    pub details: Details,
    /// The Date header.
    pub date: Option<WrittenDate>,
    /// The topmost Received header's date.
    pub received: Option<WrittenDate>,
}

/// Which dates of a header are asked for; to read one takes as long as the rest of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    /// None: the store knows when the message arrived.
    None,
    /// That of the topmost Received field.
    Received,
    /// That, and the Date field's.
    All,
}

/// The longest text kept for a list.
const MAX_TEXT: usize = 300;

impl Summary {
    /// Reads the header at the start of `bytes`; at most 256 KiB are looked at.
    pub fn of(bytes: &[u8]) -> Self {
        Self::with(bytes, Dates::All)
    }

    /// The same with some dates only.
    pub fn with(bytes: &[u8], dates: Dates) -> Self {
        let head = bytes.get(..header::MAX_HEADER).unwrap_or(bytes);
        let mut summary = Self::default();
        // RFC 2045 section 5.2: without a Content-Type it is plain text.
        let (mut is_mail, mut has_type) = (false, false);
        let (mut from, mut subject) = (Shown::default(), Shown::default());
        for field in header::fields(head) {
            if field.is("Received") && summary.received.is_none() && dates != Dates::None {
                summary.received = memchr::memrchr(b';', field.value)
                    .and_then(|at| date::parse(&Field { value: field.value.get(at + 1..)?, ..field }.text()));
            } else if field.is("Date") && summary.date.is_none() && dates == Dates::All {
                summary.date = date::parse(&field.text());
            } else if field.is("Message-ID") && summary.message_id.is_none() {
                summary.message_id = Some(short(&field.text())).filter(|id| !id.is_empty());
            } else if field.is("From") {
                from.add(field);
            } else if field.is("Subject") {
                subject.add(field);
            } else {
                summary.details.take(&field);
                has_type |= field.is("Content-Type");
            }
            is_mail = true;
        }
        if is_mail && !has_type {
            summary.details.attached = Some(false);
        }
        (summary.from, summary.details.address) =
            from.plain(|value| plain_author(value).map(named)).unwrap_or_else(|| {
                let bytes = from.whole();
                let parsed = MessageParser::new().parse_headers(&bytes);
                parsed.as_ref().and_then(Message::from).map(author).unwrap_or_default()
            });
        summary.subject = subject.plain(|value| plain_text(value).map(short)).unwrap_or_else(|| {
            let bytes = subject.whole();
            let parsed = MessageParser::new().parse_headers(&bytes);
            let value = parsed.as_ref().and_then(|parsed| parsed.header("Subject"));
            value.and_then(HeaderValue::as_text).map(short).unwrap_or_default()
        });
        summary
    }

    /// The Date header's instant, if believable.
    pub fn sane_date(&self) -> Option<InternalDate> {
        self.date.map(WrittenDate::instant).filter(|date| date.is_sane())
    }

    /// The topmost Received header's instant, if believable.
    pub fn sane_received(&self) -> Option<InternalDate> {
        self.received.map(WrittenDate::instant).filter(|date| date.is_sane())
    }
}

/// The fields of one name; mostly there is one.
#[derive(Default)]
struct Shown<'a>(Vec<Field<'a>>);

impl<'a> Shown<'a> {
    fn add(&mut self, field: Field<'a>) {
        self.0.push(field);
    }

    /// What `read` makes of the value, if there is one field and it can.
    fn plain<T: Default>(&self, read: impl Fn(&'a [u8]) -> Option<T>) -> Option<T> {
        match self.0.as_slice() {
            [] => Some(T::default()),
            [field] => read(field.value),
            _ => None,
        }
    }

    /// A header of these fields alone.
    fn whole(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in self.0.iter().flat_map(|field| [field.name, b":", field.value, b"\r\n"]) {
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }
}

/// A value as the parser would read it, where that is plain to see: one line of ASCII without encoded words. Most are, and
/// a list has many.
fn plain_text(value: &[u8]) -> Option<&str> {
    let is_plain = value.iter().all(|byte| matches!(byte, b' '..=b'~')) && memmem::find(value, b"=?").is_none();
    std::str::from_utf8(value).ok().filter(|_| is_plain).map(str::trim_ascii)
}

/// The name and the address in a value of the forms `Name <address>`, `"Name" <address>` and `address`.
fn plain_author(value: &[u8]) -> Option<(&str, &str)> {
    let text = plain_text(value)?;
    let (name, address) = match text.split_once('<') {
        Some((name, rest)) => (name.trim_ascii_end(), rest.strip_suffix('>')?),
        None => ("", text),
    };
    let in_address = |byte: u8| byte.is_ascii_alphanumeric() || b".@-_+".contains(&byte);
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b" .-_'".contains(&byte);
    let (name, is_plain) = match name.strip_prefix('"') {
        Some(rest) => {
            let name = rest.strip_suffix('"')?;
            (name.trim_ascii(), !name.contains(['"', '\\']) && !name.trim_ascii().is_empty())
        }
        None => (name, name.bytes().all(in_name)),
    };
    let is_plain = is_plain && address.contains('@') && address.bytes().all(in_address);
    is_plain.then_some((name, address))
}

/// The name with the address beside it; where there is no name, the address alone.
fn named((name, address): (&str, &str)) -> (String, String) {
    if name.trim().is_empty() { (short(address), String::new()) } else { (short(name), short(address)) }
}

/// The value of a field of free text with its encoded words decoded (RFC 2047), in one line.
pub fn decoded(value: &[u8]) -> String {
    // The parser decodes words in unstructured fields only, so every field is read as a subject.
    let subject = [b"Subject:", value, b"\r\n\r\n"].concat();
    let parsed = MessageParser::new().parse_headers(&subject);
    parsed.and_then(|parsed| parsed.subject().map(str::to_owned)).unwrap_or_default()
}

/// The first address' name and itself, as [`named`] has them.
fn author(address: &Address<'_>) -> (String, String) {
    let first = address.first();
    let text = |part: Option<&'_ std::borrow::Cow<'_, str>>| part.map(ToString::to_string).unwrap_or_default();
    let name = text(first.and_then(|first| first.name.as_ref()));
    let address = text(first.and_then(|first| first.address.as_ref()));
    named((&name, &address))
}

fn short(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_summed_up_with_its_words_decoded() {
        let summary = Summary::of(
            b"Received: from a by b; Mon, 7 Feb 1994 21:52:25 -0800\nReceived: from x; 1 Jan 1990 00:00:00 +0000\n\
              From: =?UTF-8?Q?J=C3=BCrgen?= <j@x>\nSubject: =?ISO-8859-1?Q?Gr=FC=DFe?=\nDate: 8 Feb 1994 06:00:00 GMT\nMessage-ID: <1@x>\n\nbody",
        );
        assert_eq!((summary.from.as_str(), summary.subject.as_str()), ("Jürgen", "Grüße"));
        assert_eq!(summary.message_id.as_deref(), Some("<1@x>"));
        assert_eq!(summary.sane_received().map(InternalDate::unix), Some(760_686_745));
        assert_eq!(summary.sane_date().map(InternalDate::unix), Some(760_687_200));
    }

    /// What the parser makes of the same.
    fn parsed(name: &str, value: &str) -> String {
        let bytes = format!("{name}:{value}\r\n\r\n");
        let parsed = MessageParser::new().parse_headers(bytes.as_bytes()).unwrap();
        let text = parsed.header(name).and_then(HeaderValue::as_text).map(short);
        if name == "From" { parsed.from().map(author).unwrap_or_default().0 } else { text.unwrap_or_default() }
    }

    #[test]
    fn what_is_plain_to_see_is_what_the_parser_reads() {
        let pieces = [
            "Anna",
            "Weber",
            " ",
            "  ",
            "\"",
            "<",
            ">",
            "a@b.example",
            "@",
            "J.",
            "O'Neil",
            "-",
            "(x)",
            ",",
            ";",
            ":",
            "\\",
            "=?utf-8?Q?x?=",
            "=",
            "?",
            "x_y+z",
            "é",
            "\t",
            "[",
            "]",
        ];
        let (mut state, mut seen) = (1_u64, 0);
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        let mut values: Vec<String> =
            [" Anna <a@b>", " \"Weber, Anna\" <a@b>", " a@b", "<a@b>", "", " \" \" <a@b>", "\"a\"<a@b>"]
                .map(str::to_owned)
                .to_vec();
        for _ in 0..20_000 {
            values.push((0..=next(6)).map(|_| pieces[next(pieces.len())]).collect());
        }
        for value in &values {
            let author = plain_author(value.as_bytes()).map(|plain| named(plain).0);
            let subject = plain_text(value.as_bytes()).map(short);
            for (name, plain) in [("From", author), ("Subject", subject)] {
                if let Some(plain) = plain {
                    assert_eq!(plain, parsed(name, value), "{name}:{value:?}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 5000, "{seen}");
    }

    #[test]
    fn garbage_gives_an_empty_summary() {
        assert_eq!(Summary::of(&[0xff; 4000]), Summary::default());
        assert_eq!(Summary::of(b""), Summary::default());
    }
}
