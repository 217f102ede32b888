"""The invented stores of programs that keep neither mbox nor Maildir. Called by make.py; see there.

MH, Babyl and MMDF are written by Python's `mailbox` module; the rest by hand, by the layouts of facts/formats.md.
"""
import mailbox, sqlite3, struct

AT = 1075802400  # 2004-02-03T10:00:00Z
STORED = dict(date="2004-02-03T10:00:00Z", rule="store")


def make(here, message, found, store, write):
    apple(message, found, store, write)
    mh(here, message, found, store, write)
    cyrus(message, found, store, write)
    babyl(here, message, found, store, write)
    mmdf(here, message, found, store, write)
    eudora(here, message, found, store, write)
    thebat(message, found, store, write)
    foxmail(message, found, store, write)
    pegasus(message, found, store, write)
    profile(message, found, store, write)
    livemail(message, found, store, write)
    opera(message, found, store, write)
    evolution(message, found, store, write)
    evolution3(here, message, found, store, write)
    kmail(message, found, store, write)


def apple(message, found, store, write):
    uuid = "1B4E28BA-2FA1-11D2-883F-0016D3CCA427"

    def put(name, text, flags):
        plist = (f'<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0">\n<dict>\n\t<key>color</key>\n\t<string>000000</string>\n'
                 f'\t<key>date-received</key>\n\t<integer>{AT}</integer>\n\t<key>flags</key>\n\t<integer>{flags}</integer>\n</dict>\n</plist>\n')
        data = text.encode()
        write(f"apple/V5/{uuid}/{name}.emlx", f"{len(data):<10}\n".encode() + data + plist.encode())

    data = f"{uuid}/Data"
    put(f"INBOX.mbox/{data}/Messages/2", message(1), 0x6_0203_0405)
    put(f"INBOX.mbox/{data}/3/1/Messages/13042", message(2, "Grüße\n"), 1 << 4 | 1 << 8)
    put(f"INBOX.mbox/{data}/Messages/5", message(9), 1 << 1)  # deleted
    whole = message(3, "--b\n\nHello.\n--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\nAAEC\n--b--\n",
                    "Content-Type: multipart/mixed; boundary=b\n")
    stub = whole.replace("base64\n\nAAEC\n", "base64\nX-Apple-Content-Length: 4\n\n\n")
    put(f"Work.mbox/Old.mbox/{data}/Messages/7.partial", stub, 1)
    put(f"Work.mbox/Old.mbox/{data}/Messages/8.partial", stub, 1)
    write(f"apple/V5/{uuid}/Work.mbox/Old.mbox/{data}/Attachments/7/2/three.bin", bytes([0, 1, 2]))
    lost = dict(found(stub, 3, "\\Seen", **STORED), warnings=["an attachment is not in the store"])
    store("apple", "emlx", {"INBOX": [found(message(1), 1, "\\Seen \\Answered", "$NotJunk", **STORED),
                                      found(message(2, "Grüße\n"), 2, "\\Flagged", "$Forwarded", **STORED)],
                            "Work/Old": [found(whole, 3, "\\Seen", **STORED), lost]}, hidden=1)


def mh(here, message, found, store, write):
    box = mailbox.MH(here / "mh")
    inner = box.add_folder("Archive")
    all = []
    for number, (sequences, flags) in enumerate([((), "\\Seen"), (("unseen",), ""), (("flagged", "unseen"), "\\Flagged"),
                                                 (("replied", "flagged"), "\\Seen \\Answered \\Flagged"), ((), "\\Seen")], 1):
        entry = mailbox.MHMessage(message(number))
        for name in sequences:
            entry.add_sequence(name)
        box.add(entry)
        all.append(found(message(number), number, flags))
    write("mh/,6", message(6))  # as `rmm` leaves it
    write("mh/12", message(12))
    inner.add(message(7))
    store("mh", "mh", {"": all + [found(message(12), 12, "\\Seen")], "Archive": [found(message(7), 7, "\\Seen")]}, hidden=1)

    marks = {1: 0, 2: 3, 3: 4 | 16 | 32, 4: 2}
    for name, order in [("sylpheed", "<"), ("claws", ">")]:
        for number in (1, 2, 3, 4, 5):
            write(f"{name}/inbox/{number}", message(number))
        words = [2] + [word for pair in marks.items() for word in pair]
        write(f"{name}/inbox/.{name}_mark", struct.pack(f"{order}{len(words)}I", *words))
        store(name, "mh", {"inbox": [found(message(1), 1, "\\Seen"), found(message(2), 2),
                                     found(message(3), 3, "\\Seen \\Answered \\Flagged", "$Forwarded"), found(message(4), 4), found(message(5), 5)]})


