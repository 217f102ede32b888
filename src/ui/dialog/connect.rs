//! The mailbox to connect to: server, protection, port, user, password.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use secrecy::SecretString;

use super::field::Field;
use super::{Answer, Command};
use crate::imap::{Account, ConnectOptions, Security, Target};
use crate::ui::layout::centred;
use crate::ui::theme::Theme;
use crate::ui::view::paint;

/// The lines, from top to bottom; the button is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Server,
    Security,
    Port,
    User,
    Password,
    Button,
}

const LINES: [(Line, &str); 6] = [
    (Line::Server, "Server"),
    (Line::Security, "Protection"),
    (Line::Port, "Port"),
    (Line::User, "User"),
    (Line::Password, "Password"),
    (Line::Button, ""),
];

/// The connect dialog.
pub(crate) struct Connect {
    server: Field,
    security: Security,
    port: Field,
    user: Field,
    password: Field,
    line: Line,
    /// What only the command line can say.
    options: ConnectOptions,
    /// Whether the mailbox is opened on the left.
    pub for_left: bool,
    /// What is missing.
    complaint: &'static str,
    /// Whether an attempt is under way.
    is_connecting: bool,
}

impl Connect {
    /// An empty dialog, or one that holds what is known.
    pub(crate) fn new(target: Option<&Target>, account: Option<&Account>, options: &ConnectOptions) -> Self {
        let security =
            account.map(|known| known.security).or(target.map(|known| known.security)).unwrap_or(Security::Tls);
        let host =
            account.map(|known| known.host.as_str()).or(target.map(|known| known.host.as_str())).unwrap_or_default();
        let user = account
            .map(|known| known.user.as_str())
            .or(target.and_then(|known| known.user.as_deref()))
            .unwrap_or_default();
        let port =
            account.map(|known| known.port).or(target.map(|known| known.port)).unwrap_or(security.default_port());
        let line = match (host.is_empty(), user.is_empty()) {
            (true, _) => Line::Server,
            (false, true) => Line::User,
            (false, false) => Line::Password,
        };
        Self {
            server: Field::new(host),
            security,
            port: Field::new(&port.to_string()),
            user: Field::new(user),
            password: Field::secret(),
            line,
            options: options.clone(),
            for_left: false,
            complaint: "",
            is_connecting: false,
        }
    }

    fn step(&mut self, by: isize) {
        let here = LINES.iter().position(|(line, _)| *line == self.line).unwrap_or(0);
        let count = LINES.len().cast_signed();
        let there = (here.cast_signed() + by).rem_euclid(count).cast_unsigned();
        if let Some((line, _)) = LINES.get(there) {
            self.line = *line;
        }
    }

    fn cycle(&mut self, by: isize) {
        let all = Security::ALL;
        let here = all.iter().position(|security| *security == self.security).unwrap_or(0);
        let there = (here.cast_signed() + by).rem_euclid(all.len().cast_signed()).cast_unsigned();
        let follows = self.port.text() == self.security.default_port().to_string();
        self.security = all.get(there).copied().unwrap_or(Security::Tls);
        if follows {
            self.port = Field::new(&self.security.default_port().to_string());
        }
    }

    fn field(&mut self) -> Option<&mut Field> {
        match self.line {
            Line::Server => Some(&mut self.server),
            Line::Port => Some(&mut self.port),
            Line::User => Some(&mut self.user),
            Line::Password => Some(&mut self.password),
            Line::Security | Line::Button => None,
        }
    }

    /// Whether an attempt is under way.
    pub(crate) fn is_connecting(&self) -> bool {
        self.is_connecting
    }

    /// The attempt failed: the password is asked for again, the rest stays.
    pub(crate) fn failed(&mut self) {
        self.is_connecting = false;
        self.password = Field::secret();
        self.line = Line::Password;
    }

    /// Takes pasted text.
    pub(crate) fn paste(&mut self, pasted: &str) {
        if !self.is_connecting
            && let Some(field) = self.field()
        {
            field.paste(pasted);
        }
    }

