//! FETCH answers: what is read of a message on the server. Tolerant of unknown items and of odd dates.

use crate::mail::details::Details;
use crate::mail::envelope::Summary;
use crate::mail::fingerprint::Names;
use crate::mail::{Fingerprint, Flags, InternalDate, date};

use super::answer::Value;

/// One message in a folder on the server. All text is foreign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteMessage {
    /// Its sequence number, from 1.
    pub sequence: u32,
    /// Its UID.
    pub uid: u32,
    /// Its size in bytes, as the server says; Exchange estimates it.
    pub size: u64,
    /// System flags.
    pub flags: Flags,
    /// Keywords.
    pub keywords: Vec<String>,
    /// INTERNALDATE.
    pub internal_date: Option<InternalDate>,
    /// The author's name or address.
    pub from: String,
    /// The decoded subject.
    pub subject: String,
    /// The Message-ID, if its row was asked for.
    pub message_id: Option<String>,
    /// What a search asks for.
    pub details: Details,
}

/// A message that a folder held before a job: enough to know it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldMessage {
    /// Its UID.
    pub uid: u32,
    /// Its size in bytes, as the server says.
    pub size: u64,
    /// What its header says of it.
    pub fingerprint: Fingerprint,
    /// Its Message-ID in short, if it has one.
    pub id: Option<u64>,
}

/// The items of a row in a list.
pub const ROW: &str = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS \
    (FROM SUBJECT DATE TO MESSAGE-ID IN-REPLY-TO REFERENCES CONTENT-TYPE)])";
/// The items of a [`HeldMessage`]; the fields are those of a fingerprint.
pub const HELD: &str = "(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)])";
/// The items that prove an append without its content.
pub const STATE: &str = "(UID FLAGS INTERNALDATE RFC822.SIZE)";
/// The most bytes of a header section; longer ones end the connection. One subject may be as long as a message, and must not
/// keep others out of its folder.
pub const HEADER_LITERAL: usize = 64 << 20;

/// One FETCH answer, item by item.
pub struct Fetched<'a> {
    /// The sequence number.
    pub sequence: u32,
    items: &'a [Value<'a>],
}

impl<'a> Fetched<'a> {
    /// Reads `n FETCH (…)`; `None` for any other answer.
    pub fn read(values: &'a [Value<'a>]) -> Option<Self> {
        let [number, word, items, ..] = values else { return None };
        let sequence = number.number().and_then(|number| u32::try_from(number).ok())?;
        word.is("FETCH").then(|| Self { sequence, items: items.list() })
    }

    fn item(&self, name: &str) -> Option<&'a Value<'a>> {
        let at = self.items.iter().position(|item| item.is(name))?;
        self.items.get(at + 1)
    }

    /// The UID, if the answer has one; unsolicited ones have not.
    pub fn uid(&self) -> Option<u32> {
        u32::try_from(self.item("UID")?.number()?).ok().filter(|uid| *uid > 0)
    }

    /// RFC822.SIZE.
    pub fn size(&self) -> Option<u64> {
        self.item("RFC822.SIZE")?.number()
    }

    /// The content of the one BODY or RFC822 item that was asked for.
    pub fn content(&self) -> Option<&'a [u8]> {
        let at = self.items.iter().position(|item| {
            matches!(item, Value::Atom(name) if name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"BODY[")))
        })?;
        match self.items.get(at + 1)? {
            Value::Quoted(bytes) => Some(bytes),
            Value::Literal(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// All there is, header texts included if they were asked for.
    pub fn message(&self) -> Option<RemoteMessage> {
        let names = || self.item("FLAGS").map(Value::list).unwrap_or_default().iter().map(Value::text);
        let summary = self.content().map(Summary::of).unwrap_or_default();
        // Exchange writes zones of three digits and upper-case months: read leniently.
        let written = self.item("INTERNALDATE").and_then(|date| date::parse(&date.text()));
        Some(RemoteMessage {
            sequence: self.sequence,
            uid: self.uid()?,
            size: self.size().unwrap_or(0),
            flags: names().filter_map(|name| Flags::from_name(&name)).fold(Flags::NONE, |all, flag| all | flag),
            keywords: names().filter(|name| !name.starts_with('\\')).map(std::borrow::Cow::into_owned).collect(),
            internal_date: written.map(date::WrittenDate::instant),
            from: summary.from,
            subject: summary.subject,
            message_id: summary.message_id,
            details: summary.details,
        })
    }

    /// The state of a message, if the answer has all of it; unsolicited ones have only flags.
    pub fn state(&self) -> Option<RemoteMessage> {
        self.message().filter(|message| message.internal_date.is_some() && self.size().is_some())
    }

    /// What is needed to know the message again.
    pub fn held(&self) -> Option<HeldMessage> {
        let head = self.content()?;
        let Names { fingerprint, id } = Names::of(head);
        Some(HeldMessage { uid: self.uid()?, size: self.size()?, fingerprint, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::answer::Answer;

    #[test]
    fn a_row_is_read_whatever_else_the_server_adds() {
        let answer = Answer::new(
            b"* 12 FETCH (X-NEW (1 (2)) UID 7 FLAGS (\\Seen \\Recent $Forwarded) INTERNALDATE \"25-JUN-1998 10:57:38 -500\" \
              RFC822.SIZE 5000000000 BODY[HEADER.FIELDS (FROM SUBJECT DATE)] {27}\r\nFrom: a@b\r\nSubject: hi\r\n\r\n)\r\n"
                .to_vec(),
        );
        let message = Fetched::read(&answer.values()).and_then(|fetched| fetched.message()).unwrap();
        assert_eq!((message.sequence, message.uid, message.size, message.flags), (12, 7, 5_000_000_000, Flags::SEEN));
        assert_eq!(message.keywords, ["$Forwarded"]);
        assert_eq!(message.internal_date.unwrap().to_imap(), "25-Jun-1998 10:57:38 -0500");
        assert_eq!((message.from.as_str(), message.subject.as_str()), ("a@b", "hi"));
    }

    #[test]
    fn other_answers_are_no_fetch() {
        for line in
            ["* 12 EXISTS\r\n", "* FLAGS (\\Seen)\r\n", "* x FETCH (UID 1)\r\n", "* 99999999999 FETCH (UID 1)\r\n"]
        {
            assert!(Fetched::read(&Answer::new(line.as_bytes().to_vec()).values()).is_none(), "{line}");
        }
    }
}
