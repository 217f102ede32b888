//! The options that all commands share, and the account they make.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::imap::{Account, ConnectOptions, TIMEOUT, Target};
use crate::mail::{DateRule, FolderPath, Repair};
use crate::store::{CodePage, Labels, OpenOptions};
use crate::transfer::{Limits, Mapping, Rule, Verify};

use super::accounts;
use super::exit::Failure;
use super::password::{PasswordOptions, SourceOptions};
use super::trace::TraceOptions;

/// How to reach and trust the server.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    pub password: PasswordOptions,
    /// Open USER's mailbox with the login of the TARGET (SASL authorization identity)
    #[arg(long = "as", value_name = "USER", help_heading = "Login")]
    pub authorization: Option<String>,
    /// Trust the certificate authorities in PEM too
    #[arg(long, value_name = "PEM", help_heading = "TLS")]
    pub ca_file: Option<PathBuf>,
    /// Trust exactly the certificate with this SHA-256, written sha256:HEX, and no other
    #[arg(long, value_name = "sha256:HEX", value_parser = pin, help_heading = "TLS")]
    pub pin: Option<String>,
    /// Expect NAME in the certificate instead of the host
    #[arg(long, value_name = "NAME", help_heading = "TLS")]
    pub tls_name: Option<String>,
    /// Give up the login after so many seconds, and an answer after twice as many
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    #[command(flatten)]
    pub trace: TraceOptions,
}

/// How to read a SOURCE.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reading")]
pub struct StoreOptions {
    /// The format of SOURCE, if detection gets it wrong
    #[arg(long, value_name = "NAME")]
    pub format: Option<String>,
    /// The code page of folder names that carry none (Outlook Express), such as 1251 or Shift_JIS; else it is guessed
    #[arg(long, value_name = "NAME")]
    pub code_page: Option<CodePage>,
    /// Show deleted messages that can be recovered, in folders called "Recovered" (Outlook Express)
    #[arg(long)]
    pub recovered: bool,
    /// What becomes of Gmail's labels in a Takeout mbox
    #[arg(long, value_name = "HOW", default_value = "keywords")]
    pub labels: LabelsOption,
    /// Read every list anew; else long ones are kept in the user's cache directory, and shown while nothing has changed
    #[arg(long)]
    pub no_cache: bool,
}

/// `--labels`
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LabelsOption {
    /// Labels become keywords
    Keywords,
    /// A message goes into the folder that its label names
    Folders,
}

impl StoreOptions {
    /// What they say of a store.
    pub fn open(&self) -> OpenOptions {
        let labels = match self.labels {
            LabelsOption::Keywords => Labels::Keywords,
            LabelsOption::Folders => Labels::Folders,
        };
        let cache = if self.no_cache { None } else { user_directory("XDG_CACHE_HOME", ".cache") };
        OpenOptions {
            format: self.format.clone(),
            code_page: self.code_page,
            recovered: self.recovered,
            labels,
            cache,
            ..OpenOptions::default()
        }
    }
}

/// How to carry.
#[derive(Args, Debug)]
pub struct CarryOptions {
    /// The most connections to use, never two on one folder; else three, or two on Exchange
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub connections: Option<u8>,
    /// How surely a copy is proven; a move is always proven in full
    #[arg(long, value_name = "HOW", default_value = "size")]
    pub verify: VerifyOption,
    /// Move mail even onto a server that writes it anew, as Exchange does: what it says is proven, not its bytes
    #[arg(long)]
    pub accept_rewriting: bool,
    /// Change what a server would refuse or ruin, in the messages that need it, told for each of them: from-line, nul,
    /// 8bit-headers, long-lines, empty. NAME=ask leaves them until you say so; NAME=off is the default
    #[arg(long, value_name = "NAME[=ask|off],...", value_delimiter = ',', value_parser = repair)]
    pub repair: Vec<(Repair, Wish)>,
    /// Name folders by the rules in FILE (README, "Folder mapping")
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// Where internal dates come from: as the store has it, or the topmost Received header, or the Date header; where a
    /// message has none there, as the store has it
    #[arg(long, value_name = "RULE", default_value = "auto")]
    pub date_from: DateOption,
    /// Save messages that are not carried in DIR, as .eml files
    #[arg(long, value_name = "DIR")]
    pub failed_dir: Option<PathBuf>,
    /// When the terminal goes away (SIGHUP), go on without it; `mailferry attach` shows the job again
    #[arg(long)]
    pub leave_running: bool,
    /// Send at most so many bytes a second (500K, 2M)
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub max_rate: Option<u64>,
    /// Send at most so many bytes in 24 hours to the mailbox, then stop with exit code 75 (500M, 2G)
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub max_bytes_per_day: Option<u64>,
}

