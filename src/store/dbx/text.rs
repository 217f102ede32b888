//! The text of a message: a chain of parts of up to 512 bytes. The chain is the truth; stored lengths are often wrong.

use super::layout::{Cells, TEXT, TEXT_DELETED, TEXT_HEADER, TEXT_LENGTH, TEXT_NEXT, TEXT_OBJECT, check_marker};
use crate::store::pages::{Broken, Pages, le32};

/// How long a part's text can be.
const MAX_TEXT: usize = 0x200;

/// One part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// How many bytes of text it has.
    pub(super) length: u32,
    /// Where the next part is; zero at the end.
    pub(super) next: u32,
}

impl Part {
    /// Reads the head of the part at `at`.
    pub(super) fn read(pages: &mut Pages, at: u32) -> Result<Self, Broken> {
        let head: [u8; TEXT_HEADER] = pages.array(at)?;
        check_marker(&head, at, "part of a text")?;
        let word = |at| le32(&head, at).unwrap_or(u32::MAX);
        match (word(4), word(TEXT_LENGTH)) {
            (TEXT, length @ 0..=TEXT) => Ok(Self { length, next: word(TEXT_NEXT) }),
            (TEXT_DELETED, _) => Err(Broken::at(at, "this part of a text was deleted")),
            _ => Err(Broken::at(at, "the part of a text here is not as it must be")),
        }
    }
}

/// The deleted part at `at`: where the next one of its text is, zero at the end, and its room with what is left in it.
pub(super) fn freed(pages: &mut Pages, at: u32) -> Result<(u32, Vec<u8>), Broken> {
    let head: [u8; TEXT_HEADER] = pages.array(at)?;
    check_marker(&head, at, "part of a text")?;
    let word = |at| le32(&head, at).unwrap_or(0);
    if (word(4), word(TEXT_LENGTH)) != (TEXT_DELETED, TEXT_OBJECT) {
        return Err(Broken::at(at, "the part of a text here was not deleted"));
    }
    Ok((word(TEXT_NEXT), pages.bytes(u64::from(at) + 16, TEXT.into())?))
}

/// Where the part is that was deleted before the one at `at`; zero if none was.
pub(super) fn next_freed(pages: &mut Pages, at: u32) -> Result<u32, Broken> {
    let (_, room) = freed(pages, at)?;
    le32(&room, 0).ok_or_else(|| Broken::at(at, "the file ends here"))
}

/// What following a chain came to.
#[derive(Debug)]
pub(super) struct Chain {
    /// How many bytes of text were read.
    pub(super) length: u64,
    /// Why it does not go on, if it should.
    pub(super) broken: Option<Broken>,
    /// A part before the last that is not full. Nothing says that it must be, but all that were seen are.
    pub(super) gap: Option<u32>,
}

/// Follows the chain from `first` on, claims its parts, and hands each part's text to `take` until that wants no more.
pub(super) fn follow(pages: &mut Pages, first: u32, claimed: &mut Cells, take: &mut dyn FnMut(&[u8]) -> bool) -> Chain {
    let mut chain = Chain { length: 0, broken: None, gap: None };
    let mut at = first;
    let mut buffer = [0; MAX_TEXT];
    let mut wanted = true;
    while at != 0 {
        let part = match Part::read(pages, at) {
            Ok(part) => part,
            Err(broken) => return Chain { broken: Some(broken), ..chain },
        };
        if !claimed.claim(at) {
            let reason = "this part of a text already belongs to this or to another message";
            return Chain { broken: Some(Broken::at(at, reason)), ..chain };
        }
        let text = buffer.get_mut(..usize::try_from(part.length).unwrap_or(0)).unwrap_or_default();
        let start = u64::from(at) + 16;
        let read = if wanted { pages.fill(start, text) } else { pages.check(start, part.length.into()) };
        if let Err(broken) = read {
            return Chain { broken: Some(broken), ..chain };
        }
        wanted = wanted && take(text);
        chain.length += u64::from(part.length);
        if part.next != 0 && part.length < TEXT {
            chain.gap.get_or_insert(at);
        }
        at = part.next;
    }
    chain
}
