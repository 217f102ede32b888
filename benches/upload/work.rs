//! The mail that is uploaded: a Maildir, the same as an mbox and as files with network line ends.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::fresh;

/// Mail in all the shapes that the entrants read.
pub struct Work {
    /// Where it all lies.
    pub home: PathBuf,
    pub messages: usize,
    pub bytes: u64,
    /// Its folders as they are to be on the server.
    pub folders: Vec<String>,
}

/// The folder of mail that has only one; it is there before.
pub const BOX: &str = "Box";

/// Numbers that are the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

impl Work {
    /// Letters of 4 KiB.
    pub fn small(home: &Path, messages: usize) -> Self {
        Self::make(home, messages, |dice| 3_500 + dice.next() % 1_000)
    }

    /// Mail as it is: most of it small, a few messages of some megabytes; 75 KiB on average.
    pub fn mixed(home: &Path, messages: usize) -> Self {
        Self::make(home, messages, |dice| {
            let (least, most) = match dice.next() % 1000 {
                0..850 => (2_000, 30_000),
                850..985 => (30_000, 400_000),
                _ => (400_000, 4_000_000),
            };
            least + dice.next() % (most - least)
        })
    }

    /// Many folders of small mail, in a Maildir only.
    pub fn tree(home: &Path, folders: usize, messages: usize) -> Self {
        fresh(home);
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let names: Vec<String> = (0..folders).map(|number| format!("Project{number}")).collect();
        let mut bytes = 0;
        for name in ["", "cur", "new", "tmp"] {
            fs::create_dir_all(home.join("Maildir").join(name)).unwrap();
        }
        for folder in &names {
            let maildir = fresh(&home.join("Maildir").join(format!(".{folder}")));
            for name in ["new", "tmp", "cur"] {
                fresh(&maildir.join(name));
            }
            for number in 0..messages {
                let text = letter(number, usize::try_from(3_500 + dice.next() % 1_000).unwrap(), &mut dice);
                bytes += text.len() as u64;
                put(&maildir.join("cur"), number, &text, &mut dice);
            }
        }
        Self { home: home.to_owned(), messages: folders * messages, bytes, folders: names }
    }

    /// The directory of a folder's mail.
    pub fn maildir(&self, folder: &str) -> PathBuf {
        let maildir = self.home.join("Maildir");
        if folder == BOX { maildir } else { maildir.join(format!(".{folder}")) }
    }

    fn make(home: &Path, messages: usize, mut size: impl FnMut(&mut Dice) -> u64) -> Self {
        fresh(home);
        let (cur, plain) = (fresh(&home.join("Maildir/cur")), fresh(&home.join("files")));
        for name in ["new", "tmp"] {
            fresh(&home.join("Maildir").join(name));
        }
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let (mut bytes, mut mbox) = (0, Vec::new());
        for number in 0..messages {
            let text = letter(number, usize::try_from(size(&mut dice)).unwrap(), &mut dice);
            bytes += text.len() as u64;
            put(&cur, number, &text, &mut dice);
            fs::write(plain.join(format!("{number}")), text.replace('\n', "\r\n")).unwrap();
            mbox.extend_from_slice(b"From a@example.org Sun Sep  9 01:46:40 2001\n");
            mbox.extend_from_slice(text.as_bytes());
            mbox.push(b'\n');
        }
        fs::write(home.join("mbox"), mbox).unwrap();
        Self { home: home.to_owned(), messages, bytes, folders: vec![BOX.to_owned()] }
    }
}

/// Puts a letter into a Maildir's directory.
fn put(cur: &Path, number: usize, text: &str, dice: &mut Dice) {
    let date = 1_000_000_000 + number as u64 * 3_600;
    let flags = ["S", "", "RS", "FS"][usize::try_from(dice.next() % 4).unwrap()];
    let path = cur.join(format!("{date}.M{number}.host:2,{flags}"));
    fs::write(&path, text).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(date)).unwrap();
}

fn letter(number: usize, size: usize, dice: &mut Dice) -> String {
    let mut text = format!(
        "Return-Path: <a@example.org>\nReceived: from mx.example.org by host; Sun, 9 Sep 2001 01:46:40 +0000\n\
         From: Anna <a@example.org>\nTo: Bert <b@example.org>\nSubject: letter {number}\n\
         Message-ID: <{number}.{:x}@example.org>\nDate: Sun, 9 Sep 2001 01:46:40 +0000\n\n",
        dice.next()
    );
    while text.len() < size {
        writeln!(text, "{:016x}{:016x}{:016x}{:016x}", dice.next(), dice.next(), dice.next(), dice.next()).unwrap();
    }
    text
}
