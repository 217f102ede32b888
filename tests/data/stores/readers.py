#!/usr/bin/env python3
"""Records in readers.json what other programs read from the stores of this directory; tests/formats/readers.rs compares.

The readers: `mailbox` and `email` of Python 3.11, emlx 1.0.4 and eulcommon 0.19.0 (both from PyPI), and those of KDE
(kde.cpp says how they are built). Run it in this directory: pip install emlx eulcommon && python3 readers.py KDE, where KDE
is what was built. A message is what the reader gives, without the bookkeeping fields that are not carried and with CRLF
line ends, as SHA-256; flags, keywords and the date are recorded where the reader tells them.
Four more are sources on GitHub and no packages; they were built and run by hand, and what they gave is in this script:
CBatReader (lazyhamster/Observer, with GMime 3.2), FoxArchive (wb2951516-collab/fox-converter: archives of Foxmail 7 have
the same mark before each message), TMBXReader (MBXReader.pas of DreamMail, with Free Pascal 3.2; the .idx of Outlook
Express 4), and the tree of folders of Mail::Pegasus 1.6 (Perl).
Mozilla's importer of Outlook Express 4 (nsOEScanBoxes.cpp and nsOEMailbox.cpp of its older sources) runs on
Windows only: what it does with folders.nch, .idx and .mbx is done again here by its layout, with the bits of flags that IDX.txt
(J. Evans, A. Schloh, 1998) describes.
What Evolution's own library reads of a store that it made is in camel.json, by camel.py.
Others are recorded elsewhere: undbx in outlook-express/undbx.txt, readpst and extract-msg in ../outlook/expected.json.

Not recorded, since the reader is wrong or blind there: bytes of Babyl messages (Python takes the body's first paragraph for
the header that is shown), an MMDF message without a From_ line (it takes the first line away); mboxes with CR or CRLF line ends, a UTF-8 mark, garbage, or text that
looks like a separator (Python's splits at it or keeps line ends); hidden messages of an mbox (it shows all); `;` in names of
a Maildir, or one without `new`. KDE: names of folders are flat for Pegasus and Outlook Express 4 (it does not read HIERARCH.PM
and folders.nch) and stay escaped for Evolution 3; the big-endian marks of Claws, which it takes for other numbers; the
index of Outlook Express 4, so it shows deleted messages and no marks; a message that Sylpheed's marks do not tell of, which
is new to Sylpheed (procmsg.c) and read to KDE.
No other reader was found for Outlook Express 5 for Mac, nor any description but the one that ours is made by (oeOnMac.txt,
A. Lönnberg, 2003): for it there is only what was put in (expected.json).
"""
import base64, datetime, email, email.policy, hashlib, json, mailbox, pathlib, re, struct, subprocess, sys

import emlx
from eulcommon.binfile import core, eudora, outlookexpress

core.ord = lambda byte: byte  # it was written for Python 2, where bytes are strings

HERE = pathlib.Path(__file__).resolve().parent
KDE = sys.argv[1]
BOOKKEEPING = {"status", "x-status", "x-keywords", "x-uid", "x-imap", "x-imapbase", "x-evolution", "content-length", "x-mozilla-status",
               "x-mozilla-status2", "x-mozilla-keys", "x-account-key", "x-uidl"}
FLAGS = [("Seen", "RS"), ("Answered", "AR"), ("Flagged", "F"), ("Deleted", "DT"), ("Draft", "TD")]
put_in = json.loads((HERE / "expected.json").read_text())
put_in |= {f"outlook-express/{path}": one for path, one in json.loads((HERE / "outlook-express/expected.json").read_text()).items()}
rows = []


def digest(data, unquote=False):
    data = data.replace(b"\r\n", b"\n")
    head, blank, body = data.partition(b"\n\n")
    fields = re.split(rb"\n(?![ \t])", head)
    head = b"\n".join(field for field in fields if field.split(b":")[0].decode("latin-1").lower() not in BOOKKEEPING)
    if unquote:
        body = re.sub(rb"(?m)^>(>*From )", rb"\1", body)
    data = head + blank + body
    if not data.endswith(b"\n"):
        data += b"\n"
    return hashlib.sha256(data.replace(b"\n", b"\r\n")).hexdigest()


def flags(*named):
    return " ".join(sorted(f"\\{name}" for name, is_set in named if is_set))


