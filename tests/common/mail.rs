//! Invented mail: the same for the same seed, of thirty years, in the charsets and shapes that old mail has, and written
//! as the programs of its time wrote it. Used by tests, benches and the demo; uses nothing of mailferry.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, FixedOffset};

/// One message, and what its store knows of it.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The content, every line ended by CRLF.
    pub bytes: Vec<u8>,
    /// When it was received, in seconds since 1970.
    pub received: i64,
    /// The address of the sender.
    pub sender: &'static str,
    /// What was done with it.
    pub marks: Marks,
    /// Keywords, from [`KEYWORDS`].
    pub keywords: Vec<&'static str>,
}

/// What was done with a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "five flags that a store has or has not")]
pub struct Marks {
    pub seen: bool,
    pub answered: bool,
    pub flagged: bool,
    pub forwarded: bool,
    pub draft: bool,
}

/// Every keyword that comes up.
pub const KEYWORDS: [&str; 3] = ["$Label1", "$Label2", "offer"];

const PEOPLE: [(&str, &str); 8] = [
    ("Kerstin Holm", "kerstin.holm@holm-braun.example"),
    ("J. Braun", "braun@holm-braun.example"),
    ("Søren Ågård", "soren@aagaard-staal.example"),
    ("Anna Weber", "anna@example.org"),
    ("Юрий Соколов", "sokolov@most.example"),
    ("François Lefèvre", "f.lefevre@ponts.example"),
    ("Zoë van den Berg", "zoe@staalbouw.example"),
    ("Building Office", "bauamt@stadt.example"),
];

const SUBJECTS: [&str; 14] = [
    "Girders for span 3",
    "Plans, version 3",
    "Prüfung der Schweißnähte",
    "Minutes of Tuesday",
    "Чертежи моста",
    "Devis pour la première travée",
    "Site visit on Thursday",
    "Rechnung für März",
    "Photos from the site",
    "Wind tunnel figures",
    "Offer for 40 t of steel, Q345",
    "Terminänderung: Abnahme verschoben",
    "Håndskruer og bolte",
    "Keys for the site office",
];

const SENTENCES: [&str; 12] = [
    "The girders arrive on Thursday, two days before the crane.",
    "Bitte prüfen Sie die Maße der Querträger noch einmal.",
    "Please have a look at sheet 7, the bearing on the north side has moved by 12 mm.",
    "Чертежи отправлены вчера вечером.",
    "Les plans révisés sont joints à ce message.",
    "I have marked the open points in red.",
    "From here on the numbers are those of the second survey.",
    "Nobody has heard from the building office yet.",
    "Vi ses på byggepladsen klokken ni.",
    "The price holds until the end of the month.",
    "Für den Kran brauchen wir die Straßensperrung ab 6 Uhr.",
    "Thanks, that is all I needed.",
];

/// "Japanese" in Japanese, as ISO-2022-JP writes it.
const JAPANESE: &[u8] = b"\x1b$BF|K\\8l\x1b(B";
/// The small Russian letters in the order of KOI8-R, from 0xC0; the capitals follow at 0xE0.
const KOI8: &str = "юабцдефгхийклмнопярстужвьызшэщчъ";
const DAY: i64 = 86_400;

/// Makes mail.
pub struct Maker {
    state: u64,
    made: u32,
}

impl Maker {
    /// The same seed makes the same mail.
    pub fn new(seed: u64) -> Self {
        Self { state: seed, made: 0 }
    }

    /// So many messages in threads of up to six, from the start of a year on, oldest first.
    pub fn folder(&mut self, count: usize, year: i32, days: i64) -> Vec<Mail> {
        let start = i64::from(year - 1970) * 365 * DAY + i64::from((year - 1969) / 4) * DAY;
        let mut mails = Vec::with_capacity(count);
        while mails.len() < count {
            let length = usize::try_from(1 + self.below(6)).unwrap().min(count - mails.len());
            let mut time = start + i64::try_from(self.below(u64::try_from(days * DAY).unwrap())).unwrap();
            let subject = *self.pick(&SUBJECTS);
            let mut parent: Option<String> = None;
            for _ in 0..length {
                let id = format!("{:08x}.{}@holm-braun.example", self.next() >> 32, self.made);
                mails.push(self.mail(time, subject, &id, parent.as_deref()));
                parent = Some(id);
                time += 600 + i64::try_from(self.below(40 * 3600)).unwrap();
            }
        }
        mails.sort_by_key(|mail| mail.received);
        mails
    }

