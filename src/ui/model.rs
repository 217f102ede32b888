//! All state of the screen. Owned by the thread that draws; changed by `update` alone.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Instant;

use crate::imap::{Account, ConnectOptions, Target};
use crate::mail::{FolderPath, InternalDate, Repair};
use crate::store::{Choice, LocalPlace, Looked, OpenOptions, Shape};
use crate::transfer::{Entry, JobId, Limits, Mapping, Place, Queue, Source, Terms, Ticket, Verify};

use super::dialog::Dialog;
use super::effect::Effect;
use super::event::Trouble;
use super::keymap::Keymap;
use super::layout::Layout;
use super::list::Sieve;
use super::marks::Marks;
use super::pane::{Focus, Pane, Side};
use super::pattern::Fault;
use super::{KnownAccount, Options, Quit};

/// The state.
pub(crate) struct Model {
    /// The time of the event being handled.
    pub now: Instant,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The left pane.
    pub local: Pane,
    /// The right pane.
    pub remote: Pane,
    /// Which pane has the keys.
    pub side: Side,
    /// The stores on the left.
    pub sources: Vec<OpenSource>,
    /// How stores are read.
    pub reading: OpenOptions,
    /// The mailbox on the right.
    pub link: Link,
    /// The jobs of this sitting: what runs, what waits, what has ended.
    pub queue: Queue,
    /// The marks that jobs were made of, put back if they do not finish.
    pub lent: BTreeMap<Ticket, Lent>,
    /// Whether the bars, or the summary of the last job, are shown.
    pub is_shown: bool,
    /// Who carries the jobs out.
    pub carrier: Carrier,
    /// Whether jobs go on when the terminal goes away.
    pub leave_running: bool,
    /// The request for the job that is to go on, until it is answered.
    pub resuming: Option<u64>,
    /// The job that is being taken back, and the request for it.
    pub undoing: Option<(u64, JobId)>,
    /// What the connect dialog holds already, the first time.
    pub target: Option<Target>,
    /// Dialogs, the topmost last.
    pub dialogs: Vec<Dialog>,
    /// A short word in the status line.
    pub note: Option<Note>,
    /// An Esc that may be the start of an F-key.
    pub escape: Option<Escape>,
    /// What `/` looks for; empty if nothing.
    pub find: String,
    /// What the pattern in the prompt comes to.
    pub trial: Option<Trial>,
    /// The time of day at the start.
    pub clock: (Instant, InternalDate),
    /// Asked to end when the job has ended.
    pub quitting: Option<Quit>,
    /// What connections made in the dialog take beside server and login.
    pub connect: ConnectOptions,
    /// Whether a move may remove what the server wrote anew.
    pub accept_rewriting: bool,
    /// The repairs that are made where a message needs them.
    pub repairs: Vec<Repair>,
    /// The repairs that are asked for once it is known which messages need them.
    pub asks: Vec<Repair>,
    /// Which folder becomes which.
    pub mapping: Mapping,
    /// The accounts of the user's settings.
    pub accounts: Vec<KnownAccount>,
    /// Mailboxes of this sitting.
    pub met: Vec<Account>,
    /// The file that those rules were read from or written to last.
    pub map_file: Option<PathBuf>,
    /// Where messages that were not carried are saved.
    pub failed_dir: Option<PathBuf>,
    /// How much may go in a while.
    pub limits: Limits,
    /// The directory of the journal.
    pub state: PathBuf,
    /// Most connections a job uses, where a number was asked for.
    pub connections: Option<usize>,
    /// How surely a copy is proven.
    pub verify: Verify,
    /// What keys do.
    pub keys: Keymap,
    /// The mouse, if it is ours.
    pub mouse: Option<Clicks>,
    /// The last number given to a request.
    pub generation: u64,
    /// How soon the screen must be drawn.
    pub redraw: Redraw,
    /// The directory the program was started in, and the user's own: where paths begin.
    pub directories: (PathBuf, Option<PathBuf>),
    effects: Vec<Effect>,
}

