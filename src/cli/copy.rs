//! `copy`, `move` and `plan`: the engine without a screen.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::{select, tick, unbounded};

use crate::config;
use crate::mail::FolderPath;
use crate::mail::units::bytes as size;
use crate::store::OpenOptions;
use crate::transfer::{Event, Job, Mailbox, Mode, Outcome, Plan, Progress, Selection, plan, start};
use crate::ui::Rest;

use super::exit::{Failure, code, outcome_code};
use super::leave;
use super::options::{CarryOptions, Options, StateOptions, StoreOptions};
use super::output::Printer;
use super::password::SourceOptions;
use super::signals::Watch;
use super::sources::{self, Opening};
use super::target::TargetArgument;

#[derive(Args)]
pub struct Arguments {
    /// One or more SOURCEs, then the TARGET
    #[arg(required = true, num_args = 2.., value_names = ["SOURCE", "TARGET"])]
    paths: Vec<OsString>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    login: SourceOptions,
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    carry: CarryOptions,
    #[command(flatten)]
    state: StateOptions,
    /// Show the plan and stop; nothing is written
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

/// Which command it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `copy`
    Copy,
    /// `move`
    Move,
    /// `plan`
    Plan,
}

/// Runs the command.
pub fn run(arguments: &Arguments, kind: Kind) -> Result<ExitCode, Failure> {
    let mut printer = Printer::new(arguments.json, arguments.quiet);
    let (sources, target) = sources::split(&arguments.paths, &arguments.options, &arguments.login)?;
    let options = arguments.store.open();
    if kind == Kind::Move {
        sources.iter().try_for_each(|source| check_removable(source, &options))?;
    }
    let selections = sources::selections(&sources, &target, &options, |remark| printer.remark(&remark))?;
    let place = target.place(&arguments.options)?;
    let is_dry = kind == Kind::Plan || arguments.dry_run;
    let first = (!is_dry).then(|| first_target(&selections, &target)).flatten();
    let mut session = place.open_at(first.as_ref())?;
    let plan = plan(selections, target.folder(), &session.folders()?);
    let plan = place.fit(plan).map_err(|error| Failure::usage(error.to_string()))?;
    tell_limits(&mut session, &plan, &mut printer)?;
    if is_dry {
        session.logout();
        // A reader that closed the pipe has seen enough.
        let _ = printer.plan(&plan);
        return Ok(ExitCode::from(code::OK));
    }
    let mode = if kind == Kind::Move { Mode::Move } else { Mode::Copy };
    let connections = arguments.carry.connections.map(usize::from);
    let (verify, state) = (arguments.carry.verify.into(), arguments.state.directory()?);
    let accept_rewriting = arguments.carry.accept_rewriting;
    let (failed_dir, limits) = (arguments.carry.failed_dir.clone(), arguments.carry.limits());
    let job = Job {
        target: place,
        accounts: sources::accounts(&sources),
        plan,
        mode,
        verify,
        connections,
        accept_rewriting,
        repairs: arguments.carry.repairs(),
        failed_dir,
        limits,
        state,
        resumes: None,
    };
    carry(job, Some(session), &mut printer, arguments.carry.leave_running || config::load()?.leave_running)
}

/// Where the first folder goes, as far as that can be told before the server is asked what it has.
fn first_target(selections: &[Selection], target: &TargetArgument) -> Option<FolderPath> {
    let plan = plan(selections.iter().take(1).cloned().collect(), target.folder(), &[]);
    plan.folders.into_iter().next().map(|folder| folder.target)
}

/// Says what the server, or the disk, limits, as far as it tells.
fn tell_limits(session: &mut Mailbox, plan: &Plan, printer: &mut Printer) -> Result<(), Failure> {
    if let Some(most) = session.append_limit() {
        printer.remark(&format!("the server takes messages of up to {}", size(most)));
    }
    // Of a disk only what is too little is worth a word.
    let is_server = matches!(session, Mailbox::Server(_));
    let what = if is_server { "mailbox" } else { "disk" };
    let is_news = |left: &u64| is_server || *left < plan.bytes();
    if let Some(left) = session.quota_left()?.filter(is_news) {
        let needed = plan.bytes();
        let may_fail = if needed > left { format!(", and {} are to be carried", size(needed)) } else { String::new() };
        printer.remark(&format!("the {what} has {} left{may_fail}", size(left)));
    }
    Ok(())
}

/// A move that could never remove anything is refused before it starts.
fn check_removable(source: &Opening, options: &OpenOptions) -> Result<(), Failure> {
    let (store, folders) = source.open(options)?;
    for folder in folders {
        store.check_removable(&folder.path)?;
    }
    Ok(())
}

/// Runs the job, on `session` first if that is given, and prints what happens.
///
/// When the terminal goes away and the job may outlive it, the running messages end here and another process goes on.
pub(super) fn carry(
    job: Job,
    session: Option<Mailbox>,
    printer: &mut Printer,
    may_leave: bool,
) -> Result<ExitCode, Failure> {
    let watch = Watch::start().map_err(|error| Failure::local(format!("cannot catch signals: {error}")))?;
    let mut progress = Progress::new(job.mode, Instant::now());
    if let Some(warning) = doubled_target(&job.plan) {
        printer.remark(&warning);
    }
    let rest = may_leave.then(|| job.clone());
    let (sender, events) = unbounded();
    let handle = start(job, session, sender);
    let glance = tick(Duration::from_millis(500));
    let mut signals = 0;
    loop {
        select! {
            recv(events) -> event => {
                let Ok(event) = event else { break };
                let now = Instant::now();
                progress.apply(&event, now);
                if printer.event(&event, &progress, now).is_err() {
                    handle.stop(); // whoever read the output is gone
                }
                if matches!(event, Event::JobEnd { .. }) {
                    break;
                }
            }
            recv(watch.received) -> _ => {
                signals += 1;
                if signals == 1 { handle.stop() } else { handle.abort() }
            }
            recv(glance) -> _ => {}
        }
    }
    let outcome = handle.wait();
    if let Some(rest) = rest.filter(|_| outcome == Outcome::Stopped && watch.is_hung_up()) {
        let rest = Job { resumes: progress.job, ..rest };
        leave::leave(&[Rest { job: rest, carried: progress.carried(), is_paused: false }])?;
    }
    let code = match watch.number() {
        Some(number) => code::SIGNAL.saturating_add(number),
        None => outcome_code(outcome),
    };
    Ok(ExitCode::from(code))
}

/// Two folders that would be mixed in one are worth a word.
fn doubled_target(plan: &Plan) -> Option<String> {
    let mut targets: Vec<String> = plan.folders.iter().map(|folder| folder.target.to_string()).collect();
    targets.sort();
    let twice = targets.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(one),
        _ => None,
    })?;
    Some(format!("several folders go to \"{}\" together", crate::mail::display::clean(twice)))
}
