//! What is known and not read: stores of other programs, and files beside mail, each with what to do instead.
//!
//! Used to say why a path is not opened, and to name such stores where a survey comes across them.

use std::path::{Path, PathBuf};

use super::pst;
use super::spot::Spot;

/// A kind of file that is not read.
struct Kind {
    is: fn(&Spot<'_>) -> bool,
    title: &'static str,
    advice: &'static str,
    /// Whether a file found among others is to be named: one that holds mail, most likely.
    holds_mail: fn(&Spot<'_>) -> bool,
}

const EXPORT: &str = "open it with its program and export the mail as mbox or .eml files";
const DOVECOT: &str = "mail of Dovecot in its own form (sdbox or mdbox)";
const DOVEADM: &str = "let Dovecot write it as a Maildir: doveadm backup -u USER maildir:DIRECTORY";

/// Sources: facts/formats.md 1.3, 1.13, 1.14; Dovecot's dbox-file.h; J. Metz, "Notes Storage Facility (NSF) database file
/// format" and "Extensible Storage Engine (ESE) database file format"; wb2951516-collab/fox-converter, docs/fox-format.md.
static KINDS: &[Kind] = &[
    // Pop3uidl.dbx and Offline.dbx; folders are read.
    Kind {
        is: |spot| spot.start().starts_with(b"\xcf\xad\x12\xfe"),
        title: "an Outlook Express file of a kind that holds no mail",
        advice: "give the directory it is in",
        holds_mail: |_| false,
    },
    Kind {
        is: |spot| spot.start().starts_with(b"JMF9"),
        title: "an Outlook Express 4 index (.idx)",
        advice: "it holds no mail; the .mbx file beside it does",
        holds_mail: |_| false,
    },
    Kind {
        is: |spot| spot.start().starts_with(b"JMF8"),
        title: "the folder list of Outlook Express 4 (folders.nch)",
        advice: "give the directory it is in",
        holds_mail: |_| false,
    },
    Kind {
        is: |spot| spot.start().starts_with(b"\xd0\xcf\x11\xe0"),
        title: "an Office file",
        advice: "it holds no message",
        holds_mail: |_| false,
    },
    Kind {
        is: |spot| spot.start().starts_with(b"*mbx*\r\n"),
        title: "an mbx folder of UW or Panda software",
        advice: "convert it with mailutil",
        holds_mail: |_| true,
    },
    Kind { is: is_dbox, title: DOVECOT, advice: DOVEADM, holds_mail: |_| false }, // one of very many: see `directory`
    Kind {
        is: |spot| spot.start().get(4..8) == Some(b"\xef\xcd\xab\x89"),
        title: "an ESE database (.edb), as Exchange keeps its mailboxes in",
        advice: "mount it in Exchange and export the mailboxes to .pst files (New-MailboxExportRequest), which are read",
        holds_mail: |spot| ends(spot, "edb") && spot.name() != "windows.edb", // the latter is a search index
    },
    // It holds messages as .BOX files do, each with more behind it whose length nobody has described.
    Kind {
        is: |spot| spot.start().starts_with(b"ARCF\x01\0\0\0"),
        title: "an archive of Foxmail 7 (.fox)",
        advice: "restore it in Foxmail and export the messages as .eml files, which are read",
        holds_mail: |_| true,
    },
    Kind {
        is: |spot| NOTES.iter().any(|magic| spot.start().starts_with(magic)),
        title: "a Lotus Notes database (.nsf)",
        advice: "copy from Domino's own IMAP service, or save the messages as .eml files in Notes",
        holds_mail: |spot| !ends(spot, "ntf"), // templates
    },
    Kind {
        is: is_entourage,
        title: "the database of Entourage or Outlook 2011 for Mac",
        advice: "drag the folders out of Entourage, which makes mbox files, or let Outlook export to .olm; both are read",
        holds_mail: |_| true,
    },
    Kind {
        is: |spot| spot.start().starts_with(SQLITE) && spot.name() == "outlook.sqlite",
        title: "the database of Outlook for Mac",
        advice: "let Outlook export to .olm, which is read",
        holds_mail: |_| true,
    },
    Kind {
        is: |spot| spot.start().starts_with(SQLITE),
        title: "an SQLite database",
        advice: EXPORT,
        holds_mail: |_| false,
    },
];
/// A signature, and the length of the header that follows.
const NOTES: [&[u8]; 2] = [b"\x1a\0\0\x04\0\0", b"\x1a\0\0\x03\0\0"];
const SQLITE: &[u8] = b"SQLite format 3\0";

/// What a file is that no format fits, and what to do.
pub(super) fn name(spot: &Spot<'_>) -> Option<String> {
    if let Some(advice) = pst::advice(spot.start()) {
        return Some(advice);
    }
    KINDS.iter().find(|kind| (kind.is)(spot)).map(Kind::text)
}

/// The same where it holds mail, most likely, and so may not be passed over in silence.
pub(super) fn mail(spot: &Spot<'_>) -> Option<String> {
    if let Some(advice) = pst::advice(spot.start()) {
        return Some(advice);
    }
    KINDS.iter().find(|kind| (kind.is)(spot)).filter(|kind| (kind.holds_mail)(spot)).map(Kind::text)
}

impl Kind {
    fn text(&self) -> String {
        format!("this is {}, which is not read; {}", self.title, self.advice)
    }
}

/// The store that a directory belongs to, if its files are of one that is not read, and what to do. One store has many.
pub(super) fn directory<'a>(dir: &Path, names: impl IntoIterator<Item = &'a str>) -> Option<(PathBuf, String)> {
    let in_mailbox = dir.file_name().is_some_and(|name| name == "dbox-Mails");
    let is_dbox = |name: &str| name == "dovecot.map.index" || (in_mailbox && name.starts_with("dovecot.index"));
    if !names.into_iter().any(is_dbox) {
        return None;
    }
    // TOP/mailboxes/NAME/dbox-Mails, and in mdbox TOP/storage
    let top = dir.ancestors().find(|above| above.ends_with("mailboxes") || above.ends_with("storage"));
    let top = top.and_then(Path::parent).unwrap_or(dir);
    Some((top.to_owned(), format!("this is {DOVECOT}, which is not read; {DOVEADM}")))
}

fn ends(spot: &Spot<'_>, ending: &str) -> bool {
    spot.path().extension().is_some_and(|own| own.eq_ignore_ascii_case(ending))
}

/// A file of messages of Dovecot: version 2, the length of the headers and when it was made; then the first message.
fn is_dbox(spot: &Spot<'_>) -> bool {
    let start = spot.start().get(..64).unwrap_or(spot.start());
    let line = memchr::memchr(b'\n', start).and_then(|end| start.split_at_checked(end));
    line.is_some_and(|(line, rest)| line.starts_with(b"2 M") && line.contains(&b'C') && rest.starts_with(b"\n\x01\x02"))
}

/// `Office NNNN Identities/NAME/Database`. Outlook Express 5 for Mac has one too, beside `Messages`.
fn is_entourage(spot: &Spot<'_>) -> bool {
    let path = spot.path();
    let is_identity =
        |name: &str| (name.starts_with("Office ") && name.ends_with(" Identities")) || name == "Main Identity";
    let mut above = path.ancestors().skip(1).take(2).filter_map(Path::file_name);
    spot.is_file()
        && path.file_name().is_some_and(|name| name == "Database")
        && above.any(|name| is_identity(&name.to_string_lossy()))
        && !path.with_file_name("Messages").exists()
}
