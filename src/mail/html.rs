//! HTML mail as plain text, for the preview. One pass, no tree and no recursion, so that a hostile message costs no more
//! than its length.
//!
//! Not the crate `html2text`: on deeply nested tables it takes minutes (tried with 0.17), and a thread can't be stopped.

use mail_parser::decoders::html::add_html_token;

/// Elements that begin and end a line of their own.
const BLOCKS: [&str; 32] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "html",
    "li",
    "main",
    "nav",
    "ol",
    "pre",
    "section",
    "table",
    "tr",
    "ul",
];
/// Elements whose content is not to be read.
const UNSEEN: [&str; 7] = ["head", "style", "script", "template", "title", "object", "select"];
/// Quotations inside each other that are still marked.
const DEEPEST: usize = 8;
/// The longest name of an element or an entity.
const LONGEST_NAME: usize = 12;

/// The text of a page, one line a line.
pub(super) fn to_text(html: &str) -> String {
    let mut page = Page::default();
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        let (text, from) = rest.split_at(at);
        page.text(text);
        rest = if from.starts_with('<') { page.tag(from) } else { page.entity(from) };
    }
    page.text(rest);
    page.out.truncate(page.out.trim_end().len());
    page.out
}

#[derive(Default)]
struct Page {
    out: String,
    /// The element whose content is left out.
    unseen: Option<&'static str>,
    /// Whether blanks and line ends count.
    is_pre: bool,
    quotes: usize,
    /// Whether a blank waits to be written before the next word.
    has_blank: bool,
    /// Whether something stands in the present line.
    in_line: bool,
}

impl Page {
    fn text(&mut self, text: &str) {
        if self.unseen.is_some() {
            return;
        }
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                if self.is_pre { self.line_end() } else { self.has_blank = true }
            }
            if self.is_pre {
                self.begin();
                self.out.push_str(line.trim_end_matches('\r'));
                continue;
            }
            for (word_number, word) in line.split([' ', '\t', '\r', '\u{a0}']).enumerate() {
                self.has_blank |= word_number > 0;
                if !word.is_empty() {
                    self.begin();
                    self.out.push_str(word);
                }
            }
        }
    }

    /// Writes what has to stand before a word.
    fn begin(&mut self) {
        if !self.in_line {
            self.out.extend(std::iter::repeat_n("> ", self.quotes.min(DEEPEST)));
        } else if self.has_blank {
            self.out.push(' ');
        }
        (self.in_line, self.has_blank) = (true, false);
    }

    fn line_end(&mut self) {
        // Two empty lines tell no more than one.
        if !self.out.ends_with("\n\n") && !self.out.is_empty() {
            self.out.push('\n');
        }
        (self.in_line, self.has_blank) = (false, false);
    }

    /// Begins a new line if something stands in this one.
    fn block(&mut self) {
        if self.in_line {
            self.line_end();
        }
        self.has_blank = false;
    }

    /// What an entity stands for; gives what follows it.
    fn entity<'a>(&mut self, from: &'a str) -> &'a str {
        let end = from.bytes().take(LONGEST_NAME).position(|byte| byte == b';');
        let token = end.and_then(|end| from.get(..=end)).filter(|token| token.is_ascii());
        let Some(token) = token else {
            self.text("&");
            return from.get(1..).unwrap_or_default();
        };
        let mut meant = String::new();
        add_html_token(&mut meant, token.as_bytes(), false);
        self.text(&meant);
        from.get(token.len()..).unwrap_or_default()
    }

    /// What a tag does; gives what follows it.
    fn tag<'a>(&mut self, from: &'a str) -> &'a str {
        let after =
            |end: Option<usize>, length: usize| end.and_then(|end| from.get(end + length..)).unwrap_or_default();
        if from.starts_with("<!--") {
            return after(from.find("-->"), 3);
        }
        let is_tag = from
            .get(1..)
            .is_some_and(|rest| rest.starts_with(|ch: char| ch.is_ascii_alphabetic() || "/!?".contains(ch)));
        if !is_tag {
            self.text("<");
            return from.get(1..).unwrap_or_default();
        }
        let tag = from.get(1..from.find('>').unwrap_or(from.len())).unwrap_or_default();
        let (closes, tag_text) = tag.strip_prefix('/').map_or((false, tag), |rest| (true, rest));
        let name: String = tag_text
            .bytes()
            .take(LONGEST_NAME)
            .take_while(u8::is_ascii_alphanumeric)
            .map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect();
        self.element(&name, closes, tag_text);
        after(from.find('>'), 1)
    }

    fn element(&mut self, name: &str, closes: bool, tag: &str) {
        match self.unseen {
            Some(unseen) if closes && unseen == name => self.unseen = None,
            // A head without an end must not hide the text.
            Some("head") if name == "body" => self.unseen = None,
            Some(_) => return,
            None => {}
        }
        if let Some(unseen) = UNSEEN.iter().find(|unseen| **unseen == name) {
            self.unseen = Some(*unseen).filter(|_| !closes && !tag.ends_with('/'));
            return;
        }
        match (name, closes) {
            ("br", _) => self.line_end(),
            ("p", _) | ("h1" | "h2" | "h3", true) => {
                self.block();
                self.line_end();
            }
            ("hr", _) => {
                self.block();
                self.text("----");
                self.line_end();
            }
            ("td" | "th", false) if self.in_line => self.text("  "),
            ("img", _) => {
                if let Some(words) = attribute(tag, "alt").filter(|words| !words.trim().is_empty()) {
                    self.text(&format!("[{words}]"));
                }
            }
            ("blockquote", _) => {
                self.block();
                self.quotes = if closes { self.quotes.saturating_sub(1) } else { self.quotes.saturating_add(1) };
            }
            _ if BLOCKS.contains(&name) => {
                self.block();
                if name == "pre" {
                    self.is_pre = !closes;
                } else if name == "li" && !closes {
                    self.text("- ");
                }
            }
            _ => {}
        }
    }
}

