//! Reads the language of patterns. Every fault has its place, so that the prompt can point at it while it is typed.
//!
//! ```text
//! any   = all  { ("|" | or) all }
//! all   = unit { ["&" | and] unit }
//! unit  = ("!" | not) unit | "(" any ")" | ~letter [text] | =letter text | "quoted" | /expression/ | plain words
//! ```
//!
//! Words beside each other are one text, so that most people need not know any of this. `and`, `or` and `not` are words
//! like others unless an item, a parenthesis or `!` follows.

use super::range::{DAYS, SIZES, days, sizes};
use super::text::{BadRegex, Words};
use super::{ITEMS, Pattern, Takes, Term};

/// Parentheses and `!` inside each other.
const DEEPEST: usize = 40;

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where, in bytes.
    pub at: usize,
    /// What, and what would be right.
    pub why: String,
}

type Parsed<T> = Result<T, Fault>;

/// Reads a pattern.
pub(super) fn parse(text: &str, today: i64) -> Parsed<Pattern> {
    let mut parser = Parser { text, at: 0, depth: 0, today, item: None };
    let term = parser.any()?;
    match parser.peek() {
        None => Ok(Pattern { term, item: parser.item }),
        Some(_) => parser.fault("there is no ( before this )"),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    today: i64,
    item: Option<usize>,
}

impl<'a> Parser<'a> {
    fn fault<T>(&self, why: impl Into<String>) -> Parsed<T> {
        Err(Fault { at: self.at, why: why.into() })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character that is no blank, which is gone to.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    fn any(&mut self) -> Parsed<Term> {
        let mut terms = vec![self.all()?];
        while self.takes_operator('|', "or") {
            terms.push(self.all()?);
        }
        Ok(one_or(terms, Term::Any))
    }

    fn all(&mut self) -> Parsed<Term> {
        let mut terms = vec![self.unit()?];
        loop {
            let joined = self.takes_operator('&', "and");
            match self.peek() {
                None | Some('|' | ')') if !joined => break,
                Some(_) if !joined && operator_word(self.rest(), "or").is_some() => break,
                _ => terms.push(self.unit()?),
            }
        }
        Ok(one_or(terms, Term::All))
    }

    /// Goes behind an operator, if it comes next: its sign (once or twice), or its word before something to join.
    fn takes_operator(&mut self, sign: char, word: &str) -> bool {
        let length = match self.peek() {
            Some(next) if next == sign => 1 + usize::from(self.rest().chars().nth(1) == Some(sign)),
            Some(_) => operator_word(self.rest(), word).unwrap_or(0),
            None => 0,
        };
        self.at += length;
        length > 0
    }

    fn unit(&mut self) -> Parsed<Term> {
        let Some(next) = self.peek() else { return self.fault("something to look for is missing here") };
        if self.depth > DEEPEST {
            return self.fault("this is nested too deep");
        }
        match next {
            '!' => {
                self.at += 1;
                self.not()
            }
            '(' => self.group(),
            '|' | '&' => self.fault(format!("something to look for is missing before {next}")),
            ')' => self.fault("something to look for is missing before )"),
            '"' | '\'' => Ok(Term::Anywhere(Words::literal(&self.quoted(next)?))),
            '~' | '=' if item_letter(self.rest()).is_some() => self.item(),
            '/' if is_expression(self.rest()) => self.expression(),
            _ if operator_word(self.rest(), "not").is_some() => {
                self.at += "not".len();
                self.not()
            }
            _ => Ok(Term::Anywhere(Words::plain(self.plain()))),
        }
    }

    fn not(&mut self) -> Parsed<Term> {
        self.depth += 1;
        let term = self.unit();
        self.depth -= 1;
        Ok(Term::Not(Box::new(term?)))
    }

    fn group(&mut self) -> Parsed<Term> {
        let opened = self.at;
        self.at += 1;
        self.depth += 1;
        let term = self.any()?;
        self.depth -= 1;
        if self.peek() != Some(')') {
            return Err(Fault { at: opened, why: "this ( is not closed".into() });
        }
        self.at += 1;
        Ok(term)
    }

    /// Words up to the next thing that is none, as one text.
    fn plain(&mut self) -> &'a str {
        let start = self.at;
        let mut end = start;
        while let Some(next) = self.peek() {
            let closes = next == ')' && self.depth > 0;
            let is_word = end == start
                || !(matches!(next, '(' | '!' | '|' | '&' | '"') || closes)
                    && item_letter(self.rest()).is_none()
                    && ["and", "or", "not"].iter().all(|word| operator_word(self.rest(), word).is_none());
            if !is_word {
                break;
            }
            self.at += self.word_length(&[]);
            end = self.at;
        }
        self.at = end;
        self.text.get(start..end).unwrap_or_default()
    }

    /// The length of the word that starts here; it also ends before `stops`, and in parentheses before `)`.
    fn word_length(&self, stops: &[char]) -> usize {
        let is_end = |ch: char| ch.is_whitespace() || stops.contains(&ch) || ch == ')' && self.depth > 0;
        self.rest().find(is_end).unwrap_or(self.rest().len()).max(self.rest().chars().next().map_or(0, char::len_utf8))
    }

    /// A text in quotation marks; a backslash takes the meaning off the one after it.
    fn quoted(&mut self, mark: char) -> Parsed<String> {
        let opened = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, ch)) = chars.next() {
            match ch {
                _ if ch == mark => {
                    self.at += at + 1;
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, next)) if next == mark => text.push(next),
                    Some((_, next)) => text.extend(['\\', next]), // for the expression, if it is one
                    None => {}
                },
                _ => text.push(ch),
            }
        }
        Err(Fault { at: opened, why: format!("this {mark} has no second one") })
    }

    /// `/expression/`, in whatever plain text is looked for in.
    fn expression(&mut self) -> Parsed<Term> {
        let start = self.at + 1;
        let length = self.word_after_slash();
        let text = self.text.get(start..start + length).unwrap_or_default();
        let words = self.regex(start, text)?;
        self.at = start + length + 1;
        Ok(Term::Anywhere(words))
    }

    fn word_after_slash(&self) -> usize {
        self.rest().get(1..).and_then(|rest| rest.rfind('/')).unwrap_or(0)
    }

    fn regex(&self, start: usize, text: &str) -> Parsed<Words> {
        Words::regex(text).map_err(|BadRegex { at, why }| {
            // Counted in characters there.
            let before = text.chars().take(at).map(char::len_utf8).sum::<usize>();
            Fault { at: (start + before).min(self.text.len()), why }
        })
    }

    /// `~f text` and its like.
    fn item(&mut self) -> Parsed<Term> {
        let is_literal = self.rest().starts_with('=');
        let letter = item_letter(self.rest()).unwrap_or_default();
        let Some(item) = ITEMS.iter().find(|item| item.letter == letter) else {
            let known: Vec<String> = ITEMS.iter().map(|item| format!("~{}", item.letter)).collect();
            return self.fault(match letter {
                'b' | 'B' | 'h' => format!("~{letter} would look into whole messages, which no list holds"),
                _ => format!("there is no ~{letter}; there are {}", known.join(" ")),
            });
        };
        self.item.get_or_insert(self.at);
        self.at += 2;
        if self.rest().starts_with(|ch: char| ch.is_alphanumeric()) && !matches!(item.takes, Takes::Days | Takes::Sizes)
        {
            return self.fault(format!("a blank is missing after ~{letter}"));
        }
        if let Takes::Nothing(term) = item.takes {
            return Ok(term());
        }
        let (start, word) = self.argument(item.help)?;
        match item.takes {
            Takes::Words(term) if is_literal => Ok(term(Words::literal(&word))),
            Takes::Words(term) => self.regex(start, &word).map(term),
            Takes::Days => days(&word, self.today).map(Term::Days).ok_or(Fault { at: start, why: DAYS.into() }),
            Takes::Sizes => sizes(&word).map(Term::Size).ok_or(Fault { at: start, why: SIZES.into() }),
            Takes::Nothing(term) => Ok(term()),
        }
    }

    /// The text of an item, and where it starts.
    fn argument(&mut self, what: &str) -> Parsed<(usize, String)> {
        match self.peek() {
            None | Some('|' | '&' | '~') => self.fault(format!("what is missing: {what}")),
            Some(')') if self.depth > 0 => self.fault(format!("what is missing: {what}")),
            Some(mark @ ('"' | '\'')) => Ok((self.at + 1, self.quoted(mark)?)),
            Some(_) => {
                let (start, length) = (self.at, self.word_length(&['|', '&']));
                self.at += length;
                Ok((start, self.text.get(start..self.at).unwrap_or_default().to_owned()))
            }
        }
    }
}

