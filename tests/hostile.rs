//! Hostile and odd servers: nothing panics, hangs, grows without bound, or is injected into; no password leaks.
//!
//! Each known weakness of the `imap` crate has its test here (facts/reliability.md section 4).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::io;
use std::time::{Duration, Instant};

use common::scripted::{Conn, Scripted};
use mailferry::imap::{Account, ConnectOptions, ImapError, Outgoing, Security, Session, Stored, connect};
use mailferry::mail::{Flags, FolderPath, InternalDate};

const MESSAGE: &[u8] = b"Subject: x\r\n\r\nbody\r\n";

fn account(port: u16, security: Security) -> Account {
    Account {
        host: "127.0.0.1".into(),
        port,
        security,
        user: "anna".into(),
        password: "s3cret".into(),
        options: ConnectOptions { timeout: Duration::from_secs(2), ..ConnectOptions::default() },
    }
}

/// Connects to a server that plays `script` after it served an ordinary login.
fn logged_in(script: impl Fn(&mut Conn) -> io::Result<()> + Send + Sync + 'static) -> (Scripted, Session) {
    let server = Scripted::start(move |conn| {
        conn.greet("IMAP4rev1 UIDPLUS UNSELECT")?;
        script(conn)
    });
    let session = connect(&account(server.port, Security::Plaintext)).unwrap();
    (server, session)
}

fn outgoing(keywords: &[String]) -> Outgoing<'_> {
    Outgoing {
        bytes: MESSAGE,
        flags: Flags::SEEN,
        keywords,
        internal_date: Some(InternalDate::from_unix(1_000_000_000)),
    }
}

/// Appends one message to INBOX.
fn append(session: &mut Session) -> Result<Option<(u32, u32)>, mailferry::imap::AppendError> {
    let mut results = session.append(&inbox(), &[outgoing(&[])], 0, &mut |_, _| true);
    results.remove(0).map(|appended| appended.uid)
}

fn inbox() -> FolderPath {
    FolderPath::parse("INBOX")
}

fn refused_login(
    script: impl Fn(&mut Conn) -> io::Result<()> + Send + Sync + 'static,
    security: Security,
) -> (ImapError, Vec<String>) {
    let server = Scripted::start(script);
    let begun = Instant::now();
    let error = connect(&account(server.port, security)).err().expect("the login must fail");
    assert!(begun.elapsed() < Duration::from_secs(15), "took {:?}", begun.elapsed());
    (error, server.heard())
}

#[test]
fn untagged_data_before_the_go_ahead_and_before_ok_does_not_fail_an_append() {
    let (_server, mut session) = logged_in(|conn| {
        let append = conn.serve_until("APPEND")?;
        conn.reply_raw(b"* 5 EXISTS\r\n* NO Disk is 98% full\r\n+ go\r\n")?;
        conn.read_literal(append.literal().unwrap().0)?;
        conn.read_line()?;
        conn.reply_raw(b"* CAPABILITY IMAP4rev1\r\n* LIST () \"/\" x\r\n* NO careful\r\n* 6 EXISTS\r\n* X-ODD \xff\xfe ((\r\njunk\r\n")?;
        conn.reply(&append, "ok [APPENDUID 7 12] \u{e4}")?;
        conn.serve()
    });
    assert_eq!(append(&mut session).unwrap(), Some((7, 12)));
    assert!(session.take_warnings().contains(&"Disk is 98% full".to_owned()));
    session.noop().unwrap();
}

#[test]
fn a_refusal_keeps_the_servers_code_and_words_and_nothing_counts_as_stored() {
    for (words, code) in [("NO [TRYCREATE] no such", "TRYCREATE"), ("no [OverQuota] full", "OVERQUOTA"), ("NO", "")] {
        let (_server, mut session) = logged_in(move |conn| {
            let append = conn.serve_until("APPEND")?;
            conn.reply(&append, words)?;
            conn.serve()
        });
        let failed = append(&mut session).unwrap_err();
        let ImapError::Refused { refusal, .. } = failed.error else { panic!("{:?}", failed.error) };
        assert_eq!((refusal.code.as_str(), failed.stored), (code, Stored::No));
        session.noop().unwrap();
    }
}

