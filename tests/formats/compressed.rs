//! Packed files: every packing gives what the plain file gives; what is cut off, damaged or a trap ends in words.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mailferry::mail::{Envelope, FolderPath};
use mailferry::store::{self, StoreError, Walk};

use super::packing::{PACKINGS, pack};
use super::{data, describe, list};

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

/// Messages enough for several blocks of every packing, as an mbox.
fn many(messages: usize) -> Vec<u8> {
    let mut seed = 7_u64;
    let mut text = Vec::new();
    for number in 0..messages {
        write!(text, "From a@b Thu Jan  1 10:00:00 2004\nSubject: {number}\nFrom: a@b\n\n").unwrap();
        for _ in 0..40 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            writeln!(text, "{seed:x} is what line this is in message {number}").unwrap();
        }
        text.push(b'\n');
    }
    text
}

/// What tests compare of every message of the only folder of a store.
fn described(path: &Path) -> Vec<String> {
    let mut store = store::open(path, Some("mbox")).unwrap();
    let root = FolderPath::root();
    let listed = list(store.as_mut(), &root).unwrap();
    assert!(listed.damage.iter().all(|damage| damage.file == path), "{:?}", listed.damage);
    let reasons = listed.damage.iter().map(|damage| format!("{} {}", damage.offset, damage.reason));
    let messages = listed.messages.iter().map(|one| describe(one, &store.read(&root, &one.locator).unwrap()));
    messages.chain(reasons).chain(listed.hidden.iter().map(|hidden| format!("{hidden:?}"))).collect()
}

#[test]
fn a_packed_mbox_gives_what_the_plain_one_gives() {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(data().join("dialects")).unwrap() {
        let plain = entry.unwrap().path();
        let bytes = fs::read(&plain).unwrap();
        let name = plain.file_name().unwrap().to_str().unwrap();
        let expected = described(&plain);
        for ending in PACKINGS {
            let packed = dir.path().join(format!("{name}.{ending}"));
            fs::write(&packed, pack(ending, &bytes)).unwrap();
            let modified = fs::metadata(&plain).unwrap().modified().unwrap();
            fs::File::options().write(true).open(&packed).unwrap().set_modified(modified).unwrap();
            assert_eq!(described(&packed), expected, "{}", packed.display());
            // In two parts, one after the other.
            let (one, two) = bytes.split_at(bytes.len() / 2);
            fs::write(&packed, [pack(ending, one), pack(ending, two)].concat()).unwrap();
            fs::File::options().write(true).open(&packed).unwrap().set_modified(modified).unwrap();
            assert_eq!(described(&packed), expected, "{} in two parts", packed.display());
        }
    }
}

#[test]
fn a_packed_file_is_named_by_what_is_in_it_and_only_copied() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old.mbox.xz");
    fs::write(&path, pack("xz", &many(3))).unwrap();
    let (format, evidence) = super::found(&path).remove(0);
    assert!(format == "compressed" && evidence.ends_with("old.mbox.xz is packed, with mail in it"), "{evidence}");
    let mut store = store::open(&path, None).unwrap();
    assert_eq!((store.format().name, store.root()), ("mbox", path.as_path()));
    let root = FolderPath::root();
    assert_eq!(store.count(&root, &mut |_| Walk::Continue(())).unwrap().messages, 3);
    for error in [store.check_removable(&root).unwrap_err(), store.remove(&root, &[]).unwrap_err()] {
        assert!(matches!(error, StoreError::CopyOnly { .. }) && error.to_string().contains("old.mbox.xz"), "{error}");
    }
    // What the user names is what is in it.
    assert_eq!(store::open(&path, Some("mbox")).unwrap().format().name, "mbox");
    assert_eq!(store::open(&path, Some("eml")).unwrap().format().name, "eml");
    assert_eq!(store::open(&path, Some("compressed")).unwrap().format().name, "mbox");
    assert_eq!(store::stem(&path).unwrap(), "old");
}