    /// One message.
    fn mail(&mut self, received: i64, subject: &str, id: &str, parent: Option<&str>) -> Mail {
        self.made += 1;
        let (name, sender) = *self.pick(&PEOPLE);
        let zone = *self.pick(&[0, 3600, 7200, 10_800, -18_000]);
        let subject = if parent.is_some() { format!("Re: {subject}") } else { subject.to_owned() };
        let written = received - 1 - i64::try_from(self.below(90)).unwrap();
        let mut head = format!(
            "Return-Path: <{sender}>\r\nReceived: from mx.example ([192.0.2.{}])\r\n\tby mail.example.org with ESMTP id {}\r\n\t\
             for <anna@example.org>; {}\r\nDate: {}\r\n",
            self.below(254) + 1,
            self.made,
            rfc2822(received, zone),
            rfc2822(written, zone),
        );
        let mut body = Vec::new();
        let charset = self.body(&mut head, &mut body, received);
        let to = "To: \"Weber, Anna\" <anna@example.org>";
        let mut bytes = head.into_bytes();
        for (field, value) in [("From", name), ("Subject", subject.as_str())] {
            bytes.extend(format!("{field}: {}", encoded_words(value, charset)).bytes());
            let rest = if field == "From" { format!(" <{sender}>\r\n{to}\r\n") } else { "\r\n".into() };
            bytes.extend(rest.bytes());
        }
        bytes.extend(format!("Message-ID: <{id}>\r\n").bytes());
        if let Some(parent) = parent {
            bytes.extend(format!("In-Reply-To: <{parent}>\r\nReferences: <{parent}>\r\n").bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        let seen = self.below(10) > 0;
        let marks = Marks {
            seen,
            answered: seen && self.below(4) == 0,
            flagged: self.below(12) == 0,
            forwarded: seen && self.below(15) == 0,
            draft: false,
        };
        let keywords = if self.below(9) == 0 { vec![*self.pick(&KEYWORDS)] } else { Vec::new() };
        Mail { bytes, received, sender, marks, keywords }
    }

    /// Writes the body and its header fields. Gives the charset the header shall use.
    fn body(&mut self, head: &mut String, body: &mut Vec<u8>, received: i64) -> Charset {
        let mut text = self.text();
        let old = received < 1_000_000_000;
        match self.below(if old { 8 } else { 10 }) {
            0 | 1 => {
                text.retain(|ch| ch.is_ascii());
                head.push_str("Content-Type: text/plain; charset=us-ascii\r\n");
                body.extend(text.bytes());
                Charset::Latin1
            }
            2 | 3 => {
                let text: String = text.chars().map(|ch| if (ch as u32) < 256 { ch } else { '?' }).collect();
                head.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n");
                head.push_str("Content-Transfer-Encoding: 8bit\r\n");
                body.extend(Charset::Latin1.encode(&text));
                Charset::Latin1
            }
            4 => {
                head.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=koi8-r\r\n");
                head.push_str("Content-Transfer-Encoding: base64\r\n");
                let text: String = text.chars().map(|ch| if Charset::Koi8.has(ch) { ch } else { '?' }).collect();
                body.extend(base64_lines(&Charset::Koi8.encode(&text)));
                Charset::Koi8
            }
            5 if old || self.below(3) == 0 => {
                text.retain(|ch| ch.is_ascii());
                head.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=ISO-2022-JP\r\n");
                body.extend([JAPANESE, b"\r\n", text.as_bytes()].concat());
                Charset::Utf8
            }
            5 | 6 => {
                self.attachment(head, body, &text);
                Charset::Utf8
            }
            7 => {
                head.push_str("MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"=_alt\"\r\n");
                let html = text.replace("\r\n", "<br>\r\n");
                let part = "Content-Transfer-Encoding: 8bit\r\n\r\n";
                body.extend(
                    format!(
                        "--=_alt\r\nContent-Type: text/plain; charset=utf-8\r\n{part}{text}\r\n--=_alt\r\nContent-Type: \
                         text/html; charset=utf-8\r\n{part}<html><body>{html}</body></html>\r\n--=_alt--\r\n"
                    )
                    .bytes(),
                );
                Charset::Utf8
            }
            8 => {
                head.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n");
                head.push_str("Content-Transfer-Encoding: quoted-printable\r\n");
                body.extend(quoted_printable(&text).bytes());
                Charset::Utf8
            }
            _ => {
                head.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n");
                head.push_str("Content-Transfer-Encoding: 8bit\r\n");
                body.extend(text.bytes());
                Charset::Utf8
            }
        }
    }

    /// A text with a drawing attached.
    fn attachment(&mut self, head: &mut String, body: &mut Vec<u8>, text: &str) {
        let length = 600 << self.below(10);
        let drawing: Vec<u8> = (0..length / 8).flat_map(|_| self.next().to_le_bytes()).collect();
        head.push_str("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"----=_Part\"\r\n");
        body.extend(
            format!(
                "This is a multi-part message in MIME format.\r\n------=_Part\r\nContent-Type: text/plain; charset=utf-8\r\n\
                 Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n------=_Part\r\nContent-Type: application/pdf; \
                 name=\"sheet-{}.pdf\"\r\nContent-Disposition: attachment;\r\n\tfilename*=UTF-8''Pl%C3%A4ne-{0}.pdf\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n",
                self.made
            )
            .bytes(),
        );
        body.extend(base64_lines(&drawing));
        body.extend(b"------=_Part--\r\n");
    }

    /// Some sentences, at times with lines that a mailbox file has to quote.
    fn text(&mut self) -> String {
        let mut text = String::from("Hello Anna,\r\n\r\n");
        for _ in 0..=self.below(8) {
            let sentence = *self.pick(&SENTENCES);
            text.push_str(sentence);
            text.push_str("\r\n");
        }
        match self.below(9) {
            0 => text.push_str("\r\n>From memory: \r\n> From now on we meet at nine.\r\n>>From the old plan.\r\n"),
            1 => text.push_str("\r\nFrom sokolov@most.example Mon Mar  1 10:00:00 2004\r\n"),
            _ => {}
        }
        text.push_str("\r\n-- \r\nHolm & Braun, bridges\r\n");
        text
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15); // splitmix64
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

/// A charset that headers and bodies are written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Charset {
    Latin1,
    Koi8,
    Utf8,
}

impl Charset {
    const fn name(self) -> &'static str {
        match self {
            Self::Latin1 => "iso-8859-1",
            Self::Koi8 => "koi8-r",
            Self::Utf8 => "utf-8",
        }
    }

    fn has(self, ch: char) -> bool {
        ch.is_ascii()
            || match self {
                Self::Latin1 => (ch as u32) < 256,
                Self::Koi8 => ch.to_lowercase().all(|small| KOI8.contains(small)),
                Self::Utf8 => true,
            }
    }

    /// Encodes a text that it [has](Self::has).
    fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Latin1 => text.chars().map(|ch| u8::try_from(ch as u32).unwrap()).collect(),
            Self::Koi8 => text
                .chars()
                .map(|ch| {
                    let place =
                        |ch| KOI8.chars().position(|known| known == ch).map(|place| u8::try_from(place).unwrap());
                    let small = ch.to_lowercase().next().unwrap();
                    match (place(ch), place(small)) {
                        (Some(place), _) => 0xc0 + place,
                        (None, Some(place)) => 0xe0 + place,
                        (None, None) => u8::try_from(ch as u32).unwrap(),
                    }
                })
                .collect(),
        }
    }
}

