//! Archives: zip and tar give what their directory gives; hostile members do no harm, and none is forgotten.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mailferry::mail::FolderPath;
use mailferry::store::{self, Damage, OpenOptions, Store, StoreError};

use super::packing::pack;
use super::{copy_tree, data, describe, folders, list};

/// Runs Python with `script` and gives it `arguments`.
fn python(script: &str, arguments: &[&Path]) {
    let status = Command::new("python3").arg("-c").arg(script).args(arguments).status().unwrap();
    assert!(status.success(), "{script}");
}

/// Every folder with every message in it, and what was damaged.
fn everything(store: &mut dyn Store) -> (Vec<String>, Vec<Damage>) {
    let (mut found, mut damage) = (Vec::new(), Vec::new());
    for folder in store.folders().unwrap().into_iter().filter(|folder| folder.holds_messages) {
        let listed = list(store, &folder.path).unwrap();
        for one in &listed.messages {
            let bytes = store.read(&folder.path, &one.locator).unwrap();
            found.push(format!("{:?} {:?} {}", folder.path.to_string(), folder.special, describe(one, &bytes)));
        }
        found.push(format!("{:?} {}", folder.path.to_string(), listed.hidden.len()));
        damage.extend(listed.damage);
    }
    (found, damage)
}

/// The archives that Python makes of a directory, with its name in them or without, and one of zstd.
fn archives(directory: &Path, into: &Path) -> Vec<PathBuf> {
    let script = "import shutil, sys
top, base = sys.argv[1].rsplit('/', 1)
for kind in ['zip', 'tar', 'gztar', 'bztar', 'xztar']:
    shutil.make_archive(sys.argv[2] + '/bare', kind, sys.argv[1])
    shutil.make_archive(sys.argv[2] + '/named', kind, top, base)
";
    python(script, &[directory, into]);
    for name in ["bare", "named"] {
        let tar = fs::read(into.join(format!("{name}.tar"))).unwrap();
        fs::write(into.join(format!("{name}.tar.zst")), pack("zst", &tar)).unwrap();
    }
    let mut all: Vec<_> = fs::read_dir(into).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// Sets all times in a tree to a second that zip can hold.
fn set_times(path: &Path) {
    for entry in fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            set_times(&entry);
        } else {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_100_000_000);
            fs::File::options().write(true).open(entry).unwrap().set_modified(time).unwrap();
        }
    }
}

#[test]
fn an_archive_gives_what_its_directory_gives() {
    for (source, format) in [
        ("python/Maildir", "maildir"),
        ("profile/abcd1234.default", "thunderbird"),
        ("outlook-express/identity", "dbx"),
        ("thunderbird", "mbox"),
        ("apple", "emlx"),
        ("eudora", "eudora"),
    ] {
        let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let plain = dir.path().join("Old mail");
        copy_tree(&data().join(source), &plain);
        set_times(&plain);
        let mut direct = store::open(&plain, None).unwrap();
        assert_eq!(direct.format().name, format);
        let expected = everything(direct.as_mut());
        let all = archives(&plain, into.path());
        assert_eq!(all.len(), 12);
        for path in all {
            assert_eq!(super::found(&path)[0].0, "archive", "{}", path.display());
            let mut store = store::open(&path, None).unwrap();
            assert_eq!((store.format().name, store.root()), (format, path.as_path()));
            let found = everything(store.as_mut());
            assert_eq!(found.0, expected.0, "{source} {}", path.display());
            assert_eq!(found.1.len(), expected.1.len(), "{source} {}: {:?}", path.display(), found.1);
            assert!(found.1.iter().all(|damage| damage.file.starts_with(&path)), "{:?}", found.1);
            let root = FolderPath::root();
            assert!(matches!(store.check_removable(&root), Err(StoreError::CopyOnly { .. })));
        }
    }
}

#[test]
fn messages_in_an_archive_have_its_directory_as_folder() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plain = dir.path().join("Bridge 2004");
    fs::create_dir(&plain).unwrap();
    for name in ["1.eml", "2.eml"] {
        fs::copy(data().join("single.eml"), plain.join(name)).unwrap();
    }
    for path in archives(&plain, into.path()) {
        let mut store = store::open(&path, None).unwrap();
        let named = path.file_name().unwrap().to_str().unwrap().starts_with("named");
        assert_eq!(folders(store.as_mut()), [if named { "Bridge 2004" } else { "" }], "{}", path.display());
        assert_eq!(everything(store.as_mut()).0.len(), 3);
    }
}

