//! Carries messages across: plan, engine, workers, proof, progress. Knows neither terminal nor command line.
//!
//! [`plan::plan`] turns what the user chose into a [`Plan`]; [`start`] carries it out in threads of its own and tells what
//! happens by [`Event`]s; [`Progress`] folds the events into what screens and reports show.

mod carry;
mod engine;
mod event;
mod held;
mod job;
mod link;
mod pending;
mod plan;
mod progress;
mod prove;
mod send;
mod tell;
mod worker;

pub use engine::{JobHandle, start};
pub use event::{Done, Event, Failed, How, Outcome, Proof};
pub use job::Job;
pub use plan::{Chosen, FolderPlan, Plan, Selection, Source, plan};
pub use progress::{FolderProgress, Progress};

/// Whether the messages stay where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They stay.
    Copy,
    /// Each is removed from the store after it was read back from the server and found equal.
    Move,
}

/// How surely a copy is proven; a move is always proven in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Size, internal date and flags are read back.
    Size,
    /// The whole content too.
    Full,
}
