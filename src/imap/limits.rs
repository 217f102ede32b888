//! What a server takes: the largest message of a folder (RFC 7889), what is left of its quotas (RFC 9208), and what servers
//! are known to limit without a word. Asked of a [`Session`] for a plan, and by the engine before it sends.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::mail::FolderPath;

use super::answer::Value;
use super::error::ImapError;
use super::names::quoted;
use super::session::Session;
use super::upload::MOST_COMMANDS;

/// Enough for names sent as literals.
const NAME_LITERAL: usize = 8 * 1024;
/// The most folders whose quotas are asked for: nearly all mailboxes have one quota, or one for each top folder.
const MOST_ASKED: usize = 16;
/// The most quotas that are kept.
const MOST_ROOTS: usize = 64;
const INBOX: &str = "INBOX";

/// A kind of server with limits that it does not announce.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name, for people.
    pub name: &'static str,
    signs: &'static [Sign],
    /// The largest message that it takes unless its administrator set another size, in bytes: worth a warning, and no reason to
    /// leave a message out.
    pub largest: Option<u64>,
    /// The bytes that it takes in 24 hours.
    pub bytes_a_day: Option<u64>,
}

/// What a kind of server is known by.
#[derive(Debug, PartialEq, Eq)]
enum Sign {
    /// Words of its greeting.
    Greeting(&'static str),
    /// A capability that no other has.
    Capability(&'static str),
}

/// The kinds of servers, the first that fits counts. Where a server announces its limits (Yahoo, Zoho, Cyrus) or has none by
/// itself (Dovecot, Courier) there is no row.
const KINDS: [Kind; 4] = [
    // Limit: servers.md 1.2, 35 MB at the least. Signs: its table of greetings, and the capabilities after login.
    Kind {
        name: "Microsoft 365",
        signs: &[Sign::Greeting("Microsoft Exchange IMAP4 service is ready. ["), Sign::Capability("CLIENTACCESSRULES")],
        largest: Some(35 << 20),
        bytes_a_day: None,
    },
    // From 2007 on: servers.md 1.2, MaxReceiveSize of Microsoft.Exchange.Imap4.exe.config. 5.5 has no such limit (1.1), and
    // that of 2000 and 2003 is not known.
    Kind {
        name: "Exchange",
        signs: &[
            Sign::Greeting("Microsoft Exchange IMAP4 service is ready"),
            Sign::Greeting("Microsoft Exchange Server 2007 IMAP4 service"),
        ],
        largest: Some(10 << 20),
        bytes_a_day: None,
    },
    // Its source: `imap.request.max-size`, 52428800, and the greeting. Its parser alone has 25 MB (servers.md 2).
    Kind {
        name: "Stalwart",
        signs: &[Sign::Greeting("Stalwart IMAP4rev2")],
        largest: Some(50 << 20),
        bytes_a_day: None,
    },
    // servers.md 2: 500 MB a day by IMAP. Its largest message it announces. Sign: Google's page of IMAP extensions.
    Kind { name: "Gmail", signs: &[Sign::Capability("X-GM-EXT-1")], largest: None, bytes_a_day: Some(500_000_000) },
];

impl Kind {
    /// The kind of server that greets like this and has these capabilities, upper case, if it is a known one.
    pub fn of(greeting: &str, capabilities: &[String]) -> Option<&'static Self> {
        let shows = |sign: &Sign| match sign {
            Sign::Greeting(words) => greeting.contains(words),
            Sign::Capability(name) => capabilities.iter().any(|capability| capability == name),
        };
        KINDS.iter().find(|kind| kind.signs.iter().any(shows))
    }
}

/// What is left of a quota.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Its name, foreign text; often empty.
    pub root: String,
    /// The bytes that are left, if it limits them.
    pub bytes: Option<u64>,
    /// The messages that are left, if it limits them.
    pub messages: Option<u64>,
    /// The folders that it holds for, of those that were asked for.
    pub folders: HashSet<FolderPath>,
}

/// What the server said of the largest message that a folder takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// So many bytes.
    Most(u64),
    /// Any size will do.
    Any,
    /// It would not say.
    Nothing,
}

impl Session {
    /// The largest message that a folder takes, in bytes, where the server says so (RFC 7889). A folder that is not there yet
    /// takes what INBOX does, once [`Self::learn_append_limits`] asked for that.
    pub fn append_limit(&self, folder: &FolderPath) -> Option<u64> {
        let told = |name: &str| self.append_limits.get(name).copied();
        announced(self.capabilities()).or_else(|| match told(key(&self.wire_name(folder))).or_else(|| told(INBOX)) {
            Some(Told::Most(bytes)) => Some(bytes),
            _ => None,
        })
    }

    /// Asks for the largest messages of those folders that are there, where the capability has no number and they may differ.
    /// INBOX is asked first: a server that does not answer for it is asked for no other.
    pub fn learn_append_limits(&mut self, folders: &[FolderPath]) -> Result<(), ImapError> {
        if !self.has("APPENDLIMIT") || announced(self.capabilities()).is_some() {
            return Ok(());
        }
        self.ask_append_limits([INBOX.to_owned()].into())?;
        if self.append_limits.get(INBOX) == Some(&Told::Nothing) {
            return Ok(());
        }
        let there = folders.iter().filter(|folder| self.can_select(folder) == Some(true));
        let names = there.map(|folder| key(&self.wire_name(folder)).to_owned()).collect();
        self.ask_append_limits(names)
    }

