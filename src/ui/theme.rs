//! How things look, by meaning. Colour only ever underlines what a sign or a word says already.

use ratatui::style::{Color, Modifier, Style};

/// Colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Theme {
    /// Whether colours may be used.
    pub color: bool,
    /// Whether the terminal can show ASCII only.
    pub ascii: bool,
}

#[expect(clippy::unused_self, reason = "a theme is asked even where there is only one answer yet")]
impl Theme {
    fn colored(self, color: Color, without: Style) -> Style {
        if self.color { Style::new().fg(color) } else { without }
    }

    /// Ordinary text.
    pub(crate) fn text(self) -> Style {
        Style::new()
    }

    /// Text that may be overlooked.
    pub(crate) fn faint(self) -> Style {
        self.colored(Color::DarkGray, Style::new())
    }

    /// The border of a pane.
    pub(crate) fn border(self, focused: bool) -> Style {
        match (self.color, focused) {
            (true, true) => Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD),
            (true, false) => Style::new().fg(Color::DarkGray),
            (false, true) => Style::new().add_modifier(Modifier::BOLD),
            (false, false) => Style::new(),
        }
    }

    /// The title of a pane; inverse when it has the keys, so that it can be told without colour.
    pub(crate) fn title(self, focused: bool) -> Style {
        if focused { Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED) } else { self.text() }
    }

    /// The line under the cursor: inverse where the keys go, underlined elsewhere.
    pub(crate) fn cursor(self, focused: bool) -> Style {
        if focused {
            Style::new().add_modifier(Modifier::REVERSED)
        } else {
            Style::new().add_modifier(Modifier::UNDERLINED)
        }
    }

    /// What is marked (`*`).
    pub(crate) fn marked(self) -> Style {
        self.colored(Color::Yellow, Style::new()).add_modifier(Modifier::BOLD)
    }

    /// Unread messages (`N`).
    pub(crate) fn unread(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What went wrong (`!`).
    pub(crate) fn bad(self) -> Style {
        self.colored(Color::LightRed, Style::new()).add_modifier(Modifier::BOLD)
    }

    /// What went well.
    pub(crate) fn good(self) -> Style {
        self.colored(Color::Green, Style::new())
    }

    /// The done part of a bar.
    pub(crate) fn bar(self) -> Style {
        self.colored(Color::Cyan, Style::new())
    }

    /// What a folder is for, and names that are being created.
    pub(crate) fn hint(self) -> Style {
        self.colored(Color::Cyan, Style::new())
    }

    /// The number in the key bar.
    pub(crate) fn key_number(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The word in the key bar.
    pub(crate) fn key_word(self) -> Style {
        if self.color {
            Style::new().fg(Color::Black).bg(Color::Cyan)
        } else {
            Style::new().add_modifier(Modifier::REVERSED)
        }
    }

    /// The border of a dialog.
    pub(crate) fn dialog(self, is_danger: bool) -> Style {
        if is_danger { self.bad() } else { self.colored(Color::Cyan, Style::new()).add_modifier(Modifier::BOLD) }
    }

    /// An input field.
    pub(crate) fn field(self, focused: bool) -> Style {
        match (self.color, focused) {
            (true, true) => Style::new().fg(Color::Black).bg(Color::Gray),
            (true, false) => Style::new().fg(Color::White).bg(Color::DarkGray),
            (false, true) => Style::new().add_modifier(Modifier::REVERSED),
            (false, false) => Style::new().add_modifier(Modifier::UNDERLINED),
        }
    }

    /// A button.
    pub(crate) fn button(self, focused: bool) -> Style {
        if focused { Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD) } else { self.text() }
    }
}
