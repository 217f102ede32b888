//! Property values and sets of them, with their text decoded. Used by whatever reads MAPI objects.

use std::collections::BTreeMap;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::tags::{INTERNET_CODE_PAGE, MESSAGE_CODE_PAGE, Tag};
use crate::store::bytes::{array, place, u16_at, u32_at, u64_at};

/// One value. Types that no message needs are not kept.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::store) enum Value {
    /// A number or a truth value.
    Number(i64),
    /// A time, in units of 100 ns since 1601.
    Time(u64),
    /// Text that was Unicode.
    Text(String),
    /// Text in a code page.
    Ansi(Vec<u8>),
    /// Bytes, or the reference to an object.
    Bytes(Vec<u8>),
    /// Several texts.
    List(Vec<Value>),
}

/// Types of properties ([MS-OXCDATA] 2.11.1).
pub(in crate::store) mod kind {
    pub(in crate::store) const SHORT: u16 = 0x0002;
    pub(in crate::store) const LONG: u16 = 0x0003;
    pub(in crate::store) const BOOLEAN: u16 = 0x000B;
    pub(in crate::store) const OBJECT: u16 = 0x000D;
    pub(in crate::store) const LONG_LONG: u16 = 0x0014;
    pub(in crate::store) const ANSI: u16 = 0x001E;
    pub(in crate::store) const UNICODE: u16 = 0x001F;
    pub(in crate::store) const TIME: u16 = 0x0040;
    pub(in crate::store) const BINARY: u16 = 0x0102;
    /// Set for several values of a type.
    pub(in crate::store) const SEVERAL: u16 = 0x1000;
}

impl Value {
    /// The value of a single-valued property from its bytes; `None` for types that no message needs.
    pub(in crate::store) fn of(kind: u16, bytes: &[u8]) -> Option<Self> {
        match kind {
            kind::SHORT => u16_at(bytes, 0).map(|number| Self::Number(number.into())),
            kind::LONG => array(bytes, 0).map(|four| Self::Number(i32::from_le_bytes(four).into())),
            kind::BOOLEAN => bytes.first().map(|byte| Self::Number((*byte).into())),
            kind::LONG_LONG => array(bytes, 0).map(|eight| Self::Number(i64::from_le_bytes(eight))),
            kind::TIME => u64_at(bytes, 0).map(Self::Time),
            kind::ANSI => Some(Self::Ansi(bytes.to_vec())),
            kind::UNICODE => Some(Self::Text(utf16(bytes))),
            kind::BINARY | kind::OBJECT => Some(Self::Bytes(bytes.to_vec())),
            _ => None,
        }
    }

    /// The values of a multi-valued property as PST files write them: a count, the offset of each, the values.
    pub(in crate::store) fn list(kind: u16, bytes: &[u8]) -> Option<Self> {
        let count = place(u32_at(bytes, 0)?).min(bytes.len() / 4);
        let offset = |number: usize| u32_at(bytes, 4 + number * 4).map(place);
        let all = (0..count).map(|number| {
            let end = if number + 1 < count { offset(number + 1)? } else { bytes.len() };
            Self::of(kind & !kind::SEVERAL, bytes.get(offset(number)?..end)?)
        });
        all.collect::<Option<_>>().map(Self::List)
    }
}

/// UTF-16 text without the NUL that some writers end it with. One inside it is content.
fn utf16(bytes: &[u8]) -> String {
    let text = UTF_16LE.decode_without_bom_handling(bytes).0;
    text.trim_end_matches('\0').to_owned()
}

/// The properties of one object.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Properties {
    values: BTreeMap<Tag, Value>,
    /// The code page of an object around this one.
    outer_code_page: Option<i64>,
}

impl Properties {
    /// Properties of a thing that belongs to an object with these.
    pub(in crate::store) fn within(outer: &Self) -> Self {
        Self { values: BTreeMap::new(), outer_code_page: outer.string_code_page() }
    }

