//! The first connection of a command: a server that asks for time, or has enough connections, gets as many tries as in a job.

use std::io::{self, Write as _};
use std::time::Duration;

use crate::imap::ImapError;
use crate::mail::display::clean;
use crate::transfer;

/// Tries until the server answers otherwise, at most half a minute or as long as it asks for; each pause is told.
pub fn patiently<T>(attempt: impl FnMut() -> Result<T, ImapError>) -> Result<T, ImapError> {
    let tell = |error: &ImapError, pause: Duration| {
        let (reason, seconds) = (clean(&error.to_string()), pause.as_secs_f64().ceil());
        let _ = writeln!(io::stderr(), "{reason}; trying again in {seconds} s"); // stderr closed: nobody listens
    };
    transfer::patiently(tell, attempt)
}
