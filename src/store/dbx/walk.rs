//! The walk through the messages of one dbx file, and their count. Used by the store.
//!
//! The index is trusted until it contradicts itself; then the file is searched for what it does not lead to. Every part of
//! a text belongs to one message only, so no message comes out twice and no file takes longer than its size allows.

use std::path::Path;

use encoding_rs::Encoding;

use super::index::Index;
use super::layout::{Cells, Header, RECORD_CELL, TEXT_CELL};
use super::message::{self, Message, Text};
use super::record::Record;
use super::search::{self, Markers};
use crate::store::pages::{Broken, Pages};
use crate::store::{Count, Damage, Found, Walk};

/// What a walk comes across.
pub(super) enum Seen {
    /// A message, not yet summed up.
    Message(Message),
    /// Anything else.
    Found(Found),
}

/// How many messages pass between two reports of progress.
const REPORT_EVERY: u64 = 500;

/// One file being walked through.
pub(super) struct Walker<'a> {
    /// The file.
    pub(super) pages: &'a mut Pages,
    /// Its path, for reports.
    pub(super) path: &'a Path,
    /// The code page of its names.
    pub(super) names: &'static Encoding,
    /// Parts of texts that were come to.
    claimed: Cells,
    /// Records that were come to.
    records: Cells,
    /// Entries of the index that were come to.
    entries: u64,
    /// Messages shown, and their bytes.
    count: Count,
    /// Whether the index does not lead to all there is.
    incomplete: bool,
    visit: &'a mut dyn FnMut(Seen) -> Walk,
}

impl<'a> Walker<'a> {
    /// A walk that has not begun.
    pub(super) fn new(
        pages: &'a mut Pages,
        path: &'a Path,
        names: &'static Encoding,
        visit: &'a mut dyn FnMut(Seen) -> Walk,
    ) -> Self {
        let (claimed, records) = (Cells::of(TEXT_CELL), Cells::of(RECORD_CELL));
        Self { pages, path, names, claimed, records, entries: 0, count: Count::default(), incomplete: false, visit }
    }

    /// Shows every message. Breaks when the visitor does.
    pub(super) fn list(mut self) -> std::ops::ControlFlow<(), Count> {
        self.by_index()?;
        if self.incomplete {
            self.by_search()?;
        }
        std::ops::ControlFlow::Continue(self.count)
    }

    fn by_index(&mut self) -> Walk {
        let header = match Header::read(self.pages) {
            Ok(header) => header,
            Err(broken) => return self.lost(broken),
        };
        let mut index = Index::new(header.root, self.pages);
        while let Some(entry) = index.next(self.pages) {
            match entry {
                Ok(at) => self.entry(at)?,
                Err(broken) => self.lost(broken)?,
            }
        }
        if self.entries == u64::from(header.entries) {
            return Walk::Continue(());
        }
        self.incomplete |= self.entries < u64::from(header.entries);
        let reason = format!("the file counts {} messages, but its index leads to {}", header.entries, self.entries);
        self.damage(Broken::at(0_u32, reason))
    }

    fn entry(&mut self, at: u32) -> Walk {
        self.entries += 1;
        if self.records.holds(at) {
            // It then most likely lacks the one that should be in its place.
            return self.lost(Broken::at(at, "the index leads to this record a second time"));
        }
        match Record::read(self.pages, at) {
            Ok(record) => self.record(at, record),
            Err(broken) => self.lost(broken),
        }
    }

    fn record(&mut self, at: u32, record: Record) -> Walk {
        self.records.claim(at);
        match record.number(message::TEXT).filter(|first| *first != 0) {
            Some(first) => self.message(at, Some(record), first),
            None => self.damage(not_downloaded(at, &record, self.names)),
        }
    }