#[test]
fn other_single_files_are_read_when_packed() {
    let dir = tempfile::tempdir().unwrap();
    let shared = data();
    for (plain, format) in
        [("single.eml", "eml"), ("babyl/rmail", "babyl"), ("thebat", "thebat"), ("foxmail", "foxmail")]
    {
        let mut plain = shared.join(plain);
        while plain.is_dir() {
            plain = fs::read_dir(&plain).unwrap().map(|entry| entry.unwrap().path()).min().unwrap();
        }
        let name = plain.file_name().unwrap().to_str().unwrap();
        let packed = dir.path().join(format!("{name}.bz2"));
        fs::write(&packed, pack("bz2", &fs::read(&plain).unwrap())).unwrap();
        assert_eq!(store::open(&packed, None).unwrap().format().name, format);
        assert_eq!(super::texts(&packed), super::texts(&plain), "{name}");
    }
}

#[test]
fn what_is_cut_off_is_read_up_to_there_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = many(120);
    let plain = dir.path().join("plain");
    fs::write(&plain, &bytes).unwrap();
    let whole = described(&plain);
    for ending in PACKINGS {
        let packed = pack(ending, &bytes);
        let path = dir.path().join(format!("cut.{ending}"));
        let mut best = 0;
        let near_end = (1..20).map(|before| packed.len() - before);
        for length in (0..packed.len()).step_by(packed.len() / 40).chain(near_end) {
            fs::write(&path, &packed[..length]).unwrap();
            let Ok(mut store) = store::open(&path, None) else { continue };
            let root = FolderPath::root();
            let Ok(listed) = list(store.as_mut(), &root) else { continue };
            if length == 0 {
                continue; // an empty file is no packed one
            }
            assert!(
                listed.damage.iter().any(|damage| damage.file == path && damage.reason.contains("cut off")),
                "{ending} {length}: {:?}",
                listed.damage
            );
            let read = |one: &Envelope| describe(one, &store.read(&root, &one.locator).unwrap());
            let read: Vec<_> = listed.messages.iter().map(read).collect();
            let before_last = read.len().saturating_sub(1);
            assert_eq!(read[..before_last], whole[..before_last], "{ending} {length}");
            best = best.max(read.len());
        }
        // A block of bzip2 is all or nothing, and here is only one.
        assert!(best > 100 || ending == "bz2", "{ending}: {best}");
    }
}

#[test]
fn flipped_bits_are_survived_and_never_silent() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = many(12);
    let plain = dir.path().join("plain");
    fs::write(&plain, &bytes).unwrap();
    let whole = described(&plain);
    for ending in PACKINGS {
        let packed = pack(ending, &bytes);
        let path = dir.path().join(format!("bits.{ending}"));
        for number in 0..100 {
            let mut damaged = packed.clone();
            let bit = if number < 50 { number * 3 } else { (number * 7919) % (packed.len() * 8) };
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &damaged).unwrap();
            let Ok(mut store) = store::open(&path, None) else { continue };
            let root = FolderPath::root();
            let Ok(listed) = list(store.as_mut(), &root) else { continue };
            let read = |one: &Envelope| describe(one, &store.read(&root, &one.locator).unwrap());
            let read: Vec<_> = listed.messages.iter().map(read).collect();
            assert!(!listed.damage.is_empty() || read == whole, "{ending} bit {bit}");
        }
    }
}

#[test]
fn a_trap_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let zeros = vec![0; 8 << 20];
    for ending in PACKINGS {
        let path = dir.path().join(format!("trap.mbox.{ending}"));
        // 2 GiB of zeros after a message.
        let packed = pack(ending, &zeros);
        fs::write(&path, [pack(ending, &many(1)), packed.repeat(256)].concat()).unwrap();
        let size = fs::metadata(&path).unwrap().len();
        let mut store = store::open(&path, None).unwrap();
        let error = list(store.as_mut(), &FolderPath::root()).map(|_| ()).unwrap_err().to_string();
        assert!(
            error.contains("1000 times") && error.contains("unpack it yourself"),
            "{ending}, {size} bytes: {error}"
        );
    }
}

