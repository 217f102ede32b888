//! What the line to a terminal costs while a job runs, and the odd ways of terminals: multiplexers, the Linux console, the
//! mouse, pasted text, a closed standard input, suspending, storms of sizes. In real pseudo-terminals.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::mail::{Maker, write_maildir_tree};
use common::program::password_file;
use common::proxy::Proxy;
use common::pty::{Pty, key};
use common::servers::{Dovecot, Server};
use portable_pty::CommandBuilder;
use tempfile::TempDir;

/// How long bytes are counted.
const WHILE: Duration = Duration::from_secs(8);

/// A home with a store: 12 messages at its top, 40 below.
struct Home {
    directory: TempDir,
    store: String,
}

impl Home {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("Maildir");
        let folders = [("", Maker::new(61).folder(12, 2004, 60)), ("Bridge", Maker::new(62).folder(40, 2005, 60))];
        write_maildir_tree(&path, &folders).unwrap();
        let store = path.to_str().unwrap().to_owned();
        Self { directory, store }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn settings(&self, text: &str) {
        let directory = self.path().join(".config/mailferry");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("config.toml"), text).unwrap();
    }

    /// mailferry on the store, started by `sh` so that the shell can do something to it; `$0` is the program.
    fn by_shell(&self, script: &str) -> CommandBuilder {
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_mailferry"), &self.store]);
        self.at_home(command)
    }

    fn at_home(&self, mut command: CommandBuilder) -> CommandBuilder {
        command.env("HOME", self.path());
        command.cwd(self.path());
        for variable in
            ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "NO_COLOR", "TMUX", "STY"]
        {
            command.env_remove(variable);
        }
        command
    }

    /// The panes on the store, no mailbox connected.
    fn open(&self) -> Pty {
        let pty = Pty::mailferry(self.path(), &[&self.store]);
        without_a_mailbox(&pty);
        pty
    }
}

/// Puts away the question for a mailbox.
#[track_caller]
fn without_a_mailbox(pty: &Pty) {
    pty.wait_for("Password");
    pty.type_keys(key::ESC);
    pty.wait_gone("Password");
    pty.wait_for("10Quit");
    pty.wait_for("Bridge");
}

/// Leaves by key and checks the terminal.
#[track_caller]
fn quit(mut pty: Pty) {
    pty.type_keys("q");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
}

/// Many messages, and a Dovecot that takes minutes for them.
struct Job {
    _server: Server,
    home: TempDir,
    password: PathBuf,
    port: u16,
    _proxy: common::proxy::RunningProxy,
}

impl Job {
    fn new() -> Option<Self> {
        let server = Dovecot::new().start()?;
        let home = TempDir::new().unwrap();
        let password = password_file(home.path());
        let folders: Vec<(String, _)> =
            (0..4).map(|at| (format!("Projects.{at}"), Maker::new(70 + at).folder(400, 2003, 300))).collect();
        let folders: Vec<_> = folders.into_iter().map(|(name, mails)| (name.leak() as &str, mails)).collect();
        write_maildir_tree(&home.path().join("Many"), &folders).unwrap();
        let proxy = Proxy::new(server.imap_port).round_trip(Duration::from_millis(40)).upload_rate(150_000).start();
        Some(Self { home, password, port: proxy.port, _proxy: proxy, _server: server })
    }

    /// The panes with the job running.
    fn run(&self, user: &str, options: &[&str]) -> Pty {
        let store = self.home.path().join("Many").to_str().unwrap().to_owned();
        let target = Server::plaintext_url(user, self.port);
        let mut arguments = vec![&*store, &*target, "--password-file", self.password.to_str().unwrap()];
        arguments.extend(options);
        let pty = Pty::mailferry(self.home.path(), &arguments);
        pty.wait_for("Trash");
        pty.wait_for("1,600");
        pty.type_keys(key::F[4]); // F5
        pty.wait_for("what goes where");
        pty.type_keys("\r");
        pty.wait_gone("what goes where");
        pty.wait_for("left");
        // By now every connection has its line, and the panes have moved up for them.
        pty.wait_until(|screen| {
            let screen = screen.contents();
            screen.contains("/1,600") && !screen.contains(" 0/1,600")
        });
        pty
    }
}

