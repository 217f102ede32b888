//! The jobs of the journal: their list and reports, going on with one, taking one back.

use super::{browsing, carrying, dialogs, planning, ways};
use crate::imap::Account;
use crate::mail::units::plural;
use crate::transfer::{Entry, JobId, Login, Mode, PastJob, Place, Plan, Settings, Stage};
use crate::ui::dialog::confirm::Confirm;
use crate::ui::dialog::jobs::Jobs;
use crate::ui::dialog::preview::{PreviewDialog, columns};
use crate::ui::dialog::{Command, Dialog};
use crate::ui::effect::{Effect, JournalRequest};
use crate::ui::event::{JournalEvent, Page, Past, Trouble};
use crate::ui::marks::Marks;
use crate::ui::model::{LinkState, Model};
use crate::ui::pane::Side;

/// Shows the jobs in the journal.
pub(crate) fn open(model: &mut Model) {
    let generation = model.next_generation();
    model.dialogs.push(Dialog::Jobs(Jobs::new(generation)));
    model.ask(Effect::Journal(JournalRequest::List { generation, state: model.state.clone() }));
}

/// Reads the jobs again if they are shown.
pub(crate) fn list_again(model: &mut Model) {
    let generation = model.next_generation();
    let state = model.state.clone();
    if let Some(jobs) = shown(model) {
        jobs.generation = generation;
        model.ask(Effect::Journal(JournalRequest::List { generation, state }));
    }
}

fn shown(model: &mut Model) -> Option<&mut Jobs> {
    model.dialogs.iter_mut().find_map(|dialog| match dialog {
        Dialog::Jobs(jobs) => Some(jobs),
        _ => None,
    })
}

/// Takes an answer of the journal; what nobody waits for any more is dropped.
pub(crate) fn happened(model: &mut Model, event: JournalEvent) {
    match event {
        JournalEvent::Speed(generation, speed) => planning::speed(model, generation, speed),
        JournalEvent::List(generation, result) => listed(model, generation, result),
        JournalEvent::Report(generation, result) => {
            if let Err(trouble) = show_pages(model, generation, result) {
                dialogs::problem(model, "The report can't be read", &trouble);
            }
        }
        JournalEvent::Loaded(generation, result) => {
            if model.resuming == Some(generation) {
                model.resuming = None;
                model.note = None;
                match result {
                    Ok(loaded) => go_on(model, loaded.0, loaded.1),
                    Err(trouble) => dialogs::problem(model, "The job can't be read", &trouble),
                }
            }
        }
        JournalEvent::Undone(generation, job, result) => undone(model, generation, job, result),
    }
}

fn listed(model: &mut Model, generation: u64, result: Result<Vec<Past>, Trouble>) {
    let Some(jobs) = shown(model).filter(|jobs| jobs.generation == generation) else { return };
    match result {
        Ok(all) => jobs.show(all),
        Err(trouble) => {
            model.dialogs.retain(|dialog| !matches!(dialog, Dialog::Jobs(_)));
            dialogs::problem(model, "The journal can't be read", &trouble);
        }
    }
}

/// Puts the pages into the dialog that waits for them, if it does still. Takes it away if there are none, and says why.
fn show_pages(model: &mut Model, generation: u64, result: Result<Vec<Page>, Trouble>) -> Result<bool, Trouble> {
    let waits = |dialog: &Dialog| matches!(dialog, Dialog::Preview(preview) if preview.generation == generation);
    let at = model.dialogs.iter().position(waits);
    match result {
        Ok(pages) => {
            let dialog = at.and_then(|at| model.dialogs.get_mut(at));
            let Some(Dialog::Preview(preview)) = dialog else { return Ok(false) };
            preview.show(pages);
            Ok(true)
        }
        Err(trouble) => {
            at.map(|at| model.dialogs.remove(at));
            Err(trouble)
        }
    }
}

/// Enter: what a job did.
pub(crate) fn report(model: &mut Model, job: JobId) {
    let (generation, columns) = (model.next_generation(), columns(model.size));
    let state = model.state.clone();
    model.dialogs.push(Dialog::Preview(PreviewDialog::new(generation, &format!("Job {job}"))));
    model.ask(Effect::Journal(JournalRequest::Report { generation, state, job, columns }));
}

