//! A running job's writing in the journal, shared by its workers. Holds the locks of the account and, in a move, of the
//! sources.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::OptionalExtension as _;
use sha2::{Digest as _, Sha256};

use super::clock::{Moment, now};
use super::lock::Lock;
use super::{Batch, Entry, Fate, JobId, Journal, JournalError, Mark, Settings};
use crate::mail::{Digest, FolderPath, Locator};
use crate::transfer::{Failed, FolderPlan, Job, Mode, Outcome, Proof};

/// What was learnt of a batch.
#[derive(Clone, Debug)]
pub(in crate::transfer) struct Settled {
    pub(in crate::transfer) batch: i64,
    pub(in crate::transfer) fates: Vec<Fate>,
}

/// UIDs by the digest of what was sent, with the proof there was.
pub(in crate::transfer) type Carried = HashMap<Digest, Vec<(u32, Option<Proof>)>>;

/// The UIDs of messages that were taken out of the store; with the place of each that was only about to be.
#[derive(Debug, Default)]
pub(in crate::transfer) struct Removed(HashMap<u32, Option<Locator>>);

impl Removed {
    /// Whether a message on the server is one that is gone from the store, so that what is at `locator` is another, however
    /// alike.
    pub(in crate::transfer) fn is_another(&self, uid: u32, locator: &Locator) -> bool {
        self.0.get(&uid).is_some_and(|about| about.as_ref() != Some(locator))
    }

    /// Their file had so many messages when the job was new, and has so many now: if that is fewer than with those that were
    /// about to be taken out, these are gone, and others may be in their places.
    pub(in crate::transfer) fn recount(&mut self, before: u64, now: u64) {
        let gone = self.0.values().filter(|about| about.is_none()).count() as u64;
        if now < before.saturating_sub(gone) {
            self.0.values_mut().for_each(|about| *about = None);
        }
    }

    /// The UIDs of all of them.
    pub(in crate::transfer) fn uids(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }
}

/// Ends the process where a test wants to see what a crash leaves: before or after the n-th change of the journal, by the
/// environment variable `MAILFERRY_CRASH_AT`, two places a change (mbsync's `-Tj`). Not in a release.
fn crash_here() {
    #[cfg(debug_assertions)]
    {
        use std::sync::atomic::{AtomicU64, Ordering};
        static PASSED: AtomicU64 = AtomicU64::new(0);
        let at = std::env::var("MAILFERRY_CRASH_AT").ok().and_then(|at| at.parse().ok());
        if at == Some(PASSED.fetch_add(1, Ordering::SeqCst) + 1) {
            std::process::abort();
        }
    }
}

/// A job under way.
pub(in crate::transfer) struct Record {
    journal: Mutex<Journal>,
    id: JobId,
    account: String,
    /// The rows of the plan's folders.
    folders: Vec<i64>,
    _locks: Vec<Lock>,
}

impl Record {
    /// Begins a job, or goes on with the one that it names or that broke off while doing the same.
    pub(in crate::transfer) fn begin(job: &Job) -> Result<Self, JournalError> {
        let account = job.target.key();
        let mut locks = Lock::of_sources(&job.state, job)?;
        locks.push(Lock::of_account(&job.state, &account)?);
        let mut journal = Journal::open(&job.state)?;
        let likeness = likeness(job);
        let id = match job.resumes {
            Some(id) => Some(journal.job(id)?.id),
            None => journal.broken_off(&account, &likeness)?,
        };
        let id = match id {
            Some(id) => journal.go_on(id, job)?,
            None => journal.begin(job, &account, &likeness)?,
        };
        let folders = journal.rows("SELECT id FROM folder WHERE job = ? ORDER BY place", [id.0], |row| row.get(0))?;
        Ok(Self { journal: Mutex::new(journal), id, account, folders, _locks: locks })
    }

    /// The job's number.
    pub(in crate::transfer) fn id(&self) -> JobId {
        self.id
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        // Each change is a transaction: a panic elsewhere leaves nothing half done.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder(&self, index: usize) -> i64 {
        self.folders.get(index).copied().unwrap_or_default()
    }

    /// A folder of the plan has this path on the server, and for it these were made.
    pub(in crate::transfer) fn opened(
        &self,
        index: usize,
        target: &FolderPath,
        made: &[FolderPath],
    ) -> Result<(), JournalError> {
        let mut journal = self.journal();
        let folder = self.folder(index);
        let known = journal.rows("SELECT made FROM folder WHERE id = ?", [folder], |row| row.get::<_, String>(0))?;
        let known = known.first().map_or(Ok(Vec::new()), |known| serde_json::from_str::<Vec<FolderPath>>(known));
        // What was made before stays the job's.
        let mut all = known.map_err(|error| journal.damaged(error))?;
        all.extend(made.iter().filter(|path| !all.contains(path)).cloned().collect::<Vec<_>>());
        let all = serde_json::to_string(&all).map_err(|error| journal.damaged(error))?;
        let target = serde_json::to_string(target).map_err(|error| journal.damaged(error))?;
        let sql = "UPDATE folder SET target = ?1, made = ?2 WHERE id = ?3 AND (target <> ?1 OR made <> ?2)";
        journal.change(|change| change.execute(sql, (target, all, folder)).map(drop))
    }

