//! What is seen of what is said, and what never is.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;
use crate::imap::{ConnectOptions, Security};

/// The lines of a trace of one connection, without the time.
fn traced(password: &str, say: impl FnOnce(&mut Tracer)) -> Vec<String> {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("trace");
    let account = Account {
        host: "host".into(),
        port: 993,
        security: Security::Tls,
        user: "anna".into(),
        password: password.into(),
        options: ConnectOptions::default(),
    };
    say(&mut Trace::open(&path).unwrap().connection(&account));
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned());
    assert!(lines.next().unwrap().starts_with("0 * mailferry "), "{text}");
    assert_eq!(lines.next().unwrap(), "1 * host port 993, TLS");
    lines.collect()
}

fn answer(text: &str) -> Answer {
    Answer::new(text.as_bytes().to_vec())
}

/// What is seen of one answer.
fn seen(text: &str) -> String {
    traced("s3cret", |tracer| tracer.received(&answer(text))).remove(0)
}

#[test]
fn messages_are_traced_by_their_lengths_however_they_are_cut() {
    let message = "Subject: marker\r\n\r\nM9 CREATE marker\r\n* marker {5}\r\n";
    let length = message.len();
    let all = format!(
        "M4 NOOP\r\nM5 APPEND \"Box\" (\\Seen) \"08-Feb-1994 05:52:25 +0000\" {{{length}+}}\r\n{message} () \
         {{{length}}}\r\n{message} () {{0+}}\r\n\r\nM6 NOOP\r\n"
    );
    for piece in [1, 7, 1000] {
        let lines = traced("s3cret", |tracer| all.as_bytes().chunks(piece).for_each(|piece| tracer.sent(piece)));
        let expected = [
            "1 > M4 NOOP".to_owned(),
            format!("1 > M5 APPEND \"Box\" (\\Seen) \"08-Feb-1994 05:52:25 +0000\" {{{length}+}}"),
            format!("1 > [{length} bytes] () {{{length}}}"),
            format!("1 > [{length} bytes] () {{0+}}"),
            "1 > [0 bytes]".to_owned(),
            "1 > M6 NOOP".to_owned(),
        ];
        assert_eq!(lines, expected, "in pieces of {piece}");
    }
}

