//! The mail that the bench of the line lists and carries.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use tempfile::TempDir;

use crate::common::big;
use crate::common::mail::{Maker, write_maildir_tree};
use crate::common::program::password_file;

/// Messages in the folder that all programs list.
pub const FEW: usize = 2_000;
/// Messages that a job carries.
pub const LOAD: &str = "3,000";

/// A home with `few` (a Maildir with a folder), `load` (mail to be carried) and `big` (an mbox of many small messages).
pub struct Stores {
    home: TempDir,
}

impl Stores {
    pub fn new(messages: usize) -> Self {
        let home = TempDir::new().unwrap();
        let folders = [("", Maker::new(1).folder(FEW, 2004, 600)), ("Bridge", Maker::new(2).folder(FEW, 2005, 600))];
        write_maildir_tree(&home.path().join("few"), &folders).unwrap();
        big::mbox(&home.path().join("load"), big::Mails::new(3_000, 20_000)).unwrap();
        big_mbox(&home.path().join("big"), messages);
        fs::rename(password_file(home.path()), home.path().join("password")).unwrap();
        Self { home }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The path of one of them as text.
    pub fn text(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }
}

/// Small messages: only their headers matter here.
fn big_mbox(path: &Path, messages: usize) {
    let names = ["Kerstin Holm", "J. Braun", "佐藤 健", "Zoë Łuk", "Anna", "Père Noël", "M. Özgür"];
    let mut file = BufWriter::new(fs::File::create(path).unwrap());
    for at in 0..messages {
        let (day, hour, minute) = (1 + at / 1440 % 28, at / 60 % 24, at % 60);
        let mut message = String::new();
        let name = names[at * 7919 % names.len()];
        _ = write!(
            message,
            "From a@x.example Mon Mar {day:>2} {hour:02}:{minute:02}:00 2004\nFrom: {name} <n{}@x.example>\n\
             Date: {day} Mar 2004 {hour:02}:{minute:02}:00 +0000\nSubject: {} {} {at}\nMessage-ID: <{at}@x.example>\n",
            at % 500,
            if at % 3 == 0 { "Re: girders" } else { "plans" },
            at * 2_654_435_761 % 9973,
        );
        if at % 3 == 0 && at > 0 {
            _ = writeln!(message, "In-Reply-To: <{}@x.example>", at - 1);
        }
        message.push_str("\ntext\n\n");
        file.write_all(message.as_bytes()).unwrap();
    }
    file.flush().unwrap();
}
