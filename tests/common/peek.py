"""An independent look into an IMAP mailbox, by Python's imaplib: what mailferry says it did must be true for others too.

    peek.py PORT USER PASSWORD messages                        every message as a line of JSON
    peek.py PORT USER PASSWORD folders | subscribed            every folder as a line of JSON
    peek.py PORT USER PASSWORD append FOLDER FLAGS EPOCH       stores the message on standard input
    peek.py PORT USER PASSWORD create FOLDER                   (folders are named as on the wire)
    peek.py PORT USER PASSWORD delete FOLDER UID               removes a message
    peek.py PORT USER PASSWORD flag FOLDER UID FLAGS           sets flags on a message
    peek.py PORT USER PASSWORD capability
"""

import base64
import calendar
import hashlib
import imaplib
import json
import re
import ssl
import sys
import time

imaplib._MAXLINE = 100_000_000
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def decoded(name):
    """Modified UTF-7 to text."""
    def part(match):
        code = match.group(1)
        if not code:
            return "&"
        return base64.b64decode(code.replace(",", "/") + "=" * (-len(code) % 4)).decode("utf-16-be")
    try:
        return re.sub(r"&([^-]*)-", part, name)
    except ValueError:
        return name


def quoted(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def epoch(text):
    """'01-Feb-2003 04:05:06 +0700' to seconds since 1970."""
    day, month, year, hour, minute, second, sign, zone_h, zone_m = re.match(
        r" ?(\d+)-(\w+)-(\d+) (\d+):(\d+):(\d+) ([+-])(\d\d)(\d\d)", text).groups()
    seconds = calendar.timegm((int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second)))
    zone = (int(zone_h) * 60 + int(zone_m)) * 60
    return seconds - zone if sign == "+" else seconds + zone


def checked(answer):
    status, data = answer
    if status != "OK":
        raise SystemExit(f"the server refused: {data}")
    return data


def listed(answer):
    """The entries of a LIST or LSUB answer: attributes, delimiter, name."""
    for entry in checked(answer):
        if entry is None:
            continue
        line, literal = (entry[0], entry[1]) if isinstance(entry, tuple) else (entry, None)
        match = re.match(rb'\(([^)]*)\) (NIL|"(?:\\.|[^"])*") (.*)$', line, re.S)
        if not match:
            continue  # what follows a literal
        attributes, delimiter, name = match.groups()
        if literal is not None:
            name = literal
        elif name.startswith(b'"'):
            name = re.sub(rb"\\(.)", rb"\1", name[1:-1])
        delimiter = None if delimiter == b"NIL" else re.sub(rb"\\(.)", rb"\1", delimiter[1:-1]).decode()
        yield attributes.decode().split(), delimiter, name.decode("utf-8", "surrogateescape")


def show(value):
    print(json.dumps(value))


def folders(client, command):
    for attributes, delimiter, wire in listed(command('""', '"*"')):
        show({"wire": wire, "folder": decoded(wire), "delimiter": delimiter, "attributes": attributes})


def messages(client):
    for attributes, _, wire in sorted(listed(client.list('""', '"*"')), key=lambda entry: entry[2]):
        if {"\\noselect", "\\nonexistent"} & {attribute.lower() for attribute in attributes}:
            continue
        count = int(checked(client.select(quoted(wire), readonly=True))[0])
        validity = int(client.response("UIDVALIDITY")[1][0])
        for first in range(1, count + 1, 100):
            last = min(first + 99, count)
            for entry in checked(client.fetch(f"{first}:{last}", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])")):
                if isinstance(entry, tuple):
                    message(wire, validity, entry, b"")
                elif entry and pending:
                    message(None, None, None, entry)
        flush()


pending = []  # a message whose closing line may still bring FLAGS


def message(wire, validity, entry, tail):
    if entry is None:
        pending[0][2] += tail
        return
    flush()
    pending.append([wire, validity, entry[0], entry[1]])


def flush():
    if not pending:
        return
    wire, validity, head, body = pending.pop()
    def item(pattern):
        return re.search(pattern, head, re.S).group(1).decode()
    show({
        "wire": wire,
        "folder": decoded(wire),
        "uid_validity": validity,
        "uid": int(item(rb"UID (\d+)")),
        "size": len(body),
        "server_size": int(item(rb"RFC822\.SIZE (\d+)")),
        "sha256": hashlib.sha256(body).hexdigest(),
        "flags": sorted(flag for flag in item(rb"FLAGS \(([^)]*)\)").split() if flag != "\\Recent"),
        "internal_date": epoch(item(rb'INTERNALDATE "([^"]*)"')),
        "zone": item(rb'INTERNALDATE "[^"]* ([+-]\d+)"'),
    })


def main():
    port, user, password, verb, *rest = sys.argv[1:]
    client = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
    if "LOGINDISABLED" in client.capabilities:
        client.starttls(ssl._create_unverified_context())
    checked(client.login(user, password))
    if verb == "messages":
        messages(client)
    elif verb == "folders":
        folders(client, client.list)
    elif verb == "subscribed":
        folders(client, client.lsub)
    elif verb == "create":
        checked(client.create(quoted(rest[0])))
    elif verb == "append":
        day = time.gmtime(int(rest[2]))
        date = time.strftime(f'"%d-{MONTHS[day.tm_mon - 1]}-%Y %H:%M:%S +0000"', day)
        data = sys.stdin.buffer.read()
        imaplib.MapCRLF = re.compile(rb"(?!)")  # the bytes as they are
        checked(client.append(quoted(rest[0]), f"({rest[1]})", date, data))
    elif verb == "delete":
        checked(client.select(quoted(rest[0])))
        checked(client.uid("STORE", rest[1], "+FLAGS.SILENT", r"(\Deleted)"))
        checked(client.expunge())
    elif verb == "flag":
        checked(client.select(quoted(rest[0])))
        checked(client.uid("STORE", rest[1], "+FLAGS.SILENT", f"({rest[2]})"))
    elif verb == "capability":
        show({"capabilities": sorted(checked(client.capability())[0].decode().upper().split())})
    else:
        raise SystemExit(__doc__)
    client.logout()


main()