/// A header text as encoded words of at most 75 characters, if it needs them.
fn encoded_words(text: &str, charset: Charset) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let charset = if text.chars().all(|ch| charset.has(ch)) { charset } else { Charset::Utf8 };
    let letters: Vec<char> = text.chars().collect();
    let word = |letters: &[char]| {
        let bytes = charset.encode(&letters.iter().collect::<String>());
        if charset != Charset::Latin1 {
            return format!("=?{}?B?{}?=", charset.name(), BASE64.encode(bytes));
        }
        let mut word = format!("=?{}?Q?", charset.name());
        for byte in bytes {
            match byte {
                b' ' => word.push('_'),
                byte if byte.is_ascii_alphanumeric() => word.push(char::from(byte)),
                byte => _ = write!(word, "={byte:02X}"),
            }
        }
        word + "?="
    };
    letters.chunks(15).map(word).collect::<Vec<_>>().join("\r\n ")
}

fn base64_lines(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(57).flat_map(|line| format!("{}\r\n", BASE64.encode(line)).into_bytes()).collect()
}

fn quoted_printable(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive("\r\n") {
        let mut length = 0;
        for byte in line.trim_end_matches("\r\n").bytes() {
            if length > 70 {
                out.push_str("=\r\n");
                length = 0;
            }
            let plain = (byte == b' ' || byte.is_ascii_graphic()) && byte != b'=';
            length += if plain { 1 } else { 3 };
            if plain {
                out.push(char::from(byte));
            } else {
                _ = write!(out, "={byte:02X}");
            }
        }
        out.push_str("\r\n");
    }
    out.replace(" \r\n", "=20\r\n")
}

