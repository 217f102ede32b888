//! The header of a message as raw fields (RFC 5322 section 2.2). Reads bytes, decodes nothing.

/// How much of a header is looked at; the rest is carried but not read.
pub const MAX_HEADER: usize = 256 * 1024;

/// One header field: its name and its raw value, folds and all, without the line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The bytes before the colon.
    pub name: &'a [u8],
    /// The bytes after the colon.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether the field has this name, whatever its case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value in one line, blanks collapsed and trimmed, bad UTF-8 replaced.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(self.value.len());
        for word in String::from_utf8_lossy(self.value).split_ascii_whitespace() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
        }
        out
    }
}

/// How many bytes the header takes: up to, not including, the blank line, whatever the line ends.
///
/// The whole length if there is no blank line.
pub fn length(message: &[u8]) -> usize {
    let mut start = 0;
    for line in lines(message) {
        if is_blank(line) {
            return start;
        }
        start += line.len();
    }
    start
}

/// Whether a line is the one between header and body.
fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n" | b"\r")
}

/// The fields of a header, in order, up to the blank line. Lines that belong to no field are passed over.
pub fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = lines(header).peekable();
    let mut position = 0;
    std::iter::from_fn(move || {
        while let Some(line) = rest.next_if(|line| !is_blank(line)) {
            let start = position;
            position += line.len();
            let colon = name_length(line);
            while let Some(next) = rest.peek().filter(|next| matches!(next.first(), Some(b' ' | b'\t'))) {
                position += next.len();
                rest.next();
            }
            if let Some(colon) = colon {
                let whole = header.get(start..position)?.trim_ascii_end();
                return Some(Field {
                    name: whole.get(..colon)?.trim_ascii_end(),
                    value: whole.get(colon + 1..).unwrap_or_default(),
                });
            }
        }
        None
    })
}

/// The first field of that name.
pub fn find<'a>(header: &'a [u8], name: &str) -> Option<Field<'a>> {
    fields(header).find(|field| field.is(name))
}

/// Where the colon of a header line stands, if the line starts a field: printable ASCII without blanks before it.
pub fn name_length(line: &[u8]) -> Option<usize> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(colon)
}

/// The lines of `bytes` with their ends: LF, CRLF, or CR where no LF follows at all in the bytes.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = if memchr::memchr(b'\n', bytes).is_some() { b'\n' } else { b'\r' };
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let cut = memchr::memchr(end, rest).map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(cut);
        rest = after;
        Some(line)
    })
}

/// A copy of `message` without the header fields that `unwanted` names. The body is not touched.
pub fn without(message: &[u8], unwanted: impl Fn(&Field<'_>) -> bool) -> Vec<u8> {
    let (header, body) = message.split_at(length(message));
    let mut out = Vec::with_capacity(message.len());
    let mut dropping = false;
    for line in lines(header) {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            dropping = name_length(line).is_some_and(|colon| {
                let (name, value) = line.split_at(colon);
                unwanted(&Field { name: name.trim_ascii_end(), value: value.get(1..).unwrap_or_default() })
            });
        }
        if !dropping {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"From: a@b\nSubject: two\n  lines\nodd line\nX-Empty:\nStatus: RO\n\nBody: no\n";

    #[test]
    fn fields_are_read_with_folds_and_without_the_body() {
        let all: Vec<_> =
            fields(MESSAGE).map(|field| (String::from_utf8_lossy(field.name).into_owned(), field.text())).collect();
        let expected = [("From", "a@b"), ("Subject", "two lines"), ("X-Empty", ""), ("Status", "RO")];
        assert_eq!(all, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(find(MESSAGE, "body").is_none());
    }

    #[test]
    fn the_header_ends_at_the_blank_line_of_any_kind() {
        for (message, header) in
            [(&b"A: b\r\n\r\nx"[..], 6), (b"A: b\n\nx", 5), (b"A: b\r\rx", 5), (b"A: b", 4), (b"\nx", 0), (b"", 0)]
        {
            assert_eq!(length(message), header, "{message:?}");
        }
    }

    #[test]
    fn unwanted_fields_go_with_their_folds() {
        let left = without(MESSAGE, |field| field.is("subject") || field.is("Status"));
        assert_eq!(left, b"From: a@b\nodd line\nX-Empty:\n\nBody: no\n");
    }
}
