//! The canonical bytes of a message: what is appended, and what a server's copy is compared with.

use wide::u8x16;

use super::header;

/// What to do with a CR that no LF follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BareCr {
    /// It is content; the file ends its lines with LF.
    Keep,
    /// It ends a line, as in files from old Macs; so do LF and CRLF there, which a body that came raw may hold.
    EndsLine,
}

impl BareCr {
    /// The rule for a file: a CR ends lines only where there is no LF at all (facts/formats.md 1.4).
    pub fn of(bytes: &[u8]) -> Self {
        if memchr::memchr(b'\n', bytes).is_some() { Self::Keep } else { Self::EndsLine }
    }
}

/// Lines of mail are about as long, or longer.
const USUAL_LINE: usize = 32;

/// `message` with every line ended by CRLF, the last one too. No bytes stay no bytes.
pub fn to_crlf(message: &[u8], bare_cr: BareCr) -> Vec<u8> {
    let mut out = Vec::with_capacity(crlf_capacity(message.len()));
    out.extend_from_slice(message);
    into_crlf(out, bare_cr)
}

/// How much room [`into_crlf`] takes for so many bytes, unless their lines are short.
pub const fn crlf_capacity(length: usize) -> usize {
    length + length / USUAL_LINE + 2
}

/// The same in place: lines move towards the end, the last first.
pub fn into_crlf(mut message: Vec<u8>, bare_cr: BareCr) -> Vec<u8> {
    match (message.last(), bare_cr) {
        (None | Some(b'\n'), _) | (Some(b'\r'), BareCr::EndsLine) => {}
        _ => message.push(b'\n'),
    }
    let ends = short_ends(&message, bare_cr);
    let mut read = message.len();
    let mut write = read + ends.len();
    message.reserve_exact(ends.len());
    message.resize(write, 0);
    for end in ends.into_iter().rev() {
        let line = end + 1..read;
        write -= line.len();
        message.copy_within(line, write);
        write -= 2;
        if let Some(crlf) = message.get_mut(write..write + 2) {
            crlf.copy_from_slice(b"\r\n");
        }
        read = end;
    }
    message
}

/// The same for bytes that are a file of their own, by its rule.
pub fn of_file(bytes: Vec<u8>) -> Vec<u8> {
    let bare_cr = BareCr::of(&bytes);
    into_crlf(bytes, bare_cr)
}

/// Where the lines end that do not end in CRLF.
fn short_ends(message: &[u8], bare_cr: BareCr) -> Vec<usize> {
    let mut ends = Vec::with_capacity(message.len() / USUAL_LINE + 1);
    match bare_cr {
        BareCr::Keep => bare_lfs(message, &mut ends),
        BareCr::EndsLine => {
            let is_short = |at: &usize| match message.get(*at) {
                Some(b'\n') => at.checked_sub(1).and_then(|before| message.get(before)) != Some(&b'\r'),
                _ => message.get(at + 1) != Some(&b'\n'),
            };
            ends.extend(memchr::memchr2_iter(b'\r', b'\n', message).filter(is_short));
        }
    }
    ends
}

/// Where an LF stands that no CR is before. Lines are short, so that whole blocks are looked at and not one line's end after
/// the other.
fn bare_lfs(message: &[u8], ends: &mut Vec<usize>) {
    let (blocks, rest) = message.as_chunks::<BLOCK>();
    let mut last = [0; BLOCK];
    for (place, byte) in last.iter_mut().zip(rest) {
        *place = *byte;
    }
    let mut cr_before = 0;
    for (block, start) in blocks.iter().chain([&last]).zip((0..).step_by(BLOCK)) {
        let crs = places(block, b'\r');
        let mut lfs = places(block, b'\n') & !(crs << 1 | cr_before);
        cr_before = crs >> (BLOCK - 1);
        while lfs != 0 {
            ends.extend(usize::try_from(lfs.trailing_zeros()).map(|place| start + place));
            lfs &= lfs - 1;
        }
    }
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// The places of a byte in a block, a bit for each.
fn places(block: &[u8; BLOCK], byte: u8) -> u64 {
    let (parts, _) = block.as_chunks::<16>();
    let bits = |part: &[u8; 16]| u64::from(u8x16::new(*part).simd_eq(u8x16::splat(byte)).to_bitmask());
    parts.iter().rev().fold(0, |places, part| places << 16 | bits(part))
}

/// Why a message can not be appended as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is nothing to send; no server takes an empty message.
    #[error("the message is empty")]
    Empty,
    /// IMAP literals can not hold NUL (RFC 9051 section 4.3); some servers change it silently.
    #[error("the message contains NUL bytes, which IMAP can not carry")]
    Nul,
    /// IMAP counts in 32 bits.
    #[error("the message is larger than 4 GiB")]
    TooBig,
}

