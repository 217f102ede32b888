//! Internal dates: when a message arrived, how that was learnt, and the forms it takes on the wire and in JSON.

use std::time::SystemTime;

use chrono::{DateTime, Datelike as _, FixedOffset, NaiveDate, SecondsFormat, TimeZone as _, Timelike as _, Utc};
use serde::{Deserialize, Serialize};

use super::envelope::{Dates, Summary};

/// When a message arrived: an instant, with the offset it was written in (minutes east of UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternalDate {
    unix: i64,
    offset_minutes: i16,
}

/// Which rule found an internal date (design.md section 5, "Internal date").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DateSource {
    /// The store's own received time.
    Store,
    /// The topmost Received header.
    Received,
    /// The From_ line of an mbox.
    From,
    /// The Date header.
    Date,
    /// The file's modification time.
    Mtime,
    /// Nothing usable was found; the server will use the time of upload.
    None,
}

impl DateSource {
    /// The word in JSON and reports.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Received => "received",
            Self::From => "from",
            Self::Date => "date",
            Self::Mtime => "mtime",
            Self::None => "none",
        }
    }
}

/// Where internal dates are taken from, where a message has one there; else from where its store would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DateRule {
    /// As its store would have it (design.md section 5, "Internal date").
    #[default]
    Auto,
    /// The topmost Received header.
    Received,
    /// The Date header.
    Date,
}

impl DateRule {
    /// Every rule, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Received, Self::Date];

    /// The word in options, files and on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Received => "received",
            Self::Date => "date",
        }
    }

    /// What finds a date by this rule.
    pub const fn source(self) -> DateSource {
        match self {
            Self::Auto => DateSource::None,
            Self::Received => DateSource::Received,
            Self::Date => DateSource::Date,
        }
    }

    /// The date of a message with that header, if this rule finds one there.
    pub fn of(self, message: &[u8]) -> Option<InternalDate> {
        match self {
            Self::Auto => None,
            Self::Received => Summary::with(message, Dates::Received).sane_received(),
            Self::Date => Summary::with(message, Dates::All).sane_date(),
        }
    }
}

/// A date as text gave it: the clock reading, and the zone if one was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenDate {
    /// The clock reading as if it were UTC, in seconds since 1970.
    pub clock: i64,
    /// Minutes east of UTC, when the text said so.
    pub zone_minutes: Option<i16>,
}

impl WrittenDate {
    /// The instant, reading the clock as UTC where no zone was written.
    pub fn instant(self) -> InternalDate {
        let offset = self.zone_minutes.unwrap_or(0);
        InternalDate { unix: self.clock - i64::from(offset) * 60, offset_minutes: offset }
    }
}

/// 1980-01-01: no mail is older, and broken clocks start there.
const OLDEST_SANE: i64 = 315_532_800;
/// 2026-12-01: a machine whose clock says less is wrong, since this was written by then; the dates of mail are not, then.
const PRESENT: i64 = 1_796_083_200;
const DAY: i64 = 86_400;
/// `+1400` is the easternmost zone in use; anything past it is a lie.
const WIDEST_ZONE: i16 = 14 * 60;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// The named zones of RFC 5322 section 4.3, hours east.
const ZONES: [(&str, i16); 13] = [
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("z", 0),
    ("est", -5),
    ("edt", -4),
    ("cst", -6),
    ("cdt", -5),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
    ("cet", 1),
];

impl InternalDate {
    /// An instant in seconds since 1970, written in UTC.
    pub const fn from_unix(unix: i64) -> Self {
        Self { unix, offset_minutes: 0 }
    }

    /// Seconds since 1970 UTC.
    pub const fn unix(self) -> i64 {
        self.unix
    }

    /// Now, by this machine's clock.
    pub fn now() -> Self {
        Self::from_unix(Utc::now().timestamp())
    }

    /// `Thu Jan  1 12:00:00 2026 +0000`, as in the From_ line of an mbox, in UTC and saying so.
    pub fn to_from_line(self) -> String {
        DateTime::from_timestamp(self.unix, 0).unwrap_or_default().format("%a %b %e %H:%M:%S %Y +0000").to_string()
    }

    /// The date and time as chrono has it.
    pub fn from_chrono(date: DateTime<FixedOffset>) -> Self {
        let offset_minutes = i16::try_from(date.offset().local_minus_utc() / 60).unwrap_or(0);
        Self { unix: date.timestamp(), offset_minutes }
    }

