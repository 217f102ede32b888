//! The one table of what a key does. Key bar, help page and the README's table are made from it, so none of them can lie.

use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Something the user can ask for in the panes. Dialogs have keys of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Help,
    Commands,
    View,
    Rename,
    Copy,
    Move,
    Rules,
    NewFolder,
    Delete,
    Quit,
    SwitchPane,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Open,
    Expand,
    Back,
    Mark,
    MarkUp,
    MarkDown,
    Range,
    Thread,
    Basket,
    MarkPattern,
    UnmarkPattern,
    Invert,
    MarkAll,
    UnmarkAll,
    Filter,
    Sort,
    Find,
    FindNext,
    FindPrevious,
    Transfers,
    Jobs,
    Failures,
    Flag,
    Expunge,
    Subscribe,
    Connect,
    Places,
    OpenStore,
    StoreOptions,
    SwapPanes,
    Reread,
    Redraw,
    Suspend,
    StopJob,
    Cancel,
}

/// A key with what is held down.
pub(crate) type Stroke = (KeyModifiers, KeyCode);

/// One action: its keys, its words, and its place in the key bar.
pub(crate) struct Row {
    /// What it does.
    pub action: Action,
    /// Every key that does it, the first one shown first.
    pub keys: &'static [Stroke],
    /// What the help says.
    pub help: &'static str,
    /// Its words in the key bar, on the left and on the right; the number is that of its function key.
    pub label: Option<(&'static str, &'static str)>,
    /// Under which heading the help lists it.
    pub section: &'static str,
}

