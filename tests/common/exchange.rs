//! Exchange 5.5 as facts/servers.md 1.1 tells of it: login by domain, account and alias, no UIDPLUS, estimated sizes, mail
//! taken apart and written anew, `\Flagged` lost, dates written in its own way, bare NO, and no more than 100 commands waiting.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::DateTime;
use mail_parser::{Address, MessageParser, MimeHeaders as _, PartType};

use super::scripted::{Conn, Request, Scripted};

/// The login of its one user.
pub const LOGIN: &str = "HOLM/anna/anna.weber";
const CAPABILITIES: &str = "IMAP4 IMAP4rev1 IDLE LITERAL+ LOGIN-REFERRALS MAILBOX-REFERRALS NAMESPACE AUTH=NTLM";
const FLAGS: &str = "\\Seen \\Answered \\Flagged \\Deleted \\Draft";

/// A message as the server has it.
#[derive(Clone, Debug)]
pub struct Kept {
    pub uid: u32,
    pub flags: Vec<String>,
    /// As the client wrote it.
    pub date: String,
    /// As the client sent it.
    pub sent: Vec<u8>,
    /// As the server gives it back.
    pub rendered: Vec<u8>,
}

/// The mailbox.
#[derive(Debug, Default)]
pub struct Mailbox {
    pub folders: BTreeMap<String, Vec<Kept>>,
    next: u32,
    /// The first message is stored so much later than its connection breaks; and all mail stays as it was sent.
    late: Option<Duration>,
    is_exact: bool,
}

/// Starts one; its mailbox can be looked into at any time.
pub fn start() -> (Scripted, Arc<Mutex<Mailbox>>) {
    start_as(Mailbox { next: 1, ..Mailbox::default() })
}

/// Starts a server that keeps mail as it is, breaks the connection after the first message, and stores that one later.
pub fn start_late(after: Duration) -> (Scripted, Arc<Mutex<Mailbox>>) {
    start_as(Mailbox { next: 1, late: Some(after), is_exact: true, ..Mailbox::default() })
}

impl Mailbox {
    fn store(&mut self, folder: &str, kept: Kept) {
        let uid = self.next;
        self.next += 1;
        self.folders.get_mut(folder).unwrap().push(Kept { uid, ..kept });
    }
}

fn start_as(mut mailbox: Mailbox) -> (Scripted, Arc<Mutex<Mailbox>>) {
    for name in ["INBOX", "Sent Items", "Deleted Items", "Calendar", "Public Folders/All of us"] {
        mailbox.folders.insert(name.into(), Vec::new());
    }
    let mailbox = Arc::new(Mutex::new(mailbox));
    let shared = Arc::clone(&mailbox);
    let server = Scripted::start(move |conn| {
        conn.reply_raw(
            b"* OK Microsoft Exchange IMAP4rev1 server version 5.5.2653.23 (exchange.holm.example) ready\r\n",
        )?;
        let mut open = String::new();
        loop {
            let request = conn.next()?;
            if conn.waiting(" APPEND ") > 100 {
                return conn.reset();
            }
            answer(conn, &request, &shared, &mut open)?;
        }
    });
    (server, mailbox)
}

fn answer(conn: &mut Conn, request: &Request, mailbox: &Arc<Mutex<Mailbox>>, open: &mut String) -> io::Result<()> {
    let words: Vec<String> = words(&request.text);
    let verb = words[0].to_uppercase();
    match verb.as_str() {
        "CAPABILITY" => conn.reply_raw(format!("* CAPABILITY {CAPABILITIES}\r\n").as_bytes())?,
        "LOGIN" if words.get(1).is_none_or(|user| user != LOGIN) => return conn.reply(request, "NO"),
        "NAMESPACE" => {
            conn.reply_raw(b"* NAMESPACE ((\"\" \"/\")) ((\"Other users/\" \"/\")) ((\"Public Folders/\" \"/\"))\r\n")?;
        }
        "LIST" => {
            let names: Vec<String> = mailbox.lock().unwrap().folders.keys().cloned().collect();
            for name in names {
                conn.reply_raw(format!("* LIST () \"/\" \"{name}\"\r\n").as_bytes())?;
            }
        }
        "CREATE" => {
            mailbox.lock().unwrap().folders.entry(words[1].clone()).or_default();
        }
        "STATUS" | "SELECT" | "EXAMINE" => {
            let (count, next) = {
                let mailbox = mailbox.lock().unwrap();
                match mailbox.folders.get(&words[1]) {
                    Some(folder) => (folder.len(), mailbox.next),
                    None => return conn.reply(request, "NO"),
                }
            };
            if verb == "STATUS" {
                conn.reply_raw(format!("* STATUS \"{}\" (MESSAGES {count} UNSEEN 0)\r\n", words[1]).as_bytes())?;
            } else {
                open.clone_from(&words[1]);
                let head = format!(
                    "* {count} EXISTS\r\n* 0 RECENT\r\n* FLAGS ({FLAGS})\r\n* OK [PERMANENTFLAGS ({FLAGS})]\r\n\
                     * OK [UIDVALIDITY 51] .\r\n* OK [UIDNEXT {next}] .\r\n"
                );
                conn.reply_raw(head.as_bytes())?;
                return conn.reply(request, &format!("OK [READ-WRITE] {verb} completed."));
            }
        }
        "APPEND" => return append(conn, request, &words, mailbox),
        "FETCH" => fetch(conn, &words[1], false, &request.text, mailbox, open)?,
        "UID" if words[1].eq_ignore_ascii_case("FETCH") => fetch(conn, &words[2], true, &request.text, mailbox, open)?,
        "UID" if words[1].eq_ignore_ascii_case("STORE") => {
            let uid: u32 = words[2].parse().map_err(io::Error::other)?;
            let flags = request.text.rsplit_once('(').map(|(_, flags)| flags.trim_end_matches(')').to_owned());
            let mut mailbox = mailbox.lock().unwrap();
            let kept = mailbox.folders.get_mut(open).and_then(|all| all.iter_mut().find(|kept| kept.uid == uid));
            if let (Some(kept), Some(flags)) = (kept, flags) {
                kept.flags.extend(flags.split_whitespace().map(str::to_owned));
            }
        }
        "LOGOUT" => {
            conn.reply_raw(b"* BYE Microsoft Exchange IMAP4rev1 server version 5.5.2653.23 signing off\r\n")?;
            conn.reply(request, "OK LOGOUT completed.")?;
            return conn.close();
        }
        "LOGIN" | "SUBSCRIBE" | "NOOP" | "CLOSE" => {}
        _ => return conn.reply(request, "BAD Protocol Error: \"Unidentifiable command specified\"."),
    }
    conn.reply(request, &format!("OK {verb} completed."))
}

