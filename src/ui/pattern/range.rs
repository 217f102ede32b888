//! The ranges in patterns: days (`~d`) and sizes (`~z`), as mutt writes them and as people do.

use chrono::{Days, Months, NaiveDate};

/// Numbers from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// The lowest that fits.
    pub first: i64,
    /// The highest that fits.
    pub last: i64,
}

impl Range {
    /// Whether a number is in it.
    pub(crate) fn holds(self, number: i64) -> bool {
        (self.first..=self.last).contains(&number)
    }
}

const ALL: Range = Range { first: i64::MIN, last: i64::MAX };

/// What a range may be, told when it is something else; short enough to stand below what was typed.
pub(super) const DAYS: &str = "dates: 2004 2004-03 12.03.2004 <2001 >2001 2001..2003 <2w >1y";
pub(super) const SIZES: &str = "sizes: 500 10k 2M >1M <10k 10k..1M";

/// Days since 1970 that a text stands for; `today` is one of them.
pub(super) fn days(text: &str, today: i64) -> Option<Range> {
    read(text, &|one| day(one, today), &|sign, one| relative(sign, one, today))
}

/// Sizes in bytes that a text stands for.
pub(super) fn sizes(text: &str) -> Option<Range> {
    read(text, &size, &|_, _| None)
}

/// `<A`, `>A`, `<=A`, `>=A`, `=A`, `A..B`, `A-B`, `A..`, `-B` and `A`, each side open where it is missing.
fn read(
    text: &str,
    one: &dyn Fn(&str) -> Option<Range>,
    relative: &dyn Fn(char, &str) -> Option<Range>,
) -> Option<Range> {
    if let Some(rest) = text.strip_prefix("<=") {
        return one(rest).map(|range| Range { first: i64::MIN, ..range });
    }
    if let Some(rest) = text.strip_prefix(">=") {
        return one(rest).map(|range| Range { last: i64::MAX, ..range });
    }
    if let Some(rest) = text.strip_prefix('<') {
        let before = || one(rest).map(|range| Range { first: i64::MIN, last: range.first.saturating_sub(1) });
        return relative('<', rest).or_else(before);
    }
    if let Some(rest) = text.strip_prefix('>') {
        let after = || one(rest).map(|range| Range { first: range.last.saturating_add(1), last: i64::MAX });
        return relative('>', rest).or_else(after);
    }
    if let Some(rest) = text.strip_prefix('=') {
        return one(rest).or_else(|| relative('=', rest));
    }
    if let Some((from, to)) = text.split_once("..") {
        return between(from, to, one);
    }
    // A date may hold hyphens itself.
    one(text).or_else(|| text.match_indices('-').find_map(|(at, _)| between(text.get(..at)?, text.get(at + 1..)?, one)))
}

fn between(from: &str, to: &str, one: &dyn Fn(&str) -> Option<Range>) -> Option<Range> {
    if from.is_empty() && to.is_empty() {
        return None;
    }
    let from = if from.is_empty() { ALL } else { one(from)? };
    let to = if to.is_empty() { ALL } else { one(to)? };
    // Whoever writes the later one first means the same.
    let (from, to) = if from.first <= to.last { (from, to) } else { (to, from) };
    Some(Range { first: from.first, last: to.last })
}

fn number(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days() // the default is 1970-01-01
}

/// The days that one date stands for: one, a month or a year of them.
fn day(text: &str, today: i64) -> Option<Range> {
    match text.to_ascii_lowercase().as_str() {
        "today" => return Some(Range { first: today, last: today }),
        "yesterday" => return Some(Range { first: today - 1, last: today - 1 }),
        _ => {}
    }
    if text.contains('-') || text.len() == 4 {
        let mut parts = text.splitn(3, '-').map(digits);
        let year = i32::try_from(parts.next()??).ok().filter(|year| *year > 999)?;
        return match (parts.next(), parts.next()) {
            (None, _) => span(NaiveDate::from_ymd_opt(year, 1, 1)?, Months::new(12)),
            (Some(month), None) => span(NaiveDate::from_ymd_opt(year, month?, 1)?, Months::new(1)),
            (Some(month), Some(day)) => one_day(year, month?, day?),
        };
    }
    let mut parts = text.split(['.', '/']).map(digits);
    let (day, month, year) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() {
        return None;
    }
    // As the list shows them: no mail is older than 1970.
    let year = match year {
        0..=69 => 2000 + year,
        70..=99 => 1900 + year,
        year => year,
    };
    one_day(i32::try_from(year).ok()?, month, day)
}

