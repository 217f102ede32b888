//! One answer of a server as bytes, and what can be read from it: status, code, words, values.
//!
//! Tolerant where servers are odd, bounded where they are hostile: nesting, literals and numbers are checked.

use std::borrow::Cow;

use super::error::{ImapError, Refusal, word};

/// The deepest nesting of parentheses; the deepest real answer (BODYSTRUCTURE, which is never asked for) needs less.
const MAX_DEPTH: usize = 32;

/// One whole answer with the literals in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    bytes: Vec<u8>,
}

/// What an answer is, seen from a command with a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `+`
    Continue,
    /// `*`, or a line without any sign: Office 365 forgets `* OK` at times (seen by `MailKit`).
    Untagged,
    /// The tagged result.
    Result(Status),
    /// A result with another tag.
    WrongTag,
}

/// The status words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done, or information.
    Ok,
    /// Refused, or a warning.
    No,
    /// Not understood.
    Bad,
    /// The connection is about to end.
    Bye,
    /// Logged in from the start.
    Preauth,
}

const STATUSES: [(Status, &str); 5] =
    [(Status::Ok, "OK"), (Status::No, "NO"), (Status::Bad, "BAD"), (Status::Bye, "BYE"), (Status::Preauth, "PREAUTH")];

/// A value in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A word or number; section brackets belong to it: `BODY[HEADER.FIELDS (DATE)]`.
    Atom(&'a [u8]),
    /// A quoted string, unescaped.
    Quoted(Vec<u8>),
    /// A literal.
    Literal(&'a [u8]),
    /// Values in parentheses.
    List(Vec<Value<'a>>),
}

impl Value<'_> {
    /// The bytes of an atom, quoted string or literal.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Atom(bytes) | Self::Literal(bytes) => bytes,
            Self::Quoted(bytes) => bytes,
            Self::List(_) => b"",
        }
    }

    /// The bytes as text; bad UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes())
    }

    /// Whether this is the atom `word`, whatever its case.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Atom(bytes) if bytes.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// The number an atom stands for.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Atom(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// The values in parentheses; none for anything else.
    pub fn list(&self) -> &[Value<'_>] {
        match self {
            Self::List(values) => values,
            _ => &[],
        }
    }
}

impl Answer {
    /// Wraps the bytes of one answer, line end and all.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The answer up to its first line end.
    pub fn line(&self) -> &[u8] {
        let end = memchr::memchr2(b'\r', b'\n', &self.bytes).unwrap_or(self.bytes.len());
        self.bytes.get(..end).unwrap_or_default()
    }

