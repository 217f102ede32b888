//! `config check`: whether `config.toml` can be used, and what is wrong in it, by line.

use std::process::ExitCode;

use clap::Subcommand;

use crate::config;
use crate::ui;

use super::accounts;
use super::exit::{Failure, code};
use super::output::line;

#[derive(Subcommand)]
pub enum Command {
    /// Read the settings and say what is wrong in them
    Check,
}

/// Runs the command.
pub fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Check => check(),
    }
}

fn check() -> Result<ExitCode, Failure> {
    let settings = config::load()?;
    ui::check_keys(&settings.keys)?;
    accounts::check(&settings)?;
    let path = config::path().map_or_else(|| "config.toml".to_owned(), |path| path.display().to_string());
    let is_there = config::path().is_some_and(|path| path.exists());
    let words =
        if is_there { format!("{path}: all right") } else { format!("{path} is not there: everything is as it comes") };
    line(&words).map_err(|error| Failure::local(format!("cannot write: {error}")))?;
    Ok(ExitCode::from(code::OK))
}
