//! A worker's connection: made when needed, made again after a loss, with growing pauses.

use std::hash::{BuildHasher as _, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use crate::imap::{ImapError, MOST_COMMANDS, Scope};

use super::carry::Shared;
use super::event::{Event, Line, Pause};
use super::job::{Brake, Halt, tell};
use super::mailbox::Mailbox;

/// Pauses before each new try, in seconds; after the last the job ends. A success starts them over. Who asks for time gets
/// some from the first on (facts/reliability.md row 18).
const PAUSES: [u64; 6] = [0, 1, 2, 4, 8, 16];
/// The longest pause that is made because the server asks for one (facts/reliability.md row 23).
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// After a loss at most half as many commands wait for their answers, but still so many; and one more each time that so many
/// messages went well: a server may have left since it was asked for too much (facts/reliability.md row 22).
const LEAST_COMMANDS: usize = 2;
const RISE_AFTER: u32 = 200;
/// How often a pause looks at the brake.
const GLANCE: Duration = Duration::from_millis(50);

/// A connection that comes back.
pub(super) struct Link<'a> {
    shared: Shared<'a>,
    session: Option<Mailbox>,
    /// Losses since the last success.
    losses: usize,
    /// The most commands that are to wait for their answers, and the messages that went well since that changed.
    commands: usize,
    well: u32,
}

impl<'a> Link<'a> {
    /// A link that begins with `session`, if there is one.
    pub(super) fn new(shared: Shared<'a>, session: Option<Mailbox>) -> Self {
        if let Some(canceller) = session.as_ref().and_then(Mailbox::canceller) {
            shared.brake.add(canceller);
        }
        if let Some(session) = &session {
            shared.width.made(session);
        }
        Self { shared, session, losses: 0, commands: MOST_COMMANDS, well: 0 }
    }

    /// The session, if there is one.
    pub(super) fn current(&mut self) -> Option<&mut Mailbox> {
        self.session.as_mut()
    }

    /// Connects once, without trying again, for a worker that the job can do without. Gives whether it did.
    pub(super) fn joins(&mut self) -> bool {
        let refused = self.connect().err();
        if let Some(error) = refused.as_ref().filter(|error| error.is_throttle()) {
            let text = format!("one connection less, and a pause of the others: {error}");
            tell(self.shared.events, Event::Remark { text });
        }
        refused.is_none()
    }

    fn connect(&mut self) -> Result<(), ImapError> {
        self.shared.line(Line::Connecting);
        let mut session = self.shared.job.target.open().inspect_err(|error| self.heed(error))?;
        if let Some(canceller) = session.canceller() {
            self.shared.brake.add(canceller);
        }
        session.folders()?;
        self.shared.width.made(&session);
        self.session = Some(session);
        self.shared.line(Line::Connected);
        Ok(())
    }

    /// The session; connects first if there is none, trying again after pauses while that may help, or going on with one that
    /// another worker needs no more.
    pub(super) fn session(&mut self) -> Result<&mut Mailbox, Halt> {
        loop {
            self.rest()?;
            if self.session.is_some() {
                break;
            }
            if self.shared.brake.is_pulled() {
                return Err(Halt::Stopped);
            }
            if let Err(error) = self.connect() {
                self.session = self.take_over(&error);
                if self.session.is_none() {
                    self.lost(error)?;
                }
            } else if self.losses > 0 {
                tell(self.shared.events, Event::Connected);
            }
        }
        self.session.as_mut().ok_or(Halt::Stopped)
    }

    /// Where a new connection is refused while others work, the job goes on with fewer: waits for the connection of a worker
    /// that is between two folders. What was in flight here is looked for over that one, as over a new one. `None` where no
    /// other works any more: the last one is tried for again and again.
    fn take_over(&mut self, error: &ImapError) -> Option<Mailbox> {
        let Shared { job, width, brake, events, .. } = self.shared;
        // Somebody may be in between; and a disk takes all who come.
        let is_other_matter =
            error.is_of_trust() || matches!(error, ImapError::Cancelled) || job.target.local().is_some();
        if is_other_matter || !width.is_working() {
            return None;
        }
        let reason = error.to_string();
        tell(events, Event::Connected); // the job goes on
        let text = format!("a connection was lost and is refused now ({reason}): the job goes on with fewer");
        tell(events, Event::Remark { text });
        self.shared.line(Line::Waits { seconds: 0, pause: Pause::Turn, reason });
        let session = width.wait_for_one(brake)?;
        self.shared.line(Line::Connected);
        Some(session)
    }

    /// Gives the connection to a worker that has none and gets none, if there is one. Nothing may be in the air. Gives whether
    /// it did.
    pub(super) fn hand_over(&mut self) -> bool {
        let had_one = self.session.is_some();
        self.shared.width.hand_over(&mut self.session);
        had_one && self.session.is_none()
    }

    /// Waits as long as the server asked for on any of the job's connections: what it bears is the account's.
    pub(super) fn rest(&self) -> Result<(), Halt> {
        while let Some((pause, reason)) = self.shared.pace.asked() {
            self.shared.line(Line::Waits { seconds: in_seconds(pause), pause: Pause::Asked, reason });
            pause_unless(self.shared.brake, pause)?;
            if self.session.is_some() {
                self.shared.line(Line::Connected);
            }
        }
        Ok(())
    }

    /// Lets the whole job pause where the server asks for that.
    fn heed(&self, error: &ImapError) {
        if error.is_throttle()
            && let Some(pause) = pause_after(error, self.losses)
        {
            self.shared.pace.leave_alone(pause, error.to_string());
        }
    }

