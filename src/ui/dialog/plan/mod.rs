//! What would go where, before anything goes: names, dates and what is left out are changed in place; the last look before
//! Enter.

mod draw;

use std::collections::HashMap;

use crossterm::event::{KeyCode, KeyEvent};

use super::field::Field;
use super::scroll::moved;
use super::{Answer, Command};
use crate::mail::{DateRule, FolderPath};
use crate::transfer::{Draft, DraftFolder, Mode, Place, Room, Rule, Source, Speed, Weight, store_name};
use crate::ui::marks::Marks;
use crate::ui::model::Model;
use crate::ui::pane::Side;
use crate::ui::update::ways::Way;

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
    pub to: Place,
    /// Whether that is one mbox, which is one folder.
    pub is_one_file: bool,
    /// The folder there that it goes below.
    pub target: FolderPath,
    /// The plan itself.
    pub draft: Draft,
    /// For each folder whether its messages are still being counted.
    pub counting: Vec<bool>,
    /// For each folder how many messages its target holds, if that is known.
    pub held_messages: Vec<Option<u64>>,
    /// How many rules there are.
    pub rules: usize,
    /// What the place takes, as far as it said.
    pub room: Room,
    /// The request for that, and which folders it was about, and whether they were there.
    pub room_asked: u64,
    pub room_of: Vec<(FolderPath, bool)>,
    /// How fast the last job there was.
    pub speed: Option<Speed>,
    /// The request for that.
    pub speed_asked: u64,
    /// Names what is asked of folders; answers to others are dropped.
    pub generation: u64,
    /// Messages looked at so far of the folder that is being weighed.
    pub looked_at: u64,
    /// How closely folders are looked at.
    depth: Depth,
    /// Whether a folder's path could be that of another store too.
    pub has_several_stores: bool,
    /// What is known of folders.
    known: HashMap<(Source, FolderPath), Known>,
    cursor: usize,
    /// The name that is being typed.
    edit: Option<Field>,
}

/// How closely folders are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// What lists tell.
    Lists,
    /// Every message is read.
    Messages,
}

/// What was found out about a folder.
struct Known {
    /// Where it went then.
    target: FolderPath,
    /// Where its dates came from then.
    dates: DateRule,
    /// What it weighs; `None` where it can't be read.
    weight: Option<Weight>,
}

impl PlanDialog {
    /// A plan for these marks; it is filled by `update::planning`.
    pub(crate) fn new(mode: Mode, marks: Marks, is_of_marks: bool, way: Way, generation: u64) -> Self {
        Self {
            mode,
            marks,
            is_of_marks,
            from: way.from,
            to: way.to,
            is_one_file: false,
            target: way.folder,
            draft: Draft::default(),
            counting: Vec::new(),
            held_messages: Vec::new(),
            rules: 0,
            room: Room::default(),
            room_asked: generation,
            room_of: Vec::new(),
            speed: None,
            speed_asked: generation,
            generation,
            looked_at: 0,
            depth: Depth::Lists,
            has_several_stores: false,
            known: HashMap::new(),
            cursor: 0,
            edit: None,
        }
    }

    /// Whether a name is being typed.
    pub(crate) fn is_typing(&self) -> bool {
        self.edit.is_some()
    }

    /// Keeps the cursor on a folder when there are fewer.
    pub(crate) fn keep_cursor(&mut self) {
        self.cursor = self.cursor.min(self.draft.folders.len().saturating_sub(1));
    }

    fn is_examined(&self) -> bool {
        self.depth == Depth::Messages
    }

    /// Whether the mail is on a server.
    pub(crate) fn is_far(&self) -> bool {
        self.draft.folders.iter().any(|row| row.folder.source.is_remote())
    }

    /// Begins to read every message: what was known is asked again.
    pub(crate) fn examine(&mut self, generation: u64) {
        self.generation = generation;
        self.depth = Depth::Messages;
        self.looked_at = 0;
        self.known.clear();
    }

    /// Whether it takes the Message-IDs of the target to tell what is there already.
    pub(crate) fn asks_ids(&self, row: &DraftFolder) -> bool {
        let at = self.draft.folders.iter().position(|other| std::ptr::eq(other, row));
        let held = at.and_then(|at| self.held_messages.get(at).copied().flatten());
        row.folder.exists && held != Some(0) && self.from == Side::Local
    }

