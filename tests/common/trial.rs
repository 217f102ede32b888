//! A trial of the fault matrix (facts/reliability.md section 5): some mail in a store, and a mailbox with mail of others in
//! it, for a run that is broken in some way. What must hold after it, whatever broke, is in [`super::invariants`].
//!
//! What is on the server is looked at over a connection of its own ([`super::client`]), by nothing of mailferry's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use tempfile::TempDir;

use super::client::Client;
use super::mail::{Mail, Maker, Marks, MboxStyle, mbox_entry, write_maildir_tree, write_mbox};
use super::mailbox::{self, Mailbox};
use super::peek::Message;
use super::program::{Run, Running, command, password_file};
use super::pty::Pty;
use super::scripted::Scripted;
use super::servers::Server;
use super::sha256;

/// A message of somebody else, in the same folder.
pub const FOREIGN: &[u8] =
    b"From: x@y.example\r\nSubject: somebody else's\r\nDate: Mon, 1 Mar 2004 10:00:00 +0000\r\n\r\nnot ours\r\n";

/// What is carried, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    CopyMaildir,
    CopyMbox,
    MoveMaildir,
    MoveMbox,
}

impl Kind {
    /// A copy and a move of each sort.
    pub const BOTH: [Self; 2] = [Self::CopyMaildir, Self::MoveMaildir];
    pub const ALL: [Self; 3] = [Self::CopyMaildir, Self::MoveMaildir, Self::MoveMbox];

    pub fn is_move(self) -> bool {
        matches!(self, Self::MoveMaildir | Self::MoveMbox)
    }

    fn is_mbox(self) -> bool {
        matches!(self, Self::CopyMbox | Self::MoveMbox)
    }

    fn verb(self) -> &'static str {
        if self.is_move() { "move" } else { "copy" }
    }
}

/// Where it is carried to.
#[derive(Clone)]
pub enum Post<'s> {
    /// A real server: its user, and what stands before the names of its folders.
    Real { server: &'s Server, user: String, prefix: &'static str },
    /// One in memory, on this port.
    InMemory { port: u16, mailbox: Arc<Mutex<Mailbox>> },
}

impl<'s> Post<'s> {
    /// A mailbox on Dovecot or Cyrus.
    pub fn on(server: &'s Server, user: &str) -> Self {
        Self::Real { server, user: user.to_owned(), prefix: "" }
    }

    /// A mailbox on Courier.
    pub fn on_courier(server: &'s Server) -> Self {
        Self::Real { server, user: "test".into(), prefix: "INBOX." }
    }

    /// A server in memory, and its mailbox.
    pub fn in_memory() -> (Scripted, Post<'static>) {
        Self::in_memory_like(mailbox::PLAIN)
    }

    /// The same of another kind.
    pub fn in_memory_like(manners: mailbox::Manners) -> (Scripted, Post<'static>) {
        let (server, mailbox) = mailbox::start(manners);
        let port = server.port;
        (server, Post::InMemory { port, mailbox })
    }

    /// The mailbox of a server in memory.
    pub fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        let Self::InMemory { mailbox, .. } = self else { panic!("this one is real") };
        mailbox.lock().unwrap()
    }

    /// The server's own port.
    pub fn port(&self) -> u16 {
        match self {
            Self::Real { server, .. } => server.imap_port,
            Self::InMemory { port, .. } => *port,
        }
    }

    pub fn user(&self) -> &str {
        if let Self::Real { user, .. } = self { user } else { "anna" }
    }

    fn deliver(&self, folder: &str, message: &[u8]) {
        match self {
            Self::Real { server, user, prefix } => {
                let mut client = Client::login(server.imap_port, user);
                let folder = format!("{prefix}{folder}");
                client.command(&format!("a CREATE \"{folder}\"")).unwrap();
                let answer = client.append(&folder, "(\\Flagged) \"09-Sep-2001 01:46:40 +0000\" ", message).unwrap();
                assert!(answer.starts_with("a OK"), "{answer}");
            }
            Self::InMemory { mailbox, .. } => mailbox.lock().unwrap().deliver(folder, message),
        }
    }

    fn messages(&self, folder: &str) -> Vec<Message> {
        match self {
            Self::Real { server, user, prefix } => {
                Client::login(server.imap_port, user).messages(&format!("{prefix}{folder}"))
            }
            Self::InMemory { mailbox, .. } => mailbox.lock().unwrap().messages(folder),
        }
    }
}

/// How often something is there, by its digest.
pub type Counts = BTreeMap<String, usize>;

/// How often each is there.
pub fn counted(digests: impl IntoIterator<Item = String>) -> Counts {
    digests.into_iter().fold(Counts::new(), |mut counts, digest| {
        *counts.entry(digest).or_default() += 1;
        counts
    })
}

