//! What the server's worker does for each request.

use std::collections::HashMap;

use super::{Failure, Worker};
use crate::imap::{ImapError, RemoteMessage};
use crate::mail::units::plural;
use crate::mail::{Flags, FolderPath};
use crate::transfer::ids;
use crate::ui::effect::ServerRequest;
use crate::ui::event::{ServerEvent, Trouble};
use crate::ui::list::Row;
use crate::ui::marks::Key;
use crate::ui::workers::reading;

/// The most of a message that a preview fetches; nobody reads more on a terminal.
const PREVIEW_BYTES: u32 = 4 << 20;

impl Worker {
    /// Does one request and tells what came of it.
    pub(super) fn answer(&mut self, request: &ServerRequest) -> Result<(), Failure> {
        let Some(session) = self.session.as_mut() else { return Ok(()) };
        match request {
            ServerRequest::Folders => {
                let terms = session.terms()?;
                self.tell(ServerEvent::Terms(terms));
            }
            ServerRequest::Room { generation, folders } => {
                let room = session.room(folders)?;
                self.tell(ServerEvent::Room(*generation, room));
            }
            ServerRequest::Ids { generation, folder } => {
                self.close_list();
                let ids = ids(self.session.as_mut().ok_or(ImapError::Cancelled)?, folder)?;
                self.tell(ServerEvent::Ids(*generation, folder.clone(), ids));
            }
            ServerRequest::Counts(folders) => self.uncounted.extend(folders.iter().cloned()),
            ServerRequest::Open { generation, folder } => {
                self.list = Some((*generation, folder.clone(), false));
                let (exists, validity) = self.open_list()?;
                self.tell(ServerEvent::Opened(*generation, exists, validity));
            }
            ServerRequest::Window { generation, chunk, first, last } => {
                self.window(*generation, *chunk, *first, *last)?;
            }
            ServerRequest::Preview { generation, folder, uid, columns } => {
                self.preview(*generation, folder, *uid, *columns)?;
            }
            ServerRequest::Create(folder) => {
                let made = session.create(folder, &mut Vec::new())?;
                let words = if made == *folder {
                    format!("made {made}")
                } else {
                    format!("the server made {made} out of {folder}")
                };
                self.changed(words, Some(made))?;
            }
            ServerRequest::Rename(from, to) => {
                session.rename(from, to)?;
                self.changed(format!("renamed {from} to {to}"), Some(to.clone()))?;
            }
            ServerRequest::Delete(folders) => {
                for folder in folders {
                    session.delete(folder)?;
                }
                let last = folders.last().and_then(FolderPath::parent);
                self.changed(format!("deleted {}", folders.last().map(ToString::to_string).unwrap_or_default()), last)?;
            }
            ServerRequest::Remove(folder, uids) => self.remove(folder, uids)?,
            ServerRequest::Flag { folder, uids, flags, is_set } => self.flag(folder, uids, *flags, *is_set)?,
            ServerRequest::Expunge(folder) => {
                let gone = plural(u64::from(session.expunge(folder)?), "message");
                self.messages_changed(folder, format!("{gone} expunged from {folder}"));
            }
            ServerRequest::Subscribe(folder, is_subscribed) => {
                session.set_subscribed(folder, *is_subscribed)?;
                let words = if *is_subscribed { "subscribed to" } else { "no longer subscribed to" };
                self.tell(ServerEvent::Done(format!("{words} {folder}")));
            }
        }
        Ok(())
    }

    /// Tells what was changed, and the folders as they are now.
    fn changed(&mut self, what: String, to: Option<FolderPath>) -> Result<(), Failure> {
        // What was open may have another name now, or be gone.
        self.close_list();
        self.tell(ServerEvent::Changed(what, to));
        if let Some(session) = self.session.as_mut() {
            let terms = session.terms()?;
            self.tell(ServerEvent::Terms(terms));
        }
        Ok(())
    }

    /// Opens the folder of the list. Gives how many messages it has, and its UIDVALIDITY.
    fn open_list(&mut self) -> Result<(u32, u32), ImapError> {
        let (Some(session), Some((_, folder, is_open))) = (self.session.as_mut(), self.list.as_mut()) else {
            return Ok((0, 0));
        };
        *is_open = false;
        session.forget(folder);
        let selected = session.examine(folder)?;
        *is_open = true;
        self.validities.insert(folder.clone(), selected.uid_validity);
        Ok((selected.exists, selected.uid_validity))
    }

