#!/usr/bin/env python3
"""Writes the invented Outlook Express stores of this directory and expected.json, which tests/formats/recorded.rs compares with.

The stores are written by mkdbx.py and mkoe_old.py, which follow public descriptions and real files and know nothing of our
reader; expected.json holds what was put in. `undbx` 0.21 (Debian) gives the same bytes for every message of
identity/Posteingang.dbx: see undbx.txt, made by `undbx identity/Posteingang.dbx out && sha256sum out/*/*.eml`.

Run it in this directory: python3 make.py (tried with Python 3.11). All people and addresses are invented.
"""
import datetime, hashlib, json, os
from mkdbx import *
import mkoe_old

os.chdir(os.path.dirname(os.path.abspath(__file__)))
expected = {}
RECEIVED = datetime.timedelta(seconds=42)


def found(raw, date, subject, flags="", keywords="", rule="store", warnings=()):
    if not raw.endswith(b"\r\n"):
        raw += b"\r\n"
    return {"sha256": hashlib.sha256(raw).hexdigest(), "subject": subject, "flags": flags, "keywords": keywords,
            "date": date.strftime("%Y-%m-%dT%H:%M:%SZ"), "rule": rule, "warnings": list(warnings)}


def dbx():
    st, infos, put = Store("message", b"Posteingang"), [], []
    kinds = [(1, "", ""), (0x81, "\\Seen", ""), (0xa1, "\\Seen \\Flagged", ""), (0x80081, "\\Seen \\Answered", ""),
             (0x100081, "\\Seen", "$Forwarded"), (9, "\\Draft", ""), (0x5081, "\\Seen", ""), (0x01000081, "\\Seen", "")]
    for n, (bits, flags, keywords) in enumerate(kinds, 2):
        raw, sent, subject = rfc822(n, 200 * n, subj=("Re: " if bits & ANSWERED else "") + "Flags %08x" % bits)
        infos.append(add(st, n, raw, sent, subject, bits)[0])
        put.append(found(raw, sent + RECEIVED, subject, flags, keywords))
    for n in range(10, 20):
        raw, sent, subject = rfc822(n, 2600)
        if n == 11: raw = raw[:-2]                                     # no line end at the end
        if n == 12: raw += b"Gr\xfc\xdfe, raw 8-bit bytes.\r\n"
        info, chain = add(st, n, raw, sent, subject, shuffle=n % 3 == 0, bad_len=7 if n == 13 else len(raw))
        if n in (14, 15):
            st.delete_text(chain); st.delete_var(info)                 # deleted: must not come out
        else:
            infos.append(info); put.append(found(raw, sent + RECEIVED, subject, "\\Seen"))
    raw, sent, subject = rfc822(20, 900)
    infos.append(add(st, 20, None, sent, subject, 0x80)[0])            # never downloaded: named, not carried
    raw, sent, subject = rfc822(21, 300)
    infos.append(add(st, 21, raw, sent, subject, 0x81, received=datetime.datetime(1601, 1, 2))[0])
    put.append(found(raw, sent, subject, "\\Seen", rule="date"))       # no believable time of arrival
    st.trees = [(len(infos), st.tree(infos, 4)), (0, 0)]               # small nodes: a tree of three levels
    os.makedirs("identity", exist_ok=True)
    st.save("identity/Posteingang.dbx")

    st, records = Store("folders"), []
    def folder(id, parent, name, file=None, special=0, source=3, account=None):
        f = [(0x02, name.encode("cp1252") + b"\0"), (0x0a, source)]
        if parent: f.append((0x01, parent))  # as in real files, where neither is 0
        if id: f.append((0x00, id))
        if file: f.append((0x03, file.encode("cp1252") + b"\0"))
        if special: f.append((0x09, special))
        if account: f.append((0x05, account.encode() + b"\0"))
        records.append(st.indexed_info(f))
    folder(0, 0xffffffff, "Outlook Express", source=4)
    folder(8, 4, "B\u00fccher")
    folder(1, 0, "Lokale Ordner", account="LocalStore")
    folder(4, 1, "Eingegangenes", "POSTEINGANG.DBX", 1)                # renamed: the file keeps its name
    folder(5, 1, "Postausgang", None, 2)
    folder(6, 1, "Gesendete Objekte", None, 3)
    folder(7, 1, "Gel\u00f6schte Objekte", None, 4)
    folder(9, 1, "Entw\u00fcrfe", None, 5)
    st.trees = [(len(records), st.tree(records)), (len(records), st.tree(records)), (len(records) - 1, st.tree(records[1:]))]
    st.save("identity/Folders.dbx")
    expected["identity"] = {"format": "dbx", "named": False, "folders": {"Eingegangenes": put}, "hidden": 0, "damage": 1}
    expected["identity/Folders.dbx"] = expected["identity"]
    expected["identity/Posteingang.dbx"] = {**expected["identity"], "folders": {"": put}}


