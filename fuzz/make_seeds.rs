//! Writes the seeds of the fuzz targets, `seeds/TARGET/NAME`: small stores in the form that `layout` describes.
//!
//! What tests/data holds is taken from there; Outlook's and Outlook Express' files are made here, and some of them are
//! put into tests/data/small, where tests/formats/damage.rs takes them from. All mail is invented.
//! Needs python3. Run it in this directory: `cargo run --example make-seeds`.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use cfb::{CompoundFile, Version};
use mailferry_fuzz::{Layout, checksums, packing, run};

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = here.join("../tests/data");
    let seeds = Seeds { data: data.join("stores"), small: data.join("small"), out: here.join("seeds") };
    for made in [&seeds.out, &seeds.small] {
        let _ = fs::remove_dir_all(made);
    }
    for (format, name, store, files) in STORES {
        seeds.from_data(format, name, store, files);
    }
    for dialect in fs::read_dir(seeds.data.join("dialects")).unwrap().map(Result::unwrap) {
        if dialect.metadata().unwrap().len() > 0 {
            let name = dialect.file_name().into_string().unwrap();
            seeds.put_one("mbox", &name, &fs::read(dialect.path()).unwrap());
        }
    }
    outlook_express(&seeds, here);
    message_files(&seeds);
    data_files(&seeds);
    exports(&seeds);
    packed_files(&seeds, here);
}

/// Where seeds come from and go to.
struct Seeds {
    data: PathBuf,
    small: PathBuf,
    out: PathBuf,
}

