//! How things look, as plain data: what has a look, colours, and attributes. Knows no terminal.

use serde::Deserialize;

/// What has a look of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// Text that may be overlooked.
    Faint,
    /// The border of a pane.
    Border,
    /// The border of the pane that has the keys.
    BorderActive,
    /// A title.
    Title,
    /// The title of what has the keys.
    TitleActive,
    /// The line under a cursor where the keys do not go.
    Cursor,
    /// The line under the cursor.
    CursorActive,
    /// What is marked.
    Marked,
    /// Unread messages.
    Unread,
    /// What went wrong.
    Bad,
    /// What went well.
    Good,
    /// The done part of a bar.
    Bar,
    /// What a folder is for, and the like.
    Hint,
    /// The number in the key bar.
    KeyNumber,
    /// The word in the key bar.
    KeyWord,
    /// The border of a dialog.
    Dialog,
    /// The border of a dialog that may do harm.
    Danger,
    /// An input field.
    Field,
    /// The input field that has the keys.
    FieldActive,
    /// A button.
    Button,
    /// The button that Enter presses.
    ButtonActive,
}

/// Every role with its name in files.
pub const ROLES: [(Role, &str); 22] = [
    (Role::Text, "text"),
    (Role::Faint, "faint"),
    (Role::Border, "border"),
    (Role::BorderActive, "border-active"),
    (Role::Title, "title"),
    (Role::TitleActive, "title-active"),
    (Role::Cursor, "cursor"),
    (Role::CursorActive, "cursor-active"),
    (Role::Marked, "marked"),
    (Role::Unread, "unread"),
    (Role::Bad, "bad"),
    (Role::Good, "good"),
    (Role::Bar, "bar"),
    (Role::Hint, "hint"),
    (Role::KeyNumber, "key-number"),
    (Role::KeyWord, "key-word"),
    (Role::Dialog, "dialog"),
    (Role::Danger, "danger"),
    (Role::Field, "field"),
    (Role::FieldActive, "field-active"),
    (Role::Button, "button"),
    (Role::ButtonActive, "button-active"),
];

/// A colour: one of the sixteen of every terminal, or one that only some have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Color {
    /// By its number, 0 to 15 being the sixteen with names.
    Number(u8),
    /// Red, green and blue.
    Rgb(u8, u8, u8),
}

/// The sixteen, in the order of their numbers.
const NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "gray",
    "dark-gray",
    "light-red",
    "light-green",
    "light-yellow",
    "light-blue",
    "light-magenta",
    "light-cyan",
    "white",
];

impl TryFrom<String> for Color {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let named = NAMES.iter().position(|name| *name == text).and_then(|at| u8::try_from(at).ok());
        let pair = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let rgb = || if text.starts_with('#') && text.len() == 7 { Some((pair(1)?, pair(3)?, pair(5)?)) } else { None };
        match (named.or_else(|| text.parse().ok()), rgb()) {
            (Some(number), _) => Ok(Self::Number(number)),
            (None, Some((red, green, blue))) => Ok(Self::Rgb(red, green, blue)),
            (None, None) => Err(format!("\"{text}\" is no colour: {}, 0 to 255, or #rrggbb", NAMES.join(", "))),
        }
    }
}

/// A look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Style {
    /// The colour of the text.
    pub fg: Option<Color>,
    /// The colour behind it.
    pub bg: Option<Color>,
    /// Bold, or brighter.
    pub bold: bool,
    /// Text and background changed about.
    pub reversed: bool,
    /// Underlined.
    pub underlined: bool,
}

/// The look of every role, in the order of [`ROLES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette(pub(super) [Style; ROLES.len()]);

impl Palette {
    /// The look of a role.
    pub fn style(&self, role: Role) -> Style {
        let at = ROLES.iter().position(|(known, _)| *known == role);
        at.and_then(|at| self.0.get(at)).copied().unwrap_or_default()
    }
}
