//! Which format a path holds, by content, and what else it may be. Used by whoever opens a store.

use std::fs::Metadata;
use std::path::Path;

use super::spot::Spot;
use super::survey::{Looked, Survey};
use super::{FORMATS, Format, OpenOptions, Opened, StoreError, Walk, dir, file, packed, pst};

/// How much of a file is looked at to name it.
const SNIFF: usize = 512;
/// How many files of a directory are looked at to name what it holds.
const MAX_NAMED: usize = 500;

/// A file that is known by its first bytes and is not read: the bytes, what it is, what to do.
struct Other {
    magic: &'static [u8],
    title: &'static str,
    advice: &'static str,
}

const EXPORT: &str = "open it with its program and export the mail as mbox or .eml files";

/// Source: facts/formats.md 1.14.
const OTHERS: &[Other] = &[
    // Pop3uidl.dbx and Offline.dbx; folders are read.
    Other {
        magic: b"\xcf\xad\x12\xfe",
        title: "an Outlook Express file of a kind that holds no mail",
        advice: "give the directory it is in",
    },
    Other {
        magic: b"JMF9",
        title: "an Outlook Express 4 index (.idx)",
        advice: "it holds no mail; the .mbx file beside it does",
    },
    Other {
        magic: b"JMF8",
        title: "the folder list of Outlook Express 4 (folders.nch)",
        advice: "give the directory it is in",
    },
    Other { magic: b"\xd0\xcf\x11\xe0", title: "an Office file", advice: "it holds no message" },
    Other { magic: b"*mbx*\r\n", title: "an mbx folder of UW or Panda software", advice: "convert it with mailutil" },
    Other { magic: b"SQLite format 3\0", title: "an SQLite database", advice: EXPORT },
];

/// The format of what `path` holds, with the evidence.
pub(super) fn sign(path: &Path) -> Option<(&'static Format, &'static str)> {
    let spot = Spot::given(path);
    FORMATS.iter().find_map(|format| Some((*format, (format.sign)(&spot)?)))
}

/// Opens `path`, as the named format or as the one detected.
pub fn open(path: &Path, format: Option<&str>) -> Opened {
    open_with(path, &OpenOptions::of_format(format))
}

/// Opens `path` as the user says.
pub fn open_with(path: &Path, options: &OpenOptions) -> Opened {
    survey(path, options, &mut |_| Walk::Continue(()))?.open(options)
}

/// Finds out what `path` holds. For a directory that may take seconds: `progress` is told how far it is and may stop it.
pub fn survey(
    path: &Path,
    options: &OpenOptions,
    progress: &mut dyn FnMut(Looked) -> Walk,
) -> Result<Survey, StoreError> {
    let not_mail = |reason| StoreError::NotMail { path: path.to_owned(), reason };
    let named = options.format.as_deref();
    let format = named.map(|name| (name, FORMATS.iter().find(|format| format.name.eq_ignore_ascii_case(name))));
    if let Some((name, None)) = format {
        let known: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
        return Err(not_mail(format!("there is no format \"{name}\"; the formats are {}", known.join(", "))));
    }
    let is_directory = check_kind(path)?.is_dir();
    let found = match format.and_then(|(_, format)| format) {
        Some(format) => {
            let format = packed::around(format, path).unwrap_or(format);
            Some(Survey::of_one(path, format, "is to be read so"))
        }
        None if is_directory => {
            let survey = Survey::of(path, progress).map_err(|source| StoreError::read(path, source))?;
            (!survey.is_empty()).then_some(survey)
        }
        None => sign(path).map(|(format, evidence)| Survey::of_one(path, format, evidence)),
    };
    match found {
        Some(survey) => Ok(survey),
        None => Err(not_mail(reason(path, is_directory)?)),
    }
}

/// Only files and directories are opened: a pipe would make us wait.
fn check_kind(path: &Path) -> Result<Metadata, StoreError> {
    let data = std::fs::metadata(path).map_err(|source| StoreError::read(path, source))?;
    if data.is_file() || data.is_dir() {
        return Ok(data);
    }
    Err(StoreError::NotMail { path: path.to_owned(), reason: "it is neither a file nor a directory".to_owned() })
}

/// Why `path` is not opened, in words.
fn reason(path: &Path, is_dir: bool) -> Result<String, StoreError> {
    if !is_dir {
        if let Some(advice) = packed::advice(path) {
            return Ok(advice);
        }
        let start = file::prefix(path, SNIFF).map_err(|source| StoreError::read(path, source))?;
        let unknown = "no known mail format; if you know it, name it with --format";
        return Ok(name(&start).unwrap_or_else(|| unknown.to_owned()));
    }
    let entries = dir::entries(path).map_err(|source| StoreError::read(path, source))?;
    if entries.is_empty() {
        return Ok("the directory is empty".to_owned());
    }
    let named = entries.iter().filter(|entry| entry.kind == dir::Kind::File).take(MAX_NAMED).find_map(|entry| {
        let start = file::prefix(&entry.path, SNIFF).ok()?;
        let what = if packed::is_packed(&start) { packed::advice(&entry.path)? } else { name(&start)? };
        Some(format!("no mail was found in it, but {}: {what}", entry.text()))
    });
    Ok(named.unwrap_or_else(|| "no mail was found in this directory".to_owned()))
}

/// What a file is that starts like that, and what to do.
fn name(start: &[u8]) -> Option<String> {
    if let Some(advice) = pst::advice(start) {
        return Some(advice);
    }
    let other = OTHERS.iter().find(|other| start.starts_with(other.magic))?;
    Some(format!("this is {}, which is not read yet; {}", other.title, other.advice))
}
