//! What a running job tells: plain values through one channel, folded by [`super::Progress`].

use serde::{Deserialize, Serialize};

use crate::mail::{FolderPath, Repair, Sha256Sum};

use super::Mode;
use super::journal::JobId;

/// How it is known that a message is on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// This job sent it.
    Now,
    /// It was there before.
    Already,
    /// The answer to its APPEND was lost, and it was found by looking.
    Found,
}

impl How {
    /// The word in JSON.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Already => "already",
            Self::Found => "found",
        }
    }
}

/// How surely the server has a message (facts/servers.md section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Proof {
    /// Size and header fields agree.
    Size,
    /// Sender, recipients, subject, date, id and all parts agree; the server wrote the message anew.
    Semantic,
    /// Equal but for line ends and trailing blank lines.
    Canonical,
    /// Every byte was read back and agrees.
    Exact,
}

impl Proof {
    /// The word in JSON.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Semantic => "semantic",
            Self::Canonical => "canonical",
            Self::Exact => "exact",
        }
    }
}

/// A message that is on the server, proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The folder it came from.
    pub folder: FolderPath,
    /// Its id in the store.
    pub id: String,
    /// The sum of the bytes that were sent, or would have been, where it is asked for.
    pub sha256: Option<Sha256Sum>,
    /// The folder it is in.
    pub target: FolderPath,
    /// UIDVALIDITY of that folder.
    pub uid_validity: u32,
    /// Its UID.
    pub uid: u32,
    /// Bytes sent, or that would have been.
    pub bytes: u64,
    /// How it is known to be there.
    pub how: How,
    /// How surely.
    pub proof: Proof,
    /// What was changed in the message so that the server takes it.
    pub repairs: Vec<Repair>,
    /// Flags and keywords that the server does not take or keep.
    pub dropped_flags: Vec<String>,
}

/// A message, or a whole folder, that was not carried. It is still in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The folder it is in.
    pub folder: FolderPath,
    /// Its id in the store; empty when the folder as a whole failed.
    pub id: String,
    /// Its subject. Foreign text.
    pub subject: String,
    /// What failed and why, for people.
    pub reason: String,
    /// The server's own words, if it said any. Foreign text.
    pub server_text: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// How many messages this stands for: 1, or the rest of a folder.
    pub messages: u64,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// All carried, or already there.
    Complete,
    /// Finished; some messages were not carried, each told as [`Event::Failed`].
    Partial,
    /// Stopped on request.
    Stopped,
    /// The server could not be reached or broke off, and would not come back.
    ServerLost,
    /// The server said that it took messages and did not keep them as they were sent, each told as [`Event::Failed`].
    NotKept,
    /// The server asks to try again later.
    TryLater,
    /// TLS was refused.
    TlsRefused,
    /// The login was refused.
    LoginRefused,
    /// The store could not be read.
    SourceUnreadable,
    /// This machine failed: the journal can not be written.
    LocalFailure,
    /// It was taken back afterwards.
    Undone,
}

/// What a connection of a job is at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    /// It is being made.
    Connecting,
    /// It is made, and is at what it was at before.
    Connected,
    /// It carries the folder with this place in the plan.
    Carries(usize),
    /// It was lost or refused, and is made again after a pause; or something is in its way.
    Waits {
        /// Seconds until then, or for so long at most; 0 where nobody knows.
        seconds: u64,
        /// What sort of pause it is.
        pause: Pause,
        /// Why. Foreign text.
        reason: String,
    },
    /// It is not needed any more.
    Closed,
}

/// What a job waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pause {
    /// The connection was lost, and is tried again afterwards.
    Lost,
    /// The server asked for it.
    Asked,
    /// What is in the way is looked at again and again, for so long at most.
    AtMost,
    /// The server takes no more connections: another one of the job is gone on with, once its folder is done.
    Turn,
}

/// One thing that happened in a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The job begins.
    JobStart {
        /// Its number in the journal.
        job: JobId,
        /// Copy or move.
        mode: Mode,
        /// Folders in the plan.
        folders: usize,
        /// Messages in the plan.
        messages: u64,
        /// Bytes in the plan, as far as known.
        bytes: u64,
    },
    /// A message was not sent, since it needs these repairs and they are to be asked for. Comes before [`Event::Failed`].
    NeedsRepair {
        /// The repairs.
        repairs: Vec<Repair>,
    },
    /// A folder begins; `index` is its place in the plan and names it in later events.
    FolderStart {
        /// Its place in the plan.
        index: usize,
        /// Where from.
        source: FolderPath,
        /// Where to, as the server has it.
        target: FolderPath,
        /// Messages in it.
        messages: u64,
        /// Bytes in it, as far as known.
        bytes: u64,
    },
    /// A folder was listed: how many messages it really has.
    FolderListed {
        /// Its place in the plan.
        index: usize,
        /// How many the plan said.
        planned: u64,
        /// How many there are.
        messages: u64,
    },
    /// A message is being sent.
    MessageStart {
        /// The folder's place in the plan.
        index: usize,
        /// Its subject. Foreign text.
        subject: String,
        /// Bytes to send.
        bytes: u64,
    },
    /// More of the running message has gone out.
    MessageSent {
        /// The folder's place in the plan.
        index: usize,
        /// Bytes sent so far.
        sent: u64,
    },
    /// A message is on the server, proven.
    Done {
        /// The folder's place in the plan.
        index: usize,
        /// The message.
        done: Done,
    },
    /// A message or folder was not carried.
    Failed {
        /// The folder's place in the plan.
        index: usize,
        /// What and why.
        failed: Failed,
    },
    /// A message was removed from the store after its proof.
    Removed {
        /// The folder's place in the plan.
        index: usize,
    },
    /// Something in the store could not be read; the rest goes on.
    Damage {
        /// The folder's place in the plan.
        index: usize,
        /// What, where and why. Foreign text.
        text: String,
    },
    /// Something worth knowing of the server.
    Remark {
        /// In words.
        text: String,
    },
    /// The connection was lost or refused and is tried again after a pause; or something is in the way.
    Waiting {
        /// Seconds until the next try, or for so long at most.
        seconds: u64,
        /// What sort of pause it is.
        pause: Pause,
        /// Why. Foreign text.
        reason: String,
    },
    /// The connection is back, or what was in the way is gone.
    Connected,
    /// A connection is at something else now.
    Connection {
        /// Which one; they are counted from 1.
        number: usize,
        /// What it is at.
        line: Line,
    },
    /// A folder is finished.
    FolderEnd {
        /// Its place in the plan.
        index: usize,
    },
    /// The job is finished; nothing follows.
    JobEnd {
        /// How.
        outcome: Outcome,
        /// Why, when it did not finish; for people.
        reason: String,
    },
}
