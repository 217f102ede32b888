//! What a target folder held before the job: a multiset, so that nothing is sent twice and twins are not lost.

use crate::imap::HeldMessage;
use crate::mail::Fingerprint;

/// The messages of a folder, each of which can be claimed once.
#[derive(Debug, Default)]
pub struct Held {
    /// Sorted by fingerprint.
    messages: Vec<(HeldMessage, bool)>,
}

impl Held {
    /// Takes the messages of a folder.
    pub fn new(mut messages: Vec<HeldMessage>) -> Self {
        messages.sort_by_key(|message| (message.fingerprint, message.uid));
        Self { messages: messages.into_iter().map(|message| (message, false)).collect() }
    }

    /// The messages with this fingerprint that nobody claimed yet.
    pub fn candidates(&self, fingerprint: Fingerprint) -> impl Iterator<Item = HeldMessage> {
        let start = self.messages.partition_point(|(message, _)| message.fingerprint < fingerprint);
        let rest = self.messages.get(start..).unwrap_or_default();
        let equal = rest.iter().take_while(move |(message, _)| message.fingerprint == fingerprint);
        equal.filter(|(_, is_claimed)| !is_claimed).map(|(message, _)| *message)
    }

    /// The messages that nobody claimed.
    pub fn unclaimed(&self) -> impl Iterator<Item = HeldMessage> {
        self.messages.iter().filter(|(_, is_claimed)| !is_claimed).map(|(message, _)| *message)
    }

    /// Marks a message as taken.
    pub fn claim(&mut self, held: HeldMessage) {
        let found = self
            .messages
            .binary_search_by_key(&(held.fingerprint, held.uid), |(message, _)| (message.fingerprint, message.uid));
        if let Some((_, is_claimed)) = found.ok().and_then(|at| self.messages.get_mut(at)) {
            *is_claimed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_claimed_once() {
        let twin = Fingerprint::of(b"Subject: twin\n\n");
        let message = |uid, fingerprint| HeldMessage { uid, size: 10, fingerprint };
        let mut held = Held::new(vec![message(2, twin), message(1, twin), message(3, Fingerprint::of(b""))]);
        let uids = |held: &Held| held.candidates(twin).map(|message| message.uid).collect::<Vec<_>>();
        assert_eq!(uids(&held), [1, 2]);
        held.claim(message(1, twin));
        assert_eq!(uids(&held), [2]);
        held.claim(message(2, twin));
        assert!(uids(&held).is_empty());
    }
}
