//! Time, signals, and the ways a job or the program comes to its end.

use std::time::{Duration, Instant};

use signal_hook::consts::SIGHUP;

use super::{finding, places, queueing};
use crate::transfer::{JobId, Order, Place, Stage, Terms};
use crate::ui::Quit;
use crate::ui::dialog::Command;
use crate::ui::dialog::Dialog;
use crate::ui::dialog::confirm::Confirm;
use crate::ui::effect::Effect;
use crate::ui::model::{Carrier, LinkState, Model, Redraw};

/// How long an Esc waits for a digit before it stops the job.
const ESCAPE_STOPS: Duration = Duration::from_millis(500);
/// How long an Esc may come before a digit.
const ESCAPE_DIGIT: Duration = Duration::from_secs(1);
/// How often a running job's clock is drawn.
const CLOCK: Duration = Duration::from_millis(250);

/// It is later now.
pub(crate) fn tick(model: &mut Model, now: Instant) {
    model.now = now;
    if model.running().is_some() {
        model.redraw = model.redraw.max(Redraw::Later);
    }
    let Some((at, stops)) = model.escape.as_ref().map(|escape| (escape.at, escape.stops)) else { return };
    let age = now.saturating_duration_since(at);
    if stops && age >= ESCAPE_STOPS {
        model.escape = None;
        stop_job(model);
    } else if age >= ESCAPE_DIGIT {
        model.escape = None;
    }
}

/// How long nothing may happen before the next tick; `None` when nothing changes with time.
pub(crate) fn patience(model: &Model) -> Option<Duration> {
    let escape = model.escape.as_ref().filter(|escape| escape.stops).map(|escape| {
        ESCAPE_STOPS.saturating_sub(model.now.saturating_duration_since(escape.at)).max(Duration::from_millis(10))
    });
    let clock = model.running().map(|_| CLOCK);
    let work = finding::is_busy(model).then_some(Duration::from_millis(1));
    escape.into_iter().chain(clock).chain(work).min()
}

/// Stops the job after the running message and holds back what waits; asked again, at once.
pub(crate) fn stop_job(model: &mut Model) {
    if model.running().is_some() {
        queueing::order(model, Order::Stop);
    }
}

/// Stops the job safely if that was not yet asked for.
pub(crate) fn stop_job_safely(model: &mut Model) {
    if model.running().is_some_and(|job| job.stage == Stage::Running) {
        stop_job(model);
    }
}

/// Whether a job runs in this process, so that its end depends on ours.
fn runs_here(model: &Model) -> bool {
    model.running().is_some() && !model.is_attached()
}

/// A signal asks for the end: a running message is finished first; a second signal does not wait.
pub(crate) fn signal(model: &mut Model, number: i32) {
    let quit = Quit::Signal(number);
    if number == SIGHUP && model.quitting.is_some() {
        return;
    }
    if !runs_here(model) || model.quitting.is_some() {
        if runs_here(model) {
            model.ask(Effect::AbortJob);
        }
        model.ask(Effect::Quit(quit));
        return;
    }
    if number == SIGHUP && model.leave_running {
        leave(model, quit);
        return;
    }
    model.quitting = Some(quit);
    model.queue.close();
    stop_job_safely(model);
}

/// The terminal went away. The kernel tells it by SIGHUP too, and the shell once more: all of them are one wish.
pub(crate) fn terminal_gone(model: &mut Model) {
    signal(model, SIGHUP);
}

/// Ctrl-C: stops the job; without one it ends the program.
pub(crate) fn interrupt(model: &mut Model) {
    if model.running().is_some() {
        stop_job(model);
    } else {
        model.ask(Effect::Quit(Quit::Normal));
    }
}

/// Ends the program; asks first while a job runs.
pub(crate) fn quit(model: &mut Model) {
    if model.running().is_none() {
        match model.undoing {
            Some((_, job)) => model.dialogs.push(Dialog::Confirm(breaks_off(job))),
            None => model.ask(Effect::Quit(Quit::Normal)),
        }
        return;
    }
    let waiting = match model.queue.to_come() {
        0 => String::new(),
        1 => " One more waits.".to_owned(),
        many => format!(" {many} more wait."),
    };
    let leave = if model.is_attached() { Command::Quit(Quit::Normal) } else { Command::Leave(Quit::Normal) };
    let lines = vec![
        format!("A transfer is running.{waiting}"),
        "Left running, it goes on without this terminal; `mailferry attach` shows it again.".to_owned(),
        "Stopping finishes the running message first. What is not carried stays here; copying again later sends nothing \
         twice."
            .to_owned(),
    ];
    let question = Confirm::new("Quit", lines, "Go on")
        .choice("Leave it running", leave)
        .choice("Stop safely and quit", Command::StopAndQuit(Quit::Normal));
    model.dialogs.push(Dialog::Confirm(question));
}

fn breaks_off(job: JobId) -> Confirm {
    let lines = vec![
        format!("Job {job} is being taken back."),
        "Quitting breaks that off. What is removed stays removed; undo it again to go on.".to_owned(),
    ];
    Confirm::new("Quit", lines, "Go on").choice("Quit", Command::StopAndQuit(Quit::Normal))
}

/// The user chose to stop the job and end.
pub(crate) fn stop_and_quit(model: &mut Model, quit: Quit) {
    if model.running().is_none() {
        model.ask(Effect::Quit(quit));
        return;
    }
    model.quitting = Some(quit);
    if !model.is_attached() {
        model.queue.close();
    }
    stop_job_safely(model);
}

/// Ends the program and leaves the jobs to another process, once the running batch has ended.
pub(crate) fn leave(model: &mut Model, quit: Quit) {
    if model.running().is_none() {
        model.ask(Effect::Quit(quit));
        return;
    }
    model.carrier = Carrier::Leaving;
    model.quitting = Some(quit);
    queueing::order(model, Order::Leave);
}

/// Makes a new connection to an account, or opens mail on this machine on the right; all news of what was there before is
/// dropped.
pub(crate) fn start_connecting(model: &mut Model, place: impl Into<Place>) {
    let place = place.into();
    if let Some(account) = place.account() {
        places::meet(model, account);
    }
    let connection = model.next_generation();
    if model.link.label() != place.label() {
        model.remote = crate::ui::pane::Pane::default();
        model.link.terms = Terms::default();
        model.link.validities.clear();
    }
    model.link.connection = connection;
    model.link.state = LinkState::Connecting;
    (model.link.account, model.link.local) = (place.account().cloned(), place.local().cloned());
    model.ask(Effect::Connect(connection, Box::new(place)));
}
