"""Recognises letters that no person wrote: vacation notices, read receipts, lists, our own letters come back.

Belongs here: header rules (RFC 3834 and what mail programs really send). Bounces are in `bounce`.
"""

import re

from treem.mailroom.headers import Part, raw_value, raw_values, text_of
from treem.mailroom.sender import plain_addresses

ROBOT_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "List-Id", "List-Unsubscribe", "List-Post")
ROBOT_PRECEDENCE = ("bulk", "list", "junk", "auto_reply")
ROBOT_SENDER = re.compile(r"^(no-?reply|do-?not-?reply|mailer-daemon|postmaster)([+.-].*)?@")
ROBOT_SUBJECT = re.compile(
    r"(automatic reply|auto(matic)?[ -]?(reply|response|responder)|out of (the )?office|vacation( reply)?"
    r"|(thư )?trả lời tự động|tự động trả lời|thư tự động)\b",
    re.IGNORECASE,
)


def is_auto_reply(letter: Part, sender: str | None) -> bool:
    """Whether a machine wrote it. Such a letter is never answered."""
    submitted = raw_value(letter, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or raw_value(letter, "Precedence").lower() in ROBOT_PRECEDENCE
        or any(raw_values(letter, name) for name in ROBOT_HEADERS)
        or has_null_return_path(letter)
        or _is_report(letter)
        or bool(sender and ROBOT_SENDER.match(sender))
        or bool(ROBOT_SUBJECT.match(text_of(letter, "Subject")))
    )


def is_own(letter: Part, sender: str | None, address: str) -> bool:
    """Whether one of our own letters came back to us: X-Loop names us, or the sender is our mailbox."""
    ours = address.lower()
    looped = any(ours in plain_addresses(value) for value in raw_values(letter, "X-Loop"))
    return looped or (sender is not None and untagged(sender) == ours)


def has_null_return_path(letter: Part) -> bool:
    """Whether the envelope sender was empty, as bounces and vacation notices have it."""
    return any(value.replace(" ", "") in ("<>", "<<>>") for value in raw_values(letter, "Return-Path")[:1])


def untagged(address: str) -> str:
    """The address without its plus tag."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _is_report(letter: Part) -> bool:
    """A read receipt or another machine's report (multipart/report)."""
    return letter.get_content_type() == "multipart/report"
