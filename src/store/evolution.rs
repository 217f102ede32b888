//! What Evolution 3 keeps of its local mail in `folders.db` beside it: labels, and flags that names of files do not tell.
//!
//! Used by Maildir. The database is only read, and nothing is made beside it. Sources: evolution-data-server,
//! camel-db.c (a table for each folder, by its name), camel-store-db.c (3.58 and later: `messages_N`, N from `folders`),
//! camel-message-info.c (labels are words with blanks between them), camel-enums.h (bits of flags).

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::Damage;
use crate::mail::Flags;

/// The name of the database.
pub(super) const DATABASE: &str = "folders.db";
/// Files beside it in which changes wait that are not in it yet.
const WAITING: [&str; 2] = ["-wal", "-journal"];

const FLAGS: [(i64, Flags); 5] =
    [(0x1, Flags::ANSWERED), (0x2, Flags::DELETED), (0x4, Flags::DRAFT), (0x8, Flags::FLAGGED), (0x10, Flags::SEEN)];
const KEYWORDS: [(i64, &str); 3] = [(0x80, "$Junk"), (0x200, "$NotJunk"), (0x400, "$Forwarded")];
/// The bits that say something here.
const TELLING: i64 = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x80 | 0x200 | 0x400;

/// No row takes fewer bytes of a file; there are no more rows than fit.
const MIN_ROW: u64 = 16;
/// No message is called by more, nor has more of labels.
const MAX_TEXT: usize = 4096;
/// No folder has more of either in all; a million messages with a label each take less.
const MAX_HELD: usize = 64 << 20;

/// Whether a table is one of rows that lie in the file: a view or a made-up table may compute without an end.
const IS_TABLE: &str =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name = ?1 COLLATE NOCASE";
/// How many of the columns a table has that are read; one that is computed does not count.
const HAS_COLUMNS: &str =
    "SELECT count(*) FROM pragma_table_xinfo(?1) WHERE name IN ('uid', 'flags', 'labels') AND hidden = 0";
const COLUMNS: i64 = 3;
/// Whether folders have numbers.
const HAS_NUMBERS: &str = "SELECT 1 FROM pragma_table_xinfo('folders') WHERE name = 'folder_id' AND hidden = 0";
const NUMBER: &str = "SELECT folder_id FROM folders WHERE folder_name = ?1 COLLATE NOCASE LIMIT 1";

/// The bits and the labels of messages, by what they are called.
type Entries = HashMap<Box<str>, (i64, Box<str>)>;

/// What is known of the messages of a folder.
#[derive(Debug)]
pub(super) struct Marks {
    entries: Entries,
    /// What could not be read.
    pub(super) damage: Option<Damage>,
}

/// Why a database is not read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
    #[error("its tables are not Evolution's")]
    Foreign,
    #[error("it is too large")]
    Large,
}

impl Marks {
    /// What the database at `path` says of a folder, which goes by Evolution's name for it.
    pub(super) fn of(path: &Path, folder: &str) -> Self {
        let told = |reason| Some(Damage { file: path.to_owned(), offset: 0, reason });
        let mut entries = Entries::new();
        let damage = match read(path, folder, &mut entries) {
            Err(error) => told(format!("labels that Evolution kept here are missing ({error})")),
            Ok(()) => waiting(path).and_then(|name| {
                told(format!("changes to labels still wait in {name}: start and end Evolution once, and read it again"))
            }),
        };
        Self { entries, damage }
    }

    /// Adds the marks of a message to those that its file has, as Evolution shows them.
    pub(super) fn add_to(&self, uid: &str, (flags, mut keywords): (Flags, Vec<String>)) -> (Flags, Vec<String>) {
        let Some((bits, labels)) = self.entries.get(uid) else { return (flags, keywords) };
        let set = FLAGS.iter().filter(|(bit, _)| bits & bit != 0);
        let flags = set.fold(flags, |flags, (_, flag)| flags | *flag);
        let words = KEYWORDS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, word)| *word);
        for word in words.chain(labels.split_ascii_whitespace()) {
            if !keywords.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                keywords.push(word.to_owned());
            }
        }
        (flags, keywords)
    }
}

/// The database and the files beside it in which changes wait.
pub(super) fn files(path: &Path) -> Vec<PathBuf> {
    let beside = |ending: &&str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    [path.to_owned()].into_iter().chain(WAITING.iter().map(beside)).collect()
}

/// A file beside the database that holds changes to it.
fn waiting(path: &Path) -> Option<String> {
    let holds = |path: &PathBuf| fs::metadata(path).is_ok_and(|data| data.len() > 0);
    let file = files(path).into_iter().skip(1).find(holds)?;
    Some(file.file_name()?.to_string_lossy().into_owned())
}

/// Takes what is known of a folder's messages, up to what can't be read.
fn read(path: &Path, folder: &str, entries: &mut Entries) -> Result<(), Unread> {
    let rows = fs::metadata(path).map_or(0, |data| data.len() / MIN_ROW);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(unchanging(path), flags)?;
    db.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
    let table = |name: &str| db.query_row(IS_TABLE, [name], |row| row.get::<_, String>(0)).optional();
    if table("folders")?.is_none() {
        return Err(Unread::Foreign);
    }
    let has_numbers = db.query_row(HAS_NUMBERS, [], |_| Ok(())).optional()?.is_some();
    let name = if has_numbers {
        let number: Option<Option<i64>> = db.query_row(NUMBER, [folder], |row| row.get(0)).optional()?;
        number.flatten().map(|number| format!("messages_{number}"))
    } else {
        // A folder of this name would have no table of its own.
        Some(folder.to_owned()).filter(|name| !name.eq_ignore_ascii_case("folders"))
    };
    // A folder that Evolution never opened has no table.
    let Some(name) = name.map(|name| table(&name)).transpose()?.flatten() else { return Ok(()) };
    if db.query_row(HAS_COLUMNS, [&name], |row| row.get::<_, i64>(0))? != COLUMNS {
        return Err(Unread::Foreign);
    }
    let mut query = db.prepare(&format!("SELECT uid, flags, labels FROM \"{}\"", name.replace('"', "\"\"")))?;
    let mut found = query.query([])?;
    let mut held = 0;
    for _ in 0..rows {
        let Some(row) = found.next()? else { break };
        let text = |at| row.get_ref(at).map(|value| value.as_str_or_null().ok().flatten().unwrap_or_default());
        let (uid, labels, bits) = (text(0)?, text(2)?, row.get_ref(1)?.as_i64_or_null().ok().flatten().unwrap_or(0));
        let is_telling = bits & TELLING != 0 || !labels.trim().is_empty();
        if is_telling && uid.len() <= MAX_TEXT && labels.len() <= MAX_TEXT {
            held += uid.len() + labels.len();
            if held > MAX_HELD {
                return Err(Unread::Large);
            }
            entries.insert(uid.into(), (bits, labels.into()));
        }
    }
    Ok(())
}

/// The name for SQLite of a file that nobody changes: it then takes no lock and makes no file.
fn unchanging(path: &Path) -> PathBuf {
    let mut uri = b"file:".to_vec();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => uri.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            _ => uri.push(*byte),
        }
    }
    uri.extend_from_slice(b"?immutable=1");
    OsString::from_vec(uri).into()
}
