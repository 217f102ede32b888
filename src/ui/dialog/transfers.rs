//! The queue: a line for each job, and below it the one under the cursor in full: its bar, its sums, each connection with
//! its folder and message, all folders, remarks.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::scroll::{Scroll, moved};
use super::{Answer, Command, closes};
use crate::mail::units::{bytes, clock, percent, plural, rate, short, thousands, took};
use crate::transfer::{Connection, Entry, Line, Order, Outcome, Pause, Progress, Stage, Ticket};
use crate::ui::actions::Action;
use crate::ui::layout::centred;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::bars;
use crate::ui::view::paint;

/// The transfers view.
#[derive(Default)]
pub(crate) struct Transfers {
    /// The job under the cursor; none: the present one.
    chosen: Option<Ticket>,
    /// How far its details are scrolled.
    scroll: Scroll,
}

/// A line of the details.
enum Detail<'a> {
    /// A connection; its place in the plan if it carries a folder.
    Connection(usize, &'a Connection),
    /// The message that a connection sends.
    Message(usize),
    /// A folder of the plan.
    Folder(usize),
    /// A remark. Foreign text.
    Remark(&'a str),
    /// Nothing.
    Blank,
}

impl Transfers {
    /// Where the cursor is.
    fn at(&self, model: &Model) -> Option<usize> {
        let entries = model.queue.entries();
        let wanted = self.chosen.filter(|ticket| model.queue.get(*ticket).is_some());
        let wanted = wanted.or_else(|| model.queue.current().map(|job| job.ticket));
        let found = entries.iter().position(|entry| Some(entry.ticket) == wanted);
        found.or_else(|| (!entries.is_empty()).then_some(0))
    }

    fn entry<'m>(&self, model: &'m Model) -> Option<&'m Entry> {
        self.at(model).and_then(|at| model.queue.entries().get(at))
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        if closes(key) || key.code == KeyCode::Char('w') {
            return Answer::Close;
        }
        if key.code == KeyCode::Char('J') {
            return Answer::Finish(Command::Perform(Action::Jobs));
        }
        let Some((at, entry)) = self.at(model).zip(self.entry(model)) else { return Answer::Stay };
        // Whatever is chosen by a key stays chosen when the queue changes.
        self.chosen = Some(entry.ticket);
        let is_shifted = key.modifiers.contains(KeyModifiers::SHIFT);
        match key.code {
            KeyCode::Up if is_shifted => return Answer::Do(Command::Order(Order::Earlier(entry.ticket))),
            KeyCode::Down if is_shifted => return Answer::Do(Command::Order(Order::Later(entry.ticket))),
            KeyCode::PageUp | KeyCode::PageDown => {
                let total = details(entry).len();
                self.scroll.press(key, total, 4);
            }
            KeyCode::Char(letter) if asked(letter, entry).is_some() => {
                return asked(letter, entry).map_or(Answer::Stay, Answer::Do);
            }
            KeyCode::Delete => return Answer::Do(Command::AskCancel(entry.ticket)),
            KeyCode::Enter => {
                let report = entry.progress.job.filter(|_| entry.stage == Stage::Ended).map(Command::ShowReport);
                return report.map_or(Answer::Stay, Answer::Do);
            }
            _ => {
                if let Some(there) = moved(key, at, model.queue.entries().len(), 1) {
                    self.chosen = model.queue.entries().get(there).map(|entry| entry.ticket);
                    self.scroll = Scroll::default();
                }
            }
        }
        Answer::Stay
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let area = centred(model.size, 120, model.size.1.saturating_sub(4));
        let title = if model.is_attached() { "Transfers, in a process of their own" } else { "Transfers" };
        let Some((at, entry)) = self.at(model).zip(self.entry(model)) else {
            let inside = paint::window(buf, area, title, "J all jobs   Esc close", theme, false);
            let words = "Nothing is or was carried in this session; J shows earlier jobs.";
            paint::text(buf, inside.x, inside.y, inside.width, words, theme.faint());
            return;
        };
        let inside = paint::window(buf, area, title, &keys(entry, model), theme, false);
        if inside.height == 0 {
            return;
        }
        let entries = model.queue.entries();
        let most = usize::from(inside.height / 3).max(1);
        let rows = entries.len().min(most);
        let top = (at + 1).saturating_sub(rows);
        for ((number, entry), y) in entries.iter().enumerate().skip(top).take(rows).zip(inside.y..) {
            let line = Rect { y, height: 1, ..inside };
            row(buf, line, number + 1, entry, model, theme);
            if number == at {
                buf.set_style(line, theme.cursor(true));
            }
        }
        let y = inside.y + u16::try_from(rows).unwrap_or(0);
        if y + 2 > inside.bottom() {
            return;
        }
        let divider = Rect { x: area.x, y, width: area.width, height: 1 };
        paint::line(buf, divider, ("├", "┤"), theme.dialog(false));
        let hidden = entries.len() - rows;
        let more = if hidden > 0 { format!(", {hidden} more above and below") } else { String::new() };
        paint::title(buf, divider, &format!("{}{more}", heading(entry)), theme.text());
        let below = Rect { y: y + 1, height: inside.bottom().saturating_sub(y + 1), ..inside };
        self.in_full(buf, below, entry, model.now, theme);
    }

    /// A job in full.
    fn in_full(&self, buf: &mut Buffer, area: Rect, entry: &Entry, now: Instant, theme: Theme) {
        let mut y = area.y;
        bars::sum(buf, Rect { y, height: 1, ..area }, entry, now, theme);
        y += 1;
        for (words, style) in sums(entry, now, usize::from(area.width), theme) {
            if y < area.bottom() {
                paint::text(buf, area.x, y, area.width, &words, style);
                y += 1;
            }
        }
        let details = details(entry);
        let room = usize::from(area.bottom().saturating_sub(y));
        let top = self.scroll.top.min(details.len().saturating_sub(room));
        for (detail, y) in details.iter().skip(top).zip(y..area.bottom()) {
            draw_detail(buf, Rect { y, height: 1, ..area }, detail, entry, now, theme);
        }
        let hidden = details.len().saturating_sub(top + room);
        if hidden > 0 && room > 0 {
            let words = format!(" {} below: PgDn ", plural(hidden as u64, "line"));
            let width = paint::columns(&words).min(area.width);
            paint::right(buf, area.right() - width, area.bottom() - 1, width, &words, theme.hint());
        }
    }
}

