//! Messages made ready for the preview: sanitised and wrapped in the worker, so that drawing costs nothing.

use crate::mail::preview::preview;
use crate::mail::units::bytes;
use crate::ui::event::{PreviewKind, PreviewLine};
use crate::ui::view::paint::wrap;

/// Most lines shown; more than anybody scrolls through.
const MAX_LINES: usize = 50_000;
const TAB: usize = 8;

/// The lines of a message, wrapped to `columns`.
pub(crate) fn lines(message: &[u8], columns: usize) -> Result<Vec<PreviewLine>, String> {
    let shown = preview(message).ok_or("it can't be read as mail; it can be carried all the same")?;
    let mut lines = Vec::new();
    for (name, value) in &shown.headers {
        push(&mut lines, PreviewKind::Header, &format!("{:<9} {value}", format!("{name}:")), columns, 10);
    }
    for part in &shown.attachments {
        let name = if part.name.is_empty() { "(no name)" } else { &part.name };
        push(
            &mut lines,
            PreviewKind::Note,
            &format!("Attached: {name}, {}, {}", part.media_type, bytes(part.size)),
            columns,
            10,
        );
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
        push(&mut lines, PreviewKind::Note, "[only the beginning is shown]", columns, 0);
    }
    Ok(lines)
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
    fn a_message_becomes_lines_without_anything_a_terminal_obeys() {
        let message = b"From: a@x\r\nSubject: hi \x1b[31m there\r\n\r\na\tb\r\n> quoted\r\n\x1b]0;PWN\x07 long line that wraps here\r\n";
        let lines = lines(message, 20).unwrap();
        assert!(lines.iter().all(|line| !line.text.chars().any(char::is_control)));
        assert!(lines.iter().any(|line| line.text == "a       b"));
        assert!(lines.iter().any(|line| line.kind == PreviewKind::Quote));
        assert!(lines.iter().all(|line| unicode_width::UnicodeWidthStr::width(line.text.as_str()) <= 20), "{lines:#?}");
    }
}
