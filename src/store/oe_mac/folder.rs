//! One folder of Outlook Express 4 for Mac: the messages in `Mail` with what `Index` knows of them. Used by the store.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;

use crate::mail::{DateSource, InternalDate, Locator, Warning};
use crate::store::describe::Known;
use crate::store::pages::{Broken, Pages, be32};
use crate::store::recovered::Shows;
use crate::store::{Damage, Found, Hidden, StoreError, Walk, file};

/// The two files and their first bytes.
pub(super) const INDEX: &str = "Index";
pub(super) const INDEX_MAGIC: &[u8; 4] = b"FMIn";
pub(super) const MAIL: &str = "Mail";
pub(super) const MAIL_MAGIC: &[u8; 4] = b"FMDF";
/// Where the index has the length of its header and the number of its records; both files have the same stamp.
const INDEX_HEADER: u64 = 8;
const INDEX_COUNT: u64 = 12;
const INDEX_STAMP: u64 = 16;
const MAIL_STAMP: u64 = 12;
const MAIL_HEADER: u64 = 24;
/// A record of the index: its length, and where in it the message's place, length and date stand.
const RECORD: usize = 52;
const RECORD_LONG: u64 = 52;
const PLACE: usize = 12;
const LENGTH: usize = 16;
const DATE: usize = 20;
/// A message starts with one of these, and the length of its header; lengths are padded to 4.
const LIVE: &[u8; 4] = b"MSum";
const DELETED: &[u8; 4] = b"MDel";
const MESSAGE_HEADER: u32 = 36;
const MAX_MESSAGE_HEADER: u32 = 4096;
const PADDING: usize = 3;
pub(super) const PADDING_LONG: u64 = 3;
/// Dates count from 1904, in seconds.
const MAC_EPOCH: i64 = 2_082_844_800;
/// How many messages pass between two reports of progress.
const REPORT_EVERY: u64 = 500;

/// A date of an old Mac, if it is a believable one.
fn mac_date(seconds: u32) -> Option<InternalDate> {
    Some(InternalDate::from_unix(i64::from(seconds) - MAC_EPOCH)).filter(|date| date.is_sane())
}

/// The header of a message.
pub(super) struct Header {
    /// How many bytes on its text starts; deleted messages may have lost that.
    length: Option<u64>,
    is_deleted: bool,
}

impl Header {
    /// How many bytes on the text starts of a message that is shown.
    pub(super) fn shown(&self, shows: Shows) -> Option<u64> {
        self.length.filter(|_| self.is_deleted == (shows == Shows::Deleted))
    }
}

/// Reads the header of the message at `at`.
pub(super) fn message_header(mail: &mut Pages, at: u64) -> Result<Header, Broken> {
    let head: [u8; 8] = mail.array(at)?;
    let length = be32(&head, 4).unwrap_or(0);
    let length = (MESSAGE_HEADER..=MAX_MESSAGE_HEADER).contains(&length).then(|| length.into());
    match head.first_chunk() {
        Some(LIVE) if length.is_some() => Ok(Header { length, is_deleted: false }),
        Some(DELETED) => Ok(Header { length, is_deleted: true }),
        _ => Err(Broken::at(at, "no message starts here")),
    }
}

/// Whether a message can end at `end`: the next one starts there, or the file ends.
pub(super) fn is_end(mail: &mut Pages, end: u64) -> bool {
    end >= mail.size() || message_header(mail, end).is_ok()
}

/// How many messages the index of the folder at `dir` has.
pub(super) fn indexed(dir: &Path) -> u32 {
    let index = file::open_regular(&dir.join(INDEX)).and_then(Pages::new).ok();
    index.and_then(|mut index| index.array(INDEX_COUNT).map(u32::from_be_bytes).ok()).unwrap_or(0)
}

/// Where a message is, and what the index says of it.
#[derive(Clone, Copy)]
struct Message {
    at: u64,
    length: u64,
    date: Option<InternalDate>,
}

