//! The messages of a folder, drawn by hand over the visible window, so that a million rows cost nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint;
use crate::mail::units::short;
use crate::mail::{Flags, InternalDate};
use crate::ui::list::{Row, Stage};
use crate::ui::pane::{Focus, Pane, Side};
use crate::ui::theme::Theme;

/// Columns: marks and flags, date, size; the rest is shared by sender and subject.
const FLAGS: u16 = 4;
const DATE: u16 = 9;
const SIZE: u16 = 5;

/// The flags that have a sign of their own, strongest first.
const SIGNS: [(Flags, &str); 4] =
    [(Flags::DELETED, "X"), (Flags::DRAFT, "D"), (Flags::FLAGGED, "F"), (Flags::ANSWERED, "A")];

/// Draws the visible part of the list.
pub(super) fn draw(buf: &mut Buffer, area: Rect, pane: &Pane, side: Side, focused: bool, theme: Theme) {
    let list = &pane.list;
    if let Stage::Failed(why) = &list.stage {
        let lines = paint::wrap(&format!("! {why}"), usize::from(area.width.saturating_sub(2)));
        for (line, y) in lines.iter().zip(area.y..area.bottom()) {
            paint::text(buf, area.x + 1, y, area.width.saturating_sub(2), line, theme.bad());
        }
        return;
    }
    if list.stage == Stage::Nothing {
        hint(buf, area, pane, side, theme);
    }
    let span = if pane.focus == Focus::List { pane.span() } else { None };
    for (at, y) in (list.offset..list.shown()).zip(area.y..area.bottom()) {
        let line = Rect { y, height: 1, ..area };
        match list.number(at).and_then(|number| list.row(number)) {
            Some(row) => {
                let is_in_range = span.is_some_and(|(first, last)| (first..=last).contains(&at));
                draw_row(buf, line, row, (pane.is_row_marked(row), is_in_range), theme);
            }
            None => {
                paint::text(buf, area.x + FLAGS, y, area.width.saturating_sub(FLAGS), "…", theme.faint());
            }
        }
        if at == list.cursor && (focused || pane.focus == Focus::List) {
            buf.set_style(line, theme.cursor(focused && pane.focus == Focus::List));
        }
    }
}

/// Where there are no messages to show, what the place is good for.
fn hint(buf: &mut Buffer, area: Rect, pane: &Pane, side: Side, theme: Theme) {
    let Some(node) = pane.place.as_ref().and_then(|place| pane.tree.at(place)) else { return };
    let words = match (side, node.is_top()) {
        (Side::Local, true) => {
            "Choose a folder to see its messages. Space marks, F5 copies to the right; here, all of it."
        }
        (Side::Remote, true) => {
            "Mail copied to this place: Inbox goes to INBOX, Sent to the server's own, all else keeps its name."
        }
        (_, false) => "This folder has no messages of its own.",
    };
    let lines = paint::wrap(words, usize::from(area.width.saturating_sub(2)));
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        paint::text(buf, area.x + 1, y, area.width.saturating_sub(2), line, theme.faint());
    }
}

fn draw_row(buf: &mut Buffer, line: Rect, row: &Row, (is_marked, is_in_range): (bool, bool), theme: Theme) {
    let is_unread = !row.flags.contains(Flags::SEEN);
    let style = match (is_marked || is_in_range, is_unread) {
        (true, _) => theme.marked(),
        (false, true) => theme.unread(),
        (false, false) => theme.text(),
    };
    let sign = SIGNS.iter().find(|(flag, _)| row.flags.contains(*flag)).map_or(" ", |(_, sign)| sign);
    let sign = if row.is_doubtful { "!" } else { sign };
    let mark = match (is_marked, is_in_range) {
        (true, _) => "*",
        (false, true) => ">",
        (false, false) => " ",
    };
    let flags = format!("{mark}{}{sign}", if is_unread { "N" } else { " " });
    paint::text(buf, line.x, line.y, FLAGS, &flags, style);
    let mut x = line.x + FLAGS;
    paint::text(buf, x, line.y, DATE, &row.date.map(day).unwrap_or_default(), style);
    x += DATE;
    let rest = line.right().saturating_sub(SIZE + x);
    let from = (rest * 2 / 5).min(24);
    paint::text(buf, x, line.y, from.saturating_sub(1), &row.from, style);
    let subject = if row.subject.is_empty() { "(no subject)" } else { &row.subject };
    paint::text(buf, x + from, line.y, rest.saturating_sub(from), subject, style);
    paint::right(buf, line.right().saturating_sub(SIZE), line.y, SIZE, &short(row.size), style);
}

/// `12.03.04`, day first, as short as a date with its year can be.
fn day(date: InternalDate) -> String {
    let iso = date.to_day();
    let mut parts = iso.rsplitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(day), Some(month), Some(year)) => {
            format!("{day}.{month}.{}", year.get(year.len().saturating_sub(2)..).unwrap_or(year))
        }
        _ => iso,
    }
}
