//! Packed mail: a store in a file that is packed with gzip, bzip2, xz or zstd, or in a zip or tar archive.
//!
//! Used through [`COMPRESSED`] and [`ARCHIVE`]. What is in it is unpacked once into a private directory, in memory if it is
//! small and on a disk if not, and then read as whatever it is. Messages can only be copied out. Exports of Outlook for Mac
//! are zip archives too, and are read without unpacking by their own format. Maildir reads files that are packed one by one
//! with the decoders from here.
//!
//! Packed data is read from front to back only, and all readers go to and fro: a list looks ahead for the end that a
//! Content-Length tells, a preview or one of several workers reads from the middle, a copy proves what it sent. One pass over
//! 1 GiB of mail took 3 s (zstd), 18 s (gzip), 2 minutes (xz) and 6 minutes (bzip2), and without unpacking half of that would
//! be due for each message out of turn. So it is paid once; nothing that is up to 32 MiB unpacked is written to a disk.

mod archives;
mod decoder;
mod inner;
mod names;
mod place;
mod shared;
mod sniff;
mod store;
mod tar;
mod unpack;
mod zstd;

use std::path::Path;

use super::{Format, OpenOptions, Opened, Spot, StoreError};
use sniff::{Kind, Look};
use store::Packed;

pub(super) use decoder::{Packing, Unpacked};
pub(super) use sniff::is_packed;

/// The row in `FORMATS` for packed files.
pub(super) static COMPRESSED: Format = Format {
    name: "compressed",
    title: "Compressed mail (.gz, .bz2, .xz, .zst)",
    sign: |spot| sign(spot, &COMPRESSED),
    covers: &[],
    stands_alone: true,
    open: |path, options| open(path, &COMPRESSED, options),
};

/// The row in `FORMATS` for archives.
pub(super) static ARCHIVE: Format = Format {
    name: "archive",
    title: "Archive of mail (.zip, .tar)",
    sign: |spot| sign(spot, &ARCHIVE),
    covers: &[],
    stands_alone: true,
    open: |path, options| open(path, &ARCHIVE, options),
};

/// Whether a format of that name is one of these.
pub(super) fn is_own(format: &str) -> bool {
    [COMPRESSED.name, ARCHIVE.name].contains(&format)
}

/// The format that reads a packed file of that kind.
fn row(kind: Kind) -> &'static Format {
    if matches!(kind, Kind::One(_)) { &COMPRESSED } else { &ARCHIVE }
}

fn sign(spot: &Spot<'_>, row: &Format) -> Option<&'static str> {
    if !spot.is_file() || !is_packed(spot.start()) {
        return None;
    }
    let kind = Kind::of(spot.path()).ok()??;
    if self::row(kind).name != row.name {
        return None;
    }
    match sniff::look(spot.path(), kind).ok()? {
        Look::Mail(_) => Some("is packed, with mail in it"),
        // Who gave it will know; of others so much is not unpacked on a guess.
        Look::TooMuch if spot.is_given() => Some("is packed, and too large to be looked through"),
        Look::TooMuch | Look::Nothing | Look::Encrypted => None,
    }
}

/// Why the file at `path` is not read, if it is packed.
pub(super) fn advice(path: &Path) -> Option<String> {
    let kind = Kind::of(path).ok()??;
    let mut text = format!("this is {}, ", kind.name());
    let rest = match sniff::look(path, kind) {
        Ok(Look::Encrypted) => "which is encrypted; unpack it with its password and give the directory".to_owned(),
        Ok(_) => "and no mail was seen in it; if there is some, unpack it and give what comes out".to_owned(),
        Err(error) => format!("which can not be read ({error}); get a whole copy of it, or repair it"),
    };
    text.push_str(&rest);
    Some(text)
}

/// The packed format to open `path` with, where the user named the format of what is in it.
pub(super) fn around(format: &Format, path: &Path) -> Option<&'static Format> {
    let kind = Kind::of(path).ok()??;
    let is_named =
        is_own(format.name) || (format.sign)(&Spot::given(path)).is_some() || format.name == super::olm::FORMAT.name;
    (!is_named).then(|| row(kind))
}

fn open(path: &Path, row: &'static Format, options: &OpenOptions) -> Opened {
    let none = |reason: &str| Err(StoreError::NotMail { path: path.to_owned(), reason: reason.to_owned() });
    if path.is_dir() {
        return none("this is a directory and not a packed file");
    }
    let kind = match Kind::of(path).map_err(|source| StoreError::read(path, source))? {
        Some(Kind::Tar(Some(packing))) if row.name == COMPRESSED.name => Kind::One(packing),
        Some(kind) if self::row(kind).name == row.name => kind,
        _ => return none("this is no packed file of that kind"),
    };
    let named = options.format.clone().filter(|name| !is_own_name(name));
    let options = OpenOptions { format: named, ..options.clone() };
    Packed::open(path, kind, options)
}

fn is_own_name(name: &str) -> bool {
    [COMPRESSED.name, ARCHIVE.name].iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// A file's name without its ending, and without the one before that says how it is packed.
pub(super) fn stem(path: &Path) -> Option<String> {
    let name = path.file_name()?;
    let name = unpack::unpacked_name(name).unwrap_or_else(|| name.to_owned());
    Path::new(&name).file_stem().map(|stem| stem.to_string_lossy().into_owned())
}