/// One trial.
pub struct Trial<'s> {
    pub post: Post<'s>,
    pub kind: Kind,
    pub folder: String,
    /// Folders below it that some of the mail goes to.
    below: Vec<&'static str>,
    pub home: TempDir,
    pub store: PathBuf,
    pub mails: Vec<Mail>,
    pub password: PathBuf,
    /// What every run of it is told beside.
    pub options: Vec<String>,
    before: Files,
    pub others: Vec<Message>,
    /// Places of mail that the server will never take; a plain run ends with code 1 then.
    pub never: Vec<usize>,
    /// Copies that the server itself made, and that are told.
    pub surplus: usize,
    /// Messages that the server ruined when it stored them: they are there, beside those that are as they were.
    pub ruined: usize,
    /// What another program appended to the mbox meanwhile.
    pub appended: Vec<u8>,
}

/// The files of a store: their bytes, and when they were changed.
type Files = BTreeMap<PathBuf, (Vec<u8>, SystemTime)>;

/// What is where.
#[derive(Clone, PartialEq, Eq)]
pub struct Sight {
    /// In the folder on the server, but the mail of others.
    pub there: Vec<Message>,
    /// The mail of others.
    pub others: Vec<Message>,
    /// In the store.
    pub here: Counts,
    /// What is wrong with the store: something that was there and is not, or is not as it was.
    pub wrong: Vec<String>,
}

impl<'s> Trial<'s> {
    /// Some mail that is hard to tell apart, in a store, and a folder with mail of others.
    pub fn new(post: &Post<'s>, kind: Kind, folder: &str) -> Self {
        Self::with(post, kind, folder, letters())
    }

    /// The same with other mail.
    pub fn with(post: &Post<'s>, kind: Kind, folder: &str, mails: Vec<Mail>) -> Self {
        let home = TempDir::new().unwrap();
        let password = password_file(home.path());
        fs::create_dir(home.path().join("mail")).unwrap();
        fs::write(home.path().join("mail/bystander"), "nothing of ours").unwrap();
        let store = home.path().join("mail/store");
        if kind.is_mbox() {
            write_mbox(&store, &mails, MboxStyle::Mboxrd).unwrap();
        } else {
            write_maildir_tree(&store, &[("", mails.clone())]).unwrap();
        }
        post.deliver(folder, FOREIGN);
        let mut trial = Self {
            post: post.clone(),
            kind,
            folder: folder.to_owned(),
            below: Vec::new(),
            home,
            before: files(&store),
            store,
            mails,
            password,
            options: Vec::new(),
            others: Vec::new(),
            never: Vec::new(),
            surplus: 0,
            ruined: 0,
            appended: Vec::new(),
        };
        trial.others = trial.look().others;
        trial
    }