def cyrus(message, found, store, write):
    for name in ("", "Sent/", "Entw&APw-rfe^2004/"):
        write(f"cyrus/{name}cyrus.header", "Cyrus mailbox header\n")
        write(f"cyrus/{name}cyrus.index", b"\0\0\0\0")
    for name in ("2.", "10.", "Sent/1."):
        write(f"cyrus/{name}", message(1).replace("\n", "\r\n"))
    one = found(message(1), 1, "\\Seen")
    store("cyrus", "cyrus", {"INBOX": [one, one], "Sent": [one], "Entwürfe.2004": []})


BODY = "Hello.\n\nFrom here on it is text.\n>From quoted already\n\nEnd.\n"


def babyl(here, message, found, store, write):
    path = here / "babyl/rmail"
    path.parent.mkdir()
    box, all = mailbox.Babyl(path), []
    for number, (labels, flags, words) in enumerate([([], "\\Seen", ""), (["unseen", "work"], "", "work"), (["answered", "deleted"], "\\Seen \\Answered \\Deleted", ""),
                                                     (["forwarded", "two"], "\\Seen", "two $Forwarded")], 1):
        entry = mailbox.BabylMessage(message(number, BODY))
        for label in labels:
            entry.add_label(label)
        if number > 1:
            entry.update_visible()
        box.add(entry)
        all.append(found(message(number, BODY), number, flags, words))
    box.close()
    # As Rmail itself writes a message whose header it never changed.
    with open(path, "ab") as file:
        file.write(("\f\n0, unseen,,\nSummary-line:  3-Feb  anna5@example.org #Message 5\n*** EOOH ***\n" + message(5, BODY) + "\x1f").encode())
    all.append(found(message(5, BODY), 5))
    store("babyl", "babyl", {"rmail": all})
    assert len(mailbox.Babyl(path)) == 5


def mmdf(here, message, found, store, write):
    path = here / "mmdf/inbox.mmdf"
    path.parent.mkdir()
    box, all = mailbox.MMDF(path), []
    for number, (flags, ours) in enumerate([("", ""), ("RO", "\\Seen"), ("ROAF", "\\Seen \\Answered \\Flagged"), ("RODT", "\\Seen \\Deleted \\Draft")], 1):
        text = message(number)  # Python would quote From_ lines, which MMDF does not
        entry = mailbox.MMDFMessage(text)
        entry.set_from("anna@example.org", (2004, 2, 3, 10, 0, number, 1, 34, 0))
        entry.set_flags(flags)
        box.add(entry)
        all.append(found(text, number, ours, "", f"2004-02-03T10:00:{number:02}Z", "from"))
    box.close()
    mark = "\1\1\1\1\n"
    with open(path, "ab") as file:
        file.write((mark + message(5, BODY) + mark).encode())
    all.append(found(message(5, BODY), 5))
    store("mmdf", "mmdf", {"inbox": all})
    write("mmdf-crlf", path.read_bytes().replace(b"\n", b"\r\n"))
    store("mmdf-crlf", "mmdf", {"": all})


