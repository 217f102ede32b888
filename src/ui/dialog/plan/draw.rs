//! How a plan looks: a table of folders, what is known of the one under the cursor, and what all of it comes to.

use std::collections::BTreeMap;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::{Known, PlanDialog};
use crate::mail::units::{bytes, clock, plural, short, thousands};
use crate::mail::{DateRule, Repair};
use crate::store::Shape;
use crate::transfer::{DraftFolder, Mode, Notice, Place, Plan, store_name};
use crate::ui::layout::centred;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// Lines about the folder under the cursor, where there is room and where there is little.
const DETAILS: (usize, usize) = (3, 2);
/// Rows of a screen with room.
const ROOMY: u16 = 30;

/// What a move does to the store, in words that do not need their colour.
const REMOVES: &str = "! REMOVES these messages HERE, each as soon as it was read back from the server and found equal. \
    Maildir and .eml files go to .mailferry-moved; an mbox is rewritten without them. What can't be proven stays.";

/// The same for mail on a server.
const REMOVES_FAR: &str = "! REMOVES these messages FROM THEIR SERVER, each as soon as it was read back from where it went and \
    found equal: by UID EXPUNGE, or only marked as deleted where the server has none. What was changed meanwhile stays.";

impl PlanDialog {
    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let is_move = self.mode == Mode::Move;
        let (title, start) = if is_move {
            ("Move: what goes where", "Enter START THE MOVE")
        } else {
            ("Copy: what goes where", "Enter start")
        };
        let keys = match (&self.edit, is_move) {
            (Some(_), _) => "Enter that name   Esc as it was".to_owned(),
            (None, true) => format!("{start}   e name   Space out   d dates   F1 more   Esc"),
            (None, false) => format!("{start}   e name   Space out   d dates   F2 rules   F4 examine   Esc"),
        };
        let width = model.size.0.saturating_sub(2).min(110);
        let columns = usize::from(width.saturating_sub(4));
        let words = self.words(model, columns, theme);
        let details = if model.size.1 >= ROOMY { DETAILS.0 } else { DETAILS.1 };
        let below = u16::try_from(words.len() + details).unwrap_or(u16::MAX);
        let rows = u16::try_from(self.draft.folders.len()).unwrap_or(u16::MAX);
        let area = centred(model.size, width, rows.saturating_add(5 + below));
        let inside = paint::window(buf, area, title, &keys, theme, is_move);
        let table = Columns::of(inside);
        table.draw(
            buf,
            inside.y,
            ["", "From here", &format!("To {}", self.to.label()), "", "Messages", "Size"],
            theme.hint(),
        );
        let end = inside.bottom().saturating_sub(below + 2).max(inside.y + 2).min(inside.bottom());
        let shown = usize::from(end.saturating_sub(inside.y + 1));
        let top = (self.cursor + 1).saturating_sub(shown);
        for (number, y) in (top..self.draft.folders.len()).zip(inside.y + 1..end) {
            self.draw_row(buf, table, y, number, theme);
        }
        let hidden = self.draft.folders.len().saturating_sub(shown);
        if hidden > 0 {
            let words = format!("{} of {}", self.cursor + 1, plural(self.draft.folders.len() as u64, "folder"));
            paint::text(buf, inside.x, end, inside.width, &words, theme.faint());
        }
        let here = self.details(columns, theme);
        let lines = here.iter().take(details).zip(end + 1..inside.bottom());
        let after = end + 1 + u16::try_from(details).unwrap_or_default();
        for ((line, style), y) in lines.chain(words.iter().zip(after..inside.bottom())) {
            paint::text(buf, inside.x, y, inside.width, line, *style);
        }
    }

    fn draw_row(&self, buf: &mut Buffer, table: Columns, y: u16, number: usize, theme: Theme) {
        let Some(row) = self.draft.folders.get(number) else { return };
        let folder = &row.folder;
        let is_here = number == self.cursor;
        let counting = self.counting.get(number).copied().unwrap_or_default();
        let name = if folder.folder.is_root() {
            store_name(&folder.source.path).unwrap_or_default()
        } else {
            folder.folder.to_string()
        };
        let to = if row.is_left { "left out".to_owned() } else { self.target(row) };
        let held = self.held_messages.get(number).copied().flatten();
        let state = match (row.is_left, folder.exists, held) {
            (true, ..) => "",
            (_, false, _) => "new",
            (_, true, Some(1..)) => "merge",
            (_, true, _) => "exists",
        };
        let is_bad = row.conflicts.iter().any(crate::transfer::Conflict::is_bad);
        let sign = match row {
            _ if is_bad => "!",
            DraftFolder { is_left: true, .. } => "-",
            DraftFolder { asked: Some(_), .. } => "*",
            DraftFolder { conflicts, .. } if !conflicts.is_empty() => "+",
            _ => "",
        };
        let messages = if counting { "counting…".to_owned() } else { thousands(folder.messages) };
        let size = if counting { "…".to_owned() } else { short(folder.bytes) };
        let style = match () {
            () if is_bad => theme.bad(),
            () if row.is_left => theme.faint(),
            () => theme.text(),
        };
        table.draw(buf, y, [sign, &name, &to, state, &messages, &size], style);
        if is_here {
            buf.set_style(Rect { x: table.x, y, width: table.width, height: 1 }, theme.cursor(true));
            if let Some(field) = &self.edit {
                field.draw(buf, table.target(y), theme, true);
            }
        }
    }

    /// What is to be said of the folder under the cursor.
    fn details(&self, width: usize, theme: Theme) -> Vec<(String, Style)> {
        let Some(row) = self.draft.folders.get(self.cursor) else { return Vec::new() };
        let mut lines = Vec::new();
        let is_bad = row.conflicts.iter().any(crate::transfer::Conflict::is_bad);
        let asked = row
            .asked
            .as_ref()
            .map(|asked| format!("* the server can't hold the name {asked}: it becomes {}", row.folder.target));
        let conflicts = row.conflicts.iter().map(|conflict| format!("! {conflict}"));
        let oddities: Vec<String> = conflicts.chain(asked).collect();
        if !oddities.is_empty() {
            let style = if is_bad { theme.bad() } else { theme.hint() };
            lines.push((oddities.join("; "), style));
        }
        lines.push((format!("Dates: {}", self.dates(row)), theme.text()));
        if let Some(weight) = self.weight(row) {
            let too_big = self.room.too_big(&row.folder.target, &weight);
            let remarks = weight.remarks(row.folder.dates, too_big);
            if !remarks.is_empty() {
                lines.push((remarks.join(", "), theme.text()));
            }
        }
        wrapped(&lines, width)
    }

    /// Where the dates of a folder come from.
    fn dates(&self, row: &DraftFolder) -> String {
        let rule = match row.folder.dates {
            DateRule::Auto => "as the store has them",
            DateRule::Received => "of the topmost Received header",
            DateRule::Date => "of the Date header",
        };
        let found = match self.known(row) {
            Some(Known { weight: None, .. }) => " (the folder can't be read)".to_owned(),
            Some(Known { weight: Some(weight), dates, .. })
                if *dates == row.folder.dates
                    && !weight.dates.is_empty()
                    && (*dates == DateRule::Auto || self.is_examined()) =>
            {
                let each = weight.dates.iter().map(|(rule, count)| format!("{} {}", thousands(*count), rule.label()));
                format!(" ({})", each.collect::<Vec<_>>().join(", "))
            }
            _ if row.folder.dates == DateRule::Auto => String::new(),
            _ => ", else as the store has them".to_owned(),
        };
        format!("{rule}{found}")
    }

    /// What is said below the table: the sum, what limits it, what was found, and what a move removes.
    fn words(&self, model: &Model, width: usize, theme: Theme) -> Vec<(String, Style)> {
        let mut words = vec![(self.totals(), theme.text().add_modifier(Modifier::BOLD))];
        if let Place::Local(place) = &self.to {
            let is_file =
                place.shape == Shape::Mbox && self.draft.folders.iter().all(|row| row.folder.target.is_root());
            let kind = if is_file { "Goes into the file" } else { "Goes below" };
            words.push((format!("{kind} {}.", place.path.to_string_lossy()), theme.text()));
        }
        words.extend(self.limits(model, theme));
        words.push((self.found(), theme.text()));
        words.extend(in_force(model, self.rules).map(|words| (words, theme.hint())));
        let what = if self.is_of_marks { "What is marked." } else { "What is under the cursor; nothing is marked." };
        let known = if self.is_local() {
            format!("{what} What is there already is not written again.")
        } else {
            format!("{what} What the server has already is not sent again.")
        };
        words.push((known, theme.faint()));
        if self.mode == Mode::Move {
            words.push((if self.is_far() { REMOVES_FAR } else { REMOVES }.to_owned(), theme.bad()));
        }
        wrapped(&words, width)
    }

    fn totals(&self) -> String {
        let plan = self.draft.plan();
        let at_least = if self.counting.contains(&true) { "at least " } else { "" };
        let left = match self.draft.folders.len() - plan.folders.len() {
            0 => String::new(),
            left => format!(", {} left out", thousands(left as u64)),
        };
        let time = self.speed.filter(|_| plan.messages() > 0).map(|speed| {
            let seconds = speed.seconds_for(plan.messages(), plan.bytes()).max(1);
            format!("; about {} at the speed of last time", clock(Duration::from_secs(seconds)))
        });
        format!(
            "{}{left}, {at_least}{}, {at_least}{}; {} to make {}{}",
            plural(plan.folders.len() as u64, "folder"),
            plural(plan.messages(), "message"),
            bytes(plan.bytes()),
            plural(plan.new_folders() as u64, "folder"),
            if self.is_local() { "there" } else { "on the server" },
            time.unwrap_or_default(),
        )
    }

    /// What the place takes, as far as that is known.
    fn limits(&self, model: &Model, theme: Theme) -> Vec<(String, Style)> {
        let mut too_big = Vec::new();
        let mut rest = Plan::default();
        for row in self.draft.folders.iter().filter(|row| !row.is_left) {
            let weight = self.weight(row).unwrap_or_default();
            too_big.push(self.room.too_big(&row.folder.target, &weight));
            rest.folders.push(weight.rest_of(&row.folder));
        }
        let notices = self.room.notices(&rest, too_big.into_iter().sum(), &model.limits);
        let line = |notice: &Notice| {
            let words = sentence(&notice.text);
            if notice.is_bad { (format!("! {words}"), theme.bad()) } else { (words, theme.faint()) }
        };
        notices.iter().map(line).collect()
    }

    /// What was found in all folders, or what could be.
    fn found(&self) -> String {
        let carried: Vec<&DraftFolder> = self.draft.folders.iter().filter(|row| !row.is_left).collect();
        let (mut already, mut doubtful, mut known) = (0, 0, 0);
        let mut repairs: BTreeMap<Repair, u64> = BTreeMap::new();
        for weight in carried.iter().filter_map(|row| self.weight(row)) {
            known += 1;
            already += weight.already.unwrap_or_default();
            doubtful += weight.doubtful;
            for (repair, count) in weight.repairs.unwrap_or_default() {
                *repairs.entry(repair).or_default() += count;
            }
        }
        let mut found = Vec::new();
        if already > 0 {
            found.push(format!("{} already there", thousands(already)));
        }
        if doubtful > 0 {
            found.push(format!("{} with a doubtful date", thousands(doubtful)));
        }
        let needs: Vec<String> =
            repairs.iter().map(|(repair, count)| format!("{} {}", repair.label(), thousands(*count))).collect();
        if !needs.is_empty() {
            found.push(format!("needs repair: {} (R)", needs.join(", ")));
        }
        let all = carried.iter().filter(|row| self.known(row).is_some()).count();
        let is_far = self.is_far();
        if is_far && !self.is_examined() {
            found.push("F4 fetches every message: what is there already, what needs repair".to_owned());
        } else if all < carried.len() {
            let reading = if self.is_examined() { "reading" } else { "looking" };
            let so_far = if self.looked_at > 0 {
                format!(", {} so far", plural(self.looked_at, "message"))
            } else {
                String::new()
            };
            found.push(format!("{reading}: {all} of {}{so_far} …", plural(carried.len() as u64, "folder")));
        } else if !self.is_examined() && known > 0 {
            found.push("F4 reads every message: what is there already, what needs repair".to_owned());
        } else if found.is_empty() {
            found.push("nothing is there already, nothing needs repair".to_owned());
        }
        sentence(&found.join("; "))
    }

    /// The name of a folder where it goes; a file is its only folder.
    fn target(&self, row: &DraftFolder) -> String {
        match &self.to {
            Place::Local(place) if row.folder.target.is_root() => store_name(&place.path).unwrap_or_default(),
            _ => row.folder.target.to_string(),
        }
    }

    fn is_local(&self) -> bool {
        matches!(self.to, Place::Local(_))
    }
}

