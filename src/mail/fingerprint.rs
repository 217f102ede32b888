//! How a message is known again: by the digest of its bytes, or by what its header says of it; and the sum that users see.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::header;

/// BLAKE3 of the bytes that are appended: the proof that a message arrived.
///
/// Each byte that is carried goes through it, and it takes a third of a SHA-256's time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).into())
    }

    /// What a journal has for `bytes` up to its version 2: a SHA-256.
    pub fn older(bytes: &[u8]) -> Self {
        Self(Sha256Sum::of(bytes).0)
    }

    /// All that a journal may have for `bytes`.
    pub fn ever_of(bytes: &[u8]) -> [Self; 2] {
        [Self::of(bytes), Self::older(bytes)]
    }
}

/// A digest of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Rolling(blake3::Hasher);

impl Rolling {
    /// Takes the next bytes.
    pub fn add(&mut self, piece: &[u8]) {
        _ = self.0.update(piece);
    }

    /// The digest of all that came.
    pub fn digest(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", blake3::Hash::from(self.0))
    }
}

/// SHA-256, as users compare it with other programs'; also makes names that must stay what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sha256Sum([u8; 32]);

impl Sha256Sum {
    /// The sum of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// A sum of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct RollingSum(Sha256);

impl RollingSum {
    /// Takes the next bytes.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The sum of all that came.
    pub fn sum(self) -> Sha256Sum {
        Sha256Sum(self.0.finalize().into())
    }
}

impl fmt::Display for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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
    fn a_sum_prints_as_hex() {
        assert_eq!(Sha256Sum::of(b"").to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn digests_and_sums_are_the_same_in_whatever_pieces_the_bytes_come() {
        let mut rolling = Rolling::default();
        for piece in [&b"one "[..], b"two"] {
            rolling.add(piece);
        }
        assert_eq!(rolling.digest(), Digest::of(b"one two"));
        let mut rolling = RollingSum::default();
        rolling.add(b"one ");
        rolling.add(b"two");
        assert_eq!(rolling.sum(), Sha256Sum::of(b"one two"));
    }

    #[test]
    fn folding_order_and_munged_bytes_do_not_change_a_fingerprint() {
        let sent = Fingerprint::of(b"Subject: a\r\n b\xe4\r\nX: y\r\nMessage-ID: <1@x>\r\n\r\nbody");
        assert_eq!(sent, Fingerprint::of(b"Message-Id: <1@x>\nSubject: a bX\n\n"));
        assert_ne!(sent, Fingerprint::of(b"Message-Id: <2@x>\nSubject: a bX\n\n"));
        assert_ne!(Fingerprint::of(b"From: a\n\n"), Fingerprint::of(b"Subject: a\n\n"));
    }
}
