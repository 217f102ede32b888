//! Files that real programs wrote; they stay outside the repository.

use std::path::{Path, PathBuf};

use mailferry::mail::{Envelope, FolderPath, Sha256Sum};
use mailferry::store;

use super::{folders, list};

/// The samples that real programs wrote.
pub(super) fn samples() -> Option<PathBuf> {
    samples_of("real")
}

/// A kind of samples, from `MAILFERRY_SAMPLES` or beside the repository.
pub(super) fn samples_of(kind: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    let path = std::env::var_os("MAILFERRY_SAMPLES").map_or_else(beside, PathBuf::from).join(kind);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: no samples (set MAILFERRY_SAMPLES)");
    None
}

/// Messages, hidden ones and damages in all folders.
pub(super) fn totals(path: &Path) -> (usize, usize, usize) {
    let mut store = store::open(path, None).unwrap();
    let mut totals = (0, 0, 0);
    for folder in folders(store.as_mut()) {
        let folder = FolderPath::parse(&folder);
        let listed = list(store.as_mut(), &folder).unwrap();
        for one in &listed.messages {
            assert!(!store.read(&folder, &one.locator).unwrap().is_empty());
        }
        totals = (totals.0 + listed.messages.len(), totals.1 + listed.hidden.len(), totals.2 + listed.damage.len());
    }
    totals
}

#[test]
fn every_real_mbox_has_the_messages_that_a_careful_reader_finds() {
    let Some(samples) = samples() else { return };
    for (name, messages) in [
        ("mbox/mimekit-content-length.mbox", 29),
        ("mbox/mimekit-issue1189.mbox", 4),
        ("mbox/mimekit-simple.mbox", 3),
        ("mbox/mimekit-unmunged.mbox", 2), // Python: 3, it splits at "From Russia with love"
        ("mbox/tika-complex.mbox", 3),
        ("mbox/tika-headers.mbox", 1),
        ("mbox/tika-multiline.mbox", 1),
        ("mbox/tika-multiline2.mbox", 1),
        ("mbox/tika-quoted.mbox", 1),
        ("mbox/tika-simple.mbox", 2),
        ("mbox/tika-single_mail.mbox", 1),
        ("mbox/tika-testMBOX_complex.mbox", 1),
        ("mbox/tika-testMBOX_lengthy_x-headers.mbox", 1),
        ("dovecot-made/mboxes-inbox", 6), // Python: 12, Dovecot does not quote "From the start of a line"
        ("dovecot-made/mboxes", 6),
    ] {
        assert_eq!(totals(&samples.join(name)), (messages, 0, 0), "{name}");
    }
}

/// Each digest is that of the lines of SHA-256 of all messages, as Python 3.11's `mailbox.mbox` reads them: `get_bytes`
/// without the From_ line, bookkeeping fields removed, one `>` taken from `>+From `, CRLF line ends. Not in the table:
/// mimekit-unmunged, where Python splits at text, and mimekit-content-length, where two messages of 29 differ by one `>`
/// (their Content-Length is true, so we take nothing away).
#[test]
fn the_bytes_of_real_mboxes_are_those_that_python_reads() {
    let Some(samples) = samples() else { return };
    for (name, digest) in [
        ("mimekit-issue1189.mbox", "7f26412cdadac8e02ce79d13905501068574a57d711beb459b0ba00d04121ba3"),
        ("mimekit-simple.mbox", "a3db56101555a6b7af016a43dfb6387411fd6e2fe18bb11eea6c0983e0927776"),
        ("tika-complex.mbox", "355e5bdbfa662b18bffb8ef129dd28adef9535b7e2babebc3b524df6e0fc0a5f"),
        ("tika-headers.mbox", "884f45affe0e7dd39dea5667c9f1983813ef51923c8360137e24e1f8a97fc7fc"),
        ("tika-multiline.mbox", "dad8a34d88f62bd56194c5e3118eb50b1f315bcef842a02a82388ee7c07ecd85"),
        ("tika-multiline2.mbox", "d1451bada8a4d0c05708106e747d2a3b3db5c1c80aabf557133111bf835c5652"),
        ("tika-quoted.mbox", "64a6bec3c377a5729a8dacf99d7cbe2bd2e5cbe9291e1bb358109a2a5d446cf5"),
        ("tika-simple.mbox", "a9eea8dbae41dc983fe60aa7ae3728814061501278d8538219b4d649e39bb57a"),
        ("tika-single_mail.mbox", "811a34b8c21e597de87c736c855d64ed67402138b3eaa686ee6f363d0e0a6606"),
        ("tika-testMBOX_complex.mbox", "771236f4ee868019905ca971cfc2c9c6470b98c087e964ab3771f39d88e73a3b"),
        ("tika-testMBOX_lengthy_x-headers.mbox", "50a2a54134afa7674089cf26d4a469678f51a635a30d61beaaed468b96fbf11d"),
    ] {
        let mut store = store::open(&samples.join("mbox").join(name), None).unwrap();
        let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
        let line =
            |one: &Envelope| format!("{}\n", Sha256Sum::of(&store.read(&FolderPath::root(), &one.locator).unwrap()));
        let lines: String = listed.messages.iter().map(line).collect();
        assert_eq!(Sha256Sum::of(lines.as_bytes()).to_string(), digest, "{name}");
    }
}

