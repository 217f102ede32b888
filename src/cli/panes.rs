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

use super::exit::{Failure, code};
use super::leave;
use super::options::{CarryOptions, Options, StateOptions, StoreOptions};
use super::password::SourceOptions;
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
    /// Draw with ASCII characters only; the default without UTF-8 and on simple terminals
    #[arg(long)]
    ascii: bool,
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
    let (far, near): (Vec<_>, Vec<_>) = sources.iter().partition(|path| path.to_str().is_some_and(Target::is_url));
    let mailboxes = far.into_iter().map(|url| mailbox(arguments, text(url)?)).collect::<Result<_, Failure>>()?;
    let sources: Vec<PathBuf> = near.into_iter().map(PathBuf::from).collect();
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
        local,
        prefill: target,
        connect: arguments.options.connect_options(),
        state: arguments.state.directory()?,
        connections: arguments.carry.connections.map(usize::from),
        verify: arguments.carry.verify.into(),
        accept_rewriting: arguments.carry.accept_rewriting,
        repairs: arguments.carry.repairs(),
        failed_dir: arguments.carry.failed_dir.clone(),
        limits: arguments.carry.limits(),
        leave_running: arguments.carry.leave_running || settings.leave_running,
        attached: None,
        ascii: arguments.ascii || settings.ascii.unwrap_or_else(is_simple_terminal),
        palette: palette(&settings),
        keys: settings.keys,
    })
}

/// The theme that was chosen; without colours where the user wants none anywhere.
pub(super) fn palette(settings: &config::Settings) -> config::Palette {
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if is_plain { settings.mono.clone() } else { settings.palette.clone() }
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
    let says_so = |last: &&str| Target::is_url(last) || last.starts_with("maildir:") || last.starts_with("mbox:");
    if let Some(target) = last.to_str().filter(says_so) {
        return Ok((Some(TargetArgument::parse(target)?), before));
    }
    paths.iter().try_for_each(|path| text(path).map(drop))?;
    Ok((None, paths))
}

/// A mailbox for the left pane; its password is asked for before the screen is taken.
fn mailbox(arguments: &Arguments, url: &str) -> Result<Account, Failure> {
    arguments.options.source_account(&Target::parse(url)?, &arguments.login, false)
}

/// With a user and a way to the password the panes open connected; else the connect dialog asks.
pub(super) fn account(options: &Options, target: Option<&Target>) -> Result<Option<Account>, Failure> {
    match target {
        Some(target) if target.user.is_some() && options.password.is_given() => options.account(target).map(Some),
        _ => Ok(None),
    }
}

/// No UTF-8, or a terminal that draws no lines.
pub(super) fn is_simple_terminal() -> bool {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = variable("LC_ALL").or_else(|| variable("LC_CTYPE")).or_else(|| variable("LANG")).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    let is_utf8 = locale.contains("utf-8") || locale.contains("utf8");
    let terminal = variable("TERM").unwrap_or_default();
    !is_utf8 || ["linux", "dumb"].contains(&terminal.as_str()) || terminal.starts_with("vt")
}