/// The rules and repairs in force, if there are any.
fn in_force(model: &Model, rules: usize) -> Option<String> {
    let named = |repairs: &[Repair], how: &str| {
        repairs.iter().map(|repair| format!("{} {how}", repair.label())).collect::<Vec<_>>()
    };
    let repairs = [named(&model.repairs, "on"), named(&model.asks, "ask")].concat();
    let mut words = Vec::new();
    if rules > 0 {
        words.push(format!("{} for folders (F2)", plural(rules as u64, "rule")));
    }
    if !repairs.is_empty() {
        words.push(format!("repairs: {} (R)", repairs.join(", ")));
    }
    (!words.is_empty()).then(|| sentence(&words.join("; ")))
}

/// With a capital and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|ch| ch.to_uppercase().to_string()).unwrap_or_default();
    let end = if words.ends_with('…') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn wrapped(lines: &[(String, Style)], width: usize) -> Vec<(String, Style)> {
    let each = |(text, style): &(String, Style)| {
        let style = *style;
        paint::wrap(text, width).into_iter().map(move |line| (line, style))
    };
    lines.iter().flat_map(each).collect()
}

/// Where the columns of the table are.
#[derive(Clone, Copy)]
struct Columns {
    x: u16,
    name: u16,
    width: u16,
}