    /// Notes, before the first byte goes out, what is about to be sent; and what was learnt of others meanwhile.
    pub(in crate::transfer) fn intend(
        &self,
        index: usize,
        window: (u32, u32),
        entries: &[Entry],
        marks: &[Mark],
        settled: &[Settled],
    ) -> Result<i64, JournalError> {
        self.insert(index, window, entries, (None, Some(marks)), settled)
    }

    /// Notes, before they are taken out of the store, messages that were on the server before the job.
    pub(in crate::transfer) fn take(
        &self,
        index: usize,
        window: (u32, u32),
        entries: &[Entry],
        fates: &[Fate],
        settled: &[Settled],
    ) -> Result<i64, JournalError> {
        self.insert(index, window, entries, (Some(fates), None), settled)
    }

    fn insert(
        &self,
        index: usize,
        window: (u32, u32),
        entries: &[Entry],
        (fates, marks): (Option<&[Fate]>, Option<&[Mark]>),
        settled: &[Settled],
    ) -> Result<i64, JournalError> {
        let mut journal = self.journal();
        let entries = postcard::to_stdvec(entries).map_err(|error| journal.damaged(error))?;
        let fates = fates.map(postcard::to_stdvec).transpose().map_err(|error| journal.damaged(error))?;
        let marks = marks.map(postcard::to_stdvec).transpose().map_err(|error| journal.damaged(error))?;
        let begun = Moment::now();
        let row = (self.folder(index), begun.wall, begun.running, window.0, window.1, entries, fates, marks);
        journal.change(|change| {
            write(change, settled)?;
            let sql = "INSERT INTO batch (folder, begun, running, uid_validity, uid_next, entries, fates, marks)
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id";
            change.query_row(sql, row, |row| row.get(0))
        })
    }

    /// The folder is another one than it was when a batch was about to be sent: its UIDs are to be sought anew.
    pub(in crate::transfer) fn moved_window(&self, batch: i64, window: (u32, u32)) -> Result<(), JournalError> {
        let sql = "UPDATE batch SET uid_validity = ?, uid_next = ? WHERE id = ?";
        self.journal().change(|change| change.execute(sql, (window.0, window.1, batch)).map(drop))
    }

    /// Notes what became of batches.
    pub(in crate::transfer) fn settle(&self, settled: &[Settled]) -> Result<(), JournalError> {
        if settled.is_empty() {
            return Ok(());
        }
        self.journal().change(|change| write(change, settled))
    }

    /// Notes a message that was not carried; its subject is not kept.
    pub(in crate::transfer) fn fail(&self, failed: &Failed) -> Result<(), JournalError> {
        let mut journal = self.journal();
        let failed = Failed { subject: String::new(), ..failed.clone() };
        let json = serde_json::to_string(&failed).map_err(|error| journal.damaged(error))?;
        let sql = "INSERT INTO trouble (job, failed) VALUES (?, ?)";
        journal.change(|change| change.execute(sql, (self.id.0, json)).map(drop))
    }

    /// Batches of any job, in this folder of the account, of which nothing is known but that they were to be sent.
    pub(in crate::transfer) fn unsettled(&self, target: &FolderPath) -> Result<Vec<Batch>, JournalError> {
        let journal = self.journal();
        let target = serde_json::to_string(target).map_err(|error| journal.damaged(error))?;
        journal.batches("fates IS NULL AND job.account = ? AND folder.target = ?", (&self.account, target))
    }

    /// The UIDs that earlier runs gave to messages of a folder, by the digest of what was sent, and how surely it is there.
    pub(in crate::transfer) fn carried(&self, target: &FolderPath, uid_validity: u32) -> Result<Carried, JournalError> {
        let journal = self.journal();
        let target = serde_json::to_string(target).map_err(|error| journal.damaged(error))?;
        let condition = "fates IS NOT NULL AND job.account = ? AND folder.target = ? AND uid_validity = ?";
        let mut carried = Carried::new();
        for batch in journal.batches(condition, (&self.account, target, uid_validity))? {
            for (entry, fate) in batch.entries.iter().zip(batch.fates) {
                if let Some(stored) = fate.stored() {
                    carried.entry(entry.digest).or_default().push((stored.uid, stored.proof));
                }
            }
        }
        Ok(carried)
    }

