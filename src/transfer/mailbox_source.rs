//! A mailbox on a server as a [`Store`]: what is carried out of it is read, proven and journalled like any local mail.
//!
//! Folders are opened by EXAMINE and content is read by BODY.PEEK, so nothing changes there. A message is known by its
//! UIDVALIDITY and UID. Content comes in batches, in the order that was announced by [`Store::expect`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::imap::{Account, ImapError, RemoteMessage, Scope, Session, connect};
use crate::mail::canonical::{self, BareCr};
use crate::mail::{DateSource, Envelope, Flags, FolderPath, Locator};
use crate::store::{Count, Folder, Format, Found, OpenOptions, Removal, Store, StoreError, Walk};

use super::Source;
use super::job::Brake;
use super::link::pause_unless;

/// What stands in the place of a format for mail on a server.
static FORMAT: Format = Format {
    name: "imap",
    title: "IMAP mailbox",
    sign: |_| None,
    covers: &[],
    stands_alone: true,
    open: |path, _| {
        let reason = "a mailbox on a server is opened by its account".to_owned();
        Err(StoreError::NotMail { path: path.to_owned(), reason })
    },
};

/// Rows fetched at once: few at first, so that a list begins soon.
const FIRST_ROWS: u32 = 200;
const ROWS: u32 = 2000;
/// Messages and bytes fetched at once, unless one message is larger.
const AHEAD_MESSAGES: usize = 256;
const AHEAD_BYTES: u64 = 4 << 20;
/// Pauses before each new try after a loss, in seconds; after the last the mailbox counts as unreadable.
const PAUSES: [u64; 6] = [0, 1, 2, 4, 8, 16];

/// A mailbox that mail is carried out of. Connects when it is first asked, and again after a loss.
pub(super) struct MailboxSource {
    account: Account,
    path: PathBuf,
    brake: Brake,
    session: Option<Session>,
    /// The folder that is open, and its UIDVALIDITY.
    open: Option<(FolderPath, u32)>,
    /// What messages were like when they were listed, by UID.
    seen: HashMap<u32, Seen>,
    /// What will be read next, in order: UID and size.
    expected: VecDeque<(u32, u64)>,
    /// Content that was fetched and not yet asked for.
    ready: HashMap<u32, Vec<u8>>,
    /// Why there is no use in asking any more.
    dead: Option<String>,
    /// Whether a failure is worth another try: in a job always, else once it was connected.
    is_patient: bool,
}

/// A message's state as it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    flags: Flags,
    keywords: Vec<String>,
    size: u64,
}

impl Seen {
    fn of(message: &RemoteMessage) -> Self {
        let mut keywords: Vec<String> = message.keywords.iter().map(|keyword| keyword.to_lowercase()).collect();
        keywords.sort();
        Self { flags: message.flags, keywords, size: message.size }
    }

    /// The same, marked as deleted.
    fn deleted(&self) -> Self {
        Self { flags: self.flags | Flags::DELETED, ..self.clone() }
    }
}

impl Source {
    /// The mailbox of an account. The path is its URL, by which jobs are known again.
    pub fn of_account(account: &Account) -> Self {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (scheme, host, port) = (account.security.scheme(), account.host.to_lowercase(), account.port);
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let other = account.options.authorization.as_deref();
        let other = other.map(|user| format!(";as={}", encoded(user))).unwrap_or_default();
        let url = format!("{scheme}://{}{other}@{host}:{port}", encoded(&account.user));
        Self { path: url.into(), options: OpenOptions::default() }
    }

    /// Whether it is a mailbox on a server.
    pub fn is_remote(&self) -> bool {
        self.path.to_str().is_some_and(crate::imap::Target::is_url)
    }

    /// Opens it; mail on a server with the one of `accounts` that it is in.
    pub fn open(&self, accounts: &[Account]) -> Result<Box<dyn Store>, StoreError> {
        self.open_far(accounts, &Brake::default(), false)
    }

