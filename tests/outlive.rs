//! The queue of jobs, and jobs that outlive their terminal, in real terminals against a real Dovecot. Every message is there
//! exactly once after it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::mail::{Maker, write_maildir_tree};
use common::program::{command, password_file, run};
use common::proxy::{Proxy, RunningProxy};
use common::pty::{Pty, key};
use common::servers::{Dovecot, Server};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use tempfile::TempDir;

const LONG: Duration = Duration::from_mins(2);

struct Scene {
    server: Server,
    home: TempDir,
    password: PathBuf,
}

impl Scene {
    fn new() -> Option<Self> {
        let server = Dovecot::new().start()?;
        let home = TempDir::new().unwrap();
        let password = password_file(home.path());
        Some(Self { server, home, password })
    }

    /// A store with folders of so many messages each.
    fn store(&self, folders: &[(&str, usize)]) -> String {
        let path = self.home.path().join("Old");
        let folders: Vec<_> = folders
            .iter()
            .enumerate()
            .map(|(at, (name, messages))| (*name, Maker::new(40 + at as u64).folder(*messages, 2003, 300)))
            .collect();
        write_maildir_tree(&path, &folders).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn arguments(&self, port: u16) -> [String; 3] {
        let password = self.password.to_str().unwrap().to_owned();
        [Server::plaintext_url("anna", port), "--password-file".into(), password]
    }

    fn open(&self, store: &str, port: u16) -> Pty {
        let [target, option, password] = self.arguments(port);
        let pty = Pty::mailferry(self.home.path(), &[store, &target, &option, &password]);
        pty.wait_for("INBOX");
        pty.wait_until(|screen| screen.contents().contains("Trash"));
        pty
    }

    /// Fails unless so many messages are there, each once.
    #[track_caller]
    fn holds(&self, messages: usize) {
        let there = self.server.peek("anna");
        let digests: BTreeSet<&String> = there.iter().map(|message| &message.sha256).collect();
        assert_eq!((there.len(), digests.len()), (messages, messages));
    }

    fn sockets(&self) -> usize {
        let directory = self.home.path().join(".local/state/mailferry/left");
        fs::read_dir(directory).map_or(0, Iterator::count)
    }
}

/// A line on which every message costs a round trip of its own, so that there is time to act.
fn slow(server: &Server) -> RunningProxy {
    Proxy::new(server.imap_port)
        .round_trip(Duration::from_millis(25))
        .replace("MULTIAPPEND", "X-NONE")
        .replace("LITERAL+", "X-NONE")
        .start()
}

/// Opens the plan of what is under the cursor and starts it.
fn carry(pty: &Pty) {
    pty.type_keys(key::F[4]); // F5
    pty.wait_for("what goes where");
    pty.type_keys("\r");
    pty.wait_gone("what goes where");
}

/// Goes down in the left pane, where INBOX comes first.
fn go_down(pty: &Pty, folders: usize) {
    pty.type_keys(&key::DOWN.repeat(folders));
}

#[test]
fn two_jobs_are_queued_paused_swapped_and_carried_one_after_the_other() {
    let Some(scene) = Scene::new() else { return };
    let store = scene.store(&[("Alpha", 60), ("Beta", 20), ("Gamma", 20)]);
    let proxy = slow(&scene.server);
    let pty = scene.open(&store, proxy.port);
    pty.wait_for("Gamma");
    go_down(&pty, 2);
    for _ in 0..3 {
        carry(&pty);
        go_down(&pty, 1);
    }
    pty.wait_for("2 more in the queue");
    pty.wait_until(|_| proxy.messages() > 3);
    pty.type_keys("w");
    pty.wait_for("Transfers");
    pty.type_keys("p");
    pty.wait_for("paused");
    let first = scene.server.peek("anna").len();
    assert!(first > 0 && first < 60, "{first}");
    // The last one is put before all others: it runs although the first is paused.
    pty.type_keys(&format!("{}{}++", key::DOWN, key::DOWN));
    pty.wait_for_text("all carried", LONG);
    assert_eq!(scene.server.peek("anna").len(), first + 20);
    pty.type_keys(&format!("{}p", key::DOWN));
    pty.wait_until(|screen| screen.contents().matches("all carried").count() >= 3);
    scene.holds(100);
    pty.type_keys("\r");
    pty.wait_for("What it did");
    pty.type_keys(key::ESC);
    pty.wait_gone("What it did");
    pty.type_keys(key::ESC);
    pty.wait_for("10Quit");
    let mut pty = pty;
    pty.type_keys("q");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
}

#[test]
fn a_message_that_failed_is_saved_repaired_and_tried_again() {
    let Some(scene) = Scene::new() else { return };
    let store = scene.store(&[("Alpha", 5)]);
    let nul = b"From: a@b.example\nSubject: holds nul\nMessage-ID: <n@x>\n\none\0two\n";
    fs::write(scene.home.path().join("Old/.Alpha/cur/1078000000.M1.x:2,S"), nul).unwrap();
    let mut pty = scene.open(&store, scene.server.imap_port);
    go_down(&pty, 2);
    carry(&pty);
    pty.wait_for("1 failed");
    scene.holds(5);
    pty.type_keys("x");
    pty.wait_for("Not carried");
    pty.type_keys("\r");
    pty.wait_for("holds nul");
    pty.type_keys("s");
    pty.wait_for("Save as .eml");
    pty.type_keys("\r");
    let saved = scene.home.path().join("not-carried-1");
    common::wait_until(|| saved.exists());
    pty.wait_for("R repair");
    pty.type_keys("R");
    pty.wait_for("NUL bytes are left out");
    pty.type_keys("y");
    common::wait_until(|| scene.server.peek("anna").len() == 6);
    scene.holds(6);
    pty.wait_for("Nothing failed");
    pty.type_keys(key::ESC);
    pty.wait_for("10Quit");
    pty.type_keys("q");
    assert_eq!(pty.wait_exit(), 0);
    let file = walk(&saved).into_iter().find(|path| path.extension().is_some_and(|name| name == "eml")).unwrap();
    assert!(String::from_utf8_lossy(&fs::read(file).unwrap()).contains("holds nul"));
}

fn walk(directory: &std::path::Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { all.extend(walk(&path)) } else { all.push(path) }
    }
    all
}

