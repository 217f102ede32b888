//! The messages of the open folder: read, told apart, flagged and removed. The other half of a [`Session`].

use crate::mail::fingerprint::Rolling;
use crate::mail::{Digest, FolderPath};

use super::error::ImapError;
use super::fetch::{Fetched, HEADER_LITERAL, HELD, HeldMessage, ROW, RemoteMessage, STATE};
use super::names::quoted;
use super::session::Session;

/// Messages in one FETCH of everything: short enough for a server to answer without a pause.
const SLICE: u32 = 2000;
/// The longest UID set in one command (Exchange takes 8,000 bytes, Yahoo 1,000).
const MAX_SET: usize = 900;
/// How much of a large message is read at once, in bytes.
const PIECE: u32 = 2 << 20;

impl Session {
    /// Runs one FETCH and keeps what `read` makes of each answer.
    pub(super) fn fetch<T>(
        &mut self,
        command: &str,
        literal_limit: usize,
        read: impl Fn(Fetched<'_>) -> Option<T>,
    ) -> Result<Vec<T>, ImapError> {
        let mut found = Vec::new();
        let result = self.wire.command(command, literal_limit, |values| {
            found.extend(Fetched::read(values).and_then(&read));
        })?;
        result.accept(|| "cannot read messages".into())?;
        Ok(found)
    }

    /// The messages numbered `first..=last` in the open folder, with header texts, for a list.
    pub fn window(&mut self, first: u32, last: u32) -> Result<Vec<RemoteMessage>, ImapError> {
        self.fetch(&format!("FETCH {first}:{last} {ROW}"), HEADER_LITERAL, |fetched| fetched.message())
    }

    /// Walks over every message of the open folder of `exists` messages, for knowing them again.
    pub fn held(&mut self, exists: u32, mut each: impl FnMut(HeldMessage)) -> Result<(), ImapError> {
        let mut first = 1;
        while first <= exists {
            let last = exists.min(first.saturating_add(SLICE - 1));
            let slice =
                self.fetch(&format!("FETCH {first}:{last} {HELD}"), HEADER_LITERAL, |fetched| fetched.held())?;
            slice.into_iter().for_each(&mut each);
            first = last.saturating_add(1);
        }
        Ok(())
    }

    /// The messages with a UID of at least `uid` in the open folder, for knowing them again.
    pub fn held_since(&mut self, uid: u32) -> Result<Vec<HeldMessage>, ImapError> {
        let mut found = self.fetch(&format!("UID FETCH {uid}:* {HELD}"), HEADER_LITERAL, |fetched| fetched.held())?;
        found.retain(|message| message.uid >= uid);
        Ok(found)
    }

    /// State of the messages with a UID of at least `uid` in the open folder, in order of UID.
    pub fn since(&mut self, uid: u32) -> Result<Vec<RemoteMessage>, ImapError> {
        let mut found = self.fetch(&format!("UID FETCH {uid}:* {STATE}"), 0, |fetched| fetched.message())?;
        // `n:*` gives the last message even when its UID is below n.
        found.retain(|message| message.uid >= uid);
        found.sort_by_key(|message| message.uid);
        found.dedup_by_key(|message| message.uid);
        Ok(found)
    }

    /// Asks for the state of messages of the open folder, to be read by [`Self::states`].
    pub fn ask_states(&mut self, uids: &[u32]) -> Result<Vec<String>, ImapError> {
        uid_sets(uids).iter().map(|set| self.wire.give(&format!("UID FETCH {set} {STATE}"))).collect()
    }

    /// Asks for the state of messages of a folder with a UID of at least `uid`, to be read by [`Self::states`].
    ///
    /// The folder is opened anew: what the command just before has stored, Dovecot shows to no other that it has already.
    pub fn ask_since(&mut self, folder: &FolderPath, uid: u32) -> Result<Vec<String>, ImapError> {
        let name = quoted(&self.wire_name(folder))?;
        self.exists = None;
        let commands = [format!("SELECT {name}"), format!("UID FETCH {uid}:* {STATE}")];
        commands.iter().map(|command| self.wire.give(command)).collect()
    }

    /// Whether the states that were asked for have come, by the tags of [`Self::ask_states`].
    pub fn have_come(&self, tags: &[String]) -> bool {
        tags.last().is_none_or(|tag| self.wire.has_come(tag))
    }

    /// The states that were asked for, by the tags of [`Self::ask_states`].
    pub fn states(&mut self, mut tags: &[String]) -> Result<Vec<RemoteMessage>, ImapError> {
        let mut found = Vec::new();
        while !tags.is_empty() {
            found.extend(self.some_states(&mut tags)?);
        }
        Ok(found)
    }

    /// Those of them that come next: what is there, once there is any. Leaves the tags of which more is to come.
    pub fn some_states(&mut self, tags: &mut &[String]) -> Result<Vec<RemoteMessage>, ImapError> {
        let mut found = Vec::new();
        let exists = &mut self.exists;
        while found.is_empty()
            && let [tag, rest @ ..] = *tags
        {
            let result = self.wire.result_so_far(tag, |values| {
                if let [number, word] = values
                    && word.is("EXISTS")
                {
                    *exists = number.number().and_then(|number| u32::try_from(number).ok());
                }
                found.extend(Fetched::read(values).and_then(|fetched| fetched.state()));
            })?;
            if let Some(result) = result {
                result.accept(|| "cannot read messages".into())?;
                *tags = rest;
            }
        }
        Ok(found)
    }

    /// How many messages the open folder has, if the last answers to [`Self::states`] said so.
    pub fn exists(&self) -> Option<u32> {
        self.exists
    }

    /// Hands the whole content of messages of the open folder to `each`. Does not set `\Seen`.
    ///
    /// `largest` is the size in bytes of the largest as far as known; an answer much larger ends the connection.
    pub fn contents(&mut self, uids: &[u32], largest: u64, mut each: impl FnMut(u32, &[u8])) -> Result<(), ImapError> {
        for set in uid_sets(uids) {
            let command = format!("UID FETCH {set} (UID BODY.PEEK[])");
            let result = self.wire.command(&command, content_limit(largest), |values| {
                let fetched = Fetched::read(values);
                if let Some((uid, content)) = fetched.and_then(|fetched| Some((fetched.uid()?, fetched.content()?))) {
                    each(uid, content);
                }
            })?;
            result.accept(|| "cannot read messages".into())?;
        }
        Ok(())
    }

    /// The whole content of a message of the open folder; `None` if it is gone. Does not set `\Seen`.
    ///
    /// `expected` is its size in bytes as far as known; an answer much larger ends the connection.
    pub fn content(&mut self, uid: u32, expected: u64) -> Result<Option<Vec<u8>>, ImapError> {
        self.body(&format!("UID FETCH {uid} (UID BODY.PEEK[])"), uid, content_limit(expected))
    }

    /// The digest of a message of the open folder, read in pieces; `None` if it is gone. Does not set `\Seen`.
    pub fn digest(&mut self, uid: u32) -> Result<Option<Digest>, ImapError> {
        let mut rolling = Rolling::default();
        let limit = usize::try_from(PIECE).unwrap_or(usize::MAX).saturating_add(1 << 20);
        let mut offset = 0_u64;
        loop {
            let command = format!("UID FETCH {uid} (UID BODY.PEEK[]<{offset}.{PIECE}>)");
            let Some(piece) = self.body(&command, uid, limit)? else { return Ok(None) };
            rolling.add(&piece);
            offset += piece.len() as u64;
            if (piece.len() as u64) < u64::from(PIECE) {
                return Ok(Some(rolling.digest()));
            }
        }
    }

    /// The first `length` bytes of a message of the open folder, for a preview; `None` if it is gone.
    pub fn beginning(&mut self, uid: u32, length: u32) -> Result<Option<Vec<u8>>, ImapError> {
        let limit = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(1 << 20);
        self.body(&format!("UID FETCH {uid} (UID BODY.PEEK[]<0.{length}>)"), uid, limit)
    }

    fn body(&mut self, command: &str, uid: u32, limit: usize) -> Result<Option<Vec<u8>>, ImapError> {
        let found = self.fetch(command, limit, |fetched| {
            if fetched.uid() == Some(uid) { fetched.content().map(<[u8]>::to_vec) } else { None }
        })?;
        Ok(found.into_iter().next())
    }

    /// Sets system flags and keywords on a message of the open folder, beside those it has.
    pub fn add_flags(&mut self, uid: u32, flags: &str) -> Result<(), ImapError> {
        let query = format!("+FLAGS.SILENT ({flags})");
        self.run(|| "cannot set flags".into(), |session| session.uid_store(uid.to_string(), &query)).map(drop)
    }

    /// Sets, or takes away, flags and keywords of messages of a folder.
    pub fn flag(&mut self, folder: &FolderPath, uids: &[u32], flags: &str, is_set: bool) -> Result<(), ImapError> {
        self.select(folder)?;
        let sign = if is_set { '+' } else { '-' };
        for set in uid_sets(uids) {
            let query = format!("{sign}FLAGS.SILENT ({flags})");
            self.run(|| "cannot change flags".into(), |session| session.uid_store(&set, &query).map(drop))?;
        }
        self.leave()
    }

    /// Removes every message of a folder that is marked as deleted, for good. Gives how many those were.
    pub fn expunge(&mut self, folder: &FolderPath) -> Result<u32, ImapError> {
        let before = self.select(folder)?.exists;
        self.run(|| "cannot expunge".into(), |session| session.expunge().map(drop))?;
        let after = self.select(folder)?.exists;
        self.leave()?;
        Ok(before.saturating_sub(after))
    }

    /// Removes messages: `\Deleted`, and with UIDPLUS an expunge of just these. Gives whether they are gone; without
    /// UIDPLUS they stay marked, since EXPUNGE would take others' messages too.
    pub fn remove(&mut self, folder: &FolderPath, uids: &[u32]) -> Result<bool, ImapError> {
        self.select(folder)?;
        let can_expunge = self.has("UIDPLUS");
        for set in uid_sets(uids) {
            self.run(
                || "cannot delete messages".into(),
                |session| session.uid_store(&set, "+FLAGS.SILENT (\\Deleted)").map(drop),
            )?;
            if can_expunge {
                self.run(|| "cannot delete messages".into(), |session| session.uid_expunge(&set).map(drop))?;
            }
        }
        self.leave()?;
        Ok(can_expunge)
    }
}

/// The most bytes of a content that should have `expected`.
fn content_limit(expected: u64) -> usize {
    usize::try_from(expected.saturating_mul(2)).unwrap_or(usize::MAX).saturating_add(1 << 20)
}

/// UIDs as sets of ranges, none longer than [`MAX_SET`] bytes.
fn uid_sets(uids: &[u32]) -> Vec<String> {
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut sets: Vec<String> = Vec::new();
    for run in sorted.chunk_by(|before, after| before + 1 == *after) {
        let range = match run {
            [first, .., last] => format!("{first}:{last}"),
            [only] => only.to_string(),
            [] => continue,
        };
        match sets.last_mut() {
            Some(set) if set.len() + range.len() < MAX_SET => *set += &format!(",{range}"),
            _ => sets.push(range),
        }
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_become_ranges_of_bounded_length() {
        assert_eq!(uid_sets(&[3, 1, 2, 7, 7]), ["1:3,7"]);
        assert!(uid_sets(&[]).is_empty());
        let many: Vec<u32> = (0..2000).map(|number| number * 2 + 1).collect();
        let sets = uid_sets(&many);
        assert!(sets.len() > 1 && sets.iter().all(|set| set.len() <= MAX_SET));
        assert_eq!(sets.join(",").split(',').count(), 2000);
    }
}
