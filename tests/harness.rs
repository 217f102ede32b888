//! That the tools of the tests do what the tests believe: servers start, faults fire where told, screens are read right.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use common::client::Client;
use common::mail::{self, Maker, MboxStyle};
use common::peek;
use common::proxy::{At, Do, Proxy, RunningProxy};
use common::pty::Pty;
use common::scripted::Scripted;
use common::servers::{Courier, Cyrus, Dovecot, OTHER_ADDRESS, Server};
use common::svg;
use portable_pty::CommandBuilder;

const MAIL: &[u8] = b"From: a@example.org\r\nSubject: t\r\n\r\nbare \xe4 and 1\r\n";

#[test]
fn dovecot_keeps_what_another_client_appended_and_is_gone_after_the_test() {
    let Some(server) = Dovecot::new().start() else { return };
    assert!(peek::peek(server.imap_port, "anna").is_empty());

    peek::create(server.imap_port, "anna", "Entw&APw-rfe");
    peek::append(server.imap_port, "anna", "Entw&APw-rfe", r"\Seen $Forwarded", 1_000_000_000, MAIL);

    let messages = server.peek("anna");
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!((message.folder.as_str(), message.wire.as_str()), ("Entwürfe", "Entw&APw-rfe"));
    assert_eq!(message.flags, ["$Forwarded", r"\Seen"]);
    assert_eq!((message.internal_date, message.zone.as_str()), (1_000_000_000, "+0000"));
    assert_eq!((message.size, message.server_size), (MAIL.len() as u64, MAIL.len() as u64));
    assert_eq!(message.sha256, mailferry::mail::Sha256Sum::of(MAIL).to_string());
    assert!(server.peek("ben").is_empty());

    let (port, folder) = (server.imap_port, server.folder().to_owned());
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!folder.exists());
}

#[test]
fn dovecot_takes_its_settings() {
    let server = Dovecot::new().separator(".").prefix("INBOX.").quota("1M").format("mdbox").start();
    let Some(server) = server else { return };
    let sent = peek::folders(server.imap_port, "anna").into_iter().find(|folder| folder.wire == "INBOX.Sent").unwrap();
    assert_eq!(sent.delimiter.as_deref(), Some("."));
    let quiet = Dovecot::new().plaintext_off().start().unwrap();
    let mut client = BufReader::new(TcpStream::connect((OTHER_ADDRESS, quiet.imap_port)).unwrap());
    let mut greeting = String::new();
    client.read_line(&mut greeting).unwrap();
    assert!(greeting.contains("LOGINDISABLED"), "{greeting}");
    assert!(quiet.peek("anna").is_empty());
}

#[test]
fn servers_started_at_once_do_not_meet() {
    let servers: Vec<_> = (0..4).map(|_| std::thread::spawn(|| Dovecot::new().start())).collect();
    let servers: Vec<Server> = servers.into_iter().filter_map(|server| server.join().unwrap()).collect();
    for (number, server) in servers.iter().enumerate() {
        for _ in 0..number {
            peek::append(server.imap_port, "anna", "INBOX", "", 0, MAIL);
        }
    }
    for (number, server) in servers.iter().enumerate() {
        assert_eq!(server.peek("anna").len(), number);
    }
}

fn answers(server: &Server, inbox_child: &str) {
    assert!(peek::capabilities(server.imap_port, "test").contains(&"UIDPLUS".to_owned()));
    peek::create(server.imap_port, "test", inbox_child);
    peek::append(server.imap_port, "test", inbox_child, r"\Flagged", 1_000_000_000, MAIL);
    let messages = server.peek("test");
    assert_eq!(messages.len(), 1);
    assert_eq!((messages[0].wire.as_str(), messages[0].internal_date), (inbox_child, 1_000_000_000));
    assert_eq!(messages[0].flags, [r"\Flagged"]);
    assert!(TcpStream::connect(("127.0.0.1", server.imaps_port)).is_ok());
}

#[test]
fn cyrus_answers() {
    if let Some(server) = Cyrus::new().start() {
        answers(&server, "Archive/2004");
    }
}