    fn ask_append_limits(&mut self, mut names: BTreeSet<String>) -> Result<(), ImapError> {
        names.retain(|name| !self.append_limits.contains_key(name));
        let mut told = HashMap::new();
        self.ask_each(&names, |name| format!("STATUS {name} (APPENDLIMIT)"), &mut |values| {
            if let [word, name, .., items] = values
                && word.is("STATUS")
                && let Some(limit) = status_limit(items.list())
            {
                told.insert(key(&name.text()).to_owned(), limit);
            }
        })?;
        self.append_limits.extend(names.into_iter().map(|name| {
            let limit = told.remove(&name).unwrap_or(Told::Nothing);
            (name, limit)
        }));
        Ok(())
    }

    /// What is left of the quotas that messages in these folders count towards, where the server says so (RFC 9208).
    ///
    /// Each folder may have a quota of its own. One that is not there yet has that of the nearest above it that is, else that of
    /// INBOX. Where those are too many to be asked for, the lowest count as the ones above them do.
    pub fn quotas(&mut self, folders: &[FolderPath]) -> Result<Vec<Quota>, ImapError> {
        // RFC 9208 section 3.1 has the longer names beside the one of RFC 2087.
        let is_sign = |capability: &String| capability == "QUOTA" || capability.starts_with("QUOTA=RES-");
        if !self.capabilities().iter().any(is_sign) {
            return Ok(Vec::new());
        }
        let nearest = |folder: &FolderPath| {
            lineage(folder).find(|above| self.can_select(above) == Some(true)).unwrap_or_else(inbox)
        };
        let mut asked: Vec<FolderPath> = folders.iter().map(nearest).collect::<BTreeSet<_>>().into_iter().collect();
        if asked.len() > MOST_ASKED {
            asked.push(inbox());
            asked.sort_by_key(|folder| (folder.depth(), *folder != inbox()));
            asked.dedup();
            asked.truncate(MOST_ASKED);
        }
        let names = asked.iter().map(|folder| key(&self.wire_name(folder)).to_owned()).collect();
        let mut told = Roots::default();
        self.ask_each(&names, |name| format!("GETQUOTAROOT {name}"), &mut |values| told.take(values, &names))?;
        let counts_in = |folder: &FolderPath| {
            let above = lineage(folder).find(|above| asked.contains(above)).unwrap_or_else(inbox);
            key(&self.wire_name(&above)).to_owned()
        };
        let mut quotas = told.quotas;
        for quota in &mut quotas {
            let is_named = told.of.values().flatten().any(|root| *root == quota.root);
            let holds = |folder: &&FolderPath| {
                !is_named || told.of.get(&counts_in(folder)).is_some_and(|roots| roots.contains(&quota.root))
            };
            quota.folders = folders.iter().filter(holds).cloned().collect();
        }
        Ok(quotas)
    }

