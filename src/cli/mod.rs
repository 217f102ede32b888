//! The command line (design.md section 5): one command, one file. Maps every end to an exit code.

mod accounts;
mod attach;
mod check;
mod config;
mod copy;
mod exit;
mod jobs;
mod leave;
mod ls;
mod options;
mod output;
mod panes;
mod password;
mod patience;
mod report;
mod resume;
mod screen;
mod signals;
mod sources;
mod target;
mod trace;
mod undo;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Failure;

/// Carries local mail into an IMAP mailbox, whole and provably.
///
/// Without a command, opens two panes: local mail on the left, the mailbox on the right.
///
/// SOURCE is a path, or `PATH#Folder/Sub`; its format is detected. TARGET is `imaps://user@host[:port]/Folder/Sub` (TLS),
/// `imap://…` (STARTTLS, required) or `imap+plaintext://…` (no encryption). It works the other way too: SOURCE may be such
/// a URL, and TARGET `maildir:PATH` (a new or existing Maildir), `mbox:PATH` (one file; `mbox:PATH/` for a directory with
/// an mbox for each folder), or the path of a Maildir or mbox that is there. `NAME:/Folder/Sub` is a mailbox of an account
/// in config.toml.
///
/// Passwords are asked for, or come by --password-file, --password-command, --password-fd or the environment variable
/// `MAILFERRY_PASSWORD`; for a SOURCE on a server by --source-password-file and so on. In a folder's name, %2F stands for
/// a slash, as `ls` prints it.
///
/// Exit codes: 0 all carried, or already there; 1 some messages not carried, each listed; 2 wrong usage; 66 source
/// unreadable; 69 server unreachable, or it did not keep a message that it said it took; 74 local read or write failed;
/// 75 try again later; 76 TLS refused; 77 login refused; 128+n ended by signal n.
#[derive(Parser)]
#[command(name = "mailferry", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    panes: panes::Arguments,
}

#[derive(Subcommand)]
enum Command {
    /// Copy messages into a mailbox; what is there already is not sent again
    Copy(copy::Arguments),
    /// Move messages: copy, read back in full, and only then remove the local ones
    Move(copy::Arguments),
    /// Show what copy would do; nothing is written
    Plan(copy::Arguments),
    /// Compare SOURCEs with a TARGET, message by message; nothing is changed
    Verify(verify::Arguments),
    /// List the folders, or messages, of a SOURCE or TARGET
    Ls(ls::Arguments),
    /// Connect, log in, and show what the server can do
    Check(check::Arguments),
    /// List the jobs in the journal
    Jobs(jobs::Arguments),
    /// Go on with a job that broke off or left something out
    Resume(resume::Arguments),
    /// Show the jobs that go on without a terminal, on the screen that they were left on
    Attach(attach::Arguments),
    /// Show what a job did, and every message that it did not carry
    Report(report::Arguments),
    /// Remove from the server exactly what a job appended, if unchanged since
    Undo(undo::Arguments),
    /// List the accounts of config.toml
    Accounts(accounts::Arguments),
    /// Go on with jobs without a terminal; started by mailferry itself
    #[command(hide = true)]
    CarryOn,
    /// The settings of the panes: looks and keys
    #[command(subcommand)]
    Config(config::Command),
}

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    // A core file would hold the password. That the system refuses is no reason to stop.
    let limit = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, limit);
    let result = match CommandLine::try_parse_from(std::env::args_os()) {
        Ok(arguments) => run(arguments),
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print(); // a closed output can't be told of
            return ExitCode::from(code);
        }
    };
    match result {
        Ok(code) => code,
        Err(failure) => failure.tell(),
    }
}

fn run(arguments: CommandLine) -> Result<ExitCode, Failure> {
    match arguments.command {
        None => panes::run(&arguments.panes),
        Some(Command::Copy(copy)) => copy::run(&copy, copy::Kind::Copy),
        Some(Command::Move(copy)) => copy::run(&copy, copy::Kind::Move),
        Some(Command::Plan(copy)) => copy::run(&copy, copy::Kind::Plan),
        Some(Command::Verify(verify)) => verify::run(&verify),
        Some(Command::Ls(ls)) => ls::run(&ls),
        Some(Command::Check(check)) => check::run(&check),
        Some(Command::Jobs(jobs)) => jobs::run(&jobs),
        Some(Command::Resume(resume)) => resume::run(&resume),
        Some(Command::Attach(attach)) => attach::run(&attach),
        Some(Command::Accounts(accounts)) => accounts::run(&accounts),
        Some(Command::CarryOn) => leave::carry_on(),
        Some(Command::Report(report)) => report::run(&report),
        Some(Command::Undo(undo)) => undo::run(&undo),
        Some(Command::Config(command)) => config::run(&command),
    }
}

/// A path or TARGET as given; both must be text, since folder names are.
fn text(argument: &OsString) -> Result<&str, Failure> {
    argument.to_str().ok_or_else(|| Failure::usage(format!("{} is not UTF-8", argument.display())))
}
