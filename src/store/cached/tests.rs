//! The cache around a store that is made up, so that every state can be had.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::*;
use crate::mail::details::Details;
use crate::mail::{DateSource, Envelope, Flags, InternalDate, Warning};
use crate::store::{Damage, Hidden};

/// A store of one folder that counts how often it is read.
struct Made {
    found: Vec<Found>,
    stamp: Stamp,
    reads: Arc<AtomicUsize>,
    root: PathBuf,
}

impl Store for Made {
    fn format(&self) -> &'static Format {
        &crate::store::mbox::FORMAT
    }

    fn format_of(&self, folder: &FolderPath) -> &'static Format {
        if folder.name() == "drafts" { &crate::store::maildir::FORMAT } else { self.format() }
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn folders(&mut self) -> Result<Vec<Folder>, StoreError> {
        Ok(Vec::new())
    }

    fn list(&mut self, _: &FolderPath, visit: &mut dyn FnMut(Found) -> Walk) -> Result<(), StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let _ = self.found.iter().cloned().try_for_each(visit);
        Ok(())
    }

    fn count(&mut self, _: &FolderPath, _: &mut dyn FnMut(Found) -> Walk) -> Result<Count, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(Count { messages: 7000, bytes: 7 }) // not what a list would give
    }

    fn stamp(&mut self, _: &FolderPath) -> Result<Option<Stamp>, StoreError> {
        Ok(Some(self.stamp.clone()))
    }

    fn read(&mut self, _: &FolderPath, _: &Locator) -> Result<Vec<u8>, StoreError> {
        Ok(Vec::new())
    }

    fn line(&mut self, _: &FolderPath, locator: &Locator) -> Option<u64> {
        Some(locator.offset)
    }

    fn check_removable(&self, folder: &FolderPath) -> Result<(), StoreError> {
        if folder.is_root() { Ok(()) } else { Err(StoreError::copy_only(&self.root, self.format())) }
    }

    fn rewrites_whole_files(&self) -> bool {
        true
    }

    fn remove(&mut self, _: &FolderPath, _: &[Removal]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        Ok(Vec::new())
    }
}

fn message(number: u64, subject: &str) -> Found {
    let is_odd = !number.is_multiple_of(2);
    Found::Message(Envelope {
        locator: Locator { name: format!("{number}.M").into(), offset: number, length: 3 },
        size: number,
        flags: if is_odd { Flags::SEEN | Flags::DRAFT } else { Flags::NONE },
        keywords: if is_odd { vec!["work".to_owned()] } else { Vec::new() },
        internal_date: is_odd.then(|| InternalDate::from_unix(1_000_000_000)),
        date_from: if is_odd { DateSource::Received } else { DateSource::None },
        from: "Žofie".to_owned(),
        subject: subject.to_owned(),
        message_id: is_odd.then(|| format!("<{number}@x>")),
        details: Box::new(Details {
            to: "ž".repeat(usize::try_from(number % 7).unwrap()),
            links: vec![number; 2],
            ..Details::default()
        }),
        warnings: if is_odd { Vec::new() } else { vec![Warning::NoDate, Warning::NoHeader] },
    })
}

/// A cache, and a store whose list is as it says.
struct World {
    home: TempDir,
    found: Vec<Found>,
    note: String,
    reads: Arc<AtomicUsize>,
}

impl World {
    fn of(messages: u64, subject: &str) -> Self {
        let mut found: Vec<Found> = (0..messages).map(|number| message(number, subject)).collect();
        let reason = "an odd\nreason".to_owned();
        found.insert(1, Found::Damage(Damage { file: "/some/file".into(), offset: 9, reason }));
        found.insert(2, Found::Hidden(Hidden::Expunged));
        Self { home: TempDir::new().unwrap(), found, note: "one".to_owned(), reads: Arc::default() }
    }

    fn cache(&self) -> PathBuf {
        self.home.path().join("above/cache")
    }

    fn open(&self) -> Box<dyn Store> {
        let stamp = Stamp::of([]).unwrap().with(&self.note);
        let root = self.home.path().to_owned();
        let made = Made { found: self.found.clone(), stamp, reads: self.reads.clone(), root };
        let options = OpenOptions { cache: Some(self.cache()), ..OpenOptions::default() };
        wrap(Box::new(made), self.home.path(), &options)
    }