    /// The same for a job, which tries again where the first connection fails.
    pub(super) fn open_braked(&self, accounts: &[Account], brake: &Brake) -> Result<Box<dyn Store>, StoreError> {
        self.open_far(accounts, brake, true)
    }

    fn open_far(&self, accounts: &[Account], brake: &Brake, is_patient: bool) -> Result<Box<dyn Store>, StoreError> {
        if !self.is_remote() {
            return crate::store::open_with(&self.path, &self.options);
        }
        let account = accounts.iter().find(|account| Self::of_account(account).path == self.path);
        let account = account.ok_or_else(|| {
            let reason = "its password is not known".to_owned();
            StoreError::NotMail { path: self.path.clone(), reason }
        })?;
        Ok(Box::new(MailboxSource::new(account.clone(), brake.clone(), is_patient)))
    }
}

/// The locator of a message on a server, of that size.
pub fn uid_locator(uid_validity: u32, uid: u32, size: u64) -> Locator {
    Locator { name: format!("{uid_validity}.{uid}").into(), offset: u64::from(uid), length: size }
}

/// UIDVALIDITY and UID of a locator.
fn numbers(locator: &Locator) -> Option<(u32, u32)> {
    let (validity, uid) = locator.name.split_once('.')?;
    Some((validity.parse().ok()?, uid.parse().ok()?))
}

/// The UIDVALIDITY under which a UID was listed.
fn validity_of(wanted: &[(u32, u32)], uid: u32) -> Option<u32> {
    wanted.iter().find(|(_, known)| *known == uid).map(|(validity, _)| *validity)
}

impl MailboxSource {
    fn new(account: Account, brake: Brake, is_patient: bool) -> Self {
        let path = Source::of_account(&account).path;
        Self {
            account,
            path,
            brake,
            session: None,
            open: None,
            seen: HashMap::new(),
            expected: VecDeque::new(),
            ready: HashMap::new(),
            dead: None,
            is_patient,
        }
    }

    fn failed(&self, error: &ImapError) -> StoreError {
        StoreError::Read { path: self.path.clone(), source: io::Error::other(error.to_string()) }
    }

    /// Asks the server; connects first if need be, and again after a loss, with growing pauses.
    fn ask<T>(&mut self, mut question: impl FnMut(&mut Session) -> Result<T, ImapError>) -> Result<T, StoreError> {
        if let Some(why) = &self.dead {
            return Err(StoreError::Read { path: self.path.clone(), source: io::Error::other(why.clone()) });
        }
        let mut pauses = PAUSES.iter();
        loop {
            let asked = match self.session() {
                Ok(session) => question(session),
                Err(error) => Err(error),
            };
            let error = match asked {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if error.scope() != Scope::Connection {
                return Err(self.failed(&error));
            }
            self.session = None;
            self.open = None;
            let pause = pauses.next().filter(|_| self.is_patient).map(|seconds| Duration::from_secs(*seconds));
            if pause.is_none_or(|pause| pause_unless(&self.brake, pause).is_err()) {
                // Where somebody waits, the next question tries again.
                self.dead = Some(error.to_string()).filter(|_| self.is_patient);
                return Err(self.failed(&error));
            }
        }
    }

    fn session(&mut self) -> Result<&mut Session, ImapError> {
        if self.session.is_none() {
            let mut session = connect(&self.account)?;
            self.brake.add(session.canceller());
            session.folders()?;
            self.session = Some(session);
            self.is_patient = true;
        }
        self.session.as_mut().ok_or(ImapError::Cancelled)
    }

    /// Opens a folder unless it is open. Gives its UIDVALIDITY and how many messages it has, if it was opened now.
    fn examine(&mut self, folder: &FolderPath) -> Result<(u32, Option<u32>), StoreError> {
        if let Some((open, validity)) = &self.open
            && open == folder
            && self.session.is_some()
        {
            return Ok((*validity, None));
        }
        let selected = self.ask(|session| session.examine(folder))?;
        self.open = Some((folder.clone(), selected.uid_validity));
        Ok((selected.uid_validity, Some(selected.exists)))
    }

    /// The UIDs of the next batch, `uid` first.
    fn batch(&mut self, uid: u32, size: u64) -> (Vec<u32>, u64) {
        let (mut uids, mut bytes, mut largest) = (vec![uid], size, size);
        if let Some(at) = self.expected.iter().position(|(expected, _)| *expected == uid) {
            self.expected.drain(..=at);
            while let Some((next, size)) = self.expected.front().copied() {
                bytes = bytes.saturating_add(size);
                if uids.len() >= AHEAD_MESSAGES || bytes > AHEAD_BYTES {
                    break;
                }
                uids.push(next);
                largest = largest.max(size);
                self.expected.pop_front();
            }
        }
        (uids, largest)
    }

    fn envelope(validity: u32, message: RemoteMessage) -> Envelope {
        Envelope {
            locator: uid_locator(validity, message.uid, message.size),
            size: message.size,
            flags: message.flags,
            keywords: message.keywords,
            internal_date: message.internal_date,
            date_from: DateSource::Store,
            from: message.from,
            subject: message.subject,
            message_id: message.message_id,
            details: Box::new(message.details),
            warnings: Vec::new(),
        }
    }
}

impl Store for MailboxSource {
    fn format(&self) -> &'static Format {
        &FORMAT
    }

