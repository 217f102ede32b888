#!/usr/bin/env python3
"""Writes small Outlook Express folders for make_seeds.rs into the given directory, by the writer of tests/data.

Its segments are made as short as what is in them: Outlook Express itself reserves 64 KiB for each.
"""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/data/stores/outlook-express"))
sys.dont_write_bytecode = True
import mkdbx
from mkdbx import Store, add, rfc822, DOWNLOADED, READ, FLAGGED, FORWARDED

mkdbx.VARSEG, mkdbx.TREESEG, mkdbx.MSGSEG = 0x400, mkdbx.NODE, mkdbx.TEXT
out = sys.argv[1]


def folder(name, numbers, fill=mkdbx.MAXENT, deleted=(), empty=()):
    st, infos = Store("message", b"Inbox"), []
    for n in numbers:
        raw, sent, subject = rfc822(n, 300 if n % 2 else 700)
        info, chain = add(st, n, None if n in empty else raw, sent, subject, DOWNLOADED | READ | (FLAGGED if n % 2 else FORWARDED))
        if n in deleted:
            st.delete_text(chain); st.delete_var(info)
        else:
            infos.append(info)
    st.trees = [(len(infos), st.tree(infos, fill)), (0, 0)]
    st.save(os.path.join(out, name), truncate=st.end)


def folder_list():
    st, records = Store("folders"), []
    for id, parent, name, file, special, account in [
        (0, 0xffffffff, "Outlook Express", None, 0, None), (1, 0, "Local", None, 0, "LocalStore"),
        (4, 1, "Eingang", "INBOX.DBX", 1, None), (5, 4, "B\u00fccher", "Inbox.dbx", 0, None), (6, 9, "Lost", None, 3, None),
    ]:
        fields = [(0x01, parent), (0x02, name.encode("cp1252") + b"\0"), (0x0a, 3)]
        fields += [(0x00, id)] if id else []
        fields += [(0x03, file.encode() + b"\0")] if file else []
        fields += [(0x09, special)] if special else []
        fields += [(0x05, account.encode() + b"\0")] if account else []
        records.append(st.indexed_info(fields))
    st.trees = [(len(records), st.tree(records)), (0, 0), (0, 0)]
    st.save(os.path.join(out, "Folders.dbx"), truncate=st.end)


folder("two.dbx", [2, 3])
folder("deep.dbx", range(2, 8), fill=1, deleted=[4], empty=[5])
folder_list()
