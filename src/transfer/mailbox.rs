//! An open place that mail goes to, as the engine uses it: a [`Session`] on a server, or a [`Drawer`] on this machine that
//! answers the same questions.

use std::io;

use crate::imap::{
    AppendError, Appended, Canceller, Counts, HeldMessage, ImapError, Launched, Namespace, Opening, Outgoing, Quota,
    RemoteFolder, RemoteMessage, Selected, Session, Stored,
};
use crate::mail::{Digest, Flags, FolderPath, Locator};

use super::drawer::Drawer;
use super::{Room, Terms};

/// An open place that mail goes to. Owned by one thread.
pub enum Mailbox {
    /// On a server.
    Server(Box<Session>),
    /// On this machine.
    Local(Box<Drawer>),
}

impl From<Session> for Mailbox {
    fn from(session: Session) -> Self {
        Self::Server(Box::new(session))
    }
}

impl From<Drawer> for Mailbox {
    fn from(drawer: Drawer) -> Self {
        Self::Local(Box::new(drawer))
    }
}

/// Asks whichever it is the same question.
macro_rules! ask {
    ($mailbox:expr, $inner:ident => $answer:expr) => {
        match $mailbox {
            Mailbox::Server($inner) => $answer,
            Mailbox::Local($inner) => $answer,
        }
    };
}

impl Mailbox {
    /// Whether what was lost on the way may still turn up. On this machine it is there or it is not.
    pub fn may_turn_up(&self) -> bool {
        matches!(self, Self::Server(_))
    }

    /// A handle that cuts the connection from another thread, where there is one.
    pub fn canceller(&self) -> Option<Canceller> {
        match self {
            Self::Server(session) => Some(session.canceller()),
            Self::Local(_) => None,
        }
    }

    /// The capabilities of the server, upper case.
    pub fn capabilities(&self) -> &[String] {
        match self {
            Self::Server(session) => session.capabilities(),
            Self::Local(_) => &[],
        }
    }

