//! `attach`: the screen of jobs that go on without a terminal; or, without a screen, their events as JSON.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use crate::config;
use crate::detached::{self, Guest, Said};
use crate::imap::{ConnectOptions, Target};
use crate::mail::FolderPath;
use crate::mail::display::clean;
use crate::mail::units::thousands;
use crate::transfer::{Entry, JobId, Journal, Limits, Login, Mapping, Place, Settings, Verify};
use crate::ui;

use super::exit::{Failure, code};
use super::options::StateOptions;
use super::output::{Printer, line};
use super::panes;
use super::password::PasswordOptions;
use super::report;
use super::screen::ScreenOptions;
use super::trace::TraceOptions;

#[derive(Args)]
pub struct Arguments {
    /// A job, where several processes go on; without it they are listed
    job: Option<JobId>,
    #[command(flatten)]
    password: PasswordOptions,
    #[command(flatten)]
    trace: TraceOptions,
    #[command(flatten)]
    state: StateOptions,
    /// Print what happens as one JSON object a line, and open no screen
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    screen: ScreenOptions,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let state = arguments.state.directory()?;
    let mut found = detached::find(&state);
    if let Some(job) = arguments.job {
        found.retain(|guest| guest.queue.entries().iter().any(|entry| entry.progress.job == Some(job)));
    }
    match (found.pop(), found.is_empty()) {
        (None, _) => over(&state, arguments),
        (Some(guest), true) if arguments.json => Ok(follow(guest)),
        (Some(guest), true) => show(guest, arguments),
        (Some(last), false) => {
            found.push(last);
            choose(&found);
            Ok(ExitCode::from(code::USAGE))
        }
    }
}

/// Nothing goes on any more: what the job did is in the journal.
fn over(state: &Path, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let last = Journal::open(state)?.jobs()?.iter().max_by_key(|job| job.ended).map(|job| job.id);
    let Some(job) = arguments.job.or(last) else {
        return Err(Failure::usage("nothing goes on without a terminal, and there are no jobs yet"));
    };
    if !arguments.json {
        // A closed pipe wants no more.
        let _ = line(&format!("nothing goes on without a terminal; job {job}:"));
    }
    report::tell(state, job, arguments.json)
}

/// Which processes there are.
fn choose(guests: &[Guest]) {
    // A closed pipe wants no more.
    let _ = line("several jobs go on without a terminal; attach to one by its number:");
    for guest in guests {
        for entry in guest.queue.entries() {
            let number = entry.progress.job.map(|job| job.to_string()).unwrap_or_default();
            let (finished, messages) = (entry.progress.finished(), entry.progress.messages);
            let _ = line(&format!(
                "{number:>4}  {} to {}: {} of {} messages, process {}",
                entry.progress.mode.label(),
                clean(&entry.account),
                thousands(finished),
                thousands(messages),
                guest.hello.process
            ));
        }
    }
}

/// Prints events until nothing runs or waits any more; the process itself stays as long as somebody looks on.
fn follow(mut guest: Guest) -> ExitCode {
    let mut printer = Printer::new(true, false);
    let mut queue = guest.queue.clone();
    while !queue.is_idle()
        && let Some(said) = guest.hear()
    {
        match said {
            Said::All { queue: all } => queue = *all,
            Said::Happened { events } => {
                for event in events {
                    let now = Instant::now();
                    let Some(ticket) = queue.running().map(|entry| entry.ticket) else { continue };
                    queue.happened(&event, now);
                    let Some(entry) = queue.get(ticket) else { continue };
                    if printer.event(&event, &entry.progress, now).is_err() {
                        return ExitCode::from(code::OK); // a closed pipe wants no more
                    }
                }
            }
            Said::Hello(_) | Said::NotTaken { .. } => {}
        }
    }
    ExitCode::from(code::OK)
}

/// Opens the two panes as they were.
fn show(guest: Guest, arguments: &Arguments) -> Result<ExitCode, Failure> {
    if !std::io::stdout().is_terminal() {
        return Err(Failure::usage("the screen needs a terminal; without one, use mailferry attach --json"));
    }
    let state = guest.hello.state.clone();
    let trace = arguments.trace.open()?;
    // Paths mean what they meant there. If it is gone, the panes tell what can't be read.
    let _ = std::env::set_current_dir(&guest.hello.directory);
    let settings = config::load()?;
    let folders: Vec<_> = guest.queue.entries().iter().flat_map(|entry| &entry.plan.folders).collect();
    let reading = folders.first().map(|folder| folder.source.options.clone()).unwrap_or_default();
    let mut sources: Vec<PathBuf> = folders.iter().map(|folder| folder.source.path.clone()).collect();
    sources.dedup();
    let job = guest.queue.current().or_else(|| guest.queue.entries().first());
    let past = job.and_then(|job| job.progress.job).map(|job| Journal::open(&state)?.job(job)).transpose()?;
    let past = past.map(|past| past.settings);
    sources.retain(|path| path.exists()); // a mailbox is opened when it is asked for
    let account = |login: Login| {
        let password = arguments.password.get(&login.label())?;
        Ok::<_, Failure>(login.account(password).traced(trace.clone()))
    };
    let is_known = |past: &&Settings| past.local.is_some() || arguments.password.is_given();
    let place = past.as_ref().filter(is_known).map(|past| past.place(account)).transpose()?;
    panes::show(ui::Options {
        sources,
        reading,
        mailboxes: Vec::new(),
        local: place.as_ref().and_then(Place::local).cloned(),
        account: place.as_ref().and_then(Place::account).cloned(),
        folder: FolderPath::root(),
        prefill: past.as_ref().map(|past| target(past, job)),
        connect: ConnectOptions { trace, ..past.as_ref().map(|past| past.options.clone()).unwrap_or_default() },
        connections: past.as_ref().and_then(|past| past.connections),
        verify: past.as_ref().map_or(Verify::Size, |past| past.verify),
        accept_rewriting: false,
        repairs: Vec::new(),
        asks: Vec::new(),
        accounts: Vec::new(),
        mapping: Mapping::default(),
        map_file: None,
        failed_dir: None,
        limits: past.as_ref().map_or_else(Limits::default, |past| past.limits),
        state,
        leave_running: settings.leave_running,
        screen: arguments.screen.over(&settings),
        keys: settings.keys,
        attached: Some(guest),
    })
}

/// The mailbox of a job.
fn target(past: &Settings, job: Option<&Entry>) -> Target {
    let folders = job.map(|job| job.plan.folders.as_slice()).unwrap_or_default();
    let folder = match folders {
        [one] => one.target.clone(),
        _ => FolderPath::root(),
    };
    Target {
        security: past.security,
        host: past.host.clone(),
        port: past.port,
        user: Some(past.user.clone()),
        folder,
        account: None,
    }
}
