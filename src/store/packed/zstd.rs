//! zstd files, frame by frame; `ruzstd` knows only one. Used by the decoder. Dictionaries are not read.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::store::bytes::invalid;

/// The largest window of a zstd file; `zstd` itself reads no larger one unless it is told to (`--long=27`).
const MAX_WINDOW: u64 = 128 * 1024 * 1024;
/// How a block that is empty and the last is written, and a checksum after it.
const END: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

/// The frames of a zstd file, one after the other.
pub(super) struct Zstd<R> {
    source: R,
    frame: FrameDecoder,
    is_open: bool,
    /// Why the frame ended before its end; said when all is handed out that was decoded.
    broken: Option<io::Error>,
}

impl<R: BufRead> Zstd<R> {
    /// Those that `source` gives.
    pub(super) fn new(source: R) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(MAX_WINDOW);
        Self { source, frame, is_open: false, broken: None }
    }

    /// Starts the next frame, or skips one that holds no content. False at the end.
    fn next(&mut self) -> io::Result<bool> {
        if self.source.fill_buf()?.is_empty() {
            return Ok(false);
        }
        match self.frame.reset(&mut self.source) {
            Ok(()) => self.is_open = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let length = u64::from(length);
                if io::copy(&mut (&mut self.source).take(length), &mut io::sink())? < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(error) => return Err(self.reason(error)),
        }
        Ok(true)
    }

    /// Decodes one block. If that fails, the frame is closed, so that it hands out what it holds back as long as later
    /// blocks may refer to it.
    fn block(&mut self) {
        if let Err(error) = self.frame.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)) {
            self.broken = Some(self.reason(error));
            // If it can not be closed either, it has nothing to hand out, and that is all there is.
            let _ = self.frame.decode_blocks(END, BlockDecodingStrategy::All);
        }
    }

    /// An error that says whether the file is cut off.
    fn reason(&mut self, error: FrameDecoderError) -> io::Error {
        let at_end = self.source.fill_buf().is_ok_and(<[u8]>::is_empty);
        let kind = if at_end { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData };
        io::Error::new(kind, error)
    }

    fn close(&mut self) -> io::Result<()> {
        self.is_open = false;
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let told = self.frame.get_checksum_from_data();
        if told.is_some() && told != self.frame.get_calculated_checksum() {
            return Err(invalid("its checksum is wrong"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_open {
                if !self.next()? {
                    return Ok(0);
                }
                continue;
            }
            let got = self.frame.read(into)?;
            if got > 0 {
                return Ok(got);
            }
            if self.frame.is_finished() || self.broken.is_some() {
                self.close()?;
            } else {
                self.block();
            }
        }
    }
}
