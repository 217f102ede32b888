//! `resume`: goes on with a job from the journal.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::config;
use crate::transfer::{Begun, Job, JobId, Journal, Login};

use super::copy;
use super::exit::Failure;
use super::options::StateOptions;
use super::output::Printer;
use super::password::{PasswordOptions, SourceOptions};
use super::trace::TraceOptions;

#[derive(Args)]
pub struct Arguments {
    /// The job's number, as `mailferry jobs` shows it
    job: JobId,
    #[command(flatten)]
    password: PasswordOptions,
    #[command(flatten)]
    login: SourceOptions,
    #[command(flatten)]
    trace: TraceOptions,
    #[command(flatten)]
    state: StateOptions,
    /// Save messages that are not carried in DIR, as .eml files
    #[arg(long, value_name = "DIR")]
    failed_dir: Option<PathBuf>,
    /// When the terminal goes away (SIGHUP), go on without it; `mailferry attach` shows the job again
    #[arg(long)]
    leave_running: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let state = arguments.state.directory()?;
    let journal = Journal::open(&state)?;
    let (past, plan) = (journal.job(arguments.job)?, journal.plan(arguments.job)?);
    drop(journal);
    let (settings, trace) = (&past.settings, arguments.trace.open()?);
    let account = |login: &Login, password| login.account(password).traced(trace.clone());
    let target =
        settings.place(|login| Ok::<_, Failure>(account(&login, arguments.password.get(&settings.label())?)))?;
    let is_local = settings.local.is_some();
    let password = |login: &Login| arguments.login.get(&login.label(), &arguments.password, is_local);
    let accounts = settings.sources.iter().map(|login| Ok(account(login, password(login)?)));
    let accounts = accounts.collect::<Result<Vec<_>, Failure>>()?;
    let (sums, failed_dir) = (arguments.json, arguments.failed_dir.clone());
    let job = Job { sums, failed_dir, ..past.resumed(target, accounts, plan, state) };
    let may_leave = arguments.leave_running || config::load()?.leave_running;
    copy::carry(job, Begun::default(), &mut Printer::new(arguments.json, arguments.quiet), may_leave)
}
