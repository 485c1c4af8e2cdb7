"""A real SMTP and IMAP server in this process: aiosmtpd in front, pymap's mailboxes in memory behind, 127.0.0.1 only.

Belongs here: delivering, refusing and returning mail as a server on the network would. Used by the rehearsal and by
tests; it keeps nothing after it stops.
"""

import asyncio
import logging
import re
import threading
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import format_datetime, parseaddr
from secrets import token_hex
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pymap.backend.dict import DictBackend, Identity
from pymap.imap import IMAPService
from pymap.parsing.message import AppendMessage
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

HOST = "127.0.0.1"
LARGEST = 40 * 2**20
PATIENCE = 15.0
logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns about its own use of a deprecated name
SERVER_NAME = "mail.test"
_FORGED = re.compile(rb"^Authentication-Results:[ \t]*mail\.test\b.*\r\n([ \t].*\r\n)*", re.IGNORECASE | re.MULTILINE)
UNKNOWN_USER = "550 5.1.1 User unknown"


@dataclass(frozen=True)
class Accepted:
    """A letter the server took: its envelope and its bytes."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes


def _utc_now() -> datetime:
    return datetime.now(UTC)


class EmbeddedMail:
    """The server pair. Use as a context manager; `smtp` and `imap` are (host, port) once it runs.

    `users` are addresses and passwords; a plus-address reaches its base mailbox. `rules` give a recipient an SMTP
    answer ("451 4.7.1 Try later"). Letters to `bouncing` addresses are accepted, then returned to their sender. All
    three may be changed while it runs. `clock` stamps arriving letters (IMAP's INTERNALDATE).
    """

    def __init__(
        self,
        users: Mapping[str, str],
        smtp_port: int = 0,
        imap_port: int = 0,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.users = {address.lower(): password for address, password in users.items()}
        self.rules: dict[str, str] = {}
        self.bouncing: set[str] = set()
        self.log: list[Accepted] = []
        self.clock = clock
        self._ports = [smtp_port, imap_port]
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="embedded-mail")

    # ---- for the owner -----------------------------------------------------------------------------------------

    @property
    def smtp(self) -> tuple[str, int]:
        """Where letters are handed in."""
        return HOST, self._ports[0]

    @property
    def imap(self) -> tuple[str, int]:
        """Where letters are read."""
        return HOST, self._ports[1]

    def __enter__(self) -> "EmbeddedMail":
        self._thread.start()
        if not self._ready.wait(PATIENCE):
            raise TimeoutError("the embedded mail server did not start")
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)

    def inject(self, address: str, raw: bytes, when: datetime | None = None, folder: str = "INBOX") -> None:
        """Put exactly these bytes into a mailbox, past SMTP."""
        job = self._append(address.lower(), raw, when or self.clock(), folder)
        asyncio.run_coroutine_threadsafe(job, self._loop).result(PATIENCE)

    # ---- life --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # handed to the thread that waits in __enter__
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        smtp_server = await self._loop.create_server(self._smtp_session, HOST, self._ports[0])
        self._ports[0] = smtp_server.sockets[0].getsockname()[1]
        self._ports[1] = self._ports[1] or await _free_port()
        async with AsyncExitStack() as stack:
            await self._start_imap(stack)
            self._ready.set()
            await self._stop.wait()
            smtp_server.close()

    async def _start_imap(self, stack: AsyncExitStack) -> None:
        owner, password = next(iter(self.users.items()))
        options = Namespace(
            host=HOST, port=self._ports[1], debug=False, cert=None, key=None, tls=False, proxy_protocol=None,
            passlib_cfg=None, inherited_sockets=None, demo_data=False, demo_user=owner, demo_password=password,
        )  # fmt: skip
        self._backend, config = await DictBackend.init(options, hash_context=Cleartext())
        config.apply_context()
        for address, secret in self.users.items():
            self._backend.login.users_dict[address] = UserMetadata(config, address, password=secret)
        await self._backend.start(stack)
        await IMAPService(self._backend, config).start(stack)

    def _smtp_session(self) -> SMTP:
        return SMTP(
            self, hostname=SERVER_NAME, data_size_limit=LARGEST, loop=self._loop,
            authenticator=self._authenticate, auth_require_tls=False,
        )  # fmt: skip

    # ---- what aiosmtpd calls -----------------------------------------------------------------------------------

    def _authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any) -> AuthResult:
        if not isinstance(given, LoginPassword):
            return AuthResult(success=False, handled=False)
        login = given.login.decode("utf-8", "replace").lower()
        known = self.users.get(login)
        return AuthResult(
            success=known is not None and known.encode() == given.password, handled=False, auth_data=login
        )

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.lower() in self.rules:
            return self.rules[address.lower()]
        if self._mailbox(address) is None and address.lower() not in self.bouncing:
            return UNKNOWN_USER
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        sender, raw = envelope.mail_from or "", envelope.original_content or b""
        self.log.append(Accepted(sender, tuple(envelope.rcpt_tos), raw))
        stamped = _stamped(raw, session.auth_data)
        for recipient in envelope.rcpt_tos:
            if recipient.lower() in self.bouncing:
                await self._deliver("", sender, _delivery_report(sender, recipient, raw, self.clock()))
            else:
                await self._deliver(sender, recipient, stamped)
        return "250 2.0.0 OK queued"

    # ---- delivery ----------------------------------------------------------------------------------------------

    def _mailbox(self, address: str) -> str | None:
        local, _, domain = address.lower().rpartition("@")
        base = f"{local.partition('+')[0]}@{domain}"
        return base if base in self.users else None

    async def _deliver(self, sender: str, recipient: str, raw: bytes) -> None:
        """Add what a delivering server adds. A report to a sender elsewhere, or to nobody, ends here."""
        mailbox = self._mailbox(recipient)
        if mailbox:
            trace = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n".encode()
            await self._append(mailbox, trace + raw, self.clock(), "INBOX")

    async def _append(self, mailbox: str, raw: bytes, when: datetime, folder: str) -> None:
        async with Identity(mailbox, self._backend.login, None, frozenset()).new_session() as session:
            box = await session.mailbox_set.get_mailbox(folder)
            await box.append(AppendMessage(raw, when, frozenset()), recent=True)


async def _free_port() -> int:
    probe = await asyncio.start_server(lambda _r, _w: None, HOST, 0)
    port = int(probe.sockets[0].getsockname()[1])
    probe.close()
    await probe.wait_closed()
    return port


def _stamped(raw: bytes, login: Any) -> bytes:
    """The letter with what a receiving server says of its sender (RFC 8601): is who logged in of the From's domain?

    Nobody else may speak in the server's name (RFC 8601, 5): such headers are taken out.
    """
    head, blank, body = raw.partition(b"\r\n\r\n")
    sender = parseaddr(str(message_from_bytes(raw)["From"] or ""))[1]
    domain = sender.rpartition("@")[2].lower()
    genuine = isinstance(login, str) and domain and login.rpartition("@")[2] == domain
    verdict = "pass" if genuine else "fail"
    said = _lines(f"Authentication-Results: {SERVER_NAME}; dmarc={verdict} header.from={domain or 'unknown'}")
    return said + _FORGED.sub(b"", head + b"\r\n").removesuffix(b"\r\n") + blank + body


def _delivery_report(sender: str, recipient: str, raw: bytes, now: datetime) -> bytes:
    """An RFC 3464 report that returns the whole letter byte for byte, attachments and all, as Postfix does."""
    boundary = f"returned-{token_hex(12)}"
    head = [
        "From: Mail Delivery System <MAILER-DAEMON@mail.test>",
        f"To: {sender}",
        "Subject: Undelivered Mail Returned to Sender",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{token_hex(12)}@mail.test>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
    ]
    prose = ["Content-Type: text/plain", "", "Your message could not be delivered.", "", f"<{recipient}>: user unknown"]
    status = [
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mail.test",
        "",
        f"Final-Recipient: rfc822; {recipient}",
        "Action: failed",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 5.1.1 user unknown",
    ]
    returned = _lines("Content-Type: message/rfc822", "") + raw
    parts = (_lines(*head), _lines(*prose), _lines(*status), returned)
    return f"\r\n--{boundary}\r\n".encode().join(parts) + f"\r\n--{boundary}--\r\n".encode()


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()