fn append(conn: &mut Conn, request: &Request, words: &[String], mailbox: &Arc<Mutex<Mailbox>>) -> io::Result<()> {
    let (length, waits) = request.literal().ok_or_else(|| io::Error::other("no literal"))?;
    if !mailbox.lock().unwrap().folders.contains_key(&words[1]) {
        return conn.reply(request, "NO [TRYCREATE]");
    }
    if waits {
        conn.reply_raw(b"+ Ready for additional command text.\r\n")?;
    }
    let sent = conn.read_literal(length)?;
    conn.read_line()?;
    let flags = request.text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(flags, _)| flags);
    // `\Flagged` is a property of its own in its store, and lost here.
    let flags = flags.split_whitespace().filter(|flag| *flag != "\\Flagged").map(str::to_owned).collect();
    let date = request.text.rsplit('"').nth(1).unwrap_or_default().to_owned();
    let rendered = if mailbox.lock().unwrap().is_exact { sent.clone() } else { render(&sent) };
    let kept = Kept { uid: 0, flags, date, sent, rendered };
    let late = mailbox.lock().unwrap().late.take();
    if let Some(after) = late {
        let (mailbox, folder) = (Arc::clone(mailbox), words[1].clone());
        thread::spawn(move || {
            thread::sleep(after);
            mailbox.lock().unwrap().store(&folder, kept);
        });
        return conn.reset();
    }
    mailbox.lock().unwrap().store(&words[1], kept);
    conn.reply(request, "OK APPEND completed.")
}

/// The words of a command, quotes taken off.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars();
    while let Some(ch) = chars.next() {
        match ch {
            '"' => is_quoted = !is_quoted,
            '\\' if is_quoted => word.extend(chars.next()),
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(ch),
        }
    }
    words.push(word);
    words
}

fn fetch(
    conn: &mut Conn,
    set: &str,
    is_by_uid: bool,
    items: &str,
    mailbox: &Mutex<Mailbox>,
    open: &str,
) -> io::Result<()> {
    let all = mailbox.lock().unwrap().folders.get(open).cloned().unwrap_or_default();
    for (place, kept) in all.iter().enumerate() {
        let sequence = u32::try_from(place + 1).unwrap();
        let is_last = place + 1 == all.len();
        let number = if is_by_uid { kept.uid } else { sequence };
        if !contains(set, number, is_last) {
            continue;
        }
        let mut line = format!("* {sequence} FETCH (UID {}", kept.uid).into_bytes();
        if items.contains("FLAGS") {
            line.extend_from_slice(format!(" FLAGS ({})", kept.flags.join(" ")).as_bytes());
        }
        if items.contains("INTERNALDATE") {
            line.extend_from_slice(format!(" INTERNALDATE \"{}\"", own_date(&kept.date)).as_bytes());
        }
        if items.contains("RFC822.SIZE") {
            // "Fast message retrieval" is on: an estimate.
            let length = kept.rendered.len();
            let size = if kept.rendered == kept.sent { length } else { length / 512 * 512 + 1024 };
            line.extend_from_slice(format!(" RFC822.SIZE {size}").as_bytes());
        }
        if let Some((_, section)) = items.split_once("BODY.PEEK") {
            let name = section.split_inclusive(']').next().unwrap_or("[]");
            let bytes = if name == "[]" { kept.rendered.clone() } else { header(&kept.rendered) };
            line.extend_from_slice(format!(" BODY{name} {{{}}}\r\n", bytes.len()).as_bytes());
            line.extend_from_slice(&bytes);
        }
        line.extend_from_slice(b")\r\n");
        conn.reply_raw(&line)?;
    }
    Ok(())
}

fn contains(set: &str, number: u32, is_last: bool) -> bool {
    set.split(',').any(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let first: u32 = first.parse().unwrap_or(u32::MAX);
        match last {
            "*" => number >= first || is_last, // n:* has the last message even below n
            _ => (first..=last.parse().unwrap_or(0)).contains(&number),
        }
    })
}

fn header(message: &[u8]) -> Vec<u8> {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n").map_or(message.len(), |at| at + 4);
    message[..end].to_vec()
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
