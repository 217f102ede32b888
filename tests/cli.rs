//! The command line as scripts rely on it: output, JSON, exit codes (design.md section 5).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use common::mail::{Maker, MboxStyle, write_maildir_tree, write_mbox};
use common::peek;
use common::program::{Run, command, password_file, run};
use common::proxy::{At, Do, Proxy};
use common::servers::{Dovecot, Server};
use serde_json::Value;
use tempfile::TempDir;

struct Scene {
    home: TempDir,
    password: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let password = password_file(home.path());
        write_maildir_tree(
            &home.path().join("Maildir"),
            &[("", Maker::new(1).folder(6, 2004, 60)), ("Work.Bridge", Maker::new(2).folder(4, 2005, 60))],
        )
        .unwrap();
        write_mbox(&home.path().join("old.mbox"), &Maker::new(3).folder(5, 2006, 60), MboxStyle::Mboxrd).unwrap();
        Self { home, password }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let password = self.password.to_str().unwrap();
        run(self.home.path(), &[arguments, &["--password-file", password]].concat())
    }
}

#[test]
fn config_check_tells_what_is_wrong_with_its_line() {
    let scene = Scene::new();
    let folder = scene.home.path().join(".config/mailferry");
    fs::create_dir_all(&folder).unwrap();
    run(scene.home.path(), &["config", "check"]).expect(0);
    for (text, code, told) in [
        ("[screen]\nkeys = \"vim\"\n", 0, ""),
        ("[screen]\nkeys = \"emacs\"\n", 2, "config.toml:2: there is no set of keys"),
        ("[keys]\ncopy = \"F77\"\n", 2, "config.toml:2: there is no key \"F77\""),
    ] {
        fs::write(folder.join("config.toml"), text).unwrap();
        let checked = run(scene.home.path(), &["config", "check"]).expect(code);
        assert!(checked.err.contains(told), "{}", checked.err);
    }
}

#[test]
fn ls_lists_folders_and_messages_of_a_source() {
    let scene = Scene::new();
    let store = scene.path("Maildir");
    let listed = scene.run(&["ls", &store, "--json"]).expect(0);
    let stores = listed.events_of("store");
    assert_eq!((&stores[0]["format"], stores.len()), (&"maildir".into(), 1));
    assert!(stores[0]["evidence"].as_str().unwrap().ends_with("Maildir has cur/ and new/"));
    let folders = listed.events_of("folder");
    let rows: Vec<_> =
        folders.iter().map(|row| (row["path"].as_str().unwrap(), row["messages"].as_u64().unwrap())).collect();
    assert_eq!(rows, [("INBOX", 6), ("Work/Bridge", 4)]);
    assert_eq!(folders[0]["special"], "inbox");
    assert_eq!((&folders[0]["format"], &folders[0]["schema"]), (&"maildir".into(), &1.into()));

    let messages = scene.run(&["ls", &format!("{store}#Work"), "--messages", "--digest", "--json"]).expect(0);
    let messages = messages.events_of("message");
    assert_eq!(messages.len(), 4);
    for message in &messages {
        assert_eq!(message["folder"], "Work/Bridge");
        assert_eq!(message["sha256"].as_str().unwrap().len(), 64);
        assert!(message["internal_date"].as_str().unwrap().starts_with("2005-"));
        assert!(message["size"].as_u64().unwrap() > 100 && message["flags"].is_array());
    }
    let text = scene.run(&["ls", &store]).expect(0).out;
    assert!(text.contains('6') && text.contains("Work/Bridge"), "{text}");
}