    /// Whether the server has a capability; a disk has none.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities().iter().any(|known| known == capability)
    }

    /// See [`Session::useful_connections`]; a disk is no slower for two.
    pub fn useful_connections(&self) -> usize {
        match self {
            Self::Server(session) => session.useful_connections(),
            Self::Local(_) => 2,
        }
    }

    /// The largest message that a folder takes, in bytes, where the server says so; it is asked where it has to be.
    pub fn append_limit(&mut self, folder: &FolderPath) -> Result<Option<u64>, ImapError> {
        let Self::Server(session) = self else { return Ok(None) };
        session.learn_append_limits(std::slice::from_ref(folder))?;
        Ok(session.append_limit(folder))
    }

    /// What it says of itself: its folders, and how it names them.
    pub fn terms(&mut self) -> Result<Terms, ImapError> {
        let namespace = match self {
            Self::Server(session) => session.namespace().clone(),
            Self::Local(_) => Namespace::default(),
        };
        Ok(Terms { folders: self.folders()?, namespace })
    }

    /// What it takes of what goes into these folders, some of which may not be there yet.
    pub fn room(&mut self, targets: &[FolderPath]) -> Result<Room, ImapError> {
        match self {
            Self::Server(session) => Room::of(session, targets),
            Self::Local(drawer) => {
                let free = Quota { bytes: drawer.free(), ..Quota::default() };
                Ok(Room { quotas: vec![free], is_disk: true, ..Room::default() })
            }
        }
    }

    /// See [`Session::folders`].
    pub fn folders(&mut self) -> Result<Vec<RemoteFolder>, ImapError> {
        ask!(self, inner => inner.folders())
    }

    /// See [`Session::counts`].
    pub fn counts(&mut self, folder: &FolderPath) -> Result<Counts, ImapError> {
        ask!(self, inner => inner.counts(folder))
    }

    /// See [`Session::create`].
    pub fn create(&mut self, folder: &FolderPath, new: &mut Vec<FolderPath>) -> Result<FolderPath, ImapError> {
        ask!(self, inner => inner.create(folder, new))
    }

    /// See [`Session::create_again`].
    pub fn create_again(&mut self, folder: &FolderPath, new: &mut Vec<FolderPath>) -> Result<(), ImapError> {
        match self {
            Self::Server(session) => session.create_again(folder, new),
            Self::Local(drawer) => drawer.create(folder, new).map(drop),
        }
    }

    /// See [`Session::rename`].
    pub fn rename(&mut self, from: &FolderPath, to: &FolderPath) -> Result<(), ImapError> {
        ask!(self, inner => inner.rename(from, to))
    }

    /// See [`Session::delete`]; on this machine the folder is put away in `.mailferry-moved`.
    pub fn delete(&mut self, folder: &FolderPath) -> Result<(), ImapError> {
        ask!(self, inner => inner.delete(folder))
    }

    /// Sees a folder afresh the next time it is opened; a server always does.
    pub fn forget(&mut self, folder: &FolderPath) {
        if let Self::Local(drawer) = self {
            drawer.forget(folder);
        }
    }

    /// See [`Session::examine`].
    pub fn examine(&mut self, folder: &FolderPath) -> Result<Selected, ImapError> {
        match self {
            Self::Server(session) => session.examine(folder),
            Self::Local(drawer) => drawer.select(folder),
        }
    }

    /// See [`Session::select`].
    pub fn select(&mut self, folder: &FolderPath) -> Result<Selected, ImapError> {
        ask!(self, inner => inner.select(folder))
    }

    /// See [`Session::reopen`].
    pub fn reopen(&mut self, folder: &FolderPath) -> Result<(), ImapError> {
        ask!(self, inner => inner.reopen(folder))
    }

    /// See [`Session::held`].
    pub fn held(&mut self, exists: u32, each: impl FnMut(HeldMessage)) -> Result<(), ImapError> {
        match self {
            Self::Server(session) => session.held(exists, each),
            Self::Local(drawer) => drawer.held_since(1).map(|held| held.into_iter().for_each(each)),
        }
    }

    /// See [`Session::held_since`].
    pub fn held_since(&mut self, uid: u32) -> Result<Vec<HeldMessage>, ImapError> {
        ask!(self, inner => inner.held_since(uid))
    }

    /// See [`Session::since`].
    pub fn since(&mut self, uid: u32) -> Result<Vec<RemoteMessage>, ImapError> {
        ask!(self, inner => inner.since(uid))
    }

    /// See [`Session::window`].
    pub fn window(&mut self, first: u32, last: u32) -> Result<Vec<RemoteMessage>, ImapError> {
        ask!(self, inner => inner.window(first, last))
    }

    /// Where a message is in its store, if that is on this machine.
    pub fn locator(&self, uid: u32) -> Option<Locator> {
        match self {
            Self::Server(_) => None,
            Self::Local(drawer) => drawer.locator(uid),
        }
    }

    /// See [`Session::ask_states`].
    pub fn ask_states(&mut self, uids: &[u32]) -> Result<Vec<String>, ImapError> {
        match self {
            Self::Server(session) => session.ask_states(uids),
            // The tags of a drawer are the UIDs themselves.
            Self::Local(_) => Ok(uids.iter().map(ToString::to_string).collect()),
        }
    }

    /// See [`Session::ask_since`].
    pub fn ask_since(&mut self, folder: &FolderPath, uid: u32) -> Result<Vec<String>, ImapError> {
        match self {
            Self::Server(session) => session.ask_since(folder, uid),
            // Nothing is ever on its way to a drawer.
            Self::Local(_) => Ok(Vec::new()),
        }
    }

    /// See [`Session::ask_to_open`].
    pub fn ask_to_open(&mut self, folder: &FolderPath) -> Result<Option<Opening>, ImapError> {
        if let Self::Server(session) = self { session.ask_to_open(folder) } else { Ok(None) }
    }

    /// See [`Session::made`].
    pub fn made(&mut self, opening: &Opening, new: &mut Vec<FolderPath>) -> Result<(), ImapError> {
        if let Self::Server(session) = self { session.made(opening, new) } else { Ok(()) }
    }

    /// See [`Session::exists`].
    pub fn exists(&self) -> Option<u32> {
        if let Self::Server(session) = self { session.exists() } else { None }
    }

    /// See [`Session::have_come`].
    pub fn have_come(&self, tags: &[String]) -> bool {
        match self {
            Self::Server(session) => session.have_come(tags),
            Self::Local(_) => true,
        }
    }

    /// See [`Session::states`].
    pub fn states(&mut self, tags: &[String]) -> Result<Vec<RemoteMessage>, ImapError> {
        match self {
            Self::Server(session) => session.states(tags),
            Self::Local(drawer) => {
                tags.iter().filter_map(|tag| tag.parse().ok()).map(|uid| drawer.state(uid)).collect()
            }
        }
    }

    /// See [`Session::some_states`]; a drawer has all at once.
    pub fn some_states(&mut self, tags: &mut &[String]) -> Result<Vec<RemoteMessage>, ImapError> {
        match self {
            Self::Server(session) => session.some_states(tags),
            Self::Local(_) => self.states(std::mem::take(tags)),
        }
    }

    /// See [`Session::content`].
    pub fn content(&mut self, uid: u32, expected: u64) -> Result<Option<Vec<u8>>, ImapError> {
        match self {
            Self::Server(session) => session.content(uid, expected),
            Self::Local(drawer) => drawer.content(uid),
        }
    }

    /// See [`Session::digest`].
    pub fn digest(&mut self, uid: u32) -> Result<Option<Digest>, ImapError> {
        match self {
            Self::Server(session) => session.digest(uid),
            Self::Local(drawer) => Ok(drawer.content(uid)?.map(|content| Digest::of(&content))),
        }
    }

    /// See [`Session::contents`].
    pub fn contents(&mut self, uids: &[u32], largest: u64, mut each: impl FnMut(u32, &[u8])) -> Result<(), ImapError> {
        match self {
            Self::Server(session) => session.contents(uids, largest, each),
            Self::Local(drawer) => uids.iter().try_for_each(|uid| {
                if let Some(content) = drawer.content(*uid)? {
                    each(*uid, &content);
                }
                Ok(())
            }),
        }
    }

    /// See [`Session::beginning`].
    pub fn beginning(&mut self, uid: u32, length: u32) -> Result<Option<Vec<u8>>, ImapError> {
        match self {
            Self::Server(session) => session.beginning(uid, length),
            Self::Local(drawer) => {
                let most = usize::try_from(length).unwrap_or(usize::MAX);
                Ok(drawer.content(uid)?.map(|mut content| {
                    content.truncate(most);
                    content
                }))
            }
        }
    }

    /// See [`Session::add_flags`].
    pub fn add_flags(&mut self, uid: u32, flags: &str) -> Result<(), ImapError> {
        match self {
            Self::Server(session) => session.add_flags(uid, flags),
            // What a drawer did not keep the first time, its form can not keep.
            Self::Local(_) => Ok(()),
        }
    }

    /// See [`Session::append`].
    pub fn append(
        &mut self,
        folder: &FolderPath,
        messages: &[Outgoing<'_>],
        commands: usize,
        go_on: &mut dyn FnMut(usize, u64) -> bool,
    ) -> Vec<Result<Appended, AppendError>> {
        match self {
            Self::Server(session) => session.append(folder, messages, commands, go_on),
            Self::Local(drawer) => drawer.append(folder, messages, go_on),
        }
    }

    /// See [`Session::append_pieces`]; on this machine they are put together first.
    pub fn append_pieces(
        &mut self,
        folder: &FolderPath,
        message: Outgoing<'_>,
        size: u64,
        pieces: impl Iterator<Item = io::Result<Vec<u8>>>,
        sent: &mut dyn FnMut(u64),
    ) -> Result<Appended, AppendError> {
        let drawer = match self {
            Self::Server(session) => return session.append_pieces(folder, message, size, pieces, sent),
            Self::Local(drawer) => drawer,
        };
        let not_stored = |error| AppendError { error, stored: Stored::No };
        let whole = pieces.collect::<io::Result<Vec<_>>>().map(|pieces| pieces.concat());
        let whole = whole.map_err(|error| not_stored(ImapError::Unreadable { reason: error.to_string() }))?;
        let message = Outgoing { bytes: &whole, ..message };
        let results = drawer.append(folder, &[message], &mut |_, _| true);
        results.into_iter().next().unwrap_or(Err(not_stored(ImapError::Cancelled)))
    }

    /// See [`Session::flies`]; on this machine nothing is ever in the air.
    pub fn flies(&self) -> bool {
        matches!(self, Self::Server(session) if session.flies())
    }

    /// See [`Session::waits`].
    pub fn waits(&self, folder: &FolderPath, messages: &[Outgoing<'_>]) -> bool {
        matches!(self, Self::Server(session) if session.waits(folder, messages))
    }

    /// See [`Session::launch`].
    pub fn launch(&mut self, folder: &FolderPath, messages: &[Outgoing<'_>]) -> Launched {
        match self {
            Self::Server(session) => session.launch(folder, messages),
            Self::Local(_) => Launched::broken(ImapError::Cancelled),
        }
    }

    /// See [`Session::has_landed`].
    pub fn has_landed(&self, launched: &Launched) -> bool {
        match self {
            Self::Server(session) => session.has_landed(launched),
            Self::Local(_) => true,
        }
    }

    /// See [`Session::land`].
    pub fn land(&mut self, launched: Launched, states: &mut Vec<RemoteMessage>) -> Vec<Result<Appended, AppendError>> {
        match self {
            Self::Server(session) => session.land(launched, states),
            Self::Local(_) => Vec::new(),
        }
    }

    /// See [`Session::remove`]; on this machine messages are renamed into `.mailferry-moved`, or the mbox is rewritten.
    pub fn remove(&mut self, folder: &FolderPath, uids: &[u32]) -> Result<bool, ImapError> {
        ask!(self, inner => inner.remove(folder, uids))
    }

    /// See [`Session::flag`]; an mbox keeps its flags as they are.
    pub fn flag(&mut self, folder: &FolderPath, uids: &[u32], flags: Flags, is_set: bool) -> Result<(), ImapError> {
        match self {
            Self::Server(session) => session.flag(folder, uids, &flags.to_string(), is_set),
            Self::Local(drawer) => drawer.flag(folder, uids, flags, is_set),
        }
    }

    /// See [`Session::expunge`].
    pub fn expunge(&mut self, folder: &FolderPath) -> Result<u32, ImapError> {
        ask!(self, inner => inner.expunge(folder))
    }

    /// See [`Session::set_subscribed`]; on this machine there is nothing to subscribe to.
    pub fn set_subscribed(&mut self, folder: &FolderPath, is_subscribed: bool) -> Result<(), ImapError> {
        match self {
            Self::Server(session) => session.set_subscribed(folder, is_subscribed),
            Self::Local(_) => Err(ImapError::Disk { reason: "local mail has no subscriptions".into() }),
        }
    }

    /// See [`Session::noop`].
    pub fn noop(&mut self) -> Result<(), ImapError> {
        match self {
            Self::Server(session) => session.noop(),
            Self::Local(_) => Ok(()),
        }
    }

    /// See [`Session::logout`].
    pub fn logout(self) {
        if let Self::Server(session) = self {
            session.logout();
        }
    }
}