#[test]
fn what_holds_no_mail_is_named_with_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    for (ending, name) in PACKINGS.into_iter().zip(["gzip", "bzip2", "xz", "zstd"]) {
        let path = dir.path().join(format!("notes.txt.{ending}"));
        fs::write(&path, pack(ending, b"Hello,\nworld\n")).unwrap();
        assert_eq!(super::found(&path), []);
        let error = store::open(&path, None).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(&format!("{name} file, and no mail was seen")), "{error}");
    }
    let beside = dir.path().join("beside");
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("2004.mbox.gz"), pack("gz", &many(2))).unwrap();
    let mut store = store::open(&beside, None).unwrap();
    assert_eq!(super::folders(store.as_mut()), [""]);
    assert_eq!(store.root(), beside.join("2004.mbox.gz"));
    fs::write(beside.join("2005.mbox"), many(2)).unwrap();
    let mut store = store::open(&beside, None).unwrap();
    assert_eq!(super::folders(store.as_mut()), ["2005", "2004"]);
    let listed = list(store.as_mut(), &FolderPath::parse("2004")).unwrap();
    assert_eq!((listed.messages.len(), listed.damage), (2, vec![]));
}

/// Runs `ls` on `path` with its temporary directory in `temp`.
fn program(path: &Path, temp: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailferry"));
    command.arg("ls").arg(path).env("TMPDIR", temp).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn entries(path: &Path) -> Vec<PathBuf> {
    fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_large_one_takes_little_memory_and_nothing_stays_behind() {
    let (dir, temp) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (large, small) = (dir.path().join("large.mbox.gz"), dir.path().join("small.mbox.gz"));
    let packed = pack("gz", &many(1000));
    fs::write(&small, &packed).unwrap();
    fs::write(&large, packed.repeat(100)).unwrap();
    // Killed while it unpacks, it leaves its directory.
    let mut child = program(&large, temp.path());
    let holds_mail = |path: &PathBuf| fs::read_dir(path.join("mail")).is_ok_and(|mut all| all.next().is_some());
    while !entries(temp.path()).iter().any(holds_mail) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it unpacked");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!entries(temp.path()).is_empty());
    // The next run clears that up, and its own too.
    assert!(program(&small, temp.path()).wait().unwrap().success());
    assert_eq!(entries(temp.path()), Vec::<PathBuf>::new());
    // 2 MB of header lines are in the index, and the content passes.
    let mut child = program(&large, temp.path());
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak = peak.max(line.and_then(|line| line.trim().parse().ok()).unwrap_or(0_u64));
    }
    assert!(child.wait().unwrap().success());
    assert!(peak > 0 && peak < 60_000, "{peak} kB");
    assert_eq!(entries(temp.path()), Vec::<PathBuf>::new());
}

#[test]
fn what_is_small_touches_no_disk() {
    let dir = tempfile::tempdir().unwrap();
    if !Path::new("/dev/shm").is_dir() {
        eprintln!("skipped: no directory is memory here");
        return;
    }
    let nowhere = dir.path().join("not-there");
    let (large, small) = (dir.path().join("large.mbox.gz"), dir.path().join("small.mbox.gz"));
    let packed = pack("gz", &many(500));
    fs::write(&small, &packed).unwrap();
    fs::write(&large, packed.repeat(40)).unwrap();
    let text = many(500).len() * 40;
    assert!(fs::metadata(&large).unwrap().len() < 32 << 20 && text > 32 << 20, "{text}");
    assert!(program(&small, &nowhere).wait().unwrap().success());
    assert!(!program(&large, &nowhere).wait().unwrap().success(), "it is unpacked to a disk, and there is none");
    assert!(program(&large, dir.path()).wait().unwrap().success());
}

#[test]
fn stores_on_one_file_share_what_was_unpacked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.mbox.zst");
    fs::write(&path, pack("zst", &many(50))).unwrap();
    let open = || {
        let mut store = store::open(&path, None).unwrap();
        let listed = list(store.as_mut(), &FolderPath::root()).unwrap();
        (store, listed.messages)
    };
    let ((one, messages), (mut two, again)) = (open(), open());
    drop(one);
    assert_eq!(messages.len(), again.len());
    let last = messages.last().unwrap();
    assert!(two.read(&FolderPath::root(), &last.locator).unwrap().starts_with(b"Subject: 49\r\n"));
}