impl Columns {
    const SIGN: u16 = 2;
    const STATE: u16 = 7;
    const MESSAGES: u16 = 10;
    const SIZE: u16 = 6;

    fn of(area: Rect) -> Self {
        let names = area.width.saturating_sub(Self::SIGN + Self::STATE + Self::MESSAGES + Self::SIZE + 3);
        Self { x: area.x, name: names / 2, width: area.width }
    }

    /// Where the name of the target is.
    fn target(self, y: u16) -> Rect {
        Rect { x: self.x + Self::SIGN + self.name + 2, y, width: self.name.saturating_sub(1), height: 1 }
    }

    fn draw(self, buf: &mut Buffer, y: u16, cells: [&str; 6], style: Style) {
        let [sign, from, to, state, messages, size] = cells;
        let names = self.x + Self::SIGN;
        paint::text(buf, self.x, y, Self::SIGN, sign, style);
        paint::text(buf, names, y, self.name.saturating_sub(1), from, style);
        paint::text(buf, names + self.name, y, 2, if from == "From here" { " " } else { "→" }, style);
        let target = self.target(y);
        paint::text(buf, target.x, y, target.width, to, style);
        let end = self.x + self.width;
        let messages_at = end.saturating_sub(Self::SIZE + Self::MESSAGES);
        paint::text(buf, messages_at.saturating_sub(Self::STATE), y, Self::STATE, state, style);
        paint::right(buf, messages_at, y, Self::MESSAGES, messages, style);
        paint::right(buf, end.saturating_sub(Self::SIZE), y, Self::SIZE, size, style);
    }
}