    /// The batches of a folder of the plan with messages that are known to be there and were never proven.
    pub(in crate::transfer) fn unproven(&self, index: usize, uid_validity: u32) -> Result<Vec<Batch>, JournalError> {
        let condition = "folder.id = ? AND uid_validity = ? AND fates IS NOT NULL";
        let batches = self.journal().batches(condition, (self.folder(index), uid_validity))?;
        let is_open = |batch: &Batch| batch.fates.iter().any(|fate| fate.unproven().is_some());
        Ok(batches.into_iter().filter(is_open).collect())
    }

    /// How many messages a folder of the plan had when the job was new, as far as they were counted.
    pub(in crate::transfer) fn planned(&self, index: usize) -> Result<u64, JournalError> {
        let journal = self.journal();
        let sql = "SELECT plan FROM folder WHERE id = ?";
        let plans = journal.rows(sql, [self.folder(index)], |row| row.get::<_, String>(0))?;
        let plan = plans.first().map(|plan| serde_json::from_str::<FolderPlan>(plan)).transpose();
        Ok(plan.map_err(|error| journal.damaged(error))?.map_or(0, |plan| plan.messages))
    }

    /// The messages of a folder of the plan that the job itself took out of the store, or was about to, by their places.
    pub(in crate::transfer) fn taken_out(&self, index: usize) -> Result<HashSet<Locator>, JournalError> {
        let batches = self.journal().batches("folder.id = ? AND fates IS NOT NULL", [self.folder(index)])?;
        let all = batches.into_iter().flat_map(|batch| batch.entries.into_iter().zip(batch.fates));
        Ok(all.filter(|(_, fate)| fate.is_only_copy()).map(|(entry, _)| entry.locator).collect())
    }

    /// The messages of a folder of the plan that the job itself took out of the store, or was about to.
    pub(in crate::transfer) fn removed(&self, index: usize, uid_validity: u32) -> Result<Removed, JournalError> {
        let removed = self.sent(index, uid_validity)?.into_iter().filter(|(_, fate)| fate.is_only_copy());
        let about = |(entry, fate): (Entry, Fate)| {
            let is_gone = matches!(fate, Fate::Gone(..));
            Some((fate.stored()?.uid, (!is_gone).then_some(entry.locator)))
        };
        Ok(Removed(removed.filter_map(about).collect()))
    }

    /// What the job sent to a folder of the plan, or found there and took out of the store.
    pub(in crate::transfer) fn sent(
        &self,
        index: usize,
        uid_validity: u32,
    ) -> Result<Vec<(Entry, Fate)>, JournalError> {
        let condition = "folder.id = ? AND uid_validity = ? AND fates IS NOT NULL";
        let batches = self.journal().batches(condition, (self.folder(index), uid_validity))?;
        Ok(batches.into_iter().flat_map(|batch| batch.entries.into_iter().zip(batch.fates)).collect())
    }

    /// The UIDs that the job gave to messages of a folder of the plan that are still in its store, with where they are there, by
    /// the digest of what was sent.
    pub(in crate::transfer) fn in_store(
        &self,
        index: usize,
        uid_validity: u32,
    ) -> Result<HashMap<Digest, Vec<(Locator, u32)>>, JournalError> {
        let mut all: HashMap<Digest, Vec<(Locator, u32)>> = HashMap::new();
        for (entry, fate) in self.sent(index, uid_validity)? {
            if let Some(stored) = fate.stored().filter(|_| !fate.is_only_copy()) {
                all.entry(entry.digest).or_default().push((entry.locator, stored.uid));
            }
        }
        Ok(all)
    }

    /// Bytes that were about to be sent to the account in the last 24 hours.
    pub(in crate::transfer) fn sent_today(&self) -> Result<u64, JournalError> {
        let since = now().saturating_sub(24 * 3600);
        let batches = self.journal().batches("job.account = ? AND batch.begun > ?", (&self.account, since))?;
        let was_sent = |batch: &&Batch| batch.fates.iter().all(|fate| fate.was_sent());
        Ok(batches.iter().filter(was_sent).flat_map(|batch| &batch.entries).map(|entry| entry.size).sum())
    }

    /// The job has ended. `already` is how many messages were there before it.
    pub(in crate::transfer) fn end(&self, outcome: Outcome, reason: &str, already: u64) -> Result<(), JournalError> {
        let mut journal = self.journal();
        let outcome = serde_json::to_string(&outcome).map_err(|error| journal.damaged(error))?;
        let sql = "UPDATE job SET ended = ?, outcome = ?, reason = ?, already = ? WHERE id = ?";
        let already = i64::try_from(already).unwrap_or(i64::MAX);
        journal.change(|change| change.execute(sql, (now(), outcome, reason, already, self.id.0)).map(drop))
    }
}

