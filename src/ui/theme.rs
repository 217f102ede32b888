//! How things look, by meaning. Colour only ever underlines what a sign or a word says already.

use ratatui::style::{Color, Modifier, Style};

use crate::config::{self, Palette, ROLES, Role};

/// The looks of everything, ready for the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Theme {
    /// Whether there are colours at all.
    pub color: bool,
    /// Whether the terminal can show ASCII only.
    pub ascii: bool,
    /// Whether bars move in whole columns, and what passes by quickly is not shown: the line is slow.
    pub coarse: bool,
    /// In the order of [`ROLES`]; one theme lasts as long as the program, and is handed to everything that draws.
    styles: &'static [Style; ROLES.len()],
}

impl Theme {
    /// Makes a palette ready.
    pub(crate) fn new(palette: &Palette, ascii: bool) -> Self {
        let styles = ROLES.map(|(role, _)| ready(palette.style(role)));
        let color = styles.iter().any(|style| style.fg.is_some() || style.bg.is_some());
        Self { color, ascii, coarse: false, styles: Box::leak(Box::new(styles)) }
    }

    /// The same for a slow line, or not.
    pub(crate) fn coarse(self, coarse: bool) -> Self {
        Self { coarse, ..self }
    }

    fn of(self, role: Role) -> Style {
        let at = ROLES.iter().position(|(known, _)| *known == role);
        at.and_then(|at| self.styles.get(at)).copied().unwrap_or_default()
    }

    /// Ordinary text.
    pub(crate) fn text(self) -> Style {
        self.of(Role::Text)
    }

    /// Text that may be overlooked.
    pub(crate) fn faint(self) -> Style {
        self.of(Role::Faint)
    }

    /// The border of a pane.
    pub(crate) fn border(self, focused: bool) -> Style {
        self.of(if focused { Role::BorderActive } else { Role::Border })
    }

    /// The title of a pane; inverse when it has the keys, so that it can be told without colour.
    pub(crate) fn title(self, focused: bool) -> Style {
        self.of(if focused { Role::TitleActive } else { Role::Title })
    }

    /// The line under the cursor: inverse where the keys go, underlined elsewhere.
    pub(crate) fn cursor(self, focused: bool) -> Style {
        self.of(if focused { Role::CursorActive } else { Role::Cursor })
    }

    /// What is marked (`*`).
    pub(crate) fn marked(self) -> Style {
        self.of(Role::Marked)
    }

    /// Unread messages (`N`).
    pub(crate) fn unread(self) -> Style {
        self.of(Role::Unread)
    }

    /// What went wrong (`!`).
    pub(crate) fn bad(self) -> Style {
        self.of(Role::Bad)
    }

    /// What went well.
    pub(crate) fn good(self) -> Style {
        self.of(Role::Good)
    }

    /// The done part of a bar.
    pub(crate) fn bar(self) -> Style {
        self.of(Role::Bar)
    }

    /// What a folder is for, and names that are being created.
    pub(crate) fn hint(self) -> Style {
        self.of(Role::Hint)
    }

    /// The number in the key bar.
    pub(crate) fn key_number(self) -> Style {
        self.of(Role::KeyNumber)
    }

    /// The word in the key bar.
    pub(crate) fn key_word(self) -> Style {
        self.of(Role::KeyWord)
    }

    /// The border of a dialog.
    pub(crate) fn dialog(self, is_danger: bool) -> Style {
        self.of(if is_danger { Role::Danger } else { Role::Dialog })
    }

    /// An input field.
    pub(crate) fn field(self, focused: bool) -> Style {
        self.of(if focused { Role::FieldActive } else { Role::Field })
    }

    /// A button.
    pub(crate) fn button(self, focused: bool) -> Style {
        self.of(if focused { Role::ButtonActive } else { Role::Button })
    }
}

/// The sixteen colours of every terminal, in the order of their numbers.
const SIXTEEN: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

fn ready(style: config::Style) -> Style {
    let color = |color| match color {
        config::Color::Number(number) => SIXTEEN.get(usize::from(number)).copied().unwrap_or(Color::Indexed(number)),
        config::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    };
    let set =
        [(style.bold, Modifier::BOLD), (style.reversed, Modifier::REVERSED), (style.underlined, Modifier::UNDERLINED)];
    let modifier = set.into_iter().filter(|(is_set, _)| *is_set).fold(Modifier::empty(), |all, (_, one)| all | one);
    Style { fg: style.fg.map(color), bg: style.bg.map(color), ..Style::new() }.add_modifier(modifier)
}

#[cfg(test)]
impl Theme {
    /// The theme of that name as it comes.
    pub(crate) fn named(name: &str, ascii: bool) -> Self {
        let text = format!("[screen]\ntheme = \"{name}\"\n");
        Self::new(&config::read(&text, std::path::Path::new("test")).unwrap().palette, ascii)
    }
}
