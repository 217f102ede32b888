//! The canonical bytes of a message that is too large to be held in memory, made piece by piece: what
//! [`super::canonical::to_crlf`] makes of the whole. Used by the stores.

use super::canonical::BareCr;

const FROM: &[u8] = b"From ";

/// Ends every line with CRLF.
#[derive(Debug)]
pub struct Crlf {
    /// What ends a line.
    end: u8,
    /// A CR that was not handed on, since an LF may follow.
    has_cr: bool,
    /// Whether bytes came since the last line end.
    is_open: bool,
}

impl Crlf {
    /// For a message whose bare CRs mean that.
    pub fn new(bare_cr: BareCr) -> Self {
        Self { end: line_end(bare_cr), has_cr: false, is_open: false }
    }

    /// Takes the next bytes, and adds what they become to `out`.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        if let Some(first) = rest.first()
            && std::mem::take(&mut self.has_cr)
            && *first != b'\n'
        {
            out.push(b'\r');
        }
        while let Some(at) = memchr::memchr(self.end, rest) {
            let (line, after) = rest.split_at(at);
            out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            out.extend_from_slice(b"\r\n");
            rest = after.get(1..).unwrap_or_default();
            self.is_open = false;
        }
        if !rest.is_empty() {
            let kept = rest.strip_suffix(b"\r").filter(|_| self.end == b'\n');
            self.has_cr = kept.is_some();
            self.is_open = true;
            out.extend_from_slice(kept.unwrap_or(rest));
        }
    }

    /// There is no more: ends the last line.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.is_open) {
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// What ends the lines of a message.
pub fn line_end(bare_cr: BareCr) -> u8 {
    if bare_cr == BareCr::Keep { b'\n' } else { b'\r' }
}

/// Takes one `>` from each line of the form `>+From `, as an mbox has them.
#[derive(Debug)]
pub struct Unquote {
    end: u8,
    place: Place,
}

/// Where in a line the next byte is.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// At its start, or after quotes, of which the last was not handed on.
    Start { is_quoted: bool },
    /// After quotes and so many bytes of `From `, which were not handed on.
    From(usize),
    /// Anywhere else.
    Within,
}

impl Unquote {
    /// For a body whose lines end so.
    pub fn new(bare_cr: BareCr) -> Self {
        Self { end: line_end(bare_cr), place: Place::Start { is_quoted: false } }
    }

    /// Takes the next bytes, and adds what they become to `out`.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some((first, after)) = rest.split_first() {
            match self.place {
                Place::Within => {
                    let line = memchr::memchr(self.end, rest).map_or(rest.len(), |at| at + 1);
                    let (taken, after) = rest.split_at(line);
                    out.extend_from_slice(taken);
                    rest = after;
                    if taken.ends_with(&[self.end]) {
                        self.place = Place::Start { is_quoted: false };
                    }
                }
                Place::Start { is_quoted } if *first == b'>' => {
                    // Of a row of quotes it does not matter which one goes.
                    out.extend(is_quoted.then_some(b'>'));
                    self.place = Place::Start { is_quoted: true };
                    rest = after;
                }
                Place::Start { is_quoted: true } if FROM.starts_with(&[*first]) => {
                    self.place = Place::From(1);
                    rest = after;
                }
                Place::From(have) if FROM.get(have) == Some(first) => {
                    rest = after;
                    self.place = Place::From(have + 1);
                    if have + 1 == FROM.len() {
                        out.extend_from_slice(FROM);
                        self.place = Place::Within;
                    }
                }
                Place::Start { .. } | Place::From(_) => self.finish(out),
            }
        }
    }

    /// There is no more in this line that matters.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let held = match self.place {
            Place::Start { is_quoted: false } | Place::Within => None,
            Place::Start { is_quoted: true } => Some(0),
            Place::From(have) => Some(have),
        };
        if let Some(have) = held {
            out.push(b'>');
            out.extend_from_slice(FROM.get(..have).unwrap_or_default());
        }
        self.place = Place::Within;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::canonical::to_crlf;

    /// What a text becomes when it comes in pieces of that length.
    fn in_pieces(text: &str, length: usize, mut push: impl FnMut(Option<&[u8]>, &mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        text.as_bytes().chunks(length).for_each(|piece| push(Some(piece), &mut out));
        push(None, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_end_as_those_of_a_whole_message_however_it_comes() {
        for (text, rule) in [
            ("a\nb", BareCr::Keep),
            ("a\r\nb\r\n", BareCr::Keep),
            ("a\rb\r\r\nc\r\r", BareCr::Keep),
            ("\n\r\n\r\r\n\r", BareCr::Keep),
            ("a\rb\r\rc", BareCr::EndsLine),
            ("a\r", BareCr::EndsLine),
            ("", BareCr::Keep),
        ] {
            for length in 1..=text.len().max(1) {
                let mut lines = Crlf::new(rule);
                let made = in_pieces(text, length, |piece, out| match piece {
                    Some(piece) => lines.push(piece, out),
                    None => lines.finish(out),
                });
                assert_eq!(made.as_bytes(), to_crlf(text.as_bytes(), rule), "{text:?} by {length}");
            }
        }
    }

    #[test]
    fn quotes_go_one_a_line_however_the_body_comes() {
        for (text, plain) in [
            (">From x\n>>From y\na >From z\n> From\n>From", "From x\n>From y\na >From z\n> From\n>From"),
            (">>>", ">>>"),
            ("From \n>Fro\n>>Fx\n>\n", "From \n>Fro\n>>Fx\n>\n"),
            ("x\r\n>From y", "x\r\nFrom y"),
        ] {
            for length in 1..=text.len() {
                let mut quotes = Unquote::new(BareCr::Keep);
                let made = in_pieces(text, length, |piece, out| match piece {
                    Some(piece) => quotes.push(piece, out),
                    None => quotes.finish(out),
                });
                assert_eq!(made, plain, "{text:?} by {length}");
            }
        }
    }
}
