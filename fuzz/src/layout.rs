//! How the one input of a target becomes the files of a store.
//!
//! An input holds files one after the other, [`NEXT`] between them; an empty one is not written. Names are fixed by the
//! target's [`Layout`]; a name that ends in `*` is the file's first line. An input without [`NEXT`] is a single file, for
//! formats that have such. Runs of zeros are written short, as [`ZEROS`], so that changes hit something that matters.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::packing;

/// Stands between files. No text in UTF-8 holds these bytes.
const NEXT: &[u8] = b"\xf5\xf5|";
/// Stands for as many zeros as the two bytes behind it say, the lower one first.
const ZEROS: &[u8] = b"\xf5\xf5z";
/// Shorter runs of zeros stand for themselves.
const SHORTEST_RUN: usize = 8;
/// No store gets larger than this by runs of zeros.
const MAX_SIZE: usize = 256 * 1024;

/// The files of a format.
pub struct Layout {
    /// The name in `FORMATS`.
    pub format: &'static str,
    /// How a file is called that is a store by itself; empty if there is no such.
    pub alone: &'static str,
    /// How the files of a directory are called.
    pub tree: &'static [&'static str],
}

const fn alone(format: &'static str, alone: &'static str) -> Layout {
    Layout { format, alone, tree: &[] }
}

