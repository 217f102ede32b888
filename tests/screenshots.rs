//! The pictures of the README: each screen of the real program on the demo's mail and a real Dovecot.
//!
//! With `MAILFERRY_SCREENSHOTS=1` the pictures in `screenshots/` are made anew; else they are made elsewhere, and only looked
//! at for being pictures of the screens they claim to be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::program::password_file;
use common::proxy::{At, Do, Proxy};
use common::pty::{Pty, key};
use common::servers::Dovecot;
use common::svg;
use tempfile::TempDir;

/// The pictures that the README shows, and a text that each screen must hold.
const PICTURES: [(&str, &str); 26] = [
    ("main", "messages,"),
    ("plan", "left out"),
    ("rules", "Rules for folders"),
    ("places", "Accounts and stores"),
    ("repairs", "Repairs"),
    ("sort", "Sort the messages"),
    ("doubts", "Doubts"),
    ("report", "What it did"),
    ("quit", "Leave it running"),
    ("bothways", "maildir:"),
    ("folder", "New folder"),
    ("delete", "[ No ]"),
    ("flag", "1 message"),
    ("pattern", "Mark messages"),
    ("error", "This is no rule"),
    ("failure", "What to do"),
    ("transfer", "Copy "),
    ("transfers", "Transfer"),
    ("preview", "Subject"),
    ("filter", " fit"),
    ("basket", "Basket"),
    ("commands", "Commands"),
    ("connect", "Password"),
    ("help", "Carry mail"),
    ("failures", "Not carried"),
    ("jobs", "some not carried"),
];

struct Studio {
    folder: PathBuf,
    _kept: TempDir,
    can_draw: bool,
}

impl Studio {
    fn new() -> Self {
        let kept = TempDir::new().unwrap();
        let is_real = std::env::var_os("MAILFERRY_SCREENSHOTS").is_some();
        let folder = if is_real { common::servers::project().join("screenshots") } else { kept.path().to_owned() };
        let can_draw = Command::new("rsvg-convert").arg("--version").output().is_ok();
        assert!(can_draw || !is_real, "rsvg-convert is missing: apt-get install librsvg2-bin fonts-dejavu-core");
        Self { folder, _kept: kept, can_draw }
    }

    /// Takes a picture of the screen as it is once it shows what it must.
    #[track_caller]
    fn take(&self, pty: &Pty, name: &str) {
        let (_, text) = PICTURES.iter().find(|(known, _)| *known == name).expect("a known picture");
        pty.wait_for_frame(text);
        let screen = pty.screen();
        let svg = svg::svg(&screen);
        assert!(svg.contains("<svg") && svg.len() > 2000, "{name}");
        if self.can_draw {
            let path = self.folder.join(format!("{name}.png"));
            svg::write_png(&screen, &path);
            assert!(std::fs::read(path).unwrap().starts_with(b"\x89PNG"), "{name}");
        }
    }
}

fn open(home: &Path, host: &str, port: u16, password: &Path) -> Pty {
    let target = format!("imap+plaintext://anna@{host}:{port}/");
    let pty = Pty::mailferry_sized(
        home,
        &["old-pc/Maildir", &target, "--password-file", password.to_str().unwrap()],
        100,
        30,
    );
    pty.wait_for("Trash");
    pty.wait_for("Projects");
    pty
}