def eudora(here, message, found, store, write):
    separator = "From ???@??? Tue Feb 03 10:00:00 2004\n"
    hop = "Received: from a by b.example.org; Tue, 3 Feb 2004 11:00:00 +0200\n"

    def mailbox(name, messages, listed, order, eol):
        """Writes messages, and a table of those that are `listed`: number in the mailbox, and status."""
        texts = [(separator + text).replace("\n", eol).encode() for text in messages]
        offsets = [sum(map(len, texts[:number])) for number in range(len(texts))]
        write(f"{name}.mbx" if order == "<" else name, b"".join(texts))
        table = b"1\0".ljust(0x66, b"\0") + struct.pack("<H", len(listed)) if order == "<" else b"\0\1".ljust(278, b"\0")
        for number, status in listed:
            if order == "<":
                record = struct.pack("<IIIH", offsets[number], len(texts[number]), AT + number, status).ljust(218, b"\0")
            else:
                record = struct.pack(">IIIB", offsets[number], len(texts[number]), 0, status).ljust(220, b"\0")
            table += record
        write(f"{name}.toc", table)

    plain = [message(number, extra=hop if number == 1 else "") for number in range(1, 6)]
    cut = message(6, 'See the plan.\n\nAttachment Converted: "C:\\EUDORA\\Attach\\Plan v3.doc"\n', "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n")
    digest = __import__("hashlib").sha256(cut.split("Attachment Converted")[0].replace("\n", "\r\n").encode()).hexdigest()[:24]
    part = f"--=_eudora_{digest}"
    whole = message(6).split("\n\n")[0] + (f'\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{part[2:]}"\n\n{part}\nContent-Type: text/plain\n'
             f"Content-Transfer-Encoding: 7bit\n\nSee the plan.\n\n\n{part}\nContent-Type: application/octet-stream\n"
             f'Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="Plan v3.doc"\n\nYWJj\n{part}--\n')
    lost = message(7, 'Attachment Converted: "C:\\EUDORA\\Attach\\gone.doc"\n')
    mailbox("eudora/In", [*plain, cut, lost], [(4, 0), (0, 1), (1, 2), (3, 3), (5, 1), (6, 1)], "<", "\r\n")
    mailbox("eudora/Out", [message(8)], [(0, 6)], "<", "\r\n")
    mailbox("eudora/Work.fol/PROJECT1", [message(9)], [(0, 8)], "<", "\r\n")
    write("eudora/Empty.mbx", "")
    write("eudora/descmap.pce", "In,In.mbx,S,N\r\nOut,Out.mbx,S,N\r\nPlans, old,Work.fol,F,N\r\n".encode())
    write("eudora/Work.fol/descmap.pce", "Bridge Caf\xe9,Project1.mbx,M,N\r\n".encode("latin-1"))
    write("eudora/Attach/plan V3.doc", "abc")
    whole = whole.replace("Plan v3.doc", "plan V3.doc")

    def stored(second):
        return dict(date=f"2004-02-03T10:00:{second:02}Z", rule="store")

    near = dict(date="2004-02-03T10:00:00+01:00", rule="from")
    store("eudora", "eudora", {
        "In": [found(plain[4], 5, **stored(4)), dict(found(plain[0], 1, "\\Seen"), **near), found(plain[1], 2, "\\Seen \\Answered", **stored(1)),
               found(plain[3], 4, "\\Seen", "$Forwarded", **stored(3)), found(whole, 6, "\\Seen", **stored(5)),
               dict(found(lost, 7, "\\Seen", **stored(6)), warnings=["an attachment is not in the store"])],
        "Out": [found(message(8), 8, "\\Seen \\Draft", **stored(0))], "Plans, old/Bridge Café": [found(message(9), 9, "\\Seen", **stored(0))], "Empty": []}, hidden=1)

    mailbox("eudora-mac/In", plain[1:4], [(0, 1), (2, 8)], ">", "\r")
    line = dict(date="2004-02-03T10:00:00Z", rule="from")
    store("eudora-mac", "eudora", {"In": [found(plain[1], 2, **line), found(plain[3], 4, "\\Seen", "$Forwarded", **line)]}, hidden=1)


def thebat(message, found, store, write):
    def folder(name, states):
        data = (b"\x20\x06\x79\x19" + struct.pack("<H", 0x0C08)).ljust(0x0C08, b"\0")
        for number, state in enumerate(states, 1):
            text = message(number).replace("\n", "\r\n").encode()
            data += (b"\x21\x09\x70\x19" + struct.pack("<IIIII", 0x30, 0, AT, number, state)).ljust(36, b"\0") + struct.pack("<I", len(text)).ljust(12, b"\0") + text
        write(f"thebat/{name}/MESSAGES.TBB", data)

    folder("Anna/Inbox", (2, 0, 0x803))
    folder("Anna/Projects/Bridge", (2,))
    write("thebat/Anna/Inbox/MESSAGES.TBI", "index")
    seen = [found(message(number), number, "\\Seen" if number < 3 else "\\Seen \\Deleted", **STORED) for number in (1, 2, 3)]
    store("thebat", "thebat", {"Anna/Inbox": seen, "Anna/Projects/Bridge": seen[:1]})