impl Row {
    /// The action's name in settings: `new-folder`.
    pub(crate) fn name(&self) -> String {
        let mut name = String::new();
        for letter in format!("{:?}", self.action).chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}

const fn key(code: KeyCode) -> Stroke {
    (KeyModifiers::NONE, code)
}

const fn letter(letter: char) -> Stroke {
    (KeyModifiers::NONE, KeyCode::Char(letter))
}

const fn function(number: u8) -> Stroke {
    (KeyModifiers::NONE, KeyCode::F(number))
}

const fn ctrl(letter: char) -> Stroke {
    (KeyModifiers::CONTROL, KeyCode::Char(letter))
}

const fn shift(code: KeyCode) -> Stroke {
    (KeyModifiers::SHIFT, code)
}

const CARRY: &str = "Carry mail";
const MARK: &str = "Mark";
const GO: &str = "Move about";
const SERVER: &str = "On the server";
const PROGRAM: &str = "Program";

const fn row(action: Action, keys: &'static [Stroke], help: &'static str, section: &'static str) -> Row {
    Row { action, keys, help, label: None, section }
}

const fn labelled(row: Row, word: &'static str) -> Row {
    by_side(row, word, word)
}

const fn by_side(mut row: Row, left: &'static str, right: &'static str) -> Row {
    row.label = Some((left, right));
    row
}

/// Every action, in the order the help lists them. A key is a row here and nowhere else.
pub(crate) static ACTIONS: &[Row] = &[
    labelled(
        row(
            Action::Copy,
            &[function(5), letter('c')],
            "copy what is marked, or what is under the cursor, to the other pane",
            CARRY,
        ),
        "Copy",
    ),
    labelled(row(Action::Move, &[function(6), letter('m')], "move it: copy, prove, then remove here", CARRY), "Move"),
    labelled(
        row(
            Action::Rules,
            &[function(2), letter('M')],
            "the rules for folders: which becomes which, what is left out, where dates come from",
            CARRY,
        ),
        "Rules",
    ),
    labelled(row(Action::View, &[function(3), letter('p')], "preview the message", CARRY), "View"),
    by_side(
        row(
            Action::Rename,
            &[function(4), letter('R')],
            "left: what a store is, and what is doubtful in it; right: rename the folder",
            CARRY,
        ),
        "Doubts",
        "Rename",
    ),
    row(Action::Transfers, &[letter('w')], "the queue of transfers: pause, go on, move, end, try again", CARRY),
    row(Action::Jobs, &[letter('J')], "all jobs so far: report, resume, undo", CARRY),
    row(Action::Failures, &[letter('x')], "what was not carried, by reason: try again, repair, save", CARRY),
    row(Action::StopJob, &[ctrl('c')], "stop after the running message; twice: at once; without a job: quit", CARRY),
    row(
        Action::Mark,
        &[letter(' '), key(KeyCode::Insert), ctrl('t')],
        "mark and go down; a folder with all below it",
        MARK,
    ),
    row(Action::MarkDown, &[shift(KeyCode::Down)], "mark and go down, over and over", MARK),
    row(Action::MarkUp, &[shift(KeyCode::Up)], "mark and go up", MARK),
    row(Action::Range, &[letter('v')], "begin a range here; at its other end, v or Space marks it", MARK),
    row(Action::Thread, &[letter('t')], "mark or unmark the whole thread of the message", MARK),
    row(Action::MarkAll, &[letter('a')], "mark all that is shown here", MARK),
    row(Action::UnmarkAll, &[letter('u')], "unmark everything", MARK),
    row(Action::MarkPattern, &[letter('+')], "mark what fits a text or a pattern", MARK),
    row(Action::UnmarkPattern, &[letter('-'), letter('\\')], "unmark what fits", MARK),
    row(Action::Invert, &[letter('*')], "swap marked and unmarked here", MARK),
    row(Action::Basket, &[letter('b')], "the basket: all that is marked anywhere; take things out", MARK),
    row(Action::SwitchPane, &[key(KeyCode::Tab), key(KeyCode::BackTab)], "the other pane", GO),
    row(Action::Up, &[key(KeyCode::Up), letter('k')], "up", GO),
    row(Action::Down, &[key(KeyCode::Down), letter('j')], "down", GO),
    row(Action::PageUp, &[key(KeyCode::PageUp), ctrl('u')], "a page up", GO),
    row(Action::PageDown, &[key(KeyCode::PageDown), ctrl('d')], "a page down", GO),
    row(Action::First, &[key(KeyCode::Home), letter('g')], "to the first", GO),
    row(Action::Last, &[key(KeyCode::End), letter('G')], "to the last", GO),
    row(Action::Open, &[key(KeyCode::Enter)], "to the messages of the folder; a message: preview", GO),
    row(Action::Expand, &[key(KeyCode::Right), letter('l')], "show the folders below, then the messages", GO),
    row(
        Action::Back,
        &[key(KeyCode::Backspace), key(KeyCode::Left), letter('h')],
        "back: to the folders, close a folder, one up",
        GO,
    ),
    row(Action::Filter, &[letter('f')], "show only what fits, while it is typed; Esc shows all again", GO),
    row(
        Action::Sort,
        &[letter('s')],
        "sort the messages: then d date, f from, t subject, s size, u status, o as stored",
        GO,
    ),
    row(Action::Find, &[letter('/')], "find in the list or among the folders", GO),
    row(Action::FindNext, &[letter('n')], "find the next; as long as nothing was looked for: a new folder", GO),
    row(Action::FindPrevious, &[letter('N')], "find the one before", GO),
    labelled(
        row(
            Action::NewFolder,
            &[function(7), letter('F')],
            "make a folder below the one under the right cursor",
            SERVER,
        ),
        "New",
    ),
    labelled(
        row(
            Action::Delete,
            &[function(8), key(KeyCode::Delete), letter('d')],
            "delete on the server; asks first",
            SERVER,
        ),
        "Delete",
    ),
    row(
        Action::Flag,
        &[letter('!')],
        "right: set a flag of the messages, or take it away: read, flagged, answered, deleted",
        SERVER,
    ),
    row(Action::Expunge, &[letter('E')], "right: remove what is marked as deleted in the folder; asks first", SERVER),
    row(Action::Subscribe, &[letter('S')], "right: subscribe to the folder, or end that", SERVER),
    row(Action::Connect, &[letter('A')], "connect to a mailbox on the right; on the left, open one there", SERVER),
    row(Action::Places, &[letter('@')], "accounts and stores: go to one, connect to one", PROGRAM),
    row(
        Action::OpenStore,
        &[letter('O')],
        "open local mail; on the right, a Maildir or mbox to put mail into",
        PROGRAM,
    ),
    row(
        Action::StoreOptions,
        &[letter('o')],
        "how the store on the left is read: deleted messages, code page of names, Gmail's labels",
        PROGRAM,
    ),
    row(
        Action::SwapPanes,
        &[letter('=')],
        "swap the panes: what is on the right to the left, and the other way",
        PROGRAM,
    ),
    row(
        Action::Reread,
        &[letter('r'), ctrl('r')],
        "read this side again; connects again if the connection was lost",
        PROGRAM,
    ),
    row(Action::Redraw, &[ctrl('l')], "draw the screen afresh", PROGRAM),
    row(Action::Suspend, &[ctrl('z')], "suspend; the transfer waits too", PROGRAM),
    labelled(row(Action::Help, &[function(1), letter('?')], "this help", PROGRAM), "Help"),
    labelled(
        row(Action::Commands, &[function(9), letter(':')], "every command by its name, found as it is typed", PROGRAM),
        "Menu",
    ),
    row(
        Action::Cancel,
        &[key(KeyCode::Esc)],
        "close, cancel; with a transfer: stop it safely. Esc, then a digit: that F-key",
        PROGRAM,
    ),
    labelled(
        row(
            Action::Quit,
            &[function(10), letter('q')],
            "quit; while a transfer runs: leave it running, or stop it",
            PROGRAM,
        ),
        "Quit",
    ),
];

/// The key without what terminals add or leave out: Shift on letters, Alt-5 for F5 (Esc and 5 in one packet).
pub(crate) fn normal(event: &KeyEvent) -> Stroke {
    match event.code {
        KeyCode::Char(digit @ '0'..='9') if event.modifiers.contains(KeyModifiers::ALT) => function_of(digit),
        KeyCode::Char(_) => (event.modifiers - KeyModifiers::SHIFT, event.code),
        KeyCode::BackTab => key(KeyCode::BackTab),
        code => (event.modifiers, code),
    }
}

/// The function key that a digit after Esc stands for, as in Midnight Commander; 0 is F10.
pub(crate) fn function_of(digit: char) -> Stroke {
    let number = digit.to_digit(10).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
    function(if number == 0 { 10 } else { number })
}

/// A key's name for people.
pub(crate) fn key_name((modifiers, code): Stroke) -> String {
    let name = match code {
        KeyCode::F(number) => format!("F{number}"),
        KeyCode::Char(' ') => "Space".into(),
        KeyCode::Char(letter) if modifiers.contains(KeyModifiers::CONTROL) => letter.to_ascii_uppercase().to_string(),
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::BackTab => "Shift-Tab".into(),
        KeyCode::PageUp => "PgUp".into(),
        KeyCode::PageDown => "PgDn".into(),
        KeyCode::Delete => "Del".into(),
        other => format!("{other:?}"),
    };
    match modifiers {
        KeyModifiers::CONTROL => format!("Ctrl-{name}"),
        KeyModifiers::SHIFT => format!("Shift-{name}"),
        _ => name,
    }
}

/// The headings of the help, each once, in order.
pub(crate) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&'static str> = Vec::new();
    for row in ACTIONS {
        if !sections.contains(&row.section) {
            sections.push(row.section);
        }
    }
    sections
}

