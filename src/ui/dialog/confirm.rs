//! A question with a few answers. The first answer is the harmless one and the default.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;

use super::{Answer, Command};
use crate::ui::layout::centred;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// A question.
pub(crate) struct Confirm {
    title: String,
    lines: Vec<String>,
    choices: Vec<(&'static str, Option<Command>)>,
    selected: usize,
    is_danger: bool,
}

impl Confirm {
    /// A question of these lines. `harmless` closes it and does nothing.
    pub(crate) fn new(title: &str, lines: Vec<String>, harmless: &'static str) -> Self {
        Self { title: title.to_owned(), lines, choices: vec![(harmless, None)], selected: 0, is_danger: false }
    }

    /// With one more answer.
    pub(crate) fn choice(mut self, word: &'static str, command: Command) -> Self {
        self.choices.push((word, Some(command)));
        self
    }

    /// Shown as dangerous.
    pub(crate) fn danger(mut self) -> Self {
        self.is_danger = true;
        self
    }

    /// Takes a key: arrows choose, Enter takes; y, n or a first letter takes at once.
    pub(crate) fn press(&mut self, key: &KeyEvent) -> Answer {
        let last = self.choices.len().saturating_sub(1);
        match key.code {
            KeyCode::Esc | KeyCode::F(10) => return Answer::Close,
            KeyCode::Left | KeyCode::Up | KeyCode::BackTab => {
                self.selected = self.selected.checked_sub(1).unwrap_or(last);
            }
            KeyCode::Right | KeyCode::Down | KeyCode::Tab => {
                self.selected = if self.selected >= last { 0 } else { self.selected + 1 }
            }
            KeyCode::Enter => return self.take(self.selected),
            KeyCode::Char('n' | 'N') => return self.take(0),
            KeyCode::Char('y' | 'Y') if last == 1 => return self.take(1),
            KeyCode::Char(letter) => {
                let found = self
                    .choices
                    .iter()
                    .position(|(word, _)| word.chars().next().is_some_and(|first| first.eq_ignore_ascii_case(&letter)));
                if let Some(at) = found {
                    return self.take(at);
                }
            }
            _ => {}
        }
        Answer::Stay
    }

    fn take(&mut self, at: usize) -> Answer {
        match self.choices.get_mut(at).and_then(|(_, command)| command.take()) {
            Some(command) => Answer::Finish(command),
            None => Answer::Close,
        }
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, size: (u16, u16), theme: Theme) {
        let width = size.0.saturating_sub(6).min(64);
        let lines: Vec<String> =
            self.lines.iter().flat_map(|line| paint::wrap(line, usize::from(width.saturating_sub(4)))).collect();
        let buttons = self.buttons(width.saturating_sub(4));
        let rows = buttons.last().map_or(1, |(_, y, _)| y + 1);
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4 + rows);
        let keys = if self.choices.len() > 2 {
            "Left Right choose   Enter takes it   Esc closes"
        } else {
            "y yes   n no   Enter takes the one shown"
        };
        let area = centred(size, width, height);
        let inside = paint::window(buf, area, &self.title, keys, theme, self.is_danger);
        // On a small screen the blank lines go first; what still does not fit is at least counted.
        let (first, last) = if area.height < height {
            (inside.y, inside.bottom().saturating_sub(rows))
        } else {
            (inside.y + 1, inside.bottom().saturating_sub(rows + 1))
        };
        let room = usize::from(last.saturating_sub(first));
        for ((at, line), y) in lines.iter().enumerate().zip(first..last) {
            if at + 1 == room && lines.len() > room {
                let more = format!("! {} more lines: they need a larger screen", lines.len() - at);
                paint::text(buf, inside.x, y, inside.width, &more, theme.bad());
            } else {
                paint::text(buf, inside.x, y, inside.width, line, theme.text());
            }
        }
        let top = inside.bottom().saturating_sub(rows);
        for (at, (x, y, button)) in buttons.iter().enumerate() {
            let (x, y) = (inside.x + x, top + y);
            if y < inside.bottom() {
                let room = inside.right().saturating_sub(x);
                paint::text(buf, x, y, room, button, theme.button(at == self.selected));
            }
        }
    }

    /// The buttons with their places, in as many rows as they need.
    fn buttons(&self, width: u16) -> Vec<(u16, u16, String)> {
        let (mut x, mut y) = (0, 0);
        let place = |(word, _): &(&str, _)| {
            let button = format!("[ {word} ]");
            let wide = paint::columns(&button);
            if x > 0 && x + wide > width {
                (x, y) = (0, y + 1);
            }
            let here = (x, y, button);
            x += wide + 2;
            here
        };
        self.choices.iter().map(place).collect()
    }
}
