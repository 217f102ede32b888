//! How a person finds out what there is, and has it his own way: hint, help, palette, accounts, looks and keys. In a real
//! terminal against a real Dovecot.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it must be"
)]

mod common;

use std::fs;

use common::mail::{Maker, write_maildir_tree};
use common::program::password_file;
use common::pty::{Pty, key};
use common::servers::{Dovecot, Server};
use tempfile::TempDir;

struct Scene {
    server: Server,
    home: TempDir,
}

impl Scene {
    /// A store of 7 messages, and settings.
    fn new(settings: &str) -> Option<Self> {
        let server = Dovecot::new().start()?;
        let home = TempDir::new().unwrap();
        let password = password_file(home.path());
        write_maildir_tree(&home.path().join("Maildir"), &[("", Maker::new(51).folder(7, 2004, 60))]).unwrap();
        let config = home.path().join(".config/mailferry");
        fs::create_dir_all(&config).unwrap();
        let settings =
            settings.replace("PORT", &server.imap_port.to_string()).replace("PASSWORD", password.to_str().unwrap());
        fs::write(config.join("config.toml"), settings).unwrap();
        Some(Self { server, home })
    }

    fn open(&self) -> Pty {
        let store = self.home.path().join("Maildir");
        let password = self.home.path().join("password");
        let target = Server::plaintext_url("anna", self.server.imap_port);
        let arguments = [store.to_str().unwrap(), &target, "--password-file", password.to_str().unwrap()];
        let pty = Pty::mailferry(self.home.path(), &arguments);
        pty.wait_for("Drafts");
        pty
    }
}

#[track_caller]
fn quit(mut pty: Pty) {
    pty.type_keys("q");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
}

#[test]
fn everything_is_found_from_the_first_start_on() {
    let Some(scene) = Scene::new("") else { return };
    let pty = scene.open();
    pty.wait_for("new here? ? shows the keys");
    pty.type_keys("?");
    pty.wait_for("Carry mail");
    pty.type_keys(key::ESC);
    pty.wait_gone("Carry mail");
    // A dialog's own keys.
    pty.type_keys("s?");
    pty.wait_for("Sorting");
    pty.type_keys(key::ESC);
    pty.wait_gone("Sorting");
    pty.type_keys(key::ESC);
    pty.wait_gone("Sort the messages");
    // A command by its name: copy the store.
    pty.type_keys("g:copy");
    pty.wait_for("Commands");
    pty.type_keys(key::ENTER);
    pty.wait_for("what goes where");
    pty.type_keys(key::ENTER);
    pty.wait_for("Copied 7 messages");
    assert_eq!(scene.server.peek("anna").len(), 7);
    quit(pty);
    let pty = scene.open();
    assert!(!pty.screen_text().contains("new here?"), "a second start says nothing");
    quit(pty);
}

#[test]
fn accounts_of_the_settings_are_a_key_away() {
    let settings = "[accounts.anna]\nurl = \"imap+plaintext://anna@127.0.0.1:PORT\"\npassword-file = \"PASSWORD\"\n\n\
        [accounts.bert]\nurl = \"imap+plaintext://bert@127.0.0.1:PORT\"\npassword-command = \"cat PASSWORD\"\n";
    let Some(scene) = Scene::new(settings) else { return };
    let store = scene.home.path().join("Maildir");
    let pty = Pty::mailferry(scene.home.path(), &[store.to_str().unwrap(), "anna:"]);
    pty.wait_for("Drafts");
    // The mailbox on the right becomes Bert's; what is copied goes there.
    pty.type_keys("\t@");
    pty.wait_for("Accounts and stores");
    pty.wait_for("bert@127.0.0.1");
    pty.type_keys(&format!("{}{}", key::END, key::ENTER));
    pty.wait_gone("Accounts and stores");
    pty.wait_until(|screen| {
        screen.contents().matches("bert@127.0.0.1").count() >= 2 && screen.contents().contains("Drafts")
    });
    // And from the list to the store on the left.
    pty.type_keys("@");
    pty.wait_for("Accounts and stores");
    pty.type_keys(key::ENTER);
    pty.wait_gone("Accounts and stores");
    pty.type_keys(key::F[4]);
    pty.wait_for("To bert@127.0.0.1");
    pty.type_keys(key::ENTER);
    pty.wait_for("Copied 7 messages");
    assert_eq!((scene.server.peek("anna").len(), scene.server.peek("bert").len()), (0, 7));
    quit(pty);
}

#[test]
fn looks_and_keys_are_the_users_own() {
    let settings = "[screen]\ntheme = \"mono\"\nkeys = \"vim\"\nascii = true\n\n[keys]\nmark-all = [\"Z\"]\n";
    let Some(scene) = Scene::new(settings) else { return };
    let pty = scene.open();
    pty.wait_for("7 messages");
    pty.type_keys("lZ");
    pty.wait_for("7 messages,");
    pty.type_keys("y");
    pty.wait_for("what goes where");
    let text = pty.screen_text();
    assert!(text.is_ascii(), "{text}");
    pty.type_keys(key::ENTER);
    pty.wait_for("Copied 7 messages");
    let raw = String::from_utf8_lossy(&pty.raw_output()).into_owned();
    let is_coloured =
        ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[38;"].iter().any(|code| raw.contains(code));
    assert!(!is_coloured, "mono has no colours");
    quit(pty);
}
