//! What is put in place of the four bytes that each part of a deleted text has lost. Used to recover texts.
//!
//! In a header, the bytes of a usual field's name are put back where the rest of the name tells them; so a message keeps its
//! sender, subject and date. Everywhere else dashes show that something is missing, as undbx does it; line ends that were
//! cut through are closed again.

use super::layout::TEXT_LOST;
use crate::mail::date;

/// Names of header fields that can be known by their ends.
const NAMES: [&str; 33] = [
    "Received",
    "Return-Path",
    "Delivered-To",
    "Envelope-To",
    "Message-ID",
    "Date",
    "From",
    "Sender",
    "Subject",
    "Reply-To",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "Content-Language",
    "Content-Class",
    "Organization",
    "Newsgroups",
    "User-Agent",
    "Thread-Topic",
    "Thread-Index",
    "Importance",
    "Precedence",
    "Disposition-Notification-To",
    "X-Mailer",
    "X-Priority",
    "X-MSMail-Priority",
    "X-MimeOLE",
    "X-UIDL",
    "X-Originating-IP",
    "X-Unsent",
];
/// How much of a name must be left to know it, where the end of the line before it is lost too.
const LEFT: usize = 3;
/// What stands for lost text.
const LOST: u8 = b'-';

/// Replaces the first bytes of a deleted part's text. `before`: the end of the part before it.
pub(super) fn mend(part: &mut [u8], before: &[u8], in_header: bool) {
    if let Some((lost, rest)) = part.split_at_mut_checked(TEXT_LOST) {
        let header = if in_header { in_place_of_header(before, rest) } else { None };
        lost.copy_from_slice(&header.unwrap_or_else(|| in_place_of_text(before, rest)));
    } else {
        part.fill(LOST);
    }
}

fn in_place_of_text(before: &[u8], rest: &[u8]) -> [u8; TEXT_LOST] {
    match (before.ends_with(b"\r"), rest.starts_with(b"\n")) {
        (true, true) => *b"\n--\r",
        (true, false) => *b"\n---",
        (false, true) => *b"---\r",
        (false, false) => *b"----",
    }
}

/// Field names put back, or something that keeps a line a part of the header.
fn in_place_of_header(before: &[u8], rest: &[u8]) -> Option<[u8; TEXT_LOST]> {
    let starts_line = before.is_empty() || before.ends_with(b"\n");
    for name in NAMES.map(str::as_bytes) {
        // How many bytes of the name are lost; what else is lost is the end of the line before it.
        for lost in 0..=TEXT_LOST {
            let (Some(start), Some(left)) = (name.get(..lost), name.get(lost..)) else { continue };
            let value = || rest.get(left.len()..)?.strip_prefix(b":");
            let fits = rest.get(..left.len()).is_some_and(|end| end.eq_ignore_ascii_case(left));
            let filler: &[u8] = match lost {
                4 if starts_line && (!left.is_empty() || value().is_some_and(|value| is_value_of(name, value))) => b"",
                3 if before.ends_with(b"\r") => b"\n",
                2 if left.len() >= LEFT => b"\r\n",
                1 if left.len() >= LEFT => b"-\r\n",
                0 => b"--\r\n",
                _ => continue,
            };
            if fits && value().is_some() {
                return [filler, start].concat().try_into().ok();
            }
        }
    }
    let line = rest.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let names_field = line.iter().take_while(|byte| byte.is_ascii_graphic()).any(|byte| *byte == b':');
    match (starts_line, names_field, before.is_empty()) {
        (true, false, true) => Some(*b"X-: "),  // a short name and a value, such as "To: "
        (true, false, false) => Some(*b" ---"), // that, or a line that was folded
        _ => None,                              // dashes may stand in a name
    }
}

/// `From` and `Date` have lost their whole names; their values differ.
fn is_value_of(name: &[u8], value: &[u8]) -> bool {
    let line = value.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let is_date = std::str::from_utf8(line).is_ok_and(|line| date::parse(line).is_some());
    match name {
        b"Date" => is_date,
        b"From" => !is_date && line.contains(&b'@'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_start_is_put_back_where_the_rest_tells_it_and_marked_where_not() {
        for (before, rest, in_header, mended) in [
            ("", ": \"A\" <a@b>\r\nTo: c\r\n", true, "From"),
            ("", ": Tue, 03 Feb 2004 10:05:06 +0000\r\n", true, "Date"),
            ("", "ived: from x\r\n", true, "Rece"),
            ("", "age-id: <1@x>\r\n", true, "Mess"),
            ("", ": <a@b>\r\nTo: c\r\n", true, "From"),
            ("", "c@d\r\nSubject: x\r\n", true, "X-: "),
            ("", "own: thing\r\n", true, "----"),
            ("c@d\r\n", "ect: Hello\r\n", true, "Subj"),
            ("c@d\r\n", "by mail.example\r\n", true, " ---"),
            ("c@d\r", "ject: Hello\r\n", true, "\nSub"),
            ("c@", "bject: Hello\r\n", true, "\r\nSu"),
            ("c@", "ubject: Hello\r\n", true, "-\r\nS"),
            ("c@", "Date: Hello\r\n", true, "--\r\n"),
            ("c@", "om: Hello\r\n", true, "----"), // too little to be sure
            ("c@", "ject: Hello\r\n", true, "----"),
            ("c@d\r", "x\r\n", true, "\n---"),
            ("c@d\r\n", "ect: Hello\r\n", false, "----"),
            ("abc\r", "\nabc", false, "\n--\r"),
            ("abc", "\nabc", false, "---\r"),
            ("abc", "abc", false, "----"),
        ] {
            let mut part = [b"\0\x01\x02\x03", rest.as_bytes()].concat();
            mend(&mut part, before.as_bytes(), in_header);
            assert_eq!(String::from_utf8(part).unwrap(), format!("{mended}{rest}"), "{before:?} {rest:?}");
        }
        let mut short = [0, 1];
        mend(&mut short, b"", true);
        assert_eq!(short, *b"--");
    }
}
