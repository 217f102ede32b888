//! Time, signals, and the ways a job or the program comes to its end.

use std::time::{Duration, Instant};

use signal_hook::consts::SIGHUP;

use super::finding;
use crate::transfer::{JobId, Place};
use crate::ui::Quit;
use crate::ui::dialog::Command;
use crate::ui::dialog::Dialog;
use crate::ui::dialog::confirm::Confirm;
use crate::ui::effect::Effect;
use crate::ui::model::{LinkState, Model, Redraw, Stopping};

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

/// Stops the job after the running message; asked again, at once.
pub(crate) fn stop_job(model: &mut Model) {
    let Some(job) = model.job.as_mut().filter(|job| job.is_running()) else { return };
    let (next, effect) = match job.stopping {
        Stopping::No => (Stopping::AfterMessage, Effect::StopJob),
        Stopping::AfterMessage | Stopping::AtOnce => (Stopping::AtOnce, Effect::AbortJob),
    };
    job.stopping = next;
    model.redraw = model.redraw.max(Redraw::Soon);
    model.ask(effect);
}

/// Stops the job safely if that was not yet asked for.
pub(crate) fn stop_job_safely(model: &mut Model) {
    if model.running().is_some_and(|job| job.stopping == Stopping::No) {
        stop_job(model);
    }
}

/// A signal asks for the end: a running message is finished first; a second signal does not wait.
pub(crate) fn signal(model: &mut Model, number: i32) {
    let quit = Quit::Signal(number);
    if number == SIGHUP && model.quitting.is_some() {
        return;
    }
    if model.running().is_none() || model.quitting.is_some() {
        if model.running().is_some() {
            model.ask(Effect::AbortJob);
        }
        model.ask(Effect::Quit(quit));
        return;
    }
    model.quitting = Some(quit);
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
    let lines = vec![
        "A transfer is running.".to_owned(),
        "Stopping finishes the running message first. What is not carried stays here; copying again later sends nothing twice.".to_owned(),
    ];
    let question =
        Confirm::new("Quit", lines, "Go on").choice("Stop safely and quit", Command::StopAndQuit(Quit::Normal));
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
    stop_job_safely(model);
}

/// Makes a new connection to an account, or opens mail on this machine on the right; all news of what was there before is
/// dropped.
pub(crate) fn start_connecting(model: &mut Model, place: impl Into<Place>) {
    let place = place.into();
    let connection = model.next_generation();
    if model.link.label() != place.label() {
        model.remote = crate::ui::pane::Pane::default();
        model.link.folders.clear();
        model.link.validities.clear();
    }
    model.link.connection = connection;
    model.link.state = LinkState::Connecting;
    (model.link.account, model.link.local) = (place.account().cloned(), place.local().cloned());
    model.ask(Effect::Connect(connection, Box::new(place)));
}
