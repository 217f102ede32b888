//! What the process and those who look on say to each other: one JSON object a line, its only field the kind of what is
//! said. (A tag beside the fields would make serde keep numbers that are names, as of folders, as texts.)

use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::transfer::{Event, Order, Queue};

use super::Handed;

/// The version of this language; a screen of another version is told so.
pub const VERSION: u32 = 2;

/// Who the process is; the first thing it says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// The version of what it says.
    pub version: u32,
    /// Its process id.
    pub process: u32,
    /// The directory of its journal.
    pub state: PathBuf,
    /// The directory that it runs in, where paths begin.
    pub directory: PathBuf,
}

/// What the process says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Who it is.
    Hello(Hello),
    /// All that is known of its jobs; whatever was said before is out of date.
    All {
        /// The jobs.
        queue: Box<Queue>,
    },
    /// What happened in the running job since.
    Happened {
        /// In this order.
        events: Vec<Event>,
    },
    /// A job was not taken.
    NotTaken {
        /// Why, for people.
        reason: String,
    },
}

/// What is asked of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// An order to the queue.
    Order {
        /// Which one.
        order: Order,
    },
    /// Another job, at the end of the queue.
    Take {
        /// The job.
        job: Handed,
    },
}

/// Says something in a line.
pub(super) fn say(to: &mut impl Write, what: &impl Serialize) -> io::Result<()> {
    to.write_all(line(what)?.as_bytes())?;
    to.flush()
}

/// Something as a line.
pub(super) fn line(what: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(what)? + "\n")
}

/// The next thing that is said; `None` when nothing more comes.
pub(super) fn hear<T: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use secrecy::SecretString;

    use super::*;
    use crate::imap::{Account, ConnectOptions, Security};
    use crate::mail::FolderPath;
    use crate::transfer::{Job, Limits, Line, Mode, Plan, Verify};

    #[test]
    fn a_queue_whose_job_is_under_way_is_understood_and_its_password_never_said() {
        let account = Account {
            host: "host".into(),
            port: 993,
            security: Security::Tls,
            user: "anna".into(),
            password: SecretString::from("secret"),
            options: ConnectOptions::default(),
        };
        let job = Job {
            target: account.into(),
            accounts: Vec::new(),
            plan: Plan::default(),
            mode: Mode::Copy,
            verify: Verify::Size,
            connections: Some(1),
            accept_rewriting: false,
            repairs: Vec::new(),
            asks: Vec::new(),
            sums: false,
            failed_dir: None,
            limits: Limits::default(),
            state: "/state".into(),
            resumes: None,
        };
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add(job, now);
        queue.advance(now);
        let (source, target) = (FolderPath::parse("A"), FolderPath::parse("B"));
        queue.happened(&Event::FolderStart { index: 3, source, target, messages: 9, bytes: 9 }, now);
        queue.happened(&Event::Connection { number: 1, line: Line::Carries(3) }, now);
        let line = line(&Said::All { queue: Box::new(queue) }).unwrap();
        assert!(!line.contains("secret") && line.ends_with('\n'));
        let Some(Said::All { queue }) = hear(&mut line.as_bytes()).unwrap() else { panic!("{line}") };
        assert!(queue.running().unwrap().progress.running.contains_key(&3));
        assert!(hear::<Said>(&mut &b""[..]).unwrap().is_none());
        assert!(hear::<Said>(&mut &b"rubbish\n"[..]).is_err());
    }
}
