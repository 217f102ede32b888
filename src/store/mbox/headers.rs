//! What an mbox message's own header says for the store: flags, keywords, dates, length, and which fields are the store's.
//!
//! Used by the scan, the list and the read. The table of fields is facts/formats.md 1.4.

use super::gmail;
use super::scan::Span;
use super::separator::{self, Separator};
use crate::mail::date::WrittenDate;
use crate::mail::envelope::{Dates, Summary};
use crate::mail::header::{self, Field};
use crate::mail::{DateSource, Envelope, Flags, InternalDate, Locator, Warning};
use crate::store::{Hidden, kmail};

/// Fields a store keeps for itself. `X-Mozilla-*` are as well.
const BOOKKEEPING: [&str; 8] =
    ["Status", "X-Status", "X-Keywords", "X-UID", "X-IMAP", "X-IMAPbase", "X-Evolution", "Content-Length"];
const MOZILLA: &[u8] = b"X-Mozilla-";
/// What UW software writes as the subject of the message that is none.
const PSEUDO_SUBJECT: &str = "FOLDER INTERNAL DATA";

/// Letters of Status and X-Status.
const STATUS: [(u8, Flags); 5] = [
    (b'R', Flags::SEEN),
    (b'A', Flags::ANSWERED),
    (b'F', Flags::FLAGGED),
    (b'D', Flags::DELETED),
    (b'T', Flags::DRAFT),
];
/// Bits of X-Mozilla-Status (comm-central nsMsgMessageFlags.h).
const MOZILLA_FLAGS: [(u32, Flags); 3] = [(0x1, Flags::SEEN), (0x2, Flags::ANSWERED), (0x4, Flags::FLAGGED)];
const MOZILLA_EXPUNGED: u32 = 0x8;
const MOZILLA_FORWARDED: u32 = 0x1000;
/// Bits of X-Mozilla-Status2.
const MOZILLA_IMAP_DELETED: u32 = 0x20_0000;
const MOZILLA_LABEL_SHIFT: u32 = 25;
const MOZILLA_LABEL_MASK: u32 = 0x7;
/// Bits of X-Evolution (`UID-FLAGS; flags=WORD,WORD`; Camel's camel-local-summary.c and camel-folder-summary.h).
const EVOLUTION_FLAGS: [(u32, Flags); 5] =
    [(0x1, Flags::ANSWERED), (0x2, Flags::DELETED), (0x4, Flags::DRAFT), (0x8, Flags::FLAGGED), (0x10, Flags::SEEN)];

/// How far a From_ line in local time and the Received header it comes from may be apart: the widest zones.
const SAME_ARRIVAL: i64 = 26 * 3600;
const QUARTER: i64 = 15 * 60;
/// Zones in use, in minutes east.
const ZONES: std::ops::RangeInclusive<i64> = -12 * 60..=14 * 60;

/// Whether a field is the store's own and not the message's.
pub(in crate::store) fn is_bookkeeping(field: &Field<'_>) -> bool {
    BOOKKEEPING.iter().any(|name| field.is(name))
        || field.name.get(..MOZILLA.len()).is_some_and(|start| start.eq_ignore_ascii_case(MOZILLA))
}

/// Whether Dovecot or UW software wrote the header of a file's first message.
pub(super) fn has_marks(header: &[u8]) -> bool {
    header::fields(header).any(|field| field.is("X-IMAP") || field.is("X-IMAPbase"))
}

/// The length of the body as the header tells it.
pub(super) fn content_length(header: &[u8]) -> Option<u64> {
    header::find(header, "Content-Length")?.text().parse().ok()
}

/// Why a message is not shown, if it is not.
pub(in crate::store) fn hidden(header: &[u8], first: bool) -> Option<Hidden> {
    let is_pseudo = || {
        header::find(header, "X-IMAP").is_some()
            && header::find(header, "Subject").is_some_and(|subject| subject.text().contains(PSEUDO_SUBJECT))
    };
    let mut mozilla = Mozilla::default();
    header::fields(header).for_each(|field| mozilla.take(&field));
    if mozilla.status() & MOZILLA_EXPUNGED != 0 || mozilla.status2() & MOZILLA_IMAP_DELETED != 0 {
        Some(Hidden::Expunged)
    } else if first && is_pseudo() {
        Some(Hidden::Pseudo)
    } else {
        None
    }
}

