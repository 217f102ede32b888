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
            shared.width.learn(session);
        }
        Self { shared, session, losses: 0, commands: MOST_COMMANDS, well: 0 }
    }

    /// The session, if there is one.
    pub(super) fn current(&mut self) -> Option<&mut Mailbox> {
        self.session.as_mut()
    }

    /// Connects once, without trying again.
    pub(super) fn connect(&mut self) -> Result<(), ImapError> {
        self.shared.line(Line::Connecting);
        let mut session = self.shared.job.target.open()?;
        if let Some(canceller) = session.canceller() {
            self.shared.brake.add(canceller);
        }
        session.folders()?;
        self.shared.width.learn(&session);
        self.session = Some(session);
        self.shared.line(Line::Connected);
        Ok(())
    }

    /// The session; connects first if there is none, trying again after pauses while that may help.
    pub(super) fn session(&mut self) -> Result<&mut Mailbox, Halt> {
        while self.session.is_none() {
            if self.shared.brake.is_pulled() {
                return Err(Halt::Stopped);
            }
            if let Err(error) = self.connect() {
                self.lost(error)?;
            } else if self.losses > 0 {
                tell(self.shared.events, Event::Connected);
            }
        }
        self.session.as_mut().ok_or(Halt::Stopped)
    }

    /// Drops the connection after `error` and pauses before the next try, or gives up.
    pub(super) fn lost(&mut self, error: ImapError) -> Result<(), Halt> {
        self.session = None;
        if error.is_busy() || matches!(error, ImapError::Bye { .. } | ImapError::Lost { .. }) {
            (self.commands, self.well) = ((self.commands / 2).max(LEAST_COMMANDS), 0);
        }
        let place = self.losses + usize::from(error.is_busy());
        let usual = PAUSES.get(place).map(|seconds| Duration::from_secs(*seconds));
        let asked = error.wait().unwrap_or_default().min(LONGEST_PAUSE);
        let pause = usual.map(|usual| asked.max(usual + jitter(usual)));
        let may_pass = error.scope() == Scope::Connection || error.is_busy();
        let Some(pause) = pause.filter(|_| may_pass) else {
            return Err(if matches!(error, ImapError::Cancelled) { Halt::Stopped } else { Halt::Server(error) });
        };
        self.losses += 1;
        let seconds = pause.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
        let kind = if asked.is_zero() { Pause::Lost } else { Pause::Asked };
        self.shared.line(Line::Waits { seconds, pause: kind, reason: error.to_string() });
        tell(self.shared.events, Event::Waiting { seconds, pause: kind, reason: error.to_string() });
        pause_unless(self.shared.brake, pause)
    }

    /// Drops a connection that is not to be trusted any more.
    pub(super) fn drop_session(&mut self) {
        self.session = None;
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
        }
    }
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
