//! Parses foreign mail where it can do no harm: in a thread with a bounded stack, its panics caught, its time bounded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// mail-parser recurses into nested messages: 25,000 levels in 800 KB overflow 2 MiB (facts/reliability.md 0.14), so
/// [`MAX_INPUT`] needs at most 25 MiB; twice that to be safe, reserved but not touched.
const STACK: usize = 64 * 1024 * 1024;
/// The longest message that may be parsed; what bounds the parser's stack and memory.
pub(super) const MAX_INPUT: usize = 8 * 1024 * 1024;
/// What nobody waits for any longer; the longest message takes well under a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does `work` in a thread of its own. `None` also if it panics, takes too long, or there is no thread to be had.
pub(super) fn guarded<T: Send + 'static>(work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    let (answer, answered) = mpsc::sync_channel(1);
    let caught = move || {
        // A panic is no answer; one that comes too late is heard by nobody.
        let _ = answer.send(catch_unwind(AssertUnwindSafe(work)).ok().flatten());
    };
    thread::Builder::new().name("parse mail".into()).stack_size(STACK).spawn(caught).ok()?;
    answered.recv_timeout(PATIENCE).ok().flatten()
}
