//! Where the messages of a `Messages` file are: by its tables, or looked for. Used by the store.

use std::collections::{BTreeMap, HashSet};

use memchr::memmem::Finder;

use crate::store::eml;
use crate::store::pages::{Broken, Pages, be32};

/// Where the file has the place of its last table.
pub(super) const LAST_TABLE: u64 = 0x0c;
/// An entry: what it is, how far on the next one is, its folder, and how long what follows is.
pub(super) const ENTRY: u64 = 16;
const FOLDER: usize = 8;
const LENGTH: usize = 12;
/// What entries are.
pub(super) const MAIL: u32 = 0;
pub(super) const TABLE: u32 = u32::from_be_bytes(*b"TOC ");
pub(super) const DELETED: u32 = u32::from_be_bytes(*b"DELE");
/// The most tables and messages that are followed; both are bounded by the file as well.
const MAX_ENTRIES: usize = 4_000_000;
/// How many of its remarks are kept; every entry of a table may be worth one.
const MAX_REMARKS: usize = 1000;
/// How much of a text is looked at to know it.
const SNIFF: u64 = 512;

/// One entry of the file.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    /// What it is.
    pub(super) kind: u32,
    folder: u32,
    /// How many bytes follow it.
    pub(super) length: u32,
}

impl Piece {
    /// Reads the entry at `at`.
    pub(super) fn read(pages: &mut Pages, at: u32) -> Result<Self, Broken> {
        let head: [u8; 16] = pages.array(at)?;
        let word = |place| be32(&head, place).unwrap_or(0);
        Ok(Self { kind: word(0), folder: word(FOLDER), length: word(LENGTH) })
    }
}

/// Where the messages of a file are.
#[derive(Default)]
pub(super) struct Survey {
    /// The places of the messages.
    pub(super) mail: Vec<u32>,
    seen: HashSet<u32>,
    /// What is not as it must be.
    pub(super) damage: Vec<Broken>,
    /// Whether the tables do not lead to all there is.
    pub(super) is_incomplete: bool,
    /// How many bytes of tables were read; tables do not overlap.
    read: u64,
}

impl Survey {
    /// Follows the tables from the last one on; a table leads to messages and to other tables.
    pub(super) fn follow(&mut self, pages: &mut Pages) {
        let last = pages.array(LAST_TABLE).map(u32::from_be_bytes);
        let mut tables = match last {
            Ok(at) if Piece::read(pages, at).is_ok_and(|piece| piece.kind == TABLE) => vec![at],
            _ => return self.lost(Broken::at(LAST_TABLE, "this does not lead to a table of messages")),
        };
        while let Some(at) = tables.pop() {
            if !self.seen.insert(at) {
                self.remark(Broken::at(at, "a second entry leads to this table"));
                continue;
            }
            match self.table(pages, at) {
                Ok(places) => {
                    for place in places.into_iter().filter(|place| *place != 0) {
                        match Piece::read(pages, place).map(|piece| piece.kind) {
                            _ if self.mail.len() + tables.len() > MAX_ENTRIES => self.is_incomplete = true,
                            Ok(TABLE) => tables.push(place),
                            Ok(MAIL) if self.seen.insert(place) => self.mail.push(place),
                            Ok(MAIL) => self.remark(Broken::at(place, "a second entry leads to this message")),
                            Ok(_) => self.lost(Broken::at(place, "no message starts here")),
                            Err(broken) => self.lost(broken),
                        }
                    }
                }
                Err(broken) => self.lost(broken),
            }
        }
    }

    fn lost(&mut self, broken: Broken) {
        self.is_incomplete = true;
        self.remark(broken);
    }

    fn remark(&mut self, broken: Broken) {
        if self.damage.len() < MAX_REMARKS {
            self.damage.push(broken);
        }
    }

    fn table(&mut self, pages: &mut Pages, at: u32) -> Result<Vec<u32>, Broken> {
        let piece = Piece::read(pages, at)?;
        self.read += u64::from(piece.length);
        if piece.kind != TABLE || self.read > pages.size() {
            return Err(Broken::at(at, "the table here is not as it must be"));
        }
        let bytes = pages.bytes(u64::from(at) + ENTRY, piece.length.into())?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect())
    }

    /// Looks at every word of the file for the start of a message.
    pub(super) fn search(&mut self, pages: &mut Pages) {
        let before = self.mail.len();
        let mut at = 0_u32;
        while u64::from(at) + ENTRY < pages.size() && self.mail.len() < MAX_ENTRIES {
            let known = self.seen.contains(&at);
            let Some(length) = message_length(pages, at, MAIL).filter(|_| !known) else {
                at = at.saturating_add(1);
                if at == u32::MAX {
                    break;
                }
                continue;
            };
            self.seen.insert(at);
            self.mail.push(at);
            at = at.saturating_add(16).saturating_add(length);
        }
        let found = self.mail.len() - before;
        if self.is_incomplete || found > 0 {
            self.damage.push(Broken::at(0_u32, format!("the file was searched, which found {found} more messages")));
        }
    }

    /// The messages of each folder, in the file's order.
    pub(super) fn by_folder(&mut self, pages: &mut Pages) -> BTreeMap<u32, Vec<u32>> {
        let mut folders: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        self.mail.sort_unstable();
        for at in &self.mail {
            if let Ok(piece) = Piece::read(pages, *at) {
                folders.entry(piece.folder).or_default().push(*at);
            }
        }
        folders
    }
}

/// The deleted messages of each folder, in the file's order. Their entries keep folder and length; nothing that is known
/// leads from one to the next, so the file is searched, and what does not start like a message is left out.
pub(super) fn deleted(pages: &mut Pages) -> BTreeMap<u32, Vec<u32>> {
    let mark = Finder::new(b"DELE");
    let mut folders: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut from = 0;
    while let Some(at) = pages.find(from, &mark) {
        from = at + 1;
        let Ok(at) = u32::try_from(at) else { break };
        let Some(length) = message_length(pages, at, DELETED) else { continue };
        if let Ok(piece) = Piece::read(pages, at) {
            folders.entry(piece.folder).or_default().push(at);
        }
        from = u64::from(at) + ENTRY + u64::from(length);
    }
    folders
}

/// How long the message of that kind at `at` is, if one starts there.
fn message_length(pages: &mut Pages, at: u32, kind: u32) -> Option<u32> {
    let piece = Piece::read(pages, at).ok().filter(|piece| piece.kind == kind && piece.length > 0)?;
    let start = u64::from(at) + ENTRY;
    let left = pages.size().checked_sub(start).filter(|left| *left >= piece.length.into())?;
    let text = pages.bytes(start, SNIFF.min(piece.length.into()).min(left)).ok()?;
    eml::looks_like_message(&text).then_some(piece.length)
}