    /// A folder was weighed.
    pub(crate) fn weighed(&mut self, of: (Source, FolderPath), weight: Option<Weight>) {
        let row = self.draft.folders.iter().find(|row| (&row.folder.source, &row.folder.folder) == (&of.0, &of.1));
        if let Some(folder) = row.map(|row| &row.folder) {
            self.known.insert(of, Known { target: folder.target.clone(), dates: folder.dates, weight });
            self.looked_at = 0;
        }
    }

    fn known(&self, row: &DraftFolder) -> Option<&Known> {
        self.known.get(&(row.folder.source.clone(), row.folder.folder.clone()))
    }

    /// What is known of a folder as it is now.
    fn weight(&self, row: &DraftFolder) -> Option<Weight> {
        let known = self.known(row)?;
        let mut weight = known.weight.clone()?;
        if known.target != row.folder.target {
            (weight.already, weight.already_bytes) = (None, 0); // it was of another folder
        }
        Some(weight)
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        if self.edit.is_some() {
            return self.type_name(key);
        }
        match key.code {
            KeyCode::Enter => return Answer::Finish(Command::StartJob),
            KeyCode::Esc | KeyCode::F(10) | KeyCode::Char('q') => return Answer::Finish(Command::StopWeighing),
            KeyCode::F(2) => return Answer::Do(Command::OpenRules),
            KeyCode::F(4) => return Answer::Do(Command::ExaminePlan),
            KeyCode::Char('R') => return Answer::Do(Command::OpenRepairs),
            _ => {}
        }
        let Some(row) = self.draft.folders.get(self.cursor) else { return Answer::Stay };
        match key.code {
            KeyCode::Char('e') if self.is_one_file => Answer::Stay,
            KeyCode::Char('e') => {
                self.edit = Some(Field::new(&row.asked.as_ref().unwrap_or(&row.folder.target).to_string()));
                Answer::Stay
            }
            KeyCode::Char(' ') | KeyCode::Insert => {
                let rule = self.rule(row);
                let to = (row.is_left).then(|| self.written(&row.folder.target));
                Answer::Do(Command::Rule(Rule { leave: to.is_none(), to, ..rule }))
            }
            KeyCode::Char('d') => {
                let at = DateRule::ALL.iter().position(|rule| *rule == row.folder.dates).unwrap_or_default();
                let dates = DateRule::ALL.into_iter().cycle().nth(at + 1);
                Answer::Do(Command::Rule(Rule { dates, ..self.rule(row) }))
            }
            KeyCode::Backspace | KeyCode::Delete => Answer::Do(Command::DropRule(self.rule(row))),
            _ => {
                let page = usize::from(model.size.1.saturating_sub(12));
                self.cursor = moved(key, self.cursor, self.draft.folders.len(), page).unwrap_or(self.cursor);
                Answer::Stay
            }
        }
    }

    fn type_name(&mut self, key: &KeyEvent) -> Answer {
        let Some(field) = &mut self.edit else { return Answer::Stay };
        match key.code {
            KeyCode::Esc | KeyCode::F(10) => self.edit = None,
            KeyCode::Enter => {
                let name = FolderPath::parse(field.text().trim());
                self.edit = None;
                let Some(row) = self.draft.folders.get(self.cursor) else { return Answer::Stay };
                let rule = self.rule(row);
                if name.is_root() {
                    return Answer::Do(Command::DropRule(rule));
                }
                return Answer::Do(Command::Rule(Rule { to: Some(self.written(&name)), ..rule }));
            }
            _ => {
                field.press(key);
            }
        }
        Answer::Stay
    }

    /// Takes pasted text.
    pub(crate) fn paste(&mut self, pasted: &str) {
        if let Some(field) = &mut self.edit {
            field.paste(pasted);
        }
    }

    /// A rule about a folder of the plan alone, and those below it.
    fn rule(&self, row: &DraftFolder) -> Rule {
        // The top is that of every store.
        let is_ambiguous = self.has_several_stores || row.folder.folder.is_root();
        let store = is_ambiguous.then(|| store_name(&row.folder.source.path)).flatten();
        Rule::about(&row.folder.folder, store)
    }

    /// A folder as a rule writes it: below the target where it is there.
    fn written(&self, path: &FolderPath) -> String {
        match path.below(&self.target).filter(|below| !below.is_root()) {
            Some(below) => below.to_string(),
            None => format!("/{path}"),
        }
    }
}