/// The table of keys for the README, in Markdown.
pub fn keys_markdown() -> String {
    let mut table = String::from("| Keys | What they do |\n|---|---|\n");
    for row in ACTIONS {
        let keys: Vec<String> = row.keys.iter().map(|stroke| format!("`{}`", key_name(*stroke))).collect();
        // Writing to a String does not fail.
        let _ = writeln!(table, "| {} | {} |", keys.join(" "), row.help);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_meanings() {
        let mut seen: Vec<Stroke> = Vec::new();
        for stroke in ACTIONS.iter().flat_map(|row| row.keys) {
            assert!(!seen.contains(stroke), "{}", key_name(*stroke));
            seen.push(*stroke);
        }
    }

    #[test]
    fn every_action_with_a_function_key_has_a_letter_too() {
        for row in ACTIONS.iter().filter(|row| matches!(row.keys[0].1, KeyCode::F(_))) {
            assert!(row.keys.iter().any(|(_, code)| matches!(code, KeyCode::Char(_))), "{}", row.help);
        }
    }

    #[test]
    fn escape_and_a_digit_in_one_packet_is_a_function_key() {
        let event = KeyEvent::new(KeyCode::Char('5'), KeyModifiers::ALT);
        assert_eq!(super::super::keymap::Keymap::default().action_of(&event), Some(Action::Copy));
        assert_eq!(function_of('0'), function(10));
    }
}
