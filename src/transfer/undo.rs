//! Takes a job back: removes from the server exactly what the job appended, as far as nobody changed it since, and the
//! folders that it made, if nothing is in them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::imap::{ImapError, RemoteMessage, Session};
use crate::mail::units::thousands;
use crate::mail::{Digest, Flags, FolderPath};

use super::journal::{Batch, Entry, Fate, Journal, JournalError, Lock, Mark, Stored, Work, state};
use super::late::recognise;
use super::{JobId, Mailbox, Place, put_away};

/// What a job left on the server that stays there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The folder on the server. Foreign text.
    pub folder: FolderPath,
    /// The message's id in its store; empty where a whole folder is meant.
    pub id: String,
    /// Its UID; 0 where a whole folder is meant.
    pub uid: u32,
    /// Why it stays.
    pub reason: String,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Messages removed.
    pub removed: u64,
    /// Messages that somebody had removed before.
    pub gone: u64,
    /// Folders removed.
    pub folders: Vec<FolderPath>,
    /// What stays.
    pub kept: Vec<Kept>,
}

impl Undone {
    /// `5 messages and 1 folders removed, 2 kept`
    pub fn in_words(&self) -> String {
        let (removed, folders, kept) = (thousands(self.removed), self.folders.len(), self.kept.len());
        let kept = if kept > 0 { format!(", {kept} kept") } else { String::new() };
        format!("{removed} messages and {folders} folders removed{kept}")
    }
}

/// Why nothing can be taken back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The journal can not be used, or another job is running.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The server can not be asked.
    #[error(transparent)]
    Imap(#[from] ImapError),
    /// Without UIDPLUS an expunge takes others' messages too.
    #[error("the server can not remove single messages (it has no UIDPLUS)")]
    NoUidPlus,
}

/// Takes a job back from a place, which `open` opens once nobody else works there. Goes on after a loss when called again.
pub fn undo(
    directory: &Path,
    id: JobId,
    place: &Place,
    open: impl FnOnce() -> Result<Mailbox, ImapError>,
) -> Result<Undone, UndoError> {
    let _lock = Lock::of_account(directory, &place.key())?;
    let journal = Journal::open(directory)?;
    let work = journal.work(id)?;
    let undone = match open()? {
        Mailbox::Server(session) => take_back(&journal, *session, &place.key(), work)?,
        Mailbox::Local(mut drawer) => put_away::put_away(&journal, &mut drawer, work)?,
    };
    // Where nothing could be taken back, the job is as it was.
    if undone.removed > 0 || undone.kept.is_empty() {
        journal.undone(id, &undone.in_words())?;
    }
    Ok(undone)
}

/// Takes back what a job did in each folder on a server.
fn take_back(journal: &Journal, mut session: Session, account: &str, work: Vec<Work>) -> Result<Undone, UndoError> {
    if !session.has("UIDPLUS") {
        return Err(UndoError::NoUidPlus);
    }
    let known: HashSet<FolderPath> = session.folders()?.into_iter().map(|folder| folder.path).collect();
    let mut undone = Undone::default();
    let mut made: Vec<FolderPath> = Vec::new();
    for Work { target, batches, made: new } in work {
        made.extend(new);
        let is_there = known.contains(&target) || target.segments() == ["INBOX"];
        if !is_there {
            let fates = batches.iter().flat_map(|batch| &batch.fates);
            undone.gone += fates.filter(|fate| fate.was_sent() && fate.stored().is_some()).count() as u64;
            continue;
        }
        let (session, undone, only_copies) = (&mut session, &mut undone, HashSet::new());
        Undo { journal, session, account, folder: &target, only_copies, undone }.folder(&batches)?;
    }
    remove_folders(&mut session, made, &mut undone)?;
    session.logout();
    Ok(undone)
}

/// One folder being taken back.
struct Undo<'a> {
    journal: &'a Journal,
    session: &'a mut Session,
    account: &'a str,
    folder: &'a FolderPath,
    /// Messages that some job took out of a store.
    only_copies: HashSet<u32>,
    undone: &'a mut Undone,
}

/// A message that the job appended, and its place in its batch.
struct Appended<'b> {
    place: usize,
    entry: &'b Entry,
    /// How it was sent, where that is known.
    mark: Option<&'b Mark>,
    stored: Stored,
}

