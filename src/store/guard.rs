//! Runs parsers that others wrote on bytes from strangers: a panic becomes an error. Used by MSG and by archives.
//!
//! They run in a thread with a stack of known size. What would end the whole program (allocating what the bytes claim,
//! recursing as deep as they say) is not caught here; a parser that does so is not used at all.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// Reserved but not touched; no parser that is used here recurses by its input.
const STACK: usize = 8 * 1024 * 1024;

/// What `work` gives, or an error if it panics.
pub(super) fn guarded<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let caught = || catch_unwind(AssertUnwindSafe(work));
    let result = thread::scope(|scope| {
        let worker = thread::Builder::new().name("parser".into()).stack_size(STACK).spawn_scoped(scope, caught)?;
        worker.join().map_err(|_| broken())
    })?;
    result.unwrap_or_else(|_| Err(broken()))
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its structure is broken")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(guarded(|| Ok(1)).unwrap(), 1);
        assert!(guarded::<()>(|| std::panic::resume_unwind(Box::new(1))).is_err());
    }
}