#[test]
fn cyrus_of_the_old_style_answers() {
    if let Some(server) = Cyrus::old_style().start() {
        answers(&server, "INBOX.Archive.2004");
    }
}

#[test]
fn courier_answers() {
    if let Some(server) = Courier::new().start() {
        answers(&server, "INBOX.Archive.2004");
    }
}

/// Appends twice through a proxy that breaks at the first message; gives the first answer and how many are stored.
fn broken_once(at: At, what: Do) -> (io::Result<String>, usize, RunningProxy) {
    let server = Dovecot::new().start().expect("Dovecot is needed: run scripts/test");
    let proxy = Proxy::new(server.imap_port).fault(1, at, what).start();
    let first = Client::login(proxy.port, "anna").append("INBOX", "", MAIL);
    let stored = server.peek("anna").len();
    assert!(Client::login(proxy.port, "anna").append("INBOX", "", MAIL).unwrap().starts_with("a OK"));
    assert_eq!(server.peek("anna").len(), stored + 1);
    assert_eq!((proxy.fired(), proxy.messages()), (1, 2));
    (first, stored, proxy)
}

#[test]
fn the_proxy_cuts_before_the_message_is_stored() {
    for at in [At::BeforeLine, At::AfterLine, At::Literal(1), At::AfterLiteral] {
        let (answer, stored, _) = broken_once(at, Do::Reset);
        assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::ConnectionReset, "{at:?}");
        assert_eq!(stored, 0, "{at:?}");
    }
    let (answer, stored, _) = broken_once(At::AfterLiteral, Do::Finish);
    assert_eq!((answer.unwrap_err().kind(), stored), (io::ErrorKind::UnexpectedEof, 0));
}

#[test]
fn the_proxy_cuts_after_the_message_is_stored() {
    let (answer, stored, _) = broken_once(At::BeforeOk, Do::Reset);
    assert_eq!((answer.unwrap_err().kind(), stored), (io::ErrorKind::ConnectionReset, 1));
    let (answer, stored, _) = broken_once(At::BeforeOk, Do::Finish);
    assert_eq!((answer.unwrap_err().kind(), stored), (io::ErrorKind::UnexpectedEof, 1));
    let (answer, stored, _) = broken_once(At::AfterOk, Do::Reset);
    assert!(answer.unwrap().starts_with("a OK"));
    assert_eq!(stored, 1);
}

#[test]
fn the_proxy_answers_in_place_of_the_server() {
    for at in [At::BeforeLine, At::AfterLiteral] {
        let (answer, stored, _) = broken_once(at, Do::Answer("NO [OVERQUOTA] full".into()));
        assert_eq!((answer.unwrap().as_str(), stored), ("a NO [OVERQUOTA] full\r\n", 0), "{at:?}");
    }
}

#[test]
fn the_proxy_stalls_swallows_delays_and_rewrites() {
    let Some(server) = Dovecot::new().start() else { return };

    let proxy = Proxy::new(server.imap_port).fault(1, At::BeforeOk, Do::Swallow).download_chunk(1).start();
    let mut client = Client::login(proxy.port, "anna");
    client.send(format!("b APPEND INBOX {{{}}}\r\n", MAIL.len()).as_bytes()).unwrap();
    assert!(client.line().unwrap().starts_with('+'));
    client.send(&[MAIL, b"\r\n"].concat()).unwrap();
    assert!(client.command("a NOOP").unwrap().starts_with("a OK"), "the connection goes on");
    assert_eq!(server.peek("anna").len(), 1);

    let proxy = Proxy::new(server.imap_port).fault(1, At::Literal(3), Do::Stall).start();
    let mut client = Client::login(proxy.port, "anna");
    client.stream.get_ref().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert_eq!(client.append("INBOX", "", MAIL).unwrap_err().kind(), io::ErrorKind::WouldBlock);

    let proxy = Proxy::new(server.imap_port)
        .round_trip(Duration::from_millis(40))
        .replace("LITERAL+", "LITERALX")
        .refuse(0..1)
        .start();
    let mut refused = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
    assert!(refused.read(&mut [0]).is_err());
    let mut client = Client::login(proxy.port, "anna");
    let start = Instant::now();
    client.send(b"a CAPABILITY\r\n").unwrap();
    assert!(client.line().unwrap().contains("LITERALX"));
    assert!(start.elapsed() >= Duration::from_millis(40));
}

