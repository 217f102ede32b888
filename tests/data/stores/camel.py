#!/usr/bin/env python3
"""Makes evolution3-camel, a store as Evolution 3 leaves it, with Evolution's own library, and records in camel.json what that
reads from it; readers.py takes it from there.

Camel 3.46.4 (Debian: gir1.2-camel-1.2, python3-gi, evolution-data-server). It names files by the host and the time, so each run
makes another store. Run it in this directory: unshare -u sh -c 'hostname host; /usr/bin/python3 camel.py'
"""
import hashlib, json, pathlib, shutil, tempfile

import gi

gi.require_version("Camel", "1.2")
from gi.repository import Camel, Gio, GLib

HERE = pathlib.Path(__file__).resolve().parent
NAMES = [(Camel.MessageFlags.SEEN, "\\Seen"), (Camel.MessageFlags.ANSWERED, "\\Answered"),
         (Camel.MessageFlags.FLAGGED, "\\Flagged"), (Camel.MessageFlags.DELETED, "\\Deleted"),
         (Camel.MessageFlags.DRAFT, "\\Draft")]
WORDS = [(Camel.MessageFlags.JUNK, "$Junk"), (Camel.MessageFlags.NOTJUNK, "$NotJunk"),
         (Camel.MessageFlags.FORWARDED, "$Forwarded")]
F = Camel.MessageFlags
MARKS = [(0, []), (F.SEEN, ["$Labelimportant"]), (F.SEEN | F.ANSWERED, ["$Labelwork", "offer"]), (F.FLAGGED, ["$Labeltodo"]),
         (F.SEEN | F.DRAFT, []), (F.SEEN | F.JUNK, []), (F.SEEN | F.FORWARDED, ["$Labellater", "grün"]), (F.NOTJUNK, []),
         (F.SEEN | F.DELETED, [])]
FOLDERS = {"Inbox": MARKS, "my_box.2004": MARKS[1:4], "my_box.2004/R&D Grüße": MARKS[6:8]}


class MadeSession(Camel.Session):
    __gtype_name__ = "MadeSession"


def letter(number):
    text = (f"From: Anna <anna@example.org>\nTo: Bert <bert@example.net>\nSubject: letter {number}\n"
            f"Date: Tue, 3 Feb 2004 10:{number:02}:00 +0000\nMessage-ID: <camel{number}@example.org>\n\nThe text of {number}.\n")
    message = Camel.MimeMessage()
    message.construct_from_input_stream_sync(Gio.MemoryInputStream.new_from_bytes(GLib.Bytes.new(text.encode())), None)
    return message


def digest(message):
    message.remove_header("X-Evolution-Source")  # where it was read, and not in its file
    out = Gio.MemoryOutputStream.new_resizable()
    message.write_to_output_stream_sync(out, None)
    out.close(None)
    data = out.steal_as_bytes().get_data()
    return hashlib.sha256(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")).hexdigest()


def told(folder, uid):
    info = folder.get_message_info(uid)
    bits, labels = info.get_flags(), info.get_user_flags()
    words = [labels.get(place) for place in range(labels.get_length())] if labels else []
    return {"sha256": digest(folder.get_message_sync(uid, None)),
            "flags": " ".join(sorted(name for bit, name in NAMES if bits & bit)), "unix": None,
            "keywords": " ".join(sorted(words + [word for bit, word in WORDS if bits & bit]))}


with tempfile.TemporaryDirectory() as home:
    Camel.init(home, False)
    Camel.provider_init()
    session = MadeSession(user_data_dir=home, user_cache_dir=home + "/cache")
    store = session.add_service("local", "maildir", Camel.ProviderType.STORE)
    store.ref_settings().set_path(home + "/local")
    rows, number = [], 0
    for name, marks in FOLDERS.items():
        folder = store.get_folder_sync(name, Camel.StoreGetFolderFlags.CREATE, None)
        for bits, labels in marks:
            number += 1
            _, uid = folder.append_message_sync(letter(number), None, None)
            folder.set_message_flags(uid, 0xFFFF, int(bits))
            for label in labels:
                folder.set_message_user_flag(uid, label, True)
        folder.synchronize_sync(False, None)
    for name in FOLDERS:
        folder = store.get_folder_sync(name, 0, None)
        rows.append({"reader": "Camel 3.46.4", "store": "evolution3-camel", "folder": "INBOX" if name == "Inbox" else name,
                     "left_out": 0, "messages": [told(folder, uid) for uid in sorted(folder.get_uids())]})
    folder = None
    store.synchronize_sync(False, None)
    store.disconnect_sync(True, None)
    made = HERE / "evolution3-camel"
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(home + "/local", made, ignore=shutil.ignore_patterns("*.ibex.index*"))
    for part in ("cur", "new", "tmp"):
        for directory in [made, *made.iterdir()]:
            if (directory / part).is_dir():
                (directory / part / ".keep").touch()
(HERE / "camel.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
