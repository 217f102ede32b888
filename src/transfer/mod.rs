//! Carries messages across: plan, engine, workers, proof, progress. Knows neither terminal nor command line.
//!
//! [`plan::draft`] turns what the user chose into a [`Draft`], and that becomes a [`Plan`]; [`start`] carries it out in
//! threads of its own and tells what happens by [`Event`]s; [`Progress`] folds those into what screens and reports show.

mod air;
mod carry;
mod claims;
mod drawer;
mod engine;
mod event;
mod flight;
mod held;
mod intake;
mod job;
mod journal;
mod kept;
mod late;
mod ledger;
mod link;
mod listing;
mod locked;
mod mailbox;
mod mailbox_source;
mod mapping;
mod moment;
mod pace;
mod pending;
mod place;
mod plan;
mod progress;
mod prove;
mod put_away;
mod queue;
mod reading;
mod reason;
mod rescue;
mod room;
mod save;
mod send;
mod tell;
mod there;
mod undo;
mod upcoming;
mod verify;
mod weight;
mod width;
mod worker;

use serde::{Deserialize, Serialize};

pub use drawer::Drawer;
pub use engine::{Begun, JobHandle, start};
pub use event::{Done, Event, Failed, How, Line, Outcome, Pause, Proof};
pub use job::{Job, Limits};
pub use journal::{JobId, Journal, JournalError, Login, PastJob, Repaired, Settings, Speed, Tally};
pub use link::patiently;
pub use listing::Listing;
pub use mailbox::Mailbox;
pub use mailbox_source::uid_locator;
pub use mapping::{Mapping, MappingError, Rule, store_name};
pub use place::{Place, TooManyFolders};
pub use plan::{Chosen, Conflict, Draft, DraftFolder, FolderPlan, Plan, Selection, Source, Terms, draft};
pub use progress::{Connection, FolderProgress, Progress};
pub use queue::{Deed, Entry, Order, Queue, Stage, Ticket, Why};
pub use reading::HeadStart;
pub use reason::{Reason, Reasons};
pub use room::{Need, Notice, Room, TooBig, left};
pub use save::{Saved, save};
pub use undo::{Kept, UndoError, Undone, undo};
pub use verify::{Compared, Difference, Finding, VerifyError, verify};
pub use weight::{Ids, Scale, Weight, ids, weigh};

/// Whether the messages stay where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// They stay.
    Copy,
    /// Each is removed from the store after it was read back from the server and found equal.
    Move,
}

impl Mode {
    /// The word in commands and JSON.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Move => "move",
        }
    }
}

/// How surely a copy is proven; a move is always proven in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verify {
    /// Size, internal date and flags are read back.
    Size,
    /// The whole content too.
    Full,
}
