//! A small world for the tests: a store with folders and hostile mail, a mailbox, and keys as text.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use secrecy::SecretString;

use crate::imap::{Account, ConnectOptions, Counts, RemoteFolder, Security};
use crate::mail::{Flags, FolderPath, InternalDate, Locator, SpecialUse};
use crate::store::{Choice, Count};
use crate::transfer::{self, Limits, Mapping, Terms, Verify};
use crate::ui::Options;
use crate::ui::effect::{Effect, ServerRequest, StoreRequest};
use crate::ui::event::{Event, Mouse, MouseKind, Opened, ServerEvent, StoreEvent};
use crate::ui::list::{Extra, Row};
use crate::ui::marks::Key;
use crate::ui::model::Model;
use crate::ui::theme::Theme;
use crate::ui::tree::Entry;
use crate::ui::update::{open_store, start_connecting, update};
use crate::ui::view::{Scrolls, view};

/// A folder's name, what it is for, and how many messages it holds.
type Folder = (&'static str, Option<SpecialUse>, u64);

pub(crate) const STRANGE: &str = "橋の設計図 \x1b[31mred\u{202e}gpj e\u{301}\u{200b}";

const THERE: [Folder; 5] = [
    ("INBOX", Some(SpecialUse::Inbox), 128),
    ("Archive", Some(SpecialUse::Archive), 0),
    ("Archive/2004", None, 412),
    ("Gesendet", Some(SpecialUse::Sent), 77),
    ("Trash", Some(SpecialUse::Trash), 3),
];

pub(crate) const FOLDERS: [Folder; 6] = [
    ("Inbox", Some(SpecialUse::Inbox), 2101),
    ("Inbox/Receipts", None, 12),
    ("Projects", None, 988),
    ("Projects/Bridge", None, 5),
    ("Projects/Bridge/Old plans", None, 3),
    ("Sent Items", Some(SpecialUse::Sent), 1223),
];

pub(crate) struct World {
    pub model: Model,
    pub effects: Vec<Effect>,
    pub start: Instant,
    scrolls: Scrolls,
}

pub(crate) fn path(text: &str) -> FolderPath {
    FolderPath::parse(text)
}

pub(crate) fn account() -> Account {
    Account {
        host: "mail.example.org".into(),
        port: 993,
        security: Security::Tls,
        user: "anna".into(),
        password: SecretString::from("secret"),
        options: ConnectOptions::default(),
    }
}

pub(crate) fn options() -> Options {
    Options {
        sources: Vec::new(),
        mailboxes: Vec::new(),
        local: None,
        reading: crate::store::OpenOptions::default(),
        account: None,
        prefill: None,
        connect: ConnectOptions::default(),
        folder: FolderPath::root(),
        accept_rewriting: false,
        repairs: Vec::new(),
        asks: Vec::new(),
        accounts: Vec::new(),
        mapping: Mapping::default(),
        map_file: None,
        failed_dir: None,
        limits: Limits::default(),
        state: "/state".into(),
        leave_running: false,
        attached: None,
        connections: Some(2),
        verify: Verify::Size,
        screen: crate::ui::Screen {
            ascii: false,
            slow: false,
            mouse: false,
            palette: crate::config::read("", std::path::Path::new("test")).unwrap().palette,
        },
        keys: Vec::new(),
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let mails = [
        ("Kerstin Holm", "Re: girders", 2_300, Flags::SEEN | Flags::ANSWERED),
        ("J. Braun", "plans v3 \x1b]0;PWN\x07\x1b[31m", 2_100_000, Flags::SEEN),
        ("Kerstin Holm", "Re: plans v3", 1_800, Flags::NONE),
        ("佐藤 健", "橋の設計図について、ご確認をお願いいたします", 48_000, Flags::SEEN | Flags::FLAGGED),
        ("x\u{202e}gpj", "", 999, Flags::DRAFT | Flags::SEEN),
    ];
    let row = |(at, (from, subject, size, flags)): (u64, (&str, &str, u64, Flags))| Row {
        key: Key::Local(Locator { name: "".into(), offset: at * 100, length: size }),
        size,
        date: Some(InternalDate::from_unix(1_079_049_600 + at.cast_signed() * 40_000)),
        flags,
        is_doubtful: at == 4,
        from: from.into(),
        subject: subject.into(),
        attached: [Some(false), Some(true), None][usize::try_from(at % 3).unwrap()],
        links: [at + 1, [0, 0, 1, 0, 0][usize::try_from(at).unwrap()], 0],
        extra: Extra::new(
            if from.starts_with("Kerstin") { "k.holm@bridge.example" } else { "" },
            "anna@example.org",
            &format!("<{}@x>", at + 1),
            &[],
        ),
    };
    (0..).zip(mails).map(row).collect()
}

impl World {
    /// Nothing is open yet.
    pub(crate) fn empty(size: (u16, u16)) -> Self {
        let start = Instant::now();
        Self { model: Model::new(&options(), size, start), effects: Vec::new(), start, scrolls: Scrolls::default() }
    }

    /// A store and a mailbox, both open, everything counted.
    pub(crate) fn new(size: (u16, u16)) -> Self {
        let mut world = Self::empty(size);
        open_store(&mut world.model, "/mnt/old-pc/Anna".into(), false);
        world.store_is_read(&[]);
        world.connect();
        world
    }

    pub(crate) fn connect(&mut self) {
        start_connecting(&mut self.model, account());
        self.server(ServerEvent::Connected);
        self.mailbox_is_read(&[]);
    }

    /// Folders that others gave names to come to light on both sides: wide, right to left, with control characters.
    pub(crate) fn strange_folders_appear(&mut self) {
        self.store_is_read(&[(STRANGE, None, 40), ("مجلد", None, 1)]);
        self.mailbox_is_read(&[(STRANGE, None, 7)]);
    }

    fn store_is_read(&mut self, more: &[Folder]) {
        let folders = || FOLDERS.iter().chain(more);
        let entries = folders().map(|(name, special, _)| Entry { path: path(name), special: *special, holds: true });
        let (format, choices) = ("Maildir".to_owned(), Choice::ALL.into());
        let result = Ok(Opened { format, choices, folders: entries.collect() });
        self.happens(Event::Store(StoreEvent::Folders { source: 0, result }));
        let counts = folders()
            .map(|(name, _, messages)| (0, path(name), Some(Count { messages: *messages, bytes: messages * 10_000 })));
        let counts = counts.collect();
        self.happens(Event::Store(StoreEvent::Counts(counts)));
    }

    fn mailbox_is_read(&mut self, more: &[Folder]) {
        let folders = || THERE.iter().chain(more);
        let remote = folders().map(|(name, special, _)| RemoteFolder {
            path: path(name),
            wire: (*name).into(),
            special: *special,
            can_select: true,
            can_have_children: true,
        });
        let folders_there = remote.collect();
        self.server(ServerEvent::Terms(Terms { folders: folders_there, ..Terms::default() }));
        let counts = folders().map(|(name, _, messages)| {
            (path(name), Some(Counts { messages: u32::try_from(*messages).unwrap(), unseen: 0, bytes: None }))
        });
        let counts = counts.collect();
        self.server(ServerEvent::Counts(counts));
    }

    pub(crate) fn server(&mut self, event: ServerEvent) {
        let connection = self.model.link.connection;
        self.happens(Event::Server(connection, event));
    }

    pub(crate) fn happens(&mut self, event: Event) {
        self.effects.extend(update(&mut self.model, event));
    }

    pub(crate) fn job(&mut self, event: transfer::Event) {
        self.happens(Event::Job(vec![event]));
    }

    pub(crate) fn after(&mut self, milliseconds: u64) {
        let now = self.start + Duration::from_millis(milliseconds);
        self.happens(Event::Tick(now));
    }

    /// Answers the newest request for a list.
    pub(crate) fn list_arrives(&mut self) {
        let asked = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Store(StoreRequest::List { generation, .. }) => Some(*generation),
            _ => None,
        });
        let generation = asked.expect("a list was asked for");
        self.happens(Event::Store(StoreEvent::Rows { generation, rows: rows(), progress: (5, 5) }));
        self.happens(Event::Store(StoreEvent::ListEnd { generation, result: Ok(0) }));
    }

    /// Presses keys: single characters, and names in angle brackets such as `<Down>`.
    pub(crate) fn keys(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let (name, after) = match rest.strip_prefix('<').and_then(|named| named.split_once('>')) {
                Some((name, after)) => (name.to_owned(), after),
                None => (first.to_string(), &rest[first.len_utf8()..]),
            };
            rest = after;
            self.happens(Event::Key(key(&name)));
        }
    }

    /// Where a text is on the screen: the column and the row of its first letter.
    pub(crate) fn find(&mut self, text: &str) -> (u16, u16) {
        let buffer = self.buffer(Theme::named("dark", false));
        let (width, height) = self.model.size;
        let line = |y| move |x| (x, y);
        let places = (0..height).flat_map(|y| (0..width).map(line(y)));
        let fits = |(x, y): &(u16, u16)| {
            let cells = (*x..width).map(|x| buffer[(x, *y)].symbol()).collect::<String>();
            cells.starts_with(text)
        };
        let found = places.into_iter().find(fits);
        found.unwrap_or_else(|| panic!("{text} is not on the screen"))
    }

    /// Does something with the mouse, on the screen as it is drawn.
    pub(crate) fn mouse(&mut self, kind: MouseKind, at: (u16, u16)) {
        self.screen();
        let tops = self.scrolls.tops();
        self.happens(Event::Mouse(Mouse { kind, at, tops }));
    }

    pub(crate) fn asked(&self, wanted: impl Fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(wanted)
    }

    pub(crate) fn server_requests(&self) -> Vec<ServerRequest> {
        let request = |effect: &Effect| match effect {
            Effect::Server(request) => Some(request.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(request).collect()
    }

    /// The screen as text.
    pub(crate) fn screen(&mut self) -> String {
        self.draw(Theme::named("dark", false))
    }

    /// The cells of the screen.
    pub(crate) fn buffer(&mut self, theme: Theme) -> Buffer {
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view(frame, &self.model, &mut self.scrolls, theme)).unwrap();
        terminal.backend().buffer().clone()
    }

    pub(crate) fn draw(&mut self, theme: Theme) -> String {
        let (width, height) = self.model.size;
        let buffer = self.buffer(theme);
        let mut text = String::new();
        for y in 0..height {
            let mut skip = 0;
            let mut line = String::new();
            for x in 0..width {
                let symbol = buffer[(x, y)].symbol();
                if skip == 0 {
                    line.push_str(symbol);
                    skip = unicode_width::UnicodeWidthStr::width(symbol).max(1);
                }
                skip -= 1;
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        assert!(!text.chars().any(|ch| ch != '\n' && ch.is_control()), "a control character is on the screen");
        text
    }
}

pub(crate) fn key(name: &str) -> KeyEvent {
    let code = match name {
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Backspace" => KeyCode::Backspace,
        "Del" => KeyCode::Delete,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        "PgUp" => KeyCode::PageUp,
        "PgDn" => KeyCode::PageDown,
        "S-Down" => return KeyEvent::new(KeyCode::Down, KeyModifiers::SHIFT),
        "S-Up" => return KeyEvent::new(KeyCode::Up, KeyModifiers::SHIFT),
        "C-c" => return KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
        _ => match name.strip_prefix('F').and_then(|number| number.parse().ok()) {
            Some(number) => KeyCode::F(number),
            None => KeyCode::Char(name.chars().next().unwrap()),
        },
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}