    /// Shows the messages that the index does not lead to: by their records, then texts whose record is lost.
    fn by_search(&mut self) -> Walk {
        let before = self.count.messages;
        let mut markers = Markers::new();
        while let Some(at) = markers.next(self.pages) {
            if !self.records.holds(at)
                && let Some(record) = search::record(self.pages, at)
            {
                self.record(at, record)?;
            }
        }
        let later = search::later_parts(self.pages);
        let mut markers = Markers::new();
        while let Some(at) = markers.next(self.pages) {
            if !later.holds(at) && !self.claimed.holds(at) && search::starts_text(self.pages, at) {
                let reason = "a message without its record: whether it was read and when it arrived is lost";
                self.damage(Broken::at(at, reason))?;
                self.message(at, None, at)?;
            }
        }
        let found = self.count.messages - before;
        self.damage(Broken::at(0_u32, format!("the file was searched, which found {found} more messages")))
    }

    /// Shows one message: all of it, or what can be read.
    fn message(&mut self, at: u32, record: Option<Record>, first: u32) -> Walk {
        let text = Text::read(self.pages, first, &mut self.claimed);
        let kept = text.chain.length > 0 && (text.chain.broken.is_none() || text.has_header());
        let wrong = text.chain.broken.clone();
        let wrong = wrong.or_else(|| (!kept).then(|| Broken::at(first, "its text is empty")));
        if let Some(Broken { offset, reason }) = wrong {
            let name =
                record.as_ref().map_or_else(|| "a message".to_owned(), |record| message::name(record, self.names));
            let what = match text.chain.length {
                length if kept => format!("only the first {length} bytes of it are carried"),
                _ => "it is not carried".to_owned(),
            };
            self.damage(Broken { offset, reason: format!("{name} is damaged: {reason}; {what}") })?;
        }
        if !kept {
            return Walk::Continue(());
        }
        if let (Some(at), Some(record)) = (text.chain.gap, &record)
            && message::stored_length(record) != text.chain.length
        {
            let name = message::name(record, self.names);
            self.damage(Broken::at(
                at,
                format!("{name} may lack some text here: this part is not full; the rest is carried"),
            ))?;
        }
        self.count.messages += 1;
        self.count.bytes += text.chain.length;
        (self.visit)(Seen::Message(Message { at, record, text }))?;
        if self.count.messages.is_multiple_of(REPORT_EVERY) {
            let total = self.pages.size();
            return (self.visit)(Seen::Found(Found::Progress { done: self.count.bytes.min(total), total }));
        }
        Walk::Continue(())
    }

    /// Reports something by which messages may be missing from the index.
    fn lost(&mut self, broken: Broken) -> Walk {
        self.incomplete = true;
        self.damage(broken)
    }

    fn damage(&mut self, broken: Broken) -> Walk {
        let Broken { offset, reason } = broken;
        (self.visit)(Seen::Found(Found::Damage(Damage { file: self.path.to_owned(), offset, reason })))
    }

    /// Counts by index and records, without the texts. `None` where something is not as it must be: then only the list
    /// knows. Sizes are the stored ones.
    pub(super) fn count(mut self) -> Option<Count> {
        let header = Header::read(self.pages).ok()?;
        let mut index = Index::new(header.root, self.pages);
        let mut waiting = Vec::new();
        while let Some(entry) = index.next(self.pages) {
            let at = entry.ok()?;
            self.entries += 1;
            if !self.records.claim(at) {
                return None;
            }
            let record = Record::read(self.pages, at).ok()?;
            match record.number(message::TEXT).filter(|first| *first != 0) {
                Some(first) if !self.claimed.claim(first) => return None,
                Some(_) => {
                    self.count.messages += 1;
                    self.count.bytes += message::stored_length(&record).min(self.pages.size());
                }
                None => waiting.push(not_downloaded(at, &record, self.names)),
            }
        }
        if self.entries != u64::from(header.entries) {
            return None;
        }
        let _ = waiting.into_iter().try_for_each(|broken| self.damage(broken)); // a visitor may stop the reports only
        Some(self.count)
    }
}

fn not_downloaded(at: u32, record: &Record, names: &'static Encoding) -> Broken {
    let name = message::name(record, names);
    Broken::at(at, format!("{name} was never downloaded: only the mail server has its text"))
}
