//! What a target folder held before the job: a multiset, so that nothing is sent twice and twins are not lost.

use std::collections::HashSet;

use crate::imap::HeldMessage;
use crate::mail::Fingerprint;

/// The messages of a folder, each of which can be claimed once.
#[derive(Debug, Default)]
pub struct Held {
    /// Sorted by fingerprint and UID.
    messages: Vec<HeldMessage>,
    /// The Message-IDs and places of those that have one; sorted.
    ids: Vec<(u64, u32)>,
    /// The UIDs and places of all; sorted.
    uids: Vec<(u32, u32)>,
    claimed: HashSet<u32>,
}

impl Held {
    /// Whether there is nothing that a message could be.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Takes the messages of a folder.
    pub fn new(mut messages: Vec<HeldMessage>) -> Self {
        messages.sort_by_key(|message| (message.fingerprint, message.uid));
        let places = || (0_u32..).zip(&messages);
        let mut ids: Vec<(u64, u32)> = places().filter_map(|(place, message)| Some((message.id?, place))).collect();
        let mut uids: Vec<(u32, u32)> = places().map(|(place, message)| (message.uid, place)).collect();
        ids.sort_unstable();
        uids.sort_unstable();
        Self { messages, ids, uids, claimed: HashSet::new() }
    }

    fn at(&self, place: u32) -> Option<HeldMessage> {
        self.messages.get(usize::try_from(place).ok()?).filter(|message| !self.claimed.contains(&message.uid)).copied()
    }

    /// The messages with this fingerprint that nobody claimed yet.
    pub fn candidates(&self, fingerprint: Fingerprint) -> impl Iterator<Item = HeldMessage> {
        let start = self.messages.partition_point(|message| message.fingerprint < fingerprint);
        let rest = self.messages.get(start..).unwrap_or_default();
        let equal = rest.iter().take_while(move |message| message.fingerprint == fingerprint);
        equal.filter(|message| !self.claimed.contains(&message.uid)).copied()
    }

    /// The messages with this Message-ID that nobody claimed yet.
    pub fn with_id(&self, id: u64) -> impl Iterator<Item = HeldMessage> {
        let start = self.ids.partition_point(|(known, _)| *known < id);
        let rest = self.ids.get(start..).unwrap_or_default();
        rest.iter().take_while(move |(known, _)| *known == id).filter_map(|(_, place)| self.at(*place))
    }

    /// The message with this UID, unless somebody claimed it.
    pub fn with_uid(&self, uid: u32) -> Option<HeldMessage> {
        let found = self.uids.binary_search_by_key(&uid, |(known, _)| *known).ok()?;
        self.at(self.uids.get(found)?.1)
    }

    /// The messages that nobody claimed.
    pub fn unclaimed(&self) -> impl Iterator<Item = HeldMessage> {
        self.messages.iter().filter(|message| !self.claimed.contains(&message.uid)).copied()
    }

    /// Marks a message as taken.
    pub fn claim(&mut self, uid: u32) {
        self.claimed.insert(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_found_in_every_way_until_it_is_claimed() {
        let message =
            |uid, text: &str, id| HeldMessage { uid, size: 1, fingerprint: Fingerprint::of(text.as_bytes()), id };
        let twin = "Subject: a\r\n\r\n";
        let mut held = Held::new(vec![
            message(9, twin, Some(5)),
            message(4, "Subject: b\r\n\r\n", None),
            message(7, twin, Some(5)),
        ]);
        let uids = |found: Vec<HeldMessage>| found.into_iter().map(|message| message.uid).collect::<Vec<_>>();
        assert_eq!(uids(held.candidates(Fingerprint::of(twin.as_bytes())).collect()), [7, 9]);
        let first = held.with_uid(7).unwrap();
        held.claim(first.uid);
        assert_eq!(uids(held.candidates(Fingerprint::of(twin.as_bytes())).collect()), [9]);
        assert_eq!(uids(held.with_id(5).collect()), [9]);
        assert_eq!(held.with_uid(7), None);
        let mut rest = uids(held.unclaimed().collect());
        rest.sort_unstable();
        assert_eq!(rest, [4, 9]);
    }
}