fn digits(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn one_day(year: i32, month: u32, day: u32) -> Option<Range> {
    let day = number(NaiveDate::from_ymd_opt(year, month, day)?);
    Some(Range { first: day, last: day })
}

fn span(first: NaiveDate, months: Months) -> Option<Range> {
    Some(Range { first: number(first), last: number(first.checked_add_months(months)?) - 1 })
}

/// `<2w` newer than two weeks, `>1y` older than a year, `=3d` three days ago.
fn relative(sign: char, text: &str, today: i64) -> Option<Range> {
    let unit = text.chars().next_back()?;
    let count = digits(text.get(..text.len().checked_sub(unit.len_utf8())?)?)?;
    let today_date = NaiveDate::default().checked_add_days(Days::new(u64::try_from(today).ok()?))?;
    let then = match unit {
        'd' => today_date.checked_sub_days(Days::new(count.into()))?,
        'w' => today_date.checked_sub_days(Days::new(u64::from(count) * 7))?,
        'm' => today_date.checked_sub_months(Months::new(count))?,
        'y' => today_date.checked_sub_months(Months::new(count.checked_mul(12)?))?,
        _ => return None,
    };
    let then = number(then);
    Some(match sign {
        '<' => Range { first: then.saturating_add(1), last: i64::MAX },
        '>' => Range { first: i64::MIN, last: then.saturating_sub(1) },
        _ => Range { first: then, last: then },
    })
}

/// One size: thousands as the screen shows them.
fn size(text: &str) -> Option<Range> {
    let text = text.strip_suffix(['b', 'B']).unwrap_or(text);
    let unit = text.chars().next_back()?;
    let factor = match unit.to_ascii_lowercase() {
        'k' => 1_000,
        'm' => 1_000_000,
        'g' => 1_000_000_000,
        '0'..='9' => 1,
        _ => return None,
    };
    let number = if factor == 1 { text } else { text.get(..text.len().checked_sub(1)?)? };
    let bytes = i64::from(digits(number).filter(|_| !number.is_empty())?).checked_mul(factor)?;
    Some(Range { first: bytes, last: bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2004-03-12.
    const TODAY: i64 = 12_489;

    #[test]
    fn dates_are_read_as_mutt_and_people_write_them() {
        let day = |text: &str| days(text, TODAY).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(day("2004-03-12"), Range { first: TODAY, last: TODAY });
        for same in ["12.03.2004", "12/3/04", "today", "2004-03-12..2004-03-12", "12/03/2004-12/03/2004", "=0d"] {
            assert_eq!(day(same), day("2004-03-12"), "{same}");
        }
        assert_eq!(day("2004-03"), day("2004-03-01..2004-03-31"));
        assert_eq!(day("2004").last, day("31.12.2004").first);
        assert_eq!(day("<2004").last, day("31.12.2003").last);
        assert_eq!(day(">=2004").first, day("2004-01-01").first);
        assert_eq!(day("2001..2003"), Range { first: day("2001").first, last: day("2003").last });
        assert_eq!(day("2003..2001"), day("2001..2003"));
        assert_eq!(day("01/02/2003-").first, day("2003-02-01").first);
        assert_eq!(day("-01/02/2003").last, day("2003-02-01").first);
        assert_eq!(day("<2w").first, TODAY - 13);
        assert_eq!(day(">1y").last, day("2003-03-11").last);
        assert_eq!(day("1.1.99"), day("1999-01-01"));
        for bad in ["", "x", "2004-13", "31.02.2004", "99", "..", "<", "2004-1-1-1", "1.2.3.4", "12.03."] {
            assert_eq!(days(bad, TODAY), None, "{bad}");
        }
    }

    #[test]
    fn sizes_are_read_in_thousands() {
        for (text, first, last) in [
            ("500", 500, 500),
            (">1M", 1_000_001, i64::MAX),
            (">=1MB", 1_000_000, i64::MAX),
            ("<10k", i64::MIN, 9_999),
            ("10K-1M", 10_000, 1_000_000),
            ("10k..", 10_000, i64::MAX),
        ] {
            assert_eq!(sizes(text), Some(Range { first, last }), "{text}");
        }
        for bad in ["", "k", "x", "1T", "..", "99999999999"] {
            assert_eq!(sizes(bad), None, "{bad}");
        }
    }
}