/// The bits of the first field of each of Mozilla's two, as far as they were come to.
#[derive(Default)]
struct Mozilla(Option<u32>, Option<u32>);

impl Mozilla {
    fn take(&mut self, field: &Field<'_>) {
        let bits = || u32::from_str_radix(&field.text(), 16).unwrap_or(0);
        if field.is("X-Mozilla-Status") {
            self.0.get_or_insert_with(bits);
        } else if field.is("X-Mozilla-Status2") {
            self.1.get_or_insert_with(bits);
        }
    }

    fn status(&self) -> u32 {
        self.0.unwrap_or(0)
    }

    fn status2(&self) -> u32 {
        self.1.unwrap_or(0)
    }
}

/// The flags and keywords that the bookkeeping fields hold.
pub(in crate::store) fn marks(header: &[u8]) -> (Flags, Vec<String>) {
    let (mut flags, mut keywords, mut mozilla) = (Flags::NONE, Vec::new(), Mozilla::default());
    let mut by_kmail = None;
    for field in header::fields(header) {
        mozilla.take(&field);
        if field.is("X-Status") && by_kmail.is_none() {
            by_kmail = kmail::status_of(field.value);
        }
        if field.is("Status") || field.is("X-Status") {
            for (_, flag) in STATUS.iter().filter(|(letter, _)| field.value.contains(letter)) {
                flags |= *flag;
            }
        } else if field.is("X-Keywords") || field.is("X-Mozilla-Keys") {
            field.text().split(' ').for_each(|keyword| add(&mut keywords, keyword));
        } else if field.is("X-Gmail-Labels") {
            let (set, words) = gmail::marks(field.value);
            flags |= set;
            for word in words {
                add(&mut keywords, &word);
            }
        }
    }
    if let Some(status) = by_kmail {
        let (set, words) = kmail::marks(status);
        flags = set; // its Status says that a message was read, whether it was or not
        for word in words {
            add(&mut keywords, &word);
        }
    }
    if let Some((set, words)) = header::find(header, "X-Evolution").and_then(|field| evolution(&field.text())) {
        flags |= set;
        for word in words {
            add(&mut keywords, &word);
        }
    }
    let status = mozilla.status();
    for (_, flag) in MOZILLA_FLAGS.iter().filter(|(bit, _)| status & bit != 0) {
        flags |= *flag;
    }
    if status & MOZILLA_FORWARDED != 0 {
        add(&mut keywords, "$Forwarded");
    }
    let label = mozilla.status2() >> MOZILLA_LABEL_SHIFT & MOZILLA_LABEL_MASK;
    if (1..=5).contains(&label) {
        add(&mut keywords, &format!("$Label{label}"));
    }
    (flags, keywords)
}

/// The flags and keywords of Evolution's field.
fn evolution(text: &str) -> Option<(Flags, Vec<String>)> {
    let (numbers, rest) = text.split_once(';').unwrap_or((text, ""));
    let bits = u32::from_str_radix(numbers.trim().split_once('-')?.1, 16).ok()?;
    let set = EVOLUTION_FLAGS.iter().filter(|(bit, _)| bits & bit != 0);
    let flags = set.fold(Flags::NONE, |flags, (_, flag)| flags | *flag);
    let words = rest.split(';').filter_map(|part| part.trim().strip_prefix("flags="));
    let words = words.flat_map(|words| words.trim_matches('"').split(',')).map(|word| word.trim().to_owned());
    Some((flags, words.collect()))
}

fn add(keywords: &mut Vec<String>, keyword: &str) {
    if !keyword.is_empty() && !keywords.iter().any(|known| known.eq_ignore_ascii_case(keyword)) {
        keywords.push(keyword.to_owned());
    }
}

