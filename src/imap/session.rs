//! One logged-in connection: folders and the state of it; messages are in [`super::messages`], appends in [`super::upload`],
//! what it takes in [`super::limits`]. Owned by one thread.
//!
//! CREATE (but for [`super::ahead`]'s), STORE and their kin go through the `imap` crate; SELECT, LIST, FETCH, STATUS and APPEND are our own commands over
//! the same wire, since the crate can not stand what servers answer to them, or waits where we need not.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::mail::FolderPath;

use super::answer::Answer;
use super::error::{ImapError, Refusal, Scope};
use super::limits::{Kind, Told};
use super::names::{Namespace, RemoteFolder, list_command, listing, quoted};
use super::open::{self, Opened, Purpose, Selected};
use super::socket::Canceller;
use super::upload::Proven;
use super::wire::Wire;

/// Subscriptions are changed one at a time: Courier writes its list of them anew, and loses one of two that come at once.
/// [`super::ahead`] takes no turn, for it never asks Courier.
static SUBSCRIBING: Mutex<()> = Mutex::new(());

/// Enough for names sent as literals.
const NAME_LITERAL: usize = 8 * 1024;

/// Messages in a folder, by STATUS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages in it.
    pub messages: u32,
    /// Messages not yet read.
    pub unseen: u32,
    /// Their bytes, where the server tells (RFC 8438).
    pub bytes: Option<u64>,
}

/// A folder that was listed or made.
struct Known {
    /// Its name as the server wrote it.
    wire: String,
    can_select: bool,
}

/// One logged-in connection.
pub struct Session {
    commands: imap::Session<Wire>,
    pub(super) wire: Wire,
    capabilities: Vec<String>,
    namespace: Namespace,
    /// The folders as they were at the login, until they are asked for.
    listed: Option<Vec<RemoteFolder>>,
    /// Folders that were listed or made.
    names: HashMap<FolderPath, Known>,
    /// The name on the wire of the open folder.
    open: Option<String>,
    /// What was said of it when it was opened before its turn, until it is asked for.
    foreseen: Option<Selected>,
    /// How many messages it has, as said with the last states.
    pub(super) exists: Option<u32>,
    /// What the server has taken so far, so that more of it may go without waiting.
    pub(super) proven: Proven,
    /// What kind of server it is, if that is one with limits of its own.
    kind: Option<&'static Kind>,
    /// The largest messages of folders that were asked for, by the folder's name on the wire.
    pub(super) append_limits: HashMap<String, Told>,
}

impl Session {
    pub(super) fn new(
        session: imap::Session<Wire>,
        wire: Wire,
        capabilities: Vec<String>,
        kind: Option<&'static Kind>,
        namespace: Namespace,
        listed: Option<Vec<RemoteFolder>>,
    ) -> Self {
        Self {
            commands: session,
            wire,
            capabilities,
            namespace,
            listed,
            names: HashMap::new(),
            open: None,
            foreseen: None,
            exists: None,
            proven: Proven::default(),
            kind,
            append_limits: HashMap::new(),
        }
    }

    /// A handle that cuts this connection from another thread.
    pub fn canceller(&self) -> Canceller {
        self.wire.canceller()
    }

    /// The capabilities after login, upper case.
    pub fn capabilities(&self) -> &[String] {
        &self.capabilities
    }

    /// Whether the server has a capability.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }

