//! mailferry carries local mail into an IMAP mailbox, whole and provably.
//!
//! The library is the whole program but for `main`; each module may use only those to its right and below it:
//!
//! ```text
//! main → cli → ui ──┬→ detached ─┐
//!         └─────────┴────────────┴→ transfer → store → mail
//!                                      └────→ imap  → mail          config: serde only
//! ```
//!
//! - [`mail`]: what mail is, without I/O: folder paths, flags, internal dates, headers, canonical bytes, fingerprints,
//!   and the sanitiser for foreign text.
//! - [`store`]: places on disk that hold mail. One trait, one table of formats, one file per format.
//! - [`imap`]: the server. The only module that names the `imap` and `native_tls` crates.
//! - [`transfer`]: plan, engine, workers, proof and progress. Knows neither terminal nor command line.
//! - [`detached`]: a process that goes on with jobs when the terminal is gone, and the way to it.
//! - [`config`]: settings that outlive a run.
//! - [`ui`]: the two panes. The only module that names `ratatui` and `crossterm`.
//! - [`cli`]: the command line; one command, one file.

pub mod cli;
pub mod config;
pub mod detached;
pub mod imap;
pub mod mail;
pub mod store;
pub mod transfer;
pub mod ui;
