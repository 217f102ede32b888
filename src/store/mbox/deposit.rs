//! Appends messages to mboxes: one file, or a directory of files in Thunderbird's form (`A`, `A.sbd/B`).
//!
//! Dialect: mboxrd, with the internal date and its zone in the From_ line, flags in Status and X-Status, keywords in
//! X-Keywords. In a file that Dovecot or UW software keeps, lines are not quoted and Content-Length tells the end, as those do.
//!
//! A batch is appended under the locks of the mbox. Where it begins is written beside the file first, so that a run which
//! broke off leaves no half message: the next one cuts the file there again, if nobody else has written since.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::lock::{DELIVERY, Locked};
use super::scan::{self, Span, eol, long};
use super::tree::{self, is_takeable};
use super::{Mbox, content, headers, region, separator};
use crate::mail::envelope::Summary;
use crate::mail::header;
use crate::mail::{Envelope, Flags, FolderPath, InternalDate, Locator};
use crate::store::deposit::{Deposit, Letter, fail_all, to_lf};
use crate::store::moved::Moved;
use crate::store::tree::Tree;
use crate::store::{Company, Folder, Found, Store as _, StoreError, Walk, dir, file};

/// What a name ends in that holds the folders below another (Thunderbird).
const BELOW: &str = ".sbd";
/// Whom a message is from that does not say so.
const NOBODY: &str = "MAILER-DAEMON";
/// The longest segment of a path.
const MAX_SEGMENT: usize = 100;
/// Letters of Status and X-Status.
const LETTERS: [(char, Flags); 4] =
    [('A', Flags::ANSWERED), ('F', Flags::FLAGGED), ('T', Flags::DRAFT), ('D', Flags::DELETED)];
/// The longest note of an append.
const MAX_NOTE: u64 = 200;

/// Opens `path` for writing: a directory of mboxes where it is one or ends in `/`, else one mbox.
pub(in crate::store) fn deposit(path: &Path) -> Result<Box<dyn Deposit>, StoreError> {
    let is_tree = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let mut places = BTreeMap::new();
    if !is_tree {
        if path.exists() {
            file::open_regular(path).map_err(|source| StoreError::read(path, source))?;
            places.insert(FolderPath::root(), path.to_owned());
        }
    } else if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
        let tree = tree::find(path, |_, name| dir::folder_name(name), &Company::default())?;
        for folder in tree.folders().into_iter().filter(|folder| folder.holds_messages) {
            let place = tree.messages(&folder.path)?.to_owned();
            places.insert(folder.path, place);
        }
    }
    Ok(Box::new(MboxDeposit { root: path.to_owned(), is_tree, places }))
}

struct MboxDeposit {
    root: PathBuf,
    is_tree: bool,
    places: BTreeMap<FolderPath, PathBuf>,
}

impl Deposit for MboxDeposit {
    fn folders(&self) -> Vec<Folder> {
        let folder = |path: &FolderPath| Folder { path: path.clone(), special: None, holds_messages: true };
        self.places.keys().map(folder).collect()
    }

    fn takeable(&self, folder: &FolderPath) -> FolderPath {
        if self.places.contains_key(folder) {
            return folder.clone();
        }
        FolderPath::new(folder.segments().iter().map(|segment| {
            let kept: String = segment.chars().map(|ch| if ch == '/' || ch.is_control() { '_' } else { ch }).collect();
            let kept = kept.get(..kept.floor_char_boundary(MAX_SEGMENT)).unwrap_or_default().trim();
            let kept = if kept.is_empty() { "_".to_owned() } else { kept.to_owned() };
            // Such names are those of other files to mail programs.
            match kept.strip_prefix(['.', '#']) {
                Some(rest) => format!("_{rest}"),
                None if is_takeable(&kept) => kept,
                None => format!("{kept}_"),
            }
        }))
    }