#[test]
fn an_answer_that_is_lost_after_the_message_was_sent_leaves_the_outcome_unknown() {
    let (_server, mut session) = logged_in(|conn| {
        let append = conn.serve_until("APPEND")?;
        conn.reply_raw(b"+ go\r\n")?;
        conn.read_literal(append.literal().unwrap().0)?;
        conn.read_line()?;
        conn.reply_raw(b"* BYE [UNAVAILABLE] going down\r\n")
    });
    let failed = append(&mut session).unwrap_err();
    assert_eq!(failed.stored, Stored::Unknown);
    assert_eq!(failed.error.server_text().as_deref(), Some("[UNAVAILABLE] going down"));
}

#[test]
fn a_connection_that_ends_before_the_message_is_whole_stored_nothing() {
    let (_server, mut session) = logged_in(|conn| {
        conn.serve_until("APPEND")?;
        Ok(())
    });
    assert_eq!(append(&mut session).unwrap_err().stored, Stored::No);
}

#[test]
fn an_answer_with_another_tag_is_not_taken_for_ours() {
    let (_server, mut session) = logged_in(|conn| {
        let append = conn.serve_until("APPEND")?;
        conn.reply_raw(b"+ go\r\n")?;
        conn.read_literal(append.literal().unwrap().0)?;
        conn.read_line()?;
        conn.reply_raw(b"M999 OK stored\r\n")?;
        conn.serve()
    });
    let failed = append(&mut session).unwrap_err();
    assert!(matches!(failed.error, ImapError::Nonsense { .. }));
    assert_eq!(failed.stored, Stored::Unknown);
}

#[test]
fn select_stands_what_the_crate_panics_on() {
    let (_server, mut session) = logged_in(|conn| {
        let select = conn.serve_until("SELECT")?;
        conn.reply_raw(b"* NO Disk is 98% full\r\n* BAD x\r\n* PREAUTH y\r\n* BYE z\r\n* LIST () \"/\" q\r\n* 99999999999 EXISTS\r\n* 3 EXISTS\r\n")?;
        conn.reply_raw(b"* OK [UIDVALIDITY 9] \xc3\xa4\xff\r\n* OK [UIDNEXT 44] ok\r\n* OK [X-ODD (((] hm\r\n* FLAGS (\\Seen)\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n")?;
        conn.reply(&select, "OK [READ-WRITE] \u{e4}\u{1b}")?;
        conn.serve()
    });
    let selected = session.select(&inbox()).unwrap();
    assert_eq!((selected.exists, selected.uid_next, selected.takes_any_keyword), (3, 44, true));
}

#[test]
fn deep_nesting_and_endless_answers_end_in_an_error_at_any_time() {
    let deep = [b"* ".to_vec(), vec![b'('; 60_000], b"\r\n".to_vec()].concat();
    let at_greeting = deep.clone();
    let (error, _) = refused_login(move |conn| conn.reply_raw(&at_greeting), Security::Plaintext);
    assert!(matches!(error, ImapError::Nonsense { .. }), "{error:?}");

    let (error, _) = refused_login(
        |conn| {
            conn.endless(b"x");
            Ok(())
        },
        Security::Plaintext,
    );
    assert!(matches!(error, ImapError::Nonsense { .. }), "{error:?}");

    let (_server, mut session) = logged_in(move |conn| {
        let list = conn.serve_until("LIST \"\" \"*\"")?;
        conn.reply_raw(&deep)?;
        conn.reply_raw(b"* LIST () \"/\" INBOX\r\n")?;
        conn.reply(&list, "OK")?;
        conn.serve_until("FETCH")?;
        conn.reply_raw(b"* 1 FETCH (BODY[] {4294967295}\r\n")?;
        conn.endless(b"y");
        Ok(())
    });
    assert_eq!(session.folders().unwrap().len(), 1);
    assert!(matches!(session.window(1, 1), Err(ImapError::Nonsense { .. })));
}

#[test]
fn impossible_literals_are_refused() {
    for literal in ["{99999999999999999999}", "{200000000}"] {
        let (_server, mut session) = logged_in(move |conn| {
            conn.serve_until("FETCH")?;
            conn.reply_raw(format!("* 1 FETCH (BODY[HEADER.FIELDS (FROM)] {literal}\r\n").as_bytes())?;
            conn.stall()
        });
        assert!(matches!(session.window(1, 1), Err(ImapError::Nonsense { .. })), "{literal}");
    }
}

