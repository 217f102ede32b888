//! Zip archives, read member by member. Used by OLM, and to unpack archives of any mail.
//!
//! What a member claims about its size is not believed: as much is read as comes out, up to a limit. Nothing is written to
//! disk here.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use chrono::{Local, NaiveDate, TimeZone as _};
use zip::{DateTime, ExtraField, ZipArchive};

use super::bytes::{invalid, u16_at};
use super::file;
use super::guard::guarded;

/// The largest member that is read. IMAP can carry no more, and no server takes as much.
const MAX_MEMBER: u64 = 1024 * 1024 * 1024;
/// Deflate can not pack better than this, so a member can not be longer (zlib's technical notes).
const MAX_RATIO: u64 = 1032;

/// What an archive's directory says of a member.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Its name, with `/` between directories.
    pub(super) name: String,
    /// Whether it is a directory.
    pub(super) is_directory: bool,
    /// Whether it is a symbolic link.
    pub(super) is_link: bool,
    /// Whether a password is needed to read it.
    pub(super) is_encrypted: bool,
    /// How long it says that it is, unpacked.
    pub(super) size: u64,
    /// When it was changed.
    pub(super) modified: Option<SystemTime>,
}

/// An open archive.
pub(super) struct Archive {
    zip: ZipArchive<File>,
    /// The names of its members, in the order of its directory.
    names: Vec<String>,
    /// Names in the directory that are not those that stand before the members.
    misnamed: Vec<String>,
}

/// What stands before a member: its length without the name, and where that has its length (APPNOTE.TXT 4.3.7).
const LOCAL_HEADER: u64 = 30;
const NAME_LENGTH: usize = 26;

impl Archive {
    /// Opens the archive at `path` and reads its directory.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = file::open_regular(path)?;
        let headers = file.try_clone()?;
        guarded(|| {
            let mut archive = Self { zip: ZipArchive::new(file)?, names: Vec::new(), misnamed: Vec::new() };
            for number in 0..archive.zip.len() {
                let member = archive.zip.by_index_raw(number)?;
                let name = String::from_utf8_lossy(member.name_raw()).into_owned();
                if local_name(&headers, member.header_start())? != member.name_raw() {
                    archive.misnamed.push(name.clone());
                }
                archive.names.push(name);
            }
            Ok(archive)
        })
    }

    /// The names of members that have another one before their content: one of the two is damaged.
    pub(super) fn misnamed(&self) -> &[String] {
        &self.misnamed
    }

    /// The names of the members by number. Directories end in `/`.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// How long a member says that it is, unpacked.
    pub(super) fn told_size(&mut self, number: usize) -> u64 {
        let zip = &mut self.zip;
        guarded(|| Ok(zip.by_index_raw(number)?.size())).unwrap_or_default()
    }

    /// The bytes of a member; its checksum is checked.
    pub(super) fn read(&mut self, number: usize) -> io::Result<Vec<u8>> {
        let zip = &mut self.zip;
        guarded(|| {
            let member = zip.by_index(number)?;
            let limit = MAX_MEMBER.min(member.compressed_size().saturating_mul(MAX_RATIO).saturating_add(MAX_RATIO));
            let mut bytes = Vec::new();
            let read = member.take(limit).read_to_end(&mut bytes)?;
            let whole = u64::try_from(read).is_ok_and(|read| read < limit);
            if whole { Ok(bytes) } else { Err(invalid("it is larger than 1 GiB")) }
        })
    }

    /// What the directory says of a member.
    pub(super) fn facts(&mut self, number: usize) -> io::Result<Facts> {
        let zip = &mut self.zip;
        guarded(|| {
            let member = zip.by_index_raw(number)?;
            // Programs on Linux write UTF-8 and do not say so.
            let name = match std::str::from_utf8(member.name_raw()) {
                Ok(name) => name.to_owned(),
                Err(_) => member.name()?.into_owned(),
            };
            // Some programs on Windows divide by what divides there.
            let name = if name.contains('/') { name } else { name.replace('\\', "/") };
            let exact = member.extra_data_fields().find_map(|field| match field {
                ExtraField::ExtendedTimestamp(times) => times.mod_time(),
                _ => None,
            });
            let exact = exact.map(|time| SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(time)));
            Ok(Facts {
                is_directory: name.ends_with('/'),
                name,
                is_link: member.is_symlink(),
                is_encrypted: member.encrypted(),
                size: member.size(),
                modified: exact.or_else(|| local(member.last_modified()?)),
            })
        })
    }

    /// Hands the content of a member to `work`, which bounds it; its checksum is checked at the end.
    pub(super) fn with<T: Send>(
        &mut self,
        number: usize,
        work: impl FnOnce(&mut dyn io::Read) -> io::Result<T> + Send,
    ) -> io::Result<T> {
        let zip = &mut self.zip;
        guarded(|| work(&mut zip.by_index(number)?))
    }
}

/// A time without a zone is that of the clock on the wall.
fn local(time: DateTime) -> Option<SystemTime> {
    let day = NaiveDate::from_ymd_opt(time.year().into(), time.month().into(), time.day().into())?;
    let time = day.and_hms_opt(time.hour().into(), time.minute().into(), time.second().into())?;
    Some(Local.from_local_datetime(&time).earliest()?.into())
}

/// The name that stands before a member's content.
fn local_name(file: &File, start: u64) -> io::Result<Vec<u8>> {
    let header = file::read_range(file, start, LOCAL_HEADER)?;
    let length = u16_at(&header, NAME_LENGTH).unwrap_or_default();
    file::read_range(file, start.saturating_add(LOCAL_HEADER), length.into())
}