#[test]
fn mboxes_in_an_archive_may_be_packed_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let bytes = fs::read(data().join("dialects/lf.mbox")).unwrap();
    for ending in ["gz", "bz2", "xz", "zst"] {
        fs::write(inner.join(format!("in {ending}.mbox.{ending}")), pack(ending, &bytes)).unwrap();
    }
    let into = tempfile::tempdir().unwrap();
    for path in archives(&inner, into.path()) {
        let mut store = store::open(&path, None).unwrap();
        assert_eq!(folders(store.as_mut()), ["in bz2", "in gz", "in xz", "in zst"], "{}", path.display());
        assert_eq!(everything(store.as_mut()).0.len(), 4 * 4);
    }
}

#[test]
fn files_that_are_stores_of_their_own_are_read_together() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("inner");
    fs::create_dir_all(inner.join("deep")).unwrap();
    let zip = "import shutil, sys; shutil.make_archive(sys.argv[2][:-4], 'zip', sys.argv[1])";
    let export = dir.path().join("export");
    let messages = export.join("Accounts/a@b/com.microsoft.__Messages/Inbox");
    fs::create_dir_all(&messages).unwrap();
    let text = "<emails elementCount=\"1\"><email><OPFMessageCopySubject>one</OPFMessageCopySubject></email></emails>";
    fs::write(messages.join("message_00001.xml"), text).unwrap();
    python(zip, &[&export, &inner.join("one.zip")]);
    fs::rename(inner.join("one.zip"), inner.join("one.olm")).unwrap();
    let archive = dir.path().join("backup.zip");
    python(zip, &[&inner, &archive]);
    let mut store = store::open(&archive, None).unwrap();
    assert_eq!((store.format().name, folders(store.as_mut())), ("olm", vec!["Inbox".to_owned()]));
    fs::copy(inner.join("one.olm"), inner.join("deep/two.olm")).unwrap();
    python(zip, &[&inner, &archive]);
    let mut store = store::open(&archive, None).unwrap();
    assert_eq!(folders(store.as_mut()), ["deep/two/Inbox", "one/Inbox"]);
    assert_eq!(store.format_of(&FolderPath::parse("one/Inbox")).name, "olm");
}

/// A zip and a tar archive with what no archive should hold, and one mbox.
const HOSTILE: &str = r"
import io, stat, sys, tarfile, zipfile
mbox = open(sys.argv[1], 'rb').read()
names = ['../outside', 'a/../../outside', '/absolute.mbox', 'd/' * 10000 + 'deep', 'n' * 300 + '.mbox', 'twice.mbox', 'box.mbox']
with zipfile.ZipFile(sys.argv[2] + '/hostile.zip', 'w') as zip:
    for name in names:
        zip.writestr(name, mbox)
    zip.writestr('twice.mbox', mbox)
    link = zipfile.ZipInfo('link')
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    zip.writestr(link, sys.argv[2])
    zip.writestr('link/through', mbox)
    zip.writestr('box.mbox/inside', mbox)
with tarfile.open(sys.argv[2] + '/hostile.tar', 'w') as tar:
    def add(name, kind=tarfile.REGTYPE, link='', bytes=b''):
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, link, len(bytes)
        tar.addfile(info, io.BytesIO(bytes))
    for name in names:
        add(name, bytes=mbox)
    add('link', tarfile.SYMTYPE, sys.argv[2])
    add('link/through', bytes=mbox)
    add('box.mbox/inside', bytes=mbox)
    add('passwd.mbox', tarfile.LNKTYPE, '/etc/passwd')
    add('up.mbox', tarfile.LNKTYPE, '../../../../../../etc/passwd')
    add('null', tarfile.CHRTYPE)
    add('pipe', tarfile.FIFOTYPE)
    add('twice.mbox', bytes=mbox)
    add('same.mbox', tarfile.LNKTYPE, 'box.mbox')
";

#[test]
fn hostile_members_do_no_harm_and_are_named() {
    let dir = tempfile::tempdir().unwrap();
    python(HOSTILE, &[&data().join("dialects/lf.mbox"), dir.path()]);
    for (name, is_tar) in [("hostile.zip", false), ("hostile.tar", true)] {
        let path = dir.path().join(name);
        let mut store = store::open(&path, None).unwrap();
        let mut expected = vec!["absolute", "box", "link/through", "twice"];
        if is_tar {
            expected.push("same");
        }
        let mut found = folders(store.as_mut());
        found.retain(|folder| !folder.starts_with("nnn"));
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}");
        let (messages, damage) = everything(store.as_mut());
        assert_eq!(messages.len(), (expected.len() + 1) * 4, "{name}");
        let named = |member: &str, words: &str| {
            damage.iter().any(|one| one.file.to_string_lossy().contains(member) && one.reason.contains(words))
        };
        let mut wanted = vec![("outside", "out of the archive"), ("d/d", "too many"), ("link", "symbolic link")];
        wanted.push(("box.mbox/inside", "a file stands where"));
        if is_tar {
            wanted.extend([
                ("twice.mbox", "more than once"),
                ("passwd.mbox", "the same as"),
                ("up.mbox", "the same as"),
            ]);
            wanted.extend([("null", "device"), ("pipe", "pipe")]);
        }
        for (member, words) in wanted {
            assert!(named(member, words), "{name}: {member} is not named: {damage:#?}");
        }
        assert!(!dir.path().join("through").exists() && !Path::new("/absolute.mbox").exists());
        assert!(!std::env::temp_dir().join("outside").exists() && !Path::new("/var/tmp/outside").exists());
    }
}

