//! Which key does what: the table of actions, changed by what the settings say. Held against mistakes before it is used.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::actions::{ACTIONS, Action, Stroke, normal};
use crate::config::Binding;

/// Every action with its keys.
#[derive(Clone, Debug)]
pub(crate) struct Keymap {
    rows: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    action: Action,
    keys: Vec<Stroke>,
    /// Where the settings say so: by the set, or by the user.
    rank: usize,
    place: String,
}

impl Default for Keymap {
    fn default() -> Self {
        let line = |row: &super::actions::Row| Line {
            action: row.action,
            keys: row.keys.to_vec(),
            rank: 0,
            place: String::new(),
        };
        Self { rows: ACTIONS.iter().map(line).collect() }
    }
}

impl Keymap {
    /// The table with these changes. A key that is given away is taken from what had it; two actions that ask for the same
    /// one are a mistake, told with its place.
    pub(crate) fn new(bindings: &[Binding]) -> Result<Self, String> {
        let mut map = Self::default();
        for binding in bindings {
            map.bind(binding)?;
        }
        Ok(map)
    }

    fn bind(&mut self, binding: &Binding) -> Result<(), String> {
        let Binding { action: name, keys, place, is_own } = binding;
        let Some(action) = ACTIONS.iter().find(|row| row.name() == *name).map(|row| row.action) else {
            let known: Vec<String> = ACTIONS.iter().map(super::actions::Row::name).collect();
            return Err(format!("{place}: there is no action \"{name}\"; there are {}", known.join(", ")));
        };
        let rank = if *is_own { 2 } else { 1 };
        let mut strokes = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(stroke) = stroke(key) else {
                return Err(format!(
                    "{place}: there is no key \"{key}\"; keys are a, A, F5, Ctrl-A, Shift-Up, Space, PgDn"
                ));
            };
            strokes.push(stroke);
        }
        for row in &mut self.rows {
            if row.action == action {
                row.keys.clone_from(&strokes);
                (row.rank, row.place) = (rank, place.clone());
            } else if let Some(taken) = row.keys.iter().find(|key| strokes.contains(key)).filter(|_| row.rank == rank) {
                let (key, other) = (super::actions::key_name(*taken), &row.place);
                return Err(format!("{place}: {key} has another meaning already, at {other}"));
            } else {
                row.keys.retain(|key| !strokes.contains(key));
            }
        }
        Ok(())
    }

    /// What a key does in the panes.
    pub(crate) fn action_of(&self, event: &KeyEvent) -> Option<Action> {
        let stroke = normal(event);
        self.rows.iter().find(|row| row.keys.contains(&stroke)).map(|row| row.action)
    }

    /// The keys of an action, the first one shown first.
    pub(crate) fn keys_of(&self, action: Action) -> &[Stroke] {
        self.rows.iter().find(|row| row.action == action).map_or(&[], |row| row.keys.as_slice())
    }

    /// Their names, such as `F5 c`.
    pub(crate) fn names_of(&self, action: Action) -> String {
        self.keys_of(action).iter().copied().map(super::actions::key_name).collect::<Vec<_>>().join(" ")
    }
}

/// Keys with names of their own.
const NAMED: [(&str, KeyCode); 15] = [
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Backspace", KeyCode::Backspace),
    ("Insert", KeyCode::Insert),
    ("Del", KeyCode::Delete),
    ("Space", KeyCode::Char(' ')),
];

/// The key of a name, as [`super::actions::key_name`] writes it.
fn stroke(name: &str) -> Option<Stroke> {
    if name == "Shift-Tab" {
        return Some((KeyModifiers::NONE, KeyCode::BackTab));
    }
    let (modifiers, rest) = match (name.strip_prefix("Ctrl-"), name.strip_prefix("Shift-")) {
        (Some(rest), _) => (KeyModifiers::CONTROL, rest),
        (None, Some(rest)) => (KeyModifiers::SHIFT, rest),
        (None, None) => (KeyModifiers::NONE, name),
    };
    if let Some((_, code)) = NAMED.iter().find(|(known, _)| *known == rest) {
        return Some((modifiers, *code));
    }
    if let Some(number) = rest.strip_prefix('F').and_then(|number| number.parse::<u8>().ok()) {
        return (1..=12).contains(&number).then_some((modifiers, KeyCode::F(number)));
    }
    let mut chars = rest.chars();
    let letter = chars.next().filter(|letter| chars.next().is_none() && !letter.is_control())?;
    match modifiers {
        KeyModifiers::SHIFT => None, // a capital letter is written as one
        KeyModifiers::CONTROL => Some((modifiers, KeyCode::Char(letter.to_ascii_lowercase()))),
        _ => Some((modifiers, KeyCode::Char(letter))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn map(text: &str) -> Result<Keymap, String> {
        Keymap::new(&config::read(text, std::path::Path::new("c.toml")).unwrap().keys)
    }

    fn press(letter: char) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)
    }

    #[test]
    fn every_key_of_the_table_has_a_name_that_is_read_back() {
        for key in ACTIONS.iter().flat_map(|row| row.keys) {
            assert_eq!(stroke(&super::super::actions::key_name(*key)), Some(*key));
        }
        for bad in ["", "F13", "F0", "Ctrl-", "ab", "Shift-a", "Hyper-x"] {
            assert_eq!(stroke(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_that_is_given_away_is_taken_from_what_had_it() {
        let map = map("[keys]\ncopy = [\"F5\", \"m\"]\n").unwrap();
        assert_eq!(map.action_of(&press('m')), Some(Action::Copy));
        assert_eq!(map.action_of(&press('c')), None);
        assert_eq!(map.names_of(Action::Move), "F6");
    }

    #[test]
    fn the_vim_set_has_its_keys_and_own_ones_go_before() {
        let vim = map("[screen]\nkeys = \"vim\"\n").unwrap();
        assert_eq!(vim.action_of(&press('y')), Some(Action::Copy));
        let own = map("[screen]\nkeys = \"vim\"\n[keys]\nquit = \"y\"\n").unwrap();
        assert_eq!((own.action_of(&press('y')), own.names_of(Action::Copy).as_str()), (Some(Action::Quit), "F5 c"));
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        for (text, error) in [
            ("[keys]\ncopi = \"c\"\n", "c.toml:2: there is no action \"copi\"; there are copy, move"),
            ("[keys]\n\ncopy = \"F99\"\n", "c.toml:3: there is no key \"F99\""),
            ("[keys]\ncopy = \"y\"\nmove = \"y\"\n", "c.toml:3: y has another meaning already, at c.toml:2"),
        ] {
            let told = map(text).map(drop).unwrap_err();
            assert!(told.starts_with(error), "{told}");
        }
    }
}