/// The value of an attribute in quotation marks.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let at = tag.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = at.checked_sub(1).and_then(|before| tag.as_bytes().get(before));
        before.is_some_and(u8::is_ascii_whitespace)
    })?;
    let value = tag.get(at + name.len()..)?.trim_start().strip_prefix('=')?.trim_start();
    let mark = value.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
    value.get(1..)?.split(mark).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_as_its_author_meant_it() {
        let html = "<html><head><title>no</title><style>p{color:red}</style></head><body><div>Gr&uuml;&#223;e <b>aus</b>\n  Rom</div>\
            <div>A &amp; B<br>next</div><p>one</p><p>two</p><table><tr><td>Price</td><td>12 &euro;</td></tr><tr><td>Tax</td></tr></table>\
            <ul><li>red<li>blue</ul><blockquote>said<blockquote>before</blockquote></blockquote><pre>  a\n    b</pre>\
            <script>alert('<b>')</script><img src='x' alt=\"Logo\"> 3 < 4 &amp;&nbsp;5 & 6 &unknown; <hr>end</body>";
        let text = "Grüße aus Rom\nA & B\nnext\n\none\n\ntwo\n\nPrice 12 €\nTax\n- red\n- blue\n> said\n> > before\n  a\n    b\n\
            [Logo] 3 < 4 & 5 & 6 &unknown;\n----\nend";
        assert_eq!(to_text(html), text);
    }

    #[test]
    fn what_is_broken_or_endless_still_ends_soon() {
        for bomb in [
            "<table><tr><td>",
            "<div>",
            "<blockquote>",
            "<!--",
            "<",
            "&",
            "<a href='",
            "</p>",
            "<style>",
            "<pre>\n",
            "<img alt",
        ] {
            let started = std::time::Instant::now();
            to_text(&bomb.repeat(500_000));
            assert!(started.elapsed() < std::time::Duration::from_secs(5), "{bomb}");
        }
        assert_eq!(to_text("<head><body>seen"), "seen");
        assert_eq!(to_text(""), "");
    }
}