#[test]
fn what_needs_a_password_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret.zip");
    let script = "import sys, zipfile
with zipfile.ZipFile(sys.argv[2], 'w') as zip:
    zip.write(sys.argv[1], 'one.mbox')
    if len(sys.argv) > 3: zip.write(sys.argv[1], 'two.mbox')
bytes = bytearray(open(sys.argv[2], 'rb').read())
bytes[6] |= 1
bytes[bytes.index(b'PK\\1\\2') + 8] |= 1
open(sys.argv[2], 'wb').write(bytes)
";
    let mbox = data().join("dialects/lf.mbox");
    python(script, &[&mbox, &path]);
    let error = store::open(&path, None).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("encrypted") && error.contains("password"), "{error}");
    python(script, &[&mbox, &path, Path::new("two")]);
    let mut store = store::open(&path, None).unwrap();
    let (found, damage) = everything(store.as_mut());
    assert_eq!((folders(store.as_mut()), found.len()), (vec!["two".to_owned()], 4));
    assert!(damage[0].file.ends_with("one.mbox") && damage[0].reason.contains("encrypted"), "{damage:?}");
}

#[test]
fn what_is_cut_off_or_damaged_is_read_as_far_as_it_goes_and_named() {
    let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy_tree(&data().join("python/Maildir"), &dir.path().join("Maildir"));
    let whole = everything(store::open(&dir.path().join("Maildir"), None).unwrap().as_mut()).0.len();
    for path in archives(&dir.path().join("Maildir"), into.path()) {
        let bytes = fs::read(&path).unwrap();
        for number in 1..30 {
            fs::write(&path, &bytes[..bytes.len() * number / 30]).unwrap();
            survives(&path, whole);
            let mut damaged = bytes.clone();
            let bit = number * 7919 % (bytes.len() * 8);
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &damaged).unwrap();
            survives(&path, whole);
        }
    }
}

/// A damaged archive is an error in words, or gives a part and names what is missing.
fn survives(path: &Path, whole: usize) {
    let options = OpenOptions { format: Some("archive".into()), ..OpenOptions::default() };
    let result = store::open_with(path, &options);
    let Ok(mut store) = result else {
        return;
    };
    let all = store.folders().unwrap().into_iter().filter(|folder| folder.holds_messages);
    let (mut found, mut damages) = (0, 0);
    for folder in all.collect::<Vec<_>>() {
        let listed = list(store.as_mut(), &folder.path).unwrap();
        found += listed.messages.len() + 1;
        damages += listed.damage.len();
        for one in &listed.messages {
            let _ = store.read(&folder.path, &one.locator);
        }
    }
    // Names in a zip archive have no checksum.
    let in_zip = path.extension().is_some_and(|ending| ending == "zip");
    assert!(damages > 0 || found >= whole || in_zip, "{}: {found} of {whole}", path.display());
}

#[test]
fn an_archive_that_is_a_trap_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trap.zip");
    let script = "import sys, zipfile
head = b'From a@b Thu Jan  1 10:00:00 2004\\nSubject: x\\nFrom: a@b\\n\\n'
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as zip:
    zip.writestr('a.mbox', head + bytes(300 << 20))
";
    python(script, &[&path]);
    let error = store::open(&path, None).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("1000 times"), "{error}");
    // The same with a size that is a lie.
    let mut bytes = fs::read(&path).unwrap();
    let directory = bytes.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    for at in [22, directory + 24] {
        bytes[at..at + 4].copy_from_slice(&1000_u32.to_le_bytes());
    }
    fs::write(&path, &bytes).unwrap();
    let mut damage = String::new();
    match store::open(&path, None) {
        Ok(mut store) => damage.push_str(&format!("{:?}", everything(store.as_mut()).1)),
        Err(error) => damage.push_str(&error.to_string()),
    }
    assert!(damage.contains("1000 times") || damage.contains("larger than its declared"), "{damage}");
}

#[test]
fn archives_without_mail_are_no_stores() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("notes.txt"), "Hello,\nworld\n").unwrap();
    let into = tempfile::tempdir().unwrap();
    for path in archives(&inner, into.path()) {
        assert_eq!(super::found(&path), [], "{}", path.display());
        let error = store::open(&path, None).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("archive") && error.contains("no mail was seen"), "{error}");
        let error = store::open(&path, Some("archive")).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(path.to_str().unwrap()) && error.contains("no mail was found"), "{error}");
    }
}
