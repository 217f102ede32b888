//! What a place takes of what a plan sends there: the largest message, quotas, what is known of its kind. Asked of a
//! [`super::Mailbox`] before a job, for the plan to tell.

use std::collections::HashMap;
use std::iter::Sum;

use crate::imap::{ImapError, Kind, Quota, Session};
use crate::mail::FolderPath;
use crate::mail::display::clean;
use crate::mail::units::{bytes, plural, thousands};

use super::{FolderPlan, Limits, Plan, Weight};

/// What a place takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// The largest message by folder, in bytes; `None` where the server does not limit it, or does not say.
    pub largest: HashMap<FolderPath, Option<u64>>,
    /// What is left; of a disk all that is free.
    pub quotas: Vec<Quota>,
    /// What kind of server it is, if that is one with limits that it does not announce.
    pub kind: Option<&'static Kind>,
    /// Whether it is on this machine.
    pub is_disk: bool,
}

/// How many messages are larger than a server takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TooBig {
    /// Larger than it says: they are not sent.
    pub surely: u64,
    /// Larger than its kind takes unless its administrator set that otherwise: they are tried.
    pub perhaps: u64,
}

impl Sum for TooBig {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            surely: sum.surely + one.surely,
            perhaps: sum.perhaps + one.perhaps,
        })
    }
}

/// Something that is worth a word before a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The words, as inside a sentence.
    pub text: String,
    /// Whether something will not go, or may not.
    pub is_bad: bool,
}

impl Notice {
    fn good(text: String) -> Self {
        Self { text, is_bad: false }
    }

    fn bad(text: String) -> Self {
        Self { text, is_bad: true }
    }
}

/// What a plan needs of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need<'r> {
    /// The quota.
    pub quota: &'r Quota,
    /// The bytes that are to go where it holds.
    pub bytes: u64,
    /// The messages.
    pub messages: u64,
}

impl Need<'_> {
    /// The bytes that are more than are left.
    pub fn lacks_bytes(&self) -> bool {
        self.quota.bytes.is_some_and(|left| self.bytes > left)
    }

    /// The messages that are more than are left.
    pub fn lacks_messages(&self) -> bool {
        self.quota.messages.is_some_and(|left| self.messages > left)
    }
}

impl Room {
    /// Asks a server about these folders, some of which may not be there yet.
    pub fn of(server: &mut Session, targets: &[FolderPath]) -> Result<Self, ImapError> {
        server.learn_append_limits(targets)?;
        let largest = targets.iter().map(|target| (target.clone(), server.append_limit(target))).collect();
        Ok(Self { largest, quotas: server.quotas(targets)?, kind: server.kind(), is_disk: false })
    }

    /// The largest message that a folder takes, in bytes, where the server says so.
    pub fn largest(&self, target: &FolderPath) -> Option<u64> {
        self.largest.get(target).copied().flatten()
    }

    /// The largest message that such a server takes unless its administrator set that otherwise, in bytes; where it says
    /// nothing itself.
    pub fn usual(&self, target: &FolderPath) -> Option<u64> {
        self.kind.and_then(|kind| kind.largest).filter(|_| self.largest(target).is_none())
    }

    /// The largest message that a folder takes, surely or perhaps, in bytes.
    pub fn limit(&self, target: &FolderPath) -> Option<u64> {
        self.largest(target).or_else(|| self.usual(target))
    }

    /// How many of these messages are too big for a folder.
    pub fn too_big(&self, target: &FolderPath, weight: &Weight) -> TooBig {
        let over = |limit: Option<u64>| limit.map_or(0, |limit| weight.larger_than(limit));
        TooBig { surely: over(self.largest(target)), perhaps: over(self.usual(target)) }
    }

