//! Numbers, sizes and times as people read them, in the short forms that tables and summaries need. Used by screen and
//! command line alike.

use std::time::Duration;

/// Short units, each a thousand times the one before.
const UNITS: [&str; 6] = ["", "k", "M", "G", "T", "P"];

/// `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 message`, `1,234 messages`.
pub fn plural(number: u64, one: &str) -> String {
    format!("{} {one}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// At most four characters: `999`, `2.1k`, `38k`, `1.4M`.
pub fn short(number: u64) -> String {
    let (whole, tenth, unit) = scaled(number);
    if unit.is_empty() || whole >= 10 { format!("{whole}{unit}") } else { format!("{whole}.{tenth}{unit}") }
}

/// `38.1 MB`, for sums.
pub fn bytes(number: u64) -> String {
    let (whole, tenth, unit) = scaled(number);
    if unit.is_empty() { format!("{whole} B") } else { format!("{whole}.{tenth} {unit}B") }
}

/// The number before the point, the digit after it, and the unit.
fn scaled(number: u64) -> (u64, u64, &'static str) {
    let mut unit = 1u64;
    for name in UNITS {
        if number / unit < 1000 {
            return (number / unit, number % unit / (unit / 10).max(1) % 10, name);
        }
        unit = unit.saturating_mul(1000);
    }
    (number / unit.max(1), 0, "E")
}

/// A rate as [`short`] shows it; rates below ten keep a decimal.
pub fn rate(per_second: f64) -> String {
    if per_second < 9.95 {
        format!("{per_second:.1}")
    } else {
        short(Duration::try_from_secs_f64(per_second).map_or(0, |rate| rate.as_secs()))
    }
}

/// `0:04`, `12:30`, `1:02:03`, `3 days`.
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match hours {
        0 => format!("{minutes}:{:02}", seconds % 60),
        1..=47 => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
        _ => format!("{} days", hours / 24),
    }
}

/// How long something took: `0.8 s`, `12.3 s`, then as [`clock`].
pub fn took(time: Duration) -> String {
    if time.as_secs() < 60 { format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100) } else { clock(time) }
}

/// A share from 0 to 1 in whole percent, 100 only when all is done.
pub fn percent(ratio: f64) -> u64 {
    cells(ratio, 100)
}

/// `whole` times the share, rounded down.
pub fn cells(ratio: f64, whole: u32) -> u64 {
    let part = (ratio.clamp(0.0, 1.0) * f64::from(whole)).floor();
    // A whole number of seconds is the std way from a float to an integer without a cast.
    Duration::try_from_secs_f64(part).map_or(0, |part| part.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 999, 2_149, 38_100, 999_999, 1_450_000].map(short), ["0", "999", "2.1k", "38k", "999k", "1.4M"]);
        assert_eq!([12, 38_149_000, 1_000].map(bytes), ["12 B", "38.1 MB", "1.0 kB"]);
        assert_eq!([870, 59_999, 61_000].map(|ms| took(Duration::from_millis(ms))), ["0.8 s", "59.9 s", "1:01"]);
        assert_eq!([0.25, 3.0, 1234.0].map(rate), ["0.2", "3.0", "1.2k"]);
        assert_eq!(
            [4, 750, 3723, 200_000].map(|s| clock(Duration::from_secs(s))),
            ["0:04", "12:30", "1:02:03", "2 days"]
        );
        assert_eq!([0.0, 0.614, 0.9999, 1.0].map(percent), [0, 61, 99, 100]);
        assert_eq!(plural(1, "message") + &plural(2, "folder"), "1 message2 folders");
    }
}
