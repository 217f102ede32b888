//! Packed files: every packing gives what the plain file gives; what is cut off, damaged or a trap ends in words.

use std::fs;
use std::io::Write as _;

use mailferry::mail::FolderPath;
use mailferry::store;

use super::{data, list};

/// The packings, by the ending of a file's name.
pub const PACKINGS: [&str; 4] = ["gz", "bz2", "xz", "zst"];

/// `bytes` as a file of that ending.
pub fn pack(ending: &str, bytes: &[u8]) -> Vec<u8> {
    match ending {
        "gz" => {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            packer.write_all(bytes).unwrap();
            packer.finish().unwrap()
        }
        "bz2" => {
            let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            packer.write_all(bytes).unwrap();
            packer.finish().unwrap()
        }
        "xz" => {
            let mut packer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(6)).unwrap();
            packer.write_all(bytes).unwrap();
            packer.finish().unwrap()
        }
        "zst" => ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest),
        other => panic!("{other}"),
    }
}

#[test]
fn a_message_that_dovecot_packed_is_read_as_it_was() {
    let plain = fs::read(data().join("single.eml")).unwrap();
    for (ending, name) in PACKINGS.into_iter().zip(["gzip", "bzip2", "xz", "zstd"]) {
        let dir = tempfile::tempdir().unwrap();
        for part in ["cur", "new"] {
            fs::create_dir(dir.path().join(part)).unwrap();
        }
        let packed = pack(ending, &plain);
        let mut damaged = packed.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        let cut = &packed[..packed.len() - 9];
        for (name, bytes) in
            [("1000000000.a", &plain[..]), ("1000000001.b", &packed), ("1000000002.c", &damaged), ("1000000003.d", cut)]
        {
            fs::write(dir.path().join("cur").join(format!("{name}:2,S")), bytes).unwrap();
        }
        let mut store = store::open(dir.path(), None).unwrap();
        let root = FolderPath::root();
        let listed = list(store.as_mut(), &root).unwrap();
        let [one, two] = listed.messages.as_slice() else { panic!("{ending}: {:?}", listed.messages) };
        assert_eq!(one.subject, two.subject);
        assert_eq!(store.read(&root, &one.locator).unwrap(), store.read(&root, &two.locator).unwrap());
        let reasons: Vec<_> = listed.damage.iter().map(|damage| damage.reason.as_str()).collect();
        let words = format!("no whole {name} file");
        assert!(reasons.len() == 2 && reasons.iter().all(|reason| reason.contains(&words)), "{reasons:?}");
    }
}
