#!/usr/bin/env python3
"""Writes the invented stores of this directory and expected.json, which tests/formats.rs compares with.

The messages are made here and put into stores by other code than ours: Python's `mailbox` module (python/), or plain
writing by the rules of each dialect (the rest). expected.json holds what was put in, never what our reader found:
the SHA-256 of every original message with CRLF line ends, its flags, keywords and dates. "python" is the number of
messages that Python's own mbox reader finds, for comparison; where it differs, Python splits at text or joins lines.

The stores of other programs than Maildir and mbox are in others.py. Run it in this directory: python3 make.py (tried with Python 3.11). All people and addresses are invented.
"""
import hashlib, json, mailbox, os, pathlib, shutil, sys, time

sys.dont_write_bytecode = True
import others

HERE = pathlib.Path(__file__).parent
expected = {}


def message(number, body="Hello.\n", extra=""):
    return (f"From: Anna Beispiel <anna{number}@example.org>\nTo: b@example.net\nSubject: Message {number}\n"
            f"Date: Tue, 3 Feb 2004 {number:02}:00:00 +0000\nMessage-ID: <{number}@example.org>\n{extra}\n{body}")


def digest(text):
    data = text if isinstance(text, bytes) else text.encode()
    data = data.replace(b"\r\n", b"\n")
    if not data.endswith(b"\n"):
        data += b"\n"
    return hashlib.sha256(data.replace(b"\n", b"\r\n")).hexdigest()


def found(text, number, flags="", keywords="", date=None, rule="date", warnings=()):
    return {"sha256": digest(text), "subject": f"Message {number}" if number else "", "flags": flags, "keywords": keywords,
            "date": date or f"2004-02-03T{number:02}:00:00Z", "rule": rule, "warnings": list(warnings)}


def store(path, form, folders, hidden=0, damage=0, named=False):
    expected[path] = {"format": form, "named": named, "folders": folders, "hidden": hidden, "damage": damage}
    if (HERE / path).is_file() and form == "mbox":
        expected[path]["python"] = len(mailbox.mbox(HERE / path))


def write(path, data):
    target = HERE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data if isinstance(data, bytes) else data.encode())


SEPARATOR = "From anna@example.org Tue Feb  3 10:00:00 2004\n"
AT_TEN = dict(date="2004-02-03T10:00:00Z", rule="from")
QUOTABLE = "Hello.\n\nFrom here on it is text.\n>From quoted already\n\nEnd.\n"


def python_mbox():
    path = HERE / "python/box.mbox"
    path.parent.mkdir(exist_ok=True)
    box = mailbox.mbox(path)
    all = []
    for number, (flags, ours) in enumerate([("", ""), ("RO", "\\Seen"), ("ROAF", "\\Seen \\Answered \\Flagged"),
                                            ("RODT", "\\Seen \\Deleted \\Draft")], 1):
        text = message(number, "Hello.\n\nFrom the start of a line\nEnd.\n")
        entry = mailbox.mboxMessage(text)
        entry.set_from("anna@example.org", time.gmtime(1075802400 + number))
        entry.set_flags(flags)
        box.add(entry)
        all.append(found(text, number, ours, "", f"2004-02-03T10:00:{number:02}Z", "from"))
    box.close()
    store("python/box.mbox", "mbox", {"": all})


def python_maildir():
    root = mailbox.Maildir(HERE / "python/Maildir", factory=None)
    folders = {"INBOX": root}
    for disk, shown in [("Archive.2004", "Archive/2004"), ("Entw&APw-rfe", "Entwürfe")]:
        folders[shown] = root.add_folder(disk)
    result, number = {}, 0
    for shown, folder in folders.items():
        result[shown] = []
        for letters, flags, keywords in [("", "", ""), ("FS", "\\Seen \\Flagged", ""), ("DPRST", "\\Seen \\Answered \\Deleted \\Draft", "$Forwarded")]:
            if shown == "Entwürfe":
                continue
            number += 1
            text = message(number, "One\nFrom here on.\n>From there.\n")
            entry = mailbox.MaildirMessage(text)
            entry.set_flags(letters)
            entry.set_subdir("cur" if letters else "new")
            key = folder.add(entry)
            old = pathlib.Path(folder._path) / folder._lookup(key)
            at = 1075802400 + number
            old.rename(old.with_name(f"{at}.M{number}P1.host,S={len(text)}" + (f":2,{letters}" if letters else "")))
            date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
            result[shown].append(found(text, number, flags, keywords, date, "store"))
        for part in ("cur", "new", "tmp"):
            (pathlib.Path(folder._path) / part / ".keep").touch()  # git knows no empty directories
    store("python/Maildir", "maildir", result)