/// Six messages of which each but the first is doubtful in one way; one has a line that starts a message or is text of it.
fn doubtful() -> String {
    let line = "From a@b Thu Jan  1 10:00:00 2004\n";
    let message = |subject: &str, body: &str| {
        format!("{line}From: a@b\nSubject: {subject}\nDate: Tue, 3 Feb 2004 01:00:00 +0000\n\n{body}\n\n")
    };
    let long = "x".repeat(1200);
    let text = [("plain", "Hello."), ("plain", "Hello."), ("nul", "a\0b"), ("long", &long)];
    let text: String = text.map(|(subject, body)| message(subject, body)).concat();
    let undated = "From - Thu\nFrom: a@b\nSubject: undated\n\nHello.\n\n";
    let split = message("split", &format!("Before.\n\n{line}this is text and no header"));
    format!("{text}{}{undated}{split}", message("large", &"y\n".repeat(13_200_000)))
}

#[test]
fn ls_tells_every_doubt_about_a_message() {
    let scene = Scene::new();
    let path = scene.home.path().join("doubtful.mbox");
    fs::write(&path, doubtful()).unwrap();
    for _ in ["read", "kept"] {
        let listed = scene.run(&["ls", "--messages", "--json", path.to_str().unwrap()]).expect(0);
        let told = |event: &Value| format!("{}: {}", event["subject"], event["warnings"]);
        let told: Vec<_> = listed.events_of("message").iter().map(told).collect();
        assert_eq!(
            told,
            [
                r#""plain": []"#,
                r#""plain": ["the same message as @0"]"#,
                r#""nul": ["NUL bytes: 1"]"#,
                r#""long": ["lines over 998 bytes: 1, the longest 1,200"]"#,
                r#""large": ["it is large: 39.6 MB; a server may refuse it"]"#,
                r#""undated": ["the line that starts it may be text: line 13,200,036","no date of its own; that of its file is taken"]"#,
                r#""split": []"#,
                r#""": ["no header","the line that starts it may be text: line 13,200,049"]"#,
            ]
        );
    }
}

#[test]
fn ls_of_a_target_shows_what_arrived_with_the_same_digests() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let (store, target) = (scene.path("old.mbox"), Server::plaintext_url("anna", server.imap_port) + "Old");
    scene.run(&["copy", &store, &target]).expect(0);
    let digests = |path: &str| -> Vec<(String, String)> {
        let events = scene.run(&["ls", path, "--messages", "--digest", "--json"]).expect(0).events_of("message");
        events
            .iter()
            .map(|event| (event["sha256"].to_string(), event["internal_date"].as_str().unwrap()[..19].to_owned()))
            .collect()
    };
    assert_eq!(digests(&store), digests(&target));
}

#[test]
fn plan_and_dry_run_write_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let (store, target) = (scene.path("Maildir"), Server::plaintext_url("anna", server.imap_port));
    let plan = scene.run(&["plan", &store, &target, "--json"]).expect(0).events_of("plan");
    let rows: Vec<_> =
        plan.iter().map(|row| (row["target"].as_str().unwrap(), row["exists"].as_bool().unwrap())).collect();
    assert_eq!(rows, [("INBOX", true), ("Work/Bridge", false)]);
    scene.run(&["copy", "--dry-run", &store, &target]).expect(0);
    assert!(server.peek("anna").is_empty());
    assert!(!peek::folders(server.imap_port, "anna").iter().any(|folder| folder.name.starts_with("Work")));
}

#[test]
fn check_tells_what_the_server_can_do_over_every_kind_of_connection() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let ca = server.ca_file.to_str().unwrap();
    let (imap, imaps) = (server.imap_port, server.imaps_port);
    for target in [
        format!("imaps://anna@localhost:{imaps}"),
        format!("imap://anna@localhost:{imap}"),
        format!("imap+plaintext://anna@localhost:{imap}"),
    ] {
        let check = scene.run(&["check", &target, "--ca-file", ca, "--json"]).expect(0).events().remove(0);
        assert!(check["capabilities"].as_array().unwrap().contains(&"UIDPLUS".into()), "{target}");
        assert_eq!(check["delimiter"], "/");
    }
    let out = scene.run(&["check", &format!("imaps://anna@localhost:{imaps}"), "--ca-file", ca]).expect(0).out;
    assert!(out.contains("logged in as anna") && out.contains("MULTIAPPEND"), "{out}");
}

