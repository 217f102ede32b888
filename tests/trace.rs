//! `--trace`: what is said with servers is written to a file, line by line, without passwords and without anything of a message.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::mail::{Mail, Maker, write_maildir_tree};
use common::program::{Run, Running, at_home, password_file, run};
use common::pty::Pty;
use common::scripted::{Conn, Scripted};
use common::servers::{Dovecot, PASSWORD, Server};
use tempfile::TempDir;

/// Stands in subject, address and text of each message, and nowhere else.
const MARKER: &str = "Xanadu42";

struct Scene {
    home: TempDir,
    password: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let password = password_file(home.path());
        let scene = Self { home, password };
        scene.store("Maildir", 0..30);
        scene
    }

    /// A Maildir with these messages.
    fn store(&self, name: &str, numbers: std::ops::Range<usize>) {
        let mails = Maker::new(7).folder(numbers.end, 2004, 60).split_off(numbers.start);
        let marked = |(number, mail): (usize, Mail)| {
            let text = format!(
                "From: \"{MARKER} \\\"x\\\"\" <{MARKER}@example.org>\r\nSubject: {MARKER} {number}\r\nMessage-ID: <{number}@example.org>\r\n\
                 \r\n{MARKER}\r\nM9 OK {MARKER}\r\n* NO {MARKER}\r\n"
            );
            Mail { bytes: text.into_bytes(), ..mail }
        };
        let mails: Vec<Mail> = numbers.zip(mails).map(marked).collect();
        write_maildir_tree(&self.home.path().join(name), &[("", mails)]).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        run(self.home.path(), &[arguments, &["--password-file", self.password.to_str().unwrap()]].concat())
    }

    /// What was said, once it was seen that each line is what it should be and that nothing is there that must not be.
    #[track_caller]
    fn traced(&self, name: &str) -> Vec<String> {
        let path = self.home.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let tokens = ["anna", "bert"].map(|user| STANDARD.encode(format!("\0{user}\0{PASSWORD}")));
        for secret in [MARKER, PASSWORD, &tokens[0], &tokens[1]] {
            assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "{secret} is in {text}");
        }
        assert!(text.ends_with('\n') && !text.contains(|ch: char| ch.is_control() && ch != '\n'), "{text:?}");
        text.lines().map(said).collect()
    }
}

/// The connection, the sign and the text of a line.
#[track_caller]
fn said(line: &str) -> String {
    let (time, rest) = line.split_once(' ').unwrap();
    let (seconds, thousandths) = time.split_once('.').unwrap();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    assert!(is_number(seconds) && is_number(thousandths) && thousandths.len() == 3, "{line}");
    let [connection, sign, _] = rest.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    assert!(is_number(connection) && [">", "<", "*"].contains(&sign), "{line}");
    rest.to_owned()
}

#[track_caller]
fn has(lines: &[String], words: &str) {
    assert!(lines.iter().any(|line| line.contains(words)), "no {words} in {lines:#?}");
}

#[test]
fn each_command_traces_what_it_says_and_nothing_of_the_mail_or_the_password() {
    let Some(server) = Dovecot::new().start() else { return };
    let ca = server.ca_file.to_str().unwrap().to_owned();
    for (user, url) in [("anna", Server::plaintext_url("anna", server.imap_port)), ("bert", server.url("bert"))] {
        let scene = Scene::new();
        let (store, target) = (scene.path("Maildir"), format!("{url}Box"));
        let traced = |name: &str, arguments: &[&str], code: i32| {
            let path = scene.path(name);
            scene.run(&[arguments, &["--trace", &path]].concat()).expect(code);
            let lines = scene.traced(name);
            has(&lines, "0 * mailferry ");
            has(&lines, "1 < * OK [CAPABILITY ");
            has(&lines, "1 > a1 LOGIN …");
            lines
        };
        let lines = traced("plan", &["plan", &store, &target, "--ca-file", &ca], 0);
        has(&lines, "> M");
        let lines = traced("copy", &["copy", &store, &target, "--ca-file", &ca], 0);
        for words in ["APPEND \"Box\" (", " bytes] (", "OK [APPENDUID ", " FETCH (UID 30 FLAGS ("] {
            has(&lines, words);
        }
        let lines = traced("verify", &["verify", &store, &target, "--verify", "full", "--ca-file", &ca], 0);
        has(&lines, " FETCH (UID 1 BODY[…] {");
        let lines = traced("ls", &["ls", &target, "--messages", "--digest", "--ca-file", &ca], 0);
        has(&lines, "BODY.PEEK[HEADER.FIELDS");
        has(&lines, " BODY[…] {");
        traced("resume", &["resume", "1"], 0);
        has(&traced("undo", &["undo", "1", "--yes"], 0), "UID EXPUNGE");
        let lines = traced("move", &["move", &store, &target, "--ca-file", &ca], 0);
        has(&lines, "BODY.PEEK[]");
        has(&traced("check", &["check", &url, "--ca-file", &ca], 0), "> M");
        let changes = format!("imap://{user}@localhost:{}/", server.imap_port);
        has(&traced("changes", &["check", &changes, "--ca-file", &ca], 0), "1 > M1 STARTTLS");
        assert_eq!(server.peek(user).len(), 30);
        traced("again", &["copy", &target, &format!("mbox:{}", scene.path("out")), "--ca-file", &ca], 0);
    }
}

