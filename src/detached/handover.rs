//! What is handed over to the process that goes on without a terminal, and how that process is started.
//!
//! Jobs travel by their number in the journal; what the journal does not hold, above all passwords, goes through a pipe:
//! never by arguments, the environment or a file.

use std::convert::Infallible;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::imap::{Account, Trace};
use crate::transfer::{Job, JobId, Journal, JournalError, Login};

/// The command of the process; not for people.
pub const COMMAND: &str = "carry-on";
/// What it says once it is ready.
pub(super) const READY: &str = "ready";
/// The shell may tell a process group that its terminal is gone after the kernel did, and may meet the new process before
/// that has a session of its own.
const TRIES: usize = 5;

/// A job, handed over.
#[derive(Debug, Serialize, Deserialize)]
pub struct Handed {
    /// Its number in the journal.
    pub job: JobId,
    /// The passwords of the mailboxes that it goes to and comes from.
    pub passwords: Vec<Password>,
    /// Where messages that are not carried are saved.
    pub failed_dir: Option<PathBuf>,
    /// Whether a move may remove what the server wrote anew.
    pub accept_rewriting: bool,
    /// Messages that it carried so far.
    pub carried: u64,
    /// Whether it does not go on by itself.
    pub is_paused: bool,
}

/// The password of an account.
#[derive(Debug, Serialize, Deserialize)]
pub struct Password {
    /// `user@host`
    pub account: String,
    /// The password itself.
    #[serde(with = "exposed")]
    pub password: SecretString,
}

/// The jobs of a process that ends.
#[derive(Debug, Serialize, Deserialize)]
pub struct Handover {
    /// The directory of the journal.
    pub state: PathBuf,
    /// In the order they run.
    pub jobs: Vec<Handed>,
    /// The file that what is said with servers is written to.
    pub trace: Option<PathBuf>,
}

/// A password as it is, for the pipe.
mod exposed {
    use secrecy::{ExposeSecret as _, SecretString};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(password: &SecretString, to: S) -> Result<S::Ok, S::Error> {
        password.expose_secret().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
        String::deserialize(from).map(SecretString::from)
    }
}

/// Why jobs were not left to another process. They are in the journal as far as that could be written.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// The journal can not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The process could not be started, or did not come up.
    #[error("cannot start a process that goes on without the terminal: {0}")]
    Process(#[from] io::Error),
}

impl Password {
    fn of(account: &Account) -> Self {
        let password = SecretString::from(account.password.expose_secret());
        Self { account: account.label(), password }
    }
}

impl Handed {
    /// A job and how far it is; written in the journal if it is not there yet.
    pub fn note(journal: &mut Journal, job: &Job, carried: u64, is_paused: bool) -> Result<Self, JournalError> {
        Ok(Self {
            job: journal.note(job)?,
            passwords: job.target.account().into_iter().chain(&job.accounts).map(Password::of).collect(),
            failed_dir: job.failed_dir.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone())),
            accept_rewriting: job.accept_rewriting,
            carried,
            is_paused,
        })
    }

    /// The job as the journal has it; what is said is written to `trace`.
    pub(super) fn job(
        self,
        journal: &Journal,
        state: &std::path::Path,
        trace: Option<&Trace>,
    ) -> Result<Job, JournalError> {
        let (past, plan) = (journal.job(self.job)?, journal.plan(self.job)?);
        let account = |login: Login| {
            let known = self.passwords.iter().find(|known| known.account == login.label());
            let password = known.map(|known| known.password.expose_secret()).unwrap_or_default();
            login.account(SecretString::from(password)).traced(trace.cloned())
        };
        let Ok(target) = past.settings.place::<Infallible>(|login| Ok(account(login)));
        let accounts = past.settings.sources.iter().cloned().map(account).collect();
        let mut job = past.resumed(target, accounts, plan, state.to_owned());
        job.accept_rewriting |= self.accept_rewriting;
        job.failed_dir = self.failed_dir;
        job.sums = true; // whoever attaches may want them
        Ok(job)
    }
}

/// Starts a process that goes on with the jobs, and returns once it is at it.
pub fn leave(handover: &Handover) -> Result<(), LeaveError> {
    let text = Zeroizing::new(serde_json::to_string(handover).map_err(io::Error::from)?);
    let mut failed = io::Error::from(io::ErrorKind::BrokenPipe);
    for _ in 0..TRIES {
        match start(&text) {
            Ok(()) => return Ok(()),
            Err(error) => failed = error,
        }
    }
    Err(failed.into())
}

fn start(text: &str) -> io::Result<()> {
    // The very program that runs, even if its file was replaced meanwhile.
    let mut child = Command::new("/proc/self/exe")
        .arg(COMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .env_remove("MAILFERRY_PASSWORD")
        .spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    if let Some(mut stdin) = stdin {
        // What it says counts, not whether it heard all.
        let _ = stdin.write_all(text.as_bytes());
    }
    let mut answer = String::new();
    if let Some(stdout) = stdout {
        BufReader::new(stdout).read_line(&mut answer)?;
    }
    match answer.trim_end() {
        READY => Ok(()),
        "" => {
            let status = child.wait()?;
            Err(io::Error::other(format!("it ended at once ({status})")))
        }
        said => {
            let _ = child.wait(); // it has told why
            Err(io::Error::other(said.to_owned()))
        }
    }
}
