//! SIGINT, SIGTERM and SIGHUP of a headless run: the first stops after the running message, the second at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, bounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Signals as they come, and the last one's number.
pub struct Watch {
    /// One item per signal.
    pub received: Receiver<()>,
    number: Arc<AtomicI32>,
}

impl Watch {
    /// Catches the signals from now on.
    pub fn start() -> std::io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let (sender, received) = bounded(8);
        let number = Arc::new(AtomicI32::new(0));
        let last = Arc::clone(&number);
        thread::spawn(move || {
            for signal in signals.forever() {
                last.store(signal, Ordering::SeqCst);
                if sender.send(()).is_err() {
                    break;
                }
            }
        });
        Ok(Self { received, number })
    }

    /// Whether the last signal was that of a terminal that went away.
    pub fn is_hung_up(&self) -> bool {
        self.number.load(Ordering::SeqCst) == SIGHUP
    }

    /// The last signal's number, if any came.
    pub fn number(&self) -> Option<u8> {
        u8::try_from(self.number.load(Ordering::SeqCst)).ok().filter(|number| *number > 0)
    }
}