/// Seeds from tests/data: format, name, store, and its files in the order of the layout; empty for one that is not there.
const STORES: &[(&str, &str, &str, &[&str])] = &[
    ("oe4", "folders", "outlook-express/oe4", &["NoIndex.mbx", "Outbox.idx", "folders.nch", "Outbox.mbx"]),
    ("oe4", "lengths", "outlook-express/oe4", &["BadLengths.mbx"]),
    ("oe4", "index", "outlook-express/oe4", &["Inbox.mbx", "Inbox.idx"]),
    ("oe-mac", "inbox", "outlook-express/mac4/Internet Mail/Inbox", &["Index", "Mail"]),
    ("oe-mac", "no-index", "outlook-express/mac4/Internet Mail/Inbox", &["", "Mail"]),
    ("oe-mac5", "messages", "outlook-express", &["mac5-Messages"]),
    (
        "thunderbird",
        "profile",
        "profile/abcd1234.default",
        &[
            "prefs.js",
            "Mail/Local Folders/Unsent Messages",
            "",
            "Mail/pop.example.org/Inbox",
            "ImapMail/imap.example.org/INBOX/cur/1075802400.eml",
            "ImapMail/imap.example.org/INBOX.sbd/Entw&APw-rfe/cur/1",
        ],
    ),
    (
        "maildir",
        "python",
        "python/Maildir",
        &[
            "cur/1075802402.M2P1.host,S=174:2,FS",
            "cur/1075802403.M3P1.host,S=174:2,DPRST",
            "new/1075802401.M1P1.host,S=174",
            ".Archive.2004/cur/1075802405.M5P1.host,S=174:2,FS",
            ".Archive.2004/new/1075802404.M4P1.host,S=174",
        ],
    ),
    (
        "maildir",
        "nested",
        "nested",
        &["cur/1075802400.a;2,Sb", "Sub/Größe/cur/1075802400.a", "", "", "", "dovecot-keywords"],
    ),
    ("maildir", "kmail", "kmail-maildir", &["", "", "", "trash/cur/1075802407.1.a:2,S", "", "", ".trash.index"]),
    (
        "maildir",
        "evolution",
        "evolution3",
        &[
            "cur/1075802400.1_0.host:2,RS",
            "",
            "",
            ".my_5Fbox/cur/1075802400.4_0.host:2,RS",
            "",
            "",
            "",
            "..maildir++",
            "..Family/cur/1075802400.2_0.host:2,RS",
        ],
    ),
    (
        "maildir",
        "labels",
        "evolution3-labels",
        &[
            "cur/1075802400.1_0.host:2,RS",
            "",
            "",
            "",
            "",
            "",
            "",
            "..maildir++",
            "..Family/cur/1075802400.2_0.host:2,RS",
            "folders.db",
        ],
    ),
    ("mbox", "kmail", "kmail", &["inbox", ".inbox.index", ".inbox.directory/plain"]),
    ("mbox", "evolution", "evolution/local/Inbox", &["mbox"]),
    (
        "emlx",
        "partial",
        "apple/V5/1B4E28BA-2FA1-11D2-883F-0016D3CCA427",
        &[
            "INBOX.mbox/1B4E28BA-2FA1-11D2-883F-0016D3CCA427/Data/Messages/2.emlx",
            "Work.mbox/Old.mbox/1B4E28BA-2FA1-11D2-883F-0016D3CCA427/Data/Messages/7.partial.emlx",
            "Work.mbox/Old.mbox/1B4E28BA-2FA1-11D2-883F-0016D3CCA427/Data/Attachments/7/2/three.bin",
            "",
            "INBOX.mbox/1B4E28BA-2FA1-11D2-883F-0016D3CCA427/Data/Messages/5.emlx",
        ],
    ),
    (
        "emlx",
        "alone",
        "apple/V5/1B4E28BA-2FA1-11D2-883F-0016D3CCA427",
        &["INBOX.mbox/1B4E28BA-2FA1-11D2-883F-0016D3CCA427/Data/3/1/Messages/13042.emlx"],
    ),
    (
        "pegasus",
        "mailbox",
        "pegasus",
        &["HIERARCH.PM", "MAIN.PMM", "FOL00001.PMM", "UNX00001.PMG", "UNX00001.MBX", "A0000001.CNM"],
    ),
    ("pegasus", "alone", "pegasus", &["FOL00001.PMM"]),
    (
        "opera",
        "days",
        "opera",
        &[
            "accounts.ini",
            "store/account1/2004/02/03.mbs",
            "store/account1/2004/02/12.mbs",
            "store/account2/2005/01/01.mbs",
        ],
    ),
    (
        "eudora",
        "windows",
        "eudora",
        &["In.mbx", "In.toc", "descmap.pce", "Work.fol/PROJECT1.mbx", "Work.fol/PROJECT1.toc", "Attach/plan V3.doc"],
    ),
    ("eudora", "mac", "eudora-mac", &["", "", "", "", "", "", "In", "In.toc"]),
    ("eudora", "alone", "eudora", &["Out.mbx"]),
    ("babyl", "rmail", "babyl", &["rmail"]),
    ("thebat", "inbox", "thebat/Anna", &["Inbox/MESSAGES.TBB"]),
    ("thebat", "bridge", "thebat/Anna", &["Projects/Bridge/MESSAGES.TBB"]),
    ("foxmail", "in", "foxmail", &["In.BOX"]),
    ("foxmail", "sent", "foxmail", &["Sent.BOX"]),
    ("mmdf", "lf", "mmdf", &["inbox.mmdf"]),
    ("mmdf", "crlf", "", &["mmdf-crlf"]),
    ("mh", "mh", "mh", &[".mh_sequences", "", "1", "2", ",6", "Archive/1"]),
    ("mh", "sylpheed", "sylpheed/inbox", &["", ".sylpheed_mark", "1", "2", "5", "3", ".sylpheed_mark"]),
    ("cyrus", "spool", "cyrus", &["cyrus.header", "10.", "2.", "", "Sent/cyrus.header", "Sent/1."]),
    ("eml", "utf16", "eml", &["3-utf16.eml"]),
    (
        "eml",
        "windows-mail",
        "livemail",
        &[
            "Anna 3c1/Drafts/0FDD08FE-00000002.eml",
            "Storage Folders/Old/0FDD08FE-00000003.eml",
            "Anna 3c1/Inbox/0FDD08FE-00000001.eml",
            "Anna 3c1/account{0FDD08FE-0000-0000-0000-000000000001}.oeaccount",
        ],
    ),
];