/// What a letter means for a job.
fn asked(letter: char, entry: &Entry) -> Option<Command> {
    let ticket = entry.ticket;
    Some(match letter {
        'p' if matches!(entry.stage, Stage::Running | Stage::Waiting) => Command::Order(Order::Pause(ticket)),
        'p' => Command::Order(Order::GoOn(ticket)),
        '+' => Command::Order(Order::Earlier(ticket)),
        '-' => Command::Order(Order::Later(ticket)),
        'd' => Command::AskCancel(ticket),
        'r' => Command::Retry(ticket),
        'R' => Command::AskRepair(ticket),
        'x' => Command::ShowFailures(ticket),
        _ => return None,
    })
}

/// The keys that do something now, the most wanted first.
fn keys(entry: &Entry, model: &Model) -> String {
    let mut keys: Vec<&str> = Vec::new();
    match entry.stage {
        Stage::Running => keys.extend(["p pause", "d end it"]),
        Stage::Stopping(_) => keys.push("d at once"),
        Stage::Waiting => keys.extend(["p hold back", "d take out", "+ - move"]),
        Stage::Paused | Stage::Held => keys.extend(["p go on", "d take out", "+ - move"]),
        Stage::Ended if entry.is_incomplete() => keys.push("r try again"),
        Stage::Ended | Stage::Breaking(_) => {}
    }
    if entry.progress.failed > 0 {
        keys.push("x failures");
    }
    if entry.stage == Stage::Ended && entry.progress.job.is_some() {
        keys.push("Enter report");
    }
    if model.queue.entries().len() > 1 {
        keys.push("Up Down jobs");
    }
    keys.extend(["J all jobs", "Esc close"]);
    keys.join("   ")
}

fn heading(entry: &Entry) -> String {
    let number = entry.progress.job.map_or(String::new(), |job| format!("job {job}: "));
    format!("{number}{} to {}", entry.progress.mode.label(), entry.account)
}

/// How a job stands, in a few words.
fn stands(entry: &Entry, now: Instant, theme: Theme) -> (String, Style) {
    let progress = &entry.progress;
    let waits = progress.connections.values().filter_map(|connection| connection.waits(now)).min();
    let all_wait = !progress.connections.is_empty()
        && progress.connections.values().all(|connection| matches!(connection.line, Line::Waits { .. }));
    match (&progress.end, entry.stage) {
        (_, Stage::Running) if all_wait => (format!("! on in {}", waits.map(clock).unwrap_or_default()), theme.bad()),
        (_, Stage::Running) => ("running".to_owned(), theme.text()),
        (_, Stage::Stopping(crate::transfer::Why::Pause)) => ("pausing …".to_owned(), theme.marked()),
        (_, Stage::Stopping(_) | Stage::Breaking(_)) => ("! stopping …".to_owned(), theme.bad()),
        (_, Stage::Paused | Stage::Held) => (bars::state(entry).to_owned(), theme.marked()),
        (Some((Outcome::Complete, _)), _) if progress.failed == 0 => ("all carried".to_owned(), theme.good()),
        (Some((Outcome::Complete | Outcome::Partial | Outcome::NotKept, _)), _) => {
            (format!("! {} failed", thousands(progress.failed)), theme.bad())
        }
        (Some((Outcome::Stopped, _)), _) => ("ended by you".to_owned(), theme.marked()),
        (Some(_), _) => ("! ended early".to_owned(), theme.bad()),
        (None, _) => ("waiting".to_owned(), theme.faint()),
    }
}