def row(reader, store, folder, messages, left_out=0, knows=None, shown=0):
    """A message is (bytes, digest or None, flags or None, unix time or None, and if it is told: keywords). So many at the end
    are left out; the reader may know some flags only; and it may show so many that are hidden here."""
    messages = messages[:len(messages) - left_out]
    known = []
    for one, marks, unix, *keywords in messages:
        known.append({"sha256": digest(one) if isinstance(one, bytes) else one, "flags": marks, "unix": unix and int(unix)})
        if keywords:
            known[-1]["keywords"] = keywords[0]
    assert known, store
    rows.append({"reader": reader, "store": store, "folder": folder, "left_out": left_out, "messages": known})
    rows[-1] |= {"knows": knows} if knows else {}
    rows[-1] |= {"shown": shown} if shown else {}


def mbox(store, folder="", file=None, marks=False, date=True):
    """A date as Python reads it from the From_ line, which has no zone; one of `From -` (Mozilla) is not believed by us."""
    box, all = mailbox.mbox(HERE / (file or store), create=False), []
    for key in box.keys():
        message, has = box[key], box[key].get_flags()
        told = flags(("Seen", "R" in has), ("Answered", "A" in has), ("Flagged", "F" in has), ("Deleted", "D" in has), ("Draft", "T" in has))
        when = None
        if date:
            line = message.get_from().partition(" ")[2]
            when = datetime.datetime.strptime(line, "%a %b %d %H:%M:%S %Y").replace(tzinfo=datetime.timezone.utc).timestamp()
        all.append((digest(box.get_bytes(key), unquote=True), told if marks else None, when))
    row("Python mailbox.mbox", store, folder, all)


def maildir(store, folder, directory=None):
    box, all = mailbox.Maildir(HERE / (directory or store), create=False), []
    for key in sorted(key for key in box.keys() if not key.startswith(".")):  # git's
        has = box[key].get_flags()
        told = flags(("Seen", "S" in has), ("Answered", "R" in has), ("Flagged", "F" in has), ("Deleted", "T" in has), ("Draft", "D" in has))
        all.append((box.get_bytes(key), told, None))  # its date is that of the file, which git does not keep
    row("Python mailbox.Maildir", store, folder, all)


def mh(store, folder, directory=None, marks=True):
    box, all = mailbox.MH(HERE / (directory or store), create=False), []
    for key in sorted(box.keys()):
        has = box[key].get_sequences() if marks else []
        told = flags(("Seen", "unseen" not in has), ("Answered", "replied" in has), ("Flagged", "flagged" in has))
        all.append((box.get_bytes(key), told if marks else None, None))
    row("Python mailbox.MH", store, folder, all)


def babyl(store, folder):
    box, all = mailbox.Babyl(HERE / store / "rmail", create=False), []
    for key in sorted(box.keys()):
        has = [label.decode() if isinstance(label, bytes) else label for label in box[key].get_labels()]
        told = flags(("Seen", "unseen" not in has), ("Answered", "answered" in has), ("Deleted", "deleted" in has))
        all.append((None, told, None))
    row("Python mailbox.Babyl", store, folder, all)


def mmdf(store, folder, file):
    box, all = mailbox.MMDF(HERE / file, create=False), []
    for key in sorted(box.keys()):
        has = box[key].get_flags()
        told = flags(("Seen", "R" in has), ("Answered", "A" in has), ("Flagged", "F" in has), ("Deleted", "D" in has), ("Draft", "T" in has))
        all.append((box.get_bytes(key), told, None))
    row("Python mailbox.MMDF", store, folder, all, left_out=1)


def files(store, folder, names):
    """What has no marks: files of one message."""
    all = []
    for name in names:
        found = email.message_from_bytes((HERE / store / name).read_bytes() if name else (HERE / store).read_bytes(), policy=email.policy.default)
        assert not found.defects
        date = found["Received"].rpartition(";")[2].strip() if "Received" in found else found["Date"]
        all.append((found.as_bytes(policy=email.policy.compat32), None, email.utils.parsedate_to_datetime(date).timestamp()))
    row("Python email", store, folder, all)


def apple(store, folder, names):
    all = []
    for name in names:
        found = emlx.read(str(HERE / store / name))
        has = found.flags
        told = flags(*((mark, has.get(mark.lower())) for mark in ("Seen", "Answered", "Flagged", "Deleted", "Draft") if mark != "Seen"),
                     ("Seen", has.get("read")))
        all.append((found.as_bytes(), told, found.plist["date-received"]))
    row("emlx", store, folder, all)


def eudora_mac(store, folder, mailbox_file, table):
    found, data = eudora.Toc(str(HERE / store / table)), (HERE / store / mailbox_file).read_bytes().replace(b"\r", b"\n")
    all = [data[one.offset:one.offset + one.size].partition(b"\n")[2] for one in found.messages]
    row("eulcommon eudora.Toc", store, folder, [(one, None, None) for one in all])