impl Seeds {
    fn from_data(&self, format: &str, name: &str, store: &str, files: &[&str]) {
        let read = |file: &&str| (!file.is_empty()).then(|| fs::read(self.data.join(store).join(file)).unwrap());
        let bytes: Vec<_> = files.iter().map(read).collect();
        let files: Vec<_> =
            files.iter().zip(&bytes).map(|(file, bytes)| Some((file.rsplit('/').next()?, bytes.as_deref()?))).collect();
        self.put(format, name, &files);
    }

    /// Writes one seed, from which at least one message can be read.
    fn put(&self, format: &str, name: &str, files: &[Option<(&str, &[u8])>]) {
        let packed = Layout::of(format).pack(files);
        assert!(run(format, &packed) > 0, "{format} {name} is not read");
        let dir = self.out.join(format.replace('-', "_"));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(name), packed).unwrap();
    }

    /// Writes a file into tests/data/small.
    fn keep(&self, name: &str, bytes: &[u8]) {
        let path = self.small.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn put_one(&self, format: &str, name: &str, bytes: &[u8]) {
        self.put(format, name, &[Some((name, bytes))]);
    }
}

fn outlook_express(seeds: &Seeds, here: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let status = Command::new("python3").arg(here.join("make_dbx.py")).arg(dir.path()).status().unwrap();
    assert!(status.success());
    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    seeds.put_one("dbx", "two", &read("two.dbx"));
    seeds.put_one("dbx", "deep", &read("deep.dbx"));
    seeds.keep("two.dbx", &read("two.dbx"));
    seeds.keep("dbx/Folders.dbx", &read("Folders.dbx"));
    seeds.keep("dbx/Inbox.dbx", &read("deep.dbx"));
    seeds.put("dbx", "folders", &[Some(("Folders.dbx", &read("Folders.dbx"))), Some(("Inbox.dbx", &read("two.dbx")))]);
}

/// Properties of a message: tag with type, value.
type Values<'a> = &'a [(u32, Vec<u8>)];

const CLASS: u32 = 0x001A_001F;
const SUBJECT: u32 = 0x0037_001F;
const HEADERS: u32 = 0x007D_001F;
const BODY: u32 = 0x1000_001F;
const HTML: u32 = 0x1013_0102;
const RTF: u32 = 0x1009_0102;
const SENDER: u32 = 0x0C1A_001F;
const SENDER_ADDRESS: u32 = 0x0C1F_001F;
const RECIPIENT_TYPE: u32 = 0x0C15_0003;
const NAME: u32 = 0x3001_001F;
const ADDRESS: u32 = 0x3003_001F;
const FLAGS: u32 = 0x0E07_0003;
const DELIVERY: u32 = 0x0E06_0040;
const ATTACH_METHOD: u32 = 0x3705_0003;
const ATTACH_DATA: u32 = 0x3701_0102;
const ATTACH_OBJECT: u32 = 0x3701_000D;
const ATTACH_NAME: u32 = 0x3707_001F;
const ATTACH_TYPE: u32 = 0x370E_001F;
const ATTACH_ID: u32 = 0x3712_001F;

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn long(number: u32) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn time() -> Vec<u8> {
    127_000_000_000_000_000_u64.to_le_bytes().to_vec()
}

fn message(subject: &str, more: Values<'_>) -> Vec<(u32, Vec<u8>)> {
    let mut all = vec![
        (CLASS, utf16("IPM.Note")),
        (SUBJECT, utf16(subject)),
        (SENDER, utf16("Ann Example")),
        (SENDER_ADDRESS, utf16("ann@example.org")),
        (FLAGS, long(1)),
        (DELIVERY, time()),
    ];
    for (tag, value) in more {
        all.retain(|(known, _)| known != tag);
        all.push((*tag, value.clone()));
    }
    all
}