const fn tree(format: &'static str, tree: &'static [&'static str]) -> Layout {
    Layout { format, alone: "", tree }
}

/// One row per row of `FORMATS`.
pub static LAYOUTS: [Layout; 23] = [
    Layout { format: "dbx", alone: "Inbox.dbx", tree: &["Folders.dbx", "Inbox.dbx"] },
    Layout { format: "oe4", alone: "Inbox.mbx", tree: &["Inbox.mbx", "Inbox.idx", "folders.nch", "Outbox.mbx"] },
    tree("oe-mac", &["Index", "Mail"]),
    alone("oe-mac5", "Messages"),
    tree(
        "thunderbird",
        &[
            "prefs.js",
            "Mail/Local Folders/Inbox",
            "Mail/Local Folders/Inbox.sbd/*",
            "Mail/pop.example.org/*",
            "ImapMail/imap.example.org/INBOX/cur/1.eml",
            "ImapMail/imap.example.org/INBOX.sbd/Old/cur/*",
        ],
    ),
    tree(
        "maildir",
        &[
            "cur/*",
            "cur/*",
            "new/*",
            ".Sub/cur/*",
            ".Sub.Deep/new/*",
            "dovecot-keywords",
            "..Sub.index", // of KMail
            "..maildir++", // of Evolution
            "..Sub_2E_5F/cur/*",
            "folders.db",
        ],
    ),
    Layout {
        format: "emlx",
        alone: "1.emlx",
        tree: &[
            "INBOX.mbox/Messages/1.emlx",
            "INBOX.mbox/Messages/2.partial.emlx",
            "INBOX.mbox/Attachments/2/2/a.bin",
            "INBOX.mbox/Attachments/2/1.2/b.txt",
            "Drafts.mbox/Messages/*",
            "mbox",
        ],
    },
    Layout {
        format: "pegasus",
        alone: "FOL00001.PMM",
        tree: &["HIERARCH.PM", "MAIN.PMM", "FOL00001.PMM", "UNX00001.PMG", "UNX00001.MBX", "A0000001.CNM"],
    },
    tree("opera", &["accounts.ini", "account1/2004/02/03.mbs", "account1/2004/02/12.mbs", "account2/2005/01/01.mbs"]),
    Layout {
        format: "eudora",
        alone: "In.mbx",
        tree: &[
            "In.mbx",
            "In.toc",
            "descmap.pce",
            "Work.fol/Plans.mbx",
            "Work.fol/Plans.toc",
            "Attach/plan.doc",
            "Out", // as on a Mac
            "Out.toc",
        ],
    },
    Layout { format: "mbox", alone: "box", tree: &["box", ".box.index", ".box.directory/*"] }, // as of KMail
    alone("babyl", "rmail"),
    alone("thebat", "MESSAGES.TBB"),
    alone("foxmail", "In.BOX"),
    alone("mmdf", "inbox.mmdf"),
    tree("mh", &[".mh_sequences", ".sylpheed_mark", "1", "2", "*", "Archive/1", "Archive/.claws_mark"]),
    tree("cyrus", &["cyrus.header", "1.", "2.", "*", "Sent/cyrus.header", "Sent/*"]),
    Layout { format: "eml", alone: "1.eml", tree: &["1.eml", "*", "Sub/*", "Sub/account{0}.oeaccount", "2.msg"] },
    alone("msg", "1.msg"),
    alone("pst", "mail.pst"),
    // The tree is packed, so that what is changed in it is not just a wrong checksum.
    Layout {
        format: "olm",
        alone: "mail.olm",
        tree: &[
            "Local/com.microsoft.__Messages/Inbox/1.xml",
            "Local/com.microsoft.__Messages/Inbox/2.xml",
            "Local/com.microsoft.__Messages/Sent/*",
            "Local/com.microsoft.__Messages/Inbox/com.microsoft.__Attachments/a.txt",
        ],
    },
    // The first file of the tree is packed, and for an archive all of it is.
    Layout { format: "compressed", alone: "box.mbox.gz", tree: &["box.gz", "box.bz2", "box.xz", "box.zst"] },
    Layout {
        format: "archive",
        alone: "mail.zip",
        tree: &["Inbox", "Inbox.sbd/*", "Maildir/cur/*", "Maildir/new/*", "1.eml", "*", "old.mbox.gz"],
    },
];

/// What an input describes.
pub struct Store {
    /// Whether it is a directory, or a single file.
    pub is_tree: bool,
    /// The files.
    pub files: Vec<File>,
}

/// One file of a store.
pub struct File {
    /// Its path from the store's directory.
    pub name: Vec<u8>,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Layout {
    /// The layout of a format.
    pub fn of(format: &str) -> &'static Self {
        LAYOUTS.iter().find(|layout| layout.format == format).expect("each target has its layout")
    }

    /// The files that an input describes.
    pub fn unpack(&self, input: &[u8]) -> Store {
        let parts = split(input);
        let is_tree = self.alone.is_empty() || (parts.len() > 1 && !self.tree.is_empty());
        let mut left = MAX_SIZE;
        if !is_tree {
            let file = File { name: self.alone.into(), bytes: with_zeros(input, &mut left) };
            return Store { is_tree, files: vec![file] };
        }
        let named = self.tree.iter().zip(parts).filter(|(_, part)| !part.is_empty());
        let files = named.filter_map(|(name, part)| file(name, with_zeros(part, &mut left))).collect();
        Store { is_tree, files }
    }

    /// The input for these files; `None` for one that is not there. A name that ends in `*` takes the given one.
    pub fn pack(&self, files: &[Option<(&str, &[u8])>]) -> Vec<u8> {
        let names = if files.len() == 1 && !self.alone.is_empty() { &[self.alone][..] } else { self.tree };
        let packed = names.iter().zip(files).map(|(name, file)| {
            let Some((own, bytes)) = file else { return Vec::new() };
            assert!(!bytes.windows(2).any(|two| two == &NEXT[..2]), "{own} holds the mark");
            let line = if name.ends_with('*') { format!("{own}\n") } else { String::new() };
            [line.as_bytes(), &without_zeros(bytes)].concat()
        });
        packed.collect::<Vec<_>>().join(NEXT)
    }

    /// The first of these files, packed as its name says.
    pub fn packed(&self, store: &Store) -> Store {
        let pack = |file: &File| {
            let name = String::from_utf8_lossy(&file.name);
            packing::pack(name.rsplit('.').next().unwrap_or_default(), &file.bytes)
        };
        let bytes = store.files.first().map(pack).unwrap_or_default();
        Store { is_tree: false, files: vec![File { name: self.alone.into(), bytes }] }
    }

    /// A zip archive of these files, as one file.
    pub fn zipped(&self, store: &Store) -> Store {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for file in &store.files {
            // A name that is there already is refused.
            if zip.start_file(String::from_utf8_lossy(&file.name), options).is_ok() {
                zip.write_all(&file.bytes).expect("memory takes all");
            }
        }
        let bytes = zip.finish().expect("memory takes all").into_inner();
        Store { is_tree: false, files: vec![File { name: self.alone.into(), bytes }] }
    }
}

/// A file of a tree. One whose own name could lead elsewhere is left out.
fn file(name: &str, part: Vec<u8>) -> Option<File> {
    let Some(above) = name.strip_suffix('*') else { return Some(File { name: name.into(), bytes: part }) };
    let end = part.iter().position(|byte| *byte == b'\n').unwrap_or(part.len());
    let own = &part[..end];
    let is_safe = !own.is_empty() && own != b"." && own != b".." && !own.contains(&b'/') && !own.contains(&0);
    let bytes = part.get(end + 1..).unwrap_or_default().to_vec();
    is_safe.then(|| File { name: [above.as_bytes(), own].concat(), bytes })
}

fn split(input: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut rest) = (Vec::new(), input);
    while let Some(at) = rest.windows(NEXT.len()).position(|window| window == NEXT) {
        parts.push(&rest[..at]);
        rest = &rest[at + NEXT.len()..];
    }
    parts.push(rest);
    parts
}

fn with_zeros(part: &[u8], left: &mut usize) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), part);
    while let Some(byte) = rest.first() {
        if let Some([low, high, after @ ..]) = rest.strip_prefix(ZEROS) {
            let zeros = usize::from(u16::from_le_bytes([*low, *high])).min(*left);
            *left -= zeros;
            out.resize(out.len() + zeros, 0);
            rest = after;
        } else {
            out.push(*byte);
            rest = &rest[1..];
        }
    }
    out
}

fn without_zeros(bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let zeros = rest.iter().take(usize::from(u16::MAX)).take_while(|byte| **byte == 0).count();
        if zeros >= SHORTEST_RUN {
            out.extend_from_slice(ZEROS);
            out.extend_from_slice(&u16::try_from(zeros).unwrap_or(u16::MAX).to_le_bytes());
            rest = &rest[zeros..];
        } else {
            let plain = zeros.max(1);
            out.extend_from_slice(&rest[..plain]);
            rest = &rest[plain..];
        }
    }
    out
}
