"""Recognises letters that say a letter of ours did not arrive, and finds whose and which one it was.

Belongs here: is it such a report, and which letter does it mean. Whether a report is believed is decided in `match`, by
a Message-ID and recipient of ours; what it says of each recipient is read in `delivery_status` and `bounce_prose`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from treem.mailroom.bounce_prose import (
    MOST_ADDRESSES,
    SEARCHED,
    code_beside,
    fates_by_flufl,
    fates_in_prose,
    own_words,
)
from treem.mailroom.delivery_status import STATUS_KINDS, Fate, fates, says_arrived
from treem.mailroom.headers import MESSAGE_ID, Part, bytes_to_text, message_ids, raw_value, raw_values, text_of
from treem.mailroom.parts import Leaf, inner_parts
from treem.mailroom.robots import has_machine_headers, has_null_return_path, is_to_bounce_address
from treem.mailroom.sender import plain_addresses

DAEMON = re.compile(r"mailer-?daemon|mail ?delivery (sub)?system|delivery subsystem|\bmdaemon\b", re.IGNORECASE)
DAEMON_IF_NULL = re.compile(r"postmaster|daemon|\bmail ?(admin|system)\b|delivery", re.IGNORECASE)
FAILURE_SUBJECT = re.compile(
    r"(undeliver(able|ed)|returned mail|non-?delivery|mail (delivery )?(failed|failure|error|could not be delivered)"
    r"|(mail )?delivery (failure|failed|status notification|warning|error)|failed mail|failure notice|mail delivery)",
    re.IGNORECASE,
)
FAILURE_SUBJECT_OF_MACHINE = re.compile(
    r"không (thể )?(gửi|chuyển|phát|giao)( được)?|thư (bị )?(trả lại|hoàn lại)|thư không (gửi|đến|phát|chuyển) được"
    r"|(gửi|chuyển|phát) thư (không thành công|thất bại)|undeliver|delivery (has )?fail",
    re.IGNORECASE,
)
ID_IN_TEXT = re.compile(
    r"^\s*>?\s*(?:Original-)?Message-ID:\s*(<[^<>\s\x00-\x1f\x7f]{1,900}>)", re.IGNORECASE | re.MULTILINE
)
RETURNED = ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers",
            "message/global-headers", "message/disposition-notification")  # fmt: skip


@dataclass(frozen=True)
class BouncedRecipient:
    """One address a letter did not reach. `message_id` is the lost letter's, where the report tells it.

    Permanent: refused for good. Delayed: still being tried, nothing is lost. Neither: given up after a passing trouble.
    """

    message_id: str | None
    recipient: str
    permanent: bool
    code: str | None = None  # RFC 3463, e.g. "5.1.1" nobody by that name, "5.2.2" mailbox full
    delayed: bool = False


def is_bounce(letter: Part, leaves: Sequence[Leaf], raw: bytes, address: str) -> bool:
    """Whether the letter is a delivery report: by its type, its parts, its subject or its sender.

    What only looks like a report to flufl.bounce is one when a machine wrote it: people quote reports too.
    """
    sender = raw_value(letter, "From")
    if _has_status(leaves) or raw_values(letter, "X-Failed-Recipients"):
        return True
    if letter.get_content_type() == "multipart/report":
        kind = str(letter.get_param("report-type", "")).lower()
        return kind in ("", "delivery-status") or (bool(DAEMON.search(sender)) and _is_rejection(leaves))
    if FAILURE_SUBJECT.match(text_of(letter, "Subject")) or DAEMON.search(sender):
        return True
    return _by_machine(letter, sender, address) and _tells_of_failure(letter, leaves, raw, sender)


def bounced_recipients(letter: Part, leaves: Sequence[Leaf], raw: bytes) -> tuple[BouncedRecipient, ...]:
    """Everybody the report names as not reached. Reports in prose give every address they mention."""
    lost = _lost_message_id(letter, leaves, raw)
    words = own_words(leaves)
    told = _from_status(leaves, words)
    if not told and not says_arrived(leaves):
        told = _from_prose(letter, raw, words)
    return tuple(
        BouncedRecipient(lost, recipient, fate.permanent, fate.code, fate.delayed)
        for recipient, fate in list(told.items())[:MOST_ADDRESSES]
    )


def _has_status(leaves: Sequence[Leaf]) -> bool:
    return any(leaf.kind in STATUS_KINDS for leaf in leaves)


def _is_rejection(leaves: Sequence[Leaf]) -> bool:
    """A mail filter's refusal dressed as a read receipt (RFC 5429, 2.1.2): deleted unread, automatically."""
    receipts = (leaf for leaf in leaves if leaf.kind == "message/disposition-notification")
    return any("deleted" in _returned_head(leaf).lower() for leaf in receipts)


def _by_machine(letter: Part, sender: str, address: str) -> bool:
    return (
        has_null_return_path(letter)
        or has_machine_headers(letter)
        or is_to_bounce_address(letter, address)
        or bool(DAEMON_IF_NULL.search(sender))
    )


def _tells_of_failure(letter: Part, leaves: Sequence[Leaf], raw: bytes, sender: str) -> bool:
    if has_null_return_path(letter) and DAEMON_IF_NULL.search(sender):
        return True
    subject = FAILURE_SUBJECT_OF_MACHINE.search(text_of(letter, "Subject"))
    return bool(subject) or bool(fates_by_flufl(raw, own_words(leaves)))


def _from_status(leaves: Sequence[Leaf], words: str) -> dict[str, Fate]:
    """The machine's half; where its code is vague (OpenSMTPD: 5.0.0), the one in the report's words.

    Of an address that is named twice the failure counts, not the delay before it.
    """
    told: dict[str, Fate] = {}
    for recipient, fate in fates(leaves):
        if recipient not in told or told[recipient].delayed:
            better = code_beside(words, recipient) if fate.is_vague else None
            told[recipient] = replace(fate, code=better or fate.code)
    return told


def _from_prose(letter: Part, raw: bytes, words: str) -> dict[str, Fate]:
    named = [a for value in raw_values(letter, "X-Failed-Recipients") for a in plain_addresses(value)]
    return fates_in_prose(words, ID_IN_TEXT.sub("", _body(raw)), named) | fates_by_flufl(raw, words)


def _lost_message_id(letter: Part, leaves: Sequence[Leaf], raw: bytes) -> str | None:
    """The returned letter's id: from its headers, else from the text, else from what the report answers."""
    returned = (_returned_head(leaf) for leaf in leaves if leaf.kind in RETURNED)
    for text in (*returned, _body(raw)):
        if found := ID_IN_TEXT.search(text):
            return found[1]
    answered = message_ids(raw_value(letter, "In-Reply-To")) or message_ids(raw_value(letter, "References"))
    return answered[-1] if answered and MESSAGE_ID.fullmatch(answered[-1]) else None


def _returned_head(leaf: Leaf) -> str:
    """The head of what a part returns: a nested letter's headers, or the part's own text."""
    if not leaf.part.is_multipart():
        body = leaf.part.get_payload(decode=True)
        return bytes_to_text(body[:SEARCHED], None) if isinstance(body, bytes) else ""
    headers = (f"{k}: {v}" for inner in inner_parts(leaf.part)[:1] for k, v in inner.raw_items())
    return "\n".join(headers)[:SEARCHED]


def _body(raw: bytes) -> str:
    """What stands below the report's own headers, read as it is."""
    unix = raw[: 4 * SEARCHED].replace(b"\r\n", b"\n")
    return bytes_to_text(unix.partition(b"\n\n")[2], None)