fn write(change: &rusqlite::Transaction<'_>, settled: &[Settled]) -> rusqlite::Result<()> {
    for one in settled {
        let fates = postcard::to_stdvec(&one.fates)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        change.execute("UPDATE batch SET fates = ? WHERE id = ?", (fates, one.batch))?;
    }
    Ok(())
}

impl Journal {
    /// The UIDs of messages in a folder of an account that some job took out of a store.
    pub(in crate::transfer) fn only_copies(
        &self,
        account: &str,
        target: &FolderPath,
        uid_validity: u32,
    ) -> Result<HashSet<u32>, JournalError> {
        let target = serde_json::to_string(target).map_err(|error| self.damaged(error))?;
        let condition = "fates IS NOT NULL AND job.account = ? AND folder.target = ? AND uid_validity = ?";
        let batches = self.batches(condition, (account, target, uid_validity))?;
        let fates = batches.into_iter().flat_map(|batch| batch.fates).filter(|fate| fate.is_only_copy());
        Ok(fates.filter_map(|fate| Some(fate.stored()?.uid)).collect())
    }

    /// Writes down a job that has not begun, so that it can go on later like one that broke off.
    pub fn note(&mut self, job: &Job) -> Result<JobId, JournalError> {
        let (account, likeness) = (job.target.key(), likeness(job));
        match job.resumes {
            Some(id) => Ok(self.job(id)?.id),
            None => match self.broken_off(&account, &likeness)? {
                Some(id) => Ok(id),
                None => self.begin(job, &account, &likeness),
            },
        }
    }

    /// All of a change, or nothing of it.
    fn change<T>(
        &mut self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        crash_here();
        let done = self.db.transaction().and_then(|change| {
            let result = work(&change)?;
            change.commit()?;
            Ok(result)
        });
        crash_here();
        done.map_err(|error| self.broken(error))
    }

    /// The last job of the account that was to do the same and is not finished; one that was taken back is.
    fn broken_off(&self, account: &str, likeness: &[u8]) -> Result<Option<JobId>, JournalError> {
        let json = |outcome| serde_json::to_string(&outcome).map_err(|error| self.damaged(error));
        let (complete, undone) = (json(Outcome::Complete)?, json(Outcome::Undone)?);
        let sql = "SELECT id FROM job WHERE account = ? AND likeness = ? AND outcome IS NOT ? AND outcome IS NOT ?
            ORDER BY id DESC LIMIT 1";
        let values = (account, likeness, complete, undone);
        let found = self.db.query_row(sql, values, |row| row.get(0).map(JobId)).optional();
        found.map_err(|error| self.broken(error))
    }

    /// What the run before could not carry is tried again.
    fn go_on(&mut self, id: JobId, job: &Job) -> Result<JobId, JournalError> {
        let settings = serde_json::to_string(&Settings::of(job)).map_err(|error| self.damaged(error))?;
        self.change(|change| {
            let sql = "UPDATE job SET ended = NULL, outcome = NULL, reason = '', settings = ? WHERE id = ?";
            change.execute(sql, (settings, id.0))?;
            change.execute("DELETE FROM trouble WHERE job = ?", [id.0])?;
            Ok(id)
        })
    }

    fn begin(&mut self, job: &Job, account: &str, likeness: &[u8]) -> Result<JobId, JournalError> {
        let json = |value: &FolderPlan| Ok((serde_json::to_string(value)?, serde_json::to_string(&value.target)?));
        let damaged = |error: serde_json::Error| self.damaged(error);
        let settings = serde_json::to_string(&Settings::of(job)).map_err(damaged)?;
        let folders: Vec<_> = job.plan.folders.iter().map(json).collect::<Result<_, _>>().map_err(damaged)?;
        self.change(|change| {
            let sql = "INSERT INTO job (account, settings, likeness, started) VALUES (?, ?, ?, ?) RETURNING id";
            let id = change.query_row(sql, (account, settings, likeness, now()), |row| row.get(0).map(JobId))?;
            let mut insert = change.prepare("INSERT INTO folder (job, place, plan, target) VALUES (?, ?, ?, ?)")?;
            for (place, (plan, target)) in folders.into_iter().enumerate() {
                insert.execute((id.0, i64::try_from(place).unwrap_or(i64::MAX), plan, target))?;
            }
            Ok(id)
        })
    }
}

/// Equal for jobs that carry the same messages to the same folders in the same way, however many those now are.
fn likeness(job: &Job) -> Vec<u8> {
    let mut hash = Sha256::new();
    for folder in &job.plan.folders {
        let FolderPlan { source, folder, chosen, target, .. } = folder;
        hash.update(serde_json::to_vec(&(source, folder, chosen, target)).unwrap_or_default());
    }
    hash.update(if job.mode == Mode::Move { b"move" } else { b"copy" });
    hash.finalize().to_vec()
}