    /// What the plan needs of each quota that it touches.
    pub fn needs<'r>(&'r self, plan: &Plan) -> Vec<Need<'r>> {
        let of = |quota: &'r Quota| {
            let into = plan.folders.iter().filter(|folder| self.is_disk || quota.folders.contains(&folder.target));
            let into: Vec<&FolderPlan> = into.collect();
            let need = Need {
                quota,
                bytes: into.iter().map(|folder| folder.bytes).sum(),
                messages: into.iter().map(|folder| folder.messages).sum(),
            };
            (!into.is_empty()).then_some(need)
        };
        self.quotas.iter().filter_map(of).collect()
    }

    /// What limits a plan, with how many of its messages are too big as far as that was counted.
    pub fn notices(&self, plan: &Plan, too_big: TooBig, limits: &Limits) -> Vec<Notice> {
        let mut notices = Vec::new();
        notices.extend(self.of_largest(plan, too_big.surely));
        notices.extend(self.of_usual(plan, too_big.perhaps));
        let needs = self.needs(plan);
        let are_many = needs.iter().filter_map(|need| left(need.quota)).count() > 1;
        notices.extend(needs.iter().filter_map(|need| self.of_quota(need, are_many)));
        notices.extend(self.of_day(plan, limits));
        notices
    }

    fn of_largest(&self, plan: &Plan, too_big: u64) -> Option<Notice> {
        let largest = || plan.folders.iter().filter_map(|folder| self.largest(&folder.target));
        let (least, most) = (bytes(largest().min()?), bytes(largest().max()?));
        let limit = if least == most { most } else { format!("{least} to {most}, folder by folder") };
        Some(match too_big {
            0 => Notice::good(format!("the server takes messages of up to {limit}")),
            many => Notice::bad(format!("{} larger than the server takes ({limit})", are(many))),
        })
    }

    fn of_usual(&self, plan: &Plan, too_big: u64) -> Option<Notice> {
        let kind = self.kind?;
        let limit = bytes(plan.folders.iter().find_map(|folder| self.usual(&folder.target))?);
        let (name, unless) = (kind.name, "unless its administrator set that otherwise");
        Some(match too_big {
            0 => Notice::good(format!("{name} takes messages of up to {limit} {unless}")),
            many => Notice::bad(format!(
                "{} larger than the {limit} that {name} takes {unless}: tried all the same",
                are(many)
            )),
        })
    }

    fn of_quota(&self, need: &Need<'_>, are_many: bool) -> Option<Notice> {
        let left = left(need.quota)?;
        let what = match (self.is_disk, are_many) {
            (true, _) => "the disk".to_owned(),
            (_, false) => "the mailbox".to_owned(),
            (_, true) => format!("the quota \"{}\"", clean(&need.quota.root)),
        };
        let lacks = [
            need.lacks_bytes().then(|| bytes(need.bytes)),
            need.lacks_messages().then(|| plural(need.messages, "message")),
        ];
        let lacks: Vec<String> = lacks.into_iter().flatten().collect();
        let text = format!("{what} has {left} left");
        Some(if lacks.is_empty() {
            Notice::good(text)
        } else {
            Notice::bad(format!("{text}: NOT ENOUGH for {}", lacks.join(" and ")))
        })
    }

    fn of_day(&self, plan: &Plan, limits: &Limits) -> Option<Notice> {
        let kind = self.kind?;
        let (most, needed) = (kind.bytes_a_day?, plan.bytes());
        let is_kept = limits.bytes_per_day.is_some_and(|limit| limit <= most);
        let hint = format!("--max-bytes-per-day {}M ends a run in time, and the next day it goes on", most / 1_000_000);
        let text = || format!("{} takes {} a day, LESS than {}: {hint}", kind.name, bytes(most), bytes(needed));
        (needed > most && !is_kept).then(|| Notice::bad(text()))
    }
}

/// What is left of a quota, in words; `None` if it limits neither bytes nor messages.
pub fn left(quota: &Quota) -> Option<String> {
    let left = [quota.bytes.map(bytes), quota.messages.map(|number| plural(number, "message"))];
    let left: Vec<String> = left.into_iter().flatten().collect();
    (!left.is_empty()).then(|| left.join(" and "))
}

