//! Reads the storages of a message file into MAPI objects.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use cfb::CompoundFile;

use super::ole;
use crate::store::bytes::{invalid, place, u16_at, u32_at};
use crate::store::mapi::tags::{self, Tag};
use crate::store::mapi::value::kind;
use crate::store::mapi::{self, Attachment, Content, MAX_DEPTH, MAX_ENTRIES, Object, Properties, Value};

/// The stream with all properties of fixed length ([MS-OXMSG] 2.4).
const PROPERTIES: &str = "__properties_version1.0";
/// A stream or storage with one property: id and type in hexadecimal, perhaps the number of one of several values.
const PROPERTY: &str = "__substg1.0_";
const RECIPIENT: &str = "__recip_version1.0_#";
const ATTACHMENT: &str = "__attach_version1.0_#";
/// The tables of named properties: their entries and their names ([MS-OXMSG] 2.2.3).
const NAME_ENTRIES: &str = "/__nameid_version1.0/__substg1.0_00030102";
const NAMES: &str = "/__nameid_version1.0/__substg1.0_00040102";
/// What stands before the entries of [`PROPERTIES`], by level.
const TOP_HEAD: usize = 32;
const EMBEDDED_HEAD: usize = 24;
const INNER_HEAD: usize = 8;
/// One entry: type, id, flags, value or length.
const ENTRY: usize = 16;
/// Properties whose loss would be the loss of content.
const CONTENT: [Tag; 4] = [tags::ATTACH_DATA, tags::BODY, tags::HTML, tags::RTF_COMPRESSED];
/// The length of an empty text, with its NUL.
const EMPTY: u32 = 2;

/// How much of a message is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What a list shows.
    Listed,
    /// All of it.
    Whole,
}

/// Whether a compound file holds the properties of a message.
pub(super) fn is_message(file: &File) -> io::Result<bool> {
    Ok(CompoundFile::open(file)?.is_stream(Path::new("/").join(PROPERTIES)))
}

/// The message in a file.
pub(super) fn message(file: &File, extent: Extent) -> io::Result<Object> {
    let left = file.metadata()?.len();
    let mut reader = Reader { file: CompoundFile::open(file)?, left, categories: None, extent };
    if !reader.file.is_stream(Path::new("/").join(PROPERTIES)) {
        return Err(invalid("it is a compound file, as Office writes them, but no message"));
    }
    let mut table = |name| {
        let exists = reader.file.is_stream(name);
        if exists { reader.stream(Path::new(name)) } else { Ok(Vec::new()) }
    };
    let (entries, names) = (table(NAME_ENTRIES)?, table(NAMES)?);
    reader.categories = mapi::categories_tag(&entries, &names);
    reader.object(Path::new("/"), TOP_HEAD, 0)
}

struct Reader<'a> {
    file: CompoundFile<&'a File>,
    /// How many bytes may still be read: all streams together are no longer than the file, unless they lie.
    left: u64,
    categories: Option<Tag>,
    extent: Extent,
}

/// What is in a storage.
struct Item {
    name: String,
    path: PathBuf,
    is_stream: bool,
}

