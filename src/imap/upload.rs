//! Many messages into one folder: the first with a synchronising literal, and the first with each flag that is new to the
//! folder; the others as fast as the server lets us. Used by the engine, through [`Session`].

use std::collections::{HashMap, HashSet};
use std::io;

use super::answer::Value;
use super::append::{
    AppendError, Appended, Launched, Outgoing, Stored, Together, Trial, append, append_pieces, append_together, land,
    launch, traits,
};
use super::error::{ImapError, Scope};
use super::fetch::{Fetched, RemoteMessage};
use super::session::Session;
use crate::mail::FolderPath;

/// The most bytes that LITERAL- lets go without waiting (RFC 7888).
const SMALL: usize = 4096;
/// The most commands that wait for their answers: Exchange 5.5 resets the connection over 100 of them (KB Q230285).
pub const MOST_COMMANDS: usize = 50;
/// What one command may hold, so that no answer is waited for too long.
const MOST_MESSAGES: usize = 2000;
const MOST_BYTES: usize = 16 << 20;

/// What the server takes in each folder, by the folder's name on the wire.
#[derive(Default)]
pub(super) struct Proven(HashMap<String, Taken>);

/// What the server takes in a folder. It reads the flags of a message one by one, so what it took in several messages it
/// takes in one.
#[derive(Default)]
struct Taken {
    /// Flags that it took, and whether with dates, without, or both.
    traits: HashSet<String>,
    /// Flags that the folder has, as the server said when it was opened; lower case.
    flags: HashSet<String>,
}

impl Proven {
    /// The folder was opened and has these flags.
    pub(super) fn listed(&mut self, name: &str, flags: impl Iterator<Item = String>) {
        let taken = self.0.entry(name.to_owned()).or_default();
        taken.flags = flags.map(|flag| flag.to_lowercase()).collect();
    }

    fn add(&mut self, name: &str, message: &Outgoing<'_>) {
        self.0.entry(name.to_owned()).or_default().traits.extend(traits(message).map(str::to_owned));
    }

    /// The server let these messages pass, and has not said yet whether it stores them. Gives what it had not taken before.
    fn add_on_trial<'m>(&mut self, name: &str, messages: impl Iterator<Item = &'m Outgoing<'m>>) -> Trial {
        let taken = &mut self.0.entry(name.to_owned()).or_default().traits;
        let new = messages.flat_map(traits).filter(|one| taken.insert((*one).to_owned()));
        Trial { traits: new.map(str::to_owned).collect(), folder: name.to_owned() }
    }

    /// Something of what was on trial was refused: some servers look at flags and dates only then.
    fn withdraw(&mut self, trial: &Trial) {
        if let Some(taken) = self.0.get_mut(&trial.folder) {
            taken.traits.retain(|one| !trial.traits.contains(one));
        }
    }

    fn covers(&self, name: &str, message: &Outgoing<'_>) -> bool {
        self.0.get(name).is_some_and(|taken| traits(message).all(|one| taken.traits.contains(one)))
    }

    /// Which of these messages, in one command, wait for a go-ahead: the first with a date that is written likewise, and the
    /// first with a flag that is new.
    fn waits(&self, name: &str, messages: &[Outgoing<'_>]) -> Vec<bool> {
        let taken = self.0.get(name);
        let is_known = |one: &str| {
            taken.is_some_and(|taken| taken.traits.contains(one) || taken.flags.contains(&one.to_lowercase()))
        };
        let mut asked = HashSet::new();
        let waits = |message: &Outgoing<'_>| {
            // All of them are asked for with it.
            traits(message).filter(|one| !is_known(one) && asked.insert((*one).to_owned())).count() > 0
        };
        messages.iter().map(waits).collect()
    }
}

/// How many may go at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Literals {
    /// Each waits for its go-ahead.
    Synchronising,
    /// Small ones need not wait.
    Small,
    /// None needs to wait.
    Any,
}