/// Folders, messages, and what finds them.
fn about(studio: &Studio, pty: &Pty) {
    pty.type_keys("?");
    studio.take(pty, "help");
    pty.type_keys(key::ESC);
    pty.wait_gone("Carry mail");
    // Down to a folder below Projects; mark it, and look at a message.
    pty.type_keys("/Bridge\r");
    pty.wait_for("245 messages");
    pty.type_keys("\rjjj  ");
    pty.wait_for("2 messages,");
    studio.take(pty, "main");
    pty.type_keys("b");
    studio.take(pty, "basket");
    pty.type_keys(key::ESC);
    pty.wait_gone("Basket");
    pty.type_keys(":mark");
    studio.take(pty, "commands");
    pty.type_keys(key::ESC);
    pty.wait_gone("Commands");
    pty.type_keys("f~d 2004-03.. ~A !~F");
    studio.take(pty, "filter");
    pty.type_keys(key::ESC);
    pty.wait_gone(" fit");
    pty.type_keys("s");
    studio.take(pty, "sort");
    pty.type_keys(key::ESC);
    pty.wait_gone("Sort the messages");
    pty.type_keys("p");
    studio.take(pty, "preview");
    pty.type_keys(key::ESC);
    pty.wait_gone("Subject");
    pty.type_keys("u");
    pty.wait_for("nothing marked");
    pty.type_keys(&format!("{}{}", key::LEFT, key::HOME));
    pty.type_keys(key::F[3]);
    pty.wait_for("messages read");
    studio.take(pty, "doubts");
    pty.type_keys(key::ESC);
    pty.wait_gone("Doubts about");
}

/// The plan of the whole store, with what changes it.
fn planned(studio: &Studio, pty: &Pty) {
    pty.type_keys(key::F[4]);
    pty.wait_for("Projects/Bridge");
    pty.wait_for("F4 reads every message");
    // The drafts are left out, and what is of the last century goes elsewhere.
    pty.go_to_row("Drafts");
    pty.type_keys(" ");
    pty.wait_for("left out");
    pty.go_to_row("Archive/1996");
    pty.type_keys("e");
    pty.wait_for("Enter that name");
    pty.type_keys(&format!("\x15Last century/1996{}", key::ENTER));
    pty.wait_for("2 rules");
    studio.take(pty, "plan");
    pty.type_keys(key::F[1]);
    studio.take(pty, "rules");
    pty.type_keys(key::ESC);
    pty.wait_gone("Rules for folders");
    pty.type_keys("R");
    studio.take(pty, "repairs");
    pty.type_keys(key::ESC);
    pty.wait_gone("Space off, ask, on");
}

/// What is done to the mailbox itself, and what is asked for.
fn there(studio: &Studio, pty: &Pty) {
    pty.type_keys("\tgj");
    pty.type_keys(key::F[6]);
    studio.take(pty, "folder");
    pty.type_keys(key::ESC);
    pty.wait_gone("New folder");
    pty.type_keys("/Drafts\r");
    pty.type_keys(key::F[7]);
    studio.take(pty, "delete");
    pty.type_keys("n");
    pty.wait_gone("[ No ]");
    pty.type_keys("/Sent\r\r");
    pty.wait_for("Keys for the site");
    pty.type_keys("!");
    studio.take(pty, "flag");
    pty.type_keys(key::ESC);
    pty.wait_gone("flagged");
    pty.type_keys("+~f holm");
    studio.take(pty, "pattern");
    pty.type_keys(key::ESC);
    pty.wait_gone("Mark messages");
    pty.type_keys(key::F[1]);
    pty.wait_for("Rules for folders");
    pty.type_keys("anonsense\r");
    studio.take(pty, "error");
}

/// What a job leaves behind.
fn ended(studio: &Studio, pty: &Pty) {
    pty.type_keys(key::F[4]);
    pty.wait_for("what goes where");
    pty.type_keys("\r");
    pty.wait_for_text("x lists them", Duration::from_mins(1));
    pty.wait_until(|screen| screen.contents().contains("Copied"));
    pty.type_keys("x");
    studio.take(pty, "failures");
    pty.type_keys("\rj\r");
    studio.take(pty, "failure");
    pty.type_keys(key::ESC);
    pty.wait_gone("What to do");
    pty.type_keys(key::ESC);
    pty.wait_gone("Enter in full");
    pty.type_keys("J");
    studio.take(pty, "jobs");
    pty.type_keys("\r");
    studio.take(pty, "report");
    pty.type_keys(key::ESC);
    pty.wait_gone("What it did");
    pty.type_keys(key::ESC);
    pty.wait_gone("Enter report");
    pty.type_keys("@");
    studio.take(pty, "places");
    pty.type_keys(key::ESC);
    pty.wait_gone("Accounts and stores");
}

