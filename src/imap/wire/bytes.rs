//! The bytes under a wire: sent in pieces, and read ahead, by line and by length. What a failed read or write means.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{ImapError, Inner, MAX_LINE};
use crate::imap::socket::{Clock, lock};

pub(super) const CHUNK: usize = 64 * 1024;
/// How long a look at what has come may take.
const GLANCE: Duration = Duration::from_millis(1);
/// The most bytes of answers that are kept before they are asked for.
const MOST_AHEAD: usize = 1024 * 1024;

impl Inner {
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), ImapError> {
        let sent = self.send_pieces(bytes).map_err(|error| self.broken(&error));
        if let (Err(error), Some(tracer)) = (&sent, &self.tracer) {
            tracer.failed(error);
        }
        sent
    }

    fn send_pieces(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(CHUNK) {
            self.take_in();
            self.stream.write_all(piece)?;
            if let Some(tracer) = &mut self.tracer {
                tracer.sent(piece);
            }
        }
        self.stream.flush()
    }

    /// Reads what has come already: a server that can not get rid of its answers would not listen to us either.
    pub(super) fn take_in(&mut self) {
        while self.ready().len() < MOST_AHEAD {
            let tcp = Arc::clone(&self.tcp);
            let mut polled = [PollFd::new(&*tcp, PollFlags::IN)];
            // A fault of the line shows at the next read or write.
            if !poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0) || !self.glance() {
                break;
            }
        }
    }

    /// Reads what is there and does not wait: what came may be TLS's own and hold no answer. Gives whether it was one.
    fn glance(&mut self) -> bool {
        let usual = *lock(&self.clock);
        *lock(&self.clock) = Clock { patience: GLANCE, deadline: None };
        let read = self.stream.read(&mut self.chunk);
        *lock(&self.clock) = usual;
        let length = read.unwrap_or(0);
        self.keep(length);
        length > 0
    }

    /// Keeps what was read.
    fn keep(&mut self, length: usize) {
        self.buffer.drain(..std::mem::take(&mut self.taken));
        self.buffer.extend_from_slice(self.chunk.get(..length).unwrap_or_default());
    }

    pub(super) fn ready(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    /// Moves the first `length` bytes that are ready.
    pub(super) fn take(&mut self, length: usize, into: &mut Vec<u8>) {
        into.extend_from_slice(self.ready().get(..length).unwrap_or_default());
        self.taken += length;
    }

    pub(super) fn read_line(&mut self, into: &mut Vec<u8>) -> Result<(), ImapError> {
        let mut searched = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', self.ready().get(searched..).unwrap_or_default()) {
                self.take(searched + at + 1, into);
                return Ok(());
            }
            searched = self.ready().len();
            if searched > MAX_LINE {
                return Err(ImapError::Nonsense { reason: "a line without an end".into() });
            }
            self.fill()?;
        }
    }

    pub(super) fn read_exact_into(&mut self, length: usize, into: &mut Vec<u8>) -> Result<(), ImapError> {
        let mut left = length;
        loop {
            let ready = left.min(self.ready().len());
            self.take(ready, into);
            left -= ready;
            if left == 0 {
                return Ok(());
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), ImapError> {
        let read = loop {
            match self.stream.read(&mut self.chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match read {
            Ok(0) => Err(self.broken(&io::ErrorKind::UnexpectedEof.into())),
            Ok(length) => {
                self.keep(length);
                Ok(())
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// What a failed read or write means.
    fn broken(&mut self, error: &io::Error) -> ImapError {
        if let Some(fault) = self.fault.take() {
            return fault;
        }
        if self.canceller.is_cancelled() {
            return ImapError::Cancelled;
        }
        if let Some(bye) = self.bye.take() {
            return bye;
        }
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                ImapError::Silent { waited: lock(&self.clock).patience }
            }
            io::ErrorKind::UnexpectedEof => ImapError::Lost { reason: "it was closed without a word".into() },
            _ => ImapError::Lost { reason: error.to_string() },
        }
    }
}