fn one_or(mut terms: Vec<Term>, join: fn(Vec<Term>) -> Term) -> Term {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        last => {
            terms.extend(last);
            join(terms)
        }
    }
}

/// The letter of an item that starts here. `=` starts one only if a text can be taken literally: many subjects hold one.
fn item_letter(rest: &str) -> Option<char> {
    let mut chars = rest.chars();
    match (chars.next()?, chars.next()?) {
        ('~', letter) if letter.is_ascii_alphabetic() => Some(letter),
        ('=', letter) if "ftsiy".contains(letter) && chars.next().is_none_or(|next| " \t\"'".contains(next)) => {
            Some(letter)
        }
        _ => None,
    }
}

/// Whether `/…/` is an expression: a slash that is followed by another at the end of the text.
fn is_expression(rest: &str) -> bool {
    let rest = rest.trim_end();
    rest.len() > 2 && rest.ends_with('/')
}

/// The length of an operator written as a word, if it is one here: an item, a group or `!` has to follow.
fn operator_word(rest: &str, word: &str) -> Option<usize> {
    let after = rest.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word)).and(rest.get(word.len()..))?;
    let next = after.strip_prefix([' ', '\t', '('].as_slice()).map(|_| after.trim_start())?;
    let joins = item_letter(next).is_some()
        || next.starts_with(['(', '!'])
        || word != "not" && operator_word(next, "not").is_some();
    joins.then_some(word.len())
}