    /// Adds a property.
    pub(in crate::store) fn insert(&mut self, tag: Tag, value: Value) {
        self.values.insert(tag, value);
    }

    /// The value as it is.
    pub(in crate::store) fn get(&self, tag: Tag) -> Option<&Value> {
        self.values.get(&tag)
    }

    /// A number.
    pub(in crate::store) fn number(&self, tag: Tag) -> Option<i64> {
        if let Some(Value::Number(number)) = self.get(tag) { Some(*number) } else { None }
    }

    /// A time in seconds since 1970.
    pub(in crate::store) fn time(&self, tag: Tag) -> Option<i64> {
        /// From 1601 to 1970, in seconds.
        const EPOCH: i64 = 11_644_473_600;
        let Some(Value::Time(ticks)) = self.get(tag) else { return None };
        i64::try_from(ticks / 10_000_000).ok().map(|seconds| seconds - EPOCH)
    }

    /// Bytes, whatever they mean.
    pub(in crate::store) fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        if let Some(Value::Bytes(bytes) | Value::Ansi(bytes)) = self.get(tag) { Some(bytes) } else { None }
    }

    /// A text that is not empty, decoded.
    pub(in crate::store) fn text(&self, tag: Tag) -> Option<String> {
        self.decoded(self.get(tag)?).filter(|text| !text.is_empty())
    }

    /// Several texts, decoded.
    pub(in crate::store) fn texts(&self, tag: Tag) -> Vec<String> {
        let Some(Value::List(all)) = self.get(tag) else { return self.text(tag).into_iter().collect() };
        all.iter().filter_map(|value| self.decoded(value)).filter(|text| !text.is_empty()).collect()
    }

    fn decoded(&self, value: &Value) -> Option<String> {
        match value {
            Value::Text(text) => Some(text.clone()),
            Value::Ansi(bytes) => {
                let end = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
                Some(decode(bytes.get(..end).unwrap_or_default(), self.string_code_page()))
            }
            _ => None,
        }
    }

    /// The code page of strings that are not Unicode.
    fn string_code_page(&self) -> Option<i64> {
        let known = |tag| self.number(tag).filter(|page| *page > 0);
        known(MESSAGE_CODE_PAGE).or_else(|| known(INTERNET_CODE_PAGE)).or(self.outer_code_page)
    }

    /// The encoding of a body that is bytes.
    pub(in crate::store) fn body_encoding(&self) -> &'static Encoding {
        encoding(self.number(INTERNET_CODE_PAGE).filter(|page| *page > 0).or_else(|| self.string_code_page()))
    }
}

/// Bytes as text. What has no code page, or does not fit it, but is UTF-8, was written by a program that did not care.
fn decode(bytes: &[u8], code_page: Option<i64>) -> String {
    let (text, broken) = encoding(code_page).decode_without_bom_handling(bytes);
    match std::str::from_utf8(bytes) {
        Ok(utf8) if broken || code_page.is_none() => utf8.to_owned(),
        _ => text.into_owned(),
    }
}

/// Windows code pages by number, as labels of the Encoding Standard ([MS-UCODEREF] 2.2.1). Those of the form
/// `windows-N` are not listed. GB 2312 and the like are read as what contains them.
const CODE_PAGES: [(i64, &str); 29] = [
    (866, "ibm866"),
    (874, "windows-874"),
    (932, "shift_jis"),
    (936, "gbk"),
    (949, "euc-kr"),
    (950, "big5"),
    (1361, "euc-kr"),
    (10000, "macintosh"),
    (10007, "x-mac-cyrillic"),
    (20866, "koi8-r"),
    (20932, "euc-jp"),
    (20936, "gbk"),
    (20949, "euc-kr"),
    (21866, "koi8-u"),
    (28591, "iso-8859-1"),
    (28592, "iso-8859-2"),
    (28593, "iso-8859-3"),
    (28594, "iso-8859-4"),
    (28595, "iso-8859-5"),
    (28596, "iso-8859-6"),
    (28597, "iso-8859-7"),
    (28598, "iso-8859-8"),
    (28599, "iso-8859-9"),
    (28603, "iso-8859-13"),
    (28605, "iso-8859-15"),
    (38598, "iso-8859-8-i"),
    (51932, "euc-jp"),
    (51949, "euc-kr"),
    (54936, "gb18030"),
];
/// ISO-2022-JP has three numbers.
const ISO_2022_JP: std::ops::RangeInclusive<i64> = 50220..=50222;

