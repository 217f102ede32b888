//! Where the password comes from. Never from an argument: every user of the machine can read those.

use std::fs::{self, File};
use std::io::{IsTerminal as _, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use secrecy::SecretString;

use super::exit::Failure;

/// The environment variable, weaker than the other ways: child processes see it.
const VARIABLE: &str = "MAILFERRY_PASSWORD";
/// Longer ones are no passwords.
const MAX_LENGTH: u64 = 64 * 1024;

/// Where to take the password from.
#[derive(Args, Debug)]
pub struct PasswordOptions {
    /// Read the password from the first line of FILE, which nobody else may read
    #[arg(long = "password-file", value_name = "FILE", help_heading = "Login")]
    pub file: Option<PathBuf>,
    /// Run CMD by the shell and take the first line it prints as the password
    #[arg(long = "password-command", value_name = "CMD", help_heading = "Login")]
    pub command: Option<String>,
    /// Read the password from the open file descriptor N
    #[arg(long = "password-fd", value_name = "N", help_heading = "Login")]
    pub descriptor: Option<u32>,
    #[arg(skip)]
    named: Named,
}

/// Where to take the password of a SOURCE on a server from, and what else its connection takes.
#[derive(Args, Debug)]
pub struct SourceOptions {
    /// Read the password of a SOURCE on a server from the first line of FILE, which nobody else may read
    #[arg(
        id = "source_file",
        long = "source-password-file",
        value_name = "FILE",
        help_heading = "Login of a SOURCE on a server"
    )]
    file: Option<PathBuf>,
    /// Run CMD by the shell and take the first line it prints as the password of a SOURCE on a server
    #[arg(
        id = "source_command",
        long = "source-password-command",
        value_name = "CMD",
        help_heading = "Login of a SOURCE on a server"
    )]
    command: Option<String>,
    /// Read the password of a SOURCE on a server from the open file descriptor N
    #[arg(
        id = "source_fd",
        long = "source-password-fd",
        value_name = "N",
        help_heading = "Login of a SOURCE on a server"
    )]
    descriptor: Option<u32>,
    /// Open USER's mailbox with the login of the SOURCE
    #[arg(id = "source_as", long = "source-as", value_name = "USER", help_heading = "Login of a SOURCE on a server")]
    pub authorization: Option<String>,
    /// Trust exactly the certificate with this SHA-256 for a SOURCE on a server
    #[arg(id = "source_pin", long = "source-pin", value_name = "sha256:HEX", value_parser = super::options::pin,
        help_heading = "Login of a SOURCE on a server")]
    pub pin: Option<String>,
    /// Expect NAME in the certificate of a SOURCE on a server instead of the host
    #[arg(
        id = "source_tls_name",
        long = "source-tls-name",
        value_name = "NAME",
        help_heading = "Login of a SOURCE on a server"
    )]
    pub tls_name: Option<String>,
}

/// The environment variable for a SOURCE on a server.
const SOURCE_VARIABLE: &str = "MAILFERRY_SOURCE_PASSWORD";

impl SourceOptions {
    /// Whether the options name a password.
    pub fn is_given(&self) -> bool {
        self.file.is_some() || self.command.is_some() || self.descriptor.is_some()
    }

    /// The password of a SOURCE: by its own options; by those of the TARGET where the TARGET takes no password; else asked
    /// for.
    pub fn get(
        &self,
        label: &str,
        of_target: &PasswordOptions,
        is_target_local: bool,
    ) -> Result<SecretString, Failure> {
        let own = PasswordOptions {
            file: self.file.clone(),
            command: self.command.clone(),
            descriptor: self.descriptor,
            named: SOURCE,
        };
        if is_target_local && !own.is_given() && of_target.is_given() {
            return of_target.get(label);
        }
        own.get(label)
    }
}

/// What the options and the variable of a password are called.
#[derive(Clone, Copy, Debug, Default)]
pub struct Named {
    variable: Option<&'static str>,
    prefix: &'static str,
}

const SOURCE: Named = Named { variable: Some(SOURCE_VARIABLE), prefix: "source-" };