def foxmail(message, found, store, write):
    mark = b"\x10" * 7 + b"\x11" * 6 + b"S\r\n"
    for name, numbers in (("In", (1, 2, 3)), ("Sent", (4,))):
        write(f"foxmail/{name}.BOX", b"".join(mark + message(number).replace("\n", "\r\n").encode() for number in numbers))
    store("foxmail", "foxmail", {"In": [found(message(number), number, "\\Seen") for number in (1, 2, 3)], "Sent": [found(message(4), 4, "\\Seen")]})


def pegasus(message, found, store, write):
    def folder(file, name, identity, numbers):
        head = name.encode("latin-1").ljust(86, b"\0") + identity.encode().ljust(42, b"\0")
        write(f"pegasus/{file}", head + b"".join(message(number).replace("\n", "\r\n").encode() + b"\x1a" for number in numbers))

    folder("FOL00001.PMM", "Bridge", "1A2B:0001:FOL00001", (1, 2))
    folder("MAIN.PMM", "Main folder", "1A2B:0002:MAIN", (3,))
    folder("FOL00003.PMM", "Caf\xe9", "lost", ())
    write("pegasus/A0000001.CNM", message(4).replace("\n", "\r\n"))
    write("pegasus/UNX00001.MBX", "From anna@example.org Tue Feb  3 10:00:00 2004\n" + message(5) + "\n")
    write("pegasus/UNX00001.PMG", b"From Unix".ljust(58, b"\0") + b"1A2B:0003:UNX00001".ljust(70, b"\0"))
    write("pegasus/HIERARCH.PM", '2,1,"1A2B:0000:BOX","","My mailbox"\r\n1,1,"1A2B:0009:TRAY","1A2B:0000:BOX","Projects"\r\n'
          '0,0,"1A2B:0001:FOL00001","1A2B:0009:TRAY","Bridge"\r\n0,0,"1A2B:0002:MAIN","1A2B:0000:BOX","Main folder"\r\n'
          '0,0,"1A2B:0003:UNX00001","1A2B:0009:TRAY","From Unix"\r\n')
    store("pegasus", "pegasus", {"Projects/Bridge": [found(message(1), 1, "\\Seen"), found(message(2), 2, "\\Seen")],
                                 "Main folder": [found(message(3), 3, "\\Seen")], "Café": [], "New mail": [found(message(4), 4)],
                                 "Projects/From Unix": [found(message(5), 5, date="2004-02-03T10:00:00Z", rule="from")]})


def profile(message, found, store, write):
    box = "From - Tue Feb  3 10:00:00 2004\nX-Mozilla-Status: 0001\nX-Mozilla-Keys: $label1 bridge     \n" + message(1) + "\n"
    one = [found(message(1), 1, "\\Seen", "$label1 bridge")]
    base = "profile/abcd1234.default"
    prefs = {"mail.accountmanager.accounts": "account1,account2,account3,account4", "mailnews.tags.bridge.tag": "Bridge works"}
    for number, (kind, name, host, relative, contract) in enumerate([
            ("pop3", "anna@example.org", "pop.example.org", "Mail/pop.example.org", "berkeleystore"),
            ("imap", "", "imap.example.org", "ImapMail/imap.example.org", "maildirstore"),
            ("none", "Local \\u00dcbersicht", "Local Folders", "Mail/Local Folders", "berkeleystore"),
            ("nntp", "News", "news.example.org", "News/news.example.org", "berkeleystore")], 1):
        prefs |= {f"mail.account.account{number}.server": f"server{number}", f"mail.server.server{number}.type": kind,
                  f"mail.server.server{number}.hostname": host, f"mail.server.server{number}.name": name,
                  f"mail.server.server{number}.directory-rel": f"[ProfD]{relative}" if number != 3 else "",
                  f"mail.server.server{number}.directory": "C:\\\\Users\\\\anna\\\\Profile\\\\" + relative.replace("/", "\\\\"),
                  f"mail.server.server{number}.storeContractID": f"@mozilla.org/msgstore/{contract};1"}
    write(f"{base}/prefs.js", "// Mozilla User Preferences\n" + "".join(f'user_pref("{key}", "{value}");\n' for key, value in prefs.items()))
    for name in ("pop.example.org/Inbox", "pop.example.org/Inbox.sbd/a%3Ab%3F", "Local Folders/Unsent Messages", "old.example.org/Inbox"):
        write(f"{base}/Mail/{name}", box)
    write(f"{base}/Mail/pop.example.org/Inbox.msf", "")
    write(f"{base}/News/news.example.org/misc.test", box)
    imap = f"{base}/ImapMail/imap.example.org"
    write(f"{imap}/INBOX/cur/1075802400.eml", "X-Mozilla-Status: 0007\nX-Mozilla-Status2: 00000000\n" + message(2))
    write(f"{imap}/INBOX/cur/1075802401.eml", "X-Mozilla-Status: 0009\n" + message(3))
    write(f"{imap}/INBOX.sbd/Entw&APw-rfe/cur/1", message(4))
    write(f"{imap}/INBOX/tmp/.keep", "")
    store("profile", "thunderbird", {
        "anna@example.org/Inbox": one, "anna@example.org/Inbox/a:b?": one, "Local Übersicht/Unsent Messages": one, "old.example.org/Inbox": one,
        "imap.example.org/INBOX": [found(message(2), 2, "\\Seen \\Answered \\Flagged")], "imap.example.org/INBOX/Entwürfe": [found(message(4), 4, "\\Seen")]}, hidden=1)
    write("netscape/Mail/Inbox", box)
    write("netscape/Mail/Inbox.snm", "")
    write("netscape/Mail/Work.sbd/Old", box)
    store("netscape", "thunderbird", {"Mail/Inbox": one, "Mail/Work/Old": one})