#[test]
fn the_scripted_server_plays_its_script() {
    let server = Scripted::start(|conn| {
        conn.greet("IMAP4rev1")?;
        let append = conn.serve_until("APPEND")?;
        assert_eq!(append.literal(), Some((MAIL.len() as u64, true)));
        conn.reply(&append, "NO [OVERQUOTA] full")?;
        let append = conn.expect("APPEND")?;
        conn.take_append(&append)?;
        conn.expect("NOOP")?;
        conn.reset()
    });
    let mut client = Client::login(server.port, "anna");
    assert!(client.command("a EXAMINE INBOX").unwrap().starts_with("a OK"));
    assert!(client.append("INBOX", "", MAIL).unwrap().starts_with("a NO [OVERQUOTA]"));
    assert!(client.append("INBOX", "", MAIL).unwrap().starts_with("a OK [APPENDUID 7 1]"));
    assert_eq!(client.command("a NOOP").unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!((server.count("APPEND"), server.count("LOGIN")), (2, 1));
}

#[test]
fn the_scripted_server_ends_with_the_test_even_in_an_endless_answer() {
    let server = Scripted::start(|conn| {
        conn.greet("IMAP4rev1")?;
        conn.serve_until("NOOP")?;
        conn.endless(b"* 1 EXISTS ");
        Ok(())
    });
    let mut client = Client::login(server.port, "anna");
    client.send(b"a NOOP\r\n").unwrap();
    let mut piece = vec![0; 100_000];
    client.stream.read_exact(&mut piece).unwrap();
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < Duration::from_secs(2));
}

fn shell(script: &str) -> Pty {
    let mut command = CommandBuilder::new("sh");
    command.args(["-c", script]);
    Pty::spawn(command, 40, 10)
}

#[test]
fn the_terminal_shows_what_is_typed_and_gives_the_exit_code() {
    let mut pty = shell(r#"read line; printf 'got %s in %s\n' "$line" "$TERM"; exit 7"#);
    pty.type_keys("hello\n");
    pty.wait_for("got hello in xterm-256color");
    assert_eq!(pty.wait_exit(), 7);
    pty.assert_restored();
}

#[test]
fn the_terminal_answers_where_its_cursor_is_and_changes_its_size() {
    let pty =
        shell(r"stty -icanon -echo; printf 'ab\033[6n'; dd bs=1 count=6 2>/dev/null | tail -c +2; read x; stty size");
    pty.wait_for("[1;3R");
    pty.resize(60, 20);
    pty.type_keys("\n");
    pty.wait_for("20 60");
}

#[test]
#[should_panic(expected = "still on the alternate screen")]
fn a_terminal_left_on_the_alternate_screen_is_seen() {
    let mut pty = shell(r"printf '\033[?1049h'");
    pty.wait_exit();
    pty.assert_restored();
}

#[test]
#[should_panic(expected = "the line settings")]
fn a_terminal_left_raw_is_seen() {
    let mut pty = shell("stty raw");
    pty.wait_exit();
    pty.assert_restored();
}

#[test]
fn the_program_itself_starts_in_a_terminal() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = Pty::mailferry(home.path(), &["--version"]);
    pty.wait_exit();
    assert!(Path::new(env!("CARGO_BIN_EXE_mailferry")).exists());
}