impl PasswordOptions {
    fn variable(&self) -> &'static str {
        self.named.variable.unwrap_or(VARIABLE)
    }

    /// Whether a password can be had without asking a person.
    pub fn is_given(&self) -> bool {
        let is_named = self.file.is_some() || self.command.is_some() || self.descriptor.is_some();
        is_named || std::env::var_os(self.variable()).is_some()
    }

    /// The password from the first source that the options name, else from the environment, else from a prompt.
    pub fn get(&self, label: &str) -> Result<SecretString, Failure> {
        if let Some(path) = &self.file {
            return from_file(path);
        }
        if let Some(command) = &self.command {
            return from_command(command);
        }
        if let Some(number) = self.descriptor {
            let path = format!("/dev/fd/{number}");
            let file = File::open(&path)
                .map_err(|error| Failure::usage(format!("cannot read file descriptor {number}: {error}")))?;
            return first_line(file, &path);
        }
        if let Ok(password) = std::env::var(self.variable()) {
            return Ok(SecretString::from(password));
        }
        if !std::io::stdin().is_terminal() {
            let prefix = self.named.prefix;
            return Err(Failure::usage(format!(
                "no password for {label}: use --{prefix}password-file, --{prefix}password-command or --{prefix}password-fd"
            )));
        }
        let asked = rpassword::prompt_password(format!("Password of {label}: "));
        asked.map(SecretString::from).map_err(|error| Failure::local(format!("cannot ask for the password: {error}")))
    }
}

/// A file that others can read is refused.
pub(super) fn from_file(path: &Path) -> Result<SecretString, Failure> {
    let shown = path.display();
    let refuse = |reason: String| Failure::usage(format!("cannot use the password file {shown}: {reason}"));
    let file = File::open(path).map_err(|error| refuse(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| refuse(error.to_string()))?;
    let me = rustix::process::geteuid().as_raw();
    if metadata.mode() & 0o077 != 0 {
        return Err(refuse(format!("others can read it; run chmod 600 {shown}")));
    }
    if metadata.uid() != me && metadata.uid() != 0 {
        return Err(refuse("it belongs to another user".into()));
    }
    let is_link = fs::symlink_metadata(path).is_ok_and(|link| link.is_symlink() && link.uid() != me && link.uid() != 0);
    if is_link {
        return Err(refuse("it is another user's link".into()));
    }
    first_line(file, &shown.to_string())
}

/// The first line that a command prints.
pub(super) fn from_command(command: &str) -> Result<SecretString, Failure> {
    let refuse = |reason: String| Failure::usage(format!("the password command failed: {reason}"));
    let spawned = Command::new("/bin/sh").arg("-c").arg(command).stdout(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|error| refuse(error.to_string()))?;
    let password = child.stdout.take().map(|output| first_line(output, "the password command"));
    let status = child.wait().map_err(|error| refuse(error.to_string()))?;
    if !status.success() {
        return Err(refuse(status.to_string()));
    }
    password.unwrap_or_else(|| Err(refuse("it printed nothing".into())))
}

fn first_line(input: impl Read, name: &str) -> Result<SecretString, Failure> {
    let mut text = String::new();
    let read = input.take(MAX_LENGTH).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("cannot read the password from {name}: {error}")))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(Failure::usage(format!("{name} gives no password")));
    }
    Ok(SecretString::from(line))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn the_first_line_is_the_password() {
        let password = first_line(&b"secret \r\nmore\n"[..], "x").unwrap();
        assert_eq!(password.expose_secret(), "secret ");
        assert!(first_line(&b""[..], "x").is_err());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "secret\n").unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(from_file(file.path()).is_err());
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(from_file(file.path()).unwrap().expose_secret(), "secret");
    }

    #[test]
    fn a_command_that_fails_gives_no_password() {
        assert_eq!(from_command("echo secret; echo x").unwrap().expose_secret(), "secret");
        assert!(from_command("echo secret; exit 3").is_err());
        assert!(from_command("true").is_err());
    }
}
