//! Parses foreign mail where it can do no harm: in a thread with a bounded stack, its panics caught.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// mail-parser recurses into nested messages: 25,000 levels in 800 KB overflow 2 MiB (facts/reliability.md 0.14). Reserved
/// but not touched.
const STACK: usize = 64 * 1024 * 1024;
/// The longest message that needs no more than half of that.
pub(super) const MAX_INPUT: usize = 8 * 1024 * 1024;

/// Does `work` in a thread of its own. `None` also if it panics, or there is no thread to be had.
pub(super) fn guarded<T: Send>(work: impl FnOnce() -> Option<T> + Send) -> Option<T> {
    let caught = || catch_unwind(AssertUnwindSafe(work)).ok().flatten();
    thread::scope(|scope| {
        let worker = thread::Builder::new().name("parse mail".into()).stack_size(STACK).spawn_scoped(scope, caught);
        worker.ok().and_then(|handle| handle.join().ok()).flatten()
    })
}
