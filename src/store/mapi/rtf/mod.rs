//! Rich text bodies: unpacked ([MS-OXRTFCP]), and the HTML or plain text that is wrapped in them ([MS-OXRTFEX]).

mod token;
mod unpack;

use std::collections::HashMap;

use encoding_rs::Encoding;

use super::value::encoding;
use crate::store::bytes::place;
use token::{Token, Tokens};

pub(super) use unpack::unpack;

/// What a rich text body turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rich {
    /// HTML was wrapped in it, nothing is lost.
    Html(String),
    /// Plain text was wrapped in it, nothing is lost.
    Text(String),
    /// It is rich text of its own; its text without form.
    Own(String),
}

/// How deep groups may nest; writers stay below 100.
const MAX_GROUPS: usize = 2000;
/// Groups that hold no text of the body. Those that start with `\*` hold none either, but for [`HTML_TAG`].
const SILENT: [&str; 15] = [
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "header",
    "footer",
    "headerl",
    "headerr",
    "headerf",
    "footerl",
    "footerr",
    "footerf",
    "listtable",
    "listoverridetable",
];
const FONTS: &str = "fonttbl";
/// The group whose content is HTML as it was.
const HTML_TAG: &str = "htmltag";
/// Character sets of fonts as code pages (RTF specification 1.9.1, `\fcharset`).
const FONT_SETS: [(i64, i64); 16] = [
    (0, 1252),
    (77, 10000),
    (128, 932),
    (129, 949),
    (130, 1361),
    (134, 936),
    (136, 950),
    (161, 1253),
    (162, 1254),
    (163, 1258),
    (177, 1255),
    (178, 1256),
    (186, 1257),
    (204, 1251),
    (222, 874),
    (238, 1250),
];
/// Words that stand for characters: in text, in HTML.
const WORDS: [(&str, &str, &str); 14] = [
    ("par", "\r\n", "\r\n"),
    ("line", "\r\n", "\r\n"),
    ("row", "\r\n", "\r\n"),
    ("sect", "\r\n", "\r\n"),
    ("page", "\r\n", "\r\n"),
    ("tab", "\t", "\t"),
    ("cell", "\t", "\t"),
    ("lquote", "\u{2018}", "&lsquo;"),
    ("rquote", "\u{2019}", "&rsquo;"),
    ("ldblquote", "\u{201c}", "&ldquo;"),
    ("rdblquote", "\u{201d}", "&rdquo;"),
    ("bullet", "\u{2022}", "&bull;"),
    ("endash", "\u{2013}", "&ndash;"),
    ("emdash", "\u{2014}", "&mdash;"),
];

/// What the text of a group is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Text of the body.
    Body,
    /// HTML as it was.
    Tag,
    /// Names of fonts.
    Fonts,
    /// Nothing of the body.
    Silent,
}

/// What holds within one group.
#[derive(Clone)]
struct Group {
    content: Content,
    /// It repeats for rich text readers what the HTML says.
    for_rtf: bool,
    font: i64,
    /// Characters that follow a `\u` for readers that do not know it.
    skip: i64,
}

struct Reader {
    out: String,
    bytes: Vec<u8>,
    stack: Vec<Group>,
    now: Group,
    fonts: HashMap<i64, i64>,
    page: Option<i64>,
    html: bool,
    plain: bool,
    /// Bytes still to be passed over after a `\u`.
    skipping: i64,
    high: Option<u16>,
}

/// Reads rich text. `None` if it is none.
pub(super) fn read(rtf: &[u8]) -> Option<Rich> {
    if !rtf.trim_ascii_start().starts_with(b"{\\rtf") {
        return None;
    }
    let now = Group { content: Content::Body, for_rtf: false, font: -1, skip: 1 };
    let mut reader = Reader {
        out: String::with_capacity(rtf.len()),
        bytes: Vec::new(),
        stack: Vec::new(),
        now,
        fonts: HashMap::new(),
        page: None,
        html: false,
        plain: false,
        skipping: 0,
        high: None,
    };
    let mut tokens = Tokens::new(rtf);
    let mut starts_group = false;
    while let Some(token) = tokens.next() {
        let star = starts_group && token == Token::Symbol(b'*');
        if star {
            reader.destination(&mut tokens)?;
            starts_group = false;
            continue;
        }
        if starts_group && let Token::Word(word, _) = token {
            match word {
                FONTS => reader.now.content = Content::Fonts,
                _ if SILENT.contains(&word) => reader.now.content = Content::Silent,
                _ => {}
            }
        }
        starts_group = token == Token::Open;
        reader.take(&token, &mut tokens)?;
    }
    reader.flush();
    Some(match (reader.html, reader.plain) {
        (true, _) => Rich::Html(reader.out),
        (false, true) => Rich::Text(reader.out),
        (false, false) => Rich::Own(reader.out),
    })
}

impl Reader {
    /// A group that starts with `\*`: the next word says whether it matters.
    fn destination(&mut self, tokens: &mut Tokens<'_>) -> Option<()> {
        match tokens.next() {
            Some(Token::Word(HTML_TAG, _)) if self.html => self.now.content = Content::Tag,
            Some(Token::Open) => self.open()?,
            Some(Token::Close) => self.close(),
            _ => self.now.content = Content::Silent,
        }
        Some(())
    }

    /// Takes one token; `None` for groups nested too deep.
    fn take(&mut self, token: &Token<'_>, tokens: &mut Tokens<'_>) -> Option<()> {
        match token {
            Token::Open => self.open()?,
            Token::Close => self.close(),
            Token::Word("bin", Some(length)) => tokens.skip(u32::try_from(*length).map_or(0, place)),
            Token::Word(word, number) => self.word(word, *number),
            Token::Byte(byte) => self.byte(*byte),
            Token::Text(text) => text.iter().for_each(|byte| self.byte(*byte)),
            Token::Symbol(symbol) => self.symbol(*symbol),
        }
        Some(())
    }