/// `1  copy  12 folders → anna@mail.example.org   ████··  61 %   245/401  running`.
fn row(buf: &mut Buffer, area: Rect, number: usize, entry: &Entry, model: &Model, theme: Theme) {
    const STATE: u16 = 13;
    let progress = &entry.progress;
    let what = what(entry);
    let name = format!("{number:>2}  {}  {what} → {}", progress.mode.label(), entry.account);
    let (state, style) = stands(entry, model.now, theme);
    let counts =
        format!("{:>3} %  {}/{}", percent(ratio(entry)), thousands(progress.finished()), thousands(progress.messages));
    let for_counts = paint::columns(&counts).max(16);
    let left = area.width.saturating_sub(STATE + 2);
    bars::gauge(buf, Rect { width: left, ..area }, &name, &counts, ratio(entry), theme, Some((for_counts, 46)));
    paint::text(buf, area.x + left + 2, area.y, STATE.min(area.width), &state, style);
}

/// One folder by its name, several by their number.
fn what(entry: &Entry) -> String {
    match entry.plan.folders.as_slice() {
        [one] => bars::shown(&one.target),
        all => plural(all.len() as u64, "folder"),
    }
}

/// A job that has not begun has done nothing, even if it has nothing to do.
fn ratio(entry: &Entry) -> f64 {
    if entry.stage == Stage::Waiting && entry.progress.finished() == 0 { 0.0 } else { entry.progress.ratio() }
}

/// What was done so far, and why it ended or waits, wrapped.
fn sums(entry: &Entry, now: Instant, width: usize, theme: Theme) -> Vec<(String, Style)> {
    let progress = &entry.progress;
    let mut parts = vec![format!("{} sent", thousands(progress.done))];
    if progress.already > 0 {
        parts.push(format!("{} there before", thousands(progress.already)));
    }
    if progress.removed > 0 {
        parts.push(format!("{} removed here", thousands(progress.removed)));
    }
    if progress.failed > 0 {
        parts.push(format!("! {} not carried", thousands(progress.failed)));
    }
    let folders = entry.plan.folders.len();
    if folders > 1 {
        parts.push(format!("{} of {folders} folders done", progress.folders_done()));
    }
    parts.push(carried(progress));
    if entry.stage != Stage::Waiting {
        parts.push(took(progress.elapsed(now)));
    }
    let mut lines = vec![(parts.join(", "), theme.text())];
    match (&progress.end, entry.stage) {
        (Some((outcome, reason)), _) if !matches!(outcome, Outcome::Complete) => {
            lines.push((format!("! {}", bars::ending(*outcome, reason)), theme.bad()));
        }
        (_, Stage::Paused) => lines.push(("Paused: p goes on. Jobs behind it wait.".to_owned(), theme.marked())),
        (_, Stage::Held) => {
            lines.push(("Held back, for the job before it ended early: p lets it run.".to_owned(), theme.marked()));
        }
        (_, Stage::Stopping(_) | Stage::Breaking(_)) => lines.push((format!("! {}", bars::state(entry)), theme.bad())),
        (_, Stage::Running) if entry.is_tried_again() => {
            lines.push(("What failed is tried again at its end.".to_owned(), theme.hint()));
        }
        _ => {}
    }
    let wrapped = |(words, style): &(String, Style)| {
        let style = *style;
        paint::wrap(words, width).into_iter().map(move |line| (line, style))
    };
    lines.iter().flat_map(wrapped).collect()
}

/// The plan's bytes are those of the files; what is sent has longer line ends.
fn carried(progress: &Progress) -> String {
    if progress.is_over() {
        return bytes(progress.bytes_carried);
    }
    format!("{} of about {}", bytes(progress.bytes_finished), bytes(progress.bytes))
}

