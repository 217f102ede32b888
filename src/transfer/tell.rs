//! What a folder's way across tells: messages done, failed, removed. Every message is told exactly once.

use crate::imap::ImapError;
use crate::store::Removal;

use super::carry::Carry;
use super::job::tell;
use super::pending::Prepared;
use super::{Done, Event, Failed, How, Mode, Proof};

impl Carry<'_, '_> {
    /// Removes proven messages from the store; what can't be removed is told.
    pub(super) fn remove_proven(&mut self) {
        let removals = std::mem::take(&mut self.proven);
        if removals.is_empty() {
            return;
        }
        let results = match self.store.remove(&self.plan.folder, &removals) {
            Ok(results) => results,
            Err(error) => {
                let failed = self.failed(String::new(), String::new(), format!("copied, but not removed: {error}"), 0);
                return self.tell_failed(failed);
            }
        };
        for (removal, result) in removals.iter().zip(results) {
            match result {
                Ok(()) => tell(self.events, Event::Removed { index: self.index }),
                Err(error) => {
                    let reason = format!("copied, but not removed: {error}");
                    let failed = self.failed(removal.locator.id(), String::new(), reason, 0);
                    self.tell_failed(failed);
                }
            }
        }
    }

    /// Tells a proven message, and notes it for removal in a move.
    pub(super) fn tell_done(
        &mut self,
        prepared: &Prepared,
        uid: u32,
        how: How,
        proof: Proof,
        missing_flags: Vec<String>,
    ) {
        self.finished += 1;
        self.link.is_well();
        if self.job.mode == Mode::Move {
            self.proven.push(Removal { locator: prepared.locator.clone(), digest: prepared.digest });
        }
        let done = Done {
            folder: self.plan.folder.clone(),
            id: prepared.locator.id(),
            digest: prepared.digest,
            target: self.target.clone(),
            uid_validity: self.selected.uid_validity,
            uid,
            bytes: prepared.size(),
            how,
            proof,
            dropped_flags: prepared.dropped_flags.iter().cloned().chain(missing_flags).collect(),
        };
        tell(self.events, Event::Done { index: self.index, done });
    }

    pub(super) fn failed(&self, id: String, subject: String, reason: String, messages: u64) -> Failed {
        let folder = self.plan.folder.clone();
        Failed { folder, id, subject, reason, server_text: String::new(), hint: String::new(), messages }
    }

    pub(super) fn tell_failed(&mut self, failed: Failed) {
        self.is_complete = false;
        self.finished += failed.messages;
        tell(self.events, Event::Failed { index: self.index, failed });
    }

    pub(super) fn fail_message(&mut self, id: String, subject: String, reason: String) {
        let failed = self.failed(id, subject, reason, 1);
        self.tell_failed(failed);
    }

    pub(super) fn fail_folder(&mut self, messages: u64, error: &ImapError) {
        let mut failed = self.failed(String::new(), String::new(), error.to_string(), messages);
        failed.server_text = error.server_text().unwrap_or_default();
        error.hint().clone_into(&mut failed.hint);
        self.tell_failed(failed);
    }
}
