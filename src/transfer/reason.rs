//! What was not carried, by reason: failures that differ only in numbers and names are of one kind.

use serde::{Deserialize, Serialize};

use super::Failed;

/// The most reasons that are kept apart; the rest goes together.
const MOST: usize = 100;
/// How much of a text counts.
const LONGEST: usize = 160;

/// Failures of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What they have in common: the first one's reason. Foreign text.
    pub words: String,
    sign: String,
    /// Messages that they stand for.
    pub messages: u64,
    /// Their places among all failures.
    pub members: Vec<usize>,
}

/// All kinds, in the order they turned up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasons(Vec<Reason>);

impl Reasons {
    /// Every kind.
    pub fn all(&self) -> &[Reason] {
        &self.0
    }

    /// Takes in the failure at that place.
    pub(super) fn add(&mut self, place: usize, failed: &Failed) {
        let sign = sign(failed);
        let known = self.0.iter().position(|reason| reason.sign == sign);
        let at = known.or_else(|| (self.0.len() >= MOST).then_some(MOST - 1));
        if let Some(reason) = at.and_then(|at| self.0.get_mut(at)) {
            if known.is_none() {
                "other reasons".clone_into(&mut reason.words);
            }
            reason.messages += failed.messages;
            reason.members.push(place);
            return;
        }
        let words = failed.reason.clone();
        self.0.push(Reason { words, sign, messages: failed.messages, members: vec![place] });
    }
}

/// The server's words where there are any, else ours, with what differs from message to message taken out.
fn sign(failed: &Failed) -> String {
    let words = if failed.server_text.is_empty() { &failed.reason } else { &failed.server_text };
    // Dovecot says behind each answer how long what took, in as many numbers as there were steps.
    let words = words.rsplit_once(" (").filter(|(_, end)| end.contains("secs)")).map_or(&**words, |(said, _)| said);
    let mut sign = String::new();
    let mut is_name = false;
    for ch in words.chars().take(LONGEST) {
        is_name = match ch {
            '<' | '"' if !is_name => true,
            '>' | '"' => false,
            _ => is_name,
        };
        let shown = if ch.is_ascii_digit() { '#' } else { ch };
        let is_repeated = shown == '#' && sign.ends_with('#');
        if !is_name && !is_repeated {
            sign.push(shown);
        }
    }
    sign
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::FolderPath;

    fn failed(reason: &str, server_text: &str) -> Failed {
        let (id, subject, hint) = ("1".into(), String::new(), String::new());
        let (reason, server_text) = (reason.into(), server_text.into());
        Failed { folder: FolderPath::root(), id, subject, reason, server_text, hint, messages: 1 }
    }

    #[test]
    fn numbers_and_names_make_no_difference() {
        let mut reasons = Reasons::default();
        let all = [
            failed("it has 99 bytes, and the server takes 10 at most", ""),
            failed("it has 1234 bytes, and the server takes 10 at most", ""),
            failed("cannot append to A: NO [TOOBIG] too big", "NO [TOOBIG] too big"),
            failed("cannot append to B: NO [TOOBIG] too big", "NO [TOOBIG] too big"),
            failed("too large", "NO [LIMIT] Mail is too large (0.007 + 0.000 + 0.006 secs)."),
            failed("too large", "NO [LIMIT] Mail is too large (0.001 + 0.000 secs)."),
            failed("bad id <a@b>", ""),
            failed("bad id <c@d>", ""),
        ];
        for (place, one) in all.iter().enumerate() {
            reasons.add(place, one);
        }
        let members: Vec<_> = reasons.all().iter().map(|reason| reason.members.clone()).collect();
        assert_eq!(members, [[0, 1], [2, 3], [4, 5], [6, 7]]);
        assert_eq!(reasons.all()[0].words, all[0].reason);
    }

    #[test]
    fn there_are_never_many_reasons() {
        let mut reasons = Reasons::default();
        for place in 0..1000 {
            reasons.add(place, &failed(&"x".repeat(place % 150 + 1), ""));
        }
        assert_eq!(reasons.all().len(), MOST);
        assert_eq!(reasons.all().iter().map(|reason| reason.messages).sum::<u64>(), 1000);
    }
}
