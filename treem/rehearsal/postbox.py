"""A body's own mail program: reads its mailbox by IMAP and sends by SMTP, with the standard library only.

Belongs here: the two protocols and plain questions about a letter. It shares no code with `treem.mailroom`, so that a
mistake there is not repeated here.
"""

import imaplib
import re
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Protocol

SUBJECT_TOKEN = re.compile(r"\[#([0-9A-Za-z]+)\]")
TIMEOUT = 60.0


@dataclass(frozen=True)
class Letter:
    """A letter as its reader sees it."""

    message_id: str
    subject: str
    reply_to: str
    in_reply_to: str
    references: str
    text: str
    workbook: bytes | None  # the attached .xlsx

    @property
    def token(self) -> str | None:
        """The token in the subject, "[#…]"."""
        found = SUBJECT_TOKEN.search(self.subject)
        return found[1] if found else None

    @property
    def asks(self) -> bool:
        """A request, reminder or chase: it brings the workbook and a token."""
        return self.workbook is not None and self.token is not None


class Post(Protocol):
    """How a body reads and sends: a mailbox, or its share of one."""

    def new_letters(self) -> list[Letter]:
        """The letters that came since the last look, oldest first."""

    def send(self, raw: bytes, recipient: str) -> None:
        """Hand one finished letter to the server."""

    def close(self) -> None:
        """Leave the mailbox."""


@dataclass
class Postbox:
    """One mailbox. The IMAP connection stays open between looks; `close` ends it."""

    address: str
    password: str = field(repr=False)
    smtp: tuple[str, int]
    imap: tuple[str, int]
    _connection: imaplib.IMAP4 | None = field(default=None, repr=False)
    _last_uid: int = 0

    def new_letters(self) -> list[Letter]:
        """The letters that came since the last look, oldest first."""
        connection = self._connected()
        connection.noop()
        found = connection.uid("SEARCH", f"UID {self._last_uid + 1}:*")[1][0] or b""
        # "n:*" always names the last letter, even when it is older than n (RFC 9051)
        uids = sorted(uid for uid in map(int, found.split()) if uid > self._last_uid)
        letters = [read_letter(raw) for uid in uids for raw in self._raw(connection, uid)]
        self._last_uid = max([self._last_uid, *uids])
        return letters

    def send(self, raw: bytes, recipient: str) -> None:
        """Hand one finished letter to the server. Raises smtplib's errors when it is refused."""
        with smtplib.SMTP(*self.smtp, timeout=TIMEOUT) as server:
            server.ehlo()
            if server.has_extn("auth"):
                server.login(self.address, self.password)
            server.sendmail(self.address, [recipient], raw)

    def close(self) -> None:
        """Leave the mailbox."""
        if self._connection is not None:
            self._connection.logout()
            self._connection = None

    def _connected(self) -> imaplib.IMAP4:
        if self._connection is None:
            self._connection = imaplib.IMAP4(*self.imap, timeout=TIMEOUT)
            self._connection.login(self.address, self.password)
            self._connection.select("INBOX")
        return self._connection

    @staticmethod
    def _raw(connection: imaplib.IMAP4, uid: int) -> Iterator[bytes]:
        for part in connection.uid("FETCH", str(uid), "(BODY.PEEK[])")[1]:
            if isinstance(part, tuple):
                yield part[1]


def read_letter(raw: bytes) -> Letter:
    """The parts of a letter that a body looks at."""
    message = message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    body = message.get_body(("plain", "html"))
    return Letter(
        message_id=str(message["Message-ID"] or "").strip(),
        subject=str(message["Subject"] or ""),
        reply_to=parseaddr(str(message["Reply-To"] or message["From"] or ""))[1],
        in_reply_to=str(message["In-Reply-To"] or "").strip(),
        references=" ".join(str(message["References"] or "").split()),
        text=body.get_content() if body else "",
        workbook=_workbook(message),
    )


def _workbook(message: EmailMessage) -> bytes | None:
    for part in message.iter_attachments():
        if (part.get_filename() or "").lower().endswith(".xlsx"):
            return part.get_payload(decode=True)  # type: ignore[return-value]
    return None