def dialects():
    def put(name, data, all, **more):
        write(f"dialects/{name}", data)
        store(f"dialects/{name}", "mbox", {"": all}, **more)

    plain = [message(n) for n in (1, 2, 3)]
    dated = [found(text, n, **AT_TEN) for n, text in enumerate(plain, 1)]
    whole = "".join(SEPARATOR + text + "\n" for text in plain)
    put("lf.mbox", whole, dated)
    put("crlf.mbox", whole.replace("\n", "\r\n"), dated)
    put("cr-old-mac.mbox", whole.replace("\n", "\r"), dated)
    put("bom-and-blank-lines.mbox", b"\xef\xbb\xbf\n\n" + whole.encode(), dated)
    put("no-extension", whole, dated)
    put("no-last-newline.mbox", whole.rstrip("\n"), dated[:2] + [found(plain[2], 3, **AT_TEN, warnings=["its end is missing"])])
    put("garbage-first.mbox", "not a message\nat all\n\n" + whole, dated, damage=1, named=True)
    put("empty.mbox", "", [])
    put("no-blank-lines.mbox", whole.replace("\n\nFrom ", "\nFrom "),
        [dated[0]] + [dict(one, warnings=["the line that starts it may be text"]) for one in dated[1:]])
    put("separator-at-end.mbox", whole + SEPARATOR, dated, damage=1)

    quoted = message(1, QUOTABLE)
    body = quoted.replace("\n>From ", "\n>>From ").replace("\nFrom here", "\n>From here")
    put("mboxrd.mbox", SEPARATOR + body + "\n" + SEPARATOR + plain[1] + "\n", [found(quoted, 1, **AT_TEN), dated[1]])

    def with_length(number, text, extra=""):
        header, body = text.split("\n\n", 1)
        return f"{SEPARATOR}{header}\n{extra}X-UID: {number}\nStatus: RO\nX-Keywords: Work $Forwarded    \nContent-Length: {len(body)}\n\n{body}\n"

    inner = message(1, f"Hello.\n\n{SEPARATOR}Subject: a message in the text\nFrom: c@example.org\n\nInner.\n")
    put("mboxcl2.mbox", with_length(1, inner, "X-IMAPbase: 1 2 Work\n") + with_length(2, message(2, QUOTABLE)),
        [found(inner, 1, "\\Seen", "Work $Forwarded", **AT_TEN), found(message(2, QUOTABLE), 2, "\\Seen", "Work $Forwarded", **AT_TEN)])
    lies = "".join(SEPARATOR + text.replace("\n\n", f"\nContent-Length: {length}\n\n", 1) + "\n" for text, length in zip(plain, (3, 99999, 90)))
    put("content-length-lies.mbox", lies, dated)
    pseudo = (SEPARATOR + "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1075802400 0000000003\nStatus: RO\n\n"
              "This text is part of the internal format of your mail folder.\n\n")
    put("uw-pseudo.mbox", pseudo + whole, dated, hidden=1)

    mozilla = "".join(f"From - Tue Feb  3 10:00:00 2004\nX-Mozilla-Status: {status}\nX-Mozilla-Status2: {second}\nX-Mozilla-Keys: {keys}     \n{text}\n"
                      for text, status, second, keys in zip([*plain, message(4)], ("0001", "0009", "1006", "0000"),
                                                            ("00000000", "00000000", "02000000", "00200000"), ("Junk $label1", "", "", "")))
    put("mozilla.mbox", mozilla, [found(plain[0], 1, "\\Seen", "Junk $label1"),
                                  found(plain[2], 3, "\\Answered \\Flagged", "$Forwarded $Label1")], hidden=2)
    put("mozilla-undated.mbox", "".join("From - \n" + text + "\n" for text in plain), [found(text, n) for n, text in enumerate(plain, 1)])
    put("takeout-undated.mbox", "".join(f"From 184434779226711787{n}@xxx\n" + text + "\n" for n, text in enumerate(plain)),
        [found(text, n) for n, text in enumerate(plain, 1)])
    put("takeout-zone.mbox", "".join("From 1484798564697355096@xxx Tue Feb 03 12:00:00 +0200 2004\n" + text + "\n" for text in plain),
        [dict(one, date="2004-02-03T12:00:00+02:00") for one in dated])
    put("eudora.mbox", whole.replace("From anna@example.org", "From ???@???"), dated)
    love = message(1, "My favourite:\n\nFrom Russia with love\nYear: 1963\n\nFrom the wiki\nhttp://a.example/\nhttps://b.example/\n")
    put("from-in-text.mbox", "From -\n" + love + "\nFrom -\n" + plain[1] + "\n", [found(love, 1), found(plain[1], 2)])
    hop = "Received: from a by b.example.org; Tue, 3 Feb 2004 03:00:00 -0500\n"
    near = message(1, extra=hop)
    put("local-time.mbox", SEPARATOR + near + "\n", [found(near, 1, date="2004-02-03T10:00:00+02:00", rule="from")])


