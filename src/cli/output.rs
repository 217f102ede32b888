//! What a job prints: one JSON object a line, or lines for people with a progress line on a terminal.

use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::imap::Quota;
use crate::mail::display::clean;
use crate::mail::units::{bytes as size, clock, rate, thousands, took};
use crate::transfer::{
    Done, Event, Failed, FolderPlan, JobId, Mode, Need, Outcome, Pause, Plan, Progress, Room, TooBig, Weight,
};

use super::exit::Failure;

/// How often the progress line is written anew.
const EVERY: Duration = Duration::from_millis(250);

/// Prints a job's events.
pub struct Printer {
    is_json: bool,
    is_quiet: bool,
    /// Whether a person watches stderr.
    is_watched: bool,
    last_line: Option<Instant>,
}

/// Writes one JSON object as a line, with the schema's number.
pub fn json_line(mut value: Value) -> io::Result<()> {
    if let Some(object) = value.as_object_mut() {
        object.insert("schema".into(), json!(1));
    }
    line(&value.to_string())
}

/// Writes a line to stdout. A closed pipe is the reader's will, not an error of ours; it shows in the result.
pub fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}

/// Asks a person whether to do something; `None` where there is nobody to ask.
pub fn ask(question: &str) -> Result<Option<bool>, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    // Nothing is done where the question can't be seen.
    write!(io::stderr(), "{question} [y/N] ").map_err(|error| Failure::local(error.to_string()))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| Failure::local(error.to_string()))?;
    Ok(Some(matches!(answer.trim(), "y" | "Y" | "yes")))
}

impl Printer {
    /// A printer for stdout and stderr.
    pub fn new(is_json: bool, is_quiet: bool) -> Self {
        let is_watched = io::stderr().is_terminal() && !is_quiet;
        Self { is_json, is_quiet, is_watched, last_line: None }
    }

    /// Whether a person reads what is printed.
    pub fn is_for_people(&self) -> bool {
        !self.is_json && !self.is_quiet
    }

    /// A remark for people, on stderr.
    pub fn remark(&mut self, text: &str) {
        if !self.is_quiet {
            self.clear();
            let _ = writeln!(io::stderr(), "{text}"); // stderr closed: nobody listens
        }
    }

    /// Shows a folder of a plan.
    pub fn folder(&mut self, folder: &FolderPlan, weight: &Weight, room: &Room) -> io::Result<()> {
        let too_big = room.too_big(&folder.target, weight);
        let (source, target) = (clean(&folder.folder.to_string()), clean(&folder.target.to_string()));
        if self.is_json {
            let by_rule: Map<String, Value> =
                weight.dates.iter().map(|(rule, count)| (rule.label().to_owned(), json!(count))).collect();
            let repairs = weight.repairs.as_ref().map(|repairs| {
                repairs.iter().map(|(repair, count)| (repair.label().to_owned(), json!(count))).collect::<Map<_, _>>()
            });
            return json_line(json!({"event": "plan", "source": clean(&folder.source.path.to_string_lossy()),
                "folder": source, "target": target, "exists": folder.exists, "messages": folder.messages,
                "bytes": folder.bytes, "date_from": folder.dates.label(), "dates": by_rule,
                "doubtful_dates": weight.doubtful, "append_limit": room.largest(&folder.target),
                "too_big": too_big.surely, "usual_limit": room.usual(&folder.target),
                "perhaps_too_big": too_big.perhaps, "already": weight.already, "needs_repair": repairs}));
        }
        let from = if source.is_empty() { clean(&folder.source.path.to_string_lossy()) } else { source };
        let new = if folder.exists { "" } else { "  (new)" };
        let (messages, bytes) = (thousands(folder.messages), size(folder.bytes));
        line(&format!("{messages:>9} messages {bytes:>10}  {from} > {target}{new}"))?;
        let remarks = weight.remarks(folder.dates, too_big);
        if remarks.is_empty() { Ok(()) } else { line(&format!("{:>9} {}", "", remarks.join(", "))) }
    }