#[test]
fn invented_mail_is_the_same_for_the_same_seed_and_fit_to_be_sent() {
    let mails = Maker::new(1).folder(500, 1996, 3650);
    let again = Maker::new(1).folder(500, 1996, 3650);
    assert!(mails.iter().zip(&again).all(|(one, other)| one.bytes == other.bytes && one.received == other.received));
    for mail in &mails {
        assert!(mail.bytes.ends_with(b"\r\n"));
        assert!(!mail.bytes.contains(&0));
        let lines = mail.bytes.split_inclusive(|byte| *byte == b'\n');
        assert!(lines.clone().all(|line| line.ends_with(b"\r\n") && line.len() < 1000));
        assert!(lines.take_while(|line| *line != b"\r\n").all(<[u8]>::is_ascii), "headers are ASCII");
    }
    let has = |text: &str| mails.iter().any(|mail| String::from_utf8_lossy(&mail.bytes).contains(text));
    for text in ["koi8-r?B?", "iso-8859-1?Q?", "utf-8?B?", "ISO-2022-JP", "multipart/mixed", "\r\nFrom ", "In-Reply-To"]
    {
        assert!(has(text), "{text}");
    }
}

#[test]
fn invented_stores_are_read_the_same_by_dovecot() {
    let Some(server) = Dovecot::new().separator(".").start() else { return };
    let mails = Maker::new(2).folder(60, 2003, 300);
    mail::write_maildir_tree(&server.folder().join("mail/anna"), &[("", Vec::new()), ("Archive", mails.clone())])
        .unwrap();
    if rustix::process::geteuid().is_root() {
        let status =
            std::process::Command::new("chown").args(["-R", "nobody"]).arg(server.folder().join("mail")).status();
        assert!(status.unwrap().success());
    }
    let seen = peek::peek_folder(server.imap_port, "anna", "Archive");
    let mut seen: Vec<_> = seen.into_iter().map(|mail| (mail.sha256, mail.internal_date, mail.flags)).collect();
    let mut made: Vec<_> = mails
        .iter()
        .map(|mail| {
            let marks = mail.marks;
            // Dovecot shows the letter P of a file name to nobody.
            let flags = [(marks.answered, r"\Answered"), (marks.flagged, r"\Flagged"), (marks.seen, r"\Seen")];
            let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name);
            let mut flags: Vec<String> = flags.chain(mail.keywords.iter().copied()).map(str::to_owned).collect();
            flags.sort();
            (mailferry::mail::Sha256Sum::of(&mail.bytes).to_string(), mail.received, flags)
        })
        .collect();
    seen.sort();
    made.sort();
    assert_eq!(seen.len(), made.len());
    for (seen, made) in seen.iter().zip(&made) {
        assert_eq!(seen, made);
    }
}

#[test]
fn invented_mailbox_files_hold_each_message_once() {
    let folder = tempfile::tempdir().unwrap();
    let mails = Maker::new(3).folder(50, 1999, 100);
    for style in [MboxStyle::Mboxrd, MboxStyle::Crlf, MboxStyle::Thunderbird] {
        let path = folder.path().join("mbox");
        mail::write_mbox(&path, &mails, style).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let separators = bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"From ")).count();
        assert_eq!(separators, mails.len());
        assert_eq!(bytes.windows(2).any(|pair| pair == b"\r\n"), style == MboxStyle::Crlf);
    }
    assert!(mail::big_mbox(&folder.path().join("big"), 3_000_000).unwrap() > 100);
    assert!(std::fs::metadata(folder.path().join("big")).unwrap().len() >= 3_000_000);
    mail::big_maildir(&folder.path().join("many"), 300).unwrap();
}

#[test]
fn a_screen_is_drawn_the_same_each_time() {
    let mut pty = shell(
        r"printf '\033[?25l\033[44;1mPlans <3>\033[0m\r\n┌─ä─┐\r\n│░▌█│\r\n╰─═─┘\r\n\033[38;5;208mx\033[7m\033[4my\033[0m'; exit 0",
    );
    pty.wait_exit();
    let drawn = svg::svg(&pty.screen());
    assert_eq!(drawn, svg::svg(&pty.screen()));
    assert!(drawn.contains("width=\"360\" height=\"180\""), "40 by 10 cells");
    assert!(drawn.contains("&lt;") && drawn.contains("#ff8700") && drawn.contains("bold"), "{drawn}");
    assert!(!drawn.contains('│') && !drawn.contains('█'), "lines and blocks are shapes");
}