def trees():
    text = message(1)
    one = [found(text, 1, **AT_TEN)]
    data = SEPARATOR + text + "\n"
    base = "thunderbird"
    for name in ("Inbox", "Inbox.sbd/Projects", "Inbox.sbd/Projects.sbd/R&-D", "Sent.mbox", "Entw&APw-rfe", "more/Old"):
        write(f"{base}/{name}", data)
    write(f"{base}/Trash", "")
    write(f"{base}/Inbox.msf", "// <!-- <mdb:mork:z v=\"1.4\"/> -->\n")
    write(f"{base}/popstate.dat", "x\n")
    write(f"{base}/notes.txt", "not mail\n")
    store(base, "mbox", {"Inbox": one, "Inbox/Projects": one, "Inbox/Projects/R&D": one, "Entwürfe": one, "more/Old": one, "Sent": one, "Trash": []})

    eml = {"": [found(message(1), 1, "\\Seen"), found(message(2, extra="X-Unsent: 1\n"), 2, "\\Seen \\Draft"), found(message(3, "Grüße\n"), 3, "\\Seen")],
           "Sub/Deep": [found(message(4, extra="Received: x; Tue, 3 Feb 2004 09:00:00 +0000\n"), 4, "\\Seen", date="2004-02-03T09:00:00Z", rule="received")]}
    write("eml/1.eml", message(1).replace("\n", "\r\n"))
    write("eml/2-draft.eml", message(2, extra="X-Unsent: 1\n"))
    write("eml/3-utf16.eml", message(3, "Grüße\n").encode("utf-16"))
    write("eml/Sub/Deep/no-extension", message(4, extra="Received: x; Tue, 3 Feb 2004 09:00:00 +0000\n"))
    write("eml/broken.eml", "\0\1\2 no header\n")
    write("eml/readme.txt", "Notes: none\n\nThis is no message.\n")
    store("eml", "eml", eml, damage=1)
    write("single.eml", message(1))
    store("single.eml", "eml", {"": [found(message(1), 1, "\\Seen")]})

    for name in ("cur", "Sub/new", "Sub/cur", "Sub/Größe/cur", "new"):
        write(f"nested/{name}/.keep", "")
    (HERE / "nested/cur/1075802400.a;2,Sb").write_text(text)
    (HERE / "nested/dovecot-keywords").write_text("0 Home\n1 Work\n")
    (HERE / "nested/Sub/Größe/cur/1075802400.a").write_text(text)
    at = dict(date="2004-02-03T10:00:00Z", rule="store")
    store("nested", "maildir", {"INBOX": [found(text, 1, "\\Seen", "Work", **at)], "Sub": [], "Sub/Größe": [found(text, 1, **at)]})


for child in HERE.iterdir():
    if child.is_dir() and child.name != "outlook-express":  # that has a generator of its own
        shutil.rmtree(child)
(HERE / "mmdf-crlf").unlink(missing_ok=True)
python_mbox()
python_maildir()
dialects()
trees()
others.make(HERE, message, found, store, write)
for child in HERE.rglob("*"):
    child.chmod(0o755 if child.is_dir() or child.name == "make.py" else 0o644)  # Python makes mailboxes private
(HERE / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")