/// What is typed to start a job of the first folder below INBOX and queue one of the second, and after what.
fn two_jobs() -> Vec<(&'static str, String)> {
    let (down, copy) = (key::DOWN, key::F[4]);
    vec![
        ("Beta", format!("{down}{down}")),
        ("Trash", copy.to_owned()),
        ("what goes where", "\r".to_owned()),
        ("Copy  ", format!("{down}{copy}")),
        ("what goes where", "\r".to_owned()),
        ("1 more in the queue", String::new()),
    ]
}

/// Runs mailferry in a terminal, types `keys` when it shows what comes with them, and then lets the line go dead, as a lost
/// SSH connection does: the kernel hangs the terminal up.
fn until_the_line_is_dead(scene: &Scene, arguments: &[&str], steps: &[(&str, String)], is_time: impl Fn() -> bool) {
    let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut program = CommandBuilder::new(env!("CARGO_BIN_EXE_mailferry"));
    program.args(arguments);
    program.cwd(scene.home.path());
    for (name, value) in [("HOME", scene.home.path().to_str().unwrap()), ("TERM", "xterm"), ("LANG", "C.UTF-8")] {
        program.env(name, value);
    }
    for name in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "LC_ALL"] {
        program.env_remove(name);
    }
    let mut child = pair.slave.spawn_command(program).unwrap();
    drop(pair.slave);
    let mut keyboard = pair.master.take_writer().unwrap();
    let mut output = pair.master.try_clone_reader().unwrap();
    let mut screen = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
    let mut piece = [0; 8192];
    let mut read = |screen: &mut vt100::Parser| {
        let count = output.read(&mut piece).unwrap();
        screen.process(&piece[..count]);
    };
    for (shown, keys) in steps {
        while !screen.screen().contents().contains(shown) {
            read(&mut screen);
        }
        keyboard.write_all(keys.as_bytes()).unwrap();
    }
    while !is_time() {
        read(&mut screen);
    }
    drop((keyboard, output, pair.master));
    let end = Instant::now() + LONG;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "it does not end");
        std::thread::yield_now();
    };
    assert_eq!(status.exit_code(), 129);
}

#[test]
fn a_job_outlives_the_terminal_and_attach_shows_it_again() {
    let Some(scene) = Scene::new() else { return };
    let store = scene.store(&[("Alpha", 150), ("Beta", 15)]);
    let proxy = slow(&scene.server);
    let [target, option, password] = scene.arguments(proxy.port);
    assert!(store.ends_with("/Old"));
    let arguments = ["Old", &target, &option, &password, "--leave-running"];
    let steps = two_jobs();
    until_the_line_is_dead(&scene, &arguments, &steps, || proxy.messages() > 5);
    let left = scene.server.peek("anna").len();
    assert!(left < 150, "{left}");
    assert_eq!(scene.sockets(), 1, "a process goes on");

    // No password is asked for: the panes need none until the mailbox is wanted.
    let mut pty = Pty::mailferry(scene.home.path(), &["attach"]);
    pty.wait_for("Transfers, in a process of their own");
    pty.wait_for("job 1: copy to anna@127.0.0.1");
    pty.wait_for("Beta");
    pty.type_keys("p");
    pty.wait_for("paused");
    pty.type_keys("p");
    pty.wait_gone("paused");
    pty.type_keys(key::ESC);
    pty.wait_for("10Quit");
    pty.type_keys("ql"); // leave it running
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();

    // From elsewhere, where a path of the first process leads nowhere.
    let mut pty = Pty::mailferry_in(scene.home.path(), std::path::Path::new("/"), &["attach", "1"]);
    pty.wait_until(|screen| screen.contents().contains("Transfers, in a process"));
    let both = |screen: &vt100::Screen| screen.contents().matches("all carried").count() >= 2;
    common::wait_until(|| scene.server.peek("anna").len() == 165);
    pty.wait_until(both);
    assert!(!pty.screen_text().contains("can be read"), "{}", pty.screen_text());
    pty.type_keys(key::ESC);
    pty.wait_for("10Quit");
    pty.type_keys("q");
    assert_eq!(pty.wait_exit(), 0);
    common::wait_until(|| scene.sockets() == 0);
    scene.holds(165);

    let report = run(scene.home.path(), &["attach", "1"]).expect(0);
    assert!(report.out.contains("nothing goes on") && report.out.contains("all carried"), "{}", report.out);
}