/// The details of a job: connections first, then remarks, then all its folders.
fn details(entry: &Entry) -> Vec<Detail<'_>> {
    let progress = &entry.progress;
    let mut details = Vec::new();
    for (number, connection) in &progress.connections {
        details.push(Detail::Connection(*number, connection));
        if let Line::Carries(index) = connection.line
            && progress.running.get(&index).is_some_and(|folder| folder.message_bytes > 0)
        {
            details.push(Detail::Message(index));
        }
    }
    details.extend(progress.damage.iter().chain(&progress.remarks).map(|remark| Detail::Remark(remark)));
    if !details.is_empty() {
        details.push(Detail::Blank);
    }
    details.extend((0..entry.plan.folders.len()).map(Detail::Folder));
    details
}

fn draw_detail(buf: &mut Buffer, area: Rect, detail: &Detail<'_>, entry: &Entry, now: Instant, theme: Theme) {
    match detail {
        Detail::Connection(number, connection) => draw_connection(buf, area, *number, connection, entry, now, theme),
        Detail::Message(index) => {
            if let Some(folder) = entry.progress.running.get(index) {
                let inner = Rect { x: area.x + 3, width: area.width.saturating_sub(3), ..area };
                bars::message(buf, inner, folder, theme);
            }
        }
        Detail::Folder(index) => draw_folder(buf, area, *index, entry, theme),
        Detail::Remark(remark) => paint_line(buf, area, &format!("! {remark}"), theme.bad()),
        Detail::Blank => {}
    }
}

fn paint_line(buf: &mut Buffer, area: Rect, words: &str, style: Style) {
    paint::text(buf, area.x, area.y, area.width, words, style);
}

/// `1  Bridge → Archive/Bridge ████··  61 %  245/401  1.2k/s`, or why it does nothing.
fn draw_connection(
    buf: &mut Buffer,
    area: Rect,
    number: usize,
    connection: &Connection,
    entry: &Entry,
    now: Instant,
    theme: Theme,
) {
    paint::text(buf, area.x, area.y, 3, &format!("{number:<2}"), theme.hint());
    let area = Rect { x: area.x + 3, width: area.width.saturating_sub(3), ..area };
    match &connection.line {
        Line::Connecting => paint_line(buf, area, "connecting …", theme.faint()),
        Line::Connected => paint_line(buf, area, "connected", theme.faint()),
        Line::Closed => {}
        Line::Waits { pause, reason, .. } => {
            let left = clock(connection.waits(now).unwrap_or_default());
            let words = match pause {
                Pause::Asked => format!("throttled, goes on in {left}"),
                Pause::Lost => format!("lost, tried again in {left}"),
                Pause::AtMost => format!("waits, at most {left}"),
                Pause::Turn => "refused, goes on with the next that is free".to_owned(),
            };
            paint_line(buf, area, &format!("! {words}: {reason}"), theme.bad());
        }
        Line::Carries(index) => match entry.progress.running.get(index) {
            None => {
                let name = entry.plan.folders.get(*index).map(|folder| bars::shown(&folder.target)).unwrap_or_default();
                paint_line(buf, area, &format!("opens {name} …"), theme.faint());
            }
            Some(folder) => {
                let (messages, octets) = connection.rates(now);
                let numbers = format!(
                    "{:>3} %  {}/{}  {}/s  {}B/s",
                    percent(folder.ratio()),
                    thousands(folder.finished),
                    thousands(folder.messages),
                    rate(messages),
                    short(std::time::Duration::try_from_secs_f64(octets).map_or(0, |octets| octets.as_secs())),
                );
                let name = format!("{} → {}", bars::shown(&folder.source), bars::shown(&folder.target));
                bars::gauge(buf, area, &name, &numbers, folder.ratio(), theme, Some((36, 36)));
            }
        },
    }
}

fn draw_folder(buf: &mut Buffer, area: Rect, index: usize, entry: &Entry, theme: Theme) {
    let Some(planned) = entry.plan.folders.get(index) else { return };
    let progress = &entry.progress;
    let known = progress.finished_folders.get(&index).or_else(|| progress.running.get(&index));
    let (finished, messages) = known.map_or((0, planned.messages), |folder| (folder.finished, folder.messages));
    let (sign, style) = match known {
        Some(folder) if progress.running.contains_key(&index) && folder.messages > 0 => ("now", theme.text()),
        Some(folder) if folder.is_finished() => ("done", theme.good()),
        Some(_) => ("part", theme.marked()),
        None => ("", theme.faint()),
    };
    let target = known.map_or(&planned.target, |folder| &folder.target);
    let numbers = format!("{}/{}", thousands(finished), thousands(messages));
    paint::text(buf, area.x, area.y, 6, sign, style);
    let name = format!("{} → {}", bars::shown(&planned.folder), bars::shown(target));
    let room = area.width.saturating_sub(6 + 16);
    paint::text(buf, area.x + 6, area.y, room, &name, style);
    paint::right(buf, area.right().saturating_sub(16), area.y, 16.min(area.width), &numbers, style);
}
