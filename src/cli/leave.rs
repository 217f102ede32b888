//! What becomes of jobs that are not done when the program ends: another process goes on with them, or the journal keeps
//! them. Also that process's own command.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::detached::{self, Handed, Handover, LeaveError};
use crate::imap::Trace;
use crate::transfer::{JobId, Journal};
use crate::ui::Rest;

use super::exit::{Failure, code};

impl From<LeaveError> for Failure {
    fn from(error: LeaveError) -> Self {
        match error {
            LeaveError::Journal(error) => error.into(),
            LeaveError::Process(_) => Self::local(error.to_string()),
        }
    }
}

/// Starts a process that goes on with the jobs, and says so.
pub fn leave(rest: &[Rest]) -> Result<(), Failure> {
    let Some(state) = rest.first().map(|rest| rest.job.state.clone()) else { return Ok(()) };
    let state = std::path::absolute(&state).unwrap_or(state);
    let mut journal = Journal::open(&state)?;
    let mut jobs = Vec::with_capacity(rest.len());
    for Rest { job, carried, is_paused } in rest {
        jobs.push(Handed::note(&mut journal, job, *carried, *is_paused)?);
    }
    drop(journal);
    let first = jobs.first().map(|handed| handed.job.to_string()).unwrap_or_default();
    let others = match jobs.len() {
        0 | 1 => String::new(),
        many => format!(", and {} more behind it", many - 1),
    };
    let trace = rest.iter().find_map(|rest| rest.job.trace()).map(Trace::path);
    let trace = trace.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    detached::leave(&Handover { state, jobs, trace })?;
    tell(&format!("job {first} goes on without a terminal{others}; `mailferry attach` shows it"));
    Ok(())
}

/// Writes jobs that wait into the journal, and says how to go on with them.
pub fn note(rest: Vec<Rest>) -> Result<(), Failure> {
    for Rest { job, .. } in rest {
        let id: JobId = Journal::open(&job.state)?.note(&job)?;
        tell(&format!("job {id} waits in the journal; `mailferry resume {id}` goes on with it"));
    }
    Ok(())
}

fn tell(text: &str) {
    // The terminal may be gone.
    let _ = writeln!(io::stderr(), "{text}");
}

/// The process that goes on.
pub fn carry_on() -> Result<ExitCode, Failure> {
    detached::host().map_err(|error| Failure::local(error.to_string()))?;
    Ok(ExitCode::from(code::OK))
}