    fn root(&self) -> &Path {
        &self.path
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        let folders = self.ask(Session::folders)?;
        let folder = |folder: crate::imap::RemoteFolder| Folder {
            path: folder.path,
            special: folder.special,
            holds_messages: folder.can_select,
        };
        Ok(folders.into_iter().map(folder).collect())
    }

    fn list(&mut self, folder: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        self.open = None;
        let (validity, exists) = self.examine(folder)?;
        self.seen.clear();
        self.ready.clear();
        let total = exists.unwrap_or(0);
        let (mut first, mut most) = (1, FIRST_ROWS);
        while first <= total {
            let last = total.min(first.saturating_add(most - 1));
            let (again, rows) = self.ask(|session| {
                // After a loss the folder is closed, and its numbers may be others.
                let again = session.reopen_to_look(folder)?;
                Ok((again, session.window(first, last)?))
            })?;
            if again.is_some_and(|selected| selected != validity) {
                return Err(StoreError::Vanished { id: folder.to_string(), path: self.path.clone() });
            }
            self.open = Some((folder.clone(), validity));
            for message in rows {
                // Numbers move when others expunge meanwhile: no message is told twice.
                if self.seen.insert(message.uid, Seen::of(&message)).is_some() {
                    continue;
                }
                if visit(Found::Message(Self::envelope(validity, message))).is_break() {
                    return Ok(());
                }
            }
            if visit(Found::Progress { done: u64::from(last), total: u64::from(total) }).is_break() {
                return Ok(());
            }
            (first, most) = (last.saturating_add(1), ROWS);
        }
        Ok(())
    }

    fn count(&mut self, folder: &FolderPath, _: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        let counts = self.ask(|session| session.counts(folder))?;
        Ok(Count { messages: u64::from(counts.messages), bytes: counts.bytes.unwrap_or(0) })
    }

    fn lost(&self) -> Option<String> {
        self.dead.clone()
    }

    fn expect(&mut self, _: &FolderPath, locators: &[&Locator]) {
        let known = |locator: &&Locator| Some((numbers(locator)?.1, locator.length));
        self.expected = locators.iter().filter_map(known).collect();
        self.ready.clear();
    }