#[test]
fn without_the_option_a_dead_line_ends_the_job_cleanly_and_it_resumes() {
    let Some(scene) = Scene::new() else { return };
    let store = scene.store(&[("Alpha", 150), ("Beta", 15)]);
    let proxy = slow(&scene.server);
    let [target, option, password] = scene.arguments(proxy.port);
    let arguments = [store.as_str(), &target, &option, &password];
    let steps = two_jobs();
    until_the_line_is_dead(&scene, &arguments, &steps, || proxy.messages() > 5);
    assert!(scene.sockets() == 0 && scene.server.peek("anna").len() < 150);
    for job in ["1", "2"] {
        run(scene.home.path(), &["resume", job, &option, &password]).expect(0);
    }
    scene.holds(165);
}

#[test]
fn a_headless_copy_is_left_running_and_followed_as_json() {
    let Some(scene) = Scene::new() else { return };
    let store = scene.store(&[("Alpha", 120)]);
    let proxy = slow(&scene.server);
    let [target, option, password] = scene.arguments(proxy.port);
    let runtime = scene.home.path().join("run");
    fs::create_dir(&runtime).unwrap();
    let arguments = ["copy", &store, &target, &option, &password, "--leave-running", "--trace", "trace"];
    let mut first = command(scene.home.path(), &arguments)
        .env("XDG_RUNTIME_DIR", &runtime)
        .current_dir(scene.home.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    common::wait_until(|| proxy.messages() > 5);
    assert!(std::process::Command::new("kill").args(["-HUP", &first.id().to_string()]).status().unwrap().success());
    assert_eq!(first.wait().unwrap().code(), Some(129));
    let mut said = String::new();
    first.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("job 1 goes on without a terminal"), "{said}");
    let sockets: Vec<_> = fs::read_dir(runtime.join("mailferry")).unwrap().flatten().collect();
    assert_eq!(sockets.len(), 1);

    let follow = command(scene.home.path(), &["attach", "--json"]).env("XDG_RUNTIME_DIR", &runtime).output().unwrap();
    let said = String::from_utf8(follow.stdout).unwrap();
    let last: serde_json::Value = serde_json::from_str(said.lines().last().expect("events")).unwrap();
    assert_eq!((last["event"].as_str(), last["outcome"].as_str()), (Some("job.end"), Some("Complete")), "{said}");
    assert_eq!(last["messages"], 120);
    scene.holds(120);
    let trace = fs::read_to_string(scene.home.path().join("trace")).unwrap();
    let (before, after) = trace.split_at(trace.rfind("0.000 0 * mailferry ").unwrap());
    assert!(before.contains(" APPEND ") && after.contains(" APPEND "), "{trace}");
}

#[test]
fn a_left_job_stops_safely_by_signal_and_resumes() {
    let Some(scene) = Scene::new() else { return };
    let store = scene.store(&[("Alpha", 120)]);
    let proxy = slow(&scene.server);
    let [target, option, password] = scene.arguments(proxy.port);
    let pty = scene.open(&store, proxy.port);
    go_down(&pty, 2);
    carry(&pty);
    pty.wait_until(|_| proxy.messages() > 3);
    pty.type_keys("q");
    pty.wait_for("Leave it running");
    pty.type_keys("l");
    let mut pty = pty;
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
    assert!(pty.screen_text().contains("job 1 goes on without a terminal"), "{}", pty.screen_text());
    // The mailbox is busy as long as it runs.
    let second = run(scene.home.path(), &["copy", &store, &target, &option, &password]);
    assert!(second.code == 75 && second.out.contains("another mailferry"), "{} {}", second.code, second.out);
    let directory = scene.home.path().join(".local/state/mailferry/left");
    let socket = fs::read_dir(directory).unwrap().flatten().next().unwrap().path();
    let process = socket.file_stem().unwrap().to_str().unwrap().to_owned();
    assert!(std::process::Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    common::wait_until(|| scene.sockets() == 0);
    assert!(scene.server.peek("anna").len() < 120);
    run(scene.home.path(), &["resume", "1", &option, &password]).expect(0);
    scene.holds(120);
}
