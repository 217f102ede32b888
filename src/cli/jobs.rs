//! `jobs`: the jobs in the journal, a line each.

use std::process::ExitCode;

use chrono::{DateTime, Local};
use clap::Args;
use serde_json::{Value, json};

use crate::mail::display::clean;
use crate::mail::units::thousands;
use crate::transfer::{Journal, Outcome, PastJob, Plan, Tally};

use super::exit::{Failure, code};
use super::options::StateOptions;
use super::output::{json_line, line};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    state: StateOptions,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let journal = Journal::open(&arguments.state.directory()?)?;
    let jobs = journal.jobs()?;
    if jobs.is_empty() && !arguments.json {
        // A closed pipe wants no more.
        let _ = line("no jobs yet");
    }
    for job in jobs {
        let (plan, tally) = (journal.plan(job.id)?, journal.tally(job.id)?);
        let printed =
            if arguments.json { json_line(json_of(&job, &plan, tally)) } else { line(&row(&job, &plan, tally)) };
        if printed.is_err() {
            break; // a closed pipe wants no more
        }
    }
    Ok(ExitCode::from(code::OK))
}

/// `  12  2026-11-24 10:12  copy  3 folders to anna@mail.example.org: 1,200 of 1,210 messages, broke off`
fn row(job: &PastJob, plan: &Plan, tally: Tally) -> String {
    let settings = &job.settings;
    format!(
        "{:>4}  {}  {}  {} folders to {}: {} of {} messages, {}",
        job.id,
        date(job.started),
        settings.mode.label(),
        thousands(plan.folders.len() as u64),
        clean(&settings.label()),
        thousands((tally.stored + job.already).min(plan.messages())),
        thousands(plan.messages()),
        end(job),
    )
}

/// The job as an event.
pub(super) fn json_of(job: &PastJob, plan: &Plan, tally: Tally) -> Value {
    let settings = &job.settings;
    let utc = |seconds| DateTime::from_timestamp(seconds, 0).map(|date| date.to_rfc3339());
    json!({"event": "job", "job": job.id.number(), "mode": settings.mode.label(), "user": clean(&settings.user),
        "host": clean(&settings.host), "port": settings.port, "target": clean(&settings.label()), "started": utc(job.started),
        "ended": job.ended.and_then(utc), "outcome": job.outcome.map(|outcome| format!("{outcome:?}")),
        "reason": clean(&job.reason), "folders": plan.folders.len(), "messages": plan.messages(), "stored": tally.stored,
        "moved": tally.moved, "already": job.already, "unknown": tally.unknown})
}

/// A point in time for people, where they are.
pub(super) fn date(seconds: i64) -> String {
    let date = DateTime::from_timestamp(seconds, 0).map(|date| date.with_timezone(&Local));
    date.map(|date| date.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

/// How a job ended, in words.
pub(super) fn end(job: &PastJob) -> &'static str {
    match job.outcome {
        None => "running or broken off",
        Some(Outcome::Complete) => "all carried",
        Some(Outcome::Partial) => "some not carried",
        Some(Outcome::NotKept) => "not kept by the server",
        Some(Outcome::Stopped) => "stopped",
        Some(Outcome::Undone) => "taken back",
        Some(_) => "ended early",
    }
}