fn recipient(kind: u32, name: &str) -> Vec<(u32, Vec<u8>)> {
    vec![(RECIPIENT_TYPE, long(kind)), (NAME, utf16(name)), (ADDRESS, utf16(&format!("{name}@example.net")))]
}

fn attachment(name: &str, content: &[u8]) -> Vec<(u32, Vec<u8>)> {
    vec![
        (ATTACH_METHOD, long(1)),
        (ATTACH_NAME, utf16(name)),
        (ATTACH_TYPE, utf16("image/png")),
        (ATTACH_ID, utf16("pic@example.org")),
        (ATTACH_DATA, content.to_vec()),
    ]
}

/// Rich text that is not packed ([MS-OXRTFCP] 2.1.3.1).
fn plain_rtf(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap();
    [&[length + 12, length, 0x414C_454D, 0].map(u32::to_le_bytes).concat(), text.as_bytes()].concat()
}

/// The first example of [MS-OXRTFCP] 4.1.
const PACKED_RTF: &[u8] =
    b"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg125B2\x0a\xf3 hel\x09\0 bw\x05\xb0ld}\x0a\x80\x0f\xa0";
const HTML_IN_RTF: &str = "{\\rtf1\\ansi\\ansicpg1252\\fromhtml1{\\fonttbl{\\f0\\fcharset204 A;}}{\\*\\htmltag64 <p>}\\f0 \\'e4\\u252?\\par{\\*\\htmltag72 </p>}\\htmlrtf x\\htmlrtf0 }";

// --- .msg

type Target = CompoundFile<Cursor<Vec<u8>>>;

fn stream(target: &mut Target, path: &str, bytes: &[u8]) {
    target.create_stream(path).unwrap().write_all(bytes).unwrap();
}

/// Writes an object below `at`, which ends in `/`.
fn object(target: &mut Target, at: &str, head: usize, values: Values<'_>) {
    let mut fixed = vec![0; head];
    for (tag, value) in values {
        let is_fixed = matches!(tag & 0xFFFF, 0x0003 | 0x0040);
        fixed.extend(tag.to_le_bytes());
        fixed.extend([6, 0, 0, 0]);
        let mut cell = if is_fixed { value.clone() } else { long(u32::try_from(value.len()).unwrap()) };
        cell.resize(8, 0);
        fixed.extend(cell);
        if !is_fixed {
            stream(target, &format!("{at}__substg1.0_{tag:08X}"), value);
        }
    }
    stream(target, &format!("{at}__properties_version1.0"), &fixed);
}

fn compound(fill: impl FnOnce(&mut Target)) -> Vec<u8> {
    let mut target = CompoundFile::create_with_version(Version::V3, Cursor::new(Vec::new())).unwrap();
    fill(&mut target);
    target.flush().unwrap();
    target.into_inner().into_inner()
}

