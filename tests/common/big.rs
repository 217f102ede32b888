//! Big stores of invented mail, written piece by piece: one mbox, one Maildir and one Outlook Express file. Used by benches.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::mail::{Mail, Maker, MboxStyle, mbox_entry, write_maildir};

/// Messages made at a time.
const BATCH: usize = 200;
/// The longest message of a Maildir; what is left has the size of a letter.
const LETTER: usize = 16 * 1024;

/// Mail of a set mean size: every fifth message of a batch is filled up with an attachment's lines.
pub struct Mails {
    maker: Maker,
    left: usize,
    mean: usize,
}

impl Mails {
    pub fn new(count: usize, mean: usize) -> Self {
        Self { maker: Maker::new(count as u64), left: count, mean }
    }
}

impl Iterator for Mails {
    type Item = Vec<Mail>;

    fn next(&mut self) -> Option<Vec<Mail>> {
        let count = self.left.min(BATCH);
        self.left -= count;
        let mut mails = self.maker.folder(count, 2001, 365);
        let have: usize = mails.iter().map(|mail| mail.bytes.len()).sum();
        let missing = (self.mean * count).saturating_sub(have) / count.div_ceil(5).max(1);
        let line = b"U29tZSBsaW5lcyBvZiBhIGxvbmcgYXR0YWNobWVudCwgYXMgdGhleSBmaWxsIG1haWxib3hl\r\n";
        for mail in mails.iter_mut().step_by(5) {
            mail.bytes.extend(line.repeat(missing / line.len()));
        }
        (count > 0).then_some(mails)
    }
}

/// Writes a mailbox file of so many messages.
pub fn mbox(path: &Path, mails: Mails) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for mail in mails.flatten() {
        file.write_all(&mbox_entry(&mail, MboxStyle::Mboxrd))?;
    }
    file.flush()
}

/// Writes a Maildir folder of so many letters.
pub fn maildir(path: &Path, count: usize) -> io::Result<()> {
    let mut letters = Mails::new(usize::MAX, 0).flatten().filter(|mail| mail.bytes.len() < LETTER);
    let mut left = count;
    while left > 0 {
        let batch: Vec<Mail> = letters.by_ref().take(left.min(10_000)).collect();
        left -= batch.len();
        write_maildir(path, &batch)?;
    }
    Ok(())
}

/// Where the first object of an Outlook Express file may stand, the kind of file, and what else its header holds.
const FIRST: usize = 0x24bc + 0x618;
const CLASS: &[u8] = b"\xcf\xad\x12\xfe\xc5\xfd\x74\x6f\x66\xe3\xd1\x11\x9a\x4e\x00\xc0\x4f\xa3\x09\xd4";
const ENTRIES: usize = 0xc4;
const ROOT: usize = 0xe4;
/// Texts are cut into parts; records lie together in segments, and so do the nodes of the index.
const PART: usize = 512;
const SEGMENT: usize = 0xc000;
const NODE: usize = 0x27c;
const NODE_ENTRIES: usize = 51;

/// Writes an Outlook Express 5/6 file, laid out as the program does when mail comes in: texts in parts, one after the
/// other, their records in segments between them, and the index.
pub fn dbx(path: &Path, mails: Mails) -> io::Result<()> {
    let mut out = Dbx { file: BufWriter::new(File::create(path)?), at: 0 };
    out.put(&vec![0; FIRST])?;
    let (mut records, mut waiting, mut length) = (Vec::new(), Vec::new(), 0);
    for mail in mails.flatten() {
        let text = out.text(&mail.bytes)?;
        let record = record(&mail, u32::try_from(records.len() + waiting.len()).unwrap(), text);
        if length + record.len() + 4 > SEGMENT {
            out.records(&mut waiting, &mut records)?;
            length = 0;
        }
        length += record.len() + 4;
        waiting.push(record);
    }
    out.records(&mut waiting, &mut records)?;
    let root = out.index(&records)?;
    out.file.flush()?;
    let mut head = vec![0; FIRST];
    head[..CLASS.len()].copy_from_slice(CLASS);
    head[ENTRIES..ENTRIES + 4].copy_from_slice(&u32::try_from(records.len()).unwrap().to_le_bytes());
    head[ROOT..ROOT + 4].copy_from_slice(&root.to_le_bytes());
    std::os::unix::fs::FileExt::write_all_at(out.file.get_ref(), &head, 0)
}

/// A file being written, and where the next object will stand.
struct Dbx {
    file: BufWriter<File>,
    at: u32,
}