/// A search for one kind of message. Remembers what it found, so that a file is looked through once.
struct Search {
    magic: Finder<'static>,
    found: Option<u64>,
    has_begun: bool,
}

impl Search {
    fn of(magic: &'static [u8]) -> Self {
        Self { magic: Finder::new(magic), found: None, has_begun: false }
    }

    /// The next one at or after `from`, which only grows.
    fn next(&mut self, mail: &mut Pages, from: u64) -> Option<u64> {
        if !self.has_begun || self.found.is_some_and(|found| found < from) {
            self.has_begun = true;
            self.found = mail.find(from, &self.magic);
            while let Some(found) = self.found
                && (found % 4 != 0 || message_header(mail, found).is_err())
            {
                self.found = mail.find(found + 1, &self.magic); // text that looks like one
            }
        }
        self.found
    }
}

/// A folder's files.
pub(super) struct Opened {
    /// The file `Mail`.
    pub(super) mail: Pages,
    path: PathBuf,
    index: Result<Pages, String>,
    shows: Shows,
}

impl Opened {
    /// The files of the folder at `dir`; `None` for an empty one, which has no `Mail`.
    pub(super) fn of(dir: &Path, shows: Shows) -> Result<Option<Self>, StoreError> {
        let open = |name| file::open_regular(&dir.join(name)).and_then(Pages::new);
        let path = dir.join(MAIL);
        match open(MAIL) {
            Ok(mail) => Ok(Some(Self { mail, path, index: open(INDEX).map_err(|error| error.to_string()), shows })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::read(&path, error)),
        }
    }

    /// Shows every message: by the index, or by search where that does not fit.
    pub(super) fn list(&mut self, visit: &mut dyn FnMut(Found) -> Walk, with_headers: bool) -> Walk {
        let mut messages = Vec::new();
        if let Err(Broken { offset, reason }) = self.by_index(&mut messages) {
            let reason = format!("the index does not fit the folder, which is searched instead: {reason}");
            if self.shows == Shows::Living {
                visit(Found::Damage(Damage { file: self.path.with_file_name(INDEX), offset, reason }))?;
            }
            messages = self.by_search(&messages);
        }
        for (message, passed) in messages.iter().zip(1_u64..) {
            self.show(message, visit, with_headers)?;
            if passed.is_multiple_of(REPORT_EVERY) {
                let total = self.mail.size();
                visit(Found::Progress { done: message.at.min(total), total })?;
            }
        }
        Walk::Continue(())
    }

    /// Whether the message at `locator` is one that a list shows.
    pub(super) fn is_listed(&mut self, locator: &Locator) -> bool {
        let mut is_listed = false;
        let _ = self.list(
            &mut |found| {
                is_listed |= matches!(&found, Found::Message(envelope) if envelope.locator == *locator);
                if is_listed { Walk::Break(()) } else { Walk::Continue(()) }
            },
            false,
        );
        is_listed
    }

    /// Reads the records of the index, and holds them against the folder.
    fn by_index(&mut self, messages: &mut Vec<Message>) -> Result<(), Broken> {
        let index = self.index.as_mut().map_err(|reason| Broken::at(0_u32, reason.clone()))?;
        let word = |pages: &mut Pages, at| pages.array(at).map(u32::from_be_bytes);
        if index.array(0_u32).as_ref() != Ok(INDEX_MAGIC) {
            return Err(Broken::at(0_u32, "it does not start like one"));
        }
        if word(index, INDEX_STAMP)? != word(&mut self.mail, MAIL_STAMP)? {
            return Err(Broken::at(INDEX_STAMP, "it belongs to another state of the folder"));
        }
        let header = u64::from(word(index, INDEX_HEADER)?);
        let (mut seen, mut ends) = (HashSet::new(), vec![MAIL_HEADER]);
        let mut fits = Ok(());
        for number in 0..u64::from(word(index, INDEX_COUNT)?) {
            let at = header + number * RECORD_LONG;
            let record: [u8; RECORD] = index.array(at)?;
            let word = |place| be32(&record, place).unwrap_or(0);
            let message = Message { at: word(PLACE).into(), length: word(LENGTH).into(), date: mac_date(word(DATE)) };
            let end = message.at + message.length;
            let is_whole = end <= self.mail.size() && is_end(&mut self.mail, end);
            if !is_whole || !seen.insert(message.at) || message_header(&mut self.mail, message.at).is_err() {
                fits = Err(Broken::at(at, "there is no such message"));
            }
            ends.push(end);
            messages.push(message);
        }
        // Messages follow each other, so one that has no record starts where another ends.
        if let Some(end) = ends.into_iter().find(|end| *end < self.mail.size() && !seen.contains(end)) {
            return fits.and(Err(Broken::at(INDEX_COUNT, format!("it lacks the message at byte {end} of the folder"))));
        }
        fits
    }

