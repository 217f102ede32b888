//! The keys, from the table of actions.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;

use super::scroll::Scroll;
use super::topics::{Keys, PATTERNS};
use super::{Answer, closes};
use crate::ui::actions::{ACTIONS, sections};
use crate::ui::keymap::Keymap;
use crate::ui::layout::page;
use crate::ui::model::Model;
use crate::ui::pattern::ITEMS;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// Signs of the screen, after the keys.
const SIGNS: [(&str, &str); 7] = [
    ("*", "marked; a folder with * is carried as a whole"),
    ("+", "some of it, or below it, is marked"),
    (">", "in the range that was begun with v"),
    ("N", "not yet read"),
    ("F A D", "flagged, answered, draft"),
    ("!", "something is wrong or doubtful"),
    ("… ≥", "not yet known; at least"),
];

/// Columns of the page.
const WIDTH: u16 = 92;

/// The help page.
#[derive(Default)]
pub(crate) struct Help {
    scroll: Scroll,
    /// The dialog it was asked in: its name and its keys.
    topic: Option<(&'static str, Keys)>,
}

enum Line {
    Heading(&'static str),
    Row(String, String),
    Blank,
}

/// Columns for the keys.
fn key_columns(width: u16) -> u16 {
    if width > 60 { 20 } else { 14 }
}

/// The page for that width; long explanations go on in the next line.
fn lines(width: u16, topic: Option<(&'static str, Keys)>, keymap: &Keymap) -> Vec<Line> {
    let mut lines = Vec::new();
    let add = |lines: &mut Vec<Line>, keys: &str, help: &str| {
        let room = usize::from(width.saturating_sub(key_columns(width) + 2));
        for (at, part) in paint::wrap(help, room).into_iter().enumerate() {
            lines.push(Line::Row(if at == 0 { keys.to_owned() } else { String::new() }, part));
        }
    };
    if let Some((name, keys)) = topic {
        lines.push(Line::Heading(name));
        for (keys, what) in keys {
            add(&mut lines, keys, what);
        }
        if name == PATTERNS {
            for item in &ITEMS {
                add(&mut lines, &format!("~{}", item.letter), item.help);
            }
        }
        lines.push(Line::Blank);
    }
    for section in sections() {
        lines.push(Line::Heading(section));
        for row in ACTIONS.iter().filter(|row| row.section == section) {
            add(&mut lines, &keymap.names_of(row.action), row.help);
        }
        lines.push(Line::Blank);
    }
    lines.push(Line::Heading("Signs"));
    for (sign, meaning) in SIGNS {
        add(&mut lines, sign, meaning);
    }
    lines
}

impl Help {
    /// The help that is asked for in a dialog.
    pub(crate) fn of(name: &'static str, keys: Keys) -> Self {
        Self { topic: Some((name, keys)), ..Self::default() }
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        if closes(key) || matches!(key.code, KeyCode::Enter | KeyCode::F(1) | KeyCode::Char('?')) {
            return Answer::Close;
        }
        let area = page(model.size, WIDTH);
        self.scroll.press(
            key,
            lines(area.width.saturating_sub(4), self.topic, &model.keys).len(),
            usize::from(area.height.saturating_sub(2)),
        );
        Answer::Stay
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let area = page(model.size, WIDTH);
        let inside = paint::window(buf, area, "Help", "Up Down PgUp PgDn scroll   Esc close", theme, false);
        let column = key_columns(inside.width);
        for (line, y) in
            lines(inside.width, self.topic, &model.keys).iter().skip(self.scroll.top).zip(inside.y..inside.bottom())
        {
            match line {
                Line::Heading(words) => {
                    paint::text(buf, inside.x, y, inside.width, words, theme.hint().add_modifier(Modifier::BOLD));
                }
                Line::Row(keys, help) => {
                    paint::text(buf, inside.x + 2, y, column - 1, keys, theme.marked());
                    let x = inside.x + 2 + column;
                    paint::text(buf, x, y, inside.right().saturating_sub(x), help, theme.text());
                }
                Line::Blank => {}
            }
        }
    }
}