#[test]
fn a_message_that_is_refused_before_it_is_sent_is_not_waited_for_and_one_that_breaks_off_is_told() {
    let lines = traced("s3cret", |tracer| {
        tracer.sent(b"M1 APPEND \"A\" () {9}\r\n");
        tracer.received(&answer("M1 NO [OVERQUOTA] full\r\n"));
        tracer.sent(b"M2 APPEND \"B\" () {9}\r\n");
        tracer.received(&answer("+ go\r\n"));
        tracer.sent(b"mark");
        tracer.failed(&ImapError::Lost { reason: "cut".into() });
    });
    let expected = [
        "1 > M1 APPEND \"A\" () {9}",
        "1 < M1 NO [OVERQUOTA] full",
        "1 > M2 APPEND \"B\" () {9}",
        "1 < + go",
        "1 > [4 of 9 bytes]",
        "1 * the connection to the server was lost: cut",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn nothing_that_logs_in_is_seen_not_even_where_the_server_says_it_again() {
    let lines = traced("a\"b\\c", |tracer| {
        tracer.sent(b"a1 LOGIN \"anna\" \"a\\\"b\\\\c\"\r\n");
        tracer.received(&answer("a1 BAD what is LOGIN \"anna\" \"a\\\"b\\\\c\"? Or a\"b\\c?\r\n"));
        tracer.sent(b"a1 AUTHENTICATE PLAIN\r\n");
        tracer.received(&answer("+ Y2hhbGxlbmdl\r\n"));
        tracer.sent(b"AGFubmEAYSJiXGM=\r\n");
        tracer.received(&answer("* OK wait\r\n"));
        tracer.received(&answer("+ bW9yZQ==\r\n"));
        tracer.sent(b"Kg==\r\n");
        tracer.received(&answer("a1 NO not AGFubmEAYSJiXGM=\r\n"));
        tracer.sent(b"a2 AUTHENTICATE XOAUTH2 dG9rZW4=\r\n");
        tracer.received(&answer("a2 OK done\r\n"));
        tracer.sent(b"M1 NOOP\r\n");
    });
    let expected = [
        "1 > a1 LOGIN …",
        "1 < a1 BAD what is LOGIN \"anna\" \"…\"? Or …?",
        "1 > a1 AUTHENTICATE PLAIN",
        "1 < + …",
        "1 > …",
        "1 < * OK wait",
        "1 < + …",
        "1 > …",
        "1 < a1 NO not …",
        "1 > a2 AUTHENTICATE XOAUTH2 …",
        "1 < a2 OK done",
        "1 > M1 NOOP",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn of_an_answer_only_what_holds_nothing_of_a_message_is_seen() {
    for (said, expected) in [
        (
            "* 1 FETCH (UID 7 FLAGS (\\Seen $Work) INTERNALDATE \"25-JUN-1998 10:57:38 -500\" RFC822.SIZE 5 MODSEQ (9))",
            "* 1 FETCH (UID 7 FLAGS (\\Seen $Work) INTERNALDATE \"25-JUN-1998 10:57:38 -500\" RFC822.SIZE 5 MODSEQ (9))",
        ),
        (
            "* 1 fetch (body[HEADER.FIELDS (FROM)] {6}\r\nmarker BODY[] \"marker\" UID 7)",
            "* 1 FETCH (BODY[…] {6} [6 bytes] BODY[…] \"…\" UID 7)",
        ),
        (
            "* 1 FETCH (ENVELOPE (\"Mon\" \"marker\" ((\"marker\" NIL {6}\r\nmarker \"b\")) NIL) UID 7)",
            "* 1 FETCH (ENVELOPE (\"…\" \"…\" ((\"…\" NIL {6} [6 bytes] \"…\")) NIL) UID 7)",
        ),
        (
            "* 1 FETCH (UID marker FLAGS (\"marker\") INTERNALDATE \"marker\" BODY[] marker X-marker (marker 7) marker)",
            "* 1 FETCH (UID … FLAGS (\"…\") INTERNALDATE \"…\" BODY[…] … … (… …) …)",
        ),
        ("* LIST (\\Sent) \"/\" {3}\r\nA b", "* LIST (\\Sent) \"/\" {3} A b"),
        ("* STATUS \"A b\" (MESSAGES 3)", "* STATUS \"A b\" (MESSAGES 3)"),
        ("* 12 EXISTS", "* 12 EXISTS"),
        ("* OK [UIDNEXT 7] text", "* OK [UIDNEXT 7] text"),
        ("* BAD what is marker?", "* BAD …"),
        ("M1 OK [APPENDUID 1 2] done", "M1 OK [APPENDUID 1 2] done"),
        ("marker BAD what is marker?", "… [28 bytes]"),
        ("* 1 FETCH (BODY[] \"marker", "… [27 bytes]"),
        ("* 1 FETCH (BODY[] \"a\") marker", "… [31 bytes]"),
        ("* marker 1", "… [12 bytes]"),
        ("marker", "… [8 bytes]"),
    ] {
        assert_eq!(seen(&format!("{said}\r\n")), format!("1 < {expected}"), "{said}");
    }
}

#[test]
fn what_may_be_the_rest_of_a_message_is_not_seen_until_the_next_result() {
    let lines = traced("s3cret", |tracer| {
        for said in
            ["* 1 FETCH (BODY[] {2}\r\nHi marker\r\n", "* NO marker\r\n", ")\r\n", "M1 OK done\r\n", "* NO full\r\n"]
        {
            tracer.received(&answer(said));
        }
    });
    assert_eq!(lines, ["1 < … [34 bytes]", "1 < … [13 bytes]", "1 < … [3 bytes]", "1 < M1 OK done", "1 < * NO full"]);
}

#[test]
fn a_line_is_short_and_has_nothing_that_a_terminal_obeys() {
    assert_eq!(seen("* OK \u{1b}]0;PWN\u{7} a\u{202e}b\n\r\n"), "1 < * OK ^[]0;PWN^G a\u{fffd}b");
    let long = seen(&format!("* OK {}\r\n", "x".repeat(5000)));
    assert!(long.ends_with("xx… [2000 of 5005 bytes]") && long.len() < 2100, "{long}");
}

#[test]
fn a_file_that_is_not_surely_the_users_own_is_refused_and_one_that_is_kept_is_added_to() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("own"), "before\n").unwrap();
    symlink(path("own"), path("link")).unwrap();
    std::fs::write(path("linked"), "").unwrap();
    std::fs::hard_link(path("linked"), path("other")).unwrap();
    for (name, why) in [
        ("link", "it is a link"),
        ("linked", "it has another name too"),
        (".", "directory"),
        ("none/x", "No such file"),
        ("own/x", "Not a directory"),
    ] {
        let error = Trace::open(&path(name)).unwrap_err();
        assert!(error.to_string().contains(why) && !error.hint().is_empty(), "{name}: {error}");
    }
    assert!(Trace::open(Path::new("/dev/full")).unwrap_err().to_string().contains("it is no file"));
    drop(Trace::open(&path("own")).unwrap());
    assert!(std::fs::read_to_string(path("own")).unwrap().starts_with("before\n0.000 0 * mailferry "));
    drop(Trace::open(&path("new")).unwrap());
    assert_eq!(std::fs::metadata(path("new")).unwrap().permissions().mode() & 0o777, 0o600);
}
