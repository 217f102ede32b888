//! Where a member of an archive may lie below the private directory. Used by zip and tar.
//!
//! Names in archives are written by strangers: none leads out of the directory, and none is too long or too deep for it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// How deep a tree is unpacked; no deeper one is followed (`dir`).
const MAX_DEPTH: usize = 32;
/// The longest name of a file on most systems is 255 bytes. Names of messages are longer in archives from Windows, where
/// letters count and not bytes.
const MAX_NAME: usize = 240;
/// How much of its end stays of a name that is too long.
const TAIL: usize = 20;
/// The longest path in all.
const MAX_PATH: usize = 3000;
/// What a Mac adds to archives.
const MAC: [&[u8]; 2] = [b"__MACOSX", b".DS_Store"];

/// What becomes of a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// It lies there, below the directory.
    Below(PathBuf),
    /// It is none of the user's.
    Nothing,
    /// It is refused, and why.
    Refused(&'static str),
}

/// Where the member of that name lies. A leading `/` says no more than that it was packed by its whole path.
pub(super) fn path(name: &[u8]) -> Path {
    let parts = name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    let mut below = PathBuf::new();
    for (depth, part) in parts.enumerate() {
        if part == b".." {
            return Path::Refused("its name leads out of the archive");
        }
        if MAC.contains(&part) {
            return Path::Nothing;
        }
        if depth >= MAX_DEPTH || below.as_os_str().len() + part.len() > MAX_PATH {
            return Path::Refused("it lies too many directories deep");
        }
        below.push(file_name(part));
    }
    if below.as_os_str().is_empty() { Path::Nothing } else { Path::Below(below) }
}

/// One part of a name as the system takes it.
fn file_name(part: &[u8]) -> OsString {
    let part: Vec<u8> = part.iter().map(|byte| if *byte == 0 { b'_' } else { *byte }).collect();
    if part.len() <= MAX_NAME {
        return OsString::from_vec(part);
    }
    // Its end may tell what it is, and is cut where a letter starts.
    let is_letter = |byte: Option<&u8>| byte.is_none_or(|byte| byte & 0xc0 != 0x80);
    let (mut head, mut tail) = (MAX_NAME - TAIL, part.len() - TAIL);
    while !is_letter(part.get(head)) {
        head -= 1;
    }
    while !is_letter(part.get(tail)) {
        tail += 1;
    }
    let mut short = part.get(..head).unwrap_or_default().to_vec();
    short.extend_from_slice(part.get(tail..).unwrap_or_default());
    OsString::from_vec(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out() {
        for (name, below) in [
            ("a/b", "a/b"),
            ("/etc/passwd", "etc/passwd"),
            ("./a//b/./c/", "a/b/c"),
            ("a\0b", "a_b"),
            ("a..b/...", "a..b/..."),
        ] {
            assert_eq!(path(name.as_bytes()), Path::Below(below.into()), "{name}");
        }
        for name in ["../x", "a/../../x", "..", "a/.."] {
            assert!(matches!(path(name.as_bytes()), Path::Refused(_)), "{name}");
        }
        for name in ["", "/", ".", "__MACOSX/a/._b", "a/.DS_Store"] {
            assert_eq!(path(name.as_bytes()), Path::Nothing, "{name}");
        }
        assert!(matches!(path("a/".repeat(10_000).as_bytes()), Path::Refused(_)));
    }

    #[test]
    fn a_name_that_is_too_long_keeps_its_start_and_end() {
        let long = format!("{}.eml", "ä".repeat(300));
        let Path::Below(short) = path(long.as_bytes()) else { panic!() };
        let short = short.to_str().unwrap().to_owned();
        assert!(short.len() <= MAX_NAME && short.starts_with("ää") && short.ends_with("ä.eml"), "{short}");
    }
}
