//! The two panes. The only module that names `ratatui`, `crossterm` and `tui_tree_widget`.
//!
//! One thread owns all state ([`model`]). Everything that happens is an [`event`]; [`update`] turns it into a new state
//! and [`effect`]s, [`desk`] hands those to [`workers`], which answer by events. [`view`] draws the state and changes
//! nothing. What a key does stands in one table, [`actions`]; a dialog is one file in [`dialog`].

mod actions;
mod desk;
mod dialog;
mod effect;
mod event;
mod first;
mod keymap;
mod layout;
mod list;
mod marks;
mod model;
mod pane;
mod pattern;
mod run;
#[cfg(test)]
mod tests;
mod theme;
mod tree;
mod update;
mod view;
mod workers;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use crate::config::{Binding, Palette};
use crate::detached;
use crate::imap::{Account, ConnectOptions, Target};
use crate::mail::{FolderPath, Repair};
use crate::store::{LocalPlace, OpenOptions};
use crate::transfer::{Job, Limits, Mapping, Verify};

pub use actions::keys_markdown;
pub use pattern::patterns_markdown;

/// What the screen starts with.
pub struct Options {
    /// The stores on the left; if there is none, the user is asked for one.
    pub sources: Vec<PathBuf>,
    /// Mailboxes on the left.
    pub mailboxes: Vec<Account>,
    /// The accounts of the user's settings.
    pub accounts: Vec<KnownAccount>,
    /// Local mail on the right, instead of a mailbox.
    pub local: Option<LocalPlace>,
    /// How stores are read.
    pub reading: OpenOptions,
    /// Connect to this account at the start.
    pub account: Option<Account>,
    /// Without an account: what the connect dialog holds already.
    pub prefill: Option<Target>,
    /// What connections made in the dialog take beside server and login.
    pub connect: ConnectOptions,
    /// The folder on the server to go to.
    pub folder: FolderPath,
    /// Whether a move may remove what the server wrote anew.
    pub accept_rewriting: bool,
    /// The repairs that are made where a message needs them.
    pub repairs: Vec<Repair>,
    /// The repairs that are asked for once it is known which messages need them.
    pub asks: Vec<Repair>,
    /// Which folder becomes which.
    pub mapping: Mapping,
    /// The file that those rules came from.
    pub map_file: Option<PathBuf>,
    /// Where messages that were not carried are saved.
    pub failed_dir: Option<PathBuf>,
    /// How much may go in a while.
    pub limits: Limits,
    /// The directory of the journal.
    pub state: PathBuf,
    /// Whether jobs go on in another process when the terminal goes away.
    pub leave_running: bool,
    /// The process that carries jobs out already, and that this screen shows.
    pub attached: Option<detached::Guest>,
    /// The most connections a transfer uses, where a number was asked for.
    pub connections: Option<usize>,
    /// How surely a copy is proven.
    pub verify: Verify,
    /// How it is drawn.
    pub screen: Screen,
    /// Keys that are not as in the table.
    pub keys: Vec<Binding>,
}

/// An account of the user's settings.
#[derive(Clone)]
pub struct KnownAccount {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub target: Target,
    /// What its connection takes.
    pub options: ConnectOptions,
    /// Gets its password, or says why not; `None` where the user is asked. May take a while.
    pub unlock: Option<Arc<Unlock>>,
}

/// A way to a password.
pub type Unlock = dyn Fn() -> Result<SecretString, String> + Send + Sync;

impl fmt::Debug for KnownAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KnownAccount").field(&self.name).finish()
    }
}

/// How the screen is drawn, and whether it takes the mouse.
#[derive(Clone, Debug)]
pub struct Screen {
    /// Draw in ASCII only.
    pub ascii: bool,
    /// Draw what runs rarely and coarsely: under 0.3 KB a second at 80x24.
    pub slow: bool,
    /// Take the mouse from the terminal.
    pub mouse: bool,
    /// How things look.
    pub palette: Palette,
}

/// How the screen ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quit {
    /// The user left.
    Normal,
    /// A signal ended it, or the terminal went away (SIGHUP); the exit code is 128 plus its number.
    Signal(i32),
}

/// What the screen leaves behind.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub quit: Quit,
    /// The jobs that are not done, in their order.
    pub rest: Vec<Rest>,
    /// Whether they are to go on in another process.
    pub is_leaving: bool,
}

/// A job that is not done.
#[derive(Debug)]
pub struct Rest {
    /// The job.
    pub job: Job,
    /// Messages that it carried so far.
    pub carried: u64,
    /// Whether it does not go on by itself.
    pub is_paused: bool,
}

/// Why there is no screen.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    /// Standard input or output is no terminal that can be used.
    #[error("cannot use the terminal: {0}; without one, use mailferry copy or mailferry move")]
    Terminal(#[source] io::Error),
    /// The settings give keys a meaning that they can't have.
    #[error("{0}")]
    Keys(String),
}

/// Whether the panes can take these keys.
pub fn check_keys(keys: &[Binding]) -> Result<(), UiError> {
    keymap::Keymap::new(keys).map(drop).map_err(UiError::Keys)
}

/// Opens the screen and stays until the user or a signal ends it. The terminal is given back as it was.
pub fn run(options: Options) -> Result<Ended, UiError> {
    run::run(options)
}