fn message_files(seeds: &Seeds) {
    const ATTACHED: &str = "/__attach_version1.0_#00000000/";
    let put = |name: &str, fill: &dyn Fn(&mut Target)| {
        let bytes = compound(fill);
        seeds.put_one("msg", name, &bytes);
        if ["html", "nested"].contains(&name) {
            seeds.keep(&format!("{name}.msg"), &bytes);
        }
    };
    put("plain", &|target| {
        object(
            target,
            "/",
            32,
            &message("plain", &[(BODY, utf16("body")), (HEADERS, utf16("Subject: plain\r\nX: y\r\n"))]),
        );
        target.create_storage("/__recip_version1.0_#00000000").unwrap();
        object(target, "/__recip_version1.0_#00000000/", 8, &recipient(1, "bob"));
    });
    put("html", &|target| {
        let html = b"<meta charset=\"utf-8\"><img src=\"cid:pic@example.org\">".to_vec();
        object(target, "/", 32, &message("html", &[(HTML, html)]));
        target.create_storage(ATTACHED).unwrap();
        object(target, ATTACHED, 8, &attachment("a.png", b"pixels"));
    });
    put("rtf", &|target| object(target, "/", 32, &message("rtf", &[(RTF, plain_rtf(HTML_IN_RTF))])));
    put("packed-rtf", &|target| object(target, "/", 32, &message("rtf", &[(RTF, PACKED_RTF.to_vec())])));
    put("signed", &|target| {
        object(target, "/", 32, &message("s", &[(CLASS, utf16("IPM.Note.SMIME.MultipartSigned"))]));
        target.create_storage(ATTACHED).unwrap();
        let content = b"Content-Type: multipart/signed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n";
        object(target, ATTACHED, 8, &attachment("smime.p7m", content));
    });
    put("nested", &|target| {
        object(target, "/", 32, &message("outer", &[(BODY, utf16("body"))]));
        target.create_storage(ATTACHED).unwrap();
        object(target, ATTACHED, 8, &[(ATTACH_METHOD, long(5))]);
        let inner = format!("{ATTACHED}__substg1.0_{ATTACH_OBJECT:08X}/");
        target.create_storage(&inner).unwrap();
        object(target, &inner, 24, &message("inner", &[(BODY, utf16("inner"))]));
    });
    put("categories", &|target| {
        object(target, "/", 32, &message("categories", &[]));
        target.create_storage("/__nameid_version1.0").unwrap();
        stream(target, "/__nameid_version1.0/__substg1.0_00030102", &[0, 0, 0, 0, 5, 0, 3, 0]);
        stream(target, "/__nameid_version1.0/__substg1.0_00040102", &[long(16), utf16("Keywords")].concat());
        stream(target, "/__substg1.0_8003101F", &[0; 8]);
        stream(target, "/__substg1.0_8003101F-00000000", &utf16("Work"));
    });
}

// --- .pst ([MS-PST])

/// A data file in the making; checksums are left to the target, which mends them.
struct DataFile {
    is_wide: bool,
    /// Nodes: number, the one above, blocks of data and of sub-nodes.
    nodes: Vec<(u32, u32, u64, u64)>,
    /// Blocks: number, content.
    blocks: Vec<(u64, Vec<u8>)>,
}

impl DataFile {
    fn number(&self, number: u64) -> Vec<u8> {
        let width = if self.is_wide { 8 } else { 4 };
        number.to_le_bytes()[..width].to_vec()
    }

    fn block(&mut self, content: Vec<u8>, is_list: bool) -> u64 {
        let id = (self.blocks.len() as u64 + 1) * 4 + if is_list { 2 } else { 0 };
        self.blocks.push((id, content));
        id
    }

    fn node(&mut self, id: u32, above: u32, data: Vec<u8>, sub: u64) {
        let data = self.block(data, false);
        self.nodes.push((id, above, data, sub));
    }

    /// A block of sub-nodes: number, content, sub-nodes.
    fn sub_nodes(&mut self, all: &[(u32, Vec<u8>, u64)]) -> u64 {
        let mut list = vec![2, 0];
        list.extend(u16::try_from(all.len()).unwrap().to_le_bytes());
        list.resize(if self.is_wide { 8 } else { 4 }, 0);
        for (id, content, sub) in all {
            let data = self.block(content.clone(), false);
            list.extend([self.number(u64::from(*id)), self.number(data), self.number(*sub)].concat());
        }
        self.block(list, true)
    }

