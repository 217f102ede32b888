//! What a list shows of a message, from the start of its text and what its store knows. Used by the Outlook Express formats.

use crate::mail::envelope::Summary;
use crate::mail::{DateSource, Envelope, Flags, InternalDate, Locator, Warning, header};

/// A message come across.
#[derive(Debug)]
pub(super) struct Listed<'a> {
    /// How it is found again; its length is the size of its text.
    pub(super) locator: Locator,
    /// The start of its text, with the whole header.
    pub(super) head: &'a [u8],
    /// Its flags.
    pub(super) flags: Flags,
    /// Its keywords.
    pub(super) keywords: Vec<String>,
    /// When it arrived, by the store.
    pub(super) received: Option<InternalDate>,
    /// Another date that the store has, for when nothing else is known.
    pub(super) other_date: Option<InternalDate>,
    /// Whether a part of its text is missing.
    pub(super) is_cut: bool,
}

impl Listed<'_> {
    /// The message as a list shows it.
    pub(super) fn envelope(self) -> Envelope {
        let summary = Summary::of(self.head);
        let dates = [
            (self.received, DateSource::Store),
            (summary.sane_received(), DateSource::Received),
            (summary.sane_date(), DateSource::Date),
            (self.other_date, DateSource::Store),
        ];
        let date = dates.into_iter().find_map(|(date, rule)| Some((date?, rule)));
        let doubts = [
            (date.is_none(), Warning::NoDate),
            (header::fields(self.head).next().is_none(), Warning::NoHeader),
            (self.is_cut, Warning::Truncated),
        ];
        Envelope {
            size: self.locator.length,
            locator: self.locator,
            flags: self.flags,
            keywords: self.keywords,
            internal_date: date.map(|(date, _)| date),
            date_from: date.map_or(DateSource::None, |(_, rule)| rule),
            from: summary.from,
            subject: summary.subject,
            message_id: summary.message_id,
            warnings: doubts.into_iter().filter(|(doubt, _)| *doubt).map(|(_, warning)| warning).collect(),
        }
    }
}

/// A locator in a store of one file a folder.
pub(super) fn at(offset: impl Into<u64>, length: u64) -> Locator {
    Locator { name: "".into(), offset: offset.into(), length }
}