/// Bytes a second that programs send while nobody presses a key, all at a time; each must send something.
fn rates<const N: usize>(all: [&Pty; N]) -> [usize; N] {
    let (begun, before) = (Instant::now(), all.map(|pty| pty.raw_output().len()));
    std::thread::sleep(WHILE); // the measure, not a wait for something
    let bytes: [usize; N] = std::array::from_fn(|at| all[at].raw_output().len() - before[at]);
    let milliseconds = usize::try_from(begun.elapsed().as_millis()).unwrap();
    for (pty, bytes) in all.iter().zip(bytes) {
        assert!(bytes > 0, "nothing is told of the job:\n{}", pty.screen_text());
        assert!(pty.screen_text().contains("left"), "the job ended too early:\n{}", pty.screen_text());
    }
    bytes.map(|bytes| bytes * 1000 / milliseconds)
}

#[test]
fn a_running_job_costs_little_of_the_line_and_less_when_it_is_slow() {
    let Some(job) = Job::new() else { return };
    let (brisk, slow) = (job.run("anna", &[]), job.run("bert", &["--slow"]));
    let at_work = rates([&brisk, &slow]);
    // The dialog of the transfers shows more of it.
    brisk.type_keys("w");
    brisk.wait_for("Transfers");
    slow.type_keys("w");
    slow.wait_for("Transfers");
    let in_full = rates([&brisk, &slow]);
    println!("bytes a second: {at_work:?}, in full {in_full:?}");
    assert!(at_work[0] < 2000 && in_full[0] < 2000, "{at_work:?} {in_full:?}");
    assert!(at_work[1] < 300 && in_full[1] < 300, "{at_work:?} {in_full:?}");
}

#[test]
fn a_slow_line_can_be_told_in_the_settings_too_and_keys_are_answered_at_once() {
    let Some(job) = Job::new() else { return };
    fs::create_dir_all(job.home.path().join(".config/mailferry")).unwrap();
    fs::write(job.home.path().join(".config/mailferry/config.toml"), "[screen]\nslow = true\n").unwrap();
    let pty = job.run("anna", &[]);
    let [rate] = rates([&pty]);
    assert!(rate < 300, "{rate} bytes a second");
    let begun = Instant::now();
    for _ in 0..5 {
        pty.type_keys("?");
        pty.wait_for("Carry mail");
        pty.type_keys(key::ESC);
        pty.wait_gone("Carry mail");
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn an_idle_screen_sends_nothing() {
    let home = Home::new();
    let pty = home.open();
    pty.type_keys("\x0c"); // Ctrl-L; what comes after its frame is idle
    pty.wait_until(|screen| screen.contents().contains("10Quit"));
    common::wait_until(|| {
        let before = pty.raw_output().len();
        std::thread::sleep(Duration::from_secs(1));
        pty.raw_output().len() == before
    });
    let before = pty.raw_output().len();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(pty.raw_output().len(), before);
    quit(pty);
}

/// Column and row, from 1, where a text is on the screen.
fn place_of(pty: &Pty, text: &str) -> (usize, usize) {
    let screen = pty.screen_text();
    let row = screen.lines().position(|line| line.contains(text)).unwrap();
    let line = screen.lines().nth(row).unwrap();
    (line[..line.find(text).unwrap()].chars().count() + 1, row + 1)
}

#[test]
fn the_mouse_is_left_to_the_terminal_unless_it_is_asked_for() {
    let home = Home::new();
    let pty = home.open();
    assert!(!String::from_utf8_lossy(&pty.raw_output()).contains("\x1b[?1000h"));
    quit(pty);
    home.settings("[screen]\nmouse = true\n");
    let pty = home.open();
    assert_eq!(pty.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::PressRelease);
    let (x, y) = place_of(&pty, "Bridge");
    let click = format!("\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m");
    pty.type_keys(&click);
    pty.wait_for("40 messages");
    // The wheel over the list, then Space: the fourth message is marked, the keys having gone there by a click.
    let row = y + 10;
    pty.type_keys(&format!("\x1b[<0;{x};{row}M\x1b[<65;{x};{row}M "));
    pty.wait_for("1 message, ");
    pty.type_keys(&format!("{click}{click}"));
    pty.type_keys("a");
    pty.wait_for("40 messages, ");
    // Given back while it is suspended, taken again afterwards.
    pty.signal("TSTP");
    pty.wait_until(|screen| screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None);
    pty.signal("CONT");
    pty.wait_until(|screen| screen.mouse_protocol_mode() == vt100::MouseProtocolMode::PressRelease);
    quit(pty);
}

/// Whether the program is stopped by a signal.
fn is_stopped(pty: &Pty) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pty.id())).unwrap();
    stat.rsplit(')').next().unwrap().trim_start().starts_with('T')
}