    /// Shows what a plan adds up to; in JSON, what limits it too.
    pub fn plan_end(&mut self, plan: &Plan, needs: &[Need<'_>], room: &Room, too_big: TooBig) -> io::Result<()> {
        let (folders, new) = (plan.folders.len(), plan.new_folders());
        if self.is_json {
            let quotas: Vec<Value> = needs.iter().map(need).collect();
            return json_line(json!({"event": "plan.end", "folders": folders, "new_folders": new,
                "messages": plan.messages(), "bytes": plan.bytes(), "too_big": too_big.surely,
                "perhaps_too_big": too_big.perhaps, "quotas": quotas, "server": room.kind.map(|kind| kind.name),
                "bytes_a_day": room.kind.and_then(|kind| kind.bytes_a_day)}));
        }
        let (messages, bytes) = (thousands(plan.messages()), size(plan.bytes()));
        line(&format!("{messages:>9} messages {bytes:>10}  in {folders} folders, {new} to be made"))
    }

    /// Prints one event; `progress` has it folded in already.
    pub fn event(&mut self, event: &Event, progress: &Progress, now: Instant) -> io::Result<()> {
        if self.is_json {
            return json(event, progress, now).map_or(Ok(()), json_line);
        }
        match event {
            Event::Failed { failed, .. } => self.remark(&failure(failed)),
            Event::Damage { text, .. } => self.remark(&format!("damaged: {}", clean(text))),
            Event::Remark { text } => self.remark(&clean(text)),
            Event::Waiting { seconds, pause, reason } => {
                let until = match pause {
                    Pause::Lost | Pause::Asked if *seconds == 0 => "trying again".to_owned(),
                    Pause::Lost | Pause::Asked => format!("trying again in {seconds} s"),
                    Pause::AtMost => format!("waiting {seconds} s at most"),
                    Pause::Turn => "waiting for another connection".to_owned(),
                };
                self.remark(&format!("{}; {until}", clean(reason)));
            }
            Event::JobEnd { outcome, reason } => {
                self.clear();
                if !self.is_quiet {
                    line(&summary(*outcome, reason, progress, now))?;
                }
            }
            _ => self.progress(progress, now),
        }
        Ok(())
    }

    fn progress(&mut self, progress: &Progress, now: Instant) {
        let is_due = self.last_line.is_none_or(|last| now.saturating_duration_since(last) >= EVERY);
        if !self.is_watched || !is_due {
            return;
        }
        self.last_line = Some(now);
        let (messages, bytes) = progress.rates(now);
        let left = progress.time_left(now).map(|left| format!(", {} left", clock(left))).unwrap_or_default();
        let text = format!(
            "{}/{} messages, {}/s, {}B/s{left}, {} failed",
            thousands(progress.finished()),
            thousands(progress.messages),
            rate(messages),
            rate(bytes),
            progress.failed
        );
        let _ = write!(io::stderr(), "\r\x1b[K{text}"); // stderr closed: nobody listens
    }

    fn clear(&mut self) {
        if self.last_line.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K"); // stderr closed: nobody listens
        }
    }
}

/// What is left of a quota, in JSON.
pub fn quota(quota: &Quota) -> Value {
    json!({"root": clean(&quota.root), "bytes_left": quota.bytes, "messages_left": quota.messages})
}

/// What a plan needs of a quota, in JSON.
fn need(need: &Need<'_>) -> Value {
    let Quota { root, bytes, messages, .. } = need.quota;
    json!({"root": clean(root), "bytes_left": bytes, "messages_left": messages, "bytes": need.bytes,
        "messages": need.messages, "fits": !need.lacks_bytes() && !need.lacks_messages()})
}