    fn make(&mut self, folder: &FolderPath) -> Result<bool, StoreError> {
        if self.places.contains_key(folder) {
            return Ok(false);
        }
        let place = self.new_place(folder)?;
        let above = match place.parent() {
            Some(above) if !above.as_os_str().is_empty() => above.to_owned(),
            _ => PathBuf::from("."),
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&above);
        made.map_err(|source| StoreError::write(&above, source))?;
        let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&place);
        made.map_err(|source| StoreError::write(&place, source))?;
        sync(&above).map_err(|source| StoreError::write(&above, source))?;
        self.places.insert(folder.clone(), place);
        Ok(true)
    }

    fn mend(&mut self, folder: &FolderPath) -> Result<(), StoreError> {
        let path = self.place(folder)?;
        Note::beside(&path).mend(&path).map_err(|source| StoreError::write(&path, source))
    }

    fn walk(&mut self, folder: &FolderPath, each: &mut dyn FnMut(Envelope)) -> Result<(), StoreError> {
        let path = self.place(folder)?;
        let mut tree = Tree::new(&path);
        tree.add(FolderPath::root(), &path);
        let mut mbox = Mbox { tree, indexes: std::collections::HashMap::new(), counted: None };
        mbox.list(&FolderPath::root(), &mut |found| {
            if let Found::Message(envelope) = found {
                each(envelope);
            }
            Walk::Continue(())
        })
    }

    fn look(&mut self, folder: &FolderPath, locator: &Locator) -> Result<(Envelope, Vec<u8>), StoreError> {
        let path = self.place(folder)?;
        let read = |source| StoreError::read(&path, source);
        let file = file::open_regular(&path).map_err(read)?;
        let region = region(&file, &path, locator)?;
        let marks = scan::has_marks(&file).map_err(read)?;
        let (line, message) = separator::split_line(&region, b'\n');
        let head = message.get(..header::length(message)).unwrap_or(message);
        let length = u16::try_from(line.len()).unwrap_or(u16::MAX);
        let span = Span { offset: locator.offset, length: locator.length, line: length, doubtful: false, hidden: None };
        let mut envelope = headers::envelope(&span, line, head, InternalDate::now(), false);
        // As it is written, believable or not.
        let written = separator::parse(line).and_then(|line| line.date).map(crate::mail::date::WrittenDate::instant);
        envelope.internal_date = written.or(envelope.internal_date);
        Ok((envelope, content::of(&region, marks)))
    }

    fn keep(&mut self, folder: &FolderPath, letters: &[Letter<'_>]) -> Vec<Result<Locator, StoreError>> {
        match self.place(folder).and_then(|path| append(&path, letters)) {
            Ok(locators) => locators.into_iter().map(Ok).collect(),
            Err(error) => fail_all(letters.len(), &error, &self.root),
        }
    }

    fn flag(&mut self, folder: &FolderPath, _: &Locator, _: Flags, _: &[String]) -> Result<(), StoreError> {
        Err(StoreError::write(&self.place(folder)?, io::Error::other("flags of an mbox are not changed in place")))
    }

    fn rename(&mut self, from: &FolderPath, to: &FolderPath) -> Result<(), StoreError> {
        let (old, new) = (self.place(from)?, self.new_place(to)?);
        let taken = || io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is there", new.display()));
        if !self.is_tree || new.exists() {
            return Err(StoreError::write(&old, taken()));
        }
        if let Some(above) = new.parent() {
            fs::create_dir_all(above).map_err(|source| StoreError::write(above, source))?;
        }
        let below = |path: &Path| PathBuf::from(format!("{}{BELOW}", path.display()));
        fs::rename(&old, &new).map_err(|source| StoreError::write(&old, source))?;
        if below(&old).is_dir() {
            fs::rename(below(&old), below(&new)).map_err(|source| StoreError::write(&old, source))?;
        }
        *self = reopened(&self.root)?;
        Ok(())
    }

    fn discard(&mut self, folder: &FolderPath) -> Result<(), StoreError> {
        let path = self.place(folder)?;
        let mut moved = Moved::beside(&self.root)?;
        moved.take(&path)?;
        self.places.remove(folder);
        moved.sync();
        Ok(())
    }
}

fn reopened(root: &Path) -> Result<MboxDeposit, StoreError> {
    let tree = tree::find(root, |_, name| dir::folder_name(name), &Company::default())?;
    let holding = tree.folders().into_iter().filter(|folder| folder.holds_messages);
    let places = holding.map(|folder| Ok((folder.path.clone(), tree.messages(&folder.path)?.to_owned())));
    Ok(MboxDeposit { root: root.to_owned(), is_tree: true, places: places.collect::<Result<_, StoreError>>()? })
}

impl MboxDeposit {
    fn place(&self, folder: &FolderPath) -> Result<PathBuf, StoreError> {
        let none = || StoreError::NoFolder { folder: folder.to_string(), path: self.root.clone() };
        self.places.get(folder).cloned().ok_or_else(none)
    }

