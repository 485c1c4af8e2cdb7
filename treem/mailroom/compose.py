"""A letter's final bytes: headers, both texts, files. Nothing in a name, subject or text can add a header or a file.

Belongs here: MIME. Everything is plain ASCII on the wire (RFC 2047 words, base64), so that no server on the way has a
reason to change a byte. The older classes of the standard library are used: they encode ten times as fast as
EmailMessage, and leave long Message-IDs alone (cpython #100991).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.encoders import encode_base64
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr
from typing import Protocol

from treem.mailroom.errors import BadAddress, BadAttachment, HeaderInjection

ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
)
FILE_NAME = re.compile(r"[A-Za-z0-9._ -]{1,120}")
MIME_TYPE = re.compile(r"([a-z]+)/([a-z0-9.+-]+)")
MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>")
TOKEN = re.compile(r"[0-9A-Za-z]{4,40}")
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
POLICY = compat32.clone(linesep="\r\n")


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


@dataclass(frozen=True)
class Envelope:
    """Who writes to whom: names as people read them, addresses in plain ASCII."""

    sender: tuple[str, str]
    recipient: tuple[str, str]
    reply_to: str | None
    token: str | None
    message_id: str
    in_reply_to: str | None


def compose(
    envelope: Envelope, letter: LetterLike, files: Sequence[Attachment], when: datetime, *, answers: bool
) -> bytes:
    """The bytes. `answers`: the letter acknowledges another. Raises HeaderInjection, BadAddress, BadAttachment."""
    texts = MIMEMultipart("alternative", policy=POLICY)
    texts.attach(MIMEText(letter.text, "plain", "utf-8", policy=POLICY))
    texts.attach(MIMEText(letter.html, "html", "utf-8", policy=POLICY))
    message = texts
    if files:
        message = MIMEMultipart("mixed", policy=POLICY)
        message.attach(texts)
        for file in files:
            message.attach(_file(file))
    _address_headers(message, envelope)
    message["Subject"] = _subject(envelope.token, letter.subject)  # type: ignore[assignment]
    message["Date"] = format_datetime(when)
    message["Auto-Submitted"] = "auto-replied" if answers else "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Loop"] = envelope.sender[1]
    return _ids(envelope) + message.as_bytes()


def subject_line(token: str | None, subject: str) -> str:
    """The subject as people read it, the token in front. Raises HeaderInjection."""
    if CONTROL.search(subject):
        raise HeaderInjection("Tiêu đề")
    if token and not TOKEN.fullmatch(token):
        raise HeaderInjection("mã phiếu")
    return f"[#{token}] {subject}" if token else subject


def plus_address(address: str, tag: str) -> str:
    """The office's address with a tag: "treem+TAG@tamduong.test"."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{tag}@{domain}"


def _subject(token: str | None, subject: str) -> Header:
    """The token stays readable on the wire: mail rules look for it."""
    subject_line(token, subject)
    header = Header(header_name="Subject")
    if token:
        header.append(f"[#{token}]", "us-ascii")
    header.append(subject, "us-ascii" if subject.isascii() else "utf-8")
    return header


def _address_headers(message: MIMEMultipart, envelope: Envelope) -> None:
    message["From"] = _address(*envelope.sender, "Người gửi")
    message["To"] = _address(*envelope.recipient, "Người nhận")
    if envelope.reply_to:
        message["Reply-To"] = _address(envelope.sender[0], envelope.reply_to, "Trả lời")


def _address(name: str, address: str, header: str) -> str:
    if CONTROL.search(name) or CONTROL.search(address):
        raise HeaderInjection(header)
    if not ADDRESS.fullmatch(address):
        raise BadAddress(header)
    return formataddr((name, address))


def _ids(envelope: Envelope) -> bytes:
    """One id a line, whole. Thread where the other letter's id is sound; a strange id is no reason not to answer."""
    lines = [f"Message-ID: {envelope.message_id}"]
    if envelope.in_reply_to and MESSAGE_ID.fullmatch(envelope.in_reply_to):
        lines += [f"In-Reply-To: {envelope.in_reply_to}", f"References: {envelope.in_reply_to}"]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _file(file: Attachment) -> MIMEBase:
    mime = MIME_TYPE.fullmatch(file.mime)
    if not FILE_NAME.fullmatch(file.name) or not mime:
        raise BadAttachment
    part = MIMEBase(mime[1], mime[2], policy=POLICY)
    part.set_payload(file.data)
    encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=file.name)
    return part
