//! Everything that can happen to the screen's state, in one enum that travels through one channel.

use std::path::PathBuf;
use std::time::Instant;

use crossterm::event::KeyEvent;

use crate::imap::{Account, Counts, ImapError};
use crate::mail::FolderPath;
use crate::store::{Choice, Count, Looked};
use crate::transfer::{
    self, Ids, JobId, Mapping, MappingError, Outcome, PastJob, Plan, Queue, Room, Saved, Source, Speed, Tally, Terms,
    Weight,
};

use super::list::Row;
use super::pane::Side;
use super::tree::Entry;

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// This much time it is; comes before whatever else happened.
    Tick(Instant),
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse was used; only where it was asked for.
    Mouse(Mouse),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resized(u16, u16),
    /// A signal asks for the end.
    Signal(i32),
    /// The terminal is gone: the SSH connection broke.
    TerminalGone,
    /// Another program asks to suspend this one.
    SuspendAsked,
    /// This program goes on after it was stopped; the shell may have changed the terminal.
    Continued,
    /// A worker of the local side has news.
    Store(StoreEvent),
    /// The worker of that connection has news.
    Server(u64, ServerEvent),
    /// The journal has answered.
    Journal(JournalEvent),
    /// The running job has news.
    Job(Vec<transfer::Event>),
    /// The process that carries the jobs out has news.
    Far(FarEvent),
    /// Messages were saved, as far as they could be.
    Saved(Saved),
    /// The password of an account is there, to open it on that side; or why not.
    Unlocked(Side, Result<Box<Account>, Trouble>),
    /// Rules were read from a file, or written to it.
    Mapping(Result<Rules, Trouble>),
    /// A worker broke; this is a fault of the program, told in words.
    Broken(String),
}

/// What the mouse did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mouse {
    /// What it did.
    pub kind: MouseKind,
    /// Column and row, from 0.
    pub at: (u16, u16),
    /// The first folder shown on the left and on the right in the frame that the user saw.
    pub tops: [usize; 2],
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MouseKind {
    /// The left button was pressed.
    Click,
    /// The wheel was turned up.
    Up,
    /// The wheel was turned down.
    Down,
}

/// News of the process that carries the jobs out.
#[derive(Debug)]
pub(crate) enum FarEvent {
    /// All that is known of its jobs.
    All(Box<Queue>),
    /// What happened in the running job.
    Happened(Vec<transfer::Event>),
    /// A job could not be handed over to it.
    NotTaken(Trouble),
    /// It is gone: its jobs are done, or it broke.
    Gone,
}

/// News of local stores.
#[derive(Debug)]
pub(crate) enum StoreEvent {
    /// A store's folders, or why it can't be read.
    Folders {
        /// Which store.
        source: usize,
        /// What it is.
        result: Result<Opened, String>,
    },
    /// How far the look through a store's directory is.
    Looking {
        /// Which store.
        source: usize,
        /// How far.
        looked: Looked,
    },
    /// How many messages an examination has read.
    Examined {
        /// Which request.
        generation: u64,
        /// So many.
        messages: u64,
    },
    /// A folder of a plan was weighed, or could not be.
    Weighed {
        /// For which plan.
        generation: u64,
        /// Its store and itself.
        of: Box<(Source, FolderPath)>,
        /// What is known of it; `None` if it can't be read.
        weight: Option<Weight>,
    },
    /// How many messages of a folder of a plan have been looked at.
    Weighing {
        /// For which plan.
        generation: u64,
        /// So many.
        messages: u64,
    },
    /// What folders hold; `None` if one could not be counted.
    Counts(Vec<(usize, FolderPath, Option<Count>)>),
    /// More rows of a list.
    Rows {
        /// Which list.
        generation: u64,
        /// The rows.
        rows: Vec<Row>,
        /// How far the walk is: done and total.
        progress: (u64, u64),
    },
    /// A list is complete, or why it is not.
    ListEnd {
        /// Which list.
        generation: u64,
        /// How many things in it are hidden or damaged.
        result: Result<u64, String>,
    },
    /// A message to look at, or why not.
    Preview {
        /// Which request.
        generation: u64,
        /// Its pages.
        result: Result<Vec<Page>, String>,
    },
}

/// A store that was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Its format's name for people.
    pub format: String,
    /// What is left to the user about how it is read.
    pub choices: Vec<Choice>,
    /// Its folders.
    pub folders: Vec<Entry>,
}

