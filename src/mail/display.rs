//! The one sanitiser: foreign text made fit for terminals, logs and reports.
//!
//! Mail, file names and server replies are written by strangers; an escape sequence in a subject must not reach the
//! admin's terminal (facts/reliability.md section 3). Everything foreign that is shown goes through here.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Most combining marks kept on one base character.
const MAX_MARKS: usize = 4;
/// Most bytes of one grapheme; longer ones are noise made to fill memory.
const MAX_GRAPHEME: usize = 32;

/// `text` in one line of at most `columns` terminal cells, cut with `…`, without anything a terminal would obey.
pub fn display(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut width = 0;
    let mut marks_cut = String::new();
    for grapheme in bounded(text, columns).graphemes(true) {
        let shown = visible(grapheme, &mut marks_cut);
        let cells = shown.width();
        if width + cells > columns {
            while width + 1 > columns {
                let Some((at, last)) = out.grapheme_indices(true).next_back() else { return String::new() };
                width -= last.width();
                out.truncate(at);
            }
            out.push('…');
            return out;
        }
        width += cells;
        out.push_str(shown);
    }
    out
}

/// [`display`] for bytes that may not be UTF-8.
pub fn display_bytes(bytes: &[u8], columns: usize) -> String {
    let most = columns.saturating_mul(4).saturating_add(1024);
    display(&String::from_utf8_lossy(bytes.get(..most).unwrap_or(bytes)), columns)
}

/// The sanitised text for logs and JSON: no cut but a generous one.
pub fn clean(text: &str) -> String {
    display(text, 4096)
}

/// The start of `text`, enough for `columns` cells, so that endless input costs nothing.
fn bounded(text: &str, columns: usize) -> &str {
    let most = columns.saturating_mul(4).saturating_add(1024);
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// What stands for one grapheme: itself, a replacement, or a shorter form of it.
fn visible<'a>(grapheme: &'a str, scratch: &'a mut String) -> &'a str {
    let mut chars = grapheme.chars();
    let Some(first) = chars.next() else { return "" };
    if let Some(replacement) = replacement(first) {
        return replacement;
    }
    if chars.clone().next().is_none() {
        return grapheme;
    }
    let clean = grapheme.len() <= MAX_GRAPHEME
        && chars.clone().count() <= MAX_MARKS
        && chars.all(|ch| replacement(ch).is_none());
    if clean {
        return grapheme;
    }
    scratch.clear();
    scratch.push(first);
    for ch in grapheme.chars().skip(1).filter(|ch| replacement(*ch).is_none()).take(MAX_MARKS) {
        if scratch.len() + ch.len_utf8() <= MAX_GRAPHEME {
            scratch.push(ch);
        }
    }
    scratch
}

/// What is shown instead of a character that a terminal would obey or that hides or reorders text.
fn replacement(ch: char) -> Option<&'static str> {
    const CONTROL: [&str; 32] = [
        "^@", "^A", "^B", "^C", "^D", "^E", "^F", "^G", "^H", " ", " ", "^K", "^L", " ", "^N", "^O", "^P", "^Q", "^R",
        "^S", "^T", "^U", "^V", "^W", "^X", "^Y", "^Z", "^[", "^\\", "^]", "^^", "^_",
    ];
    match ch {
        '\0'..='\x1f' => CONTROL.get(ch as usize).copied(),
        '\x7f' => Some("^?"),
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{fe00}'..='\u{fe0e}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{fffe}'
        | '\u{ffff}'
        | '\u{e0000}'..='\u{10ffff}' => Some("\u{fffd}"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_obeys_comes_through() {
        for (foreign, shown) in [
            ("\x1b]0;PWN\x07", "^[]0;PWN^G"),
            ("a\tb\r\nc", "a b c"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("x\u{202e}gpj.exe", "x\u{fffd}gpj.exe"),
            ("\u{200b}\u{feff}", "\u{fffd}\u{fffd}"),
            ("Grüße 日本 👍", "Grüße 日本 👍"),
        ] {
            assert_eq!(display(foreign, 80), shown, "{foreign:?}");
        }
    }

    #[test]
    fn text_is_cut_by_cells_not_by_bytes() {
        assert_eq!(display("abcdef", 4), "abc…");
        assert_eq!(display("abcd", 4), "abcd");
        assert_eq!(display("日本語", 5), "日本…");
        assert_eq!(display("日本語", 4), "日…");
        assert_eq!(display("abc", 0), "");
        assert_eq!(display("日本", 1), "…");
    }

    #[test]
    fn wide_combining_and_right_to_left_text_is_cut_between_graphemes_and_never_too_wide() {
        for text in [
            "日本語のテキスト",
            "e\u{301}a\u{308}o\u{302}e\u{301}",
            "שלום עולם",
            "مرحبا بالعالم",
            "👩‍👩‍👧‍👦 family 🇩🇪",
            "ก็ดีครับ",
            "한국어 텍스트",
            "a\u{200d}b\u{fe0f}c",
        ] {
            for columns in 0..20 {
                let shown = display(text, columns);
                assert!(shown.width() <= columns, "{text} {columns}: {shown}");
                let whole = shown.trim_end_matches('…');
                let clean = display(text, 1000);
                assert!(clean.starts_with(whole), "{text} {columns}: {shown}");
                let starts: Vec<usize> = clean.grapheme_indices(true).map(|(at, _)| at).chain([clean.len()]).collect();
                assert!(starts.contains(&whole.len()), "{text} {columns}: {shown}");
            }
        }
    }

    #[test]
    fn endless_marks_are_bounded() {
        let zalgo = format!("a{}", "\u{301}".repeat(5_000_000));
        assert!(display(&zalgo, 10).len() <= MAX_GRAPHEME);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_as_replaced() {
        assert_eq!(display_bytes(b"a\xffb", 9), "a\u{fffd}b");
    }
}
