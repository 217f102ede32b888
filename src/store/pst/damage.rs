//! Made data files whose blocks lead back to themselves: an error, never a hang. Damaged ones are in tests/formats.

use std::fs;
use std::time::{Duration, Instant};

use super::cipher::checksum;
use super::disk::Disk;
use super::version::MAGIC;
use super::{FORMAT, OpenOptions, blocks};

const LIMIT: Duration = Duration::from_secs(5);
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
