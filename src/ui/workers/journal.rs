//! Asks the journal, and takes jobs back: each request in a thread of its own, since a journal is a file and an undo talks
//! to the server for minutes.

use std::path::Path;

use chrono::{DateTime, Local};
use crossbeam_channel::Sender;

use super::reading::push;
use super::spawn;
use crate::mail::FolderPath;
use crate::mail::display::clean;
use crate::mail::units::{plural, thousands};
use crate::transfer::{
    Failed, JobId, Journal, JournalError, Outcome, PastJob, Plan, Repaired, Tally, UndoError, Undone, undo,
};
use crate::ui::effect::JournalRequest;
use crate::ui::event::{Event, JournalEvent, Page, Past, PreviewKind, PreviewLine, Trouble};

/// How far lines that go on are indented.
const INDENT: usize = 4;
/// Most lines kept; what is more is counted.
const MAX_LINES: usize = 20_000;

/// Does what is asked; the answer comes as an event.
pub(crate) fn start(request: JournalRequest, events: &Sender<Event>) {
    let news = events.clone();
    spawn("journal", events, move || {
        // Nobody listens any more when the program is ending.
        let _ = news.send(Event::Journal(answer(&request)));
    });
}

fn answer(request: &JournalRequest) -> JournalEvent {
    match request {
        JournalRequest::List { generation, state } => {
            JournalEvent::List(*generation, list(state).map_err(|error| Trouble::from(&error)))
        }
        JournalRequest::Report { generation, state, job, columns } => {
            JournalEvent::Report(*generation, report(state, *job, *columns).map_err(|error| Trouble::from(&error)))
        }
        JournalRequest::Speed { generation, state, place } => {
            // No journal, no speed.
            let speed = Journal::open(state).and_then(|journal| journal.speed(place)).unwrap_or_default();
            JournalEvent::Speed(*generation, speed)
        }
        JournalRequest::Load { generation, state, job } => {
            JournalEvent::Loaded(*generation, load(state, *job).map_err(|error| Trouble::from(&error)))
        }
        JournalRequest::Undo { generation, state, job, place, columns } => {
            let undone = undo(state, *job, place, || place.open()).map_err(|error| trouble(&error));
            let lines = undone.map(|undone| undone_lines(&undone, &place.label(), *columns));
            JournalEvent::Undone(*generation, *job, lines.map(|lines| vec![Page { name: "Undo", lines }]))
        }
    }
}

impl From<&JournalError> for Trouble {
    fn from(error: &JournalError) -> Self {
        Self { text: error.to_string(), hint: error.hint().to_owned() }
    }
}

fn trouble(error: &UndoError) -> Trouble {
    match error {
        UndoError::Journal(error) => Trouble::from(error),
        UndoError::Imap(error) => {
            let hint = error.hint().trim_end_matches('.');
            let go_on = "what is removed stays removed; undo the job again to go on";
            let hint = if hint.is_empty() { go_on.to_owned() } else { format!("{hint}; {go_on}") };
            Trouble { text: error.to_string(), hint }
        }
        UndoError::NoUidPlus => {
            Trouble { text: error.to_string(), hint: "remove the messages with a mail program".into() }
        }
    }
}

/// All jobs, the newest first.
fn list(state: &Path) -> Result<Vec<Past>, JournalError> {
    let journal = Journal::open(state)?;
    let past = |job: PastJob| {
        let (plan, tally) = (journal.plan(job.id)?, journal.tally(job.id)?);
        let (folders, messages) = (plan.folders.len() as u64, plan.messages());
        Ok(Past { began: date(job.started), job, folders, messages, tally })
    };
    journal.jobs()?.into_iter().rev().map(past).collect()
}

fn load(state: &Path, job: JobId) -> Result<Box<(PastJob, Plan)>, JournalError> {
    let journal = Journal::open(state)?;
    Ok(Box::new((journal.job(job)?, journal.plan(job)?)))
}

