//! The bars of a running transfer: the whole, each folder under way, its running message; at the end one line that stays.

use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint;
use crate::mail::FolderPath;
use crate::mail::units::{bytes, clock, percent, plural, rate, short, thousands, took};
use crate::transfer::{Entry, FolderProgress, Mode, Outcome, Progress, Stage, Why};
use crate::ui::layout::Layout;
use crate::ui::model::Model;
use crate::ui::theme::Theme;

/// From this size on a message lasts long enough to be told of on a slow line.
const LASTING: u64 = 1 << 20;

/// Draws the bars, if a job is shown.
pub(super) fn draw(buf: &mut Buffer, layout: &Layout, model: &Model, theme: Theme) {
    let area = layout.bars;
    let Some(job) = model.shown().filter(|_| area.height > 1) else { return };
    let style = theme.border(false);
    let top = Rect { height: 1, ..area };
    paint::line(buf, top, ("├", "┤"), style);
    if let (Some(local), Some(remote)) = (layout.local, layout.remote) {
        paint::text(buf, local.frame.right() - 1, area.y, 1, "┴", style);
        paint::text(buf, remote.frame.x, area.y, 1, "┴", style);
    }
    paint::sides(buf, Rect { y: area.y + 1, height: area.height - 1, ..area }, style);
    let line = Rect { x: area.x + 2, y: area.y + 1, width: area.width.saturating_sub(4), height: 1 };
    if !job.is_running() {
        summary(buf, line, job, model.now, theme);
        return;
    }
    let (words, style) = state_line(job, model, theme);
    paint::title_right(buf, top, area.x, &words, style);
    whole(buf, line, job, model.now, theme);
    let mut y = line.y + 1;
    let count = job.progress.running.len();
    for (at, running) in job.progress.running.values().enumerate() {
        let last = at + 1 == count || y + 2 >= area.bottom();
        if y < area.bottom() {
            folder(buf, Rect { y, ..line }, running, theme);
        }
        y += 1;
        if last {
            if y < area.bottom() {
                message(buf, Rect { y, ..line }, running, theme);
            }
            return;
        }
    }
}

fn state_line(job: &Entry, model: &Model, theme: Theme) -> (String, ratatui::style::Style) {
    if job.stage != Stage::Running {
        return (format!("! {}", state(job)), theme.bad());
    }
    if let Some((until, reason)) = &job.progress.waiting {
        return (format!("! {}", waiting(*until, reason, model.now)), theme.bad());
    }
    let behind = match model.queue.to_come() {
        0 => String::new(),
        many => format!("{many} more in the queue (w)   "),
    };
    (format!("{behind}Esc stops safely"), theme.faint())
}

/// How a job stands, in words.
pub(crate) fn state(job: &Entry) -> &'static str {
    match job.stage {
        Stage::Waiting => "waiting",
        Stage::Running => "running",
        Stage::Stopping(Why::Pause) => "pausing after the running message …",
        Stage::Stopping(Why::Leave) => "leaving it to another process …",
        Stage::Stopping(Why::Cancel) => "stopping after the running message …",
        Stage::Breaking(_) => "stopping at once …",
        Stage::Paused => "paused",
        Stage::Held => "held back",
        Stage::Ended => "ended",
    }
}

/// Why nothing moves, in words.
pub(crate) fn waiting(until: Instant, reason: &str, now: Instant) -> String {
    format!("waiting {}: {reason}", clock(until.saturating_duration_since(now)))
}

/// How a job ended, in words.
pub(crate) fn ending(outcome: Outcome, reason: &str) -> String {
    let words = match outcome {
        Outcome::Complete => "all carried",
        Outcome::Partial => "finished, but some messages were not carried",
        Outcome::Stopped => "stopped",
        Outcome::ServerLost => "the server was lost",
        Outcome::NotKept => "the server did not keep all that it said it took",
        Outcome::TryLater => "the server asks to try again later",
        Outcome::TlsRefused => "the secure connection was refused",
        Outcome::LoginRefused => "the login was refused",
        Outcome::SourceUnreadable => "the local mail could not be read",
        Outcome::LocalFailure => "the journal could not be written",
        Outcome::Undone => "taken back",
    };
    if reason.is_empty() { words.to_owned() } else { format!("{words}: {reason}") }
}

/// The whole job: `Copy ████···  61 %  245/401  1.2k/s  3.4MB/s  0:04 left`.
fn whole(buf: &mut Buffer, area: Rect, job: &Entry, now: Instant, theme: Theme) {
    let name = match job.progress.mode {
        Mode::Copy => "Copy",
        Mode::Move => "Move",
    };
    paint::text(buf, area.x, area.y, 5, name, theme.text());
    let line = Rect { x: area.x + 5, width: area.width.saturating_sub(5), ..area };
    sum(buf, line, job, now, theme);
}

