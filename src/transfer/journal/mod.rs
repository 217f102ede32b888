//! The memory of jobs: what they were to carry, what they were about to send, and what became of it. SQLite, durable at
//! each commit, so that a job goes on after any end (facts/reliability.md section 1.3).
//!
//! A running job writes through a [`Record`]; commands that only ask use [`Journal`]. No subject, no content and no
//! password is ever kept here.

mod clock;
mod entry;
mod lock;
mod record;
mod schema;
mod settings;
mod speed;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::mail::{FolderPath, Repair};

use super::{Failed, FolderPlan, Outcome, Plan};
use clock::Moment;

pub use settings::{Login, Settings};
pub use speed::Speed;

pub(super) use entry::{Batch, Entry, Fate, Mark, Stored, state};
pub(super) use lock::{Lock, key as account_key};
pub(super) use record::{Carried, Record, Removed, Settled};

/// The number of a job, as people and scripts name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(i64);

impl JobId {
    /// The bare number, for JSON.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().ok().filter(|number| *number > 0);
        number.map(Self).ok_or_else(|| "a job is a number, as `mailferry jobs` shows it".into())
    }
}

/// What is wrong with the journal, or why a job may not begin.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The directory or file can not be made or written.
    #[error("cannot write to {path}: {source}")]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// SQLite can not go on: the disk is full, or the file is damaged.
    #[error("the journal {path} can not be used: {source}")]
    Database {
        /// The journal's file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// The file is no journal.
    #[error("{path} is a database of another program")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version of this program.
    #[error("the journal {path} has version {version}, which this mailferry does not know")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i32,
    },
    /// What a row holds makes no sense.
    #[error("the journal {path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another job writes to the account.
    #[error("another mailferry is writing to {account} ({holder})")]
    Busy {
        /// The account.
        account: String,
        /// Who, in words.
        holder: String,
    },
    /// Another job moves mail out of the same store.
    #[error("another mailferry is moving mail out of {path} ({holder})", path = path.display())]
    SourceBusy {
        /// The store.
        path: PathBuf,
        /// Who, in words.
        holder: String,
    },
    /// There is no such job.
    #[error("there is no job {0}")]
    NoJob(JobId),
}

impl JournalError {
    /// What to do about it, in one sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Directory { .. } => "free space or change its rights, or choose another place with --state-dir",
            Self::Database { .. } | Self::Damaged { .. } => {
                "free space if the disk is full; a damaged journal may be moved away: what is on the server is not sent twice"
            }
            Self::Foreign { .. } => "choose another place with --state-dir",
            Self::Version { .. } => "use the version that wrote it, or another place with --state-dir",
            Self::Busy { .. } | Self::SourceBusy { .. } => "wait until it is done, or stop it",
            Self::NoJob(_) => "`mailferry jobs` shows the jobs there are",
        }
    }
}

/// A job in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastJob {
    /// Its number.
    pub id: JobId,
    /// How it is done.
    pub settings: Settings,
    /// When it began, in Unix seconds.
    pub started: i64,
    /// When it ended, in Unix seconds; `None` while it runs, or since it broke off.
    pub ended: Option<i64>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why, when it did not finish.
    pub reason: String,
    /// Messages that its last run found on the server.
    pub already: u64,
}

/// What a job did, counted from its batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages that it appended.
    pub stored: u64,
    /// Messages that it took out of the store; some of them may have been on the server before.
    pub moved: u64,
    /// Messages that it appended and that are in their store too, so that they can be taken back.
    pub removable: u64,
    /// Messages that it was about to send when it broke off.
    pub unknown: u64,
}

/// The journal in a state directory, opened for asking.
#[derive(Debug)]
pub struct Journal {
    db: Connection,
    path: PathBuf,
}

const JOB: &str = "SELECT id, settings, started, ended, outcome, reason, already FROM job";

