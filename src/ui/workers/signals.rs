//! Signals as events. The first one asks for a clean end; if the screen can't answer a second one, this thread ends it.

use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use super::spawn;
use crate::ui::event::Event;
use crate::ui::run::restore;

/// How long the screen has to answer a second signal: it may hang in a write to a terminal that is gone.
const GRACE: Duration = Duration::from_secs(2);

/// Starts listening.
pub(crate) fn start(events: &Sender<Event>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH])?;
    let news = events.clone();
    spawn("signals", events, move || {
        let mut asked = false;
        for signal in signals.forever() {
            let event = match signal {
                SIGTSTP => Event::SuspendAsked,
                SIGCONT => Event::Continued,
                SIGWINCH => match crossterm::terminal::size() {
                    Ok((width, height)) => Event::Resized(width, height),
                    Err(_) => continue,
                },
                number => {
                    // A terminal that goes away sends two: one by the kernel, one by the shell.
                    if asked && number != SIGHUP {
                        end_soon(number);
                    }
                    asked = true;
                    Event::Signal(number)
                }
            };
            if news.send(event).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Ends the process after a moment, whatever else hangs.
fn end_soon(number: i32) {
    // If no thread can be had, the screen must do it alone.
    let _ = thread::Builder::new().name("last resort".into()).spawn(move || {
        thread::sleep(GRACE);
        // Restoring may hang as well, so the exit does not wait for it.
        let _ = thread::Builder::new().spawn(restore);
        thread::sleep(GRACE / 10);
        std::process::exit(128 + number);
    });
}
