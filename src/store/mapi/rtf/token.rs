//! Splits rich text into tokens. Never fails: what is broken is text or nothing.

/// One token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `{`
    Open,
    /// `}`
    Close,
    /// `\word` with its number.
    Word(&'a str, Option<i64>),
    /// `\` and one other character.
    Symbol(u8),
    /// `\'hh`
    Byte(u8),
    /// Plain characters.
    Text(&'a [u8]),
}

/// The tokens of a text.
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

/// The longest control word (RTF specification 1.9.1).
const MAX_WORD: usize = 32;
/// More digits are no number.
const MAX_DIGITS: usize = 10;

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// Passes over raw bytes.
    pub(super) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// What follows a backslash.
    fn control(&mut self) -> Option<Token<'a>> {
        let first = *self.rest.first()?;
        if first == b'\'' {
            let digits = self.rest.get(1..3).and_then(|digits| std::str::from_utf8(digits).ok());
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            self.skip(if byte.is_some() { 3 } else { 1 });
            return Some(byte.map_or(Token::Text(&[]), Token::Byte));
        }
        if !first.is_ascii_alphabetic() {
            self.skip(1);
            return Some(Token::Symbol(first));
        }
        let length = self.rest.iter().take(MAX_WORD).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = std::str::from_utf8(self.take(length)).unwrap_or_default();
        let sign = usize::from(self.rest.first() == Some(&b'-'));
        let digits = self.rest.iter().skip(sign).take(MAX_DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
        let number = if digits > 0 { std::str::from_utf8(self.take(sign + digits)).ok()?.parse().ok() } else { None };
        if self.rest.first() == Some(&b' ') {
            self.skip(1);
        }
        Some(Token::Word(word, number))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let first = *self.rest.first()?;
        match first {
            b'{' => {
                self.skip(1);
                Some(Token::Open)
            }
            b'}' => {
                self.skip(1);
                Some(Token::Close)
            }
            b'\\' => {
                self.skip(1);
                self.control()
            }
            b'\r' | b'\n' | 0 => {
                self.skip(1);
                self.next_after_line()
            }
            _ => {
                let is_plain = |byte: &&u8| !matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n' | 0);
                let length = self.rest.iter().take_while(is_plain).count();
                Some(Token::Text(self.take(length)))
            }
        }
    }
}

impl<'a> Tokens<'a> {
    /// Line ends in the text mean nothing; a run of them must not become a run of calls.
    fn next_after_line(&mut self) -> Option<Token<'a>> {
        let length = self.rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | 0)).count();
        self.skip(length);
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_split_as_the_specification_says() {
        let all: Vec<_> = Tokens::new(b"{\\b0 a\r\nb\\u-5?\\'fc\\'x\\~\\par}").collect();
        assert_eq!(
            all,
            [
                Token::Open,
                Token::Word("b", Some(0)),
                Token::Text(b"a"),
                Token::Text(b"b"),
                Token::Word("u", Some(-5)),
                Token::Text(b"?"),
                Token::Byte(0xfc),
                Token::Text(b""),
                Token::Text(b"x"),
                Token::Symbol(b'~'),
                Token::Word("par", None),
                Token::Close
            ]
        );
    }
}
