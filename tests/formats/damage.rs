//! Small stores of every format, cut at every length and with flipped bits. What is asked of each:
//!
//! - Opening, counting, listing and reading it ends in messages or errors, in bounded time and memory. What is listed can be
//!   read, and as much is counted as is listed.
//! - Where messages are lost, something is said: damage, a doubt or an error (see [`Loss`]).
//!
//! Not asked is that a changed letter is noticed: only PST and zip archives have checksums.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mailferry::store::FORMATS;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::outcome::{Numbers, Outcome, examine, id};
use super::samples::samples;
use super::{checksums, copy_tree};

/// No process of the tests takes more memory.
const MEMORY: u64 = 1 << 30;
/// How many copies of a format's samples get flipped bits in a long run (`scripts/test --long`); a tenth else.
const FLIPS: usize = 10_000;
/// At how many lengths a sample is cut: all of a small one in a long run.
const CUTS: usize = 400;
const CUTS_LONG: usize = 30_000;
/// Samples that other programs wrote start so. They are larger and lie outside the repository; each gets a tenth of that.
const REAL: &str = "real/";

/// Formats that are unpacked to a disk. Where that can be memory, it takes a tenth of the time.
const UNPACKED: [&str; 2] = ["compressed", "archive"];
const MEMORY_DISK: &str = "/dev/shm";

/// What must be said when messages are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// The store has its messages counted, listed or in files of their own. If nothing is said there are as many as
    /// before, and no more than one differs for each flipped bit, or for the cut.
    Told,
    /// Messages follow each other and nothing counts them: a store that lost its end, or the line before a message, is a
    /// whole one too, and so is one that seems to hold a message more. If nothing is said, each message whose Message-ID
    /// still stands somewhere comes out, be it as the end of another one; of those, some may have been deleted.
    Text,
}

/// A store below tests/data, and the file of it that is damaged; none if the store is that file.
struct Sample {
    format: &'static str,
    loss: Loss,
    store: &'static str,
    file: &'static str,
}

const fn told(format: &'static str, store: &'static str, file: &'static str) -> Sample {
    Sample { format, loss: Loss::Told, store, file }
}

const fn text(format: &'static str, store: &'static str, file: &'static str) -> Sample {
    Sample { format, loss: Loss::Text, store, file }
}

#[rustfmt::skip]
static SAMPLES: &[Sample] = &[
    told("dbx", "small/two.dbx", ""),
    told("dbx", "small/dbx", "Inbox.dbx"),
    told("dbx", "small/dbx", "Folders.dbx"),
    told("oe4", "stores/outlook-express/oe4", "Inbox.mbx"),
    told("oe4", "stores/outlook-express/oe4", "Inbox.idx"),
    told("oe4", "stores/outlook-express/oe4", "folders.nch"),
    told("oe-mac", "stores/outlook-express/mac4/Internet Mail/Inbox", "Mail"),
    told("oe-mac", "stores/outlook-express/mac4/Internet Mail/Inbox", "Index"),
    told("oe-mac5", "stores/outlook-express/mac5-Messages", ""),
    text("thunderbird", "stores/profile", "abcd1234.default/Mail/pop.example.org/Inbox"),
    text("thunderbird", "stores/profile", "abcd1234.default/prefs.js"), // news is mail if its server is called otherwise
    told("maildir", "stores/python/Maildir", "cur/1075802402.M2P1.host,S=174:2,FS"),
    told("maildir", "stores/nested", "dovecot-keywords"),
    told("maildir", "stores/kmail-maildir", ".trash.index"),
    told("emlx", "stores/apple", "V5/1B4E28BA-2FA1-11D2-883F-0016D3CCA427/INBOX.mbox/1B4E28BA-2FA1-11D2-883F-0016D3CCA427/Data/Messages/2.emlx"),
    told("emlx", "stores/apple", "V5/1B4E28BA-2FA1-11D2-883F-0016D3CCA427/Work.mbox/Old.mbox/1B4E28BA-2FA1-11D2-883F-0016D3CCA427/Data/Messages/7.partial.emlx"),
    text("pegasus", "stores/pegasus", "FOL00001.PMM"),
    told("pegasus", "stores/pegasus", "HIERARCH.PM"),
    text("opera", "stores/opera", "store/account1/2004/02/03.mbs"),
    told("opera", "stores/opera", "accounts.ini"),
    text("eudora", "stores/eudora/In.mbx", ""),
    told("eudora", "stores/eudora", "In.mbx"),
    told("eudora", "stores/eudora", "In.toc"),
    told("eudora", "stores/eudora", "descmap.pce"),
    text("eudora", "stores/eudora-mac", "In.toc"), // it does not count what it lists, and what it does not list was deleted
    text("mbox", "stores/dialects/mboxcl2.mbox", ""),
    text("mbox", "stores/dialects/mozilla.mbox", ""),
    text("mbox", "stores/dialects/cr-old-mac.mbox", ""),
    text("mbox", "stores/dialects/crlf.mbox", ""),
    text("mbox", "stores/evolution/local/Inbox/subfolders/Projects/mbox", ""),
    text("mbox", "stores/kmail", "inbox"),
    text("mbox", "stores/kmail", ".inbox.index"), // what it does not list was deleted
    text("babyl", "stores/babyl/rmail", ""),
    text("thebat", "stores/thebat/Anna/Inbox/MESSAGES.TBB", ""),
    text("foxmail", "stores/foxmail/In.BOX", ""),
    text("mmdf", "stores/mmdf/inbox.mmdf", ""),
    text("mmdf", "stores/mmdf-crlf", ""),
    told("mh", "stores/mh", "1"),
    told("mh", "stores/mh", ".mh_sequences"),
    told("mh", "stores/sylpheed", "inbox/.sylpheed_mark"),
    told("cyrus", "stores/cyrus", "2."),
    told("cyrus", "stores/cyrus", "cyrus.header"),
    told("eml", "stores/eml/3-utf16.eml", ""),
    told("eml", "stores/eml", "1.eml"),
    told("msg", "small/html.msg", ""),
    told("msg", "small/nested.msg", ""),
    told("msg", "real/msg/tika-testMSG_att_msg.msg", ""),
    told("msg", "real/msg/tika-testMSG_chinese.msg", ""),
    told("pst", "small/wide.pst", ""),
    told("pst", "small/narrow.pst", ""),
    told("pst", "real/pst/tika-testPST_variousBodyTypes.pst", ""),
    told("olm", "small/archive.olm", ""),
    told("compressed", "small/mail.mbox.gz", ""),
    told("compressed", "small/mail.mbox.bz2", ""),
    told("compressed", "small/mail.mbox.xz", ""),
    told("compressed", "small/mail.mbox.zst", ""),
    told("archive", "small/mail.zip", ""),
    text("archive", "small/mail.tar", ""), // its checksums are of headers alone
    told("archive", "small/mail.tar.gz", ""),
];

