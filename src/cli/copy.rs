//! `copy`, `move` and `plan`: the engine without a screen.

use std::ffi::OsString;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::{after, never, select, tick, unbounded};

use crate::config;
use crate::mail::FolderPath;
use crate::mail::display::clean;
use crate::mail::units::thousands;
use crate::store::{OpenOptions, StoreError};
use crate::transfer::{
    Begun, Draft, Event, FolderPlan, HeadStart, Ids, Job, Limits, Mapping, Mode, Outcome, Plan, Progress, Room, Scale,
    Terms, TooBig, draft, ids, start, weigh,
};
use crate::ui::Rest;

use super::exit::{Failure, code, outcome_code};
use super::leave;
use super::options::{CarryOptions, Options, StateOptions, StoreOptions, Wish};
use super::output::{Printer, ask};
use super::password::SourceOptions;
use super::patience::patiently;
use super::signals::Watch;
use super::sources::{self, Opened, Opening};
use super::target::TargetArgument;

/// How long news waits for more: to wake for each message takes more processor time than to tell it.
const MOMENT: Duration = Duration::from_millis(2);

/// How long a job has to end after the second signal, before the program ends without it: it may wait for a server that can
/// not be reached. The journal and the next run are used to that.
const ABORT: Duration = Duration::from_secs(1);

/// Whether to look only, and how closely.
#[derive(Args)]
struct LookOptions {
    /// Show the plan and stop; nothing is written
    #[arg(long)]
    dry_run: bool,
    /// With the plan: read every message, and tell which need repair
    #[arg(long)]
    examine: bool,
}

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
    #[command(flatten)]
    look: LookOptions,
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
    let opened = sources::open(&sources, &target, &options)?;
    let place = target.place(&arguments.options)?;
    let mapping = arguments.carry.mapping()?;
    let is_dry = kind == Kind::Plan || arguments.look.dry_run;
    let (repairs, asks) = (arguments.carry.repairs(Wish::On), arguments.carry.repairs(Wish::Ask));
    let first = (!is_dry).then(|| first_folder(&opened, &target, &mapping)).flatten();
    let first_target = first.as_ref().map(|folder| folder.target.clone());
    // The disk is read while the server is asked. What is to be moved is locked first, by its job.
    let to_read = first.filter(|_| kind == Kind::Copy);
    let mut ahead = to_read.and_then(|folder| HeadStart::begin(folder, repairs.clone(), asks.clone(), arguments.json));
    let (session, counted) = thread::scope(|scope| {
        let counting = scope.spawn(|| sources::count(opened, ahead.as_mut()));
        (patiently(|| place.open_at(first_target.as_ref())), counting.join())
    });
    let (selections, remarks) = counted.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    for remark in &remarks {
        printer.remark(remark);
    }
    let mut session = session?;
    let terms = session.terms()?;
    let draft = draft(selections, target.folder(), &terms, &mapping);
    let plan = place.fit(draft.plan()).map_err(|error| Failure::usage(error.to_string()))?;
    tell_oddities(&draft, &mut printer);
    let targets: Vec<FolderPath> = plan.folders.iter().map(|folder| folder.target.clone()).collect();
    let room = session.room(&targets)?;
    let limits = arguments.carry.limits();
    let accounts = sources::accounts(&sources);
    if is_dry {
        let mut too_big = Vec::new();
        let mut rest = Plan::default();
        for folder in &plan.folders {
            let held: Option<Ids> = folder.exists.then(|| ids(&mut session, &folder.target)).transpose()?;
            let scale = Scale { limit: room.limit(&folder.target), held, reads: arguments.look.examine };
            let weight = weigh(&mut *folder.source.open(&accounts)?, folder, &scale, &mut |_| true)?;
            let weight = weight.unwrap_or_default();
            too_big.push(room.too_big(&folder.target, &weight));
            rest.folders.push(weight.rest_of(folder));
            // A reader that closed the pipe has seen enough.
            let _ = printer.folder(folder, &weight, &room);
        }
        session.logout();
        let too_big = too_big.into_iter().sum();
        let _ = printer.plan_end(&plan, &room.needs(&rest), &room, too_big);
        tell_limits(&room, &rest, too_big, &limits, &mut printer);
        return Ok(ExitCode::from(code::OK));
    }
    tell_limits(&room, &plan, TooBig::default(), &limits, &mut printer);
    let mode = if kind == Kind::Move { Mode::Move } else { Mode::Copy };
    let connections = arguments.carry.connections.map(usize::from);
    let (verify, state) = (arguments.carry.verify.into(), arguments.state.directory()?);
    let accept_rewriting = arguments.carry.accept_rewriting;
    let failed_dir = arguments.carry.failed_dir.clone();
    let job = Job {
        target: place,
        accounts,
        plan,
        mode,
        verify,
        connections,
        accept_rewriting,
        repairs,
        asks,
        sums: arguments.json,
        failed_dir,
        limits,
        state,
        resumes: None,
    };
    let begun = Begun { session: Some(session), ahead };
    carry(job, begun, &mut printer, arguments.carry.leave_running || config::load()?.leave_running)
}

