//! What an admin should know of a folder's messages before they are carried: every doubt, by message. Used by `ls
//! --messages` and by the screen. Reads every message in full, so it takes as long as that.

use std::collections::HashMap;

use super::{Damage, Found, Hidden, Store, StoreError, Walk};
use crate::mail::units::{bytes, thousands};
use crate::mail::{DateSource, Envelope, FolderPath, Sha256Sum, Warning};

/// The longest line that mail may have, without its end (RFC 5322 2.1.1). Servers take longer ones, some refuse them.
const LONGEST_LINE: usize = 998;
/// Larger messages are refused by many servers (Gmail takes 35 MB on APPEND, a default of others is 25 MB or less).
const LARGE: u64 = 25 * 1024 * 1024;

/// A doubt about one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// One that the list has already.
    Warning(Warning),
    /// It starts at a line of an mbox, by its number, that may be text of the message before.
    DoubtfulSplit(u64),
    /// Nothing in the store tells when it came but the time of the file, which a copy changes.
    DateOfFile,
    /// It has NUL bytes, which IMAP can not carry in a literal.
    Nul(usize),
    /// It has lines longer than mail may have: how many, and the length of the longest.
    LongLines(usize, usize),
    /// It is so large that servers may refuse it: its size in bytes.
    Large(u64),
    /// The same bytes stand in the store a second time: where they came first.
    Duplicate(String),
}

impl Doubt {
    /// The doubt in words.
    pub fn text(&self) -> String {
        match self {
            Self::Warning(warning) => warning.label().to_owned(),
            Self::DoubtfulSplit(line) => format!("{}: line {}", Warning::DoubtfulSplit.label(), thousands(*line)),
            Self::DateOfFile => "no date of its own; that of its file is taken".to_owned(),
            Self::Nul(count) => format!("NUL bytes: {}", thousands(*count as u64)),
            Self::LongLines(count, longest) => {
                let (count, longest) = (thousands(*count as u64), thousands(*longest as u64));
                format!("lines over {LONGEST_LINE} bytes: {count}, the longest {longest}")
            }
            Self::Large(size) => format!("it is large: {}; a server may refuse it", bytes(*size)),
            Self::Duplicate(first) => format!("the same message as {first}"),
        }
    }
}

/// What comes up while a folder is examined.
pub enum Examined<'a> {
    /// A message with all that is doubtful about it.
    Message {
        /// As listed.
        envelope: &'a Envelope,
        /// How many bytes would be appended.
        size: u64,
        /// Their digest.
        digest: Sha256Sum,
        /// The doubts.
        doubts: Vec<Doubt>,
    },
    /// A message that is listed but could not be read.
    Unreadable(&'a Envelope, &'a StoreError),
    /// Something in the folder that could not be read.
    Damage(&'a Damage),
    /// How many messages are not carried for this reason.
    Hidden(Hidden, u64),
}

/// Examines the folders of one store, and remembers what it has seen.
#[derive(Default)]
pub struct Examiner {
    /// Where each content came first.
    seen: HashMap<Sha256Sum, Box<str>>,
}

impl Examiner {
    /// Examines one folder; `visit` may stop it.
    pub fn examine(
        &mut self,
        store: &mut dyn Store,
        folder: &FolderPath,
        visit: &mut dyn FnMut(Examined<'_>) -> Walk,
    ) -> Result<Walk, StoreError> {
        let mut envelopes = Vec::new();
        let mut hidden: Vec<(Hidden, u64)> = Vec::new();
        let mut walk = Walk::Continue(());
        store.list(folder, &mut |found| {
            match found {
                Found::Message(envelope) => envelopes.push(envelope),
                Found::Damage(damage) => walk = visit(Examined::Damage(&damage)),
                Found::Hidden(kind) => match hidden.iter_mut().find(|(known, _)| *known == kind) {
                    Some((_, count)) => *count += 1,
                    None => hidden.push((kind, 1)),
                },
                Found::Progress { .. } => {}
            }
            walk
        })?;
        if walk.is_break() {
            return Ok(walk);
        }
        for envelope in &envelopes {
            let walk = match store.read(folder, &envelope.locator) {
                Ok(bytes) => {
                    let digest = Sha256Sum::of(&bytes);
                    let doubts = self.doubts(store, folder, envelope, (&bytes, digest));
                    visit(Examined::Message { envelope, size: bytes.len() as u64, digest, doubts })
                }
                Err(error) => visit(Examined::Unreadable(envelope, &error)),
            };
            if walk.is_break() {
                return Ok(walk);
            }
        }
        Ok(hidden.into_iter().try_for_each(|(kind, count)| visit(Examined::Hidden(kind, count))))
    }

    fn doubts(
        &mut self,
        store: &mut dyn Store,
        folder: &FolderPath,
        envelope: &Envelope,
        (bytes, digest): (&[u8], Sha256Sum),
    ) -> Vec<Doubt> {
        let mut said = |warning: &Warning| {
            let is_split = *warning == Warning::DoubtfulSplit;
            let line = if is_split { store.line(folder, &envelope.locator) } else { None };
            line.map_or(Doubt::Warning(*warning), Doubt::DoubtfulSplit)
        };
        let mut doubts: Vec<_> = envelope.warnings.iter().map(&mut said).collect();
        // In a Maildir the time of the file is when the message came.
        let is_last_resort = !store.format_of(folder).dates_by_file();
        let is_of_file = envelope.date_from == DateSource::Mtime && is_last_resort;
        doubts.extend(is_of_file.then_some(Doubt::DateOfFile));
        doubts.extend(content(bytes));
        doubts.extend(self.duplicate(folder, envelope, digest));
        doubts
    }

    /// Where the same bytes came first, if they did.
    fn duplicate(&mut self, folder: &FolderPath, envelope: &Envelope, digest: Sha256Sum) -> Option<Doubt> {
        let here = format!("{folder} {}", envelope.locator.id());
        let first = self.seen.get(&digest).map(|first| Doubt::Duplicate(first.to_string()));
        if first.is_none() {
            self.seen.insert(digest, here.trim_start().into());
        }
        first
    }
}

/// The doubts that a message's bytes raise.
fn content(bytes: &[u8]) -> impl Iterator<Item = Doubt> {
    let nul = memchr::memchr_iter(0, bytes).count();
    let (mut count, mut longest, mut start) = (0, 0, 0);
    for end in memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]) {
        let length = end.saturating_sub(start).saturating_sub(1); // without CR
        if length > LONGEST_LINE {
            count += 1;
            longest = longest.max(length);
        }
        start = end + 1;
    }
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let doubts = [
        (nul > 0).then_some(Doubt::Nul(nul)),
        (count > 0).then_some(Doubt::LongLines(count, longest)),
        (size > LARGE).then_some(Doubt::Large(size)),
    ];
    doubts.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_raise_doubts_only_where_mail_may_not_have_them() {
        let line = |length: usize| [vec![b'x'; length], b"\r\n".to_vec()].concat();
        assert_eq!(content(&line(998)).collect::<Vec<_>>(), []);
        assert_eq!(
            content(&[line(999), line(1200), line(5)].concat()).collect::<Vec<_>>(),
            [Doubt::LongLines(2, 1200)]
        );
        assert_eq!(content(b"a\0b\0\r\n").collect::<Vec<_>>(), [Doubt::Nul(2)]);
        assert_eq!(content(&b"ok\r\n".repeat(7_000_000)).collect::<Vec<_>>(), [Doubt::Large(28_000_000)]);
    }
}