#[test]
fn several_connections_are_told_apart_and_a_file_that_is_there_is_added_to() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let trace = scene.path("trace");
    for (run, name) in ["One", "Two"].into_iter().enumerate() {
        scene.store(name, 10 * run..10 * run + 10);
        let target = format!("{}{name}", Server::plaintext_url("anna", server.imap_port));
        scene.run(&["copy", &scene.path(name), &target, "--trace", &trace]).expect(0);
    }
    let lines = scene.traced("trace");
    assert_eq!(lines.iter().filter(|line| line.starts_with("0 * mailferry ")).count(), 2);
    let (one, two) = (Server::plaintext_url("anna", server.imap_port), Server::plaintext_url("bert", server.imap_port));
    let both = scene.path("both");
    let password = scene.password.to_str().unwrap();
    scene.run(&["copy", &one, &two, "--source-password-file", password, "--trace", &both]).expect(0);
    let lines = scene.traced("both");
    let logins = lines.iter().filter(|line| line.contains("> a1 LOGIN …")).collect::<Vec<_>>();
    assert!(logins.len() > 2 && logins[0].starts_with("1 ") && logins[1].starts_with("2 "), "{logins:?}");
}

#[test]
fn a_login_in_several_steps_is_not_seen_and_not_what_the_server_says_of_it() {
    let scene = Scene::new();
    let server = Scripted::start(|conn| {
        conn.greet("IMAP4rev1 AUTH=PLAIN LOGINDISABLED")?;
        if conn.number == 0 {
            return conn.serve();
        }
        let request = conn.serve_until("AUTHENTICATE")?;
        conn.reply_raw(format!("+ {}\r\n", STANDARD.encode(MARKER)).as_bytes())?;
        let token = conn.read_line()?;
        conn.reply_raw(format!("* NO [ALERT] {token} is \"{PASSWORD}\"\r\n").as_bytes())?;
        conn.reply(&request, &format!("NO [AUTHENTICATIONFAILED] {token} is {PASSWORD}"))
    });
    let (url, taken, refused) = (server.url("anna"), scene.path("taken"), scene.path("refused"));
    scene.run(&["check", &url, "--trace", &taken]).expect(0);
    let lines = scene.traced("taken");
    let at = lines.iter().position(|line| line == "1 > a1 AUTHENTICATE PLAIN").expect("the login");
    assert_eq!(lines[at + 1..at + 4], ["1 < + …", "1 > …", "1 < a1 OK logged in"]);
    scene.run(&["check", &url, "--trace", &refused]).expect(77);
    let lines = scene.traced("refused");
    has(&lines, "< * NO [ALERT] … is \"…\"");
    has(&lines, "< a1 NO [AUTHENTICATIONFAILED] … is …");
    assert!(!lines.iter().any(|line| line.contains(&STANDARD.encode(MARKER))));
}

/// Has one message, of which it says more than it was asked for, in every form.
fn talkative(conn: &mut Conn) -> std::io::Result<()> {
    conn.reply_raw(b"* OK \x1b]0;PWN\x07 ready\xe2\x80\xae\r\n")?;
    let request = conn.serve_until("STATUS")?;
    conn.reply_raw(b"* STATUS INBOX (MESSAGES 1 UNSEEN 0)\r\n")?;
    conn.reply(&request, "OK done")?;
    let request = conn.serve_until("EXAMINE")?;
    conn.reply_raw(b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 2] .\r\n")?;
    conn.reply(&request, "OK done")?;
    let request = conn.serve_until("FETCH")?;
    for line in [
        "* BAD what is \"Subject: MARKER\"?",
        "* 1 FETCH (ENVELOPE (NIL \"MARKER\" ((\"MARKER\" NIL {8}\r\nMARKER \"MARKER\")) NIL) X-GM-LABELS (\"MARKER\" MARKER))",
        "* 1 FETCH (UID 1 FLAGS (\\Seen) RFC822.SIZE 99 BODY[HEADER.FIELDS (FROM SUBJECT)] \"Subject: MARKER\")",
        // A literal that is longer than it should be.
        "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {3}\r\nSubject: MARKER",
        "* NO MARKER",
        "MARKER",
    ] {
        conn.reply_raw((line.replace("MARKER", MARKER) + "\r\n").as_bytes())?;
    }
    conn.reply(&request, "OK done")?;
    conn.serve_until("UNSELECT")?;
    // As one does that took a line of a message for a command.
    conn.reply_raw(format!("{MARKER} BAD what is {MARKER}?\r\n").as_bytes())
}

