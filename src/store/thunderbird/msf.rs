//! The name of a folder from its summary (`.msf`), for folders whose name on disk is a hash. Used to name folders.
//!
//! Summaries are Mork: dictionaries give numbers to the names of columns and to values, rows use them, and what comes later
//! in the file counts. Only the cells with a folder's name are looked at, in files up to a size. Sources: the columns of
//! comm-central nsDBFolderInfo.cpp and nsMsgBrkMBoxStore.cpp; Mork as those files show it.

use std::path::Path;

use crate::store::{dir, file};

/// How much of a summary is looked at. Those of large folders are larger; then the name stays as it is.
const MAX_FILE: u64 = 8 * 1024 * 1024;
/// Columns with a folder's name: as shown, and on its server, where it is a path in modified UTF-7.
const SHOWN: [&[u8]; 2] = [b"folderName", b"mailboxName"];
const ON_SERVER: &[u8] = b"onlineName";
/// How a dictionary of column names starts.
const OF_COLUMNS: &[u8] = b"<(a=c)>";
const MAX_NAME: usize = 1000;

/// The true name of the folder called `disk` in `directory`, if that is a hash and its summary knows better.
pub(super) fn true_name(directory: &Path, disk: &str) -> Option<String> {
    if !is_hashed(disk) {
        return None;
    }
    let bytes = file::whole(&directory.join(format!("{disk}.msf")), MAX_FILE).ok()?;
    let shown = SHOWN.iter().find_map(|column| value(&bytes, column));
    let on_server = || {
        let path = value(&bytes, ON_SERVER)?;
        path.rsplit(['/', '.', '\\']).next().map(dir::folder_name)
    };
    let is_name = |name: &String| !name.trim().is_empty() && name != disk;
    shown.filter(is_name).or_else(|| on_server().filter(is_name))
}

/// Whether older versions made a name: eight digits instead of one that is no file name, or at the end of a long one.
fn is_hashed(disk: &str) -> bool {
    let length = disk.chars().count();
    let digits = disk.get(disk.len().saturating_sub(8)..).unwrap_or_default();
    (length == 8 || length >= 40)
        && digits.len() == 8
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The last value that any row has in a column.
fn value(mork: &[u8], column: &[u8]) -> Option<String> {
    let mut number = None;
    cells(mork, &mut |cell| {
        if let Cell::Column(key, name) = cell
            && name == column
        {
            number = Some(key);
        }
    });
    let (number, mut found) = (number?, None);
    cells(mork, &mut |cell| match cell {
        Cell::Row(key, value) if key == number => found = Some(value),
        _ => {}
    });
    let reference = match found? {
        Value::Text(text) => return decoded(text),
        Value::Reference(reference) => reference,
    };
    let mut atom = None;
    cells(mork, &mut |cell| match cell {
        Cell::Atom(key, text) if key == reference => atom = Some(text),
        _ => {}
    });
    decoded(atom?)
}

/// What stands between two parentheses.
enum Cell<'a> {
    /// The name of a column, in a dictionary of those.
    Column(&'a [u8], &'a [u8]),
    /// A value, in any other dictionary.
    Atom(&'a [u8], &'a [u8]),
    /// A column's number and what a row has in it.
    Row(&'a [u8], Value<'a>),
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a [u8]),
    Reference(&'a [u8]),
}

/// Hands every cell to `take`. Passes over what is not as it must be.
fn cells<'a>(mork: &'a [u8], take: &mut dyn FnMut(Cell<'a>)) {
    let (mut rest, mut in_dictionary, mut of_columns) = (mork, false, false);
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'<' => (in_dictionary, of_columns) = (true, false),
            b'>' => in_dictionary = false,
            b'/' if after.first() == Some(&b'/') => {
                rest = after.get(memchr::memchr2(b'\n', b'\r', after).unwrap_or(after.len())..).unwrap_or_default();
            }
            b'(' => {
                let inside = after.get(..end(after)).unwrap_or_default();
                rest = after.get(inside.len()..).unwrap_or_default();
                if let Some(cell) = cell(inside, in_dictionary, of_columns) {
                    take(cell);
                }
            }
            _ => {}
        }
        if *byte == b'<'
            && let Some(next) = rest.trim_ascii_start().strip_prefix(OF_COLUMNS)
        {
            (rest, of_columns) = (next, true);
        }
    }
}

