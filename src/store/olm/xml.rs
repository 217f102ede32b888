//! The XML of an OLM message as a MAPI object. Source: facts/formats.md 1.12.
//!
//! Read leniently, since Outlook writes raw control characters and bytes that are no UTF-8.

use std::collections::HashMap;
use std::io;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::mail::date;
use crate::mail::header;
use crate::store::bytes::invalid;
use crate::store::mapi::tags::{self, Tag};
use crate::store::mapi::{MAX_ENTRIES, Object, Properties, Value};

/// A message whose attachments are not read yet.
#[derive(Default)]
pub(super) struct Message {
    pub(super) object: Object,
    pub(super) files: Vec<AttachedFile>,
    /// How long its texts are.
    pub(super) text_size: u64,
}

/// An attachment.
pub(super) struct AttachedFile {
    /// The member of the archive with its bytes; empty if the export has none.
    pub(super) member: String,
    pub(super) properties: Properties,
}

/// The element of one message.
const MESSAGE: &str = "email";
/// Elements with a text, and the property that it becomes.
const TEXTS: [(&str, Tag); 5] = [
    ("OPFMessageCopySubject", tags::SUBJECT),
    ("OPFMessageCopyThreadTopic", tags::CONVERSATION_TOPIC),
    ("OPFMessageCopyReferences", tags::REFERENCES),
    ("OPFMessageCopyInReplyTo", tags::IN_REPLY_TO),
    (MESSAGE_ID, tags::MESSAGE_ID),
];
const TIMES: [(&str, Tag); 2] =
    [("OPFMessageCopySentTime", tags::CLIENT_SUBMIT_TIME), ("OPFMessageCopyReceivedTime", tags::DELIVERY_TIME)];
/// The Message-ID, mostly without its brackets.
const MESSAGE_ID: &str = "OPFMessageCopyMessageID";
const BODY: &str = "OPFMessageCopyBody";
const HTML: &str = "OPFMessageCopyHTMLBody";
const HAS_HTML: &str = "OPFMessageGetHasHTML";
const SOURCE: &str = "OPFMessageCopySource";
const IS_READ: &str = "OPFMessageGetIsRead";
const IS_OUTGOING: &str = "OPFMessageIsOutgoing";
const WAS_SENT: &str = "OPFMessageGetWasSent";
const FLAG: &str = "OPFMessageCopyGetFlagStatus";
const PRIORITY: &str = "OPFMessageGetPriority";
/// Elements with addresses: the kind of recipient, or none for authors.
const ADDRESSES: [(&str, Option<i64>); 5] = [
    ("OPFMessageCopyToAddresses", Some(1)),
    ("OPFMessageCopyCCAddresses", Some(2)),
    ("OPFMessageCopyBCCAddresses", Some(3)),
    (FROM, None),
    ("OPFMessageCopySenderAddress", None),
];
const FROM: &str = "OPFMessageCopyFromAddresses";
const ADDRESS: &str = "emailAddress";
const ADDRESS_TEXT: &str = "OPFContactEmailAddressAddress";
const ADDRESS_NAME: &str = "OPFContactEmailAddressName";
const FILE: &str = "messageAttachment";
const FILE_URL: &str = "OPFAttachmentURL";
/// Attributes of an attachment, and the property that each becomes.
const FILE_TEXTS: [(&str, Tag); 3] = [
    ("OPFAttachmentName", tags::ATTACH_LONG_FILENAME),
    ("OPFAttachmentContentType", tags::ATTACH_MIME_TAG),
    ("OPFAttachmentContentID", tags::ATTACH_CONTENT_ID),
];
const CATEGORY: &str = "category";
const CATEGORY_NAME: &str = "OPFCategoryCopyName";
/// No element of a message lies deeper.
const MAX_DEPTH: usize = 64;

/// The messages in a file; an error if it is cut off or no XML.
pub(super) fn messages(bytes: &[u8]) -> io::Result<Vec<Message>> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    reader.config_mut().check_end_names = false;
    let mut walk = Walk::default();
    loop {
        let event = reader.read_event().map_err(|error| invalid(format!("its XML is broken: {error}")))?;
        match event {
            Event::Start(start) => walk.start(&start)?,
            Event::Empty(start) => {
                walk.start(&start)?;
                walk.end();
            }
            Event::End(_) => walk.end(),
            Event::Text(text) => walk.text.push_str(&text),
            Event::CData(text) => walk.text.push_str(&text),
            Event::GeneralRef(name) => walk.text.push_str(&reference(&name)),
            Event::Eof => break,
            _ => {}
        }
    }
    if walk.path.is_empty() { Ok(walk.all) } else { Err(invalid("it is cut off")) }
}

#[derive(Default)]
struct Walk {
    path: Vec<String>,
    text: String,
    all: Vec<Message>,
    now: Option<Message>,
    /// The texts of the elements of the message.
    texts: HashMap<String, String>,
}

impl Walk {
    fn start(&mut self, start: &BytesStart<'_>) -> io::Result<()> {
        if self.path.len() >= MAX_DEPTH {
            return Err(invalid("its XML is nested too deep"));
        }
        let name = start.name().as_ref().to_owned();
        let attributes = attributes(start);
        let within = self.path.last().cloned().unwrap_or_default();
        if let Some(message) = &mut self.now {
            match name.as_str() {
                ADDRESS => add_address(message, &within, &attributes),
                FILE => message.files.push(file(&attributes)),
                CATEGORY => message.object.categories.extend(attributes.get(CATEGORY_NAME).cloned()),
                _ => {}
            }
            if message.files.len() + message.object.recipients.len() > MAX_ENTRIES {
                return Err(invalid("it has more attachments or recipients than a message can have"));
            }
        } else if name == MESSAGE {
            self.now = Some(Message::default());
            self.texts.clear();
        }
        self.path.push(name);
        self.text.clear();
        Ok(())
    }

