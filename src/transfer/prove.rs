//! After the sending: which UID each message got, and whether the server has it as it was sent.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::imap::{ImapError, RemoteMessage};
use crate::mail::canonical;
use crate::mail::envelope::Summary;

use super::carry::Carry;
use super::job::Halt;
use super::link::pause_unless;
use super::pending::{MAX_TRIES, Pending, Prepared, State};
use super::{How, Proof};

/// How long a lost message may still turn up: a server may commit after the connection died (facts/reliability.md 0.12).
const GRACE: Duration = Duration::from_secs(10);
const GRACE_PER_MEGABYTE: Duration = Duration::from_secs(1);
const LONGEST_GRACE: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A server may round an internal date.
const DATE_TOLERANCE: u64 = 1;

impl Carry<'_, '_> {
    /// Settles everything that was sent: proven messages leave `pending`, lost ones wait again.
    pub(super) fn settle(&mut self, pending: &mut Vec<Pending>) -> Result<(), Halt> {
        if pending.iter().all(Pending::is_waiting) {
            return Ok(());
        }
        let begun = Instant::now();
        let mut claimed = HashSet::new();
        loop {
            let news = match self.look()? {
                Ok(news) => news,
                Err(error) => {
                    self.fail_unread(pending, &error);
                    return Ok(());
                }
            };
            let matched = self.match_up(pending, &news, &mut claimed)?;
            self.prove_matched(pending, matched)?;
            if !self.wait_for_late(pending, begun)? {
                break;
            }
        }
        self.selected.uid_next = self.selected.uid_next.max(claimed.iter().max().map_or(0, |uid| uid + 1));
        Ok(())
    }

    /// What is in the target from the first UID that the batch can have.
    fn look(&mut self) -> Result<Result<Vec<RemoteMessage>, ImapError>, Halt> {
        let (floor, validity) = (self.selected.uid_next, self.selected.uid_validity);
        let looked = self.ask(|session, target| {
            let selected = session.select(target)?;
            // Other UIDVALIDITY, other UIDs: the window says nothing, so the whole folder is searched.
            let floor = if selected.uid_validity == validity { floor } else { 1 };
            Ok((selected.uid_validity, floor, session.since(floor)?))
        })?;
        Ok(looked.map(|(validity, floor, news)| {
            (self.selected.uid_validity, self.selected.uid_next) = (validity, floor);
            news
        }))
    }

    /// Finds each sent message among the new ones: by its UID, else by size and content. Each UID is claimed once.
    fn match_up(
        &mut self,
        pending: &[Pending],
        news: &[RemoteMessage],
        claimed: &mut HashSet<u32>,
    ) -> Result<Vec<Option<RemoteMessage>>, Halt> {
        let mut matched: Vec<Option<RemoteMessage>> = pending
            .iter()
            .map(|one| match one.state {
                State::Sent(Some((validity, uid))) if validity == self.selected.uid_validity => {
                    news.iter().find(|message| message.uid == uid && claimed.insert(uid)).cloned()
                }
                _ => None,
            })
            .collect();
        for (one, found) in pending.iter().zip(&mut matched) {
            let is_open = matches!(one.state, State::Unknown | State::Doubtful | State::Sent(None))
                || is_stale(one.state, self.selected.uid_validity);
            if is_open && found.is_none() && !news.is_empty() {
                *found = self.search(&one.prepared, news, claimed)?;
            }
        }
        Ok(matched)
    }

    /// Finds a message without a UID: of equal size and content; on servers that change mail, by its header.
    fn search(
        &mut self,
        prepared: &Prepared,
        news: &[RemoteMessage],
        claimed: &mut HashSet<u32>,
    ) -> Result<Option<RemoteMessage>, Halt> {
        for message in news.iter().filter(|message| message.size == prepared.size() && !claimed.contains(&message.uid))
        {
            if matches!(self.compare_content(prepared, message.uid, message.size)?, Ok(Some(_))) {
                claimed.insert(message.uid);
                return Ok(Some(message.clone()));
            }
        }
        let floor = self.selected.uid_next;
        let Ok(held) = self.ask(|session, target| {
            session.reopen(target)?;
            session.held_since(floor)
        })?
        else {
            return Ok(None);
        };
        let same =
            held.iter().find(|message| message.fingerprint == prepared.fingerprint && !claimed.contains(&message.uid));
        let found = same.and_then(|same| news.iter().find(|message| message.uid == same.uid)).cloned();
        claimed.extend(found.iter().map(|message| message.uid));
        Ok(found)
    }

