#!/usr/bin/env python3
"""Records what independent readers find in the Outlook samples, for tests/formats/outlook.rs.

    pip install extract-msg; apt-get install pst-utils
    make.py SAMPLES/real >expected.json       SAMPLES: the shared samples, which are not in this repository

.msg: extract-msg 0.57. .pst: readpst 0.6.76 -e -j 0 (its jobs in parallel lose files), its files read by Python's email. .olm: its XML read as such. Text is compared without blanks, since
readers differ in them. Only digests, names and subjects are recorded.
"""
import email, email.policy, glob, hashlib, json, os, subprocess, sys, tempfile

def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]

def text_digest(text):
    return digest("".join((text or "").replace("\0", "").split()).encode())

def of_msg(path):
    import extract_msg
    try:
        found = extract_msg.openMsg(path)
        files = [[one.longFilename or one.shortFilename, digest(one.data)] for one in found.attachments if isinstance(one.data, bytes)]
        return {
            "class": found.classType.strip("\0"),
            "subject": found.subject.strip("\0"),
            "received": int(found.receivedTime.timestamp()) if found.receivedTime else None,
            "read": found.isRead,
            "text": text_digest(found.body),
            "files": sorted(files),
            "messages": [one.data.subject for one in found.attachments if not isinstance(one.data, bytes)],
        }
    except UnicodeDecodeError as error:
        return {"unread": str(error)}

def of_eml(path):
    with open(path, "rb") as file:
        found = email.message_from_binary_file(file, policy=email.policy.default)
    text = found.get_body(("plain",))
    files = [[part.get_filename(), digest(part.get_content())] for part in found.iter_attachments()
             if isinstance(part.get_content(), bytes)]
    return {"subject": " ".join(str(found["Subject"]).split()), "date": str(found["Date"]),
            "text": text_digest(text.get_content() if text else ""), "files": sorted(files)}

def of_pst(path):
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(["readpst", "-q", "-j", "0", "-e", "-o", out, path], check=True, stdout=subprocess.DEVNULL)
        folders = {}
        for name in sorted(glob.glob(out + "/**/*.eml", recursive=True)):
            folder = "/".join(os.path.relpath(name, out).split("/")[1:-1])
            folders.setdefault(folder, []).append(of_eml(name))
        for messages in folders.values():
            messages.sort(key=lambda one: (one["date"], one["subject"], one["text"]))
        return folders

def of_olm(path):
    import xml.etree.ElementTree, zipfile
    folders = {}
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith(".xml") or "com.microsoft.__Messages/" not in name:
                continue
            for one in xml.etree.ElementTree.fromstring(archive.read(name)).iter("email"):
                text = lambda tag: one.findtext(tag) or ""
                files = [[file.get("OPFAttachmentName"), digest(archive.read(file.get("OPFAttachmentURL")))]
                         for file in one.iter("messageAttachment")]
                folder = name.split("com.microsoft.__Messages/")[1].rpartition("/")[0]
                folders.setdefault(folder, []).append({
                    "subject": text("OPFMessageCopySubject"), "html": text_digest(text("OPFMessageCopyHTMLBody")),
                    "files": sorted(files), "read": text("OPFMessageGetIsRead") == "1E0",
                    "flagged": text("OPFMessageCopyGetFlagStatus") == "1", "received": text("OPFMessageCopyReceivedTime"),
                    "categories": [category.get("OPFCategoryCopyName") for category in one.iter("category")],
                })
    return folders

samples = sys.argv[1]
found = {os.path.basename(path): of_msg(path) for path in sorted(glob.glob(samples + "/msg/*.msg"))}
found |= {os.path.basename(path): of_pst(path) for path in sorted(glob.glob(samples + "/pst/*.pst"))}
found |= {os.path.basename(path): of_olm(path) for path in sorted(glob.glob(samples + "/olm/*.olm"))}
json.dump(found, sys.stdout, indent=1, ensure_ascii=False, sort_keys=True)
print()