    /// Lists in a new run. Gives whether the store was read for it; what was found is the same in any case.
    #[track_caller]
    fn reads_again(&self) -> bool {
        let before = self.reads.load(Ordering::Relaxed);
        let mut found = Vec::new();
        let visit = &mut |one| {
            found.push(one);
            Walk::Continue(())
        };
        self.open().list(&FolderPath::root(), visit).unwrap();
        assert!(found == self.found, "{} of {} found", found.len(), self.found.len());
        self.reads.load(Ordering::Relaxed) > before
    }

    /// The kept lists.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache()).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn a_second_look_is_the_same_and_reads_nothing() {
    let world = World::of(600, "Plans");
    assert!(world.reads_again());
    assert!(!world.reads_again());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&world.cache()), mode(&world.files()[0])), (0o700, 0o600));
}

#[test]
fn what_is_not_kept_is_what_the_store_says() {
    let world = World::of(3, "Plans");
    let mut store = world.open();
    let format = |folder: &str| store.format_of(&FolderPath::parse(folder)).name;
    assert_eq!((format(""), format("drafts"), store.format().name), ("mbox", "maildir", "mbox"));
    let locator = Locator { name: "".into(), offset: 7, length: 3 };
    assert_eq!(store.line(&FolderPath::root(), &locator), Some(7));
    assert!(store.check_removable(&FolderPath::root()).is_ok());
    assert!(store.check_removable(&FolderPath::parse("drafts")).is_err());
    assert!(store.rewrites_whole_files() && store.root() == world.home.path());
}

#[test]
fn a_count_is_kept_by_itself() {
    let world = World::of(600, "Plans");
    assert!(world.reads_again());
    for reads in [2, 2] {
        let count = world.open().count(&FolderPath::root(), &mut |_| Walk::Continue(())).unwrap();
        assert_eq!(count, Count { messages: 7000, bytes: 7 });
        assert_eq!(world.reads.load(Ordering::Relaxed), reads);
    }
}

#[test]
fn another_state_another_folder_or_other_options_are_read_anew() {
    let mut world = World::of(600, "Plans");
    assert!(world.reads_again());
    world.note = "two".to_owned();
    assert!(world.reads_again() && !world.reads_again());
    assert_eq!(world.files().len(), 1, "the old state is replaced");
    let key = Key::of_store("mbox", world.home.path(), &OpenOptions::default()).unwrap();
    let recovered = OpenOptions { recovered: true, ..OpenOptions::default() };
    let others = [
        key.of_folder(Kind::Count, &FolderPath::root()),
        key.of_folder(Kind::List, &FolderPath::parse("a")),
        key.of_folder(Kind::List, &FolderPath::parse("a/b")),
        Key::of_store("mbox", world.home.path(), &recovered).unwrap(),
        Key::of_store("dbx", world.home.path(), &OpenOptions::default()).unwrap(),
    ];
    for other in others {
        assert_ne!(other.name(), key.name());
    }
}

#[test]
fn what_is_small_stopped_or_too_new_is_not_kept() {
    let small = World::of(400, "Plans");
    assert!(small.reads_again() && small.reads_again() && small.files().is_empty());
    let stopped = World::of(600, "Plans");
    stopped.open().list(&FolderPath::root(), &mut |_| Walk::Break(())).unwrap();
    assert!(stopped.files().is_empty());
    let file = stopped.home.path().join("new");
    fs::write(&file, "").unwrap();
    let stamp = Stamp::of([file.as_path()]).unwrap();
    let now = SystemTime::now();
    assert!(!is_settled(&stamp, now));
    assert!(is_settled(&stamp, now + std::time::Duration::from_secs(4)));
    let old = fs::File::open(&file).unwrap();
    old.set_modified(UNIX_EPOCH).unwrap();
    assert!(!is_settled(&Stamp::of([file.as_path()]).unwrap(), now), "its times were set just now");
}

