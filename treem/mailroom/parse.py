"""Takes an incoming letter apart without believing or executing any of it. Never raises.

Belongs here: from raw bytes to plain values. What a letter means for a request is in `match` and in `rounds`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.parser import BytesHeaderParser
from hashlib import sha256
from html.parser import HTMLParser

from treem.mailroom.authentication import Verdict, authentication
from treem.mailroom.bounce import BouncedRecipient, bounced_recipients, is_bounce
from treem.mailroom.headers import Part, bytes_to_text, clean, decoded, message_ids, raw_value, raw_values, text_of
from treem.mailroom.robots import is_auto_reply, is_own
from treem.mailroom.sender import plain_addresses, sole_sender
from treem.plan.settings import Mail

DEEPEST = 12
MOST_PARTS = 300
LONGEST_TEXT = 100_000
TRACE = re.compile(
    r"^(received|return-path|delivered-to|x-.*|envelope-to|authentication-results|arc-.*|dkim-.*|received-spf)$"
)
SPECIFIC = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Gm-Original-To", "To", "Cc")
FORMAT_CHARACTERS = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True)
class InAttachment:
    """A file of a letter, as named by its sender: never a path, never opened here."""

    name: str
    data: bytes


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
    text: str
    content_key: str


def parse(raw: bytes, mail: Mail) -> Parsed:
    """The letter in plain values; where the body cannot be taken apart, its headers alone."""
    try:
        return _parse(message_from_bytes(raw), raw, mail)
    except Exception:  # RecursionError of 300 nested parts, KeyError, AssertionError, UnicodeError: all seen in corpora
        return _parse(
            BytesHeaderParser().parsebytes(raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0]), raw, mail, body=False
        )


def _parse(letter: Part, raw: bytes, mail: Mail, body: bool = True) -> Parsed:
    sender = sole_sender(letter)
    own = is_own(letter, sender, mail.address)
    bounce = not own and is_bounce(letter)
    leaves = list(_leaves(letter)) if body and not bounce else []
    return Parsed(
        message_id=next(iter(message_ids(raw_value(letter, "Message-ID"))), None),
        from_address=sender,
        authentication=authentication(letter, sender, mail),
        subject=text_of(letter, "Subject")[:1000],
        in_reply_to=message_ids(raw_value(letter, "In-Reply-To")),
        references=message_ids(raw_value(letter, "References")),
        delivered_to=_delivered_to(letter),
        is_bounce=bounce,
        is_auto_reply=not bounce and is_auto_reply(letter, sender),
        is_own=own,
        bounced=bounced_recipients(letter, raw) if bounce and body else (),
        attachments=tuple(_attachments(leaves)),
        carries_letter=any(leaf.get_content_maintype() == "message" for leaf in leaves),
        text=_text(leaves),
        content_key=_content_key(raw),
    )


def _delivered_to(letter: Part) -> tuple[str, ...]:
    """Every address the letter was for, the most trustworthy header first."""
    found = (a for name in SPECIFIC for value in raw_values(letter, name) for a in plain_addresses(value))
    return tuple(dict.fromkeys(found))


def _leaves(letter: Part) -> Iterator[Part]:
    """The letter's own parts. A letter inside it (message/*) is one closed part: a bounce or forward is not opened."""
    waiting, count = [(letter, 0)], 0
    while waiting and count < MOST_PARTS:
        current, level = waiting.pop(0)
        payload = current.get_payload()
        if current.get_content_maintype() == "multipart" and isinstance(payload, list):
            if level < DEEPEST:
                inner = [(p, level + 1) for p in payload if isinstance(p, Message)]
                waiting = inner + waiting
            continue
        count += 1
        yield current


def _attachments(leaves: list[Part]) -> Iterator[InAttachment]:
    for leaf in leaves:
        if leaf.get_content_maintype() == "message" or not _is_file(leaf):
            continue
        data = leaf.get_payload(decode=True)
        if isinstance(data, bytes) and data:
            yield InAttachment(_file_name(leaf), data)


def _is_file(leaf: Part) -> bool:
    if _file_name(leaf) or leaf.get_content_disposition() == "attachment":
        return True
    return leaf.get_content_type() not in ("text/plain", "text/html")


def _file_name(leaf: Part) -> str:
    """The name without any path, in NFC, free of characters that hide or reverse text."""
    names = Message()  # the same two headers, with 8-bit bytes read as UTF-8 instead of dropped
    for header in ("Content-Disposition", "Content-Type"):
        names[header] = raw_value(leaf, header)
    visible = FORMAT_CHARACTERS.sub("", decoded(names.get_filename() or ""))
    return re.split(r"[/\\]", visible)[-1].strip()[:200]


def _text(leaves: list[Part]) -> str:
    """The first plain text, else the words of the first HTML."""
    for subtype in ("plain", "html"):
        for leaf in leaves:
            if leaf.get_content_type() == f"text/{subtype}" and not _is_file(leaf):
                words = _words(leaf)
                return clean(_without_tags(words) if subtype == "html" else words)
    return ""


def _words(leaf: Part) -> str:
    data = leaf.get_payload(decode=True)
    charset = leaf.get_param("charset")
    return (
        bytes_to_text(data, charset if isinstance(charset, str) else None)[:LONGEST_TEXT]
        if isinstance(data, bytes)
        else ""
    )


class _Words(HTMLParser):
    """Keeps the text of HTML, not its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def _without_tags(html: str) -> str:
    reader = _Words()
    reader.feed(html)
    return "\n".join(line.strip() for line in "".join(reader.words).splitlines() if line.strip())


def _content_key(raw: bytes) -> str:
    """The same for a letter that came twice by different routes: everything but what servers add on the way."""
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    unfolded = re.sub(rb"\n[ \t]+", b" ", head).split(b"\n")
    kept = sorted(
        line.strip() for line in unfolded if not TRACE.match(line.partition(b":")[0].decode("latin-1").lower())
    )
    return sha256(b"\n".join(kept) + b"\n\n" + body.rstrip()).hexdigest()