def oe_mac(store, folder):
    found = outlookexpress.MacFolder(str(HERE / store))
    all = [bytes(one.data).replace(b"\r", b"\n") for one in found.raw_messages if one.header_type != one.DELETED_MESSAGE.encode()]
    row("eulcommon outlookexpress.MacFolder", store, folder, [(one, None, None) for one in all])


def mozilla_oe4(store, left_out):
    """The tree that folders.nch tells by child and sibling; of each folder what its index does not call deleted. Without an
    index all that is in the file, unless a length in it is wrong: it gives such a file up."""
    names, entries, at = (HERE / store / "folders.nch").read_bytes(), {}, None
    text = lambda at: names[at:names.index(b"\0", at)].decode("cp1252")
    at = struct.unpack_from("<I", names, 20)[0]
    while at:
        itself, _, _, after, number = struct.unpack_from("<5I", names, at)
        assert itself == at
        _, child, sibling = struct.unpack_from("<3i", names, at + 539)
        entries[number] = (text(at + 20), text(at + 279), child, sibling)
        at = after

    def walk(number, above):
        while number != -1:
            name, file, child, number = entries[number]
            folder = f"{above}{name}"
            if folder not in left_out:
                name = (file if file.endswith(".mbx") else file + ".mbx").lower()
                box = next(one for one in (HERE / store).iterdir() if one.name.lower() == name)  # as Windows finds it
                marked = box.with_suffix(".idx").exists()
                row("as Mozilla nsOEMailbox", store, folder, list(indexed(box) if marked else scanned(box)), knows="\\Draft \\Seen" if marked else None)
            walk(child, f"{folder}/")

    def indexed(box):
        index, data, at = box.with_suffix(".idx").read_bytes(), box.read_bytes(), 80
        for _ in range(struct.unpack_from("<I", index, 8)[0]):
            bits, _, _, itself, length, offset, size = struct.unpack_from("<7I", index, at)
            magic, _, total, long = struct.unpack_from("<4I", data, offset)
            assert (itself, magic, total) == (at, 0x7F007F00, size)
            if not bits & 1:
                yield data[offset + 16:offset + 16 + long], flags(("Seen", not bits & 2), ("Draft", bits & 8)), None
            at += length

    def scanned(box):
        data, at = box.read_bytes(), 0x54
        while at + 16 < len(data):
            magic, _, total, long = struct.unpack_from("<4I", data, at)
            assert magic == 0x7F007F00
            yield data[at + 16:at + 16 + long], None, None
            at += total

    walk(entries[0][2], "")


def kde(reader, *arguments):
    """What one of KDE's readers prints: (folder, flags, keywords, text) of every message."""
    lines = subprocess.run([KDE, reader, *map(str, arguments)], capture_output=True, check=True, text=True).stdout.splitlines()
    return [(folder, flags, keywords, base64.b64decode(text)) for folder, flags, keywords, text in (line.split("\t") for line in lines)]


def kde_filter(reader, name, directory, store, folders, knows=None, shown=None, unix=False, left_out=0, order=None):
    """`folders` has what a folder is called there, and here; `knows`, the flags that the filter tells. Taken away: in a
    Unix mailbox, the From_ line and the blank line before the next; else the NULs that fill a record of Outlook Express."""
    found = kde(reader, HERE / directory)
    for theirs, ours in folders.items():
        all = []
        for folder, flags, keywords, text in found:
            if folder == theirs:
                text = re.sub(rb"\A(?:From .*\n)?((?s:.*?)\n)\n?\Z" if unix else rb"\A((?s:.*?))\0*\Z", rb"\1", text)
                all.append((text, flags, None, keywords) if knows else (text, None, None))
        if order:
            all.sort(key=lambda one: order.index(digest(one[0])))
        row(f"KDE {name}", store, ours, all, left_out, knows, (shown or {}).get(ours, 0))


def kde_index(store, folder, index, asked):
    """What it does not know is hidden in an mbox, and has no marks in a Maildir. KMail counts "old" without "read" as read;
    the reader does not, so flags are left out where `asked` says so."""
    all = []
    for (one, told), (_, flags, keywords, _) in zip(asked, kde("index", HERE / index, *(one for one, _ in asked))):
        if flags != "unknown":
            all.append((None, flags if told else None, None, keywords))
        elif not one.isdigit():
            all.append((None, "", None, ""))
    row("KDE KMIndexReader", store, folder, all, knows="\\Answered \\Flagged \\Seen")


