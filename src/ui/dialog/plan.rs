//! What would go where, before anything goes: the last look before Enter.

use crossterm::event::{KeyCode, KeyEvent};
use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::scroll::Scroll;
use super::{Answer, Command};
use crate::mail::FolderPath;
use crate::mail::units::{bytes, plural, short, thousands};
use crate::store::Shape;
use crate::transfer::{FolderPlan, Mode, Place, Plan};
use crate::ui::layout::centred;
use crate::ui::marks::Marks;
use crate::ui::model::Model;
use crate::ui::pane::Side;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// A plan to be confirmed.
pub(crate) struct PlanDialog {
    /// Copy or move.
    pub mode: Mode,
    /// What it is made of; learns counts as they come.
    pub marks: Marks,
    /// Whether those are the pane's marks, or only what was under the cursor.
    pub is_of_marks: bool,
    /// The pane it comes from.
    pub from: Side,
    /// Where it goes.
    pub to: Option<Place>,
    /// Whether that is one mbox, which is one folder.
    pub is_one_file: bool,
    /// The folder there that it goes below.
    pub target: FolderPath,
    /// The plan itself.
    pub plan: Plan,
    /// For each folder of the plan whether its messages are still being counted.
    pub counting: Vec<bool>,
    scroll: Scroll,
}

impl PlanDialog {
    /// A plan for these marks; it is filled by `update::carrying::refresh`.
    pub(crate) fn new(mode: Mode, marks: Marks, is_of_marks: bool, target: FolderPath) -> Self {
        Self {
            mode,
            marks,
            is_of_marks,
            from: Side::Local,
            to: None,
            is_one_file: false,
            target,
            plan: Plan::default(),
            counting: Vec::new(),
            scroll: Scroll::default(),
        }
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        match key.code {
            KeyCode::Enter => Answer::Finish(Command::StartJob),
            KeyCode::Esc | KeyCode::F(10) | KeyCode::Char('q') => Answer::Close,
            _ => {
                let page = usize::from(model.size.1.saturating_sub(10));
                self.scroll.press(key, self.plan.folders.len(), page);
                Answer::Stay
            }
        }
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let is_move = self.mode == Mode::Move;
        let (title, keys) = if is_move {
            ("Move: what goes where", "Enter START THE MOVE   Esc don't")
        } else {
            ("Copy: what goes where", "Enter start   Esc don't")
        };
        let width = model.size.0.saturating_sub(2).min(96);
        let words = self.words(usize::from(width.saturating_sub(4)), theme);
        let below = u16::try_from(words.len()).unwrap_or(u16::MAX);
        let rows = u16::try_from(self.plan.folders.len()).unwrap_or(u16::MAX);
        let area = centred(model.size, width, rows.saturating_add(4 + below));
        let inside = paint::window(buf, area, title, keys, theme, is_move);
        let account = self.to.as_ref().map(Place::label).unwrap_or_default();
        let columns = Columns::of(inside);
        columns.draw(buf, inside.y, ["From here", &format!("To {account}"), "", "Messages", "Size"], theme.hint());
        let end = inside.bottom().saturating_sub(below + 1).max(inside.y + 2).min(inside.bottom());
        let shown = self.plan.folders.iter().zip(self.counting.iter().copied()).skip(self.scroll.top);
        for ((folder, counting), y) in shown.zip(inside.y + 1..end) {
            row(buf, columns, y, folder, (&self.target(folder), counting), theme);
        }
        let hidden = self.plan.folders.len().saturating_sub(usize::from(end.saturating_sub(inside.y + 1)));
        if hidden > 0 {
            paint::text(buf, inside.x, end, inside.width, "Up Down scroll: there are more folders", theme.faint());
        }
        for ((line, style), y) in words.iter().zip(end + 1..inside.bottom()) {
            paint::text(buf, inside.x, y, inside.width, line, *style);
        }
    }