/// What is known of the mouse.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clicks {
    /// When and where it was clicked last: the second click there enters.
    pub last: Option<(Instant, (u16, u16))>,
}

/// Who carries the jobs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// This process.
    Here,
    /// This process, until it ends and leaves them to another one.
    Leaving,
    /// Another process, which this screen is attached to.
    Far,
}

/// A store on the left.
#[derive(Clone, Debug)]
pub(crate) struct OpenSource {
    /// Its path.
    pub source: Source,
    /// The account, if it is a mailbox on a server.
    pub account: Option<Account>,
    /// Its format's name for people, once it is open.
    pub format: String,
    /// What is left to the user about how it is read.
    pub choices: Vec<Choice>,
    /// How far it is.
    pub state: SourceState,
    /// Whether the cursor goes there once it is open: the user asked for it just now.
    pub is_sought: bool,
}

impl OpenSource {
    /// The same as a place that mail can go to, if it is one.
    pub(crate) fn place(&self) -> Option<Place> {
        if let Some(account) = &self.account {
            return Some(Place::Server(account.clone()));
        }
        let shape = Shape::of_title(&self.format)?;
        Some(Place::Local(LocalPlace { shape, path: self.source.path.clone() }))
    }
}

/// How far a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceState {
    /// Being opened; how far the look through its directory is.
    Opening(Looked),
    /// Open.
    Ready,
    /// Not to be read; why.
    Failed(String),
}

/// The mailbox on the right.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// Who is connected, or will be.
    pub account: Option<Account>,
    /// The mail on this machine that is open instead.
    pub local: Option<LocalPlace>,
    /// UIDVALIDITY of the folders that were listed.
    pub validities: HashMap<FolderPath, u32>,
    /// The number of the connection; news of others is dropped.
    pub connection: u64,
    /// How it stands.
    pub state: LinkState,
    /// What it said of itself last: its folders, and how it names them.
    pub terms: Terms,
    /// The folder to go to once the folders are known.
    pub wanted: Option<FolderPath>,
}

impl Link {
    /// What is open there, or will be.
    pub(crate) fn place(&self) -> Option<Place> {
        self.account.clone().map(Place::Server).or_else(|| self.local.clone().map(Place::Local))
    }

    /// Its name for people; empty if nothing is open.
    pub(crate) fn label(&self) -> String {
        self.place().map(|place| place.label()).unwrap_or_default()
    }

    /// Whether something is open, or was a moment ago.
    pub(crate) fn is_there(&self) -> bool {
        self.place().is_some() && self.state != LinkState::None
    }
}

/// How the connection stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// There is none.
    #[default]
    None,
    /// Being made.
    Connecting,
    /// Up.
    Up,
    /// Lost; why.
    Lost(Trouble),
}

/// What a job was made of.
#[derive(Debug)]
pub(crate) struct Lent {
    /// The marks, put back if it does not finish.
    pub marks: Marks,
    /// The pane that they are of.
    pub from: Side,
}

/// The pattern in the prompt, as far as it was held against what is there.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    /// What was typed.
    pub text: String,
    /// What it comes to.
    pub trying: Trying,
}

/// What a pattern comes to.
#[derive(Clone, Debug)]
pub(crate) enum Trying {
    /// Nothing was typed.
    Nothing,
    /// It can't be read.
    Fault(Fault),
    /// Messages that fit.
    Rows(Sieve),
    /// So many folders fit.
    Folders(usize),
    /// It is in force as the filter, which counts itself.
    Filter,
}

/// A short word in the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// The word. May hold foreign text.
    pub text: String,
    /// Whether it is bad news.
    pub is_bad: bool,
}

/// An Esc that may be the start of an F-key.
#[derive(Clone, Debug)]
pub(crate) struct Escape {
    /// When it was pressed.
    pub at: Instant,
    /// Where the keys went before.
    pub focus: Focus,
    /// The filter that was in force there.
    pub filter: Option<String>,
    /// Whether it stops the job when no digit follows.
    pub stops: bool,
}