#[test]
fn unknown_items_in_a_fetch_do_not_hide_the_message() {
    let (_server, mut session) = logged_in(|conn| {
        let fetch = conn.serve_until("FETCH")?;
        conn.reply_raw(
            b"* 1 FETCH (X-GURK {3}\r\na\r\n UID 9 FLAGS (\\Seen) RFC822.SIZE 12)\r\n* 2 FETCH (FLAGS ())\r\n",
        )?;
        conn.reply(&fetch, "OK")?;
        conn.serve()
    });
    let found = session.window(1, 2).unwrap();
    assert_eq!(found.iter().map(|message| (message.uid, message.size)).collect::<Vec<_>>(), [(9, 12)]);
}

#[test]
fn a_silent_server_is_given_up_in_bounded_time() {
    let (error, _) = refused_login(Conn::stall, Security::Plaintext);
    assert!(matches!(error, ImapError::Silent { .. }), "{error:?}");
    let (error, _) = refused_login(Conn::stall, Security::Tls);
    assert!(matches!(error, ImapError::Silent { .. }), "{error:?}");
    let (_server, mut session) = logged_in(|conn| {
        conn.serve_until("NOOP")?;
        conn.stall()
    });
    assert!(matches!(session.noop(), Err(ImapError::Silent { .. })));
}

#[test]
fn a_server_that_only_trickles_is_given_up_too() {
    let trickle = |conn: &mut Conn| loop {
        conn.reply_raw(b"* OK still thinking\r\n")?;
        std::thread::sleep(Duration::from_millis(100)); // the server's pace, not a wait of the test
    };
    let (error, _) = refused_login(trickle, Security::Plaintext);
    assert!(matches!(error, ImapError::Silent { .. }), "{error:?}");
}

#[test]
fn greetings_that_are_none_are_refused() {
    for greeting in
        ["* BYE too many\r\n", "* PREAUTH welcome\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\r\n", "+OK POP3 ready\r\n"]
    {
        let (_, heard) = refused_login(
            move |conn| {
                conn.reply_raw(greeting.as_bytes())?;
                conn.serve()
            },
            Security::Plaintext,
        );
        assert!(heard.is_empty(), "{greeting}: {heard:?}");
    }
}

#[test]
fn the_password_is_never_sent_where_starttls_fails() {
    type Answer = fn(&mut Conn, &common::scripted::Request) -> io::Result<()>;
    let answers: [(&str, Answer); 5] = [
        ("no", |conn, request| conn.reply(request, "NO not today")),
        ("bad", |conn, request| conn.reply(request, "BAD what")),
        ("plus", |conn, _| conn.reply_raw(b"+ go\r\n")),
        ("bye", |conn, _| conn.reply_raw(b"* BYE\r\n")),
        ("injection", |conn, request| {
            conn.reply_raw(format!("{} OK begin\r\n* PREAUTH hi\r\nM2 OK injected\r\n", request.tag).as_bytes())
        }),
    ];
    for (name, answer) in answers {
        let script = move |conn: &mut Conn| {
            conn.greet("IMAP4rev1")?;
            let request = conn.serve_until("STARTTLS")?;
            answer(conn, &request)?;
            conn.serve()
        };
        let (error, heard) = refused_login(script, Security::StartTls);
        assert!(matches!(error, ImapError::NoStartTls { .. } | ImapError::Bye { .. }), "{name}: {error:?}");
        assert_eq!(heard.len(), 1, "{name}: {heard:?}");
    }
    let (error, heard) = refused_login(
        |conn| {
            conn.reply_raw(b"* PREAUTH hi\r\n")?;
            conn.serve()
        },
        Security::StartTls,
    );
    assert!(matches!(error, ImapError::NoStartTls { .. }), "{error:?}");
    assert!(heard.is_empty());
}

#[test]
fn the_code_of_a_goodbye_says_what_it_means() {
    let leaves = |conn: &mut Conn| {
        conn.reply_raw(b"* BYE [unavailable] gone for a walk\r\n")?;
        conn.close()
    };
    let (at_first, _) = refused_login(leaves, Security::Plaintext);
    let (_server, mut session) = logged_in(move |conn| {
        conn.serve_until("NOOP")?;
        leaves(conn)
    });
    let later = session.noop().unwrap_err();
    for error in [at_first, later] {
        assert!(error.is_busy(), "{error:?}");
        assert_eq!(error.server_text().as_deref(), Some("[UNAVAILABLE] gone for a walk"));
        assert!(error.hint().contains("later"), "{}", error.hint());
    }
}