impl Session {
    /// Appends messages to a folder that [`Self::folders`] or [`Self::create`] told. No more than so many `commands` wait for
    /// their answers; with 0 each message waits for its go-ahead, to find out which of several a server refuses.
    ///
    /// The results are in order. There are fewer than messages when the connection broke or was told to stop: `go_on` is
    /// asked before each message and told its place and the bytes sent so far, first 0.
    pub fn append(
        &mut self,
        folder: &FolderPath,
        messages: &[Outgoing<'_>],
        commands: usize,
        go_on: &mut dyn FnMut(usize, u64) -> bool,
    ) -> Vec<Result<Appended, AppendError>> {
        if let Err(error) = self.leave_for_append() {
            return vec![Err(error)];
        }
        let name = self.wire_name(folder);
        let mut results = Vec::with_capacity(messages.len());
        while let Some((first, rest)) = messages.get(results.len()..).and_then(<[_]>::split_first) {
            let begun = results.len();
            let lot = if commands == 0 { 0 } else { self.lot(&name, first, rest, commands) };
            if lot > 1 {
                let lot = messages.get(begun..begun + lot).unwrap_or_default();
                let mut within = |place: usize, bytes: u64| go_on(begun + place, bytes);
                results.extend(append_together(&self.wire, &name, lot, self.together(), &mut within));
            } else {
                if !go_on(begun, 0) {
                    break;
                }
                // A message that was begun is finished.
                let result = append(&self.wire, &name, *first, &mut |bytes| {
                    go_on(begun, bytes);
                });
                if result.is_ok() {
                    self.proven.add(&name, first);
                }
                results.push(result);
            }
            let is_stopped = results.len() == begun;
            if is_stopped || !results.get(begun..).unwrap_or_default().iter().all(can_go_on) {
                break;
            }
        }
        results
    }

    /// Appends one message of `size` bytes that come in `pieces`, for one that is too large to be held in memory; of `message`
    /// all else counts. Tells the bytes sent so far to `sent`.
    pub fn append_pieces(
        &mut self,
        folder: &FolderPath,
        message: Outgoing<'_>,
        size: u64,
        pieces: impl Iterator<Item = io::Result<Vec<u8>>>,
        sent: &mut dyn FnMut(u64),
    ) -> Result<Appended, AppendError> {
        self.leave_for_append()?;
        let name = self.wire_name(folder);
        let result = append_pieces(&self.wire, &name, message, size, pieces, sent);
        if result.is_ok() {
            self.proven.add(&name, &message);
        }
        result
    }

    /// Courier refuses APPEND to a folder that is open for reading; those that let mail fly do not.
    fn leave_for_append(&mut self) -> Result<(), AppendError> {
        if self.flies() {
            return Ok(());
        }
        self.leave().map_err(|error| AppendError { error, stored: Stored::No })
    }

    /// How many messages from `first` on may go without waiting.
    fn lot(&self, name: &str, first: &Outgoing<'_>, rest: &[Outgoing<'_>], commands: usize) -> usize {
        let literals = self.literals();
        let most = if self.together() == Together::OneCommand { MOST_MESSAGES } else { commands };
        let mut bytes = 0;
        let may_go = |message: &&Outgoing<'_>| {
            bytes += message.bytes.len();
            let fits = match literals {
                Literals::Synchronising => false,
                Literals::Small => message.bytes.len() <= SMALL,
                Literals::Any => true,
            };
            fits && bytes <= MOST_BYTES && self.proven.covers(name, message)
        };
        std::iter::once(first).chain(rest).take(most).take_while(may_go).count()
    }

    /// Whether messages may be sent while others are on their way: the server takes many in one command, and says where they
    /// went.
    pub fn flies(&self) -> bool {
        self.together() == Together::OneCommand && self.literals() == Literals::Any && self.has("UIDPLUS")
    }

    /// Whether a launch of these waits for a go-ahead, so that nothing else may be on its way: one with such a date was not
    /// taken yet, or a flag is new to the folder.
    pub fn waits(&self, folder: &FolderPath, messages: &[Outgoing<'_>]) -> bool {
        self.proven.waits(&self.wire_name(folder), messages).contains(&true)
    }

    /// Sends messages and does not wait for the answer, which [`Self::land`] reads: first launched, first landed, and no
    /// other command in between but those that ask for states, and for the next folder. One whose like the server has not taken yet waits for its
    /// go-ahead.
    pub fn launch(&mut self, folder: &FolderPath, messages: &[Outgoing<'_>]) -> Launched {
        let name = self.wire_name(folder);
        let waits = self.proven.waits(&name, messages);
        let mut launched = launch(&self.wire, &name, messages, &waits);
        if launched.is_under_way() {
            let waited = messages.iter().zip(waits).filter(|(_, waits)| *waits).map(|(message, _)| message);
            launched.trial = self.proven.add_on_trial(&name, waited);
        }
        launched
    }

    /// Whether the answer to what was launched has come.
    pub fn has_landed(&self, launched: &Launched) -> bool {
        launched.tag().is_none_or(|tag| self.wire.has_come(tag))
    }

    /// Waits for the answer to what was launched: one result a message that was begun. States that come meanwhile are added
    /// to `states`, for Dovecot answers commands that do not wait for each other in an order of its own.
    pub fn land(
        &mut self,
        mut launched: Launched,
        states: &mut Vec<RemoteMessage>,
    ) -> Vec<Result<Appended, AppendError>> {
        let trial = std::mem::take(&mut launched.trial);
        let mut each = |values: &[Value<'_>]| states.extend(Fetched::read(values).and_then(|one| one.state()));
        let results = land(&self.wire, launched, &mut each);
        if results.iter().any(Result::is_err) {
            self.proven.withdraw(&trial);
        }
        results
    }

    /// How many connections carry more than one does (facts/servers.md sections 2 and 3): three hide much of what each waits
    /// for, folder by folder or message by message. Courier takes four from one address, and one is for the person's own
    /// mail program. Exchange, which takes all literals but one message at a time, takes no more than two kindly.
    pub fn useful_connections(&self) -> usize {
        if self.literals() == Literals::Any && !self.flies() { 2 } else { 3 }
    }

    fn literals(&self) -> Literals {
        if self.has("LITERAL+") {
            Literals::Any
        } else if self.has("LITERAL-") {
            Literals::Small
        } else {
            Literals::Synchronising
        }
    }

    fn together(&self) -> Together {
        if self.has("MULTIAPPEND") { Together::OneCommand } else { Together::OneByOne }
    }
}

/// BAD means that we and the server disagree on what was said: this connection is not to be trusted any more. After a full
/// mailbox, say, the next message has no better chance.
fn can_go_on(result: &Result<Appended, AppendError>) -> bool {
    result.as_ref().err().is_none_or(|failed| match &failed.error {
        ImapError::Refused { refusal, .. } => {
            let is_its_own = refusal.scope() == Scope::Message && !failed.error.is_busy();
            failed.stored == Stored::No && !refusal.is_bad && is_its_own
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Flags;

    #[test]
    fn what_passed_and_was_then_refused_waits_again_and_what_was_taken_before_does_not() {
        let message = |flags| Outgoing { bytes: b"A: b\r\n", flags, keywords: &[], internal_date: None };
        let [seen, both] = [Flags::SEEN, Flags::SEEN | Flags::FLAGGED].map(message);
        let mut proven = Proven::default();
        assert_eq!(proven.waits("A", &[seen, seen]), [true, false]);
        proven.add("A", &seen);
        let trial = proven.add_on_trial("A", [&both].into_iter());
        assert_eq!(proven.waits("A", &[seen, both]), [false, false]);
        proven.withdraw(&trial);
        assert_eq!(proven.waits("A", &[seen, both]), [false, true]);
        assert!(proven.covers("A", &seen) && !proven.covers("A", &both));
    }
}