    fn read(&mut self, folder: &FolderPath, locator: &Locator) -> Result<Vec<u8>, StoreError> {
        let vanished = || StoreError::Vanished { id: locator.id(), path: self.path.clone() };
        let (listed, uid) = numbers(locator).ok_or_else(vanished)?;
        let is_open = self.open.as_ref().is_some_and(|(open, validity)| open == folder && *validity == listed);
        if is_open && let Some(content) = self.ready.remove(&uid) {
            return Ok(content);
        }
        let gone = StoreError::Vanished { id: locator.id(), path: self.path.clone() };
        if self.examine(folder)?.0 != listed {
            return Err(gone);
        }
        let (uids, largest) = self.batch(uid, locator.length);
        let fetched = self.ask(|session| {
            session.reopen_to_look(folder)?;
            let mut fetched = HashMap::with_capacity(uids.len());
            session.contents(&uids, largest, |uid, content| {
                fetched.insert(uid, canonical::to_crlf(content, BareCr::Keep));
            })?;
            Ok(fetched)
        })?;
        self.open = Some((folder.clone(), listed));
        self.ready.extend(fetched);
        self.ready.remove(&uid).ok_or(gone)
    }

    fn check_removable(&self, _: &FolderPath) -> Result<(), StoreError> {
        Ok(())
    }

    fn remove(&mut self, folder: &FolderPath, removals: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let wanted: Vec<(u32, u32)> =
            removals.iter().map(|removal| numbers(&removal.locator).unwrap_or_default()).collect();
        let uids: Vec<u32> = wanted.iter().map(|(_, uid)| *uid).collect();
        let (seen, path) = (std::mem::take(&mut self.seen), self.path.clone());
        self.open = None;
        // What is being removed, on this connection or one that was lost meanwhile.
        let mut begun = HashSet::new();
        let asked = self.ask(|session| {
            let validity = session.select(folder)?.uid_validity;
            let tags = session.ask_states(&uids)?;
            let now: HashMap<u32, Seen> =
                session.states(&tags)?.iter().map(|message| (message.uid, Seen::of(message))).collect();
            // A UID means the same content for ever (RFC 9051 section 2.3.1.1); its flags may have changed since.
            let is_same = |uid: u32| match (seen.get(&uid), now.get(&uid)) {
                (Some(seen), Some(now)) => now == seen || begun.contains(&uid) && *now == seen.deleted(),
                _ => false,
            };
            let same: Vec<u32> = wanted
                .iter()
                .filter(|(listed, uid)| *listed == validity && is_same(*uid))
                .map(|(_, uid)| *uid)
                .collect();
            // A removal that a lost connection did not answer.
            let is_done = |uid: &u32| validity_of(&wanted, *uid) == Some(validity) && !now.contains_key(uid);
            let done: Vec<u32> = begun.iter().copied().filter(is_done).collect();
            begun.extend(&same);
            let is_gone = same.is_empty() || session.remove(folder, &same)?;
            Ok(([same, done].concat(), is_gone))
        });
        self.seen = seen;
        let unsure = |locator: &Locator, reason: &str| {
            Err(StoreError::Unsure { id: locator.id(), path: path.clone(), reason: reason.to_owned() })
        };
        let (gone, is_gone) = match asked {
            Err(error) if begun.is_empty() => return Err(error),
            Err(error) => {
                let reason = error.to_string();
                return Ok(removals.iter().map(|removal| unsure(&removal.locator, &reason)).collect());
            }
            Ok(answer) => answer,
        };
        let result = |removal: &Removal| {
            let locator = &removal.locator;
            match numbers(locator).is_some_and(|(_, uid)| gone.contains(&uid)) {
                true if is_gone => Ok(()),
                true => unsure(locator, "it is only marked as deleted, for the server can not remove single messages"),
                false => Err(StoreError::Changed { id: locator.id(), path: path.clone() }),
            }
        };
        Ok(removals.iter().map(result).collect())
    }
}

impl Drop for MailboxSource {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            session.logout();
        }
    }
}
