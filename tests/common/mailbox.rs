//! An IMAP server in memory, played by [`super::scripted`]: its kind of server ([`Manners`]) and what is wrong with it
//! ([`Vice`]) are data. What it holds can be looked into, and its vice taken from it, at any time.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Barrier, Mutex, MutexGuard};
use std::thread;

use chrono::DateTime;

pub use super::manners::{Kept, Manners, PLAIN, Vice};
use super::peek::Message;
use super::scripted::{Conn, Request, Scripted};
use super::sha256;
use super::words::{contains, header, uid_set, words};

/// The mailbox, and the server's state.
#[derive(Debug)]
pub struct Mailbox {
    pub folders: BTreeMap<String, Vec<Kept>>,
    pub uid_validity: u32,
    next: u32,
    manners: Manners,
    flaws: Vec<Flaw>,
    /// The most APPENDs that waited on a connection at a time, and how often those were too many. Counted only where there is
    /// a most.
    pub most_waited: usize,
    pub resets: usize,
    /// A command that waits once, for a test to do something meanwhile.
    gate: Option<(&'static str, usize, Arc<Barrier>)>,
}

/// A vice, and when it shows.
#[derive(Clone, Copy, Debug)]
struct Flaw {
    vice: Vice,
    /// How often it could show and does not.
    later: usize,
    /// How often it shows then.
    times: usize,
}

impl Mailbox {
    fn store(&mut self, folder: &str, kept: Kept) -> u32 {
        let uid = self.next;
        self.next += 1;
        self.folders.get_mut(folder).unwrap().push(Kept { uid, ..kept });
        uid
    }

