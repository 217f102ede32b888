//! A message that is too large to be held in memory: read from its file in pieces, as often as needed. Made by the formats
//! whose files have messages as they are; used through [`super::Store::large`].

use std::fs::File;
use std::io;
use std::ops::Range;

use super::file::{self, FileId};
use crate::mail::canonical::BareCr;
use crate::mail::lines::{Crlf, Unquote};
use crate::mail::{Digest, fingerprint};

/// From how many bytes on a message is read in pieces.
pub const LARGE: u64 = 16 << 20;
/// How much is read at once.
const PIECE: u64 = 256 * 1024;

/// A large message.
#[derive(Debug)]
pub struct Large {
    file: File,
    /// The file as it was when the message was opened.
    id: FileId,
    /// What stands before the body, ready but for its line ends.
    head: Vec<u8>,
    /// Where the rest lies in the file.
    body: Range<u64>,
    bare_cr: BareCr,
    /// Whether the body is quoted as in an mbox.
    is_quoted: bool,
}

impl Large {
    /// A message that is the bytes of a file in `body`, but for their line ends.
    pub(super) fn of_file(file: File, body: Range<u64>) -> io::Result<Self> {
        let id = FileId::of(&file.metadata()?);
        let bare_cr = bare_cr(&file, &body)?;
        Ok(Self { file, id, head: Vec::new(), body, bare_cr, is_quoted: false })
    }

    /// A message in an mbox: its header without what is the mbox's own, and where its body lies.
    pub(super) fn in_mbox(
        file: File,
        head: Vec<u8>,
        body: Range<u64>,
        bare_cr: BareCr,
        is_quoted: bool,
    ) -> io::Result<Self> {
        let id = FileId::of(&file.metadata()?);
        Ok(Self { file, id, head, body, bare_cr, is_quoted })
    }

    /// The bytes as they would be appended, in pieces. The last is an error if the file changed meanwhile.
    pub fn pieces(&self) -> Pieces<'_> {
        Pieces {
            large: self,
            at: self.body.start,
            crlf: Crlf::new(self.bare_cr),
            unquote: self.is_quoted.then(|| Unquote::new(self.bare_cr)),
            stage: Stage::Head,
        }
    }

    /// The same, where the last comes only if all of them have that digest: else it is an error.
    pub fn checked(&self, digest: Digest) -> impl Iterator<Item = io::Result<Vec<u8>>> {
        let mut pieces = self.pieces().filter(|piece| !matches!(piece, Ok(bytes) if bytes.is_empty()));
        let mut rolling = Some(fingerprint::Rolling::default());
        let mut held: Option<Vec<u8>> = None;
        std::iter::from_fn(move || {
            for piece in pieces.by_ref() {
                let Ok(piece) = piece else { return Some(piece) };
                if let Some(rolling) = &mut rolling {
                    rolling.add(&piece);
                }
                if let Some(before) = held.replace(piece) {
                    return Some(Ok(before));
                }
            }
            let is_same = rolling.take()?.digest() == digest;
            if is_same { held.take().map(Ok) } else { Some(Err(changed())) }
        })
    }

    /// The digest of these bytes.
    pub fn digest(&self) -> io::Result<Digest> {
        let mut rolling = fingerprint::Rolling::default();
        for piece in self.pieces() {
            rolling.add(&piece?);
        }
        Ok(rolling.digest())
    }
}

/// Whether a CR ends the lines of what lies in `range`, as [`BareCr::of`] tells of bytes.
pub(super) fn bare_cr(file: &File, range: &Range<u64>) -> io::Result<BareCr> {
    let mut piece = Vec::new();
    let mut at = range.start;
    while at < range.end {
        read_piece(file, at, range.end, &mut piece)?;
        if memchr::memchr(b'\n', &piece).is_some() {
            return Ok(BareCr::Keep);
        }
        at += piece.len() as u64;
    }
    Ok(BareCr::EndsLine)
}

/// The next bytes from `at` on; a file that ends before `end` is an error.
fn read_piece(file: &File, at: u64, end: u64, into: &mut Vec<u8>) -> io::Result<()> {
    let want = usize::try_from(PIECE.min(end - at)).unwrap_or(usize::MAX);
    file::read_at(file, at, want, into)?;
    if into.len() == want { Ok(()) } else { Err(changed()) }
}

fn changed() -> io::Error {
    io::Error::other("it was changed while it was read")
}

/// The pieces of a large message, in order.
#[derive(Debug)]
pub struct Pieces<'a> {
    large: &'a Large,
    at: u64,
    crlf: Crlf,
    unquote: Option<Unquote>,
    stage: Stage,
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Head,
    Body,
    End,
}

impl Pieces<'_> {
    fn body(&mut self) -> io::Result<Vec<u8>> {
        let (mut raw, mut plain, mut out) = (Vec::new(), Vec::new(), Vec::new());
        if self.at < self.large.body.end {
            read_piece(&self.large.file, self.at, self.large.body.end, &mut raw)?;
            self.at += raw.len() as u64;
            match &mut self.unquote {
                Some(unquote) => unquote.push(&raw, &mut plain),
                None => plain = raw,
            }
            self.crlf.push(&plain, &mut out);
            return Ok(out);
        }
        if let Some(unquote) = &mut self.unquote {
            unquote.finish(&mut plain);
        }
        self.crlf.push(&plain, &mut out);
        self.crlf.finish(&mut out);
        self.stage = Stage::End;
        if FileId::of(&self.large.file.metadata()?) == self.large.id { Ok(out) } else { Err(changed()) }
    }
}

impl Iterator for Pieces<'_> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.stage {
            Stage::Head => {
                self.stage = Stage::Body;
                let mut out = Vec::new();
                self.crlf.push(&self.large.head, &mut out);
                Some(Ok(out))
            }
            Stage::Body => {
                let piece = self.body();
                if piece.is_err() {
                    self.stage = Stage::End;
                }
                Some(piece)
            }
            Stage::End => None,
        }
    }
}
