//! The near end of the socket: finds processes that go on without a terminal, and listens to one.

use std::fs;
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::transfer::Queue;

use super::place;
use super::wire::{Asked, Hello, Said, VERSION, hear, say};

/// How long a process may take for its first words; one that is stopped says nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// A process that was found, and what it said so far.
#[derive(Debug)]
pub struct Guest {
    /// Who it is.
    pub hello: Hello,
    /// Its jobs.
    pub queue: Queue,
    from: BufReader<UnixStream>,
}

/// The end that asks.
#[derive(Debug)]
pub struct Teller(UnixStream);

/// Every process of the user that carries jobs without a terminal. Sockets that nobody listens to are taken away.
pub fn find(state: &Path) -> Vec<Guest> {
    let mut guests = Vec::new();
    for path in place::all(state) {
        match Guest::visit(&path) {
            Ok(guest) => guests.push(guest),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                let _ = fs::remove_file(&path); // somebody else did
            }
            Err(_) => {}
        }
    }
    guests
}

impl Guest {
    fn visit(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        if !place::is_own(&stream) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut from = BufReader::new(stream);
        let Some(Said::Hello(hello)) = hear(&mut from)? else { return Err(io::ErrorKind::InvalidData.into()) };
        if hello.version != VERSION {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "it is of another version"));
        }
        let Some(Said::All { queue }) = hear(&mut from)? else { return Err(io::ErrorKind::InvalidData.into()) };
        from.get_ref().set_read_timeout(None)?;
        Ok(Self { hello, queue: *queue, from })
    }

    /// The end that asks.
    pub fn teller(&self) -> io::Result<Teller> {
        self.from.get_ref().try_clone().map(Teller)
    }

    /// The next thing that is said; `None` when the process is gone.
    pub fn hear(&mut self) -> Option<Said> {
        hear(&mut self.from).unwrap_or(None)
    }
}

impl Teller {
    /// Asks for something.
    pub fn ask(&mut self, asked: &Asked) -> io::Result<()> {
        say(&mut self.0, asked)
    }
}
