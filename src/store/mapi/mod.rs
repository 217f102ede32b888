//! MAPI objects, the form in which Outlook keeps mail, and how a message of them becomes MIME. Used by PST and MSG.
//!
//! The readers fill an [`Object`]; everything here is the same for both, knows no file, and gives the same bytes for the
//! same object.

mod address;
mod attachment;
mod body;
mod compose;
mod headers;
mod marks;
mod rtf;
mod smime;
pub(super) mod tags;
pub(super) mod value;

pub(super) use compose::compose;
pub(super) use marks::{envelope, is_mail};
pub(super) use value::{Properties, Value};

use super::bytes::{place, u16_at, u32_at};
use tags::Tag;

/// How deep messages are followed into attached messages.
pub(super) const MAX_DEPTH: usize = 20;
/// How many recipients and attachments of one message are read; Exchange allows 5,000 and 1,024.
pub(super) const MAX_ENTRIES: usize = 100_000;

/// One message with all that belongs to it, in memory.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// The message's own properties.
    pub(super) properties: Properties,
    /// Whom it went to.
    pub(super) recipients: Vec<Properties>,
    /// What is attached.
    pub(super) attachments: Vec<Attachment>,
    /// The categories that its owner gave it.
    pub(super) categories: Vec<String>,
}

/// One attachment.
#[derive(Debug)]
pub(super) struct Attachment {
    /// Its properties.
    pub(super) properties: Properties,
    /// What it holds.
    pub(super) content: Content,
}

/// What an attachment holds.
#[derive(Debug)]
pub(super) enum Content {
    /// A file.
    File(Vec<u8>),
    /// A message.
    Message(Box<Object>),
    /// Nothing but the path of a file elsewhere.
    Elsewhere,
}

/// The property set of names that everybody may use, and where it stands in the table of sets ([MS-PST] 2.4.7.1).
const PUBLIC_STRINGS: u16 = 2;
/// Ids of named properties start here.
const FIRST_NAMED: u16 = 0x8000;
/// The name under which categories are kept.
const CATEGORIES: &str = "Keywords";
/// One entry of the table of names: name or its offset, set and kind, number.
const NAME_ENTRY: usize = 8;

/// The property that holds the categories, from the tables of names that PST and MSG keep in one form: the entries, and
/// the names they point to ([MS-OXMSG] 2.2.3, [MS-PST] 2.4.7).
pub(super) fn categories_tag(entries: &[u8], names: &[u8]) -> Option<Tag> {
    entries.chunks_exact(NAME_ENTRY).find_map(|entry| {
        let set = u16_at(entry, 4)?;
        let is_text = set & 1 == 1 && set >> 1 == PUBLIC_STRINGS;
        let start = place(u32_at(entry, 0).filter(|_| is_text)?);
        let length = place(u32_at(names, start)?);
        let text = names.get(start.checked_add(4)?..start.checked_add(4)?.checked_add(length)?)?;
        let is_it = text.len() == CATEGORIES.len() * 2
            && text.iter().step_by(2).eq(CATEGORIES.as_bytes())
            && text.iter().skip(1).step_by(2).all(|byte| *byte == 0);
        FIRST_NAMED.checked_add(u16_at(entry, 6).filter(|_| is_it)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_property_of_categories_is_found_by_name() {
        let names = [&[16_u8, 0, 0, 0][..], b"K\0e\0y\0w\0o\0r\0d\0s\0"].concat();
        let entries = [[0, 0, 0, 0, 4, 0, 1, 0], [0, 0, 0, 0, 5, 0, 7, 0]].concat();
        assert_eq!(categories_tag(&entries, &names), Some(0x8007));
        assert_eq!(categories_tag(&entries, &names[..10]), None);
        assert_eq!(categories_tag(&[0xff; 64], &names), None);
    }
}