    /// The same with mail in several folders of a Maildir, the top one of which has no name; each goes below the folder.
    pub fn with_folders(post: &Post<'s>, kind: Kind, folder: &str, folders: &[(&'static str, Vec<Mail>)]) -> Self {
        let trial = Self::with(post, kind, folder, Vec::new());
        write_maildir_tree(&trial.store, folders).unwrap();
        let mails = folders.iter().flat_map(|(_, mails)| mails.clone()).collect();
        let below: Vec<_> = folders.iter().map(|(name, _)| if name.is_empty() { "INBOX" } else { *name }).collect();
        for name in &below {
            post.deliver(&format!("{folder}/{name}"), FOREIGN);
        }
        let mut trial = Self { before: files(&trial.store), below, mails, ..trial };
        trial.others = trial.look().others;
        trial
    }

    /// The command that carries the mail, by a port: the server's own, or that of a proxy.
    pub fn command(&self, port: u16, options: &[&str]) -> Command {
        command(self.home.path(), &self.arguments(port, options).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Its arguments.
    pub fn arguments(&self, port: u16, options: &[&str]) -> Vec<String> {
        let target = Server::plaintext_url(self.post.user(), port) + &self.folder;
        let paths =
            [self.store.to_str().unwrap(), &target, "--json", "--password-file", self.password.to_str().unwrap()];
        let words = [self.kind.verb()].into_iter().chain(paths).chain(options.iter().copied());
        words.map(str::to_owned).chain(self.options.iter().cloned()).collect()
    }

    /// Carries the mail by a port.
    pub fn run(&self, port: u16, options: &[&str]) -> Run {
        self.start(port, options).wait()
    }

    /// Begins to carry the mail by a port.
    pub fn start(&self, port: u16, options: &[&str]) -> Running {
        Running::start(self.command(port, options))
    }

    /// The messages of the folder that are not of others.
    pub fn there(&self) -> Vec<Message> {
        self.look().there
    }

    /// How many messages are in the store.
    pub fn here(&self) -> usize {
        self.look().here.values().sum()
    }

    /// The file of a message in the Maildir.
    pub fn file_of(&self, place: usize) -> PathBuf {
        let sign = format!(".M{place}P");
        files(&self.store).into_keys().find(|path| path.to_string_lossy().contains(&sign)).unwrap()
    }

    /// The two panes on the store and the mailbox, in a terminal.
    pub fn open_screen(&self, port: u16) -> Pty {
        let arguments = self.screen_arguments(port);
        Pty::mailferry(self.home.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The arguments of the two panes.
    pub fn screen_arguments(&self, port: u16) -> Vec<String> {
        let all = self.arguments(port, &[]);
        all.into_iter().skip(1).filter(|word| word != "--json").collect()
    }

    /// The messages that are to arrive.
    pub fn wanted(&self) -> impl Iterator<Item = &Mail> {
        self.mails.iter().enumerate().filter(|(place, _)| !self.never.contains(place)).map(|(_, mail)| mail)
    }

    /// What is where now.
    pub fn look(&self) -> Sight {
        let foreign = sha256(FOREIGN);
        let below = self.below.iter().map(|name| format!("{}/{name}", self.folder));
        let folders = [self.folder.clone()].into_iter().chain(below);
        let all = folders.flat_map(|folder| self.post.messages(&folder));
        let (others, there) = all.partition(|message| message.sha256 == foreign);
        let (here, mut wrong) = if self.kind.is_mbox() { self.look_into_mbox() } else { self.look_into_maildir() };
        if fs::read(self.home.path().join("mail/bystander")).unwrap() != b"nothing of ours" {
            wrong.push("a file beside the store changed".into());
        }
        if !self.kind.is_move() && files(&self.store) != self.before {
            wrong.push("a copy changed the store".into());
        }
        Sight { there, others, here, wrong }
    }

    /// What is left of the mbox: the entries that were there, in their order, byte for byte, and what was appended.
    fn look_into_mbox(&self) -> (Counts, Vec<String>) {
        let bytes = fs::read(&self.store).unwrap();
        let mut rest = bytes.as_slice();
        let mut left = Vec::new();
        for mail in &self.mails {
            if let Some(after) = rest.strip_prefix(mbox_entry(mail, MboxStyle::Mboxrd).as_slice()) {
                left.push(sha256(&mail.bytes));
                rest = after;
            }
        }
        let wrong = if rest == self.appended { Vec::new() } else { vec!["the mbox is not as it was".to_owned()] };
        (counted(left), wrong)
    }

    /// What is left in the Maildir. A file may have been renamed; each is here or where moved mail is kept, byte for byte.
    fn look_into_maildir(&self) -> (Counts, Vec<String>) {
        let mut wrong = Vec::new();
        let left = messages_in(&self.store);
        let moved = messages_in(&self.home.path().join("mail/.mailferry-moved/store"));
        for (place, bytes) in messages_of(self.before.iter().map(|(path, (bytes, _))| (path.clone(), bytes.clone()))) {
            let is = |files: &BTreeMap<usize, Vec<u8>>| files.get(&place).is_some_and(|found| *found == bytes);
            if !is(&left) && !is(&moved) {
                wrong.push(format!("file {place} is neither in the store nor where moved mail is kept"));
            }
        }
        (counted(left.keys().filter_map(|place| self.mails.get(*place)).map(|mail| sha256(&mail.bytes))), wrong)
    }
}

/// Eight messages: byte-identical twins of which one was read, twins by Message-ID with different text, one without any id, one of some size; some
/// with flags and keywords.
pub fn letters() -> Vec<Mail> {
    let text = |text: String| text.replace('\n', "\r\n").into_bytes();
    let half = |half: &str| format!("From: a@x.example\nSubject: half\nMessage-ID: <half@x.example>\n\n{half}\n");
    let mut mails = Maker::new(21).folder(8, 2004, 60);
    mails[2] = Mail { marks: Marks { seen: !mails[1].marks.seen, ..mails[1].marks }, ..mails[1].clone() };
    mails[3].bytes = text(half("ABC"));
    mails[4].bytes = text(half("XYZ"));
    mails[5].bytes = b"Subject: neither id nor date\r\n\r\nx\r\n".to_vec();
    let long = "0123456789abcdef\n".repeat(20_000);
    mails[6].bytes = text(format!("From: a@x.example\nSubject: big\nMessage-ID: <big@x.example>\n\n{long}"));
    mails[0].marks.flagged = true;
    mails[7].keywords = vec!["offer"];
    mails
}

/// Every file below a path.
fn files(path: &Path) -> Files {
    if path.is_file() {
        let modified = fs::metadata(path).unwrap().modified().unwrap();
        return Files::from([(path.to_owned(), (fs::read(path).unwrap(), modified))]);
    }
    fs::read_dir(path).into_iter().flatten().flat_map(|entry| files(&entry.unwrap().path())).collect()
}

/// The messages of a Maildir by the numbers in their names. An empty file is a name that is held for a message.
fn messages_in(path: &Path) -> BTreeMap<usize, Vec<u8>> {
    messages_of(files(path).into_iter().map(|(path, (bytes, _))| (path, bytes)))
}

fn messages_of(files: impl Iterator<Item = (PathBuf, Vec<u8>)>) -> BTreeMap<usize, Vec<u8>> {
    let numbered = files.filter_map(|(path, bytes)| {
        let name = path.file_name()?.to_str()?;
        Some((name.split_once(".M")?.1.split_once('P')?.0.parse().ok()?, bytes))
    });
    numbered.filter(|(_, bytes)| !bytes.is_empty()).collect()
}
