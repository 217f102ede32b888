//! The header of a MAPI message: the one it came with where the store kept it, else one made of its properties.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Datelike as _};

use super::address::{self, Person};
use super::{Object, tags};
use crate::mail::header;
use crate::store::mime::MAX_LINE;
use crate::store::mime::header as write;

/// Fields of one of these make a kept header trustworthy.
const TELLING: [&str; 4] = ["From", "Received", "Date", "Subject"];
/// Fields that describe a structure which is not kept, but for `Content-*`.
const STRUCTURE: &str = "MIME-Version";
const CONTENT: &[u8] = b"Content-";
/// Fields that hold addresses; only names in them may be encoded.
const ADDRESSES: [&str; 7] = ["From", "To", "Cc", "Bcc", "Reply-To", "Sender", "Resent-To"];

/// The header without its structure fields and without the blank line, every line ended by CRLF.
pub(super) fn compose(object: &Object) -> Vec<u8> {
    let kept = object.properties.text(tags::TRANSPORT_HEADERS).map(|text| text.replace('\0', "")).unwrap_or_default();
    let is_field = |name: &str| header::find(kept.as_bytes(), name).is_some();
    if !TELLING.iter().any(|name| is_field(name)) {
        return made(object).into_iter().map(|(_, field)| field).collect::<String>().into_bytes();
    }
    let mut out: String = header::fields(kept.as_bytes())
        .filter(|field| !is_structure(field.name))
        .map(|field| rewritten(&field))
        .collect();
    // What the message came without is added only where mail can not do without.
    let needed = ["From", "Date", "Subject"];
    out.extend(
        made(object).into_iter().filter(|(name, _)| needed.contains(name) && !is_field(name)).map(|(_, field)| field),
    );
    out.into_bytes()
}

fn is_structure(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(STRUCTURE.as_bytes())
        || name.get(..CONTENT.len()).is_some_and(|start| start.eq_ignore_ascii_case(CONTENT))
}

/// A kept field as it was, or encoded if it is not fit for a header: the store holds text, not bytes.
fn rewritten(field: &header::Field<'_>) -> String {
    let name = String::from_utf8_lossy(field.name);
    let lines: Vec<_> =
        header::lines(field.value).map(<[u8]>::trim_ascii_end).filter(|line| !line.is_empty()).collect();
    let fits = |line: &&[u8]| {
        line.len() + name.len() + 2 <= MAX_LINE && line.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
    };
    if lines.iter().all(fits) {
        let text = lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join("\r\n");
        return format!("{name}:{text}\r\n");
    }
    let text = field.text();
    if ADDRESSES.iter().any(|known| field.is(known)) {
        with_encoded_names(&name, &text)
    } else {
        write::unstructured(&name, &text)
    }
}

/// A field of addresses whose names are not ASCII.
fn with_encoded_names(name: &str, text: &str) -> String {
    let mut all = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, ch) in text.char_indices().chain([(text.len(), ',')]) {
        quoted ^= ch == '"';
        if ch == ',' && (!quoted || at == text.len()) {
            all.push(text.get(start..at).unwrap_or_default().trim());
            start = at + 1;
        }
    }
    let split = |one: &&str| {
        one.rsplit_once('<').map_or((String::new(), (*one).to_owned()), |(name, rest)| {
            (name.trim().trim_matches('"').replace("\\\"", "\""), rest.trim_end_matches('>').to_owned())
        })
    };
    let people: Vec<_> = all.iter().filter(|one| !one.is_empty()).map(split).collect();
    write::addresses(name, people.iter().map(|(name, address)| (name.as_str(), address.as_str())))
}

/// The fields that properties give, with their names.
fn made(object: &Object) -> Vec<(&'static str, String)> {
    let properties = &object.properties;
    let text = |tag| properties.text(tag).unwrap_or_default();
    let people =
        |name, all: &[Person]| write::addresses(name, all.iter().map(|one| (one.name.as_str(), one.address.as_str())));
    let (author, sender) = address::authors(object);
    let mut fields = vec![
        ("Date", date(object).map(|date| format!("Date: {date}\r\n")).unwrap_or_default()),
        ("From", people("From", author.as_slice())),
        ("Sender", people("Sender", sender.as_slice())),
    ];
    for (kind, name, names) in address::KINDS {
        fields.push((name, people(name, &address::recipients(object, kind, names))));
    }
    fields.extend([
        ("Subject", write::unstructured("Subject", &subject(object))),
        ("Message-ID", write::structured("Message-ID", &text(tags::MESSAGE_ID))),
        ("In-Reply-To", write::structured("In-Reply-To", &text(tags::IN_REPLY_TO))),
        ("References", write::structured("References", &text(tags::REFERENCES))),
        ("Thread-Topic", write::unstructured("Thread-Topic", &text(tags::CONVERSATION_TOPIC))),
        ("Thread-Index", properties.bytes(tags::CONVERSATION_INDEX).map(thread_index).unwrap_or_default()),
    ]);
    for (tag, name, words) in NUMBERS {
        let word = properties.number(tag).and_then(|number| words.iter().find(|(known, _)| *known == number));
        fields.push((name, word.map(|(_, word)| format!("{name}: {word}\r\n")).unwrap_or_default()));
    }
    fields
}