    /// Whether the date is believable for mail: from 1980 to a day after now, or after [`PRESENT`].
    pub fn is_sane(self) -> bool {
        // Asked for every message of a list; chrono's clock would work out the year.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = i64::try_from(now).unwrap_or(i64::MAX - DAY).max(PRESENT);
        (OLDEST_SANE..=now + DAY).contains(&self.unix)
    }

    fn chrono(self) -> DateTime<FixedOffset> {
        let utc = DateTime::from_timestamp(self.unix, 0).unwrap_or_default();
        match FixedOffset::east_opt(i32::from(self.offset_minutes) * 60) {
            Some(zone) => zone.from_utc_datetime(&utc.naive_utc()),
            None => utc.fixed_offset(),
        }
    }

    /// The `date-time` of RFC 9051 without quotes: `07-Feb-1994 21:52:25 -0800`.
    pub fn to_imap(self) -> String {
        // By hand, since it is needed for every message that is sent.
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let date = self.chrono();
        let month = MONTHS.get(date.month0() as usize).copied().unwrap_or_default();
        let year = u32::try_from(date.year()).unwrap_or(0).min(9999);
        let minutes = date.offset().local_minus_utc() / 60;
        let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
        let two = |number: u32| [number / 10, number].map(|last| char::from_digit(last % 10, 10).unwrap_or('0'));
        let mut text = String::with_capacity("07-Feb-1994 21:52:25 -0800".len());
        text.extend(two(date.day()));
        text.extend(["-", month, "-"]);
        text.extend([year / 100, year].into_iter().flat_map(two));
        for (before, number) in [(' ', date.hour()), (':', date.minute()), (':', date.second())] {
            text.push(before);
            text.extend(two(number));
        }
        text.extend([' ', sign]);
        text.extend([minutes / 60, minutes % 60].into_iter().flat_map(two));
        text
    }

    /// RFC 3339, for JSON.
    pub fn to_rfc3339(self) -> String {
        self.chrono().to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// The day on the clock it was written by, in days since 1970-01-01; what [`Self::to_day`] shows.
    pub const fn day(self) -> i64 {
        (self.unix.saturating_add(self.offset_minutes as i64 * 60)).div_euclid(DAY)
    }

    /// Now, by this machine's clock and zone.
    pub fn here() -> Self {
        Self::from_chrono(chrono::Local::now().fixed_offset())
    }

    /// So much later.
    #[must_use]
    pub fn after(self, time: std::time::Duration) -> Self {
        Self { unix: self.unix.saturating_add_unsigned(time.as_secs()), ..self }
    }

    /// `2004-03-12` for lists.
    pub fn to_day(self) -> String {
        self.chrono().format("%Y-%m-%d").to_string()
    }

    /// `2004-03-12 14:05` for previews.
    pub fn to_minute(self) -> String {
        self.chrono().format("%Y-%m-%d %H:%M %z").to_string()
    }
}

/// Reads a date as mail writes it: RFC 5322 with its obsolete forms, and the asctime of From_ lines with the zone
/// before the year, after it, or absent. `None` when a part is missing or out of range.
pub fn parse(text: &str) -> Option<WrittenDate> {
    let mut reading = Reading::default();
    for token in text.split(|ch: char| ch.is_whitespace() || ch == ',').filter(|token| !token.is_empty()).take(12) {
        if token.starts_with('(') {
            break; // a comment, most often the zone's name
        }
        reading.take(token)?;
    }
    reading.finish()
}

/// The parts of a date as they turn up.
#[derive(Default)]
struct Reading {
    day: Option<u32>,
    month: Option<u32>,
    year: Option<i32>,
    time: Option<(u32, u32, u32)>,
    zone: Option<i16>,
}

impl Reading {
    /// Takes one token; `None` means the text is no date.
    fn take(&mut self, token: &str) -> Option<()> {
        let first = *token.as_bytes().first()?;
        if token.contains(':') {
            self.time = Some(clock_time(token)?);
        } else if matches!(first, b'+' | b'-') {
            self.zone.get_or_insert(numeric_zone(token)?);
        } else if first.is_ascii_digit() {
            self.take_number(token)?;
        } else {
            self.take_word(&token.to_ascii_lowercase());
        }
        Some(())
    }

