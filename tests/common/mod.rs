//! What the integration tests share: real servers, an independent client, a scripted server, a fault proxy, a
//! terminal, and invented mail. Each test file takes what it needs by `mod common;`.

#![allow(dead_code, reason = "every test file compiles all of this and uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a test stops where something is not as it must be"
)]

pub mod big;
pub mod client;
pub mod delay;
pub mod exchange;
pub mod invariants;
pub mod mail;
pub mod mailbox;
pub mod manners;
pub mod measure;
pub mod peek;
pub mod program;
pub mod proxy;
pub mod pty;
pub mod scripted;
pub mod servers;
pub mod svg;
pub mod trial;
pub mod words;

/// Waits until `condition` holds; fails after half a minute.
#[track_caller]
pub fn wait_until(mut condition: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !condition() {
        assert!(std::time::Instant::now() < end, "waited in vain");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Says that a test does nothing, for something is missing that `scripts/test` installs; in CI it has to be there.
#[track_caller]
pub fn skip(reason: &str) {
    use std::io::Write as _;
    assert!(std::env::var_os("CI").is_none(), "{reason}");
    // Past the capture of test output: a test that did nothing must not look like one that passed.
    _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

/// Whether the long tests run too (`scripts/test --long`).
pub fn is_long() -> bool {
    std::env::var_os("MAILFERRY_LONG").is_some()
}

/// Runs `case` for each of `items`, so many at a time: most of a case is waiting. The first failure ends them.
#[track_caller]
pub fn for_each_of<T: Sync>(items: &[T], together: usize, case: impl Fn(&T) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..together.min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst)) {
                    case(item);
                }
            });
        }
    });
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
