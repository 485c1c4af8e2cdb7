"""Delivery reports, receipts and challenges as servers write them, about a letter of ours.

Belongs here: the reports' formats. Which of our letters one is about is passed in.
"""

from dataclasses import dataclass

from tests.cases.letters import multipart, new_id, raw_letter

DAEMON = "Mail Delivery System <MAILER-DAEMON@noi-khac.test>"


@dataclass(frozen=True)
class About:
    """What a report says of one recipient."""

    recipient: str
    action: str  # failed, delayed
    code: str
    words: str = ""


def rfc3464(message_id: str | None, *about: About, kind: str = 'report; report-type="delivery-status"') -> bytes:
    """The standard's report, returning the head of the letter; `kind` is another multipart where a server errs."""
    blocks = "\r\n\r\n".join(
        f"Final-Recipient: rfc822; {a.recipient}\r\nAction: {a.action}\r\nStatus: {a.code}" for a in about
    )
    status = f"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; noi-khac.test\r\n\r\n{blocks}\r\n"
    words = "\r\n".join(f"{a.recipient}: {a.words or 'không gửi được'}" for a in about)
    returned = f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n" if message_id else ""
    prose = f"Content-Type: text/plain; charset=utf-8\r\n\r\n{words}\r\n"
    line, body = multipart(kind, *(part.encode() for part in (prose, status, returned) if part))
    return raw_letter([*_head("Undelivered Mail Returned to Sender"), "Auto-Submitted: auto-replied", line], body)


def qmail(message_id: str, recipient: str, words: str) -> bytes:
    """Plain text, the returned letter below a line."""
    text = (
        "Hi. This is the qmail-send program at noi-khac.test.\r\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\r\n"
        f"<{recipient}>:\r\n{words}\r\n\r\n"
        f"--- Below this line is a copy of the message.\r\n\r\nMessage-ID: {message_id}\r\nSubject: x\r\n"
    )
    return raw_letter(_head("failure notice"), text)


def read_receipt(sender: str, to: str, message_id: str) -> bytes:
    """A mail program says that our letter was opened (RFC 8098)."""
    line, body = multipart(
        "report; report-type=disposition-notification",
        "Content-Type: text/plain; charset=utf-8\r\n\r\nThư của Quý Phòng đã được mở.\r\n".encode(),
        b"Content-Type: message/disposition-notification\r\n\r\nReporting-UA: may-tinh.test\r\n"
        + f"Final-Recipient: rfc822; {sender}\r\nOriginal-Message-ID: {message_id}\r\n".encode()
        + b"Disposition: manual-action/MDN-sent-manually; displayed\r\n",
    )
    return raw_letter([f"From: {sender}", f"To: {to}", "Subject: Read: x", f"Message-ID: {new_id()}", line], body)


def _head(subject: str) -> list[str]:
    return [f"From: {DAEMON}", f"Subject: {subject}", f"Message-ID: {new_id()}", "MIME-Version: 1.0"]
