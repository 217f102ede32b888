//! `--trace`: the file that what is said with servers is written to, for every command that connects.

use std::cell::OnceCell;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::imap::Trace;
use crate::mail::display::clean;

use super::exit::Failure;

/// Where to write what is said. Tells at its end that the file did not take all of it, unless that was told.
#[derive(Args, Debug)]
pub struct TraceOptions {
    /// Write what is said with the server to FILE as it goes, without passwords and what messages say, to be sent to
    /// somebody who can help; a FILE that is there is added to
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    #[arg(skip)]
    opened: OnceCell<Trace>,
}

impl TraceOptions {
    /// The one trace of this process, if it is asked for.
    pub fn open(&self) -> Result<Option<Trace>, Failure> {
        if let (Some(file), None) = (&self.trace, self.opened.get()) {
            // It is not set: that was just seen.
            let _ = self.opened.set(Trace::open(file)?);
        }
        Ok(self.opened.get().cloned())
    }
}

impl Drop for TraceOptions {
    fn drop(&mut self) {
        if let Some(end) = self.opened.get().and_then(Trace::take_end) {
            let _ = writeln!(std::io::stderr(), "{}", clean(&end)); // stderr closed: nobody listens
        }
    }
}
