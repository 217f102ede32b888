//! Mail on this machine that messages go to, answering as a server would: folders, UIDs, states, contents. Used through
//! [`super::mailbox::Mailbox`], so that plan, journal, proof and recovery are those of a server.
//!
//! UIDs hold as long as the drawer is open; then the UIDVALIDITY is another one. All that is told is read from the disk.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use crate::imap::{
    AppendError, Appended, Counts, HeldMessage, ImapError, Outgoing, RemoteFolder, RemoteMessage, Selected, Stored,
};
use crate::mail::fingerprint::Names;
use crate::mail::{Digest, Envelope, Flags, FolderPath, Locator};
use crate::store::{Deposit, Letter, LocalPlace, Removal, StoreError};

use super::journal::state;
use super::locked;

/// A Maildir tree, or mboxes, open for writing.
pub struct Drawer {
    place: LocalPlace,
    deposit: Box<dyn Deposit>,
    validity: u32,
    /// The messages of the folders that were opened, by UID less one.
    open: HashMap<FolderPath, Vec<Slot>>,
    /// The folder that questions are about.
    folder: FolderPath,
}

/// A message of an open folder.
struct Slot {
    locator: Locator,
    /// Known once its bytes were read.
    held: Option<HeldMessage>,
    is_gone: bool,
}

/// What a failure on this machine is to the engine. A lock that another program holds is worth another try.
fn disk(error: &StoreError) -> ImapError {
    match error {
        StoreError::Locked { .. } => ImapError::Locked { reason: error.to_string() },
        other => ImapError::Disk { reason: other.to_string() },
    }
}

impl Drawer {
    /// Opens a place; nothing is made yet.
    pub fn open(place: &LocalPlace) -> Result<Self, ImapError> {
        let deposit = place.deposit().map_err(|error| disk(&error))?;
        let random = RandomState::new().hash_one(std::process::id());
        let validity = u32::try_from(random % u64::from(u32::MAX - 1)).unwrap_or(0) + 1;
        let folder = FolderPath::root();
        Ok(Self { place: place.clone(), deposit, validity, open: HashMap::new(), folder })
    }

    /// The folders that are there now.
    pub fn folders(&mut self) -> Result<Vec<RemoteFolder>, ImapError> {
        self.deposit = self.place.deposit().map_err(|error| disk(&error))?;
        let folder = |folder: crate::store::Folder| RemoteFolder {
            wire: folder.path.to_string(),
            special: folder.special,
            can_select: folder.holds_messages,
            can_have_children: !self.place.is_file(),
            path: folder.path,
        };
        Ok(self.deposit.folders().into_iter().map(folder).collect())
    }

