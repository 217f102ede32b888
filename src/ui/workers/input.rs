//! Reads the keyboard. Notices a terminal that is gone, so that nobody reads from it in a busy loop.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crossbeam_channel::Sender;
use crossterm::event::{self, Event as Terminal, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use rustix::event::{PollFd, PollFlags, poll};

use super::{escapes, spawn};
use crate::ui::event::{Event, Mouse, MouseKind};

/// How long crossterm looks for more of what has begun to come. Not zero: with `use-dev-tty` it would not look at all.
const MOMENT: Duration = Duration::from_millis(1);

/// Starts reading.
pub(crate) fn start(events: &Sender<Event>) {
    let news = events.clone();
    spawn("keyboard", events, move || {
        // Whatever the reason, a terminal that can't be read is gone.
        let _ = read(&news);
        let _ = news.send(Event::TerminalGone);
    });
}

fn read(events: &Sender<Event>) -> io::Result<()> {
    // The same file that crossterm reads from.
    let stdin = io::stdin();
    let tty = if stdin.is_terminal() { None } else { Some(File::open("/dev/tty")?) };
    let keyboard = tty.as_ref().map_or(stdin.as_fd(), AsFd::as_fd);
    loop {
        if is_gone(keyboard)? {
            return Ok(());
        }
        while event::poll(MOMENT)? {
            let mut burst = vec![event::read()?];
            while escapes::may_go_on(&burst) && event::poll(MOMENT)? {
                burst.push(event::read()?);
            }
            for event in escapes::joined(burst).into_iter().filter_map(translate) {
                if events.send(event).is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// Waits until there is something to read. crossterm 0.29 takes the end of a line for nothing to read
/// (`source/unix/tty.rs`; `mio.rs` goes round for ever), so it must not read once the line is hung up.
fn is_gone(keyboard: BorrowedFd<'_>) -> io::Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(keyboard, PollFlags::IN)];
    match poll(&mut fds, None) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    let [fd] = fds;
    Ok(fd.revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL))
}

fn translate(event: Terminal) -> Option<Event> {
    match event {
        Terminal::Key(key) if key.kind != KeyEventKind::Release => Some(Event::Key(key)),
        Terminal::Paste(text) => Some(Event::Paste(text)),
        Terminal::Resize(width, height) => Some(Event::Resized(width, height)),
        Terminal::Mouse(MouseEvent { kind, column, row, .. }) => {
            let kind = match kind {
                MouseEventKind::Down(MouseButton::Left) => MouseKind::Click,
                MouseEventKind::ScrollUp => MouseKind::Up,
                MouseEventKind::ScrollDown => MouseKind::Down,
                _ => return None,
            };
            Some(Event::Mouse(Mouse { kind, at: (column, row), tops: [0; 2] }))
        }
        Terminal::Key(_) | Terminal::FocusGained | Terminal::FocusLost => None,
    }
}