impl Dbx {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += u32::try_from(bytes.len()).unwrap();
        self.file.write_all(bytes)
    }

    /// Writes a text as a chain of parts. Gives where it starts.
    fn text(&mut self, text: &[u8]) -> io::Result<u32> {
        let first = self.at;
        let parts = text.chunks(PART);
        let last = parts.len().saturating_sub(1);
        for (number, part) in parts.enumerate() {
            let next = if number == last { 0 } else { self.at + 16 + 512 };
            let words = [self.at, 0x200, u32::try_from(part.len()).unwrap(), next];
            self.put(&words.map(u32::to_le_bytes).concat())?;
            self.put(part)?;
            self.put(&vec![0; PART - part.len()])?;
        }
        Ok(first)
    }

    /// Writes the records of a segment; they start with their own offset.
    fn records(&mut self, waiting: &mut Vec<Vec<u8>>, offsets: &mut Vec<u32>) -> io::Result<()> {
        for record in waiting.drain(..) {
            offsets.push(self.at);
            self.put(&self.at.to_le_bytes())?;
            self.put(&record)?;
        }
        Ok(())
    }

    /// Writes the index over `values`, lowest nodes first. Gives where its root stands.
    fn index(&mut self, values: &[u32]) -> io::Result<u32> {
        let mut entries: Vec<(u32, u32, u32)> = Vec::new(); // value, the node after it, how many values that has
        let mut first = (0, 0);
        if values.len() <= NODE_ENTRIES {
            entries.extend(values.iter().map(|value| (*value, 0, 0)));
        } else {
            let mut capacity = NODE_ENTRIES;
            while capacity * (NODE_ENTRIES + 1) + NODE_ENTRIES < values.len() {
                capacity = capacity * (NODE_ENTRIES + 1) + NODE_ENTRIES;
            }
            let (start, mut rest) = values.split_at(capacity.min(values.len() - 1));
            first = (self.index(start)?, u32::try_from(start.len()).unwrap());
            while let Some((value, after)) = rest.split_first() {
                let (below, further) = after.split_at(capacity.min(after.len()));
                let child = if below.is_empty() { 0 } else { self.index(below)? };
                entries.push((*value, child, u32::try_from(below.len()).unwrap()));
                rest = further;
            }
        }
        let mut node = vec![0; NODE];
        let mut word = |at: usize, value: u32| node[at..at + 4].copy_from_slice(&value.to_le_bytes());
        word(0, self.at);
        word(8, first.0);
        word(20, first.1);
        for (number, (value, child, under)) in entries.iter().enumerate() {
            word(24 + number * 12, *value);
            word(28 + number * 12, *child);
            word(32 + number * 12, *under);
        }
        node[17] = u8::try_from(entries.len()).unwrap();
        let at = self.at;
        self.put(&node)?;
        Ok(at)
    }
}

/// A message's record without its first word: number, flags, start of the text, times, length, subject and sender.
fn record(mail: &Mail, number: u32, text: u32) -> Vec<u8> {
    let time = u64::try_from(mail.received + 11_644_473_600).unwrap() * 10_000_000;
    let flags = (u32::from(mail.marks.seen) * 0x80) | (u32::from(mail.marks.flagged) * 0x20) | 1;
    let length = u32::try_from(mail.bytes.len()).unwrap();
    let fields: [(u32, Vec<u8>); 9] = [
        (0x00, number.to_le_bytes().to_vec()),
        (0x01, flags.to_le_bytes().to_vec()),
        (0x04, text.to_le_bytes().to_vec()),
        (0x06, time.to_le_bytes().to_vec()),
        (0x08, b"The subject as the program shows it\0".to_vec()),
        (0x0d, b"Sender\0\0".to_vec()),
        (0x0e, format!("{}\0", mail.sender).into_bytes()),
        (0x11, length.to_le_bytes().to_vec()),
        (0x12, time.to_le_bytes().to_vec()),
    ];
    let (mut words, mut data) = (Vec::new(), Vec::new());
    for (field, value) in &fields {
        words.extend((field | (u32::try_from(data.len()).unwrap() << 8)).to_le_bytes());
        data.extend(value);
    }
    data.resize(data.len().next_multiple_of(4), 0);
    words.extend(data);
    let mut record = u32::try_from(words.len()).unwrap().to_le_bytes().to_vec();
    record.extend([0, 0, u8::try_from(fields.len()).unwrap(), 1]);
    record.extend(words);
    record
}
