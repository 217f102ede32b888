//! What rows are sorted by: one key more, after `s`.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Answer, Command};
use crate::ui::list::{By, Sort};
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// The keys, what they sort by, and their words.
const CHOICES: [(char, Option<By>, &str); 6] = [
    ('d', Some(By::Date), "date"),
    ('f', Some(By::From), "from"),
    ('t', Some(By::Subject), "subject"),
    ('s', Some(By::Size), "size"),
    ('u', Some(By::Status), "status"),
    ('o', None, "as stored"),
];

/// Waits for the key that says by what.
#[derive(Default)]
pub(crate) struct SortBy;

impl SortBy {
    /// Takes a key. The same one again turns the order round.
    pub(crate) fn press(key: &KeyEvent, model: &Model) -> Answer {
        let KeyCode::Char(letter) = key.code else { return Answer::Close };
        let Some((_, by, _)) = CHOICES.iter().find(|(known, ..)| *known == letter) else { return Answer::Close };
        let before = model.pane(model.side).sort;
        let reversed = by.is_some_and(|by| before == Some(Sort { by, reversed: false }));
        Answer::Finish(Command::Sort(by.map(|by| Sort { by, reversed })))
    }

    /// Draws it.
    pub(crate) fn draw(buf: &mut Buffer, model: &Model, theme: Theme) {
        let (width, height) = model.size;
        let area = Rect::new(0, height.saturating_sub(3), width, 3.min(height));
        let now = model.pane(model.side).sort.map_or("as stored".to_owned(), Sort::label);
        let inside = paint::window(buf, area, "Sort the messages", "Esc cancel", theme, false);
        paint::title_right(buf, Rect { height: 1, ..area }, area.x + 20, &format!("now {now}"), theme.text());
        let words: Vec<String> = CHOICES.iter().map(|(key, _, word)| format!("{key} {word}")).collect();
        let again = if width >= 80 { "   again: reversed" } else { "" };
        paint::text(buf, inside.x, inside.y, inside.width, &format!("{}{again}", words.join("  ")), theme.text());
    }
}
