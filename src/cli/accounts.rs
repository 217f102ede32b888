//! Accounts of the settings: named as `NAME:/Folder/Sub` wherever a TARGET or SOURCE stands, and listed by `accounts`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use secrecy::SecretString;
use serde_json::json;

use crate::config::{self, Account, Settings};
use crate::imap::{ConnectOptions, Target};
use crate::mail::FolderPath;
use crate::mail::display::clean;
use crate::ui::KnownAccount;

use super::exit::{Failure, code};
use super::options::{Options, pin};
use super::output::{json_line, line};
use super::password;

/// `accounts`
#[derive(Args)]
pub struct Arguments {
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs the command: every account, without its password.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    for (name, account) in &config::load()?.accounts {
        let target = of_account(name, account)?;
        let url = clean(&account.url);
        let from = match (&account.password_file, &account.password_command) {
            (Some(_), _) => "file",
            (None, Some(_)) => "command",
            (None, None) => "asked for",
        };
        let printed = if arguments.json {
            json_line(json!({"event": "account", "name": name, "url": url, "host": target.host, "password": from}))
        } else {
            line(&format!("{name:<16} {url}  (password: {from})"))
        };
        if printed.is_err() {
            break; // a reader that closed the pipe has seen enough
        }
    }
    Ok(ExitCode::from(code::OK))
}

/// The mailbox that a text names, by URL or as `NAME:/Folder`; `None` where it names none.
pub fn target(text: &str) -> Result<Option<Target>, Failure> {
    if Target::is_url(text) {
        return Ok(Some(Target::parse(text)?));
    }
    named(text, &config::load()?)
}

fn named(text: &str, settings: &Settings) -> Result<Option<Target>, Failure> {
    let Some((name, folder)) = text.split_once(':') else { return Ok(None) };
    let is_path = !(folder.is_empty() || folder.starts_with('/')) || Path::new(text).exists();
    let Some(account) = settings.accounts.get(name).filter(|_| !is_path) else { return Ok(None) };
    let mut target = of_account(name, account)?;
    target.folder = target.folder.join(&FolderPath::parse(folder));
    Ok(Some(target))
}

fn of_account(name: &str, account: &Account) -> Result<Target, Failure> {
    let wrong = |why: String| Failure::usage(format!("the account \"{name}\" of config.toml: {why}"));
    let target = Target::parse(&account.url).map_err(|error| wrong(error.to_string()))?;
    account.pin.as_deref().map(pin).transpose().map_err(wrong)?;
    Ok(Target { account: Some(name.to_owned()), ..target })
}

/// Whether every account can be used.
pub fn check(settings: &Settings) -> Result<(), Failure> {
    settings.accounts.iter().try_for_each(|(name, account)| of_account(name, account).map(drop))
}

/// What the settings say of the account that a target was named by; nothing if it was not named by one.
pub fn settings(target: &Target) -> Result<Account, Failure> {
    let Some(name) = &target.account else { return Ok(Account::default()) };
    Ok(config::load()?.accounts.remove(name).unwrap_or_default())
}

/// The password, where the settings say how to get it.
pub fn password(account: &Account) -> Option<Result<SecretString, Failure>> {
    match (&account.password_file, &account.password_command) {
        (Some(file), _) => Some(password::from_file(&at_home(file))),
        (None, Some(command)) => Some(password::from_command(command)),
        (None, None) => None,
    }
}

/// Whether the settings say how to get the password of a target.
pub fn has_password(target: &Target) -> Result<bool, Failure> {
    let account = settings(target)?;
    Ok(account.password_file.is_some() || account.password_command.is_some())
}

/// What the settings say of a connection, below what the options say.
pub fn connection(account: &Account, options: ConnectOptions) -> ConnectOptions {
    ConnectOptions {
        ca_file: options.ca_file.or_else(|| account.ca_file.as_deref().map(at_home)),
        pin: options.pin.or_else(|| account.pin.as_deref().and_then(|text| pin(text).ok())),
        tls_name: options.tls_name.or_else(|| account.tls_name.clone()),
        authorization: options.authorization.or_else(|| account.authorization.clone()),
        timeout: options.timeout,
        trace: options.trace,
    }
}

/// A path of the settings; `~/` stands for the user's home.
fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(below), Some(home)) => PathBuf::from(home).join(below),
        _ => path.to_owned(),
    }
}

/// All accounts, for the panes.
pub fn known(settings: &Settings, options: &Options) -> Result<Vec<KnownAccount>, Failure> {
    let each = |(name, account): (&String, &Account)| {
        let has_password = account.password_file.is_some() || account.password_command.is_some();
        let unlock = {
            let account = account.clone();
            move || {
                let password = password(&account).unwrap_or_else(|| Err(Failure::usage("no password is named")));
                password.map_err(|failure| failure.words())
            }
        };
        Ok(KnownAccount {
            name: name.clone(),
            target: of_account(name, account)?,
            options: connection(account, options.connect_options()?),
            unlock: has_password.then(|| Arc::new(unlock) as _),
        })
    };
    settings.accounts.iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_folder_are_a_mailbox() {
        let text = "[accounts.work]\nurl = \"imaps://anna@mail.example.org/Old\"\n[accounts.bad]\nurl = \"http://x\"\n";
        let settings = config::read(text, Path::new("c.toml")).unwrap();
        let folder = |text: &str| named(text, &settings).unwrap().map(|target| target.folder.to_string());
        assert_eq!(folder("work:"), Some("Old".into()));
        assert_eq!(folder("work:/2004/Müller"), Some("Old/2004/Müller".into()));
        assert_eq!((folder("work"), folder("work:x"), folder("home:/x")), (None, None, None));
        assert!(named("bad:", &settings).is_err_and(|failure| failure.words().contains("\"bad\"")));
        assert!(check(&settings).is_err());
    }
}
