//! What is said of a store: what it is and why, and what is doubtful in each folder. Made in the worker, shown by F4.

use super::reading::push;
use crate::mail::FolderPath;
use crate::mail::display::clean;
use crate::mail::units::plural;
use crate::store::{Doubt, Examined, Survey};
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
    doubts: Section,
    /// Messages that are there already; there may be so many that nobody would see what else there is.
    again: Section,
    messages: u64,
}

/// Lines under the names of folders.
#[derive(Default)]
struct Section {
    lines: Vec<PreviewLine>,
    /// The folder whose heading is still to be written.
    folder: Option<String>,
    /// How many things were said; not all may be kept.
    said: u64,
}

impl Section {
    fn say(&mut self, text: &str, columns: usize) {
        self.said += 1;
        if self.lines.len() >= MAX_LINES {
            return;
        }
        if let Some(folder) = self.folder.take() {
            push_heading(&mut self.lines, &folder, columns);
        }
        push(&mut self.lines, PreviewKind::Note, &clean(text), columns, INDENT);
    }
}

fn push_heading(lines: &mut Vec<PreviewLine>, text: &str, columns: usize) {
    lines.push(PreviewLine { kind: PreviewKind::Text, text: String::new() });
    push(lines, PreviewKind::Header, text, columns, INDENT);
}

impl Report {
    /// Starts with what was found, and why.
    pub(super) fn new(survey: &Survey, columns: usize) -> Self {
        let (doubts, again) = (Section::default(), Section::default());
        let mut report = Self { columns, top: Vec::new(), doubts, again, messages: 0 };
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
        let name = if path.is_root() { "All messages".to_owned() } else { clean(&path.to_string()) };
        self.again.folder = Some(name.clone());
        self.doubts.folder = Some(name);
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
                    let text = format!("{} \"{}\": {}", envelope.locator.id(), envelope.subject, doubt.text());
                    let section = if matches!(doubt, Doubt::Duplicate(_)) { &mut self.again } else { &mut self.doubts };
                    section.say(&text, self.columns);
                }
            }
            Examined::Unreadable(envelope, error) => {
                self.messages += 1;
                self.say(&format!("{} \"{}\" can not be read: {error}", envelope.locator.id(), envelope.subject));
            }
            Examined::Damage(damage) => self.say(&damage.to_string()),
            Examined::Hidden(kind, messages) => {
                self.say(&format!("not carried: {} {}", plural(*messages, "message"), kind.label()));
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.doubts.say(text, self.columns);
    }

    /// All that there is to say.
    pub(super) fn lines(self) -> Vec<PreviewLine> {
        let read = plural(self.messages, "message");
        let sum = match self.doubts.said + self.again.said {
            0 => format!("{read} read: nothing is doubtful."),
            doubts => format!("{read} read, {}:", plural(doubts, "doubt")),
        };
        let (mut all, columns) = (self.top, self.columns);
        push_heading(&mut all, &sum, columns);
        all.extend(self.doubts.lines);
        if self.again.said > 0 {
            push_heading(&mut all, &format!("{} there already:", plural(self.again.said, "message")), columns);
            all.extend(self.again.lines);
        }
        if all.len() > MAX_LINES {
            push(&mut all, PreviewKind::Note, "[only the first are shown; ls --messages lists all]", columns, 0);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Damage;

    #[test]
    fn what_is_lost_stands_before_what_is_there_twice() {
        let (doubts, again) = (Section::default(), Section::default());
        let mut report = Report { columns: 76, top: Vec::new(), doubts, again, messages: 3 };
        report.folder(&FolderPath::parse("Old"));
        report.again.say("@1 \"a\": the same message as @0", 76);
        for offset in [0, 1234] {
            let damage = Damage { file: "a.dbx".into(), offset, reason: "cut off".to_owned() };
            report.take(&Examined::Damage(&damage));
        }
        let shown: Vec<_> = report.lines().into_iter().map(|line| line.text).collect();
        let lost = ["", "Old", "a.dbx: cut off", "a.dbx at byte 1,234: cut off"];
        let again = ["", "1 message there already:", "", "Old", "@1 \"a\": the same message as @0"];
        assert_eq!(shown, [["", "3 messages read, 3 doubts:"].as_slice(), &lost, &again].concat());
    }
}
