//! Outlook messages in single files (.msg, [MS-OXMSG]): a compound file whose streams are the properties of one message.
//!
//! Used through [`FORMAT`], and by the store of message files, which reads them beside .eml files; that store walks
//! directories and moves files away for both.

mod ole;
mod read;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use super::guard::guarded;
use super::{Format, Hidden, OpenOptions, Spot, Store, StoreError, eml, file, mapi};
use crate::mail::{Envelope, Locator};
use read::Extent;

/// The row in `FORMATS`.
pub(super) static FORMAT: Format =
    Format { name: "msg", title: "Outlook message files (.msg)", sign, covers: &[], stands_alone: false, open };

/// How a compound file starts; other Office files are compound files too.
const MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
const ENDING: &str = "msg";

fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn Store>, StoreError> {
    eml::open_as(path, &FORMAT, options)
}

fn sign(spot: &Spot<'_>) -> Option<&'static str> {
    let found = spot.start().starts_with(MAGIC) && is_msg(spot.path());
    found.then_some("is a compound file with the properties of a message")
}

/// Whether a file is an Outlook message, or is damaged but claims to be one.
pub(super) fn is_msg(path: &Path) -> bool {
    let Ok(file) = file::open_regular(path) else { return false };
    let named = path.extension().and_then(OsStr::to_str).is_some_and(|ending| ending.eq_ignore_ascii_case(ENDING));
    starts(&file) && (named || guarded(|| read::is_message(&file)).unwrap_or(false))
}

/// Whether a file starts as a compound file does.
pub(super) fn starts(file: &File) -> bool {
    file::read_range(file, 0, 8).is_ok_and(|start| start == MAGIC)
}

/// The message of a file as it would be appended.
pub(super) fn content(file: &File) -> io::Result<Vec<u8>> {
    guarded(|| Ok(mapi::compose(&read::message(file, Extent::Whole)?)))
}

/// What a list shows of a file.
pub(super) fn envelope(file: &File, locator: Locator) -> io::Result<Result<Envelope, Hidden>> {
    let object = guarded(|| read::message(file, Extent::Listed))?;
    Ok(if mapi::is_mail(&object) { Ok(mapi::envelope(&object, locator)) } else { Err(Hidden::NotMail) })
}
