//! The messages of an Outlook Express 4 .mbx file, one after the other. Used by the store.
//!
//! Source: facts/formats.md 1.2. Real files have lengths that do not lead to the next message, so a length counts only if
//! it does; else the next message is looked for.

use memchr::memmem::Finder;

use crate::store::pages::{Broken, Pages, le32, long};

/// The first bytes of the file, and the length of its header.
pub(super) const MAGIC: &[u8] = b"JMF6";
const HEADER: u64 = 0x54;
/// The first bytes of a message, and the length of its header; no mail has NUL in its text.
const MESSAGE: &[u8] = b"\x00\x7f\x00\x7f";
const MESSAGE_HEADER: u64 = 16;
const NUMBER: usize = 4;
const TOTAL: usize = 8;
const LENGTH: usize = 12;
const PADDED_TO: u64 = 4;
/// How much of the padding after a text is looked through at a time.
const TAIL: u64 = 4096;

/// One message in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Where its header is.
    pub(super) offset: u64,
    /// Its number in the folder.
    pub(super) number: u32,
    /// How long its text is.
    pub(super) length: u64,
    /// Where the next one is, or the end of the file.
    pub(super) next: u64,
    /// What is not as it must be, in words.
    pub(super) doubt: Option<&'static str>,
    /// Whether the file ends before it does.
    pub(super) is_cut: bool,
}

impl Message {
    /// Where its text is.
    pub(super) fn text(&self) -> u64 {
        self.offset + MESSAGE_HEADER
    }

    /// Reads the message at `offset`; fails if none is there.
    pub(super) fn read(pages: &mut Pages, offset: u64, magic: &Finder<'_>) -> Result<Self, Broken> {
        let head = Head::read(pages, offset).ok_or_else(|| Broken::at(offset, "no message starts here"))?;
        let (text, said) = (offset + MESSAGE_HEADER, offset + head.total);
        let fits =
            head.is_filled_up(pages, offset, said) && (said == pages.size() || Head::read(pages, said).is_some());
        let next = if fits { said } else { pages.find(text, magic).unwrap_or(pages.size()) };
        let is_filled_up = fits || head.is_filled_up(pages, offset, next);
        let length = if is_filled_up { head.length } else { trimmed(pages, text, next.saturating_sub(text)) };
        let is_cut = !is_filled_up && next == pages.size() && said > next;
        let doubt = match (head.is_marked, is_filled_up, is_cut) {
            (true, true, _) => None,
            (false, true, _) => Some("its first bytes are damaged, the rest is not"),
            (_, false, true) => Some("the file ends before this message does; only its start is carried"),
            (_, false, false) => {
                Some("the lengths of this message are wrong; it is taken up to where the next one starts")
            }
        };
        Ok(Self { offset, number: head.number, length, next, doubt, is_cut })
    }
}

/// What stands before a text.
struct Head {
    number: u32,
    total: u64,
    length: u64,
    is_marked: bool,
}

impl Head {
    /// Reads what is at `at`: a message starts there if it is marked, or if its lengths agree and lead to a marked one.
    fn read(pages: &mut Pages, at: u64) -> Option<Self> {
        let bytes: [u8; 16] = pages.array(at).ok()?;
        let word = |place| le32(&bytes, place).unwrap_or(0);
        let (total, length) = (u64::from(word(TOTAL)), u64::from(word(LENGTH)));
        let is_marked = bytes.starts_with(MESSAGE);
        let leads_on = |pages: &mut Pages| {
            at + total == pages.size() || pages.array(at + total).is_ok_and(|next: [u8; 4]| next == MESSAGE)
        };
        let agree = length > 0 && total == (MESSAGE_HEADER + length).next_multiple_of(PADDED_TO);
        (is_marked || agree && leads_on(pages)).then_some(Self { number: word(NUMBER), total, length, is_marked })
    }

    /// Whether from the end of its text to `next` there is nothing but zeros.
    fn is_filled_up(&self, pages: &mut Pages, offset: u64, next: u64) -> bool {
        let end = offset + MESSAGE_HEADER + self.length;
        end <= next && next <= pages.size() && is_zero(pages, end, next - end)
    }
}

/// Where the first message is to be, the finder for the others.
pub(super) fn start() -> (u64, Finder<'static>) {
    (HEADER, Finder::new(MESSAGE))
}

fn is_zero(pages: &mut Pages, from: u64, length: u64) -> bool {
    let mut at = from;
    while at < from + length {
        let want = TAIL.min(from + length - at);
        if !pages.bytes(at, want).is_ok_and(|bytes| bytes.iter().all(|byte| *byte == 0)) {
            return false;
        }
        at += want;
    }
    true
}

/// How long the text of `room` bytes is without the NULs that fill it up.
fn trimmed(pages: &mut Pages, from: u64, room: u64) -> u64 {
    let mut length = room;
    while length > 0 {
        let want = TAIL.min(length);
        let Ok(bytes) = pages.bytes(from + length - want, want) else { break };
        let zeros = long(bytes.iter().rev().take_while(|byte| **byte == 0).count());
        length -= zeros;
        if zeros < want {
            break;
        }
    }
    length
}
