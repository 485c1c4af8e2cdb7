"""Recognises letters that say a letter of ours did not arrive, and finds whose and which one it was.

Belongs here: RFC 3464 reports, and the many that follow no standard. Whether a bounce is believed is decided elsewhere,
by a Message-ID and recipient of ours.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from treem.mailroom.headers import MESSAGE_ID, Part, bytes_to_text, message_ids, raw_value, raw_values, text_of
from treem.mailroom.robots import has_null_return_path
from treem.mailroom.sender import plain_addresses

DAEMON = re.compile(r"mailer-?daemon|mail ?delivery (sub)?system|delivery subsystem|\bmdaemon\b", re.IGNORECASE)
DAEMON_IF_NULL = re.compile(r"postmaster|daemon|\bmail ?(admin|system)\b|delivery", re.IGNORECASE)
FAILURE_SUBJECT = re.compile(
    r"(undeliver(able|ed)|returned mail|non-?delivery|mail (delivery )?(failed|failure|error|could not be delivered)"
    r"|(mail )?delivery (failure|failed|status notification|warning|error)|failed mail|failure notice|mail delivery)",
    re.IGNORECASE,
)
NOT_YET = re.compile(r"warning message only|still (being )?(trying|retried)|will (be re|re)tr|delayed", re.IGNORECASE)
FOR_GOOD = re.compile(r"(?<![\d.])(5\d\d|5\.\d{1,3}\.\d{1,3})(?![\d.])")
ADDRESS_IN_TEXT = re.compile(r"[A-Za-z0-9._+=-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
ID_IN_TEXT = re.compile(r"^\s*>?\s*Message-ID:\s*(<[^<>\s]{1,900}>)", re.IGNORECASE | re.MULTILINE)
RETURNED = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers")
MOST_RECIPIENTS = 20
TEXT_SEARCHED = 200_000


@dataclass(frozen=True)
class BouncedRecipient:
    """One address a letter did not reach. `message_id` is the lost letter's, where the report tells it."""

    message_id: str | None
    recipient: str
    permanent: bool


def is_bounce(letter: Part) -> bool:
    """Whether the letter is a delivery report: by its type, its parts, its subject or its sender."""
    if letter.get_content_type() == "multipart/report":
        kind = str(letter.get_param("report-type", "")).lower()
        return kind in ("", "delivery-status") or _has_status(letter)
    if _has_status(letter) or raw_values(letter, "X-Failed-Recipients"):
        return True
    if FAILURE_SUBJECT.match(text_of(letter, "Subject")):
        return True
    sender = raw_value(letter, "From")
    return bool(DAEMON.search(sender)) or (has_null_return_path(letter) and bool(DAEMON_IF_NULL.search(sender)))


def bounced_recipients(letter: Part, raw: bytes) -> tuple[BouncedRecipient, ...]:
    """Everybody the report names as not reached. Reports in prose give every address they mention."""
    lost = _lost_message_id(letter, raw)
    told = dict(_from_status(letter)) or dict(_from_prose(letter, raw))
    return tuple(BouncedRecipient(lost, recipient, permanent) for recipient, permanent in told.items())[
        :MOST_RECIPIENTS
    ]


def _has_status(letter: Part) -> bool:
    return any(part.get_content_type() == "message/delivery-status" for part in _top_parts(letter))


def _top_parts(letter: Part) -> list[Part]:
    """The letter's own parts, one level deep: what is inside a returned letter is not the report's."""
    payload = letter.get_payload()
    if not letter.is_multipart() or not isinstance(payload, list):
        return [letter]
    return [part for part in payload if isinstance(part, Message)]


def _from_status(letter: Part) -> Iterator[tuple[str, bool]]:
    for part in _top_parts(letter):
        if part.get_content_type() != "message/delivery-status":
            continue
        blocks = part.get_payload()
        for block in (b for b in blocks if isinstance(b, Message)) if isinstance(blocks, list) else ():
            failed = raw_value(block, "Action").lower() == "failed"
            permanent = failed and not raw_value(block, "Status").startswith("4")
            for name in ("Original-Recipient", "Final-Recipient"):
                for address in plain_addresses(raw_value(block, name).rpartition(";")[2]):
                    yield address, permanent


def _from_prose(letter: Part, raw: bytes) -> Iterator[tuple[str, bool]]:
    text = _body(raw)
    permanent = bool(FOR_GOOD.search(text)) or not NOT_YET.search(text)
    for value in raw_values(letter, "X-Failed-Recipients"):
        for address in plain_addresses(value):
            yield address, permanent
    for found in ADDRESS_IN_TEXT.findall(ID_IN_TEXT.sub("", text)):
        yield found.lower(), permanent


def _lost_message_id(letter: Part, raw: bytes) -> str | None:
    """The returned letter's id: from its headers, else from the text, else from what the report answers."""
    for part in _top_parts(letter):
        if part.get_content_type() in RETURNED:
            found = ID_IN_TEXT.search(bytes_to_text(_part_bytes(part), None)[:TEXT_SEARCHED])
            if found:
                return found[1]
    found = ID_IN_TEXT.search(_body(raw))
    if found:
        return found[1]
    answered = message_ids(raw_value(letter, "In-Reply-To")) or message_ids(raw_value(letter, "References"))
    return answered[-1] if answered and MESSAGE_ID.fullmatch(answered[-1]) else None


def _part_bytes(part: Part) -> bytes:
    """The head of what a part returns: a nested letter's headers, or the part's own text."""
    payload = part.get_payload()
    if isinstance(payload, list):
        headers = (
            f"{name}: {value}"
            for inner in payload[:1]
            if not isinstance(inner, str)
            for name, value in inner.raw_items()
        )
        return "\n".join(headers).encode("utf-8", "replace")
    body = part.get_payload(decode=True)
    return body if isinstance(body, bytes) else b""


def _body(raw: bytes) -> str:
    """What stands below the report's own headers, read as it is."""
    unix = raw.replace(b"\r\n", b"\n")
    return bytes_to_text(unix.partition(b"\n\n")[2][:TEXT_SEARCHED], None)
