"""The bare floor: what the standard library and the spreadsheet reader need for the same letters, and nothing else.

Nothing is kept, recognised, checked, recorded or answered here.
"""

import imaplib
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from io import BytesIO

from python_calamine import CalamineWorkbook

from bench.world import PASSWORD
from tests.servers.loopback import HOST


@dataclass(frozen=True)
class Queued:
    """A letter as it stands in the outbox."""

    envelope_from: str
    recipient: str
    raw: bytes


def send(port: int, letters: Sequence[Queued]) -> None:
    """The same bytes over one connection."""
    with smtplib.SMTP(HOST, port) as smtp:
        for letter in letters:
            smtp.sendmail(letter.envelope_from, [letter.recipient], letter.raw)


def collect(port: int, address: str) -> int:
    """Fetch every letter in one go, find its workbook, read every sheet. How many had one."""
    with imaplib.IMAP4(HOST, port) as imap:
        imap.login(address, PASSWORD)
        imap.select("INBOX", readonly=True)
        fetched = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")[1]
    return sum(_read(part[1]) for part in fetched if isinstance(part, tuple))


def _read(raw: bytes) -> int:
    for part in message_from_bytes(raw).walk():
        if part.get_filename():
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            book = CalamineWorkbook.from_filelike(BytesIO(data))
            for name in book.sheet_names:
                book.get_sheet_by_name(name).to_python()
            return 1
    return 0
