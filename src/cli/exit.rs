//! How the program ends: every error with its exit code, what failed, why, and what to do.

use std::io::Write as _;
use std::process::ExitCode;

use crate::imap::{ImapError, Scope, TargetError, TraceError};
use crate::mail::display::clean;
use crate::store::StoreError;
use crate::transfer::{JournalError, Outcome};

/// Exit codes (design.md section 5, sysexits.h).
pub mod code {
    /// Everything was carried, or was there.
    pub const OK: u8 = 0;
    /// Finished, but some messages were not carried.
    pub const PARTIAL: u8 = 1;
    /// Wrong usage or configuration.
    pub const USAGE: u8 = 2;
    /// The source can not be read.
    pub const SOURCE: u8 = 66;
    /// The server is unreachable, broke off, or did not keep what it said it took.
    pub const SERVER: u8 = 69;
    /// A local read or write failed.
    pub const LOCAL: u8 = 74;
    /// Try again later.
    pub const LATER: u8 = 75;
    /// TLS was refused.
    pub const TLS: u8 = 76;
    /// The login, or the right to do something, was refused.
    pub const LOGIN: u8 = 77;
    /// Ended by a signal: plus its number.
    pub const SIGNAL: u8 = 128;
}

/// An error that ends the program.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
    hint: String,
}

impl Failure {
    /// Wrong usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: code::USAGE, message: message.into(), hint: "see mailferry --help".into() }
    }

    /// Settings that can't be used.
    pub fn settings(message: impl Into<String>) -> Self {
        let hint = "mailferry config check reads the file again; moved away, everything is as it comes".into();
        Self { code: code::USAGE, message: message.into(), hint }
    }

    /// Something on this machine.
    pub fn local(message: impl Into<String>) -> Self {
        Self { code: code::LOCAL, message: message.into(), hint: String::new() }
    }

    /// The server can not do what is asked.
    pub fn server(message: impl Into<String>, hint: &str) -> Self {
        Self { code: code::SERVER, message: message.into(), hint: hint.into() }
    }

    /// What went wrong, in words.
    pub fn words(&self) -> String {
        self.message.clone()
    }

    /// Prints the error and gives its exit code.
    pub fn tell(&self) -> ExitCode {
        let mut text = format!("mailferry: {}\n", clean(&self.message));
        if !self.hint.is_empty() {
            text += &format!("           {}\n", self.hint);
        }
        // Nowhere is left to tell that stderr is closed.
        let _ = std::io::stderr().write_all(text.as_bytes());
        ExitCode::from(self.code)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Write { .. } | StoreError::CopyOnly { .. } => code::LOCAL,
            StoreError::Locked { .. } => code::LATER,
            _ => code::SOURCE,
        };
        Self { code, message: error.to_string(), hint: String::new() }
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<ImapError> for Failure {
    fn from(error: ImapError) -> Self {
        let code = match &error {
            error if error.is_of_trust() => code::TLS,
            ImapError::Login { .. } | ImapError::NoLogin { .. } => code::LOGIN,
            error if error.is_busy() => code::LATER,
            ImapError::Refused { refusal, .. } if refusal.scope() == Scope::Folder => code::LOGIN,
            ImapError::LocalFile { .. } => code::USAGE,
            _ => code::SERVER,
        };
        Self { code, message: error.to_string(), hint: error.hint().into() }
    }
}

impl From<TraceError> for Failure {
    fn from(error: TraceError) -> Self {
        Self { code: code::LOCAL, message: error.to_string(), hint: error.hint().into() }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let code = match &error {
            JournalError::Busy { .. } | JournalError::SourceBusy { .. } => code::LATER,
            JournalError::NoJob(_) => code::USAGE,
            _ => code::LOCAL,
        };
        Self { code, message: error.to_string(), hint: error.hint().into() }
    }
}

/// The exit code for the end of a job.
pub fn outcome_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Complete | Outcome::Undone => code::OK,
        Outcome::Partial => code::PARTIAL,
        Outcome::Stopped | Outcome::TryLater => code::LATER,
        Outcome::ServerLost | Outcome::NotKept => code::SERVER,
        Outcome::TlsRefused => code::TLS,
        Outcome::LoginRefused => code::LOGIN,
        Outcome::SourceUnreadable => code::SOURCE,
        Outcome::LocalFailure => code::LOCAL,
    }
}
