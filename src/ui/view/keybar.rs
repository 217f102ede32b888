//! The key bar, Midnight Commander's way: numbers with words. Made from the table of actions.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint;
use crate::ui::actions::{ACTIONS, Action, Row, key_name};
use crate::ui::model::Model;
use crate::ui::pane::Side;
use crate::ui::theme::Theme;

/// What is told behind the function keys where there is room, most useful first.
const MORE: [(Action, &str); 6] = [
    (Action::Filter, "filter"),
    (Action::Mark, "mark"),
    (Action::SwitchPane, "other pane"),
    (Action::Basket, "basket"),
    (Action::Find, "find"),
    (Action::Transfers, "transfer"),
];

/// Draws the key bar; in a dialog its own keys count, which it shows itself.
pub(super) fn draw(buf: &mut Buffer, area: Rect, model: &Model, theme: Theme) {
    if !model.dialogs.is_empty() {
        return;
    }
    let number = |action| {
        model.keys.keys_of(action).iter().find_map(|(_, code)| match code {
            KeyCode::F(number) => Some(*number),
            _ => None,
        })
    };
    let word = |row: &Row| {
        let (left, right) = row.label?;
        Some((number(row.action)?, if model.side == Side::Local { left } else { right }))
    };
    let mut labels: Vec<(u8, &str)> = ACTIONS.iter().filter_map(word).collect();
    labels.sort_by_key(|(number, _)| *number);
    let wanted: u16 =
        labels.iter().map(|(number, word)| paint::columns(&number.to_string()) + paint::columns(word) + 2).sum();
    let wide = area.width >= wanted;
    let mut x = area.x;
    for (number, word) in labels {
        let number = number.to_string();
        let need = paint::columns(&number) + paint::columns(word);
        if x + need >= area.right() {
            break;
        }
        x = paint::text(buf, x, area.y, 3, &format!("{}{number}", if wide { " " } else { "" }), theme.key_number());
        x = paint::text(buf, x, area.y, area.right() - x, word, theme.key_word());
        x += u16::from(wide || !theme.color);
    }
    let mut more = String::new();
    let room = area.right().saturating_sub(x + 2);
    for (action, word) in MORE {
        let Some(key) = model.keys.keys_of(action).first() else { continue };
        let next = format!("{more}{} {word}  ", key_name(*key));
        if paint::columns(&next) <= room {
            more = next;
        }
    }
    paint::right(buf, x + 2, area.y, room, &more, theme.faint());
}
