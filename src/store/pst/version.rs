//! What a file is that starts as an Outlook data file does: one that is read, or another kind, with what to do.
//!
//! Source: [MS-PST] 2.2.2.6 and facts/formats.md 1.10.

use crate::store::bytes::u16_at;

/// What a file is that starts as a PST does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One that is read.
    Pst,
    /// The cache of a server's mailbox.
    Ost,
    /// A version nobody has described.
    Unknown(u16),
}

/// How the files start.
pub(super) const MAGIC: &[u8] = b"!BDN";
/// Where the program's mark stands.
const CLIENT: std::ops::Range<usize> = 8..10;
const PST_CLIENT: &[u8] = b"SM";
const OST_CLIENT: &[u8] = b"SO";
/// Where the version stands.
pub(super) const VERSION: usize = 10;
/// Versions with numbers of 4 and of 8 bytes.
pub(super) const NARROW_VERSIONS: [u16; 2] = [14, 15];
const WIDE_VERSIONS: [u16; 2] = [21, 23];
/// Outlook 2013 and later write caches of servers so, whatever their mark.
const OST_VERSION: u16 = 36;

/// What a file is, by its first bytes; `None` for something else.
pub(super) fn kind(start: &[u8]) -> Option<Kind> {
    if !start.starts_with(MAGIC) {
        return None;
    }
    let version = u16_at(start, VERSION).unwrap_or_default();
    Some(match start.get(CLIENT).unwrap_or_default() {
        OST_CLIENT => Kind::Ost,
        _ if version == OST_VERSION => Kind::Ost,
        PST_CLIENT if NARROW_VERSIONS.contains(&version) || WIDE_VERSIONS.contains(&version) => Kind::Pst,
        _ => Kind::Unknown(version),
    })
}

/// What a file is that starts as a PST does and is not read, with what to do.
pub(in crate::store) fn advice(start: &[u8]) -> Option<String> {
    const EXPORT: &str = "let Outlook export it to a .pst, or convert it with readpst";
    match kind(start)? {
        Kind::Pst => None,
        Kind::Ost => Some(format!(
            "this is an Outlook cache (.ost) of a server's mailbox, which is not read; connect to that server, or {EXPORT}"
        )),
        Kind::Unknown(version) => {
            Some(format!("this is an Outlook data file of version {version}, which is not read; {EXPORT}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_file_is_told_apart() {
        for (start, found) in [
            (&b"!BDN\0\0\0\0SM\x17\0"[..], Some(Kind::Pst)),
            (b"!BDN\0\0\0\0SM\x0e\0", Some(Kind::Pst)),
            (b"!BDN\0\0\0\0SO\x17\0", Some(Kind::Ost)),
            (b"!BDN\0\0\0\0SM\x24\0", Some(Kind::Ost)),
            (b"!BDN\0\0\0\0SM\x63\0", Some(Kind::Unknown(99))),
            (b"!BDN", Some(Kind::Unknown(0))),
            (b"From x", None),
        ] {
            assert_eq!(kind(start), found);
            assert_eq!(advice(start).is_some(), matches!(found, Some(Kind::Ost | Kind::Unknown(_))));
        }
    }
}
