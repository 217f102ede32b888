#!/usr/bin/env python3
"""Reads composed messages (files named on the command line) by Python's email and prints what is in each, one JSON a line."""
import email, email.policy, hashlib, json, sys

def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]

def text(part):
    return digest("".join(part.get_content().split()).encode()) if part else ""

def summary(found):
    assert not found.defects, found.defects
    files, messages = [], []
    for part in found.walk():
        assert not part.defects, part.defects
        if part.get_content_type() == "message/rfc822":
            messages.append(str(part.get_content()["Subject"]))
    seen = found.iter_attachments() if found.is_multipart() else []
    stack = list(seen)
    for part in found.walk():
        if part.get_content_type() == "multipart/related":
            stack += list(part.iter_parts())[1:]
    for part in stack:
        if part.get_content_type() != "message/rfc822" and not part.is_multipart():
            files.append([part.get_filename() or "", digest(part.get_payload(decode=True))])
    return {"subject": str(found["Subject"] or ""), "text": text(found.get_body(("plain",))),
            "html": text(found.get_body(("html",))), "files": sorted(set(map(tuple, files))), "messages": messages}

for path in sys.argv[1:]:
    with open(path, "rb") as file:
        print(json.dumps(summary(email.message_from_binary_file(file, policy=email.policy.default))))
