//! One message of a list, as small as it can be: a list may have half a million.

use crate::imap::RemoteMessage;
use crate::mail::details::{Details, id_hash};
use crate::mail::{Envelope, Flags, InternalDate};

use crate::ui::marks::Key;

/// Longest texts kept, in bytes: wider than any column.
const MAX_FROM: usize = 80;
const MAX_SUBJECT: usize = 240;
const MAX_EXTRA: usize = 170;

/// One message as the list shows it. Its texts are foreign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its identity in the folder.
    pub key: Key,
    /// Its size in bytes.
    pub size: u64,
    /// When it arrived.
    pub date: Option<InternalDate>,
    /// System flags.
    pub flags: Flags,
    /// Whether there are doubts about it.
    pub is_doubtful: bool,
    /// Whom it is from.
    pub from: Box<str>,
    /// What it is about.
    pub subject: Box<str>,
    /// Whether it carries attachments, as far as that is known.
    pub attached: Option<bool>,
    /// Its own Message-ID and those it answers, as numbers; 0 where there is none.
    pub links: [u64; 3],
    /// What only a search asks for.
    pub extra: Extra,
}

/// What a search asks of a row, packed into one text since a list may have half a million: the sender's address, the
/// addressees, the Message-ID, and a line for each keyword. Foreign text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extra(Box<str>);

impl Extra {
    /// Packs it.
    pub(crate) fn new(address: &str, to: &str, message_id: &str, keywords: &[String]) -> Self {
        let mut packed = String::new();
        for (at, part) in [address, to, message_id].into_iter().chain(keywords.iter().map(String::as_str)).enumerate() {
            if at > 0 {
                packed.push('\n');
            }
            let kept = part.get(..part.floor_char_boundary(MAX_EXTRA)).unwrap_or(part);
            packed.extend(kept.chars().map(|ch| if ch == '\n' { ' ' } else { ch }));
            if packed.len() > MAX_SUBJECT * 8 {
                break;
            }
        }
        Self(packed.into())
    }

    fn line(&self, number: usize) -> &str {
        self.0.split('\n').nth(number).unwrap_or_default()
    }

    /// The sender's address, where the list shows a name.
    pub(crate) fn address(&self) -> &str {
        self.line(0)
    }

    /// The addressees.
    pub(crate) fn to(&self) -> &str {
        self.line(1)
    }

    /// The Message-ID with its brackets.
    pub(crate) fn message_id(&self) -> &str {
        self.line(2)
    }

    /// The keywords.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &str> {
        self.0.split('\n').skip(3)
    }
}

/// The numbers of a message and of those it answers.
fn links(message_id: Option<&str>, details: &Details) -> [u64; 3] {
    let own = message_id.map_or(0, |id| id_hash(id.as_bytes()));
    let linked = |at: usize| details.links.get(at).copied().unwrap_or(0);
    [own, linked(0), linked(1)]
}

fn short(text: &str, most: usize) -> Box<str> {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text).into()
}

impl From<Envelope> for Row {
    fn from(envelope: Envelope) -> Self {
        Self {
            size: envelope.size,
            date: envelope.internal_date,
            flags: envelope.flags,
            is_doubtful: !envelope.warnings.is_empty(),
            from: short(&envelope.from, MAX_FROM),
            subject: short(&envelope.subject, MAX_SUBJECT),
            attached: envelope.details.attached,
            links: links(envelope.message_id.as_deref(), &envelope.details),
            extra: Extra::new(
                &envelope.details.address,
                &envelope.details.to,
                envelope.message_id.as_deref().unwrap_or_default(),
                &envelope.keywords,
            ),
            key: Key::Local(envelope.locator),
        }
    }
}

impl From<&RemoteMessage> for Row {
    fn from(message: &RemoteMessage) -> Self {
        Self {
            key: Key::Remote(message.uid),
            size: message.size,
            date: message.internal_date,
            flags: message.flags,
            is_doubtful: false,
            from: short(&message.from, MAX_FROM),
            subject: short(&message.subject, MAX_SUBJECT),
            attached: message.details.attached,
            links: links(message.message_id.as_deref(), &message.details),
            extra: Extra::new(
                &message.details.address,
                &message.details.to,
                message.message_id.as_deref().unwrap_or_default(),
                &message.keywords,
            ),
        }
    }
}
