//! The programs on the line, and the keys by which each does the same.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use portable_pty::CommandBuilder;

use crate::common::pty::{Pty, key};
use crate::stores::Stores;

/// What is done, in the order of each program's steps.
pub const ACTIONS: [&str; 6] =
    ["down", "page down", "enter a folder", "mark", "open the preview", "filter or find, each letter"];

/// One action of a program: what is typed before it, the keys that count, what is typed after it.
pub struct Step {
    pub before: &'static str,
    pub keys: Vec<&'static str>,
    pub after: &'static str,
}

/// A program.
pub struct Program {
    pub name: &'static str,
    pub steps: [Step; ACTIONS.len()],
    command: CommandBuilder,
    /// What the screen shows once it is ready, and what is typed then.
    ready: &'static [(&'static str, &'static str)],
}

impl Program {
    pub fn open(&self) -> Pty {
        let pty = Pty::spawn(self.command.clone(), 80, 24);
        for (text, keys) in self.ready {
            pty.wait_for(text);
            pty.answer(keys, super::QUIET * 4);
        }
        pty
    }
}

fn step(before: &'static str, keys: &[&'static str], after: &'static str) -> Step {
    Step { before, keys: keys.to_vec(), after }
}

fn command(stores: &Stores, program: &str, arguments: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.args(arguments);
    command.env("HOME", stores.home());
    command.cwd(stores.home());
    for variable in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap(); // aerc wants it so
}

/// Our own: the Maildir on the left, no mailbox.
pub fn mailferry(stores: &Stores) -> Program {
    Program {
        name: "mailferry",
        command: command(stores, env!("CARGO_BIN_EXE_mailferry"), &[&stores.text("few")]),
        ready: &[("Password", key::ESC), ("2,000", "\x1b[B\r"), ("2,000 messages ─", "")],
        steps: [
            step("", &[key::DOWN], ""),
            step("", &[key::PAGE_DOWN], ""),
            step(key::LEFT, &["\r"], ""),
            step("", &[" "], ""),
            step("", &["p"], key::ESC),
            step("f", &["k", "e", "r"], key::ESC),
        ],
    }
}

/// Midnight Commander on the directory of the same messages.
pub fn mc(stores: &Stores) -> Program {
    // It asks for the cursor keys of applications.
    const DOWN: &str = "\x1bOB";
    let few = stores.text("few");
    Program {
        name: "mc",
        command: command(stores, "mc", &["-d", "--nosubshell", &few, &few]),
        // The files of the messages are in `cur`, the first directory that is not hidden.
        ready: &[("10Quit", "\x1b<"), ("cur", "\x13cur\r")],
        steps: [
            step("", &[DOWN], ""),
            step("", &[key::PAGE_DOWN], ""),
            // Up by the first line, and into it again: the cursor is on where it came from.
            step("\x1b<\r", &["\r"], DOWN),
            step("", &[key::INSERT], ""),
            step(DOWN, &[key::F[2]], key::F[9]),
            step("\x13", &["1", "0", "7"], "\x1b\x1b"),
        ],
    }
}

/// mutt on the same Maildir.
pub fn mutt(stores: &Stores) -> Program {
    let few = stores.text("few");
    let settings = stores.home().join("muttrc");
    write(
        &settings,
        &format!(
            "set folder=\"{few}\"\nset mbox_type=Maildir\nset mail_check=3600\nset move=no\nset wait_key=no\nset confirmappend=no\nset mark_old=no\n"
        ),
    );
    Program {
        name: "mutt",
        command: command(stores, "mutt", &["-n", "-R", "-F", settings.to_str().unwrap(), "-f", &few]),
        ready: &[("Msgs:2000", "=")],
        steps: [
            step("", &["j"], ""),
            step("", &[key::PAGE_DOWN], ""),
            step("c=.Bridge", &["\r"], ""),
            step("", &["t"], ""),
            step("", &["\r"], "q"),
            step("/", &["k", "e", "r"], "\x07"),
        ],
    }
}

/// aerc on the same Maildir.
pub fn aerc(stores: &Stores) -> Program {
    let few = stores.text("few");
    write(
        &stores.home().join(".config/aerc/accounts.conf"),
        &format!(
            "[anna]\nsource = maildirpp://{few}\nfrom = Anna <anna@example.org>\ncopy-to = Sent\ncheck-mail = 0\n"
        ),
    );
    Program {
        name: "aerc",
        command: command(stores, "aerc", &[]),
        ready: &[("INBOX", ""), ("Bridge", "")],
        steps: [
            step("", &["j"], ""),
            step("", &[key::PAGE_DOWN], ""),
            step("K", &["J"], ""),
            step("", &["v"], ""),
            step("", &["\r"], "q"),
            step("/", &["k", "e", "r"], key::ESC),
        ],
    }
}
