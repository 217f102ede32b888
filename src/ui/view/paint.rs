//! The brushes: text at a place, lines with titles, windows. Used by panes and dialogs; knows no state.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Clear, Widget as _};
use unicode_width::UnicodeWidthStr as _;

use crate::mail::display;
use crate::ui::theme::Theme;

/// Foreign or own text in at most `width` columns, sanitised. Gives the column after it.
pub(crate) fn text(buf: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
    if width == 0 || !buf.area.contains((x, y).into()) {
        return x;
    }
    let shown = display(text, usize::from(width));
    let (after, _) = buf.set_stringn(x, y, shown, usize::from(width), style);
    after
}

/// The same, ending at the right edge of the width. Gives the column where it starts.
pub(crate) fn right(buf: &mut Buffer, x: u16, y: u16, width: u16, foreign: &str, style: Style) -> u16 {
    let shown = display(foreign, usize::from(width));
    let start = x + width.saturating_sub(columns(&shown));
    text(buf, start, y, width, &shown, style);
    start
}

/// The display width of a text.
pub(crate) fn columns(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// A horizontal line with its corners, and titles on the left and on the right.
pub(crate) fn line(buf: &mut Buffer, area: Rect, corners: (&str, &str), style: Style) {
    if area.width < 2 || area.height == 0 {
        return;
    }
    for x in area.x + 1..area.right() - 1 {
        text(buf, x, area.y, 1, "─", style);
    }
    text(buf, area.x, area.y, 1, corners.0, style);
    text(buf, area.right() - 1, area.y, 1, corners.1, style);
}

/// A title set into a line: `┌ Title ─`. Gives the column after it.
pub(crate) fn title(buf: &mut Buffer, area: Rect, words: &str, style: Style) -> u16 {
    let room = area.width.saturating_sub(4);
    let words = display(words, usize::from(room.saturating_sub(2)));
    if words.is_empty() {
        return area.x + 1;
    }
    text(buf, area.x + 1, area.y, room, &format!(" {words} "), style)
}

/// A title at the right end of a line, not before column `from`.
pub(crate) fn title_right(buf: &mut Buffer, area: Rect, from: u16, words: &str, style: Style) {
    let room = area.right().saturating_sub(2).saturating_sub(from + 1);
    let words = display(words, usize::from(room.saturating_sub(2)));
    if room > 2 && !words.is_empty() {
        let words = format!(" {words} ");
        right(buf, area.right().saturating_sub(2 + room), area.y, room, &words, style);
    }
}

/// The left and right borders of an area.
pub(crate) fn sides(buf: &mut Buffer, area: Rect, style: Style) {
    for y in area.y..area.bottom() {
        text(buf, area.x, y, 1, "│", style);
        text(buf, area.right().saturating_sub(1), y, 1, "│", style);
    }
}

/// An empty window with title and a line of keys at its bottom. Gives the space inside.
pub(crate) fn window(buf: &mut Buffer, area: Rect, words: &str, keys: &str, theme: Theme, is_danger: bool) -> Rect {
    if area.width < 4 || area.height < 3 {
        return Rect::ZERO;
    }
    Clear.render(area, buf);
    let style = theme.dialog(is_danger);
    line(buf, Rect { height: 1, ..area }, ("┌", "┐"), style);
    sides(buf, Rect { y: area.y + 1, height: area.height - 2, ..area }, style);
    let bottom = Rect { y: area.bottom() - 1, height: 1, ..area };
    line(buf, bottom, ("└", "┘"), style);
    title(buf, area, words, style);
    title(buf, bottom, &fitting_keys(keys, area.width.saturating_sub(6)), theme.text());
    Rect { x: area.x + 2, y: area.y + 1, width: area.width - 4, height: area.height - 2 }
}

/// As many of the keys, told three blanks apart, as there is room for; the way out is never left away.
fn fitting_keys(keys: &str, room: u16) -> String {
    let mut groups: Vec<&str> = keys.split("   ").collect();
    while groups.len() > 1 && columns(&groups.join("   ")) > room {
        let last = groups.iter().rposition(|group| !group.starts_with("Esc"));
        last.map(|at| groups.remove(at));
    }
    groups.join("   ")
}

/// A bar of that width, in eighths of a column; in whole ones on a slow line.
pub(crate) fn bar(buf: &mut Buffer, area: Rect, ratio: f64, theme: Theme) {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = crate::mail::units::cells(ratio, u32::from(area.width) * 8);
    let eighths = if theme.coarse { eighths / 8 * 8 } else { eighths };
    let full = u16::try_from(eighths / 8).unwrap_or(area.width).min(area.width);
    let part = usize::try_from(eighths % 8).ok().and_then(|at| EIGHTHS.get(at)).copied().unwrap_or("");
    for x in 0..area.width {
        let (cell, style) = match x {
            _ if x < full => ("█", theme.bar()),
            _ if x == full && !part.is_empty() => (part, theme.bar()),
            _ => ("·", theme.faint()),
        };
        text(buf, area.x + x, area.y, 1, cell, style);
    }
}

/// Text broken into lines of at most `width` columns, at spaces where there are any. Control characters are shown.
pub(crate) fn wrap(foreign: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut here = String::new();
    for word in foreign.split_inclusive(' ') {
        // A control character is shown as two.
        let mut word = display(word, word.len() * 2);
        if here.width() + word.trim_end().width() > width && !here.is_empty() {
            lines.push(std::mem::take(&mut here).trim_end().to_owned());
        }
        while word.trim_end().width() > width {
            let (cut, rest) = split_at_column(&word, width);
            let rest = rest.to_owned();
            lines.push(cut.to_owned());
            word = rest;
        }
        here.push_str(&word);
    }
    lines.push(here.trim_end().to_owned());
    lines
}

/// The longest start of a text that fits in `width` columns, at least one grapheme, and the rest.
fn split_at_column(text: &str, width: usize) -> (&str, &str) {
    use unicode_segmentation::UnicodeSegmentation as _;
    let mut columns = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        columns += grapheme.width();
        if columns > width && at > 0 {
            return text.split_at(at);
        }
    }
    (text, "")
}

