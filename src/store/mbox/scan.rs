//! Where the messages of an mbox start and end. Used by the store to list, and by the rewrite to know what to keep.
//!
//! One pass over the file by reads of a megabyte, whatever its size; bodies with a true Content-Length are jumped over.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use memchr::memmem::Finder;

use super::headers;
use super::separator::{self, LOOK, MAX_LINE, Place, Separator, Trust};
use super::window::Window;
pub(super) use super::window::long;
use crate::store::file::FileId;
use crate::store::{Damage, Hidden, Walk};

/// How many bytes pass between two reports of progress.
const REPORT_EVERY: u64 = 4 * 1024 * 1024;
/// How many bytes before the first message are looked through for line ends and blank lines.
const START: usize = 64 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One message in an mbox, in 24 bytes: a folder of a million messages costs 24 MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Where its From_ line starts.
    pub(super) offset: u64,
    /// How many bytes there are up to the next From_ line or the end of the file.
    pub(super) length: u64,
    /// How long its From_ line is, with the end.
    pub(super) line: u16,
    /// Whether the From_ line may be text.
    pub(super) doubtful: bool,
    /// Why it is not shown, if it is not.
    pub(super) hidden: Option<Hidden>,
}

impl Span {
    /// How many bytes the message has, the blank line after it included.
    pub(super) fn size(&self) -> u64 {
        self.length.saturating_sub(u64::from(self.line))
    }

    /// Where the next message starts, or the file ends.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// All messages of one state of an mbox.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// The state of the file.
    pub(super) id: FileId,
    /// Its messages, in order.
    pub(super) spans: Vec<Span>,
    /// Whether Dovecot or UW software keeps the file; neither quotes what it can mark by length.
    pub(super) marks: bool,
    /// Whether everything in the file is in one of the messages.
    pub(super) whole: bool,
    /// The state of the index of KMail that told what was deleted.
    pub(super) beside: Option<FileId>,
    /// Whether that is an index of the file as it is.
    pub(super) fits: bool,
}

/// What a scan comes across.
pub(super) enum Step<'a> {
    /// A message with its From_ line and its header.
    Message(&'a Span, &'a [u8], &'a [u8]),
    /// Something that is not read.
    Damage(Damage),
    /// How many bytes have passed.
    Progress(u64),
}

/// Finds all messages in `file`. `None` when the visitor stopped the walk.
pub(super) fn scan(file: &File, path: &Path, visit: &mut dyn FnMut(Step<'_>) -> Walk) -> io::Result<Option<Index>> {
    let id = FileId::of(&file.metadata()?);
    let window = Window::new(file, id.size);
    let end = line_end(file, id.size)?;
    let needle = Finder::new(if end == b'\n' { b"\nFrom " } else { b"\rFrom " });
    let (line, header) = (Vec::new(), Vec::new());
    let mut scan = Scan { window, path, end, needle, line, header, loose_file: false, whole: true, reported: 0, visit };
    let mut index = Index { id, spans: Vec::new(), marks: false, whole: true, beside: None, fits: false };
    let walk = scan.run(&mut index)?;
    index.whole = scan.whole;
    index.spans.shrink_to_fit();
    Ok(walk.is_continue().then_some(index))
}

/// Whether the first message of the file carries the marks of Dovecot or UW software.
pub(super) fn has_marks(file: &File) -> io::Result<bool> {
    let mut window = Window::new(file, file.metadata()?.len());
    let (start, size) = (blank_start(window.get(0, START)?), window.size());
    Ok(headers::has_marks(window.header(start, size)?.0))
}

/// CR ends the lines only where there is no LF in the whole file (old Macs).
fn line_end(file: &File, size: u64) -> io::Result<u8> {
    let mut window = Window::new(file, size);
    let mut at = 0;
    let mut seen_cr = false;
    while at < size {
        let bytes = window.get(at, 1)?;
        if bytes.is_empty() || memchr::memchr(b'\n', bytes).is_some() {
            return Ok(b'\n');
        }
        seen_cr |= memchr::memchr(b'\r', bytes).is_some();
        at += long(bytes.len());
    }
    Ok(if seen_cr { b'\r' } else { b'\n' })
}

struct Scan<'a> {
    window: Window<'a>,
    path: &'a Path,
    end: u8,
    needle: Finder<'static>,
    /// The From_ line and the header of the message whose end is looked for; the window is elsewhere by then.
    line: Vec<u8>,
    header: Vec<u8>,
    loose_file: bool,
    whole: bool,
    reported: u64,
    visit: &'a mut dyn FnMut(Step<'_>) -> Walk,
}