    fn open(&mut self) -> Option<()> {
        if self.stack.len() >= MAX_GROUPS {
            return None;
        }
        self.flush();
        self.skipping = 0;
        self.stack.push(self.now.clone());
        Some(())
    }

    fn close(&mut self) {
        self.flush();
        self.skipping = 0;
        if let Some(outer) = self.stack.pop() {
            self.now = outer;
        }
    }

    fn word(&mut self, word: &str, number: Option<i64>) {
        match (word, number) {
            ("fromhtml", Some(1) | None) => self.html = true,
            ("fromtext", _) => self.plain = true,
            ("ansicpg", Some(page)) => self.page = Some(page).filter(|page| *page > 0),
            ("htmlrtf", number) => {
                self.flush();
                self.now.for_rtf = number != Some(0);
            }
            ("f", Some(font)) => {
                self.flush();
                self.now.font = font;
            }
            ("fcharset", Some(set)) if self.now.content == Content::Fonts => {
                if let Some((_, page)) = FONT_SETS.iter().find(|(known, _)| *known == set) {
                    self.fonts.insert(self.now.font, *page);
                }
            }
            ("plain", _) => {
                self.flush();
                self.now.font = -1;
            }
            ("uc", Some(count)) => self.now.skip = count.clamp(0, 16),
            ("u", Some(code)) => self.unicode(code),
            _ => {
                if let Some((_, text, html)) = WORDS.iter().find(|(known, ..)| *known == word) {
                    self.text(if self.html && self.now.content != Content::Tag { html } else { text });
                }
            }
        }
    }

    fn symbol(&mut self, symbol: u8) {
        let wrapped = self.html && self.now.content != Content::Tag;
        match symbol {
            b'\\' | b'{' | b'}' => self.byte(symbol),
            b'\r' | b'\n' => self.text("\r\n"), // the same as \par
            b'~' => self.text(if wrapped { "&nbsp;" } else { "\u{a0}" }),
            b'_' => self.text(if wrapped { "&shy;" } else { "\u{2011}" }),
            _ => {}
        }
    }

    fn is_shown(&self) -> bool {
        matches!(self.now.content, Content::Body | Content::Tag) && !self.now.for_rtf
    }

    fn text(&mut self, text: &str) {
        self.skipping = 0;
        if self.is_shown() {
            self.flush();
            self.out.push_str(text);
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.skipping > 0 {
            self.skipping -= 1;
        } else if self.is_shown() {
            self.high = None;
            self.bytes.push(byte);
        }
    }

    /// `\u` gives UTF-16, negative over 32767; characters for old readers follow.
    fn unicode(&mut self, code: i64) {
        self.skipping = self.now.skip;
        let unit = u16::try_from(code.rem_euclid(0x1_0000)).unwrap_or_default();
        if !self.is_shown() {
            return;
        }
        self.flush();
        if (0xD800..0xDC00).contains(&unit) {
            self.high = Some(unit);
            return;
        }
        let units = self.high.take().into_iter().chain([unit]);
        self.out.extend(char::decode_utf16(units).map(|ch| ch.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }

    /// Decodes the bytes that came together in one font.
    fn flush(&mut self) {
        if !self.bytes.is_empty() {
            let text = self.encoding().decode_without_bom_handling(&self.bytes).0;
            self.out.push_str(&text);
            self.bytes.clear();
        }
    }

    /// HTML tags are in the code page of the whole, text in that of its font.
    fn encoding(&self) -> &'static Encoding {
        let font = self.fonts.get(&self.now.font).copied().filter(|_| self.now.content != Content::Tag);
        encoding(font.or(self.page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(rtf: &str) -> String {
        match read(rtf.as_bytes()) {
            Some(Rich::Html(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn html_comes_out_as_it_went_in() {
        // [MS-OXRTFEX] 3.1, shortened
        let rtf = r"{\rtf1\ansi\ansicpg1251\fromhtml1 \deff0
{\fonttbl {\f0\fmodern Courier New;}{\f1\fswiss\fcharset204 Arial;}}
{\colortbl\red0\green0\blue0;}
{\*\generator x;}
{\*\htmltag18 <html>}{\*\htmltag50 <body>}\htmlrtf \par \htmlrtf0
{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 \f1 \'cf\'f0 &lt; \{x\} \'96{\*\mhtmltag84 no}\htmlrtf\par}\htmlrtf0
{\*\htmltag84 <img alt=\'22\'cf\'22>\par}\lquote a\~\u1055 ?\u-10179?\u-8704?\tab{\*\htmltag27 </body>}}";
        assert_eq!(html(rtf), "<html><body><p>Пр &lt; {x} –<img alt=\"П\">\r\n&lsquo;a&nbsp;П😀\t</body>");
    }

    #[test]
    fn plain_and_rich_text_are_told_apart() {
        let text = read(br"{\rtf1\ansi\fromtext \fbidi{\fonttbl{\f0 A;}}\plain a\par b\'fc\\}");
        assert_eq!(text, Some(Rich::Text("a\r\nbü\\".into())));
        let own = read(br"{\rtf1{\pict 0102}{\b a}\cell\bin3 }}}{\*\x no}z}");
        assert_eq!(own, Some(Rich::Own("a\tz".into())));
        assert_eq!(read(b"hello"), None);
    }

    #[test]
    fn broken_text_ends_and_does_not_overflow() {
        assert_eq!(read("{\\rtf1".repeat(5000).as_bytes()), None);
        assert_eq!(read(br"{\rtf1 a}}}}}\bin99999999 \u99999999 \'z\"), Some(Rich::Own("a".into())));
    }
}