def oe4():
    """Two of twelve deleted, every third unread; a folder without its index; lengths that lead nowhere."""
    os.makedirs("oe4", exist_ok=True)
    def put(n, deleted=(), has_index=True):
        all = []
        for i in range(1, n + 1):
            raw, sent, subject = rfc822(i, 150 + 37 * i)
            if i in deleted: continue
            if has_index: all.append(found(raw, sent + RECEIVED, subject, "" if i % 3 == 0 else "\\Seen"))
            else: all.append(found(raw, sent, subject, "\\Seen", rule="date"))
        return all
    mkoe_old.oe4("oe4", "Inbox", 12, deleted={3, 7}); mkoe_old.oe4("oe4", "Outbox", 0)
    mkoe_old.oe4("oe4", "NoIndex", 5, idx=False); mkoe_old.oe4("oe4", "BadLengths", 6, idx=False, bad_len=True)
    mkoe_old.nch("oe4/folders.nch", [(0, b"", b"", -1, 1, -1, 0), (1, b"Inbox", b"INBOX", 0, 4, 2, 1), (2, b"Outbox", b"Outbox", 0, -1, 3, 2),
                 (3, b"Sent Items", b"NoIndex.mbx", 0, -1, -1, 3), (4, b"Gr\xf6\xdfe", b"BadLengths", 1, -1, -1, 0)])
    expected["oe4"] = {"format": "oe4", "named": False, "hidden": 2, "damage": 1 + 1 + 6, "folders": {
        "Inbox": put(12, {3, 7}), "Outbox": [], "Sent Items": put(5, has_index=False), "Inbox/Gr\u00f6\u00dfe": put(6, has_index=False)}}
    expected["oe4/Inbox.mbx"] = {**expected["oe4"], "damage": 0, "folders": {"": put(12, {3, 7})}}


def mac():
    os.makedirs("mac4", exist_ok=True)
    mkoe_old.oemac45("mac4/Internet Mail/Inbox", 6, deleted={4}); mkoe_old.oemac5("mac5-Messages", 8, deleted={2})
    def put(n, deleted, body, folder=None):
        all = []
        for i in range(1, n + 1):
            raw, sent, subject = rfc822(i, body)
            if i not in deleted and folder in (None, 100 + i % 3):
                all.append(found(raw, sent, subject, "\\Seen", rule="date"))
        return all
    expected["mac4"] = {"format": "oe-mac", "named": False, "hidden": 1, "damage": 0, "folders": {"Inbox": put(6, {4}, 200)}}
    expected["mac4/Internet Mail/Inbox"] = {**expected["mac4"], "folders": {"": put(6, {4}, 200)}}
    expected["mac4/Internet Mail/Inbox/Mail"] = expected["mac4/Internet Mail/Inbox"]
    expected["mac5-Messages"] = {"format": "oe-mac5", "named": False, "hidden": 0, "damage": 0,
                                 "folders": {"Folder %d" % f: put(8, {2}, 300, f) for f in (100, 101, 102)}}


dbx(); oe4(); mac()
json.dump(expected, open("expected.json", "w"), indent=1)
