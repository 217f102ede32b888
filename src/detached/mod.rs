//! Jobs that outlive the terminal: a process of their own that goes on with the journal's jobs, without a screen.
//!
//! [`leave`] starts it and hands the jobs over ([`handover`]); [`host`] is what it does; a screen or a command reaches it
//! through a socket in a private directory ([`place`]) as a [`Guest`], in lines of JSON ([`wire`]). Whoever is at the other
//! end of the socket must be the same user. The process lives as long as something runs or a screen looks on, and keeps
//! nothing but the journal.

mod guest;
mod handover;
mod host;
mod place;
mod wire;

pub use guest::{Guest, Teller, find};
pub use handover::{COMMAND, Handed, Handover, LeaveError, leave};
pub use host::{HostError, host};
pub use wire::{Asked, Hello, Said};
