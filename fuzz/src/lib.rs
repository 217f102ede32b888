//! What all fuzz targets share: the input becomes a store on disk, and all that is in it is listed, counted and read.
//!
//! One target per row of `FORMATS`. `scripts/fuzz` runs them; `make_seeds.rs` writes their seeds.

#[path = "../../tests/formats/checksums.rs"]
pub mod checksums;
mod disk;
pub mod layout;
#[path = "../../tests/formats/packing.rs"]
pub mod packing;
mod walk;

use std::panic;
use std::path::Path;
use std::process;

pub use layout::Layout;

/// Makes panics end the run where they are ours to mend. Called once by each target.
///
/// libFuzzer's own hook ends the process at every panic; but panics of the parsers that others wrote are caught (see
/// `store::guard` and `mail::preview`), and one that is not caught ends the process all the same.
pub fn start() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"));
    panic::set_hook(Box::new(move |info| {
        let file = info.location().map_or("", |location| location.file());
        eprintln!("{info}");
        if Path::new(file).is_relative() || Path::new(file).starts_with(own) {
            process::abort();
        }
    }));
}

/// Writes the store that `input` describes, and examines it. Gives the number of messages that could be read.
pub fn run(format: &str, input: &[u8]) -> usize {
    let layout = Layout::of(format);
    let mut store = layout.unpack(input);
    match (format, store.is_tree) {
        ("pst" | "archive", false) => store.files.iter_mut().for_each(|file| checksums::mend(&mut file.bytes)),
        ("olm" | "archive", true) => store = layout.zipped(&store),
        ("compressed", true) => store = layout.packed(&store),
        _ => {}
    }
    walk::examine(&disk::write(layout, &store), format, disk::halve)
}
