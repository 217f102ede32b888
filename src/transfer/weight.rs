//! What is known of a folder of a plan before anything goes: where dates come from, how large messages are, what is there
//! already, what needs repair.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::imap::ImapError;
use crate::mail::repair::needed;
use crate::mail::units::thousands;
use crate::mail::{DateRule, DateSource, Envelope, FolderPath, Locator, Repair, Warning, fingerprint};
use crate::store::{Found, Store, StoreError, Walk};

use super::{FolderPlan, Mailbox, TooBig};

/// What is known of the messages of a folder. All are numbers of messages but the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Messages that would be carried.
    pub messages: u64,
    /// Their bytes; exact if they were read.
    pub bytes: u64,
    /// By the rule that finds their internal date.
    pub dates: BTreeMap<DateSource, u64>,
    /// Those whose date is missing, or is only that of their file.
    pub doubtful: u64,
    /// The size of each in bytes, or the largest number there is, the smallest first; exact if they were read, and else on
    /// either side of the limit they were weighed by.
    pub sizes: Arc<[u32]>,
    /// Those that the target seems to hold, by their Message-ID; `None` where that was not looked for.
    pub already: Option<u64>,
    /// Their bytes, as the store has them.
    pub already_bytes: u64,
    /// Those that need a repair, by repair; `None` until they were read.
    pub repairs: Option<BTreeMap<Repair, u64>>,
}

/// What a folder of the target holds, by Message-ID.
pub fn ids(mailbox: &mut Mailbox, folder: &FolderPath) -> Result<Ids, ImapError> {
    let exists = mailbox.examine(folder)?.exists;
    let mut ids = Ids::new();
    mailbox.held(exists, |message| {
        if let Some(id) = message.id {
            *ids.entry(id).or_default() += 1;
        }
    })?;
    Ok(ids)
}

/// Message-IDs in short, with how often each is there.
pub type Ids = HashMap<u64, u32>;

/// What a folder is weighed by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scale {
    /// The bytes that a message may have, if that is known: those that may have more once they are made fit for sending are
    /// read for their sizes.
    pub limit: Option<u64>,
    /// What the target holds, if that is known.
    pub held: Option<Ids>,
    /// Whether every message is read, for what only its bytes tell.
    pub reads: bool,
}