    /// Asks the same of folders, by their names on the wire, several at a time. What is refused is not told.
    fn ask_each(
        &self,
        names: &BTreeSet<String>,
        command: impl Fn(&str) -> String,
        each: &mut dyn FnMut(&[Value<'_>]),
    ) -> Result<(), ImapError> {
        let commands: Vec<String> = names.iter().filter_map(|name| Some(command(&quoted(name).ok()?))).collect();
        for lot in commands.chunks(MOST_COMMANDS) {
            let tags = lot.iter().map(|text| self.wire.give_aside(text)).collect::<Result<Vec<_>, _>>()?;
            for tag in tags {
                self.wire.result(&tag, NAME_LITERAL, &mut *each)?;
            }
        }
        Ok(())
    }
}

/// The quotas that were told, and which folders have them.
#[derive(Default)]
struct Roots {
    quotas: Vec<Quota>,
    /// The names of quotas by folder, on the wire.
    of: HashMap<String, Vec<String>>,
}

impl Roots {
    /// Takes `QUOTAROOT folder root …` of the folders asked for, and `QUOTA root (resource used most …)`.
    fn take(&mut self, values: &[Value<'_>], asked: &BTreeSet<String>) {
        match values {
            [word, name, roots @ ..] if word.is("QUOTAROOT") && asked.contains(key(&name.text())) => {
                let roots = roots.iter().take(MOST_ROOTS).map(|root| root.text().into_owned()).collect();
                self.of.insert(key(&name.text()).to_owned(), roots);
            }
            [word, root, .., resources] if word.is("QUOTA") => {
                let root = root.text();
                // The same one may be told for each folder.
                self.quotas.retain(|known| known.root != root);
                if self.quotas.len() < MOST_ROOTS {
                    self.quotas.push(quota(&root, resources.list()));
                }
            }
            _ => {}
        }
    }
}

fn quota(root: &str, resources: &[Value<'_>]) -> Quota {
    let left = |name: &str| {
        resources.chunks_exact(3).find_map(|resource| match resource {
            [word, used, most] if word.is(name) => Some(most.number()?.saturating_sub(used.number()?)),
            _ => None,
        })
    };
    let bytes = left("STORAGE").map(|units| units.saturating_mul(1024)); // RFC 9208 section 5.1
    Quota { root: root.to_owned(), bytes, messages: left("MESSAGE"), folders: HashSet::new() }
}

/// The largest message of every folder, in bytes, if the capability tells it.
fn announced(capabilities: &[String]) -> Option<u64> {
    capabilities.iter().find_map(|capability| capability.strip_prefix("APPENDLIMIT=")?.parse().ok())
}

/// What the items of a STATUS say of the largest message.
fn status_limit(items: &[Value<'_>]) -> Option<Told> {
    let at = items.iter().position(|item| item.is("APPENDLIMIT"))?;
    let value = items.get(at + 1)?;
    if value.is("NIL") { Some(Told::Any) } else { value.number().map(Told::Most) }
}

/// A name on the wire as it is compared: INBOX has one spelling.
fn key(name: &str) -> &str {
    if name.eq_ignore_ascii_case(INBOX) { INBOX } else { name }
}

fn inbox() -> FolderPath {
    FolderPath::new([INBOX])
}

/// A folder and those above it, the nearest first.
fn lineage(folder: &FolderPath) -> impl Iterator<Item = FolderPath> + use<> {
    std::iter::successors(Some(folder.clone()), FolderPath::parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::answer::Answer;

    #[test]
    fn servers_are_known_by_what_they_say() {
        let known = |greeting: &str, capabilities: &str| {
            let capabilities: Vec<String> = capabilities.split(' ').map(str::to_owned).collect();
            Kind::of(greeting, &capabilities).map(|kind| (kind.name, kind.largest.unwrap_or_default() >> 20))
        };
        for (greeting, capabilities, expected) in [
            ("The Microsoft Exchange IMAP4 service is ready. [VABZ]", "IMAP4", Some(("Microsoft 365", 35))),
            ("ready", "IMAP4 CLIENTACCESSRULES", Some(("Microsoft 365", 35))),
            ("The Microsoft Exchange IMAP4 service is ready.", "IMAP4", Some(("Exchange", 10))),
            ("Microsoft Exchange Server 2007 IMAP4 service is ready", "IMAP4", Some(("Exchange", 10))),
            ("Microsoft Exchange IMAP4rev1 server version 5.5.2653.23 (a.b) ready", "IMAP4", None),
            ("Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 (a.b) ready.", "IMAP4", None),
            ("Stalwart IMAP4rev2 at your service.", "IMAP4REV2", Some(("Stalwart", 50))),
            ("Gimap ready", "IMAP4REV1 X-GM-EXT-1", Some(("Gmail", 0))),
            ("Dovecot ready.", "IMAP4REV1 X-GM-EXT-10", None),
        ] {
            assert_eq!(known(greeting, capabilities), expected, "{greeting}");
        }
    }

    #[test]
    fn what_is_left_of_quotas_is_read_whatever_else_they_limit() {
        let asked = [INBOX.to_owned(), "A/b c".to_owned()].into();
        let mut roots = Roots::default();
        for line in [
            "* QUOTAROOT inbox \"\" user\r\n",
            "* QUOTAROOT \"A/b c\"\r\n",
            "* QUOTAROOT other user\r\n",
            "* QUOTA \"\" (STORAGE 1 9)\r\n",
            "* QUOTA \"\" (ANNOTATION-STORAGE 1 2 message 7 10 STORAGE 30 20)\r\n",
            "* QUOTA user (STORAGE 10 18446744073709551615)\r\n",
            "* QUOTA odd (STORAGE x 10 MESSAGE 3)\r\n",
            "* QUOTA\r\n",
            "* QUOTA \"\r\n",
        ] {
            roots.take(&Answer::new(line.as_bytes().to_vec()).values(), &asked);
        }
        let quota = |root: &str, bytes, messages| Quota { root: root.into(), bytes, messages, folders: HashSet::new() };
        let expected = [quota("", Some(0), Some(3)), quota("user", Some(u64::MAX), None), quota("odd", None, None)];
        assert_eq!(roots.quotas, expected);
        let of = [(INBOX.to_owned(), vec![String::new(), "user".to_owned()]), ("A/b c".to_owned(), Vec::new())];
        assert_eq!(roots.of, of.into());
    }

    #[test]
    fn the_largest_message_is_a_number_or_any() {
        let read = |line: &str| {
            let answer = Answer::new(format!("* STATUS INBOX ({line})\r\n").into_bytes());
            let values = answer.values();
            status_limit(values.last().unwrap().list())
        };
        assert_eq!(read("MESSAGES 3 APPENDLIMIT 257890"), Some(Told::Most(257_890)));
        assert_eq!(read("appendlimit nil"), Some(Told::Any));
        assert_eq!(["", "APPENDLIMIT", "APPENDLIMIT -1", "MESSAGES 3"].map(read), [None; 4]);
    }
}
