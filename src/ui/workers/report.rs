//! What is said of a store: what it is and why, and what is doubtful in each folder. Made in the worker, shown by F4.

use super::reading::push;
use crate::mail::FolderPath;
use crate::mail::display::clean;
use crate::mail::units::{plural, thousands};
use crate::store::{Damage, Examined, Survey};
use crate::ui::event::{PreviewKind, PreviewLine};

/// Most lines kept; what is more is counted.
const MAX_LINES: usize = 20_000;
/// How far lines that go on are indented.
const INDENT: usize = 4;

/// A report being written.
pub(super) struct Report {
    columns: usize,
    /// What the store is.
    top: Vec<PreviewLine>,
    lines: Vec<PreviewLine>,
    /// The folder whose heading is still to be written.
    folder: Option<String>,
    messages: u64,
    doubts: u64,
}

impl Report {
    /// Starts with what was found, and why.
    pub(super) fn new(survey: &Survey, columns: usize) -> Self {
        let mut report = Self { columns, top: Vec::new(), lines: Vec::new(), folder: None, messages: 0, doubts: 0 };
        for found in survey.sightings() {
            let at = if found.at.is_root() { String::new() } else { format!(", shown as {}", found.at) };
            push(&mut report.top, PreviewKind::Text, &clean(&format!("{}{at}", found.title)), columns, INDENT);
            let evidence = clean(&format!("    {}", found.evidence));
            push(&mut report.top, PreviewKind::Quote, &evidence, columns, INDENT);
        }
        for (path, reason) in &survey.unseen {
            let text = clean(&format!("not looked at: {}: {reason}", path.display()));
            push(&mut report.top, PreviewKind::Quote, &text, columns, INDENT);
        }
        report
    }

    /// The next folder.
    pub(super) fn folder(&mut self, path: &FolderPath) {
        self.folder = Some(if path.is_root() { "All messages".to_owned() } else { clean(&path.to_string()) });
    }

    /// How many messages were read.
    pub(super) fn messages(&self) -> u64 {
        self.messages
    }

    /// Takes what came up.
    pub(super) fn take(&mut self, examined: &Examined<'_>) {
        match examined {
            Examined::Message { envelope, doubts, .. } => {
                self.messages += 1;
                for doubt in doubts {
                    let (id, subject) = (envelope.locator.id(), &envelope.subject);
                    self.say(&format!("{id} \"{subject}\": {}", doubt.text()));
                }
            }
            Examined::Unreadable(envelope, error) => {
                self.messages += 1;
                self.say(&format!("{} \"{}\" can not be read: {error}", envelope.locator.id(), envelope.subject));
            }
            Examined::Damage(Damage { file, offset, reason }) => {
                self.say(&format!("{} at byte {}: {reason}", file.display(), thousands(*offset)));
            }
            Examined::Hidden(kind, messages) => {
                self.say(&format!("not carried: {} {}", plural(*messages, "message"), kind.label()));
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.doubts += 1;
        if self.lines.len() >= MAX_LINES {
            return;
        }
        if let Some(folder) = self.folder.take() {
            self.lines.push(PreviewLine { kind: PreviewKind::Text, text: String::new() });
            push(&mut self.lines, PreviewKind::Header, &folder, self.columns, INDENT);
        }
        push(&mut self.lines, PreviewKind::Note, &clean(text), self.columns, INDENT);
    }

    /// All that there is to say.
    pub(super) fn lines(self) -> Vec<PreviewLine> {
        let read = plural(self.messages, "message");
        let sum = match self.doubts {
            0 => format!("{read} read: nothing is doubtful."),
            doubts => format!("{read} read, {}:", plural(doubts, "doubt")),
        };
        let mut all = self.top;
        all.push(PreviewLine { kind: PreviewKind::Text, text: String::new() });
        push(&mut all, PreviewKind::Header, &sum, self.columns, INDENT);
        all.extend(self.lines);
        if all.len() > MAX_LINES {
            push(&mut all, PreviewKind::Note, "[only the first are shown; ls --messages lists all]", self.columns, 0);
        }
        all
    }
}