#[test]
fn every_screen_has_its_picture() {
    let (Some(server), Some(strict)) = (Dovecot::new().start(), Dovecot::new().max_mail_size("60K").start()) else {
        return;
    };
    let home = TempDir::new().unwrap();
    let password = password_file(home.path());
    common::mail::demo(&home.path().join("old-pc")).unwrap();
    for folder in ["Archive", "Offers"] {
        common::peek::create(server.imap_port, "anna", folder);
    }
    let studio = Studio::new();

    let pty = Pty::mailferry_sized(home.path(), &["old-pc/Maildir"], 100, 30);
    pty.wait_for("Server");
    pty.type_keys("mail.example.org\t\t\tanna\tsecret");
    pty.wait_for("••••••");
    studio.take(&pty, "connect");
    drop(pty);

    // The server falls silent in the middle, so that the running transfer stands still for its picture.
    let proxy =
        Proxy::new(server.imap_port).round_trip(Duration::from_millis(6)).fault(300, At::BeforeOk, Do::Stall).start();
    let pty = open(home.path(), "localhost", proxy.port, &password);
    about(&studio, &pty);
    planned(&studio, &pty);
    pty.type_keys("\r");
    pty.wait_until(|_| proxy.fired() == 1);
    pty.wait_until(|screen| screen.contents().contains("left"));
    studio.take(&pty, "transfer");
    pty.type_keys("w");
    studio.take(&pty, "transfers");
    pty.type_keys(key::ESC);
    pty.wait_gone("Esc close");
    pty.type_keys("q");
    studio.take(&pty, "quit");
    drop(pty);

    let pty = open(home.path(), "127.0.0.1", strict.imap_port, &password);
    ended(&studio, &pty);
    there(&studio, &pty);
    drop(pty);

    // The other way: the mailbox on the left, a new Maildir on the right.
    let url = format!("imap+plaintext://anna@127.0.0.1:{}/", strict.imap_port);
    let secret = password.to_str().unwrap();
    let arguments = [&url, "maildir:backup", "--source-password-file", secret];
    let pty = Pty::mailferry_sized(home.path(), &arguments, 100, 30);
    pty.wait_for("Projects");
    pty.type_keys(key::F[4]);
    pty.wait_for("what goes where");
    studio.take(&pty, "bothways");
}

#[test]
fn the_readme_shows_only_pictures_that_are_there() {
    let project = common::servers::project();
    let readme = std::fs::read_to_string(project.join("README.md")).unwrap();
    let mut shown = 0;
    for part in readme.split("screenshots/").skip(1) {
        let name = part.split(')').next().unwrap();
        let picture = std::fs::read(project.join("screenshots").join(name)).unwrap_or_default();
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000, "{name}");
        assert!(PICTURES.iter().any(|(known, _)| name == format!("{known}.png")), "{name} is made by no test");
        shown += 1;
    }
    assert!(shown >= 5, "only {shown} pictures");
}

#[test]
fn the_readme_has_the_keys_and_patterns_of_the_program() {
    let path = common::servers::project().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let mut wanted = readme.clone();
    for (name, table) in [("keys", mailferry::ui::keys_markdown()), ("patterns", mailferry::ui::patterns_markdown())] {
        let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
        let (before, rest) = wanted.split_once(&begin).unwrap();
        let (_, after) = rest.split_once(&end).unwrap();
        wanted = format!("{before}{begin}{table}{end}{after}");
    }
    if std::env::var_os("MAILFERRY_SCREENSHOTS").is_some() {
        std::fs::write(path, wanted).unwrap();
        return;
    }
    assert_eq!(readme, wanted, "run MAILFERRY_SCREENSHOTS=1 cargo test --test screenshots");
}