#[test]
fn a_server_that_says_too_much_gets_nothing_of_it_into_the_trace() {
    let scene = Scene::new();
    let server = Scripted::start(|conn| {
        conn.greet("IMAP4rev1 UNSELECT")?;
        talkative(conn)
    });
    let trace = scene.path("trace");
    let listed = scene.run(&["ls", &server.url("anna"), "--messages", "--json", "--trace", &trace]).expect(69);
    assert!(listed.out.contains(MARKER), "it was said: {}\n{}", listed.out, listed.err);
    let lines = scene.traced("trace");
    for words in [
        "< * OK ^[]0;PWN^G ready\u{fffd}",
        "< * BAD …",
        "< * 1 FETCH (ENVELOPE (NIL \"…\" ((\"…\" NIL {8} [8 bytes] \"…\")) NIL) X-GM-LABELS (\"…\" …))",
        "< * 1 FETCH (UID 1 FLAGS (\\Seen) RFC822.SIZE 99 BODY[…] \"…\")",
        "< … [15 bytes]",
        "< … [32 bytes]",
    ] {
        has(&lines, words);
    }
}

#[test]
fn a_connection_that_is_cut_is_the_last_that_is_told() {
    let scene = Scene::new();
    let server = Scripted::start(|conn| {
        conn.greet("IMAP4rev1")?;
        conn.serve_until("LOGIN")?;
        conn.reset()
    });
    let trace = scene.path("trace");
    scene.run(&["check", &server.url("anna"), "--trace", &trace]).expect(69);
    let lines = scene.traced("trace");
    assert!(lines.last().unwrap().starts_with("1 * the connection to the server was lost"), "{lines:#?}");
    let gone = scene.path("gone");
    drop(server);
    scene.run(&["check", "imap+plaintext://anna@127.0.0.1:1/", "--trace", &gone]).expect(69);
    let lines = scene.traced("gone");
    assert_eq!(lines[1], "1 * 127.0.0.1 port 1, NOT ENCRYPTED");
    assert!(lines[2].starts_with("1 * cannot reach 127.0.0.1 port 1"), "{lines:#?}");
}

#[test]
fn a_file_that_can_not_be_written_ends_the_program_before_anybody_is_asked() {
    let scene = Scene::new();
    let server = Scripted::start(|conn| {
        conn.greet("IMAP4rev1")?;
        conn.serve()
    });
    symlink("elsewhere", scene.home.path().join("link")).unwrap();
    for (name, why) in [("none/trace", "No such file or directory"), ("link", "it is a link"), ("Maildir", "directory")]
    {
        // Without a password: that would be asked for first.
        let refused = run(scene.home.path(), &["check", &server.url("anna"), "--trace", &scene.path(name)]).expect(74);
        assert!(refused.err.contains("cannot write the trace") && refused.err.contains(why), "{}", refused.err);
        assert!(refused.err.contains("name a file of your own"), "{}", refused.err);
    }
    assert_eq!(server.connections(), 0);
    assert!(!scene.home.path().join("elsewhere").exists());
}

#[test]
fn a_file_that_takes_no_more_is_told_and_the_work_goes_on() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let target = Server::plaintext_url("anna", server.imap_port);
    scene.run(&["copy", &scene.path("Maildir"), &format!("{target}Box")]).expect(0);
    let (trace, password) = (scene.path("trace"), scene.password.to_str().unwrap());
    let list_with_room = |blocks: u32| {
        let mut command = Command::new("sh");
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        command.args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_mailferry")]);
        command.args(["ls", &target, "--messages", "--json", "--trace", &trace, "--password-file", password]);
        at_home(&mut command, scene.home.path());
        Running::start(command).wait()
    };
    let refused = list_with_room(0).expect(74);
    assert!(
        refused.err.contains("cannot write the trace") && refused.err.contains("File too large"),
        "{}",
        refused.err
    );
    let listed = list_with_room(2).expect(0);
    assert_eq!(listed.events_of("message").len(), 30);
    let told = "File too large (os error 27); nothing more is traced, and the work goes on\n";
    assert!(listed.err.starts_with("cannot write the trace") && listed.err.ends_with(told), "{}", listed.err);
    assert!((512..=2048).contains(&fs::metadata(&trace).unwrap().len()));
}

#[test]
fn the_panes_trace_what_they_say() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let target = Server::plaintext_url("anna", server.imap_port);
    let (store, trace, password) = (scene.path("Maildir"), scene.path("trace"), scene.password.to_str().unwrap());
    scene.run(&["copy", &store, &format!("{target}Box")]).expect(0);
    let mut pty = Pty::mailferry(scene.home.path(), &[&store, &target, "--trace", &trace, "--password-file", password]);
    pty.wait_for("Trash");
    pty.type_keys("q");
    assert_eq!(pty.wait_exit(), 0);
    let lines = scene.traced("trace");
    has(&lines, "1 > a1 LOGIN …");
    has(&lines, "< * LIST (");
}
