//! Flipped bits and lying structures in real and made data files: an error or other bytes, never a panic or a hang.
//!
//! Blocks whose checksum was made to fit again reach every layer above; that needs the layout, so this is a unit test.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::cipher::checksum;
use super::disk::Disk;
use super::version::MAGIC;
use super::{FORMAT, blocks};
use crate::store::bytes::{u16_at, u64_at};
use crate::store::{Found, OpenOptions, Walk};

const LIMIT: Duration = Duration::from_secs(5);
/// 271 kB from the samples (`MAILFERRY_SAMPLES`).
const SAMPLE: &str = "real/pst/tika-testPST_variousBodyTypes.pst";

fn sample() -> Option<Vec<u8>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    let path = std::env::var_os("MAILFERRY_SAMPLES").map_or_else(beside, PathBuf::from).join(SAMPLE);
    let bytes = fs::read(path).ok();
    if bytes.is_none() {
        eprintln!("skipped: no samples (set MAILFERRY_SAMPLES)");
    }
    bytes
}

struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }
}

/// Opens, lists and reads all there is. Gives messages read and things lost.
fn exercise(path: &Path) -> (usize, usize) {
    let started = Instant::now();
    let (mut read, mut lost) = (0, 0);
    if let Ok(mut store) = (FORMAT.open)(path, &OpenOptions::default()) {
        for folder in store.folders().unwrap() {
            let mut found = Vec::new();
            let listed = store.list(&folder.path, &mut |one| {
                match one {
                    Found::Message(envelope) => found.push(envelope),
                    Found::Damage(_) => lost += 1,
                    _ => {}
                }
                Walk::Continue(())
            });
            lost += usize::from(listed.is_err());
            for one in found {
                match store.read(&folder.path, &one.locator) {
                    Ok(_) => read += 1,
                    Err(_) => lost += 1,
                }
            }
        }
    } else {
        lost += 1;
    }
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
    (read, lost)
}

/// Where blocks and pages are in a wide file: (start, length, where the checksum is).
fn parts(bytes: &[u8]) -> Vec<(usize, usize, usize)> {
    let mut all = Vec::new();
    for start in (0x4400..bytes.len() - 512).step_by(512) {
        let page = &bytes[start..start + 512];
        if matches!(page[496], 0x80 | 0x81) && page[496] == page[497] {
            all.push((start, 496, start + 500));
        }
        if page[496] == 0x80 && page[491] == 0 {
            for entry in page[..488].chunks_exact(24).take(page[488].into()) {
                let offset = usize::try_from(u64_at(entry, 8).unwrap()).unwrap();
                let length = usize::from(u16_at(entry, 16).unwrap());
                let end = offset + (length + 16).next_multiple_of(64);
                if end <= bytes.len() && length > 0 {
                    all.push((offset, length, end - 12));
                }
            }
        }
    }
    all
}

#[test]
fn flipped_bits_are_found_or_do_not_matter() {
    let Some(whole) = sample() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flipped.pst");
    fs::write(&path, &whole).unwrap();
    assert_eq!(exercise(&path), (4, 0));
    let parts = parts(&whole);
    assert!(parts.len() > 20, "{}", parts.len());
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    for round in 0..flips() {
        let mut bytes = whole.clone();
        if round % 5 == 0 {
            let at = if round % 10 == 0 { numbers.next(564) } else { numbers.next(bytes.len()) };
            bytes[at] ^= 1 << numbers.next(8);
        } else {
            // The checksum is made to fit, as in a file that was made to do harm.
            let (start, length, sum) = parts[numbers.next(parts.len())];
            for _ in 0..=numbers.next(3) {
                let at = start + numbers.next(length);
                bytes[at] = if numbers.next(4) == 0 { 0xff } else { bytes[at] ^ 1 << numbers.next(8) };
            }
            let fit = checksum(&bytes[start..start + length]).to_le_bytes();
            bytes[sum..sum + 4].copy_from_slice(&fit);
        }
        fs::write(&path, &bytes).unwrap();
        exercise(&path);
    }
}