    /// Day first, then year, as both RFC 5322 and asctime have it. `12-Mar-2004` comes as one token.
    fn take_number(&mut self, token: &str) -> Option<()> {
        if token.contains('-') {
            let mut parts = token.splitn(3, '-');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            self.take_number(day)?;
            self.take_word(&month.to_ascii_lowercase());
            return self.take_number(year);
        }
        let number: i32 = token.parse().ok()?;
        if self.day.is_none() && token.len() <= 2 {
            self.day = u32::try_from(number).ok();
        } else if self.year.is_none() {
            self.year = Some(match (token.len(), number) {
                (1 | 2, 0..=49) => 2000 + number, // RFC 5322 section 4.3
                (1..=3, _) => 1900 + number,
                _ => number,
            });
        }
        Some(())
    }

    /// A month, a named zone, or a word that says nothing (the day's name).
    fn take_word(&mut self, word: &str) {
        if let Some(month) = word.get(..3).and_then(|start| MONTHS.iter().position(|known| *known == start)) {
            if self.month.is_none() {
                self.month = u32::try_from(month + 1).ok();
            }
        } else if let Some((_, hours)) = ZONES.iter().find(|(name, _)| *name == word) {
            self.zone.get_or_insert(hours * 60);
        }
    }

    fn finish(self) -> Option<WrittenDate> {
        let (hour, minute, second) = self.time?;
        let day = NaiveDate::from_ymd_opt(self.year?, self.month?, self.day?)?;
        let clock = day.and_hms_opt(hour, minute, second.min(59))?.and_utc().timestamp(); // 60 is a leap second
        Some(WrittenDate { clock, zone_minutes: self.zone })
    }
}

/// `hh:mm` or `hh:mm:ss`.
fn clock_time(token: &str) -> Option<(u32, u32, u32)> {
    let mut parts = token.split(':').map(|part| part.parse::<u32>().ok());
    let time = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    (parts.next().is_none() && time.2 <= 60).then_some(time)
}

/// `+hhmm`; a zone wider than any in use counts as not written.
fn numeric_zone(token: &str) -> Option<i16> {
    let (sign, digits) = token.split_at_checked(1)?;
    let number: i16 = digits.parse().ok()?;
    let minutes = number / 100 * 60 + number % 100;
    let minutes = if minutes > WIDEST_ZONE { 0 } else { minutes };
    Some(if sign == "-" { -minutes } else { minutes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imap(text: &str) -> Option<String> {
        parse(text).map(|written| written.instant().to_imap())
    }

    #[test]
    fn dates_of_headers_and_from_lines_are_read() {
        for (text, wire) in [
            ("Mon, 7 Feb 1994 21:52:25 -0800 (PST)", "07-Feb-1994 21:52:25 -0800"),
            ("7 Feb 94 21:52 EST", "07-Feb-1994 21:52:00 -0500"),
            ("Tue Feb  3 10:00:01 2004", "03-Feb-2004 10:00:01 +0000"),
            ("Sat Nov 15 01:17:36 +0000 2014", "15-Nov-2014 01:17:36 +0000"),
            ("Sat Nov 15 01:17:36 2014 +0100", "15-Nov-2014 01:17:36 +0100"),
            ("Thu, 9 Nov 2002 10:11 GMT", "09-Nov-2002 10:11:00 +0000"),
            ("11-NOV-1999 08:36:54 -0600", "11-Nov-1999 08:36:54 -0600"),
            ("1 Jan 2020 23:59:60 +0000", "01-Jan-2020 23:59:59 +0000"),
            ("1 Jan 2020 10:00:00 +9999", "01-Jan-2020 10:00:00 +0000"),
        ] {
            assert_eq!(imap(text).as_deref(), Some(wire), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["", "32 Foo 2020 99:99:99", "30 Feb 2020 10:00:00", "hello", "1 Jan 2020", "1 Jan 2020 24:00:00"] {
            assert_eq!(imap(text), None, "{text}");
        }
    }

    #[test]
    fn only_believable_dates_are_sane() {
        assert!(InternalDate::from_unix(1_000_000_000).is_sane());
        assert!(!InternalDate::from_unix(0).is_sane());
        assert!(!InternalDate::from_unix(i64::from(u32::MAX)).is_sane());
    }
}