    /// The file of a new folder.
    fn new_place(&self, folder: &FolderPath) -> Result<PathBuf, StoreError> {
        match (self.is_tree, folder.segments().split_last()) {
            (false, None) => Ok(self.root.clone()),
            (true, Some((name, above))) => {
                let directory =
                    above.iter().fold(self.root.clone(), |path, segment| path.join(segment.clone() + BELOW));
                Ok(directory.join(name))
            }
            _ => {
                let reason = "one mbox is one folder; for several write mbox:DIRECTORY/".to_owned();
                Err(StoreError::NotMail { path: self.root.clone(), reason })
            }
        }
    }
}

/// Appends messages, all or none, durably. Gives where each is.
fn append(path: &Path, letters: &[Letter<'_>]) -> Result<Vec<Locator>, StoreError> {
    let real = fs::canonicalize(path).map_err(|source| StoreError::read(path, source))?;
    let note = Note::beside(&real);
    note.mend(&real).map_err(|source| StoreError::write(&real, source))?;
    let mut locked = Locked::take(&real, DELIVERY)?;
    let mut write = || -> io::Result<Vec<Locator>> {
        let marks = scan::has_marks(&locked.file)?;
        let start = locked.file.metadata()?.len();
        let mut bytes = gap(&locked.file, start)?;
        let mut locators = Vec::with_capacity(letters.len());
        for letter in letters {
            let offset = start + long(bytes.len());
            write_letter(letter, marks, &mut bytes);
            let length = start + long(bytes.len()) - offset;
            locators.push(Locator { name: "".into(), offset, length });
        }
        note.write(start, long(bytes.len()))?;
        locked.file.seek(SeekFrom::Start(start))?;
        let written = locked.file.write_all(&bytes).and_then(|()| locked.file.sync_all());
        if let Err(error) = written {
            locked.file.set_len(start)?;
            locked.file.sync_all()?;
            note.clear()?;
            return Err(error);
        }
        note.clear()?;
        Ok(locators)
    };
    write().map_err(|source| StoreError::write(&real, source))
}

/// What must stand between the end of the file and the next From_ line.
fn gap(file: &File, size: u64) -> io::Result<Vec<u8>> {
    let end = file::read_range(file, size.saturating_sub(4), size.min(4))?;
    let has_blank = end.is_empty() || end.ends_with(b"\n\n") || end.ends_with(b"\n\r\n");
    Ok(if has_blank {
        Vec::new()
    } else if end.ends_with(b"\n") {
        b"\n".to_vec()
    } else {
        b"\n\n".to_vec()
    })
}

/// A message with its From_ line, the store's fields and the blank line after it.
fn write_letter(letter: &Letter<'_>, marks: bool, out: &mut Vec<u8>) {
    let bytes = to_lf(letter.bytes);
    let (head, rest) = bytes.split_at(header::length(&bytes));
    let blank = eol(rest);
    let (end, body) = rest.split_at(blank);
    let date = letter.internal_date.unwrap_or_else(InternalDate::now);
    out.extend_from_slice(format!("From {} {}\n", sender(head), date.to_from_line()).as_bytes());
    out.extend_from_slice(head);
    out.extend_from_slice(fields(letter).as_bytes());
    if marks && blank > 0 {
        out.extend_from_slice(format!("Content-Length: {}\n", body.len()).as_bytes());
    }
    out.extend_from_slice(end);
    if marks {
        out.extend_from_slice(body);
    } else {
        quote(body, out);
    }
    if !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// `Status`, `X-Status` and `X-Keywords`, as far as there is something to say.
fn fields(letter: &Letter<'_>) -> String {
    let mut fields = format!("Status: {}O\n", if letter.flags.contains(Flags::SEEN) { "R" } else { "" });
    let set: String =
        LETTERS.iter().filter(|(_, flag)| letter.flags.contains(*flag)).map(|(letter, _)| *letter).collect();
    if !set.is_empty() {
        fields += &format!("X-Status: {set}\n");
    }
    if !letter.keywords.is_empty() {
        fields += &format!("X-Keywords: {}\n", letter.keywords.join(" "));
    }
    fields
}

/// One more `>` before each line of the form `>*From `.
fn quote(body: &[u8], out: &mut Vec<u8>) {
    let mut rest = body;
    while !rest.is_empty() {
        let (line, after) = separator::split_line(rest, b'\n');
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        if line.get(quotes..).is_some_and(|line| line.starts_with(b"From ")) {
            out.push(b'>');
        }
        out.extend_from_slice(line);
        rest = after;
    }
}

/// One word for the From_ line.
fn sender(head: &[u8]) -> String {
    let summary = Summary::of(head);
    let is_word =
        |text: &&str| text.contains('@') && text.bytes().all(|byte| matches!(byte, b'!'..=b'~' if byte != b'"'));
    let named = [summary.details.address.as_str(), summary.from.as_str()];
    named.into_iter().find(is_word).unwrap_or(NOBODY).to_owned()
}

/// The note beside an mbox that tells of an append under way: where it begins, how long it is, and whose it is.
struct Note {
    path: PathBuf,
}

impl Note {
    fn beside(mbox: &Path) -> Self {
        let name = mbox.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { path: mbox.with_file_name(format!(".{name}.mailferry-append")) }
    }

    fn write(&self, start: u64, length: u64) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        file.write_all(format!("{start} {length} {}\n", std::process::id()).as_bytes())?;
        file.sync_all()?;
        self.path.parent().map_or(Ok(()), sync)
    }

    fn clear(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Cuts the file where a broken append began. The dotlock of that run still stands, so that nobody wrote since; it goes.
    fn mend(&self, mbox: &Path) -> io::Result<()> {
        let mut text = String::new();
        match File::open(&self.path) {
            Ok(file) => file.take(MAX_NOTE).read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let numbers: Vec<u64> = text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
        let mut dotlock = mbox.as_os_str().to_owned();
        dotlock.push(".lock");
        let holder = fs::read_to_string(&dotlock).unwrap_or_default();
        if let [start, length, process] = numbers.as_slice() {
            let file = OpenOptions::new().read(true).write(true).open(mbox)?;
            let size = file.metadata()?.len();
            let is_ours = holder.trim() == process.to_string();
            if is_ours && size > *start && size <= start.saturating_add(*length) {
                file.set_len(*start)?;
                file.sync_all()?;
            }
            if is_ours {
                fs::remove_file(&dotlock)?;
            }
        }
        self.clear()
    }
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(bytes: &[u8]) -> Letter<'_> {
        let date = Some(InternalDate::from_unix(1_000_000_000));
        Letter { bytes, flags: Flags::SEEN | Flags::FLAGGED, keywords: &[], internal_date: date }
    }

    fn read_back(deposit: &mut dyn Deposit) -> Vec<(Envelope, Vec<u8>)> {
        let mut locators = Vec::new();
        deposit.walk(&FolderPath::root(), &mut |envelope| locators.push(envelope.locator)).unwrap();
        locators.iter().map(|locator| deposit.look(&FolderPath::root(), locator).unwrap()).collect()
    }

    #[test]
    fn what_is_appended_is_read_back_with_its_flags_and_date() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.mbox");
        let mut deposit = deposit(&path).unwrap();
        deposit.make(&FolderPath::root()).unwrap();
        // The Received field is three hours older than the date: it must not be taken for the zone.
        let first =
            b"Received: by x; Sat, 8 Sep 2001 22:46:40 +0000\r\nFrom: Anna <a@x>\r\n\r\nFrom me\r\n>From you\r\n\r\n";
        let second = b"Subject: no body\r\n\r\n";
        let kept = deposit.keep(&FolderPath::root(), &[letter(first), letter(second)]);
        let back = read_back(deposit.as_mut());
        assert_eq!(back.iter().map(|(_, bytes)| bytes.as_slice()).collect::<Vec<_>>(), [&first[..], &second[..]]);
        for ((envelope, _), kept) in back.iter().zip(kept) {
            assert_eq!(envelope.locator, kept.unwrap());
            assert_eq!(envelope.flags, Flags::SEEN | Flags::FLAGGED);
            assert_eq!(envelope.internal_date, Some(InternalDate::from_unix(1_000_000_000)));
        }
    }

    #[test]
    fn a_broken_append_is_cut_off_and_what_others_wrote_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.mbox");
        let whole = "From a@b Thu Jan  1 00:00:00 2004\nSubject: whole\n\nx\n\n";
        let torn = format!("{whole}From a@b Thu Jan  1 00:00:00 2004\nSubj");
        let note = format!("{} 500 77\n", whole.len());
        for (lock, left) in [(Some("77\n"), whole), (None, torn.as_str()), (Some("78\n"), torn.as_str())] {
            fs::write(&path, &torn).unwrap();
            fs::write(directory.path().join(".a.mbox.mailferry-append"), &note).unwrap();
            if let Some(lock) = lock {
                fs::write(directory.path().join("a.mbox.lock"), lock).unwrap();
            }
            deposit(&path).unwrap().mend(&FolderPath::root()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), left, "{lock:?}");
            assert!(!directory.path().join(".a.mbox.mailferry-append").exists());
        }
    }
}
