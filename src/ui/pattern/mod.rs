//! What `+`, `-`, `f` and `/` look for: plain text, or the small language of mutt. Knows rows and names, nothing of keys.
//!
//! A header does not tell everything, so an answer is one of three: a message fits, does not fit, or it is not known.

mod parse;
mod range;
mod text;

use crate::mail::Flags;
use crate::mail::details::CUT;

use super::list::Row;
pub(crate) use parse::Fault;
use range::Range;
use text::Words;

/// Whether something fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The list does not know enough of it.
    Unknown,
}

/// A pattern, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    term: Term,
    /// Where in the text the first item (`~f` and the like) stands, if there is one.
    item: Option<usize>,
}

#[derive(Clone, Debug)]
enum Term {
    /// In the subject, the sender's name or the sender's address.
    Anywhere(Words),
    From(Words),
    To(Words),
    Subject(Words),
    Id(Words),
    Keyword(Words),
    Days(Range),
    Size(Range),
    /// Whether the flag is set as said.
    Flag(Flags, bool),
    Attached,
    Not(Box<Term>),
    All(Vec<Term>),
    Any(Vec<Term>),
}

/// What an item of the language takes after its letter.
#[derive(Clone, Copy)]
enum Takes {
    Words(fn(Words) -> Term),
    Days,
    Sizes,
    Nothing(fn() -> Term),
}

/// One item of the language.
pub(crate) struct Item {
    /// Its letter, after `~`; `=` before the letter of a text takes it literally.
    pub letter: char,
    /// What it looks at, for the help.
    pub help: &'static str,
    takes: Takes,
}

const fn item(letter: char, help: &'static str, takes: Takes) -> Item {
    Item { letter, help, takes }
}

/// The language, in the order the help lists it.
pub(crate) static ITEMS: [Item; 13] = [
    item('f', "from: name or address", Takes::Words(Term::From)),
    item('t', "to", Takes::Words(Term::To)),
    item('s', "subject", Takes::Words(Term::Subject)),
    item('d', "date: 2004, 2004-03..2004-05, <2001, >12.03.2004, <2w (newer), >1y (older)", Takes::Days),
    item('z', "size: >1M, <10k, 10k..1M", Takes::Sizes),
    item('N', "unread", Takes::Nothing(|| Term::Flag(Flags::SEEN, false))),
    item('F', "flagged", Takes::Nothing(|| Term::Flag(Flags::FLAGGED, true))),
    item('A', "attached files, as the Content-Type tells", Takes::Nothing(|| Term::Attached)),
    item('i', "Message-ID", Takes::Words(Term::Id)),
    item('y', "keyword", Takes::Words(Term::Keyword)),
    item('R', "read", Takes::Nothing(|| Term::Flag(Flags::SEEN, true))),
    item('Q', "answered", Takes::Nothing(|| Term::Flag(Flags::ANSWERED, true))),
    item('D', "deleted, but still there", Takes::Nothing(|| Term::Flag(Flags::DELETED, true))),
];

/// The table of what can be looked for, for the README, in Markdown.
pub fn patterns_markdown() -> String {
    let row = |item: &Item| format!("| `~{}` | {} |\n", item.letter, item.help);
    ITEMS.iter().fold(String::from("| Item | What it looks at |\n|---|---|\n"), |table, item| table + &row(item))
}

impl Pattern {
    /// Makes ready what a person typed. `today` is the present day, in days since 1970.
    pub(crate) fn parse(text: &str, today: i64) -> Result<Self, Fault> {
        parse::parse(text, today)
    }

    /// Whether a message fits.
    pub(crate) fn fits(&self, row: &Row) -> Fit {
        self.term.fits(&|term| of_row(term, row))
    }

    /// Whether a folder of that name fits. Ask [`Self::needs_messages`] first.
    pub(crate) fn fits_name(&self, name: &str) -> bool {
        let of_name = |term: &Term| match term {
            Term::Anywhere(words) => known(words.fits(name)),
            _ => Fit::Unknown,
        };
        self.term.fits(&of_name) == Fit::Yes
    }

    /// Why it can't be asked of a folder, if it can't.
    pub(crate) fn needs_messages(&self) -> Option<Fault> {
        self.item.map(|at| Fault { at, why: "this looks at messages; here are folders, which have names only".into() })
    }
}

fn known(fits: bool) -> Fit {
    if fits { Fit::Yes } else { Fit::No }
}

impl Term {
    /// Kleene's logic: what is not known decides nothing.
    fn fits(&self, leaf: &dyn Fn(&Term) -> Fit) -> Fit {
        let first = |terms: &[Term], decisive: Fit, otherwise: Fit| {
            let mut so_far = otherwise;
            for term in terms {
                match term.fits(leaf) {
                    fit if fit == decisive => return decisive,
                    Fit::Unknown => so_far = Fit::Unknown,
                    _ => {}
                }
            }
            so_far
        };
        match self {
            Self::All(terms) => first(terms, Fit::No, Fit::Yes),
            Self::Any(terms) => first(terms, Fit::Yes, Fit::No),
            Self::Not(term) => match term.fits(leaf) {
                Fit::Yes => Fit::No,
                Fit::No => Fit::Yes,
                Fit::Unknown => Fit::Unknown,
            },
            leaf_term => leaf(leaf_term),
        }
    }
}

fn of_row(term: &Term, row: &Row) -> Fit {
    match term {
        Term::Anywhere(words) => match in_text(words, &row.subject) {
            Fit::No => from(words, row),
            fit => fit,
        },
        Term::From(words) => from(words, row),
        Term::To(words) => in_text(words, row.extra.to()),
        Term::Subject(words) => in_text(words, &row.subject),
        Term::Id(words) => in_text(words, row.extra.message_id()),
        Term::Keyword(words) => known(row.extra.keywords().any(|keyword| words.fits(keyword))),
        Term::Days(days) => row.date.map_or(Fit::Unknown, |date| known(days.holds(date.day()))),
        Term::Size(sizes) => known(i64::try_from(row.size).is_ok_and(|size| sizes.holds(size))),
        Term::Flag(flag, is_set) => known(row.flags.contains(*flag) == *is_set),
        Term::Attached => row.attached.map_or(Fit::Unknown, known),
        Term::Not(_) | Term::All(_) | Term::Any(_) => Fit::Unknown,
    }
}

fn from(words: &Words, row: &Row) -> Fit {
    match in_text(words, &row.from) {
        Fit::No => known(words.fits(row.extra.address())),
        fit => fit,
    }
}

/// What is not in a text that was cut may have been in the rest.
fn in_text(words: &Words, text: &str) -> Fit {
    match words.fits(text) {
        true => Fit::Yes,
        false if text.ends_with(CUT) => Fit::Unknown,
        false => Fit::No,
    }
}

#[cfg(test)]
mod tests;
