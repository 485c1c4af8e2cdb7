"""Letters as mail programs and robots write them, good and odd.

Belongs here: MIME. Nothing here knows the application.
"""

from base64 import encodebytes
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from itertools import count
from struct import pack

from treem.rehearsal.postbox import Letter
from treem.rehearsal.writers import MIME

XLSX = MIME["xlsx"]
WORDS = "Kính gửi Phòng,\n\nĐơn vị gửi báo cáo theo biểu mẫu kèm theo.\n"
_numbers = count(1)

File = tuple[str, bytes]


def new_id() -> str:
    """A Message-ID that no other letter of these tests has."""
    return f"<{next(_numbers)}.thu@may-tinh.test>"


def letter(
    sender: str, to: str, /, *files: File, subject: str = "Báo cáo", text: str = WORDS, **headers: str
) -> tuple[str, bytes]:
    """A letter's Message-ID and bytes; `headers` in snake case are added, or replace those that stand."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = Address("Cán bộ", addr_spec=sender), to, subject
    message["Message-ID"] = own_id = new_id()
    for name, value in headers.items():
        header = name.strip("_").replace("_", "-")
        del message[header]
        message[header.title()] = value
    message.set_content(text, charset="utf-8")
    for name, data in files:
        main, _, sub = MIME.get(name.rpartition(".")[2].lower(), "application/octet-stream").partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return own_id, message.as_bytes()


def answer(to: Letter, sender: str, /, *files: File, **changes: str) -> tuple[str, bytes]:
    """A reply by an ordinary mail program: to the Reply-To, in the thread, "Re:" before the subject."""
    own_id, raw = letter(sender, changes.pop("to", to.reply_to), *files, **({"subject": f"Re: {to.subject}"} | changes))
    return own_id, thread(to) + raw


def thread(to: Letter) -> bytes:
    """In-Reply-To and References, one id a line: EmailMessage would encode long ids beyond recognition."""
    return f"In-Reply-To: {to.message_id}\r\nReferences: {to.message_id}\r\n".encode()


def raw_letter(headers: Sequence[str | bytes], body: str | bytes = "Kính gửi Phòng.\r\n") -> bytes:
    """A letter of exactly these header lines."""
    return b"".join(_bytes(line) + b"\r\n" for line in headers) + b"\r\n" + _bytes(body)


def multipart(kind: str, *parts: bytes, boundary: str = "=ranh-gioi=") -> tuple[str, bytes]:
    """The Content-Type line and the body of a multipart; a part is its header lines, a blank line and its body."""
    between = f"\r\n--{boundary}\r\n".encode()
    body = between.join((b"", *parts)) + f"\r\n--{boundary}--\r\n".encode()
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"', body


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def part(data: bytes, *headers: str | bytes) -> bytes:
    """A part of a multipart in base64, under these header lines."""
    return raw_letter([*headers, "Content-Transfer-Encoding: base64"], encodebytes(data).replace(b"\n", b"\r\n"))


def words_part(text: str = WORDS) -> bytes:
    """The words of a letter as a part."""
    return raw_letter(["Content-Type: text/plain; charset=utf-8"], text.replace("\n", "\r\n"))


def around(to: Letter, sender: str, content_type: str, body: bytes, *more: str | bytes) -> bytes:
    """A reply whose body was put together by hand; `more` are header lines."""
    head = [f"From: {sender}", f"To: {to.reply_to}", "Subject: Re: x", f"Message-ID: {new_id()}", "MIME-Version: 1.0"]
    return thread(to) + raw_letter([*head, *more, content_type], body)


def winmail(*files: File) -> bytes:
    """What Outlook makes of a letter with these files (MS-OXTNEF)."""
    parts = [b"\x78\x9f\x3e\x22\x01\x00", _tnef(0x9007, pack("<II", 1258, 0), level=1)]
    for name, data in files:
        title = name.encode("utf-16-le") + b"\0\0"
        properties = pack("<IHHII", 1, 0x001F, 0x3707, 1, len(title)) + title + b"\0" * (-len(title) % 4)
        short = name.encode("cp1258", "replace") + b"\0"
        parts += [_tnef(0x9002, bytes(14)), _tnef(0x8010, short), _tnef(0x800F, data), _tnef(0x9005, properties)]
    return b"".join(parts)


def _tnef(name: int, body: bytes, level: int = 2) -> bytes:
    return pack("<BHHI", level, name, 6, len(body)) + body + pack("<H", sum(body) & 0xFFFF)