/// 10,000 with `MAILFERRY_LONG`.
fn flips() -> usize {
    if std::env::var_os("MAILFERRY_LONG").is_some() { 10_000 } else { 1500 }
}

#[test]
fn every_cut_is_survived() {
    let Some(whole) = sample() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.pst");
    for length in (0..whole.len()).step_by(1999) {
        fs::write(&path, &whole[..length]).unwrap();
        exercise(&path);
    }
}

/// A wide file without encoding: one page of nodes, one of blocks, and the given blocks (id, bytes).
fn made(listed: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0; 0x4800];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(b"SM\x17\0");
    bytes[0xE0..0xE8].copy_from_slice(&0x4400_u64.to_le_bytes());
    bytes[0xF0..0xF8].copy_from_slice(&0x4600_u64.to_le_bytes());
    let mut entries = Vec::new();
    for (id, content) in listed {
        let start = bytes.len();
        let size = (content.len() + 16).next_multiple_of(64);
        bytes.extend(content);
        bytes.resize(start + size - 16, 0);
        bytes.extend([0; 4]);
        bytes.extend(checksum(content).to_le_bytes());
        bytes.extend(id.to_le_bytes());
        entries.push([id.to_le_bytes(), (start as u64).to_le_bytes(), (content.len() as u64).to_le_bytes()].concat());
    }
    let page = |kind: u8, size: u8, rows: &[Vec<u8>]| {
        let mut page = rows.concat();
        page.resize(488, 0);
        page.extend([u8::try_from(rows.len()).unwrap(), 20, size, 0, 0, 0, 0, 0]);
        let sum = checksum(&page).to_le_bytes();
        page.extend([kind, kind, 0, 0]);
        page.extend(sum);
        page.extend([0; 8]);
        page
    };
    bytes[0x4400..0x4600].copy_from_slice(&page(0x81, 32, &[]));
    bytes[0x4600..0x4800].copy_from_slice(&page(0x80, 24, &entries));
    bytes
}

#[test]
fn blocks_that_lead_back_to_themselves_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("loop.pst");
    let list = |level: u8, total: u32, ids: &[u64]| {
        let mut block = vec![1, level];
        block.extend(u16::try_from(ids.len()).unwrap().to_le_bytes());
        block.extend(total.to_le_bytes());
        block.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
        block
    };
    let wide: Vec<u64> = vec![0x10; 900];
    for (first, listed) in [
        (0x12, vec![(0x12, list(2, 5, &[0x12, 0x12]))]),
        (0x12, vec![(0x12, list(1, 5, &[0x16])), (0x16, list(1, 5, &[0x12]))]),
        (0x12, vec![(0x12, list(1, u32::MAX, &[0x10])), (0x10, vec![1; 8])]),
        // 900 times 900 times the same block of 8,000 bytes
        (0x12, vec![(0x12, list(2, 5, &vec![0x16; 900])), (0x16, list(1, 7_200_000, &wide)), (0x10, vec![1; 8000])]),
        (0x12, vec![]),
    ] {
        fs::write(&path, made(&listed)).unwrap();
        let mut disk = Disk::open(fs::File::open(&path).unwrap()).unwrap();
        let started = Instant::now();
        disk.start();
        assert!(blocks::data(&mut disk, first).is_err());
        disk.start();
        assert!(blocks::sub_nodes(&mut disk, first).is_err());
        assert!(started.elapsed() < LIMIT);
    }
    let good = made(&[(0x12, list(1, 8, &[0x10])), (0x10, b"12345678".to_vec())]);
    fs::write(&path, good).unwrap();
    let mut disk = Disk::open(fs::File::open(&path).unwrap()).unwrap();
    assert_eq!(blocks::data(&mut disk, 0x12).unwrap(), [b"12345678"]);
    assert!((FORMAT.open)(&path, &OpenOptions::default()).is_err(), "a file without nodes is an error");
}