#[test]
fn the_same_mail_written_by_dovecot_in_two_formats_reads_the_same() {
    let Some(samples) = samples() else { return };
    let read = |path: &str, folder: &str| {
        let mut store = store::open(&samples.join(path), None).unwrap();
        let folder = FolderPath::parse(folder);
        let listed = list(store.as_mut(), &folder).unwrap();
        let mut all: Vec<_> = listed
            .messages
            .iter()
            .map(|one| {
                let text = String::from_utf8(store.read(&folder, &one.locator).unwrap()).unwrap();
                (text, one.flags.to_string(), one.keywords.join(" "))
            })
            .collect();
        all.sort();
        all
    };
    let (mbox, maildir) = (read("dovecot-made/mboxes-inbox", ""), read("dovecot-made/Maildir", "INBOX"));
    assert_eq!(mbox.len(), 6);
    assert_eq!(mbox, maildir);
    assert!(
        mbox[0].0.ends_with("\r\nBody 1\r\nFrom the start of a line\r\n>From quoted already\r\n"),
        "{:?}",
        mbox[0].0
    );
    assert_eq!(mbox[2].2, "$Forwarded $Label1 Work");
}

#[test]
fn real_maildirs_have_their_folders_flags_and_dates() {
    let Some(samples) = samples() else { return };
    let mut store = store::open(&samples.join("dovecot-made/Maildir"), None).unwrap();
    assert_eq!(folders(store.as_mut()), ["INBOX", "Archive/2004", "Entwürfe"]);
    let archive = list(store.as_mut(), &FolderPath::parse("Archive/2004")).unwrap();
    let tagged = archive.messages.iter().filter(|one| one.keywords == ["$Forwarded", "$Label1"]).count();
    assert!(archive.messages.len() == 6 && tagged <= 2, "{tagged}");

    let path = samples.join("maildir/resources/maildir");
    let mut store = store::open(&path, None).unwrap();
    assert_eq!(folders(store.as_mut()), ["INBOX", "My Folder", "My Folder/Nested Folder"]);
    let inbox = list(store.as_mut(), &FolderPath::parse("INBOX")).unwrap();
    let shown: Vec<_> =
        inbox.messages.iter().map(|one| format!("{} {}", one.flags, one.internal_date.unwrap().unix())).collect();
    assert_eq!(shown, ["\\Seen 1234567890", "\\Seen \\Deleted 1491941793"]);
    assert_eq!(totals(&path).0, 6);
}

#[test]
fn real_message_files_are_read_and_foreign_formats_are_named() {
    let Some(samples) = samples() else { return };
    assert_eq!(totals(&samples.join("emlx-partial/test/__testdata/expected_results")), (2, 0, 0));
}
