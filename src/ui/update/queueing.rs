//! The queue of jobs: orders to it, what follows from them, and what is done about messages that were not carried.
//!
//! A screen that is attached to another process only shows its queue, and sends it the orders.

use crate::mail::Repair;
use crate::mail::units::plural;
use crate::transfer::{Deed, Entry, Failed, JobId, Order, Queue, Saved, Ticket};
use crate::ui::dialog::confirm::Confirm;
use crate::ui::dialog::error::Problem;
use crate::ui::dialog::failures::Failures;
use crate::ui::dialog::prompt::{Prompt, Purpose};
use crate::ui::dialog::repairs;
use crate::ui::dialog::transfers::Transfers;
use crate::ui::dialog::{Command, Dialog};
use crate::ui::effect::Effect;
use crate::ui::event::{FarEvent, Trouble};
use crate::ui::model::{Carrier, Model, Redraw};

use super::{carrying, dialogs};

/// The most answers of a server that are shown for one reason.
const ANSWERS: usize = 20;

/// Shows the queue.
pub(crate) fn open(model: &mut Model) {
    model.dialogs.push(Dialog::Transfers(Transfers::default()));
}

/// Shows what was not carried, of this job or the present one.
pub(crate) fn failures(model: &mut Model, ticket: Option<Ticket>) {
    let ticket = ticket.or_else(|| model.queue.current().map(|job| job.ticket));
    model.dialogs.push(Dialog::Failures(Failures::new(ticket)));
}

/// Gives an order to the queue, here or in the other process.
pub(crate) fn order(model: &mut Model, order: Order) {
    model.redraw = model.redraw.max(Redraw::Soon);
    if model.is_attached() {
        model.ask(Effect::Far(order));
        return;
    }
    let deed = model.queue.order(&order, model.now);
    carry_out(model, deed);
}

/// Starts the next job, if it is its turn.
pub(crate) fn advance(model: &mut Model) {
    let deed = model.queue.advance(model.now);
    carry_out(model, deed);
}

/// What the queue wants done.
pub(crate) fn carry_out(model: &mut Model, deed: Option<Deed>) {
    match deed {
        Some(Deed::Start(job)) => {
            model.is_shown = true;
            model.ask(Effect::StartJob(job));
        }
        Some(Deed::Stop) => model.ask(Effect::StopJob),
        Some(Deed::Abort) => model.ask(Effect::AbortJob),
        None => {}
    }
}

/// Ends a job; asks first if it has begun.
pub(crate) fn ask_cancel(model: &mut Model, ticket: Ticket) {
    let Some(entry) = model.queue.get(ticket) else { return };
    if entry.progress.job.is_none() || !entry.is_running() {
        order(model, Order::Cancel(ticket));
        return;
    }
    let name = name(entry);
    let lines = vec![
        format!("End {name}?"),
        "The running messages go across first. What is not carried stays here; r tries the rest again, also later from J."
            .to_owned(),
    ];
    let question =
        Confirm::new("End this job", lines, "No").choice("Yes, end it", Command::Order(Order::Cancel(ticket)));
    model.dialogs.push(Dialog::Confirm(question));
}

/// "job 12", or "this job" while it has no number.
pub(crate) fn name(entry: &Entry) -> String {
    entry.progress.job.map_or_else(|| "this job".to_owned(), |job: JobId| format!("job {job}"))
}

/// Tries again what a job did not carry.
pub(crate) fn retry(model: &mut Model, ticket: Ticket) {
    let Some(entry) = model.queue.get(ticket) else { return };
    if !entry.is_incomplete() {
        model.say("nothing is left to be tried again");
        return;
    }
    if entry.is_running() {
        model.say("what failed is tried again when the job has ended");
    }
    order(model, Order::Retry(ticket, Vec::new()));
}

/// Asks whether messages may be changed so that they fit, and are tried again.
pub(crate) fn ask_repair(model: &mut Model, ticket: Ticket) {
    let Some(entry) = model.queue.get(ticket).filter(|entry| entry.is_incomplete()) else {
        model.say("nothing is left to be tried again");
        return;
    };
    let mut lines =
        vec![format!("Change what a server would refuse in the messages of {} and try them again:", name(entry))];
    lines.extend(Repair::ALL.iter().map(|repair| format!("- {}", repairs::words(*repair))));
    lines
        .push("Only messages that need it are changed, and only on the server; each is told in the report.".to_owned());
    let yes = Command::Order(Order::Retry(ticket, Repair::ALL.to_vec()));
    model.dialogs.push(Dialog::Confirm(Confirm::new("Repair and try again", lines, "No").choice("Yes, repair", yes)));
}

