//! Messages made ready for the preview: sanitised and wrapped in the worker, so that drawing costs nothing.

use crate::mail::preview::{Attachment, Preview, preview};
use crate::mail::units::{bytes, plural};
use crate::ui::event::{Page, PreviewKind, PreviewLine};
use crate::ui::view::paint::wrap;

/// Most lines shown; more than anybody scrolls through.
const MAX_LINES: usize = 50_000;
/// How much of a message is shown as it is.
const MAX_RAW: usize = 2 * 1024 * 1024;
/// How much of a line is wrapped at once.
const MAX_PIECE: usize = 4096;
const TAB: usize = 8;
/// Columns by which names of headers and what belongs to a line above are told apart.
const INDENT: usize = 10;
const PARTIAL: &str = "[only the beginning is shown]";

/// The pages of a message, wrapped to `columns`. `is_cut`: it is only the beginning of one.
pub(crate) fn pages(message: &[u8], columns: usize, is_cut: bool) -> Result<Vec<Page>, String> {
    let raw = raw(message, columns, is_cut);
    let Some(mut shown) = preview(message) else {
        // What can't be read as mail can still be looked at.
        return if message.is_empty() {
            Err("it is empty; it can be carried all the same".into())
        } else {
            Ok(vec![raw])
        };
    };
    shown.is_partial |= is_cut;
    Ok(vec![
        Page { name: "Text", lines: text(&shown, columns) },
        Page { name: "Headers", lines: headers(&shown, columns) },
        Page { name: "Structure", lines: structure(&shown, columns) },
        Page { name: "Attachments", lines: attachments(&shown, columns) },
        raw,
    ])
}

fn header(lines: &mut Vec<PreviewLine>, (name, value): &(String, String), columns: usize) {
    push(lines, PreviewKind::Header, &format!("{:<9} {value}", format!("{name}:")), columns, INDENT);
}

/// The headers that people read, the attachments, and the text.
fn text(shown: &Preview, columns: usize) -> Vec<PreviewLine> {
    let mut lines = Vec::new();
    for field in &shown.headers {
        header(&mut lines, field, columns);
    }
    for part in &shown.attachments {
        push(&mut lines, PreviewKind::Note, &format!("Attached: {}", described(part)), columns, INDENT);
    }
    if shown.is_html {
        push(&mut lines, PreviewKind::Note, "[HTML, shown as text]", columns, 0);
    }
    lines.push(PreviewLine { kind: PreviewKind::Text, text: String::new() });
    for text in &shown.text {
        let kind = if text.starts_with('>') { PreviewKind::Quote } else { PreviewKind::Text };
        push(&mut lines, kind, &without_tabs(text), columns, 0);
        if lines.len() >= MAX_LINES {
            break;
        }
    }
    if shown.is_partial || lines.len() >= MAX_LINES {
        push(&mut lines, PreviewKind::Note, PARTIAL, columns, 0);
    }
    lines
}

fn headers(shown: &Preview, columns: usize) -> Vec<PreviewLine> {
    let mut lines = Vec::new();
    for field in &shown.all_headers {
        header(&mut lines, field, columns);
    }
    lines
}

fn described(part: &Attachment) -> String {
    let name = if part.name.is_empty() { "(no name)" } else { &part.name };
    format!("{name}, {}, {}", part.media_type, bytes(part.size))
}

fn structure(shown: &Preview, columns: usize) -> Vec<PreviewLine> {
    let mut lines = Vec::new();
    for part in &shown.parts {
        let mut words = format!("{:indent$}{}", "", part.what.media_type, indent = part.depth * 2);
        for more in [part.what.name.as_str(), part.charset.as_str()].into_iter().filter(|more| !more.is_empty()) {
            words = format!("{words}, {more}");
        }
        if part.what.size > 0 {
            words = format!("{words}, {}", bytes(part.what.size));
        }
        push(&mut lines, PreviewKind::Text, &words, columns, part.depth * 2 + 4);
    }
    if shown.is_partial {
        push(&mut lines, PreviewKind::Note, PARTIAL, columns, 0);
    }
    lines
}