fn rfc2822(time: i64, zone: i32) -> String {
    at(time, zone).format("%a, %d %b %Y %H:%M:%S %z").to_string()
}

fn at(time: i64, zone: i32) -> DateTime<FixedOffset> {
    DateTime::from_timestamp(time, 0).unwrap().with_timezone(&FixedOffset::east_opt(zone).unwrap())
}

/// How a mailbox file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MboxStyle {
    /// As mutt and Dovecot do: mboxrd quoting, LF, `Status`, `X-Status` and `X-Keywords`.
    Mboxrd,
    /// The same with CRLF, as it comes from Windows.
    Crlf,
    /// As Thunderbird does: `From - ` without an address, `X-Mozilla-Status` and `X-Mozilla-Keys` in front.
    Thunderbird,
}

/// Writes a mailbox file.
pub fn write_mbox(path: &Path, mails: &[Mail], style: MboxStyle) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for mail in mails {
        file.write_all(&mbox_entry(mail, style))?;
    }
    file.flush()
}

/// A message as a mailbox file holds it, with separator, flags and the empty line after it.
pub fn mbox_entry(mail: &Mail, style: MboxStyle) -> Vec<u8> {
    let date = at(mail.received, 0).format("%a %b %e %H:%M:%S %Y");
    let sender = if style == MboxStyle::Thunderbird { "-" } else { mail.sender };
    let mut out = format!("From {sender} {date}\r\n").into_bytes();
    let Marks { seen, answered, flagged, forwarded, .. } = mail.marks;
    let flags = if style == MboxStyle::Thunderbird {
        let bits = u16::from(seen) | u16::from(answered) << 1 | u16::from(flagged) << 2 | u16::from(forwarded) << 12;
        let keys = mail.keywords.join(" ").to_lowercase();
        format!("X-Mozilla-Status: {bits:04x}\r\nX-Mozilla-Status2: 00000000\r\nX-Mozilla-Keys: {keys:<80}\r\n")
    } else {
        let mut flags = format!("Status: {}O\r\n", if seen { "R" } else { "" });
        let status = [(answered, "A"), (flagged, "F")].into_iter().filter(|(set, _)| *set).map(|(_, letter)| letter);
        _ = write!(flags, "X-Status: {}\r\n", status.collect::<String>());
        let forwarded = if forwarded { Some("$Forwarded") } else { None };
        let keywords: Vec<&str> = mail.keywords.iter().copied().chain(forwarded).collect();
        if !keywords.is_empty() {
            _ = write!(flags, "X-Keywords: {}\r\n", keywords.join(" "));
        }
        flags
    };
    if style == MboxStyle::Thunderbird {
        out.extend(flags.bytes());
    }
    let mut in_head = true;
    for line in mail.bytes.split_inclusive(|byte| *byte == b'\n') {
        if in_head && line == b"\r\n" {
            in_head = false;
            if style != MboxStyle::Thunderbird {
                out.extend(flags.bytes());
            }
        }
        let arrows = line.iter().take_while(|byte| **byte == b'>').count();
        if line[arrows..].starts_with(b"From ") {
            out.push(b'>');
        }
        out.extend(line);
    }
    out.extend(b"\r\n");
    if style == MboxStyle::Crlf { out } else { with_lf(&out) }
}

/// Writes a Maildir folder: unread mail without marks in `new`, all else in `cur`; file times are those of receipt.
pub fn write_maildir(folder: &Path, mails: &[Mail]) -> io::Result<()> {
    write_maildir_from(0, folder, mails)
}

/// The same; the first message has this number in its name.
fn write_maildir_from(first: usize, folder: &Path, mails: &[Mail]) -> io::Result<()> {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let mut keywords = File::create(folder.join("dovecot-keywords"))?;
    for (index, name) in KEYWORDS.iter().enumerate() {
        writeln!(keywords, "{index} {name}")?;
    }
    for (number, mail) in (first..).zip(mails) {
        let Marks { seen, answered, flagged, forwarded, draft } = mail.marks;
        let letters = [(draft, 'D'), (flagged, 'F'), (forwarded, 'P'), (answered, 'R'), (seen, 'S')];
        let mut marks: String = letters.iter().filter(|(set, _)| *set).map(|(_, letter)| *letter).collect();
        let letters = mail.keywords.iter().filter_map(|keyword| KEYWORDS.iter().position(|known| known == keyword));
        marks.extend(letters.map(|index| char::from(b'a' + u8::try_from(index).unwrap())));
        let bytes = with_lf(&mail.bytes);
        let name = format!("{}.M{number}P4711.old-pc,S={}", mail.received, bytes.len());
        let path = if marks.is_empty() {
            folder.join("new").join(name)
        } else {
            folder.join("cur").join(format!("{name}:2,{marks}"))
        };
        write_dated(&path, &bytes, mail.received)?;
    }
    Ok(())
}

