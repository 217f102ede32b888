//! An mbox with an index of KMail: what was deleted stays in the file, and only the index tells. Used by the store.

use std::fs::File;
use std::io;
use std::path::Path;

use super::scan::{self, Index, Span, Step};
use crate::mail::Envelope;
use crate::store::kmail::{self, Marks};
use crate::store::{Damage, Found, Hidden, Walk};

/// By how much an mbox may seem newer than its index, as KMail has it: clocks of servers differ.
const SLACK: i64 = 5;

/// Scans `file` and hides what KMail has deleted. `None` when the visitor stopped the walk.
pub(super) fn scan(
    file: &File,
    path: &Path,
    marks: &Marks,
    visit: &mut dyn FnMut(Found) -> Walk,
) -> io::Result<Option<Index>> {
    let total = file.metadata()?.len();
    let scanned = scan::scan(file, path, &mut |step| match step {
        Step::Message(..) => Walk::Continue(()),
        Step::Damage(damage) => visit(Found::Damage(damage)),
        Step::Progress(done) => visit(Found::Progress { done, total }),
    })?;
    let Some(mut index) = scanned else { return Ok(None) };
    index.beside = Some(marks.id);
    let misfit = misfit(&index, marks, path);
    index.fits = misfit.is_none();
    let doubt = misfit.or_else(|| marks.damage.clone());
    if doubt.is_none() {
        hide(&mut index, marks);
    }
    index.whole &= doubt.is_none(); // so that it is told again
    let stopped = doubt.is_some_and(|damage| visit(Found::Damage(damage)).is_break());
    Ok((!stopped).then_some(index))
}

/// What is to be said of an index that knows messages where none are. Its marks may be those of other messages.
fn misfit(index: &Index, marks: &Marks, path: &Path) -> Option<Damage> {
    let fitting = index.spans.iter().filter(|span| marks.at(content(span)).is_some()).count();
    if fitting >= marks.entries.len() {
        return None;
    }
    let reason = format!(
        "KMail's index of this folder does not fit the file: it has {} messages, of which {fitting} are there; it is not \
         used, so what was deleted in KMail is shown, and marks may be missing",
        marks.entries.len()
    );
    Some(Damage { file: path.to_owned(), offset: 0, reason })
}

/// Hides the messages that the index does not have. Those at the end may be newer than it.
fn hide(index: &mut Index, marks: &Marks) {
    let Some(last) = marks.entries.last().map(|entry| entry.offset) else { return };
    let is_newer = index.id.modified_after(marks.modified.saturating_add(SLACK));
    for span in &mut index.spans {
        let place = content(span);
        if marks.at(place).map_or(place < last || !is_newer, kmail::Entry::is_deleted) {
            span.hidden.get_or_insert(Hidden::Expunged);
        }
    }
}

/// Gives a message the marks that the index has of it; it knows better than the message itself.
pub(super) fn mark(envelope: &mut Envelope, span: &Span, marks: &Marks) {
    if let Some(entry) = marks.at(content(span)) {
        let (flags, keywords) = entry.marks();
        envelope.flags = flags;
        for keyword in keywords.into_iter().filter(|word| !word.is_empty()) {
            if !envelope.keywords.contains(&keyword) {
                envelope.keywords.push(keyword);
            }
        }
    }
}

/// Where the header of a message starts.
fn content(span: &Span) -> u64 {
    span.offset.saturating_add(span.line.into())
}