impl CarryOptions {
    /// The repairs with this wish.
    pub fn repairs(&self, wish: Wish) -> Vec<Repair> {
        wished(&self.repair, wish)
    }

    /// The rules for folders and dates.
    pub fn mapping(&self) -> Result<Mapping, Failure> {
        mapping(self.map.as_deref(), self.date_from)
    }

    /// How much may go in a while.
    pub fn limits(&self) -> Limits {
        Limits { rate: self.max_rate, bytes_per_day: self.max_bytes_per_day }
    }
}

/// The letters after a number of bytes: powers of 1000.
const UNITS: [(char, u64); 3] = [('K', 1_000), ('M', 1_000_000), ('G', 1_000_000_000)];

/// Reads `2M` and its like.
fn bytes(text: &str) -> Result<u64, String> {
    let upper = text.to_ascii_uppercase();
    let unit = UNITS.iter().find(|(letter, _)| upper.ends_with(*letter));
    let (number, factor) =
        unit.map_or((upper.as_str(), 1), |(letter, factor)| (upper.trim_end_matches(*letter), *factor));
    let bytes = number.parse().ok().and_then(|number: u64| number.checked_mul(factor));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "write a number of bytes, such as 500K, 20M or 2G".into())
}

/// Where jobs are remembered.
#[derive(Args, Debug)]
pub struct StateOptions {
    /// Keep the journal of jobs in DIR, and not in the user's state directory
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

impl StateOptions {
    /// The directory of the journal.
    pub fn directory(&self) -> Result<PathBuf, Failure> {
        let chosen = self.state_dir.clone().or_else(|| user_directory("XDG_STATE_HOME", ".local/state"));
        chosen.ok_or_else(|| Failure::usage("there is no home directory for the journal; choose one with --state-dir"))
    }
}

/// What is done about a repair that a message needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: the message goes as it is, or is refused.
    Off,
    /// The message waits until a person has said so.
    Ask,
    /// It is made.
    On,
}

/// Reads `NAME`, `NAME=on`, `NAME=ask` or `NAME=off`.
pub fn repair(text: &str) -> Result<(Repair, Wish), String> {
    let (name, wish) = text.split_once('=').unwrap_or((text, "on"));
    let names = || Repair::ALL.map(Repair::label).join(", ");
    let repair = Repair::ALL.into_iter().find(|repair| repair.label() == name);
    let repair = repair.ok_or_else(|| format!("no repair is called \"{name}\"; there are {}", names()))?;
    let wish = match wish {
        "on" => Wish::On,
        "ask" => Wish::Ask,
        "off" => Wish::Off,
        other => return Err(format!("a repair is on, ask or off, not \"{other}\"")),
    };
    Ok((repair, wish))
}

/// The repairs with this wish; what was said last of each holds.
pub fn wished(said: &[(Repair, Wish)], wish: Wish) -> Vec<Repair> {
    let last = |repair: &Repair| said.iter().rev().find(|(said, _)| said == repair).map(|(_, wish)| *wish);
    Repair::ALL.into_iter().filter(|repair| last(repair) == Some(wish)).collect()
}

/// `--date-from`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DateOption {
    /// As the store has it: its own received time, From_ line, headers, the file's time
    #[value(alias = "store", alias = "from")]
    Auto,
    /// The topmost Received header
    Received,
    /// The Date header
    Date,
}

/// The rules of a file, and where dates come from in all folders that no rule of it is about.
pub fn mapping(file: Option<&Path>, dates: DateOption) -> Result<Mapping, Failure> {
    let mut mapping = match file {
        Some(file) => Mapping::load(file).map_err(|error| Failure::usage(error.to_string()))?,
        None => Mapping::default(),
    };
    let rule = match dates {
        DateOption::Auto => return Ok(mapping),
        DateOption::Received => DateRule::Received,
        DateOption::Date => DateRule::Date,
    };
    mapping.rules.insert(0, Rule { dates: Some(rule), ..Rule::about(&FolderPath::root(), None) });
    Ok(mapping)
}

/// `--verify`
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum VerifyOption {
    /// Size, internal date and flags are read back
    Size,
    /// The whole content too
    Full,
}

impl From<VerifyOption> for Verify {
    fn from(option: VerifyOption) -> Self {
        match option {
            VerifyOption::Size => Self::Size,
            VerifyOption::Full => Self::Full,
        }
    }
}