/// The encoding of a code page; Western for one that is unknown or absent.
pub(in crate::store) fn encoding(code_page: Option<i64>) -> &'static Encoding {
    let named = |label: &str| Encoding::for_label_no_replacement(label.as_bytes());
    match code_page {
        None => WINDOWS_1252,
        Some(65001 | 20127) => UTF_8,
        Some(1200) => UTF_16LE,
        Some(1201) => UTF_16BE,
        Some(page) if ISO_2022_JP.contains(&page) => encoding_rs::ISO_2022_JP,
        Some(page) => {
            let known = CODE_PAGES.iter().find(|(number, _)| *number == page).and_then(|(_, label)| named(label));
            known.or_else(|| named(&format!("windows-{page}"))).unwrap_or(WINDOWS_1252)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_by_its_code_page() {
        let mut properties = Properties::default();
        properties.insert(1, Value::Ansi(b"\xc3\xe4\0".to_vec()));
        properties.insert(2, Value::Text("ü".into()));
        assert_eq!(properties.text(1).as_deref(), Some("Ãä"));
        properties.insert(MESSAGE_CODE_PAGE, Value::Number(1251));
        assert_eq!((properties.text(1).as_deref(), properties.text(2).as_deref()), (Some("Гд"), Some("ü")));
        let mut inner = Properties::within(&properties);
        inner.insert(1, Value::Ansi(b"\xc3".to_vec()));
        assert_eq!(inner.text(1).as_deref(), Some("Г"));
        properties.insert(MESSAGE_CODE_PAGE, Value::Number(950));
        properties.insert(1, Value::Ansi("Grüße".into()));
        assert_eq!(properties.text(1).as_deref(), Some("Grüße"));
    }

    #[test]
    fn every_code_page_has_its_encoding() {
        for (page, label) in CODE_PAGES {
            assert!(Encoding::for_label(label.as_bytes()).is_some(), "{page}");
        }
        for (page, name) in
            [(1252, "windows-1252"), (1258, "windows-1258"), (65001, "UTF-8"), (20127, "UTF-8"), (437, "windows-1252")]
        {
            assert_eq!(encoding(Some(page)).name(), name);
        }
    }

    #[test]
    fn lists_with_lying_counts_and_offsets_are_refused() {
        let list = |bytes: &[u8]| Value::list(kind::UNICODE | kind::SEVERAL, bytes);
        let good = [&[2_u8, 0, 0, 0, 12, 0, 0, 0, 14, 0, 0, 0][..], b"a\0b\0c\0"].concat();
        assert_eq!(list(&good), Some(Value::List(vec![Value::Text("a".into()), Value::Text("bc".into())])));
        assert_eq!(list(&[0xff; 40]), None);
        assert_eq!(list(&[0, 0, 0, 0]), Some(Value::List(Vec::new())));
        assert_eq!(list(&[1, 0, 0]), None);
    }

    #[test]
    fn times_count_from_1601() {
        let mut properties = Properties::default();
        properties.insert(1, Value::Time(116_444_736_000_000_000));
        properties.insert(2, Value::Time(u64::MAX));
        assert_eq!((properties.time(1), properties.time(3)), (Some(0), None));
        assert!(properties.time(2).is_some());
    }
}