#[test]
fn the_terminal_is_given_back_while_the_program_is_suspended_and_taken_again() {
    let home = Home::new();
    let pty = home.open();
    for by_key in [false, true, false] {
        if by_key {
            pty.type_keys(key::CTRL_Z);
        } else {
            pty.signal("TSTP");
        }
        pty.wait_until(|screen| !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        common::wait_until(|| is_stopped(&pty));
        // The terminal may have become another one meanwhile.
        pty.resize(100, 30);
        pty.signal("CONT");
        pty.wait_until(|screen| screen.alternate_screen() && screen.contents().contains("10Quit"));
        pty.wait_until(|screen| screen.contents().lines().last().is_some_and(|line| line.contains("10Quit")));
        pty.resize(80, 24);
        pty.wait_until(|screen| screen.contents().lines().nth(23).is_some_and(|line| line.contains("10Quit")));
    }
    pty.type_keys("?");
    pty.wait_for("Carry mail");
    pty.type_keys(key::ESC);
    pty.wait_for("10Quit");
    quit(pty);
}

#[test]
fn a_closed_standard_input_is_no_loss_where_there_is_a_terminal() {
    let home = Home::new();
    for how in ["exec \"$0\" \"$1\" <&-", "exec \"$0\" \"$1\" </dev/null"] {
        let pty = Pty::spawn(home.by_shell(how), 80, 24);
        without_a_mailbox(&pty);
        pty.type_keys("?");
        pty.wait_for("Carry mail");
        pty.type_keys(key::ESC);
        pty.wait_gone("Carry mail");
        quit(pty);
    }
    // Without any terminal it says what there is instead.
    let output = Command::new("setsid")
        .args(["sh", "-c", "exec \"$0\" \"$1\" <&-", env!("CARGO_BIN_EXE_mailferry"), &home.store])
        .env("HOME", home.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains("need a terminal"), "{told}");
}

#[test]
fn pasted_text_is_text_and_never_keys() {
    let home = Home::new();
    let pty = home.open();
    let paste = |text: &str| pty.type_keys(&format!("\x1b[200~{text}\x1b[201~"));
    paste("q\rd\x1b[21~?");
    pty.type_keys("+");
    pty.wait_for("Mark folders");
    paste("Bridge\r\n");
    pty.wait_for("1 fit");
    assert!(pty.screen_text().contains("Mark folders"), "the line end in it was no Enter");
    pty.type_keys("\r");
    pty.wait_for("1 folder, 40 messages");
    // A megabyte of it is cut, and does not hang.
    pty.type_keys("/");
    pty.wait_for("Find folders");
    paste(&"x".repeat(1 << 20));
    pty.type_keys(key::ESC);
    pty.wait_gone("Find folders");
    quit(pty);
}

#[test]
fn function_keys_come_in_every_dialect() {
    let home = Home::new();
    for (name, sequence) in [
        ("xterm", "\x1bOP"),
        ("the Linux console", "\x1b[[A"),
        ("rxvt and old PuTTY", "\x1b[11~"),
        ("Esc and a digit at once", "\x1b1"),
    ] {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_mailferry"));
        command.arg(&home.store);
        if name == "the Linux console" {
            command.env("TERM", "linux");
        }
        let pty = Pty::spawn(home.at_home(command), 80, 24);
        without_a_mailbox(&pty);
        pty.type_keys(sequence);
        pty.wait_for("Carry mail");
        assert!(name != "the Linux console" || pty.screen_text().is_ascii(), "{}", pty.screen_text());
        pty.type_keys("q");
        pty.wait_gone("Carry mail");
        quit(pty);
    }
    let pty = home.open();
    // F4 of the Linux console, and Esc that waits for its digit.
    pty.type_keys("\x1b[[D");
    pty.wait_for("messages read");
    // Esc and F9 in one packet, as a slow line may bring them.
    pty.type_keys("\x1b\x1b[20~");
    pty.wait_for("Commands");
    assert!(!pty.screen_text().contains("messages read"), "{}", pty.screen_text());
    pty.type_keys(key::ESC);
    pty.wait_gone("Commands");
    pty.type_keys(key::ESC);
    std::thread::sleep(Duration::from_millis(100)); // so that it is a key of its own
    pty.type_keys("9");
    pty.wait_for("Commands");
    pty.type_keys(key::ESC);
    pty.wait_for("10Quit");
    quit(pty);
}

#[test]
fn a_storm_of_sizes_leaves_the_screen_as_one_that_was_drawn_afresh() {
    let home = Home::new();
    let pty = home.open();
    let mut seed = 1_u32;
    let mut dice = |sides: u32| {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12345);
        u16::try_from((seed >> 16) % sides).unwrap() + 1
    };
    for step in 0..400 {
        let (columns, rows) = if step % 40 == 0 { (500, 200) } else { (dice(200), dice(60)) };
        pty.resize(columns, rows);
        if step % 3 == 0 {
            pty.type_keys(["?", "\x1b[B", ":", "\x1b", "f", "\r", "b", "\t"][usize::from(dice(8) - 1)]);
        }
    }
    pty.resize(1, 1);
    pty.resize(80, 24);
    // Whatever was opened is closed again; `q` would be text in a prompt.
    for _ in 0..20 {
        pty.type_keys(key::ESC);
        std::thread::sleep(Duration::from_millis(60)); // two at once would be one
    }
    pty.wait_until(|screen| screen.contents().lines().nth(23).is_some_and(|line| line.contains("10Quit")));
    let mut before = String::new();
    common::wait_until(|| {
        let now = pty.screen_text();
        std::mem::replace(&mut before, now.clone()) == now
    });
    let drawn = pty.raw_output().len();
    pty.type_keys("\x0c");
    common::wait_until(|| pty.raw_output().len() > drawn + 1000);
    pty.wait_for("10Quit");
    common::wait_until(|| pty.raw_output().ends_with(b"\x1b[?2026l"));
    assert_eq!(pty.screen_text(), before);
    quit(pty);
}

