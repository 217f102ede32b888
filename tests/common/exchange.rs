//! Exchange 5.5 as facts/servers.md 1.1 tells of it: login by domain, account and alias, no UIDPLUS, estimated sizes, mail
//! taken apart and written anew, `\Flagged` lost, dates written in its own way, bare NO, and no more than 100 commands waiting.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::DateTime;
use mail_parser::{Address, MessageParser, MimeHeaders as _, PartType};

use super::mailbox::{self, Kept, Mailbox, Manners, Vice};
use super::scripted::Scripted;

/// The login of its one user.
pub const LOGIN: &str = "HOLM/anna/anna.weber";

/// What kind of server it is.
pub const EXCHANGE: Manners = Manners {
    greeting: "* OK Microsoft Exchange IMAP4rev1 server version 5.5.2653.23 (exchange.holm.example) ready",
    capabilities: "IMAP4 IMAP4rev1 IDLE LITERAL+ LOGIN-REFERRALS MAILBOX-REFERRALS NAMESPACE AUTH=NTLM",
    login: Some(LOGIN),
    namespace: "((\"\" \"/\")) ((\"Other users/\" \"/\")) ((\"Public Folders/\" \"/\"))",
    folders: &["INBOX", "Sent Items", "Deleted Items", "Calendar", "Public Folders/All of us"],
    flags: "\\Seen \\Answered \\Flagged \\Deleted \\Draft",
    largest: &[],
    most_waiting: 100,
    is_atomic: true,
    // A property of its own in its store, and lost here.
    keeps: |flag| flag != "\\Flagged",
    render,
    date: own_date,
    size: estimate,
};

/// Starts one; its mailbox can be looked into at any time.
pub fn start() -> (Scripted, Arc<Mutex<Mailbox>>) {
    mailbox::start(EXCHANGE)
}

/// Starts a server that keeps mail as it is, breaks the connection after the first message, and stores that one later.
pub fn start_late(after: Duration) -> (Scripted, Arc<Mutex<Mailbox>>) {
    let (server, mailbox) = mailbox::start(Manners { render: <[u8]>::to_vec, ..EXCHANGE });
    mailbox.lock().unwrap().turn(Vice::StoresLate(after), 1);
    (server, mailbox)
}

/// "Fast message retrieval" is on: an estimate.
fn estimate(kept: &Kept) -> usize {
    let length = kept.rendered.len();
    if kept.rendered == kept.sent { length } else { length / 512 * 512 + 1024 }
}

/// In the server's zone, the month in capitals and the zone without its zero (KB Q189326).
fn own_date(date: &str) -> String {
    let date = DateTime::parse_from_str(date.trim(), "%d-%b-%Y %H:%M:%S %z").unwrap();
    let local = date.with_timezone(&chrono::FixedOffset::west_opt(5 * 3600).unwrap());
    format!("{} -500", local.format("%d-%b-%Y %H:%M:%S").to_string().to_uppercase())
}

/// Takes a message apart and writes it anew: other boundaries, encodings, order of fields and line lengths.
fn render(sent: &[u8]) -> Vec<u8> {
    let Some(parsed) = MessageParser::default().parse(sent) else { return sent.to_vec() };
    let mut out = String::new();
    if let Some(id) = parsed.message_id() {
        writeln!(out, "Message-ID: <{id}>").unwrap();
    }
    for (name, all) in [("From", parsed.from()), ("To", parsed.to()), ("Cc", parsed.cc())] {
        if let Some(all) = all {
            writeln!(out, "{name}: {}", addresses(all)).unwrap();
        }
    }
    if let Some(subject) = parsed.subject() {
        writeln!(out, "Subject: {}", encoded(subject)).unwrap();
    }
    if let Some(date) = parsed.date() {
        let date = DateTime::from_timestamp(date.to_timestamp(), 0).unwrap();
        writeln!(out, "Date: {}", date.format("%a, %-d %b %Y %H:%M:%S -0000")).unwrap();
    }
    out += "MIME-Version: 1.0\nX-Mailer: Internet Mail Service (5.5.2653.23)\n";
    let leaves: Vec<String> = parsed.parts.iter().filter_map(|part| leaf(part)).collect();
    if let [only] = leaves.as_slice() {
        out += only;
    } else {
        let boundary = "----_=_NextPart_000_01BF2C59.6A7B1D30";
        writeln!(out, "Content-Type: multipart/mixed;\n\tboundary=\"{boundary}\"\n").unwrap();
        for leaf in leaves {
            write!(out, "--{boundary}\n{leaf}\n").unwrap();
        }
        writeln!(out, "--{boundary}--").unwrap();
    }
    out.replace('\n', "\r\n").into_bytes()
}

fn addresses(all: &Address<'_>) -> String {
    let one = |address: &mail_parser::Addr<'_>| {
        let name = address.name().map(|name| encoded(name) + " ").unwrap_or_default();
        format!("{name}<{}>", address.address().unwrap_or_default())
    };
    all.iter().map(one).collect::<Vec<_>>().join(",\n\t")
}

fn encoded(text: &str) -> String {
    format!("=?utf-8?B?{}?=", BASE64.encode(text))
}

fn leaf(part: &mail_parser::MessagePart<'_>) -> Option<String> {
    let lines = |bytes: &[u8]| -> String {
        let text = BASE64.encode(bytes);
        text.as_bytes().chunks(72).fold(String::new(), |out, line| out + &String::from_utf8_lossy(line) + "\n")
    };
    let head = |kind: &str, bytes: &[u8]| {
        format!("Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\n{}", lines(bytes))
    };
    match &part.body {
        PartType::Text(text) => Some(head("text/plain; charset=utf-8", wrapped(text).as_bytes())),
        PartType::Html(text) => Some(head("text/html; charset=utf-8", text.as_bytes())),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            let kind = part.content_type().map_or("application/octet-stream".into(), |kind| {
                format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream"))
            });
            Some(head(&kind, bytes))
        }
        PartType::Message(inner) => Some(format!(
            "Content-Type: message/rfc822\n\n{}",
            String::from_utf8_lossy(&inner.raw_message).replace("\r\n", "\n")
        )),
        PartType::Multipart(_) => None,
    }
}

/// Lines of 72 columns (KB Q238183).
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut length = 0;
        for word in line.split(' ') {
            if length > 0 && length + word.len() > 72 {
                out.push_str(" \r\n");
                length = 0;
            }
            if length > 0 {
                out.push(' ');
            }
            out.push_str(word);
            length += word.len() + 1;
        }
        out.push_str("\r\n");
    }
    out
}