/// Says which folders get another name than was asked for, which are left out, and what may go wrong.
fn tell_oddities(draft: &Draft, printer: &mut Printer) {
    for folder in &draft.folders {
        let target = clean(&folder.folder.target.to_string());
        if folder.is_left {
            printer.remark(&format!("left out: {}", clean(&folder.folder.folder.to_string())));
            continue;
        }
        if let Some(asked) = &folder.asked {
            let asked = clean(&asked.to_string());
            printer.remark(&format!("the server can't hold a folder \"{asked}\"; it becomes \"{target}\""));
        }
        for conflict in &folder.conflicts {
            printer.remark(&format!("\"{target}\": {}", clean(&conflict.to_string())));
        }
    }
}

/// The first folder and where it goes, as far as that can be told before the server is asked what it has.
fn first_folder(opened: &[Opened], target: &TargetArgument, mapping: &Mapping) -> Option<FolderPlan> {
    let first = opened.iter().flat_map(Opened::selections).take(1).cloned().collect();
    draft(first, target.folder(), &Terms::default(), mapping).plan().folders.into_iter().next()
}

/// Says what the server, or the disk, limits, as far as that is known. Of a disk only what is too little is worth a word.
fn tell_limits(room: &Room, plan: &Plan, too_big: TooBig, limits: &Limits, printer: &mut Printer) {
    let notices = room.notices(plan, too_big, limits);
    for notice in notices.iter().filter(|notice| notice.is_bad || !room.is_disk) {
        printer.remark(&notice.text);
    }
}

/// A move that could never remove anything is refused before it starts. Locks of other programs the job waits for.
fn check_removable(source: &Opening, options: &OpenOptions) -> Result<(), Failure> {
    let (store, folders) = source.open(options)?;
    for folder in folders {
        match store.check_removable(&folder.path) {
            Ok(()) | Err(StoreError::Locked { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Runs the job, going on with what is `begun`, and prints what happens.
///
/// When the terminal goes away and the job may outlive it, the running messages end here and another process goes on.
pub(super) fn carry(job: Job, begun: Begun, printer: &mut Printer, may_leave: bool) -> Result<ExitCode, Failure> {
    let watch = Watch::start().map_err(|error| Failure::local(format!("cannot catch signals: {error}")))?;
    let mut progress = Progress::new(job.mode, Instant::now());
    let rest = may_leave.then(|| job.clone());
    let again = (!job.asks.is_empty()).then(|| job.clone());
    let (sender, events) = unbounded();
    let handle = start(job, begun, sender);
    let glance = tick(Duration::from_millis(500));
    let mut signals = 0;
    let mut too_long = never();
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
                if events.is_empty() {
                    thread::sleep(MOMENT);
                }
            }
            recv(watch.received) -> _ => {
                signals += 1;
                match signals {
                    1 => handle.stop(),
                    2 => too_long = after(ABORT),
                    _ => {}
                }
                if signals > 1 {
                    handle.abort();
                }
            }
            recv(too_long) -> _ => return Ok(ExitCode::from(end_code(&watch, Outcome::Stopped))),
            recv(glance) -> _ => {}
        }
    }
    let outcome = handle.wait();
    if let Some(rest) = rest.filter(|_| outcome == Outcome::Stopped && watch.is_hung_up()) {
        let rest = Job { resumes: progress.job, ..rest };
        leave::leave(&[Rest { job: rest, carried: progress.carried(), is_paused: false }])?;
    }
    let again = again.filter(|_| watch.number().is_none() && !progress.asked.is_empty());
    if let Some(job) = again
        && repair_too(&progress, printer)?
    {
        let repairs = progress.asked.keys().chain(&job.repairs).copied().collect();
        let asks = job.asks.iter().copied().filter(|asked| !progress.asked.contains_key(asked)).collect();
        return carry(Job { repairs, asks, resumes: progress.job, ..job }, Begun::default(), printer, may_leave);
    }
    Ok(ExitCode::from(end_code(&watch, outcome)))
}

/// The exit code of a job that ended so, or by a signal.
fn end_code(watch: &Watch, outcome: Outcome) -> u8 {
    watch.number().map_or_else(|| outcome_code(outcome), |number| code::SIGNAL.saturating_add(number))
}

/// Whether the repairs that messages wait for are to be made: a person is asked, and where nobody is there, how to say so
/// is told.
fn repair_too(progress: &Progress, printer: &mut Printer) -> Result<bool, Failure> {
    let each = progress.asked.iter().map(|(repair, count)| format!("{} in {}", repair.label(), thousands(*count)));
    let needs = each.collect::<Vec<_>>().join(", ");
    let answer = if printer.is_for_people() {
        ask(&format!("Messages were not sent, for they need repair: {needs}. Repair and send them?"))?
    } else {
        None
    };
    if answer.is_none() {
        let names: Vec<&str> = progress.asked.keys().map(|repair| repair.label()).collect();
        printer.remark(&format!("not sent, for want of repair: {needs}; --repair {} makes it", names.join(",")));
    }
    Ok(answer == Some(true))
}