def livemail(message, found, store, write):
    guid = "{0FDD08FE-0000-0000-0000-000000000001}"
    account = f'<?xml version="1.0" encoding="utf-16" ?>\r\n<MessageAccount>\r\n\t<Account_Name type="SZ">Anna &amp; Söhne</Account_Name>\r\n</MessageAccount>\r\n'
    write(f"livemail/Anna 3c1/account{guid}.oeaccount", account.encode("utf-16"))
    write("livemail/Anna 3c1/Inbox/0FDD08FE-00000001.eml", message(1).replace("\n", "\r\n"))
    write("livemail/Anna 3c1/Drafts/0FDD08FE-00000002.eml", message(2, extra="X-Unsent: 1\n"))
    write("livemail/Storage Folders/Old/0FDD08FE-00000003.eml", message(3))
    write("livemail/Mail.MSMessageStore", b"\0\0\0\0")
    store("livemail", "eml", {"Anna & Söhne/Inbox": [found(message(1), 1, "\\Seen")],
                              "Anna & Söhne/Drafts": [found(message(2, extra="X-Unsent: 1\n"), 2, "\\Seen \\Draft")],
                              "Storage Folders/Old": [found(message(3), 3, "\\Seen")]})


def opera(message, found, store, write):
    box = lambda *numbers: "".join("From anna@example.org Tue Feb  3 10:00:00 2004\n" + message(number) + "\n" for number in numbers)
    write("opera/accounts.ini", "[Accounts]\nCount=2\n[Account1]\nAccount Name=Anna at home\nEmail=anna@example.org\n[Account2]\nAccount Name=\n")
    write("opera/store/account1/2004/02/03.mbs", box(1, 2))
    write("opera/store/account1/2004/02/12.mbs", box(3))
    write("opera/store/account2/2005/01/01.mbs", box(4))
    at = dict(date="2004-02-03T10:00:00Z", rule="from")
    store("opera", "opera", {"Anna at home": [found(message(number), number, **at) for number in (1, 2, 3)], "account2": [found(message(4), 4, **at)]})


LINE = "From anna@example.org Tue Feb  3 10:00:00 2004\n"
FROM = dict(date="2004-02-03T10:00:00Z", rule="from")