/// When a message arrived by the From_ line before it, exact to the zone where its header tells that.
pub(in crate::store) fn arrival(line: &[u8], header: &[u8]) -> Option<InternalDate> {
    from_line(&separator::parse(line)?).map(|date| with_zone(date, &Summary::with(header, Dates::Received)))
}

/// The date of a From_ line, if it has a sender too.
fn from_line(line: &Separator) -> Option<WrittenDate> {
    line.date.filter(|_| line.has_sender)
}

/// When the message arrived (design.md section 5, "Internal date").
fn internal_date(
    line: Option<&Separator>,
    summary: &Summary,
    modified: InternalDate,
) -> (Option<InternalDate>, DateSource) {
    let from = line.and_then(from_line).map(|date| with_zone(date, summary));
    let candidates = [
        (from, DateSource::From),
        (summary.sane_received(), DateSource::Received),
        (summary.sane_date(), DateSource::Date),
        (Some(modified), DateSource::Mtime),
    ];
    let sane = candidates.into_iter().find_map(|(date, rule)| Some((date.filter(|date| date.is_sane())?, rule)));
    sane.map_or((None, DateSource::None), |(date, rule)| (Some(date), rule))
}

/// A From_ line mostly gives the local time of the machine that wrote it, together with the topmost Received header; so
/// that tells the zone.
fn with_zone(date: WrittenDate, summary: &Summary) -> InternalDate {
    let zone = || {
        let apart = date.clock - summary.sane_received()?.unix();
        let minutes = (apart + QUARTER / 2).div_euclid(QUARTER) * 15;
        (apart.abs() <= SAME_ARRIVAL && ZONES.contains(&minutes)).then(|| i16::try_from(minutes).ok()).flatten()
    };
    WrittenDate { zone_minutes: date.zone_minutes.or_else(zone), ..date }.instant()
}