/// Draws everything in ASCII: known signs and letters get their like, all else a question mark.
pub(crate) fn asciify(buf: &mut Buffer) {
    for cell in &mut buf.content {
        if !cell.symbol().is_ascii() {
            let like = ascii_like(cell.symbol());
            cell.set_symbol(like);
        }
    }
}

fn ascii_like(symbol: &str) -> &'static str {
    match symbol {
        "─" | "–" | "—" | "‑" => "-",
        "│" => "|",
        "┌" | "┐" | "└" | "┘" | "├" | "┤" | "┴" | "┬" => "+",
        "▾" | "↓" => "v",
        "▸" | "→" | "≥" => ">",
        "█" => "#",
        "▏" | "▎" | "▍" | "▌" | "▋" | "▊" | "▉" => "=",
        "·" => ".",
        "•" => "*",
        "à" | "á" | "â" | "ã" | "ä" | "å" | "ā" | "ă" | "ą" => "a",
        "À" | "Á" | "Â" | "Ã" | "Ä" | "Å" | "Ā" | "Ă" | "Ą" => "A",
        "ç" | "ć" | "č" => "c",
        "Ç" | "Ć" | "Č" => "C",
        "è" | "é" | "ê" | "ë" | "ē" | "ė" | "ę" | "ě" => "e",
        "È" | "É" | "Ê" | "Ë" | "Ē" | "Ė" | "Ę" | "Ě" | "€" => "E",
        "ì" | "í" | "î" | "ï" | "ī" | "ı" => "i",
        "Ì" | "Í" | "Î" | "Ï" | "Ī" | "İ" => "I",
        "ñ" | "ń" | "ň" => "n",
        "Ñ" | "Ń" | "Ň" => "N",
        "ò" | "ó" | "ô" | "õ" | "ö" | "ø" | "ő" => "o",
        "Ò" | "Ó" | "Ô" | "Õ" | "Ö" | "Ø" | "Ő" => "O",
        "ù" | "ú" | "û" | "ü" | "ū" | "ů" | "ű" => "u",
        "Ù" | "Ú" | "Û" | "Ü" | "Ū" | "Ů" | "Ű" => "U",
        "ß" | "ś" | "š" | "ş" => "s",
        "Ś" | "Š" | "Ş" => "S",
        "ý" | "ÿ" => "y",
        "ź" | "ż" | "ž" => "z",
        "Ź" | "Ż" | "Ž" => "Z",
        "ł" => "l",
        "Ł" => "L",
        "ř" => "r",
        "đ" | "ď" => "d",
        "ğ" => "g",
        "ť" => "t",
        "‘" | "’" | "‚" => "'",
        "“" | "”" | "„" | "«" | "»" => "\"",
        "…" => "~",
        "↑" => "^",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_at_spaces_and_breaks_long_words() {
        assert_eq!(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("\x1b[31mred", 40), ["^[[31mred"]);
    }

    #[test]
    fn ascii_mode_leaves_nothing_else() {
        let mut buf = Buffer::with_lines(["┌ Grüße 日本 ─…→"]);
        asciify(&mut buf);
        assert!(buf.content.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().starts_with("+ Gruse ?"));
        assert!(buf.content.iter().all(|cell| cell.symbol().is_ascii()));
    }
}
