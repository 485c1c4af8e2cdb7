"""Writes a letter's final bytes into the ledger, in the transaction of whatever causes it. Sending is in `smtp`.

A letter is written once: its `idem_key` is unique, its Message-ID follows from the key, and only the stored bytes are
ever sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from hashlib import blake2b
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from treem.ledger.tables import LetterOut
from treem.mailroom.errors import BadAddress, BadAttachment, HeaderInjection, LetterTooBig
from treem.plan.settings import Mail

ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
)
FILE_NAME = re.compile(r"[A-Za-z0-9._ -]{1,120}")
MIME_TYPE = re.compile(r"([a-z]+)/([a-z0-9.+-]+)")
MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>")
TOKEN = re.compile(r"[0-9A-Za-z]{4,40}")
PATIENCE = timedelta(days=5)
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class LetterLike(Protocol):
    """A letter's words, as `documents.letters` gives them."""

    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def html(self) -> str: ...


@dataclass(frozen=True)
class Attachment:
    """A file of a letter. The type is given, never guessed: many systems know no type for .xlsx."""

    name: str
    data: bytes
    mime: str


class _Whole:
    """A header kept on one line: the standard library encodes long ids beyond recognition (cpython #100991)."""

    max_count = 1
    parse = staticmethod(UnstructuredHeader.parse)
    value_parser = staticmethod(UnstructuredHeader.value_parser)

    def fold(self: Any, *, policy: EmailPolicy[Any]) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _policy() -> EmailPolicy[Any]:
    registry = HeaderRegistry()
    for name in ("message-id", "in-reply-to", "references"):
        registry.map_to_type(name, _Whole)  # type: ignore[arg-type]
    return SMTP.clone(header_factory=registry, cte_type="7bit")


POLICY = _policy()


def write_letter(
    session: Session,
    mail: Mail,
    *,
    kind: str,
    idem_key: str,
    recipient: tuple[str, str],
    letter: LetterLike,
    attachments: Sequence[Attachment],
    token: str | None,
    round_id: int | None,
    request_id: int | None,
    in_reply_to: str | None,
    now: datetime,
    give_up_at: datetime | None = None,
) -> LetterOut:
    """Put a letter in the outbox; where one with this `idem_key` stands already, return that one unchanged.

    Until `give_up_at` (otherwise five days, RFC 5321, 4.5.4.1) a letter that the server only puts off is tried again.
    Raises HeaderInjection, BadAddress, BadAttachment or LetterTooBig; all are permanent.
    """
    earlier = session.scalar(select(LetterOut).where(LetterOut.idem_key == idem_key))
    if earlier is not None:
        return earlier
    _refuse_controls(recipient, letter.subject, mail.display_name)
    subject = f"[#{_token(token)}] {letter.subject}" if token else letter.subject
    message_id = message_id_for(mail, idem_key)
    message = EmailMessage(policy=POLICY)
    _address_headers(message, mail, recipient, token)
    message["Subject"] = subject
    message["Date"] = now
    message["Message-ID"] = message_id
    _thread_headers(message, in_reply_to)
    message["Auto-Submitted"] = "auto-replied" if kind == "ack" else "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Loop"] = mail.address
    _fill(message, letter, attachments)
    raw = message.as_bytes()
    if len(raw) > mail.max_letter_bytes:
        raise LetterTooBig(len(raw), mail.max_letter_bytes)
    entry = LetterOut(
        kind=kind,
        idem_key=idem_key,
        round_id=round_id,
        request_id=request_id,
        envelope_from=plus_address(mail.address, f"bounce-{token}" if token else "bounce"),
        recipient=recipient[1].lower(),
        subject=subject,
        message_id=message_id,
        raw=raw,
        state="queued",
        attempts=0,
        next_at=now,
        give_up_at=give_up_at or now + PATIENCE,
        created_at=now,
    )
    session.add(entry)
    session.flush()
    return entry


def message_id_for(mail: Mail, idem_key: str) -> str:
    """The Message-ID of the letter with that key. Keys of requests carry the token, so nobody else can compute it."""
    domain = mail.address.rpartition("@")[2]
    digest = blake2b(idem_key.encode(), digest_size=16, key=mail.address.encode()[:64], person=b"treem-letter")
    return f"<{digest.hexdigest()}@{domain}>"


def plus_address(address: str, tag: str) -> str:
    """The office's address with a tag: "treem+TAG@tamduong.test"."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{tag}@{domain}"


def _token(token: str) -> str:
    if not TOKEN.fullmatch(token):
        raise HeaderInjection("mã phiếu")
    return token


def _refuse_controls(recipient: tuple[str, str], subject: str, own_name: str) -> None:
    for header, text in (("Tiêu đề", subject), ("Người nhận", recipient[0]), ("Người gửi", own_name)):
        if CONTROL.search(text):
            raise HeaderInjection(header)
    if CONTROL.search(recipient[1]):
        raise HeaderInjection("Người nhận")


def _address_headers(message: EmailMessage, mail: Mail, recipient: tuple[str, str], token: str | None) -> None:
    message["From"] = _address(mail.display_name, mail.address, "Người gửi")
    message["To"] = _address(*recipient, "Người nhận")
    if token:
        message["Reply-To"] = _address(mail.display_name, plus_address(mail.address, token), "Trả lời")


def _address(name: str, address: str, header: str) -> Address:
    if not ADDRESS.fullmatch(address):
        raise BadAddress(header)
    return Address(name, addr_spec=address)


def _thread_headers(message: EmailMessage, in_reply_to: str | None) -> None:
    """Thread where the other letter's id is sound; a strange id is no reason not to answer."""
    if in_reply_to and MESSAGE_ID.fullmatch(in_reply_to):
        message["In-Reply-To"] = in_reply_to
        message["References"] = in_reply_to


def _fill(message: EmailMessage, letter: LetterLike, attachments: Sequence[Attachment]) -> None:
    message.set_content(letter.text, subtype="plain", charset="utf-8", cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", charset="utf-8", cte="quoted-printable")
    for file in attachments:
        mime = MIME_TYPE.fullmatch(file.mime)
        if not FILE_NAME.fullmatch(file.name) or not mime:
            raise BadAttachment
        message.add_attachment(file.data, maintype=mime[1], subtype=mime[2], filename=file.name)