    /// Proves what was found; a message that the server said it stored and did not is told.
    fn prove_matched(&mut self, pending: &mut Vec<Pending>, matched: Vec<Option<RemoteMessage>>) -> Result<(), Halt> {
        let mut left = Vec::new();
        for (one, found) in std::mem::take(pending).into_iter().zip(matched) {
            match (one.state, found) {
                (State::Waiting, _) | (State::Unknown, None) => left.push(one),
                (State::Doubtful, None) => left.push(Pending { state: State::Waiting, ..one }),
                (State::Sent(_), None) => {
                    self.fail(&one.prepared, "the server said that it stored the message, but it is not there".into());
                }
                (state, Some(message)) => {
                    let how = if state == State::Unknown { How::Found } else { How::Now };
                    self.prove(&one.prepared, &message, how)?;
                }
            }
        }
        *pending = left;
        Ok(())
    }

    /// Compares what the server has with what was sent: date, flags, size, and the content where that is not enough.
    fn prove(&mut self, prepared: &Prepared, message: &RemoteMessage, how: How) -> Result<(), Halt> {
        if let (Some(sent), Some(kept)) = (prepared.internal_date, message.internal_date)
            && sent.unix().abs_diff(kept.unix()) > DATE_TOLERANCE
        {
            let reason = format!(
                "it is on the server (UID {}), but dated {} and not {}",
                message.uid,
                kept.to_imap(),
                sent.to_imap()
            );
            self.fail(prepared, reason);
            return Ok(());
        }
        let needs_content =
            self.reads_all_back() || message.size != prepared.size() || canonical::has_8bit_header(&prepared.bytes);
        let proof = if needs_content {
            match self.compare_content(prepared, message.uid, message.size)? {
                Ok(Some(proof)) => proof,
                Ok(None) => {
                    let reason = format!(
                        "the server changed the message: its copy (UID {}) differs from what was sent",
                        message.uid
                    );
                    self.fail(prepared, reason);
                    return Ok(());
                }
                Err(error) => {
                    self.fail(prepared, format!("it was sent, but can not be read back: {error}"));
                    return Ok(());
                }
            }
        } else {
            Proof::Size
        };
        let missing = self.set_missing_flags(prepared, message)?;
        self.tell_done(prepared, message.uid, how, proof, missing);
        Ok(())
    }

    /// Sets flags that the server forgot on APPEND, as Exchange does with `\Flagged`. Gives those it will not keep.
    fn set_missing_flags(&mut self, prepared: &Prepared, message: &RemoteMessage) -> Result<Vec<String>, Halt> {
        let absent = |message: &RemoteMessage| -> Vec<String> {
            let kept = |keyword: &&String| message.keywords.iter().any(|known| known.eq_ignore_ascii_case(keyword));
            let flags = prepared.flags.without(message.flags).names().map(str::to_owned);
            flags.chain(prepared.keywords.iter().filter(|keyword| !kept(keyword)).cloned()).collect()
        };
        let missing = absent(message);
        if missing.is_empty() {
            return Ok(missing);
        }
        let (uid, query) = (message.uid, missing.join(" "));
        let again = self.ask(|session, target| {
            session.reopen(target)?;
            session.add_flags(uid, &query)?;
            Ok(session.since(uid)?.into_iter().find(|message| message.uid == uid))
        })?;
        Ok(match again {
            Ok(Some(message)) => absent(&message),
            _ => missing,
        })
    }

    /// Whether to look again for messages whose answer was lost. Once their grace is over, they wait to be sent again.
    fn wait_for_late(&mut self, pending: &mut Vec<Pending>, begun: Instant) -> Result<bool, Halt> {
        let largest = pending.iter().filter(|one| one.state == State::Unknown).map(|one| one.prepared.size()).max();
        let Some(largest) = largest else { return Ok(false) };
        let megabytes = u32::try_from(largest >> 20).unwrap_or(u32::MAX);
        let grace = GRACE.saturating_add(GRACE_PER_MEGABYTE.saturating_mul(megabytes)).min(LONGEST_GRACE);
        if begun.elapsed() < grace {
            pause_unless(self.brake, LOOK_EVERY)?;
            return Ok(true);
        }
        pending.retain_mut(|one| {
            let is_hopeless = one.state == State::Unknown && one.tries >= MAX_TRIES;
            if is_hopeless {
                self.fail(
                    &one.prepared,
                    format!("sent {} times without an answer, and it is not on the server", one.tries),
                );
            } else if one.state == State::Unknown {
                one.state = State::Waiting;
            }
            !is_hopeless
        });
        Ok(false)
    }

    /// The folder can not be read back: nothing that was sent is proven.
    fn fail_unread(&mut self, pending: &mut Vec<Pending>, error: &ImapError) {
        pending.retain(|one| {
            if !one.is_waiting() {
                self.fail(&one.prepared, format!("it was sent, but the folder can not be read back: {error}"));
            }
            one.is_waiting()
        });
    }

    fn fail(&mut self, prepared: &Prepared, reason: String) {
        self.fail_message(prepared.locator.id(), Summary::of(&prepared.bytes).subject, reason);
    }
}

/// Whether a UID was given under another UIDVALIDITY than the folder has now.
fn is_stale(state: State, validity: u32) -> bool {
    matches!(state, State::Sent(Some((given, _))) if given != validity)
}
