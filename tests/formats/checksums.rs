//! Makes the checksums of a damaged PST or tar archive fit again: else a change would reach what checks them and no more.
//!
//! Used by the table of damaged stores, and by the fuzz target.

/// The two forms of the file; the names are those of `store::pst::disk`.
struct Form {
    nodes: usize,
    blocks: usize,
    number: usize,
    page_trailer: usize,
    page_checksum: usize,
    page_count: usize,
    block_trailer: usize,
    block_checksum: usize,
}

const NARROW: Form = Form {
    nodes: 0xBC,
    blocks: 0xC4,
    number: 4,
    page_trailer: 500,
    page_checksum: 508,
    page_count: 496,
    block_trailer: 12,
    block_checksum: 8,
};
const WIDE: Form = Form {
    nodes: 0xE0,
    blocks: 0xF0,
    number: 8,
    page_trailer: 496,
    page_checksum: 500,
    page_count: 488,
    block_trailer: 16,
    block_checksum: 4,
};

const VERSION: usize = 10;
const PAGE: usize = 512;
const BLOCK_PAGE: u8 = 0x80;
/// No more pages of one file are mended.
const MAX_PAGES: usize = 64;

/// Where a header of a tar archive has its mark and its checksum.
const TAR_MARK: std::ops::Range<usize> = 257..262;
const TAR_SUM: std::ops::Range<usize> = 148..156;

/// Whether that is the start of a file with checksums that can be mended.
pub fn can_mend(bytes: &[u8]) -> bool {
    bytes.starts_with(b"!BDN") || is_tar_header(bytes)
}

/// Makes the checksums fit.
pub fn mend(bytes: &mut [u8]) {
    if bytes.starts_with(b"!BDN") {
        mend_pages(bytes);
    } else {
        bytes.chunks_exact_mut(PAGE).filter(|block| is_tar_header(block)).for_each(mend_header);
    }
}

fn is_tar_header(block: &[u8]) -> bool {
    block.get(TAR_MARK) == Some(b"ustar")
}

/// The sum of all bytes of a header, those of the sum itself as blanks.
fn mend_header(block: &mut [u8]) {
    block[TAR_SUM].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[TAR_SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Mends the pages that the header leads to, and the blocks that they list.
fn mend_pages(bytes: &mut [u8]) {
    let form = if matches!(bytes.get(VERSION), Some(14 | 15)) { NARROW } else { WIDE };
    let mut waiting: Vec<_> = [form.nodes, form.blocks].into_iter().filter_map(|at| number(bytes, &form, at)).collect();
    let mut seen = Vec::new();
    while let Some(at) = waiting.pop().filter(|_| seen.len() < MAX_PAGES) {
        let Some(page) = bytes.get(at..).and_then(|rest| rest.get(..PAGE)) else { continue };
        if seen.contains(&at) {
            continue;
        }
        seen.push(at);
        let (count, length, level) = (page[form.page_count], page[form.page_count + 2], page[form.page_count + 3]);
        let is_blocks = page[form.page_trailer] == BLOCK_PAGE;
        let sum = checksum(&page[..form.page_trailer]);
        set(bytes, at + form.page_checksum, sum);
        for entry in (0..usize::from(count)).map(|row| at + row * usize::from(length)) {
            if level > 0 {
                waiting.extend(number(bytes, &form, entry + 2 * form.number));
            } else if is_blocks {
                mend_block(bytes, &form, entry);
            }
        }
    }
}

fn mend_block(bytes: &mut [u8], form: &Form, entry: usize) {
    let size = bytes.get(entry + 2 * form.number..).and_then(|rest| rest.first_chunk::<2>().copied());
    let (Some(start), Some(size)) = (number(bytes, form, entry + form.number), size) else { return };
    let size = usize::from(u16::from_le_bytes(size));
    let end = (size + form.block_trailer).next_multiple_of(64);
    let Some(content) = bytes.get(start..).and_then(|rest| rest.get(..size)) else { return };
    let sum = checksum(content);
    set(bytes, start + end - form.block_trailer + form.block_checksum, sum);
}

/// The number of the form's width at `at`, if it is a place in the file.
fn number(bytes: &[u8], form: &Form, at: usize) -> Option<usize> {
    let digits = bytes.get(at..)?.get(..form.number)?;
    let number = digits.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    usize::try_from(number).ok().filter(|number| *number < bytes.len())
}

fn set(bytes: &mut [u8], at: usize, sum: u32) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.get_mut(..4)) {
        place.copy_from_slice(&sum.to_le_bytes());
    }
}

/// CRC-32 that starts with 0 and is not inverted ([MS-PST] 5.3).
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}
