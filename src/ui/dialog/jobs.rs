//! The jobs in the journal, the newest first: a line each, the one under the cursor with its mailbox and its reason.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::scroll::moved;
use super::{Answer, Command, closes};
use crate::mail::units::{plural, thousands};
use crate::transfer::Outcome;
use crate::ui::event::Past;
use crate::ui::layout::centred;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// The list of jobs.
pub(crate) struct Jobs {
    /// Names the request whose answer is waited for.
    pub generation: u64,
    /// The jobs, once they are read.
    all: Option<Vec<Past>>,
    cursor: usize,
}

impl Jobs {
    /// A list that is being read.
    pub(crate) fn new(generation: u64) -> Self {
        Self { generation, all: None, cursor: 0 }
    }

    /// It has been read; the cursor stays on its job.
    pub(crate) fn show(&mut self, jobs: Vec<Past>) {
        let here = self.current().map(|past| past.job.id);
        let there = jobs.iter().position(|past| Some(past.job.id) == here);
        self.cursor = there.unwrap_or(self.cursor).min(jobs.len().saturating_sub(1));
        self.all = Some(jobs);
    }

    fn current(&self) -> Option<&Past> {
        self.all.as_ref().and_then(|jobs| jobs.get(self.cursor))
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        if closes(key) || key.code == KeyCode::Char('J') {
            return Answer::Close;
        }
        let total = self.all.as_ref().map_or(0, Vec::len);
        if let Some(there) = moved(key, self.cursor, total, usize::from(model.size.1.saturating_sub(9))) {
            self.cursor = there;
            return Answer::Stay;
        }
        let Some(past) = self.current() else { return Answer::Stay };
        match key.code {
            KeyCode::Enter => Answer::Do(Command::ShowReport(past.job.id)),
            KeyCode::Char('r') => Answer::Do(Command::Resume(past.job.id)),
            KeyCode::Char('u') => Answer::Do(Command::AskUndo(Box::new(past.clone()))),
            _ => Answer::Stay,
        }
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let area = centred(model.size, 120, model.size.1.saturating_sub(4));
        let inside = paint::window(buf, area, "Jobs", "Enter report   r resume   u undo   Esc close", theme, false);
        let jobs = match &self.all {
            None => return words(buf, inside, "reading …", theme.faint()),
            Some(jobs) if jobs.is_empty() => return words(buf, inside, "There are no jobs yet.", theme.faint()),
            Some(jobs) => jobs,
        };
        let columns = Columns::of(inside);
        columns.draw(buf, inside.y, ["Job", "Begun", "", "Mailbox", "Done", "How it ended"], [theme.hint(); 2]);
        let rows = usize::from(inside.height.saturating_sub(4)).max(1);
        let top = (self.cursor + 1).saturating_sub(rows);
        for ((at, past), y) in jobs.iter().enumerate().skip(top).take(rows).zip(inside.y + 1..inside.bottom()) {
            row(buf, columns, y, past, model, theme);
            if at == self.cursor {
                buf.set_style(Rect { y, height: 1, ..inside }, theme.cursor(true));
            }
        }
        if let Some(past) = self.current().filter(|_| inside.height > 4) {
            let (first, second) = details(past, model);
            let y = inside.bottom() - 2;
            paint::text(buf, inside.x, y, inside.width, &first, theme.text());
            paint::text(buf, inside.x, y + 1, inside.width, &second, theme.hint());
        }
    }
}

fn words(buf: &mut Buffer, area: Rect, words: &str, style: Style) {
    paint::text(buf, area.x, area.y, area.width, words, style);
}

/// Whether it is the job that runs here and now.
fn runs_here(past: &Past, model: &Model) -> bool {
    model.running().is_some_and(|job| job.progress.job == Some(past.job.id))
}

fn row(buf: &mut Buffer, columns: Columns, y: u16, past: &Past, model: &Model, theme: Theme) {
    let settings = &past.job.settings;
    let running = model.running().filter(|_| runs_here(past, model)).map(|job| &job.progress);
    let (done, all) = match running {
        Some(progress) => (progress.finished(), progress.messages),
        None => (past.done(), past.messages),
    };
    let (end, style) = match (past.job.outcome, running, model.undoing) {
        (_, Some(_), _) => ("running".to_owned(), theme.text()),
        (_, _, Some((_, job))) if job == past.job.id => ("being undone".to_owned(), theme.marked()),
        (None, ..) => ("not ended".to_owned(), theme.marked()),
        (Some(Outcome::Complete), ..) => ("all carried".to_owned(), theme.good()),
        (Some(Outcome::Undone), ..) => (Past::end_of(&past.job).to_owned(), theme.hint()),
        (Some(_), ..) => (format!("! {}", Past::end_of(&past.job)), theme.bad()),
    };
    let cells = [
        &past.job.id.to_string(),
        &past.began,
        settings.mode.label(),
        &settings.label(),
        &format!("{}/{}", thousands(done), thousands(all)),
        &end,
    ];
    columns.draw(buf, y, cells, [theme.text(), style]);
}

/// The mailbox and the folders; why it ended so, or what there is to do.
fn details(past: &Past, model: &Model) -> (String, String) {
    let settings = &past.job.settings;
    let folders = plural(past.folders, "folder");
    let first = format!("{folders} to {}", settings.label());
    let second = match past.job.outcome {
        _ if runs_here(past, model) => "It is running.".to_owned(),
        None => "It broke off, or another mailferry carries it out: r goes on with it.".to_owned(),
        Some(Outcome::Complete) if past.done() < past.messages => {
            "Of what it carried, the rest was undone, or was no longer in the store.".to_owned()
        }
        Some(Outcome::Complete) => String::new(),
        Some(_) if past.job.reason.is_empty() => "Enter tells what was left out; r goes on with it.".to_owned(),
        Some(_) => past.job.reason.clone(),
    };
    (first, second)
}

/// Where the columns of the table are.
#[derive(Clone, Copy)]
struct Columns {
    area: Rect,
}

impl Columns {
    const JOB: u16 = 4;
    const BEGUN: u16 = 16;
    const MODE: u16 = 4;
    const DONE: u16 = 15;
    const END: u16 = 18;

    fn of(area: Rect) -> Self {
        Self { area }
    }

    /// The last cell has the second style.
    fn draw(self, buf: &mut Buffer, y: u16, cells: [&str; 6], [style, last]: [Style; 2]) {
        let [job, begun, mode, mailbox, done, end] = cells;
        let Rect { x, width, .. } = self.area;
        let right = x + width;
        paint::right(buf, x, y, Self::JOB.min(width), job, style);
        // On a narrow screen the date goes first, then the mailbox.
        let fixed = Self::JOB + Self::MODE + Self::DONE + Self::END + 6;
        let mut at = x + Self::JOB + 2;
        if width >= fixed + Self::BEGUN + 2 {
            at = paint_cell(buf, at, y, Self::BEGUN, begun, style);
        }
        at = paint_cell(buf, at, y, Self::MODE.min(right.saturating_sub(at)), mode, style);
        let end_at = right.saturating_sub(Self::END).max(at);
        let done_at = end_at.saturating_sub(Self::DONE + 2).max(at);
        paint::text(buf, at, y, done_at.saturating_sub(at), mailbox, style);
        paint::right(buf, done_at, y, (end_at - done_at).saturating_sub(2), done, style);
        paint::text(buf, end_at, y, right.saturating_sub(end_at), end, last);
    }
}

/// Draws a cell and gives where the next one begins.
fn paint_cell(buf: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
    paint::text(buf, x, y, width, text, style);
    x + width + 2
}
