//! What the server can take: a client that does nothing but send. No journal, no proof, no second thoughts.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::thread;

use chrono::DateTime;

use crate::common::servers::PASSWORD;
use crate::work::{BOX, Work};

/// Messages of one command.
const TOGETHER: usize = 50;

struct Client {
    out: TcpStream,
    answers: BufReader<TcpStream>,
}

impl Client {
    fn login(port: u16, user: &str) -> Self {
        let out = TcpStream::connect(("127.0.0.1", port)).unwrap();
        out.set_nodelay(true).unwrap();
        let mut client = Self { answers: BufReader::new(out.try_clone().unwrap()), out };
        client.line();
        client.out.write_all(format!("L LOGIN {user} {PASSWORD}\r\n").as_bytes()).unwrap();
        client.until("L ");
        client
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.answers.read_line(&mut line).unwrap() > 0, "the server went away");
        line
    }

    fn until(&mut self, tag: &str) {
        loop {
            let line = self.line();
            if line.starts_with(tag) {
                assert!(line.starts_with(&format!("{tag}OK")), "{line}");
                return;
            }
        }
    }
}

/// The files of a folder in their order.
fn files(work: &Work, folder: &str) -> Vec<PathBuf> {
    let maildir = work.maildir(folder).join("cur");
    let mut files: Vec<PathBuf> = fs::read_dir(maildir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// ` (flags) "date" ` and the message with network line ends.
fn message(path: &PathBuf) -> (String, Vec<u8>) {
    let text = fs::read(path).unwrap();
    let mut bytes = Vec::with_capacity(text.len() + text.len() / 40);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        bytes.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        bytes.extend_from_slice(b"\r\n");
    }
    let name = path.to_str().unwrap();
    let flags: Vec<&str> = [('S', "\\Seen"), ('R', "\\Answered"), ('F', "\\Flagged")]
        .iter()
        .filter(|(letter, _)| name.rsplit(',').next().unwrap().contains(*letter))
        .map(|(_, flag)| *flag)
        .collect();
    let date = DateTime::from_timestamp(fs::metadata(path).unwrap().mtime(), 0).unwrap();
    (format!(" ({}) \"{}\" ", flags.join(" "), date.format("%d-%b-%Y %H:%M:%S +0000")), bytes)
}

/// Sends everything in commands of many messages (MULTIAPPEND, LITERAL+), without ever waiting.
pub fn upload(work: &Work, port: u16, user: &str) {
    let Client { mut out, answers } = Client::login(port, user);
    let folders: Vec<_> = work.folders.iter().map(|folder| (folder, files(work, folder))).collect();
    let commands = folders.iter().map(|(_, files)| files.len().div_ceil(TOGETHER)).sum();
    let reader = thread::spawn(move || {
        let mut client = Client { out: answers.get_ref().try_clone().unwrap(), answers };
        for number in 0..commands {
            client.until(&format!("A{number} "));
        }
    });
    let mut numbers = 0..commands;
    for (folder, files) in folders {
        if folder != BOX {
            out.write_all(format!("C CREATE {folder}\r\n").as_bytes()).unwrap();
        }
        for (lot, number) in files.chunks(TOGETHER).zip(&mut numbers) {
            let mut command = format!("A{number} APPEND {folder}").into_bytes();
            for path in lot {
                let (announced, bytes) = message(path);
                command.extend_from_slice(format!("{announced}{{{}+}}\r\n", bytes.len()).as_bytes());
                command.extend_from_slice(&bytes);
            }
            command.extend_from_slice(b"\r\n");
            out.write_all(&command).unwrap();
        }
    }
    reader.join().unwrap();
}

/// Sends one message after the other, each with a synchronising literal.
pub fn one_by_one(work: &Work, port: u16, user: &str) {
    let mut client = Client::login(port, user);
    for path in files(work, BOX) {
        let (announced, bytes) = message(&path);
        client.out.write_all(format!("A APPEND Box{announced}{{{}}}\r\n", bytes.len()).as_bytes()).unwrap();
        assert!(client.line().starts_with('+'));
        client.out.write_all(&bytes).unwrap();
        client.out.write_all(b"\r\n").unwrap();
        client.until("A ");
    }
}

/// How many messages are in the folders.
pub fn count(port: u16, user: &str, folders: &[String]) -> usize {
    let mut client = Client::login(port, user);
    let mut count = |folder: &String| {
        client.out.write_all(format!("S STATUS {folder} (MESSAGES)\r\n").as_bytes()).unwrap();
        let line = client.line();
        client.until("S ");
        let number = line.split("MESSAGES ").nth(1).and_then(|rest| rest.split(')').next()).unwrap_or_default();
        number.parse::<usize>().unwrap_or_else(|_| panic!("{line}"))
    };
    folders.iter().map(&mut count).sum()
}