/// Weighs a folder of a plan. `go_on` is asked with the number of messages so far; `None` where it said no.
pub fn weigh(
    store: &mut dyn Store,
    folder: &FolderPlan,
    scale: &Scale,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<Weight>, StoreError> {
    let is_chosen = folder.chosen.test();
    let mut weight = Weight::default();
    let mut sizes: Vec<u32> = Vec::new();
    let capped = |size: u64| u32::try_from(size).unwrap_or(u32::MAX);
    // At the most each byte is a line end that becomes two; a server tells sizes as they are sent.
    let limit = scale.limit.filter(|_| !folder.source.is_remote());
    let is_close = |size: u64| limit.is_some_and(|limit| size <= limit && size.saturating_mul(2) > limit);
    let mut close: Vec<Locator> = Vec::new();
    let mut held = scale.held.clone();
    let mut to_read: Vec<(Locator, DateSource)> = Vec::new();
    let has_file_dates = store.format_of(&folder.folder).dates_by_file();
    let mut is_stopped = false;
    store.list(&folder.folder, &mut |found| {
        if let Found::Message(envelope) = found
            && is_chosen(&envelope.locator)
        {
            weight.add(&envelope, scale, held.as_mut(), has_file_dates);
            if scale.reads {
                to_read.push((envelope.locator, envelope.date_from));
            } else if is_close(envelope.size) {
                close.push(envelope.locator);
            } else {
                sizes.push(capped(envelope.size));
            }
        }
        is_stopped |= !go_on(weight.messages);
        if is_stopped { Walk::Break(()) } else { Walk::Continue(()) }
    })?;
    for locator in close {
        if is_stopped || !go_on(weight.messages) {
            return Ok(None);
        }
        sizes.push(capped(store.read(&folder.folder, &locator).map_or(locator.length, |bytes| bytes.len() as u64)));
    }
    if scale.held.is_some() && weight.already.is_none() {
        weight.already = Some(0);
    }
    if scale.reads {
        weight.repairs = Some(BTreeMap::new());
    }
    for (number, (locator, date_from)) in (0..).zip(to_read) {
        if is_stopped || !go_on(number) {
            return Ok(None);
        }
        // What can't be read is told when it is carried.
        let Ok(bytes) = store.read(&folder.folder, &locator) else { continue };
        weight.read(&bytes, date_from, folder.dates);
        sizes.push(capped(bytes.len() as u64));
    }
    sizes.sort_unstable();
    weight.sizes = sizes.into();
    Ok((!is_stopped).then_some(weight))
}

impl Weight {
    /// Takes in what a list tells.
    fn add(&mut self, envelope: &Envelope, scale: &Scale, held: Option<&mut Ids>, has_file_dates: bool) {
        self.messages += 1;
        let is_of_file = envelope.date_from == DateSource::Mtime && !has_file_dates;
        self.doubtful += u64::from(is_of_file || envelope.warnings.contains(&Warning::NoDate));
        if let (Some(held), Some(id)) = (held, &envelope.message_id) {
            let already = self.already.get_or_insert_default();
            if let Some(left) = held.get_mut(&fingerprint::short_id(id.as_bytes())).filter(|left| **left > 0) {
                *left -= 1;
                *already += 1;
                self.already_bytes += envelope.size;
            }
        }
        if !scale.reads {
            self.bytes += envelope.size;
            *self.dates.entry(envelope.date_from).or_default() += 1;
        }
    }

    /// Takes in what a message's bytes tell.
    fn read(&mut self, bytes: &[u8], date_from: DateSource, rule: DateRule) {
        self.bytes += bytes.len() as u64;
        let ruled = rule.of(bytes).map(|_| rule.source());
        *self.dates.entry(ruled.unwrap_or(date_from)).or_default() += 1;
        if let Some(repairs) = &mut self.repairs {
            for repair in needed(bytes, &Repair::ALL) {
                *repairs.entry(repair).or_default() += 1;
            }
        }
    }

    /// How many messages have more than so many bytes.
    pub fn larger_than(&self, limit: u64) -> u64 {
        let smaller = self.sizes.partition_point(|size| u64::from(*size) <= limit);
        (self.sizes.len() - smaller) as u64
    }

    /// What of a folder is still to go.
    pub fn rest_of(&self, folder: &FolderPlan) -> FolderPlan {
        let messages = folder.messages.saturating_sub(self.already.unwrap_or_default());
        FolderPlan { messages, bytes: folder.bytes.saturating_sub(self.already_bytes), ..folder.clone() }
    }

    /// What is worth a word to people: `12 already there`, `3 with a doubtful date`.
    pub fn remarks(&self, rule: DateRule, too_big: TooBig) -> Vec<String> {
        let mut remarks = Vec::new();
        let mut say = |count: u64, words: &str| {
            if count > 0 {
                remarks.push(format!("{} {words}", thousands(count)));
            }
        };
        say(self.already.unwrap_or_default(), "already there");
        say(too_big.surely, "too big for the server");
        say(too_big.perhaps, "perhaps too big for the server");
        say(
            self.doubtful,
            if rule == DateRule::Auto { "with a doubtful date" } else { "whose store has no sure date" },
        );
        let repairs = self.repairs.iter().flatten();
        let needs: Vec<String> =
            repairs.map(|(repair, count)| format!("{} {}", repair.label(), thousands(*count))).collect();
        if !needs.is_empty() {
            remarks.push(format!("needs repair: {}", needs.join(", ")));
        }
        remarks
    }
}