/// What a list shows of the message with that From_ line and header.
pub(super) fn envelope(span: &Span, line: &[u8], header: &[u8], modified: InternalDate, cut_off: bool) -> Envelope {
    let line = separator::parse(line);
    // A From_ line that is believed tells all but the zone.
    let mut summary = Summary::with(header, Dates::Received);
    let arrived = line.as_ref().and_then(from_line).map(|date| with_zone(date, &summary));
    if !arrived.is_some_and(InternalDate::is_sane) {
        summary = Summary::of(header);
    }
    let (flags, keywords) = marks(header);
    let (internal_date, date_from) = internal_date(line.as_ref(), &summary, modified);
    let first_line = header.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let doubts = [
        (internal_date.is_none(), Warning::NoDate),
        (header::name_length(first_line).is_none(), Warning::NoHeader),
        (cut_off, Warning::Truncated),
        (span.doubtful, Warning::DoubtfulSplit),
    ];
    Envelope {
        locator: Locator { name: "".into(), offset: span.offset, length: span.length },
        size: span.size(),
        flags,
        keywords,
        internal_date,
        date_from,
        from: summary.from,
        subject: summary.subject,
        message_id: summary.message_id,
        details: Box::new(summary.details),
        warnings: doubts.into_iter().filter(|(doubt, _)| *doubt).map(|(_, warning)| warning).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_every_dialect_are_read() {
        for (header, flags, keywords) in [
            ("Status: RO\nX-Status: AF\n", Flags::SEEN | Flags::ANSWERED | Flags::FLAGGED, ""),
            ("Status: O\nX-Status: DT\n", Flags::DELETED | Flags::DRAFT, ""),
            ("X-Keywords: $Forwarded  Work      \n", Flags::NONE, "$Forwarded Work"),
            ("X-Mozilla-Status: 1007\n", Flags::SEEN | Flags::ANSWERED | Flags::FLAGGED, "$Forwarded"),
            (
                "X-Mozilla-Status: 0001\nX-Mozilla-Status2: 04000000\nX-Mozilla-Keys: $label2 Junk\n",
                Flags::SEEN,
                "$label2 Junk",
            ),
            ("X-Mozilla-Status: zz\n", Flags::NONE, ""),
            ("Status: RO\nX-Status: UC\n", Flags::NONE, ""), // KMail, not read
            ("Status: R\nX-Status: OFGT\n", Flags::SEEN | Flags::FLAGGED, "$Forwarded"),
            ("X-Evolution: 00000001-0011\n", Flags::SEEN | Flags::ANSWERED, ""),
            (
                "X-Evolution: 0000002a-002e; flags=$Labelwork,Later; tags=a:b\n",
                Flags::FLAGGED | Flags::DELETED | Flags::DRAFT,
                "$Labelwork Later",
            ),
            ("X-Evolution: none\nStatus: R\n", Flags::SEEN, ""),
            ("X-Gmail-Labels: Inbox,Starred,Opened\n", Flags::SEEN | Flags::FLAGGED, ""),
            ("X-Gmail-Labels: Inbox,Unread\n", Flags::NONE, ""),
            ("X-Gmail-Labels: =?UTF-8?Q?N=C3=A3o_lidos?=,Caixa\n", Flags::NONE, "Caixa"),
        ] {
            let (set, words) = marks(header.as_bytes());
            assert_eq!((set, words.join(" ").as_str()), (flags, keywords), "{header}");
        }
    }

    #[test]
    fn what_a_client_deleted_or_keeps_for_itself_is_hidden() {
        let pseudo = b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n";
        assert_eq!(hidden(pseudo, true), Some(Hidden::Pseudo));
        assert_eq!(hidden(pseudo, false), None);
        assert_eq!(hidden(b"Subject: hello\nX-IMAP: 1 2\n", true), None);
        assert_eq!(hidden(b"X-Mozilla-Status: 0009\n", true), Some(Hidden::Expunged));
        assert_eq!(hidden(b"X-Mozilla-Status2: 00200000\n", true), Some(Hidden::Expunged));
    }

    #[test]
    fn the_internal_date_follows_the_order_of_trust() {
        let modified = InternalDate::from_unix(1_000_000_000);
        for (line, header, date, rule) in [
            // given in local time, two hours east, with the hop that wrote it
            (
                "From a@b Tue Feb  3 12:00:03 2004",
                "Received: x; 3 Feb 2004 05:00:00 -0500\n",
                "03-Feb-2004 12:00:03 +0200",
                "from",
            ),
            (
                "From a@b Tue Feb  3 12:00:00 2004",
                "Received: x; 7 Feb 2004 05:00:00 -0500\n",
                "03-Feb-2004 12:00:00 +0000",
                "from",
            ),
            ("From a@b Tue Feb  3 12:00:00 2004", "", "03-Feb-2004 12:00:00 +0000", "from"),
            (
                "From a@b Tue Feb  3 12:00:00 2004 -0300",
                "Received: x; 3 Feb 2004 05:00:00 -0500\n",
                "03-Feb-2004 12:00:00 -0300",
                "from",
            ),
            (
                "From a@b Tue Feb  3 00:00:00 2004",
                "Received: x; 3 Feb 2004 09:30:00 +0000\n",
                "03-Feb-2004 00:00:00 -0930",
                "from",
            ),
            (
                "From - Tue Feb  3 12:00:00 2004",
                "Received: x; 3 Feb 2004 05:00:00 -0500\n",
                "03-Feb-2004 05:00:00 -0500",
                "received",
            ),
            (
                "From a@b Fri Jan  1 00:00:00 1965",
                "Date: 3 Feb 2004 05:00:00 GMT\n",
                "03-Feb-2004 05:00:00 +0000",
                "date",
            ),
            ("From -", "Date: 3 Feb 1904 05:00:00 GMT\n", "09-Sep-2001 01:46:40 +0000", "mtime"),
        ] {
            let (found, source) =
                internal_date(separator::parse(line.as_bytes()).as_ref(), &Summary::of(header.as_bytes()), modified);
            assert_eq!((found.unwrap().to_imap().as_str(), source.label()), (date, rule), "{line}");
        }
        let (none, source) = internal_date(None, &Summary::default(), InternalDate::from_unix(0));
        assert_eq!((none, source), (None, DateSource::None));
    }
}
