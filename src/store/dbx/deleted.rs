//! The texts of deleted messages, from the freed room of a file. Used to show "Recovered" folders.
//!
//! Outlook Express forgets a deleted message's record, but its text stays, part by part, until the room is used again. Only
//! the first four bytes of each part are overwritten (facts/formats.md 1.1, "Deleted text object"). Nothing is taken that a
//! living message has. Texts that have lost their start are not shown: nothing says what they were.

use super::layout::{Cells, Header, TEXT_CELL, TEXT_LOST};
use super::message::has_blank_line;
use super::search::Markers;
use super::{mend, text};
use crate::mail::header::MAX_HEADER;
use crate::mail::{Envelope, Warning};
use crate::store::describe::Known;
use crate::store::eml;
use crate::store::pages::{Pages, long};
use crate::store::{Count, Found, Walk};

/// How many messages pass between two reports of progress.
const REPORT_EVERY: u64 = 500;

/// What following a deleted text came to.
pub(super) struct Chain {
    /// How many bytes of text were read.
    pub(super) length: u64,
    /// Whether its last part was come to.
    pub(super) is_whole: bool,
}

/// Follows the deleted text from `first` on, claims its parts, and hands each part's mended text to `take` until that
/// wants no more.
pub(super) fn follow(pages: &mut Pages, first: u32, claimed: &mut Cells, take: &mut dyn FnMut(&[u8]) -> bool) -> Chain {
    let mut chain = Chain { length: 0, is_whole: false };
    let mut at = first;
    let (mut before, mut in_header, mut wanted) = (Vec::new(), true, true);
    while let Ok((next, mut part)) = text::freed(pages, at) {
        if !claimed.claim(at) {
            return chain; // it comes back to itself, or the part has become another text's
        }
        if next == 0 {
            // How long the last part was is lost with the rest of its head; no mail has NUL in its text.
            let text = part.get(TEXT_LOST..).unwrap_or_default();
            let length = TEXT_LOST + memchr::memchr(0, text).unwrap_or(text.len());
            part.truncate(length);
        }
        mend::mend(&mut part, &before, in_header);
        wanted = wanted && take(&part);
        chain.length += long(part.len());
        if next == 0 {
            return Chain { is_whole: true, ..chain };
        }
        // Four bytes show a line end, and three of them a blank line across two parts.
        before.extend_from_slice(&part);
        in_header &= !has_blank_line(&before);
        before.drain(..before.len().saturating_sub(TEXT_LOST));
        at = next;
    }
    chain
}

/// Whether a message's text starts with the deleted part at `at`, as far as its lost bytes let that be seen.
fn starts_text(pages: &mut Pages, at: u32) -> bool {
    let Ok((_, mut part)) = text::freed(pages, at) else { return false };
    mend::mend(&mut part, &[], true);
    eml::looks_like_message(&part)
}

/// Whether the file holds a deleted text that would be shown. By the list of freed parts, or by a search where that is
/// damaged.
pub(super) fn is_there(pages: &mut Pages) -> bool {
    let mut seen = Cells::of(TEXT_CELL);
    let mut at = Header::freed_texts(pages).unwrap_or(u32::MAX);
    while at != 0 {
        match text::next_freed(pages, at) {
            Ok(next) if seen.claim(at) => {
                if starts_text(pages, at) {
                    return true;
                }
                at = next;
            }
            _ => return walk(pages, &mut |_| Walk::Break(())).is_break(),
        }
    }
    false
}

/// Shows every deleted text and counts them. Breaks when the visitor does.
pub(super) fn walk(pages: &mut Pages, visit: &mut dyn FnMut(Found) -> Walk) -> std::ops::ControlFlow<(), Count> {
    let mut later = Cells::of(TEXT_CELL);
    let mut parts = Vec::new(); // four million in the largest file there can be
    let mut markers = Markers::new();
    while let Some(at) = markers.next(pages) {
        if let Ok((next, _)) = text::freed(pages, at) {
            parts.push(at);
            if next != 0 {
                later.claim(next);
            }
        }
    }
    // First the texts whose start no other part leads to; then those whose way there starts in the middle of another text,
    // since a part that was used a second time is still led to by its first neighbour.
    let (first, second): (Vec<u32>, Vec<u32>) = parts.into_iter().partition(|at| !later.holds(*at));
    let mut claimed = Cells::of(TEXT_CELL);
    let mut count = Count::default();
    for at in first.into_iter().chain(second) {
        if claimed.holds(at) || !starts_text(pages, at) {
            continue;
        }
        let envelope = envelope(pages, at, &mut claimed);
        count = Count { messages: count.messages + 1, bytes: count.bytes + envelope.size };
        visit(Found::Message(envelope))?;
        if count.messages.is_multiple_of(REPORT_EVERY) {
            visit(Found::Progress { done: count.bytes.min(pages.size()), total: pages.size() })?;
        }
    }
    std::ops::ControlFlow::Continue(count)
}

/// What a list shows of the deleted text at `at`. Whether it was read and when it arrived went with its record.
fn envelope(pages: &mut Pages, at: u32, claimed: &mut Cells) -> Envelope {
    let mut head = Vec::new();
    let chain = follow(pages, at, claimed, &mut |part| {
        head.extend_from_slice(part);
        head.len() < MAX_HEADER && !has_blank_line(&head)
    });
    let mut known = Known::of_text(at, chain.length);
    known.warnings.push(Warning::Recovered);
    known.warnings.extend((!chain.is_whole).then_some(Warning::Truncated));
    known.envelope(&head)
}