impl Journal {
    /// Opens the journal of a state directory, made if it is not there.
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        Ok(Self { db: schema::open(directory)?, path: schema::file(directory) })
    }

    fn broken(&self, source: rusqlite::Error) -> JournalError {
        JournalError::Database { path: self.path.clone(), source }
    }

    fn damaged(&self, reason: impl fmt::Display) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), reason: reason.to_string() }
    }

    /// All jobs, the oldest first.
    pub fn jobs(&self) -> Result<Vec<PastJob>, JournalError> {
        let rows = self.rows(&format!("{JOB} ORDER BY id"), [], RawJob::read)?;
        rows.into_iter().map(|row| self.job_of(row)).collect()
    }

    /// One job.
    pub fn job(&self, id: JobId) -> Result<PastJob, JournalError> {
        let row = self.db.query_row(&format!("{JOB} WHERE id = ?"), [id.0], RawJob::read).optional();
        self.job_of(row.map_err(|error| self.broken(error))?.ok_or(JournalError::NoJob(id))?)
    }

    fn job_of(&self, row: RawJob) -> Result<PastJob, JournalError> {
        let outcome = row.outcome.as_deref().map(serde_json::from_str).transpose();
        Ok(PastJob {
            id: JobId(row.id),
            settings: serde_json::from_str(&row.settings).map_err(|error| self.damaged(error))?,
            started: row.started,
            ended: row.ended,
            outcome: outcome.map_err(|error| self.damaged(error))?,
            reason: row.reason,
            already: u64::try_from(row.already).unwrap_or(0),
        })
    }

    /// What a job was to carry.
    pub fn plan(&self, id: JobId) -> Result<Plan, JournalError> {
        let folders = self.rows("SELECT plan FROM folder WHERE job = ? ORDER BY place", [id.0], text)?;
        let folders: Result<Vec<FolderPlan>, _> = folders.iter().map(|plan| serde_json::from_str(plan)).collect();
        Ok(Plan { folders: folders.map_err(|error| self.damaged(error))? })
    }

    /// What a job did.
    pub fn tally(&self, id: JobId) -> Result<Tally, JournalError> {
        let mut tally = Tally::default();
        for batch in self.batches("folder.job = ?", [id.0])? {
            if batch.fates.is_empty() {
                tally.unknown += batch.entries.len() as u64;
            }
            for fate in batch.fates {
                tally.stored += u64::from(fate.stored().is_some() && fate.was_sent());
                tally.moved += u64::from(fate.is_only_copy());
                tally.removable += u64::from(fate.stored().is_some() && !fate.is_only_copy());
            }
        }
        Ok(tally)
    }

    /// The messages and folders that the last run of a job did not carry.
    pub fn troubles(&self, id: JobId) -> Result<Vec<Failed>, JournalError> {
        let rows = self.rows("SELECT failed FROM trouble WHERE job = ? ORDER BY id", [id.0], text)?;
        rows.iter().map(|row| serde_json::from_str(row).map_err(|error| self.damaged(error))).collect()
    }

    /// The messages that a job changed before it sent them, since they needed repair.
    pub fn repaired(&self, id: JobId) -> Result<Vec<Repaired>, JournalError> {
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
        let mut repaired = Vec::new();
        for (folder, plan) in self.rows("SELECT id, plan FROM folder WHERE job = ? ORDER BY place", [id.0], read)? {
            let plan: FolderPlan = serde_json::from_str(&plan).map_err(|error| self.damaged(error))?;
            for Batch { entries, fates, marks, .. } in self.batches("folder.id = ?", [folder])? {
                let sent = entries.iter().zip(&marks).zip(&fates);
                let changed = sent.filter(|((_, mark), fate)| !mark.repairs.is_empty() && fate.stored().is_some());
                repaired.extend(changed.map(|((entry, mark), _)| {
                    let (folder, repairs) = (plan.folder.clone(), mark.repairs.clone());
                    Repaired { folder, id: entry.locator.id(), repairs }
                }));
            }
        }
        Ok(repaired)
    }

    /// What a job did in each folder of its plan.
    pub(super) fn work(&self, id: JobId) -> Result<Vec<Work>, JournalError> {
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?));
        let folders = self.rows("SELECT id, target, made FROM folder WHERE job = ? ORDER BY place", [id.0], read)?;
        let mut work = Vec::with_capacity(folders.len());
        for (folder, target, made) in folders {
            let target = serde_json::from_str(&target).map_err(|error| self.damaged(error))?;
            let made = serde_json::from_str(&made).map_err(|error| self.damaged(error))?;
            work.push(Work { target, batches: self.batches("folder.id = ?", [folder])?, made });
        }
        Ok(work)
    }

    /// Says that a job was taken back, and in words how far.
    pub(super) fn undone(&self, id: JobId, reason: &str) -> Result<(), JournalError> {
        let outcome = serde_json::to_string(&Outcome::Undone).map_err(|error| self.damaged(error))?;
        let values = (clock::now(), outcome, reason, id.0);
        let done = self.db.execute("UPDATE job SET ended = ?, outcome = ?, reason = ? WHERE id = ?", values);
        done.map(drop).map_err(|error| self.broken(error))
    }

    /// Says what became of a batch.
    pub(super) fn settle(&self, batch: i64, fates: &[Fate]) -> Result<(), JournalError> {
        let fates = postcard::to_stdvec(fates).map_err(|error| self.damaged(error))?;
        let done = self.db.execute("UPDATE batch SET fates = ? WHERE id = ?", (fates, batch));
        done.map(drop).map_err(|error| self.broken(error))
    }

    fn rows<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let all = || self.db.prepare(sql)?.query_map(values, read)?.collect::<rusqlite::Result<Vec<T>>>();
        all().map_err(|error| self.broken(error))
    }

    /// The batches that a condition picks, in the order they were sent.
    fn batches(&self, condition: &str, values: impl rusqlite::Params) -> Result<Vec<Batch>, JournalError> {
        let sql = format!(
            "SELECT batch.id, begun, running, uid_validity, uid_next, entries, fates, marks FROM batch
             JOIN folder ON folder.id = batch.folder JOIN job ON job.id = folder.job WHERE {condition} ORDER BY batch.id"
        );
        let rows = self.rows(&sql, values, |row| {
            let raw: [Option<Vec<u8>>; 3] = [row.get(5)?, row.get(6)?, row.get(7)?];
            let begun = Moment { wall: row.get(1)?, running: row.get(2)? };
            Ok((row.get(0)?, begun, row.get(3)?, row.get(4)?, raw))
        })?;
        let read =
            |(id, begun, uid_validity, uid_next, [entries, fates, marks]): (_, _, _, _, [Option<Vec<u8>>; 3])| {
                let (entries, fates, marks) =
                    (self.list::<Entry>(entries)?, self.list::<Fate>(fates)?, self.list::<Mark>(marks)?);
                if [fates.len(), marks.len()].iter().any(|length| ![0, entries.len()].contains(length)) {
                    return Err(self.damaged("a batch has other results than messages"));
                }
                Ok(Batch { id, begun, uid_validity, uid_next, entries, fates, marks })
            };
        rows.into_iter().map(read).collect()
    }

    /// What one value of a batch holds; nothing where there is none.
    fn list<T: DeserializeOwned>(&self, bytes: Option<Vec<u8>>) -> Result<Vec<T>, JournalError> {
        let list = bytes.map(|bytes| postcard::from_bytes(&bytes)).transpose();
        list.map(Option::unwrap_or_default).map_err(|error| self.damaged(error))
    }
}

/// A message that was changed before it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// The folder in the store. Foreign text.
    pub folder: FolderPath,
    /// The message's id in its store. Foreign text.
    pub id: String,
    /// What was done to it.
    pub repairs: Vec<Repair>,
}

/// What a job did in one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Work {
    /// The folder on the server.
    pub(super) target: FolderPath,
    pub(super) batches: Vec<Batch>,
    /// The folders that were made for it.
    pub(super) made: Vec<FolderPath>,
}

/// A row of the jobs, as it is in the file.
struct RawJob {
    id: i64,
    settings: String,
    started: i64,
    ended: Option<i64>,
    outcome: Option<String>,
    reason: String,
    already: i64,
}

impl RawJob {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            settings: row.get(1)?,
            started: row.get(2)?,
            ended: row.get(3)?,
            outcome: row.get(4)?,
            reason: row.get(5)?,
            already: row.get(6)?,
        })
    }
}

fn text(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get(0)
}