    /// Drops the connection after `error` and pauses before the next try, or gives up.
    pub(super) fn lost(&mut self, error: ImapError) -> Result<(), Halt> {
        self.drop_session();
        if error.is_busy() || matches!(error, ImapError::Bye { .. } | ImapError::Lost { .. }) {
            (self.commands, self.well) = ((self.commands / 2).max(LEAST_COMMANDS), 0);
        }
        let Some(pause) = pause_after(&error, self.losses) else {
            return Err(if matches!(error, ImapError::Cancelled) { Halt::Stopped } else { Halt::Server(error) });
        };
        self.heed(&error);
        self.losses += 1;
        let seconds = in_seconds(pause);
        let kind = if error.wait().is_none() { Pause::Lost } else { Pause::Asked };
        self.shared.line(Line::Waits { seconds, pause: kind, reason: error.to_string() });
        tell(self.shared.events, Event::Waiting { seconds, pause: kind, reason: error.to_string() });
        pause_unless(self.shared.brake, pause)
    }

    /// Tells what the server warned of.
    pub(super) fn tell_warnings(&mut self) {
        if let Some(Mailbox::Server(session)) = &self.session {
            self.shared.warned(session.take_warnings());
        }
    }

    /// Drops a connection that is not to be trusted any more.
    pub(super) fn drop_session(&mut self) {
        self.tell_warnings();
        if self.session.take().is_some() {
            self.shared.width.lost();
        }
    }

    /// A message went across: later losses are new ones.
    pub(super) fn is_well(&mut self) {
        (self.losses, self.well) = (0, self.well + 1);
        if self.well >= RISE_AFTER {
            (self.commands, self.well) = ((self.commands + 1).min(MOST_COMMANDS), 0);
        }
    }

    /// The most commands that are to wait for their answers.
    pub(super) fn commands(&self) -> usize {
        self.commands
    }

    /// Says goodbye.
    pub(super) fn close(&mut self) {
        if let Some(session) = self.session.take() {
            session.logout();
            self.shared.width.lost();
        }
    }
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        self.drop_session();
        self.shared.width.give_up(); // a panic too is no reason to wait for ever
    }
}

/// Tries until a server that asks for time answers otherwise, as often as a job tries; `tell` hears of each pause before it
/// is made. All other errors are given at once.
pub fn patiently<T>(
    mut tell: impl FnMut(&ImapError, Duration),
    mut attempt: impl FnMut() -> Result<T, ImapError>,
) -> Result<T, ImapError> {
    let mut losses = 0;
    loop {
        let error = match attempt() {
            // A lock on this machine is waited for elsewhere.
            Err(error) if error.is_busy() && !matches!(error, ImapError::Locked { .. }) => error,
            other => return other,
        };
        let Some(pause) = pause_after(&error, losses) else { return Err(error) };
        losses += 1;
        tell(&error, pause);
        thread::sleep(pause);
    }
}

/// The pause before the next try after an error, and so many before it since the last success; `None` if no try is to be made.
fn pause_after(error: &ImapError, losses: usize) -> Option<Duration> {
    let may_pass = error.scope() == Scope::Connection || error.is_busy();
    let usual = PAUSES.get(losses + usize::from(error.is_busy())).filter(|_| may_pass)?;
    let usual = Duration::from_secs(*usual);
    let asked = error.wait().unwrap_or_default().min(LONGEST_PAUSE);
    Some(asked.max(usual + jitter(usual)))
}

/// Whole seconds, rounded up.
fn in_seconds(pause: Duration) -> u64 {
    pause.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

/// Up to a quarter of a pause, so that connections that were lost together do not all come back at once.
fn jitter(pause: Duration) -> Duration {
    let thousandths = u32::try_from(RandomState::new().hash_one(pause) % 250).unwrap_or_default();
    pause * thousandths / 1000
}

/// Waits, unless the brake is pulled.
pub(super) fn pause_unless(brake: &Brake, pause: Duration) -> Result<(), Halt> {
    let end = Instant::now() + pause;
    while Instant::now() < end {
        if brake.is_pulled() {
            return Err(Halt::Stopped);
        }
        thread::sleep(GLANCE.min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::{Arc, Mutex};

    use crossbeam_channel::unbounded;

    use super::*;
    use crate::transfer::job::Job;
    use crate::transfer::journal::Record;
    use crate::transfer::kept::Kept;
    use crate::transfer::pace::Pace;
    use crate::transfer::width::Width;

    #[test]
    fn who_waits_for_the_number_of_connections_goes_on_when_the_first_worker_panics() {
        let directory = tempfile::tempdir().unwrap();
        let job = Job { state: directory.path().into(), ..Job::for_mailbox_of("anna") };
        let (record, width) = (Record::begin(&job).unwrap(), Arc::new(Width::new(None)));
        let (brake, pace, kept) = (Brake::default(), Pace::new(job.limits, 0), Kept::default());
        let (rewrites, undated, warnings) = (AtomicBool::default(), AtomicBool::default(), Mutex::default());
        let (events, _told) = unbounded();
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                let (job, record, brake, events, width) = (&job, &record, &brake, &events, &*width);
                let (rewrites, undated, warnings) = (&rewrites, &undated, &warnings);
                let (kept, pace, connection) = (&kept, &pace, 1);
                let shared =
                    Shared { job, record, brake, events, rewrites, undated, warnings, kept, pace, width, connection };
                let link = Link::new(shared, None);
                panic!("on purpose, with {} commands", link.commands());
            });
            assert!(first.join().is_err());
        });
        let (tell, number) = unbounded();
        thread::spawn(move || tell.send(width.wait()));
        assert_eq!(number.recv_timeout(Duration::from_secs(10)), Ok(1));
    }
}