fn cell(inside: &[u8], in_dictionary: bool, of_columns: bool) -> Option<Cell<'_>> {
    let sign = inside.iter().skip(1).position(|byte| matches!(byte, b'=' | b'^'))? + 1;
    let (key, value) = (inside.get(..sign)?, inside.get(sign + 1..)?);
    let is_text = inside.get(sign) == Some(&b'=');
    match key.strip_prefix(b"^") {
        Some(column) if is_text => Some(Cell::Row(column, Value::Text(value))),
        Some(column) => Some(Cell::Row(column, Value::Reference(value))),
        None if in_dictionary && is_text => {
            Some(if of_columns { Cell::Column(key, value) } else { Cell::Atom(key, value) })
        }
        None => None,
    }
}

/// Where the parenthesis stands that ends a cell.
fn end(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b')', b'\\', rest)) {
        at += found;
        if bytes.get(at) == Some(&b')') {
            return at;
        }
        at += 2; // a backslash takes the meaning from what follows
    }
    bytes.len()
}

/// A value as text: `\` before a character or a line end, and bytes as `$XX`.
fn decoded(value: &[u8]) -> Option<String> {
    let mut out = Vec::new();
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first().filter(|_| out.len() < MAX_NAME) {
        rest = after;
        match byte {
            b'\\' => {
                let line_end = after.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                if line_end == 0 {
                    out.extend(after.first());
                }
                rest = after.get(line_end.max(1)..).unwrap_or_default();
            }
            b'$' => {
                let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                out.push(digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())?);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => out.push(*byte),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MORK: &str = "// <!-- <mdb:mork:z v=\"1.4\"/> -->\n\
        < <(a=c)> // (f=iso-8859-1)\n  (80=ns:msg:db:row:scope:dbfolderinfo:all)(81=mailboxName)\n  (82=onlineName)(83=numMsgs)>\n\
        <(80=1)(90=Stra$C3$9Fe \\(neu\\)/2004)(91=wrong)>\n\
        {1:^80 {(k^84:c)(s=9)} [1:^80(^81^91)(^83=2)]}\n\
        @$${1{@\n[1:^80(^81^90)]\n@$$}1}@\n";

    #[test]
    fn the_last_name_in_a_summary_counts() {
        assert_eq!(value(MORK.as_bytes(), b"mailboxName").as_deref(), Some("Straße (neu)/2004"));
        assert_eq!(value(MORK.as_bytes(), b"numMsgs").as_deref(), Some("2"));
        assert_eq!(value(MORK.as_bytes(), b"folderName"), None);
        let continued = MORK.replace("neu", "ne\\\nu");
        assert_eq!(value(continued.as_bytes(), b"mailboxName").as_deref(), Some("Straße (neu)/2004"));
        for length in 0..MORK.len() {
            let _ = value(&MORK.as_bytes()[..length], b"mailboxName");
        }
    }

    #[test]
    fn only_hashes_are_looked_up() {
        for (disk, hashed) in
            [("1a2b3c4d", true), ("Inbox", false), ("20040203", true), ("1a2b3c4", false), ("Projekt1a2b3c4d", false)]
        {
            assert_eq!(is_hashed(disk), hashed, "{disk}");
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("1a2b3c4d.msf"), MORK).unwrap();
        std::fs::write(dir.path().join("20040203.msf"), "nothing").unwrap();
        assert_eq!(true_name(dir.path(), "1a2b3c4d").as_deref(), Some("Straße (neu)/2004"));
        assert_eq!(true_name(dir.path(), "20040203"), None);
        assert_eq!(true_name(dir.path(), "ffffffff"), None);
        let online = MORK.replace("(^81^90)", "(^82=INBOX.Entw&APw-rfe)(^81=1a2b3c4d)");
        std::fs::write(dir.path().join("1a2b3c4d.msf"), online).unwrap();
        assert_eq!(true_name(dir.path(), "1a2b3c4d").as_deref(), Some("Entwürfe"));
    }
}
