//! How a job is done, as the journal keeps it: all that is needed to go on with it but its plan and the passwords.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::PastJob;
use crate::imap::{Account, ConnectOptions, Security};
use crate::mail::Repair;
use crate::store::LocalPlace;
use crate::transfer::{Job, Limits, Mode, Place, Plan, Source, Verify};

/// How a job is done, beside its plan: all that is needed to go on with it but the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The login name.
    pub user: String,
    /// What else the connection takes.
    pub options: ConnectOptions,
    /// Copy or move.
    pub mode: Mode,
    /// How surely a copy is proven.
    pub verify: Verify,
    /// The most connections, where a number was asked for.
    pub connections: Option<usize>,
    /// Whether a move may remove what the server wrote anew.
    pub accept_rewriting: bool,
    /// The repairs that are made where a message needs them.
    pub repairs: Vec<Repair>,
    /// The repairs that are to be asked for.
    #[serde(default)]
    pub asks: Vec<Repair>,
    /// How much may go in a while.
    pub limits: Limits,
    /// The place on this machine that it goes to, instead of a server.
    #[serde(default)]
    pub local: Option<LocalPlace>,
    /// The accounts that sources are in.
    #[serde(default)]
    pub sources: Vec<Login>,
}

impl PastJob {
    /// The job, to go on with: where it goes and comes from must be opened anew. `state` is the directory of the journal.
    pub fn resumed(self, target: Place, accounts: Vec<Account>, plan: Plan, state: PathBuf) -> Job {
        let settings = self.settings;
        Job {
            target,
            accounts,
            plan,
            mode: settings.mode,
            verify: settings.verify,
            connections: settings.connections,
            accept_rewriting: settings.accept_rewriting,
            repairs: settings.repairs,
            asks: settings.asks,
            sums: false,
            failed_dir: None,
            limits: settings.limits,
            state,
            resumes: Some(self.id),
        }
    }
}

/// An account as the journal keeps it: without its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Host name or address; empty where there is no server.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The login name.
    pub user: String,
    /// What else the connection takes.
    pub options: ConnectOptions,
}

impl Login {
    pub(super) fn of(account: &Account) -> Self {
        Self {
            host: account.host.clone(),
            port: account.port,
            security: account.security,
            user: account.user.clone(),
            options: account.options.clone(),
        }
    }

    /// No account at all.
    fn none() -> Self {
        Self {
            host: String::new(),
            port: 0,
            security: Security::Tls,
            user: String::new(),
            options: ConnectOptions::default(),
        }
    }

    /// `user@host` for people.
    pub fn label(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }

    /// The account, once its password is known.
    pub fn account(&self, password: SecretString) -> Account {
        Account {
            host: self.host.clone(),
            port: self.port,
            security: self.security,
            user: self.user.clone(),
            password,
            options: self.options.clone(),
        }
    }
}

impl Settings {
    pub(super) fn of(job: &Job) -> Self {
        let is_used = |account: &Account| {
            let source = Source::of_account(account);
            job.plan.folders.iter().any(|folder| folder.source.path == source.path)
        };
        let Login { host, port, security, user, options } = job.target.account().map_or_else(Login::none, Login::of);
        Self {
            local: job.target.local().cloned(),
            sources: job.accounts.iter().filter(|account| is_used(account)).map(Login::of).collect(),
            host,
            port,
            security,
            user,
            options,
            mode: job.mode,
            verify: job.verify,
            connections: job.connections,
            accept_rewriting: job.accept_rewriting,
            repairs: job.repairs.clone(),
            asks: job.asks.clone(),
            limits: job.limits,
        }
    }

    /// Where it goes; `account` adds the password to the login at a server.
    pub fn place<E>(&self, account: impl FnOnce(Login) -> Result<Account, E>) -> Result<Place, E> {
        match &self.local {
            Some(place) => Ok(Place::Local(place.clone())),
            None => account(Login {
                host: self.host.clone(),
                port: self.port,
                security: self.security,
                user: self.user.clone(),
                options: self.options.clone(),
            })
            .map(Place::Server),
        }
    }

    /// Where it goes, for people: `user@host`, `maildir:PATH`.
    pub fn label(&self) -> String {
        self.local.as_ref().map_or_else(|| format!("{}@{}", self.user, self.host), LocalPlace::label)
    }
}
