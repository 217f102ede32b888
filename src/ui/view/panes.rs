//! One pane: its frame, title and divider; folders and messages inside.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_tree_widget::TreeState;

use super::{list, paint, tree};
use crate::mail::units::{percent, plural, thousands};
use crate::ui::layout::PaneLayout;
use crate::ui::list::Stage;
use crate::ui::model::{LinkState, Model, OpenSource, SourceState};
use crate::ui::pane::{Focus, Side};
use crate::ui::theme::Theme;

/// Draws a side's pane.
pub(super) fn draw(
    buf: &mut Buffer,
    place: PaneLayout,
    model: &Model,
    side: Side,
    scroll: &mut TreeState<usize>,
    theme: Theme,
) {
    let pane = model.pane(side);
    let focused = model.side == side;
    let style = theme.border(focused);
    paint::sides(buf, place.frame, style);
    paint::line(buf, Rect { height: 1, ..place.frame }, ("┌", "┐"), style);
    let (name, detail) = match side {
        Side::Local => local_title(model),
        Side::Remote => remote_title(model),
    };
    let after = paint::title(buf, place.frame, &name, theme.title(focused && pane.focus == Focus::Tree));
    paint::title_right(buf, place.frame, after, &detail, style);
    if pane.tree.nodes().is_empty() {
        nothing(buf, place.tree, model, side, theme);
    } else {
        tree::draw(buf, place.tree, pane, focused, scroll, theme);
    }
    paint::line(buf, place.divider, ("├", "┤"), style);
    let (name, detail) = list_title(model, side);
    let room = usize::from(place.divider.width.saturating_sub(paint::columns(&detail) + 9).max(8));
    let name = crate::mail::display(&name, room);
    let after = paint::title(buf, place.divider, &name, theme.title(focused && pane.focus == Focus::List));
    paint::title_right(buf, place.divider, after, &detail, style);
    list::draw(buf, place.list, pane, side, focused, theme);
}

fn local_title(model: &Model) -> (String, String) {
    let at = model.local.place.as_ref().map_or(0, |place| place.source);
    match model.sources.get(at).or(model.sources.first()) {
        Some(OpenSource { account: Some(account), .. }) => (account.label(), account.security.label().into()),
        Some(open) => (format!("Local ─ {}", open.source.path.display()), open.format.clone()),
        None => ("Local mail".into(), String::new()),
    }
}

fn remote_title(model: &Model) -> (String, String) {
    let link = &model.link;
    let protection = match (&link.account, &link.local) {
        (Some(account), _) => account.security.label(),
        (None, Some(_)) => "local",
        (None, None) => "",
    };
    let state = match link.state {
        LinkState::None => "not connected",
        LinkState::Connecting if link.local.is_some() => "opening …",
        LinkState::Connecting => "connecting …",
        LinkState::Up => protection,
        LinkState::Lost(_) => "! connection lost",
    };
    (link.place().map_or("Mailbox".into(), |place| place.label()), state.into())
}

/// What an empty pane says: what is going on, or which key leads on.
fn nothing(buf: &mut Buffer, area: Rect, model: &Model, side: Side, theme: Theme) {
    let (words, style) = match side {
        Side::Local => match model.sources.first().map(|open| &open.state) {
            None => {
                ("No local mail is open. O opens a mail file or directory of any known format.".into(), theme.text())
            }
            Some(SourceState::Failed(why)) => (format!("! {why} (O opens another)"), theme.bad()),
            Some(SourceState::Opening(looked)) if looked.entries > 0 => {
                let (entries, mail) = (thousands(looked.entries), thousands(looked.mail));
                (format!("looking for mail … {entries} files and directories, {mail} with mail"), theme.faint())
            }
            Some(_) => ("opening …".into(), theme.faint()),
        },
        Side::Remote => match &model.link.state {
            LinkState::None => {
                ("Not connected. A connects to a mailbox; O opens local mail to put mail into.".into(), theme.text())
            }
            LinkState::Connecting => ("connecting …".into(), theme.faint()),
            LinkState::Up => ("reading the folders …".into(), theme.faint()),
            LinkState::Lost(trouble) => (format!("! {} (r tries again)", trouble.text), theme.bad()),
        },
    };
    let lines = paint::wrap(&words, usize::from(area.width.saturating_sub(2)));
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        paint::text(buf, area.x + 1, y, area.width.saturating_sub(2), line, style);
    }
}

/// The folder's name and what is known of its messages.
fn list_title(model: &Model, side: Side) -> (String, String) {
    let pane = model.pane(side);
    let list = &pane.list;
    let Some(node) = list.place.as_ref().and_then(|place| pane.tree.at(place)) else {
        return (String::new(), String::new());
    };
    let doubts =
        if list.remarks > 0 { format!(", {} hidden or damaged", thousands(list.remarks)) } else { String::new() };
    let detail = match &list.stage {
        Stage::Nothing => String::new(),
        Stage::Reading(_, 0) => "reading …".into(),
        Stage::Reading(done, total) => format!("indexing {} %", percent(ratio(*done, *total))),
        Stage::Failed(_) => "! not readable".into(),
        Stage::Complete if list.beyond > 0 => {
            format!(
                "{} of {} shown{doubts}",
                thousands(list.len() as u64),
                plural(list.len() as u64 + list.beyond, "message")
            )
        }
        Stage::Complete if list.len() == 0 => format!("empty{doubts}"),
        Stage::Complete => format!("{}{doubts}", plural(list.len() as u64, "message")),
    };
    let filtered = list.filter().map(|filter| {
        let unknown = if filter.unknown > 0 {
            format!(", {} not known", thousands(filter.unknown as u64))
        } else {
            String::new()
        };
        format!("{} of {}{unknown}", thousands(list.shown() as u64), thousands(list.len() as u64))
    });
    let sorted = list.sort().map(|sort| format!(", {}", sort.label())).unwrap_or_default();
    let name = match list.filter() {
        Some(filter) => format!("{} ─ filter: {}", node.label, filter.text),
        None => node.label.to_string(),
    };
    (name, format!("{}{sorted}", filtered.unwrap_or(detail)))
}

fn ratio(done: u64, total: u64) -> f64 {
    let share = |number: u64| std::time::Duration::from_millis(number).as_secs_f64();
    if total == 0 { 0.0 } else { share(done) / share(total) }
}
