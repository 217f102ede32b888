//! The walk through the messages of one .mbx file, with what its index knows of them. Used by the store.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;

use super::index::{self, Index, Known};
use super::mailbox::{self, Message};
use crate::mail::{DateSource, Envelope, Flags, Warning};
use crate::store::describe;
use crate::store::pages::{Broken, Pages};
use crate::store::recovered::Shows;
use crate::store::{Damage, Found, Hidden, Walk, dir};

/// How many messages pass between two reports of progress.
const REPORT_EVERY: u64 = 500;

/// One file being walked through.
pub(super) struct Walker<'a> {
    pages: &'a mut Pages,
    path: &'a Path,
    shows: Shows,
    /// Whether headers are read; a count needs none.
    with_headers: bool,
    /// What the index has of messages that were not passed yet.
    known: Option<HashMap<u32, Known>>,
    passed: u64,
    /// Messages that the index does not have.
    unknown: u64,
    visit: &'a mut dyn FnMut(Found) -> Walk,
}

impl<'a> Walker<'a> {
    /// A walk that has not begun.
    pub(super) fn new(
        pages: &'a mut Pages,
        path: &'a Path,
        shows: Shows,
        with_headers: bool,
        visit: &'a mut dyn FnMut(Found) -> Walk,
    ) -> Self {
        Self { pages, path, shows, with_headers, known: None, passed: 0, unknown: 0, visit }
    }

    /// Shows every message. Breaks when the visitor does.
    pub(super) fn run(mut self) -> Walk {
        self.read_index()?;
        let (mut at, magic) = mailbox::start();
        while at < self.pages.size() {
            match Message::read(self.pages, at, &magic) {
                Ok(message) => {
                    at = message.next;
                    self.message(&message)?;
                }
                Err(broken) => {
                    self.damage(at, &broken.reason)?;
                    at = self.next(at, &magic);
                }
            }
        }
        let left = self.known.iter().flatten().filter(|(_, known)| !known.is_deleted).count();
        if left > 0 {
            self.damage(0, &format!("the index beside the file has {left} more messages, which are not found"))?;
        }
        if self.unknown > 0 {
            let lost = "whether they were read or deleted is not known";
            self.damage(0, &format!("{} messages are not in the index beside the file: {lost}", self.unknown))?;
        }
        Walk::Continue(())
    }

    fn next(&mut self, at: u64, magic: &Finder<'_>) -> u64 {
        self.pages.find(at + 1, magic).unwrap_or(self.pages.size())
    }

    fn read_index(&mut self) -> Walk {
        match beside(self.path) {
            Ok((Index { known, broken }, file)) => {
                self.known = Some(known);
                broken
                    .into_iter()
                    .try_for_each(|Broken { offset, reason }| self.name(Damage { file: file.clone(), offset, reason }))
            }
            Err(reason) => self.damage(0, &reason),
        }
    }

    fn message(&mut self, message: &Message) -> Walk {
        self.passed += 1;
        let known = self.known_of(message);
        self.unknown += u64::from(known.is_none() && self.known.is_some());
        if let Some(doubt) = message.doubt {
            self.damage(message.offset, &format!("message {}: {doubt}", message.number))?;
        }
        match self.shown(message, known) {
            Ok(found) => found.map_or(Walk::Continue(()), |found| (self.visit)(found))?,
            Err(broken) => self.damage(broken.offset, &format!("message {}: {}", message.number, broken.reason))?,
        }
        if self.passed.is_multiple_of(REPORT_EVERY) {
            return (self.visit)(Found::Progress { done: message.next, total: self.pages.size() });
        }
        Walk::Continue(())
    }

    fn shown(&mut self, message: &Message, known: Option<Known>) -> Result<Option<Found>, Broken> {
        match (self.shows, known.is_some_and(|known| known.is_deleted)) {
            (Shows::Living, true) => return Ok(Some(Found::Hidden(Hidden::Expunged))),
            (Shows::Deleted, false) => return Ok(None),
            _ => {}
        }
        if message.length == 0 {
            return Err(Broken::at(message.offset, "it is empty"));
        }
        let head = if self.with_headers { self.pages.head(message.text(), message.length)? } else { Vec::new() };
        Ok(Some(Found::Message(envelope(message, known, &head))))
    }

    /// What the index knows of a message; another message may stand where it once was.
    fn known_of(&mut self, message: &Message) -> Option<Known> {
        let known = self.known.as_mut()?.remove(&u32::try_from(message.offset).ok()?)?;
        (known.number == message.number).then_some(known)
    }

    fn damage(&mut self, offset: u64, reason: &str) -> Walk {
        self.name(Damage { file: self.path.to_owned(), offset, reason: reason.to_owned() })
    }

    fn name(&mut self, damage: Damage) -> Walk {
        if self.shows == Shows::Living { (self.visit)(Found::Damage(damage)) } else { Walk::Continue(()) }
    }
}

fn envelope(message: &Message, known: Option<Known>, head: &[u8]) -> Envelope {
    let text = describe::Known {
        flags: known.map_or(Flags::SEEN, |known| known.flags),
        arrived: known.and_then(|known| known.received).map(|date| (date, DateSource::Store)),
        warnings: message.is_cut.then_some(Warning::Truncated).into_iter().collect(),
        ..describe::Known::of_text(message.offset, message.length)
    };
    text.envelope(head)
}

/// The index beside the file at `path`, and where that is.
fn beside(path: &Path) -> Result<(Index, PathBuf), String> {
    let unknown = "deleted messages come out again, and all count as read";
    let found = index_of(path).ok_or_else(|| format!("the index beside it (.idx) is missing: {unknown}"))?;
    let index = index::read(&found).map_err(|reason| format!("{}: {reason}: {unknown}", found.display()))?;
    Ok((index, found))
}

/// The index's path; the case of its name may differ.
fn index_of(path: &Path) -> Option<PathBuf> {
    let wanted = path.with_extension("idx");
    if wanted.exists() {
        return Some(wanted);
    }
    let name = wanted.file_name()?.to_string_lossy().to_lowercase();
    let around = path.parent().filter(|dir| *dir != Path::new("")).unwrap_or(Path::new("."));
    let mut files = dir::entries(around).ok()?.into_iter();
    files.find(|entry| entry.text().to_lowercase() == name).map(|entry| entry.path)
}