    /// The first word and the rest of the line.
    fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
        match memchr::memchr(b' ', line) {
            Some(at) => (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default()),
            None => (line, b""),
        }
    }

    /// Whether it is some command's result.
    pub fn is_tagged(&self) -> bool {
        let (first, rest) = Self::split_word(self.line());
        !matches!(first, b"*" | b"+") && status(Self::split_word(rest).0).is_some()
    }

    /// The tag of some command's result.
    pub fn tag(&self) -> Option<&str> {
        let (first, _) = Self::split_word(self.line());
        std::str::from_utf8(first).ok().filter(|_| self.is_tagged())
    }

    /// What the answer is for a command with `tag`.
    pub fn kind(&self, tag: &str) -> Kind {
        let (first, rest) = Self::split_word(self.line());
        match (first, status(Self::split_word(rest).0)) {
            (b"+", _) => Kind::Continue,
            (b"*", _) | (_, None) => Kind::Untagged,
            (_, Some(status)) if first == tag.as_bytes() => Kind::Result(status),
            _ => Kind::WrongTag,
        }
    }

    /// Status, code with its arguments, and text of `* OK [CODE …] text` and its kin.
    pub fn untagged_status(&self) -> Option<(Status, String, String)> {
        let (first, _) = Self::split_word(self.line());
        if first == b"*" { self.status_parts() } else { None }
    }

    /// Status, code with its arguments, and text, tagged or not.
    pub fn status_parts(&self) -> Option<(Status, String, String)> {
        let (_, rest) = Self::split_word(self.line());
        let (word, rest) = Self::split_word(rest);
        let status = status(word)?;
        let rest = String::from_utf8_lossy(rest);
        let rest = rest.trim();
        let (code, text) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((code, text)) => (code, text.trim_start()),
            None => ("", rest),
        };
        Some((status, code.to_owned(), text.to_owned()))
    }

    /// The capabilities that this tells, as data or in the code of an OK, upper case.
    pub fn capabilities(&self) -> Option<Vec<String>> {
        let (_, rest) = Self::split_word(self.line());
        let (word, _) = Self::split_word(rest);
        let list = if word.eq_ignore_ascii_case(b"CAPABILITY") {
            String::from_utf8_lossy(rest).into_owned()
        } else {
            self.status_parts().filter(|(status, ..)| *status == Status::Ok)?.1
        };
        let mut words = list.split_ascii_whitespace();
        words.next().filter(|word| word.eq_ignore_ascii_case("CAPABILITY"))?;
        Some(words.map(str::to_ascii_uppercase).collect())
    }

    /// The values of untagged data after the `*`.
    pub fn values(&self) -> Vec<Value<'_>> {
        let rest = self.bytes.strip_prefix(b"* ").unwrap_or(&self.bytes);
        Parser { rest, depth: 0 }.values()
    }

    /// A result that is not OK, as a refusal.
    pub fn refusal(&self) -> Option<Refusal> {
        let (status, code, text) = self.status_parts()?;
        let is_bad = status == Status::Bad;
        (status != Status::Ok).then_some(Refusal { is_bad, code: word(&code), text })
    }

    /// Turns a result into an error unless it is OK; `doing` says what was tried.
    pub fn accept(self, doing: impl FnOnce() -> String) -> Result<Self, ImapError> {
        match self.refusal() {
            Some(refusal) => Err(ImapError::Refused { doing: doing(), refusal }),
            None => Ok(self),
        }
    }

    /// The numbers of an APPENDUID code: UIDVALIDITY and the one UID (RFC 4315).
    pub fn append_uid(&self) -> Option<(u32, u32)> {
        self.append_uids(1).first().copied().flatten()
    }

    /// UIDVALIDITY and UID of each of `count` messages, in their order; none if the server does not say, or says nonsense.
    pub fn append_uids(&self, count: usize) -> Vec<Option<(u32, u32)>> {
        let told = self.told_uids(count).filter(|(_, uids)| uids.len() == count);
        match told {
            Some((validity, uids)) => uids.into_iter().map(|uid| Some((validity, uid))).collect(),
            None => vec![None; count],
        }
    }

    /// UIDVALIDITY and the UIDs of an APPENDUID code, as far as there are not more than `most`.
    fn told_uids(&self, most: usize) -> Option<(u32, Vec<u32>)> {
        let (_, code, _) = self.status_parts()?;
        let mut words = code.split_ascii_whitespace();
        if !words.next()?.eq_ignore_ascii_case("APPENDUID") {
            return None;
        }
        let validity = words.next()?.parse().ok()?;
        let mut uids = Vec::new();
        for range in words.next()?.split(',') {
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            let length = usize::try_from(last.checked_sub(first)?).ok()?;
            if uids.len() + length >= most {
                uids.extend((first..=last).take(most.saturating_sub(uids.len()) + 1));
                break;
            }
            uids.extend(first..=last);
        }
        Some((validity, uids))
    }

    /// The bytes for the `imap` crate, or `None` to keep them from it.
    ///
    /// Results lose code and text, which `imap-proto` may not be able to read; their words were remembered. Untagged data
    /// never reaches the crate: neither `* NO` and `* BYE` nor 8-bit text, deep nesting and unknown answers.
    pub fn for_crate(&self) -> Option<Vec<u8>> {
        let (first, _) = Self::split_word(self.line());
        if first == b"+" {
            return Some(self.bytes.clone());
        }
        let (status, ..) = self.status_parts().filter(|_| first != b"*")?;
        let word = STATUSES.iter().find(|(known, _)| *known == status).map_or("BAD", |(_, word)| word);
        let mut line = first.to_vec();
        line.extend_from_slice(format!(" {word} .\r\n").as_bytes());
        Some(line)
    }
}

