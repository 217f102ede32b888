//! SIGINT, SIGTERM and SIGHUP of a headless run: the first stops after the running message, the second at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, bounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

const ALL: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Signals as they come, and the last one's number.
pub struct Watch {
    /// One item per signal.
    pub received: Receiver<()>,
    number: Arc<AtomicUsize>,
}

impl Watch {
    /// Catches the signals from now on.
    pub fn start() -> std::io::Result<Self> {
        let number = Arc::new(AtomicUsize::new(0));
        // By the handler itself: a job may end before the thread below has run.
        for signal in ALL {
            flag::register_usize(signal, Arc::clone(&number), usize::try_from(signal).unwrap_or(0))?;
        }
        let mut signals = Signals::new(ALL)?;
        let (sender, received) = bounded(8);
        thread::spawn(move || {
            for _ in signals.forever() {
                if sender.send(()).is_err() {
                    break;
                }
            }
        });
        Ok(Self { received, number })
    }

    /// Whether the last signal was that of a terminal that went away.
    pub fn is_hung_up(&self) -> bool {
        self.number() == u8::try_from(SIGHUP).ok()
    }

    /// The last signal's number, if any came.
    pub fn number(&self) -> Option<u8> {
        u8::try_from(self.number.load(Ordering::SeqCst)).ok().filter(|number| *number > 0)
    }
}