/// Whether canonical bytes may be appended.
pub fn check(message: &[u8]) -> Result<(), Unfit> {
    if message.is_empty() {
        Err(Unfit::Empty)
    } else if u32::try_from(message.len()).is_err() {
        Err(Unfit::TooBig)
    } else if memchr::memchr(0, message).is_some() {
        Err(Unfit::Nul)
    } else {
        Ok(())
    }
}

/// Whether the header holds bytes over 127; Cyrus replaces each by `X` and says OK (facts/servers.md section 2).
pub fn has_8bit_header(message: &[u8]) -> bool {
    message.iter().take(header::length(message)).any(|byte| !byte.is_ascii())
}

/// Whether two messages differ in line ends and trailing blank lines only (proof "canonical", facts/servers.md 7).
pub fn same_but_line_ends(a: &[u8], b: &[u8]) -> bool {
    let content = |bytes: &[u8]| -> usize {
        bytes.len() - bytes.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
    };
    let bare = |bytes: &'_ [u8], length: usize| {
        bytes.iter().take(length).copied().filter(|byte| *byte != b'\r').collect::<Vec<_>>()
    };
    bare(a, content(a)) == bare(b, content(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_found_wherever_they_stand() {
        let mut dice = 1_u64;
        for length in 0..400 {
            let message: Vec<u8> = (0..length)
                .map(|_| {
                    dice ^= dice << 13;
                    dice ^= dice >> 7;
                    dice ^= dice << 17;
                    b"\r\n\n\x00ab\x8a\xff"[usize::try_from(dice % 8).unwrap()]
                })
                .collect();
            let is_bare = |at: &usize| message[*at] == b'\n' && (*at == 0 || message[at - 1] != b'\r');
            let wanted: Vec<usize> = (0..length).filter(is_bare).collect();
            assert_eq!(short_ends(&message, BareCr::Keep), wanted, "{message:?}");
        }
    }

    #[test]
    fn every_line_ends_in_crlf_and_nothing_else_changes() {
        for (raw, rule, wire) in [
            (&b"a\nb"[..], BareCr::Keep, &b"a\r\nb\r\n"[..]),
            (b"a\r\nb\r\n", BareCr::Keep, b"a\r\nb\r\n"),
            (b"a\rb\n", BareCr::Keep, b"a\rb\r\n"),
            (b"a\rb\r", BareCr::EndsLine, b"a\r\nb\r\n"),
            (b"a\rb\nc\r\n\n\r\r\nd", BareCr::EndsLine, b"a\r\nb\r\nc\r\n\r\n\r\n\r\nd\r\n"),
            (b"a\r", BareCr::Keep, b"a\r\n"),
            (b"\n", BareCr::Keep, b"\r\n"),
            (b"", BareCr::Keep, b""),
        ] {
            assert_eq!(to_crlf(raw, rule), wire, "{raw:?}");
        }
    }

    #[test]
    fn unfit_messages_are_named() {
        assert_eq!(check(b""), Err(Unfit::Empty));
        assert_eq!(check(b"a\0b"), Err(Unfit::Nul));
        assert_eq!(check(b"A: b\r\n"), Ok(()));
    }

    #[test]
    fn only_line_ends_may_differ_for_the_canonical_proof() {
        assert!(same_but_line_ends(b"a\r\n\r\n", b"a\n"));
        assert!(same_but_line_ends(b"a\rb\r\n", b"ab\r\n"));
        assert!(!same_but_line_ends(b"a\r\n", b"b\r\n"));
    }

    #[test]
    fn eight_bit_bytes_count_in_the_header_only() {
        assert!(has_8bit_header(b"Subject: \xe4\r\n\r\n"));
        assert!(!has_8bit_header(b"Subject: a\r\n\r\n\xe4"));
    }
}