#[test]
fn certificates_that_are_not_trusted_are_refused_before_the_password_is_sent() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let ca = server.ca_file.to_str().unwrap();
    let target = format!("imaps://anna@localhost:{}", server.imaps_port);
    let unknown = scene.run(&["check", &target]).expect(76);
    assert!(unknown.err.contains("--ca-file"), "{}", unknown.err);
    let other = scene.run(&["check", &target, "--ca-file", ca, "--tls-name", "other.example"]).expect(76);
    assert!(other.err.contains("another host name"), "{}", other.err);
    scene.run(&["check", &target, "--pin", &format!("sha256:{}", "ab".repeat(32))]).expect(76);
    let plain_port = format!("imaps://anna@localhost:{}", server.imap_port);
    scene.run(&["check", &plain_port, "--timeout", "3"]).expect(76);

    let pem = fs::read_to_string(ca).unwrap();
    let der = std::process::Command::new("openssl")
        .args(["x509", "-in", ca, "-noout", "-fingerprint", "-sha256"])
        .output()
        .unwrap();
    let text = String::from_utf8(der.stdout).unwrap();
    let hex = text.trim().rsplit('=').next().unwrap();
    assert!(pem.contains("BEGIN CERTIFICATE"));
    scene.run(&["check", &target, "--pin", &format!("sha256:{hex}")]).expect(0);
    assert!(!server.log().contains("testpass"));
}

/// Makes a certificate for localhost that was good in the year 2020, and starts a TLS server on it that speaks like that.
fn old_server(home: &Path, speaks: &str) -> (Child, u16) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = r#"
        set -e; cd "$0"
        printf '[ca]\ndefault_ca=own\n[own]\ndatabase=index\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=any\nx509_extensions=names\n[any]\ncommonName=supplied\n[names]\nsubjectAltName=DNS:localhost\n' > settings
        : > index; echo 01 > serial
        openssl req -new -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=localhost 2>/dev/null
        openssl ca -batch -config settings -selfsign -keyfile key.pem -startdate 20200101000000Z -enddate 20210101000000Z -in request.pem -out old.pem 2>/dev/null
        exec openssl s_server -accept 127.0.0.1:$1 -cert old.pem -key key.pem $2 > heard 2>&1"#;
    let mut server = std::process::Command::new("bash");
    server.args(["-c", script, home.to_str().unwrap(), &port.to_string(), speaks]).stdin(Stdio::piped());
    let server = server.spawn().unwrap();
    common::wait_until(|| fs::read_to_string(home.join("heard")).is_ok_and(|text| text.contains("ACCEPT")));
    (server, port)
}

#[test]
fn a_certificate_that_has_expired_and_a_tls_of_old_are_refused_in_words() {
    for (speaks, words) in [("-tls1_2", "has expired"), ("-tls1 -cipher DEFAULT:@SECLEVEL=0", "TLS 1.1 or older")] {
        let scene = Scene::new();
        let home = TempDir::new().unwrap();
        let (mut server, port) = old_server(home.path(), speaks);
        let ca = home.path().join("old.pem");
        let target = format!("imaps://anna@localhost:{port}");
        let refused = scene.run(&["check", &target, "--ca-file", ca.to_str().unwrap(), "--timeout", "5"]).expect(76);
        assert!(refused.err.contains(words), "{speaks}: {}", refused.err);
        server.kill().unwrap();
        server.wait().unwrap();
        assert!(!fs::read_to_string(home.path().join("heard")).unwrap().contains("testpass"), "{speaks}");
    }
}

#[test]
fn a_wrong_password_is_named_and_exits_77() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let wrong = scene.path("wrong");
    fs::write(&wrong, "nonsense\n").unwrap();
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).unwrap();
    let target = Server::plaintext_url("anna", server.imap_port);
    let failed = run(scene.home.path(), &["check", &target, "--password-file", &wrong]).expect(77);
    assert!(failed.err.contains("AUTHENTICATIONFAILED") && !failed.err.contains("nonsense"), "{}", failed.err);
}