def evolution(message, found, store, write):
    """As version 1 has it; the flags are Camel's bits: answered 1, deleted 2, draft 4, flagged 8, seen 16, attachments 32."""
    def folder(path, all):
        data = ""
        for number, field in all:
            data += LINE + message(number, extra=f"X-Evolution: {field}\n" if field else "") + "\n"
        write(f"evolution/local/{path}/mbox", data)
        write(f"evolution/local/{path}/folder-metadata.xml", "<?xml version=\"1.0\"?>\n<efolder><type>mail</type></efolder>\n")
        write(f"evolution/local/{path}/local-metadata.xml", "<?xml version=\"1.0\"?>\n<folderinfo><folder type=\"mbox\" name=\"mbox\"/></folderinfo>\n")
        write(f"evolution/local/{path}/mbox.ev-summary", b"\0\0\0\x0d")

    folder("Inbox", [(1, "00000001-0010"), (2, "00000002-0039"), (3, "00000003-0000"), (4, None)])
    folder("Inbox/subfolders/Projects", [(5, "0000000a-0014; flags=$Labelwork,later; tags=due:today")])
    folder("Inbox/subfolders/Projects/subfolders/R&D", [(6, "0000000b-0012")])
    folder("Outbox", [])
    store("evolution", "mbox", {
        "Inbox": [found(message(1), 1, "\\Seen", **FROM), found(message(2), 2, "\\Seen \\Answered \\Flagged", **FROM),
                  found(message(3), 3, **FROM), found(message(4), 4, **FROM)],
        "Inbox/Projects": [found(message(5), 5, "\\Seen \\Draft", "$Labelwork later", **FROM)],
        "Inbox/Projects/R&D": [found(message(6), 6, "\\Seen \\Deleted", **FROM)], "Outbox": []})


def evolution3(here, message, found, store, write):
    """A Maildir++ whose top says so; `.` and `_` of a name are written as `_` and two digits, and the inbox is the top. Labels
    and what is no letter of a file's name are in folders.db, of 3.58 or of before, where there is one."""
    at = dict(date="2004-02-03T10:00:00Z", rule="store")
    for top, has_numbers in [("evolution3", None), ("evolution3-labels", True), ("evolution3-before", False)]:
        wanted, folders = {}, []
        for number, (directory, folder, bits, labels, flags, keywords) in enumerate([
                ("", "INBOX", 0x11 | 1 << 16, "$Labelimportant my_own", "\\Seen \\Answered", "$Labelimportant my_own"),
                ("/..Family", "INBOX/Family", 0x410, "", "\\Seen \\Answered", "$Forwarded"),
                ("/.Work_2EOld", "Work.Old", 0x91, "$Labelwork", "\\Seen \\Answered", "$Junk $Labelwork"),
                ("/.my_5Fbox", "my_box", None, "", "\\Seen \\Answered", ""),
                ("/.my_5Fbox.R&D", "my_box/R&D", 0x201, " Größe  $Labeltodo ", "\\Seen \\Answered", "$NotJunk Größe $Labeltodo"),
                ("/.Grüße", "Grüße", 0x18, "", "\\Seen \\Answered \\Flagged", "")], 1):
            for part in ("cur", "new", "tmp"):
                write(f"{top}{directory}/{part}/.keep", "")
            name = f"1075802400.{number}_0.host"
            write(f"{top}{directory}/cur/{name}:2,RS", message(number))
            if has_numbers is None:
                flags, keywords = "\\Seen \\Answered", ""
            wanted[folder] = [found(message(number), number, flags, keywords, **at)]
            if bits is not None:
                folders.append((folder.replace("INBOX", "Inbox"), name, bits, labels))
        write(f"{top}/..maildir++", "maildir++ 1")
        write(f"{top}/.Grüße.cmeta", b"\0\0\0\x03")
        if has_numbers is not None:
            camel(here / top / "folders.db", folders, has_numbers)
        store(top, "maildir", wanted)