    /// Finds the messages by their first bytes. The index tells their dates, and where one ends whose successor lost its
    /// first bytes; what only the index has is kept, so that it is named.
    fn by_search(&mut self, indexed: &[Message]) -> Vec<Message> {
        let by_place: HashMap<u64, &Message> = indexed.iter().map(|message| (message.at, message)).collect();
        let mut search = [Search::of(LIVE), Search::of(DELETED)];
        let mut next = |mail: &mut Pages, from| search.iter_mut().filter_map(|one| one.next(mail, from)).min();
        let mut here = next(&mut self.mail, MAIL_HEADER);
        let mut messages = BTreeMap::new();
        while let Some(at) = here {
            here = next(&mut self.mail, at + 8);
            let known = by_place.get(&at);
            let room = here.unwrap_or(self.mail.size()) - at;
            let said = known.map(|message| message.length).filter(|length| {
                let end = at + length;
                end > self.mail.size() && here.is_none() || by_place.contains_key(&end) && *length <= room
            });
            messages
                .insert(at, Message { at, length: said.unwrap_or(room), date: known.and_then(|message| message.date) });
        }
        for message in indexed {
            messages.entry(message.at).or_insert(*message);
        }
        messages.into_values().collect()
    }

    fn show(&mut self, message: &Message, visit: &mut dyn FnMut(Found) -> Walk, with_headers: bool) -> Walk {
        match self.shown(message, with_headers) {
            Ok(found) => found.map_or(Walk::Continue(()), visit),
            Err(_) if self.shows == Shows::Deleted => Walk::Continue(()),
            Err(Broken { offset, reason }) => visit(Found::Damage(Damage { file: self.path.clone(), offset, reason })),
        }
    }

    fn shown(&mut self, message: &Message, with_headers: bool) -> Result<Option<Found>, Broken> {
        let Some(header) = message_header(&mut self.mail, message.at)?.shown(self.shows) else {
            return Ok((self.shows == Shows::Living).then_some(Found::Hidden(Hidden::Expunged)));
        };
        let start = message.at + header;
        let end = (message.at + message.length).min(self.mail.size());
        let is_cut = message.at + message.length > self.mail.size();
        let room = end.checked_sub(start).filter(|room| *room > 0);
        let room = room.ok_or_else(|| Broken::at(message.at, "the message here has no text"))?;
        let tail = self.mail.bytes(end.saturating_sub(4).max(start), room.min(4))?;
        let padding = tail.iter().rev().take_while(|byte| **byte == 0).count().min(PADDING);
        let length = room.saturating_sub(u64::try_from(padding).unwrap_or(0));
        let head = if with_headers { self.mail.head(start, length)? } else { Vec::new() };
        let known = Known {
            // That of the Date field in the real sample, not the time of arrival.
            other_date: message.date.map(|date| (date, DateSource::Store)),
            warnings: is_cut.then_some(Warning::Truncated).into_iter().collect(),
            ..Known::of_text(message.at, length)
        };
        Ok(Some(Found::Message(known.envelope(&head))))
    }
}
