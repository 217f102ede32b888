//! Reads and writes files of rules for folders, each in a thread of its own: a disk may be slow.

use std::path::PathBuf;

use crossbeam_channel::Sender;

use super::spawn;
use crate::transfer::Mapping;
use crate::ui::event::{Event, Rules, Trouble};

/// Reads a file.
pub(crate) fn load(path: PathBuf, events: &Sender<Event>) {
    let news = events.clone();
    spawn("read rules", events, move || {
        let read = Mapping::load(&path).map(|mapping| Rules::Read(mapping, path));
        // Nobody listens any more when the program is ending.
        let _ = news.send(Event::Mapping(read.map_err(|error| Trouble::from(&error))));
    });
}

/// Writes a file.
pub(crate) fn save(mapping: Mapping, path: PathBuf, events: &Sender<Event>) {
    let news = events.clone();
    spawn("write rules", events, move || {
        let written = mapping.save(&path).map(|()| Rules::Written(path));
        // Nobody listens any more when the program is ending.
        let _ = news.send(Event::Mapping(written.map_err(|error| Trouble::from(&error))));
    });
}