def camel(path, folders, has_numbers):
    """The database of Camel, by camel-db.c and camel-store-db.c of evolution-data-server: columns and what is in them."""
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path)
    db.execute("PRAGMA page_size = 512")
    counts = "saved_count INTEGER, unread_count INTEGER, deleted_count INTEGER, junk_count INTEGER, visible_count INTEGER, jnd_count INTEGER"
    number = ", folder_id INTEGER" if has_numbers else ""
    db.execute(f"CREATE TABLE folders (folder_name TEXT PRIMARY KEY, version INTEGER, flags INTEGER, nextuid INTEGER, time NUMERIC, {counts}, bdata TEXT{number})")
    if has_numbers:
        db.execute("CREATE TABLE keys (key TEXT PRIMARY KEY, value TEXT)")
        db.execute("INSERT INTO keys VALUES ('csdb::messages_version', '1')")
    for number, (folder, uid, bits, labels) in enumerate(folders, 1):
        table = f"messages_{number}" if has_numbers else f'"{folder}"'
        of_its_time = "" if has_numbers else "read INTEGER, deleted INTEGER, replied INTEGER, important INTEGER, junk INTEGER, attachment INTEGER, "
        db.execute(f"CREATE TABLE {table} (uid TEXT PRIMARY KEY, flags INTEGER, msg_type INTEGER, {of_its_time}dirty INTEGER, size INTEGER, dsent NUMERIC, "
                   "dreceived NUMERIC, subject TEXT, mail_from TEXT, mail_to TEXT, mail_cc TEXT, mlist TEXT, part TEXT, labels TEXT, usertags TEXT, "
                   "cinfo TEXT, bdata TEXT, userheaders TEXT, preview TEXT)")
        db.execute(f"INSERT INTO {table} (uid, flags, subject, labels, usertags) VALUES (?, ?, 'Message', ?, '0')", (uid, bits, labels))
        db.execute(f"INSERT INTO folders (folder_name, version{', folder_id' if has_numbers else ''}) VALUES (?, 3{', ?' if has_numbers else ''})",
                   (folder, number) if has_numbers else (folder,))
    db.commit()
    db.close()


def kmail(message, found, store, write):
    """As KMail 1 has it: parts of (type, length, value) in the machine's order, texts as UTF-16 in network order."""
    def index(path, order, size, records):
        head = struct.pack(f"{order}II", 0x12345678, size)
        data = b"# KMail-Index V1506\n\0" + struct.pack(f"{order}I", len(head)) + head
        for record in records:
            body = b""
            for kind, value in record:
                value = value.encode("utf-16-be") if isinstance(value, str) else value.to_bytes(size, "little" if order == "<" else "big")
                body += struct.pack(f"{order}IH", kind, len(value)) + value
            data += struct.pack(f"{order}I", len(body)) + body
        write(path, data)

    new, unread, read, old, replied, forwarded, flag, spam = 1, 2, 4, 8, 0x20, 0x40, 0x200, 0x2000
    # An mbox: what was deleted is still in it, and only the index does not have it.
    data, records = "", []
    for number, status in [(1, read), (2, old | replied | forwarded), (3, None), (4, unread | flag), (5, new)]:
        text = message(number, extra="Status: RO\nX-Status: RC\n")
        data += LINE
        if status is not None:
            records.append([(5, "id"), (8, 0), (1, "Anna"), (2, f"Message {number}"), (7, len(data)), (9, len(text) + 1), (16, status)])
        data += text + "\n"
    write("kmail/inbox", data)
    write("kmail/.inbox.index.ids", b"# KMail-Index-IDs V1002\n*")
    index("kmail/.inbox.index", "<", 8, records)
    # One that no index tells of: the header does.
    write("kmail/.inbox.directory/plain", LINE + message(6, extra="Status: RO\nX-Status: UFT\n") + "\n")
    # A Maildir, with an index from another machine.
    names = {7: "1075802407.1.a:2,S", 8: "1075802408.2.b", 9: "1075802409.3.c:2,S", 10: "1075802410.4.d"}
    for number, name in names.items():
        write(f"kmail-maildir/trash/cur/{name}", message(number))
    for part in ("new", "tmp"):
        write(f"kmail-maildir/trash/{part}/.keep", "")
    index("kmail-maildir/.trash.index", ">", 4, [[(11, names[7]), (16, read | spam), (19, "urgent,work")], [(11, names[8]), (16, old | flag)],
                                                   [(11, names[9]), (16, unread)]])
    store("kmail", "mbox", {
        "inbox": [found(message(1), 1, "\\Seen", **FROM), found(message(2), 2, "\\Seen \\Answered", "$Forwarded", **FROM),
                  found(message(4), 4, "\\Flagged", **FROM), found(message(5), 5, **FROM)],
        "inbox/plain": [found(message(6), 6, "", "$Forwarded", **FROM)]}, hidden=1)
    at = lambda second: dict(date=f"2004-02-03T10:00:{second:02}Z", rule="store")
    store("kmail-maildir", "maildir", {"trash": [
        found(message(7), 7, "\\Seen", "$Junk urgent work", **at(7)), found(message(8), 8, "\\Seen \\Flagged", **at(8)),
        found(message(9), 9, **at(9)), found(message(10), 10, **at(10))]})