/// News of the server.
#[derive(Debug)]
pub(crate) enum ServerEvent {
    /// A connection is being made.
    Connecting,
    /// Connected and logged in.
    Connected,
    /// It could not be connected or logged in.
    ConnectFailed(Trouble),
    /// The connection was lost; the next request makes a new one.
    Lost(Trouble),
    /// What the mailbox says of itself: its folders, and how it names them.
    Terms(Terms),
    /// What it takes; for the request with that generation.
    Room(u64, Room),
    /// What a folder holds, by Message-ID; for the plan with that generation.
    Ids(u64, FolderPath, Ids),
    /// What folders hold; `None` if the server would not say.
    Counts(Vec<(FolderPath, Option<Counts>)>),
    /// A folder was opened for the list with that generation, holds so many messages, and has that UIDVALIDITY.
    Opened(u64, u32, u32),
    /// Rows of a list: its generation, the chunk, the rows.
    Window(u64, usize, Vec<Row>),
    /// A list could not be read.
    ListFailed(u64, Trouble),
    /// A message to look at, or why not.
    Preview(u64, Result<Vec<Page>, Trouble>),
    /// A change was made; what, and the folder to go to.
    Changed(String, Option<FolderPath>),
    /// Something was done that nothing on the screen shows.
    Done(String),
    /// A change was refused.
    Refused(Trouble),
}

/// What the journal answered; the number names the request.
#[derive(Debug)]
pub(crate) enum JournalEvent {
    /// All jobs, the newest first, or why they can't be read.
    List(u64, Result<Vec<Past>, Trouble>),
    /// What a job did, ready to be read.
    Report(u64, Result<Vec<Page>, Trouble>),
    /// How fast mail went to that place before, if it did.
    Speed(u64, Option<Speed>),
    /// A job with its plan.
    Loaded(u64, Result<Box<(PastJob, Plan)>, Trouble>),
    /// A job was taken back, what came of it ready to be read; or why it was not.
    Undone(u64, JobId, Result<Vec<Page>, Trouble>),
}

/// What became of the rules for folders.
#[derive(Debug)]
pub(crate) enum Rules {
    /// They were read.
    Read(Mapping, PathBuf),
    /// They were written.
    Written(PathBuf),
}

impl From<&MappingError> for Trouble {
    fn from(error: &MappingError) -> Self {
        Self {
            text: error.to_string(),
            hint: "nothing was changed; the README tells how such a file is written".into(),
        }
    }
}

/// A job of the journal, as its list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    /// The job.
    pub job: PastJob,
    /// When it began, for people.
    pub began: String,
    /// Folders in its plan.
    pub folders: u64,
    /// Messages in its plan.
    pub messages: u64,
    /// What it did.
    pub tally: Tally,
}

impl Past {
    /// How many of its messages are on the server. What its last run found there may be of the job's own runs before it,
    /// so that the sum may say too much.
    pub(crate) fn done(&self) -> u64 {
        // What a job that was taken back found there is not its own.
        let found = if self.job.outcome == Some(Outcome::Undone) { 0 } else { self.job.already };
        (self.tally.stored + found).min(self.messages)
    }

    /// How a job ended, in words.
    pub(crate) fn end_of(job: &PastJob) -> &'static str {
        match job.outcome {
            None => "running or broken off",
            Some(Outcome::Complete) => "all carried",
            Some(Outcome::Partial) => "some not carried",
            Some(Outcome::NotKept) => "not kept by the server",
            Some(Outcome::Stopped) => "stopped",
            Some(Outcome::Undone) => "taken back",
            Some(_) => "ended early",
        }
    }
}

/// An error as people need it: what, why, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What failed and why.
    pub text: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl From<&ImapError> for Trouble {
    fn from(error: &ImapError) -> Self {
        Self { text: error.to_string(), hint: error.hint().to_owned() }
    }
}

/// One side of what a preview shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Its name; the first letter is its key.
    pub name: &'static str,
    /// What it holds.
    pub lines: Vec<PreviewLine>,
}

/// A line of a preview, ready to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PreviewLine {
    /// What it is, which decides how it looks.
    pub kind: PreviewKind,
    /// The text, sanitised and wrapped.
    pub text: String,
}

/// The kinds of lines in a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PreviewKind {
    /// A header field.
    Header,
    /// The message's text.
    Text,
    /// A quoted line of it.
    Quote,
    /// An attachment, or a remark of this program.
    Note,
}
