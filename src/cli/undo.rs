//! `undo`: takes a job back from the server.

use std::io;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::mail::display::clean;
use crate::mail::units::thousands;
use crate::transfer::{JobId, Journal, Kept, Login, UndoError, Undone, undo};

use super::exit::{Failure, code};
use super::options::StateOptions;
use super::output::{ask, json_line, line};
use super::password::PasswordOptions;
use super::patience::patiently;
use super::trace::TraceOptions;

#[derive(Args)]
pub struct Arguments {
    /// The job's number, as `mailferry jobs` shows it
    job: JobId,
    #[command(flatten)]
    password: PasswordOptions,
    #[command(flatten)]
    trace: TraceOptions,
    #[command(flatten)]
    state: StateOptions,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

impl From<UndoError> for Failure {
    fn from(error: UndoError) -> Self {
        match error {
            UndoError::Journal(error) => error.into(),
            UndoError::Imap(error) => error.into(),
            UndoError::NoUidPlus => Self::server(error.to_string(), "remove the messages with a mail program"),
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let state = arguments.state.directory()?;
    let journal = Journal::open(&state)?;
    let (job, tally) = (journal.job(arguments.job)?, journal.tally(arguments.job)?);
    drop(journal);
    let label = job.settings.label();
    if !arguments.yes && !confirmed(job.id, tally.removable + tally.unknown, &label)? {
        return Ok(ExitCode::from(code::PARTIAL));
    }
    let trace = arguments.trace.open()?;
    let account = |login: Login| Ok::<_, Failure>(login.account(arguments.password.get(&label)?).traced(trace));
    let place = job.settings.place(account)?;
    let undone = undo(&state, job.id, &place, || patiently(|| place.open()))?;
    // A closed pipe wants no more.
    let _ = if arguments.json { print_json(job.id, &undone) } else { print_text(&undone) };
    Ok(ExitCode::from(if undone.kept.is_empty() { code::OK } else { code::PARTIAL }))
}

/// Asks on the terminal; without one, nothing is removed.
fn confirmed(job: JobId, messages: u64, label: &str) -> Result<bool, Failure> {
    let (messages, label) = (thousands(messages), clean(label));
    let answer = ask(&format!("Remove the {messages} messages that job {job} appended from {label}?"))?;
    answer.ok_or_else(|| Failure::usage("nobody can be asked here: say --yes to remove what the job appended"))
}

fn print_text(undone: &Undone) -> io::Result<()> {
    line(&undone.in_words())?;
    if undone.gone > 0 {
        line(&format!("{} messages had been removed before", thousands(undone.gone)))?;
    }
    undone.kept.iter().try_for_each(|kept| line(&format!("kept: {}", text_of(kept))))
}

/// `Inbox 1078.M2 (UID 7): it was changed since`
fn text_of(kept: &Kept) -> String {
    let folder = clean(&kept.folder.to_string());
    let message = if kept.id.is_empty() { String::new() } else { format!(" {} (UID {})", clean(&kept.id), kept.uid) };
    format!("{folder}{message}: {}", clean(&kept.reason))
}

fn print_json(job: JobId, undone: &Undone) -> io::Result<()> {
    for kept in &undone.kept {
        json_line(
            json!({"event": "kept", "folder": clean(&kept.folder.to_string()), "id": clean(&kept.id), "uid": kept.uid,
            "reason": clean(&kept.reason)}),
        )?;
    }
    let folders: Vec<String> = undone.folders.iter().map(|folder| clean(&folder.to_string())).collect();
    json_line(json!({"event": "undo.end", "job": job.number(), "removed": undone.removed, "gone": undone.gone,
        "folders": folders, "kept": undone.kept.len()}))
}
