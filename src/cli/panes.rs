//! No command: the two panes.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::config::{self, ConfigError};
use crate::imap::{Account, Target};
use crate::mail::FolderPath;
use crate::store::StoreError;
use crate::ui::{self, Quit, UiError};

use super::accounts;
use super::exit::{Failure, code};
use super::leave;
use super::options::{CarryOptions, Options, StateOptions, StoreOptions, Wish};
use super::password::SourceOptions;
use super::screen::ScreenOptions;
use super::target::TargetArgument;
use super::text;

#[derive(Args)]
pub struct Arguments {
    /// Local mail for the left pane; a TARGET after it for the right one
    #[arg(value_names = ["SOURCE", "TARGET"])]
    paths: Vec<OsString>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    login: SourceOptions,
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    carry: CarryOptions,
    #[command(flatten)]
    state: StateOptions,
    #[command(flatten)]
    screen: ScreenOptions,
}

impl From<UiError> for Failure {
    fn from(error: UiError) -> Self {
        match error {
            UiError::Keys(why) => Self::settings(why),
            UiError::Terminal(_) => Self::local(error.to_string()),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::settings(error.to_string())
    }
}

/// Runs the panes.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if !std::io::stdout().is_terminal() {
        return Err(Failure::usage("the two panes need a terminal; without one, use mailferry copy or mailferry move"));
    }
    let settings = config::load()?;
    let (right, sources) = split(&arguments.paths)?;
    let (mut mailboxes, mut near) = (Vec::new(), Vec::new());
    for source in sources {
        match source.to_str().map(accounts::target).transpose()?.flatten() {
            Some(target) => mailboxes.push(arguments.options.source_account(&target, &arguments.login, false)?),
            None => near.push(PathBuf::from(source)),
        }
    }
    let sources = near;
    let (target, local, folder) = match right {
        Some(TargetArgument::Server(target)) => (Some(target.clone()), None, target.folder),
        Some(TargetArgument::Local(place, folder)) => (None, Some(place), folder),
        None => (None, None, FolderPath::root()),
    };
    for path in &sources {
        // Better told before the screen is taken than in it.
        std::fs::metadata(path).map_err(|source| StoreError::Read { path: path.clone(), source })?;
    }
    show(ui::Options {
        sources,
        reading: arguments.store.open(),
        account: account(&arguments.options, target.as_ref())?,
        folder,
        mailboxes,
        accounts: accounts::known(&settings, &arguments.options)?,
        local,
        prefill: target,
        connect: arguments.options.connect_options()?,
        state: arguments.state.directory()?,
        connections: arguments.carry.connections.map(usize::from),
        verify: arguments.carry.verify.into(),
        accept_rewriting: arguments.carry.accept_rewriting,
        repairs: arguments.carry.repairs(Wish::On),
        asks: arguments.carry.repairs(Wish::Ask),
        mapping: arguments.carry.mapping()?,
        map_file: arguments.carry.map.clone(),
        failed_dir: arguments.carry.failed_dir.clone(),
        limits: arguments.carry.limits(),
        leave_running: arguments.carry.leave_running || settings.leave_running,
        attached: None,
        screen: arguments.screen.over(&settings),
        keys: settings.keys,
    })
}

/// Opens the panes and, at their end, leaves what is not done to whom it is left.
pub(super) fn show(options: ui::Options) -> Result<ExitCode, Failure> {
    let ended = ui::run(options)?;
    if ended.is_leaving {
        leave::leave(&ended.rest)?;
    } else {
        leave::note(ended.rest)?;
    }
    Ok(match ended.quit {
        Quit::Normal => ExitCode::from(code::OK),
        Quit::Signal(number) => {
            ExitCode::from(u8::try_from(number).map_or(code::LATER, |number| code::SIGNAL.saturating_add(number)))
        }
    })
}

/// What the right pane shows, if the last path says so, and what the left one shows.
fn split(paths: &[OsString]) -> Result<(Option<TargetArgument>, &[OsString]), Failure> {
    let Some((last, before)) = paths.split_last() else { return Ok((None, paths)) };
    let is_local = |last: &str| last.starts_with("maildir:") || last.starts_with("mbox:");
    let says_so = |last: &str| Ok::<_, Failure>(is_local(last) || accounts::target(last)?.is_some());
    if let Some(target) = last.to_str()
        && says_so(target)?
    {
        return Ok((Some(TargetArgument::parse(target)?), before));
    }
    paths.iter().try_for_each(|path| text(path).map(drop))?;
    Ok((None, paths))
}

/// With a user and a way to the password the panes open connected; else the connect dialog asks.
pub(super) fn account(options: &Options, target: Option<&Target>) -> Result<Option<Account>, Failure> {
    match target {
        Some(target) if target.user.is_some() && (options.password.is_given() || accounts::has_password(target)?) => {
            options.account(target).map(Some)
        }
        _ => Ok(None),
    }
}