    fn write(&self) -> Vec<u8> {
        const NODES: usize = 0x400;
        const BLOCKS: usize = 0x600;
        let mut bytes = vec![0; 0x800];
        bytes[..4].copy_from_slice(b"!BDN");
        bytes[8..12].copy_from_slice(if self.is_wide { b"SM\x17\0" } else { b"SM\x0e\0" });
        let (nodes, blocks) = if self.is_wide { (0xE0, 0xF0) } else { (0xBC, 0xC4) };
        bytes[nodes..nodes + 4].copy_from_slice(&long(0x400));
        bytes[blocks..blocks + 4].copy_from_slice(&long(0x600));
        let trailer = if self.is_wide { 16 } else { 12 };
        let mut rows = Vec::new();
        for (id, content) in &self.blocks {
            let start = bytes.len() as u64;
            bytes.extend(content);
            bytes.resize(bytes.len() + (content.len() + trailer).next_multiple_of(64) - content.len(), 0);
            let size = u16::try_from(content.len()).unwrap().to_le_bytes();
            let mut row = [self.number(*id), self.number(start), size.to_vec(), vec![2, 0]].concat();
            row.resize(if self.is_wide { 24 } else { 12 }, 0);
            rows.push(row);
        }
        let page = self.page(0x80, &rows);
        bytes[BLOCKS..BLOCKS + 512].copy_from_slice(&page);
        let row = |(id, above, data, sub): &(u32, u32, u64, u64)| {
            let numbers = [self.number(u64::from(*id)), self.number(*data), self.number(*sub)].concat();
            let mut row = [numbers, long(*above)].concat();
            row.resize(if self.is_wide { 32 } else { 16 }, 0);
            row
        };
        let page = self.page(0x81, &self.nodes.iter().map(row).collect::<Vec<_>>());
        bytes[NODES..NODES + 512].copy_from_slice(&page);
        bytes
    }

    fn page(&self, kind: u8, rows: &[Vec<u8>]) -> Vec<u8> {
        let (count, trailer) = if self.is_wide { (488, 496) } else { (496, 500) };
        let mut page = rows.concat();
        assert!(page.len() <= count, "one page holds all");
        page.resize(count, 0);
        page.extend([rows.len(), 20, rows[0].len(), 0].map(|number| u8::try_from(number).unwrap()));
        page.resize(trailer, 0);
        page.extend([kind, kind]);
        page.resize(512, 0);
        page
    }
}

/// A heap: its items are numbered from 1, and the first is its root.
fn heap(holds: u8, items: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0xEC, holds, 0x20, 0, 0, 0, 0, 0, 0, 0];
    let mut edges = vec![bytes.len()];
    for item in items {
        bytes.extend(item);
        edges.push(bytes.len());
    }
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    let map = u16::try_from(bytes.len()).unwrap().to_le_bytes();
    bytes[..2].copy_from_slice(&map);
    bytes.extend(u16::try_from(items.len()).unwrap().to_le_bytes());
    bytes.extend([0; 2]);
    bytes.extend(edges.into_iter().flat_map(|edge| u16::try_from(edge).unwrap().to_le_bytes()));
    bytes
}

/// The number by which an item of a heap is named.
fn item(number: usize) -> Vec<u8> {
    long(u32::try_from(number << 5).unwrap())
}

/// The item that starts a tree of records in a heap, whose records are the item of that number.
fn tree(key: u8, value: u8, records: usize) -> Vec<u8> {
    [vec![0xB5, key, value, 0], item(records)].concat()
}

fn property_list(values: Values<'_>) -> Vec<u8> {
    let (mut records, mut rest) = (Vec::new(), Vec::new());
    for (tag, value) in values {
        records.extend(u16::try_from(tag >> 16).unwrap().to_le_bytes());
        records.extend(u16::try_from(tag & 0xFFFF).unwrap().to_le_bytes());
        if tag & 0xFFFF == 0x0003 {
            records.extend(value);
        } else {
            rest.push(value.clone());
            records.extend(item(2 + rest.len()));
        }
    }
    let mut items = vec![tree(2, 6, 2), records];
    items.extend(rest);
    heap(0xBC, &items)
}