/// Our directory below one that the environment names, or below `usual` in the user's home (XDG Base Directory
/// Specification). Relative paths do not count there.
fn user_directory(variable: &str, usual: &str) -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set(variable).or_else(|| Some(set("HOME")?.join(usual)))?;
    Some(base.join("mailferry"))
}

/// Reads `sha256:HEX` (colons between bytes are fine) as lower-case hex.
pub fn pin(text: &str) -> Result<String, String> {
    let hex = text.strip_prefix("sha256:").ok_or("write sha256: and the certificate's digest in hex")?;
    let hex: String = hex.chars().filter(|ch| *ch != ':').collect::<String>().to_ascii_lowercase();
    let is_digest = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { Ok(hex) } else { Err("a SHA-256 has 64 hexadecimal digits".into()) }
}

impl Options {
    /// The account that a TARGET and these options mean; asks for the password if need be.
    pub fn account(&self, target: &Target) -> Result<Account, Failure> {
        let user = target.user.clone().ok_or_else(|| {
            Failure::usage(format!(
                "the TARGET names no user; write {}://USER@{}",
                target.security.scheme(),
                target.host
            ))
        })?;
        let label = format!("{user}@{}", target.host);
        let own = accounts::settings(target)?;
        let options = accounts::connection(&own, self.connect_options()?);
        let password = match accounts::password(&own).filter(|_| !self.password.is_given()) {
            Some(password) => password?,
            None => self.password.get(&label)?,
        };
        Ok(Account { host: target.host.clone(), port: target.port, security: target.security, user, password, options })
    }

    /// The account that a SOURCE on a server is in.
    pub fn source_account(
        &self,
        target: &Target,
        source: &SourceOptions,
        is_target_local: bool,
    ) -> Result<Account, Failure> {
        let user = target.user.clone().ok_or_else(|| {
            Failure::usage(format!(
                "the SOURCE names no user; write {}://USER@{}",
                target.security.scheme(),
                target.host
            ))
        })?;
        let settings = accounts::settings(target)?;
        let own = |own: &Option<String>, targets: &Option<String>| {
            own.clone().or_else(|| targets.clone().filter(|_| is_target_local))
        };
        let options = ConnectOptions {
            pin: own(&source.pin, &self.pin),
            tls_name: own(&source.tls_name, &self.tls_name),
            authorization: own(&source.authorization, &self.authorization),
            ..self.connect_options()?
        };
        let password = match accounts::password(&settings).filter(|_| !source.is_given()) {
            Some(password) => password?,
            None => source.get(&format!("{user}@{}", target.host), &self.password, is_target_local)?,
        };
        Ok(Account {
            host: target.host.clone(),
            port: target.port,
            security: target.security,
            user,
            password,
            options: accounts::connection(&settings, options),
        })
    }

    /// What a connection takes beside server and login.
    pub fn connect_options(&self) -> Result<ConnectOptions, Failure> {
        Ok(ConnectOptions {
            ca_file: self.ca_file.clone(),
            pin: self.pin.clone(),
            tls_name: self.tls_name.clone(),
            authorization: self.authorization.clone(),
            timeout: Duration::from_secs(self.timeout),
            trace: self.trace.open()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_a_unit_or_none() {
        assert_eq!((bytes("500K"), bytes("2g"), bytes("7")), (Ok(500_000), Ok(2_000_000_000), Ok(7)));
        assert!(bytes("0").is_err() && bytes("fast").is_err() && bytes("99999999999G").is_err());
    }

    #[test]
    fn a_pin_is_a_whole_digest() {
        let digest = "AB:".repeat(31) + "AB";
        assert_eq!(pin(&format!("sha256:{digest}")), Ok("ab".repeat(32)));
        assert!(pin("sha256:abcd").is_err());
        assert!(pin(&"ab".repeat(32)).is_err());
    }

    #[test]
    fn a_repair_is_on_off_or_to_be_asked_for() {
        let said: Vec<_> = ["nul", "long-lines=ask", "empty=on", "empty=off"].map(|text| repair(text).unwrap()).into();
        assert_eq!(wished(&said, Wish::On), [Repair::Nul]);
        assert_eq!(wished(&said, Wish::Ask), [Repair::LongLines]);
        assert!(repair("nothing").unwrap_err().contains("from-line, nul"));
        assert!(repair("nul=perhaps").unwrap_err().contains("on, ask or off"));
    }
}