fn report(state: &Path, id: JobId, columns: usize) -> Result<Vec<Page>, JournalError> {
    let journal = Journal::open(state)?;
    let (job, plan, tally) = (journal.job(id)?, journal.plan(id)?, journal.tally(id)?);
    let (repaired, troubles) = (journal.repaired(id)?, journal.troubles(id)?);
    let ended = job.ended.map(|ended| format!(" to {}", date(ended))).unwrap_or_default();
    let when = format!("{}{ended}", date(job.started));
    Ok(vec![Page { name: "Report", lines: report_lines(&job, &when, &plan, tally, (&repaired, &troubles), columns) }])
}

/// A point in time for people, where they are.
fn date(seconds: i64) -> String {
    let date = DateTime::from_timestamp(seconds, 0).map(|date| date.with_timezone(&Local));
    date.map(|date| date.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

/// Lines being written.
struct Lines {
    columns: usize,
    written: Vec<PreviewLine>,
    more: u64,
}

impl Lines {
    fn new(columns: usize) -> Self {
        Self { columns, written: Vec::new(), more: 0 }
    }

    fn say(&mut self, kind: PreviewKind, text: &str) {
        if self.written.len() >= MAX_LINES {
            self.more += 1;
            return;
        }
        push(&mut self.written, kind, &clean(text), self.columns, INDENT);
    }

    fn head(&mut self, text: &str) {
        if !self.written.is_empty() {
            self.say(PreviewKind::Text, "");
        }
        self.say(PreviewKind::Header, text);
    }

    fn done(mut self) -> Vec<PreviewLine> {
        if self.more > 0 {
            let more = format!("[{} more; mailferry report lists all]", thousands(self.more));
            push(&mut self.written, PreviewKind::Note, &more, self.columns, 0);
        }
        self.written
    }
}

/// What a job did at that time, the messages that it changed, and all that it did not carry.
pub(crate) fn report_lines(
    job: &PastJob,
    when: &str,
    plan: &Plan,
    tally: Tally,
    (repaired, troubles): (&[Repaired], &[Failed]),
    columns: usize,
) -> Vec<PreviewLine> {
    let mut lines = Lines::new(columns);
    let (mode, settings) = (job.settings.mode.label(), &job.settings);
    lines.head(&format!("{mode} to {}", settings.label()));
    lines.say(PreviewKind::Text, &format!("{when}: {}", Past::end_of(job)));
    if !job.reason.is_empty() {
        lines.say(PreviewKind::Quote, &job.reason);
    }
    lines.head("What it did");
    let (stored, moved) = (plural(tally.stored, "message"), thousands(tally.moved));
    lines.say(PreviewKind::Text, &format!("{stored} appended, {moved} of them moved"));
    // A run that goes on finds what the runs before it appended, so the two may overlap.
    lines.say(PreviewKind::Text, &format!("{} found there by its last run", plural(job.already, "message")));
    if tally.unknown > 0 {
        let unknown = plural(tally.unknown, "message");
        lines.say(PreviewKind::Note, &format!("{unknown} on the way when it broke off: to resume it looks for them"));
    }
    lines.head(&plural(plan.folders.len() as u64, "folder"));
    for folder in &plan.folders {
        let source =
            if folder.folder.is_root() { folder.source.path.display().to_string() } else { folder.folder.to_string() };
        let messages = plural(folder.messages, "message");
        lines.say(PreviewKind::Text, &format!("{source} → {} ({messages})", folder.target));
    }
    if !repaired.is_empty() {
        lines.head(&format!("Changed before they were sent: {}", plural(repaired.len() as u64, "message")));
    }
    for Repaired { folder, id, repairs } in repaired {
        let repairs = repairs.iter().map(|repair| repair.label()).collect::<Vec<_>>().join(", ");
        lines.say(PreviewKind::Text, &format!("{} {id}: {repairs}", shown(folder)));
    }
    if troubles.is_empty() {
        let is_whole = job.outcome == Some(Outcome::Complete);
        lines.head(if is_whole { "Nothing was left out." } else { "No message was refused." });
        return lines.done();
    }
    let messages: u64 = troubles.iter().map(|failed| failed.messages).sum();
    let count = if messages > 0 { format!(": {}", plural(messages, "message")) } else { String::new() };
    lines.head(&format!("Not carried{count}"));
    for failed in troubles {
        lines.say(PreviewKind::Note, &trouble_line(failed));
        if !failed.server_text.is_empty() {
            lines.say(PreviewKind::Quote, &format!("    The server: {}", failed.server_text));
        }
        if !failed.hint.is_empty() {
            lines.say(PreviewKind::Text, &format!("    What to do: {}", failed.hint));
        }
    }
    lines.done()
}

/// `Inbox 1078.M2: the server refused the message`
fn trouble_line(failed: &Failed) -> String {
    let what = match (failed.id.as_str(), failed.messages) {
        ("", 0) => String::new(),
        ("", messages) => format!(" ({})", plural(messages, "message")),
        (id, _) => format!(" {id}"),
    };
    format!("{}{what}: {}", shown(&failed.folder), failed.reason)
}

fn shown(path: &FolderPath) -> String {
    if path.is_root() { "(top)".into() } else { path.to_string() }
}

/// What an undo removed, and what stays and why.
pub(crate) fn undone_lines(undone: &Undone, label: &str, columns: usize) -> Vec<PreviewLine> {
    let mut lines = Lines::new(columns);
    lines.head(&format!("{} removed from {label}", plural(undone.removed, "message")));
    if undone.gone > 0 {
        lines.say(PreviewKind::Text, &format!("{} had been removed before", plural(undone.gone, "message")));
    }
    for folder in &undone.folders {
        lines.say(PreviewKind::Text, &format!("removed with them: the folder {folder}"));
    }
    if undone.kept.is_empty() {
        lines.say(PreviewKind::Text, "Nothing that it appended is left.");
        return lines.done();
    }
    lines.head("Kept");
    for kept in &undone.kept {
        let message = if kept.id.is_empty() { String::new() } else { format!(" {} (UID {})", kept.id, kept.uid) };
        lines.say(PreviewKind::Note, &format!("{}{message}: {}", shown(&kept.folder), kept.reason));
    }
    lines.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::Kept;

    #[test]
    fn an_undo_tells_what_is_gone_and_what_stays_without_anything_a_terminal_obeys() {
        let kept = Kept {
            folder: FolderPath::parse("Box"),
            id: "\u{1b}]0;PWN\u{7}".into(),
            uid: 3,
            reason: "it was changed since (flags, date or content)".into(),
        };
        let folders = vec![FolderPath::parse("Old/New")];
        let undone = Undone { removed: 7, gone: 1, folders, kept: vec![kept] };
        let text: Vec<String> = undone_lines(&undone, "anna@host", 40).into_iter().map(|line| line.text).collect();
        let all = text.join("\n");
        for words in ["7 messages removed from anna@host", "1 message had been", "Old/New", "UID 3", "it was changed"] {
            assert!(all.contains(words), "{words}: {all}");
        }
        assert!(!all.contains('\u{1b}') && text.iter().all(|line| line.chars().count() <= 40), "{all}");
    }

    #[test]
    fn a_journal_that_can_not_be_read_is_told_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("journal.sqlite"), b"this is no database, and long enough to be seen")
            .unwrap();
        let request = JournalRequest::List { generation: 1, state: directory.path().into() };
        let JournalEvent::List(1, Err(trouble)) = answer(&request) else { panic!("it was read") };
        assert!(!trouble.hint.is_empty() && trouble.text.contains("journal"), "{trouble:?}");
        let fresh = tempfile::tempdir().unwrap();
        let request = JournalRequest::List { generation: 2, state: fresh.path().into() };
        assert!(matches!(answer(&request), JournalEvent::List(2, Ok(jobs)) if jobs.is_empty()));
        let request = JournalRequest::Load { generation: 3, state: fresh.path().into(), job: "9".parse().unwrap() };
        let JournalEvent::Loaded(3, Err(trouble)) = answer(&request) else { panic!("there is no such job") };
        assert!(trouble.text.contains("no job 9"));
    }
}
