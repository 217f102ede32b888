//! Every store format against what other programs wrote: recorded stores, real samples, damage, removal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod apple;
mod archives;
mod boxes;
mod cached;
mod checksums;
#[path = "../common/mod.rs"]
mod common;
mod compressed;
mod damage;
mod detection;
mod evolution;
mod files;
mod hostile;
mod kmail;
mod labels;
mod mozilla;
mod outcome;
mod outlook;
mod outlook_express;
mod outlook_express_damage;
mod outlook_made;
mod packing;
mod readers;
mod recorded;
mod recovered;
mod removal;
mod samples;
mod survey;

use std::path::{Path, PathBuf};

use mailferry::mail::{Envelope, FolderPath, InternalDate, Sha256Sum};
use mailferry::store::{self, Damage, Found, Hidden, Store, StoreError, Walk};

/// The invented stores of this repository.
fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stores")
}

/// Everything a walk through one folder found.
#[derive(Default)]
struct Listed {
    messages: Vec<Envelope>,
    hidden: Vec<Hidden>,
    damage: Vec<Damage>,
}

fn list(store: &mut dyn Store, folder: &FolderPath) -> Result<Listed, StoreError> {
    let mut listed = Listed::default();
    store.list(folder, &mut |found| {
        match found {
            Found::Message(envelope) => listed.messages.push(envelope),
            Found::Hidden(hidden) => listed.hidden.push(hidden),
            Found::Damage(damage) => listed.damage.push(damage),
            Found::Progress { done, total } => assert!(done <= total),
        }
        Walk::Continue(())
    })?;
    Ok(listed)
}

/// The formats that `path` is found to hold, and why.
fn found(path: &Path) -> Vec<(&'static str, String)> {
    let survey = store::survey(path, &store::OpenOptions::default(), &mut |_| Walk::Continue(()));
    let sightings = |survey: &store::Survey| {
        survey.sightings().map(|found| (found.format, found.evidence.clone())).collect::<Vec<_>>()
    };
    survey.as_ref().map(sightings).unwrap_or_default()
}

/// The folders of a store that hold messages, as text.
fn folders(store: &mut dyn Store) -> Vec<String> {
    let all = store.folders().unwrap();
    all.iter().filter(|folder| folder.holds_messages).map(|folder| folder.path.to_string()).collect()
}

/// The messages of the unnamed or only folder of the store at `path`, with their text.
fn texts(path: &Path) -> Vec<String> {
    let mut store = store::open(path, None).unwrap();
    let folder = store.folders().unwrap().into_iter().find(|folder| folder.holds_messages).unwrap().path;
    let listed = list(store.as_mut(), &folder).unwrap();
    let read =
        |envelope: &Envelope| String::from_utf8_lossy(&store.read(&folder, &envelope.locator).unwrap()).into_owned();
    listed.messages.iter().map(read).collect()
}

/// What tests compare of a message: digest, subject, flags, keywords, date, rule, warnings.
fn describe(envelope: &Envelope, bytes: &[u8]) -> String {
    let warnings: Vec<_> = envelope.warnings.iter().map(|warning| warning.label()).collect();
    format!(
        "{} | {} | {} | {} | {} | {} | {}",
        Sha256Sum::of(bytes),
        envelope.subject,
        envelope.flags,
        envelope.keywords.join(" "),
        envelope.internal_date.map(InternalDate::to_rfc3339).unwrap_or_default(),
        envelope.date_from.label(),
        warnings.join(", "),
    )
}

/// Copies a tree, with its hidden files.
fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
