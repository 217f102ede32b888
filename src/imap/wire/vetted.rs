//! The wire as the `imap` crate reads and writes it: vetted answers, one at a time, and what its errors mean.

use std::io::{self, Read, Write};

use super::{Answer, ImapError, Inner, Told, Wire};

impl Wire {
    /// Forgets what the crate's last command failed of, before the next.
    pub fn forget_fault(&self) {
        let mut inner = self.inner();
        inner.result = None;
        inner.fault = None;
    }

    /// What an error of the crate means, in the server's own words; `doing` says what was tried.
    pub fn meaning(&self, error: imap::Error, doing: impl FnOnce() -> String) -> ImapError {
        let mut inner = self.inner();
        if let Some(fault) = inner.fault.take() {
            return fault;
        }
        if let Some(refusal) = inner.result.take().as_ref().and_then(Answer::refusal) {
            return ImapError::Refused { doing: doing(), refusal };
        }
        match error {
            imap::Error::ConnectionLost => ImapError::Lost { reason: "it was closed without a word".into() },
            other => ImapError::Nonsense { reason: other.to_string() },
        }
    }
}

impl Inner {
    /// The next answer that the crate can stand, in a form it can parse.
    fn vet(&mut self) -> Result<Vec<u8>, ImapError> {
        loop {
            let answer = self.answer()?;
            if let Some(bytes) = answer.for_crate() {
                self.told = Told::default();
                if answer.is_tagged() {
                    self.result = Some(answer);
                }
                return Ok(bytes);
            }
        }
    }

    /// Turns a failure into what `Read` and `Write` can say, and keeps it for [`Wire::meaning`].
    fn keep_fault<T>(&mut self, result: Result<T, ImapError>) -> io::Result<T> {
        result.map_err(|error| {
            let text = error.to_string();
            self.fault = Some(error);
            io::Error::other(text)
        })
    }
}

impl Read for Wire {
    /// For the `imap` crate: vetted answers, never two in one read, so that it buffers nothing of the next.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut inner = self.inner();
        if inner.vetted.position() >= inner.vetted.get_ref().len() as u64 {
            let vetted = inner.vet();
            inner.vetted = io::Cursor::new(inner.keep_fault(vetted)?);
        }
        inner.vetted.read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let mut inner = self.inner();
        let sent = inner.send(buffer);
        inner.keep_fault(sent)?;
        Ok(buffer.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
