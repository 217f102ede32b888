//! The tables of the journal, and how a file of them is opened. A change of the tables is a new version.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::JournalError;

/// "mfjr": tells our file from other programs'.
const APPLICATION: i32 = 0x6d66_6a72;
/// The version of the tables below. With 2 came a second clock, with 3 another digest (see [`crate::mail::Digest::ever_of`]),
/// with 4 the marks.
const VERSION: i32 = 4;
/// How long another process may be writing.
const PATIENCE: Duration = Duration::from_secs(30);

const TABLES: &str = "
CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,      -- who, where: see lock::key
    settings TEXT NOT NULL,     -- JSON: how to connect, copy or move, how surely
    likeness BLOB NOT NULL,     -- equal for jobs that carry the same folders to the same places
    started INTEGER NOT NULL,   -- Unix seconds
    ended INTEGER,              -- Unix seconds; NULL while it runs, or since it broke off
    outcome TEXT,               -- JSON
    reason TEXT NOT NULL DEFAULT '',
    already INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE folder (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES job,
    place INTEGER NOT NULL,     -- in the plan
    plan TEXT NOT NULL,         -- JSON
    target TEXT NOT NULL,       -- JSON: its path on the server, as it really is
    made TEXT NOT NULL DEFAULT '[]', -- JSON: the folders that the job made for it
    UNIQUE (job, place)
) STRICT;
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL REFERENCES folder,
    begun INTEGER NOT NULL,     -- Unix seconds: the intent, durable before the first byte goes out
    running TEXT NOT NULL DEFAULT '', -- the same by a clock that nobody sets: see clock::Moment
    uid_validity INTEGER NOT NULL,
    uid_next INTEGER NOT NULL,  -- no message of it has a smaller UID
    entries BLOB NOT NULL,      -- postcard: Vec<Entry>
    fates BLOB,                 -- postcard: Vec<Fate>; NULL while unknown
    marks BLOB                  -- postcard: Vec<Mark>; NULL where nothing was sent, and in older journals
) STRICT;
CREATE INDEX batch_of_folder ON batch (folder);
CREATE INDEX unsettled ON batch (id) WHERE fates IS NULL;
CREATE TABLE trouble (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES job,
    failed TEXT NOT NULL        -- JSON, without the subject
) STRICT;
CREATE INDEX trouble_of_job ON trouble (job);
";

/// The journal's file in a directory.
pub(super) fn file(directory: &Path) -> PathBuf {
    directory.join("journal.sqlite")
}

/// Makes the directory for the user alone.
pub(super) fn make_directory(directory: &Path) -> Result<(), JournalError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| JournalError::Directory { path: directory.to_owned(), source })
}

/// Opens the journal, made where it is missing: durable at each commit, readable by its owner alone.
pub(super) fn open(directory: &Path) -> Result<Connection, JournalError> {
    make_directory(directory)?;
    let path = file(directory);
    // SQLite gives its other files the rights of this one.
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    made.map_err(|source| JournalError::Directory { path: path.clone(), source })?;
    let broken = |source| JournalError::Database { path: path.clone(), source };
    let db = Connection::open(&path).map_err(broken)?;
    db.busy_timeout(PATIENCE).map_err(broken)?;
    // First of all, for it reads the file: another program's, or a damaged one, is left as it is.
    let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(broken)?;
    let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(broken)?;
    match (application, version) {
        (0, 0) => make_tables(&db).map_err(broken)?,
        (APPLICATION, VERSION) => {}
        (APPLICATION, 1..VERSION) => bring_up(&db).map_err(broken)?,
        (APPLICATION, _) => return Err(JournalError::Version { path, version }),
        _ => return Err(JournalError::Foreign { path }),
    }
    db.pragma_update(None, "journal_mode", "WAL").map_err(broken)?;
    db.pragma_update(None, "synchronous", "FULL").map_err(broken)?;
    db.pragma_update(None, "foreign_keys", true).map_err(broken)?;
    Ok(db)
}

/// Makes an older version the current one; two processes may try at once.
fn bring_up(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 1 {
        db.execute_batch("ALTER TABLE batch ADD COLUMN running TEXT NOT NULL DEFAULT ''")?;
    }
    if version < 4 {
        db.execute_batch("ALTER TABLE batch ADD COLUMN marks BLOB")?;
    }
    db.pragma_update(None, "user_version", VERSION)?;
    db.execute_batch("COMMIT")
}

/// All tables or none; two processes may try at once.
fn make_tables(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        db.execute_batch(TABLES)?;
        db.pragma_update(None, "application_id", APPLICATION)?;
        db.pragma_update(None, "user_version", VERSION)?;
    }
    db.execute_batch("COMMIT")
}
