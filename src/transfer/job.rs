//! What engine, workers and their connections share: the job, the brake, and what ends a worker.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;

use serde::{Deserialize, Serialize};

use crate::imap::{Account, Canceller, ImapError, Trace};
use crate::mail::Repair;

use super::journal::{JobId, JournalError};
use super::{Event, FolderPlan, Mode, Outcome, Place, Plan, Verify};

/// A plan to be carried out.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where it goes.
    pub target: Place,
    /// The accounts that sources are in.
    pub accounts: Vec<Account>,
    /// What goes where.
    pub plan: Plan,
    /// Copy or move.
    pub mode: Mode,
    /// How surely a copy is proven.
    pub verify: Verify,
    /// The most connections used, never two on one folder; `None` is as many as the server gets more out of.
    pub connections: Option<usize>,
    /// Whether a move may remove what the server wrote anew, so that only its meaning is proven.
    pub accept_rewriting: bool,
    /// The repairs that are made where a message needs them.
    pub repairs: Vec<Repair>,
    /// The repairs that are to be asked for: a message that needs one is not sent.
    pub asks: Vec<Repair>,
    /// Whether each message's SHA-256 is worked out, to be told.
    pub sums: bool,
    /// Where messages that were not carried are saved, as .eml files.
    pub failed_dir: Option<PathBuf>,
    /// How much may go in a while.
    pub limits: Limits,
    /// The directory of the journal.
    pub state: PathBuf,
    /// The job in the journal that this goes on with; else that is found out.
    pub resumes: Option<JobId>,
}

impl Job {
    /// Where what is said with its servers is written, if it is.
    pub fn trace(&self) -> Option<&Trace> {
        self.target.account().into_iter().chain(&self.accounts).find_map(|account| account.options.trace.as_ref())
    }
}

#[cfg(test)]
impl Job {
    /// A copy of nothing to a mailbox.
    pub(super) fn for_mailbox_of(user: &str) -> Self {
        Self {
            target: super::Place::Server(Account {
                host: "host".into(),
                port: 993,
                security: crate::imap::Security::Tls,
                user: user.into(),
                password: "secret".into(),
                options: crate::imap::ConnectOptions::default(),
            }),
            accounts: Vec::new(),
            plan: Plan::default(),
            mode: super::Mode::Copy,
            verify: super::Verify::Size,
            connections: Some(1),
            accept_rewriting: false,
            repairs: Vec::new(),
            asks: Vec::new(),
            sums: false,
            failed_dir: None,
            limits: Limits::default(),
            state: "/state".into(),
            resumes: None,
        }
    }
}

/// How much of a line and of a server's patience a job may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes a second, over all connections.
    pub rate: Option<u64>,
    /// Bytes in any 24 hours, over all jobs of the account.
    pub bytes_per_day: Option<u64>,
}

/// How to stop a running job, shared with its workers.
#[derive(Clone, Debug, Default)]
pub(super) struct Brake {
    is_pulled: Arc<AtomicBool>,
    cancellers: Arc<Mutex<Vec<Canceller>>>,
}

impl Brake {
    pub(super) fn is_pulled(&self) -> bool {
        self.is_pulled.load(Ordering::SeqCst)
    }

    /// Asks everyone to stop after the running message.
    pub(super) fn pull(&self) {
        self.is_pulled.store(true, Ordering::SeqCst);
    }

    /// Cuts every connection.
    pub(super) fn cut(&self) {
        self.pull();
        for canceller in &*self.cancellers.lock().unwrap_or_else(PoisonError::into_inner) {
            canceller.cancel();
        }
    }

    /// Makes `canceller` part of what [`Brake::cut`] cuts.
    pub(super) fn add(&self, canceller: Canceller) {
        self.cancellers.lock().unwrap_or_else(PoisonError::into_inner).push(canceller);
    }
}

/// Folders of a plan that share a target, with their places in the plan: one worker's work.
pub(super) type Group<'a> = Vec<(usize, &'a FolderPlan)>;

/// What ends a worker before its work is done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Halt {
    /// It was told to stop.
    #[error("stopped on request")]
    Stopped,
    /// The server will not go on.
    #[error("{0}")]
    Server(ImapError),
    /// The server that the mail comes from is lost.
    #[error("the mailbox that the mail comes from can not be read any more: {0}")]
    Source(String),
    /// The server writes mail anew, and nobody said that it may be moved all the same.
    #[error(
        "the server writes mail anew, so that no copy can be proven byte for byte; nothing more is moved. To move all the \
         same, say --accept-rewriting"
    )]
    Rewriting,
    /// The server gave the messages of the folder other UIDs meanwhile: what is there is to be learnt anew.
    #[error("the server gave the folder's messages other numbers meanwhile (UIDVALIDITY); run the same command again")]
    Renumbered,
    /// The server keeps nothing of what it says it took.
    #[error(
        "the server says that it took messages and does not keep them: of the last ones it has none as it was sent. Nothing \
         more is sent, and nothing more is removed here"
    )]
    NotKept,
    /// No more may be sent today.
    #[error("{sent} bytes were sent in the last 24 hours, and {most} are allowed: go on later")]
    DayIsFull {
        /// Bytes sent.
        sent: u64,
        /// Bytes allowed.
        most: u64,
    },
    /// It panicked.
    #[error(
        "mailferry itself broke off in a folder, which is a fault in it: run the same command again, and report it"
    )]
    BrokenOff,
    /// What happens can not be noted any more.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Halt {
    /// How a job ends that ends so.
    pub(super) fn outcome(&self) -> Outcome {
        let error = match self {
            Self::Server(error) => error,
            Self::Journal(JournalError::Busy { .. } | JournalError::SourceBusy { .. })
            | Self::DayIsFull { .. }
            | Self::Renumbered => return Outcome::TryLater,
            Self::Journal(_) => return Outcome::LocalFailure,
            Self::Stopped => return Outcome::Stopped,
            Self::Rewriting | Self::BrokenOff => return Outcome::Partial,
            Self::NotKept => return Outcome::NotKept,
            Self::Source(_) => return Outcome::ServerLost,
        };
        match error {
            error if error.is_of_trust() => Outcome::TlsRefused,
            ImapError::Login { .. } | ImapError::NoLogin { .. } => Outcome::LoginRefused,
            error if error.is_busy() => Outcome::TryLater,
            ImapError::Refused { .. } => Outcome::Partial,
            ImapError::Cancelled => Outcome::Stopped,
            ImapError::Disk { .. } => Outcome::LocalFailure,
            _ => Outcome::ServerLost,
        }
    }
}

/// Nobody listening any more is no reason to stop: the mail matters more than the screen.
pub(super) fn tell(events: &Sender<Event>, event: Event) {
    let _ = events.send(event);
}