type Words = &'static [(i64, &'static str)];

/// Numbers that have a field of their own, with the words for those worth one (RFC 2156 5.3).
const NUMBERS: [(tags::Tag, &str, Words); 2] = [
    (tags::IMPORTANCE, "Importance", &[(0, "low"), (2, "high")]),
    (tags::SENSITIVITY, "Sensitivity", &[(1, "Personal"), (2, "Private"), (3, "Company-Confidential")]),
];

/// When the message was sent, or else came, in the form of mail, which has four digits for the year.
fn date(object: &Object) -> Option<String> {
    let all = [tags::CLIENT_SUBMIT_TIME, tags::DELIVERY_TIME, tags::CREATION_TIME];
    let mut found = all.into_iter().filter_map(|tag| DateTime::from_timestamp(object.properties.time(tag)?, 0));
    found.find(|date| date.year() <= 9999).map(|date| date.to_rfc2822())
}

/// The subject. A PST marks where its prefix ends by two characters at the start ([MS-PST] 2.5.3.1.1.1).
fn subject(object: &Object) -> String {
    let text = object.properties.text(tags::SUBJECT).unwrap_or_default();
    let mut rest = text.chars();
    if rest.next() == Some('\u{1}') {
        rest.next();
        return rest.as_str().to_owned();
    }
    text
}

fn thread_index(bytes: &[u8]) -> String {
    write::structured("Thread-Index", &STANDARD.encode(bytes.get(..bytes.len().min(600)).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::super::{Properties, Value};
    use super::*;

    fn object(values: &[(tags::Tag, &str)]) -> Object {
        let mut object = Object::default();
        for (tag, text) in values {
            object.properties.insert(*tag, Value::Text((*text).to_owned()));
        }
        object
    }

    fn composed(object: &Object) -> String {
        String::from_utf8(compose(object)).unwrap()
    }

    #[test]
    fn a_header_is_made_of_properties() {
        let mut object = object(&[
            (tags::SUBJECT, "\u{1}\u{5}Re: Größe"),
            (tags::SENDER_NAME, "Ann"),
            (tags::SENDER_ADDRESS, "a@b"),
            (tags::MESSAGE_ID, "<1@b>"),
        ]);
        object.properties.insert(tags::CLIENT_SUBMIT_TIME, Value::Time(127_000_000_000_000_000));
        object.properties.insert(tags::IMPORTANCE, Value::Number(2));
        for (kind, name) in [(1, "x@y"), (0x1000_0002, "z@y"), (3, "q@y")] {
            let mut one = Properties::default();
            one.insert(tags::RECIPIENT_TYPE, Value::Number(kind));
            one.insert(tags::EMAIL_ADDRESS, Value::Text(name.into()));
            object.recipients.push(one);
        }
        assert_eq!(
            composed(&object),
            "Date: Fri, 13 Jun 2003 17:46:40 +0000\r\nFrom: Ann <a@b>\r\nTo: x@y\r\nCc: z@y\r\nBcc: q@y\r\n\
             Subject: =?utf-8?B?UmU6IEdyw7bDn2U=?=\r\nMessage-ID: <1@b>\r\nImportance: high\r\n"
        );
        assert_eq!(composed(&Object::default()), "");
    }

    #[test]
    fn a_year_that_mail_has_no_room_for_gives_way_to_another_date() {
        let mut object = Object::default();
        object.properties.insert(tags::CLIENT_SUBMIT_TIME, Value::Time(u64::MAX));
        assert_eq!(composed(&object), "");
        object.properties.insert(tags::DELIVERY_TIME, Value::Time(127_000_000_000_000_000));
        assert_eq!(composed(&object), "Date: Fri, 13 Jun 2003 17:46:40 +0000\r\n");
    }

    #[test]
    fn the_header_it_came_with_is_kept_without_its_structure() {
        let kept = "Microsoft Mail Internet Headers Version 2.0\r\nReceived: from a\r\n\tby b; x\r\nMIME-Version: 1.0\r\n\
            Content-Type: multipart/mixed;\r\n boundary=x\r\nX-Odd: \u{fc}\r\nFrom: \"J\u{fc}rgen, Dr.\" <j@x>, k@x\r\ncontent-transfer-encoding: 7bit\r\n\r\nrest: no";
        let object = object(&[(tags::TRANSPORT_HEADERS, kept), (tags::SUBJECT, "s"), (tags::DISPLAY_TO, "no")]);
        assert_eq!(
            composed(&object),
            "Received: from a\r\n\tby b; x\r\nX-Odd: =?utf-8?B?w7w=?=\r\nFrom: =?utf-8?B?SsO8cmdlbiwgRHIu?= <j@x>, k@x\r\nSubject: s\r\n"
        );
    }

    #[test]
    fn a_header_that_says_nothing_is_not_kept() {
        let object = object(&[(tags::TRANSPORT_HEADERS, "garbage\r\nX: y\r\n"), (tags::SUBJECT, "s")]);
        assert_eq!(composed(&object), "Subject: s\r\n");
    }
}