impl Reader<'_> {
    fn object(&mut self, storage: &Path, head: usize, depth: usize) -> io::Result<Object> {
        let items = self.items(storage)?;
        let properties = self.properties(&items, head, Properties::default())?;
        let categories = self.categories.map(|tag| properties.texts(tag)).unwrap_or_default();
        let mut object = Object { properties, categories, ..Object::default() };
        if self.extent == Extent::Whole {
            for item in items.iter().filter(|item| !item.is_stream) {
                if item.name.starts_with(RECIPIENT) {
                    let inner = self.items(&item.path)?;
                    let outer = Properties::within(&object.properties);
                    object.recipients.push(self.properties(&inner, INNER_HEAD, outer)?);
                } else if item.name.starts_with(ATTACHMENT) {
                    object.attachments.push(self.attachment(&item.path, &object.properties, depth)?);
                }
            }
        }
        Ok(object)
    }

    fn attachment(&mut self, storage: &Path, outer: &Properties, depth: usize) -> io::Result<Attachment> {
        let items = self.items(storage)?;
        let properties = self.properties(&items, INNER_HEAD, Properties::within(outer))?;
        let object = items
            .iter()
            .find(|item| !item.is_stream && parse(&item.name) == Some((tags::ATTACH_DATA, kind::OBJECT, None)));
        let content = if let Some(item) = object {
            if depth >= MAX_DEPTH {
                return Err(invalid("messages in it are nested too deep"));
            }
            if self.file.is_stream(item.path.join(PROPERTIES)) {
                Content::Message(Box::new(self.object(&item.path, EMBEDDED_HEAD, depth + 1)?))
            } else {
                Content::File(ole::copy(&mut self.file, &item.path, &mut self.left)?)
            }
        } else if let Some(bytes) = properties.bytes(tags::ATTACH_DATA) {
            Content::File(bytes.to_vec())
        } else if properties
            .text(tags::ATTACH_LONG_PATHNAME)
            .or_else(|| properties.text(tags::ATTACH_PATHNAME))
            .is_some()
        {
            Content::Elsewhere
        } else {
            Content::File(Vec::new())
        };
        Ok(Attachment { properties, content })
    }

    fn items(&self, storage: &Path) -> io::Result<Vec<Item>> {
        let all = self.file.read_storage(storage)?.take(MAX_ENTRIES).map(|entry| Item {
            name: entry.name().to_owned(),
            path: entry.path().to_owned(),
            is_stream: entry.is_stream(),
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    fn properties(&mut self, items: &[Item], head: usize, mut found: Properties) -> io::Result<Properties> {
        let fixed = match items.iter().find(|item| item.is_stream && item.name == PROPERTIES) {
            Some(item) => self.stream(&item.path)?,
            None => return Err(invalid("the properties of a part of it are missing")),
        };
        let mut announced = Vec::new();
        for entry in fixed.get(head..).unwrap_or_default().chunks_exact(ENTRY) {
            let (Some(kind), Some(tag), Some(length)) = (u16_at(entry, 0), u16_at(entry, 2), u32_at(entry, 8)) else {
                continue;
            };
            if matches!(kind, kind::ANSI | kind::UNICODE | kind::BINARY | kind::OBJECT) || kind & kind::SEVERAL != 0 {
                announced.extend((length > EMPTY && kind != kind::OBJECT).then_some(tag));
            } else if let Some(value) = Value::of(kind, entry.get(8..).unwrap_or_default()) {
                found.insert(tag, value);
            }
        }
        let mut lists: BTreeMap<Tag, Vec<Value>> = BTreeMap::new();
        for item in items.iter().filter(|item| item.is_stream) {
            let Some((tag, kind, number)) = parse(&item.name).filter(|(tag, ..)| self.is_wanted(*tag)) else {
                continue;
            };
            let several = kind & kind::SEVERAL != 0;
            if several != number.is_some() {
                continue; // the lengths of several values, which their streams have as well
            }
            let Some(value) = Value::of(kind & !kind::SEVERAL, &self.stream(&item.path)?) else { continue };
            if several { lists.entry(tag).or_default().push(value) } else { found.insert(tag, value) }
        }
        for (tag, list) in lists {
            found.insert(tag, Value::List(list));
        }
        let lost =
            announced.iter().any(|tag| CONTENT.contains(tag) && self.is_wanted(*tag) && found.get(*tag).is_none());
        if lost { Err(invalid("a part of its content is missing")) } else { Ok(found) }
    }

    fn is_wanted(&self, tag: Tag) -> bool {
        self.extent == Extent::Whole || tags::LISTED.contains(&tag) || self.categories == Some(tag)
    }

    fn stream(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        read_stream(&mut self.file, path, &mut self.left)
    }
}

/// The bytes of a stream, if not more than may still be read.
pub(super) fn read_stream(file: &mut CompoundFile<&File>, path: &Path, left: &mut u64) -> io::Result<Vec<u8>> {
    let stream = file.open_stream(path)?;
    let length = stream.len();
    *left = left.checked_sub(length).ok_or_else(|| invalid("its parts are longer than the file"))?;
    let mut bytes = Vec::with_capacity(place(u32::try_from(length).map_err(|_| invalid("a part of it is too long"))?));
    stream.take(length).read_to_end(&mut bytes)?;
    let whole = u64::try_from(bytes.len()).is_ok_and(|read| read == length);
    if whole { Ok(bytes) } else { Err(invalid("a part of it is cut off")) }
}

/// The property that a stream or storage holds: its id, its type, and the number of the value where it has several.
fn parse(name: &str) -> Option<(Tag, u16, Option<u32>)> {
    let rest = name.strip_prefix(PROPERTY)?;
    let (code, number) = rest.split_once('-').map_or((rest, None), |(code, number)| (code, Some(number)));
    let tag = Tag::from_str_radix(code.get(..4)?, 16).ok()?;
    let kind = u16::from_str_radix(code.get(4..).filter(|kind| kind.len() == 4)?, 16).ok()?;
    let number = match number {
        Some(number) => Some(u32::from_str_radix(number, 16).ok()?),
        None => None,
    };
    Some((tag, kind, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_streams_say_which_property_they_hold() {
        assert_eq!(parse("__substg1.0_0037001F"), Some((0x37, 0x1F, None)));
        assert_eq!(parse("__substg1.0_8005101F-0000000a"), Some((0x8005, 0x101F, Some(10))));
        for odd in [
            "__substg1.0_",
            "__substg1.0_0037",
            "__substg1.0_0037001Fx",
            "__properties",
            "__substg1.0_üüüü",
            "__substg1.0_0037001F-x",
        ] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