/// Writes a Maildir++ tree; folders are named as on the wire, such as `Archive.2004`, and the empty name is INBOX. Messages
/// are numbered through.
pub fn write_maildir_tree(root: &Path, folders: &[(&str, Vec<Mail>)]) -> io::Result<()> {
    write_maildir(root, &[])?;
    let mut first = 0;
    for (name, mails) in folders {
        let folder = if name.is_empty() { root.to_owned() } else { root.join(format!(".{name}")) };
        write_maildir_from(first, &folder, mails)?;
        first += mails.len();
        if !name.is_empty() {
            File::create(folder.join("maildirfolder"))?;
        }
    }
    Ok(())
}

/// Writes a folder of `.eml` files, which keep no flags.
pub fn write_eml_folder(folder: &Path, mails: &[Mail]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, mail) in mails.iter().enumerate() {
        write_dated(&folder.join(format!("{:04} letter.eml", number + 1)), &mail.bytes, mail.received)?;
    }
    Ok(())
}

fn write_dated(path: &Path, bytes: &[u8], time: i64) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.set_modified(UNIX_EPOCH + Duration::from_secs(u64::try_from(time).map_err(io::Error::other)?))
}

fn with_lf(bytes: &[u8]) -> Vec<u8> {
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .flat_map(|line| line.strip_suffix(b"\r\n").map_or_else(|| line.to_vec(), |line| [line, b"\n"].concat()))
        .collect()
}

/// Writes a mailbox file of at least so many bytes. Gives how many messages it holds.
pub fn big_mbox(path: &Path, bytes: u64) -> io::Result<u64> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut maker = Maker::new(bytes);
    let (mut written, mut messages) = (0, 0);
    while written < bytes {
        for mail in maker.folder(200, 2001, 365) {
            let entry = mbox_entry(&mail, MboxStyle::Mboxrd);
            file.write_all(&entry)?;
            written += entry.len() as u64;
            messages += 1;
        }
    }
    file.flush()?;
    Ok(messages)
}

/// Writes a Maildir folder of so many messages.
pub fn big_maildir(path: &Path, messages: usize) -> io::Result<()> {
    write_maildir(path, &Maker::new(messages as u64).folder(messages, 2001, 3650))
}

/// Writes the stores of the demo below a folder: what an old computer and its owner's archives hold.
pub fn demo(root: &Path) -> io::Result<()> {
    fs::create_dir_all(root)?;
    let mut maker = Maker::new(1912);
    let mut drafts = maker.folder(4, 2026, 200);
    for mail in &mut drafts {
        mail.marks = Marks { seen: true, draft: true, ..Marks::default() };
    }
    let folders = [
        ("", maker.folder(128, 2025, 300)),
        ("Sent", maker.folder(77, 2024, 600)),
        ("Drafts", drafts),
        ("Projects", Vec::new()),
        ("Projects.Bridge", maker.folder(245, 2004, 330)),
        ("Projects.Tunnel &ANY-resund", maker.folder(90, 1998, 700)),
        ("Archive.1996", maker.folder(60, 1996, 360)),
        ("Archive.2004", maker.folder(112, 2004, 360)),
        ("Angebote f&APw-r M&AOQ-rz", maker.folder(31, 2012, 60)),
    ];
    write_maildir_tree(&root.join("Maildir"), &folders)?;
    write_mbox(&root.join("Letters 1999.mbox"), &maker.folder(140, 1999, 365), MboxStyle::Mboxrd)?;
    write_mbox(&root.join("Site office.mbox"), &maker.folder(45, 2009, 200), MboxStyle::Crlf)?;
    write_mbox(&root.join("Thunderbird-Inbox"), &maker.folder(160, 2017, 900), MboxStyle::Thunderbird)?;
    write_eml_folder(&root.join("Saved mail"), &maker.folder(25, 2020, 90))
}
