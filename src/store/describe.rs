//! What a list shows of a message: what its store knows, filled up from its header. Used by most formats.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use crate::mail::envelope::{Dates, Summary};
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
    /// Another date for when nothing else is known, such as when its file was changed, which copies lose.
    pub(super) other_date: Option<(InternalDate, DateSource)>,
    /// Doubts that only the store can have.
    pub(super) warnings: Vec<Warning>,
    /// Whether its header may start later than in its first line, which a store with damage may have lost.
    pub(super) may_start_late: bool,
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
            other_date: Some((InternalDate::from_unix(data.mtime()), DateSource::Mtime)),
            warnings: Vec::new(),
            may_start_late: false,
        }
    }

    /// A text of that length at `offset` in a store of one file a folder. Read, unless the store knows better.
    pub(super) fn of_text(offset: impl Into<u64>, length: u64) -> Self {
        Self {
            locator: Locator { name: "".into(), offset: offset.into(), length },
            size: length,
            flags: Flags::SEEN,
            keywords: Vec::new(),
            arrived: None,
            other_date: None,
            warnings: Vec::new(),
            may_start_late: true,
        }
    }

    /// The envelope of the message with that header (design.md section 5, "Internal date").
    pub(super) fn envelope(self, header: &[u8]) -> Envelope {
        let arrived = self.arrived.filter(|(date, _)| date.is_sane());
        let summary = Summary::with(header, if arrived.is_some() { Dates::None } else { Dates::All });
        let candidates = [
            arrived,
            summary.sane_received().map(|date| (date, DateSource::Received)),
            summary.sane_date().map(|date| (date, DateSource::Date)),
            self.other_date,
        ];
        let sane = candidates.into_iter().flatten().find(|(date, _)| date.is_sane());
        let starts = if self.may_start_late {
            header::fields(header).next().is_some()
        } else {
            header::lines(header).next().is_some_and(|line| header::name_length(line).is_some())
        };
        let doubts = [(sane.is_none(), Warning::NoDate), (!starts, Warning::NoHeader)];
        let doubts = doubts.into_iter().filter(|(doubt, _)| *doubt).map(|(_, warning)| warning);
        let warnings = doubts.chain(self.warnings).collect();
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
            details: Box::new(summary.details),
            warnings,
        }
    }
}
