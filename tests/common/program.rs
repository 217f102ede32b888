//! The real program without a screen: runs a command, gives its exit code and what it printed.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::measure::high_water;

/// The longest that any run here may take; one that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(110);

/// What a run printed, how it ended, and what it took.
pub struct Run {
    /// The exit code, or 128 plus the signal.
    pub code: i32,
    /// stdout.
    pub out: String,
    /// stderr.
    pub err: String,
    /// The most memory it had at a time, in KiB, as far as that was seen.
    pub peak: u32,
    /// Its arguments and its environment, as every user of the machine, or its own user, can see them.
    pub seen: Vec<u8>,
}

impl Run {
    /// The events of a `--json` run. A line that a kill cut short is none.
    pub fn events(&self) -> Vec<Value> {
        let whole = self.out.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
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

    /// Whether a job began and told its end.
    pub fn is_whole(&self) -> bool {
        self.out.lines().next_back().is_some_and(|line| line.contains("\"job.end\""))
    }

    /// The numbers of the last `job.end`: done, already, failed.
    pub fn totals(&self) -> (u64, u64, u64) {
        let end = self.events_of("job.end").pop().expect("a job.end");
        let number = |name: &str| end[name].as_u64().unwrap();
        (number("done"), number("already"), number("failed"))
    }
}

/// The program's command, with `home` as its home and for all its files.
pub fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailferry"));
    command.args(arguments);
    at_home(&mut command, home);
    command
}

/// Gives a command `home` as its home, and nothing of the user's own settings.
pub fn at_home(command: &mut Command, home: &Path) {
    for variable in ["MAILFERRY_PASSWORD", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"] {
        command.env_remove(variable);
    }
    command.env("HOME", home).env("TZ", "UTC").stdin(Stdio::null());
}

/// Runs the program to its end.
pub fn run(home: &Path, arguments: &[&str]) -> Run {
    Running::start(command(home, arguments)).wait()
}

/// A program that runs, its output taken as it comes. Killed when dropped.
pub struct Running {
    child: Child,
    out: Output,
    err: Output,
    seen: Vec<u8>,
    peak: u32,
    /// The longest that it may take.
    pub patience: Duration,
}

impl Running {
    /// Starts a command.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = Output::of(child.stdout.take().unwrap());
        let err = Output::of(child.stderr.take().unwrap());
        Self { child, out, err, seen: Vec::new(), peak: 0, patience: LONGEST }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal; it may have ended.
    pub fn signal(&self, signal: rustix::process::Signal) {
        _ = rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal);
    }

    /// Whether it has printed this so far.
    pub fn has_told(&self, words: &str) -> bool {
        String::from_utf8_lossy(&self.out.bytes.lock().unwrap()).contains(words)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let of = |name: &str| fs::read(format!("/proc/{}/{name}", self.child.id())).unwrap_or_default();
        self.peak = self.peak.max(high_water(&String::from_utf8_lossy(&of("status"))));
        let seen = [of("cmdline"), of("environ")].concat();
        if !seen.is_empty() {
            self.seen = seen;
        }
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Run {
        let end = Instant::now() + self.patience;
        let status = loop {
            if let Some(status) = self.ended() {
                break status;
            }
            assert!(Instant::now() < end, "the program hangs");
            thread::sleep(Duration::from_millis(5));
        };
        let signal = std::os::unix::process::ExitStatusExt::signal(&status).map(|signal| 128 + signal);
        Run {
            code: status.code().or(signal).unwrap(),
            out: self.out.whole(),
            err: self.err.whole(),
            peak: self.peak,
            seen: std::mem::take(&mut self.seen),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.child.kill(); // it may have ended
        _ = self.child.wait();
    }
}

/// A program's output, taken as it comes.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn of(mut from: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 16 * 1024];
            loop {
                match from.read(&mut chunk) {
                    Ok(0) => break,
                    Ok(length) => into.lock().unwrap().extend_from_slice(&chunk[..length]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    /// All of it, once the program has closed it.
    fn whole(&mut self) -> String {
        self.reader.take().unwrap().join().unwrap();
        String::from_utf8(std::mem::take(&mut self.bytes.lock().unwrap())).unwrap()
    }
}

/// A file with the password of all test servers, readable by nobody else.
pub fn password_file(home: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = home.join("password");
    fs::write(&path, "testpass\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}