fn are(messages: u64) -> String {
    if messages == 1 { "1 message is".to_owned() } else { format!("{} messages are", thousands(messages)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::{Draft, Mapping, Selection, Source, Terms, draft};

    /// A plan of folders with so many messages and bytes.
    fn plan(folders: &[(&str, u64, u64)]) -> Plan {
        let selection = |(path, messages, bytes): &(&str, u64, u64)| Selection {
            source: Source { path: "/mail".into(), options: crate::store::OpenOptions::default() },
            folder: FolderPath::parse(path),
            special: None,
            below: FolderPath::parse(path),
            chosen: crate::transfer::Chosen::All,
            messages: *messages,
            bytes: *bytes,
        };
        let chosen = folders.iter().map(selection).collect();
        let draft: Draft = draft(chosen, &FolderPath::root(), &Terms::default(), &Mapping::default());
        draft.plan()
    }

    fn quota(root: &str, bytes: Option<u64>, messages: Option<u64>, folders: &[&str]) -> Quota {
        let folders = folders.iter().map(|path| FolderPath::parse(path)).collect();
        Quota { root: root.into(), bytes, messages, folders }
    }

    fn told(room: &Room, plan: &Plan, too_big: TooBig) -> Vec<(String, bool)> {
        let notices = room.notices(plan, too_big, &Limits::default());
        notices.into_iter().map(|notice| (notice.text, notice.is_bad)).collect()
    }

    #[test]
    fn each_quota_is_held_against_what_goes_where_it_holds() {
        let plan = plan(&[("A", 10, 5000), ("B", 20, 7000), ("C", 1, 1)]);
        let one = Room { quotas: vec![quota("", Some(12_001), Some(31), &["A", "B", "C"])], ..Room::default() };
        let fits = ("the mailbox has 12.0 kB and 31 messages left".to_owned(), false);
        assert_eq!(told(&one, &plan, TooBig::default()), [fits]);
        let two = [
            quota("a\u{1b}", Some(4999), Some(9), &["A"]),
            quota("b", Some(7000), Some(19), &["B"]),
            quota("not touched", Some(0), Some(0), &["D"]),
            quota("no limit", None, None, &["A"]),
        ];
        let two = Room { quotas: two.into(), ..Room::default() };
        let told = told(&two, &plan, TooBig::default());
        assert!(told.iter().all(|(text, is_bad)| *is_bad && !text.contains('\u{1b}')), "{told:?}");
        let ends =
            ["4.9 kB and 9 messages left: NOT ENOUGH for 5.0 kB and 10 messages", "left: NOT ENOUGH for 20 messages"];
        assert_eq!(told.len(), 2);
        assert!(told.iter().zip(ends).all(|((text, _), end)| text.ends_with(end)), "{told:?}");
    }

    #[test]
    fn a_disk_is_one_for_all_folders() {
        let plan = plan(&[("A", 10, 5000), ("B", 20, 7000)]);
        let disk = Room { quotas: vec![quota("", Some(11_999), None, &[])], is_disk: true, ..Room::default() };
        let expected = ("the disk has 11.9 kB left: NOT ENOUGH for 12.0 kB".to_owned(), true);
        assert_eq!(told(&disk, &plan, TooBig::default()), [expected]);
    }

    #[test]
    fn what_folders_take_is_told_by_the_least_and_the_most() {
        let plan = plan(&[("A", 1, 1), ("B", 1, 1), ("C", 1, 1)]);
        let of = |path, largest| (FolderPath::parse(path), largest);
        let largest = HashMap::from([of("A", Some(1000)), of("B", Some(2000)), of("C", None)]);
        let room = Room { largest, ..Room::default() };
        let good = "the server takes messages of up to 1.0 kB to 2.0 kB, folder by folder".to_owned();
        assert_eq!(told(&room, &plan, TooBig::default()), [(good, false)]);
        let bad = "1 message is larger than the server takes (1.0 kB to 2.0 kB, folder by folder)".to_owned();
        assert_eq!(told(&room, &plan, TooBig { surely: 1, perhaps: 0 }), [(bad, true)]);
    }

    #[test]
    fn what_a_kind_of_server_is_known_for_warns_and_no_more_where_it_speaks_itself_or_the_user_took_care() {
        let of = |capabilities: &str, greeting: &str| Kind::of(greeting, &[capabilities.to_owned()]);
        let small = plan(&[("A", 1, 499_000_000), ("B", 1, 1_000_000)]);
        let large = plan(&[("A", 1, 499_000_000), ("B", 1, 1_000_001)]);
        let gmail = Room { kind: of("X-GM-EXT-1", ""), ..Room::default() };
        assert_eq!(told(&gmail, &small, TooBig::default()), []);
        let warned = told(&gmail, &large, TooBig::default());
        assert!(matches!(&warned[..], [(text, true)] if text.contains("--max-bytes-per-day 500M")), "{warned:?}");
        for (bytes_per_day, count) in [(500_000_000, 0), (500_000_001, 1)] {
            let limits = Limits { bytes_per_day: Some(bytes_per_day), ..Limits::default() };
            assert_eq!(gmail.notices(&large, TooBig::default(), &limits).len(), count);
        }
        let exchange = Room { kind: of("", "The Microsoft Exchange IMAP4 service is ready."), ..Room::default() };
        let weight = Weight { sizes: [5, 10 << 20, (10 << 20) + 1].into(), ..Weight::default() };
        let target = FolderPath::parse("A");
        let too_big = exchange.too_big(&target, &weight);
        assert_eq!(too_big, TooBig { surely: 0, perhaps: 1 });
        let expected = "1 message is larger than the 10.4 MB that Exchange takes unless its administrator set that otherwise: \
                        tried all the same";
        assert_eq!(told(&exchange, &small, too_big), [(expected.to_owned(), true)]);
        let speaks = Room { largest: [(target.clone(), Some(4))].into(), ..exchange };
        assert_eq!(speaks.too_big(&target, &weight), TooBig { surely: 3, perhaps: 0 });
    }
}
