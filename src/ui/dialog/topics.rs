//! What the keys of each dialog do, for its help. A dialog that takes a key has it here.

use super::Dialog;

/// A key or two, and what they do.
pub(crate) type Keys = &'static [(&'static str, &'static str)];

/// The name of the help on patterns.
pub(crate) const PATTERNS: &str = "What can be looked for";

/// The name and the keys of a dialog.
pub(crate) fn of(dialog: &Dialog) -> (&'static str, Keys) {
    match dialog {
        Dialog::Basket(_) => ("The basket", BASKET),
        Dialog::Confirm(_) => ("A question", QUESTION),
        Dialog::Connect(_) => ("Connecting", CONNECT),
        Dialog::Error(_) => ("An error", READING),
        Dialog::Failures(_) => ("What was not carried", FAILURES),
        Dialog::Flag(_) => ("Flags", FLAGS),
        Dialog::Help(_) => ("Help", READING),
        Dialog::Jobs(_) => ("Jobs so far", JOBS),
        Dialog::Palette(_) => ("Commands", PALETTE),
        Dialog::Places(_) => ("Accounts and stores", PLACES),
        Dialog::Plan(_) => ("The plan", PLAN),
        Dialog::Preview(_) => ("The preview", PREVIEW),
        Dialog::Prompt(prompt) if prompt.typed().is_some() => (PATTERNS, PATTERN),
        Dialog::Prompt(_) => ("A line of text", LINE),
        Dialog::Repairs(_) => ("Repairs", REPAIRS),
        Dialog::Rules(_) => ("Rules for folders", RULES),
        Dialog::Sort(_) => ("Sorting", SORT),
        Dialog::StoreOptions(_) => ("How a store is read", STORE_OPTIONS),
        Dialog::Transfers(_) => ("The transfers", TRANSFERS),
    }
}

const BASKET: Keys = &[
    ("Up Down", "go about"),
    ("Space d", "take it out"),
    ("u", "take everything out"),
    ("Enter", "go to that folder"),
    ("Esc b", "close"),
];
const QUESTION: Keys = &[
    ("Left Right", "choose an answer"),
    ("Enter", "give it"),
    ("y n", "yes, no"),
    ("Esc", "none of them: nothing is done"),
];
const CONNECT: Keys = &[
    ("Tab Down Up", "the next line, the one before"),
    ("Space Left Right", "how the connection is protected"),
    ("Enter", "the next line; in the last, connect"),
    ("Esc", "close, or stop connecting"),
];
const READING: Keys = &[("Up Down PgUp PgDn", "scroll"), ("Esc", "close")];
const FAILURES: Keys = &[
    ("Up Down PgUp PgDn", "go about"),
    ("Enter", "open a reason; show a message in full"),
    ("r", "try again what the job did not carry"),
    ("R", "repair what needs it, and try again; asks first"),
    ("s", "save the messages of this reason as .eml files"),
    ("a", "the server's own answers"),
    ("Esc x", "close"),
];
const JOBS: Keys = &[
    ("Enter", "what the job did, and what it did not carry"),
    ("r", "go on with it"),
    ("u", "take it back: remove from the server what it appended; asks first"),
    ("Up Down PgUp PgDn", "go about"),
    ("Esc J", "close"),
];
const PALETTE: Keys = &[
    ("letters", "of a name or its words, in their order"),
    ("Up Down", "go about"),
    ("Enter", "do it"),
    ("Esc", "close"),
];
const PLAN: Keys = &[
    ("Enter", "carry it out"),
    ("Up Down PgUp PgDn", "go about"),
    ("e", "give the folder another name there; an empty one is that of before"),
    ("Space", "leave the folder out with all below it, or take it in again"),
    ("d", "where its dates come from: the store, the Received header, the Date header"),
    ("Backspace", "drop the rule about the folder"),
    ("F2", "the rules for folders; to save and load them too"),
    ("F4", "read every message: what is there already, what needs repair"),
    ("R", "which repairs are made"),
    ("! * + -", "may go wrong; gets another name; shares its target; is left out"),
    ("Esc", "close; nothing is done"),
];
const PLACES: Keys = &[
    ("Up Down PgUp PgDn", "go about"),
    ("Enter", "go there; a mailbox opens in the pane that has the keys"),
    ("Esc @", "close"),
];
const RULES: Keys = &[
    ("a", "add one: FOLDER > NAME; with a leading / from the mailbox's top, else below the target"),
    ("FOLDER > -", "leaves the folder out"),
    ("* use:trash", "any characters of a name; every folder that is for this, in whatever language"),
    ("e Enter", "change it"),
    ("d", "drop it"),
    ("S L", "save the rules in a file, load them from one"),
    ("Esc F2", "close"),
];
const REPAIRS: Keys = &[("Up Down", "go about"), ("Space", "off, ask, on"), ("Esc R", "close")];
const PREVIEW: Keys = &[
    ("Tab Shift-Tab", "the next page, the one before"),
    ("t h s a r", "text, headers, structure, attachments, raw"),
    ("Up Down PgUp PgDn", "scroll"),
    ("n N", "the next message of the list, the one before"),
    ("Esc p Left", "close"),
];
const PATTERN: Keys = &[
    (
        "some words",
        "as one text: a part of subject, sender's name or address; * stands for anything, and then it is the whole",
    ),
    ("/…/", "a regular expression for the same"),
    ("~f a ~N", "both; also with & between"),
    ("a | b", "one of them"),
    ("!a", "not"),
    ("( )", "together"),
    ("~s text", "a regular expression; \"…\" holds blanks"),
    ("=s text", "the text as it is"),
];
const LINE: Keys = &[
    ("Enter", "take it"),
    ("Left Right Home End", "go about in it"),
    ("Ctrl-U Ctrl-W", "remove all before the cursor, or a word"),
    ("Esc", "cancel"),
];
const SORT: Keys =
    &[("d f t s u o", "date, from, subject, size, status, as stored; the same again: reversed"), ("Esc", "cancel")];
const STORE_OPTIONS: Keys = &[
    ("Tab Down Up", "the next line, the one before"),
    ("Space Left Right", "change it; a code page is typed, and guessed where the line is empty"),
    ("Enter", "read the store like that; marks in it are taken off"),
    ("Esc", "close; nothing is done"),
];
const FLAGS: Keys =
    &[("r f a d", "read, flagged, answered, deleted"), ("R F A D", "the same taken away"), ("Esc", "cancel")];
const TRANSFERS: Keys = &[
    ("Up Down", "another job"),
    ("p", "pause, or go on; a paused job holds back those behind it"),
    ("+ -", "move a job that waits; so does Shift with the arrows"),
    ("d Del", "end a job, or take it out of the queue; a second time: at once"),
    ("r", "try again what was not carried"),
    ("R", "repair what needs it, and try again; asks first"),
    ("x", "what was not carried, by reason"),
    ("Enter", "the report of a job that has ended"),
    ("PgUp PgDn", "scroll the connections and folders"),
    ("J", "all jobs so far, with their reports, and undo"),
    ("Esc w", "close; the transfers go on"),
];