impl Undo<'_> {
    fn folder(&mut self, batches: &[Batch]) -> Result<(), UndoError> {
        if batches.is_empty() {
            return Ok(());
        }
        let selected = match self.session.select(self.folder) {
            Ok(selected) => selected,
            Err(error @ ImapError::Refused { .. }) => {
                self.keep("", 0, format!("its folder can not be opened: {error}"));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        self.only_copies = self.journal.only_copies(self.account, self.folder, selected.uid_validity)?;
        for batch in batches {
            if batch.uid_validity == selected.uid_validity {
                self.batch(batch)?;
            } else {
                self.keep("", 0, "the folder was made anew since".into());
            }
        }
        Ok(())
    }

    fn keep(&mut self, id: &str, uid: u32, reason: String) {
        self.undone.kept.push(Kept { folder: self.folder.clone(), id: id.into(), uid, reason });
    }

    fn batch(&mut self, batch: &Batch) -> Result<(), UndoError> {
        self.session.reopen(self.folder)?;
        let mut fates = if batch.fates.is_empty() { self.look_for(batch)? } else { batch.fates.clone() };
        let appended =
            batch.entries.iter().zip(&fates).enumerate().filter(|(_, (_, fate))| fate.was_sent()).filter_map(
                |(place, (entry, fate))| {
                    fate.stored().map(|stored| Appended { place, entry, mark: batch.marks.get(place), stored })
                },
            );
        let (moved, here): (Vec<_>, Vec<_>) = appended.partition(|one| self.only_copies.contains(&one.stored.uid));
        for one in moved {
            let reason = "it was moved: what is on the server is the only copy".to_owned();
            self.keep(&one.entry.locator.id(), one.stored.uid, reason);
        }
        let removable = self.unchanged(here)?;
        let uids: Vec<u32> = removable.iter().map(|one| one.stored.uid).collect();
        if !uids.is_empty() {
            self.session.remove(self.folder, &uids)?;
            self.undone.removed += uids.len() as u64;
        }
        let places: Vec<usize> = removable.iter().map(|one| one.place).collect();
        for place in places {
            if let Some(fate) = fates.get_mut(place) {
                *fate = Fate::Absent;
            }
        }
        self.journal.settle(batch.id, &fates)?;
        Ok(())
    }

    /// Where the messages of a batch are of which the job did not learn what became of them.
    fn look_for(&mut self, batch: &Batch) -> Result<Vec<Fate>, UndoError> {
        let held = self.session.held_since(batch.uid_next)?;
        let states = self.session.since(batch.uid_next)?;
        let found = recognise(std::slice::from_ref(batch), batch.uid_validity, held, &states);
        let fate =
            |uid: Option<u32>| uid.map_or(Fate::Absent, |uid| Fate::Stored(Stored { uid, proof: None, state: 0 }));
        Ok(found.into_iter().flatten().map(fate).collect())
    }

    /// Those that are as the job left them; the others are counted or named.
    fn unchanged<'b>(&mut self, appended: Vec<Appended<'b>>) -> Result<Vec<Appended<'b>>, UndoError> {
        let uids: Vec<u32> = appended.iter().map(|one| one.stored.uid).collect();
        let asked = self.session.ask_states(&uids)?;
        let states: HashMap<u32, RemoteMessage> =
            self.session.states(&asked)?.into_iter().map(|message| (message.uid, message)).collect();
        // What was only found again is compared by its content.
        let unsure: Vec<u32> = appended.iter().filter(|one| one.stored.state == 0).map(|one| one.stored.uid).collect();
        let mut digests = HashMap::new();
        if !unsure.is_empty() {
            let largest = appended.iter().map(|one| one.entry.size).max().unwrap_or(0);
            self.session.contents(&unsure, largest, |uid, content| {
                digests.insert(uid, Digest::ever_of(content));
            })?;
        }
        let mut same = Vec::new();
        for one in appended {
            let Some(message) = states.get(&one.stored.uid) else {
                self.undone.gone += 1;
                continue;
            };
            // An undo that broke off may have marked it.
            let unmarked = RemoteMessage { flags: message.flags.without(Flags::DELETED), ..message.clone() };
            let is_same = if one.stored.state == 0 {
                let content = digests.get(&one.stored.uid);
                let is_as_sent = |mark: &Mark| mark.is_on(message) || mark.is_on(&unmarked);
                content.is_some_and(|digests| digests.contains(&one.entry.digest)) && one.mark.is_none_or(is_as_sent)
            } else {
                [message, &unmarked].map(state).contains(&one.stored.state)
            };
            if is_same {
                same.push(one);
            } else {
                let reason = "it was changed since (flags, date or content)".to_owned();
                self.keep(&one.entry.locator.id(), one.stored.uid, reason);
            }
        }
        Ok(same)
    }
}

/// Removes the folders that are empty and have none below them, the deepest first.
fn remove_folders(session: &mut Session, mut made: Vec<FolderPath>, undone: &mut Undone) -> Result<(), UndoError> {
    made.sort_by_key(|folder| std::cmp::Reverse(folder.depth()));
    made.dedup();
    for folder in made {
        let all = session.folders()?;
        if !all.iter().any(|known| known.path == folder) {
            continue;
        }
        let has_children = all.iter().any(|known| known.path != folder && known.path.starts_with(&folder));
        let is_empty = !has_children && session.counts(&folder).is_ok_and(|counts| counts.messages == 0);
        if !is_empty {
            undone.kept.push(Kept { folder, id: String::new(), uid: 0, reason: "something is in it".into() });
            continue;
        }
        match session.delete(&folder) {
            Ok(()) => undone.folders.push(folder),
            Err(error @ ImapError::Refused { .. }) => {
                undone.kept.push(Kept { folder, id: String::new(), uid: 0, reason: error.to_string() });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
