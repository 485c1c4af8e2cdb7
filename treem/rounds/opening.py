"""A letter taken apart in the sandbox, and its workbook read there too: one job of a child.

Belongs here: both ends of that job. The child imports this module, so nothing of the ledger is imported here. What a
child does not do within its limits is done as everywhere else: the letter is parsed by this process, its files are read
in jobs of their own.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from pydantic import TypeAdapter, ValidationError

from treem.forms import sandbox
from treem.forms.frames import Frame
from treem.forms.read import MAX_FILE_BYTES, Reading, understood
from treem.mailroom.authentication import aligned
from treem.mailroom.parse import InAttachment, Parsed, parse
from treem.plan.settings import Mail

WORKBOOKS = (".xlsx", ".xls", ".ods", ".xlsm", ".xlsb")
MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
OF_MAIL = ("address", "authserv_id", "authserv_topmost")
"""All that parsing looks at of the configuration, and all that a child is told of it."""
_PARSED = TypeAdapter(Parsed)


def looks_like_a_workbook(file: InAttachment) -> bool:
    """By its name or its first bytes."""
    return file.name.lower().endswith(WORKBOOKS) or file.data[:4] in MAGIC


# ---- this process ----------------------------------------------------------------------------------------------


def open_letter(raw: bytes, mail: Mail) -> tuple[Parsed, dict[bytes, Reading]]:
    """The letter in plain values, and what its workbook says by its bytes, where it has one and that was read as well.

    Never raises for what the letter contains.
    """
    facts = {"mail": {name: getattr(mail, name) for name in OF_MAIL}}
    try:
        return _said(sandbox.run("letter", raw, facts, most=sandbox.MAX_ANSWER + len(raw)))
    except (sandbox.Failed, ValidationError, LookupError, TypeError):
        return parse(raw, mail), {}


def _said(answer: Frame) -> tuple[Parsed, dict[bytes, Reading]]:
    """Raises ValidationError, LookupError or TypeError for anything that is not as agreed."""
    head, body = answer.head, memoryview(answer.body)
    pieces = []
    for size in head["sizes"]:
        pieces.append(bytes(body[:size]))
        body = body[size:]
    said, read, *files = pieces
    parsed = _PARSED.validate_json(said)
    named = zip(parsed.attachments, files, strict=True)
    parsed = replace(parsed, attachments=tuple(replace(file, data=data) for file, data in named))
    number = head["workbook"]
    return parsed, {} if number is None else {files[number]: understood(Frame(head["read"], read))}


# ---- the child -------------------------------------------------------------------------------------------------


def answer(perform: Callable[[Frame], Frame], head: Mapping[str, Any], data: bytes) -> Frame:
    """The child's side of `open_letter`; `perform` does another operation."""
    parsed = parse(data, _mail(**head["mail"]))
    files = [file.data for file in parsed.attachments]
    number = _only_workbook(parsed)
    read = Frame({}) if number is None else perform(Frame({"operation": "read"}, files[number]))
    bare = replace(parsed, attachments=tuple(replace(file, data=b"") for file in parsed.attachments))
    said = json.dumps(asdict(bare), default=bytes.decode, ensure_ascii=True).encode()
    pieces = [said, read.body, *files]
    more = {"last": True} if read.head.pop("last", False) else {}
    return Frame({"sizes": [*map(len, pieces)], "workbook": number, "read": read.head, **more}, b"".join(pieces))


def prepare() -> None:
    """Bring in what parsing would import or read from disk when it first needs it."""
    for codec in iter_modules(import_module("encodings").__path__):
        with suppress(ImportError):  # some belong to other systems
            import_module(f"encodings.{codec.name}")
    aligned("a.huyen.test", "huyen.test")  # the list of public suffixes
    for sample in SAMPLES:
        parse(sample, _mail(address="a@huyen.test", authserv_id="mail.test", authserv_topmost=False))


def _mail(**facts: Any) -> Mail:
    return Mail.model_construct(**facts)  # as much of it as parsing looks at


def _only_workbook(parsed: Parsed) -> int | None:
    """Which file is read at once. A bounce's files are our own, come back."""
    found = [number for number, file in enumerate(parsed.attachments) if looks_like_a_workbook(file)]
    if parsed.is_own or parsed.is_bounce or len(found) != 1:
        return None
    return found[0] if 0 < len(parsed.attachments[found[0]].data) <= MAX_FILE_BYTES else None


SAMPLES = (
    b"Authentication-Results: mail.test; dmarc=pass header.from=huyen.test; spf=pass smtp.mailfrom=b@xa.huyen.test\r\n"
    b"From: =?utf-8?b?WMOj?= <b@xa.huyen.test>\r\nSubject: =?windows-1258?q?Re=3A?= x\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n'
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nXin ch=C3=A0o\r\n"
    b"begin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\n--b\r\n"
    b'Content-Type: text/html\r\n\r\n<p>Xin ch&agrave;o <a href="https://docs.google.com/x">x</a></p>\r\n--b\r\n'
    b"Content-Type: application/octet-stream; name*=utf-8''b%C3%A1o.xlsx\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@b.test\r\n\r\nx\r\n--b--\r\n",
    b"From: MAILER-DAEMON@mail.test\r\nTo: a+bounce-AAAA@huyen.test\r\nSubject: Undelivered Mail\r\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n\r\n'
    b"<c@xa.test>: host mx.test said: 550 5.1.1 User unknown\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    b"Reporting-MTA: dns; mail.test\r\n\r\nFinal-Recipient: rfc822; c@xa.test\r\n"
    b"Action: failed\r\nStatus: 5.1.1\r\n\r\n"
    b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <1@huyen.test>\r\n\r\n--b--\r\n",
)
"""Between them they make parsing go everywhere."""

sandbox.add_operation("letter", __name__)
