//! `report`: what a job did, and every message that it did not carry, with the server's words.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::mail::display::clean;
use crate::mail::units::thousands;
use crate::transfer::{Failed, JobId, Journal, Outcome, PastJob, Plan, Repaired, Tally};

use super::exit::{Failure, code};
use super::jobs::{date, end, json_of};
use super::options::StateOptions;
use super::output::{json_line, line, message_failed};

#[derive(Args)]
pub struct Arguments {
    /// The job's number, as `mailferry jobs` shows it
    job: JobId,
    #[command(flatten)]
    state: StateOptions,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    tell(&arguments.state.directory()?, arguments.job, arguments.json)
}

/// Tells what a job of that journal did.
pub(super) fn tell(state: &Path, id: JobId, is_json: bool) -> Result<ExitCode, Failure> {
    let journal = Journal::open(state)?;
    let (job, plan, tally) = (journal.job(id)?, journal.plan(id)?, journal.tally(id)?);
    let (repaired, troubles) = (journal.repaired(id)?, journal.troubles(id)?);
    // A closed pipe wants no more.
    let _ = if is_json {
        print_json(&job, &plan, tally, &repaired, &troubles)
    } else {
        print_text(&job, &plan, tally).and_then(|()| print_messages(&job, &repaired, &troubles))
    };
    Ok(ExitCode::from(code::OK))
}

fn print_json(job: &PastJob, plan: &Plan, tally: Tally, repaired: &[Repaired], troubles: &[Failed]) -> io::Result<()> {
    json_line(json_of(job, plan, tally))?;
    for Repaired { folder, id, repairs } in repaired {
        let repairs: Vec<&str> = repairs.iter().map(|repair| repair.label()).collect();
        let folder = clean(&folder.to_string());
        json_line(json!({"event": "message.repaired", "folder": folder, "id": clean(id), "repairs": repairs}))?;
    }
    troubles.iter().try_for_each(|failed| json_line(message_failed(failed)))
}

fn print_text(job: &PastJob, plan: &Plan, tally: Tally) -> io::Result<()> {
    let settings = &job.settings;
    let target = clean(&settings.label());
    let ended = job.ended.map(|ended| format!(" to {}", date(ended))).unwrap_or_default();
    line(&format!(
        "job {}: {} to {target}, {}{ended}, {}",
        job.id,
        settings.mode.label(),
        date(job.started),
        end(job)
    ))?;
    if !job.reason.is_empty() {
        line(&format!("  {}", clean(&job.reason)))?;
    }
    for folder in &plan.folders {
        let source = clean(&folder.folder.to_string());
        let source = if source.is_empty() { clean(&folder.source.path.to_string_lossy()) } else { source };
        line(&format!("  {source} > {}", clean(&folder.target.to_string())))?;
    }
    line(&format!(
        "  {} messages appended, {} of them moved; {} were there before",
        thousands(tally.stored),
        thousands(tally.moved),
        thousands(job.already)
    ))?;
    if tally.unknown > 0 {
        let unknown = thousands(tally.unknown);
        line(&format!(
            "  {unknown} were on their way when it broke off: `mailferry resume {}` looks for them",
            job.id
        ))?;
    }
    Ok(())
}

/// The messages that were changed, and those that were not carried.
fn print_messages(job: &PastJob, repaired: &[Repaired], troubles: &[Failed]) -> io::Result<()> {
    if !repaired.is_empty() {
        line("  changed before they were sent:")?;
    }
    for Repaired { folder, id, repairs } in repaired {
        let repairs = repairs.iter().map(|repair| repair.label()).collect::<Vec<_>>().join(", ");
        let message = format!("{} {}", clean(&folder.to_string()), clean(id));
        line(&format!("    {}: {repairs}", message.trim_start()))?;
    }
    if troubles.is_empty() {
        return line(&match job.outcome {
            Some(Outcome::Complete) => "  nothing was left out".to_owned(),
            Some(Outcome::Undone) => "  no message was refused".to_owned(),
            _ => format!("  no message was refused; `mailferry resume {}` carries what it did not come to", job.id),
        });
    }
    line("  not carried:")?;
    for failed in troubles {
        line(&format!("    {}", trouble(failed)))?;
        if !failed.server_text.is_empty() {
            line(&format!("      the server said: {}", clean(&failed.server_text)))?;
        }
        if !failed.hint.is_empty() {
            line(&format!("      {}", failed.hint))?;
        }
    }
    Ok(())
}

/// `Inbox 1078.M2: the server refused the message`
fn trouble(failed: &Failed) -> String {
    let what = match (failed.id.as_str(), failed.messages) {
        ("", 0) => String::new(),
        ("", messages) => format!(" ({} messages)", thousands(messages)),
        (id, _) => format!(" {}", clean(id)),
    };
    let message = format!("{}{what}", clean(&failed.folder.to_string()));
    format!("{}: {}", message.trim_start(), clean(&failed.reason))
}
