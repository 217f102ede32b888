//! What a packed file is, and whether there is mail in it, by its first bytes. Used to recognise packed stores.
//!
//! Members are judged as files of that name with that start would be: by every format but the packed ones.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::decoder::{Packing, Unpacked};
use super::names;
use super::place::Place;
use super::tar::{self, Tar};
use super::unpack::unpacked_name;
use crate::store::archive::Archive;
use crate::store::{FORMATS, Format, Spot, file};

/// How much of a file tells what it is: the header of a tar archive.
const START: usize = tar::BLOCK;
/// How much of a member tells what it is.
const MEMBER: u64 = 64 * 1024;
/// How many members are looked at.
const MAX_LOOKS: usize = 1000;
/// How much of a tar archive is looked through.
const MAX_TAR: u64 = 16 * 1024 * 1024;
/// How zip archives start: with a member, with none, in parts.
const ZIP: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"];
/// How names of mail end; members with such names are looked at first.
const MAIL: [&str; 12] = ["mbox", "eml", "emlx", "msg", "dbx", "mbx", "pst", "mbs", "tbb", "box", "pmm", "olm"];

/// A kind of packed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One file.
    One(Packing),
    /// A zip archive.
    Zip,
    /// A tar archive, which may be packed as a whole.
    Tar(Option<Packing>),
}

impl Kind {
    /// What the file at `path` is; `None` for one that is not packed, or is no file.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        let file = file::open_regular(path)?;
        let mut start = Vec::new();
        file::read_at(&file, 0, START, &mut start)?;
        if is_zip(&start) {
            return Ok(Some(Self::Zip));
        }
        if tar::starts(&start) {
            return Ok(Some(Self::Tar(None)));
        }
        let Some(packing) = Packing::of(&start) else { return Ok(None) };
        let inner = some(&mut Unpacked::new(packing, file), u64::try_from(START).unwrap_or_default());
        Ok(Some(if tar::starts(&inner) { Self::Tar(Some(packing)) } else { Self::One(packing) }))
    }

    /// Its name with the article.
    pub(super) fn name(self) -> String {
        match self {
            Self::One(Packing::Xz) => "an xz file".to_owned(),
            Self::One(packing) => format!("a {} file", packing.name()),
            Self::Zip => "a zip archive".to_owned(),
            Self::Tar(None) => "a tar archive".to_owned(),
            Self::Tar(Some(packing)) => format!("a tar archive packed with {}", packing.name()),
        }
    }
}

/// Whether a file that starts like that is packed.
pub(in crate::store) fn is_packed(start: &[u8]) -> bool {
    is_zip(start) || tar::starts(start) || Packing::of(start).is_some()
}

fn is_zip(start: &[u8]) -> bool {
    ZIP.iter().any(|magic| start.starts_with(magic))
}

/// What a look into a packed file found.
pub(super) enum Look {
    /// Mail of that format.
    Mail(&'static Format),
    /// No mail.
    Nothing,
    /// Only members that need a password.
    Encrypted,
    /// More than is looked through, and no mail so far.
    TooMuch,
}

/// Looks for mail in the file at `path`.
pub(super) fn look(path: &Path, kind: Kind) -> io::Result<Look> {
    let judge = Judge { place: Place::in_memory().or_else(|_| Place::on_disk())? };
    match kind {
        Kind::One(packing) => {
            let name = inner_name(path);
            let mut source = Unpacked::new(packing, file::open_regular(path)?);
            let mut start = Vec::new();
            let read = (&mut source).take(MEMBER).read_to_end(&mut start);
            // An empty file may be a folder without messages; one of which nothing can be read is not.
            let found = if start.is_empty() && read.is_err() { None } else { judge.format(&name, &start) };
            Ok(found.map_or(Look::Nothing, Look::Mail))
        }
        Kind::Zip => judge.zip(path),
        Kind::Tar(packing) => Ok(judge.tar(file::open_regular(path)?, packing)),
    }
}

/// What the file in a packed file is called.
pub(super) fn inner_name(path: &Path) -> OsString {
    let name = path.file_name().unwrap_or(OsStr::new("mail"));
    unpacked_name(name).unwrap_or_else(|| name.to_owned())
}

/// Asks the formats what starts of files are.
struct Judge {
    place: Place,
}

impl Judge {
    /// The format of a file of that name that starts like that.
    fn format(&self, name: &OsStr, start: &[u8]) -> Option<&'static Format> {
        let path = self.place.content().join(name);
        fs::write(&path, start).ok()?;
        let spot = Spot::given(&path);
        let mut others = FORMATS.iter().filter(|format| !super::is_own(format.name));
        let found = others.find(|format| (format.sign)(&spot).is_some());
        let _ = fs::remove_file(&path); // it goes with the directory
        found.copied()
    }

    /// The format of a member with that name and content.
    fn member(&self, name: &[u8], from: &mut dyn Read) -> Option<&'static Format> {
        let names::Path::Below(path) = names::path(name) else { return None };
        let start = some(from, MEMBER);
        let name = path.file_name().filter(|_| !start.is_empty())?;
        if let (Some(name), Some(packing)) = (unpacked_name(name), Packing::of(&start)) {
            let packed = self.place.content().join(".packed");
            fs::write(&packed, &start).ok()?;
            let inner = some(&mut Unpacked::new(packing, File::open(&packed).ok()?), MEMBER);
            return self.format(&name, &inner).filter(|_| !inner.is_empty());
        }
        self.format(name, &start)
    }

    fn zip(&self, path: &Path) -> io::Result<Look> {
        let mut archive = Archive::open(path)?;
        let mut members: Vec<_> = archive.names().iter().cloned().enumerate().collect();
        members.retain(|(_, name)| !name.ends_with('/'));
        members.sort_by_key(|(_, name)| !says_mail(name));
        let mut encrypted = 0;
        for (number, name) in members.iter().take(MAX_LOOKS) {
            if archive.facts(*number).is_ok_and(|facts| facts.is_encrypted) {
                encrypted += 1;
            } else if let Ok(Some(format)) = archive.with(*number, |from| Ok(self.member(name.as_bytes(), from))) {
                return Ok(Look::Mail(format));
            }
        }
        Ok(if encrypted > 0 { Look::Encrypted } else { Look::Nothing })
    }

    fn tar(&self, file: File, packing: Option<Packing>) -> Look {
        let source: Box<dyn Read> = match packing {
            Some(packing) => Box::new(Unpacked::new(packing, file)),
            None => Box::new(file),
        };
        let mut tar = Tar::new(source);
        let mut passed = 0_u64;
        for _ in 0..MAX_LOOKS {
            let Ok(Some(member)) = tar.next() else { return Look::Nothing };
            if member.kind == tar::Kind::File
                && let Some(format) = self.member(&member.name, &mut tar)
            {
                return Look::Mail(format);
            }
            passed = passed.saturating_add(member.size);
            if passed > MAX_TAR {
                break;
            }
        }
        Look::TooMuch
    }
}

/// What can be read of `from`, up to `most` bytes.
fn some(from: &mut dyn Read, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What came before an error is kept.
    let _ = from.take(most).read_to_end(&mut bytes);
    bytes
}

fn says_mail(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    MAIL.contains(&ending.as_str())
}