    /// Takes a key. While an attempt is under way, only Esc counts.
    pub(crate) fn press(&mut self, key: &KeyEvent) -> Answer {
        if self.is_connecting {
            if key.code == KeyCode::Esc {
                self.is_connecting = false;
                return Answer::Do(Command::CancelConnect);
            }
            return Answer::Stay;
        }
        self.complaint = "";
        match key.code {
            KeyCode::Esc | KeyCode::F(10) => return Answer::Close,
            KeyCode::BackTab | KeyCode::Up => self.step(-1),
            KeyCode::Enter if matches!(self.line, Line::Password | Line::Button) => return self.submit(),
            KeyCode::Enter | KeyCode::Tab | KeyCode::Down => self.step(1),
            KeyCode::Char(' ') | KeyCode::Right if self.line == Line::Security => self.cycle(1),
            KeyCode::Left if self.line == Line::Security => self.cycle(-1),
            _ => {
                if let Some(field) = self.field() {
                    field.press(key);
                }
            }
        }
        Answer::Stay
    }

    fn submit(&mut self) -> Answer {
        let port = self.port.text().trim().parse::<u16>().ok().filter(|port| *port > 0);
        let checks = [
            (self.server.text().trim().is_empty(), Line::Server, "Which server? A name such as mail.example.org"),
            (port.is_none(), Line::Port, "The port is a number from 1 to 65535"),
            (self.user.text().trim().is_empty(), Line::User, "Which user?"),
            (self.password.text().is_empty(), Line::Password, "The password is missing"),
        ];
        if let Some((_, line, complaint)) = checks.into_iter().find(|(fails, ..)| *fails) {
            (self.line, self.complaint) = (line, complaint);
            return Answer::Stay;
        }
        self.is_connecting = !self.for_left;
        let account = Account {
            host: self.server.text().trim().to_owned(),
            port: port.unwrap_or_default(),
            security: self.security,
            user: self.user.text().trim().to_owned(),
            password: SecretString::from(self.password.text()),
            options: self.options.clone(),
        };
        if self.for_left {
            return Answer::Finish(Command::OpenAccount(Box::new(account)));
        }
        Answer::Do(Command::Connect(Box::new(account)))
    }

    /// Draws it.
    pub(crate) fn draw(&self, buf: &mut Buffer, size: (u16, u16), theme: Theme) {
        let area = centred(size, 62, 12);
        let keys = if self.is_connecting { "Esc cancel" } else { "Tab next   Enter connect   Esc close" };
        let title = if self.for_left { "Open a mailbox on the left" } else { "Connect to a mailbox" };
        let inside = paint::window(buf, area, title, keys, theme, false);
        let labels = 12;
        let width = inside.width.saturating_sub(labels);
        for ((line, label), y) in LINES.iter().zip(inside.y + 1..inside.bottom()) {
            let focused = *line == self.line && !self.is_connecting;
            paint::text(buf, inside.x, y, labels, label, theme.text());
            let place = Rect { x: inside.x + labels, y, width, height: 1 };
            match line {
                Line::Server => self.server.draw(buf, place, theme, focused),
                Line::Port => self.port.draw(buf, Rect { width: 7.min(width), ..place }, theme, focused),
                Line::User => self.user.draw(buf, place, theme, focused),
                Line::Password => self.password.draw(buf, place, theme, focused),
                Line::Security => {
                    let words = format!("< {} >", self.security.label());
                    paint::text(buf, place.x, y, width, &words, theme.field(focused));
                }
                Line::Button => {
                    paint::text(buf, place.x, y + 1, width, "[ Connect ]", theme.button(focused));
                }
            }
        }
        let (words, style) = self.remark(theme);
        paint::text(buf, inside.x, inside.bottom().saturating_sub(1), inside.width, &words, style);
    }

    fn remark(&self, theme: Theme) -> (String, ratatui::style::Style) {
        if self.is_connecting {
            (format!("connecting to {} …", self.server.text()), theme.hint())
        } else if !self.complaint.is_empty() {
            (format!("! {}", self.complaint), theme.bad())
        } else if self.line == Line::Security {
            ("Space changes it".into(), theme.faint())
        } else if self.security == Security::Plaintext {
            ("! Password and mail can be read on the way".into(), theme.bad())
        } else {
            (String::new(), theme.text())
        }
    }
}