def thebat(folder, found):
    """From CBatReader: where the text starts and ends, when it arrived, whether it is deleted."""
    data = (HERE / "thebat" / folder / "MESSAGES.TBB").read_bytes()
    all = [(data[start:end], flags(("Deleted", deleted)), arrived) for start, end, arrived, deleted in found]
    row("Observer CBatReader", "thebat", folder, all, knows="\\Deleted")


def foxmail(folder, found):
    """From FoxArchive: where the line before the message starts, and how long the text after it is."""
    data = (HERE / "foxmail" / f"{folder}.BOX").read_bytes()
    row("FoxArchive", "foxmail", folder, [(data[start + 16:start + 16 + length], None, None) for start, length in found])


PLAIN = ["lf", "no-last-newline", "no-blank-lines", "local-time"]
UNDATED = ["mozilla-undated", "takeout-undated", "takeout-zone", "eudora"]
mbox("python/box.mbox", marks=True)
mbox("dialects/no-extension")
for name in PLAIN:
    mbox(f"dialects/{name}.mbox", date=name != "local-time")
for name in UNDATED:
    mbox(f"dialects/{name}.mbox", date=False)
for file, folder in [("Inbox", "Inbox"), ("Inbox.sbd/Projects", "Inbox/Projects"), ("Inbox.sbd/Projects.sbd/R&-D", "Inbox/Projects/R&D"),
                     ("Entw&APw-rfe", "Entwürfe"), ("more/Old", "more/Old"), ("Sent.mbox", "Sent")]:
    mbox("thunderbird", folder, f"thunderbird/{file}")
mbox("netscape", "Mail/Inbox", "netscape/Mail/Inbox", date=False)
mbox("netscape", "Mail/Work/Old", "netscape/Mail/Work.sbd/Old", date=False)
mbox("profile", "Local Übersicht/Unsent Messages", "profile/abcd1234.default/Mail/Local Folders/Unsent Messages", date=False)
mbox("profile", "anna@example.org/Inbox/a:b?", "profile/abcd1234.default/Mail/pop.example.org/Inbox.sbd/a%3Ab%3F", date=False)
mbox("evolution", "Inbox", "evolution/local/Inbox/mbox")
mbox("evolution", "Inbox/Projects", "evolution/local/Inbox/subfolders/Projects/mbox")
mbox("kmail", "inbox/plain", "kmail/.inbox.directory/plain")
mbox("opera", "account2", "opera/store/account2/2005/01/01.mbs")
mbox("pegasus", "Projects/From Unix", "pegasus/UNX00001.MBX")
maildir("python/Maildir", "INBOX")
maildir("python/Maildir", "Archive/2004", "python/Maildir/.Archive.2004")
for name, folder in [("", "INBOX"), ("..Family", "INBOX/Family"), (".Work_2EOld", "Work.Old"), (".my_5Fbox.R&D", "my_box/R&D")]:
    maildir("evolution3", folder, f"evolution3/{name}")
mh("mh", "Archive", "mh/Archive")
mh("mh", "")
mh("sylpheed", "inbox", "sylpheed/inbox", marks=False)
mh("claws", "inbox", "claws/inbox", marks=False)
babyl("babyl", "rmail")
mmdf("mmdf", "inbox", "mmdf/inbox.mmdf")
files("single.eml", "", [""])
files("eml", "Sub/Deep", ["Sub/Deep/no-extension"])
files("livemail", "Anna & Söhne/Inbox", ["Anna 3c1/Inbox/0FDD08FE-00000001.eml"])
files("cyrus", "Sent", ["Sent/1."])
files("cyrus", "INBOX", ["2.", "10."])
UUID = "1B4E28BA-2FA1-11D2-883F-0016D3CCA427"
apple("apple", "INBOX", [f"V5/{UUID}/INBOX.mbox/{UUID}/Data/Messages/2.emlx", f"V5/{UUID}/INBOX.mbox/{UUID}/Data/3/1/Messages/13042.emlx"])
eudora_mac("eudora-mac", "In", "In", "In.toc")
oe_mac("outlook-express/mac4/Internet Mail/Inbox", "")
kde_filter("thebat", "FilterTheBat", "thebat", "thebat",
           {"TheBat-Import//Anna/Inbox": "Anna/Inbox", "TheBat-Import//Anna/Projects/Bridge": "Anna/Projects/Bridge"})
