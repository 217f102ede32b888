//! The palette: every action by its name or its words, found as it is typed. Made from the table of actions.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::field::Field;
use super::{Answer, Command};
use crate::ui::actions::{ACTIONS, Row};
use crate::ui::layout::centred;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// The palette.
pub(crate) struct Palette {
    field: Field,
    cursor: usize,
}

impl Palette {
    /// With nothing typed: all of them.
    pub(crate) fn new() -> Self {
        Self { field: Field::new(""), cursor: 0 }
    }

    /// What fits, the best first.
    fn found(&self) -> Vec<&'static Row> {
        let typed = self.field.text().trim().to_lowercase();
        let mut found: Vec<(usize, &Row)> =
            ACTIONS.iter().filter_map(|row| Some((distance(&typed, row)?, row))).collect();
        found.sort_by_key(|(distance, _)| *distance);
        found.into_iter().map(|(_, row)| row).collect()
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent) -> Answer {
        let found = self.found();
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc | KeyCode::F(9 | 10) => return Answer::Close,
            KeyCode::Enter => {
                let chosen = found.get(self.cursor).map(|row| row.action);
                return chosen.map_or(Answer::Close, |action| Answer::Finish(Command::Perform(action)));
            }
            KeyCode::Up | KeyCode::BackTab => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Char('p') if control => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab => self.cursor += 1,
            KeyCode::Char('n') if control => self.cursor += 1,
            KeyCode::PageUp => self.cursor = self.cursor.saturating_sub(10),
            KeyCode::PageDown => self.cursor += 10,
            _ => {
                if self.field.press(key) {
                    self.cursor = 0;
                }
            }
        }
        self.cursor = self.cursor.min(self.found().len().saturating_sub(1));
        Answer::Stay
    }

    /// Takes pasted text.
    pub(crate) fn paste(&mut self, pasted: &str) {
        self.field.paste(pasted);
        self.cursor = 0;
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let area = centred(model.size, 100, 24);
        let inside = paint::window(buf, area, "Commands", "Enter does it   Esc close", theme, false);
        self.field.draw(buf, Rect { height: 1.min(inside.height), ..inside }, theme, true);
        let found = self.found();
        let rows = usize::from(inside.height.saturating_sub(2)).max(1);
        let top = (self.cursor + 1).saturating_sub(rows);
        let (keys, name) = if inside.width >= 60 { (20, 17) } else { (0, 16) };
        for ((at, row), y) in found.iter().enumerate().skip(top).take(rows).zip(inside.y + 2..inside.bottom()) {
            paint::text(buf, inside.x, y, name, &row.name(), theme.text());
            let x = inside.x + name;
            paint::text(buf, x, y, keys.max(1) - 1, &model.keys.names_of(row.action), theme.marked());
            let x = x + keys;
            paint::text(buf, x, y, inside.right().saturating_sub(x), row.help, theme.text());
            if at == self.cursor {
                buf.set_style(Rect { y, height: 1, ..inside }, theme.cursor(true));
            }
        }
        if found.is_empty() {
            paint::text(buf, inside.x, inside.y + 2, inside.width, "! Nothing is called that.", theme.bad());
        }
    }
}

/// How far an action is from what was typed; `None` if it has not all of its letters in order. Its name counts for more
/// than its words.
fn distance(typed: &str, row: &Row) -> Option<usize> {
    let name = gaps(typed, &row.name());
    // In the words any few letters would be found somewhere.
    let help = || row.help.to_lowercase().find(typed).map(|at| 100 + at);
    name.or_else(help)
}

/// Letters passed over between those that were typed; a letter at the start of a word costs nothing.
fn gaps(typed: &str, text: &str) -> Option<usize> {
    // As one piece it is nearest.
    if let Some(at) = text.find(typed) {
        return Some(usize::from(at > 0) * 2);
    }
    let mut rest = text;
    let mut passed = 3;
    let mut before = ' ';
    for letter in typed.chars().filter(|letter| *letter != ' ') {
        let at = rest.find(letter)?;
        let starts_word = rest.get(..at).and_then(|gap| gap.chars().next_back()).unwrap_or(before);
        passed += if matches!(starts_word, ' ' | '-') { 0 } else { at.min(20) };
        before = letter;
        rest = rest.get(at + letter.len_utf8()..)?;
    }
    Some(passed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::actions::Action;

    /// The action that typing this and Enter would do.
    fn first(typed: &str) -> Option<Action> {
        Palette { field: Field::new(typed), cursor: 0 }.found().first().map(|row| row.action)
    }

    #[test]
    fn actions_are_found_by_some_of_their_letters() {
        for (typed, action) in [
            ("copy", Action::Copy),
            ("newf", Action::NewFolder),
            ("nf", Action::NewFolder),
            ("mkpat", Action::MarkPattern),
            ("bask", Action::Basket),
            ("thread", Action::Thread),
            ("qit", Action::Quit),
            ("doubt", Action::Rename),
        ] {
            assert_eq!(first(typed), Some(action), "{typed}");
        }
        assert_eq!(first("zzz"), None);
    }
}