    /// The UID of a message that is not stored.
    fn lose(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    /// Messages of a command that it refuses after all.
    fn take_back(&mut self, folder: &str, uids: &[u32]) {
        self.folders.get_mut(folder).unwrap().retain(|kept| !uids.contains(&kept.uid));
    }

    /// From now on it has this vice too, which shows so many times.
    pub fn turn(&mut self, vice: Vice, times: usize) {
        self.turn_later(vice, 0, times);
    }

    /// The same, once the vice could have shown so often.
    pub fn turn_later(&mut self, vice: Vice, later: usize, times: usize) {
        self.flaws.push(Flaw { vice, later, times });
    }

    /// From now on nothing is wrong with it.
    pub fn reform(&mut self) {
        self.flaws.clear();
    }

    /// How often a vice may still show.
    pub fn times(&self) -> usize {
        self.flaws.iter().map(|flaw| flaw.times).sum()
    }

    /// The `nth` command of this name, from 1, waits at the gate until the test has come to it, and goes on when it comes
    /// again.
    pub fn gate(&mut self, command: &'static str, nth: usize) -> Arc<Barrier> {
        let gate = Arc::new(Barrier::new(2));
        self.gate = Some((command, nth, Arc::clone(&gate)));
        gate
    }

    /// All messages get other UIDs, under another UIDVALIDITY.
    pub fn renumber(&mut self) {
        self.uid_validity += 1;
        for kept in self.folders.values_mut().flatten() {
            kept.uid = self.next;
            self.next += 1;
        }
    }

    /// Puts a message of another client into a folder, made if it is not there.
    pub fn deliver(&mut self, folder: &str, message: &[u8]) {
        self.deliver_dated(folder, message, 1_000_000_000);
    }

    /// The same with another date, in Unix seconds.
    pub fn deliver_dated(&mut self, folder: &str, message: &[u8], date: i64) {
        self.folders.entry(folder.to_owned()).or_default();
        let date = DateTime::from_timestamp(date, 0).unwrap().format("%d-%b-%Y %H:%M:%S +0000").to_string();
        self.store(
            folder,
            Kept { uid: 0, flags: Vec::new(), date, sent: message.to_vec(), rendered: message.to_vec() },
        );
    }

    /// The messages of a folder.
    pub fn messages(&self, folder: &str) -> Vec<Message> {
        let one = |kept: &Kept| {
            let date = DateTime::parse_from_str(kept.date.trim(), "%d-%b-%Y %H:%M:%S %z").unwrap();
            let mut flags = kept.flags.clone();
            flags.sort();
            Message {
                folder: folder.to_owned(),
                wire: folder.to_owned(),
                uid_validity: self.uid_validity,
                uid: kept.uid,
                sha256: sha256(&kept.rendered),
                size: kept.rendered.len() as u64,
                server_size: (self.manners.size)(kept) as u64,
                flags,
                internal_date: date.timestamp(),
                zone: date.format("%z").to_string(),
            }
        };
        self.folders.get(folder).into_iter().flatten().map(one).collect()
    }

    /// What the first vice that `shows` here does.
    fn show<T>(&mut self, shows: impl Fn(Vice) -> Option<T>) -> Option<T> {
        for flaw in self.flaws.iter_mut().filter(|flaw| flaw.times > 0) {
            let Some(shown) = shows(flaw.vice) else { continue };
            if flaw.later == 0 {
                flaw.times -= 1;
                return Some(shown);
            }
            flaw.later -= 1;
        }
        None
    }

    /// Whether so many APPENDs may not wait on a connection.
    fn are_too_many(&mut self, waiting: usize) -> bool {
        let are_too_many = waiting > self.manners.most_waiting;
        self.most_waited = self.most_waited.max(waiting);
        self.resets += usize::from(are_too_many);
        are_too_many
    }

    fn is_mute(&self) -> bool {
        self.flaws.iter().any(|flaw| matches!(flaw.vice, Vice::TellsNoUids))
    }

    /// The gate, if it is this command that waits.
    fn at_gate(&mut self, request: &Request) -> Option<Arc<Barrier>> {
        let (_, nth, _) = self.gate.as_mut().filter(|(command, ..)| request.is(command))?;
        *nth -= 1;
        if *nth > 0 {
            return None;
        }
        self.gate.take().map(|(_, _, gate)| gate)
    }
}

/// Starts a server; its mailbox can be looked into at any time.
pub fn start(manners: Manners) -> (Scripted, Arc<Mutex<Mailbox>>) {
    let folders = manners.folders.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
    let mailbox = Mailbox {
        folders,
        uid_validity: 51,
        next: 1,
        manners,
        flaws: Vec::new(),
        most_waited: 0,
        resets: 0,
        gate: None,
    };
    let mailbox = Arc::new(Mutex::new(mailbox));
    let shared = Arc::clone(&mailbox);
    let server = Scripted::start(move |conn| {
        let line = shared.lock().unwrap().show(|vice| match vice {
            Vice::Says("", bytes) => Some(bytes()),
            _ => None,
        });
        if line.as_ref().is_some_and(Vec::is_empty) {
            return conn.close();
        }
        conn.reply_raw(&line.unwrap_or_else(|| format!("{}\r\n", manners.greeting).into_bytes()))?;
        let rambles = |vice| if let Vice::Rambles("", bytes) = vice { Some(bytes) } else { None };
        let endless = shared.lock().unwrap().show(rambles);
        if let Some(bytes) = endless {
            conn.endless(bytes);
        }
        let mut open = String::new();
        let mut commands = 0;
        loop {
            let request = conn.next()?;
            if manners.most_waiting < usize::MAX {
                let waiting = conn.waiting(" APPEND ")?;
                if shared.lock().unwrap().are_too_many(waiting) {
                    return conn.reset();
                }
            }
            commands += 1;
            let leaves = |vice| matches!(vice, Vice::Leaves(most) if commands > most).then_some(());
            if shared.lock().unwrap().show(leaves).is_some() {
                conn.reply_raw(b"* BYE too many commands in one session\r\n")?;
                return conn.close();
            }
            Dialogue { conn, mailbox: &shared, open: &mut open }.answer(&request)?;
        }
    });
    (server, mailbox)
}

/// One connection.
struct Dialogue<'d> {
    conn: &'d mut Conn,
    mailbox: &'d Arc<Mutex<Mailbox>>,
    /// The open folder.
    open: &'d mut String,
}

impl Dialogue<'_> {
    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap()
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.conn.reply_raw(format!("{text}\r\n").as_bytes())
    }

    /// The tagged answer.
    fn reply(&mut self, request: &Request, answer: &str) -> io::Result<()> {
        let form = self.mailbox().show(|vice| match vice {
            Vice::Writes(command, form) if names(command, request) => Some(form),
            _ => None,
        });
        let text = form.unwrap_or("{tag} {answer}\r\n").replace("{tag}", &request.tag).replace("{answer}", answer);
        self.conn.reply_raw(text.as_bytes())
    }

    fn answer(&mut self, request: &Request) -> io::Result<()> {
        let gate = self.mailbox().at_gate(request);
        if let Some(gate) = gate {
            gate.wait();
            gate.wait();
        }
        let said = self.mailbox().show(|vice| match vice {
            Vice::Says(command, bytes) if names(command, request) => Some((bytes(), false)),
            Vice::Rambles(command, bytes) if names(command, request) => Some((bytes.to_vec(), true)),
            _ => None,
        });
        match said {
            Some((bytes, true)) => _ = self.conn.endless(&bytes),
            Some((bytes, false)) => self.conn.reply_raw(&bytes)?,
            None => {}
        }
        let answered = self.mailbox().show(|vice| match vice {
            Vice::Answers(command, answer) if request.is(command) => Some(answer),
            _ => None,
        });
        if let Some(answer) = answered {
            // A literal that does not wait comes all the same.
            if request.literal().is_some_and(|(_, waits)| !waits) {
                self.conn.skip_literals(request)?;
            }
            return self.reply(request, answer);
        }
        self.carry_out(request)
    }

    fn carry_out(&mut self, request: &Request) -> io::Result<()> {
        let words: Vec<String> = words(&request.text);
        let verb = words[0].to_uppercase();
        let manners = self.mailbox().manners;
        let is_mute = self.mailbox().is_mute();
        match verb.as_str() {
            "CAPABILITY" => {
                let capabilities =
                    if is_mute { manners.capabilities.replace("UIDPLUS ", "") } else { manners.capabilities.into() };
                self.say(&format!("* CAPABILITY {capabilities}"))?;
            }
            "LOGIN" if manners.login.is_some_and(|login| words.get(1).is_none_or(|user| user != login)) => {
                return self.reply(request, "NO");
            }
            "NAMESPACE" => self.say(&format!("* NAMESPACE {}", manners.namespace))?,
            "LIST" => {
                let names: Vec<String> = self.mailbox().folders.keys().cloned().collect();
                for name in names {
                    self.say(&format!("* LIST () \"/\" \"{name}\""))?;
                }
            }
            "CREATE" => _ = self.mailbox().folders.entry(words[1].clone()).or_default(),
            "STATUS" | "SELECT" | "EXAMINE" => return self.open(request, &verb, &words[1]),
            "APPEND" => return self.append(request, &words[1]),
            "FETCH" => self.fetch(&words[1], false, &request.text)?,
            "UID" if words[1].eq_ignore_ascii_case("FETCH") => self.fetch(&words[2], true, &request.text)?,
            "UID" if words[1].eq_ignore_ascii_case("STORE") => self.add_flags(request, &words[2])?,
            "LOGOUT" => {
                self.say("* BYE signing off")?;
                self.reply(request, "OK LOGOUT completed.")?;
                return self.conn.close();
            }
            "LOGIN" | "SUBSCRIBE" | "NOOP" | "CLOSE" => {}
            "UNSELECT" if manners.capabilities.contains("UNSELECT") => {}
            _ => return self.reply(request, "BAD Protocol Error: \"Unidentifiable command specified\"."),
        }
        self.reply(request, &format!("OK {verb} completed."))
    }

    fn open(&mut self, request: &Request, verb: &str, folder: &str) -> io::Result<()> {
        let (found, next, validity, flags) = {
            let mailbox = self.mailbox();
            let count = mailbox.folders.get(folder).map(Vec::len);
            (count, mailbox.next, mailbox.uid_validity, mailbox.manners.flags)
        };
        let Some(count) = found else { return self.reply(request, "NO") };
        if verb == "STATUS" && request.text.ends_with("(APPENDLIMIT)") {
            let largest = self.mailbox().manners.largest;
            let Some((_, limit)) = largest.iter().find(|(name, _)| *name == folder) else {
                return self.reply(request, "BAD no such item");
            };
            self.say(&format!("* STATUS \"{folder}\" (APPENDLIMIT {limit})"))?;
            return self.reply(request, "OK STATUS completed.");
        }
        if verb == "STATUS" {
            self.say(&format!("* STATUS \"{folder}\" (MESSAGES {count} UNSEEN 0)"))?;
            return self.reply(request, "OK STATUS completed.");
        }
        folder.clone_into(self.open);
        self.say(&format!("* {count} EXISTS\r\n* 0 RECENT\r\n* FLAGS ({})", flags.trim_end_matches(" \\*")))?;
        self.say(&format!("* OK [PERMANENTFLAGS ({flags})]\r\n* OK [UIDVALIDITY {validity}] ."))?;
        if !self.mailbox().is_mute() {
            self.say(&format!("* OK [UIDNEXT {next}] ."))?;
        }
        self.reply(request, &format!("OK [READ-WRITE] {verb} completed."))
    }

    fn append(&mut self, request: &Request, folder: &str) -> io::Result<()> {
        if !self.mailbox().folders.contains_key(folder) {
            if request.literal().is_some_and(|(_, waits)| !waits) {
                self.conn.skip_literals(request)?;
            }
            return self.reply(request, "NO [TRYCREATE]");
        }
        let messages = self.take_messages(request)?;
        let Manners { is_atomic, capabilities, .. } = self.mailbox().manners;
        if messages.len() != 1 && (messages.is_empty() || !capabilities.contains("MULTIAPPEND")) {
            return self.reply(request, "BAD one message, not none and not many");
        }
        let mut uids = Vec::new();
        for kept in messages {
            match self.put(folder, kept)? {
                Ok(uid) => uids.push(uid),
                Err(answer) => {
                    if is_atomic {
                        self.mailbox().take_back(folder, &uids);
                    }
                    return self.reply(request, answer);
                }
            }
        }
        self.stored(request, &uids)
    }

    /// The messages of a command, as it keeps them; each that waits is asked for.
    fn take_messages(&mut self, request: &Request) -> io::Result<Vec<Kept>> {
        let Manners { keeps, render, .. } = self.mailbox().manners;
        let mut rest = request.clone();
        let mut messages = Vec::new();
        while let Some((length, waits)) = rest.literal() {
            if waits {
                self.say("+ Ready for additional command text.")?;
            }
            let sent = self.conn.read_literal(length)?;
            let flags =
                rest.text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(flags, _)| flags);
            let flags = flags.split_whitespace().filter(|flag| keeps(flag)).map(str::to_owned).collect();
            let date = rest.text.rsplit('"').nth(1).unwrap_or_default().to_owned();
            messages.push(Kept { uid: 0, flags, date, rendered: render(&sent), sent });
            rest.text = self.conn.read_line()?;
        }
        Ok(messages)
    }

    /// Stores a message, or does with it what the vice says. Gives its UID, or else the answer to the command.
    fn put(&mut self, folder: &str, mut kept: Kept) -> io::Result<Result<u32, &'static str>> {
        let shown = self.mailbox().show(|vice| match vice {
            Vice::Refuses(_, sign) | Vice::Breaks(sign)
                if !kept.sent.windows(sign.len()).any(|window| window == sign) =>
            {
                None
            }
            Vice::Forgets
            | Vice::Truncates
            | Vice::Mangles
            | Vice::NamesAnother
            | Vice::RefusesAndStores
            | Vice::StoresTwice
            | Vice::KeepsOnce
            | Vice::StoresLate(_)
            | Vice::Dawdles(_)
            | Vice::Breaks(_)
            | Vice::Refuses(..) => Some(vice),
            _ => None,
        });
        match shown {
            Some(Vice::Refuses(answer, _)) => return Ok(Err(answer)),
            Some(Vice::Breaks(_)) => return self.conn.reset().map(|()| Err("")),
            Some(Vice::Forgets) => return Ok(Ok(self.mailbox().lose())),
            Some(Vice::Truncates) => kept.rendered.truncate(kept.rendered.len() - 10),
            Some(Vice::Mangles) => {
                let last = kept.rendered.iter_mut().rev().find(|byte| byte.is_ascii_alphanumeric());
                *last.unwrap() ^= 1;
            }
            Some(Vice::StoresLate(after)) => {
                let (mailbox, folder) = (Arc::clone(self.mailbox), folder.to_owned());
                thread::spawn(move || {
                    thread::sleep(after); // the server's pace, not a wait of the test
                    mailbox.lock().unwrap().store(&folder, kept);
                });
                return self.conn.reset().map(|()| Err(""));
            }
            Some(Vice::KeepsOnce) => {
                let mailbox = self.mailbox();
                let equal = mailbox.folders[folder].iter().find(|known| known.sent == kept.sent);
                if let Some(uid) = equal.map(|known| known.uid) {
                    return Ok(Ok(uid));
                }
            }
            Some(Vice::StoresTwice) => _ = self.mailbox().store(folder, kept.clone()),
            Some(Vice::Dawdles(time)) => thread::sleep(time), // the server's pace
            _ => {}
        }
        let uid = self.mailbox().store(folder, kept);
        Ok(match shown {
            Some(Vice::RefusesAndStores) => Err("NO it did not work"),
            Some(Vice::NamesAnother) => Ok(1),
            _ => Ok(uid),
        })
    }

    fn stored(&mut self, request: &Request, uids: &[u32]) -> io::Result<()> {
        let (validity, is_mute) = {
            let mailbox = self.mailbox();
            let has_uidplus = mailbox.manners.capabilities.contains("UIDPLUS");
            (mailbox.uid_validity, !has_uidplus || mailbox.is_mute())
        };
        let code = if is_mute { String::new() } else { format!(" [APPENDUID {validity} {}]", uid_set(uids)) };
        self.reply(request, &format!("OK{code} APPEND completed."))
    }

    fn add_flags(&mut self, request: &Request, uid: &str) -> io::Result<()> {
        let uid: u32 = uid.parse().map_err(io::Error::other)?;
        let flags = request.text.rsplit_once('(').map(|(_, flags)| flags.trim_end_matches(')').to_owned());
        let mut mailbox = self.mailbox.lock().unwrap();
        let kept = mailbox.folders.get_mut(self.open).and_then(|all| all.iter_mut().find(|kept| kept.uid == uid));
        if let (Some(kept), Some(flags)) = (kept, flags) {
            kept.flags.extend(flags.split_whitespace().map(str::to_owned));
        }
        Ok(())
    }

    fn fetch(&mut self, set: &str, is_by_uid: bool, items: &str) -> io::Result<()> {
        let (all, Manners { date, size, .. }) = {
            let mailbox = self.mailbox();
            (mailbox.folders.get(self.open.as_str()).cloned().unwrap_or_default(), mailbox.manners)
        };
        for (place, kept) in all.iter().enumerate() {
            let sequence = u32::try_from(place + 1).unwrap();
            let is_last = place + 1 == all.len();
            let number = if is_by_uid { kept.uid } else { sequence };
            if !contains(set, number, is_last) {
                continue;
            }
            let mut line = format!("* {sequence} FETCH (UID {}", kept.uid).into_bytes();
            if items.contains("FLAGS") {
                line.extend_from_slice(format!(" FLAGS ({})", kept.flags.join(" ")).as_bytes());
            }
            if items.contains("INTERNALDATE") {
                line.extend_from_slice(format!(" INTERNALDATE \"{}\"", date(&kept.date)).as_bytes());
            }
            if items.contains("RFC822.SIZE") {
                line.extend_from_slice(format!(" RFC822.SIZE {}", size(kept)).as_bytes());
            }
            if let Some((_, section)) = items.split_once("BODY.PEEK") {
                let name = section.split_inclusive(']').next().unwrap_or("[]");
                let bytes = if name == "[]" { kept.rendered.clone() } else { header(&kept.rendered) };
                line.extend_from_slice(format!(" BODY{name} {{{}}}\r\n", bytes.len()).as_bytes());
                line.extend_from_slice(&bytes);
            }
            line.extend_from_slice(b")\r\n");
            self.conn.reply_raw(&line)?;
        }
        Ok(())
    }
}

/// Whether a vice that shows at a command, `*` being any, shows at this one.
fn names(command: &str, request: &Request) -> bool {
    command == "*" || !command.is_empty() && request.is(command)
}
