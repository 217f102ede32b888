//! What the state wants done outside: values, carried out by the run loop, answered by events.

use std::path::PathBuf;

use crate::imap::Account;
use crate::mail::{Flags, FolderPath, Locator};
use crate::transfer::{Failed, FolderPlan, Job, JobId, Mapping, Order, Place, Plan, Scale, Source};

use super::pane::Side;
use super::{KnownAccount, Quit};

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Ask the local side.
    Store(StoreRequest),
    /// Make a new connection; the number names it in its events.
    Connect(u64, Box<Place>),
    /// Let go of the connection.
    Disconnect,
    /// Ask the server.
    Server(ServerRequest),
    /// Ask the journal, or take a job back.
    Journal(JournalRequest),
    /// Start a job.
    StartJob(Box<Job>),
    /// Stop the job after the running message.
    StopJob,
    /// Stop the job at once.
    AbortJob,
    /// Ask the process that carries the jobs out.
    Far(Order),
    /// Hand a job over to the process that carries the jobs out.
    HandOver(Box<Job>),
    /// Save messages that were not carried as .eml files.
    Save {
        /// Where they are.
        plan: Box<Plan>,
        /// Which ones.
        failures: Vec<Failed>,
        /// Where to.
        directory: PathBuf,
    },
    /// Read rules for folders from a file.
    LoadMapping(PathBuf),
    /// Write rules for folders to a file.
    SaveMapping(Mapping, PathBuf),
    /// Get the password of an account, to open it on that side.
    Unlock(Box<KnownAccount>, Side),
    /// Clear the screen and draw it all.
    Redraw,
    /// Make the terminal ours again and draw it all.
    Retake,
    /// Give the terminal back to the shell until the program is continued.
    Suspend,
    /// End the program.
    Quit(Quit),
}

/// An account with its password, for those that open mailboxes on the left.
#[derive(Clone, Debug)]
pub(crate) struct Login(pub Account);

impl PartialEq for Login {
    fn eq(&self, other: &Self) -> bool {
        Source::of_account(&self.0) == Source::of_account(&other.0)
    }
}

impl Eq for Login {}

/// What is asked of local stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreRequest {
    /// Take an account for stores that are mailboxes on a server.
    Login(Login),
    /// Open a store and read its folders.
    Folders {
        /// Names the store in the answer.
        source: usize,
        /// The store.
        store: Source,
    },
    /// Count a folder.
    Count {
        /// Names the store in the answer.
        source: usize,
        /// The store.
        store: Source,
        /// The folder.
        folder: FolderPath,
    },
    /// List a folder; replaces a list under way.
    List {
        /// Names the list in the answers.
        generation: u64,
        /// The store.
        store: Source,
        /// The folder.
        folder: FolderPath,
    },
    /// Stop the list under way.
    StopList,
    /// Read a message for display; replaces an older request.
    Preview {
        /// Names the request in the answer.
        generation: u64,
        /// The store.
        store: Source,
        /// The folder.
        folder: FolderPath,
        /// The message.
        locator: Locator,
        /// Columns to wrap to.
        columns: usize,
    },
    /// Read all messages of a folder and of those below it, and tell what is doubtful; replaces an older request.
    Examine {
        /// Names the request in the answers.
        generation: u64,
        /// The store.
        store: Source,
        /// The folder.
        folder: FolderPath,
        /// Columns to wrap to.
        columns: usize,
    },
    /// Stop examining.
    StopExamining,
    /// Weigh a folder of a plan; replaces what was asked for plans before.
    Weigh {
        /// Names the plan in the answer.
        generation: u64,
        /// The folder.
        folder: Box<FolderPlan>,
        /// By what.
        scale: Scale,
        /// The folder on this machine that it goes to, to tell what is there already.
        target: Option<Box<(Source, FolderPath)>>,
    },
    /// Stop weighing.
    StopWeighing,
    /// Open stores afresh the next time: something changed on disk.
    Forget,
}

/// What is asked of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServerRequest {
    /// Read the folders.
    Folders,
    /// Read what a folder holds, by Message-ID.
    Ids {
        /// Names the plan in the answer.
        generation: u64,
        /// The folder.
        folder: FolderPath,
    },
    /// Ask what the mailbox takes of what would go into these folders.
    Room {
        /// Names the request in the answer.
        generation: u64,
        /// The folders, some of which may not be there yet.
        folders: Vec<FolderPath>,
    },
    /// Ask what folders hold; answered bit by bit, after everything else.
    Counts(Vec<FolderPath>),
    /// Open a folder for a list; replaces the list before.
    Open {
        /// Names the list in the answers.
        generation: u64,
        /// The folder.
        folder: FolderPath,
    },
    /// Fetch rows of the list with that generation.
    Window {
        /// Names the list.
        generation: u64,
        /// Names the rows in the answer.
        chunk: usize,
        /// First sequence number.
        first: u32,
        /// Last sequence number.
        last: u32,
    },
    /// Read a message for display; replaces an older request.
    Preview {
        /// Names the request in the answer.
        generation: u64,
        /// The folder.
        folder: FolderPath,
        /// The message.
        uid: u32,
        /// Columns to wrap to.
        columns: usize,
    },
    /// Make a folder.
    Create(FolderPath),
    /// Rename a folder.
    Rename(FolderPath, FolderPath),
    /// Delete folders with what is in them, deepest first.
    Delete(Vec<FolderPath>),
    /// Remove messages.
    Remove(FolderPath, Vec<u32>),
    /// Set flags of messages, or take them away.
    Flag {
        /// The folder.
        folder: FolderPath,
        /// The messages.
        uids: Vec<u32>,
        /// The flags.
        flags: Flags,
        /// Whether they are set.
        is_set: bool,
    },
    /// Remove what is marked as deleted in a folder.
    Expunge(FolderPath),
    /// Subscribe to a folder, or end that.
    Subscribe(FolderPath, bool),
}

/// What is asked of the journal in a state directory. The generation names the request in the answer.
#[derive(Clone, Debug)]
pub(crate) enum JournalRequest {
    /// All jobs.
    List {
        /// Names the request.
        generation: u64,
        /// The state directory.
        state: PathBuf,
    },
    /// What a job did, for reading.
    Report {
        /// Names the request.
        generation: u64,
        /// The state directory.
        state: PathBuf,
        /// The job.
        job: JobId,
        /// Columns to wrap to.
        columns: usize,
    },
    /// How fast mail went to a place before.
    Speed {
        /// Names the request.
        generation: u64,
        /// The state directory.
        state: PathBuf,
        /// The place.
        place: Box<Place>,
    },
    /// A job and its plan, to go on with it.
    Load {
        /// Names the request.
        generation: u64,
        /// The state directory.
        state: PathBuf,
        /// The job.
        job: JobId,
    },
    /// Take a job back from the server.
    Undo {
        /// Names the request.
        generation: u64,
        /// The state directory.
        state: PathBuf,
        /// The job.
        job: JobId,
        /// Where it went.
        place: Box<Place>,
        /// Columns to wrap to.
        columns: usize,
    },
}