thebat("Anna/Inbox", [(3128, 3285, 1075802400, False), (3333, 3490, 1075802400, False), (3538, 3695, 1075802400, True)])
thebat("Anna/Projects/Bridge", [(3128, 3285, 1075802400, False)])
foxmail("In", [(0, 157), (173, 157), (346, 157)])
foxmail("Sent", [(0, 157)])
# Mail::Pegasus reads the tree: Main folder, Projects/Bridge, Projects/From Unix.
kde_filter("pegasus", "FilterPMail", "pegasus", "pegasus",
           {"PegasusMail-Import/Bridge": "Projects/Bridge", "PegasusMail-Import/Main folder": "Main folder",
            "PegasusMail-Import/New Messages": "New mail"})
kde_filter("pegasus", "FilterPMail", "pegasus", "pegasus", {"PegasusMail-Import/From Unix": "Projects/From Unix"}, unix=True)
kde_filter("oe", "FilterOE", "outlook-express/oe4", "outlook-express/oe4",
           {"OE-Import/Inbox": "Inbox", "OE-Import/NoIndex": "Sent Items", "OE-Import/BadLengths": "Inbox/Größe"}, shown={"Inbox": 2})
mozilla_oe4("outlook-express/oe4", left_out=("Inbox/Größe", "Outbox"))  # lengths that are wrong; empty
# From TMBXReader: when each message of Inbox arrived; 3 and 7 have the bit of deleted ones, which it does not interpret.
ARRIVED = {1: 1075784748, 2: 1075788348, 3: 1075791948, 4: 1075795548, 5: 1075799148, 6: 1075802748, 7: 1075806348, 8: 1075809948,
           9: 1075813548, 10: 1075817148, 11: 1075820748, 12: 1075824348}
row("TMBXReader", "outlook-express/oe4", "Inbox", [(None, None, unix) for number, unix in ARRIVED.items() if number not in (3, 7)])
kde_filter("oe", "FilterOE", "outlook-express/identity", "outlook-express/identity", {"OE-Import/Eingegangenes/": "Eingegangenes"},
           order=[one["sha256"] for one in put_in["outlook-express/identity"]["folders"]["Eingegangenes"]])  # it takes a node's first child last
kde_filter("opera", "FilterOpera", "opera/store", "opera", {"OPERA-account1": "Anna at home", "OPERA-account2": "account2"}, unix=True)
kde_filter("evolution", "FilterEvolution", "evolution/local", "evolution",
           {"Evolution-Import/Inbox": "Inbox", "Evolution-Import/Inbox/Projects": "Inbox/Projects", "Evolution-Import/Inbox/Projects/R&D": "Inbox/Projects/R&D"}, unix=True)
SEEN = "\\Answered \\Seen"
kde_filter("evolution3", "FilterEvolution_v3", "evolution3", "evolution3",
           {"Evolution-Import": "INBOX", "Evolution-Import/Inbox/Family": "INBOX/Family", "Evolution-Import/Work_2EOld": "Work.Old",
            "Evolution-Import/my_5Fbox": "my_box", "Evolution-Import/my_5Fbox/R&D": "my_box/R&D", "Evolution-Import/Grüße": "Grüße"}, knows=SEEN)
kde_filter("sylpheed", "FilterSylpheed", "sylpheed", "sylpheed", {"Sylpheed-Import//inbox": "inbox"}, knows=SEEN, left_out=1)
kde_filter("kmail", "FilterKMail_maildir", "kmail-maildir", "kmail-maildir", {"KMail-Import/trash": "trash"})
kde_index("kmail", "inbox", "kmail/.inbox.index", [("47", True), ("269", False), ("491", True), ("713", True), ("935", True)])
kde_index("kmail-maildir", "trash", "kmail-maildir/.trash.index",
          [("1075802407.1.a:2,S", True), ("1075802408.2.b", False), ("1075802409.3.c:2,S", True), ("1075802410.4.d", True)])
rows += json.loads((HERE / "camel.json").read_text())  # Evolution's own library, by camel.py
(HERE / "readers.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")

# What differs from what was put in, for a look.
for one in rows:
    expected = put_in[one["store"]]["folders"].get(one["folder"])
    if expected is None:
        print("no folder", one["store"], one["folder"], list(put_in[one["store"]]["folders"]))
        continue
    theirs = [message["sha256"] for message in one["messages"]]
    ours = [message["sha256"] for message in expected]
    if one.get("shown"):
        theirs = [digest for digest in theirs if digest in ours]
    if theirs[0] and theirs != ours[:len(ours) - one["left_out"]]:
        print(one["reader"], one["store"], one["folder"], "differs" if sorted(theirs) != sorted(ours) else "in another order", len(theirs), len(ours))