#[test]
fn a_server_that_asks_for_the_password_again_and_again_gets_it_once() {
    let script = |conn: &mut Conn| {
        conn.greet("IMAP4rev1 LOGINDISABLED AUTH=PLAIN")?;
        conn.serve_until("AUTHENTICATE")?;
        loop {
            conn.reply_raw(b"+ \r\n")?;
            conn.next()?;
        }
    };
    let (error, heard) = refused_login(script, Security::Plaintext);
    assert!(matches!(error, ImapError::Nonsense { .. }), "{error:?}");
    assert_eq!(heard.iter().filter(|line| line.contains("AGFubmE")).count(), 1, "{heard:?}");
}

#[test]
fn a_refused_login_is_named_in_the_servers_words_and_not_tried_twice() {
    let script = |conn: &mut Conn| {
        conn.greet("IMAP4rev1 AUTH=PLAIN")?;
        let request = conn.serve_until("LOGIN")?;
        conn.reply(&request, "NO [AUTHENTICATIONFAILED] wrong, \u{1b}[2J sorry")?;
        conn.serve()
    };
    let (error, heard) = refused_login(script, Security::Plaintext);
    let shown = error.to_string();
    assert!(shown.contains("[AUTHENTICATIONFAILED] wrong, ^[[2J sorry"), "{shown}");
    assert_eq!(heard.iter().filter(|line| line.contains("LOGIN")).count(), 1);
    assert!(!heard.iter().any(|line| line.contains("AUTHENTICATE")));
    assert!(!format!("{error:?}{shown}").contains("s3cret"));
}

#[test]
fn logindisabled_is_obeyed() {
    let script = |conn: &mut Conn| {
        conn.greet("IMAP4rev1 LOGINDISABLED")?;
        conn.serve()
    };
    let (error, heard) = refused_login(script, Security::Plaintext);
    assert!(matches!(error, ImapError::NoLogin { .. }), "{error:?}");
    assert!(!heard.iter().any(|line| line.contains("s3cret")));
}

#[test]
fn folder_names_inject_no_commands() {
    let (server, mut session) = logged_in(Conn::serve);
    session.create(&FolderPath::new(["a\"b\\c\r\nX1 CREATE pwned", "d\0e"]), &mut Vec::new()).unwrap();
    session.rename(&FolderPath::new(["x\r\nX2 DELETE y"]), &FolderPath::new(["z\r\nX3 DELETE y"])).unwrap();
    let odd = session.append(&FolderPath::new(["q\" {3}\r\nX4 CREATE r"]), &[outgoing(&[])], 0, &mut |_, _| true);
    assert_eq!(odd.len(), 1);
    for line in server.heard() {
        assert!(!line.starts_with('X'), "{line}");
    }
}

#[test]
fn a_listing_with_hostile_names_gives_the_usable_ones() {
    let (_server, mut session) = logged_in(|conn| {
        let list = conn.serve_until("LIST \"\" \"*\"")?;
        let mut lines = b"* LIST () \"/\" \"h\xe4h\"\r\n* LIST () \"/\" {6}\r\na\r\nbcd\r\n* LIST () NIL flat\r\n* list (\\sent) \"/\" \"a\\\"b\"\r\n".to_vec();
        for number in 0..5000 {
            lines.extend(format!("* LIST () \"/\" f{number}\r\n").bytes());
        }
        conn.reply_raw(&lines)?;
        conn.reply(&list, "OK")?;
        conn.serve()
    });
    let folders = session.folders().unwrap();
    assert_eq!(folders.len(), 5002);
    assert!(folders.iter().any(|folder| folder.path.name() == "a\"b" && folder.wire == "a\"b"));
}

#[test]
fn a_call_that_waits_is_cancelled_from_another_thread() {
    let (_server, mut session) = logged_in(|conn| {
        conn.serve_until("NOOP")?;
        conn.stall()
    });
    let canceller = session.canceller();
    let waiting = std::thread::spawn(move || session.noop());
    canceller.cancel();
    assert!(matches!(waiting.join().unwrap(), Err(ImapError::Cancelled | ImapError::Lost { .. })));
}

#[test]
fn an_unreachable_and_an_unknown_host_are_named() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = connect(&account(port, Security::Plaintext)).err().unwrap();
    assert!(matches!(error, ImapError::Unreachable { .. }), "{error:?}");
    let unknown = Account { host: "no-such-host.invalid".into(), ..account(port, Security::Plaintext) };
    let error = connect(&unknown).err().unwrap();
    assert!(matches!(error, ImapError::UnknownHost { .. }), "{error:?}");
    assert!(!error.hint().is_empty());
}