/// Whether a job is being taken back, so that nothing else may begin; says so.
pub(crate) fn is_undoing(model: &mut Model) -> bool {
    if let Some((_, job)) = model.undoing {
        model.warn(format!("job {job} is being taken back: wait until that is done"));
    }
    model.undoing.is_some()
}

/// Whether a job may be taken back now; says why not. What runs holds the mailbox.
fn is_free(model: &mut Model) -> bool {
    if model.running().is_some() {
        model.warn("a transfer is running: take the job back when it has ended, or end that one first (w, then d)");
        return false;
    }
    !is_undoing(model)
}

/// Whether a job may go on or wait for its turn; says why not.
fn may_go_on(model: &mut Model, job: JobId) -> bool {
    let is_it = |entry: &Entry| entry.progress.job == Some(job) && entry.stage != Stage::Ended;
    if model.queue.entries().iter().any(is_it) {
        model.warn(format!("job {job} is in the queue already: w shows it"));
        return false;
    }
    !is_undoing(model)
}

/// Whose mailbox it is, as the journal keeps accounts apart: by user and host, whatever way leads there.
fn mailbox<'a>(user: &'a str, authorization: Option<&'a str>, host: &str) -> (&'a str, String) {
    (authorization.unwrap_or(user), host.to_lowercase())
}

/// Where a job with these settings goes: a place on this machine, or the connected account if the job is of its mailbox;
/// else says to which one to connect.
fn place_for(model: &mut Model, job: JobId, settings: &Settings) -> Option<Place> {
    if let Some(local) = &settings.local {
        return Some(Place::Local(local.clone()));
    }
    let Settings { user, host, options, .. } = settings;
    let wanted = mailbox(user, options.authorization.as_deref(), host);
    let connected = model.link.account.clone().filter(|_| model.link.state != LinkState::None);
    let is_its =
        |account: &Account| mailbox(&account.user, account.options.authorization.as_deref(), &account.host) == wanted;
    if let Some(account) = ways::accounts(model).into_iter().rev().find(is_its) {
        return Some(Place::Server(account));
    }
    let label = match &options.authorization {
        Some(whose) if whose != user => format!("{user}@{host} for the mailbox of {whose}"),
        _ => format!("{user}@{host}"),
    };
    let here = connected.map_or("there is no connection".to_owned(), |account| {
        format!("the right pane is connected to {}", account.label())
    });
    let text = format!("job {job} is of the mailbox {label}, and {here}");
    let hint = format!("close this, connect to {label} with A, and choose the job again");
    dialogs::problem(model, "Another mailbox", &Trouble { text, hint });
    None
}

/// Whether the accounts that a job reads from are open; says which one is not.
fn has_sources(model: &mut Model, job: JobId, settings: &Settings) -> bool {
    let known: Vec<String> = ways::accounts(model).iter().map(Account::label).collect();
    let Some(missing) = settings.sources.iter().map(Login::label).find(|label| !known.contains(label)) else {
        return true;
    };
    let text = format!("job {job} reads from the mailbox {missing}, which is not open");
    let hint = format!("close this, open {missing} on the left with A, and choose the job again");
    dialogs::problem(model, "Another mailbox", &Trouble { text, hint });
    false
}

/// r: goes on with a job, once its plan is read.
pub(crate) fn resume(model: &mut Model, job: JobId) {
    if may_go_on(model, job) {
        let (generation, state) = (model.next_generation(), model.state.clone());
        model.resuming = Some(generation);
        model.say(format!("reading job {job} …"));
        model.ask(Effect::Journal(JournalRequest::Load { generation, state, job }));
    }
}

/// The plan is read: off it goes, with the password of the connected account.
fn go_on(model: &mut Model, past: PastJob, plan: Plan) {
    if !may_go_on(model, past.id) {
        return;
    }
    let Some(target) = place_for(model, past.id, &past.settings) else { return };
    if !has_sources(model, past.id, &past.settings) {
        return;
    }
    let mut job = past.resumed(target, ways::accounts(model), plan, model.state.clone());
    job.accept_rewriting |= model.accept_rewriting;
    job.failed_dir.clone_from(&model.failed_dir);
    model.dialogs.retain(|dialog| !matches!(dialog, Dialog::Jobs(_) | Dialog::Transfers(_)));
    carrying::begin(model, job, Marks::default(), Side::Local);
}

