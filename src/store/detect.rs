//! Which format a path holds, by content, and what else it may be. Used by whoever opens a store.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::spot::Spot;
use super::survey::{Looked, Survey};
use super::{FORMATS, Format, OpenOptions, Opened, StoreError, Walk, dir, file, packed, unread};

/// How many files of a directory are looked at to name what it holds.
const MAX_NAMED: usize = 500;
/// How much is named of what was not looked at.
const MAX_TOLD: usize = 3;

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
            if survey.is_empty()
                && let Some(reason) = passed_over(path, &survey)
            {
                return Err(not_mail(reason));
            }
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
        file::open_regular(path).map_err(|source| StoreError::read(path, source))?;
        let unknown = "no known mail format; if you know it, name it with --format";
        return Ok(unread::name(&Spot::given(path)).unwrap_or_else(|| unknown.to_owned()));
    }
    let entries = dir::entries(path).map_err(|source| StoreError::read(path, source))?;
    if entries.is_empty() {
        return Ok("the directory is empty".to_owned());
    }
    let named = entries.iter().filter(|entry| entry.kind == dir::Kind::File).take(MAX_NAMED).find_map(|entry| {
        let spot = Spot::found(entry);
        let what = if packed::is_packed(spot.start()) { packed::advice(&entry.path)? } else { unread::name(&spot)? };
        Some(format!("no mail was found in it, but {}: {what}", entry.text()))
    });
    Ok(named.unwrap_or_else(|| "no mail was found in this directory".to_owned()))
}

/// What a directory without mail has that was not looked at, in words.
fn passed_over(root: &Path, survey: &Survey) -> Option<String> {
    let named = |(path, reason): &(PathBuf, String)| {
        let below = path.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
        below.map_or_else(|| reason.clone(), |below| format!("{}: {reason}", below.display()))
    };
    let all: Vec<_> = survey.unseen.iter().take(MAX_TOLD).map(named).collect();
    (!all.is_empty()).then(|| format!("no mail was found in it that is read, but {}", all.join("; ")))
}