    fn window(&mut self, generation: u64, chunk: usize, first: u32, last: u32) -> Result<(), ImapError> {
        match &self.list {
            Some((present, _, true)) if *present == generation => {}
            // Numbers may have changed while the folder was closed, so the list begins anew.
            Some((present, _, false)) if *present == generation => {
                let (exists, validity) = self.open_list()?;
                self.tell(ServerEvent::Opened(generation, exists, validity));
                return Ok(());
            }
            _ => return Ok(()),
        }
        let Some(session) = self.session.as_mut() else { return Ok(()) };
        let found = session.window(first, last)?;
        let mut rows = in_place(first, last, &found);
        for row in &mut rows {
            if let Some((uid, locator)) = row.key.uid().and_then(|uid| Some((uid, session.locator(uid)?))) {
                row.key = Key::Kept(uid, locator);
            }
        }
        self.tell(ServerEvent::Window(generation, chunk, rows));
        Ok(())
    }

    fn preview(&mut self, generation: u64, folder: &FolderPath, uid: u32, columns: usize) -> Result<(), Failure> {
        if !matches!(&self.list, Some((_, open, true)) if open == folder) {
            self.close_list();
            if let Some(session) = self.session.as_mut() {
                session.examine(folder)?;
            }
        }
        let Some(session) = self.session.as_mut() else { return Ok(()) };
        let gone =
            Trouble { text: "the message is no longer on the server".into(), hint: "r reads the folder again".into() };
        let message = session.beginning(uid, PREVIEW_BYTES)?.ok_or(Failure::Here(gone))?;
        let is_cut = message.len() >= PREVIEW_BYTES as usize;
        let result = reading::pages(&message, columns, is_cut).map_err(|text| Trouble { text, hint: String::new() });
        self.tell(ServerEvent::Preview(generation, result));
        Ok(())
    }

    /// Removes messages, unless their UIDs mean others by now.
    fn remove(&mut self, folder: &FolderPath, uids: &[u32]) -> Result<(), Failure> {
        self.check_numbers(folder, "deleted")?;
        let Some(session) = self.session.as_mut() else { return Ok(()) };
        let gone = session.remove(folder, uids)?;
        let words = if gone { "deleted" } else { "marked as deleted; this server removes them later:" };
        self.messages_changed(folder, format!("{words} {} in {folder}", uids.len()));
        Ok(())
    }

    /// Sets flags of messages or takes them away, unless their UIDs mean others by now.
    fn flag(&mut self, folder: &FolderPath, uids: &[u32], flags: Flags, is_set: bool) -> Result<(), Failure> {
        self.check_numbers(folder, "flagged")?;
        let Some(session) = self.session.as_mut() else { return Ok(()) };
        session.flag(folder, uids, flags, is_set)?;
        let sign = if is_set { '+' } else { '-' };
        self.messages_changed(folder, format!("{sign}{flags} on {} in {folder}", plural(uids.len() as u64, "message")));
        Ok(())
    }

    fn check_numbers(&mut self, folder: &FolderPath, done: &str) -> Result<(), Failure> {
        let Some(session) = self.session.as_mut() else { return Ok(()) };
        let listed = self.validities.get(folder).copied();
        if listed == Some(session.examine(folder)?.uid_validity) {
            return Ok(());
        }
        let text =
            format!("the messages in {folder} have other numbers than when they were listed; nothing was {done}");
        Err(Failure::Here(Trouble { text, hint: "r reads the folder again; then mark anew".into() }))
    }

    fn messages_changed(&mut self, folder: &FolderPath, what: String) {
        self.close_list();
        self.uncounted.push_front(folder.clone());
        self.tell(ServerEvent::Changed(what, None));
    }
}

/// One row for each number asked for, whatever the server left out or added: rows are found by their number.
fn in_place(first: u32, last: u32, found: &[RemoteMessage]) -> Vec<Row> {
    let by_number: HashMap<u32, &RemoteMessage> = found.iter().map(|message| (message.sequence, message)).collect();
    (first..=last).filter_map(|number| by_number.get(&number).copied()).map(Row::from).collect()
}