    fn end(&mut self) {
        let name = self.path.pop().unwrap_or_default();
        if name == MESSAGE
            && let Some(mut message) = self.now.take()
        {
            finish(&mut message, &self.texts);
            self.all.push(message);
        } else if self.now.is_some() && self.path.last().is_some_and(|above| above == MESSAGE) {
            self.texts.insert(name, std::mem::take(&mut self.text));
        }
        self.text.clear();
    }
}

fn add_address(message: &mut Message, within: &str, attributes: &HashMap<String, String>) {
    let Some((_, kind)) = ADDRESSES.iter().find(|(name, _)| *name == within) else { return };
    let text = |name| Value::Text(attributes.get(name).cloned().unwrap_or_default());
    let (name, address) = (text(ADDRESS_NAME), text(ADDRESS_TEXT));
    if let Some(kind) = kind {
        let mut one = Properties::default();
        one.insert(tags::RECIPIENT_TYPE, Value::Number(*kind));
        one.insert(tags::DISPLAY_NAME, name);
        one.insert(tags::EMAIL_ADDRESS, address);
        message.object.recipients.push(one);
        return;
    }
    let (name_tag, address_tag) = if within == FROM {
        (tags::REPRESENTING_NAME, tags::REPRESENTING_ADDRESS)
    } else {
        (tags::SENDER_NAME, tags::SENDER_ADDRESS)
    };
    if message.object.properties.get(address_tag).is_none() {
        message.object.properties.insert(name_tag, name);
        message.object.properties.insert(address_tag, address);
    }
}

fn file(attributes: &HashMap<String, String>) -> AttachedFile {
    let mut properties = Properties::default();
    for (name, tag) in FILE_TEXTS {
        if let Some(text) = attributes.get(name) {
            properties.insert(tag, Value::Text(text.clone()));
        }
    }
    AttachedFile { member: attributes.get(FILE_URL).cloned().unwrap_or_default(), properties }
}

/// Turns the texts of a message into its properties.
fn finish(message: &mut Message, texts: &HashMap<String, String>) {
    let text = |name: &str| texts.get(name).map(String::as_str).unwrap_or_default();
    // Truth values are written 0E0 and 1E0.
    let number = |name: &str| text(name).parse::<f64>().unwrap_or_default();
    let is = |name: &str| number(name) > 0.5;
    message.text_size = texts.values().map(|text| u64::try_from(text.len()).unwrap_or_default()).sum();
    let properties = &mut message.object.properties;
    for (name, tag) in TEXTS {
        properties.insert(tag, Value::Text(text(name).to_owned()));
    }
    let id = text(MESSAGE_ID).trim();
    if !id.is_empty() && !id.starts_with('<') {
        properties.insert(tags::MESSAGE_ID, Value::Text(format!("<{id}>")));
    }
    for (name, tag) in TIMES {
        if let Some(ticks) = ticks(text(name)) {
            properties.insert(tag, Value::Time(ticks));
        }
    }
    // With HTML, the plain body is the same HTML again.
    let (body, html) = (text(BODY), text(HTML));
    let only_html = is(HAS_HTML) && html.is_empty();
    properties.insert(tags::HTML, Value::Text(if only_html { body } else { html }.to_owned()));
    if body != html && !only_html {
        properties.insert(tags::BODY, Value::Text(body.to_owned()));
    }
    if header::fields(text(SOURCE).as_bytes()).next().is_some() {
        properties.insert(tags::TRANSPORT_HEADERS, Value::Text(text(SOURCE).to_owned()));
    }
    let unsent = is(IS_OUTGOING) && !is(WAS_SENT);
    let state = i64::from(is(IS_READ)) | i64::from(unsent) << 3;
    properties.insert(tags::MESSAGE_FLAGS, Value::Number(state));
    // 1 is flagged, 2 dealt with; in MAPI it is the other way about.
    properties.insert(tags::FLAG_STATUS, Value::Number(if text(FLAG) == "1" { 2 } else { 0 }));
    // From 1 for the most urgent to 5.
    let importance = match text(PRIORITY) {
        "1" | "2" => 2,
        "4" | "5" => 0,
        _ => 1,
    };
    properties.insert(tags::IMPORTANCE, Value::Number(importance));
}

/// `2018-06-21T03:40:46` in UTC as units of 100 ns since 1601.
fn ticks(text: &str) -> Option<u64> {
    let parsed = chrono::NaiveDateTime::parse_from_str(text.trim().trim_end_matches('Z'), "%Y-%m-%dT%H:%M:%S").ok();
    let unix = match parsed {
        Some(parsed) => parsed.and_utc().timestamp(),
        None => date::parse(text)?.instant().unix(),
    };
    u64::try_from(unix.checked_add(11_644_473_600)?).ok()?.checked_mul(10_000_000)
}

/// The attributes of an element, decoded.
fn attributes(start: &BytesStart<'_>) -> HashMap<String, String> {
    let mut all = start.attributes();
    let all = all.with_checks(false).filter_map(Result::ok);
    all.map(|one| (one.key.as_ref().to_owned(), unescaped(&one.value))).collect()
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, tail)) = rest.split_once('&') {
        out.push_str(plain);
        if let Some((name, after)) = tail.split_once(';').filter(|(name, _)| name.len() <= 10) {
            out.push_str(&reference(name));
            rest = after;
        } else {
            out.push('&');
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}

/// The text that a reference without `&` and `;` stands for; one that is not known stays as it is.
fn reference(name: &str) -> String {
    let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    match name {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        _ => match number {
            Some(number) => char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER).to_string(),
            None => format!("&{name};"),
        },
    }
}
