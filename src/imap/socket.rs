//! The stream under a wire: how long the other side may take, and how a connection is cut from another thread.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Any stream: plain or TLS.
pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A TCP stream that never waits longer than it was told to.
#[derive(Debug)]
pub struct Socket {
    tcp: TcpStream,
    pub(super) clock: Arc<Mutex<Clock>>,
    /// The time-outs that the system was told last, for reading and for writing.
    told: (Option<Duration>, Option<Duration>),
}

/// How long the other side may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The longest silence.
    pub(super) patience: Duration,
    /// When all must be done, whatever trickles in.
    pub(super) deadline: Option<Instant>,
}

impl Socket {
    /// Wraps a connected stream. All must be done by `deadline` until [`super::wire::Wire::set_patience`] is called.
    pub fn new(tcp: TcpStream, patience: Duration) -> Self {
        let clock = Clock { patience, deadline: Instant::now().checked_add(patience) };
        Self { tcp, clock: Arc::new(Mutex::new(clock)), told: (None, None) }
    }

    fn allowance(&self) -> io::Result<Duration> {
        let clock = *lock(&self.clock);
        let left = match clock.deadline {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()).min(clock.patience),
            None => clock.patience,
        };
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowance = Some(self.allowance()?);
        if self.told.0 != allowance {
            self.tcp.set_read_timeout(allowance)?;
            self.told.0 = allowance;
        }
        self.tcp.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let allowance = Some(self.allowance()?);
        if self.told.1 != allowance {
            self.tcp.set_write_timeout(allowance)?;
            self.told.1 = allowance;
        }
        self.tcp.write(buffer)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// Ends a connection from another thread; the call that waits on it fails with [`super::ImapError::Cancelled`]. Keeps none
/// open: many servers count the connections of an account.
#[derive(Clone, Debug)]
pub struct Canceller {
    cancelled: Arc<AtomicBool>,
    tcp: Weak<TcpStream>,
}

impl Canceller {
    pub(super) fn new(tcp: &Arc<TcpStream>) -> Self {
        Self { cancelled: Arc::default(), tcp: Arc::downgrade(tcp) }
    }

    /// Whether it was used.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// Cuts the connection.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        // Already closed is as good as closed.
        let _ = self.tcp.upgrade().map(|tcp| tcp.shutdown(Shutdown::Both));
    }
}

/// Takes a lock; nothing here is ever left half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves nothing half done that the next call would trip over.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
