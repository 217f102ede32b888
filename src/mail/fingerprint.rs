//! How a message is known again: by the digest of its bytes, or by what its header says of it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::header;

/// SHA-256 of the bytes that are appended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// A digest of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Rolling(Sha256);

impl Rolling {
    /// Takes the next bytes.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all that came.
    pub fn digest(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A Message-ID in short, as in [`Names`].
#[expect(clippy::cast_possible_truncation, reason = "half of it is enough to find candidates")]
pub fn short_id(id: &[u8]) -> u64 {
    short(Sha256::new().chain_update(id)) as u64
}

/// Half of a digest.
fn short(hash: Sha256) -> u128 {
    let bytes: [u8; 32] = hash.finalize().into();
    bytes.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// The header fields a fingerprint is made of, in FETCH order.
pub const FINGERPRINT_FIELDS: [&str; 4] = ["Message-ID", "Date", "From", "Subject"];

/// A message's identity by its header: half a SHA-256 over Message-ID, Date, From and Subject.
///
/// Together with the size it finds what a server already holds without fetching bodies. Equal messages have equal
/// fingerprints, so it must be counted as a multiset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The fingerprint of a message, or of the four fields that a server returned.
    pub fn of(message: &[u8]) -> Self {
        Names::of(message).fingerprint
    }
}

/// What a header names a message by, found in one pass.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// By Message-ID, Date, From and Subject.
    pub fingerprint: Fingerprint,
    /// By the Message-ID alone, which even servers keep that write mail anew. Others may have the same: what it finds must
    /// be compared.
    pub id: Option<u64>,
}

impl Names {
    /// The names of a message, or of the fields that a server returned.
    ///
    /// Folding does not count, and every byte over 127 counts as `X`, since Cyrus stores it so.
    pub fn of(message: &[u8]) -> Self {
        let head = message.get(..header::MAX_HEADER).unwrap_or(message);
        let mut found = [None; FINGERPRINT_FIELDS.len()];
        for field in header::fields(head) {
            for (name, first) in FINGERPRINT_FIELDS.iter().zip(&mut found) {
                if first.is_none() && field.is(name) {
                    *first = Some(field.value);
                }
            }
        }
        let mut plain = Vec::new();
        for value in found {
            for word in value.unwrap_or_default().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
                plain.extend(word.iter().map(|byte| if byte.is_ascii() { *byte } else { b'X' }));
                plain.push(b' ');
            }
            plain.push(b'\n');
        }
        let [id, ..] = found;
        let id = id.map(<[u8]>::trim_ascii).filter(|id| !id.is_empty());
        Self { fingerprint: Fingerprint(short(Sha256::new().chain_update(plain))), id: id.map(short_id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_prints_as_hex() {
        assert_eq!(Digest::of(b"").to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn folding_order_and_munged_bytes_do_not_change_a_fingerprint() {
        let sent = Fingerprint::of(b"Subject: a\r\n b\xe4\r\nX: y\r\nMessage-ID: <1@x>\r\n\r\nbody");
        assert_eq!(sent, Fingerprint::of(b"Message-Id: <1@x>\nSubject: a bX\n\n"));
        assert_ne!(sent, Fingerprint::of(b"Message-Id: <2@x>\nSubject: a bX\n\n"));
        assert_ne!(Fingerprint::of(b"From: a\n\n"), Fingerprint::of(b"Subject: a\n\n"));
    }
}
