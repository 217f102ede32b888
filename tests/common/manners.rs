//! What kind of server the one in memory is, and what is wrong with it: the data that [`super::mailbox`] plays.

use std::time::Duration;

/// A message as the server has it.
#[derive(Clone, Debug)]
pub struct Kept {
    pub uid: u32,
    pub flags: Vec<String>,
    /// As the client wrote it.
    pub date: String,
    /// As the client sent it.
    pub sent: Vec<u8>,
    /// As the server gives it back.
    pub rendered: Vec<u8>,
}

/// What kind of server it is.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    pub greeting: &'static str,
    pub capabilities: &'static str,
    /// The only login there is; else any will do.
    pub login: Option<&'static str>,
    pub namespace: &'static str,
    pub folders: &'static [&'static str],
    pub flags: &'static str,
    /// What STATUS says of the largest message, by folder; it knows of no other.
    pub largest: &'static [(&'static str, &'static str)],
    /// The APPENDs that may wait on a connection.
    pub most_waiting: usize,
    /// Whether it stores all messages of a command or none; else those before one that it refuses stay, as Stalwart has it.
    pub is_atomic: bool,
    /// Whether it keeps a flag of an APPEND.
    pub keeps: fn(&str) -> bool,
    /// A message as it gives it back.
    pub render: fn(&[u8]) -> Vec<u8>,
    /// A date as it writes it.
    pub date: fn(&str) -> String,
    pub size: fn(&Kept) -> usize,
}

/// A server of today with nothing odd about it. Each message is a command of its own, so that each can meet its fate.
pub const PLAIN: Manners = Manners {
    greeting: "* OK ready",
    capabilities: "IMAP4rev1 UIDPLUS UNSELECT NAMESPACE LITERAL+",
    login: None,
    namespace: "((\"\" \"/\")) NIL NIL",
    folders: &["INBOX", "Trash"],
    flags: "\\Seen \\Answered \\Flagged \\Deleted \\Draft \\*",
    largest: &[],
    most_waiting: usize::MAX,
    is_atomic: true,
    keeps: |_| true,
    render: <[u8]>::to_vec,
    date: str::to_owned,
    size: |kept| kept.rendered.len(),
};

/// What is wrong with it. A command may be `*`, which is any.
#[derive(Clone, Copy, Debug)]
pub enum Vice {
    /// It says OK to a message and stores nothing.
    Forgets,
    /// It stores a message without its last bytes.
    Truncates,
    /// It stores a message with other bytes in it.
    Mangles,
    /// Its APPENDUID is that of another message.
    NamesAnother,
    /// It refuses a message and stores it.
    RefusesAndStores,
    /// It stores a message twice.
    StoresTwice,
    /// It says OK to a message that it has, names that one, and stores nothing, as Gmail does.
    KeepsOnce,
    /// It breaks the connection after a message, and stores that so much later.
    StoresLate(Duration),
    /// It takes so long to say OK.
    Dawdles(Duration),
    /// It answers like that to messages that hold these bytes.
    Refuses(&'static str, &'static [u8]),
    /// It breaks the connection at messages that hold these bytes.
    Breaks(&'static [u8]),
    /// It answers a command, which it does not carry out, like that.
    Answers(&'static str, &'static str),
    /// It gives no UIDNEXT, and has no UIDPLUS.
    TellsNoUids,
    /// It says goodbye after so many commands.
    Leaves(usize),
    /// It says these bytes before it answers a command; at the command `""`, in place of its greeting, and nothing there means
    /// that it hangs up.
    Says(&'static str, fn() -> Vec<u8>),
    /// It says these bytes without end before it answers a command.
    Rambles(&'static str, &'static [u8]),
    /// It writes the tagged answers to a command like that; the text has `{tag}` and `{answer}` in it.
    Writes(&'static str, &'static str),
}
