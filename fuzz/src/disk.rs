//! Writes a store into a directory of this process, over the one before.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::layout::{Layout, Store};

/// What lies in the directory.
struct Written {
    /// The format whose directories are there.
    format: &'static str,
    /// The files of the store, which are removed before the next one is written.
    files: Vec<PathBuf>,
}

static WRITTEN: Mutex<Written> = Mutex::new(Written { format: "", files: Vec::new() });

/// Writes the files of a store. Gives the path to open.
pub fn write(layout: &'static Layout, store: &Store) -> PathBuf {
    let top = std::env::temp_dir().join(format!("mailferry-fuzz-{}", std::process::id()));
    let root = top.join(if store.is_tree { "tree" } else { "alone" });
    let mut written = WRITTEN.lock().expect("one thread writes");
    for path in written.files.drain(..) {
        fs::remove_file(path).expect("it was written before");
    }
    if written.format != layout.format {
        prepare(&top, layout);
        written.format = layout.format;
    }
    for file in &store.files {
        let path = root.join(OsStr::from_bytes(&file.name));
        // A name may be too long for the file system, or that of a directory.
        if fs::write(&path, &file.bytes).is_ok() && !written.files.contains(&path) {
            written.files.push(path);
        }
    }
    if store.is_tree { root } else { root.join(layout.alone) }
}

/// Cuts every file of the store to its first half.
pub fn halve() {
    for path in &WRITTEN.lock().expect("one thread writes").files {
        let file = fs::OpenOptions::new().write(true).open(path).expect("it was written before");
        let half = file.metadata().map_or(0, |data| data.len() / 2);
        file.set_len(half).expect("files can be made shorter");
    }
}

/// Makes the directories that a layout needs, and no others.
fn prepare(top: &Path, layout: &Layout) {
    let _ = fs::remove_dir_all(top); // of another format, or of a process that had the same number
    fs::create_dir_all(top.join("alone")).expect("the directory for temporary files takes a store");
    for name in layout.tree {
        let above = name.rsplit_once('/').map_or("", |(above, _)| above);
        fs::create_dir_all(top.join("tree").join(above)).expect("as before");
    }
}
