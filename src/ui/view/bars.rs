//! The bars of a running transfer: the whole, each folder under way, its running message; at the end one line that stays.

use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint;
use crate::mail::FolderPath;
use crate::mail::units::{bytes, clock, percent, plural, rate, short, thousands, took};
use crate::transfer::{FolderProgress, Mode, Outcome};
use crate::ui::layout::Layout;
use crate::ui::model::{Model, Running, Stopping};
use crate::ui::theme::Theme;

/// Draws the bars, if a job is shown.
pub(super) fn draw(buf: &mut Buffer, layout: &Layout, model: &Model, theme: Theme) {
    let area = layout.bars;
    let Some(job) = model.job.as_ref().filter(|_| area.height > 1) else { return };
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

fn state_line(job: &Running, model: &Model, theme: Theme) -> (String, ratatui::style::Style) {
    match (&job.progress.waiting, job.stopping) {
        (_, Stopping::AfterMessage | Stopping::AtOnce) => (state(job).to_owned(), theme.bad()),
        (Some((until, reason)), Stopping::No) => (format!("! {}", waiting(*until, reason, model.now)), theme.bad()),
        (None, Stopping::No) => ("Esc stops safely".to_owned(), theme.faint()),
    }
}

/// How a running job stands, in words.
pub(crate) fn state(job: &Running) -> &'static str {
    match job.stopping {
        Stopping::No => "running",
        Stopping::AfterMessage => "stopping after the running message …",
        Stopping::AtOnce => "stopping at once …",
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
        Outcome::TryLater => "the server asks to try again later",
        Outcome::TlsRefused => "the secure connection was refused",
        Outcome::LoginRefused => "the login was refused",
        Outcome::SourceUnreadable => "the local mail could not be read",
        Outcome::LocalFailure => "the journal could not be written",
    };
    if reason.is_empty() { words.to_owned() } else { format!("{words}: {reason}") }
}

/// The whole job: `Copy ████···  61 %  245/401  1.2k/s  3.4MB/s  0:04 left`.
fn whole(buf: &mut Buffer, area: Rect, job: &Running, now: Instant, theme: Theme) {
    let progress = &job.progress;
    let (messages, octets) = progress.rates(now);
    let octets = Duration::try_from_secs_f64(octets).map_or(0, |rate| rate.as_secs());
    let left = progress.time_left(now).map_or("-:--".to_owned(), clock);
    let numbers = format!(
        "{:>3} %  {}/{}  {}/s  {}B/s  {left} left",
        percent(progress.ratio()),
        thousands(progress.finished()),
        thousands(progress.messages),
        rate(messages),
        short(octets),
    );
    let name = match progress.mode {
        Mode::Copy => "Copy",
        Mode::Move => "Move",
    };
    let for_numbers = (paint::columns(&numbers) + 1).max(48).min(area.width.saturating_sub(5));
    let bar = area.width.saturating_sub(for_numbers + 5);
    paint::text(buf, area.x, area.y, 5, name, theme.text());
    paint::bar(buf, Rect { x: area.x + 5, width: bar, ..area }, progress.ratio(), theme);
    paint::right(buf, area.right() - for_numbers, area.y, for_numbers, &numbers, theme.text());
}

/// A folder under way.
pub(crate) fn folder(buf: &mut Buffer, area: Rect, running: &FolderProgress, theme: Theme) {
    let name = format!("{} → {}", shown(&running.source), shown(&running.target));
    let numbers =
        format!("{:>3} %  {}/{}", percent(running.ratio()), thousands(running.finished), thousands(running.messages));
    gauge(buf, area, &name, &numbers, running.ratio(), theme);
}

fn shown(path: &FolderPath) -> String {
    if path.is_root() { "(top)".into() } else { path.to_string() }
}

/// The running message of a folder.
pub(crate) fn message(buf: &mut Buffer, area: Rect, running: &FolderProgress, theme: Theme) {
    if running.message_bytes == 0 {
        return;
    }
    let subject = if running.subject.is_empty() { "(no subject)" } else { &running.subject };
    let numbers = format!(
        "{:>3} %  {} of {}",
        percent(running.message_ratio()),
        bytes(running.message_sent),
        bytes(running.message_bytes)
    );
    gauge(buf, area, &format!("  {subject}"), &numbers, running.message_ratio(), theme);
}

/// Name, bar and numbers in columns that do not move while the numbers change.
fn gauge(buf: &mut Buffer, area: Rect, name: &str, numbers: &str, ratio: f64, theme: Theme) {
    let for_name = (area.width / 3).min(36);
    let for_numbers = paint::columns(numbers).max(22).min(area.width - for_name);
    let bar = area.width.saturating_sub(for_name + for_numbers + 1);
    let style = theme.text();
    paint::text(buf, area.x, area.y, for_name.saturating_sub(1), name, style);
    paint::bar(buf, Rect { x: area.x + for_name, width: bar, ..area }, ratio, theme);
    paint::right(buf, area.right() - for_numbers, area.y, for_numbers, numbers, style);
}

/// What stays when the job is over.
fn summary(buf: &mut Buffer, area: Rect, job: &Running, now: Instant, theme: Theme) {
    let progress = &job.progress;
    let (outcome, reason) =
        progress.end.as_ref().map_or((Outcome::Complete, ""), |(outcome, reason)| (*outcome, reason.as_str()));
    let took = took(progress.elapsed(now));
    let sent = plural(progress.done, "message");
    let mut parts = vec![format!("{} {sent}, {} in {took}", capital(job.verb()), bytes(progress.bytes_finished))];
    if progress.already > 0 {
        parts.push(format!("{} there before", thousands(progress.already)));
    }
    if !matches!(outcome, Outcome::Complete | Outcome::Partial) {
        parts.push(ending(outcome, reason));
    }
    if progress.failed > 0 {
        parts.push(format!("{} failed (x lists them)", thousands(progress.failed)));
    }
    let words = parts.join("; ");
    let is_good = outcome == Outcome::Complete && progress.failed == 0;
    let words = if is_good { words } else { format!("! {words}") };
    paint::text(buf, area.x, area.y, area.width, &words, if is_good { theme.good() } else { theme.bad() });
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + chars.as_str())
}
