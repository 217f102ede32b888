//! Stores that change or hold hostile mail while they are carried (rows 47 to 52, and 65); those that are locked are in
//! [`super::locks`].

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use super::common::for_each_of;
use super::common::invariants::{check, complete, hold};
use super::common::mail::{Mail, Maker, MboxStyle, mbox_entry};
use super::common::servers::Dovecot;
use super::common::sha256;
use super::common::trial::{Kind, Post, Trial};

/// What another program does to a message's file.
type Change = fn(&PathBuf);

/// Row 47: a message is changed, cut short, made longer or removed after the list was made and before it is read. It is
/// carried as it is now, or listed; what it was is nobody's to say any more.
#[test]
fn a_message_that_changes_before_it_is_read_is_carried_as_it_is_or_listed() {
    let changes: [(&str, Change, &[i32]); 3] = [
        ("cut short", |path| OpenOptions::new().write(true).open(path).unwrap().set_len(30).unwrap(), &[0, 1]),
        ("longer", |path| OpenOptions::new().append(true).open(path).unwrap().write_all(b"more\n").unwrap(), &[0, 1]),
        ("removed", |path| fs::remove_file(path).unwrap(), &[0, 1]),
    ];
    for (what, change, codes) in changes {
        let (_server, post) = Post::in_memory();
        let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
        let gate = post.mailbox().gate("FETCH", 1); // it looks at what is there before it reads
        let running = trial.start(post.port(), &[]);
        gate.wait();
        let path = trial.file_of(7);
        change(&path);
        let now = fs::read(&path).ok();
        gate.wait();
        let run = running.wait();
        assert!(codes.contains(&run.code), "{what}: {} {}", run.code, run.out);
        if what == "removed" {
            // The folder may be listed before, meanwhile or after: only what was seen there is missed.
            let is_missed = !(run.events_of("damage").is_empty() && run.events_of("message.failed").is_empty());
            assert_eq!(is_missed, run.code == 1, "{}", run.out);
        }
        let there = trial.there();
        assert!(there.len() >= 7, "{what}: {}", there.len());
        for (place, mail) in trial.mails.iter().enumerate().filter(|(place, _)| *place != 7) {
            assert!(there.iter().any(|message| message.sha256 == sha256(&mail.bytes)), "{what}: {place}");
        }
        // What is there of it is what it was when it was read; else it is here still.
        let wire = now.map(|bytes| {
            let text = String::from_utf8_lossy(&bytes).replace('\n', "\r\n");
            sha256((text.trim_end_matches("\r\n").to_owned() + "\r\n").as_bytes())
        });
        let is_there = wire.is_some_and(|digest| there.iter().any(|message| message.sha256 == digest));
        assert!(is_there || path.exists() || what == "removed", "{what}");
    }
}

/// Rows 47, 48: an mbox or a message of a Maildir that changes after its messages were sent is not touched.
#[test]
fn a_message_that_changes_after_it_was_sent_is_not_removed() {
    let (_server, post) = Post::in_memory();
    let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
    let gate = post.mailbox().gate("UID FETCH", 2); // it reads back what it sent
    let running = trial.start(post.port(), &["--connections", "1"]);
    gate.wait();
    let path = trial.file_of(0);
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"and one more line\n").unwrap();
    drop(file);
    let now = fs::read(&path).unwrap();
    gate.wait();
    let run = running.wait();
    assert_eq!(run.code, 1, "{}", run.out);
    assert_eq!(fs::read(&path).unwrap(), now);
    assert!(run.events_of("message.failed")[0]["reason"].as_str().unwrap().contains("changed"));
}

/// Row 50: a message is delivered to the mbox while it is moved.
#[test]
fn a_message_that_is_delivered_meanwhile_stays() {
    let (_server, post) = Post::in_memory();
    let mut trial = Trial::new(&post, Kind::MoveMbox, "Box");
    let gate = post.mailbox().gate("APPEND", 4);
    let running = trial.start(post.port(), &[]);
    gate.wait();
    let new = Maker::new(99).folder(1, 2024, 3).remove(0);
    trial.appended = mbox_entry(&new, MboxStyle::Mboxrd);
    OpenOptions::new().append(true).open(&trial.store).unwrap().write_all(&trial.appended).unwrap();
    gate.wait();
    let run = running.wait();
    check(&trial, &run, &[0], "a delivery meanwhile");
    assert_eq!((trial.here(), trial.there().len()), (0, 8));
    // The next run carries it as well.
    let again = trial.run(post.port(), &[]).expect(0);
    assert_eq!(again.totals(), (1, 0, 0));
    assert!(trial.there().iter().any(|message| message.sha256 == sha256(&new.bytes)));
}

