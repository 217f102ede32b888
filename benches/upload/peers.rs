//! The programs that people have, and ours.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::common::program;
use crate::common::servers::PASSWORD;
use crate::fresh;
use crate::work::{BOX, Work};

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("the program; scripts/bench installs it");
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Our own, as a user runs it: with a journal, each message proven.
pub fn mailferry(work: &Work, port: u16, user: &str) {
    let home = fresh(&work.home.join("home"));
    let password = program::password_file(&home);
    let folder = if work.folders == [BOX] { BOX } else { "" };
    let target = format!("imap+plaintext://{user}@127.0.0.1:{port}/{folder}");
    let (maildir, password) = (work.home.join("Maildir"), password.to_str().unwrap().to_owned());
    run(&mut program::command(
        &home,
        &["copy", maildir.to_str().unwrap(), &target, "-q", "--password-file", &password],
    ));
}

pub fn mbsync(work: &Work, port: u16, user: &str) {
    // It renames the files of its source: a copy of the names is enough.
    let home = fresh(&work.home.join("mbsync"));
    for folder in &work.folders {
        run(Command::new("cp").arg("-al").arg(work.maildir(folder)).arg(home.join(folder)));
    }
    let settings = format!(
        "IMAPAccount a\nHost 127.0.0.1\nPort {port}\nUser {user}\nPass {PASSWORD}\nSSLType None\nAuthMechs LOGIN\n\n\
         IMAPStore far\nAccount a\n\nMaildirStore near\nPath {home}/\nInbox {home}/INBOX\n\n\
         Channel c\n{folders}\nSync Push\nCopyArrivalDate yes\nSyncState *\n",
        home = home.display(),
        folders = if work.folders == [BOX] {
            "Far :far:Box\nNear :near:Box"
        } else {
            "Far :far:\nNear :near:\nPatterns Project*\nCreate Far"
        }
    );
    fs::write(home.join("rc"), settings).unwrap();
    run(Command::new("mbsync").args(["-q", "-c"]).arg(home.join("rc")).arg("c").env("HOME", &home));
}

/// It takes a password from a terminal only, mail from below the home only, and never as root.
pub fn mailutil(work: &Work, port: u16, user: &str) {
    let home = readable(&work.home);
    let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 200, ..PtySize::default() }).unwrap();
    let target = format!("{{127.0.0.1:{port}/imap/notls/user={user}}}Box");
    let mut command = CommandBuilder::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "mailutil", "append", "mbox", &target]);
    command.env("HOME", &home);
    command.cwd(&home);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let (mut screen, mut keys) = (pair.master.try_clone_reader().unwrap(), pair.master.take_writer().unwrap());
    let mut said = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = screen.read(&mut bytes) {
        said.extend_from_slice(&bytes[..count]);
        if said.ends_with(b"assword: ") || said.ends_with(b"assword:") {
            keys.write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
            said.push(b' ');
        }
    }
    assert!(child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&said));
}

/// The way to `home`, so that another user may go there.
fn readable(home: &Path) -> PathBuf {
    for path in [home, home.parent().unwrap()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    home.to_owned()
}

pub fn curl(work: &Work, port: u16, user: &str) {
    let mut settings = String::new();
    for number in 0..work.messages {
        let file = work.home.join("files").join(number.to_string());
        writeln!(
            settings,
            "url = \"imap://127.0.0.1:{port}/Box\"\nupload-file = \"{}\"\nuser = \"{user}:{PASSWORD}\"\nnext",
            file.display()
        )
        .unwrap();
    }
    let path = work.home.join("curl.settings");
    fs::write(&path, settings.trim_end_matches("next\n")).unwrap();
    run(Command::new("curl").args(["-s", "-K"]).arg(path));
}
