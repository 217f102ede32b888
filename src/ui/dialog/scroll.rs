//! Scrolling through lines in a dialog, the same keys everywhere.

use crossterm::event::{KeyCode, KeyEvent};

/// Which line is first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scroll {
    /// The first line shown.
    pub top: usize,
}

/// Where a key of the common set goes from `here`, among `total` lines with `page` of them shown.
pub(crate) fn moved(key: &KeyEvent, here: usize, total: usize, page: usize) -> Option<usize> {
    let page = page.max(1);
    let there = match key.code {
        KeyCode::Up | KeyCode::Char('k') => here.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => here.saturating_add(1),
        KeyCode::PageUp => here.saturating_sub(page),
        KeyCode::PageDown | KeyCode::Char(' ') => here.saturating_add(page),
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => total,
        _ => return None,
    };
    Some(there.min(total.saturating_sub(1)))
}

impl Scroll {
    /// Takes a key; the last line never leaves the bottom of the page.
    pub(crate) fn press(&mut self, key: &KeyEvent, total: usize, page: usize) {
        if let Some(there) = moved(key, self.top, total, page) {
            self.top = there;
        }
        self.top = self.top.min(total.saturating_sub(page));
    }
}
