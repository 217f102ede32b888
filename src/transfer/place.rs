//! Where mail goes: an account on a server, or a place on this machine.

use std::path::Path;

use crate::imap::{Account, ImapError, connect_to};
use crate::mail::FolderPath;
use crate::store::{LocalPlace, OpenOptions, StoreError};

use super::drawer::Drawer;
use super::journal::account_key;
use super::mailbox::Mailbox;
use super::{FolderPlan, Plan, Source};

/// Where mail goes, and how to get there.
#[derive(Clone, Debug)]
pub enum Place {
    /// An account on a server.
    Server(Account),
    /// A Maildir tree or mboxes on this machine.
    Local(LocalPlace),
}

impl Place {
    /// Opens it: connects and logs in, or looks at what is on the disk.
    pub fn open(&self) -> Result<Mailbox, ImapError> {
        self.open_at(None)
    }

    /// The same, where it is known which folder will be selected first.
    pub fn open_at(&self, first: Option<&FolderPath>) -> Result<Mailbox, ImapError> {
        match self {
            Self::Server(account) => connect_to(account, first).map(Into::into),
            Self::Local(place) => Drawer::open(place).map(Into::into),
        }
    }

    /// The place for people: `user@host`, `maildir:PATH`.
    pub fn label(&self) -> String {
        match self {
            Self::Server(account) => account.label(),
            Self::Local(place) => place.label(),
        }
    }

    /// The same mail to carry out of it.
    pub fn source(&self) -> Source {
        match self {
            Self::Server(account) => Source::of_account(account),
            Self::Local(place) => {
                let format = Some(place.shape.label().to_owned());
                Source { path: place.path.clone(), options: OpenOptions { format, ..OpenOptions::default() } }
            }
        }
    }

    /// The name by which locks and the journal know it, whatever way leads to it.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Server(account) => account_key(account),
            Self::Local(place) => place.key(),
        }
    }

    /// A folder must not be carried into itself: a move would then remove the only copy.
    pub(super) fn check_apart(&self, plan: &FolderPlan) -> Result<(), StoreError> {
        let is_same_place = match self {
            Self::Server(account) => Source::of_account(account).path == plan.source.path,
            Self::Local(place) => {
                let real = |path: &Path| path.canonicalize().ok();
                real(&place.path).is_some_and(|path| Some(path) == real(&plan.source.path))
            }
        };
        let inbox = FolderPath::new(["INBOX"]);
        let named = |folder: &FolderPath| if folder.is_root() { inbox.clone() } else { folder.clone() };
        if is_same_place && named(&plan.folder) == named(&plan.target) {
            let reason = format!("the folder {} can not be carried into itself", plan.target);
            return Err(StoreError::NotMail { path: plan.source.path.clone(), reason });
        }
        Ok(())
    }

    /// What a plan becomes where everything goes into one mbox, which is one folder.
    pub fn fit(&self, mut plan: Plan) -> Result<Plan, TooManyFolders> {
        if let Self::Local(place) = self
            && place.is_file()
        {
            match plan.folders.as_mut_slice() {
                [] => {}
                [only] => {
                    only.target = FolderPath::root();
                    only.exists = place.path.exists();
                }
                several => return Err(TooManyFolders(several.len())),
            }
        }
        Ok(plan)
    }

    /// The place on this machine, if it is one.
    pub fn local(&self) -> Option<&LocalPlace> {
        match self {
            Self::Server(_) => None,
            Self::Local(place) => Some(place),
        }
    }

    /// The account, if it is one.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Self::Server(account) => Some(account),
            Self::Local(_) => None,
        }
    }
}

/// So many folders do not go into one mbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} folders do not go into one mbox; write mbox:DIRECTORY/ for an mbox of each")]
pub struct TooManyFolders(usize);

impl From<Account> for Place {
    fn from(account: Account) -> Self {
        Self::Server(account)
    }
}

impl From<LocalPlace> for Place {
    fn from(place: LocalPlace) -> Self {
        Self::Local(place)
    }
}