    /// What is said below the table: the sum, where it comes from, and what a move removes.
    fn words(&self, width: usize, theme: Theme) -> Vec<(String, Style)> {
        let what = if self.is_of_marks { "What is marked." } else { "What is under the cursor; nothing is marked." };
        let known = if self.is_local() {
            format!("{what} What is there already is not written again.")
        } else {
            format!("{what} What the server has already is not sent again.")
        };
        let bold = theme.text().add_modifier(ratatui::style::Modifier::BOLD);
        let mut words = vec![(self.totals(), bold), (known, theme.faint())];
        if let Some(Place::Local(place)) = &self.to {
            let path = place.path.to_string_lossy();
            let is_file = place.shape == Shape::Mbox && self.plan.folders.iter().all(|folder| folder.target.is_root());
            let kind = if is_file { "Goes into the file" } else { "Goes below" };
            words.insert(1, (format!("{kind} {path}."), theme.text()));
        }
        if self.mode == Mode::Move {
            let is_far = self.plan.folders.iter().any(|folder| folder.source.is_remote());
            words.push((if is_far { REMOVES_FAR } else { REMOVES }.to_owned(), theme.bad()));
        }
        let wrapped = |(text, style): &(String, Style)| {
            let style = *style;
            paint::wrap(text, width).into_iter().map(move |line| (line, style))
        };
        words.iter().flat_map(wrapped).collect()
    }

    fn totals(&self) -> String {
        let at_least = if self.counting.contains(&true) { "at least " } else { "" };
        format!(
            "{}, {at_least}{}, {at_least}{}; {} to make {}",
            plural(self.plan.folders.len() as u64, "folder"),
            plural(self.plan.messages(), "message"),
            bytes(self.plan.bytes()),
            plural(self.plan.new_folders() as u64, "folder"),
            if self.is_local() { "there" } else { "on the server" },
        )
    }

    /// The name of a folder where it goes; a file is its only folder.
    fn target(&self, folder: &FolderPlan) -> String {
        match &self.to {
            Some(Place::Local(place)) if folder.target.is_root() => file_name(&place.path),
            _ => folder.target.to_string(),
        }
    }

    fn is_local(&self) -> bool {
        matches!(self.to, Some(Place::Local(_)))
    }
}

/// What a move does to the store, in words that do not need their colour.
const REMOVES: &str = "! REMOVES these messages HERE, each as soon as it was read back from the server and found equal. \
    Maildir and .eml files go to .mailferry-moved; an mbox is rewritten without them. What can't be proven stays.";

/// The same for mail on a server.
const REMOVES_FAR: &str = "! REMOVES these messages FROM THEIR SERVER, each as soon as it was read back from where it went and \
    found equal: by UID EXPUNGE, or only marked as deleted where the server has none. What was changed meanwhile stays.";

fn row(buf: &mut Buffer, columns: Columns, y: u16, folder: &FolderPlan, (to, counting): (&str, bool), theme: Theme) {
    let name = if folder.folder.is_root() { file_name(&folder.source.path) } else { folder.folder.to_string() };
    let state = if folder.exists { "exists" } else { "new" };
    let messages = if counting { "counting…".to_owned() } else { thousands(folder.messages) };
    let size = if counting { "…".to_owned() } else { short(folder.bytes) };
    columns.draw(buf, y, [&name, to, state, &messages, &size], theme.text());
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Where the columns of the table are.
#[derive(Clone, Copy)]
struct Columns {
    x: u16,
    name: u16,
    width: u16,
}

impl Columns {
    const STATE: u16 = 7;
    const MESSAGES: u16 = 10;
    const SIZE: u16 = 6;

    fn of(area: Rect) -> Self {
        let names = area.width.saturating_sub(Self::STATE + Self::MESSAGES + Self::SIZE + 3);
        Self { x: area.x, name: names / 2, width: area.width }
    }

    fn draw(self, buf: &mut Buffer, y: u16, cells: [&str; 5], style: Style) {
        let [from, to, state, messages, size] = cells;
        paint::text(buf, self.x, y, self.name.saturating_sub(1), from, style);
        paint::text(buf, self.x + self.name, y, 2, if state.is_empty() { " " } else { "→" }, style);
        paint::text(buf, self.x + self.name + 2, y, self.name.saturating_sub(1), to, style);
        let end = self.x + self.width;
        let messages_at = end.saturating_sub(Self::SIZE + Self::MESSAGES);
        paint::text(buf, messages_at.saturating_sub(Self::STATE), y, Self::STATE, state, style);
        paint::right(buf, messages_at, y, Self::MESSAGES, messages, style);
        paint::right(buf, end.saturating_sub(Self::SIZE), y, Self::SIZE, size, style);
    }
}
