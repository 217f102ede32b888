//! The running or the last transfer in full: totals, each folder under way, remarks.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::scroll::Scroll;
use super::{Answer, Command, closes};
use crate::mail::units::{bytes, clock, plural, rate, thousands, took};
use crate::transfer::Progress;
use crate::ui::actions::Action;
use crate::ui::layout::centred;
use crate::ui::model::{Model, Running};
use crate::ui::theme::Theme;
use crate::ui::view::bars;
use crate::ui::view::paint;

/// The transfers view.
#[derive(Default)]
pub(crate) struct Transfers {
    scroll: Scroll,
}

impl Transfers {
    /// Takes a key.
    pub(crate) fn press(&mut self, key: &KeyEvent, model: &Model) -> Answer {
        if closes(key) || matches!(key.code, KeyCode::Char('w') | KeyCode::Enter) {
            return Answer::Close;
        }
        if key.code == KeyCode::Char('J') {
            return Answer::Finish(Command::Perform(Action::Jobs));
        }
        let remarks = model.job.as_ref().map_or(0, |job| job.progress.remarks.len());
        self.scroll.press(key, remarks, 4);
        Answer::Stay
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, model: &Model, theme: Theme) {
        let area = centred(model.size, 100, model.size.1.saturating_sub(4));
        let inside = paint::window(
            buf,
            area,
            "Transfer",
            "J all jobs   Esc close   (behind it: Esc stops the transfer safely)",
            theme,
            false,
        );
        let Some(job) = &model.job else {
            paint::text(
                buf,
                inside.x,
                inside.y,
                inside.width,
                "Nothing is or was carried in this session; J shows earlier jobs.",
                theme.faint(),
            );
            return;
        };
        let mut y = inside.y;
        for (label, value) in facts(job, model) {
            if y >= inside.bottom() {
                return;
            }
            paint::text(buf, inside.x, y, 16, label, theme.hint());
            paint::text(buf, inside.x + 16, y, inside.width.saturating_sub(16), &value, theme.text());
            y += 1;
        }
        y += 1;
        for folder in job.progress.running.values() {
            if y + 1 >= inside.bottom() {
                return;
            }
            let line = Rect { y, height: 1, ..inside };
            bars::folder(buf, line, folder, theme);
            bars::message(buf, Rect { y: y + 1, ..line }, folder, theme);
            y += 2;
        }
        for remark in job.progress.remarks.iter().skip(self.scroll.top) {
            if y >= inside.bottom() {
                return;
            }
            paint::text(buf, inside.x, y, inside.width, &format!("! {remark}"), theme.bad());
            y += 1;
        }
    }
}

fn facts(job: &Running, model: &Model) -> Vec<(&'static str, String)> {
    let progress = &job.progress;
    let (messages, octets) = progress.rates(model.now);
    let state = match (&progress.end, &progress.waiting) {
        (Some((outcome, reason)), _) => bars::ending(*outcome, reason),
        (None, Some((until, reason))) => bars::waiting(*until, reason, model.now),
        (None, None) => bars::state(job).to_owned(),
    };
    vec![
        ("State", state),
        ("Messages", format!("{} of {}", thousands(progress.finished()), thousands(progress.messages))),
        ("  sent now", thousands(progress.done)),
        ("  were there", thousands(progress.already)),
        ("  not carried", thousands(progress.failed)),
        ("  removed here", thousands(progress.removed)),
        ("Size", carried(progress)),
        ("Speed", format!("{} messages/s, {}B/s", rate(messages), rate(octets))),
        (
            "Time",
            format!(
                "{}{}",
                took(progress.elapsed(model.now)),
                progress.time_left(model.now).map_or(String::new(), |left| format!(", {} left", clock(left)))
            ),
        ),
        ("Folders", plural(job.plan.folders.len() as u64, "folder")),
        ("Remarks", thousands(progress.remarks.len() as u64)),
    ]
}

/// The plan's bytes are those of the files; what is sent has longer line ends.
fn carried(progress: &Progress) -> String {
    let done = bytes(progress.bytes_finished);
    if progress.is_over() { done } else { format!("{done} of about {}", bytes(progress.bytes)) }
}
