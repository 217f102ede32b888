//! What of an answer may be seen. Only what is known to hold nothing of a message is; all else is counted.

use crate::imap::answer::{Answer, Kind, Status, Value};
use crate::mail::date;
use crate::mail::display::clean;

use super::is_own;

/// The most bytes of a line that are shown.
const MOST: usize = 2000;
/// Data about the open folder that has a number before it.
const COUNTS: [&str; 3] = ["EXISTS", "EXPUNGE", "RECENT"];
/// Data that holds nothing of a message.
const DATA: [&str; 7] = ["CAPABILITY", "ENABLED", "ESEARCH", "FLAGS", "ID", "SEARCH", "VANISHED"];
/// The same with names of folders in it, which may be literals.
const OF_FOLDERS: [&str; 7] = ["LIST", "LSUB", "NAMESPACE", "QUOTA", "QUOTAROOT", "STATUS", "XLIST"];
/// Items of FETCH whose names are shown: those that are asked for, and those that servers add.
const ITEMS: [&str; 9] =
    ["UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "MODSEQ", "BODY", "BODYSTRUCTURE", "ENVELOPE", "X-GM-LABELS"];

/// Text without anything that a terminal would obey, in a line that says how much of it is missing.
pub fn fit(text: &str) -> String {
    let start = text.get(..text.floor_char_boundary(MOST)).unwrap_or_default();
    let cut = if start.len() < text.len() { format!("… [{MOST} of {} bytes]", text.len()) } else { String::new() };
    clean(start) + &cut
}

/// What of an answer may be seen; `None` if that can not be told. In a login, challenges are not.
pub fn answer(answer: &Answer, is_login: bool) -> Option<String> {
    let line = || String::from_utf8_lossy(answer.line()).into_owned();
    if let Some(tag) = answer.tag() {
        return is_own(tag).then(line);
    }
    if answer.kind("") == Kind::Continue {
        return Some(if is_login { "+ …".into() } else { line() });
    }
    match answer.untagged_status() {
        // A server that takes a message's lines for commands quotes them here.
        Some((Status::Bad, ..)) => return Some("* BAD …".into()),
        Some(_) => return Some(line()),
        None => {}
    }
    let bytes = answer.bytes();
    match answer.values().as_slice() {
        _ if !bytes.starts_with(b"* ") => None,
        [number, word, Value::List(items)] if word.is("FETCH") && bytes.trim_ascii_end().ends_with(b")") => {
            Some(format!("* {} FETCH ({})", number.number()?, fetched(items)))
        }
        [number, word] if number.number().is_some() && is_one_of(word, &COUNTS) => Some(line()),
        [word, ..] if is_one_of(word, &OF_FOLDERS) => Some(String::from_utf8_lossy(bytes.trim_ascii_end()).into()),
        [word, ..] if is_one_of(word, &DATA) => Some(line()),
        _ => None,
    }
}

fn is_one_of(word: &Value<'_>, words: &[&str]) -> bool {
    words.iter().any(|known| word.is(known))
}

/// The items of a FETCH answer: names and values in turn.
fn fetched(items: &[Value<'_>]) -> String {
    let mut shown = Vec::with_capacity(items.len());
    for pair in items.chunks(2) {
        let [name, value @ ..] = pair else { continue };
        let text = name.text();
        let (word, section) = text.split_at(text.find('[').unwrap_or(text.len()));
        let item = ITEMS.iter().find(|item| matches!(name, Value::Atom(_)) && item.eq_ignore_ascii_case(word));
        shown.push(format!("{}{}", item.unwrap_or(&"…"), if section.is_empty() { "" } else { "[…]" }));
        shown.extend(value.iter().map(|value| of_item(item.unwrap_or(&""), value)));
    }
    shown.join(" ")
}

/// A value of an item, as far as it may be seen.
fn of_item(item: &str, value: &Value<'_>) -> String {
    match value {
        Value::List(values) => {
            format!("({})", values.iter().map(|value| of_item(item, value)).collect::<Vec<_>>().join(" "))
        }
        Value::Literal(bytes) => format!("{{{0}}} [{0} bytes]", bytes.len()),
        Value::Quoted(_) if item == "INTERNALDATE" && date::parse(&value.text()).is_some() => {
            format!("\"{}\"", value.text())
        }
        Value::Quoted(_) => "\"…\"".into(),
        Value::Atom(_) => {
            let is_number = || value.number().is_some();
            let is_seen = match item {
                "FLAGS" => true,
                "UID" | "RFC822.SIZE" | "MODSEQ" => is_number(),
                _ => value.is("NIL"),
            };
            if is_seen { value.text().into_owned() } else { "…".into() }
        }
    }
}
