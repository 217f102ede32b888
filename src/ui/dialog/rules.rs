//! The rules for folders: which becomes which, what is left out, where dates come from. Kept in a file on request.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::scroll::moved;
use super::{Answer, Command, closes};
use crate::ui::layout::centred;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// The list of rules; the rules themselves are in the model.
#[derive(Default)]
pub(crate) struct Rules {
    cursor: usize,
}

impl Rules {
    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        let rules = &model.mapping.rules;
        self.cursor = self.cursor.min(rules.len().saturating_sub(1));
        match key.code {
            _ if closes(key) => return Answer::Close,
            KeyCode::F(2) => return Answer::Close,
            KeyCode::Char('a') | KeyCode::Insert | KeyCode::F(7) => return Answer::Do(Command::AskRule(None)),
            KeyCode::Char('e') | KeyCode::Enter if !rules.is_empty() => {
                return Answer::Do(Command::AskRule(Some(self.cursor)));
            }
            KeyCode::Char('d') | KeyCode::Delete | KeyCode::F(8) => {
                if let Some(rule) = rules.get(self.cursor) {
                    return Answer::Do(Command::DropRule(rule.clone()));
                }
            }
            KeyCode::Char('S') => return Answer::Do(Command::AskSaveRules),
            KeyCode::Char('L') => return Answer::Do(Command::AskLoadRules),
            _ => {
                let page = usize::from(model.size.1.saturating_sub(8));
                self.cursor = moved(key, self.cursor, rules.len(), page).unwrap_or(self.cursor);
            }
        }
        Answer::Stay
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let rules = &model.mapping.rules;
        let lines = u16::try_from(rules.len().max(4)).unwrap_or(u16::MAX);
        let area = centred(model.size, 96, lines.saturating_add(5));
        let keys = "a add   e change   d drop   S save   L load   Esc close";
        let inside = paint::window(buf, area, "Rules for folders", keys, theme, false);
        let rows = usize::from(inside.height.saturating_sub(2)).max(1);
        let cursor = self.cursor.min(rules.len().saturating_sub(1));
        let top = (cursor + 1).saturating_sub(rows);
        let half = inside.width / 2;
        for ((number, rule), y) in rules.iter().enumerate().skip(top).take(rows).zip(inside.y..inside.bottom()) {
            paint::text(buf, inside.x, y, half.saturating_sub(1), &rule.subject(), theme.text());
            paint::text(buf, inside.x + half, y, inside.width - half, &rule.words(), theme.text());
            if number == cursor {
                buf.set_style(Rect { y, height: 1, ..inside }, theme.cursor(true));
            }
        }
        if rules.is_empty() {
            let lines = [
                "There are none: folders keep their names, and Inbox, Sent, Drafts, Trash, Junk and Archive, in",
                "whatever language, become the server's own. Changes in the plan become rules, and a rule holds",
                "for what lies below its folder too.",
            ];
            for (line, y) in lines
                .iter()
                .flat_map(|line| paint::wrap(line, usize::from(inside.width)))
                .zip(inside.y..inside.bottom())
            {
                paint::text(buf, inside.x, y, inside.width, &line, theme.faint());
            }
        }
        if let Some(file) = model.map_file.as_ref().filter(|_| inside.height > 2) {
            let words = format!("File: {}", file.to_string_lossy());
            paint::text(buf, inside.x, inside.bottom() - 1, inside.width, &words, theme.faint());
        }
    }
}