    /// The bytes that are free on the disk, if it tells.
    pub fn free(&self) -> Option<u64> {
        let there = self.place.path.ancestors().find(|path| path.exists() || path.as_os_str().is_empty());
        let path = there.filter(|path| !path.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
        let free = rustix::fs::statvfs(path).ok();
        free.map(|free| free.f_bavail.saturating_mul(free.f_frsize))
    }

    /// How many messages a folder has, and how many are unread.
    pub fn counts(&mut self, folder: &FolderPath) -> Result<Counts, ImapError> {
        // A job may have made it meanwhile.
        if !self.deposit.folders().iter().any(|known| known.path == *folder) {
            self.deposit = self.place.deposit().map_err(|error| disk(&error))?;
        }
        let mut counts = Counts { bytes: Some(0), ..Counts::default() };
        let walked = self.deposit.walk(folder, &mut |envelope| {
            counts.messages += 1;
            counts.bytes = counts.bytes.map(|bytes| bytes.saturating_add(envelope.size));
            counts.unseen += u32::from(!envelope.flags.contains(Flags::SEEN));
        });
        walked.map_err(|error| disk(&error))?;
        Ok(counts)
    }

    /// Makes a folder with all its parents, as far as they are not there, as [`crate::imap::Session::create`] does.
    pub fn create(&mut self, folder: &FolderPath, new: &mut Vec<FolderPath>) -> Result<FolderPath, ImapError> {
        let path = self.deposit.takeable(folder);
        // One mbox has one folder, which is the top.
        let depths = if path.is_root() { 0..=0 } else { 1..=path.depth() };
        for depth in depths {
            let here = FolderPath::new(path.segments().iter().take(depth).map(String::as_str));
            if self.deposit.make(&here).map_err(|error| disk(&error))? {
                new.push(here);
            }
        }
        Ok(path)
    }

    /// Renames a folder and what is below it.
    pub fn rename(&mut self, from: &FolderPath, to: &FolderPath) -> Result<(), ImapError> {
        self.open.clear();
        let to = self.deposit.takeable(to);
        self.deposit.rename(from, &to).map_err(|error| disk(&error))
    }

    /// Puts a folder away.
    pub fn delete(&mut self, folder: &FolderPath) -> Result<(), ImapError> {
        self.open.remove(folder);
        self.deposit.discard(folder).map_err(|error| disk(&error))
    }

    /// Opens a folder. What others put there since it was first opened is seen the next time.
    pub fn select(&mut self, folder: &FolderPath) -> Result<Selected, ImapError> {
        if !self.open.contains_key(folder) {
            self.deposit.mend(folder).map_err(|error| disk(&error))?;
            let mut slots = Vec::new();
            let slot = |envelope: Envelope| Slot { locator: envelope.locator, held: None, is_gone: false };
            let walked = self.deposit.walk(folder, &mut |envelope| slots.push(slot(envelope)));
            walked.map_err(|error| disk(&error))?;
            self.open.insert(folder.clone(), slots);
        }
        self.folder = folder.clone();
        let count = u32::try_from(self.slots().len()).unwrap_or(u32::MAX);
        Ok(Selected {
            exists: count,
            uid_validity: self.validity,
            uid_next: count.saturating_add(1),
            takes_any_keyword: true,
            permanent_flags: Vec::new(),
        })
    }

    /// Opens a folder unless it is the open one.
    pub fn reopen(&mut self, folder: &FolderPath) -> Result<(), ImapError> {
        if self.folder == *folder && self.open.contains_key(folder) { Ok(()) } else { self.select(folder).map(drop) }
    }

    /// Forgets what was seen of a folder, so that it is read again.
    pub fn forget(&mut self, folder: &FolderPath) {
        self.open.remove(folder);
    }

    fn slots(&self) -> &[Slot] {
        self.open.get(&self.folder).map(Vec::as_slice).unwrap_or_default()
    }

    fn slot(&self, uid: u32) -> Option<&Slot> {
        let at = usize::try_from(uid.checked_sub(1)?).ok()?;
        self.slots().get(at).filter(|slot| !slot.is_gone)
    }

    /// The UIDs from one on that are there.
    fn uids(&self, from: u32) -> Vec<u32> {
        let last = u32::try_from(self.slots().len()).unwrap_or(u32::MAX);
        (from.max(1)..=last).filter(|uid| self.slot(*uid).is_some()).collect()
    }

    /// A message as it is on the disk; `None` if it is gone.
    fn look(&mut self, uid: u32) -> Result<Option<(Envelope, Vec<u8>)>, ImapError> {
        let Some(locator) = self.slot(uid).map(|slot| slot.locator.clone()) else { return Ok(None) };
        match self.deposit.look(&self.folder, &locator) {
            Ok((envelope, bytes)) => {
                let held = held(uid, &bytes);
                let at = usize::try_from(uid).unwrap_or(usize::MAX).wrapping_sub(1);
                if let Some(slot) = self.open.get_mut(&self.folder).and_then(|slots| slots.get_mut(at)) {
                    slot.held = Some(held);
                }
                Ok(Some((envelope, bytes)))
            }
            Err(StoreError::Vanished { .. }) => Ok(None),
            Err(error) => Err(disk(&error)),
        }
    }

    /// The messages from a UID on, for knowing them again.
    pub fn held_since(&mut self, uid: u32) -> Result<Vec<HeldMessage>, ImapError> {
        let mut all = Vec::new();
        for uid in self.uids(uid) {
            let known = self.slot(uid).and_then(|slot| slot.held);
            let held = match known {
                Some(held) => Some(held),
                None => self.look(uid)?.map(|(_, bytes)| held(uid, &bytes)),
            };
            all.extend(held);
        }
        Ok(all)
    }

    /// The state of the messages from a UID on.
    pub fn since(&mut self, uid: u32) -> Result<Vec<RemoteMessage>, ImapError> {
        self.uids(uid).into_iter().filter_map(|uid| self.row(uid).transpose()).collect()
    }

    /// The messages numbered so, for a list.
    pub fn window(&mut self, first: u32, last: u32) -> Result<Vec<RemoteMessage>, ImapError> {
        (first..=last).filter_map(|uid| self.row(uid).transpose()).collect()
    }

    /// Where a message of the open folder is in its store; `None` if it is gone.
    pub fn locator(&self, uid: u32) -> Option<Locator> {
        self.slot(uid).map(|slot| slot.locator.clone())
    }

    /// The state of one message; empty if it is gone.
    pub fn state(&mut self, uid: u32) -> Result<RemoteMessage, ImapError> {
        Ok(self.row(uid)?.unwrap_or_default())
    }

    fn row(&mut self, uid: u32) -> Result<Option<RemoteMessage>, ImapError> {
        Ok(self.look(uid)?.map(|(envelope, bytes)| row(uid, envelope, bytes.len() as u64)))
    }

    /// The canonical bytes of a message; `None` if it is gone.
    pub fn content(&mut self, uid: u32) -> Result<Option<Vec<u8>>, ImapError> {
        Ok(self.look(uid)?.map(|(_, bytes)| bytes))
    }

    /// Keeps messages. `go_on` is told as each is done.
    pub fn append(
        &mut self,
        folder: &FolderPath,
        messages: &[Outgoing<'_>],
        go_on: &mut dyn FnMut(usize, u64) -> bool,
    ) -> Vec<Result<Appended, AppendError>> {
        let no = |error: ImapError| AppendError { error, stored: Stored::No };
        if let Err(error) = self.reopen(folder) {
            return vec![Err(no(error))];
        }
        go_on(0, 0);
        let letters: Vec<Letter<'_>> = messages
            .iter()
            .map(|Outgoing { bytes, flags, keywords, internal_date }| Letter {
                bytes,
                flags: *flags,
                keywords,
                internal_date: *internal_date,
            })
            .collect();
        let kept = self.deposit.keep(folder, &letters);
        let validity = self.validity;
        let slots = self.open.entry(folder.clone()).or_default();
        let mut results = Vec::with_capacity(kept.len());
        for (place, (kept, message)) in kept.into_iter().zip(messages).enumerate() {
            results.push(match kept {
                Ok(locator) => {
                    slots.push(Slot { locator, held: None, is_gone: false });
                    go_on(place, message.bytes.len() as u64);
                    Ok(Appended { uid: u32::try_from(slots.len()).ok().map(|uid| (validity, uid)) })
                }
                Err(error) => Err(no(disk(&error))),
            });
        }
        results
    }

    /// Puts messages away, unless they were changed meanwhile.
    pub fn remove(&mut self, folder: &FolderPath, uids: &[u32]) -> Result<bool, ImapError> {
        self.reopen(folder)?;
        let mut removals = Vec::with_capacity(uids.len());
        for uid in uids {
            if let (Some(slot), Some((_, bytes))) = (self.slot(*uid).map(|slot| slot.locator.clone()), self.look(*uid)?)
            {
                removals.push(Removal { locator: slot, digest: Digest::of(&bytes) });
            }
        }
        self.take_out(folder, &removals)?;
        self.forget(folder);
        Ok(true)
    }

    /// Sets, or takes away, system flags of messages.
    pub fn flag(&mut self, folder: &FolderPath, uids: &[u32], flags: Flags, is_set: bool) -> Result<(), ImapError> {
        self.reopen(folder)?;
        for uid in uids {
            let Some(locator) = self.slot(*uid).map(|slot| slot.locator.clone()) else { continue };
            let Some((envelope, _)) = self.look(*uid)? else { continue };
            let flags = if is_set { envelope.flags | flags } else { envelope.flags.without(flags) };
            let flagged = self.deposit.flag(folder, &locator, flags, &envelope.keywords);
            flagged.map_err(|error| disk(&error))?;
        }
        Ok(())
    }

    /// Puts every message of a folder away that is marked as deleted. Gives how many those were.
    pub fn expunge(&mut self, folder: &FolderPath) -> Result<u32, ImapError> {
        self.forget(folder);
        self.reopen(folder)?;
        let rows = self.since(1)?;
        let deleted: Vec<u32> =
            rows.iter().filter(|row| row.flags.contains(Flags::DELETED)).map(|row| row.uid).collect();
        if !deleted.is_empty() {
            self.remove(folder, &deleted)?;
        }
        Ok(u32::try_from(deleted.len()).unwrap_or(u32::MAX))
    }

    /// Takes out what still has its digest. Gives one result a removal.
    pub fn take_out(
        &self,
        folder: &FolderPath,
        removals: &[Removal],
    ) -> Result<Vec<Result<(), StoreError>>, ImapError> {
        let failed = |error: StoreError| disk(&error);
        let mut store = self.place.store().map_err(failed)?;
        // A Maildir by itself has no name for its one folder.
        let is_there = store.folders().map_err(failed)?.iter().any(|known| known.path == *folder);
        let folder = if is_there { folder.clone() } else { FolderPath::root() };
        locked::at_hand(|| store.remove(&folder, removals)).map_err(failed)
    }

    /// The messages of a folder whose content has one of these digests, each once: which one, the message, and its state in
    /// short.
    pub(super) fn with_digests(
        &mut self,
        folder: &FolderPath,
        wanted: &[Digest],
    ) -> Result<Vec<(usize, Removal, u64)>, ImapError> {
        let mut wanted: Vec<(usize, Digest)> = wanted.iter().copied().enumerate().collect();
        self.reopen(folder)?;
        let mut found = Vec::new();
        for uid in self.uids(1) {
            let Some((envelope, bytes)) = self.look(uid)? else { continue };
            let digests @ [digest, _] = Digest::ever_of(&bytes);
            if let Some(at) = wanted.iter().position(|(_, other)| digests.contains(other)) {
                let (which, _) = wanted.swap_remove(at);
                let locator = envelope.locator.clone();
                let row = row(uid, envelope, bytes.len() as u64);
                found.push((which, Removal { locator, digest }, state(&row)));
            }
        }
        Ok(found)
    }
}

/// A message as a server would show it.
fn row(uid: u32, envelope: Envelope, size: u64) -> RemoteMessage {
    RemoteMessage {
        sequence: uid,
        uid,
        size,
        flags: envelope.flags,
        keywords: envelope.keywords,
        internal_date: envelope.internal_date,
        from: envelope.from,
        subject: envelope.subject,
        message_id: envelope.message_id,
        details: *envelope.details,
    }
}

/// What is kept of a message to know it again.
fn held(uid: u32, bytes: &[u8]) -> HeldMessage {
    let Names { fingerprint, id } = Names::of(bytes);
    HeldMessage { uid, size: bytes.len() as u64, fingerprint, id }
}