fn status(word: &[u8]) -> Option<Status> {
    STATUSES.iter().find(|(_, known)| word.eq_ignore_ascii_case(known.as_bytes())).map(|(status, _)| *status)
}

/// The length that a line announces for a literal after it: `{123}`, `{123+}` or `~{123}` at its end.
pub fn literal_length(line: &[u8]) -> Result<Option<usize>, ImapError> {
    let line = line.trim_ascii_end();
    let Some(inner) = line.strip_suffix(b"}") else { return Ok(None) };
    let Some(open) = memchr::memrchr(b'{', inner) else { return Ok(None) };
    let digits = inner.get(open + 1..).unwrap_or_default();
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    let is_status = {
        let (_, rest) = Answer::split_word(line);
        status(Answer::split_word(rest).0).is_some() // free text may end in braces
    };
    if is_status || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    let length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    length.map(Some).ok_or_else(|| ImapError::Nonsense { reason: "a literal of impossible length".into() })
}

/// Reads values from the bytes of an answer; stops at the first thing that makes no sense.
struct Parser<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Parser<'a> {
    fn values(&mut self) -> Vec<Value<'a>> {
        let mut values = Vec::new();
        while let Some(value) = self.value() {
            values.push(value);
        }
        values
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn value(&mut self) -> Option<Value<'a>> {
        while matches!(self.rest.first(), Some(b' ' | b'\r' | b'\n')) {
            self.take(1);
        }
        match self.rest.first()? {
            b'"' => self.quoted(),
            b'(' => self.list(),
            b')' => None,
            b'{' => self.literal(),
            b'~' if self.rest.get(1) == Some(&b'{') => {
                self.take(1);
                self.literal()
            }
            _ => Some(self.atom()),
        }
    }

    fn list(&mut self) -> Option<Value<'a>> {
        if self.depth >= MAX_DEPTH {
            self.rest = b"";
            return None;
        }
        self.take(1);
        self.depth += 1;
        let values = self.values();
        self.depth -= 1;
        self.take(1); // the closing parenthesis, or the end
        Some(Value::List(values))
    }

    fn quoted(&mut self) -> Option<Value<'a>> {
        self.take(1);
        let mut text = Vec::new();
        loop {
            let end = memchr::memchr2(b'"', b'\\', self.rest)?;
            text.extend_from_slice(self.take(end));
            if self.take(1) == b"\"" {
                return Some(Value::Quoted(text));
            }
            text.extend_from_slice(self.take(1));
        }
    }

    fn literal(&mut self) -> Option<Value<'a>> {
        let end = memchr::memchr(b'\n', self.rest)?;
        let length = literal_length(self.take(end + 1)).ok()??;
        Some(Value::Literal(self.take(length)))
    }

    fn atom(&mut self) -> Value<'a> {
        let mut in_brackets = false;
        let length = self.rest.iter().position(|byte| match byte {
            b'[' => {
                in_brackets = true;
                false
            }
            b']' => {
                in_brackets = false;
                false
            }
            b'\r' | b'\n' => true,
            b' ' | b'(' | b')' => !in_brackets,
            _ => false,
        });
        Value::Atom(self.take(length.unwrap_or(self.rest.len()).max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Answer {
        Answer::new(text.as_bytes().to_vec())
    }

    #[test]
    fn results_are_told_from_data_and_from_other_tags() {
        assert_eq!(answer("M1 OK done\r\n").kind("M1"), Kind::Result(Status::Ok));
        assert_eq!(answer("M1 no\r\n").kind("M1"), Kind::Result(Status::No));
        assert_eq!(answer("M2 OK done\r\n").kind("M1"), Kind::WrongTag);
        assert_eq!(answer("* 3 EXISTS\r\n").kind("M1"), Kind::Untagged);
        assert_eq!(answer("something odd\r\n").kind("M1"), Kind::Untagged);
        assert_eq!(answer("+\r\n").kind("M1"), Kind::Continue);
    }

    #[test]
    fn codes_and_words_of_a_refusal_are_kept() {
        let refusal = answer("M1 NO [overquota] Quota exceeded (mailbox)\r\n").refusal();
        let expected = Refusal { is_bad: false, code: "OVERQUOTA".into(), text: "Quota exceeded (mailbox)".into() };
        assert_eq!(refusal, Some(expected));
        assert_eq!(answer("M1 NO\r\n").refusal().map(|refusal| refusal.to_string()).as_deref(), Some("NO"));
        assert_eq!(answer("M1 OK [APPENDUID 5 7] done\r\n").append_uid(), Some((5, 7)));
        assert_eq!(answer("M1 OK [APPENDUID 5 7:8] done\r\n").append_uid(), None);
        let uids = |code: &str, count| -> Vec<u32> {
            let told = answer(&format!("M1 OK [APPENDUID 5 {code}] done\r\n")).append_uids(count);
            told.into_iter().map(|uid| uid.map_or(0, |(_, uid)| uid)).collect()
        };
        assert_eq!(uids("7:9", 3), [7, 8, 9]);
        assert_eq!(uids("7,9:10", 3), [7, 9, 10]);
        for nonsense in ["7:8", "7:10", "9:7", "1:4294967295", "x", "7,,8"] {
            assert_eq!(uids(nonsense, 3), [0, 0, 0], "{nonsense}");
        }
    }

    #[test]
    fn values_are_read_with_quotes_literals_lists_and_sections() {
        let answer = answer(
            "* 1 FETCH (UID 4 FLAGS (\\Seen $x) BODY[HEADER.FIELDS (DATE)] ~{5}\r\na\"(\0b X \"q\\\"\\\\\")\r\n",
        );
        let values = answer.values();
        assert!(values.get(1).unwrap().is("fetch"));
        let items = values.get(2).unwrap().list();
        assert_eq!(items.get(1).unwrap().number(), Some(4));
        assert_eq!(items.get(3).unwrap().list().len(), 2);
        assert_eq!(items.get(4).unwrap().bytes(), b"BODY[HEADER.FIELDS (DATE)]");
        assert_eq!(items.get(5).unwrap().bytes(), b"a\"(\0b");
        assert_eq!(items.get(7).unwrap().bytes(), b"q\"\\");
    }

    #[test]
    fn nonsense_ends_in_fewer_values_and_never_in_a_panic() {
        for bad in ["* LIST (", "* \"open", "* {5}\r\nab", "* ~{99999999999999999999}\r\n", "* )", "* [(", ""] {
            answer(bad).values();
        }
        answer(&format!("* {}", "(".repeat(100_000))).values();
        assert!(literal_length(b"* X {99999999999999999999}\r\n").is_err());
        assert_eq!(literal_length(b"* OK see {12}\r\n").unwrap(), None);
        assert_eq!(literal_length(b"* 1 FETCH (BODY[] {12}\r\n").unwrap(), Some(12));
        assert_eq!(literal_length(b"* LIST () \"/\" {3+}\r\n").unwrap(), Some(3));
    }

    #[test]
    fn the_crate_is_given_only_what_it_can_stand() {
        let given = |text: &str| answer(text).for_crate().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        for kept_back in
            ["* NO Disk is 98% full\r\n", "* BYE\r\n", "* LIST () \"/\" x\r\n", "* 3 EXISTS\r\n", "junk\r\n"]
        {
            assert_eq!(given(kept_back), None, "{kept_back}");
        }
        assert_eq!(given("a1 no [X-ODD \u{e4}(] h\u{e4}h\r\n").as_deref(), Some("a1 NO .\r\n"));
        assert_eq!(given("a1 ok\r\n").as_deref(), Some("a1 OK .\r\n"));
        assert_eq!(given("+ go\r\n").as_deref(), Some("+ go\r\n"));
    }
}
