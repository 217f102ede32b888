//! What a list shows of a message: what its store knows, filled up from its header. Used by most formats.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use crate::mail::envelope::Summary;
use crate::mail::{DateSource, Envelope, Flags, InternalDate, Locator, Warning, header};

/// What a store knows of a message beside its header.
pub(super) struct Known {
    /// How it is found again.
    pub(super) locator: Locator,
    /// Its size in bytes, near enough for a progress bar.
    pub(super) size: u64,
    /// Its flags.
    pub(super) flags: Flags,
    /// Its keywords.
    pub(super) keywords: Vec<String>,
    /// When it arrived, with the rule that says so; comes before all that the header says.
    pub(super) arrived: Option<(InternalDate, DateSource)>,
    /// When its file was changed; comes last, since copies lose it.
    pub(super) modified: Option<InternalDate>,
    /// Doubts that only the store can have.
    pub(super) warnings: Vec<Warning>,
}

impl Known {
    /// A message that is the whole file of that name. Read, unless the store knows better.
    pub(super) fn of_file(name: &str, data: &Metadata) -> Self {
        Self {
            locator: Locator { name: name.into(), offset: 0, length: data.len() },
            size: data.len(),
            flags: Flags::SEEN,
            keywords: Vec::new(),
            arrived: None,
            modified: Some(InternalDate::from_unix(data.mtime())),
            warnings: Vec::new(),
        }
    }

    /// The envelope of the message with that header (design.md section 5, "Internal date").
    pub(super) fn envelope(self, header: &[u8]) -> Envelope {
        let summary = Summary::of(header);
        let (arrived, rule) = self.arrived.unzip();
        let candidates = [
            (arrived, rule.unwrap_or(DateSource::Store)),
            (summary.sane_received(), DateSource::Received),
            (summary.sane_date(), DateSource::Date),
            (self.modified, DateSource::Mtime),
        ];
        let sane = candidates.into_iter().find_map(|(date, rule)| Some((date.filter(|date| date.is_sane())?, rule)));
        let starts = header::lines(header).next().is_some_and(|line| header::name_length(line).is_some());
        let mut warnings = self.warnings;
        let doubts = [(sane.is_none(), Warning::NoDate), (!starts, Warning::NoHeader)];
        warnings.extend(doubts.into_iter().filter(|(doubt, _)| *doubt).map(|(_, warning)| warning));
        Envelope {
            locator: self.locator,
            size: self.size,
            flags: self.flags,
            keywords: self.keywords,
            internal_date: sane.map(|(date, _)| date),
            date_from: sane.map_or(DateSource::None, |(_, rule)| rule),
            from: summary.from,
            subject: summary.subject,
            message_id: summary.message_id,
            warnings,
        }
    }
}