#[test]
fn a_damaged_file_is_no_list() {
    let world = World::of(500, "x");
    assert!(world.reads_again());
    let path = world.files().remove(0);
    let whole = fs::read(&path).unwrap();
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let ends = 0..whole.len();
    let places = ends.clone().filter(|at| *at < 400 || *at + 80 > whole.len() || at.is_multiple_of(97));
    for at in places {
        fs::write(&path, &whole[..at]).unwrap();
        assert!(world.reads_again(), "cut off at {at}");
        let mut other = whole.clone();
        other[at] ^= 1 << random(8);
        fs::write(&path, &other).unwrap();
        assert!(world.reads_again(), "byte {at} is another");
    }
    for _ in 0..300 {
        let mut other = whole.clone();
        (0..=random(20)).for_each(|_| other[random(whole.len())] = u8::try_from(random(256)).unwrap());
        fs::write(&path, &other).unwrap();
        assert!(world.reads_again() || other == whole);
    }
    fs::write(&path, [whole.as_slice(), b"more"].concat()).unwrap();
    assert!(world.reads_again());
    assert!(!world.reads_again(), "and it is replaced");
}

#[test]
fn what_others_could_write_to_is_not_used() {
    let world = World::of(600, "Plans");
    assert!(world.reads_again());
    let (cache, file) = (world.cache(), world.files().remove(0));
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for (path, good, bad) in [(&cache, 0o700, 0o777), (&cache, 0o755, 0o770), (&file, 0o600, 0o620)] {
        set(path, bad);
        let before = fs::metadata(&file).unwrap().modified().unwrap();
        assert!(world.reads_again(), "{} with {bad:o}", path.display());
        if path == &cache {
            assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before, "nor is it written");
        }
        set(path, good);
        assert!(!world.reads_again());
    }
    let aside = world.home.path().join("aside");
    fs::rename(&cache, &aside).unwrap();
    symlink(&aside, &cache).unwrap();
    assert!(world.reads_again(), "a link may lead anywhere");
    fs::remove_file(&cache).unwrap();
    fs::rename(&aside, &cache).unwrap();
    if geteuid_is_root() {
        std::os::unix::fs::chown(&file, Some(12345), None).unwrap();
        assert!(world.reads_again(), "a list of another user");
        std::os::unix::fs::chown(&cache, Some(12345), None).unwrap();
        assert!(world.reads_again() && world.reads_again(), "a directory of another user");
    }
}

fn geteuid_is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn it_can_be_deleted_at_any_time() {
    let world = World::of(9000, &"A long subject ".repeat(10));
    // While it is written.
    let mut met = 0;
    let visit = &mut |_| {
        met += 1;
        if met == 8000 {
            fs::remove_dir_all(world.cache()).unwrap();
        }
        Walk::Continue(())
    };
    world.open().list(&FolderPath::root(), visit).unwrap();
    assert!(world.files().is_empty() && met == 9002);
    // While it is shown: cut off, or deleted.
    for cut in [true, false] {
        assert!(world.reads_again() && !world.reads_again());
        let mut found = Vec::new();
        let visit = &mut |one| {
            found.push(one);
            if found.len() == 100 && cut {
                fs::OpenOptions::new().write(true).open(&world.files()[0]).unwrap().set_len(500_000).unwrap();
            } else if found.len() == 100 {
                fs::remove_dir_all(world.cache()).unwrap();
            }
            Walk::Continue(())
        };
        world.open().list(&FolderPath::root(), visit).unwrap();
        assert!(found == world.found);
        let _ = fs::remove_dir_all(world.cache());
    }
    // Where there can be none.
    fs::write(world.cache(), "a file").unwrap();
    assert!(world.reads_again() && world.reads_again());
}

#[test]
fn what_is_old_goes_and_what_is_foreign_stays() {
    let world = World::of(600, "Plans");
    fs::create_dir_all(world.cache()).unwrap();
    let old = |name: &str, days: u64| {
        let file = fs::File::create(world.cache().join(name)).unwrap();
        file.set_modified(SystemTime::now() - std::time::Duration::from_hours(24 * days)).unwrap();
    };
    let digest = "0123456789abcdef".repeat(4);
    old(&format!("{digest}.list"), 61);
    old(&format!("{}.list", digest.replace('0', "f")), 59);
    old(".unfinished-x", 2);
    old("letter.list", 900);
    assert!(world.reads_again());
    let mut names: Vec<_> = world.files().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    names.retain(|name| {
        *name != *Key::of_store("mbox", world.home.path(), &OpenOptions::default()).unwrap().name().unwrap()
    });
    names.sort();
    assert_eq!(names, [format!("{}.list", digest.replace('0', "f")).as_str(), "letter.list"]);
}
