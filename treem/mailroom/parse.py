"""Takes an incoming letter apart without believing or executing any of it. Never raises.

Belongs here: from raw bytes to plain values. What a letter means for a request is in `match` and in `rounds`.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.parser import BytesHeaderParser
from hashlib import sha256

from treem.mailroom.authentication import Verdict, authentication
from treem.mailroom.bounce import BouncedRecipient, bounced_recipients, is_bounce
from treem.mailroom.files import InAttachment, attachments, is_sealed
from treem.mailroom.headers import Part, message_ids, raw_value, text_of
from treem.mailroom.parts import take_apart
from treem.mailroom.robots import is_auto_reply, is_own, opens_like_a_robot
from treem.mailroom.sender import delivered_to, sole_sender
from treem.mailroom.words import read_words
from treem.plan.settings import Mail

__all__ = ["InAttachment", "Parsed", "parse"]

LONGEST_SUBJECT = 1_000
MOST_LINES = 1_000_000  # a letter of 25 MB in base64 has 330,000
MOST_COMPARISONS = 10_000_000  # the standard library compares each line with the boundary of every part around it
LONGEST_HEAD = 1_000_000
TRACE = re.compile(
    r"^(received|return-path|delivered-to|delivery-date|x-.*|envelope-to|(original-|old-)?authentication-results|arc-.*"
    r"|dkim-.*|received-spf)$"
)


@dataclass(frozen=True)
class Parsed:
    """A letter as plain values. `from_address` is None unless exactly one sender stands in it."""

    message_id: str | None
    from_address: str | None
    authentication: Verdict  # what our own mail server says of the sender
    subject: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    delivered_to: tuple[str, ...]
    is_bounce: bool
    is_auto_reply: bool
    is_own: bool
    bounced: tuple[BouncedRecipient, ...]
    attachments: tuple[InAttachment, ...]
    carries_letter: bool  # another letter is attached, e.g. forwarded as a file; it is not looked into
    sealed: bool  # encrypted, or signed in a way that hides the content (smime.p7m): nobody here can read it
    links_file: bool  # the words link to Google Sheets, Drive, OneDrive or SharePoint; nothing is fetched
    whole: bool  # False: too deep, too many or too broken parts, some were not looked at
    text: str
    content_key: str


def parse(raw: bytes, mail: Mail) -> Parsed:
    """The letter in plain values; where the body cannot be taken apart, its headers alone."""
    if _is_affordable(raw):
        # RecursionError of 300 nested parts, KeyError, AssertionError, UnicodeError: all seen in corpora
        with suppress(Exception):
            return _parse(message_from_bytes(raw), raw, mail)
    return _parse(BytesHeaderParser().parsebytes(_head_and_body(raw)[0]), raw, mail, body=False)


def _is_affordable(raw: bytes) -> bool:
    """Whether taking it apart ends within seconds, however it was made."""
    lines = max(raw.count(b"\n"), raw.count(b"\r"))
    costs = raw.lower().count(b"boundary") * lines
    return lines <= MOST_LINES and costs <= MOST_COMPARISONS and len(_head_and_body(raw)[0]) < LONGEST_HEAD


def _head_and_body(raw: bytes) -> tuple[bytes, bytes]:
    """The header block, as far as it is looked at, and the rest; with plain line ends."""
    unix = raw.replace(b"\r\n", b"\n")
    end = unix.find(b"\n\n", 0, LONGEST_HEAD)
    if end < 0:
        return unix[:LONGEST_HEAD], unix[LONGEST_HEAD:]
    return unix[:end], unix[end + 2 :]


def _parse(letter: Part, raw: bytes, mail: Mail, body: bool = True) -> Parsed:
    sender = sole_sender(letter)
    leaves, whole = take_apart(letter) if body else ([], False)
    own = is_own(letter, sender, mail.address)
    bounce = not own and is_bounce(letter, leaves, raw, mail.address)
    opened = [] if bounce else leaves  # what a bounce returns is ours: never an answer
    words = read_words(opened)
    files = attachments(opened, words.shown)
    robot = is_auto_reply(letter, leaves, sender, mail.address) or (not files and opens_like_a_robot(words.text))
    return Parsed(
        message_id=next(iter(message_ids(raw_value(letter, "Message-ID"))), None),
        from_address=sender,
        authentication=authentication(letter, sender, mail),
        subject=text_of(letter, "Subject")[:LONGEST_SUBJECT],
        in_reply_to=message_ids(raw_value(letter, "In-Reply-To")),
        references=message_ids(raw_value(letter, "References")),
        delivered_to=delivered_to(letter),
        is_bounce=bounce,
        is_auto_reply=not bounce and robot,
        is_own=own,
        bounced=bounced_recipients(letter, leaves, raw) if bounce and body else (),
        attachments=files,
        carries_letter=any(leaf.is_letter for leaf in opened),
        sealed=is_sealed(opened),
        links_file=words.links_file,
        whole=whole,
        text=words.text,
        content_key=_content_key(raw),
    )


def _content_key(raw: bytes) -> str:
    """The same for a letter that came twice by different routes: everything but what servers add on the way."""
    head, body = _head_and_body(raw)
    unfolded = re.sub(rb"\n[ \t]+", b" ", head).split(b"\n")
    kept = sorted(
        line.strip() for line in unfolded if not TRACE.match(line.partition(b":")[0].decode("latin-1").lower())
    )
    return sha256(b"\n".join(kept) + b"\n\n" + body.rstrip()).hexdigest()
