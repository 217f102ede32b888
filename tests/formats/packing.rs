//! Files packed in each way that is read. Used by the tests of packed stores, and by the fuzz target.

use std::io::Write as _;

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