/// How soon the screen must be drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Redraw {
    /// Nothing changed.
    #[default]
    No,
    /// Numbers changed: a few times a second is enough.
    Later,
    /// Something the user waits for.
    Soon,
    /// Something the user did.
    AtOnce,
}

impl Model {
    /// The state at the start; nothing is open yet.
    pub(crate) fn new(options: &Options, size: (u16, u16), now: Instant) -> Self {
        Self {
            now,
            size,
            local: Pane::default(),
            remote: Pane::default(),
            side: Side::Local,
            sources: Vec::new(),
            reading: options.reading.clone(),
            link: Link { wanted: Some(options.folder.clone()), ..Link::default() },
            queue: Queue::default(),
            lent: BTreeMap::new(),
            is_shown: false,
            carrier: if options.attached.is_some() { Carrier::Far } else { Carrier::Here },
            leave_running: options.leave_running,
            resuming: None,
            undoing: None,
            target: None,
            dialogs: Vec::new(),
            note: None,
            escape: None,
            find: String::new(),
            trial: None,
            clock: (now, InternalDate::from_unix(0)),
            quitting: None,
            connect: options.connect.clone(),
            accept_rewriting: options.accept_rewriting,
            repairs: options.repairs.clone(),
            asks: options.asks.clone(),
            mapping: options.mapping.clone(),
            accounts: options.accounts.clone(),
            met: Vec::new(),
            map_file: options.map_file.clone(),
            failed_dir: options.failed_dir.clone(),
            limits: options.limits,
            state: options.state.clone(),
            connections: options.connections,
            verify: options.verify,
            keys: Keymap::default(),
            mouse: options.screen.mouse.then(Clicks::default),
            generation: 0,
            redraw: Redraw::Soon,
            directories: (PathBuf::new(), None),
            effects: Vec::new(),
        }
    }

    /// The pane of a side.
    pub(crate) fn pane(&self, side: Side) -> &Pane {
        match side {
            Side::Local => &self.local,
            Side::Remote => &self.remote,
        }
    }

    /// The pane of a side, to be changed.
    pub(crate) fn pane_mut(&mut self, side: Side) -> &mut Pane {
        match side {
            Side::Local => &mut self.local,
            Side::Remote => &mut self.remote,
        }
    }

    /// The pane that has the keys.
    pub(crate) fn here(&mut self) -> &mut Pane {
        self.pane_mut(self.side)
    }

    /// The present day, in days since 1970.
    pub(crate) fn today(&self) -> i64 {
        self.clock.1.after(self.now.saturating_duration_since(self.clock.0)).day()
    }

    /// A path as the user wrote it, from where the program was started or from the user's home.
    pub(crate) fn path_of(&self, text: &str) -> PathBuf {
        let (text, (here, home)) = (text.trim(), &self.directories);
        match (text.strip_prefix("~/"), home) {
            (Some(below), Some(home)) => home.join(below),
            _ => here.join(text),
        }
    }

    /// A number no request had before.
    pub(crate) fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// Wants something done.
    pub(crate) fn ask(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// What is wanted so far.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Says something in the status line.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.note = Some(Note { text: text.into(), is_bad: false });
    }

    /// Says bad news in the status line.
    pub(crate) fn warn(&mut self, text: impl Into<String>) {
        self.note = Some(Note { text: text.into(), is_bad: true });
    }

    /// Whether another process carries the jobs out.
    pub(crate) fn is_attached(&self) -> bool {
        self.carrier == Carrier::Far
    }

    /// The job that runs.
    pub(crate) fn running(&self) -> Option<&Entry> {
        self.queue.running()
    }

    /// The job that runs, else the last one, as long as the user has not put it away.
    pub(crate) fn shown(&self) -> Option<&Entry> {
        self.queue.current().filter(|_| self.is_shown)
    }

    /// Where everything is on the screen.
    pub(crate) fn layout(&self) -> Layout {
        let lines =
            self.shown().map_or(0, |job| if job.is_running() { 2 + job.progress.running.len().clamp(1, 4) } else { 1 });
        Layout::of(self.size, lines, self.side)
    }
}
