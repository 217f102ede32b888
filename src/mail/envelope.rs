//! What a list shows of a message, and how its bytes are found again. No body is ever held here.

use mail_parser::{Address, HeaderValue, MessageParser};

use super::date::{self, DateSource, InternalDate, WrittenDate};
use super::flags::Flags;
use super::header;

/// Where a message lies inside its folder; only its store understands it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The Date header.
    pub date: Option<WrittenDate>,
    /// The topmost Received header's date.
    pub received: Option<WrittenDate>,
}

/// The longest text kept for a list.
const MAX_TEXT: usize = 300;

impl Summary {
    /// Reads the header at the start of `bytes`; at most 256 KiB are looked at.
    pub fn of(bytes: &[u8]) -> Self {
        let head = bytes.get(..header::MAX_HEADER).unwrap_or(bytes);
        let head = head.get(..header::length(head)).unwrap_or(head);
        let mut summary = Self::default();
        let mut shown = Vec::new();
        for field in header::fields(head) {
            if field.is("Received") && summary.received.is_none() {
                summary.received = field.text().rsplit_once(';').and_then(|(_, when)| date::parse(when));
            } else if field.is("Date") && summary.date.is_none() {
                summary.date = date::parse(&field.text());
            } else if field.is("Message-ID") && summary.message_id.is_none() {
                summary.message_id = Some(short(&field.text())).filter(|id| !id.is_empty());
            } else if field.is("From") || field.is("Subject") {
                shown.extend_from_slice(field.name);
                shown.push(b':');
                shown.extend_from_slice(field.value);
                shown.extend_from_slice(b"\r\n");
            }
        }
        shown.extend_from_slice(b"\r\n");
        if let Some(parsed) = MessageParser::new().parse_headers(&shown) {
            summary.from = parsed.from().map(author).unwrap_or_default();
            summary.subject = parsed.header("Subject").and_then(HeaderValue::as_text).map(short).unwrap_or_default();
        }
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

/// The value of a field of free text with its encoded words decoded (RFC 2047), in one line.
pub fn decoded(value: &[u8]) -> String {
    // The parser decodes words in unstructured fields only, so every field is read as a subject.
    let subject = [b"Subject:", value, b"\r\n\r\n"].concat();
    let parsed = MessageParser::new().parse_headers(&subject);
    parsed.and_then(|parsed| parsed.subject().map(str::to_owned)).unwrap_or_default()
}

/// The first address' name, or else its address.
fn author(address: &Address<'_>) -> String {
    let first = address.first();
    let text =
        first.and_then(|addr| addr.name.as_deref().filter(|name| !name.trim().is_empty()).or(addr.address.as_deref()));
    text.map(short).unwrap_or_default()
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

    #[test]
    fn garbage_gives_an_empty_summary() {
        assert_eq!(Summary::of(&[0xff; 4000]), Summary::default());
        assert_eq!(Summary::of(b""), Summary::default());
    }
}
