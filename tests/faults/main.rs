//! The fault matrix of facts/reliability.md section 5: whatever breaks, each message is there exactly once, nothing is removed
//! without proof, and a second run sends nothing. [`matrix`] says which test shows which row; what must hold after each case
//! is in [`common::invariants`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod answers;
mod clock;
#[path = "../common/mod.rs"]
mod common;
mod connections;
mod crash;
mod cuts;
mod disk;
mod flights;
mod folders;
mod liars;
mod lines;
mod locks;
mod matrix;
mod process;
mod random;
mod reruns;
mod sources;
mod undone;
