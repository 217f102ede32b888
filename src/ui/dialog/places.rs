//! Accounts and stores: what is open, what was open, and what the settings name; Enter goes there.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::scroll::moved;
use super::{Answer, Command, closes};
use crate::ui::layout::centred;
use crate::ui::model::Model;
use crate::ui::pane::Side;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// The list.
#[derive(Default)]
pub(crate) struct Places {
    cursor: usize,
}

/// One of the places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// A store that is open on the left.
    Store(usize),
    /// What is open on the right.
    Right,
    /// A mailbox that was connected to before.
    Met(usize),
    /// An account of the settings.
    Known(usize),
}

/// Every place, in the order of the list; what is open on the right stands there once.
fn all(model: &Model) -> Vec<Chosen> {
    let right = model.link.is_there().then_some(Chosen::Right);
    let stores = (0..model.sources.len()).map(Chosen::Store);
    let here = |at: &usize| model.met.get(*at).is_some_and(|met| met.label() == model.link.label());
    let met = (0..model.met.len()).filter(|at| !here(at)).map(Chosen::Met);
    stores.chain(right).chain((0..model.accounts.len()).map(Chosen::Known)).chain(met).collect()
}

/// Name, place and what it is, for people.
fn words(model: &Model, place: Chosen) -> (String, String, &'static str) {
    match place {
        Chosen::Store(at) => {
            let open = model.sources.get(at);
            let path = open.map(|open| open.source.path.to_string_lossy().into_owned()).unwrap_or_default();
            (open.map(|open| open.format.clone()).unwrap_or_default(), path, "left")
        }
        Chosen::Right => (String::new(), model.link.label(), "right"),
        Chosen::Met(at) => {
            (String::new(), model.met.get(at).map(crate::imap::Account::label).unwrap_or_default(), "before")
        }
        Chosen::Known(at) => {
            let known = model.accounts.get(at);
            let target = known.map(|known| &known.target);
            let user = target.and_then(|target| target.user.clone()).unwrap_or_default();
            let host = target.map(|target| target.host.clone()).unwrap_or_default();
            (known.map(|known| known.name.clone()).unwrap_or_default(), format!("{user}@{host}"), "settings")
        }
    }
}

impl Places {
    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        let places = all(model);
        self.cursor = self.cursor.min(places.len().saturating_sub(1));
        match (key.code, places.get(self.cursor)) {
            _ if closes(key) => Answer::Close,
            (KeyCode::Char('@'), _) => Answer::Close,
            (KeyCode::Enter, Some(place)) => Answer::Finish(Command::GoToPlace(*place)),
            _ => {
                let page = usize::from(model.size.1.saturating_sub(8));
                self.cursor = moved(key, self.cursor, places.len(), page).unwrap_or(self.cursor);
                Answer::Stay
            }
        }
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let places = all(model);
        let lines = u16::try_from(places.len().max(3)).unwrap_or(u16::MAX);
        let area = centred(model.size, 96, lines.saturating_add(4));
        let side = if model.side == Side::Local { "left" } else { "right" };
        let keys = format!("Enter go there; a mailbox opens on the {side}   Esc close");
        let inside = paint::window(buf, area, "Accounts and stores", &keys, theme, false);
        if places.is_empty() {
            let words =
                "Nothing is open. A connects to a mailbox, O opens local mail, and config.toml may name accounts.";
            for (line, y) in paint::wrap(words, usize::from(inside.width)).iter().zip(inside.y..inside.bottom()) {
                paint::text(buf, inside.x, y, inside.width, line, theme.faint());
            }
            return;
        }
        let rows = usize::from(inside.height).max(1);
        let cursor = self.cursor.min(places.len() - 1);
        let top = (cursor + 1).saturating_sub(rows);
        for ((number, place), y) in places.iter().enumerate().skip(top).take(rows).zip(inside.y..inside.bottom()) {
            let (name, path, what) = words(model, *place);
            let look = if number == cursor { theme.text() } else { theme.hint() };
            paint::text(buf, inside.x, y, 9, what, look);
            paint::text(buf, inside.x + 10, y, 17, &name, theme.text());
            paint::text(buf, inside.x + 28, y, inside.width.saturating_sub(28), &path, theme.text());
            if number == cursor {
                buf.set_style(Rect { y, height: 1, ..inside }, theme.cursor(true));
            }
        }
    }
}