/// A table of recipients: kind, name and address of each.
fn recipients(is_wide: bool, all: &[&str]) -> Vec<u8> {
    const ROW: u16 = 13;
    let columns = [(RECIPIENT_TYPE, 0_u16, 4, 0), (NAME, 4, 4, 1), (ADDRESS, 8, 4, 2)];
    let mut root = vec![0x7C, 3];
    root.extend([12_u16, 12, 12, ROW].into_iter().flat_map(u16::to_le_bytes));
    root.extend([item(2), item(4), long(0)].concat());
    for (tag, start, width, bit) in columns {
        root.extend(
            [u16::try_from(tag & 0xFFFF).unwrap(), u16::try_from(tag >> 16).unwrap(), start]
                .map(u16::to_le_bytes)
                .concat(),
        );
        root.extend([width, bit]);
    }
    let (mut index, mut rows, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (number, name) in (0_u32..).zip(all) {
        index.extend(long(number));
        index.extend(if is_wide { long(number) } else { number.to_le_bytes()[..2].to_vec() });
        texts.extend([utf16(name), utf16(&format!("{name}@example.net"))]);
        rows.extend([long(1 + number), item(4 + texts.len() - 1), item(4 + texts.len()), vec![0xE0]].concat());
    }
    let items = [vec![root, tree(4, if is_wide { 4 } else { 2 }, 3), index, rows], texts].concat();
    heap(0x7C, &items)
}

fn data_file(is_wide: bool) -> Vec<u8> {
    const TOP: u32 = 0x8022;
    const INBOX: u32 = 0x8042;
    let mut file = DataFile { is_wide, nodes: Vec::new(), blocks: Vec::new() };
    let entry = [vec![0; 20], long(TOP)].concat();
    file.node(0x21, 0, property_list(&[(0x35E0_0102, entry)]), 0);
    let names = [(0x0003_0102, vec![0, 0, 0, 0, 5, 0, 3, 0]), (0x0004_0102, [long(16), utf16("Keywords")].concat())];
    file.node(0x61, 0, property_list(&names), 0);
    file.node(0x122, 0x122, property_list(&[(NAME, utf16("root"))]), 0);
    file.node(TOP, 0x122, property_list(&[(NAME, utf16("Top"))]), 0);
    file.node(INBOX, TOP, property_list(&[(NAME, utf16("Inbox"))]), 0);
    let inner = property_list(&message("inner", &[(BODY, utf16("inner"))]));
    let inside = file.sub_nodes(&[(0x24, inner, 0)]);
    let reference = [long(0x24), long(0)].concat();
    let nested = property_list(&[(ATTACH_METHOD, long(5)), (ATTACH_OBJECT, reference), (ATTACH_NAME, utf16("m"))]);
    let table = recipients(is_wide, &["bob", "cleo"]);
    let with_file = property_list(&attachment("a.png", b"pixels"));
    let sub = file.sub_nodes(&[(0x692, table, 0), (0x8025, with_file, 0), (0x8045, nested, inside)]);
    let categories = [long(1), long(8), utf16("Work")].concat();
    let whole = message("whole", &[(BODY, utf16("body")), (HTML, b"<p>html".to_vec()), (0x8003_101F, categories)]);
    file.node(0x20_0004, INBOX, property_list(&whole), sub);
    file.node(0x20_0024, INBOX, property_list(&message("rtf", &[(RTF, PACKED_RTF.to_vec())])), 0);
    file.write()
}

fn data_files(seeds: &Seeds) {
    for (name, is_wide) in [("wide", true), ("narrow", false)] {
        let file = data_file(is_wide);
        seeds.put_one("pst", name, &file);
        assert_eq!(run("pst", &file), 2, "both messages are read");
        let mut mended = file;
        checksums::mend(&mut mended);
        seeds.keep(&format!("{name}.pst"), &mended);
    }
}

// --- .olm

const EXPORTED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<emails><email>
<OPFMessageCopySubject>Gr&#252;&amp;e</OPFMessageCopySubject>
<OPFMessageCopyMessageID>1@example.org</OPFMessageCopyMessageID>
<OPFMessageCopySentTime>2018-06-21T03:40:46</OPFMessageCopySentTime>
<OPFMessageCopyReceivedTime>2018-06-21T03:41:00</OPFMessageCopyReceivedTime>
<OPFMessageCopyFromAddresses><emailAddress OPFContactEmailAddressAddress="a@example.org" OPFContactEmailAddressName="Ann"/></OPFMessageCopyFromAddresses>
<OPFMessageCopyToAddresses><emailAddress OPFContactEmailAddressAddress="b@example.org" OPFContactEmailAddressName="B &quot;b&quot;"/></OPFMessageCopyToAddresses>
<OPFMessageGetIsRead>1E0</OPFMessageGetIsRead><OPFMessageGetHasHTML>1E0</OPFMessageGetHasHTML>
<OPFMessageGetPriority>1</OPFMessageGetPriority><OPFMessageCopyGetFlagStatus>1</OPFMessageCopyGetFlagStatus>
<OPFMessageCopyCategoryList><category OPFCategoryCopyName="Work"/></OPFMessageCopyCategoryList>
<OPFMessageCopyAttachmentList><messageAttachment OPFAttachmentName="a.txt" OPFAttachmentContentType="text/plain" OPFAttachmentURL="Local/com.microsoft.__Messages/Inbox/com.microsoft.__Attachments/a.txt"/></OPFMessageCopyAttachmentList>
<OPFMessageCopySource>Subject: x
X-A: b
</OPFMessageCopySource>
<OPFMessageCopyBody><![CDATA[<p>html]]></OPFMessageCopyBody><OPFMessageCopyHTMLBody>&lt;p&gt;html</OPFMessageCopyHTMLBody>
</email></emails>
"#;

fn exports(seeds: &Seeds) {
    let small = "<emails><email><OPFMessageCopySubject>s</OPFMessageCopySubject><OPFMessageCopyBody>b</OPFMessageCopyBody></email></emails>";
    let files = [
        Some(("1.xml", EXPORTED.as_bytes())),
        None,
        Some(("3.xml", small.as_bytes())),
        Some(("a.txt", &b"attached"[..])),
    ];
    seeds.put("olm", "tree", &files);
    let layout = Layout::of("olm");
    let archive = layout.zipped(&layout.unpack(&layout.pack(&files)));
    seeds.put_one("olm", "archive", &archive.files[0].bytes);
    seeds.keep("archive.olm", &archive.files[0].bytes);
}

// --- packed files

/// Writes a tar archive of what lies in a directory.
const TAR: &str = "import sys, tarfile
def plain(member):
    member.mtime, member.uid, member.gid, member.uname, member.gname = 1075802400, 0, 0, '', ''
    return member
with tarfile.open(sys.argv[2], 'w', format=tarfile.USTAR_FORMAT) as archive:
    archive.add(sys.argv[1], 'Maildir', filter=plain)";

fn packed_files(seeds: &Seeds, here: &Path) {
    let text = fs::read(seeds.data.join("python/box.mbox")).unwrap();
    for ending in packing::PACKINGS {
        let bytes = packing::pack(ending, &text);
        seeds.put_one("compressed", ending, &bytes);
        seeds.keep(&format!("mail.mbox.{ending}"), &bytes);
        let name = format!("box.{ending}");
        let place = packing::PACKINGS.iter().position(|known| *known == ending).unwrap();
        let mut files = vec![None; packing::PACKINGS.len()];
        files[place] = Some((name.as_str(), text.as_slice()));
        seeds.put("compressed", &format!("text-{ending}"), &files);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mail.tar");
    let maildir = here.join("../tests/data/stores/python/Maildir");
    assert!(Command::new("python3").args(["-c", TAR]).arg(maildir).arg(&path).status().unwrap().success());
    let tar = fs::read(&path).unwrap();
    let single = fs::read(seeds.data.join("single.eml")).unwrap();
    let files = [Some(("Inbox", text.as_slice())), None, None, None, Some(("1.eml", single.as_slice()))];
    seeds.put("archive", "tree", &files);
    let layout = Layout::of("archive");
    let zip = layout.zipped(&layout.unpack(&layout.pack(&files))).files.remove(0).bytes;
    for (name, bytes) in [("mail.zip", zip), ("mail.tar.gz", packing::pack("gz", &tar)), ("mail.tar", tar)] {
        seeds.put_one("archive", name, &bytes);
        seeds.keep(name, &bytes);
    }
}