fn failure(failed: &Failed) -> String {
    let mut text = String::from("not carried: ");
    text += &clean(&failed.folder.to_string());
    if failed.id.is_empty() {
        text += &format!(" ({} messages)", failed.messages);
    } else {
        text += &format!(" {}", clean(&failed.id));
    }
    if !failed.subject.is_empty() {
        text += &format!(" \"{}\"", clean(&failed.subject));
    }
    text += &format!(": {}", clean(&failed.reason));
    if !failed.hint.is_empty() {
        text += &format!(" ({})", failed.hint);
    }
    text
}

fn summary(outcome: Outcome, reason: &str, progress: &Progress, now: Instant) -> String {
    let verb = match progress.mode {
        Mode::Copy => "copied",
        Mode::Move => "moved",
    };
    let carried = if progress.mode == Mode::Move { progress.removed } else { progress.done };
    let mut text = format!(
        "{} of {} messages {verb}, {} already there, {} not carried; {} in {}",
        thousands(carried),
        thousands(progress.messages),
        thousands(progress.already),
        thousands(progress.failed),
        size(progress.bytes_carried),
        took(progress.elapsed(now)),
    );
    if outcome == Outcome::NotKept && reason.is_empty() {
        text += "\nthe server said that it took messages and did not keep them as they were sent";
    } else if !matches!(outcome, Outcome::Complete | Outcome::Partial) || !reason.is_empty() {
        text += &format!("\nended early: {}", clean(reason));
        if let Some(job) = progress.job {
            text += &format!("\n`mailferry resume {job}` goes on, and so does the same command");
        }
    }
    text
}

/// The event in JSON, if it has a place there (design.md section 5).
fn json(event: &Event, progress: &Progress, now: Instant) -> Option<Value> {
    Some(match event {
        Event::JobStart { job, mode, folders, messages, bytes } => {
            json!({"event": "job.start", "job": job.number(), "mode": mode.label(), "folders": folders, "messages": messages, "bytes": bytes})
        }
        Event::FolderStart { source, target, messages, bytes, .. } => {
            let (folder, target) = (clean(&source.to_string()), clean(&target.to_string()));
            json!({"event": "folder.start", "folder": folder, "target": target, "messages": messages, "bytes": bytes})
        }
        Event::Done { done, .. } => message_done(done),
        Event::Failed { failed, .. } => message_failed(failed),
        Event::Remark { text } => json!({"event": "remark", "text": clean(text)}),
        Event::Damage { text, .. } => json!({"event": "damage", "text": clean(text)}),
        Event::Waiting { seconds, reason, .. } => {
            json!({"event": "throttle", "seconds": seconds, "reason": clean(reason)})
        }
        Event::JobEnd { outcome, reason } => {
            json!({"event": "job.end", "job": progress.job.map(JobId::number), "outcome": format!("{outcome:?}"), "reason": clean(reason),
            "messages": progress.messages, "done": progress.done, "already": progress.already, "failed": progress.failed,
            "removed": progress.removed, "bytes": progress.bytes_carried, "seconds": progress.elapsed(now).as_secs_f64()})
        }
        _ => return None,
    })
}

/// What was not carried, as an event.
pub fn message_failed(failed: &Failed) -> Value {
    json!({"event": "message.failed", "folder": clean(&failed.folder.to_string()),
        "id": clean(&failed.id), "subject": clean(&failed.subject), "reason": clean(&failed.reason),
        "server_text": clean(&failed.server_text), "hint": failed.hint, "messages": failed.messages})
}

fn message_done(done: &Done) -> Value {
    let repairs: Vec<&str> = done.repairs.iter().map(|repair| repair.label()).collect();
    let dropped: Vec<String> = done.dropped_flags.iter().map(|flag| clean(flag)).collect();
    json!({"event": "message.done", "folder": clean(&done.folder.to_string()), "id": clean(&done.id),
        "sha256": done.sha256.map(|sum| sum.to_string()), "target": clean(&done.target.to_string()), "uidvalidity": done.uid_validity,
        "uid": done.uid, "how": done.how.label(), "proof": done.proof.label(), "repairs": repairs, "dropped_flags": dropped})
}