fn attachments(shown: &Preview, columns: usize) -> Vec<PreviewLine> {
    let mut lines = Vec::new();
    let sum = shown.attachments.iter().map(|part| part.size).sum();
    let words = match shown.attachments.len() {
        0 => "There are no attachments.".to_owned(),
        number => format!("{}, {}", plural(number as u64, "attachment"), bytes(sum)),
    };
    push(&mut lines, PreviewKind::Header, &words, columns, 0);
    for part in &shown.attachments {
        push(&mut lines, PreviewKind::Note, &described(part), columns, 4);
    }
    if shown.is_partial {
        push(&mut lines, PreviewKind::Note, PARTIAL, columns, 0);
    }
    lines
}

/// The message as it is, but for what a terminal would obey.
fn raw(message: &[u8], columns: usize, is_cut: bool) -> Page {
    let mut lines = Vec::new();
    let part = message.get(..MAX_RAW).unwrap_or(message);
    for line in part.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = without_tabs(&String::from_utf8_lossy(line));
        // In pieces, since what it costs to wrap a word grows with the square of its length.
        let mut rest = text.as_str();
        while let Some((piece, after)) = rest.split_at_checked(rest.floor_char_boundary(MAX_PIECE)) {
            push(&mut lines, PreviewKind::Text, piece, columns, 0);
            rest = after;
            if rest.is_empty() || lines.len() >= MAX_LINES {
                break;
            }
        }
        if lines.len() >= MAX_LINES {
            break;
        }
    }
    if is_cut || part.len() < message.len() || lines.len() >= MAX_LINES {
        push(&mut lines, PreviewKind::Note, PARTIAL, columns, 0);
    }
    Page { name: "Raw", lines }
}

/// Adds a text, wrapped; lines after its first one are indented.
pub(crate) fn push(lines: &mut Vec<PreviewLine>, kind: PreviewKind, text: &str, columns: usize, indent: usize) {
    let mut wrapped = wrap(text, columns).into_iter();
    lines.extend(wrapped.next().map(|text| PreviewLine { kind, text }));
    let rest: Vec<String> = wrapped.collect();
    if indent == 0 {
        lines.extend(rest.into_iter().map(|text| PreviewLine { kind, text }));
    } else {
        let rest = wrap(&rest.join(" "), columns.saturating_sub(indent));
        let rest = rest.into_iter().filter(|text| !text.is_empty());
        lines.extend(rest.map(|text| PreviewLine { kind, text: format!("{:indent$}{text}", "") }));
    }
}

/// Tabs become spaces up to the next stop.
fn without_tabs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for ch in text.chars() {
        if ch == '\t' {
            let spaces = TAB - column % TAB;
            out.extend(std::iter::repeat_n(' ', spaces));
            column += spaces;
        } else {
            out.push(ch);
            column += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_megabytes_is_shown_soon() {
        let mut message = b"Subject: x\r\n\r\n".to_vec();
        message.resize(3_000_000, b'x');
        let started = std::time::Instant::now();
        let pages = pages(&message, 76, false).unwrap();
        assert!(started.elapsed() < std::time::Duration::from_secs(3), "{:?}", started.elapsed());
        let raw = pages.last().unwrap();
        assert!(raw.name == "Raw" && raw.lines.len() > 20_000);
        assert_eq!(raw.lines.last().map(|line| line.text.as_str()), Some(PARTIAL));
    }

    #[test]
    fn a_message_becomes_lines_without_anything_a_terminal_obeys() {
        let message = b"From: a@x\r\nSubject: hi \x1b[31m there\r\n\r\na\tb\r\n> quoted\r\n\x1b]0;PWN\x07 long line that wraps here\r\n";
        let pages = pages(message, 20, false).unwrap();
        let names: Vec<&str> = pages.iter().map(|page| page.name).collect();
        assert_eq!(names, ["Text", "Headers", "Structure", "Attachments", "Raw"]);
        let lines: Vec<PreviewLine> = pages.into_iter().flat_map(|page| page.lines).collect();
        assert!(lines.iter().all(|line| !line.text.chars().any(char::is_control)));
        assert!(lines.iter().any(|line| line.text == "a       b"));
        assert!(lines.iter().any(|line| line.kind == PreviewKind::Quote));
        assert!(lines.iter().all(|line| unicode_width::UnicodeWidthStr::width(line.text.as_str()) <= 20), "{lines:#?}");
    }
}