/// The failures of one reason.
fn of_reason(entry: &Entry, reason: usize) -> Vec<&Failed> {
    let members = entry.progress.reasons.all().get(reason).map(|reason| reason.members.as_slice()).unwrap_or_default();
    members.iter().filter_map(|place| entry.progress.failures.get(*place)).collect()
}

/// Shows one failure in full.
pub(crate) fn show(model: &mut Model, ticket: Ticket, place: usize) {
    let failed = model.queue.get(ticket).and_then(|entry| entry.progress.failures.get(place)).map(Problem::failure);
    model.dialogs.extend(failed.map(Dialog::Error));
}

/// Shows what the server answered, each answer once.
pub(crate) fn show_answers(model: &mut Model, ticket: Ticket, reason: usize) {
    let Some(entry) = model.queue.get(ticket) else { return };
    let mut answers: Vec<String> = Vec::new();
    for failed in of_reason(entry, reason) {
        if !failed.server_text.is_empty() && !answers.contains(&failed.server_text) {
            answers.push(failed.server_text.clone());
        }
        if answers.len() >= ANSWERS {
            break;
        }
    }
    if answers.is_empty() {
        model.say("the server said nothing to these: they failed here");
        return;
    }
    model.dialogs.push(Dialog::Error(Problem::answers(answers)));
}

/// Asks where the messages of one reason are to be saved.
pub(crate) fn ask_save(model: &mut Model, ticket: Ticket, reason: usize) {
    let Some(entry) = model.queue.get(ticket) else { return };
    let usual = || {
        let number = entry.progress.job.map_or_else(|| "0".to_owned(), |job| job.to_string());
        model.directories.0.join(format!("not-carried-{number}"))
    };
    let directory = model.failed_dir.clone().unwrap_or_else(usual).display().to_string();
    model.dialogs.push(Dialog::Prompt(Prompt::new(Purpose::Save(ticket, reason), &directory)));
}

/// The place is known.
pub(crate) fn save(model: &mut Model, ticket: Ticket, reason: usize, text: &str) {
    let directory = model.path_of(text);
    let Some(entry) = model.queue.get(ticket) else { return };
    let failures: Vec<Failed> = of_reason(entry, reason).into_iter().cloned().collect();
    let plan = Box::new(entry.plan.clone());
    model.say("saving …");
    model.ask(Effect::Save { plan, failures, directory });
}

/// They are saved, as far as they could be.
pub(crate) fn saved(model: &mut Model, saved: &Saved) {
    let messages = plural(saved.messages, "message");
    let said = format!("{messages} saved in {}", saved.directory.display());
    if saved.troubles.is_empty() {
        model.say(said);
        return;
    }
    model.note = None;
    let text = format!("{said}; not saved: {}", saved.troubles.join("; "));
    let hint = "these messages are still in their store, as they were".to_owned();
    dialogs::problem(model, "Not all was saved", &Trouble { text, hint });
}

/// News of the process that this screen is attached to.
pub(crate) fn far(model: &mut Model, event: FarEvent) {
    match event {
        FarEvent::All(queue) => take(model, *queue),
        FarEvent::Happened(events) => carrying::happened(model, &events),
        FarEvent::NotTaken(trouble) => dialogs::problem(model, "The job was not taken", &trouble),
        FarEvent::Gone => gone(model),
    }
}

fn take(model: &mut Model, queue: Queue) {
    if model.queue.entries().len() < queue.entries().len() {
        model.note = None;
    }
    model.queue = queue;
    model.is_shown = true;
}

/// The other process has ended: from now on this one carries jobs out itself.
fn gone(model: &mut Model) {
    model.carrier = Carrier::Here;
    let is_done = model.queue.is_idle();
    if let Some(quit) = model.quitting.take() {
        model.ask(Effect::Quit(quit));
        return;
    }
    if !is_done {
        model.queue = Queue::default();
        let text = "the process that carried the jobs out is gone".to_owned();
        let hint = "J lists the jobs; r goes on with one, and nothing is sent twice".to_owned();
        dialogs::problem(model, "No longer attached", &Trouble { text, hint });
    }
}
