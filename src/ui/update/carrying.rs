//! The running job, and what follows its end.

use crate::mail::FolderPath;
use crate::transfer::{self, Event, Job, Mode, Outcome, Plan, Stage, Ticket};
use crate::ui::dialog::Dialog;
use crate::ui::dialog::plan::PlanDialog;
use crate::ui::effect::{Effect, ServerRequest, StoreRequest};
use crate::ui::event::Trouble;
use crate::ui::marks::Marks;
use crate::ui::model::{Lent, Model, Redraw};
use crate::ui::pane::Side;
use crate::ui::tree::Place;
use crate::ui::view::bars;

use super::{dialogs, jobs, queueing, rules, ways};

/// Enter in the plan: off it goes, or into the queue.
pub(crate) fn start(model: &mut Model, dialog: PlanDialog) {
    if jobs::is_undoing(model) {
        model.dialogs.push(Dialog::Plan(Box::new(dialog)));
        return;
    }
    let from = dialog.from;
    let plan = dialog.draft.plan();
    if plan.folders.is_empty() {
        model.warn("everything is left out: Space takes a folder in again");
        model.dialogs.push(Dialog::Plan(Box::new(dialog)));
        return;
    }
    model.ask(Effect::Store(StoreRequest::StopWeighing));
    let job = Job {
        target: dialog.to,
        accounts: ways::accounts(model),
        plan,
        mode: dialog.mode,
        verify: model.verify,
        connections: model.connections,
        accept_rewriting: model.accept_rewriting,
        repairs: model.repairs.clone(),
        asks: model.asks.clone(),
        sums: false,
        failed_dir: model.failed_dir.clone(),
        limits: model.limits,
        state: model.state.clone(),
        resumes: None,
    };
    let marks = if dialog.is_of_marks { model.pane_mut(from).marks.take() } else { Marks::default() };
    begin(model, job, marks, from);
}

/// Starts a job and shows it, or queues it behind those that run. `marks` are what it was made of, in the pane `from`.
pub(crate) fn begin(model: &mut Model, job: Job, marks: Marks, from: Side) {
    model.is_shown = true;
    if model.is_attached() {
        model.say("handing the job over …");
        model.ask(Effect::HandOver(Box::new(job)));
        return;
    }
    let ticket = model.queue.add(job, model.now);
    model.lent.insert(ticket, Lent { marks, from });
    queueing::advance(model);
    if model.queue.get(ticket).is_some_and(transfer::Entry::is_to_come) {
        model.say("it waits for the jobs before it: w shows the queue");
    }
}

/// News of the running job.
pub(crate) fn happened(model: &mut Model, events: &[Event]) {
    for event in events {
        let Some(ticket) = model.running().map(|job| job.ticket) else { return };
        let goes_right = model.lent.get(&ticket).is_none_or(|lent| lent.from == Side::Local);
        let deed = model.queue.happened(event, model.now);
        match event {
            Event::FolderStart { target, .. } if goes_right && !is_known(model, target) => {
                model.ask(Effect::Server(ServerRequest::Folders));
            }
            Event::FolderEnd { .. } if goes_right => {
                let targets = model.queue.get(ticket).map(|job| targets(&job.plan)).unwrap_or_default();
                model.ask(Effect::Server(ServerRequest::Counts(targets)));
            }
            Event::Failed { .. } | Event::Waiting { .. } | Event::Connected => {
                model.redraw = model.redraw.max(Redraw::Soon);
            }
            Event::JobEnd { outcome, reason } => ended(model, ticket, *outcome, reason),
            _ => {}
        }
        queueing::carry_out(model, deed);
    }
}

fn is_known(model: &Model, target: &FolderPath) -> bool {
    model.remote.tree.find(&Place { source: 0, path: target.clone() }).is_some()
}

/// Where a plan goes, each folder once.
fn targets(plan: &Plan) -> Vec<FolderPath> {
    let mut targets: Vec<FolderPath> = plan.folders.iter().map(|folder| folder.target.clone()).collect();
    targets.sort();
    targets.dedup();
    targets
}

/// The job is over, or pauses: both sides are read again, marks come back if not all was done, and bad news is told.
fn ended(model: &mut Model, ticket: Ticket, outcome: Outcome, reason: &str) {
    model.redraw = model.redraw.max(Redraw::Soon);
    let Some(entry) = model.queue.get(ticket) else { return };
    let (is_over, progress) = (entry.stage == Stage::Ended, &entry.progress);
    let (number, mode, removed) = (progress.job, progress.mode, progress.removed);
    model.is_shown = true;
    let from = model.lent.get(&ticket).map_or(Side::Local, |lent| lent.from);
    let marks = model.lent.remove(&ticket).map(|lent| lent.marks);
    if let Some(marks) = marks.filter(|_| outcome != Outcome::Complete && is_over) {
        // Of single messages some may have been moved away; marked folders mean what is still in them.
        let marks = if mode == Mode::Move { marks.only_folders() } else { marks };
        model.pane_mut(from).marks.put_back(marks);
        model.pane_mut(from).recount_marks();
    }
    if let Some(quit) = model.quitting.take() {
        model.ask(Effect::Quit(quit));
        return;
    }
    ways::reread(model, from, mode == Mode::Move && removed > 0);
    jobs::list_again(model);
    if !is_over {
        return;
    }
    if let Some(job) = number.filter(|_| mode == Mode::Move && jobs::is_rewriting(reason)) {
        jobs::ask_consent(model, job);
    }
    if model.dialogs.is_empty() {
        rules::ask_repairs(model, ticket);
    }
    if !matches!(outcome, Outcome::Complete | Outcome::Partial | Outcome::Stopped) {
        let hint = "what arrived is not sent twice: once this is put right, try the job again (w, then r)".to_owned();
        dialogs::problem(model, "The transfer ended early", &Trouble { text: bars::ending(outcome, reason), hint });
    }
}
