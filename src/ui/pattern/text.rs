//! What one text is compared with: a part of it, with `*` the whole of it, or a regular expression. Case does not count.

use regex::{Regex, RegexBuilder};

/// The most memory a compiled expression may take; nobody types one that needs more.
const MOST: usize = 1 << 20;
/// The deepest nesting of an expression.
const DEEPEST: u32 = 50;
/// What makes a text an expression.
const SPECIAL: &[char] = &['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'];

/// A text to look for, made ready.
#[derive(Clone, Debug)]
pub(crate) enum Words {
    /// Anywhere in the line; lower case.
    Part(String),
    /// The parts between the stars, lower case, which make the whole line.
    Glob(Vec<String>),
    /// An expression.
    Regex(Box<Regex>),
}

/// Why an expression can not be used, and after how many of its bytes that shows.
pub(super) struct BadRegex {
    pub at: usize,
    pub why: String,
}

impl Words {
    /// A text as people type it: `*` stands for anything, and then the whole line has to fit.
    pub(crate) fn plain(text: &str) -> Self {
        let lower = text.trim().to_lowercase();
        match lower.split('*').map(str::to_owned).collect::<Vec<_>>() {
            parts if parts.len() > 1 => Self::Glob(parts),
            _ => Self::Part(lower),
        }
    }

    /// A text in which nothing stands for anything else.
    pub(crate) fn literal(text: &str) -> Self {
        Self::Part(text.to_lowercase())
    }

    /// A regular expression.
    pub(super) fn regex(text: &str) -> Result<Self, BadRegex> {
        if !text.contains(SPECIAL) {
            return Ok(Self::literal(text));
        }
        let built = RegexBuilder::new(text).case_insensitive(true).size_limit(MOST).nest_limit(DEEPEST).build();
        built.map(|regex| Self::Regex(Box::new(regex))).map_err(|error| BadRegex::of(&error))
    }

    /// Whether a line fits.
    pub(crate) fn fits(&self, line: &str) -> bool {
        match self {
            // Lists are long: the plain case needs no copy of each line.
            Self::Part(part) if part.is_ascii() => contains(line.as_bytes(), part.as_bytes()),
            Self::Part(part) => line.to_lowercase().contains(part.as_str()),
            Self::Glob(parts) => match parts.as_slice() {
                [first, middle @ .., last] => glob(&line.to_lowercase(), first, middle, last),
                _ => true,
            },
            Self::Regex(regex) => regex.is_match(line),
        }
    }
}

impl BadRegex {
    /// The library draws the expression with a caret below it, both four columns in; then comes the reason.
    fn of(error: &regex::Error) -> Self {
        let text = match error {
            regex::Error::CompiledTooBig(_) => return Self { at: 0, why: "this expression is too big".into() },
            error => error.to_string(),
        };
        let caret = text.lines().find(|line| line.trim_start().starts_with('^')).and_then(|line| line.find('^'));
        let why = text.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or("it is no regular expression");
        Self {
            at: caret.unwrap_or(0).saturating_sub(4),
            why: format!("{why}; quote it, or = instead of ~ for plain text"),
        }
    }
}

fn glob(line: &str, first: &str, middle: &[String], last: &str) -> bool {
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// Whether `line` contains `part` (lower-case ASCII), whatever its case.
fn contains(line: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    let upper = first.to_ascii_uppercase();
    memchr::memchr2_iter(*first, upper, line)
        .any(|at| line.get(at..at + part.len()).is_some_and(|here| here.eq_ignore_ascii_case(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_fits_as_a_person_expects() {
        for (pattern, line, fits) in [
            ("girders", "Re: GIRDERS again", true),
            ("grüße", "Viele GRÜSSE, GRÜßE", true),
            ("*girders", "Re: girders", true),
            ("*girders", "Re: girders again", false),
            ("re:*again", "Re: girders again", true),
            ("a*b*c", "axxbxxc", true),
            ("a*b*c", "axxcxxb", false),
            ("*", "anything", true),
            ("x", "", false),
        ] {
            assert_eq!(Words::plain(pattern).fits(line), fits, "{pattern} {line}");
        }
    }

    #[test]
    fn a_bad_expression_says_where_and_why() {
        let Err(bad) = Words::regex("ab(c") else { panic!() };
        assert_eq!(bad.at, 2);
        assert!(bad.why.contains("unclosed group"), "{}", bad.why);
        assert!(Words::regex(r"(\w{1000}){1000}").is_err());
        assert!(Words::regex("^re: +girders$").is_ok_and(|words| words.fits("Re:  girders")));
    }
}