/// A test for each format, so that they run side by side.
macro_rules! each_format {
    ($($test:ident $format:literal,)*) => {
        const TESTED: &[&str] = &[$($format),*];

        mod cuts_and_flipped_bits_are_survived_by {
            $(
                #[test]
                fn $test() {
                    super::damage($format);
                }
            )*
        }
    };
}

each_format! {
    dbx "dbx", oe4 "oe4", oe_mac "oe-mac", oe_mac5 "oe-mac5", thunderbird "thunderbird", maildir "maildir", emlx "emlx",
    pegasus "pegasus", opera "opera", eudora "eudora", mbox "mbox", babyl "babyl", thebat "thebat", foxmail "foxmail",
    mmdf "mmdf", mh "mh", cyrus "cyrus", eml "eml", msg "msg", pst "pst", olm "olm", compressed "compressed",
    archive "archive",
}

#[test]
fn every_format_has_a_small_sample_and_a_test() {
    let all: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
    assert_eq!(TESTED, all);
    for format in all {
        assert!(SAMPLES.iter().any(|sample| sample.format == format && !sample.is_real()), "{format}");
    }
}

impl Sample {
    fn is_real(&self) -> bool {
        self.store.starts_with(REAL)
    }

    /// Where it lies; `None` if it is outside of the repository and not there.
    fn path(&self) -> Option<PathBuf> {
        match self.store.strip_prefix(REAL) {
            Some(below) => Some(samples()?.join(below)),
            None => Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(self.store)),
        }
    }
}

/// How a file was damaged.
#[derive(Debug)]
enum Damage {
    /// It ends here.
    Cut(usize),
    /// These bits of these bytes.
    Flips(Vec<(usize, usize)>),
    /// The same, and then the checksums were made to fit. That is another store, so it may well hold other messages.
    Mended(Vec<(usize, usize)>),
}

impl Damage {
    /// Some flips; every other hits something else than a zero, which mostly is room that is not used.
    fn flips(round: usize, numbers: &mut Numbers, bytes: &[u8], used: &[usize]) -> Self {
        let mut flip = |_| {
            let at = if round.is_multiple_of(2) { used[numbers.next(used.len())] } else { numbers.next(bytes.len()) };
            (at, numbers.next(8))
        };
        let places = (0..=round % 3).map(&mut flip).collect();
        let is_mended = checksums::can_mend(bytes) && !round.is_multiple_of(4);
        if is_mended { Self::Mended(places) } else { Self::Flips(places) }
    }

    fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match self {
            Self::Cut(length) => bytes.truncate(*length),
            Self::Flips(places) | Self::Mended(places) => places.iter().for_each(|(at, bit)| bytes[*at] ^= 1 << bit),
        }
        if matches!(self, Self::Mended(_)) {
            checksums::mend(&mut bytes);
        }
        bytes
    }

    /// How many messages it hits at most.
    fn hits(&self) -> usize {
        if let Self::Flips(places) = self { places.len() } else { 1 }
    }
}

/// A copy of a sample, of which one file is damaged again and again.
struct Patient<'a> {
    sample: &'a Sample,
    root: PathBuf,
    path: PathBuf,
    /// What was in the file.
    bytes: Vec<u8>,
    /// What was in the store.
    whole: Outcome,
    _dir: tempfile::TempDir,
}

impl<'a> Patient<'a> {
    fn new(sample: &'a Sample) -> Option<Self> {
        let from = sample.path()?;
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        if from.is_dir() {
            copy_tree(&from, &root);
        } else {
            fs::write(&root, fs::read(from).unwrap()).unwrap(); // a copy may be read-only
        }
        let path = if sample.file.is_empty() { root.clone() } else { root.join(sample.file) };
        let bytes = fs::read(&path).unwrap();
        let whole = examine(&root, sample.format);
        assert!(whole.total() > 0, "{} {}", sample.store, sample.file);
        Some(Self { sample, root, path, bytes, whole, _dir: dir })
    }

    /// Damages the file, and judges what is found then.
    fn suffer(&self, damage: &Damage) {
        let bytes = damage.apply(&self.bytes);
        fs::write(&self.path, &bytes).unwrap();
        let found = examine(&self.root, self.sample.format);
        if found.says_more_than(&self.whole) || matches!(damage, Damage::Mended(_)) {
            return;
        }
        let name = format!("{} {} {damage:?}", self.sample.store, self.sample.file);
        match self.sample.loss {
            Loss::Told => {
                assert_eq!(found.total(), self.whole.total(), "{name}: a wrong count in silence");
                let changed = self.whole.messages.iter().filter(|one| !found.messages.contains(one)).count();
                assert!(changed <= damage.hits(), "{name}: {changed} messages changed in silence");
            }
            Loss::Text => {
                let ids = self.whole.messages.iter().filter_map(|message| id(message));
                let lost: Vec<_> = ids.filter(|id| self.is_there(id, &bytes) && !found.holds(id)).collect();
                // A message whose start was hit is the end of the one before, also if that was deleted.
                assert!(lost.len() <= found.hidden, "{name}: {} is lost in silence", lost[0].escape_ascii());
            }
        }
    }

    /// Whether a message's ID stands in the damaged file, or did not stand in that but in another one.
    fn is_there(&self, id: &[u8], damaged: &[u8]) -> bool {
        let stands = |bytes: &[u8]| memchr::memmem::find(bytes, id).is_some();
        stands(damaged) || !stands(&self.bytes)
    }
}

/// Runs the test of a format that is unpacked again, with its temporary files in memory. Whether it did.
fn ran_in_memory(format: &str) -> bool {
    let is_there = std::env::temp_dir().starts_with(MEMORY_DISK);
    let Some(dir) = (UNPACKED.contains(&format) && !is_there).then(|| tempfile::tempdir_in(MEMORY_DISK).ok()).flatten()
    else {
        return false;
    };
    let test = format!("damage::cuts_and_flipped_bits_are_survived_by::{format}");
    let mut again = Command::new(std::env::current_exe().unwrap());
    assert!(again.args(["--exact", &test]).env("TMPDIR", dir.path()).status().unwrap().success());
    true
}

/// Damages the samples of a format.
fn damage(format: &str) {
    if ran_in_memory(format) {
        return;
    }
    setrlimit(Resource::Data, Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) }).unwrap();
    let is_long = std::env::var_os("MAILFERRY_LONG").is_some();
    let samples: Vec<_> = SAMPLES.iter().filter(|sample| sample.format == format).collect();
    let small = samples.iter().filter(|sample| !sample.is_real()).count();
    let (flips, cuts) = if is_long { (FLIPS, CUTS_LONG) } else { (FLIPS / 10, CUTS) };
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    for sample in samples {
        let Some(patient) = Patient::new(sample) else { continue };
        let (flips, cuts) = if sample.is_real() { (flips / 10, cuts / 10) } else { (flips.div_ceil(small), cuts) };
        let bytes = &patient.bytes;
        for length in (0..bytes.len()).step_by(bytes.len().div_ceil(cuts)) {
            patient.suffer(&Damage::Cut(length));
        }
        let used: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        for round in 0..flips {
            patient.suffer(&Damage::flips(round, &mut numbers, bytes, &used));
        }
    }
}