#[test]
fn the_password_comes_from_file_command_descriptor_or_environment() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let target = Server::plaintext_url("anna", server.imap_port);
    scene.run(&["check", &target]).expect(0);
    run(scene.home.path(), &["check", &target, "--password-command", "echo testpass"]).expect(0);
    let status =
        command(scene.home.path(), &["check", &target]).env("MAILFERRY_PASSWORD", "testpass").output().unwrap().status;
    assert!(status.success());
    let mut child = command(scene.home.path(), &["check", &target, "--password-fd", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"testpass\n").unwrap();
    assert!(child.wait().unwrap().success());
    let none = run(scene.home.path(), &["check", &target]).expect(2);
    assert!(none.err.contains("--password-file"), "{}", none.err);
}

#[test]
fn wrong_usage_exits_2_and_says_what_to_write() {
    let scene = Scene::new();
    let store = scene.path("Maildir");
    scene.run(&["copy", &store]).expect(2);
    let password = scene.run(&["copy", &store, "imaps://a:secret@h/"]).expect(2);
    assert!(!password.err.contains("secret"), "{}", password.err);
    let scheme = scene.run(&["copy", &store, "http://h/"]).expect(2);
    assert!(scheme.err.contains("imaps://"), "{}", scheme.err);
    scene.run(&["check", "imaps://localhost/"]).expect(2);
    scene.run(&["check", "imaps://a@h/", "--pin", "sha256:12"]).expect(2);
    let format = scene.run(&["ls", &store, "--format", "nope"]);
    assert!(format.err.contains("maildir"), "{}", format.err);
}

#[test]
fn sources_that_can_not_be_read_exit_66() {
    let scene = Scene::new();
    fs::write(scene.path("noise"), [0x80_u8; 4096]).unwrap();
    fs::write(scene.path("x.pst"), b"!BDN\0\0\0\0").unwrap();
    for name in ["missing", "noise", "x.pst", "Maildir#No/Such"] {
        let run = scene.run(&["ls", &scene.path(name)]).expect(66);
        assert!(run.err.starts_with("mailferry: "), "{}", run.err);
    }
    assert!(scene.run(&["ls", &scene.path("x.pst")]).err.to_lowercase().contains("outlook"));
}

#[test]
fn an_unreachable_server_exits_69() {
    let scene = Scene::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let failed = scene.run(&["copy", &scene.path("Maildir"), &Server::plaintext_url("anna", port)]).expect(69);
    assert!(failed.err.contains("cannot reach 127.0.0.1"), "{}", failed.err);
}

#[test]
fn a_signal_ends_a_copy_after_the_running_message_and_the_next_run_completes_it() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let mails = Maker::new(4).folder(2500, 2004, 60);
    write_maildir_tree(&scene.home.path().join("Big"), &[("", mails)]).unwrap();
    let proxy = Proxy::new(server.imap_port).round_trip(std::time::Duration::from_millis(4)).start();
    let target = proxy.url("anna") + "Box";
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let before = server.peek("anna").len();
        let child = command(
            scene.home.path(),
            &[
                "copy",
                &scene.path("Big"),
                &target,
                "--max-rate",
                "200K",
                "--password-file",
                scene.password.to_str().unwrap(),
            ],
        )
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
        common::wait_until(|| peek::peek_folder(server.imap_port, "anna", "Box").len() > before);
        rustix::process::kill_process(
            rustix::process::Pid::from_child(&child),
            match signal {
                "TERM" => rustix::process::Signal::TERM,
                "INT" => rustix::process::Signal::INT,
                _ => rustix::process::Signal::HUP,
            },
        )
        .unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{signal}");
        assert!(server.peek("anna").len() < 2500, "{signal}");
    }
    scene.run(&["copy", &scene.path("Big"), &target]).expect(0);
    assert_eq!(server.peek("anna").len(), 2500);
}