/// Row 51: a mail program reads messages while they are carried: new becomes cur, and flags change.
#[test]
fn messages_that_are_read_meanwhile_are_carried_once() {
    for_each_of(&Kind::BOTH, 2, |kind| {
        let (_server, post) = Post::in_memory();
        let mut mails = super::common::trial::letters();
        mails[1].marks = super::common::mail::Marks::default();
        let trial = Trial::with(&post, *kind, "Box", mails);
        let gate = post.mailbox().gate("FETCH", 1);
        let running = trial.start(post.port(), &[]);
        gate.wait();
        for place in [0, 1, 5] {
            let path = trial.file_of(place);
            let name = path.file_name().unwrap().to_str().unwrap();
            let base = name.split(":2,").next().unwrap();
            fs::rename(&path, trial.store.join("cur").join(format!("{base}:2,FRS"))).unwrap();
        }
        gate.wait();
        let run = running.wait().expect(0);
        assert_eq!(run.totals(), (8, 0, 0));
        assert_eq!(trial.there().len(), 8);
        assert_eq!(trial.here(), if kind.is_move() { 0 } else { 8 });
    });
}

/// Row 52: a store on a file system that nobody may write to.
#[test]
fn a_move_out_of_a_read_only_file_system_is_refused_before_anything_is_sent() {
    let (server, post) = Post::in_memory();
    let trial = Trial::new(&post, Kind::MoveMaildir, "Box");
    let program = env!("CARGO_BIN_EXE_mailferry");
    let mail = trial.home.path().join("mail");
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" || exit 99; shift; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("unshare");
    command.args(["--map-root-user", "--mount", "bash", "-c", script, program, mail.to_str().unwrap()]);
    command.args(trial.arguments(post.port(), &[]));
    super::common::program::at_home(&mut command, trial.home.path());
    let run = super::common::program::Running::start(command).wait();
    if run.code == 99 || run.err.contains("unshare") {
        return super::common::skip(&format!("nothing can be mounted here: {}", run.err.trim()));
    }
    assert_eq!(server.count("APPEND"), 0);
    assert!([74, 77].contains(&run.code), "{} {}", run.code, run.err);
    complete(&trial, "a read-only store");
}

/// Row 65: mail that was written to break programs is carried byte for byte, or listed.
#[test]
fn hostile_mail_is_carried_byte_for_byte() {
    let Some(server) = Dovecot::new().start() else { return };
    let nested = |levels: usize| -> Vec<u8> {
        let part = "Content-Type: message/rfc822\r\n\r\n";
        format!("From: a@x\r\n{}Subject: core\r\n\r\nx\r\n", part.repeat(levels)).into_bytes()
    };
    let recipients = (0..100_000).map(|number| format!("u{number}@x.example")).collect::<Vec<_>>().join(",\r\n ");
    let long_line = if super::common::is_long() { 1 << 30 } else { 8 << 20 };
    let bodies: Vec<Vec<u8>> = vec![
        nested(25_000),
        format!("From: a@x\r\nTo: {recipients}\r\nSubject: many\r\n\r\nx\r\n").into_bytes(),
        "From: a@x\r\nSubject: \u{1b}]0;PWNED\u{7}\u{1b}[2J\u{9b}31m \u{202e}gpj.exe a\u{301}\r\n\r\n\u{1b}c\r\n"
            .into(),
        b"no header at all\r\n".to_vec(),
        [b"From: a@x\r\nX: ".to_vec(), vec![b'y'; long_line], b"\r\n\r\nlong header\r\n".to_vec()].concat(),
        b"From: a@x\r\nSubject: bare\r\n\r\na\rb\rc\r\n".to_vec(),
        b"From: a@x\r\nSubject: eight\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\x80\xff\xfe\xe4\r\n".to_vec(),
        [b"From: a@x\r\nSubject: ".to_vec(), "a\u{301}".repeat(500_000).into_bytes(), b"\r\n\r\nzalgo\r\n".to_vec()]
            .concat(),
        b"From: a@x\r\nDate: 32 Foo 2020 99:99:99 +9999\r\nMessage-ID: a\r\nMessage-ID: b\r\n\r\nodd\r\n".to_vec(),
    ];
    let template = Maker::new(5).folder(1, 2004, 9).remove(0);
    let mails: Vec<Mail> = bodies.into_iter().map(|bytes| Mail { bytes, ..template.clone() }).collect();
    for_each_of(&Kind::BOTH, 1, |kind| {
        let post = Post::on(&server, &format!("{kind:?}"));
        let trial = Trial::with(&post, *kind, "Box", mails.clone());
        let run = trial.run(server.imap_port, &["--timeout", "60"]);
        assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}') && !run.out.contains('\u{202e}'));
        hold(&trial, &run, &[0], "hostile mail");
    });
}