/// u: asks whether a job may be taken back.
pub(crate) fn ask_undo(model: &mut Model, past: &Past) {
    let (job, tally) = (past.job.id, past.tally);
    if !is_free(model) {
        return;
    }
    let Some(place) = place_for(model, job, &past.job.settings) else { return };
    let messages = tally.removable + tally.unknown;
    let mut lines = vec![
        match &place {
            Place::Server(account) => format!("Remove from {}, for good:", account.label()),
            Place::Local(local) => format!("Take out of {}, into .mailferry-moved:", local.label()),
        },
        format!("  {} that job {job} appended,", plural(messages, "message")),
        "  as far as nobody changed them since,".to_owned(),
        "  and the folders that it made, if nothing else is in them.".to_owned(),
    ];
    if past.job.settings.mode == Mode::Copy {
        lines.push("The local mail stays as it is.".to_owned());
    }
    if tally.moved > 0 {
        let moved = plural(tally.moved, "message");
        lines.push(format!("{moved} stay there: it moved them, and there is no other copy."));
    }
    let question = Confirm::new("Undo", lines, "No").choice("Yes, remove them", Command::Undo(job, Box::new(place)));
    model.dialogs.push(Dialog::Confirm(question.danger()));
}

/// The user said yes.
pub(crate) fn undo(model: &mut Model, job: JobId, place: Place) {
    if !is_free(model) {
        return;
    }
    let (generation, columns) = (model.next_generation(), columns(model.size));
    model.undoing = Some((generation, job));
    let mut dialog = PreviewDialog::new(generation, &format!("Undo of job {job}"));
    dialog.wait("removing … Esc closes this; it goes on, and what came of it is shown".to_owned());
    model.dialogs.push(Dialog::Preview(dialog));
    let (state, place) = (model.state.clone(), Box::new(place));
    model.ask(Effect::Journal(JournalRequest::Undo { generation, state, job, place, columns }));
}

/// A job was taken back as far as it could be: that is told, and the server's side is read again.
fn undone(model: &mut Model, generation: u64, job: JobId, result: Result<Vec<Page>, Trouble>) {
    if model.undoing.is_some_and(|(waiting, _)| waiting == generation) {
        model.undoing = None;
    }
    match show_pages(model, generation, result.clone()) {
        Ok(true) => {}
        Ok(false) => {
            let mut dialog = PreviewDialog::new(generation, &format!("Undo of job {job}"));
            dialog.show(result.unwrap_or_default());
            model.dialogs.push(Dialog::Preview(dialog));
        }
        Err(trouble) => dialogs::problem(model, "Not taken back", &trouble),
    }
    browsing::reread_remote(model);
    list_again(model);
}

/// Whether a job ended because the server writes mail anew, which the engine tells by the option that allows it.
pub(crate) fn is_rewriting(reason: &str) -> bool {
    reason.contains("--accept-rewriting")
}

/// Asks whether a move may go on although the server writes mail anew.
pub(crate) fn ask_consent(model: &mut Model, job: JobId) {
    let lines = vec![
        "This server takes messages apart and writes them anew. What comes back says the same, but not in the same bytes, so \
         that only its meaning can be proven: sender, recipients, subject, date and all parts."
            .to_owned(),
        "A move removes the local original. It has stopped; what it did not move is still here.".to_owned(),
        "Go on moving on that proof, in this session?".to_owned(),
    ];
    let question = Confirm::new("The server writes mail anew", lines, "No")
        .choice("Yes, go on moving", Command::AcceptRewriting(job));
    // Below what is open: a letter meant for that must not answer this.
    model.dialogs.insert(0, Dialog::Confirm(question.danger()));
}

/// The user agreed: the same job goes on.
pub(crate) fn accept_rewriting(model: &mut Model, job: JobId) {
    model.accept_rewriting = true;
    resume(model, job);
}