/// A message's end: where the next one starts, and whether that is doubtful.
#[derive(Clone, Copy)]
struct Next {
    at: u64,
    doubtful: bool,
}

/// Goes on at the next message, or stops because the visitor said so.
type Flow = ControlFlow<(), Next>;

impl Scan<'_> {
    fn run(&mut self, index: &mut Index) -> io::Result<Walk> {
        let Flow::Continue(mut here) = self.first()? else { return Ok(Walk::Break(())) };
        while here.at < self.window.size() {
            let Flow::Continue(next) = self.message(here, index)? else { return Ok(Walk::Break(())) };
            if self.progress(next.at).is_break() {
                return Ok(Walk::Break(()));
            }
            here = next;
        }
        if self.window.size() < index.id.size {
            return Ok(self.damage(self.window.size(), "the file became shorter while it was read; run again"));
        }
        Ok(Walk::Continue(()))
    }

    /// Takes the message at `here` into the index and shows it. Gives where the next one starts.
    fn message(&mut self, here: Next, index: &mut Index) -> io::Result<Flow> {
        let line = separator::split_line(self.window.get(here.at, MAX_LINE + 1)?, self.end).0;
        self.line.clear();
        self.line.extend_from_slice(line);
        let line = line.len();
        let content = here.at + long(line);
        let Flow::Continue(next) = self.next(content)? else { return Ok(Flow::Break(())) };
        if next.at <= content {
            let walk = self.damage(here.at, "a separator line without a message after it");
            return Ok(walk.map_continue(|()| next));
        }
        // A header without a blank line ends where the next message starts.
        let most = usize::try_from(next.at - content).unwrap_or(usize::MAX);
        let header = self.header.get(..most).unwrap_or(&self.header);
        let first = index.spans.is_empty();
        index.marks |= first && headers::has_marks(header);
        let span = Span {
            offset: here.at,
            length: next.at - here.at,
            line: u16::try_from(line).unwrap_or(u16::MAX),
            doubtful: here.doubtful,
            hidden: headers::hidden(header, first),
        };
        let walk = (self.visit)(Step::Message(&span, &self.line, header));
        index.spans.push(span);
        Ok(walk.map_continue(|()| next))
    }

    /// Where the message whose header starts at `content` ends.
    fn next(&mut self, content: u64) -> io::Result<Flow> {
        let size = self.window.size();
        let (header, complete) = self.window.header(content, size)?;
        self.header.clear();
        self.header.extend_from_slice(header);
        let told = headers::content_length(&self.header).filter(|_| complete);
        let body = content + long(self.header.len());
        if let Some(length) = told
            && let Some(next) = self.told(body, length)?
        {
            return Ok(Flow::Continue(next));
        }
        self.search(content)
    }

    /// The end that a Content-Length tells, if a separator or the end of the file stands there. It lies often.
    fn told(&mut self, blank: u64, length: u64) -> io::Result<Option<Next>> {
        let body = blank + long(eol(&self.window.peek(blank, 2)?));
        let Some(told) = body.checked_add(length).filter(|told| *told <= self.window.size()) else { return Ok(None) };
        let bytes = self.window.peek(told, LOOK)?;
        let gap = eol(&bytes);
        let at = told + long(gap);
        if at == self.window.size() {
            return Ok(Some(Next { at, doubtful: false }));
        }
        let (line, after) = separator::split_line(bytes.get(gap..).unwrap_or_default(), self.end);
        let starts_line = gap > 0 || length == 0 || self.window.peek(told - 1, 1)?.first() == Some(&self.end);
        let place = Place { after_blank: true, loose_file: self.loose_file, after };
        let doubtful = separator::parse(line).and_then(|separator| separator::accept(&separator, place));
        Ok(doubtful.filter(|_| starts_line).map(|doubtful| Next { at, doubtful }))
    }

    /// The next line from `content` on that starts a message, or the end of the file.
    fn search(&mut self, content: u64) -> io::Result<Flow> {
        let mut from = content.saturating_sub(1);
        while let Some(found) = self.window.search(from, &self.needle)? {
            match found {
                Ok(line_end) => {
                    let at = line_end + 1;
                    let after_blank = at > content && self.after_blank(content, line_end)?;
                    if let Some(doubtful) = self.accepts(at, after_blank)? {
                        return Ok(Flow::Continue(Next { at, doubtful }));
                    }
                    from = at;
                }
                Err(further) => {
                    if self.progress(further).is_break() {
                        return Ok(Flow::Break(()));
                    }
                    from = further;
                }
            }
        }
        Ok(Flow::Continue(Next { at: self.window.size(), doubtful: false }))
    }

    fn accepts(&mut self, at: u64, after_blank: bool) -> io::Result<Option<bool>> {
        let (end, loose_file) = (self.end, self.loose_file);
        let bytes = self.window.get(at, LOOK)?;
        let (line, after) = separator::split_line(bytes.get(..LOOK).unwrap_or(bytes), end);
        let place = Place { after_blank, loose_file, after };
        Ok(separator::parse(line).and_then(|separator| separator::accept(&separator, place)))
    }

    /// Whether the line that ends at `line_end` is blank.
    fn after_blank(&mut self, content: u64, line_end: u64) -> io::Result<bool> {
        let before = line_end.saturating_sub(2).max(content.saturating_sub(1));
        let bytes = self.window.peek(before, usize::try_from(line_end - before).unwrap_or(0))?;
        Ok(match bytes.as_slice() {
            [.., last] if *last == self.end => true,
            [first, b'\r'] => *first == self.end,
            _ => false,
        })
    }

    /// Where the first message starts. A byte order mark and blank lines before it do not count; anything else is named.
    fn first(&mut self) -> io::Result<Flow> {
        let start = blank_start(self.window.get(0, START)?);
        let end = self.end;
        let bytes = self.window.get(start, LOOK)?;
        let (line, after) = separator::split_line(bytes.get(..LOOK).unwrap_or(bytes), end);
        if let Some(separator) = separator::parse(line).filter(|separator| separator::accept_first(separator, after)) {
            self.loose_file = separator.trust == Trust::Loose;
            return Ok(Flow::Continue(Next { at: start, doubtful: self.loose_file }));
        }
        let Flow::Continue(next) = self.search(start)? else { return Ok(Flow::Break(())) };
        let walk = if start >= self.window.size() {
            Walk::Continue(()) // an empty folder
        } else if next.at >= self.window.size() {
            self.damage(start, "there is no line in it that starts a message (\"From \", a sender and a date)")
        } else {
            self.damage(start, &format!("{} bytes before the first message are not mail", next.at - start))
        };
        Ok(walk.map_continue(|()| next))
    }

    fn damage(&mut self, offset: u64, reason: &str) -> Walk {
        self.whole = false;
        (self.visit)(Step::Damage(Damage { file: self.path.to_owned(), offset, reason: reason.to_owned() }))
    }

    fn progress(&mut self, at: u64) -> Walk {
        if at.saturating_sub(self.reported) < REPORT_EVERY {
            return Walk::Continue(());
        }
        self.reported = at;
        (self.visit)(Step::Progress(at))
    }
}

/// Whether `start` of a file is that of an mbox: a separator after an optional byte order mark and blank lines.
pub(super) fn starts_like_mbox(start: &[u8]) -> Option<Separator> {
    let at = usize::try_from(blank_start(start)).ok()?;
    let rest = start.get(at..)?;
    let end = if memchr::memchr(b'\n', rest).is_some() { b'\n' } else { b'\r' };
    let (line, after) = separator::split_line(rest, end);
    separator::parse(line).filter(|separator| separator::accept_first(separator, after))
}

/// How many bytes of a file's start say nothing.
fn blank_start(start: &[u8]) -> u64 {
    let mark = if start.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let blank = start.iter().skip(mark).take_while(|byte| matches!(byte, b'\r' | b'\n' | b' ' | b'\t')).count();
    long(mark + blank)
}

/// How long the line end at the start of `bytes` is.
pub(in crate::store) fn eol(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// Whether bytes appended to an mbox start a message: a From_ line, after blank lines perhaps.
pub(super) fn starts_like_line(start: &[u8]) -> bool {
    start.trim_ascii_start().starts_with(b"From ")
}