/// Whether a program is installed; in CI it has to be.
fn is_there(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().status.success();
    assert!(found || std::env::var_os("CI").is_none(), "{program} is missing: scripts/test installs it");
    found
}

/// What a person does in a multiplexer: look about, use function keys, cursor keys and a prompt, leave.
#[track_caller]
fn works_inside(mut pty: Pty) {
    without_a_mailbox(&pty);
    for (keys, text) in
        [("\x1bOP", "Carry mail"), ("\x1b[15~", "Password"), ("\x1b[20~", "Commands"), ("/", "Find folders")]
    {
        pty.type_keys(keys);
        pty.wait_for(text);
        pty.type_keys(key::ESC);
        pty.wait_gone(text);
    }
    pty.type_keys(key::END);
    pty.type_keys("\r");
    pty.wait_for("40 messages");
    pty.type_keys(" ");
    pty.wait_for("1 message, ");
    pty.resize(100, 30);
    pty.wait_until(|screen| screen.contents().lines().any(|line| line.contains("10Quit") && line.contains("filter")));
    pty.type_keys("q");
    pty.wait_exit();
}

/// Ends a multiplexer's own process, whatever becomes of the test.
struct Ends(Command);

impl Drop for Ends {
    fn drop(&mut self) {
        _ = self.0.output();
    }
}

#[test]
fn it_works_inside_tmux() {
    if !is_there("tmux") {
        return;
    }
    let home = Home::new();
    let socket = home.path().join("tmux.socket").to_str().unwrap().to_owned();
    let mut end = Command::new("tmux");
    end.args(["-S", &socket, "kill-server"]);
    let _end = Ends(end);
    let mut command = CommandBuilder::new("tmux");
    let inside = format!("'{}' '{}'", env!("CARGO_BIN_EXE_mailferry"), home.store);
    command.args(["-u", "-S", &socket, "-f", "/dev/null", "new-session", &inside]);
    command.args([";", "set", "-g", "status", "off", ";", "set", "-s", "escape-time", "20"]);
    works_inside(Pty::spawn(home.at_home(command), 80, 24));
}

#[test]
fn it_works_inside_screen() {
    if !is_there("screen") {
        return;
    }
    let home = Home::new();
    let directory = home.path().join("screens");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut end = Command::new("screen");
    end.env("SCREENDIR", &directory).args(["-S", "ferry", "-X", "quit"]);
    let _end = Ends(end);
    let mut command = CommandBuilder::new("screen");
    command.env("SCREENDIR", &directory);
    command.args(["-U", "-c", "/dev/null", "-S", "ferry", env!("CARGO_BIN_EXE_mailferry"), &home.store]);
    works_inside(Pty::spawn(home.at_home(command), 80, 24));
}