#[test]
fn output_that_nobody_reads_any_more_is_no_crash() {
    let scene = Scene::new();
    let mut child = command(scene.home.path(), &["ls", &scene.path("Maildir"), "--messages"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let code = child.wait().unwrap().code();
    assert_eq!(code, Some(0));
}

#[test]
fn a_throttling_server_is_named_and_exits_75() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let mut proxy = Proxy::new(server.imap_port);
    for nth in 1..=12 {
        proxy = proxy.fault(nth, At::BeforeLine, Do::Answer("NO [UNAVAILABLE] come back later".into()));
    }
    let proxy = proxy.start();
    let store = scene.path("old.mbox");
    let failed = scene.run(&["copy", &store, &(proxy.url("anna") + "Box"), "--json"]);
    assert_eq!(failed.code, 75, "{}", failed.out);
    assert_eq!(failed.totals(), (0, 0, 5));
    scene.run(&["copy", &store, &(Server::plaintext_url("anna", server.imap_port) + "Box")]).expect(0);
    assert_eq!(server.peek("anna").len(), 5);
}

#[test]
fn long_lists_are_kept_where_the_user_says_and_nowhere_else() {
    let scene = Scene::new();
    let store = scene.home.path().join("big.mbox");
    write_mbox(&store, &Maker::new(4).folder(600, 2006, 60), MboxStyle::Mboxrd).unwrap();
    let changed = || fs::metadata(&store).unwrap().modified().unwrap();
    common::wait_until(|| changed().elapsed().is_ok_and(|age| age.as_secs() > 3)); // what is new may change unseen
    let (cache, other) = (scene.home.path().join(".cache"), scene.home.path().join("other"));
    let list = |options: &[&str]| command(scene.home.path(), &[&["ls", store.to_str().unwrap()], options].concat());
    let out = |mut command: std::process::Command| String::from_utf8(command.output().unwrap().stdout).unwrap();
    let read = out(list(&["--no-cache"]));
    assert!(read.contains("600") && !cache.exists());
    let mut elsewhere = list(&[]);
    elsewhere.env("XDG_CACHE_HOME", &other);
    assert_eq!(out(elsewhere), read);
    assert!(other.join("mailferry").is_dir() && !cache.exists());
    for _ in 0..2 {
        assert_eq!(out(list(&[])), read);
        let mode = fs::metadata(cache.join("mailferry")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}

#[test]
fn an_account_of_the_settings_is_a_target_a_source_and_a_list() {
    let Some(server) = Dovecot::new().start() else { return };
    let scene = Scene::new();
    let config = scene.home.path().join(".config/mailferry");
    fs::create_dir_all(&config).unwrap();
    let file = config.join("config.toml");
    let password = scene.path("password");
    let url = Server::plaintext_url("anna", server.imap_port);
    fs::write(
        &file,
        format!(
            "[accounts.work]\nurl = \"{url}\"\npassword-file = \"{password}\"\n\n[accounts.other]\nurl = \"{}\"\n\
             password-command = \"head -1 {password}\"\n",
            Server::plaintext_url("bert", server.imap_port)
        ),
    )
    .unwrap();
    let plainly = |arguments: &[&str]| run(scene.home.path(), arguments);
    let listed = plainly(&["accounts"]).expect(0).out;
    assert!(listed.contains("work") && listed.contains("(password: command)"), "{listed}");
    let store = scene.path("Maildir");
    plainly(&["copy", &store, "work:/Old"]).expect(0);
    assert!(server.peek("anna").iter().all(|message| message.folder.starts_with("Old")));
    let carried = server.peek("anna").len();
    assert!(carried > 0);
    plainly(&["copy", "work:/Old", "other:"]).expect(0);
    assert_eq!(server.peek("bert").len(), carried);
    plainly(&["verify", "work:/Old", "other:"]).expect(0);
    plainly(&["check", "work:"]).expect(0);
    plainly(&["config", "check"]).expect(0);
    fs::write(&file, "[accounts.work]\nurl = \"ftp://x\"\n").unwrap();
    let refused = plainly(&["config", "check"]).expect(2);
    assert!(refused.err.contains("\"work\""), "{}", refused.err);
}