    /// What kind of server it is, if that is one with limits that it does not announce.
    pub fn kind(&self) -> Option<&'static Kind> {
        self.kind
    }

    /// The delimiter on the wire, and the prefix of the user's own folders.
    pub fn hierarchy(&self) -> (Option<char>, &str) {
        (self.namespace.delimiter, &self.namespace.prefix)
    }

    /// What the server warned of since last asked: untagged NO, ALERT. Foreign text.
    pub fn take_warnings(&self) -> Vec<String> {
        self.wire.take_warnings()
    }

    pub(super) fn wire_name(&self, folder: &FolderPath) -> String {
        self.names.get(folder).map_or_else(|| self.namespace.to_wire(folder), |known| known.wire.clone())
    }

    /// Runs one command of the crate; `doing` says what is tried.
    pub(super) fn run<T>(
        &mut self,
        doing: impl FnOnce() -> String,
        command: impl FnOnce(&mut imap::Session<Wire>) -> imap::error::Result<T>,
    ) -> Result<T, ImapError> {
        self.wire.forget_fault();
        command(&mut self.commands).map_err(|error| self.wire.meaning(error, doing))
    }

    /// How the server writes the names of folders.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Every folder, INBOX first, parents before children.
    pub fn folders(&mut self) -> Result<Vec<RemoteFolder>, ImapError> {
        let folders = if let Some(folders) = self.listed.take() {
            folders
        } else {
            let tag = self.wire.give(list_command(&self.capabilities))?;
            listing(&self.wire, &tag, &self.namespace)??
        };
        let known = |folder: &RemoteFolder| Known { wire: folder.wire.clone(), can_select: folder.can_select };
        self.names = folders.iter().map(|folder| (folder.path.clone(), known(folder))).collect();
        Ok(folders)
    }

    /// Messages and unread messages in a folder.
    pub fn counts(&mut self, folder: &FolderPath) -> Result<Counts, ImapError> {
        let name = quoted(&self.wire_name(folder))?;
        let mut counts = Counts::default();
        let size = if self.has("STATUS=SIZE") { " SIZE" } else { "" };
        let result = self.wire.command(&format!("STATUS {name} (MESSAGES UNSEEN{size})"), NAME_LITERAL, |values| {
            if !values.first().is_some_and(|value| value.is("STATUS")) {
                return;
            }
            let items = values.last().map(|value| value.list()).unwrap_or_default();
            let long = |name: &str| {
                let at = items.iter().position(|item| item.is(name))?;
                items.get(at + 1)?.number()
            };
            let number = |name: &str| u32::try_from(long(name)?).ok();
            counts = Counts {
                messages: number("MESSAGES").unwrap_or(0),
                unseen: number("UNSEEN").unwrap_or(0),
                bytes: long("SIZE"),
            };
        })?;
        result.accept(|| format!("cannot count the messages in {folder}"))?;
        Ok(counts)
    }

    /// Makes a folder with all its parents, subscribed, as far as they are not there. Gives the path it really has: what the
    /// server can not take in a name becomes `_`. Adds what was made to `new`, parents first, whatever happens then.
    pub fn create(&mut self, folder: &FolderPath, new: &mut Vec<FolderPath>) -> Result<FolderPath, ImapError> {
        let mut path = FolderPath::root();
        for (depth, segment) in folder.segments().iter().enumerate() {
            path = self.create_one(&path.child(segment.as_str()), depth + 1 == folder.depth(), new)?;
        }
        Ok(path)
    }

    /// Makes a folder that was there and, as the server says, is there no more.
    pub fn create_again(&mut self, folder: &FolderPath, new: &mut Vec<FolderPath>) -> Result<(), ImapError> {
        self.names.remove(folder);
        self.create(folder, new).map(drop)
    }

    /// Makes one folder below parents that are there. A parent may be only a name; the last must hold messages.
    fn create_one(
        &mut self,
        folder: &FolderPath,
        must_hold_messages: bool,
        new: &mut Vec<FolderPath>,
    ) -> Result<FolderPath, ImapError> {
        let is_there = self.names.get(folder).is_some_and(|known| known.can_select || !must_hold_messages);
        if is_there || folder.segments() == ["INBOX"] {
            return Ok(folder.clone());
        }
        let plain = self.namespace.takeable(folder, false);
        let strict = plain.parent().unwrap_or_default().child(self.namespace.takeable(folder, true).name());
        match self.try_create(&plain, new) {
            Err(ImapError::Refused { .. }) if strict != plain => self.try_create(&strict, new).map(|()| strict),
            other => other.map(|()| plain),
        }
    }

    /// Adds it to `new` unless it was there before.
    fn try_create(&mut self, folder: &FolderPath, new: &mut Vec<FolderPath>) -> Result<(), ImapError> {
        let name = self.namespace.to_wire(folder);
        match self.run(|| format!("cannot make the folder {folder}"), |session| session.create(&name)) {
            Ok(()) => new.push(folder.clone()),
            Err(ImapError::Refused { refusal, .. }) if says_exists(&refusal) => {}
            Err(error) => {
                // It was not there, and where the answer was lost it may be now.
                let is_perhaps = error.scope() == Scope::Connection;
                new.extend(is_perhaps.then(|| folder.clone()));
                return Err(error);
            }
        }
        self.subscribe(&name)?;
        self.is_there(folder, &name);
        Ok(())
    }

    /// Subscribes, since many clients hide other folders. A refusal does no harm.
    fn subscribe(&mut self, name: &str) -> Result<(), ImapError> {
        self.subscription("SUBSCRIBE", name).map(drop)
    }

    fn subscription(&mut self, verb: &str, name: &str) -> Result<Answer, ImapError> {
        let _turn = SUBSCRIBING.lock();
        self.wire.command(&format!("{verb} {}", quoted(name)?), 0, |_| ())
    }

    /// Subscribes to a folder, or ends that: many mail programs show only what is subscribed.
    pub fn set_subscribed(&mut self, folder: &FolderPath, is_subscribed: bool) -> Result<(), ImapError> {
        let verb = if is_subscribed { "SUBSCRIBE" } else { "UNSUBSCRIBE" };
        let result = self.subscription(verb, &self.wire_name(folder))?;
        result.accept(|| format!("cannot {} {folder}", verb.to_lowercase())).map(drop)
    }

    /// Renames a folder and what is below it.
    pub fn rename(&mut self, from: &FolderPath, to: &FolderPath) -> Result<(), ImapError> {
        let (old, new) = (self.wire_name(from), self.namespace.to_wire(&self.namespace.takeable(to, false)));
        self.leave()?;
        self.run(|| format!("cannot rename {from} to {to}"), |session| session.rename(&old, &new))?;
        self.names.remove(from);
        self.subscription("UNSUBSCRIBE", &old)?;
        self.subscribe(&new)
    }

    /// Deletes a folder and the messages in it.
    pub fn delete(&mut self, folder: &FolderPath) -> Result<(), ImapError> {
        let name = self.wire_name(folder);
        self.leave()?;
        self.run(|| format!("cannot delete {folder}"), |session| session.delete(&name))?;
        self.names.remove(folder);
        self.subscription("UNSUBSCRIBE", &name).map(drop)
    }

    /// Opens a folder for reading; nothing in it changes.
    pub fn examine(&mut self, folder: &FolderPath) -> Result<Selected, ImapError> {
        self.open_folder(folder, Purpose::Look)
    }

    /// Opens a folder for writing; only then the server says which flags it keeps.
    pub fn select(&mut self, folder: &FolderPath) -> Result<Selected, ImapError> {
        let is_foreseen = self.is_foreseen(folder);
        match self.foreseen.take().filter(|_| is_foreseen) {
            Some(selected) => Ok(selected),
            None => self.open_folder(folder, Purpose::Write),
        }
    }

    /// Opens a folder for writing unless it is the open one.
    pub fn reopen(&mut self, folder: &FolderPath) -> Result<(), ImapError> {
        if self.open.as_ref() == Some(&self.wire_name(folder)) { Ok(()) } else { self.select(folder).map(drop) }
    }

    /// Opens a folder for reading unless it is the open one. Gives its UIDVALIDITY if it was opened now.
    pub fn reopen_to_look(&mut self, folder: &FolderPath) -> Result<Option<u32>, ImapError> {
        if self.open.as_ref() == Some(&self.wire_name(folder)) {
            return Ok(None);
        }
        self.examine(folder).map(|selected| Some(selected.uid_validity))
    }

    fn open_folder(&mut self, folder: &FolderPath, purpose: Purpose) -> Result<Selected, ImapError> {
        let name = self.wire_name(folder);
        self.close_unseen();
        // Exchange 5.5 takes a login for a mailbox that is elsewhere, and then has no folder of it.
        let elsewhere = self.wire.referral().map(|url| format!(", for the mailbox is at {url}")).unwrap_or_default();
        let asked = open::ask(&self.wire, &name, purpose)?;
        let opened = asked.opened(&self.wire, || format!("cannot open {folder}{elsewhere}"))?;
        let mut selected = self.is_open(name, opened);
        if selected.uid_next == 0 {
            selected.uid_next = self.last_uid(selected.exists)?.saturating_add(1);
        }
        Ok(selected)
    }

    fn is_open(&mut self, name: String, opened: Opened) -> Selected {
        self.proven.listed(&name, opened.flags.into_iter());
        self.open = Some(name);
        opened.selected
    }

    /// A folder was opened for writing before its turn.
    pub(super) fn foresee(&mut self, name: String, opened: Opened) {
        let selected = self.is_open(name, opened);
        self.foreseen = Some(selected).filter(|selected| selected.uid_next > 0);
    }

    /// Whether a folder was opened before its turn.
    pub(super) fn is_foreseen(&self, folder: &FolderPath) -> bool {
        self.foreseen.is_some() && self.open.as_ref() == Some(&self.wire_name(folder))
    }

    /// Another folder is about to be opened.
    pub(super) fn close_unseen(&mut self) {
        (self.open, self.foreseen) = (None, None);
    }

    /// Whether a folder that was listed or made holds messages.
    pub(super) fn can_select(&self, folder: &FolderPath) -> Option<bool> {
        self.names.get(folder).map(|known| known.can_select)
    }

    /// The server has a folder by this name, and it holds messages.
    pub(super) fn is_there(&mut self, folder: &FolderPath, name: &str) {
        self.names.insert(folder.clone(), Known { wire: name.to_owned(), can_select: true });
    }

    /// The UID of the last message, 0 in an empty folder: for servers that give no UIDNEXT.
    fn last_uid(&mut self, exists: u32) -> Result<u32, ImapError> {
        if exists == 0 {
            return Ok(0);
        }
        let found = self.fetch(&format!("FETCH {exists} (UID)"), 0, |fetched| fetched.uid())?;
        Ok(found.into_iter().max().unwrap_or(0))
    }

    /// Closes the open folder without changing it, so that APPEND runs with nothing selected.
    pub fn leave(&mut self) -> Result<(), ImapError> {
        self.foreseen = None;
        let Some(name) = self.open.take() else { return Ok(()) };
        if self.has("UNSELECT") {
            self.wire.command("UNSELECT", 0, |_| ())?;
            return Ok(());
        }
        // CLOSE expunges, but never in a folder opened by EXAMINE.
        open::ask(&self.wire, &name, Purpose::Look)?.opened(&self.wire, || "cannot reopen the folder".into())?;
        self.run(|| "cannot close the folder".into(), imap::Session::close)
    }

    /// Keeps the connection alive.
    pub fn noop(&mut self) -> Result<(), ImapError> {
        self.run(|| "the server does not answer".into(), imap::Session::noop)
    }

    /// Says goodbye, and does not wait for the answer.
    pub fn logout(self) {
        // What goes wrong now does not matter.
        let _ = self.wire.give("LOGOUT");
    }
}

/// Whether a refused CREATE means that the folder is there (RFC 5530, and the words of servers without codes).
pub(super) fn says_exists(refusal: &Refusal) -> bool {
    refusal.code == "ALREADYEXISTS" || refusal.text.to_lowercase().contains("exists")
}