/// A job's bar and numbers; speed and time left only while they mean something.
pub(crate) fn sum(buf: &mut Buffer, area: Rect, job: &Entry, now: Instant, theme: Theme) {
    let progress = &job.progress;
    let (messages, octets) = progress.rates(now);
    let octets = Duration::try_from_secs_f64(octets).map_or(0, |rate| rate.as_secs());
    let speed = format!("  {}/s  {}B/s", rate(messages), short(octets));
    let left = progress.time_left(now).map_or("-:--".to_owned(), clock);
    let more = match job.stage {
        Stage::Waiting | Stage::Paused | Stage::Held => String::new(),
        Stage::Ended => speed,
        Stage::Running | Stage::Stopping(_) | Stage::Breaking(_) => format!("{speed}  {left} left"),
    };
    let (finished, messages) = (thousands(progress.finished()), thousands(progress.messages));
    let numbers = format!("{:>3} %  {finished}/{messages}{more}", percent(progress.ratio()));
    let for_numbers = (paint::columns(&numbers) + 1).max(48).min(area.width);
    let bar = area.width.saturating_sub(for_numbers);
    paint::bar(buf, Rect { width: bar, ..area }, progress.ratio(), theme);
    paint::right(buf, area.right() - for_numbers, area.y, for_numbers, &numbers, theme.text());
}

/// A folder under way.
pub(crate) fn folder(buf: &mut Buffer, area: Rect, running: &FolderProgress, theme: Theme) {
    let name = format!("{} → {}", shown(&running.source), shown(&running.target));
    let numbers =
        format!("{:>3} %  {}/{}", percent(running.ratio()), thousands(running.finished), thousands(running.messages));
    gauge(buf, area, &name, &numbers, running.ratio(), theme, None);
}

pub(crate) fn shown(path: &FolderPath) -> String {
    if path.is_root() { "(top)".into() } else { path.to_string() }
}

/// The running message of a folder.
pub(crate) fn message(buf: &mut Buffer, area: Rect, running: &FolderProgress, theme: Theme) {
    let is_gone_at_once = theme.coarse && running.message_bytes < LASTING;
    if running.message_bytes == 0 || is_gone_at_once {
        return;
    }
    let subject = if running.subject.is_empty() { "(no subject)" } else { &running.subject };
    let numbers = format!(
        "{:>3} %  {} of {}",
        percent(running.message_ratio()),
        bytes(running.message_sent),
        bytes(running.message_bytes)
    );
    gauge(buf, area, &format!("  {subject}"), &numbers, running.message_ratio(), theme, None);
}

/// Name, bar and numbers in columns that do not move while the numbers change. `room` says how many columns numbers and
/// name take at most where that is not as usual.
pub(crate) fn gauge(
    buf: &mut Buffer,
    area: Rect,
    name: &str,
    numbers: &str,
    ratio: f64,
    theme: Theme,
    room: Option<(u16, u16)>,
) {
    let (least, most) = room.unwrap_or((22, 36));
    let part = if most > 36 { area.width * 3 / 5 } else { area.width / 3 };
    let for_name = part.min(most);
    let for_numbers = paint::columns(numbers).max(least).min(area.width - for_name);
    let bar = area.width.saturating_sub(for_name + for_numbers + 1);
    let style = theme.text();
    paint::text(buf, area.x, area.y, for_name.saturating_sub(1), name, style);
    paint::bar(buf, Rect { x: area.x + for_name, width: bar, ..area }, ratio, theme);
    paint::right(buf, area.right() - for_numbers, area.y, for_numbers, numbers, style);
}

/// What stays when the job is over, or pauses.
fn summary(buf: &mut Buffer, area: Rect, job: &Entry, now: Instant, theme: Theme) {
    let progress = &job.progress;
    if job.stage != Stage::Ended {
        let (finished, messages) = (thousands(progress.finished()), thousands(progress.messages));
        let words = format!("! {} at {finished}/{messages}: w, then p goes on", capital(state(job)));
        paint::text(buf, area.x, area.y, area.width, &words, theme.marked());
        return;
    }
    let (outcome, reason) =
        progress.end.as_ref().map_or((Outcome::Complete, ""), |(outcome, reason)| (*outcome, reason.as_str()));
    let took = took(progress.elapsed(now));
    let sent = plural(progress.done, "message");
    let verb = match progress.mode {
        Mode::Copy => "Copied",
        Mode::Move => "Moved",
    };
    let mut parts = vec![format!("{verb} {sent}, {} in {took}", bytes(progress.bytes_carried))];
    if progress.already > 0 {
        parts.push(format!("{} there before", thousands(progress.already)));
    }
    if !matches!(outcome, Outcome::Complete | Outcome::Partial) {
        parts.push(ending(outcome, reason));
    }
    parts.extend(troubles(progress));
    let words = parts.join("; ");
    let is_good = outcome == Outcome::Complete && progress.failed == 0;
    let words = if is_good { words } else { format!("! {words}") };
    paint::text(buf, area.x, area.y, area.width, &words, if is_good { theme.good() } else { theme.bad() });
}

/// What did not go well, and the key that lists it.
pub(crate) fn troubles(progress: &Progress) -> Option<String> {
    let of = |count: u64, what: &str| (count > 0).then(|| format!("{} {what}", thousands(count)));
    let found = [of(progress.failed, "failed"), of(progress.damage.len() as u64, "damaged")];
    let found: Vec<String> = found.into_iter().flatten().collect();
    (!found.is_empty()).then(|| format!("{} (x lists them)", found.join(", ")))
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + chars.as_str())
}
