//! The real program without a screen: runs a command, gives its exit code and what it printed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run printed, and how it ended.
pub struct Run {
    /// The exit code, or 128 plus the signal.
    pub code: i32,
    /// stdout.
    pub out: String,
    /// stderr.
    pub err: String,
}

impl Run {
    /// The events of a `--json` run.
    pub fn events(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    /// The events of one kind.
    pub fn events_of(&self, kind: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == kind).collect()
    }

    /// Fails, showing what was printed, unless the exit code is this one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// The numbers of the last `job.end`: done, already, failed.
    pub fn totals(&self) -> (u64, u64, u64) {
        let end = self.events_of("job.end").pop().expect("a job.end");
        let number = |name: &str| end[name].as_u64().unwrap();
        (number("done"), number("already"), number("failed"))
    }
}

/// The program's command, its password in a file in `home`.
pub fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailferry"));
    command
        .args(arguments)
        .env_remove("MAILFERRY_PASSWORD")
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XDG_STATE_HOME")
        .env_remove("XDG_RUNTIME_DIR")
        .env("HOME", home)
        .env("TZ", "UTC")
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(home: &Path, arguments: &[&str]) -> Run {
    let output = command(home, arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status).map(|signal| 128 + signal);
    Run { code: output.status.code().or(signal).unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A file with the password of all test servers, readable by nobody else.
pub fn password_file(home: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = home.join("password");
    std::fs::write(&path, "testpass\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}
