//! Whether a server keeps what it says it took (facts/reliability.md rows 39 and 40). Shared by the workers of a job.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many messages that were taken and not kept, and none kept of the batches they were in and of all later ones, end a job.
/// Fewer, or some among others that are kept, do not: a job that is resumed would end at them again and again.
const MANY: usize = 3;

/// What is known of it.
#[derive(Default)]
pub(super) struct Kept(Mutex<State>);

#[derive(Default)]
struct State {
    /// Whether any message was not kept.
    has_lost: bool,
    /// The last batch of which a message was kept, and the batches after it of the messages that were not.
    last: i64,
    lost: Vec<i64>,
    is_hopeless: bool,
}

impl Kept {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message of a batch is on the server, proven.
    pub(super) fn keeps(&self, batch: i64) {
        let mut state = self.state();
        if batch > state.last {
            state.last = batch;
            state.lost.retain(|lost| *lost > batch);
        }
    }

    /// The server said that it took a message, and does not have it, or has less or other than was sent. Without its batch it
    /// says nothing about other messages.
    pub(super) fn loses(&self, batch: Option<i64>) {
        let mut state = self.state();
        state.has_lost = true;
        let last = state.last;
        state.lost.extend(batch.filter(|batch| *batch > last));
    }

    /// Whether any message was taken and not kept.
    pub(super) fn has_lost(&self) -> bool {
        self.state().has_lost
    }

    /// Looks, once all is known of what was sent, whether it is plain by now that the server keeps nothing.
    pub(super) fn look(&self) -> bool {
        let mut state = self.state();
        state.is_hopeless |= state.lost.len() >= MANY;
        state.is_hopeless
    }

    /// Whether that was plain at some look.
    pub(super) fn is_hopeless(&self) -> bool {
        self.state().is_hopeless
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_given_up_when_it_kept_none_of_the_last_three_messages_and_their_batches() {
        let odd = |lost: &[i64], kept: &[i64]| {
            let all = Kept::default();
            for batch in lost {
                all.loses(Some(*batch));
            }
            for batch in kept {
                all.keeps(*batch);
            }
            (all.has_lost(), all.look(), all.is_hopeless())
        };
        for (lost, kept, is_hopeless) in [
            (&[][..], &[1][..], false),
            (&[1, 2], &[], false),
            (&[1, 2, 3], &[], true),
            (&[1, 1, 1], &[], true),
            (&[1, 1, 1], &[1], false),
            (&[1, 2, 3], &[2], false),
            (&[2, 3, 4], &[1], true),
            (&[1, 2, 3, 4, 5], &[2, 1], true),
        ] {
            assert_eq!(odd(lost, kept), (!lost.is_empty(), is_hopeless, is_hopeless), "{lost:?} {kept:?}");
        }
        let later = Kept::default();
        later.keeps(5);
        for batch in [Some(3), Some(4), Some(5), None, None, None] {
            later.loses(batch);
        }
        assert!(later.has_lost() && !later.look());
    }
}
